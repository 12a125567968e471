"""State of one run of the decomposition: best plan, bound, limits and cutting-plane loop."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import Integers
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import (
    ChainSelector,
    CutOracle,
    CutOracleResult,
    KnownPlan,
    chains_to_evaluate,
    objective_error,
)
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.search_tree import SearchFrontier
from optimizer.solve.solver_result import IncumbentReporter

FEASIBILITY_TOLERANCE = 1e-7  # violations of lazy rows below this are tolerated
MIN_CUT_VIOLATION = 1e-9  # cuts with a smaller relative violation are not added
ASSUMED_GAP = 0.02  # relative gap that is assumed before any plan is found
UNEVALUATED_SHARE = 0.1  # share of the estimated cut error that a round leaves unevaluated
# Smallest progress or violation of cached cuts, as a share of the target gap.
CACHED_CUT_GAP_SHARE = 0.03
# Share of a difference that may stay open: a tenth of the proven part.
OPEN_DIFFERENCE_SHARE = 1 / 11
# Shares of the target gap at which a node is pruned and a search ends.
NODE_GAP_SHARE, SEARCH_GAP_SHARE = (0.99, 0.999)
MIN_STORED_CUT_VIOLATION = 1e-6  # inactive cuts with a smaller relative violation stay inactive


BrokenRulesFinder = Callable[[Commitment], Collection[str]]


class SearchStopped(Exception):
    """Raised when a limit is reached or the user stops the search."""


class UnboundedProblem(Exception):
    """Raised when the objective is unbounded."""


@dataclass(eq=False)
class SearchRun:
    """State of one run of the decomposition.

    ``best_objective`` is the objective of the best plan so far, exact for all states;
    ``lower_bound`` is a bound that the master problem has proven.
    """

    master: Master
    cut_oracle: CutOracle
    requested_gap: float
    objective_floor: float = 1e-6  # smallest denominator of relative gaps
    deadline: float = math.inf
    target_objective: float = -math.inf  # the run ends once a plan reaches this, or none can
    # Objective from which only the difference is of interest, if any.
    compared_objective: float | None = None
    on_progress: Callable[[Progress], None] | None = None
    incumbent_reporter: IncumbentReporter | None = None
    best_objective: float = math.inf
    lower_bound: float = -math.inf
    best_solution: Floats | None = None
    node_count: int = 0
    node_limit: float = math.inf
    hit_node_limit: bool = False  # whether the node limit ended the search
    started_at: float = field(default_factory=time.perf_counter)
    stop_event: threading.Event = field(default_factory=threading.Event)  # set by the user
    is_unbounded: bool = False  # whether the objective is unbounded
    uses_cached_cuts: bool = True  # whether to add cuts from cached evaluations
    # Start indices of plans of earlier problems.
    start_hints: list[Integers] = field(default_factory=list)
    known_plans: list[KnownPlan] = field(default_factory=list)  # plans of earlier problems
    # Returns the rules of this problem that a plan of an earlier one breaks.
    find_broken_rules: BrokenRulesFinder | None = None
    # Trees that the search may resume from.
    earlier_frontiers: list[SearchFrontier] = field(default_factory=list)
    final_frontier: SearchFrontier | None = None  # tree that a later search may resume from
    history: list[Progress] = field(default_factory=list)
    _last_report_at: float = 0.0

    chain_selector: ChainSelector = field(init=False)

    def __post_init__(self) -> None:
        self.chain_selector = ChainSelector(
            self.cut_oracle.chain_ids, self.cut_oracle.chain_weights
        )

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped the search."""
        return self.stop_event.is_set()

    @property
    def is_separable(self) -> bool:
        """Whether each chain can be evaluated without the others."""
        return self.cut_oracle.is_separable

    def gap_denominator(self, objective: float) -> float:
        """Return the number by which the gap of a plan with this objective is divided."""
        return max(abs(objective), self.objective_floor)

    @property
    def target_gap(self) -> float:
        """Relative gap at which the search ends.

        It is the requested gap, or a tenth of the relative difference from ``compared_objective``
        if that is larger. It is chosen such that no cutoff rises as plans improve.
        """
        difference = (
            0.0
            if self.compared_objective is None
            else abs(self.best_objective - self.compared_objective)
        )
        if not math.isfinite(self.best_objective) or not difference:
            return self.requested_gap
        return max(
            self.requested_gap,
            OPEN_DIFFERENCE_SHARE * difference / self.gap_denominator(self.best_objective),
        )

    @property
    def cutoff(self) -> float:
        """Bound above which a node is pruned, since it can improve the plan by no more than the
        gap."""
        return self._bound_below_best(NODE_GAP_SHARE)

    @property
    def closing_bound(self) -> float:
        """Lower bound at which the gap counts as closed.

        It is slightly below the cutoff, so that a pruned node remains pruned when its bound is
        computed again.
        """
        return self._bound_below_best(SEARCH_GAP_SHARE)

    def _bound_below_best(self, share: float) -> float:
        if self.best_objective > self.target_objective > -math.inf:
            return self.target_objective
        if not math.isfinite(self.best_objective):
            return math.inf
        return self.best_objective - share * self.target_gap * self.gap_denominator(
            self.best_objective
        )

    @property
    def is_done(self) -> bool:
        """Whether the gap is closed, or it is known whether the target objective can be reached."""
        return (
            self.best_objective <= self.target_objective or self.lower_bound >= self.closing_bound
        )

    @property
    def hit_limit(self) -> bool:
        """Whether a limit or the user ended the search."""
        return self.is_interrupted or self.hit_node_limit or time.perf_counter() > self.deadline

    @property
    def absolute_gap(self) -> float:
        """Difference between the best objective and the lower bound; infinite without a plan."""
        return self.best_objective - self.lower_bound

    @property
    def relative_gap(self) -> float:
        """Relative gap of the best plan; an assumed value if there is no plan."""
        has_gap = math.isfinite(self.absolute_gap)
        return (
            max(0.0, self.absolute_gap) / self.gap_denominator(self.best_objective)
            if has_gap
            else ASSUMED_GAP
        )

    def remaining_gap(self, objective: float) -> float:
        """Return the present gap in units of the objective, but not less than the target gap.

        The gap is measured relative to ``objective``.
        """
        return max(self.relative_gap, self.target_gap) * self.gap_denominator(objective)

    def check_limits(self) -> None:
        """Raise SearchStopped if a limit is reached or the user stopped the search; otherwise
        report the incumbent."""
        if self.is_interrupted or time.perf_counter() > self.deadline:
            raise SearchStopped
        if self.incumbent_reporter is not None:
            self.incumbent_reporter.report(
                self.best_solution, self.best_objective, self.lower_bound
            )

    def enter_node(self) -> None:
        """Add one to the number of nodes. Raise SearchStopped at the node limit."""
        if self.node_count >= self.node_limit:
            self.hit_node_limit = True
            raise SearchStopped
        self.node_count += 1

    def report_progress(self, force: bool = False) -> None:
        """Record and report the progress of the search. Unless ``force`` is set, this is done at
        most every quarter of a second."""
        now = time.perf_counter() - self.started_at
        if not force and now - self._last_report_at < 0.25:
            return
        self._last_report_at = now
        gap = max(0.0, self.absolute_gap) / self.gap_denominator(self.best_objective)
        gap = gap if math.isfinite(gap) else math.inf
        progress = Progress(now, self.best_objective, self.lower_bound, gap, self.node_count)
        self.history.append(progress)
        if self.on_progress is not None:
            # An error of the display must not end the search.
            with contextlib.suppress(Exception):
                self.on_progress(progress)

    def raise_lower_bound(self, bound: float) -> None:
        """Raise the lower bound to one that holds for all plans."""
        if bound > self.lower_bound:
            self.lower_bound = bound
            self.report_progress()

    def mark_infeasible(self) -> None:
        """Record that the problem is infeasible.

        The best plan, if there is one, is dropped: it comes from an earlier problem and satisfies
        the rules only within the tolerance of their check.
        """
        self.best_objective, self.best_solution = math.inf, None
        self.raise_lower_bound(math.inf)

    def objective_at(self, x: Floats, oracle_result: CutOracleResult) -> float:
        """Return the objective at an evaluated point, exact for all states."""
        values = self.master.first_stage_costs(x) + oracle_result.recourse_costs
        return self.cut_oracle.tree.measure.value(values)

    def _estimated_cut_errors(self, x: Floats) -> tuple[dict[int, float], Floats]:
        """Return the estimated error of each chain's cuts, and the objective of each assumption set
        according to the cuts, minus its reference objective."""
        cost_to_go = self.master.cost_to_go_values(x)
        weights, measure = self.cut_oracle.chain_weights, self.cut_oracle.tree.measure
        objectives = self.master.first_stage_costs(x) - measure.reference_objectives
        objectives += self.cut_oracle.sums_by_set(
            {v: weights[v] * y for v, y in cost_to_go.items()}
        )
        return self.chain_selector.estimated_cut_errors(cost_to_go), objectives

    def offer_solution(self, x: Floats, objective: float) -> bool:
        """Accept an integral solution if it is the best so far. Return whether it was accepted."""
        if objective >= self.best_objective:
            return False
        self.best_objective, self.best_solution = objective, x.copy()
        self.report_progress(force=True)
        return True

    def solve_relaxation(self, *, confirm_infeasible: bool = True) -> str:
        """Solve the relaxation of the present node, with lazy rows and cached cuts. Return the
        outcome of the solver.

        With ``confirm_infeasible`` the solver verifies that the relaxation is infeasible. Raise
        UnboundedProblem if it is unbounded, and SearchStopped at a limit.
        """
        simplex, last_objective = self.master.simplex, -math.inf
        while True:
            self.check_limits()
            if self.master.is_empty:
                return "infeasible"
            outcome = simplex.solve(verify_infeasible=confirm_infeasible)
            if outcome == "unbounded":
                raise UnboundedProblem
            if outcome != "optimal":
                return outcome
            x = simplex.values()
            if self.master.add_violated_lazy_rows(
                x, FEASIBILITY_TOLERANCE
            ) or self.master.activate_violated_cuts(x, MIN_STORED_CUT_VIOLATION):
                continue
            # Cuts from cached evaluations are added as long as they raise the bound.
            min_progress = CACHED_CUT_GAP_SHARE * self.target_gap
            progress = simplex.objective - last_objective
            last_objective = simplex.objective
            if not self.uses_cached_cuts or progress < min_progress * self.gap_denominator(
                last_objective
            ):
                self.master.drop_idle_recoverable_cuts()
                return outcome
            cached_cuts = self.cut_oracle.cached_cuts(self.master.recourse_points(x))
            if not self.master.add_violated_cuts(
                cached_cuts, x, max(MIN_STORED_CUT_VIOLATION, min_progress)
            ):
                self.master.drop_idle_recoverable_cuts()
                return outcome

    def tighten_relaxation(
        self,
        accuracy: float,
        *,
        cutoff: float = math.inf,
        max_rounds: int = 500,
        min_progress: float = 0.0,
    ) -> tuple[float, Floats | None, float]:
        """Add cuts to the relaxation of the present node until its bound is close to its optimum
        with exact recourse.

        Return the bound (infinite if the relaxation is infeasible), the best point at which all
        chains were evaluated (None without one), and its objective. Points are evaluated halfway
        between the solution of the master problem and the previous point (in-out separation:
        Ben-Ameur and Neto 2007; with a moving center: Neame 1999), and only in selected chains. The
        loop ends when the relative difference of the bound and the best point is at most
        ``accuracy``, or when five rounds have raised the bound by less than ``min_progress``
        (relative).
        """
        master, simplex = self.master, self.master.simplex
        best_point: Floats | None = None
        center: Floats | None = None
        upper, lower, bounds = math.inf, -math.inf, list[float]()
        simplex.set_cutoff(cutoff)
        for round_number in range(max_rounds):
            outcome = self.solve_relaxation()
            if outcome == "infeasible":
                return math.inf, None, math.inf
            if outcome == "cutoff":
                return max(lower, cutoff), best_point, upper
            lower = max(lower, simplex.objective)
            is_close = upper < math.inf and lower >= upper - accuracy * self.gap_denominator(upper)
            if lower >= cutoff or is_close:
                return lower, best_point, upper
            master_solution = simplex.values()
            tolerance = accuracy * self.gap_denominator(lower)
            point, chain_ids = self._next_point(center, master_solution, tolerance)
            # With a tiny estimated error this is probably the last evaluation, so it is exact.
            oracle_result, violations = self._add_cuts_at(
                point,
                chain_ids,
                master_solution,
                MIN_CUT_VIOLATION,
                approximate=chain_ids is not None,
            )
            seems_converged = (
                point is master_solution
                and self.is_separable
                and self._observed_error(violations, point) <= tolerance
            )
            if (
                not oracle_result.is_complete
                if seems_converged
                else not violations and point is not master_solution
            ):
                point = master_solution
                oracle_result, violations = self._add_cuts_at(
                    point, None, master_solution, MIN_CUT_VIOLATION
                )
            if (
                oracle_result.is_complete
                and (value := self.objective_at(point, oracle_result)) < upper
            ):
                upper, best_point = value, point
            center = point
            bounds.append(lower)
            if not violations or (
                round_number >= 5
                and lower - bounds[-6] < min_progress * self.gap_denominator(lower)
            ):
                return lower, best_point, upper
            if round_number % 5 == 4:
                master.age_rows()
            if round_number % 25 == 24:
                master.remove_old_rows(10)
        if center is not None:
            oracle_result, _ = self._add_cuts_at(center, None, center, MIN_CUT_VIOLATION)
            if (value := self.objective_at(center, oracle_result)) < upper:
                upper, best_point = value, center
        return lower, best_point, upper

    def _next_point(
        self, center: Floats | None, master_solution: Floats, tolerance: float
    ) -> tuple[Floats, Collection[int] | None]:
        """Return the next point to evaluate, and the chains to evaluate at it (None for all
        chains).

        The point is the solution of the master problem in the first round, and later if the
        estimated error is within ``tolerance``.
        """
        if not self.is_separable:
            return master_solution if center is None else 0.5 * (center + master_solution), None
        cut_errors, set_objectives = self._estimated_cut_errors(master_solution)
        total_error = objective_error(self.cut_oracle, cut_errors, set_objectives)
        if total_error <= tolerance or math.isinf(total_error):
            return master_solution, None
        chain_ids = chains_to_evaluate(
            self.cut_oracle, cut_errors, set_objectives, UNEVALUATED_SHARE * total_error
        )
        return master_solution if center is None else 0.5 * (center + master_solution), chain_ids

    def _add_cuts_at(
        self,
        x: Floats,
        chain_ids: Collection[int] | None,
        master_solution: Floats,
        min_violation: float,
        approximate: bool = False,
    ) -> tuple[CutOracleResult, dict[int, float]]:
        """Evaluate a point and add those of its cuts that the solution of the master problem
        violates.

        Return the evaluation, and the violation of the added cuts by chain.
        """
        self.check_limits()
        oracle_result = self.cut_oracle(self.master.recourse_points(x), chain_ids, approximate)
        violations = self.master.add_violated_cuts(
            oracle_result.cuts, master_solution, min_violation
        )
        if self.is_separable:
            self.chain_selector.record_errors(
                self.master.cost_to_go_values(master_solution),
                oracle_result.damage_by_chain,
                violations,
            )
        return oracle_result, violations

    def _observed_error(self, violations: Mapping[int, float], x: Floats) -> float:
        """Return the error of the objective at a solution that follows from the violations of the
        cuts added there."""
        cut_errors = {
            v: self.cut_oracle.chain_weights[v] * violation for v, violation in violations.items()
        }
        return objective_error(self.cut_oracle, cut_errors, self._estimated_cut_errors(x)[1])

    def add_cuts_at_solution(
        self, x: Floats, tolerance: float, min_violation: float
    ) -> tuple[float, int]:
        """Evaluate the solution of the master problem in those chains whose cuts may add more than
        ``tolerance`` to the error of the objective.

        Return the observed error of the objective and the number of chains whose cuts were added
        (all cuts on the CVaR count as one). A cut is added if it is violated by more than
        ``min_violation``, relative to its scale.
        """
        if not self.is_separable:
            oracle_result, added = self._add_cuts_at(x, None, x, min_violation)
            return self.objective_at(x, oracle_result) - self.master.simplex.objective, len(added)
        cut_errors, set_objectives = self._estimated_cut_errors(x)
        chain_ids = chains_to_evaluate(self.cut_oracle, cut_errors, set_objectives, tolerance)
        added = (
            self._add_cuts_at(x, chain_ids, x, min_violation, approximate=True)[1]
            if chain_ids
            else {}
        )
        remaining_errors = {v: error for v, error in cut_errors.items() if v not in chain_ids}
        weights = self.cut_oracle.chain_weights
        for v, error in added.items():
            remaining_errors[v] = remaining_errors.get(v, 0.0) + weights[v] * error
        return objective_error(self.cut_oracle, remaining_errors, set_objectives), len(added)
