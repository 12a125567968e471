"""Whether the figures of a result agree with one another, and with the scenario that it carries.

Of a plan all that follows from its commitment is computed again: accounts, budgets, stocks, net
cost, and what its states decide without a sweep. What a sweep of its states led to has to add up,
tonnes as well as money (``quantities.py``). Other results have the identities that their fields are
defined by. No solver takes part.
"""

import math
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from models import results
from models.results import Plan, Result
from models.results.base import MeasuredResult
from optimizer.model.assumption_sets import (
    AssumptionSets,
    mark_over_assumptions,
    read_assumption_sets,
)
from optimizer.model.commitment import Commitment, net_cost, weighted_cost, weighted_damage
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import with_branches
from optimizer.model.states import count_states, read_states
from optimizer.solve import plan_document
from optimizer.solve.checked_solution import MIN_REPRESENTATIVE_STATES, input_hash
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
    check_evaluation,
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
"""Fields of which none is below the one before it."""


def find_discrepancies(result: Result) -> Discrepancies:
    """All places in which a result, which fits its scenario, does not add up."""
    if not isinstance(result, Plan):
        yield from _check_own_scenario(result, result, "")
    yield from _check_nested(result, "")


def _check_own_scenario(result: Result, certificate: Result, location: str) -> Discrepancies:
    """Whether a result says the hash of the scenario that it carries, and what it counts."""
    case, said = getattr(result, "case", None), getattr(certificate, "input_sha256", None)
    if case is not None and said is not None:
        yield from check_equal(f"{location}input_sha256", said, input_hash(case))
    if case is not None and isinstance(result, MeasuredResult):
        level = float(case.objective.cvar.level)
        yield from check_equal(f"{location}cvar_level", result.cvar_level, level)
        yield from check_equal(f"{location}measure", result.measure, case.objective.measure)


def compare_results(stated: Result, expected: Result) -> Discrepancies:
    """All places in which a result is not what it is when it is made anew."""
    for name in type(stated).model_fields:
        yield from check_equal(name, getattr(stated, name), getattr(expected, name))


