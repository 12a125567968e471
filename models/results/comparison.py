"""Results of a comparison of plans, and of a brief for decision makers."""

from typing import Literal

from models.results import base
from models.results.base import (
    InMeasureUnit,
    JsonDocument,
    Result,
    Share,
    TitledDocument,
    UnboundedShare,
)
from models.results.option import BilingualName, Option
from models.results.plan import BudgetClass

ExcludedFigures = Literal["damage", "tail", "money", "objective", "dependence"]
"""Figures that are not compared; ``damage`` includes the CVaR (``tail``) and the objective."""


class ValueChange(Result):
    """A value of an option's scenario that differs from the base scenario."""

    path: str  #: Dotted path of the value, as in the variants of a scenario file.
    base: str | None  #: Value in the base as JSON, at most 120 characters; null if absent.
    value: str | None  #: Value in the option as JSON, at most 120 characters; null if absent.


class ComparabilityIssue(Result):
    """A difference between the scenarios of an option and the base that limits comparison.

    These differences exclude figures from the comparison:

    - ``currency``, ``price_year``, years and ``discount_rate``: damage and money;
    - ``periods_per_year``, ``measure``, ``damage``, hazards and states of the world: damage;
    - assumption set to which the figures of a plan refer: damage;
    - demand, supply and conversions: damage and dependence;
    - ``home``: dependence;
    - ``horizon.residual_value``: money and the objective;
    - level of the CVaR: the CVaR and the objective;
    - weights, ``ambiguity`` and ``over_assumptions`` of the objective: the objective;
    - a plan that does not contain its scenario: damage, money and dependence.

    Differences in prices, consumers, candidates, ``allocation``, the review and assumption sets are
    listed, but exclude no figure. Differences in funders, stockpiles and policy are the purpose of
    a comparison: they are listed only in ``changes``. Names, sources and texts are ignored.
    """

    option: str  #: Label of the option.
    subject: str
    """Section or field of the scenario that differs. ``scenario``: a plan does not contain its
    scenario. ``outcome.without_plan``: damage is comparable, but damage without any plan
    differs."""
    changes: tuple[ValueChange, ...]  #: Values that differ.
    bars: tuple[ExcludedFigures, ...]
    """Figures that are excluded from the comparison. ``damage`` also excludes the CVaR and the
    objective. Empty if the difference excludes nothing."""


class OptionProject(Result):
    """How one option builds a project: years, public share and money."""

    start: int  #: Year of the decision to build.
    first_output: int  #: First year of output without delay; may be after the horizon.
    public_share: UnboundedShare  #: Share of capex from public funders, including guaranteed loans.
    public_meur: float  #: Undiscounted payments of public funders into the project.
    probability: Share = 1.0
    """Probability that the project is built, over the information sets of a review. Years are then
    the earliest ones."""


class ProjectChoice(Result):
    """A candidate project, and the options that build it."""

    project: str  #: Id of the project.
    materials: tuple[str, ...]  #: Ids of the materials that the project delivers.
    built_in: Literal["all", "some", "none"]
    """Whether all, some or none of the options build the project."""
    options: dict[str, OptionProject]
    """How the project is built, by label of the options that build it."""


class OptionStockpile(Result):
    """What one option buys for a stockpile, in tonnes and million EUR."""

    bought_t: float  #: Tonnes bought over all years.
    held_t: float  #: Largest planned stock at the end of a year.
    cost_meur: float  #: Cost of the stockpile over all years, undiscounted.


class StockpileChoice(Result):
    """The options that buy for a stockpile."""

    stockpile: str  #: Id of the stockpile.
    material: str  #: Id of the stockpile's material.
    bought_in: Literal["all", "some", "none"]
    """Whether all, some or none of the options buy for the stockpile."""
    options: dict[str, OptionStockpile]  #: Quantities and costs, by label of the options that buy.


class ProjectChange(Result):
    """A project on which an option and the base decide differently."""

    project: str  #: Id of the project.
    materials: tuple[str, ...]  #: Ids of the materials that the project delivers.
    change: Literal["added", "dropped", "moved", "refinanced"]
    """``added``: built only in the option; ``dropped``: built only in the base; ``moved``: another
    start year; ``refinanced``: a share of capex differs by more than 0.005."""
    base: OptionProject | None  #: How the base builds the project; null if it does not.
    option: OptionProject | None  #: How the option builds the project; null if it does not.


class StockpileChange(Result):
    """A stockpile whose largest planned stock or cost differs between an option and the base."""

    stockpile: str  #: Id of the stockpile.
    material: str  #: Id of the stockpile's material.
    held_t: float  #: Largest planned stock in the option minus that in the base.
    cost_meur: float  #: Cost in the option minus cost in the base, undiscounted.


