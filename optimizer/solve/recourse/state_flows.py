"""Shortages, flows and multipliers of the second stage in every single state.

The evaluations of :mod:`optimizer.solve.recourse.evaluator` sum shortages over states and merge
states that lead to the same subproblem. Here every state has its own class, so that supply in
periods without any shortage is that of the state, too. Shortages are those of the evaluator. Of the
flows that lead to these shortages, a linear program selects one with least release; it releases
forms near to demand first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.model.commitment import Commitment
from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.recourse.chain_release_policy import release_weights
from optimizer.solve.recourse.evaluator import MIN_COMPILED_CLASSES, RecourseEvaluator
from optimizer.solve.recourse.material_classes import StateClasses
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation
from optimizer.solve.recourse.program_template import ProgramTemplate, build_chain_template
from optimizer.solve.recourse.state_classes import ChainStateClasses

MADE_COST = 1e-3  # cost of making a lot; releasing one costs 1 or more
LOSS_RANK_COST = 1e-3  # relative addition to the cost of a release for each rank by retention
SHORTAGE_SLACK = 1e-10  # share of demand by which a shortage may exceed the one of the evaluator
MIN_LOTS = 1e-9  # fewer lots count as 0


@dataclass(frozen=True, eq=False)
class ChainFlows:
    """Flows of one chain in U states, in lots (U, K), by position of the node in the instance."""

    chain: Chain
    market: dict[int, Floats]  # that the market delivers, used or not
    output: dict[tuple[int, str], Floats]  # of projects without inputs, by node and project
    released: dict[tuple[int, str], Floats]  # by node and stockpile
    made: dict[str, Floats]  # by label of the plant

    def inflow(self, v: int) -> Floats:
        """Return the lots that reach a node, used or not."""
        parts = [lots for (w, _), lots in [*self.output.items(), *self.released.items()] if w == v]
        parts += [self.made[plant.label] for plant in self.chain.plants if plant.output == v]
        total: Floats = np.sum([self.market[v], *parts], axis=0)
        return total


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Multipliers of the constraints of one chain in U states.

    They say by how much the damage of the state falls with one more lot on the right-hand side of
    a constraint: one more lot of supply, of stock, of capacity, or of a limit. ``rows`` and
    ``bounds`` pair the name and index of a constraint, or of a variable with an upper bound, with
    the multipliers (U).
    """

    rows: list[tuple[tuple[str, Any], Floats]]
    bounds: list[tuple[tuple[str, Any], Floats]]


