"""Whether the figures of a result agree with one another, and with the scenario that it carries.

Of a plan all that follows from its commitment is computed again: accounts, budgets, stocks, net
cost, and what its states decide without a sweep. What a sweep of its states led to has to add up,
tonnes as well as money (``quantities.py``). Other results have the identities that their fields are
defined by. No solver takes part.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from models import results
from models.results import Plan, Result
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, net_cost, weighed_cost, weighed_damage
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import with_paths
from optimizer.model.states import read_states
from optimizer.model.together import Together, looked_at, read_sets
from optimizer.solve import plan_document
from optimizer.solve.after_review import decided
from optimizer.solve.checked_solution import ENOUGH_STATES, input_hash
from optimizer.solve.gap import SMALLEST, gap_of, is_within, smallest_size
from optimizer.solve.identities import Disagreement, Found, between, equal, mean_of, rising
from optimizer.solve.quantities import by_year_adds_up, quantities

WEIGHT = "objective.cvar.weight"  # what a frontier varies over tail risk
TAIL = ("expected", "cvar", "worst")
IN_ORDER: dict[type[Result], tuple[tuple[str, ...], ...]] = {
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
    """Whether a result says the hash of the scenario that it carries."""
    case, said = getattr(result, "case", None), getattr(proof, "input_sha256", None)
    if case is not None and said is not None:
        yield from equal(f"{at}input_sha256", said, input_hash(case))


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
            yield from _outcome(it, at)
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
        case results.MaterialOutcome():
            yield from by_year_adds_up(it, at)
        case results.FormFlow():
            comes = it.supply_t + it.projects_t + it.made_t + it.released_t + it.missing_t
            yield from equal(f"{at}taken_t", it.taken_t, comes - it.demand_t, comes)
        case results.Frontier():
            yield from _frontier(it, at)
        case results.Evaluation():
            yield from _evaluation(it, at)
        case results.Split():
            yield from _split(it, at)
        case results.JointPlan():
            yield from _proof(it, at, (SMALLEST, SMALLEST))
        case results.SharePoint():
            yield from _proof(it, at)
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
            yield from _disagreement(it, at)
        case results.Alternatives():
            yield from equal(f"{at}limit", it.limit, it.bound + it.within * abs(it.bound))
            for number, one in enumerate(it.alternatives):
                here = f"{at}alternatives.{number}."
                yield from _exchanged(one, here, it.plan.projects, one.plan.projects)


def _sums(found: Plan | results.FreshOutcome, at: str, mean: float, without: float) -> Found:
    """What materials and consumers add up to, with the plan and without any."""
    for name, items in (("materials", found.materials), ("consumers", found.consumers)):
        for field, due in (("expected", mean), ("expected_without_plan", without)):
            total = math.fsum(getattr(item, field) for item in items)
            yield from equal(f"{at}{name}: {field}", total, due)


def _exchanged(
    said: results.FrontierStep | results.Alternative,
    at: str,
    here: Collection[str],
    there: Collection[str],
) -> Found:
    """Which projects come and go from here to there."""
    yield from equal(f"{at}entering", sorted(said.entering), sorted(set(there) - set(here)))
    yield from equal(f"{at}leaving", sorted(said.leaving), sorted(set(here) - set(there)))


Least = tuple[float, float]  # between which an objective counts as at least in a gap
ANY: Least = (SMALLEST * SMALLEST, math.inf)


def _least(without: results.WithoutPlan, weight: float | None) -> Least:
    """That of what comes without a plan, by the weight of the worst states; None where unknown."""
    if weight is None:
        return ANY[0], SMALLEST * max(1.0, without.cvar)
    mean = without.expected if without.worst_mean is None else without.worst_mean
    known = smallest_size((1 - weight) * mean + weight * without.cvar)
    return known, known


def _proof(found: Any, at: str, least: Least = ANY) -> Found:
    """Objective, bound and gap, wherever they stand together."""
    if found.objective is None:
        return
    yield from rising(at, ("bound", "objective"), (found.bound, found.objective))
    low, high = (gap_of(found.objective, found.bound, size) for size in reversed(least))
    if None in (found.gap, low, high) or not low <= found.gap <= high:
        yield from equal(f"{at}gap", found.gap, high)


def _outcome(found: results.Outcome, at: str) -> Found:
    without, spread = found.without_plan, found.distribution
    if spread is None or found.cvar_level >= 1:  # no mean of no states; the level is compared, too
        return
    at = f"{at}distribution."
    yield from equal(f"{at}with_plan", spread.with_plan[-1], found.worst)
    yield from equal(f"{at}without_plan", spread.without_plan[-1], without.worst)
    level = found.cvar_level
    for name, since, mean, scale in (
        ("with_plan", 0.0, found.expected, 0.0),
        ("without_plan", 0.0, without.expected, 0.0),
        ("avoided", 0.0, without.expected - found.expected, without.expected),
        ("with_plan", level, found.cvar, 0.0),
        ("without_plan", level, without.cvar, 0.0),
    ):
        # A mean lies between what it is if each step counts at its lower and at its upper end.
        steps = getattr(spread, name)
        widths = [max(0.0, high - max(low, since)) for low, high in pairwise(spread.levels)]
        least, most = (
            math.fsum(width * q for width, q in zip(widths, ends, strict=True)) / (1 - since)
            for ends in (steps[:-1], steps[1:])
        )
        yield from between(f"{at}{name}", mean, least, most, scale)


def _plan(plan: Plan, at: str) -> Found:
    outcome, without, proof = plan.outcome, plan.outcome.without_plan, plan.certificate
    weight = None if plan.case is None else float(plan.case.objective.cvar.weight)
    least, here = _least(without, weight), f"{at}certificate."
    if proof.over_assumptions is not None and plan.case is not None:
        least = _least_of_sets(plan)
    yield from _of_its_scenario(plan, proof, here)
    yield from _proof(proof, here, least)
    within = {is_within(proof.objective, proof.bound, proof.gap_target, size) for size in least}
    if len(within) == 1:
        yield from equal(f"{here}status", proof.status, "optimal" if True in within else "limit")
    drawn = [proof.states] if proof.over_assumptions is None else [x.states for x in plan.under]
    few = min(drawn, default=0) < ENOUGH_STATES
    yield from equal(f"{here}illustrative", proof.illustrative, few)
    yield from _sums(plan, at, outcome.expected, without.expected)
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
    states = [_states(own.case) for own in together.instances]
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
    for told in plan.under:
        here, own = f"{at}under.{told.id}.", case.assumptions[told.id]
        yield from equal(f"{here}weight", told.weight, float(own.weight))
        if told is (plan.seen_under or (None if own.set else told)):
            for name in (*TAIL, "worst_mean"):
                yield from equal(f"{here}{name}", getattr(told, name), getattr(plan.outcome, name))
            for name in TAIL:
                bare, due = told.without_plan, plan.outcome.without_plan
                yield from equal(
                    f"{here}without_plan.{name}", getattr(bare, name), getattr(due, name)
                )


def _review(
    plan: Plan, told: results.AfterReview, instance: Instance, commitment: Commitment, at: str
) -> Found:
    """What is decided in each group, and what the review is worth."""
    of_groups = list(decided(instance, commitment))
    yield from equal(f"{at}review.groups", len(told.groups), len(of_groups))
    for n, (group, due) in enumerate(zip(told.groups, of_groups, strict=False)):
        for name, value in due.items():
            yield from equal(f"{at}review.groups.{n}.{name}", getattr(group, name), value)
    for name, mean in (
        ("expected", plan.outcome.expected),
        ("expected_without_plan", plan.outcome.without_plan.expected),
    ):
        parts = [group.probability * (getattr(group, name) or 0.0) for group in told.groups]
        yield from equal(f"{at}review.groups: {name}", math.fsum(parts), mean)
    if told.now is not None:
        proof = plan.certificate
        worth = told.now - proof.objective
        yield from equal(f"{at}review.worth", told.worth, worth, abs(told.now))
        most = None if proof.bound is None else told.now - proof.bound
        yield from equal(f"{at}review.worth_most", told.worth_most, most, abs(told.now))
        least = None if told.now_bound is None else max(0.0, told.now_bound - proof.objective)
        yield from equal(f"{at}review.worth_least", told.worth_least, least, abs(told.now))


def _states(case: Case) -> int:
    """How many states a scenario draws, or writes out."""
    asked = case.uncertainty
    if asked is None:
        return 1
    return int(asked.sample.states) if asked.sample is not None else len(asked.states or ())


def _under_sets(plan: Plan, together: Together, at: str) -> Found:
    """The outcome under each set of assumptions, and the objective over all of them."""
    names = [*(plan.case.assumptions if plan.case is not None else ())]
    yield from equal(f"{at}under", [own.id for own in plan.under], names)
    if len(plan.under) != len(names):
        return
    for told, instance in zip(plan.under, together.instances, strict=True):
        here, plans = f"{at}under.{told.id}.", plan_document.commitment_of(instance, plan)
        mean = told.expected if told.worst_mean is None else told.worst_mean
        damage = weighed_damage(instance, mean, told.cvar, {})
        objective = damage + weighed_cost(instance, plans)
        yield from equal(f"{here}states", told.states, _states(instance.case))
        yield from equal(f"{here}objective", told.objective, objective, abs(damage))
        yield from equal(f"{here}net_cost_meur", told.net_cost_meur, net_cost(instance, plans))
        due = None if told.best is None else told.objective - told.best
        yield from equal(f"{here}regret", told.regret, due, abs(told.objective))
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


def _frontier(found: results.Frontier, at: str) -> Found:
    own = None if found.case is None else float(found.case.objective.cvar.weight)
    for number, point in enumerate(found.points):
        weight = point.value if found.varied == WEIGHT else own
        least = ANY if found.without_plan is None else _least(found.without_plan, weight)
        yield from _proof(point, f"{at}points.{number}.", least)
    values = [point.value for point in found.points]
    yield from rising(at, [f"points.{n}.value" for n in range(len(values))], values)
    by_value = {point.value: point for point in found.points}
    for number, step in enumerate(found.steps):
        here = f"{at}steps.{number}."
        low, high = by_value.get(step.from_value), by_value.get(step.to_value)
        if low is None or high is None or low.expected is None or high.expected is None:
            yield Disagreement(f"{here}from_value", step.from_value, None)
            continue
        avoided = low.expected - high.expected
        yield from equal(f"{here}avoided", step.avoided, avoided, low.expected)
        yield from _exchanged(step, here, low.projects, high.projects)


def _disagreement(found: results.Disagreement, at: str) -> Found:
    """Under a set all regrets are taken from one best plan."""
    for one in found.sets:
        told = [plan.under[one.id] for plan in found.every if one.id in plan.under]
        for own in told[1:]:
            due = own.objective - (told[0].objective - told[0].regret)
            yield from equal(f"{at}under.{one.id}.regret", own.regret, due, abs(own.objective))


def _split(found: results.Split, at: str) -> Found:
    for rule in found.rules:
        here, members = f"{at}rules.{rule.rule}", rule.members.values()
        scale = math.fsum(abs(one.outlay_meur) for one in members)
        total = math.fsum(one.gain.value for one in members)
        yield from equal(f"{here}: gain", total, found.worth.value, scale)
        for player, one in rule.members.items():
            due = one.outlay_meur + one.transfer_meur
            yield from equal(f"{here}.members.{player}.pays_meur", one.pays_meur, due, scale)


def _evaluation(found: results.Evaluation, at: str) -> Found:
    fresh = found.fresh
    mean, without = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    yield from equal(f"{at}fresh.avoided.value", fresh.avoided.value, without - mean, without)
    due = mean - found.own_expected
    yield from equal(f"{at}fresh.optimism.value", fresh.optimism.value, due, abs(mean))
    yield from _sums(fresh, f"{at}fresh.", mean, without)
    if found.gap is not None:
        gaps = [one.gap for one in found.gap.replications]
        scale = max(map(abs, gaps), default=0.0)
        yield from equal(f"{at}gap.mean.value", found.gap.mean.value, mean_of(gaps), scale)
