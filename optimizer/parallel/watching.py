"""How a process that holds too much memory or takes too long is ended, whatever it does: a worker
by a thread beside the solver, which hears nothing at work; a command by the process above it."""

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from models.language import figure, tr
from optimizer.errors import OutOfMemory, TimedOut, VorratError, WorkerLost
from optimizer.parallel.interface import Limits

EVERY = 0.1  # seconds between looks
OUTGROWN = 77  # the exit code of a process that ended itself since it held too much memory


def held(pid: int) -> int:
    """Bytes that a process holds in memory (resident); 0 if it has gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def kill(pid: int) -> None:
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
def watched(limits: Limits, tell: Callable[[], None]) -> Iterator[None]:
    """End this process where what is done in it outgrows its limits; of memory that is told before.
    Time is kept by a thread that needs nothing of Python, memory by one of Python."""
    done = threading.Event()

    def weigh() -> None:
        while not done.wait(EVERY):
            if held(os.getpid()) > (limits.memory or 0):
                tell()
                if not done.wait(EVERY):  # until that has been sent
                    os._exit(OUTGROWN)

    with ExitStack() as stack:
        if limits.seconds is not None:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            faulthandler.dump_traceback_later(limits.seconds, exit=True, file=nowhere)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        stack.callback(done.set)
        if limits.memory is not None:
            threading.Thread(target=weigh, name="watch", daemon=True).start()
        yield


def fate(limits: Limits, seconds: float, outgrown: bool, otherwise: str) -> VorratError:
    """The error of a task whose process is gone after so many seconds: why it was ended, or what
    is said where it died of something else."""
    if outgrown:
        limit = round((limits.memory or 0) / 1e6)
        return OutOfMemory(
            tr("a process was ended, since it held more than {limit} MB of memory", limit=limit)
        )
    if limits.seconds is not None and seconds >= limits.seconds:
        most = figure(limits.seconds)
        return TimedOut(
            tr("a process was ended, since it had not answered after {seconds} s", seconds=most)
        )
    return WorkerLost(otherwise)
