"""The sheet on what all do together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from models.language import tr
from models.results import JointProject
from optimizer.report.splitting.game import COMMON
from optimizer.report.tables.frame import MARKET
from optimizer.report.workbook.book import Column, Sheet, key_column, printed, years
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import deviation_column
from optimizer.report.workbook.expressions import absolute, of, total
from optimizer.report.workbook.splitting.written import Written


def together(written: Written) -> None:
    """Projects with the shares of all who carry them, output, stocks, and who pays when."""
    sheet = written.book.sheet(tr("Joint plan"), tr("What all do together"))
    _projects(written, sheet)
    _output(written, sheet)
    _stocks(written, sheet)
    _outlay(written, sheet)


def _named(
    projects: Sequence[JointProject], of_one: Callable[[JointProject], Mapping[str, float]]
) -> list[str]:
    """Ids that occur, in the order in which they come; those for all stand last."""
    found = list(dict.fromkeys(name for item in projects for name in of_one(item)))
    return sorted(found, key=lambda name: name in (MARKET, COMMON))


def _projects(written: Written, sheet: Sheet) -> None:
    game = written.game
    projects = game.split.plan.projects
    carriers = _named(projects, lambda item: item.shares)
    columns = [
        Column("name", tr("Project"), width=34),
        Column("start", tr("Start"), "year", 8),
        Column("capex", tr("Capex, {unit}", unit=game.million), "money", 11),
        *(Column(f"f_{n}", game.funder(f), "share", 11) for n, f in enumerate(carriers)),
        Column("all", tr("All shares together"), "share", 10),
        deviation_column(),
        key_column("id", tr("Id"), 18),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr("Shares of capex, which is not discounted, by who carries them."), printed(columns)
    )
    table = sheet.table(columns)
    for item in projects:
        line = table.line()
        line.words("name", game.project(item))
        line.optimizer("start", item.start)
        capex = line.optimizer("capex", item.capex_meur)
        for n, funder in enumerate(carriers):
            line.optimizer(f"f_{n}", item.shares.get(funder, 0.0))
        if carriers:
            whole = line.put("all", total(line.area("f_0", f"f_{len(carriers) - 1}")))
            line.put("deviation", absolute(whole - of(1)) * capex)
        line.key("id", item.id)
    if not projects:
        table.nothing(tr("Nothing is built."))
        return
    sheet.freeze(table, 1)
    if carriers:
        written.checks.append(
            Check(
                tr("The shares of each joint project add up to 1"),
                sheet,
                total(table.area("deviation")),
                total(table.area("capex")),
                summed=True,
            )
        )


def _output(written: Written, sheet: Sheet) -> None:
    game = written.game
    projects = [item for item in game.split.plan.projects if item.offtake]
    takers = _named(projects, lambda item: item.offtake)
    if not projects:
        return
    sheet.heading(tr("Output that is reserved"))
    names = [tr("All consumers") if t == COMMON else game.funder(t) for t in takers]
    columns = [
        Column("name", tr("Project"), width=34),
        *(Column(f"t_{n}", name, "share", 11) for n, name in enumerate(names)),
    ]
    table = sheet.table(columns)
    for item in projects:
        line = table.line()
        line.words("name", game.project(item))
        for n, taker in enumerate(takers):
            line.optimizer(f"t_{n}", item.offtake.get(taker, 0.0))


def _stocks(written: Written, sheet: Sheet) -> None:
    held = written.game.split.plan.stocks_t
    if not held:
        return
    sheet.heading(tr("Stocks of all"))
    columns = [
        Column("name", tr("Stockpile"), width=34),
        Column("held", tr("Held at most, t"), "tonnes_1", 12),
    ]
    table = sheet.table(columns)
    for pile, tonnes in held.items():
        line = table.line()
        line.words("name", written.game.stockpile(pile))
        line.optimizer("held", tonnes)


def _outlay(written: Written, sheet: Sheet) -> None:
    game = written.game
    paid = game.split.plan.outlay_by_year_meur
    when = sorted({year for by_year in paid.values() for year in by_year}, key=int)
    if not when:
        return
    sheet.heading(tr("Who pays when ({unit}, not discounted)", unit=game.million))
    columns = [
        Column("name", tr("Funder"), width=34),
        *years(when, "money", 9.5),
        Column("all", tr("All years"), "money", 11),
    ]
    table = sheet.table(columns)
    for funder, by_year in paid.items():
        line = table.line()
        line.words("name", game.funder(funder))
        line.by_year(by_year)
        line.put("all", total(line.area(when[0], when[-1])))
    table.totals(tr("All"), [*when, "all"])
