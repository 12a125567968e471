"""Who holds too much memory or takes too long, and how a process is ended whatever it does.

A solver at work hears nothing, so that its process is watched from outside: workers by the team
that they are of, the process of a command by the one that supervises it. Only workers of a cluster
watch themselves, since nobody else is on their machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from models.language import figure, tr
from optimizer.errors import OutOfMemory, TimedOut
from optimizer.parallel.interface import Limits

EVERY = 0.1
"""Seconds between looks."""

Verdict = type[OutOfMemory] | type[TimedOut]
"""Why a process is ended."""


def held(pid: int) -> int:
    """Bytes that a process holds in memory (resident); 0 if it has gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def kill(pid: int) -> None:
    """Kill a process and those that it has begun, whatever they are doing."""
    import psutil

    family = []
    with suppress(psutil.Error):
        family.append(psutil.Process(pid))
        family += family[0].children(recursive=True)
    for one in family:
        with suppress(psutil.Error):
            one.kill()


def verdict(limits: Limits, pid: int, since: float) -> Verdict | None:
    """Which limit a process is beyond, if any, that has been at a task since then (monotonic)."""
    if limits.seconds is not None and time.monotonic() - since > limits.seconds:
        return TimedOut
    if limits.memory is not None and held(pid) > limits.memory:
        return OutOfMemory
    return None


def told(found: Verdict, limits: Limits) -> OutOfMemory | TimedOut:
    """The error of a task whose process was ended for this reason."""
    if found is OutOfMemory:
        limit = round((limits.memory or 0) / 1e6)
        return OutOfMemory(
            tr("a process was ended, since it held more than {limit} MB of memory", limit=limit)
        )
    return TimedOut(
        tr(
            "a process was ended, since it had not answered after {seconds} s",
            seconds=figure(limits.seconds or 0.0),
        )
    )


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Look every so often, in a thread of its own, for as long as the context lasts."""
    over = threading.Event()

    def keep_looking() -> None:
        while not over.wait(EVERY):
            look()

    thread = threading.Thread(target=keep_looking, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
