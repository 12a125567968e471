"""Recourse of a node whose stocks lose at different rates, by linear programming.

A lot in a stock that keeps better is worth more the later it is needed: no order by value is
exact. The program of a node keeps all its periods; from look to look only the uncovered demand
changes, and the dual simplex method goes on from the last basis.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.instance import Floats


@dataclass(frozen=True, eq=False)
class Stock:
    """A stockpile's part that belongs to a node, in lots."""

    keeps: float
    initial: float
    bought: Floats  # (K) in each period
    most: float  # lots per period; infinite where there is no limit

    def brought(self) -> Floats:
        """(K) lots that come in, what was there before included."""
        brought = self.bought.copy()
        brought[0] += self.keeps * self.initial
        return brought

    def held(self) -> Floats:
        """(K) lots at each period's end if nothing is released."""
        held, total = np.zeros(len(self.bought)), self.initial
        for k, lots in enumerate(self.bought):
            held[k] = total = self.keeps * total + lots
        return held


class UnlikeStocks:
    """The program of one node: (J, K) steps, H stocks."""

    def __init__(self, weight: Floats, limit: Floats, stocks: list[Stock]) -> None:
        steps, length = weight.shape
        columns = (steps + 2 * len(stocks)) * length
        matrix = np.zeros((length * (1 + len(stocks)), columns))
        # No more is missing than all steps hold: the dearest needs no limit, without which a period
        # in which everything is missing leaves the solver no room for rounding.
        room = limit.copy()
        room[weight.argmax(axis=0), np.arange(length)] = np.inf
        upper = np.concatenate([room.ravel(), np.full(2 * len(stocks) * length, np.inf)])
        self._scale = float(weight.max(initial=0.0)) or 1.0
        cost = np.concatenate([weight.ravel() / self._scale, np.zeros(columns - weight.size)])
        sides = [np.zeros(length)]
        for k in range(length):
            matrix[k, np.arange(steps) * length + k] = 1.0
        for h, stock in enumerate(stocks):
            held = (steps + 2 * h) * length
            released, row = held + length, (1 + h) * length
            upper[released : released + length] = stock.most
            for k in range(length):
                matrix[k, released + k] = 1.0
                matrix[row + k, released + k] = matrix[row + k, held + k] = 1.0
                if k > 0:
                    matrix[row + k, held + k - 1] = -stock.keeps
            sides.append(stock.brought())
        matrix[np.abs(matrix) <= highs.SMALLEST] = 0.0
        # No more is held than was brought, but less may be: that no solution has to follow a stock
        # to where nothing is left of it.
        brought = np.concatenate(sides)[length:]
        lower = np.concatenate([sides[0], np.full(len(brought), -np.inf)])
        top = np.concatenate([np.full(length, np.inf), brought])
        program = highs.arrays(cost, matrix, lower, top, np.zeros(columns), upper)
        self._simplex = highs.Simplex(program, exact=True)
        self._weight, self._limit, self._stocks = weight, limit, stocks
        self._rows = np.arange(length, dtype=np.int32)

    def solve(self, uncovered: Floats) -> tuple[float, Floats, Floats]:
        """Least damage, and what (K) a lot of demand and (H, K) one of stock is worth. Worths are
        in the unit of the weights per lot of the period itself, made feasible for the dual problem
        exactly, whatever the solver's tolerance."""
        length = len(uncovered)
        needs = np.maximum(uncovered, 0.0)
        self._simplex.bound_rows(self._rows, needs, np.full(length, np.inf))
        if self._simplex.solve() != "optimal":
            raise SolverError("recourse of a node has no optimum")
        # Nothing is worth more than the dearest step: multipliers of rows in which nothing is left
        # can be of any size.
        with np.errstate(over="ignore"):
            duals = self._simplex.row_duals()
        price = np.clip(duals[:length], 0.0, 1.0) * self._scale
        price = np.where(needs > 0, np.minimum(price, self._weight.max(axis=0)), 0.0)
        worth = np.clip(-duals[length:].reshape(len(self._stocks), length), 0.0, 1.0) * self._scale
        for stock, own in zip(self._stocks, worth, strict=True):
            if not np.isfinite(stock.most):
                np.maximum(own, price, out=own)
            for k in range(length - 2, -1, -1):
                own[k] = max(own[k], stock.keeps * own[k + 1])
            # Stock is worth no more than what it can still serve, which proves as much.
            most = 0.0
            for k in range(length - 1, -1, -1):
                most = max(price[k], stock.keeps * most)
                own[k] = min(own[k], most)
        return self._simplex.objective * self._scale, price, worth

    def constant(self, gap: Floats, price: Floats, worth: Floats) -> float:
        """What the worths prove the damage to be at least if nothing is committed. ``gap`` is the
        demand that the market leaves open, negative where there is more than that."""
        total = price @ gap
        total -= (self._limit * np.maximum(0.0, price - self._weight)).sum()
        for stock, own in zip(self._stocks, worth, strict=True):
            total -= own[0] * stock.keeps * stock.initial
            if np.isfinite(stock.most):
                total -= stock.most * np.maximum(0.0, price - own).sum()
        return float(total)


