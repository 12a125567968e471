"""Result of a plan's brief for decision makers: its decisions, dates, risks and comparisons."""

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share, TitledDocument
from models.results.comparison import Increment
from models.results.option import Option
from models.results.plan import BudgetClass


class Approval(Result):
    """Public money that is approved in one year, by funder, budget class and project.

    All money for a project counts in the year of the decision to build it, whenever it is paid. The
    cost of a stockpile counts in the year of payment, since stock is bought year by year.
    """

    year: int  #: Year of the decision.
    funder: str  #: Id of the funder.
    budget_class: BudgetClass | None  #: Budget class; null without a class.
    project: str | None  #: Id of the project; null for stockpiles.
    meur: float
    """Committed amount, undiscounted; for a guarantee, the guaranteed amount. All approvals add up
    to ``public.committed_meur``."""


class CountryMoney(Result):
    """Money for projects in one country, undiscounted; costs of stockpiles belong to no country."""

    country: str  #: Code of the country.
    home: bool  #: Whether the country belongs to ``home``.
    union: bool  #: Whether the country is a member of the European Union.
    public_meur: float  #: Payments of public funders, including guaranteed loans.
    private_meur: float  #: Payments of company and private funders.
    market_meur: float  #: Payments of lenders and other investors.


class StateAidUse(Result):
    """The state aid that a project receives, and its limit.

    The aid of an instrument is its amount times its ``grant_equivalent``
    ([P8](formulation.md#first-stage)).
    """

    project: str  #: Id of the project.
    country: str  #: Code of the project's country.
    aid_meur: float  #: Grant equivalents of all instruments.
    capex_meur: float  #: Capex as announced, to which the limit on intensity refers.
    limit_meur: float | None
    """The lower of the two limits of ``policy.state_aid``; null without a limit."""
    most_meur: float | None
    """Largest possible aid from all eligible instruments, each at its ``max_share`` and largest
    ticket. Null if the aid of an eligible price floor or interest subsidy counts, since it is not a
    share of capex."""
    binds: bool  #: Whether the unused part of the limit is less than a thousandth of the limit.

    @property
    def intensity(self) -> float | None:
        """Aid as a share of capex; None if capex is 0."""
        return self.aid_meur / self.capex_meur if self.capex_meur > 0 else None


class Provision(Result):
    """Provisions charged to budgets for public guarantees, compared with the expected loss."""

    face_meur: float  #: Committed amount of guaranteed loans.
    provision_meur: float  #: Provisions charged to budgets for these guarantees, undiscounted.
    expected_loss_meur: float | None
    """Expected loss according to the stated probabilities of failure, undiscounted; null if a
    probability is missing."""
    cost_meur: float
    """Net cost of the guarantees as a present value, according to ``recovery`` or the terms in the
    scenario."""
    missing_meur: float | None
    """Expected loss in excess of the provision; 0 without an excess, null if unknown."""


class FunderReturn(Result):
    """The expected return on the stakes and loans of one public funder."""

    funder: str  #: Id of the funder.
    paid_meur: float  #: Payments for them over all years, undiscounted.
    returned_meur: float  #: Expected returns over all years, undiscounted.
    rate: float | None
    """Internal rate of return per year of payments and expected returns. Negative if returns are
    below payments; null if no rate above -99 % exists."""


class FunderContribution(Result):
    """The payments of one funder, and the output reserved for its consumers."""

    funder: str  #: Id of the funder.
    paid_meur: float  #: Payments over all years, undiscounted.
    stocks_meur: float  #: Part of these payments for stockpiles.
    cost_meur: float  #: Net cost, discounted.
    output_t: dict[str, float]
    """Tonnes per year, by material, reserved for the consumers of a company at full output,
    undisturbed. Empty for other funders, whose output goes to all consumers."""


