"""Messages on stderr: faults with location and a marked excerpt, as compilers print them; conflicts
of rules; and progress of solves."""

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
from optimizer.analyses.options import ProgressListener
from optimizer.errors import Infeasible

if TYPE_CHECKING:
    from optimizer.model.highs import Progress

PROGRESS_LINE_SECONDS = 5.0  # seconds between two lines of progress where a line cannot be updated
_EXCERPT_WIDTH = 160
_SEVERITY_COLORS = {"error": "red", "warning": "yellow"}


def uses_colors(stream: TextIO) -> bool:
    """Return whether to write colors to a stream: on terminals only, and not with NO_COLOR."""
    is_disabled = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not is_disabled


def show_faults(faults: Iterable[Fault]) -> None:
    """Print faults to stderr, each with an excerpt of its file if it has a line there."""
    in_color = uses_colors(sys.stderr)
    lines_by_file: dict[str, list[str]] = {}
    for fault in faults:
        text = replace_unprintable(str(fault))
        label = f"{fault.label}:"
        if in_color:
            colored_label = click.style(label, fg=_SEVERITY_COLORS[fault.severity], bold=True)
            text = text.replace(f" {label}", f" {colored_label}", 1)
        click.echo(text, err=True, color=in_color)
        for line in _source_excerpt(fault.location, lines_by_file):
            click.echo(line, err=True, color=in_color)


def show_faults_and_count(faults: Sequence[Fault]) -> None:
    """Print faults to stderr, and then how many there are."""
    show_faults(faults)
    if faults:
        click.echo(count_text(faults), err=True)


def new_faults(faults: Iterable[Fault], seen_keys: set[Hashable]) -> list[Fault]:
    """Return the faults whose keys are not in ``seen_keys``, without duplicates, and add their keys
    to it."""
    fault_by_key: dict[Hashable, Fault] = {}
    for fault in faults:
        # A mistyped path of --set counts once, whatever its values.
        is_setting = fault.location is not None and fault.location.file.startswith("--set ")
        fault_by_key.setdefault(
            (None if is_setting else fault.location, fault.path, fault.message), fault
        )
    unseen_faults = [fault for key, fault in fault_by_key.items() if key not in seen_keys]
    seen_keys.update(fault_by_key)
    return unseen_faults


def _source_excerpt(
    location: SourceLocation | None, lines_by_file: dict[str, list[str]]
) -> list[str]:
    """Return two lines of text: the line of a file in which a fault is, and a caret below its
    column. Return nothing if the fault has no line. ``lines_by_file`` caches the lines of files."""
    if location is None or not location.line:
        return []
    file = location.file
    if file not in lines_by_file:
        lines_by_file[file] = []
        with suppress(OSError, ValueError, ScenarioError), Path(file).open("rb") as stream:
            lines_by_file[file] = split_lines(decode_text(stream.read(MAX_BYTES), file))
    lines = lines_by_file[file]
    if location.line > len(lines):
        return []
    line, column = lines[location.line - 1].replace("\t", " "), location.column
    if len(line) > _EXCERPT_WIDTH:
        start = max(0, column - _EXCERPT_WIDTH // 2)
        line, column = line[start : start + _EXCERPT_WIDTH], column - start
    number = str(location.line)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * (column - 1)}^"]


def faults_with_places(error: ScenarioError, loaded_scenario: LoadedScenario) -> tuple[Fault, ...]:
    """Return the faults of an error from solving, with their locations in the file added."""
    return tuple(
        fault if fault.location else replace(fault, location=loaded_scenario.location(fault.path))
        for fault in error.faults
    )


def fault_as_json(fault: Fault) -> dict[str, Any]:
    """Return a fault as JSON data."""
    location = fault.location or SourceLocation("")
    position = {name: getattr(location, name) or None for name in ("line", "column", "cell")}
    texts = {"severity": fault.severity, "message": fault.message, "hint": fault.hint or None}
    return {"file": location.file, **position, **texts, "path": list(fault.path)}


def count_text(faults: Iterable[Fault]) -> str:
    """Return the numbers of errors and warnings as text, such as "1 error, 2 warnings"."""
    severities = [fault.severity for fault in faults]
    errors, warnings = severities.count("error"), severities.count("warning")
    count_texts = {
        "1 error" if errors == 1 else f"{errors} errors": errors,
        "1 warning" if warnings == 1 else f"{warnings} warnings": warnings,
    }
    return ", ".join(text for text, count in count_texts.items() if count)


