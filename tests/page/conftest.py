"""A browser before the page, for the stories that are told with hands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from before_page import ARGUMENTS, CHROMIUM, Person, Visit, come
from open_page import Opened, opened
from playwright.sync_api import Browser, sync_playwright

from models.language import Language


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


@pytest.fixture
def visit(browser: Browser, server: Opened) -> Visit:
    def visiting(
        language: Language = "en", *, to: Opened = server, **how: object
    ) -> AbstractContextManager[Person]:
        return come(browser, to, language, **how)  # type: ignore[arg-type]

    return visiting
