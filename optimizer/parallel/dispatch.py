"""Dispatch of tasks to workers. Each worker gets one task at a time, so that the task of a lost
worker is known.

All of this runs in the thread that iterates over the results. Replies arrive through a queue.
"""

import pickle
import time
import uuid
from abc import abstractmethod
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from models.language import current_language
from optimizer.errors import VorratError, WorkerDied
from optimizer.parallel.interface import Assignment, Executor, HandlerFactory, Limits, TaskResult
from optimizer.parallel.task_server import TaskReply, TaskRequest

MAX_ATTEMPTS = 2  # how often a task is sent if its workers are lost
POLL_INTERVAL = 0.2
"""Seconds that a wait for replies lasts; between waits Ctrl-C is handled on all platforms."""


@dataclass(eq=False)
class Job:
    """Task that waits for a worker or runs on one."""

    call_number: int  # the call of ``as_completed`` that it belongs to
    task_index: int
    pickled_task: bytes
    lane: int
    attempts: int = 0
    worker: Any = None
    started_at: float = 0.0  # when it was last sent (monotonic)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the job was last sent to a worker."""
        return time.monotonic() - self.started_at


class DispatchingExecutor(Executor[Any, Any]):
    """Executor that assigns tasks to the workers that its engine reports.

    With fixed assignment there are as many lanes as workers, and a lane stays with one worker until
    that worker is lost. With the assignment ``next`` there is one lane, from which every free
    worker takes tasks.
    """

    def __init__(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int,
        assignment: Assignment,
        limits: Limits,
    ) -> None:
        self.executor_id = uuid.uuid4().hex
        self.limits = limits
        self.replies: SimpleQueue[tuple[Job, TaskReply | BaseException]] = SimpleQueue()
        self.running_jobs: dict[Any, Job] = {}  # by worker
        self.is_closed = False
        self._pickled_handler = pickle.dumps((make_handler, handler_args), pickle.HIGHEST_PROTOCOL)
        self._max_workers, self.has_fixed_assignment = jobs, assignment == "fixed"
        self._language = current_language()
        self._lane_workers: dict[int, Any] = {}  # worker of each assigned lane
        self._call_number = 0
        self._waiting_jobs: list[deque[Job]] = []  # by lane
        self.answer_count = 0  # results of the current call so far

    @abstractmethod
    def _available_workers(self) -> Sequence[Hashable]:
        """Return all present workers, busy or not."""

    @abstractmethod
    def _send_job(self, job: Job, request: TaskRequest) -> None:
        """Send a job to its worker. The reply, or the error that replaces it, is put into
        ``replies``."""

    @abstractmethod
    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        """Return the error of a job whose worker was lost.

        Raise ``error`` if it has another cause.
        """

    @abstractmethod
    def _check_workers(self) -> None:
        """Check whether workers were lost. This is called after a wait without any reply."""

    def _on_reply(self, job: Job, reply: TaskReply) -> None:
        """Inspect the reply of a worker. The default does nothing; engines may override it."""

    def as_completed(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        """Yield the result of each task when it is complete. Raise errors of tasks that are not a
        VorratError, and RuntimeError if the executor has been closed."""
        self._call_number, self.answer_count, source = self._call_number + 1, 0, enumerate(tasks)
        self._waiting_jobs = [
            deque() for _ in range(self._max_workers if self.has_fixed_assignment else 1)
        ]
        result, all_queued = None, False
        while True:
            if self.is_closed:
                raise RuntimeError("the executor has been closed")
            all_queued = all_queued or self._queue_tasks(source)
            self._assign_jobs()
            if result is not None:
                self.answer_count += 1
                yield result
                result = None
            elif any(self._waiting_jobs) or any(
                job.call_number == self._call_number for job in self.running_jobs.values()
            ):
                result = self._next_result()
            else:
                return

    def _queue_tasks(self, numbered_tasks: Iterator[tuple[int, Any]]) -> bool:
        """Queue tasks until each lane has enough of them for its workers, or 64 per lane wait.
        Return whether all tasks are queued."""
        lanes = self._waiting_jobs
        while sum(map(len, lanes)) < 64 * len(lanes):
            if all(lanes) if self.has_fixed_assignment else len(lanes[0]) >= self._max_workers:
                return False
            index, task = next(numbered_tasks, (-1, None))
            if index < 0:
                return True
            lane = index % len(lanes)
            pickled_task = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            lanes[lane].append(Job(self._call_number, index, pickled_task, lane))
        return False

    def _assign_jobs(self) -> None:
        workers = self._available_workers()
        for worker in workers:
            if worker in self.running_jobs:
                continue
            if len(self.running_jobs) >= self._max_workers:
                return
            lane = self._lane_for(worker, workers)
            if lane is not None:
                job = self._waiting_jobs[lane].popleft()
                job.attempts += 1
                job.worker, job.started_at = worker, time.monotonic()
                self.running_jobs[worker] = job
                header = (self.executor_id, lane, job.task_index, self._language, self.limits)
                self._send_job(job, TaskRequest(*header, job.pickled_task, self._pickled_handler))

    def _lane_for(self, worker: Any, workers: Sequence[Any]) -> int | None:
        """Return a lane with a waiting task that this worker can serve: one of the worker's own
        lanes or, with fixed assignment, a lane without a present worker, which becomes the
        worker's. Return None if there is no such lane."""
        if not self.has_fixed_assignment:
            return 0 if self._waiting_jobs[0] else None
        busy = {job.lane for job in self.running_jobs.values()}
        for lane in sorted(
            range(len(self._waiting_jobs)), key=lambda n: self._lane_workers.get(n) != worker
        ):
            lane_worker = self._lane_workers.get(lane)
            if (
                self._waiting_jobs[lane]
                and lane not in busy
                and (lane_worker == worker or lane_worker not in workers)
            ):
                self._lane_workers[lane] = worker
                return lane
        return None

    def _next_result(self) -> TaskResult[Any] | None:
        """Wait briefly for a reply. Return the result of its task; None if there is no reply, or if
        the task is retried or belongs to an earlier call. Raise an error that is not a
        VorratError."""
        try:
            job, reply = self.replies.get(timeout=POLL_INTERVAL)
        except Empty:
            self._check_workers()
            return None
        if self.running_jobs.get(job.worker) is not job:  # the job was abandoned
            return None
        del self.running_jobs[job.worker]
        answer, error, is_current_call = None, None, job.call_number == self._call_number
        if isinstance(reply, BaseException):
            error = self._error_of_job(job, reply)
            if isinstance(error, WorkerDied) and job.attempts < MAX_ATTEMPTS and is_current_call:
                # Retry as a new job, so that late replies to the lost one are ignored.
                self._waiting_jobs[job.lane].appendleft(replace(job, worker=None))
                return None
        else:
            self._on_reply(job, reply)
            answer, error, trace = pickle.loads(reply.content)
            if error is not None:
                error.add_note(trace)
        if is_current_call and error is not None and not isinstance(error, VorratError):
            raise error
        return (
            TaskResult(job.task_index, answer, error, job.elapsed_seconds)
            if is_current_call
            else None
        )
