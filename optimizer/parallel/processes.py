"""The engine of this machine: each worker a process of its own.

The solver keeps one thread count for a process and must not be forked or shared between threads,
so that workers are fresh processes that solve with one thread each. Where tasks are dealt out in a
fixed way, what a worker has learnt from earlier ones, and so every result, is the same each time.

Each worker is a pool of Pebble with one process, which begins it, speaks to it and tells when it
has died; so it is known who has which task, and whose memory is too large.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from models.language import tr
from optimizer.errors import OutOfMemory, VorratError, WorkerLost
from optimizer.model.cores import usable_cores
from optimizer.parallel import serving
from optimizer.parallel.dealing import DealingTeam, Job, Round
from optimizer.parallel.interface import NO_LIMITS, Arrival, Dealing, Limits, Make, Team
from optimizer.parallel.serving import Order, Reply
from optimizer.parallel.watching import held, kill, looking, verdict

if TYPE_CHECKING:
    from pebble import ProcessPool


FULL = 0.75
"""Part of the limit of memory beyond which a process is replaced before its next task, where tasks
have nothing to do with each other: what earlier ones left is of no use then."""


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, each of which may take so much for one task.

    With one job and no limits this process answers itself. Where ``jobs`` is None there are as many
    processes as usable cores, unless the team says how many.
    """

    limits: Limits = NO_LIMITS
    jobs: int | None = None
    watched: bool = False
    """Whether this process is held to the limits too, and so may answer itself all the same."""

    name = "processes"
    """What manifests call it."""
    size = None
    """A problem decides how many processes are worth beginning for it."""

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> InThisProcess | Pool:
        """A team of processes, or of this one."""
        jobs = jobs or self.jobs or usable_cores()
        if jobs == 1 and (self.watched or self.limits == NO_LIMITS):
            return InThisProcess(make, given, 1)
        return Pool(make, given, jobs, dealing, self.limits)


