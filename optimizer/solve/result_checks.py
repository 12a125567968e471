"""Identities in results: sums, gaps and distributions of any result, and those of frontiers, splits
and results over assumption sets.

If a result contains its scenario, figures that follow from the scenario without a recourse
evaluation are compared as well.
"""

import math
from collections.abc import Collection
from itertools import pairwise
from typing import Any

from models import results
from models.files.reading import cases_by_assumption_set
from models.results import Plan
from models.scenario.case import Case
from optimizer.model.risk_measure import read_set_measure
from optimizer.model.states import count_states
from optimizer.solve.figure_checks import (
    Discrepancies,
    Discrepancy,
    check_between,
    check_equal,
    check_nondecreasing,
)
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR, compute_objective_floor, relative_gap

CVAR_WEIGHT_PATH = "objective.cvar.weight"  # field that a frontier over tail risk varies
RISK_FIELDS = ("expected", "cvar", "worst")


def check_sums(
    result: Plan | results.FreshOutcome, location: str, mean: float, mean_without_plan: float
) -> Discrepancies:
    """Check that the damages of materials and of consumers each add up to the mean damage, with and
    without the plan."""
    for name, items in (("materials", result.materials), ("consumers", result.consumers)):
        for field, expected in (("expected", mean), ("expected_without_plan", mean_without_plan)):
            total = math.fsum(getattr(item, field) for item in items)
            yield from check_equal(f"{location}{name}: {field}", total, expected)


def check_exchanged_projects(
    stated: results.FrontierStep | results.Alternative,
    location: str,
    projects_before: Collection[str],
    projects_after: Collection[str],
) -> Discrepancies:
    """Check the projects that are stated to enter and to leave from one plan to the next."""
    yield from check_equal(
        f"{location}entering",
        sorted(stated.entering),
        sorted(set(projects_after) - set(projects_before)),
    )
    yield from check_equal(
        f"{location}leaving",
        sorted(stated.leaving),
        sorted(set(projects_before) - set(projects_after)),
    )


ObjectiveFloorRange = tuple[float, float]  # lowest and highest denominator floor
ANY_OBJECTIVE_FLOOR: ObjectiveFloorRange = (
    RELATIVE_OBJECTIVE_FLOOR * RELATIVE_OBJECTIVE_FLOOR,
    math.inf,
)


def objective_floor_range(
    without_plan: results.WithoutPlan, cvar_weight: float | None
) -> ObjectiveFloorRange:
    """Return the range in which the objective floor can lie, given the damage without a plan.

    The range is a single value if ``cvar_weight`` is known.
    """
    if cvar_weight is None:
        return ANY_OBJECTIVE_FLOOR[0], RELATIVE_OBJECTIVE_FLOOR * max(1.0, without_plan.cvar)
    mean = without_plan.expected if without_plan.worst_mean is None else without_plan.worst_mean
    objective_floor = compute_objective_floor(
        (1 - cvar_weight) * mean + cvar_weight * without_plan.cvar
    )
    return objective_floor, objective_floor


def check_gap(
    result: Any, location: str, floor_range: ObjectiveFloorRange = ANY_OBJECTIVE_FLOOR
) -> Discrepancies:
    """Check objective, bound and gap of a result. A result whose objective is None is skipped."""
    if result.objective is None:
        return
    yield from check_nondecreasing(
        location, ("bound", "objective"), (result.bound, result.objective)
    )
    low, high = (
        relative_gap(result.objective, result.bound, size) for size in reversed(floor_range)
    )
    if None in (result.gap, low, high) or not low <= result.gap <= high:
        yield from check_equal(f"{location}gap", result.gap, high)


RiskMeasures = tuple[float, float, float]  # mean, CVaR and worst state


def check_distribution(
    result: results.Distribution | None,
    cvar_level: float | None,
    with_plan: RiskMeasures,
    without_plan: RiskMeasures,
    location: str,
) -> Discrepancies:
    """Check that the quantiles of damage agree with its mean, CVaR and worst state, with and
    without the plan.

    ``cvar_level`` is None if it is unknown.
    """
    if result is None:
        return
    location = f"{location}distribution."
    yield from check_equal(f"{location}with_plan", result.with_plan[-1], with_plan[2])
    yield from check_equal(f"{location}without_plan", result.without_plan[-1], without_plan[2])
    means = [("with_plan", 0.0, with_plan[0], 0.0), ("without_plan", 0.0, without_plan[0], 0.0)]
    means += [("avoided", 0.0, without_plan[0] - with_plan[0], without_plan[0])]
    if cvar_level is not None and cvar_level < 1:
        means += [
            ("with_plan", cvar_level, with_plan[1], 0.0),
            ("without_plan", cvar_level, without_plan[1], 0.0),
        ]
    for name, start_level, mean, scale in means:
        # A mean lies between the step function's lower and upper sums.
        steps = getattr(result, name)
        widths = [max(0.0, high - max(low, start_level)) for low, high in pairwise(result.levels)]
        lower, upper = (
            math.fsum(width * q for width, q in zip(widths, ends, strict=True)) / (1 - start_level)
            for ends in (steps[:-1], steps[1:])
        )
        yield from check_between(f"{location}{name}", mean, lower, upper, scale)


