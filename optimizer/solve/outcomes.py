"""Evaluation of commitments: damage and shortages in the states of the world."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import SHORTAGE_TOLERANCE
from optimizer.model.commitment import Commitment, weighted_damage
from optimizer.model.instance import Floats, Instance
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.states import State
from optimizer.solve.recourse import RecourseEvaluator, evaluators_by_block, sum_by_key

ROUNDING_SHARE = 2e-9  # rounding error as a share of the damage of a total shortage

# Fields of evaluations that are sums over states, by material or consumer.
SUMS_BY_KEY = (
    *("damage_by_material", "damage_by_consumer", "expected_shortage"),
    *("shortage_probability", "short_periods_and_runs"),
)


@dataclass(frozen=True, eq=False)
class PlanEvaluation:
    """Damage and shortages of a commitment in given states."""

    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    damage_by_material: dict[str, float]  # expected, in the unit of the measure
    damage_by_consumer: dict[str, float]  # expected, in the unit of the measure
    expected_shortage: dict[str, Floats]  # (Y) expected lots missing, by material
    # (Y) probability of a shortage in any period, by material.
    shortage_probability: dict[str, Floats]
    selected_consumer_damage: (
        Floats  # (S) damage of the selected consumers, in the unit of the measure
    )
    damage_by_year: Floats  # (Y) expected, in the unit of the measure
    # (2) expected number of short periods and of runs of them, by material
    short_periods_and_runs: dict[str, Floats]
    branch: NDArray[np.intp]  # (S) review branch of each state; 0 without a review

    @property
    def expected(self) -> float:
        """Mean damage over all states."""
        return float(self.probability @ self.damage)

    @property
    def worst(self) -> float:
        """Damage in the worst state of positive probability."""
        return float(self.damage[self.probability > 0].max())

    def cvar(self, level: float) -> float:
        """Return the CVaR of damage: the mean over the worst states that have probability ``1 -
        level`` together. The state at the quantile counts in part.

        Rockafellar and Uryasev (2000).
        """
        return tail_mean(self.probability, self.damage, level)


def tail_mean(probability: Floats, damage: Floats, level: float) -> float:
    """Return the mean of ``damage`` (S) over the worst states that together have probability ``1 -
    level``, given the probability (S) of each state."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    cumulative_before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weight = np.clip(tail - cumulative_before, 0.0, probability[order])
    return float(weight @ damage[order] / weight.sum())


def evaluate_commitments(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    recourse: RecourseEvaluator | None = None,
    damage_only: bool = False,
) -> list[PlanEvaluation]:
    """Evaluate the damage and shortages of commitments in all states.

    ``recourse`` is the recourse evaluator of these states; it is built if None. ``consumers``
    selects the consumers whose damage in each state is reported. With ``damage_only``, which needs
    ``recourse`` and no ``consumers``, only the damage in each state is evaluated.
    """
    options: dict[str, Any] = {"threads": threads, "consumers": consumers}
    options |= {"recourse": recourse, "damage_only": damage_only}
    if any(commitment.branches for commitment in commitments):
        return [
            _evaluate_by_branch(instance, states, commitment, **options)
            if commitment.branches
            else evaluate_commitments(instance, states, [commitment], **options)[0]
            for commitment in commitments
        ]
    evaluations = [_empty_evaluation(instance, states) for _ in commitments]
    if damage_only:
        assert recourse is not None
        assert not consumers
        for commitment, evaluation in zip(commitments, evaluations, strict=True):
            evaluation.damage[:] = _damage_by_state(recourse, commitment)
        return evaluations
    for block, evaluator in evaluators_by_block(
        instance, states, threads=threads, evaluator=recourse
    ):
        for commitment, evaluation in zip(commitments, evaluations, strict=True):
            _add_shortages(instance, evaluator, block, commitment, evaluation, consumers)
            if recourse is None:  # this block is not needed again
                evaluator.clear_cache()
    return evaluations


def _damage_by_state(recourse: RecourseEvaluator, commitment: Commitment) -> Floats:
    """Return the damage of a commitment in each state (S) of an evaluator."""
    point, probability = recourse.columns.to_point(commitment), recourse.probability[None]
    return recourse.evaluate(point, probability, with_subgradients=False).damage


def _evaluate_by_branch(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    *,
    recourse: RecourseEvaluator | None,
    **options: Any,
) -> PlanEvaluation:
    """Evaluate a plan with review branches: the decisions of each branch in its states."""
    branch_recourses = (
        None if recourse is None else recourse.for_instance(instance).by_branch(states)
    )
    total_evaluation = _empty_evaluation(instance, states)
    for g, state_indices in enumerate(branch_state_indices(instance, states)):
        if not len(state_indices):
            continue
        branch_states = states_on_branch(states, state_indices)
        branch_instance = instance.on_branch(g)
        branch_recourse = None if branch_recourses is None else branch_recourses[g]
        (evaluation,) = evaluate_commitments(
            branch_instance,
            branch_states,
            [commitment.branches[g]],
            recourse=branch_recourse,
            **options,
        )
        total_evaluation.damage[state_indices] = evaluation.damage
        total_evaluation.selected_consumer_damage[state_indices] = (
            evaluation.selected_consumer_damage
        )
        total_evaluation.branch[state_indices] = g
        branch_probability = float(total_evaluation.probability[state_indices].sum())
        for name in SUMS_BY_KEY:
            sums = getattr(total_evaluation, name)
            for key, value in getattr(evaluation, name).items():
                sums[key] = sums[key] + branch_probability * value
        total_evaluation.damage_by_year[:] += branch_probability * evaluation.damage_by_year
    return total_evaluation


