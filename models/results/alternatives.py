"""Results that compare plans of one scenario: near-optimal ones, those of assumption sets, and
frontiers.
"""

from __future__ import annotations

from typing import Literal

from models.results import base, base as ids
from models.results.base import (
    InMeasureUnit,
    InterruptibleStudy,
    MeasuredResult,
    PerVariedUnit,
    PlanDiff,
    Result,
    SearchResult,
    Share,
    UnboundedShare,
    VariedNumber,
)
from models.results.comparison import BrokenRule
from models.results.plan import Plan, WithoutPlan

ItemKind = Literal["project", "stockpile"]
FrequencyWord = Literal["always", "nearly always", "in most", "in some", "never"]


class PlanFigures(Result):
    """The main figures of a plan: decisions, outcomes and costs."""

    objective: InMeasureUnit  #: Objective of the plan, exact for the plan's states.
    above: UnboundedShare
    """Largest possible excess of the objective over that of the best plan, as a share of the
    bound."""
    expected: InMeasureUnit  #: Mean damage over the states.
    cvar: InMeasureUnit  #: Mean damage of the worst states.
    worst: InMeasureUnit  #: Damage of the worst state.
    expected_under: dict[base.Assumptions, InMeasureUnit] = {}
    """Mean damage under each assumption set, if the plan is made over sets."""
    net_cost_meur: float  #: Net cost over all payers, discounted.
    public_meur: float  #: Amount charged to budgets of public funders, undiscounted.
    projects: dict[base.Project, base.YearNumber]  #: Start year of each project that is built.
    bought_t: dict[base.Stockpile, float]  #: Tonnes that each stockpile buys in all years.
    stockpiles: tuple[base.Stockpile, ...]  #: Stockpiles that count as bought up.
    days_of_cover: dict[base.Material, float]
    """Planned stock of each material at the end of the last year, in days of need."""


class Alternative(Result):
    """An alternative portfolio, and the best plan found that has this portfolio."""

    number: int  #: Position in the order in which alternatives were found, from 1.
    plan: PlanFigures  #: Best plan found with this portfolio, within the gap.
    portfolio_bound: InMeasureUnit
    """Proven lower bound on the objective of all plans with this portfolio."""
    unlike: int
    """Number of projects and stockpiles that differ from the most similar portfolio among those of
    the plan and of earlier alternatives."""
    unlike_at_most: int  #: Proven upper bound on this number, for all portfolios within the limit.
    unlike_proven: bool  #: Whether the number equals its upper bound.
    unlike_plan: int  #: Number of projects and stockpiles that differ from the plan.
    entering: tuple[base.Project, ...]
    """Projects that the alternative builds and the plan does not."""
    leaving: tuple[
        base.Project, ...
    ]  #: Projects that the plan builds and the alternative does not.
    bought_up: tuple[base.Stockpile, ...]
    """Stockpiles that the alternative buys up and the plan does not."""
    given_up: tuple[base.Stockpile, ...]
    """Stockpiles that the plan buys up and the alternative does not."""


class RobustnessCase(SearchResult):
    """The best plan of a variant of the scenario, or under changed assumptions."""

    kind: Literal["variant", "assumption"]
    """Whether the case is a variant or a change of assumptions."""
    id: str  #: Id of the variant, or name of the changed assumptions.
    title: str  #: Title in the language of the run; the id if there is no title.
    factor: float | None
    """Factor on a group of assumptions; null for variants and for assumption sets of the file."""
    settings: tuple[str, ...]  #: Changes as ``path=value``; empty for a variant.
    objective: InMeasureUnit | None  #: Objective of the best plan found; null without a plan.
    gap: UnboundedShare | None  #: Relative gap; null without a plan or a bound.
    projects: tuple[str, ...]  #: Projects that are built.
    stockpiles: tuple[base.Stockpile, ...]  #: Stockpiles that count as bought up.


class Robustness(Result):
    """How often a project is built, or a stockpile bought up, in other plans.

    The shares count alternatives, variants and assumption sets. They count neither the plan itself
    nor cases without a plan.

    Alternatives are chosen to differ from each other. A decision that most of them share therefore
    has few substitutes. Each variant and each set has one plan within its gap. Another plan that is
    as good may decide otherwise; only ``within`` can rule this out.
    """

    kind: ItemKind  #: Project or stockpile.
    id: str  #: Id of the project or stockpile.
    in_plan: bool  #: Whether the plan builds the project or buys up the stockpile.
    within: Literal["in all", "in none", "open"]
    """Proven statement about all plans within the limit that buy at least ``least_days`` or nothing
    for each stockpile. ``in all``: all have the item; ``in none``: none has it; ``open``: neither
    is proven."""
    alternatives: Share | None
    """Share of the alternatives that have the item; null without alternatives."""
    variants: Share | None
    """Share of the variants solved to the gap that have the item; null without variants."""
    assumptions: Share | None
    """Share of the assumption sets solved to the gap that have the item; null without sets."""
    index: Share | None  #: Mean of those of the three shares that exist.
    says: FrequencyWord | None
    """``index`` in words. ``always``: 1; ``nearly always``: from 0.9; ``in most``: from 0.5; ``in
    some``: above 0; ``never``: 0."""


