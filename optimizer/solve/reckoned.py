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
from models.results.base import Measured
from optimizer.model.commitment import Commitment, net_cost, weighed_cost, weighed_damage
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import with_paths
from optimizer.model.states import read_states, states_of
from optimizer.model.together import Together, looked_at, read_sets
from optimizer.solve import plan_document
from optimizer.solve.after_review import decided
from optimizer.solve.checked_solution import ENOUGH_STATES, input_hash
from optimizer.solve.gap import SMALLEST, is_within
from optimizer.solve.identities import Disagreement, Found, equal, mean_of, rising
from optimizer.solve.other_results import (
    ANY,
    TAIL,
    Least,
    disagreement,
    evaluation,
    exchanged,
    frontier,
    least_of,
    proven,
    split,
    spread,
    sums,
    tail_of,
)
from optimizer.solve.quantities import by_year_adds_up, quantities

IN_ORDER: dict[type[Result], tuple[tuple[str, ...], ...]] = {
    results.Evaluation: (("own_expected", "own_cvar"),),
    results.Explanation: (("bound", "best", "objective"),),
    results.FrontierPoint: (TAIL, ("expected_bound", "expected"), ("cvar_bound", "cvar")),
    results.Interval: (("low", "value", "high"),),
    results.Outcome: (TAIL,),
    results.OwnOutcome: (TAIL[:2],),
    results.PlanFigures: (TAIL,),
    results.ProvenRange: (("low", "high"),),
    results.Standing: (TAIL[:2],),
    results.TailPlan: (TAIL[:2],),
    results.UnderAssumptions: (TAIL, ("best_bound", "best")),
    results.WithoutPlan: (TAIL,),
}
"""Fields of which none is below the one before it."""


def disagreements(result: Result) -> Found:
    """All places in which a result, which fits its scenario, does not add up."""
    if not isinstance(result, Plan):
        yield from _of_its_scenario(result, result, "")
    yield from _within(result, "")


def _of_its_scenario(result: Result, proof: Result, at: str) -> Found:
    """Whether a result says the hash of the scenario that it carries, and what it counts."""
    case, said = getattr(result, "case", None), getattr(proof, "input_sha256", None)
    if case is not None and said is not None:
        yield from equal(f"{at}input_sha256", said, input_hash(case))
    if case is not None and isinstance(result, Measured):
        level = float(case.objective.cvar.level)
        yield from equal(f"{at}cvar_level", result.cvar_level, level)
        yield from equal(f"{at}measure", result.measure, case.objective.measure)


def apart(said: Result, due: Result) -> Found:
    """All places in which a result is not what it is when it is made anew."""
    for name in type(said).model_fields:
        yield from equal(name, getattr(said, name), getattr(due, name))


def _within(value: Any, at: str) -> Found:
    """The identities of a result and of all results in it."""
    if isinstance(value, Result):
        for names in IN_ORDER.get(type(value), ()):
            yield from rising(at, names, [getattr(value, name) for name in names])
        yield from _own(value, at)
        for name in type(value).model_fields:
            yield from _within(getattr(value, name), f"{at}{name}.")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _within(item, f"{at}{key}.")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _within(item, f"{at}{number}.")


def _own(it: Result, at: str) -> Found:
    """The identities of a result by itself."""
    match it:
        case Plan():
            yield from _plan(it, at)
        case results.Outcome():
            held, without = (tail_of(one) for one in (it, it.without_plan))
            yield from spread(it.distribution, it.cvar_level, held, without, at)
        case results.Distribution():
            for name, values in it:
                yield from rising(at, [f"{name}.{n}" for n in range(len(values))], values)
        case results.Clustering():
            for number, year in enumerate(it.years):
                yield from equal(f"{at}years.{number}.events", year.events, number)
            for name in ("share", "independent"):
                total = math.fsum(getattr(year, name) for year in it.years)
                yield from equal(f"{at}years: {name}", total, 1.0)
            mean = math.fsum(year.events * year.share for year in it.years)
            due = math.fsum(year.events * year.independent for year in it.years)
            yield from equal(f"{at}years: events", mean, due)
        case results.SupplyMix():
            yield from _mix(it, at)
        case results.MaterialOutcome():
            yield from by_year_adds_up(it, at)
        case results.FormFlow():
            comes = it.supply_t + it.projects_t + it.made_t + it.released_t + it.missing_t
            yield from equal(f"{at}taken_t", it.taken_t, comes - it.demand_t, comes)
        case results.Frontier():
            yield from frontier(it, at)
        case results.Evaluation():
            yield from evaluation(it, at)
        case results.Split():
            yield from split(it, at)
        case results.JointPlan():
            yield from proven(it, at, (SMALLEST, SMALLEST))
        case results.SharePoint():
            yield from proven(it, at)
        case results.JointProject():
            yield from equal(f"{at}shares", math.fsum(it.shares.values()), 1.0)
        case results.Standing():
            due = it.expected + it.net_cost_meur
            yield from equal(f"{at}total", it.total, due, abs(it.expected))
        case results.Replication():
            yield from equal(f"{at}gap", it.gap, it.candidate - it.bound, abs(it.candidate))
        case results.Robustness():
            parts = (it.alternatives, it.variants, it.assumptions)
            yield from equal(f"{at}index", it.index, mean_of([x for x in parts if x is not None]))
        case results.Sensitivity():
            names = ("best.objective.low", "best.objective.high", "own.objective")
            best = it.best.objective
            yield from rising(at, names, (best.low, best.high, it.own.objective))
        case results.Disagreement():
            yield from disagreement(it, at)
        case results.Alternatives():
            yield from equal(f"{at}limit", it.limit, it.bound + it.within * abs(it.bound))
            for number, one in enumerate(it.alternatives):
                here = f"{at}alternatives.{number}."
                yield from exchanged(one, here, it.plan.projects, one.plan.projects)


