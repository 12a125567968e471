"""The page on a company's share: its answer, its tables and charts."""

from __future__ import annotations

import itertools
import re
from functools import cache

import participations as built
import pytest
from pages import Element, Table, read, shows, tables
from participations import ALL, SHARES, fares, participation

from models.language import Language, using
from optimizer.report.html import charts_on, report_on
from optimizer.report.html.participation.by_share import line
from optimizer.report.participating import picking

EVERY = pytest.mark.parametrize("name", ALL)
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


@cache
def root_of(name: str, language: Language = "en") -> Element:
    with using(language):
        return read(report_on(ALL[name]()))


def tables_of(name: str, language: Language = "en") -> dict[str, Table]:
    return tables(root_of(name, language))


def section(root: Element, name: str) -> Element:
    (found,) = [s for s in root.all("section") if s.attributes["id"] == name]
    return found


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    found = [s.attributes["id"] for s in root_of("project").all("section")]
    assert found == [
        "answer", "by-share", "public", "money", "curves", "method", "certificate", "glossary",
    ]  # fmt: skip
    assert "public" not in [s.attributes["id"] for s in root_of("pooled").all("section")]


@LANGUAGES
def test_the_answer_has_its_figures(language: Language) -> None:
    answer = section(root_of("project", language), "answer")
    said = {"en": ["30 %", "9.60 million EUR", "7.20 million EUR", "60 %", "3.83", "60 %"],
            "de": ["30 %", "9,60 Mio. EUR", "7,20 Mio. EUR", "60 %", "3,83", "60 %"]}  # fmt: skip
    figures = [e.text for e in answer.all("dd") if e.attributes.get("class") == "figure"]
    assert [text.replace("\u00a0", " ") for text in figures] == said[language]


@EVERY
@LANGUAGES
def test_cells_show_the_figures_behind_them(name: str, language: Language) -> None:
    for table in tables_of(name, language).values():
        for row in table.rows:
            assert all(shows(cell) for cell in row if "data-value" in cell.attributes)


def test_the_chart_has_both_ways_of_the_others() -> None:
    table = tables_of("project")["share-totals"]
    assert table.headers.count("Damage plus cost") == 2
    anew, held = (n for n, head in enumerate(table.headers) if head == "Damage plus cost")
    planned = table.rows[: len(SHARES) - 1]
    assert [row[anew].value for row in planned] == pytest.approx(
        [fares(share).total for share in SHARES[:-1]]
    )
    assert [row[held].value for row in planned] == pytest.approx(
        [fares(share, "held").total for share in SHARES[:-1]]
    )
    assert table.rows[-1][0].text.replace("\u00a0", " ") == "80 %"
    assert [cell.text for cell in table.rows[-1][1:]] == ["-"] * (len(table.headers) - 1)


def test_the_band_is_that_of_equally_good_plans() -> None:
    found = participation().curves[0]
    drawn, table = line(found), tables_of("project")["share-totals"]
    around = [point.range for point in picking.planned(found)]
    ends = [(r.least, r.best.total, r.worst.total, r.most) for r in around if r is not None]
    assert len(ends) == len(SHARES) - 1
    assert list(zip(drawn.low, drawn.high, strict=True)) == [end[1:3] for end in ends]
    headers = ("none below", "at best", "at worst", "none above")
    shown = zip(*(table.values(header)[:-1] for header in headers), strict=True)
    assert list(shown) == [pytest.approx(end) for end in ends]


def test_charts_mark_the_answers_and_the_range() -> None:
    first, second = charts_on(participation())
    assert (first.name, second.name) == ("share-totals", "public")
    drawn = [text.text for text in read(first.svg()).all("text")]
    assert "best share" in drawn
    assert "no worse than none up to here" in drawn
    assert "best to worst, of plans as good by the objective" in drawn
    assert [re.sub(r"\s", " ", text) for text in drawn].count("30 %") == 2
    assert "least at 30" in first.description
    pooled = charts_on(built.pooled())[0]
    drawn = [text.text for text in read(pooled.svg()).all("text")]
    assert not [text for text in drawn if text.startswith("best to worst")]


