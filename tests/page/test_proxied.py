"""The page behind a proxy with a path of its own, uploads that never end, and the end of the
page."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from open_page import PATIENCE, TUTORIAL, Opened, Visitor, dropped, opened, own_text, query_of
from starlette.types import Message, Receive, Scope, Send

from optimizer.cli import open_page, run_command_line
from optimizer.page import guard
from optimizer.page.guard import BaseUrl, RequestGuard

TOKEN = "0123456789abcdef"
PUBLIC, PREFIX = "https://vorrat.example.org", "/user/ada"
ABOUT = {"Host": "vorrat.example.org", "X-Vorrat-Token": TOKEN}
STALLED = 2.0
PATCH = f"from optimizer.page import guard\nguard.STALL_SECONDS = {STALLED}"
POSTS = ["/ask", "/stop", "/drop?name=a.yaml", "/mend", "/save"]


@pytest.fixture(scope="module")
def server() -> Iterator[Opened]:
    """A page that a proxy offers, whose uploads may stall for a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VORRAT_TOKEN", TOKEN)
        there = opened("--stay", "--base-url", f"{PUBLIC}{PREFIX}/", TUTORIAL, patch=PATCH)
        with there as found:
            patch.undo()  # other servers have tokens of their own
            yield found
            assert found.said == ["It ends when nobody has it open any more, or with Ctrl-C.\n"]


@pytest.fixture(scope="module")
def port(server: Opened) -> int:
    """The port of the server, whose printed address is that of the proxy."""
    (found,) = [one.laddr.port for one in psutil.Process(server.process.pid).net_connections("inet")
                if one.status == psutil.CONN_LISTEN]  # fmt: skip
    return int(found)


@pytest.fixture
def ask(server: Opened, port: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Visitor]:
    """One whom the proxy has let in, with these headers instead of the usual."""
    monkeypatch.setattr(Opened, "port", port)
    monkeypatch.setattr(Opened, "origin", PUBLIC)

    def visitor(**changed: str | None) -> Visitor:
        named = {name.replace("_", "-"): value for name, value in changed.items()}
        always = {name: value for name, value in {**ABOUT, **named}.items() if value is not None}
        found = Visitor(server)
        monkeypatch.setattr(found, "_always", lambda: always, raising=False)
        return found

    return visitor


def test_the_address_of_the_proxy_is_written_without_the_token(server: Opened) -> None:
    assert server.address == f"{PUBLIC}{PREFIX}/board?scenario=tutorial"


def test_all_addresses_begin_with_the_path_of_the_proxy(ask: Callable[..., Visitor]) -> None:
    import re

    for path in ("/", "/board?scenario=tutorial", "/board?scenario=nowhere"):
        page = ask().get(path, Accept="text/html").text
        found = re.findall(r'(?:src|href|action)="([^"?#][^"]*)"', page)
        assert found
        assert [one for one in found if not one.startswith(f"{PREFIX}/")] == []
    at = ask().post("/drop?name=own.yaml", own_text(1)).json["at"]
    assert at.startswith(f"{PREFIX}/board?scenario=own-")
    mended = ask().post("/mend", b"scenario=tutorial&title=x", "application/x-www-form-urlencoded")
    assert mended.headers["location"] == f"{PREFIX}/board?scenario=tutorial"


def test_the_cookies_of_the_page_are_for_its_path_alone(ask: Callable[..., Visitor]) -> None:
    answer = ask(X_Vorrat_Token=None).get(f"/board?scenario=tutorial&token={TOKEN}")
    assert answer.status == 303
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["location"] == f"{PREFIX}/board?scenario=tutorial"
    cookie = {part.strip().lower() for part in headers["set-cookie"].split(";")}
    assert {f"path={PREFIX}", "secure", "httponly", "samesite=lax"} <= cookie
    chosen = ask().get("/?lang=de").headers["set-cookie"]
    assert f"Path={PREFIX}" in chosen


@pytest.mark.parametrize("token", [None, "", TOKEN[:-1], TOKEN + "0", "ä"])
def test_a_proxy_without_the_token_is_refused(
    ask: Callable[..., Visitor], token: str | None
) -> None:
    for path in ("/", "/board?scenario=tutorial", "/events?tab=x", "/static/page.js"):
        assert ask(X_Vorrat_Token=token).get(path).status == 403
    for path in POSTS:
        assert ask(X_Vorrat_Token=token).post(path, {}).status == 403


@pytest.mark.parametrize("host", ["evil.example", "vorrat.example.org:444", "127.0.0.1", ""])
def test_another_name_is_refused(ask: Callable[..., Visitor], host: str) -> None:
    assert ask(Host=host).get("/").status == 421
    assert ask(Host="vorrat.example.org:443").get("/").status == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://vorrat.example.org", "https://evil.example",
               "https://vorrat.example.org:444"]
)  # fmt: skip
@pytest.mark.parametrize("path", POSTS)
def test_a_post_from_elsewhere_is_refused(
    ask: Callable[..., Visitor], path: str, origin: str | None
) -> None:
    reported = {} if origin is None else {"Origin": origin}
    assert ask().request("POST", path, b"{}", reported).status == 403


def test_only_pages_of_the_same_origin_show_it_in_a_frame(ask: Callable[..., Visitor]) -> None:
    headers = ask().get("/").headers
    assert headers["content-security-policy"].endswith("frame-ancestors 'self'")
    assert headers["x-frame-options"] == "SAMEORIGIN"
    about = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    for site, status in (("same-origin", 200), ("same-site", 403), ("cross-site", 403)):
        assert ask().request("GET", "/", headers={**about, "Sec-Fetch-Site": site}).status == status


