"""The sheets that add up money: by source, class and funder, and by year against other sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.language import tr
from optimizer.report.workbook.book import Column, Line, Sheet, Table, key_column, years
from optimizer.report.workbook.draft import (
    MARKET_KEY,
    Draft,
    class_name,
    deviation_column,
    kind_name,
)
from optimizer.report.workbook.expressions import Area, distance, ratio, total_where


def overview(draft: Draft) -> None:
    """Capital cost by source, and accounts by class of the budget and by funder."""
    sheet = draft.book.sheet(tr("Money in short"), tr("Who pays, by source, class and funder"))
    _by_source(draft, sheet)
    sheet.heading(f"{tr('Accounts')}, {draft.million}")
    accounts = draft.plan.accounts
    classes = dict.fromkeys(position.budget_class for position in accounts)
    rows: list[tuple[str, str]] = [(class_name(c), c or "") for c in classes]
    _by_key(draft, sheet, tr("By budget class"), "class_id", rows)
    funders = dict.fromkeys(position.funder for position in accounts)
    rows = [(draft.names.funder(f), f) for f in funders]
    _by_key(draft, sheet, tr("By funder"), "funder_id", rows)


def _by_source(draft: Draft, sheet: Sheet) -> None:
    """All projects together, by who pays."""
    funding = draft.tables["funding"]
    sheet.heading(f"{tr('Capital cost of projects')}, {draft.million}")
    columns = [
        Column("source", tr("By source"), width=36),
        Column("kind", tr("Kind"), width=24),
        Column("meur", tr("Amount"), "money", 12),
        Column("share", tr("Share of all"), "share", 12),
        *(Column(f"empty_{n}", "", width=12) for n in range(5)),
        key_column("id", tr("Id"), 22),
    ]
    table = draft.tables["sources"] = sheet.table(columns)
    everything = draft.cells["funding"]
    known = [*(f.id for f in draft.plan.funders), MARKET_KEY]
    known += [f for f in dict.fromkeys(map(str, funding.area("funder_id").values)) if f]
    for funder in dict.fromkeys(known):
        market = funder == MARKET_KEY
        line = table.line()
        name = tr("lenders and investors") if market else draft.names.funder(funder)
        line.words("source", name)
        its = line.key("id", funder)
        line.words("kind", kind_name("market" if market else draft.kind_of(funder)))
        paid = line.put("meur", total_where(funding.area("meur"), (funding.area("funder_id"), its)))
        line.put("share", ratio(paid, everything))
    draft.cells["by_source"] = table.totals(tr("All together"), ["meur", "share"]).cells["meur"]


def _by_key(
    draft: Draft, sheet: Sheet, title: str, key: str, rows: Sequence[tuple[str, str]]
) -> None:
    """Accounts added up by one of their keys."""
    accounts = draft.tables["accounts"]
    left = ["residual"] if "accounts_residual" in draft.cells else []
    shown = ["committed", "paid", "present", "back", *left, "net", "expected_loss", "maximum_loss"]
    columns = [
        Column("name", title, width=36),
        Column("empty", "", width=24),
        *(accounts.columns[accounts.at(name)] for name in shown),
        key_column("id", tr("Id"), 22),
    ]
    table = sheet.table([replace(column, width=max(column.width, 12)) for column in columns])
    for name, id_ in rows:
        line = table.line()
        line.words("name", name)
        its = line.key("id", id_)
        for column in shown:
            amounts, keys = accounts.area(column), accounts.area(key)
            # An empty cell is not known: a sum of such is no 0.
            if any(k == id_ and a != "" for k, a in zip(keys.values, amounts.values, strict=True)):
                line.put(column, total_where(amounts, (keys, its)))
    if not table.count:
        table.nothing(tr("No money is put up."))
    filled = [column for column in shown if any(a != "" for a in table.area(column).values)]
    table.totals(tr("All together"), filled)
    sheet.row += 1


def reconciliation(draft: Draft) -> None:
    """What the accounts come to by funder and stockpile, against what the plan says of these."""
    sheet = draft.book.sheet(tr("Reconciliation"), tr("What the accounts add up to"))
    sheet.set_widths(_sum_columns(draft, ""))
    sheet.note(
        tr(
            "Each row adds up accounts year by year, {unit}, undiscounted; the deviation is from "
            "what the sheets on budgets and stockpiles have for the same row.",
            unit=draft.million,
        ),
        len(draft.years) + 2,
    )
    paid = draft.tables["paid"]
    owner, purpose = paid.area("funder_id"), paid.area("purpose_id")
    charge = paid.area("charge")
    funders = {
        name: {str(f): row for row, f in enumerate(table.area("funder_id").values)}
        for name, table in draft.tables.items()
        if name in ("committed", "spend")
    }
    parts: list[tuple[str, str, Area | None]] = [("committed", tr("Put up, by funder"), None)]
    if draft.case is not None:
        parts.append(("spend", tr("Charged to budgets, by funder"), charge))
    for name, title, times in parts:
        table, given = _sum_table(draft, sheet, f"{name}_by_accounts", title), draft.tables[name]
        for funder, row in funders[name].items():
            if funder:
                it = Line(given, given.rows()[0] + row)
                shown = draft.names.funder(funder)
                _sums(draft, table, (owner, funder, shown), it, times)
    table = _sum_table(draft, sheet, "stocks_by_accounts", tr("Put up, by stockpile"))
    for (pile, field), it in draft.stock_lines.items():
        if field == "cost_meur":
            _sums(draft, table, (purpose, pile, draft.names.stockpile(pile)), it, None)
    if not table.count:
        table.nothing(tr("Nothing is held."))


def _sum_columns(draft: Draft, title: str) -> list[Column]:
    named = [Column("name", title, width=36), *years(draft.years, "money")]
    return [*named, deviation_column(), key_column("id", tr("Id"), 22)]


def _sum_table(draft: Draft, sheet: Sheet, name: str, title: str) -> Table:
    sheet.row += 1
    draft.tables[name] = sheet.table(_sum_columns(draft, title))
    return draft.tables[name]


def _sums(
    draft: Draft, table: Table, key: tuple[Area, str, str], given: Line, times: Area | None
) -> None:
    """A row of sums over the accounts of one funder or stockpile, and how far it is off."""
    paid, (where, id_, shown) = draft.tables["paid"], key
    line = table.line()
    line.words("name", shown)
    its = line.key("id", id_)
    for year in draft.years:
        line.put(year, total_where(paid.area(year), (where, its), times=times))
    ends = draft.years[0], draft.years[-1]
    line.put("deviation", distance(line.area(*ends), given.area(*ends)))
