"""Sheets on positions: yearly amounts of each position, and the net cost derived from them."""

from collections.abc import Iterator, Mapping
from operator import itemgetter

from models.language import tr
from models.results import Position
from models.scenario.case import Case
from optimizer.analyses.comparison.money import budget_charge, instrument_term
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report import expressions as ex
from optimizer.report.document import SHEET, Check, Column, Part, Section, Table
from optimizer.report.number_format import ZERO_TOLERANCE
from optimizer.report.wording import budget_class_name, capitalize
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables

NET_COST_TOLERANCE = 1e-6
"""Difference from the plan, relative to payments, up to which a derived amount counts as equal."""
YEARLY_FIGURES = ("paid", "returned", "outstanding")
"""Yearly figures of each position, in the order of its rows."""


def position_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield the discount rate and the table of positions, for a sheet."""
    if wording.case is None:
        text = tr("The plan does not carry its scenario: present values are its own.")
        yield doc.Text(text, SHEET)
    else:
        text = tr(
            "Present values are calculated with the discount rate below. The plan was found at "
            "this rate: another one changes the present values here, but not the plan, and the "
            "checks say that they no longer agree."
        )
        yield doc.Text(text, SHEET)
        yield _discount_terms_table(wording.case)
    yield _positions_table(wording)


def _discount_terms_table(case: Case) -> Table:
    """Return a table with the discount rate and the year to which amounts are discounted."""
    rate, first_year = float(case.horizon.discount_rate), case.horizon.first_year
    rows = [
        col.SheetRow("share", {"what": tr("Real discount rate per year"), "figure": rate,
                          "name": "discount_rate"}),
        col.SheetRow(
            "year", {"what": tr("First year"), "figure": first_year, "name": "first_year"}
        ),
    ]  # fmt: skip
    columns = [
        *col.text_columns(what=tr("Term")),
        col.row_column(
            tr("Figure"), "figure", origin="scenario", cell_name=lambda row: row["name"]
        ),
        *col.text_columns(name=tr("Name for formulas")),
    ]
    return Table("", rows, columns, "terms", row_key=lambda row: row["name"], media=SHEET)


def _growth_factor(book: WorkbookTables, year: ex.Expression) -> ex.Expression:
    """Return the compound factor from the first year to ``year``, as a formula of named cells."""
    names = ("discount_rate", "first_year")
    discount_rate, first_year = (
        ex.Expression(n, book["terms"].find_cell(n, "figure").value) for n in names
    )
    return (ex.as_expression(1) + discount_rate) ** (year - first_year)


def yearly_section(wording: PlanWording) -> Section:
    """Build the section on yearly amounts, with three rows a position, and on discount factors."""
    # Money may come back after the horizon.
    return_years = {year for position in wording.plan.accounts for year in position.returned_meur}
    year_keys = sorted({*wording.year_keys, *return_years}, key=int)
    names = {
        "paid": tr("provided"),
        "returned": tr("comes back"),
        "outstanding": tr("at risk, end of year"),
    }

    def row(position: Position, figure: str) -> col.SheetRow:
        cells: dict[str, col.CellContent] = {
            "funder": wording.payer_name(position.funder),
            "instrument": wording.position_instrument(position),
            "purpose": wording.purpose_name(position), "figure": names[figure], "field": figure,
        }  # fmt: skip
        by_year = getattr(position, f"{figure}_meur")
        # Without repayment terms the years of returns are unknown and stay empty.
        amounts = (
            {y: by_year.get(y, 0.0) for y in year_keys} if by_year or figure != "returned" else {}
        )
        if figure == "paid":
            cells |= {"paid_by": position.funder, "paid_for": position.stockpile}
            cells["charge"] = budget_charge(wording.plan, position)
        return col.SheetRow("money", {**cells, **amounts})

    def factor(row_cells: FormulaRow, year: str) -> ex.Expression:
        return ex.as_expression(1) / _growth_factor(
            row_cells.tables, row_cells.table.header_cell(year)
        )

    label_columns = col.text_columns(funder=tr("Funder"), instrument=tr("Instrument"),
        purpose=tr("For"),
                    figure=tr("Figure"))  # fmt: skip
    factor_row = col.SheetRow(
        "control", {"funder": tr("Discount factor"), **col.formulas_by_year(year_keys, factor)}
    )
    columns = [
        *label_columns,
        *col.year_columns(year_keys, "money"),
        col.row_column(tr("Charged to the budget per unit of money"), "charge", "exact",
                 origin="scenario", width=16),
        *col.id_columns("field", "paid_by", "paid_for"),
    ]  # fmt: skip
    note = tr(
        "{unit}, undiscounted; of a guarantee the loan that it covers. Empty for money whose terms "
        "give a present value of what comes back, but no years.",
        unit=wording.money_unit,
    )
    section_parts: list[Part] = [note]
    if wording.case is not None:
        section_parts.append(
            Table("", [factor_row], [*label_columns, *col.year_columns(year_keys)], "factors")
        )
    rows = [
        row(position, figure) for position in wording.plan.accounts for figure in YEARLY_FIGURES
    ]
    section_parts.append(Table("", rows, columns, "by_year", empty_text=tr("No money is provided."),
        frozen_columns=4,
                      has_rule_above=lambda row: row["field"] == "paid"))  # fmt: skip
    title = tr("What is provided, comes back and is at risk, by year")
    return Section("by-year", title, section_parts, SHEET, sheet_name=tr("Accounts by year"))


def _yearly_amounts(row_cells: FormulaRow, figure: str) -> ex.CellArea:
    """Return the cells for all years of the row ``figure`` of a position."""
    return col.year_cells(
        row_cells.tables["by_year"],
        len(YEARLY_FIGURES) * row_cells.row_index + YEARLY_FIGURES.index(figure),
    )


def _present_value(row_cells: FormulaRow, figure: str) -> ex.Expression:
    """Return the present value of a position's yearly amounts as a formula."""
    return ex.sum_product(
        _yearly_amounts(row_cells, figure), col.year_cells(row_cells.tables["factors"], 0)
    )


