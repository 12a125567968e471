"""Joint gain of companies, rules to share it, and coalitions that would rather leave."""

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
"""Stocks below this many tonnes are not listed."""
DEFAULT_OPTIONS = SplitOptions()


def run_analysis(analysis_input: AnalysisInput, options: SplitOptions) -> AnalysisOutcome:
    """Run the command that shares the joint gain of the companies of a scenario."""
    result = split_joint_gain(
        analysis_input.reading, options, pool=analysis_input.pool, **analysis_input.labels
    )
    is_solved = all(is_gap_closed(x.found, x.bound, options.gap) for x in result.coalitions)
    return AnalysisOutcome(result, 0 if is_solved else 1)


def split_joint_gain(
    loaded_scenario: LoadedScenario,
    options: SplitOptions = DEFAULT_OPTIONS,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Split:
    """Solve the cooperative game of the companies of a scenario, and share their joint gain.

    The value of a coalition is the reduction of its members' mean damage and net cost if they act
    together, compared with each of them alone; outsiders start nothing and keep their market
    supply. All coalitions are solved if there are at most ``exact_up_to`` players; otherwise only
    the coalitions that sampled orders of joining require (Castro, Gómez and Tejada 2009).

    Raises NoCooperativeGame if there are too few or too many companies, NoPlan if a limit was
    reached before one of the coalitions had a plan and a bound, ScenarioError if the scenario does
    not allow what the game requires, and SolverError if the solver fails or its answer fails the
    check.
    """
    started_at = time.perf_counter()
    game = read_game(loaded_scenario, options.mode)
    player_count, orders = len(game.players), None
    if player_count > options.exact_up_to:
        orders = games.sample_orders(player_count, options.orders, options.seed)
        # In addition to the sampled orders: each company alone, and all without one.
        singles = [1 << n for n in range(player_count)]
        masks = [
            *games.coalitions_in_orders(orders),
            *singles,
            *(game.grand_coalition & ~mask for mask in singles),
        ]
    else:
        masks = list(range(1, 1 << player_count))
    solutions = CoalitionSolutions(game, options)
    second_game = options.externality and orders is None
    solutions.solve(masks, CutPool() if pool is None else pool, second_game=second_game)
    costs = CoalitionCosts(solutions.answers)
    damage_without_plan = outcomes.evaluate_commitments(game.instance, game.states, [Commitment()])[
        0
    ].damage_by_consumer
    plan = _joint_plan_result(game, solutions.answers[game.grand_coalition], damage_without_plan)
    players = tuple(
        _player_result(game, n, costs, damage_without_plan) for n in range(player_count)
    )
    core: results.Core | None = None
    sampling: Sampling | None = None
    if orders is None:
        rules = tuple(sharing_rules.exact_sharing_rules(costs, players, plan))
        core = sharing_rules.compute_core(costs, players)
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
        set_aside=game.set_aside,
        players=players,
        coalitions=tuple(_coalition_results(game, solutions, costs, damage_without_plan)),
        baseline=costs.baseline if 0 in solutions.answers else None,
        worth=costs.coalition_value(game.grand_coalition),
        plan=plan,
        rules=rules,
        core=core,
        free_riding=_free_riders(game, solutions, costs),
        externality=_externality_result(game, solutions, players),
        sampling=sampling,
        **common_result_fields(
            Split, loaded_scenario.case, title, variant, started_at, len(game.states), options.gap
        ),
    )


def _player_result(
    coalition_game: CoalitionGame,
    index: int,
    costs: CoalitionCosts,
    damage_without_plan: Mapping[str, float],
) -> Player:
    player = coalition_game.players[index]
    return Player(
        id=player.id,
        name=player.name,
        kind="state" if player.is_state else "company",
        consumers=player.consumers,
        demand_meur=_value_of_demand(coalition_game.instance, player),
        without_plan=player_damage(player, damage_without_plan),
        alone=costs[1 << index],
    )


def _value_of_demand(instance: Instance, player: GamePlayer) -> float:
    """Return the discounted value of a player's demand at the scenario's prices, in million EUR."""
    years, total_value = instance.years, 0.0
    for (u, m), lots in instance.demand.items():
        if u in player.consumers:
            price = instance.case.materials[m].price_eur_per_t
            yearly_prices = np.array([float(price.at(year)) for year in years])
            tonnes = lots * instance.periods_per_year * instance.lot_tonnes[m]
            total_value += float(instance.discount_factor @ (tonnes * yearly_prices)) / 1e6
    return total_value


