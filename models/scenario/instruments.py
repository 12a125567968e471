"""Instruments by which a funder takes part in projects: their terms, fields and kinds.

Ages are whole years from the payment. Rates and shares are fractions of one.

A class of :data:`INSTRUMENT_TYPES` declares all that differs by kind, except the payments over the
years of a project (``optimizer/model/instance/cash_flows.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import ValidationInfo, model_validator

from models import base
from models.base import (
    Base,
    CountriesOrAny,
    Id,
    LocalizedText,
    MaterialId,
    MaterialsOrAny,
    NamesOrAny,
    PartFault,
)
from models.scenario.projects import Project
from models.scenario.quantities import (
    NonNegative,
    Number,
    NumberBounds,
    Share,
    WholeNumber,
    YearlyNonNegative,
)

BudgetClass = Literal["financial_transaction", "grant", "guarantee", "loan", "private"]


@dataclass(frozen=True)
class InstrumentTerms:
    """Terms of an instrument, per EUR that is committed."""

    budget_class: BudgetClass | None  # booking in the budget; None if unknown
    recovery: float  # expected present value of returns at the time of the payment
    expected_loss: float | None  # PD * LGD; None without a failure probability
    maximum_loss: float  # 1 if the instrument carries capex, else 0
    term_years: int | None  # None if unlimited or unknown
    expected_returns: tuple[float, ...]
    """Expected undiscounted returns at each age: interest and repayment, the sale of a stake, or
    guarantee fees. Empty if their time is unknown."""
    outstanding_schedule: tuple[float, ...]
    """Share outstanding at the end of each age; empty without a term."""

    def outstanding(self, age: int) -> float:
        """Return the share that is outstanding at the end of the year of this age: 0 before the
        payment; without a term, 1 from the payment on."""
        if age < 0:
            return 0.0
        if not self.outstanding_schedule:
            return 1.0
        return self.outstanding_schedule[age] if age < len(self.outstanding_schedule) else 0.0

    def is_in_force(self, age: int) -> bool:
        """Return whether the instrument is in force at the end of the year of this age."""
        return age >= 0 and (self.term_years is None or age < self.term_years)


def outstanding_by_age(term: int, grace: int) -> tuple[float, ...]:
    """Return the share of a loan that is outstanding at the end of each age from 0 to ``term``. The
    loan is repaid in equal parts at ages ``grace`` + 1 to ``term``, or in one amount at the end if
    ``grace`` is at least ``term``."""
    if grace >= term:
        return (*(1.0 for _ in range(term)), 0.0)
    return tuple(min(1.0, (term - age) / (term - grace)) for age in range(term + 1))


def interest_by_age(outstanding: Sequence[float], interest_rate: float) -> tuple[float, ...]:
    """Return the interest paid at each age, per EUR of the loan. It is due on the share that was
    outstanding a year before."""
    return (0.0, *(interest_rate * share for share in outstanding[:-1]))


def present_value(cash_flows: Sequence[float], discount_rate: float) -> float:
    """Return the present value, at age 0, of cash flows at ages 0, 1, ..."""
    return math.fsum(flow / (1 + discount_rate) ** age for age, flow in enumerate(cash_flows))


InstrumentKind = Literal[
    "equity", "loan", "subordinated_loan", "guarantee", "grant", "interest_subsidy", "price_floor"
]


class Eligible(Base):
    """Conditions on projects in which an instrument may take part; all of them must hold."""

    countries: CountriesOrAny = None  #: Codes of countries in which projects qualify, or ``any``.
    materials: MaterialsOrAny = None
    """Ids of materials of which a project delivers at least one, or ``any``."""
    tags: NamesOrAny = None  #: Tags of which a project must have at least one, or ``any``.


class InstrumentFields(Base):
    """Fields of an instrument of any kind; some fields apply to some kinds only."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    kind: InstrumentKind | None = None  #: Kind of instrument; by default a plain share of capex.
    max_share: Share = Number(1)  #: Largest share of capex, or of output for a price floor.
    ticket_min_meur: NonNegative = Number(0)  #: Smallest amount in million EUR, if not zero.
    ticket_max_meur: NonNegative | None = None  #: Largest amount in million EUR.
    offtake_per_share: NonNegative = Number(0)
    """Share of output reserved for domestic consumers per share of capex (or output) financed."""
    budget_charge: NonNegative = Number(1)  #: Budget used per EUR paid (guarantee: provision).
    charges: dict[Id, NonNegative] = {}  #: Charge to each budget line of the funder per EUR, by id.
    recovery: NonNegative | None = None
    """Expected present value that comes back per EUR committed; by default from the terms."""
    budget_class: BudgetClass | None = None  #: Class in the budget; by default that of its kind.
    grant_equivalent: Share = Number(0)  #: Share of a commitment that counts as state aid.
    eligible: Eligible = Eligible()  #: Projects that qualify.
    term_years: Annotated[Number, NumberBounds(gt=0, whole=True)] | None = None
    """Years until it ends: a loan from payment, a guarantee from the decision, a price floor from
    the first output; for equity the year of exit."""
    grace_years: WholeNumber = Number(0)  #: Years before repayment (in equal yearly parts) begins.
    interest_rate: NonNegative | None = None
    """Real interest rate per year: received on a loan, or paid as a subsidy."""
    expected_return: NonNegative | None = None  #: Real growth of a stake per year until its exit.
    fee_per_year: NonNegative | None = None
    """Fee on the amount guaranteed, per year, in real terms."""
    failure_probability: Share | None = None
    """Probability of default, call or write-off over the whole life."""
    loss_given_failure: Share = Number(1)  #: Share lost on default, call or write-off.
    market_finance_per_share: NonNegative = Number(0)
    """Share of capex that lenders add per share that the instrument covers."""
    floor_eur_per_t: dict[MaterialId, YearlyNonNegative] | None = None
    """Price below which the funder pays the difference, in EUR per tonne, by material."""
    upside_share: Share = Number(0)  #: Share of higher prices that the funder receives.
    upside_from_eur_per_t: dict[MaterialId, YearlyNonNegative] | None = None
    """Price above which the funder gets a share, in EUR per tonne; by default the floor."""

    def accepts_project(self, project: Project) -> bool:
        """Return whether a project meets all conditions of ``eligible``.

        A price floor also needs a project that delivers a material of its floor.
        """
        eligible = self.eligible
        delivered_materials = {
            name for name, tonnes in project.output_t_per_year.items() if tonnes > 0
        }
        conditions = (
            (eligible.countries, {project.country}),
            (eligible.materials, delivered_materials),
            (eligible.tags, set(project.tags)),
            (self.floor_eur_per_t, delivered_materials),
        )
        return all(
            accepted_values is None or not project_values.isdisjoint(accepted_values)
            for accepted_values, project_values in conditions
        )

    def is_set(self, name: str) -> bool:
        """Return whether a field differs from its default."""
        return bool(getattr(self, name) != InstrumentFields.model_fields[name].default)


