"""One value of one input after the other: how the plan fares there, and whether another is better.

Every question starts from the cuts of the scenario as it is, whatever was asked before: answers
depend neither on their order nor on how many processes give them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from models.results import BreakEven, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.sensitivity.describing import point_of
from optimizer.analyses.sensitivity.looking import (
    Decision,
    Look,
    Subject,
    beaten,
    best,
    carried,
    decide,
    decided,
    look,
)
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.solve.decomposition import CutPool

Toward = Literal["low", "high"]


@dataclass(frozen=True)
class Quest:
    """An end of the range of an input, and how far its break-even is narrowed down."""

    assumption: Assumption
    toward: Toward
    steps: int
    """Values that are tried between base and end, at most."""
    width: float
    """Share of the range at which that ends."""

    @property
    def end(self) -> float:
        """The value at the end."""
        return self.assumption.low if self.toward == "low" else self.assumption.high


@dataclass(frozen=True, eq=False)
class Reply:
    """What was found at an end, and where the decision turns on the way there."""

    quest: Quest
    point: SensitivityPoint
    turn: BreakEven | None


@dataclass(frozen=True, eq=False)
class Rival:
    """A plan that was better than the one that is asked about, and the instance it is of."""

    instance: Instance
    commitment: Commitment


@dataclass(eq=False)
class Examiner:
    """Answers one quest after the other."""

    subject: Subject
    sought: bool = True
    """Whether break-evens are sought: only where the plan is right in the scenario as it is."""

    def __call__(self, quest: Quest) -> Reply:
        """How the plan fares at an end, what is best there, and where that turns.

        Raises
        ------
        ScenarioError
            If the value does not fit.
        Interrupted, SolverError
            As :func:`best` does.
        """
        began = time.perf_counter()
        subject = self.subject
        seen = look(subject, quest.assumption.settings(quest.end))
        pool = None if subject.pool is None else subject.pool.for_problem(seen.problem.instance)
        found = best(subject, seen, pool)
        decision = decided(subject, seen, found)
        if decision == "open" and pool is not None:
            decision, _ = decide(subject, seen, pool)
        turn = None
        if self.sought and quest.steps > 0 and decision in ("changed", "broken"):
            rival = (
                None if found.commitment is None else Rival(seen.problem.instance, found.commitment)
            )
            turn = self._turn(quest, decision, pool, rival)
        seconds = time.perf_counter() - began
        made, value = quest.assumption, quest.end
        return Reply(quest, point_of(subject, made, value, seen, found, decision, seconds), turn)

    def _turn(
        self, quest: Quest, decision: Decision, pool: CutPool | None, rival: Rival | None
    ) -> BreakEven:
        """Halve the way from base to the end until it is narrow enough.

        The plan that was better last is tried first: one sweep tells, where it still is.
        """
        made = quest.assumption
        good, changed, tries = made.base, quest.end, 0
        narrow = max(quest.width * (made.high - made.low), 1.0 if made.whole else 0.0)
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
        reason: Literal["better", "broken"] = "broken" if decision == "broken" else "better"
        return BreakEven(
            toward=quest.toward,
            good=good,
            changed=changed,
            good_number=made.number(good),
            changed_number=made.number(changed),
            reason=reason,
            narrow=abs(changed - good) <= narrow,
            tries=tries,
        )

    def _ask(
        self, seen: Look, rival: Rival | None, pool: CutPool | None
    ) -> tuple[Decision, Rival | None, CutPool | None]:
        """Whether the plan is still right, the plan that is better, and what is known then."""
        instance = seen.problem.instance
        if not seen.broken and rival is not None:
            other = carried(rival.commitment, rival.instance, instance)
            if beaten(self.subject, seen, other):
                return "changed", rival, pool
        pool = None if pool is None else pool.for_problem(instance)
        outcome, found = decide(self.subject, seen, pool)
        if outcome == "changed" and found is not None and found.commitment is not None:
            rival = Rival(instance, found.commitment)
        return outcome, rival, pool


def examiner(subject: Subject, sought: bool) -> Examiner:
    """One with a single thread, as a worker needs it."""
    return Examiner(subject, sought)


@dataclass(frozen=True)
class Sample:
    """A point of a screen: every input has a value."""

    settings: tuple[str, ...]
    resolve: bool


@dataclass(frozen=True)
class Figures:
    """What was found there."""

    objective: float
    expected: float
    best: float | None = None
    bound: float | None = None


@dataclass(eq=False)
class Screener:
    """Looks at one sample after the other."""

    subject: Subject

    def __call__(self, sample: Sample) -> Figures:
        """The plan's objective and damage, and the objective of the best plan if asked for.

        Raises as :class:`Examiner` does.
        """
        seen = look(self.subject, sample.settings)
        if not sample.resolve:
            return Figures(seen.objective, seen.outcome.expected)
        pool = self.subject.pool
        own = None if pool is None else pool.for_problem(seen.problem.instance)
        found = best(self.subject, seen, own)
        return Figures(seen.objective, seen.outcome.expected, found.objective, found.bound)


def screener(subject: Subject) -> Screener:
    """One with a single thread, as a worker needs it."""
    return Screener(subject)
