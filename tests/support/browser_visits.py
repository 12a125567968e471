"""A visit of a page with a browser, and its errors.

Stories run where Chromium is installed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from open_page import Opened
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from models.language import Language

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
AXE = os.environ.get("VORRAT_AXE")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
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
"""Views that are rendered on request."""
SIZES: dict[int, int] = {1280: 900, 390: 800}


@dataclass
class Person:
    """A user with a browser, and the errors in it."""

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
        """Wait until the shown answer belongs to the current question."""
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
        """Switch to a view, and request it if necessary."""
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
"""Open the page with a new browser."""


@contextmanager
def come(
    browser: Browser,
    to: Opened,
    language: Language = "en",
    *,
    width: int = 1280,
    without_policy: bool = False,
    fails: str = "",
    proxied: dict[str, str] | None = None,
) -> Iterator[Person]:
    """Open the page as a user, whose requests get headers of a proxy if there is one. Errors that
    do not match ``fails`` fail the test."""
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]}, bypass_csp=without_policy,
        accept_downloads=True, extra_http_headers=proxied or {},
    )  # fmt: skip
    try:
        person = Person(context.new_page(), to, language)
        person.watch(person.page)
        token = "" if proxied else f"token={to.token}&"
        person.page.goto(f"{to.origin}/?{token}lang={language}")
        yield person
        problems = [x for x in person.problems if not (fails and re.search(fails, x))]
        assert not problems, problems
    finally:
        context.close()


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
