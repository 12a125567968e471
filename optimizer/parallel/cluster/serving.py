"""What runs in the workers of a cluster.

It comes by name, so that the same version of this package stands on both sides. What answers the
tasks of a lane is kept between them, in the one thread that a worker has.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from models.language import Language, tr, using
from optimizer.errors import OutOfMemory, VorratError
from optimizer.parallel.interface import Limits
from optimizer.parallel.serving import keep_no_names

COMPARED = ("vorrat", "highspy", "numpy", "distributed")
"""Packages that answers depend on, or the talk about them."""
KEPT = 6 * 3600.0
"""Seconds for which a lane that nobody asks is kept: its client may be gone without a word."""


class Order(NamedTuple):
    """One task, and whom it is for."""

    team: str
    lane: str
    number: int
    speaks: Language
    limits: Limits
    task: bytes
    """Pickled, so that it is plain data and functions by their names, here and there."""
    given: bytes | None
    """What makes the lane, pickled; None where this worker has it."""


class Reply(NamedTuple):
    """What became of a task."""

    kind: Literal["answer", "error", "interrupted", "unknown lane"]
    content: bytes
    """Pickled: the answer, or a VorratError."""


@dataclass
class Lane:
    """What answers the tasks of one lane, and when it last did."""

    answer: Callable[[Any], Any]
    asked: float


_lanes: dict[tuple[str, str], Lane] = {}
_running: list[str] = []
"""The team whose task runs now."""


def dask_setup(_worker: Any) -> None:
    """What dask calls in each worker of a cluster that is begun here (``local``)."""
    keep_no_names()


def serve(sent: bytes) -> Reply:
    """Answer one task, in the thread of a worker; what is sent is a pickled Order."""
    from distributed import get_worker

    order: Order = pickle.loads(sent)
    team, lane = order.team, order.lane
    with using(order.speaks), _watched(order, get_worker()):
        try:
            if order.given is not None:
                _begin(team, lane, order.given)
            elif (team, lane) not in _lanes:
                return Reply("unknown lane", b"")
            serving = _lanes[team, lane]
            serving.asked = time.monotonic()
            return Reply("answer", pickle.dumps(serving.answer(pickle.loads(order.task))))
        except VorratError as error:
            return Reply("error", pickle.dumps(error))
        except MemoryError:
            _lanes.pop((team, lane), None)  # what it has learnt may be half written
            short = OutOfMemory(tr("there is no memory left"))
            return Reply("error", pickle.dumps(short))
        except KeyboardInterrupt:
            return Reply("interrupted", b"")


def _begin(team: str, lane: str, given: bytes) -> None:
    now = time.monotonic()
    for key in [key for key, kept in _lanes.items() if now - kept.asked > KEPT]:
        _lanes.pop(key, None)
    make, arguments = pickle.loads(given)
    _lanes[team, lane] = Lane(make(*arguments), now)


@contextmanager
def _watched(order: Order, worker: Any) -> Iterator[None]:
    """End this process where its task outgrows its limits: nothing else stops a solver that hangs.

    Time is kept by a thread that needs nothing of Python, memory by one of Python that tells the
    client before.
    """
    done = threading.Event()
    _running[:] = [order.team]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        if order.limits.seconds is not None:
            faulthandler.dump_traceback_later(order.limits.seconds, exit=True, file=nowhere)
        if order.limits.memory is not None:
            threading.Thread(target=_weigh, args=(order, worker, done), daemon=True).start()
        try:
            yield
        finally:
            done.set()
            _running.clear()
            if order.limits.seconds is not None:
                faulthandler.cancel_dump_traceback_later()


def _weigh(order: Order, worker: Any, done: threading.Event) -> None:
    import psutil

    process = psutil.Process()
    while not done.wait(0.1):
        held = process.memory_info().rss
        if order.limits.memory is not None and held > order.limits.memory:
            worker.log_event(topic(order.team), {"task": order.number, "memory": held})
            if not done.wait(0.5):  # until that has been sent
                os._exit(1)
            return


def topic(team: str) -> str:
    """Under which workers tell the client of a team what it would not learn otherwise."""
    return f"vorrat-{team}"


class About(NamedTuple):
    """What a worker says of itself."""

    versions: dict[str, str]
    threads: int
    has_nanny: bool
    """Whether another process begins it anew when it ends."""


def about(dask_worker: Any = None) -> About:
    """What the worker that this is called on says of itself."""
    return About(versions(), dask_worker.state.nthreads, bool(dask_worker.nanny))


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
    for key in [key for key in _lanes if key[0] == team]:
        _lanes.pop(key, None)
