"""``vorrat open``: a page on which a user asks what-if questions about a scenario."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import click

from models.files import shipped_files
from models.language import current_language
from optimizer.cli import options, usage
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from optimizer.page.guard import BaseUrl, RequestGuard
    from optimizer.page.session import PageSession

LOOPBACK = "127.0.0.1"
MEMORY_SHARE = 0.6
"""Share of the memory of this machine that the process that solves may hold by default."""
MAX_CONNECTIONS = 200
"""Maximal number of connections; further requests are refused."""
TOKEN_VARIABLE, MIN_TOKEN_LENGTH = "VORRAT_TOKEN", 16
"""Environment variable with the token of the page, and the minimal number of its characters."""


@click.command(
    "open",
    epilog="Exit codes: 0 the page was closed; 2 wrong usage or input; 5 failure; 130 interrupted.",
)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Listen on this port; a free one if not given.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--stay", is_flag=True, help="Go on when nobody has the page open any more.")
@click.option(
    "--host",
    metavar="IP",
    default=LOOPBACK,
    help="Listen at this address of a container; 127.0.0.1 if not given.",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Where a proxy in front of the page offers it, such as https://example.org/ada/.",
)
@options.memory_limit_option
@usage.language_option
def open(
    files: tuple[Path, ...],
    port: int,
    no_browser: bool,
    stay: bool,
    host: str,
    base_url: str | None,
    memory_limit: int | None,
) -> int:
    """Open a page in the browser to ask a scenario "and what if".

    Each FILE is a scenario file or workbook, and the first one is opened; without one the page
    offers those that are shipped, and takes one that is dropped on it. The page is for one user; it
    ends when nobody has it open any more.
    """
    import psutil

    from optimizer.page.guard import BaseUrl, RequestGuard
    from optimizer.page.scenario_store import ScenarioStore
    from optimizer.page.server import create_app
    from optimizer.page.session import PageSession, Solver

    base = BaseUrl() if base_url is None else _parse_base_url(base_url)
    for file in files:
        if not shipped_files.resolve_scenario(file).is_file():
            raise usage_error("There is no file '{file}'.", file=file)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    if len(token) < MIN_TOKEN_LENGTH or not token.isascii():
        raise usage_error(
            "{name} has at least {count} letters and digits.",
            name=TOKEN_VARIABLE,
            count=MIN_TOKEN_LENGTH,
        )
    with _listening_socket(host, port) as (server_socket, own_port):
        store, path, query = ScenarioStore(), "/", {"token": token}
        for file in reversed(files):
            path, query = "/board", {"scenario": store.add_file(file).id, "token": token}
        solver = Solver(memory_limit or int(MEMORY_SHARE * psutil.virtual_memory().total))
        session = PageSession(store, current_language(), solver, base)
        if TOKEN_VARIABLE in os.environ:  # known to who has set it, and not to be in logs
            del query["token"]
        address = (base.origin or f"http://{LOOPBACK}:{own_port}") + base.path + path
        address += f"?{urlencode(query)}" if query else ""
        announce("The page is at {address}", address=address)
        announce("It ends when nobody has it open any more, or with Ctrl-C.")
        if not no_browser:
            # Opened by a timer, since some browsers only return once they got a response.
            threading.Timer(0.3, webbrowser.open, (address,)).start()
        guard = RequestGuard(create_app(session), token, own_port, base)
        asyncio.run(_run_server(guard, session, server_socket, stay))
    return 0


def _parse_base_url(text: str) -> BaseUrl:
    """Return the address at which a proxy offers the page. Raise click.UsageError if it is invalid,
    or is not encrypted: who can read along would have the login of the user."""
    from optimizer.page.guard import BaseUrl

    parts = urlsplit(text.lower())
    default_port = {"https": 443, "http": 80}.get(parts.scheme)
    path = urlsplit(text).path.rstrip("/")
    host, port = parts.hostname or "", None
    with suppress(ValueError):
        port = parts.port or default_port
    is_local = host in ("localhost", LOOPBACK)
    if (
        port is None
        or not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:.]+", host)
        or not re.fullmatch(r"(/[\w.~%@-]+)*", path, re.ASCII)
        or parts.username is not None
        or parts.query + parts.fragment
        or (parts.scheme == "http" and not is_local)
    ):
        raise usage_error(
            "'{address}' is no address such as https://example.org/ada/, or is not encrypted.",
            address=text,
        )
    name = f"[{host}]" if ":" in host else host
    port_text = "" if port == default_port else f":{port}"
    return BaseUrl(f"{parts.scheme}://{name}{port_text}", path)


@contextmanager
def _listening_socket(ip: str, port: int) -> Iterator[tuple[socket.socket, int]]:
    """Yield a socket that listens for connections, and its port. Raise click.UsageError if the port
    is not available."""
    kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(kind) as server_socket:
        try:
            if os.name == "posix":  # on Windows this would let two servers share a port
                server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server_socket.bind((ip, port))
            server_socket.listen()  # before the address is announced
        except OSError as error:
            raise usage_error(
                "Port {port} is not available: {error}.", port=port, error=error.strerror
            ) from None
        yield server_socket, server_socket.getsockname()[1]


async def _run_server(
    guard: RequestGuard, session: PageSession, server_socket: socket.socket, stay_open: bool
) -> None:
    """Answer requests until a signal arrives, or, without ``stay_open``, until no browser has the
    page open any more."""
    import uvicorn

    config = uvicorn.Config(
        guard, http="h11", ws="none", lifespan="off", log_level="error", access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=1,
        limit_concurrency=MAX_CONNECTIONS,
    )  # fmt: skip
    server = uvicorn.Server(config)

    async def watch() -> None:
        while not server.should_exit:
            await asyncio.sleep(0.2)
            server.should_exit |= session.is_abandoned and not stay_open
        session.close()  # its event streams would go on

    watching = asyncio.create_task(watch())
    # uvicorn raises the signal again after its shutdown. With the default handler that would kill
    # this process before files are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            await server.serve(sockets=[server_socket])
    finally:
        watching.cancel()
        session.close()
