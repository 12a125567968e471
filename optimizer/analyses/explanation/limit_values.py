"""Budgets and other limits that an explanation loosens, and the gain from loosening each."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from models.results import LimitValue, PlanDiff, ValueStep
from models.scenario.quantities import YearlyQuantity
from optimizer.analyses.explanation.active_constraints import (
    SLACK_TOLERANCE,
    PlanConstraints,
    build_binding_rule,
)
from optimizer.analyses.explanation.subproblem import (
    ExplanationContext,
    LoosenedLimit,
    QueryReply,
    RepliesByStep,
)
from optimizer.model.commitment import budget_line_use, budget_use
from optimizer.solve.gap import MIN_GAP_TARGET

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
