"""Names, units and phrases of alternatives."""

from __future__ import annotations

import math
from collections.abc import Iterable

from models.base import named
from models.language import language, tr
from models.results import Alternative, Alternatives, OtherCase, Robustness
from optimizer.report.figures import NONE, clean, exact, number, percent, rounded
from optimizer.report.varying.words import joined, million

MOVED = 1.0
"""Days of cover that differ by less are not told apart."""
COVER_SHOWN = 3
"""Materials named for days of cover."""


def title(found: Alternatives) -> str:
    """The title of the scenario."""
    case = found.case
    return clean(named(None if case is None else case.title, found.title, language()))


def variant(found: Alternatives) -> str | None:
    """The title of the variant that was applied, if one was."""
    case, name = found.case, found.variant
    known = None if case is None or name is None else case.variants.get(name)
    return name if known is None or name is None else clean(named(known.title, name, language()))


def unit(found: Alternatives) -> str:
    """The unit of damage."""
    if found.unit == "t":
        return tr("t")
    return tr("years of demand") if found.unit == "years of demand" else million(found.currency)


def level(found: Alternatives, value: float, *, floor: bool = False) -> str:
    """An objective, with so many digits that bound and limit can be told apart; a bound is rounded
    down, since no plan lies below it."""
    room = found.limit - found.bound
    if room <= 0:
        return rounded(value)
    places = min(max(1 - math.floor(math.log10(room)), 0), 9)
    return number(math.floor(value * 10**places) / 10**places if floor else value, places)


def name(found: Alternatives, kind: str, id: str) -> str:
    """The name of a project or stockpile."""
    case = found.case
    if case is None:
        return clean(id)
    if kind == "project":
        item = case.projects.get(id)
        return clean(named(item.name if item else None, id, language()))
    pile = next((one for one in case.stockpiles if one.id == id), None)
    return clean(named(pile.name if pile else None, id, language()))


def material(found: Alternatives, id: str) -> str:
    """The name of a material."""
    item = found.case.materials.get(id) if found.case else None
    return clean(named(item.name if item else None, id, language()))


def listed(found: Alternatives, kind: str, ids: Iterable[str]) -> str:
    """Names with commas between them; a dash for none."""
    return joined(name(found, kind, id) for id in ids)


def how_often(item: Robustness) -> str:
    """The index in words."""
    words = {
        "always": tr("always"),
        "nearly always": tr("nearly always"),
        "in most": tr("in most"),
        "in some": tr("in some"),
        "never": tr("never"),
    }
    return NONE if item.says is None else words[item.says]


def proven(item: Robustness) -> str:
    """What is proven of all plans within the limit."""
    if item.within == "in all":
        return tr("all have it")
    return tr("none has it") if item.within == "in none" else tr("open")


def unlike(own: Alternative) -> str:
    """By how many choices an alternative differs from those before, and what is proven."""
    if own.unlike_proven:
        return number(own.unlike)
    return tr("{found}, at most {most}", found=own.unlike, most=own.unlike_at_most)


def cover(found: Alternatives, own: Alternative) -> str:
    """The materials whose days of cover differ most from the plan's."""
    before, after = found.plan.days_of_cover, own.plan.days_of_cover
    moves = {m: after.get(m, 0.0) - before.get(m, 0.0) for m in {**before, **after}}
    ranked = sorted((m for m in moves if abs(moves[m]) >= MOVED), key=lambda m: -abs(moves[m]))
    shown = [
        f"{material(found, m)} {rounded(before.get(m, 0.0))} → {rounded(after.get(m, 0.0))}"
        for m in ranked[:COVER_SHOWN]
    ]
    if len(ranked) > COVER_SHOWN:
        shown.append(tr("{count} more", count=number(len(ranked) - COVER_SHOWN)))
    return joined(shown)


def other_case(other: OtherCase) -> str:
    """A variant or an assumption set."""
    groups = {
        "hazard": tr("probability of hazards"),
        "damage": tr("damage of a missing tonne"),
        "capex": tr("capex"),
        "success": tr("risk that projects fail"),
        "delay": tr("risk of delays"),
        "price": tr("prices of materials"),
        "demand": tr("demand"),
    }
    if other.factor is None:
        return clean(other.title)
    return tr("{group} x {factor}", group=groups.get(other.id, other.id), factor=factor(other))


def factor(other: OtherCase) -> str:
    """The factor of a group of assumptions, with two decimals at most."""
    return exact(round(other.factor or 0.0, 2))


def status(other: OtherCase) -> str:
    """How the solve of another case ended."""
    if other.status == "infeasible":
        return tr("no plan keeps all rules")
    if other.status == "none":
        return tr("no plan found")
    return tr("stopped early") if other.status == "limit" else ""


def share(value: float | None) -> str:
    """A share of cases; a dash where there are none."""
    return NONE if value is None else percent(value)


def tonnes(value: float | None) -> str:
    """Tonnes that a stockpile buys."""
    return NONE if value is None else f"{rounded(value)} t"
