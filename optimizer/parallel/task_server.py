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
from optimizer.parallel.process_limits import enforce_limits, resident_memory

# A process of multiprocessing would look for its first modules in the current folder, which anybody
# may have sent; afterwards it has the path of its parent.
_original_interpreter_flags = util._args_from_interpreter_flags  # type: ignore[attr-defined]
util._args_from_interpreter_flags = lambda: ["-P", *_original_interpreter_flags()]  # type: ignore[attr-defined]

MAX_IDLE_SECONDS = 6 * 3600.0
"""Seconds for which a lane that nobody asks is kept: its client may be gone without a word."""


class TaskRequest(NamedTuple):
    """One task, and whom it is for."""

    team_id: str
    lane: int
    task_number: int
    language: Language
    limits: Limits
    pickled_task: (
        bytes  # pickled, so that it is plain data and functions by their names, here and there
    )
    pickled_handler: bytes  # what makes the lane where this worker has none of it, pickled


class TaskReply(NamedTuple):
    """What became of a task."""

    content: bytes  # pickled: the answer, the error and its trace
    memory_bytes: int  # bytes that the worker holds in memory after it; 0 where there is no limit


handlers_by_lane: dict[tuple[str, int], tuple[Callable[[Any], Any], float]] = {}
"""What answers the tasks of a lane, by team and number, and when it was last asked (monotonic)."""


def answer_request(
    request: TaskRequest, on_outgrown: Callable[[], None] = lambda: None
) -> TaskReply:
    """Answer one task; whatever it raises is its answer. ``tell`` is called where it outgrows its
    memory, before the process ends."""
    with using(request.language), enforce_limits(request.limits, on_outgrown):
        try:
            content = _pickle((_handler_for(request)(pickle.loads(request.pickled_task)), None, ""))
        except MemoryError as error:
            handlers_by_lane.pop(
                (request.team_id, request.lane), None
            )  # what it has learnt may be half written
            short = OutOfMemory(tr("there is no memory left"))
            short.__cause__ = error
            content = _pickle_error(short)
        except BaseException as error:
            content = _pickle_error(error)
    return TaskReply(
        content, 0 if request.limits.memory_bytes is None else resident_memory(os.getpid())
    )


def _handler_for(request: TaskRequest) -> Callable[[Any], Any]:
    now, key = time.monotonic(), (request.team_id, request.lane)
    for old in [
        one for one, (_, asked) in handlers_by_lane.items() if now - asked > MAX_IDLE_SECONDS
    ]:
        del handlers_by_lane[old]
    if key not in handlers_by_lane:
        make, given = pickle.loads(request.pickled_handler)
        handlers_by_lane[key] = make(*given), now
    answer = handlers_by_lane[key][0]
    handlers_by_lane[key] = answer, now
    return answer


def _pickle(content: Any) -> bytes:
    return pickle.dumps(content, pickle.HIGHEST_PROTOCOL)


def _pickle_error(error: BaseException) -> bytes:
    """An error with its trace, since it comes without; by its name where it cannot be sent."""
    trace = "".join(traceback.format_exception(error))
    try:
        packed = _pickle((None, error, trace))
        pickle.loads(packed)
    except Exception:
        return _pickle((None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return packed


def prepare_worker_process(warning_filters: list[Any]) -> None:
    """Make a new process of this machine a worker: it warns as its parent does, ends when that has
    gone, and can be ended at any time."""
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_unnamed_locks()
    warnings.resetwarnings()
    cast(list[Any], warnings.filters).extend(warning_filters)


def _end_with_parent() -> None:
    """A parent that was killed could end nobody; what is being solved is for nobody then."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def use_unnamed_locks() -> None:
    """Let locks of libraries (pyomo, numba) have no name in the system that outlives a kill. They
    keep one for processes that are spawned, and none for those that are forked; none is."""
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


@contextmanager
def sigint_blocked() -> Iterator[None]:
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
