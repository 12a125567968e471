"""What the results of the true scenario tell of the hidden figures, beside the redacted one.

The attacker has the redacted scenario, knows the method and its width, and sees the true
scenario's plan without the scenario in it. Nothing here looks at a true figure. Demand, budgets and
stocks come from identities of the plan; the value of a missing tonne from damage, which rises with
each value, so that the sweep of the published commitment bounds one while all others are at the
ends of their ranges.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

from scipy.optimize import brentq

from models.faults import Step
from models.results import BudgetLineUse, Plan
from models.scenario.chains import taken_in, tied_to
from optimizer.analyses.redaction import ranges as bounds
from optimizer.analyses.redaction.hidden import Figure
from optimizer.analyses.redaction.insider import World, damage_of, with_values
from optimizer.analyses.redaction.rewriting import Redacted

PINNED = 1e-6
"""A range this narrow is as good as the figure itself."""
DAMAGE_ROUNDS = 3


class Attacker:
    """Somebody with the redacted scenario and a plan of the true one."""

    def __init__(self, redacted: Redacted, plan: Plan) -> None:
        self.plan, self.case, self.replaced = plan, redacted.case, redacted.replaced
        self.world = World.of(redacted.case, plan)
        self.by_year = {m.id: m.by_year for m in plan.materials}

    def from_file(self) -> bounds.Ranges:
        """What the redacted scenario alone tells."""
        return {one.figure.dotted: (one.low, one.high) for one in self.replaced}

    def of(self, kind: str, *materials: str) -> list[Figure]:
        """The hidden figures of a kind, of all materials or of some."""
        every = (one.figure for one in self.replaced)
        return [f for f in every if f.kind == kind and (not materials or f.material in materials)]

    def materials(self, kind: str) -> list[str]:
        """The materials that hidden figures of a kind are of."""
        return list(dict.fromkeys(figure.material or "" for figure in self.of(kind)))

    def flows(self, material: str) -> set[int]:
        """The years of which a chain tells the flows of a material."""
        chains = self.plan.chains
        return {own.year for own in chains if any(f.material == material for f in own.forms)}


def _told_by_demand(
    result: str, attacker: Attacker, ranges: bounds.Ranges, *, in_flows: bool = False
) -> bounds.Ranges:
    """What demand of all consumers in each year tells, where a part of it is hidden.

    ``demand_t`` is just that, which flows of a chain say for one year (``in_flows``); of
    ``need_t``, over which ``days_of_cover`` is the planned stock, what conversions take in is
    known.
    """
    equations = []
    for m in attacker.materials("demand"):
        hidden = {(f.path, f.year): f.dotted for f in attacker.of("demand", m)}
        paths = {path for path, _ in hidden}
        stocks = [p.planned_t for p in attacker.plan.stockpiles if p.material == m]
        for text, known in attacker.by_year[m].items():
            year, told = int(text), getattr(known, result) or 0.0
            if in_flows and year not in attacker.flows(m):
                continue
            if result == "days_of_cover":
                told = 365 * math.fsum(held[text] for held in stocks) / told if told else 0.0
                if told <= 0:
                    continue
            if result != "demand_t":
                told -= taken_in(attacker.case, year).get(m, 0.0)
            weights: dict[str, float] = {}
            for position, row in enumerate(attacker.case.demand):
                path: tuple[Step, ...] = ("demand", position, "t_per_year")
                if row.material == m and path not in paths:
                    told -= row.t_per_year.at(year)
                elif row.material == m:
                    for at, weight in bounds.between(row.t_per_year.years, year):
                        name = hidden[path, at]
                        weights[name] = weights.get(name, 0.0) + weight
            equations.append(bounds.Equation(weights, told))
    return bounds.tightest(ranges, equations)


def _told_by_budgets(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """``budget_lines`` gives what is granted, in all and by year."""
    names = {(f.path, f.year): f.dotted for f in attacker.of("budget")}
    equations = []
    for use in attacker.plan.budget_lines:
        funder = attacker.case.funders[use.funder]
        at: tuple[Step, ...] = ("funders", use.funder)
        line = None if use.kind == "budget" else funder.budget_lines[use.line]
        total, yearly, carries = "budget_meur", "budget_by_year_meur", funder.carry_over
        if line is not None:
            at = (*at, "budget_lines", use.line)
            total, yearly, carries = "total_meur", "by_year_meur", line.carry_over
        known = {((*at, yearly), year): granted for year, granted in _granted(use, carries)}
        told = {((*at, total), None): use.total_meur} | known
        equations += [
            bounds.Equation({names[place]: 1.0}, granted)
            for place, granted in told.items()
            if place in names and granted is not None
        ]
        if line is not None and line.limit_meur is not None:
            limit = (*at, "limit_meur")
            for text, available in (use.available_meur or {}).items():
                pairs = bounds.between(line.limit_meur.years, int(text))
                weights = {names[limit, y]: w for y, w in pairs if (limit, y) in names}
                equations += [bounds.Equation(weights, available)] if weights else []
    return bounds.tightest(ranges, equations)


def _granted(use: BudgetLineUse, carries_over: bool) -> Iterator[tuple[int, float]]:
    """What each year grants, without what was carried over into it."""
    left = 0.0
    for year, available in (use.available_meur or {}).items():
        yield int(year), available - left
        left = max(0.0, available - use.used_meur[year]) if carries_over else 0.0


def _told_by_spending(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """A budget is no less than what is spent of it."""
    found = dict(ranges)
    for figure in attacker.of("budget"):
        f, name = str(figure.path[1]), figure.path[-1]
        spent = attacker.plan.spend_meur[f]
        if len(figure.path) == 3 and name == "budget_meur":
            bounds.narrow(found, figure.dotted, math.fsum(spent.values()) * (1 - PINNED))
        elif name == "budget_by_year_meur" and not attacker.case.funders[f].carry_over:
            bounds.narrow(found, figure.dotted, spent.get(str(figure.year), 0.0) * (1 - PINNED))
    return found


def _told_by_stocks(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """``planned_t`` less what was bought is what lay there; a room is no less than that."""
    found, horizon = dict(ranges), attacker.case.horizon
    plans = {pile.id: pile for pile in attacker.plan.stockpiles}
    n, first = int(horizon.periods_per_year), str(horizon.first_year)
    for figure in attacker.of("stock"):
        pile = attacker.case.stockpiles[int(figure.path[1])]
        plan, keeps = plans[pile.id], (1 - float(pile.annual_loss)) ** (1 / n)
        if figure.path[2] == "initial_t":
            kept = math.fsum(keeps**k for k in range(n)) * plan.buy_t[first] / n
            lay = (plan.planned_t[first] - kept) / keeps**n
            slack = bounds.PRECISION * max(1.0, plan.planned_t[first])
            bounds.narrow(found, figure.dotted, lay - slack, lay + slack)
        elif figure.path[2] == "max_t":
            bounds.narrow(found, figure.dotted, max(plan.planned_t.values()) * (1 - PINNED))
    return found


def _told_by_damage(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """Damage of a material, with and without the plan: over what is missing, it is the value.

    Materials of a chain are looked at together. Where their demand is still open nothing is
    concluded.
    """
    found = dict(ranges)
    if attacker.plan.outcome.measure != "damage":
        return found
    for m in attacker.materials("damage_value"):
        tied = tied_to(attacker.case, m)
        if any(bounds.width(*found[f.dotted]) > PINNED for f in attacker.of("demand", *tied)):
            continue
        some = [one for one in attacker.plan.materials if one.id in tied]
        both = (
            math.fsum(one.expected for one in some),
            math.fsum(one.expected_without_plan for one in some),
        )
        for _ in range(DAMAGE_ROUNDS):
            before = dict(found)
            for figure in attacker.of("damage_value", m):
                for which, damage in enumerate(both):
                    if damage > bounds.NOISE:
                        _bound(attacker, found, figure, which, damage)
            if before == found:
                break
    return found


def _bound(
    attacker: Attacker, ranges: bounds.Ranges, figure: Figure, which: int, damage: float
) -> None:
    """Bound a value by damage: from below with all others at their highest, and the reverse."""
    for highest in (True, False):
        low, high = ranges[figure.dotted]
        of = partial(_damage, attacker, dict(ranges), figure, which, highest)
        target = damage * (1 - bounds.PRECISION if highest else 1 + bounds.PRECISION)
        if not low < high:
            return
        least, most = of(low), of(high)
        if not (least < target <= most if highest else least <= target < most):
            continue
        root = float(brentq(lambda x, of=of, t=target: of(x) - t, low, high, rtol=1e-10))
        if highest:
            bounds.narrow(ranges, figure.dotted, root * (1 - bounds.PRECISION))
        else:
            bounds.narrow(ranges, figure.dotted, high=root * (1 + bounds.PRECISION))


def _damage(
    attacker: Attacker, ranges: bounds.Ranges, figure: Figure, which: int, highest: bool, x: float
) -> float:
    """Damage of a material, and of those tied to it, with one value given, all else at its worst,
    or at its best."""
    end, material = int(highest), figure.material or ""
    tied = tied_to(attacker.case, material)
    values = {f: ranges[f.dotted][end] for f in attacker.of("damage_value", *tied)}
    values |= {f: math.fsum(ranges[f.dotted]) / 2 for f in attacker.of("demand", *tied)}
    # A larger stock never does harm.
    values |= {f: ranges[f.dotted][1 - end] for f in attacker.of("stock", *tied)}
    for f in values:
        if f.path[:2] == figure.path[:2] and f.kind == "damage_value":
            # Steps rise: those before are no dearer, those after no cheaper.
            before = int(f.path[3]) < int(figure.path[3])
            values[f] = min(values[f], x) if before else max(values[f], x)
    values[figure] = x
    # Shares of steps make damage as high or as low as can be, and add up to 1.
    shares = attacker.of("damage_share", *tied)
    for curve in dict.fromkeys(one.path[:2] for one in shares):
        steps = [one for one in shares if one.path[:2] == curve]
        rest = 1 - math.fsum(ranges[one.dotted][0] for one in steps)
        for one in reversed(steps) if highest else steps:
            low, high = ranges[one.dotted]
            more = max(0.0, min(high - low, rest))
            values[one], rest = low + more, rest - more
    case = with_values(attacker.case, values)
    return damage_of(attacker.world.outcome(case, material)[which], case, material)


TOLD: dict[str, Callable[[Attacker, bounds.Ranges], bounds.Ranges]] = {
    **{
        f"materials.by_year.{result}": partial(_told_by_demand, result)
        for result in ("demand_t", "need_t", "days_of_cover")
    },
    "chains": partial(_told_by_demand, "demand_t", in_flows=True),
    "budget_lines": _told_by_budgets,
    "spend_meur": _told_by_spending,
    "stockpiles.planned_t": _told_by_stocks,
    "materials.expected": _told_by_damage,
}
"""What each result of a plan tells, by where it stands there."""
