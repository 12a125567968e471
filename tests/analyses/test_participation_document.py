"""What a company's share buys it, as a document: sentences, tables, charts and live formulas."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import participations as built
import pytest
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of, workbook_of
from pages import Element, Table, read, tables
from participations import ALL, CAPEX, LIMIT, SHARES, curve, fares, participation, point, standing
from spreadsheets import cells, formulas, records, results

from models.language import Language
from models.results import Participation
from optimizer.analyses.participation.document import chart_line, headline
from optimizer.analyses.participation.tables import (
    ParticipationWording,
    points_with_plan,
    total_outlay_meur,
)
from optimizer.analyses.registry import build_result_document
from optimizer.report.render import html

EVERY = pytest.mark.parametrize("name", ALL)
LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])


def answer_of(found: Participation) -> str:
    """The answer in words on one line, with plain spaces."""
    return " ".join(" ".join(headline(ParticipationWording(found))).replace("\u00a0", " ").split())


@cache
def root_of(name: str, language: Language = "en") -> Element:
    return read(page_of(ALL[name](), language))


def tables_of(name: str) -> dict[str, Table]:
    return tables(root_of(name))


def section(root: Element, name: str) -> Element:
    (found,) = [s for s in root.all("section") if s.attributes["id"] == name]
    return found


def failing(book: Any) -> list[str]:
    rows = records(book["Checks"], "Check", "Result")
    return [row["Check"] for row in rows if row["Result"] != "adds up"]


@pytest.mark.quick(1)
@EVERY
@LANGUAGES
def test_all_media_are_whole_in_both_languages(
    name: str, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(ALL[name](), language, untranslated)


def test_the_builder_of_cases_has_the_assumed_properties() -> None:
    """What the tests below rest on: least at 0.3, as good as none at 0.6, gains from totals."""
    totals = {share: fares(share).total for share in SHARES}
    assert min(totals, key=lambda share: totals[share]) == 0.3
    assert totals[0.6] == pytest.approx(totals[0.0])
    for one in participation().curves:
        none = one.points[0].standing
        assert none is not None
        for of in points_with_plan(one):
            assert of.standing is not None
            assert of.gain == pytest.approx(none.total - of.standing.total)
            assert total_outlay_meur(of) == pytest.approx(of.stake_meur)


def test_it_loads_back_equal() -> None:
    for make in ALL.values():
        found = make()
        assert Participation.model_validate_json(found.model_dump_json()) == found


def test_the_answer_comes_first() -> None:
    lines = text_of(participation()).splitlines()
    assert lines[:2] == ["Chips AG: which share of Upper works?", "A chip maker and its metals"]
    said = answer_of(participation())
    assert said in one_line(participation())
    assert said.startswith(
        "Chips AG does best with 30 % of the capex of Upper works. That is 12 million EUR of capex;"
    )
    assert "it gains 7.20 million EUR, net of what it pays" in said
    assert "Up to 60 % it is no worse off than with none" in said
    assert "may lie up to 10 percentage points higher. The rules allow 70 % at most." in said
    assert "lies anywhere from 31.5 to 33.4 million EUR" in said


def test_of_the_whole_portfolio_it_speaks_of_all_that_is_built() -> None:
    assert "30 % of the capex of all that is built." in answer_of(built.whole_portfolio())


def test_without_a_range_none_is_reported() -> None:
    text = one_line(built.pooled())
    assert "at best" not in text.casefold()
    assert "anywhere from" not in text
    assert "Supplies are pooled" in text
    assert "At best and at worst" in one_line(participation())


def test_an_early_stop_is_reported() -> None:
    found = built.interrupted()
    text = one_line(found)
    assert "Stopped early: points are missing." in text
    assert "2 of 3 points stopped before the gap was reached" in text
    assert "all plans rest on 40 states" in text
    assert "acts alone" not in text
    rows = tables_in(found)["points"].rows
    assert [row[2].text for row in rows] == [
        "", "stopped early; best; no worse than none up to here", "no plan found",
    ]  # fmt: skip
    (caution,) = [
        e for e in root_of("interrupted").all("div") if e.attributes.get("class") == "caution"
    ]
    assert "points are missing" in caution.text


def test_where_no_share_pays_none_is_best() -> None:
    said = answer_of(built.no_share_pays())
    assert said.startswith("Chips AG does best with no share of the capex of Upper works")
    assert "With every share above that it is worse off." in said
    assert "it gains" not in said


def test_where_nothing_is_possible_that_is_the_answer() -> None:
    assert answer_of(built.nothing_possible()) == (
        "No plan keeps all rules at any share of Upper works that was tried for Chips AG."
    )
    root = root_of("nothing_possible")
    assert not list(root.all("figure"))
    assert "No plan keeps all rules" in section(root, "answer").text
    points = [built.no_point(0.1, "none")]
    unknown = participation(curves=(curve(points=points, limit=None),))
    assert answer_of(unknown) == "There is no plan at any share that was tried."


def test_at_the_limit_nothing_lies_beyond() -> None:
    some = [point(share) for share in (0.0, 0.1, 0.2)]
    said = answer_of(participation(curves=(curve(points=some, limit=0.2),)))
    assert "Up to 20 % it is no worse off than with none. The rules allow 20 %" in said
    assert "percentage points higher" not in said


def test_names_are_those_of_the_language() -> None:
    """The scenario that the document carries has both; without it, names are those it lists."""
    text = text_of(built.with_its_scenario(), "de")
    assert text.splitlines()[:2] == [
        "Chip-AG: welcher Anteil an Werk am Oberrhein?",
        "Ein Chiphersteller und seine Metalle. Variante: Mehr Geld",
    ]
    assert "Am besten fährt Chip-AG mit 30 % der Investition in Werk am Oberrhein." in text
    page = page_of(built.with_its_scenario(), "de")
    assert "Gallium (Ga)" in " ".join(tables(read(page))["money"].headers)
    other = text_of(participation(), "de")
    assert "Am besten fährt Chips AG mit 30 % der Investition in Upper works." in other


@pytest.mark.slow
def test_names_can_be_neither_commands_nor_markup_nor_formulas() -> None:
    text = text_of(participation(name="Chips\x1b[31m AG", project_name="Upper\nworks"))
    assert "\x1b" not in text
    assert "Upper works" in text
    root = read(page_of(participation(name="<b>A & B</b>", project_name="<i>x</i>"), drawn=True))
    assert not list(root.all("b", "i"))
    (h1,) = root.all("h1")
    assert h1.text == "<b>A & B</b>: which share of <i>x</i>?"
    found = participation(material_names={"gallium": "=1+1", "germanium": "@x"}, name="+A")
    sheet = formulas(workbook_of(found))["By year"]
    assert next(c for row in sheet for c in row if c.value == "=1+1, t").data_type == "s"


@pytest.mark.quick(1)
@LANGUAGES
def test_no_line_is_cut(language: Language) -> None:
    for width in (80, 110, 140):
        assert "…" not in text_of(participation(), language, width)


def test_sections_stand_in_the_order_of_the_questions() -> None:
    found = [s.attributes["id"] for s in root_of("project").all("section")]
    assert found == [
        "answer", "public", "money", "curves", "method", "proof",
    ]  # fmt: skip
    assert list(tables_of("pooled"))[:2] == ["standings", "curves"]


@LANGUAGES
def test_the_answer_has_its_figures(language: Language) -> None:
    answer = section(root_of("project", language), "answer")
    said = {"en": ["30 %", "9.60 million EUR", "7.20 million EUR", "60 %", "3.83", "60 %"],
            "de": ["30 %", "9,60 Mio. EUR", "7,20 Mio. EUR", "60 %", "3,83", "60 %"]}  # fmt: skip
    figures = [e.text for e in answer.all("dd") if e.attributes.get("class") == "figure"]
    assert [text.replace("\u00a0", " ") for text in figures] == said[language]


def test_waiting_and_acting_alone_are_set_beside_it() -> None:
    table = tables_of("project")["standings"]
    assert table.row("Nobody acts")[-1].value == 60
    assert table.row("It acts alone")[-1].value == 54
    assert table.row("No share: others stick to the plan")[-1].value == 42
    assert "Alone: only Chips AG invests" in root_of("project").text


def test_the_band_is_that_of_equally_good_plans() -> None:
    found = participation().curves[0]
    drawn, table = chart_line(found), tables_of("project")["points"]
    around = [point.range for point in points_with_plan(found)]
    ends = [(r.best.total, r.worst.total) for r in around if r is not None]
    assert len(ends) == len(SHARES) - 1
    assert list(zip(drawn.low, drawn.high, strict=True)) == ends
    shown = zip(*(table.values(header) for header in ("at best", "at worst")), strict=True)
    assert list(shown)[: len(ends)] == [pytest.approx(end) for end in ends]


@pytest.mark.drawn
def test_charts_mark_the_answers_and_the_range() -> None:
    second, first = html.document_charts(build_result_document(participation()))
    assert (first.name, second.name) == ("share-totals", "public")
    drawn = [text.text for text in read(first.svg()).all("text")]
    assert "best share" in drawn
    assert "no worse than none up to here" in drawn
    assert "best to worst, of plans as good by the objective" in drawn
    assert [re.sub(r"\s", " ", text) for text in drawn].count("30 %") == 2
    pooled = html.document_charts(build_result_document(built.pooled()))[0]
    drawn = [text.text for text in read(pooled.svg()).all("text")]
    assert not [text for text in drawn if text.startswith("best to worst")]


def test_public_money_moves_both_shares() -> None:
    table = tables_of("project")["curves"]
    assert table.values("Best share") == [0.3, 0.3, 0.3, 0.4, 0.3]
    assert table.values("No worse than none up to") == [0.6, 0.6, 0.7, 0.7, 0.6]
    assert "Where no public share is named" in root_of("project").text


def test_outlay_and_offtake_are_those_of_the_best_share() -> None:
    table = tables_of("project")["money"]
    assert table.values("Outlay, million EUR") == pytest.approx([6.0, 3.6, 2.4, 0, 12.0])
    assert table.values("Gallium, t") == pytest.approx([0, 0, 15, 15, 30])
    assert "Built then: Upper works (2027)." in one_line(participation())


def test_every_share_of_every_curve_is_reported() -> None:
    table, every = tables_of("project")["points"], participation().curves
    points = [point for one in every for point in one.points]
    gains = [point.gain for point in points]
    assert table.values("Gain") == [g if g is None else pytest.approx(g) for g in gains]
    assert [table.rows[n][2].text for n in (3, 6, 8)] == [
        "best",
        "no worse than none up to here",
        "no plan has this share",
    ]
    text = text_of(participation())
    assert all(f"\nOthers {way} (million EUR)" in text for way in (
        "decide again", "decide again, public share 25 %", "stick to the plan"
    ))  # fmt: skip


def test_every_share_stands_in_its_row() -> None:
    table = tables_of("project")["points"]
    for n, share in enumerate(SHARES):
        shown = [table.values(header)[n] for header in (
            "Capex carried", "Outlay", "Mean damage", "CVaR", "Net cost", "Damage plus cost"
        )]  # fmt: skip
        if share > LIMIT:
            assert shown == [None] * 6
            continue
        here = fares(share)
        assert shown == pytest.approx(
            [CAPEX * share, CAPEX * share, here.expected, here.cvar, here.net_cost_meur, here.total]
        )


@pytest.mark.quick(every=3)
@EVERY
def test_a_good_workbook_passes_its_checks(name: str) -> None:
    book = results(workbook_of(ALL[name]()))
    said = [cell.value for row in book["Answer"].iter_rows(max_row=8) for cell in row]
    assert any(str(text).startswith("The figures add up") for text in said)
    assert failing(book) == []


def test_a_share_of_what_is_not_built_is_never_best() -> None:
    """It may have the least total all the same: then the check leaves it out."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("range", "avoided_per_euro", "gain_per_euro"), None
    ) | {"projects": {}, "outlay_by_year_meur": {}, "offtake_t": {}, "stake_meur": 0.0}
    idle = built.point(0.7).model_copy(
        update=nothing
        | {"built": False, "standing": standing(10, 0), "gain": 30.0, "avoided": 50.0}
    )
    free = built.curve()
    points = tuple(idle if point.share == 0.7 else point for point in free.points)
    found = participation(curves=(free.model_copy(update={"points": points}),))
    book = results(workbook_of(found))
    assert failing(book) == []
    assert "not built" in [cell.value for _, cell in cells(book)]
