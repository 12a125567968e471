"""What is asked on the page: tabs, questions on their way, and who is told what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from models.base import named
from models.faults import VorratError
from models.files import Reading
from models.language import Language, tr, using
from optimizer.page import scenarios, views
from optimizer.page.pieces import Answered, Taken, template, told
from optimizer.page.question import Question, Unasked
from optimizer.page.scenarios import At, Scenarios
from optimizer.page.solvers import Busy, Solvers
from optimizer.page.worker import Asked, Failed, Figures, Given, Lent, Shown

FIRST_LOOK, LEFT = 180.0, 150.0
"""Seconds after which the server ends: that nobody opened it, and that everybody has gone. A tab
that is not in view makes itself heard once a minute at the least."""
GONE = 3.0
"""Seconds without a stream after which a tab's question is for nobody."""
DONE = ("proven", "stopped")
"""States of an answer that does not change any more."""
TABS = 200
"""Tabs that are remembered."""
ASIDE, OWN = ThreadPoolExecutor(32, "aside"), ThreadPoolExecutor(32, "own")
"""Threads that wait for processes that read files, and do what is short; ``OWN`` wait for files
that users dropped. What is sent to processes that solve has threads of its own, so that no number
of slow files keeps others waiting."""
Done = TypeVar("Done")


@dataclass(eq=False)
class Tab:
    """One tab of a browser: what it asked last, and the streams on which it hears."""

    number: int = 0  # of its last question, as it counts them
    last: dict[str, Any] | None = None  # what it was told last
    answered: Answered | None = None  # its last answer
    before: Answered | None = None  # that to the question before
    task: asyncio.Task[None] | None = None
    streams: set[asyncio.Queue[dict[str, Any] | None]] = field(default_factory=set)

    def tell(self, **said: Any) -> None:
        """Tell something on all streams, and keep it for those that come."""
        self.last = said
        for stream in self.streams:
            stream.put_nowait(said)


