"""Columns and content of the sheets of a scenario workbook.

Columns are derived from the pydantic models, so that a new field gets a column without further
code. The data determine how many columns a field has for years, keys and list positions.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import Any, get_args

from pydantic.fields import FieldInfo

from models.base import display_name
from models.faults import SourceLocation
from models.files import includes, shapes
from models.files.shapes import (
    CONFIDENCE_WORDS,
    SOURCED_KEYS,
    VARIANT_TEXTS,
    Shape,
    Tab,
    describe_field,
    is_required,
    shape_of,
    shape_of_step,
    tab_at,
    translate_label,
)
from models.files.yaml_source import parse_setting
from models.language import LANGUAGES, current_language, tr
from models.scenario.case import Case
from models.scenario.quantities import NumberBounds, YearlyBounds, YearReader
from optimizer.model.rules import policy_limits

ENGLISH_TEXTS: dict[str, dict[str, str]] = tomllib.loads(
    (files("optimizer.report.scenario_workbook") / "words.toml").read_text(encoding="utf-8")
)
"""English texts: labels of fields, units, descriptions of sheets, headings of settings, the
guide."""

_PERCENT_NAMES = re.compile(
    r"(?<!per_)share$|(rate|premium|probability|return|fee_per_year|loss)$|^paid_by$"
)
_SECTION_PATTERNS = (
    (r"^company$|paid_by$", "funders"),
    (r"(requires|excludes|must_build|must_not_build|_projects)$", "projects"),
    (r"^serves$", "consumers"),
    (r"^output$|(output_t_per_year|inputs_t_per_t|_eur_per_t)$", "materials"),
)
"""Section whose ids a field holds, where it does not follow from the field's name."""


@dataclass(frozen=True)
class Field:
    """A field of a model, with its metadata."""

    name: str
    info: FieldInfo | None = None

    @cached_property
    def _metadata(self) -> list[Any]:
        if self.info is None:
            return []
        return [*self.info.metadata, *_nested_metadata(self.info.annotation)]

    @property
    def bounds(self) -> NumberBounds | None:
        """The bounds of the field's numbers; None if there are none."""
        bound_marks = (
            mark.bounds if isinstance(mark, YearlyBounds) else mark for mark in self._metadata
        )
        return next((mark for mark in bound_marks if isinstance(mark, NumberBounds)), None)

    @property
    def is_year(self) -> bool:
        """Whether the field is a calendar year."""
        return any(isinstance(mark, YearReader) for mark in self._metadata)

    @property
    def is_percent(self) -> bool:
        """Whether the field's numbers are shown as percentages, as shares and rates are."""
        bounds = self.bounds
        is_share = bounds is not None and not bounds.whole and 1 in (bounds.le, bounds.lt)
        return is_share or (bounds is not None and _PERCENT_NAMES.search(self.name) is not None)

    @property
    def unit(self) -> str:
        """The unit of the field in English; empty if it has none."""
        listed_unit = (
            _first_match(ENGLISH_TEXTS["units"].items(), self.name)
            if self.name != "delay_years"
            else ""
        )
        return listed_unit or ("year" if self.is_year else "%" if self.is_percent else "")


def _first_match(patterns: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for pattern, value in patterns if re.search(pattern, name)), "")


def _nested_metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _nested_metadata(part)


