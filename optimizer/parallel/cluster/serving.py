"""What runs in the workers of a cluster: tasks as anywhere, in processes that watch themselves.

It comes by name, so that the same version of this package stands on both sides.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from optimizer.parallel import serving, watching
from optimizer.parallel.interface import Limits
from optimizer.parallel.serving import Order, Reply

COMPARED = ("vorrat", "highspy", "numpy", "distributed")
"""Packages that answers depend on, or the talk about them."""

_running: list[str] = []
"""The team whose task runs now."""


def dask_setup(_worker: Any) -> None:
    """What dask calls in each worker of a cluster that is begun here (``local``)."""
    serving.keep_no_names()


def serve(sent: bytes) -> Reply:
    """Answer one task, in the thread of a worker; what is sent are an Order and Limits, pickled."""
    from distributed import get_worker

    order, limits = pickle.loads(sent)
    with _watched(order, limits, get_worker()):
        return serving.serve(order)


@contextmanager
def _watched(order: Order, limits: Limits, worker: Any) -> Iterator[None]:
    """End this process where its task outgrows its limits: nothing else stops a solver that hangs.

    Time is kept by a thread that needs nothing of Python, memory by one of Python that tells the
    client before.
    """
    done = threading.Event()
    _running[:] = [order.team]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        if limits.seconds is not None:
            faulthandler.dump_traceback_later(limits.seconds, exit=True, file=nowhere)
        if limits.memory is not None:
            threading.Thread(
                target=_weigh, args=(order, limits.memory, worker, done), daemon=True
            ).start()
        try:
            yield
        finally:
            done.set()
            _running.clear()
            if limits.seconds is not None:
                faulthandler.cancel_dump_traceback_later()


def _weigh(order: Order, most: int, worker: Any, done: threading.Event) -> None:
    while not done.wait(watching.EVERY):
        if watching.held(os.getpid()) > most:
            worker.log_event(topic(order.team), order.number)
            if not done.wait(0.5):  # until that has been sent
                os._exit(1)
            return


def topic(team: str) -> str:
    """Under which workers tell the client of a team which task outgrew its memory."""
    return f"vorrat-{team}"


class About(NamedTuple):
    """What a worker says of itself."""

    versions: dict[str, str]
    threads: int


def about(dask_worker: Any = None) -> About:
    """What the worker that this is called on says of itself."""
    return About(versions(), dask_worker.state.nthreads)


def versions() -> dict[str, str]:
    """What must be the same on both sides, by name."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def forget(team: str, end: bool, dask_worker: Any = None) -> None:
    """Keep nothing of a team; if asked to, end this process where a task of it still runs."""
    if end and dask_worker.nanny and _running == [team]:
        os._exit(1)
    for key in [key for key in serving.lanes if key[0] == team]:
        serving.lanes.pop(key, None)
