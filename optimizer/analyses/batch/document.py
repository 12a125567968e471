"""Many runs as a document: how many have a plan, a table of them, and why others have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import TypeVar

from models.language import tr
from models.results import Batch, BatchRun, RunStatus
from optimizer.report.document import Bullets, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NONE, clean, number, rounded

Value = TypeVar("Value")

MOST_ROWS = 100
"""Of the table in a terminal; the other media and the files have all."""


def document(batch: Batch) -> Document:
    """How many runs came to what, a row a run, and why some have no plan."""
    count = len(batch.runs)
    reasons = [f"{run.run}: {clean(run.error)}" for run in batch.runs if run.error is not None]
    return Document(
        tr("1 run") if count == 1 else tr("{count} runs", count=number(count)),
        tr("Vorrat: many runs"),
        "",
        list(_answer(batch)),
        [
            Section("runs", tr("Runs"), list(_runs(batch))),
            Section("reasons", tr("Runs without a plan"), [Bullets(reasons)] if reasons else []),
        ],
        getattr(batch, "versions", {}),
    )


def in_words(status: RunStatus) -> str:
    """What became of a run."""
    return {
        "optimal": tr("solved"),
        "limit": tr("stopped by a limit"),
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan before the limit"),
        "failed": tr("failed"),
        "faulty": tr("faults in the scenario"),
        "open": tr("open"),
    }[status]


def _answer(batch: Batch) -> Iterator[str]:
    counts = Counter(run.status for run in batch.runs)
    yield ", ".join(f"{in_words(one)}: {number(counts[one])}" for one in counts) + "."
    if batch.kept:
        yield tr("Taken over from earlier calls: {count}.", count=number(batch.kept))
    ended = {
        "interrupted": tr("Stopped by the user before all were done."),
        "stopped": tr("Stopped by a run that failed; --keep-going goes on with the others."),
        "failed": tr("Stopped by what concerns all runs, such as a full disk or a lost cluster."),
    }
    if batch.ended in ended:
        yield ended[batch.ended]


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
    columns = [
        *_names(batch),
        Column(tr("Status"), lambda run: in_words(run.status), "text"),
        Column(tr("Objective"), "objective"),
        Column(tr("Expected"), "expected"),
        Column(tr("Without a plan"), "expected_without_plan"),
        Column(tr("Unit"), _unit, "text"),
        Column(_headed(tr("Net cost"), None if unit == money else money), "net_cost_meur"),
        Column(tr("Final gap"), "gap", "gap"),
        Column(_headed(tr("Time"), "s"), "seconds"),
    ]
    left_out = {
        tr("Without a plan"): not withouts,
        tr("Unit"): not units,
        tr("Final gap"): all(run.status != "limit" for run in batch.runs),
    }
    kept = [column for column in columns if not left_out.get(str(column.header))]
    yield Table(tr("Runs"), batch.runs, kept, "runs", most=MOST_ROWS)


def _names(batch: Batch) -> Iterator[Column]:
    """The columns that tell runs apart: file, variant and what is varied."""
    paths = varied_paths(batch)
    several = len({run.variant for run in batch.runs}) > 1
    if len({run.file for run in batch.runs}) > 1 or not (paths or several):
        yield Column(tr("File"), lambda run: clean(PurePath(run.file).stem), "text")
    if several:
        yield Column(tr("Variant"), lambda run: clean(run.variant or NONE), "text")
    last = Counter(path.split(".")[-1] for path in paths)
    for path in paths:
        short = path.split(".")[-1]
        header = clean(short if last[short] == 1 else path)
        given = [run.varied.get(path, NONE) for run in batch.runs]
        if all(map(is_number, given)):
            yield Column(header, _value_at(path), "number", origin="scenario")
        else:
            yield Column(header, _text_at(path), "text")


def _value_at(path: str) -> Callable[[BatchRun], Shown]:
    def of(run: BatchRun) -> Shown:
        return Shown(clean(run.varied[path]), float(run.varied[path]))

    return of


def _text_at(path: str) -> Callable[[BatchRun], str]:
    return lambda run: clean(run.varied.get(path, NONE))


def varied_paths(batch: Batch) -> list[str]:
    """The paths of all numbers that are varied, in the order in which they come."""
    return list(dict.fromkeys(path for run in batch.runs for path in run.varied))


def is_number(text: str) -> bool:
    """Whether a text is a number."""
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


def _headed(header: str, unit: str | None) -> str:
    return header if unit is None else f"{header}, {clean(unit)}"
