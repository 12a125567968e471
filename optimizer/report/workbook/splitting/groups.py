"""The sheet on all groups: what each gains by itself, against its share by a rule."""

from __future__ import annotations

from models.language import tr
from models.results import Coalition
from optimizer.report.figures import NONE
from optimizer.report.splitting.game import joined, rule_name
from optimizer.report.workbook.book import Column, Sheet, Table, key_column, printed
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.draft import deviation_column
from optimizer.report.workbook.expressions import Area, absolute, dot, largest, total, total_where
from optimizer.report.workbook.splitting.written import Written, put_range, range_columns

_FIRST = 2
"""Column of the first player: the names and the number of members stand before it."""


def groups(written: Written) -> None:
    """One row a group; what it gets by the rule that is chosen above stands beside its gain."""
    game = written.game
    sheet = written.book.sheet(
        tr("Groups"), tr("What groups gain by themselves ({unit})", unit=game.million)
    )
    columns = _columns(written)
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Gain: against each member standing alone, while all others start nothing. Choose a "
            "rule in the yellow cell: gains of the players, shares of the groups, and what a group "
            "has more by leaving follow. 1: the player is in the group."
        ),
        printed(columns) - 4,
    )
    alone, chosen = _above(written, sheet)
    table = written.tables["groups"] = sheet.table(columns)
    for one in game.split.coalitions:
        _row(written, table, one, alone, chosen)
    sheet.freeze(table, 1, repeat=False)
    if game.groups and "chosen" in written.cells:
        _most(sheet, table, len(game.groups))
    if table.count:
        written.checks.append(
            Check(
                tr("What the members of each group bear alone, less what they bear, is its gain"),
                sheet,
                total(table.area("deviation")),
                written.cells["alone"],
                summed=True,
            )
        )


def _most(sheet: Sheet, table: Table, count: int) -> None:
    """What the group most eager to leave has; that of all, which comes last, is none."""
    top, at = table.rows()[0], table.at("more")
    area = sheet.area((top, at), (top + count - 1, at))
    sheet.row += 1
    sheet.put(sheet.row, 0, tr("Most that any group has more by leaving"), "words", "text")
    sheet.put(sheet.row, 1, largest(area), "formula", "money")
    sheet.row += 1


def _columns(written: Written) -> list[Column]:
    game = written.game
    return [
        Column("name", tr("Group"), width=46),
        Column("size", tr("Players"), "count", 9),
        *(Column(f"p_{n}", game.player(p), "money", 13) for n, p in enumerate(game.players)),
        *range_columns("worth", group=tr("Gain")),
        Column("gets", tr("Its share by the rule"), "money", 11),
        Column("more", tr("Has more by leaving"), "money", 11),
        Column("most", tr("At most"), "money", 11),
        Column("damage", tr("Their damage"), "money", 11),
        Column("cost", tr("Their net cost"), "money", 11),
        Column("found", tr("Both together"), "money", 11),
        Column("bound", tr("No plan has less"), "money", 11),
        deviation_column(),
        Column("spillover", tr("Spares the others"), "money", 11),
        Column("acting", tr("Gain if the others act alone"), "money", 11),
        Column("builds", tr("Builds"), width=40),
        key_column("id", tr("Id"), 30),
    ]


def _above(written: Written, sheet: Sheet) -> tuple[Area, Area]:
    """What each player bears alone, and its gain by the chosen rule, over its column."""
    game, row = written.game, sheet.row
    last = _FIRST + len(game.players) - 1
    sheet.put(row, 0, tr("Shared by"), "words", "text")
    sheet.put(row + 1, 0, tr("Gain by this rule"), "words", "text")
    sheet.put(row + 2, 0, tr("Alone: damage and net cost"), "words", "text")
    names = [rule_name(rule.rule) for rule in game.split.rules]
    rule = None
    if names:
        rule = sheet.put(row, _FIRST, names[0], "scenario", "text")
        sheet.worksheet.data_validation(row, _FIRST, row, _FIRST, _choice(names))
        written.cells["chosen"] = rule
    for n, player in enumerate(game.players):
        of = written.players[player].cells
        sheet.put(row + 2, _FIRST + n, of["alone"], "formula", "money")
        if rule is not None:
            table = written.tables["sharing"]
            gain = total_where(
                table.area("gain"), (table.area("rule"), rule), (table.area("id"), of["id"])
            )
            sheet.put(row + 1, _FIRST + n, gain, "formula", "money")
    sheet.row += 4
    alone = sheet.area((row + 2, _FIRST), (row + 2, last))
    return alone, sheet.area((row + 1, _FIRST), (row + 1, last))


def _choice(names: list[str]) -> dict[str, object]:
    return {"validate": "list", "source": names}


def _row(written: Written, table: Table, one: Coalition, alone: Area, chosen: Area) -> None:
    game = written.game
    players = list(game.players)
    line = table.line()
    whole = len(one.members) == len(players)
    line.words("name", tr("all together") if whole else game.group(one.members))
    line.optimizer("size", len(one.members))
    for n, player in enumerate(players):
        line.optimizer(f"p_{n}", float(player in one.members), "count")
    inside = line.area("p_0", f"p_{len(players) - 1}")
    worth = put_range(line, "worth", one.worth)
    line.optimizer("damage", one.damage)
    line.optimizer("cost", one.net_cost_meur)
    found = line.optimizer("found", one.found)
    bound = line.optimizer("bound", one.bound)
    if "chosen" in written.cells:
        gets = line.put("gets", dot(inside, chosen))
        if not whole:  # all have nowhere to leave to
            more = line.put("more", worth - gets)
            line.put("most", more + found - bound)
    borne = dot(inside, alone)
    if "baseline" in written.cells:
        borne = borne + written.cells["baseline"]
    line.put("deviation", absolute(borne - found - worth))
    line.optimizer("spillover", one.spillover)
    if one.worth_if_others_act is not None:
        line.optimizer("acting", one.worth_if_others_act.value)
    line.words("builds", joined(map(game.project_of, one.projects)) or NONE)
    line.key("id", written.key(one.members))