_AT_RISK_TERMS = ("failure_probability", "loss_given_failure")
_LOAN_TERMS = ("term_years", "grace_years", "interest_rate")
_TICKETS = ("ticket_min_meur", "ticket_max_meur")


class InstrumentType:
    """Kind of an instrument: its terms, and the figures per EUR that follow from them.

    This base class is also used for instruments without a kind, which are plain shares of capex.
    """

    kind: ClassVar[InstrumentKind | None] = None
    terms: ClassVar[tuple[str, ...]] = _AT_RISK_TERMS
    """Fields of :class:`Instrument` that only some kinds have, and this kind has."""
    required_terms: ClassVar[tuple[str, ...]] = ()
    usual_budget_class: ClassVar[BudgetClass | None] = None
    """Budget class of a public instrument if the file states none."""
    carries_capex: ClassVar = True
    """Whether the instrument carries capex; otherwise it lets the market finance a larger share."""
    follows_capex: ClassVar = True  #: Whether payments grow with overruns of capex.
    has_tickets: ClassVar = True  #: Whether the amount can be limited by tickets.
    is_guarantee: ClassVar = False  #: Whether amounts are charged to lines of guarantee stock.
    is_repaid_in_parts: ClassVar = False  #: Whether the outstanding amount falls after the grace.
    subsidizes_loans: ClassVar = False  #: Whether the funder pays interest on loans of the market.

    def __init__(self, instrument: InstrumentFields) -> None:
        self.instrument = instrument

    @classmethod
    def defines(cls, name: str) -> bool:
        """Return whether a term is defined for instruments of this kind."""
        return cls.has_tickets if name in _TICKETS else name in cls.terms

    def undefined_terms(self) -> Iterator[PartFault]:
        """Yield a fault for each term that is set but not defined for this kind of instrument."""
        for name in (*_KIND_FIELDS, *_TICKETS):
            if self.defines(name) or not self.instrument.is_set(name):
                continue
            kind_names = ", ".join(
                kind for kind, other in INSTRUMENT_TYPES.items() if kind and other.defines(name)
            )
            values = {"name": name, "kind": self.kind}
            message = "{name} means nothing for an instrument of kind {kind}".format(**values)
            hint = f"it is for {kind_names}"
            if name in _TICKETS:
                hint = "limit it by max_share"
            if not self.kind:
                message = f"{name} means nothing for an instrument of no kind"
                hint = f"add a kind: {kind_names}"
            yield (name, "[key]"), message, hint

    def term_faults(self) -> Iterator[PartFault]:
        """Yield a fault for each term that is missing or contradicts another one."""
        instrument, term = self.instrument, self.instrument.term_years
        for name in self.required_terms:
            if getattr(instrument, name) in (None, {}):
                values = {"name": name, "kind": self.kind}
                message = "'{name}' is missing for an instrument of kind {kind}".format(**values)
                hint = "write {material: EUR per tonne}" if name == "floor_eur_per_t" else ""
                yield (), message, hint
        if term is None and "term_years" not in self.required_terms:
            for name in ("interest_rate", "expected_return", "grace_years"):
                if self.defines(name) and instrument.is_set(name):
                    yield (name,), f"{name} needs term_years", "say when it ends"
        is_missing = instrument.failure_probability is None and self.defines("failure_probability")
        if is_missing and instrument.is_set("loss_given_failure"):
            message = "loss_given_failure needs failure_probability"
            yield ("loss_given_failure",), message, _failure_probability_hint()
        if term is not None and instrument.grace_years > term:
            values = {"grace": f"{instrument.grace_years:g}", "term": f"{term:g}"}
            message = "grace_years {grace} is above term_years {term}".format(**values)
            yield ("grace_years",), message, "equal to it, all is repaid at the end"

    def warnings(
        self, id: str, cash_lines: Sequence[str], projects: Mapping[str, Project], years: range
    ) -> Iterator[PartFault]:
        """Yield a warning for each term that is valid but probably a mistake.

        ``id`` is that of the instrument, ``cash_lines`` are the ids of the funder's budget lines of
        cash, ``projects`` those that the instrument may finance, ``years`` those of the horizon.
        """
        if not self.carries_capex and not (
            self.instrument.market_finance_per_share or self.instrument.offtake_per_share
        ):
            message = f"the instrument '{id}' brings neither finance nor offtake"
            yield (), message, "give market_finance_per_share or offtake_per_share"

    def default_charge(self, line_kind: str) -> float:
        """Return the charge per EUR to a line of kind ``line_kind`` if the file states none."""
        if line_kind == "cash":
            return float(self.instrument.budget_charge)
        stated_class = self.instrument.budget_class if self.kind is None else None
        is_guarantee = self.is_guarantee or stated_class == "guarantee"
        return 1.0 if line_kind == "commitment" or is_guarantee else 0.0

    def compute_terms(self, funder_kind: str, discount_rate: float) -> InstrumentTerms:
        """Return the terms per EUR that a funder of kind ``funder_kind`` commits.

        Present values are computed with ``discount_rate`` per year.
        """
        instrument = self.instrument
        budget_class, term = instrument.budget_class, instrument.term_years
        if budget_class is None:
            budget_class = self.usual_budget_class if funder_kind == "public" else "private"
        schedule = () if term is None else self.outstanding_schedule(int(term))
        failure_probability, loss = instrument.failure_probability, None
        if failure_probability is not None:
            loss = float(failure_probability) * float(instrument.loss_given_failure)
        returns = self.expected_returns(schedule, loss or 0.0)
        returns_value = present_value(returns, discount_rate)
        recovery = self.uncalled_share(loss or 0.0, discount_rate) + returns_value
        if instrument.recovery is not None:
            recovery = float(instrument.recovery)
            if returns_value > 0 and not self.is_guarantee:  # fees do not depend on the recovery
                returns = tuple(flow * recovery / returns_value for flow in returns)
        return InstrumentTerms(
            budget_class=budget_class,
            recovery=recovery,
            expected_loss=loss,
            maximum_loss=1.0 if self.carries_capex else 0.0,
            term_years=None if term is None else int(term),
            expected_returns=returns,
            outstanding_schedule=schedule,
        )

    def outstanding_schedule(self, term: int) -> tuple[float, ...]:
        """Return the share outstanding at the end of each age up to the term."""
        grace = int(self.instrument.grace_years) if self.is_repaid_in_parts else term
        return outstanding_by_age(term, grace)

    def expected_returns(self, schedule: tuple[float, ...], loss: float) -> tuple[float, ...]:
        """Return the expected returns per EUR at each age, ignoring a stated ``recovery``; empty if
        their time is unknown. ``loss`` is the expected loss per EUR."""
        return ()

    def uncalled_share(self, loss: float, discount_rate: float) -> float:
        """Return the expected share that is never paid; ``loss`` is the expected loss per EUR."""
        return 0.0


