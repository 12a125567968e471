"""The sheets of a scenario workbook and their names, derived from the models.

Each section that holds items has a sheet with one row per item. All other values are on the
settings sheet, one per row. Items inside an item that has an id, such as the instruments of a
funder, also have a sheet; its first column names the item that owns the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from models.files.shapes import SCENARIO_SHAPE, Shape, holds_items, shape_of, shape_of_step
from models.language import LANGUAGES, Language, current_language, tr, translations
from models.spelling import closest_name

USER_PREFIX = "_"  #: Sheets and columns whose names begin with it are ignored.
CONFIDENCE_WORDS = ("high", "medium", "low")  #: Values of ``confidence``.
VARIANT_TEXTS = ("title", "description")  #: Text fields of a variant.
GUIDE_SHEET = "Read me"
FAULTS_SHEET = "Faults"
FORMER_GERMAN_NAMES = {
    "zustände": "verläufe",
    "garantie": "gewährleistung",
    "mindestpreisgarantie": "preisuntergrenze",
}
"""German names of a sheet and of choices in workbooks of earlier versions, in lower case, and the
present names."""


@dataclass(frozen=True)
class Tab:
    """A sheet of a scenario workbook: the path of its section in the scenario, and its shape.

    ``owner`` is the sheet of the items to which the items of this sheet belong.
    """

    path: tuple[str, ...]
    shape: Shape
    owner: Tab | None = None

    @property
    def item(self) -> Shape:
        """The shape of the item in one row; for the settings sheet, that of the whole scenario."""
        return SCENARIO_SHAPE if self.kind == "settings" else shape_of(self.shape.item)

    @property
    def kind(self) -> str:
        """The kind of sheet: ``settings``, ``variants`` (also for assumption sets) or ``items``.

        A row holds a value, a change or an item, respectively.
        """
        if not self.path:
            return "settings"
        return "variants" if self.path in (("variants",), ("assumptions",)) else "items"

    @property
    def key(self) -> str:
        """The language-independent name of the sheet, used in files and messages."""
        return ".".join(self.path) or "settings"

    @property
    def label(self) -> str:
        """The English name of the sheet, which is also the key of its translation."""
        return (self.path[-1] if self.path else "settings").replace("_", " ").capitalize()

    @property
    def title(self) -> str:
        """The name of the sheet in the current language."""
        return translate_label(self.label)

    @property
    def owner_column(self) -> str:
        """Name of the column with the owner of each row, such as ``funder``; empty without one."""
        return self.owner.path[-1].removesuffix("s") if self.owner is not None else ""

    @property
    def has_ids(self) -> bool:
        """Whether the items of the sheet have ids."""
        return self.shape.kind == "mapping" or "id" in self.item.keys


@cache
def all_tabs() -> tuple[Tab, ...]:
    """Return all tabs in the order of the workbook: settings first; variants and sources last."""
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
    """Return the tab of the section at a path, or None if it has no sheet."""
    return next((tab for tab in all_tabs() if tab.path == path), None)


def label_translations(label: str) -> tuple[str, ...]:
    """Return an English label in each language."""
    return tuple(translations(language).get(label, label) for language in LANGUAGES)


def tab_of_sheet(sheet: str) -> Tab | None:
    """Return the tab whose key or name in any language is ``sheet``; None if there is none."""
    name = sheet.strip().lower()
    name = FORMER_GERMAN_NAMES.get(name, name)
    for tab in all_tabs():
        if name in (tab.key, *(label.lower() for label in label_translations(tab.label))):
            return tab
    return None


def is_ignored_sheet(sheet: str) -> bool:
    """Return whether the sheet with this name is not read.

    Not read are the guide, the list of faults, and sheets that the user has marked with ``_``.
    """
    name = sheet.strip().lower()
    ignored_names = {
        translation.lower()
        for label in (GUIDE_SHEET, FAULTS_SHEET)
        for translation in label_translations(label)
    }
    return name.startswith(USER_PREFIX) or name in ignored_names


def nearest_sheet(sheet: str) -> str:
    """Return the known sheet name most similar to ``sheet``; empty if none is similar."""
    names_by_lowercase = {
        name.lower(): name for tab in all_tabs() for name in label_translations(tab.label)
    }
    return names_by_lowercase.get(closest_name(sheet.strip(), names_by_lowercase), "")


def translate_label(text: str) -> str:
    """Return a label, unit or explanation of a field or sheet in the current language."""
    return tr(text)


def display_word(word: str) -> str:
    """Return a word of the file format as a workbook shows it in the current language."""
    return _translate_word(word, current_language())


def _translate_word(word: str, language: Language) -> str:
    """Return the word of a language for a choice of the file format; ``word`` itself if there is
    none.

    The key of the translation is ``word: ...``.
    """
    return translations(language).get(f"word: {word.replace('_', ' ')}", word)


def resolve_word(text: str, words: tuple[str, ...]) -> str:
    """Return the word of the file format that a text denotes in any language.

    ``words`` are the possible words. If none matches, the text itself is returned.
    """
    normalized = " ".join(text.split()).lower()
    normalized = FORMER_GERMAN_NAMES.get(normalized, normalized)
    for word in words:
        translated = {_translate_word(word, language).lower() for language in LANGUAGES}
        if normalized in {word.lower(), word.replace("_", " "), *translated}:
            return word
    return text
