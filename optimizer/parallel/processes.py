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
from optimizer.errors import OutOfMemory, VorratError, WorkerDied
from optimizer.model.cores import usable_cores
from optimizer.parallel import process_limits, task_server
from optimizer.parallel.dispatch import DispatchingTeam, Job
from optimizer.parallel.interface import (
    NO_LIMITS,
    Assignment,
    HandlerFactory,
    Limits,
    TaskResult,
    Team,
)
from optimizer.parallel.task_server import TaskReply, TaskRequest

REPLACEMENT_MEMORY_SHARE = (
    0.75  # part of the limit of memory beyond which a process is replaced before its next task
)
EXIT_REASON_TIMEOUT = 1.0  # seconds in which Pebble says why a process has died, or never does
TIME_LIMIT_GRACE = 1.0  # seconds beyond its time in which a process should have ended itself


@dataclass(frozen=True)
class LocalProcesses:
    """Processes of this machine: as many as usable cores where neither ``jobs`` nor the team says
    how many. With one job and no limits this process answers itself."""

    limits: Limits = NO_LIMITS
    jobs: int | None = None
    limits_this_process: bool = False
    """Whether this process is held to the limits too, and so may answer itself all the same."""

    name = "processes"
    worker_count = None

    def team(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> InProcessTeam | ProcessTeam:
        """A team of processes, or of this one."""
        jobs = jobs or self.jobs or usable_cores()
        if jobs == 1 and (self.limits_this_process or self.limits == NO_LIMITS):
            return InProcessTeam(make_handler, handler_args)
        return ProcessTeam(make_handler, handler_args, jobs, assignment, self.limits)


class ProcessTeam(DispatchingTeam):
    """Processes that answer tasks, begun as tasks come for them. One that dies, or is ended since
    it outgrew its limits, is replaced by one that knows nothing of earlier tasks: what it answers
    to later ones may be another plan within the gap."""

    def __init__(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int,
        assignment: Assignment,
        limits: Limits,
    ) -> None:
        super().__init__(make_handler, handler_args, jobs, assignment, limits)
        self._pools: dict[int, Any] = {}
        self._pids: dict[int, Any] = {}  # what their processes say of themselves
        self._dead_since: dict[Job, float] = {}  # since when their processes have been (monotonic)
        # Where tasks have nothing to do with each other, what earlier ones left is of no use.
        self._replacement_bytes = (limits.memory_bytes or 0) * (
            REPLACEMENT_MEMORY_SHARE if assignment == "next" else 1.0
        )

    def __exit__(self, *exc: object) -> None:
        self.is_closed = True
        for pool in self._pools.values():
            pool.stop()
        for pool in self._pools.values():
            pool.join()

    def _available_workers(self) -> Sequence[int]:
        return range(self._max_workers)

    def _send_job(self, job: Job, request: TaskRequest) -> None:
        """Hand a job to its worker, which is begun where there is none that can take it."""
        from pebble import ProcessPool

        most = None if self.limits.seconds is None else self.limits.seconds + TIME_LIMIT_GRACE
        try:
            with task_server.sigint_blocked():
                if job.worker in self._pools and not self._is_alive(job.worker):
                    self._end_worker(job.worker)
                if job.worker not in self._pools:
                    # Known before it begins, so that it is ended whatever comes in between.
                    self._pools[job.worker] = ProcessPool(
                        max_workers=1,
                        initializer=task_server.prepare_worker_process,
                        initargs=(list(warnings.filters),),
                        context=multiprocessing.get_context("spawn"),
                    )
                    self._pids[job.worker] = self._pools[job.worker].schedule(os.getpid)
                done = self._pools[job.worker].schedule(
                    task_server.answer_request, (request,), timeout=most
                )
        except RuntimeError as error:  # no process could be begun
            self.replies.put((job, error))
            return
        done.add_done_callback(lambda own: self.replies.put((job, own.exception() or own.result())))

    def _is_alive(self, worker: int) -> bool:
        """Whether its process is there, or comes; of one that ends with 0 Pebble tells nothing."""
        said = self._pids.get(worker)
        if said is None or not self._pools[worker].active:
            return False
        return not said.done() or (
            not said.exception() and process_limits.resident_memory(said.result()) > 0
        )

    def _end_worker(self, worker: int) -> None:
        pool = self._pools.pop(worker)
        pool.stop()
        pool.join()

    def _on_reply(self, job: Job, reply: TaskReply) -> None:
        if reply.memory_bytes > self._replacement_bytes > 0:
            self._end_worker(job.worker)

    def _check_workers(self) -> None:
        for job in self.running_jobs.values():
            now = time.monotonic()
            if (
                not self._is_alive(job.worker)
                and now - self._dead_since.setdefault(job, now) > EXIT_REASON_TIMEOUT
            ):
                self.replies.put((job, WorkerDied()))

    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        if isinstance(error, BrokenExecutor) and isinstance(error.__cause__, OSError):
            return WorkerDied(tr("no process could be begun: {why}", why=error.__cause__))
        outgrown = getattr(error, "exitcode", None) == process_limits.OUT_OF_MEMORY_EXIT_CODE
        died = tr("a process that solved problems has died; fewer --jobs take less memory")
        return process_limits.lost_task_error(self.limits, job.elapsed_seconds, outgrown, died)


class InProcessTeam(Team[Any, Any]):
    """This process, which answers one task after the other; nothing outlives a crash. A task that
    the user stops has Interrupted as its error."""

    def __init__(self, make_handler: HandlerFactory, handler_args: tuple[Any, ...]) -> None:
        self._make_handler, self._handler_args = make_handler, handler_args
        self._handler: Callable[[Any], Any] | None = None

    def iter_results(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        """What becomes of each task; each is taken when the one before it has been answered."""
        for index, task in enumerate(tasks):
            began, answer = time.monotonic(), None
            error: VorratError | None = None
            try:
                self._handler = self._handler or self._make_handler(*self._handler_args)
                answer = self._handler(task)
            except MemoryError as short:
                self._handler = None  # what it has learnt may be half written
                error = OutOfMemory(tr("there is no memory left"))
                error.__cause__ = short
            except VorratError as failed:
                error = failed
            yield TaskResult(index, answer, error, time.monotonic() - began)
