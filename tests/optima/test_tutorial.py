"""The shipped tutorial, solved by hand. docs/tutorial.md explains it in detail."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import bought, near, starts

from models.files import read_case
from models.results import Plan
from optimizer.solve.planner import solve_to_plan

TUTORIAL = Path(__file__).parent.parent.parent / "scenarios" / "tutorial.yaml"


def solved(variant: str | None = None, *settings: str) -> Plan:
    return solve_to_plan(read_case(TUTORIAL, variant=variant, settings=settings).case, gap=0.0)


def test_without_a_plan() -> None:
    """A year without imports: 20 t at 1 million and 20 t at 4, 100 million.

    One such year with chance 0.2, two with 0.1: 20 + 20 million.
    """
    without = solved().outcome.without_plan
    assert without.expected == near(40)
    assert without.worst == near(200)
    assert without.cvar == near(200)


def test_the_plan() -> None:
    """Refinery: 10 t home a year, 40 million in each of 0.4 expected years: saves 16, costs 10.

    Stock: a tonne there in 2027 saves 4 million with chance 0.3: 1.2. Bought in 2026 it costs
    0.5 + 3 * 0.02, in 2027 0.5 + 2 * 0.02: 5 t each, for 5.5. Bought in 2028 it would save
    0.1 * 4 = 0.4 and cost 0.52. Damage left: 0.2 * 20 + 0.1 * (40 + 40) = 12.
    """
    answer = solved()
    assert answer.certificate.objective == near(27.5)
    assert answer.outcome.expected == near(12)
    assert answer.outcome.net_cost_meur == near(15.5)
    assert answer.outcome.worst == near(80)
    assert starts(answer) == {"refinery": 2026}
    (refinery,) = answer.projects
    assert refinery.shares == {"fund": {"equity": near(0.25)}, "chip_maker": {"equity": near(0.25)}}
    assert (refinery.market_share, refinery.offtake) == (near(0.5), near(0.5))
    assert bought(answer) == {"2026": near(5), "2027": near(5), "2028": near(0)}
    assert answer.stockpiles[0].planned_t == {"2026": near(5), "2027": near(10), "2028": near(10)}
    assert answer.spend_meur == {
        "fund": {"2026": near(10 + 2.6), "2027": near(2.7), "2028": near(0.2)},
        "chip_maker": {"2026": near(10), "2027": near(0), "2028": near(0)},
    }


def test_what_is_missing_with_the_plan() -> None:
    """40 - 10 - 10 t in 2027 with chance 0.3. In 2028 the store is empty: 30 t with 0.1."""
    by_year = solved().materials[0].by_year
    assert by_year["2026"].expected_shortage_t == near(0)
    assert by_year["2027"].expected_shortage_t == near(6)
    assert by_year["2028"].expected_shortage_t == near(3)
    assert by_year["2027"].probability_of_shortage == near(0.3)
    assert by_year["2028"].probability_of_shortage == near(0.1)
    assert by_year["2027"].days_of_cover == near(10 / 40 * 365)


def test_small_tickets_let_recycling_in() -> None:
    """3 million of 6, half of it recovered: 1.5. Two tonnes a year more come home.

    One stop: 2 t at 1 million, 0.2 * 2. Two stops: 2 t at 4 million in each, 0.1 * 16. It saves 2.
    """
    answer = solved("small_tickets")
    assert starts(answer) == {"refinery": 2026, "recycling": 2026}
    assert bought(answer) == {"2026": near(5), "2027": near(5), "2028": near(0)}
    assert answer.certificate.objective == near(27)


@pytest.mark.parametrize("variant", ["no_company", "half_the_fund"])
def test_the_stock_alone(variant: str) -> None:
    """Without the company no refinery; with 10 million it is the refinery or the stock.

    Stock alone: 40 - 0.3 * 10 * 4 + 5.5 = 33.5. Refinery alone: 40 - 16 + 10 = 34.
    """
    answer = solved(variant)
    assert starts(answer) == {}
    assert bought(answer) == {"2026": near(5), "2027": near(5), "2028": near(0)}
    assert answer.certificate.objective == near(33.5)


def test_the_refinery_alone() -> None:
    """A stock that cannot be bought: 40 - 16 + 10."""
    answer = solved(None, "stockpiles.reserve.max_purchase_t_per_year=0")
    assert starts(answer) == {"refinery": 2026}
    assert answer.certificate.objective == near(34)


def test_by_default_cost_hardly_counts() -> None:
    """With a thousandth of the cost even the stock of 2028 is bought: 0.4 > 0.001 * 0.52.

    Damage 12 - 5 * 0.4 = 10; cost 15.5 + 5 * 0.52 = 18.1. The fund then spends 10 + 8.1 of 20.
    """
    answer = solved(None, "objective.cost_weight=0.001")
    assert bought(answer) == {"2026": near(5), "2027": near(5), "2028": near(5)}
    assert answer.certificate.objective == near(10 + 0.0181)
