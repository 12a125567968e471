"""Simulated solver processes, for tests of the queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from optimizer.page.solver_pool import SolverPool
from optimizer.page.solver_process import PoolLimits
from optimizer.page.worker import SolveRequest, ViewRequest
from optimizer.parallel.services import EventHandler, ServiceEvent, ServiceMessage


@dataclass(eq=False)
class SimulatedProcess:
    """A simulated process that answers on request, with its number and its last question."""

    number: int
    on_event: EventHandler
    memory_bytes: int = 0
    exceeded_memory_limit: bool = False
    is_alive: bool = True
    asked: list[ServiceMessage] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    def send(self, message: ServiceMessage) -> None:
        if message.question is None:
            self.stopped.append(message.number)
            return
        self.asked.append(message)

    def close(self, _wait_seconds: float = 0.0) -> None:
        self.is_alive = False
        self.on_event(None)


class SimulatedPool:
    """A solver pool of simulated processes, with the outcomes of questions."""

    def __init__(self, **room: Any) -> None:
        self.seats: list[SimulatedProcess] = []
        self.solvers = SolverPool(PoolLimits(**room), cast(Any, self.seat))
        self.reported: dict[str, list[Any]] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}

    def seat(self, heard: EventHandler) -> SimulatedProcess:
        self.seats.append(SimulatedProcess(len(self.seats), heard))
        return self.seats[-1]

    def slow(self) -> threading.Event:
        """Let processes start only when the returned event is set."""
        ready = threading.Event()

        def slowly(heard: EventHandler) -> SimulatedProcess:
            assert ready.wait(10)
            return self.seat(heard)

        self.solvers.start_worker = cast(Any, slowly)
        return ready

    async def ask(self, name: str, scenario: str = "s", user: str = "", what: Any = None,
                  **how: Any) -> None:  # fmt: skip
        """Submit a question, and wait until it is queued."""
        what = what or asked(name)
        tell: Callable[[Any], None] = self.reported.setdefault(name, []).append
        made = self.solvers.submit(scenario, what, "en", tell, owner=name, user=user, **how)
        self.tasks[name] = asyncio.create_task(made)
        await settled()

    async def answer(self, seat: int) -> str:
        """Let a process answer its last question; return the key of that question."""
        message = self.seats[seat].asked[-1]
        self.seats[seat].on_event(ServiceEvent(message.number, (seat, key_of(message.question))))
        await settled()
        return key_of(message.question)

    @property
    def at_work(self) -> list[tuple[int, str]]:
        """The unanswered question of each process."""
        done = {name for name, task in self.tasks.items() if task.done()}
        pairs = [(one.number, key_of(one.asked[-1].question)) for one in self.seats if one.asked]
        return [(seat, key) for seat, key in pairs if key not in done and self.seats[seat].is_alive]


def key_of(what: Any) -> str:
    return what.keys[0] if isinstance(what, ViewRequest) else str(what.key)


def asked(key: str) -> SolveRequest:
    return SolveRequest(key, cast(Any, None), key, None)


async def settled() -> None:
    """Until nothing moves any more; what a thread does comes soon."""
    for _ in range(40):
        await asyncio.sleep(0.001)
