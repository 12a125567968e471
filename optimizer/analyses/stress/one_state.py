"""A commitment in one state of the world, period by period: what comes, goes and is missing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import COVERED, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.sweep import NodeData, Point, Recourse
from optimizer.solve.sweep.lp_recourse import Stock
from optimizer.solve.sweep.state_classes import Looks

ROUNDING = 1e-9
"""Nothing is released where less than this share of demand would be."""
UNMET = 1e3
"""What a lot counts that no stock gives, where stocks count their place in the order of loss."""


class PeriodFigures(NamedTuple):
    """(K) lots, of a material in all its nodes."""

    demand: Floats
    market: Floats
    """What the market still delivers."""
    delivered: Floats
    """What projects deliver."""
    open: Floats
    """Demand that neither covers."""
    released: Floats
    missing: Floats


class Lived(NamedTuple):
    """A commitment in one state."""

    materials: dict[str, PeriodFigures]
    """Of each that has demand."""
    missing: dict[tuple[str, str], Floats]
    """(K) lots, by consumer and material."""
    damage: dict[tuple[str, str], float]
    """By consumer and material, in the unit of the measure."""
    left: dict[str, Floats]
    """(K) lots in each stockpile at a period's end."""
    released: dict[str, Floats]
    """(K) lots that each stockpile gives."""


def live_through(instance: Instance, state: State, commitment: Commitment) -> Lived:
    """The recourse of a commitment in a state, the best there is with foresight.

    What is missing is what every evaluation reckons; releases of each stockpile are chosen so that
    they give just that.
    """
    recourse = Recourse(instance, [state], merge=False, threads=1)
    point = recourse.columns.point(commitment)
    materials: dict[str, PeriodFigures] = {}
    missing: dict[tuple[str, str], Floats] = {}
    damage: dict[tuple[str, str], float] = {}
    none = np.zeros(len(instance.periods))
    left = {h: planned_stock(instance, commitment, h) for h in instance.stockpiles}
    released = dict.fromkeys(instance.stockpiles, none)
    for part in recourse.shortages(point):
        m = part.looks.material
        total = PeriodFigures(*[none] * 6)
        for v, short in part.by_step.items():
            node = recourse.nodes[v]
            own = _figures(node, part.looks, point, short.sum(axis=0))
            total = PeriodFigures(*map(np.add, total, own))
            stocks = node.each_stock(point)
            drawn = draw(stocks, own.released)
            for h, stock, given in zip(node.node.accounts, stocks, drawn, strict=True):
                released[h] = released[h] + given
                left[h] = left[h] - (stock.held() - _left(stock, given))
            cost = (short * node.as_in_file[0]).sum(axis=1)
            for j, step in enumerate(node.node.steps):
                key = step.consumer, m
                missing[key] = missing.get(key, none) + short[j]
                damage[key] = damage.get(key, 0.0) + float(cost[j])
        materials[m] = total
    return Lived(materials, missing, damage, left, released)


def _figures(node: NodeData, looks: Looks, point: Point, missing: Floats) -> PeriodFigures:
    """Of one node in the only look."""
    market = node.part * looks.supply[0]
    running = node.running(point)[:, :, node.year_of] * node.plate[:, None, None]
    delivered = np.zeros(len(node.demand))
    for p, delay in enumerate(looks.delay[0]):
        if delay >= 0:
            delivered += running[p, delay] * looks.available[looks.pattern[0, p]]
    open_ = node.demand - market - delivered
    open_[open_ <= COVERED * node.demand] = 0.0
    released = open_ - missing
    released[released <= ROUNDING * node.demand] = 0.0
    return PeriodFigures(node.demand, market, delivered, open_, released, missing)


def draw(stocks: Sequence[Stock], released: Floats) -> Floats:
    """(H, K) lots that each stock gives of what (K) all of them release together.

    The stock that loses most gives first, of equals the first in the file. Raises SolverError if
    they cannot give as much.
    """
    periods = np.flatnonzero(released > 0)
    given = np.zeros((len(stocks), len(released)))
    if len(stocks) == 1:
        given[0] = released
    if len(stocks) < 2 or not len(periods):
        return given
    width, rows = len(stocks), len(periods)
    # A column for each stock and period, and one for what nobody gives in a period.
    columns = (width + 1) * rows
    matrix = np.zeros((rows * (1 + width), columns))
    upper, cost = np.full(columns, np.inf), np.full(columns, UNMET)
    row_lower = np.concatenate([released[periods], np.full(width * rows, -np.inf)])
    row_upper = np.concatenate([released[periods], np.zeros(width * rows)])
    for row in range(rows):
        matrix[row, np.arange(width + 1) * rows + row] = 1.0
    for place, h in enumerate(sorted(range(width), key=lambda h: stocks[h].keeps)):
        own, held = h * rows + np.arange(rows), stocks[h].held()
        upper[own] = stocks[h].most
        # Late releases count less, so that those who lose most give before the others do.
        cost[own] = place * (2 - np.arange(rows) / rows)
        for row, k in enumerate(periods):
            earlier = (k - periods[: row + 1]).astype(float)
            matrix[(1 + h) * rows + row, own[: row + 1]] = stocks[h].keeps ** earlier
            row_upper[(1 + h) * rows + row] = held[k]
    matrix[np.abs(matrix) < highs.SMALLEST] = 0.0
    program = highs.arrays(cost, matrix, row_lower, row_upper, np.zeros(columns), upper)
    solution = highs.solve(program)
    if solution.values is None:
        raise SolverError("stocks do not give what is released")
    given[:, periods] = np.maximum(solution.values[: width * rows], 0.0).reshape(width, rows)
    return given


def _left(stock: Stock, given: Floats) -> Floats:
    """(K) lots at each period's end after releases."""
    left, total = np.zeros(len(given)), stock.initial
    for k, (bought, out) in enumerate(zip(stock.bought, given, strict=True)):
        left[k] = total = max(0.0, stock.keeps * total + bought - out)
    return left