class Page:
    """All that the server knows of one user: files, tabs and what they ask. Only scenarios that
    everybody has, and the processes that solve, are shared."""

    def __init__(
        self,
        known: Scenarios,
        language: Language,
        solvers: Solvers,
        user: str = "",
        tabs: int = TABS,
        one_at_a_time: asyncio.Semaphore | None = None,
    ) -> None:
        self.known, self.language, self.solvers, self.user = known, language, solvers, user
        self.tabs, self.most = dict[str, Tab](), tabs
        self._aside = one_at_a_time or asyncio.Semaphore(1)
        self.seen = time.monotonic() + FIRST_LOOK - LEFT  # when somebody looked last
        self.is_ending = False

    def end(self) -> None:
        """Let all streams end."""
        self.is_ending = True
        for tab in self.tabs.values():
            for stream in tab.streams:
                stream.put_nowait(None)

    @property
    def unseen(self) -> float:
        """Seconds for which nobody has had the page open."""
        if any(tab.streams for tab in self.tabs.values()):
            self.seen = max(self.seen, time.monotonic())
        return time.monotonic() - self.seen

    @property
    def is_left(self) -> bool:
        """Whether nobody has the page open any more."""
        return self.unseen > LEFT

    def tab(self, id: str) -> Tab:
        """A tab by the name that it gave itself. Raises Busy where too many are open."""
        while len(self.tabs) >= self.most and id not in self.tabs:
            idle = next((one for one, tab in self.tabs.items() if not tab.streams), None)
            if idle is None:
                raise Busy
            self.leave(self.tabs.pop(idle))
        return self.tabs.setdefault(id, Tab())

    def leave(self, tab: Tab) -> None:
        """End what a tab asked, if nobody is there to hear it."""
        if tab.task is not None and not tab.streams:
            tab.task.cancel()

    async def aside(
        self, do: Callable[..., Done], *given: Any, threads: ThreadPoolExecutor = ASIDE
    ) -> Done:
        """Do what may take seconds, such as to read a file, in a thread; one thing at a time of one
        user, also of one who does not wait for it."""
        loop = asyncio.get_running_loop()

        def done(_doing: object) -> None:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._aside.release)

        await self._aside.acquire()
        doing = threads.submit(copy_context().run, do, *given)
        doing.add_done_callback(done)
        return await asyncio.wrap_future(doing)

    async def base(self, scenario: str, variant: str | None = None) -> Reading:
        """A scenario as its file says, with a variant. Raises as ``Scenarios.base``."""
        at = self.known.at(scenario)
        kept = self.known.kept(at, variant)
        if kept is not None:
            return kept
        threads = ASIDE if at.is_shared else OWN
        return await self.aside(self.known.base, scenario, variant, at, threads=threads)

    async def take(self, question: Question) -> Taken:
        """Take a question in. Raises Unasked and ScenarioError."""
        await self.base(question.scenario, question.variant)
        return await self.aside(self.asked, question)

    def asked(self, question: Question) -> Taken:
        """Take a question in, with the scenario as it is now; it may take seconds. Raises Unasked
        and ScenarioError."""
        at = self.known.at(question.scenario)
        base = self.known.base(question.scenario, question.variant, at)
        question = question.settled(base.case)
        reading, made = question.asked(base)
        case, variant = reading.case, question.variant
        if question.moved:
            variant = "asked"
            own = scenarios.as_variant(question, base.case, made)
            case = case.model_copy(update={"variants": {**case.variants, variant: own}})
        title, most = named(case.title, at.source.path.stem), self.solvers.room.search
        asked = Asked(_key(question, at), case, title, variant, time_limit=most)
        return Taken(question, asked, self._name(at), scenarios.titles(question, base.case))

    def _name(self, at: At) -> str:
        """What the processes of a scenario are known by: of what one user has, by the user too."""
        return at.source.id if at.is_shared else f"{self.user}/{at.source.id}"

    # What a tab asks

    def ask(self, tab: Tab, number: int, taken: Taken, language: Language) -> None:
        """Begin to answer a question in place of the one before it; of two that overtook each other
        on their way the later counts. Raises Unasked where all of the user was removed meanwhile.
        """
        self._is_there()
        if number < tab.number:
            return
        if tab.task is not None:
            tab.task.cancel()
        tab.number = number
        tab.tell(number=number, state="asked", query=taken.question.query)
        tab.task = asyncio.create_task(self._answer(tab, taken, language))

    def _is_there(self) -> None:
        if self.is_ending:
            raise Unasked(tr("what you had here was removed; load the page anew"))

    def stop(self, tab: Tab) -> None:
        """End the search of a tab, which comes back with the best plan so far; where it has not
        begun, there is none."""
        if self.solvers.stop(tab) or tab.task is None or tab.task.done():
            return
        tab.task.cancel()
        failed = Failed(tr("Stopped before it began. Move something, or ask again."))
        html = template("failed.html.j2", failed=failed)
        about = {"number": tab.number, "query": (tab.last or {}).get("query", "")}
        tab.tell(**about, state="failed", html=html, text=failed.message)

    async def _answer(self, tab: Tab, taken: Taken, language: Language) -> None:
        number, question = tab.number, taken.question

        def tell(said: Any) -> None:
            if tab.number != number:
                return
            stamp = taken.asked.key.partition("#")[2]
            about = {"number": number, "query": question.query, "stamp": stamp}
            if isinstance(said, int):
                with using(language):
                    text = tr("Waiting; {count} before you.", count=said)
                    if said == 1 and not self.user:  # on one's own machine it is one's own
                        text = tr("Waiting until the question before has ended.")
                tab.tell(**about, state="waiting", text=text)
                return
            if isinstance(said, Figures) and said.state in DONE:
                if tab.answered is not None and tab.answered[0].question != question:
                    tab.before = tab.answered
                tab.answered = taken, said
            known = (one for one in (tab.answered, tab.before) if one is not None)
            other = next((pair for pair in known if pair[0].question != question), None)
            tab.tell(**about, **told(said, taken, other, language))

        try:
            tell(await self._solve(taken.name, taken.asked, language, tell, tab))
        except Busy:
            with using(language):
                tell(Failed(tr("Too many questions are waiting. Ask again in a minute.")))
        except VorratError as error:
            tell(Failed(str(error)))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # one that nobody foresaw must not leave the tab waiting
            tell(Failed(f"{type(error).__name__}: {error}"))

    async def view(
        self,
        name: str,
        questions: list[Question],
        language: Language,
        is_file: bool = False,
        about: tuple[tuple[str, str], ...] = (),
        stamp: str | None = None,
    ) -> Any:
        """A view of plans, or a file made of them; what is not kept any more is found again. With
        the ``stamp`` that their scenario had, only if it has not changed since."""
        at = self.known.at(questions[0].scenario)
        if stamp not in (None, at.stamp):
            # Its controls start from what the file said before, too.
            return Failed(tr("The file has changed since this answer: load the page anew."))
        for n, one in enumerate(questions):
            questions[n] = one.settled((await self.base(one.scenario, one.variant)).case)
        if name == "board":  # an option stands there once
            questions = list(dict.fromkeys(questions))
        keys = tuple(_key(question, at) for question in questions)
        shown, name_of = Shown(name, keys, about, is_file), self._name(at)
        made = await self._solve(name_of, shown, language)
        if isinstance(made, Failed) and made.gone:
            for question, key in dict(zip(questions, keys, strict=True)).items():
                failed = await self._fetch(name_of, question, key, keys[0], language)
                if failed is not None:
                    return failed
            made = await self._solve(name_of, shown, language)
        return made

    async def _fetch(
        self, name: str, question: Question, key: str, near: str, language: Language
    ) -> Failed | None:
        """Bring a plan to the process in which another one is: from where it is, or found again."""
        if self.solvers.is_elsewhere(name, key, near):
            lent = await self._solve(name, Lent(key), language, near=key)
            if not isinstance(lent, Failed):
                await self._solve(name, lent, language, near=near)
                return None
        taken = await self.take(question)
        found = await self._solve(taken.name, taken.asked, language, near=near)
        if isinstance(found, Failed):
            return found
        # Of many only the last few are kept; their documents are.
        await self._solve(taken.name, Shown(views.KEEP, (taken.asked.key,)), language)
        return None

    async def _solve(
        self,
        scenario: str,
        what: Asked | Shown | Lent | Given,
        language: Language,
        tell: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        near: str | None = None,
    ) -> Any:
        self._is_there()
        how: dict[str, Any] = {"owner": owner, "user": self.user, "near": near}
        return await self.solvers.ask(scenario, what, language, tell, **how)

    async def forget(self) -> None:
        """Forget what the user asked, and remove what was dropped; nothing is taken any more."""
        self.end()
        for tab in self.tabs.values():
            if tab.task is not None:
                tab.task.cancel()
        self.tabs.clear()
        self.solvers.forget(self.user)
        self.known.stop()
        await self.aside(self.known.close)


def _key(question: Question, at: At) -> str:
    """What an answer is kept by: the question, and the file as it is now."""
    return f"{sha256(question.query.encode()).hexdigest()[:32]}#{at.stamp}"
