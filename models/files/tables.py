"""Long lists in tables: ``{table: projects.csv}`` in place of a list or a mapping.

A table has one row for each item; its columns are the field names, those of nested fields with
dots (``capex_profile.0``). An empty cell is a field that is absent.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from models.faults import Fault, Place, ScenarioError
from models.files.csv_table import read_csv
from models.files.decoding import beside, read_bytes
from models.files.nodes import Cell, Node, Path, Report, Sheet
from models.files.shapes import ABOUT, ANYTHING, ROOT, Shape, holds_items, shape_of, step_into
from models.language import tr
from models.spelling import MAX_LENGTH, close
from models.unit_names import other_unit

_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][-+]?\d{1,4})?")
_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
DATES = (datetime.date, datetime.time, datetime.timedelta)


def expand(root: Node, file: str, report: Report) -> Node:
    """The tree with all tables put in place."""
    sections = dict(root.value)
    for name, node in root.value.items():
        shape = step_into(ROOT, name)
        table = node.child("table") if isinstance(node.value, dict) else None
        if shape is None or not holds_items(shape) or table is None:
            continue
        if not isinstance(table.value, (dict, list)):
            sections[name] = Table(name, node, shape, file, report).read()
    return replace(root, value=sections)


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

    @property
    def keyed(self) -> bool:
        """Whether the items are named by a column of ids."""
        return self.shape.kind == "mapping"

    def _fault(self, place: Place, message: str, hint: str = "", path: Path = ()) -> None:
        self.report(Fault((self.section, *path), message, hint, place=place))

    def read(self) -> Node:
        """The rows as the list or mapping that the section wants."""
        content: Any = None
        try:
            if (sheet := self._sheet()) is not None:
                content = self.content(sheet)
        except ScenarioError as error:
            for fault in error.faults:
                self.report(replace(fault, path=(self.section,)))
        # Where the table cannot be read, what refers to its items must not be faulty as well.
        return replace(self.node, value=content, faulty=content is None or self.node.faulty)

    def content(self, sheet: Sheet) -> dict[str, Node] | list[Node] | None:
        """The items of a sheet; None, and a fault reported, where they cannot be told apart."""
        rows = self.rows(sheet)
        return rows if rows is None or not self.keyed else self.by_id(rows)

    def rows(self, sheet: Sheet) -> list[Node] | None:
        """A node for each row; None, and a fault reported, where items cannot be told apart."""
        columns = self._columns(sheet)
        if self.keyed and not any(column.path == ("id",) for column in columns):
            place = sheet.header[0].place if sheet.header else self.node.place
            hint = tr("add one; its cells name the items")
            self._fault(place, tr("the table has no column 'id'"), hint)
            return None
        rows = (self._row(columns, cells) for cells in sheet.rows)
        return [row for row in rows if row is not None]

    def named(self, rows: list[Node]) -> Iterator[tuple[Node, Node]]:
        """The ids of rows, and the rows without them."""
        for row in rows:
            name = row.value.pop("id", None)
            if name is None or name.value is None:
                place = row.place if name is None else name.place
                self._fault(place, tr("the cell 'id' is empty"), tr("name the item"))
            else:
                yield name, row

    def by_id(self, rows: list[Node]) -> dict[str, Node]:
        """The rows by their ids, which may not repeat."""
        items: dict[str, Node] = {}
        for name, row in self.named(rows):
            if (first := items.get(str(name.value))) is not None:
                message = tr("'{name}' is written twice", name=name.value)
                self._fault(name.place, message, tr("first at {place}", place=first.key_place))
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
        elif path.suffix.lower() not in _SUFFIXES:
            message = tr("'{suffix}' is no kind of table", suffix=path.suffix)
            self._fault(table.place, message, tr("save it as .csv or .xlsx"))
            path = None
        return path

    def _columns(self, sheet: Sheet) -> list[Column]:
        columns: dict[Path, Column] = {}
        for cell in sheet.header:
            name = str(cell.value).strip() if cell.value is not None else ""
            path: Path = ("id",)
            shape: Shape | None = Shape("text")
            if not name:
                shape = None
                if any(len(row) > cell.number and row[cell.number].filled for row in sheet.rows):
                    message = tr("a column has no name")
                    self._fault(cell.place, message, tr("write the name of a field"))
            elif name != "id" or not self.keyed:
                path, shape = self._column(cell, name)
            if shape is not None and path in columns:
                message = tr("the column '{column}' stands twice", column=name)
                self._fault(cell.place, message, tr("keep one of them"))
            elif shape is not None:
                columns[path] = Column(cell, path, shape)
        return list(columns.values())

    def _column(self, cell: Cell, name: str) -> tuple[Path, Shape | None]:
        """The path that the name of a column means; no shape, and a fault, where there is none."""
        path: list[str | int] = []
        shape = self.item
        for part in name.split("."):
            listed = shape.kind in ("list", "names")
            known = bool(re.fullmatch(r"\d{1,3}", part)) if listed else bool(part)
            if shape.kind in ("years", "yearly"):
                known = part.isdecimal() or (shape.kind == "yearly" and part in ABOUT)
            step: str | int = int(part) if listed and known else part
            inside = step_into(shape, step) if known else None
            if inside is None:
                self._unknown_column(cell, name)
                return tuple(path), None
            shape = inside
            path.append(step)
        if shape.kind not in ("model", "mapping", "years"):
            return tuple(path), shape
        part = shape.keys[0] if shape.keys else "2026" if shape.kind == "years" else "lithium"
        message = tr("the column '{column}' cannot be held in one cell", column=name)
        hint = tr("give each part a column, such as {example}", example=f"{name}.{part}")
        self._fault(cell.place, message, hint)
        return tuple(path), None

    def _unknown_column(self, cell: Cell, name: str) -> None:
        head, dot, rest = name.partition(".")
        keys = [*self.item.keys, *(["id"] if self.keyed else [])]
        hint = ""
        if head in keys:
            near = close(rest, (step_into(self.item, head) or self.item).keys)
            near = f"{head}.{near}" if near else ""
        else:
            near = "" if (hint := other_unit(head[:MAX_LENGTH], keys)) else close(head, keys)
            near = f"{near}{dot}{rest}" if near else ""
            hint = hint or tr("known: {names}", names=", ".join(keys))
        hint = tr("did you mean '{name}'?", name=near) if near else hint
        self._fault(cell.place, tr("the column '{column}' is not known", column=name), hint)

    def _row(self, columns: list[Column], cells: list[Cell]) -> Node | None:
        filled = {
            column.path: (column, cells[column.cell.number])
            for column in columns
            if column.cell.number < len(cells) and cells[column.cell.number].filled
        }
        found = []
        for path, (column, cell) in filled.items():
            wholes = (path[:n] for n in range(1, len(path)) if path[n] not in ABOUT[1:])
            whole = next((filled[part][0] for part in wholes if part in filled), None)
            if whole is None:
                found.append((path, self._value(column.shape, cell)))
            else:
                both = {"first": whole.cell.value, "second": column.cell.value}
                message = tr("'{first}' and '{second}' give the same field twice", **both)
                self._fault(cell.place, message, tr("keep one of them"))
        return self._tree(found, self.item, cells[0].place) if filled else None

    def _tree(self, cells: list[tuple[Path, Node]], shape: Shape, place: Place) -> Node:
        """The node of cells below one step: lists in order, sources beside their values."""
        own = next((node for path, node in cells if not path), None)
        below: dict[Any, list[tuple[Path, Node]]] = {}
        for path, node in cells:
            if path:
                below.setdefault(path[0], []).append((path[1:], node))
        if not below:
            return own or Node(None, place)
        told = own or next((node for path, node in below.get("value", ()) if not path), None)
        if told is not None and told.faulty:
            return told  # what is said of it is not looked at either
        if own is not None:
            below.setdefault("value", [((), own)])
        if shape.kind in ("number", "yearly") and set(below) & set(ABOUT):
            years = [(step, below.pop(step)) for step in list(below) if step not in ABOUT]
            if years:
                parts = [((step, *path), node) for step, inner in years for path, node in inner]
                below["value"] = [*parts, *below.get("value", ())]
            if "value" not in below:
                return Node(None, place, missing=True)
        nodes = {
            step: self._tree(inner, step_into(shape, step) or ANYTHING, inner[0][1].place)
            for step, inner in below.items()
        }
        if shape.kind not in ("list", "names"):
            return Node({str(step): node for step, node in nodes.items()}, place, key_place=place)
        lacking = [number for number, step in enumerate(sorted(nodes)) if number != step]
        if lacking:
            message = tr("position {number} of the list is empty", number=lacking[0])
            hint = tr("fill it, or move the later ones up")
            self._fault(nodes[sorted(nodes)[lacking[0]]].place, message, hint)
        return Node([nodes[step] for step in sorted(nodes)], place)

    def _value(self, shape: Shape, cell: Cell) -> Node:
        value, place = cell.value, cell.place
        if cell.faulty:
            return Node(None, place, place, faulty=True)
        if isinstance(value, DATES):
            if shape.kind in _INSTEAD_OF_DATES:
                return self.date(place, shape.kind)
            value = str(value)
        if shape.kind in ("list", "names"):
            return self._names(shape, value, place)
        if shape.kind in ("number", "yearly", "whole"):
            text = isinstance(value, str)
            return number(value.strip(), place) if text else Node(value, place, place)
        if shape.kind == "flag":
            if isinstance(value, str) and value.strip().lower() in ("true", "false"):
                value = value.strip().lower() == "true"
            return Node(value, place, place)
        return Node(_as_text(value), place, place)

    def date(self, place: Place, kind: str) -> Node:
        """A faulty node, with what is said of a date where another kind of value belongs."""
        self._fault(place, _INSTEAD_OF_DATES[kind](), tr("format it so"))
        return Node(None, place, place, faulty=True)

    def _names(self, shape: Shape, value: Any, place: Place) -> Node:
        """A list in one cell, with ``;`` between its entries."""
        text = _as_text(value).strip()
        if shape.kind == "names" and text in shape.choices:
            return Node(text, place, place)
        entries = [entry.strip() for entry in text.split(";") if entry.strip()]
        numbers = shape.kind == "list" and shape_of(shape.item).kind == "number"
        nodes = [number(one, place) if numbers else Node(one, place) for one in entries]
        return Node(nodes, place, place)


_INSTEAD_OF_DATES = {
    "number": lambda: tr("a date stands where a number belongs"),
    "yearly": lambda: tr("a date stands where a number or a mapping of years belongs"),
    "whole": lambda: tr("a date stands where a whole number belongs"),
    "flag": lambda: tr("a date stands where true or false belongs"),
    "any": lambda: tr("a date stands where a value belongs"),
}


def number(text: str, place: Place) -> Node:
    """A cell where a number belongs; a text that is no number stays a text and is refused later."""
    if len(text) < 300 and _NUMBER.fullmatch(text):
        whole = re.fullmatch(r"[-+]?\d+", text)
        return Node(int(text) if whole else float(text), place, place, written=text)
    return Node(text, place, place)


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
