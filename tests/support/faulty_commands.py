"""Commands whose search goes wrong in a given way, in processes that a test strikes.

``python -m faulty_commands FAULT ARGUMENTS`` is ``vorrat ARGUMENTS``, whose search says ``waiting``
on stderr once it has reported a plan that is not proven yet (or, with FAULT ``none-FAULT``, before
it has any), and then does what the fault is. With ``written`` it is killed once the plan is
written; with ``early`` it is stopped before it has begun.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from optimizer import cli
from optimizer.cli import child_process, main, supervisor
from optimizer.solve import problem
from optimizer.solve.decomposition.branch_and_cut import BranchAndCut
from optimizer.solve.decomposition.search_run import SearchRun


def heed(run: SearchRun) -> None:
    """Wait for Ctrl-C as a search does."""
    while True:
        run.check_limits()
        time.sleep(0.01)


def deaf(_run: SearchRun) -> None:
    """Hold the interpreter's lock for ever: neither signals nor other threads get through."""
    while True:
        ctypes.PyDLL(None).sleep(1000)


def late(run: SearchRun) -> None:
    """The same with a time limit, which begins now."""
    assert child_process._link is not None
    child_process._link.begin_search(0.1)
    deaf(run)


def crash(_run: SearchRun) -> None:
    ctypes.string_at(0)


def killed(_run: SearchRun) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_run: SearchRun) -> None:
    """With the exit code of a plan that was written."""
    os._exit(1)


def hungry(_run: SearchRun) -> None:
    held = []
    while True:
        held.append(bytearray(b"\1" * 20_000_000))
        time.sleep(0.02)


def unexpected(_run: SearchRun) -> None:
    raise ZeroDivisionError


def disguise(run: SearchRun) -> None:
    """What a library makes of Ctrl-C that does not know it."""
    try:
        heed(run)
    except BaseException:
        raise ZeroDivisionError from None


FAULTS: dict[str, Callable[[SearchRun], None]] = {
    "heed": heed,
    "deaf": deaf,
    "late": late,
    "crash": crash,
    "killed": killed,
    "leave": leave,
    "hungry": hungry,
    "unexpected": unexpected,
    "disguise": disguise,
}


def arrange(fault: str) -> None:
    """In the process of the command: let the search end in the fault."""
    if fault == "written":
        reported = child_process.announce_published

        def published() -> None:
            reported()
            print("waiting", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(child_process, "announce_published", published)  # noqa: B010
        return
    real = BranchAndCut.close_gap
    without_plan = fault.startswith("none-")
    act = FAULTS[fault.removeprefix("none-")]

    def search(self: BranchAndCut) -> None:
        run: Any = self.run
        if not without_plan:
            real(self)
            run.lower_bound = run.best_objective - 0.5 * abs(run.best_objective)
            run.check_limits()
        print("waiting", file=sys.stderr, flush=True)
        act(run)

    setattr(BranchAndCut, "close_gap", search)  # noqa: B010
    setattr(problem, "MAX_EXTENSIVE_SIZE", -1)  # noqa: B010


def begin() -> None:
    """The process of the command; one that salvages has no search."""
    fault = sys.argv.pop(1)
    if fault == "early":
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(1.0)
    else:
        arrange(fault)
    cli.run_supervised()


if __name__ == "__main__":
    supervisor.CHILD_CODE = (
        "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
        f"sys.argv.insert(1, {sys.argv[1]!r}); import faulty_commands; faulty_commands.begin()"
    )
    # A shell has its jobs in the background ignore Ctrl-C, and so what they begin.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    supervisor.INTERRUPT_GRACE = 0.5
    supervisor.MIN_OVERTIME = 0.5
    main(sys.argv[2:])
