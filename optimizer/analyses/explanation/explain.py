"""Explanation of a plan, from problems that are solved in parallel."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.results import ExplainedDecision, Explanation, LimitValue, PlanDiff, Regret, ValueStep
from models.scenario.quantities import YearlyQuantity
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import ExplainOptions
from optimizer.analyses.explanation.subproblem import (
    SLACK_TOLERANCE,
    ExplanationContext,
    ForcedDecision,
    ItemKind,
    LoosenedLimit,
    PlanConstraints,
    Query,
    QueryReply,
    QuerySolver,
    RepliesByStep,
    build_binding_rule,
    forced_holding,
)
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.saved_plan import SavedPlan, common_result_fields, largest_stocks
from optimizer.errors import Interrupted, Misuse, NoPlan
from optimizer.model.commitment import (
    budget_line_use,
    budget_use,
    funding_cash_flows,
    net_cost,
    planned_stock,
    weighted_cost,
)
from optimizer.parallel import Workers, choose_worker_count
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import default_jobs
from optimizer.solve.session import Session, create_worker_solver
from optimizer.solve.solver_result import MIN_GAP_TARGET, is_gap_closed

BUDGET_STEPS_MEUR = (1.0, 10.0, 100.0)
PERCENTAGE_POINT_STEPS = (1.0, 5.0, 10.0)
SHARE_LIMIT_RULES = ["public_share_limit", "state_aid_limit", "country_share_limit"]
SHARE_LIMIT_RULES += ["market_finance_limit", "share_limit"]
"""Rules whose limit is a share, in the order in which they are listed."""
OBJECTIVE_NOISE = 2 * MIN_GAP_TARGET
"""Share of the objective below which a difference of two objectives is a rounding error."""


def significant_difference(difference: float, scale: float) -> float:
    """Return a difference of two objectives; 0 if it is negative or no more than rounding noise.

    ``scale`` is the size of the objectives.
    """
    return difference if difference > OBJECTIVE_NOISE * max(1e-6, abs(scale)) else 0.0


@dataclass(frozen=True)
class Limit:
    """A budget or other limit of the scenario, with the steps by which it is loosened."""

    path: str
    kind: Literal["budget", "share", "unit"]
    now: float
    steps: tuple[float, ...]
    """Million EUR, percentage points, or units of the limit of a user's rule."""
    unused_meur: float | None = None
    funder: str | None = None
    project: str | None = None
    year: int | None = None
    is_lower: bool = False  # whether it is loosened by a smaller number

    @property
    def step_unit(self) -> float:
        """The size of one unit of ``steps`` (million EUR, percentage points or units of a rule) in
        the unit of the number; negative for a lower limit."""
        size = 0.01 if self.kind == "share" else 1.0
        return -size if self.is_lower else size

    @property
    def query(self) -> LoosenedLimit:
        """The query for this limit, with steps in the unit of the number."""
        return LoosenedLimit(
            self.path, self.now, tuple(step * self.step_unit for step in self.steps)
        )


def find_limits(plan_constraints: PlanConstraints) -> list[Limit]:
    """Return the limits that the explanation loosens: all budgets over all years, all constant
    guarantee limits, and those yearly budgets and limits on shares that are binding."""
    limit_finders = (_funder_budgets, _policy_budget, _binding_share_limits, _binding_user_rules)
    return [limit for find in limit_finders for limit in find(plan_constraints)]


def _budget_limit(path: str, current_value: float, unused_meur: float, **attributes: Any) -> Limit:
    """Return a budget as a limit.

    A budget that is used up is tried with all steps. Any other is tried with the largest step only:
    with more money it may pay for a project that the unspent rest does not cover.
    """
    is_used_up = unused_meur <= SLACK_TOLERANCE * max(current_value, 1.0)
    steps = BUDGET_STEPS_MEUR if is_used_up else BUDGET_STEPS_MEUR[-1:]
    return Limit(path, "budget", current_value, steps, max(0.0, unused_meur), **attributes)


