"""One option of a comparison: its benefit, cost and proof."""

from typing import Any, Literal

from models.results.base import InMeasureUnit, MeasuredResult, Result, UnboundedShare
from models.results.plan import BreakEvenFactor, BudgetClass, CrmaShare, Proof


class BilingualName(Result):
    """A name in both languages; if only one is given, it is used for both."""

    en: str  #: English.
    de: str  #: German; the same where only one is given.


class DamageReduction(Result):
    """One figure of damage (mean, CVaR or worst) with the plan, without it, and the difference."""

    with_plan: InMeasureUnit  #: What is left with the plan.
    without_plan: InMeasureUnit  #: What comes without any plan.
    avoided: InMeasureUnit  #: The difference.
    share: UnboundedShare | None
    """The difference as a share of what comes without a plan; null for 0."""


class QuantileRange(Result):
    """The range from the 5 % quantile to the 95 % quantile over the states of the world."""

    low: float  #: Not exceeded in 5 % of the states.
    high: float  #: Not exceeded in 95 % of the states.


class StockCover(Result):
    """Planned stock at the end of the reference year, in days of that year's need.

    The figure for all materials is a mean, weighted by the value of their need in the reference
    year: tonnes needed times ``price_eur_per_t``. Thus 10 days of cover mean that stocks have the
    value of 10 days of need. A large stock of one material can hide that another has no stock at
    all.
    """

    year: int  #: The reference year.
    days: float | None
    """Planned stock at its end, the mean by value of need; null if that is not known."""
    by_material: dict[str, float | None]  #: Days by material; null without need.


class SupplyConcentration(Result):
    """How much the supply of a material depends on few countries.

    For all materials together, figures are means weighted by the value of need.
    """

    largest_country: str | None  #: The largest supplier; null for all materials together.
    largest_share: UnboundedShare
    """Its share of supply; for all together the mean by value of need."""
    third_country: str | None
    """The largest supplier outside the EU and [``home``](scenario-format.md#the-head-of-the-file);
    null if there is none, or for all together."""
    third_share: UnboundedShare
    """Its share of supply, or 0; Regulation (EU) 2024/1252 says 65 % at most."""
    hhi: float  #: Herfindahl-Hirschman index of countries, from 0 to 10,000.
    imports: UnboundedShare | None  #: Share from outside home; null where the file names no home.


class MaterialDependence(Result):
    """How much one material depends on few countries in the reference year."""

    material: str  #: Id of the material.
    weight: UnboundedShare | None
    """Its part of the value of all need supplied; null without prices."""
    with_plan: SupplyConcentration  #: With the plan.
    without_plan: SupplyConcentration  #: Without any plan.


class Dependence(Result):
    """How much supply depends on few countries in the reference year, undisturbed and on time.

    Figures for all materials are means over the materials with need and supply, weighted by the
    value of need as for cover.
    """

    year: int  #: The reference year.
    with_plan: SupplyConcentration | None
    """All materials, by value, with the plan; null without prices."""
    without_plan: SupplyConcentration | None  #: The same without any plan.
    above_limit: tuple[str, ...]  #: Materials of which one third country supplies over 65 %.
    above_limit_without_plan: tuple[str, ...]  #: The same without any plan.
    worst_material: str | None  #: The one with the largest share of a third country, with the plan.
    materials: tuple[MaterialDependence, ...]  #: By material, those with need and supply.


class FirstDelivery(Result):
    """When projects first deliver to home consumers.

    The probability of failure is ignored, and so are purchases for stockpiles.
    """

    year: int  #: First year with reserved output if nothing is delayed; may lie past the horizon.
    expected_year: float | None  #: Earliest expected year of a project, delays by probability.
    project: str  #: Id of the project that delivers first if nothing is delayed.


class Benefit(MeasuredResult):
    """The benefits of an option: less damage, stock cover, less dependence and early delivery."""

    expected: DamageReduction  #: Mean over the states.
    cvar: DamageReduction  #: Mean of the worst states.
    worst: DamageReduction  #: The worst state with the plan and the worst state without it.
    avoided_range: QuantileRange | None  #: Of what each state avoids; null without a distribution.
    left_range: QuantileRange | None  #: Of what is left with the plan.
    cover: StockCover  #: Days of need covered by stock.
    dependence: Dependence  #: Whom supply depends on.
    crma: tuple[CrmaShare, ...]  #: Shares that the Critical Raw Materials Act has benchmarks for.
    first_tonne: FirstDelivery | None  #: The first tonne of all projects; null where none delivers.
    first_tonne_by_material: dict[str, FirstDelivery]  #: By material that projects deliver.


