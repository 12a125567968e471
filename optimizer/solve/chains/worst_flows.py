"""Flows of a chain in one year: without hazards, and in the worst states without a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from models import results
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.model.risk_measure import tail_weights
from optimizer.model.states import State
from optimizer.solve.chains.chain_values import ChainAnalysis, ChainValues
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.flow_program import ChainFlow, FlowProgram
from optimizer.solve.recourse.state_classes import ChainStateClasses

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
