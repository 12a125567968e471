"""One value of one input after the other: how the plan fares there, and whether another is better.

Every question starts from the cuts of the scenario as it is, whatever was asked before: answers
depend neither on their order nor on how many processes give them.
"""

import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

from models.results import BreakEven, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.frontier.summary import diff_plans, largest_stocks
from optimizer.analyses.sensitivity.plan_evaluation import (
    BestKnownPlan,
    Decision,
    PlanAtValues,
    StudiedPlan,
    classify_decision,
    compute_regret,
    evaluate_plan,
    find_best_plan,
    is_beaten_by,
    solve_decision,
)
from optimizer.model.commitment import Commitment, convert_lots
from optimizer.model.instance import Instance
from optimizer.solve.decomposition import CutPool

RangeEnd = Literal["low", "high"]
RivalPlan = tuple[Instance, Commitment]
"""A plan that was better than the one that is asked about, and the instance it is of."""

BREAK_EVEN_WIDTH = 0.02
"""Share of an input's range to which break-evens are narrowed down."""


@dataclass(frozen=True)
class InputQuery:
    """An end of the range of an input, and how far its break-even is narrowed down."""

    assumption: Assumption
    range_end: RangeEnd
    steps: int
    """Values that are tried between base and end, at most; 0 seeks no break-even."""

    @property
    def end_value(self) -> float:
        """The value at the end."""
        return self.assumption.low if self.range_end == "low" else self.assumption.high


class InputReply(NamedTuple):
    """What was found at an end, and where the decision turns on the way there."""

    quest: InputQuery
    point: SensitivityPoint
    break_even: BreakEven | None


@dataclass(eq=False)
class InputSolver:
    """Answers one quest after the other."""

    studied_plan: StudiedPlan

    def __call__(self, query: InputQuery) -> InputReply:
        """How the plan fares at an end, what is best there, and where that turns.

        Raises ScenarioError if the value does not fit, and as :func:`best` does.
        """
        began = time.perf_counter()
        subject, made = self.studied_plan, query.assumption
        seen = evaluate_plan(subject, made.settings_at(query.end_value))
        instance = seen.problem.instance
        pool = subject.pool_for(instance)
        found = find_best_plan(subject, seen, pool)
        decision = classify_decision(subject, seen, found)
        if decision == "open" and pool is not None:
            decision, _ = solve_decision(subject, seen, pool)
        turn = None
        if query.steps > 0 and decision in ("changed", "broken"):
            rival = None if found.commitment is None else (instance, found.commitment)
            turn = self._find_break_even(query, decision, pool, rival)
        known, own = found.to_best_outcome(instance), subject.commitment
        held, changes = largest_stocks(subject.instance, own), diff_plans({}, {}, {}, {})
        # Plans that are equally good differ without a reason: that is not told.
        if known is not None and decision in ("changed", "broken"):
            changes = diff_plans(own.start, known.projects, held, known.stocks_t)
        point = SensitivityPoint(
            value=query.end_value,
            number=made.single_number_at(query.end_value),
            status=found.status,
            own=seen.own_outcome,
            broken=seen.broken_rules,
            best=known,
            regret=compute_regret(seen, found),
            decision=decision,
            **vars(changes),
            seconds=time.perf_counter() - began,
        )
        return InputReply(query, point, turn)

    def _find_break_even(
        self, query: InputQuery, decision: Decision, pool: CutPool | None, rival: RivalPlan | None
    ) -> BreakEven:
        """Halve the way from base to the end until it is narrow enough.

        The plan that was better last is tried first: one sweep tells, where it still is.
        """
        made = query.assumption
        good, changed, tries = made.base, query.end_value, 0
        narrow = max(BREAK_EVEN_WIDTH * (made.high - made.low), 1.0 if made.is_integer else 0.0)
        while abs(changed - good) > narrow and tries < query.steps:
            middle = made.nearest_valid_value((good + changed) / 2)
            seen = evaluate_plan(self.studied_plan, made.settings_at(middle))
            outcome, rival, pool = self._decide_at(seen, rival, pool)
            tries += 1
            if outcome == "open":
                break
            if outcome == "same":
                good = middle
            else:
                changed, decision = middle, outcome
        return BreakEven(
            toward=query.range_end,
            good=good,
            changed=changed,
            good_number=made.single_number_at(good),
            changed_number=made.single_number_at(changed),
            reason="broken" if decision == "broken" else "better",
            narrow=abs(changed - good) <= narrow,
            tries=tries,
        )

    def _decide_at(
        self, evaluation: PlanAtValues, rival: RivalPlan | None, pool: CutPool | None
    ) -> tuple[Decision, RivalPlan | None, CutPool | None]:
        """Whether the plan is still right, the plan that is better, and what is known then."""
        instance = evaluation.problem.instance
        other = None if rival is None else convert_lots(rival[1], rival[0].lot_tonnes, instance)
        if (
            other is not None
            and not evaluation.broken_rules
            and is_beaten_by(self.studied_plan, evaluation, other)
        ):
            return "changed", rival, pool
        pool = None if pool is None else pool.copy_for_problem(instance)
        outcome, found = solve_decision(self.studied_plan, evaluation, pool)
        if outcome == "changed" and found is not None and found.commitment is not None:
            rival = (instance, found.commitment)
        return outcome, rival, pool


class ScreenFigures(NamedTuple):
    """What was found at a point of a screen, at which every input has a value."""

    objective: float
    expected: float
    best: float | None = None
    bound: float | None = None


@dataclass(eq=False)
class ScreenSolver:
    """Looks at one point after the other."""

    studied_plan: StudiedPlan
    finds_best_plan: bool
    """Whether the best plan is sought as well."""

    def __call__(self, settings: tuple[str, ...]) -> ScreenFigures:
        """The plan's objective and damage, and the objective of the best plan if asked for.

        Raises as :class:`Examiner` does.
        """
        seen = evaluate_plan(self.studied_plan, settings)
        found = BestKnownPlan("none")
        if self.finds_best_plan:
            found = find_best_plan(
                self.studied_plan, seen, self.studied_plan.pool_for(seen.problem.instance)
            )
        return ScreenFigures(seen.objective, seen.outcome.expected, found.objective, found.bound)
