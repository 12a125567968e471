"""Value of information, value of the stochastic solution, and cost of weight on the worst states.

For a minimization problem (Madansky 1960; Birge and Louveaux 2011, chapter 4): RP is the objective
of the best plan for all states; WS the expected objective if each state is known before its plan is
made; EV the objective of the best plan for the mean state, and EEV the expected objective of that
plan. WS <= RP <= EEV and EV <= RP always; EV may be above WS, since starts are integer
(``docs/formulation.md``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.language import tr
from models.results import Estimate, Information, Performance, ProvenRange, TailPlan, TailPremium
from models.scenario.case import Case
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.analyses.variation import TAIL_WEIGHT_PATH, format_setting
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats, Instance, Realization, read_instance
from optimizer.model.scenario_data import compute_mean_scenario_data
from optimizer.model.states import State
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve import outcomes
from optimizer.solve.certification import commitment_or_raise
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import MasterModel
from optimizer.solve.extensive_form import solve_for_scenario_data
from optimizer.solve.outcomes import PlanEvaluation, tail_mean
from optimizer.solve.plan_document import weighted_quantiles
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.recourse import RecourseEvaluator, ReleasePolicyResult
from optimizer.solve.session import Session
from optimizer.solve.solver_result import is_gap_closed
from optimizer.solve.verification import check_commitment


def estimate_with_error(value: float, draws: Floats | None) -> Estimate:
    """Return ``value`` with the standard error of the mean of ``draws`` (n).

    The error is None if ``draws`` is None or a single draw, from which no variance can be
    estimated.
    """
    if draws is None or len(draws) < 2:
        return Estimate(value=value, standard_error=None)
    error = math.sqrt(len(draws) * float(draws.var(ddof=1))) / len(draws)
    return Estimate(value=value, standard_error=error)


def mean_estimate(probability: Floats, values: Floats, *, sampled: bool) -> Estimate:
    """Estimate the mean of ``values`` (n) that have these probabilities (n).

    If ``sampled``, the values are equally probable draws, and the estimate has a sampling error.
    """
    return estimate_with_error(float(probability @ values), values if sampled else None)


def tail_quantile(probability: Floats, damage: Floats, level: float) -> float:
    """Return the quantile of damage at ``level``.

    States with at least this damage are the worst ``1 - level`` of all states.
    """
    return weighted_quantiles(damage, probability, [level])[0]


def tail_contributions(probability: Floats, damage: Floats, level: float) -> Floats:
    """Compute the contribution of each draw (n) to the mean damage of the worst ``1 - level`` of
    states.

    The CVaR is the minimum over η of η + E max(0, D - η) / (1 - level) (Rockafellar and Uryasev
    2000). At the sample's quantile the derivative in η is zero. To first order the error of the
    CVaR is therefore that of a mean of η + max(0, D - η) / (1 - level): the central limit theorem
    of Trindade, Uryasev, Shapiro and Zrazhevsky (2007), and Hong and Liu (2009).
    """
    eta = tail_quantile(probability, damage, level)
    contributions: Floats = eta + np.maximum(0.0, damage - eta) / (1 - level)
    return contributions


def estimate_performance(
    evaluation: PlanEvaluation | ReleasePolicyResult, level: float, *, sampled: bool
) -> Performance:
    """Estimate the mean, CVaR and maximum of damage over the states of an evaluation.

    ``level`` is the level of the CVaR; if states are ``sampled``, estimates have sampling errors.
    """
    probability, damage = evaluation.probability, evaluation.damage
    tail = tail_contributions(probability, damage, level) if sampled else None
    return Performance(
        expected=mean_estimate(probability, damage, sampled=sampled),
        cvar=estimate_with_error(tail_mean(probability, damage, level), tail),
        worst=float(damage[probability > 0].max()),
    )


def difference_of_estimates(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate less the second, with the error that follows if their samples are
    independent."""
    errors = [
        estimate.standard_error
        for estimate in (first, second)
        if estimate.standard_error is not None
    ]
    error = math.hypot(*errors) if errors else None
    return Estimate(value=first.value - second.value, standard_error=error)