def risk_measures_of(result: Any) -> RiskMeasures:
    """Return the mean damage, the CVaR and the damage in the worst state of a result. Of estimates
    the point values are returned."""
    mean, cvar, worst = (getattr(result, name) for name in ("expected", "cvar", "worst"))
    return getattr(mean, "value", mean), getattr(cvar, "value", cvar), worst


def has_plain_objective(case: Case | None) -> bool:
    """Return whether the objective consists of mean, CVaR and net cost only, without assumption
    sets and ambiguity."""
    objective = None if case is None else case.objective
    return (
        objective is not None and objective.over_assumptions is None and objective.ambiguity is None
    )


def weighted_objective(
    case: Case, mean: float, cvar: float, cost: float, cvar_weight: float | None = None
) -> float:
    """Return the objective for a given mean, CVaR and net cost, with the CVaR weight of the
    scenario unless ``cvar_weight`` is given."""
    weight = float(case.objective.cvar.weight) if cvar_weight is None else cvar_weight
    return (1 - weight) * mean + weight * cvar + float(case.objective.cost_weight) * cost


def check_frontier(result: results.Frontier, location: str) -> Discrepancies:
    """Check the points of a frontier against their plans, and its steps against the points."""
    case = result.case
    case_weight = None if case is None else float(case.objective.cvar.weight)
    criterion = None if case is None else case.objective.over_assumptions
    if case is not None and criterion is None:
        yield from check_equal(f"{location}states", result.states, count_states(case))
    for number, point in enumerate(result.points):
        item_location = f"{location}points.{number}."
        weight = point.value if result.varied == CVAR_WEIGHT_PATH else case_weight
        # Over assumption sets the damage without a plan is not a single figure.
        without_plan = None if criterion is not None else result.without_plan
        floor_range = (
            ANY_OBJECTIVE_FLOOR
            if without_plan is None
            else objective_floor_range(without_plan, weight)
        )
        yield from check_gap(point, item_location, floor_range)
        if case is None or point.objective is None:
            continue
        spent = point.spend_meur.items()
        public = math.fsum(x for f, x in spent if case.funders[f].kind == "public")
        yield from check_equal(f"{item_location}public_meur", point.public_meur, public)
        varies_objective = (
            result.varied.startswith("objective.") and result.varied != CVAR_WEIGHT_PATH
        )
        if has_plain_objective(case) and not varies_objective:
            (mean, cvar, _), cost = risk_measures_of(point), point.net_cost_meur or 0.0
            expected = weighted_objective(case, mean, cvar, cost, weight)
            yield from check_equal(
                f"{item_location}objective", point.objective, expected, abs(mean) + abs(cost)
            )
    values = [point.value for point in result.points]
    yield from check_nondecreasing(
        location, [f"points.{n}.value" for n in range(len(values))], values
    )
    point_by_value = {point.value: point for point in result.points}
    for number, step in enumerate(result.steps):
        item_location = f"{location}steps.{number}."
        low, high = point_by_value.get(step.from_value), point_by_value.get(step.to_value)
        if low is None or high is None or low.expected is None or high.expected is None:
            yield Discrepancy(f"{item_location}from_value", step.from_value, None)
            continue
        avoided = low.expected - high.expected
        yield from check_equal(f"{item_location}avoided", step.avoided, avoided, low.expected)
        yield from check_exchanged_projects(step, item_location, low.projects, high.projects)
        later_starts = high.projects
        moved_starts = {
            p: (y, later_starts[p]) for p, y in low.projects.items() if later_starts.get(p, y) != y
        }
        yield from check_equal(f"{item_location}moved", step.moved, moved_starts)
        for h, moved in step.stocks_t.items():
            stock_before, expected = low.stocks_t.get(h, 0.0), high.stocks_t.get(h, 0.0)
            yield from check_equal(
                f"{item_location}stocks_t.{h}", moved, expected - stock_before, stock_before
            )
        if (marginal := step.marginal) is not None and step.to_value > step.from_value:
            ends = low.expected, low.expected_bound, high.expected, high.expected_bound
            damage_low, bound_low, damage_high, bound_high = ends
            width = step.to_value - step.from_value
            gain_by_name = {"plans": damage_low - damage_high}
            gain_by_name["low"] = 0.0 if bound_low is None else bound_low - damage_high
            if bound_high is not None:
                gain_by_name["high"] = damage_low - bound_high
            for name, value in gain_by_name.items():
                expected = max(0.0, value) / width
                yield from check_equal(
                    f"{item_location}marginal.{name}",
                    getattr(marginal, name),
                    expected,
                    damage_low / width,
                )


