"""The least value of a number at which a goal can be reached, proven from both sides."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from models.faults import Step
from models.files import Reading
from models.results import Goal, Plan, Target
from models.results.comparison import BrokenRule
from optimizer.analyses.frontier.parametric_points import USUAL, Effort, is_small, spent
from optimizer.analyses.head import head
from optimizer.analyses.target.goal import (
    Wanted,
    figure_alone,
    figure_of,
    reached,
    stocks_of,
    with_days,
)
from optimizer.analyses.target.trials import Stopped, Trials
from optimizer.analyses.variation import Variation, written
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_least_spending
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.conflicts import smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, find

DIRECT_GAP = 1e-6
"""Gap of the program that minimises spending itself."""


@dataclass(frozen=True)
class Between:
    """Where to look: from ``first`` to ``last``, None for no limit; until the interval between what
    is ruled out and what is reached is no wider than ``tolerance``."""

    first: float = 0.0
    last: float | None = None
    tolerance: float | None = None
    """None for a thousandth of the range; for a budget a million, if that is less."""

    def width(self, variation: Variation, last: float) -> float:
        """How wide the interval may be, up to a value that reaches the goal."""
        if variation.whole:
            return max(1.0, self.tolerance or 1.0)
        if self.tolerance is not None:
            return self.tolerance
        share = (last - self.first) / 1000
        return min(1.0, share) if variation.funders is not None else share


@dataclass(eq=False)
class _State:
    """What is known so far."""

    below: float | None = None
    at: float | None = None
    width: float = 1.0
    """How wide the interval may be."""
    lowest: bool = False
    """Whether the lowest value that was asked for reaches the goal."""
    best: float | None = None
    best_bound: float | None = None
    unreachable: bool = False
    conflict: tuple[BrokenRule, ...] = ()
    stopped: bool = False
    direct: bool = False
    open: list[float] = field(default_factory=list)


def reach(
    variation: Variation,
    wanted: Wanted,
    between: Between = Between(),
    effort: Effort = USUAL,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
    on_trial: Callable[[float], None] | None = None,
) -> Target:
    """The least value of a number that only loosens rules at which a plan reaches a goal.

    Values are halved: a plan proves that one reaches it, a bound that none below does. Where stocks
    alone are asked for and the number is a budget over all years, the first stage decides, and its
    least spending is found directly. A first Ctrl-C ends it with the interval so far.

    Raises
    ------
    ScenarioError
        If the path leads nowhere, or stocks or years do not exist.
    """
    began = time.perf_counter()
    if pool is None and not is_small(variation.reading.case):
        pool = CutPool()
    case = variation.reading.case
    days = stocks_of(case, wanted.days or {})
    reading = variation.reading
    if days:
        reading = with_days(reading, days, wanted.from_year)
    asked = replace(variation, reading=reading)
    nothing, level = _level(reading, wanted)
    state = _State()
    alone = replace(asked, reading=figure_alone(reading, wanted.figure))
    trials = Trials(alone, wanted.figure, level, effort, pool)
    try:
        if level is None and asked.funders is not None:
            _directly(asked, effort, state)
        else:
            _halve(trials, between, state, on_trial)
        if state.unreachable and state.best is None:
            top = math.inf if state.direct or between.last is None else between.last
            state.conflict = _conflict(variation, asked, top, days)
    except (Stopped, KeyboardInterrupt, Interrupted):
        state.stopped = True
    plan = _plan(asked, trials, state, effort, pool, title, variant, level)
    if plan is None and state.direct and not state.stopped:
        # Nothing is said to be enough without a plan that shows it.
        state.at = None
    figures = [trials.least, state.best]
    if plan is not None and level is not None:
        figures.append(getattr(plan.outcome, wanted.figure))
    return Target(
        varied=variation.path,
        varied_unit=variation.unit,
        goal=Goal(
            figure=None if level is None else wanted.figure,
            level=level,
            reduction=wanted.reduction,
            without_plan=None if level is None else nothing,
            days=days,
            from_year=None if not days else wanted.from_year or case.horizon.first_year,
        ),
        status=_status(state),
        infeasible_below=state.below,
        feasible_at=state.at,
        tolerance=state.width,
        method="direct" if state.direct else "bisection",
        best=min((x for x in figures if x is not None), default=None),
        best_bound=state.best_bound,
        conflict=state.conflict,
        trials=tuple(trials.made),
        ended="interrupted" if state.stopped else "complete",
        plan=plan,
        **head(Target, case, title, variant, began),
    )


def _level(reading: Reading, wanted: Wanted) -> tuple[float, float | None]:
    """The figure without any plan, and the level asked for."""
    problem = Problem.of(reading.case)
    (without,) = outcomes.evaluate(problem.instance, problem.states, [Commitment()])
    nothing = figure_of(without, wanted.figure, reading.case)
    if wanted.reduction is not None:
        return nothing, (1 - wanted.reduction) * nothing
    return nothing, wanted.level


Status = Literal["proven", "limit", "unreachable", "open"]


def _status(state: _State) -> Status:
    if state.unreachable:
        return "unreachable"
    if state.at is None:
        return "open"
    if state.lowest:
        return "proven"
    return "proven" if state.at - (state.below or 0.0) <= state.width * (1 + 1e-9) else "limit"


# Directly


def _directly(asked: Variation, effort: Effort, state: _State) -> None:
    """The least spending of the first stage, where rules alone decide."""
    funders = asked.funders
    assert funders is not None
    state.direct = True
    problem = Problem.of(asked.unlimited().case)
    program = highs.compile_model(build_least_spending(problem.instance, funders)).program
    solution = highs.solve(program, gap=DIRECT_GAP, time_limit=effort.time_limit)
    if solution.ending == "infeasible":
        state.unreachable = True
        return
    state.stopped = solution.interrupted
    bound = program.offset if solution.bound is None else solution.bound
    if solution.objective is not None:
        # Both ends leave room for the solver's tolerances.
        spending = max(0.0, solution.objective)
        state.at = spending * (1 + DIRECT_GAP)
        state.width = max(4 * DIRECT_GAP * spending, 1e-9)
        bound = min(bound, spending)
    state.below = max(0.0, bound) * (1 - DIRECT_GAP)


# By halving


def _halve(
    trials: Trials,
    between: Between,
    state: _State,
    on_trial: Callable[[float], None] | None,
) -> None:
    """Narrow the interval between what is ruled out and what is reached."""

    def attempt(value: float) -> str:
        if on_trial is not None:
            on_trial(value)
        outcome = trials.at(value) if math.isfinite(value) else trials.without_limit()
        if outcome == "reached":
            _reached(trials, value, state)
        elif outcome == "ruled out":
            state.below = value if state.below is None else max(state.below, value)
        else:
            state.open.append(value)
        return outcome

    top = math.inf if between.last is None else between.last
    if between.last is not None:
        state.width = between.width(trials.variation, between.last)
    outcome = attempt(top)
    if outcome == "ruled out":
        state.below = None if math.isinf(top) else top
        state.unreachable = True
        _best(trials, top, state)
    if outcome != "reached" or state.at is None:
        return
    if state.at <= between.first or attempt(between.first) == "reached":
        # Nothing below the first value was asked about.
        state.at, state.below, state.lowest = between.first, None, True
        return
    state.width = width = between.width(trials.variation, state.at)
    # What stays open counts as not reached while the upper end falls, and as reached while the
    # lower one rises.
    lowest = between.first
    while (middle := _middle(trials, lowest, state.at, width)) is not None:
        if attempt(middle) != "reached":
            lowest = middle
    while state.open and state.below is not None:
        highest = min([*(v for v in state.open if v > state.below), state.at])
        step = _middle(trials, state.below, highest, width)
        if step is None:
            break
        attempt(step)


def _middle(trials: Trials, lower: float, higher: float, width: float) -> float | None:
    if higher - lower <= width * (1 + 1e-9):
        return None
    middle = (lower + higher) / 2
    return float(math.floor(middle)) if trials.variation.whole else middle


def _reached(trials: Trials, value: float, state: _State) -> None:
    """Note a value that reaches the goal, or the less that its plan spends."""
    funders, found = trials.variation.funders, trials.plans.get(value)
    least = value
    if funders is not None and found is not None:
        least = min(value, spent(found, funders) * (1 + 1e-9))
        if least < value and not _keeps(trials, found, least):
            least = value
        if math.isfinite(least):
            trials.plans[least] = found
    if math.isfinite(least) and (state.at is None or least < state.at):
        state.at = least


def _keeps(trials: Trials, found: Found, value: float) -> bool:
    """Whether a plan keeps the rules at another value."""
    try:
        found.under(Problem.of(trials.variation.at(value).case).instance, None)
    except CheckFailed:
        return False
    return True


def _best(trials: Trials, top: float, state: _State) -> None:
    """The least figure that can be had at all, where the goal cannot."""
    variation, effort = trials.variation, trials.effort
    reading = variation.unlimited() if math.isinf(top) else variation.at(top)
    try:
        found = find(
            Problem.of(reading.case),
            gap=effort.gap,
            time_limit=effort.time_limit,
            threads=effort.threads,
            pool=trials.pool,
            on_progress=effort.on_progress,
        )
    except (Infeasible, NoPlan):
        return
    state.best, state.best_bound = found.objective, found.certificate.bound


def _conflict(
    variation: Variation, asked: Variation, top: float, days: Mapping[str, float]
) -> tuple[BrokenRule, ...]:
    """Rules that exclude each other at the highest value: those of the file, or with the goal."""
    goals: dict[tuple[Step, ...], str] = {}
    for number in (variation, asked):
        reading = number.unlimited() if math.isinf(top) else number.at(top)
        if rules := smallest_conflict(read_instance(reading.case)):
            return tuple(
                BrokenRule(
                    **vars(rule), place=goals.get(rule.path) or str(reading.place(rule.path))
                )
                for rule in rules
            )
        # Whoever asks knows the goal by its option, not by what it sets in the file.
        for position, pile in enumerate(reading.case.stockpiles):
            if pile.id in days:
                path = ("stockpiles", position, "min_days_of_demand")
                goals[path] = f"--days {pile.id}={written(days[pile.id])}"
    return ()


# The plan


def _plan(
    asked: Variation,
    trials: Trials,
    state: _State,
    effort: Effort,
    pool: CutPool | None,
    title: str | None,
    variant: str | None,
    level: float | None,
) -> Plan | None:
    """The plan of the scenario's own objective at the least value, or else, where that does not
    reach the goal, the one that was found to reach it."""
    if state.at is None:
        return None
    known = trials.plans.get(state.at)
    if state.stopped:
        return None if known is None else known.plan(title, variant)
    try:
        found = find(
            Problem.of(asked.at(state.at).case),
            gap=effort.gap,
            time_limit=effort.time_limit,
            threads=effort.threads,
            pool=pool,
            on_progress=effort.on_progress,
        )
    except (NoPlan, Interrupted, Infeasible):
        return None if known is None else known.plan(title, variant)
    case = found.instance.case
    if level is not None and not reached(figure_of(found.with_plan, trials.figure, case), level):
        return None if known is None else known.plan(title, variant)
    return found.plan(title, variant)
