"""Cooperative games with transferable utility: sharing rules, core, nucleolus, cost of stability.

Players are numbered from 0 to n - 1. A coalition is a bit mask, in which bit i stands for player i,
and a game is an array (2**n) of coalition values, with value 0 for the empty coalition. All
functions are pure functions of arrays and do not depend on scenarios. Results are exact for up to
about twelve players, and estimated from samples for more.

Coalition values come from a solver. Therefore amounts below RELATIVE_TOLERANCE times the largest
amount, or below ABSOLUTE_TOLERANCE, count as zero.
"""

from optimizer.games.coalitions import ABSOLUTE_TOLERANCE as ABSOLUTE_TOLERANCE
from optimizer.games.coalitions import RELATIVE_TOLERANCE as RELATIVE_TOLERANCE
from optimizer.games.coalitions import blocking_coalitions as blocking_coalitions
from optimizer.games.coalitions import coalition_excesses as coalition_excesses
from optimizer.games.coalitions import coalition_members as coalition_members
from optimizer.games.coalitions import coalitions_in_orders as coalitions_in_orders
from optimizer.games.coalitions import proportional_shares as proportional_shares
from optimizer.games.coalitions import sample_orders as sample_orders
from optimizer.games.coalitions import shapley as shapley
from optimizer.games.coalitions import shapley_from_orders as shapley_from_orders
from optimizer.games.coalitions import shapley_range as shapley_range
from optimizer.games.stability import core_emptiness as core_emptiness
from optimizer.games.stability import core_membership as core_membership
from optimizer.games.stability import least_core as least_core
from optimizer.games.stability import least_core_range as least_core_range
from optimizer.games.stability import nucleolus as nucleolus
from optimizer.games.stability import prenucleolus as prenucleolus
from optimizer.games.stability import stability_cost as stability_cost
from optimizer.games.stability import stability_cost_range as stability_cost_range
from optimizer.games.stability import subsidy as subsidy
from optimizer.games.stability import subsidy_range as subsidy_range
