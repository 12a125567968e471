"""All coalitions solved: what each could have, what outsiders leave to it, who stays out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.results import Interval
from optimizer import games
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.problem_series import ProblemSeries
from optimizer.analyses.split import subproblem
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

STAYS_OUT = 1
ACTS_ALONE = 2
"""Second part of the key of a quest that is no coalition's."""


def interval_from_bound(low: float, high: float) -> Interval:
    """A figure of which a plan gives the upper end, and a bound the lower one."""
    return Interval(low=low, value=high, high=high)


class CoalitionCosts(dict[int, Interval]):
    """What coalitions could have at best, by mask: damage plus net cost, from both sides, less what
    counts without any company, which is ``baseline``."""

    def __init__(self, answers: Mapping[int, QueryAnswer]) -> None:
        nobody = answers.get(0)  # it may be left out, if nothing counts there
        base = (
            interval_from_bound(0.0, 0.0)
            if nobody is None
            else interval_from_bound(nobody.bound, nobody.objective)
        )
        super().__init__(
            (mask, interval_from_bound(answer.bound - base.high, answer.objective - base.high))
            for mask, answer in answers.items()
            if mask
        )
        self.baseline = base

    def worth(self, mask: int) -> Interval:
        """What a coalition gains against its members alone; nothing for one alone."""
        if mask.bit_count() == 1:
            return interval_from_bound(0.0, 0.0)
        singles = [self[1 << n] for n in games.coalition_members(mask)]
        least = math.fsum(one.low for one in singles)
        greatest = math.fsum(one.high for one in singles)
        own = self[mask]
        return Interval(low=least - own.high, value=greatest - own.high, high=greatest - own.low)

    def worth_bounds(self, player_count: int) -> tuple[Floats, Floats]:
        """(2^n) worths by mask where all coalitions were solved, against what each player has alone
        with the plan that was found: no less than the first, no more than the second; the first
        belong to the plans that were found."""
        least, greatest, together = np.zeros((3, 1 << player_count))
        for mask, cost in self.items():
            least[mask], greatest[mask] = cost.low, cost.high
        alone = np.array([greatest[1 << n] for n in range(player_count)])
        for mask in range(1 << player_count):
            together[mask] = alone[list(games.coalition_members(mask))].sum()
        return together - greatest, together - least


@dataclass(eq=False)
class CoalitionSolutions:
    """Answers by mask, of the first game, of those who stay out, and of the second game."""

    game: CoalitionGame
    options: SolveOptions
    answers: dict[int, QueryAnswer] = field(default_factory=dict)
    staying_out_answers: dict[int, QueryAnswer] = field(default_factory=dict)
    """What a company does best if all others go on without it, by its number."""
    answers_if_others_act: dict[int, QueryAnswer] | None = None
    """What coalitions do if all others act alone; of those whose others do nothing, as before."""
    answered_count: int = 0
    query_count: int = 0

    def solve(self, masks: Sequence[int], pool: CutPool, *, second_game: bool) -> None:
        """Solve coalitions, the one of all first, then the others side by side from its cuts.

        Raises NoPlan if a limit was met before one of them had a plan and a bound, and SolverError
        if the solver fails, or its answer fails the check.
        """
        table, options = self.game, self.options
        rest = sorted(
            {*masks} - {table.grand_coalition, 0}, key=lambda mask: (-mask.bit_count(), mask)
        )
        everybody, nobody = coalition_query(table, table.grand_coalition), coalition_query(table, 0)
        if any(nobody.objective_parties):
            rest.append(0)
        self.query_count = 1 + len(rest) + table.company_mask.bit_count()
        options.report_progress(0, self.query_count, everybody.name)
        alike = (table.instance, table.states, options.gap, pool, options.time_limit)
        first = CoalitionSolver(
            table, ProblemSeries(*alike, threads=None, on_progress=options.on_progress)
        )
        self.answers[table.grand_coalition] = first(everybody)
        self._report_progress(everybody, self.answers[table.grand_coalition])
        usual = default_jobs(table.instance, table.states)
        jobs = min(choose_worker_count(options.jobs, usual), len(rest))
        given = (table, options.gap, pool, options.time_limit)
        with Workers[CoalitionQuery, QueryAnswer](subproblem.create_solver, given, jobs) as workers:
            found = workers.map(
                [coalition_query(table, mask) for mask in rest], self._report_progress
            )
            self.answers.update(zip(rest, found, strict=True))
            self._solve_staying_out(workers)
            if second_game:
                self.answers_if_others_act = self._solve_if_others_act(workers)

    def _report_progress(self, query: CoalitionQuery, _answer: QueryAnswer) -> None:
        self.answered_count += 1
        self.query_count = max(self.query_count, self.answered_count)
        self.options.report_progress(self.answered_count, self.query_count, query.name)

    def _solve_staying_out(self, workers: Workers[CoalitionQuery, QueryAnswer]) -> None:
        """What each company does best beside what all others do without it."""
        table, quests = self.game, []
        for n, seat in enumerate(table.players):
            if not seat.is_state:
                others = coalition_query(table, table.grand_coalition & ~(1 << n))
                plan = self.answers[others.key[0]].commitment
                settled = decisions_fixed_by(table.instance, plan, others.acting_funders)
                quests.append(single_player_query(seat, (n, STAYS_OUT), settled))
        for answer in workers.map(quests, self._report_progress):
            self.staying_out_answers[answer.key[0]] = answer

    def _solve_if_others_act(
        self, workers: Workers[CoalitionQuery, QueryAnswer]
    ) -> dict[int, QueryAnswer]:
        """Coalitions once more, while each outsider does what is best for itself alone.

        Outsiders act one after the other, in the order of the file, each knowing what those before
        it have settled, and before the coalition does.
        """
        table, settled = self.game, self._solve_acting_alone(workers)
        quests, kept = [], {}
        for mask, answer in self.answers.items():
            held = settled[table.grand_coalition & ~mask]
            if held is None:
                kept[mask] = answer
            else:
                quests.append(coalition_query(table, mask, held))
        self.query_count += len(quests)
        kept |= {answer.key[0]: answer for answer in workers.map(quests, self._report_progress)}
        return kept

    def _solve_acting_alone(
        self, workers: Workers[CoalitionQuery, QueryAnswer]
    ) -> dict[int, FixedDecisions | None]:
        """What each set of outsiders settles; the last of a set joins what the others settled."""
        table = self.game
        settled: dict[int, FixedDecisions | None] = {0: None}
        for size in range(1, len(table.players) + 1):
            asked: dict[tuple[object, ...], CoalitionQuery] = {}
            wanted: dict[int, tuple[object, ...]] = {}
            for mask in range(1, table.grand_coalition + 1):
                if mask.bit_count() == size:
                    last = mask.bit_length() - 1
                    before = settled[mask & ~(1 << last)]
                    wanted[mask] = (last, _decisions_key(before))
                    quest = single_player_query(table.players[last], (last, ACTS_ALONE), before)
                    asked.setdefault(wanted[mask], quest)
            self.query_count += len(asked)
            found = workers.map(list(asked.values()), self._report_progress)
            answers = dict(zip(asked, found, strict=True))
            for mask, key in wanted.items():
                sticking = tuple(f for seat in table.members_of(mask) for f in seat.funders)
                settled[mask] = decisions_fixed_by(
                    table.instance, answers[key].commitment, sticking
                )
        return settled


def _decisions_key(fixed_decisions: FixedDecisions | None) -> tuple[object, ...]:
    """What is settled, as a key: those who have settled nothing are as good as idle."""
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
