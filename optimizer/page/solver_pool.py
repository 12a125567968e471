"""The processes that solve, as the server sees them, and who waits for one.

Each keeps a scenario, and is asked one thing at a time. One that dies or outgrows its memory costs
its answer and nothing else: the next question begins another.
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
    PlanRequest,
    ScenarioWorker,
    SolveRequest,
    TransferredPlan,
    ViewRequest,
)
from optimizer.parallel.services import (
    EventHandler,
    LocalWorker,
    ServiceEvent,
    ServiceMessage,
    ServiceWorker,
)

CLOSE_SECONDS = 2.0  # seconds that a worker of a cluster has to hear that nobody needs it
MAX_REMEMBERED = 2_000
"""Answers of which is known in which process they are, and users whose last turn is."""


class ServerBusy(Exception):
    """So many questions wait that no more are taken."""


class RequestRemoved(VorratError):
    """What was asked was removed before its turn had come."""


@dataclass(frozen=True)
class PoolLimits:
    """How much may be kept and be at work at once."""

    max_per_scenario: int = 1
    """Processes that keep the same scenario."""
    max_processes: int = 3
    """Processes in all; the one that was asked longest ago ends for another scenario."""
    max_active: int = 3
    """Questions that are answered at the same time."""
    max_waiting_per_user: int = 64
    """Questions of one user that wait at most."""
    process_memory: int | None = None
    """Bytes that one process may hold; no limit where None."""
    total_memory: int | None = None
    """Bytes above which processes that nobody needs are ended."""
    view_grace_seconds: float = 0.0
    """Seconds for which a process that has found a plan is left to who asked for it. A look at the
    plan comes next, which would wait for the search of somebody else otherwise."""
    search_seconds: float | None = None
    """Seconds after which a search ends with the best plan so far."""
    answer_timeout: float | None = None
    """After which a process that has not answered is ended; for one that hangs."""


WorkerFactory = Callable[[EventHandler], ServiceWorker]


@dataclass(eq=False)
class SolverProcess:
    """The process of one scenario."""

    scenario: str
    limits: PoolLimits
    start_worker: WorkerFactory
    current: _QueuedRequest | None = None
    """Who is answered, until the process has come back; also where nobody waits any more."""
    reserved_for: str | None = None
    """The user to whom it is left for a moment."""
    is_removed: bool = False
    """Whether nobody may be answered any more, nor by a process that is just beginning."""
    unfinished_keys: set[str] = field(default_factory=set)
    """Keys of what nobody waited for to its end: the process keeps the best plan until then, which
    nobody may take for the best there is."""
    _replies: asyncio.Queue[ServiceEvent | None] = field(default_factory=asyncio.Queue)
    _worker: ServiceWorker | None = None
    _request_number: int = 0
    _stopped_number: int = 0  # the number of what was to stop last

    @property
    def memory_held(self) -> int:
        """Bytes that its process holds."""
        return 0 if self._worker is None else self._worker.memory_bytes

    def start(self, queued: _QueuedRequest, on_free: Callable[[], None]) -> asyncio.Future[Any]:
        """Answer somebody whose turn has come; ``done`` is called when the process is free again.
        What is known on the way is told."""
        self.current, self.reserved_for = queued, None
        self._request_number += 1
        number = self._request_number

        def let_go() -> None:
            if self._request_number == number:
                self.reserved_for = None
                on_free()

        answering = asyncio.ensure_future(self._answer(number, queued))

        def end(answering: asyncio.Future[Any]) -> None:
            if not answering.cancelled():
                answering.exception()  # whoever asked has heard it, or has gone
            self.current = None
            if isinstance(queued.request, SolveRequest):
                (self.unfinished_keys.add if queued.is_abandoned else self.unfinished_keys.discard)(
                    queued.request.key
                )
            if (
                self.limits.view_grace_seconds
                and isinstance(queued.request, SolveRequest)
                and not queued.is_abandoned
            ):
                self.reserved_for = queued.user
                asyncio.get_running_loop().call_later(self.limits.view_grace_seconds, let_go)
            on_free()

        answering.add_done_callback(end)
        return answering

    def is_free(self, user: str, is_next: bool) -> bool:
        """Whether it may answer a user now. While it is kept for one, it answers no other, and a
        question of his only if that ``is_next``: he could renew it for ever otherwise."""
        return self.current is None and (
            self.reserved_for is None or (self.reserved_for == user and is_next)
        )

    async def _answer(self, number: int, queued: _QueuedRequest) -> Any:
        with using(queued.language):  # whoever made room for it may speak another one
            if self._worker is None or not self._worker.is_alive:
                self._replies, self.unfinished_keys = asyncio.Queue(), set()
                heard = partial(_forward_reply, asyncio.get_running_loop(), self._replies)
                self._worker = await asyncio.to_thread(self.start_worker, heard)
            if self.is_removed:
                self.close()
            if self._stopped_number == number or self._worker is None:
                return AnswerFailure(tr("it was stopped before it began"))
            if not self.unfinished_keys.isdisjoint(_required_keys(queued.request)):
                return AnswerFailure(tr("the plan is not kept any more"), plan_gone=True)
            try:
                async with asyncio.timeout(self.limits.answer_timeout):
                    return await self._exchange(self._worker, number, queued)
            except TimeoutError:
                self.close()
                most = round(self.limits.answer_timeout or 0)
                return AnswerFailure(
                    tr("the answer took more than {seconds} s and was ended", seconds=most)
                )
            except OSError:
                return self._failure_after_loss()

    async def _exchange(self, worker: ServiceWorker, number: int, queued: _QueuedRequest) -> Any:
        await asyncio.to_thread(
            worker.send, ServiceMessage(number, queued.request, queued.language)
        )
        while (told := await self._replies.get()) is not None:
            if told.number == number and not told.is_last:
                queued.report_progress(told.content)
            elif told.number == number:
                lost = isinstance(told.content, BaseException)
                return AnswerFailure(str(told.content)) if lost else told.content
        return self._failure_after_loss()

    def stop(self) -> None:
        """Have the process come back from what it answers now, with the best so far."""
        self._stopped_number = self._request_number
        if self._worker is not None:
            # What is being sent may take until the process has begun.
            stop = partial(_send_quietly, self._worker, ServiceMessage(self._request_number, None))
            asyncio.get_running_loop().run_in_executor(None, stop)

    def close(self, patience: float = 0.0) -> None:
        """End the process; of one elsewhere, that is waited for so many seconds at most."""
        if self._worker is not None:
            self._worker.close(patience)
        self._worker = None

    def _failure_after_loss(self) -> AnswerFailure:
        outgrown = self._worker is not None and self._worker.outgrew_memory
        self.close()
        if outgrown:
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
    with suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(replies.put_nowait, reply)


def _required_keys(
    request: SolveRequest | ViewRequest | PlanRequest | TransferredPlan,
) -> tuple[str, ...]:
    """Keys of the plans that have to be there for an answer."""
    if isinstance(request, ViewRequest):
        return request.keys
    return (request.key,) if isinstance(request, PlanRequest) else ()


def _send_quietly(worker: ServiceWorker, message: ServiceMessage) -> None:
    with suppress(OSError):  # it has gone, and nothing is left to stop
        worker.send(message)


@dataclass(eq=False)
class _QueuedRequest:
    """One question that waits, or is answered."""

    number: int
    scenario: str
    user: str
    request: SolveRequest | ViewRequest | PlanRequest | TransferredPlan
    language: Language
    on_progress: Callable[[Any], None]
    owner: object
    near_key: str | None
    """The key of a plan in whose process it is to be answered."""
    turn: asyncio.Future[asyncio.Future[Any]]
    """Done when its turn has come, with what will be the answer."""
    position: int = -1
    is_abandoned: bool = False
    """Whether nobody waits for it any more."""

    def report_progress(self, progress: Any) -> None:
        """Tell what is known; what goes wrong there costs nobody the process."""
        try:
            self.on_progress(progress)
        except Exception:
            traceback.print_exc()


@dataclass(eq=False)
class SolverPool:
    """All processes, and the line of those who wait for one.

    Who has fewer questions at work and waiting comes first; then what only shows a plan, which
    takes a second, but once of each user between two questions; then who had no turn for longest,
    and then who came first. So a question waits for two of each other user at most: one
    that only shows a plan, and another one.
    """

    limits: PoolLimits = field(default_factory=PoolLimits)
    start_worker: WorkerFactory | None = None
    """What begins a process; of this machine if not given."""
    is_lost: Callable[[], bool] = field(default=lambda: False)
    """Whether there will be no process any more, such as where a cluster has gone."""
    _processes: list[SolverProcess] = field(
        default_factory=list
    )  # the one that was asked last is the last
    _queue: list[_QueuedRequest] = field(default_factory=list)
    _process_by_key: OrderedDict[tuple[str, str], SolverProcess] = field(
        default_factory=OrderedDict
    )
    _last_turns: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """When each user had the last turn; also of one who was forgotten, who is not first then."""
    _users_with_view: set[str] = field(
        default_factory=set
    )  # who had a view since the last question
    _counter: count[int] = field(default_factory=count)

    async def submit(
        self,
        scenario: str,
        request: SolveRequest | ViewRequest | PlanRequest | TransferredPlan,
        language: Language,
        on_progress: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        user: str = "",
        near_key: str | None = None,
    ) -> Any:
        """The answer, when its turn has come; what is known on the way is told, and how many are
        before it, as a whole number. ``owner`` is who can :meth:`stop` it. A view is answered where
        its (first) plan is, a question where it was asked before, and everything else ``near`` the
        plan of a key, if one is given.

        Raises Busy where too many questions of the user wait.
        """
        if sum(one.user == user for one in self._queue) >= self.limits.max_waiting_per_user:
            raise ServerBusy
        if isinstance(request, ViewRequest):
            near_key = request.keys[0]
        elif isinstance(
            request, SolveRequest
        ):  # where it was asked before it has the same answer, at once
            near_key = near_key or request.key
        turn = asyncio.get_running_loop().create_future()
        mine = _QueuedRequest(
            next(self._counter), scenario, user, request, language, on_progress, owner, near_key, turn
        )  # fmt: skip
        self._queue.append(mine)
        self._dispatch()
        try:
            return await asyncio.shield(await turn)
        except asyncio.CancelledError:
            for solver in self._processes:
                if solver.current is mine:
                    solver.stop()
            mine.owner, mine.is_abandoned = None, True  # what he stops next is another one
            raise
        finally:
            if mine in self._queue:
                self._queue.remove(mine)
                self._dispatch()

    def is_elsewhere(self, scenario: str, key: str, near_key: str) -> bool:
        """Whether the plan of a key is in another process than that of ``near``."""
        home = self._process_by_key.get((scenario, key))
        return home in self._processes and home is not self._process_by_key.get(
            (scenario, near_key)
        )

    def stop(self, owner: object) -> bool:
        """End what somebody asked, if it is being answered: it comes back with the best so far.
        Whether it was."""
        mine = [
            one for one in self._processes if one.current is not None and one.current.owner is owner
        ]
        for one in mine if owner is not None else ():
            one.stop()
        return owner is not None and bool(mine)

    def forget(self, user: str) -> None:
        """End what one user asked, and the processes of what he alone has, as ``user/scenario``."""
        own = f"{user}/"
        for mine in [mine for mine in self._queue if mine.user == user and not mine.turn.done()]:
            mine.turn.set_exception(RequestRemoved(tr("it was removed")))
        for one in list(self._processes):
            if one.scenario.startswith(own):
                one.is_removed = True
                one.close()
                self._processes.remove(one)
            elif one.current is not None and one.current.user == user:
                one.stop()
        for at in [at for at in self._process_by_key if at[0].startswith(own)]:
            del self._process_by_key[at]

    def close(self) -> None:
        """End all of them."""
        for one in self._processes:
            one.close(CLOSE_SECONDS)

    # Who is next

    def _dispatch(self) -> None:
        """Give those who are next a process for as long as there is one, and tell all others how
        many are before them."""
        line, at_work = self._queue_order(), sum(one.current is not None for one in self._processes)
        passed = set[str]()  # users before who could not be given one
        for mine in line:
            is_next = not isinstance(mine.request, SolveRequest) or passed <= {mine.user}
            if (
                at_work < self.limits.max_active
                and (solver := self._process_for(mine, is_next)) is not None
            ):
                self._queue.remove(mine)
                self._processes.remove(solver)
                self._processes.append(solver)
                _remember_newest(self._last_turns, mine.user, next(self._counter))
                if isinstance(mine.request, SolveRequest):
                    self._users_with_view.clear()
                    _remember_newest(
                        self._process_by_key, (mine.scenario, mine.request.key), solver
                    )
                else:
                    self._users_with_view.add(mine.user)
                mine.turn.set_result(solver.start(mine, self._dispatch))
                at_work += 1
            elif not mine.turn.done():
                passed.add(mine.user)
        for place, mine in enumerate(self._queue_order(), start=max(at_work, 1)):
            if mine.position != place:
                mine.position = place
                mine.report_progress(place)
        for one in [one for one in self._processes[:-1] if one.current is None]:
            if self._exceeds_memory():
                self._processes.remove(one)
                one.close()

    def _queue_order(self) -> list[_QueuedRequest]:
        asks = Counter(one.current.user for one in self._processes if one.current is not None)
        rank: dict[_QueuedRequest, tuple[int, bool, int, int]] = {}
        for mine in self._queue:  # as they came
            is_long = isinstance(mine.request, SolveRequest) or mine.user in self._users_with_view
            rank[mine] = asks[mine.user], is_long, self._last_turns.get(mine.user, -1), mine.number
            asks[mine.user] += 1
        return sorted(self._queue, key=rank.__getitem__)

    def _process_for(self, queued: _QueuedRequest, is_next: bool) -> SolverProcess | None:
        """A process that is free for a question; None where it has to wait for one."""
        if queued.turn.done():  # nobody waits for it any more
            return None
        same = [one for one in self._processes if one.scenario == queued.scenario]
        home = (
            self._process_by_key.get((queued.scenario, queued.near_key))
            if queued.near_key
            else None
        )
        if home in same:
            return home if home is not None and home.is_free(queued.user, is_next) else None
        free = [one for one in same if one.is_free(queued.user, is_next)]
        if free:
            return free[-1]
        if len(same) >= self.limits.max_per_scenario or not self._make_room(queued.user, is_next):
            return None
        self._processes.append(
            made := SolverProcess(
                queued.scenario, self.limits, self.start_worker or self._start_local
            )
        )
        return made

    def _start_local(self, on_reply: EventHandler) -> ServiceWorker:
        return LocalWorker(ScenarioWorker, on_reply, self.limits.process_memory)

    def _make_room(self, user: str, is_next: bool) -> bool:
        """Whether one more may be kept, once those that nobody needs are ended."""
        wanted = {one.scenario for one in self._queue}
        idle = [one for one in self._processes if one.is_free(user, is_next)]
        free = sorted(idle, key=lambda one: one.scenario in wanted)
        while len(self._processes) >= self.limits.max_processes or self._exceeds_memory():
            if not free:
                return False
            self._processes.remove(gone := free.pop(0))
            gone.close()
        return True

    def _exceeds_memory(self) -> bool:
        """Whether all together hold more than they may."""
        together = self.limits.total_memory
        return together is not None and sum(one.memory_held for one in self._processes) > together


def _remember_newest(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Keep a value as the newest of those that are known."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > MAX_REMEMBERED:
        known.popitem(last=False)