class Fiscal(Result):
    """The figures of a plan for a budget committee."""

    approvals: tuple[Approval, ...] = ()  #: Public money by year of decision, earliest first.
    debt_brake_by_year_meur: dict[str, float] | None = None
    """Public money that counts as net borrowing in the year of payment, undiscounted: grants,
    stockpiles, premiums and money without a class. Under Article 115 of the Basic Law, financial
    transactions (stakes and loans) and contingent payments (guarantees) do not count. Null if
    Germany is not in ``home``."""
    expected_loss_meur: float | None = None
    """Expected loss on stakes, loans and guarantees, undiscounted. Null if one of these losses is
    unknown."""
    countries: tuple[CountryMoney, ...] = ()  #: Money for projects by country, the largest first.
    home_share: Share | None = None
    """Share of public money for projects in countries of ``home``; null without ``home`` or without
    such money."""
    stocks_meur: float = 0.0  #: Public money for stockpiles, undiscounted.
    aid: tuple[StateAidUse, ...] = ()  #: State aid by project, in the order of the file.
    provision: Provision | None = None
    """Provisions for public guarantees; null without guarantees."""
    returns: tuple[FunderReturn, ...] = ()
    """Returns of each funder for which the file states when all stakes and loans return."""
    purses: tuple[FunderContribution, ...] = ()
    """All funders that pay something, in the order of the file."""

    @property
    def first_year(self) -> int | None:
        """The first year in which public money is approved; None if there is none."""
        return min((approval.year for approval in self.approvals), default=None)


class ReferenceIncrement(Increment):
    """What the plan costs and avoids in addition to another option, or to no plan.

    ``over`` is the label of the other option, or the id of a variant. It is null if there is
    neither.
    """

    to: Literal["nothing", "counterfactual", "option"]
    """Reference of the comparison. ``nothing``: no plan. ``counterfactual``: the counterfactual in
    the plan's evaluation, or the option without public money that has the least damage. ``option``:
    the efficient option with the most public money below that of the plan."""
    title: str  #: Title of the other option; empty without a title.
    left: InMeasureUnit  #: Expected damage with the other option.
    left_cvar: InMeasureUnit  #: Mean damage of the worst states with the other option.
    net_cost_meur: float  #: Additional net cost over all payers, discounted.


class TailOutcome(Result):
    """Mean and maximum damage of the worst states.

    They refer to the states for which the plan was made, and to fresh states.
    """

    level: Share  #: Level of the CVaR; 0.95 means the worst 5 % of states.
    states: int  #: Number of states for which the plan was made.
    with_plan: InMeasureUnit  #: Mean damage of the worst of these states, with the plan.
    without_plan: InMeasureUnit  #: Mean damage of the worst of these states, without any plan.
    worst: InMeasureUnit  #: Damage of the worst of these states, with the plan.
    fresh_states: int | None
    """Number of fresh states. This field and the next three are null if the plan was not
    evaluated."""
    fresh_with_plan: InMeasureUnit | None  #: Mean damage of the worst fresh states, with the plan.
    fresh_without_plan: InMeasureUnit | None
    """Mean damage of the worst fresh states, without any plan."""
    fresh_worst: InMeasureUnit | None  #: Damage of the worst fresh state, with the plan.


class RejectedProject(Result):
    """A candidate that the plan does not build, and the regret of building it."""

    project: ids.Project  #: Id of the project.
    low: InMeasureUnit | None
    """Proven lower bound on the increase of the objective if the project is built; null without a
    bound."""
    high: InMeasureUnit | None
    """Upper bound on this increase; null if no plan with the project was found."""
    rules: tuple[str, ...]  #: Tags of the rules that prevent the project, or leave no room for it.


class Brief(TitledDocument):
    """The figures of a plan that a decision maker needs."""

    kind: Literal["brief"] = "brief"
    option: Option  #: Benefits and costs of the plan.
    fiscal: Fiscal  #: Years, countries and risks of public money.
    increments: tuple[ReferenceIncrement, ...]
    """Comparison of the plan with no plan, the counterfactual and the next cheaper option, if
    known."""
    compared: int = 0
    """Number of options whose damage and public money can be compared with those of the plan."""
    better: tuple[ReferenceIncrement, ...] = ()
    """Comparison of the plan with better options: the option that dominates it, and the options
    that are best if an avoided EUR has the value of a public EUR."""
    tail: TailOutcome  #: Damage of the worst states.
    rejected: tuple[RejectedProject, ...] = ()
    """Candidates that the plan does not build, in ascending order of regret. Empty if the plan was
    not explained."""
