"""Engine that runs workers as local processes, and the dispatch of tasks to lanes.

Each worker is a spawned process that solves with one thread, since the solver keeps its thread
count for the whole process and must not be forked. A worker is a Pebble pool of one process. Pebble
starts the process, ends it at its time limit and replaces it if it dies.
"""

from __future__ import annotations

import pickle
import time
import warnings
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from models.language import current_language
from optimizer.errors import OutOfMemory, VorratError, WorkerDied
from optimizer.model.cores import usable_cores
from optimizer.parallel import (
    NO_LIMITS,
    Assignment,
    Executor,
    HandlerFactory,
    Limits,
    TaskResult,
    process_limits,
    task_server,
)
from optimizer.parallel.task_server import TaskReply, TaskRequest

POLL_INTERVAL = 0.2
"""Seconds that a wait for replies lasts; between waits Ctrl-C is handled on all platforms."""
# Share of the memory limit above which a process is replaced before its next task.
REPLACEMENT_MEMORY_SHARE = 0.75
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


@dataclass(eq=False)
class Job:
    """Task that waits for its lane or runs in it."""

    call_number: int  # the call of ``as_completed`` that it belongs to
    task_index: int
    request: TaskRequest
    lane: int = 0
    attempts: int = 0
    started_at: float = 0.0  # when it was last sent (monotonic)


