"""Sets and coefficients of the optimization problem, read from a scenario."""

from optimizer.model.instance.cash_flows import CashFlows as CashFlows
from optimizer.model.instance.components import COMMON_GROUP as COMMON_GROUP
from optimizer.model.instance.components import COVERAGE_TOLERANCE as COVERAGE_TOLERANCE
from optimizer.model.instance.components import Adaptation as Adaptation
from optimizer.model.instance.components import BudgetLineData as BudgetLineData
from optimizer.model.instance.components import Chain as Chain
from optimizer.model.instance.components import FixedDecisions as FixedDecisions
from optimizer.model.instance.components import Floats as Floats
from optimizer.model.instance.components import HazardData as HazardData
from optimizer.model.instance.components import InstrumentData as InstrumentData
from optimizer.model.instance.components import Node as Node
from optimizer.model.instance.components import Plant as Plant
from optimizer.model.instance.components import ProfileData as ProfileData
from optimizer.model.instance.components import ProjectData as ProjectData
from optimizer.model.instance.components import Realization as Realization
from optimizer.model.instance.components import ReviewBranch as ReviewBranch
from optimizer.model.instance.components import Stake as Stake
from optimizer.model.instance.components import StockpileData as StockpileData
from optimizer.model.instance.components import company_group as company_group
from optimizer.model.instance.data import Instance as Instance
from optimizer.model.instance.nodes import read_adaptation as read_adaptation
from optimizer.model.instance.perspective import change_perspective as change_perspective
from optimizer.model.instance.prices import PriceData as PriceData
from optimizer.model.instance.reader import read_instance as read_instance
from optimizer.model.instance.reader import read_instances as read_instances
