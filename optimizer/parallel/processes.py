"""The engine of this machine: each worker a fresh process that solves with one thread, since the
solver keeps one thread count and must not be forked. It is a pool of Pebble with one process, which
begins it, speaks to it, ends it when its time is over, and begins another when it has died."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.errors import OutOfMemory, VorratError, WorkerLost
from optimizer.model.cores import usable_cores
from optimizer.parallel import serving, watching
from optimizer.parallel.dealing import DealingTeam, Job
from optimizer.parallel.interface import NO_LIMITS, Arrival, Dealing, Limits, Make, Team
from optimizer.parallel.serving import Order, Reply

FULL = 0.75  # part of the limit of memory beyond which a process is replaced before its next task
TOLD_WITHIN = 1.0  # seconds in which Pebble says why a process has died, or never does
OVERTIME = 1.0  # seconds beyond its time in which a process should have ended itself


@dataclass(frozen=True)
class Processes:
    """Processes of this machine: as many as usable cores where neither ``jobs`` nor the team says
    how many. With one job and no limits this process answers itself."""

    limits: Limits = NO_LIMITS
    jobs: int | None = None
    watched: bool = False
    """Whether this process is held to the limits too, and so may answer itself all the same."""

    name = "processes"
    size = None

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> InThisProcess | Pool:
        """A team of processes, or of this one."""
        jobs = jobs or self.jobs or usable_cores()
        if jobs == 1 and (self.watched or self.limits == NO_LIMITS):
            return InThisProcess(make, given)
        return Pool(make, given, jobs, dealing, self.limits)


class Pool(DealingTeam):
    """Processes that answer tasks, begun as tasks come for them. One that dies, or is ended since
    it outgrew its limits, is replaced by one that knows nothing of earlier tasks: what it answers
    to later ones may be another plan within the gap."""

    def __init__(
        self, make: Make, given: tuple[Any, ...], jobs: int, dealing: Dealing, limits: Limits
    ) -> None:
        super().__init__(make, given, jobs, dealing, limits)
        self._pools: dict[int, Any] = {}
        self._pids: dict[int, Any] = {}  # what their processes say of themselves
        self._gone: dict[Job, float] = {}  # since when their processes have been (monotonic)
        # Where tasks have nothing to do with each other, what earlier ones left is of no use.
        self._full = (limits.memory or 0) * (FULL if dealing == "next" else 1.0)

    def __exit__(self, *exc: object) -> None:
        self.closed = True
        for pool in self._pools.values():
            pool.stop()
        for pool in self._pools.values():
            pool.join()

    def _available(self) -> Sequence[int]:
        return range(self._jobs)

    def _send(self, job: Job, order: Order) -> None:
        """Hand a job to its worker, which is begun where there is none that can take it."""
        from pebble import ProcessPool

        most = None if self.limits.seconds is None else self.limits.seconds + OVERTIME
        try:
            with serving.ctrl_c_kept_out():
                if job.worker in self._pools and not self._lives(job.worker):
                    self._end(job.worker)
                if job.worker not in self._pools:
                    # Known before it begins, so that it is ended whatever comes in between.
                    self._pools[job.worker] = ProcessPool(
                        max_workers=1,
                        initializer=serving.prepare,
                        initargs=(list(warnings.filters),),
                        context=multiprocessing.get_context("spawn"),
                    )
                    self._pids[job.worker] = self._pools[job.worker].schedule(os.getpid)
                done = self._pools[job.worker].schedule(serving.serve, (order,), timeout=most)
        except RuntimeError as error:  # no process could be begun
            self.inbox.put((job, error))
            return
        done.add_done_callback(lambda own: self.inbox.put((job, own.exception() or own.result())))

    def _lives(self, worker: int) -> bool:
        """Whether its process is there, or comes; of one that ends with 0 Pebble tells nothing."""
        said = self._pids.get(worker)
        if said is None or not self._pools[worker].active:
            return False
        return not said.done() or (not said.exception() and watching.held(said.result()) > 0)

    def _end(self, worker: int) -> None:
        pool = self._pools.pop(worker)
        pool.stop()
        pool.join()

    def _replied(self, job: Job, reply: Reply) -> None:
        if reply.held > self._full > 0:
            self._end(job.worker)

    def _look_after(self) -> None:
        for job in self.at_work.values():
            now = time.monotonic()
            if not self._lives(job.worker) and now - self._gone.setdefault(job, now) > TOLD_WITHIN:
                self.inbox.put((job, WorkerLost()))

    def _lost(self, job: Job, error: BaseException) -> VorratError:
        if isinstance(error, BrokenExecutor) and isinstance(error.__cause__, OSError):
            return WorkerLost(tr("no process could be begun: {why}", why=error.__cause__))
        outgrown = getattr(error, "exitcode", None) == watching.OUTGROWN
        died = tr("a process that solved problems has died; fewer --jobs take less memory")
        return watching.fate(self.limits, job.seconds, outgrown, died)


class InThisProcess(Team[Any, Any]):
    """This process, which answers one task after the other; nothing outlives a crash. A task that
    the user stops has Interrupted as its error."""

    def __init__(self, make: Make, given: tuple[Any, ...]) -> None:
        self._make, self._given = make, given
        self._answer: Callable[[Any], Any] | None = None

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        """What becomes of each task; each is taken when the one before it has been answered."""
        for index, task in enumerate(tasks):
            began, answer = time.monotonic(), None
            error: VorratError | None = None
            try:
                self._answer = self._answer or self._make(*self._given)
                answer = self._answer(task)
            except MemoryError as short:
                self._answer = None  # what it has learnt may be half written
                error = OutOfMemory(tr("there is no memory left"))
                error.__cause__ = short
            except VorratError as failed:
                error = failed
            yield Arrival(index, answer, error, time.monotonic() - began)
