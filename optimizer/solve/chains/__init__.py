"""Chains of materials: their bottlenecks with and without a plan, and the marginal value of each
stage."""

from optimizer.solve.chains.plan_contributions import chain_outcomes as chain_outcomes
