"""Tasks handed to the workers of a cluster, one at a time to each.

dask would deal out by itself and, where a worker is lost, begin anew what it had as often as it is
told to. Here each task is bound to one worker, so that it is known which task a lost worker had:
it is handed over once more, and not for ever.
"""

from __future__ import annotations

import pickle
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic

from models.language import figure, language, tr
from optimizer.errors import ClusterError, OutOfMemory, TimedOut, VorratError, WorkerLost
from optimizer.parallel.cluster import serving
from optimizer.parallel.cluster.serving import About, Order, Reply
from optimizer.parallel.interface import Answer, Arrival, Dealing, Limits, Task

if TYPE_CHECKING:
    from optimizer.parallel.cluster.connecting import Connection

TRIES = 2
"""How often a task is handed over whose worker is lost."""
AHEAD = 64
"""Tasks a lane that wait here at most."""
GRACE = 30.0
"""Seconds after its time limit in which a worker should have ended itself."""
LEAVES_WITHIN = 2.0
"""Seconds that a team waits for workers to hear that it is over."""
WAKE = 0.2
"""Seconds after which a wait looks around, for Ctrl-C as well where nothing interrupts it."""


@dataclass(eq=False)
class Waiting:
    """A task that is to be handed over."""

    index: int
    task: bytes
    tries: int = 0


@dataclass(eq=False)
class Running:
    """A task that a worker has."""

    waiting: Waiting
    lane: int
    worker: str
    about: About
    future: Any
    sent_given: bool
    began: float


@dataclass(eq=False)
class Round:
    """Tasks that were given together."""

    source: Iterator[tuple[int, Any]]
    lanes: list[deque[Waiting]]
    ended: bool = False
    running: dict[str, Running] = field(default_factory=dict)
    """By worker."""
    inbox: SimpleQueue[tuple[Running, Any, BaseException | None]] = field(
        default_factory=SimpleQueue
    )
    done: int = 0


