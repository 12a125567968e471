"""Where a chain's tonnes come from and go in single states, at the least damage.

Of equally good recourses one is told, by a second linear program beside that of the template: least
is missing, early periods first; then least is released; then most is made, and imports give way.
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

MISSING_COST, RELEASE_COST, MADE_COST = 100.0, 1.0, -1e-3  # cost of a lot where damage is the same
DAMAGE_SLACK = 1e-9  # of what costs are counted in, by which the least damage may be missed
MIN_LOTS = 1e-9  # fewer lots are none


@dataclass(frozen=True, eq=False)
class ChainFlow:
    """(K) lots of one state, by position of the node; of ``made`` by label of the plant."""

    market_used: dict[int, Floats]  # used of the market's
    project_output_used: dict[int, Floats]  # used of what projects without inputs deliver
    unused: dict[int, Floats]
    released: dict[int, Floats]
    missing: dict[int, Floats]
    made: dict[str, Floats]


class FlowProgram:
    """The program that tells flows of one chain."""

    def __init__(self, instance: Instance, chain: Chain, template: ProgramTemplate) -> None:
        self._instance, self._chain, self._template = instance, chain, template
        self._node_by_label = {instance.nodes[v].label: v for v in chain.nodes}
        program, length = template.program, len(instance.periods)
        balance = [
            (r, self._node_by_label[index[0]], index[1])
            for r, (rule, index) in enumerate(template.row_keys)
            if rule == "demand_balance"
        ]
        self._balance = np.array([r for r, *_ in balance], dtype=np.int64)
        self._node = np.array([v for _, v, _ in balance], dtype=np.int64)
        self._period = np.array([k for *_, k in balance], dtype=np.int64)
        self._template_columns, count = len(program.cost), len(balance)
        # What nobody needs leaves its balance, whichever side that has, and makes it an equation.
        at_least = np.isfinite(program.row_lower[self._balance])
        spare = sparse.csc_array(
            (np.where(at_least, -1.0, 1.0), (self._balance, np.arange(count))),
            shape=(len(program.row_names), count),
        )
        of_damage = np.concatenate([program.cost / template.cost_unit, np.zeros(count)])
        cost = np.zeros(self._template_columns + count)
        for c, (name, index) in enumerate(template.column_keys):
            if name == "shortage":
                early = 1 - index[2] / length
                cost[c] = MISSING_COST * (1 + early * program.cost[c] / template.cost_unit)
            elif name in ("release", "made"):
                cost[c] = RELEASE_COST if name == "release" else MADE_COST
        matrix = sparse.hstack([program.matrix, spare])
        self._program = replace(
            program,
            cost=cost,
            offset=0.0,
            matrix=sparse.csc_array(sparse.vstack([matrix, sparse.csr_array(of_damage[None])])),
            row_lower=np.append(program.row_lower, -np.inf),
            row_upper=np.append(program.row_upper, np.inf),
            lower=np.append(program.lower, np.zeros(count)),
            upper=np.append(program.upper, np.zeros(count)),
            integer=np.zeros(len(cost), dtype=bool),
            row_names=[*program.row_names, "damage"],
            column_names=[*program.column_names, *(f"unused {r}" for r in range(count))],
        )

    def solve(self, parameters: Floats, is_open: NDArray[np.bool_]) -> list[ChainFlow]:
        """Flows at given values (U, G), in open periods (U, K)."""
        least = self._template.solve(parameters, is_open, [None] * len(parameters)).damage
        lower, upper = self._template.row_sides(parameters)
        has = np.isfinite(self._program.row_lower[:-1]), np.isfinite(self._program.row_upper[:-1])
        lower = np.where(has[0], lower, -np.inf)
        upper = np.where(has[1], upper, np.inf)
        of_balance = np.where(has[0], lower, upper)[:, self._balance]
        lower[:, self._balance] = upper[:, self._balance] = of_balance
        limit = (least / self._template.cost_unit * (1 + 1e-9) + DAMAGE_SLACK)[:, None]
        lower = np.hstack([lower, np.full_like(limit, -np.inf)])
        upper = np.hstack([upper, limit])
        rows = np.arange(lower.shape[1], dtype=np.int32)
        spare = np.arange(self._template_columns, len(self._program.cost), dtype=np.int32)
        found, simplex = [], highs.DualSimplex(self._program, exact=True)
        for own, low, high in zip(parameters, lower, upper, strict=True):
            market, output = self._inflows(own)
            most = (market + output)[self._node, self._period]
            simplex.set_column_bounds(spare, np.zeros(len(most)), most)
            simplex.set_row_bounds(rows, low, high)
            if simplex.solve() != "optimal":
                raise SolverError("flows of a chain have no optimum")
            found.append(self._read_flow(simplex.values(), market, output))
        return found

    def _inflows(self, parameters: Floats) -> tuple[Floats, Floats]:
        """(V, K) what the market and projects without inputs bring, by position of the node."""
        place, length = self._template.parameter_positions, len(self._instance.periods)
        market = np.zeros((max(self._chain.nodes) + 1, length))
        output = np.zeros_like(market)
        for (kind, whose), at in place.items():
            if kind == "market":
                market[whose] = parameters[at]
            elif kind == "delivers" and not self._instance.projects[whose[1]].inputs:
                output[whose[0]] += parameters[at]
        return market, output

    def _read_flow(self, values: Floats, market: Floats, output: Floats) -> ChainFlow:
        released, missing, unused = np.zeros_like(market), np.zeros_like(market), market + output
        made = {plant.label: np.zeros(market.shape[1]) for plant in self._chain.plants}
        values = np.where(values > MIN_LOTS, values, 0.0)
        unused[self._node, self._period] = values[self._template_columns :]
        for (name, index), lots in zip(self._template.column_keys, values, strict=False):
            if name == "made":
                made[index[1]][index[2]] = lots
            elif name in ("release", "shortage"):
                into = released if name == "release" else missing
                into[self._node_by_label[index[0]], index[2]] += lots
        from_market = np.minimum(unused, market)
        nodes = self._chain.nodes
        return ChainFlow(
            market_used={v: market[v] - from_market[v] for v in nodes},
            project_output_used={v: output[v] - (unused[v] - from_market[v]) for v in nodes},
            unused={v: unused[v] for v in nodes},
            released={v: released[v] for v in nodes},
            missing={v: missing[v] for v in nodes},
            made=made,
        )
