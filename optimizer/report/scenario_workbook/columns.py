"""The columns of a sheet and what stands in them, from the data of a scenario.

Columns come from the models, so a new field of the format has one at once. How many years, keys and
positions a field takes up follows from the data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.base import named
from models.faults import Place
from models.files import includes, shapes
from models.files.shapes import ABOUT, Shape, describe, required, shape_of, step_into
from models.files.tabs import TEXTS, WORDS, Tab, tab_at, worded
from models.files.yaml_source import parse_setting
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook.fields import Field, field_of, label_of, section_of

Path = tuple[str, ...]
Row = dict[Path, Any]
REMARKS = ABOUT[1:]
TEXT, NUMBER = Shape("text"), Shape("number")
FEW_IDS = 8
"""So many ids of a section all get their column, whether used or not."""
POSITIONS = {"loss": 4}
"""Columns of a list that nobody uses; 3 for all others."""


@dataclass(frozen=True)
class Column:
    """One column: the path of its field, what its cells hold and how people call it."""

    path: Path
    shape: Shape
    field: Field
    label: str
    meaning: str = ""
    required: bool = False
    some: bool = False  # of several columns of a required field at least one has to be filled
    remark: bool = False
    other_language: bool = False
    currency: str = "EUR"

    @property
    def name(self) -> str:
        """The technical name."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Content:
    """What a sheet holds; settings are one row, whose columns are paths."""

    tab: Tab
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class Columns:
    """Makes the contents of sheets from the data of one scenario."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = case.model_dump(mode="json", by_alias=True, exclude_unset=True)
        """What a file says of it, without the defaults that it leaves out."""

    def of(self, tab: Tab) -> Content:
        """The columns and rows of a tab."""
        found = [{**ids, **flat(item, tab.item, (), tab.path)} for ids, item in self._items(tab)]
        # Texts stand in one column where no row tells the languages apart, else in two.
        split = {path[:-1] for row in found for path in row if path[-1] in ("en", "de")}
        rows = [{one: v for path, v in row.items() for one in _texts(path, split)} for row in found]
        used = {path for row in rows for path in row}
        columns = [*_head(tab)]
        for key in tab.item.keys:
            columns += self._field(tab, (key,), used) if key != "id" else ()
        if tab.kind == "settings":
            columns.append(_included())
        of_file = (replace(column, currency=self.case.currency) for column in columns)
        return Content(tab, tuple(of_file), tuple(rows))

    def _items(self, tab: Tab) -> Iterator[tuple[Row, Any]]:
        """The items of a tab, each with its ids."""
        if tab.kind == "settings":
            yield {}, self.data
            return
        owners = list(self._items(tab.owner)) if tab.owner is not None else [({}, self.data)]
        for ids, owner in owners:
            head: Row = {(tab.owner_column,): ids["id",]} if tab.owner is not None else {}
            section = owner
            for step in tab.path[-1:] if tab.owner is not None else tab.path:
                section = section.get(step) if isinstance(section, Mapping) else None
            if isinstance(section, Mapping):
                yield from (({**head, ("id",): name}, item) for name, item in section.items())
            else:
                for item in section or ():
                    yield {**head, **({("id",): item["id"]} if tab.has_ids else {})}, item

    def _field(self, tab: Tab, path: Path, used: set[Path]) -> Iterator[Column]:
        """The columns of one field."""
        parent = _shape(tab.item, path[:-1])
        shape = step_into(parent, path[-1])
        if shape is None or tab_at((*tab.path, *path)) is not None:
            return
        if shape.kind == "model":
            for key in shape.keys:
                yield from self._field(tab, (*path, key), used)
            return
        label = worded(label_of(tuple(step for step in path if not step.isdecimal())))
        if at := next((n for n, step in enumerate(path) if step.isdecimal()), 0):
            label = f"{worded(label_of(path[:at]))} {int(path[at]) + 1}: {label}"
        needed = required(parent, path[-1]) and (len(path) == 1 or required(tab.item, path[0]))
        meaning = worded(describe(parent, path[-1]))
        column = Column(path, shape, field_of(parent, path[-1]), label, meaning, needed)
        if shape.kind == "texts":
            yield from texts(column, any((*path, one) in used for one in ("en", "de")))
        elif shape.kind == "number":
            yield from _sourced(column)
        elif shape.kind == "yearly":
            yield from self._yearly(column, used)
        elif shape.kind in ("mapping", "years"):
            several = shape_of(shape.item).kind == "list"
            for key, name in self._free_keys(column, used):
                if several and key in _keys(path, used):
                    part = replace(column, path=(*path, key), shape=shape_of(shape.item))
                    yield from self._listed(tab, part, used)
                elif not several:
                    yield from self._part(column, key, name, used)
        elif shape.kind == "list" and shape_of(shape.item).kind in ("number", "model"):
            yield from self._listed(tab, column, used)
        else:
            yield column

    def _listed(self, tab: Tab, column: Column, used: set[Path]) -> Iterator[Column]:
        """The columns of a list of figures or of items, position by position."""
        path, inside = column.path, shape_of(column.shape.item)
        unused = map(str, range(POSITIONS.get(path[-1], 3)))
        for key in _keys(path, used) or list(unused):
            if inside.kind != "model":
                part = replace(column, required=column.required and key == "0")
                yield from self._part(part, key, str(int(key) + 1), used, key == "0")
            for name in inside.keys if inside.kind == "model" else ():
                for found in self._field(tab, (*path, key, name), used):
                    yield replace(found, required=found.required and key == "0")

    def _yearly(self, column: Column, used: set[Path]) -> Iterator[Column]:
        """A quantity, its years where it has any, and what is said of it."""
        years = _keys(column.path, used, ABOUT)
        some = column.some or (column.required and bool(years))
        column = replace(column, some=some)
        after = [part for year in years for part in self._part(column, year, year, used)]
        yield from _sourced(column, after)

    def _part(
        self, column: Column, key: str, suffix: str, used: set[Path], always: bool | None = None
    ) -> Iterator[Column]:
        """The column of one key, and of its remarks where there are any."""
        path, kind = (*column.path, key), column.shape.kind
        part = replace(
            column, path=path, shape=step_into(column.shape, key) or NUMBER,
            label=f"{column.label} {suffix}", some=column.required and kind != "list",
        )  # fmt: skip
        said = any((*path, remark) in used for remark in REMARKS)
        if part.shape.kind == "yearly":
            yield from self._yearly(part, used)
        elif part.shape.kind == "mapping":
            for inner, name in self._free_keys(part, used):
                yield from self._part(part, inner, name, used)
        elif part.shape.kind == "texts":
            yield from texts(part, any((*path, one) in used for one in ("en", "de")))
        elif said or (kind == "mapping" if always is None else always):
            yield from _sourced(part)
        else:
            yield part

    def _free_keys(self, column: Column, used: set[Path]) -> Iterator[tuple[str, str]]:
        """The keys of a mapping that get a column, in the order of what they name, and names."""
        found, name = _keys(column.path, used), column.path[-1]
        if column.shape.kind == "years":
            years = self.case.horizon.years if "by_year" in name else range(3)
            yield from ((key, key) for key in found or map(str, years))
            return
        items = getattr(self.case, section_of(name), {}) if section_of(name) else {}
        ids = list(items) if isinstance(items, Mapping) else [item.id for item in items]
        offered = [one for one in ids if len(ids) <= FEW_IDS or one in found]
        for key in dict.fromkeys([*offered, *found]):
            item = items.get(key) if isinstance(items, Mapping) else None
            yield key, named(item.name, key, language()) if item is not None else key


def _head(tab: Tab) -> Iterator[Column]:
    """The columns that tell items apart."""
    if tab.owner is not None:
        name = tab.owner_column
        label = worded(name.replace("_", " ").capitalize())
        owner = tab.owner.title
        meaning = tr("The item of the sheet '{name}' that the row belongs to.", name=owner)
        yield Column((name,), TEXT, Field(name), label, meaning, required=True)
    if tab.has_ids:
        label = worded(label_of(("id",)))
        meaning = tr("A short name without dots, by which other sheets refer to the item.")
        yield Column(("id",), TEXT, Field("id"), label, meaning, required=True)


def _included() -> Column:
    """What the workbook lies over: no field of the model, and empty since a case is whole."""
    meaning = tr(
        "Presets by name, and scenario files beside this workbook by theirs. What they hold lies "
        "under the workbook: what stands here comes first. vorrat presets lists the presets."
    )
    path = (includes.KEY,)
    return Column(path, includes.SHAPE, Field(includes.KEY), worded(label_of(path)), meaning)


def flat(value: Any, shape: Shape, path: Path, base: Path = ()) -> Row:
    """The cells of a value by their paths, without what has a sheet of its own; ``base`` is the
    path of the section in the scenario."""
    if value is None or (path and tab_at((*base, *path)) is not None):
        return {}
    pairs: Iterable[tuple[str, Any]] = ()
    about: dict[str, Any] = {}
    if isinstance(value, Mapping) and shape.kind in ("number", "yearly") and "value" in value:
        return {path if key == "value" else (*path, key): one for key, one in value.items()}
    if isinstance(value, Mapping):
        pairs = value.items()
        if shape.kind == "yearly":
            # A source that all years share stands once.
            said = [_about(child) for child in value.values()]
            if all(one == said[0] for one in said):
                about = said[0]
                pairs = [(year, _bare(child)) for year, child in value.items()]
    elif isinstance(value, list):
        inside = shape_of(shape.item) if shape.kind == "list" else TEXT
        if inside.kind not in ("number", "model"):
            return {path: ";".join(map(str, value))} if value else {}
        pairs = ((str(position), child) for position, child in enumerate(value))
    else:
        return {path: value}
    row: Row = {}
    for key, child in pairs:
        row |= flat(child, step_into(shape, key) or TEXT, (*path, str(key)), base)
    return row | {(*path, key): text for key, text in about.items()}


def _about(value: Any) -> dict[str, Any]:
    """What is said of a figure."""
    return {k: v for k, v in value.items() if k in REMARKS} if isinstance(value, Mapping) else {}


def _bare(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) else value


def _texts(path: Path, split: set[Path]) -> list[Path]:
    return [(*path, "en"), (*path, "de")] if path in split else [path]


def texts(column: Column, split: bool) -> Iterator[Column]:
    """One column, or one in each language with that of the reader first."""
    names = {"en": tr("English"), "de": tr("German")}
    order = sorted(names, key=lambda one: one != language()) if split else ()
    for number, one in enumerate(order):
        label = f"{column.label} ({names[one]})"
        path = (*column.path, one)
        yield replace(column, path=path, label=label, shape=TEXT, other_language=number > 0)
    if not split:
        yield column


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
    return Shape("choice", choices=WORDS) if remark == "confidence" else TEXT


def _keys(path: Path, used: set[Path], apart: Iterable[str] = ()) -> list[str]:
    """The keys below a path that are used: numbers in order, names by the alphabet."""
    size = len(path)
    keys = {one[size] for one in used if one[:size] == path and len(one) > size} - set(apart)
    numbers = all(key.isdecimal() for key in keys)
    return sorted(keys, key=int) if numbers else sorted(keys)


def _shape(root: Shape, path: Path) -> Shape:
    shape = root
    for step in path:
        listed = step.isdecimal() and shape.kind == "list"
        shape = step_into(shape, int(step) if listed else step) or Shape("any")
    return shape


def variants_content(tab: Tab, data: Mapping[str, Any]) -> Content:
    """The columns and rows of the variants of a scenario, or of its sets of assumptions, as a file
    writes them."""
    variants: Mapping[str, Mapping[str, Any]] = data.get(tab.key, {})
    split = any(isinstance(one.get(key), Mapping) for one in variants.values() for key in TEXTS)
    rows: list[Row] = []
    for name, variant in variants.items():
        head: Row = {("id",): name}
        for key in TEXTS:
            text = variant.get(key)
            if isinstance(text, Mapping):
                head |= {(key, one): said for one, said in text.items()}
            elif text is not None:
                head |= dict.fromkeys([(key, "en"), (key, "de")] if split else [(key,)], text)
        if "weight" in variant:
            weight = variant["weight"]
            head["weight",] = _bare(weight)
            head |= {("weight", key): text for key, text in _about(weight).items()}
        changes = list(variant.get("set", {}).items())
        rows.append({**head, **(_change(*changes[0]) if changes else {})})
        rows += [{("id",): name, **_change(*change)} for change in changes[1:]]
    return Content(tab, tuple(_of_variants(tab, split)), tuple(rows))


def _change(path: str, value: Any) -> Row:
    row: Row = {("path",): path}
    known = isinstance(value, Mapping) and set(value) <= {"value", *REMARKS} and "value" in value
    if known and not isinstance(value["value"], (Mapping, list)):
        row |= {(key,): text for key, text in value.items() if key != "value"}
        value = value["value"]
    row["value",] = value if isinstance(value, (int, float)) else as_text(value)
    return row


def as_text(value: Any) -> str:
    """A value as YAML in one line, the way a person would write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_text(k)}: {as_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_text, value)) + "]"
    if isinstance(value, str):
        bare = not any(sign in value for sign in ",[]{}:#\n") and value == value.strip()
        year = value.isdecimal() and not value.startswith("0")
        as_it_is = year or (bare and _read(value) == value)
        return value if as_it_is else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.20f}".rstrip("0")
    return json.dumps(value)


