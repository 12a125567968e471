"""Outcomes of a plan's chains: contributions of its parts, and flows in one year."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from models import results
from optimizer.errors import SolverError
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.model.risk_measure import tail_weights
from optimizer.model.states import State
from optimizer.solve.accounts import values_by_year
from optimizer.solve.chains.chain_values import (
    ChainAnalysis,
    ChainValues,
    evaluate_chain,
    find_bottlenecks,
)
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation
from optimizer.solve.recourse.state_classes import ChainStateClasses
from optimizer.solve.recourse.state_flows import ChainFlow, FlowProgram

DAMAGE_TOLERANCE = 1e-9  # smaller relative differences of damage are rounding


class PlanContributions:
    """Contributions of the plan's projects and stockpiles that deliver forms of one chain."""

    def __init__(
        self,
        analysis: ChainAnalysis,
        commitment: Commitment,
        with_plan: ChainValues,
        without_plan: ChainValues,
    ) -> None:
        self._analysis = analysis
        self._commitment = commitment
        self._with_plan = with_plan
        self._without_plan = without_plan
        projects_with_offtake = {p for (p, _), share in commitment.offtake.items() if share > 0}
        self._plants = {plant.id: plant for plant in analysis.plants.values() if plant.is_project}
        self._built_projects = [
            p for p in self._projects_delivering(analysis.materials) if p in projects_with_offtake
        ]
        bought_stockpiles = {h for h, lots in commitment.buy.items() if (lots > 0).any()}
        stockpiles = analysis.instance.stockpiles.values()
        self._bought_materials = {
            stockpile.id: stockpile.material
            for stockpile in stockpiles
            if stockpile.id in bought_stockpiles
        }
        self._damages: dict[tuple[frozenset[str], frozenset[str]], float] = {}

    def project_contributions(self) -> Iterator[results.ChainProject]:
        """Yield the expected damage that each project avoids."""
        for p in self._built_projects:
            yield results.ChainProject(
                id=p, avoided=self._damage_without([p]) - self._damage_without()
            )

    def stockpile_contributions(self) -> Iterator[results.ChainStockpile]:
        """Yield the expected damage that each stockpile avoids."""
        for h, form in self._bought_materials.items():
            if form in self._analysis.materials:
                avoided = self._damage_without((), [h]) - self._damage_without()
                yield results.ChainStockpile(id=h, avoided=avoided)

    def stage_contributions(self) -> Iterator[results.ChainStages]:
        """Yield the expected damage that successive stages of the plan avoid, jointly and
        separately. Stages are identified by the output of the later stage."""
        analysis, plants, damage = self._analysis, self._plants, self._damage_without()
        for form in analysis.materials:
            later_projects = [
                p for p in self._built_projects if p in plants and plants[p].output == form
            ]
            inputs = {input_form for p in later_projects for input_form in plants[p].input_tonnes}
            earlier_projects = [
                p
                for p in self._projects_delivering(inputs)
                if p in self._built_projects and p not in later_projects
            ]
            earlier_stocks = [
                h for h, material in self._bought_materials.items() if material in inputs
            ]
            if not later_projects or not (earlier_projects or earlier_stocks):
                continue
            without_both = self._damage_without(
                [*later_projects, *earlier_projects], earlier_stocks
            )
            without_later = self._damage_without(later_projects)
            without_earlier = self._damage_without(earlier_projects, earlier_stocks)
            yield results.ChainStages(
                output=form,
                projects=tuple(later_projects),
                earlier_projects=tuple(earlier_projects),
                earlier_stockpiles=tuple(earlier_stocks),
                later=without_later - damage,
                later_alone=without_both - without_earlier,
                earlier=without_earlier - damage,
                earlier_alone=without_both - without_later,
                both=without_both - damage,
            )

    def _projects_delivering(self, materials: Collection[str]) -> list[str]:
        return [
            p.id
            for p in self._analysis.instance.projects.values()
            if p.id in self._commitment.start and not p.output.keys().isdisjoint(materials)
        ]

    def _damage_without(
        self, projects: Collection[str] = (), stockpiles: Collection[str] = ()
    ) -> float:
        """Return the expected damage of the chain if the given projects and stockpiles are left out
        of the plan."""
        key, analysis = (frozenset(projects), frozenset(stockpiles)), self._analysis
        if key not in self._damages:
            plan = self._commitment
            reduced_plan = replace(
                plan,
                offtake={
                    offtake_key: x
                    for offtake_key, x in plan.offtake.items()
                    if offtake_key[0] not in key[0]
                },
                floored={
                    floor_key: x
                    for floor_key, x in plan.floored.items()
                    if floor_key[0] not in key[0]
                },
                buy={h: lots for h, lots in plan.buy.items() if h not in key[1]},
            )
            point = analysis.recourse.columns.to_point(reduced_plan)
            damage = np.zeros(analysis.classes.class_count)
            for chain in analysis.classes.chains:
                compiled_evaluation = analysis.recourse.build_compiled_evaluation(
                    chain, analysis.classes, point
                )
                if compiled_evaluation is not None:
                    analysis.recourse.run_tasks(compiled_evaluation.tasks())
                    damage += compiled_evaluation.damage
                    continue
                reduced_evaluation, planned_evaluation = (
                    analysis.build_evaluation(chain, evaluated_point)
                    for evaluated_point in (point, self._with_plan.point)
                )
                analysis.recourse.run_tasks(
                    [
                        partial(
                            self._add_block_damage,
                            reduced_evaluation,
                            planned_evaluation,
                            class_block,
                            damage,
                        )
                        for class_block in analysis.class_blocks
                    ]
                )
            self._damages[key] = float(analysis.class_probability @ damage)
        return self._damages[key]

    def _add_block_damage(
        self,
        evaluation: ProgramEvaluation,
        planned_evaluation: ProgramEvaluation,
        class_block: slice,
        damage_sums: Floats,
    ) -> None:
        """Add the damage of a reduced plan in a block of state classes to ``damage_sums``.

        The damage of the reduced plan can differ from that of the full plan only in state classes
        where the full plan reduces damage and the omitted parts deliver.
        """
        chain_id, positions = evaluation.chain_id, evaluation.template.parameter_positions
        with_plan = self._with_plan.by_consumer_chain[chain_id]
        damage_without_plan = self._without_plan.by_consumer_chain[chain_id].damage[class_block]
        damage = with_plan.damage[class_block].copy()
        parameters = evaluation.parameter_values(class_block)
        is_open = evaluation.is_open[class_block]
        differs = parameters != planned_evaluation.parameter_values(class_block)
        for (kind, _), columns in positions.items():
            if kind != "buy":
                differs[:, columns] &= is_open
        solved_classes = np.flatnonzero(
            differs.any(axis=1) & (damage_without_plan > damage * (1 + DAMAGE_TOLERANCE))
        )
        if len(solved_classes):
            bases = [with_plan.bases[class_block][u] for u in solved_classes]
            damage[solved_classes] = evaluation.template.solve(
                parameters[solved_classes], is_open[solved_classes], bases
            ).damage
        damage_sums[class_block] += damage


