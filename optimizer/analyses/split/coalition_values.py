"""Costs and values of coalitions, while outsiders are idle, stay out, or act for themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from models.base import display_name
from models.files import LoadedScenario
from models.language import tr
from models.results import Interval, PublicMoneyMode
from optimizer import games
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.saved_plan import fix_decisions
from optimizer.errors import Interrupted, NoPlan, VorratError
from optimizer.model.commitment import Commitment, net_cost_by_funder
from optimizer.model.instance import (
    FixedDecisions,
    Floats,
    Instance,
    change_perspective,
    read_instance,
)
from optimizer.model.states import State
from optimizer.model.user_rule_values import user_rule_values
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.problem import read_instance_and_states
from optimizer.solve.session import Session, create_worker_solver

STATE_ID = "state"
"""Id of the state as a player; ``state.`` if a company has this id, as ids contain no dots."""

MAX_PLAYERS = 62
"""A mask of 64 bits holds no more players."""


class NoCooperativeGame(VorratError):
    """Error: a scenario has no cooperative game."""

    exit_code = 2


@dataclass(frozen=True)
class GamePlayer:
    """A player of the game, with the funders and consumers that belong to it."""

    id: str
    name: str
    is_state: bool
    funders: tuple[str, ...]
    consumers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CoalitionGame:
    """The cooperative game of a scenario.

    A coalition is a bit mask over ``players``. The state is a player only if ``state_mode`` is
    ``player``. Private funders are not players: they take part in every coalition, and their cost
    is part of the coalition's cost.
    """

    instance: Instance
    states: tuple[State, ...]
    state_mode: PublicMoneyMode
    players: tuple[GamePlayer, ...]
    state_player: GamePlayer
    """All public funders, and the consumers that belong to no company."""
    set_aside: tuple[str, ...]
    """Duties of the scenario that no single coalition owes, by path."""

    @cached_property
    def grand_coalition(self) -> int:
        """The mask of the coalition of all players."""
        return (1 << len(self.players)) - 1

    @cached_property
    def company_mask(self) -> int:
        """The mask of the coalition of all companies."""
        return sum(1 << n for n, player in enumerate(self.players) if not player.is_state)

    def members_of(self, mask: int) -> tuple[GamePlayer, ...]:
        """Return the players in the coalition with this mask."""
        return tuple(player for n, player in enumerate(self.players) if mask >> n & 1)

    @cached_property
    def private_funders(self) -> tuple[str, ...]:
        """The ids of funders that are neither companies nor public."""
        return tuple(f for f, x in self.instance.case.funders.items() if x.kind == "private")

    def public_funders_act(self, mask: int) -> bool:
        """Return whether public funders take part in the coalition with this mask."""
        if self.state_mode == "player":
            return any(player.is_state for player in self.members_of(mask))
        return self.state_mode in ("every", "gift") or (
            self.state_mode == "joint" and mask == self.grand_coalition
        )


def read_game(loaded_scenario: LoadedScenario, mode: PublicMoneyMode) -> CoalitionGame:
    """Read the cooperative game of a scenario.

    Damage and cost have equal weight, supply is allocated to those who paid for it, and duties that
    no single coalition owes are set aside. Raises NoCooperativeGame if there are fewer than two
    companies or too many players, and ScenarioError if the scenario does not allow what the game
    requires, for example damage in money.
    """
    case = loaded_scenario.case
    stockpile_paths = [f"stockpiles.{h.id}.min_days_of_demand" for h in case.stockpiles
             if h.min_days_of_demand is not None]  # fmt: skip
    set_aside = {"policy.must_build": "[]"} if case.policy.must_build else {}
    if case.policy.max_country_share is not None:
        set_aside["policy.max_country_share"] = "null"
    set_aside |= dict.fromkeys(stockpile_paths, "null")
    # A plan without any decision has to keep what is left, since a coalition may have no other.
    without_plan = user_rule_values(read_instance(case), Commitment())
    owed = dict.fromkeys(x.row.rule for x in without_plan if x.is_broken)
    set_aside |= {f"policy.rules.{name}": "null" for name in owed}
    settings = ["objective.measure=damage", "objective.allocation=entitled",
                "objective.cost_weight=1", "objective.cvar.weight=0"]  # fmt: skip
    settings += [f"{path}={value}" for path, value in set_aside.items()]
    instance, states = read_instance_and_states(loaded_scenario.with_settings(settings).case)
    state, players = _state_player(instance), _company_players(instance)
    if mode == "player":
        players.append(state)
    return CoalitionGame(instance, states, mode, tuple(players), state, tuple(set_aside))


def _company_players(instance: Instance) -> list[GamePlayer]:
    case = instance.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if not 2 <= len(companies) < MAX_PLAYERS:
        raise NoCooperativeGame(
            f"A split needs 2 to {MAX_PLAYERS - 1} funders of kind company; "
            f"this scenario has {len(companies)}."
        )
    return [
        GamePlayer(
            f,
            display_name(case.funders[f].name, f),
            False,
            (f,),
            tuple(u for u, consumer in case.consumers.items() if consumer.company == f),
        )
        for f in companies
    ]


def _state_player(instance: Instance) -> GamePlayer:
    case = instance.case
    consumers = tuple(u for u, consumer in case.consumers.items() if consumer.company is None)
    id = f"{STATE_ID}." if STATE_ID in case.funders else STATE_ID
    return GamePlayer(id, tr("The state"), True, instance.public_funders, consumers)


@dataclass(frozen=True, eq=False)
class CoalitionQuery:
    """A request to find the best plan for a coalition or a single player.

    ``objective_parties`` are the funders and consumers whose cost and damage are in the objective.
    ``acting_funders`` are the funders that decide; all other funders are idle, or bound by
    ``fixed_decisions``.
    """

    key: tuple[int, ...]
    name: str
    objective_parties: tuple[tuple[str, ...], tuple[str, ...]]
    acting_funders: tuple[str, ...]
    fixed_decisions: FixedDecisions | None = None

    def build_instance(self, instance: Instance) -> Instance:
        """Return the instance with the objective and the acting funders of this query."""
        funders, consumers = self.objective_parties
        fixed_funders = (
            frozenset() if self.fixed_decisions is None else self.fixed_decisions.funders
        )
        return change_perspective(
            instance,
            damage_weights={u: float(u in consumers) for u in instance.case.consumers},
            cost_weights={f: float(f in funders) for f in instance.case.funders},
            inactive_funders=[
                f
                for f in instance.case.funders
                if f not in self.acting_funders and f not in fixed_funders
            ],
            fixed_decisions=self.fixed_decisions,
        )


@dataclass(frozen=True, eq=False)
class QueryAnswer:
    """The plan for a query, with its objective and bound; the optimum lies between the two."""

    key: tuple[int, ...]
    objective: float
    bound: float
    damage: dict[str, float]
    """Mean damage by consumer, of all consumers."""
    net_cost: dict[str, float]
    """Net cost by funder, idle ones included."""
    commitment: Commitment
    seconds: float


@dataclass(eq=False)
class CoalitionSolver:
    """Solver of the queries for coalitions, one after the other."""

    game: CoalitionGame
    session: Session

    def __post_init__(self) -> None:
        base_problem = Problem(self.game.instance, self.game.states, 0.0)
        self._base_problem = base_problem.with_recourse(self.session.threads)

    def __call__(self, query: CoalitionQuery) -> QueryAnswer:
        """Solve a query.

        Raises Interrupted if the user stopped the search, since the game has no result if a
        coalition is missing, and NoPlan if a limit was reached before there was a plan and a bound.
        """
        instance = query.build_instance(self.game.instance)
        answer = self.session.search(replace(self._base_problem, instance=instance))
        if answer.interrupted:
            raise Interrupted("stopped before all coalitions were solved")
        try:
            certified_plan = answer.certify()
        except NoPlan as error:
            raise NoPlan(f"{query.name}: {error}") from error
        bound = certified_plan.certificate.bound
        if bound is None:
            raise NoPlan(f"{query.name}: nothing was proven before the limit")
        return QueryAnswer(
            query.key,
            certified_plan.objective,
            min(bound, certified_plan.objective),
            certified_plan.with_plan.damage_by_consumer,
            net_cost_by_funder(certified_plan.instance, certified_plan.commitment),
            certified_plan.commitment,
            answer.seconds,
        )


def coalition_query(
    coalition_game: CoalitionGame, mask: int, fixed_decisions: FixedDecisions | None = None
) -> CoalitionQuery:
    """Return the query for the coalition with this mask; outsiders are idle or bound by
    ``fixed_decisions``."""
    members = coalition_game.members_of(mask)
    state_funders = (
        coalition_game.state_player.funders if coalition_game.public_funders_act(mask) else ()
    )
    funders = (
        tuple(f for player in members for f in player.funders) + coalition_game.private_funders
    )
    if coalition_game.state_mode == "every":
        funders += state_funders
    consumers = tuple(u for player in members for u in player.consumers)
    name = ", ".join(player.name for player in members) or coalition_game.state_player.name
    acting_funders = tuple(dict.fromkeys([*funders, *state_funders]))
    return CoalitionQuery((mask,), name, (funders, consumers), acting_funders, fixed_decisions)


def single_player_query(
    player: GamePlayer, key: tuple[int, ...], fixed_decisions: FixedDecisions | None
) -> CoalitionQuery:
    """Return the query of a player that acts for itself, given decisions of others."""
    return CoalitionQuery(
        key, player.name, (player.funders, player.consumers), player.funders, fixed_decisions
    )


def decisions_fixed_by(
    instance: Instance, commitment: Commitment, fixed_funders: tuple[str, ...]
) -> FixedDecisions | None:
    """Return the decisions of a commitment that these funders keep; None if they have none.

    Stockpiles that none of them pays for are left to the others. So is output for all consumers,
    except that of projects in the commitment.
    """
    fixed_decisions = fix_decisions(instance, commitment, fixed_funders, lambda plan: plan.start)
    has_decisions = any(
        branch.certain_starts or any(np.any(lots > 0) for lots in branch.buy.values())
        for branch in fixed_decisions.branches or (fixed_decisions,)
    )
    return fixed_decisions if has_decisions else None


def player_damage(player: GamePlayer, damage: Mapping[str, float]) -> float:
    """Return the total damage of a player's consumers; ``damage`` is by consumer."""
    return math.fsum(damage[u] for u in player.consumers)


