"""Overload: too many connections, requests and uploads that never end, slow files."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import psutil
import pytest
from open_page import PATIENCE, TUTORIAL, Served, Visitor, own_text, served
from starlette.types import Message, Receive, Scope, Send

from optimizer.cli.connections import TimedConnection
from optimizer.page import guard
from optimizer.page.scenario_store import ScenarioStore
from optimizer.page.solver_pool import SolverPool
from optimizer.page.user_session import FILE_THREADS, UPLOAD_THREADS
from optimizer.page.users import Users

DESCRIPTORS, STALLED, OF_ONE = 128, 2.0, 6
LIMITS = f"""
import resource
from optimizer.cli import connections
from optimizer.page import guard
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
connections.REQUEST_HEAD_TIMEOUT = 5.0
guard.STALL_SECONDS, guard.MAX_REQUESTS_PER_USER = {STALLED}, {OF_ONE}
"""
pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="descriptors are POSIX")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with few descriptors and little patience."""
    folder = tmp_path_factory.mktemp("crowded")
    with served(folder, "--jobs", "1", TUTORIAL, patch=LIMITS) as found:
        yield found
        assert found.said == ["It ends with Ctrl-C.\n"]  # nothing of connections and uploads


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


@pytest.mark.slow
def test_idle_connections_give_way_and_are_closed(crowded: Served) -> None:
    with ExitStack() as stack:
        address = ("127.0.0.1", crowded.port)
        idle = [
            stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(100)
        ]
        idle[-1].sendall(b"GET /health HTTP/1.1\r\nHost:")  # and never goes on
        assert Visitor(crowded).get("/health").status == 200
        assert crowded.visitor().get("/board?scenario=tutorial").status == 200
        assert psutil.Process(crowded.process.pid).num_fds() < DESCRIPTORS
        assert all(one.recv(1) == b"" for one in idle[::-1])


@pytest.mark.slow
def test_one_user_has_no_more_than_some_requests_answered_at_once(crowded: Served) -> None:
    bob = crowded.visitor("Bob")
    with ExitStack() as stack:
        for _ in range(OF_ONE):
            stack.enter_context(bob.tab())
        refused = bob.get("/")
        assert refused.status == 429
        assert "too much open" in refused.text
        assert crowded.visitor("Eve").get("/").status == 200
    until = time.monotonic() + PATIENCE
    while bob.get("/").status != 200:
        assert time.monotonic() < until


@pytest.mark.slow
def test_many_event_streams_leave_a_connection_for_health_checks(crowded: Served) -> None:
    with ExitStack() as stack:
        for n in range(DESCRIPTORS // 2):
            line = http.client.HTTPConnection("127.0.0.1", crowded.port, timeout=PATIENCE)
            stack.callback(line.close)
            line.request("GET", "/events?tab=x", headers=crowded.visitor(f"user {n}").proxied)
            status = line.getresponse().status
        assert status == 503
        assert Visitor(crowded).get("/health").status == 200


def test_a_connection_whose_answer_is_still_sent_is_not_idle() -> None:
    class Transport(asyncio.Transport):
        def get_write_buffer_size(self) -> int:
            return 1

    line = TimedConnection.__new__(TimedConnection)
    line.cycle, line.transport = None, Transport()
    assert not line.is_idle


@pytest.mark.serial
def test_an_upload_that_stalls_is_ended_and_so_many_are_taken(crowded: Served) -> None:
    bob, eve = crowded.visitor("Bob"), crowded.visitor("Eve")
    held = psutil.Process(crowded.process.pid).memory_info().rss
    lines = [sent(bob, "/drop?name=a.yaml", 5_000_000) for _ in range(guard.MAX_UPLOADS_PER_USER)]
    time.sleep(0.8)
    code, text = answer(sent(bob, "/drop?name=b.yaml", guard.UPLOAD_THRESHOLD + 1))
    assert code == 429
    assert "Wait until these" in text
    assert eve.post("/drop?name=a.yaml", own_text(1) + b"#" * 100_000).status == 201
    assert psutil.Process(crowded.process.pid).memory_info().rss < held + 50_000_000
    for line in lines:
        code, text = answer(line)
        assert code == 408
        assert "too slowly" in text
    assert bob.post("/drop?name=a.yaml", own_text(1) + b"#" * 100_000).status == 201


@pytest.mark.serial
@pytest.mark.parametrize("path", ["/ask", "/mend", "/save"])
def test_a_request_that_never_ends_is_ended(crowded: Served, path: str) -> None:
    assert answer(sent(crowded.visitor(), path, 1))[0] == 408


@pytest.mark.serial
def test_all_together_upload_no_more_than_some_at_once(crowded: Served) -> None:
    with ExitStack() as stack:
        users = [f"user {n}" for n in range(guard.MAX_UPLOADS)]
        for user in users:
            stack.enter_context(
                sent(crowded.visitor(user), "/drop?name=a.yaml", guard.UPLOAD_THRESHOLD + 1)
            )
        time.sleep(0.8)
        code, text = answer(
            sent(crowded.visitor(), "/drop?name=a.yaml", guard.UPLOAD_THRESHOLD + 1)
        )
    assert code == 503
    assert "Too many files" in text


def test_a_request_that_only_reads_has_no_body(crowded: Served) -> None:
    assert crowded.visitor().request("GET", "/events?tab=x", b"x" * 10).status == 400


def test_a_removed_user_has_no_second_thread_and_slow_files_block_nobody() -> None:
    async def go() -> None:
        people, ends = (
            Users(ScenarioStore(), "en", cast(SolverPool, SolverPool())),
            threading.Event(),
        )
        first = people.session("bob")
        slow = asyncio.create_task(first.run_in_thread(ends.wait, 10, threads=UPLOAD_THREADS))
        await asyncio.sleep(0.05)
        forgetting = asyncio.create_task(people.forget("bob"))
        await asyncio.sleep(0.05)
        second = people.session("bob")
        assert second is not first
        late = asyncio.create_task(second.run_in_thread(int))
        others = [
            people.session(f"user {n}").run_in_thread(ends.wait, 10, threads=UPLOAD_THREADS)
            for n in range(UPLOAD_THREADS._max_workers)
        ]
        reading = asyncio.gather(*others)
        await asyncio.sleep(0.05)
        assert (
            await people.session("eve").run_in_thread(int) == 0
        )  # though no thread for slow files is free
        assert not late.done()
        assert FILE_THREADS is not UPLOAD_THREADS
        ends.set()
        await asyncio.gather(slow, forgetting, late, reading)

    asyncio.run(go())


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_is_cancelled_as_the_server_ends_is_completed(begun: bool) -> None:
    """What leaves the guard otherwise is logged with a traceback."""
    said: list[Message] = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        said.append(message)

    async def go() -> None:
        guarded = guard.TokenGuard(waits, "token", ["127.0.0.1:1"])
        headers = [(b"host", b"127.0.0.1:1"), (b"cookie", b"vorrat-1=token")]
        about = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
        task = asyncio.create_task(
            guarded({**about, "headers": headers}, cast(Receive, None), send)
        )
        await asyncio.sleep(0.05)
        task.cancel()
        await task
        assert not guarded.active_requests

    asyncio.run(go())
    assert [one["type"] for one in said] == ["http.response.start", "http.response.body"]
    assert said[0]["status"] == (200 if begun else 503)
