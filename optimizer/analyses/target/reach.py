"""The least value of a number at which a goal can be reached, proven from both sides."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from models.faults import Step
from models.language import tr
from models.results import Goal, Target
from models.results.comparison import BrokenRule
from optimizer.analyses.frontier.parametric_points import own_pool, solve
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.target.options import TargetOptions
from optimizer.analyses.target.trials import (
    Stopped,
    Trials,
    accepted,
    figure_alone,
    figure_of,
    reached,
    reading_at,
    stocks_of,
    with_days,
)
from optimizer.analyses.variation import LOOSENING, Variation, written
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan, SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_least_spending
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.conflicts import conflict_with_level, smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method

DIRECT_GAP = 1e-6
"""Gap of the program that minimises spending itself."""

Status = Literal["proven", "limit", "unreachable", "open"]


def run(given: Input, options: TargetOptions) -> Outcome:
    """Seek the least value of the number that the options name."""
    number = options.number(given.reading)
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
    found = reach(number, options, pool=given.pool, title=given.title, variant=given.variant)
    if found.ended == "interrupted" and found.status == "open":
        raise Interrupted(tr("interrupted"))
    done = found.status == "proven" and found.ended == "complete"
    code = {"unreachable": 3, "open": 4}.get(found.status, 0 if done else 1)
    return Outcome(found, code, {} if found.plan is None else {"": found.plan})


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

    Raises ScenarioError if the path leads nowhere, or stocks or years do not exist.
    """
    began, case = time.perf_counter(), variation.reading.case
    pool = own_pool(case) if pool is None else pool
    days = stocks_of(case, options.days)
    asked = variation
    if days:
        asked = replace(variation, reading=with_days(variation.reading, days, options.from_year))
    problem = Problem.of(asked.reading.case)
    (bare,) = outcomes.evaluate(problem.instance, problem.states, [Commitment()])
    nothing = figure_of(bare, options.figure, asked.reading.case)
    level = options.below if options.reduction is None else (1 - options.reduction) * nothing
    alone = replace(asked, reading=figure_alone(asked.reading, options.figure))
    trials = Trials(alone, level, options, pool)
    direct = level is None and asked.funders is not None
    best, stopped = None, False
    conflict: tuple[BrokenRule, ...] = ()
    try:
        if direct:
            stopped = _directly(asked, trials)
        else:
            trials.halve()
        if trials.unreachable:
            top = math.inf if direct or options.last is None else options.last
            best = None if direct else _best(trials, top)
            conflict = _conflict([variation, asked, alone], top, days, level)
    except (Stopped, KeyboardInterrupt, Interrupted):
        stopped = True
    found = _plan(asked, trials, pool, stopped)
    if found is None and direct and not stopped:
        # Nothing is said to be enough without a plan that shows it.
        trials.feasible = None
    plan = None if found is None else found.plan(title, variant)
    figures = [trials.least, None if best is None else best.objective]
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
        status=_status(trials),
        infeasible_below=trials.below,
        feasible_at=trials.feasible,
        tolerance=trials.width,
        method="direct" if direct else "bisection",
        best=min((x for x in figures if x is not None), default=None),
        best_bound=None if best is None else best.certificate.bound,
        conflict=conflict,
        trials=tuple(trials.made),
        ended="interrupted" if stopped else "complete",
        plan=plan,
        **head(Target, case, title, variant, began),
    )


def _status(trials: Trials) -> Status:
    if trials.unreachable:
        return "unreachable"
    if trials.feasible is None:
        return "open"
    narrow = trials.feasible - (trials.below or 0.0) <= trials.width * (1 + 1e-9)
    return "proven" if trials.lowest or narrow else "limit"


def _directly(asked: Variation, trials: Trials) -> bool:
    """The least spending of the first stage, where rules alone decide; whether it was stopped."""
    funders = asked.funders
    assert funders is not None
    problem = Problem.of(asked.unlimited().case)
    program = highs.compile_model(build_least_spending(problem.instance, funders)).program
    solution = highs.solve(program, gap=DIRECT_GAP, time_limit=trials.options.time_limit)
    if solution.ending == "infeasible":
        trials.unreachable = True
        return False
    bound = program.offset if solution.bound is None else solution.bound
    if solution.objective is not None:
        # Both ends leave room for the solver's tolerances.
        spending = max(0.0, solution.objective)
        trials.feasible = spending * (1 + DIRECT_GAP)
        trials.width = max(4 * DIRECT_GAP * spending, 1e-9)
        bound = min(bound, spending)
    trials.below = max(0.0, bound) * (1 - DIRECT_GAP)
    return solution.interrupted


def _best(trials: Trials, top: float) -> Found | None:
    """The plan of the least figure that can be had at all, where the goal cannot."""
    try:
        case = reading_at(trials.variation, top).case
        return solve(Problem.of(case), trials.options, trials.pool)
    except (Infeasible, NoPlan):
        return None


def _conflict(
    numbers: Sequence[Variation], top: float, days: Mapping[str, float], level: float | None
) -> tuple[BrokenRule, ...]:
    """Rules that exclude each other at the highest value: of ``numbers``, the first is that of the
    file, the second that with the days that stocks are to last, and the third has the figure that
    is to come to ``level`` as its objective. Of many states it is not asked what keeps a figure
    above a level: nearly every rule plays a part in it."""
    goals: dict[tuple[Step, ...], str] = {}
    for number in numbers:
        reading = reading_at(number, top)
        rules = smallest_conflict(read_instance(reading.case))
        if not rules and number is numbers[-1] and level is not None:
            problem = Problem.of(reading.case)
            if choose_method(problem.instance, problem.states) == "extensive":
                with suppress(SolverError):  # where no plan comes to it whatever the rules
                    rules = conflict_with_level(problem.instance, problem.states, accepted(level))
        if rules:
            places = [goals.get(rule.path) or str(reading.place(rule.path)) for rule in rules]
            pairs = zip(rules, places, strict=True)
            return tuple(BrokenRule(**rule.recorded(), place=place) for rule, place in pairs)
        # Whoever asks knows the goal by its option, not by what it sets in the file.
        for position, pile in enumerate(reading.case.stockpiles):
            if pile.id in days:
                path = ("stockpiles", position, "min_days_of_demand")
                goals[path] = f"--days {pile.id}={written(days[pile.id])}"
    return ()


def _plan(asked: Variation, trials: Trials, pool: CutPool | None, stopped: bool) -> Found | None:
    """The plan of the scenario's own objective at the least value, or else, where that does not
    reach the goal, the one that was found to reach it."""
    if trials.feasible is None:
        return None
    known = trials.plans.get(trials.feasible)
    if stopped:
        return known
    try:
        found = solve(Problem.of(asked.at(trials.feasible).case), trials.options, pool)
    except (NoPlan, Interrupted, Infeasible):
        return known
    figure = figure_of(found.with_plan, trials.options.figure, found.instance.case)
    return found if trials.level is None or reached(figure, trials.level) else known
