"""Result of a plan's brief for decision makers: its decisions, dates, risks and comparisons."""

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share, TitledDocument
from models.results.comparison import Increment
from models.results.option import Option
from models.results.plan import BudgetClass


class Approval(Result):
    """Public money that is approved in one year, by funder, budget class and project.

    All money for a project counts in the year of the decision to build it, whenever it is paid.
    Stockpiles are bought year by year: their cost counts in the year of payment.
    """

    year: int  #: Year of the decision.
    funder: str  #: Id of the funder.
    budget_class: BudgetClass | None  #: How a budget books it.
    project: str | None  #: Id of the project; null for stocks.
    meur: float
    """Committed, undiscounted: of a guarantee its face. All of them add up to
    ``public.committed_meur``."""


class CountryMoney(Result):
    """Money for projects in one country, undiscounted; costs of stockpiles belong to no country."""

    country: str  #: Code of the country.
    home: bool  #: Whether it belongs to ``home``.
    union: bool  #: Whether it lies in the Union.
    public_meur: float  #: Put up by public funders, guaranteed loans with it.
    private_meur: float  #: Put up by company and private funders.
    market_meur: float  #: Put up by lenders and other investors.


class StateAidUse(Result):
    """The state aid that a project receives, and its limit.

    The aid of an instrument is its ``grant_equivalent`` times its amount
    ([P8](formulation.md#first-stage)).
    """

    project: str  #: Id of the project.
    country: str  #: Code of its country.
    aid_meur: float  #: Grant equivalents of all instruments.
    capex_meur: float  #: Capital cost, as announced, of which the limit is a share.
    limit_meur: float | None  #: The lower of the two limits of ``policy.state_aid``; null if none.
    most_meur: float | None
    """The most that instruments which may finance it can give it, if each went up to its
    ``max_share`` and ticket; null where price floors or interest subsidies may, whose aid is no
    part of capex."""
    binds: bool  #: Whether less than a thousandth of the limit is left.

    @property
    def intensity(self) -> float | None:
        """Aid as a share of capex; None if capex is 0."""
        return self.aid_meur / self.capex_meur if self.capex_meur > 0 else None


class Provision(Result):
    """Provisions charged to budgets for public guarantees, compared with the expected loss."""

    face_meur: float  #: Loans that guarantees cover, as committed.
    provision_meur: float  #: Charged to budgets for them, undiscounted.
    expected_loss_meur: float | None
    """By the stated probabilities of failure, undiscounted; null if any is not stated."""
    cost_meur: float  #: Net cost, a present value: by what the scenario expects to come back.
    missing_meur: float | None
    """Expected loss that the provision does not cover; 0 where it does, null if that is unknown."""


class FunderReturn(Result):
    """The expected return on the stakes and loans of one public funder."""

    funder: str  #: Id of the funder.
    paid_meur: float  #: Paid over all years, undiscounted.
    returned_meur: float  #: Expected back over all years, undiscounted.
    rate: float | None
    """Internal rate of return a year, of what is paid and expected back by year; negative where
    less comes back than is paid, null where it is no rate above -99 %."""


class FunderContribution(Result):
    """The payments of one funder, and the output that is secured for its consumers."""

    funder: str  #: Id of the funder.
    paid_meur: float  #: Put up over all years, undiscounted.
    stocks_meur: float  #: Of that for stocks.
    cost_meur: float  #: Net cost, discounted.
    output_t: dict[str, float]
    """Tonnes a year, by material, that consumers of a company are contracted to receive at full
    output, undisturbed. Empty for other funders, whose output goes to all."""


