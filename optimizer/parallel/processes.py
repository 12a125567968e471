"""The engine of this machine: each worker a process of its own.

The solver keeps one thread count for a process and must not be forked or shared between threads,
so that workers are fresh processes that solve with one thread each. Where tasks are dealt out in a
fixed way, what a worker has learnt from earlier ones, and so every result, is the same each time.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from models.language import figure, tr
from optimizer.errors import OutOfMemory, TimedOut, VorratError, WorkerLost
from optimizer.model.cores import usable_cores
from optimizer.parallel.in_process import InThisProcess, Make
from optimizer.parallel.interface import NO_LIMITS, Arrival, Dealing, Limits
from optimizer.parallel.lanes import Lane, Outcome, Round, Work
from optimizer.parallel.serving import ANSWER, beginning
from optimizer.parallel.watching import Watch

STRIKES_WITHIN = 0.5
"""Seconds after which a Ctrl-C is heard where a system lets nobody interrupt who waits."""


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

    @property
    def name(self) -> str:
        """What manifests call it."""
        return "processes"

    @property
    def size(self) -> int | None:
        """None: a problem decides how many processes are worth beginning for it."""
        return None

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> InThisProcess | Pool:
        """A team of processes, or of this one."""
        jobs = jobs or self.jobs or usable_cores()
        if jobs == 1 and (self.watched or self.limits == NO_LIMITS):
            return InThisProcess(make, given, 1)
        return Pool(make, given, jobs, dealing, self.limits)


class Pool:
    """Processes that answer tasks, begun as tasks come for them.

    One that dies, or is ended since it outgrew its limits, is replaced by one that knows nothing of
    earlier tasks: what it answers to later ones may be another plan within the gap.
    """

    def __init__(
        self, make: Make, given: tuple[Any, ...], jobs: int, dealing: Dealing, limits: Limits
    ) -> None:
        self._dealing, self._limits = dealing, limits
        self._closed = threading.Event()
        begin, frugal = beginning(make, given), dealing == "next"
        shared: SimpleQueue[Work | None] = SimpleQueue()
        self._lanes = [
            Lane(shared if frugal else SimpleQueue(), begin, limits, frugal, self._closed)
            for _ in range(jobs)
        ]
        self._begun = 0
        self._watch = Watch(limits, self._workers)

    def __enter__(self) -> Pool:
        if self._limits != NO_LIMITS:
            self._watch.begin()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._closed.set()
        for lane in self._lanes:
            lane.queue.put(None)
            lane.stop()
        for lane in self._lanes:
            lane.join()
        self._watch.end()

    def map(
        self, tasks: Sequence[Any], on_done: Callable[[Any, Any], None] | None = None
    ) -> list[Any]:
        """The answers in the order of the tasks, each told as it comes.

        Raises the first error that comes; WorkerLost, OutOfMemory or TimedOut where a worker is
        gone.
        """
        answers: dict[int, Any] = {}
        with closing(self._outcomes(tasks, at_once=True)) as outcomes:
            for outcome in outcomes:
                answers[outcome.index] = answer = self._read(outcome)
                if on_done is not None:
                    on_done(tasks[outcome.index], answer)
        return [answers[n] for n in range(len(answers))]

    def arrivals(self, tasks: Iterable[Any]) -> Iterator[Arrival[Any]]:
        """What becomes of each task, as it comes; raises errors that are no VorratError."""
        with closing(self._outcomes(tasks, at_once=False)) as outcomes:
            for outcome in outcomes:
                answer, error = None, None
                try:
                    answer = self._read(outcome)
                except VorratError as failed:
                    error = failed
                yield Arrival(outcome.index, answer, error, outcome.seconds)

    def _outcomes(self, tasks: Iterable[Any], at_once: bool) -> Generator[Outcome, None, None]:
        own, source = Round(), enumerate(tasks)
        taken = told = 0
        more = True
        try:
            while True:
                while more and (at_once or self._has_room(own)):
                    index, task = next(source, (None, None))
                    if index is None:
                        more = False
                    else:
                        self._deal(Work(own, index, pickle.dumps(task, pickle.HIGHEST_PROTOCOL)))
                        taken += 1
                if told == taken:
                    return
                yield self._next(own)
                told += 1
        finally:
            own.over = True

    def _has_room(self, own: Round) -> bool:
        """Whether some worker would have nothing to do next, and what was done is being taken."""
        if own.outcomes.qsize() > 2 * len(self._lanes):
            return False
        if self._dealing == "next":
            return self._lanes[0].queue.qsize() < len(self._lanes)
        return any(lane.queue.qsize() == 0 for lane in self._lanes)

    def _deal(self, work: Work) -> None:
        at = work.index % len(self._lanes)
        self._lanes[at].queue.put(work)
        if at == self._begun:
            self._begun += 1
            self._lanes[at].begin()

    def _next(self, own: Round) -> Outcome:
        while not self._closed.is_set():
            try:
                return own.outcomes.get(timeout=STRIKES_WITHIN)
            except Empty:
                continue
        raise RuntimeError("the team has been closed")

    def _workers(self) -> list[Any]:
        return [lane.worker for lane in self._lanes if lane.worker is not None]

    def _read(self, outcome: Outcome) -> Any:
        """The answer, or the error as it is raised."""
        said = outcome.said
        if isinstance(said, bytes):
            content = pickle.loads(memoryview(said)[1:])
            if said[:1] == ANSWER:
                return content
            error, trace = content
            raise error from Elsewhere(trace)
        if isinstance(said, Exception):
            raise WorkerLost(tr("no process could be begun: {why}", why=said)) from said
        raise self._told(said)

    def _told(self, fate: type[WorkerLost | OutOfMemory | TimedOut]) -> VorratError:
        if fate is OutOfMemory:
            return OutOfMemory(
                tr(
                    "a process was ended, since it held more than {limit} MB of memory",
                    limit=round((self._limits.memory or 0) / 1e6),
                )
            )
        if fate is TimedOut:
            return TimedOut(
                tr(
                    "a process was ended, since it had not answered after {seconds} s",
                    seconds=figure(self._limits.seconds or 0.0),
                )
            )
        return WorkerLost(
            tr("a process that solved problems has died; fewer --jobs take less memory")
        )


class Elsewhere(Exception):
    """The trace of an error in the process that raised it."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
