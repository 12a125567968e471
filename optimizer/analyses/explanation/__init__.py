"""Why a plan is as it is: regrets, what binds, and what one more million is worth."""

from optimizer.analyses.explanation.explain import USUAL, Asked, explain, known_ids

__all__ = ["USUAL", "Asked", "explain", "known_ids"]
