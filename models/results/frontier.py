"""Results of frontiers (damage against a number of the scenario) and of targets."""

from typing import Literal

from models.results import base, ids
from models.results.base import (
    InMeasureUnit,
    MeasuredResult,
    PerVariedUnit,
    PlanDiff,
    Result,
    SearchResult,
    UnboundedShare,
    VariedNumber,
)
from models.results.comparison import BrokenRule
from models.results.plan import Plan
from models.results.plan_context import WithoutPlan


class FrontierPoint(SearchResult):
    """The best plan at one value of the varied number: its summary and proof.

    Fields that describe a plan are null or empty if there is no plan.
    """

    value: VariedNumber  #: Of the number that is varied.
    objective: InMeasureUnit | None  #: Objective of the plan.
    bound: InMeasureUnit | None  #: No plan at this value has a lower objective; null if unknown.
    gap: UnboundedShare | None  #: As in the certificate of the plan.
    expected: InMeasureUnit | None  #: Mean damage over the states.
    expected_bound: InMeasureUnit | None
    """No plan at this value has a lower mean damage, [whatever it
    costs](formulation.md#frontiers-and-targets); null where none can be stated."""
    cvar: InMeasureUnit | None  #: Mean of the worst states.
    cvar_bound: InMeasureUnit | None  #: No plan at this value has a lower CVaR; null if unknown.
    worst: InMeasureUnit | None  #: The worst state.
    expected_under: dict[ids.Assumptions, InMeasureUnit] = {}
    """Mean damage under each set of assumptions, where the plan is made over them."""
    net_cost_meur: float | None  #: Discounted net cost, whoever pays.
    public_meur: float | None  #: Charged to budgets of public funders over all years, undiscounted.
    spend_meur: dict[ids.Funder, float]  #: Charged to the budget of each funder, undiscounted.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that stockpiles hold at most, if any.
    plan_of: VariedNumber | None
    """Where else the plan was found; null if here or without any limit."""
    bound_of: VariedNumber | None
    """Where else the bound was proven; null if here or without any limit."""
    dominated: bool  #: Whether another has a lower mean and CVaR; with ``--tail`` alone.
    conflict: tuple[str, ...]  #: Rules that exclude each other, where no plan keeps all.


class Marginal(Result):
    """Mean damage avoided per unit of the varied number, with bounds that allow for both gaps.

    The bounds are proven for the difference between the least damages at the two values.
    """

    low: PerVariedUnit  #: At least so much is avoided, per unit; not below 0 where it only loosens.
    plans: PerVariedUnit  #: The difference of the two plans, per unit.
    high: PerVariedUnit | None
    """At most so much is avoided, per unit; null where no bound is known."""


class FrontierStep(PlanDiff):
    """The difference between the plan at one point and the plan at the next higher point.

    Points without a plan are skipped.
    """

    from_value: VariedNumber  #: Value of the lower point.
    to_value: VariedNumber  #: Value of the higher point.
    avoided: InMeasureUnit  #: Mean damage of the lower point less that of the higher.
    jump: bool  #: Whether projects change, and the step's share of all that is avoided is over 5 %.
    marginal: Marginal | None  #: Damage avoided per unit; null where a number does not only loosen.


class Frontier(base.SolveSummary, MeasuredResult, base.ScenarioDocument):
    """Plans at several values of a number of the scenario, such as a budget, and their damage."""

    kind: Literal["frontier"] = "frontier"
    varied: str  #: Path of the number that is varied; ``objective.cvar.weight`` for tail risk.
    varied_unit: str | None  #: Unit of the number, where its name tells.
    loosens: bool
    """Whether a higher value [only loosens rules](formulation.md#frontiers-and-targets)."""
    without_plan: WithoutPlan | None
    """Damage without any plan; null where that changes with the number, or no plan was found."""
    points: tuple[FrontierPoint, ...]  #: What can be had, by rising value.
    steps: tuple[FrontierStep, ...]  #: What changes between each plan and the next one.
    ended: base.Completion  #: Whether all points that were asked for are there.
    project_names: dict[ids.Project, str]  #: Names of the projects that occur.
    stockpile_names: dict[ids.Stockpile, str]  #: Names of the stockpiles that occur.
    funder_names: dict[ids.Funder, str]  #: Names of all funders.


class Goal(Result):
    """The goal of a target: a level of damage, or days of need that stocks must last."""

    figure: Literal["expected", "cvar", "worst"] | None  #: Which figure; null for stocks alone.
    level: InMeasureUnit | None  #: Its level, in the unit of the measure: reached at or below it.
    reduction: UnboundedShare | None
    """The share below ``without_plan`` asked for; null for a level."""
    without_plan: InMeasureUnit | None  #: The figure without any plan.
    days: dict[str, float]  #: Days of need that stocks must last, by stockpile.
    from_year: int | None  #: First year at whose end they must.


class Trial(Result):
    """A value of the number that was tried, and whether the goal can be reached there."""

    value: VariedNumber  #: Of the number.
    outcome: Literal["reached", "ruled out", "open"]
    """A plan reaches the goal; it is proven that none does; or neither was found (``open``)."""
    figure: InMeasureUnit | None
    """The least figure of damage found until the value was decided; null without a plan."""
    bound: InMeasureUnit | None
    """No plan at this value has a lower one; null where nothing was proven."""
    seconds: base.Seconds  #: Wall time.


class Target(MeasuredResult, base.TitledDocument):
    """The least value of a number at which a goal can be reached, with bounds from both sides."""

    kind: Literal["target"] = "target"
    varied: str  #: Dotted path of the number whose least value is searched for.
    varied_unit: str | None  #: Unit of the number, where its name tells.
    goal: Goal  #: What is to be reached.
    status: Literal["proven", "limit", "unreachable", "open"]
    """``proven``: the interval is within its tolerance, or the lowest value asked for reaches the
    goal; ``limit``: it is wider; ``unreachable``: no value reaches it; ``open``: nothing is
    known."""
    infeasible_below: VariedNumber | None
    """No plan reaches the goal at any value below, if proven."""
    feasible_at: VariedNumber | None  #: A plan reaches it at this value; null without one.
    tolerance: VariedNumber  #: How wide the interval between the two may be.
    method: Literal["bisection", "direct"]
    """``bisection``: values tried one by one; ``direct``: one program that minimises the number
    itself."""
    best: InMeasureUnit | None  #: The least figure of any plan found, at any value; null if none.
    best_bound: InMeasureUnit | None
    """No plan has a lower one, where the goal is unreachable; null if unproven."""
    conflict: tuple[BrokenRule, ...] = ()
    """[Rules](#no-plan) that no plan keeps which reaches the goal, where no value reaches it and
    states are few enough to be solved at once; it is within reach without any one of them."""
    trials: tuple[Trial, ...]  #: Values in the order in which they were tried.
    ended: base.Completion  #: Whether the search ran to its end.
    seconds: base.Seconds  #: Wall time.
    plan: Plan | None  #: A plan that reaches the goal at ``feasible_at``; null without one.
