"""What the parts of a plan are called in the current language.

The scenario that a plan was made from has names in both languages. A plan without it, written by
an earlier version, has those that it carries itself, which are English where there is a choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models.base import Text, named
from models.language import language
from models.results import Plan


class Names:
    """The names of a plan's parts by their ids; an id where there is no name."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._scenario: dict[str, Any] = getattr(plan, "scenario", None) or {}

    def title(self) -> str:
        """The title of the scenario."""
        return _written(self._scenario, "title", self._plan.title)

    def variant(self) -> str | None:
        """The title of the variant that was applied, if one was."""
        if self._plan.variant is None:
            return None
        return self.variant_of(self._plan.variant)

    def variant_of(self, v: str) -> str:
        """The title of any variant of the scenario."""
        return _written(self._item("variants", v), "title", v)

    def material(self, m: str) -> str:
        """The name of a material."""
        return self._name("materials", m, self._plan.materials)

    def consumer(self, c: str) -> str:
        """The name of a consumer."""
        return self._name("consumers", c, self._plan.consumers)

    def project(self, p: str) -> str:
        """The name of a project."""
        return self._name("projects", p, self._plan.projects)

    def funder(self, f: str) -> str:
        """The name of a funder."""
        return self._name("funders", f, self._plan.funders)

    def stockpile(self, h: str) -> str:
        """The name of a stockpile."""
        return self._name("stockpiles", h, self._plan.stockpiles)

    def hazard(self, h: str) -> str:
        """The name of a hazard."""
        return self._name("hazards", h, ())

    def instrument(self, f: str, i: str) -> str:
        """The name of a funder's instrument."""
        instruments = self._item("funders", f).get("instruments") or {}
        return _written(instruments.get(i) or {}, "name", i)

    def _item(self, section: str, name: str) -> dict[str, Any]:
        items = self._scenario.get(section) or {}
        if isinstance(items, list):
            items = {item["id"]: item for item in items}
        return items.get(name) or {}

    def _name(self, section: str, name: str, carried: Iterable[Any]) -> str:
        own = {one.id: one.name for one in carried}.get(name, name)
        return _written(self._item(section, name), "name", own)


def _written(item: dict[str, Any], field: str, fallback: str) -> str:
    """A text of an item as the scenario writes it: bare, or by language."""
    written = item.get(field)
    text = Text.model_validate(written) if written else None
    return named(text, fallback, language())
