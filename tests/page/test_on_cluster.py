"""The page whose processes are the workers of a cluster: answers, stops and losses are as here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("distributed")

from clustered import Processes, running
from open_page import PATIENCE, TUTORIAL, Opened, opened, query_of, served
from pages import read

from models.files import read_case
from optimizer.page.worker import AnswerFigures, SolveRequest

pytestmark = pytest.mark.slow
BASE = query_of("tutorial")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with running(tmp_path_factory.mktemp("cluster"), 2) as found:
        yield found


@pytest.fixture
def server(cluster: Processes) -> Iterator[Opened]:
    with opened(TUTORIAL, "--scheduler", cluster.address, "--memory-limit", "2GB") as found:
        yield found
    assert "Traceback" not in "".join(found.said)


def solving(cluster: Processes) -> list[psutil.Process]:
    """The processes of the workers, without their nannies."""
    every = [psutil.Process(one.pid).children(recursive=True) for one in cluster.workers]
    return [one for family in every for one in family if "spawn_main" in " ".join(one.cmdline())]


def test_answers_and_views_are_those_of_this_machine(server: Opened) -> None:
    queries = [BASE, query_of("tutorial", "capex=2"), query_of("tutorial", "hazard.export_stop=2")]
    with opened(TUTORIAL) as here, here.visitor().tab() as one, server.visitor().tab() as other:
        for query in queries:
            wanted, found = one.ask(query), other.ask(query)
            assert found["state"] == wanted["state"] == "proven"
            figures = [[dd.text for dd in read(said["html"]).all("dd")] for said in (wanted, found)]
            assert figures[0] == figures[1]
        assert {said["state"] for said in other.heard} & {"first", "better"}
        for name in ("changed", "board"):
            both = [who.visitor().view(name, *queries[:2]) for who in (here, server)]
            assert [answer.status for answer in both] == [200, 200]
        assert server.visitor().take("brief", BASE).status == 200
        assert not server.workers()
        assert here.workers()


def test_an_infeasible_question_names_its_rules(server: Opened) -> None:
    with server.visitor().tab() as tab:
        said = tab.ask(query_of("tutorial", "project.refinery=in", "funders.fund.budget_meur=0"))
        assert said["state"] == "failed"
        assert "No plan keeps all of these rules" in read(said["html"]).text


def test_a_lost_worker_loses_only_its_answer(server: Opened, cluster: Processes) -> None:
    with server.visitor().tab() as tab:
        assert tab.ask(BASE)["state"] == "proven"
        for one in solving(cluster):
            one.suspend()
        tab.send(query_of("tutorial", "capex=3"))
        assert tab.hear()["state"] == "asked"
        for one in solving(cluster):
            os.kill(one.pid, signal.SIGKILL)
        said = tab.answer()
        assert said["state"] == "failed"
        assert "has died; ask again" in read(said["html"]).text
        until = time.monotonic() + PATIENCE
        while (said := tab.ask(query_of("tutorial", "capex=3")))["state"] != "proven":
            assert time.monotonic() < until
            time.sleep(1)
        assert server.visitor().view("brief", BASE).status == 200  # found again


def test_a_newer_question_stops_the_older_one(server: Opened) -> None:
    with server.visitor().tab() as tab:
        tab.ask(BASE)
        tab.send(query_of("tutorial", "capex=1.7"))
        tab.send(query_of("tutorial", "capex=1.8"))
        said = tab.answer()
        assert said["query"] == query_of("tutorial", "capex=1.8")
        assert said["state"] == "proven"


def test_a_stop_that_comes_before_the_worker_has_begun_counts(cluster: Processes) -> None:
    """What others have it do comes first; the stop is there before the question."""
    from optimizer.page.worker import ScenarioWorker
    from optimizer.parallel.cluster import Cluster
    from optimizer.parallel.services import ClusterWorkerStarter, ServiceEvent, ServiceMessage

    heard: list[ServiceEvent | None] = []
    with Cluster(cluster.address) as entered:
        seat = ClusterWorkerStarter(ScenarioWorker, entered)(heard.append)
        seat.send(ServiceMessage(7, None))
        case = read_case(TUTORIAL).case
        seat.send(ServiceMessage(7, SolveRequest("k", case, "tutorial", None)))
        until = time.monotonic() + PATIENCE
        while not any(one is not None and one.is_last for one in heard):
            assert time.monotonic() < until
            time.sleep(0.05)
        (last,) = [one for one in heard if one is not None and one.is_last]
        assert isinstance(last.content, AnswerFigures)
        seat.close(PATIENCE)
        assert not any(entered.client().run(kept).values())
        assert not seat.is_alive
        assert entered.client().run_on_scheduler(reported_on_the_way) == 0


def reported_on_the_way(dask_scheduler: Any = None) -> int:
    """Number of events that the scheduler keeps of all sessions."""
    topics = dask_scheduler._broker._topics
    return sum(len(one.events) for topic, one in topics.items() if topic.startswith("stays-"))


def test_sessions_that_begin_at_once_sit_on_different_workers(cluster: Processes) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from optimizer.page.worker import ScenarioWorker
    from optimizer.parallel.cluster import Cluster
    from optimizer.parallel.services import ClusterWorkerStarter

    with Cluster(cluster.address) as entered, ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            spread = ClusterWorkerStarter(ScenarioWorker, entered)
            seats = list(
                pool.map(lambda _, spread=spread: spread(lambda _reported: None), range(2))
            )
            assert len({seat.address for seat in seats}) == 2
            for seat in seats:
                seat.close(PATIENCE)


def test_a_server_ends_when_its_cluster_is_lost_so_that_it_can_be_restarted(tmp_path: Path) -> None:
    with (
        running(tmp_path, 1) as own,
        served(tmp_path, "--scheduler", own.address) as server,
        server.visitor().tab() as tab,
    ):
        assert tab.ask(BASE)["state"] == "proven"
        own.scheduler.kill()
        assert server.finish() == 5
        assert "the scheduler of the cluster is lost" in "".join(server.said)
        assert "Traceback" not in "".join(server.said)


def test_users_of_a_server_are_answered_side_by_side(cluster: Processes, tmp_path: Path) -> None:
    with served(tmp_path, "--scheduler", cluster.address) as own:
        with own.visitor("Ada").tab() as ada, own.visitor("Eve").tab() as eve:
            ada.send(query_of("tutorial", "capex=1.1"))
            eve.send(query_of("tutorial", "capex=1.2"))
            assert ada.answer()["state"] == eve.answer()["state"] == "proven"
            views = [own.visitor("Ada").view("changed", query_of("tutorial", "capex=1.1"),
                                             query_of("tutorial", "capex=1.2"))]  # fmt: skip
            assert [view.status for view in views] == [200]
        assert own.workers() == []


def test_workers_forget_what_was_asked_when_the_server_ends(cluster: Processes) -> None:
    """A batch that comes after finds them free."""
    from optimizer.parallel.cluster import Cluster

    with Cluster(cluster.address) as entered:
        until = time.monotonic() + PATIENCE
        while any(entered.client().run(kept).values()):
            assert time.monotonic() < until
            time.sleep(0.2)


def kept() -> int:
    from optimizer.parallel import task_server

    return len(task_server.handlers_by_lane)


def test_a_missing_cluster_is_reported() -> None:
    import subprocess
    import sys

    line = [sys.executable, "-m", "optimizer", "open", "--no-browser", "--language=en",
            "--scheduler", "tcp://127.0.0.1:1"]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode in (2, 5)
    assert "no scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr
