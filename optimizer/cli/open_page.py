"""``vorrat open``: a page on which one asks a scenario "and what if", for one's own machine, or for
the users of a server."""

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
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import click

from models.files import shipped_files
from models.language import current_language, tr
from optimizer.cli import options, usage
from optimizer.cli.usage import announce, usage_error
from optimizer.model.cores import usable_cores

if TYPE_CHECKING:
    from optimizer.page.guard import RequestGuard
    from optimizer.page.solver_pool import SolverPool

LOOPBACK = "127.0.0.1"
MEMORY_SHARE = 0.6
"""Of the memory of this machine, what processes that solve may hold where nothing else is said."""
SERVER_SEARCH_SECONDS = 120.0
"""Seconds of a search for a user of a server, where nothing else is said."""
HANG_GRACE_SECONDS = 120.0
"""Seconds beside twice those of a search after which a process counts as hung."""
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
@click.option(
    "--no-browser", "quietly", is_flag=True, help="Print the address, and open no browser."
)
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
    "--listen",
    metavar="IP",
    help="Where the server listens for its proxy; 127.0.0.1 if not given.",
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
    quietly: bool,
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
    given = {"--secret": secret, "--user-header": user_header, "--listen": listen}
    useless = [name for name, value in given.items() if value is not None]
    if serve is None and useless:
        raise usage_error("{option} is for a server: --serve.", option=useless[0])
    door = None
    if serve is not None:
        door = _ProxyConfig(
            _public_address(serve), _read_secret(secret), user_header or DEFAULT_USER_HEADER
        )
    with _solver_pool(
        jobs, time_limit, serve is not None, options.take_engine_values(engine)
    ) as solvers:
        if door is None:
            _serve_locally(files, solvers, port, quietly, stay)
        else:
            _serve_users(files, solvers, door, (listen or LOOPBACK).strip("[]"), port)
    return 0


@contextmanager
def _solver_pool(
    jobs: int | None, search_seconds: float | None, is_server: bool, engine: dict[str, Any]
) -> Iterator[SolverPool]:
    """The processes that solve, here or on a cluster, as the options say."""
    import psutil

    from optimizer.page.solver_pool import PoolLimits, SolverPool
    from optimizer.page.worker import ScenarioWorker

    memory, search_seconds = (
        engine.pop("memory_limit"),
        search_seconds or (SERVER_SEARCH_SECONDS if is_server else None),
    )
    how: dict[str, Any] = {
        "search_seconds": search_seconds,
        "answer_timeout": search_seconds and 2 * search_seconds + HANG_GRACE_SECONDS,
    }
    if is_server:
        how |= {
            "max_waiting_per_user": MAX_WAITING_PER_USER,
            "view_grace_seconds": VIEW_GRACE_SECONDS,
        }
    if engine["scheduler"] is not None:
        from optimizer.parallel.cluster import Cluster
        from optimizer.parallel.services import ClusterWorkerStarter

        with options.engine_in_use(jobs, memory, **engine) as cluster:
            assert isinstance(cluster, Cluster)
            room = PoolLimits(
                cluster.worker_count,
                cluster.worker_count,
                cluster.worker_count,
                process_memory=memory,
                **how,
            )
            yield SolverPool(
                room, ClusterWorkerStarter(ScenarioWorker, cluster, memory), cluster.is_lost
            )
        return
    with options.engine_in_use(**engine):  # what goes with a cluster alone is refused
        pass
    together = int(MEMORY_SHARE * psutil.virtual_memory().total)
    how["total_memory"] = max(memory or 0, together)
    if is_server:
        count = jobs or usable_cores()
        how |= {"max_per_scenario": count, "max_processes": count + 1, "max_active": count}
        memory = memory or together // count
    elif jobs is not None:
        how |= {
            "max_per_scenario": jobs,
            "max_processes": max(jobs, PoolLimits.max_processes),
            "max_active": jobs,
        }
    yield SolverPool(PoolLimits(process_memory=memory or together, **how))


