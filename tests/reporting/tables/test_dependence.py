"""Who counts as a third country, and which year is shown."""

from __future__ import annotations

import pytest
from small import case, solve

from optimizer.report.tables import dependence
from optimizer.report.tables.frame import records


@pytest.mark.parametrize(
    ("country", "home", "above"),
    [("CN", [], True), ("FR", [], False), ("CN", ["CN"], False), ("NO", ["DE"], True)],
)
def test_one_third_country_above_65_percent(country: str, home: list[str], above: bool) -> None:
    """Neither the Union nor home is a third country."""
    supply = [
        {"material": "ore", "country": country, "share": 0.7},
        {"material": "ore", "country": "BR", "share": 0.3},
    ]
    plan = solve(case(supply=supply, home=home))
    (row,) = records(dependence.suppliers(plan, 2026))
    assert row["above"] is above
    assert (row["country"], round(row["share"], 9)) == (country, 0.7)


@pytest.mark.parametrize(
    ("first", "last", "shown"), [(2026, 2028, 2028), (2026, 2031, 2030), (2033, 2035, 2033)]
)
def test_the_year_shown_is_2030_or_the_nearest(first: int, last: int, shown: int) -> None:
    raw = case(horizon={"first_year": first, "last_year": last})
    assert dependence.year_shown(solve(raw)) == shown
