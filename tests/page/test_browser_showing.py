"""Contents of the page in a browser: views, files, and scenarios of the user."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from browser_visits import BASE, FUND, LANGUAGES, NEEDS_CHROMIUM, TITLE, Visit
from open_page import TUTORIAL, opened
from playwright.sync_api import expect

from models.files import read_case
from models.language import Language
from models.results import Plan
from optimizer.cli import run_command_line
from optimizer.page import views

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]


# Views and files


def test_a_chart_tells_what_its_shapes_show(visit: Visit) -> None:
    """Under the pointer, and by arrow keys."""
    with visit() as me:
        me.begin()
        me.look("damage")
        tip, chart = me.page.locator(".tip"), me.page.locator("#view svg[tabindex]").first
        chart.focus()
        expect(tip).to_be_hidden()
        me.page.keyboard.press("ArrowRight")
        expect(tip).to_be_visible()
        first = tip.inner_text()
        assert first
        assert me.page.locator("#status").inner_text() == first
        me.page.keyboard.press("ArrowRight")
        expect(tip).not_to_have_text(first)
        me.page.keyboard.press("ArrowLeft")
        expect(tip).to_have_text(first)
        me.page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        me.page.locator("#view svg [data-tooltip]").first.hover()
        expect(tip).to_be_visible()


@LANGUAGES
def test_a_disruption_is_played(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        first = me.look("stress").inner_text()
        me.page.locator("#year").select_option("2027")
        me.page.fill("#years", "1")
        me.look("stress")
        second = me.page.locator("#view").inner_text()
        assert second != first
        assert {"en": "Period by period", "de": "Periode für Periode"}[language] in second


@LANGUAGES
def test_how_long_a_disruption_lasts_is_typed_as_people_write_it(
    visit: Visit, language: Language
) -> None:
    """To the nearest whole period, a year here; an earlier chart is marked as outdated."""
    with visit(language) as me:
        me.begin()
        me.page.click('button[data-view="stress"]')
        me.page.locator("#year").select_option("2027")
        drawn = {}
        for years in ("1", "1,4", "1.4"):
            me.page.fill("#years", years)
            drawn[years] = me.look("stress").inner_text()
        assert len(set(drawn.values())) == 1
        me.page.fill("#years", "11")
        me.page.click("#event button")
        me.page.wait_for_selector("#years:invalid")
        me.page.wait_for_selector("#view.old")
        assert me.page.locator("#view").inner_text() == drawn["1"]
        me.page.fill("#years", "1")
        assert me.look("stress").inner_text() == drawn["1"]


def test_a_stress_test_uses_changed_controls(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    text = TUTORIAL.read_text(encoding="utf-8")
    first = text[text.index("  export_stop:") : text.index("[{value: 1.0, source: invented}]}")]
    other = first.replace("export_stop:", "strike:") + "[0.5]}\n"
    file.write_text(text.replace("  export_stop:", other + "  export_stop:", 1), encoding="utf-8")
    with opened(file, "--stay") as own, visit(to=own) as me:
        me.begin(f"/board?scenario={own.scenario}&set=length.export_stop%3D3")
        look = me.page.locator('button[data-view="stress"]')
        hazard, years = me.page.locator("#hazard"), me.page.locator("#years")
        look.click()
        expect(hazard).to_have_value("export_stop")
        expect(years).to_have_value("3")
        me.type("length.strike", "2")
        me.answered()
        look.click()
        expect(hazard).to_have_value("strike")
        expect(years).to_have_value("2")
        hazard.select_option("export_stop")
        me.type("length.strike", "3")
        me.answered()
        look.click()
        expect(hazard).to_have_value("export_stop")  # as it was chosen


@LANGUAGES
def test_sources_are_shown_at_a_moved_control(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        tip, field = me.page.locator(".tip"), me.number(FUND)
        reported = {"en": "Invented for the tutorial", "de": "Für die Einführung erfunden"}[
            language
        ]
        field.focus()
        expect(tip).to_contain_text(reported)
        assert reported in (field.get_attribute("aria-description") or "")
        field.fill("10")
        expect(tip).to_be_hidden()
        me.answered()
        me.control("capex").locator("label").hover()
        expect(tip).to_contain_text(reported)


def test_the_figures_and_the_views_stay_while_one_reads_on(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        head, whole = me.page.locator("#head"), me.page.locator("#head").bounding_box()
        me.page.mouse.move(900, 700)
        me.page.mouse.wheel(0, 600)
        me.page.wait_for_selector("#head.small")
        small = head.bounding_box()
        assert whole is not None
        assert small is not None
        assert small["y"] <= 0.5
        assert small["height"] < 0.8 * whole["height"]
        assert me.figure() == BASE["en"]
        me.page.click('button[data-view="damage"]')
        me.drawn()
        below = me.page.locator("#view h3").first.bounding_box()
        now = head.bounding_box()
        assert below is not None
        assert now is not None
        assert below["y"] >= now["y"] + now["height"] - 1  # read from its beginning
        me.page.evaluate("scrollTo(0, 0)")
        expect(head).not_to_have_class("small")


def test_the_last_control_is_reached_where_the_page_begins(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.page.set_viewport_size({"width": 1280, "height": 400})
        me.page.wait_for_timeout(300)
        controls = me.page.locator("#controls").bounding_box()
        assert controls is not None
        assert 300 < controls["y"] + controls["height"] <= 400.5


@LANGUAGES
def test_a_funder_sees_what_it_has_of_taking_part(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        me.page.click('button[data-view="company"]')
        me.page.locator("#funder").select_option("chip_maker")
        me.look("company")
        name = {"en": "A chip maker", "de": "Ein Chiphersteller"}[language]
        expect(me.page.locator("#view h3").first).to_contain_text(name)
        me.page.locator("#funder").select_option("fund")
        me.look("company")
        name = {"en": "Raw materials fund", "de": "Rohstofffonds"}[language]
        expect(me.page.locator("#view h3").first).to_contain_text(name)


def budget(file: Path, variant: str) -> float:
    """What the fund has in a variant of a file."""
    return float(read_case(file, variant).case.funders["fund"].budget_meur or 0)


def test_what_is_on_the_screen_is_downloaded(visit: Visit, tmp_path: Path) -> None:
    with visit() as me:
        me.begin()
        me.type(FUND, "10")
        me.answered()
        names = [*views.DOWNLOADS, "scenario"]
        for name in names:
            with me.page.expect_download() as coming:
                me.page.click(f'[data-take="{name}"]')
            file = tmp_path / coming.value.suggested_filename
            coming.value.save_as(file)
            if file.suffix in (".docx", ".xlsx"):
                assert zipfile.ZipFile(file).testzip() is None
            elif file.suffix == ".json":
                plan = Plan.model_validate_json(file.read_bytes())
                expected = me.figure().partition(" ")[0]
                assert f"{plan.outcome.expected:g}"[:4] == expected[:4]
            elif file.suffix == ".yaml":
                assert budget(file, "asked") == 10
            else:
                assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert len(list(tmp_path.iterdir())) == len(names)


# Own scenarios


@LANGUAGES
def test_a_faulty_file_is_mended_on_the_page(
    visit: Visit, language: Language, tmp_path: Path
) -> None:
    file = tmp_path / f"faulty-{language}.yaml"
    text = TUTORIAL.read_text(encoding="utf-8")
    file.write_text(text.replace("budget_meur: {value: 20,", "budget_meur: {value: -20,"), "utf-8")
    with visit(language, fails="status of 4") as me:
        me.page.set_input_files("#file", file)
        me.page.wait_for_selector(".faults")
        faults = me.page.locator(".faults").inner_text()
        assert "-20 is negative" in faults
        assert "budget_meur: {value: -20," in faults
        me.page.fill(".faults input", "15")
        me.page.click("button[type=submit]")
        me.page.wait_for_selector("#controls")
        me.answered()
        me.holds(FUND, "15")
    assert "-20" in file.read_text(encoding="utf-8")


def test_a_faulty_file_is_still_faulty_after_a_wrong_value(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    text = TUTORIAL.read_text(encoding="utf-8")
    file.write_text(text.replace("capex_meur: {value: 40,", "capex_meur: {value: dear,"), "utf-8")
    with visit(fails="status of 4") as me:
        me.page.set_input_files("#file", file)
        for value in ("-1", "40"):
            me.page.wait_for_selector(".faults input")
            me.page.fill(".faults input", value)
            with me.page.expect_navigation():
                me.page.click("button[type=submit]")
        me.page.wait_for_selector("#controls")


def test_a_workbook_is_dropped_and_asked(visit: Visit, tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    assert run_command_line(["init", "--excel", "--from", str(TUTORIAL), str(book)]) == 0
    with visit() as me:
        me.page.set_input_files("#file", book)
        me.page.wait_for_selector("#controls")
        me.answered()
        assert me.figure() == BASE["en"]
        assert me.page.locator("#save").count() == 0
        assert me.page.locator("[data-take=scenario]").count() == 0
        me.type(FUND, "10")
        me.answered()
        scenario = me.query()["scenario"][0]
        me.open("/")
        expect(me.page.locator(f'a[href="/board?scenario={scenario}"]')).to_have_text(TITLE["en"])


def test_a_question_is_saved_into_the_file_as_a_variant(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(TUTORIAL.read_bytes())
    # What is on the screen is of the file before it was written to, for a moment.
    with opened(file, "--stay") as own, visit(to=own, fails="status of 40[49]") as me:
        me.begin(f"/board?scenario={own.scenario}")
        me.type(FUND, "10")
        me.answered()
        me.page.fill("#name", "no name")
        me.page.click("#save button")
        assert "no name" not in file.read_text(encoding="utf-8")
        me.page.fill("#name", "half_the_fund")
        me.page.click("#save button")
        expect(me.page.locator("#saved")).to_contain_text("already")
        me.page.fill("#name", "ten")
        me.page.click("#save button")
        expect(me.page.locator("#saved")).to_contain_text("Saved as variant “ten”")
        assert budget(file, "ten") == 10
        me.answered()
        assert "Recommended" in me.look("brief").inner_text()
        me.page.reload()
        me.answered()
        shown = me.figure()
        me.page.locator("#variant").select_option("ten")
        me.page.wait_for_url("**variant=ten**")
        me.open(f"/board?scenario={own.scenario}&variant=ten")
        me.answered()
        assert me.figure() == shown
    kept = file.read_text(encoding="utf-8")
    start, _, rest = kept.partition("  ten:\n")
    end = rest[rest.index("  small_tickets:") :]
    assert start + end == TUTORIAL.read_text(encoding="utf-8")
