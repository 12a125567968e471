"""Why a plan is as it is, from questions that are solved side by side."""

import math
import time
from dataclasses import replace

from models.language import tr
from models.results import ExplainedDecision, Explanation, PlanDiff, Regret
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.explanation.active_constraints import PlanConstraints
from optimizer.analyses.explanation.limit_values import (
    find_limits,
    limit_value,
    significant_difference,
)
from optimizer.analyses.explanation.options import ExplainOptions
from optimizer.analyses.explanation.subproblem import (
    ExplanationContext,
    ForcedDecision,
    ItemKind,
    Query,
    QueryReply,
    RepliesByStep,
    create_solver,
    forced_holding,
)
from optimizer.analyses.frontier.summary import diff_plans, largest_stocks
from optimizer.analyses.problem_series import ProblemSeries
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Interrupted, Misuse, NoPlan
from optimizer.model.commitment import funding_cash_flows, net_cost, planned_stock, weighted_cost
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_gap_closed
from optimizer.solve.planner import default_jobs

BRANCHING_GAP = 1e-3
"""The gap to which the plan's problem is solved anew for the sake of the questions alone."""
MIN_PURCHASE_T = 1e-6
"""Tonnes: less is a solver's zero."""


def run_analysis(analysis_input: AnalysisInput, options: ExplainOptions) -> AnalysisOutcome:
    """Explain a saved plan."""
    assert analysis_input.saved_plan is not None
    instance = analysis_input.saved_plan.problem.instance
    known = (*instance.projects, *instance.stockpiles)
    for id in options.only:
        if id not in known:
            listed = ", ".join(known) or "-"
            raise Misuse(
                tr("There is no project or stockpile '{id}'; there are {known}.", id=id,
                   known=listed)
            )  # fmt: skip
    found = explain_plan(analysis_input.saved_plan, options)
    return AnalysisOutcome(found, 1 if found.cut_short_count or found.ended == "interrupted" else 0)


def explain_plan(given_plan: SavedPlan, options: ExplainOptions) -> Explanation:
    """Why each project and each stock of a plan is in or out, and what more of a limit is worth.

    Every decision is forced the other way, every budget and every limit that binds is loosened,
    and the problem is solved anew, warm and each as closely as its answer needs. What is said is
    the range that the gaps prove. A Ctrl-C ends it with the answers so far.

    Raises Interrupted or NoPlan if it was stopped, or met its limit, before anything was proven of
    the plan itself.
    """
    began = time.perf_counter()
    talk = PlanExplainer(given_plan, options)
    talk.solve_all()
    found, plan, states = given_plan.solution, given_plan.plan, len(given_plan.problem.states)
    case = given_plan.problem.instance.case
    return Explanation(
        cost_weight=float(case.objective.cost_weight),
        cvar_weight=float(case.objective.cvar.weight),
        days=options.days,
        objective=found.objective,
        best=talk.context.best_objective,
        bound=talk.context.bound,
        expected=found.with_plan.expected,
        net_cost_meur=found.net_cost,
        items=tuple(talk.explain_item(kind, id) for kind, id in talk.items),
        values=tuple(
            limit_value(
                limit, talk.answers.get(limit.query, {}), talk.context, talk.plan_difference
            )
            for limit in talk.limits
        ),
        adaptation=found.adaptation,
        ended="interrupted" if talk.interrupted else "complete",
        **common_result_fields(
            Explanation, case, plan.title, plan.variant, began, states, options.gap
        ),
    )


