"""Results on who gains: shares of a joint gain, and what a company gains by taking part."""

from typing import Literal

from models.results import base
from models.results.base import (
    Completion,
    InMeasureUnit,
    Money,
    Result,
    ScenarioResult,
    SearchResult,
    Seconds,
    Share,
    SolveSummary,
    UnboundedShare,
)

PublicMoneyMode = Literal["none", "every", "player", "gift", "joint"]
SharingRuleName = Literal["shapley", "nucleolus", "demand", "avoided_damage", "equal"]


class Interval(Result):
    """A figure computed from the plans that were found, and its proven lower and upper bounds.

    The bounds apply to the figure that the best plans would have. For a sampled Shapley value, they
    are the ends of a confidence interval.
    """

    low: Money  #: Lower bound.
    value: Money  #: Figure computed from the plans that were found.
    high: Money  #: Upper bound.


class Player(Result):
    """A player of the game: a company, or all public funders together (the state)."""

    id: str  #: Id of the company funder; ``state`` for the state.
    name: str  #: Name shown in reports.
    kind: Literal["company", "state"]  #: Kind of the player.
    consumers: tuple[base.Consumer, ...]
    """Consumers of the company; for the state, consumers without a company."""
    demand_meur: float
    """Value of the player's demand over the horizon, at the prices in the scenario."""
    without_plan: Money  #: Mean damage of the player without any plan.
    alone: Interval
    """Mean damage plus net cost of the player when it acts alone, minus ``baseline``. It includes
    the net cost of other funders that counts in every coalition."""


class Coalition(Result):
    """A coalition: its members act together while the others start nothing."""

    members: tuple[str, ...]  #: Ids of the players.
    found: Money
    """Mean damage plus net cost of the members with the plan found. It includes the net cost of
    private funders, and of public funders if this counts in every coalition."""
    bound: Money  #: Proven lower bound on this sum for any plan of the coalition.
    damage: Money  #: Mean damage of the members with this plan.
    net_cost_meur: float  #: Part of the net cost of this plan that counts for the coalition.
    worth: Interval  #: Value of the coalition: its gain compared with each member acting alone.
    spillover: Money  #: Reduction of the mean damage of the other players, who do nothing.
    projects: dict[base.Project, base.YearNumber]  #: Start year of each project that is built.
    worth_if_others_act: Interval | None
    """Value of the coalition if each other player acts alone; null if not requested."""
    seconds: Seconds  #: Wall time.


class BlockingCoalition(Result):
    """A coalition whose members gain, or might gain, by leaving the grand coalition."""

    members: tuple[str, ...]  #: Ids of the players.
    gain: Money
    """Certain gain of the members from leaving, with a plan that was found; zero or negative if it
    is not certain that they gain."""
    most: Money  #: Upper bound on this gain; positive if the members might gain.


class MemberShare(Result):
    """The gain and the payments of one player under a sharing rule."""

    gain: Interval
    """Part of the gain of the grand coalition. If the Shapley value was sampled, the range is the
    confidence interval. For the nucleolus, the range contains only the value."""
    share: UnboundedShare | None
    """The same part as a share of the gain of the grand coalition; null if that is 0."""
    pays_meur: float
    """Total payment of the player: ``alone`` minus this gain and minus its damage with the joint
    plan."""
    outlay_meur: float  #: Payments of the player for projects and stockpiles in the joint plan.
    transfer_meur: float
    """Payment to the other players: ``pays_meur`` minus ``outlay_meur``. Negative if the player
    receives money. All transfers add up, not to 0, but to the additional cost of funders that are
    not players, compared with no company acting."""


class SharingRule(Result):
    """A rule for dividing the gain of the grand coalition among its members."""

    rule: SharingRuleName
    """``shapley`` and ``nucleolus``: these solutions of the game. ``demand``: in proportion to the
    value of demand. ``avoided_damage``: in proportion to the damage that the joint plan avoids for
    each player, compared with no plan. ``equal``: the same amount for each player."""
    members: dict[str, MemberShare]  #: Gain and payments of each player.
    core: Literal["inside", "outside", "undecided"]
    """Whether the division is in the core, so that no coalition gains by leaving. ``undecided``:
    the bounds do not decide it; with sampled coalitions, none of the solved ones gains by
    leaving."""
    leaving: tuple[BlockingCoalition, ...]
    """The five coalitions with the largest gain from leaving. If undecided: coalitions that might
    gain."""
    contribution: Interval | None
    """Smallest amount of public money with which no coalition gains by leaving; null unless all
    coalitions were solved."""


class Core(Result):
    """Whether the gain of all players can be divided so that no coalition gains by leaving."""

    empty: Literal["empty", "not empty", "undecided"]
    """``empty``: for every division of the gain, some coalition gains by leaving; ``undecided``:
    the bounds do not decide it."""
    least_core: Interval
    """Each division has a largest gain of a coalition from leaving. This is the smallest such gain
    over all divisions; it is at most 0 if the core is not empty."""
    members: dict[str, Money]  #: Gain of each player in a division with this smallest gain.
    binding: tuple[tuple[str, ...], ...]
    """Coalitions that gain exactly this amount by leaving in that division."""
    contribution: Interval
    """Smallest additional amount of public money with which the core is not empty."""


class Sampling(Result):
    """How the Shapley value was sampled."""

    orders: int
    """Number of orders in which players join; every second order reverses the previous one."""
    coalitions: int  #: Number of different coalitions that were solved.
    seed: int  #: Seed of the orders.
    level: UnboundedShare  #: Level of the confidence intervals.


