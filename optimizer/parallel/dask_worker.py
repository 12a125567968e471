"""What runs in the workers of a cluster, and what they have to be.

It comes by name: the same version of this package stands on both sides.
"""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from models.language import tr
from optimizer.parallel import serving
from optimizer.parallel.serving import Reply

COMPARED = ("vorrat", "highspy", "numpy", "distributed")
"""Packages that answers depend on, or the talk about them."""
_running: list[str] = []
"""The team whose task runs now."""


def dask_setup(_worker: Any) -> None:
    """What dask calls in each worker of a cluster that is begun here (``local``)."""
    serving.keep_no_names()


def serve(sent: bytes) -> Reply:
    """Answer one task, in the thread of a worker; what is sent is an Order, pickled."""
    from distributed import get_worker

    order, worker = pickle.loads(sent), get_worker()
    _running[:] = [order.team]
    try:
        return serving.serve(order, lambda: worker.log_event(order.team, order.number))
    finally:
        _running.clear()


def about(dask_worker: Any = None) -> dict[str, str]:
    """What must be the same on both sides, by name, of the worker that this is called on; of this
    process without one. The solver takes one thread."""
    threads = 1 if dask_worker is None else dask_worker.state.nthreads
    python = ".".join(platform.python_version_tuple()[:2])
    found = {"python": python, "threads (--nthreads)": str(threads)}
    for name in COMPARED:
        found[name] = "-"
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def unfit(address: str, there: Any, here: Mapping[str, str]) -> str | None:
    """Why a worker that says this of itself cannot be used by who says that, or None."""
    if isinstance(there, BaseException):
        return tr(
            "worker {address} fails: {problem}; scheduler and workers need the same environment as "
            "the one they are used from",
            address=address,
            problem=there,
        )
    name = next((name for name, own in here.items() if there.get(name) != own), None)
    if name is None:
        return None
    return tr(
        "worker {address} has {name} {other}, and here is {own}: answers would not be the same",
        address=address,
        name=name,
        other=there.get(name),
        own=here[name],
    )


def forget(team: str, end: bool, dask_worker: Any = None) -> None:
    """Keep nothing of a team; if asked to, end this process where a task of it still runs."""
    if end and dask_worker.nanny and _running == [team]:
        os._exit(1)
    for key in [key for key in serving.lanes if key[0] == team]:
        serving.lanes.pop(key, None)
