"""Functions of a command that runs in a process under a supervisor: what it reports, and how it is
stopped.

Commands call them whether or not there is a supervisor. Reports are files in a folder that the
supervisor has made. The process is in a separate process group, so that Ctrl-C reaches it through
the supervisor only, and each press counts once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.results import Plan
    from models.scenario.references import Case
    from optimizer.solve.solver_result import Incumbent

STATE_FILE, CHECKPOINT_FILE, STOP_FILE = "state.json", "checkpoint.pickle", "stop"
ANNOUNCED = 64
"""Added to the exit code of a process that ended as it should. If a library or the system ends it,
its exit code is another."""


class SupervisorLink:
    """The folder through which a process reports to its supervisor."""

    def __init__(self, folder: Path, ending: str) -> None:
        self._folder, self._state = folder, dict[str, Any]()
        self.ending = ending
        """How an earlier process of this command ended, whose plan this one has to write; empty if
        there was none."""

    def report(self, **state: Any) -> None:
        """Report changes of the state. A full disk is ignored: the state is then an earlier one."""
        self._state |= state
        self._write(STATE_FILE, json.dumps(self._state).encode())

    @property
    def is_stopped(self) -> bool:
        """Whether the user has asked to stop, also while another handler takes the signal."""
        return (self._folder / STOP_FILE).exists()

    def begin_search(self, seconds: float | None) -> None:
        """Report that a search begins, with its time limit."""
        number = self._state.get("search", 0) + 1
        self.report(search=number, seconds=seconds, is_searching=True)

    def save_checkpoint(self, incumbent: Incumbent, input_sha256: str) -> None:
        """Save the best plan so far, with the hash of its scenario."""
        content = incumbent.method, incumbent.bound, incumbent.commitment, input_sha256
        self._write(CHECKPOINT_FILE, pickle.dumps(content))
        self.report(is_searching=not incumbent.final)

    def load_checkpoint(self) -> tuple[Incumbent, str]:
        """Return the plan that an earlier process has saved, with the hash of its scenario. Its
        objective is infinite until the plan has been checked."""
        from optimizer.solve.solver_result import Incumbent

        # Only this user can write into the folder.
        content = pickle.loads((self._folder / CHECKPOINT_FILE).read_bytes())
        method, bound, commitment, input_sha256 = content
        return Incumbent(method, commitment, float("inf"), bound), input_sha256

    def _write(self, name: str, content: bytes) -> None:
        with contextlib.suppress(OSError):
            new_file = self._folder / f"{name}.new"
            new_file.write_bytes(content)
            new_file.replace(self._folder / name)


_link: SupervisorLink | None = None


def _retry_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that arrived in a finalizer, where Python discards exceptions."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    timer = threading.Timer(0.05, signal.raise_signal, [signal.SIGINT])
    timer.daemon = True
    timer.start()


def connect_to_supervisor() -> SupervisorLink:
    """Connect this process to the supervising process that has started it."""
    global _link
    folder, ending, supervisor_pid = (sys.argv.pop(1) for _ in range(3))
    _link = SupervisorLink(Path(folder), ending)
    for number in filter(None, (signal.SIGINT, getattr(signal, "SIGBREAK", None))):
        signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _retry_interrupt
    if sys.platform == "linux":
        # Have the kernel kill this process with its supervisor, even during a long call.
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
        if os.getppid() != int(supervisor_pid):
            os._exit(5)
    return _link


def limit_memory(limit: int | None) -> None:
    """Ask the supervisor to end this process when it holds more than ``limit`` bytes."""
    if _link is not None and limit is not None:
        _link.report(memory=limit)


def is_recovery() -> bool:
    """Return whether this process only has to write the plan that an earlier process of the same
    command had found before it was lost."""
    return _link is not None and bool(_link.ending)


def was_stop_requested() -> bool:
    """Return whether the user has asked this process to stop."""
    return _link is not None and _link.is_stopped


def raise_if_stopped() -> None:
    """Raise KeyboardInterrupt if the user has asked to stop. This is needed after imports, which
    may swallow the interrupt."""
    if was_stop_requested():
        raise KeyboardInterrupt


def announce_search() -> None:
    """Report to the supervisor that another search begins, for which it sets no time limit."""
    if _link is not None:
        _link.begin_search(None)


def announce_published() -> None:
    """Report to the supervisor that results have been written, so that no plan has to be saved from
    a checkpoint."""
    if _link is not None:
        _link.report(published=True)


def plan_with_checkpoints(case: Case, *, time_limit: float | None = None, **options: Any) -> Plan:
    """Call :func:`optimizer.solve.planner.solve_to_plan`, and save each better plan as a
    checkpoint. If this process starts from a checkpoint, return its plan instead. Raise SolverError
    if the scenario has changed since the checkpoint."""
    from optimizer.errors import SolverError
    from optimizer.solve import planner
    from optimizer.solve.checked_solution import input_hash

    link = _link
    if link is None:
        return planner.solve_to_plan(case, time_limit=time_limit, **options)
    sha256 = input_hash(case)
    if link.ending:
        incumbent, saved_sha256 = link.load_checkpoint()
        if saved_sha256 != sha256:
            raise SolverError("the scenario was changed while it was solved")
        fields = {name: options.get(name) for name in ("threads", "variant", "title")}
        return planner.plan_from_incumbent(
            case, incumbent, ending=link.ending, gap=options["gap"], **fields
        )
    link.begin_search(time_limit)
    return planner.solve_to_plan(
        case,
        time_limit=time_limit,
        on_incumbent=lambda incumbent: link.save_checkpoint(incumbent, sha256),
        **options,
    )
