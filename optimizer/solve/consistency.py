"""Consistency of a result: its figures agree with one another and with the scenario in it.

For a plan, everything that follows from its commitment is computed again: accounts, budgets,
stocks, net cost, and those outcomes of the states that need no recourse evaluation. Figures that
come from a recourse evaluation must add up, in tonnes as well as in money (``quantity_checks.py``).
Other results must satisfy the identities that define their fields. No solver is used.
"""

import math
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from models import results
from models.results import Plan, Result
from models.results.base import MeasuredResult
from optimizer.model.commitment import Commitment, net_cost, weighted_cost, weighted_damage
from optimizer.model.decision_tree import DecisionTree, mark_over_assumptions, read_assumption_sets
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import with_branches
from optimizer.model.states import count_states, read_states
from optimizer.solve import plan_document
from optimizer.solve.checked_solution import MIN_REPRESENTATIVE_STATES, input_hash
from optimizer.solve.evaluation_checks import check_evaluation
from optimizer.solve.figure_checks import (
    Discrepancies,
    Discrepancy,
    check_equal,
    check_nondecreasing,
    mean_or_none,
)
from optimizer.solve.gap import RELATIVE_OBJECTIVE_FLOOR, is_gap_closed
from optimizer.solve.quantity_checks import check_quantities, check_yearly_shortages
from optimizer.solve.result_checks import (
    ANY_OBJECTIVE_FLOOR,
    RISK_FIELDS,
    ObjectiveFloorRange,
    check_assumption_dependence,
    check_distribution,
    check_exchanged_projects,
    check_frontier,
    check_gap,
    check_split,
    check_sums,
    objective_floor_range,
    risk_measures_of,
)
from optimizer.solve.review_outcomes import decisions_by_branch

NONDECREASING_FIELDS: dict[type[Result], tuple[tuple[str, ...], ...]] = {
    results.Evaluation: (("own_expected", "own_cvar"),),
    results.Explanation: (("bound", "best", "objective"),),
    results.FrontierPoint: (RISK_FIELDS, ("expected_bound", "expected"), ("cvar_bound", "cvar")),
    results.Interval: (("low", "value", "high"),),
    results.Outcome: (RISK_FIELDS,),
    results.FixedPlanOutcome: (RISK_FIELDS[:2],),
    results.PlanFigures: (RISK_FIELDS,),
    results.ProvenRange: (("low", "high"),),
    results.CompanyOutcome: (RISK_FIELDS[:2],),
    results.TailPlan: (RISK_FIELDS[:2],),
    results.AssumptionSetOutcome: (RISK_FIELDS, ("best_bound", "best")),
    results.WithoutPlan: (RISK_FIELDS,),
}
"""Fields of results whose values must not decrease from one to the next."""


def find_discrepancies(result: Result) -> Discrepancies:
    """Yield all discrepancies among the figures of a result, and between these and its scenario."""
    if not isinstance(result, Plan):
        yield from _check_own_scenario(result, result, "")
    yield from _check_nested(result, "")


def _check_own_scenario(result: Result, certificate: Result, location: str) -> Discrepancies:
    """Check the hash of the scenario in a result, and the result's CVaR level and measure."""
    case, stated_hash = getattr(result, "case", None), getattr(certificate, "input_sha256", None)
    if case is not None and stated_hash is not None:
        yield from check_equal(f"{location}input_sha256", stated_hash, input_hash(case))
    if case is not None and isinstance(result, MeasuredResult):
        level = float(case.objective.cvar.level)
        yield from check_equal(f"{location}cvar_level", result.cvar_level, level)
        yield from check_equal(f"{location}measure", result.measure, case.objective.measure)


def compare_results(stated: Result, expected: Result) -> Discrepancies:
    """Yield a discrepancy for each field in which a result differs from a recomputed one."""
    for name in type(stated).model_fields:
        yield from check_equal(name, getattr(stated, name), getattr(expected, name))


def _check_nested(value: Any, location: str) -> Discrepancies:
    """Check a value and all results that it contains."""
    if isinstance(value, Result):
        for names in NONDECREASING_FIELDS.get(type(value), ()):
            yield from check_nondecreasing(
                location, names, [getattr(value, name) for name in names]
            )
        yield from _check_result(value, location)
        for name in type(value).model_fields:
            yield from _check_nested(getattr(value, name), f"{location}{name}.")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _check_nested(item, f"{location}{key}.")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _check_nested(item, f"{location}{number}.")


