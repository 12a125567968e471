"""The solver processes of the server, and the queue of requests for them.

Each process keeps one scenario and answers one request at a time. If it dies or exceeds its memory
limit, only the answer under way is lost, and the next question starts another process.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from models.faults import VorratError
from models.language import Language, tr
from optimizer.page.solver_process import PoolLimits, QueuedRequest, SolverProcess, WorkerFactory
from optimizer.page.worker import Request, ScenarioWorker, SolveRequest, ViewRequest
from optimizer.parallel.services import EventHandler, LocalWorker, ServiceWorker

CLOSE_SECONDS = 2.0  # seconds to wait until a worker of a cluster is released
MAX_REMEMBERED = 2_000
"""Maximal number of answers for which the process is remembered, and of users for whom the last
turn is."""


class ServerBusy(Exception):
    """Raised if too many requests are already waiting."""


class RequestRemoved(VorratError):
    """Raised for a request that was removed from the queue before its turn."""


@dataclass(eq=False)
class SolverPool:
    """All solver processes, and the queue of requests for them.

    Requests of users with fewer requests active or ahead in the queue come first. Among equal ones,
    views come before questions, since they take only a second, but a user has only one view between
    two questions. Then the user whose last turn was earlier comes first, and then the request that
    arrived earlier. So a question waits for at most two requests of each other user: a view and a
    question.
    """

    limits: PoolLimits = field(default_factory=PoolLimits)
    start_worker: WorkerFactory | None = None
    """Starts a process; by default one on this machine."""
    is_lost: Callable[[], bool] = field(default=lambda: False)
    """Whether no process can be started any more, as when a cluster is lost."""
    _processes: list[SolverProcess] = field(default_factory=list)  # most recently used last
    _queue: list[QueuedRequest] = field(default_factory=list)
    _process_by_key: OrderedDict[tuple[str, str], SolverProcess] = field(
        default_factory=OrderedDict
    )
    """Process that keeps an answer, by scenario and key of the answer."""
    _last_turns: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Number of the last turn of each user; kept of users who were forgotten, so that they gain no
    precedence."""
    _users_with_view: set[str] = field(default_factory=set)
    """Users for whom a view was begun since the last question."""
    _numbers: count[int] = field(default_factory=count)  # of requests and turns

    async def submit(
        self,
        scenario: str,
        request: Request,
        language: Language,
        on_progress: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        user: str = "",
        near_key: str | None = None,
    ) -> Any:
        """Wait for the turn of a request, and return the answer. ``on_progress`` is called with
        progress and, while the request waits, with its position in the queue as an integer.
        :meth:`stop` finds the request by ``owner``. A view is answered in the process that has its
        first plan, a question in the process that answered it before, and other requests in the
        process that has the plan ``near_key``. Raises ServerBusy if too many requests of the user
        are waiting."""
        if sum(q.user == user for q in self._queue) >= self.limits.max_waiting_per_user:
            raise ServerBusy
        if isinstance(request, ViewRequest):
            near_key = request.keys[0]
        elif isinstance(request, SolveRequest):
            near_key = near_key or request.key  # the process that has solved it keeps the answer
        turn = asyncio.get_running_loop().create_future()
        fields = (scenario, user, request, language, on_progress, owner, near_key, turn)
        queued = QueuedRequest(next(self._numbers), *fields)
        self._queue.append(queued)
        self._dispatch()
        try:
            return await asyncio.shield(await turn)
        except asyncio.CancelledError:
            for process in self._processes:
                if process.current is queued:
                    process.stop()
            queued.owner, queued.is_abandoned = None, True  # stop(owner) must not reach it any more
            raise
        finally:
            if queued in self._queue:
                self._queue.remove(queued)
                self._dispatch()

    def is_in_other_process(self, scenario: str, key: str, near_key: str) -> bool:
        """Return whether the plan ``key`` is kept in another process than the plan ``near_key``."""
        process = self._process_by_key.get((scenario, key))
        return process in self._processes and process is not self._process_by_key.get(
            (scenario, near_key)
        )

    def stop(self, owner: object) -> bool:
        """Stop the request of an owner if it is being answered; it then returns the best plan so
        far. Return whether it was being answered."""
        owner_processes = [
            process
            for process in self._processes
            if owner is not None and process.current and process.current.owner is owner
        ]
        for process in owner_processes:
            process.stop()
        return bool(owner_processes)

    def forget(self, user: str) -> None:
        """End all requests of a user, and the processes that keep the user's uploads. Their
        scenarios are named ``user/scenario``."""
        prefix = f"{user}/"
        for queued in self._queue:
            if queued.user == user and not queued.turn.done():
                queued.turn.set_exception(RequestRemoved(tr("it was removed")))
        for process in list(self._processes):
            if process.scenario.startswith(prefix):
                process.is_removed = True
                process.close()
                self._processes.remove(process)
            elif process.current is not None and process.current.user == user:
                process.stop()
        for key in [key for key in self._process_by_key if key[0].startswith(prefix)]:
            del self._process_by_key[key]

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.close(CLOSE_SECONDS)

    # Scheduling

    def _dispatch(self) -> None:
        """Start requests in their order while processes are free, and report their positions to all
        others."""
        order = self._queue_order()
        active = sum(process.current is not None for process in self._processes)
        passed_users = set[str]()  # users ahead in the queue who got no process
        for queued in order:
            is_next = not isinstance(queued.request, SolveRequest) or passed_users <= {queued.user}
            if (
                active < self.limits.max_active
                and (chosen_process := self._process_for(queued, is_next)) is not None
            ):
                self._queue.remove(queued)
                self._processes.remove(chosen_process)
                self._processes.append(chosen_process)
                _remember_newest(self._last_turns, queued.user, next(self._numbers))
                if isinstance(queued.request, SolveRequest):
                    self._users_with_view.clear()
                    key = queued.scenario, queued.request.key
                    _remember_newest(self._process_by_key, key, chosen_process)
                else:
                    self._users_with_view.add(queued.user)
                queued.turn.set_result(chosen_process.start(queued, self._dispatch))
                active += 1
            elif not queued.turn.done():
                passed_users.add(queued.user)
        for position, queued in enumerate(self._queue_order(), start=max(active, 1)):
            if queued.position != position:
                queued.position = position
                queued.report_progress(position)
        for process in [process for process in self._processes[:-1] if process.current is None]:
            if self._exceeds_memory():
                self._processes.remove(process)
                process.close()

    def _queue_order(self) -> list[QueuedRequest]:
        counts = Counter(p.current.user for p in self._processes if p.current is not None)
        rank: dict[QueuedRequest, tuple[int, bool, int, int]] = {}
        for queued in self._queue:  # in order of arrival
            is_later = (
                isinstance(queued.request, SolveRequest) or queued.user in self._users_with_view
            )
            last_turn = self._last_turns.get(queued.user, -1)
            rank[queued] = counts[queued.user], is_later, last_turn, queued.number
            counts[queued.user] += 1
        return sorted(self._queue, key=rank.__getitem__)

    def _process_for(self, queued: QueuedRequest, is_next: bool) -> SolverProcess | None:
        """Return a process that can answer a request now; None if the request has to wait."""
        if queued.turn.done():  # cancelled or removed
            return None
        scenario_processes = [p for p in self._processes if p.scenario == queued.scenario]
        plan_process = self._process_by_key.get((queued.scenario, queued.near_key or ""))
        if plan_process is not None and plan_process in scenario_processes:
            return plan_process if plan_process.is_free(queued.user, is_next) else None
        free_processes = [
            process for process in scenario_processes if process.is_free(queued.user, is_next)
        ]
        if free_processes:
            return free_processes[-1]
        if len(scenario_processes) >= self.limits.max_per_scenario or not self._ensure_capacity(
            queued.user, is_next
        ):
            return None
        start_worker = self.start_worker or self._start_local
        self._processes.append(SolverProcess(queued.scenario, self.limits, start_worker))
        return self._processes[-1]

    def _start_local(self, on_reply: EventHandler) -> ServiceWorker:
        return LocalWorker(ScenarioWorker, on_reply, self.limits.process_memory)

    def _ensure_capacity(self, user: str, is_next: bool) -> bool:
        """End free processes until the limits allow another one, first those for whose scenario no
        request waits. Return whether the limits allow one."""
        wanted_scenarios = {queued.scenario for queued in self._queue}
        idle = [process for process in self._processes if process.is_free(user, is_next)]
        free_processes = sorted(idle, key=lambda process: process.scenario in wanted_scenarios)
        while len(self._processes) >= self.limits.max_processes or self._exceeds_memory():
            if not free_processes:
                return False
            self._processes.remove(ended_process := free_processes.pop(0))
            ended_process.close()
        return True

    def _exceeds_memory(self) -> bool:
        """Return whether all processes together use more memory than is allowed."""
        limit = self.limits.total_memory
        return limit is not None and sum(process.memory_held for process in self._processes) > limit


def _remember_newest(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Add an entry to a mapping of limited size, from which the oldest entries are removed."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > MAX_REMEMBERED:
        known.popitem(last=False)
