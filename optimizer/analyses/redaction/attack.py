"""What the results of the true scenario tell of the hidden figures, beside the redacted one.

The attacker has the redacted scenario, knows the method and its width, and sees the true
scenario's plan without the scenario in it. Nothing here looks at a true figure. Demand, budgets and
stocks come from identities of the plan; the value of a missing tonne from damage, which rises with
each value, so that the sweep of the published commitment bounds one while all others are at the
ends of their ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.optimize import brentq

from models.results import BudgetLineUse, Plan
from models.scenario.case import Case
from optimizer.analyses.redaction.candidates import World, with_values
from optimizer.analyses.redaction.hidden import Figure
from optimizer.analyses.redaction.ranges import (
    NOISE,
    PRECISION,
    Equation,
    Ranges,
    between,
    narrow,
    propagated,
    width,
)
from optimizer.analyses.redaction.rewriting import Redacted

PINNED = 1e-6
"""A range this narrow is as good as the figure itself."""
DAMAGE_ROUNDS = 3

Results = Callable[["Attacker", Ranges], Ranges]


@dataclass(eq=False)
class Attacker:
    """Somebody with the redacted scenario and a plan of the true one."""

    redacted: Redacted
    plan: Plan
    figures: tuple[Figure, ...] = field(init=False)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.figures = tuple(one.figure for one in self.redacted.replaced)
        self.world = World.of(self.redacted.case, self.plan)

    @property
    def case(self) -> Case:
        """All that is public of the scenario."""
        return self.redacted.case

    def from_file(self) -> Ranges:
        """What the redacted scenario alone tells."""
        return {one.figure.dotted: (one.low, one.high) for one in self.redacted.replaced}

    def of(self, kind: str, material: str | None = None) -> list[Figure]:
        """The hidden figures of a kind, and of a material."""
        return [f for f in self.figures if f.kind == kind and (material in (None, f.material))]

    def demand_equations(self, total: Callable[[str, str], float | None]) -> Iterator[Equation]:
        """Demand of all consumers in each year, where it is published and a part is hidden."""
        for m in dict.fromkeys(figure.material for figure in self.of("demand")):
            assert m is not None
            for year in self.case.horizon.years:
                told = total(m, str(year))
                if told is not None:
                    yield self._demand(m, year, told)

    def _demand(self, material: str, year: int, told: float) -> Equation:
        hidden = {(f.path, f.year): f.dotted for f in self.of("demand", material)}
        weights: dict[str, float] = {}
        for position, row in enumerate(self.case.demand):
            if row.material != material:
                continue
            path, years = ("demand", position, "t_per_year"), row.t_per_year.years
            if not any(key[0] == path for key in hidden):
                told -= row.t_per_year.at(year)
                continue
            for at, weight in between(years, year):
                name = hidden[path, years[at] if years else None]
                weights[name] = weights.get(name, 0.0) + weight
        return Equation(weights, told)


def demand_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """``demand_t`` is the demand of all consumers: what is known of it leaves what is hidden."""
    tables = {m.id: m.by_year for m in attacker.plan.materials}
    return propagated(
        ranges, list(attacker.demand_equations(lambda m, year: tables[m][year].demand_t))
    )


def cover_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """``days_of_cover`` is the planned stock over demand."""
    tables = {m.id: m.by_year for m in attacker.plan.materials}

    def total(material: str, year: str) -> float | None:
        held = math.fsum(
            p.planned_t[year] for p in attacker.plan.stockpiles if p.material == material
        )
        days = tables[material][year].days_of_cover
        return 365 * held / days if days and held > 0 else None

    return propagated(ranges, list(attacker.demand_equations(total)))


def budgets_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """``budget_lines`` gives what is granted, in all and by year."""
    found = dict(ranges)
    names = {(f.path, f.year): f.dotted for f in attacker.of("budget")}
    equations = []
    for use in attacker.plan.budget_lines:
        funder = attacker.case.funders[use.funder]
        own, path = use.kind == "budget", ("funders", use.funder)
        line = None if own else funder.budget_lines[use.line]
        at = path if own else (*path, "budget_lines", use.line)
        total = (*at, "budget_meur" if own else "total_meur")
        if (total, None) in names and use.total_meur is not None:
            equations.append(Equation({names[total, None]: 1.0}, use.total_meur))
        yearly = (*at, "budget_by_year_meur" if own else "by_year_meur")
        carry = funder.carry_over if line is None else line.carry_over
        for year, granted in _granted(use, carry):
            if (yearly, year) in names:
                equations.append(Equation({names[yearly, year]: 1.0}, granted))
        if line is not None and line.limit_meur is not None:
            years = line.limit_meur.years
            for text, limit in (use.available_meur or {}).items():
                weights = {
                    names[(*at, "limit_meur"), years[k] if years else None]: weight
                    for k, weight in between(years, int(text))
                    if ((*at, "limit_meur"), years[k] if years else None) in names
                }
                if weights:
                    equations.append(Equation(weights, limit))
    return propagated(found, equations)


def _granted(use: BudgetLineUse, carry_over: bool) -> Iterator[tuple[int, float]]:
    """What each year grants, without what was carried over into it."""
    left = 0.0
    for year, available in (use.available_meur or {}).items():
        yield int(year), available - left
        left = max(0.0, available - use.used_meur[year]) if carry_over else 0.0


def spending_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """A budget is no less than what is spent of it."""
    found = dict(ranges)
    for figure in attacker.of("budget"):
        f, name = str(figure.path[1]), figure.path[-1]
        spent = attacker.plan.spend_meur[f]
        if len(figure.path) == 3 and name == "budget_meur":
            narrow(
                found,
                figure.dotted,
                math.fsum(spent.values()) * (1 - PINNED),
                found[figure.dotted][1],
            )
        elif name == "budget_by_year_meur" and not attacker.case.funders[f].carry_over:
            least = spent.get(str(figure.year), 0.0) * (1 - PINNED)
            narrow(found, figure.dotted, least, found[figure.dotted][1])
    return found


def stocks_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """``planned_t`` less what was bought is what lay there; a room is no less than that."""
    found = dict(ranges)
    plans = {pile.id: pile for pile in attacker.plan.stockpiles}
    n = int(attacker.case.horizon.periods_per_year)
    first = str(attacker.case.horizon.first_year)
    for figure in attacker.of("stock"):
        pile = attacker.case.stockpiles[int(figure.path[1])]
        plan, keeps = plans[pile.id], (1 - float(pile.annual_loss)) ** (1 / n)
        if figure.path[2] == "initial_t":
            kept = math.fsum(keeps**k for k in range(n)) * plan.buy_t[first] / n
            lay = (plan.planned_t[first] - kept) / keeps**n
            slack = PRECISION * max(1.0, plan.planned_t[first])
            narrow(found, figure.dotted, lay - slack, lay + slack)
        elif figure.path[2] == "max_t":
            held = max(plan.planned_t.values()) * (1 - PINNED)
            narrow(found, figure.dotted, held, found[figure.dotted][1])
    return found


def damage_told(attacker: Attacker, ranges: Ranges) -> Ranges:
    """Damage of a material, with and without the plan: over what is missing, it is the value.

    Where its demand is still open nothing is concluded.
    """
    found = dict(ranges)
    if attacker.plan.outcome.measure != "damage":
        return found
    for m in dict.fromkeys(figure.material for figure in attacker.of("damage_value")):
        assert m is not None
        demand = attacker.of("demand", m)
        if all(width(*found[f.dotted]) <= PINNED for f in demand):
            for _ in range(DAMAGE_ROUNDS):
                before = dict(found)
                for figure in attacker.of("damage_value", m):
                    _bound(attacker, found, m, figure)
                if before == found:
                    break
    return found


def _bound(attacker: Attacker, ranges: Ranges, material: str, figure: Figure) -> None:
    """Bound a value by damage: from below with all others at their highest, and the reverse."""
    told = next(one for one in attacker.plan.materials if one.id == material)
    for which, damage in enumerate((told.expected, told.expected_without_plan)):
        if damage <= NOISE:
            continue
        slack = PRECISION * damage
        low, high = ranges[figure.dotted]
        if not low < high:
            return

        def least(x: float, which: int = which) -> float:
            return _damage(attacker, ranges, material, figure, x, which, highest=False)

        def most(x: float, which: int = which) -> float:
            return _damage(attacker, ranges, material, figure, x, which, highest=True)

        if most(low) < damage - slack <= most(high):
            root = brentq(lambda x, f=most, t=damage - slack: f(x) - t, low, high, rtol=1e-10)
            narrow(ranges, figure.dotted, float(root) * (1 - PRECISION), high)
        low = ranges[figure.dotted][0]
        if low < high and least(low) <= damage + slack < least(high):
            root = brentq(lambda x, f=least, t=damage + slack: f(x) - t, low, high, rtol=1e-10)
            narrow(ranges, figure.dotted, low, float(root) * (1 + PRECISION))


def _damage(
    attacker: Attacker,
    ranges: Ranges,
    material: str,
    figure: Figure,
    x: float,
    which: int,
    *,
    highest: bool,
) -> float:
    """Damage of a material with one value given, all else at its worst, or at its best."""
    end = 1 if highest else 0
    values = {f: ranges[f.dotted][end] for f in attacker.of("damage_value", material)}
    values |= {f: math.fsum(ranges[f.dotted]) / 2 for f in attacker.of("demand", material)}
    # A larger stock never does harm.
    values |= {f: ranges[f.dotted][1 - end] for f in attacker.of("stock", material)}
    for f in values:
        if f.path[:2] == figure.path[:2] and f.kind == "damage_value":
            # Steps rise: those before are no dearer, those after no cheaper.
            before = int(f.path[3]) < int(figure.path[3])
            values[f] = min(values[f], x) if before else max(values[f], x)
    values[figure] = x
    values |= _shares(attacker.of("damage_share", material), ranges, highest)
    case = with_values(attacker.case, values)
    return attacker.world.outcome(case, material)[which].by_material[material]


def _shares(figures: Sequence[Figure], ranges: Ranges, highest: bool) -> Mapping[Figure, float]:
    """Shares of steps that make damage as high or as low as can be: they add up to 1."""
    made: dict[Figure, float] = {}
    for curve in dict.fromkeys(figure.path[:2] for figure in figures):
        steps = [figure for figure in figures if figure.path[:2] == curve]
        rest = 1 - math.fsum(ranges[figure.dotted][0] for figure in steps)
        for figure in reversed(steps) if highest else steps:
            low, high = ranges[figure.dotted]
            more = max(0.0, min(high - low, rest))
            made[figure], rest = low + more, rest - more
    return made


TOLD: dict[str, Results] = {
    "materials.by_year.demand_t": demand_told,
    "materials.by_year.days_of_cover": cover_told,
    "budget_lines": budgets_told,
    "spend_meur": spending_told,
    "stockpiles.planned_t": stocks_told,
    "materials.expected": damage_told,
}
"""What each result of a plan tells, by where it stands there."""
