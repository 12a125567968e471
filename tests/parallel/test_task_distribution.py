"""Parallel tasks on workers that keep their state."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_process import InProcess
from worker_tasks import Counted, counting, gathering

from models.language import using as speaking
from optimizer.parallel import Assignment, Limits, Workers, current_engine, use_engine
from optimizer.parallel.processes import LocalProcesses

PATIENT = Limits(seconds=600.0)
"""So that there are processes even for one job."""


def test_one_job_is_done_here() -> None:
    reported: list[int] = []
    with Workers[int, Counted](counting, (10,), 1) as workers:
        found = workers.map([5, 6], lambda task, _: reported.append(task))
    assert [own[:2] for own in found] == [(5, 11), (6, 12)]
    assert {own[2] for own in found} == {os.getpid()}
    assert reported == [5, 6]


def test_one_job_with_limits_is_done_elsewhere() -> None:
    with use_engine(LocalProcesses(PATIENT)), Workers[int, Counted](counting, (10,), 1) as workers:
        found = workers.map([5, 6])
    assert [own[:2] for own in found] == [(5, 11), (6, 12)]
    assert len({own[2] for own in found} - {os.getpid()}) == 1


@pytest.mark.slow
def test_tasks_are_dealt_out_beforehand_and_answered_in_order() -> None:
    reported: list[int] = []
    with speaking("de"), Workers[int, Counted](counting, (0,), 2) as workers:
        found = workers.map([1, 2, 3, 4, 5], lambda task, _: reported.append(task))
        again = workers.map([6, 7])
        with pytest.raises(ValueError, match="no task: -1"):
            workers.map([-1])
    assert [own[0] for own in found] == [1, 2, 3, 4, 5]
    assert [own[1] for own in found] == [1, 1, 2, 2, 3]
    assert len({own[2] for own in found}) == 2
    assert {own[3] for own in found} == {"de"}
    assert [own[1] for own in again] == [4, 3]
    assert sorted(reported) == [1, 2, 3, 4, 5]


@pytest.mark.quick(1)
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_lanes_in_this_process_learn_as_processes_do(jobs: int) -> None:
    rounds = ([1, 2, 3, 4, 5, 6, 7], [], [8, 9])

    def answers(engine: InProcess | LocalProcesses) -> list[list[tuple[int, int]]]:
        with use_engine(engine), Workers[int, Counted](counting, (0,), jobs) as workers:
            return [[own[:2] for own in workers.map(tasks)] for tasks in rounds]

    here = answers(InProcess())
    assert here == answers(LocalProcesses(PATIENT))
    assert max(count for _, count in here[0]) == -(-7 // jobs)


@pytest.mark.parametrize("engine", [InProcess(), LocalProcesses(PATIENT)])
@pytest.mark.parametrize("dealing", ["fixed", "next"])
def test_each_arrives_once(engine: InProcess | LocalProcesses, dealing: Assignment) -> None:
    with use_engine(engine), Workers[int, Counted](counting, (0,), 2, dealing) as workers:
        arrived = list(workers.as_completed(range(20)))
    assert sorted(own.task_index for own in arrived) == list(range(20))
    assert all(own.answer is not None and own.answer[0] == own.task_index for own in arrived)
    assert all(own.error is None and own.seconds >= 0.0 for own in arrived)


def test_a_free_worker_gets_the_next_task(tmp_path: Path) -> None:
    """The first task is answered once all others are begun, which only the other worker can do."""
    tasks = [(tmp_path / "others", 4), *((tmp_path / "others", 0) for _ in range(4))]
    with Workers[tuple[Path, int], int](gathering, (), 2, "next") as workers:
        order = [own.task_index for own in workers.as_completed(tasks)]
    assert order.index(0) >= 3


@pytest.mark.parametrize("engine", [InProcess(), LocalProcesses()])
def test_tasks_are_taken_a_few_ahead(engine: InProcess | LocalProcesses) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for n in itertools.count():
            taken.append(n)
            yield n

    with use_engine(engine), Workers[int, Counted](counting, (0,), 2, "next") as workers:
        for reported, _ in enumerate(itertools.islice(workers.as_completed(endless()), 50)):
            assert len(taken) - reported <= 8
        # What was taken and not waited for has no effect.
        assert [own[0] for own in workers.map([7, 8, 9])] == [7, 8, 9]


def test_an_error_of_the_tasks_themselves_is_raised() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with Workers[int, Counted](counting, (0,), 2) as workers:
        with pytest.raises(ValueError, match="no more"):
            list(workers.as_completed(broken()))
        assert [own[0] for own in workers.map([7])] == [7]


def test_the_engine_in_use_is_that_of_the_innermost_context() -> None:
    assert current_engine() == LocalProcesses()
    with use_engine(InProcess()):
        with use_engine(LocalProcesses(jobs=3)):
            assert current_engine() == LocalProcesses(jobs=3)
        assert current_engine() == InProcess()
    assert current_engine() == LocalProcesses()


def test_an_engine_says_how_many_where_nobody_else_does() -> None:
    with use_engine(LocalProcesses(jobs=2)), Workers[int, Counted](counting, (0,)) as workers:
        assert [own[1] for own in workers.map([1, 2, 3])] == [1, 1, 2]


@pytest.mark.slow
def test_a_script_that_starts_processes_needs_no_guard(tmp_path: Path) -> None:
    """Workers do not run the main module once more, nor need it."""
    script = tmp_path / "own.py"
    script.write_text(
        "import vorrat\n"
        "print('once')\n"
        "scenario = vorrat.read('tutorial')\n"
        "done = vorrat.batch(scenario, grid={'policy.budget_meur': [10, 30]}, jobs=2)\n"
        "print(len(done.plans))\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["once", "2"]
