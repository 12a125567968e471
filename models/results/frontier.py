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

    value: VariedNumber  #: Value of the varied number.
    objective: InMeasureUnit | None  #: Objective of the plan found.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective at this value; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap, as in the certificate of the plan.
    expected: InMeasureUnit | None  #: Mean damage over the states.
    expected_bound: InMeasureUnit | None
    """Proven lower bound on mean damage at this value, [at any
    cost](formulation.md#frontiers-and-targets); null without a bound."""
    cvar: InMeasureUnit | None  #: Mean damage of the worst states.
    cvar_bound: InMeasureUnit | None
    """Proven lower bound on the CVaR at this value; null without a bound."""
    worst: InMeasureUnit | None  #: Damage of the worst state.
    expected_under: dict[ids.Assumptions, InMeasureUnit] = {}
    """Mean damage under each assumption set, if the plan is made over sets."""
    net_cost_meur: float | None  #: Net cost over all payers, discounted.
    public_meur: float | None
    """Amount charged to budgets of public funders over all years, undiscounted."""
    spend_meur: dict[ids.Funder, float]
    """Amount charged to the budget of each funder, undiscounted."""
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[ids.Stockpile, float]
    """Largest planned stock of each stockpile with stock, in tonnes."""
    plan_of: VariedNumber | None
    """Other value at which the plan was found; null if it was found at this value or without any
    limit."""
    bound_of: VariedNumber | None
    """Other value at which the bound was proven; null if it was proven at this value or without any
    limit."""
    dominated: bool
    """Whether another point has a mean and a CVaR that are not higher, and one of them is lower.
    Only true with ``--tail``."""
    conflict: tuple[str, ...]  #: Rules that exclude each other, if no plan satisfies all rules.


class Marginal(Result):
    """Mean damage avoided per unit of the varied number, with bounds that allow for both gaps.

    The bounds apply to the least damage at the lower value minus the least damage at the higher
    value.
    """

    low: PerVariedUnit
    """Lower bound on the damage avoided per unit; at least 0 if a higher value only loosens
    rules."""
    plans: PerVariedUnit
    """Mean damage at the lower value minus that at the higher value, per unit; at least 0."""
    high: PerVariedUnit | None  #: Upper bound on the damage avoided per unit; null without a bound.


class FrontierStep(PlanDiff):
    """The difference between the plan at one point and the plan at the next higher point.

    Points without a plan are skipped.
    """

    from_value: VariedNumber  #: Value of the lower point.
    to_value: VariedNumber  #: Value of the higher point.
    avoided: InMeasureUnit  #: Mean damage at the lower point minus mean damage at the higher point.
    jump: bool
    """Whether the set of projects changes, and damage changes by more than 5 % of its range over
    all points."""
    marginal: Marginal | None
    """Damage avoided per unit; null if a higher value does not only loosen rules."""


class Frontier(base.SolveSummary, MeasuredResult, base.ScenarioDocument):
    """Plans at several values of a number of the scenario, such as a budget, and their damage."""

    kind: Literal["frontier"] = "frontier"
    varied: str  #: Path of the varied number; ``objective.cvar.weight`` for the weight of the CVaR.
    varied_unit: str | None  #: Unit of the varied number; null if its name does not contain it.
    loosens: bool
    """Whether a higher value [only loosens rules](formulation.md#frontiers-and-targets)."""
    without_plan: WithoutPlan | None
    """Damage without any plan; null if it depends on the varied number, or if no plan was found."""
    points: tuple[FrontierPoint, ...]  #: Best plans in ascending order of the value.
    steps: tuple[FrontierStep, ...]  #: Changes between consecutive plans.
    ended: base.Completion  #: ``interrupted`` if the user stopped before all points were solved.
    project_names: dict[ids.Project, str]  #: Names of the projects that occur.
    stockpile_names: dict[ids.Stockpile, str]  #: Names of the stockpiles that occur.
    funder_names: dict[ids.Funder, str]  #: Names of all funders.


class Goal(Result):
    """What a plan has to reach: a level of damage, days of need covered by stockpiles, or both."""

    figure: Literal["expected", "cvar", "worst"] | None
    """Figure of damage that has to reach a level; null for a goal on stocks alone."""
    level: InMeasureUnit | None
    """Level of the figure, in the unit of the measure; the goal is reached at or below it."""
    reduction: UnboundedShare | None
    """Required reduction as a share of ``without_plan``; null if a level was required."""
    without_plan: InMeasureUnit | None  #: The figure without any plan.
    days: dict[str, float]  #: Days of need that each stockpile has to cover.
    from_year: int | None  #: First year at whose end the stockpiles have to cover these days.


class Trial(Result):
    """A value of the number that was tried, and whether the goal can be reached there."""

    value: VariedNumber  #: Value of the number.
    outcome: Literal["reached", "ruled out", "open"]
    """``reached``: a plan reaches the goal; ``ruled out``: it is proven that no plan does;
    ``open``: neither was found."""
    figure: InMeasureUnit | None
    """Smallest figure of damage found at this value before the search moved on; null without a
    plan."""
    bound: InMeasureUnit | None
    """Proven lower bound on this figure at this value; null without a bound."""
    seconds: base.Seconds  #: Wall time.


class Target(MeasuredResult, base.TitledDocument):
    """The least value of a number at which a goal can be reached, between two proven bounds.

    The interval from ``infeasible_below`` to ``feasible_at`` contains the least value.
    """

    kind: Literal["target"] = "target"
    varied: str  #: Dotted path of the number whose least value is searched for.
    varied_unit: str | None  #: Unit of the number; null if its name does not contain it.
    goal: Goal  #: Goal that has to be reached.
    status: Literal["proven", "limit", "unreachable", "open"]
    """``proven``: the interval is within its tolerance, or the lowest permitted value reaches the
    goal. ``limit``: the interval is wider. ``unreachable``: no value reaches the goal. ``open``:
    nothing is known."""
    infeasible_below: VariedNumber | None
    """Value below which it is proven that no plan reaches the goal; null without a proof."""
    feasible_at: VariedNumber | None
    """Smallest value at which a plan was found that reaches the goal; null without a plan."""
    tolerance: VariedNumber  #: Largest permitted width of the interval between the two values.
    method: Literal["bisection", "direct"]
    """``bisection``: values are tried in turn; ``direct``: one program minimizes the number
    itself."""
    best: InMeasureUnit | None
    """Smallest figure of damage of all plans found, at any value; null without a plan."""
    best_bound: InMeasureUnit | None
    """Proven lower bound on this figure at any value, if the goal is unreachable; null without a
    bound."""
    conflict: tuple[BrokenRule, ...] = ()
    """Minimal set of [rules](#no-plan) that exclude the goal: if any one of them is dropped, the
    others permit it. Only stated if no value reaches the goal. If rules exclude only the level of
    damage, the states also have to be few enough to be solved at once."""
    trials: tuple[Trial, ...]  #: Values that were tried, in this order.
    ended: base.Completion  #: ``interrupted`` if the user stopped the search.
    seconds: base.Seconds  #: Wall time.
    plan: Plan | None  #: A plan that reaches the goal at ``feasible_at``; null without one.
