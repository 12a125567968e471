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

from optimizer.errors import ModelRefused
from optimizer.model.highs.program import Floats, LinearProgram
from optimizer.model.highs.scaling import DUST, largest_of_rows


@dataclass(frozen=True, eq=False)
class Compiled:
    """A Pyomo model as arrays, and the Pyomo objects behind its rows and columns."""

    program: LinearProgram
    constraints: Sequence[Any]
    variables: Sequence[Any]

    @cached_property
    def rows(self) -> list[tuple[str, Any]]:
        """Component and index of each row (:func:`keys`)."""
        return keys(self.constraints)

    @cached_property
    def columns(self) -> list[tuple[str, Any]]:
        """The same of each column."""
        return keys(self.variables)

    def load(self, values: NDArray[np.float64]) -> None:
        """Set the variables of the Pyomo model to a solution."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.set_value(float(value), skip_validation=True)


def compile_model(model: Any) -> Compiled:
    """Compile a Pyomo model to arrays. ModelRefused if a constraint has no row or can never hold,
    or the objective is not to be minimised."""
    try:
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    except InfeasibleConstraintException as error:
        raise ModelRefused(f"a constraint without variables cannot hold: {error}") from error
    if len(form.objectives) != 1 or form.objectives[0].sense != pyo.minimize:
        raise ModelRefused("the model needs exactly one objective, to be minimised")
    compiled = {id(row.constraint) for row in form.rows}
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        if id(constraint) not in compiled:
            raise ModelRefused(f"{constraint.name} has no variable and was dropped")
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
        rows=_Names([row.constraint for row in form.rows], model),
        columns=_Names(form.columns, model),
    )
    return Compiled(program, [row.constraint for row in form.rows], list(form.columns))


class _Names(Sequence[str]):
    """Names of Pyomo objects, made only when they are asked for."""

    def __init__(self, components: Sequence[Any], model: Any) -> None:
        self._components = components
        self._model = model  # a component loses its name with its model

    def __len__(self) -> int:
        return len(self._components)

    def __getitem__(self, position: Any) -> Any:
        return self._components[position].name


class Some(Sequence[str]):
    """Some of the names in a sequence, made only when they are asked for."""

    def __init__(self, names: Sequence[str], places: NDArray[np.int64]) -> None:
        self._names, self._places = names, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: Any) -> Any:
        return self._names[int(self._places[position])]


@dataclass(frozen=True, eq=False)
class Substituted:
    """A program without the columns that rows define, and the way back to all columns. Its rows are
    those of the full program, the definitions being empty and free."""

    program: LinearProgram
    kept: NDArray[np.int64]  # columns of the full program that it has
    defined: NDArray[np.int64]
    definitions: NDArray[np.int64]  # the rows that define these columns of the full program
    _by_kept: sparse.csr_array
    _constant: Floats

    def expand(self, x: Floats) -> Floats:
        """Values of all columns; those that are defined are never negative."""
        full = np.zeros(len(self.kept) + len(self.defined))
        full[self.kept] = x
        full[self.defined] = np.maximum(self._by_kept @ x + self._constant, 0.0)
        return full


def keys(components: Sequence[Any]) -> list[tuple[str, Any]]:
    """Of rows or columns in Pyomo, the name of the component that each belongs to, and its index in
    it."""
    names: dict[int, str] = {}
    found = []
    for own in components:
        parent = own.parent_component()
        name = names.get(id(parent)) or names.setdefault(id(parent), str(parent.local_name))
        found.append((name, own.index()))
    return found


def substitute(compiled: Compiled, variable: str, definition: str) -> Substituted:
    """Put in the columns of a variable for what the rows of a definition say of them. A chain of
    many periods, each a share of the one before, is no longer one that the solver's presolve can
    follow backwards, dividing by that share every time."""
    full = compiled.program
    names = np.array([name for name, _ in compiled.columns])
    rules = np.array([name for name, _ in compiled.rows])
    defined, kept = np.flatnonzero(names == variable), np.flatnonzero(names != variable)
    definitions = np.flatnonzero(rules == definition)
    matrix = sparse.csr_array(full.matrix)
    by_kept, constant = _solved(matrix, full.row_lower, definitions, defined, kept)
    rest = _summed(matrix[:, kept], matrix[:, defined], by_kept)
    shift = matrix[:, defined] @ constant
    size = abs(matrix[:, defined]) @ np.abs(constant)
    lower, upper = (
        _rounded(side - shift, DUST * size) for side in (full.row_lower, full.row_upper)
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
        columns=Some(full.columns, kept),
    )
    return Substituted(program, kept, defined, definitions, by_kept, constant)


def _solved(
    matrix: sparse.csr_array,
    sides: Floats,
    definitions: NDArray[np.int64],
    defined: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> tuple[sparse.csr_array, Floats]:
    """Columns that equality rows define one after the other, as a matrix by the other columns and a
    constant: of chains with few links between them the inverse is sparse, and is a product of ever
    fewer powers of what is off the diagonal."""
    if not len(defined):
        return sparse.csr_array((0, len(kept))), np.zeros(0)
    own = sparse.csr_array(matrix[definitions][:, defined])
    scale = sparse.diags_array(1.0 / own.diagonal())
    one = sparse.eye_array(len(defined), format="csr")
    before = _summed(one, sparse.csr_array(-scale @ own), one)
    inverse = one
    while before.nnz:
        inverse = sparse.csr_array(inverse + before @ inverse)
        before = sparse.csr_array(before @ before)
    inverse = sparse.csr_array(inverse @ scale)
    solved = _without_dust(sparse.csr_array(-inverse @ matrix[definitions][:, kept]))
    return solved, np.asarray(inverse @ sides[definitions])


def _summed(
    own: sparse.csr_array, others: sparse.csr_array, factor: sparse.csr_array
) -> sparse.csr_array:
    """``own + others @ factor`` without what cancels but for rounding."""
    total = sparse.csr_array(own + others @ factor)
    size = sparse.csr_array(abs(own) + abs(others) @ abs(factor))
    rest = total.multiply(abs(total) > DUST * size)
    return sparse.csr_array(rest)


def _without_dust(matrix: sparse.csr_array) -> sparse.csr_array:
    """Without entries that are rounding."""
    matrix = sparse.csr_array(matrix)
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[np.abs(matrix.data) <= DUST * largest_of_rows(matrix)[row]] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _rounded(sides: Floats, least: Floats) -> Floats:
    return np.where(np.abs(sides) <= least, 0.0, sides)
