"""Access to a server for many users, and the options for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from open_page import (
    PATIENCE,
    PUBLIC,
    ROOT,
    SECRET,
    TUTORIAL,
    Served,
    Visitor,
    dropped,
    own_text,
    query_of,
    served,
)
from pages import read

from optimizer.cli import open_page, run_command_line

SERVED = ("--jobs", "2", TUTORIAL)
BASE = query_of("tutorial")
PATHS = ["/", "/board?scenario=tutorial", "/events?tab=x", "/view/brief?of=scenario%3Dtutorial",
         "/take/plan?of=scenario%3Dtutorial", "/figures?of=scenario%3Dtutorial&q=x", "/here",
         "/static/page.js", "/nowhere"]  # fmt: skip
POSTS = ["/ask", "/stop", "/drop?name=a.yaml", "/mend", "/save", "/forget"]


def bare(server: Served, **about: str) -> Visitor:
    """One who comes with these headers alone, and the right host."""
    named = {name.replace("_", "-"): value for name, value in about.items()}
    return Visitor(server, proxied={"Host": PUBLIC.removeprefix("https://"), **named})


# Only through the proxy


@pytest.mark.parametrize("path", PATHS)
def test_who_does_not_come_through_the_proxy_is_refused(server: Served, path: str) -> None:
    for about in (
        {},
        {"X_Remote_User": "Ada"},
        {"X_Remote_User": "Ada", "X_Vorrat_Secret": SECRET[:-1]},
        {"X_Remote_User": "Ada", "X_Vorrat_Secret": SECRET + "0"},
        {"X_Remote_User": "Ada", "X_Vorrat_Secret": "ä"},
        {"X_Remote_User": "Ada", "Cookie": f"vorrat-{server.port}={SECRET}"},
    ):
        assert bare(server, **about).get(path).status == 403
    in_address = f"{path}{'&' if '?' in path else '?'}token={SECRET}"
    assert bare(server, X_Remote_User="Ada").get(in_address).status == 403


@pytest.mark.parametrize("path", POSTS)
def test_requests_that_bypass_the_proxy_are_refused(server: Served, path: str) -> None:
    assert bare(server, X_Remote_User="Ada").post(path, {}).status == 403


@pytest.mark.parametrize("user", [None, "", "   ", "x" * 201])
def test_an_unknown_user_is_refused(server: Served, user: str | None) -> None:
    about = {"X_Vorrat_Secret": SECRET} | ({} if user is None else {"X_Remote_User": user})
    answer = bare(server, **about).get("/")
    assert answer.status == 403
    assert "who you are" in answer.text


def test_two_names_are_none(server: Served) -> None:
    """A request with two user headers has no user."""
    import http.client

    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    line.putrequest("GET", "/", skip_host=True)
    for name, value in {**server.visitor("Ada").proxied}.items():
        line.putheader(name, value)
    line.putheader("X-Remote-User", "Eve")
    line.endheaders()
    assert line.getresponse().status == 403
    line.close()


@pytest.mark.slow
def test_a_name_is_shown_as_it_is_and_as_a_text(server: Served) -> None:
    for name in ("Jörg Müller", "<b>Ada</b>", "ada@bmwe.example"):
        sent = name.encode().decode("latin-1")
        page = server.visitor(sent).get("/", Accept="text/html")
        assert page.status == 200
        (shown,) = [one for one in read(page.text).all("span")
                    if one.attributes.get("class") == "user"]  # fmt: skip
        assert shown.text == name
        assert "<b>" not in page.text


@pytest.mark.slow
def test_names_that_are_not_in_utf_8_are_different_people(server: Served) -> None:
    one, other = server.visitor("M\xfcller"), server.visitor("M\xf6ller")
    dropped(one, own_text(11), "of-mueller.yaml")
    assert "of-mueller" in one.get("/").text
    assert "of-mueller" not in other.get("/").text
    one.post("/forget", b"")


def test_names_are_compared_byte_by_byte(server: Served) -> None:
    """A proxy that names one in Latin-1 and another in UTF-8 means two."""
    dropped(server.visitor("M\xfcller"), own_text(12), "of-mueller.yaml")
    assert "of-mueller" not in server.visitor("Müller".encode().decode("latin-1")).get("/").text
    for name in ("m\xfcller", "M\xfcller x", "Mu\u0308ller".encode().decode("latin-1")):
        assert "of-mueller" not in server.visitor(name).get("/").text
    server.visitor("M\xfcller").post("/forget", b"")


@pytest.mark.parametrize(
    "sign", ["\xa0", "\u2003", "\x1f", "\x85", "\u200b", "\ufeff", "\u202e", "\u3000",
             "\u034f", "\u115f", "\u3164", "\u2800", "\ufe0f", "\U000e0100"]
)  # fmt: skip
def test_a_name_with_blanks_at_its_edge_or_signs_unseen_is_refused(
    server: Served, sign: str
) -> None:
    for name in (f"{sign}Ada", f"Ada{sign}", f"A{sign}da", sign):
        for encoding in ("utf-8", "latin-1") if sign < "\u0100" else ("utf-8",):
            answer = server.visitor(name.encode(encoding).decode("latin-1")).get("/")
            assert answer.status == 400
            assert "name of a user" in answer.text
    assert server.visitor("Ada B. O'Neil-Müller (x)").get("/").status == 200


@pytest.mark.parametrize("host", ["vorrat.example.org", "vorrat.example.org:443"])
def test_the_usual_port_goes_without_saying(server: Served, host: str) -> None:
    assert server.visitor().get("/", Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:{port}", "localhost", ""])
def test_another_name_of_the_server_is_refused(server: Served, host: str) -> None:
    answer = server.visitor().get("/", Host=host.format(port=server.port))
    assert answer.status == 421


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "origin", [None, "null", "http://vorrat.example.org", "https://evil.example",
               "http://127.0.0.1:{port}", "https://vorrat.example.org:444"]
)  # fmt: skip
def test_a_post_from_elsewhere_is_refused(server: Served, path: str, origin: str | None) -> None:
    reported = {} if origin is None else {"Origin": origin.format(port=server.port)}
    assert server.visitor().request("POST", path, b"{}", reported).status == 403


def test_the_health_check_needs_no_token(server: Served) -> None:
    stranger = Visitor(server)
    assert stranger.get("/health").text == "here\n"
    assert bare(server).get("/health").text == "here\n"
    assert stranger.post("/health", {}).status == 421
    assert stranger.get("/health/").status == 421


def test_it_listens_on_this_machine_alone_and_writes_no_token(server: Served) -> None:
    found = [one.laddr for one in psutil.Process(server.process.pid).net_connections("inet")
             if one.status == psutil.CONN_LISTEN]  # fmt: skip
    assert [(where.ip, where.port) for where in found] == [("127.0.0.1", server.port)]
    assert SECRET not in "".join(server.said)
    assert "token" not in server.visitor().get("/").text


# How it is asked for


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What the command says of options with which it does not begin to serve."""
    monkeypatch.setattr(open_page, "_run_server", lambda *_: pytest.fail("it serves"))

    def said(*args: str | Path) -> str:
        line = ["open", "--no-browser", "--language=en", *map(str, args)]
        assert run_command_line(line) == 2
        return " ".join(capfd.readouterr().err.split())

    return said


