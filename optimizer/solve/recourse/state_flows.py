"""Shortages, flows and multipliers of the second stage in every single state.

Of several optima, a second linear program selects one: first by least shortage, avoided in early
periods before late ones; then by least release; then by most production, which is preferred to
imports.

The evaluations of :mod:`optimizer.solve.recourse.evaluator` sum shortages over states and merge
states that lead to the same subproblem. Here every state has its own class, so that supply in
periods without any shortage is that of the state, too. Shortages are those of the evaluator. Of the
flows that lead to these shortages, a linear program selects one with least release; it releases
forms near to demand first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.recourse.evaluator import MIN_COMPILED_CLASSES, RecourseEvaluator
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation
from optimizer.solve.recourse.program_template import ProgramTemplate, build_chain_template
from optimizer.solve.recourse.release_policy import release_weights
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

MISSING_COST, RELEASE_COST, MADE_COST = 100.0, 1.0, -1e-3  # costs of a lot in the second program
DAMAGE_SLACK = 1e-9  # damage allowed above the least damage, in units of ``cost_unit``
MIN_LOTS = 1e-9  # fewer lots count as 0


@dataclass(frozen=True, eq=False)
class ChainFlow:
    """Flows of a chain in one state, in lots (K), by position of the node in the instance or by
    label of the plant."""

    market_used: dict[int, Floats]
    project_output_used: dict[int, Floats]  # of projects without inputs
    unused_lots: dict[int, Floats]
    released_lots: dict[int, Floats]
    missing_lots: dict[int, Floats]
    made_by_plant: dict[str, Floats]


class FlowProgram:
    """Linear program that determines the flows of one chain."""

    def __init__(self, instance: Instance, chain: Chain, template: ProgramTemplate) -> None:
        self._instance, self._chain, self._template = instance, chain, template
        self._node_by_label = {instance.nodes[v].label: v for v in chain.nodes}
        program, length = template.program, len(instance.periods)
        balance = [
            (r, self._node_by_label[index[0]], index[1])
            for r, (rule, index) in enumerate(template.row_keys)
            if rule == "demand_balance"
        ]
        self._balance_rows = np.array([r for r, *_ in balance], dtype=np.int64)
        self._balance_nodes = np.array([v for _, v, _ in balance], dtype=np.int64)
        self._balance_periods = np.array([k for *_, k in balance], dtype=np.int64)
        self._template_columns, count = len(program.cost), len(balance)
        # Columns of unused lots turn balances, which have one finite bound, into equations.
        has_row_lower = np.isfinite(program.row_lower[self._balance_rows])
        unused_columns = sparse.csc_array(
            (np.where(has_row_lower, -1.0, 1.0), (self._balance_rows, np.arange(count))),
            shape=(len(program.row_names), count),
        )
        damage_row = np.concatenate([program.cost / template.cost_unit, np.zeros(count)])
        cost = np.zeros(self._template_columns + count)
        for c, (name, index) in enumerate(template.column_keys):
            if name == "shortage":
                earliness = 1 - index[2] / length
                cost[c] = MISSING_COST * (1 + earliness * program.cost[c] / template.cost_unit)
            elif name in ("release", "made"):
                cost[c] = RELEASE_COST if name == "release" else MADE_COST
        matrix = sparse.hstack([program.matrix, unused_columns])
        self._program = replace(
            program,
            cost=cost,
            offset=0.0,
            matrix=sparse.csc_array(sparse.vstack([matrix, sparse.csr_array(damage_row[None])])),
            row_lower=np.append(program.row_lower, -np.inf),
            row_upper=np.append(program.row_upper, np.inf),
            lower=np.append(program.lower, np.zeros(count)),
            upper=np.append(program.upper, np.zeros(count)),
            is_integer=np.zeros(len(cost), dtype=bool),
            row_names=[*program.row_names, "damage"],
            column_names=[*program.column_names, *(f"unused {r}" for r in range(count))],
        )

    def solve(self, parameters: Floats, is_open: NDArray[np.bool_]) -> list[ChainFlow]:
        """Return the flows in each state class, given the values of the parameters (U, G) and the
        open periods (U, K).

        Raise SolverError if a program has no optimum.
        """
        min_damage = self._template.solve(parameters, is_open, [None] * len(parameters)).damage
        row_lower, row_upper = self._template.row_bounds(parameters)
        has_bound = (
            np.isfinite(self._program.row_lower[:-1]),
            np.isfinite(self._program.row_upper[:-1]),
        )
        row_lower = np.where(has_bound[0], row_lower, -np.inf)
        row_upper = np.where(has_bound[1], row_upper, np.inf)
        balance_bound = np.where(has_bound[0], row_lower, row_upper)[:, self._balance_rows]
        row_lower[:, self._balance_rows] = row_upper[:, self._balance_rows] = balance_bound
        damage_limit = (min_damage / self._template.cost_unit * (1 + 1e-9) + DAMAGE_SLACK)[:, None]
        row_lower = np.hstack([row_lower, np.full_like(damage_limit, -np.inf)])
        row_upper = np.hstack([row_upper, damage_limit])
        rows = np.arange(row_lower.shape[1], dtype=np.int32)
        unused_columns = np.arange(self._template_columns, len(self._program.cost), dtype=np.int32)
        flows, simplex = [], highs.DualSimplex(self._program, exact=True)
        for class_parameters, class_row_lower, class_row_upper in zip(
            parameters, row_lower, row_upper, strict=True
        ):
            market, output = self._inflows(class_parameters)
            max_unused = (market + output)[self._balance_nodes, self._balance_periods]
            simplex.set_column_bounds(unused_columns, np.zeros(len(max_unused)), max_unused)
            simplex.set_row_bounds(rows, class_row_lower, class_row_upper)
            if simplex.solve() != "optimal":
                raise SolverError("flows of a chain have no optimum")
            flows.append(self._read_flow(simplex.values(), market, output))
        return flows

    def _inflows(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Return the lots (V, K) from the market and from projects without inputs, by position of
        the node in the instance."""
        positions, length = self._template.parameter_positions, len(self._instance.periods)
        market = np.zeros((max(self._chain.nodes) + 1, length))
        output = np.zeros_like(market)
        for (kind, owner), indices in positions.items():
            if kind == "market":
                market[owner] = parameters[indices]
            elif kind == "delivers" and not self._instance.projects[owner[1]].inputs:
                output[owner[0]] += parameters[indices]
        return market, output

    def _read_flow(self, values: Floats, market: Floats, output: Floats) -> ChainFlow:
        released_lots = np.zeros_like(market)
        missing_lots = np.zeros_like(market)
        unused_lots = market + output
        made_by_plant = {plant.label: np.zeros(market.shape[1]) for plant in self._chain.plants}
        values = np.where(values > MIN_LOTS, values, 0.0)
        unused_lots[self._balance_nodes, self._balance_periods] = values[self._template_columns :]
        for (name, index), lots in zip(self._template.column_keys, values, strict=False):
            if name == "made":
                made_by_plant[index[1]][index[2]] = lots
            elif name in ("release", "shortage"):
                target_lots = released_lots if name == "release" else missing_lots
                target_lots[self._node_by_label[index[0]], index[2]] += lots
        market_unused = np.minimum(unused_lots, market)
        nodes = self._chain.nodes
        return ChainFlow(
            market_used={v: market[v] - market_unused[v] for v in nodes},
            project_output_used={v: output[v] - (unused_lots[v] - market_unused[v]) for v in nodes},
            unused_lots={v: unused_lots[v] for v in nodes},
            released_lots={v: released_lots[v] for v in nodes},
            missing_lots={v: missing_lots[v] for v in nodes},
            made_by_plant=made_by_plant,
        )


MADE_LOT_COST = 1e-3  # cost of making a lot; releasing one costs 1 or more
LOSS_RANK_COST = 1e-3  # relative addition to the cost of a release for each rank by retention
SHORTAGE_SLACK = 1e-10  # share of demand by which a shortage may exceed the one of the evaluator


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
        return releases + MADE_LOT_COST * pyo.quicksum(block.made.values())

    return build_chain_template(instance, chain, flow_cost)
