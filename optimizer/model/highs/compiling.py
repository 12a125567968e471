"""A Pyomo model as arrays, nothing lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimizer.errors import ModelRefused
from optimizer.model.highs.program import LinearProgram


@dataclass(frozen=True, eq=False)
class Compiled:
    """A Pyomo model as arrays, and the Pyomo objects behind its rows and columns."""

    program: LinearProgram
    constraints: Sequence[Any]
    variables: Sequence[Any]

    def load(self, values: NDArray[np.float64]) -> None:
        """Set the variables of the Pyomo model to a solution."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.set_value(float(value), skip_validation=True)


def compile_model(model: Any) -> Compiled:
    """Compile a Pyomo model to arrays.

    Raises
    ------
    ModelRefused
        If a constraint has no row or can never hold, or the objective is not to be minimised.
    """
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