def test_public_money_moves_both_shares() -> None:
    table = tables_of("project")["public"]
    assert [row[0].text for row in table.rows][-1] == "free"
    assert table.values("Best share") == [0.3, 0.3, 0.4, 0.3]
    assert table.values("No worse than none up to") == [0.6, 0.7, 0.7, 0.6]


def test_outlay_and_offtake_are_those_of_the_best_share() -> None:
    found = tables_of("project")
    best = picking.best_point(participation().curves[0])
    assert best is not None
    column = found["outlay"].values(found["outlay"].headers[1])
    assert column[:-1] == pytest.approx(list(best.outlay_by_year_meur.values()))
    assert column[-1] == pytest.approx(picking.outlay_meur(best))
    gallium = next(n for n, head in enumerate(found["offtake"].headers) if head == "Gallium")
    assert [row[gallium].value for row in found["offtake"].rows] == pytest.approx([15, 15, 30])


def test_every_curve_has_a_table_with_every_share() -> None:
    found = tables_of("project")
    for place, curve in enumerate(participation().curves, start=1):
        table = found[f"curve-{place}"]
        assert len(table.rows) == len(curve.points)
        gains = [point.gain for point in curve.points]
        assert table.values("Gain") == [g if g is None else pytest.approx(g) for g in gains]
    assert found["curve-1"].rows[-1][-1].text == "impossible"
    shown = [row[0].text.replace("\u00a0", " ") for row in found["curve-1"].rows]
    assert shown[3:7:3] == ["30 % ★", "60 % ◆"]
    assert "at best" in found["curve-1"].headers
    assert "at best" not in found["curve-5"].headers


def test_waiting_and_acting_alone_are_set_beside_it() -> None:
    table = tables_of("project")["standings"]
    assert table.row("Nobody acts")[-1].value == 60
    assert table.row("It acts alone")[-1].value == 54
    assert table.row("No share: others stick to the plan")[-1].value == 42
    assert "20 million EUR less mean damage than if nobody acts" in root_of("project").text


def test_what_stopped_early_must_be_read_with_it() -> None:
    (caution,) = [
        e for e in root_of("interrupted").all("div") if e.attributes.get("class") == "caution"
    ]
    assert "points are missing" in caution.text
    assert "2 of 3 points" in caution.text


def test_without_any_plan_there_is_no_chart() -> None:
    root = root_of("nothing_possible")
    assert not list(root.all("figure"))
    assert "No plan keeps all rules" in section(root, "answer").text


@EVERY
@LANGUAGES
def test_the_page_is_whole_and_safe(name: str, language: Language) -> None:
    root = root_of(name, language)
    ids = [e.attributes["id"] for e in root.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in root.all():
        assert element.tag not in {"script", "link", "img", "iframe"}
        assert "style" not in element.attributes
        for key, value in element.attributes.items():
            found = value.split() if key == "aria-labelledby" else []
            found += re.findall(r"url\(#([^)]+)\)", value)
            assert set(found) <= set(ids)
    for part in root.all("section"):
        parts = [p for p in part.content if isinstance(p, Element)]
        for figure, below in itertools.pairwise(parts):
            assert figure.tag != "figure" or list(below.all("table"))


def test_names_are_never_markup() -> None:
    root = read(report_on(participation(name="<b>A & B</b>", project_name="<i>x</i>")))
    assert not list(root.all("b", "i"))
    (h1,) = root.all("h1")
    assert h1.text == "<b>A & B</b>: which share of <i>x</i>?"


@EVERY
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    with using("de"):
        page = report_on(ALL[name]())
    assert untranslated == set()
    assert page.count("<svg ") == len(charts_on(ALL[name]()))
