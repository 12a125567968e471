"""Consistency checks of evaluations of plans."""

import math
from typing import Any

from models import results
from optimizer.model.instance import read_instance
from optimizer.model.states import count_states
from optimizer.solve import result_checks as checks
from optimizer.solve.figure_checks import (
    Discrepancies,
    check_equal,
    check_nondecreasing,
    mean_or_none,
)
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR
from optimizer.solve.quantity_checks import check_fresh_materials

WITH_AND_WITHOUT_PLAN = ("with_plan", "without_plan")


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
    yield from checks.check_sums(fresh, f"{location}fresh.", mean, mean_without_plan)
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
    fresh = result.fresh
    mean, mean_without_plan = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    level = result.cvar_level if result.states_of is None else None
    with_plan = checks.risk_measures_of(fresh.with_plan)
    without_plan = checks.risk_measures_of(fresh.without_plan)
    yield from checks.check_distribution(
        fresh.distribution, level, with_plan, without_plan, f"{location}fresh."
    )
    for name, expected in (("expected", mean), ("expected_without_plan", mean_without_plan)):
        total = math.fsum(getattr(year, name) for year in fresh.by_year.values())
        yield from check_equal(f"{location}fresh.by_year: {name}", total, expected)
    outcomes: list[tuple[str, Any]] = [
        ("fresh", fresh),
        *((f"under.{n}", item) for n, item in enumerate(result.under)),
    ]
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
            f"{location}{name}.", checks.RISK_FIELDS, checks.risk_measures_of(performance)
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
        yield from checks.check_gap(
            counterfactual, f"{location}counterfactual.", (checks.ANY_OBJECTIVE_FLOOR[0], max_floor)
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
    if result.states_of is not None:
        return
    if not fresh.sampled:
        yield from check_equal(f"{location}fresh.states", fresh.states, result.own_states)
        cvar = fresh.with_plan.cvar.value
        yield from check_equal(f"{location}own_cvar", result.own_cvar, cvar)
    if case.planned_review is None:
        yield from check_fresh_materials(fresh, read_instance(case), f"{location}fresh.")
    if not checks.has_plain_objective(case):
        return
    cost = result.net_cost_meur
    scale = abs(result.own_expected) + abs(cost)
    if case.planned_review is None:  # else costs depend on the states
        mean, cvar, _ = checks.risk_measures_of(fresh.with_plan)
        expected = checks.weighted_objective(case, mean, cvar, cost)
        yield from check_equal(
            f"{location}fresh.objective.value", fresh.objective.value, expected, scale
        )
    expected = checks.weighted_objective(case, result.own_expected, result.own_cvar, cost)
    yield from check_equal(f"{location}own_objective", result.own_objective, expected, scale)
    if (counterfactual := result.counterfactual) is not None and counterfactual.variant is None:
        expected = checks.weighted_objective(
            case, counterfactual.expected, counterfactual.cvar, counterfactual.net_cost_meur
        )
        item_location = f"{location}counterfactual.objective"
        yield from check_equal(item_location, counterfactual.objective, expected, scale)
    if (tail := result.tail) is not None:
        plans = tail.neutral, tail.averse
        neutral_objective, averse_objective = (
            checks.weighted_objective(case, x.expected, x.cvar, x.net_cost_meur, 0.0) for x in plans
        )
        scale = tail.averse.expected
        yield from check_equal(
            f"{location}tail.premium.low",
            tail.premium.low,
            max(0.0, averse_objective - neutral_objective),
            scale,
        )
