"""Marginal values of the forms and capacities of a chain, from the dual values of its recourse in
each state class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import results
from models.scenario.chains import SHORTAGE_TOLERANCE, order_materials
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, Chain, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator
from optimizer.solve.recourse.evaluations import CLASSES_PER_TASK
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation
from optimizer.solve.recourse.state_classes import ChainStateClasses

TIE_TOLERANCE = 1e-6  # relative tolerance within which parts of a dual value are equal


class PlantRecipe(NamedTuple):
    """Inputs of a conversion, or of a project with inputs, in tonnes per tonne of its output."""

    id: str
    is_project: bool
    output: str
    input_tonnes: dict[str, float]


class ChainAnalysis:
    """Analysis of one chain in its state classes, for all consumers.

    It reports on one year: the one with the largest expected shortage without a plan, or the first
    of several such years.
    """

    def __init__(
        self,
        recourse: RecourseEvaluator,
        states: Sequence[State],
        classes: ChainStateClasses,
        without_plan: PlanEvaluation,
    ) -> None:
        instance = self.instance = recourse.instance
        self.recourse, self.states, self.classes = recourse, states, classes
        materials = {instance.nodes[v].material for chain in classes.chains for v in chain.nodes}
        self.materials = [m for m in order_materials(instance.case) if m in materials]
        self.plants = _read_plant_recipes(instance, classes.chains)
        shortages = [
            without_plan.expected_shortage[m] * instance.lot_tonnes[m] for m in self.materials
        ]
        total_shortage = np.sum(shortages, axis=0)
        self.reported_index = int(
            np.flatnonzero(total_shortage >= total_shortage.max() * (1 - 1e-9))[0]
        )
        self.class_probability: Floats = classes.sum_by_class(recourse.probability[None])[0]
        is_money = instance.case.objective.measure == "damage"
        # From the unit of damage to money of the year, if damage is money.
        self.money_factor = (
            1e6 / instance.discount_factor if is_money else np.ones(len(instance.years))
        )

    def build_evaluation(self, chain: Chain, point: FirstStagePoint) -> ProgramEvaluation:
        """Build the evaluation of one consumer's chain at a first-stage point."""
        return self.recourse.build_program_evaluation(
            chain, self.classes, point, self.class_probability[None], False
        )

    def build_programs(self) -> None:
        """Build the linear programs of all consumers' chains. They are cached for later
        evaluations."""
        for chain in self.classes.chains:
            self.build_evaluation(chain, self.recourse.columns.to_point(Commitment()))

    @property
    def class_blocks(self) -> list[slice]:
        """Blocks of state classes. One block is solved after the other to limit memory."""
        count = self.classes.class_count
        return [
            slice(start, min(start + CLASSES_PER_TASK, count))
            for start in range(0, count, CLASSES_PER_TASK)
        ]


@dataclass(frozen=True, eq=False)
class ConsumerValues:
    """Damage, shortages and marginal values of one consumer's chain, or of the pooled chain, in the
    reported year.

    The arrays refer to U state classes, M forms and P plants.
    """

    damage: Floats  # (U) in all years
    bases: list[Any]  # (U) optimal bases
    missing_share: Floats  # (U, M) share of the demand of all consumers
    damage_by_form: Floats  # (U, M)
    value_per_tonne: Floats  # (U, M) of one more tonne of each form for the consumer
    capacity_value: Floats  # (U, P) of capacity for one more tonne of each plant's output


