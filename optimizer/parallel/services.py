"""Services: local processes that keep state between messages.

A service answers one message after the other, reports events while it works, and can be stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from models.language import Language, using
from optimizer.parallel import process_limits, task_server

POLL_INTERVAL = 0.5  # seconds between checks of a worker


class ServiceMessage(NamedTuple):
    """Message to a service: its number, the question, and the language of the answer."""

    number: int
    question: Any  # None asks to stop the message of this number
    language: Language = "en"


class ServiceEvent(NamedTuple):
    """Event from a service: the number of the message that it answers, its content, and whether it
    is the last event of the message."""

    number: int
    content: Any
    is_last: bool = True


ContentReporter = Callable[[Any], None]


class Service(Protocol):
    """Service that runs in a worker process.

    ``answer`` must not raise. ``stop`` is called from another thread.
    """

    def answer(self, message: ServiceMessage, report: ContentReporter) -> Any:
        """Return the answer to a message. Call ``report`` with each event before that."""

    def stop(self, number: int) -> None:
        """End the work on the message with this number soon. The message may have been answered
        already, or may not have arrived yet."""


ServiceFactory = Callable[[], Service]
"""Module-level function, since a process imports it by its name."""
EventHandler = Callable[[ServiceEvent | None], None]
"""Called from some thread with each event of a worker; with None when the worker has ended."""


class LocalWorker:
    """Local process that runs a service.

    The process is ended if it uses more than ``memory_limit`` bytes.
    """

    def __init__(
        self, make_service: ServiceFactory, on_event: EventHandler, memory_limit: int | None = None
    ) -> None:
        self.exceeded_memory_limit, self._on_event, self._memory_limit = (
            False,
            on_event,
            memory_limit,
        )
        self._send_lock = threading.Lock()
        context = task_server.WorkerContext()
        self._pipe, child_pipe = context.Pipe()
        with task_server.sigint_blocked():
            self._process = context.Process(
                target=_run_service, args=(child_pipe, make_service), daemon=True
            )
            self._process.start()
        child_pipe.close()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.is_alive()

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process in bytes."""
        return process_limits.resident_memory(self._process.pid or 0)

    def send(self, message: ServiceMessage) -> None:
        """Send a message. Several messages may be waiting. The call can block until the process has
        started.

        Raise OSError if the process has ended.
        """
        with self._send_lock:
            self._pipe.send(message)

    def close(self, _wait_seconds: float = 0.0) -> None:
        """End the process, even while it is working."""
        if self._process.is_alive():
            process_limits.kill_process_tree(self._process.pid or 0)
            self._process.join()

    def _listen(self) -> None:
        with suppress(EOFError, OSError):  # the process has ended
            while True:
                while not self._pipe.poll(POLL_INTERVAL):
                    if self._memory_limit is not None and self.memory_bytes > self._memory_limit:
                        self.exceeded_memory_limit = True
                        process_limits.kill_process_tree(self._process.pid or 0)
                self._on_event(self._pipe.recv())
        self._on_event(None)


def _run_service(pipe: Connection, make_service: ServiceFactory) -> None:
    """Run a service in a local process. It answers the messages from a pipe until the pipe is
    closed."""
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
        number = message.number

        def report(content: Any, number: int = number) -> None:
            pipe.send(ServiceEvent(number, content, is_last=False))

        with using(message.language):
            pipe.send(ServiceEvent(number, service.answer(message, report)))


ServiceWorker = LocalWorker
