"""Questions in a browser: moved controls, options, undo and any other figure."""

from __future__ import annotations

import pytest
from browser_visits import (
    BASE,
    BOARD,
    FUND,
    LANGUAGES,
    NEEDS_CHROMIUM,
    REFINERY,
    TITLE,
    Held,
    Person,
    Visit,
)
from playwright.sync_api import expect

from models.language import Language

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]


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
    """A value that is typed again or restored sends no question."""
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


def test_a_click_after_a_figure_was_typed_is_not_lost(visit: Visit) -> None:
    """What is clicked first takes the focus from the field, which is no new question."""
    with visit() as me:
        me.begin()
        me.number(FUND).fill("10")
        me.page.wait_for_url(f"**set={FUND}%3D10*")
        me.answered()
        box = me.page.locator("#pin").bounding_box()
        assert box is not None
        me.page.mouse.click(box["x"] + 20, box["y"] + 10)  # at once if the queue is empty
        expect(me.page.locator("#pins li")).to_have_count(1)


@LANGUAGES
@pytest.mark.parametrize("width", [390, 800, 1024, 1280])
def test_nothing_moves_away_while_an_answer_comes(
    visit: Visit, language: Language, width: int
) -> None:
    """Where one is about to click: below the figures as well."""
    with visit(language) as me:
        me.page.set_viewport_size({"width": width, "height": 900})
        me.begin()
        for once in ("10", "12", "10"):  # answers that have one before them, the highest among them
            me.type(FUND, once)
            me.answered()

        def places() -> list[object]:
            return [me.page.locator(one).bounding_box() for one in ("#pin", ".views")]

        at_rest = places()
        held = Held(me.page, "**/ask")
        me.type(FUND, "12")
        me.page.wait_for_selector("body.stale")
        while_asking = places()
        held.release()
        me.answered()
        assert None not in at_rest
        assert while_asking == at_rest
        assert places() == at_rest


def test_an_invalid_number_is_reported_and_sends_no_request(visit: Visit) -> None:
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


def test_an_invalid_number_keeps_the_value_of_the_question(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.type(FUND, "10")
        me.answered()
        me.number(FUND).fill("1o")
        me.control(REFINERY).locator("select").select_option("out")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10", f"{REFINERY}=out"]


def test_amounts_with_a_factor_are_sent_as_in_the_file(visit: Visit) -> None:
    with visit() as me:
        me.begin()
        me.type("damage.gallium", "2")
        me.answered()
        me.type(FUND, "20")
        me.answered()
        assert me.query()["set"] == ["damage.gallium=2", f"{FUND}=20.0"]
        me.page.reload()
        me.answered()
        me.control(FUND).locator(".reset").click()
        me.answered()
        assert me.query()["set"] == ["damage.gallium=2"]


@LANGUAGES
def test_what_no_plan_can_keep_is_reported_and_undone(visit: Visit, language: Language) -> None:
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
        for view in ("brief", "money"):  # they stay marked as of the question before
            me.page.click(f'button[data-view="{view}"]')
            me.page.wait_for_selector(f"#view.old[data-view={view}][aria-busy=false]")
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


def test_an_address_with_a_faulty_value_is_reported_and_mended(visit: Visit) -> None:
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
        page.click("#clear")
        me.answered()
        me.look("money")
        pins.nth(0).locator("a").click()
        me.holds(FUND, "10")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10"]
        assert me.query()["view"] == ["money"]  # what is looked at stays, and so does the way back
        page.click("#undo")
        me.holds(FUND, "20")


def test_an_option_is_asked_as_it_was_kept(visit: Visit) -> None:
    """A field shows six digits of it."""
    with visit() as me:
        me.begin(f"{BOARD}&set={FUND}%3D10.1234567")
        me.page.click("#pin")
        me.page.click("#clear")
        me.answered()
        me.page.locator("#pins a").click()
        me.holds(FUND, "10.1235")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=10.1234567"]
        me.page.click("#pin")
        expect(me.page.locator("#pins li")).to_have_count(1)


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
