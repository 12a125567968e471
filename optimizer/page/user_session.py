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

from models.base import display_name
from models.faults import VorratError
from models.files import LoadedScenario
from models.language import Language, tr, using
from optimizer.page import scenario_store, views
from optimizer.page.fragments import (
    AnsweredQuestion,
    PreparedQuestion,
    answer_event,
    render_template,
)
from optimizer.page.question import InvalidRequest, Question
from optimizer.page.scenario_store import ScenarioStore, ScenarioVersion
from optimizer.page.solver_pool import ServerBusy, SolverPool
from optimizer.page.worker import (
    AnswerFailure,
    AnswerFigures,
    PlanRequest,
    SolveRequest,
    TransferredPlan,
    ViewRequest,
)

FIRST_OPEN_SECONDS, ABANDONED_SECONDS = 180.0, 150.0
"""Seconds after which the server ends: that nobody opened it, and that everybody has gone. A tab
that is not in view makes itself heard once a minute at the least."""
STREAM_GRACE_SECONDS = 3.0
"""Seconds without a stream after which a tab's question is for nobody."""
FINAL_STATES = ("proven", "stopped")
"""States of an answer that does not change any more."""
MAX_TABS = 200
"""Tabs that are remembered."""
FILE_THREADS, UPLOAD_THREADS = ThreadPoolExecutor(32, "aside"), ThreadPoolExecutor(32, "own")
"""Threads that wait for processes that read files, and do what is short; ``OWN`` wait for files
that users dropped. What is sent to processes that solve has threads of its own, so that no number
of slow files keeps others waiting."""
Returned = TypeVar("Returned")


@dataclass(eq=False)
class Tab:
    """One tab of a browser: what it asked last, and the streams on which it hears."""

    question_number: int = 0  # of its last question, as it counts them
    last_event: dict[str, Any] | None = None  # what it was told last
    last_answer: AnsweredQuestion | None = None  # its last answer
    previous_answer: AnsweredQuestion | None = None  # that to the question before
    task: asyncio.Task[None] | None = None
    streams: set[asyncio.Queue[dict[str, Any] | None]] = field(default_factory=set)

    def send_event(self, **event: Any) -> None:
        """Tell something on all streams, and keep it for those that come."""
        self.last_event = event
        for stream in self.streams:
            stream.put_nowait(event)


