"""The least value of a number at which a goal can be reached, with proofs for this value and
against smaller ones."""

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
from optimizer.analyses.frontier.parametric_points import start_session
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
from optimizer.solve.conflicts import conflict_with_level, irreducible_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method

SPENDING_GAP = 1e-6
"""Gap of the program that minimizes spending directly."""

TargetStatus = Literal["proven", "limit", "unreachable", "open"]


def run_analysis(analysis_input: AnalysisInput, options: TargetOptions) -> AnalysisOutcome:
    """Run the command that finds the least value of a number of the scenario."""
    variation = options.variation(analysis_input.reading)
    if not variation.only_loosens_rules:
        variation.with_value(options.lowest_value)
        raise Misuse(
            tr(
                "A higher {path} does not only loosen rules, so that its least value means "
                "nothing; these do: {known}.",
                path=variation.path,
                known=", ".join(LOOSENING_PATHS),
            )
        )
    if options.last is None and variation.limited_funders is None:
        raise Misuse(tr("--vary {path} needs --to.", path=variation.path))
    if options.last is not None and options.last <= options.lowest_value:
        raise Misuse(tr("--to must lie above --from."))
    for value in (options.lowest_value, *([] if options.last is None else [options.last])):
        variation.with_value(value)
    target = find_least_value(variation, options, pool=analysis_input.pool, **analysis_input.labels)
    if target.ended == "interrupted" and target.status == "open":
        raise Interrupted(tr("interrupted"))
    is_complete = target.status == "proven" and target.ended == "complete"
    code = {"unreachable": 3, "open": 4}.get(target.status, 0 if is_complete else 1)
    return AnalysisOutcome(target, code, {} if target.plan is None else {"": target.plan})


