"""What becomes of a question whose process or whose user goes away, hangs or fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from simulated_solvers import SimulatedPool, asked, key_of, settled

from optimizer.page.solver_pool import RequestRemoved
from optimizer.page.worker import AnswerFailure, PlanRequest, ViewRequest
from optimizer.parallel.services import EventHandler, ServiceEvent


def test_a_disconnected_user_leaves_the_queue_and_his_question_stops() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        for name in "abc":
            await pool.ask(name)
        pool.tasks["b"].cancel()
        await settled()
        assert pool.reported["c"] == [2, 1]
        pool.tasks["a"].cancel()
        await settled()
        assert pool.seats[0].stopped == [1]
        assert [len(one.asked) for one in pool.seats] == [1]  # until it has come back
        await pool.answer(0)
        assert pool.at_work == [(0, "c")]
        with suppress(asyncio.CancelledError):
            await pool.tasks["a"]

    asyncio.run(go())


def test_who_goes_away_twice_frees_nothing_that_is_at_work() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        await pool.ask("a")
        await pool.ask("b")
        for _ in range(3):
            pool.tasks["a"].cancel()
            await settled()
        assert [len(one.asked) for one in pool.seats] == [1]
        await pool.answer(0)
        await pool.answer(0)
        assert pool.tasks["b"].result() == (0, "b")

    asyncio.run(go())


def test_a_starting_process_of_a_disconnected_user_serves_the_next() -> None:
    """The question of the disconnected user is not sent."""

    async def go() -> None:
        pool = SimulatedPool()
        ready = pool.slow()
        await pool.ask("a")
        await pool.ask("b")
        pool.tasks["a"].cancel()
        await settled()
        ready.set()
        await settled()
        assert [key_of(message.question) for message in pool.seats[0].asked] == ["b"]
        assert len(pool.seats) == 1
        await pool.answer(0)
        assert pool.tasks["b"].result() == (0, "b")

    asyncio.run(go())


def test_a_process_that_fails_to_start_is_reported_and_started_again() -> None:
    async def go() -> None:
        pool, fails = SimulatedPool(), [True]

        def poorly(heard: EventHandler) -> Any:
            if fails.pop() if fails else False:
                raise OSError("no process to be had")
            return pool.seat(heard)

        pool.solvers.start_worker = poorly
        await pool.ask("a")
        assert isinstance(pool.tasks["a"].exception(), OSError)
        await pool.ask("b")
        await pool.answer(0)
        assert pool.tasks["b"].result() == (0, "b")

    asyncio.run(go())


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_a_progress_callback_keeps_the_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def go() -> None:
        pool = SimulatedPool()

        def wrongly(_said: Any) -> None:
            raise KeyError("nobody foresaw this")

        pool.tasks["a"] = asyncio.create_task(pool.solvers.submit("s", asked("a"), "en", wrongly))
        await settled()
        await pool.ask("b")
        pool.seats[0].on_event(ServiceEvent(1, "a first plan", is_last=False))
        await settled()
        assert [len(one.asked) for one in pool.seats] == [1]
        await pool.answer(0)
        await pool.answer(0)
        assert pool.tasks["a"].result() == (0, "a")
        assert pool.tasks["b"].result() == (0, "b")

    asyncio.run(go())
    assert "nobody foresaw this" in capsys.readouterr().err


def test_what_is_stopped_is_reported_and_nothing_else_is() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        await pool.ask("a")
        await pool.ask("b")
        assert not pool.solvers.stop("b")
        assert not pool.solvers.stop(None)
        assert pool.solvers.stop("a")
        await settled()
        assert pool.seats[0].stopped == [1]

    asyncio.run(go())


def test_an_abandoned_answer_is_not_the_best_plan() -> None:
    async def go() -> None:
        pool, look = SimulatedPool(), ViewRequest("changed", ("b", "a"))
        await pool.ask("a")
        pool.tasks["a"].cancel()
        await pool.ask("view", what=look)  # before the process has come back
        await pool.answer(0)
        assert pool.tasks["view"].result().plan_gone
        await pool.ask("lent", what=PlanRequest("a"))
        assert pool.tasks["lent"].result().plan_gone
        await pool.ask("again", what=asked("a"))
        await pool.answer(0)
        await pool.ask("view", what=look)
        assert pool.seats[0].asked[-1].question == look

    asyncio.run(go())


def test_progress_reaches_its_question_and_none_after_the_answer() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        await pool.ask("a")
        await pool.ask("b")
        pool.seats[0].on_event(ServiceEvent(1, "a first plan", is_last=False))
        await pool.answer(0)
        pool.seats[0].on_event(ServiceEvent(1, "a late one", is_last=False))
        await pool.answer(0)
        assert pool.reported["a"] == ["a first plan"]
        assert pool.reported["b"] == [1]

    asyncio.run(go())


def test_a_process_that_is_gone_costs_its_answer_alone() -> None:
    async def go() -> None:
        pool = SimulatedPool(process_memory=5_000_000)
        await pool.ask("a")
        await pool.ask("b")
        pool.seats[0].close()
        await settled()
        assert "has died" in pool.tasks["a"].result().message
        pool.seats[1].exceeded_memory_limit = True
        pool.seats[1].close()
        await settled()
        assert "more than 5 MB" in pool.tasks["b"].result().message
        await pool.ask("c")
        await pool.answer(2)
        assert pool.tasks["c"].result() == (2, "c")

    asyncio.run(go())


def test_a_process_that_hangs_is_ended() -> None:
    async def go() -> None:
        pool = SimulatedPool(answer_timeout=0.2)
        await pool.ask("a")
        await pool.ask("b")
        found = await pool.tasks["a"]
        assert isinstance(found, AnswerFailure)
        assert not pool.seats[0].is_alive
        await settled()
        await pool.answer(1)
        assert pool.tasks["b"].result() == (1, "b")

    asyncio.run(go())


def test_an_error_that_comes_back_is_reported() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        await pool.ask("a")
        pool.seats[0].on_event(ServiceEvent(1, MemoryError("there is no memory left")))
        await settled()
        assert pool.tasks["a"].result() == AnswerFailure("there is no memory left")

    asyncio.run(go())


@pytest.mark.slow
def test_what_one_user_had_is_forgotten_and_nothing_else() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=1, max_processes=5, max_active=5)
        for name in ("ada/x", "adam/x", "x"):
            await pool.ask(name, scenario=name)
        await pool.answer(1)
        await pool.ask("late", scenario="ada/x", user="ada")
        await pool.ask("mine", scenario="x", user="ada")
        await pool.ask("hers", scenario="x", user="eve")
        pool.solvers.forget("ada")
        await settled()
        assert isinstance(pool.tasks["ada/x"].result(), AnswerFailure)
        for name in ("late", "mine"):
            assert isinstance(pool.tasks[name].exception(), RequestRemoved)
        assert [one.is_alive for one in pool.seats] == [False, True, True]
        assert pool.seats[0].asked == pool.seats[0].asked[:1]
        await pool.answer(2)
        await pool.answer(2)
        assert pool.tasks["hers"].result() == (2, "hers")
        await pool.ask("again", scenario="ada/x")
        assert pool.seats[3].asked

    asyncio.run(go())


def test_a_starting_process_of_a_removed_user_ends() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        ready = pool.slow()
        await pool.ask("a", scenario="ada/x", user="ada")
        pool.solvers.forget("ada")
        pool.tasks["a"].cancel()
        await settled()
        ready.set()
        await settled()
        assert [one.is_alive for one in pool.seats] == [False]
        assert pool.seats[0].asked == []

    asyncio.run(go())


def test_a_queued_question_can_be_stopped_before_the_earlier_answer_arrives() -> None:
    async def go() -> None:
        pool, tab = SimulatedPool(), object()
        first = asyncio.create_task(pool.solvers.submit("s", asked("a"), "en", owner=tab))
        await settled()
        first.cancel()
        second = asyncio.create_task(pool.solvers.submit("s", asked("b"), "en", owner=tab))
        await settled()
        assert not pool.solvers.stop(tab)  # so that who asked is reported that it had not begun
        second.cancel()
        await settled()
        await pool.answer(0)
        assert [key_of(message.question) for message in pool.seats[0].asked] == ["a"]

    asyncio.run(go())


def test_the_outcome_of_a_question_is_in_the_language_of_its_user() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        await pool.ask("a")
        german = pool.solvers.submit("s", asked("b"), "de")
        pool.tasks["b"] = asyncio.create_task(german)
        await settled()
        await pool.answer(0)
        pool.seats[0].close()
        await settled()
        assert "ausgefallen" in pool.tasks["b"].result().message

    asyncio.run(go())
