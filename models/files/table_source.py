"""Files of tables, and the values of their cells."""

import datetime
import re
from typing import Any

from models.faults import Fault, SourceLocation
from models.files.csv_table import read_csv
from models.files.decoding import path_in_folder_of, read_bytes
from models.files.nodes import FaultReporter, Node, NodePath, Sheet

_NUMBER_PATTERN = re.compile(r"[-+]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][-+]?\d{1,4})?")
_TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
DATE_TYPES = (datetime.date, datetime.time, datetime.timedelta)


def read_table_sheet(
    section: NodePath, node: Node, file: str, report: FaultReporter
) -> Sheet | None:
    """Return the content of the table that ``node``, a mapping ``{table: ..., sheet: ...}``, names.

    ``section`` is the path of the mapping, ``file`` the scenario file. Returns None, with a fault
    reported, if the mapping is faulty. Raises ScenarioError if the table cannot be read.
    """

    def report_at(location: SourceLocation, message: str, hint: str, path: NodePath = ()) -> None:
        report(Fault((*section, *path), message, hint, location=location))

    for key, child in node.value.items():
        if key not in ("table", "sheet"):
            message = f"'{key}' is not known next to 'table'"
            hint = "a table takes 'table' and 'sheet'"
            report_at(child.key_location or child.location, message, hint, (key,))
    table_node, sheet_node = node.value["table"], node.child("sheet")
    if not isinstance(table_node.value, str) or not table_node.value:
        message = "'table' takes the name of a file"
        report_at(table_node.location, message, "write {value}".format(value="projects.csv"))
        return None
    if sheet_node is not None and not isinstance(sheet_node.value, (str, type(None))):
        message = "'sheet' takes the name of a sheet"
        report_at(
            sheet_node.location, message, "write {value}".format(value=f'"{sheet_node.raw_text}"')
        )
        return None
    # A patch has no folder; its tables are relative to the scenario file.
    path = path_in_folder_of(
        table_node.location.file if table_node.location.line else file, table_node.value
    )
    # The table has to be in the folder of the file that names it, or below.
    if path is None:
        message = "a table lies in the folder of the scenario file"
        report_at(table_node.location, message, "move it to that folder")
        return None
    if path.suffix.lower() not in _TABLE_SUFFIXES:
        message = f"'{path.suffix}' is no kind of table"
        report_at(table_node.location, message, "save it as .csv, .xlsx or .parquet")
        return None
    raw = read_bytes(path, table_node.location, role="table")
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        from models.files.workbook import read_workbook

        return read_workbook(raw, str(path), sheet_node, table_node.location, report)
    if sheet_node is not None and sheet_node.value is not None:
        hint = "leave it out" if path.suffix else "name an Excel file"
        report_at(
            sheet_node.key_location or sheet_node.location, "only an Excel file has sheets", hint
        )
    if path.suffix.lower() == ".parquet":
        from models.files.parquet_table import read_parquet

        return read_parquet(raw, str(path), table_node.location)
    return read_csv(raw, str(path), report)


def parse_number_cell(text: str, location: SourceLocation) -> Node:
    """Return the node of a cell with a number.

    Text that is not a number is kept as text, and validation then refuses it.
    """
    if len(text) < 300 and _NUMBER_PATTERN.fullmatch(text):
        is_integer = re.fullmatch(r"[-+]?\d+", text)
        return Node(int(text) if is_integer else float(text), location, location, raw_text=text)
    return Node(text, location, location)


def as_text(value: Any) -> str:
    """Return the text of a cell's value; whole numbers are written without a decimal point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
