"""``runs.jsonl``: what became of each run, a line at a time, each on the disk before the next.

A line that a kill or a full disk left torn is taken away when the file is opened again, and its
run is solved anew.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO

import click
from pydantic import ValidationError

from models.language import tr
from models.results import BatchRun
from optimizer.errors import NotWritten

LEDGER, LOCK = "runs.jsonl", ".batch.lock"
RUNS = "runs"
PLAN_FILE = "plan.json"
DONE = ("optimal", "limit", "infeasible", "none")
"""Statuses that another try would not change."""


class Ledger:
    """The lines of earlier calls and of this one; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._known: dict[str, BatchRun] = {}
        self._stream: FileIO | None = None
        self.unread: list[int] = []
        """Numbers of lines that hold no run."""

    def done(self, key: str) -> BatchRun | None:
        """What became of a run with this key, if that stands and its plan is there unchanged."""
        known = self._known.get(key)
        if known is None or self.folder is None:
            return None
        if known.plan is None:
            return known
        path = self.folder / RUNS / known.run / PLAN_FILE
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == known.plan_sha256
        except OSError:
            return None
        return known if same else None

    @contextmanager
    def open(self, resume: bool) -> Iterator[Ledger]:
        """Hold the file, so that no other call writes into it.

        Raises click.UsageError where another does.
        """
        if self.folder is None:
            yield self
            return
        path = self.folder / LEDGER
        with _locked(self.folder / LOCK):
            try:
                # Without a buffer: what is not written at once is not kept for later.
                stream = path.open("ab" if resume else "wb", buffering=0)
            except OSError as error:
                raise not_written(path, error) from error
            with stream:
                if resume:
                    self._mend(path, stream)
                self._stream = stream
                try:
                    yield self
                finally:
                    self._stream = None

    def _mend(self, path: Path, stream: FileIO) -> None:
        try:
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                stream.truncate(whole)
        except OSError as error:
            raise not_written(path, error) from error
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                run = BatchRun.model_validate_json(line)
            except ValidationError:
                self.unread.append(number)
                continue
            if run.key is not None and run.status in DONE and _is_a_name(run.run):
                self._known[run.key] = run

    def write(self, run: BatchRun) -> None:
        """Add a line.

        Raises NotWritten where that fails; the lines before it stand.
        """
        if self._stream is None or self.folder is None:
            return
        line = run.model_dump_json().encode() + b"\n"
        stream, path = self._stream, self.folder / LEDGER
        before = stream.seek(0, os.SEEK_END)
        try:
            if stream.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(stream.fileno())
        except BaseException as error:
            with suppress(OSError):
                stream.truncate(before)
            if isinstance(error, OSError):
                raise not_written(path, error) from error
            raise


def holds_runs(folder: Path) -> bool:
    """Whether a batch was written into a folder before."""
    return (folder / LEDGER).exists() or (folder / RUNS).exists()


def _is_a_name(text: str) -> bool:
    """Whether a text is that of one folder: a file that was tampered with leads nowhere else."""
    return re.fullmatch(r"[\w.=+-]+", text) is not None and not text.startswith(".")


def not_written(path: Path, error: OSError) -> NotWritten:
    """The error of a file that the system refuses to write."""
    problem = tr(str(error.strerror))
    return NotWritten(tr("'{path}' cannot be written: {problem}", path=path, problem=problem))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out; the system ends that with this process, however it ends."""
    try:
        stream = path.open("ab")
    except OSError as error:
        raise not_written(path, error) from error
    with stream:
        try:
            _lock(stream)
        except (BlockingIOError, PermissionError):
            raise click.UsageError(
                tr("Another batch is writing into '{folder}'.", folder=path.parent)
            ) from None
        except OSError:
            pass  # A file system that knows no locks keeps nobody out.
        yield


def _lock(stream: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
