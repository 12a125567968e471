"""What joint action is worth to companies, how it may be shared, and who would rather leave."""

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np

from models import results
from models.base import named
from models.files import Reading
from models.results import Coalition, Externality, FreeRider, Interval, Player, Sampling, Split
from optimizer import games
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.split import sharing
from optimizer.analyses.split.coalition_values import Costs, Play, from_below
from optimizer.analyses.split.options import SplitOptions
from optimizer.analyses.split.players import Seat, Table, table_of
from optimizer.analyses.split.subproblem import Answer, coalition, damage_of
from optimizer.model.commitment import Commitment, by_chance, outlay, planned_stock
from optimizer.model.instance import COMMON, Instance, group_of
from optimizer.solve import outcomes
from optimizer.solve.accounts import by_year
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import gap_of, is_within

TRACE_T = 1e-3
"""Tonnes that are not worth a line."""
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

    Raises NoGame without two companies, NoPlan if a limit was met before one of the coalitions had
    a plan and a bound, ScenarioError if the scenario does not allow what the game needs, and
    SolverError if the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    table = table_of(reading, options.mode)
    count, orders = len(table.seats), None
    if count > options.exact_up_to:
        orders = games.sample_orders(count, options.orders, options.seed)
        # Besides what orders ask for, each company alone, and all without one.
        singles = [1 << n for n in range(count)]
        masks = [*games.coalitions_of(orders), *singles, *(table.all & ~one for one in singles)]
    else:
        masks = list(range(1, 1 << count))
    game = Play(table, options)
    second_game = options.externality and orders is None
    game.hold(masks, CutPool() if pool is None else pool, second_game=second_game)
    costs = Costs(game.answers)
    without = outcomes.evaluate(table.instance, table.states, [Commitment()])[0].by_consumer
    plan = _joint_plan(table, game.answers[table.all], without)
    players = tuple(_player(table, n, costs, without) for n in range(count))
    core: results.Core | None = None
    sampling: Sampling | None = None
    if orders is None:
        rules, core = tuple(sharing.exact(costs, players, plan)), sharing.core_of(costs, players)
    else:
        rules = tuple(sharing.sampled(costs, players, plan, orders))
        sampling = Sampling(
            orders=len(orders), coalitions=len(costs), seed=options.seed, level=sharing.LEVEL
        )
    return Split(
        state=options.mode,
        set_aside=table.set_aside,
        players=players,
        coalitions=tuple(_coalitions(table, game, costs, without)),
        baseline=costs.baseline if 0 in game.answers else None,
        worth=costs.worth(table.all),
        plan=plan,
        rules=rules,
        core=core,
        free_riding=_free_riding(table, game, costs),
        externality=_externality(table, game, players),
        sampling=sampling,
        **head(Split, reading.case, title, variant, began, len(table.states), options.gap),
    )


