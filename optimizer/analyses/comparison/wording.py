"""Names in both languages, as the plans' scenarios give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.base import Text, named
from models.results import Plan
from models.results.comparison import Names
from models.results.option import Wording


def wording(text: Text | str | None, fallback: str) -> Wording:
    """A text in both languages; the fallback where there is none."""
    if isinstance(text, str):
        return Wording(en=text, de=text)
    return Wording(en=named(text, fallback, "en"), de=named(text, fallback, "de"))


def title_of(plan: Plan) -> Wording:
    """The title of a plan's scenario."""
    return wording(plan.case.title if plan.case else None, plan.title)


def option_title(plan: Plan) -> Wording:
    """The title of the variant that was applied, or else of the scenario."""
    variant = plan.case.variants.get(plan.variant) if plan.case and plan.variant else None
    if variant is not None:
        return wording(variant.title, plan.variant or "")
    return title_of(plan)


def names(plans: Sequence[Plan]) -> Names:
    """Names of all items of the plans; where two plans name one differently the first counts."""
    kinds = ("materials", "consumers", "projects", "stockpiles", "funders")
    found: dict[str, dict[str, Wording]] = {kind: {} for kind in kinds}
    lines: dict[str, dict[str, Wording]] = {}
    for plan in plans:
        for kind, known in found.items():
            _add(known, getattr(plan.case or plan, kind))
        for f, funder in plan.case.funders.items() if plan.case else ():
            if funder.budget_lines:
                _add(lines.setdefault(f, {}), funder.budget_lines)
    return Names(**found, budget_lines=lines)


def _add(known: dict[str, Wording], items: Any) -> None:
    """Names of items, which come by their ids or carry them; the first name of each counts."""
    some = items.items() if isinstance(items, dict) else ((item.id, item) for item in items)
    for id_, item in some:
        known.setdefault(id_, wording(item.name, id_))
