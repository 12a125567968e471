"""Two users of a server with browsers: identity, queue and files."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_visits import AXE, BASE, FUND, LANGUAGES, NEEDS_CHROMIUM, SIZES, Person, Visit
from open_page import TUTORIAL, Served, served
from playwright.sync_api import expect

from models.language import Language

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]
WAITING = {"en": "Waiting; 1 before you.", "de": "Wartet; 1 vor Ihnen."}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """At an address on this machine, since no name leads to another one here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("served")
    with served(folder, "--jobs", "1", "--port", str(port), public=address) as found:
        yield found


def proxied(server: Served, user: str) -> dict[str, str]:
    """What the proxy adds; the browser names the host itself."""
    about = server.visitor(user.encode().decode("latin-1")).proxied
    return {name: value for name, value in about.items() if name != "Host"}


@LANGUAGES
def test_each_has_files_of_his_own_and_removes_them(
    visit: Visit, server: Served, language: Language, tmp_path: Path
) -> None:
    file = tmp_path / f"plans-of-ada-{language}.yaml"
    file.write_bytes(TUTORIAL.read_bytes() + f"# {language}\n".encode())
    ada, eve = proxied(server, "Ada"), proxied(server, "Eve")
    with visit(language, proxied=ada) as me, visit(language, proxied=eve) as she:
        expect(me.page.locator(".user")).to_have_text("Ada")
        expect(she.page.locator(".user")).to_have_text("Eve")
        me.page.set_input_files("#file", file)
        me.page.wait_for_url("**/board?scenario=plans-of-ada-*")
        me.answered()
        assert me.figure() == BASE[language]
        address = me.page.url
        expect(me.page.locator("#save")).to_have_count(0)
        she.open("/")
        expect(she.page.locator(".scenarios")).not_to_contain_text("plans-of-ada")
        me.open("/")
        button = me.page.locator("form[action='/forget'] button")
        expect(me.page.locator(f"a[href*='plans-of-ada-{language}']").first).to_be_visible()
        button.click()
        expect(me.page.locator(f"a[href*='plans-of-ada-{language}']")).to_have_count(0)
        answer = me.page.request.get(address)
        assert answer.status == 404


@LANGUAGES
def test_a_queued_user_sees_the_position(visit: Visit, server: Served, language: Language) -> None:
    with (
        visit(language, proxied=proxied(server, "Jörg")) as me,
        visit(language, proxied=proxied(server, "Eve")) as she,
    ):
        me.begin()
        she.begin()
        (worker,) = server.workers()
        worker.suspend()
        me.type(FUND, "11" if language == "en" else "12")
        me.page.wait_for_selector("body.stale")
        she.type(FUND, "13" if language == "en" else "14")
        expect(she.page.locator("#status")).to_have_text(WAITING[language])
        worker.resume()
        for person in (me, she):
            person.answered()
        said = she.page.locator(".proof.proven")
        expect(said).to_contain_text("Proven" if language == "en" else "nachgewiesen")


@pytest.mark.parametrize("width", SIZES)
@LANGUAGES
def test_the_page_of_a_server_fits_and_is_accessible(
    visit: Visit, server: Served, language: Language, width: int
) -> None:
    named = proxied(server, "Maximilian Freiherr von und zu Langenstein-Hohenlohe (Referat IV B 3)")
    with visit(language, width=width, proxied=named, without_policy=True) as me:
        for path in ("/", "/board?scenario=tutorial"):
            me.open(path)
            if path != "/":
                me.answered()
            assert inside(me), path
            if AXE is not None:
                me.page.add_script_tag(content=Path(AXE).read_text(encoding="utf-8"))
                assert me.page.evaluate("async () => (await axe.run()).violations.length") == 0
        assert re.search("server" if language == "en" else "Server", me.page.content())


def inside(person: Person) -> bool:
    """Whether nothing is wider than the window."""
    return bool(person.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
