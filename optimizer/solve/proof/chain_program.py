"""Linear program of one chain in several states, built from the formulation, with which cuts and
damage are recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.formulation import build_commitment
from optimizer.model.formulation.recourse import (
    ChainInState,
    add_deliveries,
    add_recourse,
    chains_in_state,
)
from optimizer.model.highs import LinearProgram, compile_model
from optimizer.model.instance import Floats, Instance
from optimizer.model.scenario_data import ScenarioData, project_output_lots

DEFINITIONS = ("delivered_definition", "planned_stock_definition")
"""First-stage constraints of the program: those that define what recourse depends on."""
FIRST_STAGE = ("offtake", "floored", "unaided", "buy")
"""Decisions that recourse depends on."""


@dataclass(frozen=True, eq=False)
class ChainProgram:
    """Program that minimizes the damage of a chain in its state classes for given decisions.

    States whose data agree in all open periods form one class.
    """

    program: LinearProgram  # its cost is zero
    damage: sparse.csr_array  # (U, columns) damage of each class
    class_of_state: NDArray[np.int64]  # (S); -1 where no shortage is possible
    column_index: dict[str, int]

    def class_weights(self, state_weights: Floats) -> Floats:
        """Return the sum of the weights of the states (S) in each class (U)."""
        is_open = self.class_of_state >= 0
        classes, weights = self.class_of_state[is_open], state_weights[is_open]
        return np.bincount(classes, weights, self.damage.shape[0]).astype(float)

    def expand(self, class_damage: Floats) -> Floats:
        """Return the damage in each state (S) from that in each class (U)."""
        return np.append(class_damage, 0.0)[self.class_of_state]


class ChainPrograms:
    """Builder of the programs of all chains of one leaf. ``data`` has the scenario data of each
    state."""

    def __init__(self, instance: Instance, data: Sequence[ScenarioData]) -> None:
        self._instance, self.state_count = instance, len(data)
        self._model = build_commitment(instance)
        add_deliveries(self._model, instance, data)
        for constraint in self._model.component_objects(pyo.Constraint):
            if constraint.local_name not in DEFINITIONS:
                constraint.deactivate()
        self._classes: dict[int, dict[Any, ChainInState]] = {c.id: {} for c in instance.chains}
        self._keys: dict[int, dict[int, Any]] = {c.id: {} for c in instance.chains}
        for s, state_data in enumerate(data):
            for chain in chains_in_state(instance, state_data, self._model):
                key = tuple(_content(instance, chain, state_data))
                self._classes[chain.chain.id].setdefault(key, chain)
                self._keys[chain.chain.id][s] = key

    def build(self, chain_id: int, states: range) -> ChainProgram:
        """Build the program of a chain in some of the states."""
        model, keys = self._model, self._keys[chain_id]
        classes = {keys[s]: self._classes[chain_id][keys[s]] for s in states if s in keys}
        number_of = {key: number for number, key in enumerate(classes)}
        class_of_state = np.array([number_of[keys[s]] if s in keys else -1 for s in states])
        model.state = pyo.Block(range(len(classes)))
        for number, chain in enumerate(classes.values()):
            add_recourse(model.state[number], self._instance, [chain], model)
        # The cost of each column tells its class, and its damage when divided by the number.
        damages = ((number + 1) * model.state[number].damage for number in model.state)
        model.objective = pyo.Objective(expr=pyo.quicksum(damages) + model.nothing)
        compiled = compile_model(model)
        in_state = {id(model.state[number]): number for number in model.state}
        class_of_column = np.array(
            [in_state.get(id(x.parent_block()), -1) for x in compiled.variables]
        )
        is_decision = np.array(
            [x.parent_component().local_name in FIRST_STAGE for x in compiled.variables]
        )
        program = compiled.program
        matrix = sparse.csr_array(program.matrix)
        of_state = np.array([id(row.parent_block()) in in_state for row in compiled.constraints])
        # A definition is kept if a state uses what it defines, directly or by other definitions.
        is_kept, is_linked = of_state, np.zeros_like(of_state)
        while (is_kept != is_linked).any():
            is_linked = is_kept
            is_used = np.diff(sparse.csc_array(matrix[np.flatnonzero(is_linked)]).indptr) > 0
            is_kept = of_state | (abs(matrix) @ (is_used & ~is_decision).astype(float) > 0)
        rows = np.flatnonzero(is_kept)
        matrix = matrix[rows]
        is_used = np.diff(sparse.csc_array(matrix).indptr) > 0
        columns = np.flatnonzero(is_used | is_decision | (class_of_column >= 0))
        names = [compiled.variables[c].name for c in columns.tolist()]
        row_names = [compiled.constraints[r].name for r in rows.tolist()]
        cost = program.cost[columns]
        costly = np.flatnonzero((cost != 0) & (class_of_column[columns] >= 0))
        of_class = class_of_column[columns][costly]
        damage = sparse.csr_array(
            (cost[costly] / (of_class + 1), (of_class, costly)), shape=(len(classes), len(columns))
        )
        for component in ("state", "objective"):
            model.del_component(component)
        return ChainProgram(
            LinearProgram(
                cost=np.zeros(len(columns)),
                offset=0.0,
                matrix=sparse.csc_array(matrix[:, columns]),
                row_lower=program.row_lower[rows],
                row_upper=program.row_upper[rows],
                lower=program.lower[columns],
                upper=program.upper[columns],
                is_integer=np.zeros(len(columns), dtype=bool),
                row_names=row_names,
                column_names=names,
            ),
            damage,
            class_of_state,
            {name: c for c, name in enumerate(names)},
        )


def _content(instance: Instance, chain: ChainInState, data: ScenarioData) -> Iterator[Any]:
    """Yield all data of a state that the recourse of a chain depends on."""
    periods = list(chain.open_periods)
    yield chain.open_periods
    for v in chain.chain.nodes:
        yield chain.demand[v][periods].tobytes()
        yield chain.step_limit[v][:, periods].tobytes()
        yield chain.market[v][periods].tobytes()
        for key, lots in sorted(project_output_lots(instance, instance.nodes[v], data).items()):
            yield key, lots[periods].tobytes()
    for plant in chain.chain.plants:
        if plant.id in chain.capacity:
            yield chain.capacity[plant.id][periods].tobytes()
    for h, lots in chain.max_refill.items():
        yield h, lots.tobytes()
