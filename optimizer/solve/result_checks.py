"""Identities of results other than plans: frontiers, evaluations, what experts disagree on.

Where a result carries its scenario, what follows from that without a sweep is compared as well.
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

CVAR_WEIGHT_PATH = "objective.cvar.weight"  # what a frontier varies over tail risk
RISK_FIELDS = ("expected", "cvar", "worst")
WITH_AND_WITHOUT_PLAN = ("with_plan", "without_plan")


def check_sums(
    result: Plan | results.FreshOutcome, location: str, mean: float, mean_without_plan: float
) -> Discrepancies:
    """What materials and consumers add up to, with the plan and without any."""
    for name, items in (("materials", result.materials), ("consumers", result.consumers)):
        for field, due in (("expected", mean), ("expected_without_plan", mean_without_plan)):
            total = math.fsum(getattr(item, field) for item in items)
            yield from check_equal(f"{location}{name}: {field}", total, due)


def check_exchanged_projects(
    stated: results.FrontierStep | results.Alternative,
    location: str,
    projects_before: Collection[str],
    projects_after: Collection[str],
) -> Discrepancies:
    """Which projects come and go from here to there."""
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


ObjectiveFloorRange = tuple[float, float]  # between which an objective counts as at least in a gap
ANY_OBJECTIVE_FLOOR: ObjectiveFloorRange = (
    RELATIVE_OBJECTIVE_FLOOR * RELATIVE_OBJECTIVE_FLOOR,
    math.inf,
)


def objective_floor_range(
    without_plan: results.WithoutPlan, cvar_weight: float | None
) -> ObjectiveFloorRange:
    """That of what comes without a plan, by the weight of the worst states; None where unknown."""
    if cvar_weight is None:
        return ANY_OBJECTIVE_FLOOR[0], RELATIVE_OBJECTIVE_FLOOR * max(1.0, without_plan.cvar)
    mean = without_plan.expected if without_plan.worst_mean is None else without_plan.worst_mean
    known = compute_objective_floor((1 - cvar_weight) * mean + cvar_weight * without_plan.cvar)
    return known, known


def check_gap(
    result: Any, location: str, floor_range: ObjectiveFloorRange = ANY_OBJECTIVE_FLOOR
) -> Discrepancies:
    """Objective, bound and gap, wherever they stand together."""
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
    """Whether quantiles agree with mean, CVaR and worst state, with a plan and without any;
    ``level`` is that of the CVaR, None where it is not known."""
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
    for name, since, mean, scale in means:
        # A mean lies between what it is if each step counts at its lower and at its upper end.
        steps = getattr(result, name)
        widths = [max(0.0, high - max(low, since)) for low, high in pairwise(result.levels)]
        least, most = (
            math.fsum(width * q for width, q in zip(widths, ends, strict=True)) / (1 - since)
            for ends in (steps[:-1], steps[1:])
        )
        yield from check_between(f"{location}{name}", mean, least, most, scale)


def risk_measures_of(result: Any) -> RiskMeasures:
    """Mean, CVaR and worst state; of estimates their values."""
    mean, cvar, worst = (getattr(result, name) for name in ("expected", "cvar", "worst"))
    return getattr(mean, "value", mean), getattr(cvar, "value", cvar), worst


def _has_plain_objective(case: Case | None) -> bool:
    """Whether an objective is made of mean, CVaR and net cost alone."""
    asked = None if case is None else case.objective
    return asked is not None and asked.over_assumptions is None and asked.ambiguity is None


def _weighted_objective(
    case: Case, mean: float, cvar: float, cost: float, cvar_weight: float | None = None
) -> float:
    """The objective of mean, CVaR and net cost, by the scenario's weight of the CVaR or another."""
    tail = float(case.objective.cvar.weight) if cvar_weight is None else cvar_weight
    return (1 - tail) * mean + tail * cvar + float(case.objective.cost_weight) * cost


