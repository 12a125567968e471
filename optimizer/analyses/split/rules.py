"""The tables of rules: what each leaves to each player, what that player pays, who would leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.language import tr
from models.results import Interval, Leaving, MemberShare, SharingRule
from optimizer.analyses.split.tables import borne, end_of, gain_of_all, interval, player_column
from optimizer.analyses.split.words import Game, core_word, rule_name
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.document import DETAIL, SHEET, Column, Form, Table, ids
from optimizer.report.workbook.expressions import Expression, absolute, ratio
from optimizer.report.workbook.formulas import Line


def by_rule(
    game: Game,
    prefix: str,
    of_share: Callable[[MemberShare], float | None],
    form: Form = "money",
    group: str = "",
    formula: Callable[[Line, str], Expression] | None = None,
    **more: Any,
) -> list[Column]:
    """A column a rule of what it gives a player; formulas find it by ``prefix`` and rule."""

    def column(rule: SharingRule) -> Column:
        made = None if formula is None else lambda line: formula(line, rule.rule)
        return Column(rule_name(rule.rule), lambda one: of_share(rule.members[one.id]), form, group,
                      key=f"{prefix} {rule.rule}", formula=made, **more)  # fmt: skip

    return [column(rule) for rule in game.found.rules]


def gains(game: Game) -> Table:
    """What each rule leaves to each player."""
    title = tr("What each rule leaves to each player ({unit})", unit=game.million)
    core = game.found.core
    return Table(
        title,
        game.found.players,
        [
            player_column(game),
            *by_rule(game, "gain", lambda of: of.gain.value, like="gain", total=True),
            *([] if core is None else [
                Column(
                    tr("Least core"), lambda one: core.members.get(one.id), "money", like="gain",
                    key="core", total=True,
                )
            ]),
            *by_rule(
                game, "share", lambda of: of.share, "share", tr("Share of all"),
                lambda line, rule: ratio(line[f"gain {rule}"], gain_of_all(line.book)),
                on=DETAIL, total=True,
            ),
            *by_rule(game, "low", lambda of: of.gain.low, group=tr("At least"), on=SHEET),
            *by_rule(game, "high", lambda of: of.gain.high, group=tr("At most"), on=SHEET),
            ids(tr("Id"), "id", "id"),
        ],
        "gains",
        total=tr("All"),
        chart=_gains_chart(game, title),
        key=lambda one: one.id,
    )  # fmt: skip


def _gains_chart(game: Game, title: str) -> Chart:
    names = [*map(game.player, game.players)]
    series = {
        rule_name(rule.rule): [drawn(game, rule.members[id].gain) for id in game.players]
        for rule in game.found.rules
    }
    about = tr(
        "One group of bars a player, one bar a rule in the order of the table below; a thin line "
        "shows what proofs or the sample leave open."
    )
    return Chart("gains", title, about, lambda: charts.gains(names, series, game.million))


def drawn(game: Game, figure: Interval) -> charts.Range:
    """A figure as it is drawn: what is open shows where it is not negligible."""
    low, value, high = figure.low, figure.value, figure.high
    return (low, value, high) if game.is_wide(figure) else (value, value, value)


def payments(game: Game) -> Table:
    """What each player pays with each rule, and to whom."""

    def deviation(line: Line, rule: str) -> Expression:
        gain = line.book["gains"].find(line.row.id, f"gain {rule}")
        return absolute(borne(line) - gain - borne(line, "damage") - line[f"pays {rule}"])

    return Table(
        tr("What each pays with each rule ({unit})", unit=game.million),
        game.found.players,
        [
            player_column(game),
            Column(
                tr("Net outlay with all"), lambda one: game.outlay(one.id), "money", like="paid",
                key="outlay", total=True, formula=lambda line: borne(line, "outlay"),
            ),
            *by_rule(
                game, "pays", lambda of: of.pays_meur, group=tr("Pays in all"), like="paid",
                total=True,
            ),
            *by_rule(
                game, "transfer", lambda of: of.transfer_meur, "money", tr("Of that to the others"),
                lambda line, rule: line[f"pays {rule}"] - line["outlay"], like="paid", on=DETAIL,
                total=True,
            ),
            *by_rule(
                game, "deviation", lambda of: None, "deviation", tr("Deviation"), deviation,
                on=SHEET,
            ),
        ],
        "payments",
        tr(
            "Outlay: net cost in the plan of all. Pays in all: what a player bears alone, less its "
            "gain and its damage with all. To the others: what it pays on top of its outlay; a "
            "negative figure is what it gets."
        ),
        total=tr("All"),
    )  # fmt: skip


def verdicts(game: Game) -> Table:
    """Who would rather leave with each rule."""

    columns = [
        Column(tr("Shared by"), lambda rule: rule_name(rule.rule), "text"),
        Column(tr("Would leave"), core_word, "text"),
        Column(tr("Most eager"),
               lambda rule: game.group(rule.leaving[0].members) if rule.leaving else None, "text"),
        *more_by_leaving(lambda rule: next(iter(rule.leaving), None)),
    ]  # fmt: skip
    whole, sampled = (
        tr("Nobody: proven that no group would rather leave. Some group: at least one has more, by "
           "a plan that was found. Some group might: the proofs leave it open."),
        tr("Some group: at least one has more, by a plan that was found. Open: of the groups that "
           "were solved none has; of the others nothing is known."),
    )  # fmt: skip
    note = whole if game.found.sampling is None else sampled
    if game.found.sampling is None:
        columns += interval(tr("Public money to keep all"), "contribution", apart=DETAIL)
    title = tr("Who would rather leave with each rule ({unit})", unit=game.million)
    return Table(title, game.found.rules, columns, "verdicts", note, chart=_leaving_chart(game))


def more_by_leaving(group: Callable[[Any], Leaving | None]) -> list[Column]:
    """What a group has more by leaving, by the plans and at most."""
    more, most = end_of(group, "gain"), end_of(group, "most")
    return [
        Column(tr("Has more by leaving"), more, "money", like="more", key="more"),
        Column(tr("At most"), most, "money", like="more", key="most"),
    ]


def _leaving_chart(game: Game) -> Chart | None:
    if not game.groups:
        return None
    rows = []
    for rule in game.found.rules:
        if (eager := game.most_eager(rule)) is not None:
            more, most = eager.gain, eager.most
            told = more <= 0 < most or game.is_wide(Interval(low=more, value=more, high=most))
            ends = (more, more, most if told else more)
            rows.append(charts.Eager(rule_name(rule.rule), game.group(eager.members), ends))
    return Chart(
        "leaving",
        tr("What the group most eager to leave has more by leaving ({unit})", unit=game.million),
        tr(
            "One bar a rule, with the group that has most to gain by leaving, or least to lose. "
            "Bars to the right of zero: it would rather leave. Bars to the left: it has less by "
            "leaving. Where a thin line crosses zero, the proofs leave it open."
        ),
        lambda: charts.leaving(rows, game.million),
    )
