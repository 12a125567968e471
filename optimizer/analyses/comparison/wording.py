"""Names in both languages, as the plans' scenarios give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from models.base import Text, named
from models.results import Plan
from models.results.comparison import Names
from models.results.option import Wording


class _Named(Protocol):
    @property
    def name(self) -> Text | None: ...
    @property
    def id(self) -> str: ...


class _HasName(Protocol):
    @property
    def name(self) -> Text | None: ...


class _Listed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


def wording(text: Text | None, fallback: str) -> Wording:
    """A text in both languages; the fallback where there is none."""
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
    found = Names(
        materials={}, consumers={}, projects={}, stockpiles={}, funders={}, budget_lines={}
    )
    for plan in plans:
        case = plan.case
        if case is None:
            _add_listed(found.materials, plan.materials)
            _add_listed(found.consumers, plan.consumers)
            _add_listed(found.projects, plan.projects)
            _add_listed(found.stockpiles, plan.stockpiles)
            _add_listed(found.funders, plan.funders)
            continue
        _add(found.materials, case.materials)
        _add(found.consumers, case.consumers)
        _add(found.projects, case.projects)
        _add(found.stockpiles, {stockpile.id: stockpile for stockpile in case.stockpiles})
        _add(found.funders, case.funders)
        for f, funder in case.funders.items():
            if funder.budget_lines:
                _add(found.budget_lines.setdefault(f, {}), funder.budget_lines)
    return found


def _add(known: dict[str, Wording], items: Mapping[str, _HasName]) -> None:
    for id_, item in items.items():
        known.setdefault(id_, wording(item.name, id_))


def _add_listed(known: dict[str, Wording], items: Iterable[_Listed]) -> None:
    for item in items:
        known.setdefault(item.id, Wording(en=item.name, de=item.name))