def _mix(found: results.SupplyMix, at: str) -> Found:
    shares = found.by_country
    largest = max(shares.values(), default=0.0)
    yield from equal(f"{at}by_country", math.fsum(shares.values()), 1.0)
    yield from equal(f"{at}largest_share", found.largest_share, largest)
    yield from equal(f"{at}largest_country", shares.get(found.largest_country), largest)
    yield from equal(f"{at}hhi", found.hhi, 1e4 * math.fsum(x * x for x in shares.values()))


def _plan(plan: Plan, at: str) -> Found:
    outcome, without, proof = plan.outcome, plan.outcome.without_plan, plan.certificate
    weight = None if plan.case is None else float(plan.case.objective.cvar.weight)
    least, here = least_of(without, weight), f"{at}certificate."
    if proof.over_assumptions is not None and plan.case is not None:
        least = _least_of_sets(plan)
    yield from _of_its_scenario(plan, proof, here)
    yield from proven(proof, here, least)
    within = {is_within(proof.objective, proof.bound, proof.gap_target, size) for size in least}
    if len(within) == 1:
        yield from equal(f"{here}status", proof.status, "optimal" if True in within else "limit")
    drawn = [proof.states] if proof.over_assumptions is None else [x.states for x in plan.under]
    few = min(drawn, default=0) < ENOUGH_STATES
    yield from equal(f"{here}illustrative", proof.illustrative, few)
    yield from sums(plan, at, outcome.expected, without.expected)
    windfall = math.fsum(one.windfall_meur for one in plan.unaided)
    yield from equal(f"{at}outcome.windfall_meur", outcome.windfall_meur, windfall)
    if plan.accounts:
        costs = [position.cost_meur for position in plan.accounts]
        scale = math.fsum(map(abs, costs))
        yield from equal(f"{at}accounts: cost_meur", math.fsum(costs), outcome.net_cost_meur, scale)
    if plan.case is not None:
        yield from _commitment(plan, at)


def _commitment(plan: Plan, at: str) -> Found:
    """All that follows from what a plan commits to, reckoned anew in its own scenario."""
    assert plan.case is not None
    case, proof, over = plan.case, plan.certificate, plan.case.objective.over_assumptions
    together = Together((read_instance(case),))
    instance = together.first
    first = 0
    if over is not None:
        first, together = read_sets(case)
    if case.decides_again is not None:
        drawn = [read_states(own) for own in together.instances]
        together = replace(together, instances=with_paths(together.instances, drawn))
        instance = together.first
    if over is not None:
        instance = looked_at(case, together.instances[first])
    states = [states_of(own.case) for own in together.instances]
    yield from equal(f"{at}certificate.states", proof.states, sum(states))
    asked = case.uncertainty.sample if case.uncertainty is not None else None
    yield from equal(f"{at}certificate.seed", proof.seed, None if asked is None else asked.seed)
    yield from equal(f"{at}certificate.over_assumptions", proof.over_assumptions, over)
    if unknown := plan_document.unknown_in(instance, plan):
        yield Disagreement(f"{at}projects", unknown[0], None)
        return
    commitment = plan_document.commitment_of(instance, plan)
    scale = sum(abs(built.capex_meur) for built in plan.projects)
    try:
        committed = plan_document.committed_to(instance, commitment)
    except ValidationError:  # shares of a project that are more than all of it
        yield Disagreement(f"{at}projects: shares", None, None)
        return
    for name, due in committed.items():
        yield from equal(f"{at}{name}", getattr(plan, name), due)
    if plan.review is not None:
        yield from _review(plan, plan.review, instance, commitment, at)
    for built in plan.projects:
        shares = [x for held in built.shares.values() for x in held.values()]
        total = math.fsum((*shares, built.market_share))
        yield from equal(f"{at}projects.{built.id}: shares", total, 1.0)
    for name, due in plan_document.measured(instance, commitment).items():
        yield from equal(f"{at}outcome.{name}", getattr(plan.outcome, name), due, scale)
    yield from quantities(plan, instance, commitment, at)
    by_consumer = {consumer.id: consumer.expected for consumer in plan.consumers}
    mean = plan.outcome.expected if plan.outcome.worst_mean is None else plan.outcome.worst_mean
    damage = weighed_damage(instance, mean, plan.outcome.cvar, by_consumer)
    objective = damage + weighed_cost(instance, commitment)
    if over is not None:
        yield from _under_sets(plan, together, at)
    else:
        yield from equal(f"{at}certificate.objective", proof.objective, objective, abs(damage))
    for under in plan.under:
        here, own = f"{at}under.{under.id}.", case.assumptions[under.id]
        yield from equal(f"{here}weight", under.weight, float(own.weight))
        if under is (plan.seen_under or (None if own.set else under)):
            for name in (*TAIL, "worst_mean"):
                yield from equal(f"{here}{name}", getattr(under, name), getattr(plan.outcome, name))
            for name in TAIL:
                bare, due = under.without_plan, plan.outcome.without_plan
                yield from equal(
                    f"{here}without_plan.{name}", getattr(bare, name), getattr(due, name)
                )


