"""What becomes of questions whose process or whose tab goes away, or that are stopped."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from models.language import current_language, using
from optimizer.page import session
from optimizer.page.session import Solver
from optimizer.page.worker import AnswerFailure, SolveRequest, ViewRequest
from optimizer.parallel.services import ProcessLost


class Played:
    """A process that answers when reported to; what it is asked and what is stopped."""

    asked: list[Any]
    stopped: list[int]

    def __init__(self, *_: Any) -> None:
        self.replies: queue.Queue[Any] = queue.Queue()
        self.is_alive = True
        PROCESSES.append(self)
        self.asked, self.stopped = [], []

    def ask(self, _number: int, question: Any, report: Callable[[Any], None]) -> Any:
        self.asked.append(question)
        while (reply := self.replies.get(timeout=10)) == "progress":
            report(reply)
        if isinstance(reply, ProcessLost):
            self.is_alive = False
            raise reply
        return reply

    def stop(self, number: int) -> None:
        self.stopped.append(number)

    def close(self) -> None:
        self.replies.put(ProcessLost(None))


PROCESSES: list[Played] = []


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a scene with a solver whose processes are played."""
    PROCESSES.clear()
    monkeypatch.setattr(session, "ServiceProcess", Played)

    def playing(scene: Callable[[Solver], Coroutine[Any, Any, None]]) -> None:
        async def go() -> None:
            solver = Solver(5_000_000)
            await scene(solver)
            solver.close()

        asyncio.run(go())

    return playing


def asked(key: str) -> SolveRequest:
    return SolveRequest(key, cast(Any, None), key, None)


def begin(solver: Solver, request: Any, *how: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(solver.submit(next(solver.numbers), request, *how))


async def settled() -> None:
    await asyncio.sleep(0.1)


def test_questions_are_answered_one_after_the_other(play: Callable[..., None]) -> None:
    async def scene(solver: Solver) -> None:
        said: list[Any] = []
        first = begin(solver, asked("a"), said.append)
        await settled()
        assert solver.is_busy
        second = begin(solver, asked("b"))
        await settled()
        (process,) = PROCESSES
        assert [one.key for one in process.asked] == ["a"]
        for reply in ("progress", "first", "second"):
            process.replies.put(reply)
        assert [await first, await second] == ["first", "second"]
        assert said == ["progress"]
        assert not solver.is_busy

    play(scene)


def test_a_tab_that_has_gone_stops_its_question_and_no_other(play: Callable[..., None]) -> None:
    async def scene(solver: Solver) -> None:
        first, second, third = (begin(solver, asked(key)) for key in "abc")
        await settled()
        second.cancel()
        await settled()
        (process,) = PROCESSES
        assert process.stopped == []
        first.cancel()
        await settled()
        assert process.stopped == [1]
        process.replies.put("stopped")
        process.replies.put("third")
        assert await third == "third"
        assert [one.key for one in process.asked] == ["a", "c"]

    play(scene)


def test_an_abandoned_answer_is_not_the_best_plan(play: Callable[..., None]) -> None:
    async def scene(solver: Solver) -> None:
        look = ViewRequest("changed", ("b", "a"))
        first = begin(solver, asked("a"))
        await settled()
        first.cancel()
        await settled()
        view = begin(solver, look)  # before the process has come back
        PROCESSES[0].replies.put("best so far")
        assert (await view).plan_gone
        again = begin(solver, asked("a"))
        PROCESSES[0].replies.put("best")
        assert await again == "best"
        view = begin(solver, look)
        PROCESSES[0].replies.put("shown")
        assert await view == "shown"

    play(scene)


def test_only_what_is_being_answered_can_be_stopped(play: Callable[..., None]) -> None:
    async def scene(solver: Solver) -> None:
        first, second = begin(solver, asked("a")), begin(solver, asked("b"))
        await settled()
        assert not solver.stop(2)  # so that who asked is reported that it had not begun
        assert solver.stop(1)
        await settled()
        assert PROCESSES[0].stopped == [1]
        second.cancel()
        PROCESSES[0].replies.put("best so far")
        assert await first == "best so far"

    play(scene)


def test_a_process_that_is_gone_costs_its_answer_alone(play: Callable[..., None]) -> None:
    """The reason is in the language of the user."""

    async def scene(solver: Solver) -> None:
        limits: list[Any] = [(None, "ausgefallen"), ("memory", "5 MB")]
        for limit, says in limits:
            with using("de"):
                lost = begin(solver, asked("a"))
            await settled()
            PROCESSES[-1].replies.put(ProcessLost(limit))
            found = await lost
            assert isinstance(found, AnswerFailure)
            assert says in found.message
        assert current_language() == "en"
        again = begin(solver, asked("a"))
        await settled()
        PROCESSES[2].replies.put("found")
        assert await again == "found"

    play(scene)


def test_what_waits_is_refused_when_the_page_ends(play: Callable[..., None]) -> None:
    async def scene(solver: Solver) -> None:
        tasks = [begin(solver, asked(key)) for key in "ab"]
        await settled()
        solver.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], AnswerFailure)
        assert isinstance(found[1], asyncio.CancelledError)

    play(scene)
