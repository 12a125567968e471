"""Scenarios in Excel workbooks: a sheet per section, a row per item.

One of the first rows of each sheet holds the technical names of its columns, which are those of
tables (``output_t_per_year.lithium``, ``capex_meur.source``). The rows above it are for readers and
are ignored; the rows below it are the items.
"""

import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import StrictStr

from models.base import Base, LocalizedText
from models.faults import Fault, SourceLocation
from models.files import includes, shapes
from models.files.nodes import Cell, FaultReporter, Node, NodePath, Sheet, node_at
from models.files.shapes import (
    ANY_SHAPE,
    CONFIDENCE_WORDS,
    SCENARIO_SHAPE,
    SOURCED_KEYS,
    USER_PREFIX,
    VARIANT_TEXTS,
    Shape,
    Tab,
    is_required,
    shape_of,
    shape_of_step,
    to_plain_data,
)
from models.files.table_source import DATE_TYPES
from models.files.tables import TableColumn, TableReader
from models.files.workbook import open_workbook, read_rows
from models.files.yaml_source import parse_setting
from models.scenario.quantities import UNREADABLE_NUMBER, NonNegative, number_hint
from models.spelling import closest_name, unknown_key_hint

MAX_HEADER_ROW = 10  #: Number of rows among which the header is looked for.
_TRUE_WORDS, _FALSE_WORDS = ("true", "yes", "ja", "wahr"), ("false", "no", "nein", "falsch")


def read_scenario_workbook(raw: bytes, file: str, report: FaultReporter) -> Node:
    """Return the tree of a scenario, every value with its sheet and cell as its location.

    Raises ScenarioError if the workbook cannot be read; reports other faults.
    """
    location = SourceLocation(file)
    book = open_workbook(raw, file, location)
    sheets: dict[Tab, tuple[str, list[list[Cell]]]] = {}
    for sheet in book.worksheets:
        if shapes.is_ignored_sheet(sheet.title):
            continue
        tab = shapes.tab_of_sheet(sheet.title)
        if tab is not None and tab not in sheets:
            cells = read_rows(sheet, file, location, report)
            sheets[tab] = (sheet.title, cells)
        else:
            earlier_sheet = sheets[tab][0] if tab is not None else ""
            report(
                _unknown_sheet_fault(
                    sheet.title, earlier_sheet, SourceLocation(file, cell=f"{sheet.title}!A1")
                )
            )
    root = Node({}, location)
    for tab in shapes.all_tabs():
        if tab in sheets:
            name, rows = sheets[tab]
            root = _add_sheet(
                root, tab, _sheet_below_header(tab, name, rows, file, report), file, name, report
            )
    return root


def _unknown_sheet_fault(name: str, earlier_sheet: str, location: SourceLocation) -> Fault:
    if earlier_sheet:
        message = f"the sheets '{earlier_sheet}' and '{name}' hold the same section"
        return Fault((), message, "keep one of them", location=location)
    suggestion = shapes.nearest_sheet(name)
    hint = f"did you mean '{suggestion}'?" + " " if suggestion else ""
    hint += f"a sheet of your own is called '_{name}'"
    return Fault((), f"the sheet '{name}' is not known", hint, location=location)


def _sheet_below_header(
    tab: Tab, name: str, rows: list[list[Cell]], file: str, report: FaultReporter
) -> Sheet | None:
    """Return the header of a sheet and the filled rows below it; no header for an empty sheet.

    Returns None, with a fault reported, if none of the first rows holds the names of columns.
    """
    keys = {*tab.item.keys, tab.owner_column, "id"} - {""}
    if tab.kind == "settings":
        keys = {"path", *SOURCED_KEYS}
    elif tab.kind == "variants":
        keys |= {"path", *SOURCED_KEYS}
    key_counts = [
        sum(str(cell.value).strip().partition(".")[0] in keys for cell in row if cell.is_filled)
        for row in rows[:MAX_HEADER_ROW]
    ]
    best_count = max(key_counts, default=0)
    if best_count:
        header, *data_rows = rows[key_counts.index(best_count) :]
        return Sheet(header, [row for row in data_rows if any(cell.is_filled for cell in row)])
    if not rows:
        return Sheet([], [])
    example_keys = [tab.owner_column, *tab.item.keys] if tab.owner else tab.item.keys[:4]
    names = "path, value" if tab.kind == "settings" else ", ".join(example_keys)
    message = f"no row of the sheet '{name}' holds the names of its columns"
    hint = f"one of the first ten has to hold names such as {names}"
    report(Fault(tab.path, message, hint, location=SourceLocation(file, cell=f"{name}!A1")))
    return None


