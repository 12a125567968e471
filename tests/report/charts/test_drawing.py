"""Charts are the same every time, carry their texts as text, and come as SVG and PNG."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections import Counter

import pytest
from pages import read
from saved_plans import germany

from optimizer.analyses.registry import build_result_document
from optimizer.report.charts import Chart
from optimizer.report.charts.drawing import SERIES_STYLES, WIDTH
from optimizer.report.charts.plan_charts import stacked_year_bars
from optimizer.report.render.html import document_charts

SVG = "{http://www.w3.org/2000/svg}"


def bars(name: str = "Fund", first: float = 12.5) -> Chart:
    return Chart(
        "bars",
        "Money & more",
        "Bars <of> money",
        lambda: stacked_year_bars(
            [2026, 2027], [(name, [first, 0.0]), ("Firm", [7.5, 2.5])], "million EUR"
        ),
    )


def test_texts_are_text_and_totals_stand_above() -> None:
    drawn = [text.text for text in read(bars().svg()).all("text")]
    counts = Counter(drawn)
    assert counts["Fund"] == counts["Firm"] == counts["2026"] == counts["million EUR"] == 1
    assert "20.0" in drawn
    assert "2.5" in drawn


@pytest.mark.slow
def test_it_is_the_same_every_time() -> None:
    assert bars().svg() == bars().svg()
    assert bars().svg_file() == bars().svg_file()
    assert bars().png_file() == bars().png_file()


def test_mathematics_and_markup_in_names_are_drawn_as_they_are() -> None:
    drawn = [text.text for text in read(bars("$a_b$ <i>&</i>").svg()).all("text")]
    assert "$a_b$ <i>&</i>" in drawn


def test_a_file_is_a_document_of_its_own() -> None:
    root = ET.fromstring(bars().svg_file())
    assert root.tag == f"{SVG}svg"
    assert root.attrib["width"] == f"{72 * WIDTH:g}pt"
    assert root.attrib["viewBox"].split()[3] + "pt" == root.attrib["height"]
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "Money & more"
    assert description is not None
    assert description.text == "Bars <of> money"


def test_a_picture_has_300_dots_an_inch() -> None:
    content = bars().png_file()
    assert content.startswith(b"\x89PNG")
    width, _height = struct.unpack(">II", content[16:24])
    assert width == pytest.approx(300 * WIDTH, abs=1)


def test_series_differ_in_pattern_or_lightness_too() -> None:
    """Not by color alone: of two with one pattern, one is much lighter."""

    def lightness(color: str) -> float:
        red, green, blue = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for place, (color, hatch) in enumerate(SERIES_STYLES):
        for other, same in SERIES_STYLES[:place]:
            assert same != hatch or abs(lightness(color) - lightness(other)) > 0.25


@pytest.mark.slow
def test_all_charts_of_a_report_are_named_apart() -> None:
    made = document_charts(build_result_document(germany()))
    assert len({chart.name for chart in made}) == len(made) >= 8
    assert all(chart.title and chart.description for chart in made)


def test_bars_are_as_tall_as_their_figures() -> None:
    """Read off the drawing: 12.5 and 7.5 make 20, and 2.5 an eighth of it."""
    axes = bars().draw().axes[0]
    heights = [[bar.get_height() for bar in series] for series in axes.containers]
    bottoms = [[bar.get_y() for bar in series] for series in axes.containers]
    assert heights == [[12.5, 0.0], [7.5, 2.5]]
    assert bottoms == [[0.0, 0.0], [12.5, 0.0]]
