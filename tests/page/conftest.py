"""Fixtures: servers of the page, HTTP clients and browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache

import pytest
from browser_visits import ARGUMENTS, CHROMIUM, Person, Visit, come
from open_page import Opened, Tab, Visitor, opened
from playwright.sync_api import Browser, sync_playwright

from models.language import Language


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[..., Opened]]:
    """Servers on this machine, each with the requested files; all modules share
    them, since a server and its processes take seconds to start."""
    with ExitStack() as stack:
        yield cache(lambda *files: stack.enter_context(opened(*files, "--stay")))


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, servers: Callable[..., Opened]) -> Iterator[Opened]:
    """It has the files that a module names as OPENED, and is that of all such modules but those
    that say they want one ALONE; or else those that are shipped."""
    if hasattr(request.module, "ALONE"):
        made: AbstractContextManager[Opened] = opened(*request.module.ALONE)
    elif hasattr(request.module, "OPENED"):
        made = nullcontext(servers(*request.module.OPENED))
    else:
        made = opened("--stay")
    with made as found:
        yield found
    assert "Traceback" not in "".join(found.said)


@pytest.fixture
def visitor(server: Opened) -> Visitor:
    return server.visitor()


@pytest.fixture
def tab(visitor: Visitor) -> Iterator[Tab]:
    with visitor.tab() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, server: Opened) -> Visit:
    def visiting(
        language: Language = "en", *, to: Opened = server, **how: object
    ) -> AbstractContextManager[Person]:
        return come(browser, to, language, **how)  # type: ignore[arg-type]

    return visiting
