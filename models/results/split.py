"""Result of a co-operative game: the gain of joint action, how to share it, and who would leave."""

from typing import Literal

from models.results import ids
from models.results.base import (
    Money,
    Result,
    ScenarioResult,
    Seconds,
    Share,
    SolveSummary,
    UnboundedShare,
)

PublicMoneyMode = Literal["none", "every", "player", "gift", "joint"]
SharingRuleName = Literal["shapley", "nucleolus", "demand", "avoided_damage", "equal"]


class Interval(Result):
    """A figure computed from the plans that were found, and its proven lower and upper bounds.

    The bounds hold for the best plans, whatever these are. For a sampled Shapley value they are
    those of a confidence interval.
    """

    low: Money  #: It is no less.
    value: Money  #: From the plans that were found.
    high: Money  #: It is no more.


class Player(Result):
    """A player of the game: a company, or all public funders together (the state)."""

    id: str  #: Id of the company funder; ``state`` for the state.
    name: str  #: Name shown in reports.
    kind: Literal["company", "state"]  #: A company, or all public funders together.
    consumers: tuple[ids.Consumer, ...]  #: Consumers whose damage is its own, or no company's.
    demand_meur: float  #: Value of its demand over the horizon at the scenario's prices.
    without_plan: Money  #: Its mean damage if nobody does anything.
    alone: Interval
    """Its mean damage plus its net cost when it acts alone, with the net cost of others
    that counts in every coalition, less ``baseline``."""


class Coalition(Result):
    """A coalition: its members act together while the others start nothing."""

    members: tuple[str, ...]  #: Ids of the players.
    found: Money
    """Their mean damage plus net cost in the plan that was found; with the net cost of public
    funders where it counts in every coalition, and of private ones."""
    bound: Money  #: No plan of theirs has less.
    damage: Money  #: Their mean damage in that plan.
    net_cost_meur: float  #: Their net cost in that plan, as far as it counts.
    worth: Interval  #: What it gains against its members standing alone.
    spillover: Money  #: By how much the mean damage of the others falls without their doing.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    worth_if_others_act: Interval | None  #: The worth if others act alone; null if not asked.
    seconds: Seconds  #: Wall time.


class BlockingCoalition(Result):
    """A coalition whose members gain, or might gain, by leaving the grand coalition."""

    members: tuple[str, ...]  #: Ids of the players.
    gain: Money
    """What its members would have more together, by a plan that was found, so for certain; not
    positive for a group that only might leave."""
    most: Money  #: No plan gives them more than that in addition; positive if they might leave.


class MemberShare(Result):
    """What one player gains and pays under a rule for sharing the gain."""

    gain: Interval
    """Its part of the worth of all; of a sampled value, with the confidence interval. Of the
    nucleolus no range is known but that of its figure itself."""
    share: UnboundedShare | None
    """The same as a share of the worth of all; null where there is none."""
    pays_meur: float  #: What it pays in all for that gain: ``alone`` less gain and damage.
    outlay_meur: float  #: What it pays for projects and stocks in the plan of all.
    transfer_meur: float
    """What it pays to the others on top; negative where it gets something. Transfers add up to what
    those who are no players bear more with all than without any company, and not to 0."""


class SharingRule(Result):
    """A rule for dividing the gain of the grand coalition among its members."""

    rule: SharingRuleName
    """``demand``: in proportion to its value; ``avoided_damage``: in proportion to what the joint
    plan spares each, against nobody doing anything; ``equal``: the same to each."""
    members: dict[str, MemberShare]  #: By player.
    core: Literal["inside", "outside", "undecided"]
    """Whether no group would rather leave; ``undecided`` where the proofs leave it open, or, with a
    sampled game, none of the groups that were solved would."""
    leaving: tuple[BlockingCoalition, ...]
    """The five groups that would most gladly leave; where undecided, those that might."""
    contribution: Interval | None
    """The least public money that makes every group stay; null where not all were solved."""


class Core(Result):
    """Whether the gain of all players can be divided so that no coalition gains by leaving."""

    empty: Literal["empty", "not empty", "undecided"]
    """``empty``: no share exists with which no group would rather leave; ``undecided``: the proofs
    leave it open."""
    least_core: Interval
    """The least that the keenest group can have by leaving; not positive with a core."""
    members: dict[str, Money]  #: The gain of each player at that share.
    binding: tuple[tuple[str, ...], ...]  #: Groups that have just that to gain there.
    contribution: Interval  #: The least public money on top with which the core is not empty.