STAYS_OUT = 1
ACTS_ALONE = 2
"""Second part of the key of a query for a single player; keys of coalitions have one part."""


def interval_from_bound(low: float, high: float) -> Interval:
    """Return the interval between a proven bound ``low`` and the objective ``high`` of a plan that
    was found."""
    return Interval(low=low, value=high, high=high)


class CoalitionCosts(dict[int, Interval]):
    """Cost (damage plus net cost) of each coalition by its mask, as an interval from bound to
    objective.

    The cost that counts even without any company, ``baseline``, is subtracted.
    """

    def __init__(self, answers: Mapping[int, QueryAnswer]) -> None:
        empty_answer = answers.get(0)  # absent if nothing counts in it
        baseline = (
            interval_from_bound(0.0, 0.0)
            if empty_answer is None
            else interval_from_bound(empty_answer.bound, empty_answer.objective)
        )
        super().__init__(
            (
                mask,
                interval_from_bound(answer.bound - baseline.high, answer.objective - baseline.high),
            )
            for mask, answer in answers.items()
            if mask
        )
        self.baseline = baseline

    def coalition_value(self, mask: int) -> Interval:
        """Return the gain of a coalition compared with each member alone, as an interval; 0 for a
        single player."""
        if mask.bit_count() == 1:
            return interval_from_bound(0.0, 0.0)
        member_costs = [self[1 << n] for n in games.coalition_members(mask)]
        sum_low = math.fsum(cost.low for cost in member_costs)
        sum_high = math.fsum(cost.high for cost in member_costs)
        coalition_cost = self[mask]
        return Interval(
            low=sum_low - coalition_cost.high,
            value=sum_high - coalition_cost.high,
            high=sum_high - coalition_cost.low,
        )

    def value_bounds(self, player_count: int) -> tuple[Floats, Floats]:
        """Return lower and upper bounds on the values of all coalitions, as two arrays (2^n)
        indexed by mask.

        All coalitions must have been solved. Values are relative to the plans that were found for
        each player alone, and the lower bounds are the values of the plans that were found for the
        coalitions.
        """
        low_costs, high_costs, sums_alone = np.zeros((3, 1 << player_count))
        for mask, cost in self.items():
            low_costs[mask], high_costs[mask] = cost.low, cost.high
        alone = np.array([high_costs[1 << n] for n in range(player_count)])
        for mask in range(1 << player_count):
            sums_alone[mask] = alone[list(games.coalition_members(mask))].sum()
        return sums_alone - high_costs, sums_alone - low_costs


