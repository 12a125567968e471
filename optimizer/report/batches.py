"""Many runs for a reader: how many have a plan, a table of them, and why others have none."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import PurePath
from typing import TypeVar

from models.language import tr
from models.results import Batch, BatchRun, RunStatus
from optimizer.report.figures import NONE, clean, column, number, rounded, small_percent
from optimizer.report.sections import Grid, Kind, Section

Value = TypeVar("Value")

MOST_ROWS = 100
"""Of the table in a terminal; the files have all."""
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
"""Of the table in a file, beside those of what is varied."""


def title(batch: Batch) -> str:
    """What stands above it."""
    return (
        tr("1 run") if len(batch.runs) == 1 else tr("{count} runs", count=number(len(batch.runs)))
    )


def words(status: RunStatus) -> str:
    """What became of a run, in words."""
    return {
        "optimal": tr("solved"),
        "limit": tr("stopped by a limit"),
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan before the limit"),
        "failed": tr("failed"),
        "faulty": tr("faults in the scenario"),
        "open": tr("open"),
    }[status]


def headline(batch: Batch) -> Iterator[str]:
    """How many runs came to what."""
    counts = Counter(run.status for run in batch.runs)
    told = ", ".join(f"{words(one)}: {number(counts[one])}" for one in counts)
    yield f"{told}."
    if batch.kept:
        yield tr("Taken over from earlier calls: {count}.", count=number(batch.kept))
    if batch.ended == "interrupted":
        yield tr("Stopped by the user before all were done.")
    if batch.ended == "stopped":
        yield tr("Stopped by a run that failed; --keep-going goes on with the others.")
    if batch.ended == "failed":
        yield tr("Stopped by what concerns all runs, such as a full disk or a lost cluster.")


def all_of(batch: Batch) -> Iterator[Section]:
    """All sections that have something to say."""
    yield table(batch)
    found = reasons(batch)
    if found is not None:
        yield found


def table(batch: Batch) -> Section:
    """A row a run, with what tells it from the others; gaps only where a limit left them open."""
    some = batch.runs[:MOST_ROWS]
    columns: dict[str, tuple[Kind, list[str]]] = dict(_names(batch, some))
    columns[tr("Status")] = ("words", [words(run.status) for run in some])
    unit, units = _same(_unit(run) for run in some)
    money, _ = _same(_money(run) for run in some)
    without, withouts = _same(run.expected_without_plan for run in some)
    figures = {
        tr("Objective"): [run.objective for run in some],
        tr("Expected"): [run.expected for run in some],
    }
    if withouts:
        figures[tr("Without a plan")] = [run.expected_without_plan for run in some]
    if units:
        columns[tr("Unit")] = ("words", [clean(_unit(run) or NONE) for run in some])
    figures[_headed(tr("Net cost"), None if unit == money else money)] = [
        run.net_cost_meur for run in some
    ]
    columns |= {header: ("figures", column(values)) for header, values in figures.items()}
    if any(run.status == "limit" for run in some):
        columns[tr("Final gap")] = ("figures", [small_percent(run.gap) for run in some])
    columns[_headed(tr("Time"), "s")] = ("figures", column([run.seconds for run in some]))
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    parts: list[str | Grid] = [Grid({head: kind for head, (kind, _) in columns.items()}, rows)]
    if unit is not None:
        parts.insert(0, tr("Figures are in {unit}.", unit=clean(unit)))
    if without is not None:
        said = tr(
            "Without a plan, expected: {value}.",
            value=f"{rounded(without)} {clean(unit or '')}".strip(),
        )
        parts.insert(0, said)
    if len(batch.runs) > len(some):
        left = number(len(batch.runs) - len(some))
        parts.append(tr("{count} more runs are in the files of --out alone.", count=left))
    return Section(tr("Runs"), parts)


def _unit(run: BatchRun) -> str | None:
    """That of objective and damage, in words."""
    if run.unit is None or run.unit.startswith("million "):
        return _money(run) if run.unit is not None else None
    return tr("t") if run.unit == "t" else tr("years of demand")


def _money(run: BatchRun) -> str | None:
    return None if run.currency is None else tr("million {currency}", currency=run.currency)


def _names(batch: Batch, some: Sequence[BatchRun]) -> Iterator[tuple[str, tuple[Kind, list[str]]]]:
    """The columns that tell runs apart: file, variant and what is varied."""
    if len({run.file for run in batch.runs}) > 1 or not _is_varied(batch):
        yield tr("File"), ("words", [clean(PurePath(run.file).stem) for run in some])
    if len({run.variant for run in batch.runs}) > 1:
        yield tr("Variant"), ("words", [clean(run.variant or NONE) for run in some])
    paths = _paths(batch)
    last = Counter(path.split(".")[-1] for path in paths)
    for path in paths:
        short = path.split(".")[-1]
        cells = [clean(run.varied.get(path, NONE)) for run in some]
        kind: Kind = "figures" if all(map(_is_number, cells)) else "words"
        yield clean(short if last[short] == 1 else path), (kind, cells)


def _is_varied(batch: Batch) -> bool:
    return bool(_paths(batch)) or len({run.variant for run in batch.runs}) > 1


def _paths(batch: Batch) -> list[str]:
    return list(dict.fromkeys(path for run in batch.runs for path in run.varied))


def _same(values: Iterable[Value | None]) -> tuple[Value | None, bool]:
    """The one value that all have that have any, and whether there are several."""
    known = {value for value in values if value is not None}
    return (known.pop() if len(known) == 1 else None), len(known) > 1


def _headed(header: str, unit: str | None) -> str:
    return header if unit is None else f"{header}, {clean(unit)}"


def reasons(batch: Batch) -> Section | None:
    """Why runs have no plan."""
    lines = [f"{run.run}: {clean(run.error)}" for run in batch.runs if run.error is not None]
    if not lines:
        return None
    shown: list[str | Grid] = list(lines[:MOST_ROWS])
    return Section(tr("Runs without a plan"), shown)


def as_csv(batch: Batch) -> str:
    """The runs as a table for other programs: commas, decimal points, UTF-8."""
    paths = _paths(batch)
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
    formula = text.startswith(("=", "+", "-", "@")) and not _is_number(text)
    return f"'{text}" if formula else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
