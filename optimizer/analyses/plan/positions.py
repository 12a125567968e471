"""The sheets on accounts: whose money goes where, year by year, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from models.language import tr
from models.results import Position
from models.scenario.case import Case
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.accounts import by_class, by_funder
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.stocks import used
from optimizer.analyses.plan.words import MARKET, PlanWording
from optimizer.report.document import SHEET, Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE
from optimizer.report.wording import capital, class_name
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line

AGREES = 1e-6
"""Share by which a derived net cost may differ from the plan's and still be shown as derived."""

Named = Literal["paid", "returned", "outstanding"]


def sheets(say: PlanWording) -> list[Section]:
    """A sheet of totals over three sheets by year, and what it adds up to."""
    unit = say.million
    about = tr(
        "Present values are calculated with the discount rate below. The plan was found at this "
        "rate: another one changes the present values here, but not the plan, and the checks say "
        "that they no longer agree."
    )
    bare = tr("The plan does not carry its scenario: present values are its own.")
    returned = tr(
        "{unit}, undiscounted. Empty for money whose terms give a present value of what comes "
        "back, but no years.",
        unit=unit,
    )
    return [
        _sheet(
            "accounts", tr("Accounts"), tr("Whose money goes where, and what comes of it"), about,
            _terms(say.case) if say.case else bare, _positions(say),
        ),
        _yearly(
            say, "paid", tr("Paid by year"), tr("What is provided, by year"),
            tr("{unit}, undiscounted; of a guarantee the loan that it covers.", unit=unit),
        ),
        _yearly(
            say, "returned", tr("Returns by year"),
            tr("What is expected to come back, by year"), returned,
        ),
        _yearly(
            say, "outstanding", tr("Outstanding by year"),
            tr("What is at risk at the end of each year"), tr("{unit}, undiscounted.", unit=unit),
        ),
        _sheet(
            "overview", tr("Money in short"), tr("Who pays, by source, class and funder"),
            _by_source(say), by_class(say), by_funder(say),
        ),
    ]  # fmt: skip


def _sheet(id: str, tab: str, title: str, *parts: Part) -> Section:
    return Section(id, title, parts, SHEET, tab=tab)


def _terms(case: Case) -> Table:
    """The discount rate and the year that is discounted to."""
    rate, first = float(case.horizon.discount_rate), case.horizon.first_year
    known = [
        ("share", tr("Discount rate per year"), rate, "discount_rate"),
        ("year", tr("First year"), first, "first_year"),
    ]
    rows = [Row(form, {"what": what, "figure": x, "name": name}) for form, what, x, name in known]  # type: ignore[arg-type]
    columns = [
        *col.words(what=tr("Term")),
        col.cell(tr("Figure"), "figure", origin="scenario", name=lambda row: row["name"]),
        *col.words(name=tr("Name for formulas")),
    ]
    return Table("", rows, columns, "terms", key=lambda row: row["name"])


def _grown(book: Formulas, year: ex.Expression) -> ex.Expression:
    """What an amount of the first year has grown to; the terms go by their names."""
    names = ("discount_rate", "first_year")
    rate, first = (ex.Expression(n, book["terms"].find(n, "figure").value) for n in names)
    return (ex.of(1) + rate) ** (year - first)


def _yearly(say: PlanWording, name: Named, tab: str, title: str, note: str) -> Section:
    """A sheet with a row a position and a column a year, and discount factors above these."""
    figures = [getattr(one, f"{name}_meur") for one in say.plan.accounts]
    # Money may come back past the horizon.
    known = sorted({*say.horizon, *(year for of in figures for year in of)}, key=int)

    def row(one: Position, of: Mapping[str, float]) -> Row:
        about: dict[str, Cell] = {"funder": say.payer(one.funder), "instrument": say.how(one)}
        ids = {"funder_id": one.funder, "purpose_id": one.project or one.stockpile}
        # Without terms in the file nobody knows when money comes back: those years stay empty.
        amounts = {year: of.get(year, 0.0) for year in known} if of or name != "returned" else {}
        charge = say.term(one, "budget_charge", 1.0)
        return Row(
            "money", {**about, "purpose": say.purpose(one), **ids, **amounts, "charge": charge}
        )

    def factor(line: Line, year: str) -> ex.Expression:
        return ex.of(1) / _grown(line.book, line.table.header(year))

    who = col.words(funder=tr("Funder"), instrument=tr("Instrument"), purpose=tr("For"))
    factors = Row("control", {"funder": tr("Discount factor"), **col.each(known, factor)})
    above = Table("", [factors], [*who, *col.years(known)], f"{name}_factors")
    summed = name != "returned" or any(figures)
    columns = [*who, *col.years(known, "money", total=summed), *col.keys("funder_id", "purpose_id")]
    if name == "paid":
        charge = tr("Charged to the budget per unit of money")
        columns.append(col.cell(charge, "charge", "exact", origin="scenario", width=16))
    table = Table(
        "", [row(one, of) for one, of in zip(say.plan.accounts, figures, strict=True)], columns,
        name, total=tr("All together"), empty=tr("No money is provided."), freeze=3,
    )  # fmt: skip
    discounted = say.case is not None and name != "outstanding"
    return _sheet(name, tab, title, note, *([above] if discounted else []), table)


