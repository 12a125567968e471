"""Workers that sleep, in a separate process that a test interrupts with Ctrl-C or kills.

Asked to `tell`, workers print their process number before they fall asleep.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable

from optimizer.parallel import Workers


def sleeper(tell: bool) -> Callable[[float], None]:
    lock = multiprocessing.Lock()  # as libraries have them

    def sleep(seconds: float) -> None:
        if tell:
            print(os.getpid(), flush=True)
        with lock:
            time.sleep(seconds)

    return sleep


def main() -> None:
    try:
        print("begun", flush=True)  # from here on it may be struck
        with Workers[float, None](sleeper, (sys.argv[1:] == ["tell"],), 2) as workers:
            workers.map([30.0, 30.0, 30.0])
    except KeyboardInterrupt:
        print("interrupted", flush=True)


def gone(group: int, within: float) -> bool:
    """Whether all processes of a group end; those that a dead parent leaves are reaped late."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    import sleeping  # workers find a function by its module, and this one has no name for them

    sleeping.main()
