"""Services: workers that keep state between messages, in local processes or on a cluster.

A service answers one message after the other, reports events while it works, and can be stopped.
"""

from __future__ import annotations

import pickle
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from models.language import Language, tr, using
from optimizer.parallel import dask_worker, process_limits, task_server
from optimizer.parallel.interface import Limits
from optimizer.parallel.task_server import TaskRequest

if TYPE_CHECKING:
    from optimizer.parallel.cluster import Cluster

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


class ClusterWorker:
    """Cluster worker that runs a service.

    It keeps the service between messages, and may run other services as well.
    """

    exceeded_memory_limit = False

    def __init__(
        self,
        make_service: ServiceFactory,
        on_event: EventHandler,
        cluster: Cluster,
        address: str,
        memory_limit: int | None = None,
    ) -> None:
        self.address, self.memory_bytes = address, 0
        self._make_service, self._on_event, self._cluster = make_service, on_event, cluster
        self._limits, self._executor_id = (
            Limits(memory_bytes=memory_limit),
            f"stays-{uuid.uuid4().hex}",
        )
        self._client, self._is_closed = cluster.client(), threading.Event()
        self._future: Any = None
        self._leave_thread: threading.Thread | None = None
        self._client.subscribe_topic(self._executor_id, lambda event: self._receive_event(event[1]))
        threading.Thread(target=self._watch_worker, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the worker was present when this was last checked."""
        return not self._is_closed.is_set()

    def send(self, message: ServiceMessage) -> None:
        """Send a message. Raise OSError if the worker or the cluster is lost."""
        try:
            if message.question is None:
                request_id = (self._executor_id, message.number)
                self._client.run(dask_worker.stop_request, *request_id, workers=[self.address])
                return
            request = TaskRequest(
                self._executor_id, 0, message.number, message.language, self._limits,
                pickle.dumps(message),
                pickle.dumps((dask_worker.ServiceHandler, (self._make_service,))),
            )  # fmt: skip
            key = f"{self._executor_id}-{message.number}"
            self._future = self._cluster.submit(request, key, self.address)
            self._future.add_done_callback(partial(self._receive_answer, message.number))
        except Exception as error:  # any error of dask means that the worker is lost
            raise OSError(str(error)) from error

    def close(self, wait_seconds: float = 0.0) -> None:
        """Remove the service from the worker. A worker that is busy is restarted.

        Wait at most ``wait_seconds`` for the worker to confirm this.
        """
        self._mark_lost()
        if self._leave_thread is None:
            self._leave_thread = threading.Thread(target=self._disconnect, daemon=True)
            self._leave_thread.start()
        self._leave_thread.join(wait_seconds)

    def _disconnect(self) -> None:
        with suppress(Exception):  # the worker is lost, and its state with it
            self._cluster.forget_executor(self._executor_id, True, [self.address])
        with suppress(Exception):
            self._client.unsubscribe_topic(self._executor_id)
            self._client.run_on_scheduler(dask_worker.clear_topic, self._executor_id)

    def _receive_answer(self, number: int, future: Any) -> None:
        """Pass on the answer to a message. Dask calls this in a separate thread."""
        if future.status != "finished":
            self._mark_lost()
            return
        answer, error, _trace = pickle.loads(future.result().content)
        self._on_event(ServiceEvent(number, answer if error is None else error))

    def _receive_event(self, event: int | bytes) -> None:
        if isinstance(event, int):  # the number of a message that exceeded its memory limit
            self.exceeded_memory_limit = True
        else:
            number, content = pickle.loads(event)
            self._on_event(ServiceEvent(number, content, is_last=False))

    def _watch_worker(self) -> None:
        """Check that the worker is present. Otherwise dask would wait forever for its address."""
        while not self._is_closed.wait(POLL_INTERVAL):
            if self._cluster.is_lost() or self.address not in self._cluster.worker_addresses:
                self._mark_lost()

    def _mark_lost(self) -> None:
        if self._is_closed.is_set():
            return
        self._is_closed.set()
        if self._future is not None:
            with suppress(Exception):
                self._future.cancel(force=True)
        self._on_event(None)


ServiceWorker = LocalWorker | ClusterWorker


class ClusterWorkerStarter:
    """Starter of services on cluster workers. Each service starts on one of the workers that run
    the fewest services."""

    def __init__(
        self, make_service: ServiceFactory, cluster: Cluster, memory_limit: int | None = None
    ) -> None:
        self._make_service, self._cluster, self._memory_limit = make_service, cluster, memory_limit
        self._workers: list[ClusterWorker] = []
        self._start_lock = threading.Lock()

    def __call__(self, on_event: EventHandler) -> ClusterWorker:
        """Start a service and return its worker. Raise OSError if the cluster has no worker."""
        with self._start_lock:
            self._workers = [worker for worker in self._workers if worker.is_alive]
            service_counts = Counter(worker.address for worker in self._workers)
            if not (addresses := self._cluster.worker_addresses):
                raise OSError(tr("the cluster has no workers left"))
            # Ties are broken at random, so that servers of one cluster use different workers.
            address = min(addresses, key=lambda worker: (service_counts[worker], random.random()))
            new_worker = ClusterWorker(
                self._make_service, on_event, self._cluster, address, self._memory_limit
            )
            self._workers.append(new_worker)
            return new_worker
