"""What joint action is worth to the companies, and how it may be shared, as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from models.results import Split
from optimizer.analyses.split import groups, rules, sentences, tables
from optimizer.analyses.split.checks import checks
from optimizer.analyses.split.words import Game, opened, rule_meaning, rule_name, state_meaning
from optimizer.report.document import (
    DETAIL,
    PAGE,
    SHEET,
    TEXT,
    Bullets,
    Caution,
    Check,
    Choice,
    Document,
    Fact,
    Facts,
    Heading,
    Part,
    Section,
    Terms,
    Text,
)
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent
from optimizer.report.wording import listed, pairs


def document(found: Split) -> Document:
    """What all gain, how it may be shared, who would rather leave, and who would stay out."""
    game = Game(found)
    return game.document(
        tr("Vorrat: what joint action is worth, and how to share it"),
        list(answer(game)),
        [
            *sections(game),
            Section("method", tr("How it was computed"), list(method(game)), on=DETAIL),
            Section("certificate", tr("What the split rests on"), proof(game), tab=tr("Split")),
            Section("glossary", tr("Terms"), [Terms(terms(game))]),
        ],
        checks=checks(game),
        amounts=[player.alone.value for player in found.players],
    )


def plan_sections(found: Split) -> list[Section]:
    """A split in short, as a section on the page of a plan of its scenario."""
    game = Game(found)
    parts: list[Part] = [
        sentences.gain(game),
        sentences.public_money(game),
        Bullets([*sentences.stability(game), *sentences.temptation(game)]),
    ]
    if found.rules:
        parts += [rules.gains(game), rules.verdicts(game)]
    title = tr("What joint action is worth, and how to share it")
    return [Section("split", title, [*parts, *sentences.cautions(game)], on=PAGE)]


def plan_sheets(found: Split) -> list[Section]:
    """The sheets of a split in the workbook of a plan; :func:`plan_checks` must hold in them."""
    game = Game(found)
    gain = Section("joint-gain", tr("What all gain"), [tables.joint_gain(game)])
    rests = Section("split", tr("What the split rests on"), proof(game), tab=tr("Split"))
    return [replace(section, on=SHEET) for section in (gain, *sections(game), rests)]


def plan_checks(found: Split) -> list[Check]:
    """What must hold in the sheets of a split."""
    return checks(Game(found))


def sections(game: Game) -> list[Section]:
    """The sections on the game itself, in the order in which partners ask."""
    plan: list[Part] = [tables.projects(game), tables.stocks(game), tables.outlay(game)]
    bearing = tr("What each bears, alone and with all ({unit})", unit=game.million)
    sharing, leave = tr("Ways to share the gain"), tr("Who would rather leave")
    alone, out = tr("What groups gain by themselves"), tr("Staying out while the others go on")
    acting = tr("If outsiders act as well")
    return [
        Section("together", tr("What all do together"), [sentences.public_money(game), *plan],
                tab=tr("Joint plan")),
        Section("players", bearing, [tables.players(game)], tab=tr("Players")),
        Section("shares", sharing, list(shares(game)), tab=tr("Sharing")),
        Section("leaving", leave, list(leaving(game)), tab=tr("Leaving")),
        Section("groups", alone, list(by_themselves(game)), DETAIL, tab=tr("Groups")),
        Section("outside", out, list(outside(game)), tab=tr("Staying out")),
        Section("outsiders", acting, list(outsiders(game)), tab=tr("Outsiders acting")),
    ]  # fmt: skip


def answer(game: Game) -> Iterator[Part]:
    """What all gain, who would rather leave or stay out, and how sure that is."""
    yield sentences.gain(game)
    yield Facts(list(_facts(game)), on=PAGE)
    yield tables.joint_gain(game)
    for title, items, on in (
        (tr("What all do together"), list(_together(game)), PAGE),
        (tr("Who would rather leave"), list(sentences.stability(game)), DETAIL | TEXT),
        (tr("Who is tempted to stay out"), list(sentences.temptation(game)), DETAIL | TEXT),
        (tr("How sure this is"), list(_sure(game)), PAGE),
    ):
        if items:
            yield Heading(title, on=PAGE)
            yield Bullets(items, on)
    yield Caution(sentences.cautions(game))


def _facts(game: Game) -> Iterator[Fact]:
    split, alone = game.found, game.alone
    beside = ""
    if alone > NOISE:
        beside = tr("{share} of the {alone} that they bear alone",
                    share=percent(split.worth.value / alone), alone=game.money(alone))  # fmt: skip
    yield Fact(tr("All gain together"), game.money(split.worth.value), beside)
    if split.rules:
        kept = [rule_name(rule.rule) for rule in split.rules if rule.core == "inside"]
        count = tr("{count} of {all}", count=number(len(kept)), all=number(len(split.rules)))
        yield Fact(tr("Rules with which nobody would rather leave"), count, ", ".join(kept))
    if split.free_riding:
        out, all_ = game.tempted, split.free_riding
        count = tr("{count} of {all}", count=number(len(out)), all=number(len(all_)))
        names = listed([*map(game.player, out)])
        yield Fact(tr("Companies that gain more by staying out"), count, names)


def _together(game: Game) -> Iterator[str]:
    plan = game.found.plan
    built = listed([f"{game.project(item.id)} ({item.start})" for item in plan.projects])
    yield tr("They build: {projects}.", projects=built) if built else tr("Nothing is built.")
    yield tr(
        "Their mean damage is then {after}, after {before} if nobody does anything; their net "
        "outlay is {outlay}.",
        after=rounded(sum(plan.damage[id] for id in game.players)),
        before=rounded(sum(plan.without_plan[id] for id in game.players)),
        outlay=game.money(sum(map(game.outlay, game.players))),
    )
    yield sentences.public_money(game)


def _sure(game: Game) -> Iterator[str]:
    split = game.found
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


def shares(game: Game) -> Iterator[Part]:
    """What each rule leaves to each player, what it pays for that, and to whom."""
    if not game.found.rules:
        return
    yield tr(
        "A rule says how the gain of all is shared. What a player pays follows: what it bears "
        "alone, less its gain and its damage. Where that differs from its outlay in the plan of "
        "all, the players settle it among themselves."
    )
    yield Bullets([rule_meaning(rule.rule) for rule in game.found.rules])
    yield rules.gains(game)
    yield from _spread(game)
    yield rules.payments(game)
    yield from _balance(game)


def _spread(game: Game) -> Iterator[str]:
    """How far gains are open, where that is not negligible."""
    most = {True: 0.0, False: 0.0}
    for rule in game.found.rules:
        sampled = rule.rule == "shapley" and game.found.sampling is not None
        wide = [opened(of.gain) for of in rule.members.values() if game.is_wide(of.gain)]
        most[sampled] = max([most[sampled], *wide])
    if most[False]:
        amount = game.money(most[False])
        yield tr("The proofs leave these gains open by {amount} at most.", amount=amount)
    if most[True]:
        amount = game.money(most[True])
        yield tr("Sampling leaves the Shapley value open by {amount} at most.", amount=amount)


def _balance(game: Game) -> Iterator[str]:
    """Where transfers go that do not cancel out."""
    rule, others = game.reference, game.others
    if rule is None or others is None:
        return
    left = sum(share.transfer_meur for share in rule.members.values())
    if abs(left) <= max(NOISE, 1e-6 * abs(game.found.plan.objective)):
        return
    about = {"amount": game.money(abs(left)), "others": others.name}
    go, come = (
        tr("Transfers add up to {amount}, which go to those who are no players but count "
           "({others}): so much more do they bear than without any company.", **about),
        tr("Transfers add up to -{amount}, which come from those who are no players but count "
           "({others}): so much less do they bear than without any company.", **about),
    )  # fmt: skip
    yield go if left > 0 else come


def leaving(game: Game) -> Iterator[Part]:
    """Which groups would rather leave with each rule, and the core."""
    core = game.found.core
    yield sentences.unknown() if core is None else sentences.core(game, core)
    if game.found.rules:
        yield rules.verdicts(game)
        yield groups.leaving(game)


def by_themselves(game: Game) -> Iterator[Part]:
    """The worth of each group; on a page, of those with most to gain."""
    split = game.found
    if split.rules:
        choose = tr(
            "Choose a rule in the yellow cell: gains of the players, shares of the groups, and "
            "what a group has more by leaving follow. 1: the player is in the group."
        )
        yield Text(choose, SHEET)
        yield Choice(groups.RULE, tr("Shared by"), [rule_name(rule.rule) for rule in split.rules])
    yield groups.chosen(game)
    yield groups.most_by_leaving(game)
    several = [one for one in split.coalitions if len(one.members) > 1]
    ranked = sorted(several, key=lambda one: (-len(one.members), -one.worth.value))
    if len(ranked) > groups.SHOWN:
        ranked = sorted(several, key=lambda one: -one.worth.value)[: groups.SHOWN]
        some = tr("The {shown} groups with most to gain, of {count}; a workbook of this split has "
                  "all.", shown=number(groups.SHOWN), count=number(len(several)))  # fmt: skip
        yield Text(some, PAGE)
    yield groups.coalitions(game, ranked, PAGE)
    yield groups.coalitions(game, split.coalitions, SHEET)


def outside(game: Game) -> Iterator[Part]:
    """What companies have by staying out."""
    if not game.found.free_riding:
        return
    yield tr(
        "What others build and store also spares a company that pays nothing. Where it has more by "
        "that than its share of the joint gain, it is tempted to let the others pay."
    )
    yield groups.staying_out(game)


def outsiders(game: Game) -> Iterator[Part]:
    """The game in which outsiders act for themselves."""
    second = game.found.externality
    if second is None:
        return
    yield tr(
        "What one does alone also spares others damage. Where outsiders act, each for itself, all "
        "together gain {worth}.",
        worth=game.proven(second.worth),
    )
    yield sentences.core(game, second.core)
    yield groups.outsiders(game, second)
    remark = tr("Against all acting alone")
    worth = tables.Figure(tr("Gain of all"), second.worth, remark=remark, key="second")
    title = tr("What all gain ({unit})", unit=game.million)
    yield tables.figures(title, [worth, *tables.core_figures(second.core)], "second-gain")


def method(game: Game) -> Iterator[Part]:
    """The game, the rules and their limits, in plain words."""
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
    if game.found.sampling is not None:
        yield sentences.sampled(game)
    if game.found.core is not None:
        yield tr(
            "The least core is the way to share at which the group with most to gain by leaving "
            "has as little as possible by it (Maschler, Peleg and Shapley 1979). Public money that "
            "keeps all is the cost of stability (Bachrach and others 2009)."
        )
    limits = [
        tr("Transfers are certain amounts that are settled beforehand; who bears which risk is not "
           "asked."),
        tr("Gains are means over the states of the world; a single state may fall otherwise."),
        tr("Groups are free to form, and talks cost nothing; what cartel law allows is not asked."),
    ]  # fmt: skip
    yield Heading(tr("What it cannot say"))
    yield Bullets([*limits, *sentences.set_aside(game)])


def proof(game: Game) -> list[Part]:
    """Gaps, states, versions and hash."""
    versions = pairs(tr("Scenario and versions"), game.made_of(), "split-versions")
    return [tables.proof(game), versions]


def terms(game: Game) -> list[tuple[str, str]]:
    """Terms in alphabetical order; what rules mean stands where they are compared."""
    entries = {
        tr("Core"): tr(
            "All ways to share the gain with which no group would have more by leaving. It may be "
            "empty; else the nucleolus lies in it."
        ),
        tr("Free riding"): tr(
            "Staying out, and yet having something of what the others build and store."
        ),
        tr("Damage"): tr(
            "What missing tonnes cost: {unit} by the damage curve of the scenario, discounted and "
            "summed over the years.",
            unit=game.million,
        ),
        tr("Net cost"): tr("What is paid, less what is expected to come back; discounted."),
        tr("Transfer"): tr(
            "What a player pays to the others on top of its outlay, so that a rule is kept."
        ),
    }
    return sorted(entries.items(), key=lambda entry: entry[0].casefold())
