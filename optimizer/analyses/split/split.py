"""What joint action is worth to companies, how it may be shared, and who would rather leave."""

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np

from models import results
from models.base import display_name
from models.files import LoadedScenario
from models.results import Coalition, Externality, FreeRider, Interval, Player, Sampling, Split
from optimizer import games
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.split import sharing_rules
from optimizer.analyses.split.coalition_values import (
    CoalitionCosts,
    CoalitionSolutions,
    interval_from_bound,
)
from optimizer.analyses.split.options import SplitOptions
from optimizer.analyses.split.players import CoalitionGame, GamePlayer, read_game
from optimizer.analyses.split.subproblem import QueryAnswer, coalition_query, player_damage
from optimizer.model.commitment import Commitment, expected_outlay, planned_stock, weighted_branches
from optimizer.model.instance import COMMON_GROUP, Instance, company_group
from optimizer.solve import outcomes
from optimizer.solve.accounts import values_by_year
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_gap_closed, relative_gap

MIN_STOCK_T = 1e-3
"""Tonnes that are not worth a line."""
DEFAULT_OPTIONS = SplitOptions()


def run_analysis(analysis_input: AnalysisInput, options: SplitOptions) -> AnalysisOutcome:
    """Share what the companies of a scenario gain together."""
    found = split_joint_gain(
        analysis_input.reading,
        options,
        pool=analysis_input.pool,
        title=analysis_input.title,
        variant=analysis_input.variant,
    )
    solved = all(is_gap_closed(own.found, own.bound, options.gap) for own in found.coalitions)
    return AnalysisOutcome(found, 0 if solved else 1)


