"""Stress tests in the report on a plan: their figures are those of the results, side by side."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from documents import is_whole_in_all_media, page_of, tables_in, workbook_of
from openpyxl import load_workbook
from pages import read
from small import CHINA, case, cut, near, project, solve, state, stockpile

from models.language import Language
from models.results import Plan, Stress
from optimizer.analyses.analysis_options import StressOptions, parse_events
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.analyses.stress.stress_analysis import compute_stress
from optimizer.cli import run_command_line
from optimizer.report.number_format import NO_BREAK_SPACE
from optimizer.report.render import html

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])
ORES = ["ore", *(f"ore_{n}" for n in range(2, 7))]


def scenario(**sections: Any) -> dict[str, Any]:
    """Six ores of which 25 t each are needed a quarter, one dearer than the next; a works that
    brings 10 of the first, and 16 t of each of two lie in store."""
    raw = case(
        2027,
        horizon={"first_year": 2026, "last_year": 2027, "periods_per_year": 4},
        materials={m: {"name": m.upper(), "price_eur_per_t": 1000} for m in ORES},
        demand=[{"consumer": "industry", "material": m, "t_per_year": 100} for m in ORES],
        damage=[
            {"material": m, "steps": [{"share": 1.0, "eur_per_t": 1e5 * (9 - n)}]}
            for n, m in enumerate(ORES)
        ],
        supply=[CHINA[0] | {"material": m} for m in ORES],
        hazards=cut([1.0, 0.5]),
        projects={"works": project(40, 1)},
        stockpiles=[
            stockpile(id=f"store_{m}", material=m, initial_t=16, max_purchase_t_per_year=0)
            for m in ORES[:2]
        ],
        uncertainty={"states": [state("calm", 0.7), state("a cut", 0.3, 2026)]},
    )
    return raw | sections


@cache
def planned() -> Plan:
    return solve(scenario())


@cache
def struck(*events: str) -> Stress:
    return compute_stress(
        load_saved_plan(planned()).solution, StressOptions(events=parse_events(events))
    )


def both() -> tuple[Stress, Stress]:
    return struck("cut 2026.2 for 3 quarters at 100%"), struck("cut 2027 for 1 quarter at 20%")


def test_each_has_a_row_with_the_figures_of_its_result() -> None:
    found = both()
    table = tables_in(planned(), stress=found)["stress"]
    assert table.headers == [
        "What comes", "Without plan", "With plan", "Avoided", "Avoided, share", "Hit hardest",
        "Without plan", "With plan", "Stocks used up",
    ]  # fmt: skip
    for row, own in zip(table.rows, found, strict=True):
        market, plan = own.damage["market"], own.damage["plan"]
        values = [cell.value for cell in row[1:5]]
        assert values == near([market, plan, market - plan, (market - plan) / market])


def test_the_first_page_names_the_material_with_the_most_damage() -> None:
    """Of the most expensive ore 25 t a quarter are needed. Its 16 t in store last for less than
    one; then all is missing without the plan, and 15 t with it, as the works brings 10."""
    page = page_of(planned(), stress=both()).replace(NO_BREAK_SPACE, " ")
    says = (
        "Hit hardest, by damage: ORE; 60 % of its demand is missing at most with the plan, 100 % "
        "without it."
    )
    assert says in page


def test_the_most_damaged_material_has_its_months_of_shortage() -> None:
    """Without the plan all but 16 t of 75 are missing; with it 10 come a quarter, and 16 are in
    store: 15 are missing then in the first quarter but for those 16, and 15 in the next two."""
    first, second = tables_in(planned(), stress=both())["stress"].rows
    assert [cell.text for cell in first[5:]] == [
        "ORE",
        "9",
        "6",
        "2 of 2, the first by the end of 2026 Q2",
    ]
    assert first[0].text == "Cut: from 2026 Q2 to 2026 Q4, total outage"
    # Of 25 t a fifth is lost: the stores have enough for two of the six.
    assert [cell.text for cell in second[5:]] == ["ORE_3", "3", "3", "0 of 2"]


def test_the_four_that_cost_most_are_reported_period_by_period() -> None:
    found = both()[0]
    table = tables_in(planned(), stress=[found])["stress-1"]
    assert [row[0].text.replace("\u00a0", " ") for row in table.rows] == [
        "2026 Q2", "2026 Q3", "2026 Q4",
    ]  # fmt: skip
    ranked = sorted(found.materials, key=lambda one: -one.damage["market"])[:4]
    for n, one in enumerate(ranked):
        for at, case_ in enumerate(found.cases):
            shown = [row[1 + 2 * n + at].value for row in table.rows]
            pairs = zip(one.missing_t[case_], one.demand_t, strict=True)
            assert shown == near([missing / demand for missing, demand in pairs])


def test_the_chart_draws_what_the_table_says() -> None:
    """Without the plan a line, with it an area and its edge, on one scale."""
    charts = [
        c
        for c in html.document_charts(build_result_document(planned(), stress=both()))
        if "stress" in c.name
    ]
    assert [c.name for c in charts] == ["stress-1", "stress-2"]
    figure = charts[0].draw()
    found = both()[0]
    ranked = sorted(found.materials, key=lambda one: -one.damage["market"])[:4]
    assert len(figure.axes) == 4
    for axes, one in zip(figure.axes, ranked, strict=True):
        area, edge, line = (list(patch.get_data().values) for patch in axes.patches)
        without, with_plan = (
            [m / d for m, d in zip(one.missing_t[c], one.demand_t, strict=True)]
            for c in ("market", "plan")
        )
        assert (area, edge, line) == (near(with_plan), near(with_plan), near(without))
        assert axes.get_ylim() == (0, 1.04)


@pytest.mark.slow
def test_stocks_are_named_by_when_they_are_used_up() -> None:
    text = read(page_of(planned(), stress=[both()[0]])).text.replace("\u00a0", " ")
    assert (
        "Empty for the first time, with the plan: by the end of 2026 Q2 ORE_2; by the end of"
        in text
    )
    assert "Empty for the first time" not in page_of(planned(), drawn=True, stress=[both()[1]])


def test_stocks_of_the_same_material_have_their_own_names() -> None:
    """15 of the 16 t go in the first quarter."""
    piles = [
        stockpile(id=f"{name}_store", material="ore", initial_t=8, max_purchase_t_per_year=0)
        for name in ("old", "new")
    ]
    plan = solve(scenario(stockpiles=piles))
    asked = StressOptions(events=parse_events(("cut 2026 for 1 year at 100%",)))
    text = read(page_of(plan, stress=[compute_stress(load_saved_plan(plan).solution, asked)])).text
    said = "by the end of 2026 Q1 old_store; by the end of 2026 Q2 new_store."
    assert said in text.replace("\u00a0", " ")


def test_every_material_that_runs_short_has_a_row() -> None:
    first, second = both()
    tables = tables_in(planned(), stress=[first, second])
    for found, name in ((first, "stress-1-materials"), (second, "stress-2-materials")):
        ranked = sorted(found.materials, key=lambda one: -one.damage["market"])
        assert [row[0].text for row in tables[name].rows[: len(ranked)]] == [
            one.id.upper() for one in ranked
        ]


def test_the_absence_of_shortages_is_reported() -> None:
    nothing = struck("cut 2027 for 1 quarter at 0%")
    page = page_of(planned(), stress=[nothing])
    assert "total outage" not in page
    assert "loss of 0 %: nothing runs short." in page.replace("\u00a0", " ")
    row = tables_in(planned(), stress=[nothing])["stress"].rows[0]
    assert [cell.text for cell in row[4:]] == ["-"] * 5


@pytest.mark.slow
@LANGUAGES
def test_all_media_are_whole(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(planned(), language, untranslated, stress=both())


@pytest.mark.slow
def test_the_workbook_computes_what_is_avoided() -> None:
    for data_only in (True, False):
        book = load_workbook(BytesIO(workbook_of(planned(), stress=both())), data_only=data_only)
        held = [cell.value for row in book["Stress tests"].iter_rows() for cell in row]
        if data_only:
            avoided = both()[0].damage["market"] - both()[0].damage["plan"]
            assert [v for v in held if isinstance(v, float) and v == near(avoided)]
        else:
            assert [v for v in held if str(v).startswith("=") and "-" in str(v)]


def test_names_of_a_scenario_are_never_markup() -> None:
    raw = scenario()
    raw["hazards"]["cut"]["name"] = "<script>alert(1)</script> $x_{1}$"
    raw["materials"]["ore"]["name"] = "=<b>ore</b>"
    plan = solve(raw)
    asked = StressOptions(events=parse_events(("cut 2026 for 1 year at 100%",)))
    root = read(page_of(plan, stress=[compute_stress(load_saved_plan(plan).solution, asked)]))
    assert not list(root.all("script", "b"))
    assert "<script>alert(1)</script> $x_{1}$: from" in root.text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the plan in ``plan`` and a stress test of it in ``other``."""
    monkeypatch.chdir(tmp_path)
    for place, found in (("plan/plan", planned()), ("other/stress", both()[1])):
        path = tmp_path / f"{place}.json"
        path.parent.mkdir()
        path.write_text(found.model_dump_json(), encoding="utf-8")
    return tmp_path


