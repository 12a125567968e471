"""Faults as a compiler prints them: place, message, and the line with a mark below it; and rules
that exclude each other, with where each is written."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from models.faults import Fault, ScenarioError, SourceLocation
from models.files import LoadedScenario
from models.files.decoding import MAX_BYTES, decode_text, replace_unprintable, split_lines
from models.language import tr
from optimizer.analyses.options import ProgressListener
from optimizer.errors import Infeasible

if TYPE_CHECKING:
    from optimizer.model.highs import Progress

PROGRESS_LINE_SECONDS = 5.0  # seconds between two lines of progress where a line cannot be updated
_EXCERPT_WIDTH = 160
_SEVERITY_COLORS = {"error": "red", "warning": "yellow"}


def uses_colors(stream: TextIO) -> bool:
    """Whether to write colours: only to a terminal, and never with NO_COLOR."""
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb


def show_faults(faults: Iterable[Fault]) -> None:
    """Print faults to stderr."""
    colour = uses_colors(sys.stderr)
    lines: dict[str, list[str]] = {}
    for fault in faults:
        text = replace_unprintable(str(fault))
        label = f"{fault.label}:"
        if colour:
            marked = click.style(label, fg=_SEVERITY_COLORS[fault.severity], bold=True)
            text = text.replace(f" {label}", f" {marked}", 1)
        click.echo(text, err=True, color=colour)
        for line in _source_excerpt(fault.location, lines):
            click.echo(line, err=True, color=colour)


def show_faults_and_count(faults: Sequence[Fault]) -> None:
    """Print faults and how many there are to stderr."""
    show_faults(faults)
    if faults:
        click.echo(count_text(faults), err=True)


def new_faults(faults: Iterable[Fault], seen_keys: set[Hashable]) -> list[Fault]:
    """The faults that are new to a reader, who has seen them from then on."""
    new: dict[Hashable, Fault] = {}
    for fault in faults:
        # A mistyped path counts once, whatever its values.
        typed = fault.location is not None and fault.location.file.startswith("--set ")
        new.setdefault((None if typed else fault.location, fault.path, fault.message), fault)
    found = [fault for key, fault in new.items() if key not in seen_keys]
    seen_keys.update(new)
    return found


def _source_excerpt(place: SourceLocation | None, lines_by_file: dict[str, list[str]]) -> list[str]:
    """The line a fault is in, with a caret below it; nothing where there is none."""
    if place is None or not place.line:
        return []
    if place.file not in lines_by_file:
        lines_by_file[place.file] = []
        with suppress(OSError, ValueError, ScenarioError), Path(place.file).open("rb") as stream:
            lines_by_file[place.file] = split_lines(decode_text(stream.read(MAX_BYTES), place.file))
    lines = lines_by_file[place.file]
    if place.line > len(lines):
        return []
    line, column = lines[place.line - 1].replace("\t", " "), place.column
    if len(line) > _EXCERPT_WIDTH:
        start = max(0, column - _EXCERPT_WIDTH // 2)
        line, column = line[start : start + _EXCERPT_WIDTH], column - start
    number = str(place.line)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * (column - 1)}^"]


def faults_with_places(error: ScenarioError, reading: LoadedScenario) -> tuple[Fault, ...]:
    """Faults that were found in solving, with their places in the file."""
    return tuple(
        fault if fault.location else replace(fault, location=reading.location(fault.path))
        for fault in error.faults
    )


def fault_as_json(fault: Fault) -> dict[str, Any]:
    """A fault as JSON holds it."""
    place = fault.location or SourceLocation("")
    at = {name: getattr(place, name) or None for name in ("line", "column", "cell")}
    told = {"severity": fault.severity, "message": fault.message, "hint": fault.hint or None}
    return {"file": place.file, **at, **told, "path": list(fault.path)}


def count_text(faults: Iterable[Fault]) -> str:
    """How many errors and warnings there are, in words."""
    severities = [fault.severity for fault in faults]
    errors, warnings = severities.count("error"), severities.count("warning")
    said = {
        tr("1 error") if errors == 1 else tr("{count} errors", count=errors): errors,
        tr("1 warning") if warnings == 1 else tr("{count} warnings", count=warnings): warnings,
    }
    return ", ".join(text for text, many in said.items() if many)


def unsampled_hazard_warnings(reading: LoadedScenario) -> list[Fault]:
    """Warnings of hazards that no sampled state drew; the reader sees written-out states itself."""
    from optimizer.model.instance import read_instance
    from optimizer.model.states import hazards_without_events, read_states

    uncertainty = reading.case.uncertainty
    if uncertainty is None or uncertainty.sample is None:
        return []
    instance, found = read_instance(reading.case), []
    many = int(uncertainty.sample.states)
    for name in hazards_without_events(instance, read_states(instance)):
        if any(chance > 0 for chance in reading.case.hazards[name].annual_probability.values):
            told = tr(
                "the hazard '{hazard}' strikes in none of the {count} sampled states",
                hazard=name,
                count=many,
            )
            path = ("hazards", name)
            found.append(Fault(path, told, severity="warning", location=reading.location(path)))
    return found


def show_conflict(error: Infeasible, reading: LoadedScenario, label: str = "") -> None:
    """Print a conflict to stderr, after the label of what has no plan."""
    said = tr("No plan keeps all of these rules together; relax one of them:")
    click.echo(f"{label}{said}", err=True)
    for rule in error.conflict:
        place = reading.location(rule.path)
        click.echo(f"{place}: {rule.tag} {rule.name}: {rule.says}", err=True)


def conflict_as_json(error: Infeasible, reading: LoadedScenario) -> list[dict[str, Any]]:
    """A conflict as JSON holds it."""
    return [
        {**rule.as_record(), "path": list(rule.path), "place": str(reading.location(rule.path))}
        for rule in error.conflict
    ]


def infeasible_document(error: Infeasible, reading: LoadedScenario) -> str:
    """The document of a conflict, which stands for that of a plan."""
    document = {"kind": "infeasible", "conflict": conflict_as_json(error, reading)}
    return json.dumps({"schema_version": 1, **document}, indent=2)


class ProgressDisplay(ProgressListener):
    """Progress of a solve, or over several: which step comes next, and how far a solve is. One line
    is kept up to date, or written now and then in a pipe; none where it is to be quiet."""

    def __init__(self, is_quiet: bool) -> None:
        self.on_progress = None if is_quiet else self._show_progress
        self._label = ""
        self._rewrites_line = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._line_width = 0
        self._last_written = time.monotonic()

    def set_label(self, label: str) -> None:
        """Say before all that comes of a solve what it is of."""
        self._label = label

    def report_step(self, done: int, total: int | None, step_name: str) -> None:
        """Say how many of several steps are done, of how many where that is known, and which was
        the last or comes next."""
        count = str(done or "") if total is None else tr("{done} of {all}", done=done, all=total)
        shown = f"{count}: {step_name}" if count else step_name
        self._label = f"{shown}: "
        if self._is_due():
            self._write_line(shown)

    def warn(self, sentence: str) -> None:
        """Say it."""
        click.echo(sentence, err=True)

    def note(self, sentence: str) -> None:
        """Say it unless nobody wants to hear of progress."""
        if self.on_progress is not None:
            click.echo(sentence, err=True)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self._line_width:
            with suppress(OSError):
                click.echo(f"\r{'':<{self._line_width}}\r", err=True, nl=False)

    def _show_progress(self, progress: Progress) -> None:
        from optimizer.report.progress import format_progress

        if self._is_due():
            self._write_line(f"{self._label}{format_progress(progress)}")

    def _is_due(self) -> bool:
        now = time.monotonic()
        due = now - self._last_written >= (0.1 if self._rewrites_line else PROGRESS_LINE_SECONDS)
        if due:
            self._last_written = now
        return due and self.on_progress is not None

    def _write_line(self, line: str) -> None:
        # A search is not given up because nobody can read how far it has come.
        with suppress(OSError):
            if self._rewrites_line:
                click.echo(f"\r{line:<{self._line_width}}", err=True, nl=False)
                self._line_width = len(line)
            else:
                click.echo(line, err=True)
