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
from optimizer.report.document import Bullets, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NONE, clean, number, rounded

Value = TypeVar("Value")

MOST_ROWS = 100
"""Of the table in a terminal; the other media and the files have all."""
NAMES = ("run", "file", "variant")
FIGURES = ("status", "exit_code", "objective", "bound", "gap", "expected", "expected_without_plan",
           "unit", "net_cost_meur", "currency", "seconds", "plan", "error")  # fmt: skip
"""Columns of the table for other programs; what is varied stands between these and the names."""


def document(batch: Batch) -> Document:
    """How many runs came to what, a row a run, and why some have no plan."""
    count, words = len(batch.runs), _in_words()
    reasons = [f"{run.run}: {clean(run.error)}" for run in batch.runs if run.error is not None]
    counts = Counter(run.status for run in batch.runs)
    answer = [", ".join(f"{words[one]}: {number(counts[one])}" for one in counts) + "."]
    if batch.kept:
        answer.append(tr("Taken over from earlier calls: {count}.", count=number(batch.kept)))
    ended = {
        "complete": "",
        "interrupted": tr("Stopped by the user before all were done."),
        "stopped": tr("Stopped by a run that failed; --keep-going goes on with the others."),
        "failed": tr("Stopped by what concerns all runs, such as a full disk or a lost cluster."),
    }
    return Document(
        tr("1 run") if count == 1 else tr("{count} runs", count=number(count)),
        tr("Vorrat: many runs"),
        "",
        [*answer, ended[batch.ended]],
        [
            Section("runs", tr("Runs"), list(_runs(batch))),
            Section("reasons", tr("Runs without a plan"), [Bullets(reasons)] if reasons else []),
        ],
        batch.versions,
    )


def _in_words() -> dict[str, str]:
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


def _runs(batch: Batch) -> Iterator[Part]:
    """A row a run, with what tells it from the others; gaps only where a limit left them open."""
    unit, units = _same(_unit(run) for run in batch.runs)
    money, _ = _same(_money(run) for run in batch.runs)
    without, withouts = _same(run.expected_without_plan for run in batch.runs)
    if without is not None:
        amount = f"{rounded(without)} {clean(unit or '')}".strip()
        yield tr("Without a plan, expected: {value}.", value=amount)
    if unit is not None:
        yield tr("Figures are in {unit}.", unit=clean(unit))
    cost = tr("Net cost") if money is None or unit == money else f"{tr('Net cost')}, {clean(money)}"
    limited, words = any(run.status == "limit" for run in batch.runs), _in_words()
    columns = [
        *_names(batch),
        Column(tr("Status"), lambda run: words[run.status], "text"),
        Column(tr("Objective"), "objective"),
        Column(tr("Expected"), "expected"),
        *([Column(tr("Without a plan"), "expected_without_plan")] if withouts else []),
        *([Column(tr("Unit"), _unit, "text")] if units else []),
        Column(cost, "net_cost_meur"),
        *([Column(tr("Final gap"), "gap", "gap")] if limited else []),
        Column(f"{tr('Time')}, s", "seconds"),
    ]
    yield Table(tr("Runs"), batch.runs, columns, "runs", most=MOST_ROWS)


def _names(batch: Batch) -> Iterator[Column]:
    """The columns that tell runs apart: file, variant and what is varied."""
    paths = _varied(batch)
    several = len({run.variant for run in batch.runs}) > 1
    if len({run.file for run in batch.runs}) > 1 or not (paths or several):
        yield Column(tr("File"), lambda run: clean(PurePath(run.file).stem), "text")
    if several:
        yield Column(tr("Variant"), lambda run: clean(run.variant or NONE), "text")
    last = Counter(path.split(".")[-1] for path in paths)
    for path in paths:
        short = path.split(".")[-1]
        figures = all(_is_number(run.varied.get(path, NONE)) for run in batch.runs)
        header, of = clean(short if last[short] == 1 else path), partial(_value, path, figures)
        if figures:
            yield Column(header, of, origin="scenario")
        else:
            yield Column(header, of, "text")


def _value(path: str, figures: bool, run: BatchRun) -> Shown | str:
    text = run.varied.get(path, NONE)
    return Shown(clean(text), float(text)) if figures else clean(text)


def _varied(batch: Batch) -> list[str]:
    """The paths of all numbers that are varied, in the order in which they come."""
    return list(dict.fromkeys(path for run in batch.runs for path in run.varied))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unit(run: BatchRun) -> str | None:
    """That of objective and damage, in words."""
    if run.unit is None or run.unit.startswith("million "):
        return _money(run) if run.unit is not None else None
    return tr("t") if run.unit == "t" else tr("years of demand")


def _money(run: BatchRun) -> str | None:
    return None if run.currency is None else tr("million {currency}", currency=run.currency)


def _same(values: Iterable[Value | None]) -> tuple[Value | None, bool]:
    """The one value that all have that have any, and whether there are several."""
    known = {value for value in values if value is not None}
    return (known.pop() if len(known) == 1 else None), len(known) > 1


def as_csv(batch: Batch) -> str:
    """The runs as a table for other programs: commas, decimal points, UTF-8."""
    paths, stream = _varied(batch), StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*NAMES, *map(_text, paths), *FIGURES])
    for run in batch.runs:
        names, figures = ([getattr(run, name) for name in some] for some in (NAMES, FIGURES))
        row = [*names, *(run.varied.get(path) for path in paths), *figures]
        writer.writerow(_text(cell) if isinstance(cell, str) else cell for cell in row)
    return stream.getvalue()


def _text(cell: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line; a number stays one."""
    text = clean(cell)
    formula = text.startswith(("=", "+", "-", "@")) and not _is_number(text)
    return f"'{text}" if formula else text
