"""The columns of a sheet and what stands in them, from the data of a scenario.

Columns come from the models, so a new field of the format has one at once. How many years, keys and
positions a field takes up follows from the data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.base import display_name
from models.faults import SourceLocation
from models.files import includes, shapes
from models.files.shapes import (
    SOURCED_KEYS,
    Shape,
    describe_field,
    is_required,
    shape_of,
    shape_of_step,
)
from models.files.tabs import CONFIDENCE_WORDS, VARIANT_TEXTS, Tab, tab_at, translate_label
from models.files.yaml_source import parse_setting
from models.language import current_language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook.fields import (
    Field,
    field_label,
    find_field,
    referenced_section,
)

FieldPath = tuple[str, ...]
CellsByPath = dict[FieldPath, Any]
REMARKS = SOURCED_KEYS[1:]
TEXT_SHAPE, NUMBER_SHAPE = Shape("text"), Shape("number")
MAX_OFFERED_IDS = 8
"""So many ids of a section all get their column, whether used or not."""
LIST_COLUMN_COUNTS = {"loss": 4}
"""Columns of a list that nobody uses; 3 for all others."""


@dataclass(frozen=True)
class FieldColumn:
    """One column: the path of its field, what its cells hold and how people call it."""

    path: FieldPath
    shape: Shape
    field: Field
    label: str
    meaning: str = ""
    is_required: bool = False
    is_one_of_required: bool = (
        False  # of several columns of a required field at least one has to be filled
    )
    is_remark: bool = False
    is_other_language: bool = False
    currency: str = "EUR"

    @property
    def technical_name(self) -> str:
        """The technical name."""
        return ".".join(self.path)


@dataclass(frozen=True)
class SheetContent:
    """What a sheet holds; settings are one row, whose columns are paths."""

    tab: Tab
    columns: tuple[FieldColumn, ...]
    rows: tuple[CellsByPath, ...]


class ContentBuilder:
    """Makes the contents of sheets from the data of one scenario."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = case.model_dump(mode="json", by_alias=True, exclude_unset=True)
        """What a file says of it, without the defaults that it leaves out."""

    def build_content(self, tab: Tab) -> SheetContent:
        """The columns and rows of a tab."""
        found = [
            {**ids, **flatten_value(item, tab.item, (), tab.path)} for ids, item in self._items(tab)
        ]
        # Texts stand in one column where no row tells the languages apart, else in two.
        split = {path[:-1] for row in found for path in row if path[-1] in ("en", "de")}
        rows = [
            {one: v for path, v in row.items() for one in _language_paths(path, split)}
            for row in found
        ]
        used = {path for row in rows for path in row}
        columns = [*_id_columns(tab)]
        for key in tab.item.keys:
            columns += self._field_columns(tab, (key,), used) if key != "id" else ()
        if tab.kind == "settings":
            columns.append(_include_column())
        of_file = (replace(column, currency=self.case.currency) for column in columns)
        return SheetContent(tab, tuple(of_file), tuple(rows))

    def _items(self, tab: Tab) -> Iterator[tuple[CellsByPath, Any]]:
        """The items of a tab, each with its ids."""
        if tab.kind == "settings":
            yield {}, self.data
            return
        owners = list(self._items(tab.owner)) if tab.owner is not None else [({}, self.data)]
        for ids, owner in owners:
            head: CellsByPath = {(tab.owner_column,): ids["id",]} if tab.owner is not None else {}
            section = owner
            for step in tab.path[-1:] if tab.owner is not None else tab.path:
                section = section.get(step) if isinstance(section, Mapping) else None
            if isinstance(section, Mapping):
                yield from (({**head, ("id",): name}, item) for name, item in section.items())
            else:
                for item in section or ():
                    yield {**head, **({("id",): item["id"]} if tab.has_ids else {})}, item

    def _field_columns(
        self, tab: Tab, path: FieldPath, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """The columns of one field."""
        parent = _shape_at(tab.item, path[:-1])
        shape = shape_of_step(parent, path[-1])
        if shape is None or tab_at((*tab.path, *path)) is not None:
            return
        if shape.kind == "model":
            for key in shape.keys:
                yield from self._field_columns(tab, (*path, key), used_paths)
            return
        label = translate_label(field_label(tuple(step for step in path if not step.isdecimal())))
        if at := next((n for n, step in enumerate(path) if step.isdecimal()), 0):
            label = f"{translate_label(field_label(path[:at]))} {int(path[at]) + 1}: {label}"
        needed = is_required(parent, path[-1]) and (
            len(path) == 1 or is_required(tab.item, path[0])
        )
        meaning = translate_label(describe_field(parent, path[-1]))
        column = FieldColumn(path, shape, find_field(parent, path[-1]), label, meaning, needed)
        if shape.kind == "texts":
            yield from language_columns(
                column, any((*path, one) in used_paths for one in ("en", "de"))
            )
        elif shape.kind == "number":
            yield from _with_remarks(column)
        elif shape.kind == "yearly":
            yield from self._yearly_columns(column, used_paths)
        elif shape.kind in ("mapping", "years"):
            several = shape_of(shape.item).kind == "list"
            for key, name in self._mapping_keys(column, used_paths):
                if several and key in _used_keys(path, used_paths):
                    part = replace(column, path=(*path, key), shape=shape_of(shape.item))
                    yield from self._list_columns(tab, part, used_paths)
                elif not several:
                    yield from self._key_columns(column, key, name, used_paths)
        elif shape.kind == "list" and shape_of(shape.item).kind in ("number", "model"):
            yield from self._list_columns(tab, column, used_paths)
        else:
            yield column

    def _list_columns(
        self, tab: Tab, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """The columns of a list of figures or of items, position by position."""
        path, inside = column.path, shape_of(column.shape.item)
        unused = map(str, range(LIST_COLUMN_COUNTS.get(path[-1], 3)))
        for key in _used_keys(path, used_paths) or list(unused):
            if inside.kind != "model":
                part = replace(column, is_required=column.is_required and key == "0")
                yield from self._key_columns(part, key, str(int(key) + 1), used_paths, key == "0")
            for name in inside.keys if inside.kind == "model" else ():
                for found in self._field_columns(tab, (*path, key, name), used_paths):
                    yield replace(found, is_required=found.is_required and key == "0")

    def _yearly_columns(
        self, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[FieldColumn]:
        """A quantity, its years where it has any, and what is said of it."""
        years = _used_keys(column.path, used_paths, SOURCED_KEYS)
        some = column.is_one_of_required or (column.is_required and bool(years))
        column = replace(column, is_one_of_required=some)
        after = [
            part for year in years for part in self._key_columns(column, year, year, used_paths)
        ]
        yield from _with_remarks(column, after)

    def _key_columns(
        self,
        column: FieldColumn,
        key: str,
        suffix: str,
        used_paths: set[FieldPath],
        with_remarks: bool | None = None,
    ) -> Iterator[FieldColumn]:
        """The column of one key, and of its remarks where there are any."""
        path, kind = (*column.path, key), column.shape.kind
        part = replace(
            column, path=path, shape=shape_of_step(column.shape, key) or NUMBER_SHAPE,
            label=f"{column.label} {suffix}", is_one_of_required=column.is_required and kind != "list",
        )  # fmt: skip
        said = any((*path, remark) in used_paths for remark in REMARKS)
        if part.shape.kind == "yearly":
            yield from self._yearly_columns(part, used_paths)
        elif part.shape.kind == "mapping":
            for inner, name in self._mapping_keys(part, used_paths):
                yield from self._key_columns(part, inner, name, used_paths)
        elif part.shape.kind == "texts":
            yield from language_columns(
                part, any((*path, one) in used_paths for one in ("en", "de"))
            )
        elif said or (kind == "mapping" if with_remarks is None else with_remarks):
            yield from _with_remarks(part)
        else:
            yield part

    def _mapping_keys(
        self, column: FieldColumn, used_paths: set[FieldPath]
    ) -> Iterator[tuple[str, str]]:
        """The keys of a mapping that get a column, in the order of what they name, and names."""
        found, name = _used_keys(column.path, used_paths), column.path[-1]
        if column.shape.kind == "years":
            years = self.case.horizon.years if "by_year" in name else range(3)
            yield from ((key, key) for key in found or map(str, years))
            return
        items = getattr(self.case, referenced_section(name), {}) if referenced_section(name) else {}
        ids = list(items) if isinstance(items, Mapping) else [item.id for item in items]
        offered = [one for one in ids if len(ids) <= MAX_OFFERED_IDS or one in found]
        for key in dict.fromkeys([*offered, *found]):
            item = items.get(key) if isinstance(items, Mapping) else None
            yield key, display_name(item.name, key, current_language()) if item is not None else key


def _id_columns(tab: Tab) -> Iterator[FieldColumn]:
    """The columns that tell items apart."""
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
    """What the workbook lies over: no field of the model, and empty since a case is whole."""
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
    """The cells of a value by their paths, without what has a sheet of its own; ``base`` is the
    path of the section in the scenario."""
    if value is None or (path and tab_at((*section_path, *path)) is not None):
        return {}
    pairs: Iterable[tuple[str, Any]] = ()
    about: dict[str, Any] = {}
    if isinstance(value, Mapping) and shape.kind in ("number", "yearly") and "value" in value:
        return {path if key == "value" else (*path, key): one for key, one in value.items()}
    if isinstance(value, Mapping):
        pairs = value.items()
        if shape.kind == "yearly":
            # A source that all years share stands once.
            said = [_remarks_of(child) for child in value.values()]
            if all(one == said[0] for one in said):
                about = said[0]
                pairs = [(year, _bare_value(child)) for year, child in value.items()]
    elif isinstance(value, list):
        inside = shape_of(shape.item) if shape.kind == "list" else TEXT_SHAPE
        if inside.kind not in ("number", "model"):
            return {path: ";".join(map(str, value))} if value else {}
        pairs = ((str(position), child) for position, child in enumerate(value))
    else:
        return {path: value}
    row: CellsByPath = {}
    for key, child in pairs:
        row |= flatten_value(
            child, shape_of_step(shape, key) or TEXT_SHAPE, (*path, str(key)), section_path
        )
    return row | {(*path, key): text for key, text in about.items()}


def _remarks_of(value: Any) -> dict[str, Any]:
    """What is said of a figure."""
    return {k: v for k, v in value.items() if k in REMARKS} if isinstance(value, Mapping) else {}


def _bare_value(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) else value


def _language_paths(path: FieldPath, split_paths: set[FieldPath]) -> list[FieldPath]:
    return [(*path, "en"), (*path, "de")] if path in split_paths else [path]


def language_columns(column: FieldColumn, by_language: bool) -> Iterator[FieldColumn]:
    """One column, or one in each language with that of the reader first."""
    names = {"en": tr("English"), "de": tr("German")}
    order = sorted(names, key=lambda one: one != current_language()) if by_language else ()
    for number, one in enumerate(order):
        label = f"{column.label} ({names[one]})"
        path = (*column.path, one)
        yield replace(
            column, path=path, label=label, shape=TEXT_SHAPE, is_other_language=number > 0
        )
    if not by_language:
        yield column


def _with_remarks(
    column: FieldColumn, between: Iterable[FieldColumn] = ()
) -> Iterator[FieldColumn]:
    """A figure, its years where it has any, and what is said of it."""
    yield column
    yield from between
    yield from remark_columns(column.path)


def remark_columns(path: FieldPath) -> Iterator[FieldColumn]:
    """What is said of a figure."""
    labels = (tr("Source"), tr("Reliability"), tr("Note"))
    for remark, label in zip(REMARKS, labels, strict=True):
        yield FieldColumn(
            (*path, remark), remark_shape(remark), Field(remark), label, is_remark=True
        )


def remark_shape(remark: str) -> Shape:
    """What may stand in a remark."""
    return Shape("choice", choices=CONFIDENCE_WORDS) if remark == "confidence" else TEXT_SHAPE


def _used_keys(
    path: FieldPath, used_paths: set[FieldPath], excluded: Iterable[str] = ()
) -> list[str]:
    """The keys below a path that are used: numbers in order, names by the alphabet."""
    size = len(path)
    keys = {one[size] for one in used_paths if one[:size] == path and len(one) > size} - set(
        excluded
    )
    numbers = all(key.isdecimal() for key in keys)
    return sorted(keys, key=int) if numbers else sorted(keys)


def _shape_at(root: Shape, path: FieldPath) -> Shape:
    shape = root
    for step in path:
        listed = step.isdecimal() and shape.kind == "list"
        shape = shape_of_step(shape, int(step) if listed else step) or Shape("any")
    return shape


def build_variants_content(tab: Tab, data: Mapping[str, Any]) -> SheetContent:
    """The columns and rows of the variants of a scenario, or of its sets of assumptions, as a file
    writes them."""
    variants: Mapping[str, Mapping[str, Any]] = data.get(tab.key, {})
    split = any(
        isinstance(one.get(key), Mapping) for one in variants.values() for key in VARIANT_TEXTS
    )
    rows: list[CellsByPath] = []
    for name, variant in variants.items():
        head: CellsByPath = {("id",): name}
        for key in VARIANT_TEXTS:
            text = variant.get(key)
            if isinstance(text, Mapping):
                head |= {(key, one): said for one, said in text.items()}
            elif text is not None:
                head |= dict.fromkeys([(key, "en"), (key, "de")] if split else [(key,)], text)
        if "weight" in variant:
            weight = variant["weight"]
            head["weight",] = _bare_value(weight)
            head |= {("weight", key): text for key, text in _remarks_of(weight).items()}
        changes = list(variant.get("set", {}).items())
        rows.append({**head, **(_change_row(*changes[0]) if changes else {})})
        rows += [{("id",): name, **_change_row(*change)} for change in changes[1:]]
    return SheetContent(tab, tuple(_variant_columns(tab, split)), tuple(rows))


def _change_row(path: str, value: Any) -> CellsByPath:
    row: CellsByPath = {("path",): path}
    known = isinstance(value, Mapping) and set(value) <= {"value", *REMARKS} and "value" in value
    if known and not isinstance(value["value"], (Mapping, list)):
        row |= {(key,): text for key, text in value.items() if key != "value"}
        value = value["value"]
    row["value",] = value if isinstance(value, (int, float)) else to_inline_yaml(value)
    return row


def to_inline_yaml(value: Any) -> str:
    """A value as YAML in one line, the way a person would write it."""
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{to_inline_yaml(k)}: {to_inline_yaml(v)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(to_inline_yaml, value)) + "]"
    if isinstance(value, str):
        bare = not any(sign in value for sign in ",[]{}:#\n") and value == value.strip()
        year = value.isdecimal() and not value.startswith("0")
        as_it_is = year or (bare and _parse_inline_yaml(value) == value)
        return value if as_it_is else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.20f}".rstrip("0")
    return json.dumps(value)


def _parse_inline_yaml(text: str) -> Any:
    faults: list[Any] = []
    node = parse_setting(text, SourceLocation(""), faults.append)
    return None if faults else shapes.to_plain_data(node, shapes.ANY_SHAPE)


def _variant_columns(tab: Tab, by_language: bool) -> Iterator[FieldColumn]:
    weighed = "weight" in tab.item.keys
    meaning = tr("Name of the variant, the same in all of its rows.")
    if weighed:
        meaning = tr("Name of the set, the same in all of its rows.")
    yield FieldColumn(
        ("id",), TEXT_SHAPE, Field("id"), tr("Id (short name)"), meaning, is_required=True
    )
    meaning = tr("In the first row of a set.") if weighed else tr("In the first row of a variant.")
    for key, label in zip(VARIANT_TEXTS, (tr("Title"), tr("Description")), strict=True):
        if key in tab.item.keys:
            yield from language_columns(
                FieldColumn((key,), TEXT_SHAPE, Field(key), label, meaning), by_language
            )
    if weighed:
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
