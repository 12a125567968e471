"""What joint action is worth to the companies, and how it may be shared, as a document."""

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from models.results import Core, Interval, Split
from optimizer.analyses.split import rules, tables, words
from optimizer.analyses.split.words import Game, rule_name
from optimizer.report import document as doc
from optimizer.report.document import DETAIL, PAGE, SHEET, Bullets, Part, Section
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent
from optimizer.report.wording import joined, listed


def document(found: Split) -> doc.Document:
    """What all gain, how it may be shared, who would rather leave, and who would stay out."""
    game = Game(found)
    bullets = Bullets([*_stability(game), *_temptation(game)])
    return game.document(
        tr("Vorrat: what joint action is worth, and how to share it"),
        [
            _gain(game),
            doc.Facts(list(_facts(game)), on=PAGE),
            tables.joint_gain(game),
            bullets,
            doc.Caution(_cautions(game)),
        ],
        [
            *_sections(game),
            Section("method", tr("How it was computed"), list(_method(game)), on=DETAIL),
            _certificate(game),
        ],
        checks=tables.checks(game),
        amounts=[player.alone.value for player in found.players],
    )


def beside_plan(found: Split) -> tuple[list[Section], list[doc.Check]]:
    """A split in short on the page of a plan of its scenario, its sheets in the workbook, and what
    must add up there."""
    game = Game(found)
    short: list[Part] = [
        _gain(game),
        _public_money(game),
        Bullets([*_stability(game), *_temptation(game)]),
        *([rules.gains(game), rules.verdicts(game)] if found.rules else []),
        *_cautions(game),
    ]
    title = tr("What joint action is worth, and how to share it")
    gain = Section("joint-gain", tr("What all gain"), [tables.joint_gain(game)])
    sheets = [replace(one, on=SHEET) for one in (gain, *_sections(game), _certificate(game))]
    return [Section("split", title, short, on=PAGE), *sheets], tables.checks(game)


def _sections(game: Game) -> list[Section]:
    """The sections on the game itself, in the order in which partners ask."""
    plan: list[Part] = [_public_money(game), tables.projects(game), tables.stocks(game)]
    plan.append(tables.outlay(game))
    bearing = tr("What each bears, alone and with all ({unit})", unit=game.million)
    sharing, leave = tr("Ways to share the gain"), tr("Who would rather leave")
    alone, out = tr("What groups gain by themselves"), tr("Staying out while the others go on")
    acting = tr("If outsiders act as well")
    leaving: list[Part] = [_core(game), *([rules.verdicts(game)] if game.found.rules else [])]
    return [
        Section(id, title, parts, tab=tab)
        for id, tab, title, parts in (
            ("together", tr("Joint plan"), tr("What all do together"), plan),
            ("players", tr("Players"), bearing, [tables.players(game)]),
            ("shares", tr("Sharing"), sharing, list(_shares(game))),
            ("leaving", tr("Leaving"), leave, leaving),
            ("groups", tr("Groups"), alone, list(_by_themselves(game))),
            ("outside", tr("Staying out"), out, list(_outside(game))),
            ("outsiders", tr("Outsiders acting"), acting, list(_outsiders(game))),
        )
    ]


# The answer


def _gain(game: Game) -> str:
    """What all gain together."""
    worth, who = game.found.worth, {"everybody": game.everybody}
    if worth.value <= NOISE:
        return tr("Together {everybody} gain nothing against each standing alone.", **who)
    return tr(
        "Together {everybody} gain {worth}: damage and net cost of {before}, with each "
        "standing alone, fall to {after}.",
        **who,
        worth=game.proven(worth),
        before=rounded(game.alone),
        after=rounded(game.alone - worth.value),
    )


def _facts(game: Game) -> Iterator[doc.Fact]:
    split, alone = game.found, game.alone
    beside = ""
    if alone > NOISE:
        beside = tr("{share} of the {alone} that they bear alone",
                    share=percent(split.worth.value / alone), alone=game.money(alone))  # fmt: skip
    yield doc.Fact(tr("All gain together"), game.money(split.worth.value), beside)
    if split.rules:
        kept = [rule_name(rule.rule) for rule in split.rules if rule.core == "inside"]
        count = tr("{count} of {all}", count=number(len(kept)), all=number(len(split.rules)))
        yield doc.Fact(tr("Rules with which nobody would rather leave"), count, ", ".join(kept))
    if split.free_riding:
        out, all_ = game.tempted, split.free_riding
        count = tr("{count} of {all}", count=number(len(out)), all=number(len(all_)))
        names = listed([*map(game.funder, out)])
        yield doc.Fact(tr("Companies that gain more by staying out"), count, names)


