"""How a figure is replaced, and what the replacement alone tells of it.

A band has fixed edges, powers of one plus its width in the unit of the figure: what is written is
the same for all figures in a band, so that no more than the band can be learnt from it. Of a
profile over the years the first year has its band, and each other year the band of its ratio to the
first: were each year banded by itself, whoever knows how it grows would find the level where the
bands of all years meet. A secret factor is drawn for what belongs together; the years of a profile
keep their ratios.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from optimizer.analyses.redaction.hidden import Figure

DIGITS = 3
"""Significant digits of what is written: finer ones would mean nothing."""
EDGE = 1e-9
"""A figure this near to an edge lies on it."""


@dataclass(frozen=True)
class Replaced:
    """A figure, what is written in its place, and between what it must lie for all that tells."""

    figure: Figure
    published: float
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """Each figure, or each ratio of a profile, becomes the middle of the band it lies in."""

    width: float
    """0.25: the upper edge of a band is a quarter above the lower one."""

    @property
    def told(self) -> str:
        """What the file says of it, in the place of a source."""
        return f"redacted: band of {100 * self.width:g} %"

    def replace(self, figures: Sequence[Figure]) -> Iterator[Replaced]:
        """All figures replaced, in their order."""
        for (kind, *_), some in groupby(figures, key=_together):
            if kind == "curve":
                yield from self._curve(list(some))
            else:
                yield from self._profile(list(some))

    def _one(self, figure: Figure) -> Replaced:
        if figure.value == 0:
            return Replaced(figure, 0.0, 0.0, 0.0)
        low, high = self._edges(figure.value)
        return Replaced(figure, rounded(math.sqrt(low * high)), low, high)

    def _profile(self, years: list[Figure]) -> Iterator[Replaced]:
        """The years of one quantity, or a single figure."""
        first = next((figure for figure in years if figure.value > 0), None)
        for figure in years:
            if first is None or figure is first or figure.value == 0:
                yield self._one(figure)
                continue
            (low, high), ratio = self._edges(first.value), self._edges(figure.value / first.value)
            written = rounded(math.sqrt(low * high) * math.sqrt(ratio[0] * ratio[1]))
            yield Replaced(figure, written, low * ratio[0], high * ratio[1])

    def _edges(self, value: float) -> tuple[float, float]:
        step = math.log1p(self.width)
        k = math.floor(math.log(value) / step + EDGE)
        return math.exp(k * step), math.exp((k + 1) * step)

    def _curve(self, steps: list[Figure]) -> Iterator[Replaced]:
        """The steps of one damage curve, whose shares have to add up to 1."""
        shares = [figure for figure in steps if figure.kind == "damage_share"]
        edges = {
            id(one): (0.0, 0.0) if one.value == 0 else self._edges(one.value) for one in shares
        }
        written = _adding_up([math.sqrt(low * high) for low, high in edges.values()])
        least = math.fsum(low for low, _ in edges.values())
        most = math.fsum(high for _, high in edges.values())
        of_share = iter(written)
        for figure in steps:
            if figure.kind != "damage_share":
                yield self._one(figure)
                continue
            low, high = edges[id(figure)]
            # The others make up the rest, and none of them leaves its band either.
            low, high = max(low, 1 - (most - high)), min(high, 1 - (least - low), 1.0)
            yield Replaced(figure, next(of_share), low, high)


@dataclass(frozen=True)
class Scale:
    """Each figure is multiplied by a secret factor, one for all that belongs together."""

    width: float
    """0.25: the factor lies between 1/1.25 and 1.25."""
    secret: str

    @property
    def told(self) -> str:
        """What the file says of it, in the place of a source."""
        return f"redacted: secret factor between {1 / (1 + self.width):.3g} and {1 + self.width:g}"

    def replace(self, figures: Sequence[Figure]) -> Iterator[Replaced]:
        """All figures replaced, in their order; shares of steps stay, since they add up to 1."""
        for figure in figures:
            if figure.kind == "damage_share":
                continue
            published = rounded(figure.value * self.factor(figure.subject))
            half = half_unit(published)
            low, high = (published - half) / (1 + self.width), (published + half) * (1 + self.width)
            yield Replaced(figure, published, low, high)

    def factor(self, subject: str) -> float:
        """The factor of a subject: log-uniform, from the secret and the subject alone."""
        digest = hashlib.sha256(f"{self.secret}\0{subject}".encode()).digest()
        uniform = int.from_bytes(digest[:8], "big") / 2**64
        return math.exp((2 * uniform - 1) * math.log1p(self.width))


Method = Band | Scale


def rounded(value: float) -> float:
    """A number with a few significant digits."""
    return float(f"{value:.{DIGITS}g}")


def half_unit(value: float) -> float:
    """Half a unit of the last digit that a rounded number has."""
    if value == 0:
        return 0.0
    return float(10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1)) / 2


def _together(figure: Figure) -> tuple[object, ...]:
    """What is replaced together: the steps of a damage curve, or the years of a quantity."""
    if figure.path[0] == "damage":
        return ("curve", *figure.path[:2])
    return ("quantity", *figure.path)


def _adding_up(shares: list[float]) -> list[float]:
    """Shares in proportion, rounded, that add up to 1."""
    if not shares:
        return []
    total = math.fsum(shares)
    made = [rounded(share / total) for share in shares]
    largest = max(range(len(made)), key=made.__getitem__)
    rest = math.fsum(made) - made[largest]
    made[largest] = round(1 - rest, 9)
    return made
