"""The sheets on positions: whose money goes where, year by year, and the net cost that follows."""

from collections.abc import Iterator, Mapping
from operator import itemgetter

from models.language import tr
from models.results import Position
from models.scenario.case import Case
from optimizer.analyses.comparison.money import charge, term
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.document import SHEET, Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE
from optimizer.report.wording import capital, class_name
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line

AGREES = 1e-6
"""Share by which a derived net cost may differ from the plan's and still be shown as derived."""
FIGURES = ("paid", "returned", "outstanding")
"""What a sheet has of each position by year, a row each."""


def parts(say: PlanWording) -> Iterator[Part]:
    """The discount rate, and a row a position, for a sheet."""
    if say.case is None:
        text = tr("The plan does not carry its scenario: present values are its own.")
        yield doc.Text(text, SHEET)
    else:
        text = tr(
            "Present values are calculated with the discount rate below. The plan was found at "
            "this rate: another one changes the present values here, but not the plan, and the "
            "checks say that they no longer agree."
        )
        yield doc.Text(text, SHEET)
        yield _terms(say.case)
    yield _positions(say)


def _terms(case: Case) -> Table:
    """The discount rate and the year that is discounted to."""
    rate, first = float(case.horizon.discount_rate), case.horizon.first_year
    rows = [
        col.Row("share", {"what": tr("Discount rate per year"), "figure": rate,
                          "name": "discount_rate"}),
        col.Row("year", {"what": tr("First year"), "figure": first, "name": "first_year"}),
    ]  # fmt: skip
    columns = [
        *col.words(what=tr("Term")),
        col.cell(tr("Figure"), "figure", origin="scenario", name=lambda row: row["name"]),
        *col.words(name=tr("Name for formulas")),
    ]
    return Table("", rows, columns, "terms", key=lambda row: row["name"], on=SHEET)


def _grown(book: Formulas, year: ex.Expression) -> ex.Expression:
    """What an amount of the first year has grown to; the terms go by their names."""
    names = ("discount_rate", "first_year")
    rate, first = (ex.Expression(n, book["terms"].find(n, "figure").value) for n in names)
    return (ex.of(1) + rate) ** (year - first)


def by_year(say: PlanWording) -> Section:
    """A sheet with three rows a position and a column a year, and discount factors above these."""
    # Money may come back past the horizon.
    past = {year for one in say.plan.accounts for year in one.returned_meur}
    known = sorted({*say.horizon, *past}, key=int)
    names = {
        "paid": tr("provided"),
        "returned": tr("comes back"),
        "outstanding": tr("at risk, end of year"),
    }

    def row(one: Position, figure: str) -> col.Row:
        about: dict[str, col.Cell] = {
            "funder": say.payer(one.funder), "instrument": say.how(one),
            "purpose": say.purpose(one), "figure": names[figure], "field": figure,
        }  # fmt: skip
        of = getattr(one, f"{figure}_meur")
        # Without terms in the file nobody knows when money comes back: those years stay empty.
        amounts = {y: of.get(y, 0.0) for y in known} if of or figure != "returned" else {}
        if figure == "paid":
            about |= {"paid_by": one.funder, "paid_for": one.stockpile}
            about["charge"] = charge(say.plan, one)
        return col.Row("money", {**about, **amounts})

    def factor(line: Line, year: str) -> ex.Expression:
        return ex.of(1) / _grown(line.book, line.table.header(year))

    who = col.words(funder=tr("Funder"), instrument=tr("Instrument"), purpose=tr("For"),
                    figure=tr("Figure"))  # fmt: skip
    factors = col.Row("control", {"funder": tr("Discount factor"), **col.each(known, factor)})
    columns = [
        *who,
        *col.years(known, "money"),
        col.cell(tr("Charged to the budget per unit of money"), "charge", "exact",
                 origin="scenario", width=16),
        *col.keys("field", "paid_by", "paid_for"),
    ]  # fmt: skip
    note = tr(
        "{unit}, undiscounted; of a guarantee the loan that it covers. Empty for money whose terms "
        "give a present value of what comes back, but no years.",
        unit=say.million,
    )
    made: list[Part] = [note]
    if say.case is not None:
        made.append(Table("", [factors], [*who, *col.years(known)], "factors"))
    rows = [row(one, figure) for one in say.plan.accounts for figure in FIGURES]
    made.append(Table("", rows, columns, "by_year", empty=tr("No money is provided."), freeze=4,
                      ruled=lambda row: row["field"] == "paid"))  # fmt: skip
    title = tr("What is provided, comes back and is at risk, by year")
    return Section("by-year", title, made, SHEET, tab=tr("Accounts by year"))


def _amounts(line: Line, figure: str) -> ex.Area:
    """A figure of a position in all years."""
    return col.by_year(line.book["by_year"], len(FIGURES) * line.place + FIGURES.index(figure))


def _present(line: Line, figure: str) -> ex.Expression:
    """The present value of a position by its years."""
    return ex.dot(_amounts(line, figure), col.by_year(line.book["factors"], 0))


def _over_years(line: Line, figure: str) -> ex.Expression | None:
    """What a position comes to over all years; nothing where these are not known."""
    amounts = _amounts(line, figure)
    return ex.total(amounts) if any(x != "" for x in amounts.values) else None


