"""One sweep of a chain: its programs of recourse against HiGHS called again for each look.

    python benchmarks/recourse_programs.py [--states 1000] [--seed 2026] [--chains 0 8 9]

Of the yardstick with chains, by place: 0 has four forms in a row, 8 and 9 have plants with several
inputs. A sweep prices the looks at a commitment that does nothing, which no basis is known of, then
at one that starts and buys everything, then at one that does a tenth less, each from the bases of
the last one. Where the chain has a compiled pass of its own, that is timed at the same commitments.
HiGHS, with its own defaults, gets the whole program of some looks of each sweep, computed up to all
of them. Ratios are times of HiGHS by times of the sweep. One thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import highspy
import numpy as np
from decomposition import busy, scenario

from optimizer.model.commitment import Commitment
from optimizer.model.highs import build_highs_lp
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.program_evaluation import DualCache, ProgramEvaluation
from optimizer.solve.recourse.program_template import build_chain_template

COLUMNS = (
    "chain", "forms", "largest recipe", "looks", "sweep", "HiGHS s", "programs s", "ratio",
    "compiled s", "ratio",
)  # fmt: skip


def priced(one: Any) -> float:
    """Seconds that all parts of a pass take, with what they prove."""
    began = time.perf_counter()
    if isinstance(one, ProgramEvaluation):
        one.look_up_cache()
    for part in one.tasks():
        part()
    _ = one.subgradients
    return time.perf_counter() - began


def cold(template: Any, given: Any, damage: Any, each: int) -> float:
    """Seconds for the whole programs of all looks, of which ``each`` are solved: without a basis,
    and held against the damage found."""
    program = template.program
    moved = given @ template._parameter_matrix
    lower, upper = program.row_lower - moved, program.row_upper - moved
    lp = build_highs_lp(program.matrix, program.cost, program.lower, program.upper)
    solver, seconds = highspy.Highs(), 0.0
    solver.setOptionValue("output_flag", False)
    chosen = np.unique(np.linspace(0, len(given) - 1, min(each, len(given))).astype(int))
    for u in chosen:
        began = time.perf_counter()
        lp.row_lower_, lp.row_upper_ = lower[u], upper[u]
        solver.passModel(lp)
        solver.run()
        found = solver.getInfo().objective_function_value
        seconds += time.perf_counter() - began
        if abs(found - damage[u]) > 1e-6 * max(1.0, abs(found)):
            sys.exit(f"look {u}: {damage[u]} in the sweep, {found} by HiGHS")
    return seconds * len(given) / len(chosen)


def measure(recourse: RecourseEvaluator, place: int, each: int) -> None:
    """Three sweeps of the chain at a place, a row each."""
    instance = recourse.instance
    chain = instance.chains[place]
    apart: dict[int, Any] = {v: own for own in recourse.material_classes for v in own.nodes}
    looks = next((x for x in recourse.chain_classes if chain in x.chains), apart[chain.id])
    template, known = build_chain_template(instance, chain), DualCache(looks.class_count)
    template.uses_compiled_solver = True
    given: list[Any] = []
    solve = template.solve

    def watched(at: Any, *rest: Any) -> Any:
        given.append(at)
        return solve(at, *rest)

    template.solve = watched  # type: ignore[method-assign]
    chance = looks.sum_by_class(recourse.probability[None])
    for name, commitment in (
        ("first", Commitment()),
        ("far from the last", busy(instance)),
        ("near the last", busy(instance, 0.9)),
    ):
        point = recourse.columns.to_point(commitment)
        given.clear()
        parts = (template, known, chain, recourse.node_data, looks, point, chance)
        one = ProgramEvaluation(
            *parts, with_subgradients=True, with_shortages=False, approximate=False
        )
        seconds = priced(one)
        of_highs = cold(template, np.concatenate(given), one.damage[(chance > 0).any(axis=0)], each)
        cells = [f"{of_highs:.2f}", f"{seconds:.2f}", f"{of_highs / seconds:.1f}"]
        other = recourse._build_evaluation(chain, looks, point, chance, True)
        if isinstance(other, ProgramEvaluation):
            cells += ["none", ""]
        else:
            priced(recourse._build_evaluation(chain, looks, point, chance, True))  # compiled by now
            compiled = priced(other)
            cells += [f"{compiled:.3f}", f"{of_highs / compiled:.0f}"]
            if not np.allclose(other.damage, one.damage, rtol=1e-6, atol=1e-6):
                sys.exit(f"chain {place}: compiled and programs do not agree")
        recipe = max(len(plant.inputs) for plant in chain.plants)
        head = [f"{place}", f"{len(chain.nodes)}", f"{recipe}", f"{len(np.concatenate(given)):,}"]
        print(f"| {' | '.join([*head, name, *cells])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--chains", type=int, nargs="*", default=[0, 8, 9], help="by place")
    parser.add_argument(
        "--each", type=int, default=100, help="looks of a sweep HiGHS is called for"
    )
    args = parser.parse_args()
    instance = read_instance(scenario({"chains": 8, "states": args.states, "seed": args.seed}))
    recourse = RecourseEvaluator(instance, read_states(instance), threads=1)
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|---{'|---:' * 3}|---{'|---:' * (len(COLUMNS) - 5)}|")
    for place in args.chains:
        measure(recourse, place, args.each)


if __name__ == "__main__":
    main()
