"""Units of programs that are handed over: nothing changes but what tolerances mean."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from optimizer.model import highs
from optimizer.model.highs import LinearProgram
from optimizer.model.highs.program import drop_negligible_entries


def drawn(seed: int, decades: float) -> LinearProgram:
    """A feasible bounded program whose rows and columns are of sizes that many decades apart."""
    rng = np.random.default_rng(seed)
    rows, columns = 8, 12
    matrix = rng.uniform(0.5, 2.0, (rows, columns)) * (rng.random((rows, columns)) < 0.5)
    inside = rng.uniform(0.2, 0.8, columns)
    program = highs.program_from_arrays(
        rng.uniform(-1.0, 2.0, columns),
        matrix,
        matrix @ inside - 0.1,
        matrix @ inside + 0.3,
        np.zeros(columns),
        np.ones(columns),
    )
    if decades == 0:
        return program
    row = 10.0 ** rng.uniform(-decades / 2, decades / 2, rows)
    column = 10.0 ** rng.uniform(-decades / 2, decades / 2, columns)
    return replace(
        program,
        cost=program.cost * column,
        matrix=sparse.csc_array(
            sparse.diags_array(row) @ program.matrix @ sparse.diags_array(column)
        ),
        row_lower=program.row_lower * row,
        row_upper=program.row_upper * row,
        upper=program.upper / column,
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_program_of_any_sizes_has_the_optimum_of_the_one_it_was_made_of(seed: int) -> None:
    plain, wide = highs.solve(drawn(seed, 0)), highs.solve(drawn(seed, 12))
    assert wide.objective == pytest.approx(plain.objective, rel=1e-8, abs=1e-8)
    assert wide.bound == pytest.approx(plain.bound, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_factors_are_powers_of_two_and_bring_programs_near_one(seed: int) -> None:
    program = drawn(seed, 14)
    scaling = highs.compute_scaling(program)
    for factors in (scaling.row_factor, scaling.column_unit, np.array([scaling.objective_factor])):
        mantissa, _ = np.frexp(factors)
        assert (mantissa == 0.5).all()
    data = np.abs(scaling.scale(program).matrix.data)
    assert not scaling.is_near_one
    plain = np.abs(program.matrix.data)
    assert data.max() / data.min() < 1e4 < 1e9 < plain.max() / plain.min()


@pytest.mark.parametrize("seed", range(5))
def test_a_program_near_one_stays_as_it_is(seed: int) -> None:
    program = drawn(seed, 0)
    scaling = highs.compute_scaling(program)
    assert scaling.is_near_one
    applied = scaling.scale(program)
    assert (applied.matrix.data == program.matrix.data).all()
    assert (applied.cost == program.cost * scaling.objective_factor).all()


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e6, 1e12])
def test_the_size_of_the_objective_decides_nothing(size: float) -> None:
    """A solver's tolerance on reduced costs takes a cost of 1e-12 for none at all."""
    program = drawn(3, 0)
    small = highs.solve(replace(program, cost=program.cost * size))
    assert small.objective == pytest.approx(size * highs.solve(program).objective, rel=1e-9, abs=0)


def test_whole_columns_keep_their_units() -> None:
    """Least 1e-6 x + y with 1e-6 x + y >= 2.5e-6, x whole and at most 2: y is 0.5e-6."""
    relaxed = highs.program_from_arrays(
        [1e-6, 1.5], [[1e-6, 1.0]], [2.5e-6], [math.inf], [0.0, 0.0], [2.0, math.inf]
    )
    whole = replace(relaxed, is_integer=np.array([True, False]))
    assert highs.compute_scaling(whole).column_unit[0] == 1.0
    solution = highs.solve(whole, gap=0.0)
    assert solution.values == pytest.approx([2.0, 0.5e-6], rel=1e-9, abs=0)


def test_simplex_values_do_not_depend_on_scaling() -> None:
    program = drawn(7, 12)
    once = highs.solve(program)
    simplex = highs.DualSimplex(program)
    assert simplex.solve() == "optimal"
    x = simplex.values()
    assert simplex.objective == pytest.approx(once.objective, rel=1e-8)
    assert program.cost @ x == pytest.approx(once.objective, rel=1e-8)
    assert simplex.activity() == pytest.approx(program.matrix @ x, rel=1e-8)
    # Duals prove the optimum: what they leave of costs is what reduced costs are.
    left = program.cost - program.matrix.T @ simplex.row_duals()
    scale = np.abs(program.cost).max()
    assert simplex.reduced_costs() == pytest.approx(left, rel=1e-6, abs=1e-6 * scale)


@pytest.mark.parametrize("sure", [True, False])
def test_infeasibility_is_confirmed_by_a_second_solve(
    sure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x and y are at most a half each, and x + y is at least 2."""
    asked: list[str | None] = []
    second = highs.DualSimplex._resolve_doubtful
    monkeypatch.setattr(
        highs.DualSimplex,
        "_resolve_doubtful",
        lambda self, outcome: asked.append(outcome) or second(self, outcome),
    )
    program = highs.program_from_arrays(
        [1.0, 1.0], [[1.0, 1.0], [1.0, 2.0]], [2.0, 0.0], [math.inf, 9.0], [0.0, 0.0], [0.5, 0.5]
    )
    simplex = highs.DualSimplex(program, exact=True)
    assert simplex.solve(verify_infeasible=sure) == "infeasible"
    assert bool(asked) == sure


@pytest.mark.parametrize(("upper", "kept"), [(2.0, [1.0, math.inf]), (math.inf, [1.0, math.inf])])
def test_what_is_negligible_comes_off_the_side(upper: float, kept: list[float]) -> None:
    """x + 1e-12 y >= 1: without y the row asks no more of x than with all of y that there is."""
    rows: dict[str, Any] = {"row_lower": [1.0], "row_upper": [math.inf]}
    program = highs.program_from_arrays(
        [1.0, 1.0], [[1.0, 1e-12]], lower=[0, 0], upper=[5, upper], **rows
    )
    lighter = drop_negligible_entries(program)
    assert lighter.matrix.nnz == 1
    lost = 2e-12 if math.isfinite(upper) else 0.0
    assert lighter.row_lower[0] == pytest.approx(kept[0] - lost, rel=1e-15)
    assert lighter.row_upper[0] == kept[1]
