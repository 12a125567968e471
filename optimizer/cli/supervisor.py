"""A small process that starts a command in another one, and outlives what happens to that.

A solver may crash, hang, take all memory, or not hear of Ctrl-C. So commands that solve run in a
process of their own that can be killed, and what ``solve`` and ``run`` have found by then is kept
here: a third process checks and writes it. Nothing of weight is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from models.language import set_language, tr, using
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import usage
from optimizer.errors import OutOfMemory, TimedOut, WorkerDied

SUPERVISED_COMMANDS = frozenset(
    {*ANALYSES_BY_NAME, "brief", "explore", "rerun", "run"}
)  # commands that solve problems
CHECKPOINTED_COMMANDS = frozenset({"solve", "run"})
"""Those whose best plan is kept; of the others there is what they have written by then."""
INTERRUPT_GRACE, MIN_OVERTIME = 20.0, 30.0
"""Seconds that a search has to come back after the first Ctrl-C, and beyond its time limit where
that is less."""
POLL_SECONDS = 0.25  # seconds between two looks at a process
SIGNAL_HANDLER_CODE = (
    "import json, signal, sys; "
    "[signal.signal(getattr(signal, name), lambda *_: None) for name in ('SIGTERM', 'SIGHUP') "
    "if hasattr(signal, name)]; "
)
"""Systems send these signals to all processes, before imports have ended too: this process decides
what becomes of the other. No worker inherits a handler: they can be ended by these signals."""
CHILD_CODE = (
    SIGNAL_HANDLER_CODE + "sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from optimizer.cli import child_process; child_process.run_supervised()"
)
"""What the process of a command runs."""

TimeLimitKind = Literal["time", "deaf"]
KillReason = Literal["memory", "stopped"] | TimeLimitKind
"""Why a process was killed: it outgrew its memory, or its time; it did not heed the first Ctrl-C;
there was a second one."""


def needs_supervision(arguments: Sequence[str]) -> bool:
    """Whether a command line solves something, rather than shows help or reads."""
    if not sys.executable or not {"-h", "--help", "--version"}.isdisjoint(arguments):
        return False
    return _command_name(arguments) in SUPERVISED_COMMANDS


def _command_name(arguments: Sequence[str]) -> str | None:
    """The name of the command in a command line."""
    following = iter(arguments)
    for word in following:
        if word == "--language":
            next(following, None)
        elif not word.startswith("-"):
            return word
    return None


def supervise(arguments: Sequence[str]) -> int:
    """Run a command line in a process of its own; its exit code, or what comes of its loss. This
    process takes signals from here on until it ends, which its caller does next."""
    asked = "\n".join(arguments).replace("--language\n", "--language=").split("\n")
    named = next((one for one in usage.LANGUAGES if f"--language={one}" in asked), None)
    with using("en"):
        with contextlib.suppress(click.UsageError):
            set_language(named or usage.environment_language())
        watch = _ProcessWatch(arguments, _command_name(arguments) in CHECKPOINTED_COMMANDS)
        watch.install_signal_handlers()
        try:
            return _supervised_exit_code(watch)
        except OSError as error:
            return _print_error(tr("no process can be started: {error}", error=error), 5)


def _supervised_exit_code(watch: _ProcessWatch) -> int:
    watch.follow_process(None)
    if watch.was_killed_by_user():
        return _print_error(tr("interrupted"), 130)
    # An interrupt that came when the search had hardly ended may have cost its plan.
    cut_short = watch.exit_code == 130 and watch.stop_count > 0 and watch.kill_reason is None
    if watch.exit_code is not None and not (cut_short and watch.checkpoint):
        return watch.exit_code
    message, code, ended = _describe_loss(watch)
    if watch.is_published:
        return _print_error(tr("{message} after the results were written", message=message), 5)
    if watch.checkpoint is None:
        return _print_error(message, code)
    if not cut_short:
        _print_error(tr("{message}; its best plan is checked and written", message=message), code)
    watch.follow_process({"checkpoint": watch.checkpoint, "ended": ended})
    if watch.exit_code is not None:
        return watch.exit_code
    return (
        _print_error(tr("interrupted"), 130)
        if watch.was_killed_by_user()
        else _print_error(_describe_loss(watch)[0], code)
    )


def _describe_loss(watch: _ProcessWatch) -> tuple[str, int, str]:
    """What became of a process that gave no exit code: for people, as exit code, for a plan."""
    if watch.kill_reason == "memory":
        limit = f"{(watch.memory_limit or 0) / 1e6:.0f} MB"
        message = tr("the process took more than {limit} of memory and was ended", limit=limit)
        return message, OutOfMemory.exit_code, "killed: memory limit"
    if watch.kill_reason == "time":
        message = tr("the solver did not end long after its time limit and was ended")
        return message, TimedOut.exit_code, "killed: time limit"
    if watch.kill_reason == "deaf":
        return tr("the solver did not heed the interrupt and was ended"), 130, "killed: interrupted"
    if watch.exit_code == 130:
        return tr("interrupted"), 130, "interrupted"
    how = f"exit code {watch.system_exit_code}"
    with contextlib.suppress(ValueError):
        how = signal.Signals(-(watch.system_exit_code or 0)).name
    message = tr("the process of the command has died ({how})", how=how)
    if how == "SIGKILL":
        message = tr(
            "the process of the command was killed ({how}), by a user or for lack of memory",
            how=how,
        )
    return message, WorkerDied.exit_code, f"died: {how}"


def _print_error(message: str, exit_code: int) -> int:
    with contextlib.suppress(OSError):  # nobody reads it any more
        if sys.stderr.isatty():
            click.echo(err=True)  # a line of progress may be left there
        click.echo(f"vorrat: {message}" if exit_code in (5, 130) else message, err=True)
    return exit_code


@dataclass
class _ProcessWatch:
    """Follows one process after the other, with signals that are taken here alone."""

    arguments: Sequence[str]
    keeps_plan: bool  # whether a plan is kept
    stop_count: int = 0  # how often the user asked to stop
    checkpoint: dict[str, Any] | None = None
    memory_limit: int | None = None
    is_published: bool = False
    kill_reason: KillReason | None = None
    exit_code: int | None = None  # the exit code that the process announced, and then had
    system_exit_code: int | None = None  # the exit code that the system gives
    _events: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    _process: subprocess.Popen[bytes] | None = None
    _is_searching: bool = False
    _seconds_left: dict[TimeLimitKind, float] = field(default_factory=dict)
    """Seconds until the search counts as hung, or as deaf."""

    def was_killed_by_user(self) -> bool:
        """Whether the user asked for an end at once."""
        return self.kill_reason == "stopped"

    def install_signal_handlers(self) -> None:
        """Take what asks to stop, but for what was ignored from the beginning, as by nohup."""

        def stop(number: int, _frame: Any) -> None:
            self._events.put(("stop", number))

        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGTSTP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._pause_group if name == "SIGTSTP" else stop)

    def _pause_group(self, _number: int, _frame: Any) -> None:
        """Let Ctrl-Z stop the group of the command as well, until this process goes on."""
        if sys.platform != "win32" and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGSTOP)
                os.kill(os.getpid(), signal.SIGSTOP)
                os.killpg(self._process.pid, signal.SIGCONT)

    def follow_process(self, salvage: dict[str, Any] | None) -> None:
        """Start a process and stay with it until it has ended."""
        self.kill_reason = self.exit_code = self.system_exit_code = None
        self._is_searching, self._seconds_left = False, {}
        announced: int | None = None
        process, heard, told = _start_process(self.arguments)
        self._process = process
        threading.Thread(target=self._read_messages, args=(process, heard), daemon=True).start()
        self._send(told, salvage)
        last = time.monotonic()
        while self.system_exit_code is None:
            kind, what = self._next_event()
            now = time.monotonic()
            # What a stopped process or a sleeping machine has missed counts for nothing.
            missed, last = min(now - last, 4 * POLL_SECONDS), now
            self._seconds_left = {
                limit: left - missed for limit, left in self._seconds_left.items()
            }
            if kind == "told":
                announced = what.get("ended", announced)
                self._handle_message(what, salvage is not None)
            elif kind == "stop" and announced is None:
                self._handle_stop(what, process, told)
            elif kind == "died":
                self.system_exit_code = what
            if announced is None and self.kill_reason is None:
                self._check_limits(process)
        if self.kill_reason is None and announced == self.system_exit_code:
            self.exit_code = announced
        with contextlib.suppress(OSError):
            told.close()

    def _next_event(self) -> tuple[str, Any]:
        try:
            return self._events.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return "tick", None

    def _read_messages(self, process: subprocess.Popen[bytes], incoming: Any) -> None:
        with contextlib.suppress(OSError):
            for line in incoming:
                with contextlib.suppress(ValueError):  # empty, or cut short
                    self._events.put(("told", json.loads(line)))
        incoming.close()
        self._events.put(("died", process.wait()))

    def _send(self, outgoing: Any, message: Any) -> None:
        # The other side may have ended.
        with contextlib.suppress(OSError):
            outgoing.write(json.dumps(message).encode() + b"\n")
            outgoing.flush()

    def _handle_message(self, message: dict[str, Any], is_salvaging: bool) -> None:
        self.memory_limit = message.get("memory", self.memory_limit)
        self.is_published = message.get("published", self.is_published)
        if "seconds" in message:
            self._is_searching, self._seconds_left = True, {}
            limit = message["seconds"]
            if limit is not None:
                self._seconds_left["time"] = limit + max(limit, MIN_OVERTIME)
            if self.stop_count and self.keeps_plan:
                self._seconds_left["deaf"] = INTERRUPT_GRACE
        if "checkpoint" in message and not is_salvaging:
            self.checkpoint = message["checkpoint"] if self.keeps_plan else None
            if message["final"]:
                # What follows ends of itself, with a plan.
                self._is_searching, self._seconds_left = False, {}

    def _handle_stop(
        self, signal_number: int, process: subprocess.Popen[bytes], outgoing: Any
    ) -> None:
        pressed = signal_number in (signal.SIGINT, getattr(signal, "SIGBREAK", None))
        if self.stop_count and not pressed:
            return  # systems say it more than once, and mean it once
        self.stop_count += 1
        if self.stop_count > 1:
            self._kill(process, "stopped")
        elif self._is_searching or self.checkpoint is None:
            if self._is_searching and self.keeps_plan:
                self._seconds_left["deaf"] = INTERRUPT_GRACE
            self._send(outgoing, "stop")

    def _check_limits(self, process: subprocess.Popen[bytes]) -> None:
        """End a process whose time is over, or that holds too much memory."""
        over: list[KillReason] = [limit for limit, left in self._seconds_left.items() if left <= 0]
        if over:
            self._kill(process, min(over))
        elif self.memory_limit is not None:
            from optimizer.parallel.process_limits import resident_memory

            if resident_memory(process.pid) > self.memory_limit:
                self._kill(process, "memory")

    def _kill(self, process: subprocess.Popen[bytes], reason: KillReason) -> None:
        from optimizer.parallel.process_limits import kill_process_tree

        self.kill_reason = reason
        if process.poll() is None:
            kill_process_tree(process.pid)


def _start_process(arguments: Sequence[str]) -> tuple[subprocess.Popen[bytes], Any, Any]:
    """The process of a command, and the pipes from it and to it."""
    heard, theirs_told = os.pipe()
    theirs_heard, told = os.pipe()
    theirs = theirs_heard, theirs_told
    # Ctrl-C comes to it through the pipe alone.
    how: dict[str, Any] = {"pass_fds": theirs, "process_group": 0}
    numbers = list(theirs)
    if sys.platform == "win32":
        import msvcrt

        numbers = [msvcrt.get_osfhandle(end) for end in theirs]
        for number in numbers:
            os.set_handle_inheritable(number, True)
        how = {"close_fds": False, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    # What -X and -W asked of Python holds for both.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    command = [sys.executable, *flags, *([] if "-P" in flags else ["-P"]), "-c", CHILD_CODE]
    path = json.dumps([str(Path(place).absolute()) for place in sys.path])
    try:
        process = subprocess.Popen(
            [*command, path, *map(str, (*numbers, os.getpid())), *arguments], **how
        )
    except BaseException:
        os.close(heard)
        os.close(told)
        raise
    finally:
        os.close(theirs_heard)
        os.close(theirs_told)
    return process, os.fdopen(heard, "rb"), os.fdopen(told, "wb")
