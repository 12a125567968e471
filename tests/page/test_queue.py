"""Order of answers and assignment of processes: users in turn, and each scenario by its process."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, cast

import pytest
from simulated_solvers import SimulatedPool, asked, key_of, settled

from optimizer.page.solver_pool import ServerBusy
from optimizer.page.worker import (
    AnswerFailure,
    PlanRequest,
    SolveRequest,
    TransferredPlan,
    ViewRequest,
)


def test_questions_of_one_process_are_answered_in_turn_and_each_hears_where_it_stands() -> None:
    async def go() -> None:
        pool = SimulatedPool()
        for name in "abc":
            await pool.ask(name)
        assert pool.at_work == [(0, "a")]
        assert [pool.reported[name] for name in "abc"] == [[], [1], [2]]
        assert await pool.answer(0) == "a"
        assert pool.at_work == [(0, "b")]
        assert pool.reported["c"] == [2, 1]
        assert await pool.answer(0) == "b"
        assert await pool.answer(0) == "c"
        assert [pool.tasks[name].result() for name in "abc"] == [(0, "a"), (0, "b"), (0, "c")]
        assert len(pool.seats) == 1

    asyncio.run(go())


@pytest.mark.slow
def test_many_questions_of_one_user_do_not_delay_others() -> None:
    async def go() -> list[str]:
        pool, done = SimulatedPool(max_active=1), []
        for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
            await pool.ask(name, user=name[0])
        for _ in range(6):
            done.append(await pool.answer(0))
        return done

    assert asyncio.run(go()) == ["a1", "b1", "c1", "a2", "b2", "a3"]


@pytest.mark.slow
def test_a_view_comes_before_questions() -> None:
    async def go() -> list[str]:
        pool, done = SimulatedPool(), []
        await pool.ask("a1", user="a")
        await pool.answer(0)
        for name in ("a2", "b1", "c1"):
            await pool.ask(name, user=name[0])
        await pool.ask("view", user="d", what=ViewRequest("brief", ("a1",)))
        await pool.ask("late", user="a", what=ViewRequest("brief", ("a1",)))
        for _ in range(5):
            done.append(await pool.answer(0))
        return done

    assert asyncio.run(go()) == ["a2", "a1", "a1", "b1", "c1"]


@pytest.mark.slow
def test_views_of_one_user_do_not_delay_others() -> None:
    async def go() -> list[str]:
        pool, done = SimulatedPool(), []
        await pool.ask("a1", user="a")
        await pool.answer(0)
        for name in ("b1", "c1", "d1"):
            await pool.ask(name, user=name[0])
        for n in range(5):
            await pool.ask(f"view {n}", user="a", what=ViewRequest("brief", ("a1",)))
        for _ in range(8):
            done.append(await pool.answer(0))
        return done

    assert asyncio.run(go()) == ["b1", "a1", "c1", "a1", "d1", "a1", "a1", "a1"]


@pytest.mark.slow
def test_a_process_stays_reserved_for_views_after_its_answer() -> None:
    async def go() -> None:
        pool = SimulatedPool(view_grace_seconds=0.5)
        await pool.ask("a1", user="a")
        await pool.ask("b1", user="b")
        await pool.answer(0)
        assert len(pool.seats[0].asked) == 1  # though b waits
        await pool.ask("view", user="a", what=ViewRequest("brief", ("a1",)))
        assert await pool.answer(0) == "a1"
        assert [key_of(message.question) for message in pool.seats[0].asked][2:] == ["b1"]
        await pool.answer(0)
        await pool.ask("c1", user="c")
        assert len(pool.seats[0].asked) == 3  # b requests no view
        await pool.ask("b2", user="b")
        assert len(pool.seats[0].asked) == 3  # but asks again, when it is the turn of c
        until = asyncio.get_running_loop().time() + 10
        while len(pool.seats[0].asked) == 3:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.02)
        assert key_of(pool.seats[0].asked[-1].question) == "c1"
        await pool.answer(0)
        await pool.ask("c2", user="c")
        assert len(pool.seats[0].asked) == 4  # b waits for longer
        pool.tasks["b2"].cancel()
        await pool.ask("c3", user="c")
        assert key_of(pool.seats[0].asked[-1].question) == "c2"  # at once if the queue is empty

    asyncio.run(go())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_question_waits_for_at_most_one_question_and_view_per_other_user(seed: int) -> None:
    """This holds though two users send a new question and view after each answer."""
    import random

    async def go() -> None:
        draw = random.Random(seed)
        pool = SimulatedPool(
            view_grace_seconds=0.05,
            max_per_scenario=2,
            max_processes=3,
            max_active=draw.choice([1, 2]),
        )
        users, asks, served, begun = "abcde", Counter[str](), list[str](), Counter[int]()
        came: dict[str, int] = {}  # how many were served when it was asked
        forgets = draw.random() < 0.5

        async def put(user: str, views: bool) -> None:
            asks[user] += 1
            name = f"{user}{asks[user]}"
            came[name] = len(served)
            await pool.ask(name, user=user)
            if views:
                await pool.ask(f"{name} view", user=user, what=ViewRequest("brief", (name,)))

        for n in range(25):
            for user in users[:2] if n else ():
                waits = sum(not one.done() for name, one in pool.tasks.items() if name[0] == user)
                for _ in range(4 - waits):
                    await put(user, views=user != "a")
            if draw.random() < 0.3 and (user := draw.choice(users[2:])) not in {
                name[0] for name, one in pool.tasks.items() if not one.done()
            }:
                await put(user, views=False)
            if forgets and n % 5 == 0:
                pool.solvers.forget("a")
            for seat in pool.seats:
                new = seat.asked[begun[seat.number] :]
                begun[seat.number] += len(new)
                served += [
                    key_of(one.question) for one in new if isinstance(one.question, SolveRequest)
                ]
                if new and seat.is_alive:
                    await pool.answer(seat.number)
        for name in [name for name in served if name[0] in users[2:]]:
            before = Counter(one[0] for one in served[came[name] : served.index(name)])
            assert max(before.values(), default=0) <= 2, (name, served)
        waiting = [name for name in came if name[0] in users[2:] and name not in served]
        assert all(len(served) - came[name] <= 2 * len(users) for name in waiting), served
        for task in pool.tasks.values():
            task.cancel()
        await asyncio.gather(*pool.tasks.values(), return_exceptions=True)

    asyncio.run(go())


def test_several_processes_of_a_scenario_answer_side_by_side() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=2, max_processes=3, max_active=2)
        for name in "abc":
            await pool.ask(name, user=name)
        assert pool.at_work == [(0, "a"), (1, "b")]
        assert pool.reported["c"] == [2]
        await pool.answer(1)
        assert pool.at_work == [(0, "a"), (1, "c")]

    asyncio.run(go())


@pytest.mark.slow
def test_a_question_is_answered_where_it_was_asked_before() -> None:
    """The process that has the answer is used, though another one is free."""

    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=2, max_processes=2, max_active=2)
        await pool.ask("a", user="ada")
        await pool.ask("b", user="bea")
        await pool.answer(0)
        await pool.answer(1)
        for name, seat in (("a", 0), ("b", 1), ("a", 0)):
            await pool.ask(f"again {name}", user="eve", what=asked(name))
            assert pool.seats[seat].asked[-1].question.key == name
            await pool.answer(seat)
            assert pool.tasks[f"again {name}"].result() == (seat, name)

    asyncio.run(go())


def test_no_more_are_at_work_than_may_be() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=1, max_processes=5, max_active=2)
        for name in "abc":
            await pool.ask(name, scenario=name)
        assert pool.at_work == [(0, "a"), (1, "b")]
        await pool.answer(0)
        assert pool.at_work == [(1, "b"), (2, "c")]

    asyncio.run(go())


@pytest.mark.slow
def test_a_plan_is_shown_where_it_is_and_waits_for_that() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=2, max_processes=2, max_active=2)
        await pool.ask("a")
        await pool.ask("b")
        await pool.answer(1)  # b is in the second process
        await pool.answer(0)
        await pool.ask("c", near_key="b")
        await pool.ask("view", what=ViewRequest("brief", ("b",)))
        assert pool.at_work == [(1, "c")]
        assert pool.reported["view"] == [1]
        await pool.answer(1)
        await pool.answer(1)
        assert pool.tasks["view"].result() == (1, "b")
        assert pool.solvers.is_in_other_process("s", "a", "b")
        assert not pool.solvers.is_in_other_process("s", "c", "b")
        assert not pool.solvers.is_in_other_process("s", "nowhere", "b")
        await pool.ask("lent", what=PlanRequest("a"), near_key="a")
        await pool.answer(0)
        await pool.ask(
            "given", what=TransferredPlan("a", cast(Any, None), ("", None)), near_key="b"
        )
        assert isinstance(pool.seats[1].asked[-1].question, TransferredPlan)
        await pool.answer(1)
        await pool.ask("again", what=asked("a"))  # it is at home where it was found
        assert pool.seats[0].asked[-1].question == asked("a")

    asyncio.run(go())


@pytest.mark.slow
def test_the_least_recently_used_process_ends_for_another_scenario() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=1, max_processes=2, max_active=2)
        for name in ("a", "b", "a", "c"):
            await pool.ask(name, scenario=name)
            await pool.answer(len(pool.seats) - 1 if name != "a" else 0)
        assert [one.is_alive for one in pool.seats] == [True, False, True]

    asyncio.run(go())


def test_another_scenario_is_queued_while_all_processes_are_busy() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=1, max_processes=1, max_active=3)
        await pool.ask("a", scenario="a")
        await pool.ask("b", scenario="b")
        assert pool.at_work == [(0, "a")]
        assert pool.reported["b"] == [1]
        await pool.answer(0)
        assert [one.is_alive for one in pool.seats] == [False, True]
        await pool.answer(1)
        assert pool.tasks["b"].result() == (1, "b")

    asyncio.run(go())


def test_processes_that_hold_too_much_together_are_ended_but_the_last() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_per_scenario=1, max_processes=5, max_active=5, total_memory=100)
        for name in "abc":
            await pool.ask(name, scenario=name)
            pool.seats[-1].memory_bytes = 60
            await pool.answer(len(pool.seats) - 1)
        assert [one.is_alive for one in pool.seats] == [False, False, True]

    asyncio.run(go())


def test_the_queue_has_a_limit_per_user() -> None:
    async def go() -> None:
        pool = SimulatedPool(max_waiting_per_user=2)
        for name in ("a1", "a2", "a3", "a4", "b1"):
            await pool.ask(name, user=name[0])
        assert isinstance(pool.tasks["a4"].exception(), ServerBusy)
        assert not pool.tasks["a3"].done()
        assert not pool.tasks["b1"].done()

    asyncio.run(go())


@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("seed", range(20))
def test_every_question_is_answered_by_a_process_of_its_scenario(seed: int) -> None:
    """Random users, scenarios, answers, losses and people who go away."""
    import random

    async def go() -> None:
        draw = random.Random(seed)
        pool = SimulatedPool(
            max_per_scenario=2,
            max_processes=3,
            max_active=draw.choice([2, 3]),
            max_waiting_per_user=100,
        )
        of: dict[int, set[str]] = {}
        for n in range(60):
            scenario = draw.choice("pqr")
            await pool.ask(f"{scenario}{n}", scenario=scenario, user=draw.choice("abc"))
            for seat, _ in draw.sample(pool.at_work, min(len(pool.at_work), draw.randrange(3))):
                if draw.random() < 0.1:
                    pool.seats[seat].close()
                else:
                    await pool.answer(seat)
            if draw.random() < 0.1:
                pool.tasks[draw.choice(list(pool.tasks))].cancel()
        for _ in range(200):
            await settled()
            if all(task.done() for task in pool.tasks.values()):
                break
            for seat, _ in pool.at_work:
                await pool.answer(seat)
        for seat in pool.seats:
            of[seat.number] = {key_of(message.question)[0] for message in seat.asked}
        assert all(len(scenarios) <= 1 for scenarios in of.values())
        for name, task in pool.tasks.items():
            assert task.done(), name
            if not task.cancelled() and not isinstance(task.result(), AnswerFailure):
                assert task.result()[1] == name
        assert sum(one.is_alive for one in pool.seats) <= 3

    asyncio.run(go())
