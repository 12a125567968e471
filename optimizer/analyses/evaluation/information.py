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
from optimizer.analyses.evaluation.estimates import Risk
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.variation import TAIL, written
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, weighed_cost
from optimizer.model.highs import Progress
from optimizer.model.instance import Coming, Floats, Instance, read_instance
from optimizer.model.outlook import mean_outlook
from optimizer.model.states import State
from optimizer.model.together import Together
from optimizer.parallel import Workers, side_by_side
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool, Frame
from optimizer.solve.extensive_form import solve_for_outlooks
from optimizer.solve.gap import is_within
from optimizer.solve.planner import Problem, commitment_in, find, judge, search, usual_jobs
from optimizer.solve.sweep import Recourse
from optimizer.solve.verification import check_commitment

MOST_STATES = 200
"""States that are solved by themselves, at most."""
SEED = 1999
"""Of the choice of states where not all of them are solved."""
HELD = 1e-6
"""Lots; what buys less is rounding."""

Bounds = tuple[float, float]


def information(
    given: GivenPlan,
    *,
    gap: float,
    time_limit: float | None = None,
    jobs: int | None = None,
    most_states: int = MOST_STATES,
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
    instance, states, own = given.problem.instance, given.problem.states, given.found
    recourse = given.problem.recourse or Recourse(instance, states)
    neutral = weighing(given, 0.0)
    for_mean, mean = plan_for_mean(neutral, gap=gap, time_limit=time_limit)
    (reached,) = outcomes.evaluate(instance, states, [for_mean], recourse=recourse)
    mean_cost = weighed_cost(instance, for_mean)
    mean_plan = outcomes.objective(instance, reached, mean_cost)

    # States of one kind look alike to every material, and are solved once.
    looks = [looks.of_state for looks in recourse.looks] or [np.zeros(len(states), dtype=int)]
    _, alike = np.unique(np.stack(looks, axis=1), axis=0, return_inverse=True)
    alike = alike.reshape(-1)
    chosen = choose(own.with_plan.probability, alike, most_states)
    kinds, first, place = np.unique(alike[chosen.places], return_index=True, return_inverse=True)
    solved = np.array(
        foresee(
            neutral.instance,
            [states[chosen.places[n]] for n in first],
            delays=recourse.delays,
            gap=gap,
            time_limit=time_limit,
            jobs=jobs,
            on_done=on_done,
        )
    )[place.reshape(-1)]

    risk, chance = Risk.of(instance.case), chosen.chance
    planned = own.with_plan.damage[chosen.places] + weighed_cost(instance, own.commitment)
    found = np.minimum(solved[:, 1], planned)
    found = np.minimum(found, reached.damage[chosen.places] + mean_cost)
    paired = own.objective - risk(chance, planned)
    see = _range(*(paired + risk(chance, v) for v in (np.minimum(solved[:, 0], found), found)))

    proven = [mean[0]] + ([see.low] if chosen.exact else [])
    bound = own.certificate.bound
    proven += [] if bound is None else [bound]
    best = _range(max(proven), min(own.objective, mean_plan))
    bought = {h: for_mean.bought(instance, h).sum() for h in instance.stockpiles}
    gained = risk.influence(chance, planned) - risk.influence(chance, found)
    return Information(
        states=chosen.draws or len(states),
        of_states=len(states),
        distinct=len(kinds),
        recourse_problem=best,
        wait_and_see=see,
        wait_and_see_error=chosen.error(gained),
        evpi=_range(max(0.0, best.low - see.high), best.high - see.low),
        mean_value_problem=_range(*mean),
        mean_plan=mean_plan,
        mean_plan_projects=tuple(p for p in instance.projects if p in for_mean.start),
        mean_plan_stockpiles=tuple(h for h, lots in bought.items() if lots > HELD),
        vss=_range(mean_plan - best.high, mean_plan - best.low),
    )


def _range(low: float, high: float) -> ProvenRange:
    """A range; where rounding has turned it round, its upper end, which is a plan's."""
    return ProvenRange(low=min(low, high), high=high)


def plan_for_mean(
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
    mean = mean_outlook(instance, problem.states)
    solved = solve_for_outlooks(
        Together((instance,)), [[(1.0, mean)]], gap=gap, time_limit=time_limit
    )
    if solved.solution.interrupted:
        raise Interrupted(tr("stopped before the mean of the states was solved"))
    commitment = commitment_in(instance, solved)
    check_commitment(instance, commitment)
    high, low = solved.solution.objective, solved.solution.bound
    if high is None or low is None or solved.doubtful:
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=tr("the mean state")))
    return commitment, (min(low, high), high)


