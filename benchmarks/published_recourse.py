"""Optimum, work and time of the decomposition for published two-stage stochastic programs.

    python benchmarks/published_recourse.py FOLDER_OR_STO... [--sample 200] [--whole]

Each argument is a .sto file, or a folder of such files, with .cor and .tim files next to them.
Problems are in the test sets POSTS, of Felt, and of Linderoth, Shapiro and Wright, which are not
part of this repository. Master problem and search of this project find the optimum
(``tests/support/two_stage.py``); each sweep solves the second stage of every scenario by a
template. The last columns have the time of HiGHS for the same programs, called for each of them,
extrapolated from some scenarios of each point. ``--whole`` also solves the extensive form. One
thread each.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import highspy
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from smps import OutOfScope, read  # noqa: E402
from two_stage import SecondStage, TwoStage, decompose, extensive_form, template_of  # noqa: E402

from optimizer.errors import SolverError  # noqa: E402
from optimizer.model import highs  # noqa: E402
from optimizer.model.highs import build_highs_lp  # noqa: E402
from optimizer.model.instance import Floats  # noqa: E402

COLUMNS = (
    "problem", "rows, columns of stage 2", "scenarios", "published", "optimum", "gap", "sweeps",
    "programs", "seconds", "in programs", "called cold", "ratio", "in one program", "seconds",
)  # fmt: skip
PUBLISHED = {
    "lands": "381.853333",  # Felt's collection
    "airl-first": "249101.672072",
    "airl-second": "269665.498390",
    "pgp2": "447.32",  # Higle and Sen 1996
    "gbd": "1655.628",  # Linderoth, Shapiro and Wright 2006
    "stormg2-8": "15535235.7",  # test problems of the University of Florida, as the next ones
    "stormg2-27": "15508982.3",
    "stormg2-125": "15512091.2",
    "stormg2-1000": "15802590.2",
}
"""Published optima, for instances of which all scenarios are used."""


def cold(problem: TwoStage, evaluated: SecondStage, each: int) -> float:
    """Return the seconds that HiGHS with default options and without a basis takes for the
    programs of all scenarios at all points, extrapolated from ``each`` programs at each point."""
    second, count = problem.second, len(problem.probability)
    lp = build_highs_lp(second.matrix, second.cost, second.lower, second.upper)
    solver, seconds, solved = highspy.Highs(), 0.0, 0
    solver.setOptionValue("output_flag", False)
    for n, x in enumerate(evaluated.points):
        technology_terms = problem.technology @ x
        for s in (np.arange(min(each, count)) * max(1, count // each) + n) % count:
            shift = -technology_terms
            shift[problem.random] += problem.sides[s]
            began = time.perf_counter()
            lp.row_lower_, lp.row_upper_ = second.row_lower + shift, second.row_upper + shift
            solver.passModel(lp)
            solver.run()
            seconds += time.perf_counter() - began
            solved += 1
            if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                sys.exit(f"HiGHS found no optimum: {solver.getModelStatus().name}")
    return seconds * len(evaluated.points) * count / solved


def recompute_objective(problem: TwoStage, x: Floats) -> float:
    """Return the objective at a first-stage point, recomputed without bases."""
    template, count = template_of(problem), len(problem.probability)
    parameters = np.zeros((count, template.parameter_count))
    parameters[:, template.parameter_positions["side", 0]] = problem.sides
    parameters[:, template.parameter_positions["x", 0]] = x
    solved = template.solve(parameters, np.ones((count, 1), dtype=bool), [None] * count)
    return float(problem.first.cost @ x + problem.probability @ solved.damage)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help=".sto files, or folders of them")
    parser.add_argument("--sample", type=int, default=200, help="scenarios if there are more")
    parser.add_argument("--most", type=int, default=2000, help="largest number that is not sampled")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--cold", type=int, default=5, help="scenarios solved cold at each point")
    parser.add_argument("--whole", action="store_true", help="also solve the extensive form")
    args = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|---|{'---:|' * (len(COLUMNS) - 1)}")
    for path in args.paths:
        for file in [path] if path.is_file() else sorted(path.glob("*.sto")):
            try:
                problem, scenario_choice = read(file, args.most, args.sample, args.seed)
            except OutOfScope as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            began = time.perf_counter()
            try:
                run, evaluated = decompose(problem, args.gap)
            except SolverError as error:  # without relatively complete recourse
                print(f"left out: {file}: {error}", file=sys.stderr)
                continue
            seconds, count = time.perf_counter() - began, len(problem.probability)
            assert run.best_solution is not None
            best_point = run.master.recourse_points(run.best_solution)[0].buy[:, 0]
            recomputed = recompute_objective(problem, best_point)
            if abs(recomputed - run.best_objective) > 1e-7 * max(1.0, abs(recomputed)):
                sys.exit(f"{file}: {run.best_objective} from bases, {recomputed} without")
            cold_seconds = cold(problem, evaluated, args.cold)
            program_seconds = run.cut_oracle.seconds
            rows, columns = problem.second.matrix.shape
            gap = max(0.0, run.best_objective - run.lower_bound)
            gap /= run.gap_denominator(run.best_objective)
            cells = [
                file.stem, f"{rows}, {columns}", f"{count} ({scenario_choice})",
                "" if scenario_choice.startswith("of") else PUBLISHED.get(file.stem.lower(), ""),
                f"{run.best_objective:.3f}", f"{gap:.0e}",
                f"{len(evaluated.points)}", f"{len(evaluated.points) * count:,}", f"{seconds:.1f}",
                f"{program_seconds:.1f}", f"{cold_seconds:.1f}",
                f"{cold_seconds / program_seconds:.1f}",
            ]  # fmt: skip
            if args.whole:
                whole = highs.solve(extensive_form(problem), threads=1)
                cells += [f"{whole.objective:.3f}", f"{whole.seconds:.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
