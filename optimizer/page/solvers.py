"""The processes that solve, as the server sees them: one a scenario, asked one thing at a time.

A process that dies or outgrows its memory costs its answer and nothing else: the next question
begins another.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from models.language import Language, tr
from optimizer.page.worker import Asked, Failed, Message, Shown, Told, work
from optimizer.parallel import serving, watching

KEPT = 3
"""Scenarios whose process is kept; the one that was asked longest ago ends for another."""
EVERY = 0.5  # seconds between two looks at the memory of a process
WAITING = 64
"""Questions that wait for one process at most."""


class Busy(Exception):
    """So many questions wait that no more are taken."""


@dataclass(eq=False)
class Solver:
    """The process of one scenario."""

    memory: int | None
    """Bytes that it may hold; no limit where None."""
    waiting: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _replies: asyncio.Queue[Told | None] = field(default_factory=asyncio.Queue)
    _process: Any = None
    _pipe: Connection | None = None
    _number: int = 0
    _now: object = None
    _outgrown: bool = False
    _sending: threading.Lock = field(default_factory=threading.Lock)

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    async def ask(
        self,
        asked: Asked | Shown,
        language: Language,
        tell: Callable[[Any], None] = lambda _: None,
        owner: object = None,
    ) -> Any:
        """The answer, when its turn has come; what is known on the way is told, and where it stands
        in the queue, as a whole number. ``owner`` is who can :meth:`stop` it.

        Raises Busy where too many wait.
        """
        if self.waiting >= WAITING:
            raise Busy
        self.waiting += 1
        try:
            if self._turn.locked():
                tell(self.waiting - 1)
            async with self._turn:
                self._now = owner
                self._number += 1
                message = Message(self._number, asked, language)
                answering = asyncio.ensure_future(self._answered(message, tell))
                try:
                    return await asyncio.shield(answering)
                except asyncio.CancelledError:
                    # The process still has to come back from it before it can be asked again.
                    self.stop(owner)
                    await answering
                    raise
                finally:
                    self._now = None
        finally:
            self.waiting -= 1

    async def _answered(self, message: Message, tell: Callable[[Any], None]) -> Any:
        if self._process is None or not self._process.is_alive():
            await asyncio.to_thread(self._begin, asyncio.get_running_loop())
        pipe = self._pipe
        assert pipe is not None
        try:
            await asyncio.to_thread(self._send, pipe, message)
        except OSError:
            return self._lost()
        while (told := await self._replies.get()) is not None:
            if told.number == message.number:
                if told.last:
                    return told.content
                tell(told.content)
        return self._lost()

    def stop(self, owner: object) -> bool:
        """End what somebody asked, if it is being answered: it comes back with the best so far.
        Whether it was."""
        if self._now is owner and owner is not None and self._pipe is not None:
            # What is being sent may take until the process has begun.
            send = partial(self._send, self._pipe, Message(self._number, None))
            asyncio.get_running_loop().run_in_executor(None, send)
            return True
        return False

    def _send(self, pipe: Connection, message: Message) -> None:
        """Send one message whole, of which several may be on their way."""
        with self._sending:
            if message.asked is not None:
                pipe.send(message)
                return
            with suppress(OSError):  # it has gone, and nothing is left to stop
                pipe.send(message)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.is_alive():
            watching.kill(self._process.pid)
            self._process.join()
        self._process = None

    def _lost(self) -> Failed:
        self.close()
        if self._outgrown:
            limit = round((self.memory or 0) / 1e6)
            return Failed(
                tr("the answer took more than {limit} MB of memory and was ended", limit=limit)
            )
        return Failed(tr("the process that solves has died; ask again, and another one begins"))

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._outgrown, self._replies = False, asyncio.Queue()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with serving.ctrl_c_kept_out():
            self._process = context.Process(target=work, args=(theirs,), daemon=True)
            self._process.start()
        theirs.close()
        given = (self._pipe, self._process, self._replies, loop)
        threading.Thread(target=self._listen, args=given, daemon=True).start()

    def _listen(
        self,
        pipe: Connection,
        process: Any,
        replies: asyncio.Queue[Told | None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Hand on what a process tells, and end it where it holds too much."""
        told: Told | None
        try:
            while True:
                while not pipe.poll(EVERY):
                    if self.memory is not None and watching.held(process.pid) > self.memory:
                        self._outgrown = True
                        watching.kill(process.pid)
                told = pipe.recv()
                loop.call_soon_threadsafe(replies.put_nowait, told)
        except (EOFError, OSError, RuntimeError):  # it has ended, or the server has
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(replies.put_nowait, None)


@dataclass(eq=False)
class Solvers:
    """The processes of all scenarios that were asked lately."""

    memory: int | None = None
    kept: int = KEPT
    _by_scenario: OrderedDict[str, Solver] = field(default_factory=OrderedDict)

    def of(self, scenario: str) -> Solver:
        """The process of a scenario."""
        found = self._by_scenario.setdefault(scenario, Solver(self.memory))
        self._by_scenario.move_to_end(scenario)
        idle = [id for id, one in self._by_scenario.items() if not one.waiting and one is not found]
        while idle and (len(self._by_scenario) > self.kept or self._hold_too_much()):
            self._by_scenario.pop(idle.pop(0)).close()
        return found

    def _hold_too_much(self) -> bool:
        """Whether all together hold more than one may."""
        pids = [one.pid for one in self._by_scenario.values() if one.pid is not None]
        return self.memory is not None and sum(map(watching.held, pids)) > self.memory

    def stop(self, owner: object) -> bool:
        """End what somebody asked, if it is being answered; whether it was."""
        return sum(one.stop(owner) for one in self._by_scenario.values()) > 0

    def close(self) -> None:
        """End all of them."""
        for one in self._by_scenario.values():
            one.close()
