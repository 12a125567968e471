"""Portfolios within the limit, one after the other, each as unlike those before as can be."""

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import portfolio_of, with_marks
from optimizer.errors import SolverError
from optimizer.solve.checked_solution import Found, proven
from optimizer.solve.decomposition import Appraiser, CutPool, Farthest, Mark, Portfolio
from optimizer.solve.planner import Problem, judge, search
from optimizer.solve.solver_result import Solved

SPARE = 1e-6
"""Share of the bound that is left to the solver's arithmetic."""
NODES = 20
"""Branches in which a farthest portfolio is sought at first; small problems need fewer."""
ROUNDS = 200
"""Portfolios that are tried for an alternative."""
SMALL = 40
"""Whole columns up to which the program is sought to its end without a guess."""
COARSE = 0.1
"""Of what the limit allows, the part to which the cost of turning a mark is told."""
BOLD, TIMID = 1.3, 0.1
"""Of what the limit leaves, the part that a guess takes at first, and below which it gives up."""
TIGHTER = 0.9
"""By how much it takes less after one that was ruled out."""

Verdict = Literal["within", "ruled out", "open"]


@dataclass(frozen=True, eq=False)
class Sought:
    """An alternative, and what is proven of it."""

    portfolio: Portfolio
    found: Found
    """The best plan with it, under the rules of the scenario."""
    own_bound: float
    """No plan with this portfolio has a lower objective."""
    unlike: int
    most: int
    """No portfolio within the limit is less like those before."""


