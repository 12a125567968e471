"""Many solves side by side: in processes of this machine, or on a cluster.

Analyses open ``Workers`` and know nothing of where these are: the engine that is in use decides,
processes of this machine where nothing else is said.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from optimizer.parallel.interface import Answer, Assignment, Engine, Limits, Task, TaskResult, Team
from optimizer.parallel.processes import LocalProcesses

__all__ = ["Assignment", "Engine", "Limits", "LocalProcesses", "TaskResult", "Team"]
__all__ += ["Workers", "in_use", "most_side_by_side", "side_by_side", "threads_each", "using"]

_current_engine: ContextVar[Engine | None] = ContextVar("engine", default=None)
_max_chosen_workers: ContextVar[int | None] = ContextVar("most", default=None)


def current_engine() -> Engine:
    """The engine that workers are taken from now: processes of this machine, if not told."""
    return _current_engine.get() or LocalProcesses()


def choose_worker_count(requested: int | None, default: int) -> int:
    """How many workers a team should have: what the user asks for, else all that an engine has
    for the run, else what is usual for the problem here."""
    chosen = requested or current_engine().worker_count or default
    _max_chosen_workers.set(max(chosen, _max_chosen_workers.get() or 0))
    return chosen


def max_chosen_workers() -> int | None:
    """The most that was chosen in this context; None where nothing was."""
    return _max_chosen_workers.get()


def threads_per_worker(jobs: int) -> int | None:
    """Threads of each of so many workers: one, but for a single one that has this machine."""
    return None if jobs == 1 and current_engine().worker_count is None else 1


@contextmanager
def use_engine(engine: Engine) -> Iterator[None]:
    """Take workers from this engine for as long as the context lasts."""
    token = _current_engine.set(engine)
    try:
        yield
    finally:
        _current_engine.reset(token)


class Workers(Team[Task, Answer]):
    """A team of the engine in use, of ``jobs`` workers, or as many as the engine has where that is
    None; each calls ``make`` with ``given``, which is copied to it."""

    def __init__(
        self,
        make_handler: Callable[..., Callable[[Task], Answer]],
        handler_args: tuple[Any, ...],
        jobs: int | None = None,
        assignment: Assignment = "fixed",
    ) -> None:
        self._team: Team[Task, Answer] = current_engine().team(
            make_handler, handler_args, jobs, assignment
        )

    def __enter__(self) -> Self:
        self._team.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._team.__exit__(*exc)

    def iter_results(self, tasks: Iterable[Task]) -> Generator[TaskResult[Answer], None, None]:
        """What becomes of each task, as it comes, as ``Team.arrivals``."""
        return self._team.iter_results(tasks)
