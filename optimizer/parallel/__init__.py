"""Many solves side by side: in processes of this machine, or on a cluster.

Analyses open ``Workers`` and know nothing of where these are: the engine that is in use decides,
processes of this machine where nothing else is said.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from optimizer.parallel.interface import Answer, Arrival, Dealing, Engine, Limits, Task, Team
from optimizer.parallel.processes import Processes

__all__ = ["Arrival", "Dealing", "Engine", "Limits", "Processes", "Team"]
__all__ += ["Workers", "in_use", "most_side_by_side", "side_by_side", "threads_each", "using"]

_current: ContextVar[Engine | None] = ContextVar("engine", default=None)
_most: ContextVar[int | None] = ContextVar("most", default=None)


def in_use() -> Engine:
    """The engine that workers are taken from now: processes of this machine, if not told."""
    return _current.get() or Processes()


def side_by_side(asked: int | None, usual: int) -> int:
    """How many workers a team should have: what the user asks for, else all that an engine has
    for the run, else what is usual for the problem here."""
    chosen = asked or in_use().size or usual
    _most.set(max(chosen, _most.get() or 0))
    return chosen


def most_side_by_side() -> int | None:
    """The most that was chosen in this context; None where nothing was."""
    return _most.get()


def threads_each(jobs: int) -> int | None:
    """Threads of each of so many workers: one, but for a single one that has this machine."""
    return None if jobs == 1 and in_use().size is None else 1


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Take workers from this engine for as long as the context lasts."""
    token = _current.set(engine)
    try:
        yield
    finally:
        _current.reset(token)


class Workers(Team[Task, Answer]):
    """A team of the engine in use, of ``jobs`` workers, or as many as the engine has where that is
    None; each calls ``make`` with ``given``, which is copied to it."""

    def __init__(
        self,
        make: Callable[..., Callable[[Task], Answer]],
        given: tuple[Any, ...],
        jobs: int | None = None,
        dealing: Dealing = "fixed",
    ) -> None:
        self._team: Team[Task, Answer] = in_use().team(make, given, jobs, dealing)

    def __enter__(self) -> Self:
        self._team.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._team.__exit__(*exc)

    def arrivals(self, tasks: Iterable[Task]) -> Generator[Arrival[Answer], None, None]:
        """What becomes of each task, as it comes, as ``Team.arrivals``."""
        return self._team.arrivals(tasks)
