"""Identities of results other than plans: frontiers, evaluations, what experts disagree on.

Where a result carries its scenario, what follows from that without a sweep is compared as well.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any

from models import results
from models.files.reading import under_assumptions
from models.results import Plan
from models.scenario.case import Case
from optimizer.model.instance import read_instance
from optimizer.model.states import states_of
from optimizer.model.together import Together
from optimizer.solve.gap import SMALLEST, gap_of, smallest_size
from optimizer.solve.identities import Disagreement, Found, between, equal, mean_of, rising
from optimizer.solve.quantities import fresh_materials

WEIGHT = "objective.cvar.weight"  # what a frontier varies over tail risk
TAIL = ("expected", "cvar", "worst")
BOTH = ("with_plan", "without_plan")


def sums(found: Plan | results.FreshOutcome, at: str, mean: float, without: float) -> Found:
    """What materials and consumers add up to, with the plan and without any."""
    for name, items in (("materials", found.materials), ("consumers", found.consumers)):
        for field, due in (("expected", mean), ("expected_without_plan", without)):
            total = math.fsum(getattr(item, field) for item in items)
            yield from equal(f"{at}{name}: {field}", total, due)


def exchanged(
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


def least_of(without: results.WithoutPlan, weight: float | None) -> Least:
    """That of what comes without a plan, by the weight of the worst states; None where unknown."""
    if weight is None:
        return ANY[0], SMALLEST * max(1.0, without.cvar)
    mean = without.expected if without.worst_mean is None else without.worst_mean
    known = smallest_size((1 - weight) * mean + weight * without.cvar)
    return known, known


def proven(found: Any, at: str, least: Least = ANY) -> Found:
    """Objective, bound and gap, wherever they stand together."""
    if found.objective is None:
        return
    yield from rising(at, ("bound", "objective"), (found.bound, found.objective))
    low, high = (gap_of(found.objective, found.bound, size) for size in reversed(least))
    if None in (found.gap, low, high) or not low <= found.gap <= high:
        yield from equal(f"{at}gap", found.gap, high)


Tail = tuple[float, float, float]  # mean, CVaR and worst state


def spread(
    found: results.Distribution | None, level: float | None, held: Tail, without: Tail, at: str
) -> Found:
    """Whether quantiles agree with mean, CVaR and worst state, with a plan and without any;
    ``level`` is that of the CVaR, None where it is not known."""
    if found is None:
        return
    at = f"{at}distribution."
    yield from equal(f"{at}with_plan", found.with_plan[-1], held[2])
    yield from equal(f"{at}without_plan", found.without_plan[-1], without[2])
    means = [("with_plan", 0.0, held[0], 0.0), ("without_plan", 0.0, without[0], 0.0)]
    means += [("avoided", 0.0, without[0] - held[0], without[0])]
    if level is not None and level < 1:
        means += [("with_plan", level, held[1], 0.0), ("without_plan", level, without[1], 0.0)]
    for name, since, mean, scale in means:
        # A mean lies between what it is if each step counts at its lower and at its upper end.
        steps = getattr(found, name)
        widths = [max(0.0, high - max(low, since)) for low, high in pairwise(found.levels)]
        least, most = (
            math.fsum(width * q for width, q in zip(widths, ends, strict=True)) / (1 - since)
            for ends in (steps[:-1], steps[1:])
        )
        yield from between(f"{at}{name}", mean, least, most, scale)


def tail_of(found: Any) -> Tail:
    """Mean, CVaR and worst state; of estimates their values."""
    mean, cvar, worst = (getattr(found, name) for name in ("expected", "cvar", "worst"))
    return getattr(mean, "value", mean), getattr(cvar, "value", cvar), worst


def _adds_up(case: Case | None) -> bool:
    """Whether an objective is made of mean, CVaR and net cost alone."""
    asked = None if case is None else case.objective
    return asked is not None and asked.over_assumptions is None and asked.ambiguity is None


def _weighed(
    case: Case, mean: float, cvar: float, cost: float, weight: float | None = None
) -> float:
    """The objective of mean, CVaR and net cost, by the scenario's weight of the CVaR or another."""
    tail = float(case.objective.cvar.weight) if weight is None else weight
    return (1 - tail) * mean + tail * cvar + float(case.objective.cost_weight) * cost


