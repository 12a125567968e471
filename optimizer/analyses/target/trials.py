"""Whether a goal can be reached at single values of a number, each answer proven."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Literal

from models.results import Trial
from models.scenario.case import Case
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.target.goal import accepted, figure_of, reached
from optimizer.analyses.target.options import Figure
from optimizer.analyses.variation import Variation
from optimizer.model import highs
from optimizer.model.formulation import build_least_spending
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, judge, search

Verdict = Literal["reached", "ruled out", "open"]
Answer = tuple[Verdict, float | None, float | None]
"""A verdict, the figure of the plan behind it, and the bound."""

EXACT = 1e-7
"""Gap to which small problems are solved, so that few values stay open."""


class Stopped(Exception):
    """The user stopped the search."""


@dataclass(eq=False)
class Trials:
    """Tries values of a number, each started from the cuts of the others.

    ``variation`` is of a scenario whose objective is the figure alone; ``level`` is None where
    stocks alone are asked for, which rules alone decide.
    """

    variation: Variation
    figure: Figure
    level: float | None
    options: SolveOptions
    pool: CutPool | None = None
    made: list[Trial] = field(default_factory=list)
    plans: dict[float, Found] = field(default_factory=dict)
    """Plans that reach the goal, by value; none where rules alone decide."""
    least: float | None = None
    """The least figure of any plan that was found."""

    def at(self, value: float) -> Verdict:
        """Try a value: ``reached``, ``ruled out`` or ``open``.

        Raises
        ------
        Stopped
            If the user stops the search.
        """
        return self._try(value, self.variation.at(value).case)

    def without_limit(self) -> Verdict:
        """Try the scenario without the budget that is varied."""
        return self._try(math.inf, self.variation.unlimited().case)

    def _try(self, value: float, case: Case) -> Verdict:
        began = time.perf_counter()
        problem = Problem.of(case)
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
        began = time.perf_counter()
        options = self.options
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
            figure = figure_of(found.with_plan, self.figure, problem.instance.case)
            self.least = figure if self.least is None else min(self.least, figure)
            if reached(figure, level):
                self.plans[value] = found
                return "reached", figure, _known(bound, figure)
        if solution.interrupted:
            raise Stopped
        ruled_out = bound is not None and bound >= accepted(level) * (1 - 1e-12)
        return "ruled out" if ruled_out else "open", figure, bound


def _known(bound: float | None, figure: float) -> float | None:
    return None if bound is None else min(bound, figure)
