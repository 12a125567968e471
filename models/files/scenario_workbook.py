"""A whole scenario in an Excel workbook: a sheet a section, a row an item.

Somewhere in its first rows each sheet has one with the technical names of its columns, which are
those of tables (``output_t_per_year.lithium``, ``capex_meur.source``). What stands above is for
readers and not read; what stands below are the items.
"""

import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import StrictStr

from models.base import Base, Text
from models.faults import Fault, Place
from models.files import includes, tabs
from models.files.nodes import Cell, Node, Path, Report, Sheet, node_at
from models.files.shapes import ABOUT, ANYTHING, ROOT, Shape, plain, required, shape_of, step_into
from models.files.tables import DATES, Column, Table
from models.files.tabs import OWN, TEXTS, WORDS, Tab
from models.files.workbook import open_workbook, rows_of
from models.files.yaml_source import parse_setting
from models.language import tr
from models.scenario.quantities import UNREADABLE, NonNegative, number_hint
from models.spelling import close, suggestion

HEADER_WITHIN = 10  #: Rows among which the one with the technical names is looked for.
_TRUE, _FALSE = ("true", "yes", "ja", "wahr"), ("false", "no", "nein", "falsch")


def read_scenario_workbook(raw: bytes, file: str, report: Report) -> Node:
    """The tree of a scenario, every value with its sheet and cell as its place."""
    place = Place(file)
    book = open_workbook(raw, file, place)
    sheets: dict[Tab, tuple[str, list[list[Cell]]]] = {}
    for sheet in book.worksheets:
        if tabs.is_aside(sheet.title):
            continue
        tab = tabs.tab_named(sheet.title)
        if tab is not None and tab not in sheets:
            cells = rows_of(sheet, file, place, report)
            sheets[tab] = (sheet.title, cells)
        else:
            first = sheets[tab][0] if tab is not None else ""
            report(_wrong_sheet(sheet.title, first, Place(file, cell=f"{sheet.title}!A1")))
    root = Node({}, place)
    for tab in tabs.tabs():
        if tab in sheets:
            name, rows = sheets[tab]
            root = _with_sheet(root, tab, _sheet(tab, name, rows, file, report), file, name, report)
    return root


def _wrong_sheet(name: str, first: str, place: Place) -> Fault:
    if first:
        about = {"first": first, "name": name}
        message = tr("the sheets '{first}' and '{name}' hold the same section", **about)
        return Fault((), message, tr("keep one of them"), place=place)
    near = tabs.nearest_sheet(name)
    hint = tr("did you mean '{name}'?", name=near) + " " if near else ""
    hint += tr("a sheet of your own is called '_{name}'", name=name)
    return Fault((), tr("the sheet '{name}' is not known", name=name), hint, place=place)


def _sheet(tab: Tab, name: str, rows: list[list[Cell]], file: str, report: Report) -> Sheet | None:
    """A sheet from the row of its technical names on; None where there is no such row."""
    keys = {*tab.item.keys, tab.owner_column, "id"} - {""}
    if tab.kind == "settings":
        keys = {"path", *ABOUT}
    elif tab.kind == "variants":
        keys |= {"path", *ABOUT}
    counts = [
        sum(str(cell.value).strip().partition(".")[0] in keys for cell in row if cell.filled)
        for row in rows[:HEADER_WITHIN]
    ]
    best = max(counts, default=0)
    if best:
        header, *below = rows[counts.index(best) :]
        return Sheet(header, [row for row in below if any(cell.filled for cell in row)])
    if not rows:
        return Sheet([], [])
    some = [tab.owner_column, *tab.item.keys] if tab.owner else tab.item.keys[:4]
    names = "path, value" if tab.kind == "settings" else ", ".join(some)
    message = tr("no row of the sheet '{name}' holds the names of its columns", name=name)
    hint = tr("one of the first ten has to hold names such as {names}", names=names)
    report(Fault(tab.path, message, hint, place=Place(file, cell=f"{name}!A1")))
    return None


