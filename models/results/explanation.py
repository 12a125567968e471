"""Result of an explanation of a plan: why each decision is made, and the value of looser limits."""

from typing import Annotated, Literal

from pydantic import Field

from models.results import base
from models.results.base import (
    InMeasureUnit,
    InterruptibleStudy,
    Money,
    PlanDiff,
    Result,
    SearchResult,
    Share,
    Status,
)
from models.results.plan import AdaptationOutcome

RuleName = Annotated[str, Field(pattern=r"^[a-z_]+$")]


class BindingRule(Result):
    """A rule of the scenario that prevents a decision, or leaves it no slack."""

    tag: str  #: Tag of the rule in the [formulation](formulation.md).
    name: RuleName
    """Name of the rule in the formulation; ``earliest_start`` if a project cannot start earlier."""
    path: str  #: Dotted path of the rule's number in the scenario.
    about: dict[str, str]
    """Ids of the items that the rule concerns: ``project``, ``other``, ``funder``, ``instrument``,
    ``line``, ``stockpile``, ``material``, ``country``."""
    years: tuple[base.YearNumber, ...]
    """Years in which the rule binds; empty if it does not refer to years."""
    limit: float | None
    """Number of the rule, in the unit of its path; for state aid in million EUR. Null if the rule
    has no single number."""
    alone: bool | None
    """Whether the decision would be possible if this rule alone were dropped; null if not
    tested."""


class Regret(SearchResult):
    """The loss in the objective if one decision of the plan is reversed.

    The loss is the best objective with the reversed decision, minus the best objective. It lies
    between ``low`` and ``high``:

    - ``low`` is ``bound`` below, minus ``best`` of the explanation;
    - ``high`` is ``objective`` below, minus ``bound`` of the explanation.

    The other differences refer to the explained plan. If solving again found a plan that is better
    by more than twice ``gap_target``, relative to its objective, they refer to that plan.
    """

    objective: InMeasureUnit | None
    """Objective of the best plan found with the reversed decision; null without a plan."""
    bound: InMeasureUnit | None
    """Proven lower bound on the objective with the reversed decision; null without a bound."""
    low: InMeasureUnit | None  #: Lower bound on the loss; null without a bound.
    high: InMeasureUnit | None  #: Upper bound on the loss; null without a plan.
    damage: InMeasureUnit | None
    """Increase of the damage term of the objective with the plan found. Null over assumption sets,
    and without a plan."""
    cost: InMeasureUnit | None
    """Increase of the cost term of the objective with the plan found. Null over assumption sets,
    and without a plan."""
    expected: InMeasureUnit | None
    """Mean damage with the plan found minus that with the explained plan; null without a plan."""
    expected_under: dict[base.Assumptions, InMeasureUnit] = {}
    """The same increase of mean damage under each assumption set, if the plan is made over sets."""
    net_cost_meur: float | None
    """Net cost of the plan found minus that of the explained plan, discounted; null without a
    plan."""
    public_meur: float | None = None
    """For a project that the reversed decision adds: undiscounted payments of public funders into
    the project in the plan found, including the full amount of guaranteed loans."""
    instead: PlanDiff | None  #: Other changes between the two plans; null without a plan.


class AdditionEffect(Result):
    """The effect of adding a project or a purchase to the plan, all other decisions being fixed.

    For each start year, two ways of financing are tried: the cheapest one, and the one with the
    largest output for domestic consumers. The result with the best objective is reported.
    """

    start: base.YearNumber | None  #: Start year of the project; null for a stockpile.
    avoided: InMeasureUnit  #: Mean damage avoided by the addition.
    weighed: InMeasureUnit
    """Reduction of the damage term of the objective (mean and CVaR with their weights)."""
    net_cost_meur: float  #: Net cost of the addition, discounted.
    weighed_cost: InMeasureUnit  #: Increase of the cost term of the objective.


