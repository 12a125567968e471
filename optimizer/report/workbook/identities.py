"""What must add up in a workbook of a plan."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import Draft
from optimizer.report.workbook.exposure import worst_of
from optimizer.report.workbook.expressions import (
    Expression,
    distance,
    largest,
    of,
    total,
    total_where,
    words,
)


def identities(draft: Draft) -> Iterator[Check]:
    """What must add up in a plan."""
    yield from _of_projects(draft)
    yield from _of_money(draft)
    yield from _of_outcome(draft)
    yield from _of_stocks_and_supply(draft)
    yield from _of_proof(draft)


def _of_projects(draft: Draft) -> Iterator[Check]:
    projects, cells = draft.tables["projects"], draft.cells
    if not projects.count:
        return
    yield Check(
        tr("The shares of each project add up to 1: amounts by funder equal its capital cost"),
        projects.sheet, total(projects.area("deviation")), cells["capex"], summed=True,
    )  # fmt: skip
    yield Check(
        tr("Funding of all projects equals their capital cost"),
        projects.sheet, cells["funding"], cells["capex"],
    )  # fmt: skip
    yield Check(
        tr("Funding by source equals funding by project"),
        draft.tables["funding"].sheet, cells["by_source"], cells["funding"],
    )  # fmt: skip
    yield Check(
        tr("Output for all consumers and for companies that pay is all output for home"),
        projects.sheet,
        distance(projects.area("reserved"), projects.area("offtake")),
        total(projects.area("offtake")),
        summed=True,
    )


def _of_money(draft: Draft) -> Iterator[Check]:
    cells, tables = draft.cells, draft.tables
    accounts = tables["accounts"]
    yield Check(
        tr("Net costs of all accounts add up to the net cost of the plan"),
        accounts.sheet, cells["accounts_cost"], cells["net_cost"],
    )  # fmt: skip
    if draft.case is not None:
        yield Check(
            tr("Present values of what is put up and of what comes back give the net cost"),
            accounts.sheet, cells["accounts_net"], cells["net_cost"],
        )  # fmt: skip
        if "residual" in cells and "accounts_residual" in cells:
            yield Check(
                tr("Residual values of all accounts add up to that of the plan"),
                accounts.sheet, cells["accounts_residual"], cells["residual"],
            )  # fmt: skip
        yield Check(
            tr("They do so in each account"),
            accounts.sheet, total(accounts.area("deviation")), cells["accounts_present"],
            summed=True,
        )  # fmt: skip
    for name, says in (
        ("committed", tr("What accounts put up in a year equals what each funder puts up")),
        ("spend", tr("What accounts charge in a year equals what each funder's budget is charged")),
    ):
        table = tables.get(f"{name}_by_accounts")
        if table is not None and table.count:
            apart = total(table.area("deviation"))
            yield Check(says, table.sheet, apart, cells[name], summed=True)
    budgets = tables["budgets"]
    if budgets.count:
        used = total_where(
            budgets.area("all"),
            (budgets.area("line_id"), words("budget")),
            (budgets.area("field"), words("used_meur")),
        )
        yield Check(
            tr("Use of the funders' own budgets equals what these funders are charged"),
            budgets.sheet, used, _charged(draft),
        )  # fmt: skip
        yield Check(
            tr("No budget is exceeded, in any year or in all"),
            budgets.sheet, total(budgets.area("over")), total(budgets.area("granted")),
            summed=True,
        )  # fmt: skip


def _charged(draft: Draft) -> Expression:
    """What funders with a budget of their own are charged over all years."""
    spend = draft.tables["spend"]
    known = {use.funder for use in draft.plan.budget_lines if use.line == "budget"}
    at, cells = spend.at("all"), []
    for row, funder in enumerate(spend.area("funder_id").values, spend.rows()[0]):
        if funder in known:
            found = spend.sheet.area((row, at), (row, at))
            cells.append(Expression(found.text.split(":")[0], found.values[0]))
    return total(*cells) if cells else of(0)


def _of_outcome(draft: Draft) -> Iterator[Check]:
    cells, tables = draft.cells, draft.tables
    for name, says in (
        ("materials", tr("Parts of all materials add up to what is expected with the plan")),
        ("consumers", tr("Parts of all consumers add up to what is expected with the plan")),
    ):
        yield Check(says, tables[name].sheet, cells[f"{name}_with"], cells["expected"])
    for name, says in (
        ("materials", tr("Parts of all materials add up to what is expected without a plan")),
        ("consumers", tr("Parts of all consumers add up to what is expected without a plan")),
    ):
        yield Check(says, tables[name].sheet, cells[f"{name}_without"], cells["expected_without"])
    sheet = tables["certificate"].sheet
    for end, says in (
        (
            "",
            tr("With the plan: the mean is at most the CVaR, and this at most the worst state"),
        ),
        (
            "_without",
            tr("Without a plan: the mean is at most the CVaR, and this at most the worst state"),
        ),
    ):
        mean, tail, worst = (cells[f"{name}{end}"] for name in ("expected", "cvar", "worst"))
        over = largest(of(0), mean - tail, tail - worst)
        yield Check(says, sheet, over, worst, summed=True)
    for side, says in (
        ("with", tr("The last quantile with the plan is the worst state")),
        ("without", tr("The last quantile without a plan is the worst state")),
    ):
        last = worst_of(draft, "with" if side == "with" else "without")
        if last is not None:
            worst = cells["worst" if side == "with" else "worst_without"]
            yield Check(says, tables["distribution"].sheet, last, worst)


def _of_stocks_and_supply(draft: Draft) -> Iterator[Check]:
    tables = draft.tables
    stocks, shortage = tables["stockpiles"], tables["shortage"]
    if stocks.count and draft.case is not None:
        held = total(stocks.area(draft.years[-1]))
        apart = total(stocks.area("deviation"))
        says = tr("Planned stock is what the year before leaves, and what is bought")
        yield Check(says, stocks.sheet, apart, held, summed=True)
    by_stock = tables["stocks_by_accounts"]
    if by_stock.count:
        says = tr("The cost of each stockpile is what accounts put up for it, in each year")
        apart = total(by_stock.area("deviation"))
        cost = total_where(stocks.area("all"), (stocks.area("field"), words("cost_meur")))
        yield Check(says, by_stock.sheet, apart, cost, summed=True)
    if shortage.count:
        yield Check(
            tr("Days of cover are planned stock over demand"),
            shortage.sheet, total(shortage.area("deviation")), _cover(draft), summed=True,
        )  # fmt: skip
    for side, shares, index in (
        (
            "with",
            tr("Shares of supply add up to 1 in each year, with the plan"),
            tr("The index of concentration is the sum of squared shares, with the plan"),
        ),
        (
            "without",
            tr("Shares of supply add up to 1 in each year, without the plan"),
            tr("The index of concentration is the sum of squared shares, without the plan"),
        ),
    ):
        table = tables[f"supply_{side}"]
        if table.count:
            known = table.area("field")
            for field, says, scale in (("sum", shares, 1.0), ("hhi", index, 10_000.0)):
                apart = total_where(table.area("deviation"), (known, words(field)))
                yield Check(says, table.sheet, apart, of(scale), summed=True)


def _cover(draft: Draft) -> Expression:
    """All days of cover together, as a scale."""
    table = draft.tables["shortage"]
    last = table.area(draft.years[-1])
    return total_where(last, (table.area("field"), words("days_of_cover")))


def _of_proof(draft: Draft) -> Iterator[Check]:
    cells, sheet = draft.cells, draft.tables["certificate"].sheet
    if "derived_objective" in cells:
        yield Check(
            tr("The objective follows from its parts"),
            sheet, cells["derived_objective"], cells["objective"],
        )  # fmt: skip
    if "derived_gap" in cells:
        yield Check(
            tr("The gap follows from objective and bound"),
            sheet, cells["derived_gap"], cells["gap"],
        )  # fmt: skip
