"""Costs and values of coalitions, while outsiders are idle, stay out, or act for themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.results import Interval
from optimizer import games
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.split.players import CoalitionGame
from optimizer.analyses.split.subproblem import (
    CoalitionQuery,
    CoalitionSolver,
    QueryAnswer,
    coalition_query,
    decisions_fixed_by,
    single_player_query,
)
from optimizer.model.instance import FixedDecisions, Floats
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import default_jobs
from optimizer.solve.session import Session, create_worker_solver

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
