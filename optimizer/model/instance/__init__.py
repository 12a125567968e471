"""Sets and coefficients of the optimization problem, read from a scenario."""

from optimizer.model.instance.cash_flows import CashFlows as CashFlows
from optimizer.model.instance.components import (
    COMMON_GROUP as COMMON_GROUP,
    COVERAGE_TOLERANCE as COVERAGE_TOLERANCE,
    Adaptation as Adaptation,
    BudgetLineData as BudgetLineData,
    Chain as Chain,
    FixedDecisions as FixedDecisions,
    Floats as Floats,
    HazardData as HazardData,
    InstrumentData as InstrumentData,
    Node as Node,
    Plant as Plant,
    ProfileData as ProfileData,
    ProjectData as ProjectData,
    Realization as Realization,
    ReviewBranch as ReviewBranch,
    Stake as Stake,
    StockpileData as StockpileData,
    company_group as company_group,
)
from optimizer.model.instance.data import Instance as Instance
from optimizer.model.instance.prices import PriceData as PriceData
from optimizer.model.instance.reader import (
    change_perspective as change_perspective,
    read_adaptation as read_adaptation,
    read_instance as read_instance,
    read_instances as read_instances,
)
