"""The solver processes of the server, and the queue of requests for them.

Each process keeps one scenario and answers one request at a time. If it dies or exceeds its memory
limit, only the answer under way is lost, and the next question starts another process.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from models.faults import VorratError
from models.language import Language, tr, using
from optimizer.page.worker import (
    AnswerFailure,
    Request,
    ScenarioWorker,
    SolveRequest,
    ViewRequest,
    required_keys,
)
from optimizer.parallel.services import (
    EventHandler,
    LocalWorker,
    ServiceEvent,
    ServiceMessage,
    ServiceWorker,
)

CLOSE_SECONDS = 2.0  # seconds to wait until a worker of a cluster is released
MAX_REMEMBERED = 2_000
"""Maximal number of answers for which the process is remembered, and of users for whom the last
turn is."""


class ServerBusy(Exception):
    """Raised if too many requests are already waiting."""


class RequestRemoved(VorratError):
    """Raised for a request that was removed from the queue before its turn."""


@dataclass(frozen=True)
class PoolLimits:
    """Limits on the processes and requests of a pool."""

    max_per_scenario: int = 1
    """Maximal number of processes that keep the same scenario."""
    max_processes: int = 3
    """Maximal number of processes; the least recently used one ends for another scenario."""
    max_active: int = 3
    """Maximal number of requests that are answered at the same time."""
    max_waiting_per_user: int = 64
    """Maximal number of waiting requests of one user."""
    process_memory: int | None = None
    """Maximal bytes of one process; None for no limit."""
    total_memory: int | None = None
    """Bytes of all processes above which unused ones are ended; None for no limit."""
    view_grace_seconds: float = 0.0
    """Seconds for which a process that has found a plan is reserved for the user who asked. A
    request for a view of the plan comes next, which would otherwise wait for another user's
    search."""
    search_seconds: float | None = None
    """Seconds after which a search ends with the best plan so far; None for no limit."""
    answer_timeout: float | None = None
    """Seconds after which a process that has not answered counts as hung and is ended; None for no
    limit."""


WorkerFactory = Callable[[EventHandler], ServiceWorker]


@dataclass(eq=False)
class SolverProcess:
    """A solver process with the scenario that it keeps."""

    scenario: str
    limits: PoolLimits
    start_worker: WorkerFactory
    current: _QueuedRequest | None = None
    """The request that the process is answering, even if nobody waits for the answer any more."""
    reserved_for: str | None = None
    """The user for whom the process is reserved for a moment."""
    is_removed: bool = False
    """Whether the pool has removed it: a worker that is just starting is then closed."""
    unfinished_keys: set[str] = field(default_factory=set)
    """Keys of abandoned searches. The process keeps their best plan so far, which must not be taken
    for the optimal one."""
    _replies: asyncio.Queue[ServiceEvent | None] = field(default_factory=asyncio.Queue)
    _worker: ServiceWorker | None = None
    _request_number: int = 0
    _stopped_number: int = 0  # number of the last request that was stopped

    @property
    def memory_held(self) -> int:
        """Memory that the process uses, in bytes."""
        return 0 if self._worker is None else self._worker.memory_bytes

    def start(self, queued: _QueuedRequest, on_free: Callable[[], None]) -> asyncio.Future[Any]:
        """Begin to answer a request, and return a future of the answer. ``on_free`` is called when
        the process is free again. Progress is reported to the request."""
        self.current, self.reserved_for = queued, None
        self._request_number += 1
        number = self._request_number

        def release() -> None:
            if self._request_number == number:
                self.reserved_for = None
                on_free()

        answer_task = asyncio.ensure_future(self._answer(number, queued))

        def finish(answer_task: asyncio.Future[Any]) -> None:
            if not answer_task.cancelled():
                answer_task.exception()  # marks it as retrieved: asyncio would log it otherwise
            self.current = None
            if isinstance(queued.request, SolveRequest) and queued.is_abandoned:
                self.unfinished_keys.add(queued.request.key)
            elif isinstance(queued.request, SolveRequest):
                self.unfinished_keys.discard(queued.request.key)
                if grace_seconds := self.limits.view_grace_seconds:
                    self.reserved_for = queued.user
                    asyncio.get_running_loop().call_later(grace_seconds, release)
            on_free()

        answer_task.add_done_callback(finish)
        return answer_task

    def is_free(self, user: str, is_next: bool) -> bool:
        """Return whether the process can answer a request of a user now. While it is reserved it
        answers only that user, and only if ``is_next``, which is false for a question if another
        user is ahead in the queue. Otherwise a user could renew the reservation forever."""
        return self.current is None and (
            self.reserved_for is None or (self.reserved_for == user and is_next)
        )

    async def _answer(self, number: int, queued: _QueuedRequest) -> Any:
        with using(queued.language):  # not that of the request whose end started this one
            if self._worker is None or not self._worker.is_alive:
                self._replies, self.unfinished_keys = asyncio.Queue(), set()
                on_reply = partial(_forward_reply, asyncio.get_running_loop(), self._replies)
                self._worker = await asyncio.to_thread(self.start_worker, on_reply)
            if self.is_removed:
                self.close()
            if self._stopped_number == number or self._worker is None:
                return AnswerFailure(tr("it was stopped before it began"))
            if not self.unfinished_keys.isdisjoint(required_keys(queued.request)):
                return AnswerFailure(tr("the plan is not kept any more"), plan_gone=True)
            try:
                async with asyncio.timeout(self.limits.answer_timeout):
                    return await self._exchange(self._worker, number, queued)
            except TimeoutError:
                self.close()
                seconds = round(self.limits.answer_timeout or 0)
                return AnswerFailure(
                    tr("the answer took more than {seconds} s and was ended", seconds=seconds)
                )
            except OSError:
                return self._failure_after_loss()

    async def _exchange(self, worker: ServiceWorker, number: int, queued: _QueuedRequest) -> Any:
        await asyncio.to_thread(
            worker.send, ServiceMessage(number, queued.request, queued.language)
        )
        while (event := await self._replies.get()) is not None:
            if event.number == number and not event.is_last:
                queued.report_progress(event.content)
            elif event.number == number:
                is_error = isinstance(event.content, BaseException)
                return AnswerFailure(str(event.content)) if is_error else event.content
        return self._failure_after_loss()

    def stop(self) -> None:
        """Stop the search of the current request, which then returns the best plan so far."""
        self._stopped_number = self._request_number
        if self._worker is not None:
            # In a thread, since sending may block until the process has started.
            stop = partial(_send_quietly, self._worker, ServiceMessage(self._request_number, None))
            asyncio.get_running_loop().run_in_executor(None, stop)

    def close(self, patience: float = 0.0) -> None:
        """End the process. One on a cluster is waited for, but at most ``patience`` seconds."""
        if self._worker is not None:
            self._worker.close(patience)
        self._worker = None

    def _failure_after_loss(self) -> AnswerFailure:
        has_exceeded_limit = self._worker is not None and self._worker.exceeded_memory_limit
        self.close()
        if has_exceeded_limit:
            limit = round((self.limits.process_memory or 0) / 1e6)
            return AnswerFailure(
                tr("the answer took more than {limit} MB of memory and was ended", limit=limit)
            )
        return AnswerFailure(
            tr("the process that solves has died; ask again, and another one begins")
        )


def _forward_reply(
    loop: asyncio.AbstractEventLoop,
    replies: asyncio.Queue[ServiceEvent | None],
    reply: ServiceEvent | None,
) -> None:
    with suppress(RuntimeError):  # the event loop is closed
        loop.call_soon_threadsafe(replies.put_nowait, reply)


def _send_quietly(worker: ServiceWorker, message: ServiceMessage) -> None:
    with suppress(OSError):  # it has ended, so there is nothing to stop
        worker.send(message)


@dataclass(eq=False)
class _QueuedRequest:
    """A request that is waiting or being answered."""

    number: int
    scenario: str
    user: str
    request: Request
    language: Language
    on_progress: Callable[[Any], None]
    owner: object
    near_key: str | None
    """Key of a plan in whose process it has to be answered."""
    turn: asyncio.Future[asyncio.Future[Any]]
    """Completed when its turn has come, with the future answer."""
    position: int = -1
    is_abandoned: bool = False
    """Whether nobody waits for it any more."""

    def report_progress(self, progress: Any) -> None:
        """Report progress to the callback of the request. An error in the callback is ignored, so
        that it does not end the process."""
        try:
            self.on_progress(progress)
        except Exception:
            traceback.print_exc()


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
    _queue: list[_QueuedRequest] = field(default_factory=list)
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
        queued = _QueuedRequest(next(self._numbers), *fields)
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

    def _queue_order(self) -> list[_QueuedRequest]:
        counts = Counter(p.current.user for p in self._processes if p.current is not None)
        rank: dict[_QueuedRequest, tuple[int, bool, int, int]] = {}
        for queued in self._queue:  # in order of arrival
            is_later = (
                isinstance(queued.request, SolveRequest) or queued.user in self._users_with_view
            )
            last_turn = self._last_turns.get(queued.user, -1)
            rank[queued] = counts[queued.user], is_later, last_turn, queued.number
            counts[queued.user] += 1
        return sorted(self._queue, key=rank.__getitem__)

    def _process_for(self, queued: _QueuedRequest, is_next: bool) -> SolverProcess | None:
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
