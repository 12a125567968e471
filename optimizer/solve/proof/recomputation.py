"""Recomputation of cuts, and of the damage of the plan, by the linear programs of the second
stage.

A cut is a linear lower bound on damage. It is valid if the least difference between the damage and
the cut, over all decisions together with all second stages, is not negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.results.proof import SOLUTION_FILE
from optimizer.errors import CheckFailed
from optimizer.model.commitment import decision_values
from optimizer.model.instance import Floats
from optimizer.model.program_files import render_mps
from optimizer.model.risk_measure import RiskMeasure
from optimizer.solve.exported_program import scenario_data_of
from optimizer.solve.proof.chain_damage import ChainDamage, ProgramFolder
from optimizer.solve.proof.chain_program import ChainPrograms
from optimizer.solve.proof.cut_records import (
    CutPart,
    CutRecord,
    Point,
    cut_name,
    local_name,
    weights_by_leaf,
)
from optimizer.solve.proof.loaded_proof import TOLERANCE, Check, LoadedProof
from optimizer.solve.proof.measures import are_weights_allowed, joined, joint_value
from optimizer.solve.proof.proof_program import FIXING_TOLERANCES, fixed_at, violation
from optimizer.solve.proof.solvers import FileSolver

SMALL_CUT_SHARE = 1e-3  # of the objective: the least right side to which tolerances are relative
MAX_VIOLATION = 1e-5  # of the plan in the program, relative to the terms of the row
OnStep = Callable[[int, int, str], None]
"""Function that is called with the number of completed chains, that of all chains, and the name of
the next step."""


@dataclass(eq=False)
class _CutFigures:
    """What the linear programs found of the cuts that were recomputed."""

    least_slack: dict[int, float] = field(default_factory=dict)  # sum over the parts of each cut
    damage_at_point: dict[int, float] = field(default_factory=dict)
    value_at_point: dict[int, float] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    is_complete: bool = True


def check_cuts_and_plan(
    loaded: LoadedProof,
    solver: FileSolver,
    cuts: int | None,
    time_limit: float | None,
    folder: Path,
    on_step: OnStep,
) -> Iterator[Check]:
    """Yield the checks of cuts and of the plan."""
    programs_folder = ProgramFolder(folder, time_limit)
    records = loaded.records
    selected = _selected(len(records), cuts)
    figures = _CutFigures()
    values = loaded.solution.copy()
    damages: list[Floats] = []
    if loaded.proof.method == "decomposition":
        weights_check = _check_weights(loaded)
        yield weights_check
        selected = selected if weights_check.holds else []
        chain_count, chains_done = sum(len(x.instance.chains) for x in loaded.tree.leaves), 0
        for n, leaf in enumerate(loaded.tree.leaves):
            states = loaded.states[n]
            programs = ChainPrograms(leaf.instance, scenario_data_of(leaf, states))
            probability = np.array([state.probability for state in states])
            damage = np.zeros(len(states))
            plan_point = _plan_point(loaded, n)
            for chain in leaf.instance.chains:
                label = ", ".join(leaf.instance.nodes[v].label for v in chain.nodes)
                on_step(chains_done, chain_count, label)
                chain_damage = ChainDamage(n, chain, programs, solver, programs_folder)
                for number in selected:
                    weights = weights_by_leaf(records[number], {n: probability})
                    for part in records[number].parts:
                        if (part.leaf, part.chain) == (n, chain.id):
                            on_step(chains_done, chain_count, f"{label}, {cut_name(number)}")
                            _recompute_part(
                                number, records[number], part, chain_damage, weights[n],
                                figures, loaded.scale,
                            )  # fmt: skip
                chains_done += 1
                of_chain = chain_damage.damage_at(plan_point)
                damage += of_chain
                key = (n, local_name("cost_to_go", chain.id))
                if key in loaded.program.position:
                    values[loaded.program.position[key]] = float(probability @ of_chain)
            damages.append(damage)
        yield _judge_cuts(loaded, selected, figures)
    yield _check_solution(loaded)
    if loaded.proof.method == "decomposition":
        objective = _objective_of(loaded, values, damages)
    else:
        objective = _extensive_objective(loaded, solver, programs_folder)
    difference = abs(objective - loaded.proof.objective)
    details = (
        f"{solver.label} computes {objective:.10g} for the plan by "
        "the linear programs of all states; "
        f"stated: {loaded.proof.objective:.10g}"
    )
    yield Check("objective", difference <= TOLERANCE * loaded.scale, details)


def _selected(count: int, wanted: int | None) -> list[int]:
    """Return the numbers of the cuts that are recomputed: evenly spaced from the first to the last
    one."""
    if wanted is None or wanted >= count:
        return list(range(count))
    return sorted({round(x) for x in np.linspace(0, count - 1, wanted)}) if wanted else []


def _recompute_part(
    number: int,
    record: CutRecord,
    part: CutPart,
    chain: ChainDamage,
    weights: Floats,
    figures: _CutFigures,
    scale: float,
) -> None:
    """Recompute the part of a cut that refers to a chain: the damage at its own point, and then its
    least distance from the damage, which is attained there if the cut is valid."""
    row = cut_name(number)
    if not part.coefficients.keys() <= chain.decisions.keys():
        raise CheckFailed(f"cut {row} has a coefficient that no damage depends on")
    point = dict(record.points).get(part.leaf)
    if point is not None:
        damage = float(weights @ chain.damage_at(point))
        value = part.right_side - math.fsum(
            entry * point.get(name, 0.0) for name, entry in part.coefficients.items()
        )
        figures.damage_at_point[number] = figures.damage_at_point.get(number, 0.0) + damage
        figures.value_at_point[number] = figures.value_at_point.get(number, 0.0) + value
    tolerance = TOLERANCE * max(abs(part.right_side), SMALL_CUT_SHARE * scale)
    minimum = chain.minimize(weights, part.coefficients, point or {}, part.right_side - tolerance)
    if minimum.ending == "limit":
        figures.is_complete = False
        return
    slack = minimum.value - part.right_side
    figures.least_slack[number] = figures.least_slack.get(number, 0.0) + slack
    if not slack >= -tolerance:
        figures.refusals.append(f"cut {row} exceeds the damage by {-slack:.3g}")


def _extensive_objective(loaded: LoadedProof, solver: FileSolver, run: ProgramFolder) -> float:
    """Return the objective of the plan in the extensive form, with its decisions fixed."""
    decisions = loaded.program.decisions(loaded.commitment)
    path = run.folder / "plan.mps"
    for tolerance in FIXING_TOLERANCES:
        fixed = fixed_at(loaded.program_with_cuts, decisions, tolerance)
        path.write_text(render_mps(fixed), encoding="utf-8")
        solution = solver.solve(path, math.inf, run.time_limit)
        if math.isfinite(solution.objective):
            return solution.objective
    return math.inf


def _plan_point(loaded: LoadedProof, leaf: int) -> Point:
    """Return the decisions of the plan in a leaf, and the projects that come without support."""
    instance = loaded.tree.leaves[leaf].instance
    plan = loaded.commitment.on_branch(loaded.tree.leaves[leaf].branch)
    values = {local_name(*key): x for key, x in decision_values(instance, plan).items()}
    return values | {
        local_name("unaided", p): 1.0 for p in instance.unaided_projects if p not in plan.start
    }


def _check_weights(loaded: LoadedProof) -> Check:
    """Check for all cuts that they bound the right column, count no chain twice, and have weights
    of the states that the risk measure allows."""
    wrong = [
        cut_name(number)
        for number, record in enumerate(loaded.records)
        if not _has_allowed_weights(loaded, record)
    ]
    count = sum(bool(record.weights) for record in loaded.records)
    details = (
        "not allowed by the risk measure: {names}".format(names=", ".join(wrong[:5]))
        if wrong
        else f"those of {count} cuts on the tail are allowed by the risk measure"
    )
    return Check("weights of states", not wrong, details)


def _has_allowed_weights(loaded: LoadedProof, record: CutRecord) -> bool:
    parts = [(part.leaf, part.chain) for part in record.parts]
    if not record.column[1].startswith("tail_cost"):
        columns = [(leaf, local_name("cost_to_go", chain)) for leaf, chain in parts]
        return not record.weights and columns == [record.column]
    tree = loaded.tree
    set_index = tree.leaves[record.column[0]].set_index
    leaves = [n for n, leaf in enumerate(tree.leaves) if leaf.set_index == set_index]
    weights, tail = dict(record.weights), dict(record.tail_weights)
    sizes = {n: len(loaded.states[n]) for n in leaves}
    if {n: len(q) for n, q in weights.items()} != sizes or len(set(parts)) < len(parts):
        return False
    if not {leaf for leaf, _ in parts} <= set(leaves):
        return False
    probability = [
        tree.leaves[n].probability * np.array([state.probability for state in loaded.states[n]])
        for n in leaves
    ]
    has_tail = {n: len(q) for n, q in tail.items()} == sizes
    return are_weights_allowed(
        RiskMeasure.from_case(tree.leaves[leaves[0]].instance.case),
        joined(probability),
        joined([np.array(weights[n]) for n in leaves]),
        joined([np.array(tail[n]) for n in leaves]) if has_tail else None,
    )


def _judge_cuts(loaded: LoadedProof, selected: Sequence[int], figures: _CutFigures) -> Check:
    refusals = list(figures.refusals)
    tight = 0
    for number in selected:
        record = loaded.records[number]
        if number not in figures.damage_at_point or not record.is_tight:
            continue
        damage, value = figures.damage_at_point[number], figures.value_at_point[number]
        right_side = sum(abs(part.right_side) for part in record.parts)
        tolerance = TOLERANCE * max(right_side, SMALL_CUT_SHARE * loaded.scale)
        tight += 1
        if abs(damage - value) > tolerance:
            refusals.append(
                f"cut {cut_name(number)} is {value:.10g} at its point, "
                f"where the damage is {damage:.10g}"
            )
    least = min(figures.least_slack.values(), default=0.0)
    details = (
        f"{len(selected)} of {len(loaded.records)} cuts recomputed: least "
        f"damage minus cut {least:.3g}; {tight} equal the "
        "damage at their point"
    )
    if refusals:
        details = "; ".join(refusals[:5])
    holds = False if refusals else (True if figures.is_complete else None)
    return Check("cuts", holds, details)


def _check_solution(loaded: LoadedProof) -> Check:
    name, x = "solution", loaded.solution
    program = loaded.program_with_cuts
    amount, place = violation(program, x)
    if amount > MAX_VIOLATION:
        details = f"it violates {place} by {amount:.3g}"
        return Check(name, False, details)
    for c, value in loaded.program.decisions(loaded.commitment).items():
        if abs(x[c] - value) > TOLERANCE * (1 + abs(value)):
            details = (
                f"{program.column_names[c]} is {float(x[c]):.10g}, but {value:.10g} in the plan"
            )
            return Check(name, False, details)
    line = loaded.files[SOLUTION_FILE].decode().splitlines()[0].split()
    stated = float(line[1]) if len(line) == 2 and line[0] == "=obj=" else math.nan
    objective = float(program.cost @ x) + program.offset
    for figure in (stated, objective):
        if not abs(figure - loaded.proof.objective) <= TOLERANCE * loaded.scale:
            details = f"its objective is {figure:.10g}"
            return Check(name, False, details)
    details = (
        f"feasible, with a largest violation of {max(amount, 0.0):.2g}; objective {objective:.10g}"
    )
    return Check(name, True, details)


def _objective_of(loaded: LoadedProof, values: Floats, damages: Sequence[Floats]) -> float:
    """Return the objective in the program of a solution in which the columns that cuts bound are
    replaced by recomputed damage."""
    tree, program, position = loaded.tree, loaded.program.program, loaded.program.position
    for set_index, instance in enumerate(tree.instances):
        leaves = [n for n, x in enumerate(tree.leaves) if x.set_index == set_index]
        probability = [
            tree.leaves[n].probability * np.array([s.probability for s in loaded.states[n]])
            for n in leaves
        ]
        risk = RiskMeasure.from_case(instance.case)
        tail = joint_value(risk, joined(probability), joined([damages[n] for n in leaves]))
        for n in leaves:
            if (c := position.get((n, local_name("tail_cost", "all")))) is not None:
                values[c] = tail
    names: Any = list(program.column_names)
    if "most[all]" in names:
        most = names.index("most[all]")
        values[most] = 0.0
        activity = program.matrix @ values
        values[most] = max(
            float(program.row_lower[r] - activity[r])
            if math.isfinite(program.row_lower[r])
            else float(activity[r] - program.row_upper[r])  # the row was turned around
            for r, name in enumerate(program.row_names)
            if str(name).startswith("most_of[")
        )
    return float(program.cost @ values) + program.offset
