"""The session of the page: its tabs, their questions, and the process that answers them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

from models.base import display_name
from models.faults import VorratError
from models.files import LoadedScenario
from models.language import Language, tr
from optimizer.page import views
from optimizer.page.fragments import (
    AnsweredQuestion,
    PreparedQuestion,
    answer_event,
    render_template,
)
from optimizer.page.guard import BaseUrl
from optimizer.page.scenario_store import (
    Question,
    ScenarioStore,
    question_as_variant,
    question_titles,
)
from optimizer.page.worker import (
    AnswerFailure,
    AnswerFigures,
    Request,
    ScenarioWorker,
    SolveRequest,
    ViewRequest,
)
from optimizer.parallel.services import ProcessLost, ServiceProcess

FIRST_OPEN_SECONDS, ABANDONED_SECONDS = 180.0, 150.0
"""Seconds after which the server ends if nobody has opened the page, and after the last tab was
closed. A background tab shows at least once a minute that it is open."""
STREAM_GRACE_SECONDS = 3.0
"""Seconds without a stream after which the question of a tab is cancelled."""
FINAL_STATES = ("proven", "stopped")
"""States of an answer that is final."""
MAX_TABS = 200
"""Maximal number of tabs that are kept."""


class Solver:
    """The process that solves. It answers one request at a time. If it dies or exceeds its memory
    limit, only the answer under way is lost, and the next request starts another process."""

    def __init__(self, memory_limit: int | None = None) -> None:
        self.memory_limit = memory_limit
        self.numbers = count(1)  # of requests
        self._thread = ThreadPoolExecutor(1, "solver")  # waits for answers, and is the queue
        self._process: ServiceProcess | None = None
        self._latest: Future[Any] | None = None
        self._current_number = self._stopped_number = 0
        self._unfinished_keys: set[str] = set()
        """Keys of abandoned searches. The process keeps their best plan so far, which must not be
        taken for the optimal one."""
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether a request has to wait for an earlier one."""
        return self._latest is not None and not self._latest.done()

    async def submit(
        self, number: int, request: Request, on_progress: Callable[[Any], None] = lambda _: None
    ) -> Any:
        """Wait for the turn of a request, and return the answer in the current language. ``number``
        is a new one of ``numbers``; :meth:`stop` finds the request by it. ``on_progress`` is called
        with interim answers. If this is cancelled, the request is stopped as well."""
        loop = asyncio.get_running_loop()

        def report(content: Any) -> None:
            loop.call_soon_threadsafe(on_progress, content)

        future = self._thread.submit(copy_context().run, self._answer, number, request, report)
        self._latest = future
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self.stop(number) and isinstance(request, SolveRequest):
                self._unfinished_keys.add(request.key)
            raise
        if isinstance(request, SolveRequest):
            self._unfinished_keys.discard(request.key)
        return answer

    def stop(self, number: int) -> bool:
        """Stop a request if it is being answered; it then returns the best plan so far. Return
        whether it was being answered."""
        self._stopped_number = number  # first: it may begin just now
        if number != self._current_number:
            return False
        if self._process is not None:
            # In a thread, since sending may block until the process has started.
            asyncio.get_running_loop().run_in_executor(None, self._process.stop, number)
        return True

    def _answer(self, number: int, request: Request, report: Callable[[Any], None]) -> Any:
        self._current_number = number
        try:
            if self._process is None or not self._process.is_alive:
                self._unfinished_keys = set()
                self._process = ServiceProcess(ScenarioWorker, self.memory_limit)
            if self._is_closed:
                self._process.close()
            if number == self._stopped_number:
                return AnswerFailure(tr("it was stopped before it began"))
            keys = request.keys if isinstance(request, ViewRequest) else ()
            if not self._unfinished_keys.isdisjoint(keys):
                return AnswerFailure(tr("the plan is not kept any more"), plan_gone=True)
            return self._process.ask(number, request, report)
        except ProcessLost as error:
            if error.limit is None:
                return AnswerFailure(
                    tr("the process that solves has died; ask again, and another one begins")
                )
            limit = round((self.memory_limit or 0) / 1e6)
            return AnswerFailure(
                tr("the answer took more than {limit} MB of memory and was ended", limit=limit)
            )
        finally:
            self._current_number = 0

    def close(self) -> None:
        """End the process, and refuse all requests that wait."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.close()


@dataclass(eq=False)
class Tab:
    """A tab of a browser, with its last question and its event streams."""

    question_number: int = 0  # number that the tab gave its last question
    request_number: int = 0  # number of the request of this question
    last_event: dict[str, Any] | None = None
    last_answer: AnsweredQuestion | None = None
    previous_answer: AnsweredQuestion | None = None  # the last answer to another question
    task: asyncio.Task[None] | None = None
    streams: set[asyncio.Queue[dict[str, Any] | None]] = field(default_factory=set)

    def send_event(self, **event: Any) -> None:
        """Send an event on all streams of the tab, and keep it for streams opened later."""
        self.last_event = event
        for stream in self.streams:
            stream.put_nowait(event)

    def cancel_if_no_stream(self) -> None:
        """Cancel the question of the tab if it has no event stream."""
        if self.task is not None and not self.streams:
            self.task.cancel()


class PageSession:
    """The files, tabs and questions of the user. A proxy may offer the page at ``base``."""

    def __init__(
        self, store: ScenarioStore, language: Language, solver: Solver, base: BaseUrl
    ) -> None:
        self.store, self.language, self.solver, self.base = store, language, solver, base
        self.tabs = dict[str, Tab]()
        # Time at which the page was last open.
        self.last_seen = time.monotonic() + FIRST_OPEN_SECONDS - ABANDONED_SECONDS
        self.is_ending = False

    def close(self) -> None:
        """End the event streams of all tabs and all processes, and remove all uploads."""
        self.is_ending = True
        for tab in self.tabs.values():
            for stream in tab.streams:
                stream.put_nowait(None)
        self.solver.close()
        self.store.close()

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody has had the page open for longer than allowed."""
        if any(tab.streams for tab in self.tabs.values()):
            self.last_seen = max(self.last_seen, time.monotonic())
        return time.monotonic() - self.last_seen > ABANDONED_SECONDS

    def tab(self, id: str) -> Tab:
        """Return the tab with this id, or a new one. If there are too many, the oldest one is
        removed."""
        while len(self.tabs) >= MAX_TABS and id not in self.tabs:
            self.tabs.pop(next(iter(self.tabs)))
        return self.tabs.setdefault(id, Tab())

    async def read_scenario(self, scenario: str, variant: str | None = None) -> LoadedScenario:
        """Return a scenario with a variant, and read it if necessary. Raises the errors of
        :meth:`ScenarioStore.read_scenario`."""
        return await asyncio.to_thread(self.store.read_scenario, scenario, variant)

    async def prepare_question(self, question: Question) -> PreparedQuestion:
        """Return a question with its solve request, for the current version of its scenario. Raises
        InvalidRequest and ScenarioError."""
        return await asyncio.to_thread(self._prepare, question)

    def _prepare(self, question: Question) -> PreparedQuestion:
        stamp = self.store.stamp(question.scenario)
        base_scenario = self.store.read_scenario(question.scenario, question.variant)
        question = question.normalized(base_scenario.case)
        loaded_scenario, values_by_path = question.apply_to(base_scenario)
        case, variant = loaded_scenario.case, question.variant
        if question.moved:
            variant = "asked"
            asked_variant = question_as_variant(question, base_scenario.case, values_by_path)
            case = case.model_copy(update={"variants": {**case.variants, variant: asked_variant}})
        title = display_name(case.title, self.store.source(question.scenario).path.stem)
        key = _answer_key(question, stamp)
        return PreparedQuestion(
            question,
            SolveRequest(key, case, title, variant, question.scenario),
            question_titles(question, base_scenario.case),
        )

    # Questions of tabs

    def ask(self, tab: Tab, number: int, prepared: PreparedQuestion) -> None:
        """Start to answer a question in the current language, in place of the previous one of the
        tab. ``number`` is higher for later questions, so that a request that was overtaken is
        ignored."""
        if number < tab.question_number:
            return
        if tab.task is not None:
            tab.task.cancel()
        tab.question_number, tab.request_number = number, next(self.solver.numbers)
        tab.send_event(number=number, state="asked", query=prepared.question.query)
        tab.task = asyncio.create_task(self._answer(tab, prepared))

    def stop_search(self, tab: Tab) -> None:
        """Stop the search for a tab, which then receives the best plan so far. If the search has
        not started, cancel it."""
        if self.solver.stop(tab.request_number) or tab.task is None or tab.task.done():
            return
        tab.task.cancel()
        failure = AnswerFailure(tr("Stopped before it began. Move something, or ask again."))
        html = render_template("failed.html.j2", failed=failure)
        fields = {"number": tab.question_number, "query": (tab.last_event or {}).get("query", "")}
        tab.send_event(**fields, state="failed", html=html, text=failure.message)

    async def _answer(self, tab: Tab, prepared: PreparedQuestion) -> None:
        number, question = tab.question_number, prepared.question
        stamp = prepared.request.key.partition("#")[2]
        event_fields = {"number": number, "query": question.query, "stamp": stamp}

        def send_answer(content: AnswerFigures | AnswerFailure) -> None:
            if tab.question_number != number:
                return
            if isinstance(content, AnswerFigures) and content.state in FINAL_STATES:
                if tab.last_answer is not None and tab.last_answer[0].question != question:
                    tab.previous_answer = tab.last_answer
                tab.last_answer = prepared, content
            answers = (a for a in (tab.last_answer, tab.previous_answer) if a is not None)
            other_answer = next(
                (answer_pair for answer_pair in answers if answer_pair[0].question != question),
                None,
            )
            tab.send_event(**event_fields, **answer_event(content, prepared, other_answer))

        try:
            if self.solver.is_busy:
                text = tr("Waiting until the question before has ended.")
                tab.send_event(**event_fields, state="waiting", text=text)
            request = prepared.request
            send_answer(await self.solver.submit(tab.request_number, request, send_answer))
        except asyncio.CancelledError:
            raise
        except VorratError as error:
            send_answer(AnswerFailure(str(error)))
        except Exception as error:  # an unexpected error must not leave the tab waiting
            send_answer(AnswerFailure(f"{type(error).__name__}: {error}"))

    async def request_view(
        self,
        name: str,
        questions: list[Question],
        is_file: bool = False,
        parameters: tuple[tuple[str, str], ...] = (),
        stamp: str | None = None,
    ) -> Any:
        """Return a view of the plans for some questions, or a file made from them if ``is_file``.
        Plans that are no longer kept are solved again. Return AnswerFailure if ``stamp`` is given
        and differs from that of the scenario, since the scenario has changed."""
        current_stamp = self.store.stamp(questions[0].scenario)
        if stamp not in (None, current_stamp):
            # The controls of the page also start from the earlier file.
            return AnswerFailure(tr("The file has changed since this answer: reload the page."))
        for n, question in enumerate(questions):
            base_scenario = await self.read_scenario(question.scenario, question.variant)
            questions[n] = question.normalized(base_scenario.case)
        if name == "board":  # shows each option once
            questions = list(dict.fromkeys(questions))
        keys = tuple(_answer_key(question, current_stamp) for question in questions)
        view_request = ViewRequest(name, keys, parameters, is_file)
        view = await self._submit(view_request)
        if isinstance(view, AnswerFailure) and view.plan_gone:
            for question in dict.fromkeys(questions):
                request = (await self.prepare_question(question)).request
                answer = await self._submit(request)
                if isinstance(answer, AnswerFailure):
                    return answer
                # Only the last few solutions keep their states, but more documents are kept.
                await self._submit(ViewRequest(views.KEEP_ONLY, (request.key,)))
            view = await self._submit(view_request)
        return view

    async def _submit(self, request: Request) -> Any:
        return await self.solver.submit(next(self.solver.numbers), request)


def _answer_key(question: Question, stamp: str) -> str:
    """Return the key of the answer to a question. It contains a hash of the question, and the stamp
    of its scenario."""
    return f"{sha256(question.query.encode()).hexdigest()[:32]}#{stamp}"