def find_field(shape: Shape, key: str) -> Field:
    """Return the field of a model that has this key in scenario files."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return Field(key, next((info for name, info in fields if key == (info.alias or name)), None))


def field_label(path: tuple[str, ...]) -> str:
    """Return the English label of a field: the listed one, else that of its policy limit, else its
    name. ``path`` is its path without list positions and keys that the user chose (ids, years)."""
    for start in range(len(path)):
        label = ENGLISH_TEXTS["labels"].get(".".join(path[start:]))
        if label is not None:
            return label
    limits = {("policy", *limit.field.split(".")): limit.label for limit in policy_limits()}
    if path in limits:
        return limits[path]
    words = re.sub(r"_(meur|eur_per_t|t_per_year|t)$", "", path[-1]).replace("_", " ")
    return words[:1].upper() + words[1:]


def referenced_section(name: str) -> str:
    """Return the scenario section whose ids a field, or its keys, refer to; empty if none."""
    if name == "demand":  # factors on it, by material
        return "materials"
    sections = (section for section in (f"{name}s", name) if section in Case.model_fields)
    return next(sections, "") or _first_match(_SECTION_PATTERNS, name)


FieldPath = tuple[str, ...]
CellsByPath = dict[FieldPath, Any]
REMARKS = ("source", "confidence", "note")
TEXT_SHAPE, NUMBER_SHAPE = Shape("text"), Shape("number")
MAX_OFFERED_IDS = 8
"""Up to this number, all ids of a section get a column, whether used or not."""
LIST_COLUMN_COUNTS = {"loss": 4}
"""Columns of an unused list; 3 for all others."""


@dataclass(frozen=True)
class FieldColumn:
    """A column of a sheet: the path of its field, the shape of its values, and its label."""

    path: FieldPath
    shape: Shape
    field: Field
    label: str
    meaning: str = ""
    is_required: bool = False
    is_one_of_required: bool = False  # one of several columns, of which at least one is required
    is_remark: bool = False
    is_other_language: bool = False
    currency: str = "EUR"

    @property
    def technical_name(self) -> str:
        """The dotted path of the field."""
        return ".".join(self.path)


@dataclass(frozen=True)
class SheetContent:
    """Columns and rows of a sheet; a settings sheet has one row, with a column for each setting."""

    tab: Tab
    columns: tuple[FieldColumn, ...]
    rows: tuple[CellsByPath, ...]


def note_units(data: Any) -> Any:
    """Return the data of a scenario in which notes state how figures with a unit were written."""
    if isinstance(data, Mapping):
        parts = {key: note_units(value) for key, value in data.items()}
        if "value" in parts and (written := parts.pop("written", None)):
            note = tr("written as {text}", text=written)
            parts["note"] = f"{note}; {parts['note']}" if parts.get("note") else note
        return parts
    return [note_units(value) for value in data] if isinstance(data, list) else data


class ContentBuilder:
    """Builder of sheet contents from the data of one scenario."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = note_units(case.model_dump(mode="json", by_alias=True, exclude_unset=True))
        """Content as in a file, without defaults."""

    def build_content(self, tab: Tab) -> SheetContent:
        """Return the columns and rows of a tab."""
        item_rows = [
            {**ids, **flatten_value(item, tab.item, (), tab.path)} for ids, item in self._items(tab)
        ]
        # Texts have one column, or two if any row distinguishes languages.
        translated_paths = {path[:-1] for row in item_rows for path in row if path[-1] in LANGUAGES}
        rows = [
            {
                language_path: value
                for path, value in row.items()
                for language_path in _language_paths(path, translated_paths)
            }
            for row in item_rows
        ]
        used_paths = {path for row in rows for path in row}
        columns = [*_id_columns(tab)]
        for key in tab.item.keys:
            columns += self._field_columns(tab, (key,), used_paths) if key != "id" else ()
        if tab.kind == "settings":
            columns.append(_include_column())
        columns_with_currency = (replace(column, currency=self.case.currency) for column in columns)
        return SheetContent(tab, tuple(columns_with_currency), tuple(rows))

    def _items(self, tab: Tab) -> Iterator[tuple[CellsByPath, Any]]:
        """Yield the items of a tab, each with the cells of its id and of its owner's id."""
        if tab.kind == "settings":
            yield {}, self.data
            return
        owners = list(self._items(tab.owner)) if tab.owner is not None else [({}, self.data)]
        for ids, owner in owners:
            owner_ids: CellsByPath = (
                {(tab.owner_column,): ids["id",]} if tab.owner is not None else {}
            )
            section = owner
            for step in tab.path[-1:] if tab.owner is not None else tab.path:
                section = section.get(step) if isinstance(section, Mapping) else None
            if isinstance(section, Mapping):
                yield from (({**owner_ids, ("id",): name}, item) for name, item in section.items())
            else:
                for item in section or ():
                    yield {**owner_ids, **({("id",): item["id"]} if tab.has_ids else {})}, item

    def _field_columns(
        self, tab: Tab, path: FieldPath, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """Yield the columns of one field; ``used_paths`` are the paths for which the data have
        values."""
        parent = _shape_at(tab.item, path[:-1])
        shape = shape_of_step(parent, path[-1])
        if shape is None or tab_at((*tab.path, *path)) is not None:
            return
        if shape.kind == "model":
            for key in shape.keys:
                yield from self._field_columns(tab, (*path, key), used_paths)
            return
        label = translate_label(field_label(tuple(step for step in path if not step.isdecimal())))
        if place := next((n for n, step in enumerate(path) if step.isdecimal()), 0):
            owner = translate_label(field_label(path[:place]))
            label = f"{owner} {int(path[place]) + 1}: {label}"
        is_field_required = is_required(parent, path[-1]) and (
            len(path) == 1 or is_required(tab.item, path[0])
        )
        meaning = translate_label(describe_field(parent, path[-1]))
        column = FieldColumn(
            path, shape, find_field(parent, path[-1]), label, meaning, is_field_required
        )
        if shape.kind == "texts":
            yield from language_columns(
                column, any((*path, language) in used_paths for language in LANGUAGES)
            )
        elif shape.kind == "number":
            yield from _with_remarks(column)
        elif shape.kind == "yearly":
            yield from self._yearly_columns(column, used_paths)
        elif shape.kind in ("mapping", "years"):
            has_lists = shape_of(shape.item).kind == "list"
            for key, name in self._mapping_keys(column, used_paths):
                if has_lists and key in _used_keys(path, used_paths):
                    key_column = replace(column, path=(*path, key), shape=shape_of(shape.item))
                    yield from self._list_columns(tab, key_column, used_paths)
                elif not has_lists:
                    yield from self._key_columns(column, key, name, used_paths)
        elif shape.kind == "list" and shape_of(shape.item).kind in ("number", "model"):
            yield from self._list_columns(tab, column, used_paths)
        else:
            yield column

    def _list_columns(
        self, tab: Tab, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """Yield the columns for the positions of a list of figures or of items."""
        path, item_shape = column.path, shape_of(column.shape.item)
        default_keys = map(str, range(LIST_COLUMN_COUNTS.get(path[-1], 3)))
        for key in _used_keys(path, used_paths) or list(default_keys):
            if item_shape.kind != "model":
                key_column = replace(column, is_required=column.is_required and key == "0")
                yield from self._key_columns(
                    key_column, key, str(int(key) + 1), used_paths, key == "0"
                )
            for name in item_shape.keys if item_shape.kind == "model" else ():
                for item_column in self._field_columns(tab, (*path, key, name), used_paths):
                    yield replace(item_column, is_required=item_column.is_required and key == "0")

    def _yearly_columns(
        self, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """Yield the columns of a quantity over time: its constant value, its years, and its
        remarks."""
        years = _used_keys(column.path, used_paths, SOURCED_KEYS)
        is_one_of_required = column.is_one_of_required or (column.is_required and bool(years))
        column = replace(column, is_one_of_required=is_one_of_required)
        year_columns = [
            year_column
            for year in years
            for year_column in self._key_columns(column, year, year, used_paths)
        ]
        yield from _with_remarks(column, year_columns)

    def _key_columns(
        self,
        column: FieldColumn,
        key: str,
        suffix: str,
        used_paths: set[FieldPath],
        with_remarks: bool | None = None,
    ) -> Iterator[FieldColumn]:
        """Yield the columns of one key of a mapping, year or list position, with those of its
        remarks."""
        path, kind = (*column.path, key), column.shape.kind
        key_column = replace(
            column, path=path, shape=shape_of_step(column.shape, key) or NUMBER_SHAPE,
            label=f"{column.label} {suffix}",
            is_one_of_required=column.is_required and kind != "list",
        )  # fmt: skip
        has_remarks = any((*path, remark) in used_paths for remark in REMARKS)
        if key_column.shape.kind == "yearly":
            yield from self._yearly_columns(key_column, used_paths)
        elif key_column.shape.kind == "mapping":
            for inner_key, name in self._mapping_keys(key_column, used_paths):
                yield from self._key_columns(key_column, inner_key, name, used_paths)
        elif key_column.shape.kind == "texts":
            yield from language_columns(
                key_column, any((*path, language) in used_paths for language in LANGUAGES)
            )
        elif has_remarks or (kind == "mapping" if with_remarks is None else with_remarks):
            yield from _with_remarks(key_column)
        else:
            yield key_column

    def _mapping_keys(
        self, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[tuple[str, str]]:
        """Yield the keys of a mapping that get a column, each with its display name.

        Keys that refer to ids come in the order of the section that defines these ids.
        """
        used_keys, field_name = _used_keys(column.path, used_paths), column.path[-1]
        if column.shape.kind == "years":
            years = self.case.horizon.years if "by_year" in field_name else range(3)
            yield from ((key, key) for key in used_keys or map(str, years))
            return
        section = referenced_section(field_name)
        items = getattr(self.case, section, {}) if section else {}
        ids = list(items) if isinstance(items, Mapping) else [item.id for item in items]
        offered_keys = [
            item_id for item_id in ids if len(ids) <= MAX_OFFERED_IDS or item_id in used_keys
        ]
        for key in dict.fromkeys([*offered_keys, *used_keys]):
            item = items.get(key) if isinstance(items, Mapping) else None
            yield key, display_name(item.name, key, current_language()) if item is not None else key


def _id_columns(tab: Tab) -> Iterator[FieldColumn]:
    """Yield the columns of ids of items and of their owners."""
    if tab.owner is not None:
        name = tab.owner_column
        label = translate_label(name.replace("_", " ").capitalize())
        owner = tab.owner.title
        meaning = tr("The item of the sheet '{name}' that the row belongs to.", name=owner)
        yield FieldColumn((name,), TEXT_SHAPE, Field(name), label, meaning, is_required=True)
    if tab.has_ids:
        label = translate_label(field_label(("id",)))
        meaning = tr("A short name without dots, by which other sheets refer to the item.")
        yield FieldColumn(("id",), TEXT_SHAPE, Field("id"), label, meaning, is_required=True)


def _include_column() -> FieldColumn:
    """Return the column for included files.

    The model has no such field; the column stays empty, since a case already contains what its file
    includes.
    """
    meaning = tr(
        "Presets by name, and scenario files beside this workbook by theirs. What they hold lies "
        "under the workbook: what stands here comes first. vorrat presets lists the presets."
    )
    path = (includes.INCLUDE_KEY,)
    return FieldColumn(
        path,
        includes.INCLUDE_SHAPE,
        Field(includes.INCLUDE_KEY),
        translate_label(field_label(path)),
        meaning,
    )


def flatten_value(
    value: Any, shape: Shape, path: FieldPath, section_path: FieldPath = ()
) -> CellsByPath:
    """Return the cells of a value by path, without parts that have sheets of their own;
    ``section_path`` is the path of the section in the scenario."""
    if value is None or (path and tab_at((*section_path, *path)) is not None):
        return {}
    step_values: Iterable[tuple[str, Any]] = ()
    common_remarks: dict[str, Any] = {}
    if isinstance(value, Mapping) and shape.kind in ("number", "yearly") and "value" in value:
        return {path if key == "value" else (*path, key): v for key, v in value.items()}
    if isinstance(value, Mapping):
        step_values = value.items()
        if shape.kind == "yearly":
            # Remarks that all years share are written once.
            remarks = [_remarks_of(child) for child in value.values()]
            if all(remark == remarks[0] for remark in remarks):
                common_remarks = remarks[0]
                step_values = [(year, _bare_value(child)) for year, child in value.items()]
    elif isinstance(value, list):
        item_shape = shape_of(shape.item) if shape.kind == "list" else TEXT_SHAPE
        if item_shape.kind not in ("number", "model"):
            return {path: ";".join(map(str, value))} if value else {}
        step_values = ((str(position), child) for position, child in enumerate(value))
    else:
        return {path: value}
    row: CellsByPath = {}
    for key, child in step_values:
        row |= flatten_value(
            child, shape_of_step(shape, key) or TEXT_SHAPE, (*path, str(key)), section_path
        )
    return row | {(*path, key): text for key, text in common_remarks.items()}


def _remarks_of(value: Any) -> dict[str, Any]:
    """Return the remarks of a figure that are present: source, confidence and note."""
    return {k: v for k, v in value.items() if k in REMARKS} if isinstance(value, Mapping) else {}


def _bare_value(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) else value


def _language_paths(path: FieldPath, translated_paths: set[FieldPath]) -> list[FieldPath]:
    return [(*path, code) for code in LANGUAGES] if path in translated_paths else [path]


def language_columns(column: FieldColumn, has_translations: bool) -> Iterator[FieldColumn]:
    """Yield the column itself, or with ``has_translations`` one column for each language, the
    current one first."""
    language_order = (
        sorted(LANGUAGES, key=lambda language: language != current_language())
        if has_translations
        else ()
    )
    for number, language in enumerate(language_order):
        label = f"{column.label} ({tr(LANGUAGES[language].name)})"
        path = (*column.path, language)
        yield replace(
            column, path=path, label=label, shape=TEXT_SHAPE, is_other_language=number > 0
        )
    if not has_translations:
        yield column


def _with_remarks(
    column: FieldColumn, between: Iterable[FieldColumn] = ()
) -> Iterator[FieldColumn]:
    """Yield the column of a figure, the columns ``between``, and the columns of its remarks."""
    yield column
    yield from between
    yield from remark_columns(column.path)


def remark_columns(path: FieldPath) -> Iterator[FieldColumn]:
    """Yield the columns of a figure's remarks: source, confidence and note."""
    labels = (tr("Source"), tr("Reliability"), tr("Note"))
    for remark, label in zip(REMARKS, labels, strict=True):
        yield FieldColumn(
            (*path, remark), remark_shape(remark), Field(remark), label, is_remark=True
        )


def remark_shape(remark: str) -> Shape:
    """Return the shape of a remark: a choice of words for the confidence, else a text."""
    return Shape("choice", choices=CONFIDENCE_WORDS) if remark == "confidence" else TEXT_SHAPE


def _used_keys(
    path: FieldPath, used_paths: set[FieldPath], excluded_keys: Iterable[str] = ()
) -> list[str]:
    """Return the keys that occur directly below a path, without ``excluded_keys``.

    Numbers are sorted by value, other keys alphabetically.
    """
    size = len(path)
    keys = {
        used_path[size]
        for used_path in used_paths
        if used_path[:size] == path and len(used_path) > size
    }
    keys -= set(excluded_keys)
    are_numbers = all(key.isdecimal() for key in keys)
    return sorted(keys, key=int) if are_numbers else sorted(keys)


def _shape_at(root: Shape, path: FieldPath) -> Shape:
    shape = root
    for step in path:
        is_position = step.isdecimal() and shape.kind == "list"
        shape = shape_of_step(shape, int(step) if is_position else step) or Shape("any")
    return shape


def build_variants_content(tab: Tab, case_data: Mapping[str, Any]) -> SheetContent:
    """Return the sheet content of a scenario's variants or assumption sets, from the data of its
    file."""
    variants: Mapping[str, Mapping[str, Any]] = case_data.get(tab.key, {})
    has_translations = any(
        isinstance(variant.get(key), Mapping)
        for variant in variants.values()
        for key in VARIANT_TEXTS
    )
    rows: list[CellsByPath] = []
    for name, variant in variants.items():
        first_row: CellsByPath = {("id",): name}
        for key in VARIANT_TEXTS:
            text = variant.get(key)
            if isinstance(text, Mapping):
                first_row |= {
                    (key, language): translation for language, translation in text.items()
                }
            elif text is not None:
                first_row |= dict.fromkeys(
                    [(key, code) for code in LANGUAGES] if has_translations else [(key,)], text
                )
        if "weight" in variant:
            weight = variant["weight"]
            first_row["weight",] = _bare_value(weight)
            first_row |= {("weight", key): text for key, text in _remarks_of(weight).items()}
        changes = list(variant.get("set", {}).items())
        rows.append({**first_row, **(_change_row(*changes[0]) if changes else {})})
        rows += [{("id",): name, **_change_row(*change)} for change in changes[1:]]
    return SheetContent(tab, tuple(_variant_columns(tab, has_translations)), tuple(rows))


def _change_row(path: str, value: Any) -> CellsByPath:
    row: CellsByPath = {("path",): path}
    has_remarks = (
        isinstance(value, Mapping) and set(value) <= {"value", *REMARKS} and "value" in value
    )
    if has_remarks and not isinstance(value["value"], (Mapping, list)):
        row |= {(key,): text for key, text in value.items() if key != "value"}
        value = value["value"]
    row["value",] = value if isinstance(value, (int, float)) else to_inline_yaml(value)
    return row


def to_inline_yaml(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{to_inline_yaml(k)}: {to_inline_yaml(v)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(to_inline_yaml, value)) + "]"
    if isinstance(value, str):
        is_simple = not any(sign in value for sign in ",[]{}:#\n") and value == value.strip()
        is_number = value.isdecimal() and not value.startswith("0")
        is_plain = is_number or (is_simple and _parse_inline_yaml(value) == value)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.20f}".rstrip("0")
    return json.dumps(value)


def _parse_inline_yaml(text: str) -> Any:
    faults: list[Any] = []
    node = parse_setting(text, SourceLocation(""), faults.append)
    return None if faults else shapes.to_plain_data(node, shapes.ANY_SHAPE)


def _variant_columns(tab: Tab, has_translations: bool) -> Iterator[FieldColumn]:
    has_weights = "weight" in tab.item.keys
    meaning = tr("Name of the variant, the same in all of its rows.")
    if has_weights:
        meaning = tr("Name of the set, the same in all of its rows.")
    yield FieldColumn(
        ("id",), TEXT_SHAPE, Field("id"), tr("Id (short name)"), meaning, is_required=True
    )
    meaning = (
        tr("In the first row of a set.") if has_weights else tr("In the first row of a variant.")
    )
    for key, label in zip(VARIANT_TEXTS, (tr("Title"), tr("Description")), strict=True):
        if key in tab.item.keys:
            yield from language_columns(
                FieldColumn((key,), TEXT_SHAPE, Field(key), label, meaning), has_translations
            )
    if has_weights:
        meaning = tr("How much the set counts; all weights add up to 1.")
        column = FieldColumn(("weight",), Shape("number"), Field("weight"), tr("Weight"), meaning)
        yield from _with_remarks(column)
    meaning = tr("Technical names from the section down, with dots between them, such as "
                 "funders.fund.budget_meur. Items are named by their ids.")  # fmt: skip
    yield FieldColumn(("path",), TEXT_SHAPE, Field("path"), tr("What changes"), meaning)
    meaning = tr("A number or a word; several values as {a: 0.5, b: 0.5} or [a, b]; "
                 "null takes a field away.")  # fmt: skip
    yield FieldColumn(("value",), Shape("any"), Field("value"), tr("New value"), meaning)
    yield from remark_columns(())
