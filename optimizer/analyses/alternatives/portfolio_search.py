"""Portfolios within the limit, one after the other, each as unlike those before as can be."""

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import fix_marks, plan_portfolio
from optimizer.errors import SolverError
from optimizer.solve.checked_solution import CheckedSolution, updated_certificate
from optimizer.solve.decomposition import (
    CutOracle,
    CutPool,
    FarthestPortfolioProgram,
    Portfolio,
    PortfolioItem,
)
from optimizer.solve.planner import Problem, certify, solve_problem
from optimizer.solve.solver_result import SolverResult

OBJECTIVE_SLACK = 1e-6
"""Share of the bound that is left to the solver's arithmetic."""
FIRST_NODE_LIMIT = 20
"""Branches in which a farthest portfolio is sought at first; small problems need fewer."""
MAX_PORTFOLIOS_TRIED = 200
"""Portfolios that are tried for an alternative."""
SMALL_PROGRAM_INTEGERS = 40
"""Whole columns up to which the program is sought to its end without a guess."""
MARK_COST_GAP_SHARE = 0.1
"""Of what the limit allows, the part to which the cost of turning a mark is told."""
FIRST_GUESS_SHARE, LAST_GUESS_SHARE = 1.3, 0.1
"""Of what the limit leaves, the part that a guess takes at first, and below which it gives up."""
GUESS_SHRINK_FACTOR = 0.9
"""By how much it takes less after one that was ruled out."""

Verdict = Literal["within", "ruled out", "open"]


@dataclass(frozen=True, eq=False)
class PlanAlternative:
    """An alternative, and what is proven of it."""

    portfolio: Portfolio
    solution: CheckedSolution
    """The best plan with it, under the rules of the scenario."""
    portfolio_bound: float
    """No plan with this portfolio has a lower objective."""
    distance: int
    max_distance: int
    """No portfolio within the limit is less like those before."""


