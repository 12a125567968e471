"""Variants of a file and other assumptions, each solved, and what their plans choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.base import named
from models.files import Reading
from models.language import language
from models.results import OtherCase
from models.scenario.case import Case
from optimizer.analyses.alternatives.options import Stated
from optimizer.analyses.alternatives.portfolios import least_lots, portfolio_of
from optimizer.analyses.assumptions import Assumption, assumptions
from optimizer.errors import Infeasible, Interrupted, NoPlan
from optimizer.parallel import Workers
from optimizer.solve.decomposition import CutPool, pool_key
from optimizer.solve.planner import Problem, choose_method, find


@dataclass(frozen=True, eq=False)
class Other:
    """A case to be solved beside that of the plan."""

    case: Case
    told: OtherCase
    """What is known of it beforehand."""


def variants_of(reading: Reading, cases: Mapping[str, Case]) -> list[Other]:
    """The variants of a file, read beforehand."""
    own = reading.case.variants
    return [
        Other(
            case, _told("variant", id, named(own[id].title if id in own else None, id, language()))
        )
        for id, case in cases.items()
    ]


def assumed(reading: Reading, stated: Sequence[Stated], usual: bool) -> list[Other]:
    """The assumption sets: those that were stated, and the low and high of each group.

    Raises ScenarioError where a setting leads nowhere or does not fit.
    """
    found = [
        Other(
            reading.changed(list(own.settings)).case,
            _told("assumption", own.name, own.name, settings=own.settings),
        )
        for own in stated
    ]
    for group in _groups(reading.case) if usual else ():
        for factor in (group.low, group.high):
            settings = group.settings(factor)
            told = _told("assumption", group.kind, group.kind, factor, tuple(settings))
            found.append(Other(reading.changed(settings).case, told))
    return found


def _groups(case: Case) -> list[Assumption]:
    """All of each kind together; of a kind with one part alone, that part."""
    every = assumptions(case)
    whole = {own.kind for own in every if own.subject is None}
    return [own for own in every if own.subject is None or own.kind not in whole]


def _told(
    kind: str,
    id: str,
    title: str,
    factor: float | None = None,
    settings: Sequence[str] = (),
) -> OtherCase:
    return OtherCase.model_validate(
        {
            "kind": kind,
            "id": id,
            "title": title,
            "factor": factor,
            "settings": tuple(settings),
            "status": "none",
            "objective": None,
            "gap": None,
            "projects": (),
            "stockpiles": (),
            "seconds": 0.0,
        }
    )


def solve_others(
    others: Sequence[Other],
    *,
    days: float,
    gap: float,
    time_limit: float | None,
    jobs: int,
    on_done: Callable[[Other, OtherCase], None],
) -> list[OtherCase]:
    """Solve them side by side, in their order; a worker starts each from what it has learnt.

    Raises KeyboardInterrupt if the user stopped it.
    """
    if not others:
        return []
    with Workers(_solver, (days, gap, time_limit), min(jobs, len(others))) as workers:
        return workers.map(list(others), on_done)


def _solver(days: float, gap: float, time_limit: float | None) -> Callable[[Other], OtherCase]:
    """What a worker does; its pools of cuts stay with it."""
    pools: dict[str, CutPool] = {}

    def solve(other: Other) -> OtherCase:
        began = time.perf_counter()
        problem = Problem.of(other.case)
        instance = problem.instance
        pool = None
        if choose_method(instance, problem.states) != "extensive":
            pool = pools.setdefault(pool_key(instance), CutPool())
        update: dict[str, object]
        try:
            found = find(problem, gap=gap, time_limit=time_limit, threads=1, pool=pool)
        except Infeasible:
            update = {"status": "infeasible"}
        except NoPlan:
            update = {"status": "none"}
        except Interrupted:
            raise KeyboardInterrupt from None
        else:
            if found.interrupted:
                raise KeyboardInterrupt
            chosen = portfolio_of(instance, found.commitment, least_lots(instance, days))
            update = {
                "status": found.certificate.status,
                "objective": found.objective,
                "gap": found.certificate.gap,
                "projects": tuple(p for p in instance.projects if ("project", p) in chosen),
                "stockpiles": tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
            }
        update["seconds"] = time.perf_counter() - began
        return other.told.model_copy(update=update)

    return solve
