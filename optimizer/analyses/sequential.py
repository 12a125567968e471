"""Sequential solution of several cases, in which each solve starts from the cuts found before
it."""

import math
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.break_even import add_break_even
from optimizer.errors import Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.instance import read_instance
from optimizer.solve.decomposition import CutPool, pool_key
from optimizer.solve.planner import check_supported
from optimizer.solve.session import Session

SolveFailure = Infeasible | NoPlan | SolverError
"""Why a case has no plan."""


class SolveTask(NamedTuple):
    """A case to be solved, with the variant and the title for its plan."""

    case: Case
    variant: str | None
    title: str


def solve_sequentially(
    tasks: Sequence[SolveTask],
    *,
    pools: MutableMapping[str, CutPool] | None = None,
    on_start: Callable[[int], None] | None = None,
    break_even: bool = False,
    **solve_options: Any,
) -> list[Plan | SolveFailure | None]:
    """Solve several cases one after the other; return for each its plan or the error.

    Cases that were not solved because of an interrupt have None. Cases with larger budgets are
    solved first, since their cuts are useful for smaller budgets. Small cases are solved in the
    extensive form, unless ``pools`` are given. ``pools`` maps the key of a case to its cut pool,
    and missing pools are added. ``solve_options`` apply to each solve.

    Raises Interrupted if an interrupt leaves no plan at all, and Misuse if a break-even is
    requested for a case with assumption sets, a review or ambiguity.
    """
    for task in tasks if break_even else ():
        check_supported(task.case)
    shared_pools: MutableMapping[str, CutPool] = {} if pools is None else pools
    sessions: dict[str, Session] = {}
    answers: list[Plan | SolveFailure | None] = [None] * len(tasks)
    for index in sorted(range(len(tasks)), key=lambda k: -total_public_budget(tasks[k].case)):
        case, variant, title = tasks[index]
        if on_start is not None:
            on_start(index)
        key = pool_key(read_instance(case))
        pool = shared_pools.setdefault(key, CutPool())
        session = Session(
            solve_options.get("threads"), pool, always_keep_recourse=pools is not None
        )
        session = sessions.setdefault(key, session)
        try:
            answers[index] = plan = session.ask_for_plan(case, title, variant, **solve_options)
            if break_even:
                with suppress(Interrupted):  # the plan is kept, and the next case begins
                    answers[index] = add_break_even(plan, solve_options.get("time_limit"))
        except Interrupted:
            if not any(isinstance(answer, Plan) for answer in answers):
                raise
            break
        except (Infeasible, NoPlan, SolverError) as error:
            answers[index] = error
    return answers


def total_public_budget(case: Case) -> float:
    """Return the largest amount in million EUR that public funders can spend in total; infinite if
    there is no limit."""
    funder_total = 0.0
    for funder in case.funders.values():
        if funder.kind == "public":
            budget, budget_by_year = funder.budget_meur, funder.budget_by_year_meur
            over_years = (
                math.inf
                if budget_by_year is None
                else math.fsum(map(float, budget_by_year.values()))
            )
            funder_total += min(math.inf if budget is None else float(budget), over_years)
    limit = case.policy.budget_meur
    return funder_total if limit is None else min(float(limit), funder_total)
