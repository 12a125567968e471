"""Those outside: staying out while others go on, and acting each for itself."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Externality
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.html.parts import (
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    with_total,
    words,
)
from optimizer.report.splitting import prose, sections
from optimizer.report.splitting.game import Game, rule_name


def outside(game: Game) -> Section | None:
    """What companies have by staying out, and the game in which outsiders act."""
    parts: list[Part] = []
    if game.split.free_riding:
        parts += _free_riding(game)
    if game.split.externality is not None:
        parts += [
            Heading(tr("If outsiders act as well")),
            *_externality(game, game.split.externality),
        ]
    if not parts:
        return None
    return Section("outside", tr("Staying out while the others go on"), parts)


def _free_riding(game: Game) -> Iterator[Part]:
    riders = game.split.free_riding
    yield tr(
        "What others build and store also spares a company that pays nothing. Where it has more "
        "by that than its share of the joint gain, it is tempted to let the others pay."
    )
    yield from prose.temptation(game)
    names = [game.player(name) for name in riders]
    stays = [rider.gain for rider in riders.values()]
    series: dict[str, list[charts.Range]] = {
        tr("Stays out"): [(g.low, g.value, g.high) if game.is_wide(g) else (g.value,) * 3
                          for g in stays]
    }  # fmt: skip
    rule = game.reference
    if rule is not None:
        gains = [rule.members[name].gain.value for name in riders]
        series[tr("Takes part: {rule}", rule=rule_name(rule.rule))] = [(g, g, g) for g in gains]
    title = tr("What each company gains by staying out, and by taking part ({unit})",
               unit=game.million)  # fmt: skip
    chart = Chart(
        "staying-out",
        title,
        tr("One pair of bars a company. The figures are in the table below."),
        lambda: charts.gains(names, series, game.million),
    )
    yield Figure(chart, _table(game, title))


def _table(game: Game, title: str) -> Table:
    riders = game.split.free_riding
    of = list(riders.values())
    columns = [words(tr("Stays out"), map(game.player, riders))]
    columns += alike({tr("Gain of the others"): [rider.others.value for rider in of]})
    columns += alike(
        {
            tr("Alone, nobody else acts"): [game.players[name].alone.value for name in riders],
            tr("Idle beside the others"): [rider.idle for rider in of],
            tr("Acting beside the others"): [rider.acting.value for rider in of],
        },
        tr("Damage and net cost"),
    )
    stays = {
        tr("At least"): [rider.gain.low for rider in of],
        tr("By the plans"): [rider.gain.value for rider in of],
        tr("At most"): [rider.gain.high for rider in of],
    }
    columns += alike(stays, tr("Gain by staying out"))
    rule = game.reference
    if rule is not None:
        header = rule_name(rule.rule)
        columns += alike(
            {header: [rule.members[name].gain.value for name in riders]}, tr("Gain by taking part")
        )
    return Table(
        title,
        columns,
        dense=True,
        name="staying-out",
        note=tr(
            "Gain by staying out: what it has more than standing alone with nobody acting, if it "
            "does what is best for itself beside the others."
        ),
    )


def _externality(game: Game, found: Externality) -> Iterator[Part]:
    yield tr(
        "What one does alone also spares others damage. Where outsiders act, each for itself, all "
        "together gain {worth}.",
        worth=game.proven(found.worth),
    )
    yield sections.core(game, found.core, gains=False)
    names = list(found.alone)
    columns = [words(tr("Player"), [*map(game.player, names), tr("All")])]
    columns += alike(
        {
            tr("Nobody else acts"): with_total([game.players[p].alone.value for p in names]),
            tr("All act alone"): with_total([found.alone[p].value for p in names]),
        },
        tr("Damage and net cost alone"),
    )
    gains = {
        tr("Shapley value"): with_total([found.shapley[p] for p in names]),
        tr("Least core"): with_total([found.core.members.get(p) for p in names]),
    }
    columns += alike(gains, tr("Gain"))
    yield Table(
        tr("The same game with outsiders acting ({unit})", unit=game.million),
        columns,
        total=True,
        name="externality",
    )