def _review(
    plan: Plan, review: results.AfterReview, instance: Instance, commitment: Commitment, at: str
) -> Found:
    """What is decided in each group, and what the review is worth."""
    of_groups = list(decided(instance, commitment))
    yield from equal(f"{at}review.groups", len(review.groups), len(of_groups))
    for n, (group, due) in enumerate(zip(review.groups, of_groups, strict=False)):
        for name, value in due.items():
            yield from equal(f"{at}review.groups.{n}.{name}", getattr(group, name), value)
    for name, mean in (
        ("expected", plan.outcome.expected),
        ("expected_without_plan", plan.outcome.without_plan.expected),
    ):
        parts = [group.probability * (getattr(group, name) or 0.0) for group in review.groups]
        yield from equal(f"{at}review.groups: {name}", math.fsum(parts), mean)
    if review.now is not None:
        proof = plan.certificate
        worth = review.now - proof.objective
        yield from equal(f"{at}review.worth", review.worth, worth, abs(review.now))
        most = None if proof.bound is None else review.now - proof.bound
        yield from equal(f"{at}review.worth_most", review.worth_most, most, abs(review.now))
        least = None if review.now_bound is None else max(0.0, review.now_bound - proof.objective)
        yield from equal(f"{at}review.worth_least", review.worth_least, least, abs(review.now))


def _under_sets(plan: Plan, together: Together, at: str) -> Found:
    """The outcome under each set of assumptions, and the objective over all of them."""
    names = [*(plan.case.assumptions if plan.case is not None else ())]
    yield from equal(f"{at}under", [own.id for own in plan.under], names)
    if len(plan.under) != len(names):
        return
    for under, instance in zip(plan.under, together.instances, strict=True):
        here, plans = f"{at}under.{under.id}.", plan_document.commitment_of(instance, plan)
        mean = under.expected if under.worst_mean is None else under.worst_mean
        damage = weighed_damage(instance, mean, under.cvar, {})
        objective = damage + weighed_cost(instance, plans)
        yield from equal(f"{here}states", under.states, states_of(instance.case))
        yield from equal(f"{here}objective", under.objective, objective, abs(damage))
        yield from equal(f"{here}net_cost_meur", under.net_cost_meur, net_cost(instance, plans))
        due = None if under.best is None else under.objective - under.best
        yield from equal(f"{here}regret", under.regret, due, abs(under.objective))
    if together.over == "regret":
        left = [
            None if own.best is None or own.best_bound is None else own.best - own.best_bound
            for own in plan.under
        ]
        due = None if None in left else max(x for x in left if x is not None)
        yield from equal(f"{at}certificate.regret_open", plan.certificate.regret_open, due)
        together = replace(together, best=tuple(own.best or 0.0 for own in plan.under))
    values = [own.objective for own in plan.under]
    scale = max(map(abs, values))
    due, said = together.objective(values), plan.certificate.objective
    yield from equal(f"{at}certificate.objective", said, due, scale)


def _least_of_sets(plan: Plan) -> Least:
    """What an objective over sets counts as at least in a gap, between that of nothing and of what
    comes without a plan, or the best plan, in the worst set."""
    worst = max((own.without_plan.cvar for own in plan.under), default=0.0)
    return ANY[0], max(SMALLEST * max(1.0, worst), *(abs(own.best or 0.0) for own in plan.under), 0)
