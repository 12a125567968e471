"""Relations between hidden figures and others: limits, shares, multiples, and sums with hidden
parts.

The true figures are known here, so that it is enough to compare numbers. A figure that is a simple
multiple of a hidden one, or of a sum with hidden parts, was probably derived from it and reveals
it. Stock limits and contract terms that hidden consumers and companies share with others are
compared with many ratios, since such figures are replaced as well. All other figures are compared
with few ratios, and only if three of their digits can agree.
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
    *(1.0, 2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, 5.0),
    *(0.2, 10.0, 0.1, 20.0, 0.05, 0.15, 0.75, 0.025),
)
STOCK_RATIOS = (
    *SIMPLE_RATIOS,
    *(n / 20 for n in range(1, 31)),
    *(n / 12 for n in range(1, 13)),
    *(n * 30 / 365 for n in range(1, 7)),
    *(0.01, 0.02, 0.125),
)
"""Ratios between a shared stock and the need of all whom it serves."""
OWNER_RATIOS = (
    *(n / 365 for n in range(5, 365, 5)),
    *(n / 100 for n in range(1, 100)),
    *(n / 200 for n in range(1, 40)),
    *(1 / n for n in range(6, 10)),
    *(float(n) for n in range(6, 13)),
)
"""Ratios between what an owner keeps, buys or pays and its need; the simplest come first."""
MIN_DIGITS = 3
"""Minimum number of significant digits; figures with fewer agree with others by coincidence."""
MAX_ROUNDING = 0.006
"""Figures with a coarser relative rounding agree with others by coincidence."""
UNUSUAL_RATIO_TOLERANCE = 0.002
"""Largest relative difference of a figure from a multiple by one of ``OWNER_RATIOS``."""
MAX_SMALL_ROUNDING = 0.05
"""Largest relative rounding of small figures."""
GROWTH_TOLERANCE = 0.005
"""Profiles with a smaller relative difference of growth count as growing alike."""

_UNIT_PATTERN = re.compile(r"(?:.*?_)?(eur_per_t|meur|(?<!per_)t)(?:_per_year|_per_period)?")
_YEAR_PATTERN = re.compile(r"\d{4}")
_UNIT_BY_KIND = {"demand": "t", "stock": "t", "budget": "meur", "damage_value": "eur_per_t"}


class WeightedSum(NamedTuple):
    """A weighted sum of hidden figures, plus a known amount."""

    weights: FigureValues
    known_amount: float
    members: frozenset[str]
    """The consumers or funders that are summed over."""
    is_complete: bool = False
    """Whether the sum includes all consumers or funders concerned."""

    def evaluate(self, figure_values: FigureValues) -> float:
        """Return the sum for the given values of the hidden figures."""
        return math.fsum(
            (self.known_amount, *(w * figure_values[f] for f, w in self.weights.items()))
        )


class Relation(NamedTuple):
    """A figure that equals a multiple of a sum of hidden figures, or the share of that sum in a
    whole."""

    figure: ScenarioFigure
    factor: float
    total: WeightedSum
    complement: WeightedSum | None = None
    """Sum of the other parts of the whole, where the figure is a share of it."""

    def predict(
        self, figure_values: FigureValues, complement_values: FigureValues | None = None
    ) -> float:
        """Return the value of the figure that follows from values of the hidden figures.

        ``complement_values``, if given, are used for the other parts of the whole.
        """
        part = self.total.evaluate(figure_values)
        if self.complement is None:
            return self.factor * part
        predicted_total = part + self.complement.evaluate(complement_values or figure_values)
        return self.factor * part / predicted_total if predicted_total else 0.0

    @property
    def hidden_parts(self) -> list[str]:
        """The summands as dotted paths, followed by the known amount if there is one."""
        known_amounts = [f"{self.total.known_amount:.6g}"] if self.total.known_amount else []
        return [
            *(figure.dotted_path for figure, w in self.total.weights.items() if w),
            *known_amounts,
        ]

    def to_equation(self, is_replaced: bool) -> Equation:
        """Return the relation as an equation for the hidden figures, given the value of ``figure``.

        With ``is_replaced``, ``figure`` is hidden as well and is an unknown of the equation; if it
        is a share of a whole, the equation is empty.
        """
        value, path = float(self.figure.value), self.figure.dotted_path
        slack = rounding_slack(self.figure)
        hidden_figures = (
            *self.total.weights,
            *(self.complement.weights if self.complement else ()),
        )
        true_values = {figure: figure.value for figure in hidden_figures}
        if abs(value - self.predict(true_values)) <= last_place_unit(value) / 2:
            slack = min(slack, last_place_unit(value) / 2)
        scaled_weights = {f.dotted_path: self.factor * w for f, w in self.total.weights.items()}
        if self.complement is None and is_replaced:
            return Equation(
                {**scaled_weights, path: -1.0}, -self.factor * self.total.known_amount, slack
            )
        if self.complement is None:
            return Equation(scaled_weights, value - self.factor * self.total.known_amount, slack)
        if is_replaced:
            return Equation({}, 0.0)
        # A share of a whole: factor · part = share · (part + complement).
        complement_weights = {f.dotted_path: -value * w for f, w in self.complement.weights.items()}
        part_weights = {
            f.dotted_path: (self.factor - value) * w for f, w in self.total.weights.items()
        }
        known_total = (
            value * self.complement.known_amount - (self.factor - value) * self.total.known_amount
        )
        size = self.total.evaluate(true_values) + self.complement.evaluate(true_values)
        return Equation(
            {**part_weights, **complement_weights}, known_total, last_place_unit(value) * size
        )


def walk_content(value: Any, path: StepPath = ()) -> Iterator[tuple[StepPath, Any]]:
    """Yield all values in nested data with their paths, outer values before inner ones."""
    yield path, value
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from walk_content(entry, (*path, key))
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            yield from walk_content(entry, (*path, position))


def scenario_numbers(content: Content) -> Iterator[ScenarioFigure]:
    """Yield the numbers of a scenario other than 0, each with the material that it refers to."""
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
        if isinstance(row, dict) and isinstance(
            material := row.get("material", row.get("output")), str
        ):
            return material
    return str(path[-1]) if len(path) > 1 and _UNIT_PATTERN.fullmatch(str(path[-2])) else None


def _figure_unit(figure: ScenarioFigure) -> str | None:
    """Return the unit of a figure: tonnes, money, money per tonne, or None.

    The keys of variants are read as paths.
    """
    steps = [part for step in figure.path for part in str(step).split(".")]
    unit_matches = (_UNIT_PATTERN.fullmatch(step) for step in reversed(steps))
    return next((match[1] for match in unit_matches if match), None)


def hidden_sums(
    case: Case, hidden_figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[str, str | None, WeightedSum]]:
    """Yield sums that contain hidden figures, each with its unit and material.

    They are sums over one, two, all, or all but one of the consumers or funders, and over those
    whom a stockpile serves or who pay for it.
    """
    for figure in hidden_figures:
        if figure.kind in ("damage_value", "budget"):
            figure_sum = WeightedSum({figure: 1.0}, 0.0, frozenset((figure.owner,)))
            yield _UNIT_BY_KIND[figure.kind], figure.material, figure_sum
    yield from _budget_sums(case, hidden_figures)
    demand_figures = [figure for figure in hidden_figures if figure.kind == "demand"]
    for material in dict.fromkeys(figure.material for figure in demand_figures):
        figures = [figure for figure in demand_figures if figure.material == material]
        users = {row.consumer for row in case.demand if row.material == material}
        parties = [
            _stockpile_parties(case, n)
            for n, stockpile in enumerate(case.stockpiles)
            if stockpile.material == material
        ]
        stockpile_groups = [members for party_pair in parties for members in party_pair]
        for year in _demand_years(case, figures):
            for members in _member_groups(
                users, {figure.owner for figure in figures}, stockpile_groups
            ):
                figure_sum = demand_sum(case, figures, members, year)
                yield "t", material, figure_sum
                for plant in case.conversions.values():
                    inputs = plant.inputs_t_per_t.items() if plant.output == material else ()
                    for name, ratio in inputs:
                        weights = {f: w * ratio for f, w in figure_sum.weights.items()}
                        yield (
                            "t",
                            name,
                            WeightedSum(
                                weights, figure_sum.known_amount * ratio, figure_sum.members
                            ),
                        )


def _demand_years(case: Case, figures: Sequence[ScenarioFigure]) -> list[int]:
    return sorted({figure.year or case.horizon.first_year for figure in figures})


def demand_sum(
    case: Case, figures: Sequence[ScenarioFigure], members: Collection[str], year: int
) -> WeightedSum:
    """Return the demand of ``members`` for the material of the hidden ``figures`` as a sum."""
    figure_by_key, paths = {(f.path, f.year): f for f in figures}, {f.path for f in figures}
    rows = [(n, row) for n, row in enumerate(case.demand) if row.material == figures[0].material]
    weights: dict[ScenarioFigure, float] = {}
    known_amounts = []
    for n, row in ((n, row) for n, row in rows if row.consumer in members):
        path: StepPath = ("demand", n, "t_per_year")
        known_amounts += [] if path in paths else [row.t_per_year.at(year)]
        for given_year, weight in (
            interpolation_weights(row.t_per_year.years, year) if path in paths else ()
        ):
            weights[figure_by_key[path, given_year]] = (
                weights.get(figure_by_key[path, given_year], 0.0) + weight
            )
    is_complete = {row.consumer for _, row in rows} <= {*members}
    return WeightedSum(weights, math.fsum(known_amounts), frozenset(members), is_complete)


def _member_groups(
    all_members: set[str], chosen_members: set[str], extra_groups: Iterable[Collection[str]] = ()
) -> set[frozenset[str]]:
    """Return the groups to sum over, each with at least one chosen member."""
    groups = {frozenset(member) for member in combinations(all_members, 1)}
    groups |= {frozenset(member_pair) for member_pair in combinations(all_members, 2)}
    groups |= {frozenset(all_members - group) for group in groups if len(group) == 1}
    groups |= {
        frozenset(all_members),
        frozenset(chosen_members),
        *(frozenset(group) & all_members for group in extra_groups),
    }
    return {group for group in groups if group & chosen_members}


def _budget_sums(
    case: Case, hidden_figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[str, None, WeightedSum]]:
    """Yield sums over the budgets of several funders, and over the years of one budget."""
    hidden_budgets = {f.owner: f for f in hidden_figures if f.path[2:] == ("budget_meur",)}
    budgets = {f: float(funder.budget_meur or 0) for f, funder in case.funders.items()}
    budgets = {f: budget for f, budget in budgets.items() if budget}
    companies = {f for f in budgets if case.funders[f].kind == "company"}
    for members in (
        _member_groups(set(budgets), set(hidden_budgets), [companies]) if hidden_budgets else ()
    ):
        weights = {hidden_budgets[f]: 1.0 for f in sorted(members & set(hidden_budgets))}
        if weights and len(members) > 1:
            known_rest = math.fsum(budgets[f] for f in members - set(hidden_budgets))
            is_complete = members >= companies and (
                members == companies or members == frozenset(budgets)
            )
            yield "meur", None, WeightedSum(weights, known_rest, members, is_complete)
    yearly_budgets = [f for f in hidden_figures if f.kind == "budget" and f.year is not None]
    for path in dict.fromkeys(figure.path for figure in yearly_budgets):
        figures = [figure for figure in yearly_budgets if figure.path == path]
        budget_total = WeightedSum(
            dict.fromkeys(figures, 1.0), 0.0, frozenset((figures[0].owner,)), is_complete=True
        )
        yield "meur", None, budget_total


def find_relations(
    case: Case,
    content: Content,
    hidden_figures: Sequence[ScenarioFigure],
    companies: Collection[str],
) -> tuple[list[Relation], list[Relation]]:
    """Return the relations of figures that can be replaced too, and the relations of all other
    figures.

    The figures in the first list belong to stocks in which hidden consumers or companies take part,
    are terms of hidden companies, or were requested by the user.
    """
    base_figures = [
        figure for figure in hidden_figures if figure.kind in ("demand", "damage_value", "budget")
    ]
    true_values: FigureValues = {figure: figure.value for figure in base_figures}
    sums_of_figures = list(hidden_sums(case, base_figures))
    hidden_by_key = {(f.path, f.year): f for f in hidden_figures}
    demand_owners = {figure.owner for figure in hidden_figures if figure.kind == "demand"}
    replaceable, revealing = [], []
    for number in scenario_numbers(content):
        figure = hidden_by_key.get((number.path, number.year), number)
        unit, material = _figure_unit(figure), figure.material
        if figure in true_values or unit is None:
            continue
        candidates = [
            s
            for u, m, s in sums_of_figures
            if u == unit and (m == material or None in (m, material))
        ]
        if (is_hidden := figure is not number) or _is_shared_figure(
            case, figure, demand_owners, companies
        ):
            is_stock = figure.path[0] == "stockpiles"
            parties = _stockpile_parties(case, int(figure.path[1])) if is_stock else ()
            # Those who share a stock know it: after a coincidence the ratio would reveal figures.
            allows_single = is_hidden or not is_stock
            candidates = [
                s
                for s in candidates
                if s.is_complete or s.members in parties or (allows_single and len(s.members) == 1)
            ]
            tolerance = (
                rounding_slack(figure)
                if is_hidden
                else min(rounding_slack(figure), MAX_ROUNDING * figure.value)
            )
            unusual_tolerance = min(tolerance, UNUSUAL_RATIO_TOLERANCE * figure.value)
            # Prefer sums over those whom a stock serves, then single ones, then complete ones.
            candidates.sort(
                key=lambda s: (s.members not in parties, len(s.members) > 1, not s.is_complete)
            )
            agreeing_relations = (
                Relation(figure, r, s)
                for ratios, slack in (
                    (STOCK_RATIOS, tolerance),
                    (OWNER_RATIOS if is_hidden else (), unusual_tolerance),
                )
                for r in ratios
                for s in candidates
                if abs(figure.value - r * s.evaluate(true_values)) <= slack
            )
            replaceable += [relation] if (relation := next(agreeing_relations, None)) else []
        elif figure.path[0] != "supply":
            if figure.path[0] == "demand":
                years = (figure.year, None)
                candidates = [
                    s
                    for s in candidates
                    if len(s.members) == 1 and {f.year for f in s.weights} & {*years}
                ]
            close_relations = (
                Relation(figure, r, s)
                for s in candidates
                for r in SIMPLE_RATIOS
                if _agrees_closely(figure, r, s, true_values)
            )
            revealing += [relation] if (relation := next(close_relations, None)) else []
    return [*replaceable, *_payment_shares(case, base_figures)], revealing


def _agrees_closely(
    figure: ScenarioFigure, factor: float, total: WeightedSum, true_values: FigureValues
) -> bool:
    """Return whether a figure equals a multiple of a sum so closely that a coincidence is
    improbable."""
    value = figure.value
    has_several = len(total.members) > 1
    predicted = factor * total.evaluate(true_values)
    if has_several and not total.is_complete and factor != 1:
        return False
    # Fewer digits are enough for a sum over all, and for a multiple of a single figure.
    fewer_digits = MIN_DIGITS - 1
    if significant_digits(value) < (MIN_DIGITS if has_several and factor != 1 else fewer_digits):
        return False
    if significant_digits(predicted / factor) < (
        fewer_digits if has_several and total.is_complete and factor == 1 else MIN_DIGITS
    ):
        return False
    return (
        last_place_unit(value) / 2 <= MAX_ROUNDING * value
        and abs(value - predicted) <= last_place_unit(value) / 2
    )


def significant_digits(value: float) -> int:
    """Return the number of significant digits of a figure, without trailing zeros."""
    return len(f"{value:.6g}".partition("e")[0].replace(".", "").strip("0"))


def last_place_unit(value: float) -> float:
    """Return the unit of the last decimal place of a number as written; 1 for whole numbers."""
    return float(10.0 ** -len(f"{value:.12g}".partition(".")[2]))


def rounding_slack(figure: ScenarioFigure) -> float:
    """Return the largest possible rounding error of a figure; trailing zeros may come from
    rounding."""
    value = float(figure.value)
    zeros = len(text := f"{value:.0f}") - len(text.rstrip("0")) if value.is_integer() else 0
    digit_unit = 10.0**zeros if value.is_integer() else last_place_unit(value)
    small_rounding = min(last_place_unit(value) / 2, MAX_SMALL_ROUNDING * value)
    return min(digit_unit / 2, max(MAX_ROUNDING * value, small_rounding)) * (1 + 1e-9)


def _is_shared_figure(
    case: Case, figure: ScenarioFigure, chosen_members: Collection[str], companies: Collection[str]
) -> bool:
    """Return whether a figure belongs to a stock in which hidden consumers or companies have a
    part.

    A term of a hidden company counts as well.
    """
    if figure.path[0] == "funders":
        return figure.path[1] in companies
    if figure.path[0] != "stockpiles":
        return False
    stockpile = case.stockpiles[int(figure.path[1])]
    return stockpile.serves is None or bool(
        {*stockpile.serves} & {*chosen_members} or {*stockpile.paid_by} & {*companies}
    )


def _stockpile_parties(case: Case, stockpile_index: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the consumers that a stockpile serves, and those whose companies pay for it."""
    stockpile = case.stockpiles[stockpile_index]
    outputs = {
        c.output for c in case.conversions.values() if stockpile.material in c.inputs_t_per_t
    }
    users = {row.consumer for row in case.demand if row.material in (stockpile.material, *outputs)}
    payers = (u for u in users if case.consumers[u].company in stockpile.paid_by)
    return frozenset(users & {*(stockpile.serves or users)}), frozenset(payers)


