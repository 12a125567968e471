"""Flows of a chain in one year: undisturbed, and in the states that are worst without a plan."""

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
    """Tonnes in the year: flows of each form, and what each plant makes."""

    flows_by_material: dict[str, results.FormFlow]
    made_by_plant: dict[str, float]  # by label


class WorstStates:
    """The states that are worst without a plan. ``calm`` is what flows undisturbed without one,
    ``struck`` the mean of the worst states without it."""

    def __init__(self, analysis: ChainAnalysis, without_plan: ChainValues) -> None:
        it = analysis.instance
        damage = np.append(without_plan.damage, 0.0)[
            analysis.classes.class_of_state
        ]  # the last where a state is calm
        level = float(it.case.objective.cvar.level)
        weights = tail_weights(analysis.recourse.probability, damage, level)
        worst = [int(s) for s in np.flatnonzero(weights)]
        states = [*(analysis.states[s] for s in worst), UNDISTURBED]
        self._worst_recourse = RecourseEvaluator(
            it, states, merge_classes=False, reuse_from=analysis.recourse
        )
        head = analysis.classes.chains[0].id
        self._classes = next(
            own for own in self._worst_recourse.chain_classes if own.chains[0].id == head
        )
        self._analysis, self._weights = analysis, np.append(weights[worst], 0.0)
        bare = _StateFlows(analysis, self._worst_recourse, self._classes, Commitment())
        self.undisturbed_flows = bare.weighted_mean(np.append(np.zeros(len(worst)), 1.0))
        self.worst_flows_without_plan = bare.weighted_mean(self._weights)

    def mean_flows(self, commitment: Commitment) -> YearFlows:
        """The mean of them with a plan."""
        return _StateFlows(
            self._analysis, self._worst_recourse, self._classes, commitment
        ).weighted_mean(self._weights)


class _StateFlows:
    """Tonnes of a commitment in each of a few states."""

    def __init__(
        self,
        analysis: ChainAnalysis,
        recourse: RecourseEvaluator,
        classes: ChainStateClasses,
        commitment: Commitment,
    ) -> None:
        it, point = analysis.instance, recourse.columns.to_point(commitment)
        names, count = results.FormFlow.model_fields, classes.class_count
        self._flows = {m: {name: np.zeros(count) for name in names} for m in analysis.materials}
        self._made = {label: np.zeros(count) for label in analysis.plants}
        year = slice(analysis.y * it.periods_per_year, (analysis.y + 1) * it.periods_per_year)
        for chain in classes.chains:
            one = recourse.build_program_evaluation(
                chain, classes, point, np.ones((1, count)), False
            )
            solved = FlowProgram(it, chain, one.template).solve(
                one.parameter_values(slice(None)), one.is_open
            )
            for u, flow in enumerate(solved):
                for v in chain.nodes:
                    node, lot = it.nodes[v], it.lot_tonnes[it.nodes[v].material]
                    makers = ((p.label, 1.0) for p in chain.plants if p.output == v)
                    takers = ((p.label, p.inputs[v]) for p in chain.plants if v in p.inputs)
                    lots = {
                        "supply_t": flow.market_used[v],
                        "projects_t": flow.project_output_used[v],
                        "made_t": _sum_made(flow, makers),
                        "released_t": flow.released[v],
                        "missing_t": flow.missing[v],
                        "demand_t": recourse.node_data[v].demand[
                            classes.by_material[node.material].demand_row[u]
                        ],
                        "taken_t": _sum_made(flow, takers),
                        "unused_t": flow.unused[v],
                    }
                    for name, own in lots.items():
                        self._flows[node.material][name][u] += lot * own[year].sum()
                for plant in chain.plants:
                    lot = it.lot_tonnes[it.nodes[plant.output].material]
                    self._made[plant.label][u] += lot * flow.made[plant.label][year].sum()

    def weighted_mean(self, weights: Floats) -> YearFlows:
        """Of the states, by weights (U)."""
        flows = {
            form: results.FormFlow(**{name: float(weights @ t) for name, t in own.items()})
            for form, own in self._flows.items()
        }
        return YearFlows(flows, {label: float(weights @ t) for label, t in self._made.items()})


def _sum_made(flow: ChainFlow, plants: Iterable[tuple[str, float]]) -> Floats:
    """(K) lots that plants make, each times a ratio."""
    total = np.zeros(len(next(iter(flow.unused.values()))))
    for label, ratio in plants:
        total = total + ratio * flow.made[label]
    return total
