"""Flows of a chain in single states, at least damage.

Of several optima, a second linear program selects one: first by least shortage, avoided in early
periods before late ones; then by least release; then by most production, which is preferred to
imports.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.instance import Chain, Floats, Instance
from optimizer.solve.recourse.program_template import ProgramTemplate

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
