"""Compiled deliveries of projects to a node by state class, and their marginal values.

An outlet is a project at a node; there are P of them, in U classes. ``realization`` (U, P) is the
index of the outlet's realization, or -1 if the project fails, and ``available_row`` (U, P) the row
of ``available`` (., K) with the share of its output that hazards leave. ``running`` (P, D, Y) is
the share of nameplate by realization and year, ``nameplate`` (P) is in lots per period, and
``year_of`` (K) is the year index of each period.
"""

from optimizer.solve.recourse.jit import compiled


@compiled
def add_deliveries(
    parameters, first_parameter, nameplate, running, year_of, realization, available_row, available
):
    """Add the deliveries of each outlet in lots to ``parameters`` (U, G). Those of an outlet start
    at its position in ``first_parameter`` (P)."""
    for n in range(nameplate.size):
        if not running[n].any():
            continue
        for u in range(parameters.shape[0]):
            if realization[u, n] >= 0:
                for k in range(year_of.size):
                    share = (
                        running[n, realization[u, n], year_of[k]]
                        * available[available_row[u, n], k]
                    )
                    parameters[u, first_parameter[n] + k] += nameplate[n] * share


@compiled
def add_output_values(
    slopes, first_column, parameter_duals, first_parameter, nameplate, year_of, realization,
    available_row, available,
):  # fmt: skip
    """Subtract from ``slopes`` the marginal value of each outlet's running output in each year,
    which follows from the dual values of parameters (U, G).

    The columns of ``slopes`` start at ``first_column``.
    """
    year_count = year_of[-1] + 1
    for u in range(slopes.shape[0]):
        for n in range(nameplate.size):
            if realization[u, n] >= 0:
                for k in range(year_of.size):
                    dual = parameter_duals[u, first_parameter[n] + k]
                    if dual != 0.0:
                        lots = nameplate[n] * available[available_row[u, n], k]
                        slopes[u, first_column + n * year_count + year_of[k]] -= dual * lots


@compiled
def write_running_shares(columns, first_column, running, realization):
    """Write the running share of each outlet in each year to ``columns``, starting at
    ``first_column``."""
    outlet_count, _, year_count = running.shape
    for u in range(columns.shape[0]):
        for n in range(outlet_count):
            if realization[u, n] >= 0:
                for y in range(year_count):
                    columns[u, first_column + n * year_count + y] = running[n, realization[u, n], y]


@compiled
def add_weighted_slopes(sums, slopes, first_column, realization, class_weights):
    """Add to ``sums`` (W, P, D, Y) the slopes of each outlet and year, weighted by class_weights
    (W, U).

    The columns of ``slopes`` start at ``first_column``.
    """
    set_count, outlet_count, _, year_count = sums.shape
    for w in range(set_count):
        for u in range(slopes.shape[0]):
            if class_weights[w, u] > 0.0:
                for n in range(outlet_count):
                    if realization[u, n] >= 0:
                        for y in range(year_count):
                            slope = slopes[u, first_column + n * year_count + y]
                            sums[w, n, realization[u, n], y] += class_weights[w, u] * slope