def expected_damage(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    *,
    similar_recourse: RecourseEvaluator,
) -> float:
    """Return the mean damage of a commitment.

    ``similar_recourse`` is a recourse evaluator of the same instance for other states, parts of
    which are reused.
    """
    total_damage = 0.0
    for _, evaluator in evaluators_by_block(
        instance, states, threads=similar_recourse.threads, reuse_from=similar_recourse
    ):
        total_damage += float(evaluator.probability @ _damage_by_state(evaluator, commitment))
    return total_damage


def join_evaluations(parts: Sequence[PlanEvaluation]) -> PlanEvaluation:
    """Join the evaluations of successive blocks of states into one."""
    state_arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("probability", "damage", "selected_consumer_damage", "branch")
    }
    sums: dict[str, Any] = sum_by_key([{"damage_by_year": part.damage_by_year} for part in parts])
    for name in SUMS_BY_KEY:
        sums[name] = sum_by_key([getattr(part, name) for part in parts])
    return PlanEvaluation(**state_arrays, **sums)


def _empty_evaluation(instance: Instance, states: Sequence[State]) -> PlanEvaluation:
    year_count, materials = len(instance.years), instance.case.materials
    return PlanEvaluation(
        probability=np.array([state.probability for state in states]),
        damage=np.zeros(len(states)),
        damage_by_material=dict.fromkeys(materials, 0.0),
        damage_by_consumer=dict.fromkeys(instance.case.consumers, 0.0),
        expected_shortage={m: np.zeros(year_count) for m in materials},
        shortage_probability={m: np.zeros(year_count) for m in materials},
        selected_consumer_damage=np.zeros(len(states)),
        damage_by_year=np.zeros(year_count),
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
    """Evaluate a commitment in a block of states, and add its damage and shortages to
    ``evaluation``."""
    year_count, n = len(instance.years), instance.periods_per_year
    for part in recourse.shortages(recourse.columns.to_point(commitment)):
        m = part.classes.material
        evaluation.damage[block] += part.expand_to_states(part.damage)
        evaluation.damage_by_material[m] += float(part.class_probability @ part.damage)
        evaluation.expected_shortage[m] += (
            (part.class_probability @ part.missing_lots).reshape(year_count, n).sum(axis=1)
        )
        demand = part.classes.class_demand_factor * instance.material_demand[m][instance.year_index]
        is_short = part.missing_lots > SHORTAGE_TOLERANCE * demand
        evaluation.shortage_probability[m] += part.class_probability @ is_short.reshape(
            -1, year_count, n
        ).any(axis=2)
        run_counts = is_short.sum(axis=1) - (is_short[:, 1:] & is_short[:, :-1]).sum(axis=1)
        evaluation.short_periods_and_runs[m] += part.class_probability @ np.stack(
            [is_short.sum(axis=1), run_counts], axis=1
        )
        for v, lots in part.expected_by_step.items():
            damage = lots * recourse.node_data[v].file_step_weight
            evaluation.damage_by_year[:] += damage.sum(axis=0).reshape(year_count, n).sum(axis=1)
            for step, value in zip(instance.nodes[v].steps, damage.sum(axis=1), strict=True):
                evaluation.damage_by_consumer[step.consumer] += float(value)
            is_selected = [step.consumer in consumers for step in instance.nodes[v].steps]
            if any(is_selected):
                selected_damage = part.damage_by_step[v][:, is_selected].sum(axis=1)
                evaluation.selected_consumer_damage[block] += part.expand_to_states(selected_damage)


def objective_rounding(instance: Instance) -> float:
    """Return the size of rounding errors in an objective, which is proportional to the damage of a
    total shortage."""
    total_damage = math.fsum(
        float(step.limit @ step.weight) * instance.periods_per_year
        for node in instance.nodes
        for step in node.steps
    )
    return ROUNDING_SHARE * total_damage


def objective_value(instance: Instance, evaluation: PlanEvaluation, weighted_cost: float) -> float:
    """Return the objective: the damage of an evaluation, according to the scenario's risk measure,
    plus ``weighted_cost``."""
    risk = RiskMeasure.from_case(instance.case)
    tail = evaluation.cvar(risk.cvar_level) if risk.cvar_weight > 0 else 0.0
    mean = risk.mean.value(evaluation.probability, evaluation.damage)
    damage = weighted_damage(instance, mean, tail, evaluation.damage_by_consumer)
    return damage + weighted_cost
