"""The page by keyboard alone, on a small screen, on a bad line, and for those who cannot see it.

The check for accessibility needs axe-core, whose ``axe.min.js`` the environment variable VORRAT_AXE
names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser_visits import AXE, BASE, BOARD, FUND, NEEDS_CHROMIUM, REFINERY, Held, Visit
from open_page import DIES_ONCE_ASKED, TUTORIAL, opened
from playwright.sync_api import Page, Route, expect

from models.language import Language
from optimizer.page import views

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]


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
    page.wait_for_load_state()  # an element can be visible before its style sheet has arrived
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
        for name in views.ALL_VIEWS:
            shown.add(me.look(name).inner_text())
            me.page.evaluate(unfold)
            assert wider(me.page) <= 0, name
        assert len(shown) == len(views.ALL_VIEWS)
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


LOST = "^Failed to load resource: net::ERR_"
"""Which of many such errors a lost server or network gives depends on what was under way."""
BREAKING = """
import time
from optimizer.page import server
server.HEARTBEAT_SECONDS, whole = 0.2, server._event_stream
async def breaking(page, request):
    answer = await whole(page, request)
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
server._event_stream = breaking
"""
"""Breaks each stream off after a second, as a computer that sleeps does."""


def test_a_line_that_was_lost_comes_back(visit: Visit) -> None:
    """Streams that break off are opened again; questions of the meantime are sent again."""
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


def test_a_proxy_that_answers_for_a_server_that_has_gone_is_outlasted(visit: Visit) -> None:
    """A browser does not open a stream again that was answered with an error."""
    with visit(fails="status of 502|ERR_") as me:
        me.begin()
        gone = True

        def refuse(route: Route) -> None:
            if gone:
                route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")
            else:
                route.continue_()

        me.page.route(re.compile("/(events|ask)"), refuse)
        me.page.reload()
        expect(me.page.locator("#lost")).to_be_visible()
        me.type(FUND, "9")
        gone = False
        me.answered()
        me.holds(FUND, "9")
        expect(me.page.locator("#lost")).to_be_hidden()


def test_a_failed_request_is_reported_or_repeated(visit: Visit) -> None:
    with visit(fails=LOST) as me:
        me.begin()
        me.page.route("**/ask", lambda route: route.abort("internetdisconnected"), times=1)
        me.type(FUND, "10")
        me.page.wait_for_selector("#figures .caution, #lost:visible, body:not(.stale) .before")
        me.type(FUND, "12")
        me.answered()


def test_a_failed_view_is_reported_and_can_be_requested_again(visit: Visit) -> None:
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


def test_a_server_that_has_ended_is_reported(visit: Visit) -> None:
    with opened(TUTORIAL) as own, visit(to=own, fails=LOST) as me:
        me.open("/")
        own.process.kill()
        expect(me.page.locator("#lost")).to_be_visible()


def test_a_question_that_is_asked_out_of_sight_is_answered(visit: Visit) -> None:
    """Such as one that was typed in the moment before."""
    with visit() as me:
        me.begin()
        me.page.evaluate(
            "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        me.type(FUND, "9")
        me.answered()
        assert me.query()["set"] == [f"{FUND}=9"]


def test_a_question_whose_process_died_is_asked_again(visit: Visit) -> None:
    with opened(TUTORIAL, patch=DIES_ONCE_ASKED) as own, visit(to=own) as me:
        me.begin(f"/board?scenario={own.scenario}")
        again = me.page.locator("#again")
        expect(again).to_be_hidden()
        me.type(FUND, "9")
        expect(me.page.locator("#figures .caution")).to_contain_text("has died")
        again.click()
        me.answered()
        me.holds(FUND, "9")
        expect(again).to_be_hidden()


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
        for name in views.ALL_VIEWS:
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
