"""Funders and their budgets."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from models.base import BareYear, Base, Id, Text
from models.scenario.budget_lines import BudgetLine
from models.scenario.instruments import Instrument
from models.scenario.quantities import NonNegative


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
    budget_lines: dict[Id, BudgetLine] = {}
    """Lines of its budget, by id; each binds, besides the budgets above."""
    instruments: dict[Id, Instrument] = {}
    """By id, for example ``equity`` or ``guarantee``."""
