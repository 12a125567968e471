"""The only door to the solver: a Pyomo model or bare arrays in, a solution or an error out.

HiGHS refuses rows with a coefficient of 1e15 or more, drops coefficients under 1e-9, and takes
NaN for a cost, and Pyomo's own interfaces call what is left of such a model optimal. So the
model is compiled to sparse arrays here, scaled, checked, handed over as arrays, and compared with
what arrived. An unknown option is an error, and how a solve ended is judged together with whether
there is an incumbent.
"""

from pyomo.common import dependencies

# At the first sight of scipy Pyomo loads its statistics, integration and geometry, which nothing
# here needs and which takes two thirds of a second. Told before, it leaves them; a version of Pyomo
# that keeps this elsewhere loads them as before.
if hasattr(dependencies.scipy_available, "_callback"):
    dependencies.scipy_available._callback = None

from optimizer.model.highs.compiling import Compiled as Compiled
from optimizer.model.highs.compiling import Some as Some
from optimizer.model.highs.compiling import Substituted as Substituted
from optimizer.model.highs.compiling import compile_model as compile_model
from optimizer.model.highs.compiling import substitute as substitute
from optimizer.model.highs.program import SMALLEST as SMALLEST
from optimizer.model.highs.program import LinearProgram as LinearProgram
from optimizer.model.highs.program import arrays as arrays
from optimizer.model.highs.program import violation as violation
from optimizer.model.highs.scaling import largest_cost as largest_cost
from optimizer.model.highs.scaling import lifted as lifted
from optimizer.model.highs.scaling import objective_factor as objective_factor
from optimizer.model.highs.scaling import row_factors as row_factors
from optimizer.model.highs.scaling import scaling_of as scaling_of
from optimizer.model.highs.scaling import unit_of_costs as unit_of_costs
from optimizer.model.highs.simplex import Arrays as Arrays
from optimizer.model.highs.simplex import Resolver as Resolver
from optimizer.model.highs.simplex import Simplex as Simplex
from optimizer.model.highs.simplex import basis_of as basis_of
from optimizer.model.highs.simplex import read_statuses as read_statuses
from optimizer.model.highs.solving import EXACT_MIXED as EXACT_MIXED
from optimizer.model.highs.solving import USUAL_MIXED as USUAL_MIXED
from optimizer.model.highs.solving import Ending as Ending
from optimizer.model.highs.solving import Progress as Progress
from optimizer.model.highs.solving import Solution as Solution
from optimizer.model.highs.solving import build as build
from optimizer.model.highs.solving import columns_of as columns_of
from optimizer.model.highs.solving import hand_over as hand_over
from optimizer.model.highs.solving import solve as solve
from optimizer.model.highs.solving import until_interrupted as until_interrupted
from optimizer.model.highs.tightening import tightened as tightened
