"""Money as a treasury sees it: positions, and how far budgets are used."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import Result

BudgetClass = Literal[
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "private"
]


class Position(Result):
    """Money of one funder in one project through one instrument, or in one stockpile.

    Years of ``returned_meur`` may lie past the horizon.

    ``cost_meur`` of all positions adds up to ``outcome.net_cost_meur``.
    """

    funder: ids.Funder  #: Id of the funder.
    instrument: ids.Instrument | None  #: Id of the instrument; null for a stockpile.
    project: ids.Project | None  #: Id of the project; null for a stockpile.
    stockpile: ids.Stockpile | None  #: Id of the stockpile; null for a project.
    budget_class: BudgetClass | None
    """How a budget books it; ``expenditure`` for what public funders pay for stockpiles; null where
    the file names no class."""
    committed_meur: float
    """Amount committed in all: for a guarantee its face, for a floor the most it can cost."""
    paid_meur: dict[ids.HorizonYear, float]
    """What is put up in each year, undiscounted; of a guarantee the loan that it covers."""
    returned_meur: dict[ids.Year, float]
    """What is expected to come back in each year; empty where the file gives no terms for it. Of a
    guarantee its fees, of a price floor its share of higher prices."""
    outstanding_meur: dict[ids.HorizonYear, float]
    """What is at risk at the end of each year; of a price floor what it may still cost."""
    expected_loss_meur: float | None
    """What is expected to be lost, undiscounted; null where the file does not say."""
    maximum_loss_meur: float
    """What is lost at most: of a price floor the most it can cost; 0 for what is spent in any case:
    grants, interest, expenditure."""
    cost_meur: float
    """Net cost, discounted: what is put up less what is expected to come back, and less the
    residual value."""
    residual_meur: float = 0.0  #: Residual value at the end of the horizon, discounted.


class BudgetLineUse(Result):
    """How far a budget line is used."""

    funder: ids.Funder  #: Id of the funder.
    line: str  #: Id of the line; ``budget`` for the funder's own budget.
    name: str  #: Its name.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """``budget`` for the funder's own budget."""
    used_meur: dict[ids.HorizonYear, float]
    """Charged in each year; of a guarantee stock what is outstanding at its end."""
    available_meur: dict[ids.HorizonYear, float] | None
    """What each year grants, carried over included; null where years have no limit."""
    total_meur: float | None  #: What all years together grant; null where that has no limit.