def _public_money(game: Game) -> str:
    """How public money stands in the game, and how much it is when all act together."""
    public, told = game.found.plan.public_meur, words.state_meaning(game.state)
    if abs(public) <= NOISE or game.state == "none":
        return told
    net = tr("When all act together, public funders bear {amount} net.", amount=game.money(public))
    return f"{told} {net}"


def _stability(game: Game) -> Iterator[str]:
    """Whether the gain can be shared so that all stay, and which rules do that."""
    split = game.found
    if split.worth.value <= NOISE:
        return
    yield _verdict(game, split.core)
    by_verdict: dict[str, list[str]] = {"inside": [], "outside": [], "undecided": []}
    for rule in split.rules:
        by_verdict[rule.core].append(rule_name(rule.rule))
    inside, outside, undecided = map(", ".join, by_verdict.values())
    if inside:
        yield tr("No group would rather leave with: {rules}.", rules=inside)
    if outside:
        yield tr("Some group would rather leave with: {rules}.", rules=outside)
    if undecided and split.sampling is not None:
        yield tr("No group that was solved would rather leave with: {rules}.", rules=undecided)
    elif undecided:
        yield tr("The proofs leave it open for: {rules}.", rules=undecided)


def _verdict(game: Game, core: Core | None) -> str:
    """Whether the core is empty, and what follows; None where not all groups were solved."""
    if core is None:
        return tr("Not all groups were solved: whether the gain can be shared so that all stay is "
                  "not known.")  # fmt: skip
    least, contribution = game.proven(core.least_core), game.proven(core.contribution)
    return {
        "not empty": tr("The gain can be shared so that no group would rather leave."),
        "undecided": tr("The proofs leave it open whether the gain can be shared so that no group "
                        "would rather leave."),
        "empty": tr("However the gain is shared, some group would have at least {least} more by "
                    "leaving; {contribution} of public money would make all stay.",
                    least=least, contribution=contribution),
    }[core.empty]  # fmt: skip


def _core(game: Game, core: Core | None = None) -> str:
    """The core, the least core, and who is closest to leaving there."""
    core = core or game.found.core
    told = [_verdict(game, core)]
    if core is None:
        return told[0]
    low, value, high = (getattr(core.least_core, end) for end in ("low", "value", "high"))
    if core.empty == "not empty" and value < -NOISE:
        margin = game.proven(Interval(low=-high, value=-value, high=-low))
        told.append(tr("At best every group would have {margin} less by leaving.", margin=margin))
    if core.binding:
        groups = "; ".join(map(game.group, core.binding))
        told.append(tr("Closest to leaving are then: {groups}.", groups=groups))
    return " ".join(told)


def _temptation(game: Game) -> Iterator[str]:
    """Who gains more by staying out than by a share."""
    if game.reference is None or not game.found.free_riding:
        return
    rule, names = rule_name(game.reference.rule), listed([*map(game.funder, game.tempted)])
    if names:
        yield tr("Staying out while the others go on brings more than the share by the rule "
                 "“{rule}” to: {names}.", rule=rule, names=names)  # fmt: skip
    else:
        yield tr("No company gains more by staying out than the rule “{rule}” gives it.", rule=rule)


def _cautions(game: Game) -> list[str]:
    """What must be read with the answer: a sample, duties that were set aside, few states."""
    drawn, aside, told = game.found.sampling, game.found.set_aside, []
    if drawn is not None:
        told.append(
            tr(
                "The Shapley value is sampled: {orders} orders of joining, every second one the "
                "reverse of the one before, {coalitions} groups, seed {seed}; ranges are "
                "confidence intervals of {level}.",
                orders=number(drawn.orders),
                coalitions=number(drawn.coalitions),
                seed=str(drawn.seed),
                level=percent(drawn.level),
            )
        )
    if aside:
        duties = joined([_duty(game, path) for path in aside])
        told.append(tr("Set aside, since no single group owes them: {duties}.", duties=duties))
    return [*told, *game.illustration()]


def _duty(game: Game, path: str) -> str:
    """A duty of the scenario by its path."""
    kind, _, rest = path.partition(".")
    if kind == "stockpiles":
        pile = game.name("stockpiles", rest.rpartition(".")[0])
        return tr("days that a stockpile must last ({name})", name=pile)
    return {
        "must_build": tr("projects that must be built"),
        "max_country_share": tr("the largest share of a single country"),
    }.get(rest, path)