def _add_sheet(
    root: Node, tab: Tab, sheet: Sheet | None, file: str, name: str, report: FaultReporter
) -> Node:
    """Return the tree with the content of a sheet added in place; for the settings, a new tree."""
    location = SourceLocation(file, cell=f"{name}!A1")
    content: Any = None
    if sheet is not None and tab.kind == "settings":
        return _SettingsSheet(tab, file, report).read_sheet(sheet)
    if sheet is not None and tab.kind == "variants":
        content = _VariantSheet(tab, file, report).parse_content(sheet) if sheet.header else {}
    elif sheet is not None and tab.owner is not None:
        _ItemSheet(tab, file, report).add_to_owners(root, sheet)
        return root
    elif sheet is not None:
        content = _ItemSheet(tab, file, report).parse_content(sheet) if sheet.header else {}
    if content is None:
        _set_node(root, tab.path, Node(None, location, location, faulty=True))
    elif content or is_required(SCENARIO_SHAPE, tab.path[0]):
        _set_node(root, tab.path, Node(content, location, location, missing=not content))
    return root


def _set_node(root: Node, path: tuple[str, ...], node: Node) -> None:
    parent = root
    for step in path[:-1]:
        child = parent.value.get(step)
        if child is None or not isinstance(child.value, dict):
            child = parent.value[step] = Node({}, node.location, node.location)
        parent = child
    if path:
        parent.value[path[-1]] = node


class _ItemSheet(TableReader):
    """Reader of a sheet of items; its cells may hold the words of choices in English or German."""

    def __init__(self, tab: Tab, file: str, report: FaultReporter) -> None:
        super().__init__(tab.key, Node({}, SourceLocation(file)), tab.shape, file, report)
        self.tab = tab
        self.item = tab.item

    def add_to_owners(self, root: Node, sheet: Sheet) -> None:
        """Add the items of a sheet to the items that own them, in place."""
        assert self.tab.owner is not None
        owners = node_at(root, self.tab.owner.path)
        owners_by_id: dict[str, Node] = {}
        if owners is not None and isinstance(owners.value, dict):
            owners_by_id = owners.value
        elif owners is not None:
            ids = [(item.child("id"), item) for item in owners.value or ()]
            owners_by_id = {
                str(node.value): item for node, item in reversed(ids) if node is not None
            }
        by_owner: dict[str, list[Node]] = {}
        for row in (self.parse_rows(sheet) if sheet.header else None) or ():
            name = row.value.pop(self.tab.owner_column, None)
            if name is None or name.value is None:
                message = f"the cell '{self.tab.owner_column}' is empty"
                hint = "name the one that this row belongs to"
                location = row.location if name is None else name.location
                self._report_fault(location, message, hint)
            elif name.value in owners_by_id:
                by_owner.setdefault(name.value, []).append(row)
            elif owners is None or not owners.faulty:
                self._report_unknown_owner(
                    name, list(owners_by_id), root.child(includes.INCLUDE_KEY) is not None
                )
        for owner, rows in by_owner.items():
            start = rows[0].location
            content = self.index_by_id(rows) if self.has_ids else rows
            owners_by_id[owner].value[self.tab.path[-1]] = Node(content, start, start)

    def _report_unknown_owner(self, name: Node, ids: list[str], has_includes: bool) -> None:
        assert self.tab.owner is not None
        sheet = self.tab.owner.title
        message = f"there is no {self.tab.owner_column} '{name.value}'"
        hint = unknown_key_hint(name.value, ids) or f"the sheet '{sheet}' has none"
        if has_includes and not closest_name(name.value, ids):
            hint = f"if it is included, its id gets a row on the sheet '{sheet}' too"
        self._report_fault(name.location, message, hint)

    def _resolve_column(self, cell: Cell, name: str) -> tuple[NodePath, Shape | None]:
        if name.startswith(USER_PREFIX):
            return (name,), None
        if self.tab.owner is not None and name == self.tab.owner_column:
            return (name,), Shape("text")
        other_tab = self._tab_of_column(name)
        if other_tab is not None:
            message = f"'{name}' stands on a sheet of its own"
            hint = f"see the sheet '{other_tab.title}'"
            self._report_fault(cell.location, message, hint)
            return (name,), None
        path, shape = super()._resolve_column(cell, name)
        if shape is not None and path[-1] == "confidence":
            shape = Shape("choice", choices=CONFIDENCE_WORDS)
        return path, shape

    def _tab_of_column(self, name: str) -> Tab | None:
        """Return the sheet of its own on which the field of a column belongs, or None."""
        steps = tuple(name.split("."))
        owner = self.tab if self.tab.kind == "items" else None
        for length in range(1, len(steps) + 1):
            tab = shapes.tab_at((*self.tab.path, *steps[:length]))
            if tab is not None and tab.owner == owner:
                return tab
        return None

    def _parse_row(self, columns: list[TableColumn], cells: list[Cell]) -> Node | None:
        row = super()._parse_row(columns, cells)
        for column in reversed(columns) if row is not None else ():
            # The location of a missing value is its cell, not the first cell of the row.
            key = str(column.path[0])
            node = row.value.get(key) if row is not None else None
            is_missing = node is None or (node.value is None and not node.faulty)
            if row is not None and is_missing and self._is_required(key):
                row.value[key] = Node(
                    None, _cell_location(cells, column.cell.column_index), missing=True
                )
        return row

    def _is_required(self, key: str) -> bool:
        is_key_column = (key == "id" and self.has_ids) or key == self.tab.owner_column
        return is_key_column or is_required(self.item, key)

    def _parse_cell(self, shape: Shape, cell: Cell) -> Node:
        value = cell.value
        if isinstance(value, str):
            value = self._interpret_word(shape, value)
        elif isinstance(value, bool) and shape.kind in ("choice", "text", "texts", "country"):
            value = str(value).lower()
        node = super()._parse_cell(shape, replace(cell, value=value))
        if shape.kind not in ("number", "yearly", "whole"):
            return node
        if isinstance(node.value, str):
            message = f"'{node.value}' is a text where a number belongs"
            hint = "format the cell as a number and enter it again"
            self._report_fault(
                cell.location, message, number_hint(node.value) if "%" in node.value else hint
            )
            node = Node(None, cell.location, cell.location, faulty=True)
        # An unreadable number is not missing; further checks skip the placeholder.
        return replace(node, value=UNREADABLE_NUMBER) if node.faulty else node

    def _interpret_word(self, shape: Shape, text: str) -> str | bool:
        """Return the word of the file format or the boolean that a text means, else the text."""
        word = text.strip().lower()
        if shape.kind == "flag" and word in (*_TRUE_WORDS, *_FALSE_WORDS):
            return word in _TRUE_WORDS
        if shape.kind in ("choice", "names"):
            return shapes.resolve_word(text, shape.choices)
        return text.strip() if shape.kind == "country" else text


