"""Linear and whole-number programs for tests of the solver's interface, and a way to solve them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.model import highs
from optimizer.model.highs import LinearProgram


def program(**changes: Any) -> LinearProgram:
    """Minimize x + 2 y so that x + y >= 1 and both are at least 0: x is 1."""
    arrays: dict[str, Any] = {
        "cost": [1.0, 2.0],
        "matrix": [[1.0, 1.0]],
        "row_lower": [1.0],
        "row_upper": [math.inf],
        "lower": [0.0, 0.0],
        "upper": [math.inf, math.inf],
    }
    return highs.program_from_arrays(**(arrays | changes))


def model(
    cost: float = 1.0, coefficient: float = 1.0, side: float = 1.0, integers: bool = False
) -> pyo.ConcreteModel:
    """Minimize cost x + y so that coefficient x + y >= side."""
    it = pyo.ConcreteModel()
    it.x = pyo.Var(domain=pyo.NonNegativeIntegers if integers else pyo.NonNegativeReals)
    it.y = pyo.Var(domain=pyo.NonNegativeReals)
    it.enough = pyo.Constraint(expr=coefficient * it.x + it.y >= side)
    it.objective = pyo.Objective(expr=cost * it.x + it.y)
    return it


def solve_model(it: pyo.ConcreteModel) -> highs.ProgramSolution:
    return highs.solve(highs.compile_model(it).program)


def hand_over(it: pyo.ConcreteModel | LinearProgram) -> None:
    """Hand over as it stands what solve() would scale first."""
    highs.load_solver(it if isinstance(it, LinearProgram) else highs.compile_model(it).program)


def hard(rows: int = 4, columns: int = 30) -> LinearProgram:
    """A market split (Cornuéjols and Dawande 1998): no solver proves one of this size in seconds.

    Each row asks for half of the sum of random whole numbers; what is over or lacks is minimized.
    """
    numbers = np.random.default_rng(1).integers(0, 100, (rows, columns)).astype(float)
    half = np.floor(numbers.sum(axis=1) / 2)
    slacks = np.zeros(2 * rows)
    relaxed = highs.program_from_arrays(
        np.r_[np.zeros(columns), slacks + 1],
        np.hstack([numbers, np.eye(rows), -np.eye(rows)]),
        half,
        half,
        np.zeros(columns + 2 * rows),
        np.r_[np.ones(columns), slacks + np.inf],
    )
    return replace(relaxed, is_integer=np.r_[np.ones(columns, bool), slacks > 0])
