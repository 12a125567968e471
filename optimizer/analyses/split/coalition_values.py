"""All coalitions solved: what each could have, what outsiders leave to it, who stays out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.results import Interval
from optimizer import games
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.series import Series
from optimizer.analyses.split import subproblem
from optimizer.analyses.split.players import Table
from optimizer.analyses.split.subproblem import Answer, Asker, Quest, alone, coalition, settled_by
from optimizer.model.instance import Floats, Held
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import usual_jobs

STAYS_OUT = 1
ACTS_ALONE = 2
"""Second part of the key of a quest that is no coalition's."""


def from_below(low: float, high: float) -> Interval:
    """A figure of which a plan gives the upper end, and a bound the lower one."""
    return Interval(low=low, value=high, high=high)


class Costs(dict[int, Interval]):
    """What coalitions could have at best, by mask: damage plus net cost, from both sides, less what
    counts without any company, which is ``baseline``."""

    def __init__(self, answers: Mapping[int, Answer]) -> None:
        nobody = answers.get(0)  # it may be left out, if nothing counts there
        base = from_below(0.0, 0.0) if nobody is None else from_below(nobody.bound, nobody.found)
        super().__init__(
            (mask, from_below(answer.bound - base.high, answer.found - base.high))
            for mask, answer in answers.items()
            if mask
        )
        self.baseline = base

    def worth(self, mask: int) -> Interval:
        """What a coalition gains against its members alone; nothing for one alone."""
        if mask.bit_count() == 1:
            return from_below(0.0, 0.0)
        singles = [self[1 << n] for n in games.members(mask)]
        least = math.fsum(one.low for one in singles)
        greatest = math.fsum(one.high for one in singles)
        own = self[mask]
        return Interval(low=least - own.high, value=greatest - own.high, high=greatest - own.low)

    def game(self, players: int) -> tuple[Floats, Floats]:
        """(2^n) worths by mask where all coalitions were solved, against what each player has alone
        with the plan that was found: no less than the first, no more than the second; the first
        belong to the plans that were found."""
        least, greatest, together = np.zeros((3, 1 << players))
        for mask, cost in self.items():
            least[mask], greatest[mask] = cost.low, cost.high
        alone = np.array([greatest[1 << n] for n in range(players)])
        for mask in range(1 << players):
            together[mask] = alone[list(games.members(mask))].sum()
        return together - greatest, together - least


@dataclass(eq=False)
class Play:
    """Answers by mask, of the first game, of those who stay out, and of the second game."""

    table: Table
    options: SolveOptions
    answers: dict[int, Answer] = field(default_factory=dict)
    staying_out: dict[int, Answer] = field(default_factory=dict)
    """What a company does best if all others go on without it, by its number."""
    beside_others: dict[int, Answer] | None = None
    """What coalitions do if all others act alone; of those whose others do nothing, as before."""
    answered: int = 0
    asked: int = 0

    def hold(self, masks: Sequence[int], pool: CutPool, *, second_game: bool) -> None:
        """Solve coalitions, the one of all first, then the others side by side from its cuts.

        Raises NoPlan if a limit was met before one of them had a plan and a bound, and SolverError
        if the solver fails, or its answer fails the check.
        """
        table, options = self.table, self.options
        rest = sorted({*masks} - {table.all, 0}, key=lambda mask: (-mask.bit_count(), mask))
        everybody, nobody = coalition(table, table.all), coalition(table, 0)
        if any(nobody.counts):
            rest.append(0)
        self.asked = 1 + len(rest) + table.companies.bit_count()
        options.tell(0, self.asked, everybody.name)
        alike = (table.instance, table.states, options.gap, pool, options.time_limit)
        first = Asker(table, Series(*alike, threads=None, on_progress=options.on_progress))
        self.answers[table.all] = first(everybody)
        self._count(everybody, self.answers[table.all])
        usual = usual_jobs(table.instance, table.states)
        jobs = min(side_by_side(options.jobs, usual), len(rest))
        given = (table, options.gap, pool, options.time_limit)
        with Workers[Quest, Answer](subproblem.asker, given, jobs) as workers:
            found = workers.map([coalition(table, mask) for mask in rest], self._count)
            self.answers.update(zip(rest, found, strict=True))
            self._stay_out(workers)
            if second_game:
                self.beside_others = self._beside_others(workers)

    def _count(self, quest: Quest, _answer: Answer) -> None:
        self.answered += 1
        self.asked = max(self.asked, self.answered)
        self.options.tell(self.answered, self.asked, quest.name)

    def _stay_out(self, workers: Workers[Quest, Answer]) -> None:
        """What each company does best beside what all others do without it."""
        table, quests = self.table, []
        for n, seat in enumerate(table.seats):
            if not seat.is_state:
                others = coalition(table, table.all & ~(1 << n))
                plan = self.answers[others.key[0]].commitment
                settled = settled_by(table.instance, plan, others.acts)
                quests.append(alone(seat, (n, STAYS_OUT), settled))
        for answer in workers.map(quests, self._count):
            self.staying_out[answer.key[0]] = answer

    def _beside_others(self, workers: Workers[Quest, Answer]) -> dict[int, Answer]:
        """Coalitions once more, while each outsider does what is best for itself alone.

        Outsiders act one after the other, in the order of the file, each knowing what those before
        it have settled, and before the coalition does.
        """
        table, settled = self.table, self._acting_alone(workers)
        quests, kept = [], {}
        for mask, answer in self.answers.items():
            held = settled[table.all & ~mask]
            if held is None:
                kept[mask] = answer
            else:
                quests.append(coalition(table, mask, held))
        self.asked += len(quests)
        kept |= {answer.key[0]: answer for answer in workers.map(quests, self._count)}
        return kept

    def _acting_alone(self, workers: Workers[Quest, Answer]) -> dict[int, Held | None]:
        """What each set of outsiders settles; the last of a set joins what the others settled."""
        table = self.table
        settled: dict[int, Held | None] = {0: None}
        for size in range(1, len(table.seats) + 1):
            asked: dict[tuple[object, ...], Quest] = {}
            wanted: dict[int, tuple[object, ...]] = {}
            for mask in range(1, table.all + 1):
                if mask.bit_count() == size:
                    last = mask.bit_length() - 1
                    before = settled[mask & ~(1 << last)]
                    wanted[mask] = (last, _content(before))
                    quest = alone(table.seats[last], (last, ACTS_ALONE), before)
                    asked.setdefault(wanted[mask], quest)
            self.asked += len(asked)
            found = workers.map(list(asked.values()), self._count)
            answers = dict(zip(asked, found, strict=True))
            for mask, key in wanted.items():
                sticking = tuple(f for seat in table.of(mask) for f in seat.funders)
                settled[mask] = settled_by(table.instance, answers[key].commitment, sticking)
        return settled


def _content(held: Held | None) -> tuple[object, ...]:
    """What is settled, as a key: those who have settled nothing are as good as idle."""
    if held is None:
        return ()
    return (
        tuple(sorted(held.certain.items())),
        tuple(sorted(held.share.items())),
        tuple(sorted(item for item in held.offtake.items() if item[1] > 0)),
        tuple(sorted((h, tuple(lots)) for h, lots in held.buy.items() if np.any(lots > 0))),
        tuple(map(_content, held.paths)),
    )
