"""Primal heuristics: rounding, diving and local search.

Each heuristic proposes start years. With these fixed, ``polish`` optimizes all other decisions with
exact recourse.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.model.decision_tree import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import KnownPlan
from optimizer.solve.decomposition.master_model import VariableBounds
from optimizer.solve.decomposition.search_run import ASSUMED_GAP, SearchRun

MIN_GAIN_SHARE = 0.1  # smallest gain of a new plan, as a share of the absolute gap
UNEVALUATED_SHARE = 0.1  # cut error that a dive accepts, as a share of the remaining gap
MAX_QUICK_ROUNDS = 30  # rounds of cuts for a plan that is probably not the final one
MAX_REEVALUATED_PLANS = 2  # earlier plans that are evaluated again when recourse has changed
MAX_FINAL_ROUNDS = 500  # rounds of cuts when the optimum for fixed starts is needed


class Heuristics:
    """Primal heuristics of one run."""

    def __init__(self, run: SearchRun, fixed_to_zero: NDArray[np.bool_]) -> None:
        self.run, self.master = run, run.master
        self.fixed_to_zero = fixed_to_zero
        # Accuracy of earlier polishes, by fixed starts and whether solved to optimality.
        self._polished_accuracy: dict[tuple[bytes, bool], float] = {}
        self._random = np.random.default_rng(0)
        self._searched_objective = np.inf
        self._untried_projects: list[int] = []

    def polish(self, variable_bounds: VariableBounds, *, to_optimality: bool = False) -> bool:
        """Optimize all other decisions with starts and tickets fixed. Return whether a better plan
        was found.

        While the gap is large, the plan is optimized only roughly, unless ``to_optimality`` is set.
        """
        run = self.run
        bound_arrays = (
            variable_bounds.first_start,
            variable_bounds.last_start,
            variable_bounds.max_ticket,
        )
        key = b"".join(bound_array.tobytes() for bound_array in bound_arrays), to_optimality
        accuracy = max(0.2 * run.target_gap, 1e-6) if to_optimality else self._accuracy
        if self._polished_accuracy.get(key, np.inf) <= accuracy:
            return False
        self._polished_accuracy[key] = accuracy
        self.master.apply_bounds(variable_bounds)
        cutoff = self._plan_cutoff
        if to_optimality and np.isfinite(run.best_objective):
            cutoff = run.best_objective * (1 - 1e-6)
        rounds = MAX_FINAL_ROUNDS if to_optimality else MAX_QUICK_ROUNDS
        _, x, objective = run.tighten_relaxation(accuracy, cutoff=cutoff, max_rounds=rounds)
        return x is not None and run.offer_solution(x, objective)

    @property
    def _accuracy(self) -> float:
        """Relative accuracy to which the objective of a plan is computed if it is probably not the
        final plan."""
        run = self.run
        # In a resumed tree an improvement on the first plan is probably the final plan.
        assumed_gap = (
            run.target_gap
            if run.earlier_frontiers and np.isfinite(run.best_objective)
            else ASSUMED_GAP
        )
        return max(0.2 * run.target_gap, 1e-6, 0.1 * min(run.relative_gap, assumed_gap))

    @property
    def _plan_cutoff(self) -> float:
        """Objective that a new plan must reach to be accepted; infinite if there is no plan yet."""
        run = self.run
        distance = run.absolute_gap if np.isfinite(run.absolute_gap) else 0.0
        min_gain = max(1e-5 * run.gap_denominator(run.best_objective), MIN_GAIN_SHARE * distance)
        return run.best_objective - min_gain if np.isfinite(run.best_objective) else np.inf

    def offer_known_plans(self) -> None:
        """Offer to the run the best plan of earlier problems that satisfies the rules of the
        present one."""
        run, candidates = self.run, list[tuple[float, KnownPlan]]()
        if run.find_broken_rules is None:
            return
        for number, known_plan in enumerate(run.known_plans):
            # Evaluating all of them again would take longer than it saves.
            may_evaluate = number < MAX_REEVALUATED_PLANS
            if known_plan.is_evaluated(run.cut_oracle) or (
                may_evaluate and not run.find_broken_rules(known_plan.plan)
            ):
                candidates.append((known_plan.objective(run.cut_oracle), known_plan))
        for objective, known_plan in sorted(candidates, key=lambda candidate: candidate[0]):
            if objective >= run.best_objective:
                return
            if not run.find_broken_rules(known_plan.plan):
                run.offer_solution(self.master.column_values(known_plan.plan), objective)

    def refinance_last_plan(self) -> bool:
        """Fix the decisions of the previous plan that recourse depends on, optimize its funding
        again, and offer the result to the run. Return whether a plan was found.

        If that is infeasible, fix only the decisions on which slowly evaluated chains depend.
        """
        run, master, cut_oracle = self.run, self.master, self.run.cut_oracle
        for known_plan in run.known_plans[:1]:
            x = master.column_values(known_plan.plan)
            variable_bounds = master.bounds_fixed_at(
                self.without_forbidden_starts(self.start_indices(x)), x
            )
            for chain_ids in (list(cut_oracle.chains), cut_oracle.slow_chains(known_plan.plan)):
                with master.fixing_recourse_columns(x, chain_ids):
                    master.apply_bounds(variable_bounds)
                    _, solution, objective = run.tighten_relaxation(
                        self._accuracy, cutoff=run.cutoff, max_rounds=MAX_QUICK_ROUNDS
                    )
                    if solution is not None:
                        run.offer_solution(solution, objective)
                        return True
        return False

    def without_forbidden_starts(self, start_indices: Integers) -> Integers:
        """Return the start indices with -1 for projects that must not be built."""
        projects, policy = self.master.projects, self.master.instance.case.policy
        is_forbidden = [p in policy.must_not_build for p in projects]
        return np.where(is_forbidden, -1, start_indices)

    def dive_within_hint(self, hint: Integers) -> bool:
        """Dive among the projects of a hint, each of which starts in the year of the hint or never,
        and the projects that must be built. Return whether a plan was found."""
        master = self.master
        start_indices = self.without_forbidden_starts(hint)
        variable_bounds = master.root_bounds().with_fixed_starts(
            self.without_forbidden_starts(hint)
        )
        variable_bounds = replace(variable_bounds, must_start=0 * variable_bounds.must_start)
        for p, name in enumerate(master.projects):
            if name in master.instance.case.policy.must_build and start_indices[p] < 0:
                variable_bounds = variable_bounds.with_project_bounds(
                    p, 0, len(master.start_columns[p]) - 1, 1
                )
        return self.dive(variable_bounds)

    def polish_best_hint(self, hints: list[Integers]) -> bool:
        """Polish the best of several hints, and return whether a better plan was found. The best
        hint is the one with the least objective of the relaxation when its starts are fixed."""
        run, master = self.run, self.master
        root_bounds = master.root_bounds()
        # Hints that are far from the bound are not polished.
        lower = run.lower_bound if np.isfinite(run.lower_bound) else run.target_objective
        has_bound = np.isfinite(lower)
        best_bound = lower + ASSUMED_GAP * run.gap_denominator(lower) if has_bound else np.inf
        chosen_bounds = None
        must_build = [p in master.instance.case.policy.must_build for p in master.projects]
        for start_indices in hints:
            start_indices = self.without_forbidden_starts(start_indices)
            variable_bounds = root_bounds.with_fixed_starts(start_indices)
            is_free = np.array(must_build, dtype=bool) & (start_indices < 0)
            for p in np.flatnonzero(is_free).tolist():
                variable_bounds = variable_bounds.with_project_bounds(
                    p, 0, len(master.start_columns[p]) - 1, 1
                )
            master.apply_bounds(variable_bounds)
            master.simplex.set_cutoff(min(best_bound, run.cutoff))
            if run.solve_relaxation() == "optimal" and master.simplex.objective < best_bound:
                best_bound, x = master.simplex.objective, master.simplex.values()
                chosen_bounds = master.bounds_fixed_at(
                    np.where(is_free, self.start_indices(x, 0.0), start_indices), x
                )
        return chosen_bounds is not None and self.polish(chosen_bounds)

    def round_starts(self, x: Floats, threshold: float) -> bool:
        """Round a solution and polish it; return whether a better plan was found.

        Each project is started whose total start share exceeds ``threshold``, in the year with the
        largest share.
        """
        is_started = np.array(
            [started[-1] > threshold for started in self.master.cumulative_starts(x)], bool
        )
        return self.polish(
            self.master.bounds_fixed_at(np.where(is_started, self.start_indices(x, -1.0), -1), x)
        )

    def dive(self, variable_bounds: VariableBounds) -> bool:
        """Fix one project after the other near its value in the relaxation, then polish. Return
        whether a plan was found.

        Each relaxed solution is evaluated for new cuts, since cuts from fractional points are weak
        at integral ones. If a fixing is infeasible, the opposite decision is tried once.
        """
        run, master = self.run, self.master
        node_bounds, opposite_bounds = variable_bounds, None
        for _ in range(3 * len(variable_bounds.first_start) + len(variable_bounds.min_ticket)):
            master.apply_bounds(node_bounds, self.fixed_to_zero)
            master.simplex.set_cutoff(run.cutoff)
            if run.solve_relaxation() != "optimal" or master.simplex.objective >= run.cutoff:
                if opposite_bounds is None:
                    return False
                node_bounds, opposite_bounds = opposite_bounds, None
                continue
            x = master.simplex.values()
            if run.add_cuts_at_solution(
                x, UNEVALUATED_SHARE * run.remaining_gap(master.simplex.objective), 1e-5
            )[1]:
                if run.solve_relaxation() != "optimal":
                    continue
                x = master.simplex.values()
            cumulative_starts = master.cumulative_starts(x)
            is_integral = [
                x[columns].max() > 1 - master.integrality_tolerance
                for columns in master.start_columns
            ]
            fractional_projects = [
                p
                for p, s in enumerate(cumulative_starts)
                if s[-1] > master.integrality_tolerance and not is_integral[p]
            ]
            if fractional_projects:
                p = min(
                    fractional_projects,
                    key=lambda p: abs(
                        float(cumulative_starts[p][-1]) - round(cumulative_starts[p][-1])
                    ),
                )
                node_bounds, opposite_bounds = self._fix_project(
                    node_bounds, p, x, cumulative_starts[p]
                )
                continue
            fractional_tickets = master.fractional_tickets(x)
            if not len(fractional_tickets):
                return self.polish(master.bounds_fixed_at(self.start_indices(x), x))
            is_taken = master.ticket_fractions(x)[fractional_tickets] > 0.5
            min_ticket, max_ticket = (node_bounds.min_ticket.copy(), node_bounds.max_ticket.copy())
            min_ticket[fractional_tickets], max_ticket[fractional_tickets] = is_taken, is_taken
            node_bounds, opposite_bounds = (
                replace(node_bounds, min_ticket=min_ticket, max_ticket=max_ticket),
                None,
            )
        return False

    def _fix_project(
        self, variable_bounds: VariableBounds, p: int, x: Floats, cumulative_starts: Floats
    ) -> tuple[VariableBounds, VariableBounds | None]:
        """Return the bounds with a project fixed near its value in the relaxation, and the bounds
        with the opposite decision (None if there is none)."""
        start_index = int(np.argmax(x[self.master.start_columns[p]]))
        built_bounds = variable_bounds.with_project_bounds(p, start_index, start_index, 1)
        never_bounds = (
            None
            if variable_bounds.must_start[p]
            else variable_bounds.with_project_bounds(p, 1, 0, 0)
        )
        if cumulative_starts[-1] >= 0.5 or never_bounds is None:
            return built_bounds, never_bounds
        return never_bounds, built_bounds

    def dive_near_best(self, x: Floats) -> bool:
        """Dive with those decisions fixed in which a relaxed solution and the best plan agree.
        Return whether a plan was found.

        Relaxation induced neighborhood search (Danna, Rothberg and Le Pape 2005).
        """
        run, master = self.run, self.master
        if run.best_solution is None:
            return False
        start_indices, variable_bounds = self.start_indices(run.best_solution), master.root_bounds()
        for p, (columns, started) in enumerate(
            zip(master.start_columns, master.cumulative_starts(x), strict=True)
        ):
            start_index = int(start_indices[p])
            if start_index >= 0 and x[columns[start_index]] > 0.9:
                variable_bounds = variable_bounds.with_project_bounds(
                    p, start_index, start_index, 1
                )
            elif start_index < 0 and started[-1] < 0.1:
                variable_bounds = variable_bounds.with_project_bounds(p, 1, 0, 0)
        return self.dive(variable_bounds)

    def local_search(self, max_trials: int) -> None:
        """Remove, add or shift one project of the best plan at a time, and polish promising
        neighbors.

        Neighbors are compared by the objective of the relaxation. The neighbors of a plan are
        tried only once. ``max_trials`` limits the number of linear programs.
        """
        run, master = self.run, self.master
        while run.best_solution is not None and max_trials > 0 and not run.is_done:
            if self._searched_objective != run.best_objective:
                self._searched_objective = run.best_objective
                self._untried_projects = list(self._random.permutation(len(master.start_columns)))
            if not self._untried_projects:
                return
            p = int(self._untried_projects.pop())
            start_indices = self.start_indices(run.best_solution)
            best_objective, best_indices, best_values = self._plan_cutoff, None, None
            for new_index in self._neighboring_starts(p, int(start_indices[p])):
                changed_indices = master.with_start_moved(start_indices, p, new_index)
                variable_bounds = master.bounds_fixed_at(changed_indices, run.best_solution)
                ones = np.ones(len(variable_bounds.max_ticket), np.int64)
                master.apply_bounds(replace(variable_bounds, min_ticket=0 * ones, max_ticket=ones))
                master.simplex.set_cutoff(best_objective)
                max_trials -= 1
                if (
                    run.solve_relaxation(confirm_infeasible=False) == "optimal"
                    and master.simplex.objective < best_objective
                ):
                    best_objective, best_indices = master.simplex.objective, changed_indices
                    best_values = master.simplex.values()
            if best_indices is not None and best_values is not None:
                self.polish(master.bounds_fixed_at(best_indices, best_values))

    def start_indices(self, x: Floats, min_share: float = 0.5) -> Integers:
        """Return the start index of each project whose largest start share exceeds ``min_share``;
        -1 for the other projects."""
        return np.array(
            [
                int(np.argmax(x[columns])) if x[columns].max() > min_share else -1
                for columns in self.master.start_columns
            ]
        )

    def _neighboring_starts(self, p: int, start_index: int) -> list[int]:
        start_count = len(self.master.start_columns[p])
        first_position = int(self.master.start_offsets[p])
        neighbor_indices = (
            [-1, start_index - 1, start_index + 1, start_index - 2, start_index + 2]
            if start_index >= 0
            else [0, 1, 2, 4, 7]
        )
        return [
            n
            for n in dict.fromkeys(neighbor_indices)
            if n != start_index
            and -1 <= n < start_count
            and (n < 0 or not self.fixed_to_zero[self.master.binary_index[first_position + n]])
        ]
