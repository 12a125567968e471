"""What it is worth to know what comes, to plan for uncertainty, and to mind the worst states.

With a minimum in mind (Madansky 1960; Birge and Louveaux 2011, chapter 4): RP is the objective of
the best plan for all states; WS what is reached if each state is known before its plan is made; EV
the objective of the best plan for the mean state, and EEV what that plan comes to in the states.

WS <= RP <= EEV and EV <= RP always; EV may be above WS, since starts are whole
(``docs/formulation.md``).
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.language import tr
from models.results import Information, ProvenRange, TailPlan, TailPremium
from optimizer.analyses.evaluation.estimates import RiskMeasure
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.analyses.variation import TAIL_WEIGHT_PATH, format_setting
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.assumption_sets import AssumptionSets
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats, Instance, Realisation, read_instance
from optimizer.model.scenario_data import compute_mean_scenario_data
from optimizer.model.states import State
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool, MasterModel
from optimizer.solve.extensive_form import solve_for_scenario_data
from optimizer.solve.gap import is_gap_closed
from optimizer.solve.planner import (
    Problem,
    certify,
    commitment_or_raise,
    default_jobs,
    solve_and_certify,
    solve_problem,
)
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.verification import check_commitment

MAX_STATES_SOLVED = 200
"""States that are solved by themselves, at most."""
SELECTION_SEED = 1999
"""Of the choice of states where not all of them are solved."""
MIN_LOTS = 1e-6
"""Lots; what buys less is rounding."""

Bounds = tuple[float, float]


def compute_information_value(
    saved_plan: SavedPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    max_states: int = MAX_STATES_SOLVED,
    on_done: Callable[[int, int], None] | None = None,
) -> Information:
    """WS, EVPI, EV, EEV and VSS of a saved plan's problem.

    The objective weighs what may come by (1 - λ) E + λ CVaR of damage plus cost. That measure is
    monotone and moves along with constants: each state's optimum is no more than any plan's total
    there, so that WS <= RP holds with weight on the tail as well.

    Every solve stops at its gap or limit, so that figures are ranges: bounds give one end, what was
    found gives the other. The plan and the mean state's are plans for each state as well, and the
    latter for all states: it may be better than a plan with a gap. RP is below neither EV nor WS.

    Where there are more than ``most_states`` kinds of states, WS is the plan's objective on all of
    them less the difference of plan and foresight on those that are solved: paired within each
    state, so that most of the chance in the choice drops out. ``wait_and_see_error``,
    which is that of EVPI too, tells what remains; the ranges leave it out. A tail of few states is
    estimated from below, by a bias that falls faster than the error.

    ``gap`` and ``time_limit`` are those of each solve. ``on_done`` is told how many of the states
    to be solved are done, of how many. Raises Interrupted or NoPlan if a solve was stopped, or met
    its limit, before it told anything.
    """
    instance, states, own = (
        saved_plan.problem.instance,
        saved_plan.problem.states,
        saved_plan.solution,
    )
    recourse = saved_plan.problem.recourse or RecourseEvaluator(instance, states)
    neutral = with_tail_weight(saved_plan, 0.0)
    for_mean, mean = solve_mean_state(neutral, gap=gap, time_limit=time_limit)
    (reached,) = outcomes.evaluate_commitments(instance, states, [for_mean], recourse=recourse)
    mean_cost = weighted_cost(instance, for_mean)
    mean_plan = outcomes.objective_value(instance, reached, mean_cost)

    # States of one kind look alike to every material, and are solved once.
    looks = [looks.class_of_state for looks in recourse.material_classes] or [
        np.zeros(len(states), dtype=int)
    ]
    _, alike = np.unique(np.stack(looks, axis=1), axis=0, return_inverse=True)
    alike = alike.reshape(-1)
    chosen = select_states(own.with_plan.probability, alike, max_states)
    kinds, first, place = np.unique(alike[chosen.indices], return_index=True, return_inverse=True)
    solved = np.array(
        solve_states_separately(
            neutral.instance,
            [states[chosen.indices[n]] for n in first],
            realisations=recourse.realisations,
            gap=gap,
            time_limit=time_limit,
            jobs=jobs,
            on_done=on_done,
        )
    )[place.reshape(-1)]

    risk, chance = RiskMeasure.of_case(instance.case), chosen.probability
    planned = own.with_plan.damage[chosen.indices] + weighted_cost(instance, own.commitment)
    found = np.minimum(solved[:, 1], planned)
    found = np.minimum(found, reached.damage[chosen.indices] + mean_cost)
    paired = own.objective - risk(chance, planned)
    see = _proven_range(
        *(paired + risk(chance, v) for v in (np.minimum(solved[:, 0], found), found))
    )

    proven = [mean[0]] + ([see.low] if chosen.is_exhaustive else [])
    bound = own.certificate.bound
    proven += [] if bound is None else [bound]
    best = _proven_range(max(proven), min(own.objective, mean_plan))
    bought = {h: for_mean.expected_purchases(instance, h).sum() for h in instance.stockpiles}
    gained = risk.influence(chance, planned) - risk.influence(chance, found)
    return Information(
        states=chosen.draw_count or len(states),
        of_states=len(states),
        distinct=len(kinds),
        recourse_problem=best,
        wait_and_see=see,
        wait_and_see_error=chosen.standard_error(gained),
        evpi=_proven_range(max(0.0, best.low - see.high), best.high - see.low),
        mean_value_problem=_proven_range(*mean),
        mean_plan=mean_plan,
        mean_plan_projects=tuple(p for p in instance.projects if p in for_mean.start),
        mean_plan_stockpiles=tuple(h for h, lots in bought.items() if lots > MIN_LOTS),
        vss=_proven_range(mean_plan - best.high, mean_plan - best.low),
    )


def _proven_range(low: float, high: float) -> ProvenRange:
    """A range; where rounding has turned it round, its upper end, which is a plan's."""
    return ProvenRange(low=min(low, high), high=high)


