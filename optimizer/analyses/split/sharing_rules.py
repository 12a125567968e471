"""Rules to share the joint gain, whether their results lie in the core, and subsidies that make all
stay.

Gains are relative to the plan that was found for each player alone. Since payments settle the costs
in the joint plan, the gain of a coalition from leaving is uncertain only as far as the coalition's
plan is.
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
"""Largest number of blocking coalitions listed for each rule."""
CONFIDENCE_LEVEL = 0.95
"""Level of the confidence intervals of sampled values."""

RuleGains = tuple[SharingRuleName, Floats, Floats, Floats]
"""A rule, the gains (n) of players, and lower and upper bounds (n) on them, proven or estimated."""


def exact_sharing_rules(
    costs: CoalitionCosts, players: Sequence[Player], plan: JointPlan
) -> Iterator[SharingRule]:
    """Yield the sharing rules with the players' shares, if all coalitions were solved.

    Rules that do not apply are left out.
    """
    low_values, high_values = costs.value_bounds(len(players))
    shapley_bounds = games.shapley_range(low_values, high_values)
    shares: list[RuleGains] = [("shapley", games.shapley(low_values), *shapley_bounds)]
    if low_values[-1] >= 0:  # otherwise no sharing is individually rational
        nucleolus = games.nucleolus(low_values)
        shares.append(("nucleolus", nucleolus, nucleolus, nucleolus))
    grand_values = float(low_values[-1]), float(high_values[-1])
    for rule_gains in (*shares, *_proportional_rules(players, plan, *grand_values)):
        rule, gain, _, _ = rule_gains
        verdict = games.core_membership(low_values, high_values, gain)
        excess = games.coalition_excesses(low_values, gain)
        max_excess = games.coalition_excesses(high_values, gain)
        blocking = games.blocking_coalitions(
            low_values if verdict == "outside" else high_values, gain, MAX_LEAVING_GROUPS
        )
        min_subsidy, max_subsidy = games.subsidy_range(low_values, high_values, gain)
        yield SharingRule(
            rule=rule,
            members=_member_shares(rule_gains, players, plan, grand_values[0]),
            core=verdict,
            leaving=tuple(
                BlockingCoalition(
                    members=_member_ids(players, mask),
                    gain=float(excess[mask]),
                    most=float(max_excess[mask]),
                )
                for mask, _ in blocking
            ),
            contribution=Interval(low=min_subsidy, value=min_subsidy, high=max_subsidy),
        )


def sampled_sharing_rules(
    costs: CoalitionCosts, players: Sequence[Player], plan: JointPlan, orders: Masks
) -> Iterator[SharingRule]:
    """Yield the sharing rules that do not require all coalitions, with the solved coalitions that
    would leave.

    ``orders`` are the sampled orders of joining, from which the Shapley value is estimated.
    """
    grand_coalition = (1 << len(players)) - 1
    costs_alone = {
        m: math.fsum(costs[1 << n].high for n in games.coalition_members(m)) for m in costs
    }
    low_values = {mask: costs_alone[mask] - cost.high for mask, cost in costs.items()}
    high_values = {mask: costs_alone[mask] - cost.low for mask, cost in costs.items()}
    value_bounds = {mask: (low_values[mask], high_values[mask]) for mask in low_values}
    estimate = games.shapley_from_orders(orders, low_values, CONFIDENCE_LEVEL).estimate
    sampled_bounds = games.shapley_from_orders(orders, value_bounds, CONFIDENCE_LEVEL)
    tolerance = games.ABSOLUTE_TOLERANCE + games.RELATIVE_TOLERANCE * max(
        map(abs, low_values.values())
    )
    shares: list[RuleGains] = [("shapley", estimate, sampled_bounds.low, sampled_bounds.high)]
    for rule_gains in (
        *shares,
        *_proportional_rules(
            players, plan, low_values[grand_coalition], high_values[grand_coalition]
        ),
    ):
        rule, gain, _, _ = rule_gains
        excess = {
            mask: value - math.fsum(gain[n] for n in games.coalition_members(mask))
            for mask, value in low_values.items()
            if mask != grand_coalition
        }
        leaving_coalitions = sorted(
            (mask for mask, value in excess.items() if value > tolerance),
            key=lambda mask: (-excess[mask], mask.bit_count(), mask),
        )
        yield SharingRule(
            rule=rule,
            members=_member_shares(rule_gains, players, plan, low_values[grand_coalition]),
            core="outside" if leaving_coalitions else "undecided",
            leaving=tuple(
                BlockingCoalition(
                    members=_member_ids(players, mask),
                    gain=excess[mask],
                    most=excess[mask] + high_values[mask] - low_values[mask],
                )
                for mask in leaving_coalitions[:MAX_LEAVING_GROUPS]
            ),
            contribution=None,
        )


def _proportional_rules(
    players: Sequence[Player], plan: JointPlan, grand_value: float, max_grand_value: float
) -> Iterable[RuleGains]:
    """Yield the rules that share the gain in proportion to weights; rules with only zero weights
    are left out.

    ``grand_value`` and ``max_grand_value`` are the lower and upper bound on the joint gain.
    """
    avoided_damage = [player.without_plan - plan.damage[player.id] for player in players]
    weights_by_rule: dict[SharingRuleName, list[float]] = {
        "demand": [player.demand_meur for player in players],
        "avoided_damage": [max(0.0, avoided) for avoided in avoided_damage],
        "equal": [1.0 for _ in players],
    }
    for rule, weights in weights_by_rule.items():
        if math.fsum(weights) > 0:
            gain = games.proportional_shares(grand_value, np.array(weights))
            yield rule, gain, gain, games.proportional_shares(max_grand_value, np.array(weights))


def _member_shares(
    rule_gains: RuleGains, players: Sequence[Player], plan: JointPlan, grand_value: float
) -> dict[str, MemberShare]:
    """Return each player's gain under a rule, with its total payment and its transfer to the
    others, by player id."""
    share_by_member = {}
    for player, gain, low, high in zip(players, *rule_gains[1:], strict=True):
        pays = player.alone.value - float(gain) - plan.damage[player.id]
        outlay = plan.public_meur if player.kind == "state" else plan.outlay_meur[player.id]
        share_by_member[player.id] = MemberShare(
            gain=Interval(low=float(low), value=float(gain), high=float(high)),
            share=float(gain) / grand_value
            if abs(grand_value) > games.ABSOLUTE_TOLERANCE
            else None,
            pays_meur=pays,
            outlay_meur=outlay,
            transfer_meur=pays - outlay,
        )
    return share_by_member


def compute_core(costs: CoalitionCosts, players: Sequence[Player]) -> Core:
    """Compute whether the core is empty, the least core, and the subsidy with which no coalition
    would leave."""
    low_values, high_values = costs.value_bounds(len(players))
    least_core = games.least_core(low_values)
    low, high = games.least_core_range(low_values, high_values)
    min_subsidy, max_subsidy = games.stability_cost_range(low_values, high_values)
    return Core(
        empty=games.core_emptiness(low_values, high_values),
        least_core=Interval(low=low, value=least_core.value, high=high),
        members={player.id: float(x) for player, x in zip(players, least_core.payoff, strict=True)},
        binding=tuple(_member_ids(players, mask) for mask in least_core.binding_coalitions),
        contribution=Interval(
            low=min_subsidy, value=games.stability_cost(low_values)[0], high=max_subsidy
        ),
    )


def _member_ids(players: Sequence[Player], mask: int) -> tuple[str, ...]:
    return tuple(players[n].id for n in games.coalition_members(mask))
