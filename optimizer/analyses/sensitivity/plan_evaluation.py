"""How a plan fares in its scenario with some numbers changed, and whether another is better."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from models.files import LoadedScenario
from models.language import tr
from models.results import BestOutcome, FixedPlanOutcome, ProvenRange
from optimizer.analyses.frontier.summary import largest_stocks
from optimizer.errors import Interrupted
from optimizer.model.commitment import Commitment, convert_lots, net_cost, weighted_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import MIN_GAP_TARGET
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem, certify, solve_problem
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.verification import broken_rules

Decision = Literal["same", "changed", "broken", "open"]
Status = Literal["optimal", "limit", "infeasible", "none"]

ROUNDING_MARGIN = 1e-9
"""Share of an objective that is arithmetic alone."""


@dataclass(frozen=True, eq=False)
class StudiedPlan:
    """The plan that is asked about, and what it was made for."""

    reading: LoadedScenario
    instance: Instance
    commitment: Commitment
    gap: float
    tolerance: float
    """Share of its objective by which a plan may be worse than the best."""
    time_limit: float | None = None
    pool: CutPool | None = field(default=None, repr=False)
    """What is known of the scenario as it is; None where problems are too small for it to help."""

    def pool_for(self, instance: Instance) -> CutPool | None:
        """What is known of the scenario as it is, for a changed one."""
        return None if self.pool is None else self.pool.copy_for_problem(instance)


@dataclass(frozen=True, eq=False)
class PlanAtValues:
    """The scenario at some values, and the plan in it."""

    problem: Problem
    commitment: Commitment
    outcome: PlanEvaluation
    objective: float
    broken_rules: tuple[str, ...]

    @property
    def own_outcome(self) -> FixedPlanOutcome:
        """What the plan leads to."""
        level = float(self.problem.instance.case.objective.cvar.level)
        return FixedPlanOutcome(
            objective=self.objective,
            expected=self.outcome.expected,
            cvar=self.outcome.cvar(level),
            net_cost_meur=net_cost(self.problem.instance, self.commitment),
        )


@dataclass(frozen=True, eq=False)
class BestKnownPlan:
    """The best plan that is known for some values."""

    status: Status
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    outcome: PlanEvaluation | None = None

    def to_best_outcome(self, instance: Instance) -> BestOutcome | None:
        """The best plan, where there is one and something was proven of it."""
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
    """The scenario with settings put upon it, and what the plan leads to there.

    Raises ScenarioError where the settings do not fit.
    """
    reading = studied_plan.reading.with_settings(settings) if settings else studied_plan.reading
    read = Problem.from_case(reading.case)
    instance = read.instance
    problem = replace(read, recourse=RecourseEvaluator(instance, read.states, threads=threads))
    commitment = convert_lots(studied_plan.commitment, studied_plan.instance.lot_tonnes, instance)
    outcome, objective = _evaluate_objective(problem, commitment, threads)
    broken = tuple(broken_rules(instance, commitment))
    return PlanAtValues(problem, commitment, outcome, objective, broken)


def _evaluate_objective(
    problem: Problem, plan: Commitment, threads: int | None
) -> tuple[PlanEvaluation, float]:
    """What a plan leads to, and its objective."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    (found,) = outcomes.evaluate_commitments(
        instance, states, [plan], threads=threads, recourse=recourse
    )
    return found, outcomes.objective_value(instance, found, weighted_cost(instance, plan))


