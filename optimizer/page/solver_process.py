"""A solver process of the server, and the requests that it answers one after the other."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.language import Language, tr, using
from optimizer.page.worker import AnswerFailure, Request, SolveRequest, required_keys
from optimizer.parallel.services import EventHandler, ServiceEvent, ServiceMessage, ServiceWorker


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
    current: QueuedRequest | None = None
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

    def start(self, queued: QueuedRequest, on_free: Callable[[], None]) -> asyncio.Future[Any]:
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

    async def _answer(self, number: int, queued: QueuedRequest) -> Any:
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

    async def _exchange(self, worker: ServiceWorker, number: int, queued: QueuedRequest) -> Any:
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
class QueuedRequest:
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
