"""An engine that answers in this process: as many lanes as there would be processes, each with what
it has learnt."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from optimizer.parallel import Assignment, Executor, HandlerFactory, TaskResult
from optimizer.parallel.processes import InProcessExecutor


@dataclass(frozen=True)
class InProcess:
    name = "in process"
    worker_count = None

    def executor(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> Lanes:
        return Lanes(make_handler, handler_args, jobs or 1 if assignment == "fixed" else 1)


class Lanes(Executor[Any, Any]):
    def __init__(
        self, make_handler: HandlerFactory, handler_args: tuple[Any, ...], lanes: int
    ) -> None:
        self._lanes = [InProcessExecutor(make_handler, handler_args) for _ in range(lanes)]

    def as_completed(self, tasks: Iterable[Any]) -> Generator[TaskResult[Any], None, None]:
        for index, task in enumerate(tasks):
            (own,) = self._lanes[index % len(self._lanes)].as_completed([task])
            yield TaskResult(index, own.answer, own.error, own.seconds)
