"""Where chains of materials break with a plan and without it, and what each stage is worth."""

from optimizer.solve.chains.outcomes import chain_outcomes as chain_outcomes