MAX_WAITING_PER_USER, VIEW_GRACE_SECONDS = 8, 1.5
"""Questions of one user of a server that wait at most, and seconds for which a process that has
found a plan is left to who asked: a page asks for its view after half a second."""


# On this machine


def _serve_locally(
    files: Sequence[Path], solvers: SolverPool, port: int, no_browser: bool, stay_open: bool
) -> None:
    """Open a page on this machine, until nobody has it open any more."""
    from optimizer.page import server
    from optimizer.page.guard import TokenGuard
    from optimizer.page.isolated_reader import IsolatedReader
    from optimizer.page.scenario_store import ScenarioStore
    from optimizer.page.user_session import UserSession

    known, at = ScenarioStore(reader=IsolatedReader()), "/"
    for file in reversed(files):
        at = f"/board?{urlencode({'scenario': known.add_file(file).id})}"
    page = UserSession(known, current_language(), solvers)
    with _listening_socket(LOOPBACK, port) as (listening, own):
        token = secrets.token_urlsafe(24)
        answering = server.create_app(lambda _user: page)
        guard = TokenGuard(answering, token, [f"{LOOPBACK}:{own}", f"localhost:{own}"])
        address = f"http://{LOOPBACK}:{own}{at}{'&' if '?' in at else '?'}token={token}"
        announce("The page is at {address}", address=address)
        announce("It ends when nobody has it open any more, or with Ctrl-C.")
        if not no_browser:
            # Some browsers do not come back before they are answered.
            threading.Timer(0.3, webbrowser.open, (address,)).start()

        async def watch(end: Callable[[], None]) -> None:
            while stay_open or not page.is_abandoned:
                await asyncio.sleep(0.5)
            end()

        try:
            asyncio.run(_run_server(guard, solvers, listening, watch, page.end_streams))
        finally:
            solvers.close()
            known.close()


# For the users of a server


class _ProxyConfig(NamedTuple):
    """How users come to a server."""

    address: str
    secret: str
    header: str


def _public_address(address: str) -> str:
    """The address of a server as its users have it. Raises click.UsageError where it is none of its
    own, or what is sent there could be read on the way."""
    parts = urlsplit(address.rstrip("/"))
    host, name, port = parts.hostname or "", "", None
    is_near = host in ("localhost", LOOPBACK)
    with contextlib.suppress(ValueError):  # what is no number, or no name
        # As browsers write it: letters of domain names in ASCII. Of ß they think otherwise.
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
        name = f"[{host}]" if ":" in host else host.rstrip(".").encode("idna").decode()
    if port is None or not name or "ß" in host or parts.username:
        raise usage_error("'{address}' is no address such as https://vorrat.example.org.",
                      address=address)  # fmt: skip
    if parts.path or parts.query or parts.fragment:
        raise usage_error("'{address}' is part of a site; a server needs a name of its own, such as "
                      "https://vorrat.example.org.", address=address)  # fmt: skip
    if parts.scheme == "http" and not is_near:
        raise usage_error("'{address}' is not encrypted; who can read along has the login of users, so "
                      "it has to begin with https://.", address=address)  # fmt: skip
    usual = port == {"https": 443, "http": 80}[parts.scheme]  # and goes without saying
    return f"{parts.scheme}://{name}" + ("" if usual else f":{port}")


def _read_secret(secret_file: Path | None) -> str:
    """The secret that is in a file. Raises click.UsageError where there is none, or a short one."""
    from optimizer.page.guard import MIN_SECRET_LENGTH

    if secret_file is None:
        raise usage_error("--serve needs --secret FILE, which its proxy knows as well.")
    found = secret_file.read_text(encoding="utf-8", errors="replace").strip()
    if len(found) < MIN_SECRET_LENGTH or not found.isascii() or not found.isprintable():
        raise usage_error(
            "A secret has at least {count} letters, digits and signs on one line, such as "
            "'openssl rand -hex 32' writes; that in {file} is none.",
            count=MIN_SECRET_LENGTH,
            file=secret_file,
        )
    return found