def solve_mean_state(
    problem: Problem, *, gap: float, time_limit: float | None = None
) -> tuple[Commitment, Bounds]:
    """The best plan for the mean state, in a problem without weight on the tail, and between what
    its objective there is proven to lie.

    The mean is that of the arrays: what is left of each supply, and of the output of each project,
    which comes in part at each of its delays, and in part not at all where it may fail. Damage of
    a fixed commitment is convex in these, as the optimum of a linear program is in its right side,
    so that the objective of any plan in the mean state is no more than its mean over the states
    (Jensen).

    Raises Interrupted or NoPlan if it was stopped, or a limit was met, before there was a plan and
    a bound.
    """
    instance = problem.instance
    mean = compute_mean_scenario_data(instance, problem.states)
    solved = solve_for_scenario_data(
        AssumptionSets((instance,)), [[(1.0, mean)]], gap=gap, time_limit=time_limit
    )
    if solved.solution.interrupted:
        raise Interrupted(tr("stopped before the mean of the states was solved"))
    commitment = commitment_or_raise(instance, solved)
    check_commitment(instance, commitment)
    high, low = solved.solution.objective, solved.solution.bound
    if high is None or low is None or solved.is_doubtful:
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=tr("the mean state")))
    return commitment, (min(low, high), high)


class StateSelection(NamedTuple):
    """States (W) that stand for all, each with a chance that is a share of one."""

    indices: NDArray[np.intp]
    """(W) in the order of all states."""
    probability: Floats
    """(W)"""
    draw_count: int = 0
    """How many states were drawn; 0 where all are there."""
    variance_factor: float = 0.0
    """What drawing without putting back leaves of the variance of a mean."""

    @property
    def is_exhaustive(self) -> bool:
        """Whether all states are there."""
        return self.draw_count == 0

    def standard_error(self, influence: Floats) -> float | None:
        """Standard error of a figure to which each state (W) adds this; None where exact."""
        if self.is_exhaustive:
            return None
        spread = self.probability @ (influence - self.probability @ influence) ** 2
        return math.sqrt(spread / (self.draw_count - 1) * self.variance_factor)


def select_states(
    probability: Floats,
    class_of_state: NDArray[np.intp],
    max_states: int,
    seed: int = SELECTION_SEED,
) -> StateSelection:
    """States to be solved: all, where no more than ``most`` are unlike, else a random ``most``, of
    which there are two at least, since one alone tells of no error.

    States are drawn at equal steps of their probability, in random order (Hartley and Rao 1962):
    where all have the same, that is drawing without putting back. ``chance`` (S) is that of each
    state, ``alike`` (S) the number of its kind; states of one kind are solved once.
    """
    possible = np.flatnonzero(probability > 0)
    if len(np.unique(class_of_state[possible])) <= max_states:
        return StateSelection(possible, probability[possible] / probability.sum())
    max_states = max(2, max_states)
    stream = np.random.Generator(np.random.Philox(key=seed))
    order = stream.permutation(possible)
    share = probability[order] / probability[order].sum()
    at = (np.arange(max_states) + stream.random()) / max_states
    drawn = np.minimum(np.searchsorted(np.cumsum(share), at, side="right"), len(order) - 1)
    places, hits = np.unique(order[drawn], return_counts=True)
    # Hartley and Rao's approximation holds as long as no state is sure to be drawn.
    left = 1 - max_states * float(share @ share) if max_states * share.max() <= 1 else 1.0
    return StateSelection(places, hits / max_states, max_states, left)


