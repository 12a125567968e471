"""The optimization model: instance data, states, formulation in Pyomo, and the solver interface."""
