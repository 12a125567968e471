"""Damage against a number of the scenario, and the least number that brings it below a level.

Money is million EUR, mass is tonnes. A document written as JSON loads back equal.
"""

from __future__ import annotations

from typing import Any, Literal

from models.results import ids
from models.results.base import Document, OfScenario, Result, Seconds, Share
from models.results.comparison import BrokenRule
from models.results.plan import Plan, WithoutPlan


class FrontierPoint(Result):
    """What can be had at one value: the summary of a full plan and its proof.

    What belongs to a plan is null, and its lists empty, where there is none.
    """

    value: float
    """Of the number that is varied."""
    status: Literal["optimal", "limit", "infeasible", "none"]
    """``optimal``: the gap is within its target; ``limit``: stopped with a plan; ``infeasible``:
    no plan keeps all rules; ``none``: stopped before any plan was found."""
    objective: float | None
    """Objective of the plan."""
    bound: float | None
    """No plan at this value has a lower objective; null where nothing was proven."""
    gap: float | None
    """As in the certificate of the plan."""
    expected: float | None
    """Mean damage over the states."""
    expected_bound: float | None
    """No plan at this value has a lower mean damage; null where none can be told."""
    cvar: float | None
    """Mean of the worst states."""
    cvar_bound: float | None
    """No plan at this value has a lower CVaR; null where none can be told."""
    worst: float | None
    """The worst state."""
    net_cost_meur: float | None
    """Discounted net cost, whoever pays."""
    public_meur: float | None
    """Charged to budgets of public funders, undiscounted."""
    spend_meur: dict[ids.Funder, float]
    """Charged to the budget of each funder, undiscounted."""
    projects: dict[ids.Project, ids.YearNumber]
    """Start year of each project that is built."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes that each stockpile holds at most; those that hold nothing are left out."""
    plan_of: float | None
    """The other value at which the plan was found; null for a plan found here."""
    bound_of: float | None
    """The other value at which the bound was proven; null for a bound proven here."""
    dominated: bool
    """Whether another point has both a lower mean and a lower CVaR; only when the tail's weight is
    varied."""
    conflict: tuple[str, ...]
    """Rules that exclude each other, where no plan keeps all."""
    seconds: Seconds
    """Wall time."""


class Marginal(Result):
    """Mean damage avoided by each further unit of the number, a range that holds both gaps.

    What is proven lies between the least damage that can be had at the two values.
    """

    low: float
    """At least so much is avoided, per unit; never below 0 where a higher value only loosens."""
    plans: float
    """The difference of the two plans, per unit."""
    high: float | None
    """At most so much is avoided, per unit; null where no bound is known."""


class FrontierStep(Result):
    """What changes from one point to the next, both with a plan."""

    from_value: float
    """Value of the lower point."""
    to_value: float
    """Value of the higher point."""
    entering: tuple[ids.Project, ...]
    """Projects that are built at the higher value alone."""
    leaving: tuple[ids.Project, ...]
    """Projects that are built at the lower value alone."""
    moved: dict[ids.Project, tuple[ids.YearNumber, ids.YearNumber]]
    """Projects whose start year changes: from, to."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes by which what a stockpile holds at most rises or falls."""
    avoided: float
    """Mean damage of the lower point less that of the higher."""
    jump: bool
    """Whether projects change, and the step's share of all that is avoided is over 5 %."""
    marginal: Marginal | None
    """Damage avoided per unit; null where the number is none that only loosens rules."""


class Frontier(OfScenario):
    """Damage against a number of the scenario: plans at several of its values."""

    kind: Literal["frontier"] = "frontier"
    """What this document is."""
    varied: str
    """Dotted path of the number that is varied; ``objective.cvar.weight`` for tail risk."""
    varied_unit: str | None
    """Unit of the number, where its name tells."""
    loosens: bool
    """Whether a higher value only loosens rules, so that what is feasible stays so."""
    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    cvar_level: Share
    """The level of the CVaR: 0.95 means the worst 5 %."""
    states: int
    """States of the world that plans were made for."""
    gap_target: float
    """The gap that was asked for at each point."""
    without_plan: WithoutPlan | None
    """What comes without any plan; null where it changes with the number or no plan was found."""
    points: tuple[FrontierPoint, ...]
    """By rising value."""
    steps: tuple[FrontierStep, ...]
    """Between each point with a plan and the next one with a plan."""
    ended: Literal["complete", "interrupted"]
    """Whether all points that were asked for are there."""
    seconds: Seconds
    """Wall time."""
    project_names: dict[ids.Project, str]
    """Names of the projects that occur."""
    stockpile_names: dict[ids.Stockpile, str]
    """Names of the stockpiles that occur."""
    funder_names: dict[ids.Funder, str]
    """Names of all funders."""
    scenario: dict[str, Any] | None = None
    """The scenario before the number was varied, in JSON, of its variants only the one applied."""


class Goal(Result):
    """What is to be reached."""

    figure: Literal["expected", "cvar", "worst"] | None
    """Which figure of damage; null where stocks alone are asked for."""
    level: float | None
    """Its level, in the unit of the measure: reached at or below it."""
    reduction: float | None
    """The share below ``without_plan`` that was asked for; null where the level itself was."""
    without_plan: float | None
    """The figure without any plan."""
    days: dict[str, float]
    """Days of demand that stocks must last, by stockpile."""
    from_year: int | None
    """First year in which they must."""


class Trial(Result):
    """One value that was tried."""

    value: float
    """Of the number."""
    outcome: Literal["reached", "ruled out", "open"]
    """A plan reaches the goal; it is proven that none does; or neither was found."""
    figure: float | None
    """The least figure of damage that a plan was found for; null without a plan."""
    bound: float | None
    """No plan at this value has a lower one; null where nothing was proven."""
    seconds: Seconds
    """Wall time."""


class Target(Document):
    """The least value of a number at which a goal can be reached, proven from both sides."""

    kind: Literal["target"] = "target"
    """What this document is."""
    title: str
    """Title of the scenario."""
    variant: str | None
    """Id of the variant, if one was applied."""
    currency: str
    """Label of all amounts."""
    varied: str
    """Dotted path of the number."""
    varied_unit: str | None
    """Unit of the number, where its name tells."""
    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    cvar_level: Share
    """The level of the CVaR."""
    goal: Goal
    """What is to be reached."""
    status: Literal["proven", "limit", "unreachable", "open"]
    """``proven``: the interval is within its tolerance, or the lowest value asked for reaches the
    goal; ``limit``: it is wider; ``unreachable``: no value reaches it; ``open``: nothing is
    known."""
    infeasible_below: float | None
    """It is proven that no plan reaches the goal at any value below; null where nothing is."""
    feasible_at: float | None
    """A plan reaches it at this value; null without one."""
    tolerance: float
    """How wide the interval between the two may be."""
    method: Literal["bisection", "direct"]
    """Values tried one by one, or one program that minimises the number itself."""
    best: float | None
    """The least figure that any plan was found for, whatever the value; null without any."""
    best_bound: float | None
    """No plan at any value has a lower one; null where nothing was proven."""
    conflict: tuple[BrokenRule, ...] = ()
    """Rules that exclude each other, where they rule the goal out by themselves."""
    trials: tuple[Trial, ...]
    """Values in the order in which they were tried."""
    ended: Literal["complete", "interrupted"]
    """Whether the search ran to its end."""
    seconds: Seconds
    """Wall time."""
    plan: Plan | None
    """A plan that reaches the goal at ``feasible_at``."""
