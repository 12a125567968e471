"""Why a plan is as it is, and what one more million or point of a limit would be worth."""

from typing import Annotated, Literal

from pydantic import Field

from models.results import ids
from models.results.base import Instead, InUnit, Money, Result, Searched, Share, Status, Study
from models.results.plan import Adapting

RuleName = Annotated[str, Field(pattern=r"^[a-z_]+$")]


class BindingRule(Result):
    """A rule of the scenario that stops something, or leaves it no room."""

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


class Regret(Searched):
    """What it costs to decide otherwise: the best that is left, less the best there is.

    It lies between ``low`` and ``high``: between the bound there less ``best``, and the plan found
    there less ``bound``. Differences of plans are against the plan that is explained, or, where
    solving it anew found a better one than its gap allows, against that one.
    """

    objective: InUnit | None  #: Objective of the best plan that was found.
    bound: InUnit | None  #: No plan that decides otherwise has a lower one.
    low: InUnit | None  #: At least so much is lost.
    high: InUnit | None  #: At most so much is lost; null where no plan was found.
    damage: InUnit | None
    """What damage adds to the difference, as the objective weighs it; null over sets of
    assumptions, and without a plan."""
    cost: InUnit | None  #: What cost adds to it, as the objective weighs cost; null likewise.
    expected: InUnit | None  #: By how much mean damage differs.
    expected_under: dict[ids.Assumptions, InUnit] = {}
    """By how much it differs under each set of assumptions, where the plan is made over them."""
    net_cost_meur: float | None  #: By how much discounted net cost differs.
    public_meur: float | None = None
    """Of a project that is left out: what public funders put into it in the plan that was found,
    undiscounted, guaranteed loans in full."""
    instead: Instead | None  #: What comes instead; null without a plan.


class Beside(Result):
    """What it would bring beside the plan, all other decisions held.

    Of the cheapest financing and the one that brings most output home, in each start year, the best
    by the objective.
    """

    start: ids.YearNumber | None  #: Start year; null for a stock.
    avoided: InUnit  #: Mean damage that it would avoid.
    weighed: InUnit  #: Damage that it would avoid, as the objective weighs mean and tail.
    net_cost_meur: float  #: What it would cost, discounted.
    weighed_cost: InUnit  #: What that adds to the objective.


class Explained(Result):
    """One project or one stockpile: what the plan decides, and why."""

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
    beside: Beside | None  #: What it would bring beside the plan; null if stopped or chosen.
    tight: tuple[BindingRule, ...]  #: Rules that leave no room around what is chosen.

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve behind its regret met a limit."""
        return self.regret is not None and self.regret.status in ("limit", "none")


class ValueStep(Result):
    """What a limit that is so much looser is worth."""

    step: Money  #: By how much: million EUR of a budget, percentage points of a share.
    low: float | None  #: At least so much is gained for each million or point.
    plans: float | None  #: The difference of the two plans, for each; null if not solved by itself.
    high: float | None  #: At most so much is gained for each; null where no bound is known.
    instead: Instead | None  #: What the looser limit lets in and out; null without a plan.
    solved: bool  #: Whether it was solved by itself: what a larger step proves holds for it.
    status: Status | None = None  #: How that solve ended; null where it was not solved by itself.


class LimitValue(Result):
    """A budget or a limit, and what more of it is worth, by solving it anew at several steps."""

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
        """Whether a solve behind it met a limit."""
        return any(step.status in ("limit", "none") for step in self.steps)


class Explanation(Study):
    """Why a plan is as it is.

    Better and worse are by the scenario's objective; its unit is that of the measure. Questions
    were solved to ``gap_target`` where their answer needed it.
    """

    kind: Literal["explanation"] = "explanation"
    cost_weight: float  #: What a million of net cost counts in the objective.
    cvar_weight: Share  #: Weight of the tail in the objective.
    days: float  #: Days of need that stocks which buy nothing were asked for.
    objective: InUnit  #: Objective of the plan.
    best: InUnit  #: The lowest objective that any plan was found to have, by whatever question.
    bound: InUnit  #: No plan has a lower one.
    expected: InUnit  #: Mean damage of the plan.
    net_cost_meur: float  #: Its discounted net cost.
    items: tuple[Explained, ...]  #: Projects, then stockpiles, in the order of the file.
    values: tuple[LimitValue, ...]
    """Budgets and limits; empty where they were not asked for, over sets and with a review."""
    adaptation: tuple[Adapting, ...] = ()  #: How long shortages last to which users adapt.

    @property
    def cut_short(self) -> int:
        """How many questions met a limit: decisions, and budgets and limits."""
        decisions = sum(one.is_cut_short for one in self.items)
        return decisions + sum(one.is_cut_short for one in self.values)
