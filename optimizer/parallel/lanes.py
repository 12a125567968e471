"""Lanes: each a thread of the parent that hands tasks to one worker, and replaces it."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from dataclasses import dataclass, field
from queue import SimpleQueue

from optimizer.errors import OutOfMemory, TimedOut, WorkerLost
from optimizer.parallel.interface import Limits
from optimizer.parallel.serving import LAST
from optimizer.parallel.watching import held
from optimizer.parallel.worker import Worker

TRIES = 2
"""How often a task is handed over whose worker dies of it."""

BEGINNINGS = 3
"""How often a worker is begun that dies before it can answer."""

Fate = type[WorkerLost | OutOfMemory | TimedOut]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one task: bytes that a worker said, what became of it, or no worker."""

    index: int
    said: bytes | Fate | Exception
    seconds: float


@dataclass(eq=False)
class Round:
    """Tasks that were given together; once it is over, nobody wants to know of them."""

    outcomes: SimpleQueue[Outcome] = field(default_factory=SimpleQueue)
    over: bool = False


@dataclass(frozen=True, eq=False)
class Work:
    """One task of a round, as it is sent."""

    round: Round
    index: int
    message: bytes


class Lane:
    """Takes work from ``queue`` until it finds None there, or its team is ``closed``."""

    def __init__(
        self,
        queue: SimpleQueue[Work | None],
        beginning: bytes,
        limits: Limits,
        frugal: bool,
        closed: threading.Event,
    ) -> None:
        self.queue = queue
        self.worker: Worker | None = None
        self._beginning, self._limits, self._frugal = beginning, limits, frugal
        self._closed = closed
        self._leanest = 0
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)

    def begin(self) -> None:
        """Take work from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Kill the worker; after the team was closed there is no other."""
        worker = self.worker
        if worker is not None:
            worker.kill()

    def join(self) -> None:
        """Wait until thread and worker have gone."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        _keep_out_ctrl_c()
        try:
            while (work := self.queue.get()) is not None and not self._closed.is_set():
                if not work.round.over:
                    work.round.outcomes.put(self._outcome(work))
        finally:
            self._retire()

    def _outcome(self, work: Work) -> Outcome:
        began = time.monotonic()
        said: bytes | Fate | Exception = WorkerLost
        try:
            for _ in range(TRIES):
                said = self._ask(work.message)
                if said is not WorkerLost or self._closed.is_set():
                    break
        except Exception as error:  # no process could be begun
            self._retire()
            said = error
        return Outcome(work.index, said, time.monotonic() - began)

    def _ask(self, message: bytes) -> bytes | Fate:
        """Hand it over, and retire a worker that is of no more use."""
        worker = self._fit()
        if worker is None:
            worker, said = self._fresh()
            if said is None or said[:1] == LAST:
                return self._fate(worker, said)
            if self._limits.memory is not None:
                self._leanest = held(worker.pid)
        return self._fate(worker, worker.ask(message))

    def _fresh(self) -> tuple[Worker, bytes | None]:
        """A worker, and what it said as it began; its death by then is no fault of a task."""
        said: bytes | None = None
        for _ in range(BEGINNINGS):
            self._retire()
            # Known to who closes the team before this looks whether it is closed.
            worker = self.worker = Worker()
            if self._closed.is_set():
                break
            said = worker.ask(self._beginning)
            if said is not None or worker.verdict is not None:
                break
        return worker, said

    def _fate(self, worker: Worker, said: bytes | None) -> bytes | Fate:
        verdict = worker.verdict
        if said is None or said[:1] == LAST or verdict is not None:
            self._retire()
        return said if said is not None else verdict or WorkerLost

    def _fit(self) -> Worker | None:
        """The worker, if it may take another task: not with memory full of what earlier ones left.

        Where tasks have nothing to do with each other, what they leave is of no use anyway. One
        that died idle is no fault of the task that comes next.
        """
        worker, limit = self.worker, self._limits.memory
        if worker is None or worker.has_died():
            return None
        if limit is None:
            return worker
        full = (self._leanest + limit) / 2 if self._frugal else limit
        return worker if held(worker.pid) <= full else None

    def _retire(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.end()


def _keep_out_ctrl_c() -> None:
    """Let workers inherit that Ctrl-C waits, so that they are not struck while they import.

    It strikes the thread of the parent that waits for answers, and not this one.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        return
    from multiprocessing import resource_tracker

    with contextlib.suppress(OSError):  # no process to be had, as the first worker will find
        resource_tracker.ensure_running()  # it lets Ctrl-C in again where it is begun
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
