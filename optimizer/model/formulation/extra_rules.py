"""Constraints that a function of the user adds to the first stage (U2)."""

from typing import Any

import pyomo.environ as pyo
from pyomo.common.numeric_types import RegisterNumericType
from pyomo.core.expr.visitor import identify_variables

from models.language import tr
from models.scenario.quantities import Number
from optimizer.errors import Misuse
from optimizer.model.extra_rules import ExtraRules
from optimizer.model.instance import Instance

_HELPERS = (pyo.Expression, pyo.Param, pyo.Set, pyo.RangeSet)
"""Components that a function may add in addition to constraints."""


def add_extra_rules(model: Any, instance: Instance) -> None:
    """Add the constraints of the user's function as ``extra_rule``, by their names.

    Raises Misuse if the function fails, adds other components, or a constraint is not linear in the
    first-stage variables.
    """
    model.lot_tonnes = instance.lot_tonnes  # for functions of the user, by material
    extra = instance.extra_rules
    rows = {} if extra is None else _rows(model, instance, extra)

    @model.Constraint(list(rows), doc="(U2) a rule in Python")
    def extra_rule(model: Any, name: str) -> Any:
        lower, body, upper = rows[name]
        return (lower, body + 0 * model.nothing, upper)


def _rows(model: Any, instance: Instance, extra: ExtraRules) -> dict[str, tuple[Any, Any, Any]]:
    """Return lower limit, body and upper limit of each constraint that the function adds, by name,
    and remove the constraints from the model."""
    known = list(model.component_objects())
    known_ids = set(map(id, known))
    RegisterNumericType(Number)  # the figures of a scenario
    variables = {id(variable) for variable in model.component_data_objects(pyo.Var)}
    try:
        extra.add(model, instance.case)
    except Exception as error:
        message = tr(
            "the function '{name}' ({place}) failed: {error}",
            name=extra.name,
            place=extra.place,
            error=f"{type(error).__name__}: {error}",
        )
        raise Misuse(message) from error
    rows = {}
    found = list(model.component_objects())
    if replaced := known_ids - set(map(id, found)):
        name = next(x.local_name for x in known if id(x) in replaced)
        raise _misuse(extra, name, "the model has a component of this name; choose another")
    for component in found:
        if id(component) in known_ids or isinstance(component, _HELPERS):
            continue
        if not isinstance(component, pyo.Constraint):
            raise _misuse(extra, component.name, "only constraints can be added")
        for constraint in component.values():
            name = constraint.name
            if constraint.body.polynomial_degree() != 1:
                raise _misuse(extra, name, "it is not linear in the first-stage variables")
            if any(id(x) not in variables for x in identify_variables(constraint.body)):
                raise _misuse(extra, name, "it has variables of another model")
            rows[name] = (constraint.lower, constraint.body, constraint.upper)
        model.del_component(component)
    if not rows:
        raise _misuse(extra, "", "it adds no constraint")
    return rows


def _misuse(extra: ExtraRules, component: str, message: str) -> Misuse:
    place = f"{extra.name} ({extra.place}){': ' if component else ''}{component}"
    return Misuse(f"{place}: {message}")