def _payment_shares(case: Case, hidden_figures: Sequence[ScenarioFigure]) -> Iterator[Relation]:
    """Yield relations for the shares in which companies pay for a stock, if they are proportional
    to demand.

    The shares must agree to their last digit, and a hidden consumer must be among the payers.
    """
    for n, stockpile in enumerate(case.stockpiles):
        figures = [
            f for f in hidden_figures if f.kind == "demand" and f.material == stockpile.material
        ]
        users = _stockpile_parties(case, n)[1]
        payers = {u: case.consumers[u].company or "" for u in users}
        is_one_to_one = len(users) == len({*payers.values()}) > 1
        if not is_one_to_one or not users & {figure.owner for figure in figures}:
            continue
        for name in ("paid_by", "storage_paid_by", "financing_paid_by"):
            paid_shares: Mapping[str, float] = getattr(stockpile, name) or {}
            shares = {u: float(paid_shares.get(payer, 0.0)) for u, payer in payers.items()}
            share_total = math.fsum(shares.values())
            digit = min(map(last_place_unit, shares.values()))
            for year in _demand_years(case, figures) if share_total else ():
                share_relations = [
                    Relation(
                        ScenarioFigure("paid_share", u, ("stockpiles", n, name, payers[u]), None,
                               shares[u], stockpile.material),
                        share_total,
                        demand_sum(case, figures, {u}, year),
                        demand_sum(case, figures, users - {u}, year),
                    )
                    for u in sorted(users)
                ]  # fmt: skip
                true_values = {figure: figure.value for figure in figures}
                if all(
                    abs(relation.figure.value - relation.predict(true_values)) <= digit
                    for relation in share_relations
                ):
                    yield from share_relations
                    break
