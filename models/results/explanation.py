"""Why a plan is as it is: for each project and each stock why it is in or out, and what one more
million, or one more point of a limit, would be worth.

Objectives and what they differ by are in the unit of the measure, money is million EUR, mass is
tonnes. What comes out of solves is a range that their gaps prove.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from models.results import ids
from models.results.base import OfScenario, Result, Seconds, Share, Versions

RuleName = Annotated[str, Field(pattern=r"^[a-z_]+$")]


class BindingRule(Result):
    """A rule of the scenario that stops something, or leaves it no room."""

    tag: str
    """Its tag in the formulation."""
    name: RuleName
    """Its name there."""
    path: str
    """Dotted path of its number in the scenario."""
    about: dict[str, str]
    """Ids of what it is about: ``project``, ``other``, ``funder``, ``instrument``, ``line``,
    ``stockpile``, ``material``, ``country``."""
    years: tuple[ids.YearNumber, ...]
    """Years in which it binds; empty where it has none."""
    limit: float | None
    """Its number, in the unit of the path; null where it has none or several."""
    alone: bool | None
    """Whether it would be enough if this rule alone were dropped; null where that was not asked."""


class Instead(Result):
    """What comes instead: the plan that was found beside the plan that is explained."""

    entering: tuple[ids.Project, ...]
    """Projects built there alone."""
    leaving: tuple[ids.Project, ...]
    """Projects built in the plan alone."""
    moved: dict[ids.Project, tuple[ids.YearNumber, ids.YearNumber]]
    """Projects whose start year changes: from, to."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes by which what a stockpile holds at most rises or falls."""


class Regret(Result):
    """What it costs to decide otherwise: the best that is left, less the best there is."""

    status: Literal["optimal", "limit", "infeasible", "none"]
    """``optimal``: within the gap; ``limit``: stopped with a plan; ``infeasible``: no plan keeps
    all rules; ``none``: stopped before any plan was found."""
    objective: float | None
    """Objective of the best plan that was found."""
    bound: float | None
    """No plan that decides otherwise has a lower one."""
    low: float | None
    """At least so much is lost."""
    high: float | None
    """At most so much is lost; null where no plan was found."""
    damage: float | None
    """What damage adds to the difference of the two plans, as the objective weighs it."""
    cost: float | None
    """What cost adds to it, as the objective weighs cost."""
    expected: float | None
    """By how much mean damage differs."""
    net_cost_meur: float | None
    """By how much discounted net cost differs."""
    instead: Instead | None
    """What comes instead; null without a plan."""
    seconds: Seconds
    """Wall time."""


class Beside(Result):
    """What it would bring beside the plan, all else held as it is: its cheapest financing, or that
    which brings most output home, whichever is better."""

    start: ids.YearNumber | None
    """Start year; null for a stock."""
    avoided: float
    """Mean damage that it would avoid."""
    weighed: float
    """Damage that it would avoid, as the objective weighs mean and tail."""
    net_cost_meur: float
    """What it would cost, discounted."""
    weighed_cost: float
    """What that adds to the objective."""


class Explained(Result):
    """One project or one stockpile: what the plan decides, and why."""

    kind: Literal["project", "stockpile"]
    """What it is."""
    id: str
    """Its id."""
    chosen: bool
    """Whether the project is built; whether the stockpile buys anything."""
    start: ids.YearNumber | None
    """Start year of a project that is built."""
    held_t: float | None
    """Tonnes that a stockpile holds at most."""
    forced_days: float | None
    """Days of demand that a stockpile was asked to hold beyond what lies there already; null where
    nothing was asked or there is no room for any."""
    regret: Regret | None
    """What it costs to decide otherwise; null where there is no other decision."""
    tie: bool
    """Whether the range of the regret reaches down to 0, so that the plan may be as good without
    this decision. Where no plan was found the other way there is no range, and no tie."""
    conflict: tuple[BindingRule, ...]
    """Rules that exclude each other where it is decided otherwise, none of them without need."""
    stops: tuple[BindingRule, ...]
    """Rules that together stop it beside the rest of the plan as it stands."""
    beside: Beside | None
    """What it would bring beside the plan; null where something stops it, or it is chosen."""
    tight: tuple[BindingRule, ...]
    """Rules that leave no room around what is chosen."""

    @property
    def is_cut_short(self) -> bool:
        """Whether the solve behind its regret met a limit."""
        return self.regret is not None and self.regret.status in ("limit", "none")


class ValueStep(Result):
    """What a limit that is so much looser is worth."""

    step: float
    """By how much: million EUR of a budget, percentage points of a share."""
    low: float | None
    """At least so much is gained for each unit."""
    plans: float | None
    """The difference of the two plans, for each unit."""
    high: float | None
    """At most so much is gained for each unit; null where no bound is known."""
    instead: Instead | None
    """What the looser limit lets in and out; null without a plan."""
    solved: bool
    """Whether it was solved by itself: what holds for a larger step holds for a smaller one."""
    status: Literal["optimal", "limit", "infeasible", "none"] | None = None
    """How that solve ended, as for a regret; null where it was not solved by itself."""


class LimitValue(Result):
    """A budget or a limit, and what more of it is worth, by solving it anew at several steps."""

    path: str
    """Dotted path of the number in the scenario."""
    kind: Literal["budget", "share"]
    """``budget``: steps are million EUR; ``share``: steps are percentage points."""
    funder: ids.Funder | None
    """Whose it is."""
    project: ids.Project | None
    """Which project it is for."""
    year: ids.YearNumber | None
    """Which year it is for."""
    now: float
    """The number as it is."""
    unused_meur: float | None
    """What the plan leaves of a budget; null for shares."""
    steps: tuple[ValueStep, ...]
    """By rising step."""
    visible: float | None
    """The smallest step whose gain is proven to be above 0; null where none is."""

    @property
    def is_cut_short(self) -> bool:
        """Whether a solve behind it met a limit."""
        return any(step.status in ("limit", "none") for step in self.steps)


class Explanation(OfScenario):
    """Why a plan is as it is."""

    kind: Literal["explanation"] = "explanation"
    """What this document is."""
    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    cost_weight: float
    """What a million of net cost counts in the objective."""
    cvar_weight: Share
    """Weight of the tail in the objective."""
    cvar_level: Share
    """Level of the CVaR."""
    states: int
    """States of the world that the plan was made for."""
    days: float
    """Days of demand that stocks which buy nothing were asked for."""
    gap_target: float
    """The gap to which questions were solved where their answer needed it."""
    objective: float
    """Objective of the plan."""
    best: float
    """The lowest objective that any plan was found to have, by whatever question."""
    bound: float
    """No plan has a lower one."""
    expected: float
    """Mean damage of the plan."""
    net_cost_meur: float
    """Its discounted net cost."""
    items: tuple[Explained, ...]
    """Projects, then stockpiles, in the order of the file."""
    values: tuple[LimitValue, ...]
    """Budgets and limits; empty where they were not asked for."""
    ended: Literal["complete", "interrupted"]
    """Whether all that was asked for is there."""
    input_sha256: str
    """SHA-256 of the scenario."""
    versions: Versions
    """Versions of the project and of what its results rest on."""
    seconds: Seconds
    """Wall time."""
    scenario: dict[str, Any] | None = None
    """The scenario, in JSON, of its variants only the one applied."""

    @property
    def cut_short(self) -> int:
        """How many questions met a limit: decisions, and budgets and limits."""
        decisions = sum(one.is_cut_short for one in self.items)
        return decisions + sum(one.is_cut_short for one in self.values)
