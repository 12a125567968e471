"""Identities in results other than plans: frontiers, evaluations, splits and results over
assumption sets.

If a result contains its scenario, figures that follow from the scenario without a recourse
evaluation are compared as well.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any

from models import results
from models.files.reading import cases_by_assumption_set
from models.results import Plan
from models.scenario.case import Case
from optimizer.model.assumption_sets import AssumptionSets
from optimizer.model.instance import read_instance
from optimizer.model.states import count_states
from optimizer.solve.figure_checks import (
    Discrepancies,
    Discrepancy,
    check_between,
    check_equal,
    check_nondecreasing,
    mean_or_none,
)
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR, compute_objective_floor, relative_gap
from optimizer.solve.quantity_checks import check_fresh_materials

CVAR_WEIGHT_PATH = "objective.cvar.weight"  # field that a frontier over tail risk varies
RISK_FIELDS = ("expected", "cvar", "worst")
WITH_AND_WITHOUT_PLAN = ("with_plan", "without_plan")


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
    """Check objective, bound and gap of a result. Results without these fields are skipped."""
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


def _has_plain_objective(case: Case | None) -> bool:
    """Return whether the objective consists of mean, CVaR and net cost only, without assumption
    sets and ambiguity."""
    objective = None if case is None else case.objective
    return (
        objective is not None and objective.over_assumptions is None and objective.ambiguity is None
    )


def _weighted_objective(
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
        if _has_plain_objective(case) and not varies_objective:
            (mean, cvar, _), cost = risk_measures_of(point), point.net_cost_meur or 0.0
            expected = _weighted_objective(case, mean, cvar, cost, weight)
            yield from check_equal(
                f"{item_location}objective", point.objective, expected, abs(mean) + abs(cost)
            )
    values = [point.value for point in result.points]
    yield from check_nondecreasing(
        location, [f"points.{n}.value" for n in range(len(values))], values
    )
    by_value = {point.value: point for point in result.points}
    for number, step in enumerate(result.steps):
        item_location = f"{location}steps.{number}."
        low, high = by_value.get(step.from_value), by_value.get(step.to_value)
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
    assumption_sets = AssumptionSets(
        (), tuple(x.weight for x in result.sets), result.over, (0.0,) * len(reference_objectives)
    )
    scale, max_objective_floor = max(map(abs, values)), max_floor
    if result.over == "regret":
        assumption_sets = replace(assumption_sets, reference_objectives=tuple(reference_objectives))
        max_objective_floor = max(max_floor, *map(abs, reference_objectives))
    yield from check_gap(
        compromise, f"{location}compromise.", (ANY_OBJECTIVE_FLOOR[0], max_objective_floor)
    )
    expected = assumption_sets.combine_objectives(values)
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


def check_evaluation(result: results.Evaluation, location: str) -> Discrepancies:
    """Check each part of an evaluation against the figures that it is computed from."""
    fresh = result.fresh
    mean, mean_without_plan = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    yield from check_equal(
        f"{location}fresh.avoided.value",
        fresh.avoided.value,
        mean_without_plan - mean,
        mean_without_plan,
    )
    expected = mean - result.own_expected
    yield from check_equal(
        f"{location}fresh.optimism.value", fresh.optimism.value, expected, abs(mean)
    )
    yield from check_sums(fresh, f"{location}fresh.", mean, mean_without_plan)
    if result.gap is not None:
        gaps = [replication.gap for replication in result.gap.replications]
        scale = max(map(abs, gaps), default=0.0)
        yield from check_equal(
            f"{location}gap.mean.value", result.gap.mean.value, mean_or_none(gaps), scale
        )
        solver_gaps = [
            replication.found - replication.bound for replication in result.gap.replications
        ]
        bounds = [replication.bound for replication in result.gap.replications]
        scale = max(map(abs, bounds), default=0.0)
        yield from check_equal(
            f"{location}gap.solver_share", result.gap.solver_share, mean_or_none(solver_gaps), scale
        )
        yield from check_equal(
            f"{location}gap.lower_bound", result.gap.lower_bound.value, mean_or_none(bounds)
        )
    yield from _check_figures_of_same_states(result, location)
    yield from _check_figures_of_own_states(result, location)
    yield from _check_against_case(result, location)


def _check_figures_of_same_states(result: results.Evaluation, location: str) -> Discrepancies:
    """Check those figures of an evaluation that refer to one common set of states."""
    fresh, longer = result.fresh, result.longer
    mean, mean_without_plan = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    level = result.cvar_level if result.states_of is None else None
    with_plan = risk_measures_of(fresh.with_plan)
    without_plan = risk_measures_of(fresh.without_plan)
    yield from check_distribution(
        fresh.distribution, level, with_plan, without_plan, f"{location}fresh."
    )
    for name, expected in (("expected", mean), ("expected_without_plan", mean_without_plan)):
        total = math.fsum(getattr(year, name) for year in fresh.by_year.values())
        yield from check_equal(f"{location}fresh.by_year: {name}", total, expected)
    outcomes: list[tuple[str, Any]] = [
        ("fresh", fresh),
        *((f"under.{n}", item) for n, item in enumerate(result.under)),
    ]
    outcomes += [] if longer is None else [("longer", longer)]
    for name, item in outcomes:
        expected = item.without_plan.expected.value - item.with_plan.expected.value
        scale = item.without_plan.expected.value
        yield from check_equal(
            f"{location}{name}.avoided.value", item.avoided.value, expected, scale
        )
    performances = [
        (f"{name}.{attribute}", getattr(x, attribute))
        for name, x in outcomes
        for attribute in WITH_AND_WITHOUT_PLAN
    ]
    performances += [
        (f"rules.{n}.performance", item.performance) for n, item in enumerate(result.rules)
    ]
    for name, performance in performances:
        yield from check_nondecreasing(
            f"{location}{name}.", RISK_FIELDS, risk_measures_of(performance)
        )
    foresight = {item.id: item.expected for item in fresh.materials}
    for number, rule in enumerate(result.rules):
        rule_location, value = f"{location}rules.{number}.", rule.performance.expected.value
        yield from check_equal(
            f"{rule_location}above_foresight", rule.above_foresight.value, value - mean, value
        )
        total = math.fsum(item.expected for item in rule.materials)
        yield from check_equal(f"{rule_location}materials: expected", total, value)
        for item in rule.materials:
            stated, name = item.expected_with_foresight, f"{rule_location}materials.{item.id}"
            yield from check_equal(
                f"{name}.expected_with_foresight", stated, foresight.get(item.id)
            )
    if longer is not None:
        within = longer.net_cost_within_meur
        yield from check_equal(
            f"{location}longer.net_cost_within_meur", within, result.net_cost_meur
        )
        if not fresh.sampled:
            scale, stated = mean_without_plan, longer.avoided_within
            yield from check_equal(
                f"{location}longer.avoided_within", stated, mean_without_plan - mean, scale
            )


def _check_figures_of_own_states(result: results.Evaluation, location: str) -> Discrepancies:
    """Check those figures of an evaluation that refer to the states for which the plan was made."""
    if (information := result.information) is not None:
        section = f"{location}information."
        recourse_problem = information.recourse_problem
        wait_and_see = information.wait_and_see
        scale = max(
            map(
                abs,
                (
                    recourse_problem.low,
                    recourse_problem.high,
                    wait_and_see.low,
                    wait_and_see.high,
                    information.mean_plan,
                ),
            )
        )
        high = recourse_problem.high - wait_and_see.low
        for name, stated, expected in (
            ("of_states", information.of_states, result.own_states),
            (
                "recourse_problem.high",
                recourse_problem.high,
                min(result.own_objective, information.mean_plan),
            ),
            (
                "evpi.low",
                information.evpi.low,
                min(high, max(0.0, recourse_problem.low - wait_and_see.high)),
            ),
            ("evpi.high", information.evpi.high, high),
            ("vss.low", information.vss.low, information.mean_plan - recourse_problem.high),
            ("vss.high", information.vss.high, information.mean_plan - recourse_problem.low),
        ):
            yield from check_equal(f"{section}{name}", stated, expected, scale)
        names = ("distinct", "states", "of_states")
        yield from check_nondecreasing(
            section, names, [getattr(information, name) for name in names]
        )
        if information.wait_and_see_error is None:
            yield from check_equal(f"{section}states", information.states, information.of_states)
    if (tail := result.tail) is not None:
        section, neutral = f"{location}tail.", tail.neutral
        yield from check_equal(f"{section}level", tail.level, result.cvar_level)
        yield from check_equal(f"{section}neutral.weight", neutral.weight, 0.0)
        expected = neutral.cvar - tail.averse.cvar
        yield from check_equal(f"{section}bought", tail.bought, expected, abs(neutral.cvar))
    if (counterfactual := result.counterfactual) is not None:
        # The damage without a plan is known for other states only.
        max_floor = 1000 * RELATIVE_OBJECTIVE_FLOOR * max(1.0, result.fresh.without_plan.worst)
        yield from check_gap(
            counterfactual, f"{location}counterfactual.", (ANY_OBJECTIVE_FLOOR[0], max_floor)
        )


def _check_against_case(result: results.Evaluation, location: str) -> Discrepancies:
    """Check an evaluation against the scenario of its plan."""
    case, fresh = result.case, result.fresh
    if case is None:
        return
    for outcome in result.under:
        weight = float(case.assumptions[outcome.id].weight)
        yield from check_equal(f"{location}under.{outcome.id}.weight", outcome.weight, weight)
    if case.objective.over_assumptions is not None:
        return
    yield from check_equal(f"{location}own_states", result.own_states, count_states(case))
    if (longer := result.longer) is not None:
        last_year = case.horizon.years[-1] + longer.years
        yield from check_equal(f"{location}longer.last_year", longer.last_year, last_year)
    if result.states_of is not None:
        return
    if not fresh.sampled:
        yield from check_equal(f"{location}fresh.states", fresh.states, result.own_states)
        cvar = fresh.with_plan.cvar.value
        yield from check_equal(f"{location}own_cvar", result.own_cvar, cvar)
    if case.planned_review is None:
        yield from check_fresh_materials(fresh, read_instance(case), f"{location}fresh.")
    if not _has_plain_objective(case):
        return
    cost = result.net_cost_meur
    scale = abs(result.own_expected) + abs(cost)
    if case.planned_review is None:  # else costs depend on the states
        mean, cvar, _ = risk_measures_of(fresh.with_plan)
        expected = _weighted_objective(case, mean, cvar, cost)
        yield from check_equal(
            f"{location}fresh.objective.value", fresh.objective.value, expected, scale
        )
    expected = _weighted_objective(case, result.own_expected, result.own_cvar, cost)
    yield from check_equal(f"{location}own_objective", result.own_objective, expected, scale)
    if (counterfactual := result.counterfactual) is not None and counterfactual.variant is None:
        expected = _weighted_objective(
            case, counterfactual.expected, counterfactual.cvar, counterfactual.net_cost_meur
        )
        item_location = f"{location}counterfactual.objective"
        yield from check_equal(item_location, counterfactual.objective, expected, scale)
    if (tail := result.tail) is not None:
        plans = tail.neutral, tail.averse
        neutral_objective, averse_objective = (
            _weighted_objective(case, x.expected, x.cvar, x.net_cost_meur, 0.0) for x in plans
        )
        scale = tail.averse.expected
        yield from check_equal(
            f"{location}tail.premium.low",
            tail.premium.low,
            max(0.0, averse_objective - neutral_objective),
            scale,
        )
