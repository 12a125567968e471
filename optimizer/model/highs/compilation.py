"""Compilation of Pyomo models to arrays without losses, and substitution of defined columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from optimizer.errors import InvalidModelData
from optimizer.model.highs.program import ROUNDING_SHARE, Floats, LinearProgram, max_abs_by_row


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A Pyomo model as arrays, with the Pyomo object of each row and column."""

    program: LinearProgram
    constraints: Sequence[Any]
    variables: Sequence[Any]

    @cached_property
    def row_keys(self) -> list[tuple[str, Any]]:
        """Component name and index of each row, as :func:`component_keys` returns them."""
        return component_keys(self.constraints)

    @cached_property
    def column_keys(self) -> list[tuple[str, Any]]:
        """Component name and index of each column, as :func:`component_keys` returns them."""
        return component_keys(self.variables)

    def load_solution(self, values: NDArray[np.float64]) -> None:
        """Set the variables of the Pyomo model to ``values``, one for each column."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.set_value(float(value), skip_validation=True)


def compile_model(model: Any) -> CompiledModel:
    """Compile a Pyomo model to arrays. Raise InvalidModelData if a constraint has no variables, or
    if the model does not have exactly one objective, to be minimized."""
    try:
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    except InfeasibleConstraintException as error:
        raise InvalidModelData(f"a constraint without variables cannot hold: {error}") from error
    if len(form.objectives) != 1 or form.objectives[0].sense != pyo.minimize:
        raise InvalidModelData("the model needs exactly one objective, to be minimized")
    compiled_ids = {id(row.constraint) for row in form.rows}
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        if id(constraint) not in compiled_ids:
            raise InvalidModelData(f"{constraint.name} has no variable and was dropped")
    matrix = form.A.tocsc()
    matrix.eliminate_zeros()
    rhs = np.asarray(form.rhs, dtype=float)
    bound_types = np.array([row.bound_type for row in form.rows], dtype=int)
    program = LinearProgram(
        cost=np.asarray(form.c.todense(), dtype=float).ravel(),
        offset=float(form.c_offset[0]),
        matrix=matrix,
        row_lower=np.where(bound_types == 1, -np.inf, rhs),
        row_upper=np.where(bound_types == -1, np.inf, rhs),
        lower=np.array([-np.inf if v.lb is None else v.lb for v in form.columns], dtype=float),
        upper=np.array([np.inf if v.ub is None else v.ub for v in form.columns], dtype=float),
        is_integer=np.array([not v.is_continuous() for v in form.columns], dtype=bool),
        row_names=_ComponentNames([row.constraint for row in form.rows], model),
        column_names=_ComponentNames(form.columns, model),
    )
    return CompiledModel(program, [row.constraint for row in form.rows], list(form.columns))


class _ComponentNames(Sequence[str]):
    """Names of Pyomo objects, computed on access."""

    def __init__(self, components: Sequence[Any], model: Any) -> None:
        self._components = components
        self._model = model  # kept alive, since components lose their names with their model

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, position: Any) -> Any:
        return self._components[position].name


class NameSubset(Sequence[str]):
    """Subset of a sequence of names, computed on access."""

    def __init__(self, names: Sequence[str], positions: NDArray[np.int64]) -> None:
        self._names, self._positions = names, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, position: Any) -> Any:
        return self._names[int(self._positions[position])]


@dataclass(frozen=True, eq=False)
class SubstitutedProgram:
    """A program without the columns that some of its rows define, and the definitions of these
    columns. All rows are kept; those that were definitions are empty and have no bounds."""

    program: LinearProgram
    kept_columns: NDArray[np.int64]  # positions in the full program, as below
    defined_columns: NDArray[np.int64]
    definition_rows: NDArray[np.int64]
    _definition_matrix: sparse.csr_array
    _definition_constant: Floats

    def expand(self, x: Floats) -> Floats:
        """Return the values of all columns of the full program, from the values ``x`` of the
        columns that were kept. Negative values of defined columns become 0."""
        all_values = np.zeros(len(self.kept_columns) + len(self.defined_columns))
        all_values[self.kept_columns] = x
        all_values[self.defined_columns] = np.maximum(
            self._definition_matrix @ x + self._definition_constant, 0.0
        )
        return all_values


def component_keys(components: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the component name and the index of each row or column of Pyomo."""
    names: dict[int, str] = {}
    keys = []
    for component in components:
        parent = component.parent_component()
        name = names.get(id(parent)) or names.setdefault(id(parent), str(parent.local_name))
        keys.append((name, component.index()))
    return keys