def _with_sheet(
    root: Node, tab: Tab, sheet: Sheet | None, file: str, name: str, report: Report
) -> Node:
    """The tree with what a sheet holds."""
    place = Place(file, cell=f"{name}!A1")
    content: Any = None
    if sheet is not None and tab.kind == "settings":
        return _Settings(tab, file, report).read_sheet(sheet)
    if sheet is not None and tab.kind == "variants":
        content = _Variants(tab, file, report).content(sheet) if sheet.header else {}
    elif sheet is not None and tab.owner is not None:
        _Items(tab, file, report).put_into_owners(root, sheet)
        return root
    elif sheet is not None:
        content = _Items(tab, file, report).content(sheet) if sheet.header else {}
    if content is None:
        _put(root, tab.path, Node(None, place, place, faulty=True))
    elif content or required(ROOT, tab.path[0]):
        _put(root, tab.path, Node(content, place, place, missing=not content))
    return root


def _put(root: Node, path: tuple[str, ...], node: Node) -> None:
    parent = root
    for step in path[:-1]:
        below = parent.value.get(step)
        if below is None or not isinstance(below.value, dict):
            below = parent.value[step] = Node({}, node.place, node.place)
        parent = below
    if path:
        parent.value[path[-1]] = node


class _Items(Table):
    """A sheet of items, with what people write into cells of either language."""

    def __init__(self, tab: Tab, file: str, report: Report) -> None:
        super().__init__(tab.key, Node({}, Place(file)), tab.shape, file, report)
        self.tab = tab
        self.item = tab.item

    def put_into_owners(self, root: Node, sheet: Sheet) -> None:
        """Put items into those that they belong to, in place."""
        assert self.tab.owner is not None
        owners = node_at(root, self.tab.owner.path)
        known: dict[str, Node] = {}
        if owners is not None and isinstance(owners.value, dict):
            known = owners.value
        elif owners is not None:
            ids = [(item.child("id"), item) for item in owners.value or ()]
            known = {str(one.value): item for one, item in reversed(ids) if one is not None}
        by_owner: dict[str, list[Node]] = {}
        for row in (self.rows(sheet) if sheet.header else None) or ():
            name = row.value.pop(self.tab.owner_column, None)
            if name is None or name.value is None:
                message = tr("the cell '{column}' is empty", column=self.tab.owner_column)
                hint = tr("name the one that this row belongs to")
                self._fault(row.place if name is None else name.place, message, hint)
            elif name.value in known:
                by_owner.setdefault(name.value, []).append(row)
            elif owners is None or not owners.faulty:
                self._no_owner(name, list(known), root.child(includes.KEY) is not None)
        for owner, rows in by_owner.items():
            place = rows[0].place
            content = self.by_id(rows) if self.keyed else rows
            known[owner].value[self.tab.path[-1]] = Node(content, place, place)

    def _no_owner(self, name: Node, ids: list[str], lies_over: bool) -> None:
        assert self.tab.owner is not None
        sheet = self.tab.owner.title
        message = tr("there is no {kind} '{name}'", kind=self.tab.owner_column, name=name.value)
        hint = suggestion(name.value, ids) or tr("the sheet '{name}' has none", name=sheet)
        if lies_over and not close(name.value, ids):
            hint = tr("if it is included, its id gets a row on the sheet '{name}' too", name=sheet)
        self._fault(name.place, message, hint)

    def _column(self, cell: Cell, name: str) -> tuple[Path, Shape | None]:
        if name.startswith(OWN):
            return (name,), None
        if self.tab.owner is not None and name == self.tab.owner_column:
            return (name,), Shape("text")
        elsewhere = self._elsewhere(name)
        if elsewhere is not None:
            message = tr("'{name}' stands on a sheet of its own", name=name)
            hint = tr("see the sheet '{name}'", name=elsewhere.title)
            self._fault(cell.place, message, hint)
            return (name,), None
        path, shape = super()._column(cell, name)
        if shape is not None and path[-1] == "confidence":
            shape = Shape("choice", choices=WORDS)
        return path, shape

    def _elsewhere(self, name: str) -> Tab | None:
        """The tab that holds what a column names."""
        steps = tuple(name.split("."))
        owner = self.tab if self.tab.kind == "items" else None
        for length in range(1, len(steps) + 1):
            tab = tabs.tab_at((*self.tab.path, *steps[:length]))
            if tab is not None and tab.owner == owner:
                return tab
        return None

    def _row(self, columns: list[Column], cells: list[Cell]) -> Node | None:
        row = super()._row(columns, cells)
        for column in reversed(columns) if row is not None else ():
            # What is missing is missing from a cell, which is told rather than the row's first.
            key = str(column.path[0])
            node = row.value.get(key) if row is not None else None
            missing = node is None or (node.value is None and not node.faulty)
            if row is not None and missing and self._needed(key):
                row.value[key] = Node(None, _place(cells, column.cell.number), missing=True)
        return row

    def _needed(self, key: str) -> bool:
        own = (key == "id" and self.keyed) or key == self.tab.owner_column
        return own or required(self.item, key)

    def _value(self, shape: Shape, cell: Cell) -> Node:
        value = cell.value
        if isinstance(value, str):
            value = self._said(shape, value)
        elif isinstance(value, bool) and shape.kind in ("choice", "text", "texts", "country"):
            value = str(value).lower()
        node = super()._value(shape, replace(cell, value=value))
        if shape.kind not in ("number", "yearly", "whole"):
            return node
        if isinstance(node.value, str):
            message = tr("'{text}' is a text where a number belongs", text=node.value)
            hint = tr("format the cell as a number and enter it again")
            self._fault(cell.place, message, number_hint(node.value) if "%" in node.value else hint)
            node = Node(None, cell.place, cell.place, faulty=True)
        # What is unreadable is not missing: checks of the whole pass it over.
        return replace(node, value=UNREADABLE) if node.faulty else node

    def _said(self, shape: Shape, text: str) -> str | bool:
        """The word or the truth value that a text stands for."""
        said = text.strip().lower()
        if shape.kind == "flag" and said in (*_TRUE, *_FALSE):
            return said in _TRUE
        if shape.kind in ("choice", "names"):
            return tabs.word_meant(text, shape.choices)
        return text.strip() if shape.kind == "country" else text