class Sampling(Result):
    """How the Shapley value was sampled."""

    orders: int  #: Orders in which players join; every second one is the reverse of the one before.
    coalitions: int  #: Different coalitions that were solved.
    seed: int  #: Of the orders.
    level: UnboundedShare  #: Of the confidence intervals.


class FreeRider(Result):
    """What a company gains by staying out while all other players act together."""

    others: Interval  #: Worth of the coalition of all others.
    idle: Money  #: Its mean damage if it does nothing itself.
    acting: Interval  #: Its mean damage plus net cost if it does what is best for it.
    gain: Interval  #: What it has more than standing alone with nobody acting.


class Externality(Result):
    """The game in which each player outside a coalition acts alone, in the order of the file."""

    alone: dict[str, Interval]  #: Mean damage plus net cost of each player when all act alone.
    worth: Interval  #: Worth of all against that.
    shapley: dict[str, Money]  #: Gain of each player against that, by Shapley.
    core: Core  #: Of that game.


class JointProject(Result):
    """A project that the grand coalition builds, and its financing and offtake."""

    id: ids.Project  #: Id of the project.
    name: str  #: Name shown in reports.
    start: ids.YearNumber  #: Start year.
    capex_meur: float  #: Undiscounted million EUR.
    shares: dict[str, Share]  #: Of capex, by funder, over its instruments; ``market`` for the rest.
    offtake: dict[str, Share]  #: Of output, by company; ``common`` for what all share.
    probability: Share = 1.0
    """Of being built in this year, by what has been seen at a review; shares are means of that."""


class JointPlan(Result):
    """The plan of the grand coalition: projects, stocks, damage and net cost."""

    projects: tuple[JointProject, ...]  #: In the order of their start.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that stockpiles hold at most, if any.
    damage: dict[str, Money]  #: Mean damage of each player.
    without_plan: dict[str, Money]  #: Mean damage of each player if nobody does anything.
    outlay_meur: dict[ids.Funder, float]  #: Net cost of each funder, by its id.
    outlay_by_year_meur: dict[ids.Funder, dict[ids.Year, float]]
    """Undiscounted million EUR that each funder pays in each year, by its id."""
    public_meur: float  #: Net cost of all public funders.
    objective: Money  #: What counts of damage and net cost when all act together.
    bound: Money  #: No plan has less.
    gap: UnboundedShare
    """How far the objective may be above the best: max(0, objective - bound) / max(|objective|,
    1e-6)."""


class Split(SolveSummary, ScenarioResult):
    """The co-operative game of the companies of a scenario, and ways to divide its gain.

    The gain of a coalition is the reduction of its members' mean damage plus net cost when they act
    together, compared with each member acting alone while nobody else acts. Money is discounted
    unless a field says otherwise. A gain is positive if the players are better off.
    """

    kind: Literal["split"] = "split"
    measure: Literal["damage"] = "damage"  #: Damage and cost are added, so that both are money.
    state: PublicMoneyMode
    """How public money stands in the game. ``none``: there is none; ``every``: public funders take
    part in every coalition, and their net cost counts with the members': what these gain is net of
    all public money, and the damage of consumers without a company does not count; ``player``: the
    state is itself a player, and may pay or be paid; ``gift``: public money stands behind every
    coalition and costs its members nothing; ``joint``: the same, but behind the coalition of all
    alone; smaller ones have none."""
    set_aside: tuple[str, ...]  #: Duties that were set aside, since no single coalition owes them.
    players: tuple[Player, ...]  #: Who takes part, in the order of the file; the state last.
    coalitions: tuple[Coalition, ...]  #: All that were solved, small ones first.
    baseline: Interval | None
    """Net cost of public and private funders without any company, where theirs counts in every
    coalition: nothing, unless they earn by it; null where it does not. ``found`` and ``bound`` of a
    coalition include it, ``alone`` of a player is net of it: the worth of a coalition is the sum of
    its members' ``alone``, less ``found`` net of it."""
    worth: Interval  #: Worth of the coalition of all.
    plan: JointPlan  #: What all do together.
    rules: tuple[SharingRule, ...]  #: Ways to share; if sampled, without those that need others.
    core: Core | None  #: Whether nobody need leave; null where not all coalitions were solved.
    free_riding: dict[str, FreeRider]  #: What staying out brings, by company.
    externality: Externality | None  #: The game with outsiders acting; null if not solved.
    sampling: Sampling | None  #: How the Shapley value was sampled; null if all were solved.
