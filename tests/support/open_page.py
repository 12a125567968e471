"""The server of ``vorrat open`` in a separate process, and HTTP clients for it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
from pages import read

import vorrat
from models.results import Plan
from optimizer.page.scenario_store import Question

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
PATIENCE = 60.0
"""Seconds that an answer may take on a machine on which others work."""
DONE = ("proven", "stopped", "failed")
PATCHED = """\
import sys
from optimizer.page import session
{patch}
from optimizer.cli import main
sys.argv[0] = "vorrat"
main()
"""
DIES_ONCE_ASKED = """\
import psutil
from optimizer.page.worker import SolveRequest
from optimizer.parallel.services import ServiceProcess

send, seen = ServiceProcess._send, set()

def send_and_kill(self, message):
    asked = message.question
    if isinstance(asked, SolveRequest) and asked.variant == "asked" and asked.key not in seen:
        seen.add(asked.key)
        psutil.Process(self._process.pid).suspend()  # it must not answer first
        send(self, message)
        self._process.kill()
    else:
        send(self, message)

ServiceProcess._send = send_and_kill
"""
"""A patch of the server: the process that solves dies of each new question, the first time that the
question is asked."""


@dataclass
class Opened:
    """A server: its process, its address with the token, and what it writes to stderr."""

    process: subprocess.Popen[str]
    address: str
    said: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None  # of its stderr

    def finish(self) -> int:
        """Wait until the process has ended and all it wrote is in ``said``; its exit code."""
        code = self.process.wait(PATIENCE)
        assert self.reader is not None
        self.reader.join(PATIENCE)
        return code

    @property
    def port(self) -> int:
        found = re.search(r":(\d+)/", self.address)
        assert found is not None
        return int(found[1])

    @property
    def token(self) -> str:
        return self.address.rpartition("token=")[2]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def scenario(self) -> str:
        """The id of the scenario that it was opened with."""
        found = re.search(r"scenario=([^&]+)", self.address)
        assert found is not None
        return found[1]

    def workers(self) -> list[psutil.Process]:
        """The processes that solve."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in family if "spawn_main" in " ".join(one.cmdline())]

    def visitor(self) -> Visitor:
        """One who has opened the address with the token."""
        made = Visitor(self)
        made.cookies["vorrat-" + str(self.port)] = self.token
        return made


def _keep(stream: Any, said: list[str]) -> None:
    with suppress(ValueError):  # it was closed
        for line in stream:
            said.append(line)


@contextmanager
def opened(
    *args: str | Path,
    patch: str = "",
    language: str = "en",
    at_once: bool = False,
    temp: Path | None = None,
) -> Iterator[Opened]:
    """A server on a free port, which listens by now unless it is wanted ``at_once``; ``patch`` is
    run before it, with its module ``session``. It has temporary files in ``temp``."""
    start = ["-c", PATCHED.format(patch=patch)] if patch else ["-m", "optimizer"]
    process = subprocess.Popen(
        [sys.executable, *start, "open", "--no-browser", f"--language={language}",
         *map(str, args)],
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, encoding="utf-8", cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | ({"TMPDIR": str(temp)} if temp else {}),
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"https?://\S+", line)
    assert found is not None, line + process.stderr.read()
    made = Opened(process, found[0])
    made.reader = threading.Thread(target=_keep, args=(process.stderr, made.said), daemon=True)
    made.reader.start()
    try:
        if not at_once and made.address.startswith("http://127"):
            _wait_for(made.port)
        yield made
    finally:
        _end(process)
        made.reader.join(10)
        process.stderr.close()


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
            return
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


