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
from typing import IO, TYPE_CHECKING, Any

from pydantic import ValidationError

from models.results import BatchRun, RunStatus
from optimizer.cli.batching.asked import Faulty, Ready
from optimizer.cli.disk.publishing import told
from optimizer.cli.usage import misused
from optimizer.errors import Infeasible, NoPlan, OutOfMemory

if TYPE_CHECKING:
    from optimizer.analyses.batch.many import Solution
    from optimizer.parallel import Arrival


LEDGER, LOCK = "runs.jsonl", ".batch.lock"
RUNS = "runs"
PLAN_FILE = "plan.json"
DONE = ("optimal", "limit", "infeasible", "none")
"""Statuses that another try would not change."""

FIGURES = ("objective", "bound", "gap", "expected", "expected_without_plan", "net_cost_meur")
"""What a line says of a plan."""


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
        """Hold the file, so that no other call writes into it. Raises click.UsageError where
        another does."""
        if self.folder is None:
            yield self
            return
        path = self.folder / LEDGER
        with _locked(self.folder / LOCK):
            with told(path):
                # Without a buffer: what is not written at once is not kept for later.
                stream = path.open("ab" if resume else "wb", buffering=0)
            with stream:
                if resume:
                    self._mend(path, stream)
                self._stream = stream
                try:
                    yield self
                finally:
                    self._stream = None

    def _mend(self, path: Path, stream: FileIO) -> None:
        with told(path):
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                stream.truncate(whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                run = BatchRun.model_validate_json(line)
            except ValidationError:
                self.unread.append(number)
                continue
            if run.key is not None and run.status in DONE and _is_a_name(run.run):
                self._known[run.key] = run

    def write(self, run: BatchRun) -> None:
        """Add a line. Raises NotWritten where that fails; the lines before it stand."""
        if self._stream is None or self.folder is None:
            return
        line = run.model_dump_json().encode() + b"\n"
        stream = self._stream
        before = stream.seek(0, os.SEEK_END)
        with told(self.folder / LEDGER):
            try:
                if stream.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(stream.fileno())
            except BaseException:
                with suppress(OSError):
                    stream.truncate(before)
                raise


def holds_runs(folder: Path) -> bool:
    """Whether a batch was written into a folder before."""
    return (folder / LEDGER).exists() or (folder / RUNS).exists()


def _is_a_name(text: str) -> bool:
    """Whether a text is that of one folder: a file that was tampered with leads nowhere else."""
    return re.fullmatch(r"[\w.=+-]+", text) is not None and not text.startswith(".")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out; the system ends that with this process, however it ends."""
    with told(path):
        stream = path.open("ab")
    with stream:
        try:
            _lock(stream)
        except (BlockingIOError, PermissionError):
            raise misused("Another batch is writing into '{folder}'.", folder=path.parent) from None
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


def line_on(run: Ready | Faulty, status: RunStatus, **known: Any) -> BatchRun:
    """A line on a run; null is what nothing is known of."""
    empty = dict.fromkeys(name for name in BatchRun.model_fields)
    about = {"run": run.run, "variant": run.asked.variant, "status": status, **run.asked.named}
    if isinstance(run, Ready):
        about |= {name: getattr(run, name) for name in ("key", "unit", "currency", "input_sha256")}
    return BatchRun.model_validate(empty | about | known)


def line_of(run: Ready, arrival: Arrival[Solution]) -> BatchRun:
    """What came of a run."""
    answer, error = arrival.answer, arrival.error
    if answer is not None:
        return line_on(
            run,
            answer.status,
            exit_code=0 if answer.status == "optimal" else 1,
            seconds=arrival.seconds,
            plan_sha256=hashlib.sha256(answer.document).hexdigest(),
            **{name: value for name, value in vars(answer).items() if name in FIGURES},
        )
    assert error is not None
    status: RunStatus = "failed"
    if isinstance(error, Infeasible):
        status = "infeasible"
    elif isinstance(error, NoPlan) and not isinstance(error, OutOfMemory):
        status = "none"
    return line_on(
        run, status, exit_code=error.exit_code, error=str(error), seconds=arrival.seconds
    )
