"""Funders, their budgets and the instruments they take part with."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from models.base import AnyOf, BareYear, Base, Id, Text
from models.quantities import NonNegative, Number, Share


class Eligible(Base):
    """Which projects an instrument may take part in; all three conditions must hold."""

    countries: AnyOf = None
    """Codes of the countries a project may stand in, or ``any``."""
    materials: AnyOf = None
    """Ids of materials of which a project must deliver at least one, or ``any``."""
    tags: AnyOf = None
    """Words of which a project must carry at least one, or ``any``."""


class Instrument(Base):
    """One way in which a funder takes part in projects."""

    name: Text | None = None
    """Name shown in reports; the id where absent."""
    max_share: Share = Number(1)
    """Share of a project's capex at most, as a fraction of one."""
    ticket_min_meur: NonNegative = Number(0)
    """Least amount in million EUR, if it takes part at all."""
    ticket_max_meur: NonNegative | None = None
    """Largest amount in million EUR."""
    offtake_per_share: NonNegative = Number(0)
    """Share of output reserved at home per share of capex financed."""
    budget_charge: NonNegative = Number(1)
    """Budget used per EUR committed (for a guarantee: its provision)."""
    recovery: NonNegative = Number(0)
    """Expected present value that comes back, per EUR committed."""
    budget_class: (
        Literal["financial_transaction", "grant", "guarantee", "loan", "private"] | None
    ) = None
    """How the budget books it; for reports."""
    grant_equivalent: Share = Number(0)
    """Share of a commitment that counts as state aid."""
    eligible: Eligible = Eligible()
    """Which projects it may take part in."""


class Funder(Base):
    """A purse: the state, a company, or another investor."""

    kind: Literal["public", "company", "private"]
    """``public``, ``company`` (reserves output for its own consumers) or ``private``."""
    name: Text | None = None
    """Name shown in reports; the id where absent."""
    description: Text | None = None
    """Free text."""
    budget_meur: NonNegative | None = None
    """Budget over the whole horizon in million EUR; no limit where absent."""
    budget_by_year_meur: dict[BareYear, NonNegative] | None = None
    """Budget of each year in million EUR; years not named get nothing."""
    carry_over: StrictBool = False
    """Whether what a year leaves may be spent later."""
    instruments: dict[Id, Instrument] = {}
    """By id, for example ``equity`` or ``guarantee``."""
