"""The least value of a number at which a goal can be reached, with proofs for this value and
against smaller ones."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from models.faults import Fault, PathStep, ScenarioError
from models.files import LoadedScenario
from models.results import Goal, Target, Trial
from models.results.comparison import BrokenRule
from models.scenario.case import Case
from models.scenario.sections import Stockpile
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome, describe_value
from optimizer.analyses.analysis_options import DamageFigure, TargetOptions
from optimizer.analyses.frontier.parametric_points import start_session, total_spending
from optimizer.analyses.saved_plan import common_result_fields
from optimizer.analyses.variation import LOOSENING_PATHS, Variation, format_setting
from optimizer.errors import CheckFailed, Infeasible, Interrupted, Misuse, NoPlan, SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_min_spending
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.certification import recertify
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.conflicts import conflict_with_level, irreducible_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem, choose_method
from optimizer.solve.session import Session

LEVEL_TOLERANCE = 1e-6
"""Relative tolerance within which a figure reaches a level."""


def damage_figure(evaluation: PlanEvaluation, figure: DamageFigure, case: Case) -> float:
    """Return the figure of damage that ``figure`` names from the evaluation of a plan."""
    if figure == "cvar":
        return evaluation.cvar(float(case.objective.cvar.level))
    return evaluation.expected if figure == "expected" else evaluation.worst


def reaches_level(value: float, level: float) -> bool:
    """Return whether a figure is at or below a level, within the tolerance."""
    return value <= level_with_tolerance(level)


def level_with_tolerance(level: float) -> float:
    """Return the largest figure of damage that counts as reaching a level."""
    return level + LEVEL_TOLERANCE * max(abs(level), 1e-3)


def with_figure_objective(loaded_scenario: LoadedScenario, figure: DamageFigure) -> LoadedScenario:
    """Return the scenario with one figure of damage as the only term of its objective.

    Damage in the worst state is a CVaR whose tail has the smallest probability of all states: then
    the worst state fills the tail, whichever state it is.
    """
    weight = 0 if figure == "expected" else 1
    settings = ["objective.cost_weight=0", f"objective.cvar.weight={weight}"]
    if figure == "worst":
        states = Problem.from_case(loaded_scenario.case).states
        min_probability = min(state.probability for state in states if state.probability > 0)
        # A single state has probability 1, and the level is 0.
        settings.append(f"objective.cvar.level={format_setting(max(0.0, 1 - min_probability))}")
    return loaded_scenario.with_settings(settings)


def days_by_stockpile(case: Case, days_by_name: Mapping[str, float]) -> dict[str, float]:
    """Return the required days by the id of the stockpile.

    ``days_by_name`` has them by stockpile, by material that has a single stockpile, or for ``all``.
    Raises ScenarioError that lists unknown or ambiguous names.
    """
    days_by_id: dict[str, float] = {}
    ids = [stockpile.id for stockpile in case.stockpiles]
    faults = []
    for name, days in days_by_name.items():
        of_material = [stockpile.id for stockpile in case.stockpiles if stockpile.material == name]
        if name == "all" and ids:
            days_by_id |= dict.fromkeys(ids, days)
        elif name in ids or len(of_material) == 1:
            days_by_id[name if name in ids else of_material[0]] = days
        elif of_material:
            message = f"the material '{name}' has several stockpiles"
            faults.append(Fault(("stockpiles",), message, f"name one of {', '.join(of_material)}"))
        else:
            message = f"there is no stockpile and no material with a stockpile named '{name}'"
            hint = f"there are {', '.join(ids)}" if ids else "the scenario has no stockpiles"
            faults.append(Fault(("stockpiles",), message, hint))
    if faults:
        raise ScenarioError(faults)
    return days_by_id


def with_min_days(
    loaded_scenario: LoadedScenario, min_days: Mapping[str, float], from_year: int | None
) -> LoadedScenario:
    """Return the scenario in which stocks must last at least ``min_days`` from a year on.

    If the scenario requires more days already, these are kept. ``from_year`` is the first year with
    the requirement; None for the first year of the horizon. Raises ScenarioError for a year outside
    the horizon.
    """
    case, horizon = loaded_scenario.case, loaded_scenario.case.horizon
    first_year = horizon.first_year if from_year is None else from_year
    if first_year not in horizon.years:
        years = f"{horizon.first_year} to {horizon.last_year}"
        message = f"the year {first_year} lies outside the horizon"
        raise ScenarioError([Fault(("horizon",), message, f"write a year from {years}")])
    settings = []
    for stockpile in case.stockpiles:
        if stockpile.id in min_days:
            min_days_by_year = _min_days_by_year(
                stockpile, min_days[stockpile.id], first_year, case
            )
            days_text = ", ".join(
                f"{year}: {format_setting(value)}" for year, value in min_days_by_year.items()
            )
            settings.append(f"stockpiles.{stockpile.id}.min_days_of_demand={{{days_text}}}")
    return loaded_scenario.with_settings(settings)


def _min_days_by_year(
    stockpile: Stockpile, min_days: float, first_year: int, case: Case
) -> dict[int, float]:
    """Return the required days of a stockpile by year, from the first year with a requirement.

    They are the larger of ``min_days`` (from ``first_year`` on) and the days that the scenario
    requires already.
    """
    old_min_days = stockpile.min_days_of_demand
    old_first_year = (
        case.horizon.first_year
        if old_min_days is None
        else old_min_days.first_year or case.horizon.first_year
    )
    days: dict[int, float] = {}
    for year in case.horizon.years:
        old_days = (
            old_min_days.at(year) if old_min_days is not None and year >= old_first_year else 0.0
        )
        new_days = min_days if year >= first_year else 0.0
        if days or max(old_days, new_days) > 0:
            days[year] = max(old_days, new_days)
    return days or {first_year: min_days}


Verdict = Literal["reached", "ruled out", "open"]
TrialAnswer = tuple[Verdict, float | None, float | None]
"""A verdict, the figure of the plan found (None without one), and the bound (None without one)."""

SMALL_PROBLEM_GAP = 1e-7
"""Gap to which small problems are solved, so that few values stay undecided."""


class SearchStopped(Exception):
    """Signal that the user stopped the search."""


def scenario_at(variation: Variation, value: float) -> LoadedScenario:
    """Return the scenario at a value of the varied number; an infinite value removes the limit."""
    return variation.without_limit() if math.isinf(value) else variation.with_value(value)


@dataclass(eq=False)
class BisectionSearch:
    """Bisection over values of a number, in which each solve starts from the cuts of the others.

    The objective of the scenario in ``variation`` is the figure of damage alone. ``level`` is None
    if the goal is only that stocks last long enough, which rules alone decide.
    """

    variation: Variation
    level: float | None
    options: TargetOptions
    session: Session
    trials: list[Trial] = field(default_factory=list)
    plans: dict[float, CheckedSolution] = field(default_factory=dict)
    """Plans that reach the goal, by value; empty if rules alone decide."""
    least_figure: float | None = None
    """The smallest figure of any plan that was found."""
    infeasible_below: float | None = None
    """Proven lower limit: no smaller value reaches the goal."""
    feasible_at: float | None = None
    """Smallest value known to reach the goal."""
    allowed_width: float = 1.0
    """Width of the interval between the two at which the search ends."""
    lowest_reaches_goal: bool = False
    """Whether the lowest allowed value reaches the goal."""
    is_unreachable: bool = False
    open_values: list[float] = field(default_factory=list)
    """Values whose verdict is ``open``."""

    def bisect(self) -> None:
        """Narrow the interval between the values that are ruled out and those that reach the goal.

        Raises SearchStopped if the user stops the search.
        """
        options, lowest = self.options, self.options.lowest_value
        highest_value = math.inf if options.last is None else options.last
        if options.last is not None:
            self.allowed_width = self._allowed_width(options.last)
        verdict = self._try_and_record(highest_value)
        if verdict == "ruled out":
            self.infeasible_below, self.is_unreachable = options.last, True
        if verdict != "reached" or self.feasible_at is None:
            return
        if self.feasible_at <= lowest or self._try_and_record(lowest) == "reached":
            # Values below the first are not part of the search.
            self.feasible_at, self.infeasible_below, self.lowest_reaches_goal = (lowest, None, True)
            return
        self.allowed_width = width = self._allowed_width(self.feasible_at)
        # Undecided values count as not reached while the upper end falls, and as reached while the
        # lower end rises.
        lower_end = lowest
        while (middle := self._midpoint(lower_end, self.feasible_at, width)) is not None:
            if self._try_and_record(middle) != "reached":
                lower_end = middle
        while self.open_values and self.infeasible_below is not None:
            upper_end = min(
                [*(v for v in self.open_values if v > self.infeasible_below), self.feasible_at]
            )
            middle_value = self._midpoint(self.infeasible_below, upper_end, width)
            if middle_value is None:
                break
            self._try_and_record(middle_value)

    def _allowed_width(self, highest: float) -> float:
        """Return the width of the interval at which the search ends, if its upper end is
        ``highest``."""
        options = self.options
        if self.variation.is_integer:
            return max(1.0, options.tolerance or 1.0)
        if options.tolerance is not None:
            return options.tolerance
        share = (highest - options.lowest_value) / 1000
        return min(1.0, share) if self.variation.limited_funders is not None else share

    def _midpoint(self, lower: float, higher: float, width: float) -> float | None:
        """Return a value to try between two others; None if the interval is narrow enough."""
        if higher - lower <= width * (1 + 1e-9):
            return None
        middle = (lower + higher) / 2
        return float(math.floor(middle)) if self.variation.is_integer else middle

    def _try_and_record(self, value: float) -> Verdict:
        """Try a value, update the interval, and return the verdict.

        If the value reaches the goal and its plan spends less than the value, the spending also
        reaches the goal, provided that the plan is feasible there.
        """
        self.options.report_progress(len(self.trials), None, describe_value(value))
        verdict = self.try_value(value)
        if verdict == "open":
            self.open_values.append(value)
        elif verdict == "ruled out":
            self.infeasible_below = (
                value if self.infeasible_below is None else max(self.infeasible_below, value)
            )
        else:
            funders = self.variation.limited_funders
            solution = self.plans.get(value)
            reached_value = value
            if funders is not None and solution is not None:
                spending = min(value, total_spending(solution, funders) * (1 + 1e-9))
                reached_value = (
                    spending
                    if spending < value and self._keeps_rules(solution, spending)
                    else value
                )
                if math.isfinite(reached_value):
                    self.plans[reached_value] = solution
            if math.isfinite(reached_value) and (
                self.feasible_at is None or reached_value < self.feasible_at
            ):
                self.feasible_at = reached_value
        return verdict

    def _keeps_rules(self, solution: CheckedSolution, value: float) -> bool:
        """Return whether a plan is feasible at another value of the number."""
        try:
            recertify(solution, Problem.from_case(self.variation.with_value(value).case), None)
        except CheckFailed:
            return False
        return True

    def try_value(self, value: float) -> Verdict:
        """Try a value and return ``reached``, ``ruled out`` or ``open``.

        Raises SearchStopped if the user stops the search.
        """
        started_at = time.perf_counter()
        problem = Problem.from_case(scenario_at(self.variation, value).case)
        if self.level is None:
            verdict, figure, bound = self._decide_by_rules(problem)
        else:
            verdict, figure, bound = self._decide_by_plan(value, problem, self.level)
        if math.isfinite(value):
            seconds = time.perf_counter() - started_at
            self.trials.append(
                Trial(value=value, outcome=verdict, figure=figure, bound=bound, seconds=seconds)
            )
        return verdict

    def _decide_by_rules(self, problem: Problem) -> TrialAnswer:
        """Decide whether any plan is feasible; the figure and bound in the answer are None."""
        program = highs.compile_model(build_min_spending(problem.instance, ())).program
        solution = highs.solve(program.without_objective(), time_limit=self.options.time_limit)
        if solution.interrupted:
            raise SearchStopped
        if solution.ending == "infeasible":
            return "ruled out", None, None
        return "reached" if solution.values is not None else "open", None, None

    def _decide_by_plan(self, value: float, problem: Problem, level: float) -> TrialAnswer:
        """Decide whether a plan at a value reaches the level.

        The solve ends as soon as a plan reaches the level or the bound proves that no plan does.
        """
        gap, case = self.options.gap, problem.instance.case
        answer = self.session.search(
            problem,
            gap=gap if self.session.pool is not None else min(gap, SMALL_PROBLEM_GAP),
            target_objective=level_with_tolerance(level),
        )
        if answer.is_infeasible:
            return "ruled out", None, None
        figure, bound, certified_plan = (
            None,
            answer.bound,
            replace(answer, gap=gap).certified_plan(),
        )
        if certified_plan is not None:
            figure = damage_figure(certified_plan.with_plan, self.options.figure, case)
            self.least_figure = (
                figure if self.least_figure is None else min(self.least_figure, figure)
            )
            if reaches_level(figure, level):
                self.plans[value] = certified_plan
                return "reached", figure, None if bound is None else min(bound, figure)
        if answer.interrupted:
            raise SearchStopped
        ruled_out = bound is not None and bound >= level_with_tolerance(level) * (1 - 1e-12)
        return "ruled out" if ruled_out else "open", figure, bound


SPENDING_GAP = 1e-6
"""Gap of the program that minimizes spending directly."""

TargetStatus = Literal["proven", "limit", "unreachable", "open"]


def run_analysis(analysis_input: AnalysisInput, options: TargetOptions) -> AnalysisOutcome:
    """Run the command that finds the least value of a number of the scenario."""
    variation = options.variation(analysis_input.reading)
    if not variation.only_loosens_rules:
        variation.with_value(options.lowest_value)
        raise Misuse(
            (
                "A higher {path} does not only loosen rules, so that its least value means "
                "nothing; these do: {known}."
            ).format(path=variation.path, known=", ".join(LOOSENING_PATHS))
        )
    if options.last is None and variation.limited_funders is None:
        raise Misuse(f"--vary {variation.path} needs --to.")
    if options.last is not None and options.last <= options.lowest_value:
        raise Misuse("--to must lie above --from.")
    for value in (options.lowest_value, *([] if options.last is None else [options.last])):
        variation.with_value(value)
    target = find_least_value(variation, options, pool=analysis_input.pool, **analysis_input.labels)
    if target.ended == "interrupted" and target.status == "open":
        raise Interrupted("interrupted")
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
