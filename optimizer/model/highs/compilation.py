"""A Pyomo model as arrays, nothing lost on the way, and columns put in that rows define."""

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
from optimizer.model.highs.program import Floats, LinearProgram
from optimizer.model.highs.scaling import ROUNDING_SHARE, max_abs_by_row


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A Pyomo model as arrays, and the Pyomo objects behind its rows and columns."""

    program: LinearProgram
    constraints: Sequence[Any]
    variables: Sequence[Any]

    @cached_property
    def row_keys(self) -> list[tuple[str, Any]]:
        """Component and index of each row (:func:`keys`)."""
        return component_keys(self.constraints)

    @cached_property
    def column_keys(self) -> list[tuple[str, Any]]:
        """The same of each column."""
        return component_keys(self.variables)

    def load_solution(self, values: NDArray[np.float64]) -> None:
        """Set the variables of the Pyomo model to a solution."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.set_value(float(value), skip_validation=True)


def compile_model(model: Any) -> CompiledModel:
    """Compile a Pyomo model to arrays. ModelRefused if a constraint has no row or can never hold,
    or the objective is not to be minimised."""
    try:
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    except InfeasibleConstraintException as error:
        raise InvalidModelData(f"a constraint without variables cannot hold: {error}") from error
    if len(form.objectives) != 1 or form.objectives[0].sense != pyo.minimize:
        raise InvalidModelData("the model needs exactly one objective, to be minimised")
    compiled = {id(row.constraint) for row in form.rows}
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        if id(constraint) not in compiled:
            raise InvalidModelData(f"{constraint.name} has no variable and was dropped")
    matrix = form.A.tocsc()
    matrix.eliminate_zeros()
    sides = np.asarray(form.rhs, dtype=float)
    kinds = np.array([row.bound_type for row in form.rows], dtype=int)
    program = LinearProgram(
        cost=np.asarray(form.c.todense(), dtype=float).ravel(),
        offset=float(form.c_offset[0]),
        matrix=matrix,
        row_lower=np.where(kinds == 1, -np.inf, sides),
        row_upper=np.where(kinds == -1, np.inf, sides),
        lower=np.array([-np.inf if v.lb is None else v.lb for v in form.columns], dtype=float),
        upper=np.array([np.inf if v.ub is None else v.ub for v in form.columns], dtype=float),
        integer=np.array([not v.is_continuous() for v in form.columns], dtype=bool),
        row_names=_ComponentNames([row.constraint for row in form.rows], model),
        column_names=_ComponentNames(form.columns, model),
    )
    return CompiledModel(program, [row.constraint for row in form.rows], list(form.columns))


class _ComponentNames(Sequence[str]):
    """Names of Pyomo objects, made only when they are asked for."""

    def __init__(self, components: Sequence[Any], model: Any) -> None:
        self._components = components
        self._model = model  # a component loses its name with its model

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, position: Any) -> Any:
        return self._components[position].name


class NameSubset(Sequence[str]):
    """Some of the names in a sequence, made only when they are asked for."""

    def __init__(self, names: Sequence[str], positions: NDArray[np.int64]) -> None:
        self._names, self._positions = names, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, position: Any) -> Any:
        return self._names[int(self._positions[position])]


@dataclass(frozen=True, eq=False)
class SubstitutedProgram:
    """A program without the columns that rows define, and the way back to all columns. Its rows are
    those of the full program, the definitions being empty and free."""

    program: LinearProgram
    kept_columns: NDArray[np.int64]  # columns of the full program that it has
    defined_columns: NDArray[np.int64]
    definition_rows: NDArray[np.int64]  # the rows that define these columns of the full program
    _definition_matrix: sparse.csr_array
    _definition_constant: Floats

    def expand(self, x: Floats) -> Floats:
        """Values of all columns; those that are defined are never negative."""
        full = np.zeros(len(self.kept_columns) + len(self.defined_columns))
        full[self.kept_columns] = x
        full[self.defined_columns] = np.maximum(
            self._definition_matrix @ x + self._definition_constant, 0.0
        )
        return full


