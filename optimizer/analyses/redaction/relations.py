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

from models.faults import PathStep
from models.scenario.case import Case
from optimizer.analyses.redaction.hidden_figures import ScenarioFigure
from optimizer.analyses.redaction.ranges import Equation, interpolation_weights

Content = dict[str, Any]
StepPath = tuple[PathStep, ...]
FigureValues = Mapping[ScenarioFigure, float]

SIMPLE_RATIOS = (
    1.0,
    2.0,
    0.5,
    3.0,
    1 / 3,
    4.0,
    0.25,
    5.0,
    0.2,
    10.0,
    0.1,
    20.0,
    0.05,
    0.15,
    0.75,
    0.025,
)
STOCK_RATIOS = (
    *SIMPLE_RATIOS,
    *(n / 20 for n in range(1, 31)),
    *(n / 12 for n in range(1, 13)),
    *(n * 30 / 365 for n in range(1, 7)),
    *(0.01, 0.02, 0.125),
)
"""Ratios between a stock that is shared and what all those whom it serves need."""
OWNER_RATIOS = (
    *(n / 365 for n in range(5, 365, 5)),
    *(n / 100 for n in range(1, 100)),
    *(n / 200 for n in range(1, 40)),
    *(1 / n for n in range(6, 10)),
    *(float(n) for n in range(6, 13)),
)
"""Ratios between what somebody keeps, buys or pays and what they need; the simplest come first."""
MIN_DIGITS = 3
"""Figures of fewer digits agree with others by chance."""
MAX_ROUNDING = 0.006
"""Figures that are rounded more coarsely agree with others by chance."""
UNUSUAL_RATIO_TOLERANCE = 0.002
"""The same for ratios that are not among the usual ones."""
MAX_SMALL_ROUNDING = 0.05
"""Rounding of small figures, at most."""
GROWTH_TOLERANCE = 0.005
"""Profiles whose growth differs by less are said to grow alike."""

_UNIT_PATTERN = re.compile(r"(?:.*?_)?(eur_per_t|meur|(?<!per_)t)(?:_per_year|_per_period)?")
_YEAR_PATTERN = re.compile(r"\d{4}")
_UNIT_BY_KIND = {"demand": "t", "stock": "t", "budget": "meur", "damage_value": "eur_per_t"}


class WeightedSum(NamedTuple):
    """A sum of hidden figures, weighted, and of known ones."""

    weights: FigureValues
    known_amount: float
    members: frozenset[str]
    """The consumers or funders that it is the sum over."""
    is_complete: bool = False
    """Whether it is over all that there are."""

    def evaluate(self, values: FigureValues) -> float:
        """The sum with these values of the hidden figures."""
        return math.fsum((self.known_amount, *(w * values[f] for f, w in self.weights.items())))


class Relation(NamedTuple):
    """A figure that agrees with a multiple of a total, or with its share of one."""

    figure: ScenarioFigure
    factor: float
    total: WeightedSum
    complement: WeightedSum | None = None
    """What the rest of a whole adds up to, where the figure is a share of it."""

    def predict(self, values: FigureValues, complement_values: FigureValues | None = None) -> float:
        """What the figure is with these values of the hidden figures."""
        part = self.total.evaluate(values)
        if self.complement is None:
            return self.factor * part
        whole = part + self.complement.evaluate(complement_values or values)
        return self.factor * part / whole if whole else 0.0

    @property
    def hidden_parts(self) -> list[str]:
        """What it is a sum of, by dotted paths; of what is known the amount."""
        known = [f"{self.total.known_amount:.6g}"] if self.total.known_amount else []
        return [*(figure.dotted_path for figure, w in self.total.weights.items() if w), *known]

    def to_equation(self, is_replaced: bool) -> Equation:
        """What it says of the hidden figures, for who knows the figure, or where that is replaced
        along with them."""
        value, path, slack = (
            float(self.figure.value),
            self.figure.dotted_path,
            rounding_slack(self.figure),
        )
        hidden = (*self.total.weights, *(self.complement.weights if self.complement else ()))
        truth = {figure: figure.value for figure in hidden}
        if abs(value - self.predict(truth)) <= last_place_unit(value) / 2:
            slack = min(slack, last_place_unit(value) / 2)
        whole = {f.dotted_path: self.factor * w for f, w in self.total.weights.items()}
        if self.complement is None and is_replaced:
            return Equation({**whole, path: -1.0}, -self.factor * self.total.known_amount, slack)
        if self.complement is None:
            return Equation(whole, value - self.factor * self.total.known_amount, slack)
        if is_replaced:
            return Equation({}, 0.0)
        # A share of a whole: times · part = share · (part + others).
        rest = {f.dotted_path: -value * w for f, w in self.complement.weights.items()}
        part = {f.dotted_path: (self.factor - value) * w for f, w in self.total.weights.items()}
        known = (
            value * self.complement.known_amount - (self.factor - value) * self.total.known_amount
        )
        size = self.total.evaluate(truth) + self.complement.evaluate(truth)
        return Equation({**part, **rest}, known, last_place_unit(value) * size)


