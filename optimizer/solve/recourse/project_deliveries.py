"""Compiled project deliveries to a node by state class, and their marginal values.

An outlet is a project at a node: P of them, in U classes. ``delay`` (U, P) is the index of its
realisation, -1 if it fails, and ``pattern`` (U, P) the row of ``available`` (., K) with the share
of its output that remains. ``running`` (P, D, Y) is the share of nameplate by realisation and year,
``nameplate`` (P) in lots per period, ``year_of`` (K) the year index of each period."""

from optimizer.solve.recourse.jit import compiled


@compiled
def add_deliveries(
    parameters, first_parameter, nameplate, running, year_of, delay, pattern, available
):
    """Add deliveries in lots to ``parameters`` (U, G), from position ``first_parameter`` (P) of
    each outlet."""
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
    """Subtract the value of running output by year from ``slopes``, from ``first_column`` on, given
    the dual values of parameters (U, G)."""
    years = year_of[-1] + 1
    for u in range(slopes.shape[0]):
        for n in range(nameplate.size):
            if delay[u, n] >= 0:
                for k in range(year_of.size):
                    dual = parameter_duals[u, first_parameter[n] + k]
                    if dual != 0.0:
                        lots = nameplate[n] * available[pattern[u, n], k]
                        slopes[u, first_column + n * years + year_of[k]] -= dual * lots


@compiled
def write_running_shares(columns, first_column, running, delay):
    """Write the running share of each outlet and year to ``columns``, from ``first_column`` on."""
    outlets, _, years = running.shape
    for u in range(columns.shape[0]):
        for n in range(outlets):
            if delay[u, n] >= 0:
                for y in range(years):
                    columns[u, first_column + n * years + y] = running[n, delay[u, n], y]


@compiled
def add_weighted_slopes(sums, slopes, first_column, delay, class_weights):
    """Add slopes, from ``first_column`` on, weighted by class_weights (W, U), to ``sums`` (W, P, D,
    Y)."""
    sets, outlets, _, years = sums.shape
    for w in range(sets):
        for u in range(slopes.shape[0]):
            if class_weights[w, u] > 0.0:
                for n in range(outlets):
                    if delay[u, n] >= 0:
                        for y in range(years):
                            slope = slopes[u, first_column + n * years + y]
                            sums[w, n, delay[u, n], y] += class_weights[w, u] * slope
