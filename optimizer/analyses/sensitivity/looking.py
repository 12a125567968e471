"""How a plan fares in its scenario with some numbers changed, and whether another is better."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from models.files import Reading
from models.language import tr
from models.results import BestOutcome, OwnOutcome, ProvenRange
from optimizer.analyses.frontier.summary import stocks_held
from optimizer.errors import Interrupted
from optimizer.model.commitment import Commitment, carried, net_cost, weighed_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import ROUNDING
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.planner import Problem, judge, search
from optimizer.solve.sweep import Recourse
from optimizer.solve.verification import broken_rules

Decision = Literal["same", "changed", "broken", "open"]
Status = Literal["optimal", "limit", "infeasible", "none"]

HAIR = 1e-9
"""Share of an objective that is arithmetic alone."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The plan that is asked about, and what it was made for."""

    reading: Reading
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
        return None if self.pool is None else self.pool.for_problem(instance)


@dataclass(frozen=True, eq=False)
class Look:
    """The scenario at some values, and the plan in it."""

    problem: Problem
    commitment: Commitment
    outcome: Evaluation
    objective: float
    broken: tuple[str, ...]

    @property
    def own(self) -> OwnOutcome:
        """What the plan leads to."""
        level = float(self.problem.instance.case.objective.cvar.level)
        return OwnOutcome(
            objective=self.objective,
            expected=self.outcome.expected,
            cvar=self.outcome.cvar(level),
            net_cost_meur=net_cost(self.problem.instance, self.commitment),
        )


@dataclass(frozen=True, eq=False)
class Best:
    """The best plan that is known for some values."""

    status: Status
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    outcome: Evaluation | None = None

    def told(self, instance: Instance) -> BestOutcome | None:
        """The best plan, where there is one and something was proven of it."""
        commitment, objective, bound = self.commitment, self.objective, self.bound
        if commitment is None or self.outcome is None or objective is None or bound is None:
            return None
        return BestOutcome(
            objective=ProvenRange(low=min(bound, objective), high=objective),
            expected=self.outcome.expected,
            net_cost_meur=net_cost(instance, commitment),
            projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
            stocks_t=stocks_held(instance, commitment),
        )


def look(subject: Subject, settings: Sequence[str], threads: int | None = 1) -> Look:
    """The scenario with settings put upon it, and what the plan leads to there.

    Raises ScenarioError where the settings do not fit.
    """
    reading = subject.reading.changed(settings) if settings else subject.reading
    read = Problem.of(reading.case)
    instance = read.instance
    problem = replace(read, recourse=Recourse(instance, read.states, threads=threads))
    commitment = carried(subject.commitment, subject.instance.lot_t, instance)
    outcome, objective = _outcome(problem, commitment, threads)
    broken = tuple(broken_rules(instance, commitment))
    return Look(problem, commitment, outcome, objective, broken)


def _outcome(problem: Problem, plan: Commitment, threads: int | None) -> tuple[Evaluation, float]:
    """What a plan leads to, and its objective."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    (found,) = outcomes.evaluate(instance, states, [plan], threads=threads, recourse=recourse)
    return found, outcomes.objective(instance, found, weighed_cost(instance, plan))


def best(subject: Subject, seen: Look, pool: CutPool | None, enough: float | None = None) -> Best:
    """The best plan there: a new one, or the plan itself where nothing better was found.

    With ``enough`` only whether an objective can be so low.

    Raises Interrupted if the user stopped it, since half an answer tells nothing, and SolverError
    if the solver fails or its answer fails the check.
    """
    began = time.perf_counter()
    solved = search(
        seen.problem,
        gap=subject.gap,
        time_limit=subject.time_limit,
        threads=1,
        pool=pool,
        enough=enough,
    )
    if solved.solution.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    if solved.solution.ending == "infeasible":
        return Best("infeasible")
    status: Status = "none" if seen.broken else "limit"
    bound, objective, found = solved.solution.bound, float("inf"), None
    if solved.commitment is not None:
        found = judge(seen.problem, solved, gap=subject.gap, began=began, threads=1)
        bound, status = found.certificate.bound, found.certificate.status
        objective = found.objective
    if not seen.broken and seen.objective <= objective:
        return Best(status, bound, seen.commitment, seen.objective, seen.outcome)
    if found is None:
        return Best(status, bound)
    return Best(status, bound, found.commitment, objective, found.with_plan)


def regret(seen: Look, found: Best) -> ProvenRange | None:
    """The plan's objective less that of the best plan."""
    if seen.broken or found.objective is None or found.bound is None:
        return None
    low = max(0.0, seen.objective - found.objective)
    return ProvenRange(low=low, high=max(low, seen.objective - found.bound))


def level(subject: Subject, seen: Look) -> float:
    """The objective that another plan must reach to be better by more than the tolerance; what is
    less is the solver's arithmetic."""
    tolerance = max(subject.tolerance, ROUNDING)
    return seen.objective - tolerance * max(abs(seen.objective), 1e-6) - 1e-9


def _asked(subject: Subject, seen: Look) -> float:
    """A hair lower, so that a plan that is found lies below the level."""
    return level(subject, seen) - HAIR * max(1.0, abs(seen.objective))


def decided(subject: Subject, seen: Look, found: Best) -> Decision:
    """Whether the plan is still right there, as far as ``found`` proves it."""
    if seen.broken:
        return "broken"
    worst, asked = level(subject, seen), _asked(subject, seen)
    if found.objective is not None and found.objective < worst:
        return "changed"
    # A search that was asked for the level proves it and no more.
    return "same" if found.bound is not None and found.bound >= 2 * asked - worst else "open"


def decide(subject: Subject, seen: Look, pool: CutPool | None) -> tuple[Decision, Best | None]:
    """The same, asked of the solver, which stops as soon as the question is answered; and the plan
    that answers it."""
    if seen.broken:
        return "broken", None
    # Branches are cut short by the gap: one that is near the tolerance may leave a level open.
    closely = replace(subject, gap=min(subject.gap, subject.tolerance / 10))
    found = best(closely, seen, pool, enough=_asked(subject, seen))
    if decided(subject, seen, found) == "open" and subject.time_limit is None:
        closely = replace(closely, gap=closely.gap / 100)
        found = best(closely, seen, pool, enough=_asked(subject, seen))
    return decided(subject, seen, found), found


def beaten(subject: Subject, seen: Look, other: Commitment) -> bool:
    """Whether a plan of this instance keeps its rules and is better by more than the tolerance."""
    if broken_rules(seen.problem.instance, other):
        return False
    _, objective = _outcome(seen.problem, other, 1)
    return objective < level(subject, seen)