def _sum_over_years(row_cells: FormulaRow, figure: str) -> ex.Expression | None:
    """Return a formula that sums a position's yearly amounts; None if the amounts are unknown."""
    amounts = _yearly_amounts(row_cells, figure)
    return ex.sum_of(amounts) if any(x != "" for x in amounts.values) else None


def _present_value_of_returns(
    wording: PlanWording, case: Case, position: Position
) -> tuple[float, float | str | None]:
    """Return the present value of a position's returns, and how a formula can derive it.

    The value follows from payments and net cost in the plan. The second item is ``"years"`` if the
    returns by year, discounted, add up to it, or the share of the payments' present value that the
    instrument recovers if that gives it, or else None.
    """
    first_year, growth = case.horizon.first_year, 1 + float(case.horizon.discount_rate)

    def present(by_year: Mapping[str, float]) -> float:
        return sum(amount / growth ** (int(year) - first_year) for year, amount in by_year.items())

    paid, returned_meur = present(position.paid_meur), position.returned_meur
    returned = paid - position.cost_meur - position.residual_meur
    tolerance = NET_COST_TOLERANCE * max(1.0, abs(paid))
    share = instrument_term(wording.plan, position, "recovery", 0.0)
    if any(returned_meur.values()) and abs(present(returned_meur) - returned) <= tolerance:
        return returned, "years"
    if share is not None and abs(share * paid - returned) <= tolerance:
        return returned, share
    return returned, None


