"""The columns of a sheet and what stands in them, from the data of a scenario.

Columns come from the models, so a new field of the format has one at once. How many years, keys and
positions a field takes up follows from the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.base import named
from models.files import includes
from models.files.shapes import ABOUT, ROOT, Shape, describe, required, shape_of, step_into
from models.files.tabs import Tab, tab_at, worded
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook.fields import Field, field_of, label_of, section_of

Path = tuple[str, ...]
Row = dict[Path, Any]
REMARKS = ABOUT[1:]
FEW_IDS = 8
"""So many ids of a section all get their column, whether used or not."""
POSITIONS = {"loss": 4}
"""Columns of a list that nobody uses; 3 for all others."""


@dataclass(frozen=True)
class Column:
    """One column: the path of its field, what its cells hold and how people call it.

    ``some`` says that of several columns of a required field at least one has to be filled.
    """

    path: Path
    shape: Shape
    field: Field
    label: str
    meaning: str = ""
    required: bool = False
    some: bool = False
    remark: bool = False
    other_language: bool = False

    @property
    def name(self) -> str:
        """The technical name."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Content:
    """What a sheet holds."""

    tab: Tab
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def written(case: Case) -> dict[str, Any]:
    """A scenario as a file writes it: what it says, without the defaults it leaves out."""
    return case.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Columns:
    """Makes the contents of sheets from the data of one scenario."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = written(case)

    def of(self, tab: Tab) -> Content:
        """The columns and rows of a tab."""
        rows = self._bilingual([self._flat(tab, *item) for item in self._items(tab)])
        used = {path for row in rows for path in row}
        columns = list(self._head(tab))
        for key in tab.item.keys:
            if key == "id" and tab.shape.kind != "mapping":
                continue  # a column of the head
            columns += self._field(tab, tab.item, (key,), used)
        return Content(tab, tuple(columns), tuple(rows))

    def _head(self, tab: Tab) -> Iterator[Column]:
        """The columns that tell items apart."""
        text = Shape("text")
        if tab.owner is not None:
            name = tab.owner_column
            meaning = tr("The item of the sheet '{name}' that the row belongs to.",
                         name=tab.owner.title)  # fmt: skip
            label = worded(name.replace("_", " ").capitalize())
            yield Column((name,), text, Field(name), label, meaning, required=True)
        if tab.has_ids:
            meaning = tr("A short name without dots, by which other sheets refer to the item.")
            yield Column(
                ("id",), text, Field("id"), worded(label_of(("id",))), meaning, required=True
            )

    def _items(self, tab: Tab) -> Iterator[tuple[Row, Any]]:
        """The items of a tab, each with its ids."""
        owners = list(self._items(tab.owner)) if tab.owner is not None else [({}, self.data)]
        for ids, owner in owners:
            path = tab.path[-1:] if tab.owner is not None else tab.path
            head: Row = {(tab.owner_column,): ids["id",]} if tab.owner is not None else {}
            section = _at(owner, path)
            if isinstance(section, Mapping):
                for name, item in section.items():
                    yield {**head, ("id",): name}, item
            for item in section if isinstance(section, list) else ():
                if tab.has_ids:
                    head = {**head, ("id",): item["id"]}
                yield head, item

    def _flat(self, tab: Tab, ids: Row, item: Any) -> Row:
        row = dict(ids)
        for key, value in item.items():
            if tab_at((*tab.path, key)) is None:
                row.update(flat(value, step_into(tab.item, key) or Shape("any"), (key,)))
        return row

    def settings(self) -> Content:
        """The fields that belong to no list of items, as one row whose columns are paths."""
        row: Row = {}
        for key, value in self.data.items():
            if tab_at((key,)) is None:
                row.update(self._flat_settings(value, (key,)))
        row = self._bilingual([row])[0]
        columns: list[Column] = []
        for key in ROOT.keys:
            if tab_at((key,)) is None:
                columns += self._field(Tab((), ROOT), ROOT, (key,), set(row))
        columns.append(_included())
        return Content(Tab((), ROOT), tuple(columns), (row,))

    def _flat_settings(self, value: Any, path: Path) -> Row:
        if tab_at(path) is not None:
            return {}
        shape = _shape(ROOT, path)
        if shape.kind != "model" or not isinstance(value, Mapping):
            return flat(value, shape, path)
        row: Row = {}
        for key, child in value.items():
            row.update(self._flat_settings(child, (*path, key)))
        return row

    def _bilingual(self, rows: list[Row]) -> list[Row]:
        """Texts in one column where no row tells the languages apart, else in two."""
        split = {path[:-1] for row in rows for path in row if path[-1] in ("en", "de")}
        return [
            {
                new: value
                for path, value in row.items()
                for new in ([(*path, "en"), (*path, "de")] if path in split else [path])
            }
            for row in rows
        ]

    def _field(self, tab: Tab, root: Shape, path: Path, used: set[Path]) -> Iterator[Column]:
        """The columns of one field."""
        parent = _shape(root, path[:-1]) if path[:-1] else root
        shape = step_into(parent, path[-1])
        if shape is None or tab_at((*tab.path, *path)) is not None:
            return
        if shape.kind == "model":
            for key in shape.keys:
                yield from self._field(tab, root, (*path, key), used)
            return
        told = tuple(step for step in path if not step.isdecimal())
        needed = required(parent, path[-1]) and (len(path) == 1 or required(root, path[0]))
        field = field_of(parent, path[-1])
        meaning = worded(describe(parent, path[-1]))
        column = Column(path, shape, field, worded(label_of(told)), meaning, needed)
        if any(step.isdecimal() for step in path):
            column = replace(column, label=f"{self._item_label(path)}: {column.label}")
        yield from self._parts(tab, column, used)

    def _item_label(self, path: Path) -> str:
        """Such as "Step 2", for the fields of an item in a list."""
        number = next(place for place, step in enumerate(path) if step.isdecimal())
        return f"{worded(label_of(path[:number]))} {int(path[number]) + 1}"

    def _parts(self, tab: Tab, column: Column, used: set[Path]) -> Iterator[Column]:
        path, shape = column.path, column.shape
        kind = shape.kind
        if kind == "texts":
            yield from texts(column, any((*path, one) in used for one in ("en", "de")))
        elif kind == "number":
            yield from _sourced(column)
        elif kind == "yearly":
            years = _keys(path, used, ABOUT)
            column = replace(column, some=column.required and bool(years))
            yield from _sourced(column, after=[
                part for year in years for part in self._part(column, year, f" {year}", used)
            ])  # fmt: skip
        elif kind in ("mapping", "years"):
            for key in self._free_keys(column, used):
                yield from self._part(column, key, f" {self._key_label(column, key)}", used)
        elif kind == "list" and shape_of(shape.item).kind in ("number", "model"):
            unused = POSITIONS.get(path[-1], 3)
            for key in _keys(path, used, ()) or list(map(str, range(unused))):
                yield from self._position(tab, column, key, used)
        else:
            yield column

    def _position(self, tab: Tab, column: Column, key: str, used: set[Path]) -> Iterator[Column]:
        inside = shape_of(column.shape.item)
        if inside.kind != "model":
            part = self._part(column, key, f" {int(key) + 1}", used, always=key == "0")
            yield from part
            return
        for name in inside.keys:
            for found in self._field(tab, tab.item, (*column.path, key, name), used):
                yield replace(found, required=found.required and key == "0")

    def _part(
        self, column: Column, key: str, suffix: str, used: set[Path], always: bool | None = None
    ) -> Iterator[Column]:
        """The column of one key, and of its remarks where there are any."""
        path = (*column.path, key)
        inside = step_into(column.shape, key) or Shape("number")
        part = replace(column, path=path, shape=inside, label=f"{column.label}{suffix}")
        if column.shape.kind == "list":
            part = replace(part, required=column.required and key == "0")
        else:
            part = replace(part, some=column.required)
        if inside.kind == "yearly":
            years = _keys(path, used, ABOUT)
            after = [x for year in years for x in self._part(part, year, f" {year}", used)]
            yield from _sourced(part, after=after)
            return
        said = any((*path, remark) in used for remark in REMARKS)
        if always is None:
            always = column.shape.kind == "mapping"
        yield from _sourced(part) if said or always else [part]

    def _free_keys(self, column: Column, used: set[Path]) -> list[str]:
        """The keys of a mapping that get a column, in the order of what they name."""
        found = _keys(column.path, used, ())
        name = column.path[-1]
        if column.shape.kind == "years":
            years = self.case.horizon.years if "by_year" in name else range(3)
            return found or list(map(str, years))
        items = getattr(self.case, section_of(name), {}) if section_of(name) else {}
        ids = list(items) if isinstance(items, Mapping) else [item.id for item in items]
        offered = [one for one in ids if len(ids) <= FEW_IDS or one in found]
        return [*offered, *(one for one in found if one not in offered)]

    def _key_label(self, column: Column, key: str) -> str:
        if column.shape.kind == "years":
            return key
        items = getattr(self.case, section_of(column.path[-1]) or "materials", {})
        item = items.get(key) if isinstance(items, Mapping) else None
        return named(item.name, key, language()) if item is not None else key


def _included() -> Column:
    """What the workbook lies over: no field of the model, and empty since a case is whole."""
    meaning = tr(
        "Presets by name, and scenario files beside this workbook by theirs. What they hold lies "
        "under the workbook: what stands here comes first. vorrat presets lists the presets."
    )
    path = (includes.KEY,)
    return Column(path, includes.SHAPE, Field(includes.KEY), worded(label_of(path)), meaning)


def flat(value: Any, shape: Shape, path: Path) -> Row:
    """The cells of a value, by their paths."""
    if value is None:
        return {}
    if shape.kind in ("number", "yearly"):
        return _flat_number(value, path)
    if isinstance(value, Mapping):
        row: Row = {}
        for key, child in value.items():
            row.update(flat(child, step_into(shape, key) or Shape("text"), (*path, str(key))))
        return row
    if isinstance(value, list):
        inside = shape_of(shape.item) if shape.kind == "list" else Shape("text")
        if inside.kind not in ("number", "model"):
            return {path: ";".join(map(str, value))} if value else {}
        row = {}
        for position, child in enumerate(value):
            row.update(flat(child, inside, (*path, str(position))))
        return row
    return {path: value}


def _flat_number(value: Any, path: Path) -> Row:
    """A number or a yearly quantity; a source that all years share stands once."""
    if not isinstance(value, Mapping):
        return {path: value}
    if "value" in value:
        about = {(*path, key): text for key, text in value.items() if key != "value"}
        return {path: value["value"], **about}
    said = [_remarks(child) for child in value.values()]
    alike = said[0] if all(one == said[0] for one in said) else None
    row: Row = {}
    for year, child in value.items():
        bare = child["value"] if isinstance(child, Mapping) else child
        row.update(
            {(*path, year): bare} if alike is not None else flat(child, _NUMBER, (*path, year))
        )
    row.update({(*path, key): text for key, text in (alike or {}).items()})
    return row


_NUMBER = Shape("number")


def _remarks(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: value[key] for key in REMARKS if key in value}


def texts(column: Column, split: bool) -> Iterator[Column]:
    """One column, or one in each language with that of the reader first."""
    if not split:
        yield column
        return
    order = ("de", "en") if language() == "de" else ("en", "de")
    names = {"en": tr("English"), "de": tr("German")}
    for number, one in enumerate(order):
        label = f"{column.label} ({names[one]})"
        yield replace(column, path=(*column.path, one), label=label, shape=Shape("text"),
                    other_language=number > 0)  # fmt: skip


def _sourced(column: Column, after: Iterable[Column] = ()) -> Iterator[Column]:
    """A figure, its years where it has any, and what is said of it."""
    yield column
    yield from after
    yield from remarks(column.path)


def remarks(path: Path) -> Iterator[Column]:
    """What is said of a figure."""
    labels = (tr("Source"), tr("Reliability"), tr("Note"))
    for remark, label in zip(REMARKS, labels, strict=True):
        yield Column((*path, remark), remark_shape(remark), Field(remark), label, remark=True)


def remark_shape(remark: str) -> Shape:
    """What may stand in a remark."""
    shapes = {"confidence": Shape("choice", choices=("high", "medium", "low"))}
    return shapes.get(remark, Shape("text"))


def _keys(path: Path, used: set[Path], apart: Iterable[str]) -> list[str]:
    """The keys below a path that are used: numbers in order, names as they come."""
    size = len(path)
    found = dict.fromkeys(one[size] for one in used if one[:size] == path and len(one) > size)
    keys = [key for key in found if key not in apart]
    numbers = sorted((key for key in keys if key.isdecimal()), key=int)
    if numbers and len(numbers) == len(keys):
        return numbers
    return sorted(keys)


def _shape(root: Shape, path: Path) -> Shape:
    shape = root
    for step in path:
        listed = step.isdecimal() and shape.kind == "list"
        shape = step_into(shape, int(step) if listed else step) or Shape("any")
    return shape


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data
