"""Fields of instruments in scenario files."""

from __future__ import annotations

from typing import Annotated, Literal

from models.base import (
    Base,
    CountriesOrAny,
    Id,
    LocalizedText,
    MaterialId,
    MaterialsOrAny,
    NamesOrAny,
)
from models.scenario.instrument_terms import BudgetClass
from models.scenario.projects import Project
from models.scenario.quantities import (
    NonNegative,
    Number,
    NumberBounds,
    Share,
    WholeNumber,
    YearlyNonNegative,
)

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
