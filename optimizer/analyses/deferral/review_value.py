"""What a review is worth, and what it is worth to observe one thing more or less.

Each is a problem of its own, solved to the gap: its worth lies between what both proofs leave open.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.base import display_name
from models.files import LoadedScenario
from models.language import current_language, tr
from models.results import ObservationWorth, Plan, Waiting
from models.scenario.case import Case
from models.scenario.review import Observation
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.deferral.options import ReviewOptions
from optimizer.analyses.result_fields import common_result_fields
from optimizer.errors import Misuse, NoPlan, SolverError
from optimizer.model.commitment import combine_branches
from optimizer.model.review import MAX_BRANCHES, InformationSet, read_information_set
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_gap_closed
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.problem import with_observations


def run_analysis(analysis_input: AnalysisInput, options: ReviewOptions) -> AnalysisOutcome:
    """Find what the scenario's review is worth."""
    found, plan = evaluate_review(
        analysis_input.reading, options, title=analysis_input.title, variant=analysis_input.variant
    )
    proven = [one.status != "limit" for one in found.observing]
    whole = found.ended == "complete" and plan.certificate.status == "optimal" and all(proven)
    return AnalysisOutcome(found, 0 if whole else 1, {"review": plan})


def evaluate_review(
    reading: LoadedScenario,
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
    problem = Problem.from_case(case)
    if not problem.is_small:
        problem = problem.with_recourse(options.threads)
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("gap", "time_limit", "threads", "on_progress")
    }
    options.report_progress(0, None, tr("the plan with the review"))
    filed = solve_and_certify(problem, **how)
    plan = filed.to_plan(title, variant)
    assert plan.review is not None
    best = tuple(
        own.reference_optimum for own in filed.set_outcomes if own.reference_optimum is not None
    )
    problem = replace(problem, reference_optima=best)
    less = [(one, _without_observation(review.observe, one), False) for one in review.observe]
    more = [
        (one, (*review.observe, one), True)
        for one in _informative_observations(problem, filed)[: options.more]
    ]
    tried, interrupted = list[ObservationWorth](), filed.interrupted
    for n, (one, observe, added) in enumerate([*less, *more]):
        if interrupted:
            break
        options.report_progress(n, len(less) + len(more), observation_name(case, one))
        row, interrupted = _try_observation(problem, filed, one, observe, added, how)
        tried.append(row)
    proof = filed.certificate
    result = Waiting(
        objective=proof.objective,
        bound=proof.bound,
        gap=proof.gap,
        review=plan.review,
        observing=tuple(tried),
        ended="interrupted" if interrupted else "complete",
        **common_result_fields(Waiting, case, title, variant, began, proof.states, options.gap),
    )
    return result, plan


def observation_name(case: Case, observation: Observation) -> str:
    """What an observation is called."""
    if observation.hazard is not None:
        return display_name(
            case.hazards[observation.hazard].name, observation.hazard, current_language()
        )
    if observation.price is not None:
        material = display_name(
            case.materials[observation.price].name, observation.price, current_language()
        )
        return tr("price of {material}", material=material)
    return tr("regime")


def _without_observation(
    observations: Sequence[Observation], removed: Observation
) -> tuple[Observation, ...]:
    return tuple(other for other in observations if other is not removed)


def _observations_by_state(
    problem: Problem, observations: Sequence[Observation]
) -> list[InformationSet]:
    """What is seen of each state of a problem where this is observed."""
    return [read_information_set(problem.instance, state, observations) for state in problem.states]


def _informative_observations(problem: Problem, reference: CheckedSolution) -> list[Observation]:
    """What is not observed and tells states apart, those first that explain most of the damage that
    the plan leaves: of its variance within the groups, what lies between theirs."""
    case, instance = problem.instance.case, problem.instance
    assert case.review is not None
    candidates = [Observation(hazard=h) for h in case.hazards]
    if any(state.regimes for state in problem.states):
        candidates.append(Observation(regime=True))
    candidates += [Observation(price=m) for m, data in instance.prices.items() if data.is_sampled]
    seen = reference.with_plan
    before, found = (
        _between_group_variance(seen, _observations_by_state(problem, case.review.observe)),
        {},
    )
    for one in candidates:
        if one not in case.review.observe:
            gain = (
                _between_group_variance(
                    seen, _observations_by_state(problem, (*case.review.observe, one))
                )
                - before
            )
            if gain > 1e-9 * max(1.0, before):
                found[one] = gain
    return sorted(found, key=lambda one: -found[one])


def _between_group_variance(evaluation: Any, observed_by_state: Sequence[InformationSet]) -> float:
    """Mean square of the mean damage of groups, by their probability."""
    number = {one: n for n, one in enumerate(dict.fromkeys(observed_by_state))}
    at = np.array([number[one] for one in observed_by_state])
    chance = np.bincount(at, evaluation.probability)
    total = np.bincount(at, evaluation.probability * evaluation.damage)
    return float((total[chance > 0] ** 2 / chance[chance > 0]).sum())


def _try_observation(
    problem: Problem,
    reference: CheckedSolution,
    changed_observation: Observation,
    observations: Sequence[Observation],
    is_added: bool,
    solve_options: dict[str, Any],
) -> tuple[ObservationWorth, bool]:
    """What is told of observing one thing more or less, and whether the user stopped its search."""
    about: dict[str, Any] = {
        "hazard": changed_observation.hazard,
        "regime": bool(changed_observation.regime),
        "price": changed_observation.price,
        "change": "more" if is_added else "less",
    }
    groups = len(
        {
            sight
            for own in problem.single_set_problems
            for sight in _observations_by_state(own, observations)
        }
    )
    if groups > MAX_BRANCHES:
        return ObservationWorth(**about, groups=groups, status="too_many"), False
    interrupted, best = False, reference.no_review_optimum
    if observations:
        try:
            found = _solve_with_observations(
                problem, reference, observations, is_added, solve_options
            )
        except (NoPlan, SolverError):
            best = None
        else:
            best = ReferenceOptimum(found.objective, found.certificate.bound)
            interrupted = found.interrupted
    if best is None:
        return ObservationWorth(**about, groups=groups, status="limit"), interrupted
    own = ReferenceOptimum(reference.objective, reference.certificate.bound)
    blind, seeing = (own, best) if is_added else (best, own)
    proven = is_gap_closed(
        best.objective, best.bound, solve_options["gap"], reference.gap_scale.objective_floor
    )
    told = ObservationWorth(
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


def _solve_with_observations(
    problem: Problem,
    reference: CheckedSolution,
    observations: Sequence[Observation],
    is_added: bool,
    solve_options: dict[str, Any],
) -> CheckedSolution:
    """The best plan where this is observed."""
    there = with_observations(problem, observations)
    if there.is_small:
        return solve_and_certify(there, damage_only=True, **solve_options)
    there, pool = there.with_recourse(solve_options["threads"]), CutPool()
    if is_added:  # what is decided without seeing it can be decided with it
        known = {path.observed: g for g, path in enumerate(reference.instance.branches)}
        at = [known.get(path.observed[:-1]) for path in there.instance.branches]
        plans = [reference.commitment.on_branch(g) for g in at if g is not None]
        if len(plans) == len(at):
            pool.remember_plan(combine_branches(plans, there.instance), there.instance)
    found = solve_and_certify(there, damage_only=True, pool=pool, **solve_options)
    for own in there.single_set_problems:
        if own.recourse is not None:
            own.recourse.clear_branches()
    return found
