"""Memory and time limits of processes.

The solver does not react to signals while it works. A worker is therefore ended by a thread next to
the solver, and a command by its parent process.
"""

import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from models.language import format_number
from optimizer.errors import OutOfMemory, TimedOut, VorratError, WorkerDied
from optimizer.parallel import Limits

POLL_INTERVAL = 0.1  # seconds between checks
OUT_OF_MEMORY_EXIT_CODE = 77  # exit code of a process that ended itself at its memory limit


def resident_memory(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 if the process has ended."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def kill_process_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    import psutil

    processes = []
    with suppress(psutil.Error):
        processes.append(psutil.Process(pid))
        processes += processes[0].children(recursive=True)
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


@contextmanager
def enforce_limits(limits: Limits) -> Iterator[None]:
    """End the present process if the code within the context exceeds the limits.

    A native thread (faulthandler) measures time, and a Python thread measures memory.
    """
    done = threading.Event()

    def watch_memory() -> None:
        while not done.wait(POLL_INTERVAL):
            if resident_memory(os.getpid()) > (limits.memory_bytes or 0):
                os._exit(OUT_OF_MEMORY_EXIT_CODE)

    with ExitStack() as stack:
        if limits.seconds is not None:
            null_file = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            faulthandler.dump_traceback_later(limits.seconds, exit=True, file=null_file)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        stack.callback(done.set)
        if limits.memory_bytes is not None:
            threading.Thread(target=watch_memory, name="watch", daemon=True).start()
        yield


def lost_task_error(
    limits: Limits, seconds: float, exceeded_memory_limit: bool, default_message: str
) -> VorratError:
    """Return the error for a task whose process ended after ``seconds``: the one of the limit that
    it exceeded, otherwise WorkerDied with the default message."""
    if exceeded_memory_limit:
        limit = round((limits.memory_bytes or 0) / 1e6)
        return OutOfMemory(f"a process was ended, since it held more than {limit} MB of memory")
    if limits.seconds is not None and seconds >= limits.seconds:
        seconds_text = format_number(limits.seconds)
        return TimedOut(f"a process was ended, since it had not answered after {seconds_text} s")
    return WorkerDied(default_message)