def _back(say: PlanWording, case: Case, position: Position) -> tuple[float, float | str | None]:
    """The present value of what comes back, as the plan has it, and what it is derived from.

    ``years``, or the share of what is paid; None where neither leads to the plan's own net cost.
    """
    start, grown = case.horizon.first_year, 1 + float(case.horizon.discount_rate)

    def present(figures: Mapping[str, float]) -> float:
        return sum(amount / grown ** (int(year) - start) for year, amount in figures.items())

    paid, returned = present(position.paid_meur), position.returned_meur
    exact = paid - position.cost_meur - position.residual_meur
    near, share = AGREES * max(1.0, abs(paid)), term(say.plan, position, "recovery", 0.0)
    if any(returned.values()) and abs(present(returned) - exact) <= near:
        return exact, "years"
    return exact, None if share is None or abs(share * paid - exact) > near else share


def _present_values(say: PlanWording, case: Case) -> list[Column]:
    """What is provided, comes back and counts at the end, and the net cost that follows."""
    years, rate = case.horizon.years, 1 + float(case.horizon.discount_rate)
    left = any(one.residual_meur for one in say.plan.accounts)

    def share(row: Position) -> float | None:
        found = _back(say, case, row)[1]
        return None if isinstance(found, str) else found

    def exact(row: Position) -> float:
        back = _back(say, case, row)[0]
        return back if abs(back) > NOISE else 0.0

    def back(line: Line) -> ex.Expression | None:
        found = _back(say, case, line.row)[1]
        if found == "years":
            return _present(line, "returned")
        return None if found is None else line["present"] * line["recovery"]

    def residual(line: Line) -> ex.Expression:
        return line["left"] / _grown(line.book, ex.of(years[-1]))

    def net(line: Line) -> ex.Expression:
        found = line["present"] - line["back"]
        return found - line["residual"] if left else found

    ends = [
        col.given(
            tr("Counts at the end, undiscounted"), "left", total=True,
            of=lambda row: row.residual_meur * rate ** (years[-1] - years[0]),
        ),
        col.calc(tr("Residual value, present value"), "residual", residual, total=True),
    ]  # fmt: skip
    present, part = tr("Provided, present value"), tr("Comes back, share of the present value")
    return [
        col.calc(present, "present", lambda line: _present(line, "paid"), total=True),
        col.given(part, "recovery", "share", share, origin="scenario"),
        col.given(tr("Comes back, present value"), "back", of=exact, formula=back, total=True),
        *(ends if left else []),
        col.calc(tr("Net cost, present value"), "net", net, total=True),
        doc.deviation("net", itemgetter("cost")),
    ]


def _positions(say: PlanWording) -> Table:
    """One row a position."""
    accounts = say.plan.accounts
    returns = any(one.returned_meur for one in accounts)
    losses = any(one.expected_loss_meur is not None for one in accounts)

    def over(figure: str) -> doc.Formula:
        return lambda line: _over_years(line, figure)

    columns = [
        col.text(tr("Funder"), lambda row: say.payer(row.funder)),
        col.text(tr("Instrument"), say.how),
        col.text(tr("For"), say.purpose),
        col.text(tr("Budget class"), lambda row: capital(class_name(row.budget_class or ""))),
        col.given(tr("Committed"), "committed", of="committed_meur", total=True),
        col.calc(tr("Provided, undiscounted"), "paid", over("paid"), total=True),
        col.calc(tr("Comes back, undiscounted"), "returned", over("returned"), total=returns),
        *(_present_values(say, say.case) if say.case else []),
        col.given(tr("Net cost, as the plan has it"), "cost", of="cost_meur", total=True),
        col.calc(tr("At risk at most"), "peak", lambda r: ex.largest(_amounts(r, "outstanding"))),
        col.given(
            tr("Loss expected, where known"), "expected_loss", of="expected_loss_meur", total=losses
        ),
        col.given(tr("Loss at most"), "maximum_loss", of="maximum_loss_meur", total=True),
        *col.keys(funder_id="funder", class_id="budget_class", stockpile_id="stockpile"),
    ]
    caption, empty = tr("Positions, {unit}", unit=say.million), tr("No money is provided.")
    total = tr("All together")
    return Table(caption, accounts, columns, "accounts", total=total, empty=empty, on=SHEET)


def checks(say: PlanWording) -> Iterator[Check]:
    """Accounts add up to the net cost of the plan."""

    def check(says: str, key: str, of: str) -> Check:
        return Check(says, "accounts", col.summed("accounts", key), col.found("cost", of, "amount"))

    yield check(
        tr("Net costs of all accounts add up to the net cost of the plan"), "cost", "net_cost"
    )
    if say.case is not None:
        says = tr("Present values of what is provided and of what comes back give the net cost")
        yield check(says, "net", "net_cost")
        if say.plan.outcome.residual_meur and any(p.residual_meur for p in say.plan.accounts):
            says = tr("Residual values of all accounts add up to that of the plan")
            yield check(says, "residual", "residual_value")
        says = tr("They do so in each account")
        yield doc.check_rows(says, "accounts", col.summed("accounts", "present"))
