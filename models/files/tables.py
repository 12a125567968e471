"""Reading of tables: ``{table: projects.csv}`` in place of a list or a mapping.

A table has one row per item. Its columns are named after fields, with dots for nested fields
(``capex_profile.0``). An empty cell means that the field is absent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from models.faults import Fault, ScenarioError, SourceLocation
from models.files.nodes import Cell, FaultReporter, Node, NodePath, Sheet, node_at, with_child
from models.files.shapes import (
    ANY_SHAPE,
    SCENARIO_SHAPE,
    SOURCED_KEYS,
    Shape,
    holds_items,
    shape_of,
    shape_of_step,
)
from models.files.state_table import StatesNode, read_state_table
from models.files.table_source import DATE_TYPES, as_text, parse_number_cell, read_table_sheet
from models.spelling import MAX_WORD_LENGTH, closest_name
from models.unit_names import other_unit_hint


def expand_tables(root: Node, file: str, report: FaultReporter) -> Node:
    """Return the tree with every reference to a table replaced by the rows of the table."""
    sections = dict(root.value)
    for name, node in root.value.items():
        shape = shape_of_step(SCENARIO_SHAPE, name)
        table = node.child("table") if isinstance(node.value, dict) else None
        if shape is None or not holds_items(shape) or table is None:
            continue
        if not isinstance(table.value, (dict, list)):
            sections[name] = TableReader(name, node, shape, file, report).read()
    uncertainty, states = root.child("uncertainty"), node_at(root, ("uncertainty", "states"))
    if uncertainty and states and isinstance(states.value, dict) and "table" in states.value:
        read_states = read_state_table(states, file, report)
        sections["uncertainty"] = (
            with_child(uncertainty, "states", read_states)
            if isinstance(read_states, StatesNode)
            else replace(uncertainty, value=None, faulty=True)
        )
    if (sets := root.child("assumptions")) is not None and isinstance(sets.value, dict):
        sections["assumptions"] = _expand_tables_of_sets(sets, file, report)
    return replace(root, value=sections)


def _expand_tables_of_sets(sets: Node, file: str, report: FaultReporter) -> Node:
    """Return the assumption sets with the rows of tables, which are part of their changes: these
    are applied again later, to the content of a scenario that has no folder."""
    for name in sets.value:
        changes = node_at(sets, (name, "set"))
        if changes is None or not isinstance(changes.value, dict):
            continue
        for path, value in changes.value.items():
            head, _, field_name = path.partition(".")
            if head == "assumptions" or field_name not in ("", "states"):
                continue
            section = Node({field_name: value}, value.location) if field_name else value
            root = expand_tables(Node({head: section}, value.location), file, report)
            section = root.value[head]
            if isinstance(states := section.child("states"), StatesNode):
                section = with_child(section, "states", states.expanded())
            read = section.child(field_name) or section if field_name else section
            if read is not value:
                read = replace(read, key_location=value.key_location)
                changes = with_child(changes, path, read)
                sets = with_child(sets, name, with_child(sets.value[name], "set", changes))
    return sets


@dataclass
class TableColumn:
    """A column of a table: its header cell, the path of its field, and the shape of its values."""

    cell: Cell
    path: NodePath
    shape: Shape


@dataclass
class TableReader:
    """Reader of the table of a section; ``node`` is the mapping that names the table."""

    section: str
    node: Node
    shape: Shape
    file: str
    report: FaultReporter
    item: Shape = field(init=False)

    def __post_init__(self) -> None:
        self.item = shape_of(self.shape.item)

    @property
    def has_ids(self) -> bool:
        """Whether the items need ids, given in a column ``id``."""
        return self.shape.kind == "mapping"

    def _report_fault(
        self, location: SourceLocation, message: str, hint: str = "", path: NodePath = ()
    ) -> None:
        self.report(Fault((self.section, *path), message, hint, location=location))

    def read(self) -> Node:
        """Read the table and return the node of the section, with the rows as a list or a mapping.

        If the table cannot be read, faults are reported and the node is marked as faulty.
        """
        content: Any = None
        try:
            sheet = read_table_sheet((self.section,), self.node, self.file, self.report)
            if sheet is not None:
                content = self.parse_content(sheet)
        except ScenarioError as error:
            for fault in error.faults:
                self.report(replace(fault, path=(self.section,)))
        # A table that cannot be read is marked, so that references to its items are no faults.
        return replace(self.node, value=content, faulty=content is None or self.node.faulty)

    def parse_content(self, sheet: Sheet) -> dict[str, Node] | list[Node] | None:
        """Return the items of a sheet, by id or as a list.

        Returns None, with a fault reported, if a required column of ids is missing.
        """
        rows = self.parse_rows(sheet)
        return rows if rows is None or not self.has_ids else self.index_by_id(rows)

    def parse_rows(self, sheet: Sheet) -> list[Node] | None:
        """Return one node per row of a sheet that fills at least one known column.

        Returns None, with a fault reported, if a required column of ids is missing.
        """
        columns = self._resolve_columns(sheet)
        if self.has_ids and not any(column.path == ("id",) for column in columns):
            location = sheet.header[0].location if sheet.header else self.node.location
            hint = "add one; its cells name the items"
            self._report_fault(location, "the table has no column 'id'", hint)
            return None
        rows = (self._parse_row(columns, cells) for cells in sheet.rows)
        return [row for row in rows if row is not None]

    def split_ids(self, rows: list[Node]) -> Iterator[tuple[Node, Node]]:
        """Remove the id from each row; yield the node of the id and the row.

        Rows without an id are reported and skipped.
        """
        for row in rows:
            name = row.value.pop("id", None)
            if name is None or name.value is None:
                location = row.location if name is None else name.location
                self._report_fault(location, "the cell 'id' is empty", "name the item")
            else:
                yield name, row

    def index_by_id(self, rows: list[Node]) -> dict[str, Node]:
        """Return the rows by their ids; a duplicate id is reported."""
        items: dict[str, Node] = {}
        for name, row in self.split_ids(rows):
            if (first_row := items.get(str(name.value))) is not None:
                message = f"'{name.value}' is written twice"
                self._report_fault(name.location, message, f"first at {first_row.key_location}")
            else:
                items[str(name.value)] = replace(row, key_location=name.location)
        return items

    def _resolve_columns(self, sheet: Sheet) -> list[TableColumn]:
        columns: dict[NodePath, TableColumn] = {}
        for cell in sheet.header:
            name = str(cell.value).strip() if cell.value is not None else ""
            path: NodePath = ("id",)
            shape: Shape | None = Shape("text")
            if not name:
                shape = None
                if any(
                    len(row) > cell.column_index and row[cell.column_index].is_filled
                    for row in sheet.rows
                ):
                    message = "a column has no name"
                    self._report_fault(cell.location, message, "write the name of a field")
            elif name != "id" or not self.has_ids:
                path, shape = self._resolve_column(cell, name)
            if shape is not None and path in columns:
                message = f"the column '{name}' stands twice"
                self._report_fault(cell.location, message, "keep one of them")
            elif shape is not None:
                columns[path] = TableColumn(cell, path, shape)
        return list(columns.values())

    def _resolve_column(self, cell: Cell, name: str) -> tuple[NodePath, Shape | None]:
        """Return the path and the shape of the field that a column name denotes.

        The shape is None, with a fault reported, if there is no such field or one cell cannot hold
        it.
        """
        path: list[str | int] = []
        shape = self.item
        for part in name.split("."):
            is_list = shape.kind in ("list", "names")
            is_valid = bool(re.fullmatch(r"\d{1,3}", part)) if is_list else bool(part)
            if shape.kind in ("years", "yearly"):
                is_valid = part.isdecimal() or (shape.kind == "yearly" and part in SOURCED_KEYS)
            step: str | int = int(part) if is_list and is_valid else part
            child_shape = shape_of_step(shape, step) if is_valid else None
            if child_shape is None:
                self._report_unknown_column(cell, name)
                return tuple(path), None
            shape = child_shape
            path.append(step)
        if shape.kind not in ("model", "mapping", "years"):
            return tuple(path), shape
        part = shape.keys[0] if shape.keys else "2026" if shape.kind == "years" else "lithium"
        message = f"the column '{name}' cannot be held in one cell"
        hint = "give each part a column, such as {example}".format(example=f"{name}.{part}")
        self._report_fault(cell.location, message, hint)
        return tuple(path), None

    def _report_unknown_column(self, cell: Cell, name: str) -> None:
        field, dot, subfield = name.partition(".")
        keys = [*self.item.keys, *(["id"] if self.has_ids else [])]
        hint = ""
        if field in keys:
            suggestion = closest_name(subfield, (shape_of_step(self.item, field) or self.item).keys)
            suggestion = f"{field}.{suggestion}" if suggestion else ""
        else:
            suggestion = (
                ""
                if (hint := other_unit_hint(field[:MAX_WORD_LENGTH], keys))
                else closest_name(field, keys)
            )
            suggestion = f"{suggestion}{dot}{subfield}" if suggestion else ""
            hint = hint or "known: {names}".format(names=", ".join(keys))
        hint = f"did you mean '{suggestion}'?" if suggestion else hint
        self._report_fault(cell.location, f"the column '{name}' is not known", hint)

    def _parse_row(self, columns: list[TableColumn], cells: list[Cell]) -> Node | None:
        filled_columns = {
            column.path: (column, cells[column.cell.column_index])
            for column in columns
            if column.cell.column_index < len(cells) and cells[column.cell.column_index].is_filled
        }
        nodes = []
        for path, (column, cell) in filled_columns.items():
            prefixes = (path[:n] for n in range(1, len(path)) if path[n] not in SOURCED_KEYS[1:])
            parent_column = next(
                (filled_columns[part][0] for part in prefixes if part in filled_columns), None
            )
            if parent_column is None:
                nodes.append((path, self._parse_cell(column.shape, cell)))
            else:
                values = {"first": parent_column.cell.value, "second": column.cell.value}
                message = "'{first}' and '{second}' give the same field twice".format(**values)
                self._report_fault(cell.location, message, "keep one of them")
        return self._build_tree(nodes, self.item, cells[0].location) if filled_columns else None

    def _build_tree(
        self, cells: list[tuple[NodePath, Node]], shape: Shape, location: SourceLocation
    ) -> Node:
        """Combine the cells of one row below a common path into a node.

        ``cells`` are pairs of the remaining path and the node of a cell. List items are put in
        order, and sources are attached to their values.
        """
        value_node = next((node for path, node in cells if not path), None)
        by_step: dict[Any, list[tuple[NodePath, Node]]] = {}
        for path, node in cells:
            if path:
                by_step.setdefault(path[0], []).append((path[1:], node))
        if not by_step:
            return value_node or Node(None, location)
        value_nodes = (node for path, node in by_step.get("value", ()) if not path)
        first_node = value_node or next(value_nodes, None)
        if first_node is not None and first_node.faulty:
            return first_node  # its source and note are not checked either
        if value_node is not None:
            by_step.setdefault("value", [((), value_node)])
        if shape.kind in ("number", "yearly") and set(by_step) & set(SOURCED_KEYS):
            year_steps = [
                (step, by_step.pop(step)) for step in list(by_step) if step not in SOURCED_KEYS
            ]
            if year_steps:
                year_nodes = [
                    ((step, *path), node)
                    for step, inner_nodes in year_steps
                    for path, node in inner_nodes
                ]
                by_step["value"] = [*year_nodes, *by_step.get("value", ())]
            if "value" not in by_step:
                return Node(None, location, missing=True)
        nodes = {
            step: self._build_tree(
                inner_nodes, shape_of_step(shape, step) or ANY_SHAPE, inner_nodes[0][1].location
            )
            for step, inner_nodes in by_step.items()
        }
        if shape.kind not in ("list", "names"):
            return Node(
                {str(step): node for step, node in nodes.items()}, location, key_location=location
            )
        missing_positions = [
            position for position, step in enumerate(sorted(nodes)) if position != step
        ]
        if missing_positions:
            message = f"position {missing_positions[0]} of the list is empty"
            hint = "fill it, or move the later ones up"
            self._report_fault(nodes[sorted(nodes)[missing_positions[0]]].location, message, hint)
        return Node([nodes[step] for step in sorted(nodes)], location)

    def _parse_cell(self, shape: Shape, cell: Cell) -> Node:
        value, location = cell.value, cell.location
        if cell.faulty:
            return Node(None, location, location, faulty=True)
        if isinstance(value, DATE_TYPES):
            if shape.kind in _DATE_MESSAGES:
                return self.date_fault_node(location, shape.kind)
            value = str(value)
        if shape.kind in ("list", "names"):
            return self._parse_names(shape, value, location)
        if shape.kind in ("number", "yearly", "whole"):
            is_text = isinstance(value, str)
            return (
                parse_number_cell(value.strip(), location)
                if is_text
                else Node(value, location, location)
            )
        if shape.kind == "flag":
            if isinstance(value, str) and value.strip().lower() in ("true", "false"):
                value = value.strip().lower() == "true"
            return Node(value, location, location)
        return Node(as_text(value), location, location)

    def date_fault_node(self, location: SourceLocation, kind: str) -> Node:
        """Report a date where another kind of value belongs, and return a faulty node."""
        self._report_fault(location, _DATE_MESSAGES[kind], "format it so")
        return Node(None, location, location, faulty=True)

    def _parse_names(self, shape: Shape, value: Any, location: SourceLocation) -> Node:
        """Return a list from one cell whose entries are separated by ``;``."""
        text = as_text(value).strip()
        if shape.kind == "names" and text in shape.choices:
            return Node(text, location, location)
        entries = [entry.strip() for entry in text.split(";") if entry.strip()]
        are_numbers = shape.kind == "list" and shape_of(shape.item).kind == "number"
        nodes = [
            parse_number_cell(part, location) if are_numbers else Node(part, location)
            for part in entries
        ]
        return Node(nodes, location, location)


_DATE_MESSAGES = {
    "number": "a date stands where a number belongs",
    "yearly": "a date stands where a number or a mapping of years belongs",
    "whole": "a date stands where a whole number belongs",
    "flag": "a date stands where true or false belongs",
    "any": "a date stands where a value belongs",
}
