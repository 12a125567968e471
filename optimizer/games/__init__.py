"""Cooperative games with transferable utility: sharing rules, core, nucleolus, cost of stability.

Players are numbered from 0 to n - 1. A coalition is a bit mask, in which bit i stands for player i,
and a game is an array (2**n) of coalition values, with value 0 for the empty coalition. All
functions are pure functions of arrays and do not depend on scenarios. Results are exact for up to
about twelve players, and estimated from samples for more.

Coalition values come from a solver. Therefore amounts below RELATIVE_TOLERANCE times the largest
amount, or below ABSOLUTE_TOLERANCE, count as zero.
"""

from optimizer.games.coalitions import (
    ABSOLUTE_TOLERANCE as ABSOLUTE_TOLERANCE,
    RELATIVE_TOLERANCE as RELATIVE_TOLERANCE,
    blocking_coalitions as blocking_coalitions,
    coalition_excesses as coalition_excesses,
    coalition_members as coalition_members,
    coalitions_in_orders as coalitions_in_orders,
    proportional_shares as proportional_shares,
    sample_orders as sample_orders,
    shapley as shapley,
    shapley_from_orders as shapley_from_orders,
    shapley_range as shapley_range,
)
from optimizer.games.stability import (
    core_emptiness as core_emptiness,
    core_membership as core_membership,
    least_core as least_core,
    least_core_range as least_core_range,
    nucleolus as nucleolus,
    prenucleolus as prenucleolus,
    stability_cost as stability_cost,
    stability_cost_range as stability_cost_range,
    subsidy as subsidy,
    subsidy_range as subsidy_range,
)
