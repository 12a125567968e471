"""What else would do: plans within a distance of the best, as unlike each other as can be, and how
often each project and stockpile is chosen.

Money is million EUR, mass is tonnes. A document written as JSON loads back equal.
"""

from __future__ import annotations

from typing import Any, Literal

from models.results import ids
from models.results.base import OfScenario, Result, Seconds, Share, Versions
from models.results.plan import WithoutPlan

ItemKind = Literal["project", "stockpile"]
HowOften = Literal["always", "nearly always", "in most", "in some", "never"]


class PlanFigures(Result):
    """A plan in figures: what is built and bought, what it leads to and costs."""

    objective: float
    """Its objective, exact for the plan's states."""
    above: float
    """By how much it can be above the best plan at most, as a share: against the proven bound."""
    expected: float
    """Mean damage over the states."""
    cvar: float
    """Mean of the worst states."""
    worst: float
    """The worst state."""
    net_cost_meur: float
    """Discounted net cost, whoever pays."""
    public_meur: float
    """Charged to budgets of public funders, undiscounted."""
    projects: dict[ids.Project, ids.YearNumber]
    """Start year of each project that is built."""
    bought_t: dict[ids.Stockpile, float]
    """Tonnes that each stockpile buys in all years; those that buy nothing are left out."""
    stockpiles: tuple[ids.Stockpile, ...]
    """Those that count as bought up."""
    days_of_cover: dict[ids.Material, float]
    """Days of demand that planned stock lasts at the end of the last year, by material."""


class Alternative(Result):
    """Another portfolio within the limit, and the best plan that has it."""

    number: int
    """1 for the first that was found, and so on."""
    plan: PlanFigures
    """The best plan with this portfolio, to the gap."""
    portfolio_bound: float
    """No plan with this portfolio has a lower objective."""
    unlike: int
    """In how many projects and stockpiles it differs from the nearest of all before it, the plan
    among them."""
    unlike_at_most: int
    """No portfolio within the limit differs in more from all before it."""
    unlike_proven: bool
    """Whether the two are equal."""
    unlike_plan: int
    """In how many it differs from the plan."""
    entering: tuple[ids.Project, ...]
    """Projects that it builds and the plan does not."""
    leaving: tuple[ids.Project, ...]
    """Projects that the plan builds and it does not."""
    bought_up: tuple[ids.Stockpile, ...]
    """Stockpiles that it buys up and the plan does not."""
    given_up: tuple[ids.Stockpile, ...]
    """Stockpiles that the plan buys up and it does not."""


class OtherCase(Result):
    """The best plan of a variant of the file, or under other assumptions."""

    kind: Literal["variant", "assumption"]
    """Which of the two."""
    id: str
    """Id of the variant, or a name of the assumptions."""
    title: str
    """Its title in the language of the run; the id where it has none."""
    factor: float | None
    """By which a group of assumptions is multiplied; null for a variant or where it was stated."""
    settings: tuple[str, ...]
    """What is changed, as ``path=value``; empty for a variant."""
    status: Literal["optimal", "limit", "infeasible", "none"]
    """``optimal``: the gap is within its target; ``limit``: stopped with a plan; ``infeasible``:
    no plan keeps all rules; ``none``: no plan was found."""
    objective: float | None
    """Objective of its plan; null without one."""
    gap: float | None
    """Relative gap; null without a plan or a bound."""
    projects: tuple[str, ...]
    """Projects that are built."""
    stockpiles: tuple[ids.Stockpile, ...]
    """Stockpiles that count as bought up."""
    seconds: Seconds
    """Wall time."""


class Robustness(Result):
    """How often a project is built or a stockpile bought up when something else is asked."""

    kind: ItemKind
    """What it is."""
    id: str
    """Its id."""
    in_plan: bool
    """Whether the plan has it."""
    within: Literal["in all", "in none", "open"]
    """What is proven of all plans within the limit that buy at least the least for a stockpile, or
    nothing: all have it, none has it, or neither."""
    alternatives: Share | None
    """Share of the alternatives that have it; null without any."""
    variants: Share | None
    """Share of the variants solved to the gap that have it; null without any."""
    assumptions: Share | None
    """Share of the assumption sets solved to the gap that have it; null without any."""
    index: Share | None
    """Mean of the three shares that exist."""
    says: HowOften | None
    """The index in words: always 1, nearly always from 0.9, in most from 0.5, in some above 0."""


class Alternatives(OfScenario):
    """What else would do, and how robust each choice is."""

    kind: Literal["alternatives"] = "alternatives"
    """What this document is."""
    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    cvar_level: Share
    """The level of the CVaR."""
    states: int
    """States of the world that plans were made for."""
    last_year: ids.YearNumber
    """The year at whose end days of cover are told."""
    within: float
    """How far above the best an alternative may be, as a share of the bound."""
    bound: float
    """No plan has a lower objective."""
    limit: float
    """Alternatives have an objective of at most this: bound + within · |bound|."""
    least_days: float
    """A stockpile counts as bought up from so many days of the demand that it serves."""
    marks: int
    """Projects and stockpiles in which plans can differ."""
    gap_target: float
    """The gap that was asked for."""
    gap: float
    """Relative gap of the plan."""
    given: bool
    """Whether the plan was given; else it was solved."""
    without_plan: WithoutPlan
    """What comes without any plan."""
    plan: PlanFigures
    """The plan itself."""
    alternatives: tuple[Alternative, ...]
    """One after the other."""
    wanted: int
    """How many were asked for."""
    exhausted: bool
    """Whether it is proven that there is no further portfolio within the limit."""
    others: tuple[OtherCase, ...]
    """Variants and assumption sets, each solved."""
    items: tuple[Robustness, ...]
    """All projects and stockpiles that can be chosen, in the order of the file."""
    ended: Literal["complete", "interrupted"]
    """Whether the user stopped it."""
    seconds: Seconds
    """Wall time."""
    input_sha256: str
    """Of the scenario."""
    versions: Versions
    """Versions of what the results rest on."""
    scenario: dict[str, Any] | None = None
    """The scenario in JSON, of its variants only the one applied."""
