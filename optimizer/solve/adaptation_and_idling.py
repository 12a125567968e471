"""Outcomes that depend on the course of a state: durations of shortages, damage of a missing tonne
under adaptation, and idle projects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from models import results
from optimizer.model import shortage_clock
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance, read_adaptation
from optimizer.model.scenario_data import (
    HazardPatterns,
    collect_demand_factors,
    deciding_price_states,
)
from optimizer.model.states import State
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse.state_blocks import STATES_PER_BLOCK

LATER_COST_MONTHS = 10  # the cost of a missing tonne is reported after so many months as well


def adaptation_outcomes(
    instance: Instance,
    states: Sequence[State],
    with_plan: PlanEvaluation | None = None,
    without_plan: PlanEvaluation | None = None,
) -> tuple[results.AdaptationOutcome, ...]:
    """Return the outcome of each damage entry with adaptation, in the order of the scenario file.

    Durations of shortages are reported only if the evaluations with and without the plan are given.
    """
    months_per_period, outcomes = 12 / instance.periods_per_year, []
    later_periods = max(1, round(LATER_COST_MONTHS / months_per_period))
    for entry in instance.case.damage:
        adaptation, m = read_adaptation(instance.case, entry), entry.material
        if adaptation is None:
            continue
        clock_probability, probability, length = _shortage_clocks(
            instance, states, m, adaptation.trigger_loss, adaptation.reset_periods
        )
        share = np.array([float(step.share) for step in entry.steps])
        step_cost = np.array([float(step.eur_per_t) for step in entry.steps])
        share_left = float(adaptation.share_left(np.array(later_periods)))
        first_cost = float(share @ step_cost / share.sum())
        outcomes.append(
            results.AdaptationOutcome(
                material=m,
                consumer=entry.consumer,
                clock=min(1.0, clock_probability),
                clock_months=_scaled_ratio(
                    np.array([probability @ length, probability.sum()]), months_per_period
                ),
                clock_months_median=_weighted_quantile(
                    probability, length * months_per_period, 0.5
                ),
                clock_months_ninety=_weighted_quantile(
                    probability, length * months_per_period, 0.9
                ),
                shortage_months=with_plan
                and _scaled_ratio(with_plan.short_periods_and_runs[m], months_per_period),
                shortage_months_without_plan=without_plan
                and _scaled_ratio(without_plan.short_periods_and_runs[m], months_per_period),
                first_eur_per_t=first_cost,
                later_months=later_periods * months_per_period,
                later_eur_per_t=float(step_cost[0] + share_left * (first_cost - step_cost[0])),
            )
        )
    return tuple(outcomes)


def _shortage_clocks(
    instance: Instance, states: Sequence[State], material: str, trigger: float, reset: int
) -> tuple[float, Floats, Floats]:
    """Find, in all states, the intervals during which a material's shortage clock counts.

    Return the probability that a state has such an interval and, for each interval, the probability
    of its state and its length in periods.
    """
    any_probability, probabilities, lengths = 0.0, list[Floats](), list[Floats]()
    for start in range(0, len(states), STATES_PER_BLOCK):
        state_block = states[start : start + STATES_PER_BLOCK]
        share_left = HazardPatterns(instance, state_block).share_left
        is_hit = shortage_clock.find_hit_periods(
            instance, material, trigger, collect_demand_factors(instance, state_block), share_left
        )
        is_hit = np.broadcast_to(is_hit, (len(state_block), len(instance.periods)))
        ages = shortage_clock.compute_clock_ages(is_hit, reset)
        probability = np.array([state.probability for state in state_block])
        any_probability += float(probability @ (ages >= 0).any(axis=1))
        next_ages = np.pad(ages[:, 1:], ((0, 0), (0, 1)), constant_values=-1)
        s, k = np.nonzero((ages >= 0) & (next_ages <= 0))
        probabilities.append(probability[s])
        lengths.append((ages[s, k] + 1).astype(float))
    return any_probability, np.concatenate(probabilities), np.concatenate(lengths)


def _scaled_ratio(sums: Floats, unit: float) -> float | None:
    """Return the first sum divided by the second, multiplied by ``unit``; None if the second sum is
    zero."""
    return float(sums[0] / sums[1] * unit) if sums[1] > 0 else None


def _weighted_quantile(probability: Floats, values: Floats, level: float) -> float | None:
    """Return the smallest value that is exceeded with a probability of at most ``1 - level``, given
    the probability of each value.

    Return None if all probabilities are zero.
    """
    if not probability.sum() > 0:
        return None
    order = np.argsort(values, kind="stable")
    is_reached = np.cumsum(probability[order]) >= level * probability.sum() * (1 - 1e-12)
    return float(values[order[int(np.argmax(is_reached))]])


def idle_project_outcomes(
    instance: Instance, states: Sequence[State], commitment: Commitment
) -> Iterator[results.IdleProject]:
    """Yield, for each project that runs only above its cash cost, how often its price is below that
    cost and how often it is idle.

    Projects are included whether or not the plan builds them.
    """
    projects = {p: x for p, x in instance.projects.items() if x.cash_cost_material is not None}
    below_cash_cost, idle = (dict.fromkeys(projects, 0.0) for _ in range(2))
    for start in range(0, len(states), STATES_PER_BLOCK):
        state_block = states[start : start + STATES_PER_BLOCK]
        share_left = HazardPatterns(instance, state_block).share_left
        prices = deciding_price_states(instance, state_block)
        probability = np.array([state.probability for state in state_block])
        for p, project in projects.items():
            m = project.cash_cost_material or ""
            is_below = instance.prices[m].price_by_state < project.cash_cost
            below_cash_cost[p] += float(probability @ is_below[prices[m]].mean(axis=1))
            running_share = shortage_clock.compute_running_share(
                instance,
                project,
                prices[m],
                collect_demand_factors(instance, state_block),
                share_left,
            )
            running_share = np.broadcast_to(
                running_share, (len(state_block), len(instance.periods))
            )
            idle[p] += float(probability @ (1 - running_share.mean(axis=1)))
    for p, project in projects.items():
        offtake = math.fsum(x for (q, _), x in commitment.offtake.items() if q == p)
        floored = math.fsum(x for (q, *_), x in commitment.floored.items() if q == p)
        yield results.IdleProject(
            id=p,
            material=project.cash_cost_material or "",
            below_cash_cost=min(1.0, below_cash_cost[p]),
            idle=min(1.0, idle[p]),
            floored=min(1.0, floored / offtake) if offtake > 0 else None,
        )