class MaterialDifference(Result):
    """The change of expected damage that is due to one material, and related decisions.

    A project that delivers several materials is listed under each of them. The listed decisions
    need not explain the whole change, since decisions on other materials can move supply to where a
    shortage costs most.
    """

    material: str  #: Id of the material.
    damage: InMeasureUnit  #: Expected damage from the material in the option minus in the base.
    projects: tuple[ProjectChange, ...]
    """Projects that deliver this material and are decided differently."""
    stockpiles: tuple[StockpileChange, ...]  #: Stockpiles of this material that differ.


class MoneyDifference(Result):
    """Change in one funder's payments and net cost in one budget class: option minus base."""

    funder: str  #: Id of the funder.
    kind: Literal["public", "company", "private"]  #: Kind of the funder.
    budget_class: BudgetClass | None  #: Budget class; null without a class.
    paid_meur: float  #: Payments in the option minus those in the base, undiscounted.
    cost_meur: float  #: Net cost in the option minus that in the base, discounted.


class OptionDifference(Result):
    """The figures of an option minus those of the base; null if they cannot be compared.

    A negative change of damage means that the option has less damage than the base.
    """

    option: str  #: Label of the option.
    expected: InMeasureUnit | None
    """Expected damage of the option minus that of the base. This figure and all figures of damage
    below are null if damage cannot be compared."""
    cvar: InMeasureUnit | None  #: Mean damage of the worst states, option minus base.
    worst: InMeasureUnit | None  #: Damage of the worst state, option minus base.
    by_material: tuple[MaterialDifference, ...]
    """Change of expected damage by material, largest first."""
    by_consumer: dict[str, InMeasureUnit]
    """Change of expected damage by consumer; adds up to ``expected``."""
    objective: InMeasureUnit | None  #: Objective of the option minus that of the base.
    resolution: InMeasureUnit | None
    """Sum of the open gaps of both plans. A smaller change is not significant."""
    significant: bool | None
    """Whether the changes of the objective and of expected damage both exceed ``resolution``. If
    false, another search for the two plans could reverse their order. Null if unknown."""
    public_paid_meur: float | None
    """Payments of public funders, option minus base, undiscounted."""
    private_paid_meur: float | None
    """Payments of company and private funders, option minus base, undiscounted."""
    market_meur: float | None
    """Payments of lenders and other investors, option minus base, undiscounted."""
    net_cost_meur: float | None  #: Net cost over all payers, option minus base, discounted.
    money: tuple[MoneyDifference, ...]
    """Change by funder and budget class; adds up to the change of public and private money."""
    avoided_per_extra_public_euro: float | None
    """Additional expected damage avoided per additional public euro, both discounted; null without
    additional public money."""
    projects: tuple[ProjectChange, ...]  #: Projects that are decided differently.
    stockpiles: tuple[StockpileChange, ...]
    """Stockpiles whose largest planned stock or cost differs by more than 0.5 %."""


class Increment(Result):
    """The additional public money and avoided damage of an option.

    Both are compared with another option, or with no plan.
    """

    option: str  #: Label of the option.
    over: str | None  #: Label of the other option; null if compared with no plan.
    public_present_meur: float  #: Additional public money, as a present value.
    avoided: InMeasureUnit
    """Additional expected damage avoided; negative if the option avoids less."""
    avoided_per_euro: float | None
    """``avoided`` per additional public euro; null without additional public money, or if damage is
    not money."""
    resolution: InMeasureUnit | None
    """Sum of the open gaps of both plans, as in a [difference](#option-difference)."""
    significant: bool | None
    """As in an [option difference](#option-difference). Compared with no plan, which has no gap,
    only the avoided damage has to exceed ``resolution``."""


class EfficientOption(Increment):
    """An efficient option, compared with the previous one; the first is compared with no plan.

    An option is efficient if neither another option nor having no plan dominates it. An option
    dominates another one if

    - its expected damage is not higher,
    - its public money (present value) is not higher, and
    - one of the two is lower.

    In a chart of damage over public money, no plan and the efficient options form a staircase. The
    convex line is the lower convex hull of these points. It does not decide which options are
    efficient: an option cannot be bought in part, so points between two options do not exist.
    """

    convex: bool
    """Whether the option lies on the convex line. If not, a later option avoids more damage per
    euro, both compared with the last earlier option on the line. Who would pay for this option
    should then consider the later one."""


class FunderGain(Result):
    """The output and the damage of one funder's consumers in one option.

    Output is that of one year at full operation, without any event, if the projects succeed.
    ``cost.by_funder`` states the payments of the funder.
    """

    output_t: dict[str, float]
    """Tonnes per year reserved for the funder's consumers alone, by material."""
    expected: InMeasureUnit | None
    """Expected damage of the funder's consumers; null if it has no consumers."""
    expected_without_plan: InMeasureUnit | None
    """Expected damage of these consumers without any plan."""


class FunderView(Result):
    """The options from the view of one company, or of one public funder that is not federal."""

    funder: str  #: Id of the funder; it pays in at least one option.
    kind: Literal["public", "company"]  #: Kind of the funder.
    consumers: tuple[str, ...]
    """Ids of the consumers whose ``company`` is this funder, in any option."""
    options: dict[str, FunderGain]
    """Output and damage by label of the option; only options whose plan contains its scenario."""