def _funder_budgets(plan_constraints: PlanConstraints) -> Iterator[Limit]:
    instance = plan_constraints.instance
    used_by_funder = budget_use(instance, plan_constraints.commitment)
    use_by_line = budget_line_use(instance, plan_constraints.commitment)

    def yearly_limits(
        path: str, rule: str, owner: tuple[str, ...], budget: Any, by_year: Any
    ) -> Any:
        binding_years = {
            key.year
            for key in plan_constraints.all_binding_rules
            if key.name == rule and tuple(dict(key.about).values()) == owner
        }
        exhausted_years = [int(year) for year in by_year or {} if int(year) in binding_years]
        for year in _representative_years(exhausted_years, budget.carry_over):
            current_budget = float(by_year[year])
            yield _budget_limit(f"{path}.{year}", current_budget, 0.0, funder=owner[0], year=year)

    for f, funder in instance.case.funders.items():
        path = f"funders.{f}.budget"
        if funder.budget_meur is not None:
            current_budget = float(funder.budget_meur)
            yield _budget_limit(
                f"{path}_meur",
                current_budget,
                current_budget - float(used_by_funder[f].sum()),
                funder=f,
            )
        by_year = funder.budget_by_year_meur
        yield from yearly_limits(
            f"{path}_by_year_meur", "funder_budget_by_year", (f,), funder, by_year
        )
        for id, line in funder.budget_lines.items():
            path = f"funders.{f}.budget_lines.{id}"
            if line.total_meur is not None:
                current_budget = float(line.total_meur)
                unused_budget = current_budget - float(use_by_line[f, id].sum())
                yield _budget_limit(f"{path}.total_meur", current_budget, unused_budget, funder=f)
            by_year, name = line.by_year_meur, "budget_line_by_year"
            yield from yearly_limits(f"{path}.by_year_meur", name, (f, id), line, by_year)
            limit = line.limit_meur
            if limit is not None and not (isinstance(limit, YearlyQuantity) and limit.years):
                current_budget = limit.at(instance.years[0])
                unused_budget = current_budget - float(use_by_line[f, id].max(initial=0.0))
                yield _budget_limit(f"{path}.limit_meur", current_budget, unused_budget, funder=f)


