"""Ways to share what all gain, whether they hold, and what it would take to make them hold.

Gains are against what each player has alone with the plan that was found for it. A payment settles
what a player is left with in the plan of all; so what a group has by leaving is uncertain only as
far as its own plan is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.results import Core, Interval, Leaving, MemberShare, SharingRule
from models.results.split import Rule
from optimizer import games
from optimizer.analyses.split.coalition_values import Costs
from optimizer.model.instance import Floats

SHOWN = 5
"""Groups that would rather leave, shown of each rule."""


@dataclass(frozen=True, eq=False)
class Game:
    """Worths by mask where all coalitions were solved: no less than ``low``, no more than ``high``;
    the low ones belong to the plans that were found."""

    low: Floats
    """(2^n)"""
    high: Floats
    """(2^n)"""
    alone: Floats
    """(n) what each has alone with the plan that was found."""

    @classmethod
    def of(cls, costs: Costs, players: int) -> Game:
        """The game of what coalitions could have."""
        least, greatest = costs.arrays(players)
        alone = np.array([greatest[1 << n] for n in range(players)])
        together = np.array(
            [alone[list(games.members(mask))].sum() for mask in range(1 << players)]
        )
        return cls(together - greatest, together - least, alone)


@dataclass(frozen=True, eq=False)
class Member:
    """What a player's share rests on."""

    id: str
    demand: float
    """Value of its demand."""
    avoided: float
    """Its damage without any plan, less that in the plan of all."""
    damage: float
    """Its damage in the plan of all."""
    outlay: float
    """Its net cost in the plan of all."""
    alone: float
    """What it has alone."""


def share_out(game: Game, members: Sequence[Member]) -> Iterator[SharingRule]:
    """Each rule that applies, and what it gives."""
    worth, most = float(game.low[-1]), float(game.high[-1])
    low, high = games.shapley_range(game.low, game.high)
    yield _ruled("shapley", game, members, games.shapley(game.low), low, high)
    if worth >= 0:  # else they would rather be alone, and no share is rational
        point = games.nucleolus(game.low)
        yield _ruled("nucleolus", game, members, point, point, point)
    for rule, keys in simple_keys(members):
        one, other = games.in_proportion(worth, keys), games.in_proportion(most, keys)
        yield _ruled(rule, game, members, one, one, other)


def simple_keys(members: Sequence[Member]) -> Iterator[tuple[Rule, Floats]]:
    """Keys of the rules that need no other coalitions; those that would be all 0 are left out."""
    keys: dict[Rule, list[float]] = {
        "demand": [member.demand for member in members],
        "avoided_damage": [max(0.0, member.avoided) for member in members],
        "equal": [1.0 for _ in members],
    }
    for rule, own in keys.items():
        if math.fsum(own) > 0:
            yield rule, np.array(own)


def _ruled(
    rule: Rule,
    game: Game,
    members: Sequence[Member],
    gain: Floats,
    low: Floats,
    high: Floats,
) -> SharingRule:
    verdict = games.core_membership(game.low, game.high, gain)
    at_least, at_most = games.subsidy_range(game.low, game.high, gain)
    return SharingRule(
        rule=rule,
        members=shares_of(members, gain, low, high, float(game.low[-1])),
        core=verdict,
        leaving=_leaving(game, members, gain, certain=verdict == "outside"),
        contribution=Interval(low=at_least, value=at_least, high=at_most),
    )


def shares_of(
    members: Sequence[Member], gain: Floats, low: Floats, high: Floats, worth: float
) -> dict[str, MemberShare]:
    """What a rule gives each player, and what that lets it pay."""
    shares = {}
    for n, member in enumerate(members):
        pays = member.alone - float(gain[n]) - member.damage
        shares[member.id] = MemberShare(
            gain=Interval(low=float(low[n]), value=float(gain[n]), high=float(high[n])),
            share=float(gain[n]) / worth if abs(worth) > games.SPECK else None,
            pays_meur=pays,
            outlay_meur=member.outlay,
            transfer_meur=pays - member.outlay,
        )
    return shares


def _leaving(
    game: Game, members: Sequence[Member], gain: Floats, *, certain: bool
) -> tuple[Leaving, ...]:
    worths = game.low if certain else game.high
    least, most = games.excess(game.low, gain), games.excess(game.high, gain)
    return tuple(
        Leaving(members=_ids(members, mask), gain=float(least[mask]), most=float(most[mask]))
        for mask, _ in games.worst_coalitions(worths, gain, SHOWN)
    )


def core_of(game: Game, members: Sequence[Member]) -> Core:
    """Whether there is a share that every group would stay for, and the one it lacks least at."""
    found = games.least_core(game.low)
    low, high = games.least_core_range(game.low, game.high)
    at_least, at_most = games.stability_cost_range(game.low, game.high)
    return Core(
        empty=games.core_emptiness(game.low, game.high),
        least_core=Interval(low=low, value=found.value, high=high),
        members={member.id: float(x) for member, x in zip(members, found.payoff, strict=True)},
        binding=tuple(_ids(members, mask) for mask in found.binding),
        contribution=Interval(low=at_least, value=games.stability_cost(game.low)[0], high=at_most),
    )


def _ids(members: Sequence[Member], mask: int) -> tuple[str, ...]:
    return tuple(members[n].id for n in games.members(mask))