class Chosen(NamedTuple):
    """States (W) that stand for all, each with a chance that is a share of one."""

    places: NDArray[np.intp]
    """(W) in the order of all states."""
    chance: Floats
    """(W)"""
    draws: int = 0
    """How many states were drawn; 0 where all are there."""
    left: float = 0.0
    """What drawing without putting back leaves of the variance of a mean."""

    @property
    def exact(self) -> bool:
        """Whether all states are there."""
        return self.draws == 0

    def error(self, influence: Floats) -> float | None:
        """Standard error of a figure to which each state (W) adds this; None where exact."""
        if self.exact:
            return None
        spread = self.chance @ (influence - self.chance @ influence) ** 2
        return math.sqrt(spread / (self.draws - 1) * self.left)


def choose(chance: Floats, alike: NDArray[np.intp], most: int, seed: int = SEED) -> Chosen:
    """States to be solved: all, where no more than ``most`` are unlike, else a random ``most``, of
    which there are two at least, since one alone tells of no error.

    States are drawn at equal steps of their probability, in random order (Hartley and Rao 1962):
    where all have the same, that is drawing without putting back. ``chance`` (S) is that of each
    state, ``alike`` (S) the number of its kind; states of one kind are solved once.
    """
    possible = np.flatnonzero(chance > 0)
    if len(np.unique(alike[possible])) <= most:
        return Chosen(possible, chance[possible] / chance.sum())
    most = max(2, most)
    stream = np.random.Generator(np.random.Philox(key=seed))
    order = stream.permutation(possible)
    share = chance[order] / chance[order].sum()
    at = (np.arange(most) + stream.random()) / most
    drawn = np.minimum(np.searchsorted(np.cumsum(share), at, side="right"), len(order) - 1)
    places, hits = np.unique(order[drawn], return_counts=True)
    # Hartley and Rao's approximation holds as long as no state is sure to be drawn.
    left = 1 - most * float(share @ share) if most * share.max() <= 1 else 1.0
    return Chosen(places, hits / most, most, left)


def foresee(
    instance: Instance,
    states: Sequence[State],
    *,
    delays: dict[str, tuple[Coming, ...]],
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
    wanted = max(1, min(side_by_side(jobs, usual_jobs(instance, states[:1])), len(states)))
    asked = (instance, delays, gap, time_limit)
    with Workers[State, Bounds](foreseer, asked, wanted) as workers:
        return workers.map(states, lambda *_: tell(next(done), len(states)))


def foreseer(
    instance: Instance, delays: dict[str, tuple[Coming, ...]], gap: float, time_limit: float | None
) -> Callable[[State], Bounds]:
    """What finds the best plan for one state after the other, on one thread."""
    # What does not depend on the state is most of the work where states are solved one by one.
    frame, like = Frame(instance), None

    def answer(state: State) -> Bounds:
        nonlocal like
        began = time.perf_counter()
        alone = (replace(state, probability=1.0),)
        like = recourse = Recourse(instance, alone, threads=1, like=like, delays=delays)
        problem = Problem(instance, alone, 0.0, recourse, frame)
        solved = search(problem, gap=gap, time_limit=time_limit, threads=1)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all states were solved"))
        bound = solved.solution.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=state.name))
        if solved.commitment is None and solved.solution.ending == "limit":
            return bound, math.inf
        return bound, judge(problem, solved, gap=gap, began=began, threads=1).objective

    return answer


def weighing(given: GivenPlan, weight: float) -> Problem:
    """The plan's problem with another weight of the tail; its recourse stays."""
    case = given.reading.changed([f"{TAIL}={written(weight)}"]).case
    own = given.problem
    return Problem(read_instance(case), own.states, 0.0, own.recourse)


def tail_premium(
    given: GivenPlan,
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
    pool, cvar = CutPool(), given.problem.instance.case.objective.cvar
    level, certificate = float(cvar.level), given.found.certificate

    def best(wanted: float) -> Found:
        known = wanted == float(cvar.weight) and certificate.bound is not None
        if known and is_within(certificate.objective, certificate.bound, gap):
            return given.found
        problem = weighing(given, wanted)
        found = find(problem, gap=gap, time_limit=time_limit, pool=pool, on_progress=on_progress)
        if found.interrupted:
            raise Interrupted(tr("stopped before the plans of both weights were found"))
        if not known:
            return found
        better = min(found, given.found, key=lambda one: one.objective)
        bounds = [b for b in (found.certificate.bound, certificate.bound) if b is not None]
        return better.bounded(max(bounds))

    def described(found: Found) -> TailPlan:
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
        one.with_plan.expected + weighed_cost(one.instance, one.commitment) for one in both
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