def solve_states_separately(
    instance: Instance,
    states: Sequence[State],
    *,
    realisations: dict[str, tuple[Realisation, ...]],
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> list[Bounds]:
    """Bound and objective of the best plan for each state by itself, side by side.

    ``instance`` has no weight on the tail: where the state is known, its damage is both the mean
    and the worst. ``delays`` are the years that projects can be late in any of the states. An
    objective is infinite where a limit left no plan. Raises as :func:`information`.
    """
    tell, done = on_done or (lambda _done, _of: None), count(1)
    wanted = max(1, min(choose_worker_count(jobs, default_jobs(instance, states[:1])), len(states)))
    asked = (instance, realisations, gap, time_limit)
    with Workers[State, Bounds](make_state_solver, asked, wanted) as workers:
        return workers.map(states, lambda *_: tell(next(done), len(states)))


def make_state_solver(
    instance: Instance,
    realisations: dict[str, tuple[Realisation, ...]],
    gap: float,
    time_limit: float | None,
) -> Callable[[State], Bounds]:
    """What finds the best plan for one state after the other, on one thread."""
    # What does not depend on the state is most of the work where states are solved one by one.
    frame, like = MasterModel(instance), None

    def answer(state: State) -> Bounds:
        nonlocal like
        began = time.perf_counter()
        alone = (replace(state, probability=1.0),)
        like = recourse = RecourseEvaluator(
            instance, alone, threads=1, reuse_from=like, realisations=realisations
        )
        problem = Problem(instance, alone, 0.0, recourse, frame)
        solved = solve_problem(problem, gap=gap, time_limit=time_limit, threads=1)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all states were solved"))
        bound = solved.solution.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=state.name))
        if solved.commitment is None and solved.solution.ending == "limit":
            return bound, math.inf
        return bound, certify(problem, solved, gap=gap, started_at=began, threads=1).objective

    return answer


def with_tail_weight(saved_plan: SavedPlan, weight: float) -> Problem:
    """The plan's problem with another weight of the tail; its recourse stays."""
    case = saved_plan.reading.with_settings([f"{TAIL_WEIGHT_PATH}={format_setting(weight)}"]).case
    own = saved_plan.problem
    return Problem(read_instance(case), own.states, 0.0, own.recourse)


def compute_tail_premium(
    saved_plan: SavedPlan,
    *,
    weight: float,
    gap: float,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TailPremium:
    """A plan that minds the mean alone beside one that gives the worst states a weight.

    Cuts hold for any weight, so that the second solve starts from those of the first. The given
    plan stands for itself where its scenario has one of the two weights and it is proven to the
    gap; else it and its bound count beside what is found. The premium is what the
    second plan's mean objective (expected damage and weighed cost) has above the least there is:
    above the first plan's bound at most, above its objective at least.

    ``weight`` is that of the tail in the second plan's objective, ``time_limit`` that of each of
    the two in seconds. Raises Interrupted or NoPlan if it was stopped, or a limit was met before
    there was a plan and a bound.
    """
    pool, cvar = CutPool(), saved_plan.problem.instance.case.objective.cvar
    level, certificate = float(cvar.level), saved_plan.solution.certificate

    def best(wanted: float) -> CheckedSolution:
        known = wanted == float(cvar.weight) and certificate.bound is not None
        if known and is_gap_closed(certificate.objective, certificate.bound, gap):
            return saved_plan.solution
        problem = with_tail_weight(saved_plan, wanted)
        found = solve_and_certify(
            problem, gap=gap, time_limit=time_limit, pool=pool, on_progress=on_progress
        )
        if found.interrupted:
            raise Interrupted(tr("stopped before the plans of both weights were found"))
        if not known:
            return found
        better = min(found, saved_plan.solution, key=lambda one: one.objective)
        bounds = [b for b in (found.certificate.bound, certificate.bound) if b is not None]
        return better.with_bound(max(bounds))

    def described(found: CheckedSolution) -> TailPlan:
        return TailPlan(
            weight=float(found.instance.case.objective.cvar.weight),
            expected=found.with_plan.expected,
            cvar=found.with_plan.cvar(level),
            net_cost_meur=found.net_cost,
            gap=found.certificate.gap,
            projects=tuple(p for p in found.instance.projects if p in found.commitment.start),
        )

    both = neutral, averse = best(0.0), best(weight)
    least, mean = (
        one.with_plan.expected + weighted_cost(one.instance, one.commitment) for one in both
    )
    bound = neutral.certificate.bound
    if bound is None:
        name = tr("the plan for the mean")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    return TailPremium(
        level=level,
        neutral=described(neutral),
        averse=described(averse),
        premium=ProvenRange(low=max(0.0, mean - least), high=mean - min(least, mean, bound)),
        bought=neutral.with_plan.cvar(level) - averse.with_plan.cvar(level),
    )
