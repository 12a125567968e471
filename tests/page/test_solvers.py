"""What becomes of a question whose process or whose user goes away, hangs or fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hall import Hall, asked, key_of, settled

from optimizer.page.solver_pool import RequestRemoved
from optimizer.page.worker import AnswerFailure, PlanRequest, ViewRequest
from optimizer.parallel.services import EventHandler, ServiceEvent


def test_who_goes_away_leaves_the_line_and_what_he_asked_is_stopped() -> None:
    async def go() -> None:
        hall = Hall()
        for name in "abc":
            await hall.ask(name)
        hall.tasks["b"].cancel()
        await settled()
        assert hall.told["c"] == [2, 1]
        hall.tasks["a"].cancel()
        await settled()
        assert hall.seats[0].stopped == [1]
        assert [len(one.asked) for one in hall.seats] == [1]  # until it has come back
        await hall.answer(0)
        assert hall.at_work == [(0, "c")]
        with suppress(asyncio.CancelledError):
            await hall.tasks["a"]

    asyncio.run(go())


def test_who_goes_away_twice_frees_nothing_that_is_at_work() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        await hall.ask("b")
        for _ in range(3):
            hall.tasks["a"].cancel()
            await settled()
        assert [len(one.asked) for one in hall.seats] == [1]
        await hall.answer(0)
        await hall.answer(0)
        assert hall.tasks["b"].result() == (0, "b")

    asyncio.run(go())


def test_who_goes_away_while_the_process_begins_leaves_it_to_the_next() -> None:
    """And what he asked is not even sent."""

    async def go() -> None:
        hall = Hall()
        ready = hall.slow()
        await hall.ask("a")
        await hall.ask("b")
        hall.tasks["a"].cancel()
        await settled()
        ready.set()
        await settled()
        assert [key_of(message.question) for message in hall.seats[0].asked] == ["b"]
        assert len(hall.seats) == 1
        await hall.answer(0)
        assert hall.tasks["b"].result() == (0, "b")

    asyncio.run(go())


def test_what_cannot_begin_is_told_and_the_next_tries_again() -> None:
    async def go() -> None:
        hall, fails = Hall(), [True]

        def poorly(heard: EventHandler) -> Any:
            if fails.pop() if fails else False:
                raise OSError("no process to be had")
            return hall.seat(heard)

        hall.solvers.start_worker = poorly
        await hall.ask("a")
        assert isinstance(hall.tasks["a"].exception(), OSError)
        await hall.ask("b")
        await hall.answer(0)
        assert hall.tasks["b"].result() == (0, "b")

    asyncio.run(go())


@pytest.mark.filterwarnings("ignore")
def test_what_goes_wrong_where_it_is_told_costs_nobody_the_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def go() -> None:
        hall = Hall()

        def wrongly(_said: Any) -> None:
            raise KeyError("nobody foresaw this")

        hall.tasks["a"] = asyncio.create_task(hall.solvers.submit("s", asked("a"), "en", wrongly))
        await settled()
        await hall.ask("b")
        hall.seats[0].on_event(ServiceEvent(1, "a first plan", is_last=False))
        await settled()
        assert [len(one.asked) for one in hall.seats] == [1]
        await hall.answer(0)
        await hall.answer(0)
        assert hall.tasks["a"].result() == (0, "a")
        assert hall.tasks["b"].result() == (0, "b")

    asyncio.run(go())
    assert "nobody foresaw this" in capsys.readouterr().err


def test_what_is_stopped_is_told_so_and_nothing_else_is() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        await hall.ask("b")
        assert not hall.solvers.stop("b")
        assert not hall.solvers.stop(None)
        assert hall.solvers.stop("a")
        await settled()
        assert hall.seats[0].stopped == [1]

    asyncio.run(go())


def test_what_nobody_waited_for_is_not_taken_for_the_best_plan() -> None:
    async def go() -> None:
        hall, look = Hall(), ViewRequest("changed", ("b", "a"))
        await hall.ask("a")
        hall.tasks["a"].cancel()
        await hall.ask("view", what=look)  # before the process has come back
        await hall.answer(0)
        assert hall.tasks["view"].result().plan_gone
        await hall.ask("lent", what=PlanRequest("a"))
        assert hall.tasks["lent"].result().plan_gone
        await hall.ask("again", what=asked("a"))
        await hall.answer(0)
        await hall.ask("view", what=look)
        assert hall.seats[0].asked[-1].question == look

    asyncio.run(go())


def test_what_is_told_on_the_way_reaches_who_asked_and_nothing_late_does() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        await hall.ask("b")
        hall.seats[0].on_event(ServiceEvent(1, "a first plan", is_last=False))
        await hall.answer(0)
        hall.seats[0].on_event(ServiceEvent(1, "a late one", is_last=False))
        await hall.answer(0)
        assert hall.told["a"] == ["a first plan"]
        assert hall.told["b"] == [1]

    asyncio.run(go())


def test_a_process_that_is_gone_costs_its_answer_alone() -> None:
    async def go() -> None:
        hall = Hall(process_memory=5_000_000)
        await hall.ask("a")
        await hall.ask("b")
        hall.seats[0].close()
        await settled()
        assert "has died" in hall.tasks["a"].result().message
        hall.seats[1].outgrew_memory = True
        hall.seats[1].close()
        await settled()
        assert "more than 5 MB" in hall.tasks["b"].result().message
        await hall.ask("c")
        await hall.answer(2)
        assert hall.tasks["c"].result() == (2, "c")

    asyncio.run(go())


def test_a_process_that_hangs_is_ended() -> None:
    async def go() -> None:
        hall = Hall(answer_timeout=0.2)
        await hall.ask("a")
        await hall.ask("b")
        found = await hall.tasks["a"]
        assert isinstance(found, AnswerFailure)
        assert not hall.seats[0].is_alive
        await settled()
        await hall.answer(1)
        assert hall.tasks["b"].result() == (1, "b")

    asyncio.run(go())


def test_an_error_that_comes_back_is_told() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        hall.seats[0].on_event(ServiceEvent(1, MemoryError("there is no memory left")))
        await settled()
        assert hall.tasks["a"].result() == AnswerFailure("there is no memory left")

    asyncio.run(go())


def test_what_one_user_had_is_forgotten_and_nothing_else() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=1, max_processes=5, max_active=5)
        for name in ("ada/x", "adam/x", "x"):
            await hall.ask(name, scenario=name)
        await hall.answer(1)
        await hall.ask("late", scenario="ada/x", user="ada")
        await hall.ask("mine", scenario="x", user="ada")
        await hall.ask("hers", scenario="x", user="eve")
        hall.solvers.forget("ada")
        await settled()
        assert isinstance(hall.tasks["ada/x"].result(), AnswerFailure)
        for name in ("late", "mine"):
            assert isinstance(hall.tasks[name].exception(), RequestRemoved)
        assert [one.is_alive for one in hall.seats] == [False, True, True]
        assert hall.seats[0].asked == hall.seats[0].asked[:1]
        await hall.answer(2)
        await hall.answer(2)
        assert hall.tasks["hers"].result() == (2, "hers")
        await hall.ask("again", scenario="ada/x")
        assert hall.seats[3].asked

    asyncio.run(go())


def test_what_was_just_beginning_for_one_who_is_forgotten_ends_at_once() -> None:
    async def go() -> None:
        hall = Hall()
        ready = hall.slow()
        await hall.ask("a", scenario="ada/x", user="ada")
        hall.solvers.forget("ada")
        hall.tasks["a"].cancel()
        await settled()
        ready.set()
        await settled()
        assert [one.is_alive for one in hall.seats] == [False]
        assert hall.seats[0].asked == []

    asyncio.run(go())


def test_who_waits_can_stop_though_what_he_asked_before_is_still_coming_back() -> None:
    async def go() -> None:
        hall, tab = Hall(), object()
        first = asyncio.create_task(hall.solvers.submit("s", asked("a"), "en", owner=tab))
        await settled()
        first.cancel()
        second = asyncio.create_task(hall.solvers.submit("s", asked("b"), "en", owner=tab))
        await settled()
        assert not hall.solvers.stop(tab)  # so that who asked is told that it had not begun
        second.cancel()
        await settled()
        await hall.answer(0)
        assert [key_of(message.question) for message in hall.seats[0].asked] == ["a"]

    asyncio.run(go())


def test_what_became_of_a_question_is_told_in_the_language_of_who_asked() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        german = hall.solvers.submit("s", asked("b"), "de")
        hall.tasks["b"] = asyncio.create_task(german)
        await settled()
        await hall.answer(0)
        hall.seats[0].close()
        await settled()
        assert "ausgefallen" in hall.tasks["b"].result().message

    asyncio.run(go())
