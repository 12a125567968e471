"""Sets and coefficients of the optimization problem, read off a scenario."""

from optimizer.model.instance.data import (
    COMMON,
    COVERED,
    BudgetLineData,
    HazardData,
    Instance,
    InstrumentData,
    Node,
    ProjectData,
    Step,
    StockpileData,
    group_of,
)
from optimizer.model.instance.funding import qualifies
from optimizer.model.instance.money import Floats, FloorPrices, Money
from optimizer.model.instance.perspective import Held, Stake, seen_from
from optimizer.model.instance.reading import read_instance
from optimizer.model.instance.terms import Terms

__all__ = [
    "COMMON",
    "COVERED",
    "BudgetLineData",
    "Floats",
    "FloorPrices",
    "HazardData",
    "Held",
    "Instance",
    "InstrumentData",
    "Money",
    "Node",
    "ProjectData",
    "Stake",
    "Step",
    "StockpileData",
    "Terms",
    "group_of",
    "qualifies",
    "read_instance",
    "seen_from",
]