class PlanExplainer:
    """The questions about a plan, and their answers."""

    def __init__(self, given_plan: SavedPlan, options: ExplainOptions) -> None:
        self.given_plan, self.options, self.pool = given_plan, options, CutPool()
        self.instance = given_plan.problem.instance
        self.pool.remember_plan(
            given_plan.solution.commitment, self.instance
        )  # no search need find it again
        self.plan_constraints = PlanConstraints(
            given_plan.problem, given_plan.solution.commitment, given_plan.solution.with_plan
        )
        every: list[tuple[ItemKind, str]] = [("project", p) for p in self.instance.projects]
        every += [("stockpile", h) for h in self.instance.stockpiles]
        self.items = [item for item in every if not options.only or item[1] in options.only]
        # Of a plan over sets, or with a review, it is not told which rules are tight: each set and
        # each group has its own.
        self.has_sets_or_review = bool(given_plan.problem.set_problems or self.instance.branches)
        self.limits = (
            find_limits(self.plan_constraints)
            if options.values and not self.has_sets_or_review
            else []
        )
        self.answers: dict[Query, RepliesByStep] = {}
        self.interrupted = False
        self.reference_solution = given_plan.solution
        """What other plans are told against."""
        self.context = self._solve_again()

    def _solve_again(self) -> ExplanationContext:
        """The plan's problem solved anew, for what serves all others: cuts, and leaves of a tree;
        and for a closer bound, unless what is known of the plan is as close as was asked for."""
        given, options, found = self.given_plan, self.options, self.given_plan.solution
        states, limit, tell = given.problem.states, options.time_limit, options.on_progress
        # What was proven of a scenario holds for no other.
        same = found.certificate.input_sha256 == input_hash(self.instance.case)
        proven = found.certificate.bound if same else None
        gap = options.gap
        if is_gap_closed(found.objective, proven, gap):
            gap = max(gap, BRANCHING_GAP)
        series = ProblemSeries(self.instance, states, gap, self.pool, limit, None, tell)
        solved = series.search(given.problem)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before anything was found out"))
        known = [solved.solution.bound, proven]
        bound = max((one for one in known if one is not None), default=-math.inf)
        if bound == -math.inf:
            raise NoPlan(tr("nothing was proven of the plan before the limit"))
        best = found.objective
        if solved.commitment is not None:
            again = series.certify(given.problem, solved, time.perf_counter())
            best = min(best, again.objective)
            if found.objective - best > 2 * options.gap * max(abs(best), 1e-6):
                # What a better plan does otherwise must not be told as an answer to a question.
                self.reference_solution = again
        return ExplanationContext(
            given.problem.without_caches, given.reading, best, min(bound, best), options.gap
        )

    def solve_all(self) -> None:
        """Ask all questions side by side."""
        forces = [self.opposite_decision(*item) for item in self.items]
        asks: list[Query] = [force for force in forces if force is not None]
        asks += [limit.query for limit in self.limits]

        def told(ask: Query, answer: RepliesByStep) -> None:
            self.answers[ask] = answer
            name = ask.id if isinstance(ask, ForcedDecision) else ask.path
            self.options.report_progress(len(self.answers), len(asks), name)

        usual = default_jobs(self.instance, self.given_plan.problem.states)
        jobs = min(choose_worker_count(self.options.jobs, usual), len(asks)) or 1
        given = (self.context, self.pool, self.options.time_limit)
        try:
            with Workers[Query, RepliesByStep](create_solver, given, jobs) as workers:
                workers.map(asks, told)
        except KeyboardInterrupt:
            self.interrupted = True
        # A plan that was found under force is one of the scenario's own: it may be the best.
        found = (
            a[0.0].objective for ask, a in self.answers.items() if isinstance(ask, ForcedDecision)
        )
        best = min([self.context.best_objective, *(one for one in found if one is not None)])
        self.context = replace(
            self.context, best_objective=best, bound=min(self.context.bound, best)
        )

    def opposite_decision(self, kind: ItemKind, id: str) -> ForcedDecision | None:
        """The other decision, if there is one."""
        if kind == "project":
            return ForcedDecision(
                kind, id, id not in self.given_plan.solution.commitment.earliest_starts
            )
        if self._is_bought(id):
            return ForcedDecision(kind, id, False)
        lots, days = forced_holding(self.instance, id, self.options.days)
        return ForcedDecision(kind, id, True, lots) if days > 0 else None

    def explain_item(self, kind: ItemKind, id: str) -> ExplainedDecision:
        """What is known of one project or stockpile."""
        plan, standing, is_stock = (
            self.given_plan.solution.commitment,
            self.plan_constraints,
            kind == "stockpile",
        )
        force = self.opposite_decision(kind, id)
        reply = None if force is None else self.answers.get(force, {}).get(0.0)
        conflict = () if reply is None else reply.conflict
        into = force is not None and force.forced_in
        hold = force.held_lots if force is not None and is_stock else None
        alone = into and not conflict and not self.has_sets_or_review
        stops = standing.blocking_rules(kind, id, hold) if alone else ()
        chosen = self._is_bought(id) if is_stock else id in plan.earliest_starts
        brought_in = id if into and not is_stock else None
        regret = None if reply is None else self._build_regret(reply, brought_in)
        held = (
            planned_stock(self.instance, plan, id).max() * self._lot_tonnes(id)
            if is_stock
            else None
        )
        days = (
            forced_holding(self.instance, id, self.options.days)[1] if is_stock and into else None
        )
        return ExplainedDecision(
            kind=kind,
            id=id,
            chosen=chosen,
            start=None if is_stock else plan.earliest_starts.get(id),
            held_t=held,
            forced_days=days,
            regret=regret,
            tie=regret is not None and regret.low == 0 and regret.high is not None,
            conflict=conflict,
            stops=stops,
            beside=standing.best_addition(kind, id, hold) if alone and not stops else None,
            tight=standing.tight_rules(kind, id) if chosen and not self.has_sets_or_review else (),
        )

    def _build_regret(self, reply: QueryReply, forced_project: str | None) -> Regret:
        """What another decision costs; ``forced`` is the project that it brings in."""
        found, desk, instance = self.reference_solution, self.context, self.instance
        objective, other, low, high = reply.objective, reply.commitment, None, None
        damage = cost = expected = money = public = None
        under = dict[str, float]()
        if reply.bound is not None:
            low = significant_difference(reply.bound - desk.best_objective, desk.best_objective)
        if objective is not None and other is not None:
            low = low or 0.0
            high = max(low, significant_difference(objective - desk.bound, desk.best_objective))
            if (
                not self.given_plan.problem.set_problems
            ):  # each of which has cost and damage of its own
                cost = weighted_cost(instance, other) - weighted_cost(instance, found.commitment)
                damage = objective - found.objective - cost
            expected = reply.expected - found.with_plan.expected
            own = found.expected_by_set
            under = {id: there - own[id] for id, there in reply.expected_under.items()}
            money = net_cost(instance, other) - net_cost(instance, found.commitment)
            if forced_project is not None:
                public = math.fsum(
                    share * float(moves.expected_payments.sum())
                    for p, f, _, share, moves in funding_cash_flows(instance, other)
                    if p == forced_project and instance.case.funders[f].kind == "public"
                )
        return Regret(
            status=reply.status,
            objective=objective,
            bound=reply.bound,
            low=low,
            high=high,
            damage=damage,
            cost=cost,
            expected=expected,
            expected_under=under,
            net_cost_meur=money,
            public_meur=public,
            instead=self.plan_difference(reply),
            seconds=reply.seconds,
        )

    def plan_difference(self, reply: QueryReply) -> PlanDiff | None:
        """What another plan does otherwise."""
        other, own = reply.commitment, self.reference_solution.commitment
        if other is None:
            return None
        held, holds = (largest_stocks(self.instance, plan) for plan in (own, other))
        return diff_plans(own.earliest_starts, other.earliest_starts, held, holds)

    def _is_bought(self, h: str) -> bool:
        bought = self.given_plan.solution.commitment.expected_purchases(self.instance, h)
        return bool(float(bought.sum()) * self._lot_tonnes(h) > MIN_PURCHASE_T)

    def _lot_tonnes(self, h: str) -> float:
        """Tonnes."""
        return self.instance.lot_tonnes[self.instance.stockpiles[h].material]
