"""Interfaces for parallel execution: engines, executors of workers, and results of tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from optimizer.errors import VorratError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

HandlerFactory = Callable[..., Callable[[Any], Any]]
"""Called once by each worker; returns the function that answers its tasks.

It must be a module-level function, since workers import it by name.
"""

Assignment = Literal["fixed", "next"]
"""How tasks are assigned to workers.

``fixed``: every n-th task to the same worker, so that each worker's state, and with it every
result, is the same on each run. ``next``: to any free worker, for tasks that are independent of
each other.
"""


@dataclass(frozen=True)
class Limits:
    """Memory and time limits for the process that runs a task; None stands for no limit."""

    memory_bytes: int | None = None  # bytes that the process holds in memory (resident)
    seconds: float | None = None
    """Seconds from sending the task; well above the solver's own limit, for a solver that hangs."""


NO_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class TaskResult(Generic[Answer]):
    """Answer to one task, or the error that occurred instead."""

    task_index: int  # position of the task in the sequence of tasks
    answer: Answer | None
    error: VorratError | None
    """Error that the task raised, or WorkerDied, OutOfMemory or TimedOut for its worker."""
    seconds: float  # since the task was sent


class Executor(ABC, Generic[Task, Answer]):
    """Executor of tasks on workers, with ``map`` and ``as_completed`` as in concurrent.futures and
    dask. Unlike those, each worker keeps state from the tasks that it has run.

    At the end of the context all workers are ended, and unfinished tasks are lost.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End all workers."""

    @abstractmethod
    def as_completed(self, tasks: Iterable[Task]) -> Generator[TaskResult[Answer], None, None]:
        """Yield the result of each task when it is complete. An error in one task does not affect
        the others.

        Tasks are taken from the iterator as workers become free, and a few in advance. A lost
        worker is replaced and its task is tried once more, unless the task exceeded its memory or
        time limit. Errors that are not a VorratError are raised. Only one call can run at a time;
        results left over from an earlier call are discarded.
        """

    def map(
        self, tasks: Sequence[Task], on_done: Callable[[Task, Answer], None] | None = None
    ) -> list[Answer]:
        """Return the answers in the order of the tasks. Call ``on_done`` with each task and its
        answer when it is complete.

        Raise the first error of a task; if a worker was lost, this is WorkerDied, OutOfMemory or
        TimedOut.
        """
        answers: dict[int, Any] = {}
        with closing(self.as_completed(tasks)) as results:
            for result in results:
                if result.error is not None:
                    raise result.error
                answers[result.task_index] = answer = result.answer
                if on_done is not None:
                    on_done(tasks[result.task_index], answer)  # type: ignore[arg-type]
        return [answers[n] for n in range(len(answers))]


class Engine(Protocol):
    """Provider of workers for parallel tasks."""

    @property
    def name(self) -> str:
        """Name of the engine in manifests: ``in process``, ``processes`` or ``cluster``."""

    @property
    def worker_count(self) -> int | None:
        """Number of workers that exist already; None if workers are started on demand."""

    def executor(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> Executor[Any, Any]:
        """Return an executor of ``jobs`` workers, each of which calls ``make_handler`` with
        ``handler_args``.

        If ``jobs`` is None, the executor has all workers of the engine.
        """