def substitute_defined_columns(
    compiled: CompiledModel, variable: str, definition: str
) -> SubstitutedProgram:
    """Replace the columns of ``variable`` by the expressions that the equality rows of the
    constraint ``definition`` give for them. Presolve would eliminate a chain of many periods from
    its end, and divide by a small coefficient in each."""
    full_program = compiled.program
    variable_names = np.array([name for name, _ in compiled.column_keys])
    constraint_names = np.array([name for name, _ in compiled.row_keys])
    defined_columns = np.flatnonzero(variable_names == variable)
    kept_columns = np.flatnonzero(variable_names != variable)
    definition_rows = np.flatnonzero(constraint_names == definition)
    matrix = sparse.csr_array(full_program.matrix)
    definition_matrix, constant = _solve_definitions(
        matrix, full_program.row_lower, definition_rows, defined_columns, kept_columns
    )
    substituted_matrix = _add_product(
        matrix[:, kept_columns], matrix[:, defined_columns], definition_matrix
    )
    shift = matrix[:, defined_columns] @ constant
    size = abs(matrix[:, defined_columns]) @ np.abs(constant)
    lower, upper = (
        _zero_rounding(row_bound - shift, ROUNDING_SHARE * size)
        for row_bound in (full_program.row_lower, full_program.row_upper)
    )
    is_kept_row = np.ones(len(constraint_names))
    is_kept_row[definition_rows] = 0.0
    lower[definition_rows], upper[definition_rows] = -np.inf, np.inf
    substituted_matrix = sparse.csr_array(sparse.diags_array(is_kept_row) @ substituted_matrix)
    substituted_matrix.eliminate_zeros()
    program = replace(
        full_program,
        cost=full_program.cost[kept_columns]
        + definition_matrix.T @ full_program.cost[defined_columns],
        offset=full_program.offset + float(full_program.cost[defined_columns] @ constant),
        matrix=sparse.csc_array(substituted_matrix),
        row_lower=lower,
        row_upper=upper,
        lower=full_program.lower[kept_columns].copy(),
        upper=full_program.upper[kept_columns].copy(),
        is_integer=full_program.is_integer[kept_columns],
        column_names=NameSubset(full_program.column_names, kept_columns),
    )
    return SubstitutedProgram(
        program, kept_columns, defined_columns, definition_rows, definition_matrix, constant
    )


def _solve_definitions(
    matrix: sparse.csr_array,
    rhs: Floats,
    definition_rows: NDArray[np.int64],
    defined_columns: NDArray[np.int64],
    kept_columns: NDArray[np.int64],
) -> tuple[sparse.csr_array, Floats]:
    """Solve equality rows for the columns that they define. Return a matrix and a constant: defined
    columns = matrix @ kept columns + constant. For chains with few links the inverse is sparse; it
    is computed from powers of the off-diagonal part."""
    if not len(defined_columns):
        return sparse.csr_array((0, len(kept_columns))), np.zeros(0)
    definition_matrix = sparse.csr_array(matrix[definition_rows][:, defined_columns])
    scale = sparse.diags_array(1.0 / definition_matrix.diagonal())
    identity = sparse.eye_array(len(defined_columns), format="csr")
    power = _add_product(identity, sparse.csr_array(-scale @ definition_matrix), identity)
    inverse = identity
    while power.nnz:
        inverse = sparse.csr_array(inverse + power @ inverse)
        power = sparse.csr_array(power @ power)
    inverse = sparse.csr_array(inverse @ scale)
    by_kept_columns = _drop_rounding(
        sparse.csr_array(-inverse @ matrix[definition_rows][:, kept_columns])
    )
    return by_kept_columns, np.asarray(inverse @ rhs[definition_rows])


def _add_product(
    base: sparse.csr_array, matrix: sparse.csr_array, factor: sparse.csr_array
) -> sparse.csr_array:
    """Return ``base + matrix @ factor``; entries that would be 0 but for rounding are left out."""
    total = sparse.csr_array(base + matrix @ factor)
    size = sparse.csr_array(abs(base) + abs(matrix) @ abs(factor))
    without_rounding = total.multiply(abs(total) > ROUNDING_SHARE * size)
    return sparse.csr_array(without_rounding)


def _drop_rounding(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return the matrix without entries so small that they are rounding errors."""
    matrix = sparse.csr_array(matrix)
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[np.abs(matrix.data) <= ROUNDING_SHARE * max_abs_by_row(matrix)[row]] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _zero_rounding(values: Floats, threshold: Floats) -> Floats:
    return np.where(np.abs(values) <= threshold, 0.0, values)
