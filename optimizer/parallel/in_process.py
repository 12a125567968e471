"""The engine that answers in this process, one task after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.errors import OutOfMemory, VorratError
from optimizer.parallel.interface import Arrival, Dealing, Make, Team


@dataclass(frozen=True)
class InProcess:
    """Tasks answered by this process: no limits, and nothing outlives a crash.

    Where tasks are dealt out in a fixed way, each of so many lanes learns by itself, so that the
    answers are those of as many processes. A task that the user stops has Interrupted as its error;
    whoever takes what arrives decides whether others are still wanted.
    """

    name = "in process"
    """What manifests call it."""
    size = None
    """There is this process alone, however many lanes it keeps apart."""

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> InThisProcess:
        """A team that answers here; one lane where ``jobs`` is None."""
        return InThisProcess(make, given, jobs or 1 if dealing == "fixed" else 1)


class InThisProcess(Team[Any, Any]):
    """So many lanes of tasks, each with what it has learnt."""

    def __init__(self, make: Make, given: tuple[Any, ...], lanes: int) -> None:
        self._make, self._given, self._lanes = make, given, lanes
        self._answering: dict[int, Callable[[Any], Any]] = {}

    def __exit__(self, *exc: object) -> None:
        self._answering.clear()

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        """What becomes of each task; each is taken when the one before it has been answered."""
        for index, task in enumerate(tasks):
            began, answer, error = time.monotonic(), None, None
            try:
                answer = self._answer(index % self._lanes, task)
            except VorratError as failed:
                error = failed
            yield Arrival(index, answer, error, time.monotonic() - began)

    def _answer(self, lane: int, task: Any) -> Any:
        try:
            if lane not in self._answering:
                self._answering[lane] = self._make(*self._given)
            return self._answering[lane](task)
        except MemoryError as error:
            # What it has learnt may be half written.
            self._answering.pop(lane, None)
            raise OutOfMemory(tr("there is no memory left")) from error