class BrokenRule(Result):
    """A rule in a minimal set of rules that cannot all be satisfied."""

    tag: str  #: Tag of the rule in the [formulation](formulation.md#first-stage).
    name: str  #: Name of the rule in the formulation.
    says: str  #: Statement of the rule.
    path: tuple[str | int, ...]  #: Path of the rule in the scenario.
    place: str  #: Location of the rule: file, line and column, or cell.


class BestOptionRange(Result):
    """An option, and the value of an avoided EUR of damage from which it is the best option.

    The best option minimizes its public money minus the value of the damage that it avoids.
    """

    option: str | None  #: Label of the option; null for no plan at all.
    worth: float
    """Value of an avoided EUR of damage, in public EUR, from which the option is the best."""


class FailedOption(Result):
    """An option without a plan, which is left out of the comparison."""

    label: str  #: Label of the option.
    title: BilingualName  #: Title of its variant, or of its scenario.
    variant: str | None  #: Id of the applied variant; null without one.
    reason: Literal["infeasible", "no_plan", "failed"]
    """``infeasible``: no plan satisfies all rules; ``no_plan``: a limit or the user stopped the
    solve before a plan was found; ``failed``: the solver or a check failed."""
    message: str  #: Message of the failure.
    conflict: tuple[BrokenRule, ...]
    """Minimal set of [rules](#no-plan) that cannot all be satisfied; empty if unknown."""


class ComparisonNames(Result):
    """Names in both languages of all that the comparison mentions, by id."""

    materials: dict[str, BilingualName]  #: Names of materials.
    consumers: dict[str, BilingualName]  #: Names of consumers.
    projects: dict[str, BilingualName]  #: Names of projects.
    stockpiles: dict[str, BilingualName]  #: Names of stockpiles.
    funders: dict[str, BilingualName]  #: Names of funders.
    budget_lines: dict[str, dict[str, BilingualName]] = {}  #: Names of budget lines, by funder.
    instruments: dict[str, dict[str, BilingualName]] = {}  #: Names of instruments, by funder.


class Comparison(JsonDocument):
    """A comparison of several plans side by side.

    It is computed from the plans alone. Differences are figures of an option minus those of the
    base: a negative difference in damage means less damage.
    """

    kind: Literal["comparison"] = "comparison"
    title: BilingualName  #: Title of the scenario of the base.
    base: str  #: Label of the option with which the others are compared.
    year: int
    """Reference year of stock cover and dependence. An option whose horizon lacks it uses the
    nearest year."""
    options: tuple[Option, ...]  #: Benefits and costs of each option, in the order given.
    unlike: tuple[ComparabilityIssue, ...]
    """Differences between scenarios that limit the comparison with the base."""
    changes: dict[str, tuple[ValueChange, ...]]
    """All values that differ from the base, by label of the option."""
    projects: tuple[ProjectChoice, ...]
    """Options that build each candidate, in the order of the file."""
    stockpiles: tuple[StockpileChoice, ...]
    """Options that buy for each stockpile, in the order of the file."""
    differences: tuple[OptionDifference, ...]  #: Figures of each other option minus the base.
    efficient: tuple[EfficientOption, ...] = ()
    """[Efficient](#efficient-option) options in ascending order of public money. Only options whose
    damage and money can be compared with the base are considered. Options with equal figures are
    all listed."""
    efficient_by_net_cost: tuple[str, ...] = ()
    """Labels of the efficient options if net public cost is used in place of public money, in
    ascending order."""
    best_from: tuple[BestOptionRange, ...] = ()
    """The efficient option that is best at each value of an avoided EUR, in ascending order.
    Options that the gaps do not distinguish from the previous one are omitted. Empty if damage is
    not money, or if no option with public money remains."""
    best_from_by_net_cost: tuple[BestOptionRange, ...] = ()
    """The same with net public cost in place of public money."""
    dominated: tuple[Increment, ...] = ()
    """The other comparable options in ascending order of public money. Each is compared with the
    efficient option that has the least damage among those that dominate it. If only having no plan
    dominates it, it is compared with no plan."""
    industry_alone: str | None = None
    """Label of the option without public money (less than 0.001 million EUR), which shows what
    industry does alone. If there are several: the one with the least damage. Null without such an
    option."""
    over_industry: tuple[Increment, ...] = ()
    """All other options in ascending order of public money, each compared with
    ``industry_alone``."""
    own_views: tuple[FunderView, ...] = ()
    """Output and damage for single companies, and for public funders that are not federal, in each
    option."""
    failed: tuple[FailedOption, ...] = ()  #: Options without a plan.
    names: ComparisonNames  #: Names of all items in the comparison, in both languages.


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

    project: base.Project  #: Id of the project.
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