def _failure_probability_hint() -> str:
    return "write failure_probability: 0 if it cannot fail"


class Equity(InstrumentType):
    """A stake in a project, which is sold at the exit."""

    kind = "equity"
    terms = ("term_years", "expected_return", *_AT_RISK_TERMS)
    usual_budget_class = "financial_transaction"

    def term_faults(self) -> Iterator[PartFault]:
        """Yield the faults of all kinds, and that of an exit without a stated return."""
        yield from super().term_faults()
        instrument = self.instrument
        has_return = instrument.recovery is not None or instrument.expected_return is not None
        if instrument.term_years is not None and not has_return:
            hint = "or recovery, so that it is known what comes back at the exit"
            yield ("term_years",), "term_years needs expected_return", hint

    def expected_returns(self, schedule: tuple[float, ...], loss: float) -> tuple[float, ...]:
        """Return the proceeds of the sale at the exit, per EUR by age; empty without an exit."""
        if not schedule:
            return ()
        # A recovery stated in the file only needs the timing: returns are scaled to it afterwards.
        retained_share = 1 - loss if self.instrument.recovery is None else 1.0
        term = len(schedule) - 1
        final_return = retained_share * (1 + float(self.instrument.expected_return or 0)) ** term
        return (*(0.0 for _ in range(term)), final_return)