def _read(text: str) -> Any:
    faults: list[Any] = []
    node = parse_setting(text, Place(""), faults.append)
    return None if faults else shapes.plain(node, shapes.ANYTHING)


def _of_variants(tab: Tab, split: bool) -> Iterator[Column]:
    weighed = "weight" in tab.item.keys
    meaning = tr("Name of the variant, the same in all of its rows.")
    if weighed:
        meaning = tr("Name of the set, the same in all of its rows.")
    yield Column(("id",), TEXT, Field("id"), tr("Id (short name)"), meaning, required=True)
    meaning = tr("In the first row of a set.") if weighed else tr("In the first row of a variant.")
    for key, label in zip(TEXTS, (tr("Title"), tr("Description")), strict=True):
        if key in tab.item.keys:
            yield from texts(Column((key,), TEXT, Field(key), label, meaning), split)
    if weighed:
        meaning = tr("How much the set counts; all weights add up to 1.")
        column = Column(("weight",), Shape("number"), Field("weight"), tr("Weight"), meaning)
        yield from _sourced(column)
    meaning = tr("Technical names from the section down, with dots between them, such as "
                 "funders.fund.budget_meur. Items are named by their ids.")  # fmt: skip
    yield Column(("path",), TEXT, Field("path"), tr("What changes"), meaning)
    meaning = tr("A number or a word; several values as {a: 0.5, b: 0.5} or [a, b]; "
                 "null takes a field away.")  # fmt: skip
    yield Column(("value",), Shape("any"), Field("value"), tr("New value"), meaning)
    yield from remarks(())
