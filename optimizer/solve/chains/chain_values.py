"""What the multipliers of a chain's recourse say in every look: values of forms and of capacity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import results
from models.scenario.chains import order_materials
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, Chain, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.figure_checks import SHORTAGE_TOLERANCE
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator
from optimizer.solve.recourse.evaluations import CLASSES_PER_TASK
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation
from optimizer.solve.recourse.state_classes import ChainStateClasses

TIE_TOLERANCE = 1e-6  # parts of a multiplier that differ by less, as a share of it, are equal


class PlantRecipe(NamedTuple):
    """A conversion, or a project with inputs: what it makes of what, in tonnes for a tonne."""

    id: str
    is_project: bool
    output: str
    input_tonnes: dict[str, float]


class ChainAnalysis:
    """One chain in its looks, for all consumers, and the year that is told of."""

    def __init__(
        self,
        recourse: RecourseEvaluator,
        states: Sequence[State],
        classes: ChainStateClasses,
        without_plan: PlanEvaluation,
    ) -> None:
        it = self.instance = recourse.instance
        self.recourse, self.states, self.classes = recourse, states, classes
        nodes = {it.nodes[v].material for chain in classes.chains for v in chain.nodes}
        self.materials = [m for m in order_materials(it.case) if m in nodes]
        self.plants = _read_plant_recipes(it, classes.chains)
        missing = [without_plan.expected_shortage[m] * it.lot_tonnes[m] for m in self.materials]
        tonnes = np.sum(missing, axis=0)
        self.y = int(np.flatnonzero(tonnes >= tonnes.max() * (1 - 1e-9))[0])
        self.class_probability: Floats = classes.sum_by_class(recourse.probability[None])[0]
        damaging = it.case.objective.measure == "damage"
        self.money_factor = 1e6 / it.discount_factor if damaging else np.ones(len(it.years))

    def build_evaluation(self, chain: Chain, point: FirstStagePoint) -> ProgramEvaluation:
        """A consumer's part of the chain at a point."""
        return self.recourse.build_program_evaluation(
            chain, self.classes, point, self.class_probability[None], False
        )

    def build_programs(self) -> None:
        """Build the programs of all consumers' parts, which are kept."""
        for chain in self.classes.chains:
            self.build_evaluation(chain, self.recourse.columns.to_point(Commitment()))

    @property
    def class_blocks(self) -> list[slice]:
        """Looks that are solved one after the other."""
        count = self.classes.class_count
        return [
            slice(start, min(start + CLASSES_PER_TASK, count))
            for start in range(0, count, CLASSES_PER_TASK)
        ]


@dataclass(frozen=True, eq=False)
class ConsumerValues:
    """What is seen of the part of one consumer, or of all if they pool, in the year."""

    damage: Floats  # (U) in all years
    bases: list[Any]  # (U) that were optimal
    missing_share: Floats  # (U, M) share of the demand of all
    damage_by_form: Floats  # (U, M) damage
    value_per_tonne: Floats  # (U, M) of a tonne more of each form that is the consumer's
    capacity_value: Floats  # (U, P) of capacity for such a tonne of output of each plant


@dataclass(frozen=True, eq=False)
class ChainValues:
    """What the recourse of one commitment says of a chain, in U looks, M forms and P plants."""

    point: FirstStagePoint
    by_consumer_chain: dict[int, ConsumerValues]  # by head
    value_per_tonne: Floats  # (U, M, Y) of a tonne more of each form that belongs to all
    capacity_value: Floats  # (U, P, Y) of capacity for such a tonne of output of each plant

    @property
    def damage(self) -> Floats:
        """(U) of all consumers, in all years."""
        total: Floats = np.sum([part.damage for part in self.by_consumer_chain.values()], axis=0)
        return total

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """(U) whether anything is missing in the year."""
        missing = np.sum([part.missing_share for part in self.by_consumer_chain.values()], axis=0)
        found: NDArray[np.bool_] = np.logical_or.reduce(missing > SHORTAGE_TOLERANCE, axis=1)
        return found


def evaluate_chain(
    analysis: ChainAnalysis, commitment: Commitment, warm_start: ChainValues | None = None
) -> ChainValues:
    """Multipliers and shortages of a commitment in all looks; ``like`` is another, from whose bases
    programs go on."""
    recourse, years, count = (
        analysis.recourse,
        len(analysis.instance.years),
        analysis.classes.class_count,
    )
    many, plants = (count, len(analysis.materials)), (count, len(analysis.plants))
    found = ChainValues(
        recourse.columns.to_point(commitment),
        {},
        np.zeros((*many, years)),
        np.zeros((*plants, years)),
    )
    for chain in analysis.classes.chains:
        missing, lost, value = (np.zeros(many) for _ in range(3))
        bases: list[Any] = (
            list(warm_start.by_consumer_chain[chain.id].bases) if warm_start else [None] * count
        )
        own = ConsumerValues(np.zeros(count), bases, missing, lost, value, np.zeros(plants))
        found.by_consumer_chain[chain.id] = own
        one = analysis.build_evaluation(chain, found.point)
        recourse.run_tasks(
            [
                partial(_evaluate_class_block, analysis, one, part, own, found)
                for part in analysis.class_blocks
            ]
        )
    return found


