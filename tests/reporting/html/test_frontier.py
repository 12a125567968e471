"""A frontier beside a plan gets a section with its points."""

from __future__ import annotations

from typing import Any

from pages import read, shows, tables
from saved_plans import tutorial

from models.results import Frontier
from optimizer.report.html import charts, report


def point(value: float, expected: float | None, **fields: Any) -> dict[str, Any]:
    """A point; without a plan where there is no expected damage."""
    none = expected is None
    raw = {
        "value": value,
        "status": "infeasible" if none else "optimal",
        "objective": expected,
        "bound": expected,
        "gap": None if none else 0.0,
        "expected": expected,
        "expected_bound": None if none else 0.9 * (expected or 0.0),
        "cvar": None if none else 5.0 * (expected or 0.0),
        "cvar_bound": None,
        "worst": None if none else 6.0 * (expected or 0.0),
        "net_cost_meur": None if none else value,
        "public_meur": None if none else value,
        "spend_meur": {} if none else {"fund": value},
        "projects": {} if none or value < 10 else {"refinery": 2026},
        "stocks_t": {},
        "plan_of": None,
        "bound_of": None,
        "dominated": False,
        "conflict": [],
        "seconds": 1.0,
    }
    return raw | fields


def frontier(**fields: Any) -> Frontier:
    raw: dict[str, Any] = {
        "title": "Tutorial",
        "variant": None,
        "currency": "EUR",
        "varied": "funders.fund.budget_meur",
        "varied_unit": "million EUR",
        "loosens": True,
        "measure": "damage",
        "unit": "million EUR",
        "cvar_level": 0.95,
        "states": 3,
        "gap_target": 1e-4,
        "without_plan": {"expected": 40.0, "cvar": 200.0, "worst": 200.0},
        "points": [point(0, None), point(5, 30.0), point(20, 12.0)],
        "steps": [
            {
                "from_value": 5,
                "to_value": 20,
                "entering": ["refinery"],
                "leaving": [],
                "moved": {},
                "stocks_t": {},
                "avoided": 18.0,
                "jump": True,
                "marginal": {"low": 1.0, "plans": 1.2, "high": 1.4},
            }
        ],
        "ended": "interrupted",
        "seconds": 3.0,
        "project_names": {"refinery": "A refinery"},
        "stockpile_names": {},
        "funder_names": {"fund": "Fund"},
    }
    return Frontier.model_validate(raw | fields)


def test_the_points_are_those_of_the_frontier() -> None:
    root = read(report(tutorial(), frontier=frontier()))
    table = tables(root)["frontier"]
    assert table.values("Expected") == [None, 30.0, 12.0]
    assert table.values("No plan below") == [None, 27.0, 10.8]
    assert [row[-1].text for row in table.rows] == [
        "no plan keeps all rules",
        "-",
        "in: A refinery",
    ]
    assert [row[-2].text for row in table.rows] == ["-", "-", "1 to 1.40"]
    assert all(shows(cell) for row in table.rows for cell in row if "data-value" in cell.attributes)
    (section,) = [s for s in root.all("section") if s.attributes["id"] == "frontier"]
    assert "From 5 to 20 million EUR (budget of Raw materials fund)" in section.text
    assert "This report's plan has 20 million EUR" in section.text
    assert "points are missing" in section.text


def test_a_frontier_of_the_tail_is_drawn_against_it() -> None:
    tail = frontier(
        varied="objective.cvar.weight",
        varied_unit=None,
        points=[point(0, 12.0), point(1, 14.0)],
        steps=[],
    )
    names = [chart.name for chart in charts(tutorial(), frontier=tail)]
    assert "frontier" in names
    root = read(report(tutorial(), frontier=tail))
    (section,) = [s for s in root.all("section") if s.attributes["id"] == "frontier"]
    assert "weight on the worst states" in section.text


def test_without_a_plan_at_any_value_there_is_no_section() -> None:
    page = report(tutorial(), frontier=frontier(points=[point(0, None)], steps=[]))
    assert 'id="frontier"' not in page
