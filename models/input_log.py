"""Log of the files that a run has read, with their contents at that time.

Scenarios and the files that belong to them are read through ``read_bytes`` of
:mod:`models.files.decoding`, which adds them to the log; saved results and cut pools are added
where they are read. Nothing is kept unless a log is active.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Literal

FileRole = Literal["scenario", "table", "include", "private", "preset", "result", "cuts"]
"""Purpose of reading a file. ``private`` files stay with their owner; ``cuts`` is a cut pool."""


@dataclass(frozen=True)
class InputFile:
    """A file that was read: its path, role, hash, size and content."""

    path: str  #: As the user named it.
    role: FileRole
    sha256: str
    size: int  #: Bytes.
    content: bytes | None  #: None for private files and cut pools, which are not passed on.


@dataclass
class InputLog:
    """The files that a run has read, each once, and the time when the run began."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    start_clock: float = field(default_factory=perf_counter)
    _files: dict[tuple[str, str], InputFile] = field(default_factory=dict)
    _private_paths: set[str] = field(default_factory=set)

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The files in the order of their first reading; one that has changed is listed twice."""
        return tuple(self._files.values())

    @property
    def seconds(self) -> float:
        """Seconds of wall time since the run began."""
        return perf_counter() - self.start_clock

    def merged_with(self, later_log: InputLog) -> InputLog:
        """Return a log with the files of both logs and the start time of this one."""
        return replace(
            self,
            _files={**self._files, **later_log._files},
            _private_paths=self._private_paths | later_log._private_paths,
        )

    def started_ago(self, seconds: float) -> InputLog:
        """Return a copy of the log with a start time ``seconds`` before the present."""
        return replace(
            self,
            started=datetime.now(UTC) - timedelta(seconds=seconds),
            start_clock=perf_counter() - seconds,
        )

    def add_file(self, path: Path, content: bytes, role: FileRole, named_by: str = "") -> None:
        """Add a file that was read; ``named_by`` is the file that refers to it, if there is one.

        A file that a private file refers to is private as well. The contents of private files and
        of cut pools are not kept.
        """
        # Symbolic links are not resolved: files name each other by their paths.
        location = os.path.normpath(path.absolute())
        if role == "private" or (
            named_by and os.path.normpath(Path(named_by).absolute()) in self._private_paths
        ):
            self._private_paths.add(location)
        if location in self._private_paths:
            role = "private"
        kept_content = None if role in ("private", "cuts") else content
        sha256 = hashlib.sha256(content).hexdigest()
        known_file = self._files.get((location, sha256))
        if known_file is None:
            self._files[location, sha256] = InputFile(
                str(path), role, sha256, len(content), kept_content
            )
        elif role == "private":
            self._files[location, sha256] = replace(known_file, role=role, content=None)


_current_log: ContextVar[InputLog | None] = ContextVar("record", default=None)


@contextmanager
def log_inputs() -> Iterator[InputLog]:
    """Log the files that are read in the context; an outer log does not record them."""
    log = InputLog()
    token = _current_log.set(log)
    try:
        yield log
    finally:
        _current_log.reset(token)


def current_input_log() -> InputLog | None:
    """Return the active log, or None."""
    return _current_log.get()


def log_input(path: Path, content: bytes, role: FileRole, named_by: str = "") -> None:
    """Add a file to the active log, if there is one."""
    log = _current_log.get()
    if log is not None:
        log.add_file(path, content, role, named_by)
