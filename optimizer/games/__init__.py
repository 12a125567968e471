"""Games with transferable utility: who gets what of what all are worth together.

Players are 0 to n - 1, a coalition is a bit mask (bit i is player i), and a game is an array (2**n)
of the worth of each coalition, 0 for the empty one. Pure functions over arrays; of money, countries
and scenarios nothing is known here. Exact for about a dozen players, by sampling for more.

Worths come from solvers, so what is less than TOLERANCE of the greatest amount, or than SPECK, is
negligible: it makes nobody leave, no core empty and no share irrational.
"""

from optimizer.games.coalitions import (
    SPECK,
    TOLERANCE,
    excess,
    masks_by_size,
    members,
    worst_coalitions,
)
from optimizer.games.core import (
    LeastCore,
    Membership,
    core_membership,
    least_core,
    least_core_range,
)
from optimizer.games.nucleolus import nucleolus, prenucleolus
from optimizer.games.sampling import (
    SampledShares,
    coalitions_of,
    sample_orders,
    shapley_from_orders,
)
from optimizer.games.sharing import equally, in_proportion, shapley, shapley_range
from optimizer.games.stability import (
    Emptiness,
    core_emptiness,
    stability_cost,
    stability_cost_range,
    subsidy,
    subsidy_range,
)

__all__ = [
    "SPECK",
    "TOLERANCE",
    "Emptiness",
    "LeastCore",
    "Membership",
    "SampledShares",
    "coalitions_of",
    "core_emptiness",
    "core_membership",
    "equally",
    "excess",
    "in_proportion",
    "least_core",
    "least_core_range",
    "masks_by_size",
    "members",
    "nucleolus",
    "prenucleolus",
    "sample_orders",
    "shapley",
    "shapley_from_orders",
    "shapley_range",
    "stability_cost",
    "stability_cost_range",
    "subsidy",
    "subsidy_range",
    "worst_coalitions",
]
