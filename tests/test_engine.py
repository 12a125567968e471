"""Many tasks side by side, each worker with what it has learnt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.language import language, using
from optimizer.engine import Workers
from optimizer.errors import Infeasible, Rule, SolverError


def counting(first: int) -> Callable[[int], tuple[int, int, int, str]]:
    """What tells task, how many this worker has answered, who answered, and in which language."""
    known = [first]

    def answer(task: int) -> tuple[int, int, int, str]:
        known[0] += 1
        if task < 0:
            raise ValueError(f"no task: {task}")
        return task, known[0], os.getpid(), language()

    return answer


def test_one_job_is_done_here() -> None:
    told: list[int] = []
    with Workers[int, tuple[int, int, int, str]](counting, (10,), 1) as workers:
        found = workers.map([5, 6], lambda task, _: told.append(task))
    assert [own[:2] for own in found] == [(5, 11), (6, 12)]
    assert {own[2] for own in found} == {os.getpid()}
    assert told == [5, 6]


def test_tasks_are_dealt_out_beforehand_and_answered_in_order() -> None:
    told: list[int] = []
    with using("de"), Workers[int, tuple[int, int, int, str]](counting, (0,), 2) as workers:
        found = workers.map([1, 2, 3, 4, 5], lambda task, _: told.append(task))
        again = workers.map([6, 7])
        with pytest.raises(ValueError, match="no task: -1"):
            workers.map([-1])
    assert [own[0] for own in found] == [1, 2, 3, 4, 5]
    assert [own[1] for own in found] == [1, 1, 2, 2, 3]
    assert len({own[2] for own in found}) == 2
    assert {own[3] for own in found} == {"de"}
    assert [own[1] for own in again] == [4, 3]
    assert sorted(told) == [1, 2, 3, 4, 5]


def failing(_given: int) -> Callable[[int], int]:
    """What finds no plan, or dies."""

    def answer(task: int) -> int:
        if task == 0:
            os._exit(1)
        raise Infeasible([Rule("P9", "must_build", "works is built", ("policy", "must_build"))])

    return answer


def test_errors_come_whole_and_a_death_is_one() -> None:
    with Workers[int, int](failing, (0,), 2) as workers:
        with pytest.raises(Infeasible) as caught:
            workers.map([1])
        assert caught.value.conflict[0].path == ("policy", "must_build")
        with pytest.raises(SolverError, match="has died"):
            workers.map([0])


def test_workers_are_gone_afterwards() -> None:
    with Workers[int, tuple[int, int, int, str]](counting, (0,), 2) as workers:
        pids = {own[2] for own in workers.map([1, 2])}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def gone(group: int, within: float) -> bool:
    """Whether all processes of a group end; those that a dead parent leaves are reaped late."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 1.0])
def test_ctrl_c_leaves_no_worker_and_no_trace(after: float) -> None:
    """Struck are all processes of a terminal at once, workers that are still importing too."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "sleeping"]
    path = os.pathsep.join([str(root), str(root / "tests")])
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate(timeout=20)
    assert (said, complaints) == ("interrupted\n", "")
    assert gone(process.pid, within=10.0)
