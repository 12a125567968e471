"""The line of time: bars read off the drawing, texts beside them, years that never overlap."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from matplotlib.text import Annotation

from optimizer.report.charts import drawing, plan_charts
from optimizer.report.charts.plan_charts import ProjectTimeline

YEARS = range(2026, 2041)
LATE = ProjectTimeline(
    "Works", 2027, 2029, 2, None, mean_delay=0.85, max_delay=2, success_probability=0.75
)


def bars(*lives: ProjectTimeline) -> list[tuple[float, float]]:
    """First and last point in time of each bar, in the order in which they are drawn."""
    axes = plan_charts.project_timelines(lives, YEARS).axes[0]
    drawn = [bar for one in axes.containers for bar in one]
    return [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in drawn]


def texts(*lives: ProjectTimeline) -> list[str]:
    axes = plan_charts.project_timelines(lives, YEARS).axes[0]
    return [text.get_text() for text in axes.texts]


def test_construction_expected_delay_ramp_up_and_output_follow_each_other() -> None:
    spans = [x for span in bars(LATE) for x in span]
    assert spans == pytest.approx([2027, 2029, 2029, 2029.85, 2029.85, 2031.85, 2031.85, 2041])


def test_without_delay_there_is_none_to_be_seen() -> None:
    on_time = ProjectTimeline("Works", 2027, 2029, 1, 3)
    assert bars(on_time) == [(2027, 2029), (2029, 2030), (2030, 2032)]
    words = [
        t.get_text() for t in plan_charts.project_timelines([on_time], YEARS).legends[0].get_texts()
    ]
    assert words == ["decision", "construction", "ramp-up", "full output"]
    assert "latest" not in texts(on_time)


@pytest.mark.parametrize(
    ("life", "spans"),
    [
        (ProjectTimeline("Short-lived", 2027, 2028, 5, 2), [(2027, 2028), (2028, 2030)]),
        (ProjectTimeline("Too late", 2039, 2042, 2, None, 1.0, 2), [(2039, 2041)]),
        (ProjectTimeline("At the end", 2038, 2040, 2, None, 1.0, 2), [(2038, 2040), (2040, 2041)]),
    ],
)
def test_nothing_is_drawn_past_its_life_or_the_horizon(
    life: ProjectTimeline, spans: list[tuple[float, float]]
) -> None:
    assert bars(life) == spans


def test_the_line_of_a_delay_ends_with_the_longest() -> None:
    (line, _) = plan_charts.project_timelines([LATE], YEARS).axes[0].lines
    assert list(line.get_xdata()) == [2029, 2031]


def test_years_and_chances_stand_beside_the_bars() -> None:
    assert texts(LATE) == [
        "Works", "First", "output", "2029", "At the", "latest", "2031", "Chance of", "success",
        "75\u00a0%",
    ]  # fmt: skip
    figure = plan_charts.project_timelines(
        [LATE, LATE._replace(name="A name that takes two lines " * 2)], YEARS
    )
    figure.draw_without_rendering()
    (axes,) = figure.axes
    inside = axes.get_window_extent()
    for text in axes.texts:
        assert isinstance(text, Annotation)
        box = text.get_window_extent()
        assert box.x0 >= inside.x1 or box.x1 <= inside.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1


@pytest.mark.slow
def test_names_of_two_lines_and_columns_of_texts_do_not_meet() -> None:
    long = [LATE._replace(name=f"{n} Metals and alloys at Lacq (LCM, USA Rare Earth) and more")
            for n in range(12)]  # fmt: skip
    figure = plan_charts.project_timelines(long, YEARS)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.shrunk(0.98, 0.8).overlaps(other.shrunk(0.98, 0.8))


@pytest.mark.parametrize("count", [1, 2, 15, 40, 300])
@pytest.mark.parametrize("width", [6.9, 3.0, 1.0])
def test_years_on_an_axis_never_overlap(count: int, width: float) -> None:
    figure, axes = drawing.new_figure(1.0)
    figure.set_size_inches(width, 1.0)
    years = list(range(2026, 2026 + count))
    axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
    drawing.set_year_axis(axes, years)
    figure.draw_without_rendering()
    labels: list[Any] = [label for label in axes.get_xticklabels() if label.get_text()]
    assert labels[0].get_text() == "2026"
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
