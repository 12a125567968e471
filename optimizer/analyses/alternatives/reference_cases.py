"""Variants of a file and other assumptions, each solved, and what their plans choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.base import named
from models.files import Reading
from models.language import language
from models.results import OtherCase
from models.scenario.case import Case
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import least_lots, portfolio_of
from optimizer.analyses.assumptions import assumptions
from optimizer.errors import Infeasible, Interrupted, NoPlan
from optimizer.solve.decomposition import CutPool, pool_key
from optimizer.solve.planner import Problem, choose_method, find

Told = dict[str, Any]
"""Fields of an :class:`OtherCase`."""


@dataclass(frozen=True, eq=False)
class Other:
    """A case to be solved beside that of the plan, and what is known of it beforehand."""

    case: Case
    told: Told


def others_of(
    reading: Reading, variants: Mapping[str, Case], options: AlternativesOptions
) -> list[Other]:
    """The variants of a file, the assumption sets that were stated, and the low and the high of
    each group of assumptions; of a kind with one part alone, that part.

    Raises ScenarioError where a setting leads nowhere or does not fit.
    """
    own, found = reading.case.variants, []
    for id, case in variants.items():
        title = named(own[id].title if id in own else None, id, language())
        told: Told = {"kind": "variant", "id": id, "title": title, "factor": None, "settings": ()}
        found.append(Other(case, told))
    every = assumptions(reading.case) if options.assumptions else ()
    whole = {group.kind for group in every if group.subject is None}
    asked: list[tuple[str, float | None, Sequence[str]]] = [
        (stated.name, None, stated.settings) for stated in options.stated
    ]
    asked += [
        (group.kind, factor, group.settings(factor))
        for group in every
        if group.subject is None or group.kind not in whole
        for factor in (group.low, group.high)
    ]
    for id, factor, settings in asked:
        told = {"id": id, "title": id, "factor": factor, "settings": tuple(settings)}
        found.append(Other(reading.changed(list(settings)).case, {"kind": "assumption", **told}))
    return found


def solver(days: float, gap: float, time_limit: float | None) -> Callable[[Other], OtherCase]:
    """What a worker does with one case after the other; its pools of cuts stay with it.

    It raises KeyboardInterrupt if the user stopped it.
    """
    pools: dict[str, CutPool] = {}

    def solve(other: Other) -> OtherCase:
        began = time.perf_counter()
        problem = Problem.of(other.case)
        instance = problem.instance
        pool = None
        if choose_method(instance, problem.states) != "extensive":
            pool = pools.setdefault(pool_key(instance), CutPool())
        reached: Told = {"objective": None, "gap": None, "projects": (), "stockpiles": ()}
        try:
            found = find(problem, gap=gap, time_limit=time_limit, threads=1, pool=pool)
        except (Infeasible, NoPlan) as error:
            reached["status"] = "infeasible" if isinstance(error, Infeasible) else "none"
        except Interrupted:
            raise KeyboardInterrupt from None
        else:
            if found.interrupted:
                raise KeyboardInterrupt
            chosen = portfolio_of(instance, found.commitment, least_lots(instance, days))
            reached = {
                "status": found.certificate.status,
                "objective": found.objective,
                "gap": found.certificate.gap,
                "projects": tuple(p for p in instance.projects if ("project", p) in chosen),
                "stockpiles": tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
            }
        seconds = time.perf_counter() - began
        return OtherCase.model_validate({**other.told, **reached, "seconds": seconds})

    return solve
