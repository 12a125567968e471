"""Files that are not trusted, read in processes of their own: one that takes too long or too much
memory ends with its process, and the server goes on."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import NamedTuple

from models.faults import Fault, Place, ScenarioError
from models.files import Reading, read_case
from models.language import language, tr
from models.recording import recording
from optimizer.parallel.staying import Here, Message, Tell, Told

SECONDS = 30
"""For which one scenario may be read."""
MEMORY = 2_000_000_000
"""Bytes that the process may hold meanwhile."""
AT_ONCE = 4
"""Scenarios that a server reads at the same time."""


class Outcome(NamedTuple):
    """What became of a scenario, and the files that were read for it with their hashes."""

    result: Reading | ScenarioError
    files: tuple[tuple[str, str], ...]
    was_ended: bool = False
    """Whether a limit or a stop ended it, which may not happen again."""


def read(path: Path, variant: str | None, settings: Sequence[str]) -> Outcome:
    """Read a scenario in this process; that of a file with its variants."""
    result: Reading | ScenarioError
    with recording() as record:
        try:
            result = read_case(path, variant, settings, check_variants=variant is None)
        except ScenarioError as error:
            result = error
    return Outcome(result, tuple((one.path, one.sha256) for one in record.files))


@dataclass
class Reader:
    """Reads scenarios in processes of their own, each in a new one."""

    seconds: float = SECONDS
    memory: int = MEMORY
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))
    _at_work: dict[object, Here] = field(default_factory=dict)
    _stops: Counter[object] = field(default_factory=Counter)
    """How often each owner has been stopped: who waits for a turn meanwhile does not begin."""

    def read(
        self, path: Path, variant: str | None, settings: Sequence[str], owner: object
    ) -> Outcome:
        """As :func:`read`; for one ``owner`` one at a time."""
        answers: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        stops = self._stops[owner]
        with self._turns:
            if self._stops[owner] != stops:
                return _ended(path, tr("the process that read it has died"))
            process = self._at_work[owner] = Here(_Reads, answers.put, self.memory)
            try:
                with suppress(OSError):  # it has died, which is heard
                    process.send(Message(0, (path, variant, settings), language()))
                answer = answers.get(timeout=self.seconds)
            except queue.Empty:
                problem = tr("reading it took more than {seconds} s", seconds=self.seconds)
            else:
                if answer is not None and isinstance(answer.content, Outcome):
                    return answer.content
                problem = tr("the process that read it has died")
                if process.outgrown:
                    size = round(self.memory / 1e6)
                    problem = tr("reading it took more than {size} MB of memory", size=size)
            finally:
                del self._at_work[owner]
                process.close()
        return _ended(path, problem)

    def stop(self, owner: object) -> None:
        """End the reading of one owner, and cancel those of his that wait for a turn."""
        self._stops[owner] += 1
        if (process := self._at_work.get(owner)) is not None:
            process.close()


def _ended(path: Path, problem: str) -> Outcome:
    return Outcome(ScenarioError([Fault((), problem, place=Place(str(path)))]), (), True)


class _Reads:
    """What runs in the process (see ``staying.Stays``)."""

    def answer(self, message: Message, _tell: Tell) -> Outcome:
        """What becomes of a scenario."""
        return read(*message.asked)

    def stop(self, number: int) -> None:
        """Nothing: the process is ended."""