class MeanCVaR(NamedTuple):
    """The risk measure (1 - ``weight``) E[X] + ``weight`` CVaR[X] of a total X over the states.

    ``level`` is the level of the CVaR. The measure is monotone and translation equivariant
    (Rockafellar and Uryasev 2000), so that damage and cost may be added in each state before the
    measure is computed.
    """

    level: float
    weight: float

    @classmethod
    def from_case(cls, case: Case) -> MeanCVaR:
        """Return the measure in the objective of a scenario, without the ambiguity of its mean."""
        return cls(float(case.objective.cvar.level), float(case.objective.cvar.weight))

    def __call__(self, probability: Floats, totals: Floats) -> float:
        """Compute the risk measure of totals (S) that have these probabilities (S)."""
        mean = float(probability @ totals / probability.sum())
        if self.weight == 0:
            return mean
        return (1 - self.weight) * mean + self.weight * tail_mean(probability, totals, self.level)

    def influence(self, probability: Floats, totals: Floats) -> Floats:
        """Compute the contribution (S) of each state to the measure; their spread gives the
        sampling error."""
        tail = (
            self.weight * tail_contributions(probability, totals, self.level)
            if self.weight
            else 0.0
        )
        contributions: Floats = (1 - self.weight) * totals + tail
        return contributions


MAX_STATES_SOLVED = 200
"""Maximum number of states that are solved separately."""
SELECTION_SEED = 1999
"""Seed of the selection if not all states are solved."""
MIN_LOTS = 1e-6
"""Lots up to which a purchase counts as none."""

Bounds = tuple[float, float]
"""Proven bound, and objective of the best plan that was found."""


