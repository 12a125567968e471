"""The least value of a number at which a goal can be reached, proven from both sides."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from models.faults import Step
from models.files import Reading
from models.language import tr
from models.results import Goal, Plan, Target
from models.results.comparison import BrokenRule
from optimizer.analyses.frontier.parametric_points import is_small, spent
from optimizer.analyses.head import head
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.running import Input, Outcome, named_value
from optimizer.analyses.target.goal import (
    figure_alone,
    figure_of,
    reached,
    stocks_of,
    with_days,
)
from optimizer.analyses.target.options import TargetOptions
from optimizer.analyses.target.trials import Stopped, Trials
from optimizer.analyses.variation import LOOSENING, Variation, written
from optimizer.errors import CheckFailed, Infeasible, Interrupted, Misuse, NoPlan
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


def run(given: Input, options: TargetOptions) -> Outcome:
    """Seek the least value of the number that the options name."""
    number = options.number(given.reading)
    _refuse(number, options)
    found = reach(number, options, pool=given.pool, title=given.title, variant=given.variant)
    if found.ended == "interrupted" and found.status == "open":
        raise Interrupted(tr("interrupted"))
    done = found.status == "proven" and found.ended == "complete"
    code = {"unreachable": 3, "open": 4}.get(found.status, 0 if done else 1)
    return Outcome(found, code, {} if found.plan is None else {"": found.plan})


def _refuse(number: Variation, options: TargetOptions) -> None:
    """Refuse a number, or a range, that the least value of cannot be sought in."""
    if not number.loosens:
        number.at(options.begins)
        raise Misuse(
            tr(
                "A higher {path} does not only loosen rules, so that its least value tells "
                "nothing; these do: {known}.",
                path=number.path,
                known=", ".join(LOOSENING),
            )
        )
    if options.last is None and number.funders is None:
        raise Misuse(tr("--vary {path} needs --to.", path=number.path))
    if options.last is not None and options.last <= options.begins:
        raise Misuse(tr("--to must lie above --from."))
    for value in (options.begins, *([] if options.last is None else [options.last])):
        number.at(value)


def reach(
    variation: Variation,
    options: TargetOptions,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
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
    days = stocks_of(case, options.days)
    reading = variation.reading
    if days:
        reading = with_days(reading, days, options.from_year)
    asked = replace(variation, reading=reading)
    nothing, level = _level(reading, options)
    state = _State()
    alone = replace(asked, reading=figure_alone(reading, options.figure))
    trials = Trials(alone, options.figure, level, options, pool)
    try:
        if level is None and asked.funders is not None:
            _directly(asked, options, state)
        else:
            _halve(trials, options, state)
        if state.unreachable and state.best is None:
            top = math.inf if state.direct or options.last is None else options.last
            state.conflict = _conflict(variation, asked, top, days)
    except (Stopped, KeyboardInterrupt, Interrupted):
        state.stopped = True
    plan = _plan(asked, trials, state, options, pool, title, variant, level)
    if plan is None and state.direct and not state.stopped:
        # Nothing is said to be enough without a plan that shows it.
        state.at = None
    figures = [trials.least, state.best]
    if plan is not None and level is not None:
        figures.append(getattr(plan.outcome, options.figure))
    return Target(
        varied=variation.path,
        varied_unit=variation.unit,
        goal=Goal(
            figure=None if level is None else options.figure,
            level=level,
            reduction=options.reduction,
            without_plan=None if level is None else nothing,
            days=days,
            from_year=None if not days else options.from_year or case.horizon.first_year,
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


def _level(reading: Reading, options: TargetOptions) -> tuple[float, float | None]:
    """The figure without any plan, and the level asked for."""
    problem = Problem.of(reading.case)
    (without,) = outcomes.evaluate(problem.instance, problem.states, [Commitment()])
    nothing = figure_of(without, options.figure, reading.case)
    if options.reduction is not None:
        return nothing, (1 - options.reduction) * nothing
    return nothing, options.below


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


def _directly(asked: Variation, options: SolveOptions, state: _State) -> None:
    """The least spending of the first stage, where rules alone decide."""
    funders = asked.funders
    assert funders is not None
    state.direct = True
    problem = Problem.of(asked.unlimited().case)
    program = highs.compile_model(build_least_spending(problem.instance, funders)).program
    solution = highs.solve(program, gap=DIRECT_GAP, time_limit=options.time_limit)
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


def _halve(trials: Trials, options: TargetOptions, state: _State) -> None:
    """Narrow the interval between what is ruled out and what is reached."""

    def attempt(value: float) -> str:
        options.tell(len(trials.made), None, named_value(value))
        outcome = trials.at(value) if math.isfinite(value) else trials.without_limit()
        if outcome == "reached":
            _reached(trials, value, state)
        elif outcome == "ruled out":
            state.below = value if state.below is None else max(state.below, value)
        else:
            state.open.append(value)
        return outcome

    top = math.inf if options.last is None else options.last
    if options.last is not None:
        state.width = _width(options, trials.variation, options.last)
    outcome = attempt(top)
    if outcome == "ruled out":
        state.below = None if math.isinf(top) else top
        state.unreachable = True
        _best(trials, top, state)
    if outcome != "reached" or state.at is None:
        return
    if state.at <= options.begins or attempt(options.begins) == "reached":
        # Nothing below the first value was asked about.
        state.at, state.below, state.lowest = options.begins, None, True
        return
    state.width = width = _width(options, trials.variation, state.at)
    # What stays open counts as not reached while the upper end falls, and as reached while the
    # lower one rises.
    lowest = options.begins
    while (middle := _middle(trials, lowest, state.at, width)) is not None:
        if attempt(middle) != "reached":
            lowest = middle
    while state.open and state.below is not None:
        highest = min([*(v for v in state.open if v > state.below), state.at])
        step = _middle(trials, state.below, highest, width)
        if step is None:
            break
        attempt(step)


def _width(options: TargetOptions, variation: Variation, last: float) -> float:
    """How wide the interval may be, up to a value that reaches the goal."""
    if variation.whole:
        return max(1.0, options.tolerance or 1.0)
    if options.tolerance is not None:
        return options.tolerance
    share = (last - options.begins) / 1000
    return min(1.0, share) if variation.funders is not None else share


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
    variation, options = trials.variation, trials.options
    reading = variation.unlimited() if math.isinf(top) else variation.at(top)
    try:
        found = find(
            Problem.of(reading.case),
            gap=options.gap,
            time_limit=options.time_limit,
            threads=options.threads,
            pool=trials.pool,
            on_progress=options.on_progress,
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
    options: SolveOptions,
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
            gap=options.gap,
            time_limit=options.time_limit,
            threads=options.threads,
            pool=pool,
            on_progress=options.on_progress,
        )
    except (NoPlan, Interrupted, Infeasible):
        return None if known is None else known.plan(title, variant)
    case = found.instance.case
    if level is not None and not reached(figure_of(found.with_plan, trials.figure, case), level):
        return None if known is None else known.plan(title, variant)
    return found.plan(title, variant)
