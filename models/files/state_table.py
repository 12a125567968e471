"""Tables of states of the world, ``states: {table: states.csv}`` under ``uncertainty``, and their
rows.

Such a table is long: each row says one thing about one state. Rows of a state may stand anywhere,
and states are in the order of their first rows.

Tables may have a hundred thousand rows. Their states are therefore built at once, without a node
for each value, and nodes with source locations are built when a fault needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, get_args

from pydantic_core import PydanticCustomError

from models.base import read_id, read_year
from models.faults import Fault, PathStep, ScenarioError, SourceLocation
from models.files.nodes import Cell, FaultReporter, Node, Sheet, with_child, without_child
from models.files.table_source import (
    DATE_TYPES,
    Column,
    as_text,
    check_size,
    parse_number_cell,
    read_table_sheet,
    sheet_of_columns,
)
from models.files.yaml_source import may_be_thousands
from models.scenario.hazards import Event, State, TableStates
from models.scenario.quantities import (
    UNREADABLE_NUMBER,
    NonNegative,
    PositiveInteger,
    Share,
    WholeNumber,
    Year,
    YearlyQuantity,
)
from models.spelling import unknown_name_hint

STATE_COLUMNS = ("state", "probability", "kind", "id", "year", "period", "value")


@dataclass(frozen=True)
class RowKind:
    """What a row of one kind fills: the field of a state, and the cells besides ``id``."""

    field: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


ROW_KINDS = {
    "event": RowKind("events", ("year",), ("period", "value")),
    "failed_project": RowKind("failed_projects"),
    "delayed_project": RowKind("delayed_projects", ("value",)),
    "anyway": RowKind("anyway"),
    "regime": RowKind("regimes", ("year",)),
    "demand": RowKind("demand", ("value",), ("year",)),
    "price": RowKind("prices", ("value",), ("year",)),
}
"""Kinds of rows, named after the fields of a written-out state."""


class StateRow(NamedTuple):
    """A row of a table of states; None is an empty cell."""

    state: str
    probability: float
    kind: str | None = None
    id: str | None = None
    year: int | None = None
    period: int | None = None
    value: str | None = None


def state_rows(states: Sequence[State]) -> Iterator[StateRow]:
    """Yield the rows of states. Numbers are written so that reading them gives the same numbers."""
    for position, state in enumerate(states, start=1):
        first = state.name or f"state {position}", float(state.probability)
        rows = [StateRow(*first, *row) for row in _rows_of(state)]
        yield from rows or [StateRow(*first)]


def _rows_of(state: State) -> Iterator[tuple[Any, ...]]:
    for year, regime in state.regimes.items():
        yield "regime", regime, year
    for event in state.events:
        yield "event", event.hazard, int(event.start), int(event.period), event.profile
    for project in state.failed_projects:
        yield "failed_project", project
    for project, delay in state.delayed_projects.items():
        yield "delayed_project", project, None, None, str(int(delay))
    for project in state.anyway:
        yield "anyway", project
    paths: tuple[tuple[str, Mapping[str, str | YearlyQuantity]], ...]
    paths = ("demand", state.demand), ("price", state.prices)
    for kind, quantities in paths:
        for material, quantity in quantities.items():
            if isinstance(quantity, str):
                yield kind, material, None, None, quantity
                continue
            years: tuple[int | None, ...] = quantity.years or (None,)
            for path_year, number in zip(years, quantity.values, strict=True):
                text = repr(float(number))
                # A further 0 tells 1.125 from a thousand.
                yield kind, material, path_year, None, text + "0" * may_be_thousands(text)


SECTION = ("uncertainty", "states")


class StatesNode(Node):
    """The node of many states; its value is a ``TableStates``."""

    __slots__ = ("table",)
    table: _StateTable | None

    def child(self, step: PathStep) -> Node | None:
        """Return the node of a state with the source locations of its values, which are known for
        states of a table."""
        states = self.table.states if self.table is not None else ()
        return states[step].node() if isinstance(step, int) and step < len(states) else None

    def expanded(self) -> Node:
        """Return the states as a list of nodes, all of which have the location of this node."""
        states = [state.model_dump(mode="json", exclude_unset=True) for state in self.value]
        return _node_of(states, self.location)


def states_node(
    states: TableStates, location: SourceLocation, table: _StateTable | None = None
) -> StatesNode:
    """Return the node of states, which may be those of a table."""
    node = StatesNode(states, location, location)
    node.table = table
    return node


def with_states(root: Node, states: Node) -> Node:
    """Return the tree with written-out states in place of its states or its sample.

    States that could not be read leave the section unread.
    """
    section, key = SECTION
    if states.faulty:
        return with_child(root, section, states)
    uncertainty = root.child(section)
    if uncertainty is None or not isinstance(uncertainty.value, dict):
        uncertainty = Node({}, states.location, states.location)
    without_sample = without_child(uncertainty, "sample")
    return with_child(root, section, with_child(without_sample, key, states))


def _node_of(data: Any, location: SourceLocation) -> Node:
    value = data
    if isinstance(data, dict):
        value = {str(key): _node_of(item, location) for key, item in data.items()}
    elif isinstance(data, list):
        value = [_node_of(item, location) for item in data]
    return Node(value, location, location)


def read_state_table(node: Node, file: str, report: FaultReporter) -> Node:
    """Return the node of ``uncertainty.states`` with the states of the table that it names.

    If the table cannot be read, faults are reported and the node is marked as faulty.
    """
    try:
        sheet = read_table_sheet(SECTION, node, file, report)
    except ScenarioError as error:
        sheet = None
        for fault in error.faults:
            report(replace(fault, path=SECTION))
    if sheet is None:
        return replace(node, value=None, faulty=True)
    return parse_state_sheet(sheet, node, report)


def parse_state_sheet(sheet: Sheet, node: Node, report: FaultReporter) -> Node:
    """Return the node of ``uncertainty.states`` with the states of a sheet, at the place of
    ``node``. If columns are missing, faults are reported and the node is marked as faulty."""
    table = _StateTable(report)
    columns = _find_columns(sheet, node.location, table.fault)
    if columns is None:
        return replace(node, value=None, faulty=True)
    table.read_rows(sheet, columns)
    states = TableStates(state.model() for state in table.states)
    return states_node(states, node.location, table)


def parse_state_columns(columns: Sequence[Column], report: FaultReporter) -> Node:
    """Return the node of ``uncertainty.states`` with the states of a table that is given by its
    columns. Faults are reported with lines that count as in a CSV file."""
    row_count = max((len(values) for _, values in columns), default=0)
    file = "table of states"
    check_size(row_count, len(columns), SourceLocation(file))
    sheet = sheet_of_columns(columns, file)
    return parse_state_sheet(sheet, Node(None, SourceLocation(file)), report)


_FaultAt = Callable[[SourceLocation, str, str], None]


def _find_columns(
    sheet: Sheet, location: SourceLocation, report: _FaultAt
) -> dict[str, int] | None:
    """Return the index of each column; None, with faults reported, if some are missing."""
    columns: dict[str, int] = {}
    for cell in sheet.header:
        name = str(cell.value).strip() if cell.value is not None else ""
        if name in columns:
            message = f"the column '{name}' stands twice"
            report(cell.location, message, "keep one of them")
        elif name in STATE_COLUMNS:
            columns[name] = cell.column_index
        elif name:
            message = f"the column '{name}' is not known"
            report(cell.location, message, unknown_name_hint(name, STATE_COLUMNS))
    missing = [name for name in STATE_COLUMNS if name not in columns]
    for name in missing:
        message = f"the table has no column '{name}'"
        hint = "its columns are {names}".format(names=", ".join(STATE_COLUMNS))
        report(sheet.header[0].location if sheet.header else location, message, hint)
    return None if missing else columns


_Row = dict[str, Cell]
"""The filled cells of a row, by column."""


class _StateTable:
    """The states of a table, and a cache of values that were read."""

    def __init__(self, report: FaultReporter) -> None:
        self.report = report
        self.columns: dict[str, int] = {}
        self.states: list[_StateRows] = []
        self._cached_values: dict[tuple[Callable[[Any], Any], type, Any], Any] = {}

    def fault(self, location: SourceLocation, message: str, hint: str = "") -> None:
        """Report a fault."""
        self.report(Fault(SECTION, message, hint, location=location))

    def read_rows(self, sheet: Sheet, columns: dict[str, int]) -> None:
        """Add the rows of a sheet to the states, and report their faults."""
        self.columns = columns
        by_name: dict[str, _StateRows] = {}
        for cells in sheet.rows:
            row = {
                name: cell
                for name, index in columns.items()
                if index < len(cells) and (cell := cells[index]).is_filled
            }
            name_cell = row.get("state")
            if name_cell is None:
                if row:
                    message = "the cell 'state' is empty"
                    self.fault(cells[0].location, message, "name the state")
                continue
            name = as_text(name_cell.value).strip()
            state = by_name.get(name)
            if state is None:
                state = by_name[name] = _StateRows(self, name, name_cell.location)
                self.states.append(state)
            if "probability" in row:
                state.set_probability(row["probability"])
            state.add_row(row, cells[0])

    def key(self, cell: Cell) -> str:
        """Return the text of a cell, which is the same for 2027 and 2027.0."""
        key = as_text, type(cell.value), cell.value
        text = self._cached_values.get(key)
        if text is None:
            text = self._cached_values[key] = as_text(cell_node(cell).value)
        return str(text)

    def value(self, read: Callable[[Any], Any], cell: Cell) -> Any:
        """Return what a cell holds as ``read`` converts it; None, with a fault reported, if the
        value is faulty."""
        key = read, type(cell.value), cell.value
        if key in self._cached_values:
            return self._cached_values[key]
        if cell.faulty:
            return None
        node = cell_node(cell)
        if isinstance(node.value, DATE_TYPES):
            message = "a date stands where a value belongs"
            self.fault(cell.location, message, "format it so")
            return None
        try:
            value = self._cached_values[key] = read(node.value)
        except PydanticCustomError as error:
            for _path, message, hint in (error.context or {})["faults"]:
                self.fault(cell.location, message, hint)
            return None
        if isinstance(node.value, float) and may_be_thousands(node.raw_text):
            values: dict[str, Any] = {"written": node.raw_text, "value": node.value}
            message = "{written} is read as {value:g}".format(**values)
            meant = node.raw_text.replace(".", "")
            hint = f"if {meant} is meant, write {meant}"
            self.report(Fault(SECTION, message, hint, "warning", location=cell.location))
        return value


def cell_node(cell: Cell) -> Node:
    """Return the node of a cell: a number if its text is one."""
    if isinstance(cell.value, str):
        return parse_number_cell(cell.value.strip(), cell.location)
    return Node(cell.value, cell.location, cell.location, faulty=cell.faulty)


def _reader_of(field_type: Any) -> Callable[[Any], Any]:
    """Return the function by which a type of the models reads a number or a year."""
    return get_args(field_type)[1].read  # type: ignore[no-any-return]


_READ_SHARE, _READ_FACTOR, _READ_DELAY = map(_reader_of, (Share, NonNegative, WholeNumber))
_READ_PERIOD, _READ_START = map(_reader_of, (PositiveInteger, Year))


def _read_text_id(value: Any) -> str:
    return read_id(as_text(value).strip())


def _read_price(value: Any) -> Any:
    return value if isinstance(value, str) else _READ_FACTOR(value)


@dataclass
class _StateRows:
    """The rows of one state."""

    table: _StateTable
    name: str
    location: SourceLocation
    probability: Any = None
    probability_cell: Cell | None = None
    rows: list[tuple[str, _Row]] = field(default_factory=list)
    places: dict[tuple[str, ...], Cell] = field(default_factory=dict)

    def set_probability(self, cell: Cell) -> None:
        """Set the probability of the state, which must be the same in all of its rows."""
        value = self.table.value(_READ_SHARE, cell)
        if self.probability_cell is None:
            self.probability_cell, self.probability = cell, value
        elif None not in (value, self.probability) and value != self.probability:
            message = (
                f"'{self.name}' has the probability {cell.value} here and "
                f"{self.probability_cell.value} at {self.probability_cell.location}"
            )
            hint = "write the same probability in all rows of a state, or in one of them"
            self.table.fault(cell.location, message, hint)

    def add_row(self, row: _Row, first_cell: Cell) -> None:
        """Add a row, unless it fills no more than ``probability``; report its faults."""
        kind_cell, fault = row.get("kind"), self.table.fault
        if kind_cell is None:
            for column in STATE_COLUMNS[3:]:
                if column in row:
                    fault(row[column].location, "the cell 'kind' is empty", _kinds_hint())
                    return
            return
        name = str(kind_cell.value).strip()
        kind = ROW_KINDS.get(name)
        if kind is None:
            hint = unknown_name_hint(name, list(ROW_KINDS)) or _kinds_hint()
            fault(kind_cell.location, f"the kind '{name}' is not known", hint)
            return
        is_sound = True
        for column in ("id", *kind.required):
            if column not in row:
                message = f"'{column}' is empty in a row of the kind '{name}'"
                empty_cell = Cell(None, first_cell.place, self.table.columns[column])
                fault(empty_cell.location, message, "fill it, or delete the row")
                is_sound = False
        for column in STATE_COLUMNS[4:]:
            if column in row and column not in kind.required and column not in kind.optional:
                message = f"a row of the kind '{name}' takes no '{column}'"
                fault(row[column].location, message, "leave the cell empty")
                is_sound = False
        if is_sound and not self._is_repeated(name, row):
            self.rows.append((name, row))

    def _is_repeated(self, kind: str, row: _Row) -> bool:
        """Report a row that says what another one of the state has said."""
        columns = (name for name in ("id", "year", "period") if name in row)
        keys = [self.table.key(row[name]) for name in columns]
        place = "year" if kind == "regime" else "id"
        key = (kind, *keys[place == "year" :])
        first_cell = self.places.setdefault(key, row[place])
        all_years = (kind, keys[0]) if kind in ("demand", "price") else ()
        if "year" in row and all_years in self.places:
            first_cell = self.places[all_years]
        elif all_years and "year" not in row:
            others = (x for other, x in self.places.items() if other[:2] == all_years)
            first_cell = next(others, first_cell)
        if first_cell is row[place]:
            return False
        message = "'{name}' is written twice".format(name=" ".join((self.name, *key)))
        hint = f"first at {first_cell.location}"
        self.table.fault(row[place].location, message, hint)
        return True

    def model(self) -> State:
        """Return the state; faults in values are reported."""
        if self.probability_cell is None:
            message = f"'{self.name}' has no probability"
            hint = "fill 'probability' in one of its rows"
            self.table.fault(self.location, message, hint)
        probability = UNREADABLE_NUMBER if self.probability is None else self.probability
        values: dict[str, Any] = {"name": self.name, "probability": probability}
        paths: dict[tuple[str, str], dict[int | None, Any]] = {}
        read = self.table.value
        for name, row in self.rows:
            id_, field_name = read(_read_text_id, row["id"]), ROW_KINDS[name].field
            if id_ is None:
                continue
            if name == "event":
                event = self._event(id_, row)
                if event is not None:
                    values.setdefault(field_name, []).append(event)
            elif name in ("failed_project", "anyway"):
                values.setdefault(field_name, []).append(id_)
            elif name == "delayed_project":
                if (delay := read(_READ_DELAY, row["value"])) is not None:
                    values.setdefault(field_name, {})[id_] = delay
            elif name == "regime":
                if (year := read(read_year, row["year"])) is not None:
                    values.setdefault(field_name, {})[year] = id_
            else:
                year = read(read_year, row["year"]) if "year" in row else None
                may_be_name = name == "price" and year is None
                value = read(_read_price if may_be_name else _READ_FACTOR, row["value"])
                if value is not None and ("year" not in row or year is not None):
                    paths.setdefault((field_name, id_), {})[year] = value
        for (field_name, id_), path in paths.items():
            values.setdefault(field_name, {})[id_] = self._quantity(path)
        for field_name in ("events", "failed_projects", "anyway"):
            if field_name in values:
                values[field_name] = tuple(values[field_name])
        return State.model_construct(**values)

    def _event(self, hazard: str, row: _Row) -> Event | None:
        read, values = self.table.value, dict[str, Any](hazard=hazard)
        cells = {"start": (_READ_START, "year"), "period": (_READ_PERIOD, "period")}
        cells["profile"] = (_read_text_id, "value")
        for name, (reader, column) in cells.items():
            if column in row:
                values[name] = read(reader, row[column])
        return None if None in values.values() else Event.model_construct(**values)

    def _quantity(self, path: dict[int | None, Any]) -> str | YearlyQuantity:
        """Return the value for all years, or a quantity over the years."""
        if None in path:
            value = path[None]
            return value if isinstance(value, str) else YearlyQuantity((), (value,))
        years = [year for year in path if year is not None]
        return YearlyQuantity(tuple(sorted(years)), tuple(path[year] for year in sorted(years)))

    def node(self) -> Node:
        """Return the node of the state with the source locations of its values."""
        location = self.location
        cell = self.probability_cell
        values: dict[str, Node] = {
            "name": Node(self.name, location),
            "probability": Node(None, location, faulty=True) if cell is None else cell_node(cell),
        }
        for name, row in self.rows:
            id_cell, kind = row["id"], ROW_KINDS[name]
            id_ = as_text(id_cell.value).strip()
            is_list = name in ("event", "failed_project", "anyway")
            field_node = values.setdefault(kind.field, Node([] if is_list else {}, location))
            if name == "event":
                event = {"hazard": Node(id_, id_cell.location), "start": cell_node(row["year"])}
                if "period" in row:
                    event["period"] = cell_node(row["period"])
                if "value" in row:
                    profile = row["value"]
                    event["profile"] = Node(as_text(profile.value).strip(), profile.location)
                field_node.value.append(Node(event, id_cell.location))
            elif is_list:
                field_node.value.append(Node(id_, id_cell.location))
            elif name == "regime":
                year = row["year"]
                node = Node(id_, id_cell.location, year.location)
                field_node.value[as_text(cell_node(year).value)] = node
            else:
                value, entries = cell_node(row["value"]), field_node.value
                if "year" in row:
                    key_location = id_cell.location
                    entries = entries.setdefault(id_, Node({}, key_location, key_location)).value
                    id_cell, id_ = row["year"], as_text(cell_node(row["year"]).value)
                value.key_location = id_cell.location
                entries[id_] = value
        return Node(values, location)


def _kinds_hint() -> str:
    return "there are {names}".format(names=", ".join(ROW_KINDS))
