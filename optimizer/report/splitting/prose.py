"""A split in sentences: what all gain, who would rather leave, and what else must be known."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Core, SharingRule
from optimizer.report.figures import NOISE, number, percent, rounded
from optimizer.report.splitting.game import Game, listed, rule_name, state_meaning

FEW_STATES = 100


def headline(game: Game) -> Iterator[str]:
    """The answer, in paragraphs."""
    yield gain(game)
    told = [*stability(game), *temptation(game)]
    if told:
        yield " ".join(told)
    cautioned = list(cautions(game))
    if cautioned:
        yield " ".join(cautioned)


def gain(game: Game) -> str:
    """What all gain together."""
    split = game.split
    if split.worth.value <= NOISE:
        return tr(
            "Together {everybody} gain nothing against each standing alone.",
            everybody=game.everybody,
        )
    return tr(
        "Together {everybody} gain {worth}: damage and net cost of {before}, with each standing "
        "alone, fall to {after}.",
        everybody=game.everybody,
        worth=game.proven(split.worth),
        before=rounded(game.alone),
        after=rounded(game.alone - split.worth.value),
    )


def stability(game: Game) -> Iterator[str]:
    """Whether the gain can be shared so that all stay, and which rules do that."""
    if game.split.worth.value <= NOISE:
        return
    if game.split.core is None:
        yield tr(
            "Not all groups were solved: whether the gain can be shared so that all stay is not "
            "known."
        )
    else:
        yield core_verdict(game, game.split.core)
    for rule in game.split.rules:
        if rule.core == "outside":
            yield leaves(game, rule)
    undecided = [rule for rule in game.split.rules if rule.core == "undecided"]
    inside, unseen = (
        ", ".join(rule_name(rule.rule) for rule in rules)
        for rules in (
            [rule for rule in game.split.rules if rule.core == "inside"],
            [rule for rule in undecided if not rule.leaving],
        )
    )
    if inside:
        yield tr("No group would rather leave with: {rules}.", rules=inside)
    if unseen and game.split.sampling is not None:
        yield tr(
            "None of the groups that were solved would rather leave with: {rules}.", rules=unseen
        )
    elif unseen:
        yield tr("The proofs leave it open for: {rules}.", rules=unseen)
    might = "; ".join(might_leave(game, rule) for rule in undecided if rule.leaving)
    if might:
        yield tr("The proofs leave it open for: {rules}.", rules=might)


def might_leave(game: Game, rule: SharingRule) -> str:
    """Which group might rather leave with a rule, where the proofs leave that open."""
    first = rule.leaving[0]
    return tr(
        "{rule} ({group} might rather leave, with {most} more at most)",
        rule=rule_name(rule.rule),
        group=game.group(first.members),
        most=game.amount(first.most),
    )


def core_verdict(game: Game, core: Core) -> str:
    """Whether the core is empty, and what follows."""
    if core.empty == "not empty":
        return tr("The gain can be shared so that no group would rather leave.")
    if core.empty == "undecided":
        return tr(
            "The proofs leave it open whether the gain can be shared so that no group would rather "
            "leave."
        )
    return tr(
        "However the gain is shared, some group would have at least {least} more by leaving; "
        "{contribution} of public money would make all stay.",
        least=game.proven(core.least_core),
        contribution=game.proven(core.contribution),
    )


def leaves(game: Game, rule: SharingRule) -> str:
    """Which group would rather leave with a rule."""
    if not rule.leaving:
        return {
            "shapley": tr("Shared by the Shapley value, some group would rather leave."),
            "nucleolus": tr("Shared by the nucleolus, some group would rather leave."),
            "demand": tr("Shared in proportion to demand, some group would rather leave."),
            "avoided_damage": tr(
                "Shared in proportion to damage avoided, some group would rather leave."
            ),
            "equal": tr("Shared in equal parts, some group would rather leave."),
        }[rule.rule]
    first = rule.leaving[0]
    about = {"group": game.group(first.members), "gain": game.amount(first.gain)}
    return {
        "shapley": tr(
            "Shared by the Shapley value, {group} would rather leave: on their "
            "own they have {gain} more.",
            **about,
        ),
        "nucleolus": tr(
            "Shared by the nucleolus, {group} would rather leave: on their "
            "own they have {gain} more.",
            **about,
        ),
        "demand": tr(
            "Shared in proportion to demand, {group} would rather leave: on their "
            "own they have {gain} more.",
            **about,
        ),
        "avoided_damage": tr(
            "Shared in proportion to damage avoided, {group} would rather leave: on their "
            "own they have {gain} more.",
            **about,
        ),
        "equal": tr(
            "Shared in equal parts, {group} would rather leave: on their "
            "own they have {gain} more.",
            **about,
        ),
    }[rule.rule]


def temptation(game: Game) -> Iterator[str]:
    """Who gains more by staying out than by a share."""
    rule, names = game.reference, game.tempted
    if rule is None or not names:
        return
    told = [
        tr(
            "{name} ({out} against {share})",
            name=game.player(name),
            out=rounded(game.split.free_riding[name].gain.value),
            share=rounded(rule.members[name].gain.value),
        )
        for name in names
    ]
    yield tr(
        "Staying out while the others go on brings more than the share by the rule “{rule}” to: "
        "{names}.",
        rule=rule_name(rule.rule),
        names=listed(told),
    )


def cautions(game: Game) -> Iterator[str]:
    """What must be read with the answer."""
    split = game.split
    if split.sampling is not None:
        yield sampled(game)
    if split.set_aside:
        yield tr(
            "Set aside, since no single group owes them: {duties}.",
            duties=", ".join(split.set_aside),
        )
    if split.states < FEW_STATES:
        yield tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(split.states),
        )


def sampled(game: Game) -> str:
    """How the Shapley value was sampled."""
    found = game.split.sampling
    assert found is not None
    return tr(
        "The Shapley value is sampled: {orders} orders of joining, every second one the reverse of "
        "the one before, {coalitions} groups, seed {seed}; ranges are confidence intervals of "
        "{level}.",
        orders=number(found.orders),
        coalitions=number(found.coalitions),
        seed=str(found.seed),
        level=percent(found.level),
    )


def state(game: Game) -> str:
    """How public money stands in the game, and how much it is when all act together."""
    public = game.split.plan.public_meur
    if abs(public) <= NOISE or game.state == "none":
        return state_meaning(game.state)
    return " ".join(
        (
            state_meaning(game.state),
            tr(
                "When all act together, public funders bear {amount} net.",
                amount=game.amount(public),
            ),
        )
    )


def balance(game: Game) -> str | None:
    """Where transfers go that do not cancel out; None where they do."""
    rule, others = game.reference, game.others
    if rule is None or others is None:
        return None
    left = sum(share.transfer_meur for share in rule.members.values())
    if abs(left) <= max(NOISE, 1e-6 * abs(game.split.plan.objective)):
        return None
    if left > 0:
        return tr(
            "Transfers add up to {amount}, which go to those who are no players but count "
            "({others}): so much more do they bear than without any company.",
            amount=game.amount(left),
            others=others.name,
        )
    return tr(
        "Transfers add up to -{amount}, which come from those who are no players but count "
        "({others}): so much less do they bear than without any company.",
        amount=game.amount(-left),
        others=others.name,
    )
