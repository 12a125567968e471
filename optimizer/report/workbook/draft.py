"""What the sheets of one plan share: the plan, its names and units, and the tables so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from models.language import tr
from models.results import Plan, Position
from models.scenario.case import Case
from optimizer.report import prose
from optimizer.report.names import Names
from optimizer.report.workbook.book import Book, Column, Line, Table
from optimizer.report.workbook.expressions import Expression

MARKET_KEY = ".market"
"""Stands for lenders and investors among the ids of funders, which have no dots."""


@dataclass
class Draft:
    """A workbook of a plan in the making; sheets add what later ones refer to."""

    book: Book
    plan: Plan
    tables: dict[str, Table] = field(default_factory=dict)
    """By name: those that other sheets refer to."""
    cells: dict[str, Expression] = field(default_factory=dict)
    """By name: figures that other sheets refer to."""
    stock_lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    """Rows of the stockpiles by id and field."""

    @cached_property
    def names(self) -> Names:
        """What things are called."""
        return Names(self.plan)

    @cached_property
    def case(self) -> Case | None:
        """The scenario that the plan carries."""
        return self.plan.case

    @cached_property
    def million(self) -> str:
        """The unit of money."""
        return prose.million(self.plan)

    @cached_property
    def years(self) -> list[str]:
        """The years of the horizon."""
        of_money = {year for by_year in self.plan.spend_meur.values() for year in by_year}
        of_materials = {year for material in self.plan.materials for year in material.by_year}
        return sorted(of_money | of_materials, key=int)

    def kind_of(self, funder: str) -> str:
        """Public, company or private, or nothing where the plan does not list its funders."""
        return next((f.kind for f in self.plan.funders if f.id == funder), "")

    def instrument(self, position: Position) -> str:
        """The name of a position's instrument."""
        if position.instrument is None:
            return tr("stockpile")
        return self.names.instrument(position.funder, position.instrument)

    def purpose(self, position: Position) -> str:
        """What a position pays for."""
        if position.project is not None:
            return self.names.project(position.project)
        return self.names.stockpile(position.stockpile or "")


def kind_name(kind: str) -> str:
    """A kind of funder in words."""
    return {
        "public": tr("public"),
        "company": tr("company"),
        "private": tr("private"),
        "market": tr("lenders and investors"),
    }.get(kind, kind)


def class_name(budget_class: str | None) -> str:
    """A class of the budget in words."""
    if budget_class is None:
        return tr("not named")
    return {
        "financial_transaction": tr("financial transaction"),
        "loan": tr("loan"),
        "guarantee": tr("guarantee"),
        "grant": tr("grant"),
        "expenditure": tr("expenditure"),
        "private": tr("private"),
    }.get(budget_class, budget_class)


def deviation_column() -> Column:
    """The column for how far a row is from what it must equal."""
    return Column("deviation", tr("Deviation"), "deviation", 12)