def _check_nested(value: Any, location: str) -> Discrepancies:
    """The identities of a result and of all results in it."""
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
    """The identities of a result by itself."""
    match result:
        case Plan():
            yield from _check_plan(result, location)
        case results.Outcome():
            held, without = (risk_measures_of(one) for one in (result, result.without_plan))
            yield from check_distribution(
                result.distribution, result.cvar_level, held, without, location
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
            due = math.fsum(year.events * year.independent for year in result.years)
            yield from check_equal(f"{location}years: events", mean, due)
        case results.SupplyMix():
            yield from _check_supply_mix(result, location)
        case results.MaterialOutcome():
            yield from check_yearly_shortages(result, location)
        case results.FormFlow():
            comes = (
                result.supply_t
                + result.projects_t
                + result.made_t
                + result.released_t
                + result.missing_t
            )
            yield from check_equal(
                f"{location}taken_t", result.taken_t, comes - result.demand_t, comes
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
            due = result.expected + result.net_cost_meur
            yield from check_equal(f"{location}total", result.total, due, abs(result.expected))
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
            best = result.best.objective
            yield from check_nondecreasing(
                location, names, (best.low, best.high, result.own.objective)
            )
        case results.Disagreement():
            yield from check_assumption_dependence(result, location)
        case results.Alternatives():
            yield from check_equal(
                f"{location}limit", result.limit, result.bound + result.within * abs(result.bound)
            )
            for number, one in enumerate(result.alternatives):
                here = f"{location}alternatives.{number}."
                yield from check_exchanged_projects(
                    one, here, result.plan.projects, one.plan.projects
                )


def _check_supply_mix(supply_mix: results.SupplyMix, location: str) -> Discrepancies:
    shares = supply_mix.by_country
    largest = max(shares.values(), default=0.0)
    yield from check_equal(f"{location}by_country", math.fsum(shares.values()), 1.0)
    yield from check_equal(f"{location}largest_share", supply_mix.largest_share, largest)
    yield from check_equal(
        f"{location}largest_country", shares.get(supply_mix.largest_country), largest
    )
    yield from check_equal(
        f"{location}hhi", supply_mix.hhi, 1e4 * math.fsum(x * x for x in shares.values())
    )


def _check_plan(plan: Plan, location: str) -> Discrepancies:
    outcome, without, proof = plan.outcome, plan.outcome.without_plan, plan.certificate
    weight = None if plan.case is None else float(plan.case.objective.cvar.weight)
    least, here = objective_floor_range(without, weight), f"{location}certificate."
    if proof.over_assumptions is not None and plan.case is not None:
        least = _objective_floor_of_sets(plan)
    yield from _check_own_scenario(plan, proof, here)
    yield from check_gap(proof, here, least)
    within = {is_gap_closed(proof.objective, proof.bound, proof.gap_target, size) for size in least}
    if len(within) == 1:
        yield from check_equal(
            f"{here}status", proof.status, "optimal" if True in within else "limit"
        )
    drawn = [proof.states] if proof.over_assumptions is None else [x.states for x in plan.under]
    few = min(drawn, default=0) < MIN_REPRESENTATIVE_STATES
    yield from check_equal(f"{here}illustrative", proof.illustrative, few)
    yield from check_sums(plan, location, outcome.expected, without.expected)
    windfall = math.fsum(one.windfall_meur for one in plan.unaided)
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
    """All that follows from what a plan commits to, reckoned anew in its own scenario."""
    assert plan.case is not None
    case, proof, over = plan.case, plan.certificate, plan.case.objective.over_assumptions
    together = AssumptionSets((read_instance(case),))
    instance = together.first_instance
    first = 0
    if over is not None:
        first, together = read_assumption_sets(case)
    if case.planned_review is not None:
        drawn = [read_states(own) for own in together.instances]
        together = replace(together, instances=with_branches(together.instances, drawn))
        instance = together.first_instance
    if over is not None:
        instance = mark_over_assumptions(case, together.instances[first])
    states = [count_states(own.case) for own in together.instances]
    yield from check_equal(f"{location}certificate.states", proof.states, sum(states))
    asked = case.uncertainty.sample if case.uncertainty is not None else None
    yield from check_equal(
        f"{location}certificate.seed", proof.seed, None if asked is None else asked.seed
    )
    yield from check_equal(f"{location}certificate.over_assumptions", proof.over_assumptions, over)
    if unknown := plan_document.unknown_ids(instance, plan):
        yield Discrepancy(f"{location}projects", unknown[0], None)
        return
    commitment = plan_document.commitment_from_plan(instance, plan)
    scale = sum(abs(built.capex_meur) for built in plan.projects)
    try:
        committed = plan_document.commitment_fields(instance, commitment)
    except ValidationError:  # shares of a project that are more than all of it
        yield Discrepancy(f"{location}projects: shares", None, None)
        return
    for name, due in committed.items():
        yield from check_equal(f"{location}{name}", getattr(plan, name), due)
    if plan.review is not None:
        yield from _check_review(plan, plan.review, instance, commitment, location)
    for built in plan.projects:
        shares = [x for held in built.shares.values() for x in held.values()]
        total = math.fsum((*shares, built.market_share))
        yield from check_equal(f"{location}projects.{built.id}: shares", total, 1.0)
    for name, due in plan_document.stateless_outcome_fields(instance, commitment).items():
        yield from check_equal(f"{location}outcome.{name}", getattr(plan.outcome, name), due, scale)
    yield from check_quantities(plan, instance, commitment, location)
    by_consumer = {consumer.id: consumer.expected for consumer in plan.consumers}
    mean = plan.outcome.expected if plan.outcome.worst_mean is None else plan.outcome.worst_mean
    damage = weighted_damage(instance, mean, plan.outcome.cvar, by_consumer)
    objective = damage + weighted_cost(instance, commitment)
    if over is not None:
        yield from _check_set_outcomes(plan, together, location)
    else:
        yield from check_equal(
            f"{location}certificate.objective", proof.objective, objective, abs(damage)
        )
    for under in plan.under:
        here, own = f"{location}under.{under.id}.", case.assumptions[under.id]
        yield from check_equal(f"{here}weight", under.weight, float(own.weight))
        if under is (plan.reported_set or (None if own.set else under)):
            for name in (*RISK_FIELDS, "worst_mean"):
                yield from check_equal(
                    f"{here}{name}", getattr(under, name), getattr(plan.outcome, name)
                )
            for name in RISK_FIELDS:
                bare, due = under.without_plan, plan.outcome.without_plan
                yield from check_equal(
                    f"{here}without_plan.{name}", getattr(bare, name), getattr(due, name)
                )


def _check_review(
    plan: Plan,
    review: results.ReviewDecisions,
    instance: Instance,
    commitment: Commitment,
    location: str,
) -> Discrepancies:
    """What is decided in each group, and what the review is worth."""
    of_groups = list(decisions_by_branch(instance, commitment))
    yield from check_equal(f"{location}review.groups", len(review.groups), len(of_groups))
    for n, (group, due) in enumerate(zip(review.groups, of_groups, strict=False)):
        for name, value in due.items():
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
        proof = plan.certificate
        worth = review.now - proof.objective
        yield from check_equal(f"{location}review.worth", review.worth, worth, abs(review.now))
        most = None if proof.bound is None else review.now - proof.bound
        yield from check_equal(
            f"{location}review.worth_most", review.worth_most, most, abs(review.now)
        )
        least = None if review.now_bound is None else max(0.0, review.now_bound - proof.objective)
        yield from check_equal(
            f"{location}review.worth_least", review.worth_least, least, abs(review.now)
        )


def _check_set_outcomes(
    plan: Plan, assumption_sets: AssumptionSets, location: str
) -> Discrepancies:
    """The outcome under each set of assumptions, and the objective over all of them."""
    names = [*(plan.case.assumptions if plan.case is not None else ())]
    yield from check_equal(f"{location}under", [own.id for own in plan.under], names)
    if len(plan.under) != len(names):
        return
    for under, instance in zip(plan.under, assumption_sets.instances, strict=True):
        here, plans = (
            f"{location}under.{under.id}.",
            plan_document.commitment_from_plan(instance, plan),
        )
        mean = under.expected if under.worst_mean is None else under.worst_mean
        damage = weighted_damage(instance, mean, under.cvar, {})
        objective = damage + weighted_cost(instance, plans)
        yield from check_equal(f"{here}states", under.states, count_states(instance.case))
        yield from check_equal(f"{here}objective", under.objective, objective, abs(damage))
        yield from check_equal(
            f"{here}net_cost_meur", under.net_cost_meur, net_cost(instance, plans)
        )
        due = None if under.best is None else under.objective - under.best
        yield from check_equal(f"{here}regret", under.regret, due, abs(under.objective))
    if assumption_sets.criterion == "regret":
        left = [
            None if own.best is None or own.best_bound is None else own.best - own.best_bound
            for own in plan.under
        ]
        due = None if None in left else max(x for x in left if x is not None)
        yield from check_equal(
            f"{location}certificate.regret_open", plan.certificate.regret_open, due
        )
        assumption_sets = replace(
            assumption_sets, reference_objectives=tuple(own.best or 0.0 for own in plan.under)
        )
    values = [own.objective for own in plan.under]
    scale = max(map(abs, values))
    due, said = assumption_sets.combine_objectives(values), plan.certificate.objective
    yield from check_equal(f"{location}certificate.objective", said, due, scale)


def _objective_floor_of_sets(plan: Plan) -> ObjectiveFloorRange:
    """What an objective over sets counts as at least in a gap, between that of nothing and of what
    comes without a plan, or the best plan, in the worst set."""
    worst = max((own.without_plan.cvar for own in plan.under), default=0.0)
    return ANY_OBJECTIVE_FLOOR[0], max(
        RELATIVE_OBJECTIVE_FLOOR * max(1.0, worst), *(abs(own.best or 0.0) for own in plan.under), 0
    )