UNDISTURBED = State("undisturbed", 1.0)


class YearFlows(NamedTuple):
    """Flows of each form and production of each plant in the reported year, in tonnes."""

    flows_by_material: dict[str, results.FormFlow]
    made_by_plant: dict[str, float]  # by label


class WorstStates:
    """States with the largest damage without a plan, up to the CVaR level, and the flows in them.

    ``undisturbed_flows`` are the flows without hazards and without a plan,
    ``worst_flows_without_plan`` the mean flows in the worst states without a plan.
    """

    def __init__(self, analysis: ChainAnalysis, without_plan: ChainValues) -> None:
        instance = analysis.instance
        # Index -1, the appended 0, stands for calm states.
        damage = np.append(without_plan.damage, 0.0)[analysis.classes.class_of_state]
        level = float(instance.case.objective.cvar.level)
        weights = tail_weights(analysis.recourse.probability, damage, level)
        worst_indices = [int(s) for s in np.flatnonzero(weights)]
        states = [*(analysis.states[s] for s in worst_indices), UNDISTURBED]
        self._worst_recourse = RecourseEvaluator(
            instance, states, merge_classes=False, reuse_from=analysis.recourse
        )
        chain_id = analysis.classes.chains[0].id
        self._classes = next(
            classes
            for classes in self._worst_recourse.chain_classes
            if classes.chains[0].id == chain_id
        )
        self._analysis, self._weights = analysis, np.append(weights[worst_indices], 0.0)
        without_plan_flows = _StateFlows(
            analysis, self._worst_recourse, self._classes, Commitment()
        )
        self.undisturbed_flows = without_plan_flows.weighted_mean(
            np.append(np.zeros(len(worst_indices)), 1.0)
        )
        self.worst_flows_without_plan = without_plan_flows.weighted_mean(self._weights)

    def mean_flows(self, commitment: Commitment) -> YearFlows:
        """Return the mean flows with a commitment in the states that are worst without a plan."""
        return _StateFlows(
            self._analysis, self._worst_recourse, self._classes, commitment
        ).weighted_mean(self._weights)


