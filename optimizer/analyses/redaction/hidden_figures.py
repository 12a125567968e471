"""Figures of chosen consumers and companies, and the methods that replace them.

The band method has fixed bands, whose edges are powers of one plus the width, in the unit of the
figure. All figures in a band are published as the same value, so that only the band can be learned.
The first positive year of a profile is replaced by its band, and each other year by the band of its
ratio to that year: if each year had a separate band, whoever knows the growth could intersect the
bands of all years. The scale method draws a secret factor for each subject; the years of a profile
keep their ratios.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from models.faults import PathStep
from models.results import HiddenKind
from models.scenario.case import Case
from models.scenario.materials import Damage
from models.scenario.quantities import Number, YearlyQuantity
from models.scenario.stockpiles import Stockpile

STOCK_FIELDS = (
    "initial_t",
    "max_t",
    "max_purchase_t_per_year",
    "max_release_t_per_period",
    "refill_t_per_year",
)
"""Fields that state the size of a stockpile; prices and rates do not."""
SIGNIFICANT_DIGITS = 3
"""Significant digits of published values."""
EDGE_TOLERANCE = 1e-9
"""A figure this near to an edge of a band counts as on it (in units of the band's log width)."""


class ScenarioFigure(NamedTuple):
    """A number of a scenario with its path, its kind and its owner."""

    kind: HiddenKind
    owner: str
    """Id of the consumer or the company funder."""
    path: tuple[PathStep, ...]
    """Place of the quantity in the scenario, without a year."""
    year: int | None
    """Year of a yearly quantity that changes; None elsewhere."""
    value: float
    """The value in the scenario; a ``Number`` with its source if the figure is one of the owner."""
    material: str | None = None

    @property
    def dotted_path(self) -> str:
        """The path in the notation of ``--set``."""
        return ".".join(map(str, self.path if self.year is None else (*self.path, self.year)))


def find_hidden_figures(
    case: Case, consumers: Collection[str], companies: Collection[str]
) -> Iterator[ScenarioFigure]:
    """Yield all figures of the chosen consumers and companies, in file order."""
    for n, row in enumerate(case.demand):
        if (u := row.consumer) in consumers:
            yield from _quantity_figures(
                "demand", u, ("demand", n, "t_per_year"), row.t_per_year, row.material
            )
    for n, entry in enumerate(case.damage):
        owner, m = curve_owner(case, entry, consumers), entry.material
        for number, step in enumerate(entry.steps if owner else ()):
            path = ("damage", n, "steps", number)
            yield from _quantity_figures(
                "damage_value", owner, (*path, "eur_per_t"), step.eur_per_t, m
            )
            if len(entry.steps) > 1:
                yield from _quantity_figures("damage_share", owner, (*path, "share"), step.share, m)
    for f, funder in case.funders.items():
        if f in companies:
            for name in ("budget_meur", "budget_by_year_meur"):
                yield from _quantity_figures(
                    "budget", f, ("funders", f, name), getattr(funder, name)
                )
            for id, line in funder.budget_lines.items():
                for name in ("total_meur", "by_year_meur", "limit_meur"):
                    line_path = ("funders", f, "budget_lines", id, name)
                    yield from _quantity_figures("budget", f, line_path, getattr(line, name))
    for n, stockpile in enumerate(case.stockpiles):
        owner = stockpile_owner(stockpile, consumers, companies)
        for name in STOCK_FIELDS if owner else ():
            stockpile_path: tuple[PathStep, ...] = ("stockpiles", n, name)
            for figure in _quantity_figures(
                "stock", owner, stockpile_path, getattr(stockpile, name), stockpile.material
            ):
                # A zero need not be hidden, except as a limit.
                if figure.value or figure.year or name == "max_t":
                    yield figure


def _quantity_figures(
    kind: HiddenKind,
    owner: str | None,
    path: tuple[PathStep, ...],
    quantity: Number | YearlyQuantity | Mapping[int, Number] | None,
    material: str | None = None,
) -> Iterator[ScenarioFigure]:
    """Yield the figures of a quantity: one, or one for each year."""
    years_and_numbers: Iterable[tuple[int | None, Number]] = ()
    if isinstance(quantity, YearlyQuantity):
        years_and_numbers = zip(quantity.years or (None,), quantity.values, strict=True)
    elif isinstance(quantity, Mapping):
        years_and_numbers = quantity.items()
    elif quantity is not None:
        years_and_numbers = [(None, quantity)]
    for year, value in years_and_numbers:
        yield ScenarioFigure(kind, owner or "", path, year, value, material)


def stockpile_owner(
    stockpile: Stockpile, consumers: Collection[str], companies: Collection[str]
) -> str | None:
    """Return the chosen consumer or company that owns a stockpile; None if there is none.

    A chosen consumer owns a stockpile that serves only chosen consumers; a chosen company owns one
    that only chosen companies pay for.
    """
    served = stockpile.serves or ()
    if served and set(served) <= set(consumers):
        return served[0]
    payments = (stockpile.paid_by, stockpile.storage_paid_by, stockpile.financing_paid_by)
    payers = [
        f for payer_shares in payments for f, share in (payer_shares or {}).items() if share > 0
    ]
    return payers[0] if payers and set(payers) <= set(companies) else None


def curve_owner(case: Case, entry: Damage, consumers: Collection[str]) -> str | None:
    """Return the chosen consumer to whom a damage curve belongs.

    The curve names that consumer, or applies to chosen consumers only. Returns None for other
    curves.
    """
    if entry.consumer is not None:
        return entry.consumer if entry.consumer in consumers else None
    users_with_curve = {
        d.consumer for d in case.damage if d.material == entry.material and d.consumer
    }
    users = [d.consumer for d in case.demand if d.material == entry.material]
    users = [user for user in users if user not in users_with_curve]
    return users[0] if users and set(users) <= set(consumers) else None


class ReplacedFigure(NamedTuple):
    """A figure, its published value, and the range that all published values leave for it."""

    figure: ScenarioFigure
    published: float
    low: float
    high: float


@dataclass(frozen=True)
class BandMethod:
    """Method that replaces each figure, or each ratio in a profile, by the middle of its band."""

    width: float
    """Relative width: with 0.25 the upper edge of a band is a quarter above the lower one."""

    @property
    def description(self) -> str:
        """The text that replaces the source in the file."""
        return f"redacted: band of {100 * self.width:g} %"

    def replace_figures(self, figures: Sequence[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """Yield each figure with its replacement, in order."""

        def group_path(figure: ScenarioFigure) -> tuple[PathStep, ...]:
            """Return the path of the damage curve or quantity to which a figure belongs."""
            return figure.path[:2] if figure.path[0] == "damage" else figure.path

        for (kind, *_), group in groupby(figures, key=group_path):
            yield from (self._replace_curve if kind == "damage" else self._replace_profile)(
                list(group)
            )

    def _band_edges(self, value: float) -> tuple[float, float]:
        if value == 0:
            return 0.0, 0.0
        step = math.log1p(self.width)
        k = math.floor(math.log(value) / step + EDGE_TOLERANCE)
        return math.exp(k * step), math.exp((k + 1) * step)

    def _replace_single(self, figure: ScenarioFigure) -> ReplacedFigure:
        low, high = self._band_edges(figure.value)
        return ReplacedFigure(figure, round_significant(math.sqrt(low * high)), low, high)

    def _replace_profile(self, figures: list[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """Yield replacements for the years of one quantity, or for a single figure."""
        first_positive = next((figure for figure in figures if figure.value > 0), figures[0])
        for figure in figures:
            if figure is first_positive or figure.value == 0:
                yield self._replace_single(figure)
                continue
            low, high = self._band_edges(first_positive.value)
            ratio_low, ratio_high = self._band_edges(figure.value / first_positive.value)
            published_value = round_significant(
                math.sqrt(low * high) * math.sqrt(ratio_low * ratio_high)
            )
            yield ReplacedFigure(figure, published_value, low * ratio_low, high * ratio_high)

    def _replace_curve(self, steps: list[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """Yield replacements for the steps of one damage curve; their shares add up to 1."""
        edges = [self._band_edges(step.value) for step in steps if step.kind == "damage_share"]
        published_shares = iter(_normalize_shares([math.sqrt(low * high) for low, high in edges]))
        min_total, max_total = (
            (math.fsum(interval_ends) for interval_ends in zip(*edges, strict=True))
            if edges
            else (0, 0)
        )
        for figure in steps:
            if figure.kind != "damage_share":
                yield self._replace_single(figure)
                continue
            low, high = self._band_edges(figure.value)
            # Shares add up to 1, and the others lie in their bands as well.
            low, high = max(low, 1 - (max_total - high)), min(high, 1 - (min_total - low), 1.0)
            yield ReplacedFigure(figure, next(published_shares), low, high)


@dataclass(frozen=True)
class ScaleMethod:
    """Method that multiplies all figures of a subject by one secret factor."""

    width: float
    """With 0.25 the factor lies between 1/1.25 and 1.25."""
    secret: str

    @property
    def description(self) -> str:
        """The text that replaces the source in the file."""
        return f"redacted: secret factor between {1 / (1 + self.width):.3g} and {1 + self.width:g}"

    def replace_figures(self, figures: Sequence[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """Yield each figure with its replacement, in order.

        Shares of damage steps are unchanged, since they add up to 1. The factor of a subject has a
        log-uniform distribution and depends on the secret and the subject alone.
        """
        for figure in figures:
            if figure.kind == "damage_share":
                continue
            # One subject: all years and steps of an owner's figures of one kind and material.
            subject = ".".join((figure.kind, figure.owner, figure.material or ""))
            digest = hashlib.sha256(f"{self.secret}\0{subject}".encode()).digest()
            uniform = int.from_bytes(digest[:8], "big") / 2**64
            factor = math.exp((2 * uniform - 1) * math.log1p(self.width))
            published_value = round_significant(figure.value * factor)
            half_digit = half_last_digit(published_value)
            low, high = (
                (published_value - half_digit) / (1 + self.width),
                (published_value + half_digit) * (1 + self.width),
            )
            yield ReplacedFigure(figure, published_value, low, high)


RedactionMethod = BandMethod | ScaleMethod


def round_significant(value: float) -> float:
    """Return a number rounded to ``SIGNIFICANT_DIGITS`` significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def half_last_digit(value: float) -> float:
    """Return half a unit of the last digit of a number rounded to ``SIGNIFICANT_DIGITS`` digits."""
    if value == 0:
        return 0.0
    return float(10.0 ** (math.floor(math.log10(abs(value))) - SIGNIFICANT_DIGITS + 1)) / 2


def _normalize_shares(shares: list[float]) -> list[float]:
    """Return shares scaled and rounded such that they add up to 1."""
    sum_of_shares = math.fsum(shares)
    rounded = [round_significant(share / sum_of_shares) for share in shares]
    if rounded:
        largest_index = rounded.index(max(rounded))
        rounded[largest_index] = round(1 - (math.fsum(rounded) - rounded[largest_index]), 9)
    return rounded
