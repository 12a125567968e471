"""The page as people use it in a browser: stories clicked and typed, in English and German.

These run where Chromium is installed; the check for accessibility also needs axe-core, whose
``axe.min.js`` the environment variable VORRAT_AXE names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from open_page import TUTORIAL, Opened, opened
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect, sync_playwright

from models.files import read_case
from models.language import Language
from models.results import Plan
from optimizer.cli import run
from optimizer.page import views

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
AXE = os.environ.get("VORRAT_AXE")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
PATIENCE = 45_000.0
"""Milliseconds that anything may take on a machine on which others work."""
expect.set_options(timeout=PATIENCE)
FUND, REFINERY = "funders.fund.budget_meur", "project.refinery"
BOARD = "/board?scenario=tutorial"
TITLE = {"en": "Tutorial: one metal, one export stop",
         "de": "Einführung: ein Metall, ein Exportstopp"}  # fmt: skip
BASE: dict[Language, str] = {"en": "12 million EUR", "de": "12 Mio. EUR"}
FORMS = {"stress": "#event", "company": "#payer"}
"""Views that are drawn when they are asked for."""
SIZES: dict[int, int] = {1280: 900, 390: 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Opened]:
    with opened("--stay") as found:
        yield found


@dataclass
class Person:
    """Somebody with a browser, and what went wrong there."""

    page: Page
    server: Opened
    language: Language
    problems: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note errors of a page, and requests to others."""

        def asked(request: Request) -> None:
            if not request.url.startswith((self.server.origin + "/", "data:", "blob:")):
                self.problems.append(f"asks {request.url}")

        page.set_default_timeout(PATIENCE)
        page.on("request", asked)
        page.on("pageerror", lambda error: self.problems.append(f"page: {error}"))
        page.on(
            "console",
            lambda said: self.problems.append(said.text) if said.type == "error" else None,
        )

    def open(self, path: str = BOARD) -> None:
        self.page.goto(self.server.origin + path)

    def begin(self, path: str = BOARD) -> None:
        """Open a board, and wait for its answer and its view."""
        self.open(path)
        self.answered()
        self.drawn()

    def answered(self) -> None:
        """Wait until what is shown answers what is asked."""
        self.page.wait_for_selector("body:not(.stale) #figures[aria-busy=false] .proof.proven")

    def drawn(self) -> None:
        """Wait until the view is that of the answer."""
        self.page.wait_for_selector("#view:not(.old)[aria-busy=false]")

    def control(self, id: str) -> Locator:
        """A control, with all that is folded away around it opened."""
        found = self.page.locator(f'.control[data-id="{id}"]')
        found.evaluate("e => { for (; e; e = e.parentElement) if ('open' in e) e.open = true; }")
        return found

    def number(self, id: str) -> Locator:
        return self.control(id).locator("input.number")

    def type(self, id: str, value: str) -> None:
        """Write a value into the field of a control."""
        self.number(id).fill(value)
        self.number(id).press("Enter")

    def holds(self, id: str, value: str) -> None:
        """Wait until the field of a control has a value."""
        pattern = re.compile("^" + re.escape(value).replace(r"\.", "[.,]") + "$")
        expect(self.number(id)).to_have_value(pattern)

    def figure(self, key: str = "expected") -> str:
        return self.page.locator(f'[data-fact="{key}"] .figure').inner_text()

    def look(self, view: str) -> Locator:
        """Turn to a view, and ask for it where it waits for that."""
        self.page.click(f'button[data-view="{view}"]')
        current = self.page.locator(f'button[data-view="{view}"]')
        expect(current).to_have_attribute("aria-current", "true")
        if view in FORMS:
            self.page.click(f"{FORMS[view]} button")
        self.drawn()
        return self.page.locator("#view")

    def query(self) -> dict[str, list[str]]:
        """What the address says."""
        return parse_qs(urlsplit(self.page.url).query)


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser, server: Opened) -> Visit:
    """Come to the page with a browser of one's own."""

    @contextmanager
    def come(
        language: Language = "en",
        *,
        to: Opened = server,
        width: int = 1280,
        without_policy: bool = False,
        fails: str = "",
    ) -> Iterator[Person]:
        """What is a problem and does not match ``fails`` is a failure."""
        context = browser.new_context(
            viewport={"width": width, "height": SIZES[width]}, bypass_csp=without_policy,
            accept_downloads=True,
        )  # fmt: skip
        try:
            person = Person(context.new_page(), to, language)
            person.watch(person.page)
            person.page.goto(f"{to.origin}/?token={to.token}&lang={language}")
            yield person
            problems = [x for x in person.problems if not (fails and re.search(fails, x))]
            assert problems == []
        finally:
            context.close()

    return come