def _end(process: subprocess.Popen[str]) -> None:
    """End a server and all that it has begun."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait(10)


@dataclass(frozen=True)
class Answer:
    """What came back for a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """A browser without a screen: cookies, and requests as pages of the server send them."""

    server: Opened
    cookies: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request with the cookies, and with no headers but those that are given."""
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            line.request(method, path, body, {**self._always(), **(headers or {})})
            answer = line.getresponse()
            return Answer(answer.status, {**dict(answer.getheaders())}, answer.read())
        finally:
            line.close()

    def _always(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookies} if cookies else {}

    def get(self, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers=named)

    def post(self, path: str, said: Any, kind: str = "application/json") -> Answer:
        """What a script of the page sends."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        about = {"Origin": self.server.origin, "Content-Type": kind}
        return self.request("POST", path, body, about)

    def view(self, name: str, *queries: str, **about: str) -> Answer:
        """Request a view of a question."""
        pairs = [*(("of", query) for query in queries), *about.items()]
        return self.get(f"/view/{name}?{urlencode(pairs)}")

    def take(self, name: str, query: str, **about: str) -> Answer:
        """Download a file of a question."""
        return self.get(f"/take/{name}?{urlencode([('of', query), *about.items()])}")

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A tab with its stream."""
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        id = f"tab-{next(_tabs)}"
        try:
            line.request("GET", f"/events?tab={id}", headers=self._always())
            stream = line.getresponse()
            assert stream.status == 200
            yield Tab(self, id, stream)
        finally:
            line.close()


_tabs = count(1)


@dataclass
class Tab:
    """A tab: its questions and its events."""

    visitor: Visitor
    id: str
    stream: http.client.HTTPResponse
    number: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)

    def send(self, query: str) -> Answer:
        """Send a question without waiting."""
        self.number += 1
        said = {"tab": self.id, "number": self.number, "query": query}
        return self.visitor.post("/ask", said)

    def hear(self) -> dict[str, Any]:
        """Wait for the next event."""
        while line := self.stream.readline():
            if line.startswith(b"data: "):
                said: dict[str, Any] = json.loads(line[6:])
                self.heard.append(said)
                return said
        raise AssertionError("the stream has ended")

    def answer(self) -> dict[str, Any]:
        """Wait for the final answer to the last question."""
        while (said := self.hear())["number"] != self.number or said["state"] not in DONE:
            pass
        return said

    def ask(self, query: str) -> dict[str, Any]:
        """Send a question, and wait for the answer."""
        sent = self.send(query)
        assert sent.status == 202, sent.text
        return self.answer()


def query_of(scenario: str, *settings: str, variant: str = "") -> str:
    """A question as an address has it; each setting is ``id=value``."""
    about = [("scenario", scenario), *([("variant", variant)] if variant else [])]
    return urlencode([*about, *(("set", text) for text in settings)])


def escaped(text: str) -> str:
    """A text as part of an address."""
    return quote(text, safe="")


def own_text(capex: int) -> bytes:
    """A scenario of a user: the tutorial with other figures."""
    text = TUTORIAL.read_text(encoding="utf-8")
    return text.replace("capex_meur:", f"# {capex}\n    capex_meur:", 1).encode()


def dropped(visitor: Visitor, content: bytes, name: str = "own.yaml") -> str:
    """Drop a file; the id of its scenario."""
    answer = visitor.post(f"/drop?name={name}", content)
    assert answer.status == 201, answer.text
    return str(answer.json["at"].rpartition("=")[2])


def figures(said: dict[str, Any]) -> dict[str, str]:
    """The figures of an answer by key, each without its unit."""
    page = read(said["html"])
    found = {}
    for fact in page.all("div"):
        (dd,) = [x for x in fact.all("dd") if x.attributes.get("class") == "figure"]
        found[fact.attributes["data-fact"]] = dd.text.partition(" ")[0]
    return found


def solved(*settings: str) -> Plan:
    """What a solve finds with the same settings, as close to the best as an answer has to be."""
    reading = vorrat.read(TUTORIAL).reading
    _, made = Question.from_query(query_of("tutorial", *settings)).apply_to(reading)
    scenario = vorrat.read(TUTORIAL, settings=[f"{path}={value}" for path, value in made.items()])
    result = vorrat.solve(scenario, gap=1e-3).result
    assert isinstance(result, Plan)
    return result