def frontier(found: results.Frontier, at: str) -> Found:
    """Compare points with their plans, and steps with their points."""
    case = found.case
    own = None if case is None else float(case.objective.cvar.weight)
    over = None if case is None else case.objective.over_assumptions
    if case is not None and over is None:
        yield from equal(f"{at}states", found.states, states_of(case))
    for number, point in enumerate(found.points):
        here, weight = f"{at}points.{number}.", point.value if found.varied == WEIGHT else own
        bare = None if over is not None else found.without_plan  # which differs under each set
        least = ANY if bare is None else least_of(bare, weight)
        yield from proven(point, here, least)
        if case is None or point.objective is None:
            continue
        spent = point.spend_meur.items()
        public = math.fsum(x for f, x in spent if case.funders[f].kind == "public")
        yield from equal(f"{here}public_meur", point.public_meur, public)
        varied = found.varied.startswith("objective.") and found.varied != WEIGHT
        if _adds_up(case) and not varied:
            (mean, cvar, _), cost = tail_of(point), point.net_cost_meur or 0.0
            due = _weighed(case, mean, cvar, cost, weight)
            yield from equal(f"{here}objective", point.objective, due, abs(mean) + abs(cost))
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
        yield from exchanged(step, here, low.projects, high.projects)
        then = high.projects
        later = {p: (y, then[p]) for p, y in low.projects.items() if then.get(p, y) != y}
        yield from equal(f"{here}moved", step.moved, later)
        for h, moved in step.stocks_t.items():
            held, due = low.stocks_t.get(h, 0.0), high.stocks_t.get(h, 0.0)
            yield from equal(f"{here}stocks_t.{h}", moved, due - held, held)
        if (per := step.marginal) is not None and step.to_value > step.from_value:
            ends = low.expected, low.expected_bound, high.expected, high.expected_bound
            had, least_low, has, least_high = ends
            width, by_name = step.to_value - step.from_value, {"plans": had - has}
            by_name["low"] = 0.0 if least_low is None else least_low - has
            if least_high is not None:
                by_name["high"] = had - least_high
            for name, value in by_name.items():
                due = max(0.0, value) / width
                yield from equal(f"{here}marginal.{name}", getattr(per, name), due, had / width)


def disagreement(found: results.Disagreement, at: str) -> Found:
    """Plans under sets: under each all regrets are taken from one best plan."""
    yield from equal(f"{at}states", found.states, sum(one.states for one in found.sets))
    if found.case is not None:
        drawn = {id: states_of(own) for id, own in under_assumptions(found.case).items()}
        weights = {id: float(own.weight) for id, own in found.case.assumptions.items()}
        yield from equal(f"{at}sets: states", {x.id: x.states for x in found.sets}, drawn)
        yield from equal(f"{at}sets: weight", {x.id: x.weight for x in found.sets}, weights)
    worst = SMALLEST * max(1.0, *(x.without_plan.worst for x in found.sets))
    for number, plan in enumerate(found.plans):
        here, own = f"{at}plans.{number}.", plan.under.get(plan.of or "")
        yield from proven(plan, here, (ANY[0], worst))
        if own is not None:
            scale = abs(own.expected)
            yield from equal(f"{here}objective", plan.objective, own.objective, scale)
    for one in found.sets:
        outcomes = [plan.under[one.id] for plan in found.every if one.id in plan.under]
        for own in outcomes[1:]:
            due = own.objective - (outcomes[0].objective - outcomes[0].regret)
            yield from equal(f"{at}under.{one.id}.regret", own.regret, due, abs(own.objective))
    for_all = found.compromise
    if for_all is None or any(one.id not in for_all.under for one in found.sets):
        return
    under = [for_all.under[one.id] for one in found.sets]
    values, best = [x.objective for x in under], [x.objective - x.regret for x in under]
    together = Together((), tuple(x.weight for x in found.sets), found.over, (0.0,) * len(best))
    scale, least = max(map(abs, values)), worst
    if found.over == "regret":
        together, least = replace(together, best=tuple(best)), max(worst, *map(abs, best))
    yield from proven(for_all, f"{at}compromise.", (ANY[0], least))
    due = together.objective(values)
    yield from equal(f"{at}compromise.objective", for_all.objective, due, scale)
    for number, what in enumerate(found.deciding):
        own = next((x.under.get(what.of) for x in found.plans if x.of == what.of), None)
        if own is not None and what.of in for_all.under:
            due = for_all.under[what.of].objective - own.objective
            yield from equal(f"{at}deciding.{number}.gain", what.gain, due, abs(own.objective))


