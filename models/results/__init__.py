"""What runs return: plans, comparisons and frontiers, with their figures."""

from __future__ import annotations

from models.results.accounts import BudgetClass, BudgetLineUse, Position
from models.results.base import Result
from models.results.comparison import Comparison
from models.results.dependence import CrmaShare, SupplyMix
from models.results.frontier import (
    Frontier,
    FrontierPoint,
    FrontierStep,
    Goal,
    Marginal,
    Target,
    Trial,
)
from models.results.plan import (
    Certificate,
    ConsumerOutcome,
    Distribution,
    FunderInfo,
    MaterialOutcome,
    MaterialYear,
    Outcome,
    Plan,
    ProjectPlan,
    StockpilePlan,
    WithoutPlan,
)

__all__ = [
    "BudgetClass",
    "BudgetLineUse",
    "Certificate",
    "Comparison",
    "ConsumerOutcome",
    "CrmaShare",
    "Distribution",
    "Frontier",
    "FrontierPoint",
    "FrontierStep",
    "FunderInfo",
    "Goal",
    "Marginal",
    "MaterialOutcome",
    "MaterialYear",
    "Outcome",
    "Plan",
    "Position",
    "ProjectPlan",
    "Result",
    "StockpilePlan",
    "SupplyMix",
    "Target",
    "Trial",
    "WithoutPlan",
]
