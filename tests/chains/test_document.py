"""What the document of a plan says of its chains, in all media."""

from __future__ import annotations

import pytest
from documents import is_whole_in_all_media, one_line, tables_in
from saved_plans import chains as planned
from small import near

from models.language import Language, using
from optimizer.analyses.plan import chains
from optimizer.analyses.registry import build_result_document
from optimizer.report.document import PAGE, Terms
from optimizer.report.render import html

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_plan_with_chains_is_whole(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(planned(), language, untranslated)


def test_synergies_of_a_mine_and_a_refinery_are_reported() -> None:
    """Both avoid 17.7 million together, by the sweep that tests/chains/test_outcomes.py checks."""
    said = one_line(planned())
    assert (
        "What feeds Oxide (mine) avoids 17.7 million EUR with the planned plants for it "
        "(refinery), and 0 million EUR without them. The plants avoid 17.7 million EUR with what "
        "feeds them, and 0 million EUR without."
    ) in said
    assert (
        "Die Vorstufe für Oxide (mine) vermeidet mit den geplanten Anlagen dafür (refinery) "
        "17,7 Mio. EUR, ohne sie 0 Mio. EUR."
    ) in one_line(planned(), "de")


def test_it_says_what_lacks_without_the_plan_and_with_it() -> None:
    """Of the ore nothing is imported; with a mine and a refinery 60 t of magnets are the limit."""
    said = one_line(planned())
    assert (
        "without the plan: tonnes of Ore (100 %). With the plan: plants for Magnet (100 %)" in said
    )
    assert "28.9 million EUR without the plan, 8.77 million EUR with it" in said


def test_values_of_a_tonne_stand_beside_prices() -> None:
    """In 2026 an event of 30 % takes all, then 60 %: a tonne of magnets avoids 1 million, or, where
    more than a third is there, 0.2 million."""
    page = tables_in(planned())
    rows = {row[0].text: row for row in page["chain-1"].rows}
    values = [cell.value for cell in rows["Magnet"][4:]]
    assert values == [near(300_000), near(180_000), near(50_000)]
    assert [cell.value for cell in rows["Oxide"][1:4]] == [near(30), near(6), near(66.5)]


@LANGUAGES
@pytest.mark.drawn
def test_the_picture_names_forms_and_bottlenecks(language: Language) -> None:
    with using(language):
        (chart,) = (
            c for c in html.document_charts(build_result_document(planned())) if c.name == "chain-1"
        )
        drawn = chart.svg()
    for name in ("Ore", "Oxide", "Terbium", "Magnet"):
        assert drawn.count(f">{name}<") == 3
    plants = {"en": "▲ plants: 100", "de": "▲ Anlagen: 100"}[language]
    assert drawn.count(plants) == 1  # with the plan
    missing = {"en": "22 t, 78 t missing", "de": "22 t, es fehlen 78 t"}[language]
    assert missing in drawn


def test_chains_of_few_forms_have_no_picture_but_their_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Together on a page, each under its heading in a terminal."""
    monkeypatch.setattr(chains, "MAX_FORMS_WITHOUT_CHART", 9)
    monkeypatch.setattr(chains, "MAX_FORMS_WITHOUT_CHART", 9)
    sentence = "28.9 million EUR without the plan, 8.77 million EUR with it"
    with using("en"):
        made = build_result_document(planned())
        (terms,) = (p for s in made.sections_for(PAGE) for p in s.parts
                    if s.id == "chains" and isinstance(p, Terms))  # fmt: skip
        assert not [c for c in html.document_charts(made) if c.name.startswith("chain-")]
        assert sentence in html.render_page(made).replace("\u00a0", " ")
    ((title, said),) = terms.entries
    assert (title, sentence in said.replace("\u00a0", " ")) == ("Magnet", True)
    assert sentence in one_line(planned())
