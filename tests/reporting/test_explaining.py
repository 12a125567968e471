"""An explanation as text and as a page: each kind of reason in a sentence, in both languages."""

from __future__ import annotations

import re
from functools import cache

import pytest
from explaining import explained
from pages import read, tables
from small import Raw, case, funder, project, stockpile

from models.language import Language, using
from models.results import Explanation
from optimizer.reporting.explaining import words
from optimizer.reporting.html import charts_on, report_on
from optimizer.reporting.terminal import render

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


def raw() -> Raw:
    """A project that is built, one it pushes out, one nobody can finance and one not worth it."""
    return case(
        projects={
            "big": project(60, 10, name={"en": "Big mine", "de": "Große Grube"}),
            "small": project(50, 9, name="Small mine"),
            "lonely": project(10, 100, name="Lonely mine"),
        },
        funders={"fund": funder(budget=10, ticket_max_meur=20, name="Fund")},
        stockpiles=[stockpile(max_purchase_t_per_year=0)],
    )


@cache
def found() -> Explanation:
    return explained(raw(), values=True)


def text_of(language: Language = "en") -> str:
    with using(language):
        return re.sub(r"\s+", " ", render(found()))


def test_each_reason_is_a_sentence() -> None:
    text = text_of()
    assert "Big mine is in, decided in 2026. Without it the best plan is worse by" in text
    assert "Small mine is out. With it the best plan is worse by" in text
    assert "Instead: out goes Big mine." in text
    assert (
        "Beside the plan as it stands it does not fit: what is left of the budget of public (10 "
        "million EUR) does not suffice (B1)"
    ) in text
    assert "Lonely mine is out. No plan can have it" in text
    assert "reserve buys nothing. There is no room, no market or no demand for any." in text
    assert "Budget of public" in text


def test_it_is_told_in_german() -> None:
    text = text_of("de")
    assert "Große Grube ist dabei, Entscheidung 2026. Ohne dieses Projekt ist der beste" in text
    assert "was im Budget „public“ (10 Mio. EUR) übrig ist, reicht nicht (B1)" in text
    assert "Was eine weitere Million wert ist" in text


@LANGUAGES
def test_the_page_has_the_chart_and_its_table(language: Language) -> None:
    with using(language):
        root = read(report_on(found()))
        (chart,) = charts_on(found())
        assert chart.svg().startswith("<svg")
    table = tables(root)["regrets"]
    lost = [row[2].value for row in table.rows]
    assert lost == sorted(lost, reverse=True)
    assert [s.attributes["id"] for s in root.all("section")] == [
        "answer", "projects-out", "projects-in", "stocks-out", "worth", "method", "proof",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (12.31, 13.92, "12.3 to 14.0"),
        (0.0, 0.0649, "at most 0.065"),
        (6.0, 6.0, "6"),
        (108.19, 113.79, "108 to 114"),
        (0.9989, 0.9991, "0.998 to 1.000"),
        (2.0, None, "at least 2"),
        (None, None, "not known"),
    ],
)
def test_ranges_are_rounded_outwards(low: float | None, high: float | None, said: str) -> None:
    assert words.span(low, high).replace("\u00a0", " ") == said


def test_years_in_a_row_are_one_span() -> None:
    assert words.years([2030, 2026, 2027, 2028]) == "2026 to 2028, 2030"