def _present_value_columns(wording: PlanWording, case: Case) -> list[Column]:
    """Return columns of the present values of payments, returns and residual values, and of net
    cost."""
    years, rate = case.horizon.years, 1 + float(case.horizon.discount_rate)
    has_residuals = any(position.residual_meur for position in wording.plan.accounts)

    def share(row: Position) -> float | None:
        derivation = _present_value_of_returns(wording, case, row)[1]
        return None if isinstance(derivation, str) else derivation

    def returned(row: Position) -> float:
        back = _present_value_of_returns(wording, case, row)[0]
        return back if abs(back) > ZERO_TOLERANCE else 0.0

    def back(row_cells: FormulaRow) -> ex.Expression | None:
        derivation = _present_value_of_returns(wording, case, row_cells.row)[1]
        if derivation == "years":
            return _present_value(row_cells, "returned")
        return None if derivation is None else row_cells["present"] * row_cells["recovery"]

    def residual(row_cells: FormulaRow) -> ex.Expression:
        return row_cells["left"] / _growth_factor(row_cells.tables, ex.as_expression(years[-1]))

    def net(row_cells: FormulaRow) -> ex.Expression:
        net_cost = row_cells["present"] - row_cells["back"]
        return net_cost - row_cells["residual"] if has_residuals else net_cost

    residual_columns = [
        col.figure_column(
            tr("Counts at the end, undiscounted"), "left", total=True,
            getter=lambda row: row.residual_meur * rate ** (years[-1] - years[0]),
        ),
        col.formula_column(tr("Residual value, present value"), "residual", residual, total=True),
    ]  # fmt: skip
    return [
        col.formula_column(tr("Provided, present value"), "present",
            lambda row_cells: _present_value(row_cells, "paid"), total=True),
        col.figure_column(tr("Comes back, share of the present value"), "recovery", "share", share,
            origin="scenario"),
        col.figure_column(tr("Comes back, present value"), "back", getter=returned, formula=back,
            total=True),
        *(residual_columns if has_residuals else []),
        col.formula_column(tr("Net cost, present value"), "net", net, total=True),
        doc.deviation_column("net", itemgetter("cost")),
    ]  # fmt: skip


def _positions_table(wording: PlanWording) -> Table:
    """Return a table with one row for each position."""
    accounts = wording.plan.accounts
    has_returns = any(position.returned_meur for position in accounts)
    has_expected_losses = any(position.expected_loss_meur is not None for position in accounts)

    columns = [
        col.text_column(tr("Funder"), lambda row: wording.payer_name(row.funder)),
        col.text_column(tr("Instrument"), wording.position_instrument),
        col.text_column(tr("For"), wording.purpose_name),
        col.text_column(
            tr("Budget class"), lambda row: capitalize(budget_class_name(row.budget_class or ""))
        ),
        col.figure_column(tr("Committed"), "committed", getter="committed_meur", total=True),
        col.formula_column(tr("Provided, undiscounted"), "paid",
            lambda row_cells: _sum_over_years(row_cells, "paid"), total=True),
        col.formula_column(tr("Comes back, undiscounted"), "returned",
            lambda row_cells: _sum_over_years(row_cells, "returned"), total=has_returns),
        *(_present_value_columns(wording, wording.case) if wording.case else []),
        col.figure_column(tr("Net cost, as the plan has it"), "cost", getter="cost_meur",
            total=True),
        col.formula_column(tr("At risk at most"), "peak",
            lambda row_cells: ex.max_of(_yearly_amounts(row_cells, "outstanding"))),
        col.figure_column(tr("Loss expected, where known"), "expected_loss",
            getter="expected_loss_meur", total=has_expected_losses),
        col.figure_column(tr("Loss at most"), "maximum_loss", getter="maximum_loss_meur",
            total=True),
        *col.id_columns(funder_id="funder", class_id="budget_class", stockpile_id="stockpile"),
    ]  # fmt: skip
    caption, no_positions_note = (
        tr("Positions, {unit}", unit=wording.money_unit),
        tr("No money is provided."),
    )
    total_label = tr("All together")
    return Table(
        caption,
        accounts,
        columns,
        "accounts",
        total_label=total_label,
        empty_text=no_positions_note,
        media=SHEET,
    )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that accounts add up to the net cost of the plan."""

    def check(statement: str, key: str, cost_row: str) -> Check:
        return Check(statement, "accounts", col.column_sum("accounts", key),
                     col.find_cell("cost", cost_row, "amount"))  # fmt: skip

    statement = tr("Net costs of all accounts add up to the net cost of the plan")
    yield check(statement, "cost", "net_cost")
    if wording.case is not None:
        statement = tr(
            "Present values of what is provided and of what comes back give the net cost"
        )
        yield check(statement, "net", "net_cost")
        has_residuals = any(p.residual_meur for p in wording.plan.accounts)
        if wording.plan.outcome.residual_meur and has_residuals:
            statement = tr("Residual values of all accounts add up to that of the plan")
            yield check(statement, "residual", "residual_value")
        statement = tr("They do so in each account")
        yield doc.no_deviation_check(statement, "accounts", col.column_sum("accounts", "present"))
