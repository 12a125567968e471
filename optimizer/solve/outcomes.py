"""What a commitment leads to in the states of the world."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.commitment import Commitment, weighed_damage
from optimizer.model.instance import Floats, Instance
from optimizer.model.review import by_path, on_path
from optimizer.model.risk import Risk
from optimizer.model.states import State
from optimizer.solve.identities import SHORT
from optimizer.solve.sweep import Recourse, added, in_blocks

ROUNDING = 2e-9  # share of what would come if everything were missing that is rounding


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a commitment leads to in the given states."""

    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    by_material: dict[str, float]  # expected, in the unit of the measure
    by_consumer: dict[str, float]  # expected, in the unit of the measure
    shortage: dict[str, Floats]  # (Y) expected lots missing, by material
    short: dict[str, Floats]  # (Y) probability that some period is short, by material
    of_some: Floats  # (S) that of the consumers who were asked for, in the unit of the measure
    by_year: Floats  # (Y) expected, in the unit of the measure
    lasting: dict[str, Floats]  # (2) expected short periods, and runs of them, by material
    path: NDArray[np.intp]  # (S) that each state goes; 0 without a review

    @property
    def expected(self) -> float:
        """Mean over the states."""
        return float(self.probability @ self.damage)

    def worst_mean(self, risk: Risk) -> float:
        """The mean by the least favourable probabilities that a measure has; else the mean."""
        if risk.ball is None:
            return self.expected
        return risk.mean(self.probability, self.damage)

    @property
    def worst(self) -> float:
        """The worst state that has a probability."""
        return float(self.damage[self.probability > 0].max())

    def cvar(self, level: float) -> float:
        """Mean of the worst ``1 - level`` of states, splitting the state at the quantile.
        Rockafellar and Uryasev (2000)."""
        return mean_of_worst(self.probability, self.damage, level)


