"""The sections of a scenario file, and the rules that every plan has to keep.

Only events that no decision influences can be observed: whether an event of a hazard has started,
the regime of the preceding year, and the price state of a material.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from models import base
from models.base import (
    Base,
    BudgetYear,
    ConsumerId,
    Country,
    FunderId,
    Id,
    LocalizedText,
    MaterialId,
    MaterialsOrAll,
    NamesOrKeyword,
    PartFault,
    ProjectId,
    VariantId,
    validation_error,
)
from models.field_marks import InSection
from models.language import tr
from models.scenario import quantities
from models.scenario.hazards import Hazard, Uncertainty
from models.scenario.instruments import Instrument
from models.scenario.materials import Consumer, Conversion, Damage, Demand, Material, Supply
from models.scenario.projects import Project
from models.scenario.quantities import (
    Fraction,
    NonNegative,
    Number,
    NumberBounds,
    PositiveInteger,
    Ratio,
    Share,
    WholeNumber,
    Year,
    YearlyBounds,
    YearlyNonNegative,
    YearlyQuantity,
)
from models.scenario.user_rules import UserRule
from models.unit_names import CURRENCY_CODES, currency_code_hint


def _check_currency(code: Any) -> str:
    if code not in CURRENCY_CODES and code != base.UNREADABLE_TEXT:
        message = tr("'{value}' is not a currency code of ISO 4217", value=code)
        raise base.validation_error(message, currency_code_hint(str(code)))
    return str(code)


def _check_rate_name(name: Any) -> str:
    match = re.fullmatch(r"([A-Z]{3})_per_([A-Z]{3})", str(name))
    if name == base.UNREADABLE_TEXT:
        return str(name)
    if match is None:
        message = tr("'{value}' is not the name of an exchange rate", value=name)
        hint = tr("write {value} for the euros that a dollar costs", value="EUR_per_USD")
        raise base.validation_error(message, hint)
    for code in match.groups():
        _check_currency(code)
    return str(name)


class Units(Base):
    """Exchange rates and deflators, with which figures with a unit are converted."""

    exchange_rates: dict[Annotated[str, BeforeValidator(_check_rate_name)], Ratio] = {}
    """Rates at ``price_year``, by name: ``EUR_per_USD`` is the number of euros for one dollar."""
    deflators: dict[
        Annotated[str, BeforeValidator(_check_currency)],
        Annotated[YearlyQuantity, YearlyBounds(NumberBounds(gt=0))],
    ] = {}
    """Price index by currency, in the years that figures name and in ``price_year``."""

    @field_validator("exchange_rates")
    @classmethod
    def _check_directions(cls, rates: dict[str, Number]) -> dict[str, Number]:
        for name in rates:
            other_name = "_per_".join(reversed(name.split("_per_")))
            if other_name != name and other_name in rates:
                message = tr("'{first}' and '{second}' give the same rate", first=name,
                             second=other_name)  # fmt: skip
                raise base.validation_error(message, tr("keep one of them"), (name,))
        return rates


class Observation(Base):
    """One thing that is observed before the review: a hazard, the regime, or a price."""

    hazard: Annotated[Id, InSection("hazards")] | None = None
    """Id of a hazard, of which it is observed whether an event started before the review."""
    regime: Literal[True] | None = None  #: Whether the last regime before the review is observed.
    price: MaterialId | None = None  #: Id of a material whose price state is observed.

    @model_validator(mode="after")
    def _names_one_thing(self, info: ValidationInfo) -> Observation:
        if not base.skips_check("order", info) and len(self.model_dump(exclude_none=True)) != 1:
            message = "an observation is one of 'hazard', 'regime' and 'price'"
            raise base.validation_error(message, "write an entry for each thing that is observed")
        return self


class Review(Base):
    """The year of the review, and what is observed before it."""

    year: Annotated[Year, InSection("years")]
    """First year whose decisions may depend on what has been observed before it."""
    observe: tuple[Observation, ...]
    """Observations. States in which all of them are alike form a group; at most 8 groups."""
    in_plans: bool = True
    """Whether plans leave decisions to the review. If not, they decide everything now, and only
    ``vorrat review`` shows what the review could decide."""


class Stockpile(Base):
    """A stock of one material, from which tonnes are released in a shortage."""

    id: Id  #: Id of the stockpile.
    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    material: MaterialId  #: Id of the material.
    initial_t: NonNegative = Number(0)  #: Stock before the first period, in tonnes.
    max_t: NonNegative | None = None  #: Largest stock, in tonnes.
    max_purchase_t_per_year: YearlyNonNegative | None = None
    """Tonnes per year that can be bought without moving the price."""
    purchase_premium: NonNegative = Number(0)  #: Premium on the purchase price, as a share of it.
    storage_eur_per_t_year: NonNegative = Number(0)  #: Cost of storage in EUR per tonne and year.
    financing_rate: NonNegative = Number(0)  #: Real rate per year on the value of the stock.
    annual_loss: Fraction = Number(0)  #: Share that spoils or is lost in rotation, per year.
    max_release_t_per_period: NonNegative | None = None  #: Largest release in a period, in tonnes.
    refill_t_per_year: YearlyNonNegative | None = None
    """Largest refill of released tonnes in a year in which the market covers demand, in tonnes per
    year; by default none."""
    min_days_of_demand: YearlyNonNegative | None = None
    """Least planned stock at a year's end, in days of need served; from the first year named."""
    residual_value: Share | None = None
    """Share of the stock's value that counts at the end; by default that of the horizon."""
    paid_by: dict[FunderId, Share]  #: Share of the cost that each funder pays; adds up to 1.
    storage_paid_by: dict[FunderId, Share] | None = None  #: Same for storage; default ``paid_by``.
    financing_paid_by: dict[FunderId, Share] | None = None  #: Same for financing; same default.
    serves: Annotated[tuple[ConsumerId, ...] | None, NamesOrKeyword("all")] = None
    """Ids of consumers of the material or its products that the stock serves, or ``all``."""

    _shares_sum_to_one = base.sums_to_one("paid_by", "storage_paid_by", "financing_paid_by")

    @model_validator(mode="after")
    def _check_initial_stock(self, info: ValidationInfo) -> Stockpile:
        if base.skips_check("order", info):
            return self
        if self.max_t is not None and self.initial_t > self.max_t:
            message = f"initial_t {self.initial_t:g} is above max_t {self.max_t:g}"
            raise base.validation_error(message, path=("initial_t",))
        return self


