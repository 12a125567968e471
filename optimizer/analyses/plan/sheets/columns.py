"""Columns and rows of the sheets of a plan, and the words that its sheets share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from models.language import tr
from models.results import BudgetLineUse, Position
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import SHEET, Check, Column, Form, Formula, Of, Part, Section, ids
from optimizer.report.figures import clean
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line, Placed

MARKET = ".market"
"""Stands for lenders and investors among the ids of funders, which have no dots."""

FormOf = Form | Callable[[Any], Form]
Cell = float | str | None | Formula
InBook = Callable[[Formulas], Expression]


@dataclass(frozen=True)
class Row:
    """Figures of one kind, given or calculated, by the keys of their columns."""

    form: Form
    cells: Mapping[str, Cell]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def sheet(id: str, tab: str, title: str, *parts: Part) -> Section:
    """A sheet of a workbook that stands nowhere else."""
    return Section(id, title, parts, SHEET, tab=tab)


def text(header: str, of: Of = "", **more: Any) -> Column:
    """A column of texts."""
    return Column(header, of or (lambda _: None), "text", empty="", **more)


def given(header: str, key: str, form: FormOf = "money", of: Of = "", **more: Any) -> Column:
    """A column of figures of the optimizer, or of the scenario."""
    return Column(header, of or key, form, key=key, **more)


def calc(header: str, key: str, formula: Formula, form: Form = "money", **more: Any) -> Column:
    """A column of formulas."""
    return Column(header, lambda _: None, form, key=key, formula=formula, **more)


def cell(header: str | int, key: str, form: Form | None = None, **more: Any) -> Column:
    """A column of what a :class:`Row` holds, in the form of the row if none is given."""

    def held(row: Row) -> float | str | None:
        return None if callable(row[key]) else row[key]

    def formula(line: Line) -> Expression | None:
        return line.row[key](line) if callable(line.row[key]) else None

    own = form or (lambda row: row.form)
    return Column(header, held, own, key=key, formula=formula, empty="", **more)


def words(**headers: str) -> list[Column]:
    """Columns of texts that a :class:`Row` holds, by their keys."""
    return [cell(header, key, "text") for key, header in headers.items()]


def keys(*held: str, **of: Of) -> list[Column]:
    """Columns of ids that only let formulas find rows; ``held`` are those of a :class:`Row`."""
    headers = {
        "id": tr("Id"),
        "project_id": tr("Id of the project"),
        "funder_id": tr("Id of the funder"),
        "instrument_id": tr("Id of the instrument"),
        "purpose_id": tr("Id of the project or stockpile"),
        "stockpile_id": tr("Id of the stockpile"),
        "material_id": tr("Id of the material"),
        "line_id": tr("Id of the line"),
        "kind_id": tr("Key of the kind"),
        "class_id": tr("Key of the class"),
        "purpose_kind": tr("Key of what it is for"),
        "field": tr("Field"),
        "path": tr("Path in the scenario"),
    }
    own = {key: itemgetter(key) for key in held}
    return [ids(headers[key], key, read) for key, read in {**own, **of}.items()]


def years(known: Iterable[str], form: Form | None = None, **more: Any) -> list[Column]:
    """A column for each year."""
    return [cell(int(year), year, form, **more) for year in known]


def deviation() -> Column:
    """The column for how far a row is from what it must equal."""
    return cell(tr("Deviation"), "deviation", "deviation")


def each(known: Iterable[str], of: Callable[[Line, str], Expression | None]) -> dict[str, Cell]:
    """A formula for each year."""

    def at(year: str) -> Formula:
        return lambda line: of(line, year)

    return {year: at(year) for year in known}


def minus(a: str, b: str) -> Formula:
    """The difference of two cells of a row."""
    return lambda line: line[a] - line[b]


def apart(a: str, b: str) -> Formula:
    """How far two cells of a row are apart."""
    return lambda line: ex.absolute(line[a] - line[b])


def per(a: str, b: str) -> Formula:
    """The quotient of two cells of a row; empty where there is nothing to divide by."""
    return lambda line: ex.ratio(line[a], line[b])


def by_year(table: Placed, row: int) -> ex.Area:
    """The cells of a row in all years."""
    known = [one.key for one in table.columns if isinstance(one.header, int)]
    return table.span(row, known[0], known[-1])


def over_years(line: Line, below: int = 0) -> ex.Area:
    """The same of the row of a formula, or of one so many rows below it."""
    return by_year(line.table, line.place + below)


def sum_of_years(line: Line) -> Expression:
    """The sum of a row over all years."""
    return ex.total(over_years(line))


def proven(name: str) -> InBook:
    """A figure of the certificate."""
    return lambda book: book["certificate"].find(name, "figure")


def summed(table: str, key: str) -> InBook:
    """The sum of a column."""
    return lambda book: book[table].total(key)


def where(
    table: str, key: str, its: Mapping[str, Expression] = {}, *, times: str = "", **wanted: str
) -> InBook:
    """The sum of a column, times another, over the rows that hold these texts or those of cells."""
    held = {**its, **{k: ex.words(w) for k, w in wanted.items()}}

    def amount(book: Formulas) -> Expression:
        of = book[table]
        tests = ((of.area(k), w) for k, w in held.items())
        return ex.total_where(of.area(key), *tests, times=of.area(times) if times else None)

    return amount


def check_rows(says: str, table: str, scale: InBook) -> Check:
    """That the rows of a table do not deviate, measured by a figure."""
    return Check(says, table, summed(table, "deviation"), scale, summed=True)


def named(word: str | None) -> str:
    """A kind of funder, a class of the budget or a kind of its lines, in words."""
    return {
        "public": tr("public"),
        "company": tr("company"),
        "private": tr("private"),
        "market": tr("lenders and investors"),
        "financial_transaction": tr("financial transaction"),
        "loan": tr("loan"),
        "guarantee": tr("guarantee"),
        "grant": tr("grant"),
        "expenditure": tr("expenditure"),
        "budget": tr("budget"),
        "commitment": tr("commitment authority"),
        "cash": tr("cash"),
        "guarantee_stock": tr("guarantee stock"),
    }.get(word or "", "")


@dataclass(frozen=True)
class SheetWording(PlanWording):
    """A plan in the words of its sheets."""

    @cached_property
    def horizon(self) -> list[str]:
        """The years of the horizon, as the keys of figures by year."""
        return list(map(str, self.years))

    def filled(self, figures: Mapping[str, float]) -> dict[str, Cell]:
        """Figures of all years of the horizon: 0 in years without one."""
        return {**dict.fromkeys(self.horizon, 0.0), **figures}

    @property
    def left(self) -> str:
        """The title of what the plan leaves."""
        if self.of_damage:
            return tr("What is left of the damage ({unit})", unit=self.unit)
        return tr("What is left of the shortage ({unit})", unit=self.unit)

    def kind_id(self, funder: str) -> str:
        """Public, company, private or market; nothing where the plan does not list its funders."""
        kinds = {MARKET: "market", **{one.id: one.kind for one in self.found.funders}}
        return kinds.get(funder, "")

    def kind(self, funder: str) -> str:
        """The same in words."""
        return named(self.kind_id(funder))

    def line_of(self, use: BudgetLineUse) -> str:
        """The name of a line of a funder's budget, and what kind it is."""
        funder = self.case.funders.get(use.funder) if self.case else None
        known = funder.budget_lines.get(use.line) if funder else None
        name = self._named(known.name, use.line) if known else clean(use.name)
        kind = named(use.kind)
        return kind if name == use.line else f"{name} ({kind})"

    def purpose(self, position: Position) -> str:
        """What a position pays for."""
        if position.project is not None:
            return self.name("projects", position.project)
        return self.name("stockpiles", position.stockpile or "")

    def by(self, position: Position) -> str:
        """The name of a position's instrument."""
        by = position.instrument
        return tr("stockpile") if by is None else self.instrument(position.funder, by)

    def term(self, position: Position, name: str, of_stock: float) -> float | None:
        """A figure of a position's instrument, where the plan carries it; stocks have none."""
        if position.instrument is None:
            return of_stock
        funder = self.case.funders.get(position.funder) if self.case else None
        known = funder.instruments.get(position.instrument) if funder else None
        value = getattr(known, name, None)
        return None if value is None else float(value)
