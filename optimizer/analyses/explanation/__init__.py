"""Why a plan is as it is: regrets, what binds, and what one more million is worth."""
