"""Reading of untrusted files in separate processes. If a file takes too much time or memory, its
process is ended and the server continues."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import NamedTuple

from models.faults import Fault, ScenarioError, SourceLocation
from models.files import LoadedScenario, read_case
from models.input_log import log_inputs
from models.language import current_language, tr
from optimizer.parallel.services import ContentReporter, LocalWorker, ServiceEvent, ServiceMessage

READ_TIMEOUT = 30
"""Seconds for which one scenario may be read."""
READ_MEMORY = 2_000_000_000
"""Bytes that the reading process may hold."""
MAX_CONCURRENT_READS = 4
"""Scenarios that a server reads at the same time."""


class ReadOutcome(NamedTuple):
    """A scenario or its faults, and the files that were read for it with their hashes."""

    result: LoadedScenario | ScenarioError
    files: tuple[tuple[str, str], ...]
    was_aborted: bool = False
    """Whether a limit or a stop ended the reading, so that another try may succeed."""


def read_scenario(path: Path, variant: str | None, settings: Sequence[str]) -> ReadOutcome:
    """Read a scenario in this process; without ``variant`` all its variants are checked."""
    result: LoadedScenario | ScenarioError
    with log_inputs() as input_log:
        try:
            result = read_case(path, variant, settings, check_variants=variant is None)
        except ScenarioError as error:
            result = error
    return ReadOutcome(result, tuple((file.path, file.sha256) for file in input_log.files))


@dataclass
class IsolatedReader:
    """Reads each scenario in a process that is started for it."""

    timeout: float = READ_TIMEOUT
    memory_limit: int = READ_MEMORY
    _slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MAX_CONCURRENT_READS))
    _processes: dict[object, LocalWorker] = field(default_factory=dict)
    _stop_counts: Counter[object] = field(default_factory=Counter)
    """Number of stops of each owner. A reading that was waiting at a stop does not start."""

    def read(
        self, path: Path, variant: str | None, settings: Sequence[str], owner: object
    ) -> ReadOutcome:
        """Read a scenario as :func:`read_scenario` does, but in a new process. Callers start one
        reading of an ``owner`` at a time."""
        answers: queue.SimpleQueue[ServiceEvent | None] = queue.SimpleQueue()
        stop_count = self._stop_counts[owner]
        with self._slots:
            if self._stop_counts[owner] != stop_count:
                return _aborted_outcome(path, tr("the process that read it has died"))
            process = self._processes[owner] = LocalWorker(
                _ReadService, answers.put, self.memory_limit
            )
            try:
                with suppress(OSError):  # if it has died, an event says so
                    process.send(ServiceMessage(0, (path, variant, settings), current_language()))
                answer = answers.get(timeout=self.timeout)
            except queue.Empty:
                problem = tr("reading it took more than {seconds} s", seconds=self.timeout)
            else:
                if answer is not None and isinstance(answer.content, ReadOutcome):
                    return answer.content
                problem = tr("the process that read it has died")
                if process.exceeded_memory_limit:
                    size = round(self.memory_limit / 1e6)
                    problem = tr("reading it took more than {size} MB of memory", size=size)
            finally:
                del self._processes[owner]
                process.close()
        return _aborted_outcome(path, problem)

    def stop(self, owner: object) -> None:
        """End the current reading of an owner, and cancel those that wait for their turn."""
        self._stop_counts[owner] += 1
        if (process := self._processes.get(owner)) is not None:
            process.close()


def _aborted_outcome(path: Path, problem: str) -> ReadOutcome:
    return ReadOutcome(
        ScenarioError([Fault((), problem, location=SourceLocation(str(path)))]), (), True
    )


class _ReadService:
    """Service in a process that reads a scenario (see
    :class:`optimizer.parallel.services.Service`)."""

    def answer(self, message: ServiceMessage, _report: ContentReporter) -> ReadOutcome:
        """Read the scenario for which a message asks."""
        return read_scenario(*message.question)

    def stop(self, number: int) -> None:
        """Do nothing: the process is ended from outside."""
