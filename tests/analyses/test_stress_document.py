"""A disruption as a document: what is short, who is hit and how long stocks last."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import pytest
from chained import oxide_in_store
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of, workbook_of
from openpyxl import load_workbook
from small import CHINA, case, cut, project, solve, state, stockpile

from models.language import Language
from models.results import Stress
from optimizer.analyses.analysis_options import StressOptions, parse_events
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.analyses.stress.stress_analysis import compute_stress

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])


@cache
def disrupted(
    materials: int = 1, per_year: int = 4, measure: str = "damage", **asked: Any
) -> Stress:
    """So many materials, a works for the first and a stock of each."""
    ores = ["ore", *(f"ore_{n}" for n in range(2, materials + 1))]
    raw = case(
        2027,
        horizon={"first_year": 2026, "last_year": 2027, "periods_per_year": per_year},
        materials={m: {"name": m.upper(), "price_eur_per_t": 1000} for m in ores},
        demand=[{"consumer": "industry", "material": m, "t_per_year": 100} for m in ores],
        damage=[{"material": m, "steps": [{"share": 1.0, "eur_per_t": 1e5}]} for m in ores],
        supply=[CHINA[0] | {"material": m} for m in ores],
        hazards=cut([1.0, 0.5]),
        projects={"works": project(40, 1)},
        stockpiles=[
            stockpile(id=f"store_{m}", material=m, initial_t=16, max_purchase_t_per_year=0)
            for m in ores
        ],
        uncertainty={
            "states": [
                state("calm", 0.5),
                state("an early cut", 0.3, 2026),
                state("a cut", 0.2, 2027, failed_projects=["works"]),
            ]
        },
        objective={"measure": measure},
    )
    asked.setdefault("events", () if "state" in asked else parse_events(("cut 2026 for 2 years",)))
    return compute_stress(load_saved_plan(solve(raw)).solution, StressOptions(**asked))


@pytest.mark.quick(1)
@LANGUAGES
def test_a_chain_is_whole_in_all_media(language: Language, untranslated: set[str]) -> None:
    """A form that is only made into another is shown on the page, not in a terminal."""
    found = compute_stress(
        load_saved_plan(solve(oxide_in_store())).solution,
        StressOptions(events=parse_events(("cut 2026",))),
    )
    is_whole_in_all_media(found, language, untranslated)
    page = tables_in(found)["periods-oxide"]
    assert page.row("2026")[-1].text == "0 %"
    plants = tables_in(found)["plants"]
    made = {row[0].text: [cell.text for cell in row[2:]] for row in plants.rows}
    assert made == {"makers": ["40"] * 4, "Works": ["0", "20", "0", "20"]}
    assert "oxide" not in text_of(found).split("Stocks and how long")[0]


@pytest.mark.quick(1)
@LANGUAGES
@pytest.mark.parametrize(
    ("materials", "per_year", "measure"),
    [(1, 4, "damage"), (7, 12, "tonnes"), (2, 1, "share_of_demand"), (1, 2, "damage")],
)
def test_all_media_are_whole_in_both_languages(
    materials: int, per_year: int, measure: str, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(disrupted(materials, per_year, measure), language, untranslated)


@pytest.mark.quick(1)
@LANGUAGES
def test_a_written_state_is_whole_as_well(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(disrupted(state="a cut"), language, untranslated)
    is_whole_in_all_media(disrupted(state="calm"), language, untranslated)


def test_a_stress_test_reports_event_damage_and_depletion_of_stocks() -> None:
    """25 t are lost, then 12.5; 16 t are in store, and the works brings 10 in each quarter."""
    text = one_line(disrupted())
    assert "Cut: from 2026 Q1 to 2027 Q4" in text
    # 25 + 7 * 12.5 - 16 = 96.5 t; 15 + 7 * 2.5 - 16 = 16.5 t, each 0.1 million.
    assert "damage comes to 9.65 million EUR; with it, to 1.65 million EUR" in text
    assert "Of its demand 50 % is missing in 2026 Q2 without the plan" in text
    assert "these stocks are empty for the first time: store_ore (by the end of 2026 Q2)." in text
    assert "Releases assume foresight" in text
    assert "Bei den Freigaben ist Voraussicht unterstellt" in one_line(disrupted(), "de")


@pytest.mark.parametrize(
    ("per_year", "said"), [(1, "2026 to 2027"), (12, "2026-01 to 2027-12"), (2, "2026.1 to 2027.2")]
)
def test_periods_are_called_by_what_they_are(per_year: int, said: str) -> None:
    assert f"Cut: from {said}" in one_line(disrupted(per_year=per_year))


def test_an_event_of_one_period_is_named_by_its_period() -> None:
    assert "Cut: 2026 Q2 All" in one_line(
        disrupted(events=parse_events(("cut 2026.2 for 1 quarter",)))
    )


@pytest.mark.parametrize(("share", "said"), [("100%", "total outage"), ("40 %", "loss of 40 %")])
def test_a_loss_that_was_asked_for_is_reported(share: str, said: str) -> None:
    found = disrupted(events=parse_events((f"cut 2026 for 1 year at {share}",)))
    assert f"Cut: from 2026 Q1 to 2026 Q4, {said}" in one_line(found)


def test_an_event_may_last_beyond_the_horizon() -> None:
    found = disrupted(events=parse_events(("cut 2027 for 3 years",)))
    assert "Cut: from 2027 Q1 to the end of the horizon" in one_line(found)


def test_a_page_says_what_comes_anyway() -> None:
    found = disrupted().model_copy(update={"unaided": ("works",)})
    assert "s money: Works. What the plan pays for any of them changes nothing" in page_of(found)
    of_state = found.model_copy(update={"state": "calm"})
    assert "These come anyway, with the plan or without it: Works." in page_of(of_state)


def test_a_state_names_failing_projects() -> None:
    text = one_line(disrupted(state="a cut"))
    assert "The state of the world: a cut." in text
    assert "Works never produces" in text
    assert "succeed and are on time" not in text


def test_it_says_where_the_plan_comes_from() -> None:
    found = disrupted()
    assert "The plan was given; nothing was solved." in one_line(found)
    solved = found.model_copy(update={"solved": True, "gap": 0.015})
    assert "was solved first, to a gap of 1.5 %" in one_line(solved)
    stopped = found.model_copy(update={"solved": True})
    assert "until a limit; how far it is from the best is not known" in one_line(stopped)


def test_where_nothing_is_short_there_are_no_tables() -> None:
    text = one_line(disrupted(state="calm"))
    assert "Nothing runs short: the market covers all demand throughout." in text
    assert "Materials that run short" not in text


def test_what_exists_already_may_cover_it_all() -> None:
    found = disrupted(events=parse_events(("cut 2026 for 1 period",)), per_year=12)
    assert "Stocks that exist already cover what the market lacks" in one_line(found)


@pytest.mark.slow
def test_a_terminal_shows_five_materials_by_period() -> None:
    found = disrupted(7, 12, "tonnes")
    assert "Page and workbook have the same for more materials: 2." in one_line(found)
    on_page = tables_in(found)
    assert {f"periods-{one.id}" for one in found.materials} <= set(on_page)
    assert text_of(found).count("Demand, t") == 5


def test_every_material_has_a_chart_of_what_is_missing() -> None:
    page = page_of(disrupted(2, 1, "share_of_demand"))
    assert [name for name in ("shortage-ore", "shortage-ore-2") if f'id="chart-{name}' in page] == [
        "shortage-ore",
        "shortage-ore-2",
    ]


def test_the_workbook_has_the_stocks_and_its_checks_hold() -> None:
    book = load_workbook(BytesIO(workbook_of(disrupted(2, 1, "share_of_demand"))), data_only=True)
    held = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "Without plan: materials and consumers add up to the same" in held
    assert "With plan: materials and consumers add up to the same" in held
    assert "store_ore_2" in held
