"""A scenario as numbers, its states, its rules in Pyomo, and the solver behind them."""

from pyomo.common import dependencies

# At the first sight of scipy Pyomo loads its statistics, integration and geometry, which nothing
# here needs and which takes two thirds of a second. Told before, it leaves them; a version of Pyomo
# that keeps this elsewhere loads them as before.
if hasattr(dependencies.scipy_available, "_callback"):
    dependencies.scipy_available._callback = None