class LaneExecutor(Executor[Any, Any]):
    """Executor with lanes, each of which runs one task at a time.

    With fixed assignment each lane has its own tasks, otherwise a free lane takes the next one. All
    of this runs in the thread that iterates over the results. Replies arrive through a queue.
    """

    max_attempts = 2  # how often a task is sent if its workers are lost

    def __init__(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int,
        assignment: Assignment,
        limits: Limits,
    ) -> None:
        self.limits, self.lane_count = limits, jobs
        self.has_fixed_assignment = assignment == "fixed"
        self.pickled_handler = pickle.dumps((make_handler, handler_args), pickle.HIGHEST_PROTOCOL)
        self.running_jobs: dict[int, Job] = {}  # by lane
        self.is_closed = False
        self.answer_count = 0  # results of the current call so far
        self._replies: SimpleQueue[tuple[Job, Any]] = SimpleQueue()
        self._language = current_language()
        self._call_number = 0
        self._waiting_jobs: list[deque[Job]] = []  # by lane; in one queue without fixed assignment
        self._has_all_tasks = False

    @abstractmethod
    def _send(self, job: Job) -> Any:
        """Send a job to its lane. Return a future of the reply."""

    @abstractmethod
    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        """Return the error of a job whose worker was lost. Raise an error that ends all jobs."""

    def _on_reply(self, job: Job, reply: TaskReply) -> None:
        """Inspect the reply of a worker. The default does nothing; engines may override it."""

    def as_completed(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        """Yield the result of each task when it is complete. Raise errors of tasks that are not a
        VorratError, and RuntimeError if the executor has been closed."""
        self._call_number, self.answer_count, source = self._call_number + 1, 0, enumerate(tasks)
        self._waiting_jobs = [
            deque() for _ in range(self.lane_count if self.has_fixed_assignment else 1)
        ]
        result, self._has_all_tasks = None, False
        while True:
            if self.is_closed:
                raise RuntimeError("the executor has been closed")
            for lane in range(self.lane_count):
                if lane not in self.running_jobs and (job := self._next_job(lane, source)):
                    self._start(job, lane)
            if result is not None:
                self.answer_count += 1
                yield result
                result = None
            elif (
                self._has_all_tasks
                and not any(self._waiting_jobs)
                and all(job.call_number < self._call_number for job in self.running_jobs.values())
            ):
                return
            else:
                result = self._next_result()

    def _next_job(self, lane: int, source: enumerate[Any]) -> Job | None:
        """Return the next job of a lane; None if there is none. The tasks of other lanes that come
        before it are queued."""
        queues = self._waiting_jobs
        queue = queues[lane % len(queues)]
        while not queue:
            index, task = next(source, (-1, None))
            if index < 0:
                self._has_all_tasks = True
                return None
            pickled_task = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            request = TaskRequest(self._language, self.limits, pickled_task)
            queues[index % len(queues)].append(Job(self._call_number, index, request))
        return queue.popleft()

    def _start(self, job: Job, lane: int) -> None:
        job.lane, job.attempts, job.started_at = lane, job.attempts + 1, time.monotonic()
        self.running_jobs[lane] = job
        self._send(job).add_done_callback(lambda future: self._replies.put((job, future)))

    def _next_result(self) -> TaskResult[Any] | None:
        """Wait briefly for a reply. Return the result of its task; None if there is no reply, or if
        the task is retried or belongs to an earlier call. Raise an error that is not a
        VorratError."""
        try:
            job, future = self._replies.get(timeout=POLL_INTERVAL)
        except Empty:
            return None
        del self.running_jobs[job.lane]
        seconds, is_current_call = (
            time.monotonic() - job.started_at,
            job.call_number == self._call_number,
        )
        try:
            reply: TaskReply = future.result()
        except Exception as failure:
            answer, error = None, self._error_of_job(job, failure)
            if isinstance(error, WorkerDied) and job.attempts < self.max_attempts:
                if is_current_call:
                    queues = self._waiting_jobs
                    queues[job.lane % len(queues)].appendleft(replace(job))
                return None
        else:
            self._on_reply(job, reply)
            answer, error, trace = pickle.loads(reply.content)
            if error is not None:
                error.add_note(trace)
        if not is_current_call:
            return None
        if error is not None and not isinstance(error, VorratError):
            raise error
        return TaskResult(job.task_index, answer, error, seconds)


class ProcessExecutor(LaneExecutor):
    """Executor of local processes, each of which starts with its first task.

    If a process dies or is ended at a limit, the process that replaces it has no state from earlier
    tasks. Its answers may then be other plans within the gap.
    """

    def __init__(self, *executor_args: Any) -> None:
        super().__init__(*executor_args)
        self._pools: dict[int, Any] = {}  # by lane

    def __exit__(self, *exc: object) -> None:
        self.is_closed = True
        for pool in self._pools.values():
            pool.stop()
        for pool in self._pools.values():
            pool.join()

    def _send(self, job: Job) -> Any:
        """Send a job to its process, which is started if there is none."""
        from pebble import ProcessFuture, ProcessPool

        timeout = None if self.limits.seconds is None else self.limits.seconds + TIME_LIMIT_GRACE
        try:
            with task_server.sigint_blocked():
                if job.lane in self._pools and not self._pools[job.lane].active:
                    self._end_process(job.lane)
                if job.lane not in self._pools:
                    # Registered before it starts, so that __exit__ always ends it.
                    self._pools[job.lane] = ProcessPool(
                        max_workers=1,
                        initializer=task_server.prepare_lane,
                        initargs=(list(warnings.filters), self.pickled_handler),
                        context=task_server.WorkerContext(),
                    )
                return self._pools[job.lane].schedule(
                    task_server.answer_in_lane, (job.request,), timeout=timeout
                )
        except RuntimeError as error:  # no process could be started
            future: Any = ProcessFuture()
            future.set_exception(error)
            return future

    def _end_process(self, lane: int) -> None:
        pool = self._pools.pop(lane)
        pool.stop()
        pool.join()

    def _on_reply(self, job: Job, reply: TaskReply) -> None:
        # Independent tasks gain nothing from earlier ones, so such a process is replaced early.
        limit = REPLACEMENT_MEMORY_SHARE * (self.limits.memory_bytes or 0)
        if reply.memory_bytes > limit and not self.has_fixed_assignment:
            self._end_process(job.lane)

    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        if isinstance(error, BrokenExecutor) and isinstance(error.__cause__, OSError):
            return WorkerDied(f"no process could be begun: {error.__cause__}")
        exceeded_memory_limit = (
            getattr(error, "exitcode", None) == process_limits.OUT_OF_MEMORY_EXIT_CODE
        )
        message = "a process that solved problems has died; fewer --jobs take less memory"
        return process_limits.lost_task_error(
            self.limits, time.monotonic() - job.started_at, exceeded_memory_limit, message
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
                error = OutOfMemory("there is no memory left")
                error.__cause__ = memory_error
            except VorratError as failed:
                error = failed
            yield TaskResult(index, answer, error, time.monotonic() - started_at)