def check_frontier(result: results.Frontier, location: str) -> Discrepancies:
    """Compare points with their plans, and steps with their points."""
    case = result.case
    own = None if case is None else float(case.objective.cvar.weight)
    over = None if case is None else case.objective.over_assumptions
    if case is not None and over is None:
        yield from check_equal(f"{location}states", result.states, count_states(case))
    for number, point in enumerate(result.points):
        here, weight = (
            f"{location}points.{number}.",
            point.value if result.varied == CVAR_WEIGHT_PATH else own,
        )
        bare = None if over is not None else result.without_plan  # which differs under each set
        least = ANY_OBJECTIVE_FLOOR if bare is None else objective_floor_range(bare, weight)
        yield from check_gap(point, here, least)
        if case is None or point.objective is None:
            continue
        spent = point.spend_meur.items()
        public = math.fsum(x for f, x in spent if case.funders[f].kind == "public")
        yield from check_equal(f"{here}public_meur", point.public_meur, public)
        varied = result.varied.startswith("objective.") and result.varied != CVAR_WEIGHT_PATH
        if _has_plain_objective(case) and not varied:
            (mean, cvar, _), cost = risk_measures_of(point), point.net_cost_meur or 0.0
            due = _weighted_objective(case, mean, cvar, cost, weight)
            yield from check_equal(f"{here}objective", point.objective, due, abs(mean) + abs(cost))
    values = [point.value for point in result.points]
    yield from check_nondecreasing(
        location, [f"points.{n}.value" for n in range(len(values))], values
    )
    by_value = {point.value: point for point in result.points}
    for number, step in enumerate(result.steps):
        here = f"{location}steps.{number}."
        low, high = by_value.get(step.from_value), by_value.get(step.to_value)
        if low is None or high is None or low.expected is None or high.expected is None:
            yield Discrepancy(f"{here}from_value", step.from_value, None)
            continue
        avoided = low.expected - high.expected
        yield from check_equal(f"{here}avoided", step.avoided, avoided, low.expected)
        yield from check_exchanged_projects(step, here, low.projects, high.projects)
        then = high.projects
        later = {p: (y, then[p]) for p, y in low.projects.items() if then.get(p, y) != y}
        yield from check_equal(f"{here}moved", step.moved, later)
        for h, moved in step.stocks_t.items():
            held, due = low.stocks_t.get(h, 0.0), high.stocks_t.get(h, 0.0)
            yield from check_equal(f"{here}stocks_t.{h}", moved, due - held, held)
        if (per := step.marginal) is not None and step.to_value > step.from_value:
            ends = low.expected, low.expected_bound, high.expected, high.expected_bound
            had, least_low, has, least_high = ends
            width, by_name = step.to_value - step.from_value, {"plans": had - has}
            by_name["low"] = 0.0 if least_low is None else least_low - has
            if least_high is not None:
                by_name["high"] = had - least_high
            for name, value in by_name.items():
                due = max(0.0, value) / width
                yield from check_equal(
                    f"{here}marginal.{name}", getattr(per, name), due, had / width
                )


def check_assumption_dependence(result: results.Disagreement, location: str) -> Discrepancies:
    """Plans under sets: under each all regrets are taken from one best plan."""
    yield from check_equal(
        f"{location}states", result.states, sum(one.states for one in result.sets)
    )
    if result.case is not None:
        drawn = {id: count_states(own) for id, own in cases_by_assumption_set(result.case).items()}
        weights = {id: float(own.weight) for id, own in result.case.assumptions.items()}
        yield from check_equal(
            f"{location}sets: states", {x.id: x.states for x in result.sets}, drawn
        )
        yield from check_equal(
            f"{location}sets: weight", {x.id: x.weight for x in result.sets}, weights
        )
    worst = RELATIVE_OBJECTIVE_FLOOR * max(1.0, *(x.without_plan.worst for x in result.sets))
    for number, plan in enumerate(result.plans):
        here, own = f"{location}plans.{number}.", plan.under.get(plan.of or "")
        yield from check_gap(plan, here, (ANY_OBJECTIVE_FLOOR[0], worst))
        if own is not None:
            scale = abs(own.expected)
            yield from check_equal(f"{here}objective", plan.objective, own.objective, scale)
    for one in result.sets:
        outcomes = [plan.under[one.id] for plan in result.all_plans if one.id in plan.under]
        for own in outcomes[1:]:
            due = own.objective - (outcomes[0].objective - outcomes[0].regret)
            yield from check_equal(
                f"{location}under.{one.id}.regret", own.regret, due, abs(own.objective)
            )
    for_all = result.compromise
    if for_all is None or any(one.id not in for_all.under for one in result.sets):
        return
    under = [for_all.under[one.id] for one in result.sets]
    values, best = [x.objective for x in under], [x.objective - x.regret for x in under]
    together = AssumptionSets(
        (), tuple(x.weight for x in result.sets), result.over, (0.0,) * len(best)
    )
    scale, least = max(map(abs, values)), worst
    if result.over == "regret":
        together, least = (
            replace(together, reference_objectives=tuple(best)),
            max(worst, *map(abs, best)),
        )
    yield from check_gap(for_all, f"{location}compromise.", (ANY_OBJECTIVE_FLOOR[0], least))
    due = together.combine_objectives(values)
    yield from check_equal(f"{location}compromise.objective", for_all.objective, due, scale)
    for number, what in enumerate(result.deciding):
        own = next((x.under.get(what.of) for x in result.plans if x.of == what.of), None)
        if own is not None and what.of in for_all.under:
            due = for_all.under[what.of].objective - own.objective
            yield from check_equal(
                f"{location}deciding.{number}.gain", what.gain, due, abs(own.objective)
            )