def rows(page: Path) -> int:
    return sum(
        len(list(table.all("tr"))) - 2
        for table in read(page.read_text(encoding="utf-8")).all("table")
        if table.attributes["data-name"] == "stress"
    )


@pytest.mark.slow
def test_results_in_the_folder_and_given_ones_are_shown(folder: Path) -> None:
    asked = ["stress", "plan", "--event", "cut 2026 for 1 year at 100%", "--quiet"]
    assert run_command_line([*asked, "--out", "plan"]) == 0
    assert run_command_line(["report", "plan"]) == 0
    assert rows(folder / "plan" / "report.html") == 1
    given_ = ["plan", "plan/stress.json", "other", "--out", "x.html", "--excel", "x.xlsx"]
    assert run_command_line(["report", *given_]) == 0
    assert rows(folder / "x.html") == 2
    assert "Stress tests" in load_workbook(folder / "x.xlsx").sheetnames


def test_those_of_another_scenario_or_plan_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for field, value, said in (
        ("input_sha256", "00", "another scenario than"),
        ("plan_objective", 99.0, "another plan than"),
    ):
        found = both()[0].model_copy(update={field: value})
        (folder / "wrong.json").write_text(found.model_dump_json(), encoding="utf-8")
        assert run_command_line(["report", "plan", "wrong.json"]) == 2
        assert said in capsys.readouterr().err
    earlier = both()[0].model_copy(update={"plan_objective": None})
    (folder / "earlier.json").write_text(earlier.model_dump_json(), encoding="utf-8")
    assert run_command_line(["report", "plan", "earlier.json"]) == 0