def compute_information_value(
    saved_plan: SavedPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    max_states: int = MAX_STATES_SOLVED,
    on_done: Callable[[int, int], None] | None = None,
) -> Information:
    """Compute WS, EVPI, EV, EEV and VSS of a saved plan's problem.

    The objective is (1 - λ) E + λ CVaR of damage plus cost. That measure is monotone and
    translation equivariant: the optimum for a single state is no more than the total of any plan in
    that state. So WS <= RP also holds with weight on the tail.

    Every solve stops at its gap or limit, so that figures are ranges between a bound and a plan
    that was found. The saved plan and the mean state's plan are feasible for each state as well.
    The latter is also feasible for all states together, and may be better than a plan with a gap.
    RP is never below EV or WS.

    If there are more than ``max_states`` distinct states, only some are solved. WS is then the
    plan's objective in all states, less the difference between plan and foresight in the states
    that are solved; pairing the two within each state reduces variance. ``wait_and_see_error`` is
    the remaining sampling error of WS and EVPI, which ranges do not include. With few states the
    tail is biased downwards, by an amount that falls faster than the error.

    ``gap`` and ``time_limit`` apply to each solve. ``on_done`` receives the number of solved states
    and their total. Raises Interrupted if a solve was stopped, or NoPlan if it reached its limit,
    before anything was proven.
    """
    instance = saved_plan.problem.instance
    states = saved_plan.problem.states
    solution = saved_plan.solution
    recourse = saved_plan.problem.recourse or RecourseEvaluator(instance, states)
    neutral = with_tail_weight(saved_plan, 0.0)
    mean_commitment, mean_bounds = solve_mean_state(neutral, gap=gap, time_limit=time_limit)
    (mean_outcome,) = outcomes.evaluate_commitments(
        instance, states, [mean_commitment], recourse=recourse
    )
    mean_cost = weighted_cost(instance, mean_commitment)
    mean_plan = outcomes.objective_value(instance, mean_outcome, mean_cost)

    # States of one class have the same subproblem for every material, and are solved once.
    classes = [x.class_of_state for x in recourse.material_classes] or [
        np.zeros(len(states), dtype=int)
    ]
    _, class_of_state = np.unique(np.stack(classes, axis=1), axis=0, return_inverse=True)
    class_of_state = class_of_state.reshape(-1)
    selection = select_states(solution.with_plan.probability, class_of_state, max_states)
    selected_classes, first_index, position = np.unique(
        class_of_state[selection.indices], return_index=True, return_inverse=True
    )
    state_bounds = np.array(
        solve_states_separately(
            neutral.instance,
            [states[selection.indices[n]] for n in first_index],
            realizations=recourse.realizations,
            gap=gap,
            time_limit=time_limit,
            jobs=jobs,
            on_done=on_done,
        )
    )[position.reshape(-1)]

    risk, probability = MeanCVaR.from_case(instance.case), selection.probability
    plan_totals = solution.with_plan.damage[selection.indices] + weighted_cost(
        instance, solution.commitment
    )
    foresight_totals = np.minimum(state_bounds[:, 1], plan_totals)
    foresight_totals = np.minimum(
        foresight_totals, mean_outcome.damage[selection.indices] + mean_cost
    )
    plan_difference = solution.objective - risk(probability, plan_totals)
    wait_and_see = _proven_range(
        *(
            plan_difference + risk(probability, totals)
            for totals in (np.minimum(state_bounds[:, 0], foresight_totals), foresight_totals)
        )
    )

    lower_bounds = [mean_bounds[0]] + ([wait_and_see.low] if selection.is_exhaustive else [])
    bound = solution.certificate.bound
    lower_bounds += [] if bound is None else [bound]
    recourse_problem = _proven_range(max(lower_bounds), min(solution.objective, mean_plan))
    mean_purchases = {
        h: mean_commitment.expected_purchases(instance, h).sum() for h in instance.stockpiles
    }
    gain_influence = risk.influence(probability, plan_totals) - risk.influence(
        probability, foresight_totals
    )
    return Information(
        states=selection.draw_count or len(states),
        of_states=len(states),
        distinct=len(selected_classes),
        recourse_problem=recourse_problem,
        wait_and_see=wait_and_see,
        wait_and_see_error=selection.standard_error(gain_influence),
        evpi=_proven_range(
            max(0.0, recourse_problem.low - wait_and_see.high),
            recourse_problem.high - wait_and_see.low,
        ),
        mean_value_problem=_proven_range(*mean_bounds),
        mean_plan=mean_plan,
        mean_plan_projects=tuple(p for p in instance.projects if p in mean_commitment.start),
        mean_plan_stockpiles=tuple(h for h, lots in mean_purchases.items() if lots > MIN_LOTS),
        vss=_proven_range(mean_plan - recourse_problem.high, mean_plan - recourse_problem.low),
    )


def _proven_range(low: float, high: float) -> ProvenRange:
    """Return the range from ``low`` to ``high``.

    If rounding has reversed them, both ends are ``high``, which is the objective of a plan.
    """
    return ProvenRange(low=min(low, high), high=high)


def solve_mean_state(
    problem: Problem, *, gap: float, time_limit: float | None = None
) -> tuple[Commitment, Bounds]:
    """Solve for the best plan for the mean state; return the plan, and its bound and objective.

    ``problem`` has no weight on the tail. The mean state has the mean of the arrays of all states:
    of the remaining supply, and of each project's output over its delays and possible failure. For
    a fixed commitment damage is a convex function of these, as the optimum of a linear program is
    of its right-hand side. The objective of any plan in the mean state is therefore no more than
    its mean over the states (Jensen).

    Raises Interrupted if the solve was stopped, or NoPlan if it reached its limit, before there was
    a plan and a bound.
    """
    instance = problem.instance
    mean_data = compute_mean_scenario_data(instance, problem.states)
    solver_result = solve_for_scenario_data(
        DecisionTree((instance,)), [[(1.0, mean_data)]], gap=gap, time_limit=time_limit
    )
    if solver_result.solution.interrupted:
        raise Interrupted("stopped before the mean of the states was solved")
    commitment = commitment_or_raise(instance, solver_result)
    check_commitment(instance, commitment)
    high, low = solver_result.solution.objective, solver_result.solution.bound
    if high is None or low is None or solver_result.is_doubtful:
        raise NoPlan("{name}: nothing was proven before the limit".format(name="the mean state"))
    return commitment, (min(low, high), high)