@dataclass(eq=False)
class AlternativeSearch:
    """Seeks portfolios of a problem with recourse whose best plan and bound are known.

    ``pool`` holds the cuts that were found on the way there, and takes in more.
    """

    problem: Problem
    pool: CutPool
    min_lots: dict[str, float]
    bound: float
    """No plan has a lower objective."""
    options: AlternativesOptions
    interrupted: bool = False
    exhausted: bool = False
    """Whether it is proven that no further portfolio is within the limit."""

    def __post_init__(self) -> None:
        self.instance = self.problem.instance
        parts = [(own.instance, own.recourse) for own in self.problem.single_set_problems]
        seen = [
            recourse.for_instance(instance) for instance, recourse in parts if recourse is not None
        ]
        self.farthest = FarthestPortfolioProgram(
            CutOracle(self.problem.assumption_sets, seen), self.min_lots
        )
        self.limit = self.bound + self.options.within * abs(self.bound)
        """The objective that alternatives may have."""
        self._slack = OBJECTIVE_SLACK * max(1.0, abs(self.bound), self.problem.objective_floor)
        self._objective_limit = self.limit + self._slack
        self.settled_marks: dict[PortfolioItem, bool] = {}
        """Marks that all plans within the limit have, or lack."""
        self.mark_costs: dict[PortfolioItem, float] = {}
        """By how much the best plan is worse that has a mark otherwise than the first, about."""
        self._ruled_out: set[Portfolio] = set()
        self._undecided: set[Portfolio] = set()

    def settle_marks(self, base_portfolio: Portfolio, on_mark: Callable[[int, int], None]) -> None:
        """Find out which marks of the first portfolio no plan within the limit has otherwise.

        Each is asked for by itself: whether there is a plan within the limit with all else free.
        What turning a mark costs is noted as well, where problems are too large to be sought to
        their end, so that a guess may be needed.
        """
        for number, mark in enumerate(self.farthest.items):
            on_mark(number, len(self.farthest.items))
            if self.interrupted:
                return
            has, lacks = ([], [mark]) if mark in base_portfolio else ([mark], [])
            verdict, solved = self._check_marks(has, lacks)
            if verdict == "ruled out":
                self.settled_marks[mark] = mark in base_portfolio
            elif (
                verdict == "within"
                and solved.model_size.get("integers", 0) > SMALL_PROGRAM_INTEGERS
            ):
                own = self._problem_with_marks(has, lacks)
                coarse = max(self.options.gap, MARK_COST_GAP_SHARE * self.options.within)
                worth = self._solve(own, None, gap=coarse).solution.objective
                if worth is not None:
                    self.mark_costs[mark] = max(0.0, worth - self.bound)
        self.farthest.fix_items(self.settled_marks)

    def generate(self, base_portfolio: Portfolio, count: int) -> Iterator[PlanAlternative]:
        """So many alternatives to the first portfolio, as long as there are any."""
        known = [base_portfolio]
        while len(known) <= count:
            found = self._next_alternative(known)
            if found is None:
                return
            known.append(found.portfolio)
            yield found

    def _next_alternative(self, previous: list[Portfolio]) -> PlanAlternative | None:
        """The next alternative; None where there is none, or none was found."""
        most, nodes = math.inf, FIRST_NODE_LIMIT
        for _ in range(MAX_PORTFOLIOS_TRIED):
            self.farthest.add_cuts(self.pool.cuts)
            made = self.farthest.find_farthest(
                previous,
                self._ruled_out | self._undecided,
                self._objective_limit,
                node_limit=nodes,
                time_limit=self.options.time_limit,
            )
            if not self._undecided:
                most = min(most, made.max_distance)
                self.exhausted = made.portfolio is None and made.is_complete
            if self.interrupted or (made.portfolio is None and made.is_complete):
                return None
            if made.portfolio is not None:
                found = self._try_portfolio(made.portfolio, previous, most)
                if not made.is_complete and self.mark_costs:
                    guessed = self._try_guesses(previous, most)
                    if found is None or (guessed is not None and guessed.distance > found.distance):
                        found = guessed
                if found is not None:
                    return found
            if not made.is_complete:
                nodes *= 2
        return None

    def _try_guesses(
        self, previous: list[Portfolio], max_distance: float
    ) -> PlanAlternative | None:
        """The farthest portfolio by the guess that is within the limit."""
        share = FIRST_GUESS_SHARE
        while share > LAST_GUESS_SHARE and not self.interrupted:
            barred = self._ruled_out | self._undecided
            room = share * (self._objective_limit - self.bound)
            portfolio = self.farthest.guess_portfolio(previous, barred, self.mark_costs, room)
            found = (
                None
                if portfolio is None
                else self._try_portfolio(portfolio, previous, max_distance)
            )
            if portfolio is None or found is not None:
                return found
            share *= GUESS_SHRINK_FACTOR
        return None

    def _try_portfolio(
        self, portfolio: Portfolio, previous: list[Portfolio], max_distance: float
    ) -> PlanAlternative | None:
        """A portfolio, if it is within the limit; ruled out or put aside if not."""
        verdict, solved = self._check_marks(portfolio, self._missing_marks(portfolio))
        if verdict != "within":
            (self._ruled_out if verdict == "ruled out" else self._undecided).add(portfolio)
            return None
        sought = self._best_plan_with(portfolio, solved)
        unlike = min(len(sought.portfolio ^ other) for other in previous)
        top = max_distance if math.isfinite(max_distance) else float(len(self.farthest.items))
        return replace(sought, distance=unlike, max_distance=max(unlike, int(top)))

    def _missing_marks(self, portfolio: Portfolio) -> list[PortfolioItem]:
        return [mark for mark in self.farthest.items if mark not in portfolio]

    def _check_marks(
        self, required: Collection[PortfolioItem], excluded: Collection[PortfolioItem]
    ) -> tuple[Verdict, SolverResult]:
        """Whether there is a plan within the limit that has some marks and lacks others."""
        solved = self._solve(self._problem_with_marks(required, excluded), self._objective_limit)
        solution = solved.solution
        if solution.objective is not None and solution.objective <= self._objective_limit:
            return "within", solved
        return ("open" if solution.ending == "limit" else "ruled out"), solved

    def _problem_with_marks(
        self, required: Collection[PortfolioItem], excluded: Collection[PortfolioItem]
    ) -> Problem:
        """The problem with some marks and without others, under all sets of assumptions."""
        whole, *sets = (
            replace(
                own,
                instance=fix_marks(own.instance, required, excluded, self.min_lots),
                read_seconds=0.0,
            )
            for own in (self.problem, *self.problem.set_problems)
        )
        return replace(whole, set_problems=tuple(sets))

    def _solve(
        self, problem: Problem, objective_limit: float | None, gap: float | None = None
    ) -> SolverResult:
        options = self.options
        solved = solve_problem(
            problem,
            gap=options.gap if gap is None else gap,
            time_limit=options.time_limit,
            threads=options.threads,
            method="decomposition",
            pool=self.pool,
            on_progress=options.on_progress,
            target_objective=objective_limit,
        )
        self.interrupted |= solved.solution.interrupted
        return solved

    def _best_plan_with(self, portfolio: Portfolio, first_result: SolverResult) -> PlanAlternative:
        """The best plan with a portfolio, checked under the rules of the scenario."""
        began, options = time.perf_counter(), self.options
        own = self._problem_with_marks(portfolio, self._missing_marks(portfolio))
        solved = self._solve(own, None)
        best, claimed = solved.solution.objective, first_result.solution.objective
        bound = solved.solution.bound
        if best is None or (claimed is not None and claimed < best):
            solved = replace(
                solved, commitment=first_result.commitment, solution=first_result.solution
            )
        judged = certify(own, solved, gap=options.gap, started_at=began, threads=options.threads)
        found = judged.recertified_for(self.problem.assumption_sets, self.bound)
        certificate = found.certificate.model_copy(update={"gap_target": options.within})
        certificate = updated_certificate(certificate, found.objective, self.bound, found.gap_scale)
        if found.objective > self._objective_limit + self._slack:
            raise SolverError("an alternative is not within the limit after all")
        portfolio = plan_portfolio(self.instance, found.commitment, self.min_lots)
        least = self.bound if bound is None else max(bound, self.bound)
        found = replace(found, instance=self.instance, certificate=certificate)
        return PlanAlternative(portfolio, found, least, 0, 0)
