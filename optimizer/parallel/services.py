"""What stays: a process, here or on a cluster, that keeps what it has learnt and answers one thing
after the other; it tells what it finds on the way, and can be told to stop."""

from __future__ import annotations

import multiprocessing
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

POLL_INTERVAL = 0.5  # seconds between two looks at a process


class ServiceMessage(NamedTuple):
    """What is sent: a number, what is asked, and the language of the answer."""

    number: int
    question: Any  # None: what has this number is to stop
    language: Language = "en"


class ServiceEvent(NamedTuple):
    """What comes back: to which message, what it is, and whether it is the last."""

    number: int
    content: Any
    is_last: bool = True


ContentReporter = Callable[[Any], None]


class Service(Protocol):
    """What a process keeps. ``answer`` raises nothing; ``stop`` comes from another thread."""

    def answer(self, message: ServiceMessage, report: ContentReporter) -> Any:
        """The answer to a message, of which something is told on the way."""

    def stop(self, number: int) -> None:
        """End what has this number soon; it may be answered by now, or not have come."""


ServiceFactory = Callable[[], Service]
"""A function of a module, since a process imports it by its name."""
EventHandler = Callable[[ServiceEvent | None], None]
"""Called from some thread with what a process tells; None where it is gone."""


class LocalWorker:
    """A process of this machine. One that holds more bytes than ``memory`` is ended."""

    def __init__(
        self, make_service: ServiceFactory, on_event: EventHandler, memory_limit: int | None = None
    ) -> None:
        self.outgrew_memory, self._on_event, self._memory_limit = False, on_event, memory_limit
        self._send_lock = threading.Lock()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with task_server.sigint_blocked():
            self._process = context.Process(
                target=_run_service, args=(theirs, make_service), daemon=True
            )
            self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it is there."""
        return self._process.is_alive()

    @property
    def memory_bytes(self) -> int:
        """Bytes that it holds in memory."""
        return process_limits.resident_memory(self._process.pid or 0)

    def send(self, message: ServiceMessage) -> None:
        """Send a message whole, of which several may be on their way. It may take until the process
        has begun. Raises OSError where it is gone."""
        with self._send_lock:
            self._pipe.send(message)

    def close(self, _wait_seconds: float = 0.0) -> None:
        """End it, whatever it does."""
        if self._process.is_alive():
            process_limits.kill_process_tree(self._process.pid or 0)
            self._process.join()

    def _listen(self) -> None:
        with suppress(EOFError, OSError):  # it has ended
            while True:
                while not self._pipe.poll(POLL_INTERVAL):
                    if self._memory_limit is not None and self.memory_bytes > self._memory_limit:
                        self.outgrew_memory = True
                        process_limits.kill_process_tree(self._process.pid or 0)
                self._on_event(self._pipe.recv())
        self._on_event(None)


def _run_service(pipe: Connection, make_service: ServiceFactory) -> None:
    """What runs in a process of this machine: answer what comes by a pipe until it is closed."""
    task_server.prepare_worker_process([])
    stays, asked = make_service(), SimpleQueue[ServiceMessage | None]()

    def listen() -> None:
        try:
            while True:
                message: ServiceMessage = pipe.recv()
                if message.question is None:
                    stays.stop(message.number)
                else:
                    asked.put(message)
        except (EOFError, OSError):
            asked.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (message := asked.get()) is not None:
        number = message.number

        def tell(content: Any, number: int = number) -> None:
            pipe.send(ServiceEvent(number, content, is_last=False))

        with using(message.language):
            pipe.send(ServiceEvent(number, stays.answer(message, tell)))


class ClusterWorker:
    """A worker of a cluster. It keeps what it has learnt between questions, while others may have
    it answer theirs."""

    outgrew_memory = False

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
        self._limits, self._team_id = Limits(memory_bytes=memory_limit), f"stays-{uuid.uuid4().hex}"
        self._client, self._closed = cluster.client(), threading.Event()
        self._future: Any = None
        self._leave_thread: threading.Thread | None = None
        self._client.subscribe_topic(self._team_id, lambda event: self._receive_event(event[1]))
        threading.Thread(target=self._watch_worker, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the worker was there a moment ago."""
        return not self._closed.is_set()

    def send(self, message: ServiceMessage) -> None:
        """Send a message. Raises OSError where the worker or the cluster is gone."""
        try:
            if message.question is None:
                given = (self._team_id, message.number)
                self._client.run(dask_worker.stop_request, *given, workers=[self.address])
                return
            order = TaskRequest(
                self._team_id, 0, message.number, message.language, self._limits,
                pickle.dumps(message), pickle.dumps((dask_worker.ServiceHandler, (self._make_service,))),
            )  # fmt: skip
            self._future = self._client.submit(
                dask_worker.answer_pickled_request, pickle.dumps(order), key=f"{self._team_id}-{message.number}",
                workers=[self.address], allow_other_workers=False, pure=False,
            )  # fmt: skip
            self._future.add_done_callback(partial(self._receive_answer, message.number))
        except Exception as error:  # whatever dask says, nobody answers there
            raise OSError(str(error)) from error

    def close(self, wait_seconds: float = 0.0) -> None:
        """Let the worker forget it; one that is still at work is begun anew. That it has heard so
        is waited for as long as ``patience``, in seconds."""
        self._mark_lost()
        if self._leave_thread is None:
            self._leave_thread = threading.Thread(target=self._disconnect, daemon=True)
            self._leave_thread.start()
        self._leave_thread.join(wait_seconds)

    def _disconnect(self) -> None:
        with suppress(Exception):  # the worker has gone, and what it knew with it
            how = {"workers": [self.address], "on_error": "ignore"}
            self._client.run(dask_worker.forget_team, self._team_id, True, **how)
        with suppress(Exception):
            self._client.unsubscribe_topic(self._team_id)
            self._client.run_on_scheduler(dask_worker.clear_topic, self._team_id)

    def _receive_answer(self, number: int, future: Any) -> None:
        """Hand on an answer; dask calls it in a thread of its own."""
        if future.status != "finished":
            self._mark_lost()
            return
        answer, error, _trace = pickle.loads(future.result().content)
        self._on_event(ServiceEvent(number, answer if error is None else error))

    def _receive_event(self, pickled_event: Any) -> None:
        if isinstance(pickled_event, int):  # the number of a message that outgrew its memory
            self.outgrew_memory = True
        else:
            number, content = pickle.loads(pickled_event)
            self._on_event(ServiceEvent(number, content, is_last=False))

    def _watch_worker(self) -> None:
        """Look whether the worker is there: dask would wait for one of its address for ever."""
        while not self._closed.wait(POLL_INTERVAL):
            if self._cluster.is_lost() or self.address not in self._cluster.worker_addresses:
                self._mark_lost()

    def _mark_lost(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._future is not None:
            with suppress(Exception):
                self._future.cancel(force=True)
        self._on_event(None)


ServiceWorker = LocalWorker | ClusterWorker


class ClusterWorkerStarter:
    """Begins what stays on the workers of a cluster: each time on one that has the fewest."""

    def __init__(
        self, make_service: ServiceFactory, cluster: Cluster, memory_limit: int | None = None
    ) -> None:
        self._make_service, self._cluster, self._memory_limit = make_service, cluster, memory_limit
        self._workers: list[ClusterWorker] = []
        self._start_lock = threading.Lock()

    def __call__(self, on_event: EventHandler) -> ClusterWorker:
        """Raises OSError where the cluster has no worker."""
        with self._start_lock:
            self._workers = [one for one in self._workers if one.is_alive]
            taken = Counter(one.address for one in self._workers)
            if not (workers := self._cluster.worker_addresses):
                raise OSError(tr("the cluster has no workers left"))
            # Another server of the same cluster begins elsewhere, most of the time.
            address = min(workers, key=lambda one: (taken[one], random.random()))
            made = ClusterWorker(
                self._make_service, on_event, self._cluster, address, self._memory_limit
            )
            self._workers.append(made)
            return made
