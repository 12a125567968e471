"""One option of a comparison: its benefit, cost and proof."""

from typing import Any, Literal

from models.results.base import InMeasureUnit, MeasuredResult, Result, UnboundedShare
from models.results.plan import BreakEvenFactor, BudgetClass, CrmaShare, Proof


class BilingualName(Result):
    """A name in both languages; if only one is given, it is used for both."""

    en: str  #: English name.
    de: str  #: German name; equal to the English one if only one is given.


class DamageReduction(Result):
    """One figure of damage (mean, CVaR or worst) with the plan, without it, and the difference."""

    with_plan: InMeasureUnit  #: Damage with the plan.
    without_plan: InMeasureUnit  #: Damage without any plan.
    avoided: InMeasureUnit  #: Damage without any plan minus damage with the plan.
    share: UnboundedShare | None
    """``avoided`` as a share of the damage without any plan; null if that is 0."""


class QuantileRange(Result):
    """The range from the 5 % quantile to the 95 % quantile over the states."""

    low: float  #: 5 % quantile.
    high: float  #: 95 % quantile.


class StockCover(Result):
    """Planned stock at the end of the reference year, in days of that year's need.

    The figure for all materials is a mean weighted by the value of need: tonnes needed times
    ``price_eur_per_t``, both in the reference year. A cover of 10 days means that the stocks have
    the value of 10 days of need. A large stock of one material can conceal that there is no stock
    of another one.
    """

    year: int  #: Reference year.
    days: float | None
    """Days of need covered by planned stock at the end of the year: the weighted mean over all
    materials. Null if unknown."""
    by_material: dict[str, float | None]
    """Days of need covered for each material; null without need."""


class SupplyConcentration(Result):
    """How much the supply of a material depends on few countries.

    For all materials together, figures are means weighted by the value of need.
    """

    largest_country: str | None
    """Country with the largest share of supply; null without supply, and for all materials
    together."""
    largest_share: UnboundedShare
    """Share of this country. For all materials together: the weighted mean of the largest
    shares."""
    third_country: str | None
    """Largest supplier outside the EU and [``home``](scenario-format.md#the-head-of-the-file); null
    without such a supplier, and for all materials together."""
    third_share: UnboundedShare
    """Share of this third country, or 0; Regulation (EU) 2024/1252 sets a limit of 65 %."""
    hhi: float  #: Herfindahl-Hirschman index of countries, from 0 to 10,000.
    imports: UnboundedShare | None
    """Share of supply from outside ``home``; null if the file names no ``home``."""


class MaterialDependence(Result):
    """How much one material depends on few countries in the reference year."""

    material: str  #: Id of the material.
    weight: UnboundedShare | None
    """Share of this material in the value of all need; null without prices."""
    with_plan: SupplyConcentration  #: Concentration of supply with the plan.
    without_plan: SupplyConcentration  #: Concentration of supply without any plan.


class Dependence(Result):
    """How much supply depends on few countries in the reference year.

    Supply is on time and without any event, as in a [supply mix](#supply-mix). Figures for all
    materials are means over the materials with need and supply, weighted by the value of need as in
    [stock cover](#stock-cover).
    """

    year: int  #: Reference year.
    with_plan: SupplyConcentration | None
    """Mean over all materials, weighted by the value of need, with the plan; null without
    prices."""
    without_plan: SupplyConcentration | None  #: The same mean without any plan.
    above_limit: tuple[str, ...]
    """Materials of which one third country supplies more than 65 %, with the plan."""
    above_limit_without_plan: tuple[str, ...]  #: Such materials without any plan.
    worst_material: str | None
    """Material with the largest share of a third country, with the plan; null without such a
    share."""
    materials: tuple[MaterialDependence, ...]
    """Concentration of each material with need and supply."""


class FirstDelivery(Result):
    """The year in which projects first deliver to domestic consumers.

    Possible failures and purchases for stockpiles are ignored.
    """

    year: int  #: First year with reserved output without delay; may be after the horizon.
    expected_year: float | None
    """Earliest expected year of first output of a project, over its possible delays."""
    project: str  #: Id of the project that delivers first without delay.


