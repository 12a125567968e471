"""Instruments by which a funder takes part in projects, with their terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

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
from models.language import tr
from models.scenario.quantities import (
    NonNegative,
    Number,
    NumberBounds,
    Share,
    WholeNumber,
    YearlyNonNegative,
)

if TYPE_CHECKING:
    from models.scenario.projects import Project

InstrumentKind = Literal[
    "equity", "loan", "subordinated_loan", "guarantee", "grant", "interest_subsidy", "price_floor"
]
BudgetClass = Literal["financial_transaction", "grant", "guarantee", "loan", "private"]

SUPPORT_KINDS: frozenset[str | None] = frozenset(("interest_subsidy", "price_floor"))
"""Kinds that carry no capex but let the market finance more."""

_LOAN_KINDS = ("loan", "subordinated_loan")
_AT_RISK_KINDS = (None, "equity", *_LOAN_KINDS, "guarantee")
_KINDS_BY_TERM: dict[str, tuple[str | None, ...]] = {
    "term_years": ("equity", *_LOAN_KINDS, "guarantee", "interest_subsidy", "price_floor"),
    "grace_years": (*_LOAN_KINDS, "guarantee", "interest_subsidy"),
    "interest_rate": (*_LOAN_KINDS, "interest_subsidy"),
    "expected_return": ("equity",),
    "fee_per_year": ("guarantee",),
    "failure_probability": _AT_RISK_KINDS,
    "loss_given_failure": _AT_RISK_KINDS,
    "market_finance_per_share": ("interest_subsidy", "price_floor"),
    "floor_eur_per_t": ("price_floor",),
    "upside_share": ("price_floor",),
    "upside_from_eur_per_t": ("price_floor",),
}  #: The kinds of instruments for which a term is defined.


class Eligible(Base):
    """Conditions on projects in which an instrument may take part; all of them must hold."""

    countries: CountriesOrAny = None  #: Codes of the countries a project may stand in, or ``any``.
    materials: MaterialsOrAny = None  #: Ids of materials, one of which it must deliver, or ``any``.
    tags: NamesOrAny = None  #: Words of which a project must carry at least one, or ``any``.


class Instrument(Base):
    """One form in which a funder takes part in projects."""

    KIND_FIELDS: ClassVar[tuple[str, ...]] = tuple(_KINDS_BY_TERM)
    """Fields that mean something only once the kind is known."""

    name: LocalizedText | None = None  #: Name shown in reports; the id where absent.
    kind: InstrumentKind | None = None  #: What it is; a plain share of capex where absent.
    max_share: Share = Number(1)  #: Share of a project's capex (or output, for a floor) at most.
    ticket_min_meur: NonNegative = Number(0)  #: Least amount in million EUR, if it takes part.
    ticket_max_meur: NonNegative | None = None  #: Largest amount in million EUR.
    offtake_per_share: NonNegative = Number(0)
    """Share of output reserved for domestic consumers per share of capex (or output) financed."""
    budget_charge: NonNegative = Number(1)  #: Budget used per EUR paid (a guarantee: provision).
    charges: dict[Id, NonNegative] = {}  #: Use of each budget line of the funder per EUR.
    recovery: NonNegative | None = None
    """Expected present value that comes back, per EUR committed; by the terms where absent."""
    budget_class: BudgetClass | None = None  #: How the budget books it; by its kind where absent.
    grant_equivalent: Share = Number(0)  #: Share of a commitment that counts as state aid.
    eligible: Eligible = Eligible()  #: Projects that qualify.
    term_years: Annotated[Number, NumberBounds(gt=0, whole=True)] | None = None
    """Years until it ends: a loan from payment, a guarantee from the decision, a price floor from
    the first output; for equity the year of exit."""
    grace_years: WholeNumber = Number(0)  #: Years before repayment begins, in equal yearly parts.
    interest_rate: NonNegative | None = None
    """Per year, in real terms: received on a loan, or paid as subsidy."""
    expected_return: NonNegative | None = None  #: Real growth of a stake per year until its exit.
    fee_per_year: NonNegative | None = None
    """Fee on the amount guaranteed, per year, in real terms."""
    failure_probability: Share | None = None  #: Probability of default, call or write-off in all.
    loss_given_failure: Share = Number(1)  #: Share of the amount that is lost then.
    market_finance_per_share: NonNegative = Number(0)  #: Capex that lenders carry more per share.
    floor_eur_per_t: dict[MaterialId, YearlyNonNegative] | None = None
    """Price below which the funder pays the difference, in EUR per tonne, by material."""
    upside_share: Share = Number(0)  #: Share of higher prices that the funder receives.
    upside_from_eur_per_t: dict[MaterialId, YearlyNonNegative] | None = None
    """Price above which it receives a share, in EUR per tonne; the floor where absent."""

    @model_validator(mode="after")
    def _check_terms(self, info: ValidationInfo) -> Instrument:
        if base.skips_check("order", info):
            return self
        faults = [
            *self._terms_of_other_kinds(),
            *self._missing_terms(),
            *self._contradictory_terms(),
        ]
        if faults:
            raise base.combined_error(faults)
        return self

    @property
    def carries_capex(self) -> bool:
        """Whether the instrument carries a share of capex.

        Otherwise (interest subsidy, price floor) it enables the market to finance a larger share.
        """
        return self.kind not in SUPPORT_KINDS

    def accepts_project(self, project: Project) -> bool:
        """Return whether a project meets all conditions of ``eligible``.

        A price floor also needs a project that delivers a material of its floor.
        """
        eligible, output = self.eligible, project.output_t_per_year
        delivered = {name for name, tonnes in output.items() if tonnes > 0}
        conditions = (
            (eligible.countries, {project.country}),
            (eligible.materials, set(output)),
            (eligible.tags, set(project.tags)),
            (self.floor_eur_per_t, delivered),
        )
        return all(wanted is None or not actual.isdisjoint(wanted) for wanted, actual in conditions)

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    def _terms_of_other_kinds(self) -> Iterator[PartFault]:
        """Yield a fault for each term that is set but not defined for this kind of instrument."""
        tickets = dict.fromkeys(("ticket_min_meur", "ticket_max_meur"), ())
        for name, kinds in (
            _KINDS_BY_TERM | (tickets if self.kind == "price_floor" else {})
        ).items():
            if self.kind in kinds or not self._is_set(name):
                continue
            kind_names = ", ".join(kind for kind in kinds if kind)
            values = {"name": name, "kind": self.kind}
            message = tr("{name} means nothing for an instrument of kind {kind}", **values)
            hint = (
                tr("it is for {known}", known=kind_names)
                if kind_names
                else tr("limit it by max_share")
            )
            if not self.kind:
                message = tr("{name} means nothing for an instrument of no kind", name=name)
                hint = tr("add a kind: {known}", known=kind_names)
            yield (name, "[key]"), message, hint

    def _missing_term_message(self, name: str) -> str:
        return tr("'{name}' is missing for an instrument of kind {kind}", name=name, kind=self.kind)

    def _missing_terms(self) -> Iterator[PartFault]:
        """Yield a fault for each term that the kind or other terms require."""
        kind, term = self.kind, self.term_years
        if kind == "interest_subsidy":
            for name in ("term_years", "interest_rate"):
                if getattr(self, name) is None:
                    yield (), self._missing_term_message(name), ""
        elif term is None:
            for name in ("interest_rate", "expected_return", "grace_years"):
                if kind in _KINDS_BY_TERM[name] and self._is_set(name):
                    message = tr("{name} needs term_years", name=name)
                    yield (name,), message, tr("say when it ends")
        if kind == "price_floor" and not self.floor_eur_per_t:
            yield (
                (),
                self._missing_term_message("floor_eur_per_t"),
                tr("write {material: EUR per tonne}"),
            )
        no_return = self.recovery is None and self.expected_return is None
        if kind == "equity" and term is not None and no_return:
            hint = tr("or recovery, so that it is known what comes back at the exit")
            yield ("term_years",), tr("term_years needs expected_return"), hint
        if self.failure_probability is None and kind in _AT_RISK_KINDS:
            hint = tr("write failure_probability: 0 if it cannot fail")
            if self._is_set("loss_given_failure"):
                message = tr("loss_given_failure needs failure_probability")
                yield ("loss_given_failure",), message, hint
            if self.recovery is None and kind == "guarantee" and self.fee_per_year is not None:
                message = tr("fee_per_year needs failure_probability or recovery")
                yield ("fee_per_year",), message, hint

    def _contradictory_terms(self) -> Iterator[PartFault]:
        term, floors, upside = self.term_years, self.floor_eur_per_t, self.upside_from_eur_per_t
        if term is not None and self.grace_years > term:
            years = {"grace": f"{self.grace_years:g}", "term": f"{term:g}"}
            message = tr("grace_years {grace} is above term_years {term}", **years)
            yield ("grace_years",), message, tr("equal to it, all is repaid at the end")
        if self.kind != "price_floor" or upside is None:
            return
        if not self._is_set("upside_share"):
            yield ("upside_from_eur_per_t",), tr("upside_from_eur_per_t needs upside_share"), ""
        for name in upside:
            if floors and name not in floors and base.UNREADABLE_TEXT not in (name, *floors):
                message = tr("there is no floor for '{name}'", name=name)
                hint = tr("the floor is for {materials}", materials=", ".join(floors))
                yield ("upside_from_eur_per_t", name, "[key]"), message, hint