def mean_of_worst(probability: Floats, damage: Floats, level: float) -> float:
    """Mean of damage (S) over the worst ``1 - level`` of states with a probability (S)."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weight = np.clip(tail - before, 0.0, probability[order])
    return float(weight @ damage[order] / weight.sum())


def evaluate(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    recourse: Recourse | None = None,
) -> list[Evaluation]:
    """Sweep commitments through states and add up what is missing, that of some consumers by state
    as well; by the recourse of these states, where it is there already."""
    if any(own.paths for own in commitments):
        how: dict[str, Any] = {"threads": threads, "consumers": consumers, "recourse": recourse}
        return [_on_paths(instance, states, own, evaluate, **how) for own in commitments]
    evaluations = [_nothing(instance, states) for _ in commitments]
    for block, own in in_blocks(instance, states, threads=threads, recourse=recourse):
        for commitment, evaluation in zip(commitments, evaluations, strict=True):
            _add(instance, own, block, commitment, evaluation, consumers)
            if recourse is None:  # nobody asks about this block again
                own.forget()
    return evaluations


def in_brief(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    recourse: Recourse,
    threads: int | None = None,
    consumers: Collection[str] = (),
) -> list[Evaluation]:
    """The damage of commitments in each state and no more, as the search has swept it; ``threads``
    are those of the recourse, and no ``consumers`` can be told apart."""
    assert not consumers
    if any(own.paths for own in commitments):
        of_all: dict[str, Any] = {"recourse": recourse, "threads": threads}
        return [_on_paths(instance, states, own, in_brief, **of_all) for own in commitments]
    found = []
    for commitment in commitments:
        point, chance = recourse.columns.point(commitment), recourse.probability[None]
        damage = recourse.sweep(point, chance, priced=False).damage
        found.append(replace(_nothing(instance, states), damage=damage))
    return found


def _on_paths(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    evaluated: Callable[..., list[Evaluation]],
    *,
    recourse: Recourse | None,
    **how: Any,
) -> Evaluation:
    """What a plan leads to that decides on each path by itself; each state goes its own."""
    if not commitment.paths:
        return evaluated(instance, states, [commitment], recourse=recourse, **how)[0]
    several = None if recourse is None else recourse.seen(instance).on_paths(states)
    whole = _nothing(instance, states)
    for g, places in enumerate(by_path(instance, states)):
        if not len(places):
            continue
        there, own = on_path(states, places), instance.on_path(g)
        seen = None if several is None else several[g]
        (found,) = evaluated(own, there, [commitment.paths[g]], recourse=seen, **how)
        whole.damage[places], whole.of_some[places] = found.damage, found.of_some
        whole.path[places] = g
        chance = float(whole.probability[places].sum())
        for name in ("by_material", "by_consumer", "shortage", "short", "lasting"):
            sums = getattr(whole, name)
            for key, value in getattr(found, name).items():
                sums[key] = sums[key] + chance * value
        whole.by_year[:] += chance * found.by_year
    return whole


def expected_damage(
    instance: Instance, states: Sequence[State], commitment: Commitment, *, like: Recourse
) -> float:
    """The mean damage of a commitment, and no more; ``like`` is recourse in other states of the
    instance, of which it takes what is the same."""
    total = 0.0
    for _, own in in_blocks(instance, states, threads=like.threads, like=like):
        point, chance = own.columns.point(commitment), own.probability
        total += float(chance @ own.sweep(point, chance[None], priced=False).damage)
    return total


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """The evaluation in all states, of those in blocks of them, added in their order."""
    ends: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("probability", "damage", "of_some", "path")
    }
    sums: dict[str, Any] = added([{"by_year": part.by_year} for part in parts])
    for name in ("by_material", "by_consumer", "shortage", "short", "lasting"):
        sums[name] = added([getattr(part, name) for part in parts])
    return Evaluation(**ends, **sums)


def _nothing(instance: Instance, states: Sequence[State]) -> Evaluation:
    years, materials = len(instance.years), instance.case.materials
    return Evaluation(
        probability=np.array([state.probability for state in states]),
        damage=np.zeros(len(states)),
        by_material=dict.fromkeys(materials, 0.0),
        by_consumer=dict.fromkeys(instance.case.consumers, 0.0),
        shortage={m: np.zeros(years) for m in materials},
        short={m: np.zeros(years) for m in materials},
        of_some=np.zeros(len(states)),
        by_year=np.zeros(years),
        lasting={m: np.zeros(2) for m in materials},
        path=np.zeros(len(states), dtype=np.intp),
    )


def _add(
    instance: Instance,
    recourse: Recourse,
    block: slice,
    commitment: Commitment,
    evaluation: Evaluation,
    consumers: Collection[str],
) -> None:
    """Add what is missing in a block of states."""
    years, n = len(instance.years), instance.per_year
    for part in recourse.shortages(recourse.columns.point(commitment)):
        m = part.looks.material
        evaluation.damage[block] += part.by_state(part.damage)
        evaluation.by_material[m] += float(part.chance @ part.damage)
        evaluation.shortage[m] += (part.chance @ part.missing).reshape(years, n).sum(axis=1)
        demand = part.looks.demanded[:, None] * instance.material_demand[m][instance.year_of]
        is_short = part.missing > SHORT * demand
        evaluation.short[m] += part.chance @ is_short.reshape(-1, years, n).any(axis=2)
        runs = is_short.sum(axis=1) - (is_short[:, 1:] & is_short[:, :-1]).sum(axis=1)
        evaluation.lasting[m] += part.chance @ np.stack([is_short.sum(axis=1), runs], axis=1)
        for v, lots in part.by_step.items():
            damage = lots * recourse.nodes[v].weight_in_file
            evaluation.by_year[:] += damage.sum(axis=0).reshape(years, n).sum(axis=1)
            for step, value in zip(instance.nodes[v].steps, damage.sum(axis=1), strict=True):
                evaluation.by_consumer[step.consumer] += float(value)
            asked = [step.consumer in consumers for step in instance.nodes[v].steps]
            if any(asked):
                own = part.damage_by_step[v][:, asked].sum(axis=1)
                evaluation.of_some[block] += part.by_state(own)


def rounding(instance: Instance) -> float:
    """What is rounding in an objective: a share of that of states in which everything is missing
    all the time."""
    worst = math.fsum(
        float(step.limit @ step.weight) * instance.per_year
        for node in instance.nodes
        for step in node.steps
    )
    return ROUNDING * worst


def objective(instance: Instance, evaluation: Evaluation, weighed_cost: float) -> float:
    """The objective of a commitment, from its damage and what its cost adds."""
    risk = Risk.of(instance.case)
    tail = evaluation.cvar(risk.level) if risk.weight > 0 else 0.0
    mean = evaluation.worst_mean(risk)
    damage = weighed_damage(instance, mean, tail, evaluation.by_consumer)
    return damage + weighed_cost
