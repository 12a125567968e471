"""Joint gain of companies, rules to share it, and coalitions that would rather leave."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from models import results
from models.base import display_name
from models.files import LoadedScenario
from models.results import (
    BlockingCoalition,
    Coalition,
    Core,
    Externality,
    FreeRider,
    Interval,
    JointPlan,
    MemberShare,
    Player,
    Sampling,
    SharingRule,
    Split,
)
from models.results.split import SharingRuleName
from optimizer import games
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import SplitOptions
from optimizer.analyses.saved_plan import common_result_fields
from optimizer.analyses.split.coalition_values import (
    CoalitionCosts,
    CoalitionGame,
    CoalitionSolutions,
    GamePlayer,
    QueryAnswer,
    coalition_query,
    interval_from_bound,
    player_damage,
    read_game,
)
from optimizer.games.coalitions import Masks
from optimizer.model.commitment import Commitment, expected_outlay, planned_stock, weighted_branches
from optimizer.model.instance import COMMON_GROUP, Floats, Instance, company_group
from optimizer.solve import outcomes
from optimizer.solve.accounts import values_by_year
from optimizer.solve.decomposition import CutPool
from optimizer.solve.solver_result import is_gap_closed, relative_gap

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
        rules = tuple(exact_sharing_rules(costs, players, plan))
        core = compute_core(costs, players)
    else:
        rules = tuple(sampled_sharing_rules(costs, players, plan, orders))
        sampling = Sampling(
            orders=len(orders), coalitions=len(costs), seed=options.seed, level=CONFIDENCE_LEVEL
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
        core=compute_core(costs, players),
    )
