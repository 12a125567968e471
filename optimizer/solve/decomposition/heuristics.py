"""Good plans early: rounding, diving, and trying the neighbours of the best plan.

Each proposes start years; the plan is what the relaxation makes of them once they are fixed, its
recourse exact (``polish``).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.model.assumption_sets import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.master_columns import VariableBounds
from optimizer.solve.decomposition.search_run import ASSUMED_GAP, KnownPlan, SearchRun

MIN_GAIN_SHARE = 0.1  # share of the distance between bound and plan that another plan has to gain
UNEVALUATED_SHARE = 0.1  # share of the distance between bound and plan that a dive leaves unswept
MAX_QUICK_ROUNDS = 30  # rounds of cuts in a plan that is hardly the last
MAX_REEVALUATED_PLANS = 2  # plans of other problems that are swept where recourse has changed
MAX_FINAL_ROUNDS = 500  # the same in one that has to be settled: many purchases take many


class Heuristics:
    """Ways to find plans in a run."""

    def __init__(self, run: SearchRun, fixed_to_zero: NDArray[np.bool_]) -> None:
        self.run, self.master = run, run.master
        self.fixed_to_zero = fixed_to_zero
        # Accuracy to which branches were polished, and whether to the end.
        self._polished_accuracy: dict[tuple[bytes, bool], float] = {}
        self._random = np.random.default_rng(0)
        self._searched_objective = np.inf
        self._untried_projects: list[int] = []

    def polish(self, variable_bounds: VariableBounds, *, to_optimality: bool = False) -> bool:
        """Optimise everything else around fixed starts and tickets; whether a plan came of it. As
        long as plans are far from the bound this one is hardly the last, and is not worth all
        digits unless it has to be settled what its starts can give."""
        run = self.run
        parts = (
            variable_bounds.first_start,
            variable_bounds.last_start,
            variable_bounds.max_ticket,
        )
        key = b"".join(part.tobytes() for part in parts), to_optimality
        accuracy = max(0.2 * run.target_gap, 1e-6) if to_optimality else self._accuracy
        if self._polished_accuracy.get(key, np.inf) <= accuracy:
            return False
        self._polished_accuracy[key] = accuracy
        self.master.apply_bounds(variable_bounds)
        cutoff = self._plan_cutoff
        if to_optimality and np.isfinite(run.best_objective):
            cutoff = run.best_objective * (1 - 1e-6)
        rounds = MAX_FINAL_ROUNDS if to_optimality else MAX_QUICK_ROUNDS
        _, x, value = run.tighten_relaxation(accuracy, cutoff=cutoff, max_rounds=rounds)
        return x is not None and run.offer_solution(x, value)

    @property
    def _accuracy(self) -> float:
        """To what share the value of a plan has to be known that is hardly the last."""
        run = self.run
        # Where a tree goes on, what is better than its first plan is likely to be the last.
        usual = (
            run.target_gap
            if run.earlier_frontiers and np.isfinite(run.best_objective)
            else ASSUMED_GAP
        )
        return max(0.2 * run.target_gap, 1e-6, 0.1 * min(run.relative_gap, usual))

    @property
    def _plan_cutoff(self) -> float:
        """What a plan has to cost less than to be worth looking for; infinite without one."""
        run = self.run
        distance = run.absolute_gap if np.isfinite(run.absolute_gap) else 0.0
        least = max(1e-5 * run.gap_denominator(run.best_objective), MIN_GAIN_SHARE * distance)
        return run.best_objective - least if np.isfinite(run.best_objective) else np.inf

    def offer_known_plans(self) -> None:
        """Offer the best plan of other problems that keeps the rules of this one."""
        run, found = self.run, list[tuple[float, KnownPlan]]()
        if run.find_broken_rules is None:
            return
        for number, own in enumerate(run.known_plans):
            # To sweep all of them once more would take longer than what it is good for.
            anew = number < MAX_REEVALUATED_PLANS
            if own.is_evaluated(run.cut_oracle) or (anew and not run.find_broken_rules(own.plan)):
                found.append((own.objective(run.cut_oracle), own))
        for worth, own in sorted(found, key=lambda one: one[0]):
            if worth >= run.best_objective:
                return
            if not run.find_broken_rules(own.plan):
                run.offer_solution(self.master.column_values(own.plan), worth)

    def refinance_last_plan(self) -> bool:
        """Offer the last plan of another problem with what recourse sees of it as it was, paid for
        as well as can be here; where that cannot be, with what is costly to sweep as it was.
        Whether one of them can."""
        run, master, appraise = self.run, self.master, self.run.cut_oracle
        for own in run.known_plans[:1]:
            x = master.column_values(own.plan)
            windows = master.bounds_fixed_at(
                self.without_forbidden_starts(self.start_indices(x)), x
            )
            for heads in (list(appraise.chains), appraise.slow_chains(own.plan)):
                with master.fixing_recourse_columns(x, heads):
                    master.apply_bounds(windows)
                    _, found, value = run.tighten_relaxation(
                        self._accuracy, cutoff=run.cutoff, max_rounds=MAX_QUICK_ROUNDS
                    )
                    if found is not None:
                        run.offer_solution(found, value)
                        return True
        return False

    def without_forbidden_starts(self, start_indices: Integers) -> Integers:
        """Places of start years, without projects that must not be built."""
        projects, policy = self.master.projects, self.master.instance.case.policy
        barred = [p in policy.must_not_build for p in projects]
        return np.where(barred, -1, start_indices)

    def dive_within_hint(self, hint: Integers) -> bool:
        """Dive among the projects of another problem's plan, each in its year or not at all, and
        those that must be built."""
        master = self.master
        place, windows = (
            self.without_forbidden_starts(hint),
            master.root_bounds().with_fixed_starts(self.without_forbidden_starts(hint)),
        )
        windows = replace(windows, must_start=0 * windows.must_start)
        for p, name in enumerate(master.projects):
            if name in master.instance.case.policy.must_build and place[p] < 0:
                windows = windows.with_project_bounds(p, 0, len(master.start_columns[p]) - 1, 1)
        return self.dive(windows)

    def polish_best_hint(self, hints: list[Integers]) -> bool:
        """Polish the best of other plans' start years, as cuts judge them with all else free."""
        run, master = self.run, self.master
        everything = master.root_bounds()
        # What cuts alone put far from the bound is not worth a polish.
        lower = run.lower_bound if np.isfinite(run.lower_bound) else run.target_objective
        known = np.isfinite(lower)
        best, chosen = lower + ASSUMED_GAP * run.gap_denominator(lower) if known else np.inf, None
        must = [p in master.instance.case.policy.must_build for p in master.projects]
        for place in hints:
            place = self.without_forbidden_starts(place)
            windows, free = (
                everything.with_fixed_starts(place),
                np.array(must, dtype=bool) & (place < 0),
            )
            for p in np.flatnonzero(free).tolist():
                windows = windows.with_project_bounds(p, 0, len(master.start_columns[p]) - 1, 1)
            master.apply_bounds(windows)
            master.simplex.set_cutoff(min(best, run.cutoff))
            if run.solve_relaxation() == "optimal" and master.simplex.objective < best:
                best, x = master.simplex.objective, master.simplex.values()
                chosen = master.bounds_fixed_at(
                    np.where(free, self.start_indices(x, 0.0), place), x
                )
        return chosen is not None and self.polish(chosen)

    def round_starts(self, x: Floats, threshold: float) -> bool:
        """Start what is started by more than a threshold, each where most of it is."""
        some = np.array(
            [started[-1] > threshold for started in self.master.cumulative_starts(x)], bool
        )
        return self.polish(
            self.master.bounds_fixed_at(np.where(some, self.start_indices(x, -1.0), -1), x)
        )

    def dive(self, variable_bounds: VariableBounds) -> bool:
        """Fix one project after another as the relaxation nearly has it, then polish. What is fixed
        is swept as well: cuts from fractions say little of whole projects. Where nothing is left,
        the last project is fixed the other way, once."""
        run, master = self.run, self.master
        branch, other = variable_bounds, None
        for _ in range(3 * len(variable_bounds.first_start) + len(variable_bounds.min_ticket)):
            master.apply_bounds(branch, self.fixed_to_zero)
            master.simplex.set_cutoff(run.cutoff)
            if run.solve_relaxation() != "optimal" or master.simplex.objective >= run.cutoff:
                if other is None:
                    return False
                branch, other = other, None
                continue
            x = master.simplex.values()
            if run.add_cuts_at_solution(
                x, UNEVALUATED_SHARE * run.remaining_gap(master.simplex.objective), 1e-5
            )[1]:
                if run.solve_relaxation() != "optimal":
                    continue
                x = master.simplex.values()
            started = master.cumulative_starts(x)
            whole = [
                x[own].max() > 1 - master.integrality_tolerance for own in master.start_columns
            ]
            open_ = [
                p
                for p, s in enumerate(started)
                if s[-1] > master.integrality_tolerance and not whole[p]
            ]
            if open_:
                p = min(open_, key=lambda p: abs(float(started[p][-1]) - round(started[p][-1])))
                branch, other = self._fix_project(branch, p, x, started[p])
                continue
            loose = master.fractional_tickets(x)
            if not len(loose):
                return self.polish(master.bounds_fixed_at(self.start_indices(x), x))
            takes = master.ticket_fractions(x)[loose] > 0.5
            least, most = branch.min_ticket.copy(), branch.max_ticket.copy()
            least[loose], most[loose] = takes, takes
            branch, other = replace(branch, min_ticket=least, max_ticket=most), None
        return False

    def _fix_project(
        self, variable_bounds: VariableBounds, p: int, x: Floats, started: Floats
    ) -> tuple[VariableBounds, VariableBounds | None]:
        """A branch with a project fixed as it nearly is, and the other way."""
        year = int(np.argmax(x[self.master.start_columns[p]]))
        built = variable_bounds.with_project_bounds(p, year, year, 1)
        never = (
            None
            if variable_bounds.must_start[p]
            else variable_bounds.with_project_bounds(p, 1, 0, 0)
        )
        if started[-1] >= 0.5 or never is None:
            return built, never
        return never, built

    def dive_near_best(self, x: Floats) -> bool:
        """Dive where a solution and the best plan disagree, and keep to what they have in common.
        Relaxation induced neighbourhoods (Danna, Rothberg and Le Pape 2005)."""
        run, master = self.run, self.master
        if run.best_solution is None:
            return False
        place, windows = self.start_indices(run.best_solution), master.root_bounds()
        for p, (own, started) in enumerate(
            zip(master.start_columns, master.cumulative_starts(x), strict=True)
        ):
            at = int(place[p])
            if at >= 0 and x[own[at]] > 0.9:
                windows = windows.with_project_bounds(p, at, at, 1)
            elif at < 0 and started[-1] < 0.1:
                windows = windows.with_project_bounds(p, 1, 0, 0)
        return self.dive(windows)

    def local_search(self, max_trials: int) -> None:
        """Leave out, add or shift one project of the best plan at a time, as cuts judge it. What
        was tried around a plan is not tried again; ``trials`` limits the linear programs."""
        run, master = self.run, self.master
        while run.best_solution is not None and max_trials > 0 and not run.is_done:
            if self._searched_objective != run.best_objective:
                self._searched_objective = run.best_objective
                self._untried_projects = list(self._random.permutation(len(master.start_columns)))
            if not self._untried_projects:
                return
            p = int(self._untried_projects.pop())
            place = self.start_indices(run.best_solution)
            best, choice, values = self._plan_cutoff, None, None
            for other in self._neighbouring_starts(p, int(place[p])):
                changed = master.with_start_moved(place, p, other)
                windows = master.bounds_fixed_at(changed, run.best_solution)
                free = np.ones(len(windows.max_ticket), np.int64)
                master.apply_bounds(replace(windows, min_ticket=0 * free, max_ticket=free))
                master.simplex.set_cutoff(best)
                max_trials -= 1
                if (
                    run.solve_relaxation(confirm_infeasible=False) == "optimal"
                    and master.simplex.objective < best
                ):
                    best, choice = master.simplex.objective, changed
                    values = master.simplex.values()
            if choice is not None and values is not None:
                self.polish(master.bounds_fixed_at(choice, values))

    def start_indices(self, x: Floats, min_share: float = 0.5) -> Integers:
        """Where each project starts by more than a least share, -1 where it does not."""
        return np.array(
            [
                int(np.argmax(x[own])) if x[own].max() > min_share else -1
                for own in self.master.start_columns
            ]
        )

    def _neighbouring_starts(self, p: int, start_index: int) -> list[int]:
        count, shift = len(self.master.start_columns[p]), int(self.master.start_offsets[p])
        near = (
            [-1, start_index - 1, start_index + 1, start_index - 2, start_index + 2]
            if start_index >= 0
            else [0, 1, 2, 4, 7]
        )
        return [
            n
            for n in dict.fromkeys(near)
            if n != start_index
            and -1 <= n < count
            and (n < 0 or not self.fixed_to_zero[self.master.binary_index[shift + n]])
        ]
