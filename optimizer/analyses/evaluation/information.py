"""What it would be worth to know what comes, and what it is worth to plan for uncertainty.

With a minimum in mind (Madansky 1960; Birge and Louveaux 2011, chapter 4): RP is the objective of
the best plan for all states; WS what is reached if each state is known before its plan is made; EV
the objective of the best plan for the mean state, and EEV what that plan comes to in the states.

WS <= RP <= EEV and EV <= RP always. EV <= WS, which textbooks have as well, holds for continuous
first stages and uncertain right sides; here starts are whole and states decide what a project
gives, so that the best plan of a state is no convex function of it: half a shortage may not be
worth a project, and EV be above WS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.results.evaluation import Information, ProvenRange
from optimizer.analyses.evaluation.mean_state import plan_for_mean
from optimizer.analyses.evaluation.risk import Risk, weighing
from optimizer.analyses.evaluation.wait_and_see import choose, foresee, kinds
from optimizer.analyses.given import GivenPlan
from optimizer.model.commitment import Commitment, weighed_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.sweep import Recourse

MOST_STATES = 200
"""States that are solved by themselves, at most."""

HELD = 1e-6
"""Lots; what buys less is rounding."""


def information(
    given: GivenPlan,
    *,
    gap: float = 1e-4,
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

    Where not all states are solved, WS is the plan's objective on all of them less the difference
    of plan and foresight on those that are: paired within each state, so that most of the chance in
    the choice drops out. ``wait_and_see_error``, which is that of EVPI too, tells what remains; the
    ranges leave it out. A tail of few states is estimated from below, by a bias that falls faster
    than the error.

    Parameters
    ----------
    gap, time_limit
        Of each of the many solves.
    jobs
        Processes side by side; as many as are worth it where None.
    most_states
        States, or kinds of states that look alike, that are solved by themselves at most.
    on_done
        Told how many of the states to be solved are done, of how many.

    Raises
    ------
    Interrupted, NoPlan
        If a solve was stopped, or met its limit, before it told anything.
    """
    instance, states = given.problem.instance, given.problem.states
    recourse = given.problem.recourse or Recourse(instance, states)
    neutral = weighing(given, 0.0)
    mean = plan_for_mean(neutral, gap=gap, time_limit=time_limit)
    (reached,) = outcomes.evaluate(instance, states, [mean.commitment], recourse=recourse)
    mean_cost = weighed_cost(instance, mean.commitment)
    mean_plan = outcomes.objective(instance, reached, mean_cost)

    alike = kinds(recourse)
    chosen = choose(given.found.with_plan.probability, alike, most_states)
    of_kind, first, place = np.unique(alike[chosen.places], return_index=True, return_inverse=True)
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
    objective = given.found.objective
    planned = given.found.with_plan.damage[chosen.places]
    planned = planned + weighed_cost(instance, given.found.commitment)
    found = np.minimum(solved[:, 1], planned)
    found = np.minimum(found, reached.damage[chosen.places] + mean_cost)
    paired = objective - risk(chance, planned)
    see = _range(*(paired + risk(chance, v) for v in (np.minimum(solved[:, 0], found), found)))

    proven = [mean.low] + ([see.low] if chosen.exact else [])
    bound = given.found.certificate.bound
    proven += [] if bound is None else [bound]
    best = _range(max(proven), min(objective, mean_plan))
    return Information(
        states=chosen.draws or len(states),
        of_states=len(states),
        distinct=len(of_kind),
        recourse_problem=best,
        wait_and_see=see,
        wait_and_see_error=chosen.error(
            risk.influence(chance, planned) - risk.influence(chance, found)
        ),
        evpi=_range(max(0.0, best.low - see.high), best.high - see.low),
        mean_value_problem=_range(mean.low, mean.high),
        mean_plan=mean_plan,
        mean_plan_projects=tuple(p for p in instance.projects if p in mean.commitment.start),
        mean_plan_stockpiles=tuple(_buying(instance, mean.commitment)),
        vss=_range(mean_plan - best.high, mean_plan - best.low),
    )


def _buying(instance: Instance, commitment: Commitment) -> list[str]:
    """Stockpiles that buy anything."""
    return [h for h in instance.stockpiles if commitment.bought(instance, h).sum() > HELD]


def _range(low: float, high: float) -> ProvenRange:
    """A range; where rounding has turned it round, its upper end, which is a plan's."""
    return ProvenRange(low=min(low, high), high=high)