def _cell_location(cells: list[Cell], column_index: int) -> SourceLocation:
    """Return the location of the cell of a column in the same row."""
    from openpyxl.utils import get_column_letter

    sheet, _, reference = cells[0].location.cell.rpartition("!")
    row = reference.lstrip(string.ascii_uppercase)
    return replace(cells[0].location, cell=f"{sheet}!{get_column_letter(column_index + 1)}{row}")


class _VariantRow(Base):
    """Fields of a row of the sheet of variants: a path and its value, and texts of the variant."""

    title: LocalizedText | None = None
    description: LocalizedText | None = None
    weight: NonNegative | None = None
    path: StrictStr | None = None
    value: Any = None
    source: StrictStr | None = None
    confidence: Literal["high", "medium", "low"] | None = None
    note: StrictStr | None = None


class _VariantSheet(_ItemSheet):
    """Reader of the sheet of variants or assumption sets, with one change per row."""

    def __init__(self, tab: Tab, file: str, report: FaultReporter) -> None:
        super().__init__(tab, file, report)
        self.item = shape_of(_VariantRow)

    def index_by_id(self, rows: list[Node]) -> dict[str, Node]:
        """Return the variants by id, each with its title, description, weight and all changes."""
        variants: dict[str, Node] = {}
        for id_, row in self.split_ids(rows):
            name = str(id_.value).strip()
            variant = variants.setdefault(name, Node({}, id_.location, id_.location))
            for text in (*VARIANT_TEXTS, "weight"):
                node = row.child(text)
                first_node = variant.value.setdefault(text, node) if node is not None else None
                if (
                    node
                    and first_node
                    and to_plain_data(first_node, ANY_SHAPE) != to_plain_data(node, ANY_SHAPE)
                ):
                    message = f"another '{text}' of the same variant"
                    self._report_fault(node.location, message, f"first at {first_node.location}")
            self._add_change(variant, row)
        return variants

    def _add_change(self, variant: Node, row: Node) -> None:
        path, value = row.child("path"), row.child("value")
        if path is None or value is None:
            if value is not None:
                hint = "name the field in the column 'path'"
                self._report_fault(value.location, "a value without a path", hint)
            elif path is not None:
                message = f"the path '{path.value}' has no value"
                hint = "write one, or null to take the field away"
                self._report_fault(path.location, message, hint)
            return
        remarks = {key: node for key in SOURCED_KEYS[1:] if (node := row.child(key)) is not None}
        name, location = str(path.value).strip(), path.location
        changes = variant.value.setdefault("set", Node({}, location, location))
        if (first_change := changes.value.get(name)) is not None:
            message = f"the path '{name}' stands twice"
            self._report_fault(location, message, f"first at {first_change.key_location}")
            return
        value = Node({"value": value, **remarks}, value.location) if remarks else value
        changes.value[name] = replace(value, key_location=location)

    def _parse_cell(self, shape: Shape, cell: Cell) -> Node:
        """Return the node of a cell; text in a column of shape ``any`` is parsed as YAML."""
        if shape.kind != "any" or cell.faulty:
            return super()._parse_cell(shape, cell)
        if isinstance(cell.value, str):
            return parse_setting(cell.value.strip(), cell.location, self.report)
        if isinstance(cell.value, DATE_TYPES):
            return self.date_fault_node(cell.location, "any")
        return Node(cell.value, cell.location)


