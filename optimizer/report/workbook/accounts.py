"""The sheets on accounts: whose money goes where, year by year, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

from models.language import tr
from models.results import Position
from optimizer.report.figures import NOISE
from optimizer.report.workbook.book import Column, Line, Sheet, Table, key_column, printed, years
from optimizer.report.workbook.draft import Draft, class_name, deviation_column
from optimizer.report.workbook.expressions import Expression, absolute, dot, largest, of, total

_AGREES = 1e-6
"""Share by which a derived net cost may differ from the plan's and still be shown as derived."""


def accounts(draft: Draft) -> None:
    """Whose money goes where: a sheet of totals over three sheets by year."""
    sheet = draft.book.sheet(tr("Accounts"), tr("Whose money goes where, and what comes of it"))
    by_year = {
        name: _yearly(draft, name, tab, title, note)
        for name, tab, title, note in (
            (
                "paid",
                tr("Paid by year"),
                tr("What is put up, by year"),
                tr("{unit}, undiscounted; of a guarantee the loan that it covers."),
            ),
            (
                "returned",
                tr("Returns by year"),
                tr("What is expected to come back, by year"),
                tr(
                    "{unit}, undiscounted. Empty for money whose terms give a present value of "
                    "what comes back, but no years."
                ),
            ),
            (
                "outstanding",
                tr("Outstanding by year"),
                tr("What is at risk at the end of each year"),
                tr("{unit}, undiscounted."),
            ),
        )
    }
    _terms(draft, sheet)
    _factors(draft, by_year)
    _positions(draft, sheet, by_year)


def _terms(draft: Draft, sheet: Sheet) -> None:
    """The discount rate and the year that is discounted to."""
    columns = [
        Column("what", tr("Term"), width=24),
        Column("figure", tr("Figure"), "figure", 18),
        Column("name", tr("Name for formulas"), width=34),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Present values are calculated with the discount rate below. The plan was found at "
            "this rate: another one changes the present values here, but not the plan, and the "
            "checks say that they no longer agree."
        ),
        10,
    )
    if draft.case is None:
        sheet.note(tr("The plan does not carry its scenario: present values are its own."), 10)
        return
    table = sheet.table(columns)
    rate = table.line()
    rate.words("what", tr("Discount rate per year"))
    cell = rate.scenario("figure", float(draft.case.horizon.discount_rate), "share")
    rate.words("name", "discount_rate")
    draft.cells["discount_rate"] = draft.book.name("discount_rate", cell)
    first = table.line()
    first.words("what", tr("First year"))
    cell = first.scenario("figure", draft.case.horizon.first_year, "year")
    first.words("name", "first_year")
    draft.cells["first_year"] = draft.book.name("first_year", cell)
    sheet.row += 1


def _yearly(draft: Draft, name: str, tab: str, title: str, note: str) -> tuple[Table | None, Table]:
    """A sheet with a row a position and a column a year, and room for factors above it."""
    field = f"{name}_meur"
    figures = [getattr(position, field) for position in draft.plan.accounts]
    known = sorted({*draft.years, *(year for of in figures for year in of)}, key=int)
    sheet = draft.book.sheet(tab, title)
    columns = [
        Column("funder", tr("Funder"), width=24),
        Column("instrument", tr("Instrument"), width=18),
        Column("purpose", tr("For"), width=34),
        *years(known, "money"),
        key_column("funder_id", tr("Id of the funder"), 18),
        key_column("purpose_id", tr("Id of the project or stockpile"), 20),
        key_column("charge", tr("Charged to the budget per unit of money"), 14),
    ]
    sheet.set_widths(columns)
    sheet.note(note.format(unit=draft.million), printed(columns))
    factors = sheet.table(columns[: 3 + len(known)]) if name != "outstanding" else None
    if factors is not None:
        sheet.row += 2
    table = draft.tables[name] = sheet.table(columns if name == "paid" else columns[:-1])
    for position, by_year in zip(draft.plan.accounts, figures, strict=True):
        line = table.line()
        line.words("funder", draft.names.funder(position.funder))
        line.words("instrument", draft.instrument(position))
        line.words("purpose", draft.purpose(position))
        # Without terms in the file nobody knows when money comes back: those years stay empty.
        if by_year or name != "returned":
            line.by_year(by_year)
        line.key("funder_id", position.funder)
        line.key("purpose_id", position.project or position.stockpile)
        if name == "paid":
            line.scenario("charge", _charge(draft, position))
    if not table.count:
        table.nothing(tr("No money is put up."))
    table.totals(tr("All together"), known if name != "returned" or any(figures) else ())
    sheet.freeze(table, 3)
    return factors, table


