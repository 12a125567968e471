"""Ways to share what all gain, whether they hold, and what it would take to make them hold.

Gains are against what each player has alone with the plan that was found for it. A payment settles
what a player is left with in the plan of all; so what a group has by leaving is uncertain only as
far as its own plan is.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from models.results import (
    BlockingCoalition,
    Core,
    Interval,
    JointPlan,
    MemberShare,
    Player,
    SharingRule,
)
from models.results.split import SharingRuleName
from optimizer import games
from optimizer.analyses.split.coalition_values import CoalitionCosts
from optimizer.games.coalitions import Masks
from optimizer.model.instance import Floats

MAX_LEAVING_GROUPS = 5
"""Groups that would rather leave, shown of each rule."""
CONFIDENCE_LEVEL = 0.95
"""Of the confidence intervals of sampled values."""

RuleGains = tuple[SharingRuleName, Floats, Floats, Floats]
"""What a rule gives each player, and the ends between which proofs or the sample leave it, (n)."""


def exact_sharing_rules(
    costs: CoalitionCosts, players: Sequence[Player], plan: JointPlan
) -> Iterator[SharingRule]:
    """Each rule that applies, and what it gives, where all coalitions were solved."""
    least, most = costs.worth_bounds(len(players))
    ends = games.shapley_range(least, most)
    shares: list[RuleGains] = [("shapley", games.shapley(least), *ends)]
    if least[-1] >= 0:  # else they would rather be alone, and no share is rational
        point = games.nucleolus(least)
        shares.append(("nucleolus", point, point, point))
    worth = float(least[-1]), float(most[-1])
    for one in (*shares, *_proportional_rules(players, plan, *worth)):
        rule, gain, _, _ = one
        verdict = games.core_membership(least, most, gain)
        found, best = games.coalition_excesses(least, gain), games.coalition_excesses(most, gain)
        worst = games.blocking_coalitions(
            least if verdict == "outside" else most, gain, MAX_LEAVING_GROUPS
        )
        at_least, at_most = games.subsidy_range(least, most, gain)
        yield SharingRule(
            rule=rule,
            members=_member_shares(one, players, plan, worth[0]),
            core=verdict,
            leaving=tuple(
                BlockingCoalition(
                    members=_member_ids(players, mask),
                    gain=float(found[mask]),
                    most=float(best[mask]),
                )
                for mask, _ in worst
            ),
            contribution=Interval(low=at_least, value=at_least, high=at_most),
        )


def sampled_sharing_rules(
    costs: CoalitionCosts, players: Sequence[Player], plan: JointPlan, orders: Masks
) -> Iterator[SharingRule]:
    """Rules that can be told without all coalitions, and which of those solved would leave."""
    everybody = (1 << len(players)) - 1
    alone = {m: math.fsum(costs[1 << n].high for n in games.coalition_members(m)) for m in costs}
    found = {mask: alone[mask] - cost.high for mask, cost in costs.items()}
    best = {mask: alone[mask] - cost.low for mask, cost in costs.items()}
    ends = {mask: (found[mask], best[mask]) for mask in found}
    estimate = games.shapley_from_orders(orders, found, CONFIDENCE_LEVEL).estimate
    spread = games.shapley_from_orders(orders, ends, CONFIDENCE_LEVEL)
    nothing = games.ABSOLUTE_TOLERANCE + games.RELATIVE_TOLERANCE * max(map(abs, found.values()))
    shares: list[RuleGains] = [("shapley", estimate, spread.low, spread.high)]
    for one in (*shares, *_proportional_rules(players, plan, found[everybody], best[everybody])):
        rule, gain, _, _ = one
        excess = {
            mask: value - math.fsum(gain[n] for n in games.coalition_members(mask))
            for mask, value in found.items()
            if mask != everybody
        }
        leaving = sorted(
            (mask for mask, value in excess.items() if value > nothing),
            key=lambda mask: (-excess[mask], mask.bit_count(), mask),
        )
        yield SharingRule(
            rule=rule,
            members=_member_shares(one, players, plan, found[everybody]),
            core="outside" if leaving else "undecided",
            leaving=tuple(
                BlockingCoalition(
                    members=_member_ids(players, mask),
                    gain=excess[mask],
                    most=excess[mask] + best[mask] - found[mask],
                )
                for mask in leaving[:MAX_LEAVING_GROUPS]
            ),
            contribution=None,
        )


def _proportional_rules(
    players: Sequence[Player], plan: JointPlan, worth: float, max_worth: float
) -> Iterable[RuleGains]:
    """Rules that need no other coalitions; those whose keys would be all 0 are left out."""
    spared = [one.without_plan - plan.damage[one.id] for one in players]
    keys: dict[SharingRuleName, list[float]] = {
        "demand": [one.demand_meur for one in players],
        "avoided_damage": [max(0.0, avoided) for avoided in spared],
        "equal": [1.0 for _ in players],
    }
    for rule, own in keys.items():
        if math.fsum(own) > 0:
            gain = games.proportional_shares(worth, np.array(own))
            yield rule, gain, gain, games.proportional_shares(max_worth, np.array(own))


def _member_shares(
    rule_gains: RuleGains, players: Sequence[Player], plan: JointPlan, worth: float
) -> dict[str, MemberShare]:
    """What a rule gives each player, and what that lets it pay."""
    shares = {}
    for one, gain, low, high in zip(players, *rule_gains[1:], strict=True):
        pays = one.alone.value - float(gain) - plan.damage[one.id]
        outlay = plan.public_meur if one.kind == "state" else plan.outlay_meur[one.id]
        shares[one.id] = MemberShare(
            gain=Interval(low=float(low), value=float(gain), high=float(high)),
            share=float(gain) / worth if abs(worth) > games.ABSOLUTE_TOLERANCE else None,
            pays_meur=pays,
            outlay_meur=outlay,
            transfer_meur=pays - outlay,
        )
    return shares


def compute_core(costs: CoalitionCosts, players: Sequence[Player]) -> Core:
    """Whether there is a share that every group would stay for, and the one it lacks least at."""
    least, most = costs.worth_bounds(len(players))
    found = games.least_core(least)
    low, high = games.least_core_range(least, most)
    at_least, at_most = games.stability_cost_range(least, most)
    return Core(
        empty=games.core_emptiness(least, most),
        least_core=Interval(low=low, value=found.value, high=high),
        members={one.id: float(x) for one, x in zip(players, found.payoff, strict=True)},
        binding=tuple(_member_ids(players, mask) for mask in found.binding_coalitions),
        contribution=Interval(low=at_least, value=games.stability_cost(least)[0], high=at_most),
    )


def _member_ids(players: Sequence[Player], mask: int) -> tuple[str, ...]:
    return tuple(players[n].id for n in games.coalition_members(mask))
