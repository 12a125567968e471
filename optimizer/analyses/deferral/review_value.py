"""Value of deferral: the gain from a review, and the value of removing or adding one observation.

Each value is the difference of two problems that are solved to the gap, and is given as the range
that their bounds prove.
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
from models.scenario.sections import Observation
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import ReviewOptions
from optimizer.analyses.saved_plan import common_result_fields
from optimizer.errors import Misuse, NoPlan, SolverError
from optimizer.model.commitment import combine_branches
from optimizer.model.review import MAX_BRANCHES, InformationSet, read_information_set
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.problem import with_observations
from optimizer.solve.solver_result import is_gap_closed


def run_analysis(analysis_input: AnalysisInput, options: ReviewOptions) -> AnalysisOutcome:
    """Run the command that computes the value of the scenario's review."""
    result, plan = evaluate_review(analysis_input.reading, options, **analysis_input.labels)
    are_within_limits = [observation.status != "limit" for observation in result.observing]
    is_complete = (
        result.ended == "complete"
        and plan.certificate.status == "optimal"
        and all(are_within_limits)
    )
    return AnalysisOutcome(result, 0 if is_complete else 1, {"review": plan})


def evaluate_review(
    loaded_scenario: LoadedScenario,
    options: ReviewOptions,
    *,
    title: str | None = None,
    variant: str | None = None,
) -> tuple[Waiting, Plan]:
    """Compute the value of the review; return it with the plan that has the review.

    If the user interrupts the search, what was found by then is returned. Raises Misuse for a
    scenario without a review, and Infeasible or NoPlan if it has no plan.
    """
    started_at, case = time.perf_counter(), loaded_scenario.case
    if (review := case.review) is None:
        raise Misuse("The file has no review; add it under review.")
    case = case.model_copy(update={"review": review.model_copy(update={"in_plans": True})})
    problem = Problem.from_case(case)
    if not problem.is_small:
        problem = problem.with_recourse(options.threads)
    solve_options = options.solver_options
    options.report_progress(0, None, tr("the plan with the review"))
    reference = solve_and_certify(problem, **solve_options)
    plan = reference.to_plan(title, variant)
    assert plan.review is not None
    reference_optima = tuple(
        outcome.reference_optimum
        for outcome in reference.set_outcomes
        if outcome.reference_optimum is not None
    )
    problem = replace(problem, reference_optima=reference_optima)
    removals = [
        (
            x,
            tuple(
                other_observation
                for other_observation in review.observe
                if other_observation is not x
            ),
            False,
        )
        for x in review.observe
    ]
    additions = [
        (x, (*review.observe, x), True)
        for x in _informative_observations(problem, reference)[: options.more]
    ]
    rows, interrupted = list[ObservationWorth](), reference.interrupted
    for n, (observation, observations, is_added) in enumerate([*removals, *additions]):
        if interrupted:
            break
        options.report_progress(
            n, len(removals) + len(additions), observation_name(case, observation)
        )
        row, interrupted = _try_observation(
            problem, reference, observation, observations, is_added, solve_options
        )
        rows.append(row)
    certificate = reference.certificate
    result = Waiting(
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        review=plan.review,
        observing=tuple(rows),
        ended="interrupted" if interrupted else "complete",
        **common_result_fields(
            Waiting, case, title, variant, started_at, certificate.states, options.gap
        ),
    )
    return result, plan


def observation_name(case: Case, observation: Observation) -> str:
    """Return the name of the hazard, price or regime that is observed."""
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


def _observations_by_state(
    problem: Problem, observations: Sequence[Observation]
) -> list[InformationSet]:
    """Return for each state of a problem the information set that results from these
    observations."""
    return [read_information_set(problem.instance, state, observations) for state in problem.states]


def _informative_observations(problem: Problem, reference: CheckedSolution) -> list[Observation]:
    """Return the quantities that are not observed yet but distinguish states, the most informative
    first.

    The measure is the part of the variance of the plan's damage that lies between information sets.
    """
    case, instance = problem.instance.case, problem.instance
    assert case.review is not None
    candidates = [Observation(hazard=h) for h in case.hazards]
    if any(state.regimes for state in problem.states):
        candidates.append(Observation(regime=True))
    candidates += [Observation(price=m) for m, data in instance.prices.items() if data.is_sampled]
    evaluation = reference.with_plan
    current_variance = _between_group_variance(
        evaluation, _observations_by_state(problem, case.review.observe)
    )
    gains = {}
    for candidate in candidates:
        if candidate not in case.review.observe:
            gain = (
                _between_group_variance(
                    evaluation, _observations_by_state(problem, (*case.review.observe, candidate))
                )
                - current_variance
            )
            if gain > 1e-9 * max(1.0, current_variance):
                gains[candidate] = gain
    return sorted(gains, key=lambda candidate: -gains[candidate])


