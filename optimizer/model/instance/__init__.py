"""Sets and coefficients of the optimization problem, read off a scenario."""

from optimizer.model.instance.data import Instance as Instance
from optimizer.model.instance.parts import COMMON as COMMON
from optimizer.model.instance.parts import COVERED as COVERED
from optimizer.model.instance.parts import Adaptation as Adaptation
from optimizer.model.instance.parts import BudgetLineData as BudgetLineData
from optimizer.model.instance.parts import Chain as Chain
from optimizer.model.instance.parts import Coming as Coming
from optimizer.model.instance.parts import HazardData as HazardData
from optimizer.model.instance.parts import InstrumentData as InstrumentData
from optimizer.model.instance.parts import Node as Node
from optimizer.model.instance.parts import Path as Path
from optimizer.model.instance.parts import Plant as Plant
from optimizer.model.instance.parts import ProfileData as ProfileData
from optimizer.model.instance.parts import ProjectData as ProjectData
from optimizer.model.instance.parts import StockpileData as StockpileData
from optimizer.model.instance.parts import group_of as group_of
from optimizer.model.instance.perspective import Held as Held
from optimizer.model.instance.perspective import Stake as Stake
from optimizer.model.instance.perspective import seen_from as seen_from
from optimizer.model.instance.prices import PriceData as PriceData
from optimizer.model.instance.reading import adaptation_of as adaptation_of
from optimizer.model.instance.reading import read_instance as read_instance
from optimizer.model.instance.reading import read_together as read_together
from optimizer.model.instance.terms import Floats as Floats
from optimizer.model.instance.terms import Money as Money
from optimizer.model.instance.terms import Terms as Terms
