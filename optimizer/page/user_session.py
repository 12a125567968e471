"""The session of a user of the page: tabs, their questions, and events that are sent to them."""

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
from optimizer.page import question_variants, views
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
    Request,
    SolveRequest,
    ViewRequest,
)

FIRST_OPEN_SECONDS, ABANDONED_SECONDS = 180.0, 150.0
"""Seconds after which the server ends if nobody has opened the page, and after the last tab was
closed. A background tab shows at least once a minute that it is open."""
STREAM_GRACE_SECONDS = 3.0
"""Seconds without a stream after which the question of a tab is cancelled."""
FINAL_STATES = ("proven", "stopped")
"""States of an answer that is final."""
MAX_TABS = 200
"""Maximal number of tabs that are kept."""
FILE_THREADS, UPLOAD_THREADS = ThreadPoolExecutor(32, "aside"), ThreadPoolExecutor(32, "own")
"""Threads for reading files in other processes and for short tasks; those of UPLOAD_THREADS read
uploads. Messages to solver processes use other threads, so that slow files do not delay them."""
Returned = TypeVar("Returned")


@dataclass(eq=False)
class Tab:
    """A tab of a browser, with its last question and its event streams."""

    question_number: int = 0  # number that the tab gave its last question
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


class UserSession:
    """Files, tabs and questions of one user. All users have only the shared scenarios and the
    solver processes in common."""

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
        # Time at which the page was last open.
        self.last_seen = time.monotonic() + FIRST_OPEN_SECONDS - ABANDONED_SECONDS
        self.is_ending = False

    def end_streams(self) -> None:
        """End the event streams of all tabs."""
        self.is_ending = True
        for tab in self.tabs.values():
            for stream in tab.streams:
                stream.put_nowait(None)

    @property
    def unseen_seconds(self) -> float:
        """Seconds since the user last had the page open."""
        if any(tab.streams for tab in self.tabs.values()):
            self.last_seen = max(self.last_seen, time.monotonic())
        return time.monotonic() - self.last_seen

    @property
    def is_abandoned(self) -> bool:
        """Whether the user has not had the page open for longer than allowed."""
        return self.unseen_seconds > ABANDONED_SECONDS

    def tab(self, id: str) -> Tab:
        """Return the tab with this id, or a new one. If there are too many, the oldest one that has
        no stream is removed. Raises ServerBusy if all have streams."""
        while len(self.tabs) >= self.max_tabs and id not in self.tabs:
            idle_id = next((tab_id for tab_id, tab in self.tabs.items() if not tab.streams), None)
            if idle_id is None:
                raise ServerBusy
            self.cancel_if_no_stream(self.tabs.pop(idle_id))
        return self.tabs.setdefault(id, Tab())

    def cancel_if_no_stream(self, tab: Tab) -> None:
        """Cancel the question of a tab if the tab has no event stream."""
        if tab.task is not None and not tab.streams:
            tab.task.cancel()

    async def run_in_thread(
        self,
        function: Callable[..., Returned],
        *args: Any,
        threads: ThreadPoolExecutor = FILE_THREADS,
    ) -> Returned:
        """Run a slow function in a thread and return its result. For each user one function runs at
        a time, even if its caller has stopped waiting for it."""
        loop = asyncio.get_running_loop()

        def release_slot(_future: object) -> None:
            with suppress(RuntimeError):  # the event loop is closed
                loop.call_soon_threadsafe(self._read_slot.release)

        await self._read_slot.acquire()
        future = threads.submit(copy_context().run, function, *args)
        future.add_done_callback(release_slot)
        return await asyncio.wrap_future(future)

    async def read_scenario(self, scenario: str, variant: str | None = None) -> LoadedScenario:
        """Return a scenario with a variant, and read it if necessary. Raises the errors of
        :meth:`ScenarioStore.read_scenario`."""
        version = self.store.version(scenario)
        loaded_scenario = self.store.cached_reading(version, variant)
        if loaded_scenario is not None:
            return loaded_scenario
        threads = FILE_THREADS if version.is_shared else UPLOAD_THREADS
        return await self.run_in_thread(
            self.store.read_scenario, scenario, variant, version, threads=threads
        )

    async def prepare_question(self, question: Question) -> PreparedQuestion:
        """Return a question with its solve request. Raises InvalidRequest and ScenarioError."""
        await self.read_scenario(question.scenario, question.variant)
        return await self.run_in_thread(self.prepare_question_now, question)

    def prepare_question_now(self, question: Question) -> PreparedQuestion:
        """Return a question with its solve request, for the current version of its scenario. This
        may take seconds. Raises InvalidRequest and ScenarioError."""
        version = self.store.version(question.scenario)
        base_scenario = self.store.read_scenario(question.scenario, question.variant, version)
        question = question.normalized(base_scenario.case)
        loaded_scenario, values_by_path = question.apply_to(base_scenario)
        case, variant = loaded_scenario.case, question.variant
        if question.moved:
            variant = "asked"
            asked_variant = question_variants.question_as_variant(
                question, base_scenario.case, values_by_path
            )
            case = case.model_copy(update={"variants": {**case.variants, variant: asked_variant}})
        title = display_name(case.title, version.source.path.stem)
        time_limit = self.solvers.limits.search_seconds
        request = SolveRequest(
            _answer_key(question, version), case, title, variant, time_limit=time_limit
        )
        return PreparedQuestion(
            question,
            request,
            self._process_name(version),
            question_variants.question_titles(question, base_scenario.case),
        )

    def _process_name(self, version: ScenarioVersion) -> str:
        """Return the name under which solver processes keep a scenario: its id, preceded by the
        user if the scenario is not shared."""
        return version.source.id if version.is_shared else f"{self.user}/{version.source.id}"

    # Questions of tabs

    def ask(self, tab: Tab, number: int, prepared: PreparedQuestion, language: Language) -> None:
        """Start to answer a question, in place of the previous one of the tab. ``number`` is higher
        for later questions, so that a request that was overtaken is ignored. Raises InvalidRequest
        if the session has been removed in the meantime."""
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
            raise InvalidRequest(tr("what you had here was removed; reload the page"))

    def stop_search(self, tab: Tab) -> None:
        """Stop the search for a tab, which then receives the best plan so far. If the search has
        not started, cancel it."""
        if self.solvers.stop(tab) or tab.task is None or tab.task.done():
            return
        tab.task.cancel()
        failure = AnswerFailure(tr("Stopped before it began. Move something, or ask again."))
        html = render_template("failed.html.j2", failed=failure)
        fields = {"number": tab.question_number, "query": (tab.last_event or {}).get("query", "")}
        tab.send_event(**fields, state="failed", html=html, text=failure.message)

    async def _answer(self, tab: Tab, prepared: PreparedQuestion, language: Language) -> None:
        number, question = tab.question_number, prepared.question

        def send_answer(content: Any) -> None:
            if tab.question_number != number:
                return
            stamp = prepared.request.key.partition("#")[2]
            event_fields = {"number": number, "query": question.query, "stamp": stamp}
            if isinstance(content, int):
                with using(language):
                    text = tr("Waiting; {count} before you.", count=content)
                    if content == 1 and not self.user:  # it can only be the user's own question
                        text = tr("Waiting until the question before has ended.")
                tab.send_event(**event_fields, state="waiting", text=text)
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
            tab.send_event(
                **event_fields, **answer_event(content, prepared, other_answer, language)
            )

        try:
            name, request = prepared.process_name, prepared.request
            send_answer(await self._request(name, request, language, send_answer, tab))
        except ServerBusy:
            with using(language):
                send_answer(
                    AnswerFailure(tr("Too many questions are waiting. Ask again in a minute."))
                )
        except VorratError as error:
            send_answer(AnswerFailure(str(error)))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # an unexpected error must not leave the tab waiting
            send_answer(AnswerFailure(f"{type(error).__name__}: {error}"))

    async def request_view(
        self,
        name: str,
        questions: list[Question],
        language: Language,
        is_file: bool = False,
        parameters: tuple[tuple[str, str], ...] = (),
        stamp: str | None = None,
    ) -> Any:
        """Return a view of the plans for some questions, or a file made from them if ``is_file``.
        Plans that are no longer kept are solved again. Return AnswerFailure if ``stamp`` is given
        and differs from that of the scenario, since the scenario has changed."""
        version = self.store.version(questions[0].scenario)
        if stamp not in (None, version.stamp):
            # The controls of the page also start from the earlier file.
            return AnswerFailure(tr("The file has changed since this answer: reload the page."))
        for n, question in enumerate(questions):
            base_scenario = await self.read_scenario(question.scenario, question.variant)
            questions[n] = question.normalized(base_scenario.case)
        if name == "board":  # shows each option once
            questions = list(dict.fromkeys(questions))
        keys = tuple(_answer_key(question, version) for question in questions)
        view_request = ViewRequest(name, keys, parameters, is_file)
        process_name = self._process_name(version)
        view = await self._request(process_name, view_request, language)
        if isinstance(view, AnswerFailure) and view.plan_gone:
            for question, key in dict(zip(questions, keys, strict=True)).items():
                failure = await self._fetch_plan(process_name, question, key, keys[0], language)
                if failure is not None:
                    return failure
            view = await self._request(process_name, view_request, language)
        return view

    async def _fetch_plan(
        self, name: str, question: Question, key: str, near_key: str, language: Language
    ) -> AnswerFailure | None:
        """Bring the plan ``key`` into the process that has the plan ``near_key``. It is copied from
        another process or solved again. Return the failure if there is one, else None."""
        if self.solvers.is_in_other_process(name, key, near_key):
            copied_plan = await self._request(name, PlanRequest(key), language, near_key=key)
            if not isinstance(copied_plan, AnswerFailure):
                await self._request(name, copied_plan, language, near_key=near_key)
                return None
        prepared = await self.prepare_question(question)
        answer = await self._request(
            prepared.process_name, prepared.request, language, near_key=near_key
        )
        if isinstance(answer, AnswerFailure):
            return answer
        # Only the last few solutions keep their states, but more documents are kept.
        await self._request(
            prepared.process_name, ViewRequest(views.KEEP_ONLY, (prepared.request.key,)), language
        )
        return None

    async def _request(
        self,
        scenario: str,
        request: Request,
        language: Language,
        on_progress: Callable[[Any], None] = lambda _: None,
        owner: object = None,
        near_key: str | None = None,
    ) -> Any:
        self._check_not_removed()
        options: dict[str, Any] = {"owner": owner, "user": self.user, "near_key": near_key}
        return await self.solvers.submit(scenario, request, language, on_progress, **options)

    async def forget(self) -> None:
        """Cancel all questions and remove all uploads of the user. Later requests are refused."""
        self.end_streams()
        for tab in self.tabs.values():
            if tab.task is not None:
                tab.task.cancel()
        self.tabs.clear()
        self.solvers.forget(self.user)
        self.store.stop_reading()
        await self.run_in_thread(self.store.close)


def _answer_key(question: Question, version: ScenarioVersion) -> str:
    """Return the key of the answer to a question. It contains a hash of the question, and the stamp
    of its scenario."""
    return f"{sha256(question.query.encode()).hexdigest()[:32]}#{version.stamp}"
