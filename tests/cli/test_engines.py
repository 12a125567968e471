"""The engine that the options of a command ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from evaluations import sampled, saved
from frontier_cases import two_works
from in_process import InProcess
from worker_tasks import dying

from models.results import Frontier
from optimizer.cli import options, run_command_line
from optimizer.errors import ClusterError
from optimizer.parallel import Limits, TaskResult, Workers, current_engine, use_engine
from optimizer.parallel.processes import LocalProcesses


def test_processes_of_this_machine_unless_stated_otherwise() -> None:
    with options.engine_in_use(jobs=3, memory_limit=10**9, task_timeout=5.0) as engine:
        assert engine == LocalProcesses(Limits(memory_bytes=10**9, seconds=5.0), 3)
        assert current_engine() is engine
    assert current_engine() != engine


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("works.yaml").write_text(yaml.safe_dump(two_works()), encoding="utf-8")
    return "works.yaml"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (["--scheduler", "tcp://10.0.0.5:8786"], "TLS alone"),
        (["--scheduler", "tcp://127.0.0.1:1", "--values", "1,x"], "is not a list"),
        (["--scheduler", "tcp://127.0.0.1:1", "--vary", "policy.nothing", "--to", "1"], "nothing"),
    ],
)
def test_an_analysis_is_refused_before_a_cluster_is_asked(
    works: str, capfd: pytest.CaptureFixture[str], where: list[str], says: str
) -> None:
    assert run_command_line(["frontier", works, *where]) == 2
    assert says in capfd.readouterr().err


@pytest.mark.slow
def test_an_analysis_without_its_scheduler_fails(
    works: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("optimizer.parallel.cluster.CONNECT_TIMEOUT", 0.5)
    where = ["--scheduler", "tcp://127.0.0.1:1", "--out", "found"]
    assert run_command_line(["frontier", works, "--values", "0,4", *where]) == 5
    assert "no scheduler of dask answers at tcp://127.0.0.1:1" in capfd.readouterr().err
    assert not any(Path("found").glob("*"))


def test_one_job_is_done_here_even_with_a_limit_of_memory() -> None:
    """The process is watched itself, and what it is given need not travel."""
    with (
        options.engine_in_use(jobs=1, memory_limit=10**9, single_answer=True),
        Workers[int, int](_own_process, (lambda: 0,), 1) as workers,
    ):
        assert workers.map([1]) == [os.getpid()]


def _own_process(_unsendable: Any) -> Callable[[int], int]:
    return lambda _task: os.getpid()


class Losing(LocalProcesses):
    """Processes that die of the first task, each time."""

    def executor(self, make: Any, given: tuple[Any, ...], jobs: int | None, *dealing: Any) -> Any:
        if jobs == 1:
            return super().executor(make, given, jobs, *dealing)
        return super().executor(dying, (), jobs, *dealing)


def on(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_for(**_options: Any) -> AbstractContextManager[None]:
        return use_engine(engine)

    monkeypatch.setattr(options, "engine_in_use", asked_for)


@pytest.mark.slow
def test_an_analysis_whose_workers_are_lost_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plan.json").write_text(saved(sampled()).model_dump_json(), encoding="utf-8")
    on(Losing(), monkeypatch)
    few = ["--states", "20", "--replications", "2", "--wait-and-see", "0"]
    assert (
        run_command_line(["evaluate", "plan.json", *few, "--jobs", "2", "--out", "out", "--quiet"])
        == 5
    )
    assert "process that solved problems has died" in capfd.readouterr().err
    assert not any(Path("out").glob("*"))


class LostAfterOne(InProcess):
    """A cluster that is lost when one answer has come."""

    def executor(self, *given: Any) -> Any:
        return _LostAfterOne(super().executor(*given))


class _LostAfterOne:
    def __init__(self, executor: Any) -> None:
        self.executor = executor

    def __enter__(self) -> _LostAfterOne:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass

    def as_completed(self, tasks: Sequence[Any]) -> Iterator[TaskResult[Any]]:
        yield next(self.executor.as_completed(tasks))
        raise ClusterError("the scheduler is lost")


def test_a_frontier_keeps_the_points_that_came_before_its_cluster_was_lost(
    works: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    on(LostAfterOne(), monkeypatch)
    assert (
        run_command_line(["frontier", works, "--values", "0,4,7", "--out", "out", "--quiet"]) == 5
    )
    assert "at 4: the scheduler is lost" in capfd.readouterr().err
    found = Frontier.model_validate_json(Path("out/frontier.json").read_bytes())
    assert [point.status for point in found.points] == ["none", "none", "optimal"]
    assert found.ended == "interrupted"
    assert [path.parent.name for path in Path("out/plans").glob("*/plan.json")] == ["7"]
