"""The server answers only its pages, on this machine alone, and ends when no page is open."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from open_page import PATIENCE, TUTORIAL, Opened, Visitor, opened, query_of
from pages import read

from optimizer.cli import open_page, run_command_line
from optimizer.page.guard import MAX_REQUEST_BYTES, MAX_UPLOAD_BYTES

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
PAGES = ["/", "/board?scenario=tutorial", "/static/page.js", "/figures?of=scenario%3Dtutorial&q=x"]
ALONE = (TUTORIAL,)
"""Files of a server of its own, since processes of the server are counted."""
POSTS = ["/ask", "/stop", "/drop?name=a.yaml", "/mend", "/save"]


@pytest.fixture(autouse=True)
def _no_trace(request: pytest.FixtureRequest) -> Iterator[None]:
    """No request ends in an unexpected error."""
    if "server" not in request.fixturenames:
        yield
        return
    said: list[str] = request.getfixturevalue("server").said
    before = len(said)
    yield
    assert "Traceback" not in "".join(said[before:])


# Who may ask


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/events?tab=x", "/view/brief", "/take/plan"])
def test_without_the_token_nothing_is_reported(server: Opened, path: str) -> None:
    answer = Visitor(server).get(path)
    assert answer.status == 403
    assert b"vorrat open" in answer.body
    assert server.token not in answer.text
    assert "Set-Cookie" not in {name.title() for name in answer.headers}


@pytest.mark.parametrize("path", POSTS)
def test_without_the_token_nothing_is_taken(server: Opened, path: str) -> None:
    assert Visitor(server).post(path, {}).status == 403


@pytest.mark.parametrize("token", ["", "x", "ä", "a" * 10_000, "%00", "none"])
def test_a_wrong_token_is_no_token(server: Opened, token: str) -> None:
    stranger = Visitor(server)
    answer = stranger.request("GET", "/?token=" + http_text(token))
    assert answer.status == 403
    stranger.cookies[f"vorrat-{server.port}"] = http_text(token)
    assert stranger.get("/").status == 403


def http_text(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="%")


def test_a_part_of_the_token_is_no_token(server: Opened) -> None:
    for part in (server.token[:-1], server.token + "a", server.token.swapcase()):
        assert Visitor(server).get(f"/?token={part}").status == 403


def test_the_token_of_another_server_is_none_here(server: Opened) -> None:
    """Cookies of one host reach all its ports."""
    stranger = Visitor(server)
    stranger.cookies["vorrat-1"] = server.token
    assert stranger.get("/").status == 403


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(server: Opened) -> None:
    stranger = Visitor(server)
    answer = stranger.get(f"/board?scenario=tutorial&token={server.token}&view=map")
    assert answer.status == 303
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["location"].endswith("/board?scenario=tutorial&view=map")
    assert server.token not in headers["location"]
    cookie = {part.strip().lower() for part in headers["set-cookie"].split(";")}
    assert "httponly" in cookie
    assert cookie & {"samesite=strict", "samesite=lax"}
    name, _, value = headers["set-cookie"].partition(";")[0].partition("=")
    stranger.cookies[name] = value
    assert stranger.get("/board?scenario=tutorial").status == 200


@pytest.mark.slow
def test_the_address_that_is_reported_has_the_token_and_works_at_once() -> None:
    """Who follows it the moment it is printed is answered."""
    with opened(TUTORIAL, at_once=True) as found:
        assert found.address.startswith(f"http://127.0.0.1:{found.port}/board?scenario=tutorial&")
        assert Visitor(found).get(found.address.removeprefix(found.origin)).status == 303


# From where


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost",
     "127.0.0.1.evil.example:{port}", "[::1]:{port}", "0.0.0.0:{port}", ""],
)  # fmt: skip
def test_another_name_of_the_host_is_refused(visitor: Visitor, host: str) -> None:
    """A name that a stranger owns may lead here: DNS rebinding."""
    answer = visitor.get("/", Host=host.format(port=visitor.server.port))
    assert answer.status in (400, 421)


@pytest.mark.slow
def test_localhost_is_this_machine(visitor: Visitor) -> None:
    assert visitor.get("/", Host=f"localhost:{visitor.server.port}").status == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1",
               "https://127.0.0.1:{port}", "file://"]
)  # fmt: skip
def test_a_post_from_elsewhere_is_refused(visitor: Visitor, path: str, origin: str | None) -> None:
    reported = {} if origin is None else {"Origin": origin.format(port=visitor.server.port)}
    answer = visitor.request("POST", path, b"{}", {"Content-Type": "text/plain", **reported})
    assert answer.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_post_that_the_browser_calls_foreign_is_refused(visitor: Visitor, site: str) -> None:
    reported = {"Origin": visitor.server.origin, "Sec-Fetch-Site": site}
    assert visitor.request("POST", "/ask", b"{}", reported).status == 403


@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin", "websocket"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_nothing_is_embedded_elsewhere(visitor: Visitor, site: str, mode: str) -> None:
    """A script, a picture or a view that a page of others would load."""
    about = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    for path in ("/view/brief?of=scenario%3Dtutorial", "/static/page.js", "/events?tab=x"):
        assert visitor.request("GET", path, headers=about).status == 403


def test_a_link_from_elsewhere_may_be_followed(visitor: Visitor) -> None:
    about = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert visitor.request("GET", "/", headers=about).status == 200


FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document", "Accept": "text/html"}  # fmt: skip
PIECES = ["/view/brief?of=scenario%3Dtutorial", "/take/plan?of=scenario%3Dtutorial",
          "/events?tab=x", "/figures?of=scenario%3Dtutorial&q=x", "/here"]  # fmt: skip


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object"])
def test_a_page_elsewhere_has_none_of_these_in_a_frame(visitor: Visitor, dest: str) -> None:
    for path in ("/", "/board?scenario=tutorial", *PIECES):
        about = {**FOLLOWED, "Sec-Fetch-Dest": dest}
        assert visitor.request("GET", path, headers=about).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_elsewhere_has_no_effect(visitor: Visitor, site: str) -> None:
    """Its question is not sent until the user opens it; nothing is solved or kept in a cookie."""
    before = visitor.server.workers()
    followed = {**FOLLOWED, "Sec-Fetch-Site": site}
    for path in PIECES:
        assert visitor.request("GET", path, headers=followed).status == 403
    for path in ("/?lang=de", "/board?scenario=tutorial&lang=de&set=capex=%22%3E%3Cb%3E2"):
        page = visitor.request("GET", path, headers=followed)
        assert page.status == 200
        assert "Set-Cookie" not in {name.title() for name in page.headers}
        assert 'id="controls"' not in page.text
        (link,) = [one for one in read(page.text).all("a") if one.text == "Diese Seite öffnen"]
        assert link.attributes["href"] == path
        opened = visitor.get(path, Sec_Fetch_Site="same-origin")
        assert "language=de" in opened.headers["set-cookie"]
    assert visitor.server.workers() == before
    lost = visitor.request("GET", "/board?scenario=nowhere&lang=de", headers=followed)
    assert lost.status == 404
    assert "Set-Cookie" not in {name.title() for name in lost.headers}


@pytest.mark.parametrize("referer", [None, "https://evil.example/", "{origin}.evil.example/"])
def test_a_browser_that_does_not_say_from_where_needs_a_page_here(
    visitor: Visitor, referer: str | None
) -> None:
    """Safari before 16.4 sends no Sec-Fetch-Site; requests of the page have a referrer."""
    origin = visitor.server.origin
    reported = {"User-Agent": "Mozilla/5.0"}
    elsewhere = (
        reported if referer is None else {**reported, "Referer": referer.format(origin=origin)}
    )
    for path in PIECES:
        assert visitor.request("GET", path, headers=elsewhere).status == 403
    page = visitor.request("GET", "/board?scenario=tutorial&lang=de", headers=elsewhere)
    assert 'id="controls"' not in page.text
    here = {**reported, "Referer": f"{origin}/board?scenario=tutorial"}
    assert visitor.request("GET", "/here", headers=here).status == 204
    board = visitor.request("GET", "/board?scenario=tutorial", headers=here)
    assert 'id="controls"' in board.text


def test_a_page_of_its_own_is_answered(visitor: Visitor) -> None:
    for site in ("same-origin", "none"):
        assert visitor.get("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="cors").status == 200


# How much


@pytest.mark.parametrize(
    ("path", "most"),
    [("/drop?name=far-too-large.yaml", MAX_UPLOAD_BYTES), ("/ask", MAX_REQUEST_BYTES)],
)
def test_what_says_that_it_is_too_large_is_refused(visitor: Visitor, path: str, most: int) -> None:
    """By its length alone, before any of it is sent. What is no file may be much smaller: nested
    lists take a hundred times their size once they are read."""
    about = {"Origin": visitor.server.origin, "Content-Length": str(most + 1)}
    line = http.client.HTTPConnection("127.0.0.1", visitor.server.port, timeout=PATIENCE)
    line.putrequest("POST", path)
    for name, value in {**about, **visitor._always()}.items():
        line.putheader(name, value)
    line.endheaders()
    assert line.getresponse().status == 413
    line.close()


def test_a_file_that_does_not_say_how_large_it_is_is_refused_as_well(visitor: Visitor) -> None:
    """In chunks; the server may close the line as soon as it has had enough."""
    line = http.client.HTTPConnection("127.0.0.1", visitor.server.port, timeout=PATIENCE)
    line.putrequest("POST", "/drop?name=far-too-large.yaml")
    about = {"Origin": visitor.server.origin, "Transfer-Encoding": "chunked"}
    for name, value in {**about, **visitor._always()}.items():
        line.putheader(name, value)
    line.endheaders()
    chunk = b"%x\r\n" % 1_000_000 + b"#" * 1_000_000 + b"\r\n"
    with suppress(OSError):
        for _ in range(MAX_UPLOAD_BYTES // 1_000_000 + 1):
            line.send(chunk)
        line.send(b"0\r\n\r\n")
    try:
        assert line.getresponse().status == 413
    except (OSError, http.client.HTTPException):
        pass
    finally:
        line.close()
    assert "far-too-large" not in visitor.get("/").text


# What is not there, and what cannot be read


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/view", "/view/", "/static/", "/static/nothing.js", "/ask/more", "/view/a/b",
     "/board/", "/.git/config", "/docs", "/openapi.json"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status in (307, 404)


@pytest.mark.parametrize(
    "name",
    ["../server.py", "..%2fserver.py", "..%5cserver.py", "%2e%2e/server.py", "....//server.py",
     "%2e%2e%2fserver.py", "page.js%00.css", "/etc/passwd", "%2fetc%2fpasswd", "board.html.j2",
     "../templates/page.js/../board.html.j2", "PAGE.JS"],
)  # fmt: skip
def test_nothing_but_what_is_named_is_served(visitor: Visitor, name: str) -> None:
    answer = visitor.request("GET", f"/static/{name}")
    assert answer.status == 404
    assert b"import" not in answer.body


@pytest.mark.parametrize(
    "path",
    ["/view/nothing?of=scenario%3Dtutorial", "/view/brief", "/view/brief?of=", "/take/plan",
     "/view/brief?of=scenario%3Dnowhere", "/take/nothing?of=scenario%3Dtutorial",
     "/view/board?of=scenario%3Dtutorial&of=scenario%3Dgermany-2026", "/board",
     "/board?scenario=nowhere", "/board?scenario=../x",
     "/figures?of=scenario%3Dnowhere&q=a", "/view/company?of=scenario%3Dtutorial&funder=nobody",
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml"])
def test_what_the_scenario_does_not_have_is_reported_as_such(
    visitor: Visitor, path: str, accept: str
) -> None:
    """The answer is a text, or a page if the client accepts one."""
    answer = visitor.get(path, Accept=accept)
    assert answer.status == 404
    if accept == "*/*":
        assert answer.json["text"]
    else:
        assert "<h1>That cannot be done</h1>" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml"])
@pytest.mark.parametrize(
    "path",
    ["/take/plan?of=scenario%3Dtutorial%26set%3Dfunders.fund.budget_meur%3D-5",
     "/take/scenario?of=scenario%3Dtutorial%26set%3Dfunders.fund.budget_meur%3D-5",
     "/view/brief?of=scenario%3Dtutorial%26variant%3Dnobody"],
)  # fmt: skip
def test_a_faulty_question_is_reported_with_its_fault(
    visitor: Visitor, path: str, accept: str
) -> None:
    answer = visitor.get(path, Accept=accept)
    assert answer.status == 422
    assert "nobody" in answer.text or "-5 is negative" in answer.text


def test_a_question_of_too_many_figures_is_refused(visitor: Visitor) -> None:
    for count in (201, 900):
        query = query_of("tutorial", *(f"x{n}=1" for n in range(count)))
        sent = visitor.post("/ask", {"tab": "t", "number": 1, "query": query})
        assert sent.status == 404


@pytest.mark.parametrize("path", ["/ask", "/stop", "/save"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"x"', b"null", b"\xff\xfe{}", b"[" * 100_000, b"{}" * 2],
    ids=["empty", "open", "list", "text", "null", "no text", "deep", "twice"],
)  # fmt: skip
def test_what_is_no_json_is_refused(visitor: Visitor, path: str, body: bytes) -> None:
    answer = visitor.post(path, body)
    assert 400 <= answer.status < 500
    assert answer.json["text"]


@pytest.mark.parametrize("path", ["/ask", "/stop", "/save"])
@pytest.mark.parametrize("field", ["tab", "query", "id", "any"])
def test_half_a_surrogate_pair_is_refused(visitor: Visitor, path: str, field: str) -> None:
    said = {"tab": "odd", "number": 1, "query": "scenario=tutorial", "id": "x"}
    for text in ("\ud800", "scenario=tutorial&set=capex=\udfff", ["\udc00"]):
        answer = visitor.post(path, {**said, field: text})
        assert answer.status == 400
        assert answer.json["text"] == "the request cannot be read"


@pytest.mark.parametrize("number", ["one", None, [1], {}, 1e400, True], ids=str)
def test_a_question_without_a_number_is_refused(visitor: Visitor, number: object) -> None:
    said = {"tab": "odd", "number": number, "query": "scenario=tutorial&set=nothing=1"}
    assert visitor.post("/ask", said).status in (400, 404, 422)
    if number is not True:
        sent = visitor.post("/ask", {**said, "query": "scenario=tutorial"})
        assert sent.status in (400, 404, 422)


@pytest.mark.parametrize("query", [5, None, [], "", "variant=x", "scenario=", "set=a=1"], ids=str)
def test_a_question_without_a_scenario_is_refused(visitor: Visitor, query: object) -> None:
    assert visitor.post("/ask", {"tab": "odd", "number": 1, "query": query}).status == 404


def test_no_process_begins_for_a_scenario_that_is_not_there(visitor: Visitor) -> None:
    before = visitor.server.workers()
    for n in range(4):
        assert visitor.view("brief", f"scenario=nowhere-{n}").status == 404
    assert visitor.server.workers() == before


def test_a_request_of_another_kind_is_refused(visitor: Visitor) -> None:
    assert visitor.get("/ask").status == 405
    assert visitor.post("/board?scenario=tutorial", {}).status == 405
    reported = {"Origin": visitor.server.origin}
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert visitor.request(method, "/", headers=reported).status in (403, 405)


# What comes with every answer


def every_kind(visitor: Visitor) -> Iterator[tuple[str, dict[str, str]]]:
    """The headers of answers of each kind, refusals among them."""
    stranger = Visitor(visitor.server)
    for path in (*PAGES, "/nowhere", "/board?scenario=nowhere", "/view/brief", "/static/icon.svg",
                 "/static/page.css", f"/?token={visitor.server.token}"):  # fmt: skip
        answer = visitor.get(path)
        yield path, {name.lower(): value for name, value in answer.headers.items()}
    refused = [visitor.get("/", Host="evil.example"), stranger.get("/"), visitor.post("/ask", b"{"),
            visitor.request("POST", "/ask", b"{}"), visitor.get("/ask")]  # fmt: skip
    for answer in refused:
        about = {name.lower(): value for name, value in answer.headers.items()}
        yield str(answer.status), about


def test_every_answer_keeps_itself_to_this_page(visitor: Visitor) -> None:
    for path, headers in every_kind(visitor):
        policy = dict(
            part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
        )
        assert CSP.items() <= policy.items(), path
        assert "unsafe" not in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "access-control-allow-origin" not in headers, path
        assert "server" not in headers, path
        kept = "no-cache" if path.startswith("/static/") else "no-store"
        assert headers["cache-control"] == kept, path


def test_pages_load_from_this_server_alone(visitor: Visitor) -> None:
    import re

    for path in ("/", "/board?scenario=tutorial"):
        page = visitor.get(path, Accept="text/html").text
        for link in re.findall(r'(?:src|href|action)="([^"]*)"', page):
            assert link.startswith(("/", "?", "#")), link
            assert not link.startswith("//")
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|<style|\sstyle=", page)


# On this machine, and how long


def test_it_listens_on_this_machine_alone(server: Opened) -> None:
    found = [
        one.laddr
        for one in psutil.Process(server.process.pid).net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert [(where.ip, where.port) for where in found] == [("127.0.0.1", server.port)]


def test_a_port_that_is_taken_is_reported(
    server: Opened, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_page, "_run_server", lambda *_: pytest.fail("it serves"))
    line = ["open", "--no-browser", "--language=en", f"--port={server.port}"]
    assert run_command_line(line) == 2
    assert f"Port {server.port}" in capsys.readouterr().err


SHORT = "session.FIRST_OPEN_SECONDS, session.ABANDONED_SECONDS = {first}, {left}"


@pytest.mark.slow
def test_it_ends_by_itself_where_nobody_opens_it() -> None:
    with opened(TUTORIAL, patch=SHORT.format(first=1.0, left=0.5)) as found:
        assert found.finish() == 0
    assert "Traceback" not in "".join(found.said)


@pytest.mark.slow
def test_it_ends_when_everybody_has_gone_and_not_before() -> None:
    """An open event stream counts as a user for as long as it is open."""
    with opened(TUTORIAL, patch=SHORT.format(first=60.0, left=1.0)) as found:
        visitor = found.visitor()
        with visitor.tab() as tab:
            assert tab.ask(query_of("tutorial"))["state"] == "proven"
            (worker,) = found.workers()
            time.sleep(2.5)
            assert found.process.poll() is None
            assert tab.ask(query_of("tutorial", "capex=2"))["state"] == "proven"
        assert found.finish() == 0
        assert ended(worker)
    assert "Traceback" not in "".join(found.said)


@pytest.mark.slow
def test_a_server_with_option_stay_does_not_end() -> None:
    with opened(TUTORIAL, "--stay", patch=SHORT.format(first=0.2, left=0.2)) as found:
        time.sleep(2)
        assert found.process.poll() is None
        assert found.visitor().get("/").status == 200


def ended(process: psutil.Process) -> bool:
    try:
        process.wait(PATIENCE)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


POSIX = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")


@POSIX
@pytest.mark.slow
@pytest.mark.serial
def test_ctrl_c_ends_the_server_with_open_pages() -> None:
    """Without a word but that it was interrupted."""
    with opened(TUTORIAL) as found, found.visitor().tab():
        found.process.send_signal(signal.SIGINT)
        assert found.finish() == 130
    assert found.said[-1] == "vorrat: interrupted\n"
    assert "Traceback" not in "".join(found.said)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", found.port), 5)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False], ids=["terminal", "process"])
def test_ctrl_c_ends_what_it_has_begun(whole: bool) -> None:
    """In a terminal all processes are struck at once; an answer is on its way."""
    with opened(TUTORIAL) as found:
        with found.visitor().tab() as tab:
            tab.ask(query_of("tutorial"))
            (worker,) = found.workers()
            tab.send(query_of("tutorial", "capex=1.5"))
            if whole:
                os.killpg(found.process.pid, signal.SIGINT)
            else:
                found.process.send_signal(signal.SIGINT)
            assert found.finish() == 130
        assert ended(worker)
    assert "Traceback" not in "".join(found.said)


@pytest.mark.slow
def test_a_server_that_is_killed_leaves_no_process_behind() -> None:
    with opened(TUTORIAL) as found:
        with found.visitor().tab() as tab:
            tab.ask(query_of("tutorial"))
            (worker,) = found.workers()
            found.process.kill()
        assert ended(worker)