class Worker:
    """A process that is begun with its first task."""

    def __init__(self) -> None:
        self._pool: ProcessPool | None = None
        self.pid: int | None = None
        """Of the process, once that has said it."""

    def ask(self, order: Order) -> Future[Reply]:
        """Have a task answered. Raises RuntimeError where there is no process to do so."""
        if self._pool is None:
            self._pool = self._begin()
        return self._pool.schedule(serving.serve, (order,))

    def _begin(self) -> ProcessPool:
        from pebble import ProcessPool

        # Known before it begins, so that it is ended whatever comes in between.
        self._pool = ProcessPool(
            max_workers=1,
            initializer=serving.prepare,
            initargs=(list(warnings.filters),),
            context=multiprocessing.get_context("spawn"),
        )
        with serving.ctrl_c_kept_out():
            self._pool.schedule(os.getpid).add_done_callback(self._note)
        return self._pool

    def _note(self, said: Future[int]) -> None:
        if said.exception() is None:
            self.pid = said.result()

    def has_died(self) -> bool:
        """Whether the process was there and is no more."""
        return self.pid is not None and held(self.pid) == 0

    def is_fit(self, full: float) -> bool:
        """Whether it may take another task: it lives, and holds no more memory than that."""
        return self.pid is None or 0 < held(self.pid) <= full

    def stop(self) -> None:
        """Begin to end it, whatever it does."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
        if self.pid is not None:
            kill(self.pid)

    def join(self) -> None:
        """Wait until it has gone."""
        if self._pool is not None:
            self._pool.join()


class Pool(DealingTeam):
    """Processes that answer tasks, begun as tasks come for them.

    One that dies, or is ended since it outgrew its limits, is replaced by one that knows nothing of
    earlier tasks: what it answers to later ones may be another plan within the gap.
    """

    def __init__(
        self, make: Make, given: tuple[Any, ...], jobs: int, dealing: Dealing, limits: Limits
    ) -> None:
        super().__init__(make, given, jobs, dealing, limits)
        self._workers = [Worker() for _ in range(jobs)]
        part = FULL if dealing == "next" else 1.0
        self._full = float("inf") if limits.memory is None else part * limits.memory
        self._watch = ExitStack()

    def __enter__(self) -> Self:
        if self.limits != NO_LIMITS:
            self._watch.enter_context(looking(self._look))
        return self

    def __exit__(self, *exc: object) -> None:
        self.closed = True
        self._watch.close()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()

    def available(self, own: Round) -> Sequence[Worker]:
        """All of them; who may not take another task is replaced first."""
        for worker in self._workers:
            if worker not in self.at_work and not worker.is_fit(self._full):
                self._replace(worker)
        return self._workers

    def _replace(self, worker: Worker) -> None:
        worker.stop()
        worker.join()
        self._workers = [Worker() if one is worker else one for one in self._workers]

    def send(self, job: Job, order: Order) -> None:
        """Hand a job to its worker."""
        try:
            future = job.worker.ask(order)
        except RuntimeError as error:
            self.inbox.put((job, error))
            return
        future.add_done_callback(
            lambda done: self.inbox.put((job, done.exception() or done.result()))
        )

    def look_after(self, own: Round) -> None:
        """Those whose process has ended as if it had nothing to do, which Pebble does not tell."""
        for job in self.at_work.values():
            if job.worker.has_died():
                self.inbox.put((job, WorkerLost()))

    def lost(self, job: Job, error: BaseException) -> VorratError:
        """The process has died, or none could be begun."""
        self._replace(job.worker)
        if isinstance(error, BrokenExecutor) and isinstance(error.__cause__, OSError):
            return WorkerLost(tr("no process could be begun: {why}", why=error.__cause__))
        return WorkerLost(
            tr("a process that solved problems has died; fewer --jobs take less memory")
        )

    def _look(self) -> None:
        """End who is beyond the limits; whoever waits for its answer learns that there is none."""
        for job in list(self.at_work.values()):
            pid = job.worker.pid
            if pid is not None and job.verdict is None:
                job.verdict = verdict(self.limits, pid, job.began)
                if job.verdict is not None:
                    kill(pid)


@dataclass(frozen=True)
class InProcess:
    """Tasks answered by this process: no limits, and nothing outlives a crash.

    Where tasks are dealt out in a fixed way, each of so many lanes learns by itself, so that the
    answers are those of as many processes. A task that the user stops has Interrupted as its error;
    whoever takes what arrives decides whether others are still wanted.
    """

    name = "in process"
    """What manifests call it."""
    size = None
    """There is this process alone, however many lanes it keeps apart."""

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> InThisProcess:
        """A team that answers here; one lane where ``jobs`` is None."""
        return InThisProcess(make, given, jobs or 1 if dealing == "fixed" else 1)


class InThisProcess(Team[Any, Any]):
    """So many lanes of tasks, each with what it has learnt."""

    def __init__(self, make: Make, given: tuple[Any, ...], lanes: int) -> None:
        self._make, self._given, self._lanes = make, given, lanes
        self._answering: dict[int, Callable[[Any], Any]] = {}

    def __exit__(self, *exc: object) -> None:
        self._answering.clear()

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        """What becomes of each task; each is taken when the one before it has been answered."""
        for index, task in enumerate(tasks):
            began, answer, error = time.monotonic(), None, None
            try:
                answer = self._answer(index % self._lanes, task)
            except VorratError as failed:
                error = failed
            yield Arrival(index, answer, error, time.monotonic() - began)

    def _answer(self, lane: int, task: Any) -> Any:
        try:
            if lane not in self._answering:
                self._answering[lane] = self._make(*self._given)
            return self._answering[lane](task)
        except MemoryError as error:
            # What it has learnt may be half written.
            self._answering.pop(lane, None)
            raise OutOfMemory(tr("there is no memory left")) from error
