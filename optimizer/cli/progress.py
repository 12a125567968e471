"""Progress of a solve on stderr."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from models.language import tr
from optimizer.analyses.options import Listener

if TYPE_CHECKING:
    from optimizer.model.highs import Progress as Running

LINE_EVERY = 5.0
"""Seconds between two lines of progress where a line cannot be updated."""


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

    def _show(self, progress: Running) -> None:
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
