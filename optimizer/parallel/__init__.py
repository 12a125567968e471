"""Parallel solution of many problems, in local processes or on a cluster.

Analyses open :class:`Workers` without knowing where these run. The current engine decides that; by
default workers are processes of this machine.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from optimizer.errors import Misuse, VorratError
from optimizer.model.rule_declaration import current_extra_rules

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


_current_engine: ContextVar[Engine | None] = ContextVar("engine", default=None)
_max_chosen_workers: ContextVar[int | None] = ContextVar("max_chosen_workers", default=None)


def current_engine() -> Engine:
    """Return the engine that provides workers in this context; by default local processes."""
    from optimizer.parallel.processes import LocalProcesses

    return _current_engine.get() or LocalProcesses()


def choose_worker_count(requested: int | None, default: int) -> int:
    """Return the number of workers for an executor: ``requested`` if given, otherwise all workers
    of the engine, otherwise ``default``. The number is recorded for :func:`max_chosen_workers`.

    Rules in Python are known to this process only: the number is then 1. Raise Misuse if more are
    requested.
    """
    chosen = requested or current_engine().worker_count or default
    if current_extra_rules() is not None and chosen > 1:
        if requested or current_engine().worker_count:
            raise Misuse("rules in Python are not sent to other processes: leave out jobs=")
        chosen = 1
    _max_chosen_workers.set(max(chosen, _max_chosen_workers.get() or 0))
    return chosen


def max_chosen_workers() -> int | None:
    """Return the largest number of workers that was chosen in this context; None if none was."""
    return _max_chosen_workers.get()


def threads_per_worker(jobs: int) -> int | None:
    """Return the number of threads for each of ``jobs`` workers: one, or None (all) if there is a
    single local worker."""
    return None if jobs == 1 and current_engine().worker_count is None else 1


@contextmanager
def use_engine(engine: Engine) -> Iterator[None]:
    """Use this engine to provide workers within the context."""
    token = _current_engine.set(engine)
    try:
        yield
    finally:
        _current_engine.reset(token)


class Workers(Executor[Task, Answer]):
    """Executor of ``jobs`` workers of the current engine; of all its workers if ``jobs`` is None.

    Each worker creates its handler by calling ``make_handler`` with a copy of ``handler_args``.
    """

    def __init__(
        self,
        make_handler: Callable[..., Callable[[Task], Answer]],
        handler_args: tuple[Any, ...],
        jobs: int | None = None,
        assignment: Assignment = "fixed",
    ) -> None:
        self._executor: Executor[Task, Answer] = current_engine().executor(
            make_handler, handler_args, jobs, assignment
        )

    def __enter__(self) -> Self:
        self._executor.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._executor.__exit__(*exc)

    def as_completed(self, tasks: Iterable[Task]) -> Generator[TaskResult[Answer], None, None]:
        """Yield the result of each task as it completes; see :meth:`Executor.as_completed`."""
        return self._executor.as_completed(tasks)