def check_assumption_dependence(result: results.Disagreement, location: str) -> Discrepancies:
    """Check the plans of several assumption sets, and that all regrets under a set refer to the
    same reference optimum."""
    yield from check_equal(
        f"{location}states", result.states, sum(item.states for item in result.sets)
    )
    if result.case is not None:
        state_counts = {
            id: count_states(set_data)
            for id, set_data in cases_by_assumption_set(result.case).items()
        }
        weights = {id: float(set_data.weight) for id, set_data in result.case.assumptions.items()}
        yield from check_equal(
            f"{location}sets: states", {x.id: x.states for x in result.sets}, state_counts
        )
        yield from check_equal(
            f"{location}sets: weight", {x.id: x.weight for x in result.sets}, weights
        )
    max_floor = RELATIVE_OBJECTIVE_FLOOR * max(1.0, *(x.without_plan.worst for x in result.sets))
    for number, plan in enumerate(result.plans):
        plan_location, own_outcome = f"{location}plans.{number}.", plan.under.get(plan.of or "")
        yield from check_gap(plan, plan_location, (ANY_OBJECTIVE_FLOOR[0], max_floor))
        if own_outcome is not None:
            scale = abs(own_outcome.expected)
            yield from check_equal(
                f"{plan_location}objective", plan.objective, own_outcome.objective, scale
            )
    for item in result.sets:
        outcomes = [plan.under[item.id] for plan in result.all_plans if item.id in plan.under]
        for outcome in outcomes[1:]:
            expected = outcome.objective - (outcomes[0].objective - outcomes[0].regret)
            yield from check_equal(
                f"{location}under.{item.id}.regret",
                outcome.regret,
                expected,
                abs(outcome.objective),
            )
    compromise = result.compromise
    if compromise is None or any(item.id not in compromise.under for item in result.sets):
        return
    set_outcomes = [compromise.under[item.id] for item in result.sets]
    values = [x.objective for x in set_outcomes]
    reference_objectives = [x.objective - x.regret for x in set_outcomes]
    measure = read_set_measure(result.over, [x.weight for x in result.sets])
    scale, max_objective_floor = max(map(abs, values)), max_floor
    if result.over == "regret":
        measure = measure.with_references(reference_objectives)
        max_objective_floor = max(max_floor, *map(abs, reference_objectives))
    yield from check_gap(
        compromise, f"{location}compromise.", (ANY_OBJECTIVE_FLOOR[0], max_objective_floor)
    )
    expected = measure.value(values)
    yield from check_equal(f"{location}compromise.objective", compromise.objective, expected, scale)
    for number, deciding in enumerate(result.deciding):
        own_outcome = next(
            (x.under.get(deciding.of) for x in result.plans if x.of == deciding.of), None
        )
        if own_outcome is not None and deciding.of in compromise.under:
            expected = compromise.under[deciding.of].objective - own_outcome.objective
            yield from check_equal(
                f"{location}deciding.{number}.gain",
                deciding.gain,
                expected,
                abs(own_outcome.objective),
            )


def check_split(result: results.Split, location: str) -> Discrepancies:
    """Check that the gains of the members add up to the joint gain, and that each payment is the
    sum of its parts."""
    for rule in result.rules:
        rule_location, members = f"{location}rules.{rule.rule}", rule.members.values()
        scale = math.fsum(abs(member.outlay_meur) for member in members)
        total = math.fsum(member.gain.value for member in members)
        yield from check_equal(f"{rule_location}: gain", total, result.worth.value, scale)
        for player, member in rule.members.items():
            expected = member.outlay_meur + member.transfer_meur
            yield from check_equal(
                f"{rule_location}.members.{player}.pays_meur", member.pays_meur, expected, scale
            )
