"""Who would rather leave, and what each group can do by itself."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Coalition, Interval
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.figures import NONE, number
from optimizer.report.html.parts import (
    Cell,
    Column,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    words,
)
from optimizer.report.html.splitting.shares import others_leaving, verdicts
from optimizer.report.splitting import sections
from optimizer.report.splitting.game import Game, rule_name

SHOWN = 25
"""Groups that the page lists; a workbook has all."""


def groups(game: Game) -> Section:
    """Which groups would rather leave, the core, and the worth of each group."""
    parts: list[Part] = []
    if game.split.core is None:
        parts.append(
            tr(
                "Not all groups were solved: whether the gain can be shared so that all stay is "
                "not known."
            )
        )
    else:
        parts += [sections.core(game, game.split.core, gains=False), _least_core(game)]
    if game.split.rules:
        if game.groups:
            parts.append(_figure(game))
        else:
            parts.append(verdicts(game))
        more = list(others_leaving(game))
        if len(more) > len({rule.rule for rule, *_ in more}):
            parts.append(_leaving(game))
    parts += [Heading(tr("What groups gain by themselves")), *_worths(game)]
    return Section("groups", tr("Who would rather leave"), parts)


def _figure(game: Game) -> Figure:
    rows = []
    for rule in game.split.rules:
        found = game.most_eager(rule)
        if found is not None:
            more, most = found.gain, found.most
            opened = Interval(low=more, value=more, high=most)
            told = game.is_wide(opened) or more <= 0 < most
            ends = (more, more, most if told else more)
            rows.append(charts.Eager(rule_name(rule.rule), game.group(found.members), ends))
    chart = Chart(
        "leaving",
        tr("What the group most eager to leave has more by leaving ({unit})", unit=game.million),
        tr(
            "One bar a rule, with the group that has most to gain by leaving, or least to lose. "
            "Bars to the right of zero: it would rather leave. Bars to the left: it has less by "
            "leaving. Where a thin line crosses zero, the proofs leave it open."
        ),
        lambda: charts.leaving(rows, game.million),
    )
    return Figure(chart, verdicts(game))


def _least_core(game: Game) -> Table:
    core = game.split.core
    assert core is not None
    gains = [*core.members.values(), sum(core.members.values())]
    return Table(
        tr("The gains at which that is reached ({unit})", unit=game.million),
        [
            words(tr("Player"), [*map(game.player, core.members), tr("All")]),
            *alike({tr("Gain at the least core"): gains}),
        ],
        total=True,
        name="least-core",
    )


def _leaving(game: Game) -> Table:
    found = list(others_leaving(game))
    return Table(
        tr("Groups that would or might rather leave ({unit})", unit=game.million),
        [
            words(tr("Shared by"), [rule_name(rule.rule) for rule, *_ in found]),
            words(tr("Group"), [game.group(members) for _, members, *_ in found]),
            *alike(
                {
                    tr("By the plans"): [gain for *_, gain, _ in found],
                    tr("At most"): [most for *_, most in found],
                },
                tr("Has more by leaving"),
            ),
        ],
        dense=True,
        name="leaving",
        note=tr(
            "Five groups a rule at most, the one with most to gain first. A group with nothing to "
            "gain by the plans might leave: its proof leaves that open."
        ),
    )


def _worths(game: Game) -> Iterator[Part]:
    several = [one for one in game.split.coalitions if len(one.members) > 1]
    ranked = sorted(several, key=lambda one: (-len(one.members), -one.worth.value))
    if len(ranked) > SHOWN:
        ranked = sorted(several, key=lambda one: -one.worth.value)[:SHOWN]
        yield tr(
            "The {shown} groups with most to gain, of {count}; a workbook of this split has all.",
            shown=number(SHOWN),
            count=number(len(several)),
        )
    yield _table(game, ranked)


def _table(game: Game, some: list[Coalition]) -> Table:
    whole = len(game.players)
    columns: list[Column] = [
        words(
            tr("Group"),
            [
                tr("all together") if len(one.members) == whole else game.group(one.members)
                for one in some
            ],
        ),
        amounts(tr("Players"), [len(one.members) for one in some], places=0),
        *alike(
            {
                tr("At least"): [one.worth.low for one in some],
                tr("By the plans"): [one.worth.value for one in some],
                tr("At most"): [one.worth.high for one in some],
            },
            tr("Gain"),
        ),
    ]
    if any(one.worth_if_others_act is not None for one in some):
        acting = [one.worth_if_others_act for one in some]
        columns.append(
            amounts(
                tr("Gain if the others act alone"),
                [None if worth is None else worth.value for worth in acting],
            )
        )
    columns += alike(
        {
            tr("Their damage"): [one.damage for one in some],
            tr("Their net cost"): [one.net_cost_meur for one in some],
            tr("Spares the others"): [one.spillover for one in some],
        }
    )
    built = [", ".join(map(game.project_of, one.projects)) or NONE for one in some]
    columns.append(Column(tr("Builds"), [Cell(text) for text in built], "words"))
    return Table(
        tr("What groups gain by themselves ({unit})", unit=game.million),
        columns,
        dense=True,
        name="coalitions",
        note=tr(
            "Gain: against each member standing alone, while all others start nothing. Spares the "
            "others: by how much their mean damage falls without their doing."
        ),
    )
