"""The sheet on who would rather leave, and on the core."""

from __future__ import annotations

from models.language import tr
from models.results import Core
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import rule_name
from optimizer.report.workbook.book import Column, Sheet, key_column, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import deviation_column
from optimizer.report.workbook.expressions import Expression, absolute, total, total_where
from optimizer.report.workbook.splitting.written import Written, put_range, range_columns


def leaving(written: Written) -> None:
    """Groups that would or might rather leave with each rule, and the core."""
    game = written.game
    sheet = written.book.sheet(
        tr("Leaving"), tr("Who would rather leave ({unit})", unit=game.million)
    )
    columns = [
        Column("rule", tr("Shared by"), width=34),
        Column("group", tr("Group"), width=46),
        Column("more", tr("Has more by leaving"), "money", 11),
        Column("most", tr("At most"), "money", 11),
        Column("worth", tr("It gains by itself"), "money", 11),
        Column("gets", tr("Its share by the rule"), "money", 11),
        deviation_column(),
        key_column("id", tr("Id"), 30),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Five groups a rule at most, the one with most to gain first; where the proofs leave "
            "it open, those that might leave. The share of a group is the sum of its members' "
            "gains."
        ),
        printed(columns),
    )
    table = sheet.table(columns)
    groups = written.tables["groups"]
    for rule in game.split.rules:
        for n, group in enumerate(rule.leaving):
            line = table.line(ruled=n == 0)
            line.words("rule", rule_name(rule.rule))
            line.words("group", game.group(group.members), wrap=True)
            more = line.optimizer("more", group.gain)
            line.optimizer("most", group.most)
            key = line.key("id", written.key(group.members))
            if key.value not in groups.area("id").values:
                continue
            worth = line.put("worth", total_where(groups.area("worth"), (groups.area("id"), key)))
            gains = (written.gains[rule.rule, p].cells["gain"] for p in group.members)
            gets = line.put("gets", total(*gains))
            line.put("deviation", absolute(worth - gets - more))
    if table.count:
        sheet.freeze(table, 1)
        written.checks.append(
            Check(
                tr("What a group has more by leaving is its gain less its share by the rule"),
                sheet,
                total(table.area("deviation")),
                written.cells["alone"],
                summed=True,
            )
        )
    elif game.split.sampling is not None:
        table.nothing(tr("None of the groups that were solved would rather leave."))
    else:
        table.nothing(tr("No group would rather leave."))
    if game.split.core is not None:
        core(written, sheet, game.split.core, written.cells["worth"])


def core(written: Written, sheet: Sheet, found: Core, worth: Expression) -> None:
    """The least core, the public money it takes, and the gains and groups at it."""
    game = written.game
    sheet.heading(tr("The core"))
    sheet.note(prose.core_verdict(game, found), 6)
    table = sheet.table(
        [
            Column("what", tr("Figure"), width=34),
            Column("remark", tr("Remark"), width=46),
            *range_columns("figure", group=tr("Amount")),
        ]
    )
    for what, remark, figure in (
        (
            tr("Least core"),
            tr("What the group with most to gain has by leaving, made least"),
            found.least_core,
        ),
        (
            tr("Public money to keep all"),
            tr("On top of the gain of all, shared at best"),
            found.contribution,
        ),
    ):
        line = table.line()
        line.words("what", what)
        line.words("remark", remark, wrap=True)
        put_range(line, "figure", figure)
    sheet.row += 1
    gains = sheet.table(
        [
            Column("name", tr("Player"), width=34),
            Column("binding", tr("Closest to leaving"), width=46),
            Column("gain", tr("Gain at the least core"), "money", 11),
        ]
    )
    binding = [game.group(members) for members in found.binding]
    for n in range(max(len(found.members), len(binding))):
        line = gains.line()
        if n < len(found.members):
            name, gain = list(found.members.items())[n]
            line.words("name", game.player(name))
            line.optimizer("gain", gain)
        line.words("binding", binding[n] if n < len(binding) else "", wrap=True)
    last = gains.totals(tr("All"), ["gain"])
    written.checks.append(
        Check(
            tr("The gains at the least core add up to the gain of all"),
            sheet,
            last.cells["gain"],
            worth,
        )
    )
