"""The best plan of each set of assumptions under all others, and one plan for all beside them.

Regret is what a plan is above the best one of a set (Savage 1951).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.base import named
from models.files import Reading
from models.files.reading import under_assumptions
from models.language import language, tr
from models.results import (
    Disagreement,
    Plan,
    PlanAmongSets,
    PlanUnder,
    SetOfAssumptions,
    WhatDecides,
    WithoutPlan,
)
from models.scenario.case import Assumptions, Case
from optimizer.analyses.disagreement.options import AssumptionsOptions
from optimizer.analyses.frontier.summary import stocks_held
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, carried, weighed_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Best, Found
from optimizer.solve.planner import Problem, best_known, by_itself, find, objective_of
from optimizer.solve.problem import seeing_alike
from optimizer.solve.verification import broken_rules

MOST_GROUPS = 6
"""Groups of figures of a set that are left out one by one; of more, whole sections are."""


def run(given: Input, options: AssumptionsOptions) -> Outcome:
    """Find what experts disagree on."""
    found, plans = disagree(given.reading, options, title=given.title, variant=given.variant)
    whole = found.ended == "complete" and all(plan.status == "optimal" for plan in found.every)
    return Outcome(found, 0 if whole else 1, {f"sets/{name}": one for name, one in plans.items()})


def disagree(
    reading: Reading,
    options: AssumptionsOptions,
    *,
    title: str | None = None,
    variant: str | None = None,
) -> tuple[Disagreement, Mapping[str, Plan]]:
    """What experts disagree on, and the plans behind it by their sets, ``compromise`` for the one
    for all; as far as they were found where the user ended it.

    Raises Misuse for a scenario without sets, Infeasible or NoPlan where some set, or all of them
    together, has no plan.
    """
    began = time.perf_counter()
    if not (sets := reading.case.assumptions):
        raise Misuse(tr("The file has no sets of assumptions; add them under assumptions."))
    over = options.over or reading.case.objective.over_assumptions or "mean"
    case = reading.changed([f"objective.over_assumptions={over}"]).case
    problem = Problem.of(case).with_recourse(options.threads)
    alone = [by_itself(part) for part in problem.sets]
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("gap", "time_limit", "threads", "on_progress")
    }
    founds: dict[str, Found] = {}
    for n, (id, own) in enumerate(zip(sets, alone, strict=True)):
        options.tell(n, len(sets) + 1, named(sets[id].title, id, language()))
        founds[id] = find(own, **how)
        if own.recourse is not None:
            own.recourse.forget()  # sweeps of all sets together take too much room
        if founds[id].interrupted:
            break
    known, compromise = best_known(alone, [*founds.values()]), None
    if not founds[id].interrupted:
        options.tell(len(sets), len(sets) + 1, tr("one plan for all"))
        compromise = find(replace(problem, best=known), **how)
        # Of a set it may be better than any other plan, within the gap.
        known = tuple(own.best for own in compromise.sets if own.best is not None)
    best = dict(zip(founds, known, strict=True))
    worlds = _worlds(alone, options.threads)
    told = {id: _among(worlds, best, found, id) for id, found in founds.items()}
    for_all = None if compromise is None else _among(worlds, best, compromise, None)
    built = [p for own in (*told.values(), *([for_all] if for_all else [])) for p in own.projects]
    interrupted = compromise is None or compromise.interrupted
    found = Disagreement(
        over=over,
        sets=tuple(
            SetOfAssumptions(
                id=id,
                title=named(own.title, id, language()),
                weight=float(own.weight),
                changes=tuple(own.set),
                states=len(part.states),
                without_plan=_without(part, options.threads),
            )
            for (id, own), part in zip(sets.items(), problem.sets, strict=True)
        ),
        plans=tuple(told.values()),
        compromise=for_all,
        deciding=() if compromise is None else tuple(_deciding(case, worlds, founds, compromise)),
        project_names={
            p: named(one.name, p, language()) for p, one in case.projects.items() if p in built
        },
        ended="interrupted" if interrupted else "complete",
        **head(Disagreement, reading.case, title, variant, began, _states(problem), options.gap),
    )
    plans = {id: own.plan(title, variant, chains=False) for id, own in founds.items()}
    if compromise is not None:
        plans["compromise"] = compromise.plan(title, variant, chains=False)
    return found, plans


def _states(problem: Problem) -> int:
    return sum(len(own.states) for own in problem.sets)


World = tuple[Instance, Problem]
"""What keeps the rules of a set, and a problem in which plans of all sets can be looked at."""


def _worlds(alone: Sequence[Problem], threads: int | None) -> list[World]:
    """Each set by itself, and with the start years of all sets, so that a plan with a start that
    only another set allows can be looked at as well."""
    starts = {
        p: tuple(sorted({y for own in alone for y in own.instance.projects[p].starts}))
        for p in alone[0].instance.projects
    }
    found: list[World] = []
    for own in alone:
        instance = own.instance
        projects = {p: replace(x, starts=starts[p]) for p, x in instance.projects.items()}
        same = all(x.starts == starts[p] for p, x in instance.projects.items())
        there = replace(instance, projects=projects)
        world = own if same else Problem(there, own.states, 0.0)
        found.append((instance, world.with_recourse(threads)))
    return found


def _objective(problem: Problem, plan: Commitment) -> tuple[float, float]:
    """Objective and expected damage of a plan in a problem."""
    instance, recourse = problem.instance, problem.recourse
    (seen,) = outcomes.evaluate(instance, problem.states, [plan], recourse=recourse)
    return outcomes.objective(instance, seen, weighed_cost(instance, plan)), seen.expected


def _without(problem: Problem, threads: int | None) -> WithoutPlan:
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (seen,) = outcomes.evaluate(instance, states, [Commitment()], **how)
    level = float(instance.case.objective.cvar.level)
    return WithoutPlan(expected=seen.expected, cvar=seen.cvar(level), worst=seen.worst)


def _among(
    worlds: Sequence[World], known: Mapping[str, Best], found: Found, of: str | None
) -> PlanAmongSets:
    """A plan under all sets of which the best plan is known."""
    commitment, under = found.commitment, dict[str, PlanUnder]()
    for (id, best), (rules, own) in zip(known.items(), worlds, strict=False):
        objective, expected = _objective(own, commitment)
        broken = tuple(broken_rules(rules, commitment))
        regret = objective - best.objective  # never negative of a plan that may be chosen
        under[id] = PlanUnder(
            objective=objective,
            expected=expected,
            regret=regret if broken else max(0.0, regret),
            broken_rules=broken,
        )
    proof, instance = found.certificate, found.instance
    order, starts = instance.case.projects, commitment.starts
    return PlanAmongSets(
        of=of,
        status=proof.status,
        objective=proof.objective,
        bound=proof.bound,
        gap=proof.gap,
        projects={p: starts[p] for p in order if p in starts},
        stocks_t=stocks_held(instance, commitment),
        under=under,
    )


def _deciding(
    case: Case, worlds: Sequence[World], founds: Mapping[str, Found], compromise: Found
) -> Iterator[WhatDecides]:
    """For each set what its own plan gains over the compromise, and what of that is left without
    some of its figures."""
    lots = worlds[0][0].lot_t
    for (id, own), (_, part) in zip(founds.items(), worlds, strict=True):
        told = case.assumptions[id]
        groups = _groups([*told.set])
        plans = own.commitment, compromise.commitment
        gain = _gain(part, plans)
        for figures, paths in groups.items():
            left = {path: value for path, value in told.set.items() if path not in paths}
            alone = {id: Assumptions.model_validate({"weight": 1.0, "set": left})}
            (other,) = under_assumptions(case.model_copy(update={"assumptions": alone})).values()
            there = seeing_alike(Problem.of(other, part), part.instance)
            moved = [carried(plan, lots, there.instance) for plan in plans]
            yield WhatDecides(
                of=id,
                figures=figures,
                count=len(paths),
                gain=gain,
                gain_without=_gain(there, moved),
            )


def _gain(problem: Problem, plans: Sequence[Commitment]) -> float:
    """What the first of two plans gains over the second."""
    own, other = (objective_of(problem, plan) for plan in plans)
    return other - own


def _groups(paths: Sequence[str]) -> dict[str, list[str]]:
    """Paths by what they begin with: item by item, or section by section where there are many."""
    for steps in (2, 1):
        groups: dict[str, list[str]] = {}
        for path in paths:
            groups.setdefault(".".join(path.split(".")[:steps]), []).append(path)
        if len(groups) <= MOST_GROUPS:
            break
    return groups
