"""Names, units and figures of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from models.base import named
from models.language import language, tr
from models.results import Estimate, Evaluation, Information, ProvenRange
from optimizer.report.figures import NOISE, NONE, clean, decimals, number, rounded
from optimizer.report.varying.words import million

TWO_SIDED = 1.959964
"""Standard errors to either side of an estimate that hold the true figure in 95 of 100 samples."""


SMALL_DIGIT = 3.55
"""An error whose first digits are less has two, or rounding would change it by a sixth."""


def title(found: Evaluation) -> str:
    """The title of the scenario in the current language."""
    case = found.case
    return clean(named(None if case is None else case.title, found.title, language()))


def variant(found: Evaluation) -> str | None:
    """The title of the variant that was applied, if one was."""
    case, name = found.case, found.variant
    known = None if case is None or name is None else case.variants.get(name)
    return name if known is None or name is None else clean(named(known.title, name, language()))


def states_of(found: Evaluation) -> str:
    """The other scenario in whose states the plan is looked at."""
    other = found.states_of
    assert other is not None
    if other.variant is None:
        return clean(other.title)
    return f"{clean(other.title)} ({clean(other.variant_title or other.variant)})"


def unit(found: Evaluation) -> str:
    """The unit of damage."""
    if found.measure == "damage":
        return million(found.currency)
    return tr("t") if found.measure == "tonnes" else tr("years of demand")


def counted(found: Evaluation) -> str:
    """The mean over the states, in words."""
    return tr("expected damage") if found.measure == "damage" else tr("expected shortage")


def error(figure: Estimate) -> float:
    """How far chance may have moved a figure, to either side, in 95 of 100 samples; 0 where nothing
    was sampled."""
    return 0.0 if figure.standard_error is None else TWO_SIDED * figure.standard_error


def is_noise(figure: Estimate) -> bool:
    """Whether chance alone may have made a figure that is nothing in truth."""
    return abs(figure.value) <= error(figure)


def told(found: Evaluation, value: float) -> str:
    """A figure with its unit."""
    return f"{rounded(value)} {unit(found)}"


def amount(found: Evaluation, figure: Estimate) -> str:
    """A figure, what chance leaves open, and its unit."""
    return f"{about(figure)} {unit(found)}"


def about(figure: Estimate) -> str:
    """A figure and what chance leaves open, with as many digits as that allows."""
    return cells([figure])[0]


def cells(figures: Iterable[Estimate | None]) -> list[str]:
    """Such figures in a column, all with the same decimals."""
    figures = list(figures)
    known = [figure for figure in figures if figure is not None]
    errors = [error(figure) for figure in known if error(figure) > 0]
    values = [figure.value for figure in known]
    whole = all(abs(value - round(value)) < NOISE for value in values)
    places = 0 if whole and not errors else decimals(values)
    if errors:
        places = min(places, _sensible(min(errors)))
    return [NONE if figure is None else _cell(figure, places) for figure in figures]


def _sensible(least: float) -> int:
    """Decimals to which an error is told: one digit, or two where the first is small."""
    lead = math.floor(math.log10(least))
    return max(0, (1 if least / 10.0**lead < SMALL_DIGIT else 0) - lead)


def _cell(figure: Estimate, places: int) -> str:
    shown = number(figure.value, places)
    return f"{shown} ± {number(error(figure), places)}" if error(figure) > 0 else shown


def between(proven: ProvenRange) -> str:
    """Where a figure lies, as far as it is proven: one number where both ends show alike."""
    low, high = rounded(proven.low), rounded(proven.high)
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def told_range(found: Evaluation, proven: ProvenRange) -> str:
    """Where a figure lies, with its unit."""
    return f"{between(proven)} {unit(found)}"


def evpi(found: Evaluation, known: Information) -> str:
    """What it is worth to know beforehand, and what chance leaves open of it."""
    worth = told_range(found, known.evpi)
    if not known.wait_and_see_error:
        return worth
    error = rounded(TWO_SIDED * known.wait_and_see_error)
    return tr("{range}, give or take {error}", range=worth, error=error)


def name(found: Evaluation, kind: str, item: str, fallback: str) -> str:
    """The name of a part in the current language, or the one that the document has."""
    case = found.case
    parts: Mapping[str, Any] = {} if case is None else getattr(case, kind)
    return clean(named(parts[item].name if item in parts else None, fallback, language()))


def projects(found: Evaluation, some: Iterable[str]) -> str:
    """Names of projects in one cell."""
    return ", ".join(name(found, "projects", p, p) for p in some) or tr("nothing")


def stockpiles(found: Evaluation, some: Iterable[str]) -> str:
    """Names of stockpiles in one cell."""
    case = found.case
    known = {} if case is None else {pile.id: pile.name for pile in case.stockpiles}
    return ", ".join(clean(named(known.get(h), h, language())) for h in some) or tr("nothing")