def find_least_value(
    variation: Variation,
    options: TargetOptions,
    *,
    pool: CutPool | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Target:
    """Find the least value of a number at which a plan reaches a goal, by bisection.

    A higher value of the number must only loosen rules. A plan proves that a value reaches the
    goal, and a bound proves that no smaller value does. If the goal is only that stocks last, and
    the number is a budget over all years, there is no bisection: the first stage is solved once for
    its minimum spending. A first Ctrl-C ends the search with the interval found so far.

    Raises ScenarioError if the path is invalid, or if stocks or years do not exist.
    """
    started_at, case = time.perf_counter(), variation.reading.case
    days = days_by_stockpile(case, options.days)
    goal_variation = variation
    if days:
        goal_variation = replace(
            variation, reading=with_min_days(variation.reading, days, options.from_year)
        )
    problem = Problem.from_case(goal_variation.reading.case)
    (no_plan,) = outcomes.evaluate_commitments(problem.instance, problem.states, [Commitment()])
    no_plan_figure = damage_figure(no_plan, options.figure, goal_variation.reading.case)
    level = options.below if options.reduction is None else (1 - options.reduction) * no_plan_figure
    figure_variation = replace(
        goal_variation, reading=with_figure_objective(goal_variation.reading, options.figure)
    )
    session = start_session(case, options, pool)
    search = BisectionSearch(figure_variation, level, options, session)
    is_direct = level is None and goal_variation.limited_funders is not None
    best_solution, is_stopped = None, False
    conflict: tuple[BrokenRule, ...] = ()
    try:
        if is_direct:
            is_stopped = _minimize_spending(goal_variation, search)
        else:
            search.bisect()
        if search.is_unreachable:
            highest_value = math.inf if is_direct or options.last is None else options.last
            best_solution = None if is_direct else _best_plan_at(search, highest_value)
            conflict = _find_conflict(
                [variation, goal_variation, figure_variation], highest_value, days, level
            )
    except (SearchStopped, KeyboardInterrupt, Interrupted):
        is_stopped = True
    solution = _plan_at_least_value(goal_variation, search, is_stopped)
    if solution is None and is_direct and not is_stopped:
        # A value counts as sufficient only with a plan that shows it.
        search.feasible_at = None
    plan = None if solution is None else solution.to_plan(title, variant)
    figures = [search.least_figure, None if best_solution is None else best_solution.objective]
    if plan is not None and level is not None:
        figures.append(getattr(plan.outcome, options.figure))
    return Target(
        varied=variation.path,
        varied_unit=variation.unit,
        goal=Goal(
            figure=None if level is None else options.figure,
            level=level,
            reduction=options.reduction,
            without_plan=None if level is None else no_plan_figure,
            days=days,
            from_year=None if not days else options.from_year or case.horizon.first_year,
        ),
        status=_target_status(search),
        infeasible_below=search.infeasible_below,
        feasible_at=search.feasible_at,
        tolerance=search.allowed_width,
        method="direct" if is_direct else "bisection",
        best=min((x for x in figures if x is not None), default=None),
        best_bound=None if best_solution is None else best_solution.certificate.bound,
        conflict=conflict,
        trials=tuple(search.trials),
        ended="interrupted" if is_stopped else "complete",
        plan=plan,
        **common_result_fields(Target, case, title, variant, started_at),
    )


def _target_status(search_state: BisectionSearch) -> TargetStatus:
    """Return the status of the result; it is ``limit`` if the interval is wider than allowed."""
    if search_state.is_unreachable:
        return "unreachable"
    if search_state.feasible_at is None:
        return "open"
    is_narrow = search_state.feasible_at - (
        search_state.infeasible_below or 0.0
    ) <= search_state.allowed_width * (1 + 1e-9)
    return "proven" if search_state.lowest_reaches_goal or is_narrow else "limit"


def _minimize_spending(variation: Variation, search_state: BisectionSearch) -> bool:
    """Minimize first-stage spending if rules alone decide the goal; return whether the user stopped
    it.

    The interval for the least value is stored in ``search_state``.
    """
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
        # Both ends include the solver's tolerances.
        spending = max(0.0, solution.objective)
        search_state.feasible_at = spending * (1 + SPENDING_GAP)
        search_state.allowed_width = max(4 * SPENDING_GAP * spending, 1e-9)
        bound = min(bound, spending)
    search_state.infeasible_below = max(0.0, bound) * (1 - SPENDING_GAP)
    return solution.interrupted


def _best_plan_at(search_state: BisectionSearch, value: float) -> CheckedSolution | None:
    """Return the plan with the smallest figure of damage at a value; None if no plan is found.

    It shows how close plans come to a goal that cannot be reached.
    """
    try:
        case = scenario_at(search_state.variation, value).case
        return search_state.session.solve(Problem.from_case(case))
    except (Infeasible, NoPlan):
        return None


def _find_conflict(
    variations: Sequence[Variation],
    max_value: float,
    days: Mapping[str, float],
    level: float | None,
) -> tuple[BrokenRule, ...]:
    """Find rules that exclude each other at the highest value of the number.

    ``variations`` are of three scenarios: that of the file, that with the required days of stocks,
    and the latter with the figure of damage as its objective. Conflicts with the level of damage
    are searched for only in small problems, since with many states nearly every rule is part of
    them.
    """
    goals: dict[tuple[PathStep, ...], str] = {}
    for variation in variations:
        loaded_scenario = scenario_at(variation, max_value)
        rules = irreducible_conflict(read_instance(loaded_scenario.case))
        if not rules and variation is variations[-1] and level is not None:
            problem = Problem.from_case(loaded_scenario.case)
            if choose_method(problem.instance, problem.states) == "extensive":
                with suppress(SolverError):  # fails if no plan reaches the level whatever the rules
                    rules = conflict_with_level(
                        problem.instance, problem.states, level_with_tolerance(level)
                    )
        if rules:
            places = [
                goals.get(rule.path) or str(loaded_scenario.location(rule.path)) for rule in rules
            ]
            rules_and_places = zip(rules, places, strict=True)
            return tuple(
                BrokenRule(**rule.as_record(), place=location)
                for rule, location in rules_and_places
            )
        # Users know the goal by its option, not by the settings that it makes.
        for position, stockpile in enumerate(loaded_scenario.case.stockpiles):
            if stockpile.id in days:
                path = ("stockpiles", position, "min_days_of_demand")
                goals[path] = f"--days {stockpile.id}={format_setting(days[stockpile.id])}"
    return ()


def _plan_at_least_value(
    variation: Variation, search_state: BisectionSearch, is_stopped: bool
) -> CheckedSolution | None:
    """Return the plan that is best by the scenario's objective at the least value.

    If that plan does not reach the goal, return the plan that was found to reach it; None if there
    is none.
    """
    if search_state.feasible_at is None:
        return None
    known_solution = search_state.plans.get(search_state.feasible_at)
    if is_stopped:
        return known_solution
    try:
        case = variation.with_value(search_state.feasible_at).case
        solution = search_state.session.solve(Problem.from_case(case))
    except (NoPlan, Interrupted, Infeasible):
        return known_solution
    figure = damage_figure(solution.with_plan, search_state.options.figure, solution.instance.case)
    return (
        solution
        if search_state.level is None or reaches_level(figure, search_state.level)
        else known_solution
    )
