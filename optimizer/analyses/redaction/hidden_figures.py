"""Which figures of a scenario belong to chosen consumers and companies, and how each is replaced.

A band has fixed edges, powers of one plus its width in the unit of the figure: what is written is
the same for all figures in a band, so that no more than the band can be learnt from it. Of a
profile over the years the first year has its band, and each other year the band of its ratio to the
first: were each year banded by itself, whoever knows how it grows would find the level where the
bands of all years meet. A secret factor is drawn for what belongs together; the years of a profile
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
"""What says how large a stock of one's own is; prices and rates do not."""
SIGNIFICANT_DIGITS = 3
"""Significant digits of what is written: finer ones would mean nothing."""
EDGE_TOLERANCE = 1e-9
"""A figure this near to an edge lies on it."""


class ScenarioFigure(NamedTuple):
    """A number that is to be hidden."""

    kind: HiddenKind
    owner: str
    """Id of the consumer or the company funder."""
    path: tuple[PathStep, ...]
    """Where the quantity stands in the scenario; a year of it is no step of the path."""
    year: int | None
    """Year of a yearly quantity that changes; None elsewhere."""
    value: float
    """A ``Number`` that remembers its source, as the scenario has it."""
    material: str | None = None

    @property
    def dotted_path(self) -> str:
        """The path as ``--set`` has it."""
        return ".".join(map(str, self.path if self.year is None else (*self.path, self.year)))


def find_hidden_figures(
    case: Case, consumers: Collection[str], companies: Collection[str]
) -> Iterator[ScenarioFigure]:
    """All figures of the consumers and the purses, in the order of the file."""
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
                    at = ("funders", f, "budget_lines", id, name)
                    yield from _quantity_figures("budget", f, at, getattr(line, name))
    for n, pile in enumerate(case.stockpiles):
        owner = stockpile_owner(pile, consumers, companies)
        for name in STOCK_FIELDS if owner else ():
            place: tuple[PathStep, ...] = ("stockpiles", n, name)
            for one in _quantity_figures("stock", owner, place, getattr(pile, name), pile.material):
                # Nothing that is kept, bought or refilled is nothing to hide.
                if one.value or one.year or name == "max_t":
                    yield one


def _quantity_figures(
    kind: HiddenKind,
    owner: str | None,
    path: tuple[PathStep, ...],
    quantity: Number | YearlyQuantity | Mapping[int, Number] | None,
    material: str | None = None,
) -> Iterator[ScenarioFigure]:
    """The figures of a quantity: one, or one a year."""
    pairs: Iterable[tuple[int | None, Number]] = ()
    if isinstance(quantity, YearlyQuantity):
        pairs = zip(quantity.years or (None,), quantity.values, strict=True)
    elif isinstance(quantity, Mapping):
        pairs = quantity.items()
    elif quantity is not None:
        pairs = [(None, quantity)]
    for year, value in pairs:
        yield ScenarioFigure(kind, owner or "", path, year, value, material)


def stockpile_owner(
    pile: Stockpile, consumers: Collection[str], companies: Collection[str]
) -> str | None:
    """Whose stockpile it is, if it serves chosen consumers alone or chosen companies alone pay."""
    served = pile.serves or ()
    if served and set(served) <= set(consumers):
        return served[0]
    paid = (pile.paid_by, pile.storage_paid_by, pile.financing_paid_by)
    payers = [f for by in paid for f, share in (by or {}).items() if share > 0]
    return payers[0] if payers and set(payers) <= set(companies) else None


def curve_owner(case: Case, entry: Damage, consumers: Collection[str]) -> str | None:
    """The chosen consumer whose curve an entry is: it names one, or serves chosen ones alone."""
    if entry.consumer is not None:
        return entry.consumer if entry.consumer in consumers else None
    own = {d.consumer for d in case.damage if d.material == entry.material and d.consumer}
    users = [d.consumer for d in case.demand if d.material == entry.material]
    users = [user for user in users if user not in own]
    return users[0] if users and set(users) <= set(consumers) else None


class ReplacedFigure(NamedTuple):
    """A figure, what is written in its place, and between what it must lie for all that tells."""

    figure: ScenarioFigure
    published: float
    low: float
    high: float


