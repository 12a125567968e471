"""The only door to the solver: a Pyomo model or bare arrays in, a solution or an error out.

HiGHS refuses rows with a coefficient of 1e15 or more, drops coefficients under 1e-9, and takes
NaN for a cost, and Pyomo's own interfaces call what is left of such a model optimal. So the
model is compiled to sparse arrays here, scaled, checked, handed over as arrays, and compared with
what arrived. An unknown option is an error, and how a solve ended is judged together with whether
there is an incumbent.
"""

from optimizer.model.highs.compiling import Compiled, compile_model
from optimizer.model.highs.program import (
    LARGEST,
    LARGEST_RANGE,
    SMALLEST,
    LinearProgram,
    arrays,
    check,
    violation,
)
from optimizer.model.highs.scaling import largest_cost, objective_factor, row_factors, scaling_of
from optimizer.model.highs.simplex import Simplex
from optimizer.model.highs.solving import (
    EXACT,
    EXACT_MIXED,
    USUAL_MIXED,
    Ending,
    Progress,
    Solution,
    build,
    hand_over,
    solve,
)
from optimizer.model.highs.substituting import Substituted, component_name, substitute
from optimizer.model.highs.tightening import tightened

__all__ = [
    "EXACT",
    "EXACT_MIXED",
    "LARGEST",
    "LARGEST_RANGE",
    "SMALLEST",
    "USUAL_MIXED",
    "Compiled",
    "Ending",
    "LinearProgram",
    "Progress",
    "Simplex",
    "Solution",
    "Substituted",
    "arrays",
    "build",
    "check",
    "compile_model",
    "component_name",
    "hand_over",
    "largest_cost",
    "objective_factor",
    "row_factors",
    "scaling_of",
    "solve",
    "substitute",
    "tightened",
    "violation",
]