class MoneyTotals(Result):
    """Sums of money over positions of the plan: of some funders, some budget classes, or all."""

    committed_meur: float  #: Committed in all: of a guarantee its face, of a floor its most.
    paid_meur: float  #: Put up over all years, undiscounted; of a guarantee the loan it covers.
    paid_by_year_meur: dict[str, float]  #: The same by year.
    paid_present_meur: float | None
    """The same, discounted as net cost is; null where the plan does not carry its discount rate."""
    returned_present_meur: float | None  #: Expected back, discounted; null if that is unknown.
    returned_by_year_meur: dict[str, float]
    """What is expected to come back in each year, where the file gives terms that say when."""
    returned_known_for_meur: float  #: Committed in positions that say when something comes back.
    outstanding_by_year_meur: dict[str, float]  #: At risk at the end of each year.
    peak_meur: float  #: The most that is at risk at the end of a year.
    peak_year: int | None  #: The first year in which that is reached; null if nothing is at risk.
    expected_loss_meur: float | None
    """Expected to be lost, undiscounted, where that is known; null if all at risk is unknown."""
    expected_loss_known_for_meur: float  #: Maximum loss of what the expected loss is known for.
    maximum_loss_meur: float  #: Lost at most, besides what is spent in any case.
    cost_meur: float  #: Net cost, discounted: put up less what is expected back and residual value.
    residual_meur: float = 0.0  #: Residual value at the end of the horizon, discounted.


class FunderMoney(Result):
    """Sums of money of one funder in one budget class."""

    funder: str  #: Id of the funder.
    kind: Literal["public", "company", "private"]  #: What the funder is.
    federal: bool  #: Whether it counts as federal.
    budget_class: BudgetClass | None  #: How a budget books it; null where the file names no class.
    sums: MoneyTotals  #: Its positions added up.


class BudgetUse(Result):
    """The use of one budget, and whether it is exhausted."""

    funder: str | None  #: Id of the funder; null for ``policy.budget_meur``, on all public ones.
    line: str  #: Id of the line; ``budget`` for a funder's own budget.
    name: str  #: Its name.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]  #: What the line limits.
    used_meur: float  #: Charged over all years; of a guarantee stock its peak at a year's end.
    granted_meur: float | None  #: Granted over all years, or a stock's limit; null without limit.
    used_up: bool  #: Whether less than a thousandth of the whole is left.
    full_years: tuple[int, ...]  #: Years that had something and leave less than a thousandth of it.


class Leverage(Result):
    """Other money per euro of public money and per euro of federal money, undiscounted.

    Vulcan's financing of December 2025, 2,193 million EUR, has 5.2 euros of other money per federal
    euro (354 million of the Rohstofffonds and of German grants). It has only 0.57 private euros per
    public euro, since 1,400 million are state-backed in one way or another. All public funders are
    federal unless ``--federal`` names them.
    """

    public_meur: float  #: Put up by public funders and guaranteed loans: all that is state-backed.
    private_meur: float  #: Put up by company and private funders, and by lenders and investors.
    private_per_public: float | None  #: The second over the first; null without public money.
    federal_meur: float  #: Put up by federal funders themselves, without loans they guarantee.
    other_meur: float  #: All other money, whoever puts it up.
    other_per_federal: float | None  #: The one over the other; null without federal money.


class AvoidedPerEuro(Result):
    """Damage avoided per euro of money, both as present values.

    The damage avoided by the whole plan is divided by public money alone, although other money
    contributes to it. The effect of additional public money is ``avoided_per_extra_public_euro`` of
    a difference.
    """

    meur: float  #: The euros, in million.
    expected: float | None  #: Expected damage avoided per euro; null where there are no euros.
    range: QuantileRange | None  #: From the 5 % to the 95 % quantile over the states.


class Cost(Result):
    """The costs of an option: money by funder and class, budgets and leverage."""

    public: MoneyTotals  #: All public funders together.
    private: MoneyTotals  #: All company and private funders together.
    market_meur: float  #: What lenders and investors put up without any guarantee, undiscounted.
    windfall_meur: float = 0.0  #: Money of all funders for what would come home without it.
    by_class: dict[str, MoneyTotals]
    """Public money by budget class; ``none`` where the file names none."""
    by_funder: dict[str, MoneyTotals]  #: All money by funder.
    parts: tuple[FunderMoney, ...]  #: By funder and class: adds up to public and private money.
    charged_by_year_meur: dict[str, dict[str, float]]  #: Counted against each budget, by year.
    public_charged_meur: float  #: What counts against budgets of public funders, over all years.
    budgets: tuple[BudgetUse, ...]  #: How far each budget is used.
    leverage: Leverage  #: In projects.
    leverage_with_stocks: Leverage  #: In projects and stockpiles.
    avoided_per_public_euro: AvoidedPerEuro | None  #: Per euro put up; null if damage is not money.
    avoided_per_net_euro: AvoidedPerEuro | None
    """Per euro that is not expected to come back to them."""


class OptionSetOutcome(Result):
    """The outcome of an option under one assumption set."""

    id: str  #: Id of the set.
    title: BilingualName  #: Its title.
    expected: InMeasureUnit  #: Expected damage there.
    expected_without_plan: InMeasureUnit  #: The same without any plan.


class Option(Result):
    """A plan as one option among several."""

    label: str  #: Short name, unlike any other.
    title: BilingualName  #: Title of its variant, or of its scenario.
    description: BilingualName | None = None  #: What its variant is, where that has a description.
    variant: str | None  #: Id of the variant, if one was applied.
    set: dict[str, Any]  #: What the variant sets, by path.
    currency: str  #: Label of all amounts.
    proof: Proof  #: How good the plan is.
    benefit: Benefit  #: What it buys.
    cost: Cost  #: What it costs.
    worth_from: tuple[BreakEvenFactor, ...] = ()  #: Where it is worth its money, as its plan says.
    under: tuple[OptionSetOutcome, ...] = ()  #: Under each set of assumptions of its scenario.
