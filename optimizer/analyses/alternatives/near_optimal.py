"""Near-optimal portfolios that differ from each other as much as possible, and the robustness of
each choice.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.files import LoadedScenario, read_case
from models.language import tr
from models.results import Alternative, Alternatives, Plan, RobustnessCase
from models.scenario.case import Case
from optimizer.analyses.alternatives import portfolios
from optimizer.analyses.alternatives.portfolios import (
    CaseToSolve,
    list_other_cases,
    make_case_solver,
    plan_portfolio,
    with_fixed_items,
)
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import AlternativesOptions
from optimizer.analyses.saved_plan import SavedPlan, common_result_fields, outcome_without_plan
from optimizer.errors import NoPlan, SolverError
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.certification import recertify
from optimizer.solve.checked_solution import CheckedSolution, updated_certificate
from optimizer.solve.decomposition import (
    CutOracle,
    FarthestPortfolioProgram,
    Portfolio,
    PortfolioItem,
)
from optimizer.solve.planner import Problem, default_jobs
from optimizer.solve.session import Answer, Session
from optimizer.solve.solver_result import RELATIVE_OBJECTIVE_FLOOR, is_gap_closed, relative_gap

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


@dataclass(frozen=True, eq=False)
class AlternativesResult:
    """The result on alternatives, and the plans by the number of the alternative; 0 is the plan
    itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]
    gap_scale_floor: float = RELATIVE_OBJECTIVE_FLOOR
    """Lower limit of the denominator of relative gaps."""


def run_analysis(analysis_input: AnalysisInput, options: AlternativesOptions) -> AnalysisOutcome:
    """Run the command that finds near-optimal alternatives to the best plan, or to a saved plan."""
    variant_cases: dict[str, Case] = {}
    if analysis_input.saved_plan is None and options.variants:
        ids = [id for id in analysis_input.reading.case.variants if id != analysis_input.variant]
        variant_cases = {
            id: read_case(analysis_input.file, id, options.settings).case for id in ids
        }
    elif options.variants:
        options.listener.note(tr("A plan carries no variants of its file: none are solved."))
    search_result = find_alternatives(
        analysis_input.reading,
        options,
        saved_plan=analysis_input.saved_plan,
        variants=variant_cases,
        **analysis_input.labels,
    )
    alternatives = search_result.alternatives
    is_short = len(alternatives.alternatives) < alternatives.wanted and not alternatives.exhausted
    has_stopped_cases = any(other.status in ("limit", "none") for other in alternatives.others)
    # For a saved plan the distance from the bound says nothing about the quality of the solve.
    gap_arguments = alternatives.plan.objective, alternatives.bound, alternatives.gap_target
    is_proven = alternatives.given or is_gap_closed(*gap_arguments, search_result.gap_scale_floor)
    is_complete = (
        is_proven and not is_short and not has_stopped_cases and alternatives.ended == "complete"
    )
    plans = {f"plans/{number}": plan for number, plan in search_result.plans.items()}
    return AnalysisOutcome(alternatives, 0 if is_complete else 1, plans)


