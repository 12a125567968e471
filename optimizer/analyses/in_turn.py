"""Several cases solved one after another, each with the cuts that those before it have found."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass

from models.results import Plan
from models.scenario.case import Case
from optimizer.errors import Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.highs import Progress
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve import planner
from optimizer.solve.decomposition import CutPool, pool_key

NoAnswer = Infeasible | NoPlan | SolverError
"""Why a case has no plan."""


@dataclass(frozen=True, eq=False)
class Task:
    """A case to solve."""

    case: Case
    variant: str | None
    title: str


def solve_all(
    tasks: Sequence[Task],
    *,
    gap: float,
    time_limit: float | None = None,
    threads: int | None = None,
    pools: MutableMapping[str, CutPool] | None = None,
    on_start: Callable[[int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Plan | NoAnswer | None]:
    """The plan of each case or why it has none; None for those that an interrupt left unsolved.

    Larger budgets come first, since their cuts serve smaller ones well. Cases that are small
    enough for the extensive form take it, unless ``pools`` are given: pools by the key that
    cases need, to which those are added that are not there yet.

    Raises Interrupted where that leaves no plan at all.
    """
    shared: MutableMapping[str, CutPool] = {} if pools is None else pools
    answers: list[Plan | NoAnswer | None] = [None] * len(tasks)
    for at in sorted(range(len(tasks)), key=lambda k: -public_budget(tasks[k].case)):
        task = tasks[at]
        if on_start is not None:
            on_start(at)
        instance = read_instance(task.case)
        pool = None
        if (
            pools is not None
            or planner.choose_method(instance, read_states(instance)) != "extensive"
        ):
            pool = shared.setdefault(pool_key(instance), CutPool())
        try:
            answers[at] = planner.plan(
                task.case,
                gap=gap,
                time_limit=time_limit,
                threads=threads,
                pool=pool,
                on_progress=on_progress,
                variant=task.variant,
                title=task.title,
            )
        except Interrupted:
            if not any(isinstance(answer, Plan) for answer in answers):
                raise
            break
        except (Infeasible, NoPlan, SolverError) as error:
            answers[at] = error
    return answers


def public_budget(case: Case) -> float:
    """Million EUR that public funders may spend together, at most; infinite without a limit."""
    together = math.inf if case.policy.budget_meur is None else float(case.policy.budget_meur)
    each = 0.0
    for funder in case.funders.values():
        if funder.kind == "public":
            total = math.inf if funder.budget_meur is None else float(funder.budget_meur)
            yearly = funder.budget_by_year_meur
            each += min(
                total, math.inf if yearly is None else math.fsum(map(float, yearly.values()))
            )
    return min(together, each)
