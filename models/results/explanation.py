"""Result of an explanation of a plan: why each decision is made, and the value of looser limits."""

from typing import Annotated, Literal

from pydantic import Field

from models.results import ids
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

    tag: str  #: Its tag in the [formulation](formulation.md).
    name: RuleName  #: Its name there; ``earliest_start`` where a project cannot start earlier.
    path: str  #: Dotted path of its number in the scenario.
    about: dict[str, str]
    """Ids of what it is about: ``project``, ``other``, ``funder``, ``instrument``, ``line``,
    ``stockpile``, ``material``, ``country``."""
    years: tuple[ids.YearNumber, ...]  #: Years in which it binds; empty where it has none.
    limit: float | None
    """Its number, in the unit of the path, or million EUR of state aid; null if not one."""
    alone: bool | None  #: Whether dropping this rule alone would be enough; null if not asked.


class Regret(SearchResult):
    """The loss in the objective if one decision of the plan is reversed.

    It is the best objective with the reversed decision less the best objective, and lies between
    ``low`` (bound of the former problem less ``best``) and ``high`` (objective of the plan found
    for it less ``bound``). Differences refer to the plan that is explained, or to a better plan if
    solving again found one beyond its gap.
    """

    objective: InMeasureUnit | None  #: Objective of the best plan that was found.
    bound: InMeasureUnit | None  #: No plan that decides otherwise has a lower one.
    low: InMeasureUnit | None  #: At least so much is lost.
    high: InMeasureUnit | None  #: At most so much is lost; null where no plan was found.
    damage: InMeasureUnit | None
    """What damage adds to the difference, as the objective weighs it; null over sets of
    assumptions, and without a plan."""
    cost: InMeasureUnit | None
    """What cost adds to it, as the objective weighs cost; null likewise."""
    expected: InMeasureUnit | None  #: By how much mean damage differs.
    expected_under: dict[ids.Assumptions, InMeasureUnit] = {}
    """By how much it differs under each set of assumptions, where the plan is made over them."""
    net_cost_meur: float | None  #: By how much discounted net cost differs.
    public_meur: float | None = None
    """Of a project that is left out: what public funders put into it in the plan that was found,
    undiscounted, guaranteed loans in full."""
    instead: PlanDiff | None  #: What comes instead; null without a plan.


class AdditionEffect(Result):
    """The effect of adding a project or a purchase to the plan, all other decisions being fixed.

    For each start year two kinds of financing are tried: the cheapest one, and the one with most
    output for home. The best of these by the objective is reported.
    """

    start: ids.YearNumber | None  #: Start year; null for a stock.
    avoided: InMeasureUnit  #: Mean damage that it would avoid.
    weighed: InMeasureUnit  #: Damage that it would avoid, as the objective weighs mean and tail.
    net_cost_meur: float  #: What it would cost, discounted.
    weighed_cost: InMeasureUnit  #: What that adds to the objective.


class ExplainedDecision(Result):
    """The decision on one project or one stockpile, and its reasons."""

    kind: Literal["project", "stockpile"]  #: What it is.
    id: str  #: Its id.
    chosen: bool  #: Whether the project is built; whether the stockpile buys anything.
    start: ids.YearNumber | None  #: Start year of a project that is built.
    held_t: float | None  #: Tonnes that a stockpile holds at most.
    forced_days: float | None
    """Days of need that a stockpile was asked to hold beyond what lies there already; null where
    nothing was asked or there is no room for any."""
    regret: Regret | None  #: What it costs to decide otherwise; null without another decision.
    tie: bool
    """Whether the range of the regret reaches down to 0, so that the plan may be as good without
    this decision. Where no plan was found the other way there is no range, and no tie."""
    conflict: tuple[BindingRule, ...]
    """Rules that exclude each other where it is decided otherwise, none of them without need."""
    stops: tuple[BindingRule, ...]  #: Rules that together stop it beside the rest of the plan.
    beside: AdditionEffect | None
    """What it would bring beside the plan; null if stopped or chosen."""
    tight: tuple[BindingRule, ...]  #: Rules that leave no room around what is chosen.

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve that computes the regret stopped at a limit."""
        return self.regret is not None and self.regret.status in ("limit", "none")


class ValueStep(Result):
    """The gain if a limit is loosened by one step."""

    step: Money  #: By how much: million EUR of a budget, percentage points of a share.
    low: float | None  #: At least so much is gained for each million or point.
    plans: float | None  #: The difference of the two plans, for each; null if not solved by itself.
    high: float | None  #: At most so much is gained for each; null where no bound is known.
    instead: PlanDiff | None  #: What the looser limit lets in and out; null without a plan.
    solved: bool  #: Whether it was solved by itself: what a larger step proves holds for it.
    status: Status | None = None  #: How that solve ended; null where it was not solved by itself.


class LimitValue(Result):
    """A budget or another limit, and the gain from loosening it by each of several steps.

    The problem is solved again for the steps.
    """

    path: str  #: Dotted path of the number in the scenario.
    kind: Literal["budget", "share"]  #: Steps are million EUR, or percentage points.
    funder: ids.Funder | None  #: Whose it is.
    project: ids.Project | None  #: Which project it is for.
    year: ids.YearNumber | None  #: Which year it is for.
    now: float  #: The number as it is.
    unused_meur: float | None  #: What the plan leaves of a budget; null for shares.
    steps: tuple[ValueStep, ...]  #: By rising step.
    visible: float | None  #: The smallest step whose gain is proven to be above 0; null if none.

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve for one of the steps stopped at a limit."""
        return any(step.status in ("limit", "none") for step in self.steps)


class Explanation(InterruptibleStudy):
    """The reasons for the decisions of a plan.

    Better and worse refer to the scenario's objective; its unit is that of the measure. Problems
    were solved to ``gap_target`` where the answer needed it.
    """

    kind: Literal["explanation"] = "explanation"
    cost_weight: float  #: What a million of net cost counts in the objective.
    cvar_weight: Share  #: Weight of the tail in the objective.
    days: float  #: Days of need that stocks which buy nothing were asked for.
    objective: InMeasureUnit  #: Objective of the plan.
    best: InMeasureUnit
    """The lowest objective that any plan was found to have, by whatever question."""
    bound: InMeasureUnit  #: No plan has a lower one.
    expected: InMeasureUnit  #: Mean damage of the plan.
    net_cost_meur: float  #: Its discounted net cost.
    items: tuple[ExplainedDecision, ...]  #: Projects, then stockpiles, in the order of the file.
    values: tuple[LimitValue, ...]
    """Budgets and limits; empty where they were not asked for, over sets and with a review."""
    adaptation: tuple[AdaptationOutcome, ...] = ()  #: How long shortages last to which users adapt.

    @property
    def cut_short_count(self) -> int:
        """Number of decisions, budgets and limits for which a solve stopped at a limit."""
        decisions = sum(item.is_cut_short for item in self.items)
        return decisions + sum(value.is_cut_short for value in self.values)