class Benefit(MeasuredResult):
    """The benefits of an option: less damage, stock cover, less dependence and early delivery."""

    expected: DamageReduction  #: Mean damage over the states.
    cvar: DamageReduction  #: Mean damage of the worst states.
    worst: DamageReduction
    """Damage of the worst state with the plan, and of the worst state without it."""
    avoided_range: QuantileRange | None
    """Range of the damage that the plan avoids in a state; null without a distribution."""
    left_range: QuantileRange | None
    """Range of the damage with the plan; null without a distribution."""
    cover: StockCover  #: Days of need covered by stock.
    dependence: Dependence  #: Dependence of supply on few countries.
    crma: tuple[CrmaShare, ...]  #: Shares with a benchmark in the Critical Raw Materials Act.
    first_tonne: FirstDelivery | None
    """First delivery of all projects; null if no project delivers."""
    first_tonne_by_material: dict[str, FirstDelivery]
    """First delivery of each material that projects deliver."""


class MoneyTotals(Result):
    """Sums of money over positions of the plan: of some funders, some budget classes, or all."""

    committed_meur: float
    """Amount committed in total, including guaranteed amounts and the maximum exposure of price
    floors."""
    paid_meur: float  #: Payments over all years, undiscounted, including guaranteed loans.
    paid_by_year_meur: dict[str, float]  #: These payments by year.
    paid_present_meur: float | None
    """These payments discounted like net cost; null if the plan does not contain its discount
    rate."""
    returned_present_meur: float | None  #: Expected returns, discounted; null if unknown.
    returned_by_year_meur: dict[str, float]
    """Expected returns in each year, as far as the terms in the file state their time."""
    returned_known_for_meur: float
    """Committed amount of the positions whose terms state the time of returns."""
    outstanding_by_year_meur: dict[str, float]  #: Amount at risk at the end of each year.
    peak_meur: float  #: Largest amount at risk at the end of a year.
    peak_year: int | None  #: First year with this largest amount; null if nothing is at risk.
    expected_loss_meur: float | None
    """Sum of the known expected losses, undiscounted. Null if no position at risk has a known
    expected loss."""
    expected_loss_known_for_meur: float
    """Maximum loss of the positions with a known expected loss."""
    maximum_loss_meur: float  #: Largest possible loss, without money that is spent in any case.
    cost_meur: float  #: Net cost, discounted: payments minus expected returns and residual value.
    residual_meur: float = 0.0  #: Residual value at the end of the horizon, discounted.


class FunderMoney(Result):
    """Sums of money of one funder in one budget class."""

    funder: str  #: Id of the funder.
    kind: Literal["public", "company", "private"]  #: Kind of the funder.
    federal: bool  #: Whether the funder counts as federal.
    budget_class: BudgetClass | None  #: Budget class; null if the file names no class.
    sums: MoneyTotals  #: Sums over the positions of this funder in this class.


class BudgetUse(Result):
    """The use of one budget, and whether it is exhausted."""

    funder: str | None
    """Id of the funder; null for ``policy.budget_meur``, the joint budget of all public funders."""
    line: str  #: Id of the line; ``budget`` for the whole budget of the funder.
    name: str  #: Name of the line.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """Kind of the line; ``budget`` for a whole budget."""
    used_meur: float
    """Amount charged over all years; for guarantee stock, the largest amount at the end of a
    year."""
    granted_meur: float | None
    """Amount available over all years, or the limit of a guarantee stock; null without a limit."""
    used_up: bool
    """Whether less than a thousandth of the amount remains; for guarantee stock, in any year."""
    full_years: tuple[int, ...]
    """Years with a positive amount of which less than a thousandth remains."""