class Alternatives(InterruptibleStudy):
    """Near-optimal plans that differ from the plan, and the robustness of each decision.

    The [method](formulation.md#alternatives) compares portfolios. The *portfolio* of a plan is the
    set of projects that it builds and of stockpiles that it buys up. A stockpile counts as *bought
    up* if its purchases reach ``least_days``.
    """

    kind: Literal["alternatives"] = "alternatives"
    last_year: base.YearNumber  #: Year at whose end days of cover are stated.
    within: UnboundedShare
    """Largest excess of an alternative's objective over the bound, as a share of the bound."""
    bound: InMeasureUnit  #: Proven lower bound on the objective of any plan.
    limit: InMeasureUnit  #: Largest objective of an alternative: bound + within · |bound|.
    least_days: float
    """Smallest purchase, in days of the need served, from which a stockpile counts as bought up."""
    marks: int  #: Number of projects and stockpiles in which portfolios can differ.
    gap: UnboundedShare  #: Relative gap of the plan.
    given: bool  #: True for a saved plan, false if the plan was solved for this analysis.
    without_plan: WithoutPlan  #: Expected damage, CVaR and worst state without any plan.
    plan: PlanFigures  #: The plan with which all others are compared.
    alternatives: tuple[Alternative, ...]  #: Alternatives in the order in which they were found.
    wanted: int  #: Number of alternatives that were requested.
    exhausted: bool  #: Whether it is proven that no further portfolio exists within the limit.
    others: tuple[RobustnessCase, ...]  #: Best plans of variants and under changed assumptions.
    items: tuple[Robustness, ...]
    """Robustness of each project and stockpile, in the order of the file."""


class AssumptionSetInfo(Result):
    """One assumption set, and its outcome without any plan."""

    id: base.Assumptions  #: Id of the set.
    title: str  #: Title of the set; its id if it has no title.
    weight: Share  #: Weight of the set; all weights add up to 1.
    changes: tuple[str, ...]
    """Paths of the figures that the set changes; empty for the file as it stands."""
    states: int  #: Number of states drawn under the set.
    without_plan: WithoutPlan  #: Outcome under the set without any plan.


class PlanUnderSet(Result):
    """The outcome of a plan under one assumption set."""

    objective: InMeasureUnit  #: Objective of the plan under the set.
    expected: InMeasureUnit  #: Expected damage with the plan under the set.
    regret: InMeasureUnit
    """Objective of the plan minus the objective of the best plan known for the set, from any
    search. Negative only if the plan breaks rules of the set."""
    broken_rules: tuple[str, ...] = ()
    """Rules of the set that the plan breaks, such as a smaller budget."""


class SetPlan(Result):
    """The best plan of one assumption set, or the compromise over all."""

    of: base.Assumptions | None
    """Id of the set for which the plan is best; null for the compromise."""
    status: Literal["optimal", "limit"]  #: Status as in the certificate of a plan.
    objective: InMeasureUnit  #: Objective that was minimized.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap of ``objective``; null without a bound.
    projects: dict[base.Project, base.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[base.Stockpile, float]  #: Largest planned stock of each stockpile, in tonnes.
    under: dict[base.Assumptions, PlanUnderSet]  #: Outcome of the plan under each set.


class DecisiveFigures(Result):
    """Some figures of an assumption set, and how much they matter for its best plan.

    Under the set, the gain is the objective of the compromise minus that of the set's best plan. It
    is computed twice: with these figures as in the set, and with these figures as in the file. If
    the gain is small in the second case, these figures are the reason why the expert would decide
    otherwise. Both plans are evaluated again, but not optimized.
    """

    of: base.Assumptions  #: Id of the set.
    figures: str  #: Common first part of the paths of these figures.
    count: int  #: Number of these figures.
    gain: InMeasureUnit
    """Objective of the compromise minus that of the set's best plan, under the set."""
    gain_without: InMeasureUnit  #: The same gain if these figures are as in the file.


class Disagreement(InterruptibleStudy):
    """The best plan of each assumption set under all others."""

    kind: Literal["disagreement"] = "disagreement"
    over: Literal["mean", "worst", "regret"]
    """Function of the objectives under all sets that the compromise minimizes."""
    sets: tuple[AssumptionSetInfo, ...]  #: All sets, in the order of the file.
    plans: tuple[SetPlan, ...]
    """Best plan of each set; only sets that were solved before an interruption."""
    compromise: SetPlan | None  #: One plan for all sets; null if the run was interrupted earlier.
    deciding: tuple[DecisiveFigures, ...]  #: Figures that make experts decide differently.
    project_names: dict[base.Project, str]
    """Names of the projects that at least one of the plans builds."""

    @property
    def all_plans(self) -> list[SetPlan]:
        """The best plans of the sets, and the compromise if there is one."""
        return [*self.plans, *([] if self.compromise is None else [self.compromise])]


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