# Sections


def _shares(game: Game) -> Iterator[Part]:
    """What each rule leaves to each player, what it pays for that, and to whom."""
    if not game.found.rules:
        return
    yield tr(
        "A rule says how the gain of all is shared. What a player pays follows: what it bears "
        "alone, less its gain and its damage. Where that differs from its outlay in the plan of "
        "all, the players settle it among themselves."
    )
    yield Bullets([words.rule_meaning(rule.rule) for rule in game.found.rules])
    yield rules.gains(game)
    gains = [share.gain for rule in game.found.rules for share in rule.members.values()]
    wide = [words.opened(gain) for gain in gains if game.is_wide(gain)]
    if wide:
        amount = game.money(max(wide))
        yield tr(
            "Proofs, or the sample, leave these gains open by {amount} at most.", amount=amount
        )
    yield rules.payments(game)


def _by_themselves(game: Game) -> Iterator[Part]:
    """The worth of each group; on a page, of those with most to gain."""
    split = game.found
    if split.rules:
        choose = tr(
            "Choose a rule in the yellow cell: gains of the players, shares of the groups, and "
            "what a group has more by leaving follow. 1: the player is in the group."
        )
        names = [rule_name(rule.rule) for rule in split.rules]
        yield doc.Text(choose, SHEET)
        yield doc.Choice(rules.RULE, tr("Shared by"), names)
    yield rules.chosen(game)
    several = [one for one in split.coalitions if len(one.members) > 1]
    ranked = sorted(several, key=lambda one: -one.worth.value)[: rules.SHOWN]
    if len(several) > len(ranked):
        some = tr("The {shown} groups with most to gain, of {count}; a workbook of this split has "
                  "all.", shown=number(rules.SHOWN), count=number(len(several)))  # fmt: skip
        yield doc.Text(some, PAGE)
    yield rules.coalitions(game, ranked, PAGE)
    yield rules.coalitions(game, split.coalitions, SHEET)


def _outside(game: Game) -> Iterator[Part]:
    """What companies have by staying out."""
    if game.found.free_riding:
        yield tr(
            "What others build and store also spares a company that pays nothing. Where it has "
            "more by that than its share of the joint gain, it is tempted to let the others pay."
        )
        yield rules.staying_out(game)


def _outsiders(game: Game) -> Iterator[Part]:
    """The game in which outsiders act for themselves."""
    second = game.found.externality
    if second is not None:
        yield tr(
            "What one does alone also spares others damage. Where outsiders act, each for itself, "
            "all together gain {worth}.",
            worth=game.proven(second.worth),
        )
        yield _core(game, second.core)
        yield rules.outsiders(game, second)


def _method(game: Game) -> Iterator[Part]:
    """The game, the rules and their limits, in plain words."""
    yield tr(
        "For a group of players the best plan is sought that its members can carry by themselves: "
        "the one with the least mean damage and net cost of theirs, while all others start "
        "nothing. What a group gains is what its members bear alone, less what they bear together."
    )
    yield tr(
        "A plan is found and a bound is proven for each group; a gain lies between what both "
        "leave open. A range holds whatever the best plans are; where it decides a question, the "
        "answer is proven."
    )
    if game.found.core is not None:
        yield tr(
            "The least core is the way to share at which the group with most to gain by leaving "
            "has as little as possible by it (Maschler, Peleg and Shapley 1979). Public money that "
            "keeps all is the cost of stability (Bachrach and others 2009)."
        )
    yield doc.Heading(tr("What it cannot say"))
    yield Bullets(
        [
            tr("Transfers are certain amounts that are settled beforehand; who bears which risk is "
               "not asked."),
            tr("Gains are means over the states of the world; a single state may fall otherwise."),
            tr("Groups are free to form, and talks cost nothing; what cartel law allows is not "
               "asked."),
        ]
    )  # fmt: skip


def _certificate(game: Game) -> Section:
    """Gaps, states, versions and hash."""
    split, plan = game.found, game.found.plan
    proof = game.proof(
        (tr("Groups solved"), number(len(split.coalitions))),
        (tr("Largest gap"), small_percent(game.largest_gap)),
        (tr("Objective of the plan of all"), rounded(plan.objective)),
        (tr("Bound"), rounded(plan.bound)),
        (tr("Gap"), small_percent(plan.gap)),
    )
    return Section("certificate", tr("What the split rests on"), [proof], tab=tr("Split"))
