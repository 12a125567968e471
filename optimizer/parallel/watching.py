"""Who takes more than a task may: watched from outside, since a solver at work hears nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from optimizer.errors import OutOfMemory, TimedOut
from optimizer.parallel.interface import Limits
from optimizer.parallel.worker import Worker

EVERY = 0.1
"""Seconds between looks."""


def held(pid: int) -> int:
    """Bytes that a process holds in memory (resident); 0 if it has gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


class Watch:
    """Looks at workers every so often, and strikes those that are beyond their limits."""

    def __init__(self, limits: Limits, workers: Callable[[], Iterable[Worker]]) -> None:
        self._limits, self._workers = limits, workers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def begin(self) -> None:
        """Look from now on."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        memory, seconds = self._limits.memory, self._limits.seconds
        while not self._over.wait(EVERY):
            for worker in self._workers():
                busy = worker.busy()
                if busy is None:
                    continue
                if seconds is not None and busy > seconds:
                    worker.strike(TimedOut)
                elif memory is not None and held(worker.pid) > memory:
                    worker.strike(OutOfMemory)