class StateFlows:
    """Second stage of a commitment in each of S states.

    ``recourse`` is an evaluator of these states that does not merge them into classes.
    """

    def __init__(
        self, recourse: RecourseEvaluator, states: Sequence[State], commitment: Commitment
    ) -> None:
        instance = self.instance = recourse.instance
        self.recourse, self.states = recourse, states
        self.shape = len(states), len(instance.periods)
        point = recourse.columns.to_point(commitment)
        weights = np.ones((1, len(states)))
        self.classes: dict[int, StateClasses] = {}  # by node; one class for each state
        self._evaluations: dict[int, ProgramEvaluation] = {}  # by chain
        evaluations = []
        for chain, classes in self.recourse.chains_with_classes():
            evaluation = self.recourse.build_evaluation(chain, classes, point, weights, False, True)
            evaluation.keep_steps()
            evaluations.append(evaluation)
            self._evaluations[chain.id] = self.recourse.build_program_evaluation(
                chain, classes, point, weights, False
            )
            for v in chain.nodes:
                self.classes[v] = (
                    classes.by_material[instance.nodes[v].material]
                    if isinstance(classes, ChainStateClasses)
                    else classes
                )
        self.recourse.run_tasks([task for x in evaluations for task in x.tasks()])
        self.missing: dict[int, Floats] = {
            v: lots for x in evaluations for v, lots in (x.lots_by_step or {}).items()
        }
        """(S, J, K) lots missing on each damage step of the scenario file, by node."""

    def step_demand(self, v: int) -> Floats:
        """Return the lots (S, J, K) of demand on each damage step of a node."""
        demand: Floats = self.recourse.node_data[v].file_step_limit[self.classes[v].demand_row]
        return demand

    def demand(self, v: int) -> Floats:
        """Return the lots (S, K) of demand of a node."""
        demand: Floats = self.recourse.node_data[v].demand[self.classes[v].demand_row]
        return demand

    def flows(self, chain: Chain, templates: dict[int, ProgramTemplate]) -> ChainFlows:
        """Return the flows of a chain with the shortages of the evaluator.

        ``templates`` holds the programs of chains from earlier calls, to which those that are
        missing are added. Raise SolverError if a program has no optimum.
        """
        if chain.id not in templates:
            templates[chain.id] = _build_flow_template(self.instance, chain)
            templates[chain.id].uses_compiled_solver = (
                self._evaluations[chain.id].class_count >= MIN_COMPILED_CLASSES
            )
        template, evaluation = templates[chain.id], self._evaluations[chain.id]
        given = evaluation.parameter_values(slice(None))
        count = len(given)
        parameters = np.zeros((count, template.parameter_count))
        for key, positions in evaluation.template.parameter_positions.items():
            parameters[:, template.parameter_positions[key]] = given[:, positions]
        is_needed = np.zeros(count, dtype=bool)
        for v in chain.nodes:
            demand = self.demand(v)
            parameters[:, template.parameter_positions["demand", v]] = demand
            slack = SHORTAGE_SLACK * demand[:, None]
            for j, lots in enumerate(np.moveaxis(self.missing[v] + slack, 1, 0)):
                parameters[:, template.parameter_positions["limit", (v, j)]] = lots
            market = given[:, evaluation.template.parameter_positions["market", v]]
            is_needed |= (demand - market > COVERAGE_TOLERANCE * demand).any(axis=1)
        # In all other states the market alone covers demand.
        values = np.zeros((count, len(template.column_keys)))
        solved_values = np.zeros((int(is_needed.sum()), len(template.column_keys)))
        is_open = np.ones((len(solved_values), len(self.instance.periods)), dtype=bool)
        if len(solved_values):
            template.solve(
                parameters[is_needed], is_open, [None] * len(solved_values), solved_values
            )
        values[is_needed] = np.where(solved_values > MIN_LOTS, solved_values, 0.0)
        return self._read_flows(chain, template, parameters, values)

    def _read_flows(
        self, chain: Chain, template: ProgramTemplate, parameters: Floats, values: Floats
    ) -> ChainFlows:
        nodes = {self.instance.nodes[v].label: v for v in chain.nodes}
        shape = len(values), len(self.instance.periods)
        released: dict[tuple[int, str], Floats] = {}
        made = {plant.label: np.zeros(shape) for plant in chain.plants}
        for (name, index), lots in zip(template.column_keys, values.T, strict=True):
            if name == "release":
                key = nodes[index[0]], index[1]
                released.setdefault(key, np.zeros(shape))[:, index[2]] = lots
            elif name == "made":
                made[index[1]][:, index[2]] = lots
        positions = template.parameter_positions
        output = {
            owner: parameters[:, indices]
            for (kind, owner), indices in positions.items()
            if kind == "delivers" and not self.instance.projects[owner[1]].inputs
        }
        market = {v: parameters[:, positions["market", v]] for v in chain.nodes}
        return ChainFlows(chain, market, output, released, made)

    def multipliers(self, chain: Chain) -> Multipliers:
        """Return the multipliers of the constraints of a chain, of one optimal dual solution."""
        evaluation = self._evaluations[chain.id]
        template = evaluation.template
        parameters = evaluation.parameter_values(slice(None))
        results = template.solve(parameters, evaluation.is_open, [None] * len(parameters))
        program, duals = template.program, results.row_duals
        reduced_costs = program.cost - duals @ program.matrix
        # A row that only has a lower bound is >=: more on its right-hand side raises damage.
        sign = np.where(np.isfinite(program.row_lower) & np.isinf(program.row_upper), 1.0, -1.0)
        return Multipliers(
            list(zip(template.row_keys, (duals * sign).T, strict=True)),
            [
                (key, np.maximum(0.0, -reduced_costs[:, c]))
                for c, key in enumerate(template.column_keys)
                if np.isfinite(program.upper[c])
            ],
        )


def _build_flow_template(instance: Instance, chain: Chain) -> ProgramTemplate:
    """Build the program that selects the flows of a chain: of least release, weighted by form, and
    of stocks that lose most first."""
    weights = release_weights(chain)
    nodes = {instance.nodes[v].label: v for v in chain.nodes}
    order = sorted(instance.stockpiles, key=lambda h: instance.stockpiles[h].retention)
    period_count = len(instance.periods)

    def flow_cost(block: Any) -> Any:
        releases = pyo.quicksum(
            weights[nodes[label]]
            * (1 + LOSS_RANK_COST * order.index(h) * (2 - k / period_count))
            * column
            for (label, h, k), column in block.release.items()
        )
        return releases + MADE_COST * pyo.quicksum(block.made.values())

    return build_chain_template(instance, chain, flow_cost)
