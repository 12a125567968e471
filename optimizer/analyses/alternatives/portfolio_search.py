"""Search for portfolios within the limit, each as far as possible from those found before it."""

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import plan_portfolio, with_fixed_items
from optimizer.errors import SolverError
from optimizer.solve.certification import recertify
from optimizer.solve.checked_solution import CheckedSolution, updated_certificate
from optimizer.solve.decomposition import (
    CutOracle,
    FarthestPortfolioProgram,
    Portfolio,
    PortfolioItem,
)
from optimizer.solve.planner import Problem
from optimizer.solve.session import Answer, Session

OBJECTIVE_SLACK = 1e-6
"""Numerical tolerance of the limit, as a share of the bound."""
FIRST_NODE_LIMIT = 20
"""Initial node limit of the search for a farthest portfolio; doubled while it is exceeded."""
MAX_PORTFOLIOS_TRIED = 200
"""Maximum number of farthest portfolios that are computed for one alternative."""
SMALL_PROGRAM_INTEGERS = 40
"""Number of integer columns up to which the program is solved to the end without a guess."""
ITEM_COST_GAP_SHARE = 0.1
"""Gap to which the cost of flipping an item is computed, as a share of the option ``within``."""
FIRST_GUESS_SHARE, LAST_GUESS_SHARE = 1.3, 0.1
"""Share of the distance from the bound to the limit that the item costs of a guess may add up to:
at first, and at the end."""
GUESS_SHRINK_FACTOR = 0.9
"""Factor on that share after a guess that has no plan within the limit."""

Verdict = Literal["within", "ruled out", "open"]


@dataclass(frozen=True, eq=False)
class PlanAlternative:
    """An alternative to a plan, and what is proven about it."""

    portfolio: Portfolio
    solution: CheckedSolution
    """The best plan found with the portfolio, certified under the rules of the scenario."""
    portfolio_bound: float
    """No plan with this portfolio has a lower objective."""
    distance: int
    """Number of items in which the portfolio differs from the nearest one before it."""
    max_distance: int
    """Proven upper bound on this distance over all portfolios within the limit."""


