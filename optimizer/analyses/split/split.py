"""What joint action is worth to companies, how it may be shared, and who would rather leave."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from models.files import Reading
from models.results import (
    Coalition,
    Core,
    Externality,
    FreeRider,
    Interval,
    Leaving,
    Player,
    Sampling,
    SharingRule,
    Split,
)
from models.results.split import Rule
from optimizer import games
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.split.coalition_values import Costs, Play, play
from optimizer.analyses.split.joint import joint_plan
from optimizer.analyses.split.options import SplitOptions
from optimizer.analyses.split.players import Seat, Table, table_of
from optimizer.analyses.split.sharing import (
    SHOWN,
    Game,
    Member,
    core_of,
    share_out,
    shares_of,
    simple_keys,
)
from optimizer.analyses.split.subproblem import Answer, coalition, damage_of
from optimizer.games.coalitions import Masks
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_within

LEVEL = 0.95
"""Of the confidence intervals of sampled values."""


USUAL = SplitOptions()


def run(given: Input, options: SplitOptions) -> Outcome:
    """Share what the companies of a scenario gain together."""
    found = split(given.reading, options, pool=given.pool, title=given.title, variant=given.variant)
    solved = all(is_within(own.found, own.bound, options.gap) for own in found.coalitions)
    return Outcome(found, 0 if solved else 1)


def split(
    reading: Reading,
    options: SplitOptions = USUAL,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Split:
    """The co-operative game of the companies of a scenario.

    The worth of a coalition is what its members' mean damage and net cost fall by when they act
    together, against each of them alone; outsiders start nothing and keep their market supply. All
    coalitions are solved up to ``exact_up_to`` players, else those that sampled orders of joining
    ask for (Castro, Gómez and Tejada 2009).

    Raises
    ------
    NoGame
        Without two companies.
    NoPlan
        If a limit was met before one of the coalitions had a plan and a bound.
    ScenarioError
        If the scenario does not allow what the game needs.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    table = table_of(reading, options.mode)
    players = len(table.seats)
    orders = None
    if players > options.exact_up_to:
        orders = games.sample_orders(players, options.orders, options.seed)
    masks = list(range(1, 1 << players)) if orders is None else _asked(table, orders)
    game = play(
        table,
        masks,
        options,
        second_game=options.externality and orders is None,
        pool=CutPool() if pool is None else pool,
    )
    costs = Costs.of(game.answers)
    without = outcomes.evaluate(table.instance, table.states, [Commitment()])[0].by_consumer
    everybody = game.answers[table.all]
    members = [_member(table, seat, n, everybody, costs, without) for n, seat in
               enumerate(table.seats)]  # fmt: skip
    exact = None if orders is not None else Game.of(costs, players)
    rules: tuple[SharingRule, ...]
    core: Core | None = None
    sampling: Sampling | None = None
    if exact is not None:
        rules, core = tuple(share_out(exact, members)), core_of(exact, members)
    else:
        assert orders is not None
        rules = tuple(_sampled(costs, orders, members, table.all))
        sampling = Sampling(
            orders=len(orders), coalitions=len(costs.high), seed=options.seed, level=LEVEL
        )
    return Split(
        state=options.mode,
        set_aside=table.set_aside,
        players=tuple(
            _player(table, seat, n, costs, member, without)
            for n, (seat, member) in enumerate(zip(table.seats, members, strict=True))
        ),
        coalitions=tuple(_coalitions(table, game, costs, without)),
        baseline=_baseline(costs) if 0 in game.answers else None,
        worth=_worth(costs, table.all),
        plan=joint_plan(table, everybody, without),
        rules=rules,
        core=core,
        free_riding=_free_riding(table, game, costs),
        externality=None if exact is None else _externality(table, game, members),
        sampling=sampling,
        **head(Split, reading.case, title, variant, began, len(table.states), options.gap),
    )


def _asked(table: Table, orders: Masks) -> list[int]:
    """Coalitions that sampled orders ask for, each company alone, and all without one."""
    singles = [1 << n for n in range(len(table.seats))]
    asked = {*games.coalitions_of(orders), *singles, *(table.all & ~one for one in singles)}
    return sorted(asked)


def _member(
    table: Table,
    seat: Seat,
    n: int,
    everybody: Answer,
    costs: Costs,
    without: Mapping[str, float],
) -> Member:
    damage = damage_of(seat, everybody.damage)
    return Member(
        seat.id,
        _value_of_demand(table.instance, seat),
        damage_of(seat, without) - damage,
        damage,
        math.fsum(everybody.cost[f] for f in seat.funders),
        costs.high[1 << n],
    )


def _value_of_demand(instance: Instance, seat: Seat) -> float:
    """Discounted million EUR at the prices of the scenario."""
    years, total = instance.years, 0.0
    for (u, m), lots in instance.demand.items():
        if u in seat.consumers:
            price = instance.case.materials[m].price_eur_per_t
            yearly = np.array([float(price.at(year)) for year in years])
            tonnes = lots * instance.per_year * instance.lot_t[m]
            total += float(instance.discount @ (tonnes * yearly)) / 1e6
    return total