@dataclass(eq=False)
class Seeker:
    """Seeks portfolios of a problem with recourse whose best plan and bound are known.

    ``pool`` holds the cuts that were found on the way there, and takes in more.
    """

    problem: Problem
    pool: CutPool
    least: dict[str, float]
    bound: float
    """No plan has a lower objective."""
    options: AlternativesOptions
    interrupted: bool = False
    exhausted: bool = False
    """Whether it is proven that no further portfolio is within the limit."""

    def __post_init__(self) -> None:
        self.instance = self.problem.instance
        parts = [(own.instance, own.recourse) for own in self.problem.parts]
        seen = [recourse.seen(instance) for instance, recourse in parts if recourse is not None]
        self.farthest = Farthest(Appraiser(self.problem.together, seen), self.least)
        self.limit = self.bound + self.options.within * abs(self.bound)
        """The objective that alternatives may have."""
        self._spare = SPARE * max(1.0, abs(self.bound), self.problem.least)
        self._enough = self.limit + self._spare
        self.settled: dict[Mark, bool] = {}
        """Marks that all plans within the limit have, or lack."""
        self.costs: dict[Mark, float] = {}
        """By how much the best plan is worse that has a mark otherwise than the first, about."""
        self._ruled_out: set[Portfolio] = set()
        self._undecided: set[Portfolio] = set()

    def settle(self, first: Portfolio, on_mark: Callable[[int, int], None]) -> None:
        """Find out which marks of the first portfolio no plan within the limit has otherwise.

        Each is asked for by itself: whether there is a plan within the limit with all else free.
        What turning a mark costs is noted as well, where problems are too large to be sought to
        their end, so that a guess may be needed.
        """
        for number, mark in enumerate(self.farthest.marks):
            on_mark(number, len(self.farthest.marks))
            if self.interrupted:
                return
            has, lacks = ([], [mark]) if mark in first else ([mark], [])
            verdict, solved = self._ask(has, lacks)
            if verdict == "ruled out":
                self.settled[mark] = mark in first
            elif verdict == "within" and solved.size.get("integers", 0) > SMALL:
                own = self._with_marks(has, lacks)
                coarse = max(self.options.gap, COARSE * self.options.within)
                worth = self._search(own, None, gap=coarse).solution.objective
                if worth is not None:
                    self.costs[mark] = max(0.0, worth - self.bound)
        self.farthest.settle(self.settled)

    def seek(self, first: Portfolio, count: int) -> Iterator[Sought]:
        """So many alternatives to the first portfolio, as long as there are any."""
        known = [first]
        while len(known) <= count:
            found = self._next(known)
            if found is None:
                return
            known.append(found.portfolio)
            yield found

    def _next(self, known: list[Portfolio]) -> Sought | None:
        """The next alternative; None where there is none, or none was found."""
        most, nodes = math.inf, NODES
        for _ in range(ROUNDS):
            self.farthest.learn(self.pool.cuts)
            made = self.farthest.seek(
                known,
                self._ruled_out | self._undecided,
                self._enough,
                nodes=nodes,
                time_limit=self.options.time_limit,
            )
            if not self._undecided:
                most = min(most, made.most)
                self.exhausted = made.portfolio is None and made.complete
            if self.interrupted or (made.portfolio is None and made.complete):
                return None
            if made.portfolio is not None:
                found = self._tried(made.portfolio, known, most)
                if not made.complete and self.costs:
                    guessed = self._guessed(known, most)
                    if found is None or (guessed is not None and guessed.unlike > found.unlike):
                        found = guessed
                if found is not None:
                    return found
            if not made.complete:
                nodes *= 2
        return None

    def _guessed(self, known: list[Portfolio], most: float) -> Sought | None:
        """The farthest portfolio by the guess that is within the limit."""
        share = BOLD
        while share > TIMID and not self.interrupted:
            barred = self._ruled_out | self._undecided
            room = share * (self._enough - self.bound)
            portfolio = self.farthest.guess(known, barred, self.costs, room)
            found = None if portfolio is None else self._tried(portfolio, known, most)
            if portfolio is None or found is not None:
                return found
            share *= TIGHTER
        return None

    def _tried(self, portfolio: Portfolio, known: list[Portfolio], most: float) -> Sought | None:
        """A portfolio, if it is within the limit; ruled out or put aside if not."""
        verdict, solved = self._ask(portfolio, self._lacks(portfolio))
        if verdict != "within":
            (self._ruled_out if verdict == "ruled out" else self._undecided).add(portfolio)
            return None
        sought = self._polished(portfolio, solved)
        unlike = min(len(sought.portfolio ^ other) for other in known)
        top = most if math.isfinite(most) else float(len(self.farthest.marks))
        return replace(sought, unlike=unlike, most=max(unlike, int(top)))

    def _lacks(self, portfolio: Portfolio) -> list[Mark]:
        return [mark for mark in self.farthest.marks if mark not in portfolio]

    def _ask(self, has: Collection[Mark], lacks: Collection[Mark]) -> tuple[Verdict, Solved]:
        """Whether there is a plan within the limit that has some marks and lacks others."""
        solved = self._search(self._with_marks(has, lacks), self._enough)
        solution = solved.solution
        if solution.objective is not None and solution.objective <= self._enough:
            return "within", solved
        return ("open" if solution.ending == "limit" else "ruled out"), solved

    def _with_marks(self, has: Collection[Mark], lacks: Collection[Mark]) -> Problem:
        """The problem with some marks and without others, under all sets of assumptions."""
        whole, *sets = (
            replace(own, instance=with_marks(own.instance, has, lacks, self.least), seconds=0.0)
            for own in (self.problem, *self.problem.sets)
        )
        return replace(whole, sets=tuple(sets))

    def _search(self, problem: Problem, enough: float | None, gap: float | None = None) -> Solved:
        options = self.options
        solved = search(
            problem,
            gap=options.gap if gap is None else gap,
            time_limit=options.time_limit,
            threads=options.threads,
            method="decomposition",
            pool=self.pool,
            on_progress=options.on_progress,
            enough=enough,
        )
        self.interrupted |= solved.solution.interrupted
        return solved

    def _polished(self, portfolio: Portfolio, reached: Solved) -> Sought:
        """The best plan with a portfolio, checked under the rules of the scenario."""
        began, options = time.perf_counter(), self.options
        own = self._with_marks(portfolio, self._lacks(portfolio))
        solved = self._search(own, None)
        best, claimed = solved.solution.objective, reached.solution.objective
        bound = solved.solution.bound
        if best is None or (claimed is not None and claimed < best):
            solved = replace(solved, commitment=reached.commitment, solution=reached.solution)
        judged = judge(own, solved, gap=options.gap, began=began, threads=options.threads)
        found = judged.under(self.problem.together, self.bound)
        certificate = found.certificate.model_copy(update={"gap_target": options.within})
        certificate = proven(certificate, found.objective, self.bound, found.sizes)
        if found.objective > self._enough + self._spare:
            raise SolverError("an alternative is not within the limit after all")
        portfolio = portfolio_of(self.instance, found.commitment, self.least)
        least = self.bound if bound is None else max(bound, self.bound)
        found = replace(found, instance=self.instance, certificate=certificate)
        return Sought(portfolio, found, least, 0, 0)
