"""The sections on a split in a terminal, in the order in which partners ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.language import tr
from models.results import Core, Interval
from optimizer.report.figures import NOISE, NONE, column, number, small_percent
from optimizer.report.sections import Grid, Kind, Section
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game, core_word, listed, rule_meaning, rule_name

Cells = Sequence[str]


def all_of(game: Game) -> Iterator[Section]:
    """All sections that have something to say."""
    makers = (plan, players, shares, leaving, staying_out, others_acting, proof)
    return (section for make in makers if (section := make(game)) is not None)


def _grid(columns: Mapping[str, tuple[Kind, Cells]]) -> Grid:
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Grid({header: kind for header, (kind, _) in columns.items()}, rows)


def plan(game: Game) -> Section:
    """What all do together, a project a line."""
    found = game.split.plan
    parts: list[str | Grid] = []
    if found.projects:
        parts.append(
            _grid(
                {
                    tr("Project"): ("words", [game.project(p) for p in found.projects]),
                    tr("Start"): ("figures", [str(p.start) for p in found.projects]),
                    tr("Capex, {unit}", unit=game.million): (
                        "figures",
                        column([p.capex_meur for p in found.projects]),
                    ),
                    tr("Carried by"): ("words", [game.carried(p) or NONE for p in found.projects]),
                    tr("Output for"): ("words", [game.reserved(p) or NONE for p in found.projects]),
                }
            )
        )
    else:
        parts.append(tr("Nothing is built."))
    if found.stocks_t:
        piles = [f"{game.stockpile(h)} {number(t)} t" for h, t in found.stocks_t.items()]
        parts.append(tr("Stocks, held at most: {piles}.", piles=", ".join(piles)))
    parts.append(prose.state(game))
    return Section(tr("What all do together"), parts)


def players(game: Game) -> Section:
    """What each bears alone, and with all before anything is shared."""
    split = game.split
    some = list(split.players)
    alone = [p.alone.value for p in some]
    damage = [split.plan.damage[p.id] for p in some]
    outlay = [game.outlay(p.id) for p in some]
    names = [game.player(p.id) for p in some]
    without: list[float | None] = [p.without_plan for p in some]
    others = game.others
    if others is not None:
        names.append(others.name)
        without, alone = [*without, None], [*alone, others.alone.value]
        damage, outlay = [*damage, others.damage], [*outlay, others.outlay]
    before = [a - d - o for a, d, o in zip(alone, damage, outlay, strict=True)]
    names.append(tr("All"))
    unit = game.million
    columns: dict[str, tuple[Kind, Cells]] = {tr("Player"): ("words", names)}
    for header, values in (
        (tr("Nobody acts: damage, {unit}", unit=unit), without),
        (tr("Alone: damage and net cost, {unit}", unit=unit), alone),
        (tr("With all: damage, {unit}", unit=unit), damage),
        (tr("With all: net outlay, {unit}", unit=unit), outlay),
        (tr("Gain before transfers, {unit}", unit=unit), before),
    ):
        total = sum(value for value in values if value is not None)
        columns[header] = ("figures", column([*values, total]))
    return Section(tr("What each bears, alone and with all"), [_grid(columns)])


def shares(game: Game) -> Section | None:
    """What each rule leaves to each player, and what it pays for that."""
    rules = game.split.rules
    if not rules:
        return None
    names = [*(game.player(p.id) for p in game.split.players), tr("All")]
    gains: dict[str, tuple[Kind, Cells]] = {tr("Gain, {unit}", unit=game.million): ("words", names)}
    pays: dict[str, tuple[Kind, Cells]] = {
        tr("Pays in all, {unit}", unit=game.million): ("words", names)
    }
    for rule in rules:
        of = [rule.members[p.id] for p in game.split.players]
        kept = [share.gain.value for share in of]
        paid = [share.pays_meur for share in of]
        gains[rule_name(rule.rule)] = ("figures", column([*kept, sum(kept)]))
        pays[rule_name(rule.rule)] = ("figures", column([*paid, sum(paid)]))
    notes = [*_spread(game)]
    balance = prose.balance(game)
    if balance is not None:
        notes.append(balance)
    meaning = [rule_meaning(rule.rule) for rule in rules]
    return Section(
        tr("Ways to share the gain"), [_grid(gains), _grid(pays), *notes, " ".join(meaning)]
    )


def _spread(game: Game) -> Iterator[str]:
    """How far gains are open, where that is not negligible."""
    found = [(rule, share.gain) for rule in game.split.rules for share in rule.members.values()]
    for of_sample in (False, True):
        wide = [
            max(gain.high - gain.value, gain.value - gain.low)
            for rule, gain in found
            if game.is_wide(gain) and of_sample == is_sampled(game, rule.rule)
        ]
        if wide and of_sample:
            yield tr(
                "Sampling leaves the Shapley value open by {amount} at most.",
                amount=game.amount(max(wide)),
            )
        elif wide:
            yield tr(
                "The proofs leave these gains open by {amount} at most.",
                amount=game.amount(max(wide)),
            )


def is_sampled(game: Game, rule: str) -> bool:
    """Whether a rule's gains rest on a sample."""
    return rule == "shapley" and game.split.sampling is not None