class _StateFlows:
    """Flows of a chain with a commitment in each of a few states, in tonnes."""

    def __init__(
        self,
        analysis: ChainAnalysis,
        recourse: RecourseEvaluator,
        classes: ChainStateClasses,
        commitment: Commitment,
    ) -> None:
        instance, point = analysis.instance, recourse.columns.to_point(commitment)
        flow_names, class_count = results.FormFlow.model_fields, classes.class_count
        self._flows_by_material = {
            m: {name: np.zeros(class_count) for name in flow_names} for m in analysis.materials
        }
        self._made_by_plant = {label: np.zeros(class_count) for label in analysis.plants}
        year_periods = slice(
            analysis.reported_index * instance.periods_per_year,
            (analysis.reported_index + 1) * instance.periods_per_year,
        )
        for chain in classes.chains:
            evaluation = recourse.build_program_evaluation(
                chain, classes, point, np.ones((1, class_count)), False
            )
            chain_flows = FlowProgram(instance, chain, evaluation.template).solve(
                evaluation.parameter_values(slice(None)), evaluation.is_open
            )
            for u, flow in enumerate(chain_flows):
                for v in chain.nodes:
                    node = instance.nodes[v]
                    lot_tonnes = instance.lot_tonnes[instance.nodes[v].material]
                    producers = ((p.label, 1.0) for p in chain.plants if p.output == v)
                    users = ((p.label, p.inputs[v]) for p in chain.plants if v in p.inputs)
                    lots = {
                        "supply_t": flow.market_used[v],
                        "projects_t": flow.project_output_used[v],
                        "made_t": _sum_made(flow, producers),
                        "released_t": flow.released_lots[v],
                        "missing_t": flow.missing_lots[v],
                        "demand_t": recourse.node_data[v].demand[
                            classes.by_material[node.material].demand_row[u]
                        ],
                        "taken_t": _sum_made(flow, users),
                        "unused_t": flow.unused_lots[v],
                    }
                    for name, values in lots.items():
                        self._flows_by_material[node.material][name][u] += (
                            lot_tonnes * values[year_periods].sum()
                        )
                for plant in chain.plants:
                    lot_tonnes = instance.lot_tonnes[instance.nodes[plant.output].material]
                    self._made_by_plant[plant.label][u] += (
                        lot_tonnes * flow.made_by_plant[plant.label][year_periods].sum()
                    )

    def weighted_mean(self, weights: Floats) -> YearFlows:
        """Return the mean flows over the states, with ``weights`` (U)."""
        flows = {
            form: results.FormFlow(
                **{name: float(weights @ tonnes) for name, tonnes in tonnes_by_flow.items()}
            )
            for form, tonnes_by_flow in self._flows_by_material.items()
        }
        return YearFlows(
            flows, {label: float(weights @ tonnes) for label, tonnes in self._made_by_plant.items()}
        )


def _sum_made(flow: ChainFlow, plants: Iterable[tuple[str, float]]) -> Floats:
    """Return the weighted sum (K) of the lots that plants make. ``plants`` holds the label and the
    weight of each plant."""
    total_lots = np.zeros(len(next(iter(flow.unused_lots.values()))))
    for label, weight in plants:
        total_lots = total_lots + weight * flow.made_by_plant[label]
    return total_lots