def _joint_plan_result(
    coalition_game: CoalitionGame, answer: QueryAnswer, damage_without_plan: Mapping[str, float]
) -> results.JointPlan:
    """Return the plan of the grand coalition as a result."""
    instance, plan = coalition_game.instance, answer.commitment
    stocks = {
        h: float(planned_stock(instance, plan, h).max()) * instance.lot_tonnes[stockpile.material]
        for h, stockpile in instance.stockpiles.items()
    }
    return results.JointPlan(
        projects=tuple(_joint_projects(coalition_game, plan)),
        stocks_t={h: tonnes for h, tonnes in stocks.items() if tonnes > MIN_STOCK_T},
        damage={x.id: player_damage(x, answer.damage) for x in coalition_game.players},
        without_plan={
            player.id: player_damage(player, damage_without_plan)
            for player in coalition_game.players
        },
        outlay_meur=answer.net_cost,
        outlay_by_year_meur={
            f: values_by_year(instance, outlay_by_year)
            for f, outlay_by_year in expected_outlay(instance, plan).items()
            if np.any(outlay_by_year != 0)
        },
        public_meur=math.fsum(answer.net_cost[f] for f in coalition_game.state_player.funders),
        objective=answer.objective,
        bound=answer.bound,
        gap=relative_gap(answer.objective, answer.bound) or 0.0,
    )


def _joint_projects(
    coalition_game: CoalitionGame, plan: Commitment
) -> Iterator[results.JointProject]:
    """Yield the projects of the joint plan, with the shares of those who carry capex and of those
    who receive output."""
    instance = coalition_game.instance
    groups = {company_group(f): f for player in coalition_game.players for f in player.funders} | {
        COMMON_GROUP: COMMON_GROUP
    }
    branches = list(weighted_branches(instance, plan))
    starts = {
        (year, p): None for _, _, decisions in branches for p, year in decisions.start.items()
    }
    for start_year, p in sorted(starts, key=lambda pair: pair[0]):
        built = [
            (probability, decisions)
            for probability, _, decisions in branches
            if decisions.start.get(p) == start_year
        ]
        total_probability = math.fsum(probability for probability, _ in built)
        share_by_player: dict[str, float] = {}
        offtake: dict[str, float] = {}
        for probability, decisions in built:
            weight = probability / total_probability if total_probability > 0 else 1 / len(built)
            instrument_shares = {(f, i): x for (q, f, i), x in decisions.share.items() if q == p}
            instruments = instance.instrument_by_key
            carried = [
                (f, x) for (f, i), x in instrument_shares.items() if instruments[f, i].carries_capex
            ]
            for payer, x in (*carried, ("market", decisions.market.get(p, 0.0))):
                if x > 0:
                    share_by_player[payer] = share_by_player.get(payer, 0.0) + weight * x
            for (q, offtake_group), x in decisions.offtake.items():
                if q == p:
                    offtake[groups[offtake_group]] = (
                        offtake.get(groups[offtake_group], 0.0) + weight * x
                    )
        yield results.JointProject(
            id=p,
            name=display_name(instance.case.projects[p].name, p),
            start=start_year,
            probability=min(1.0, total_probability),
            capex_meur=instance.projects[p].capex,
            shares=share_by_player,
            offtake=offtake,
        )


def _coalition_results(
    coalition_game: CoalitionGame,
    solutions: CoalitionSolutions,
    costs: CoalitionCosts,
    damage_without_plan: Mapping[str, float],
) -> Iterator[Coalition]:
    costs_if_others_act = (
        None
        if solutions.answers_if_others_act is None
        else CoalitionCosts(solutions.answers_if_others_act)
    )
    for mask in sorted(costs, key=lambda mask: (mask.bit_count(), mask)):
        answer = solutions.answers[mask]
        funders, consumers = coalition_query(coalition_game, mask).objective_parties
        yield Coalition(
            members=tuple(player.id for player in coalition_game.members_of(mask)),
            found=answer.objective,
            bound=answer.bound,
            damage=math.fsum(answer.damage[u] for u in consumers),
            net_cost_meur=math.fsum(answer.net_cost[f] for f in funders),
            worth=costs.coalition_value(mask),
            spillover=math.fsum(
                damage_before - answer.damage[u]
                for u, damage_before in damage_without_plan.items()
                if u not in consumers
            ),
            projects=answer.commitment.earliest_starts,
            worth_if_others_act=None
            if costs_if_others_act is None
            else costs_if_others_act.coalition_value(mask),
            seconds=answer.seconds,
        )


def _free_riders(
    coalition_game: CoalitionGame, solutions: CoalitionSolutions, costs: CoalitionCosts
) -> dict[str, FreeRider]:
    riders = {}
    for n, answer in solutions.staying_out_answers.items():
        player = coalition_game.players[n]
        alone = costs[1 << n]
        other_players = coalition_game.grand_coalition & ~(1 << n)
        riders[player.id] = FreeRider(
            others=costs.coalition_value(other_players),
            idle=player_damage(player, solutions.answers[other_players].damage),
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
    gains = games.shapley(costs.value_bounds(len(players))[0])
    return Externality(
        alone={player.id: costs[1 << n] for n, player in enumerate(players)},
        worth=costs.coalition_value(coalition_game.grand_coalition),
        shapley={player.id: float(x) for player, x in zip(players, gains, strict=True)},
        core=sharing_rules.compute_core(costs, players),
    )
