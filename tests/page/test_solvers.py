"""Who is answered when, and by which process: everybody in turn, and each by his own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from optimizer.page.solvers import Busy, Removed, Room, Solvers
from optimizer.page.worker import Asked, Failed, Given, Lent, Shown
from optimizer.parallel.staying import Heard, Message, Told


@dataclass(eq=False)
class Sitting:
    """A process that answers when it is told to, with its own number and what it was asked."""

    number: int
    heard: Heard
    held: int = 0
    outgrown: bool = False
    is_alive: bool = True
    asked: list[Message] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if message.asked is None:
            self.stopped.append(message.number)
            return
        self.asked.append(message)

    def close(self, _patience: float = 0.0) -> None:
        self.is_alive = False
        self.heard(None)


class Hall:
    """Solvers whose processes are such, and what became of questions."""

    def __init__(self, **room: Any) -> None:
        self.seats: list[Sitting] = []
        self.solvers = Solvers(Room(**room), cast(Any, self.seat))
        self.told: dict[str, list[Any]] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}

    def seat(self, heard: Heard) -> Sitting:
        self.seats.append(Sitting(len(self.seats), heard))
        return self.seats[-1]

    def slow(self) -> threading.Event:
        """Let processes begin only when this is set."""
        ready = threading.Event()

        def slowly(heard: Heard) -> Sitting:
            assert ready.wait(10)
            return self.seat(heard)

        self.solvers.seating = cast(Any, slowly)
        return ready

    async def ask(self, name: str, scenario: str = "s", user: str = "", what: Any = None,
                  **how: Any) -> None:  # fmt: skip
        """Ask, and wait until that has been taken in."""
        what = what or asked(name)
        tell: Callable[[Any], None] = self.told.setdefault(name, []).append
        made = self.solvers.ask(scenario, what, "en", tell, owner=name, user=user, **how)
        self.tasks[name] = asyncio.create_task(made)
        await settled()

    async def answer(self, seat: int) -> str:
        """Let a process answer what it was asked last; the key of that."""
        message = self.seats[seat].asked[-1]
        self.seats[seat].heard(Told(message.number, (seat, key_of(message.asked))))
        await settled()
        return key_of(message.asked)

    @property
    def at_work(self) -> list[tuple[int, str]]:
        """What each process was asked last, if that is not answered."""
        done = {name for name, task in self.tasks.items() if task.done()}
        pairs = [(one.number, key_of(one.asked[-1].asked)) for one in self.seats if one.asked]
        return [(seat, key) for seat, key in pairs if key not in done and self.seats[seat].is_alive]


def key_of(what: Any) -> str:
    return what.keys[0] if isinstance(what, Shown) else str(what.key)


def asked(key: str) -> Asked:
    return Asked(key, cast(Any, None), key, None)


async def settled() -> None:
    """Until nothing moves any more; what a thread does comes soon."""
    for _ in range(40):
        await asyncio.sleep(0.001)


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
        hall, done = Hall(at_work=1), []
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
        await hall.ask("view", user="d", what=Shown("brief", ("a1",)))
        await hall.ask("late", user="a", what=Shown("brief", ("a1",)))
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
            await hall.ask(f"view {n}", user="a", what=Shown("brief", ("a1",)))
        for _ in range(8):
            done.append(await hall.answer(0))
        return done

    assert asyncio.run(go()) == ["b1", "a1", "c1", "a1", "d1", "a1", "a1", "a1"]


def test_a_process_that_has_found_a_plan_is_left_for_a_moment_to_who_looks_at_it() -> None:
    async def go() -> None:
        hall = Hall(look=0.5)
        await hall.ask("a1", user="a")
        await hall.ask("b1", user="b")
        await hall.answer(0)
        assert len(hall.seats[0].asked) == 1  # though b waits
        await hall.ask("view", user="a", what=Shown("brief", ("a1",)))
        assert await hall.answer(0) == "a1"
        assert [key_of(message.asked) for message in hall.seats[0].asked][2:] == ["b1"]
        await hall.answer(0)
        await hall.ask("c1", user="c")
        assert len(hall.seats[0].asked) == 3  # b does not look
        await hall.ask("b2", user="b")
        assert key_of(hall.seats[0].asked[-1].asked) == "b2"  # but asks again
        await hall.answer(0)
        until = asyncio.get_running_loop().time() + 10
        while len(hall.seats[0].asked) == 4:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.02)
        assert key_of(hall.seats[0].asked[-1].asked) == "c1"

    asyncio.run(go())


def test_several_processes_of_a_scenario_answer_side_by_side() -> None:
    async def go() -> None:
        hall = Hall(each=2, kept=3, at_work=2)
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
        hall = Hall(each=2, kept=2, at_work=2)
        await hall.ask("a", user="ada")
        await hall.ask("b", user="bea")
        await hall.answer(0)
        await hall.answer(1)
        for name, seat in (("a", 0), ("b", 1), ("a", 0)):
            await hall.ask(f"again {name}", user="eve", what=asked(name))
            assert hall.seats[seat].asked[-1].asked.key == name
            await hall.answer(seat)
            assert hall.tasks[f"again {name}"].result() == (seat, name)

    asyncio.run(go())


def test_no_more_are_at_work_than_may_be() -> None:
    async def go() -> None:
        hall = Hall(each=1, kept=5, at_work=2)
        for name in "abc":
            await hall.ask(name, scenario=name)
        assert hall.at_work == [(0, "a"), (1, "b")]
        await hall.answer(0)
        assert hall.at_work == [(1, "b"), (2, "c")]

    asyncio.run(go())


def test_a_plan_is_shown_where_it_is_and_waits_for_that() -> None:
    async def go() -> None:
        hall = Hall(each=2, kept=2, at_work=2)
        await hall.ask("a")
        await hall.ask("b")
        await hall.answer(1)  # b is in the second process
        await hall.answer(0)
        await hall.ask("c", near="b")
        await hall.ask("view", what=Shown("brief", ("b",)))
        assert hall.at_work == [(1, "c")]
        assert hall.told["view"] == [1]
        await hall.answer(1)
        await hall.answer(1)
        assert hall.tasks["view"].result() == (1, "b")
        assert hall.solvers.is_elsewhere("s", "a", "b")
        assert not hall.solvers.is_elsewhere("s", "c", "b")
        assert not hall.solvers.is_elsewhere("s", "nowhere", "b")
        await hall.ask("lent", what=Lent("a"), near="a")
        await hall.answer(0)
        await hall.ask("given", what=Given("a", cast(Any, None), ("", None)), near="b")
        assert isinstance(hall.seats[1].asked[-1].asked, Given)

    asyncio.run(go())


def test_the_process_that_was_asked_longest_ago_ends_for_another_scenario() -> None:
    async def go() -> None:
        hall = Hall(each=1, kept=2, at_work=2)
        for name in ("a", "b", "a", "c"):
            await hall.ask(name, scenario=name)
            await hall.answer(len(hall.seats) - 1 if name != "a" else 0)
        assert [one.is_alive for one in hall.seats] == [True, False, True]

    asyncio.run(go())


def test_where_all_are_busy_another_scenario_waits() -> None:
    async def go() -> None:
        hall = Hall(each=1, kept=1, at_work=3)
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
        hall = Hall(each=1, kept=5, at_work=5, together=100)
        for name in "abc":
            await hall.ask(name, scenario=name)
            hall.seats[-1].held = 60
            await hall.answer(len(hall.seats) - 1)
        assert [one.is_alive for one in hall.seats] == [False, False, True]

    asyncio.run(go())


def test_no_more_wait_than_may_and_others_are_taken() -> None:
    async def go() -> None:
        hall = Hall(waiting=2)
        for name in ("a1", "a2", "a3", "a4", "b1"):
            await hall.ask(name, user=name[0])
        assert isinstance(hall.tasks["a4"].exception(), Busy)
        assert not hall.tasks["a3"].done()
        assert not hall.tasks["b1"].done()

    asyncio.run(go())


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
        assert [key_of(message.asked) for message in hall.seats[0].asked] == ["b"]
        assert len(hall.seats) == 1
        await hall.answer(0)
        assert hall.tasks["b"].result() == (0, "b")

    asyncio.run(go())


def test_what_cannot_begin_is_told_and_the_next_tries_again() -> None:
    async def go() -> None:
        hall, fails = Hall(), [True]

        def poorly(heard: Heard) -> Any:
            if fails.pop() if fails else False:
                raise OSError("no process to be had")
            return hall.seat(heard)

        hall.solvers.seating = poorly
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

        hall.tasks["a"] = asyncio.create_task(hall.solvers.ask("s", asked("a"), "en", wrongly))
        await settled()
        await hall.ask("b")
        hall.seats[0].heard(Told(1, "a first plan", last=False))
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


def test_what_is_told_on_the_way_reaches_who_asked_and_nothing_late_does() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        await hall.ask("b")
        hall.seats[0].heard(Told(1, "a first plan", last=False))
        await hall.answer(0)
        hall.seats[0].heard(Told(1, "a late one", last=False))
        await hall.answer(0)
        assert hall.told["a"] == ["a first plan"]
        assert hall.told["b"] == [1]

    asyncio.run(go())


def test_a_process_that_is_gone_costs_its_answer_alone() -> None:
    async def go() -> None:
        hall = Hall(memory=5_000_000)
        await hall.ask("a")
        await hall.ask("b")
        hall.seats[0].close()
        await settled()
        assert "has died" in hall.tasks["a"].result().message
        hall.seats[1].outgrown = True
        hall.seats[1].close()
        await settled()
        assert "more than 5 MB" in hall.tasks["b"].result().message
        await hall.ask("c")
        await hall.answer(2)
        assert hall.tasks["c"].result() == (2, "c")

    asyncio.run(go())


def test_a_process_that_hangs_is_ended() -> None:
    async def go() -> None:
        hall = Hall(seconds=0.2)
        await hall.ask("a")
        await hall.ask("b")
        found = await hall.tasks["a"]
        assert isinstance(found, Failed)
        assert not hall.seats[0].is_alive
        await settled()
        await hall.answer(1)
        assert hall.tasks["b"].result() == (1, "b")

    asyncio.run(go())


def test_an_error_that_comes_back_is_told() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        hall.seats[0].heard(Told(1, MemoryError("there is no memory left")))
        await settled()
        assert hall.tasks["a"].result() == Failed("there is no memory left")

    asyncio.run(go())


def test_what_one_user_had_is_forgotten_and_nothing_else() -> None:
    async def go() -> None:
        hall = Hall(each=1, kept=5, at_work=5)
        for name in ("ada/x", "adam/x", "x"):
            await hall.ask(name, scenario=name)
        await hall.answer(1)
        await hall.ask("late", scenario="ada/x", user="ada")
        await hall.ask("mine", scenario="x", user="ada")
        await hall.ask("hers", scenario="x", user="eve")
        hall.solvers.forget("ada")
        await settled()
        assert isinstance(hall.tasks["ada/x"].result(), Failed)
        for name in ("late", "mine"):
            assert isinstance(hall.tasks[name].exception(), Removed)
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
        first = asyncio.create_task(hall.solvers.ask("s", asked("a"), "en", owner=tab))
        await settled()
        first.cancel()
        second = asyncio.create_task(hall.solvers.ask("s", asked("b"), "en", owner=tab))
        await settled()
        assert not hall.solvers.stop(tab)  # so that who asked is told that it had not begun
        second.cancel()
        await settled()
        await hall.answer(0)
        assert [key_of(message.asked) for message in hall.seats[0].asked] == ["a"]

    asyncio.run(go())


def test_what_became_of_a_question_is_told_in_the_language_of_who_asked() -> None:
    async def go() -> None:
        hall = Hall()
        await hall.ask("a")
        german = hall.solvers.ask("s", asked("b"), "de")
        hall.tasks["b"] = asyncio.create_task(german)
        await settled()
        await hall.answer(0)
        hall.seats[0].close()
        await settled()
        assert "ausgefallen" in hall.tasks["b"].result().message

    asyncio.run(go())


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_everybody_is_answered_by_a_process_of_his_scenario(seed: int) -> None:
    """Random users, scenarios, answers, losses and people who go away."""
    import random

    async def go() -> None:
        draw = random.Random(seed)
        hall = Hall(each=2, kept=3, at_work=draw.choice([2, 3]), waiting=100)
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
            of[seat.number] = {key_of(message.asked)[0] for message in seat.asked}
        assert all(len(scenarios) <= 1 for scenarios in of.values())
        for name, task in hall.tasks.items():
            assert task.done(), name
            if not task.cancelled() and not isinstance(task.result(), Failed):
                assert task.result()[1] == name
        assert sum(one.is_alive for one in hall.seats) <= 3

    asyncio.run(go())