def _player(
    table: Table, seat: Seat, n: int, costs: Costs, member: Member, without: Mapping[str, float]
) -> Player:
    return Player(
        id=seat.id,
        name=seat.name,
        kind="state" if seat.is_state else "company",
        consumers=seat.consumers,
        demand_meur=member.demand,
        without_plan=damage_of(seat, without),
        alone=_cost(costs, 1 << n),
    )


def _cost(costs: Costs, mask: int) -> Interval:
    return Interval(low=costs.low[mask], value=costs.high[mask], high=costs.high[mask])


def _baseline(costs: Costs) -> Interval:
    low, high = costs.baseline
    return Interval(low=low, value=high, high=high)


def _worth(costs: Costs, mask: int) -> Interval:
    """What a coalition gains against its members alone; nothing for one alone."""
    if mask.bit_count() == 1:
        return Interval(low=0.0, value=0.0, high=0.0)
    singles = [1 << n for n in games.members(mask)]
    least = math.fsum(costs.low[one] for one in singles)
    greatest = math.fsum(costs.high[one] for one in singles)
    return Interval(
        low=least - costs.high[mask],
        value=greatest - costs.high[mask],
        high=greatest - costs.low[mask],
    )


def _coalitions(
    table: Table, game: Play, costs: Costs, without: Mapping[str, float]
) -> Iterator[Coalition]:
    beside = None if game.beside_others is None else Costs.of(game.beside_others)
    for mask in sorted(costs.high, key=lambda mask: (mask.bit_count(), mask)):
        answer = game.answers[mask]
        funders, own = coalition(table, mask).counts
        yield Coalition(
            members=table.ids(mask),
            found=answer.found,
            bound=answer.bound,
            damage=math.fsum(answer.damage[u] for u in own),
            net_cost_meur=math.fsum(answer.cost[f] for f in funders),
            worth=_worth(costs, mask),
            spillover=math.fsum(
                before - answer.damage[u] for u, before in without.items() if u not in own
            ),
            projects=answer.commitment.start,
            worth_if_others_act=None if beside is None else _worth(beside, mask),
            seconds=answer.seconds,
        )


def _sampled(
    costs: Costs, orders: Masks, members: Sequence[Member], everybody: int
) -> Iterator[SharingRule]:
    """Rules that can be told without all coalitions, and which of those solved would leave."""
    alone = {mask: math.fsum(members[n].alone for n in games.members(mask)) for mask in costs.high}
    found = {mask: alone[mask] - cost for mask, cost in costs.high.items()}
    best = {mask: alone[mask] - cost for mask, cost in costs.low.items()}
    ends = {mask: (found[mask], best[mask]) for mask in found}
    estimate = games.shapley_from_orders(orders, found, LEVEL).estimate
    spread = games.shapley_from_orders(orders, ends, LEVEL)
    worth, most = found[everybody], best[everybody]
    shares: list[tuple[Rule, Floats, Floats, Floats]] = [
        ("shapley", estimate, spread.low, spread.high)
    ]
    for rule, keys in simple_keys(members):
        one = games.in_proportion(worth, keys)
        shares.append((rule, one, one, games.in_proportion(most, keys)))
    for rule, gain, low, high in shares:
        excess = {
            mask: value - math.fsum(gain[n] for n in games.members(mask))
            for mask, value in found.items()
            if mask != everybody
        }
        nothing = games.SPECK + games.TOLERANCE * max(map(abs, found.values()))
        leaving = sorted(
            (mask for mask, value in excess.items() if value > nothing),
            key=lambda mask: (-excess[mask], mask.bit_count(), mask),
        )
        yield SharingRule(
            rule=rule,
            members=shares_of(members, gain, low, high, worth),
            core="outside" if leaving else "undecided",
            leaving=tuple(
                Leaving(
                    members=tuple(members[n].id for n in games.members(mask)),
                    gain=excess[mask],
                    most=excess[mask] + best[mask] - found[mask],
                )
                for mask in leaving[:SHOWN]
            ),
            contribution=None,
        )


def _free_riding(table: Table, game: Play, costs: Costs) -> dict[str, FreeRider]:
    riders = {}
    for n, answer in game.staying_out.items():
        seat, others = table.seats[n], table.all & ~(1 << n)
        alone_low, alone_high = costs.low[1 << n], costs.high[1 << n]
        riders[seat.id] = FreeRider(
            others=_worth(costs, others),
            idle=damage_of(seat, game.answers[others].damage),
            acting=Interval(low=answer.bound, value=answer.found, high=answer.found),
            gain=Interval(
                low=alone_low - answer.found,
                value=alone_high - answer.found,
                high=alone_high - answer.bound,
            ),
        )
    return riders


def _externality(table: Table, game: Play, members: Sequence[Member]) -> Externality | None:
    if game.beside_others is None:
        return None
    costs = Costs.of(game.beside_others)
    second = Game.of(costs, len(members))
    gains = games.shapley(second.low)
    return Externality(
        alone={seat.id: _cost(costs, 1 << n) for n, seat in enumerate(table.seats)},
        worth=_worth(costs, table.all),
        shapley={member.id: float(x) for member, x in zip(members, gains, strict=True)},
        core=core_of(second, members),
    )
