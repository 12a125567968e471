"""The sheet on the players: what each bears alone and with all, and what all gain."""

from __future__ import annotations

from models.language import tr
from optimizer.report.splitting.game import about_others, joined
from optimizer.report.workbook.book import Column, key_column, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import kind_name
from optimizer.report.workbook.expressions import ratio
from optimizer.report.workbook.splitting.written import Written, put_range, range_columns


def players(written: Written) -> None:
    """Players, their totals, and the gain of all from them."""
    game = written.game
    split = game.split
    sheet = written.book.sheet(
        tr("Players"), tr("What each bears, alone and with all ({unit})", unit=game.million)
    )
    columns = [
        Column("name", tr("Player"), width=34),
        Column("kind", tr("Kind"), width=15),
        Column("consumers", tr("Stands for"), width=34),
        Column("demand", tr("Value of its demand"), "money", 11),
        Column("without", tr("Damage if nobody acts"), "money", 11),
        *range_columns("alone", group=tr("Alone")),
        Column("damage", tr("Damage with all"), "money", 11),
        Column("outlay", tr("Net outlay with all"), "money", 11),
        Column("before", tr("Gain before transfers"), "money", 11),
        key_column("id", tr("Id")),
    ]
    sheet.set_widths(columns)
    note = tr(
        "Means over the states, discounted. Alone: damage and net cost of a player that does "
        "what is best for itself while nobody else acts. Gain before transfers: what it bears "
        "alone, less damage and outlay with all."
    )
    sheet.note(note if game.others is None else f"{note} {about_others()}", printed(columns))
    table = written.tables["players"] = sheet.table(columns)
    for player in split.players:
        line = written.players[player.id] = table.line()
        line.words("name", game.player(player.id))
        line.words("kind", tr("public") if player.kind == "state" else kind_name("company"))
        line.words("consumers", joined(map(game.consumer, player.consumers)), wrap=True)
        line.optimizer("demand", player.demand_meur)
        line.optimizer("without", player.without_plan)
        alone = put_range(line, "alone", player.alone)
        damage = line.optimizer("damage", split.plan.damage[player.id])
        outlay = line.optimizer("outlay", game.outlay(player.id))
        line.put("before", alone - damage - outlay)
        line.key("id", player.id)
    others = game.others
    if others is not None:
        line = table.line()
        line.words("name", others.name)
        line.words("kind", tr("no player"))
        alone = written.cells["baseline"] = put_range(line, "alone", others.alone)
        damage = line.optimizer("damage", others.damage)
        line.put("before", alone - damage - line.optimizer("outlay", others.outlay))
    summed = ["demand", "without", "alone", "damage", "outlay", "before"]
    totals = table.totals(tr("All"), summed)
    sheet.freeze(table, 1)
    written.cells |= {key: totals.cells[key] for key in summed}
    _gain(written)


def _gain(written: Written) -> None:
    """The gain of all with its range, from what they bear alone and together."""
    table, split, cells = written.tables["players"], written.game.split, written.cells
    sheet = table.sheet
    sheet.heading(tr("What all gain"))
    table = sheet.table(
        [
            Column("what", "", width=34),
            Column("unit", tr("Unit"), width=15),
            Column("remark", tr("Remark"), width=34),
            *(
                Column(key, header, "money", 11)
                for key, header in (
                    ("gain_low", tr("At least")),
                    ("gain", tr("By the plans")),
                    ("gain_high", tr("At most")),
                )
            ),
        ]
    )
    line = table.line()
    line.words("what", tr("Gain of all"))
    line.words("unit", written.game.million)
    cells["worth"] = written.book.name("joint_gain", put_range(line, "gain", split.worth))
    together = table.line()
    together.words("what", tr("Damage and net cost of all together"))
    together.words("unit", written.game.million)
    cells["together"] = together.optimizer("gain", split.plan.objective)
    share = table.line()
    share.words("what", tr("Gain, as a share of what they bear alone"))
    cells["share"] = share.put("gain", ratio(cells["worth"], cells["alone"]), "share")
    written.checks.append(
        Check(
            tr("What all bear alone, less what they bear together, is their gain"),
            sheet,
            cells["alone"] - cells["together"],
            cells["worth"],
        )
    )