@dataclass(eq=False)
class CoalitionSolutions:
    """Solutions of the coalitions by mask, in both games, and of the companies that stay out by
    their index.

    In the first game outsiders are idle; in the second, outsiders act for themselves.
    """

    game: CoalitionGame
    options: SolveOptions
    answers: dict[int, QueryAnswer] = field(default_factory=dict)
    staying_out_answers: dict[int, QueryAnswer] = field(default_factory=dict)
    """Best plan of a company if all others act without it, by its index."""
    answers_if_others_act: dict[int, QueryAnswer] | None = None
    """Answers of coalitions if outsiders act alone; unchanged where outsiders do nothing."""
    answered_count: int = 0
    query_count: int = 0

    def solve(self, masks: Sequence[int], pool: CutPool, *, second_game: bool) -> None:
        """Solve the grand coalition, then the other coalitions in parallel, starting from its cuts.

        With ``second_game``, coalitions are also solved with outsiders that act for themselves.
        Raises NoPlan if a limit was reached before one of the coalitions had a plan and a bound,
        and SolverError if the solver fails or its answer fails the check.
        """
        game, options = self.game, self.options
        other_masks = sorted(
            {*masks} - {game.grand_coalition, 0}, key=lambda mask: (-mask.bit_count(), mask)
        )
        grand_query = coalition_query(game, game.grand_coalition)
        empty_query = coalition_query(game, 0)
        if any(empty_query.objective_parties):
            other_masks.append(0)
        self.query_count = 1 + len(other_masks) + game.company_mask.bit_count()
        options.report_progress(0, self.query_count, grand_query.name)
        session = Session(pool=pool, **options.solver_options)
        self.answers[game.grand_coalition] = CoalitionSolver(game, session)(grand_query)
        self._report_progress(grand_query, self.answers[game.grand_coalition])
        usual_jobs = default_jobs(game.instance, game.states)
        jobs = min(choose_worker_count(options.jobs, usual_jobs), len(other_masks))
        with Workers[CoalitionQuery, QueryAnswer](
            create_worker_solver, (CoalitionSolver, game, session.for_worker()), jobs
        ) as workers:
            answers = workers.map(
                [coalition_query(game, mask) for mask in other_masks], self._report_progress
            )
            self.answers.update(zip(other_masks, answers, strict=True))
            self._solve_staying_out(workers)
            if second_game:
                self.answers_if_others_act = self._solve_if_others_act(workers)

    def _report_progress(self, query: CoalitionQuery, _answer: QueryAnswer) -> None:
        self.answered_count += 1
        self.query_count = max(self.query_count, self.answered_count)
        self.options.report_progress(self.answered_count, self.query_count, query.name)

    def _solve_staying_out(self, workers: Workers[CoalitionQuery, QueryAnswer]) -> None:
        """Solve for the best plan of each company that stays out while all others act together
        without it."""
        game, queries = self.game, []
        for n, player in enumerate(game.players):
            if not player.is_state:
                other_players = coalition_query(game, game.grand_coalition & ~(1 << n))
                plan = self.answers[other_players.key[0]].commitment
                fixed_decisions = decisions_fixed_by(
                    game.instance, plan, other_players.acting_funders
                )
                queries.append(single_player_query(player, (n, STAYS_OUT), fixed_decisions))
        for answer in workers.map(queries, self._report_progress):
            self.staying_out_answers[answer.key[0]] = answer

    def _solve_if_others_act(
        self, workers: Workers[CoalitionQuery, QueryAnswer]
    ) -> dict[int, QueryAnswer]:
        """Solve all coalitions again while each outsider does what is best for itself; return the
        answers by mask.

        Outsiders act before the coalition, one after the other in the order of the file; each knows
        the decisions of those before it.
        """
        game, decisions_by_mask = self.game, self._solve_acting_alone(workers)
        queries, answers = [], {}
        for mask, answer in self.answers.items():
            fixed_decisions = decisions_by_mask[game.grand_coalition & ~mask]
            if fixed_decisions is None:
                answers[mask] = answer
            else:
                queries.append(coalition_query(game, mask, fixed_decisions))
        self.query_count += len(queries)
        answers |= {answer.key[0]: answer for answer in workers.map(queries, self._report_progress)}
        return answers

    def _solve_acting_alone(
        self, workers: Workers[CoalitionQuery, QueryAnswer]
    ) -> dict[int, FixedDecisions | None]:
        """Return the decisions of each set of outsiders that act for themselves, by the mask of the
        set.

        The last member of a set acts after the others, and knows their decisions.
        """
        game = self.game
        decisions_by_mask: dict[int, FixedDecisions | None] = {0: None}
        for size in range(1, len(game.players) + 1):
            queries: dict[tuple[object, ...], CoalitionQuery] = {}
            query_key_by_mask: dict[int, tuple[object, ...]] = {}
            for mask in range(1, game.grand_coalition + 1):
                if mask.bit_count() == size:
                    last_player = mask.bit_length() - 1
                    earlier_decisions = decisions_by_mask[mask & ~(1 << last_player)]
                    query_key_by_mask[mask] = (last_player, _decisions_key(earlier_decisions))
                    query = single_player_query(
                        game.players[last_player], (last_player, ACTS_ALONE), earlier_decisions
                    )
                    queries.setdefault(query_key_by_mask[mask], query)
            self.query_count += len(queries)
            player_results = workers.map(list(queries.values()), self._report_progress)
            answers = dict(zip(queries, player_results, strict=True))
            for mask, key in query_key_by_mask.items():
                fixed_funders = tuple(f for player in game.members_of(mask) for f in player.funders)
                decisions_by_mask[mask] = decisions_fixed_by(
                    game.instance, answers[key].commitment, fixed_funders
                )
        return decisions_by_mask


def _decisions_key(fixed_decisions: FixedDecisions | None) -> tuple[object, ...]:
    """Return fixed decisions as a hashable key; it is empty if there are no decisions."""
    if fixed_decisions is None:
        return ()
    return (
        tuple(sorted(fixed_decisions.certain_starts.items())),
        tuple(sorted(fixed_decisions.share.items())),
        tuple(sorted(item for item in fixed_decisions.offtake.items() if item[1] > 0)),
        tuple(
            sorted((h, tuple(lots)) for h, lots in fixed_decisions.buy.items() if np.any(lots > 0))
        ),
        tuple(map(_decisions_key, fixed_decisions.branches)),
    )
