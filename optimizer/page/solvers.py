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
from optimizer.page.worker import Answerer, Asked, Failed, Given, Lent, Shown
from optimizer.parallel.staying import Heard, Here, Message, Seat, Told

LEAVES_WITHIN = 2.0  # seconds that a worker of a cluster has to hear that nobody needs it
KNOWN = 2_000
"""Answers of which is known in which process they are, and users whose last turn is."""


class Busy(Exception):
    """So many questions wait that no more are taken."""


class Removed(VorratError):
    """What was asked was removed before its turn had come."""


@dataclass(frozen=True)
class Room:
    """How much may be kept and be at work at once."""

    each: int = 1
    """Processes that keep the same scenario."""
    kept: int = 3
    """Processes in all; the one that was asked longest ago ends for another scenario."""
    at_work: int = 3
    """Questions that are answered at the same time."""
    waiting: int = 64
    """Questions of one user that wait at most."""
    memory: int | None = None
    """Bytes that one process may hold; no limit where None."""
    together: int | None = None
    """Bytes above which processes that nobody needs are ended."""
    look: float = 0.0
    """Seconds for which a process that has found a plan is left to who asked for it. A look at the
    plan comes next, which would wait for the search of somebody else otherwise."""
    search: float | None = None
    """Seconds after which a search ends with the best plan so far."""
    seconds: float | None = None
    """After which a process that has not answered is ended; for one that hangs."""


Seating = Callable[[Heard], Seat]


@dataclass(eq=False)
class Solver:
    """The process of one scenario."""

    scenario: str
    room: Room
    seating: Seating
    now: _Waiting | None = None
    """Who is answered, until the process has come back; also where nobody waits any more."""
    kept_for: str | None = None
    """The user to whom it is left for a moment."""
    is_gone: bool = False
    """Whether nobody may be answered any more, nor by a process that is just beginning."""
    unfinished: set[str] = field(default_factory=set)
    """Keys of what nobody waited for to its end: the process keeps the best plan until then, which
    nobody may take for the best there is."""
    _replies: asyncio.Queue[Told | None] = field(default_factory=asyncio.Queue)
    _seat: Seat | None = None
    _number: int = 0
    _stopped: int = 0  # the number of what was to stop last

    @property
    def held(self) -> int:
        """Bytes that its process holds."""
        return 0 if self._seat is None else self._seat.held

    def begin(self, asked: _Waiting, done: Callable[[], None]) -> asyncio.Future[Any]:
        """Answer somebody whose turn has come; ``done`` is called when the process is free again.
        What is known on the way is told."""
        self.now, self.kept_for = asked, None
        self._number += 1
        number = self._number

        def let_go() -> None:
            if self._number == number:
                self.kept_for = None
                done()

        answering = asyncio.ensure_future(self._answered(number, asked))

        def end(answering: asyncio.Future[Any]) -> None:
            if not answering.cancelled():
                answering.exception()  # whoever asked has heard it, or has gone
            self.now = None
            if isinstance(asked.what, Asked):
                (self.unfinished.add if asked.left else self.unfinished.discard)(asked.what.key)
            if self.room.look and isinstance(asked.what, Asked) and not asked.left:
                self.kept_for = asked.user
                asyncio.get_running_loop().call_later(self.room.look, let_go)
            done()

        answering.add_done_callback(end)
        return answering

    def is_free(self, user: str, is_next: bool) -> bool:
        """Whether it may answer a user now. While it is kept for one, it answers no other, and a
        question of his only if that ``is_next``: he could renew it for ever otherwise."""
        return self.now is None and (self.kept_for is None or (self.kept_for == user and is_next))

    async def _answered(self, number: int, asked: _Waiting) -> Any:
        with using(asked.language):  # whoever made room for it may speak another one
            if self._seat is None or not self._seat.is_alive:
                self._replies, self.unfinished = asyncio.Queue(), set()
                heard = partial(_hear, asyncio.get_running_loop(), self._replies)
                self._seat = await asyncio.to_thread(self.seating, heard)
            if self.is_gone:
                self.close()
            if self._stopped == number or self._seat is None:
                return Failed(tr("it was stopped before it began"))
            if not self.unfinished.isdisjoint(_keys(asked.what)):
                return Failed(tr("the plan is not kept any more"), gone=True)
            try:
                async with asyncio.timeout(self.room.seconds):
                    return await self._exchange(self._seat, number, asked)
            except TimeoutError:
                self.close()
                most = round(self.room.seconds or 0)
                return Failed(
                    tr("the answer took more than {seconds} s and was ended", seconds=most)
                )
            except OSError:
                return self._lost()

    async def _exchange(self, seat: Seat, number: int, asked: _Waiting) -> Any:
        await asyncio.to_thread(seat.send, Message(number, asked.what, asked.language))
        while (told := await self._replies.get()) is not None:
            if told.number == number and not told.last:
                asked.hear(told.content)
            elif told.number == number:
                lost = isinstance(told.content, BaseException)
                return Failed(str(told.content)) if lost else told.content
        return self._lost()

    def stop(self) -> None:
        """Have the process come back from what it answers now, with the best so far."""
        self._stopped = self._number
        if self._seat is not None:
            # What is being sent may take until the process has begun.
            stop = partial(_send, self._seat, Message(self._number, None))
            asyncio.get_running_loop().run_in_executor(None, stop)

    def close(self, patience: float = 0.0) -> None:
        """End the process; of one elsewhere, that is waited for so many seconds at most."""
        if self._seat is not None:
            self._seat.close(patience)
        self._seat = None

    def _lost(self) -> Failed:
        outgrown = self._seat is not None and self._seat.outgrown
        self.close()
        if outgrown:
            limit = round((self.room.memory or 0) / 1e6)
            return Failed(
                tr("the answer took more than {limit} MB of memory and was ended", limit=limit)
            )
        return Failed(tr("the process that solves has died; ask again, and another one begins"))


