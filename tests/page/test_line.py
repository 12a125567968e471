"""Who is answered when, and by which process: everybody in turn, and each by his own."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, cast

import pytest
from hall import Hall, asked, key_of, settled

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
        hall = Hall()
        for name in "abc":
            await hall.ask(name)
        assert hall.at_work == [(0, "a")]
        assert [hall.told[name] for name in "abc"] == [[], [1], [2]]
        assert await hall.answer(0) == "a"
        assert hall.at_work == [(0, "b")]
        assert hall.told["c"] == [2, 1]
        assert await hall.answer(0) == "b"
        assert await hall.answer(0) == "c"
        assert [hall.tasks[name].result() for name in "abc"] == [(0, "a"), (0, "b"), (0, "c")]
        assert len(hall.seats) == 1

    asyncio.run(go())


def test_who_asks_much_does_not_hold_up_the_others() -> None:
    async def go() -> list[str]:
        hall, done = Hall(max_active=1), []
        for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
            await hall.ask(name, user=name[0])
        for _ in range(6):
            done.append(await hall.answer(0))
        return done

    assert asyncio.run(go()) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_view_comes_before_questions() -> None:
    async def go() -> list[str]:
        hall, done = Hall(), []
        await hall.ask("a1", user="a")
        await hall.answer(0)
        for name in ("a2", "b1", "c1"):
            await hall.ask(name, user=name[0])
        await hall.ask("view", user="d", what=ViewRequest("brief", ("a1",)))
        await hall.ask("late", user="a", what=ViewRequest("brief", ("a1",)))
        for _ in range(5):
            done.append(await hall.answer(0))
        return done

    assert asyncio.run(go()) == ["a2", "a1", "a1", "b1", "c1"]


def test_who_only_looks_does_not_hold_up_the_others_either() -> None:
    async def go() -> list[str]:
        hall, done = Hall(), []
        await hall.ask("a1", user="a")
        await hall.answer(0)
        for name in ("b1", "c1", "d1"):
            await hall.ask(name, user=name[0])
        for n in range(5):
            await hall.ask(f"view {n}", user="a", what=ViewRequest("brief", ("a1",)))
        for _ in range(8):
            done.append(await hall.answer(0))
        return done

    assert asyncio.run(go()) == ["b1", "a1", "c1", "a1", "d1", "a1", "a1", "a1"]


def test_a_process_that_has_found_a_plan_is_left_for_a_moment_to_who_looks_at_it() -> None:
    async def go() -> None:
        hall = Hall(view_grace_seconds=0.5)
        await hall.ask("a1", user="a")
        await hall.ask("b1", user="b")
        await hall.answer(0)
        assert len(hall.seats[0].asked) == 1  # though b waits
        await hall.ask("view", user="a", what=ViewRequest("brief", ("a1",)))
        assert await hall.answer(0) == "a1"
        assert [key_of(message.question) for message in hall.seats[0].asked][2:] == ["b1"]
        await hall.answer(0)
        await hall.ask("c1", user="c")
        assert len(hall.seats[0].asked) == 3  # b does not look
        await hall.ask("b2", user="b")
        assert len(hall.seats[0].asked) == 3  # but asks again, when it is the turn of c
        until = asyncio.get_running_loop().time() + 10
        while len(hall.seats[0].asked) == 3:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.02)
        assert key_of(hall.seats[0].asked[-1].question) == "c1"
        await hall.answer(0)
        await hall.ask("c2", user="c")
        assert len(hall.seats[0].asked) == 4  # b waits for longer
        hall.tasks["b2"].cancel()
        await hall.ask("c3", user="c")
        assert key_of(hall.seats[0].asked[-1].question) == "c2"  # at once where nobody waits

    asyncio.run(go())


@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", range(4))
def test_each_question_waits_for_one_question_and_one_view_of_each_other_user(seed: int) -> None:
    """However users ask and look anew as soon as they are answered, which two of them do."""
    import random

    async def go() -> None:
        draw = random.Random(seed)
        hall = Hall(
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
            await hall.ask(name, user=user)
            if views:
                await hall.ask(f"{name} view", user=user, what=ViewRequest("brief", (name,)))

        for n in range(25):
            for user in users[:2] if n else ():
                waits = sum(not one.done() for name, one in hall.tasks.items() if name[0] == user)
                for _ in range(4 - waits):
                    await put(user, views=user != "a")
            if draw.random() < 0.3 and (user := draw.choice(users[2:])) not in {
                name[0] for name, one in hall.tasks.items() if not one.done()
            }:
                await put(user, views=False)
            if forgets and n % 5 == 0:
                hall.solvers.forget("a")
            for seat in hall.seats:
                new = seat.asked[begun[seat.number] :]
                begun[seat.number] += len(new)
                served += [
                    key_of(one.question) for one in new if isinstance(one.question, SolveRequest)
                ]
                if new and seat.is_alive:
                    await hall.answer(seat.number)
        for name in [name for name in served if name[0] in users[2:]]:
            before = Counter(one[0] for one in served[came[name] : served.index(name)])
            assert max(before.values(), default=0) <= 2, (name, served)
        waiting = [name for name in came if name[0] in users[2:] and name not in served]
        assert all(len(served) - came[name] <= 2 * len(users) for name in waiting), served
        for task in hall.tasks.values():
            task.cancel()
        await asyncio.gather(*hall.tasks.values(), return_exceptions=True)

    asyncio.run(go())


def test_several_processes_of_a_scenario_answer_side_by_side() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=2, max_processes=3, max_active=2)
        for name in "abc":
            await hall.ask(name, user=name)
        assert hall.at_work == [(0, "a"), (1, "b")]
        assert hall.told["c"] == [2]
        await hall.answer(1)
        assert hall.at_work == [(0, "a"), (1, "c")]

    asyncio.run(go())


def test_a_question_is_answered_where_it_was_asked_before() -> None:
    """Where it has the same answer, though another process is free and was asked later."""

    async def go() -> None:
        hall = Hall(max_per_scenario=2, max_processes=2, max_active=2)
        await hall.ask("a", user="ada")
        await hall.ask("b", user="bea")
        await hall.answer(0)
        await hall.answer(1)
        for name, seat in (("a", 0), ("b", 1), ("a", 0)):
            await hall.ask(f"again {name}", user="eve", what=asked(name))
            assert hall.seats[seat].asked[-1].question.key == name
            await hall.answer(seat)
            assert hall.tasks[f"again {name}"].result() == (seat, name)

    asyncio.run(go())


def test_no_more_are_at_work_than_may_be() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=1, max_processes=5, max_active=2)
        for name in "abc":
            await hall.ask(name, scenario=name)
        assert hall.at_work == [(0, "a"), (1, "b")]
        await hall.answer(0)
        assert hall.at_work == [(1, "b"), (2, "c")]

    asyncio.run(go())


def test_a_plan_is_shown_where_it_is_and_waits_for_that() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=2, max_processes=2, max_active=2)
        await hall.ask("a")
        await hall.ask("b")
        await hall.answer(1)  # b is in the second process
        await hall.answer(0)
        await hall.ask("c", near_key="b")
        await hall.ask("view", what=ViewRequest("brief", ("b",)))
        assert hall.at_work == [(1, "c")]
        assert hall.told["view"] == [1]
        await hall.answer(1)
        await hall.answer(1)
        assert hall.tasks["view"].result() == (1, "b")
        assert hall.solvers.is_elsewhere("s", "a", "b")
        assert not hall.solvers.is_elsewhere("s", "c", "b")
        assert not hall.solvers.is_elsewhere("s", "nowhere", "b")
        await hall.ask("lent", what=PlanRequest("a"), near_key="a")
        await hall.answer(0)
        await hall.ask(
            "given", what=TransferredPlan("a", cast(Any, None), ("", None)), near_key="b"
        )
        assert isinstance(hall.seats[1].asked[-1].question, TransferredPlan)
        await hall.answer(1)
        await hall.ask("again", what=asked("a"))  # it is at home where it was found
        assert hall.seats[0].asked[-1].question == asked("a")

    asyncio.run(go())


def test_the_process_that_was_asked_longest_ago_ends_for_another_scenario() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=1, max_processes=2, max_active=2)
        for name in ("a", "b", "a", "c"):
            await hall.ask(name, scenario=name)
            await hall.answer(len(hall.seats) - 1 if name != "a" else 0)
        assert [one.is_alive for one in hall.seats] == [True, False, True]

    asyncio.run(go())


def test_where_all_are_busy_another_scenario_waits() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=1, max_processes=1, max_active=3)
        await hall.ask("a", scenario="a")
        await hall.ask("b", scenario="b")
        assert hall.at_work == [(0, "a")]
        assert hall.told["b"] == [1]
        await hall.answer(0)
        assert [one.is_alive for one in hall.seats] == [False, True]
        await hall.answer(1)
        assert hall.tasks["b"].result() == (1, "b")

    asyncio.run(go())


def test_processes_that_hold_too_much_together_are_ended_but_the_last() -> None:
    async def go() -> None:
        hall = Hall(max_per_scenario=1, max_processes=5, max_active=5, total_memory=100)
        for name in "abc":
            await hall.ask(name, scenario=name)
            hall.seats[-1].memory_bytes = 60
            await hall.answer(len(hall.seats) - 1)
        assert [one.is_alive for one in hall.seats] == [False, False, True]

    asyncio.run(go())


def test_no_more_wait_than_may_and_others_are_taken() -> None:
    async def go() -> None:
        hall = Hall(max_waiting_per_user=2)
        for name in ("a1", "a2", "a3", "a4", "b1"):
            await hall.ask(name, user=name[0])
        assert isinstance(hall.tasks["a4"].exception(), ServerBusy)
        assert not hall.tasks["a3"].done()
        assert not hall.tasks["b1"].done()

    asyncio.run(go())


@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_everybody_is_answered_by_a_process_of_his_scenario(seed: int) -> None:
    """Random users, scenarios, answers, losses and people who go away."""
    import random

    async def go() -> None:
        draw = random.Random(seed)
        hall = Hall(
            max_per_scenario=2,
            max_processes=3,
            max_active=draw.choice([2, 3]),
            max_waiting_per_user=100,
        )
        of: dict[int, set[str]] = {}
        for n in range(60):
            scenario = draw.choice("pqr")
            await hall.ask(f"{scenario}{n}", scenario=scenario, user=draw.choice("abc"))
            for seat, _ in draw.sample(hall.at_work, min(len(hall.at_work), draw.randrange(3))):
                if draw.random() < 0.1:
                    hall.seats[seat].close()
                else:
                    await hall.answer(seat)
            if draw.random() < 0.1:
                hall.tasks[draw.choice(list(hall.tasks))].cancel()
        for _ in range(200):
            await settled()
            if all(task.done() for task in hall.tasks.values()):
                break
            for seat, _ in hall.at_work:
                await hall.answer(seat)
        for seat in hall.seats:
            of[seat.number] = {key_of(message.question)[0] for message in seat.asked}
        assert all(len(scenarios) <= 1 for scenarios in of.values())
        for name, task in hall.tasks.items():
            assert task.done(), name
            if not task.cancelled() and not isinstance(task.result(), AnswerFailure):
                assert task.result()[1] == name
        assert sum(one.is_alive for one in hall.seats) <= 3

    asyncio.run(go())
