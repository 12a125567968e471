"""What time does: how long shortages last, what a missing tonne costs as users adapt, and how often
plants stand still."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from models import results
from optimizer.model import shortage_clock
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance, read_adaptation
from optimizer.model.scenario_data import HazardPatterns, deciding_price_states
from optimizer.model.states import State
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse.evaluator import STATES_PER_BLOCK
from optimizer.solve.recourse.state_classes import collect_demand_factors

LATER_COST_MONTHS = 10  # months after the first of a shortage, when a tonne is told of once more


def adaptation_outcomes(
    instance: Instance,
    states: Sequence[State],
    with_plan: PlanEvaluation | None = None,
    without_plan: PlanEvaluation | None = None,
) -> tuple[results.AdaptationOutcome, ...]:
    """What there is to say of each damage entry with adaptation, in the order of the file; without
    evaluations nothing of how long shortages last."""
    months, found = 12 / instance.periods_per_year, []
    later = max(1, round(LATER_COST_MONTHS / months))
    for entry in instance.case.damage:
        own, m = read_adaptation(instance.case, entry), entry.material
        if own is None:
            continue
        ran, chance, length = _shortage_clocks(
            instance, states, m, own.trigger_loss, own.reset_periods
        )
        share = np.array([float(step.share) for step in entry.steps])
        eur = np.array([float(step.eur_per_t) for step in entry.steps])
        left = float(own.share_left(np.array(later)))
        first = float(share @ eur / share.sum())
        found.append(
            results.AdaptationOutcome(
                material=m,
                consumer=entry.consumer,
                clock=min(1.0, ran),
                clock_months=_scaled_ratio(np.array([chance @ length, chance.sum()]), months),
                clock_months_median=_weighted_quantile(chance, length * months, 0.5),
                clock_months_ninety=_weighted_quantile(chance, length * months, 0.9),
                shortage_months=with_plan
                and _scaled_ratio(with_plan.short_periods_and_runs[m], months),
                shortage_months_without_plan=without_plan
                and _scaled_ratio(without_plan.short_periods_and_runs[m], months),
                first_eur_per_t=first,
                later_months=later * months,
                later_eur_per_t=float(eur[0] + left * (first - eur[0])),
            )
        )
    return tuple(found)


def _shortage_clocks(
    instance: Instance, states: Sequence[State], material: str, trigger: float, reset: int
) -> tuple[float, Floats, Floats]:
    """Probability that any clock runs; of each clock its probability and its length in periods."""
    ran, chances, lengths = 0.0, list[Floats](), list[Floats]()
    for start in range(0, len(states), STATES_PER_BLOCK):
        block = states[start : start + STATES_PER_BLOCK]
        left = HazardPatterns(instance, block).share_left
        struck = shortage_clock.find_hit_periods(
            instance, material, trigger, collect_demand_factors(block), left
        )
        struck = np.broadcast_to(struck, (len(block), len(instance.periods)))
        ages = shortage_clock.compute_clock_ages(struck, reset)
        probability = np.array([state.probability for state in block])
        ran += float(probability @ (ages >= 0).any(axis=1))
        follows = np.pad(ages[:, 1:], ((0, 0), (0, 1)), constant_values=-1)
        s, k = np.nonzero((ages >= 0) & (follows <= 0))
        chances.append(probability[s])
        lengths.append((ages[s, k] + 1).astype(float))
    return ran, np.concatenate(chances), np.concatenate(lengths)


def _scaled_ratio(sums: Floats, unit: float) -> float | None:
    """The first sum over the second, times a unit; None where the second is nought."""
    return float(sums[0] / sums[1] * unit) if sums[1] > 0 else None


def _weighted_quantile(probability: Floats, values: Floats, level: float) -> float | None:
    """The least value that is not exceeded with so much probability."""
    if not probability.sum() > 0:
        return None
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(probability[order]) >= level * probability.sum() * (1 - 1e-12)
    return float(values[order[int(np.argmax(reached))]])


def idle_project_outcomes(
    instance: Instance, states: Sequence[State], commitment: Commitment
) -> Iterator[results.IdleProject]:
    """How often projects stand still that run only when it pays, built or not."""
    deciding = {p: x for p, x in instance.projects.items() if x.cash_cost_material is not None}
    below, idle = (dict.fromkeys(deciding, 0.0) for _ in range(2))
    for start in range(0, len(states), STATES_PER_BLOCK):
        block = states[start : start + STATES_PER_BLOCK]
        left, prices = (
            HazardPatterns(instance, block).share_left,
            deciding_price_states(instance, block),
        )
        chance = np.array([state.probability for state in block])
        for p, project in deciding.items():
            m = project.cash_cost_material or ""
            low = instance.prices[m].price_by_state < project.cash_cost
            below[p] += float(chance @ low[prices[m]].mean(axis=1))
            runs = shortage_clock.compute_running_share(
                instance, project, prices[m], collect_demand_factors(block), left
            )
            runs = np.broadcast_to(runs, (len(block), len(instance.periods)))
            idle[p] += float(chance @ (1 - runs.mean(axis=1)))
    for p, project in deciding.items():
        held = math.fsum(x for (q, _), x in commitment.offtake.items() if q == p)
        under = math.fsum(x for (q, *_), x in commitment.floored.items() if q == p)
        yield results.IdleProject(
            id=p,
            material=project.cash_cost_material or "",
            below_cash_cost=min(1.0, below[p]),
            idle=min(1.0, idle[p]),
            floored=min(1.0, under / held) if held > 0 else None,
        )
