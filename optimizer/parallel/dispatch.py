"""Tasks dealt out to workers, one at a time to each: so it is known which task a worker had that is
lost. All of this runs in the thread of who takes the arrivals; replies come through a queue."""

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
from optimizer.parallel.interface import Assignment, HandlerFactory, Limits, TaskResult, Team
from optimizer.parallel.task_server import TaskReply, TaskRequest

MAX_ATTEMPTS = 2  # how often a task is handed over whose worker is lost
POLL_INTERVAL = 0.2
"""Seconds after which a wait looks around, for Ctrl-C as well where nothing interrupts it."""


@dataclass(eq=False)
class Job:
    """A task that waits or is at a worker."""

    call_number: int  # of the team, in which it was given
    task_index: int
    pickled_task: bytes
    lane: int
    attempts: int = 0
    worker: Any = None
    started_at: float = 0.0  # when it was last handed over (monotonic)

    @property
    def elapsed_seconds(self) -> float:
        """Since it was handed over."""
        return time.monotonic() - self.started_at


class DispatchingTeam(Team[Any, Any]):
    """A team whose engine says which workers there are. With fixed dealing there are as many lanes
    as jobs, and each stays with a worker that lives; else whoever is free serves the only lane."""

    def __init__(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int,
        assignment: Assignment,
        limits: Limits,
    ) -> None:
        self.team_id = uuid.uuid4().hex
        self.limits = limits
        self.replies: SimpleQueue[tuple[Job, TaskReply | BaseException]] = SimpleQueue()
        self.running_jobs: dict[Any, Job] = {}  # by worker
        self.is_closed = False
        self._pickled_handler = pickle.dumps((make_handler, handler_args), pickle.HIGHEST_PROTOCOL)
        self._max_workers, self._has_fixed_assignment = jobs, assignment == "fixed"
        self._language = current_language()
        self._lane_workers: dict[int, Any] = {}  # who serves each lane that is dealt out
        self._call_number = 0
        self._waiting_jobs: list[deque[Job]] = []  # what waits, by lane
        self.answer_count = 0  # how many answers have come in this call

    @abstractmethod
    def _available_workers(self) -> Sequence[Hashable]:
        """The workers that there are, whether they are at a task or not."""

    @abstractmethod
    def _send_job(self, job: Job, request: TaskRequest) -> None:
        """Hand a job to its worker; the reply, or what kept it from coming, goes to the inbox."""

    @abstractmethod
    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        """What is told of a job whose worker is lost; what is no loss of a worker is raised."""

    @abstractmethod
    def _check_workers(self) -> None:
        """Nothing has come for a while: see whether anything still can."""

    def _on_reply(self, job: Job, reply: TaskReply) -> None:
        """A worker has answered: an engine may look at it."""

    def iter_results(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        """What becomes of each task, as it comes; raises errors that are no VorratError."""
        self._call_number, self.answer_count, source = self._call_number + 1, 0, enumerate(tasks)
        self._waiting_jobs = [
            deque() for _ in range(self._max_workers if self._has_fixed_assignment else 1)
        ]
        arrival, ended = None, False
        while True:
            if self.is_closed:
                raise RuntimeError("the team has been closed")
            ended = ended or self._queue_tasks(source)
            self._assign_jobs()
            if arrival is not None:
                self.answer_count += 1
                yield arrival
                arrival = None
            elif any(self._waiting_jobs) or any(
                one.call_number == self._call_number for one in self.running_jobs.values()
            ):
                arrival = self._next_result()
            else:
                return

    def _queue_tasks(self, numbered_tasks: Iterator[tuple[int, Any]]) -> bool:
        """Take tasks until each lane has as many waiting as there are workers for it; whether there
        are no more."""
        lanes = self._waiting_jobs
        while sum(map(len, lanes)) < 64 * len(lanes):
            if all(lanes) if self._has_fixed_assignment else len(lanes[0]) >= self._max_workers:
                return False
            index, task = next(numbered_tasks, (-1, None))
            if index < 0:
                return True
            lane = index % len(lanes)
            sent = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            lanes[lane].append(Job(self._call_number, index, sent, lane))
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
                about = (self.team_id, lane, job.task_index, self._language, self.limits)
                self._send_job(job, TaskRequest(*about, job.pickled_task, self._pickled_handler))

    def _lane_for(self, worker: Any, workers: Sequence[Any]) -> int | None:
        """A lane with a task for this worker: its own, or one that nobody serves."""
        if not self._has_fixed_assignment:
            return 0 if self._waiting_jobs[0] else None
        busy = {job.lane for job in self.running_jobs.values()}
        for lane in sorted(
            range(len(self._waiting_jobs)), key=lambda n: self._lane_workers.get(n) != worker
        ):
            home = self._lane_workers.get(lane)
            if (
                self._waiting_jobs[lane]
                and lane not in busy
                and (home == worker or home not in workers)
            ):
                self._lane_workers[lane] = worker
                return lane
        return None

    def _next_result(self) -> TaskResult[Any] | None:
        """Wait a little for a reply, and tell what comes of it."""
        try:
            job, reply = self.replies.get(timeout=POLL_INTERVAL)
        except Empty:
            self._check_workers()
            return None
        if self.running_jobs.get(job.worker) is not job:  # it was given up
            return None
        del self.running_jobs[job.worker]
        answer, error, is_own = None, None, job.call_number == self._call_number
        if isinstance(reply, BaseException):
            error = self._error_of_job(job, reply)
            if isinstance(error, WorkerDied) and job.attempts < MAX_ATTEMPTS and is_own:
                # As another job: what is still said of the one that was lost concerns nobody.
                self._waiting_jobs[job.lane].appendleft(replace(job, worker=None))
                return None
        else:
            self._on_reply(job, reply)
            answer, error, trace = pickle.loads(reply.content)
            if error is not None:
                error.add_note(trace)
        if is_own and error is not None and not isinstance(error, VorratError):
            raise error
        return TaskResult(job.task_index, answer, error, job.elapsed_seconds) if is_own else None