@dataclass(frozen=True, eq=False)
class ChainValues:
    """Marginal values in a chain at one commitment.

    The arrays refer to U state classes, M forms, P plants and Y years.
    """

    point: FirstStagePoint
    by_consumer_chain: dict[int, ConsumerValues]  # by chain id
    value_per_tonne: Floats  # (U, M, Y) of one more tonne of each form for all consumers
    capacity_value: Floats  # (U, P, Y) of capacity for one more tonne of each plant's output

    @property
    def damage(self) -> Floats:
        """Damage in each state class (U), summed over all consumers and years."""
        total: Floats = np.sum([x.damage for x in self.by_consumer_chain.values()], axis=0)
        return total

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Whether any form is short in the reported year, for each state class (U)."""
        missing = np.sum([x.missing_share for x in self.by_consumer_chain.values()], axis=0)
        is_any_short: NDArray[np.bool_] = np.logical_or.reduce(missing > SHORTAGE_TOLERANCE, axis=1)
        return is_any_short


def evaluate_chain(
    analysis: ChainAnalysis, commitment: Commitment, warm_start: ChainValues | None = None
) -> ChainValues:
    """Compute the marginal values and shortages of a commitment in all state classes.

    The linear programs start from the bases in ``warm_start``, if it is given.
    """
    recourse = analysis.recourse
    year_count = len(analysis.instance.years)
    count = analysis.classes.class_count
    form_shape = (count, len(analysis.materials))
    plant_shape = (count, len(analysis.plants))
    chain_values = ChainValues(
        recourse.columns.to_point(commitment),
        {},
        np.zeros((*form_shape, year_count)),
        np.zeros((*plant_shape, year_count)),
    )
    for chain in analysis.classes.chains:
        missing_share, damage_by_form, value_per_tonne = (np.zeros(form_shape) for _ in range(3))
        bases: list[Any] = (
            list(warm_start.by_consumer_chain[chain.id].bases) if warm_start else [None] * count
        )
        consumer_values = ConsumerValues(
            np.zeros(count),
            bases,
            missing_share,
            damage_by_form,
            value_per_tonne,
            np.zeros(plant_shape),
        )
        chain_values.by_consumer_chain[chain.id] = consumer_values
        evaluation = analysis.build_evaluation(chain, chain_values.point)
        recourse.run_tasks(
            [
                partial(
                    _evaluate_class_block,
                    analysis,
                    evaluation,
                    class_block,
                    consumer_values,
                    chain_values,
                )
                for class_block in analysis.class_blocks
            ]
        )
    return chain_values


def _evaluate_class_block(
    analysis: ChainAnalysis,
    evaluation: ProgramEvaluation,
    class_block: slice,
    consumer_values: ConsumerValues,
    totals: ChainValues,
) -> None:
    """Evaluate one consumer's chain in a block of state classes, and add the results to
    ``consumer_values`` and ``totals``."""
    instance, y = analysis.instance, analysis.reported_index
    parameters, template = evaluation.parameter_values(class_block), evaluation.template
    values = np.zeros((len(parameters), len(template.column_keys)))
    bases = consumer_values.bases[class_block]
    solution = template.solve(parameters, evaluation.is_open[class_block], bases, values)
    consumer_values.damage[class_block], consumer_values.bases[class_block] = solution.damage, bases
    form_index = {form: m for m, form in enumerate(analysis.materials)}
    plant_index = {label: p for p, label in enumerate(analysis.plants)}

    def marginal_values(v: int, key: tuple[str, Any]) -> tuple[Floats, Floats]:
        """Return the marginal value of one tonne per year that is spread evenly over the year.

        The first array (U, Y) is for a tonne that all consumers share, the second (U) for a tonne
        that belongs to this consumer in the reported year.
        """
        duals = -solution.parameter_duals[:, template.parameter_positions[key]]
        yearly_mean = duals.reshape(
            len(parameters), len(instance.years), instance.periods_per_year
        ).mean(axis=2)
        per_tonne: Floats = (
            np.maximum(0.0, yearly_mean)
            * analysis.money_factor
            / instance.lot_tonnes[instance.nodes[v].material]
        )
        return per_tonne * instance.nodes[v].group_share[COMMON_GROUP], per_tonne[:, y]

    for v in evaluation.chain.nodes:
        common_value, consumer_value = marginal_values(v, ("market", v))
        m = form_index[instance.nodes[v].material]
        totals.value_per_tonne[class_block, m] += common_value
        consumer_values.value_per_tonne[class_block, m] = consumer_value
    for plant in evaluation.chain.plants:
        project_key = ("delivers", (plant.output, plant.id))
        key = project_key if plant.capacity is None else ("capacity", plant.id)
        common_value, consumer_value = marginal_values(plant.output, key)
        totals.capacity_value[class_block, plant_index[plant.label]] += common_value
        consumer_values.capacity_value[class_block, plant_index[plant.label]] = consumer_value
    nodes = {instance.nodes[v].label: instance.nodes[v] for v in evaluation.chain.nodes}
    for (name, index), lots in zip(template.column_keys, values.T, strict=True):
        if name == "shortage" and instance.year_index[index[2]] == y:
            node = nodes[index[0]]
            total_demand = instance.material_demand[node.material][y] * instance.periods_per_year
            factors = analysis.classes.by_material[node.material].class_demand_factor[class_block]
            first_period = min(y * instance.periods_per_year, factors.shape[1] - 1)
            demand = factors[:, first_period] * total_demand
            share = np.divide(lots, demand, out=np.zeros_like(lots), where=demand > 0)
            consumer_values.missing_share[class_block, form_index[node.material]] += share
            consumer_values.damage_by_form[class_block, form_index[node.material]] += (
                lots * node.steps[index[1]].weight[y]
            )


ChainStage = tuple[str, str]  # a form, and "supply" or "making"


def find_bottlenecks(
    analysis: ChainAnalysis, with_plan_values: ChainValues, without_plan_values: ChainValues
) -> Iterator[results.Bottleneck]:
    """Yield the stages that are the bottleneck of the chain in at least one state class.

    Only state classes count that have a positive probability and a shortage in the reported year.
    """
    shares: list[dict[ChainStage, float]] = []
    for values in (with_plan_values, without_plan_values):
        short_classes = np.flatnonzero(values.is_short & (analysis.class_probability > 0))
        total_probability = float(analysis.class_probability[short_classes].sum())
        stage_shares = dict[ChainStage, float]()
        for u in short_classes:
            stage = _find_bottleneck(analysis, values, int(u))
            stage_shares[stage] = (
                stage_shares.get(stage, 0.0)
                + float(analysis.class_probability[u]) / total_probability
            )
        shares.append(stage_shares)
    for form in analysis.materials:
        for kind in ("supply", "making"):
            with_plan, without_plan = (stage_share.get((form, kind), 0.0) for stage_share in shares)
            if with_plan > 0 or without_plan > 0:
                yield results.Bottleneck(
                    material=form,
                    stage="supply" if kind == "supply" else "making",
                    share=with_plan,
                    share_without_plan=without_plan,
                )


def _find_bottleneck(analysis: ChainAnalysis, chain_values: ChainValues, u: int) -> ChainStage:
    """Return the bottleneck in state class ``u`` for the consumer with the largest damage.

    The search starts at the form whose shortage causes most damage and goes upstream.
    """
    consumer = max(
        chain_values.by_consumer_chain.values(),
        key=lambda x: (x.damage_by_form[u].sum(), x.missing_share[u].sum()),
    )
    form_values = dict(zip(analysis.materials, consumer.value_per_tonne[u], strict=True))
    capacity_values = dict(zip(analysis.plants, consumer.capacity_value[u], strict=True))
    form = analysis.materials[
        int(np.lexsort((consumer.missing_share[u], consumer.damage_by_form[u]))[-1])
    ]
    while True:
        # A tonne of the form has the value of its inputs plus that of capacity; inputs first.
        makers = {label: plant for label, plant in analysis.plants.items() if plant.output == form}
        part_values: dict[ChainStage, float] = {}
        for plant in makers.values():
            for input_form, ratio in plant.input_tonnes.items():
                part_value = ratio * form_values.get(input_form, 0.0)
                part_values[input_form, "supply"] = max(
                    part_value, part_values.get((input_form, "supply"), 0.0)
                )
        part_values[form, "making"] = max((capacity_values[label] for label in makers), default=0.0)
        price = form_values[form]
        max_value = min(price, max(part_values.values()))
        if max_value <= TIE_TOLERANCE * price:
            return form, "supply"
        stage = next(
            key
            for key, part_value in part_values.items()
            if part_value >= max_value - TIE_TOLERANCE * price
        )
        if stage[1] == "making":
            return stage
        form = stage[0]


def _read_plant_recipes(instance: Instance, chains: Iterable[Chain]) -> dict[str, PlantRecipe]:
    """Return the recipes of all plants in the chains, by plant label, in the order of the scenario
    file."""
    plants_by_label = {plant.label: plant for chain in chains for plant in chain.plants}
    recipes: dict[str, PlantRecipe] = {}
    for is_project, definitions in (
        (False, instance.case.conversions),
        (True, instance.case.projects),
    ):
        plants_by_id = {
            x.id: x for x in plants_by_label.values() if (x.capacity is None) == is_project
        }
        for id, definition in definitions.items():
            if id in plants_by_id:
                inputs = {m: float(ratio) for m, ratio in definition.inputs_t_per_t.items()}
                output = instance.nodes[plants_by_id[id].output].material
                recipes[plants_by_id[id].label] = PlantRecipe(id, is_project, output, inputs)
    return recipes