def leaving(game: Game) -> Section | None:
    """Who would rather leave with each rule, and whether the core is empty."""
    rules = game.split.rules
    if not rules:
        return None
    first = [rule.leaving[0] if rule.leaving else None for rule in rules]
    columns: dict[str, tuple[Kind, Cells]] = {
        tr("Shared by"): ("words", [rule_name(rule.rule) for rule in rules]),
        tr("Would leave"): ("words", [core_word(rule) for rule in rules]),
        tr("Most eager"): (
            "words",
            [NONE if group is None else game.group(group.members) for group in first],
        ),
        tr("Has more, {unit}", unit=game.million): (
            "figures",
            column([None if group is None else group.gain for group in first]),
        ),
        tr("At most, {unit}", unit=game.million): (
            "figures",
            column([None if group is None else group.most for group in first]),
        ),
    }
    if game.split.sampling is None:
        columns[tr("Public money to keep all, {unit}", unit=game.million)] = (
            "figures",
            column([None if (c := rule.contribution) is None else c.value for rule in rules]),
        )
    parts: list[str | Grid] = [_grid(columns)]
    if game.split.core is not None:
        parts.append(core(game, game.split.core))
    return Section(tr("Who would rather leave"), parts)


def core(game: Game, found: Core, *, gains: bool = True) -> str:
    """The core, the least core and what they take; with the gains at it, if asked."""
    told, least = [prose.core_verdict(game, found)], found.least_core.value
    if found.empty == "undecided":
        told.append(
            tr(
                "At best some group might have up to {most} more by leaving.",
                most=game.amount(found.least_core.high),
            )
        )
    elif least < -NOISE:
        margin = Interval(low=-found.least_core.high, value=-least, high=-found.least_core.low)
        told.append(
            tr(
                "At best every group would have {margin} less by leaving.",
                margin=game.proven(margin),
            )
        )
    elif least <= NOISE:
        told.append(tr("At best some group would have just as much by leaving."))
    if gains:
        listing = (f"{game.player(name)} {number(gain)}" for name, gain in found.members.items())
        told.append(tr("The gains are then: {gains}.", gains=listed(listing)))
    if found.binding:
        told.append(
            tr(
                "Closest to leaving are then: {groups}.",
                groups="; ".join(game.group(members) for members in found.binding),
            )
        )
    return " ".join(told)


def staying_out(game: Game) -> Section | None:
    """What each company has by staying out."""
    riders = game.split.free_riding
    if not riders:
        return None
    unit, of = game.million, list(riders.values())
    columns: dict[str, tuple[Kind, Cells]] = {
        tr("Stays out"): ("words", [game.player(name) for name in riders]),
        tr("Gain of the others, {unit}", unit=unit): (
            "figures",
            column([rider.others.value for rider in of]),
        ),
        tr("Idle: its damage, {unit}", unit=unit): (
            "figures",
            column([rider.idle for rider in of]),
        ),
        tr("Acting: damage and net cost, {unit}", unit=unit): (
            "figures",
            column([rider.acting.value for rider in of]),
        ),
        tr("Its gain, {unit}", unit=unit): ("figures", column([rider.gain.value for rider in of])),
    }
    rule = game.reference
    if rule is not None:
        header = tr("Share: {rule}, {unit}", rule=rule_name(rule.rule), unit=unit)
        columns[header] = ("figures", column([rule.members[p].gain.value for p in riders]))
    note = tr(
        "Its gain: what it has more than standing alone with nobody acting. Where that is more "
        "than its share, it is tempted to let the others pay."
    )
    return Section(tr("Staying out while the others go on"), [_grid(columns), note])


def others_acting(game: Game) -> Section | None:
    """The game in which outsiders act for themselves."""
    found = game.split.externality
    if found is None:
        return None
    names = list(found.alone)
    before = [game.players[name].alone.value for name in names]
    after = [found.alone[name].value for name in names]
    gains = [found.shapley[name] for name in names]
    unit = game.million
    columns: dict[str, tuple[Kind, Cells]] = {
        tr("Player"): ("words", [*(game.player(name) for name in names), tr("All")])
    }
    for header, values in (
        (tr("Alone, nobody else acts, {unit}", unit=unit), before),
        (tr("Alone, all act alone, {unit}", unit=unit), after),
        (tr("Gain by Shapley value, {unit}", unit=unit), gains),
    ):
        columns[header] = ("figures", column([*values, sum(values)]))
    told = [
        tr(
            "What one does alone also spares others damage. Where outsiders act, each for itself, "
            "all together gain {worth}.",
            worth=game.proven(found.worth),
        ),
        core(game, found.core),
    ]
    return Section(tr("If outsiders act as well"), [_grid(columns), " ".join(told)])


def proof(game: Game) -> Section:
    """What the answer rests on."""
    split = game.split
    rows = [
        [tr("Groups solved"), number(len(split.coalitions))],
        [tr("Gap asked for"), small_percent(split.gap_target)],
        [tr("Largest gap"), small_percent(game.largest_gap)],
        [tr("Gap of the plan of all"), small_percent(split.plan.gap)],
        [tr("States of the world"), number(split.states)],
        [tr("Time"), f"{number(split.seconds)} s"],
        [tr("Scenario, SHA-256"), split.input_sha256],
    ]
    parts: list[str | Grid] = [Grid({"": "words", " ": "words"}, rows, headed=False)]
    return Section(tr("How good the proof is"), parts)
