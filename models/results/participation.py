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

    expected: InMeasureUnit  #: Mean damage of the company's consumers.
    cvar: InMeasureUnit
    """Mean damage of the company's consumers in the states that are worst for them."""
    net_cost_meur: float  #: Net cost of the company.
    total: InMeasureUnit  #: Mean damage plus net cost; lower is better.


class CompanyOutcomeRange(Result):
    """The best and the worst outcome for a company among plans that are equally good for others."""

    best: CompanyOutcome  #: Best outcome for the company among the plans found.
    worst: CompanyOutcome  #: Worst outcome for the company among the plans found.
    least: InMeasureUnit | None
    """Proven lower bound on the total over all these plans; null without a bound."""
    most: InMeasureUnit | None
    """Proven upper bound on the total over all these plans; null without a bound."""


class SharePoint(SearchResult):
    """The outcome for a company that carries a given share.

    ``infeasible`` means that no plan gives the company this share. Without a plan, fields that
    describe a plan are null or empty.
    """

    share: Share
    """Share of the company in the capex of the project, or of all projects that are built."""
    objective: InMeasureUnit | None
    """Objective by which the plan was chosen: that of the scenario, or the total of the company."""
    bound: InMeasureUnit | None  #: Proven lower bound on this objective at this share.
    gap: UnboundedShare | None  #: Relative gap, as in the certificate of the plan.
    built: bool  #: Whether the project is built; for the whole portfolio, whether any project is.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    standing: CompanyOutcome | None  #: Damage and net cost of the company with the plan found.
    range: CompanyOutcomeRange | None
    """Range over the plans that are equally good for the others; null if unknown."""
    outlay_by_year_meur: dict[ids.Year, float]
    """Undiscounted payments of the company for projects and stockpiles in each year."""
    stake_meur: float | None  #: Capex that the company carries, undiscounted.
    offtake_t: dict[ids.Material, dict[ids.HorizonYear, float]]
    """Tonnes reserved for the company in each year, by material, without delay or failure."""
    avoided: InMeasureUnit | None
    """Mean damage of the company without any plan minus that with the plan."""
    avoided_per_euro: float | None
    """``avoided`` per euro of the company's net cost; null if that cost is not positive."""
    to_others: UnboundedShare | None
    """Damage avoided for others as a share of all damage avoided; null if none is avoided."""
    gain: InMeasureUnit | None
    """Total of the company at share 0 minus its total at this share; null without a plan at share
    0."""
    gain_per_euro: float | None
    """Mean damage of the company at share 0 minus that at this share, per euro of additional net
    cost; null without additional net cost."""


class ShareCurve(Result):
    """The outcome at shares from 0 to the limit, under one assumption on the others' decisions."""

    others: Literal["reoptimize", "held"]
    """``reoptimize``: all others decide again, by the scenario's objective. ``held``: all others
    keep their decisions from the plan in which the company's share is free, and the company
    minimizes its total."""
    public_share: Share | None  #: Public share of the same capex; null if it is free.
    limit: Share | None  #: Largest share that the rules permit; null if even share 0 is infeasible.
    points: tuple[SharePoint, ...]  #: Outcomes in ascending order of the share.
    best_share: Share | None
    """Share with the lowest total of the company, among 0 and the shares at which something is
    built."""
    indifferent_share: Share | None
    """Largest share at which the company is no worse off than without a share; null if only 0."""
    indifferent_within: UnboundedShare | None
    """Upper bound on the distance of the exact share above this one, since only some shares are
    computed. Null if ``indifferent_share`` is null."""


class Participation(SolveSummary, ScenarioResult):
    """The share of a project, or of the whole portfolio, that is best for a company.

    Each point is a separate plan in which the company carries one share.
    """

    kind: Literal["participation"] = "participation"
    unit: str  #: Unit of damage.
    company: ids.Funder  #: Id of the company funder.
    name: str  #: Name of the company.
    consumers: tuple[ids.Consumer, ...]  #: Ids of the consumers that belong to the company.
    project: ids.Project | None  #: Id of the project; null for the whole portfolio.
    project_name: str | None  #: Name of the project; null for the whole portfolio.
    allocation: Literal["entitled", "pooled"]
    """``entitled``: tonnes go to the consumers of the funder that paid for them. ``pooled``: tonnes
    go to the use with the highest damage."""
    cvar_level: Share  #: Level of the CVaR; 0.95 means the worst 5 % of states.
    tolerance: UnboundedShare
    """Relative difference of objectives up to which plans count as equally good."""
    without_plan: CompanyOutcome  #: Outcome for the company without any plan.
    alone: CompanyOutcome | None
    """Outcome for the company if it acts alone and minimizes its total; null if no plan was
    found."""
    free: CompanyOutcome | None
    """Outcome for the company with the optimal plan of the scenario, in which its share is free;
    null without a plan."""
    free_share: Share | None  #: Share of the company in that plan; null if nothing is built.
    curves: tuple[ShareCurve, ...]
    """First the curve with ``reoptimize`` and a free public share, then the curve with ``held``,
    then curves with a given public share, in ascending order of this share."""
    project_names: dict[ids.Project, str]  #: Names of the projects in the result.
    material_names: dict[ids.Material, str]  #: Names of the materials in the result.
    ended: Completion  #: ``interrupted`` if the user stopped before all points were solved.