def component_keys(components: Sequence[Any]) -> list[tuple[str, Any]]:
    """Of rows or columns in Pyomo, the name of the component that each belongs to, and its index in
    it."""
    names: dict[int, str] = {}
    found = []
    for own in components:
        parent = own.parent_component()
        name = names.get(id(parent)) or names.setdefault(id(parent), str(parent.local_name))
        found.append((name, own.index()))
    return found


def substitute_defined_columns(
    compiled: CompiledModel, variable: str, definition: str
) -> SubstitutedProgram:
    """Put in the columns of a variable for what the rows of a definition say of them. A chain of
    many periods, each a share of the one before, is no longer one that the solver's presolve can
    follow backwards, dividing by that share every time."""
    full = compiled.program
    names = np.array([name for name, _ in compiled.column_keys])
    rules = np.array([name for name, _ in compiled.row_keys])
    defined, kept = np.flatnonzero(names == variable), np.flatnonzero(names != variable)
    definitions = np.flatnonzero(rules == definition)
    matrix = sparse.csr_array(full.matrix)
    by_kept, constant = _solve_definitions(matrix, full.row_lower, definitions, defined, kept)
    rest = _add_product(matrix[:, kept], matrix[:, defined], by_kept)
    shift = matrix[:, defined] @ constant
    size = abs(matrix[:, defined]) @ np.abs(constant)
    lower, upper = (
        _zero_rounding(side - shift, ROUNDING_SHARE * size)
        for side in (full.row_lower, full.row_upper)
    )
    inside = np.ones(len(rules))
    inside[definitions] = 0.0
    lower[definitions], upper[definitions] = -np.inf, np.inf
    rest = sparse.csr_array(sparse.diags_array(inside) @ rest)
    rest.eliminate_zeros()
    program = replace(
        full,
        cost=full.cost[kept] + by_kept.T @ full.cost[defined],
        offset=full.offset + float(full.cost[defined] @ constant),
        matrix=sparse.csc_array(rest),
        row_lower=lower,
        row_upper=upper,
        lower=full.lower[kept].copy(),
        upper=full.upper[kept].copy(),
        integer=full.integer[kept],
        column_names=NameSubset(full.column_names, kept),
    )
    return SubstitutedProgram(program, kept, defined, definitions, by_kept, constant)


def _solve_definitions(
    matrix: sparse.csr_array,
    sides: Floats,
    definition_rows: NDArray[np.int64],
    defined_columns: NDArray[np.int64],
    kept_columns: NDArray[np.int64],
) -> tuple[sparse.csr_array, Floats]:
    """Columns that equality rows define one after the other, as a matrix by the other columns and a
    constant: of chains with few links between them the inverse is sparse, and is a product of ever
    fewer powers of what is off the diagonal."""
    if not len(defined_columns):
        return sparse.csr_array((0, len(kept_columns))), np.zeros(0)
    own = sparse.csr_array(matrix[definition_rows][:, defined_columns])
    scale = sparse.diags_array(1.0 / own.diagonal())
    one = sparse.eye_array(len(defined_columns), format="csr")
    before = _add_product(one, sparse.csr_array(-scale @ own), one)
    inverse = one
    while before.nnz:
        inverse = sparse.csr_array(inverse + before @ inverse)
        before = sparse.csr_array(before @ before)
    inverse = sparse.csr_array(inverse @ scale)
    solved = _drop_rounding(sparse.csr_array(-inverse @ matrix[definition_rows][:, kept_columns]))
    return solved, np.asarray(inverse @ sides[definition_rows])


def _add_product(
    base: sparse.csr_array, others: sparse.csr_array, factor: sparse.csr_array
) -> sparse.csr_array:
    """``own + others @ factor`` without what cancels but for rounding."""
    total = sparse.csr_array(base + others @ factor)
    size = sparse.csr_array(abs(base) + abs(others) @ abs(factor))
    rest = total.multiply(abs(total) > ROUNDING_SHARE * size)
    return sparse.csr_array(rest)


def _drop_rounding(matrix: sparse.csr_array) -> sparse.csr_array:
    """Without entries that are rounding."""
    matrix = sparse.csr_array(matrix)
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[np.abs(matrix.data) <= ROUNDING_SHARE * max_abs_by_row(matrix)[row]] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _zero_rounding(sides: Floats, threshold: Floats) -> Floats:
    return np.where(np.abs(sides) <= threshold, 0.0, sides)
