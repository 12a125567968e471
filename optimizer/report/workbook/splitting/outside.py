"""The sheets on staying out, and on outsiders who act."""

from __future__ import annotations

from models.language import tr
from optimizer.report.splitting.game import joined, rule_name
from optimizer.report.workbook.book import Column, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import deviation_column
from optimizer.report.workbook.expressions import absolute, total
from optimizer.report.workbook.splitting.leaving import core
from optimizer.report.workbook.splitting.written import Written, put_range, range_columns


def staying_out(written: Written) -> None:
    """What each company has if it stays out while the others go on; no sheet if not asked."""
    game = written.game
    riders, rule = game.split.free_riding, game.reference
    if not riders:
        return
    sheet = written.book.sheet(
        tr("Staying out"), tr("Staying out while the others go on ({unit})", unit=game.million)
    )
    columns = [
        Column("name", tr("Stays out"), width=34),
        *range_columns("others", group=tr("Gain of the others")),
        Column("alone", tr("Alone, nobody else acts"), "money", 11),
        Column("idle", tr("Idle beside the others"), "money", 11),
        *range_columns("acting", group=tr("Acting beside the others")),
        *range_columns("gain", group=tr("Gain by staying out")),
        deviation_column(),
    ]
    if rule is not None:
        header = tr("Share: {rule}", rule=rule_name(rule.rule))
        columns.append(Column("share", header, "money", 11))
        columns.append(Column("tempted", tr("More than its share"), "money", 11))
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Gain by staying out: what it has more than standing alone with nobody acting, if it "
            "does what is best for itself beside the others."
        ),
        printed(columns),
    )
    table = sheet.table(columns)
    for name, rider in riders.items():
        line = table.line()
        line.words("name", game.player(name))
        put_range(line, "others", rider.others)
        alone = line.put("alone", written.players[name].cells["alone"])
        line.optimizer("idle", rider.idle)
        acting = put_range(line, "acting", rider.acting)
        gain = put_range(line, "gain", rider.gain)
        line.put("deviation", absolute(alone - acting - gain))
        if rule is not None:
            share = line.put("share", written.gains[rule.rule, name].cells["gain"])
            line.put("tempted", gain - share)
    sheet.freeze(table, 1)
    written.checks.append(
        Check(
            tr("What one bears alone, less what it bears beside the others, is its gain"),
            sheet,
            total(table.area("deviation")),
            total(table.area("alone")),
            summed=True,
        )
    )


def outsiders(written: Written) -> None:
    """The game in which outsiders act for themselves; no sheet if not asked."""
    game = written.game
    found = game.split.externality
    if found is None:
        return
    sheet = written.book.sheet(
        tr("Outsiders acting"), tr("If outsiders act as well ({unit})", unit=game.million)
    )
    columns = [
        Column("name", tr("Player"), width=34),
        Column("consumers", tr("Stands for"), width=46),
        Column("before", tr("Alone, nobody else acts"), "money", 11),
        *range_columns("alone", group=tr("Alone, all act alone")),
        Column("spared", tr("Spared by the others"), "money", 11),
        Column("gain", tr("Gain by Shapley value"), "money", 11),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr("Damage and net cost if each does what is best for itself, and how all then share."),
        printed(columns),
    )
    table = sheet.table(columns)
    for name, alone in found.alone.items():
        line = table.line()
        line.words("name", game.player(name))
        line.words("consumers", joined(map(game.consumer, game.players[name].consumers)), wrap=True)
        before = line.put("before", written.players[name].cells["alone"])
        after = put_range(line, "alone", alone)
        line.put("spared", before - after)
        line.optimizer("gain", found.shapley[name])
    last = table.totals(tr("All"), ["before", "alone", "spared", "gain"])
    sheet.row += 1
    worth = sheet.table(
        [
            Column("what", tr("Figure"), width=34),
            Column("remark", tr("Remark"), width=46),
            *range_columns("gain", group=tr("Amount")),
        ]
    ).line()
    worth.words("what", tr("Gain of all"))
    worth.words("remark", tr("Against all acting alone"))
    gain = put_range(worth, "gain", found.worth)
    written.checks.append(
        Check(
            tr("With outsiders acting, the gains add up to the gain of all"),
            sheet,
            last.cells["gain"],
            gain,
        )
    )
    core(written, sheet, found.core, gain)
