"""Results of a search for near-optimal plans that differ, and how robust each decision is."""

from typing import Literal

from models.results import ids
from models.results.base import (
    InMeasureUnit,
    InterruptibleStudy,
    Result,
    SearchResult,
    Share,
    UnboundedShare,
)
from models.results.plan_context import WithoutPlan

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
    expected_under: dict[ids.Assumptions, InMeasureUnit] = {}
    """Mean damage under each assumption set, if the plan is made over sets."""
    net_cost_meur: float  #: Net cost over all payers, discounted.
    public_meur: float  #: Amount charged to budgets of public funders, undiscounted.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    bought_t: dict[ids.Stockpile, float]  #: Tonnes that each stockpile buys in all years.
    stockpiles: tuple[ids.Stockpile, ...]  #: Stockpiles that count as bought up.
    days_of_cover: dict[ids.Material, float]
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
    entering: tuple[ids.Project, ...]
    """Projects that the alternative builds and the plan does not."""
    leaving: tuple[ids.Project, ...]  #: Projects that the plan builds and the alternative does not.
    bought_up: tuple[ids.Stockpile, ...]
    """Stockpiles that the alternative buys up and the plan does not."""
    given_up: tuple[ids.Stockpile, ...]
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
    stockpiles: tuple[ids.Stockpile, ...]  #: Stockpiles that count as bought up.


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
    last_year: ids.YearNumber  #: Year at whose end days of cover are stated.
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