def _place(cells: list[Cell], number: int) -> Place:
    """The place of a column in the row of some cells."""
    from openpyxl.utils import get_column_letter

    sheet, _, first = cells[0].place.cell.rpartition("!")
    row = first.lstrip(string.ascii_uppercase)
    return replace(cells[0].place, cell=f"{sheet}!{get_column_letter(number + 1)}{row}")


class _VariantRow(Base):
    """A row of the sheet of variants: a path and its value; texts stand in any row of a variant."""

    title: Text | None = None
    description: Text | None = None
    weight: NonNegative | None = None
    path: StrictStr | None = None
    value: Any = None
    source: StrictStr | None = None
    confidence: Literal["high", "medium", "low"] | None = None
    note: StrictStr | None = None


class _Variants(_Items):
    """The sheet of variants, a row a change."""

    def __init__(self, tab: Tab, file: str, report: Report) -> None:
        super().__init__(tab, file, report)
        self.item = shape_of(_VariantRow)

    def by_id(self, rows: list[Node]) -> dict[str, Node]:
        """The variants, each with its texts and all its changes."""
        variants: dict[str, Node] = {}
        for id_, row in self.named(rows):
            name = str(id_.value).strip()
            variant = variants.setdefault(name, Node({}, id_.place, id_.place))
            for text in (*TEXTS, "weight"):
                node = row.child(text)
                before = variant.value.setdefault(text, node) if node is not None else None
                if node and before and plain(before, ANYTHING) != plain(node, ANYTHING):
                    message = tr("another '{text}' of the same variant", text=text)
                    self._fault(node.place, message, tr("first at {place}", place=before.place))
            self._change(variant, row)
        return variants

    def _change(self, variant: Node, row: Node) -> None:
        path, value = row.child("path"), row.child("value")
        if path is None or value is None:
            if value is not None:
                hint = tr("name the field in the column 'path'")
                self._fault(value.place, tr("a value without a path"), hint)
            elif path is not None:
                message = tr("the path '{path}' has no value", path=path.value)
                hint = tr("write one, or null to take the field away")
                self._fault(path.place, message, hint)
            return
        about = {key: node for key in ABOUT[1:] if (node := row.child(key)) is not None}
        name, place = str(path.value).strip(), path.place
        changes = variant.value.setdefault("set", Node({}, place, place))
        if (first := changes.value.get(name)) is not None:
            message = tr("the path '{path}' stands twice", path=name)
            self._fault(place, message, tr("first at {place}", place=first.key_place))
            return
        value = Node({"value": value, **about}, value.place) if about else value
        changes.value[name] = replace(value, key_place=place)

    def _value(self, shape: Shape, cell: Cell) -> Node:
        """What a cell gives: where anything may stand, a number, or a text as YAML writes it."""
        if shape.kind != "any" or cell.faulty:
            return super()._value(shape, cell)
        if isinstance(cell.value, str):
            return parse_setting(cell.value.strip(), cell.place, self.report)
        if isinstance(cell.value, DATES):
            return self.date(cell.place, "any")
        return Node(cell.value, cell.place)