def _player(table: Table, n: int, costs: Costs, without: Mapping[str, float]) -> Player:
    seat = table.seats[n]
    return Player(
        id=seat.id,
        name=seat.name,
        kind="state" if seat.is_state else "company",
        consumers=seat.consumers,
        demand_meur=_value_of_demand(table.instance, seat),
        without_plan=damage_of(seat, without),
        alone=costs[1 << n],
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


def _joint_plan(table: Table, answer: Answer, without: Mapping[str, float]) -> results.JointPlan:
    """What all do together, as a document; ``without`` is the damage if nobody does anything."""
    instance, plan = table.instance, answer.commitment
    stocks = {
        h: float(planned_stock(instance, plan, h).max()) * instance.lot_t[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    return results.JointPlan(
        projects=tuple(_projects(table, plan)),
        stocks_t={h: tonnes for h, tonnes in stocks.items() if tonnes > TRACE_T},
        damage={seat.id: damage_of(seat, answer.damage) for seat in table.seats},
        without_plan={seat.id: damage_of(seat, without) for seat in table.seats},
        outlay_meur=answer.cost,
        outlay_by_year_meur={
            f: by_year(instance, yearly)
            for f, yearly in outlay(instance, plan).items()
            if np.any(yearly != 0)
        },
        public_meur=math.fsum(answer.cost[f] for f in table.state.funders),
        objective=answer.found,
        bound=answer.bound,
        gap=gap_of(answer.found, answer.bound) or 0.0,
    )


def _projects(table: Table, plan: Commitment) -> Iterator[results.JointProject]:
    """What is built, who carries it, and for whom its output is reserved."""
    instance = table.instance
    groups = {group_of(f): f for seat in table.seats for f in seat.funders} | {COMMON: COMMON}
    ways = list(by_chance(instance, plan))
    years = {(year, p): None for _, _, own in ways for p, year in own.start.items()}
    for start, p in sorted(years, key=lambda pair: pair[0]):
        built = [(chance, own) for chance, _, own in ways if own.start.get(p) == start]
        likely = math.fsum(chance for chance, _ in built)
        shares: dict[str, float] = {}
        offtake: dict[str, float] = {}
        for chance, own in built:
            part = chance / likely if likely > 0 else 1 / len(built)
            held = {(f, i): x for (q, f, i), x in own.share.items() if q == p}
            terms = instance.instrument
            carried = [(f, x) for (f, i), x in held.items() if terms[f, i].carries_capex]
            for payer, x in (*carried, ("market", own.market.get(p, 0.0))):
                if x > 0:
                    shares[payer] = shares.get(payer, 0.0) + part * x
            for (q, g), x in own.offtake.items():
                if q == p:
                    offtake[groups[g]] = offtake.get(groups[g], 0.0) + part * x
        yield results.JointProject(
            id=p,
            name=named(instance.case.projects[p].name, p),
            start=start,
            probability=min(1.0, likely),
            capex_meur=instance.projects[p].capex,
            shares=shares,
            offtake=offtake,
        )


def _coalitions(
    table: Table, game: Play, costs: Costs, without: Mapping[str, float]
) -> Iterator[Coalition]:
    beside = None if game.beside_others is None else Costs(game.beside_others)
    for mask in sorted(costs, key=lambda mask: (mask.bit_count(), mask)):
        answer = game.answers[mask]
        funders, own = coalition(table, mask).counts
        yield Coalition(
            members=tuple(seat.id for seat in table.of(mask)),
            found=answer.found,
            bound=answer.bound,
            damage=math.fsum(answer.damage[u] for u in own),
            net_cost_meur=math.fsum(answer.cost[f] for f in funders),
            worth=costs.worth(mask),
            spillover=math.fsum(
                before - answer.damage[u] for u, before in without.items() if u not in own
            ),
            projects=answer.commitment.starts,
            worth_if_others_act=None if beside is None else beside.worth(mask),
            seconds=answer.seconds,
        )


def _free_riding(table: Table, game: Play, costs: Costs) -> dict[str, FreeRider]:
    riders = {}
    for n, answer in game.staying_out.items():
        seat, alone, others = table.seats[n], costs[1 << n], table.all & ~(1 << n)
        riders[seat.id] = FreeRider(
            others=costs.worth(others),
            idle=damage_of(seat, game.answers[others].damage),
            acting=from_below(answer.bound, answer.found),
            gain=Interval(
                low=alone.low - answer.found,
                value=alone.high - answer.found,
                high=alone.high - answer.bound,
            ),
        )
    return riders


def _externality(table: Table, game: Play, players: tuple[Player, ...]) -> Externality | None:
    if game.beside_others is None:
        return None
    costs = Costs(game.beside_others)
    gains = games.shapley(costs.game(len(players))[0])
    return Externality(
        alone={one.id: costs[1 << n] for n, one in enumerate(players)},
        worth=costs.worth(table.all),
        shapley={one.id: float(x) for one, x in zip(players, gains, strict=True)},
        core=sharing.core_of(costs, players),
    )
