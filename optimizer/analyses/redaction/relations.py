"""Figures that follow from hidden ones: limits, shares, sums with hidden parts, and multiples.

The true figures are known here, so it is enough to see what agrees. A figure that is a simple
multiple of a hidden one, or of a sum with hidden parts, was probably made from it, and whoever
guesses so has the hidden one. Limits of stocks and terms that hidden consumers and companies share
with others are searched with many ratios, since such figures are replaced along with the hidden
ones; all other figures with few, and only where they have three digits that can agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from models.faults import Step
from models.scenario.case import Case
from optimizer.analyses.redaction.hidden import Figure
from optimizer.analyses.redaction.ranges import Equation, between

Content = dict[str, Any]
Path = tuple[Step, ...]
Values = Mapping[Figure, float]

FEW = (1.0, 2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, 5.0, 0.2, 10.0, 0.1, 20.0, 0.05, 0.15, 0.75, 0.025)
SOME = (
    *FEW,
    *(n / 20 for n in range(1, 31)),
    *(n / 12 for n in range(1, 13)),
    *(n * 30 / 365 for n in range(1, 7)),
    *(0.01, 0.02, 0.125),
)
"""Ratios between a stock that is shared and what all those whom it serves need."""
MANY = (
    *(n / 365 for n in range(5, 365, 5)),
    *(n / 100 for n in range(1, 100)),
    *(n / 200 for n in range(1, 40)),
    *(1 / n for n in range(6, 10)),
    *(float(n) for n in range(6, 13)),
)
"""Ratios between what somebody keeps, buys or pays and what they need; the simplest come first."""
LEAST_DIGITS = 3
"""Figures of fewer digits agree with others by chance."""
FINE = 0.006
"""Figures that are rounded more coarsely agree with others by chance."""
UNUSUAL = 0.002
"""The same for ratios that are not among the usual ones."""
COARSE = 0.05
"""Rounding of small figures, at most."""
ALIKE = 0.005
"""Profiles whose growth differs by less are said to grow alike."""

_UNIT = re.compile(r"(?:.*?_)?(eur_per_t|meur|(?<!per_)t)(?:_per_year|_per_period)?")
_YEAR = re.compile(r"\d{4}")
_OF = {"demand": "t", "stock": "t", "budget": "meur", "damage_value": "eur_per_t"}


class Total(NamedTuple):
    """A sum of hidden figures, weighted, and of known ones."""

    weights: Values
    known: float
    parts: frozenset[str]
    """The consumers or funders that it is the sum over."""
    whole: bool = False
    """Whether it is over all that there are."""

    def of(self, values: Values) -> float:
        """The sum with these values of the hidden figures."""
        return math.fsum((self.known, *(w * values[f] for f, w in self.weights.items())))


class Relation(NamedTuple):
    """A figure that agrees with a multiple of a total, or with its share of one."""

    figure: Figure
    times: float
    total: Total
    others: Total | None = None
    """What the rest of a whole adds up to, where the figure is a share of it."""

    def at(self, values: Values, of_others: Values | None = None) -> float:
        """What the figure is with these values of the hidden figures."""
        part = self.total.of(values)
        if self.others is None:
            return self.times * part
        whole = part + self.others.of(of_others or values)
        return self.times * part / whole if whole else 0.0

    @property
    def hidden(self) -> list[str]:
        """What it is a sum of, by dotted paths; of what is known the amount."""
        known = [f"{self.total.known:.6g}"] if self.total.known else []
        return [*(figure.dotted for figure, w in self.total.weights.items() if w), *known]

    def equation(self, replaced: bool) -> Equation:
        """What it says of the hidden figures, for who knows the figure, or where that is replaced
        along with them."""
        value, path, slack = float(self.figure.value), self.figure.dotted, slack_of(self.figure)
        hidden = (*self.total.weights, *(self.others.weights if self.others else ()))
        truth = {figure: figure.value for figure in hidden}
        if abs(value - self.at(truth)) <= last_place(value) / 2:
            slack = min(slack, last_place(value) / 2)
        whole = {f.dotted: self.times * w for f, w in self.total.weights.items()}
        if self.others is None and replaced:
            return Equation({**whole, path: -1.0}, -self.times * self.total.known, slack)
        if self.others is None:
            return Equation(whole, value - self.times * self.total.known, slack)
        if replaced:
            return Equation({}, 0.0)
        # A share of a whole: times · part = share · (part + others).
        rest = {f.dotted: -value * w for f, w in self.others.weights.items()}
        part = {f.dotted: (self.times - value) * w for f, w in self.total.weights.items()}
        known = value * self.others.known - (self.times - value) * self.total.known
        size = self.total.of(truth) + self.others.of(truth)
        return Equation({**part, **rest}, known, last_place(value) * size)


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All that lies in a content, with where it does, from outside in."""
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from walk(one, (*path, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from walk(one, (*path, position))


def numbers(content: Content) -> Iterator[Figure]:
    """The numbers of a scenario that have a unit, with the material that they are of."""
    for path, value in walk(content):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value:
            continue
        steps = tuple(step for step in path if step != "value")
        year = int(steps[-1]) if _YEAR.fullmatch(str(steps[-1])) else None
        steps = steps if year is None else steps[:-1]
        yield Figure("other", "", steps, year, float(value), _material(content, steps))


def _material(content: Content, path: Path) -> str | None:
    if path[0] == "materials":
        return str(path[1])
    row = content[str(path[0])]
    for step in path[1:-1]:
        row = row[step]
        if isinstance(row, dict) and isinstance(of := row.get("material", row.get("output")), str):
            return of
    return str(path[-1]) if len(path) > 1 and _UNIT.fullmatch(str(path[-2])) else None


def _unit(figure: Figure) -> str | None:
    """Tonnes, money, or money per tonne; keys of variants are paths themselves."""
    steps = [part for step in figure.path for part in str(step).split(".")]
    found = (_UNIT.fullmatch(step) for step in reversed(steps))
    return next((match[1] for match in found if match), None)


def totals(case: Case, hidden: Sequence[Figure]) -> Iterator[tuple[str, str | None, Total]]:
    """Sums that have hidden figures in them, with their unit and material: single figures, those of
    two, of all, of all but one, and of all whom a stockpile serves or who pay for it."""
    for figure in hidden:
        if figure.kind in ("damage_value", "budget"):
            total = Total({figure: 1.0}, 0.0, frozenset((figure.owner,)))
            yield _OF[figure.kind], figure.material, total
    yield from _budgets(case, hidden)
    of = [figure for figure in hidden if figure.kind == "demand"]
    for material in dict.fromkeys(figure.material for figure in of):
        some = [figure for figure in of if figure.material == material]
        users = {row.consumer for row in case.demand if row.material == material}
        parties = [
            _parties(case, n) for n, p in enumerate(case.stockpiles) if p.material == material
        ]
        more = [who for both in parties for who in both]
        for year in _years(case, some):
            for who in _groups(users, {figure.owner for figure in some}, more):
                total = needed(case, some, who, year)
                yield "t", material, total
                for plant in case.conversions.values():
                    taken = plant.inputs_t_per_t.items() if plant.output == material else ()
                    for name, ratio in taken:
                        weights = {f: w * ratio for f, w in total.weights.items()}
                        yield "t", name, Total(weights, total.known * ratio, total.parts)


def _years(case: Case, some: Sequence[Figure]) -> list[int]:
    return sorted({figure.year or case.horizon.first_year for figure in some})


def needed(case: Case, some: Sequence[Figure], who: Collection[str], year: int) -> Total:
    """What consumers need in a year of the material whose hidden demand is given."""
    places, paths = {(f.path, f.year): f for f in some}, {f.path for f in some}
    rows = [(n, row) for n, row in enumerate(case.demand) if row.material == some[0].material]
    weights: dict[Figure, float] = {}
    known = []
    for n, row in ((n, row) for n, row in rows if row.consumer in who):
        path: Path = ("demand", n, "t_per_year")
        known += [] if path in paths else [row.t_per_year.at(year)]
        for at, weight in between(row.t_per_year.years, year) if path in paths else ():
            weights[places[path, at]] = weights.get(places[path, at], 0.0) + weight
    whole = {row.consumer for _, row in rows} <= {*who}
    return Total(weights, math.fsum(known), frozenset(who), whole)


def _groups(
    every: set[str], chosen: set[str], more: Iterable[Collection[str]] = ()
) -> set[frozenset[str]]:
    """Groups that sums are looked for over, of which some are hidden."""
    found = {frozenset(one) for one in combinations(every, 1)}
    found |= {frozenset(two) for two in combinations(every, 2)}
    found |= {frozenset(every - one) for one in found if len(one) == 1}
    found |= {frozenset(every), frozenset(chosen), *(frozenset(one) & every for one in more)}
    return {one for one in found if one & chosen}


def _budgets(case: Case, hidden: Sequence[Figure]) -> Iterator[tuple[str, None, Total]]:
    """Sums over the purses of several funders, and over the years of one."""
    purses = {f.owner: f for f in hidden if f.path[2:] == ("budget_meur",)}
    known = {f: float(one.budget_meur or 0) for f, one in case.funders.items()}
    known = {f: budget for f, budget in known.items() if budget}
    companies = {f for f in known if case.funders[f].kind == "company"}
    for who in _groups(set(known), set(purses), [companies]) if purses else ():
        weights = {purses[f]: 1.0 for f in sorted(who & set(purses))}
        if weights and len(who) > 1:
            rest = math.fsum(known[f] for f in who - set(purses))
            whole = who >= companies and (who == companies or who == frozenset(known))
            yield "meur", None, Total(weights, rest, who, whole)
    yearly = [f for f in hidden if f.kind == "budget" and f.year is not None]
    for path in dict.fromkeys(figure.path for figure in yearly):
        some = [figure for figure in yearly if figure.path == path]
        total = Total(dict.fromkeys(some, 1.0), 0.0, frozenset((some[0].owner,)), whole=True)
        yield "meur", None, total


def found(
    case: Case, content: Content, hidden: Sequence[Figure], companies: Collection[str]
) -> tuple[list[Relation], list[Relation]]:
    """The relations of figures that can be replaced along, and those of all other figures.

    Of the first kind are stocks of hidden consumers and companies, also those that they share with
    others, terms of hidden companies, and what the user asked for.
    """
    sources = [figure for figure in hidden if figure.kind in ("demand", "damage_value", "budget")]
    truth: Values = {figure: figure.value for figure in sources}
    sums = list(totals(case, sources))
    taken = {(f.path, f.year): f for f in hidden}
    chosen = {figure.owner for figure in hidden if figure.kind == "demand"}
    along, telling = [], []
    for number in numbers(content):
        figure = taken.get((number.path, number.year), number)
        unit, material = _unit(figure), figure.material
        if figure in truth or unit is None:
            continue
        some = [s for u, m, s in sums if u == unit and (m == material or None in (m, material))]
        if (own := figure is not number) or _shared(case, figure, chosen, companies):
            stock = figure.path[0] == "stockpiles"
            parties = _parties(case, int(figure.path[1])) if stock else ()
            # Those who share it know it: where it agrees by chance, the ratio would tell them.
            single = own or not stock
            some = [
                s for s in some if s.whole or s.parts in parties or (single and len(s.parts) == 1)
            ]
            near = slack_of(figure) if own else min(slack_of(figure), FINE * figure.value)
            nearer = min(near, UNUSUAL * figure.value)
            # The sum over those that a stock serves says most, then one over all, or a single one.
            some.sort(key=lambda s: (s.parts not in parties, len(s.parts) > 1, not s.whole))
            agreeing = (
                Relation(figure, r, s)
                for ratios, slack in ((SOME, near), (MANY if own else (), nearer))
                for r in ratios
                for s in some
                if abs(figure.value - r * s.of(truth)) <= slack
            )
            along += [one] if (one := next(agreeing, None)) else []
        elif figure.path[0] != "supply":
            if figure.path[0] == "demand":
                years = (figure.year, None)
                some = [
                    s for s in some if len(s.parts) == 1 and {f.year for f in s.weights} & {*years}
                ]
            agrees = (
                Relation(figure, r, s) for s in some for r in FEW if _agrees(figure, r, s, truth)
            )
            telling += [one] if (one := next(agrees, None)) else []
    return [*along, *_shares(case, sources)], telling


def _agrees(figure: Figure, times: float, total: Total, truth: Values) -> bool:
    """Whether a figure that belongs to others is so near that it is hardly by chance."""
    value, several, at = figure.value, len(total.parts) > 1, times * total.of(truth)
    if several and not total.whole and times != 1:
        return False
    # A sum over all needs few digits, and so does a multiple of a figure that has enough.
    fewer = LEAST_DIGITS - 1
    if digits(value) < (LEAST_DIGITS if several and times != 1 else fewer):
        return False
    if digits(at / times) < (fewer if several and total.whole and times == 1 else LEAST_DIGITS):
        return False
    return last_place(value) / 2 <= FINE * value and abs(value - at) <= last_place(value) / 2


def digits(value: float) -> int:
    """How many significant digits a figure has."""
    return len(f"{value:.6g}".partition("e")[0].replace(".", "").strip("0"))


def last_place(value: float) -> float:
    """The unit of the last place that is written: one for whole numbers."""
    return float(10.0 ** -len(f"{value:.12g}".partition(".")[2]))


def slack_of(figure: Figure) -> float:
    """By how much a figure that was rounded may differ: zeros at its end may be rounding."""
    value = float(figure.value)
    zeros = len(text := f"{value:.0f}") - len(text.rstrip("0")) if value.is_integer() else 0
    place = 10.0**zeros if value.is_integer() else last_place(value)
    least = min(last_place(value) / 2, COARSE * value)
    return min(place / 2, max(FINE * value, least)) * (1 + 1e-9)


def _shared(
    case: Case, figure: Figure, chosen: Collection[str], companies: Collection[str]
) -> bool:
    """Whether a figure is of a stock that hidden consumers or companies have a part in, or one of
    the terms of a hidden company."""
    if figure.path[0] == "funders":
        return figure.path[1] in companies
    if figure.path[0] != "stockpiles":
        return False
    pile = case.stockpiles[int(figure.path[1])]
    return pile.serves is None or bool({*pile.serves} & {*chosen} or {*pile.paid_by} & {*companies})


def _parties(case: Case, pile: int) -> tuple[frozenset[str], frozenset[str]]:
    """The consumers that a stock serves, and those whose companies pay for it."""
    at = case.stockpiles[pile]
    made = {c.output for c in case.conversions.values() if at.material in c.inputs_t_per_t}
    users = {row.consumer for row in case.demand if row.material in (at.material, *made)}
    paying = (u for u in users if case.consumers[u].company in at.paid_by)
    return frozenset(users & {*(at.serves or users)}), frozenset(paying)


def _shares(case: Case, hidden: Sequence[Figure]) -> Iterator[Relation]:
    """Shares of stocks that are paid in proportion to demand, to the last digit that they have: all
    of them follow if one is a hidden consumer's."""
    for n, pile in enumerate(case.stockpiles):
        some = [f for f in hidden if f.kind == "demand" and f.material == pile.material]
        users = _parties(case, n)[1]
        payers = {u: case.consumers[u].company or "" for u in users}
        one_each = len(users) == len({*payers.values()}) > 1
        if not one_each or not users & {figure.owner for figure in some}:
            continue
        for name in ("paid_by", "storage_paid_by", "financing_paid_by"):
            paid: Mapping[str, float] = getattr(pile, name) or {}
            shares = {u: float(paid.get(payer, 0.0)) for u, payer in payers.items()}
            times, digit = math.fsum(shares.values()), min(map(last_place, shares.values()))
            for year in _years(case, some) if times else ():
                made = [
                    Relation(
                        Figure("paid_share", u, ("stockpiles", n, name, payers[u]), None,
                               shares[u], pile.material),
                        times,
                        needed(case, some, {u}, year),
                        needed(case, some, users - {u}, year),
                    )
                    for u in sorted(users)
                ]  # fmt: skip
                truth = {figure: figure.value for figure in some}
                if all(abs(one.figure.value - one.at(truth)) <= digit for one in made):
                    yield from made
                    break