class _Settings(_Items):
    """The sheet with a value a row, read as one item whose columns are the paths."""

    def read_sheet(self, sheet: Sheet) -> Node:
        """The root of the scenario, without the sections that have sheets."""
        header = {str(cell.value).strip(): cell for cell in sheet.header if cell.filled}
        for name, cell in header.items():
            if name not in ("path", *ABOUT) and not name.startswith(OWN):
                message = tr("the column '{column}' is not known", column=name)
                hint = suggestion(name, ("path", *ABOUT))
                self.report(Fault((), message, hint, place=cell.place))
        place = sheet.header[0].place if sheet.header else self.node.place
        if not {"path", "value"} <= set(header):
            message = tr("the sheet needs the columns 'path' and 'value'")
            self.report(Fault((), message, place=place))
            return Node({}, place)
        found = [one for row in sheet.rows for one in self._taken(row, header)]
        paths = [replace(path, number=number) for number, (path, _) in enumerate(found)]
        values = [replace(cell, number=number) for number, (_, cell) in enumerate(found)]
        columns = self._columns(Sheet(paths, [values]))
        root = self._row(columns, values) or Node({}, place)
        self._name_what_is_missing(root, columns, values)
        return replace(root, place=place, key_place=None)

    def _taken(self, row: list[Cell], header: dict[str, Cell]) -> Iterator[tuple[Cell, Cell]]:
        """The paths and cells of the value of a row and of what is said of it."""
        at = {name: row[one.number] for name, one in header.items() if one.number < len(row)}
        path, filled = at.get("path"), {key: at[key] for key in ABOUT if key in at}
        filled = {name: cell for name, cell in filled.items() if cell.filled}
        if path is not None and path.filled:
            empty = Cell(None, _place(row, header["value"].number), 0)
            for name, cell in {"value": at.get("value", empty), **filled}.items():
                suffix = "" if name == "value" else f".{name}"
                yield replace(path, value=str(path.value).strip() + suffix), cell
        elif filled:
            message = tr("a value without a path")
            hint = tr("name the field in the column 'path'")
            self.report(Fault((), message, hint, place=next(iter(filled.values())).place))

    def _column(self, cell: Cell, name: str) -> tuple[Path, Shape | None]:
        # What a scenario lies over is no field of its model.
        return ((name,), includes.SHAPE) if name == includes.KEY else super()._column(cell, name)

    def _name_what_is_missing(self, root: Node, columns: list[Column], values: list[Cell]) -> None:
        for column in columns:
            cell, parent, shape = values[column.cell.number], root, ROOT
            for step in column.path if not cell.filled else ():
                if str(step) not in parent.value and required(shape, str(step)):
                    parent.value[str(step)] = Node(None, cell.place, missing=True)
                below = parent.value.get(str(step))
                inside = step_into(shape, step)
                if below is None or inside is None or not isinstance(below.value, dict):
                    break
                parent, shape = below, inside

    def _needed(self, key: str) -> bool:
        return False

    def _unknown_column(self, cell: Cell, name: str) -> None:
        shape, hint = ROOT, ""
        for number, step in enumerate(name.split(".")):
            inside = step_into(shape, step) if shape.kind == "model" else None
            if inside is None:
                keys = [key for key in shape.keys if number or tabs.tab_at((key,)) is None]
                hint = suggestion(step, keys if number else [*keys, includes.KEY])
                break
            shape = inside
        self._fault(cell.place, tr("the path '{name}' is not known", name=name), hint)
