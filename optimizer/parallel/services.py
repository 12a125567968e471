"""Services: child processes that keep state between messages and can be interrupted.

A service answers one message after the other, and reports events while it works. Its process is
ended if it exceeds a limit of memory or time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple, Protocol

from models.language import Language, current_language, using
from optimizer.parallel import process_limits, task_server

POLL_INTERVAL = 0.25  # seconds between checks of a process


class ServiceMessage(NamedTuple):
    """Message to a service: its number, the question, and the language of the answer."""

    number: int
    question: Any  # None asks to stop the message of this number
    language: Language = "en"


ContentReporter = Callable[[Any], None]


class Service(Protocol):
    """Service that runs in a child process.

    ``answer`` must not raise. ``stop`` is called from another thread.
    """

    def answer(self, message: ServiceMessage, report: ContentReporter) -> Any:
        """Return the answer to a message. Call ``report`` with each event before that."""

    def stop(self, number: int) -> None:
        """End the work on the message with this number soon. The message may have been answered
        already, or may not have arrived yet."""


class ProcessLost(Exception):
    """Raised if a process has ended before it answered, with the limit that it exceeded, if any."""

    def __init__(self, limit: Literal["memory", "seconds"] | None) -> None:
        super().__init__(limit)
        self.limit = limit


class ServiceProcess:
    """Child process that runs a service.

    The process is ended if it uses more than ``memory_limit`` bytes while it answers.
    """

    def __init__(self, make_service: Callable[[], Service], memory_limit: int | None) -> None:
        self._memory_limit, self._send_lock = memory_limit, threading.Lock()
        context = task_server.WorkerContext()
        self._pipe, child_pipe = context.Pipe()
        with task_server.sigint_blocked():
            self._process = context.Process(
                target=_run_service, args=(child_pipe, make_service), daemon=True
            )
            self._process.start()
        child_pipe.close()

    def ask(
        self, number: int, question: Any, report: ContentReporter, timeout: float | None = None
    ) -> Any:
        """Return the answer to a question in the current language. Call ``report`` with each event
        before that. Raise ProcessLost if the process ends, exceeds its memory limit, or has not
        answered after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        limit: Literal["memory", "seconds"] | None = None
        with suppress(EOFError, OSError):  # the process has ended
            self._send(ServiceMessage(number, question, current_language()))
            while True:
                while limit is None and not self._pipe.poll(POLL_INTERVAL):
                    memory = process_limits.resident_memory(self._process.pid or 0)
                    if self._memory_limit is not None and memory > self._memory_limit:
                        limit = "memory"
                    elif deadline is not None and time.monotonic() > deadline:
                        limit = "seconds"
                if limit is not None:
                    break
                content, is_last = self._pipe.recv()
                if is_last:
                    return content
                report(content)
        self.close()
        raise ProcessLost(limit)

    def stop(self, number: int) -> None:
        """Stop the work on a question, which is then answered soon. The call can block until the
        process has started."""
        with suppress(OSError):  # it has ended, so there is nothing to stop
            self._send(ServiceMessage(number, None))

    def _send(self, message: ServiceMessage) -> None:
        with self._send_lock:
            self._pipe.send(message)

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.is_alive()

    def close(self) -> None:
        """End the process, even while it is working."""
        if self._process.is_alive():
            process_limits.kill_process_tree(self._process.pid or 0)
            self._process.join()


def _run_service(pipe: Connection, make_service: Callable[[], Service]) -> None:
    """Run a service. It answers the messages from a pipe until the pipe is closed."""
    task_server.prepare_worker_process([])
    service, messages = make_service(), SimpleQueue[ServiceMessage | None]()

    def listen() -> None:
        try:
            while True:
                message: ServiceMessage = pipe.recv()
                if message.question is None:
                    service.stop(message.number)
                else:
                    messages.put(message)
        except (EOFError, OSError):
            messages.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (message := messages.get()) is not None:
        with using(message.language):
            pipe.send((service.answer(message, lambda event: pipe.send((event, False))), True))
