"""Bounds that rows give columns: no solution is lost, and a purse of nothing buys nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small import Raw, bought, case, funder, near, stockpile

from models.scenario.references import Case
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.highs import LinearProgram
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan
from optimizer.solve.solver_result import Method
from optimizer.solve.verification import broken_rules

WIDE = 1e-6
"""A coefficient that takes a program out of what counts as near one."""


NOTHING_MISSED = [{"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 0.0}]}]


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def program_of(
    matrix: list[list[float]], row_upper: list[float], upper: list[float] | None = None
) -> LinearProgram:
    """Columns that are worth having, and rows that come to at most their sides."""
    count = len(matrix[0])
    return highs.program_from_arrays(
        -np.ones(count),
        matrix,
        np.full(len(matrix), -np.inf),
        row_upper,
        np.zeros(count),
        np.full(count, np.inf) if upper is None else upper,
    )


@pytest.mark.parametrize("price", [1e-11, 1e-6, 1.0, 1e6])
def test_a_purse_of_nothing_buys_nothing_whatever_the_price(price: float) -> None:
    found = highs.solve(program_of([[price]], [0.0], [10.0]))
    assert found.values is not None
    assert found.values[0] == 0.0


def test_a_purse_that_stays_empty_is_empty_in_the_last_of_forty_years() -> None:
    """What a year leaves is the next year's: spent[y] + left[y] = left[y - 1]."""
    years = 40
    matrix = np.zeros((years, 2 * years))
    for y in range(years):
        matrix[y, [y, years + y]] = 1e-3, 1.0
        if y:
            matrix[y, years + y - 1] = -1.0
    program = program_of(matrix.tolist(), [0.0] * years, [10.0] * (2 * years))
    program = replace(program, row_lower=np.zeros(years))
    assert not highs.tighten_bounds(program).upper.any()


def test_columns_are_no_wider_than_rows_let_them() -> None:
    program = program_of([[2.0, WIDE], [0.0, 1.0]], [1e-3, 40.0])
    tight = highs.tighten_bounds(program)
    assert tight.upper == pytest.approx([5e-4, 40.0])
    assert (tight.lower == 0).all()


def test_whole_columns_are_rounded_to_what_fits() -> None:
    program = replace(
        program_of([[2.0, WIDE]], [1.5], [1.0, 1.0]), is_integer=np.array([True, False])
    )
    assert highs.tighten_bounds(program).upper.tolist() == [0.0, 1.0]


def test_a_program_near_one_keeps_its_bounds_but_where_nothing_is_left() -> None:
    program = program_of([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [1.0, 0.0], [9.0, 9.0, 9.0])
    assert highs.tighten_bounds(program).upper.tolist() == [9.0, 9.0, 0.0]


@pytest.mark.parametrize("owed", [1e-12, 1e-7, 1.0])
def test_a_purse_of_nothing_that_owes_a_trifle_is_broken(owed: float) -> None:
    assert highs.solve(program_of([[1.0]], [-owed], [10.0])).ending == "infeasible"


def test_a_negligible_side_of_a_constraint_is_ignored() -> None:
    assert highs.solve(program_of([[1.0]], [-1e-31], [10.0])).ending == "optimal"


@pytest.mark.parametrize("seed", range(200))
def test_no_solution_is_lost(seed: int) -> None:
    """Programs around a point, some sides as narrow as it allows, entries six decades apart."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 7), rng.integers(1, 9)
    integer = rng.random(columns) < 0.4
    point = np.where(integer, rng.integers(0, 2, columns), rng.uniform(0, 3, columns))
    point = np.where(rng.random(columns) < 0.3, 0.0, point)
    matrix = rng.uniform(-1, 2, (rows, columns)) * 10.0 ** rng.integers(-6, 1, (rows, columns))
    matrix *= rng.random((rows, columns)) < 0.6
    activity = matrix @ point
    room = np.where(rng.random(rows) < 0.5, 0.0, rng.uniform(0, 1, rows))
    both = rng.random(rows) < 0.5
    program = highs.program_from_arrays(
        np.ones(columns),
        matrix,
        np.where(both, activity - room, -np.inf),
        activity + room,
        np.zeros(columns),
        np.where(integer, 1.0, np.where(rng.random(columns) < 0.5, np.inf, 4.0)),
    )
    tight = highs.tighten_bounds(replace(program, is_integer=integer))
    assert (tight.lower <= point + 1e-9).all()
    assert (point <= tight.upper + 1e-9).all()
    assert (tight.row_upper == program.row_upper).all()


@pytest.mark.parametrize("lots", [1e-9, 1e-4])
def test_the_check_takes_no_purchase_from_an_empty_purse(lots: float) -> None:
    instance = read(case(funders={"fund": funder(budget=0.0)}, stockpiles=[stockpile()]))
    commitment = Commitment({}, {}, {}, {}, {"reserve": np.array([lots])})
    assert [text.split(":")[0] for text in broken_rules(instance, commitment)] == [
        "B1 funder_budget"
    ]


def test_the_check_asks_for_the_smallest_stock() -> None:
    """A millionth of a day of demand; half of it is not enough."""
    instance = read(case(stockpiles=[stockpile(min_days_of_demand=1e-6)]))
    least = float(instance.stockpiles["reserve"].min_stock[0])
    assert 0 < least < 1e-7
    for held, broken in ((least, 0), (least / 2, 1)):
        commitment = Commitment({}, {}, {}, {}, {"reserve": np.array([held])})
        assert len(broken_rules(instance, commitment)) == broken


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
@pytest.mark.parametrize("price", [1e-3, 1.0, 1e4])
def test_both_methods_leave_an_empty_purse_alone(method: Method, price: float) -> None:
    """100 t would be bought at once, for however little."""
    raw = case(
        materials={"ore": {"name": "Ore", "price_eur_per_t": price}},
        funders={"fund": funder(budget=0.0)},
        stockpiles=[stockpile()],
    )
    found = solve_to_plan(Case.model_validate(raw), method=method, gap=0.0)
    assert bought(found) == {"2026": 0.0}
    assert found.certificate.objective == near(10.0)


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_both_methods_buy_the_smallest_stock_asked_for(method: Method) -> None:
    raw = case(stockpiles=[stockpile(min_days_of_demand=1e-6)], damage=NOTHING_MISSED)
    found = solve_and_certify(Problem.from_case(Case.model_validate(raw)), method=method, gap=0.0)
    (lots,) = found.commitment.expected_purchases(found.instance, "reserve")
    assert lots * found.instance.lot_tonnes["ore"] == pytest.approx(100 / 365 * 1e-6, rel=1e-5)