def _charge(draft: Draft, position: Position) -> float | None:
    """What the funder's own budget is charged per unit of money put up."""
    if position.instrument is None:
        return 1.0
    funder = draft.case.funders.get(position.funder) if draft.case else None
    instrument = funder.instruments.get(position.instrument) if funder else None
    return None if instrument is None else float(instrument.budget_charge)


def _factors(draft: Draft, by_year: Mapping[str, tuple[Table | None, Table]]) -> None:
    """Discount factors above the years of a sheet, as formulas over the rate."""
    if draft.case is None:
        return
    rate, first = draft.cells["discount_rate"], draft.cells["first_year"]
    for name, (factors, _) in by_year.items():
        if factors is None:
            continue
        line = Line(factors, factors.header_row + 1)
        factors.count = 1
        line.words("funder", tr("Discount factor"))
        for column in factors.columns[3:]:
            year = factors.header[column.key]
            line.put(column.key, of(1) / (of(1) + rate) ** (year - first), "factor")
        draft.tables[f"{name}_factors"] = factors


def _present(draft: Draft, name: str, row: int) -> Expression:
    """The present value of a row by year."""
    factors, table = draft.tables[f"{name}_factors"], draft.tables[name]
    first, last = table.at(_first(table)), table.at(_last(table))
    at = table.header_row + 1 + row
    amounts = table.sheet.area((at, first), (at, last))
    top = factors.header_row + 1
    return dot(amounts, factors.sheet.area((top, first), (top, last)))


def _first(table: Table) -> str:
    return next(column.key for column in table.columns if isinstance(column.header, int))


def _last(table: Table) -> str:
    return [column.key for column in table.columns if isinstance(column.header, int)][-1]


def _row_of(table: Table, row: int) -> Line:
    return Line(table, table.header_row + 1 + row)


