"""``runs.jsonl``: what became of each run of a batch, a line at a time, each on the disk before the
next.

A line that a kill or a full disk left torn is taken away when the file is opened again, and its
run is solved anew.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from models.results import BatchRun, RunStatus
from optimizer.cli import disk
from optimizer.errors import Infeasible, NoPlan, OutOfMemory

if TYPE_CHECKING:
    from optimizer.analyses.batch.many import Solution
    from optimizer.cli.batch_runs import Faulty, Ready
    from optimizer.parallel import Arrival

LEDGER, RUNS, PLAN_FILE = "runs.jsonl", "runs", "plan.json"
DONE = ("optimal", "limit", "infeasible", "none")
"""Statuses that another try would not change."""
FIGURES = ("objective", "bound", "gap", "expected", "expected_without_plan", "net_cost_meur")
"""What a line says of a plan."""


class Ledger:
    """The lines of earlier calls, which are begun afresh if not to resume, and of this one; without
    a folder nothing is kept. Raises NotWritten."""

    def __init__(self, folder: Path | None, resume: bool) -> None:
        self.folder = folder
        self._known: dict[str, BatchRun] = {}
        self.unread: list[int] = []
        """Numbers of lines that hold no run."""
        if folder is None:
            return
        with disk.told(folder / LEDGER), (folder / LEDGER).open("a+b") as stream:
            stream.seek(0)
            content = stream.read() if resume else b""
            whole = content.rfind(b"\n") + 1
            stream.truncate(whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                run = BatchRun.model_validate_json(line)
            except ValidationError:
                self.unread.append(number)
                continue
            # One that was tampered with leads to no other folder.
            is_name = re.fullmatch(r"[\w=+-][\w.=+-]*", run.run) is not None
            if run.key is not None and run.status in DONE and is_name:
                self._known[run.key] = run

    def done(self, key: str) -> BatchRun | None:
        """What became of a run with this key, if that stands and its plan is there unchanged."""
        known = self._known.get(key)
        if known is None or known.plan is None or self.folder is None:
            return known
        try:
            raw = (self.folder / RUNS / known.run / PLAN_FILE).read_bytes()
        except OSError:
            return None
        return known if hashlib.sha256(raw).hexdigest() == known.plan_sha256 else None

    def write(self, run: BatchRun) -> None:
        """Add a line. Raises NotWritten where that fails; the lines before it stand."""
        if self.folder is not None:
            disk.append(self.folder / LEDGER, run.model_dump_json().encode() + b"\n")


def holds_runs(folder: Path) -> bool:
    """Whether a batch was written into a folder before."""
    return (folder / LEDGER).exists() or (folder / RUNS).exists()


def line_on(run: Ready | Faulty, status: RunStatus, **known: Any) -> BatchRun:
    """A line on a run; null is what nothing is known of."""
    asked, empty = run.asked, dict.fromkeys(BatchRun.model_fields)
    about = {"run": run.run, "variant": asked.variant, "status": status, **asked.named}
    for name in ("key", "unit", "currency", "input_sha256"):
        about[name] = getattr(run, name, None) or None
    return BatchRun.model_validate(empty | about | known)


def line_of(run: Ready, arrival: Arrival[Solution]) -> BatchRun:
    """What came of a run."""
    answer, error, seconds = arrival.answer, arrival.error, arrival.seconds
    if answer is not None:
        sha256 = hashlib.sha256(answer.document).hexdigest()
        figures = {name: getattr(answer, name) for name in FIGURES}
        code = 0 if answer.status == "optimal" else 1
        about = {"exit_code": code, "seconds": seconds, "plan_sha256": sha256}
        return line_on(run, answer.status, **about, **figures)
    assert error is not None
    status: RunStatus = "infeasible" if isinstance(error, Infeasible) else "failed"
    if isinstance(error, NoPlan) and not isinstance(error, OutOfMemory):
        status = "none"
    return line_on(run, status, exit_code=error.exit_code, error=str(error), seconds=seconds)