def refused_apart(*args: str | Path) -> str:
    line = [sys.executable, "-m", "optimizer", "open", "--no-browser", "--language=en"]
    done = subprocess.run([*line, *map(str, args)], capture_output=True, text=True, check=False,
                          timeout=PATIENCE, cwd=ROOT)  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("address", "says"),
    [("http://vorrat.example.org", "not encrypted"), ("vorrat.example.org", "no address such as"),
     ("https://example.org/vorrat", "a name of its own"), ("https://a:b@example.org", "no address"),
     ("https://example.org?x=1", "a name of its own"), ("ftp://example.org", "no address"),
     ("https://a..b", "no address"), ("https://straße.example", "no address"),
     ("https://", "no address"), ("", "no address"), ("https://a.example:x", "no address")],
)  # fmt: skip
def test_an_address_that_does_not_do_is_refused(
    refused: Callable[..., str], tmp_path: Path, address: str, says: str
) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    assert says in refused("--serve", address, "--secret", tmp_path / "secret")


@pytest.mark.parametrize(
    ("address", "meant"),
    [("https://Vorrat.Example.org:443/", "https://vorrat.example.org"),
     ("https://vorrat.example.org:8443", "https://vorrat.example.org:8443"),
     ("https://rohstoffe-münchen.example", "https://xn--rohstoffe-mnchen-tzb.example"),
     ("https://[2001:db8::1]", "https://[2001:db8::1]"),
     ("http://localhost:80", "http://localhost")],
)  # fmt: skip
def test_an_address_is_that_of_browsers(address: str, meant: str) -> None:
    from optimizer.cli.open_page import _public_address

    assert _public_address(address) == meant


@pytest.mark.slow
def test_a_faulty_file_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    (tmp_path / "faulty.yaml").write_text("horizon: {first_year: x}\n", encoding="utf-8")
    said = refused_apart(
        "--serve", PUBLIC, "--secret", tmp_path / "secret", tmp_path / "faulty.yaml"
    )
    assert "faulty.yaml:1" in said


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "x" * 20 + "\n" + "y" * 20, "ä" * 40])
def test_a_secret_that_does_not_do_is_refused(
    refused: Callable[..., str], tmp_path: Path, secret: str
) -> None:
    (tmp_path / "secret").write_text(secret, encoding="utf-8")
    said = refused("--serve", PUBLIC, "--secret", tmp_path / "secret")
    assert "at least 32 letters" in said


def test_what_is_for_a_server_is_refused_on_this_machine(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    assert "--secret FILE" in refused("--serve", PUBLIC)
    assert "--secret is for a server" in refused("--secret", tmp_path / "secret")
    assert "--listen is for a server" in refused("--listen", "0.0.0.0")
    assert "--user-header is for a server" in refused("--user-header", "X")
    assert "not available" in refused("--serve", PUBLIC, "--secret", tmp_path / "secret",
                                      "--listen", "192.0.2.1")  # fmt: skip


@pytest.mark.slow
def test_the_header_of_another_login_is_heeded(tmp_path: Path) -> None:
    with served(tmp_path, "--user-header", "Remote-User") as own:
        assert own.visitor().get("/").status == 403
        about = {**own.visitor().proxied, "Remote-User": "Ada"}
        assert Visitor(own, proxied=about).get("/").status == 200


@pytest.mark.slow
def test_a_search_that_finds_nothing_in_time_is_reported(tmp_path: Path) -> None:
    patch = "from optimizer.cli import open_page\nopen_page.SERVER_SEARCH_SECONDS = 0.01"
    with served(tmp_path, "--jobs", "1", patch=patch) as own, own.visitor().tab() as tab:
        said = tab.ask(BASE)
        assert said["state"] == "failed"
        assert "before the limit" in said["text"]
