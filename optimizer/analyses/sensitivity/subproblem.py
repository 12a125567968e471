"""Evaluation of a plan at one end of an input's range, with the break-even between the base value
and that end.

Every query starts from the cuts of the unchanged scenario. Answers therefore depend neither on the
order of queries nor on the number of processes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from models.files import LoadedScenario
from models.results import BestOutcome, BreakEven, FixedPlanOutcome, ProvenRange, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.saved_plan import largest_stocks
from optimizer.errors import Interrupted
from optimizer.model.commitment import Commitment, convert_lots, net_cost, weighted_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.session import Session
from optimizer.solve.solver_result import MIN_GAP_TARGET
from optimizer.solve.verification import broken_rules

Decision = Literal["same", "changed", "broken", "open"]
Status = Literal["optimal", "limit", "infeasible", "none"]

ROUNDING_MARGIN = 1e-9
"""Share of an objective that counts as rounding error."""


@dataclass(frozen=True, eq=False)
class StudiedPlan:
    """The plan under study, with the scenario that it was made for."""

    reading: LoadedScenario
    instance: Instance
    commitment: Commitment
    tolerance: float
    """Share of its objective by which the plan may be worse than the best one."""
    session: Session
    """Session for changed scenarios, on one thread, with the cuts of the unchanged one."""


@dataclass(frozen=True, eq=False)
class PlanAtValues:
    """The studied plan evaluated in the scenario with some values changed."""

    problem: Problem
    commitment: Commitment
    outcome: PlanEvaluation
    objective: float
    broken_rules: tuple[str, ...]

    @property
    def own_outcome(self) -> FixedPlanOutcome:
        """The objective, damage and net cost of the studied plan."""
        level = float(self.problem.instance.case.objective.cvar.level)
        return FixedPlanOutcome(
            objective=self.objective,
            expected=self.outcome.expected,
            cvar=self.outcome.cvar(level),
            net_cost_meur=net_cost(self.problem.instance, self.commitment),
        )


@dataclass(frozen=True, eq=False)
class BestKnownPlan:
    """The best plan known for the scenario with some values changed."""

    status: Status
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    outcome: PlanEvaluation | None = None

    def to_best_outcome(self, instance: Instance) -> BestOutcome | None:
        """Return the figures of the best plan as a result; None if there is no plan or no bound."""
        commitment, objective, bound = self.commitment, self.objective, self.bound
        if commitment is None or self.outcome is None or objective is None or bound is None:
            return None
        return BestOutcome(
            objective=ProvenRange(low=min(bound, objective), high=objective),
            expected=self.outcome.expected,
            net_cost_meur=net_cost(instance, commitment),
            projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
            stocks_t=largest_stocks(instance, commitment),
        )


def evaluate_plan(
    studied_plan: StudiedPlan, settings: Sequence[str], threads: int | None = 1
) -> PlanAtValues:
    """Evaluate the studied plan in the scenario with these ``settings`` (``path=value``).

    Raises ScenarioError if a setting does not fit the scenario.
    """
    loaded_scenario = (
        studied_plan.reading.with_settings(settings) if settings else studied_plan.reading
    )
    case_problem = Problem.from_case(loaded_scenario.case)
    instance = case_problem.instance
    problem = replace(
        case_problem, recourse=RecourseEvaluator(instance, case_problem.states, threads=threads)
    )
    commitment = convert_lots(studied_plan.commitment, studied_plan.instance.lot_tonnes, instance)
    outcome, objective = _evaluate_objective(problem, commitment, threads)
    broken_rule_texts = tuple(broken_rules(instance, commitment))
    return PlanAtValues(problem, commitment, outcome, objective, broken_rule_texts)


def _evaluate_objective(
    problem: Problem, plan: Commitment, threads: int | None
) -> tuple[PlanEvaluation, float]:
    """Return the recourse evaluation of a plan in a problem, and the objective."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    (evaluation,) = outcomes.evaluate_commitments(
        instance, states, [plan], threads=threads, recourse=recourse
    )
    return evaluation, outcomes.objective_value(instance, evaluation, weighted_cost(instance, plan))


