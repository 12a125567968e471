"""The plan for the mean of all states, as one makes it who plans for what is expected."""

from __future__ import annotations

from dataclasses import dataclass

from models.language import tr
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment
from optimizer.model.states import mean_outlook
from optimizer.solve.extensive_form import solve_for_outlooks
from optimizer.solve.planner import Problem, commitment_in
from optimizer.solve.verification import check_commitment


@dataclass(frozen=True, eq=False)
class MeanPlan:
    """What is best if the mean of the states is all that comes."""

    commitment: Commitment
    low: float
    """Its objective in the mean state is proven to be no less."""
    high: float
    """The objective that was found."""


def plan_for_mean(
    problem: Problem,
    *,
    gap: float,
    time_limit: float | None = None,
    threads: int | None = None,
) -> MeanPlan:
    """The best plan for the mean state, in a problem without weight on the tail.

    The mean is that of the arrays: what is left of each supply, and of the output of each project,
    which comes in part at each of its delays, and in part not at all where it may fail. Damage of
    a fixed commitment is convex in these, as the optimum of a linear program is in its right side,
    so that the objective of any plan in the mean state is no more than its mean over the states
    (Jensen).

    Raises
    ------
    Interrupted, NoPlan
        If it was stopped, or a limit was met, before there was a plan and a bound.
    CheckFailed
        If the plan breaks a rule.
    """
    instance = problem.instance
    mean = mean_outlook(instance, problem.states)
    solved = solve_for_outlooks(
        instance, [(1.0, mean)], gap=gap, time_limit=time_limit, threads=threads
    )
    if solved.solution.interrupted:
        raise Interrupted(tr("stopped before the mean of the states was solved"))
    commitment = commitment_in(instance, solved)
    check_commitment(instance, commitment)
    high, low = solved.solution.objective, solved.solution.bound
    if high is None or low is None or solved.doubtful:
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=tr("the mean state")))
    return MeanPlan(commitment, min(low, high), high)
