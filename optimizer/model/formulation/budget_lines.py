"""Lines of a funder's budget: commitment authority, cash and guarantee stock (B3, B4)."""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo

from optimizer.model.formulation.stockpiles import stock_cost
from optimizer.model.instance import Instance

Index = tuple[str, str, int]


def add_budget_lines(model: Any, instance: Instance) -> None:
    """Add what each line is used for (``line_use``) and rules B3 and B4."""
    lines, years = instance.lines, instance.years
    terms = _uses(model, instance)
    model.line_use = pyo.Expression(
        list(terms),
        rule=lambda _model, f, line, year: pyo.quicksum(terms[f, line, year]),
        doc="use of a budget line, undiscounted million EUR",
    )
    yearly = [(f, id, y) for (f, id), line in lines.items() if line.by_year is not None
              for y in years]  # fmt: skip
    model.line_unspent = pyo.Var(
        yearly, domain=pyo.NonNegativeReals, doc="what a year leaves of a budget line"
    )

    @model.Constraint(yearly, doc="(B3) a year's use of a line stays within what it has")
    def budget_line_by_year(model: Any, f: str, id: str, year: int) -> Any:
        line = lines[f, id]
        granted = 0.0 if line.by_year is None else float(line.by_year[year - years[0]])
        carried = line.carry_over and year > years[0]
        brought = model.line_unspent[f, id, year - 1] if carried else 0
        return model.line_use[f, id, year] + model.line_unspent[f, id, year] == granted + brought

    whole = [key for key, line in lines.items() if math.isfinite(line.total)]

    @model.Constraint(whole, doc="(B3) all use of a line stays within its total")
    def budget_line_total(model: Any, f: str, id: str) -> Any:
        used = sum(model.line_use[f, id, year] for year in years)
        return used + model.nothing <= lines[f, id].total

    stocks = [(f, id, y) for (f, id), line in lines.items() if line.kind == "guarantee_stock"
              for y in years]  # fmt: skip

    @model.Constraint(stocks, doc="(B4) so much may be outstanding at a year's end")
    def guarantee_stock_limit(model: Any, f: str, id: str, year: int) -> Any:
        limit = float(lines[f, id].limit[year - years[0]])
        return model.line_use[f, id, year] + model.nothing <= limit


def _uses(model: Any, instance: Instance) -> dict[Index, list[Any]]:
    """Terms of the use of each line in each year; of guarantee stock, of what is outstanding."""
    terms: dict[Index, list[Any]] = {
        (f, id, year): [] for f, id in instance.lines for year in instance.years
    }
    for (p, f, i, start), share in model.share.items():
        money, instrument = instance.money(p, f, i, start), instance.instrument[f, i]
        for id in instrument.charges:
            used = money.line_use(instance.lines[f, id], instrument)
            for year, x in zip(instance.years, used, strict=True):
                if x > 0:
                    terms[f, id, year].append(float(x) * share)
    for h, pile in instance.stockpiles.items():
        for (f, id), line in instance.lines.items():
            if f in pile.payers and line.stock_charge > 0:
                for year in instance.years:
                    cost = stock_cost(model, instance, h, year, f)
                    terms[f, id, year].append(line.stock_charge * cost)
    return terms
