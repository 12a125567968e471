"""The sheet on the rules: what each leaves to each player, and what that player pays."""

from __future__ import annotations

from models.language import tr
from optimizer.report.splitting.game import core_word, rule_name
from optimizer.report.workbook.book import Column, key_column, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import deviation_column
from optimizer.report.workbook.expressions import absolute, ratio, total, total_where
from optimizer.report.workbook.splitting.written import Written, put_range, range_columns


def sharing(written: Written) -> None:
    """One row a rule and player, and one row a rule below."""
    game = written.game
    sheet = written.book.sheet(
        tr("Sharing"), tr("Ways to share the gain ({unit})", unit=game.million)
    )
    columns = [
        Column("rule", tr("Shared by"), width=24),
        Column("name", tr("Player"), width=34),
        *range_columns("gain", group=tr("Gain")),
        Column("share", tr("Share of the gain of all"), "share", 11),
        Column("pays", tr("Pays in all"), "money", 11),
        Column("outlay", tr("Net outlay with all"), "money", 11),
        Column("transfer", tr("Pays to the others"), "money", 11),
        deviation_column(),
        key_column("rule_id", tr("Key of the rule")),
        key_column("id", tr("Id")),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Pays in all: what a player bears alone, less its gain and its damage with all; the "
            "deviation is from that. Pays to the others: what it pays on top of its outlay; a "
            "negative figure is what it gets."
        ),
        printed(columns),
    )
    table = written.tables["sharing"] = sheet.table(columns)
    for rule in game.split.rules:
        for n, (player, share) in enumerate(rule.members.items()):
            line = written.gains[rule.rule, player] = table.line(ruled=n == 0)
            of = written.players[player].cells
            line.words("rule", rule_name(rule.rule))
            line.words("name", game.player(player))
            gain = put_range(line, "gain", share.gain)
            line.put("share", ratio(gain, written.cells["worth"]))
            pays = line.optimizer("pays", share.pays_meur)
            outlay = line.put("outlay", of["outlay"])
            line.put("transfer", pays - outlay)
            line.put("deviation", absolute(of["alone"] - gain - of["damage"] - pays))
            line.key("rule_id", rule.rule)
            line.key("id", player)
    sheet.freeze(table, 2)
    if not game.split.rules:
        table.nothing(tr("No rules were asked for."))
        return
    written.checks.append(
        Check(
            tr("What each pays is what it bears alone, less its gain and its damage with all"),
            sheet,
            total(table.area("deviation")),
            written.cells["alone"],
            summed=True,
        )
    )
    _rules(written)


def _rules(written: Written) -> None:
    table = written.tables["sharing"]
    sheet = table.sheet
    sheet.heading(tr("Rules in short"))
    short = sheet.table(
        [
            Column("rule", tr("Shared by"), width=24),
            Column("core", tr("Would leave"), width=34),
            Column("gains", tr("Gains together"), "money", 11),
            Column("pays", tr("Payments together"), "money", 11),
            Column("transfers", tr("Transfers together"), "money", 11),
            *range_columns("public", group=tr("Public money to keep all")),
        ]
    )
    for rule in written.game.split.rules:
        line = short.line()
        name = line.words("rule", rule_name(rule.rule))
        line.words("core", core_word(rule))
        for key, column in (("gains", "gain"), ("pays", "pays"), ("transfers", "transfer")):
            line.put(key, total_where(table.area(column), (table.area("rule"), name)))
        if rule.contribution is not None:
            put_range(line, "public", rule.contribution)
        written.checks.append(
            Check(
                tr("{rule}: the gains add up to the gain of all", rule=rule_name(rule.rule)),
                sheet,
                line.cells["gains"],
                written.cells["worth"],
            )
        )