class Held:
    """Requests that are kept back until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.holds, self.routes = True, list[Route]()
        page.route(pattern, self._came)

    def _came(self, route: Route) -> None:
        if self.holds:
            self.routes.append(route)
        else:
            route.continue_()

    def release(self) -> None:
        """Let go what was kept."""
        self.holds = False
        while self.routes:
            self.routes.pop(0).continue_()


# From the choice of a scenario to an answer


@LANGUAGES
def test_a_scenario_is_chosen_moved_and_set_back(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        page = me.page
        page.get_by_role("link", name=TITLE[language]).click()
        me.answered()
        me.drawn()
        assert page.locator("html").get_attribute("lang") == language
        assert me.figure() == BASE[language]
        assert "token" not in page.url
        assert page.locator("#undo").is_disabled()

        held = Held(page, "**/ask")
        slider = me.control(FUND).locator("input[type=range]")
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("body.stale")
        assert me.figure() == BASE[language]  # what was known stays, and is marked
        assert page.locator("#pin").is_disabled()
        assert page.locator("#status").inner_text()
        held.release()
        me.answered()
        moved = float(me.number(FUND).input_value().replace(",", "."))
        assert moved > 20
        assert me.query()["set"] == [f"{FUND}={moved:g}"]
        assert "moved" in (me.control(FUND).get_attribute("class") or "")

        me.type(FUND, "10")
        me.answered()
        fewer = me.figure()
        assert me.query()["set"] == [f"{FUND}=10"]
        assert fewer != BASE[language]
        assert page.locator('[data-fact="expected"] .before').inner_text()
        page.click("#undo")
        me.holds(FUND, f"{moved:g}")
        me.answered()
        page.click("#redo")
        me.holds(FUND, "10")
        me.answered()
        assert me.figure() == fewer
        assert page.locator("#redo").is_disabled()
        page.click("#clear")
        me.answered()
        assert "set" not in me.query()
        assert me.figure() == BASE[language]
        me.holds(FUND, "20")
        page.click("#undo")
        me.holds(FUND, "10")
        me.answered()
        assert me.figure() == fewer


def test_figures_stand_in_fields_as_people_write_them(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        fields = me.page.locator(".control input.number")
        shown = fields.evaluate_all("all => all.map(one => one.value)")
        assert len(shown) >= 6
        assert [value for value in shown if value.endswith(".0") or "e" in value] == []


TYPED: dict[Language, dict[str, str]] = {
    "en": {"1,234.5": "1234.5", "12.5": "12.5", "13,5": "13.5", "0,125": "0.125", "2,000": "2000"},
    "de": {"1.234,5": "1234.5", "12.5": "12.5", "13,5": "13.5", "0.125": "0.125", "2.000": "2000",
           "1\u00a0500": "1500", "2,": "2"},
}  # fmt: skip
"""Numbers as people type them, and what they mean."""


@LANGUAGES
def test_numbers_are_typed_as_people_write_them(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        found = {}
        for typed in TYPED[language]:
            me.type(FUND, typed)
            me.answered()
            found[typed] = me.query()["set"][0].removeprefix(f"{FUND}=")
        assert found == TYPED[language]


def test_one_control_is_set_back_alone(visit: Visit) -> None:
    with visit() as me:
        me.begin(f"{BOARD}&set={FUND}%3D10&set=capex%3D2")
        me.control(FUND).locator(".reset").click()
        me.answered()
        assert me.query()["set"] == ["capex=2"]
        expect(me.control(FUND).locator(".reset")).to_be_hidden()


@pytest.mark.parametrize("value", ["20", "10"])
def test_a_value_that_stands_there_already_asks_nothing(visit: Visit, value: str) -> None:
    """Typed once more, or left and taken again before anything was asked."""
    with visit() as me:
        me.begin(f"{BOARD}&set={FUND}%3D10" if value == "10" else BOARD)
        before = me.page.url
        me.number(FUND).fill("11")
        me.number(FUND).fill(value)
        me.number(FUND).press("Enter")
        me.answered()
        assert me.page.url == before
        expect(me.page.locator("#pin")).to_be_enabled()
        expect(me.page.locator("#status")).not_to_contain_text("on its way")


def test_a_field_that_holds_no_number_is_told_and_asks_nothing(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        before = me.page.url
        me.number(FUND).fill("")
        me.number(FUND).press("Enter")
        me.page.wait_for_selector(f'.control[data-id="{FUND}"] input:invalid')
        me.number(FUND).fill("-3")
        me.number(FUND).press("Enter")
        me.page.wait_for_selector(f'.control[data-id="{FUND}"] input:invalid')
        assert me.page.url == before
        me.type(FUND, "10")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10"]


@LANGUAGES
def test_what_no_plan_can_keep_is_told_and_undone(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        me.control(REFINERY).locator("select").select_option("in")
        me.answered()
        assert me.query()["set"] == [f"{REFINERY}=in"]
        assert me.figure("projects") == "1"
        me.type("funders.chip_maker.budget_meur", "0")
        me.page.wait_for_selector("#figures .caution li")
        rules = me.page.locator("#figures .caution").inner_text()
        assert {"en": "No plan keeps all", "de": "Kein Plan"}[language] in rules
        assert me.page.locator("#pin").is_disabled()
        me.page.click("#undo")
        me.answered()
        assert me.figure("projects") == "1"
        expect(me.page.locator("#pin")).to_be_enabled()


def test_an_address_that_has_no_plan_is_left_by_the_next_move(visit: Visit) -> None:
    """A value that stands there already does not leave it marked for ever."""
    with visit() as me:
        me.open(f"{BOARD}&set={REFINERY}%3Din&set={FUND}%3D0")
        me.page.wait_for_selector("body:not(.stale) #figures .caution li")
        me.type(FUND, "0")
        me.page.wait_for_selector("body:not(.stale) #figures .caution li")
        me.type(FUND, "20")
        me.answered()


def test_an_address_with_a_faulty_value_is_told_and_mended(visit: Visit) -> None:
    with visit(fails="422") as me:
        me.open(f"{BOARD}&set={FUND}%3D-5")
        me.page.wait_for_selector("#figures .caution")
        assert "-5 is negative" in me.page.locator("#figures").inner_text()
        me.type(FUND, "10")
        me.answered()


def test_a_variant_is_chosen_and_keeps_what_was_moved(visit: Visit) -> None:
    with visit() as me:
        me.begin(f"{BOARD}&set=capex%3D2")
        me.page.locator("#variant").select_option("half_the_fund")
        me.page.wait_for_url("**variant=half_the_fund**")
        me.answered()
        assert me.query()["set"] == ["capex=2"]
        me.holds(FUND, "10")
        expect(me.page.locator("#variant")).to_have_value("half_the_fund")


def test_the_language_is_changed_with_all_else_as_it_was(visit: Visit) -> None:
    with visit() as me:
        me.begin(f"{BOARD}&set=capex%3D2&view=money")
        english = me.page.url
        me.page.click("[data-lang=de]")
        me.page.wait_for_selector("html[lang=de]")
        me.answered()
        me.drawn()
        assert me.page.url == english
        assert "Finanzierung nach Quelle und Jahr" in me.page.locator("#view").inner_text()


# Options, reloading, other tabs


@LANGUAGES
def test_options_are_kept_compared_and_removed(visit: Visit, language: Language) -> None:
    with visit(language) as me:
        me.begin()
        page = me.page
        page.click("#pin")
        me.type(FUND, "10")
        me.answered()
        page.click("#pin")
        pins = page.locator("#pins li")
        expect(pins).to_have_count(2)
        page.click("#pin")  # it is there
        expect(pins).to_have_count(2)
        assert "10" in pins.nth(1).inner_text()
        board = me.look("board").inner_text()
        assert {"en": "2 options are compared", "de": "2 Optionen"}[language] in board
        assert len(me.query()["pin"]) == 2
        pins.nth(0).locator("button").click()
        expect(pins).to_have_count(1)
        assert len(me.query()["pin"]) == 1
        me.drawn()
        page.reload()
        me.answered()
        expect(pins).to_have_count(1)
        pins.nth(0).locator("a").click()
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10"]


def test_reloading_and_going_back_keep_what_was_asked(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.type(FUND, "10")
        me.answered()
        me.type("capex", "1.5")
        me.answered()
        me.look("money")
        shown, address = me.figure(), me.page.url
        me.page.reload()
        me.answered()
        me.drawn()
        assert (me.figure(), me.page.url) == (shown, address)
        me.holds(FUND, "10")
        me.holds("capex", "1.5")
        assert "Funding by source and year" in me.page.locator("#view").inner_text()
        me.page.go_back()
        me.holds("capex", "1")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10"]
        me.page.go_back()
        me.holds(FUND, "20")
        me.answered()
        assert "set" not in me.query()
        me.page.go_forward()
        me.holds(FUND, "10")
        me.page.go_forward()
        me.holds("capex", "1.5")
        me.answered()
        assert me.figure() == shown


def test_an_address_shows_the_same_in_another_tab(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.type(FUND, "10")
        me.control(REFINERY).locator("select").select_option("out")
        me.answered()
        me.page.click("#pin")
        me.look("money")
        other = Person(me.page.context.new_page(), me.server, "en", me.problems)
        other.watch(other.page)
        other.page.goto(me.page.url)
        other.answered()
        other.drawn()
        for key in ("expected", "tail", "cost", "public", "projects"):
            assert other.figure(key) == me.figure(key)
        other.holds(FUND, "10")
        expect(other.control(REFINERY).locator("select")).to_have_value("out")
        assert other.page.locator("#view").inner_text() == me.page.locator("#view").inner_text()
        assert other.page.locator("#pins").inner_text() == me.page.locator("#pins").inner_text()
        before = me.figure()
        other.type(FUND, "15")  # which does not reach the first
        other.answered()
        assert me.figure() == before


# Any other figure


@LANGUAGES
def test_any_other_figure_is_found_and_moved(visit: Visit, language: Language) -> None:
    words = {"en": ("refinery capex", "gallium price"), "de": ("raffinerie inv", "gallium preis")}
    capex, price = "projects.refinery.capex_meur", "materials.gallium.price_eur_per_t"
    with visit(language) as me:
        me.begin()
        me.page.click("#any > summary")
        me.page.fill("#search", words[language][0])
        me.page.wait_for_selector(f'#found [data-id="{capex}"]')
        me.type(capex, "60")
        me.answered()
        assert me.query()["set"] == [f"{capex}=60"]
        me.page.fill("#search", words[language][1])
        me.page.wait_for_selector(f'#found [data-id="{price}"]')
        me.type(price, "400000")
        me.answered()
        assert me.query()["set"] == [f"{capex}=60", f"{price}=400000"]
        me.page.reload()
        me.answered()
        me.holds(capex, "60")
        me.control(capex).locator(".reset").click()
        me.answered()
        assert me.query()["set"] == [f"{price}=400000"]


def test_a_figure_that_is_among_the_controls_is_moved_once(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.page.click("#any > summary")
        me.page.fill("#search", "raw materials fund budget")
        me.page.click(f'#found [data-goto="{FUND}"]')
        expect(me.number(FUND)).to_be_focused()
        expect(me.page.locator(f'.control[data-id="{FUND}"]')).to_have_count(1)
        me.type(FUND, "10")
        me.answered()
        me.page.fill("#search", "gallium price")
        me.page.wait_for_selector('#found [data-id="materials.gallium.price_eur_per_t"]')
        expect(me.page.locator(f'.control[data-id="{FUND}"]')).to_have_count(1)
        me.type("capex", "2")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10", "capex=2"]


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
        me.page.locator("#view svg [data-told]").first.hover()
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
        names = [*views.FILES, "scenario"]
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
        assert {"en": "-20 is negative", "de": "-20 ist negativ"}[language] in faults
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
    assert run(["init", "--excel", "--from", str(TUTORIAL), str(book)]) == 0
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
    with opened(file, "--stay") as own, visit(to=own, fails="status of 404") as me:
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


# Without a mouse, on a small screen, on a bad line


def test_all_of_it_is_reached_by_the_keyboard(visit: Visit) -> None:
    with visit() as me:
        keys = me.page.keyboard

        def tab_to(selector: str, most: int = 80) -> None:
            target = me.page.locator(selector).first
            for _ in range(most):
                if target.evaluate("e => e === document.activeElement"):
                    return
                keys.press("Tab")
            raise AssertionError(f"{selector} is not reached")

        me.page.locator("body").press("Tab")
        expect(me.page.locator(".skip")).to_be_focused()
        keys.press("Enter")
        tab_to(".scenarios a[href*=tutorial]")
        keys.press("Enter")
        me.answered()
        tab_to(f'.control[data-id="{FUND}"] input[type=range]')
        keys.press("ArrowRight")
        me.answered()
        moved = me.figure("public")
        keys.press("Tab")
        expect(me.number(FUND)).to_be_focused()
        keys.press("ControlOrMeta+A")
        keys.type("10")
        keys.press("Enter")
        me.answered()
        assert me.figure("public") != moved
        tab_to(f'.control[data-id="{FUND}"] .reset')
        keys.press("Enter")
        me.answered()
        expect(me.number(FUND)).to_be_focused()
        tab_to("#pin")
        keys.press("Enter")
        expect(me.page.locator("#pins li")).to_have_count(1)
        tab_to('button[data-view="stocks"]')
        keys.press("Enter")
        expect(me.page.locator('button[data-view="stocks"]')).to_have_attribute(
            "aria-current", "true"
        )
        me.drawn()
        assert "What to stock" in me.page.locator("#view").inner_text()


def wider(page: Page) -> int:
    """How far the document reaches beyond the window."""
    found = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert isinstance(found, int)
    return found


SEEN = pytest.mark.parametrize(("language", "width"), [("de", 390), ("en", 1280)], ids=str)


@SEEN
def test_each_view_is_shown_and_nothing_is_wider_than_the_window(
    visit: Visit, language: Language, width: int, tmp_path: Path
) -> None:
    """With all that is folded away opened."""
    unfold = "for (const one of document.querySelectorAll('details')) one.open = true"
    with visit(language, width=width, fails="status of 4") as me:
        me.page.evaluate(unfold)
        assert wider(me.page) <= 0
        me.begin(f"{BOARD}&pin=scenario%3Dtutorial&pin=scenario%3Dtutorial%26set%3Dcapex%3D2")
        me.page.evaluate(unfold)
        me.page.fill("#search", "a")
        me.page.wait_for_selector("#found .control")
        assert wider(me.page) <= 0
        shown = set()
        for name in views.ALL:
            shown.add(me.look(name).inner_text())
            me.page.evaluate(unfold)
            assert wider(me.page) <= 0, name
        assert len(shown) == len(views.ALL)
        file = tmp_path / f"{'long-' * 30}.yaml"
        file.write_text("horizon: {first_year: " + "x" * 300 + "}\nmaterials: {}\n", "utf-8")
        me.open("/")
        me.page.set_input_files("#file", file)
        me.page.wait_for_selector(".faults")
        assert wider(me.page) <= 0


def test_a_slow_line_is_waited_for(visit: Visit) -> None:
    with visit() as me:
        line = me.page.context.new_cdp_session(me.page)
        about = {"offline": False, "latency": 200, "downloadThroughput": 80_000,
                 "uploadThroughput": 20_000}  # fmt: skip
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", about)
        me.begin()
        for value in ("10", "11", "12", "13"):
            me.type(FUND, value)
        me.page.wait_for_selector("body.stale")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=13"]
        me.page.click("#pin")
        assert "13" in me.page.locator("#pins").inner_text()
        me.drawn()
        for name in ("money", "damage", "stocks"):  # the last of which is meant
            me.page.click(f'button[data-view="{name}"]')
        me.page.wait_for_selector("#view[aria-busy=true]")
        me.drawn()
        assert "What to stock" in me.page.locator("#view").inner_text()


def test_answers_that_overtake_each_other_do_not_mislead(visit: Visit) -> None:
    """The first question comes to the server after the second."""
    with visit() as me:
        me.begin()
        held = Held(me.page, "**/ask")
        me.type(FUND, "10")
        me.page.wait_for_selector("body.stale")
        held.holds = False
        me.type(FUND, "15")
        me.answered()
        shown = me.figure("public")
        held.release()
        me.look("money")
        assert me.figure("public") == shown
        assert me.query()["set"] == [f"{FUND}=15"]
        expect(me.page.locator("body")).not_to_have_class(re.compile("stale"))


LOST = "ERR_INTERNET_DISCONNECTED|ERR_NETWORK|ERR_FAILED|ERR_INCOMPLETE|ERR_CONNECTION"
BREAKING = """
import time
from optimizer.page import server
server.BEAT, whole = 0.2, server._events
async def breaking(page, request, language):
    answer = await whole(page, request, language)
    lines, until = answer.body_iterator, time.monotonic() + 1
    async def some():
        try:
            async for line in lines:
                yield line
                if time.monotonic() > until:
                    return
        finally:
            await lines.aclose()
    answer.body_iterator = some()
    return answer
