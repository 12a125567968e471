"""Verification of a proof by another solver: cuts and the plan's damage are computed again.

A cut is a linear lower bound on damage. It is valid if the least difference between the damage and
the cut, over all decisions together with all second stages, is not negative.

The program is compared with the one that the scenario and the cuts give. A solver then proves its
bound; the linear programs of the second stage confirm cuts and the damage of the plan.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.results import manifest as proofs
from models.results.manifest import SOLUTION_FILE
from optimizer.errors import CheckFailed, ScenarioError
from optimizer.model.commitment import decision_values
from optimizer.model.instance import Floats
from optimizer.model.program_files import render_mps
from optimizer.model.risk_measure import ModifiedChiSquareMean, RiskMeasure, TotalVariationMean
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.exported_program import scenario_data_of
from optimizer.solve.plan_document import unknown_ids
from optimizer.solve.proof.chain_damage import ChainDamage, ChainPrograms, FileSolver, ProgramFolder
from optimizer.solve.proof.proof_program import (
    FIXING_TOLERANCES,
    TOLERANCE,
    Check,
    CutPart,
    CutRecord,
    LimitReached,
    LoadedProof,
    Point,
    cut_name,
    fixed_at,
    local_name,
    violation,
    weights_by_leaf,
)

WEIGHT_TOLERANCE = 1e-9


def conditional_value_at_risk(probability: Floats, damage: Floats, level: float) -> float:
    """Return the least value of eta + Σ π max(0, damage - eta) / (1 - level) over all eta (S),
    which is taken at one of the damages (Rockafellar and Uryasev 2000)."""
    order = np.argsort(damage)
    d, p = damage[order], probability[order]
    weight_above = np.cumsum(p[::-1])[::-1] - p
    damage_above = np.cumsum((p * d)[::-1])[::-1] - p * d
    return float(np.min(d + (damage_above - weight_above * d) / (1 - level)))


def joint_value(risk: RiskMeasure, probability: Floats, damage: Floats) -> float:
    """Return the part of a risk measure that depends on the damage of all chains together: the
    CVaR, or the whole measure if the probabilities are ambiguous."""
    tail = conditional_value_at_risk(probability, damage, risk.cvar_level)
    if not risk.mean.is_ambiguous:
        return tail
    if isinstance(risk.mean, ModifiedChiSquareMean):
        mean = risk.mean.value(probability, damage)
    else:
        assert isinstance(risk.mean, TotalVariationMean)
        radius = min(risk.mean.radius, 1.0)
        mean = radius * float(damage[probability > 0].max())
        if radius < 1:
            mean += (1 - radius) * conditional_value_at_risk(probability, damage, radius)
    return (1 - risk.cvar_weight) * mean + risk.cvar_weight * tail


def are_weights_allowed(
    risk: RiskMeasure, probability: Floats, weights: Floats, tail_weights: Floats | None
) -> bool:
    """Return whether the mean with these weights of the states (S) is at most the value of
    :func:`joint_value` for every damage. ``tail_weights`` are those of the CVaR in an ambiguous
    measure with a CVaR."""
    if not risk.mean.is_ambiguous:
        return _is_within(weights, probability / (1 - risk.cvar_level))
    mean_weights = weights
    if risk.cvar_weight > 0:
        if tail_weights is None or not _is_within(
            tail_weights, probability / (1 - risk.cvar_level)
        ):
            return False
        rest = weights - risk.cvar_weight * tail_weights
        if risk.cvar_weight == 1:
            return bool(np.abs(rest).max() <= WEIGHT_TOLERANCE)
        mean_weights = rest / (1 - risk.cvar_weight)
    if not _is_within(mean_weights, np.where(probability > 0, np.inf, 0.0)):
        return False
    assert isinstance(risk.mean, TotalVariationMean)
    change, is_possible = mean_weights - probability, probability > 0
    if isinstance(risk.mean, ModifiedChiSquareMean):
        distance = float(np.sum(change[is_possible] ** 2 / probability[is_possible])) ** 0.5
    else:
        distance = float(np.maximum(change, 0.0).sum())
    return bool(distance <= risk.mean.radius + WEIGHT_TOLERANCE)


def _is_within(weights: Floats, most: Floats) -> bool:
    """Return whether weights are not negative, at most ``most``, and add up to 1."""
    return bool(
        (weights >= -WEIGHT_TOLERANCE).all()
        and (weights <= most * (1 + WEIGHT_TOLERANCE) + WEIGHT_TOLERANCE).all()
        and abs(float(weights.sum()) - 1) <= WEIGHT_TOLERANCE
    )


def joined(parts: Sequence[Floats]) -> Floats:
    """Return the arrays of several leaves as one."""
    return np.concatenate([np.zeros(0), *parts])


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


DIGIT_TOLERANCE = 1e-12  # relative difference of two figures that count as the same


def checks(
    folder: Path,
    loaded: LoadedProof,
    solver: FileSolver,
    cuts: int | None,
    time_limit: float | None,
    on_step: OnStep = lambda _done, _count, _name: None,
) -> Iterator[Check]:
    """Yield the checks of a proof, one after the other. ``cuts`` is the number of cuts that are
    recomputed, None for all. ``time_limit`` is that of each solve, in seconds."""
    started_at = time.perf_counter()
    for check in _untimed_checks(folder, loaded, solver, cuts, time_limit, on_step):
        seconds = time.perf_counter() - started_at
        yield replace(check, seconds=seconds)
        started_at = time.perf_counter()


def _untimed_checks(
    folder: Path,
    loaded: LoadedProof,
    solver: FileSolver,
    cuts: int | None,
    time_limit: float | None,
    on_step: OnStep,
) -> Iterator[Check]:
    proof = loaded.proof
    changed = [
        name
        for name, expected in proof.files.items()
        if hashlib.sha256(loaded.files.get(name, b"")).hexdigest() != expected
    ]
    yield Check(
        "files",
        not changed,
        "changed since they were written: {names}".format(names=", ".join(changed))
        if changed
        else f"the {len(proof.files)} files have the hashes that the proof states",
    )
    try:
        yield _check_statements(loaded)
        yield _check_program(loaded)
        yield _check_bound(folder, loaded, solver, time_limit)
        with tempfile.TemporaryDirectory(prefix="vorrat-") as temporary:
            yield from check_cuts_and_plan(
                loaded, solver, cuts, time_limit, Path(temporary), on_step
            )
    except LimitReached as error:
        yield Check("contents", None, str(error))
    except (CheckFailed, ScenarioError) as error:
        yield Check("contents", False, str(error))


def _check_statements(loaded: LoadedProof) -> Check:
    proof, plan = loaded.proof, loaded.plan
    certificate = plan.certificate
    problems = []
    try:
        scenario = json.loads(loaded.files[proofs.SCENARIO_FILE])
    except ValueError:
        scenario = None
    if scenario is None or scenario != plan.scenario:
        problems.append("the scenario is not that of the plan")
    case = loaded.problem.scenario or loaded.problem.instance.case
    if len({input_hash(case), proof.input_sha256, certificate.input_sha256}) > 1:
        problems.append("the hash of the scenario is not the one that is stated")
    for name in ("method", "objective", "bound", "gap", "gap_target", "states"):
        if getattr(proof, name) != getattr(certificate, name):
            problems.append(f"proof and plan state another {name}")
    if unknown := unknown_ids(loaded.problem.instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        message = f"the plan speaks of {names}, which its scenario does not have"
        raise CheckFailed(message)
    if sum(len(x.states) for x in loaded.problem.single_set_problems) != proof.states:
        problems.append("the scenario has another number of states")
    if proof.cuts != len(loaded.records):
        problems.append("the proof states another number of cuts")
    figures = (
        f"objective {proof.objective:.10g}, bound {proof.bound:.10g}, "
        f"{proof.states} states, {proof.cuts} cuts"
    )
    return Check("statements", not problems, "; ".join(problems) or figures)


def _check_program(loaded: LoadedProof) -> Check:
    """Compare the program file line by line with what the scenario and the cuts give.

    Rows of a function in Python are left out, since the files do not contain the function.
    """
    expected = render_mps(loaded.program_with_cuts).splitlines()
    found = loaded.files[proofs.PROGRAM_FILE].decode(errors="replace").splitlines()
    extra = loaded.plan.extra
    rows = [line for line in found if "extra_rule(" in line and len(line.split()) == 2]
    if extra is not None:
        found = [line for line in found if "extra_rule(" not in line]
    name = "program"
    for number, (line, other) in enumerate(zip(expected, found, strict=False), 1):
        if line != other and not _is_same_line(line, other):
            details = (
                f"line {number} is '{other.strip()}', but scenario and cuts give '{line.strip()}'"
            )
            return Check(name, False, details)
    if len(expected) != len(found):
        details = f"it has {len(found)} lines, but scenario and cuts give {len(expected)}"
        return Check(name, False, details)
    size = loaded.program_with_cuts.size
    details = (
        "{rows} rows, {columns} columns and {nonzeros} coefficients are those that scenario and "
        "cuts give"
    ).format(**{key: size[key] for key in ("rows", "columns", "nonzeros")})
    if extra is not None:
        details += "; " + f"{len(rows)} rows of the function '{extra.name}' are taken as they are"
    return Check(name, True, details)


def _is_same_line(line: str, other: str) -> bool:
    """Return whether two lines differ at most in the last digits of their figures, as they may on
    another machine."""
    words, other_words = line.split(), other.split()
    if len(words) != len(other_words) or not words or words[:-1] != other_words[:-1]:
        return False
    try:
        value, other_value = float(words[-1]), float(other_words[-1])
    except ValueError:
        return False
    return math.isclose(value, other_value, rel_tol=DIGIT_TOLERANCE)


def _check_bound(
    folder: Path, loaded: LoadedProof, solver: FileSolver, time_limit: float | None
) -> Check:
    proof, tolerance = loaded.proof, TOLERANCE * loaded.scale
    solution = solver.solve(folder / proofs.PROGRAM_FILE, proof.bound, time_limit)
    figures: dict[str, Any] = {
        "solver": solver.label,
        "proven": solution.bound,
        "bound": proof.bound,
        "ending": solution.ending,
    }
    name = "bound"
    if solution.bound >= proof.bound - tolerance:
        if solution.bound > proof.objective + tolerance:
            details = (
                "{solver} proves {proven:.10g}, more than the plan's objective {objective:.10g}: "
                "some cut is wrong"
            ).format(objective=proof.objective, **figures)
            return Check(name, False, details)
        return Check(
            name, True, "{solver} proves {proven:.10g}; stated: {bound:.10g}".format(**figures)
        )
    if solution.ending == "limit":
        details = "{solver} has proven {proven:.10g} at its limit; stated: {bound:.10g}".format(
            **figures
        )
        return Check(name, None, details)
    details = "{solver} proves {proven:.10g} ({ending}), less than the stated {bound:.10g}".format(
        **figures
    )
    return Check(name, False, details)
