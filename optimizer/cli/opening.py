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

from models.files import presets
from models.language import language, tr
from optimizer.cli import options, usage
from optimizer.cli.usage import announce, misused
from optimizer.model.cores import usable_cores

if TYPE_CHECKING:
    from optimizer.page.guard import Guard
    from optimizer.page.solvers import Solvers

LOOPBACK = "127.0.0.1"
SHARE = 0.6
"""Of the memory of this machine, what processes that solve may hold where nothing else is said."""
SEARCH = 120.0
"""Seconds of a search for a user of a server, where nothing else is said."""
PATIENCE = 120.0
"""Seconds beside twice those of a search after which a process counts as hung."""
HEADER = "X-Remote-User"


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
@options.path(
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
        if not presets.meant(file).is_file():
            raise misused("There is no file '{file}'.", file=file)
    given = {"--secret": secret, "--user-header": user_header, "--listen": listen}
    useless = [name for name, value in given.items() if value is not None]
    if serve is None and useless:
        raise misused("{option} is for a server: --serve.", option=useless[0])
    door = None
    if serve is not None:
        door = _Door(_public(serve), _read(secret), user_header or HEADER)
    with _pool(jobs, time_limit, serve is not None, options.taken(engine)) as solvers:
        if door is None:
            _open(files, solvers, port, quietly, stay)
        else:
            _serve(files, solvers, door, (listen or LOOPBACK).strip("[]"), port)
    return 0


@contextmanager
def _pool(
    jobs: int | None, search: float | None, is_server: bool, engine: dict[str, Any]
) -> Iterator[Solvers]:
    """The processes that solve, here or on a cluster, as the options say."""
    import psutil

    from optimizer.page.solvers import Room, Solvers
    from optimizer.page.worker import Answerer

    memory, search = engine.pop("memory_limit"), search or (SEARCH if is_server else None)
    how: dict[str, Any] = {"search": search, "seconds": search and 2 * search + PATIENCE}
    if is_server:
        how |= {"waiting": WAITING, "look": LOOK}
    if engine["scheduler"] is not None:
        from optimizer.parallel.cluster import Cluster
        from optimizer.parallel.staying import Spread

        with options.asked_for(jobs, memory, **engine) as cluster:
            assert isinstance(cluster, Cluster)
            room = Room(cluster.size, cluster.size, cluster.size, memory=memory, **how)
            yield Solvers(room, Spread(Answerer, cluster, memory), cluster.is_lost)
        return
    with options.asked_for(**engine):  # what goes with a cluster alone is refused
        pass
    together = int(SHARE * psutil.virtual_memory().total)
    how["together"] = max(memory or 0, together)
    if is_server:
        count = jobs or usable_cores()
        how |= {"each": count, "kept": count + 1, "at_work": count}
        memory = memory or together // count
    elif jobs is not None:
        how |= {"each": jobs, "kept": max(jobs, Room.kept), "at_work": jobs}
    yield Solvers(Room(memory=memory or together, **how))


WAITING, LOOK = 8, 1.5
"""Questions of one user of a server that wait at most, and seconds for which a process that has
found a plan is left to who asked: a page asks for its view after half a second."""


# On this machine


def _open(files: Sequence[Path], solvers: Solvers, port: int, quietly: bool, stay: bool) -> None:
    """Open a page on this machine, until nobody has it open any more."""
    from optimizer.page import server
    from optimizer.page.conversation import Page
    from optimizer.page.guard import TokenGuard
    from optimizer.page.reading import Reader
    from optimizer.page.scenarios import Scenarios

    known, at = Scenarios(reader=Reader()), "/"
    for file in reversed(files):
        at = f"/board?{urlencode({'scenario': known.add(file).id})}"
    page = Page(known, language(), solvers)
    with _listening(LOOPBACK, port) as (listening, own):
        token = secrets.token_urlsafe(24)
        answering = server.app(lambda _user: page)
        guard = TokenGuard(answering, token, [f"{LOOPBACK}:{own}", f"localhost:{own}"])
        address = f"http://{LOOPBACK}:{own}{at}{'&' if '?' in at else '?'}token={token}"
        announce("The page is at {address}", address=address)
        announce("It ends when nobody has it open any more, or with Ctrl-C.")
        if not quietly:
            # Some browsers do not come back before they are answered.
            threading.Timer(0.3, webbrowser.open, (address,)).start()

        async def watch(end: Callable[[], None]) -> None:
            while stay or not page.is_left:
                await asyncio.sleep(0.5)
            end()

        try:
            asyncio.run(_answer(guard, solvers, listening, watch, page.end))
        finally:
            solvers.close()
            known.close()


# For the users of a server


class _Door(NamedTuple):
    """How users come to a server."""

    address: str
    secret: str
    header: str


def _public(address: str) -> str:
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
        raise misused("'{address}' is no address such as https://vorrat.example.org.",
                      address=address)  # fmt: skip
    if parts.path or parts.query or parts.fragment:
        raise misused("'{address}' is part of a site; a server needs a name of its own, such as "
                      "https://vorrat.example.org.", address=address)  # fmt: skip
    if parts.scheme == "http" and not is_near:
        raise misused("'{address}' is not encrypted; who can read along has the login of users, so "
                      "it has to begin with https://.", address=address)  # fmt: skip
    usual = port == {"https": 443, "http": 80}[parts.scheme]  # and goes without saying
    return f"{parts.scheme}://{name}" + ("" if usual else f":{port}")


def _read(secret: Path | None) -> str:
    """The secret that is in a file. Raises click.UsageError where there is none, or a short one."""
    from optimizer.page.guard import LEAST_SECRET

    if secret is None:
        raise misused("--serve needs --secret FILE, which its proxy knows as well.")
    found = secret.read_text(encoding="utf-8", errors="replace").strip()
    if len(found) < LEAST_SECRET or not found.isascii() or not found.isprintable():
        raise misused(
            "A secret has at least {count} letters, digits and signs on one line, such as "
            "'openssl rand -hex 32' writes; that in {file} is none.",
            count=LEAST_SECRET,
            file=secret,
        )
    return found


def _serve(files: Sequence[Path], solvers: Solvers, door: _Door, listen: str, port: int) -> None:
    """Answer the users of a server until it is ended."""
    from optimizer.page import server
    from optimizer.page.guard import ProxyGuard
    from optimizer.page.people import People
    from optimizer.page.reading import Reader
    from optimizer.page.scenarios import Scenarios

    offered = Scenarios(keep=OFFERED, reader=Reader())
    for file in files:
        offered.base(offered.add(file, "offered").id)  # one with faults is nobody's to mend here
    people = People(offered, language(), solvers)
    with _listening(listen, port) as (listening, own):
        guard = ProxyGuard(server.app(people.page, people.forget), door.secret, *door[::2])
        about = {"ip": listen, "port": own, "address": door.address, "header": door.header}
        announce(
            "Listening on {ip}:{port} for the proxy of {address}; {header} names users.", **about
        )
        announce("It ends with Ctrl-C.")
        try:
            watch = people.tend()
            asyncio.run(_answer(guard, solvers, listening, lambda _end: watch, people.end))
        finally:
            solvers.close()
            offered.close()


OFFERED = 60
"""Readings of scenarios that a server keeps for all of its users."""


# Both


@contextmanager
def _listening(ip: str, port: int) -> Iterator[tuple[socket.socket, int]]:
    """A socket that listens there, and its port."""
    kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(kind) as listening:
        try:
            if os.name == "posix":  # elsewhere that would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((ip, port))
            listening.listen()  # who has the address may come at once
        except OSError as error:
            raise misused(
                "Port {port} is not available: {error}.", port=port, error=error.strerror
            ) from None
        yield listening, listening.getsockname()[1]


async def _answer(
    guard: Guard,
    solvers: Solvers,
    listening: socket.socket,
    watch: Callable[[Callable[[], None]], Coroutine[Any, Any, None]],
    end: Callable[[], None],
) -> None:
    """Answer requests until it is ended, from without or by who watches beside. Raises ClusterError
    where the cluster is lost, and what ``watch`` raises."""
    import uvicorn

    from optimizer.cli.connections import KEPT_ALIVE, SPARE, Connection, most_connections

    most = Connection.most = most_connections()
    guard.requests = int((1 - SPARE) * most)
    config = uvicorn.Config(
        guard, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=1, proxy_headers=False, timeout_keep_alive=KEPT_ALIVE,
        http=Connection, backlog=min(32, most // 8),  # as many are taken before one is closed
    )  # fmt: skip
    running = uvicorn.Server(config)
    watching = asyncio.create_task(watch(partial(setattr, running, "should_exit", True)))

    async def look() -> None:
        while not running.should_exit:
            await asyncio.sleep(0.2)
            Connection.sweep()
            if solvers.is_lost() or (watching.done() and watching.exception()):
                running.should_exit = True
        end()

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
        end()
    if watching.done() and not watching.cancelled() and (error := watching.exception()):
        raise error
    if solvers.is_lost():
        from optimizer.errors import ClusterError

        raise ClusterError(tr("the scheduler of the cluster is lost"))