COMMON_GROUP = "common"
"""The group of all domestic consumers; output can be reserved for it, as for a company."""


class BudgetLine(Base):
    """One line of a funder's budget, with its limits and charges."""

    KIND_FIELDS: ClassVar = (
        "total_meur",
        "by_year_meur",
        "carry_over",
        "limit_meur",
        "stock_charge",
        "premium_charge",
    )
    """Fields that mean something only once the kind is known."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    kind: Literal["commitment", "cash", "guarantee_stock"]
    """``commitment`` (charged when decided), ``cash`` (when due) or ``guarantee_stock``."""
    total_meur: NonNegative | None = None  #: Limit over the horizon in million EUR, if limited.
    by_year_meur: dict[BudgetYear, NonNegative] | None = None
    """Limit of each year, in million EUR; zero in years not named."""
    carry_over: StrictBool = False  #: Whether amounts that are left in a year may be used later.
    limit_meur: YearlyNonNegative | None = None
    """Largest amount of guarantees outstanding at a year's end, in million EUR."""
    stock_charge: NonNegative | None = None
    """Charge to the line per EUR of stockpile cost that the funder pays; by default 1."""
    premium_charge: NonNegative | None = None
    """Charge to a cash line per EUR of premium on secured output; by default 1."""

    @model_validator(mode="after")
    def _check_kind_fields(self, info: ValidationInfo) -> BudgetLine:
        if base.skips_check("order", info):
            return self
        other_fields, hint = ["limit_meur"], "write total_meur or by_year_meur"
        if is_guarantee_stock := self.kind == "guarantee_stock":
            other_fields = [name for name in self.KIND_FIELDS if name != "limit_meur"]
            hint = "it is limited by limit_meur"
        faults: list[PartFault] = []
        for name in other_fields:
            if (value := getattr(self, name)) is not None and value is not False:
                values = {"name": name, "kind": self.kind}
                message = "{name} means nothing for a line of kind {kind}".format(**values)
                faults.append(((name, "[key]"), message, hint))
        if faults:
            raise base.combined_error(faults)
        if is_guarantee_stock and self.limit_meur is None:
            message = "'limit_meur' is missing for a line of kind guarantee_stock"
            raise validation_error(message, "write what may be outstanding at most")
        if self.carry_over and self.by_year_meur is None:
            raise validation_error(
                "carry_over needs by_year_meur", "name the years", ("carry_over",)
            )
        return self


