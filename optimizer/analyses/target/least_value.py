"""The least value of a number at which a goal can be reached, proven from both sides."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from models.faults import PathStep
from models.language import tr
from models.results import Goal, Target
from models.results.comparison import BrokenRule
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.frontier.parametric_points import make_cut_pool, solve_problem
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.target.bisection import (
    BisectionSearch,
    SearchStopped,
    damage_figure,
    days_by_stockpile,
    level_with_tolerance,
    reaches_level,
    scenario_at,
    with_figure_objective,
    with_min_days,
)
from optimizer.analyses.target.options import TargetOptions
from optimizer.analyses.variation import LOOSENING_PATHS, Variation, format_setting
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan, SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_min_spending
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.conflicts import conflict_with_level, smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method

SPENDING_GAP = 1e-6
"""Gap of the program that minimises spending itself."""

TargetStatus = Literal["proven", "limit", "unreachable", "open"]


def run_analysis(analysis_input: AnalysisInput, options: TargetOptions) -> AnalysisOutcome:
    """Seek the least value of the number that the options name."""
    number = options.variation(analysis_input.reading)
    if not number.only_loosens_rules:
        number.with_value(options.lowest_value)
        raise Misuse(
            tr(
                "A higher {path} does not only loosen rules, so that its least value tells "
                "nothing; these do: {known}.",
                path=number.path,
                known=", ".join(LOOSENING_PATHS),
            )
        )
    if options.last is None and number.limited_funders is None:
        raise Misuse(tr("--vary {path} needs --to.", path=number.path))
    if options.last is not None and options.last <= options.lowest_value:
        raise Misuse(tr("--to must lie above --from."))
    for value in (options.lowest_value, *([] if options.last is None else [options.last])):
        number.with_value(value)
    found = find_least_value(
        number,
        options,
        pool=analysis_input.pool,
        title=analysis_input.title,
        variant=analysis_input.variant,
    )
    if found.ended == "interrupted" and found.status == "open":
        raise Interrupted(tr("interrupted"))
    done = found.status == "proven" and found.ended == "complete"
    code = {"unreachable": 3, "open": 4}.get(found.status, 0 if done else 1)
    return AnalysisOutcome(found, code, {} if found.plan is None else {"": found.plan})


def find_least_value(
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
    pool = make_cut_pool(case) if pool is None else pool
    days = days_by_stockpile(case, options.days)
    asked = variation
    if days:
        asked = replace(
            variation, reading=with_min_days(variation.reading, days, options.from_year)
        )
    problem = Problem.from_case(asked.reading.case)
    (bare,) = outcomes.evaluate_commitments(problem.instance, problem.states, [Commitment()])
    nothing = damage_figure(bare, options.figure, asked.reading.case)
    level = options.below if options.reduction is None else (1 - options.reduction) * nothing
    alone = replace(asked, reading=with_figure_objective(asked.reading, options.figure))
    trials = BisectionSearch(alone, level, options, pool)
    direct = level is None and asked.limited_funders is not None
    best, stopped = None, False
    conflict: tuple[BrokenRule, ...] = ()
    try:
        if direct:
            stopped = _minimize_spending(asked, trials)
        else:
            trials.bisect()
        if trials.is_unreachable:
            top = math.inf if direct or options.last is None else options.last
            best = None if direct else _best_plan_at(trials, top)
            conflict = _find_conflict([variation, asked, alone], top, days, level)
    except (SearchStopped, KeyboardInterrupt, Interrupted):
        stopped = True
    found = _plan_at_least_value(asked, trials, pool, stopped)
    if found is None and direct and not stopped:
        # Nothing is said to be enough without a plan that shows it.
        trials.feasible_at = None
    plan = None if found is None else found.to_plan(title, variant)
    figures = [trials.least_figure, None if best is None else best.objective]
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
        status=_target_status(trials),
        infeasible_below=trials.infeasible_below,
        feasible_at=trials.feasible_at,
        tolerance=trials.allowed_width,
        method="direct" if direct else "bisection",
        best=min((x for x in figures if x is not None), default=None),
        best_bound=None if best is None else best.certificate.bound,
        conflict=conflict,
        trials=tuple(trials.trials),
        ended="interrupted" if stopped else "complete",
        plan=plan,
        **common_result_fields(Target, case, title, variant, began),
    )


def _target_status(search_state: BisectionSearch) -> TargetStatus:
    if search_state.is_unreachable:
        return "unreachable"
    if search_state.feasible_at is None:
        return "open"
    narrow = search_state.feasible_at - (
        search_state.infeasible_below or 0.0
    ) <= search_state.allowed_width * (1 + 1e-9)
    return "proven" if search_state.lowest_reaches_goal or narrow else "limit"


def _minimize_spending(variation: Variation, search_state: BisectionSearch) -> bool:
    """The least spending of the first stage, where rules alone decide; whether it was stopped."""
    funders = variation.limited_funders
    assert funders is not None
    problem = Problem.from_case(variation.without_limit().case)
    program = highs.compile_model(build_min_spending(problem.instance, funders)).program
    solution = highs.solve(program, gap=SPENDING_GAP, time_limit=search_state.options.time_limit)
    if solution.ending == "infeasible":
        search_state.is_unreachable = True
        return False
    bound = program.offset if solution.bound is None else solution.bound
    if solution.objective is not None:
        # Both ends leave room for the solver's tolerances.
        spending = max(0.0, solution.objective)
        search_state.feasible_at = spending * (1 + SPENDING_GAP)
        search_state.allowed_width = max(4 * SPENDING_GAP * spending, 1e-9)
        bound = min(bound, spending)
    search_state.infeasible_below = max(0.0, bound) * (1 - SPENDING_GAP)
    return solution.interrupted


def _best_plan_at(search_state: BisectionSearch, value: float) -> CheckedSolution | None:
    """The plan of the least figure that can be had at all, where the goal cannot."""
    try:
        case = scenario_at(search_state.variation, value).case
        return solve_problem(Problem.from_case(case), search_state.options, search_state.pool)
    except (Infeasible, NoPlan):
        return None


def _find_conflict(
    variations: Sequence[Variation],
    max_value: float,
    days: Mapping[str, float],
    level: float | None,
) -> tuple[BrokenRule, ...]:
    """Rules that exclude each other at the highest value: of ``numbers``, the first is that of the
    file, the second that with the days that stocks are to last, and the third has the figure that
    is to come to ``level`` as its objective. Of many states it is not asked what keeps a figure
    above a level: nearly every rule plays a part in it."""
    goals: dict[tuple[PathStep, ...], str] = {}
    for number in variations:
        reading = scenario_at(number, max_value)
        rules = smallest_conflict(read_instance(reading.case))
        if not rules and number is variations[-1] and level is not None:
            problem = Problem.from_case(reading.case)
            if choose_method(problem.instance, problem.states) == "extensive":
                with suppress(SolverError):  # where no plan comes to it whatever the rules
                    rules = conflict_with_level(
                        problem.instance, problem.states, level_with_tolerance(level)
                    )
        if rules:
            places = [goals.get(rule.path) or str(reading.location(rule.path)) for rule in rules]
            pairs = zip(rules, places, strict=True)
            return tuple(BrokenRule(**rule.as_record(), place=place) for rule, place in pairs)
        # Whoever asks knows the goal by its option, not by what it sets in the file.
        for position, pile in enumerate(reading.case.stockpiles):
            if pile.id in days:
                path = ("stockpiles", position, "min_days_of_demand")
                goals[path] = f"--days {pile.id}={format_setting(days[pile.id])}"
    return ()


def _plan_at_least_value(
    variation: Variation, search_state: BisectionSearch, pool: CutPool | None, stopped: bool
) -> CheckedSolution | None:
    """The plan of the scenario's own objective at the least value, or else, where that does not
    reach the goal, the one that was found to reach it."""
    if search_state.feasible_at is None:
        return None
    known = search_state.plans.get(search_state.feasible_at)
    if stopped:
        return known
    try:
        found = solve_problem(
            Problem.from_case(variation.with_value(search_state.feasible_at).case),
            search_state.options,
            pool,
        )
    except (NoPlan, Interrupted, Infeasible):
        return known
    figure = damage_figure(found.with_plan, search_state.options.figure, found.instance.case)
    return (
        found if search_state.level is None or reaches_level(figure, search_state.level) else known
    )
