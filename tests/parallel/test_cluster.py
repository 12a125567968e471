"""Tasks on workers of dask, which are separate processes on this machine."""

from __future__ import annotations

import multiprocessing
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

from certificates import Files, certified
from clustered import Processes, behaving, counting, running, solving, wait_for

from models.language import using
from optimizer.cli.options import engine_in_use
from optimizer.errors import ClusterError, Infeasible, OutOfMemory, TimedOut, WorkerDied
from optimizer.parallel import Limits, TaskResult
from optimizer.parallel.cluster import Cluster, TlsFiles, with_protocol, worker_mismatch

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return certified(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Iterator[Processes]:
    with running(tmp_path_factory.mktemp("cluster"), 2, files) as found:
        yield found


def connected(processes: Processes, files: Files, **options: Any) -> Cluster:
    return Cluster(processes.address, tls=TlsFiles(files.ca, files.cert, files.key), **options)


@pytest.fixture
def cluster(processes: Processes, files: Files) -> Iterator[Cluster]:
    """Both workers, those that an earlier test has ended as well."""
    with connected(processes, files) as found:
        wait_for(lambda: len(found.worker_addresses) == 2)
        yield found


def errors(arrivals: list[TaskResult[Any]]) -> list[type | None]:
    """What became of each task, in their order."""
    by_index = {arrival.task_index: arrival.error for arrival in arrivals}
    assert len(by_index) == len(arrivals)
    return [None if by_index[n] is None else type(by_index[n]) for n in sorted(by_index)]


@pytest.mark.slow
def test_lanes_learn_and_answers_come_in_order(cluster: Cluster) -> None:
    reported: list[int] = []
    with using("de"):
        with cluster.executor(counting, (0,), 2) as executor:
            found = executor.map([1, 2, 3, 4, 5], lambda task, _: reported.append(task))
            again = executor.map([6, 7])
            with pytest.raises(ValueError, match="no task: -1"):
                executor.map([-1])
        with cluster.executor(counting, (10,), 3) as executor:
            more_lanes = executor.map([1, 2, 3, 4])
        with cluster.executor(counting, (0,), None, "next") as executor:
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
def test_plans_are_those_of_this_process(cluster: Cluster) -> None:
    raws = [
        case(projects={"works": project(capex=capex)}, stockpiles=[stockpile()])
        for capex in (5, 20)
    ]
    with cluster.executor(solving, (0.0,), 2) as executor:
        assert executor.map(raws) == [solving(0.0)(raw) for raw in raws]


@pytest.mark.slow
def test_limits_errors_and_deaths_cost_their_task_alone(
    processes: Processes, files: Files, tmp_path: Path
) -> None:
    limits = Limits(memory_bytes=500 * 10**6)
    tasks = ["grow g", "conflict c", "die-once o", "tell t", "tell u"]
    with (
        connected(processes, files, limits=limits) as cluster,
        cluster.executor(behaving, (tmp_path,), None, "next") as executor,
    ):
        found = list(executor.as_completed(tasks))
    assert errors(found) == [OutOfMemory, Infeasible, None, None, None]
    conflict = next(arrival.error for arrival in found if arrival.task_index == 1)
    assert isinstance(conflict, Infeasible)
    assert conflict.conflict[0].tag == "P9"


@pytest.mark.slow
def test_a_task_that_hangs_is_ended(processes: Processes, files: Files, tmp_path: Path) -> None:
    with (
        connected(processes, files, limits=Limits(seconds=1.0)) as cluster,
        cluster.executor(behaving, (tmp_path,), 1) as executor,
        pytest.raises(TimedOut, match="had not answered after 1 s"),
    ):
        executor.map(["hang h"])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped")
def test_a_worker_that_neither_ends_nor_answers_is_given_up_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimizer.parallel.cluster.TIME_LIMIT_GRACE", 1.0)
    monkeypatch.setattr("optimizer.parallel.cluster.CONNECT_TIMEOUT", 3.0)
    begun = tmp_path / "w.begun"

    def stop() -> None:
        wait_for(begun.exists)
        os.kill(int(begun.read_text(encoding="utf-8")), signal.SIGSTOP)

    stopping = threading.Thread(target=stop)
    with running(tmp_path, 2) as processes:
        try:
            with Cluster(processes.address, limits=Limits(seconds=2.0)) as cluster:
                wait_for(lambda: len(cluster.worker_addresses) == 2)
                stopping.start()
                with cluster.executor(behaving, (tmp_path,), 1, "next") as executor:
                    lost, *reported = executor.as_completed(["wait w", "tell a", "tell b"])
            # A new worker that hangs delays new clients no longer than that.
            with Cluster(processes.address) as cluster:
                assert len(cluster.worker_addresses) == 1
        finally:
            stopping.join()
            os.kill(int(begun.read_text(encoding="utf-8")), KILL)
    assert isinstance(lost.error, TimedOut)
    assert [own.error for own in reported] == [None, None]


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_but_its_task(
    cluster: Cluster, tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "w.begun", tmp_path / "w.go"

    def kill() -> None:
        wait_for(begun.exists)
        go_on.touch()
        os.kill(int(begun.read_text(encoding="utf-8")), KILL)

    killing = threading.Thread(target=kill)
    killing.start()
    tasks = ["tell a", "wait w", "tell b", "tell c", "tell d", "die e"]
    with cluster.executor(behaving, (tmp_path,), 2) as executor:
        found = list(executor.as_completed(tasks))
    killing.join()
    assert errors(found) == [None, None, None, None, None, WorkerDied]
    answers = {arrival.task_index: arrival.answer for arrival in found}
    assert answers[1] is not None
    assert answers[1][0] == "w"
    lost = next(arrival.error for arrival in found if arrival.task_index == 5)
    assert "was lost, and so was the one before" in str(lost)


@pytest.mark.slow
def test_what_nobody_waits_for_is_ended(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.executor(behaving, (tmp_path,), 2) as executor:
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
def test_a_local_cluster_listens_on_this_machine_alone(tmp_path: Path) -> None:
    import psutil

    with Cluster("local", jobs=2) as cluster:
        with cluster.executor(behaving, (tmp_path,), None) as executor:
            pids = {pid for _, pid in executor.map(["tell a", "tell b"])}
            (named,) = set(executor.map(["locks a", "locks b"]))
        own = psutil.Process()
        listening = {
            used.laddr.ip
            for process in (own, *own.children(recursive=True))
            for used in process.net_connections()
            if used.status == psutil.CONN_LISTEN
        }
    assert len(pids) == 2
    # One that is killed would leave them behind, and Python say so when the command ends.
    assert named == ("fork" not in multiprocessing.get_all_start_methods())
    assert listening == {"127.0.0.1"}
    wait_for(lambda: all(map(gone, pids)))


@pytest.mark.slow
def test_another_authority_is_refused(processes: Processes, tmp_path: Path) -> None:
    with (
        pytest.raises(ClusterError, match="no scheduler answers at tls://127"),
        connected(processes, certified(tmp_path / "other"), wait_seconds=5.0),
    ):
        pass


@pytest.mark.slow
def test_other_versions_are_refused(
    processes: Processes, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "optimizer.parallel.cluster.worker_mismatch",
        lambda address, there, here: worker_mismatch(address, there, here | {"highspy": "0.9"}),
    )
    with (
        pytest.raises(ClusterError, match=r"has highspy .*, and here is 0\.9"),
        connected(processes, files),
    ):
        pass


def test_what_is_wrong_with_a_worker() -> None:
    here = {"threads (--nthreads)": 1, "numpy": "2.0"}
    assert worker_mismatch("tls://a:1", here, here) is None
    threads = worker_mismatch("tls://a:1", here | {"threads (--nthreads)": 4}, here)
    assert threads is not None
    assert "tls://a:1 has threads (--nthreads) 4, and here is 1" in threads


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.5:8786", "tls://10.0.0.5:8786"),
        ("127.0.0.1:8786", "tls://127.0.0.1:8786"),
        ("tls://node7:8786", "tls://node7:8786"),
        ("tcp://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("tcp://localhost:8786", "tcp://localhost:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("local", "local"),
    ],
)
def test_addresses_are_encrypted_but_for_this_machine(address: str, found: str) -> None:
    assert with_protocol(address) == found


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("tcp://10.0.0.5:8786", "spoken to by TLS alone: tls://10.0.0.5:8786"),
        ("tcp://localhost.example.org:8786", "spoken to by TLS alone"),
        ("tcp://127.0.0.1.example.org:8786", "spoken to by TLS alone"),
        ("ws://10.0.0.5:8786", "no address of a scheduler"),
        ("node7", "no address of a scheduler"),
        (":8786", "no address of a scheduler"),
    ],
)
def test_other_addresses_are_refused(address: str, problem: str) -> None:
    with pytest.raises(ClusterError, match=problem):
        with_protocol(address)


def test_tls_needs_its_files(files: Files, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="missing: --tls-cert, --tls-key"):
        Cluster("10.0.0.5:8786", tls=TlsFiles(ca=files.ca))
    with pytest.raises(ClusterError, match="there is no file"):
        Cluster("10.0.0.5:8786", tls=TlsFiles(files.ca, files.cert, tmp_path / "none.pem"))


@pytest.mark.parametrize("missing", ["distributed", "cryptography"])
def test_without_the_extra_it_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    said = f"needs the package {missing}: install Vorrat with its extra 'cluster'"
    with pytest.raises(ClusterError, match=said):
        Cluster("local")
    with pytest.raises(click.UsageError, match=said), engine_in_use(scheduler="local"):
        pass
    if missing == "cryptography":  # what makes certificates, which others bring along
        Cluster("tcp://127.0.0.1:8786")


def test_a_worker_that_dies_while_it_starts_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(**_: Any) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", dies)
    with pytest.raises(ClusterError, match="could be started on this machine: Nanny failed"):
        Cluster("local").client()


def test_dask_is_imported_when_it_is_used_alone() -> None:
    """What needs no cluster is as quick without it."""
    import subprocess

    asks = "import sys, optimizer.parallel.cluster; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
