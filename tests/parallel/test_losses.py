"""What is lost with a worker: its task at most, and that is said."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from in_process import InProcess
from worker_tasks import Action, doing, refusing, slowly

from models.faults import ScenarioError
from optimizer.errors import (
    CoefficientsOutOfRange,
    FileInUse,
    Infeasible,
    NoPlan,
    OutOfMemory,
    SolverError,
    TimedOut,
    VorratError,
    WorkerDied,
)
from optimizer.parallel import Assignment, Limits, TaskResult, Workers, use_engine
from optimizer.parallel.processes import LocalProcesses


def arrivals(
    engine: InProcess | LocalProcesses, tasks: list[Action], jobs: int, dealing: Assignment = "next"
) -> list[TaskResult[Any]]:
    """What becomes of each task, in their order."""
    with use_engine(engine), Workers[Action, Any](doing, (), jobs, dealing) as workers:
        return sorted(workers.as_completed(tasks), key=lambda own: own.task_index)


def running() -> list[psutil.Process]:
    """The workers of this process."""
    found = []
    for child in psutil.Process().children():
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("dealing", ["fixed", "next"])
def test_workers_killed_at_random_lose_at_most_their_task(dealing: Assignment, seed: int) -> None:
    luck, killed, tasks = random.Random(seed), 0, 150
    reported: dict[int, TaskResult[tuple[int, int]]] = {}
    with Workers[int, tuple[int, int]](slowly, (0.004,), 3, dealing) as workers:
        for own in workers.as_completed(range(tasks)):
            assert own.task_index not in reported
            reported[own.task_index] = own
            if luck.random() < 0.15 and (alive := running()):
                luck.choice(alive).kill()
                killed += 1
    assert sorted(reported) == list(range(tasks))
    lost = [own for own in reported.values() if own.error is not None]
    assert killed >= 10
    assert len(lost) <= killed / 2
    assert {type(own.error) for own in lost} <= {WorkerDied}
    assert all(
        own.answer[0] == own.task_index for own in reported.values() if own.answer is not None
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "death", [("die", 0), ("die", 1), ("die of signal", getattr(signal, "SIGSEGV", 11))]
)
def test_who_kills_its_worker_again_is_lost_alone(death: Action) -> None:
    reported = arrivals(LocalProcesses(), [("keep", 0), death, ("keep", 0), ("keep", 0)], 2)
    assert [type(own.error) for own in reported] == [type(None), WorkerDied, type(None), type(None)]
    assert "has died" in str(reported[1].error)


@pytest.mark.slow
@pytest.mark.parametrize(("times", "tried"), [(1, 2), (2, None)])
def test_who_loses_its_worker_is_tried_once_more(
    times: int, tried: int | None, tmp_path: Path
) -> None:
    (own,) = arrivals(LocalProcesses(jobs=1), [("die until", times, tmp_path / "log")], 2)
    assert own.answer == tried
    assert isinstance(own.error, WorkerDied) == (tried is None)
    assert len((tmp_path / "log").read_text()) == 2


@pytest.mark.slow
def test_map_raises_what_was_lost_and_goes_on() -> None:
    with Workers[Action, Any](doing, (), 2) as workers:
        with pytest.raises(SolverError, match="has died"):
            workers.map([("die", 1)])
        assert workers.map([("keep", 0), ("keep", 0), ("keep", 0)]) == [1, 1, 2]


def test_errors_of_tasks_leave_others_alone_and_come_whole() -> None:
    tasks: list[Action] = [("be infeasible",), ("keep", 0), ("be infeasible",)]
    for engine in (InProcess(), LocalProcesses()):
        reported = arrivals(engine, tasks, 2)
        assert [own.error is None for own in reported] == [False, True, False]
        for own in reported[::2]:
            assert isinstance(own.error, Infeasible)
            assert own.error.conflict[0].path == ("policy", "must_build")


@pytest.mark.slow
def test_who_outgrows_its_memory_is_ended_alone() -> None:
    tasks: list[Action] = [("keep", 1), ("outgrow", 400), ("keep", 1), ("keep", 1)]
    reported = arrivals(LocalProcesses(Limits(memory_bytes=300 * 10**6)), tasks, 2)
    assert [type(own.error) for own in reported] == [
        type(None),
        OutOfMemory,
        type(None),
        type(None),
    ]
    assert "more than 300 MB" in str(reported[1].error)


@pytest.mark.slow
def test_memory_of_earlier_tasks_does_not_count_against_a_task() -> None:
    """Four tasks leave 100 MB each, with 300 MB for one process: it is replaced in between."""
    reported = arrivals(LocalProcesses(Limits(memory_bytes=300 * 10**6)), [("keep", 100)] * 4, 1)
    assert [own.error for own in reported] == [None] * 4
    assert max(own.answer for own in reported) < 4


@pytest.mark.parametrize("engine", [InProcess(), LocalProcesses()])
def test_a_memory_error_is_reported_as_out_of_memory(engine: InProcess | LocalProcesses) -> None:
    reported = arrivals(engine, [("keep", 0), ("run short",), ("keep", 0)], 2, "fixed")
    assert isinstance(reported[1].error, OutOfMemory)
    assert isinstance(reported[1].error.__cause__, MemoryError) == (engine == InProcess())
    assert [own.answer for own in reported] == [1, None, 2]


@pytest.mark.slow
def test_only_the_hanging_worker_is_ended() -> None:
    """A process that is stopped hears nothing at all."""
    tasks: list[Action] = [("keep", 0), ("hang",), ("keep", 0), ("keep", 0)]
    reported = arrivals(LocalProcesses(Limits(seconds=3.0)), tasks, 2)
    assert [type(own.error) for own in reported] == [type(None), TimedOut, type(None), type(None)]
    assert isinstance(reported[1].error, NoPlan)
    assert "not answered after 3 s" in str(reported[1].error)
    assert reported[1].seconds >= 3.0


@pytest.mark.parametrize("engine", [InProcess(), LocalProcesses()])
def test_who_cannot_begin_says_why_for_each_task(engine: InProcess | LocalProcesses) -> None:
    with use_engine(engine), Workers[int, int](refusing, (), 2) as workers:
        reported = list(workers.as_completed([1, 2, 3]))
        with pytest.raises(ScenarioError, match="too short"):
            workers.map([1])
    assert len(reported) == 3
    for own in reported:
        assert isinstance(own.error, ScenarioError)
        assert own.error.faults[0].path == ("horizon",)


def test_no_process_to_be_had_is_a_lost_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_args: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("pebble.pool.process.launch_process", none_left)
    (own,) = arrivals(LocalProcesses(), [("keep", 0)], 2)
    assert isinstance(own.error, WorkerDied)
    assert "Resource temporarily unavailable" in str(own.error)


def test_every_error_of_the_project_comes_whole() -> None:
    """As from a process: pickled and read again."""
    import pickle

    def all_of(kind: type[VorratError]) -> set[type[VorratError]]:
        return {kind}.union(*(all_of(own) for own in kind.__subclasses__()))

    special = {ScenarioError, Infeasible, FileInUse, CoefficientsOutOfRange}
    for kind in all_of(VorratError) - special:
        again = pickle.loads(pickle.dumps(kind("what was said")))
        assert type(again) is kind
        assert str(again) == "what was said"
    ends = ((("x", "row 0"), 1e-10), (("y", "row 1"), 1e9))
    again = pickle.loads(pickle.dumps(CoefficientsOutOfRange("too far apart", ends)))
    assert (str(again), again.extremes) == ("too far apart", ends)