def walk_content(value: Any, path: StepPath = ()) -> Iterator[tuple[StepPath, Any]]:
    """All that lies in a content, with where it does, from outside in."""
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from walk_content(one, (*path, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from walk_content(one, (*path, position))


def scenario_numbers(content: Content) -> Iterator[ScenarioFigure]:
    """The numbers of a scenario that have a unit, with the material that they are of."""
    for path, value in walk_content(content):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value:
            continue
        steps = tuple(step for step in path if step != "value")
        year = int(steps[-1]) if _YEAR_PATTERN.fullmatch(str(steps[-1])) else None
        steps = steps if year is None else steps[:-1]
        yield ScenarioFigure("other", "", steps, year, float(value), _material_at(content, steps))


def _material_at(content: Content, path: StepPath) -> str | None:
    if path[0] == "materials":
        return str(path[1])
    row = content[str(path[0])]
    for step in path[1:-1]:
        row = row[step]
        if isinstance(row, dict) and isinstance(of := row.get("material", row.get("output")), str):
            return of
    return str(path[-1]) if len(path) > 1 and _UNIT_PATTERN.fullmatch(str(path[-2])) else None


def _figure_unit(figure: ScenarioFigure) -> str | None:
    """Tonnes, money, or money per tonne; keys of variants are paths themselves."""
    steps = [part for step in figure.path for part in str(step).split(".")]
    found = (_UNIT_PATTERN.fullmatch(step) for step in reversed(steps))
    return next((match[1] for match in found if match), None)


def hidden_sums(
    case: Case, hidden: Sequence[ScenarioFigure]
) -> Iterator[tuple[str, str | None, WeightedSum]]:
    """Sums that have hidden figures in them, with their unit and material: single figures, those of
    two, of all, of all but one, and of all whom a stockpile serves or who pay for it."""
    for figure in hidden:
        if figure.kind in ("damage_value", "budget"):
            total = WeightedSum({figure: 1.0}, 0.0, frozenset((figure.owner,)))
            yield _UNIT_BY_KIND[figure.kind], figure.material, total
    yield from _budget_sums(case, hidden)
    of = [figure for figure in hidden if figure.kind == "demand"]
    for material in dict.fromkeys(figure.material for figure in of):
        some = [figure for figure in of if figure.material == material]
        users = {row.consumer for row in case.demand if row.material == material}
        parties = [
            _stockpile_parties(case, n)
            for n, p in enumerate(case.stockpiles)
            if p.material == material
        ]
        more = [who for both in parties for who in both]
        for year in _demand_years(case, some):
            for who in _member_groups(users, {figure.owner for figure in some}, more):
                total = demand_sum(case, some, who, year)
                yield "t", material, total
                for plant in case.conversions.values():
                    taken = plant.inputs_t_per_t.items() if plant.output == material else ()
                    for name, ratio in taken:
                        weights = {f: w * ratio for f, w in total.weights.items()}
                        yield (
                            "t",
                            name,
                            WeightedSum(weights, total.known_amount * ratio, total.members),
                        )


def _demand_years(case: Case, figures: Sequence[ScenarioFigure]) -> list[int]:
    return sorted({figure.year or case.horizon.first_year for figure in figures})


def demand_sum(
    case: Case, figures: Sequence[ScenarioFigure], members: Collection[str], year: int
) -> WeightedSum:
    """What consumers need in a year of the material whose hidden demand is given."""
    places, paths = {(f.path, f.year): f for f in figures}, {f.path for f in figures}
    rows = [(n, row) for n, row in enumerate(case.demand) if row.material == figures[0].material]
    weights: dict[ScenarioFigure, float] = {}
    known = []
    for n, row in ((n, row) for n, row in rows if row.consumer in members):
        path: StepPath = ("demand", n, "t_per_year")
        known += [] if path in paths else [row.t_per_year.at(year)]
        for at, weight in (
            interpolation_weights(row.t_per_year.years, year) if path in paths else ()
        ):
            weights[places[path, at]] = weights.get(places[path, at], 0.0) + weight
    whole = {row.consumer for _, row in rows} <= {*members}
    return WeightedSum(weights, math.fsum(known), frozenset(members), whole)


def _member_groups(
    all_members: set[str], chosen: set[str], extra_groups: Iterable[Collection[str]] = ()
) -> set[frozenset[str]]:
    """Groups that sums are looked for over, of which some are hidden."""
    found = {frozenset(one) for one in combinations(all_members, 1)}
    found |= {frozenset(two) for two in combinations(all_members, 2)}
    found |= {frozenset(all_members - one) for one in found if len(one) == 1}
    found |= {
        frozenset(all_members),
        frozenset(chosen),
        *(frozenset(one) & all_members for one in extra_groups),
    }
    return {one for one in found if one & chosen}


def _budget_sums(
    case: Case, hidden: Sequence[ScenarioFigure]
) -> Iterator[tuple[str, None, WeightedSum]]:
    """Sums over the purses of several funders, and over the years of one."""
    purses = {f.owner: f for f in hidden if f.path[2:] == ("budget_meur",)}
    known = {f: float(one.budget_meur or 0) for f, one in case.funders.items()}
    known = {f: budget for f, budget in known.items() if budget}
    companies = {f for f in known if case.funders[f].kind == "company"}
    for who in _member_groups(set(known), set(purses), [companies]) if purses else ():
        weights = {purses[f]: 1.0 for f in sorted(who & set(purses))}
        if weights and len(who) > 1:
            rest = math.fsum(known[f] for f in who - set(purses))
            whole = who >= companies and (who == companies or who == frozenset(known))
            yield "meur", None, WeightedSum(weights, rest, who, whole)
    yearly = [f for f in hidden if f.kind == "budget" and f.year is not None]
    for path in dict.fromkeys(figure.path for figure in yearly):
        some = [figure for figure in yearly if figure.path == path]
        total = WeightedSum(
            dict.fromkeys(some, 1.0), 0.0, frozenset((some[0].owner,)), is_complete=True
        )
        yield "meur", None, total


def find_relations(
    case: Case, content: Content, hidden: Sequence[ScenarioFigure], companies: Collection[str]
) -> tuple[list[Relation], list[Relation]]:
    """The relations of figures that can be replaced along, and those of all other figures.

    Of the first kind are stocks of hidden consumers and companies, also those that they share with
    others, terms of hidden companies, and what the user asked for.
    """
    sources = [figure for figure in hidden if figure.kind in ("demand", "damage_value", "budget")]
    truth: FigureValues = {figure: figure.value for figure in sources}
    sums = list(hidden_sums(case, sources))
    taken = {(f.path, f.year): f for f in hidden}
    chosen = {figure.owner for figure in hidden if figure.kind == "demand"}
    along, telling = [], []
    for number in scenario_numbers(content):
        figure = taken.get((number.path, number.year), number)
        unit, material = _figure_unit(figure), figure.material
        if figure in truth or unit is None:
            continue
        some = [s for u, m, s in sums if u == unit and (m == material or None in (m, material))]
        if (own := figure is not number) or _is_shared_figure(case, figure, chosen, companies):
            stock = figure.path[0] == "stockpiles"
            parties = _stockpile_parties(case, int(figure.path[1])) if stock else ()
            # Those who share it know it: where it agrees by chance, the ratio would tell them.
            single = own or not stock
            some = [
                s
                for s in some
                if s.is_complete or s.members in parties or (single and len(s.members) == 1)
            ]
            near = (
                rounding_slack(figure)
                if own
                else min(rounding_slack(figure), MAX_ROUNDING * figure.value)
            )
            nearer = min(near, UNUSUAL_RATIO_TOLERANCE * figure.value)
            # The sum over those that a stock serves says most, then one over all, or a single one.
            some.sort(
                key=lambda s: (s.members not in parties, len(s.members) > 1, not s.is_complete)
            )
            agreeing = (
                Relation(figure, r, s)
                for ratios, slack in ((STOCK_RATIOS, near), (OWNER_RATIOS if own else (), nearer))
                for r in ratios
                for s in some
                if abs(figure.value - r * s.evaluate(truth)) <= slack
            )
            along += [one] if (one := next(agreeing, None)) else []
        elif figure.path[0] != "supply":
            if figure.path[0] == "demand":
                years = (figure.year, None)
                some = [
                    s
                    for s in some
                    if len(s.members) == 1 and {f.year for f in s.weights} & {*years}
                ]
            agrees = (
                Relation(figure, r, s)
                for s in some
                for r in SIMPLE_RATIOS
                if _agrees_closely(figure, r, s, truth)
            )
            telling += [one] if (one := next(agrees, None)) else []
    return [*along, *_payment_shares(case, sources)], telling


def _agrees_closely(
    figure: ScenarioFigure, factor: float, total: WeightedSum, truth: FigureValues
) -> bool:
    """Whether a figure that belongs to others is so near that it is hardly by chance."""
    value, several, at = figure.value, len(total.members) > 1, factor * total.evaluate(truth)
    if several and not total.is_complete and factor != 1:
        return False
    # A sum over all needs few digits, and so does a multiple of a figure that has enough.
    fewer = MIN_DIGITS - 1
    if significant_digits(value) < (MIN_DIGITS if several and factor != 1 else fewer):
        return False
    if significant_digits(at / factor) < (
        fewer if several and total.is_complete and factor == 1 else MIN_DIGITS
    ):
        return False
    return (
        last_place_unit(value) / 2 <= MAX_ROUNDING * value
        and abs(value - at) <= last_place_unit(value) / 2
    )


def significant_digits(value: float) -> int:
    """How many significant digits a figure has."""
    return len(f"{value:.6g}".partition("e")[0].replace(".", "").strip("0"))


def last_place_unit(value: float) -> float:
    """The unit of the last place that is written: one for whole numbers."""
    return float(10.0 ** -len(f"{value:.12g}".partition(".")[2]))


def rounding_slack(figure: ScenarioFigure) -> float:
    """By how much a figure that was rounded may differ: zeros at its end may be rounding."""
    value = float(figure.value)
    zeros = len(text := f"{value:.0f}") - len(text.rstrip("0")) if value.is_integer() else 0
    place = 10.0**zeros if value.is_integer() else last_place_unit(value)
    least = min(last_place_unit(value) / 2, MAX_SMALL_ROUNDING * value)
    return min(place / 2, max(MAX_ROUNDING * value, least)) * (1 + 1e-9)


def _is_shared_figure(
    case: Case, figure: ScenarioFigure, chosen: Collection[str], companies: Collection[str]
) -> bool:
    """Whether a figure is of a stock that hidden consumers or companies have a part in, or one of
    the terms of a hidden company."""
    if figure.path[0] == "funders":
        return figure.path[1] in companies
    if figure.path[0] != "stockpiles":
        return False
    pile = case.stockpiles[int(figure.path[1])]
    return pile.serves is None or bool({*pile.serves} & {*chosen} or {*pile.paid_by} & {*companies})


def _stockpile_parties(case: Case, stockpile_index: int) -> tuple[frozenset[str], frozenset[str]]:
    """The consumers that a stock serves, and those whose companies pay for it."""
    at = case.stockpiles[stockpile_index]
    made = {c.output for c in case.conversions.values() if at.material in c.inputs_t_per_t}
    users = {row.consumer for row in case.demand if row.material in (at.material, *made)}
    paying = (u for u in users if case.consumers[u].company in at.paid_by)
    return frozenset(users & {*(at.serves or users)}), frozenset(paying)


def _payment_shares(case: Case, hidden: Sequence[ScenarioFigure]) -> Iterator[Relation]:
    """Shares of stocks that are paid in proportion to demand, to the last digit that they have: all
    of them follow if one is a hidden consumer's."""
    for n, pile in enumerate(case.stockpiles):
        some = [f for f in hidden if f.kind == "demand" and f.material == pile.material]
        users = _stockpile_parties(case, n)[1]
        payers = {u: case.consumers[u].company or "" for u in users}
        one_each = len(users) == len({*payers.values()}) > 1
        if not one_each or not users & {figure.owner for figure in some}:
            continue
        for name in ("paid_by", "storage_paid_by", "financing_paid_by"):
            paid: Mapping[str, float] = getattr(pile, name) or {}
            shares = {u: float(paid.get(payer, 0.0)) for u, payer in payers.items()}
            times, digit = math.fsum(shares.values()), min(map(last_place_unit, shares.values()))
            for year in _demand_years(case, some) if times else ():
                made = [
                    Relation(
                        ScenarioFigure("paid_share", u, ("stockpiles", n, name, payers[u]), None,
                               shares[u], pile.material),
                        times,
                        demand_sum(case, some, {u}, year),
                        demand_sum(case, some, users - {u}, year),
                    )
                    for u in sorted(users)
                ]  # fmt: skip
                truth = {figure: figure.value for figure in some}
                if all(abs(one.figure.value - one.predict(truth)) <= digit for one in made):
                    yield from made
                    break