class FreeRider(Result):
    """What a company gains by staying out while all other players act together."""

    others: Interval  #: Value of the coalition of all other players.
    idle: Money  #: Mean damage of the company if it does nothing.
    acting: Interval  #: Mean damage plus net cost of the company if it does what is best for it.
    gain: Interval  #: Gain of the company compared with acting alone while nobody else acts.


class Externality(Result):
    """The game in which the players outside a coalition act as well.

    They decide before the coalition, one after the other in the order of the file. Each does what
    is best for itself, and knows the decisions of those before it.
    """

    alone: dict[str, Interval]  #: Mean damage plus net cost of each player when all act alone.
    worth: Interval
    """Value of the grand coalition, compared with all players acting alone at the same time."""
    shapley: dict[str, Money]  #: Gain of each player by the Shapley value of this game.
    core: Core  #: Core of this game.


class JointProject(Result):
    """A project that the grand coalition builds, and its financing and offtake."""

    id: base.Project  #: Id of the project.
    name: str  #: Name shown in reports.
    start: base.YearNumber  #: Start year.
    capex_meur: float  #: Capex as announced, undiscounted.
    shares: dict[str, Share]
    """Share of capex carried by each funder with all its instruments; ``market`` for the remaining
    share."""
    offtake: dict[str, Share]
    """Share of output reserved for each company; ``common`` for output reserved for all domestic
    consumers."""
    probability: Share = 1.0
    """Probability that the project starts in this year, over the information sets of a review;
    shares are means weighted by this probability."""


class JointPlan(Result):
    """The plan of the grand coalition: projects, stocks, damage and net cost."""

    projects: tuple[JointProject, ...]  #: Projects in ascending order of the start year.
    stocks_t: dict[base.Stockpile, float]
    """Largest planned stock of each stockpile with stock, in tonnes."""
    damage: dict[str, Money]  #: Mean damage of each player with the plan.
    without_plan: dict[str, Money]  #: Mean damage of each player without any plan.
    outlay_meur: dict[base.Funder, float]  #: Net cost of each funder, by id.
    outlay_by_year_meur: dict[base.Funder, dict[base.Year, float]]
    """Undiscounted payments of each funder in each year, by id of the funder."""
    public_meur: float  #: Net cost of all public funders.
    objective: Money
    """Objective of the grand coalition: the damage and the net cost that count for it."""
    bound: Money  #: Proven lower bound on this objective.
    gap: UnboundedShare  #: Relative gap: max(0, objective - bound) / max(|objective|, 1e-6).


class Split(SolveSummary, ScenarioResult):
    """The cooperative game of the companies of a scenario, and ways to divide its gain.

    The cost of a coalition is the mean damage of its members plus net cost. The gain of a coalition
    is the reduction of this cost compared with each member acting alone while nobody else acts. A
    positive gain means that the members are better off. Money is discounted unless a field says
    otherwise.
    """

    kind: Literal["split"] = "split"
    measure: Literal["damage"] = "damage"
    """Always ``damage``: damage and net cost are added, so both must be money."""
    state: PublicMoneyMode
    """Role of public money. ``none``: there is no public money. ``every``: public funders take part
    in every coalition, and their net cost is added to that of the members; damage of consumers
    without a company does not count. ``player``: the state is a player, and may pay or receive
    money. ``gift``: public money is available to every coalition at no cost to its members.
    ``joint``: as ``gift``, but only for the grand coalition."""
    set_aside: tuple[str, ...]
    """Rules of the scenario that are not applied, since they are duties that no single coalition
    has to fulfill."""
    players: tuple[Player, ...]  #: Players in the order of the file; the state last.
    coalitions: tuple[Coalition, ...]  #: All coalitions that were solved, smaller ones first.
    baseline: Interval | None
    """Net cost of public and private funders without any company, if this cost counts in every
    coalition; null if it does not count. It is 0 unless these funders earn money. ``found`` and
    ``bound`` of a coalition include it; ``alone`` of a player does not. The value of a coalition is
    therefore the sum of ``alone`` over its members, minus (``found`` - ``baseline``)."""
    worth: Interval  #: Value of the grand coalition: the gain that is divided.
    plan: JointPlan  #: Joint plan of all players.
    rules: tuple[SharingRule, ...]
    """Divisions of the gain by each rule. If coalitions were sampled, rules that need all
    coalitions are missing."""
    core: Core | None
    """Whether a division exists from which no coalition gains by leaving. Null unless all
    coalitions were solved."""
    free_riding: dict[str, FreeRider]  #: Gain of each company from not taking part.
    externality: Externality | None
    """Game in which the players outside a coalition act as well; null if not solved."""
    sampling: Sampling | None  #: Sampling of the Shapley value; null if all coalitions were solved.


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
    projects: dict[base.Project, base.YearNumber]  #: Start year of each project that is built.
    standing: CompanyOutcome | None  #: Damage and net cost of the company with the plan found.
    range: CompanyOutcomeRange | None
    """Range over the plans that are equally good for the others; null if unknown."""
    outlay_by_year_meur: dict[base.Year, float]
    """Undiscounted payments of the company for projects and stockpiles in each year."""
    stake_meur: float | None  #: Capex that the company carries, undiscounted.
    offtake_t: dict[base.Material, dict[base.HorizonYear, float]]
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
    company: base.Funder  #: Id of the company funder.
    name: str  #: Name of the company.
    consumers: tuple[base.Consumer, ...]  #: Ids of the consumers that belong to the company.
    project: base.Project | None  #: Id of the project; null for the whole portfolio.
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
    project_names: dict[base.Project, str]  #: Names of the projects in the result.
    material_names: dict[base.Material, str]  #: Names of the materials in the result.
    ended: Completion  #: ``interrupted`` if the user stopped before all points were solved.
