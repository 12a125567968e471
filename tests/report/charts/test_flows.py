"""Maps: what is drawn is what the plan says, and no country of the scenarios is lost."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.patches import PathPatch
from saved_plans import germany
from small import case, near, project, solve as solve_small

from models.countries import ALPHA_2
from models.results import Plan
from optimizer.analyses.registry import build_result_document
from optimizer.report.charts import Chart, supply_charts
from optimizer.report.countries import country_name
from optimizer.report.document import Table, Text
from optimizer.report.number_format import format_rounded_percent

SCENARIOS = Path(__file__).parents[3] / "scenarios"
MIX = {"CN": 0.45, "DE": 0.3, "AU": 0.15, "CL": 0.1}


def maps_of(found: Plan) -> tuple[Table, Chart] | None:
    parts = [part for section in build_result_document(found).sections for part in section.parts]
    for part in parts:
        if isinstance(part, Table) and part.name == "flows":
            assert part.chart is not None
            return part, part.chart
    return None


def drawn(shares: dict[str, float], home: str = "DE", marked: str = "") -> Any:
    one = supply_charts.SupplyMap("Ore", "With plan", shares, list(shares), marked)
    return supply_charts.draw_supply_maps([[one]], home).axes[0]


def lines(axes: Any) -> list[float]:
    return [patch.get_linewidth() for patch in axes.patches if isinstance(patch, PathPatch)]


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.slow
def test_the_chart_shows_the_figures_of_the_plan() -> None:
    found = germany()
    table, chart = maps_of(found) or pytest.fail("no maps")
    outcomes = {material.name: material.by_year["2030"] for material in found.materials}
    figure = chart.draw()
    seen = set()
    for axes in figure.axes:
        name, ends = axes.get_title("left"), axes.get_title("right")
        of = outcomes[name]
        for side, mix in (("Without plan", of.supply_without_plan), ("With plan", of.supply)):
            if ends not in (side, "With and without plan"):
                continue
            assert mix is not None
            seen.add((name, side))
            wide = [
                max(supply_charts.FULL_LINE_WIDTH * x, 0.4)
                for c, x in mix.by_country.items()
                if c != "DE"
            ]
            assert lines(axes) == near(wide)
            for code in list(mix.by_country)[:3]:
                said = f"{country_name(code)} {format_rounded_percent(mix.by_country[code])}"
                assert any(text.removeprefix("▲ ") == said for text in texts(axes))
            for flow, code in table.rows:
                if flow.name == name:
                    share = (flow.shares_before, flow.shares_after)[side == "With plan"].get(
                        code, 0.0
                    )
                    assert share == near(mix.by_country.get(code, 0.0))
    assert {name for name, _ in seen} == {flow.name for flow, _ in table.rows}
    assert len(seen) == 2 * len({name for name, _ in seen})
    height = figure.get_size_inches()[1]
    assert height <= 8


@pytest.mark.slow
def test_materials_are_sorted_by_change_and_damage() -> None:
    table, _ = maps_of(germany()) or pytest.fail("no maps")
    shown = list(dict.fromkeys(flow.name for flow, _ in table.rows))
    by_name = {flow.name: flow for flow, _ in table.rows}
    changed = [by_name[name].max_share_change >= 0.005 for name in shown]
    assert changed == sorted(changed, reverse=True)
    for kind in (True, False):
        damage = [
            by_name[n].damage_without_plan for n, c in zip(shown, changed, strict=True) if c is kind
        ]
        assert damage == sorted(damage, reverse=True)


@pytest.mark.slow
def test_it_is_the_same_every_time_and_small() -> None:
    _, chart = maps_of(germany()) or pytest.fail("no maps")
    svg = chart.svg()
    assert svg == chart.svg()
    assert len(svg) < 200_000
    assert chart.png_file() == chart.png_file()


def test_a_line_is_as_wide_as_the_share_and_home_has_none() -> None:
    axes = drawn(MIX)
    assert lines(axes) == near(
        [supply_charts.FULL_LINE_WIDTH * share for share in (0.45, 0.15, 0.1)]
    )
    assert texts(axes) == ["China 45\u00a0%", "Germany 30\u00a0%", "Australia 15\u00a0%",
                           "Chile 10\u00a0%"]  # fmt: skip
    colors = [line.get_markerfacecolor() for line in axes.lines]
    assert supply_charts.SHARE_COLORS[2] in colors  # China, from 40 %
    assert supply_charts.SHARE_COLORS[3] not in colors


def test_a_share_above_the_limit_is_marked_and_not_by_color_alone() -> None:
    assert texts(drawn({"CN": 0.7, "AU": 0.3}, marked="CN"))[0] == "▲ China 70\u00a0%"


@pytest.mark.parametrize("home", ["", "XYZ"])
def test_without_a_home_on_the_map_no_line_leads_there(home: str) -> None:
    assert lines(drawn(MIX, home)) == []


def test_labels_stand_apart_and_on_the_map() -> None:
    shares = {"DE": 0.3, "FR": 0.2, "BE": 0.2, "NL": 0.1, "AT": 0.1, "PL": 0.1}
    axes = drawn(shares)
    boxes = [(*text.get_position(), 0.56 * supply_charts.LABEL_SIZE * len(text.get_text()))
             for text in axes.texts]  # fmt: skip
    for place, (x, y, wide) in enumerate(boxes):
        assert wide / 2 < x < supply_charts.MAP_WIDTH - wide / 2
        assert 0 < y < supply_charts.MAP_HEIGHT
        for a, b, w in boxes[:place]:
            assert abs(x - a) >= (wide + w) / 2 or abs(y - b) >= supply_charts.LABEL_SIZE


def test_a_country_without_a_point_is_listed_beside_the_map() -> None:
    axes = drawn({"CN": 0.6, "ZZ": 0.3, "WS": 0.1})
    assert "Not on the map: ZZ 30\u00a0%, WS 10\u00a0%" in texts(axes)


def codes() -> set[str]:
    """Every code of a country in the scenarios: in their files, tables and presets."""
    found: set[str] = set()
    for path in SCENARIOS.rglob("*.yaml"):
        for key, codes in re.findall(
            r"\b(country|home): *(\[?[A-Z, ]+\]?)", path.read_text("utf-8")
        ):
            found |= set(re.findall(r"[A-Z]{2}", codes)) if key else set()
    for path in SCENARIOS.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found |= {row["country"] for row in csv.DictReader(file) if "country" in row}
    return found & ALPHA_2


def test_every_country_of_the_scenarios_is_on_the_map() -> None:
    assert len(codes()) > 40
    assert [code for code in sorted(codes()) if supply_charts.country_point(code) is None] == []


def test_materials_from_home_alone_have_no_map() -> None:
    supply = [{"material": "ore", "country": "DE", "share": 1.0}]
    assert maps_of(solve_small(case(supply=supply, home=["DE"]))) is None
    assert maps_of(solve_small(case(supply=supply))) is not None


def test_new_supply_has_an_empty_map_before() -> None:
    """Without the plan no ore arrives, with it all comes from Germany."""
    found = solve_small(case(projects={"works": project(capex=1)}, home=["FR"]))
    _, chart = maps_of(found) or pytest.fail("no maps")
    before, after = chart.draw().axes
    assert texts(before) == ["No supply"]
    assert texts(after) == ["Germany 100\u00a0%"]
    parts = [part for section in build_result_document(found).sections for part in section.parts]
    assert any(isinstance(part, Text) and "line to France" in part.text for part in parts)


def test_the_projection_is_equal_earth() -> None:
    """The equator is 2.0546 times as long as the meridian in the middle (Šavrič and others)."""
    x, _ = supply_charts.project_equal_earth(180, 0)
    _, y = supply_charts.project_equal_earth(0, 90)
    assert x / y == pytest.approx(2.0546, abs=1e-4)
    assert supply_charts.project_equal_earth(-30, -40) == near(
        [-v for v in supply_charts.project_equal_earth(30, 40)]
    )
