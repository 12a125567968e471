"""Which sheets a scenario workbook has, read off the models, and what they are called.

A section of the scenario has a sheet of its own, one row an item. What is no list of items stands
on the sheet of settings, one row a value. Items within an item that has an id, such as the
instruments of a funder, have a sheet too, on which the first column names the item they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from models.files.shapes import SCENARIO_SHAPE, Shape, holds_items, shape_of, shape_of_step
from models.language import current_language, german_translations, tr, using
from models.spelling import closest_name

USER_PREFIX = "_"  #: Sheets and columns whose names begin so are the user's own and are not read.
CONFIDENCE_WORDS = ("high", "medium", "low")  #: How much a figure is to be trusted.
VARIANT_TEXTS = ("title", "description")  #: Of a variant.
GUIDE_SHEET = "Read me"
FAULTS_SHEET = "Faults"


@dataclass(frozen=True)
class Tab:
    """One sheet: the path of its section in the scenario, and the shape of the whole section.

    ``owner`` is the tab of the items that these belong to.
    """

    path: tuple[str, ...]
    shape: Shape
    owner: Tab | None = None

    @property
    def item(self) -> Shape:
        """The shape of one row."""
        return SCENARIO_SHAPE if self.kind == "settings" else shape_of(self.shape.item)

    @property
    def kind(self) -> str:
        """``settings`` (a row a value), ``variants`` (a row a change; of sets of assumptions too)
        or ``items``."""
        if not self.path:
            return "settings"
        return "variants" if self.path in (("variants",), ("assumptions",)) else "items"

    @property
    def key(self) -> str:
        """Its name in files and messages of any language."""
        return ".".join(self.path) or "settings"

    @property
    def label(self) -> str:
        """Its English name, from which the German is translated."""
        return (self.path[-1] if self.path else "settings").replace("_", " ").capitalize()

    @property
    def title(self) -> str:
        """Its name in the current language."""
        return translate_label(self.label)

    @property
    def owner_column(self) -> str:
        """The column that names the item a row belongs to, such as ``funder``; else empty."""
        return self.owner.path[-1].removesuffix("s") if self.owner is not None else ""

    @property
    def has_ids(self) -> bool:
        """Whether its items have ids, so that others can refer to them."""
        return self.shape.kind == "mapping" or "id" in self.item.keys


@cache
def all_tabs() -> tuple[Tab, ...]:
    """All tabs, in the order of the workbook: settings first, variants and sources last."""
    found = list(_tabs_within(SCENARIO_SHAPE, (), None))
    last = ("assumptions", "variants", "sources")
    found.sort(key=lambda tab: last.index(tab.path[0]) + 1 if tab.path[0] in last else 0)
    return (Tab((), SCENARIO_SHAPE), *found)


def _tabs_within(shape: Shape, path: tuple[str, ...], owner: Tab | None) -> Iterator[Tab]:
    for key in shape.keys:
        inside = shape_of_step(shape, key)
        if inside is None:
            continue
        if holds_items(inside):
            tab = Tab((*path, key), inside, owner)
            yield tab
            if tab.has_ids and tab.kind == "items" and owner is None:
                yield from _tabs_within(tab.item, tab.path, tab)
        elif inside.kind == "model" and owner is None:
            yield from _tabs_within(inside, (*path, key), None)


def tab_at(path: tuple[str, ...]) -> Tab | None:
    """The tab of a section, or None where it has none of its own."""
    return next((tab for tab in all_tabs() if tab.path == path), None)


def label_translations(label: str) -> tuple[str, str]:
    """An English label and its German translation."""
    with using("de"):
        return label, translate_label(label)


def tab_of_sheet(sheet: str) -> Tab | None:
    """The tab that a sheet's name means, in either language."""
    name = sheet.strip().lower()
    for tab in all_tabs():
        if name in (tab.key, *(one.lower() for one in label_translations(tab.label))):
            return tab
    return None


def is_ignored_sheet(sheet: str) -> bool:
    """Whether a sheet is no part of the scenario: the guide, faults, or the user's own."""
    name = sheet.strip().lower()
    aside = {
        one.lower() for label in (GUIDE_SHEET, FAULTS_SHEET) for one in label_translations(label)
    }
    return name.startswith(USER_PREFIX) or name in aside


def nearest_sheet(sheet: str) -> str:
    """The sheet name that was most likely meant, or nothing."""
    known = {name.lower(): name for tab in all_tabs() for name in label_translations(tab.label)}
    return known.get(closest_name(sheet.strip(), known), "")


def translate_label(text: str) -> str:
    """A label, a unit or an explanation that follows from a field or a sheet."""
    return tr(text)


def display_word(word: str) -> str:
    """A word of the format as a workbook shows it: itself in English."""
    return _translate_word(word) if current_language() == "de" else word


def _translate_word(word: str) -> str:
    """The German for a word that fields choose from, kept as ``word: ...``; itself if none."""
    return german_translations().get(f"word: {word.replace('_', ' ')}", word)


def resolve_word(text: str, words: tuple[str, ...]) -> str:
    """The word of the format that a cell holds, in either language; the cell's own where none."""
    said = " ".join(text.split()).lower()
    for word in words:
        if said in (word.lower(), word.replace("_", " "), _translate_word(word).lower()):
            return word
    return text
