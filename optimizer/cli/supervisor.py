"""A small process that runs a command in a child process and survives if the child fails.

A solver may crash, hang, exhaust memory or not react to Ctrl-C. So commands that solve problems run
in a process that can be killed. It leaves the best plan that ``solve`` and ``run`` have found so
far in a file; if the process is lost, another one checks this plan and writes it. No large module
is imported here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli.child_process import ANNOUNCED, CHECKPOINT_FILE, STATE_FILE, STOP_FILE
from optimizer.errors import OutOfMemory, TimedOut, WorkerDied

SUPERVISED_COMMANDS = frozenset({*ANALYSES_BY_NAME, "brief", "explore", "rerun", "run", "verify"})
"""Commands that solve problems."""
CHECKPOINTED_COMMANDS = frozenset({"solve", "run"})
"""Commands whose best plan is kept. Of others only the files remain that were written so far."""
INTERRUPT_GRACE, MIN_OVERTIME = 20.0, 30.0
"""Seconds that a search has to return after the first Ctrl-C, and minimal seconds that it may
exceed its time limit."""
POLL_SECONDS = 0.25  # seconds between two checks of a process
CHILD_CODE = (
    "import json, signal, sys; "
    "[signal.signal(getattr(signal, name), lambda *_: None) for name in ('SIGTERM', 'SIGHUP') "
    "if hasattr(signal, name)]; "
    "sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from optimizer import cli; cli.run_supervised()"
)
"""Code that the process of a command runs. It ignores signals that systems send to all processes,
since this process decides what becomes of the other."""

KillReason = Literal["memory", "stopped", "time", "deaf"]
"""Why a process was killed: it exceeded its memory or time, it did not react to the first Ctrl-C
(deaf), or there was a second one (stopped)."""


def needs_supervision(arguments: Sequence[str]) -> bool:
    """Return whether a command line solves problems, and does not just read files or show help."""
    if not sys.executable or not {"-h", "--help", "--version"}.isdisjoint(arguments):
        return False
    return _command_name(arguments) in SUPERVISED_COMMANDS


def _command_name(arguments: Sequence[str]) -> str | None:
    """Return the name of the command in a command line."""
    words = iter(arguments)
    for word in words:
        if word == "--language":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def supervise(arguments: Sequence[str]) -> int:
    """Run a command line in a child process. Return its exit code, or if the process is lost, the
    exit code for that. From this call on, this process handles signals until it ends, so the caller
    has to exit next."""
    try:
        with tempfile.TemporaryDirectory(prefix="vorrat-", ignore_cleanup_errors=True) as folder:
            watch = _ProcessWatch(arguments, Path(folder))
            watch.install_signal_handlers()
            return _supervised_exit_code(watch)
    except OSError as error:
        return _print_error(f"no process can be started: {error}", 5)


def _supervised_exit_code(watch: _ProcessWatch) -> int:
    code = watch.follow_process()
    has_checkpoint = (
        watch.checkpoint.exists() and _command_name(watch.arguments) in CHECKPOINTED_COMMANDS
    )
    # An interrupt just after the end of the search may have lost its plan.
    cut_short = code == 130 and watch.stop_count > 0
    if code is not None and not (cut_short and has_checkpoint):
        return code
    if watch.was_killed_by_user():
        return _print_error("interrupted", 130)
    message, loss_code, ending = ("interrupted", 130, "interrupted")
    if not cut_short:
        message, loss_code, ending = _describe_loss(watch)
    if watch.state.get("published"):
        return _print_error(f"{message} after the results were written", 5)
    if not has_checkpoint:
        return _print_error(message, loss_code)
    if not cut_short:
        _print_error(f"{message}; its best plan is checked and written", loss_code)
    code = watch.follow_process(ending)
    if code is not None:
        return code
    if watch.was_killed_by_user():
        return _print_error("interrupted", 130)
    return _print_error(_describe_loss(watch)[0], loss_code)


def _describe_loss(watch: _ProcessWatch) -> tuple[str, int, str]:
    """Return a message, an exit code, and the text for ``ended`` in a plan, for a process that
    ended without announcing an exit code."""
    if watch.kill_reason == "memory":
        message = f"the process took more than {watch.state['memory'] / 1e6:.0f} MB of memory"
        return f"{message} and was ended", OutOfMemory.exit_code, "killed: memory limit"
    if watch.kill_reason == "time":
        message = "the solver did not end long after its time limit and was ended"
        return message, TimedOut.exit_code, "killed: time limit"
    if watch.kill_reason == "deaf":
        return "the solver did not heed the interrupt and was ended", 130, "killed: interrupted"
    assert watch.process is not None
    cause = f"exit code {watch.process.returncode}"
    with contextlib.suppress(ValueError):
        cause = signal.Signals(-watch.process.returncode).name
    message = f"the process of the command has died ({cause})"
    if cause == "SIGKILL":
        message = (
            f"the process of the command was killed ({cause}), by a user or for lack of memory"
        )
    return message, WorkerDied.exit_code, f"died: {cause}"


def _print_error(message: str, exit_code: int) -> int:
    with contextlib.suppress(OSError):  # stderr is closed
        if sys.stderr.isatty():
            click.echo(err=True)  # a line of progress may be left
        click.echo(f"vorrat: {message}" if exit_code in (5, 130) else message, err=True)
    return exit_code


@dataclass
class _ProcessWatch:
    """Runs processes of a command one after the other, and handles signals for them.

    The folder contains what a process reports: its state, and its best plan.
    """

    arguments: Sequence[str]
    folder: Path
    stop_count: int = 0  # how often the user asked to stop
    kill_reason: KillReason | None = None
    process: subprocess.Popen[bytes] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    _stop_is_sent: bool = False
    _seconds_left: dict[KillReason, float] = field(default_factory=dict)
    """Seconds until the search counts as hung, or as not reacting to an interrupt."""

    @property
    def checkpoint(self) -> Path:
        """The file with the best plan that the process has found."""
        return self.folder / CHECKPOINT_FILE

    def was_killed_by_user(self) -> bool:
        """Return whether the process was killed because the user asked twice to stop."""
        return self.kill_reason == "stopped"

    def install_signal_handlers(self) -> None:
        """Handle the signals that ask a process to stop. Signals that were ignored at the start, as
        under nohup, stay ignored."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGTSTP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._pause_group if name == "SIGTSTP" else self._stop)

    def _pause_group(self, _number: int, _frame: Any) -> None:
        """Stop the process group of the command after Ctrl-Z, until this process continues."""
        if sys.platform != "win32" and self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGSTOP)
                os.kill(os.getpid(), signal.SIGSTOP)
                os.killpg(self.process.pid, signal.SIGCONT)

    def _stop(self, number: int, _frame: Any) -> None:
        is_key_press = number in (signal.SIGINT, getattr(signal, "SIGBREAK", None))
        # Systems may send a signal that is no key press several times for one request.
        self.stop_count += 1 if is_key_press or self.stop_count == 0 else 0

    def follow_process(self, ending: str = "") -> int | None:
        """Start a process of the command and watch it until it ends. With ``ending``, which says
        how an earlier process ended, it only writes the plan that this one left. Return the exit
        code that the process announced; None if it was lost."""
        self.kill_reason, self.state, self._seconds_left = None, {}, {}
        (self.folder / STATE_FILE).unlink(missing_ok=True)
        process = self.process = _start_process(self.folder, ending, self.arguments)
        last_time = time.monotonic()
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
            current_time = time.monotonic()
            # Time while this process or the machine was suspended does not count.
            elapsed, last_time = min(current_time - last_time, 4 * POLL_SECONDS), current_time
            self._read_state()
            if self.kill_reason is None and process.poll() is None:
                for limit in self._seconds_left:
                    self._seconds_left[limit] -= elapsed
                self._check_process(process, is_recovery=bool(ending))
        code = process.returncode - ANNOUNCED
        return code if code in range(131) and self.kill_reason is None else None

    def _read_state(self) -> None:
        old_search = self.state.get("search")
        with contextlib.suppress(OSError):
            self.state = json.loads((self.folder / STATE_FILE).read_bytes())
        if self.state.get("search") != old_search:
            limit = self.state["seconds"]
            self._seconds_left = {} if limit is None else {"time": limit + max(limit, MIN_OVERTIME)}
        if not self.state.get("is_searching"):
            # Writing the plan needs no time limit.
            self._seconds_left = {}

    def _check_process(self, process: subprocess.Popen[bytes], is_recovery: bool) -> None:
        """Pass on a request to stop, and kill a process that has exceeded its time or memory."""
        searches = self.state.get("is_searching", False)
        # A process that has no state yet is not ready, and one that writes its plan is not stopped.
        may_stop = bool(self.state) and (searches or not self.checkpoint.exists())
        exceeded_limits = [
            limit for limit, seconds_left in self._seconds_left.items() if seconds_left <= 0
        ]
        if self.stop_count > 1:
            self._kill(process, "stopped")
        elif exceeded_limits:
            self._kill(process, min(exceeded_limits))
        elif self.state.get("memory") is not None:
            from optimizer.parallel.process_limits import resident_memory

            if resident_memory(process.pid) > self.state["memory"]:
                self._kill(process, "memory")
        if self.stop_count == 1 and may_stop and not self._stop_is_sent and not is_recovery:
            self._stop_is_sent = True
            (self.folder / STOP_FILE).touch()
            process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
        if self._stop_is_sent and searches:
            self._seconds_left.setdefault("deaf", INTERRUPT_GRACE)

    def _kill(self, process: subprocess.Popen[bytes], reason: KillReason) -> None:
        from optimizer.parallel.process_limits import kill_process_tree

        self.kill_reason = reason
        kill_process_tree(process.pid)


def _start_process(folder: Path, ending: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the process of a command. It has a process group of its own, so that Ctrl-C reaches it
    through this process alone."""
    group_options: dict[str, Any] = {"process_group": 0}
    if sys.platform == "win32":
        group_options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    # Pass on the -X and -W options of this interpreter.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    command = [sys.executable, *flags, *([] if "-P" in flags else ["-P"]), "-c", CHILD_CODE]
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path])
    own_arguments = (path, str(folder), ending, str(os.getpid()))
    return subprocess.Popen([*command, *own_arguments, *arguments], **group_options)