def _present(line: Line, name: Named) -> ex.Expression:
    """The present value of a position by its years."""
    factors = col.by_year(line.book[f"{name}_factors"], 0)
    return ex.dot(col.by_year(line.book[name], line.place), factors)


def _over_years(line: Line, name: Named) -> ex.Expression | None:
    """What a position comes to over all years; nothing where these are not known."""
    amounts = col.by_year(line.book[name], line.place)
    if name == "outstanding":
        return ex.largest(amounts)
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
    near, share = AGREES * max(1.0, abs(paid)), say.term(position, "recovery", 0.0)
    if any(returned.values()) and abs(present(returned) - exact) <= near:
        return exact, "years"
    return exact, None if share is None or abs(share * paid - exact) > near else share


def _money(say: PlanWording) -> list[Column]:
    """What is known of a position in money, and how its net cost follows."""
    accounts = say.plan.accounts
    returns = any(one.returned_meur for one in accounts)
    losses = any(one.expected_loss_meur is not None for one in accounts)
    lost = tr("Loss expected, where known")
    return [
        col.given(tr("Committed"), "committed", of="committed_meur", total=True),
        col.calc(
            tr("Provided, undiscounted"), "paid", lambda r: _over_years(r, "paid"), total=True
        ),
        col.calc(
            tr("Comes back, undiscounted"), "returned", lambda r: _over_years(r, "returned"),
            total=returns,
        ),
        *(_present_values(say, say.case) if say.case else []),
        col.given(tr("Net cost, as the plan has it"), "cost", of="cost_meur", total=True),
        col.calc(tr("At risk at most"), "peak", lambda r: _over_years(r, "outstanding")),
        col.given(lost, "expected_loss", of="expected_loss_meur", total=losses),
        col.given(tr("Loss at most"), "maximum_loss", of="maximum_loss_meur", total=True),
    ]  # fmt: skip


def _present_values(say: PlanWording, case: Case) -> list[Column]:
    """What is provided, comes back and counts at the end, and the net cost that follows."""
    years, rate = case.horizon.years, 1 + float(case.horizon.discount_rate)
    span, left = years[-1] - years[0], any(one.residual_meur for one in say.plan.accounts)

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
            tr("Counts at the end, undiscounted"), "left",
            of=lambda row: row.residual_meur * rate**span, total=True,
        ),
        col.calc(tr("Residual value, present value"), "residual", residual, total=True),
    ]  # fmt: skip
    present, part = tr("Provided, present value"), tr("Comes back, share of the present value")
    return [
        col.calc(present, "present", lambda r: _present(r, "paid"), total=True),
        col.given(part, "recovery", "share", share, origin="scenario"),
        col.given(tr("Comes back, present value"), "back", of=exact, formula=back, total=True),
        *(ends if left else []),
        col.calc(tr("Net cost, present value"), "net", net, total=True),
        col.calc(tr("Deviation"), "deviation", col.apart("net", "cost"), "deviation"),
    ]


def _positions(say: PlanWording) -> Table:
    """One row a position."""

    def kind(row: Position) -> str:
        return "stockpile" if row.project is None else "project"

    columns = [
        col.text(tr("Funder"), lambda row: say.payer(row.funder)),
        col.text(tr("Instrument"), say.how),
        col.text(tr("For"), say.purpose),
        col.text(tr("Budget class"), lambda row: capital(class_name(row.budget_class or ""))),
        *_money(say),
        *col.keys(funder_id="funder", class_id="budget_class", purpose_kind=kind),
    ]
    caption, empty = tr("Positions, {unit}", unit=say.million), tr("No money is provided.")
    total = tr("All together")
    return Table(caption, say.plan.accounts, columns, "accounts", total=total, empty=empty)


