"""``vorrat open``: a page on this machine on which one asks a scenario "and what if"."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from models.language import language
from optimizer.cli import options, usage
from optimizer.cli.usage import announce, misused

if TYPE_CHECKING:
    from optimizer.page.conversation import Page
    from optimizer.page.guard import Guard

LOOPBACK = "127.0.0.1"
SHARE = 0.6
"""Of the memory of this machine, what a process that solves may hold where nothing else is said."""


@click.command(
    "open",
    epilog="Exit codes: 0 the page was closed; 2 wrong usage or input; 5 failure; 130 interrupted.",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
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
@options.memory_limit
@usage.language_option
def open(file: Path | None, port: int, quietly: bool, stay: bool, memory_limit: int | None) -> int:
    """Open a page in the browser to ask a scenario "and what if".

    FILE is a scenario file or workbook; without one the page offers those that are shipped, and
    takes one that is dropped on it. The page is for this machine alone; it ends when nobody has it
    open any more.
    """
    import psutil

    from optimizer.page import server
    from optimizer.page.conversation import Page
    from optimizer.page.scenarios import Scenarios

    known, at = Scenarios(), "/"
    if file is not None:
        if not file.is_file():
            raise misused("There is no file '{file}'.", file=file)
        at = f"/board?{urlencode({'scenario': known.add(file).id})}"
    limit = memory_limit or int(SHARE * psutil.virtual_memory().total)
    page = Page(known, language(), limit)
    with socket.socket() as listening:
        try:
            if os.name == "posix":  # elsewhere that would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((LOOPBACK, port))
            listening.listen()  # who has the address may come at once
        except OSError as error:
            raise misused(
                "Port {port} is not available: {error}.", port=port, error=error.strerror
            ) from None
        own = listening.getsockname()[1]
        token = server.new_token()
        app = server.app(page, token, [f"{LOOPBACK}:{own}", f"localhost:{own}"])
        address = f"http://{LOOPBACK}:{own}{at}{'&' if '?' in at else '?'}token={token}"
        announce("The page is at {address}", address=address)
        announce("It ends when nobody has it open any more, or with Ctrl-C.")
        asyncio.run(_serve(page, app, listening, "" if quietly else address, stay))
    return 0


async def _serve(
    page: Page, app: Guard, listening: socket.socket, address: str, stay: bool
) -> None:
    """Answer requests until nobody looks any more; open the address, if there is one."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    running = uvicorn.Server(config)

    async def look() -> None:
        while not running.should_exit:
            await asyncio.sleep(0.5)
            if page.is_left and not stay:
                running.should_exit = True
        page.end()

    looking = asyncio.create_task(look())
    if address:
        # Some browsers do not come back before they are answered.
        threading.Timer(0.3, webbrowser.open, (address,)).start()
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            await running.serve(sockets=[listening])
    finally:
        looking.cancel()
        page.solvers.close()
        page.known.close()
