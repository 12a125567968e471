"""Engine that runs workers as local processes.

Each worker is a spawned process that solves with one thread, since the solver keeps its thread
count for the whole process and must not be forked. A worker is a Pebble pool of one process. Pebble
starts the process, ends it at its time limit and replaces it if it dies.
"""

from __future__ import annotations

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
from optimizer.parallel.dispatch import DispatchingExecutor, Job
from optimizer.parallel.interface import (
    NO_LIMITS,
    Assignment,
    Executor,
    HandlerFactory,
    Limits,
    TaskResult,
)
from optimizer.parallel.task_server import TaskReply, TaskRequest

# Share of the memory limit above which a process is replaced before its next task.
REPLACEMENT_MEMORY_SHARE = 0.75
EXIT_REASON_TIMEOUT = 1.0  # seconds within which Pebble reports why a process died
TIME_LIMIT_GRACE = 1.0  # seconds beyond the limit before Pebble ends a process


@dataclass(frozen=True)
class LocalProcesses:
    """Engine that starts ``jobs`` local processes, or one for each usable core if that is None.

    With one job and no limits, tasks run in the present process.
    """

    limits: Limits = NO_LIMITS
    jobs: int | None = None
    limits_this_process: bool = False
    """Whether the limits are enforced on the present process too, so that it may run tasks
    itself."""

    name = "processes"
    worker_count = None

    def executor(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> InProcessExecutor | ProcessExecutor:
        """Return an executor of processes, or one that runs tasks in the present process."""
        jobs = jobs or self.jobs or usable_cores()
        if jobs == 1 and (self.limits_this_process or self.limits == NO_LIMITS):
            return InProcessExecutor(make_handler, handler_args)
        return ProcessExecutor(make_handler, handler_args, jobs, assignment, self.limits)


class ProcessExecutor(DispatchingExecutor):
    """Executor of local processes, each of which starts with its first task.

    If a process dies or is ended at a limit, the process that replaces it has no state from earlier
    tasks. Its answers may then be other plans within the gap.
    """

    def __init__(self, *executor_args: Any) -> None:
        super().__init__(*executor_args)
        self._pools: dict[int, Any] = {}
        self._pids: dict[int, Any] = {}  # futures of the process ids
        # When the process of each job was first found dead (monotonic).
        self._dead_since: dict[Job, float] = {}
        # Independent tasks gain nothing from earlier ones, so such a process is replaced early.
        self._replacement_bytes = (self.limits.memory_bytes or 0) * (
            1.0 if self.has_fixed_assignment else REPLACEMENT_MEMORY_SHARE
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
        """Send a job to its worker. The worker's process is started if none is alive."""
        from pebble import ProcessPool

        timeout = None if self.limits.seconds is None else self.limits.seconds + TIME_LIMIT_GRACE
        try:
            with task_server.sigint_blocked():
                if job.worker in self._pools and not self._is_alive(job.worker):
                    self._end_worker(job.worker)
                if job.worker not in self._pools:
                    # Registered before it starts, so that __exit__ always ends it.
                    self._pools[job.worker] = ProcessPool(
                        max_workers=1,
                        initializer=task_server.prepare_worker_process,
                        initargs=(list(warnings.filters),),
                        context=task_server.WorkerContext(),
                    )
                    self._pids[job.worker] = self._pools[job.worker].schedule(os.getpid)
                future = self._pools[job.worker].schedule(
                    task_server.answer_request, (request,), timeout=timeout
                )
        except RuntimeError as error:  # no process could be started
            self.replies.put((job, error))
            return
        future.add_done_callback(
            lambda completed: self.replies.put((job, completed.exception() or completed.result()))
        )

    def _is_alive(self, worker: int) -> bool:
        """Return whether the worker's process is starting or running.

        The process itself is checked because Pebble does not report that one has ended with exit
        code 0.
        """
        pid_future = self._pids.get(worker)
        if pid_future is None or not self._pools[worker].active:
            return False
        return not pid_future.done() or (
            not pid_future.exception() and process_limits.resident_memory(pid_future.result()) > 0
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
        exceeded_memory_limit = (
            getattr(error, "exitcode", None) == process_limits.OUT_OF_MEMORY_EXIT_CODE
        )
        message = tr("a process that solved problems has died; fewer --jobs take less memory")
        return process_limits.lost_task_error(
            self.limits, job.elapsed_seconds, exceeded_memory_limit, message
        )


class InProcessExecutor(Executor[Any, Any]):
    """Executor that runs tasks one after the other in the present process.

    A crash ends the whole process. The error of a task that the user stops is Interrupted.
    """

    def __init__(self, make_handler: HandlerFactory, handler_args: tuple[Any, ...]) -> None:
        self._make_handler, self._handler_args = make_handler, handler_args
        self._handler: Callable[[Any], Any] | None = None

    def as_completed(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        """Yield the result of each task, which is taken when the previous one is complete."""
        for index, task in enumerate(tasks):
            started_at, answer = time.monotonic(), None
            error: VorratError | None = None
            try:
                self._handler = self._handler or self._make_handler(*self._handler_args)
                answer = self._handler(task)
            except MemoryError as memory_error:
                self._handler = None  # its state may be inconsistent
                error = OutOfMemory(tr("there is no memory left"))
                error.__cause__ = memory_error
            except VorratError as failed:
                error = failed
            yield TaskResult(index, answer, error, time.monotonic() - started_at)