class Funder(Base):
    """A funder: the state, a company, or another investor."""

    kind: Literal["public", "company", "private"]
    """``public``, ``company`` (reserves output for its own consumers) or ``private``."""
    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    budget_meur: NonNegative | None = None  #: Budget over the horizon in million EUR, if limited.
    budget_by_year_meur: dict[BudgetYear, NonNegative] | None = None
    """Budget of each year in million EUR; zero in years not named."""
    carry_over: StrictBool = False  #: Whether budget that is left in a year may be spent later.
    premium_charge: NonNegative = Number(1)
    """Budget used per EUR of premium on secured output that the funder pays."""
    budget_lines: dict[Id, BudgetLine] = {}
    """Lines of the funder's budget, by id; all lines apply."""
    instruments: dict[Id, Instrument] = {}
    """Instruments, by id, for example ``equity`` or ``guarantee``."""


ALLOWED_PERIODS = (1, 2, 4, 12)


class Horizon(Base):
    """The planning horizon and its discount rate."""

    first_year: Year  #: First calendar year.
    last_year: Year  #: Last calendar year.
    periods_per_year: PositiveInteger = Number(1)  #: Number of periods in a year: 1, 2, 4 or 12.
    discount_rate: NonNegative = Number(0)
    """Real discount rate per year on costs and damage, as a fraction of one."""
    residual_value: Share = Number(0)  #: Default share of asset value that counts at the end.

    @field_validator("periods_per_year")
    @classmethod
    def _check_periods(cls, periods: Number) -> Number:
        if not math.isnan(periods) and float(periods) not in ALLOWED_PERIODS:
            message = f"periods_per_year is {periods:g}"
            raise base.validation_error(message, "write 1, 2, 4 or 12")
        return periods

    @model_validator(mode="after")
    def _check_year_order(self, info: ValidationInfo) -> Horizon:
        if base.skips_check("order", info) or not quantities.are_readable(
            self.first_year, self.last_year
        ):
            return self
        if self.last_year < self.first_year:
            values = {"last": self.last_year, "first": self.first_year}
            message = "last_year {last} lies before first_year {first}".format(**values)
            raise base.validation_error(message, path=("last_year",))
        if self.last_year - self.first_year >= 200:
            raise base.validation_error("a horizon of 200 years or more", path=("last_year",))
        return self

    @property
    def years(self) -> range:
        """The calendar years of the horizon, from the first to the last."""
        return range(self.first_year, self.last_year + 1)


class StateAid(Base):
    """Limit on the grant equivalents of public support for one project.

    If both fields are given, the lower limit binds.
    """

    max_intensity: Share | None = None  #: Largest grant equivalent, as a share of project capex.
    max_meur: NonNegative | None = None  #: Largest grant equivalent, in million EUR.


class CountryLimit(Base):
    """Limit on the share of need that may be supplied by a single country."""

    limit: Share  #: Largest share of a year's need for a material that one country may meet.
    from_year: Year | None = None  #: First year of the limit; by default the first of the horizon.
    materials: MaterialsOrAll = None  #: Ids of the materials under the limit, or ``all``.
    except_: tuple[Country, ...] = Field(default=(), alias="except")
    """Countries to which the limit does not apply, usually the home countries."""


class Policy(Base):
    """Rules that every plan must satisfy; an absent field sets no limit."""

    budget_meur: NonNegative | None = None  #: Budget of all public funders, in million EUR.
    max_public_share: Share | None = None  #: Largest share of capex from public funders.
    state_aid: StateAid | None = None  #: Limit on grant equivalents, per project.
    max_country_share: CountryLimit | None = None
    """Limit on the share of need that is met from one country."""
    max_projects: WholeNumber | None = None  #: Largest number of projects that may be built.
    max_starts_by_year: dict[BudgetYear, WholeNumber] = {}
    """Largest number of projects that may start in a year; unlimited in years not named."""
    contingency: Share | None = None
    """Probability with which budgets cover the cost of projects; by default they cover the mean."""
    must_build: tuple[ProjectId, ...] = ()  #: Ids of projects that must be built.
    must_not_build: tuple[ProjectId, ...] = ()  #: Ids of projects that must not be built.
    rules: dict[Id, UserRule] = {}
    """Rules of the user's own, by id: limits on sums of projects, money, output and stocks."""


class Cvar(Base):
    """Level of the CVaR (conditional value at risk), and its weight in the objective."""

    level: Fraction = Number(0.95)  #: Level; 0.95 takes the mean of the worst 5 % of states.
    weight: Share = Number(0)  #: Weight of the CVaR, from 0 to 1; expected damage has the rest.


class Ambiguity(Base):
    """Distributions within a distance of the stated one; the least favorable one counts."""

    kind: Literal["total_variation", "modified_chi_square"]
    """Distance: ``total_variation`` is half the sum of all differences, ``modified_chi_square`` the
    root of the mean square of relative differences."""
    radius: NonNegative
    """Largest distance of the least favorable probabilities from the stated ones."""


