"""Tasks of workers in tests of executors; a separate module, since workers import it by name."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.faults import Fault, ScenarioError
from models.language import current_language
from optimizer.errors import Infeasible, Rule
from optimizer.parallel import Workers

Counted = tuple[int, int, int, str]
Action = tuple[Any, ...]
"""The name of something to do, and with what."""

MB = 10**6


def counting(first: int) -> Callable[[int], Counted]:
    """A task that returns its argument, the count of answers, the process and the language."""
    known = [first]

    def answer(task: int) -> Counted:
        known[0] += 1
        if task < 0:
            raise ValueError(f"no task: {task}")
        return task, known[0], os.getpid(), current_language()

    return answer


def slowly(seconds: float) -> Callable[[int], tuple[int, int]]:
    """A slow task that returns its argument and the process."""

    def answer(task: int) -> tuple[int, int]:
        time.sleep(seconds)
        return task, os.getpid()

    return answer


def gathering() -> Callable[[tuple[Path, int]], int]:
    """A task that waits for a number of other tasks at a barrier, or arrives there."""

    def answer(task: tuple[Path, int]) -> int:
        place, others = task
        if not others:
            with place.open("a") as file:
                file.write("x")
        while not place.exists() or len(place.read_text()) < others:
            time.sleep(0.01)
        return others

    return answer


def doing() -> Callable[[Action], Any]:
    """A task that follows its instruction, and keeps the given state."""
    kept: list[bytes] = []
    return lambda task: _DEEDS[task[0]](kept, *task[1:])


def refusing() -> Callable[[int], int]:
    """What cannot begin."""
    raise ScenarioError([Fault(("horizon",), "too short", "longer")])


class Unsendable(Exception):
    """An error that cannot be made again from what it says."""

    def __init__(self, what: str, when: str) -> None:
        super().__init__(f"{what} at {when}")


def _die(_kept: list[bytes], code: int) -> None:
    os._exit(code)


def _die_of_signal(_kept: list[bytes], number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60.0)


def _die_until(_kept: list[bytes], times: int, log: Path) -> int:
    """End the process a number of times, then return the number of attempts."""
    with log.open("a") as file:
        file.write("x")
    tried = len(log.read_text())
    if tried <= times:
        os._exit(1)
    return tried


def _hang(_kept: list[bytes]) -> None:
    if hasattr(signal, "SIGSTOP"):
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(600.0)


def _outgrow(kept: list[bytes], megabytes: int) -> None:
    kept.append(b"x" * (megabytes * MB))
    time.sleep(600.0)


def _keep(kept: list[bytes], megabytes: int) -> int:
    kept.append(b"x" * (megabytes * MB))
    return len(kept)


def _echo(_kept: list[bytes], content: bytes, times: int) -> bytes:
    return content * times


def _say_nothing_sendable(_kept: list[bytes]) -> Any:
    return lambda: None


def _fail_unsendably(_kept: list[bytes]) -> None:
    raise Unsendable("power failed", "noon")


def _run_short(_kept: list[bytes]) -> None:
    raise MemoryError


def _be_infeasible(_kept: list[bytes]) -> None:
    raise Infeasible([Rule("P9", "must_build", "works is built", ("policy", "must_build"))])


def _warn(_kept: list[bytes]) -> None:
    warnings.warn("doubtful", UserWarning, stacklevel=2)


def _share_out(_kept: list[bytes], jobs: int) -> list[int]:
    with Workers[int, Counted](counting, (0,), jobs) as workers:
        return [own[1] for own in workers.map([1, 2, 3])]


_DEEDS: dict[str, Callable[..., Any]] = {
    "die": _die,
    "die of signal": _die_of_signal,
    "die until": _die_until,
    "hang": _hang,
    "outgrow": _outgrow,
    "keep": _keep,
    "echo": _echo,
    "say nothing sendable": _say_nothing_sendable,
    "fail unsendably": _fail_unsendably,
    "run short": _run_short,
    "be infeasible": _be_infeasible,
    "warn": _warn,
    "share out": _share_out,
}


def dying() -> Callable[[Any], Any]:
    """A task that ends its process at once."""
    return lambda _task: os._exit(1)