def find_best_plan(
    evaluation: PlanAtValues,
    session: Session,
    gap: float | None = None,
    target_objective: float | None = None,
) -> BestKnownPlan:
    """Find the best plan in the changed scenario; this is the studied plan if it keeps all
    rules and no better one is found.

    With ``target_objective``, the search stops when this objective is reached or proven
    unattainable. Raises Interrupted if the user stopped the search, since a partial answer has no
    meaning, and SolverError if the solver fails or its answer fails the check.
    """
    answer = session.search(
        evaluation.problem,
        gap=session.gap if gap is None else gap,
        target_objective=target_objective,
    )
    if answer.interrupted:
        raise Interrupted("stopped before all values were looked at")
    if answer.is_infeasible:
        return BestKnownPlan("infeasible")
    status: Status = "none" if evaluation.broken_rules else "limit"
    bound, objective, certified_plan = answer.bound, float("inf"), answer.certified_plan()
    if certified_plan is not None:
        bound, status = certified_plan.certificate.bound, certified_plan.certificate.status
        objective = certified_plan.objective
    if not evaluation.broken_rules and evaluation.objective <= objective:
        return BestKnownPlan(
            status, bound, evaluation.commitment, evaluation.objective, evaluation.outcome
        )
    if certified_plan is None:
        return BestKnownPlan(status, bound)
    return BestKnownPlan(
        status, bound, certified_plan.commitment, objective, certified_plan.with_plan
    )


def compute_regret(evaluation: PlanAtValues, best_known: BestKnownPlan) -> ProvenRange | None:
    """Return the objective of the studied plan less that of the best plan, as a proven range.

    Return None if the studied plan breaks a rule, or if the best plan or its bound is not known.
    """
    if evaluation.broken_rules or best_known.objective is None or best_known.bound is None:
        return None
    low = max(0.0, evaluation.objective - best_known.objective)
    return ProvenRange(low=low, high=max(low, evaluation.objective - best_known.bound))


def objective_to_beat(studied_plan: StudiedPlan, evaluation: PlanAtValues) -> float:
    """Return the objective below which another plan is better than the studied plan by more than
    the tolerance.

    The tolerance is at least the accuracy of the solver.
    """
    tolerance = max(studied_plan.tolerance, MIN_GAP_TARGET)
    return evaluation.objective - tolerance * max(abs(evaluation.objective), 1e-6) - 1e-9


def _target_objective(studied_plan: StudiedPlan, evaluation: PlanAtValues) -> float:
    """Return an objective slightly below :func:`objective_to_beat`.

    A plan that reaches it is certain to be better by more than the tolerance.
    """
    return objective_to_beat(studied_plan, evaluation) - ROUNDING_MARGIN * max(
        1.0, abs(evaluation.objective)
    )


def classify_decision(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, best_known: BestKnownPlan
) -> Decision:
    """Classify whether the studied plan is still right in the changed scenario, as far as
    ``best_known`` proves it.

    It is ``broken`` if it breaks a rule, ``changed`` if another plan is better, ``same`` if none
    is, and ``open`` if that is not proven.
    """
    if evaluation.broken_rules:
        return "broken"
    level = objective_to_beat(studied_plan, evaluation)
    target = _target_objective(studied_plan, evaluation)
    if best_known.objective is not None and best_known.objective < level:
        return "changed"
    # A search with a target objective proves that level and no more.
    return (
        "same"
        if best_known.bound is not None and best_known.bound >= 2 * target - level
        else "open"
    )


def solve_decision(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, session: Session
) -> tuple[Decision, BestKnownPlan | None]:
    """Solve only until the decision is classified; return the classification and the plan that
    proves it.

    The plan is None if the studied plan breaks a rule.
    """
    if evaluation.broken_rules:
        return "broken", None
    # Nodes are pruned by the gap: a gap close to the tolerance may leave the decision open.
    gap = min(session.gap, studied_plan.tolerance / 10)
    target = _target_objective(studied_plan, evaluation)
    best_known = find_best_plan(evaluation, session, gap, target)
    is_open = classify_decision(studied_plan, evaluation, best_known) == "open"
    if is_open and session.time_limit is None:
        best_known = find_best_plan(evaluation, session, gap / 100, target)
    return classify_decision(studied_plan, evaluation, best_known), best_known


def is_beaten_by(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, other_plan: Commitment
) -> bool:
    """Return whether another plan satisfies all rules and is better than the studied plan by more
    than the tolerance."""
    if broken_rules(evaluation.problem.instance, other_plan):
        return False
    _, objective = _evaluate_objective(evaluation.problem, other_plan, 1)
    return objective < objective_to_beat(studied_plan, evaluation)


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