class UserSession:
    """All that the server knows of one user: files, tabs and what they ask. Only scenarios that
    everybody has, and the processes that solve, are shared."""

    def __init__(
        self,
        store: ScenarioStore,
        language: Language,
        solvers: SolverPool,
        user: str = "",
        max_tabs: int = MAX_TABS,
        read_slot: asyncio.Semaphore | None = None,
    ) -> None:
        self.store, self.language, self.solvers, self.user = store, language, solvers, user
        self.tabs, self.max_tabs = dict[str, Tab](), max_tabs
        self._read_slot = read_slot or asyncio.Semaphore(1)
        self.last_seen = (
            time.monotonic() + FIRST_OPEN_SECONDS - ABANDONED_SECONDS
        )  # when somebody looked last
        self.is_ending = False

    def end_streams(self) -> None:
        """Let all streams end."""
        self.is_ending = True
        for tab in self.tabs.values():
            for stream in tab.streams:
                stream.put_nowait(None)

    @property
    def unseen_seconds(self) -> float:
        """Seconds for which nobody has had the page open."""
        if any(tab.streams for tab in self.tabs.values()):
            self.last_seen = max(self.last_seen, time.monotonic())
        return time.monotonic() - self.last_seen

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody has the page open any more."""
        return self.unseen_seconds > ABANDONED_SECONDS

    def tab(self, id: str) -> Tab:
        """A tab by the name that it gave itself. Raises Busy where too many are open."""
        while len(self.tabs) >= self.max_tabs and id not in self.tabs:
            idle = next((one for one, tab in self.tabs.items() if not tab.streams), None)
            if idle is None:
                raise ServerBusy
            self.cancel_if_unheard(self.tabs.pop(idle))
        return self.tabs.setdefault(id, Tab())

    def cancel_if_unheard(self, tab: Tab) -> None:
        """End what a tab asked, if nobody is there to hear it."""
        if tab.task is not None and not tab.streams:
            tab.task.cancel()

    async def run_in_thread(
        self,
        function: Callable[..., Returned],
        *args: Any,
        threads: ThreadPoolExecutor = FILE_THREADS,
    ) -> Returned:
        """Do what may take seconds, such as to read a file, in a thread; one thing at a time of one
        user, also of one who does not wait for it."""
        loop = asyncio.get_running_loop()

        def done(_doing: object) -> None:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._read_slot.release)

        await self._read_slot.acquire()
        doing = threads.submit(copy_context().run, function, *args)
        doing.add_done_callback(done)
        return await asyncio.wrap_future(doing)

    async def read_scenario(self, scenario: str, variant: str | None = None) -> LoadedScenario:
        """A scenario as its file says, with a variant. Raises as ``Scenarios.base``."""
        at = self.store.version(scenario)
        kept = self.store.cached_reading(at, variant)
        if kept is not None:
            return kept
        threads = FILE_THREADS if at.is_shared else UPLOAD_THREADS
        return await self.run_in_thread(
            self.store.read_scenario, scenario, variant, at, threads=threads
        )

    async def prepare_question(self, question: Question) -> PreparedQuestion:
        """Take a question in. Raises Unasked and ScenarioError."""
        await self.read_scenario(question.scenario, question.variant)
        return await self.run_in_thread(self.prepare_question_now, question)

    def prepare_question_now(self, question: Question) -> PreparedQuestion:
        """Take a question in, with the scenario as it is now; it may take seconds. Raises Unasked
        and ScenarioError."""
        at = self.store.version(question.scenario)
        base = self.store.read_scenario(question.scenario, question.variant, at)
        question = question.normalized(base.case)
        reading, made = question.apply_to(base)
        case, variant = reading.case, question.variant
        if question.moved:
            variant = "asked"
            own = scenario_store.question_as_variant(question, base.case, made)
            case = case.model_copy(update={"variants": {**case.variants, variant: own}})
        title, most = (
            display_name(case.title, at.source.path.stem),
            self.solvers.limits.search_seconds,
        )
        asked = SolveRequest(_answer_key(question, at), case, title, variant, time_limit=most)
        return PreparedQuestion(
            question,
            asked,
            self._process_name(at),
            scenario_store.question_titles(question, base.case),
        )

    def _process_name(self, version: ScenarioVersion) -> str:
        """What the processes of a scenario are known by: of what one user has, by the user too."""
        return version.source.id if version.is_shared else f"{self.user}/{version.source.id}"

    # What a tab asks

    def ask(self, tab: Tab, number: int, prepared: PreparedQuestion, language: Language) -> None:
        """Begin to answer a question in place of the one before it; of two that overtook each other
        on their way the later counts. Raises Unasked where all of the user was removed meanwhile.
        """
        self._check_not_removed()
        if number < tab.question_number:
            return
        if tab.task is not None:
            tab.task.cancel()
        tab.question_number = number
        tab.send_event(number=number, state="asked", query=prepared.question.query)
        tab.task = asyncio.create_task(self._answer(tab, prepared, language))

    def _check_not_removed(self) -> None:
        if self.is_ending:
            raise InvalidRequest(tr("what you had here was removed; load the page anew"))

    def stop_search(self, tab: Tab) -> None:
        """End the search of a tab, which comes back with the best plan so far; where it has not
        begun, there is none."""
        if self.solvers.stop(tab) or tab.task is None or tab.task.done():
            return
        tab.task.cancel()
        failed = AnswerFailure(tr("Stopped before it began. Move something, or ask again."))
        html = render_template("failed.html.j2", failed=failed)
        about = {"number": tab.question_number, "query": (tab.last_event or {}).get("query", "")}
        tab.send_event(**about, state="failed", html=html, text=failed.message)

    async def _answer(self, tab: Tab, prepared: PreparedQuestion, language: Language) -> None:
        number, question = tab.question_number, prepared.question

        def tell(said: Any) -> None:
            if tab.question_number != number:
                return
            stamp = prepared.request.key.partition("#")[2]
            about = {"number": number, "query": question.query, "stamp": stamp}
            if isinstance(said, int):
                with using(language):
                    text = tr("Waiting; {count} before you.", count=said)
                    if said == 1 and not self.user:  # on one's own machine it is one's own
                        text = tr("Waiting until the question before has ended.")
                tab.send_event(**about, state="waiting", text=text)
                return
            if isinstance(said, AnswerFigures) and said.state in FINAL_STATES:
                if tab.last_answer is not None and tab.last_answer[0].question != question:
                    tab.previous_answer = tab.last_answer
                tab.last_answer = prepared, said
            known = (one for one in (tab.last_answer, tab.previous_answer) if one is not None)
            other = next((pair for pair in known if pair[0].question != question), None)
            tab.send_event(**about, **answer_event(said, prepared, other, language))

        try:
            tell(await self._request(prepared.process_name, prepared.request, language, tell, tab))
        except ServerBusy:
            with using(language):
                tell(AnswerFailure(tr("Too many questions are waiting. Ask again in a minute.")))
        except VorratError as error:
            tell(AnswerFailure(str(error)))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # one that nobody foresaw must not leave the tab waiting
            tell(AnswerFailure(f"{type(error).__name__}: {error}"))

    async def request_view(
        self,
        name: str,
        questions: list[Question],
        language: Language,
        is_file: bool = False,
        parameters: tuple[tuple[str, str], ...] = (),
        stamp: str | None = None,
    ) -> Any:
        """A view of plans, or a file made of them; what is not kept any more is found again. With
        the ``stamp`` that their scenario had, only if it has not changed since."""
        at = self.store.version(questions[0].scenario)
        if stamp not in (None, at.stamp):
            # Its controls start from what the file said before, too.
            return AnswerFailure(tr("The file has changed since this answer: load the page anew."))
        for n, one in enumerate(questions):
            questions[n] = one.normalized(
                (await self.read_scenario(one.scenario, one.variant)).case
            )
        if name == "board":  # an option stands there once
            questions = list(dict.fromkeys(questions))
        keys = tuple(_answer_key(question, at) for question in questions)
        shown, name_of = ViewRequest(name, keys, parameters, is_file), self._process_name(at)
        made = await self._request(name_of, shown, language)
        if isinstance(made, AnswerFailure) and made.plan_gone:
            for question, key in dict(zip(questions, keys, strict=True)).items():
                failed = await self._fetch_plan(name_of, question, key, keys[0], language)
                if failed is not None:
                    return failed
            made = await self._request(name_of, shown, language)
        return made

    async def _fetch_plan(
        self, name: str, question: Question, key: str, near_key: str, language: Language
    ) -> AnswerFailure | None:
        """Bring a plan to the process in which another one is: from where it is, or found again."""
        if self.solvers.is_elsewhere(name, key, near_key):
            lent = await self._request(name, PlanRequest(key), language, near_key=key)
            if not isinstance(lent, AnswerFailure):
                await self._request(name, lent, language, near_key=near_key)
                return None
        taken = await self.prepare_question(question)
        found = await self._request(taken.process_name, taken.request, language, near_key=near_key)
        if isinstance(found, AnswerFailure):
            return found
        # Of many only the last few are kept; their documents are.
        await self._request(
            taken.process_name, ViewRequest(views.KEEP_ONLY, (taken.request.key,)), language
        )
        return None

    async def _request(
        self,
        scenario: str,
        request: SolveRequest | ViewRequest | PlanRequest | TransferredPlan,
        language: Language,
        on_progress: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        near_key: str | None = None,
    ) -> Any:
        self._check_not_removed()
        how: dict[str, Any] = {"owner": owner, "user": self.user, "near_key": near_key}
        return await self.solvers.submit(scenario, request, language, on_progress, **how)

    async def forget(self) -> None:
        """Forget what the user asked, and remove what was dropped; nothing is taken any more."""
        self.end_streams()
        for tab in self.tabs.values():
            if tab.task is not None:
                tab.task.cancel()
        self.tabs.clear()
        self.solvers.forget(self.user)
        self.store.stop_reading()
        await self.run_in_thread(self.store.close)


def _answer_key(question: Question, version: ScenarioVersion) -> str:
    """What an answer is kept by: the question, and the file as it is now."""
    return f"{sha256(question.query.encode()).hexdigest()[:32]}#{version.stamp}"
