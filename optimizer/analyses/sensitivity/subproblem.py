"""Evaluation of a plan at one end of an input's range, with the break-even between the base value
and that end.

Every query starts from the cuts of the unchanged scenario. Answers therefore depend neither on the
order of queries nor on the number of processes.
"""

import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

from models.results import BreakEven, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.plan_figures import largest_stocks
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
from optimizer.solve.session import Session

RangeEnd = Literal["low", "high"]
RivalPlan = tuple[Instance, Commitment]
"""A plan that beat the studied one, and its instance."""

BREAK_EVEN_WIDTH = 0.02
"""Share of an input's range to which break-evens are narrowed down."""


@dataclass(frozen=True)
class InputQuery:
    """A query for one end of an input's range, with the number of bisection steps for its
    break-even."""

    assumption: Assumption
    range_end: RangeEnd
    steps: int
    """Largest number of values tried between base and end; 0 seeks no break-even."""

    @property
    def end_value(self) -> float:
        """The value of the input at this end of its range."""
        return self.assumption.low if self.range_end == "low" else self.assumption.high


class InputReply(NamedTuple):
    """The result at one end of an input's range, and the break-even between the base value and that
    end."""

    query: InputQuery
    point: SensitivityPoint
    break_even: BreakEven | None


@dataclass(eq=False)
class InputSolver:
    """Solver of queries on ends of inputs, one after the other."""

    studied_plan: StudiedPlan

    def __call__(self, query: InputQuery) -> InputReply:
        """Evaluate the plan at an end of an input, find the best plan there, and find the
        break-even.

        Raises ScenarioError if the value does not fit the scenario, and errors like
        :func:`find_best_plan`.
        """
        started_at = time.perf_counter()
        studied_plan, assumption = self.studied_plan, query.assumption
        evaluation = evaluate_plan(studied_plan, assumption.settings_at(query.end_value))
        instance = evaluation.problem.instance
        session = studied_plan.session.for_problem(instance)
        best_known = find_best_plan(evaluation, session)
        decision = classify_decision(studied_plan, evaluation, best_known)
        if decision == "open" and session.pool is not None:
            decision, _ = solve_decision(studied_plan, evaluation, session)
        break_even = None
        if query.steps > 0 and decision in ("changed", "broken"):
            rival = None if best_known.commitment is None else (instance, best_known.commitment)
            break_even = self._find_break_even(query, decision, session, rival)
        best_outcome, commitment = best_known.to_best_outcome(instance), studied_plan.commitment
        decisions = Decisions(commitment.start, largest_stocks(studied_plan.instance, commitment))
        changes = DecisionDiff.between(decisions, decisions)
        # Differences between equally good plans have no reason and are not reported.
        if best_outcome is not None and decision in ("changed", "broken"):
            changes = DecisionDiff.between(
                decisions, Decisions(best_outcome.projects, best_outcome.stocks_t)
            )
        point = SensitivityPoint(
            value=query.end_value,
            number=assumption.single_number_at(query.end_value),
            status=best_known.status,
            own=evaluation.own_outcome,
            broken=evaluation.broken_rules,
            best=best_outcome,
            regret=compute_regret(evaluation, best_known),
            decision=decision,
            **vars(changes.to_result()),
            seconds=time.perf_counter() - started_at,
        )
        return InputReply(query, point, break_even)

    def _find_break_even(
        self, query: InputQuery, decision: Decision, session: Session, rival: RivalPlan | None
    ) -> BreakEven:
        """Find the break-even by bisection between the base value and the end of the range.

        At each value the better plan found last is tried first, since a single recourse evaluation
        shows whether it is still better.
        """
        assumption = query.assumption
        unchanged_value, changed_value, tries = assumption.base, query.end_value, 0
        target_width = max(
            BREAK_EVEN_WIDTH * (assumption.high - assumption.low),
            1.0 if assumption.is_integer else 0.0,
        )
        while abs(changed_value - unchanged_value) > target_width and tries < query.steps:
            middle = assumption.round_if_integer((unchanged_value + changed_value) / 2)
            evaluation = evaluate_plan(self.studied_plan, assumption.settings_at(middle))
            middle_decision, rival, session = self._decide_at(evaluation, rival, session)
            tries += 1
            if middle_decision == "open":
                break
            if middle_decision == "same":
                unchanged_value = middle
            else:
                changed_value, decision = middle, middle_decision
        return BreakEven(
            toward=query.range_end,
            good=unchanged_value,
            changed=changed_value,
            good_number=assumption.single_number_at(unchanged_value),
            changed_number=assumption.single_number_at(changed_value),
            reason="broken" if decision == "broken" else "better",
            narrow=abs(changed_value - unchanged_value) <= target_width,
            tries=tries,
        )

    def _decide_at(
        self, evaluation: PlanAtValues, rival: RivalPlan | None, session: Session
    ) -> tuple[Decision, RivalPlan | None, Session]:
        """Classify the decision at some values; return the class, the better plan found last (None
        without one), and the session that solved last."""
        instance = evaluation.problem.instance
        rival_commitment = (
            None if rival is None else convert_lots(rival[1], rival[0].lot_tonnes, instance)
        )
        if (
            rival_commitment is not None
            and not evaluation.broken_rules
            and is_beaten_by(self.studied_plan, evaluation, rival_commitment)
        ):
            return "changed", rival, session
        session = session.for_problem(instance)
        decision, best_known = solve_decision(self.studied_plan, evaluation, session)
        if decision == "changed" and best_known is not None and best_known.commitment is not None:
            rival = (instance, best_known.commitment)
        return decision, rival, session


class ScreenFigures(NamedTuple):
    """Objective and mean damage of the plan at a point of the screening, and objective and bound of
    the best plan (None if these were not requested)."""

    objective: float
    expected: float
    best: float | None = None
    bound: float | None = None


@dataclass(eq=False)
class ScreenSolver:
    """Evaluator of points of the screening, one after the other."""

    studied_plan: StudiedPlan
    finds_best_plan: bool
    """Whether the best plan is computed as well."""

    def __call__(self, settings: tuple[str, ...]) -> ScreenFigures:
        """Compute the plan's objective and damage at a point, and the best plan's objective if
        requested.

        Raises errors like :class:`InputSolver`.
        """
        evaluation = evaluate_plan(self.studied_plan, settings)
        best_known = BestKnownPlan("none")
        if self.finds_best_plan:
            session = self.studied_plan.session.for_problem(evaluation.problem.instance)
            best_known = find_best_plan(evaluation, session)
        return ScreenFigures(
            evaluation.objective,
            evaluation.outcome.expected,
            best_known.objective,
            best_known.bound,
        )