class ExplainedDecision(Result):
    """The decision on one project or one stockpile, and its reasons."""

    kind: Literal["project", "stockpile"]  #: Project or stockpile.
    id: str  #: Id of the project or stockpile.
    chosen: bool  #: Whether the project is built, or the stockpile buys anything.
    start: base.YearNumber | None  #: Start year of a project that is built.
    held_t: float | None  #: Largest planned stock of a stockpile, in tonnes; null for a project.
    forced_days: float | None
    """Days of need that a stockpile has to hold in addition to its present stock when its decision
    is reversed. Null if nothing was required, or if the stockpile has no capacity for it."""
    regret: Regret | None
    """Loss if the decision is reversed. Null if there is no room for more stock, or if the analysis
    was interrupted earlier."""
    tie: bool
    """True if the range of the regret includes 0, so that a plan with the reversed decision may be
    as good. False if no such plan was found."""
    conflict: tuple[BindingRule, ...]  #: Minimal set of rules that exclude the reversed decision.
    stops: tuple[BindingRule, ...]  #: Rules that together prevent adding the item to the plan.
    beside: AdditionEffect | None
    """Effect of adding the item to the plan. Null if rules prevent it, or if the plan has the
    item."""
    tight: tuple[BindingRule, ...]  #: Rules that bind the decision that was made.

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve that computes the regret stopped at a limit."""
        return self.regret is not None and self.regret.status in ("limit", "none")


class ValueStep(Result):
    """The gain if a limit is loosened by one step."""

    step: Money  #: Size of the step: million EUR for a budget, percentage points for a share.
    low: float | None
    """Lower bound on the gain per million EUR or percentage point; null without a bound."""
    plans: float | None
    """Gain with the plan found, per million EUR or percentage point: objective at the present limit
    minus objective of the plan found at the looser limit. Null if the step was not solved, or
    without a plan."""
    high: float | None
    """Upper bound on the gain per million EUR or percentage point; null without a bound."""
    instead: PlanDiff | None  #: Changes of the plan with the looser limit; null without a plan.
    solved: bool
    """Whether this step was solved. If not, the lower bound follows from smaller steps, and the
    upper bound from larger ones."""
    status: Status | None = None  #: Status of the solve; null if the step was not solved.


class LimitValue(Result):
    """A budget or another limit, and the gain from loosening it by each of several steps.

    The problem is solved again with the looser limits.
    """

    path: str  #: Dotted path of the number in the scenario.
    kind: Literal["budget", "share", "unit"]
    """``budget``: steps are in million EUR; ``share``: steps are in percentage points; ``unit``:
    steps are in the unit of a rule of the user, and a lower limit is reduced by them."""
    funder: base.Funder | None
    """Id of the funder to which the limit belongs; null without a funder."""
    project: base.Project | None
    """Id of the project that the limit concerns; null without a project."""
    year: base.YearNumber | None  #: Year that the limit concerns; null without a year.
    now: float  #: Value of the limit in the scenario.
    unused_meur: float | None  #: Unused part of a budget; null for shares.
    steps: tuple[ValueStep, ...]  #: Steps in ascending order.
    visible: float | None
    """Smallest step with a gain that is proven to be positive; null without such a step."""

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve for one of the steps stopped at a limit."""
        return any(step.status in ("limit", "none") for step in self.steps)


class Explanation(InterruptibleStudy):
    """The reasons for the decisions of a plan.

    For each decision, the problem is solved again with the decision reversed, to ``gap_target`` or
    only as far as the answer requires. A plan is better or worse by the scenario's objective, in
    the unit of the measure.
    """

    kind: Literal["explanation"] = "explanation"
    cost_weight: float  #: Weight of a million EUR of net cost in the objective.
    cvar_weight: Share  #: Weight of the CVaR in the objective.
    days: float
    """Days of need that a stockpile without purchases has to hold when its decision is reversed."""
    objective: InMeasureUnit  #: Objective of the plan.
    best: InMeasureUnit  #: Lowest objective of all plans found in this analysis.
    bound: InMeasureUnit  #: Proven lower bound on the objective of any plan.
    expected: InMeasureUnit  #: Mean damage of the plan.
    net_cost_meur: float  #: Net cost of the plan, discounted.
    items: tuple[ExplainedDecision, ...]
    """Decisions on projects, then on stockpiles, in the order of the file."""
    values: tuple[LimitValue, ...]
    """Values of budgets and limits. Empty if not requested, over assumption sets, and with a
    review."""
    adaptation: tuple[AdaptationOutcome, ...] = ()
    """Length of outages and shortages for consumers that adapt."""

    @property
    def cut_short_count(self) -> int:
        """Number of decisions, budgets and limits for which a solve stopped at a limit."""
        decisions = sum(item.is_cut_short for item in self.items)
        return decisions + sum(value.is_cut_short for value in self.values)
