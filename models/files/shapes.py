"""Shapes: the kinds of values that the models expect at each path, and the sheets of a workbook.

They are derived from the types of the models. Tables use them to distinguish numbers from texts,
patches to know which fields exist, messages to suggest similar keys and choices, and trees of nodes
to be converted to the data that the models validate.

Each section that holds items has a sheet with one row per item. All other values are on the
settings sheet, one per row. Items inside an item that has an id, such as the instruments of a
funder, also have a sheet; its first column names the item that owns the row.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from models.base import LocalizedText, NamesOrKeyword, read_country
from models.faults import PathStep
from models.field_docs import field_docstrings
from models.files.nodes import Node
from models.language import LANGUAGES, Language, current_language, tr, translations
from models.scenario.case import Case
from models.scenario.quantities import (
    REMARK_KEYS,
    UNIT_KEYS,
    Number,
    NumberBounds,
    YearlyBounds,
    YearlyQuantity,
    YearReader,
)
from models.spelling import closest_name

SOURCED_KEYS = ("value", *REMARK_KEYS, *UNIT_KEYS)


@dataclass(frozen=True)
class Shape:
    """The kind of value that is expected at some place.

    ``kind`` is ``model``, ``mapping``, ``list``, ``number``, ``yearly``, ``text``, ``flag``,
    ``choice``, ``country``, ``any``, ``years`` (a mapping with numbers as keys), ``whole`` (an
    integer such as a year), ``texts`` (a text in one or two languages) or ``names`` (a list of
    names, or one word for all). ``item`` is the type annotation of the items of a mapping or list.
    """

    kind: str
    model: type[BaseModel] | None = None
    item: Any = None
    choices: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a mapping may have in files; empty if they are free."""
        if self.model is not None:
            return tuple(field.alias or name for name, field in self.model.model_fields.items())
        return {"texts": tuple(LANGUAGES), "number": SOURCED_KEYS, "yearly": SOURCED_KEYS}.get(
            self.kind, ()
        )


SCENARIO_SHAPE = Shape("model", Case)
ANY_SHAPE = Shape("any")
_TEXT_SHAPE = Shape("text")


@lru_cache(maxsize=1024)
def shape_of(annotation: Any) -> Shape:
    """Return the shape that corresponds to a type annotation of the models."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape_of_annotated(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return shape_of(next(arg for arg in arguments if arg is not type(None)))
    if origin is Literal:
        kind = "whole" if isinstance(arguments[0], int) else "choice"
        return Shape(kind, choices=tuple(map(str, arguments)))
    if origin is dict:
        return Shape(
            "years" if shape_of(arguments[0]).kind == "whole" else "mapping", item=arguments[1]
        )
    if origin is tuple:
        return Shape("list", item=arguments[0])
    if not isinstance(annotation, type):
        return ANY_SHAPE
    if issubclass(annotation, BaseModel) and not issubclass(annotation, LocalizedText):
        return Shape("model", annotation)
    kinds = {
        LocalizedText: "texts",
        Number: "number",
        YearlyQuantity: "yearly",
        bool: "flag",
        int: "whole",
    }
    return Shape(kinds.get(annotation, "text" if annotation is str else "any"))


def _shape_of_annotated(inner_type: Any, metadata: tuple[Any, ...]) -> Shape:
    for mark in metadata:
        if isinstance(mark, (NumberBounds, YearReader)):
            return Shape("number")
        if isinstance(mark, YearlyBounds):
            return Shape("yearly")
        if isinstance(mark, NamesOrKeyword):
            return Shape("names", choices=(mark.keyword,))
        if isinstance(mark, BeforeValidator) and mark.func is read_country:
            return Shape("country")
    return shape_of(inner_type)


def shape_of_step(shape: Shape, step: PathStep) -> Shape | None:
    """Return the shape of the value under a key or position; None if the step is not allowed."""
    if shape.kind == "model":
        return _field_shapes(shape.model).get(str(step))
    if shape.kind in ("mapping", "years", "list"):
        return shape_of(shape.item)
    if shape.kind == "names" or (shape.kind == "texts" and step in LANGUAGES):
        return _TEXT_SHAPE
    if shape.kind in ("number", "yearly"):
        if step in SOURCED_KEYS:
            return {"value": shape, "year": Shape("whole")}.get(str(step), _TEXT_SHAPE)
        return Shape("number") if shape.kind == "yearly" else None
    return ANY_SHAPE if shape.kind == "any" else None


@cache
def _field_shapes(model: type[BaseModel] | None) -> dict[str, Shape]:
    """Return the shape of each field of a model, by the field's key in files."""
    shapes = {}
    for name, field in model.model_fields.items() if model is not None else ():
        annotation: Any = field.annotation
        for mark in field.metadata:
            annotation = Annotated[annotation, mark]
        shapes[field.alias or name] = shape_of(annotation)
    return shapes


def _find_field(shape: Shape, key: str) -> tuple[str, FieldInfo] | None:
    """Return the name and the pydantic field of a shape's model for a key in files, or None."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return next(((name, field) for name, field in fields if key == (field.alias or name)), None)


def is_required(shape: Shape, key: str) -> bool:
    """Return whether the field with this key is required by the model of a shape."""
    field = _find_field(shape, key)
    return field is not None and field[1].is_required()


def describe_field(shape: Shape, key: str) -> str:
    """Return the docstring of a field; empty if there is none."""
    field = _find_field(shape, key)
    if field is None or shape.model is None:
        return ""
    return field_docstrings(shape.model).get(field[0], "")


def shape_at(path: Iterable[PathStep]) -> Shape:
    """Return the shape at a path from the root; ``any`` if the path does not exist."""
    shape: Shape | None = SCENARIO_SHAPE
    for step in path:
        shape = shape_of_step(shape, step) if shape is not None else None
    return shape or ANY_SHAPE


def to_plain_data(node: Node, shape: Shape) -> Any:
    """Convert a tree of nodes to dicts, lists and scalars, omitting fields without a value.

    A key that the shape does not know is kept, so that validation refuses it. An item without a
    value becomes an item with default values only. ``null`` in a list is kept, since positions
    matter.
    """
    if isinstance(node.value, dict):
        plain_data = {}
        for key, child in node.value.items():
            child_shape = shape_of_step(shape, key)
            if child.value is not None:
                plain_data[key] = to_plain_data(child, child_shape or ANY_SHAPE)
            elif is_item(shape) and not child.faulty:
                plain_data[key] = {}
            elif child_shape is None or not _may_be_absent(shape, node, key):
                plain_data[key] = None
        return plain_data
    if isinstance(node.value, list):
        child_shape = shape_of_step(shape, 0) or ANY_SHAPE
        return [to_plain_data(child, child_shape) for child in node.value]
    return node.value


def is_item(shape: Shape) -> bool:
    """Return whether a shape is a mapping whose values are items with ids, such as projects."""
    return shape.kind == "mapping" and holds_items(shape)


def holds_items(shape: Shape) -> bool:
    """Return whether a shape is a list or a mapping of items."""
    return shape.kind in ("mapping", "list") and shape_of(shape.item).kind == "model"


def _may_be_absent(shape: Shape, node: Node, key: str) -> bool:
    """Return whether a key without a value is known to the shape and can be dropped.

    A number as a key in a mapping of ids is kept: it results from a decimal comma in braces.
    """
    if shape.kind == "mapping" and key.isdecimal():
        return False
    if shape.kind == "years":
        return key.isdecimal()
    if shape.kind != "yearly" or key in SOURCED_KEYS:
        return True
    return key.isdecimal() and not any(name in node.value for name in SOURCED_KEYS)


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
