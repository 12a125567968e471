"""Functions of a command that runs in a process under a supervisor: what it reports, and how it is
stopped.

Commands call them whether or not there is a supervisor. Messages are JSON lines through two pipes.
The process is in a separate process group, so that Ctrl-C reaches it through the pipe only, and
each press counts once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

from models.language import tr

if TYPE_CHECKING:
    from models.results import Plan
    from models.scenario.case import Case
    from optimizer.model.commitment import Commitment
    from optimizer.solve.solver_result import Incumbent


DECISIONS = ("start", "share", "market", "offtake", "floored")
"""Fields of a commitment that map keys, which may be tuples, to JSON values."""


class SupervisorLink:
    """The pipes to the supervising process."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._lock = threading.Lock()
        self.saved_progress: dict[str, Any] | None = json.loads(incoming.readline() or b"null")
        """Checkpoint of an earlier process of this command that was lost, and how that process
        ended; None if there was none."""

    def send(self, **message: Any) -> None:
        """Send a message. Errors are ignored: the listening thread notices that the supervisor
        has ended."""
        with self._lock, contextlib.suppress(OSError):
            # The line break ends a message that Ctrl-C may have cut short.
            self._outgoing.write(b"\n" + json.dumps(message).encode() + b"\n")
            self._outgoing.flush()

    def start_listening(self) -> None:
        """Start a thread that interrupts the main thread at each request to stop, and exits when
        the supervisor has ended."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for _ in self._incoming:
            _raise_interrupt()
        os._exit(5)


_link: SupervisorLink | None = None
_stop_requested = threading.Event()


def _raise_interrupt() -> None:
    """Interrupt the main thread as Ctrl-C does."""
    _stop_requested.set()
    if hasattr(signal, "pthread_kill"):
        # Unlike interrupt_main, a system signal also wakes a thread that waits for a lock.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main(signal.SIGINT)


def _retry_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that arrived in a finalizer, where Python discards exceptions."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    timer = threading.Timer(0.05, _raise_interrupt)
    timer.daemon = True
    timer.start()


def connect_to_supervisor() -> SupervisorLink:
    """Connect this process to the supervising process that has started it."""
    global _link
    incoming, outgoing = (_open_pipe(sys.argv.pop(1), mode) for mode in ("rb", "wb"))
    _link = SupervisorLink(incoming, outgoing)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _retry_interrupt
    supervisor_pid = int(sys.argv.pop(1))
    if sys.platform == "linux":
        # Have the kernel kill this process with its supervisor, even during a long call.
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
        if os.getppid() != supervisor_pid:
            os._exit(5)
    return _link


def _open_pipe(handle_number: str, mode: str) -> Any:
    handle = int(handle_number)
    if sys.platform == "win32":
        import msvcrt

        handle = msvcrt.open_osfhandle(handle, os.O_RDONLY if mode == "rb" else 0)
    os.set_inheritable(handle, False)
    return os.fdopen(handle, mode)


def limit_memory(limit: int | None) -> None:
    """Ask the supervisor to end this process when it holds more than ``limit`` bytes."""
    if _link is not None and limit is not None:
        _link.send(memory=limit)


def is_recovery() -> bool:
    """Return whether this process only has to write the plan that an earlier process of the same
    command had found before it was lost."""
    return _link is not None and _link.saved_progress is not None


def was_stop_requested() -> bool:
    """Return whether the user has asked this process to stop."""
    return _stop_requested.is_set()


def raise_if_stopped() -> None:
    """Raise KeyboardInterrupt if the user has asked to stop. This is needed after imports, which
    may swallow the interrupt."""
    if _stop_requested.is_set():
        raise KeyboardInterrupt


def announce_search() -> None:
    """Report to the supervisor that another search begins, for which it sets no time limit. The
    first request to stop then counts again as a request to end the search."""
    if _link is not None:
        _link.send(seconds=None)


def announce_published() -> None:
    """Report to the supervisor that results have been written, so that no plan has to be saved from
    a checkpoint."""
    if _link is not None:
        _link.send(published=True)


def plan_with_checkpoints(case: Case, *, time_limit: float | None = None, **options: Any) -> Plan:
    """Call :func:`optimizer.solve.planner.solve_to_plan`, and send each better plan to the
    supervisor as a checkpoint. If this process starts from a checkpoint, return its plan instead.
    Raise SolverError if the scenario has changed since the checkpoint."""
    from optimizer.errors import SolverError
    from optimizer.solve import planner
    from optimizer.solve.checked_solution import input_hash

    link = _link
    if link is None:
        return planner.solve_to_plan(case, time_limit=time_limit, **options)
    sha256 = input_hash(case)
    if link.saved_progress is not None:
        checkpoint = link.saved_progress["checkpoint"]
        if checkpoint["input_sha256"] != sha256:
            raise SolverError(tr("the scenario was changed while it was solved"))
        fields = {name: options.get(name) for name in ("threads", "variant", "title")}
        ending = link.saved_progress["ended"]
        return planner.plan_from_incumbent(
            case, incumbent_from_checkpoint(checkpoint), ending=ending, gap=options["gap"], **fields
        )

    def send_checkpoint(incumbent: Incumbent) -> None:
        link.send(checkpoint=checkpoint_from_incumbent(incumbent, sha256), final=incumbent.final)

    link.send(seconds=time_limit)
    return planner.solve_to_plan(
        case, time_limit=time_limit, on_incumbent=send_checkpoint, **options
    )


def checkpoint_from_incumbent(incumbent: Incumbent, input_sha256: str) -> dict[str, Any]:
    """Return an incumbent as JSON data, with the hash of its scenario."""
    return {
        "input_sha256": input_sha256,
        "method": incumbent.method,
        "bound": incumbent.bound,
        **_commitment_to_json(incumbent.commitment),
    }


def _commitment_to_json(commitment: Commitment) -> dict[str, Any]:
    commitment_data: dict[str, Any] = {
        name: list(vars(commitment)[name].items()) for name in DECISIONS
    }
    commitment_data["buy"] = [
        (stockpile, lots.tolist()) for stockpile, lots in commitment.buy.items()
    ]
    return commitment_data | {
        "branches": [_commitment_to_json(branch) for branch in commitment.branches]
    }


def incumbent_from_checkpoint(checkpoint: dict[str, Any]) -> Incumbent:
    """Return the incumbent that a checkpoint contains. Its objective is infinite until the plan has
    been checked."""
    from optimizer.solve.solver_result import Incumbent

    return Incumbent(
        checkpoint["method"], _commitment_from_json(checkpoint), float("inf"), checkpoint["bound"]
    )


def _commitment_from_json(commitment_data: dict[str, Any]) -> Commitment:
    import numpy as np

    from optimizer.model.commitment import Commitment

    decisions: dict[str, Any] = {
        name: {
            tuple(key) if isinstance(key, list) else key: value
            for key, value in commitment_data[name]
        }
        for name in DECISIONS
    }
    bought_lots = commitment_data["buy"]
    decisions["buy"] = {s: np.array(lots, dtype=float) for s, lots in bought_lots}
    return Commitment(
        **decisions, branches=tuple(map(_commitment_from_json, commitment_data["branches"]))
    )
