"""All coalitions solved: what each could have, what outsiders leave to it, who stays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from optimizer.analyses.options import SolveOptions
from optimizer.analyses.series import Series
from optimizer.analyses.split.players import Table
from optimizer.analyses.split.subproblem import (
    Answer,
    Asker,
    Quest,
    alone,
    asker,
    coalition,
    settled_by,
)
from optimizer.model.instance import Floats, Held
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import usual_jobs

STAYS_OUT = 1
ACTS_ALONE = 2
"""Second part of the key of a quest that is no coalition's."""


@dataclass(frozen=True, eq=False)
class Costs:
    """What coalitions could have at best: damage plus net cost, from both sides.

    ``low`` and ``high`` are by mask, less what counts without any company: ``baseline``.
    """

    low: dict[int, float]
    high: dict[int, float]
    baseline: tuple[float, float]

    @classmethod
    def of(cls, answers: dict[int, Answer]) -> Costs:
        """From the answers by mask; that of nobody may be left out, if nothing counts there."""
        nobody = answers.get(0)
        base = (0.0, 0.0) if nobody is None else (nobody.bound, nobody.found)
        own = {mask: answer for mask, answer in answers.items() if mask}
        return cls(
            {mask: answer.bound - base[1] for mask, answer in own.items()},
            {mask: answer.found - base[1] for mask, answer in own.items()},
            base,
        )

    def arrays(self, players: int) -> tuple[Floats, Floats]:
        """(2^n) least and greatest cost by mask, where all coalitions were solved."""
        low, high = np.zeros(1 << players), np.zeros(1 << players)
        for mask, value in self.low.items():
            low[mask], high[mask] = value, self.high[mask]
        return low, high


@dataclass(eq=False)
class Play:
    """Answers by mask, of the first game, of those who stay out, and of the second game."""

    table: Table
    answers: dict[int, Answer] = field(default_factory=dict)
    staying_out: dict[int, Answer] = field(default_factory=dict)
    """What a company does best if all others go on without it, by its number."""
    beside_others: dict[int, Answer] | None = None
    """What coalitions do if all others act alone; of those whose others do nothing, as before."""

    @property
    def counts_without_companies(self) -> bool:
        """Whether anything counts when no player acts."""
        return bool(coalition(self.table, 0).counts[0] or coalition(self.table, 0).counts[1])


def play(
    table: Table, masks: Sequence[int], options: SolveOptions, *, second_game: bool, pool: CutPool
) -> Play:
    """Solve coalitions, the one of all first, then the others side by side from its cuts.

    Raises
    ------
    NoPlan
        If a limit was met before one of them had a plan and a bound.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    game = Play(table)
    alike = (table.instance, table.states, options.gap, pool, options.time_limit)
    first = Asker(table, Series(*alike, threads=None, on_progress=options.on_progress))
    rest = sorted({*masks} - {table.all, 0}, key=lambda mask: (-mask.bit_count(), mask))
    if game.counts_without_companies:
        rest.append(0)
    count = _Count(options, 1 + len(rest) + table.companies.bit_count())
    count.next(coalition(table, table.all))
    game.answers[table.all] = first(coalition(table, table.all))
    count.done(coalition(table, table.all), game.answers[table.all])
    usual = usual_jobs(table.instance, table.states)
    jobs = min(side_by_side(options.jobs, usual), len(rest))
    given = (table, options.gap, pool, options.time_limit)
    with Workers[Quest, Answer](asker, given, jobs) as workers:
        found = workers.map([coalition(table, mask) for mask in rest], count.done)
        game.answers.update(zip(rest, found, strict=True))
        _stay_out(game, workers, count)
        if second_game:
            game.beside_others = _beside_others(game, workers, count)
    return game


@dataclass(eq=False)
class _Count:
    """How many quests are answered, of how many."""

    options: SolveOptions
    of: int
    answered: int = 0

    def next(self, quest: Quest) -> None:
        """Say what comes next."""
        self.options.tell(self.answered, self.of, quest.name)

    def done(self, quest: Quest, _answer: Answer) -> None:
        """Count one that is answered."""
        self.answered += 1
        self.of = max(self.of, self.answered)
        self.next(quest)


def _stay_out(game: Play, workers: Workers[Quest, Answer], count: _Count) -> None:
    """What each company does best beside what all others do without it."""
    table, quests = game.table, []
    for n, seat in enumerate(table.seats):
        if seat.is_state:
            continue
        others = table.all & ~(1 << n)
        settled = settled_by(
            table.instance, game.answers[others].commitment, coalition(table, others).acts
        )
        quests.append(alone(table, seat, (n, STAYS_OUT), settled))
    for answer in workers.map(quests, count.done):
        game.staying_out[answer.key[0]] = answer


# The second game


def _beside_others(game: Play, workers: Workers[Quest, Answer], count: _Count) -> dict[int, Answer]:
    """Coalitions once more, while each outsider does what is best for itself alone.

    Outsiders act one after the other, in the order of the file, each knowing what those before it
    have settled, and before the coalition does.
    """
    table = game.table
    settled = _acting_alone(game, workers, count)
    quests, kept = [], {}
    for mask in game.answers:
        held = settled[table.all & ~mask]
        if held is None:
            kept[mask] = game.answers[mask]
        else:
            quests.append(coalition(table, mask, held))
    count.of += len(quests)
    for quest, answer in zip(quests, workers.map(quests, count.done), strict=True):
        kept[quest.key[0]] = answer
    return kept


def _acting_alone(
    game: Play, workers: Workers[Quest, Answer], count: _Count
) -> dict[int, Held | None]:
    """What each set of outsiders settles; of each set the last joins what the others settled."""
    table = game.table
    settled: dict[int, Held | None] = {0: None}
    for size in range(1, len(table.seats) + 1):
        asked: dict[tuple[object, ...], Quest] = {}
        wanted: dict[int, tuple[object, ...]] = {}
        for mask in range(1, table.all + 1):
            if mask.bit_count() == size:
                last = mask.bit_length() - 1
                before = settled[mask & ~(1 << last)]
                wanted[mask] = (last, _content(before))
                quest = alone(table, table.seats[last], (last, ACTS_ALONE), before)
                asked.setdefault(wanted[mask], quest)
        count.of += len(asked)
        answers = dict(zip(asked, workers.map(list(asked.values()), count.done), strict=True))
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
    )
