"""Many runs as a document, and as a table for other programs."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from io import StringIO
from pathlib import PurePath
from typing import TypeVar

from models.language import tr
from models.results import Batch, BatchRun
from optimizer.report.document import (
    Bullets,
    Column,
    DisplayedValue,
    Document,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import NO_VALUE, format_number, format_rounded, sanitize

Value = TypeVar("Value")

MAX_TERMINAL_ROWS = 100
"""Of the table in a terminal; the other media and the files have all."""
NAME_FIELDS = ("run", "file", "variant")
FIGURE_FIELDS = ("status", "exit_code", "objective", "bound", "gap", "expected", "expected_without_plan",
           "unit", "net_cost_meur", "currency", "seconds", "plan", "error")  # fmt: skip
"""Columns of the table for other programs; what is varied stands between these and the names."""


def build_document(batch: Batch) -> Document:
    """How many runs came to what, a row a run, and why some have no plan."""
    count, words = len(batch.runs), _status_words()
    reasons = [f"{run.run}: {sanitize(run.error)}" for run in batch.runs if run.error is not None]
    counts = Counter(run.status for run in batch.runs)
    answer = [", ".join(f"{words[one]}: {format_number(counts[one])}" for one in counts) + "."]
    if batch.kept:
        answer.append(
            tr("Taken over from earlier calls: {count}.", count=format_number(batch.kept))
        )
    ended = {
        "complete": "",
        "interrupted": tr("Stopped by the user before all were done."),
        "stopped": tr("Stopped by a run that failed; --keep-going goes on with the others."),
        "failed": tr("Stopped by what concerns all runs, such as a full disk or a lost cluster."),
    }
    return Document(
        tr("1 run") if count == 1 else tr("{count} runs", count=format_number(count)),
        tr("Vorrat: many runs"),
        "",
        [*answer, ended[batch.ended]],
        [
            Section("runs", tr("Runs"), list(_runs_parts(batch))),
            Section("reasons", tr("Runs without a plan"), [Bullets(reasons)] if reasons else []),
        ],
        batch.versions,
    )


def _status_words() -> dict[str, str]:
    """What became of a run."""
    return {
        "optimal": tr("solved"),
        "limit": tr("stopped by a limit"),
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan before the limit"),
        "failed": tr("failed"),
        "faulty": tr("faults in the scenario"),
        "open": tr("open"),
    }


def _runs_parts(batch: Batch) -> Iterator[Part]:
    """A row a run, with what tells it from the others; gaps only where a limit left them open."""
    unit, units = _common_value(_outcome_unit(run) for run in batch.runs)
    money, _ = _common_value(_money_unit(run) for run in batch.runs)
    without, withouts = _common_value(run.expected_without_plan for run in batch.runs)
    if without is not None:
        amount = f"{format_rounded(without)} {sanitize(unit or '')}".strip()
        yield tr("Without a plan, expected: {value}.", value=amount)
    if unit is not None:
        yield tr("Figures are in {unit}.", unit=sanitize(unit))
    cost = (
        tr("Net cost") if money is None or unit == money else f"{tr('Net cost')}, {sanitize(money)}"
    )
    limited, words = any(run.status == "limit" for run in batch.runs), _status_words()
    columns = [
        *_name_columns(batch),
        Column(tr("Status"), lambda run: words[run.status], "text"),
        Column(tr("Objective"), "objective"),
        Column(tr("Expected"), "expected"),
        *([Column(tr("Without a plan"), "expected_without_plan")] if withouts else []),
        *([Column(tr("Unit"), _outcome_unit, "text")] if units else []),
        Column(cost, "net_cost_meur"),
        *([Column(tr("Final gap"), "gap", "gap")] if limited else []),
        Column(f"{tr('Time')}, s", "seconds"),
    ]
    yield Table(tr("Runs"), batch.runs, columns, "runs", max_terminal_rows=MAX_TERMINAL_ROWS)


def _name_columns(batch: Batch) -> Iterator[Column]:
    """The columns that tell runs apart: file, variant and what is varied."""
    paths = _varied_paths(batch)
    several = len({run.variant for run in batch.runs}) > 1
    if len({run.file for run in batch.runs}) > 1 or not (paths or several):
        yield Column(tr("File"), lambda run: sanitize(PurePath(run.file).stem), "text")
    if several:
        yield Column(tr("Variant"), lambda run: sanitize(run.variant or NO_VALUE), "text")
    last = Counter(path.split(".")[-1] for path in paths)
    for path in paths:
        short = path.split(".")[-1]
        figures = all(_is_number(run.varied.get(path, NO_VALUE)) for run in batch.runs)
        header, of = (
            sanitize(short if last[short] == 1 else path),
            partial(_varied_value, path, figures),
        )
        if figures:
            yield Column(header, of, origin="scenario")
        else:
            yield Column(header, of, "text")


def _varied_value(path: str, is_number: bool, run: BatchRun) -> DisplayedValue | str:
    text = run.varied.get(path, NO_VALUE)
    return DisplayedValue(sanitize(text), float(text)) if is_number else sanitize(text)


def _varied_paths(batch: Batch) -> list[str]:
    """The paths of all numbers that are varied, in the order in which they come."""
    return list(dict.fromkeys(path for run in batch.runs for path in run.varied))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _outcome_unit(run: BatchRun) -> str | None:
    """That of objective and damage, in words."""
    if run.unit is None or run.unit.startswith("million "):
        return _money_unit(run) if run.unit is not None else None
    return tr("t") if run.unit == "t" else tr("years of demand")


def _money_unit(run: BatchRun) -> str | None:
    return None if run.currency is None else tr("million {currency}", currency=run.currency)


def _common_value(values: Iterable[Value | None]) -> tuple[Value | None, bool]:
    """The one value that all have that have any, and whether there are several."""
    known = {value for value in values if value is not None}
    return (known.pop() if len(known) == 1 else None), len(known) > 1


def batch_as_csv(batch: Batch) -> str:
    """The runs as a table for other programs: commas, decimal points, UTF-8."""
    paths, stream = _varied_paths(batch), StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*NAME_FIELDS, *map(_csv_text, paths), *FIGURE_FIELDS])
    for run in batch.runs:
        names, figures = (
            [getattr(run, name) for name in some] for some in (NAME_FIELDS, FIGURE_FIELDS)
        )
        row = [*names, *(run.varied.get(path) for path in paths), *figures]
        writer.writerow(_csv_text(cell) if isinstance(cell, str) else cell for cell in row)
    return stream.getvalue()


def _csv_text(cell: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line; a number stays one."""
    text = sanitize(cell)
    formula = text.startswith(("=", "+", "-", "@")) and not _is_number(text)
    return f"'{text}" if formula else text