class Loan(InstrumentType):
    """A loan that is repaid in equal parts after its grace years."""

    kind: ClassVar[InstrumentKind | None] = "loan"
    terms = (*_LOAN_TERMS, *_AT_RISK_TERMS)
    usual_budget_class = "loan"
    is_repaid_in_parts = True

    def expected_returns(self, schedule: tuple[float, ...], loss: float) -> tuple[float, ...]:
        """Return expected interest and repayments per EUR by age; empty without a term."""
        if not schedule:
            return ()
        interest = interest_by_age(schedule, float(self.instrument.interest_rate or 0))
        repayments = (
            0.0,
            *(earlier_share - later_share for earlier_share, later_share in pairwise(schedule)),
        )
        return tuple(
            (1 - loss) * (interest_part + repayment)
            for interest_part, repayment in zip(interest, repayments, strict=True)
        )


class SubordinatedLoan(Loan):
    """A loan that ranks below other loans; it has the terms and the cash flows of a loan."""

    kind = "subordinated_loan"


class Guarantee(InstrumentType):
    """A guarantee of a bank loan, for a fee."""

    kind = "guarantee"
    terms = ("term_years", "grace_years", "fee_per_year", *_AT_RISK_TERMS)
    usual_budget_class = "guarantee"
    is_guarantee = True
    is_repaid_in_parts = True

    def term_faults(self) -> Iterator[PartFault]:
        """Yield the faults of all kinds, and that of a fee without a known loss."""
        yield from super().term_faults()
        instrument = self.instrument
        is_unknown = instrument.failure_probability is None and instrument.recovery is None
        if is_unknown and instrument.fee_per_year is not None:
            message = "fee_per_year needs failure_probability or recovery"
            yield ("fee_per_year",), message, _failure_probability_hint()

    def warnings(
        self, id: str, cash_lines: Sequence[str], projects: Mapping[str, Project], years: range
    ) -> Iterator[PartFault]:
        """Yield warnings of a guarantee that is counted as if its amount were paid out."""
        if self.instrument.recovery is None and self.instrument.failure_probability is None:
            message = f"net cost counts all of the guarantee '{id}' as lost"
            yield (), message, "give failure_probability or recovery"
        for key in cash_lines:
            if key not in self.instrument.charges and float(self.instrument.budget_charge) == 1:
                message = f"the guarantee '{id}' uses the cash line '{key}' like money paid out"
                hint = f"write its provision, such as charges: {{{key}: 0.1}}, or budget_charge"
                yield (), message, hint

    def expected_returns(self, schedule: tuple[float, ...], loss: float) -> tuple[float, ...]:
        """Return the fees per EUR by age; without a term one fee at age 0, without a fee none."""
        if self.instrument.fee_per_year is None:
            return ()
        fee = float(self.instrument.fee_per_year)
        return interest_by_age(schedule, fee) if schedule else (fee,)

    def uncalled_share(self, loss: float, discount_rate: float) -> float:
        """Return 1 minus the present value of expected calls; 0 without a failure probability.
        Calls are assumed half-way through the term, or at age 0 if there is no term."""
        if self.instrument.failure_probability is None:
            return 0.0
        half_term = float(self.instrument.term_years or 0) / 2
        expected_call: float = loss * (1 + discount_rate) ** -half_term
        return 1 - expected_call


