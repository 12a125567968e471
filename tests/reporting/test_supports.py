"""What a report says of interest subsidies and price floors."""

from __future__ import annotations

from small import case, project, solve

from models.language import using
from models.results import Plan
from optimizer.report import sections


def supported() -> Plan:
    """A floor of 12,000 EUR/t for 100 t of ore at 10,000: 0.2 million for all of it."""
    floor = {
        "kind": "price_floor",
        "floor_eur_per_t": {"ore": 12_000},
        "market_finance_per_share": 0.5,
    }
    return solve(
        case(
            projects={"works": project(market_finance_max=0.8, home_share=1.0)},
            funders={"fund": {"kind": "public", "name": "Fund", "instruments": {"floor": floor}}},
        )
    )


def test_supports_have_a_section_of_their_own() -> None:
    """Lenders lack a fifth, and carry half for all output: two fifths are under the floor."""
    section = sections.supports(supported())
    assert section is not None
    (grid, note) = section.parts
    assert isinstance(grid, sections.Grid)
    (row,) = [[cell.replace("\u00a0", " ") for cell in row] for row in grid.rows]
    assert row == ["Works", "Fund", "floor", "40 %", "0.0800", "0.0800"]
    assert "carries capex" in str(note)


def test_the_section_is_there_in_german() -> None:
    with using("de"):
        section = sections.supports(supported())
    assert section is not None
    assert section.title == "Was Banken und Anleger mehr tragen lässt"


def test_without_supports_there_is_no_section() -> None:
    assert sections.supports(solve(case())) is None
