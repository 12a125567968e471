"""What a commitment leads to in the states of the world."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.commitment import Commitment, weighted_damage
from optimizer.model.instance import Floats, Instance
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.states import State
from optimizer.solve.figure_checks import SHORTAGE_TOLERANCE
from optimizer.solve.recourse import RecourseEvaluator, evaluators_by_block, sum_by_key

ROUNDING_SHARE = 2e-9  # share of what would come if everything were missing that is rounding


@dataclass(frozen=True, eq=False)
class PlanEvaluation:
    """What a commitment leads to in the given states."""

    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    damage_by_material: dict[str, float]  # expected, in the unit of the measure
    damage_by_consumer: dict[str, float]  # expected, in the unit of the measure
    expected_shortage: dict[str, Floats]  # (Y) expected lots missing, by material
    shortage_probability: dict[
        str, Floats
    ]  # (Y) probability that some period is short, by material
    selected_consumer_damage: (
        Floats  # (S) that of the consumers who were asked for, in the unit of the measure
    )
    damage_by_year: Floats  # (Y) expected, in the unit of the measure
    short_periods_and_runs: dict[
        str, Floats
    ]  # (2) expected short periods, and runs of them, by material
    branch: NDArray[np.intp]  # (S) that each state goes; 0 without a review

    @property
    def expected(self) -> float:
        """Mean over the states."""
        return float(self.probability @ self.damage)

    def worst_mean(self, risk: RiskMeasure) -> float:
        """The mean by the least favourable probabilities that a measure has; else the mean."""
        if risk.ambiguity is None:
            return self.expected
        return risk.worst_case_mean(self.probability, self.damage)

    @property
    def worst(self) -> float:
        """The worst state that has a probability."""
        return float(self.damage[self.probability > 0].max())

    def cvar(self, level: float) -> float:
        """Mean of the worst ``1 - level`` of states, splitting the state at the quantile.
        Rockafellar and Uryasev (2000)."""
        return tail_mean(self.probability, self.damage, level)


def tail_mean(probability: Floats, damage: Floats, level: float) -> float:
    """Mean of damage (S) over the worst ``1 - level`` of states with a probability (S)."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weight = np.clip(tail - before, 0.0, probability[order])
    return float(weight @ damage[order] / weight.sum())


def evaluate_commitments(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    recourse: RecourseEvaluator | None = None,
) -> list[PlanEvaluation]:
    """Sweep commitments through states and add up what is missing, that of some consumers by state
    as well; by the recourse of these states, where it is there already."""
    if any(own.branches for own in commitments):
        how: dict[str, Any] = {"threads": threads, "consumers": consumers, "recourse": recourse}
        return [
            _evaluate_by_branch(instance, states, own, evaluate_commitments, **how)
            for own in commitments
        ]
    evaluations = [_empty_evaluation(instance, states) for _ in commitments]
    for block, own in evaluators_by_block(instance, states, threads=threads, evaluator=recourse):
        for commitment, evaluation in zip(commitments, evaluations, strict=True):
            _add_shortages(instance, own, block, commitment, evaluation, consumers)
            if recourse is None:  # nobody asks about this block again
                own.clear_cache()
    return evaluations


def evaluate_damage_only(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    recourse: RecourseEvaluator,
    threads: int | None = None,
    consumers: Collection[str] = (),
) -> list[PlanEvaluation]:
    """The damage of commitments in each state and no more, as the search has swept it; ``threads``
    are those of the recourse, and no ``consumers`` can be told apart."""
    assert not consumers
    if any(own.branches for own in commitments):
        of_all: dict[str, Any] = {"recourse": recourse, "threads": threads}
        return [
            _evaluate_by_branch(instance, states, own, evaluate_damage_only, **of_all)
            for own in commitments
        ]
    found = []
    for commitment in commitments:
        point, chance = recourse.columns.to_point(commitment), recourse.probability[None]
        damage = recourse.evaluate(point, chance, with_subgradients=False).damage
        found.append(replace(_empty_evaluation(instance, states), damage=damage))
    return found


def _evaluate_by_branch(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    evaluate_part: Callable[..., list[PlanEvaluation]],
    *,
    recourse: RecourseEvaluator | None,
    **evaluate_options: Any,
) -> PlanEvaluation:
    """What a plan leads to that decides on each path by itself; each state goes its own."""
    if not commitment.branches:
        return evaluate_part(instance, states, [commitment], recourse=recourse, **evaluate_options)[
            0
        ]
    several = None if recourse is None else recourse.for_instance(instance).by_branch(states)
    whole = _empty_evaluation(instance, states)
    for g, places in enumerate(branch_state_indices(instance, states)):
        if not len(places):
            continue
        there, own = states_on_branch(states, places), instance.on_branch(g)
        seen = None if several is None else several[g]
        (found,) = evaluate_part(
            own, there, [commitment.branches[g]], recourse=seen, **evaluate_options
        )
        whole.damage[places], whole.selected_consumer_damage[places] = (
            found.damage,
            found.selected_consumer_damage,
        )
        whole.branch[places] = g
        chance = float(whole.probability[places].sum())
        for name in (
            "damage_by_material",
            "damage_by_consumer",
            "expected_shortage",
            "shortage_probability",
            "short_periods_and_runs",
        ):
            sums = getattr(whole, name)
            for key, value in getattr(found, name).items():
                sums[key] = sums[key] + chance * value
        whole.damage_by_year[:] += chance * found.damage_by_year
    return whole


