"""The sheets of a scenario workbook, derived from the models, and their names.

Each section that holds items has a sheet with one row per item. All other values are on the sheet
of settings, one per row. Items within an item that has an id, such as the instruments of a funder,
have a sheet as well, whose first column names the item that owns them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from models.files.shapes import SCENARIO_SHAPE, Shape, holds_items, shape_of, shape_of_step
from models.language import current_language, german_translations, tr, using
from models.spelling import closest_name

USER_PREFIX = "_"  #: Sheets and columns whose names begin with it are ignored.
CONFIDENCE_WORDS = ("high", "medium", "low")  #: Values of ``confidence``.
VARIANT_TEXTS = ("title", "description")  #: Text fields of a variant.
GUIDE_SHEET = "Read me"
FAULTS_SHEET = "Faults"


@dataclass(frozen=True)
class Tab:
    """One sheet: the path of its section in the scenario, and the shape of the section.

    ``owner`` is the tab of the items that own those of this sheet.
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
        """``settings``, ``variants`` (also of assumption sets) or ``items``.

        A row is a value, a change or an item, respectively.
        """
        if not self.path:
            return "settings"
        return "variants" if self.path in (("variants",), ("assumptions",)) else "items"

    @property
    def key(self) -> str:
        """The name of the sheet in files and messages of any language."""
        return ".".join(self.path) or "settings"

    @property
    def label(self) -> str:
        """The English name, which is the key of its translation."""
        return (self.path[-1] if self.path else "settings").replace("_", " ").capitalize()

    @property
    def title(self) -> str:
        """The name in the current language."""
        return translate_label(self.label)

    @property
    def owner_column(self) -> str:
        """The column that names the owner of a row, such as ``funder``; empty without owners."""
        return self.owner.path[-1].removesuffix("s") if self.owner is not None else ""

    @property
    def has_ids(self) -> bool:
        """Whether the items have ids."""
        return self.shape.kind == "mapping" or "id" in self.item.keys


@cache
def all_tabs() -> tuple[Tab, ...]:
    """Return all tabs in the order of the workbook: settings first, sources last."""
    item_tabs = list(_tabs_within(SCENARIO_SHAPE, (), None))
    last_sections = ("assumptions", "variants", "sources")
    item_tabs.sort(
        key=lambda tab: last_sections.index(tab.path[0]) + 1 if tab.path[0] in last_sections else 0
    )
    return (Tab((), SCENARIO_SHAPE), *item_tabs)


def _tabs_within(shape: Shape, path: tuple[str, ...], owner: Tab | None) -> Iterator[Tab]:
    for key in shape.keys:
        child_shape = shape_of_step(shape, key)
        if child_shape is None:
            continue
        if holds_items(child_shape):
            tab = Tab((*path, key), child_shape, owner)
            yield tab
            if tab.has_ids and tab.kind == "items" and owner is None:
                yield from _tabs_within(tab.item, tab.path, tab)
        elif child_shape.kind == "model" and owner is None:
            yield from _tabs_within(child_shape, (*path, key), None)


def tab_at(path: tuple[str, ...]) -> Tab | None:
    """Return the tab of a section, or None if it has no sheet."""
    return next((tab for tab in all_tabs() if tab.path == path), None)


def label_translations(label: str) -> tuple[str, str]:
    """Return an English label and its German translation."""
    with using("de"):
        return label, translate_label(label)


def tab_of_sheet(sheet: str) -> Tab | None:
    """Return the tab that the name of a sheet means, in either language, or None."""
    name = sheet.strip().lower()
    for tab in all_tabs():
        if name in (tab.key, *(label.lower() for label in label_translations(tab.label))):
            return tab
    return None


def is_ignored_sheet(sheet: str) -> bool:
    """Return whether a sheet is not read: the guide, the list of faults, or one of the user."""
    name = sheet.strip().lower()
    ignored_names = {
        translation.lower()
        for label in (GUIDE_SHEET, FAULTS_SHEET)
        for translation in label_translations(label)
    }
    return name.startswith(USER_PREFIX) or name in ignored_names


def nearest_sheet(sheet: str) -> str:
    """Return the sheet name most similar to a name, or an empty text."""
    names_by_lowercase = {
        name.lower(): name for tab in all_tabs() for name in label_translations(tab.label)
    }
    return names_by_lowercase.get(closest_name(sheet.strip(), names_by_lowercase), "")


def translate_label(text: str) -> str:
    """Return the translation of a label, a unit or an explanation derived from a field or sheet."""
    return tr(text)


def display_word(word: str) -> str:
    """Return a word of the file format as a workbook shows it in the current language."""
    return _translate_word(word) if current_language() == "de" else word


def _translate_word(word: str) -> str:
    """Return the German for a choice, with the key ``word: ...``; itself if there is none."""
    return german_translations().get(f"word: {word.replace('_', ' ')}", word)


def resolve_word(text: str, words: tuple[str, ...]) -> str:
    """Return the word of the file format that a cell holds in either language, else the text."""
    normalized = " ".join(text.split()).lower()
    for word in words:
        if normalized in (word.lower(), word.replace("_", " "), _translate_word(word).lower()):
            return word
    return text