def _hear(
    loop: asyncio.AbstractEventLoop, replies: asyncio.Queue[Told | None], told: Told | None
) -> None:
    with suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(replies.put_nowait, told)


def _keys(what: Asked | Shown | Lent | Given) -> tuple[str, ...]:
    """Keys of the plans that have to be there for an answer."""
    if isinstance(what, Shown):
        return what.keys
    return (what.key,) if isinstance(what, Lent) else ()


def _send(seat: Seat, message: Message) -> None:
    with suppress(OSError):  # it has gone, and nothing is left to stop
        seat.send(message)


@dataclass(eq=False)
class _Waiting:
    """One question that waits, or is answered."""

    number: int
    scenario: str
    user: str
    what: Asked | Shown | Lent | Given
    language: Language
    tell: Callable[[Any], None]
    owner: object
    near: str | None
    """The key of a plan in whose process it is to be answered."""
    turn: asyncio.Future[asyncio.Future[Any]]
    """Done when its turn has come, with what will be the answer."""
    place: int = -1
    left: bool = False
    """Whether nobody waits for it any more."""

    def hear(self, said: Any) -> None:
        """Tell what is known; what goes wrong there costs nobody the process."""
        try:
            self.tell(said)
        except Exception:
            traceback.print_exc()


@dataclass(eq=False)
class Solvers:
    """All processes, and the line of those who wait for one.

    Who has fewer questions at work and waiting comes first; then what only shows a plan, which
    takes a second, but once of each user between two questions; then who had no turn for longest,
    and then who came first. So a question waits for two of each other user at most: one
    that only shows a plan, and another one.
    """

    room: Room = field(default_factory=Room)
    seating: Seating | None = None
    """What begins a process; of this machine if not given."""
    is_lost: Callable[[], bool] = field(default=lambda: False)
    """Whether there will be no process any more, such as where a cluster has gone."""
    _all: list[Solver] = field(default_factory=list)  # the one that was asked last is the last
    _line: list[_Waiting] = field(default_factory=list)
    _homes: OrderedDict[tuple[str, str], Solver] = field(default_factory=OrderedDict)
    _turns: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """When each user had the last turn; also of one who was forgotten, who is not first then."""
    _looked: set[str] = field(default_factory=set)  # who had a view since the last question
    _count: count[int] = field(default_factory=count)

    async def ask(
        self,
        scenario: str,
        what: Asked | Shown | Lent | Given,
        language: Language,
        tell: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        user: str = "",
        near: str | None = None,
    ) -> Any:
        """The answer, when its turn has come; what is known on the way is told, and how many are
        before it, as a whole number. ``owner`` is who can :meth:`stop` it. A view is answered where
        its (first) plan is, a question where it was asked before, and everything else ``near`` the
        plan of a key, if one is given.

        Raises Busy where too many questions of the user wait.
        """
        if sum(one.user == user for one in self._line) >= self.room.waiting:
            raise Busy
        if isinstance(what, Shown):
            near = what.keys[0]
        elif isinstance(what, Asked):  # where it was asked before it has the same answer, at once
            near = near or what.key
        turn = asyncio.get_running_loop().create_future()
        mine = _Waiting(
            next(self._count), scenario, user, what, language, tell, owner, near, turn
        )  # fmt: skip
        self._line.append(mine)
        self._deal()
        try:
            return await asyncio.shield(await turn)
        except asyncio.CancelledError:
            for solver in self._all:
                if solver.now is mine:
                    solver.stop()
            mine.owner, mine.left = None, True  # what he stops next is another one
            raise
        finally:
            if mine in self._line:
                self._line.remove(mine)
                self._deal()

    def is_elsewhere(self, scenario: str, key: str, near: str) -> bool:
        """Whether the plan of a key is in another process than that of ``near``."""
        home = self._homes.get((scenario, key))
        return home in self._all and home is not self._homes.get((scenario, near))

    def stop(self, owner: object) -> bool:
        """End what somebody asked, if it is being answered: it comes back with the best so far.
        Whether it was."""
        mine = [one for one in self._all if one.now is not None and one.now.owner is owner]
        for one in mine if owner is not None else ():
            one.stop()
        return owner is not None and bool(mine)

    def forget(self, user: str) -> None:
        """End what one user asked, and the processes of what he alone has, as ``user/scenario``."""
        own = f"{user}/"
        for mine in [mine for mine in self._line if mine.user == user and not mine.turn.done()]:
            mine.turn.set_exception(Removed(tr("it was removed")))
        for one in list(self._all):
            if one.scenario.startswith(own):
                one.is_gone = True
                one.close()
                self._all.remove(one)
            elif one.now is not None and one.now.user == user:
                one.stop()
        for at in [at for at in self._homes if at[0].startswith(own)]:
            del self._homes[at]

    def close(self) -> None:
        """End all of them."""
        for one in self._all:
            one.close(LEAVES_WITHIN)

    # Who is next

    def _deal(self) -> None:
        """Give those who are next a process for as long as there is one, and tell all others how
        many are before them."""
        line, at_work = self._in_order(), sum(one.now is not None for one in self._all)
        passed = set[str]()  # users before who could not be given one
        for mine in line:
            is_next = not isinstance(mine.what, Asked) or passed <= {mine.user}
            if at_work < self.room.at_work and (solver := self._for(mine, is_next)) is not None:
                self._line.remove(mine)
                self._all.remove(solver)
                self._all.append(solver)
                _put_last(self._turns, mine.user, next(self._count))
                if isinstance(mine.what, Asked):
                    self._looked.clear()
                    _put_last(self._homes, (mine.scenario, mine.what.key), solver)
                else:
                    self._looked.add(mine.user)
                mine.turn.set_result(solver.begin(mine, self._deal))
                at_work += 1
            elif not mine.turn.done():
                passed.add(mine.user)
        for place, mine in enumerate(self._in_order(), start=max(at_work, 1)):
            if mine.place != place:
                mine.place = place
                mine.hear(place)
        for one in [one for one in self._all[:-1] if one.now is None]:
            if self._hold_too_much():
                self._all.remove(one)
                one.close()

    def _in_order(self) -> list[_Waiting]:
        asks = Counter(one.now.user for one in self._all if one.now is not None)
        rank: dict[_Waiting, tuple[int, bool, int, int]] = {}
        for mine in self._line:  # as they came
            is_long = isinstance(mine.what, Asked) or mine.user in self._looked
            rank[mine] = asks[mine.user], is_long, self._turns.get(mine.user, -1), mine.number
            asks[mine.user] += 1
        return sorted(self._line, key=rank.__getitem__)

    def _for(self, mine: _Waiting, is_next: bool) -> Solver | None:
        """A process that is free for a question; None where it has to wait for one."""
        if mine.turn.done():  # nobody waits for it any more
            return None
        same = [one for one in self._all if one.scenario == mine.scenario]
        home = self._homes.get((mine.scenario, mine.near)) if mine.near else None
        if home in same:
            return home if home is not None and home.is_free(mine.user, is_next) else None
        free = [one for one in same if one.is_free(mine.user, is_next)]
        if free:
            return free[-1]
        if len(same) >= self.room.each or not self._has_room(mine.user, is_next):
            return None
        self._all.append(made := Solver(mine.scenario, self.room, self.seating or self._here))
        return made

    def _here(self, heard: Heard) -> Seat:
        return Here(Answerer, heard, self.room.memory)

    def _has_room(self, user: str, is_next: bool) -> bool:
        """Whether one more may be kept, once those that nobody needs are ended."""
        wanted = {one.scenario for one in self._line}
        idle = [one for one in self._all if one.is_free(user, is_next)]
        free = sorted(idle, key=lambda one: one.scenario in wanted)
        while len(self._all) >= self.room.kept or self._hold_too_much():
            if not free:
                return False
            self._all.remove(gone := free.pop(0))
            gone.close()
        return True

    def _hold_too_much(self) -> bool:
        """Whether all together hold more than they may."""
        together = self.room.together
        return together is not None and sum(one.held for one in self._all) > together


def _put_last(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Keep a value as the newest of those that are known."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > KNOWN:
        known.popitem(last=False)
