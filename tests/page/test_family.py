"""A family of solved plans holds what was solved, and between two of them what is proven."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from workbooks import ROOT

from models.files import LoadedScenario, read_case
from models.input_log import InputLog
from optimizer.analyses.options import BatchOptions
from optimizer.cli import run_command_line
from optimizer.cli.explore import _points_as_runs
from optimizer.errors import VorratError
from optimizer.page import plan_family
from optimizer.page.scenario_store import Question
from optimizer.solve.planner import solve_to_plan

TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
FUND = "funders.fund.budget_meur"
MOVES = {FUND: ["5", "15"], "damage.gallium": ["2"]}


def held(page: Path) -> dict[str, Any]:
    """What a page holds."""
    text = page.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the tutorial, with a fund and damage moved."""
    out = tmp_path_factory.mktemp("family") / "page.html"
    moves = [f"--move={id}={','.join(values)}" for id, values in MOVES.items()]
    assert (
        run_command_line(
            ["explore", str(TUTORIAL), *moves, "--out", str(out), "--jobs=1", "--quiet"]
        )
        == 0
    )
    return out


def test_axes_hold_the_value_of_the_file_in_its_place() -> None:
    base = read_case(TUTORIAL)
    variants, fund, damage = plan_family.make_axes(base, MOVES, True)
    assert variants.values == ("", *base.case.variants)
    assert (fund.values, fund.base_index, fund.monotonicity) == (("5", "15", "20"), 2, "falls")
    assert (damage.values, damage.base_index, damage.monotonicity) == (("1", "2"), 0, "rises")


def test_a_value_of_the_file_is_put_upon_variants_that_have_another() -> None:
    found = plan_family.make_axes(read_case(TUTORIAL), {FUND: ["5"]}, True)
    asked = {point.indices: point.question for point in plan_family.make_points("tutorial", found)}
    assert asked[0, 1].moved == ()
    assert asked[3, 1] == Question("tutorial", "half_the_fund", ((FUND, "20"),))


GERMANY, JAPAN = (ROOT / "scenarios" / f"{name}.yaml" for name in ("germany-2026", "japan-2010"))
OWN = "funders.rohstofffonds.budget_meur"


@pytest.mark.slow
def test_a_value_replaces_the_product_of_a_factor() -> None:
    base = read_case(GERMANY)
    amount = float(base.case.funders["rohstofffonds"].budget_meur or 0)
    found = plan_family.make_axes(base, {"public": ["0.5"], OWN: ["500"]}, False)
    budgets = {
        point.indices: point.question.apply_to(base)[0].case.funders["rohstofffonds"].budget_meur
        for point in plan_family.make_points("germany-2026", found)
    }
    assert budgets == {(0, 0): 500, (0, 1): amount, (1, 0): 500, (1, 1): amount}


@pytest.mark.slow
def test_only_higher_damage_per_tonne_is_declared_to_raise_the_objective() -> None:
    base = read_case(GERMANY)
    place = next(n for n, one in enumerate(base.case.damage) if one.adaptation is not None)
    ways = {
        id: plan_family.make_axes(base, {id: ["0.5"]}, False)[0].monotonicity
        for id in ("damage", "damage.antimony", f"damage.{place}.adaptation.per_year")
    }
    assert list(ways.values()) == ["rises", "rises", ""]


@pytest.mark.slow
def test_funders_that_a_variant_brings_are_named_and_counted() -> None:
    cases = [read_case(GERMANY, variant).case for variant in (None, "german_industry")]
    new = cases[1].funders.keys() - cases[0].funders.keys()
    held = plan_family.page_content(cases, [], {}, "germany-2026")
    assert new
    assert held["said"]["de"]["names"]["funders"].keys() == {*cases[0].funders, *new}
    public = {f for case in cases for f, funder in case.funders.items() if funder.kind == "public"}
    assert set(held["public"]) == public


@pytest.mark.slow
def test_a_point_whose_variant_lacks_the_figure_stays_open() -> None:
    base = read_case(JAPAN)
    every = list(
        plan_family.make_points("japan-2010", plan_family.make_axes(base, {"hazards": ["2"]}, True))
    )
    readings: dict[str | None, LoadedScenario] = {None: base}
    runs = list(_points_as_runs(JAPAN, readings, InputLog(), every, BatchOptions(), lambda _: None))
    left = {point.question.variant for point, run in zip(every, runs, strict=True) if run is None}
    assert left == {"path_that_came", "embargo_alone"}


@pytest.mark.parametrize("moves", [{"funders.nobody.budget_meur": ["1"]}, {FUND: ["much"]}])
def test_what_the_scenario_does_not_have_is_refused(moves: dict[str, list[str]]) -> None:
    with pytest.raises(VorratError):
        plan_family.make_axes(read_case(TUTORIAL), moves, False)