def expected_damage(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    *,
    similar_recourse: RecourseEvaluator,
) -> float:
    """The mean damage of a commitment, and no more; ``like`` is recourse in other states of the
    instance, of which it takes what is the same."""
    total = 0.0
    for _, own in evaluators_by_block(
        instance, states, threads=similar_recourse.threads, reuse_from=similar_recourse
    ):
        point, chance = own.columns.to_point(commitment), own.probability
        total += float(chance @ own.evaluate(point, chance[None], with_subgradients=False).damage)
    return total


def join_evaluations(parts: Sequence[PlanEvaluation]) -> PlanEvaluation:
    """The evaluation in all states, of those in blocks of them, added in their order."""
    ends: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("probability", "damage", "selected_consumer_damage", "branch")
    }
    sums: dict[str, Any] = sum_by_key([{"damage_by_year": part.damage_by_year} for part in parts])
    for name in (
        "damage_by_material",
        "damage_by_consumer",
        "expected_shortage",
        "shortage_probability",
        "short_periods_and_runs",
    ):
        sums[name] = sum_by_key([getattr(part, name) for part in parts])
    return PlanEvaluation(**ends, **sums)


def _empty_evaluation(instance: Instance, states: Sequence[State]) -> PlanEvaluation:
    years, materials = len(instance.years), instance.case.materials
    return PlanEvaluation(
        probability=np.array([state.probability for state in states]),
        damage=np.zeros(len(states)),
        damage_by_material=dict.fromkeys(materials, 0.0),
        damage_by_consumer=dict.fromkeys(instance.case.consumers, 0.0),
        expected_shortage={m: np.zeros(years) for m in materials},
        shortage_probability={m: np.zeros(years) for m in materials},
        selected_consumer_damage=np.zeros(len(states)),
        damage_by_year=np.zeros(years),
        short_periods_and_runs={m: np.zeros(2) for m in materials},
        branch=np.zeros(len(states), dtype=np.intp),
    )


def _add_shortages(
    instance: Instance,
    recourse: RecourseEvaluator,
    block: slice,
    commitment: Commitment,
    evaluation: PlanEvaluation,
    consumers: Collection[str],
) -> None:
    """Add what is missing in a block of states."""
    years, n = len(instance.years), instance.periods_per_year
    for part in recourse.shortages(recourse.columns.to_point(commitment)):
        m = part.classes.material
        evaluation.damage[block] += part.expand_to_states(part.damage)
        evaluation.damage_by_material[m] += float(part.class_probability @ part.damage)
        evaluation.expected_shortage[m] += (
            (part.class_probability @ part.missing_lots).reshape(years, n).sum(axis=1)
        )
        demand = (
            part.classes.class_demand_factor[:, None]
            * instance.material_demand[m][instance.year_index]
        )
        is_short = part.missing_lots > SHORTAGE_TOLERANCE * demand
        evaluation.shortage_probability[m] += part.class_probability @ is_short.reshape(
            -1, years, n
        ).any(axis=2)
        runs = is_short.sum(axis=1) - (is_short[:, 1:] & is_short[:, :-1]).sum(axis=1)
        evaluation.short_periods_and_runs[m] += part.class_probability @ np.stack(
            [is_short.sum(axis=1), runs], axis=1
        )
        for v, lots in part.expected_by_step.items():
            damage = lots * recourse.node_data[v].file_step_weight
            evaluation.damage_by_year[:] += damage.sum(axis=0).reshape(years, n).sum(axis=1)
            for step, value in zip(instance.nodes[v].steps, damage.sum(axis=1), strict=True):
                evaluation.damage_by_consumer[step.consumer] += float(value)
            asked = [step.consumer in consumers for step in instance.nodes[v].steps]
            if any(asked):
                own = part.damage_by_step[v][:, asked].sum(axis=1)
                evaluation.selected_consumer_damage[block] += part.expand_to_states(own)


def objective_rounding(instance: Instance) -> float:
    """What is rounding in an objective: a share of that of states in which everything is missing
    all the time."""
    worst = math.fsum(
        float(step.limit @ step.weight) * instance.periods_per_year
        for node in instance.nodes
        for step in node.steps
    )
    return ROUNDING_SHARE * worst


def objective_value(instance: Instance, evaluation: PlanEvaluation, weighted_cost: float) -> float:
    """The objective of a commitment, from its damage and what its cost adds."""
    risk = RiskMeasure.from_case(instance.case)
    tail = evaluation.cvar(risk.cvar_level) if risk.cvar_weight > 0 else 0.0
    mean = evaluation.worst_mean(risk)
    damage = weighted_damage(instance, mean, tail, evaluation.damage_by_consumer)
    return damage + weighted_cost
