"""A whole scenario in an Excel workbook: a sheet a section, a row an item.

Somewhere in its first rows each sheet has one with the technical names of its columns, which are
those of tables (``output_t_per_year.lithium``, ``capex_meur.source``). What stands above is for
readers and not read; what stands below are the items.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from models.faults import Fault, Place
from models.files import includes
from models.files.nodes import Cell, Node, Path, Report, Sheet
from models.files.shapes import ABOUT, ROOT, Shape, required, step_into
from models.files.tables import Column, Table
from models.files.tabs import (
    OWN,
    Tab,
    holds_items,
    is_aside,
    nearest_sheet,
    tab_at,
    tab_named,
    tabs,
)
from models.files.variant_rows import WORDS, VariantRows
from models.files.wording import word_meant
from models.files.workbook import open_workbook, rows_of
from models.language import tr
from models.scenario.quantities import UNREADABLE, number_hint
from models.spelling import close, suggestion

HEADER_WITHIN = 10
"""Rows among which the one with the technical names is looked for."""
_TRUE, _FALSE = ("true", "yes", "ja", "wahr"), ("false", "no", "nein", "falsch")


def read_scenario_workbook(raw: bytes, file: str, report: Report) -> Node:
    """The tree of a scenario, every value with its sheet and cell as its place."""
    place = Place(file)
    values, formulas = open_workbook(raw, file, place)
    sheets: dict[Tab, tuple[str, list[list[Cell]]]] = {}
    for sheet in values.worksheets:
        if is_aside(sheet.title):
            continue
        tab = tab_named(sheet.title)
        if tab is None or tab in sheets:
            report(_wrong_sheet(sheet.title, tab, sheets, file))
            continue
        written = formulas[sheet.title]
        sheets[tab] = (sheet.title, rows_of(sheet, written, file, place, report))
    return _Workbook(file, report, sheets).read()


def _wrong_sheet(name: str, tab: Tab | None, sheets: Any, file: str) -> Fault:
    place = Place(file, cell=f"{name}!A1")
    if tab is not None:
        first = sheets[tab][0]
        message = tr(
            "the sheets '{first}' and '{name}' hold the same section", first=first, name=name
        )
        return Fault((), message, tr("keep one of them"), place=place)
    near = nearest_sheet(name)
    hint = tr("did you mean '{name}'?", name=near) if near else ""
    own = tr("a sheet of your own is called '_{name}'", name=name)
    message = tr("the sheet '{name}' is not known", name=name)
    return Fault((), message, f"{hint} {own}" if hint else own, place=place)


@dataclass
class _Workbook:
    file: str
    report: Report
    sheets: dict[Tab, tuple[str, list[list[Cell]]]]

    def read(self) -> Node:
        """The tree from the settings, with the items of all sheets put in."""
        root = Node({}, Place(self.file))
        for tab in tabs():
            if tab not in self.sheets:
                continue
            name, rows = self.sheets[tab]
            sheet = self._sheet(tab, name, rows)
            place = Place(self.file, cell=f"{name}!A1")
            if sheet is None:
                _put(root, tab.path, Node(None, place, place, faulty=True))
            elif tab.kind == "settings":
                root = _Settings(tab, self.file, self.report).read_sheet(sheet)
            elif tab.kind == "variants":
                variants = VariantRows(self.report).read(sheet, place)
                if variants.value:
                    _put(root, tab.path, variants)
            elif tab.owner is None:
                self._items(root, tab, sheet, place)
            else:
                self._owned(root, tab, sheet)
        return root

    def _sheet(self, tab: Tab, name: str, rows: list[list[Cell]]) -> Sheet | None:
        """A sheet from the row of its technical names on; None where there is no such row."""
        knows = _knows(tab)
        counts = [
            sum(cell.value is not None and knows(str(cell.value).strip()) for cell in row)
            for row in rows[:HEADER_WITHIN]
        ]
        best = max(counts, default=0)
        if not best and rows:
            message = tr("no row of the sheet '{name}' holds the names of its columns", name=name)
            hint = tr("one of the first ten has to hold names such as {names}", names=_some(tab))
            self.report(Fault(tab.path, message, hint, place=Place(self.file, cell=f"{name}!A1")))
            return None
        if not best:
            return Sheet([], [])
        first = counts.index(best)
        header, *below = rows[first:]
        return Sheet(header, [row for row in below if any(cell.filled for cell in row)])

    def _items(self, root: Node, tab: Tab, sheet: Sheet, place: Place) -> None:
        table = _Items(tab, self.file, self.report)
        rows = table.rows(sheet) if sheet.header else []
        if rows is None:
            _put(root, tab.path, Node(None, place, place, faulty=True))
        elif rows or required(ROOT, tab.path[0]):
            content = table.by_id(rows) if tab.shape.kind == "mapping" else rows
            _put(root, tab.path, Node(content, place, place, missing=not rows))

    def _owned(self, root: Node, tab: Tab, sheet: Sheet) -> None:
        """Put items into those that they belong to."""
        assert tab.owner is not None
        owners = _at(root, tab.owner.path)
        table = _Items(tab, self.file, self.report)
        rows = table.rows(sheet) if sheet.header else []
        by_owner: dict[str, list[Node]] = {}
        for row in rows or ():
            name = row.value.pop(tab.owner_column, None)
            if name is None or name.value is None:
                place = row.place if name is None else name.place
                message = tr("the cell '{column}' is empty", column=tab.owner_column)
                hint = tr("name the one that this row belongs to")
                self.report(Fault(tab.path, message, hint, place=place))
            elif _named(owners, name.value) is None:
                if owners is None or not owners.faulty:
                    self.report(_no_owner(tab, name, owners, root.child(includes.KEY) is not None))
            else:
                by_owner.setdefault(name.value, []).append(row)
        for owner, items in by_owner.items():
            node = _named(owners, owner)
            assert node is not None
            place = items[0].place
            content = table.by_id(items) if tab.shape.kind == "mapping" else items
            node.value[tab.path[-1]] = Node(content, place, place)


def _knows(tab: Tab) -> Callable[[str], bool]:
    """Whether a name is that of a column of a tab."""
    if tab.kind == "settings":
        return {"path", *ABOUT}.__contains__
    keys = {*tab.item.keys, tab.owner_column, "id", "path", *ABOUT} - {""}
    if tab.kind == "items":
        keys -= {"path", *ABOUT} - set(tab.item.keys)
    return lambda name: name.partition(".")[0] in keys


def _some(tab: Tab) -> str:
    if tab.kind == "settings":
        return "path, value"
    return ", ".join([tab.owner_column, *tab.item.keys] if tab.owner else tab.item.keys[:4])


def _put(root: Node, path: tuple[str, ...], node: Node) -> None:
    parent = root
    for step in path[:-1]:
        below = parent.value.get(step)
        if below is None or not isinstance(below.value, dict):
            below = parent.value[step] = Node({}, node.place, node.place)
        parent = below
    if path:
        parent.value[path[-1]] = node


def _at(root: Node, path: tuple[str, ...]) -> Node | None:
    node: Node | None = root
    for step in path:
        node = node.child(step) if node is not None else None
    return node


def _named(items: Node | None, name: str) -> Node | None:
    """The item with an id."""
    if items is None:
        return None
    if isinstance(items.value, dict):
        return items.value.get(name)
    for item in items.value or ():
        one = item.child("id")
        if one is not None and one.value == name:
            return item  # type: ignore[no-any-return]
    return None


def _no_owner(tab: Tab, name: Node, owners: Node | None, lies_over: bool) -> Fault:
    found = owners.value if owners is not None and owners.value else ()
    ids = list(found) if isinstance(found, dict) else [str(one.child("id").value) for one in found]
    assert tab.owner is not None
    message = tr("there is no {kind} '{name}'", kind=tab.owner_column, name=name.value)
    hint = suggestion(name.value, ids) or tr("the sheet '{name}' has none", name=tab.owner.title)
    if lies_over and not close(name.value, ids):
        hint = tr("if it is included, its id gets a row on the sheet '{name}' too",
                  name=tab.owner.title)  # fmt: skip
    return Fault(tab.path, message, hint, place=name.place)


class _Items(Table):
    """A sheet of items, with what people write into cells of either language."""

    def __init__(self, tab: Tab, file: str, report: Report) -> None:
        super().__init__(tab.key, Node({}, Place(file)), tab.shape, file, report)
        self.tab = tab
        self.item = tab.item

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
            tab = tab_at((*self.tab.path, *steps[:length]))
            if tab is not None and tab.owner == owner:
                return tab
        return None

    def _row(self, columns: list[Column], cells: list[Cell]) -> Node | None:
        row = super()._row(columns, cells)
        if row is not None:
            # What is missing is missing from a cell, which is told rather than the row's first.
            told: set[str] = set()
            for column in columns:
                key = str(column.path[0])
                node = row.value.get(key)
                missing = node is None or (node.value is None and not node.faulty)
                if missing and key not in told and self._needed(key):
                    place = _place(cells, column.cell.number)
                    row.value[key] = Node(None, place, missing=True)
                told.add(key)
        return row

    def _needed(self, key: str) -> bool:
        keyed = key == "id" and self.tab.shape.kind == "mapping"
        return keyed or key == self.tab.owner_column or required(self.item, key)

    def _value(self, shape: Shape, cell: Cell) -> Node | None:
        value = cell.value
        if isinstance(value, str):
            value = self._said(shape, value)
        elif isinstance(value, bool) and shape.kind in ("choice", "text", "texts", "country"):
            value = str(value).lower()
        node = super()._value(shape, replace(cell, value=value))
        if node is None or shape.kind not in ("number", "yearly", "whole"):
            return node
        if isinstance(node.value, str):
            node = self._text_for_number(node.value, cell.place)
        # What is unreadable is not missing: checks of the whole pass it over.
        return replace(node, value=UNREADABLE) if node.faulty else node

    def _said(self, shape: Shape, text: str) -> str | bool:
        """The word or the truth value that a text stands for."""
        said = text.strip().lower()
        if shape.kind == "flag":
            return True if said in _TRUE else False if said in _FALSE else text
        if shape.kind in ("choice", "names"):
            return word_meant(text, shape.choices)
        return text.strip() if shape.kind == "country" else text

    def _text_for_number(self, text: str, place: Place) -> Node:
        message = tr("'{text}' is a text where a number belongs", text=text)
        hint = tr("format the cell as a number and enter it again")
        if "%" in text:
            hint = number_hint(text)
        self._fault(place, message, hint)
        return Node(None, place, place, faulty=True)


def _place(cells: list[Cell], number: int) -> Place:
    """The place of a column in the row of some cells."""
    from openpyxl.utils import get_column_letter

    sheet, _, first = cells[0].place.cell.rpartition("!")
    row = first.lstrip(string.ascii_uppercase)
    return replace(cells[0].place, cell=f"{sheet}!{get_column_letter(number + 1)}{row}")


class _Settings(_Items):
    """The sheet with a value a row, read as one item whose columns are the paths."""

    def read_sheet(self, sheet: Sheet) -> Node:
        """The root of the scenario, without the sections that have sheets."""
        header = {str(cell.value).strip(): cell.number for cell in sheet.header if cell.filled}
        for cell in sheet.header:
            name = str(cell.value).strip() if cell.filled else ""
            if name and name not in ("path", *ABOUT) and not name.startswith(OWN):
                hint = suggestion(name, ("path", *ABOUT))
                message = tr("the column '{column}' is not known", column=name)
                self.report(Fault((), message, hint, place=cell.place))
        place = sheet.header[0].place if sheet.header else self.node.place
        if not {"path", "value"} <= set(header):
            message = tr("the sheet needs the columns 'path' and 'value'")
            self.report(Fault((), message, place=place))
            return Node({}, place)
        paths: list[Cell] = []
        values: list[Cell] = []
        for row in sheet.rows:
            self._take(row, header, paths, values)
        columns = self._columns(Sheet(paths, [values]))
        root = self._row(columns, values) or Node({}, place)
        self._name_what_is_missing(root, columns, values)
        return replace(root, place=place, key_place=None)

    def _take(
        self, row: list[Cell], header: dict[str, int], paths: list[Cell], values: list[Cell]
    ) -> None:
        """One row as the columns of its value and of what is said of it."""
        at = {name: row[number] for name, number in header.items() if number < len(row)}
        path = at.get("path")
        if path is None or not path.filled:
            filled = [at[name] for name in ABOUT if name in at and at[name].filled]
            if filled:
                message = tr("a value without a path")
                hint = tr("name the field in the column 'path'")
                self.report(Fault((), message, hint, place=filled[0].place))
            return
        said = {name: cell for name, cell in at.items() if name in ABOUT[1:] and cell.filled}
        name = str(path.value).strip()
        empty = Cell(None, _place(row, header["value"]), 0)
        told = {"": at.get("value", empty), **{f".{key}": cell for key, cell in said.items()}}
        for suffix, cell in told.items():
            number = len(paths)
            paths.append(Cell(name + suffix, path.place, number))
            values.append(replace(cell, number=number))

    def _column(self, cell: Cell, name: str) -> tuple[Path, Shape | None]:
        # What a scenario lies over is no field of its model.
        return ((name,), includes.SHAPE) if name == includes.KEY else super()._column(cell, name)

    def _name_what_is_missing(self, root: Node, columns: list[Column], values: list[Cell]) -> None:
        for column in columns:
            cell, parent, shape = values[column.cell.number], root, ROOT
            if cell.filled:
                continue
            for step in column.path:
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
        shape = ROOT
        known: list[str] = []
        for step in name.split("."):
            inside = step_into(shape, step) if shape.kind == "model" else None
            if inside is None:
                keys = [key for key in shape.keys if not self._own_sheet(key)]
                hint = suggestion(step, keys if known else [*keys, includes.KEY])
                break
            shape = inside
            known.append(step)
        else:
            hint = ""
        self._fault(cell.place, tr("the path '{name}' is not known", name=name), hint)

    @staticmethod
    def _own_sheet(key: str) -> bool:
        inside = step_into(ROOT, key)
        return inside is not None and holds_items(inside)