@pytest.mark.parametrize(
    ("address", "meant"),
    [("https://Vorrat.Example.org:443/", ("https://vorrat.example.org", "")),
     ("https://hub.example.org:8443/user/Ada@x/proxy/8080/",
      ("https://hub.example.org:8443", "/user/Ada@x/proxy/8080")),
     ("https://[2001:db8::1]/a", ("https://[2001:db8::1]", "/a")),
     ("http://localhost:80", ("http://localhost", ""))],
)  # fmt: skip
def test_an_address_is_that_of_browsers(address: str, meant: tuple[str, str]) -> None:
    assert open_page._parse_base_url(address) == BaseUrl(*meant)


@pytest.mark.parametrize(
    "address",
    ["http://vorrat.example.org", "vorrat.example.org", "https://a:b@example.org", "https://",
     "https://example.org?x=1", "https://example.org/#x", "ftp://example.org", "",
     "https://straße.example", "https://a.example:x", "https://a.example/\"><b>",
     "https://a.example/a;b", "https://a.example//b.example"],
)  # fmt: skip
def test_an_address_that_does_not_do_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(open_page, "_run_server", lambda *_: pytest.fail("it serves"))
    line = ["open", "--no-browser", "--language=en", "--base-url", address]
    assert run_command_line(line) == 2
    assert "is no address such as" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("token", ["short", "ä" * 20])
def test_a_token_that_does_not_do_is_refused(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VORRAT_TOKEN", token)
    monkeypatch.setattr(open_page, "_run_server", lambda *_: pytest.fail("it serves"))
    assert run_command_line(["open", "--no-browser", "--language=en"]) == 2
    assert "at least 16 letters and digits" in " ".join(capsys.readouterr().err.split())


# Too much


def sent(visitor: Visitor, path: str, size: int) -> socket.socket:
    """An upload in chunks that has sent so many bytes and stalls."""
    line = socket.create_connection(("127.0.0.1", visitor.server.port), PATIENCE)
    about = {**visitor._always(), "Origin": visitor.server.origin, "Transfer-Encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in about.items())
    line.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n{size:x}\r\n".encode() + b"#" * size + b"\r\n")
    return line


def answer(line: socket.socket) -> tuple[int, str]:
    """What is answered before the connection is closed."""
    with line:
        said = b""
        while more := line.recv(100_000):
            said += more
    head, _, body = said.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.serial
def test_uploads_that_stall_are_ended_and_two_are_taken_at_once(
    server: Opened, ask: Callable[..., Visitor]
) -> None:
    held = psutil.Process(server.process.pid).memory_info().rss
    lines = [sent(ask(), "/drop?name=a.yaml", 5_000_000) for _ in range(guard.MAX_UPLOADS)]
    time.sleep(0.8)
    code, text = answer(sent(ask(), "/drop?name=b.yaml", 10))
    assert code == 429
    assert "Wait until these" in text
    assert ask().get("/").status == 200
    assert psutil.Process(server.process.pid).memory_info().rss < held + 50_000_000
    for line in lines:
        code, text = answer(line)
        assert code == 408
        assert "too slowly" in text
    assert ask().post("/drop?name=a.yaml", own_text(1)).status == 201


@pytest.mark.serial
@pytest.mark.parametrize("path", ["/ask", "/mend", "/save"])
def test_a_request_that_never_ends_is_ended(ask: Callable[..., Visitor], path: str) -> None:
    assert answer(sent(ask(), path, 1))[0] == 408


def test_a_request_that_only_reads_has_no_body(ask: Callable[..., Visitor]) -> None:
    assert ask().request("GET", "/events?tab=x", b"x" * 10).status == 400


def test_a_question_that_is_too_long_is_refused(ask: Callable[..., Visitor]) -> None:
    query = query_of("tutorial", "capex=1." + "1" * 40_000)
    assert ask().post("/ask", {"tab": "t", "number": 1, "query": query}).status == 404


@pytest.mark.slow
def test_a_file_with_a_thousand_faults_shows_some_of_them(ask: Callable[..., Visitor]) -> None:
    id = dropped(ask(), own_text(10) + "".join(f"k{n}: {n}\n" for n in range(1000)).encode())
    page = ask().get(f"/board?scenario={id}", Accept="text/html")
    assert page.status == 422
    assert page.text.count('<li class="error">') == 100
    assert "And 900 more" in page.text


# The end


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_nothing_stays_when_the_page_ends(tmp_path: Path) -> None:
    with opened("--stay", temp=tmp_path) as own:
        visitor = own.visitor()
        id = dropped(visitor, own_text(5), "end-kept-by-nobody.yaml")
        assert visitor.view("brief", query_of(id)).status == 200
        (worker,) = own.workers()
        assert [*tmp_path.rglob("end-kept-by-nobody.yaml")]
        own.process.terminate()  # as containers do
        assert own.finish() in (0, -15)
        assert not [*tmp_path.rglob("end-kept-by-nobody.yaml")]
        assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_is_cancelled_as_the_page_ends_is_completed(begun: bool) -> None:
    """What leaves the guard otherwise is logged with a traceback."""
    said: list[Message] = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        said.append(message)

    async def go() -> None:
        guarded = RequestGuard(waits, "token", 1, BaseUrl())
        headers = [(b"host", b"127.0.0.1:1"), (b"cookie", b"vorrat-1=token")]
        about = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
        task = asyncio.create_task(
            guarded({**about, "headers": headers}, cast(Receive, None), send)
        )
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    asyncio.run(go())
    assert [one["type"] for one in said] == ["http.response.start", "http.response.body"]
    assert said[0]["status"] == (200 if begun else 503)