def _serve_users(
    files: Sequence[Path], solvers: SolverPool, proxy: _ProxyConfig, listen: str, port: int
) -> None:
    """Answer the users of a server until it is ended."""
    from optimizer.page import server
    from optimizer.page.guard import ProxyGuard
    from optimizer.page.isolated_reader import IsolatedReader
    from optimizer.page.scenario_store import ScenarioStore
    from optimizer.page.users import Users

    offered = ScenarioStore(max_readings=MAX_OFFERED_READINGS, reader=IsolatedReader())
    for file in files:
        offered.read_scenario(
            offered.add_file(file, "offered").id
        )  # one with faults is nobody's to mend here
    people = Users(offered, current_language(), solvers)
    with _listening_socket(listen, port) as (listening, own):
        guard = ProxyGuard(
            server.create_app(people.session, people.forget), proxy.secret, *proxy[::2]
        )
        about = {"ip": listen, "port": own, "address": proxy.address, "header": proxy.header}
        announce(
            "Listening on {ip}:{port} for the proxy of {address}; {header} names users.", **about
        )
        announce("It ends with Ctrl-C.")
        try:
            watch = people.forget_absent()
            asyncio.run(_run_server(guard, solvers, listening, lambda _end: watch, people.end_all))
        finally:
            solvers.close()
            offered.close()


MAX_OFFERED_READINGS = 60
"""Readings of scenarios that a server keeps for all of its users."""


# Both


@contextmanager
def _listening_socket(ip: str, port: int) -> Iterator[tuple[socket.socket, int]]:
    """A socket that listens there, and its port."""
    kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(kind) as listening:
        try:
            if os.name == "posix":  # elsewhere that would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((ip, port))
            listening.listen()  # who has the address may come at once
        except OSError as error:
            raise usage_error(
                "Port {port} is not available: {error}.", port=port, error=error.strerror
            ) from None
        yield listening, listening.getsockname()[1]


async def _run_server(
    guard: RequestGuard,
    solvers: SolverPool,
    listening: socket.socket,
    watch_until_end: Callable[[Callable[[], None]], Coroutine[Any, Any, None]],
    on_end: Callable[[], None],
) -> None:
    """Answer requests until it is ended, from without or by who watches beside. Raises ClusterError
    where the cluster is lost, and what ``watch`` raises."""
    import uvicorn

    from optimizer.cli.connections import (
        KEEP_ALIVE_SECONDS,
        SPARE_SHARE,
        TimedConnection,
        raise_connection_limit,
    )

    most = TimedConnection.max_connections = raise_connection_limit()
    guard.max_requests = int((1 - SPARE_SHARE) * most)
    config = uvicorn.Config(
        guard, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=1, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=TimedConnection, backlog=min(32, most // 8),  # as many are taken before one is closed
    )  # fmt: skip
    running = uvicorn.Server(config)
    watching = asyncio.create_task(watch_until_end(partial(setattr, running, "should_exit", True)))

    async def look() -> None:
        while not running.should_exit:
            await asyncio.sleep(0.2)
            TimedConnection.close_stale()
            if solvers.is_lost() or (watching.done() and watching.exception()):
                running.should_exit = True
        on_end()

    looking = asyncio.create_task(look())
    # uvicorn ends in good order at a signal, and then sends it again, which would end everything
    # before files are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            await running.serve(sockets=[listening])
    finally:
        looking.cancel()
        watching.cancel()
        on_end()
    if watching.done() and not watching.cancelled() and (error := watching.exception()):
        raise error
    if solvers.is_lost():
        from optimizer.errors import ClusterError

        raise ClusterError(tr("the scheduler of the cluster is lost"))
