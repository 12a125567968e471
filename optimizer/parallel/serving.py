"""What runs in a worker, of this machine or of a cluster: one task after the other is answered.

Tasks and answers are pickled here, so that what cannot be pickled is an error of its task and no
end of the process. What answers the tasks of a lane is kept between them.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from models.language import Language, tr, using
from optimizer.errors import OutOfMemory

KEPT = 6 * 3600.0
"""Seconds for which a lane that nobody asks is kept: its client may be gone without a word."""


class Order(NamedTuple):
    """One task, and whom it is for."""

    team: str
    lane: int
    number: int
    speaks: Language
    task: bytes
    """Pickled, so that it is plain data and functions by their names, here and there."""
    given: bytes | None
    """What makes the lane, pickled; None where this worker has it."""


class Reply(NamedTuple):
    """What became of a task."""

    kind: Literal["answer", "error", "unknown lane"]
    content: bytes
    """Pickled: the answer, or the error with its trace."""
    has_lane: bool
    """Whether this worker has the lane from now on."""


@dataclass
class Lane:
    """What answers the tasks of one lane, and when it last did."""

    answer: Callable[[Any], Any]
    asked: float


lanes: dict[tuple[str, int], Lane] = {}
"""By team and number."""


def serve(order: Order) -> Reply:
    """Answer one task; whatever it raises is its answer."""
    key = order.team, order.lane
    with using(order.speaks):
        try:
            if order.given is not None:
                _begin(key, order.given)
            elif key not in lanes:
                return Reply("unknown lane", b"", False)
            lanes[key].asked = time.monotonic()
            answer = lanes[key].answer(pickle.loads(order.task))
            return Reply("answer", _packed(answer), True)
        except MemoryError as error:
            lanes.pop(key, None)  # what it has learnt may be half written
            short = OutOfMemory(tr("there is no memory left"))
            short.__cause__ = error
            return Reply("error", _error(short), False)
        except BaseException as error:
            return Reply("error", _error(error), key in lanes)


def _begin(key: tuple[str, int], given: bytes) -> None:
    now = time.monotonic()
    for old in [key, *(one for one, kept in lanes.items() if now - kept.asked > KEPT)]:
        lanes.pop(old, None)
    make, arguments = pickle.loads(given)
    lanes[key] = Lane(make(*arguments), now)


def _packed(content: Any) -> bytes:
    buffer = io.BytesIO()
    pickle.dump(content, buffer, pickle.HIGHEST_PROTOCOL)
    return buffer.getvalue()


def _error(error: BaseException) -> bytes:
    """An error with its trace, since it comes without; by its name where it cannot be sent."""
    trace = "".join(traceback.format_exception(error))
    try:
        packed = _packed((error, trace))
        pickle.loads(packed)
    except Exception:
        return _packed((RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return packed


def prepare(warns: list[Any]) -> None:
    """Make a new process of this machine a worker: it warns as its parent does, ends when that has
    gone, and can be ended at any time."""
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_no_names()
    warnings.resetwarnings()
    cast(list[Any], warnings.filters).extend(warns)


def _end_with_parent() -> None:
    """A parent that was killed could end nobody; what is being solved is for nobody then."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def keep_no_names() -> None:
    """Let locks of libraries (pyomo, numba) have no name in the system that outlives a kill.

    They keep one for processes that are spawned, and none for those that are forked; none is.
    """
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


@contextmanager
def ctrl_c_kept_out() -> Iterator[None]:
    """Keep Ctrl-C from the threads that are begun now, and so from the workers that they begin.

    It reaches all processes of a terminal: this one decides what becomes of the others.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    from multiprocessing import resource_tracker

    with suppress(OSError):  # no process to be had, as the first worker will find
        resource_tracker.ensure_running()  # it lets Ctrl-C in again where it is begun
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
