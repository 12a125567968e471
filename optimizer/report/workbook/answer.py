"""The first sheet: the answer, its key figures, whether all adds up, and how to read the rest."""

from __future__ import annotations

from models.language import tr
from optimizer.report import prose
from optimizer.report.workbook.book import INSET, Column, Sheet, Table
from optimizer.report.workbook.checks import Verdict, show
from optimizer.report.workbook.draft import Draft, kind_name
from optimizer.report.workbook.expressions import Area, Expression, ratio, total_where, words
from optimizer.report.workbook.guide import contents, legend

_ACROSS = 6


def columns() -> list[Column]:
    """The columns that all tables of the first sheet share."""
    return [
        Column("what", "", width=45),
        Column("first", "", "money", 16),
        Column("second", "", "money", 16),
        Column("third", "", "money", 18),
        Column("fourth", "", "share", 15),
        Column("name", "", width=42),
    ]


def answer(draft: Draft, sheet: Sheet, verdict: Verdict) -> None:
    """Fill the first sheet; all its figures are formulas over the others."""
    sheet.set_widths(columns())
    _about(draft, sheet)
    show(sheet, verdict, _ACROSS)
    sheet.row += 1
    for sentence in prose.headline(draft.plan):
        sheet.note(sentence, _ACROSS, "lead")
    _gain(draft, sheet)
    _money(draft, sheet)
    _funders(draft, sheet)
    legend(sheet, _ACROSS)
    contents(sheet)
    sheet.worksheet.fit_to_pages(1, 1)


def _about(draft: Draft, sheet: Sheet) -> None:
    sheet.row = 1
    parts = []
    if draft.plan.variant is not None:
        parts.append(tr("Variant: {variant}", variant=draft.names.variant() or draft.plan.variant))
    year = draft.case.price_year if draft.case else None
    if year is not None:
        parts.append(tr("Amounts in {unit}, prices of {year}.", unit=draft.million, year=int(year)))
    else:
        parts.append(tr("Amounts in {unit}.", unit=draft.million))
    sheet.note("  ·  ".join(parts), _ACROSS)


def _gain(draft: Draft, sheet: Sheet) -> None:
    sheet.heading(_title(draft))
    table = sheet.table(
        [
            Column("what", ""),
            Column("first", tr("Without plan"), "outcome"),
            Column("second", tr("With plan"), "outcome"),
            Column("third", tr("Avoided"), "outcome"),
            Column("fourth", tr("Reduction"), "share"),
            Column("name", tr("Name for formulas")),
        ]
    )
    for name, what in (
        ("expected", tr("Expected: mean of all states")),
        ("cvar", prose.tail_noun(draft.plan)),
        ("worst", tr("Worst state")),
    ):
        line = table.line()
        line.words("what", what)
        without = line.put("first", draft.cells[f"{name}_without"])
        reached = line.put("second", draft.cells[name])
        avoided = line.put("third", without - reached)
        line.put("fourth", ratio(avoided, without))
        key = f"{name}_outcome"
        line.words("name", f"{key}, {key}_without_plan")
        draft.book.name(key, reached)
        draft.book.name(f"{key}_without_plan", without)
        draft.cells[f"avoided_{name}"] = avoided


def _title(draft: Draft) -> str:
    unit = prose.unit(draft.plan)
    if draft.plan.outcome.measure == "damage":
        return tr("What is left of the damage ({unit})", unit=unit)
    return tr("What is left of the shortage ({unit})", unit=unit)


