"""Code that runs in a worker, local or on a cluster: it answers one task after the other.

Tasks and answers are pickled here, so that what cannot be pickled is an error of its task alone.
"""

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

# Without -P a spawned process would import its first modules from the current folder, whose content
# is not trusted; afterwards it has the path of its parent.
_original_interpreter_flags = util._args_from_interpreter_flags  # type: ignore[attr-defined]
util._args_from_interpreter_flags = lambda: ["-P", *_original_interpreter_flags()]  # type: ignore[attr-defined]

MAX_IDLE_SECONDS = 6 * 3600.0
"""Seconds after which an unused lane is dropped: its client may have disappeared."""


class TaskRequest(NamedTuple):
    """One task, with the lane that it belongs to."""

    team_id: str
    lane: int
    task_number: int
    language: Language
    limits: Limits
    pickled_task: bytes  # the task as plain data
    pickled_handler: bytes  # factory and arguments of the lane's handler


class TaskReply(NamedTuple):
    """Reply to a task."""

    content: bytes  # pickled answer, error and traceback
    memory_bytes: int  # resident memory of the worker afterwards; 0 without a limit


handlers_by_lane: dict[tuple[str, int], tuple[Callable[[Any], Any], float]] = {}
"""Handler of each lane, by team id and lane number, and when it was last used (monotonic)."""


def answer_request(
    request: TaskRequest, on_outgrown: Callable[[], None] = lambda: None
) -> TaskReply:
    """Answer one task; an exception becomes the error in the reply.

    ``on_outgrown`` is called before the process ends at its memory limit.
    """
    with using(request.language), enforce_limits(request.limits, on_outgrown):
        try:
            content = _pickle((_handler_for(request)(pickle.loads(request.pickled_task)), None, ""))
        except MemoryError as error:
            # Its state may be inconsistent.
            handlers_by_lane.pop((request.team_id, request.lane), None)
            memory_error = OutOfMemory(tr("there is no memory left"))
            memory_error.__cause__ = error
            content = _pickle_error(memory_error)
        except BaseException as error:
            content = _pickle_error(error)
    return TaskReply(
        content, 0 if request.limits.memory_bytes is None else resident_memory(os.getpid())
    )


def _handler_for(request: TaskRequest) -> Callable[[Any], Any]:
    now, key = time.monotonic(), (request.team_id, request.lane)
    for stale_key in [
        lane_key
        for lane_key, (_, last_used_at) in handlers_by_lane.items()
        if now - last_used_at > MAX_IDLE_SECONDS
    ]:
        del handlers_by_lane[stale_key]
    if key not in handlers_by_lane:
        make_handler, handler_args = pickle.loads(request.pickled_handler)
        handlers_by_lane[key] = make_handler(*handler_args), now
    handler = handlers_by_lane[key][0]
    handlers_by_lane[key] = handler, now
    return handler


def _pickle(content: Any) -> bytes:
    return pickle.dumps(content, pickle.HIGHEST_PROTOCOL)


def _pickle_error(error: BaseException) -> bytes:
    """Pickle an error with its traceback; replace it by its name and text if it cannot be
    pickled."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickled = _pickle((None, error, trace))
        pickle.loads(pickled)
    except Exception:
        return _pickle((None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return pickled


def prepare_worker_process(warning_filters: list[Any]) -> None:
    """Prepare a new local process: take over warning filters, end with the parent, obey SIGTERM."""
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_unnamed_locks()
    warnings.resetwarnings()
    cast(list[Any], warnings.filters).extend(warning_filters)


def _end_with_parent() -> None:
    """End the process when its parent has ended, which a killed parent could not do."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def use_unnamed_locks() -> None:
    """Make locks of libraries (pyomo, numba) unnamed, so that none is left in the system after a
    kill.

    multiprocessing names locks under the start method spawn, but not under fork. No process is
    forked.
    """
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Block Ctrl-C in threads and processes started within the context.

    A terminal sends it to all of its processes; the main process alone decides how they end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    with suppress(OSError):  # the first worker will report the error
        resource_tracker.ensure_running()  # its start would unblock Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