class StateSelection(NamedTuple):
    """States (W) that are selected to represent all states, with probabilities that add up to 1."""

    indices: NDArray[np.intp]
    """(W) indices into all states."""
    probability: Floats
    """(W) probability that each state represents."""
    draw_count: int = 0
    """Number of draws; 0 if all states are selected."""
    variance_factor: float = 0.0
    """Factor on the variance of a mean for sampling without replacement."""

    @property
    def is_exhaustive(self) -> bool:
        """Whether all states are selected."""
        return self.draw_count == 0

    def standard_error(self, influence: Floats) -> float | None:
        """Return the standard error of a figure, given each state's contribution (W) to it.

        Return None if all states are selected, so that the figure is exact.
        """
        if self.is_exhaustive:
            return None
        variance = self.probability @ (influence - self.probability @ influence) ** 2
        return math.sqrt(variance / (self.draw_count - 1) * self.variance_factor)


def select_states(
    probability: Floats,
    class_of_state: NDArray[np.intp],
    max_states: int,
    seed: int = SELECTION_SEED,
) -> StateSelection:
    """Select the states to be solved: all states, or a random sample of ``max_states`` (at least
    2).

    All states are selected if at most ``max_states`` of them are distinct. Otherwise the sample is
    systematic with probabilities proportional to size, in random order (Hartley and Rao 1962); with
    equal probabilities this is sampling without replacement. ``probability`` and ``class_of_state``
    are arrays (S); states of one class are solved once.
    """
    possible_states = np.flatnonzero(probability > 0)
    if len(np.unique(class_of_state[possible_states])) <= max_states:
        return StateSelection(possible_states, probability[possible_states] / probability.sum())
    max_states = max(2, max_states)
    generator = np.random.Generator(np.random.Philox(key=seed))
    order = generator.permutation(possible_states)
    share = probability[order] / probability[order].sum()
    points = (np.arange(max_states) + generator.random()) / max_states
    positions = np.minimum(np.searchsorted(np.cumsum(share), points, side="right"), len(order) - 1)
    state_indices, draw_counts = np.unique(order[positions], return_counts=True)
    # Hartley and Rao's approximation holds as long as no state is certain to be drawn.
    factor = 1 - max_states * float(share @ share) if max_states * share.max() <= 1 else 1.0
    return StateSelection(state_indices, draw_counts / max_states, max_states, factor)


