"""``vorrat open``: a page on which users ask what-if questions about a scenario, on their own
machine or on a server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import click

from models.files import shipped_files
from models.language import current_language
from optimizer.cli import options, usage
from optimizer.cli.usage import announce, usage_error
from optimizer.model.cores import usable_cores

if TYPE_CHECKING:
    from optimizer.page.guard import RequestGuard
    from optimizer.page.solver_pool import SolverPool

LOOPBACK = "127.0.0.1"
MEMORY_SHARE = 0.6
"""Share of the memory of this machine that solver processes may hold by default."""
SERVER_SEARCH_SECONDS = 120.0
"""Default time limit, in seconds, of a search on a server."""
HANG_GRACE_SECONDS = 120.0
"""Seconds beyond twice the time limit of a search after which a process counts as hung."""
DEFAULT_USER_HEADER = "X-Remote-User"


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
    "--serve",
    metavar="ADDRESS",
    help="Serve many users behind a proxy that knows who they are, at this address, such as "
    "https://vorrat.example.org.",
)
@options.path_option(
    "--secret", "FILE", "What the proxy of a server sends along as X-Vorrat-Secret.", exists=True
)
@click.option(
    "--user-header",
    metavar="NAME",
    help="The header in which the proxy of a server names the user; X-Remote-User if not given.",
)
@click.option(
    "--listen", metavar="IP", help="Where the server listens for its proxy; 127.0.0.1 if not given."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Questions that are answered at the same time; one a core if not given, with --serve.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="End each search after so long, with the best plan so far; 120 with --serve, else never.",
)
@options.engine_options
@usage.language_option
def open(
    files: tuple[Path, ...],
    port: int,
    no_browser: bool,
    stay: bool,
    serve: str | None,
    secret: Path | None,
    user_header: str | None,
    listen: str | None,
    jobs: int | None,
    time_limit: float | None,
    **engine: Any,
) -> int:
    """Open a page in the browser to ask a scenario "and what if".

    Each FILE is a scenario file or workbook, and the first one is opened; without one the page
    offers those that are shipped, and takes one that is dropped on it. The page is for this machine
    alone; it ends when nobody has it open any more.

    With --serve it is for all users of a server, and goes on until it is ended.
    """
    for file in files:
        if not shipped_files.resolve_scenario(file).is_file():
            raise usage_error("There is no file '{file}'.", file=file)
    server_options = {"--secret": secret, "--user-header": user_header, "--listen": listen}
    refused_options = [name for name, value in server_options.items() if value is not None]
    if serve is None and refused_options:
        raise usage_error("{option} is for a server: --serve.", option=refused_options[0])
    proxy = None
    if serve is not None:
        proxy = _ProxyConfig(
            _public_address(serve), _read_secret(secret), user_header or DEFAULT_USER_HEADER
        )
    with _solver_pool(
        jobs, time_limit, serve is not None, options.take_engine_values(engine)
    ) as solvers:
        if proxy is None:
            _serve_locally(files, solvers, port, no_browser, stay)
        else:
            _serve_users(files, solvers, proxy, (listen or LOOPBACK).strip("[]"), port)
    return 0


@contextmanager
def _solver_pool(
    jobs: int | None, search_seconds: float | None, is_server: bool, engine: dict[str, Any]
) -> Iterator[SolverPool]:
    """Yield a pool of solver processes, on this machine or on a cluster as ``engine`` states."""
    import psutil

    from optimizer.page.solver_pool import SolverPool
    from optimizer.page.solver_process import PoolLimits
    from optimizer.page.worker import ScenarioWorker

    memory = engine.pop("memory_limit")
    search_seconds = search_seconds or (SERVER_SEARCH_SECONDS if is_server else None)
    limits: dict[str, Any] = {
        "search_seconds": search_seconds,
        "answer_timeout": search_seconds and 2 * search_seconds + HANG_GRACE_SECONDS,
    }
    if is_server:
        limits["max_waiting_per_user"] = MAX_WAITING_PER_USER
        limits["view_grace_seconds"] = VIEW_GRACE_SECONDS
    if engine["scheduler"] is not None:
        from optimizer.parallel.cluster import Cluster
        from optimizer.parallel.services import ClusterWorkerStarter

        with options.engine_in_use(jobs, memory, **engine) as cluster:
            assert isinstance(cluster, Cluster)
            process_counts = 3 * (cluster.worker_count,)
            pool_limits = PoolLimits(*process_counts, process_memory=memory, **limits)
            yield SolverPool(
                pool_limits, ClusterWorkerStarter(ScenarioWorker, cluster, memory), cluster.is_lost
            )
        return
    with options.engine_in_use(**engine):  # refuses options that need a cluster
        pass
    total_memory = int(MEMORY_SHARE * psutil.virtual_memory().total)
    limits["total_memory"] = max(memory or 0, total_memory)
    if is_server:
        jobs = jobs or usable_cores()
        limits |= {"max_per_scenario": jobs, "max_processes": jobs + 1, "max_active": jobs}
        memory = memory or total_memory // jobs
    elif jobs is not None:
        limits |= {"max_per_scenario": jobs, "max_active": jobs}
        limits["max_processes"] = max(jobs, PoolLimits.max_processes)
    yield SolverPool(PoolLimits(process_memory=memory or total_memory, **limits))


MAX_WAITING_PER_USER, VIEW_GRACE_SECONDS = 8, 1.5
"""Maximal number of waiting questions of one user of a server; and seconds for which a process that
has found a plan is reserved for the user who asked, since the page requests a view of the plan
after half a second."""


# Local mode


def _serve_locally(
    files: Sequence[Path], solvers: SolverPool, port: int, no_browser: bool, stay_open: bool
) -> None:
    """Serve the page on this machine until no browser has it open any more, or with ``stay_open``
    until it is stopped."""
    from optimizer.page import server
    from optimizer.page.guard import TokenGuard
    from optimizer.page.isolated_reader import IsolatedReader
    from optimizer.page.scenario_store import ScenarioStore
    from optimizer.page.user_session import UserSession

    store, start_path = ScenarioStore(reader=IsolatedReader()), "/"
    for file in reversed(files):
        start_path = f"/board?{urlencode({'scenario': store.add_file(file).id})}"
    session = UserSession(store, current_language(), solvers)
    with _listening_socket(LOOPBACK, port) as (server_socket, own_port):
        token = secrets.token_urlsafe(24)
        app = server.create_app(lambda _user: session)
        guard = TokenGuard(app, token, [f"{LOOPBACK}:{own_port}", f"localhost:{own_port}"])
        separator = "&" if "?" in start_path else "?"
        address = f"http://{LOOPBACK}:{own_port}{start_path}{separator}token={token}"
        announce("The page is at {address}", address=address)
        announce("It ends when nobody has it open any more, or with Ctrl-C.")
        if not no_browser:
            # Opened by a timer, since some browsers only return once they got a response.
            threading.Timer(0.3, webbrowser.open, (address,)).start()

        async def watch_session(end: Callable[[], None]) -> None:
            while stay_open or not session.is_abandoned:
                await asyncio.sleep(0.5)
            end()

        with closing(store), closing(solvers):
            asyncio.run(
                _run_server(guard, solvers, server_socket, watch_session, session.end_streams)
            )


# Server mode


class _ProxyConfig(NamedTuple):
    """Settings of the proxy through which users reach a server."""

    address: str
    secret: str
    header: str


def _public_address(address: str) -> str:
    """Return the normalized address at which users reach a server. Raise click.UsageError if it is
    invalid, has no encryption, or has a path after the host name."""
    url_parts = urlsplit(address.rstrip("/"))
    host, name, port = url_parts.hostname or "", "", None
    is_local = host in ("localhost", LOOPBACK)
    with contextlib.suppress(ValueError):  # an invalid port or name
        # As browsers send it: domain names in ASCII. They encode ß in another way: it is refused.
        port = url_parts.port or {"https": 443, "http": 80}.get(url_parts.scheme)
        name = f"[{host}]" if ":" in host else host.rstrip(".").encode("idna").decode()
    if port is None or not name or "ß" in host or url_parts.username:
        raise usage_error(
            "'{address}' is no address such as https://vorrat.example.org.", address=address
        )
    if url_parts.path or url_parts.query or url_parts.fragment:
        raise usage_error(
            "'{address}' is part of a site; a server needs a name of its own, such as "
            "https://vorrat.example.org.",
            address=address,
        )
    if url_parts.scheme == "http" and not is_local:
        raise usage_error(
            "'{address}' is not encrypted; who can read along has the login of users, so "
            "it has to begin with https://.",
            address=address,
        )
    is_default_port = port == {"https": 443, "http": 80}[url_parts.scheme]
    return f"{url_parts.scheme}://{name}" + ("" if is_default_port else f":{port}")


def _read_secret(secret_file: Path | None) -> str:
    """Return the secret that a file contains. Raise click.UsageError if there is none, or if it is
    too short or has other than printable ASCII characters."""
    from optimizer.page.guard import MIN_SECRET_LENGTH

    if secret_file is None:
        raise usage_error("--serve needs --secret FILE, which its proxy knows as well.")
    secret = secret_file.read_text(encoding="utf-8", errors="replace").strip()
    if len(secret) < MIN_SECRET_LENGTH or not secret.isascii() or not secret.isprintable():
        raise usage_error(
            "A secret has at least {count} letters, digits and signs on one line, such as "
            "'openssl rand -hex 32' writes; that in {file} is none.",
            count=MIN_SECRET_LENGTH,
            file=secret_file,
        )
    return secret


def _serve_users(
    files: Sequence[Path], solvers: SolverPool, proxy: _ProxyConfig, listen: str, port: int
) -> None:
    """Serve the users of a server until it is stopped."""
    from optimizer.page import server
    from optimizer.page.guard import ProxyGuard
    from optimizer.page.isolated_reader import IsolatedReader
    from optimizer.page.scenario_store import ScenarioStore
    from optimizer.page.users import Users

    offered_scenarios = ScenarioStore(max_readings=MAX_OFFERED_READINGS, reader=IsolatedReader())
    for file in files:
        # Read now, so that faults, which no user can correct, are raised at the start.
        offered_scenarios.read_scenario(offered_scenarios.add_file(file, "offered").id)
    users = Users(offered_scenarios, current_language(), solvers)
    with _listening_socket(listen, port) as (server_socket, own_port):
        guard = ProxyGuard(
            server.create_app(users.session, users.forget), proxy.secret, *proxy[::2]
        )
        details = {"ip": listen, "port": own_port, "address": proxy.address, "header": proxy.header}
        announce(
            "Listening on {ip}:{port} for the proxy of {address}; {header} names users.", **details
        )
        announce("It ends with Ctrl-C.")
        with closing(offered_scenarios), closing(solvers):
            watch = users.forget_absent()
            asyncio.run(
                _run_server(guard, solvers, server_socket, lambda _end: watch, users.end_all)
            )


MAX_OFFERED_READINGS = 60
"""Number of parsed scenarios that a server keeps for all of its users."""


# Shared by both modes


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
    guard: RequestGuard,
    solvers: SolverPool,
    server_socket: socket.socket,
    watch_until_end: Callable[[Callable[[], None]], Coroutine[Any, Any, None]],
    on_end: Callable[[], None],
) -> None:
    """Answer requests until a signal arrives or ``watch_until_end`` ends. Raise ClusterError if the
    cluster is lost, and any error of ``watch_until_end``."""
    import uvicorn

    from optimizer.cli.connections import (
        KEEP_ALIVE_SECONDS,
        SPARE_SHARE,
        TimedConnection,
        raise_connection_limit,
    )

    max_connections = TimedConnection.max_connections = raise_connection_limit()
    guard.max_requests = int((1 - SPARE_SHARE) * max_connections)
    config = uvicorn.Config(
        guard, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=1, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=TimedConnection,
        backlog=min(32, max_connections // 8),  # accepted before an idle connection is closed
    )  # fmt: skip
    server = uvicorn.Server(config)
    watch_task = asyncio.create_task(watch_until_end(partial(setattr, server, "should_exit", True)))

    async def check_periodically() -> None:
        while not server.should_exit:
            await asyncio.sleep(0.2)
            TimedConnection.close_stale()
            if solvers.is_lost() or (watch_task.done() and watch_task.exception()):
                server.should_exit = True
        on_end()

    check_task = asyncio.create_task(check_periodically())
    # uvicorn raises the signal again after its shutdown. With the default handler that would kill
    # this process before files are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            await server.serve(sockets=[server_socket])
    finally:
        check_task.cancel()
        watch_task.cancel()
        on_end()
    if watch_task.done() and not watch_task.cancelled() and (error := watch_task.exception()):
        raise error
    if solvers.is_lost():
        from optimizer.errors import ClusterError

        raise ClusterError("the scheduler of the cluster is lost")
