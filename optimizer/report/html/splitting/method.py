"""How a split was computed, what it rests on, and its terms."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import number, small_percent
from optimizer.report.html.parts import Bullets, Heading, Part, Section, Table, Terms, words
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game, state_meaning


def method(game: Game) -> Section:
    """The game, the rules and their limits, in plain words."""
    parts: list[Part] = [
        *_game(game),
        Heading(tr("What it cannot say")),
        Bullets(list(_limits(game))),
    ]
    return Section("method", tr("How it was computed"), parts)


def _game(game: Game) -> Iterator[str]:
    yield tr(
        "For a group of players the best plan is sought that its members can carry by themselves: "
        "the one with the least mean damage and net cost of theirs, while all others start "
        "nothing. What a group gains is what its members bear alone, less what they bear together."
    )
    yield state_meaning(game.state)
    yield tr(
        "A plan is found and a bound is proven for each group; a gain lies between what both "
        "leave open. A range holds whatever the best plans are; where it decides a question, the "
        "answer is proven."
    )
    if game.split.sampling is not None:
        yield prose.sampled(game)
    if game.split.core is not None:
        yield tr(
            "The least core is the way to share at which the group with most to gain by leaving "
            "has as little as possible by it (Maschler, Peleg and Shapley 1979). Public money that "
            "keeps all is the cost of stability (Bachrach and others 2009)."
        )


def _limits(game: Game) -> Iterator[str]:
    yield tr(
        "Transfers are certain amounts that are settled beforehand; who bears which risk is not "
        "asked."
    )
    yield tr("Gains are means over the states of the world; a single state may fall otherwise.")
    yield tr(
        "Groups are free to form, and talks cost nothing; what cartel law allows is not asked."
    )
    if game.split.set_aside:
        yield tr(
            "Set aside, since no single group owes them: {duties}.",
            duties=", ".join(game.split.set_aside),
        )


def proof(game: Game) -> Section:
    """Gaps, states, versions and hash."""
    split = game.split
    rows = [
        (tr("Groups solved"), number(len(split.coalitions))),
        (tr("Gap asked for"), small_percent(split.gap_target)),
        (tr("Largest gap"), small_percent(game.largest_gap)),
        (tr("Objective of the plan of all"), number(split.plan.objective)),
        (tr("Bound"), number(split.plan.bound)),
        (tr("Gap"), small_percent(split.plan.gap)),
        (tr("States of the world"), number(split.states)),
        (tr("Time"), f"{number(split.seconds)} s"),
        (tr("Scenario"), game.title),
        (tr("Variant"), game.variant or tr("none")),
        (tr("Scenario, SHA-256"), split.input_sha256),
        (tr("Versions"), ", ".join(f"{n} {v}" for n, v in split.versions.items())),
    ]
    table = Table(
        tr("Certificate and manifest"),
        [
            words(tr("Entry"), [row[0] for row in rows]),
            words(tr("Content"), [row[1] for row in rows], marks=["break"] * len(rows)),
        ],
        name="certificate",
    )
    return Section("certificate", tr("Certificate and manifest"), [table])


def glossary(game: Game) -> Section:
    """Terms in alphabetical order."""
    entries = [
        (
            tr("Alone"),
            tr("What a player bears if it does what is best for itself and nobody acts."),
        ),
        (
            tr("Core"),
            tr(
                "All ways to share the gain with which no group would have more by leaving. It may "
                "be empty."
            ),
        ),
        (
            tr("Free riding"),
            tr("Staying out, and yet having something of what the others build and store."),
        ),
        (
            tr("Gain of a group"),
            tr("What its members bear alone, less what they bear together; its worth in the game."),
        ),
        (
            tr("Damage"),
            tr(
                "What missing tonnes cost: {unit} by the damage curve of the scenario, discounted "
                "and summed over the years.",
                unit=game.million,
            ),
        ),
        (
            tr("Net cost"),
            tr("What is put up, less what is expected to come back; discounted."),
        ),
        (
            tr("Nucleolus"),
            tr(
                "The way to share that makes the group with most to gain by leaving as little "
                "eager as possible, then the next one, and so on. It lies in the core if there is "
                "one."
            ),
        ),
        (
            tr("Shapley value"),
            tr("What a player adds to those before it, on average over all orders of joining."),
        ),
        (
            tr("Transfer"),
            tr("What a player pays to the others on top of its outlay, so that a rule is kept."),
        ),
    ]
    entries.sort(key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(entries)])