def _between_group_variance(evaluation: Any, observed_by_state: Sequence[InformationSet]) -> float:
    """Compute the probability-weighted mean of the squared mean damage of each group of states.

    States with the same information set form a group. The mean over all states is the same for any
    grouping, so that differences of the result are differences of the variance between groups.
    """
    group_numbers = {observed: n for n, observed in enumerate(dict.fromkeys(observed_by_state))}
    group_of_state = np.array([group_numbers[observed] for observed in observed_by_state])
    probability = np.bincount(group_of_state, evaluation.probability)
    damage = np.bincount(group_of_state, evaluation.probability * evaluation.damage)
    return float((damage[probability > 0] ** 2 / probability[probability > 0]).sum())


def _try_observation(
    problem: Problem,
    reference: CheckedSolution,
    changed_observation: Observation,
    observations: Sequence[Observation],
    is_added: bool,
    solve_options: dict[str, Any],
) -> tuple[ObservationWorth, bool]:
    """Solve with one observation added or removed; return its value, and whether the user stopped
    the search.

    ``observations`` are all observations after the change. If there are none, the optimum without a
    review is used.
    """
    fields: dict[str, Any] = {
        "hazard": changed_observation.hazard,
        "regime": bool(changed_observation.regime),
        "price": changed_observation.price,
        "change": "more" if is_added else "less",
    }
    group_count = len(
        {
            information_set
            for set_problem in problem.single_set_problems
            for information_set in _observations_by_state(set_problem, observations)
        }
    )
    if group_count > MAX_BRANCHES:
        return ObservationWorth(**fields, groups=group_count, status="too_many"), False
    interrupted, optimum = False, reference.no_review_optimum
    if observations:
        try:
            solution = _solve_with_observations(
                problem, reference, observations, is_added, solve_options
            )
        except (NoPlan, SolverError):
            optimum = None
        else:
            optimum = ReferenceOptimum(solution.objective, solution.certificate.bound)
            interrupted = solution.interrupted
    if optimum is None:
        return ObservationWorth(**fields, groups=group_count, status="limit"), interrupted
    own_optimum = ReferenceOptimum(reference.objective, reference.certificate.bound)
    unobserved_optimum, observed_optimum = (
        (own_optimum, optimum) if is_added else (optimum, own_optimum)
    )
    is_proven = is_gap_closed(
        optimum.objective, optimum.bound, solve_options["gap"], reference.gap_scale.objective_floor
    )
    row = ObservationWorth(
        **fields,
        groups=group_count,
        status="optimal" if is_proven else "limit",
        objective=optimum.objective,
        bound=optimum.bound,
        worth=unobserved_optimum.objective - observed_optimum.objective,
        worth_least=None
        if unobserved_optimum.bound is None
        else max(0.0, unobserved_optimum.bound - observed_optimum.objective),
        worth_most=None
        if observed_optimum.bound is None
        else unobserved_optimum.objective - observed_optimum.bound,
    )
    return row, interrupted


def _solve_with_observations(
    problem: Problem,
    reference: CheckedSolution,
    observations: Sequence[Observation],
    is_added: bool,
    solve_options: dict[str, Any],
) -> CheckedSolution:
    """Solve for the best plan whose decisions at the review depend on these observations."""
    changed_problem = with_observations(problem, observations)
    if changed_problem.is_small:
        return solve_and_certify(changed_problem, damage_only=True, **solve_options)
    changed_problem, pool = changed_problem.with_recourse(solve_options["threads"]), CutPool()
    if is_added:  # a plan with fewer observations stays feasible with more
        branch_by_observation = {
            branch.information_set: g for g, branch in enumerate(reference.instance.branches)
        }
        earlier_branches = [
            branch_by_observation.get(branch.information_set[:-1])
            for branch in changed_problem.instance.branches
        ]
        plans = [reference.commitment.on_branch(g) for g in earlier_branches if g is not None]
        if len(plans) == len(earlier_branches):
            pool.remember_plan(
                combine_branches(plans, changed_problem.instance), changed_problem.instance
            )
    solution = solve_and_certify(changed_problem, damage_only=True, pool=pool, **solve_options)
    for set_problem in changed_problem.single_set_problems:
        if set_problem.recourse is not None:
            set_problem.recourse.clear_branches()
    return solution