def _evaluate_class_block(
    analysis: ChainAnalysis,
    evaluation: ProgramEvaluation,
    class_block: slice,
    consumer_values: ConsumerValues,
    totals: ChainValues,
) -> None:
    """Add what one consumer's part of the chain says in a part of the looks."""
    it, y = analysis.instance, analysis.y
    given, template = evaluation.parameter_values(class_block), evaluation.template
    values = np.zeros((len(given), len(template.column_keys)))
    bases = consumer_values.bases[class_block]
    solved = template.solve(given, evaluation.is_open[class_block], bases, values)
    consumer_values.damage[class_block], consumer_values.bases[class_block] = solved.damage, bases
    place = {form: m for m, form in enumerate(analysis.materials)}
    plants = {label: p for p, label in enumerate(analysis.plants)}

    def worth(v: int, key: tuple[str, Any]) -> tuple[Floats, Floats]:
        """(U, Y) of a tonne a year, spread evenly over it, that belongs to all; (U) of one that
        belongs to the consumer, in the year."""
        lots = -solved.parameter_duals[:, template.parameter_positions[key]]
        yearly = lots.reshape(len(given), len(it.years), it.periods_per_year).mean(axis=2)
        per_tonne: Floats = (
            np.maximum(0.0, yearly) * analysis.money_factor / it.lot_tonnes[it.nodes[v].material]
        )
        return per_tonne * it.nodes[v].group_share[COMMON_GROUP], per_tonne[:, y]

    for v in evaluation.chain.nodes:
        common, alone = worth(v, ("market", v))
        m = place[it.nodes[v].material]
        totals.value_per_tonne[class_block, m] += common
        consumer_values.value_per_tonne[class_block, m] = alone
    for plant in evaluation.chain.plants:
        of_project = ("delivers", (plant.output, plant.id))
        key = of_project if plant.capacity is None else ("capacity", plant.id)
        common, alone = worth(plant.output, key)
        totals.capacity_value[class_block, plants[plant.label]] += common
        consumer_values.capacity_value[class_block, plants[plant.label]] = alone
    nodes = {it.nodes[v].label: it.nodes[v] for v in evaluation.chain.nodes}
    for (name, index), lots in zip(template.column_keys, values.T, strict=True):
        if name == "shortage" and it.year_index[index[2]] == y:
            node = nodes[index[0]]
            of_file = it.material_demand[node.material][y] * it.periods_per_year
            demand = (
                analysis.classes.by_material[node.material].class_demand_factor[class_block]
                * of_file
            )
            share = np.divide(lots, demand, out=np.zeros_like(lots), where=demand > 0)
            consumer_values.missing_share[class_block, place[node.material]] += share
            consumer_values.damage_by_form[class_block, place[node.material]] += (
                lots * node.steps[index[1]].weight[y]
            )


ChainStage = tuple[str, str]  # a form, and whether its supply or its making is meant


def find_bottlenecks(
    analysis: ChainAnalysis, with_plan_values: ChainValues, without_plan_values: ChainValues
) -> Iterator[results.Bottleneck]:
    """Stages that are the bottleneck in any look that may come and in which the chain is short in
    the year."""
    shares: list[dict[ChainStage, float]] = []
    for own in (with_plan_values, without_plan_values):
        short = np.flatnonzero(own.is_short & (analysis.class_probability > 0))
        total, of_stage = float(analysis.class_probability[short].sum()), dict[ChainStage, float]()
        for u in short:
            stage = _find_bottleneck(analysis, own, int(u))
            of_stage[stage] = (
                of_stage.get(stage, 0.0) + float(analysis.class_probability[u]) / total
            )
        shares.append(of_stage)
    for form in analysis.materials:
        for kind in ("supply", "making"):
            with_plan, without = (each.get((form, kind), 0.0) for each in shares)
            if with_plan > 0 or without > 0:
                yield results.Bottleneck(
                    material=form,
                    stage="supply" if kind == "supply" else "making",
                    share=with_plan,
                    share_without_plan=without,
                )


def _find_bottleneck(analysis: ChainAnalysis, chain_values: ChainValues, u: int) -> ChainStage:
    """The stage that lacks in a look to the consumer who loses most: from the form whose shortage
    costs most downwards."""
    part = max(
        chain_values.by_consumer_chain.values(),
        key=lambda one: (one.damage_by_form[u].sum(), one.missing_share[u].sum()),
    )
    value = dict(zip(analysis.materials, part.value_per_tonne[u], strict=True))
    of_plant = dict(zip(analysis.plants, part.capacity_value[u], strict=True))
    form = analysis.materials[int(np.lexsort((part.missing_share[u], part.damage_by_form[u]))[-1])]
    while True:
        # Of a tonne of the form, what its inputs are worth, and capacity; inputs come first.
        makers = {at: plant for at, plant in analysis.plants.items() if plant.output == form}
        parts: dict[ChainStage, float] = {}
        for plant in makers.values():
            for taken, ratio in plant.input_tonnes.items():
                worth = ratio * value.get(taken, 0.0)
                parts[taken, "supply"] = max(worth, parts.get((taken, "supply"), 0.0))
        parts[form, "making"] = max((of_plant[at] for at in makers), default=0.0)
        price = value[form]
        most = min(price, max(parts.values()))
        if most <= TIE_TOLERANCE * price:
            return form, "supply"
        stage = next(one for one, worth in parts.items() if worth >= most - TIE_TOLERANCE * price)
        if stage[1] == "making":
            return stage
        form = stage[0]


def _read_plant_recipes(instance: Instance, chains: Iterable[Chain]) -> dict[str, PlantRecipe]:
    """Those of a chain by label, in the order of the file."""
    some = {plant.label: plant for chain in chains for plant in chain.plants}
    found: dict[str, PlantRecipe] = {}
    for project, known in ((False, instance.case.conversions), (True, instance.case.projects)):
        by_id = {own.id: own for own in some.values() if (own.capacity is None) == project}
        for id, one in known.items():
            if id in by_id:
                inputs = {m: float(ratio) for m, ratio in one.inputs_t_per_t.items()}
                output = instance.nodes[by_id[id].output].material
                found[by_id[id].label] = PlantRecipe(id, project, output, inputs)
    return found
