"""How a plan fares in its scenario with some numbers changed, and whether another is better."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from models.files import Reading
from models.language import tr
from optimizer.errors import Interrupted
from optimizer.model.commitment import Commitment, net_cost, weighed_cost
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
    """What is known of the scenario as it is; None where problems are too small for that to
    help."""


def carried(commitment: Commitment, here: Instance, there: Instance) -> Commitment:
    """The same tonnes and shares in another instance, whose lots may be of another size."""
    lots = {
        h: here.lot_t[pile.material] / there.lot_t[pile.material]
        for h, pile in there.stockpiles.items()
    }
    buy = {h: bought * lots[h] for h, bought in commitment.buy.items()}
    return replace(commitment, buy=buy)


@dataclass(frozen=True, eq=False)
class Look:
    """The scenario at some values, and the plan in it."""

    problem: Problem
    commitment: Commitment
    outcome: Evaluation
    objective: float
    net_cost: float
    broken: tuple[str, ...]

    def allowed(self, tolerance: float) -> float:
        """How much the plan may be worse than the best; what is less is the solver's arithmetic."""
        return max(tolerance, ROUNDING) * max(abs(self.objective), 1e-6) + 1e-9


@dataclass(frozen=True, eq=False)
class Best:
    """The best plan that is known for some values."""

    status: Status
    bound: float | None = None
    commitment: Commitment | None = None
    objective: float | None = None
    outcome: Evaluation | None = None


def look(subject: Subject, settings: Sequence[str], threads: int | None = 1) -> Look:
    """The scenario with settings put upon it, and what the plan leads to there.

    Raises ScenarioError where the settings do not fit.
    """
    reading = subject.reading.changed(settings) if settings else subject.reading
    read = Problem.of(reading.case)
    recourse = Recourse(read.instance, read.states, threads=threads)
    problem = Problem(read.instance, read.states, read.seconds, recourse)
    commitment = carried(subject.commitment, subject.instance, problem.instance)
    (outcome,) = outcomes.evaluate(
        problem.instance, problem.states, [commitment], threads=threads, recourse=recourse
    )
    return Look(
        problem,
        commitment,
        outcome,
        outcomes.objective(problem.instance, outcome, weighed_cost(problem.instance, commitment)),
        net_cost(problem.instance, commitment),
        tuple(broken_rules(problem.instance, commitment)),
    )


def best(
    subject: Subject,
    seen: Look,
    pool: CutPool | None,
    enough: float | None = None,
    threads: int | None = 1,
) -> Best:
    """The best plan there: a new one, or the plan itself where nothing better was found.

    With ``enough`` only whether an objective can be so low.

    Raises
    ------
    Interrupted
        If the user stopped it: half an answer tells nothing.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    solved = search(
        seen.problem,
        gap=subject.gap,
        time_limit=subject.time_limit,
        threads=threads,
        pool=pool,
        enough=enough,
    )
    solution = solved.solution
    if solution.interrupted:
        raise Interrupted(tr("stopped before all values were looked at"))
    if solution.ending == "infeasible":
        return Best("infeasible")
    own = None if seen.broken else seen
    if solved.commitment is None:
        if own is None:
            return Best("none", solution.bound)
        return Best("limit", solution.bound, own.commitment, own.objective, own.outcome)
    found = judge(seen.problem, solved, gap=subject.gap, began=began, threads=threads)
    bound, status = found.certificate.bound, found.certificate.status
    if own is not None and own.objective <= found.objective:
        return Best(status, bound, own.commitment, own.objective, own.outcome)
    return Best(status, bound, found.commitment, found.objective, found.with_plan)


def level(subject: Subject, seen: Look) -> float:
    """The objective that another plan must reach to be better by more than the tolerance."""
    return seen.objective - seen.allowed(subject.tolerance)


def decided(subject: Subject, seen: Look, found: Best) -> Decision:
    """Whether the plan is still right there, as far as ``found`` proves it."""
    if seen.broken:
        return "broken"
    worst, hair = level(subject, seen), HAIR * max(1.0, abs(seen.objective))
    if found.objective is not None and found.objective < worst:
        return "changed"
    # A search that was asked for the level proves it and no more: a hair below, as it was asked.
    return "same" if found.bound is not None and found.bound >= worst - 2 * hair else "open"


def decide(subject: Subject, seen: Look, pool: CutPool | None) -> tuple[Decision, Best | None]:
    """The same, asked of the solver, which stops as soon as the question is answered; and the plan
    that answers it."""
    if seen.broken:
        return "broken", None
    # A hair lower, so that a plan that is found lies below the level.
    asked = level(subject, seen) - HAIR * max(1.0, abs(seen.objective))
    # Branches are cut short by the gap: one that is near the tolerance may leave a level open.
    gap = min(subject.gap, subject.tolerance / 10)
    decision, found = _asked(replace(subject, gap=gap), seen, pool, asked)
    if decision == "open" and subject.time_limit is None:
        decision, found = _asked(replace(subject, gap=gap / 100), seen, pool, asked)
    return decision, found


def _asked(
    subject: Subject, seen: Look, pool: CutPool | None, enough: float
) -> tuple[Decision, Best]:
    found = best(subject, seen, pool, enough=enough)
    return decided(subject, seen, found), found


def beaten(subject: Subject, seen: Look, other: Commitment) -> bool:
    """Whether a plan of this instance keeps its rules and is better by more than the tolerance."""
    instance, problem = seen.problem.instance, seen.problem
    if broken_rules(instance, other):
        return False
    (outcome,) = outcomes.evaluate(
        instance, problem.states, [other], threads=1, recourse=problem.recourse
    )
    objective = outcomes.objective(instance, outcome, weighed_cost(instance, other))
    return objective < level(subject, seen)
