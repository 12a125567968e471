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
from optimizer.parallel import Arrival, Workers
from optimizer.solve.checked_solution import Found, input_hash
from optimizer.solve.plan_document import as_solved
from optimizer.solve.planner import Problem, find, version_of
from optimizer.solve.session import Session

HOW = ("gap", "time_limit", "node_limit")


@dataclass(frozen=True)
class Task:
    """A scenario to solve: as a plan carries it, packed, since thousands of them may wait."""

    scenario: bytes
    title: str
    variant: str | None

    @classmethod
    def of(cls, case: Case, title: str, variant: str | None) -> Task:
        """The task of a scenario."""
        text = json.dumps(as_solved(case, variant), ensure_ascii=False, separators=(",", ":"))
        return cls(zlib.compress(text.encode("utf-8", "surrogatepass")), title, variant)

    @property
    def text(self) -> str:
        """The scenario as text."""
        return zlib.decompress(self.scenario).decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Solution:
    """The plan of a task, as it is written to a plan.json, and what a table says of it."""

    document: bytes
    status: Literal["optimal", "limit"]
    objective: float
    bound: float | None
    gap: float | None
    expected: float
    expected_without_plan: float
    net_cost_meur: float


def key_of(case: Case, title: str, variant: str | None, options: SolveOptions) -> str:
    """SHA-256 over all that the plan of a scenario rests on, the version of Vorrat included.

    What memory a process may hold decides whether there is a plan, and not which one.
    """
    content = {"input": input_hash(case), "title": title, "variant": variant}
    content |= options.model_dump(include={"gap", "time_limit", "node_limit", "method"})
    content["version"] = version_of("vorrat")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def solve_many(
    tasks: Iterable[Task], options: SolveOptions, jobs: int | None, related: bool = False
) -> Generator[Arrival[Solution], None, None]:
    """The plan of each task or why it has none, as it comes.

    Each is solved with one thread by the engine in use. Tasks are taken as workers are free; where
    they are ``related``, much like each other and in an order in which neighbours are most so, each
    worker has every n-th and goes on from what it knows. To be closed where it is not used up,
    which ends what still runs.
    """
    how: dict[str, Any] = {"dealing": "fixed" if related else "next"}
    with Workers[Task, Solution](solver, (options, related), jobs, **how) as workers:
        yield from workers.arrivals(tasks)


def solver(options: SolveOptions, related: bool = False) -> Callable[[Task], Solution]:
    """What solves one task after the other, each from what those before it left if ``related``."""
    how: dict[str, Any] = {name: getattr(options, name) for name in HOW}
    if related:
        return partial(_solve, partial(Session(threads=1).ask, brief=False, **how))
    how |= {"threads": 1, "method": options.method}
    return partial(_solve, lambda case: find(Problem.of(case), **how))


def _solve(find_one: Callable[[Case], Found], task: Task) -> Solution:
    """Solve one task; whatever goes wrong is an error of this task alone: SolverError where nobody
    expected it, and Interrupted if the user stopped the search, whatever it had found."""
    try:
        found = find_one(read_case_text(task.text, "scenario.json").case)
        if found.interrupted:
            raise Interrupted(tr("stopped before it was solved"))
        plan = found.plan(task.title, task.variant, chains=False)
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
    return Solution(
        plan.model_dump_json(indent=2).encode() + b"\n",
        *(proof.status, proof.objective, proof.bound, proof.gap),
        *(outcome.expected, outcome.without_plan.expected, outcome.net_cost_meur),
    )
