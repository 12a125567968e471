"""Rules that a scenario states itself (U1), and constraints that a function of the user adds
(U2).
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyomo.environ as pyo
from pyomo.common.numeric_types import RegisterNumericType
from pyomo.core.expr.visitor import identify_variables
from pyomo.repn import generate_standard_repn

from models.language import tr
from models.scenario.quantities import Number
from models.scenario.user_rule_rows import RuleRow, Subject
from models.scenario.user_rules import FUNDER_KINDS, Quantity
from optimizer.errors import Misuse
from optimizer.model.formulation.recourse import stock_cost
from optimizer.model.instance import Instance
from optimizer.model.rule_declaration import ExtraRules


def add_user_rules(model: Any, instance: Instance) -> None:
    """Add a row for each group and year of each rule (U1).

    A row with a condition is relaxed by the largest amount by which any plan can violate it, unless
    the project of the condition is started by the year of the row.
    """
    rows = {row.index: row for row in instance.user_rule_rows if _may_apply(model, instance, row)}
    quantities = {term.quantity for row in rows.values() for term in row.terms}
    amounts = {quantity: _amounts(model, instance, quantity) for quantity in quantities}

    @model.Constraint(list(rows), doc="(U1) a rule of the scenario")
    def user_rule(model: Any, rule: str, of: str, year: int) -> Any:
        row = rows[rule, of, year]
        terms = [
            term.factor * amount
            for term in row.terms
            for subject in sorted(term.subjects, key=repr)
            for y in term.years
            for amount in amounts[term.quantity].get((subject, y), ())
        ]
        total = pyo.quicksum(terms) + model.nothing
        if row.sense == "equals":
            return total == row.constant
        if row.condition is None:
            return total >= row.constant if row.sense == "at_least" else total <= row.constant
        starts = pyo.quicksum(_condition_starts(model, instance, row))
        sign = 1.0 if row.sense == "at_least" else -1.0
        excess = _largest_violation(instance, sign * total, sign * row.constant)
        return sign * total + excess * (1 - starts) >= sign * row.constant


def _condition_starts(model: Any, instance: Instance, row: RuleRow) -> list[Any]:
    """Return the variables of all starts of the project of a condition up to the year of a row."""
    start_years = instance.projects[str(row.condition)].start_years
    return [model.start[row.condition, year] for year in start_years if year <= row.year]


def _may_apply(model: Any, instance: Instance, row: RuleRow) -> bool:
    return row.condition is None or bool(_condition_starts(model, instance, row))


def _largest_violation(instance: Instance, total: Any, least: float) -> float:
    """Return the largest amount by which ``total`` can fall below ``least``, from the bounds of its
    variables; of a project only one start year counts."""
    linear = generate_standard_repn(total)
    least_total = float(linear.constant)
    by_start: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for factor, variable in zip(linear.linear_coefs, linear.linear_vars, strict=True):
        kind, index = variable.parent_component().local_name, variable.index()
        greatest = 1.0 if kind not in ("buy", "planned") else _most_lots(instance, kind, index[0])
        least_term = min(0.0, factor * greatest) if factor else 0.0
        if kind in ("start", "share", "market", "offtake"):
            start = next(part for part in index if isinstance(part, int))
            by_start[index[0]][start] += least_term
        elif kind != "nothing":
            least_total += least_term
    least_total += sum(min(0.0, *of_project.values()) for of_project in by_start.values())
    assert math.isfinite(least_total), "models.scenario.user_rules refuses such a rule"
    return max(0.0, least - least_total)


def _most_lots(instance: Instance, kind: str, stockpile: str) -> float:
    """Return the most lots that a stockpile can hold, or buy in a year."""
    data, n = instance.stockpiles[stockpile], instance.periods_per_year
    purchases = data.max_purchase
    if kind == "planned":
        return min(data.max_stock, data.initial_lots + float(purchases.sum()))
    return min(n * data.max_stock, float(purchases.max(initial=0.0)))


def _amounts(
    model: Any, instance: Instance, quantity: Quantity
) -> dict[tuple[Subject, int], list[Any]]:
    """Return the expressions whose sum is a quantity, by subject and year."""
    found: dict[tuple[Subject, int], list[Any]] = defaultdict(list)
    for subject, year, amount in _QUANTITIES[quantity](model, instance, quantity):
        found[subject, year].append(amount)
    return found


_Amounts = Iterator[tuple[Subject, int, Any]]


def _project_amounts(model: Any, instance: Instance, quantity: Quantity) -> _Amounts:
    for (p, year), start in model.start.items():
        project = instance.projects[p]
        subject = Subject(p, None, tuple(project.output))
        if quantity == "starts":
            yield subject, year, start
        elif quantity == "capex":
            yield subject, year, project.capex * start
        else:
            factor = project.capex * project.budgeted_cost_factor
            for due_year, share in zip(
                instance.years, project.capex_due(instance.years, year), strict=True
            ):
                if share > 0:
                    yield subject, due_year, float(factor * share) * model.market[p, year]


def _tonnage_amounts(model: Any, instance: Instance, quantity: Quantity) -> _Amounts:
    n = instance.periods_per_year
    variables = model.start if quantity == "output_t" else model.offtake
    for index, variable in variables.items():
        p, start = index[0], index[1]
        project = instance.projects[p]
        for m, lots in project.output.items():
            tonnes = n * lots * instance.lot_tonnes[m]
            for year in instance.years:
                if (share := project.running_share(year, start)) > 0:
                    yield Subject(p, None, (m,)), year, float(tonnes * share) * variable


def _money_amounts(model: Any, instance: Instance, quantity: Quantity) -> _Amounts:
    kind = FUNDER_KINDS.get(quantity)
    funders = {f: x for f, x in instance.case.funders.items() if kind is None or x.kind == kind}
    for (p, f, i, start), share in model.share.items():
        flows, instrument = instance.cash_flows(p, f, i, start), instance.instrument_by_key[f, i]
        subject = Subject(p, None, tuple(instance.projects[p].output), f, i)
        if f not in funders:
            continue
        if quantity == "grant_equivalent":
            aid = instrument.grant_equivalent * flows.state_aid_base
            yield subject, start, float(aid) * share
            continue
        charges = instrument.budget_charge * flows.budgeted_payments
        for year, amount in zip(instance.years, charges, strict=True):
            if amount > 0:
                yield subject, year, float(amount) * share
    if quantity == "grant_equivalent":
        return
    for h, stockpile in instance.stockpiles.items():
        for f in stockpile.payers:
            if f in funders:
                subject = Subject(None, h, (stockpile.material,), f)
                for year in instance.years:
                    yield subject, year, stock_cost(model, instance, h, year, f)
    for (p, start, _), offtake in model.offtake.items():
        for f, premium in instance.premium_by_funder(p, start).items():
            subject = Subject(p, None, tuple(instance.projects[p].output), f)
            charge = float(instance.case.funders[f].premium_charge)
            for year, amount in zip(instance.years, charge * premium, strict=True):
                if f in funders and amount > 0:
                    yield subject, year, float(amount) * offtake


def _stock_amounts(model: Any, instance: Instance, quantity: Quantity) -> _Amounts:
    n, first_year = instance.periods_per_year, instance.years[0]
    for h, stockpile in instance.stockpiles.items():
        subject = Subject(None, h, (stockpile.material,))
        lot_tonnes = instance.lot_tonnes[stockpile.material]
        for year in instance.years:
            if quantity == "stock_t":
                last_period = (year - first_year + 1) * n - 1
                yield subject, year, lot_tonnes * model.planned[h, last_period]
            elif quantity == "bought_t":
                yield subject, year, lot_tonnes * model.buy[h, year]
            else:
                yield subject, year, stock_cost(model, instance, h, year)


_QUANTITIES = {
    "starts": _project_amounts,
    "capex": _project_amounts,
    "market_money": _project_amounts,
    "output_t": _tonnage_amounts,
    "secured_t": _tonnage_amounts,
    "money": _money_amounts,
    "public_money": _money_amounts,
    "company_money": _money_amounts,
    "grant_equivalent": _money_amounts,
    "stock_t": _stock_amounts,
    "bought_t": _stock_amounts,
    "stock_cost": _stock_amounts,
}


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
