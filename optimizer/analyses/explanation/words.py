"""Amounts and ranges of an explanation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from models.language import tr
from models.results import Explained, Explanation
from optimizer.report.figures import number, rounded
from optimizer.report.wording import Wording

Say = Wording[Explanation]


def item(say: Say, one: Explained) -> str:
    """The name of a project or a stockpile."""
    return say.name("projects" if one.kind == "project" else "stockpiles", one.id)


def level(say: Say, value: float) -> str:
    """An objective or a bound, with so many digits that they can be told apart."""
    digits = 5 - math.floor(math.log10(max(abs(value), 1e-6)))
    return f"{number(value, max(0, min(digits, 6)))} {say.unit}"


def tonnes(value: float) -> str:
    """Tonnes."""
    return f"{rounded(value)} {tr('t')}"


def places(low: float, high: float) -> int:
    """Decimals of a range: three digits of its upper end, or two of its width where that is wide.

    More would pretend to know what the gaps leave open.
    """
    size, width = max(abs(low), abs(high), 1e-6), high - low
    digits = 2 - math.floor(math.log10(size))
    if width > 0:
        digits = min(digits, 1 - math.floor(math.log10(width)))
    return min(max(digits, 0), 6)


def ends(low: float, high: float, decimals: int | None = None) -> tuple[float, float]:
    """The ends of a range rounded outwards: what is said of it stays true."""
    factor = 10.0 ** (places(low, high) if decimals is None else decimals)
    # What an end differs from a round number by is arithmetic where it is a millionth.
    return (
        math.floor(low * factor + 1e-6 * max(1.0, abs(low * factor) * 1e-3)) / factor,
        math.ceil(high * factor - 1e-6 * max(1.0, abs(high * factor) * 1e-3)) / factor,
    )


def least(low: float) -> str:
    """What something is at least, rounded down."""
    return number(ends(low, low)[0])


def span(low: float | None, high: float | None) -> str:
    """A range without its unit."""
    if low is None or high is None:
        return tr("at least {low}", low=least(low)) if low is not None else tr("not known")
    decimals = places(low, high)
    first, last = ends(low, high, decimals)
    if first == last:
        return number(first)
    if first <= 0:
        return tr("at most {high}", high=number(last, decimals))
    return tr("{low} to {high}", low=number(first, decimals), high=number(last, decimals))


def years(several: Iterable[int]) -> str:
    """Years, those in a row as one span."""
    runs: list[list[int]] = []
    for year in sorted(several):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(
        str(run[0]) if len(run) == 1 else tr("{first} to {last}", first=run[0], last=run[-1])
        for run in runs
    )


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence, the first of many."""
    if len(names) <= most:
        return ", ".join(names)
    return tr("{names} and {more} more", names=", ".join(names[:most]), more=len(names) - most)