def _check_result(result: Result, location: str) -> Discrepancies:
    """Check the identities of a single result."""
    match result:
        case Plan():
            yield from _check_plan(result, location)
        case results.Outcome():
            with_plan, without_plan = (
                risk_measures_of(item) for item in (result, result.without_plan)
            )
            yield from check_distribution(
                result.distribution, result.cvar_level, with_plan, without_plan, location
            )
        case results.Distribution():
            for name, values in result:
                yield from check_nondecreasing(
                    location, [f"{name}.{n}" for n in range(len(values))], values
                )
        case results.Clustering():
            for number, year in enumerate(result.years):
                yield from check_equal(f"{location}years.{number}.events", year.events, number)
            for name in ("share", "independent"):
                total = math.fsum(getattr(year, name) for year in result.years)
                yield from check_equal(f"{location}years: {name}", total, 1.0)
            mean = math.fsum(year.events * year.share for year in result.years)
            expected = math.fsum(year.events * year.independent for year in result.years)
            yield from check_equal(f"{location}years: events", mean, expected)
        case results.SupplyMix():
            yield from _check_supply_mix(result, location)
        case results.MaterialOutcome():
            yield from check_yearly_shortages(result, location)
        case results.FormFlow():
            inflow = (
                result.supply_t
                + result.projects_t
                + result.made_t
                + result.released_t
                + result.missing_t
            )
            yield from check_equal(
                f"{location}taken_t", result.taken_t, inflow - result.demand_t, inflow
            )
        case results.Frontier():
            yield from check_frontier(result, location)
        case results.Evaluation():
            yield from check_evaluation(result, location)
        case results.Split():
            yield from check_split(result, location)
        case results.JointPlan():
            yield from check_gap(
                result, location, (RELATIVE_OBJECTIVE_FLOOR, RELATIVE_OBJECTIVE_FLOOR)
            )
        case results.SharePoint():
            yield from check_gap(result, location)
        case results.JointProject():
            yield from check_equal(f"{location}shares", math.fsum(result.shares.values()), 1.0)
        case results.CompanyOutcome():
            expected = result.expected + result.net_cost_meur
            yield from check_equal(f"{location}total", result.total, expected, abs(result.expected))
        case results.Replication():
            yield from check_equal(
                f"{location}gap", result.gap, result.candidate - result.bound, abs(result.candidate)
            )
        case results.Robustness():
            parts = (result.alternatives, result.variants, result.assumptions)
            yield from check_equal(
                f"{location}index", result.index, mean_or_none([x for x in parts if x is not None])
            )
        case results.Sensitivity():
            names = ("best.objective.low", "best.objective.high", "own.objective")
            best_objective = result.best.objective
            yield from check_nondecreasing(
                location, names, (best_objective.low, best_objective.high, result.own.objective)
            )
        case results.Disagreement():
            yield from check_assumption_dependence(result, location)
        case results.Alternatives():
            yield from check_equal(
                f"{location}limit", result.limit, result.bound + result.within * abs(result.bound)
            )
            for number, item in enumerate(result.alternatives):
                item_location = f"{location}alternatives.{number}."
                yield from check_exchanged_projects(
                    item, item_location, result.plan.projects, item.plan.projects
                )


def _check_supply_mix(supply_mix: results.SupplyMix, location: str) -> Discrepancies:
    shares = supply_mix.by_country
    largest_share = max(shares.values(), default=0.0)
    yield from check_equal(f"{location}by_country", math.fsum(shares.values()), 1.0)
    yield from check_equal(f"{location}largest_share", supply_mix.largest_share, largest_share)
    yield from check_equal(
        f"{location}largest_country", shares.get(supply_mix.largest_country), largest_share
    )
    yield from check_equal(
        f"{location}hhi", supply_mix.hhi, 1e4 * math.fsum(x * x for x in shares.values())
    )