def check_split(result: results.Split, location: str) -> Discrepancies:
    """Check that gains of members add up to the joint gain, and payments to their parts."""
    for rule in result.rules:
        here, members = f"{location}rules.{rule.rule}", rule.members.values()
        scale = math.fsum(abs(one.outlay_meur) for one in members)
        total = math.fsum(one.gain.value for one in members)
        yield from check_equal(f"{here}: gain", total, result.worth.value, scale)
        for player, one in rule.members.items():
            due = one.outlay_meur + one.transfer_meur
            yield from check_equal(f"{here}.members.{player}.pays_meur", one.pays_meur, due, scale)


def check_evaluation(result: results.Evaluation, location: str) -> Discrepancies:
    """Compare what each part of an evaluation is made of."""
    fresh = result.fresh
    mean, without = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    yield from check_equal(
        f"{location}fresh.avoided.value", fresh.avoided.value, without - mean, without
    )
    due = mean - result.own_expected
    yield from check_equal(f"{location}fresh.optimism.value", fresh.optimism.value, due, abs(mean))
    yield from check_sums(fresh, f"{location}fresh.", mean, without)
    if result.gap is not None:
        gaps = [one.gap for one in result.gap.replications]
        scale = max(map(abs, gaps), default=0.0)
        yield from check_equal(
            f"{location}gap.mean.value", result.gap.mean.value, mean_or_none(gaps), scale
        )
        left = [one.found - one.bound for one in result.gap.replications]
        bounds = [one.bound for one in result.gap.replications]
        scale = max(map(abs, bounds), default=0.0)
        yield from check_equal(
            f"{location}gap.solver_share", result.gap.solver_share, mean_or_none(left), scale
        )
        yield from check_equal(
            f"{location}gap.lower_bound", result.gap.lower_bound.value, mean_or_none(bounds)
        )
    yield from _check_figures_of_same_states(result, location)
    yield from _check_figures_of_own_states(result, location)
    yield from _check_against_case(result, location)


def _check_figures_of_same_states(result: results.Evaluation, location: str) -> Discrepancies:
    """What is made of figures of the same states."""
    fresh, longer = result.fresh, result.longer
    mean, without = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    level = result.cvar_level if result.states_of is None else None
    held, bare = risk_measures_of(fresh.with_plan), risk_measures_of(fresh.without_plan)
    yield from check_distribution(fresh.distribution, level, held, bare, f"{location}fresh.")
    for name, due in (("expected", mean), ("expected_without_plan", without)):
        total = math.fsum(getattr(year, name) for year in fresh.by_year.values())
        yield from check_equal(f"{location}fresh.by_year: {name}", total, due)
    looked: list[tuple[str, Any]] = [
        ("fresh", fresh),
        *((f"under.{n}", one) for n, one in enumerate(result.under)),
    ]
    looked += [] if longer is None else [("longer", longer)]
    for name, one in looked:
        due = one.without_plan.expected.value - one.with_plan.expected.value
        scale = one.without_plan.expected.value
        yield from check_equal(f"{location}{name}.avoided.value", one.avoided.value, due, scale)
    seen = [(f"{name}.{of}", getattr(x, of)) for name, x in looked for of in WITH_AND_WITHOUT_PLAN]
    seen += [(f"rules.{n}.performance", one.performance) for n, one in enumerate(result.rules)]
    for name, performance in seen:
        yield from check_nondecreasing(
            f"{location}{name}.", RISK_FIELDS, risk_measures_of(performance)
        )
    foresight = {one.id: one.expected for one in fresh.materials}
    for number, rule in enumerate(result.rules):
        here, value = f"{location}rules.{number}.", rule.performance.expected.value
        yield from check_equal(
            f"{here}above_foresight", rule.above_foresight.value, value - mean, value
        )
        total = math.fsum(one.expected for one in rule.materials)
        yield from check_equal(f"{here}materials: expected", total, value)
        for one in rule.materials:
            said, name = one.expected_with_foresight, f"{here}materials.{one.id}"
            yield from check_equal(f"{name}.expected_with_foresight", said, foresight.get(one.id))
    if longer is not None:
        within = longer.net_cost_within_meur
        yield from check_equal(
            f"{location}longer.net_cost_within_meur", within, result.net_cost_meur
        )
        if not fresh.sampled:
            scale, said = without, longer.avoided_within
            yield from check_equal(f"{location}longer.avoided_within", said, without - mean, scale)


