"""One worker process, as its parent sees it."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from multiprocessing.connection import wait

from optimizer.errors import OutOfMemory, TimedOut
from optimizer.parallel.serving import serve

GONE_WITHIN = 10.0
"""Seconds in which a process that was killed is gone, if the system can end it at all."""

_spawn = multiprocessing.get_context("spawn")
_turn = threading.Lock()
"""Who begins or ends a process: both look after all others that have ended, and must not meet."""


class Worker:
    """A process that was begun, and is ended by :meth:`end` whatever it does."""

    def __init__(self) -> None:
        self._connection, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=serve, args=(theirs,), daemon=True)
        try:
            with _turn:
                self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()
        self._lock = threading.Lock()
        self._since: float | None = None
        self._ended = False
        self.verdict: type[OutOfMemory | TimedOut] | None = None
        """Why it was struck while it was at a task."""

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid or 0

    def ask(self, message: bytes) -> bytes | None:
        """What it answers, however long that takes; None if it dies before it has."""
        with self._lock:
            self._since = time.monotonic()
        try:
            self._connection.send_bytes(message)
            wait([self._connection, self._process.sentinel])
            # What it said with its last breath counts.
            return self._connection.recv_bytes() if self._connection.poll() else None
        except (EOFError, OSError):
            return None
        finally:
            with self._lock:
                self._since = None

    def has_died(self) -> bool:
        """Whether its process has ended by itself."""
        return bool(wait([self._process.sentinel], 0))

    def busy(self) -> float | None:
        """Seconds since it was last asked something that it has not answered."""
        since = self._since
        return None if since is None else time.monotonic() - since

    def strike(self, verdict: type[OutOfMemory | TimedOut]) -> None:
        """Kill it for this reason, if it is at a task."""
        with self._lock:
            if self._since is not None and not self._ended:
                self.verdict = verdict
                self._process.kill()

    def kill(self) -> None:
        """Kill it; whoever waits for its answer learns that there is none."""
        with self._lock:
            if not self._ended:
                self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until it has gone."""
        self.kill()
        wait([self._process.sentinel], GONE_WITHIN)
        with self._lock:
            self._ended = True
        self._connection.close()
        with _turn:
            self._process.join(0.1)
            with contextlib.suppress(ValueError):  # it cannot be ended
                self._process.close()
