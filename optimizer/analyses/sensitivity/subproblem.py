"""One value of one input after the other: how the plan fares there, and whether another is better.

Every question starts from the cuts of the scenario as it is, whatever was asked before: answers
depend neither on their order nor on how many processes give them.
"""

import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

from models.results import BreakEven, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.frontier.summary import otherwise, stocks_held
from optimizer.analyses.sensitivity.looking import (
    Best,
    Decision,
    Look,
    Subject,
    beaten,
    best,
    decide,
    decided,
    look,
    regret,
)
from optimizer.model.commitment import Commitment, carried
from optimizer.model.instance import Instance
from optimizer.solve.decomposition import CutPool

Toward = Literal["low", "high"]
Rival = tuple[Instance, Commitment]
"""A plan that was better than the one that is asked about, and the instance it is of."""

WIDTH = 0.02
"""Share of an input's range to which break-evens are narrowed down."""


@dataclass(frozen=True)
class Quest:
    """An end of the range of an input, and how far its break-even is narrowed down."""

    assumption: Assumption
    toward: Toward
    steps: int
    """Values that are tried between base and end, at most; 0 seeks no break-even."""

    @property
    def end(self) -> float:
        """The value at the end."""
        return self.assumption.low if self.toward == "low" else self.assumption.high


class Reply(NamedTuple):
    """What was found at an end, and where the decision turns on the way there."""

    quest: Quest
    point: SensitivityPoint
    turn: BreakEven | None


@dataclass(eq=False)
class Examiner:
    """Answers one quest after the other."""

    subject: Subject

    def __call__(self, quest: Quest) -> Reply:
        """How the plan fares at an end, what is best there, and where that turns.

        Raises ScenarioError if the value does not fit, and as :func:`best` does.
        """
        began = time.perf_counter()
        subject, made = self.subject, quest.assumption
        seen = look(subject, made.settings(quest.end))
        instance = seen.problem.instance
        pool = subject.pool_for(instance)
        found = best(subject, seen, pool)
        decision = decided(subject, seen, found)
        if decision == "open" and pool is not None:
            decision, _ = decide(subject, seen, pool)
        turn = None
        if quest.steps > 0 and decision in ("changed", "broken"):
            rival = None if found.commitment is None else (instance, found.commitment)
            turn = self._turn(quest, decision, pool, rival)
        known, own = found.told(instance), subject.commitment
        held, changes = stocks_held(subject.instance, own), otherwise({}, {}, {}, {})
        # Plans that are equally good differ without a reason: that is not told.
        if known is not None and decision in ("changed", "broken"):
            changes = otherwise(own.start, known.projects, held, known.stocks_t)
        point = SensitivityPoint(
            value=quest.end,
            number=made.number(quest.end),
            status=found.status,
            own=seen.own,
            broken=seen.broken,
            best=known,
            regret=regret(seen, found),
            decision=decision,
            **vars(changes),
            seconds=time.perf_counter() - began,
        )
        return Reply(quest, point, turn)

    def _turn(
        self, quest: Quest, decision: Decision, pool: CutPool | None, rival: Rival | None
    ) -> BreakEven:
        """Halve the way from base to the end until it is narrow enough.

        The plan that was better last is tried first: one sweep tells, where it still is.
        """
        made = quest.assumption
        good, changed, tries = made.base, quest.end, 0
        narrow = max(WIDTH * (made.high - made.low), 1.0 if made.whole else 0.0)
        while abs(changed - good) > narrow and tries < quest.steps:
            middle = made.nearest((good + changed) / 2)
            seen = look(self.subject, made.settings(middle))
            outcome, rival, pool = self._ask(seen, rival, pool)
            tries += 1
            if outcome == "open":
                break
            if outcome == "same":
                good = middle
            else:
                changed, decision = middle, outcome
        return BreakEven(
            toward=quest.toward,
            good=good,
            changed=changed,
            good_number=made.number(good),
            changed_number=made.number(changed),
            reason="broken" if decision == "broken" else "better",
            narrow=abs(changed - good) <= narrow,
            tries=tries,
        )

    def _ask(
        self, seen: Look, rival: Rival | None, pool: CutPool | None
    ) -> tuple[Decision, Rival | None, CutPool | None]:
        """Whether the plan is still right, the plan that is better, and what is known then."""
        instance = seen.problem.instance
        other = None if rival is None else carried(rival[1], rival[0].lot_t, instance)
        if other is not None and not seen.broken and beaten(self.subject, seen, other):
            return "changed", rival, pool
        pool = None if pool is None else pool.for_problem(instance)
        outcome, found = decide(self.subject, seen, pool)
        if outcome == "changed" and found is not None and found.commitment is not None:
            rival = (instance, found.commitment)
        return outcome, rival, pool


class Figures(NamedTuple):
    """What was found at a point of a screen, at which every input has a value."""

    objective: float
    expected: float
    best: float | None = None
    bound: float | None = None


@dataclass(eq=False)
class Screener:
    """Looks at one point after the other."""

    subject: Subject
    resolve: bool
    """Whether the best plan is sought as well."""

    def __call__(self, settings: tuple[str, ...]) -> Figures:
        """The plan's objective and damage, and the objective of the best plan if asked for.

        Raises as :class:`Examiner` does.
        """
        seen = look(self.subject, settings)
        found = Best("none")
        if self.resolve:
            found = best(self.subject, seen, self.subject.pool_for(seen.problem.instance))
        return Figures(seen.objective, seen.outcome.expected, found.objective, found.bound)
