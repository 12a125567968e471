"""The program of a proof: the first stage with its cuts, or the extensive form, as it is built from
the scenario alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.model import formulation
from optimizer.model.commitment import Commitment, decision_values
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import MIN_COEFFICIENT, LinearProgram, compile_model
from optimizer.model.instance import Floats
from optimizer.model.joint_model import join_models
from optimizer.model.program_files import file_names, named_program
from optimizer.model.stacked_problem import SHARED_COLUMNS
from optimizer.model.states import State
from optimizer.solve.exported_program import leaf_model
from optimizer.solve.proof.cut_records import CutRecord, LeafColumn, cut_name, local_name
from optimizer.solve.solver_result import Method

FIXING_TOLERANCES = (0.0, 1e-9, 1e-7, 1e-6)
"""Tolerances with which the decisions of a plan are tried in a program, since plans keep rules only
up to rounding."""


@dataclass(frozen=True, eq=False)
class ProofProgram:
    """The program of a proof, with the position of each column of a leaf."""

    tree: DecisionTree
    program: LinearProgram
    position: dict[LeafColumn, int]

    @classmethod
    def build(
        cls, tree: DecisionTree, states: Sequence[Sequence[State]], method: Method
    ) -> ProofProgram:
        """Build the first stage without cuts, or the extensive form. ``states`` are those of each
        leaf."""
        models = [
            formulation.build_master(leaf.instance)
            if method == "decomposition"
            else formulation.build_extensive_form(leaf.instance, tuple(leaf_states))
            for leaf, leaf_states in zip(tree.leaves, states, strict=True)
        ]
        joint = join_models(tree, models)
        compiled = compile_model(joint)
        blocks = {id(leaf_model(joint, tree, n)): n for n in range(len(tree.leaves))}
        position = {
            (blocks[id(variable.parent_block())], str(variable.local_name)): c
            for c, variable in enumerate(compiled.variables)
            if id(variable.parent_block()) in blocks
        }
        return cls(tree, compiled.program, position)

    @property
    def file_name(self) -> dict[LeafColumn, str]:
        """Name in the program file of each column of a leaf."""
        names = file_names(self.program.column_names)
        return {key: names[c] for key, c in self.position.items()}

    def with_cuts(self, records: Sequence[CutRecord]) -> LinearProgram:
        """Return the program with the rows of cuts."""
        program = self.program
        if not records:
            return program
        rows, columns, entries, lower = list[int](), list[int](), list[float](), list[float]()
        for r, record in enumerate(records):
            coefficients: dict[int, float] = {self.position[record.column]: 1.0}
            right_side = 0.0
            for part in record.parts:
                right_side += part.right_side
                for name, entry in part.coefficients.items():
                    c = self.position[part.leaf, name]
                    coefficients[c] = coefficients.get(c, 0.0) + entry
            for c, entry in coefficients.items():
                # Solvers drop such entries; without them, the row has to be weaker.
                if abs(entry) <= MIN_COEFFICIENT and np.isfinite(program.upper[c]):
                    right_side -= max(entry, 0.0) * float(program.upper[c])
                    continue
                rows.append(r)
                columns.append(c)
                entries.append(entry)
            lower.append(right_side)
        shape = (len(records), len(program.cost))
        cuts = sparse.csc_array((np.array(entries), (rows, columns)), shape=shape)
        return replace(
            program,
            matrix=sparse.csc_array(sparse.vstack([program.matrix, cuts])),
            row_lower=np.concatenate([program.row_lower, lower]),
            row_upper=np.concatenate([program.row_upper, np.full(len(records), np.inf)]),
            row_names=[*program.row_names, *map(cut_name, range(len(records)))],
        )

    def decisions(self, plan: Commitment) -> dict[int, float]:
        """Return the value of each decision of a plan, by position; 0 for those that it does not
        make."""
        values = {
            c: 0.0 for (_, name), c in self.position.items() if name.split("[")[0] in SHARED_COLUMNS
        }
        for n, leaf in enumerate(self.tree.leaves):
            branch_plan = plan.on_branch(leaf.branch)
            for key, value in decision_values(leaf.instance, branch_plan).items():
                if (c := self.position.get((n, local_name(*key)))) is not None:
                    values[c] = value
        return values

    def can_state(self, record: CutRecord) -> bool:
        """Return whether all columns of a cut are in the program. A leaf that no state reaches has
        no weight in the objective, and the program lacks its columns."""
        keys = [(part.leaf, name) for part in record.parts for name in part.coefficients]
        return all(key in self.position for key in (record.column, *keys))


def program_for_file(program: LinearProgram) -> LinearProgram:
    """Return the program with the names that it has in the file."""
    return named_program(program)


def fixed_at(program: LinearProgram, values: dict[int, float], tolerance: float) -> LinearProgram:
    """Return the relaxation of a program with some columns fixed at values, to a tolerance."""
    lower, upper = program.lower.copy(), program.upper.copy()
    for c, value in values.items():
        slack = tolerance * (1 + abs(value))
        lower[c] = min(max(lower[c], value - slack), upper[c])
        upper[c] = max(min(upper[c], value + slack), lower[c])
    return replace(program.relaxation(), lower=lower, upper=upper)


def violation(program: LinearProgram, x: Floats) -> tuple[float, str]:
    """Return the largest violation of a row, bound or integrality by ``x``, relative to the terms
    of the row, and the name of the row or column."""
    matrix = sparse.csr_array(program.matrix)
    activity = matrix @ x
    size = 1 + abs(matrix) @ np.abs(x)
    excess: list[tuple[Any, Any]] = [
        (np.maximum(program.row_lower - activity, activity - program.row_upper) / size,
         program.row_names),
        (np.maximum(program.lower - x, x - program.upper) / (1 + np.abs(x)), program.column_names),
        (np.where(program.is_integer, np.abs(x - np.round(x)), 0.0), program.column_names),
    ]  # fmt: skip
    worst = [
        (float(values[place]), str(names[place]))
        for values, names in excess
        if len(values) and (place := int(np.argmax(values))) >= 0
    ]
    return max(worst, default=(0.0, ""))
