"""Linear programs over coalitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from optimizer.games.coalitions import Floats

FREE = (-np.inf, np.inf)
FEASIBLE = 1e-10  # what a row may be off, with worths scaled to 1: the finest that HiGHS accepts
POSITIVE = 1e-6
"""A multiplier above it is positive. Those of rows of 0 and 1 are quotients of determinants: with
12 players the smallest that is not 0 is no less than 1/9477."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal point (k) of a linear program and the multipliers (m) of its rows, 0 or more."""

    value: float
    point: Floats
    multipliers: Floats


def least(
    cost: Floats,
    rows: Floats,
    sides: Floats,
    *,
    equal: tuple[Floats, Floats] | None = None,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> Optimum:
    """The least cost (k) @ y with rows (m, k) @ y >= sides (m).

    ``equal`` are rows and sides of equations, ``bounds`` (k) least and greatest y, without
    which y is free. The program must have an optimum; ArithmeticError if none is found.
    """
    equations, values = (None, None) if equal is None else equal
    for presolve in (False, True):  # without it is faster; with it is another try
        found = linprog(
            cost,
            A_ub=-rows,
            b_ub=-sides,
            A_eq=equations,
            b_eq=values,
            bounds=FREE if bounds is None else bounds,
            method="highs",
            options={
                "presolve": presolve,
                "primal_feasibility_tolerance": FEASIBLE,
                "dual_feasibility_tolerance": FEASIBLE,
            },
        )
        if found.status == 0:
            multipliers = np.maximum(0.0, -np.asarray(found.ineqlin.marginals))
            point = np.asarray(found.x)
            return Optimum(float(cost @ point), point, multipliers)
    raise ArithmeticError(f"no optimum of a linear program over coalitions: {found.message}")