class Fiscal(Result):
    """The figures of a plan for a budget committee."""

    approvals: tuple[Approval, ...] = ()  #: Public money by year of decision, earliest first.
    debt_brake_by_year_meur: dict[str, float] | None = None
    """Public money that counts as net borrowing when it is paid, undiscounted: grants, stocks,
    premiums and what has no class. Stakes and loans are financial transactions, guarantees
    contingent (Article 115 of the Basic Law). Null where Germany is not ``home``."""
    expected_loss_meur: float | None = None
    """Expected to be lost of stakes, loans and guarantees, undiscounted; null if that is unknown of
    any."""
    countries: tuple[CountryMoney, ...] = ()  #: Money for projects by country, the largest first.
    home_share: Share | None = None
    """Share of public money for projects that goes to ``home``; null without either."""
    stocks_meur: float = 0.0  #: Public money for stocks, undiscounted.
    aid: tuple[StateAidUse, ...] = ()  #: State aid by project, in the order of the file.
    provision: Provision | None = None  #: For public guarantees; null without any.
    returns: tuple[FunderReturn, ...] = ()
    """By funder, where the file says of all its stakes and loans when something comes back."""
    purses: tuple[FunderContribution, ...] = ()
    """All funders that pay something, in the order of the file."""

    @property
    def first_year(self) -> int | None:
        """The first year in which public money is approved; None if there is none."""
        return min((approval.year for approval in self.approvals), default=None)


class ReferenceIncrement(Increment):
    """What the plan costs and avoids in addition to another option, or to no plan.

    ``over`` is the label of the other option or the id of a variant; it is null if there is
    neither.
    """

    to: Literal["nothing", "counterfactual", "option"]
    """``nothing``: no plan at all; ``counterfactual``: what would be done otherwise, as the
    evaluation of the plan has it, or the option without public money that leaves least; ``option``:
    of the efficient options that take less public money the one with most."""
    title: str  #: What that is called; empty where it has no title.
    left: InMeasureUnit  #: Expected damage that is left there.
    left_cvar: InMeasureUnit  #: The same in the worst states.
    net_cost_meur: float  #: Net cost in addition, discounted, whoever bears it.


class TailOutcome(Result):
    """Mean and maximum damage of the worst states.

    They are taken from the states for which the plan was made, and from fresh states.
    """

    level: Share  #: 0.95 means the worst 5 %.
    states: int  #: States that the plan was chosen on.
    with_plan: InMeasureUnit  #: Mean of the worst of them with the plan.
    without_plan: InMeasureUnit  #: The same without any plan.
    worst: InMeasureUnit  #: The worst of them, with the plan.
    fresh_states: int | None  #: Fresh states; null where the plan was not evaluated, as the next.
    fresh_with_plan: InMeasureUnit | None  #: Mean of the worst of them with the plan.
    fresh_without_plan: InMeasureUnit | None  #: The same without any plan.
    fresh_worst: InMeasureUnit | None  #: The worst of them, with the plan.


class RejectedProject(Result):
    """A candidate that the plan does not build, and the regret of building it."""

    project: ids.Project  #: Id of the project.
    low: InMeasureUnit | None
    """The objective gets worse by this at least; null where nothing is proven."""
    high: InMeasureUnit | None  #: By this at most; null where no plan that builds it was found.
    rules: tuple[str, ...]  #: Tags of rules that stop it, or leave it no room.


class Brief(TitledDocument):
    """The figures of a plan that a decision maker needs."""

    kind: Literal["brief"] = "brief"
    option: Option  #: What it buys and costs.
    fiscal: Fiscal  #: When, where and at what risk.
    increments: tuple[ReferenceIncrement, ...]
    """What it adds to no plan, to what would be done otherwise and to the next cheaper option, as
    far as they are known."""
    compared: int = 0
    """Options whose damage and public money can be compared with those of the plan."""
    better: tuple[ReferenceIncrement, ...] = ()
    """Options that the comparison finds better than the plan: the one that dominates it, and those
    that are best where an avoided EUR is worth a public one; what the plan adds to each."""
    tail: TailOutcome  #: The worst states.
    rejected: tuple[RejectedProject, ...] = ()
    """Candidates that are out, the nearest first, where the plan was explained."""
