"""A split in sentences: what all gain, who would rather leave, and what else must be known."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Core, Interval, SharingRule
from optimizer.analyses.split.words import Game, rule_name, state_meaning
from optimizer.report.figures import NOISE, number, percent, rounded
from optimizer.report.wording import joined, listed


def gain(game: Game) -> str:
    """What all gain together."""
    worth = game.found.worth
    who = {"everybody": game.everybody}
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


def public_money(game: Game) -> str:
    """How public money stands in the game, and how much it is when all act together."""
    public, told = game.found.plan.public_meur, state_meaning(game.state)
    if abs(public) <= NOISE or game.state == "none":
        return told
    net = tr("When all act together, public funders bear {amount} net.", amount=game.money(public))
    return f"{told} {net}"


def stability(game: Game) -> Iterator[str]:
    """Whether the gain can be shared so that all stay, and which rules do that."""
    split = game.found
    if split.worth.value <= NOISE:
        return
    yield unknown() if split.core is None else core_verdict(game, split.core)
    for rule in split.rules:
        if rule.core == "outside":
            yield _leaves(game, rule)
    undecided = [rule for rule in split.rules if rule.core == "undecided"]
    inside = ", ".join(rule_name(rule.rule) for rule in split.rules if rule.core == "inside")
    unseen = ", ".join(rule_name(rule.rule) for rule in undecided if not rule.leaving)
    if inside:
        yield tr("No group would rather leave with: {rules}.", rules=inside)
    if unseen and split.sampling is not None:
        yield tr("No group that was solved would rather leave with: {rules}.", rules=unseen)
    elif unseen:
        yield tr("The proofs leave it open for: {rules}.", rules=unseen)
    might = "; ".join(
        tr(
            "{rule} ({group} might rather leave, with {most} more at most)",
            rule=rule_name(rule.rule),
            group=game.group(rule.leaving[0].members),
            most=game.money(rule.leaving[0].most),
        )
        for rule in undecided
        if rule.leaving
    )
    if might:
        yield tr("The proofs leave it open for: {rules}.", rules=might)


def _leaves(game: Game, rule: SharingRule) -> str:
    """Which group would rather leave with a rule."""
    name = rule_name(rule.rule)
    if not rule.leaving:
        return tr("Shared by the rule “{rule}”, some group would rather leave.", rule=name)
    first = rule.leaving[0]
    return tr(
        "Shared by the rule “{rule}”, {group} would rather leave: on their own they have "
        "{gain} more.",
        rule=name,
        group=game.group(first.members),
        gain=game.money(first.gain),
    )


def core_verdict(game: Game, core: Core) -> str:
    """Whether the core is empty, and what follows."""
    least, contribution = game.proven(core.least_core), game.proven(core.contribution)
    return {
        "not empty": tr("The gain can be shared so that no group would rather leave."),
        "undecided": tr("The proofs leave it open whether the gain can be shared so that no group "
                        "would rather leave."),
        "empty": tr("However the gain is shared, some group would have at least {least} more by "
                    "leaving; {contribution} of public money would make all stay.",
                    least=least, contribution=contribution),
    }[core.empty]  # fmt: skip


def core(game: Game, core: Core) -> str:
    """The core, the least core, and who is closest to leaving there."""
    told, least = [core_verdict(game, core)], core.least_core.value
    if core.empty == "undecided":
        most = game.money(core.least_core.high)
        told.append(tr("At best some group might have up to {most} more by leaving.", most=most))
    elif least < -NOISE:
        less = Interval(low=-core.least_core.high, value=-least, high=-core.least_core.low)
        margin = game.proven(less)
        told.append(tr("At best every group would have {margin} less by leaving.", margin=margin))
    elif least <= NOISE:
        told.append(tr("At best some group would have just as much by leaving."))
    if core.binding:
        groups = "; ".join(map(game.group, core.binding))
        told.append(tr("Closest to leaving are then: {groups}.", groups=groups))
    return " ".join(told)


def temptation(game: Game) -> Iterator[str]:
    """Who gains more by staying out than by a share."""
    if game.reference is None or not game.found.free_riding:
        return
    rule = rule_name(game.reference.rule)
    told = [
        tr(
            "{name} ({out} against {share})",
            name=game.player(id),
            out=rounded(game.found.free_riding[id].gain.value),
            share=rounded(game.share(id)),
        )
        for id in game.tempted
    ]
    if told:
        yield tr("Staying out while the others go on brings more than the share by the rule "
                 "“{rule}” to: {names}.", rule=rule, names=listed(told))  # fmt: skip
    else:
        yield tr("No company gains more by staying out than the rule “{rule}” gives it.", rule=rule)


def cautions(game: Game) -> list[str]:
    """What must be read with the answer."""
    drawn = [] if game.found.sampling is None else [sampled(game)]
    return [*drawn, *set_aside(game), *game.illustration()]


def set_aside(game: Game) -> list[str]:
    """Duties that are not part of the game, in a sentence."""
    if not game.found.set_aside:
        return []
    duties = joined([_duty(game, path) for path in game.found.set_aside])
    return [tr("Set aside, since no single group owes them: {duties}.", duties=duties)]


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


def sampled(game: Game) -> str:
    """How the Shapley value was sampled."""
    drawn = game.found.sampling
    assert drawn is not None
    return tr(
        "The Shapley value is sampled: {orders} orders of joining, every second one the "
        "reverse of the one before, {coalitions} groups, seed {seed}; ranges are confidence "
        "intervals of {level}.",
        orders=number(drawn.orders),
        coalitions=number(drawn.coalitions),
        seed=str(drawn.seed),
        level=percent(drawn.level),
    )


def unknown() -> str:
    """What is told of the core where not all groups were solved."""
    return tr(
        "Not all groups were solved: whether the gain can be shared so that all stay is not known."
    )
