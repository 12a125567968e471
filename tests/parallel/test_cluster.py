"""Tasks on workers of dask, which are separate processes on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from small import case, project, stockpile

pytest.importorskip("distributed")

import dask
from certificates import Files, certified
from clustered import Processes, behaving, counting, running, solving, wait_for

from models.language import using
from optimizer.cli.options import engine_in_use
from optimizer.errors import ClusterError, Infeasible, TimedOut, WorkerDied
from optimizer.parallel import Limits, TaskResult, cluster as engine
from optimizer.parallel.cluster import Cluster, comparable_versions

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    files = certified(tmp_path_factory.mktemp("tls") / "own")
    with running(tmp_path_factory.mktemp("cluster"), 2, files) as found, configured(files):
        yield found


def configured(files: Files) -> Any:
    """The configuration of dask that names certificates."""
    named = {"ca-file": files.ca, "client.cert": files.cert, "client.key": files.key}
    return dask.config.set({f"distributed.comm.tls.{name}": str(p) for name, p in named.items()})


@pytest.fixture
def connected(processes: Processes) -> Iterator[Cluster]:
    """Both workers, those that an earlier test has ended as well."""
    with Cluster(processes.address) as found:
        wait_for(lambda: found.worker_count == 2)
        yield found


def errors(arrivals: list[TaskResult[Any]]) -> list[type | None]:
    """What became of each task, in their order."""
    by_index = {arrival.task_index: arrival.error for arrival in arrivals}
    assert len(by_index) == len(arrivals)
    return [None if by_index[n] is None else type(by_index[n]) for n in sorted(by_index)]


@pytest.mark.slow
def test_lanes_learn_and_answers_come_in_order(connected: Cluster) -> None:
    reported: list[int] = []
    with using("de"):
        with connected.executor(counting, (0,), 2) as executor:
            found = executor.map([1, 2, 3, 4, 5], lambda task, _: reported.append(task))
            again = executor.map([6, 7])
            with pytest.raises(ValueError, match="no task: -1"):
                executor.map([-1])
        with connected.executor(counting, (10,), 3) as executor:
            more_lanes = executor.map([1, 2, 3, 4])
        with connected.executor(counting, (0,), None, "next") as executor:
            next_ones = list(executor.as_completed(iter(range(40))))
    assert [own[0] for own in found] == [1, 2, 3, 4, 5]
    assert [own[1] for own in found] == [1, 1, 2, 2, 3]
    assert len({own[2] for own in found}) == 2
    assert {own[3] for own in found} == {"de"}
    assert [own[1] for own in again] == [4, 3]
    assert sorted(reported) == [1, 2, 3, 4, 5]
    assert [own[1] for own in more_lanes] == [11, 11, 11, 12]
    assert sorted(own.task_index for own in next_ones) == list(range(40))
    assert all(own.answer is not None and own.answer[0] == own.task_index for own in next_ones)


@pytest.mark.slow
def test_plans_are_those_of_this_process(connected: Cluster) -> None:
    raws = [
        case(projects={"works": project(capex=capex)}, stockpiles=[stockpile()])
        for capex in (5, 20)
    ]
    with connected.executor(solving, (0.0,), 2) as executor:
        assert executor.map(raws) == [solving(0.0)(raw) for raw in raws]


@pytest.mark.slow
def test_errors_and_deaths_cost_their_task_alone(connected: Cluster, tmp_path: Path) -> None:
    tasks = ["die d", "conflict c", "die-once o", "tell t", "tell u"]
    with connected.executor(behaving, (tmp_path,), None, "next") as executor:
        found = list(executor.as_completed(tasks))
    assert errors(found) == [WorkerDied, Infeasible, None, None, None]
    conflict = next(arrival.error for arrival in found if arrival.task_index == 1)
    assert isinstance(conflict, Infeasible)
    assert conflict.conflict[0].tag == "P9"


@pytest.mark.slow
def test_a_task_that_hangs_is_ended(processes: Processes, tmp_path: Path) -> None:
    with (
        Cluster(processes.address, limits=Limits(seconds=1.0)) as cluster,
        cluster.executor(behaving, (tmp_path,), 1) as executor,
        pytest.raises(TimedOut, match="had not answered after 1 s"),
    ):
        executor.map(["hang h"])


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(connected: Cluster, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "w.begun", tmp_path / "w.go"

    def kill() -> None:
        wait_for(begun.exists)
        go_on.touch()
        os.kill(int(begun.read_text(encoding="utf-8")), KILL)

    killing = threading.Thread(target=kill)
    killing.start()
    with connected.executor(behaving, (tmp_path,), 2) as executor:
        found = executor.map(["tell a", "wait w", "tell b", "tell c"])
    killing.join()
    assert [name for name, _ in found] == ["a", "w", "b", "c"]


@pytest.mark.slow
def test_what_nobody_waits_for_is_ended(connected: Cluster, tmp_path: Path) -> None:
    with connected.executor(behaving, (tmp_path,), 2) as executor:
        arrivals = executor.as_completed(["tell a", "wait w"])
        assert next(arrivals).task_index == 0
        wait_for((tmp_path / "w.begun").exists)
    wait_for(lambda: gone(int((tmp_path / "w.begun").read_text(encoding="utf-8"))))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_a_lost_scheduler_costs_what_was_under_way(tmp_path: Path) -> None:
    with (
        running(tmp_path, 1) as processes,
        Cluster(processes.address) as cluster,
        cluster.executor(behaving, (tmp_path,), None, "next") as executor,
    ):
        arrivals = executor.as_completed(["tell a", "wait w"])
        assert next(arrivals).task_index == 0
        os.kill(processes.scheduler.pid, KILL)
        with pytest.raises(ClusterError, match=r"is lost; 1 answers .* --resume"):
            next(arrivals)


@pytest.mark.slow
def test_another_authority_is_refused(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT", 5.0)
    with (
        configured(certified(tmp_path / "other")),
        pytest.raises(ClusterError, match="no scheduler of dask answers at tls://127"),
        Cluster(processes.address),
    ):
        pass


@pytest.mark.slow
def test_other_versions_are_refused(connected: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    other = comparable_versions() | {"highspy": "0.9"}
    monkeypatch.setattr(engine, "comparable_versions", lambda: other)
    with (
        connected.executor(counting, (0,), 1) as executor,
        pytest.raises(ClusterError, match=r"has highspy .* instead of 0\.9"),
    ):
        executor.map([1])


@pytest.mark.slow
def test_a_worker_with_several_threads_is_refused(tmp_path: Path) -> None:
    with (
        running(tmp_path, 1, None, "--nthreads", "2") as processes,
        Cluster(processes.address) as cluster,
        cluster.executor(counting, (0,), 1) as executor,
        pytest.raises(ClusterError, match="has --nthreads 2 instead of 1"),
    ):
        executor.map([1])


@pytest.mark.parametrize(
    "address",
    [
        "tcp://10.0.0.5:8786",
        "tcp://localhost.example.org:8786",
        "tcp://127.0.0.1.example.org:8786",
        "ws://10.0.0.5:8786",
    ],
)
def test_other_machines_are_reached_by_tls_alone(address: str) -> None:
    with pytest.raises(ClusterError, match="reached by TLS alone"):
        Cluster(address)


def test_tls_needs_its_files() -> None:
    with (
        dask.config.set({"distributed.comm.tls.ca-file": None}),
        pytest.raises(ClusterError, match=r"at tls://10\.0\.0\.5:8786: TLS expects"),
    ):
        Cluster("10.0.0.5:8786").client()


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = "needs the package distributed: install Vorrat with its extra 'cluster'"
    with pytest.raises(click.UsageError, match=said), engine_in_use(scheduler="10.0.0.5:8786"):
        pass


def test_dask_is_imported_when_it_is_used_alone() -> None:
    """What needs no cluster is as quick without it."""
    import subprocess

    asks = "import sys, optimizer.parallel.cluster; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
