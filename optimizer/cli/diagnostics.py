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

from models.faults import Fault, Place, ScenarioError
from models.files import Reading
from models.files.decoding import MAX_BYTES, decode, printable, split_lines
from models.language import tr
from optimizer.analyses.options import Listener
from optimizer.errors import Infeasible

if TYPE_CHECKING:
    from optimizer.model.highs import Progress

LINE_EVERY = 5.0  # seconds between two lines of progress where a line cannot be updated
_WIDTH = 160
_COLOUR = {"error": "red", "warning": "yellow"}


def colours(stream: TextIO) -> bool:
    """Whether to write colours: only to a terminal, and never with NO_COLOR."""
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb


def show(faults: Iterable[Fault]) -> None:
    """Print faults to stderr."""
    colour = colours(sys.stderr)
    lines: dict[str, list[str]] = {}
    for fault in faults:
        text = printable(str(fault))
        label = f"{fault.label}:"
        if colour:
            marked = click.style(label, fg=_COLOUR[fault.severity], bold=True)
            text = text.replace(f" {label}", f" {marked}", 1)
        click.echo(text, err=True, color=colour)
        for line in _excerpt(fault.place, lines):
            click.echo(line, err=True, color=colour)


def show_all(faults: Sequence[Fault]) -> None:
    """Print faults and how many there are to stderr."""
    show(faults)
    if faults:
        click.echo(count(faults), err=True)


def unseen(faults: Iterable[Fault], seen: set[Hashable]) -> list[Fault]:
    """The faults that are new to a reader, who has seen them from then on."""
    new: dict[Hashable, Fault] = {}
    for fault in faults:
        # A mistyped path counts once, whatever its values.
        typed = fault.place is not None and fault.place.file.startswith("--set ")
        new.setdefault((None if typed else fault.place, fault.path, fault.message), fault)
    found = [fault for key, fault in new.items() if key not in seen]
    seen.update(new)
    return found


def _excerpt(place: Place | None, known: dict[str, list[str]]) -> list[str]:
    """The line a fault is in, with a caret below it; nothing where there is none."""
    if place is None or not place.line:
        return []
    if place.file not in known:
        known[place.file] = []
        with suppress(OSError, ValueError, ScenarioError), Path(place.file).open("rb") as stream:
            known[place.file] = split_lines(decode(stream.read(MAX_BYTES), place.file))
    lines = known[place.file]
    if place.line > len(lines):
        return []
    line, column = lines[place.line - 1].replace("\t", " "), place.column
    if len(line) > _WIDTH:
        start = max(0, column - _WIDTH // 2)
        line, column = line[start : start + _WIDTH], column - start
    number = str(place.line)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * (column - 1)}^"]


def placed(error: ScenarioError, reading: Reading) -> tuple[Fault, ...]:
    """Faults that were found in solving, with their places in the file."""
    return tuple(
        fault if fault.place else replace(fault, place=reading.place(fault.path))
        for fault in error.faults
    )


def as_data(fault: Fault) -> dict[str, Any]:
    """A fault as JSON holds it."""
    place = fault.place or Place("")
    at = {name: getattr(place, name) or None for name in ("line", "column", "cell")}
    told = {"severity": fault.severity, "message": fault.message, "hint": fault.hint or None}
    return {"file": place.file, **at, **told, "path": list(fault.path)}


def count(faults: Iterable[Fault]) -> str:
    """How many errors and warnings there are, in words."""
    severities = [fault.severity for fault in faults]
    errors, warnings = severities.count("error"), severities.count("warning")
    said = {
        tr("1 error") if errors == 1 else tr("{count} errors", count=errors): errors,
        tr("1 warning") if warnings == 1 else tr("{count} warnings", count=warnings): warnings,
    }
    return ", ".join(text for text, many in said.items() if many)


def never_striking(reading: Reading) -> list[Fault]:
    """Warnings of hazards that no sampled state drew; the reader sees written-out states itself."""
    from optimizer.model.instance import read_instance
    from optimizer.model.states import never_striking, read_states

    uncertainty = reading.case.uncertainty
    if uncertainty is None or uncertainty.sample is None:
        return []
    instance, found = read_instance(reading.case), []
    many = int(uncertainty.sample.states)
    for name in never_striking(instance, read_states(instance)):
        if any(chance > 0 for chance in reading.case.hazards[name].annual_probability.values):
            told = tr(
                "the hazard '{hazard}' strikes in none of the {count} sampled states",
                hazard=name,
                count=many,
            )
            path = ("hazards", name)
            found.append(Fault(path, told, severity="warning", place=reading.place(path)))
    return found


def show_conflict(error: Infeasible, reading: Reading, label: str = "") -> None:
    """Print a conflict to stderr, after the label of what has no plan."""
    said = tr("No plan keeps all of these rules together; relax one of them:")
    click.echo(f"{label}{said}", err=True)
    for rule in error.conflict:
        place = reading.place(rule.path)
        click.echo(f"{place}: {rule.tag} {rule.name}: {rule.says}", err=True)


def conflict_data(error: Infeasible, reading: Reading) -> list[dict[str, Any]]:
    """A conflict as JSON holds it."""
    return [
        {**rule.recorded(), "path": list(rule.path), "place": str(reading.place(rule.path))}
        for rule in error.conflict
    ]


def infeasible(error: Infeasible, reading: Reading) -> str:
    """The document of a conflict, which stands for that of a plan."""
    document = {"kind": "infeasible", "conflict": conflict_data(error, reading)}
    return json.dumps({"schema_version": 1, **document}, indent=2)


class Steps(Listener):
    """Progress of a solve, or over several: which step comes next, and how far a solve is. One line
    is kept up to date, or written now and then in a pipe; none where it is to be quiet."""

    def __init__(self, quiet: bool) -> None:
        self.progress = None if quiet else self._show
        self._label = ""
        self._updates = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._width = 0
        self._last = time.monotonic()

    def at(self, label: str) -> None:
        """Say before all that comes of a solve what it is of."""
        self._label = label

    def counted(self, done: int, of: int | None, name: str) -> None:
        """Say how many of several steps are done, of how many where that is known, and which was
        the last or comes next."""
        count = str(done or "") if of is None else tr("{done} of {all}", done=done, all=of)
        shown = f"{count}: {name}" if count else name
        self._label = f"{shown}: "
        if self._is_due():
            self._write(shown)

    def warn(self, sentence: str) -> None:
        """Say it."""
        click.echo(sentence, err=True)

    def note(self, sentence: str) -> None:
        """Say it unless nobody wants to hear of progress."""
        if self.progress is not None:
            click.echo(sentence, err=True)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self._width:
            with suppress(OSError):
                click.echo(f"\r{'':<{self._width}}\r", err=True, nl=False)

    def _show(self, progress: Progress) -> None:
        from optimizer.report.progress import progress_line

        if self._is_due():
            self._write(f"{self._label}{progress_line(progress)}")

    def _is_due(self) -> bool:
        now = time.monotonic()
        due = now - self._last >= (0.1 if self._updates else LINE_EVERY)
        if due:
            self._last = now
        return due and self.progress is not None

    def _write(self, line: str) -> None:
        # A search is not given up because nobody can read how far it has come.
        with suppress(OSError):
            if self._updates:
                click.echo(f"\r{line:<{self._width}}", err=True, nl=False)
                self._width = len(line)
            else:
                click.echo(line, err=True)
