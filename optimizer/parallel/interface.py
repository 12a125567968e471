"""What an engine is: many tasks answered side by side, wherever that happens."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from optimizer.errors import VorratError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

HandlerFactory = Callable[..., Callable[[Any], Any]]
"""Called once by each worker; returns what answers one task after the other. A function of a
module, since workers import it by its name."""

Assignment = Literal["fixed", "next"]
"""How tasks reach workers. ``fixed``: every n-th to the same, so that what a worker has learnt from
earlier ones, and so every result, is the same each time. ``next``: to whoever is free, for tasks
that have nothing to do with each other."""


@dataclass(frozen=True)
class Limits:
    """What one task may take of the process that answers it; None for no limit."""

    memory_bytes: int | None = None  # bytes that the process holds in memory (resident)
    seconds: float | None = None
    """From when the task is handed over; for a solver that hangs, well above its own limit."""


NO_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class TaskResult(Generic[Answer]):
    """The answer to one task, or why it has none, as it comes."""

    task_index: int  # of the task, in the order in which tasks were given
    answer: Answer | None
    error: VorratError | None
    """What the task raised, or what became of its worker: WorkerLost, OutOfMemory, TimedOut."""
    seconds: float  # from when the task was handed over


class Team(ABC, Generic[Task, Answer]):
    """Workers that answer tasks, each with what it has learnt from its own earlier ones. To be used
    as a context, which ends with all of them gone; what they had not finished is lost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End all workers."""

    @abstractmethod
    def iter_results(self, tasks: Iterable[Task]) -> Generator[TaskResult[Answer], None, None]:
        """What becomes of each task, as it comes: an error of one leaves the others alone. Tasks
        are taken as workers become free, a few ahead. A worker that is lost is replaced, and its
        task tried once more before it counts as lost; one that outgrew its memory or its time is
        not tried again. Errors that are no VorratError are raised. One call at a time: what an
        earlier one has left is answered for nobody."""

    def map(
        self, tasks: Sequence[Task], on_done: Callable[[Task, Answer], None] | None = None
    ) -> list[Answer]:
        """The answers in the order of the tasks, and each told as it comes. Raises the first error
        of a task; WorkerLost, OutOfMemory or TimedOut where its worker is gone."""
        answers: dict[int, Any] = {}
        with closing(self.iter_results(tasks)) as arrivals:
            for arrival in arrivals:
                if arrival.error is not None:
                    raise arrival.error
                answers[arrival.task_index] = answer = arrival.answer
                if on_done is not None:
                    on_done(tasks[arrival.task_index], answer)  # type: ignore[arg-type]
        return [answers[n] for n in range(len(answers))]


class Engine(Protocol):
    """Where tasks are answered."""

    @property
    def name(self) -> str:
        """What manifests call it: ``in process``, ``processes`` or ``cluster``."""

    @property
    def worker_count(self) -> int | None:
        """Workers that there are for a run anyway; None where they are begun as they are needed."""

    def team(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> Team[Any, Any]:
        """A team of so many workers, each of which calls ``make`` with ``given``; as many as the
        engine has where ``jobs`` is None."""
