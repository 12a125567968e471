"""The optimization model: data of an instance, states of the world, formulation in Pyomo, and the
interface to the solver."""