class Grant(InstrumentType):
    """A grant, which is not repaid."""

    kind = "grant"
    terms = ()
    usual_budget_class = "grant"


class InterestSubsidy(InstrumentType):
    """A subsidy of the interest on loans of the market."""

    kind = "interest_subsidy"
    terms = (*_LOAN_TERMS, "market_finance_per_share")
    required_terms = ("term_years", "interest_rate")
    usual_budget_class = "grant"
    carries_capex = False
    is_repaid_in_parts = True
    subsidizes_loans = True


class PriceFloor(InstrumentType):
    """A promise to pay the difference when the price is below a level."""

    kind = "price_floor"
    terms = (
        "term_years",
        "market_finance_per_share",
        "floor_eur_per_t",
        "upside_share",
        "upside_from_eur_per_t",
    )
    required_terms = ("floor_eur_per_t",)
    usual_budget_class = "grant"
    carries_capex = False
    follows_capex = False
    has_tickets = False

    def term_faults(self) -> Iterator[PartFault]:
        """Yield the faults that all kinds can have, and those of the share of higher prices."""
        yield from super().term_faults()
        floor_prices, upside = (
            self.instrument.floor_eur_per_t,
            self.instrument.upside_from_eur_per_t,
        )
        if upside is None:
            return
        if not self.instrument.is_set("upside_share"):
            yield ("upside_from_eur_per_t",), "upside_from_eur_per_t needs upside_share", ""
        for name in upside:
            if (
                floor_prices
                and name not in floor_prices
                and base.UNREADABLE_TEXT not in (name, *floor_prices)
            ):
                message = f"there is no floor for '{name}'"
                hint = "the floor is for {materials}".format(materials=", ".join(floor_prices))
                yield ("upside_from_eur_per_t", name, "[key]"), message, hint

    def warnings(
        self, id: str, cash_lines: Sequence[str], projects: Mapping[str, Project], years: range
    ) -> Iterator[PartFault]:
        """Yield warnings of price floors below the cash cost, and of a share of higher prices
        (upside) that begins below the floor."""
        yield from super().warnings(id, cash_lines, projects, years)
        floor_prices = self.instrument.floor_eur_per_t or {}
        for name, project in projects.items():
            for material, cost in project.cash_cost_eur_per_t.items():
                floor = floor_prices.get(material)
                low_years = [y for y in years if floor and floor.at(y) < cost.at(y)]
                if low_years:
                    values = {"material": material, "project": name, "year": low_years[0]}
                    message = (
                        "the floor for '{material}' lies below the cash cost of '{project}' in "
                        "{year}"
                    ).format(**values)
                    hint = "nobody would run a plant for it"
                    yield ("floor_eur_per_t", material), message, hint
        for material, upside in (self.instrument.upside_from_eur_per_t or {}).items():
            floor = floor_prices[material]
            years_below = [year for year in years if upside.at(year) < floor.at(year)]
            if years_below:
                message = f"the upside of '{material}' begins below its floor in {years_below[0]}"
                hint = "so that the funder pays and receives at once"
                yield ("upside_from_eur_per_t", material), message, hint


INSTRUMENT_TYPES: dict[InstrumentKind | None, type[InstrumentType]] = {
    kind_class.kind: kind_class
    for kind_class in (
        InstrumentType,
        Equity,
        Loan,
        SubordinatedLoan,
        Guarantee,
        Grant,
        InterestSubsidy,
        PriceFloor,
    )
}
"""Class of each kind of instrument; that of None applies to instruments without a kind."""
_KIND_FIELDS = tuple(
    name
    for name in InstrumentFields.model_fields
    if any(name in kind_class.terms for kind_class in INSTRUMENT_TYPES.values())
)


class Instrument(InstrumentFields):
    """A financing instrument of a funder (equity, loan, guarantee, grant, ...) with its terms."""

    KIND_FIELDS: ClassVar = _KIND_FIELDS
    """Fields that mean something only once the kind is known."""

    @model_validator(mode="after")
    def _check_terms(self, info: ValidationInfo) -> Instrument:
        if base.skips_check("order", info):
            return self
        faults = [*self.type.undefined_terms(), *self.type.term_faults()]
        if faults:
            raise base.combined_error(faults)
        return self

    @property
    def type(self) -> InstrumentType:
        """The terms of this instrument, as an object of the class of its kind."""
        return INSTRUMENT_TYPES[self.kind](self)