def find_alternatives(
    loaded_scenario: LoadedScenario,
    options: AlternativesOptions,
    *,
    saved_plan: SavedPlan | None = None,
    variants: Mapping[str, Case] | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> AlternativesResult:
    """Find portfolios whose objective is near the optimum and that differ as much as possible, and
    the robustness of choices.

    The best plan is solved for first, since the limit is relative to its bound. If there is a
    ``saved_plan``, alternatives are compared with it, else with the best plan. ``variants`` are
    those of the scenario file by id; a saved plan has none.

    Raises ScenarioError if a setting of a stated assumption set is invalid, and Infeasible or
    NoPlan if there is no plan, or if nothing was proven about the best plan before a limit.
    """
    started_at = time.perf_counter()
    other_cases = list_other_cases(loaded_scenario, variants or {}, options)
    problem = Problem.from_case(loaded_scenario.case) if saved_plan is None else saved_plan.problem
    problem = problem.with_recourse(options.threads)
    instance = problem.instance
    session = Session(**options.solver_options)
    options.report_progress(0, 1, tr("the best plan"))
    # The limit is relative to the bound, so a narrow limit needs an equally tight bound.
    narrow_gap = max(options.within / 10, 1e-6)
    best_plan = session.solve(problem, method="decomposition", gap=min(options.gap, narrow_gap))
    bound = best_plan.certificate.bound
    if problem.uses_reference_optima:
        problem = replace(
            problem,
            reference_optima=tuple(
                x.reference_optimum for x in best_plan.set_outcomes if x.reference_optimum
            ),
        )
        # Gaps of a regret are relative to the objective of the best plans, not to the regret
        # itself.
        if bound is not None and not is_gap_closed(best_plan.objective, bound, narrow_gap):
            gap = min(options.gap, narrow_gap * abs(bound) / best_plan.objective_floor)
            best_plan = session.solve(problem, method="decomposition", gap=max(gap, 1e-6))
            bound = best_plan.certificate.bound
    if bound is None:
        raise NoPlan("nothing was proven of the best plan before the limit")
    plan = best_plan if saved_plan is None else saved_plan.solution.with_bound(bound)
    states = best_plan.certificate.states
    sets = problem.tree.instances
    min_lots = portfolios.min_lots_by_stockpile(instance, options.least_days, *sets)
    base_portfolio = portfolios.plan_portfolio(instance, plan.commitment, min_lots)
    search = AlternativeSearch(
        problem, session, min_lots, bound, options, interrupted=best_plan.interrupted
    )
    alternatives, solved_cases = _run_search(search, base_portfolio, options, other_cases)
    items, chosen_portfolios = search.farthest_program.items, [x.portfolio for x in alternatives]
    result = Alternatives(
        last_year=instance.years[-1],
        within=options.within,
        bound=bound,
        limit=search.limit,
        least_days=options.least_days,
        marks=len(items),
        gap=relative_gap(plan.objective, bound, plan.objective_floor) or 0.0,
        given=saved_plan is not None,
        without_plan=outcome_without_plan(plan),
        plan=portfolios.plan_figures(plan, bound, min_lots),
        alternatives=tuple(
            _describe_alternative(n, x, base_portfolio, bound, min_lots)
            for n, x in enumerate(alternatives, 1)
        ),
        wanted=options.count,
        exhausted=search.exhausted,
        others=tuple(solved_cases),
        items=portfolios.robustness_indices(
            items, base_portfolio, search.settled_items, chosen_portfolios, solved_cases
        ),
        ended="interrupted" if search.interrupted else "complete",
        **common_result_fields(
            Alternatives, loaded_scenario.case, title, variant, started_at, states, options.gap
        ),
    )
    plans = {
        n: x.solution.to_plan(title, variant, with_details=False)
        for n, x in enumerate(alternatives, 1)
    }
    gap_scale_floor = max(problem.objective_floor, RELATIVE_OBJECTIVE_FLOOR)
    return AlternativesResult(result, {0: plan.to_plan(title, variant), **plans}, gap_scale_floor)


def _run_search(
    search: AlternativeSearch,
    base_portfolio: Portfolio,
    options: AlternativesOptions,
    other_cases: Sequence[CaseToSolve],
) -> tuple[list[PlanAlternative], list[RobustnessCase]]:
    """Search for alternatives and solve the other cases; return the results of both.

    If the user interrupts the search, those that are complete by then are returned.
    """
    alternatives: list[PlanAlternative] = []
    solved_cases_by_index: dict[int, RobustnessCase] = {}

    def record(other: CaseToSolve, solved_case: RobustnessCase) -> None:
        solved_cases_by_index[other_cases.index(other)] = solved_case
        options.report_progress(
            len(solved_cases_by_index), len(other_cases), tr("variants and assumptions")
        )

    try:
        search.settle_items(
            base_portfolio,
            lambda done, total: options.report_progress(
                done, total, tr("what all plans within have")
            ),
        )
        options.report_progress(0, options.count, tr("alternatives"))
        for alternative in search.generate(base_portfolio, options.count):
            alternatives.append(alternative)
            options.report_progress(len(alternatives), options.count, tr("alternatives"))
        if other_cases and not search.interrupted:
            default_worker_count = default_jobs(search.instance, search.problem.states)
            jobs = min(choose_worker_count(options.jobs, default_worker_count), len(other_cases))
            solver_arguments = (options.least_days, options.gap, options.time_limit)
            options.report_progress(0, len(other_cases), tr("variants and assumptions"))
            with Workers[CaseToSolve, RobustnessCase](
                make_case_solver, solver_arguments, jobs
            ) as workers:
                workers.map(other_cases, record)
    except KeyboardInterrupt:
        search.interrupted = True
    return alternatives, [solved_cases_by_index[n] for n in sorted(solved_cases_by_index)]


def _describe_alternative(
    number: int,
    alternative: PlanAlternative,
    base_portfolio: Portfolio,
    bound: float,
    min_lots: Mapping[str, float],
) -> Alternative:
    """Return the result on an alternative: its figures, and its differences from the base
    portfolio."""
    instance = alternative.solution.instance

    def ids(kind: str, portfolio: Portfolio) -> tuple[str, ...]:
        order = instance.projects if kind == "project" else instance.stockpiles
        return tuple(id for id in order if (kind, id) in portfolio)

    items_added, items_removed = (
        alternative.portfolio - base_portfolio,
        base_portfolio - alternative.portfolio,
    )
    return Alternative(
        number=number,
        plan=portfolios.plan_figures(alternative.solution, bound, min_lots),
        portfolio_bound=alternative.portfolio_bound,
        unlike=alternative.distance,
        unlike_at_most=alternative.max_distance,
        unlike_proven=alternative.distance == alternative.max_distance,
        unlike_plan=len(alternative.portfolio ^ base_portfolio),
        entering=ids("project", items_added),
        leaving=ids("project", items_removed),
        bought_up=ids("stockpile", items_added),
        given_up=ids("stockpile", items_removed),
    )