def _positions(
    draft: Draft, sheet: Sheet, by_year: Mapping[str, tuple[Table | None, Table]]
) -> None:
    """One row a position."""
    columns = [
        Column("funder", tr("Funder"), width=24),
        Column("instrument", tr("Instrument"), width=18),
        Column("purpose", tr("For"), width=34),
        Column("class", tr("Budget class"), width=19),
        Column("committed", tr("Committed"), "money", 10),
        Column("paid", tr("Put up, undiscounted"), "money", 12),
        Column("present", tr("Put up, present value"), "money", 12),
        Column("recovery", tr("Comes back, share of the present value"), "share", 12),
        Column("returned", tr("Comes back, undiscounted"), "money", 12),
        Column("back", tr("Comes back, present value"), "money", 12),
        *_left_columns(draft),
        Column("net", tr("Net cost, present value"), "money", 11),
        Column("cost", tr("Net cost, as the plan has it"), "money", 11),
        deviation_column(),
        Column("peak", tr("At risk at most"), "money", 10),
        Column("expected_loss", tr("Loss expected, where known"), "money", 10),
        Column("maximum_loss", tr("Loss at most"), "money", 10),
        key_column("funder_id", tr("Id of the funder"), 18),
        key_column("class_id", tr("Key of the class"), 18),
        key_column("purpose_kind", tr("Key of what it is for"), 12),
    ]
    sheet.heading(tr("Positions, {unit}", unit=draft.million))
    table = draft.tables["accounts"] = sheet.table(columns)
    for row, position in enumerate(draft.plan.accounts):
        line = table.line()
        line.words("funder", draft.names.funder(position.funder))
        line.words("instrument", draft.instrument(position))
        line.words("purpose", draft.purpose(position))
        line.words("class", class_name(position.budget_class))
        line.optimizer("committed", position.committed_meur)
        for name in ("paid", "returned"):
            of_year = by_year[name][1]
            it = _row_of(of_year, row).area(_first(of_year), _last(of_year))
            if any(amount != "" for amount in it.values):
                line.put(name, total(it))
        risk = by_year["outstanding"][1]
        line.put("peak", largest(_row_of(risk, row).area(_first(risk), _last(risk))))
        line.optimizer("expected_loss", position.expected_loss_meur)
        line.optimizer("maximum_loss", position.maximum_loss_meur)
        line.key("funder_id", position.funder)
        line.key("class_id", position.budget_class or "")
        line.key("purpose_kind", "stockpile" if position.project is None else "project")
        line.optimizer("cost", position.cost_meur)
        if draft.case is not None:
            _net_cost(draft, line, position, row)
    if not table.count:
        table.nothing(tr("No money is put up."))
    summed = [c.key for c in columns if c.form == "money"]
    known = any(p.expected_loss_meur is not None for p in draft.plan.accounts)
    left_out = {"peak"} if known else {"peak", "expected_loss"}
    if not any(p.returned_meur for p in draft.plan.accounts):
        left_out.add("returned")
    totals = table.totals(tr("All together"), [key for key in summed if key not in left_out])
    for key in ("committed", "paid", "present", "back", "net", "cost", "maximum_loss"):
        draft.cells[f"accounts_{key}"] = totals.cells[key]
    if "residual" in totals.cells:
        draft.cells["accounts_residual"] = totals.cells["residual"]


def _left_columns(draft: Draft) -> list[Column]:
    """What counts at the end of the horizon, where anything does."""
    if draft.case is None or not any(p.residual_meur for p in draft.plan.accounts):
        return []
    return [
        Column("left", tr("Counts at the end, undiscounted"), "money", 12),
        Column("residual", tr("Residual value, present value"), "money", 12),
    ]


def _net_cost(draft: Draft, line: Line, position: Position, row: int) -> None:
    """Present values of a position: what comes back by its years, or as a share of what is paid.

    Where neither leads to the plan's own net cost, what comes back is what the plan says.
    """
    present = line.put("present", _present(draft, "paid", row))
    recovery = _recovery(draft, position)
    by_years = _present(draft, "returned", row)
    exact = present.number - position.cost_meur - position.residual_meur
    near = _AGREES * max(1.0, abs(present.number))
    if any(position.returned_meur.values()) and abs(by_years.number - exact) <= near:
        back = line.put("back", by_years)
    elif recovery is not None and abs(recovery * present.number - exact) <= near:
        back = line.put("back", present * line.scenario("recovery", recovery))
    else:
        back = line.optimizer("back", exact if abs(exact) > NOISE else 0.0)
    net = present - back
    if _left_columns(draft):
        net = net - _residual(draft, line, position)
    net = line.put("net", net)
    line.put("deviation", absolute(net - line.cells["cost"]))


def _residual(draft: Draft, line: Line, position: Position) -> Expression:
    """The residual value, discounted from the last year by the sheet's own rate."""
    assert draft.case is not None
    years, rate = draft.case.horizon.years, 1 + float(draft.case.horizon.discount_rate)
    left = position.residual_meur * rate ** (years[-1] - years[0])
    grown = (of(1) + draft.cells["discount_rate"]) ** (of(years[-1]) - draft.cells["first_year"])
    return line.put("residual", line.optimizer("left", left) / grown)


def _recovery(draft: Draft, position: Position) -> float | None:
    """The share of its present value that comes back by the scenario; none of a stockpile's."""
    if position.instrument is None:
        return 0.0
    funder = draft.case.funders.get(position.funder) if draft.case else None
    instrument = funder.instruments.get(position.instrument) if funder else None
    share = None if instrument is None else instrument.recovery
    return None if share is None else float(share)
