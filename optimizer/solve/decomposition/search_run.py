"""What a run knows: its best plan, its bound, its limits, and the ways to cut off a solution."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.model.assumption_sets import Integers
from optimizer.model.commitment import Commitment, convert_lots
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import CutOracle, CutOracleResult
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.search_tree import SearchFrontier
from optimizer.solve.solver_result import IncumbentReporter

FEASIBILITY_TOLERANCE = 1e-7  # broken rules by less than this are the solver's tolerance
MIN_CUT_VIOLATION = (
    1e-9  # a cut that is violated by less, as a share of its side, is not worth a row
)
ASSUMED_GAP = 0.02  # the gap of a plan that is still to be found, as a share
UNEVALUATED_SHARE = 0.1  # share of what is expected to be lacking that a round leaves unswept
SMOOTHING_WEIGHT = 0.5  # weight of what was seen before against what was just seen
MIN_DOUBT = 0.05  # share of a move that is always doubted
CACHED_CUT_GAP_SHARE = (
    0.03  # the same of cuts that are known of former sweeps, as a share of the gap asked for
)
OPEN_DIFFERENCE_SHARE = (
    1 / 11
)  # what may stay open of a difference, so that it is a tenth of what is proven of it
BRANCH_GAP_SHARE, SEARCH_GAP_SHARE = (
    0.99,
    0.999,
)  # shares of the gap asked for at which a branch and a search end
MIN_STORED_CUT_VIOLATION = 1e-6  # a cut on the shelf that is violated by less is left there


class ChainSelector:
    """Which chains to sweep: those whose cuts are likely to be furthest from the truth. What cuts
    lack in a node is guessed from how far the master's view of it has moved since it was last
    swept, and from how much of such moves turned out to be wrong. A guess only decides where to
    look: bounds rest on cuts, and plans on sweeps of all chains."""

    def __init__(
        self, chain_ids: Collection[int], chain_weights: Mapping[int, float] | None = None
    ) -> None:
        self.chain_ids, self._chain_weights = (
            tuple(chain_ids),
            chain_weights or dict.fromkeys(chain_ids, 1.0),
        )
        self._last_damage = dict.fromkeys(chain_ids, math.nan)
        self._doubt_factor = dict.fromkeys(chain_ids, 1.0)

    def estimated_cut_errors(self, cost_to_go: Mapping[int, float]) -> dict[int, float]:
        """What cuts are expected to lack by node, as the objective counts it, where they claim
        this; infinite if unknown."""
        moved = {v: abs(cost_to_go[v] - seen) for v, seen in self._last_damage.items()}
        return {
            v: math.inf
            if math.isnan(move)
            else self._chain_weights[v] * self._doubt_factor[v] * move
            for v, move in moved.items()
        }

    def record_errors(
        self,
        cost_to_go: Mapping[int, float],
        damage_by_chain: Mapping[int, float],
        cut_errors: Mapping[int, float],
    ) -> None:
        """Take note of what cuts claimed, what sweeps have found, and what was lacking."""
        for v, value in damage_by_chain.items():
            move = abs(cost_to_go[v] - self._last_damage[v])
            if move > 0:  # and known
                share = min(1.0, max(MIN_DOUBT, cut_errors.get(v, 0.0) / move))
                self._doubt_factor[v] = (
                    SMOOTHING_WEIGHT * self._doubt_factor[v] + (1 - SMOOTHING_WEIGHT) * share
                )
            self._last_damage[v] = value


def chains_to_evaluate(cut_errors: Mapping[int, float], tolerance: float) -> list[int]:
    """The fewest chains such that the others lack no more than ``leave`` together, and something
    finite."""
    left = 0.0
    ranked = sorted(cut_errors, key=lambda v: cut_errors[v])
    for count, v in enumerate(ranked):
        left += cut_errors[v]
        if left > tolerance or math.isinf(left):
            return ranked[count:]
    return []


@dataclass(frozen=True, eq=False)
class KnownPlan:
    """A plan of another problem, and what it was found to lead to."""

    plan: Commitment
    lot_t: dict[str, float]  # tonnes in a lot there
    recourse_costs: dict[
        Any, tuple[float, ...]
    ]  # what recourse adds to objectives that see the same

    def transferred_to(self, instance: Instance) -> KnownPlan:
        """The same in another instance."""
        plan = (
            self.plan
            if instance.lot_tonnes == self.lot_t
            else convert_lots(self.plan, self.lot_t, instance)
        )
        return KnownPlan(plan, instance.lot_tonnes, self.recourse_costs)

    def is_evaluated(self, cut_oracle: CutOracle) -> bool:
        """Whether it is known what recourse adds to an objective."""
        return cut_oracle.objective_key in self.recourse_costs

    def objective(self, cut_oracle: CutOracle) -> float:
        """The objective, swept where it is not known."""
        key = cut_oracle.objective_key
        if key not in self.recourse_costs:
            self.recourse_costs[key] = cut_oracle.recourse_costs(self.plan)
        return cut_oracle.assumption_sets.plan_objective(self.plan, self.recourse_costs[key])


BrokenRulesFinder = Callable[[Commitment], Collection[str]]


class SearchStopped(Exception):
    """A limit was met or the user asked to stop."""


class UnboundedProblem(Exception):
    """Nothing limits what a plan can earn."""


@dataclass(eq=False)
class SearchRun:
    """The state of one solve: ``upper`` is the objective of the best plan so far, exact for all
    states; ``lower`` is proven by the master."""

    master: Master
    cut_oracle: CutOracle
    requested_gap: float
    objective_floor: float = (
        1e-6  # an objective counts as no smaller than this where shares of it are taken
    )
    deadline: float = math.inf
    target_objective: float = (
        -math.inf
    )  # the run ends once a plan is as good as this, or none can be
    compared_objective: float | None = (
        None  # what objectives are told the difference from, if from anything
    )
    on_progress: Callable[[Progress], None] | None = None
    incumbent_reporter: IncumbentReporter | None = None
    best_objective: float = math.inf
    lower_bound: float = -math.inf
    best_solution: Floats | None = None
    node_count: int = 0
    node_limit: float = math.inf
    hit_node_limit: bool = False  # whether that is what ended the search
    started_at: float = field(default_factory=time.perf_counter)
    stop_event: threading.Event = field(default_factory=threading.Event)  # set by the user
    is_unbounded: bool = False  # whether nothing limits what a plan can earn
    uses_cached_cuts: bool = True  # whether cuts are made of what sweeps before them have proven
    start_hints: list[Integers] = field(default_factory=list)  # start years of plans good elsewhere
    known_plans: list[KnownPlan] = field(default_factory=list)  # plans of other problems
    find_broken_rules: BrokenRulesFinder | None = None  # tells which rules one of them breaks here
    earlier_frontiers: list[SearchFrontier] = field(
        default_factory=list
    )  # where a search may begin
    final_frontier: SearchFrontier | None = None  # where the next may
    history: list[Progress] = field(default_factory=list)
    _last_report_at: float = 0.0

    chain_selector: ChainSelector = field(init=False)

    def __post_init__(self) -> None:
        self.chain_selector = ChainSelector(
            self.cut_oracle.chain_ids, self.cut_oracle.chain_weights
        )

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.stop_event.is_set()

    @property
    def is_separable(self) -> bool:
        """Whether some chains can be swept without the others."""
        return self.cut_oracle.is_separable

    def gap_denominator(self, objective: float) -> float:
        """What shares of an objective are shares of."""
        return max(abs(objective), self.objective_floor)

    @property
    def target_gap(self) -> float:
        """The gap to close, as a share: the one asked for, or what leaves a tenth of the difference
        from what the plan is compared with open, if that is more. As plans become better no cutoff
        rises by it."""
        apart = (
            0.0
            if self.compared_objective is None
            else abs(self.best_objective - self.compared_objective)
        )
        if not math.isfinite(self.best_objective) or not apart:
            return self.requested_gap
        return max(
            self.requested_gap,
            OPEN_DIFFERENCE_SHARE * apart / self.gap_denominator(self.best_objective),
        )

    @property
    def cutoff(self) -> float:
        """A branch whose bound is above this cannot hold anything better by the gap asked for, or
        anything good enough."""
        return self._bound_below_best(BRANCH_GAP_SHARE)

    @property
    def closing_bound(self) -> float:
        """The gap is closed if nothing can be below this. It is a hair less than the cutoff, so
        that a branch that was cut off stays so where its bound is reckoned anew."""
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
        """Whether the gap is closed, or the question of what is good enough."""
        return (
            self.best_objective <= self.target_objective or self.lower_bound >= self.closing_bound
        )

    @property
    def hit_limit(self) -> bool:
        """Whether a limit or the user ended the search."""
        return self.is_interrupted or self.hit_node_limit or time.perf_counter() > self.deadline

    @property
    def absolute_gap(self) -> float:
        """How far the bound is from the plan; infinite without one."""
        return self.best_objective - self.lower_bound

    @property
    def relative_gap(self) -> float:
        """The gap of the best plan, as a share; without a plan, as it usually is at first."""
        found = math.isfinite(self.absolute_gap)
        return (
            max(0.0, self.absolute_gap) / self.gap_denominator(self.best_objective)
            if found
            else ASSUMED_GAP
        )

    def remaining_gap(self, objective: float) -> float:
        """What is open of an objective, or would be with the gap asked for."""
        return max(self.relative_gap, self.target_gap) * self.gap_denominator(objective)

    def check_limits(self) -> None:
        """Raise Stopped where a limit is met."""
        if self.is_interrupted or time.perf_counter() > self.deadline:
            raise SearchStopped
        if self.incumbent_reporter is not None:
            self.incumbent_reporter.report(
                self.best_solution, self.best_objective, self.lower_bound
            )

    def enter_node(self) -> None:
        """Count a node of the search; Stopped if no more are allowed."""
        if self.node_count >= self.node_limit:
            self.hit_node_limit = True
            raise SearchStopped
        self.node_count += 1

    def report_progress(self, force: bool = False) -> None:
        """Report progress now and then."""
        now = time.perf_counter() - self.started_at
        if not force and now - self._last_report_at < 0.25:
            return
        self._last_report_at = now
        gap = max(0.0, self.absolute_gap) / self.gap_denominator(self.best_objective)
        gap = gap if math.isfinite(gap) else math.inf
        line = Progress(now, self.best_objective, self.lower_bound, gap, self.node_count)
        self.history.append(line)
        if self.on_progress is not None:
            # What goes wrong in showing progress must not cost the plan.
            with contextlib.suppress(Exception):
                self.on_progress(line)

    def raise_lower_bound(self, bound: float) -> None:
        """Take note of a proven bound on all plans."""
        if bound > self.lower_bound:
            self.lower_bound = bound
            self.report_progress()

    def mark_infeasible(self) -> None:
        """Take note that the rules allow no plan. One of another problem that kept them but for the
        tolerance of the check is none either: a search from nothing would not find it."""
        self.best_objective, self.best_solution = math.inf, None
        self.raise_lower_bound(math.inf)

    def objective_at(self, x: Floats, oracle_result: CutOracleResult) -> float:
        """The objective of a point, exact for all states."""
        values = self.master.first_stage_costs(x) + oracle_result.recourse_costs
        return self.cut_oracle.assumption_sets.combine_objectives(values)

    def _estimated_cut_errors(self, x: Floats) -> tuple[dict[int, float], Floats]:
        """What cuts are expected to lack at a solution, by node, and the objective under each set
        of assumptions as they know it, less what it is compared with."""
        claimed, together = self.master.cost_to_go_values(x), self.cut_oracle.assumption_sets
        values = self.master.first_stage_costs(x) - together.reference_objectives
        values += self.cut_oracle.sums_by_set(
            {v: self._chain_weights[v] * own for v, own in claimed.items()}
        )
        return self.chain_selector.estimated_cut_errors(claimed), values

    @property
    def _chain_weights(self) -> Mapping[int, float]:
        return self.cut_oracle.chain_weights

    def _objective_error(self, cut_errors: Mapping[int, float], set_objectives: Floats) -> float:
        """What of the objective is lacking, where so much is lacking by node."""
        if self.cut_oracle.assumption_sets.is_additive:
            return math.fsum(cut_errors.values())
        return float(
            (set_objectives + self.cut_oracle.sums_by_set(cut_errors)).max() - set_objectives.max()
        )

    def _chains_to_evaluate(
        self, cut_errors: Mapping[int, float], set_objectives: Floats, tolerance: float
    ) -> list[int]:
        """The fewest chains such that no more of the objective is lacking in the others: where the
        worst set counts, all may be lacking in a set that stays below it."""
        if self.cut_oracle.assumption_sets.is_additive:
            return chains_to_evaluate(cut_errors, tolerance)
        found: list[int] = []
        for of_set, room in zip(
            self.cut_oracle.oracles_by_set,
            set_objectives.max() + tolerance - set_objectives,
            strict=True,
        ):
            own = {
                v: cut_errors[v] for seen in of_set for v in seen.chain_weights if v in cut_errors
            }
            found += chains_to_evaluate(own, float(room))
        return found

    def offer_solution(self, x: Floats, objective: float) -> bool:
        """Take a plan, whose integers are whole, if it is the best so far."""
        if objective >= self.best_objective:
            return False
        self.best_objective, self.best_solution = objective, x.copy()
        self.report_progress(force=True)
        return True

    def solve_relaxation(self, *, confirm_infeasible: bool = True) -> str:
        """Solve the relaxation of the current branch, with all the rules that wait, and be ``sure``
        if there is no solution."""
        simplex, before = self.master.simplex, -math.inf
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
            # What former sweeps prove here is called in as long as it raises the bound.
            least = CACHED_CUT_GAP_SHARE * self.target_gap
            raised = simplex.objective - before
            before = simplex.objective
            if not self.uses_cached_cuts or raised < least * self.gap_denominator(before):
                self.master.drop_idle_recoverable_cuts()
                return outcome
            known = self.cut_oracle.cached_cuts(self.master.recourse_points(x))
            if not self.master.add_violated_cuts(known, x, max(MIN_STORED_CUT_VIOLATION, least)):
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
        """Close in on the relaxation of the current branch by cuts; returns its bound (infinite
        where nothing is feasible), the best point that all chains were swept at, and its value.
        Points are swept half way between the master's solution and the point swept before (in-out
        separation: Ben-Ameur and Neto 2007; a centre that always moves on: Neame 1999), in the
        chains that are worth it. It ends when bound and best point are within ``accuracy`` of each
        other, or five rounds have raised the bound by less than ``stall``, both as shares."""
        master, simplex = self.master, self.master.simplex
        inside: Floats | None = None
        centre: Floats | None = None
        upper, lower, bounds = math.inf, -math.inf, list[float]()
        simplex.set_cutoff(cutoff)
        for number in range(max_rounds):
            outcome = self.solve_relaxation()
            if outcome == "infeasible":
                return math.inf, None, math.inf
            if outcome == "cutoff":
                return max(lower, cutoff), inside, upper
            lower = max(lower, simplex.objective)
            near = upper < math.inf and lower >= upper - accuracy * self.gap_denominator(upper)
            if lower >= cutoff or near:
                return lower, inside, upper
            outside = simplex.values()
            enough = accuracy * self.gap_denominator(lower)
            at, heads = self._next_point(centre, outside, enough)
            # Where hardly anything can be lacking this is likely to be the last sweep.
            appraisal, added = self._add_cuts_at(
                at, heads, outside, MIN_CUT_VIOLATION, approximate=heads is not None
            )
            sound = (
                at is outside and self.is_separable and self._observed_error(added, at) <= enough
            )
            if not appraisal.is_complete if sound else not added and at is not outside:
                at = outside
                appraisal, added = self._add_cuts_at(at, None, outside, MIN_CUT_VIOLATION)
            if appraisal.is_complete and (value := self.objective_at(at, appraisal)) < upper:
                upper, inside = value, at
            centre = at
            bounds.append(lower)
            if not added or (
                number >= 5 and lower - bounds[-6] < min_progress * self.gap_denominator(lower)
            ):
                return lower, inside, upper
            if number % 5 == 4:
                master.age_rows()
            if number % 25 == 24:
                master.remove_old_rows(10)
        if centre is not None:
            appraisal, _ = self._add_cuts_at(centre, None, centre, MIN_CUT_VIOLATION)
            if (value := self.objective_at(centre, appraisal)) < upper:
                upper, inside = value, centre
        return lower, inside, upper

    def _next_point(
        self, centre: Floats | None, master_solution: Floats, tolerance: float
    ) -> tuple[Floats, Collection[int] | None]:
        """Where to sweep next, and which chains, all where None: the master's solution itself at
        first, and all of it when hardly more than enough can be lacking there."""
        if not self.is_separable:
            return master_solution if centre is None else 0.5 * (centre + master_solution), None
        lacks, values = self._estimated_cut_errors(master_solution)
        total = self._objective_error(lacks, values)
        if total <= tolerance or math.isinf(total):
            return master_solution, None
        heads = self._chains_to_evaluate(lacks, values, UNEVALUATED_SHARE * total)
        return master_solution if centre is None else 0.5 * (centre + master_solution), heads

    def _add_cuts_at(
        self,
        x: Floats,
        chain_ids: Collection[int] | None,
        master_solution: Floats,
        min_violation: float,
        approximate: bool = False,
    ) -> tuple[CutOracleResult, dict[int, float]]:
        """Sweep a point and add what cuts off the master's solution; by how much, by node."""
        self.check_limits()
        appraisal = self.cut_oracle(self.master.recourse_points(x), chain_ids, approximate)
        added = self.master.add_violated_cuts(appraisal.cuts, master_solution, min_violation)
        if self.is_separable:
            self.chain_selector.record_errors(
                self.master.cost_to_go_values(master_solution), appraisal.damage_by_chain, added
            )
        return appraisal, added

    def _observed_error(self, added_violations: Mapping[int, float], x: Floats) -> float:
        """What of the objective was lacking at a solution, by what cuts were lacking by node."""
        lacking = {v: self._chain_weights[v] * own for v, own in added_violations.items()}
        return self._objective_error(lacking, self._estimated_cut_errors(x)[1])

    def add_cuts_at_solution(
        self, x: Floats, tolerance: float, min_violation: float
    ) -> tuple[float, int]:
        """Sweep the master's solution in the chains that may lack more than ``leave`` together:
        what cuts lacked there, as far as known, and how many joined that it violates by more than
        ``least`` of their side."""
        if not self.is_separable:
            appraisal, added = self._add_cuts_at(x, None, x, min_violation)
            return self.objective_at(x, appraisal) - self.master.simplex.objective, len(added)
        lacks, values = self._estimated_cut_errors(x)
        heads = self._chains_to_evaluate(lacks, values, tolerance)
        added = self._add_cuts_at(x, heads, x, min_violation, approximate=True)[1] if heads else {}
        left = {v: own for v, own in lacks.items() if v not in heads}
        for v, own in added.items():
            left[v] = left.get(v, 0.0) + self._chain_weights[v] * own
        return self._objective_error(left, values), len(added)
