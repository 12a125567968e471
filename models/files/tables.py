"""Long lists in tables: ``{table: projects.csv}`` in place of a list or a mapping.

A table has one row for each item; its columns are the field names, those of nested fields with
dots (``capex_profile.0``). An empty cell is a field that is absent.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from models.faults import Fault, Place, ScenarioError
from models.files.csv_table import read_csv
from models.files.decoding import beside, read_bytes
from models.files.nodes import Cell, Node, Path, Report, Sheet
from models.files.shapes import ABOUT, ROOT, Kind, Shape, shape_of, step_into
from models.files.tabs import holds_items
from models.language import tr
from models.spelling import close

_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][-+]?\d{1,4})?")
_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")


def expand(root: Node, file: str, report: Report) -> Node:
    """The tree with all tables put in place."""
    sections = dict(root.value)
    for name, node in root.value.items():
        shape = step_into(ROOT, name)
        if shape is None or not holds_items(shape) or not _is_table(node):
            continue
        sections[name] = Table(name, node, shape, file, report).read()
    return replace(root, value=sections)


def _is_table(node: Node) -> bool:
    table = node.child("table") if isinstance(node.value, dict) else None
    return table is not None and not isinstance(table.value, (dict, list))


@dataclass
class Column:
    """One column: its path in an item, and what its cells hold."""

    cell: Cell
    path: Path
    shape: Shape


@dataclass
class Table:
    """Reads the table of a section; ``node`` is what stands in the section's place."""

    section: str
    node: Node
    shape: Shape
    file: str
    report: Report
    item: Shape = field(init=False)

    def __post_init__(self) -> None:
        self.item = shape_of(self.shape.item)

    def _fault(self, place: Place, message: str, hint: str = "", path: Path = ()) -> None:
        self.report(Fault((self.section, *path), message, hint, place=place))

    def read(self) -> Node:
        """The rows as the list or mapping that the section wants."""
        # Where the table cannot be read, what refers to its items must not be faulty as well.
        broken = replace(self.node, value=None, faulty=True)
        try:
            sheet = self._sheet()
        except ScenarioError as error:
            for fault in error.faults:
                self.report(replace(fault, path=(self.section,)))
            return broken
        if sheet is None:
            return broken
        rows = self.rows(sheet)
        if rows is None:
            return broken
        keyed = self.shape.kind == "mapping"
        return replace(self.node, value=self.by_id(rows) if keyed else rows)

    def rows(self, sheet: Sheet) -> list[Node] | None:
        """A node for each row; None, and a fault reported, where items cannot be told apart."""
        columns = self._columns(sheet)
        keyed = self.shape.kind == "mapping"
        if keyed and not any(column.path == ("id",) for column in columns):
            place = sheet.header[0].place if sheet.header else self.node.place
            hint = tr("add one; its cells name the items")
            self._fault(place, tr("the table has no column 'id'"), hint)
            return None
        rows = (self._row(columns, cells) for cells in sheet.rows)
        return [row for row in rows if row is not None]

    def by_id(self, rows: list[Node]) -> dict[str, Node]:
        """The rows by their ids, which may not repeat."""
        items: dict[str, Node] = {}
        for row in rows:
            name = row.value.pop("id", None)
            if name is None or name.value is None:
                place = row.place if name is None else name.place
                self._fault(place, tr("the cell 'id' is empty"), tr("name the item"))
            elif str(name.value) in items:
                message = tr("'{name}' is written twice", name=name.value)
                hint = tr("first at {place}", place=items[str(name.value)].key_place)
                self._fault(name.place, message, hint)
            else:
                items[str(name.value)] = replace(row, key_place=name.place)
        return items

    def _sheet(self) -> Sheet | None:
        for key, child in self.node.value.items():
            if key not in ("table", "sheet"):
                message = tr("'{key}' is not known beside 'table'", key=key)
                hint = tr("a table takes 'table' and 'sheet'")
                self._fault(child.key_place or child.place, message, hint, (key,))
        table, tab = self.node.value["table"], self.node.child("sheet")
        if not isinstance(table.value, str) or not table.value:
            message = tr("'table' takes the name of a file")
            self._fault(table.place, message, tr("write {value}", value="projects.csv"))
            return None
        if tab is not None and not isinstance(tab.value, (str, type(None))):
            message = tr("'sheet' takes the name of a sheet")
            self._fault(tab.place, message, tr("write {value}", value=f'"{tab.written}"'))
            return None
        path = self._inside(table)
        if path is None:
            return None
        raw = read_bytes(path, table.place, role="table")
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            from models.files.workbook import read_workbook

            return read_workbook(raw, str(path), tab, table.place, self.report)
        if tab is not None and tab.value is not None:
            hint = tr("leave it out") if path.suffix else tr("name an Excel file")
            self._fault(tab.key_place or tab.place, tr("only an Excel file has sheets"), hint)
        return read_csv(raw, str(path), self.report)

    def _inside(self, table: Node) -> FilePath | None:
        """The file of a table, which has to lie in the folder of the file naming it, or below."""
        # A patch has no folder of its own; all else lies beside the file that names it.
        path = beside(table.place.file if table.place.line else self.file, str(table.value))
        if path is None:
            message = tr("a table lies in the folder of the scenario file")
            self._fault(table.place, message, tr("put it beside the scenario file"))
            return None
        if path.suffix.lower() not in _SUFFIXES:
            message = tr("'{suffix}' is no kind of table", suffix=path.suffix)
            self._fault(table.place, message, tr("save it as .csv or .xlsx"))
            return None
        return path

    def _columns(self, sheet: Sheet) -> list[Column]:
        columns: list[Column] = []
        seen: dict[Path, Cell] = {}
        for cell in sheet.header:
            name = str(cell.value).strip() if cell.value is not None else ""
            path: Path = tuple(name.split("."))
            shape: Shape | None = self.item
            if name == "id" and self.shape.kind == "mapping":
                path, shape = ("id",), Shape("text")
            elif not name:
                shape = None
                if any(len(row) > cell.number and row[cell.number].filled for row in sheet.rows):
                    message = tr("a column has no name")
                    self._fault(cell.place, message, tr("write the name of a field"))
            else:
                path, shape = self._column(cell, name)
            if shape is not None and path in seen:
                message = tr("the column '{column}' stands twice", column=name)
                self._fault(cell.place, message, tr("keep one of them"))
                shape = None
            if shape is not None:
                seen[path] = cell
                columns.append(Column(cell, path, shape))
        return columns

    def _whole_and_part(self, column: Column, filled: dict[Path, Column], place: Place) -> bool:
        """Whether a cell gives a part of what another cell of its row gives whole."""
        for length in range(1, len(column.path)):
            whole = filled.get(column.path[:length])
            if whole is None or column.path[length] in ABOUT[1:]:
                continue
            both = {"first": whole.cell.value, "second": column.cell.value}
            message = tr("'{first}' and '{second}' give the same field twice", **both)
            self._fault(place, message, tr("keep one of them"))
            return True
        return False

    def _column(self, cell: Cell, name: str) -> tuple[Path, Shape | None]:
        path: list[str | int] = []
        shape: Shape | None = self.item
        for part in name.split("."):
            listed = shape is not None and shape.kind in ("list", "names")
            step: str | int = int(part) if listed and re.fullmatch(r"\d{1,3}", part) else part
            if shape is None or not part or (listed and isinstance(step, str)):
                shape = None
                break
            remark = shape.kind == "yearly" and part in ABOUT
            if shape.kind in ("years", "yearly") and not (remark or part.isdecimal()):
                shape = None
                break
            shape = step_into(shape, step)
            path.append(step)
        if shape is None:
            self._unknown_column(cell, name)
        elif shape.kind in ("model", "mapping", "years"):
            part = shape.keys[0] if shape.keys else "2026" if shape.kind == "years" else "lithium"
            message = tr("the column '{column}' cannot be held in one cell", column=name)
            example = f"{name}.{part}"
            hint = tr("give each part a column, such as {example}", example=example)
            self._fault(cell.place, message, hint)
            shape = None
        return tuple(path), shape

    def _unknown_column(self, cell: Cell, name: str) -> None:
        head, dot, rest = name.partition(".")
        keys = [*self.item.keys, *(["id"] if self.shape.kind == "mapping" else [])]
        if head in keys:
            inside = (step_into(self.item, head) or self.item).keys
            near = close(rest, inside)
            hint = tr("did you mean '{name}'?", name=f"{head}.{near}") if near else ""
        else:
            near = close(head, keys)
            hint = tr("known: {names}", names=", ".join(keys))
            if near:
                hint = tr("did you mean '{name}'?", name=f"{near}{dot}{rest}")
        self._fault(cell.place, tr("the column '{column}' is not known", column=name), hint)

    def _row(self, columns: list[Column], cells: list[Cell]) -> Node | None:
        filled = [
            (column, cells[column.cell.number])
            for column in columns
            if column.cell.number < len(cells) and cells[column.cell.number].filled
        ]
        if not filled:
            return None
        row = _Branch()
        paths = {column.path: column for column, _ in filled}
        for column, cell in filled:
            if self._whole_and_part(column, paths, cell.place):
                continue
            node = self._value(column.shape, cell)
            if node is not None:
                row.put(column.path, node)
        return self._tree(row, self.item, cells[0].place)

    def _tree(self, branch: _Branch, shape: Shape, place: Place) -> Node:
        """The node of a branch, with lists in order and sources beside their values."""
        if not branch.below:
            return branch.own or Node(None, place)
        place = branch.place or place
        steps = dict(branch.below)
        told = branch.own or steps.get("value", branch).own
        if told is not None and told.faulty:
            return told  # what is said of it is not looked at either
        if branch.own is not None and "value" not in steps:
            steps["value"] = _Branch(branch.own)
        if shape.kind in ("number", "yearly") and set(steps) & set(ABOUT):
            years = {step: steps.pop(step) for step in list(steps) if step not in ABOUT}
            if years:
                steps["value"] = _Branch(below={**years, **steps.get("value", _Branch()).below})
            if "value" not in steps:
                return Node(None, place, missing=True)
        nodes = {
            step: self._tree(below, step_into(shape, step) or Shape("any"), place)
            for step, below in steps.items()
        }
        if shape.kind in ("list", "names"):
            return Node(self._in_order(nodes), place)
        return Node({str(step): node for step, node in nodes.items()}, place, key_place=place)

    def _in_order(self, nodes: dict[Any, Node]) -> list[Node]:
        for number, step in enumerate(sorted(nodes)):
            if number != step:
                message = tr("position {number} of the list is empty", number=number)
                hint = tr("fill it, or move the later ones up")
                self._fault(nodes[step].place, message, hint)
                break
        return [nodes[step] for step in sorted(nodes)]

    def _value(self, shape: Shape, cell: Cell) -> Node | None:
        value, place = cell.value, cell.place
        if cell.faulty:
            return Node(None, place, place, faulty=True)
        if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
            if shape.kind in ("number", "yearly", "whole", "flag"):
                self._fault(place, _date_instead(shape.kind), tr("format it so"))
                return Node(None, place, place, faulty=True)
            value = str(value)
        if shape.kind in ("list", "names"):
            return self._names(shape, value, place)
        if shape.kind in ("number", "yearly", "whole"):
            if isinstance(value, str):
                return number(value.strip(), place)
            return Node(value, place, place)
        if shape.kind == "flag":
            if isinstance(value, str) and value.strip().lower() in ("true", "false"):
                value = value.strip().lower() == "true"
            return Node(value, place, place)
        return Node(_as_text(value), place, place)

    def _names(self, shape: Shape, value: Any, place: Place) -> Node:
        """A list in one cell, with ``;`` between its entries."""
        text = _as_text(value).strip()
        if shape.kind == "names" and text in shape.choices:
            return Node(text, place, place)
        entries = [entry.strip() for entry in text.split(";") if entry.strip()]
        numbers = shape.kind == "list" and shape_of(shape.item).kind == "number"
        return Node(
            [number(one, place) if numbers else Node(one, place) for one in entries], place, place
        )


@dataclass
class _Branch:
    """Part of a row: a cell of its own, and what is named with a dot after it."""

    own: Node | None = None
    below: dict[Any, _Branch] = field(default_factory=dict)
    place: Place | None = None

    def put(self, path: Path, node: Node) -> None:
        """Place a cell at a path."""
        branch = self
        for step in path:
            branch = branch.below.setdefault(step, _Branch())
            branch.place = branch.place or node.place
        branch.own = node


def _date_instead(kind: Kind) -> str:
    """What is said of a date where another kind of value belongs."""
    return {
        "number": tr("a date stands where a number belongs"),
        "yearly": tr("a date stands where a number or a mapping of years belongs"),
        "whole": tr("a date stands where a whole number belongs"),
    }.get(kind, tr("a date stands where true or false belongs"))


def number(text: str, place: Place) -> Node:
    """A cell where a number belongs; a text that is no number stays a text and is refused later."""
    if len(text) < 300 and _NUMBER.fullmatch(text):
        whole = re.fullmatch(r"[-+]?\d+", text)
        return Node(int(text) if whole else float(text), place, place, written=text)
    return Node(text, place, place)


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
