"""What a plan is to reach, a level of damage and stocks that last, and whether it can be reached at
single values of a number: each answer proven, and the interval that they leave."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.faults import Fault, ScenarioError
from models.files import Reading
from models.results import Trial
from models.scenario.case import Case
from models.scenario.stockpiles import Stockpile
from optimizer.analyses.frontier.parametric_points import spent
from optimizer.analyses.running import named_value
from optimizer.analyses.target.options import Figure, TargetOptions
from optimizer.analyses.variation import Variation, written
from optimizer.errors import CheckFailed
from optimizer.model import highs
from optimizer.model.formulation import build_least_spending
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.planner import Problem, judge, search

ROUNDING = 1e-6
"""A level is reached by a figure that lies above it by no more, relatively."""


def figure_of(evaluation: Evaluation, figure: Figure, case: Case) -> float:
    """A figure of damage."""
    if figure == "cvar":
        return evaluation.cvar(float(case.objective.cvar.level))
    return evaluation.expected if figure == "expected" else evaluation.worst


def reached(value: float, level: float) -> bool:
    """Whether a figure is at or below a level, rounding apart."""
    return value <= accepted(level)


def accepted(level: float) -> float:
    """The greatest figure that still counts as the level."""
    return level + ROUNDING * max(abs(level), 1e-3)


def figure_alone(reading: Reading, figure: Figure) -> Reading:
    """The scenario with nothing but one figure of damage as its objective.

    The worst state is the CVaR at a level that leaves the least probable state alone: whatever
    state is the worst, it then fills the tail.
    """
    weight = 0 if figure == "expected" else 1
    settings = ["objective.cost_weight=0", f"objective.cvar.weight={weight}"]
    if figure == "worst":
        states = Problem.of(reading.case).states
        least = min(state.probability for state in states if state.probability > 0)
        # Just below one where there is one state alone.
        settings.append(f"objective.cvar.level={written(max(0.0, 1 - least))}")
    return reading.changed(settings)


def stocks_of(case: Case, asked: Mapping[str, float]) -> dict[str, float]:
    """Days by stockpile, from days by stockpile, by material that has one stockpile, or ``all``.

    Raises ScenarioError naming what is not there.
    """
    found: dict[str, float] = {}
    known = [pile.id for pile in case.stockpiles]
    faults = []
    for name, days in asked.items():
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


def with_days(reading: Reading, days: Mapping[str, float], from_year: int | None) -> Reading:
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
        if pile.id in days:
            wanted = _at_least(pile, days[pile.id], first, case)
            by_year = ", ".join(f"{year}: {written(value)}" for year, value in wanted.items())
            settings.append(f"stockpiles.{pile.id}.min_days_of_demand={{{by_year}}}")
    return reading.changed(settings)


def _at_least(pile: Stockpile, days: float, first: int, case: Case) -> dict[int, float]:
    """Days in each year from the first with a rule: the greater of old and new."""
    old = pile.min_days_of_demand
    begins = case.horizon.first_year if old is None else old.first_year or case.horizon.first_year
    wanted: dict[int, float] = {}
    for year in case.horizon.years:
        before = old.at(year) if old is not None and year >= begins else 0.0
        now = days if year >= first else 0.0
        if wanted or max(before, now) > 0:
            wanted[year] = max(before, now)
    return wanted or {first: days}


Verdict = Literal["reached", "ruled out", "open"]
Answer = tuple[Verdict, float | None, float | None]
"""A verdict, the figure of the plan behind it, and the bound."""

EXACT = 1e-7
"""Gap to which small problems are solved, so that few values stay open."""


class Stopped(Exception):
    """The user stopped the search."""


def reading_at(variation: Variation, value: float) -> Reading:
    """The scenario at a value of the number; without any limit where that is infinite."""
    return variation.unlimited() if math.isinf(value) else variation.at(value)


@dataclass(eq=False)
class Trials:
    """Tries values of a number, each started from the cuts of the others.

    ``variation`` is of a scenario whose objective is the figure alone; ``level`` is None where
    stocks alone are asked for, which rules alone decide.
    """

    variation: Variation
    level: float | None
    options: TargetOptions
    pool: CutPool | None = None
    made: list[Trial] = field(default_factory=list)
    plans: dict[float, Found] = field(default_factory=dict)
    """Plans that reach the goal, by value; none where rules alone decide."""
    least: float | None = None
    """The least figure of any plan that was found."""
    below: float | None = None
    """It is proven that no value below reaches the goal."""
    feasible: float | None = None
    """A value that reaches it."""
    width: float = 1.0
    """How wide the interval between the two may be."""
    lowest: bool = False
    """Whether the lowest value that was asked for reaches the goal."""
    unreachable: bool = False
    open: list[float] = field(default_factory=list)

    def halve(self) -> None:
        """Narrow the interval between what is ruled out and what is reached.

        Raises Stopped if the user stops the search.
        """
        options, first = self.options, self.options.begins
        top = math.inf if options.last is None else options.last
        if options.last is not None:
            self.width = self._width(options.last)
        outcome = self._note(top)
        if outcome == "ruled out":
            self.below, self.unreachable = options.last, True
        if outcome != "reached" or self.feasible is None:
            return
        if self.feasible <= first or self._note(first) == "reached":
            # Nothing below the first value was asked about.
            self.feasible, self.below, self.lowest = first, None, True
            return
        self.width = width = self._width(self.feasible)
        # What stays open counts as not reached while the upper end falls, and as reached while the
        # lower one rises.
        lowest = first
        while (middle := self._middle(lowest, self.feasible, width)) is not None:
            if self._note(middle) != "reached":
                lowest = middle
        while self.open and self.below is not None:
            highest = min([*(v for v in self.open if v > self.below), self.feasible])
            step = self._middle(self.below, highest, width)
            if step is None:
                break
            self._note(step)

    def _width(self, last: float) -> float:
        """How wide the interval may be, up to a value that reaches the goal."""
        options = self.options
        if self.variation.whole:
            return max(1.0, options.tolerance or 1.0)
        if options.tolerance is not None:
            return options.tolerance
        share = (last - options.begins) / 1000
        return min(1.0, share) if self.variation.funders is not None else share

    def _middle(self, lower: float, higher: float, width: float) -> float | None:
        if higher - lower <= width * (1 + 1e-9):
            return None
        middle = (lower + higher) / 2
        return float(math.floor(middle)) if self.variation.whole else middle

    def _note(self, value: float) -> Verdict:
        """Try a value and note what it says of the interval: where it reaches the goal, the less
        that its plan spends does, as far as the plan keeps the rules there."""
        self.options.tell(len(self.made), None, named_value(value))
        outcome = self.at(value)
        if outcome == "open":
            self.open.append(value)
        elif outcome == "ruled out":
            self.below = value if self.below is None else max(self.below, value)
        else:
            funders, found, least = self.variation.funders, self.plans.get(value), value
            if funders is not None and found is not None:
                less = min(value, spent(found, funders) * (1 + 1e-9))
                least = less if less < value and self._keeps(found, less) else value
                if math.isfinite(least):
                    self.plans[least] = found
            if math.isfinite(least) and (self.feasible is None or least < self.feasible):
                self.feasible = least
        return outcome

    def _keeps(self, found: Found, value: float) -> bool:
        """Whether a plan keeps the rules at another value."""
        try:
            found.under(Problem.of(self.variation.at(value).case).together, None)
        except CheckFailed:
            return False
        return True

    def at(self, value: float) -> Verdict:
        """Try a value: ``reached``, ``ruled out`` or ``open``.

        Raises Stopped if the user stops the search.
        """
        began = time.perf_counter()
        problem = Problem.of(reading_at(self.variation, value).case)
        if self.level is None:
            outcome, figure, bound = self._by_rules(problem)
        else:
            outcome, figure, bound = self._by_plan(value, problem, self.level)
        if math.isfinite(value):
            seconds = time.perf_counter() - began
            self.made.append(
                Trial(value=value, outcome=outcome, figure=figure, bound=bound, seconds=seconds)
            )
        return outcome

    def _by_rules(self, problem: Problem) -> Answer:
        program = highs.compile_model(build_least_spending(problem.instance, ())).program
        solution = highs.solve(program.feasibility(), time_limit=self.options.time_limit)
        if solution.interrupted:
            raise Stopped
        if solution.ending == "infeasible":
            return "ruled out", None, None
        return "reached" if solution.values is not None else "open", None, None

    def _by_plan(self, value: float, problem: Problem, level: float) -> Answer:
        began, options = time.perf_counter(), self.options
        solved = search(
            problem,
            gap=options.gap if self.pool is not None else min(options.gap, EXACT),
            time_limit=options.time_limit,
            threads=options.threads,
            pool=self.pool,
            on_progress=options.on_progress,
            enough=accepted(level),
        )
        solution = solved.solution
        if solution.ending == "infeasible":
            return "ruled out", None, None
        figure, bound = None, solution.bound
        if solved.commitment is not None:
            found = judge(problem, solved, gap=options.gap, began=began, threads=options.threads)
            figure = figure_of(found.with_plan, options.figure, problem.instance.case)
            self.least = figure if self.least is None else min(self.least, figure)
            if reached(figure, level):
                self.plans[value] = found
                return "reached", figure, None if bound is None else min(bound, figure)
        if solution.interrupted:
            raise Stopped
        ruled_out = bound is not None and bound >= accepted(level) * (1 - 1e-12)
        return "ruled out" if ruled_out else "open", figure, bound