def _representative_years(years: Iterable[int], carries_over: bool) -> list[int]:
    """Return the years of a budget that are loosened.

    These are all years, or if money is carried over the first, a middle and the last one. An
    additional million that can be carried over never has a lower value if it comes earlier, so that
    the values in these years bracket those in the others.
    """
    ordered_years = sorted(years)
    if not carries_over or len(ordered_years) <= 3:
        return ordered_years
    return [ordered_years[0], ordered_years[len(ordered_years) // 2], ordered_years[-1]]


def _policy_budget(plan_constraints: PlanConstraints) -> Iterator[Limit]:
    instance, budget = plan_constraints.instance, plan_constraints.instance.case.policy.budget_meur
    if budget is not None:
        used_by_funder = budget_use(instance, plan_constraints.commitment)
        spent = math.fsum(float(used_by_funder[f].sum()) for f in instance.public_funders)
        yield _budget_limit("policy.budget_meur", float(budget), float(budget) - spent)


def _binding_share_limits(plan_constraints: PlanConstraints) -> Iterator[Limit]:
    """Yield the limits on shares that are binding somewhere in the plan."""
    aid = plan_constraints.instance.case.policy.state_aid
    known_limits = set()
    binding_rules = [
        (SHARE_LIMIT_RULES.index(key.name), key)
        for key in plan_constraints.all_binding_rules
        if key.name in SHARE_LIMIT_RULES
    ]
    for _, key in sorted(binding_rules, key=lambda ranked: (ranked[0], ranked[1].about)):
        index = plan_constraints.all_binding_rules[key].index
        rule = build_binding_rule(plan_constraints.instance, key, index)
        path, current_limit, about = rule.path, rule.limit, dict(key.about)
        if key.name == "state_aid_limit":
            path, current_limit = (
                f"{path}.max_intensity",
                None if aid is None else aid.max_intensity,
            )
        steps = tuple(
            step
            for step in PERCENTAGE_POINT_STEPS
            if current_limit is not None and current_limit + step / 100 <= 1 + 1e-12
        )
        if current_limit is not None and steps and path not in known_limits:
            project = about.get("project") if path.startswith("projects.") else None
            funder = about.get("funder")
            yield Limit(path, "share", float(current_limit), steps, None, funder, project)
        known_limits.add(path)


def _binding_user_rules(plan_constraints: PlanConstraints) -> Iterator[Limit]:
    """Yield the limits of the user's rules that are binding: one project, tonne or million EUR
    more, or ten percentage points of a multiple."""
    instance = plan_constraints.instance
    binding = {
        str(dict(key.about)["rule"])
        for key in plan_constraints.all_binding_rules
        if key.name == "user_rule"
    }
    for name, rule in instance.case.policy.rules.items():
        now = rule.level.constant
        if name not in binding or now is None or rule.sense == "equals":
            continue
        step, is_lower = 0.1 if rule.level.value is None else 1.0, rule.sense == "at_least"
        if step <= now or not is_lower:
            path = ".".join(("policy.rules", name, *rule.level_path))
            yield Limit(path, "unit", now, (step,), is_lower=is_lower)


def limit_value(
    limit: Limit,
    answer: RepliesByStep,
    context: ExplanationContext,
    describe_difference: Callable[[QueryReply], PlanDiff | None],
) -> LimitValue:
    """Return the gain from loosening a limit by each step, as far as it was proven.

    ``answer`` has the replies by step. A larger step gains no less than a smaller one; the ranges
    of all steps are tightened accordingly.
    """
    replies = {step: answer.get(step * limit.step_unit) for step in limit.steps}

    def gain(more: float | None, less: float | None) -> float | None:
        if more is None or less is None:
            return None
        return significant_difference(more - less, context.best_objective)

    upper_gains: dict[float, float] = {}
    max_gain = math.inf
    for step in sorted(limit.steps, reverse=True):
        high = gain(context.best_objective, getattr(replies[step], "bound", None))
        upper_gains[step] = max_gain = max_gain if high is None else min(max_gain, high)
    min_gain, steps = 0.0, []
    for step, reply in replies.items():
        objective = getattr(reply, "objective", None)
        low, high = gain(context.bound, objective), upper_gains[step]
        plan_gain = gain(context.best_objective, objective)
        min_gain = max(min_gain, low or 0.0)
        is_known = low is not None or high < math.inf
        steps.append(
            ValueStep(
                step=step,
                low=min_gain / step if is_known else None,
                plans=None if plan_gain is None else plan_gain / step,
                high=high / step if high < math.inf else None,
                instead=None if reply is None else describe_difference(reply),
                solved=reply is not None,
                status=None if reply is None else reply.status,
            )
        )
    fields = {name: x for name, x in vars(limit).items() if name not in ("steps", "is_lower")}
    smallest_visible_step = min((step.step for step in steps if step.low), default=None)
    return LimitValue(**fields, steps=tuple(steps), visible=smallest_visible_step)


BRANCHING_GAP = 1e-3
"""Gap to which the plan's problem is solved again if only its cuts are needed."""
MIN_PURCHASE_T = 1e-6
"""Purchases below this many tonnes count as zero."""


def run_analysis(analysis_input: AnalysisInput, options: ExplainOptions) -> AnalysisOutcome:
    """Run the command that explains a saved plan."""
    assert analysis_input.saved_plan is not None
    instance = analysis_input.saved_plan.problem.instance
    valid_ids = (*instance.projects, *instance.stockpiles)
    for id in options.only:
        if id not in valid_ids:
            raise Misuse(
                ("There is no project or stockpile '{id}'; there are {known}.").format(
                    id=id, known=", ".join(valid_ids) or "-"
                )
            )
    result = explain_plan(analysis_input.saved_plan, options)
    is_cut_short = result.cut_short_count or result.ended == "interrupted"
    return AnalysisOutcome(result, 1 if is_cut_short else 0)


def explain_plan(given_plan: SavedPlan, options: ExplainOptions) -> Explanation:
    """Explain why each project and stockpile is in the plan or not, and compute the marginal values
    of limits.

    Each decision is reversed by force, and each budget and binding limit is loosened. The problem
    is then solved again with a warm start, as accurately as the answer requires. Results are the
    ranges that the gaps prove. Ctrl-C ends the analysis with the answers found so far.

    Raises Interrupted if it was stopped, or NoPlan if it reached its limit, before anything was
    proven about the plan itself.
    """
    started_at = time.perf_counter()
    explainer = PlanExplainer(given_plan, options)
    explainer.solve_all()
    solution, plan = given_plan.solution, given_plan.plan
    state_count = len(given_plan.problem.states)
    case = given_plan.problem.instance.case
    return Explanation(
        cost_weight=float(case.objective.cost_weight),
        cvar_weight=float(case.objective.cvar.weight),
        days=options.days,
        objective=solution.objective,
        best=explainer.context.best_objective,
        bound=explainer.context.bound,
        expected=solution.with_plan.expected,
        net_cost_meur=solution.net_cost,
        items=tuple(explainer.explain_item(kind, id) for kind, id in explainer.items),
        values=tuple(
            limit_value(
                x, explainer.answers.get(x.query, {}), explainer.context, explainer.plan_difference
            )
            for x in explainer.limits
        ),
        adaptation=solution.adaptation,
        ended="interrupted" if explainer.interrupted else "complete",
        **common_result_fields(
            Explanation, case, plan.title, plan.variant, started_at, state_count, options.gap
        ),
    )


class PlanExplainer:
    """The queries of an explanation of a plan, and the answers to them."""

    def __init__(self, given_plan: SavedPlan, options: ExplainOptions) -> None:
        self.given_plan, self.options = given_plan, options
        pool = CutPool()
        self.session = Session(pool=pool, **options.solver_options)
        self.instance = given_plan.problem.instance
        # The plan is a starting incumbent for all searches.
        pool.remember_plan(given_plan.solution.commitment, self.instance)
        self.plan_constraints = PlanConstraints(
            given_plan.problem, given_plan.solution.commitment, given_plan.solution.with_plan
        )
        all_items: list[tuple[ItemKind, str]] = [("project", p) for p in self.instance.projects]
        all_items += [("stockpile", h) for h in self.instance.stockpiles]
        self.items = [item for item in all_items if not options.only or item[1] in options.only]
        # With assumption sets or a review, binding rules are not reported, as each set and each
        # group has its own.
        self.has_sets_or_review = bool(given_plan.problem.set_problems or self.instance.branches)
        finds_limits = options.values and not self.has_sets_or_review
        self.limits = find_limits(self.plan_constraints) if finds_limits else []
        self.answers: dict[Query, RepliesByStep] = {}
        self.interrupted = False
        self.reference_solution = given_plan.solution
        """The plan that others are compared with."""
        self.context = self._solve_again()

    def _solve_again(self) -> ExplanationContext:
        """Solve the plan's problem again for cuts and branching leaves that all queries share.

        It also improves the bound, unless the plan is already proven to the requested gap.
        """
        saved_plan, options, solution = self.given_plan, self.options, self.given_plan.solution
        # A bound is valid only for the same scenario.
        is_same_scenario = solution.certificate.input_sha256 == input_hash(self.instance.case)
        proven_bound = solution.certificate.bound if is_same_scenario else None
        gap = options.gap
        if is_gap_closed(solution.objective, proven_bound, gap):
            gap = max(gap, BRANCHING_GAP)
        answer = self.session.search(saved_plan.problem, gap=gap)
        if answer.interrupted:
            raise Interrupted("stopped before anything was found out")
        bounds = [answer.bound, proven_bound]
        bound = max((value for value in bounds if value is not None), default=-math.inf)
        if bound == -math.inf:
            raise NoPlan("nothing was proven of the plan before the limit")
        best_objective = solution.objective
        certified_plan = answer.certified_plan()
        if certified_plan is not None:
            best_objective = min(best_objective, certified_plan.objective)
            if solution.objective - best_objective > 2 * options.gap * max(
                abs(best_objective), 1e-6
            ):
                # Otherwise differences from the better plan would appear in every answer.
                self.reference_solution = certified_plan
        problem, bound = saved_plan.problem.without_caches, min(bound, best_objective)
        return ExplanationContext(problem, saved_plan.reading, best_objective, bound, options.gap)

    def solve_all(self) -> None:
        """Solve all queries in parallel."""
        opposite_decisions = [self.opposite_decision(*item) for item in self.items]
        queries: list[Query] = [decision for decision in opposite_decisions if decision is not None]
        queries += [limit.query for limit in self.limits]

        def store_answer(query: Query, answer: RepliesByStep) -> None:
            self.answers[query] = answer
            name = query.id if isinstance(query, ForcedDecision) else query.path
            self.options.report_progress(len(self.answers), len(queries), name)

        usual_jobs = default_jobs(self.instance, self.given_plan.problem.states)
        jobs = min(choose_worker_count(self.options.jobs, usual_jobs), len(queries)) or 1
        solver_arguments = (QuerySolver, self.context, self.session.for_worker())
        try:
            with Workers[Query, RepliesByStep](
                create_worker_solver, solver_arguments, jobs
            ) as workers:
                workers.map(queries, store_answer)
        except KeyboardInterrupt:
            self.interrupted = True
        # A plan with a forced decision is feasible in the scenario, and may be the best one.
        found_objectives = [
            objective
            for query, replies in self.answers.items()
            if isinstance(query, ForcedDecision)
            if (objective := replies[0.0].objective) is not None
        ]
        best_objective = min([self.context.best_objective, *found_objectives])
        bound = min(self.context.bound, best_objective)
        self.context = replace(self.context, best_objective=best_objective, bound=bound)

    def opposite_decision(self, kind: ItemKind, id: str) -> ForcedDecision | None:
        """Return the reversed decision on a project or stockpile; None if no more stock
        can be held, or none is needed."""
        if kind == "project":
            is_built = id in self.given_plan.solution.commitment.earliest_starts
            return ForcedDecision(kind, id, not is_built)
        if self._is_bought(id):
            return ForcedDecision(kind, id, False)
        lots, days = forced_holding(self.instance, id, self.options.days)
        return ForcedDecision(kind, id, True, lots) if days > 0 else None

    def explain_item(self, kind: ItemKind, id: str) -> ExplainedDecision:
        """Return the explanation of the decision on one project or stockpile."""
        plan = self.given_plan.solution.commitment
        constraints = self.plan_constraints
        is_stock = kind == "stockpile"
        decision = self.opposite_decision(kind, id)
        reply = None if decision is None else self.answers.get(decision, {}).get(0.0)
        conflict = () if reply is None else reply.conflict
        is_forced_in = decision is not None and decision.forced_in
        held_lots = decision.held_lots if decision is not None and is_stock else None
        can_add = is_forced_in and not conflict and not self.has_sets_or_review
        stops = constraints.blocking_rules(kind, id, held_lots) if can_add else ()
        is_chosen = self._is_bought(id) if is_stock else id in plan.earliest_starts
        forced_project = id if is_forced_in and not is_stock else None
        regret = None if reply is None else self._build_regret(reply, forced_project)
        holding_t = days = None
        if is_stock:
            holding_t = planned_stock(self.instance, plan, id).max() * self._lot_tonnes(id)
        if is_stock and is_forced_in:
            _, days = forced_holding(self.instance, id, self.options.days)
        may_add, has_binding_rules = (
            can_add and not stops,
            is_chosen and not self.has_sets_or_review,
        )
        return ExplainedDecision(
            kind=kind,
            id=id,
            chosen=is_chosen,
            start=None if is_stock else plan.earliest_starts.get(id),
            held_t=holding_t,
            forced_days=days,
            regret=regret,
            tie=regret is not None and regret.low == 0 and regret.high is not None,
            conflict=conflict,
            stops=stops,
            beside=constraints.best_addition(kind, id, held_lots) if may_add else None,
            tight=constraints.find_binding_rules(kind, id) if has_binding_rules else (),
        )

    def _build_regret(self, reply: QueryReply, forced_project: str | None) -> Regret:
        """Return the regret of a reversed decision, from the reply to its query.

        ``forced_project`` is the project that the reversed decision builds, if any.
        """
        reference, context, instance = self.reference_solution, self.context, self.instance
        objective, commitment, low, high = reply.objective, reply.commitment, None, None
        damage = cost = expected_damage = net_cost_change = public_cost = None
        expected_under = dict[str, float]()
        best_objective = context.best_objective
        if reply.bound is not None:
            low = significant_difference(reply.bound - best_objective, best_objective)
        if objective is not None and commitment is not None:
            low = low or 0.0
            high = max(low, significant_difference(objective - context.bound, best_objective))
            plans = commitment, reference.commitment
            if not self.given_plan.problem.set_problems:  # cost and damage differ by set
                new_cost, old_cost = (weighted_cost(instance, plan) for plan in plans)
                cost = new_cost - old_cost
                damage = objective - reference.objective - cost
            expected_damage = reply.expected - reference.with_plan.expected
            reference_by_set = reference.expected_by_set
            expected_under = {
                id: set_expected - reference_by_set[id]
                for id, set_expected in reply.expected_under.items()
            }
            new_cost, old_cost = (net_cost(instance, plan) for plan in plans)
            net_cost_change = new_cost - old_cost
            if forced_project is not None:
                public_cost = math.fsum(
                    share * float(cash_flow.expected_payments.sum())
                    for p, f, _, share, cash_flow in funding_cash_flows(instance, commitment)
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
            expected=expected_damage,
            expected_under=expected_under,
            net_cost_meur=net_cost_change,
            public_meur=public_cost,
            instead=self.plan_difference(reply),
            seconds=reply.seconds,
        )

    def plan_difference(self, reply: QueryReply) -> PlanDiff | None:
        """Return the difference of the plan in a reply from the reference plan; None if there is no
        plan."""
        commitment, reference = reply.commitment, self.reference_solution.commitment
        if commitment is None:
            return None
        reference_decisions, new_decisions = (
            Decisions(plan.earliest_starts, largest_stocks(self.instance, plan))
            for plan in (reference, commitment)
        )
        return DecisionDiff.between(reference_decisions, new_decisions).to_result()

    def _is_bought(self, h: str) -> bool:
        bought_lots = self.given_plan.solution.commitment.expected_purchases(self.instance, h)
        return bool(float(bought_lots.sum()) * self._lot_tonnes(h) > MIN_PURCHASE_T)

    def _lot_tonnes(self, h: str) -> float:
        """Return the size in tonnes of a lot of the stockpile's material."""
        return self.instance.lot_tonnes[self.instance.stockpiles[h].material]