class ClusterTeam(Generic[Task, Answer]):
    """Workers of a cluster, each with what it has learnt from its own earlier tasks.

    With fixed dealing there are as many lanes as jobs, and a lane stays with one worker; if that is
    lost it begins anew at another. Workers that come later take part.
    """

    def __init__(
        self,
        connection: Connection,
        make: Callable[..., Callable[[Any], Any]],
        given: tuple[Any, ...],
        jobs: int,
        dealing: Dealing,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._given = pickle.dumps((make, given), pickle.HIGHEST_PROTOCOL)
        self._jobs, self._dealing, self._limits = jobs, dealing, limits
        self._team = uuid.uuid4().hex
        self._speaks = language()
        self._homes: dict[int, tuple[str, About]] = {}
        """Of lanes that are dealt out: who serves each."""
        self._begun: dict[tuple[str, int], About] = {}
        """Workers that know a lane."""
        self._outgrown: dict[int, int] = {}
        """Bytes that the worker of a task held, by the index of the task."""
        self._stuck: list[About] = []
        self._rounds: list[Round] = []
        self._abandoned: set[str] = set()
        self._alone = time.monotonic()
        """When there last was a worker."""

    def __enter__(self) -> ClusterTeam[Task, Answer]:
        self._connection.client.subscribe_topic(serving.topic(self._team), self._on_event)
        return self

    def __exit__(self, *exc: Any) -> None:
        for own in list(self._rounds):  # one that was left in the middle
            self._drop(own)
        leaving = threading.Thread(target=self._leave, daemon=True)
        if self._connection.is_there():
            leaving.start()
            leaving.join(LEAVES_WITHIN)

    def _leave(self) -> None:
        """Let workers forget the team, and end those that are still at a task of it."""
        known = {worker for worker, _ in self._begun} | self._abandoned
        known &= set(self._connection.workers)
        with suppress(Exception):  # nothing that matters any more
            self._connection.client.unsubscribe_topic(serving.topic(self._team))
            self._connection.client.run(
                serving.forget,
                self._team,
                bool(self._abandoned),
                workers=list(known),
                on_error="ignore",
            )

    def map(
        self, tasks: Sequence[Task], on_done: Callable[[Task, Answer], None] | None = None
    ) -> list[Answer]:
        """The answers in the order of the tasks, each told as it comes; raises the first error."""
        answers: dict[int, Any] = {}
        with closing(self._arrivals(tasks)) as arrivals:
            for arrival in arrivals:
                if arrival.error is not None:
                    raise arrival.error
                answers[arrival.index] = arrival.answer
                if on_done is not None:
                    on_done(tasks[arrival.index], answers[arrival.index])
        return [answers[n] for n in range(len(answers))]

    def arrivals(self, tasks: Iterable[Task]) -> Iterator[Arrival[Answer]]:
        """What becomes of each task, as it comes.

        Raises errors that are no VorratError, and ClusterError where the scheduler is lost or no
        worker is left: what has come by then is all there is.
        """
        return self._arrivals(tasks)

    def _arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        lanes = self._jobs if self._dealing == "fixed" else 1
        own = Round(iter(enumerate(tasks)), [deque() for _ in range(lanes)])
        self._rounds.append(own)
        self._alone = time.monotonic()
        try:
            while True:
                self._take(own)
                self._hand_out(own)
                if not own.running and not any(own.lanes):
                    return
                for arrival in self._come(own):
                    own.done += 1
                    yield arrival
        finally:
            self._drop(own)

    def _take(self, own: Round) -> None:
        """Take tasks until each lane has one waiting, or enough wait."""
        room = 2 * self._jobs if self._dealing == "next" else AHEAD * len(own.lanes)
        while not own.ended and sum(map(len, own.lanes)) < room:
            if self._dealing == "fixed" and all(own.lanes):
                return
            index, task = next(own.source, (-1, None))
            if index < 0:
                own.ended = True
                return
            sent = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
            own.lanes[index % len(own.lanes)].append(Waiting(index, sent))

    def _hand_out(self, own: Round) -> None:
        workers = {w: a for w, a in self._connection.workers.items() if a not in self._stuck}
        if workers or own.running:
            self._alone = time.monotonic()
        elif time.monotonic() - self._alone > self._connection.patience:
            raise self._end(own, tr("the cluster has no workers left"))
        for worker, about in workers.items():
            if worker in own.running or len(own.running) >= self._jobs:
                continue
            lane = self._lane_for(own, worker, workers)
            if lane is not None:
                self._hand(own, lane, worker, about)

    def _lane_for(self, own: Round, worker: str, workers: dict[str, About]) -> int | None:
        """A lane with a task for this worker: its own, or one that nobody serves."""
        if self._dealing == "next":
            return 0 if own.lanes[0] else None
        busy = {running.lane for running in own.running.values()}
        free = [n for n, waiting in enumerate(own.lanes) if waiting and n not in busy]
        served = {n: home for n in free if (home := self._home_of(n, workers)) is not None}
        for lane in [*served, *(n for n in free if n not in served)]:
            if served.get(lane, worker) == worker:
                self._homes[lane] = worker, workers[worker]
                return lane
        return None

    def _home_of(self, lane: int, workers: dict[str, About]) -> str | None:
        """Who serves a lane and is still there."""
        worker, about = self._homes.get(lane, (None, None))
        return worker if worker is not None and workers.get(worker) is about else None

    def _hand(self, own: Round, lane: int, worker: str, about: About) -> None:
        waiting = own.lanes[lane].popleft()
        waiting.tries += 1
        sends = self._begun.get((worker, lane)) is not about
        order = Order(
            team=self._team,
            lane=str(lane),
            number=waiting.index,
            speaks=self._speaks,
            limits=self._limits,
            task=waiting.task,
            given=self._given if sends else None,
        )
        running = Running(waiting, lane, worker, about, None, sends, time.monotonic())
        own.running[worker] = running
        client = self._connection.client
        try:
            running.future = client.submit(
                serving.serve,
                pickle.dumps(order, pickle.HIGHEST_PROTOCOL),
                key=f"vorrat-{self._team}-{waiting.index}-{uuid.uuid4().hex[:8]}",
                workers=[worker],
                allow_other_workers=False,
                pure=False,
            )
            client.loop.add_callback(_follow, running, own.inbox)
        except Exception as error:  # the client is closed, or will be
            raise self._end(own, tr("the scheduler of the cluster is lost")) from error

    def _come(self, own: Round) -> Iterator[Arrival[Any]]:
        """What has come since, waiting a little for it."""
        try:
            running, reply, error = own.inbox.get(timeout=WAKE)
        except Empty:
            if not self._connection.is_there():
                raise self._end(own, tr("the scheduler of the cluster is lost")) from None
            yield from self._look_after(own)
            return
        if own.running.get(running.worker) is not running:  # it was given up
            return
        if error is not None:
            yield from self._failed(own, running, error)
            return
        del own.running[running.worker]
        self._outgrown.pop(running.waiting.index, None)  # it was done just in time
        arrival = self._read(own, running, reply)
        if arrival is not None:
            yield arrival

    def _read(self, own: Round, running: Running, reply: Reply) -> Arrival[Any] | None:
        index = running.waiting.index
        seconds = time.monotonic() - running.began
        if reply.kind == "interrupted":
            raise KeyboardInterrupt
        if reply.kind == "unknown lane":  # it was begun anew at the same address, or forgot
            self._begun.pop((running.worker, running.lane), None)
            running.waiting.tries -= 1
            own.lanes[running.lane].appendleft(running.waiting)
            return None
        if reply.kind == "error":
            return Arrival(index, None, pickle.loads(reply.content), seconds)
        self._begun[running.worker, running.lane] = running.about
        return Arrival(index, pickle.loads(reply.content), None, seconds)

    def _look_after(self, own: Round) -> Iterator[Arrival[Any]]:
        """Those whose worker has gone, and those that should have ended long ago."""
        workers = self._connection.workers
        for running in list(own.running.values()):
            if workers.get(running.worker) is not running.about:
                yield from self._lost(own, running)
            elif self._elapsed(running) > (self._limits.seconds or float("inf")) + GRACE:
                self._stuck.append(running.about)
                yield from self._lost(own, running)

    def _failed(self, own: Round, running: Running, error: BaseException) -> Iterator[Arrival[Any]]:
        """What dask says of a task that did not end as it should."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if isinstance(error, (CancelledError, CommClosedError)):
            if getattr(error, "reason", "") == "scheduler-connection-lost":
                self._connection.lost = True
            if not self._connection.is_there():
                raise self._end(own, tr("the scheduler of the cluster is lost")) from error
            yield from self._lost(own, running)
        elif isinstance(error, KilledWorker):
            yield from self._lost(own, running)
        else:
            raise error

    def _lost(self, own: Round, running: Running) -> Iterator[Arrival[Any]]:
        """The worker is no more: why, and whether its task is tried again."""
        del own.running[running.worker]
        with suppress(Exception):
            running.future.cancel(force=True)
        waiting = running.waiting
        seconds, error = self._elapsed(running), self._fate(running)
        if isinstance(error, WorkerLost) and waiting.tries < TRIES:
            own.lanes[running.lane].appendleft(waiting)
        else:
            yield Arrival(waiting.index, None, error, seconds)

    def _fate(self, running: Running) -> VorratError:
        if self._outgrown.pop(running.waiting.index, None) is not None:
            limit = round((self._limits.memory or 0) / 1e6)
            return OutOfMemory(
                tr("a process was ended, since it held more than {limit} MB of memory", limit=limit)
            )
        limited = self._limits.seconds
        if limited is not None and self._elapsed(running) >= limited:
            return TimedOut(
                tr(
                    "a process was ended, since it had not answered after {seconds} s",
                    seconds=figure(limited),
                )
            )
        return WorkerLost(
            tr(
                "worker {address} of the cluster was lost, and so was the one before that had the "
                "same task; perhaps it takes more memory than they have",
                address=running.worker,
            )
        )

    def _elapsed(self, running: Running) -> float:
        return time.monotonic() - running.began

    def _end(self, own: Round, why: str) -> ClusterError:
        return ClusterError(
            tr(
                "{why}; {done} answers had come by then, and a batch goes on from them with "
                "--resume",
                why=why,
                done=own.done,
            )
        )

    def _drop(self, own: Round) -> None:
        """Nobody wants what is still under way."""
        for running in own.running.values():
            self._abandoned.add(running.worker)
            with suppress(Exception):
                running.future.cancel(force=True)
        own.running.clear()
        if own in self._rounds:
            self._rounds.remove(own)

    def _on_event(self, event: tuple[float, Any]) -> None:
        """In the client's own thread: what a worker says before it ends itself."""
        self._outgrown[event[1]["task"]] = event[1]["memory"]


async def _follow(running: Running, inbox: SimpleQueue[Any]) -> None:
    """Wait for a task in the client's own thread, and fetch its answer."""
    try:
        inbox.put((running, await running.future, None))
    except BaseException as error:
        inbox.put((running, None, error))
