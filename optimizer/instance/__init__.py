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
    "qualifies",
    "read_instance",
]
