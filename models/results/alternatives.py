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

    objective: InMeasureUnit  #: Its objective, exact for the plan's states.
    above: UnboundedShare
    """How far it can be above the best plan at most, as a share of the bound."""
    expected: InMeasureUnit  #: Mean damage over the states.
    cvar: InMeasureUnit  #: Mean of the worst states.
    worst: InMeasureUnit  #: The worst state.
    expected_under: dict[ids.Assumptions, InMeasureUnit] = {}
    """Mean damage under each set of assumptions, where the plan is made over them."""
    net_cost_meur: float  #: Discounted net cost, whoever pays.
    public_meur: float  #: Charged to budgets of public funders, undiscounted.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    bought_t: dict[ids.Stockpile, float]  #: Tonnes that stockpiles buy in all years.
    stockpiles: tuple[ids.Stockpile, ...]  #: Those that count as bought up.
    days_of_cover: dict[ids.Material, float]
    """Days of need that planned stock lasts at the end of the last year, by material."""


class Alternative(Result):
    """An alternative set of projects and stockpiles, and the best plan found that has this set."""

    number: int  #: 1 for the first that was found, and so on.
    plan: PlanFigures  #: The best plan with this portfolio, to the gap.
    portfolio_bound: InMeasureUnit  #: No plan with this portfolio has a lower objective.
    unlike: int  #: In how many marks it differs from the nearest before it or the plan.
    unlike_at_most: int  #: No portfolio within the limit differs in more from all before it.
    unlike_proven: bool  #: Whether the two are equal.
    unlike_plan: int  #: In how many it differs from the plan.
    entering: tuple[ids.Project, ...]  #: Projects that it builds and the plan does not.
    leaving: tuple[ids.Project, ...]  #: Projects that the plan builds and it does not.
    bought_up: tuple[ids.Stockpile, ...]  #: Stockpiles that it buys up and the plan does not.
    given_up: tuple[ids.Stockpile, ...]  #: Stockpiles that the plan buys up and it does not.


class RobustnessCase(SearchResult):
    """The best plan of a variant of the scenario, or under changed assumptions."""

    kind: Literal["variant", "assumption"]  #: Which of the two.
    id: str  #: Id of the variant, or a name of the assumptions.
    title: str  #: Its title in the language of the run; the id where it has none.
    factor: float | None  #: What multiplies a group of assumptions; null for variants or if stated.
    settings: tuple[str, ...]  #: What is changed, as ``path=value``; empty for a variant.
    objective: InMeasureUnit | None  #: Objective of its plan; null without one.
    gap: UnboundedShare | None  #: Relative gap; null without a plan or a bound.
    projects: tuple[str, ...]  #: Projects that are built.
    stockpiles: tuple[ids.Stockpile, ...]  #: Stockpiles that count as bought up.


class Robustness(Result):
    """How often a project is built, or a stockpile bought up, in other plans.

    Alternatives are searched for so that they differ from each other: a decision that most of them
    share has few substitutes. The plan itself and cases without a plan are not counted. Each case
    has one plan within its gap; another plan that is as good may decide otherwise, which only
    ``within`` can rule out.
    """

    kind: ItemKind  #: What it is.
    id: str  #: Its id.
    in_plan: bool  #: Whether the plan has it.
    within: Literal["in all", "in none", "open"]
    """What is proven of all plans within the limit that buy at least the least for a stockpile, or
    nothing: all have it, none has it, or neither."""
    alternatives: Share | None  #: Share of the alternatives that have it; null without any.
    variants: Share | None  #: Share of the variants solved to the gap that have it; null if none.
    assumptions: Share | None  #: The same of the assumption sets; null if none.
    index: Share | None  #: Mean of the three shares that exist.
    says: FrequencyWord | None
    """The index in words: always 1, nearly always from 0.9, in most from 0.5, in some above 0."""


class Alternatives(InterruptibleStudy):
    """Near-optimal plans that differ from the plan, and the robustness of each decision.

    See [how they are found](formulation.md#alternatives).
    """

    kind: Literal["alternatives"] = "alternatives"
    last_year: ids.YearNumber  #: The year at whose end days of cover are stated.
    within: UnboundedShare
    """How far above the best an alternative may be, as a share of the bound."""
    bound: InMeasureUnit  #: No plan has a lower objective.
    limit: InMeasureUnit
    """Alternatives have an objective of at most this: bound + within · |bound|."""
    least_days: float  #: A stockpile counts as bought up from so many days of the need served.
    marks: int  #: Projects and stockpiles in which plans can differ.
    gap: UnboundedShare  #: Relative gap of the plan.
    given: bool  #: Whether the plan was given; else it was solved.
    without_plan: WithoutPlan  #: Expected damage, CVaR and worst state without any plan.
    plan: PlanFigures  #: The plan that all others are compared with.
    alternatives: tuple[Alternative, ...]  #: One after the other.
    wanted: int  #: How many were asked for.
    exhausted: bool  #: Whether it is proven that there is no further portfolio within the limit.
    others: tuple[RobustnessCase, ...]  #: Variants and assumption sets, each solved.
    items: tuple[Robustness, ...]  #: How robust each project and stockpile is, in file order.