class Assumptions(Base):
    """An assumption set: a named patch of figures on the scenario file."""

    title: LocalizedText | None = None  #: Title shown in reports; by default the id.
    weight: Share  #: Weight of this assumption set; all weights add up to 1.
    set: dict[StrictStr, Any] = {}
    """Dotted paths and their figures; empty if the set changes nothing."""


class Objective(Base):
    """The objective of a plan: damage measure, weights, and the treatment of assumption sets."""

    measure: Literal["damage", "tonnes", "share_of_demand"] = "damage"
    """What is minimized: ``damage`` (million EUR), missing ``tonnes`` or ``share_of_demand``."""
    cost_weight: NonNegative = Number(0.001)
    """Weight of net cost; 1 weighs it like damage, 0.001 only avoids spending without effect."""
    cvar: Cvar = Cvar()  #: Weight on the worst states.
    ambiguity: Ambiguity | None = None
    """Set of distributions whose worst mean counts; by default only the stated probabilities."""
    allocation: Literal["pooled", "entitled"] = "pooled"
    """``pooled``: each tonne goes where it avoids most damage; ``entitled``: to its owner."""
    over_assumptions: Literal["mean", "worst", "regret"] | None = None
    """Risk measure over the objectives of all assumption sets: the weighted ``mean``, the
    ``worst``, or the largest ``regret`` (excess over the best plan for a set). By default, the
    plan is made for the file without assumption sets."""


class Source(Base):
    """One entry of the bibliography of a scenario file."""

    text: LocalizedText  #: Publisher, title and year of the source, or reasons for an assumption.
    kind: Literal["read", "reported", "assumption"]
    """Whether the source was read, is cited from another report, or is an assumption."""
    url: StrictStr | None = None  #: Web address of the source.


class Variant(Base):
    """A named patch on the scenario file: a funding option."""

    title: LocalizedText | None = None  #: Title shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    set: dict[StrictStr, Any] = {}  #: Dotted paths and their values.


class Sections(Base):
    """The content of one scenario file, whose references between sections are not checked."""

    __repr__ = __str__ = base.short_repr

    schema_version: Literal[1] = 1  #: Version of the format.
    title: LocalizedText | None = None  #: Title shown in reports.
    description: LocalizedText | None = None  #: Free text.
    sources: dict[Id, Source] = {}  #: Bibliography, by id.
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO 4217 code of all amounts, only a label; field names keep ``eur``."""
    price_year: Year | None = None  #: Year whose prices all amounts are in.
    units: Units | None = None  #: Exchange rates and deflators for figures with a unit.
    horizon: Horizon  #: Years of the plan and the discount rate.
    home: tuple[Country, ...] = ()  #: Countries whose deliveries are no imports; for reports.
    materials: dict[Id, Material]  #: Materials, by id.
    consumers: dict[Id, Consumer] = {}  #: Sectors and companies that need the materials, by id.
    demand: tuple[Demand, ...] = ()  #: Demand of consumers for materials.
    damage: tuple[Damage, ...] = ()  #: Damage per tonne of shortage.
    supply: tuple[Supply, ...] = ()  #: Today's imports and domestic output.
    conversions: dict[Id, Conversion] = {}
    """Plants that run today and make one material from others, by id."""
    projects: dict[Id, Project] = {}  #: Candidate projects, by id.
    funders: dict[Id, Funder] = {}  #: Funders and their instruments, by id.
    stockpiles: tuple[Stockpile, ...] = ()  #: Stockpiles.
    hazards: dict[Id, Hazard] = {}  #: Causes of supply loss, by id.
    uncertainty: Uncertainty | None = None
    """States of the world; if not given, a single state without events."""
    policy: Policy = Policy()  #: Rules that every plan must satisfy.
    objective: Objective = Objective()  #: Objective of a plan.
    review: Review | None = None  #: Later date of decisions; by default everything is decided now.
    assumptions: dict[Id, Assumptions] = {}  #: Assumption sets of experts, by id.
    variants: dict[Id, Variant] = {}  #: Funding options to compare, by id.
    counterfactual: VariantId | None = None
    """Variant that plans are compared with; if not given, the best plan without public money."""

    @property
    def planned_review(self) -> Review | None:
        """The review on which plans depend; None if everything is decided now."""
        return self.review if self.review is not None and self.review.in_plans else None

    _weights_sum_to_one = base.sums_to_one(
        "assumptions", description="the weight of all sets", share_field="weight", allow_empty=True
    )
