"""Many solves side by side, each in a process of its own.

The solver keeps one thread count for a process and must not be forked or shared between threads,
so that workers are fresh processes with one thread each. Tasks are dealt out beforehand, every
n-th to the same worker: what a worker has learnt from earlier ones, and so every result, is the
same each time.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Generic, TypeVar

from models.language import Language, language, speak, tr
from optimizer.errors import WorkerLost

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Workers(Generic[Task, Answer]):
    """Processes that answer tasks; with one job, this process does it itself.

    Parameters
    ----------
    make
        Called once by each worker, with ``given``; returns what answers one task after the other.
        A function of a module, since workers import it by its name.
    given
        What it is called with; it is copied to each worker.
    jobs
        How many workers.

    To be used as a context, which ends with all workers gone; what they had not finished is lost.
    """

    def __init__(
        self, make: Callable[..., Callable[[Task], Answer]], given: tuple[Any, ...], jobs: int
    ) -> None:
        self._own = make(*given) if jobs == 1 else None
        spawn = multiprocessing.get_context("spawn")
        self._executors = [
            ProcessPoolExecutor(1, spawn, _begin, (make, given, language()))
            for _ in range(jobs if jobs > 1 else 0)
        ]

    def __enter__(self) -> Workers[Task, Answer]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for executor in self._executors:
            # Executors wait for what runs; after an error or a Ctrl-C nobody wants it any more.
            for process in list((executor._processes or {}).values()) if kind is not None else []:
                process.terminate()
            executor.shutdown(wait=True, cancel_futures=True)

    def map(
        self, tasks: Sequence[Task], on_done: Callable[[Task, Answer], None] | None = None
    ) -> list[Answer]:
        """The answers in the order of the tasks, and each told as it comes.

        Raises the first error of a worker, and SolverError if one dies.
        """
        tell = on_done or _nothing
        if self._own is not None:
            answers = []
            for task in tasks:
                answers.append(self._own(task))
                tell(task, answers[-1])
            return answers
        futures: dict[Future[Any], int] = {}
        with _ctrl_c_waiting():
            for n, task in enumerate(tasks):
                executor = self._executors[n % len(self._executors)]
                futures[executor.submit(_answer, task)] = n
        try:
            for future in as_completed(futures):
                tell(tasks[futures[future]], future.result())
        except BrokenProcessPool as error:
            raise WorkerLost(
                tr("a process that solved problems has died; fewer --jobs take less memory")
            ) from error
        return [future.result() for future in futures]


@contextmanager
def _ctrl_c_waiting() -> Iterator[None]:
    """Let a Ctrl-C wait while workers are begun, so that none is lost half begun.

    Workers inherit the mask, and are not struck while they import. It keeps no other thread of
    this process from taking the signal, so that the handler waits as well.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    struck: list[tuple[int, FrameType | None]] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: struck.append((number, frame)))
    masks = hasattr(signal, "pthread_sigmask")  # not on Windows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if struck and callable(handler):
            handler(*struck[0])


def _nothing(_task: Any, _answer: Any) -> None:
    pass


_serving: list[Callable[[Any], Any]] = []
"""In a worker: what answers its tasks."""


def _begin(
    make: Callable[..., Callable[[Any], Any]], given: tuple[Any, ...], speaks: Language
) -> None:
    # Ctrl-C reaches all processes of a terminal: the first of them decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    speak(speaks)
    _serving[:] = [make(*given)]


def _answer(task: Any) -> Any:
    return _serving[0](task)