def solve_states_separately(
    instance: Instance,
    states: Sequence[State],
    *,
    realizations: dict[str, tuple[Realization, ...]],
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> list[Bounds]:
    """Return the bound and objective of the best plan for each single state, solved in parallel.

    ``instance`` has no weight on the tail: if the state is known, its damage is both the mean and
    the worst. ``realizations`` are the realizations of projects in any of the states. An objective
    is infinite if a limit was reached without a plan. ``on_done`` receives the number of solved
    states and their total. Raises errors like :func:`compute_information_value`.
    """
    report, counter = on_done or (lambda _done, _total: None), count(1)
    worker_count = max(
        1, min(choose_worker_count(jobs, default_jobs(instance, states[:1])), len(states))
    )
    args = (instance, realizations, gap, time_limit)
    with Workers[State, Bounds](make_state_solver, args, worker_count) as workers:
        return workers.map(states, lambda *_: report(next(counter), len(states)))


def make_state_solver(
    instance: Instance,
    realizations: dict[str, tuple[Realization, ...]],
    gap: float,
    time_limit: float | None,
) -> Callable[[State], Bounds]:
    """Return the function by which a worker solves for the best plan for a single state, on one
    thread."""
    # Building what does not depend on the state is most of the work, so it is shared.
    master_model, earlier = MasterModel(instance), None
    session = Session(1, None, gap=gap, time_limit=time_limit)

    def solve_state(state: State) -> Bounds:
        nonlocal earlier
        single_state = (replace(state, probability=1.0),)
        earlier = recourse = RecourseEvaluator(
            instance, single_state, threads=1, reuse_from=earlier, realizations=realizations
        )
        problem = Problem(instance, single_state, 0.0, recourse, master_model)
        answer = session.search(problem)
        if answer.interrupted:
            raise Interrupted("stopped before all states were solved")
        if answer.bound is None:
            raise NoPlan(f"{state.name}: nothing was proven before the limit")
        if answer.result.commitment is None and answer.result.solution.ending == "limit":
            return answer.bound, math.inf
        return answer.bound, answer.certify().objective

    return solve_state


def with_tail_weight(saved_plan: SavedPlan, weight: float) -> Problem:
    """Return the plan's problem with another weight on the tail; it shares the recourse of the
    original problem."""
    case = saved_plan.reading.with_settings([f"{TAIL_WEIGHT_PATH}={format_setting(weight)}"]).case
    problem = saved_plan.problem
    return Problem(read_instance(case), problem.states, 0.0, problem.recourse)


def compute_tail_premium(
    saved_plan: SavedPlan,
    *,
    weight: float,
    gap: float,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TailPremium:
    """Compare a plan for the mean with a plan that also weights the worst states.

    Cuts are valid for any weight, so that the second solve starts from the cuts of the first. The
    saved plan is used if its scenario has one of the two weights and it is proven to the gap;
    otherwise the plan and its bound are used in addition to the solve.

    The premium is the mean objective (expected damage and weighted cost) of the second plan less
    the minimum. It is at most the difference from the first plan's bound, and at least that from
    the first plan's objective.

    ``weight`` is the weight on the tail in the second plan's objective; ``time_limit`` is the limit
    of each of the two solves in seconds. Raises Interrupted if a solve was stopped, or NoPlan if it
    reached its limit, before there was a plan and a bound.
    """
    session = Session(gap=gap, time_limit=time_limit, on_progress=on_progress)
    cvar = saved_plan.problem.instance.case.objective.cvar
    level, certificate = float(cvar.level), saved_plan.solution.certificate

    def solve_with_weight(tail_weight: float) -> CheckedSolution:
        is_known = tail_weight == float(cvar.weight) and certificate.bound is not None
        if is_known and is_gap_closed(certificate.objective, certificate.bound, gap):
            return saved_plan.solution
        solution = session.solve(with_tail_weight(saved_plan, tail_weight))
        if solution.interrupted:
            raise Interrupted("stopped before the plans of both weights were found")
        if not is_known:
            return solution
        better_solution = min(solution, saved_plan.solution, key=lambda x: x.objective)
        bounds = [b for b in (solution.certificate.bound, certificate.bound) if b is not None]
        return better_solution.with_bound(max(bounds))

    def describe(solution: CheckedSolution) -> TailPlan:
        return TailPlan(
            weight=float(solution.instance.case.objective.cvar.weight),
            expected=solution.with_plan.expected,
            cvar=solution.with_plan.cvar(level),
            net_cost_meur=solution.net_cost,
            gap=solution.certificate.gap,
            projects=tuple(p for p in solution.instance.projects if p in solution.commitment.start),
        )

    plans = neutral, averse = solve_with_weight(0.0), solve_with_weight(weight)
    neutral_mean, averse_mean = (
        plan.with_plan.expected + weighted_cost(plan.instance, plan.commitment) for plan in plans
    )
    bound = neutral.certificate.bound
    if bound is None:
        name = tr("the plan for the mean")
        raise NoPlan(f"{name}: nothing was proven before the limit")
    return TailPremium(
        level=level,
        neutral=describe(neutral),
        averse=describe(averse),
        premium=ProvenRange(
            low=max(0.0, averse_mean - neutral_mean),
            high=averse_mean - min(neutral_mean, averse_mean, bound),
        ),
        bought=neutral.with_plan.cvar(level) - averse.with_plan.cvar(level),
    )