@dataclass(frozen=True)
class BandMethod:
    """Each figure, or each ratio of a profile, becomes the middle of the band it lies in."""

    width: float
    """0.25: the upper edge of a band is a quarter above the lower one."""

    @property
    def description(self) -> str:
        """What the file says of it, in the place of a source."""
        return f"redacted: band of {100 * self.width:g} %"

    def replace_figures(self, figures: Sequence[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """All figures replaced, in their order."""

        def together(figure: ScenarioFigure) -> tuple[PathStep, ...]:
            """The steps of a damage curve, or the years of a quantity."""
            return figure.path[:2] if figure.path[0] == "damage" else figure.path

        for (kind, *_), some in groupby(figures, key=together):
            yield from (self._replace_curve if kind == "damage" else self._replace_profile)(
                list(some)
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

    def _replace_profile(self, years: list[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """The years of one quantity, or a single figure."""
        first = next((figure for figure in years if figure.value > 0), years[0])
        for figure in years:
            if figure is first or figure.value == 0:
                yield self._replace_single(figure)
                continue
            (low, high), ratio = (
                self._band_edges(first.value),
                self._band_edges(figure.value / first.value),
            )
            written = round_significant(math.sqrt(low * high) * math.sqrt(ratio[0] * ratio[1]))
            yield ReplacedFigure(figure, written, low * ratio[0], high * ratio[1])

    def _replace_curve(self, steps: list[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """The steps of one damage curve, whose shares have to add up to 1."""
        edges = [self._band_edges(one.value) for one in steps if one.kind == "damage_share"]
        of_share = iter(_normalize_shares([math.sqrt(low * high) for low, high in edges]))
        least, most = (math.fsum(ends) for ends in zip(*edges, strict=True)) if edges else (0, 0)
        for figure in steps:
            if figure.kind != "damage_share":
                yield self._replace_single(figure)
                continue
            low, high = self._band_edges(figure.value)
            # The others make up the rest, and none of them leaves its band either.
            low, high = max(low, 1 - (most - high)), min(high, 1 - (least - low), 1.0)
            yield ReplacedFigure(figure, next(of_share), low, high)


@dataclass(frozen=True)
class ScaleMethod:
    """Each figure is multiplied by a secret factor, one for all that belongs together."""

    width: float
    """0.25: the factor lies between 1/1.25 and 1.25."""
    secret: str

    @property
    def description(self) -> str:
        """What the file says of it, in the place of a source."""
        return f"redacted: secret factor between {1 / (1 + self.width):.3g} and {1 + self.width:g}"

    def replace_figures(self, figures: Sequence[ScenarioFigure]) -> Iterator[ReplacedFigure]:
        """All figures replaced, in their order; shares of steps stay, since they add up to 1.

        The factor of a subject is log-uniform, from the secret and the subject alone.
        """
        for figure in figures:
            if figure.kind == "damage_share":
                continue
            # The years of a profile, the steps of a curve, a purse.
            subject = ".".join((figure.kind, figure.owner, figure.material or ""))
            digest = hashlib.sha256(f"{self.secret}\0{subject}".encode()).digest()
            uniform = int.from_bytes(digest[:8], "big") / 2**64
            factor = math.exp((2 * uniform - 1) * math.log1p(self.width))
            published = round_significant(figure.value * factor)
            half = half_last_digit(published)
            low, high = (published - half) / (1 + self.width), (published + half) * (1 + self.width)
            yield ReplacedFigure(figure, published, low, high)


RedactionMethod = BandMethod | ScaleMethod


def round_significant(value: float) -> float:
    """A number with a few significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def half_last_digit(value: float) -> float:
    """Half a unit of the last digit that a rounded number has."""
    if value == 0:
        return 0.0
    return float(10.0 ** (math.floor(math.log10(abs(value))) - SIGNIFICANT_DIGITS + 1)) / 2


def _normalize_shares(shares: list[float]) -> list[float]:
    """Shares in proportion, rounded, that add up to 1."""
    total = math.fsum(shares)
    made = [round_significant(share / total) for share in shares]
    if made:
        largest = made.index(max(made))
        made[largest] = round(1 - (math.fsum(made) - made[largest]), 9)
    return made