def split(found: results.Split, at: str) -> Found:
    """Check that gains of members add up to the joint gain, and payments to their parts."""
    for rule in found.rules:
        here, members = f"{at}rules.{rule.rule}", rule.members.values()
        scale = math.fsum(abs(one.outlay_meur) for one in members)
        total = math.fsum(one.gain.value for one in members)
        yield from equal(f"{here}: gain", total, found.worth.value, scale)
        for player, one in rule.members.items():
            due = one.outlay_meur + one.transfer_meur
            yield from equal(f"{here}.members.{player}.pays_meur", one.pays_meur, due, scale)


def evaluation(found: results.Evaluation, at: str) -> Found:
    """Compare what each part of an evaluation is made of."""
    fresh = found.fresh
    mean, without = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    yield from equal(f"{at}fresh.avoided.value", fresh.avoided.value, without - mean, without)
    due = mean - found.own_expected
    yield from equal(f"{at}fresh.optimism.value", fresh.optimism.value, due, abs(mean))
    yield from sums(fresh, f"{at}fresh.", mean, without)
    if found.gap is not None:
        gaps = [one.gap for one in found.gap.replications]
        scale = max(map(abs, gaps), default=0.0)
        yield from equal(f"{at}gap.mean.value", found.gap.mean.value, mean_of(gaps), scale)
        left = [one.found - one.bound for one in found.gap.replications]
        bounds = [one.bound for one in found.gap.replications]
        scale = max(map(abs, bounds), default=0.0)
        yield from equal(f"{at}gap.solver_share", found.gap.solver_share, mean_of(left), scale)
        yield from equal(f"{at}gap.lower_bound", found.gap.lower_bound.value, mean_of(bounds))
    yield from _looked_at(found, at)
    yield from _solved(found, at)
    yield from _of_case(found, at)


def _looked_at(found: results.Evaluation, at: str) -> Found:
    """What is made of figures of the same states."""
    fresh, longer = found.fresh, found.longer
    mean, without = fresh.with_plan.expected.value, fresh.without_plan.expected.value
    level = found.cvar_level if found.states_of is None else None
    held, bare = tail_of(fresh.with_plan), tail_of(fresh.without_plan)
    yield from spread(fresh.distribution, level, held, bare, f"{at}fresh.")
    for name, due in (("expected", mean), ("expected_without_plan", without)):
        total = math.fsum(getattr(year, name) for year in fresh.by_year.values())
        yield from equal(f"{at}fresh.by_year: {name}", total, due)
    looked: list[tuple[str, Any]] = [
        ("fresh", fresh),
        *((f"under.{n}", one) for n, one in enumerate(found.under)),
    ]
    looked += [] if longer is None else [("longer", longer)]
    for name, one in looked:
        due = one.without_plan.expected.value - one.with_plan.expected.value
        scale = one.without_plan.expected.value
        yield from equal(f"{at}{name}.avoided.value", one.avoided.value, due, scale)
    seen = [(f"{name}.{of}", getattr(x, of)) for name, x in looked for of in BOTH]
    seen += [(f"rules.{n}.performance", one.performance) for n, one in enumerate(found.rules)]
    for name, performance in seen:
        yield from rising(f"{at}{name}.", TAIL, tail_of(performance))
    foresight = {one.id: one.expected for one in fresh.materials}
    for number, rule in enumerate(found.rules):
        here, value = f"{at}rules.{number}.", rule.performance.expected.value
        yield from equal(f"{here}above_foresight", rule.above_foresight.value, value - mean, value)
        total = math.fsum(one.expected for one in rule.materials)
        yield from equal(f"{here}materials: expected", total, value)
        for one in rule.materials:
            said, name = one.expected_with_foresight, f"{here}materials.{one.id}"
            yield from equal(f"{name}.expected_with_foresight", said, foresight.get(one.id))
    if longer is not None:
        within = longer.net_cost_within_meur
        yield from equal(f"{at}longer.net_cost_within_meur", within, found.net_cost_meur)
        if not fresh.sampled:
            scale, said = without, longer.avoided_within
            yield from equal(f"{at}longer.avoided_within", said, without - mean, scale)


