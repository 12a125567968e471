"""A scenario as numbers, its states, its rules in Pyomo, and the solver behind them."""