def find_best_plan(
    studied_plan: StudiedPlan,
    evaluation: PlanAtValues,
    pool: CutPool | None,
    target_objective: float | None = None,
) -> BestKnownPlan:
    """The best plan there: a new one, or the plan itself where nothing better was found.

    With ``enough`` only whether an objective can be so low.

    Raises Interrupted if the user stopped it, since half an answer tells nothing, and SolverError
    if the solver fails or its answer fails the check.
    """
    began = time.perf_counter()
    solved = solve_problem(
        evaluation.problem,
        gap=studied_plan.gap,
        time_limit=studied_plan.time_limit,
        threads=1,
        pool=pool,
        target_objective=target_objective,
    )
    if solved.solution.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    if solved.solution.ending == "infeasible":
        return BestKnownPlan("infeasible")
    status: Status = "none" if evaluation.broken_rules else "limit"
    bound, objective, found = solved.solution.bound, float("inf"), None
    if solved.commitment is not None:
        found = certify(
            evaluation.problem, solved, gap=studied_plan.gap, started_at=began, threads=1
        )
        bound, status = found.certificate.bound, found.certificate.status
        objective = found.objective
    if not evaluation.broken_rules and evaluation.objective <= objective:
        return BestKnownPlan(
            status, bound, evaluation.commitment, evaluation.objective, evaluation.outcome
        )
    if found is None:
        return BestKnownPlan(status, bound)
    return BestKnownPlan(status, bound, found.commitment, objective, found.with_plan)


def compute_regret(evaluation: PlanAtValues, best_known: BestKnownPlan) -> ProvenRange | None:
    """The plan's objective less that of the best plan."""
    if evaluation.broken_rules or best_known.objective is None or best_known.bound is None:
        return None
    low = max(0.0, evaluation.objective - best_known.objective)
    return ProvenRange(low=low, high=max(low, evaluation.objective - best_known.bound))


def objective_to_beat(studied_plan: StudiedPlan, evaluation: PlanAtValues) -> float:
    """The objective that another plan must reach to be better by more than the tolerance; what is
    less is the solver's arithmetic."""
    tolerance = max(studied_plan.tolerance, MIN_GAP_TARGET)
    return evaluation.objective - tolerance * max(abs(evaluation.objective), 1e-6) - 1e-9


def _target_objective(studied_plan: StudiedPlan, evaluation: PlanAtValues) -> float:
    """A hair lower, so that a plan that is found lies below the level."""
    return objective_to_beat(studied_plan, evaluation) - ROUNDING_MARGIN * max(
        1.0, abs(evaluation.objective)
    )


def classify_decision(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, best_known: BestKnownPlan
) -> Decision:
    """Whether the plan is still right there, as far as ``found`` proves it."""
    if evaluation.broken_rules:
        return "broken"
    worst, asked = (
        objective_to_beat(studied_plan, evaluation),
        _target_objective(studied_plan, evaluation),
    )
    if best_known.objective is not None and best_known.objective < worst:
        return "changed"
    # A search that was asked for the level proves it and no more.
    return (
        "same" if best_known.bound is not None and best_known.bound >= 2 * asked - worst else "open"
    )


def solve_decision(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, pool: CutPool | None
) -> tuple[Decision, BestKnownPlan | None]:
    """The same, asked of the solver, which stops as soon as the question is answered; and the plan
    that answers it."""
    if evaluation.broken_rules:
        return "broken", None
    # Branches are cut short by the gap: one that is near the tolerance may leave a level open.
    closely = replace(studied_plan, gap=min(studied_plan.gap, studied_plan.tolerance / 10))
    found = find_best_plan(
        closely, evaluation, pool, target_objective=_target_objective(studied_plan, evaluation)
    )
    if (
        classify_decision(studied_plan, evaluation, found) == "open"
        and studied_plan.time_limit is None
    ):
        closely = replace(closely, gap=closely.gap / 100)
        found = find_best_plan(
            closely, evaluation, pool, target_objective=_target_objective(studied_plan, evaluation)
        )
    return classify_decision(studied_plan, evaluation, found), found


def is_beaten_by(
    studied_plan: StudiedPlan, evaluation: PlanAtValues, other_plan: Commitment
) -> bool:
    """Whether a plan of this instance keeps its rules and is better by more than the tolerance."""
    if broken_rules(evaluation.problem.instance, other_plan):
        return False
    _, objective = _evaluate_objective(evaluation.problem, other_plan, 1)
    return objective < objective_to_beat(studied_plan, evaluation)
