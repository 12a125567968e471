"""Analyses answer the same wherever their problems are solved: here, side by side, on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from clustered import running, wait_for
from evaluations import sampled, saved
from frontier_cases import two_works
from in_process import InProcess
from partners import partners

from models.results.base import volatile_paths, without_volatile
from optimizer.cli import options, run_command_line
from optimizer.parallel import Engine, Executor, use_engine
from optimizer.parallel.processes import LocalProcesses

pytest.importorskip("distributed")

from optimizer.parallel.cluster import Cluster

LEFT_OUT = "--tail-weight 0"
ASSUMED = "--assume low:projects.small.capex_meur=3 --assume high:projects.small.capex_meur=5"
COMMANDS = {
    "frontier": "frontier works.yaml --values 0,4,7,11 --refine 1",
    "blocks of states": "evaluate plan.json --states 10000 --quick --reserve 0",
    "replications": f"evaluate plan.json --replications 3 --wait-and-see 0 {LEFT_OUT} --states 20",
    "wait and see": f"evaluate plan.json --replications 0 --wait-and-see 8 {LEFT_OUT} --states 20",
    "sensitivity": "sensitivity works.yaml --steps 1 --only capex",
    "participate": "participate partners.yaml --company maker --project works --steps 2 "
    "--refine 0 --public 0",
    "split": "split partners.yaml --externality",
    "explain": "explain works.json",
    "alternatives": f"alternatives works.yaml --count 1 --within 50% --no-assumptions {ASSUMED}",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenarios")
    for name, raw in {"works": two_works(), "partners": partners()}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    for name, raw in {"plan": sampled(), "works": two_works()}.items():
        plan = saved(raw).model_dump_json()
        (folder / f"{name}.json").write_text(plan, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with (
        running(tmp_path_factory.mktemp("cluster"), 2) as processes,
        Cluster(processes.address) as found,
    ):
        wait_for(lambda: found.worker_count == 2)
        yield found


class TwoProcesses:
    """The engine of processes, but with the same two for all executors: they take long to begin."""

    name, worker_count = "processes", None

    def __init__(self, pool: Executor[Any, Any]) -> None:
        self.pool = pool
        self.executors = 0

    def executor(
        self,
        make_handler: Any,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: str = "fixed",
    ) -> Any:
        assert assignment == "fixed"
        if jobs != 2:
            return InProcess().executor(make_handler, handler_args, jobs)
        self.executors += 1
        return _Two(self.pool, (self.executors, make_handler, handler_args))


class _Two:
    def __init__(self, pool: Executor[Any, Any], executor: tuple[int, Any, Any]) -> None:
        self.pool, self.executor = pool, executor

    def __enter__(self) -> _Two:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass

    def map(self, tasks: Sequence[Any], on_done: Any = None) -> Any:
        reported = None if on_done is None else (lambda sent, answer: on_done(sent[1], answer))
        return self.pool.map([(self.executor, task) for task in tasks], reported)

    def as_completed(self, tasks: Sequence[Any]) -> Any:
        return self.pool.as_completed([(self.executor, task) for task in tasks])


def of_any_executor() -> Callable[[Any], Any]:
    """What answers the tasks of one executor after the other."""
    known: dict[int, Callable[[Any], Any]] = {}

    def answer(sent: tuple[tuple[int, Any, Any], Any]) -> Any:
        (number, make, given), task = sent
        if number not in known:
            known[number] = make(*given)
        return known[number](task)

    return answer


@pytest.fixture(scope="module")
def processes() -> Iterator[Engine]:
    with LocalProcesses().executor(of_any_executor, (), 2) as pool:
        found = TwoProcesses(pool)
        yield found
        assert found.executors > 0


@pytest.fixture
def content(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[Engine, str], Any]:
    """What a command answers on an engine, but for what is volatile."""
    monkeypatch.chdir(here)

    def answer(engine: Engine, command: str) -> Any:
        def asked_for(**_options: Any) -> AbstractContextManager[None]:
            return use_engine(engine)

        monkeypatch.setattr(options, "engine_in_use", asked_for)
        assert run_command_line([*command.split(), "--jobs", "2", "--json", "--quiet"]) == 0
        document = json.loads(capfd.readouterr().out)
        return without_volatile(document, volatile_paths(document["kind"]))

    return answer


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers_the_same(
    name: str, content: Callable[[Engine, str], Any], processes: Engine, cluster: Engine
) -> None:
    found = [content(engine, COMMANDS[name]) for engine in (InProcess(), processes, cluster)]
    assert found[1] == found[0]
    assert found[2] == found[0]
