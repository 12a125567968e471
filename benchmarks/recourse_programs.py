"""Recourse evaluation of a chain by its subproblem template, compared with a HiGHS call for each
subproblem.

    python benchmarks/recourse_programs.py [--states 1000] [--seed 2026] [--chains 0 8 9]

Chains are those of the yardstick with chains, by index: 0 has four forms in a row, 8 and 9 have
plants with several inputs. Their state classes are evaluated for an empty commitment, without known
bases; for one that starts and buys everything; and for one with a tenth less; each from the bases
of the previous one. If the chain has a compiled evaluation, it is timed for the same commitments.
HiGHS with its default options solves the whole program of some classes of each evaluation, and its
time is extrapolated to all of them. Ratios are times of HiGHS by times of the evaluation. One
thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import highspy
import numpy as np
from decomposition import large_commitment, scenario

from optimizer.model.commitment import Commitment
from optimizer.model.highs import build_highs_lp
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.program_evaluation import DualCache, ProgramEvaluation
from optimizer.solve.recourse.program_template import build_chain_template

COLUMNS = (
    "chain", "forms", "largest recipe", "classes", "sweep", "HiGHS s", "programs s", "ratio",
    "compiled s", "ratio",
)  # fmt: skip


def run_evaluation(evaluation: Any) -> float:
    """Run all tasks of an evaluation, with subgradients, and return the seconds."""
    began = time.perf_counter()
    if isinstance(evaluation, ProgramEvaluation):
        evaluation.look_up_cache()
    for task in evaluation.tasks():
        task()
    _ = evaluation.subgradients
    return time.perf_counter() - began


def cold(template: Any, parameters: Any, damage: Any, each: int) -> float:
    """Return the seconds that HiGHS takes for the programs of all classes without a basis,
    extrapolated from ``each`` of them. Their optima are compared with ``damage``."""
    program = template.program
    shift = parameters @ template._parameter_matrix
    lower, upper = program.row_lower - shift, program.row_upper - shift
    lp = build_highs_lp(program.matrix, program.cost, program.lower, program.upper)
    solver, seconds = highspy.Highs(), 0.0
    solver.setOptionValue("output_flag", False)
    count = len(parameters)
    chosen = np.unique(np.linspace(0, count - 1, min(each, count)).astype(int))
    for u in chosen:
        began = time.perf_counter()
        lp.row_lower_, lp.row_upper_ = lower[u], upper[u]
        solver.passModel(lp)
        solver.run()
        optimum = solver.getInfo().objective_function_value
        seconds += time.perf_counter() - began
        if abs(optimum - damage[u]) > 1e-6 * max(1.0, abs(optimum)):
            sys.exit(f"class {u}: damage {damage[u]} in the evaluation, {optimum} by HiGHS")
    return seconds * count / len(chosen)


def measure(recourse: RecourseEvaluator, index: int, each: int) -> None:
    """Evaluate the chain with this index for three commitments, and print a row for each."""
    instance = recourse.instance
    chain = instance.chains[index]
    by_node: dict[int, Any] = {v: x for x in recourse.material_classes for v in x.nodes}
    classes = next((x for x in recourse.chain_classes if chain in x.chains), by_node[chain.id])
    template, cache = build_chain_template(instance, chain), DualCache(classes.class_count)
    template.uses_compiled_solver = True
    parameters: list[Any] = []
    solve = template.solve

    def recording_solve(solved_parameters: Any, *rest: Any) -> Any:
        parameters.append(solved_parameters)
        return solve(solved_parameters, *rest)

    template.solve = recording_solve  # type: ignore[method-assign]
    probability = classes.sum_by_class(recourse.probability[None])
    for name, commitment in (
        ("first", Commitment()),
        ("far from the last", large_commitment(instance)),
        ("near the last", large_commitment(instance, 0.9)),
    ):
        point = recourse.columns.to_point(commitment)
        parameters.clear()
        inputs = (template, cache, chain, recourse.node_data, classes, point, probability)
        evaluation = ProgramEvaluation(
            *inputs, with_subgradients=True, with_shortages=False, approximate=False
        )
        seconds = run_evaluation(evaluation)
        all_parameters = np.concatenate(parameters)
        damage = evaluation.damage[(probability > 0).any(axis=0)]
        highs_seconds = cold(template, all_parameters, damage, each)
        cells = [f"{highs_seconds:.2f}", f"{seconds:.2f}", f"{highs_seconds / seconds:.1f}"]
        compiled, warm_up = (
            recourse._build_evaluation(chain, classes, point, probability, True) for _ in range(2)
        )
        if isinstance(compiled, ProgramEvaluation):
            cells += ["none", ""]
        else:
            run_evaluation(warm_up)
            compiled_seconds = run_evaluation(compiled)
            cells += [f"{compiled_seconds:.3f}", f"{highs_seconds / compiled_seconds:.0f}"]
            if not np.allclose(compiled.damage, evaluation.damage, rtol=1e-6, atol=1e-6):
                sys.exit(f"chain {index}: compiled and programs do not agree")
        recipe = max(len(plant.inputs) for plant in chain.plants)
        head = [f"{index}", f"{len(chain.nodes)}", f"{recipe}", f"{len(all_parameters):,}"]
        print(f"| {' | '.join([*head, name, *cells])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--chains", type=int, nargs="*", default=[0, 8, 9], help="by index")
    parser.add_argument("--each", type=int, default=100, help="classes that HiGHS solves")
    args = parser.parse_args()
    instance = read_instance(scenario({"chains": 8, "states": args.states, "seed": args.seed}))
    recourse = RecourseEvaluator(instance, read_states(instance), threads=1)
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|---{'|---:' * 3}|---{'|---:' * (len(COLUMNS) - 5)}|")
    for index in args.chains:
        measure(recourse, index, args.each)


if __name__ == "__main__":
    main()
