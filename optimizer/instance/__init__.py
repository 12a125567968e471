"""Sets and coefficients of the optimization problem, read off a scenario."""

from optimizer.instance.data import (
    COMMON,
    Floats,
    HazardData,
    Instance,
    InstrumentData,
    Node,
    ProjectData,
    Step,
    StockpileData,
    group_of,
)
from optimizer.instance.reading import qualifies, read_instance

__all__ = [
    "COMMON",
    "Floats",
    "HazardData",
    "Instance",
    "InstrumentData",
    "Node",
    "ProjectData",
    "Step",
    "StockpileData",
    "group_of",
    "qualifies",
    "read_instance",
]
