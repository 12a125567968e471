"""Solving of independent scenarios in parallel.

Only plain data is passed to and from workers: a scenario as compressed text, and its plan as the
content of a plan.json. Models are built in the process that solves them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import traceback
import zlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from models.faults import VorratError
from models.files.reading import read_case_data
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.comparison.money import total_charged
from optimizer.analyses.options import SolveOptions
from optimizer.errors import Interrupted, SolverError
from optimizer.model.rule_declaration import current_extra_rules
from optimizer.parallel import TaskResult, Workers
from optimizer.solve.certification import package_version
from optimizer.solve.checked_solution import CheckedSolution, input_hash
from optimizer.solve.plan_document import solved_scenario_json
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.session import Session


@dataclass(frozen=True)
class BatchTask:
    """A scenario to solve, stored compressed, since thousands of tasks may be in the queue."""

    packed_scenario: bytes
    title: str
    variant: str | None

    @classmethod
    def from_case(cls, case: Case, title: str, variant: str | None) -> BatchTask:
        """Return a task that solves a scenario."""
        text = json.dumps(
            solved_scenario_json(case, variant), ensure_ascii=False, separators=(",", ":")
        )
        return cls(zlib.compress(text.encode("utf-8", "surrogatepass")), title, variant)

    @property
    def text(self) -> str:
        """The scenario as JSON text."""
        return zlib.decompress(self.packed_scenario).decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class BatchSolution:
    """The plan of a task, as the content of a plan.json, and its main figures."""

    plan_json: bytes
    status: Literal["optimal", "limit"]
    figures: dict[str, Any]  # by the names of the fields of BatchRun


def result_key(case: Case, title: str, variant: str | None, options: SolveOptions) -> str:
    """Return the SHA-256 hash of everything that determines the plan of a scenario, including the
    version of Vorrat and rules in Python.

    Memory limits are left out: they decide whether there is a plan, but not which one.
    """
    content = {"input": input_hash(case), "title": title, "variant": variant}
    content |= options.model_dump(include={"gap", "time_limit", "node_limit", "method"})
    content["version"] = package_version("vorrat")
    if (rules := current_extra_rules()) is not None:
        content["extra"] = rules.sha256
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def solve_batch(
    tasks: Iterable[BatchTask], options: SolveOptions, jobs: int | None, are_related: bool = False
) -> Generator[TaskResult[BatchSolution], None, None]:
    """Yield the plan of each task, or the reason why it has none, as soon as it is known.

    Each task is solved with one thread. By default, a worker that is free takes the next task. With
    ``are_related``, each of n workers takes every n-th task and reuses results of its earlier
    tasks; the tasks should be in an order in which neighbors are most similar. Close the generator
    if it is not exhausted, to end running tasks.
    """
    worker_options: dict[str, Any] = {"assignment": "fixed" if are_related else "next"}
    with Workers[BatchTask, BatchSolution](
        make_task_solver, (options, are_related), jobs, **worker_options
    ) as workers:
        yield from workers.as_completed(tasks)


def make_task_solver(
    options: SolveOptions, are_related: bool = False
) -> Callable[[BatchTask], BatchSolution]:
    """Return a function that solves one task.

    With ``are_related``, it reuses results of the tasks that it solved before.
    """
    option_names = ("gap", "time_limit", "node_limit")
    solve_options: dict[str, Any] = {name: getattr(options, name) for name in option_names}
    if are_related:
        return partial(
            _solve_task, partial(Session(threads=1).ask, damage_only=False, **solve_options)
        )
    solve_options |= {"threads": 1, "method": options.method}
    return partial(
        _solve_task, lambda case: solve_and_certify(Problem.from_case(case), **solve_options)
    )


def _solve_task(find_plan: Callable[[Case], CheckedSolution], task: BatchTask) -> BatchSolution:
    """Solve one task.

    An unexpected exception becomes a SolverError, so that it affects this task alone. Raises
    Interrupted if the user stopped the search.
    """
    try:
        solution = find_plan(read_case_data(json.loads(task.text), "scenario.json").case)
        if solution.interrupted:
            raise Interrupted("stopped before it was solved")
        plan = solution.to_plan(task.title, task.variant, with_details=False)
    except VorratError:
        raise
    except Exception as error:
        if os.environ.get("VORRAT_TRACEBACK") == "1":
            traceback.print_exc()
        message = (str(error).splitlines() or [""])[0]
        raise SolverError(
            f"unexpected {type(error).__name__}: {message} (VORRAT_TRACEBACK=1 shows where)"
        ) from None
    content = plan.model_dump_json(indent=2).encode() + b"\n"
    return BatchSolution(content, plan.certificate.status, plan_figures(plan))


def plan_figures(plan: Plan) -> dict[str, Any]:
    """Return the main figures of a plan, by the names of the fields of BatchRun."""
    certificate, outcome = plan.certificate, plan.outcome
    public_funders = [funder.id for funder in plan.funders if funder.kind == "public"]
    bought = {x.id: math.fsum(x.buy_t.values()) for x in plan.stockpiles}
    return {
        **{name: getattr(certificate, name) for name in ("objective", "bound", "gap")},
        **{name: getattr(outcome, name) for name in ("expected", "worst", "net_cost_meur")},
        "tail": outcome.cvar,
        "expected_without_plan": outcome.without_plan.expected,
        "public_meur": math.fsum(total_charged(plan, f) for f in public_funders),
        "projects": {project.id: project.start for project in plan.projects},
        "stocks": {h: tonnes for h, tonnes in bought.items() if tonnes > 0},
    }
