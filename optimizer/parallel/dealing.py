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

from models.language import language
from optimizer.errors import VorratError, WorkerLost
from optimizer.parallel.interface import Arrival, Dealing, Limits, Make, Team
from optimizer.parallel.serving import Order, Reply

TRIES = 2  # how often a task is handed over whose worker is lost
WAKE = 0.2
"""Seconds after which a wait looks around, for Ctrl-C as well where nothing interrupts it."""


@dataclass(eq=False)
class Job:
    """A task that waits or is at a worker."""

    call: int  # of the team, in which it was given
    index: int
    task: bytes
    lane: int
    tries: int = 0
    worker: Any = None
    began: float = 0.0  # when it was last handed over (monotonic)

    @property
    def seconds(self) -> float:
        """Since it was handed over."""
        return time.monotonic() - self.began


class DealingTeam(Team[Any, Any]):
    """A team whose engine says which workers there are. With fixed dealing there are as many lanes
    as jobs, and each stays with a worker that lives; else whoever is free serves the only lane."""

    def __init__(
        self, make: Make, given: tuple[Any, ...], jobs: int, dealing: Dealing, limits: Limits
    ) -> None:
        self.name = uuid.uuid4().hex
        self.limits = limits
        self.inbox: SimpleQueue[tuple[Job, Reply | BaseException]] = SimpleQueue()
        self.at_work: dict[Any, Job] = {}  # by worker
        self.closed = False
        self._given = pickle.dumps((make, given), pickle.HIGHEST_PROTOCOL)
        self._jobs, self._fixed = jobs, dealing == "fixed"
        self._speaks = language()
        self._homes: dict[int, Any] = {}  # who serves each lane that is dealt out
        self._call = 0
        self._lanes: list[deque[Job]] = []  # what waits, by lane
        self.arrived = 0  # how many answers have come in this call

    @abstractmethod
    def _available(self) -> Sequence[Hashable]:
        """The workers that there are, whether they are at a task or not."""

    @abstractmethod
    def _send(self, job: Job, order: Order) -> None:
        """Hand a job to its worker; the reply, or what kept it from coming, goes to the inbox."""

    @abstractmethod
    def _lost(self, job: Job, error: BaseException) -> VorratError:
        """What is told of a job whose worker is lost; what is no loss of a worker is raised."""

    @abstractmethod
    def _look_after(self) -> None:
        """Nothing has come for a while: see whether anything still can."""

    def _replied(self, job: Job, reply: Reply) -> None:
        """A worker has answered: an engine may look at it."""

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        """What becomes of each task, as it comes; raises errors that are no VorratError."""
        self._call, self.arrived, source = self._call + 1, 0, enumerate(tasks)
        self._lanes = [deque() for _ in range(self._jobs if self._fixed else 1)]
        arrival, ended = None, False
        while True:
            if self.closed:
                raise RuntimeError("the team has been closed")
            ended = ended or self._take(source)
            self._hand_out()
            if arrival is not None:
                self.arrived += 1
                yield arrival
                arrival = None
            elif any(self._lanes) or any(one.call == self._call for one in self.at_work.values()):
                arrival = self._come()
            else:
                return

    def _take(self, source: Iterator[tuple[int, Any]]) -> bool:
        """Take tasks until each lane has as many waiting as there are workers for it; whether there
        are no more."""
        lanes = self._lanes
        while sum(map(len, lanes)) < 64 * len(lanes):
            if all(lanes) if self._fixed else len(lanes[0]) >= self._jobs:
                return False
            index, task = next(source, (-1, None))
            if index < 0:
                return True
            lane = index % len(lanes)
            sent = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            lanes[lane].append(Job(self._call, index, sent, lane))
        return False

    def _hand_out(self) -> None:
        workers = self._available()
        for worker in workers:
            if worker in self.at_work:
                continue
            if len(self.at_work) >= self._jobs:
                return
            lane = self._lane_for(worker, workers)
            if lane is not None:
                job = self._lanes[lane].popleft()
                job.tries += 1
                job.worker, job.began = worker, time.monotonic()
                self.at_work[worker] = job
                about = (self.name, lane, job.index, self._speaks, self.limits)
                self._send(job, Order(*about, job.task, self._given))

    def _lane_for(self, worker: Any, workers: Sequence[Any]) -> int | None:
        """A lane with a task for this worker: its own, or one that nobody serves."""
        if not self._fixed:
            return 0 if self._lanes[0] else None
        busy = {job.lane for job in self.at_work.values()}
        for lane in sorted(range(len(self._lanes)), key=lambda n: self._homes.get(n) != worker):
            home = self._homes.get(lane)
            if self._lanes[lane] and lane not in busy and (home == worker or home not in workers):
                self._homes[lane] = worker
                return lane
        return None

    def _come(self) -> Arrival[Any] | None:
        """Wait a little for a reply, and tell what comes of it."""
        try:
            job, reply = self.inbox.get(timeout=WAKE)
        except Empty:
            self._look_after()
            return None
        if self.at_work.get(job.worker) is not job:  # it was given up
            return None
        del self.at_work[job.worker]
        answer, error, is_own = None, None, job.call == self._call
        if isinstance(reply, BaseException):
            error = self._lost(job, reply)
            if isinstance(error, WorkerLost) and job.tries < TRIES and is_own:
                # As another job: what is still said of the one that was lost concerns nobody.
                self._lanes[job.lane].appendleft(replace(job, worker=None))
                return None
        else:
            self._replied(job, reply)
            answer, error, trace = pickle.loads(reply.content)
            if error is not None:
                error.add_note(trace)
        if is_own and error is not None and not isinstance(error, VorratError):
            raise error
        return Arrival(job.index, answer, error, job.seconds) if is_own else None