def _check_plan(plan: Plan, location: str) -> Discrepancies:
    """Check a plan against its certificate, its accounts and its commitment."""
    outcome, without_plan, certificate = plan.outcome, plan.outcome.without_plan, plan.certificate
    weight = None if plan.case is None else float(plan.case.objective.cvar.weight)
    floor_range = objective_floor_range(without_plan, weight)
    certificate_location = f"{location}certificate."
    if certificate.over_assumptions is not None and plan.case is not None:
        floor_range = _objective_floor_of_sets(plan)
    yield from _check_own_scenario(plan, certificate, certificate_location)
    yield from check_gap(certificate, certificate_location, floor_range)
    gap_closed = {
        is_gap_closed(certificate.objective, certificate.bound, certificate.gap_target, floor)
        for floor in floor_range
    }
    if len(gap_closed) == 1:
        yield from check_equal(
            f"{certificate_location}status",
            certificate.status,
            "optimal" if True in gap_closed else "limit",
        )
    state_counts = (
        [certificate.states]
        if certificate.over_assumptions is None
        else [entry.states for entry in plan.under]
    )
    is_illustrative = min(state_counts, default=0) < MIN_REPRESENTATIVE_STATES
    yield from check_equal(
        f"{certificate_location}illustrative", certificate.illustrative, is_illustrative
    )
    yield from check_sums(plan, location, outcome.expected, without_plan.expected)
    windfall = math.fsum(project.windfall_meur for project in plan.unaided)
    yield from check_equal(f"{location}outcome.windfall_meur", outcome.windfall_meur, windfall)
    if plan.accounts:
        costs = [position.cost_meur for position in plan.accounts]
        scale = math.fsum(map(abs, costs))
        yield from check_equal(
            f"{location}accounts: cost_meur", math.fsum(costs), outcome.net_cost_meur, scale
        )
    if plan.case is not None:
        yield from _check_plan_commitment(plan, location)


def _check_plan_commitment(plan: Plan, location: str) -> Discrepancies:
    """Recompute all figures that follow from a plan's commitment and its scenario, and compare
    them."""
    assert plan.case is not None
    case, certificate, criterion = plan.case, plan.certificate, plan.case.objective.over_assumptions
    tree = DecisionTree((read_instance(case),))
    instance = tree.first_instance
    reported_set = 0
    if criterion is not None:
        reported_set, tree = read_assumption_sets(case)
    if case.planned_review is not None:
        states_by_set = [read_states(set_instance) for set_instance in tree.instances]
        tree = replace(tree, instances=with_branches(tree.instances, states_by_set))
        instance = tree.first_instance
    if criterion is not None:
        instance = mark_over_assumptions(case, tree.instances[reported_set])
    state_counts = [count_states(set_instance.case) for set_instance in tree.instances]
    yield from check_equal(f"{location}certificate.states", certificate.states, sum(state_counts))
    sample = case.uncertainty.sample if case.uncertainty is not None else None
    yield from check_equal(
        f"{location}certificate.seed", certificate.seed, None if sample is None else sample.seed
    )
    yield from check_equal(
        f"{location}certificate.over_assumptions", certificate.over_assumptions, criterion
    )
    if unknown_ids := plan_document.unknown_ids(instance, plan):
        yield Discrepancy(f"{location}projects", unknown_ids[0], None)
        return
    commitment = plan_document.commitment_from_plan(instance, plan)
    scale = sum(abs(project.capex_meur) for project in plan.projects)
    try:
        expected_fields = plan_document.commitment_fields(instance, commitment)
    except ValidationError:  # shares of a project that exceed 1
        yield Discrepancy(f"{location}projects: shares", None, None)
        return
    for name, expected in expected_fields.items():
        yield from check_equal(f"{location}{name}", getattr(plan, name), expected)
    if plan.review is not None:
        yield from _check_review(plan, plan.review, instance, commitment, location)
    for project in plan.projects:
        shares = [x for instruments in project.shares.values() for x in instruments.values()]
        total = math.fsum((*shares, project.market_share))
        yield from check_equal(f"{location}projects.{project.id}: shares", total, 1.0)
    for name, expected in plan_document.stateless_outcome_fields(instance, commitment).items():
        yield from check_equal(
            f"{location}outcome.{name}", getattr(plan.outcome, name), expected, scale
        )
    yield from check_quantities(plan, instance, commitment, location)
    by_consumer = {consumer.id: consumer.expected for consumer in plan.consumers}
    mean = plan.outcome.expected if plan.outcome.worst_mean is None else plan.outcome.worst_mean
    damage = weighted_damage(instance, mean, plan.outcome.cvar, by_consumer)
    objective = damage + weighted_cost(instance, commitment)
    if criterion is not None:
        yield from _check_set_outcomes(plan, tree, location)
    else:
        yield from check_equal(
            f"{location}certificate.objective", certificate.objective, objective, abs(damage)
        )
    for outcome in plan.under:
        set_location, assumption = f"{location}under.{outcome.id}.", case.assumptions[outcome.id]
        yield from check_equal(f"{set_location}weight", outcome.weight, float(assumption.weight))
        if outcome is (plan.reported_set or (None if assumption.set else outcome)):
            for name in (*RISK_FIELDS, "worst_mean"):
                yield from check_equal(
                    f"{set_location}{name}", getattr(outcome, name), getattr(plan.outcome, name)
                )
            for name in RISK_FIELDS:
                without_plan, expected = outcome.without_plan, plan.outcome.without_plan
                yield from check_equal(
                    f"{set_location}without_plan.{name}",
                    getattr(without_plan, name),
                    getattr(expected, name),
                )