def serve_unlike(weight: Floats, limit: Floats, uncovered: Floats, stocks: list[Stock]) -> Floats:
    """(J, K) shortage after the best releases, steps in the order of the file. Of equally good
    recourses the one that serves early periods first, then early steps."""
    shortage = _cheapest_steps(uncovered, weight, limit)
    stocks = [stock for stock in stocks if stock.initial > 0 or stock.bought.any()]
    steps, at = np.nonzero(shortage > 0)
    periods = np.unique(at)
    count, width, rows = len(steps), len(stocks), len(periods)
    columns = count + width * rows
    matrix = np.zeros((rows + width * rows, columns))
    upper = np.concatenate([shortage[steps, at], np.full(width * rows, np.inf)])
    row_lower = np.concatenate([shortage.sum(axis=0)[periods], np.full(width * rows, -np.inf)])
    row_upper = np.full(rows + width * rows, np.inf)
    matrix[np.searchsorted(periods, at), np.arange(count)] = 1.0
    for a, stock in enumerate(stocks):
        columns_of = count + a * rows + np.arange(rows)
        matrix[np.arange(rows), columns_of] = 1.0
        # Counted at each release's own period, so that no coefficient grows with the horizon.
        held = stock.held()
        for row, k in enumerate(periods):
            matrix[rows + a * rows + row, columns_of[: row + 1]] = stock.keeps ** (
                k - periods[: row + 1]
            ).astype(float)
            row_upper[rows + a * rows + row] = held[k]
        upper[columns_of] = stock.most
    matrix[np.abs(matrix) < highs.SMALLEST] = 0.0
    scale = float(weight[steps, at].max()) or 1.0
    cost = np.concatenate([weight[steps, at] / scale, np.zeros(width * rows)])
    first = _solved(cost, matrix, row_lower, row_upper, upper)
    if first is None:
        raise SolverError("recourse of a node has no optimum")
    # Of the equally good recourses, the one that serves early periods and early steps first.
    best = float(cost @ first)
    # Ranks weigh value, not tonnes: equal value is all that can be exchanged at the optimum. What
    # is worth nothing comes last, but does come: no stock lies idle beside a shortage.
    rank = (at * (steps.max() + 1) + steps) / float(shortage.size)
    late = np.concatenate([1e-6 - (cost[:count] + 1e-6) * rank, np.zeros(width * rows)])
    # The solver meets its own optimum within its tolerances only; what it cannot meet with a little
    # more room is not worth another order among equals.
    chosen = first
    for slack in (1e-9, 1e-7):
        cap = best * (1 + slack) + 1e-3 * slack
        second = _solved(
            late,
            np.vstack([matrix, cost]),
            np.append(row_lower, -np.inf),
            np.append(row_upper, cap),
            upper,
        )
        if second is not None:
            chosen = second
            break
    missing = np.zeros_like(shortage)
    missing[steps, at] = np.clip(chosen[:count], 0.0, shortage[steps, at])
    return missing


def _solved(
    cost: Floats, matrix: Floats, row_lower: Floats, row_upper: Floats, upper: Floats
) -> Floats | None:
    program = highs.arrays(cost, matrix, row_lower, row_upper, np.zeros(len(cost)), upper)
    # Where nothing can be released, rows are as narrow as rounding: presolve may find none to fit.
    for presolve in ("choose", "off"):
        solution = highs.solve(program, options={"presolve": presolve})
        if solution.ending == "optimal":
            return solution.values
    return None


def _cheapest_steps(uncovered: Floats, weight: Floats, limit: Floats) -> Floats:
    """(J, K) what is uncovered falls on the cheapest steps; of equals on the last in the file."""
    shortage = np.zeros_like(limit)
    for k in np.flatnonzero(uncovered):
        rest = uncovered[k]
        for j in np.lexsort((-np.arange(len(limit)), weight[:, k])):
            shortage[j, k] = min(rest, limit[j, k])
            rest -= shortage[j, k]
            if rest <= 0:
                break
    return shortage
