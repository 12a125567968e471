"""The runs of a batch as a table for other programs."""

from __future__ import annotations

import csv
from io import StringIO

from models.results import Batch
from optimizer.analyses.batch.document import is_number, varied_paths
from optimizer.report.figures import clean

COLUMNS = (
    "run",
    "file",
    "variant",
    "status",
    "exit_code",
    "objective",
    "bound",
    "gap",
    "expected",
    "expected_without_plan",
    "unit",
    "net_cost_meur",
    "currency",
    "seconds",
    "plan",
    "error",
)
"""Columns of the table, beside those of what is varied, which stand behind the third."""


def as_csv(batch: Batch) -> str:
    """The runs as a table: commas, decimal points, UTF-8."""
    paths = varied_paths(batch)
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS[:3], *map(_text, paths), *COLUMNS[3:]])
    for run in batch.runs:
        cells = {name: getattr(run, name) for name in COLUMNS}
        varied = [run.varied.get(path) for path in paths]
        row = [*(cells[name] for name in COLUMNS[:3]), *varied, *(cells[n] for n in COLUMNS[3:])]
        writer.writerow(_text(cell) if isinstance(cell, str) else cell for cell in row)
    return stream.getvalue()


def _text(cell: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line; a number stays one."""
    text = clean(cell)
    formula = text.startswith(("=", "+", "-", "@")) and not is_number(text)
    return f"'{text}" if formula else text
