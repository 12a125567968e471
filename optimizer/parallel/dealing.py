"""Tasks dealt out to workers, one at a time to each: what all engines have in common.

So it is known which task a worker had that is lost: it is handed over once more, and not for ever.
All of this runs in the thread of whoever takes the arrivals; replies come through a queue.
"""

from __future__ import annotations

import pickle
import time
import uuid
from abc import abstractmethod
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any

from models.language import language
from optimizer.errors import VorratError, WorkerLost
from optimizer.parallel.interface import Arrival, Dealing, Limits, Make, Team
from optimizer.parallel.serving import Order, Reply

TRIES = 2
"""How often a task is handed over whose worker is lost."""
WAKE = 0.2
"""Seconds after which a wait looks around, for Ctrl-C as well where nothing interrupts it."""


@dataclass(eq=False)
class Round:
    """Tasks that were given together."""

    source: Iterator[tuple[int, Any]]
    lanes: list[deque[Job]]
    """What waits, by lane."""
    began: float = field(default_factory=time.monotonic)
    told: int = 0
    ended: bool = False
    """Whether all tasks are taken."""


@dataclass(eq=False)
class Job:
    """A task that waits or is at a worker."""

    round: Round
    index: int
    task: bytes
    lane: int
    tries: int = 0
    worker: Any = None
    began: float = 0.0
    """When it was last handed over (monotonic)."""
    handle: Any = None
    """What an engine keeps while it is at a worker."""

    @property
    def seconds(self) -> float:
        """Since it was handed over."""
        return time.monotonic() - self.began


class DealingTeam(Team[Any, Any]):
    """A team whose engine says which workers there are, and hands them one task each.

    With fixed dealing there are as many lanes as jobs, and a lane stays with one worker; if that is
    lost it begins anew at another. Otherwise whoever is free serves the only lane.
    """

    def __init__(
        self, make: Make, given: tuple[Any, ...], jobs: int, dealing: Dealing, limits: Limits
    ) -> None:
        self.name = uuid.uuid4().hex
        self.limits = limits
        self.inbox: SimpleQueue[tuple[Job, Reply | BaseException]] = SimpleQueue()
        self.at_work: dict[Any, Job] = {}
        """By worker."""
        self.closed = False
        self._given = pickle.dumps((make, given), pickle.HIGHEST_PROTOCOL)
        self._jobs, self._fixed = jobs, dealing == "fixed"
        self._speaks = language()
        self._homes: dict[int, Any] = {}
        """Who serves each lane that is dealt out."""

    @abstractmethod
    def available(self, own: Round) -> Sequence[Hashable]:
        """The workers that there are, whether they are at a task or not."""

    @abstractmethod
    def send(self, job: Job, order: Order) -> None:
        """Hand a job to its worker; the reply, or what kept it from coming, goes to the inbox."""

    @abstractmethod
    def lost(self, job: Job, error: BaseException) -> VorratError:
        """What is told of a job whose worker is lost; what is no loss of a worker is raised."""

    @abstractmethod
    def look_after(self, own: Round) -> None:
        """Nothing has come for a while: see whether anything still can."""

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        """What becomes of each task, as it comes; raises errors that are no VorratError."""
        lanes: list[deque[Job]] = [deque() for _ in range(self._jobs if self._fixed else 1)]
        own, arrival = Round(enumerate(tasks), lanes), None
        while True:
            if self.closed:
                raise RuntimeError("the team has been closed")
            self._take(own)
            self._hand_out(own)
            if arrival is not None:
                own.told += 1
                yield arrival
                arrival = None
            elif any(lanes) or any(job.round is own for job in self.at_work.values()):
                arrival = self._come(own)
            else:
                return

    def _take(self, own: Round) -> None:
        """Take tasks until each lane has as many waiting as there are workers for it."""
        while not own.ended and sum(map(len, own.lanes)) < 64 * len(own.lanes):
            if all(own.lanes) if self._fixed else len(own.lanes[0]) >= self._jobs:
                return
            index, task = next(own.source, (-1, None))
            if index < 0:
                own.ended = True
                return
            lane = index % len(own.lanes)
            sent = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            own.lanes[lane].append(Job(own, index, sent, lane))

    def _hand_out(self, own: Round) -> None:
        workers = self.available(own)
        for worker in workers:
            if worker in self.at_work:
                continue
            if len(self.at_work) >= self._jobs:
                return
            lane = self._lane_for(own, worker, workers)
            if lane is not None:
                job = own.lanes[lane].popleft()
                job.tries += 1
                job.worker, job.began = worker, time.monotonic()
                self.at_work[worker] = job
                about = (self.name, lane, job.index, self._speaks, self.limits)
                self.send(job, Order(*about, job.task, self._given))

    def _lane_for(self, own: Round, worker: Any, workers: Sequence[Any]) -> int | None:
        """A lane with a task for this worker: its own, or one that nobody serves."""
        if not self._fixed:
            return 0 if own.lanes[0] else None
        busy = {job.lane for job in self.at_work.values()}
        for lane in sorted(range(len(own.lanes)), key=lambda n: self._homes.get(n) != worker):
            home = self._homes.get(lane)
            if own.lanes[lane] and lane not in busy and (home == worker or home not in workers):
                self._homes[lane] = worker
                return lane
        return None

    def _come(self, own: Round) -> Arrival[Any] | None:
        """Wait a little for a reply, and tell what comes of it for its round."""
        try:
            job, reply = self.inbox.get(timeout=WAKE)
        except Empty:
            self.look_after(own)
            return None
        if self.at_work.get(job.worker) is not job:  # it was given up
            return None
        del self.at_work[job.worker]
        answer, error = None, None
        if isinstance(reply, BaseException):
            error = self.lost(job, reply)
            if isinstance(error, WorkerLost) and job.tries < TRIES and job.round is own:
                # As another job: what is still said of the one that was lost concerns nobody.
                own.lanes[job.lane].appendleft(replace(job, worker=None, handle=None))
                return None
        else:
            self.replied(job, reply)
            answer, error, trace = pickle.loads(reply.content)
            if error is not None:
                error.__cause__ = Elsewhere(trace)
        if job.round is not own:
            return None
        if error is not None and not isinstance(error, VorratError):
            raise error
        return Arrival(job.index, answer, error, job.seconds)

    def replied(self, job: Job, reply: Reply) -> None:
        """A worker has answered: an engine may look at it."""


class Elsewhere(Exception):
    """The trace of an error in the process that raised it."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
