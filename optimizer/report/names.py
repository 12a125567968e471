"""What the parts of a plan are called in the current language.

The scenario that a plan carries has names in both languages. A plan without its scenario, written
by an earlier version, has the names it lists itself, English where there was a choice.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.base import Text, named
from models.language import language
from models.results import (
    ConsumerOutcome,
    FunderInfo,
    MaterialOutcome,
    Plan,
    ProjectPlan,
    StockpilePlan,
)

_Listed = MaterialOutcome | ConsumerOutcome | ProjectPlan | FunderInfo | StockpilePlan


class Names:
    """The names of a plan's parts by their ids; an id where there is no name."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.case = plan, plan.case

    def title(self) -> str:
        """The title of the scenario."""
        return _read(self.case.title if self.case else None, self.plan.title)

    def variant(self) -> str | None:
        """The title of the variant that was applied, if one was."""
        v = self.plan.variant
        variant = self.case.variants.get(v) if self.case and v is not None else None
        return v if variant is None or v is None else _read(variant.title, v)

    def material(self, m: str) -> str:
        """The name of a material."""
        item = self.case.materials.get(m) if self.case else None
        return _read(item.name, m) if item else _listed(self.plan.materials, m)

    def consumer(self, c: str) -> str:
        """The name of a consumer."""
        item = self.case.consumers.get(c) if self.case else None
        return _read(item.name, c) if item else _listed(self.plan.consumers, c)

    def project(self, p: str) -> str:
        """The name of a project."""
        item = self.case.projects.get(p) if self.case else None
        return _read(item.name, p) if item else _listed(self.plan.projects, p)

    def funder(self, f: str) -> str:
        """The name of a funder."""
        item = self.case.funders.get(f) if self.case else None
        return _read(item.name, f) if item else _listed(self.plan.funders, f)

    def stockpile(self, h: str) -> str:
        """The name of a stockpile."""
        items = self.case.stockpiles if self.case else ()
        item = next((one for one in items if one.id == h), None)
        return _read(item.name, h) if item else _listed(self.plan.stockpiles, h)

    def hazard(self, h: str) -> str:
        """The name of a hazard."""
        item = self.case.hazards.get(h) if self.case else None
        return _read(item.name, h) if item else h

    def instrument(self, f: str, i: str) -> str:
        """The name of a funder's instrument."""
        funder = self.case.funders.get(f) if self.case else None
        item = funder.instruments.get(i) if funder else None
        return _read(item.name, i) if item else i

    def budget_line(self, f: str, line: str) -> str:
        """The name of a line of a funder's budget."""
        funder = self.case.funders.get(f) if self.case else None
        item = funder.budget_lines.get(line) if funder else None
        if item:
            return _read(item.name, line)
        return {(u.funder, u.line): u.name for u in self.plan.budget_lines}.get((f, line), line)


def _read(name: Text | None, fallback: str) -> str:
    return named(name, fallback, language())


def _listed(items: Iterable[_Listed], name: str) -> str:
    """The name that the plan itself gives an item."""
    return {item.id: item.name for item in items}.get(name, name)
