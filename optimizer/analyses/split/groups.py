"""The tables of groups and of those outside: who would rather leave, and what each has alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from models.results import Coalition, Externality, FreeRider, Leaving, Player, SharingRule
from optimizer.analyses.split.rules import drawn, more_by_leaving
from optimizer.analyses.split.tables import apart, borne, interval
from optimizer.analyses.split.words import OTHERS, Game, rule_name
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.document import DETAIL, SHEET, Column, Media, Of, Table, ids, sheet_only
from optimizer.report.figures import NONE
from optimizer.report.wording import joined
from optimizer.report.workbook.expressions import (
    Expression,
    absolute,
    dot,
    largest,
    total,
    total_where,
)
from optimizer.report.workbook.formulas import Line

SHOWN = 25
"""Groups that the page lists; a workbook has all."""
RULE = "rule"
"""The choice of a rule in a workbook."""
ALONE, CHOSEN = 0, 1
"""Rows of the table above the groups: what each player bears alone, and gains by that rule."""


class _Eager(NamedTuple):
    """A group that would or might rather leave with a rule."""

    rule: SharingRule
    group: Leaving


def leaving(game: Game) -> Table:
    """Groups that would or might rather leave, rule by rule."""
    rows = [_Eager(rule, group) for rule in game.found.rules for group in rule.leaving]

    def worth(line: Line) -> Expression:
        groups = line.book["coalitions"]
        return total_where(groups.area("worth"), (groups.area("id"), line["id"]))

    def gets(line: Line) -> Expression:
        gain, key = line.book["gains"], f"gain {line.row.rule.rule}"
        return total(*(gain.find(id, key) for id in line.row.group.members))

    none = tr("No group would rather leave.")
    if game.found.sampling is not None:
        none = tr("No group that was solved would rather leave.")
    return Table(
        tr("Groups that would or might rather leave ({unit})", unit=game.million),
        rows,
        [
            Column(tr("Shared by"), lambda row: rule_name(row.rule.rule), "text"),
            Column(tr("Group"), lambda row: game.group(row.group.members), "text"),
            *more_by_leaving(lambda row: row.group),
            sheet_only(tr("It gains by itself"), "worth", worth, "money"),
            sheet_only(tr("Its share by the rule"), "gets", gets, "money"),
            apart(lambda line: absolute(line["worth"] - line["gets"] - line["more"])),
            ids(tr("Id"), "id", lambda row: game.key(row.group.members)),
        ],
        "leaving",
        tr(
            "Five groups a rule at most, the one with most to gain first. A group with nothing to "
            "gain by the plans might leave: its proof leaves that open."
        ),
        empty=none,
        # A page has the first of each rule in the table of rules.
        on=DETAIL if len(rows) > len({row.rule.rule for row in rows}) else SHEET,
        ruled=lambda row: row.group is row.rule.leaving[0],
    )


# What groups gain by themselves


def chosen(game: Game) -> Table:
    """What each player bears alone, and its gain by the rule that the reader chooses."""
    rules = [f"gain {rule.rule}" for rule in game.found.rules]
    rows = [tr("Alone: damage and net cost"), *([tr("Gain by this rule")] if rules else [])]

    def column(place: int, player: Player) -> Column:
        def formula(line: Line) -> Expression:
            if line.place == ALONE:
                return line.book["split-players"].find(player.id, "alone")
            found, choice = line.book["gains"], line.book.choices[RULE]
            ends = rules[0], rules[-1]
            return total_where(found.span(place, *ends), (found.head(*ends), choice))

        return sheet_only(game.player(player.id), f"p {player.id}", formula, "money")

    columns = [column(place, player) for place, player in enumerate(game.found.players)]
    return Table("", rows, [Column("", str, "text"), *columns], "chosen", on=SHEET)


def most_by_leaving(game: Game) -> Table:
    """The most that any group has by leaving; that of all, which comes last, has nowhere to go."""

    def most(line: Line) -> Expression:
        return largest(line.book["coalitions"].part(0, len(game.groups), "more"))

    some = game.found.rules and game.groups
    rows = [tr("Most that any group has more by leaving")] if some else []
    columns = [Column("", str, "text"), sheet_only("", "most", most, "money")]
    return Table("", rows, columns, "most-by-leaving", headed=False, on=SHEET)


def coalitions(game: Game, some: Sequence[Coalition], on: Media) -> Table:
    """What groups gain by themselves, against what their members get by the chosen rule."""
    whole, inner = len(game.players), [f"p {id}" for id in game.players]

    def inside(id: str) -> Column:
        return Column(game.player(id), lambda one: float(id in one.members), "count", on=SHEET,
                      key=f"p {id}", width=13)  # fmt: skip

    def of_members(line: Line, row: int) -> Expression:
        above = line.book["chosen"]
        return dot(line.span(inner[0], inner[-1]), above.span(row, inner[0], inner[-1]))

    def more(line: Line) -> Expression | None:
        if not game.found.rules or len(line.row.members) == whole:
            return None  # all have nowhere to leave to
        return line["worth"] - line["gets"]

    def most(line: Line) -> Expression | None:
        return None if more(line) is None else line["more"] + line["found"] - line["bound"]

    def deviation(line: Line) -> Expression:
        borne = of_members(line, ALONE)
        if game.others is not None:
            borne = borne + line.book["split-players"].find(OTHERS, "alone")
        return absolute(borne - line["found"] - line["worth"])

    def name(one: Coalition) -> str:
        return tr("all together") if len(one.members) == whole else game.group(one.members)

    second = any(one.worth_if_others_act is not None for one in some)
    columns = [
        Column(tr("Group"), name, "text"),
        *map(inside, game.players),
        Column(tr("Players"), lambda one: len(one.members), "count"),
        *interval(tr("Gain"), "worth", "worth", apart=DETAIL, like="gain"),
        sheet_only(tr("Its share by the rule"), "gets",
                   lambda line: of_members(line, CHOSEN) if game.found.rules else None, "money"),
        sheet_only(tr("Has more by leaving"), "more", more, "money"),
        sheet_only(tr("At most"), "most", most, "money"),
        *([Column(tr("Gain if the others act alone"), "worth_if_others_act.value", "money")]
          if second else []),
        Column(tr("Their damage"), "damage", "money", like="theirs"),
        Column(tr("Their net cost"), "net_cost_meur", "money", like="theirs"),
        Column(tr("Spares the others"), "spillover", "money", like="theirs"),
        Column(tr("Both together"), "found", "money", on=SHEET, key="found"),
        Column(tr("No plan has less"), "bound", "money", on=SHEET, key="bound"),
        apart(deviation),
        Column(tr("Builds"),
               lambda one: joined([*map(game.project, one.projects)]) or NONE, "text"),
        ids(tr("Id"), "id", lambda one: game.key(one.members)),
    ]  # fmt: skip
    return Table(
        tr("What groups gain by themselves ({unit})", unit=game.million),
        some,
        columns,
        "coalitions",
        tr(
            "Gain: against each member standing alone, while all others start nothing. Spares the "
            "others: by how much their mean damage falls without their doing."
        ),
        on=on,
    )


# Those outside


class _Rider(NamedTuple):
    """A company that stays out."""

    id: str
    of: FreeRider


def staying_out(game: Game) -> Table:
    """What each company has if it stays out while the others go on."""
    title = tr(
        "What each company gains by staying out, and by taking part ({unit})", unit=game.million
    )
    rule = game.reference
    riders = [_Rider(id, rider) for id, rider in game.found.free_riding.items()]
    columns = [
        Column(tr("Stays out"), lambda row: game.player(row.id), "text"),
        *interval(tr("Gain of the others"), "of.others"),
        Column(
            tr("Alone, nobody else acts"), lambda row: game.players[row.id].alone.value, "money",
            like="borne", key="alone", formula=borne,
        ),
        Column(tr("Idle beside the others"), "of.idle", "money", like="borne"),
        *interval(tr("Acting beside the others"), "of.acting", "acting", like="borne"),
        *interval(tr("Gain by staying out"), "of.gain", "gain", apart=DETAIL, like="gain"),
        apart(lambda line: absolute(line["alone"] - line["acting"] - line["gain"])),
    ]  # fmt: skip
    if rule is not None:
        name = rule.rule
        columns += [
            Column(
                tr("Share: {rule}", rule=rule_name(name)), lambda row: game.share(row.id),
                "money", like="gain", key="share",
                formula=lambda line: line.book["gains"].find(line.row.id, f"gain {name}"),
            ),
            Column(
                tr("More than its share"),
                lambda row: row.of.gain.value - game.share(row.id),
                "money", like="gain", formula=lambda line: line["gain"] - line["share"],
            ),
        ]  # fmt: skip
    return Table(
        title,
        riders,
        columns,
        "staying-out",
        tr(
            "Alone, idle and acting: its damage and net cost. Gain by staying out: what it has "
            "more than standing alone with nobody acting, if it does what is best for itself "
            "beside the others."
        ),
        chart=_staying_chart(game, title, riders),
    )


def _staying_chart(game: Game, title: str, riders: Sequence[_Rider]) -> Chart:
    series = {tr("Stays out"): [drawn(game, row.of.gain) for row in riders]}
    if game.reference is not None:
        gains = [game.share(row.id) for row in riders]
        taking = tr("Takes part: {rule}", rule=rule_name(game.reference.rule))
        series[taking] = [(gain, gain, gain) for gain in gains]
    names = [game.player(row.id) for row in riders]
    about = tr("One pair of bars a company. The figures are in the table below.")
    return Chart("staying-out", title, about, lambda: charts.gains(names, series, game.million))


def outsiders(game: Game, second: Externality) -> Table:
    """What each bears and gains if outsiders act for themselves."""
    bearers = {one.id: one for one in game.bearers}

    def column(header: str, read: Of, like: str, **more: Any) -> Column:
        return Column(header, read, "money", like=like, total=True, **more)

    return Table(
        tr("The same game with outsiders acting ({unit})", unit=game.million),
        [bearers[id] for id in second.alone],
        [
            Column(tr("Player"), "name", "text"),
            Column(tr("Stands for"), "consumers", "text", on=SHEET),
            column(tr("Alone, nobody else acts"), "alone.value", "borne", key="before",
                   formula=borne),
            *interval(tr("Alone, all act alone"), lambda one: second.alone[one.id], "after",
                      like="borne", total=True),
            column(tr("Spared by the others"),
                   lambda one: one.alone.value - second.alone[one.id].value, "borne",
                   formula=lambda line: line["before"] - line["after"]),
            column(tr("Gain by Shapley value"), lambda one: second.shapley[one.id], "gain",
                   key="shapley"),
            column(tr("Gain at the least core"), lambda one: second.core.members.get(one.id),
                   "gain", key="core"),
        ],
        "outsiders",
        tr("Damage and net cost if each does what is best for itself, and how all then share."),
        total=tr("All"),
    )  # fmt: skip