def chain_outcomes(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    without_plan: PlanEvaluation,
    recourse: RecourseEvaluator | None = None,
) -> tuple[tuple[results.ChainOutcome, ...], tuple[str, ...]]:
    """Return the outcome of each chain with more than one form, in the order of the scenario file,
    and the forms of the chains on which the solver fails.

    ``recourse`` is the recourse evaluator of these states; it is built if None.
    """
    if all(len(chain.nodes) == 1 for chain in instance.chains):
        return (), ()
    recourse = (recourse or RecourseEvaluator(instance, states)).for_instance(instance)
    analyses = [
        ChainAnalysis(recourse, states, classes, without_plan)
        for classes in recourse.chain_classes
        if any(len(chain.nodes) > 1 for chain in classes.chains)
    ]
    for analysis in analyses:  # Pyomo builds one program at a time
        analysis.build_programs()

    def outcome_or_none(chain_analysis: ChainAnalysis) -> results.ChainOutcome | None:
        try:
            return _chain_outcome(chain_analysis, commitment)
        except SolverError:  # a plan is reported even if the outcome of a chain fails
            return None

    with ThreadPoolExecutor(recourse.threads) as pool:
        outcome_by_analysis = dict(zip(analyses, pool.map(outcome_or_none, analyses), strict=True))
    failed_forms = [
        material
        for analysis, outcome in outcome_by_analysis.items()
        if outcome is None
        for material in analysis.materials
    ]
    return tuple(outcome for outcome in outcome_by_analysis.values() if outcome is not None), tuple(
        failed_forms
    )


def _chain_outcome(analysis: ChainAnalysis, commitment: Commitment) -> results.ChainOutcome:
    instance = analysis.instance
    class_probability = analysis.class_probability
    y = analysis.reported_index
    level = float(instance.case.objective.cvar.level)
    key = (
        analysis.classes.chains[0].id,
        y,
        level,
        np.array(analysis.money_factor).tobytes(),
        repr(instance.lot_tonnes),
    )
    memo = analysis.recourse.memo  # values without a plan do not depend on the plan
    if key not in memo:
        without_plan = evaluate_chain(analysis, Commitment())
        memo[key] = without_plan, WorstStates(analysis, without_plan)
    without_plan, worst_states = memo[key]
    with_plan = evaluate_chain(analysis, commitment, warm_start=without_plan)
    flows_with_plan = worst_states.mean_flows(commitment)
    mean_value, mean_value_without_plan = (
        np.tensordot(class_probability, values.value_per_tonne, 1)
        for values in (with_plan, without_plan)
    )
    capacity_value, capacity_value_without_plan = (
        np.tensordot(class_probability, values.capacity_value, 1)[:, y]
        for values in (with_plan, without_plan)
    )
    contributions = PlanContributions(analysis, commitment, with_plan, without_plan)
    return results.ChainOutcome(
        year=instance.years[y],
        short=float(class_probability @ with_plan.is_short),
        short_without_plan=float(class_probability @ without_plan.is_short),
        forms=tuple(
            results.ChainForm(
                material=form,
                undisturbed=worst_states.undisturbed_flows.flows_by_material[form],
                worst_without_plan=worst_states.worst_flows_without_plan.flows_by_material[form],
                worst=flows_with_plan.flows_by_material[form],
                value_per_t=values_by_year(instance, mean_value[m]),
                value_without_plan_per_t=values_by_year(instance, mean_value_without_plan[m]),
            )
            for m, form in enumerate(analysis.materials)
        ),
        plants=tuple(
            results.ChainPlant(
                id=plant.id,
                project=plant.is_project,
                output=plant.output,
                inputs_t_per_t=plant.input_tonnes,
                undisturbed_t=worst_states.undisturbed_flows.made_by_plant[label],
                worst_without_plan_t=worst_states.worst_flows_without_plan.made_by_plant[label],
                worst_t=flows_with_plan.made_by_plant[label],
                value_per_t=float(capacity_value[p]),
                value_without_plan_per_t=float(capacity_value_without_plan[p]),
            )
            for p, (label, plant) in enumerate(analysis.plants.items())
        ),
        bottlenecks=tuple(find_bottlenecks(analysis, with_plan, without_plan)),
        projects=tuple(contributions.project_contributions()),
        stockpiles=tuple(contributions.stockpile_contributions()),
        stages=tuple(contributions.stage_contributions()),
    )