server._events = breaking
"""
"""Breaks each stream off after a second, as a computer that sleeps does."""


def test_a_line_that_was_lost_comes_back(visit: Visit) -> None:
    """Streams that break off are opened again; what was asked meanwhile is asked anew."""
    with opened(TUTORIAL, "--stay", patch=BREAKING) as own, visit(to=own, fails=LOST) as me:
        me.begin()
        me.page.context.set_offline(True)
        me.type(FUND, "10")
        expect(me.page.locator("#lost")).to_be_visible()
        me.page.wait_for_selector("body.stale")
        assert me.figure() == BASE["en"]
        me.page.context.set_offline(False)
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10"]
        assert me.figure() != BASE["en"]
        me.type(FUND, "12")
        me.answered()
        me.drawn()


def test_a_question_that_did_not_get_through_is_told_or_asked_again(visit: Visit) -> None:
    with visit(fails=LOST) as me:
        me.begin()
        me.page.route("**/ask", lambda route: route.abort("internetdisconnected"), times=1)
        me.type(FUND, "10")
        me.page.wait_for_selector("#figures .caution, #lost:visible, body:not(.stale) .before")
        me.type(FUND, "12")
        me.answered()


def test_a_view_that_did_not_come_is_told_and_comes_when_asked_again(visit: Visit) -> None:
    """What stands there of another view does not pass for it."""
    with visit(fails=LOST) as me:
        me.begin()
        me.page.route("**/view/**", lambda route: route.abort("internetdisconnected"))
        me.page.click('button[data-view="money"]')
        me.page.wait_for_selector('button[data-view="money"][aria-current=true]')
        me.page.unroute("**/view/**")
        expect(me.page.locator("#view")).not_to_contain_text("Recommended:")
        me.page.click('button[data-view="money"]')
        expect(me.page.locator("#view")).to_contain_text("Funding by source")


def test_a_server_that_has_ended_is_told(visit: Visit) -> None:
    with opened(TUTORIAL) as own, visit(to=own, fails=LOST) as me:
        me.open("/")
        own.process.kill()
        expect(me.page.locator("#lost")).to_be_visible()


# For those who cannot see it


FINDINGS = """async () => (await axe.run()).violations.map(
  v => [v.id, v.impact, v.nodes.map(n => n.target.join(' '))])"""


@pytest.mark.skipif(AXE is None, reason="VORRAT_AXE does not name axe.min.js")
@SEEN
def test_a_checker_of_accessibility_finds_no_fault(
    visit: Visit, language: Language, width: int, tmp_path: Path
) -> None:
    assert AXE is not None
    axe = Path(AXE).read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    with visit(language, width=width, without_policy=True, fails="status of 4") as me:

        def check(what: str) -> None:
            if not me.page.evaluate("'axe' in window"):
                me.page.add_script_tag(content=axe)
            if faults := me.page.evaluate(FINDINGS):
                found[what] = faults

        unfold = "for (const one of document.querySelectorAll('details')) one.open = true"
        me.page.evaluate(unfold)
        check("choose")
        me.begin(f"{BOARD}&set=capex%3D2&pin=scenario%3Dtutorial")
        check("folded")
        me.page.evaluate(unfold)
        me.page.fill("#search", "gallium")
        me.page.wait_for_selector("#found .control")
        for name in views.ALL:
            me.look(name)
            check(name)
        me.type(FUND, "0")
        me.control(REFINERY).locator("select").select_option("in")
        me.page.wait_for_selector("body:not(.stale) #figures .caution li")
        check("no plan")
        file = tmp_path / "faulty.yaml"
        file.write_text("horizon: {first_year: x}\nmaterials: {}\nmore: 1\n", "utf-8")
        me.open("/")
        me.page.set_input_files("#file", file)
        me.page.wait_for_selector(".faults")
        check("faults")
        me.open("/board?scenario=nowhere")
        check("sorry")
    assert found == {}, json.dumps(found, indent=1)
