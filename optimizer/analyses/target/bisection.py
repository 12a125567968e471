"""What a plan is to reach, a level of damage and stocks that last, and whether it can be reached at
single values of a number: each answer proven, and the interval that they leave."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.faults import Fault, ScenarioError
from models.files import LoadedScenario
from models.results import Trial
from models.scenario.case import Case
from models.scenario.stockpiles import Stockpile
from optimizer.analyses.analysis_io import describe_value
from optimizer.analyses.frontier.parametric_points import total_spending
from optimizer.analyses.target.options import DamageFigure, TargetOptions
from optimizer.analyses.variation import Variation, format_setting
from optimizer.errors import CheckFailed
from optimizer.model import highs
from optimizer.model.formulation import build_min_spending
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.planner import Problem, certify, solve_problem

LEVEL_TOLERANCE = 1e-6
"""A level is reached by a figure that lies above it by no more, relatively."""


def damage_figure(evaluation: PlanEvaluation, figure: DamageFigure, case: Case) -> float:
    """A figure of damage."""
    if figure == "cvar":
        return evaluation.cvar(float(case.objective.cvar.level))
    return evaluation.expected if figure == "expected" else evaluation.worst


def reaches_level(value: float, level: float) -> bool:
    """Whether a figure is at or below a level, rounding apart."""
    return value <= level_with_tolerance(level)


def level_with_tolerance(level: float) -> float:
    """The greatest figure that still counts as the level."""
    return level + LEVEL_TOLERANCE * max(abs(level), 1e-3)


def with_figure_objective(reading: LoadedScenario, figure: DamageFigure) -> LoadedScenario:
    """The scenario with nothing but one figure of damage as its objective.

    The worst state is the CVaR at a level that leaves the least probable state alone: whatever
    state is the worst, it then fills the tail.
    """
    weight = 0 if figure == "expected" else 1
    settings = ["objective.cost_weight=0", f"objective.cvar.weight={weight}"]
    if figure == "worst":
        states = Problem.from_case(reading.case).states
        least = min(state.probability for state in states if state.probability > 0)
        # Just below one where there is one state alone.
        settings.append(f"objective.cvar.level={format_setting(max(0.0, 1 - least))}")
    return reading.with_settings(settings)


def days_by_stockpile(case: Case, days_by_name: Mapping[str, float]) -> dict[str, float]:
    """Days by stockpile, from days by stockpile, by material that has one stockpile, or ``all``.

    Raises ScenarioError naming what is not there.
    """
    found: dict[str, float] = {}
    known = [pile.id for pile in case.stockpiles]
    faults = []
    for name, days in days_by_name.items():
        own = [pile.id for pile in case.stockpiles if pile.material == name]
        if name == "all" and known:
            found |= dict.fromkeys(known, days)
        elif name in known or len(own) == 1:
            found[name if name in known else own[0]] = days
        elif own:
            message = f"the material '{name}' has several stockpiles"
            faults.append(Fault(("stockpiles",), message, f"name one of {', '.join(own)}"))
        else:
            message = f"there is no stockpile and no material with a stockpile named '{name}'"
            there = f"there are {', '.join(known)}" if known else "the scenario has no stockpiles"
            faults.append(Fault(("stockpiles",), message, there))
    if faults:
        raise ScenarioError(faults)
    return found


def with_min_days(
    reading: LoadedScenario, min_days: Mapping[str, float], from_year: int | None
) -> LoadedScenario:
    """The scenario in which stocks must last so many days, and what it asked for before.

    Raises ScenarioError for a year outside the horizon.
    """
    case, horizon = reading.case, reading.case.horizon
    first = horizon.first_year if from_year is None else from_year
    if first not in horizon.years:
        years = f"{horizon.first_year} to {horizon.last_year}"
        message = f"the year {first} lies outside the horizon"
        raise ScenarioError([Fault(("horizon",), message, f"write a year from {years}")])
    settings = []
    for pile in case.stockpiles:
        if pile.id in min_days:
            wanted = _min_days_by_year(pile, min_days[pile.id], first, case)
            by_year = ", ".join(
                f"{year}: {format_setting(value)}" for year, value in wanted.items()
            )
            settings.append(f"stockpiles.{pile.id}.min_days_of_demand={{{by_year}}}")
    return reading.with_settings(settings)


def _min_days_by_year(
    stockpile: Stockpile, min_days: float, first_year: int, case: Case
) -> dict[int, float]:
    """Days in each year from the first with a rule: the greater of old and new."""
    old = stockpile.min_days_of_demand
    begins = case.horizon.first_year if old is None else old.first_year or case.horizon.first_year
    wanted: dict[int, float] = {}
    for year in case.horizon.years:
        before = old.at(year) if old is not None and year >= begins else 0.0
        now = min_days if year >= first_year else 0.0
        if wanted or max(before, now) > 0:
            wanted[year] = max(before, now)
    return wanted or {first_year: min_days}


Verdict = Literal["reached", "ruled out", "open"]
TrialAnswer = tuple[Verdict, float | None, float | None]
"""A verdict, the figure of the plan behind it, and the bound."""

SMALL_PROBLEM_GAP = 1e-7
"""Gap to which small problems are solved, so that few values stay open."""


class SearchStopped(Exception):
    """The user stopped the search."""


def scenario_at(variation: Variation, value: float) -> LoadedScenario:
    """The scenario at a value of the number; without any limit where that is infinite."""
    return variation.without_limit() if math.isinf(value) else variation.with_value(value)


@dataclass(eq=False)
class BisectionSearch:
    """Tries values of a number, each started from the cuts of the others.

    ``variation`` is of a scenario whose objective is the figure alone; ``level`` is None where
    stocks alone are asked for, which rules alone decide.
    """

    variation: Variation
    level: float | None
    options: TargetOptions
    pool: CutPool | None = None
    trials: list[Trial] = field(default_factory=list)
    plans: dict[float, CheckedSolution] = field(default_factory=dict)
    """Plans that reach the goal, by value; none where rules alone decide."""
    least_figure: float | None = None
    """The least figure of any plan that was found."""
    infeasible_below: float | None = None
    """It is proven that no value below reaches the goal."""
    feasible_at: float | None = None
    """A value that reaches it."""
    allowed_width: float = 1.0
    """How wide the interval between the two may be."""
    lowest_reaches_goal: bool = False
    """Whether the lowest value that was asked for reaches the goal."""
    is_unreachable: bool = False
    open_values: list[float] = field(default_factory=list)

    def bisect(self) -> None:
        """Narrow the interval between what is ruled out and what is reached.

        Raises Stopped if the user stops the search.
        """
        options, first = self.options, self.options.lowest_value
        top = math.inf if options.last is None else options.last
        if options.last is not None:
            self.allowed_width = self._allowed_width(options.last)
        outcome = self._try_and_record(top)
        if outcome == "ruled out":
            self.infeasible_below, self.is_unreachable = options.last, True
        if outcome != "reached" or self.feasible_at is None:
            return
        if self.feasible_at <= first or self._try_and_record(first) == "reached":
            # Nothing below the first value was asked about.
            self.feasible_at, self.infeasible_below, self.lowest_reaches_goal = first, None, True
            return
        self.allowed_width = width = self._allowed_width(self.feasible_at)
        # What stays open counts as not reached while the upper end falls, and as reached while the
        # lower one rises.
        lowest = first
        while (middle := self._midpoint(lowest, self.feasible_at, width)) is not None:
            if self._try_and_record(middle) != "reached":
                lowest = middle
        while self.open_values and self.infeasible_below is not None:
            highest = min(
                [*(v for v in self.open_values if v > self.infeasible_below), self.feasible_at]
            )
            step = self._midpoint(self.infeasible_below, highest, width)
            if step is None:
                break
            self._try_and_record(step)

    def _allowed_width(self, highest: float) -> float:
        """How wide the interval may be, up to a value that reaches the goal."""
        options = self.options
        if self.variation.is_integer:
            return max(1.0, options.tolerance or 1.0)
        if options.tolerance is not None:
            return options.tolerance
        share = (highest - options.lowest_value) / 1000
        return min(1.0, share) if self.variation.limited_funders is not None else share

    def _midpoint(self, lower: float, higher: float, width: float) -> float | None:
        if higher - lower <= width * (1 + 1e-9):
            return None
        middle = (lower + higher) / 2
        return float(math.floor(middle)) if self.variation.is_integer else middle

    def _try_and_record(self, value: float) -> Verdict:
        """Try a value and note what it says of the interval: where it reaches the goal, the less
        that its plan spends does, as far as the plan keeps the rules there."""
        self.options.report_progress(len(self.trials), None, describe_value(value))
        outcome = self.try_value(value)
        if outcome == "open":
            self.open_values.append(value)
        elif outcome == "ruled out":
            self.infeasible_below = (
                value if self.infeasible_below is None else max(self.infeasible_below, value)
            )
        else:
            funders, found, least = self.variation.limited_funders, self.plans.get(value), value
            if funders is not None and found is not None:
                less = min(value, total_spending(found, funders) * (1 + 1e-9))
                least = less if less < value and self._keeps_rules(found, less) else value
                if math.isfinite(least):
                    self.plans[least] = found
            if math.isfinite(least) and (self.feasible_at is None or least < self.feasible_at):
                self.feasible_at = least
        return outcome

    def _keeps_rules(self, solution: CheckedSolution, value: float) -> bool:
        """Whether a plan keeps the rules at another value."""
        try:
            solution.recertified_for(
                Problem.from_case(self.variation.with_value(value).case).assumption_sets, None
            )
        except CheckFailed:
            return False
        return True

    def try_value(self, value: float) -> Verdict:
        """Try a value: ``reached``, ``ruled out`` or ``open``.

        Raises Stopped if the user stops the search.
        """
        began = time.perf_counter()
        problem = Problem.from_case(scenario_at(self.variation, value).case)
        if self.level is None:
            outcome, figure, bound = self._decide_by_rules(problem)
        else:
            outcome, figure, bound = self._decide_by_plan(value, problem, self.level)
        if math.isfinite(value):
            seconds = time.perf_counter() - began
            self.trials.append(
                Trial(value=value, outcome=outcome, figure=figure, bound=bound, seconds=seconds)
            )
        return outcome

    def _decide_by_rules(self, problem: Problem) -> TrialAnswer:
        program = highs.compile_model(build_min_spending(problem.instance, ())).program
        solution = highs.solve(program.without_objective(), time_limit=self.options.time_limit)
        if solution.interrupted:
            raise SearchStopped
        if solution.ending == "infeasible":
            return "ruled out", None, None
        return "reached" if solution.values is not None else "open", None, None

    def _decide_by_plan(self, value: float, problem: Problem, level: float) -> TrialAnswer:
        began, options = time.perf_counter(), self.options
        solved = solve_problem(
            problem,
            gap=options.gap if self.pool is not None else min(options.gap, SMALL_PROBLEM_GAP),
            time_limit=options.time_limit,
            threads=options.threads,
            pool=self.pool,
            on_progress=options.on_progress,
            target_objective=level_with_tolerance(level),
        )
        solution = solved.solution
        if solution.ending == "infeasible":
            return "ruled out", None, None
        figure, bound = None, solution.bound
        if solved.commitment is not None:
            found = certify(
                problem, solved, gap=options.gap, started_at=began, threads=options.threads
            )
            figure = damage_figure(found.with_plan, options.figure, problem.instance.case)
            self.least_figure = (
                figure if self.least_figure is None else min(self.least_figure, figure)
            )
            if reaches_level(figure, level):
                self.plans[value] = found
                return "reached", figure, None if bound is None else min(bound, figure)
        if solution.interrupted:
            raise SearchStopped
        ruled_out = bound is not None and bound >= level_with_tolerance(level) * (1 - 1e-12)
        return "ruled out" if ruled_out else "open", figure, bound
