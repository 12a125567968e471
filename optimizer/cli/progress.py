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


class Progress:
    """Prints progress after a label: one line kept up to date, or a line now and then in a pipe."""

    def __init__(self, label: str = "") -> None:
        self.label = label
        self._updates = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._width = 0
        self._last = time.monotonic()

    def __call__(self, progress: Running) -> None:
        """Show how far a solve has come, if there is time for it."""
        from optimizer.report.progress import progress_line

        if self._is_due():
            self._write(f"{self.label}{progress_line(progress)}")

    def say(self) -> None:
        """Show the label alone, if there is time for it."""
        if self._is_due():
            self._write(self.label.removesuffix(": "))

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < (0.1 if self._updates else LINE_EVERY):
            return False
        self._last = now
        return True

    def _write(self, line: str) -> None:
        # A search is not given up because nobody can read how far it has come.
        with suppress(OSError):
            if self._updates:
                click.echo(f"\r{line:<{self._width}}", err=True, nl=False)
                self._width = len(line)
            else:
                click.echo(line, err=True)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self._width:
            with suppress(OSError):
                click.echo(f"\r{'':<{self._width}}\r", err=True, nl=False)


class Steps(Listener):
    """Progress over several solves: which step comes next, and how far a solve is."""

    def __init__(self, quiet: bool) -> None:
        self.progress = self._line = None if quiet else Progress()

    def at(self, label: str) -> None:
        """Say before all that comes of a solve what it is of."""
        if self._line is not None:
            self._line.label = label

    def counted(self, done: int, of: int | None, name: str) -> None:
        """Say how many of several steps are done, of how many where that is known, and which was
        the last or comes next."""
        if self._line is not None:
            count = str(done or "") if of is None else tr("{done} of {all}", done=done, all=of)
            self._line.label = f"{count}: {name}: " if count else f"{name}: "
            self._line.say()

    def warn(self, sentence: str) -> None:
        """Say it."""
        click.echo(sentence, err=True)

    def note(self, sentence: str) -> None:
        """Say it unless nobody wants to hear of progress."""
        if self._line is not None:
            click.echo(sentence, err=True)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self._line is not None:
            self._line.close()
