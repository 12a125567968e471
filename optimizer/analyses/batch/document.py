"""The document of a batch of runs, and its CSV table."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from io import StringIO
from pathlib import PurePath
from typing import Any, TypeVar

from models.language import tr
from models.results import Batch, BatchRun
from optimizer.report.document import (
    ALL_MEDIA,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL,
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
"""Rows of the table in a terminal; the other media and the files have all."""
NAME_FIELDS = ("run", "file", "variant")
FIGURE_FIELDS = (
    "status", "exit_code", "objective", "bound", "gap", "expected", "tail", "worst",
    "expected_without_plan", "unit", "net_cost_meur", "public_meur", "currency", "projects",
    "stocks", "seconds", "plan", "error",
)  # fmt: skip
"""Columns of the CSV table after the names and the varied figures."""


def build_document(batch: Batch) -> Document:
    """Return the document: counts by status, a row for each run, and why some have no plan."""
    count, status_words = len(batch.runs), _status_words()
    reasons = [f"{run.run}: {sanitize(run.error)}" for run in batch.runs if run.error is not None]
    counts = Counter(run.status for run in batch.runs)
    status_counts = [f"{status_words[key]}: {format_number(counts[key])}" for key in counts]
    answer = [", ".join(status_counts) + "."]
    if batch.kept:
        answer.append(
            tr("Taken over from earlier calls: {count}.", count=format_number(batch.kept))
        )
    ending_texts = {
        "complete": "",
        "interrupted": tr("Stopped by the user before all were done."),
        "stopped": tr("Stopped by a run that failed; --keep-going goes on with the others."),
        "failed": tr("Stopped by a fault of all runs, such as a full disk or a lost cluster."),
    }
    return Document(
        tr("1 run") if count == 1 else tr("{count} runs", count=format_number(count)),
        tr("Vorrat: many runs"),
        "",
        [*answer, ending_texts[batch.ended]],
        [
            Section("runs", tr("Runs"), list(_runs_parts(batch))),
            Section("reasons", tr("Runs without a plan"), [Bullets(reasons)] if reasons else []),
        ],
        batch.versions,
    )


def _status_words() -> dict[str, str]:
    """Return the display word of each run status."""
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
    """Yield the damage without a plan and the unit, if all runs share them, and the table of runs.

    A sheet has all figures. A terminal and a page show final gaps only if a limit stopped a run.
    """
    unit, units_differ = _common_value(_outcome_unit(run) for run in batch.runs)
    money_unit, currencies_differ = _common_value(_money_unit(run) for run in batch.runs)
    without_plan, without_plan_differs = _common_value(
        run.expected_without_plan for run in batch.runs
    )
    if without_plan is not None:
        amount = f"{format_rounded(without_plan)} {sanitize(unit or '')}".strip()
        yield tr("Without a plan, expected: {value}.", value=amount)
    if unit is not None:
        yield tr("Figures are in {unit}.", unit=sanitize(unit))
    suffix = "" if money_unit is None or unit == money_unit else f", {sanitize(money_unit)}"
    has_limited_runs = any(run.status == "limit" for run in batch.runs)
    status_words = _status_words()

    def text_column(header: str, name: str) -> Column:
        return Column(
            header, lambda run: _sheet_text(getattr(run, name)), "text", media=SHEET, empty_text=""
        )

    def figure_column(header: str, name: str, is_shown: bool = True, **options: Any) -> Column:
        media = ALL_MEDIA if is_shown else SHEET
        return Column(header, name, media=media, unit=unit or _outcome_unit, **options)

    def money_column(header: str, name: str) -> Column:
        return Column(header + suffix, name, unit=money_unit or _money_unit)

    columns = [
        text_column(tr("Run"), "run"),
        *_name_columns(batch),
        Column(tr("Status"), lambda run: status_words[run.status], "text"),
        Column(tr("Exit code"), "exit_code", "count", media=SHEET),
        figure_column(tr("Objective"), "objective"),
        figure_column(tr("Bound"), "bound", is_shown=False),
        figure_column(tr("Expected"), "expected"),
        figure_column(tr("CVaR"), "tail", is_shown=False),
        figure_column(tr("Worst state"), "worst", is_shown=False),
        figure_column(tr("Without a plan"), "expected_without_plan", without_plan_differs),
        *([Column(tr("Unit"), _outcome_unit, "text")] if units_differ else []),
        money_column(tr("Net cost"), "net_cost_meur"),
        money_column(tr("Public money"), "public_meur"),
        *([text_column(tr("Currency"), "currency")] if currencies_differ else []),
        Column(tr("Projects"), _project_count, "count", media=TERMINAL),
        Column(tr("Projects"), lambda run: _sheet_text(run.projects), "text", media=PAGE_AND_SHEET),
        text_column(f"{tr('Stocks')}, {tr('t')}", "stocks"),
        Column(tr("Final gap"), "gap", "gap", media=ALL_MEDIA if has_limited_runs else SHEET),
        Column(f"{tr('Time')}, s", "seconds", unit="s"),
        text_column(tr("Plan"), "plan"),
        text_column(tr("Error"), "error"),
    ]
    yield Table(tr("Runs"), batch.runs, columns, "runs", max_terminal_rows=MAX_TERMINAL_ROWS)


def _project_count(run: BatchRun) -> int | None:
    return None if run.projects is None else len(run.projects)


def _sheet_text(content: Any) -> str | None:
    """Return the text of a cell; None if there is no content."""
    return None if content is None else sanitize(_csv_value(content))


def _name_columns(batch: Batch) -> Iterator[Column]:
    """Yield the columns that distinguish runs: file, variant, and values of varied figures.

    A sheet has file and variant even if they are the same for all runs.
    """
    paths = _varied_paths(batch)
    has_several_variants = len({run.variant for run in batch.runs}) > 1
    shows_file = len({run.file for run in batch.runs}) > 1 or not (paths or has_several_variants)
    yield Column(
        tr("File"), lambda run: sanitize(PurePath(run.file).stem), "text",
        media=ALL_MEDIA if shows_file else SHEET,
    )  # fmt: skip
    yield Column(
        tr("Variant"), lambda run: sanitize(run.variant or NO_VALUE), "text",
        media=ALL_MEDIA if has_several_variants else SHEET,
    )  # fmt: skip
    name_counts = Counter(path.split(".")[-1] for path in paths)
    for path in paths:
        name = path.split(".")[-1]
        is_numeric = all(_is_number(run.varied.get(path, NO_VALUE)) for run in batch.runs)
        header = sanitize(name if name_counts[name] == 1 else path)
        get_value = partial(_varied_value, path, is_numeric)
        if is_numeric:
            yield Column(header, get_value)
        else:
            yield Column(header, get_value, "text")


def _varied_value(path: str, is_number: bool, run: BatchRun) -> DisplayedValue | str:
    text = run.varied.get(path, NO_VALUE)
    return DisplayedValue(sanitize(text), float(text)) if is_number else sanitize(text)


def _varied_paths(batch: Batch) -> list[str]:
    """Return the paths of all varied figures, in order of their first occurrence."""
    return list(dict.fromkeys(path for run in batch.runs for path in run.varied))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _outcome_unit(run: BatchRun) -> str | None:
    """Return the display text for the unit of a run's objective and damage; None if it is not
    known."""
    if run.unit is None or run.unit.startswith("million "):
        return _money_unit(run) if run.unit is not None else None
    return tr("t") if run.unit == "t" else tr("years of demand")


def _money_unit(run: BatchRun) -> str | None:
    return None if run.currency is None else tr("million {currency}", currency=run.currency)


def _common_value(values: Iterable[Value | None]) -> tuple[Value | None, bool]:
    """Return the value that all values except None equal, and whether these differ.

    The returned value is None if they differ, or if all values are None.
    """
    known_values = {value for value in values if value is not None}
    return (known_values.pop() if len(known_values) == 1 else None), len(known_values) > 1


def batch_as_csv(batch: Batch) -> str:
    """Return the runs as CSV text, with comma separators and decimal points."""
    paths, stream = _varied_paths(batch), StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*NAME_FIELDS, *map(_csv_text, paths), *FIGURE_FIELDS])
    for run in batch.runs:
        names, figures = (
            [getattr(run, name) for name in fields] for fields in (NAME_FIELDS, FIGURE_FIELDS)
        )
        row = [*names, *(run.varied.get(path) for path in paths), *map(_csv_value, figures)]
        writer.writerow(_csv_text(cell) if isinstance(cell, str) else cell for cell in row)
    return stream.getvalue()


def _csv_value(figure: Any) -> Any:
    """Return the figures of several ids as one text, such as ``mine 2026; works 2028``. Other
    figures are unchanged."""
    if not isinstance(figure, dict):
        return figure
    return "; ".join(f"{id} {value:.12g}" for id, value in figure.items())


def _csv_text(cell: str) -> str:
    """Return a text on one line, after an apostrophe if spreadsheets would take it for a formula.

    Numbers are unchanged.
    """
    text = sanitize(cell)
    is_formula = text.startswith(("=", "+", "-", "@")) and not _is_number(text)
    return f"'{text}" if is_formula else text
