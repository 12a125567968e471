"""What a review is worth, and what it is worth to observe one thing more or less.

Each is a problem of its own, solved to the gap: its worth lies between what both proofs leave open.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.base import named
from models.files import Reading
from models.language import language, tr
from models.results import Observing, Plan, Waiting
from models.scenario.case import Case
from models.scenario.review import Observation
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.waiting.options import ReviewOptions
from optimizer.errors import Misuse, NoPlan, SolverError
from optimizer.model.commitment import of_paths
from optimizer.model.review import MOST, Sight, sight
from optimizer.solve.checked_solution import Best, Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_within
from optimizer.solve.planner import Problem, find
from optimizer.solve.problem import observing


def run(given: Input, options: ReviewOptions) -> Outcome:
    """Find what the scenario's review is worth."""
    found, plan = wait(given.reading, options, title=given.title, variant=given.variant)
    proven = [one.status != "limit" for one in found.observing]
    whole = found.ended == "complete" and plan.certificate.status == "optimal" and all(proven)
    return Outcome(found, 0 if whole else 1, {"review": plan})


def wait(
    reading: Reading,
    options: ReviewOptions,
    *,
    title: str | None = None,
    variant: str | None = None,
) -> tuple[Waiting, Plan]:
    """What the review is worth, and the plan with it; what was tried by then where the user ended
    it. Raises Misuse for a scenario without a review, Infeasible or NoPlan where it has no plan."""
    began, case = time.perf_counter(), reading.case
    if (review := case.review) is None:
        raise Misuse(tr("The file has no review; add it under review."))
    case = case.model_copy(update={"review": review.model_copy(update={"in_plans": True})})
    problem = Problem.of(case)
    if not problem.small:
        problem = problem.with_recourse(options.threads)
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("gap", "time_limit", "threads", "on_progress")
    }
    options.tell(0, None, tr("the plan with the review"))
    filed = find(problem, **how)
    plan = filed.plan(title, variant)
    assert plan.review is not None
    best = tuple(own.best for own in filed.sets if own.best is not None)
    problem = replace(problem, best=best)
    less = [(one, _without(review.observe, one), False) for one in review.observe]
    more = [(one, (*review.observe, one), True) for one in _telling(problem, filed)[: options.more]]
    tried, interrupted = list[Observing](), filed.interrupted
    for n, (one, observe, added) in enumerate([*less, *more]):
        if interrupted:
            break
        options.tell(n, len(less) + len(more), called(case, one))
        row, interrupted = _tried(problem, filed, one, observe, added, how)
        tried.append(row)
    proof = filed.certificate
    result = Waiting(
        objective=proof.objective,
        bound=proof.bound,
        gap=proof.gap,
        review=plan.review,
        observing=tuple(tried),
        ended="interrupted" if interrupted else "complete",
        **head(Waiting, case, title, variant, began, proof.states, options.gap),
    )
    return result, plan


def called(case: Case, one: Observation) -> str:
    """What an observation is called."""
    if one.hazard is not None:
        return named(case.hazards[one.hazard].name, one.hazard, language())
    if one.price is not None:
        material = named(case.materials[one.price].name, one.price, language())
        return tr("price of {material}", material=material)
    return tr("regime")


def _without(observe: Sequence[Observation], one: Observation) -> tuple[Observation, ...]:
    return tuple(other for other in observe if other is not one)


def _sights(problem: Problem, observe: Sequence[Observation]) -> list[Sight]:
    """What is seen of each state of a problem where this is observed."""
    return [sight(problem.instance, state, observe) for state in problem.states]


def _telling(problem: Problem, filed: Found) -> list[Observation]:
    """What is not observed and tells states apart, those first that explain most of the damage that
    the plan leaves: of its variance within the groups, what lies between theirs."""
    case, instance = problem.instance.case, problem.instance
    assert case.review is not None
    candidates = [Observation(hazard=h) for h in case.hazards]
    if any(state.regimes for state in problem.states):
        candidates.append(Observation(regime=True))
    candidates += [Observation(price=m) for m, data in instance.prices.items() if data.drawn]
    seen = filed.with_plan
    before, found = _between(seen, _sights(problem, case.review.observe)), {}
    for one in candidates:
        if one not in case.review.observe:
            gain = _between(seen, _sights(problem, (*case.review.observe, one))) - before
            if gain > 1e-9 * max(1.0, before):
                found[one] = gain
    return sorted(found, key=lambda one: -found[one])


def _between(seen: Any, sights: Sequence[Sight]) -> float:
    """Mean square of the mean damage of groups, by their probability."""
    number = {one: n for n, one in enumerate(dict.fromkeys(sights))}
    at = np.array([number[one] for one in sights])
    chance = np.bincount(at, seen.probability)
    total = np.bincount(at, seen.probability * seen.damage)
    return float((total[chance > 0] ** 2 / chance[chance > 0]).sum())


def _tried(
    problem: Problem,
    filed: Found,
    one: Observation,
    observe: Sequence[Observation],
    added: bool,
    how: dict[str, Any],
) -> tuple[Observing, bool]:
    """What is told of observing one thing more or less, and whether the user stopped its search."""
    about: dict[str, Any] = {
        "hazard": one.hazard,
        "regime": bool(one.regime),
        "price": one.price,
        "change": "more" if added else "less",
    }
    groups = len({sight for own in problem.parts for sight in _sights(own, observe)})
    if groups > MOST:
        return Observing(**about, groups=groups, status="too_many"), False
    interrupted, best = False, filed.now
    if observe:
        try:
            found = _best(problem, filed, observe, added, how)
        except (NoPlan, SolverError):
            best = None
        else:
            best = Best(found.objective, found.certificate.bound)
            interrupted = found.interrupted
    if best is None:
        return Observing(**about, groups=groups, status="limit"), interrupted
    own = Best(filed.objective, filed.certificate.bound)
    blind, seeing = (own, best) if added else (best, own)
    proven = is_within(best.objective, best.bound, how["gap"], filed.sizes.least)
    told = Observing(
        **about,
        groups=groups,
        status="optimal" if proven else "limit",
        objective=best.objective,
        bound=best.bound,
        worth=blind.objective - seeing.objective,
        worth_least=None if blind.bound is None else max(0.0, blind.bound - seeing.objective),
        worth_most=None if seeing.bound is None else blind.objective - seeing.bound,
    )
    return told, interrupted


def _best(
    problem: Problem, filed: Found, observe: Sequence[Observation], added: bool, how: dict[str, Any]
) -> Found:
    """The best plan where this is observed."""
    there = observing(problem, observe)
    if there.small:
        return find(there, brief=True, **how)
    there, pool = there.with_recourse(how["threads"]), CutPool()
    if added:  # what is decided without seeing it can be decided with it
        known = {path.sight: g for g, path in enumerate(filed.instance.paths)}
        at = [known.get(path.sight[:-1]) for path in there.instance.paths]
        plans = [filed.commitment.on(g) for g in at if g is not None]
        if len(plans) == len(at):
            pool.remember(of_paths(plans, there.instance), there.instance)
    found = find(there, brief=True, pool=pool, **how)
    for own in there.parts:
        if own.recourse is not None:
            own.recourse.forget_paths()
    return found
