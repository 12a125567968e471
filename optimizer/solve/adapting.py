"""What time does: how long shortages last, what a missing tonne costs as users adapt, and how often
plants stand still."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from models import results
from optimizer.model import clock
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance, adaptation_of
from optimizer.model.outlook import Patterns, price_states
from optimizer.model.states import State
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep.recourse import BLOCK
from optimizer.solve.sweep.state_classes import factors_in

LATER = 10  # months after the first of a shortage, when a tonne is told of once more


def adaptation_outcomes(
    instance: Instance,
    states: Sequence[State],
    with_plan: Evaluation | None = None,
    without_plan: Evaluation | None = None,
) -> tuple[results.Adapting, ...]:
    """What there is to say of each damage entry with adaptation, in the order of the file; without
    evaluations nothing of how long shortages last."""
    months, found = 12 / instance.per_year, []
    later = max(1, round(LATER / months))
    for entry in instance.case.damage:
        own, m = adaptation_of(instance.case, entry), entry.material
        if own is None:
            continue
        ran, chance, length = _clocks(instance, states, m, own.trigger, own.reset)
        share = np.array([float(step.share) for step in entry.steps])
        eur = np.array([float(step.eur_per_t) for step in entry.steps])
        left = float(own.left(np.array(later)))
        first = float(share @ eur / share.sum())
        found.append(
            results.Adapting(
                material=m,
                consumer=entry.consumer,
                clock=min(1.0, ran),
                clock_months=_mean(np.array([chance @ length, chance.sum()]), months),
                clock_months_median=_quantile(chance, length * months, 0.5),
                clock_months_ninety=_quantile(chance, length * months, 0.9),
                shortage_months=with_plan and _mean(with_plan.lasting[m], months),
                shortage_months_without_plan=without_plan
                and _mean(without_plan.lasting[m], months),
                first_eur_per_t=first,
                later_months=later * months,
                later_eur_per_t=float(eur[0] + left * (first - eur[0])),
            )
        )
    return tuple(found)


def _clocks(
    instance: Instance, states: Sequence[State], material: str, trigger: float, reset: int
) -> tuple[float, Floats, Floats]:
    """Probability that any clock runs; of each clock its probability and its length in periods."""
    ran, chances, lengths = 0.0, list[Floats](), list[Floats]()
    for start in range(0, len(states), BLOCK):
        block = states[start : start + BLOCK]
        left = Patterns(instance, block).left
        struck = clock.struck(instance, material, trigger, factors_in(block), left)
        struck = np.broadcast_to(struck, (len(block), len(instance.periods)))
        ages = clock.ages(struck, reset)
        probability = np.array([state.probability for state in block])
        ran += float(probability @ (ages >= 0).any(axis=1))
        follows = np.pad(ages[:, 1:], ((0, 0), (0, 1)), constant_values=-1)
        s, k = np.nonzero((ages >= 0) & (follows <= 0))
        chances.append(probability[s])
        lengths.append((ages[s, k] + 1).astype(float))
    return ran, np.concatenate(chances), np.concatenate(lengths)


def _mean(sums: Floats, unit: float) -> float | None:
    """The first sum over the second, times a unit; None where the second is nought."""
    return float(sums[0] / sums[1] * unit) if sums[1] > 0 else None


def _quantile(chance: Floats, values: Floats, level: float) -> float | None:
    """The least value that is not exceeded with so much probability."""
    if not chance.sum() > 0:
        return None
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(chance[order]) >= level * chance.sum() * (1 - 1e-12)
    return float(values[order[int(np.argmax(reached))]])


def idle_projects(
    instance: Instance, states: Sequence[State], commitment: Commitment
) -> Iterator[results.IdleProject]:
    """How often projects stand still that run only when it pays, built or not."""
    deciding = {p: x for p, x in instance.projects.items() if x.cash_of is not None}
    below, idle = (dict.fromkeys(deciding, 0.0) for _ in range(2))
    for start in range(0, len(states), BLOCK):
        block = states[start : start + BLOCK]
        left, prices = Patterns(instance, block).left, price_states(instance, block)
        chance = np.array([state.probability for state in block])
        for p, project in deciding.items():
            m = project.cash_of or ""
            low = instance.prices[m].by_state < project.cash_cost
            below[p] += float(chance @ low[prices[m]].mean(axis=1))
            runs = clock.runs(instance, project, prices[m], factors_in(block), left)
            runs = np.broadcast_to(runs, (len(block), len(instance.periods)))
            idle[p] += float(chance @ (1 - runs.mean(axis=1)))
    for p, project in deciding.items():
        held = math.fsum(x for (q, _), x in commitment.offtake.items() if q == p)
        under = math.fsum(x for (q, *_), x in commitment.floored.items() if q == p)
        yield results.IdleProject(
            id=p,
            material=project.cash_of or "",
            below_cash_cost=min(1.0, below[p]),
            idle=min(1.0, idle[p]),
            floored=min(1.0, under / held) if held > 0 else None,
        )
