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
from optimizer.parallel import dask_worker, serving, watching
from optimizer.parallel.interface import Limits
from optimizer.parallel.serving import Order

if TYPE_CHECKING:
    from optimizer.parallel.cluster import Cluster

EVERY = 0.5  # seconds between two looks at a process


class Message(NamedTuple):
    """What is sent: a number, what is asked, and the language of the answer."""

    number: int
    asked: Any  # None: what has this number is to stop
    language: Language = "en"


class Told(NamedTuple):
    """What comes back: to which message, what it is, and whether it is the last."""

    number: int
    content: Any
    last: bool = True


Tell = Callable[[Any], None]


class Stays(Protocol):
    """What a process keeps. ``answer`` raises nothing; ``stop`` comes from another thread."""

    def answer(self, message: Message, tell: Tell) -> Any:
        """The answer to a message, of which something is told on the way."""

    def stop(self, number: int) -> None:
        """End what has this number soon; it may be answered by now, or not have come."""


Make = Callable[[], Stays]
"""A function of a module, since a process imports it by its name."""
Heard = Callable[[Told | None], None]
"""Called from some thread with what a process tells; None where it is gone."""


class Here:
    """A process of this machine. One that holds more bytes than ``memory`` is ended."""

    def __init__(self, make: Make, heard: Heard, memory: int | None = None) -> None:
        self.outgrown, self._heard, self._memory = False, heard, memory
        self._sending = threading.Lock()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with serving.ctrl_c_kept_out():
            self._process = context.Process(target=_stay, args=(theirs, make), daemon=True)
            self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it is there."""
        return self._process.is_alive()

    @property
    def held(self) -> int:
        """Bytes that it holds in memory."""
        return watching.held(self._process.pid or 0)

    def send(self, message: Message) -> None:
        """Send a message whole, of which several may be on their way. It may take until the process
        has begun. Raises OSError where it is gone."""
        with self._sending:
            self._pipe.send(message)

    def close(self, _patience: float = 0.0) -> None:
        """End it, whatever it does."""
        if self._process.is_alive():
            watching.kill(self._process.pid or 0)
            self._process.join()

    def _listen(self) -> None:
        with suppress(EOFError, OSError):  # it has ended
            while True:
                while not self._pipe.poll(EVERY):
                    if self._memory is not None and self.held > self._memory:
                        self.outgrown = True
                        watching.kill(self._process.pid or 0)
                self._heard(self._pipe.recv())
        self._heard(None)


def _stay(pipe: Connection, make: Make) -> None:
    """What runs in a process of this machine: answer what comes by a pipe until it is closed."""
    serving.prepare([])
    stays, asked = make(), SimpleQueue[Message | None]()

    def listen() -> None:
        try:
            while True:
                message: Message = pipe.recv()
                if message.asked is None:
                    stays.stop(message.number)
                else:
                    asked.put(message)
        except (EOFError, OSError):
            asked.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (message := asked.get()) is not None:
        number = message.number

        def tell(content: Any, number: int = number) -> None:
            pipe.send(Told(number, content, last=False))

        with using(message.language):
            pipe.send(Told(number, stays.answer(message, tell)))


class There:
    """A worker of a cluster. It keeps what it has learnt between questions, while others may have
    it answer theirs."""

    outgrown = False

    def __init__(
        self, make: Make, heard: Heard, cluster: Cluster, address: str, memory: int | None = None
    ) -> None:
        self.address, self.held = address, 0
        self._make, self._heard, self._cluster = make, heard, cluster
        self._limits, self._name = Limits(memory=memory), f"stays-{uuid.uuid4().hex}"
        self._client, self._closed = cluster.client(), threading.Event()
        self._future: Any = None
        self._leaving: threading.Thread | None = None
        self._client.subscribe_topic(self._name, lambda event: self._told(event[1]))
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the worker was there a moment ago."""
        return not self._closed.is_set()

    def send(self, message: Message) -> None:
        """Send a message. Raises OSError where the worker or the cluster is gone."""
        try:
            if message.asked is None:
                given = (self._name, message.number)
                self._client.run(dask_worker.stop, *given, workers=[self.address])
                return
            order = Order(
                self._name, 0, message.number, message.language, self._limits,
                pickle.dumps(message), pickle.dumps((dask_worker.Staying, (self._make,))),
            )  # fmt: skip
            self._future = self._client.submit(
                dask_worker.serve, pickle.dumps(order), key=f"{self._name}-{message.number}",
                workers=[self.address], allow_other_workers=False, pure=False,
            )  # fmt: skip
            self._future.add_done_callback(partial(self._done, message.number))
        except Exception as error:  # whatever dask says, nobody answers there
            raise OSError(str(error)) from error

    def close(self, patience: float = 0.0) -> None:
        """Let the worker forget it; one that is still at work is begun anew. That it has heard so
        is waited for as long as ``patience``, in seconds."""
        self._lost()
        if self._leaving is None:
            self._leaving = threading.Thread(target=self._leave, daemon=True)
            self._leaving.start()
        self._leaving.join(patience)

    def _leave(self) -> None:
        with suppress(Exception):  # the worker has gone, and what it knew with it
            how = {"workers": [self.address], "on_error": "ignore"}
            self._client.run(dask_worker.forget, self._name, True, **how)
        with suppress(Exception):
            self._client.unsubscribe_topic(self._name)
            self._client.run_on_scheduler(dask_worker.remove, self._name)

    def _done(self, number: int, future: Any) -> None:
        """Hand on an answer; dask calls it in a thread of its own."""
        if future.status != "finished":
            self._lost()
            return
        answer, error, _trace = pickle.loads(future.result().content)
        self._heard(Told(number, answer if error is None else error))

    def _told(self, packed: Any) -> None:
        if isinstance(packed, int):  # the number of a message that outgrew its memory
            self.outgrown = True
        else:
            number, content = pickle.loads(packed)
            self._heard(Told(number, content, last=False))

    def _watch(self) -> None:
        """Look whether the worker is there: dask would wait for one of its address for ever."""
        while not self._closed.wait(EVERY):
            if self._cluster.is_lost() or self.address not in self._cluster.workers:
                self._lost()

    def _lost(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._future is not None:
            with suppress(Exception):
                self._future.cancel(force=True)
        self._heard(None)


Seat = Here | There


class Spread:
    """Begins what stays on the workers of a cluster: each time on one that has the fewest."""

    def __init__(self, make: Make, cluster: Cluster, memory: int | None = None) -> None:
        self._make, self._cluster, self._memory = make, cluster, memory
        self._seats: list[There] = []
        self._turn = threading.Lock()

    def __call__(self, heard: Heard) -> There:
        """Raises OSError where the cluster has no worker."""
        with self._turn:
            self._seats = [one for one in self._seats if one.is_alive]
            taken = Counter(one.address for one in self._seats)
            if not (workers := self._cluster.workers):
                raise OSError(tr("the cluster has no workers left"))
            # Another server of the same cluster begins elsewhere, most of the time.
            address = min(workers, key=lambda one: (taken[one], random.random()))
            made = There(self._make, heard, self._cluster, address, self._memory)
            self._seats.append(made)
            return made