def _by_source(say: PlanWording) -> Table:
    """All projects together, by who pays."""
    listed = [*(one.id for one in say.plan.funders), MARKET]
    rows = dict.fromkeys([*listed, *(f for one in say.plan.projects for f in one.shares)])
    all_ = col.summed("funding", "meur")

    def paid(line: Line) -> ex.Expression:
        return col.where("funding", "meur", {"funder_id": line["id"]})(line.book)

    columns = [
        col.text(tr("By source"), say.payer),
        col.text(tr("Kind"), say.kind),
        col.calc(tr("Amount"), "meur", paid, total=True),
        col.calc(
            tr("Share of all"), "share", lambda r: ex.ratio(r["meur"], all_(r.book)), "share",
            total=True,
        ),
        *col.keys(id=str),
    ]  # fmt: skip
    caption = f"{tr('Capital cost of projects')}, {say.million}"
    return Table(caption, list(rows), columns, "by_source", total=tr("All together"))


def reconciliation(say: PlanWording) -> Section:
    """What the accounts come to by funder and stockpile, against what the plan says of these."""
    note = tr(
        "Each row adds up accounts year by year, {unit}, undiscounted; the deviation is from what "
        "the sheets on budgets and stockpiles have for the same row.",
        unit=say.million,
    )
    funders = [(f, say.payer(f), f) for f in say.plan.committed_meur]
    charged = [(f, say.payer(f), f) for f in say.plan.spend_meur] if say.case else []
    piles = [(p.id, say.name("stockpiles", p.id), f"{p.id} cost_meur") for p in used(say)]
    return _sheet(
        "reconciliation", tr("Reconciliation"), tr("What the accounts add up to"), note,
        _sums(say, tr("Provided, by funder"), "committed", funders),
        _sums(say, tr("Charged to budgets, by funder"), "spend", charged),
        _sums(say, tr("Provided, by stockpile"), "stockpiles", piles),
    )  # fmt: skip


def _sums(
    say: PlanWording, title: str, against: str, rows: Sequence[tuple[str, str, str]]
) -> Table:
    """Sums over the accounts of each funder or stockpile, and how far they are off another table.

    A row has an id, a name, and what the other table finds it by.
    """
    whose = "purpose_id" if against == "stockpiles" else "funder_id"
    factor = "charge" if against == "spend" else ""

    def amount(line: Line, year: str) -> ex.Expression:
        its = {whose: line["id"]}
        return col.where("paid", year, its, times=factor)(line.book)

    def apart(line: Line) -> ex.Expression:
        other = line.book[against]
        its = col.by_year(other, other.line(line.row["found"]) or 0)
        return ex.distance(col.over_years(line), its)

    def row(id_: str, name: str, found: str) -> Row:
        about: dict[str, Cell] = {"id": id_, "name": name, "found": found, "deviation": apart}
        return Row("money", {**about, **col.each(say.horizon, amount)})

    columns = [*col.words(name=title), *col.years(say.horizon, "money"), col.deviation()]
    columns += col.keys("id")
    empty = tr("Nothing is held.") if against == "stockpiles" else ""
    return Table("", [row(*one) for one in rows], columns, f"{against}_by_accounts", empty=empty)


def checks(say: PlanWording) -> Iterator[Check]:
    """Accounts add up to the net cost of the plan, and to what each funder has in each year."""

    def check(says: str, key: str, of: str) -> Check:
        return Check(says, "accounts", col.summed("accounts", key), col.proven(of))

    says = tr("Net costs of all accounts add up to the net cost of the plan")
    yield check(says, "cost", "net_cost")
    if say.case is not None:
        says = tr("Present values of what is provided and of what comes back give the net cost")
        yield check(says, "net", "net_cost")
        if say.plan.outcome.residual_meur and any(p.residual_meur for p in say.plan.accounts):
            says = tr("Residual values of all accounts add up to that of the plan")
            yield check(says, "residual", "residual")
        says = tr("They do so in each account")
        yield col.check_rows(says, "accounts", col.summed("accounts", "present"))
    if say.plan.committed_meur:
        says = tr("What accounts provide in a year equals what each funder provides")
        yield col.check_rows(says, "committed_by_accounts", col.summed("committed", "all"))
    if say.plan.spend_meur and say.case is not None:
        says = tr("What accounts charge in a year equals what each funder's budget is charged")
        yield col.check_rows(says, "spend_by_accounts", col.summed("spend", "all"))
