"""Scenarios that have nothing to do with each other, each solved by whoever is free.

What travels is plain data: a scenario as the text that a plan carries, and back its plan as the
document that is written. Models are made where they are solved.
"""

from __future__ import annotations

import hashlib
import json
import os
import traceback
import zlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from models.faults import VorratError
from models.files import read_case_text
from models.language import tr
from models.scenario.case import Case
from optimizer.analyses.options import SolveOptions
from optimizer.errors import Interrupted, SolverError
from optimizer.parallel import TaskResult, Workers
from optimizer.solve.checked_solution import CheckedSolution, input_hash
from optimizer.solve.plan_document import solved_scenario_json
from optimizer.solve.planner import Problem, package_version, solve_and_certify
from optimizer.solve.session import Session

PASSED_OPTIONS = ("gap", "time_limit", "node_limit")


@dataclass(frozen=True)
class BatchTask:
    """A scenario to solve: as a plan carries it, packed, since thousands of them may wait."""

    packed_scenario: bytes
    title: str
    variant: str | None

    @classmethod
    def from_case(cls, case: Case, title: str, variant: str | None) -> BatchTask:
        """The task of a scenario."""
        text = json.dumps(
            solved_scenario_json(case, variant), ensure_ascii=False, separators=(",", ":")
        )
        return cls(zlib.compress(text.encode("utf-8", "surrogatepass")), title, variant)

    @property
    def text(self) -> str:
        """The scenario as text."""
        return zlib.decompress(self.packed_scenario).decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class BatchSolution:
    """The plan of a task, as it is written to a plan.json, and what a table says of it."""

    plan_json: bytes
    status: Literal["optimal", "limit"]
    objective: float
    bound: float | None
    gap: float | None
    expected: float
    expected_without_plan: float
    net_cost_meur: float


def result_key(case: Case, title: str, variant: str | None, options: SolveOptions) -> str:
    """SHA-256 over all that the plan of a scenario rests on, the version of Vorrat included.

    What memory a process may hold decides whether there is a plan, and not which one.
    """
    content = {"input": input_hash(case), "title": title, "variant": variant}
    content |= options.model_dump(include={"gap", "time_limit", "node_limit", "method"})
    content["version"] = package_version("vorrat")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def solve_batch(
    tasks: Iterable[BatchTask], options: SolveOptions, jobs: int | None, are_related: bool = False
) -> Generator[TaskResult[BatchSolution], None, None]:
    """The plan of each task or why it has none, as it comes.

    Each is solved with one thread by the engine in use. Tasks are taken as workers are free; where
    they are ``related``, much like each other and in an order in which neighbours are most so, each
    worker has every n-th and goes on from what it knows. To be closed where it is not used up,
    which ends what still runs.
    """
    how: dict[str, Any] = {"assignment": "fixed" if are_related else "next"}
    with Workers[BatchTask, BatchSolution](
        make_task_solver, (options, are_related), jobs, **how
    ) as workers:
        yield from workers.iter_results(tasks)


def make_task_solver(
    options: SolveOptions, are_related: bool = False
) -> Callable[[BatchTask], BatchSolution]:
    """What solves one task after the other, each from what those before it left if ``related``."""
    how: dict[str, Any] = {name: getattr(options, name) for name in PASSED_OPTIONS}
    if are_related:
        return partial(_solve_task, partial(Session(threads=1).ask, damage_only=False, **how))
    how |= {"threads": 1, "method": options.method}
    return partial(_solve_task, lambda case: solve_and_certify(Problem.from_case(case), **how))


def _solve_task(find_plan: Callable[[Case], CheckedSolution], task: BatchTask) -> BatchSolution:
    """Solve one task; whatever goes wrong is an error of this task alone: SolverError where nobody
    expected it, and Interrupted if the user stopped the search, whatever it had found."""
    try:
        found = find_plan(read_case_text(task.text, "scenario.json").case)
        if found.interrupted:
            raise Interrupted(tr("stopped before it was solved"))
        plan = found.to_plan(task.title, task.variant, with_details=False)
    except VorratError:
        raise
    except Exception as error:
        if os.environ.get("VORRAT_TRACEBACK") == "1":
            traceback.print_exc()
        about = {"error": type(error).__name__, "message": (str(error).splitlines() or [""])[0]}
        raise SolverError(
            tr("unexpected {error}: {message} (VORRAT_TRACEBACK=1 shows where)", **about)
        ) from None
    proof, outcome = plan.certificate, plan.outcome
    return BatchSolution(
        plan.model_dump_json(indent=2).encode() + b"\n",
        *(proof.status, proof.objective, proof.bound, proof.gap),
        *(outcome.expected, outcome.without_plan.expected, outcome.net_cost_meur),
    )
