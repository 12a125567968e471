"""Ways to share the gain of all."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Interval, SharingRule
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.figures import NONE
from optimizer.report.html.parts import (
    Bullets,
    Column,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    words,
)
from optimizer.report.html.parts import shares as percentages
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game, core_word, rule_meaning, rule_name


def shares(game: Game) -> Section | None:
    """What each rule leaves to each player, what it pays for that, and to whom."""
    rules = game.split.rules
    if not rules:
        return None
    parts: list[Part] = [
        tr(
            "A rule says how the gain of all is shared. What a player pays follows: what it bears "
            "alone, less its gain and its damage. Where that differs from its outlay in the plan "
            "of all, the players settle it among themselves."
        ),
        Bullets([rule_meaning(rule.rule) for rule in rules]),
        gains(game),
        Heading(tr("What each pays")),
        _payments(game),
    ]
    balance = prose.balance(game)
    if balance is not None:
        parts.append(balance)
    return Section("shares", tr("Ways to share the gain"), parts)


def gains(game: Game) -> Figure:
    """What each rule leaves to each player, drawn and as a table."""
    rules, players = game.split.rules, list(game.players)
    names = [game.player(name) for name in players]
    series = {
        rule_name(rule.rule): [_ends(game, rule.members[p].gain) for p in players] for rule in rules
    }
    title = tr("What each rule leaves to each player ({unit})", unit=game.million)
    chart = Chart(
        "gains",
        title,
        tr(
            "One group of bars a player, one bar a rule in the order of the table below; a thin "
            "line shows what proofs or the sample leave open."
        ),
        lambda: charts.gains(names, series, game.million),
    )
    kept = {
        rule_name(rule.rule): [
            *(rule.members[p].gain.value for p in players),
            sum(rule.members[p].gain.value for p in players),
        ]
        for rule in rules
    }
    columns = [words(tr("Player"), [*names, tr("All")]), *alike(kept, tr("Gain"))]
    for rule in rules:
        of = [rule.members[p].share for p in players]
        columns.append(percentages(rule_name(rule.rule), [*of, _sum(of)], tr("Share of all")))
    return Figure(chart, Table(title, columns, total=True, dense=True, name="gains"))


def _ends(game: Game, gain: Interval) -> charts.Range:
    """A gain as it is drawn: what is open shows where it is not negligible."""
    if game.is_wide(gain):
        return gain.low, gain.value, gain.high
    return gain.value, gain.value, gain.value


def _sum(values: list[float | None]) -> float | None:
    return None if None in values else sum(value for value in values if value is not None)


def _payments(game: Game) -> Table:
    rules, players = game.split.rules, list(game.players)
    columns: list[Column] = [words(tr("Player"), [*map(game.player, players), tr("All")])]
    outlay = [game.outlay(p) for p in players]
    paid = {rule_name(r.rule): _totalled([r.members[p].pays_meur for p in players]) for r in rules}
    on_top = {
        rule_name(r.rule): _totalled([r.members[p].transfer_meur for p in players]) for r in rules
    }
    columns += alike({tr("Net outlay with all"): _totalled(outlay)})
    columns += alike(paid, tr("Pays in all"))
    columns += alike(on_top, tr("Of that to the others"))
    return Table(
        tr("What each pays with each rule ({unit})", unit=game.million),
        columns,
        total=True,
        dense=True,
        name="payments",
        note=tr(
            "Outlay: net cost in the plan of all. To the others: what it pays on top of its "
            "outlay; a negative figure is what it gets."
        ),
    )


def _totalled(values: list[float]) -> list[float]:
    return [*values, sum(values)]


def verdicts(game: Game) -> Table:
    """Who would rather leave with each rule."""
    rules = game.split.rules
    first = [rule.leaving[0] if rule.leaving else None for rule in rules]
    columns = [
        words(tr("Shared by"), [rule_name(rule.rule) for rule in rules]),
        words(tr("Would leave"), [core_word(rule) for rule in rules]),
        words(
            tr("Most eager"),
            [NONE if group is None else game.group(group.members) for group in first],
        ),
        *alike(
            {
                tr("By the plans"): [None if group is None else group.gain for group in first],
                tr("At most"): [None if group is None else group.most for group in first],
            },
            tr("Has more by leaving"),
        ),
    ]
    paid = [rule.contribution for rule in rules]
    if game.split.sampling is None:
        columns += alike(
            {
                tr("By the plans"): [None if c is None else c.value for c in paid],
                tr("At most"): [None if c is None else c.high for c in paid],
            },
            tr("Public money to keep all"),
        )
    return Table(
        tr("Who would rather leave with each rule ({unit})", unit=game.million),
        columns,
        name="verdicts",
        note=_about_verdicts(game),
    )


def _about_verdicts(game: Game) -> str:
    if game.split.sampling is not None:
        return tr(
            "Some group: at least one has more, by a plan that was found. Open: of the groups that "
            "were solved none has; of the others nothing is known."
        )
    return tr(
        "Nobody: proven that no group would rather leave. Some group: at least one has more, by a "
        "plan that was found. Some group might: the proofs leave it open."
    )


def others_leaving(game: Game) -> Iterator[tuple[SharingRule, tuple[str, ...], float, float]]:
    """All groups that would or might rather leave, rule by rule: what they gain, and could at
    most."""
    for rule in game.split.rules:
        for group in rule.leaving:
            yield rule, group.members, group.gain, group.most
