"""Result on what a company gains by its share of a project, or of the whole portfolio."""

from typing import Literal

from models.results import ids
from models.results.base import (
    Completion,
    InMeasureUnit,
    Result,
    ScenarioResult,
    SearchResult,
    Share,
    SolveSummary,
    UnboundedShare,
)


class CompanyOutcome(Result):
    """Damage and net cost of one company under a plan."""

    expected: InMeasureUnit  #: Its own mean damage.
    cvar: InMeasureUnit  #: Mean of its own damage in its own worst states.
    net_cost_meur: float  #: Its own net cost.
    total: InMeasureUnit  #: Mean damage plus net cost: the less, the better.


class CompanyOutcomeRange(Result):
    """The best and the worst outcome for a company among plans that are equally good for others."""

    best: CompanyOutcome  #: The plan that is best for it, of those that were found.
    worst: CompanyOutcome  #: The plan that is worst for it, of those that were found.
    least: InMeasureUnit | None  #: None of these plans leaves it a lower total; null if unproven.
    most: InMeasureUnit | None
    """It is proven that none leaves it a higher total; null where nothing was."""


class SharePoint(SearchResult):
    """The outcome for a company that carries a given share.

    The status ``infeasible`` means that no plan gives the company this share. Fields that describe
    a plan are null or empty if there is no plan.
    """

    share: Share  #: The company's share of the capex of the project, or of all that are built.
    objective: InMeasureUnit | None
    """What chose the plan: the scenario's objective, or its own total."""
    bound: InMeasureUnit | None  #: No plan at this share has less.
    gap: UnboundedShare | None  #: As in the certificate of the plan.
    built: bool  #: Whether the project, or any, is built.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    standing: CompanyOutcome | None  #: How the company fares with the plan that was found.
    range: CompanyOutcomeRange | None  #: Over the others' equally good plans; null if unknown.
    outlay_by_year_meur: dict[ids.Year, float]
    """Undiscounted million EUR that the company pays in each year, for projects and stocks."""
    stake_meur: float | None  #: Undiscounted million EUR of capex that it carries.
    offtake_t: dict[ids.Material, dict[ids.HorizonYear, float]]
    """Tonnes reserved for it in each year, by material, without delay or failure."""
    avoided: InMeasureUnit | None  #: Its own mean damage without any plan, less that with the plan.
    avoided_per_euro: float | None  #: The same per euro of its net cost; null if it pays nothing.
    to_others: UnboundedShare | None
    """Share of all damage avoided that others avoid; null where none is."""
    gain: InMeasureUnit | None
    """Its total at share 0 less that here; null without a plan at share 0."""
    gain_per_euro: float | None  #: The same before net cost, per additional euro, if any.


class ShareCurve(Result):
    """The outcome at shares from 0 to the limit, under one assumption on the others' decisions."""

    others: Literal["reoptimize", "held"]
    """``reoptimize``: all others decide again, by the scenario's objective; ``held``: all others
    stick to the plan in which the company's share is free, and the company does what is best for
    itself."""
    public_share: Share | None  #: Share of the same capex that is public; null where it is free.
    limit: Share | None  #: The largest share the rules allow; null where even 0 is infeasible.
    points: tuple[SharePoint, ...]  #: By rising share.
    best_share: Share | None
    """The share at which its total is least, of 0 and those at which something is built."""
    indifferent_share: Share | None
    """The largest share at which it is no worse off than with none; null without one above 0."""
    indifferent_within: UnboundedShare | None
    """How far the true one may lie above, since shares are tried one by one; null beside null."""


class Participation(SolveSummary, ScenarioResult):
    """The share of a project, or of the whole portfolio, that is best for a company.

    Each point is a plan of its own in which the company carries one share.
    """

    kind: Literal["participation"] = "participation"
    unit: str  #: Of damage.
    company: ids.Funder  #: Id of the company funder.
    name: str  #: Its name.
    consumers: tuple[ids.Consumer, ...]  #: Consumers whose damage is its own.
    project: ids.Project | None  #: Id of the project; null for the whole portfolio.
    project_name: str | None  #: Its name.
    allocation: Literal["entitled", "pooled"]
    """``entitled``: what it paid for is its own; ``pooled``: tonnes go where they lack most."""
    cvar_level: Share  #: The level of the CVaR.
    tolerance: UnboundedShare  #: Plans count as equally good up to this share of the objective.
    without_plan: CompanyOutcome  #: If nobody does anything.
    alone: CompanyOutcome | None  #: If it alone acts, in its own best way; null where not found.
    free: CompanyOutcome | None  #: With the scenario's own plan, its share free; null without one.
    free_share: Share | None  #: Its share in that plan; null where nothing of it is built.
    curves: tuple[ShareCurve, ...]  #: Others deciding again first, public shares rising.
    project_names: dict[ids.Project, str]  #: Names of the projects that occur.
    material_names: dict[ids.Material, str]  #: Names of the materials that occur.
    ended: Completion  #: Whether all points that were asked for are there.