@dataclass(eq=False)
class AlternativeSearch:
    """Search for near-optimal portfolios of a problem whose best plan and bound are known.

    The problem has a recourse evaluator. ``session`` has the cuts from the search for the best
    plan, and receives more.
    """

    problem: Problem
    session: Session
    min_lots: dict[str, float]
    bound: float
    """No plan has a lower objective."""
    options: AlternativesOptions
    interrupted: bool = False
    exhausted: bool = False
    """Whether it is proven that no further portfolio is within the limit."""

    def __post_init__(self) -> None:
        self.instance = self.problem.instance
        instances_and_recourses = [
            (problem.instance, problem.recourse) for problem in self.problem.single_set_problems
        ]
        evaluators = [
            recourse.for_instance(instance)
            for instance, recourse in instances_and_recourses
            if recourse is not None
        ]
        self.farthest_program = FarthestPortfolioProgram(
            CutOracle(self.problem.tree, evaluators), self.min_lots
        )
        self.limit = self.bound + self.options.within * abs(self.bound)
        """The highest objective that alternatives may have."""
        self._slack = OBJECTIVE_SLACK * max(1.0, abs(self.bound), self.problem.objective_floor)
        self._objective_limit = self.limit + self._slack
        self.settled_items: dict[PortfolioItem, bool] = {}
        """Items that all plans within the limit have (True) or lack (False)."""
        self.item_costs: dict[PortfolioItem, float] = {}
        """Approximate rise of the objective if an item is flipped against the base portfolio."""
        self._ruled_out: set[Portfolio] = set()
        self._undecided: set[Portfolio] = set()

    def settle_items(self, base_portfolio: Portfolio, on_item: Callable[[int, int], None]) -> None:
        """Find the items of the base portfolio that are the same in all plans within the limit.

        For each item, the search tests whether there is a plan within the limit in which this item
        is flipped and all others are free. If there is one and the problem is too large to be
        solved to the end, the cost of flipping the item is recorded for later guesses. ``on_item``
        receives the numbers of items done and of all items.
        """
        for number, item in enumerate(self.farthest_program.items):
            on_item(number, len(self.farthest_program.items))
            if self.interrupted:
                return
            required_items, excluded_items = (
                ([], [item]) if item in base_portfolio else ([item], [])
            )
            verdict, answer = self._check_items(required_items, excluded_items)
            if verdict == "ruled out":
                self.settled_items[item] = item in base_portfolio
            elif (
                verdict == "within"
                and answer.result.model_size.get("integers", 0) > SMALL_PROGRAM_INTEGERS
            ):
                flipped_problem = self._problem_with_items(required_items, excluded_items)
                coarse_gap = max(self.options.gap, ITEM_COST_GAP_SHARE * self.options.within)
                objective = self._search(flipped_problem, gap=coarse_gap).objective
                if objective is not None:
                    self.item_costs[item] = max(0.0, objective - self.bound)
        self.farthest_program.fix_items(self.settled_items)

    def generate(self, base_portfolio: Portfolio, count: int) -> Iterator[PlanAlternative]:
        """Yield up to ``count`` alternatives to the base portfolio, one after the other."""
        previous_portfolios = [base_portfolio]
        while len(previous_portfolios) <= count:
            alternative = self._next_alternative(previous_portfolios)
            if alternative is None:
                return
            previous_portfolios.append(alternative.portfolio)
            yield alternative

    def _next_alternative(self, previous_portfolios: list[Portfolio]) -> PlanAlternative | None:
        """Return the next alternative.

        Return None if there is none, the user stopped the search, or all attempts failed.
        """
        max_distance, node_limit = math.inf, FIRST_NODE_LIMIT
        for _ in range(MAX_PORTFOLIOS_TRIED):
            assert self.session.pool is not None
            self.farthest_program.add_cuts(self.session.pool.cuts)
            farthest_answer = self.farthest_program.find_farthest(
                previous_portfolios,
                self._ruled_out | self._undecided,
                self._objective_limit,
                node_limit=node_limit,
                time_limit=self.options.time_limit,
            )
            if not self._undecided:
                max_distance = min(max_distance, farthest_answer.max_distance)
                self.exhausted = farthest_answer.portfolio is None and farthest_answer.is_complete
            if self.interrupted or (
                farthest_answer.portfolio is None and farthest_answer.is_complete
            ):
                return None
            if farthest_answer.portfolio is not None:
                alternative = self._try_portfolio(
                    farthest_answer.portfolio, previous_portfolios, max_distance
                )
                if not farthest_answer.is_complete and self.item_costs:
                    guessed_alternative = self._try_guesses(previous_portfolios, max_distance)
                    if alternative is None or (
                        guessed_alternative is not None
                        and guessed_alternative.distance > alternative.distance
                    ):
                        alternative = guessed_alternative
                if alternative is not None:
                    return alternative
            if not farthest_answer.is_complete:
                node_limit *= 2
        return None

    def _try_guesses(
        self, previous_portfolios: list[Portfolio], max_distance: float
    ) -> PlanAlternative | None:
        """Guess portfolios from the costs of flipping items; return the first that has a plan
        within the limit.

        Each guess is the farthest portfolio from ``previous_portfolios`` that the costs allow.
        Return None if no guess succeeds.
        """
        share = FIRST_GUESS_SHARE
        while share > LAST_GUESS_SHARE and not self.interrupted:
            excluded_portfolios = self._ruled_out | self._undecided
            cost_limit = share * (self._objective_limit - self.bound)
            portfolio = self.farthest_program.guess_portfolio(
                previous_portfolios, excluded_portfolios, self.item_costs, cost_limit
            )
            alternative = (
                None
                if portfolio is None
                else self._try_portfolio(portfolio, previous_portfolios, max_distance)
            )
            if portfolio is None or alternative is not None:
                return alternative
            share *= GUESS_SHRINK_FACTOR
        return None

    def _try_portfolio(
        self, portfolio: Portfolio, previous_portfolios: list[Portfolio], max_distance: float
    ) -> PlanAlternative | None:
        """Return the best plan of a portfolio as an alternative, if it is within the limit.

        Otherwise exclude the portfolio from the search and return None.
        """
        verdict, answer = self._check_items(portfolio, self._missing_items(portfolio))
        if verdict != "within":
            (self._ruled_out if verdict == "ruled out" else self._undecided).add(portfolio)
            return None
        alternative = self._best_plan_with(portfolio, answer)
        distance = min(len(alternative.portfolio ^ other) for other in previous_portfolios)
        finite_max = (
            max_distance if math.isfinite(max_distance) else len(self.farthest_program.items)
        )
        return replace(alternative, distance=distance, max_distance=max(distance, int(finite_max)))

    def _missing_items(self, portfolio: Portfolio) -> list[PortfolioItem]:
        return [item for item in self.farthest_program.items if item not in portfolio]

    def _check_items(
        self, required_items: Collection[PortfolioItem], excluded_items: Collection[PortfolioItem]
    ) -> tuple[Verdict, Answer]:
        """Decide whether there is a plan within the limit that has the required items and none of
        the excluded ones; return the verdict and the answer of the session."""
        problem = self._problem_with_items(required_items, excluded_items)
        answer = self._search(problem, target_objective=self._objective_limit)
        if answer.objective is not None and answer.objective <= self._objective_limit:
            return "within", answer
        is_open = answer.result.solution.ending == "limit"
        return ("open" if is_open else "ruled out"), answer

    def _problem_with_items(
        self, required_items: Collection[PortfolioItem], excluded_items: Collection[PortfolioItem]
    ) -> Problem:
        """Return the problem, and those of its assumption sets, with some items required and others
        excluded."""
        restricted_problem, *set_problems = (
            replace(
                problem,
                instance=with_fixed_items(
                    problem.instance, required_items, excluded_items, self.min_lots
                ),
                read_seconds=0.0,
            )
            for problem in (self.problem, *self.problem.set_problems)
        )
        return replace(restricted_problem, set_problems=tuple(set_problems))

    def _search(self, problem: Problem, **search_options: Any) -> Answer:
        answer = self.session.search(problem, method="decomposition", **search_options)
        self.interrupted |= answer.interrupted
        return answer

    def _best_plan_with(self, portfolio: Portfolio, first_answer: Answer) -> PlanAlternative:
        """Search for the best plan of a portfolio, and certify it under the rules of the scenario.

        ``first_answer`` has another plan of the portfolio, which is taken if it is better. The
        distances of the result are set to 0. Raises SolverError if the plan is above the limit.
        """
        problem = self._problem_with_items(portfolio, self._missing_items(portfolio))
        answer, first_result = self._search(problem), first_answer.result
        objective, first_objective, bound = answer.objective, first_answer.objective, answer.bound
        if objective is None or (first_objective is not None and first_objective < objective):
            result = replace(
                answer.result, commitment=first_result.commitment, solution=first_result.solution
            )
            answer = replace(answer, result=result)
        plan = recertify(answer.certify(), self.problem, self.bound)
        certificate = plan.certificate.model_copy(update={"gap_target": self.options.within})
        certificate = updated_certificate(certificate, plan.objective, self.bound, plan.gap_scale)
        if plan.objective > self._objective_limit + self._slack:
            raise SolverError("an alternative is not within the limit after all")
        portfolio = plan_portfolio(self.instance, plan.commitment, self.min_lots)
        portfolio_bound = self.bound if bound is None else max(bound, self.bound)
        plan = replace(plan, certificate=certificate)
        return PlanAlternative(portfolio, plan, portfolio_bound, 0, 0)
