"""What joint action is worth, on one page."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent
from optimizer.report.html.parts import Bullets, Caution, Fact, Facts, Heading, Part, Section
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game, listed, rule_name


def answer(game: Game) -> Section:
    """What all gain, who would rather leave or stay out, and how sure that is."""
    parts: list[Part] = [prose.gain(game), Facts(list(_facts(game)))]
    for title, items in (
        (tr("What all do together"), list(_together(game))),
        (tr("Who would rather leave"), list(prose.stability(game))),
        (tr("Who is tempted to stay out"), list(_tempted(game))),
        (tr("How sure this is"), list(_sure(game))),
    ):
        if items:
            parts += [Heading(title), Bullets(items)]
    cautioned = list(prose.cautions(game))
    if cautioned:
        parts.append(Caution(cautioned))
    return Section("answer", tr("The answer on one page"), parts, one_page=True)


def _facts(game: Game) -> Iterator[Fact]:
    split = game.split
    alone = game.alone
    share = split.worth.value / alone if alone > NOISE else None
    yield Fact(
        tr("All gain together"),
        game.amount(split.worth.value),
        ""
        if share is None
        else tr(
            "{share} of the {alone} that they bear alone",
            share=percent(share),
            alone=game.amount(alone),
        ),
    )
    if split.rules:
        kept = [rule for rule in split.rules if rule.core == "inside"]
        yield Fact(
            tr("Rules with which nobody would rather leave"),
            tr("{count} of {all}", count=number(len(kept)), all=number(len(split.rules))),
            ", ".join(rule_name(rule.rule) for rule in kept),
        )
    if split.free_riding:
        yield Fact(
            tr("Companies that gain more by staying out"),
            tr(
                "{count} of {all}",
                count=number(len(game.tempted)),
                all=number(len(split.free_riding)),
            ),
            listed(map(game.player, game.tempted)),
        )


def _together(game: Game) -> Iterator[str]:
    plan = game.split.plan
    if plan.projects:
        yield tr(
            "They build: {projects}.",
            projects=listed(f"{game.project(item)} ({item.start})" for item in plan.projects),
        )
    else:
        yield tr("Nothing is built.")
    if plan.stocks_t:
        piles = [f"{game.stockpile(h)} {number(t)} t" for h, t in plan.stocks_t.items()]
        yield tr("Stocks, held at most: {piles}.", piles=", ".join(piles))
    yield tr(
        "Their mean damage is then {after}, after {before} if nobody does anything; their net "
        "outlay is {outlay}.",
        after=rounded(sum(plan.damage[name] for name in game.players)),
        before=rounded(sum(plan.without_plan[name] for name in game.players)),
        outlay=game.amount(sum(map(game.outlay, game.players))),
    )
    yield prose.state(game)


def _tempted(game: Game) -> Iterator[str]:
    if not game.split.free_riding:
        return
    told = list(prose.temptation(game))
    yield from told
    if not told and game.reference is not None:
        yield tr(
            "No company gains more by staying out than the rule “{rule}” gives it.",
            rule=rule_name(game.reference.rule),
        )


def _sure(game: Game) -> Iterator[str]:
    split = game.split
    yield tr(
        "{groups} groups were solved on {states} states of the world, each to a gap of {gap}; the "
        "largest gap left is {largest}.",
        groups=number(len(split.coalitions)),
        states=number(split.states),
        gap=small_percent(split.gap_target),
        largest=small_percent(game.largest_gap),
    )
    if split.core is not None and split.core.empty == "empty":
        yield tr("That no way to share makes all stay is proven.")