def _solved(found: results.Evaluation, at: str) -> Found:
    """What is made of figures of the plan's own states."""
    if (known := found.information) is not None:
        here, best, see = f"{at}information.", known.recourse_problem, known.wait_and_see
        scale = max(map(abs, (best.low, best.high, see.low, see.high, known.mean_plan)))
        high = best.high - see.low
        for name, said, due in (
            ("of_states", known.of_states, found.own_states),
            ("recourse_problem.high", best.high, min(found.own_objective, known.mean_plan)),
            ("evpi.low", known.evpi.low, min(high, max(0.0, best.low - see.high))),
            ("evpi.high", known.evpi.high, high),
            ("vss.low", known.vss.low, known.mean_plan - best.high),
            ("vss.high", known.vss.high, known.mean_plan - best.low),
        ):
            yield from equal(f"{here}{name}", said, due, scale)
        names = ("distinct", "states", "of_states")
        yield from rising(here, names, [getattr(known, name) for name in names])
        if known.wait_and_see_error is None:
            yield from equal(f"{here}states", known.states, known.of_states)
    if (tail := found.tail) is not None:
        here, least = f"{at}tail.", tail.neutral
        yield from equal(f"{here}level", tail.level, found.cvar_level)
        yield from equal(f"{here}neutral.weight", least.weight, 0.0)
        due = least.cvar - tail.averse.cvar
        yield from equal(f"{here}bought", tail.bought, due, abs(least.cvar))
    if (other := found.counterfactual) is not None:
        # Of the plan's own states it is not known what comes without any plan, but of others.
        most = 1000 * SMALLEST * max(1.0, found.fresh.without_plan.worst)
        yield from proven(other, f"{at}counterfactual.", (ANY[0], most))


def _of_case(found: results.Evaluation, at: str) -> Found:
    """What the scenario of the plan makes of the rest."""
    case, fresh = found.case, found.fresh
    if case is None:
        return
    for one in found.under:
        weight = float(case.assumptions[one.id].weight)
        yield from equal(f"{at}under.{one.id}.weight", one.weight, weight)
    if case.objective.over_assumptions is not None:
        return
    yield from equal(f"{at}own_states", found.own_states, states_of(case))
    if (longer := found.longer) is not None:
        last = case.horizon.years[-1] + longer.years
        yield from equal(f"{at}longer.last_year", longer.last_year, last)
    if found.states_of is not None:
        return
    if not fresh.sampled:
        yield from equal(f"{at}fresh.states", fresh.states, found.own_states)
        cvar = fresh.with_plan.cvar.value
        yield from equal(f"{at}own_cvar", found.own_cvar, cvar)
    if case.decides_again is None:
        yield from fresh_materials(fresh, read_instance(case), f"{at}fresh.")
    if not _adds_up(case):
        return
    cost = found.net_cost_meur
    scale = abs(found.own_expected) + abs(cost)
    if case.decides_again is None:  # else costs depend on the states
        mean, cvar, _ = tail_of(fresh.with_plan)
        due = _weighed(case, mean, cvar, cost)
        yield from equal(f"{at}fresh.objective.value", fresh.objective.value, due, scale)
    due = _weighed(case, found.own_expected, found.own_cvar, cost)
    yield from equal(f"{at}own_objective", found.own_objective, due, scale)
    if (other := found.counterfactual) is not None and other.variant is None:
        due = _weighed(case, other.expected, other.cvar, other.net_cost_meur)
        here = f"{at}counterfactual.objective"
        yield from equal(here, other.objective, due, scale)
    if (tail := found.tail) is not None:
        plans = tail.neutral, tail.averse
        least, mean = (_weighed(case, x.expected, x.cvar, x.net_cost_meur, 0.0) for x in plans)
        scale = tail.averse.expected
        yield from equal(f"{at}tail.premium.low", tail.premium.low, max(0.0, mean - least), scale)
