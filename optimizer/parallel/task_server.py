"""Code that runs in a worker, local or on a cluster. It answers one task after the other.

Tasks and answers are pickled here, so that only the task concerned fails if something cannot be
pickled.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import spawn, util
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, NamedTuple, cast

from models.language import Language, using
from optimizer.errors import OutOfMemory
from optimizer.parallel import Limits
from optimizer.parallel.process_limits import enforce_limits, resident_memory

# Without -P a spawned process would import its first modules from the current folder, whose content
# is not trusted; afterwards it has the path of its parent.
_original_interpreter_flags = util._args_from_interpreter_flags  # type: ignore[attr-defined]
util._args_from_interpreter_flags = lambda: ["-P", *_original_interpreter_flags()]  # type: ignore[attr-defined]

WORKER_NAME = "vorrat worker "
_original_preparation_data = spawn.get_preparation_data


def _preparation_data(name: str) -> dict[str, Any]:
    """Return what multiprocessing sends to a new process, for workers without the main module.

    A worker needs nothing of it. A script that starts workers would else have to be written for
    that (``if __name__ == "__main__"``), or its workers would start workers, and fail.
    """
    data = _original_preparation_data(name)
    if name.startswith(WORKER_NAME):
        for key in ("init_main_from_name", "init_main_from_path"):
            data.pop(key, None)
    return data


spawn.get_preparation_data = _preparation_data


class _WorkerProcess(SpawnProcess):
    """Spawned process that does not import the main module of its parent."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.name = WORKER_NAME + self.name

    @property
    def exitcode(self) -> int | None:
        """Exit code, never 0: a worker does not end by itself, and Pebble would not report it."""
        code = super().exitcode
        return 1 if code == 0 else code


class WorkerContext(SpawnContext):
    """Context of multiprocessing in which workers are started."""

    Process = _WorkerProcess


class TaskRequest(NamedTuple):
    """Request to run one task."""

    language: Language
    limits: Limits
    pickled_task: bytes  # the task as plain data


class TaskReply(NamedTuple):
    """Reply to one task: its answer or its error, pickled."""

    content: bytes  # pickled answer, error and traceback
    memory_bytes: int  # resident memory of the worker afterwards; 0 without a limit


class Lane:
    """Handler of a worker with the state that it keeps between tasks.

    The handler is made by the first task, in the process that runs it. A lane that is sent to
    another process starts again there.
    """

    def __init__(self, pickled_handler: bytes) -> None:
        self._pickled_handler = pickled_handler  # factory and arguments
        self._handler: Callable[[Any], Any] | None = None

    def __reduce__(self) -> tuple[type, tuple[bytes]]:
        return Lane, (self._pickled_handler,)

    def answer(self, request: TaskRequest) -> TaskReply:
        """Run one task and return the reply. If the task raises an exception, the reply contains it
        as the error."""
        with using(request.language), enforce_limits(request.limits):
            try:
                if self._handler is None:
                    make_handler, handler_args = pickle.loads(self._pickled_handler)
                    self._handler = make_handler(*handler_args)
                content = _pickle((self._handler(pickle.loads(request.pickled_task)), None, ""))
            except MemoryError as error:
                self._handler = None  # its state may be inconsistent
                memory_error = OutOfMemory("there is no memory left")
                memory_error.__cause__ = error
                content = _pickle_error(memory_error)
            except BaseException as error:
                content = _pickle_error(error)
        return TaskReply(
            content, 0 if request.limits.memory_bytes is None else resident_memory(os.getpid())
        )


_local_lanes: list[Lane] = []  # the lane of this process, if it is a local worker


def answer_in_lane(request: TaskRequest) -> TaskReply:
    """Return the reply to a task of the lane of this process."""
    return _local_lanes[0].answer(request)


def _pickle(content: Any) -> bytes:
    return pickle.dumps(content, pickle.HIGHEST_PROTOCOL)


def _pickle_error(error: BaseException) -> bytes:
    """Return an error with its traceback, pickled. An error that cannot be pickled is replaced by
    its name and text."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickled = _pickle((None, error, trace))
        pickle.loads(pickled)
    except Exception:
        return _pickle((None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return pickled


def prepare_lane(warning_filters: list[Any], pickled_handler: bytes) -> None:
    """Prepare a new local process that has one lane."""
    prepare_worker_process(warning_filters)
    _local_lanes.append(Lane(pickled_handler))


def prepare_worker_process(warning_filters: list[Any]) -> None:
    """Prepare a new local process: use the warning filters of its parent, end when the parent ends,
    and end on SIGTERM."""
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_unnamed_locks()
    warnings.resetwarnings()
    cast(list[Any], warnings.filters).extend(warning_filters)


def _end_with_parent() -> None:
    """End this process when its parent has ended. A parent that was killed cannot end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def use_unnamed_locks() -> None:
    """Make the locks of libraries (pyomo, numba) unnamed, so that no lock is left in the system
    after a process is killed.

    With the start method spawn, multiprocessing gives names to locks, and with fork it does not.
    Processes are not forked here.
    """
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Block Ctrl-C in threads and processes that are started within the context.

    A terminal sends Ctrl-C to all its processes. Only the main process decides how the others end.
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
