"""Parallel solution of many problems, in local processes or on a cluster.

Analyses open :class:`Workers` without knowing where these run. The current engine decides that; by
default workers are processes of this machine.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from models.language import tr
from optimizer.errors import Misuse
from optimizer.model.extra_rules import current_extra_rules
from optimizer.parallel.interface import (
    Answer,
    Assignment,
    Engine,
    Executor,
    Limits,
    Task,
    TaskResult,
)
from optimizer.parallel.processes import LocalProcesses

__all__ = ["Assignment", "Engine", "Executor", "Limits", "LocalProcesses", "TaskResult", "Workers"]
__all__ += ["choose_worker_count", "current_engine", "max_chosen_workers", "threads_per_worker"]
__all__ += ["use_engine"]

_current_engine: ContextVar[Engine | None] = ContextVar("engine", default=None)
_max_chosen_workers: ContextVar[int | None] = ContextVar("max_chosen_workers", default=None)


def current_engine() -> Engine:
    """Return the engine that provides workers in this context; by default local processes."""
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
            raise Misuse(tr("rules in Python are not sent to other processes: leave out jobs="))
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
