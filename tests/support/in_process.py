"""An engine that answers in this process: as many lanes as there would be processes, each with what
it has learnt."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from optimizer.parallel.interface import Arrival, Dealing, Make, Team
from optimizer.parallel.processes import InThisProcess


@dataclass(frozen=True)
class InProcess:
    name = "in process"
    size = None

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> Lanes:
        return Lanes(make, given, jobs or 1 if dealing == "fixed" else 1)


class Lanes(Team[Any, Any]):
    def __init__(self, make: Make, given: tuple[Any, ...], lanes: int) -> None:
        self._lanes = [InThisProcess(make, given) for _ in range(lanes)]

    def arrivals(self, tasks: Iterable[Any]) -> Generator[Arrival[Any], None, None]:
        for index, task in enumerate(tasks):
            (own,) = self._lanes[index % len(self._lanes)].arrivals([task])
            yield Arrival(index, own.answer, own.error, own.seconds)
