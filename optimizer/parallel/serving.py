"""What runs in a worker, of this machine or of a cluster: one task after the other is answered.
Tasks and answers are pickled here, so that what cannot be pickled is an error of its task alone."""

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
from multiprocessing import util
from typing import Any, NamedTuple, cast

from models.language import Language, tr, using
from optimizer.errors import OutOfMemory
from optimizer.parallel.interface import Limits
from optimizer.parallel.watching import held, watched

# A process of multiprocessing would look for its first modules in the current folder, which anybody
# may have sent; afterwards it has the path of its parent.
_flags = util._args_from_interpreter_flags  # type: ignore[attr-defined]
util._args_from_interpreter_flags = lambda: ["-P", *_flags()]  # type: ignore[attr-defined]

KEPT = 6 * 3600.0
"""Seconds for which a lane that nobody asks is kept: its client may be gone without a word."""


class Order(NamedTuple):
    """One task, and whom it is for."""

    team: str
    lane: int
    number: int
    speaks: Language
    limits: Limits
    task: bytes  # pickled, so that it is plain data and functions by their names, here and there
    given: bytes  # what makes the lane where this worker has none of it, pickled


class Reply(NamedTuple):
    """What became of a task."""

    content: bytes  # pickled: the answer, the error and its trace
    held: int  # bytes that the worker holds in memory after it; 0 where there is no limit


lanes: dict[tuple[str, int], tuple[Callable[[Any], Any], float]] = {}
"""What answers the tasks of a lane, by team and number, and when it was last asked (monotonic)."""


def serve(order: Order, tell: Callable[[], None] = lambda: None) -> Reply:
    """Answer one task; whatever it raises is its answer. ``tell`` is called where it outgrows its
    memory, before the process ends."""
    with using(order.speaks), watched(order.limits, tell):
        try:
            content = _packed((_lane(order)(pickle.loads(order.task)), None, ""))
        except MemoryError as error:
            lanes.pop((order.team, order.lane), None)  # what it has learnt may be half written
            short = OutOfMemory(tr("there is no memory left"))
            short.__cause__ = error
            content = _error(short)
        except BaseException as error:
            content = _error(error)
    return Reply(content, 0 if order.limits.memory is None else held(os.getpid()))


def _lane(order: Order) -> Callable[[Any], Any]:
    now, key = time.monotonic(), (order.team, order.lane)
    for old in [one for one, (_, asked) in lanes.items() if now - asked > KEPT]:
        del lanes[old]
    if key not in lanes:
        make, given = pickle.loads(order.given)
        lanes[key] = make(*given), now
    answer = lanes[key][0]
    lanes[key] = answer, now
    return answer


def _packed(content: Any) -> bytes:
    return pickle.dumps(content, pickle.HIGHEST_PROTOCOL)


def _error(error: BaseException) -> bytes:
    """An error with its trace, since it comes without; by its name where it cannot be sent."""
    trace = "".join(traceback.format_exception(error))
    try:
        packed = _packed((None, error, trace))
        pickle.loads(packed)
    except Exception:
        return _packed((None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
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
    """Let locks of libraries (pyomo, numba) have no name in the system that outlives a kill. They
    keep one for processes that are spawned, and none for those that are forked; none is."""
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


@contextmanager
def ctrl_c_kept_out() -> Iterator[None]:
    """Keep Ctrl-C from the threads that are begun now, and so from the workers that they begin. It
    reaches all processes of a terminal: this one decides what becomes of the others."""
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