class Leverage(Result):
    """Other money per euro of public money and per euro of federal money, undiscounted.

    ``--federal`` names the federal funders; without it, all public funders are federal.

    Example: Vulcan's financing of December 2025 amounts to 2,193 million EUR.

    - Federal money is 354 million (Rohstofffonds and German grants). Other money per federal euro:
      (2,193 - 354) / 354 = 5.2.
    - Money backed by a state in some way is 1,400 million. Private euros per public euro: (2,193 -
      1,400) / 1,400 = 0.57.
    """

    public_meur: float
    """Payments of public funders and guaranteed loans: all money backed by the state."""
    private_meur: float  #: Payments of company and private funders, lenders and investors.
    private_per_public: float | None
    """``private_meur`` / ``public_meur``; null without public money."""
    federal_meur: float  #: Payments of federal funders, without loans that they guarantee.
    other_meur: float  #: Payments of all others.
    other_per_federal: float | None
    """``other_meur`` / ``federal_meur``; null without federal money."""


class AvoidedPerEuro(Result):
    """Damage avoided per euro of money, both as present values.

    All damage that the plan avoids is divided by public money alone, although other money
    contributes to the plan. ``avoided_per_extra_public_euro`` of an [option
    difference](#option-difference) states the effect of additional public money.
    """

    meur: float  #: Money by which the avoided damage is divided, in million EUR.
    expected: float | None  #: Expected damage avoided per euro; null without such money.
    range: QuantileRange | None  #: Range of the damage avoided per euro over the states.


class Cost(Result):
    """The costs of an option: money by funder and class, budgets and leverage."""

    public: MoneyTotals  #: Sums over all public funders.
    private: MoneyTotals  #: Sums over all company and private funders.
    market_meur: float  #: Payments of lenders and investors without any guarantee, undiscounted.
    windfall_meur: float = 0.0
    """Windfall: money of all funders for output that domestic consumers would receive anyway."""
    by_class: dict[str, MoneyTotals]
    """Public money by budget class; ``none`` for money without a class."""
    by_funder: dict[str, MoneyTotals]  #: Money of each funder.
    parts: tuple[FunderMoney, ...]
    """Money by funder and budget class; adds up to public and private money."""
    charged_by_year_meur: dict[str, dict[str, float]]
    """Amount charged to the budget of each funder in each year."""
    public_charged_meur: float  #: Amount charged to budgets of public funders, over all years.
    budgets: tuple[BudgetUse, ...]  #: Use of each budget and budget line.
    leverage: Leverage  #: Leverage in projects.
    leverage_with_stocks: Leverage  #: Leverage in projects, premiums and stockpiles.
    avoided_per_public_euro: AvoidedPerEuro | None
    """Damage avoided per euro paid by public funders. Null if damage is not money, or if the plan
    does not contain its scenario."""
    avoided_per_net_euro: AvoidedPerEuro | None
    """Damage avoided per euro of public money that is not expected to be returned; null if damage
    is not money."""


class OptionSetOutcome(Result):
    """The outcome of an option under one assumption set."""

    id: str  #: Id of the set.
    title: BilingualName  #: Title of the set.
    expected: InMeasureUnit  #: Expected damage under the set, with the plan.
    expected_without_plan: InMeasureUnit  #: Expected damage under the set, without any plan.


class Option(Result):
    """A plan as one option among several."""

    label: str  #: Short name, which no other option has.
    title: BilingualName  #: Title of its variant, or of its scenario.
    description: BilingualName | None = None  #: Description of the variant; null without one.
    variant: str | None  #: Id of the applied variant; null without one.
    set: dict[str, Any]  #: Values that the variant sets, by path.
    currency: str  #: Currency of all amounts.
    proof: Proof  #: Proven quality of the plan.
    benefit: Benefit  #: Benefits of the plan.
    cost: Cost  #: Costs of the plan.
    worth_from: tuple[BreakEvenFactor, ...] = ()
    """Factors from which the plan breaks even, as stated in the plan."""
    under: tuple[OptionSetOutcome, ...] = ()
    """Outcome under each assumption set of the option's scenario."""