@pytest.mark.slow
def test_each_point_is_the_plan_of_its_question(page: Path) -> None:
    kept = held(page)
    assert len(kept["points"]) == 4 * 3 * 2
    base = read_case(TUTORIAL)
    found = plan_family.make_axes(base, MOVES, True)
    for point in plan_family.make_points("tutorial", found):
        if point.indices[0] in (0, 3):
            reading = read_case(TUTORIAL, point.question.variant)
            reported = kept["points"][".".join(map(str, point.indices))]
            best = solve_to_plan(point.question.apply_to(reading)[0].case, gap=1e-9)
            assert reported["bound"] <= best.certificate.objective * (1 + 1e-6)
            assert best.certificate.objective <= reported["objective"] * (1 + 1e-6)


@pytest.mark.slow
def test_the_optimum_between_two_points_lies_in_the_proven_interval(page: Path) -> None:
    """More money lowers the objective, dearer damage raises it: in steps between solved values."""
    points, base = held(page)["points"], read_case(TUTORIAL)
    for money in (6.0, 9.0, 12.0, 14.0):
        for factor in (1.2, 1.7):
            question = Question(
                "tutorial", None, ((FUND, str(money)), ("damage.gallium", str(factor)))
            )
            best = solve_to_plan(question.apply_to(base)[0].case, gap=1e-9).certificate.objective
            least, most = points["0.1.0"]["bound"], points["0.0.1"]["objective"]
            assert least * (1 - 1e-6) <= best <= most * (1 + 1e-6)


def test_texts_are_there_in_both_languages_and_nothing_is_loaded(page: Path) -> None:
    said = held(page)["said"]
    assert said["en"]["words"].keys() == said["de"]["words"].keys()
    assert said["en"]["words"] != said["de"]["words"]
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=", text)
    assert "default-src 'none'" in html.unescape(text)
    assert len(text) < 5_000_000


def test_the_same_command_goes_on_from_what_is_there(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = [f"--move={id}={','.join(values)}" for id, values in MOVES.items()]
    command = ["explore", str(TUTORIAL), *moves, "--out", str(page), "--force", "--jobs=1"]
    before = held(page)
    assert run_command_line(command) == 0
    assert "of which done before: 24" in capsys.readouterr().err
    assert held(page) == before
    assert run_command_line(command[:-2]) == 2  # the page is there


def test_points_that_stay_open_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, out = tmp_path / "own.yaml", tmp_path / "page.html"
    text = TUTORIAL.read_text(encoding="utf-8").partition("\nvariants:")[0]
    own.write_text(f"{text}\nvariants: {{fewer: {{set: {{projects.recycling: null}}}}}}\n", "utf-8")
    command = ["explore", str(own), "--move=project.recycling=out", "--out", str(out), "--jobs=1"]
    assert run_command_line(command) == 1
    assert "2 points stay open: their variant has not what is moved." in capsys.readouterr().err
    points = held(out)["points"]
    assert {place for place, one in points.items() if "expected" in one} == {"0.0", "0.1"}


def _without_base(page: Path) -> Path:
    """The same, as if no plan kept all rules with the values of the file."""
    found, text = held(page), page.read_text(encoding="utf-8")
    start = ".".join(str(axis["base"]) for axis in found["axes"])
    assert "expected" in found["points"][start]
    found["points"][start] = {"status": "infeasible"}
    whole = re.sub('(id="data">).*?(</script>)', lambda m: m[1] + json.dumps(found) + m[2], text)
    other = page.with_name("other.html")
    other.write_text(whole, encoding="utf-8")
    return other


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_opens_by_a_double_click_and_moves(page: Path, language: str) -> None:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags.append("--host-resolver-rules=MAP * ~NOTFOUND")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(bypass_csp=True, viewport={"width": 390, "height": 800})
        opened = context.new_page()
        opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(page.as_uri())
        opened.click(f"[data-lang={language}]")
        words = held(page)["said"][language]["words"]
        assert words["damage"] in opened.inner_text("#answer")
        slider = opened.locator("input[type=range]").first
        slider.focus()
        opened.keyboard.press("ArrowLeft")  # between two points
        assert words["between"] in opened.inner_text("#answer")
        opened.keyboard.press("ArrowLeft")
        assert words["proven"] in opened.inner_text("#answer")
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if axe := os.environ.get("VORRAT_AXE"):
            opened.add_script_tag(path=axe)
            found = opened.evaluate(
                "axe.run().then((report) => report.violations.map((v) => v.id))"
            )
            assert found == []
        again = opened.url
        opened.goto("about:blank")
        opened.goto(again)
        assert words["proven"] in opened.inner_text("#answer")
        opened.goto(_without_base(page).as_uri())
        opened.click(f"[data-lang={language}]")
        assert words["infeasible"] in opened.inner_text("#answer")
        opened.locator("input[type=range]").first.focus()
        opened.keyboard.press("ArrowLeft")
        opened.keyboard.press("ArrowLeft")
        assert words["proven"] in opened.inner_text("#answer")
        assert opened.is_visible("#money table")
        browser.close()
    assert wrong == []
