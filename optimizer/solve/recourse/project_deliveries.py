"""What projects deliver to a node in each look, and what that is worth, compiled.

An outlet is a project at a node: P of them, in U looks. Of each, ``delay`` (U, P) says which of the
ways it can be late it is, -1 where it fails, and ``pattern`` (U, P) which row of ``available``
(., K) the share of its output is that arrives. ``running`` (P, D, Y) is the share of nameplate by
delay and year, ``plate`` (P) the lots of a period, ``year_of`` (K) the year of each.
"""

from optimizer.solve.recourse.jit import compiled


@compiled
def add_deliveries(
    parameters, first_parameter, nameplate, running, year_of, delay, pattern, available
):
    """Add lots to what is given (U, G), those of each outlet from its ``first`` (P) place on."""
    for n in range(nameplate.size):
        if not running[n].any():
            continue
        for u in range(parameters.shape[0]):
            if delay[u, n] >= 0:
                for k in range(year_of.size):
                    share = running[n, delay[u, n], year_of[k]] * available[pattern[u, n], k]
                    parameters[u, first_parameter[n] + k] += nameplate[n] * share


@compiled
def add_output_values(
    slopes,
    first_column,
    parameter_duals,
    first_parameter,
    nameplate,
    year_of,
    delay,
    pattern,
    available,
):
    """Add what running is worth by year, from column ``at`` on, by what is given (U, G)."""
    years = year_of[-1] + 1
    for u in range(slopes.shape[0]):
        for n in range(nameplate.size):
            if delay[u, n] >= 0:
                for k in range(year_of.size):
                    each = parameter_duals[u, first_parameter[n] + k]
                    if each != 0.0:
                        lots = nameplate[n] * available[pattern[u, n], k]
                        slopes[u, first_column + n * years + year_of[k]] -= each * lots


@compiled
def write_running_shares(columns, first_column, running, delay):
    """Write the share that runs of each outlet and year, from column ``at`` on."""
    outlets, _, years = running.shape
    for u in range(columns.shape[0]):
        for n in range(outlets):
            if delay[u, n] >= 0:
                for y in range(years):
                    columns[u, first_column + n * years + y] = running[n, delay[u, n], y]


@compiled
def add_weighted_slopes(sums, slopes, first_column, delay, class_weights):
    """Add the slopes from column ``at`` on by chances (W, U), by delay (W, P, D, Y)."""
    sets, outlets, _, years = sums.shape
    for w in range(sets):
        for u in range(slopes.shape[0]):
            if class_weights[w, u] > 0.0:
                for n in range(outlets):
                    if delay[u, n] >= 0:
                        for y in range(years):
                            own = slopes[u, first_column + n * years + y]
                            sums[w, n, delay[u, n], y] += class_weights[w, u] * own