def _check_figures_of_own_states(result: results.Evaluation, location: str) -> Discrepancies:
    """What is made of figures of the plan's own states."""
    if (known := result.information) is not None:
        here, best, see = f"{location}information.", known.recourse_problem, known.wait_and_see
        scale = max(map(abs, (best.low, best.high, see.low, see.high, known.mean_plan)))
        high = best.high - see.low
        for name, said, due in (
            ("of_states", known.of_states, result.own_states),
            ("recourse_problem.high", best.high, min(result.own_objective, known.mean_plan)),
            ("evpi.low", known.evpi.low, min(high, max(0.0, best.low - see.high))),
            ("evpi.high", known.evpi.high, high),
            ("vss.low", known.vss.low, known.mean_plan - best.high),
            ("vss.high", known.vss.high, known.mean_plan - best.low),
        ):
            yield from check_equal(f"{here}{name}", said, due, scale)
        names = ("distinct", "states", "of_states")
        yield from check_nondecreasing(here, names, [getattr(known, name) for name in names])
        if known.wait_and_see_error is None:
            yield from check_equal(f"{here}states", known.states, known.of_states)
    if (tail := result.tail) is not None:
        here, least = f"{location}tail.", tail.neutral
        yield from check_equal(f"{here}level", tail.level, result.cvar_level)
        yield from check_equal(f"{here}neutral.weight", least.weight, 0.0)
        due = least.cvar - tail.averse.cvar
        yield from check_equal(f"{here}bought", tail.bought, due, abs(least.cvar))
    if (other := result.counterfactual) is not None:
        # Of the plan's own states it is not known what comes without any plan, but of others.
        most = 1000 * RELATIVE_OBJECTIVE_FLOOR * max(1.0, result.fresh.without_plan.worst)
        yield from check_gap(other, f"{location}counterfactual.", (ANY_OBJECTIVE_FLOOR[0], most))


def _check_against_case(result: results.Evaluation, location: str) -> Discrepancies:
    """What the scenario of the plan makes of the rest."""
    case, fresh = result.case, result.fresh
    if case is None:
        return
    for one in result.under:
        weight = float(case.assumptions[one.id].weight)
        yield from check_equal(f"{location}under.{one.id}.weight", one.weight, weight)
    if case.objective.over_assumptions is not None:
        return
    yield from check_equal(f"{location}own_states", result.own_states, count_states(case))
    if (longer := result.longer) is not None:
        last = case.horizon.years[-1] + longer.years
        yield from check_equal(f"{location}longer.last_year", longer.last_year, last)
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
        due = _weighted_objective(case, mean, cvar, cost)
        yield from check_equal(
            f"{location}fresh.objective.value", fresh.objective.value, due, scale
        )
    due = _weighted_objective(case, result.own_expected, result.own_cvar, cost)
    yield from check_equal(f"{location}own_objective", result.own_objective, due, scale)
    if (other := result.counterfactual) is not None and other.variant is None:
        due = _weighted_objective(case, other.expected, other.cvar, other.net_cost_meur)
        here = f"{location}counterfactual.objective"
        yield from check_equal(here, other.objective, due, scale)
    if (tail := result.tail) is not None:
        plans = tail.neutral, tail.averse
        least, mean = (
            _weighted_objective(case, x.expected, x.cvar, x.net_cost_meur, 0.0) for x in plans
        )
        scale = tail.averse.expected
        yield from check_equal(
            f"{location}tail.premium.low", tail.premium.low, max(0.0, mean - least), scale
        )