def _money(draft: Draft, sheet: Sheet) -> None:
    """What the plan costs, and how much other money stands beside a public euro."""
    sheet.heading(tr("What it costs ({unit})", unit=draft.million))
    table = sheet.table(
        [
            Column("what", ""),
            Column("first", tr("Amount"), "money"),
            Column("second", tr("Share"), "share"),
            Column("third", ""),
            Column("fourth", ""),
            Column("name", tr("Name for formulas")),
        ]
    )
    cells, funding = draft.cells, draft.tables["funding"]

    def line(
        what: str, amount: Expression, name: str, share: Expression | None = None
    ) -> Expression:
        row = table.line()
        row.words("what", what if share is None else f"{INSET}{what}")
        cell = row.put("first", amount)
        if share is not None:
            row.put("second", ratio(cell, share))
        row.words("name", name)
        draft.book.name(name, cell)
        return cell

    line(tr("Net cost, discounted"), cells["net_cost"], "net_cost")
    if "residual" in cells:
        line(tr("Residual value at the end, discounted"), cells["residual"], "residual_value")
    capex = line(tr("Capital cost of projects"), cells["capex"], "capital_cost")
    by_kind = {}
    sources = {
        "public": tr("of that from public funders"),
        "company": tr("of that from companies"),
        "private": tr("of that from private funders"),
        "market": tr("of that from lenders and investors"),
    }
    for kind in ("public", "company", "private", "market"):
        paid = total_where(funding.area("meur"), (funding.area("kind_id"), words(kind)))
        if paid.number or kind in ("public", "market"):
            text = sources[kind]
            by_kind[kind] = line(text, paid, f"capital_{kind}", capex)
    stocks = draft.tables["stockpiles"]
    cost = total_where(stocks.area("all"), (stocks.area("field"), words("cost_meur")))
    line(tr("Cost of stockpiles, undiscounted"), cost, "stockpile_cost")
    spend = draft.tables["spend"]
    charged = total_where(spend.area("all"), (spend.area("kind_id"), words("public")))
    line(tr("Charged to public budgets, undiscounted"), charged, "public_budget_charge")
    line(tr("Lost at most by all funders"), cells["accounts_maximum_loss"], "maximum_loss")
    leverage = table.line()
    leverage.words("what", tr("Other money per public unit of money, in projects"))
    public = by_kind["public"]
    cell = leverage.put("first", ratio(capex - public, public), "ratio")
    leverage.words("name", "leverage")
    draft.book.name("leverage", cell)
    if draft.plan.outcome.measure == "damage":
        per = table.line()
        per.words("what", tr("Damage avoided per unit of net cost"))
        cell = per.put("first", ratio(cells["avoided_expected"], cells["net_cost"]), "ratio")
        per.words("name", "avoided_per_net_cost")
        draft.book.name("avoided_per_net_cost", cell)


def _funders(draft: Draft, sheet: Sheet) -> None:
    sheet.heading(tr("What each funder puts up ({unit}, undiscounted)", unit=draft.million))
    table = sheet.table(
        [
            Column("what", tr("Funder")),
            Column("first", tr("For projects"), "money"),
            Column("second", tr("For stockpiles"), "money"),
            Column("third", tr("Charged to its budget"), "money"),
            Column("fourth", tr("Share of its budget"), "share"),
            Column("name", tr("Kind")),
        ]
    )
    accounts, spend, budgets = (draft.tables[n] for n in ("accounts", "spend", "budgets"))
    for row, funder in enumerate(spend.area("funder_id").values):
        if not funder:
            continue
        line = table.line()
        line.words("what", draft.names.funder(str(funder)))
        key = _cell(spend, "funder_id", row)
        its = (accounts.area("funder_id"), key)
        everything = total_where(accounts.area("paid"), its)
        for_stocks = total_where(
            accounts.area("paid"), its, (accounts.area("purpose_kind"), words("stockpile"))
        )
        line.put("first", everything - for_stocks)
        line.put("second", for_stocks)
        charged = line.put("third", _cell(spend, "all", row))
        if budgets.count:
            own = (budgets.area("funder_id"), key), (budgets.area("line_id"), words("budget"))
            granted = total_where(budgets.area("granted"), *own)
            if granted.number:
                line.put("fourth", ratio(charged, granted))
        line.words("name", kind_name(draft.kind_of(str(funder))))
    if not table.count:
        table.nothing(tr("There are no funders."))
    table.totals(tr("All together"), ["first", "second", "third"])


def _cell(table: Table, key: str, row: int) -> Expression:
    found: Area = table.area(key)
    at = table.at(key)
    one = table.sheet.area((table.rows()[0] + row, at), (table.rows()[0] + row, at))
    return Expression(one.text.split(":")[0], found.values[row])
