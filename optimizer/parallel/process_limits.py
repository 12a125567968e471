"""How a process that holds too much memory or takes too long is ended, whatever it does: a worker
by a thread beside the solver, which hears nothing at work; a command by the process above it."""

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from models.language import format_number, tr
from optimizer.errors import OutOfMemory, TimedOut, VorratError, WorkerDied
from optimizer.parallel.interface import Limits

POLL_INTERVAL = 0.1  # seconds between looks
OUT_OF_MEMORY_EXIT_CODE = (
    77  # the exit code of a process that ended itself since it held too much memory
)


def resident_memory(pid: int) -> int:
    """Bytes that a process holds in memory (resident); 0 if it has gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def kill_process_tree(pid: int) -> None:
    """Kill a process and those that it has begun, whatever they are doing."""
    import psutil

    family = []
    with suppress(psutil.Error):
        family.append(psutil.Process(pid))
        family += family[0].children(recursive=True)
    for one in family:
        with suppress(psutil.Error):
            one.kill()


@contextmanager
def enforce_limits(limits: Limits, on_outgrown: Callable[[], None]) -> Iterator[None]:
    """End this process where what is done in it outgrows its limits; of memory that is told before.
    Time is kept by a thread that needs nothing of Python, memory by one of Python."""
    done = threading.Event()

    def weigh() -> None:
        while not done.wait(POLL_INTERVAL):
            if resident_memory(os.getpid()) > (limits.memory_bytes or 0):
                on_outgrown()
                if not done.wait(POLL_INTERVAL):  # until that has been sent
                    os._exit(OUT_OF_MEMORY_EXIT_CODE)

    with ExitStack() as stack:
        if limits.seconds is not None:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            faulthandler.dump_traceback_later(limits.seconds, exit=True, file=nowhere)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        stack.callback(done.set)
        if limits.memory_bytes is not None:
            threading.Thread(target=weigh, name="watch", daemon=True).start()
        yield


def lost_task_error(
    limits: Limits, seconds: float, outgrew_memory: bool, default_message: str
) -> VorratError:
    """The error of a task whose process is gone after so many seconds: why it was ended, or what
    is said where it died of something else."""
    if outgrew_memory:
        limit = round((limits.memory_bytes or 0) / 1e6)
        return OutOfMemory(
            tr("a process was ended, since it held more than {limit} MB of memory", limit=limit)
        )
    if limits.seconds is not None and seconds >= limits.seconds:
        most = format_number(limits.seconds)
        return TimedOut(
            tr("a process was ended, since it had not answered after {seconds} s", seconds=most)
        )
    return WorkerDied(default_message)