class _SettingsSheet(_ItemSheet):
    """Reader of the settings sheet, which has one value per row.

    The rows are read as if they were the columns of a single item, with the paths as column names.
    """

    def read_sheet(self, sheet: Sheet) -> Node:
        """Return the root of the scenario, without the sections that have sheets."""
        header = {str(cell.value).strip(): cell for cell in sheet.header if cell.is_filled}
        for name, cell in header.items():
            if name not in ("path", *SOURCED_KEYS) and not name.startswith(USER_PREFIX):
                message = f"the column '{name}' is not known"
                hint = unknown_key_hint(name, ("path", *SOURCED_KEYS))
                self.report(Fault((), message, hint, location=cell.location))
        location = sheet.header[0].location if sheet.header else self.node.location
        if not {"path", "value"} <= set(header):
            message = "the sheet needs the columns 'path' and 'value'"
            self.report(Fault((), message, location=location))
            return Node({}, location)
        cell_pairs = [pair for row in sheet.rows for pair in self._path_cells(row, header)]
        paths = [replace(path, column_index=number) for number, (path, _) in enumerate(cell_pairs)]
        value_cells = [
            replace(cell, column_index=number) for number, (_, cell) in enumerate(cell_pairs)
        ]
        columns = self._resolve_columns(Sheet(paths, [value_cells]))
        root = self._parse_row(columns, value_cells) or Node({}, location)
        self._add_missing_nodes(root, columns, value_cells)
        return replace(root, location=location, key_location=None)

    def _path_cells(self, row: list[Cell], header: dict[str, Cell]) -> Iterator[tuple[Cell, Cell]]:
        """Yield the path and the cell of the value in a row, and of each of its remarks."""
        cells_by_name = {
            name: row[header_cell.column_index]
            for name, header_cell in header.items()
            if header_cell.column_index < len(row)
        }
        path, filled_cells = (
            cells_by_name.get("path"),
            {key: cells_by_name[key] for key in SOURCED_KEYS if key in cells_by_name},
        )
        filled_cells = {name: cell for name, cell in filled_cells.items() if cell.is_filled}
        if path is not None and path.is_filled:
            empty_cell = Cell(None, _cell_location(row, header["value"].column_index), 0)
            for name, cell in {
                "value": cells_by_name.get("value", empty_cell),
                **filled_cells,
            }.items():
                suffix = "" if name == "value" else f".{name}"
                yield replace(path, value=str(path.value).strip() + suffix), cell
        elif filled_cells:
            message = "a value without a path"
            hint = "name the field in the column 'path'"
            self.report(
                Fault((), message, hint, location=next(iter(filled_cells.values())).location)
            )

    def _resolve_column(self, cell: Cell, name: str) -> tuple[NodePath, Shape | None]:
        # ``include`` is not a field of the scenario's model.
        return (
            ((name,), includes.INCLUDE_SHAPE)
            if name == includes.INCLUDE_KEY
            else super()._resolve_column(cell, name)
        )

    def _add_missing_nodes(
        self, root: Node, columns: list[TableColumn], value_cells: list[Cell]
    ) -> None:
        for column in columns:
            cell, parent, shape = value_cells[column.cell.column_index], root, SCENARIO_SHAPE
            for step in column.path if not cell.is_filled else ():
                if str(step) not in parent.value and is_required(shape, str(step)):
                    parent.value[str(step)] = Node(None, cell.location, missing=True)
                child = parent.value.get(str(step))
                child_shape = shape_of_step(shape, step)
                if child is None or child_shape is None or not isinstance(child.value, dict):
                    break
                parent, shape = child, child_shape

    def _is_required(self, key: str) -> bool:
        return False

    def _report_unknown_column(self, cell: Cell, name: str) -> None:
        shape, hint = SCENARIO_SHAPE, ""
        for depth, step in enumerate(name.split(".")):
            child_shape = shape_of_step(shape, step) if shape.kind == "model" else None
            if child_shape is None:
                keys = [key for key in shape.keys if depth or shapes.tab_at((key,)) is None]
                hint = unknown_key_hint(step, keys if depth else [*keys, includes.INCLUDE_KEY])
                break
            shape = child_shape
        self._report_fault(cell.location, f"the path '{name}' is not known", hint)