def _check_review(
    plan: Plan,
    review: results.ReviewDecisions,
    instance: Instance,
    commitment: Commitment,
    location: str,
) -> Discrepancies:
    """Check the number of review branches, the decisions of each branch, that the damages of the
    branches, weighted by probability, add up to those of the plan, and the value of deferral."""
    expected_groups = list(decisions_by_branch(instance, commitment))
    yield from check_equal(f"{location}review.groups", len(review.groups), len(expected_groups))
    for n, (group, expected_fields) in enumerate(zip(review.groups, expected_groups, strict=False)):
        for name, value in expected_fields.items():
            yield from check_equal(
                f"{location}review.groups.{n}.{name}", getattr(group, name), value
            )
    for name, mean in (
        ("expected", plan.outcome.expected),
        ("expected_without_plan", plan.outcome.without_plan.expected),
    ):
        parts = [group.probability * (getattr(group, name) or 0.0) for group in review.groups]
        yield from check_equal(f"{location}review.groups: {name}", math.fsum(parts), mean)
    if review.now is not None:
        certificate = plan.certificate
        deferral_value = review.now - certificate.objective
        yield from check_equal(
            f"{location}review.worth", review.worth, deferral_value, abs(review.now)
        )
        max_value = None if certificate.bound is None else review.now - certificate.bound
        yield from check_equal(
            f"{location}review.worth_most", review.worth_most, max_value, abs(review.now)
        )
        min_value = (
            None if review.now_bound is None else max(0.0, review.now_bound - certificate.objective)
        )
        yield from check_equal(
            f"{location}review.worth_least", review.worth_least, min_value, abs(review.now)
        )


def _check_set_outcomes(plan: Plan, tree: DecisionTree, location: str) -> Discrepancies:
    """Check the outcome under each assumption set, and the objective that combines them."""
    set_ids = [*(plan.case.assumptions if plan.case is not None else ())]
    yield from check_equal(f"{location}under", [outcome.id for outcome in plan.under], set_ids)
    if len(plan.under) != len(set_ids):
        return
    for set_outcome, instance in zip(plan.under, tree.instances, strict=True):
        set_location = f"{location}under.{set_outcome.id}."
        commitment = plan_document.commitment_from_plan(instance, plan)
        mean = set_outcome.expected if set_outcome.worst_mean is None else set_outcome.worst_mean
        damage = weighted_damage(instance, mean, set_outcome.cvar, {})
        objective = damage + weighted_cost(instance, commitment)
        yield from check_equal(
            f"{set_location}states", set_outcome.states, count_states(instance.case)
        )
        yield from check_equal(
            f"{set_location}objective", set_outcome.objective, objective, abs(damage)
        )
        yield from check_equal(
            f"{set_location}net_cost_meur",
            set_outcome.net_cost_meur,
            net_cost(instance, commitment),
        )
        expected = None if set_outcome.best is None else set_outcome.objective - set_outcome.best
        yield from check_equal(
            f"{set_location}regret", set_outcome.regret, expected, abs(set_outcome.objective)
        )
    if tree.measure.criterion == "regret":
        open_gaps = [
            None
            if outcome.best is None or outcome.best_bound is None
            else outcome.best - outcome.best_bound
            for outcome in plan.under
        ]
        expected = None if None in open_gaps else max(x for x in open_gaps if x is not None)
        yield from check_equal(
            f"{location}certificate.regret_open", plan.certificate.regret_open, expected
        )
    values = [outcome.objective for outcome in plan.under]
    scale = max(map(abs, values))
    measure = tree.measure
    if measure.criterion == "regret":
        measure = measure.with_references([outcome.best or 0.0 for outcome in plan.under])
    expected, stated = measure.value(values), plan.certificate.objective
    yield from check_equal(f"{location}certificate.objective", stated, expected, scale)


def _objective_floor_of_sets(plan: Plan) -> ObjectiveFloorRange:
    """Return the range of possible objective floors of a plan for several assumption sets."""
    worst_cvar = max((outcome.without_plan.cvar for outcome in plan.under), default=0.0)
    return ANY_OBJECTIVE_FLOOR[0], max(
        RELATIVE_OBJECTIVE_FLOOR * max(1.0, worst_cvar),
        *(abs(outcome.best or 0.0) for outcome in plan.under),
        0,
    )
