"""What a run has read: every file that its result rests on, as it was when it was read.

``read_bytes`` is the only door for scenarios and what belongs to them; saved results and pools of
cuts are noted where they are read. Nothing is kept where nobody records.
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
"""What a file was read as. ``private`` is what stays with its owner; ``cuts`` a pool of them."""


@dataclass(frozen=True)
class InputFile:
    """A file that was read."""

    path: str  #: As it was named.
    role: FileRole
    sha256: str
    size: int  #: Bytes.
    content: bytes | None  #: None for what is not passed on: private files, and pools of cuts.


@dataclass
class InputLog:
    """The files that a run has read, each once, and when it began."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    start_clock: float = field(default_factory=perf_counter)
    _files: dict[tuple[str, str], InputFile] = field(default_factory=dict)
    _private_paths: set[str] = field(default_factory=set)

    @property
    def files(self) -> tuple[InputFile, ...]:
        """In the order in which they were first read; one that changed meanwhile stands twice."""
        return tuple(self._files.values())

    @property
    def seconds(self) -> float:
        """Wall time since it began."""
        return perf_counter() - self.start_clock

    def merged_with(self, later: InputLog) -> InputLog:
        """What both have read, from when this one began."""
        return replace(
            self,
            _files={**self._files, **later._files},
            _private_paths=self._private_paths | later._private_paths,
        )

    def started_ago(self, seconds: float) -> InputLog:
        """The same, as of a run that began so many seconds ago."""
        return replace(
            self,
            started=datetime.now(UTC) - timedelta(seconds=seconds),
            start_clock=perf_counter() - seconds,
        )

    def add_file(self, path: Path, content: bytes, role: FileRole, named_by: str = "") -> None:
        """Take note of a file; what a private file names is private as well."""
        # Links stay as they are: files name each other by the paths that lead there.
        where = os.path.normpath(path.absolute())
        if role == "private" or (
            named_by and os.path.normpath(Path(named_by).absolute()) in self._private_paths
        ):
            self._private_paths.add(where)
        if where in self._private_paths:
            role = "private"
        kept = None if role in ("private", "cuts") else content
        sha256 = hashlib.sha256(content).hexdigest()
        before = self._files.get((where, sha256))
        if before is None:
            self._files[where, sha256] = InputFile(str(path), role, sha256, len(content), kept)
        elif role == "private":
            self._files[where, sha256] = replace(before, role=role, content=None)


_current_log: ContextVar[InputLog | None] = ContextVar("record", default=None)


@contextmanager
def log_inputs() -> Iterator[InputLog]:
    """Record what is read for as long as the context lasts, and nowhere else meanwhile."""
    record = InputLog()
    token = _current_log.set(record)
    try:
        yield record
    finally:
        _current_log.reset(token)


def current_input_log() -> InputLog | None:
    """What was read so far; None where nobody records."""
    return _current_log.get()


def log_input(path: Path, content: bytes, role: FileRole, named_by: str = "") -> None:
    """Take note of a file that was read, if anybody records."""
    record = _current_log.get()
    if record is not None:
        record.add_file(path, content, role, named_by)