def split_joint_gain(
    reading: LoadedScenario,
    options: SplitOptions = DEFAULT_OPTIONS,
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
    table = read_game(reading, options.mode)
    count, orders = len(table.players), None
    if count > options.exact_up_to:
        orders = games.sample_orders(count, options.orders, options.seed)
        # Besides what orders ask for, each company alone, and all without one.
        singles = [1 << n for n in range(count)]
        masks = [
            *games.coalitions_in_orders(orders),
            *singles,
            *(table.grand_coalition & ~one for one in singles),
        ]
    else:
        masks = list(range(1, 1 << count))
    game = CoalitionSolutions(table, options)
    second_game = options.externality and orders is None
    game.solve(masks, CutPool() if pool is None else pool, second_game=second_game)
    costs = CoalitionCosts(game.answers)
    without = outcomes.evaluate_commitments(table.instance, table.states, [Commitment()])[
        0
    ].damage_by_consumer
    plan = _joint_plan_result(table, game.answers[table.grand_coalition], without)
    players = tuple(_player_result(table, n, costs, without) for n in range(count))
    core: results.Core | None = None
    sampling: Sampling | None = None
    if orders is None:
        rules, core = (
            tuple(sharing_rules.exact_sharing_rules(costs, players, plan)),
            sharing_rules.compute_core(costs, players),
        )
    else:
        rules = tuple(sharing_rules.sampled_sharing_rules(costs, players, plan, orders))
        sampling = Sampling(
            orders=len(orders),
            coalitions=len(costs),
            seed=options.seed,
            level=sharing_rules.CONFIDENCE_LEVEL,
        )
    return Split(
        state=options.mode,
        set_aside=table.set_aside,
        players=players,
        coalitions=tuple(_coalition_results(table, game, costs, without)),
        baseline=costs.baseline if 0 in game.answers else None,
        worth=costs.worth(table.grand_coalition),
        plan=plan,
        rules=rules,
        core=core,
        free_riding=_free_riders(table, game, costs),
        externality=_externality_result(table, game, players),
        sampling=sampling,
        **common_result_fields(
            Split, reading.case, title, variant, began, len(table.states), options.gap
        ),
    )


def _player_result(
    coalition_game: CoalitionGame,
    index: int,
    costs: CoalitionCosts,
    damage_without_plan: Mapping[str, float],
) -> Player:
    seat = coalition_game.players[index]
    return Player(
        id=seat.id,
        name=seat.name,
        kind="state" if seat.is_state else "company",
        consumers=seat.consumers,
        demand_meur=_value_of_demand(coalition_game.instance, seat),
        without_plan=player_damage(seat, damage_without_plan),
        alone=costs[1 << index],
    )


def _value_of_demand(instance: Instance, player: GamePlayer) -> float:
    """Discounted million EUR at the prices of the scenario."""
    years, total = instance.years, 0.0
    for (u, m), lots in instance.demand.items():
        if u in player.consumers:
            price = instance.case.materials[m].price_eur_per_t
            yearly = np.array([float(price.at(year)) for year in years])
            tonnes = lots * instance.periods_per_year * instance.lot_tonnes[m]
            total += float(instance.discount_factor @ (tonnes * yearly)) / 1e6
    return total


def _joint_plan_result(
    coalition_game: CoalitionGame, answer: QueryAnswer, damage_without_plan: Mapping[str, float]
) -> results.JointPlan:
    """What all do together, as a document; ``without`` is the damage if nobody does anything."""
    instance, plan = coalition_game.instance, answer.commitment
    stocks = {
        h: float(planned_stock(instance, plan, h).max()) * instance.lot_tonnes[pile.material]
        for h, pile in instance.stockpiles.items()
    }
    return results.JointPlan(
        projects=tuple(_joint_projects(coalition_game, plan)),
        stocks_t={h: tonnes for h, tonnes in stocks.items() if tonnes > MIN_STOCK_T},
        damage={seat.id: player_damage(seat, answer.damage) for seat in coalition_game.players},
        without_plan={
            seat.id: player_damage(seat, damage_without_plan) for seat in coalition_game.players
        },
        outlay_meur=answer.net_cost,
        outlay_by_year_meur={
            f: values_by_year(instance, yearly)
            for f, yearly in expected_outlay(instance, plan).items()
            if np.any(yearly != 0)
        },
        public_meur=math.fsum(answer.net_cost[f] for f in coalition_game.state_player.funders),
        objective=answer.objective,
        bound=answer.bound,
        gap=relative_gap(answer.objective, answer.bound) or 0.0,
    )


def _joint_projects(
    coalition_game: CoalitionGame, plan: Commitment
) -> Iterator[results.JointProject]:
    """What is built, who carries it, and for whom its output is reserved."""
    instance = coalition_game.instance
    groups = {company_group(f): f for seat in coalition_game.players for f in seat.funders} | {
        COMMON_GROUP: COMMON_GROUP
    }
    ways = list(weighted_branches(instance, plan))
    years = {(year, p): None for _, _, own in ways for p, year in own.start.items()}
    for start, p in sorted(years, key=lambda pair: pair[0]):
        built = [(chance, own) for chance, _, own in ways if own.start.get(p) == start]
        likely = math.fsum(chance for chance, _ in built)
        shares: dict[str, float] = {}
        offtake: dict[str, float] = {}
        for chance, own in built:
            part = chance / likely if likely > 0 else 1 / len(built)
            held = {(f, i): x for (q, f, i), x in own.share.items() if q == p}
            terms = instance.instrument_by_key
            carried = [(f, x) for (f, i), x in held.items() if terms[f, i].carries_capex]
            for payer, x in (*carried, ("market", own.market.get(p, 0.0))):
                if x > 0:
                    shares[payer] = shares.get(payer, 0.0) + part * x
            for (q, g), x in own.offtake.items():
                if q == p:
                    offtake[groups[g]] = offtake.get(groups[g], 0.0) + part * x
        yield results.JointProject(
            id=p,
            name=display_name(instance.case.projects[p].name, p),
            start=start,
            probability=min(1.0, likely),
            capex_meur=instance.projects[p].capex,
            shares=shares,
            offtake=offtake,
        )


def _coalition_results(
    coalition_game: CoalitionGame,
    solutions: CoalitionSolutions,
    costs: CoalitionCosts,
    damage_without_plan: Mapping[str, float],
) -> Iterator[Coalition]:
    beside = (
        None
        if solutions.answers_if_others_act is None
        else CoalitionCosts(solutions.answers_if_others_act)
    )
    for mask in sorted(costs, key=lambda mask: (mask.bit_count(), mask)):
        answer = solutions.answers[mask]
        funders, own = coalition_query(coalition_game, mask).objective_parties
        yield Coalition(
            members=tuple(seat.id for seat in coalition_game.members_of(mask)),
            found=answer.objective,
            bound=answer.bound,
            damage=math.fsum(answer.damage[u] for u in own),
            net_cost_meur=math.fsum(answer.net_cost[f] for f in funders),
            worth=costs.worth(mask),
            spillover=math.fsum(
                before - answer.damage[u]
                for u, before in damage_without_plan.items()
                if u not in own
            ),
            projects=answer.commitment.earliest_starts,
            worth_if_others_act=None if beside is None else beside.worth(mask),
            seconds=answer.seconds,
        )


def _free_riders(
    coalition_game: CoalitionGame, solutions: CoalitionSolutions, costs: CoalitionCosts
) -> dict[str, FreeRider]:
    riders = {}
    for n, answer in solutions.staying_out_answers.items():
        seat, alone, others = (
            coalition_game.players[n],
            costs[1 << n],
            coalition_game.grand_coalition & ~(1 << n),
        )
        riders[seat.id] = FreeRider(
            others=costs.worth(others),
            idle=player_damage(seat, solutions.answers[others].damage),
            acting=interval_from_bound(answer.bound, answer.objective),
            gain=Interval(
                low=alone.low - answer.objective,
                value=alone.high - answer.objective,
                high=alone.high - answer.bound,
            ),
        )
    return riders


def _externality_result(
    coalition_game: CoalitionGame, solutions: CoalitionSolutions, players: tuple[Player, ...]
) -> Externality | None:
    if solutions.answers_if_others_act is None:
        return None
    costs = CoalitionCosts(solutions.answers_if_others_act)
    gains = games.shapley(costs.worth_bounds(len(players))[0])
    return Externality(
        alone={one.id: costs[1 << n] for n, one in enumerate(players)},
        worth=costs.worth(coalition_game.grand_coalition),
        shapley={one.id: float(x) for one, x in zip(players, gains, strict=True)},
        core=sharing_rules.compute_core(costs, players),
    )