def unsampled_hazard_warnings(loaded_scenario: LoadedScenario) -> list[Fault]:
    """Return a warning for each hazard that has a positive probability but no event in any sampled
    state."""
    from optimizer.model.instance import read_instance
    from optimizer.model.states import hazards_without_events, read_states

    uncertainty = loaded_scenario.case.uncertainty
    if uncertainty is None or uncertainty.sample is None:
        return []
    instance, warnings = read_instance(loaded_scenario.case), []
    state_count = int(uncertainty.sample.states)
    for name in hazards_without_events(instance, read_states(instance)):
        if any(p > 0 for p in loaded_scenario.case.hazards[name].annual_probability.values):
            message = f"the hazard '{name}' strikes in none of the {state_count} sampled states"
            path = ("hazards", name)
            warnings.append(
                Fault(path, message, severity="warning", location=loaded_scenario.location(path))
            )
    return warnings


def show_conflict(error: Infeasible, loaded_scenario: LoadedScenario, label: str = "") -> None:
    """Print the rules in conflict to stderr. ``label`` names the option that has no plan because of
    them."""
    heading = "No plan keeps all of these rules together; relax one of them:"
    click.echo(f"{label}{heading}", err=True)
    for rule in error.conflict:
        location = loaded_scenario.location(rule.path)
        click.echo(f"{location}: {rule.tag} {rule.name}: {rule.says}", err=True)
    click.echo("Other rules may be in conflict as well, once these are relaxed.", err=True)


def conflict_as_json(error: Infeasible, loaded_scenario: LoadedScenario) -> list[dict[str, Any]]:
    """Return the rules in conflict as JSON data."""
    return [
        {
            **rule.as_record(),
            "path": list(rule.path),
            "place": str(loaded_scenario.location(rule.path)),
        }
        for rule in error.conflict
    ]


def infeasible_document(error: Infeasible, loaded_scenario: LoadedScenario) -> str:
    """Return a JSON document with the rules in conflict, which is printed in place of a plan."""
    document = {"kind": "infeasible", "conflict": conflict_as_json(error, loaded_scenario)}
    return json.dumps({"schema_version": 1, **document}, indent=2)


class ProgressDisplay(ProgressListener):
    """Progress of one or several solves on stderr. On a terminal one line is updated; otherwise a
    line is printed every few seconds. Nothing is shown if it is quiet."""

    def __init__(self, is_quiet: bool) -> None:
        self.on_progress = None if is_quiet else self._show_progress
        self._label = ""
        self._rewrites_line = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._line_width = 0
        self._last_written = time.monotonic()

    def set_label(self, run_label: str) -> None:
        """Set the text that is shown before the progress of a solve."""
        self._label = run_label

    def report_step(self, done: int, total: int | None, step_name: str) -> None:
        """Show how many steps are finished, out of ``total`` if it is known, and the name of the
        last or the next step."""
        count = str(done or "") if total is None else f"{done} of {total}"
        progress_text = f"{count}: {step_name}" if count else step_name
        self._label = f"{progress_text}: "
        if self._is_due():
            self._write_line(progress_text)

    def warn(self, sentence: str) -> None:
        """Print a warning."""
        click.echo(sentence, err=True)

    def note(self, sentence: str) -> None:
        """Print a note, unless the display is quiet."""
        if self.on_progress is not None:
            click.echo(sentence, err=True)

    def close(self) -> None:
        """Remove the line of progress from the terminal."""
        if self._line_width:
            with suppress(OSError):
                click.echo(f"\r{'':<{self._line_width}}\r", err=True, nl=False)

    def _show_progress(self, progress: Progress) -> None:
        from optimizer.report.number_format import format_progress

        if self._is_due():
            self._write_line(f"{self._label}{format_progress(progress)}")

    def _is_due(self) -> bool:
        current_time = time.monotonic()
        is_due = current_time - self._last_written >= (
            0.1 if self._rewrites_line else PROGRESS_LINE_SECONDS
        )
        if is_due:
            self._last_written = current_time
        return is_due and self.on_progress is not None

    def _write_line(self, line: str) -> None:
        # A search must not fail because its progress cannot be written.
        with suppress(OSError):
            if self._rewrites_line:
                click.echo(f"\r{line:<{self._line_width}}", err=True, nl=False)
                self._line_width = len(line)
            else:
                click.echo(line, err=True)
