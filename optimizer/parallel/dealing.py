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
from optimizer.errors import VorratError
from optimizer.parallel.interface import Arrival, Dealing, Limits, Make, Team
from optimizer.parallel.serving import Order, Reply
from optimizer.parallel.watching import Verdict, told

TRIES = 2
"""How often a task is handed over whose worker is lost."""
AHEAD = 64
"""Tasks a lane that wait here at most."""
WAKE = 0.2
"""Seconds after which a wait looks around, for Ctrl-C as well where nothing interrupts it."""


@dataclass(eq=False)
class Round:
    """Tasks that were given together, of which nobody wants to know who has left them."""

    source: Iterator[tuple[int, Any]]
    lanes: list[deque[Job]]
    """What waits, by lane."""
    arrived: deque[Arrival[Any] | Exception] = field(default_factory=deque)
    """What has come and is not told yet."""
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
    verdict: Verdict | None = None
    """Why its worker was ended."""
    handle: Any = None
    """What an engine keeps while it is at a worker."""


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
        self._jobs, self._lanes = jobs, jobs if dealing == "fixed" else 1
        self._dealing = dealing
        self._speaks = language()
        self._homes: dict[int, Any] = {}
        """Who serves each lane that is dealt out."""
        self.known: set[tuple[Any, int]] = set()
        """Workers and the lanes that they have."""

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
        own = Round(enumerate(tasks), [deque() for _ in range(self._lanes)])
        while True:
            if self.closed:
                raise RuntimeError("the team has been closed")
            self._take(own)
            self._hand_out(own)
            if own.arrived:
                arrival = own.arrived.popleft()
                if isinstance(arrival, Exception):
                    raise arrival
                own.told += 1
                yield arrival
            elif any(own.lanes) or any(job.round is own for job in self.at_work.values()):
                self._come(own)
            else:
                return

    def _take(self, own: Round) -> None:
        """Take tasks until each lane has as many waiting as there are workers for it."""
        while not own.ended and sum(map(len, own.lanes)) < AHEAD * len(own.lanes):
            if all(own.lanes) if self._dealing == "fixed" else len(own.lanes[0]) >= self._jobs:
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
                self._hand(own.lanes[lane].popleft(), worker)

    def _lane_for(self, own: Round, worker: Any, workers: Sequence[Any]) -> int | None:
        """A lane with a task for this worker: its own, or one that nobody serves."""
        if self._dealing == "next":
            return 0 if own.lanes[0] else None
        busy = {job.lane for job in self.at_work.values()}
        free = [n for n, waiting in enumerate(own.lanes) if waiting and n not in busy]
        served = [n for n in free if self._homes.get(n) in workers]
        for lane in [*served, *(n for n in free if n not in served)]:
            if lane not in served or self._homes[lane] is worker:
                self._homes[lane] = worker
                return lane
        return None

    def _hand(self, job: Job, worker: Any) -> None:
        job.tries += 1
        job.worker, job.began = worker, time.monotonic()
        self.at_work[worker] = job
        given = None if (worker, job.lane) in self.known else self._given
        order = Order(self.name, job.lane, job.index, self._speaks, job.task, given)
        self.send(job, order)

    def _come(self, own: Round) -> None:
        """Wait a little for a reply, and put what comes of it to its round."""
        try:
            job, reply = self.inbox.get(timeout=WAKE)
        except Empty:
            self.look_after(own)
            return
        if self.at_work.get(job.worker) is not job:  # it was given up
            return
        del self.at_work[job.worker]
        try:
            if isinstance(reply, BaseException):
                self._failed(job, reply)
            else:
                self._read(job, reply)
        except Exception as error:
            job.round.arrived.append(error)

    def _read(self, job: Job, reply: Reply) -> None:
        (self.known.add if reply.has_lane else self.known.discard)((job.worker, job.lane))
        if reply.kind == "unknown lane":  # it was begun anew at the same address, or forgot
            job.tries -= 1
            self._again(job)
            return
        content = pickle.loads(reply.content)
        if reply.kind == "answer":
            self._arrive(job, content, None)
            return
        error, trace = content
        error.__cause__ = Elsewhere(trace)
        if not isinstance(error, VorratError):
            raise error
        self._arrive(job, None, error)

    def _failed(self, job: Job, error: BaseException) -> None:
        """The worker is no more: why, and whether its task is tried again."""
        fate = self.lost(job, error)
        self.known = {known for known in self.known if known[0] is not job.worker}
        if job.verdict is not None:
            self._arrive(job, None, told(job.verdict, self.limits))
        elif job.tries < TRIES:
            self._again(job)
        else:
            self._arrive(job, None, fate)

    def _again(self, job: Job) -> None:
        # As another job: what is still said of the one that was lost concerns nobody.
        again = replace(job, worker=None, verdict=None, handle=None)
        job.round.lanes[job.lane].appendleft(again)

    def _arrive(self, job: Job, answer: Any, error: VorratError | None) -> None:
        seconds = time.monotonic() - job.began
        job.round.arrived.append(Arrival(job.index, answer, error, seconds))


class Elsewhere(Exception):
    """The trace of an error in the process that raised it."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
