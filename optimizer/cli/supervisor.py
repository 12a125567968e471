"""A small process that runs a command in a child process and survives if the child fails.

A solver may crash, hang, exhaust memory or not react to Ctrl-C. So commands that solve problems run
in a process that can be killed. The best plan that ``solve`` and ``run`` have found so far is kept
here; if their process is lost, another one checks this plan and writes it. No large module is
imported here.
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

from models.language import LANGUAGES, set_language, tr, using
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import usage
from optimizer.errors import OutOfMemory, TimedOut, WorkerDied

SUPERVISED_COMMANDS = frozenset({*ANALYSES_BY_NAME, "brief", "explore", "rerun", "run", "verify"})
"""Commands that solve problems."""
CHECKPOINTED_COMMANDS = frozenset({"solve", "run"})
"""Commands whose best plan is kept. Of others only the files remain that were written so far."""
INTERRUPT_GRACE, MIN_OVERTIME = 20.0, 30.0
"""Seconds that a search has to return after the first Ctrl-C, and minimal seconds that it may
exceed its time limit."""
POLL_SECONDS = 0.25  # seconds between two checks of a process
SIGNAL_HANDLER_CODE = (
    "import json, signal, sys; "
    "[signal.signal(getattr(signal, name), lambda *_: None) for name in ('SIGTERM', 'SIGHUP') "
    "if hasattr(signal, name)]; "
)
"""Code that ignores these signals from the start. Systems send them to all processes, and this
process decides what becomes of the other. Workers do not inherit the handlers and can be ended by
these signals."""
CHILD_CODE = (
    SIGNAL_HANDLER_CODE + "sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from optimizer import cli; cli.run_supervised()"
)
"""Code that the process of a command runs."""

TimeLimitKind = Literal["time", "deaf"]
KillReason = Literal["memory", "stopped"] | TimeLimitKind
"""Why a process was killed: it exceeded its memory or time, it did not react to the first Ctrl-C,
or there was a second one."""


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
    words = "\n".join(arguments).replace("--language\n", "--language=").split("\n")
    language = next(
        (candidate for candidate in LANGUAGES if f"--language={candidate}" in words), None
    )
    with using("en"):
        with contextlib.suppress(click.UsageError):
            set_language(language or usage.environment_language())
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
    # An interrupt just after the end of the search may have lost its plan.
    cut_short = watch.exit_code == 130 and watch.stop_count > 0 and watch.kill_reason is None
    if watch.exit_code is not None and not (cut_short and watch.checkpoint):
        return watch.exit_code
    message, code, ending = _describe_loss(watch)
    if watch.is_published:
        return _print_error(tr("{message} after the results were written", message=message), 5)
    if watch.checkpoint is None:
        return _print_error(message, code)
    if not cut_short:
        _print_error(tr("{message}; its best plan is checked and written", message=message), code)
    watch.follow_process({"checkpoint": watch.checkpoint, "ended": ending})
    if watch.exit_code is not None:
        return watch.exit_code
    return (
        _print_error(tr("interrupted"), 130)
        if watch.was_killed_by_user()
        else _print_error(_describe_loss(watch)[0], code)
    )


def _describe_loss(watch: _ProcessWatch) -> tuple[str, int, str]:
    """Return a message, an exit code, and the text for ``ended`` in a plan, for a process that
    ended without reporting an exit code."""
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
    cause = f"exit code {watch.system_exit_code}"
    with contextlib.suppress(ValueError):
        cause = signal.Signals(-(watch.system_exit_code or 0)).name
    message = tr("the process of the command has died ({how})", how=cause)
    if cause == "SIGKILL":
        message = tr(
            "the process of the command was killed ({how}), by a user or for lack of memory",
            how=cause,
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
    """Runs processes of a command one after the other, and handles signals for them."""

    arguments: Sequence[str]
    keeps_checkpoints: bool
    stop_count: int = 0  # how often the user asked to stop
    checkpoint: dict[str, Any] | None = None
    memory_limit: int | None = None
    is_published: bool = False
    kill_reason: KillReason | None = None
    exit_code: int | None = None  # announced by the process and confirmed by the system
    system_exit_code: int | None = None  # reported by the system
    _events: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    _process: subprocess.Popen[bytes] | None = None
    _is_searching: bool = False
    _seconds_left: dict[TimeLimitKind, float] = field(default_factory=dict)
    """Seconds until the search counts as hung, or as not reacting to an interrupt."""

    def was_killed_by_user(self) -> bool:
        """Return whether the process was killed because the user asked twice to stop."""
        return self.kill_reason == "stopped"

    def install_signal_handlers(self) -> None:
        """Handle the signals that ask a process to stop. Signals that were ignored at the start, as
        under nohup, stay ignored."""

        def stop(number: int, _frame: Any) -> None:
            self._events.put(("stop", number))

        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGTSTP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._pause_group if name == "SIGTSTP" else stop)

    def _pause_group(self, _number: int, _frame: Any) -> None:
        """Stop the process group of the command after Ctrl-Z, until this process continues."""
        if sys.platform != "win32" and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGSTOP)
                os.kill(os.getpid(), signal.SIGSTOP)
                os.killpg(self._process.pid, signal.SIGCONT)

    def follow_process(self, saved_progress: dict[str, Any] | None) -> None:
        """Start a process of the command and watch it until it ends. ``saved_progress``, which is
        passed to it, is the checkpoint of a lost process and how that ended, or None."""
        self.kill_reason = self.exit_code = self.system_exit_code = None
        self._is_searching, self._seconds_left = False, {}
        announced_code: int | None = None
        process, incoming, outgoing = _start_process(self.arguments)
        self._process = process
        threading.Thread(target=self._read_messages, args=(process, incoming), daemon=True).start()
        self._send(outgoing, saved_progress)
        last_time = time.monotonic()
        while self.system_exit_code is None:
            kind, content = self._next_event()
            current_time = time.monotonic()
            # Time while this process or the machine was suspended does not count.
            elapsed, last_time = min(current_time - last_time, 4 * POLL_SECONDS), current_time
            self._seconds_left = {
                limit: seconds_left - elapsed for limit, seconds_left in self._seconds_left.items()
            }
            if kind == "message":
                announced_code = content.get("ended", announced_code)
                self._handle_message(content, saved_progress is not None)
            elif kind == "stop" and announced_code is None:
                self._handle_stop(content, process, outgoing)
            elif kind == "died":
                self.system_exit_code = content
            if announced_code is None and self.kill_reason is None:
                self._check_limits(process)
        if self.kill_reason is None and announced_code == self.system_exit_code:
            self.exit_code = announced_code
        with contextlib.suppress(OSError):
            outgoing.close()

    def _next_event(self) -> tuple[str, Any]:
        try:
            return self._events.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return "tick", None

    def _read_messages(self, process: subprocess.Popen[bytes], incoming: Any) -> None:
        with contextlib.suppress(OSError):
            for line in incoming:
                with contextlib.suppress(ValueError):  # empty, or cut short
                    self._events.put(("message", json.loads(line)))
        incoming.close()
        self._events.put(("died", process.wait()))

    def _send(self, outgoing: Any, message: Any) -> None:
        # The other side may have ended.
        with contextlib.suppress(OSError):
            outgoing.write(json.dumps(message).encode() + b"\n")
            outgoing.flush()

    def _handle_message(self, message: dict[str, Any], is_recovery: bool) -> None:
        self.memory_limit = message.get("memory", self.memory_limit)
        self.is_published = message.get("published", self.is_published)
        if "seconds" in message:
            self._is_searching, self._seconds_left = True, {}
            limit = message["seconds"]
            if limit is not None:
                self._seconds_left["time"] = limit + max(limit, MIN_OVERTIME)
            if self.stop_count and self.keeps_checkpoints:
                self._seconds_left["deaf"] = INTERRUPT_GRACE
        if "checkpoint" in message and not is_recovery:
            self.checkpoint = message["checkpoint"] if self.keeps_checkpoints else None
            if message["final"]:
                # The search is over; writing the plan needs no time limit.
                self._is_searching, self._seconds_left = False, {}

    def _handle_stop(
        self, signal_number: int, process: subprocess.Popen[bytes], outgoing: Any
    ) -> None:
        is_key_press = signal_number in (signal.SIGINT, getattr(signal, "SIGBREAK", None))
        if self.stop_count and not is_key_press:
            return  # systems may send such a signal several times for one request
        self.stop_count += 1
        if self.stop_count > 1:
            self._kill(process, "stopped")
        elif self._is_searching or self.checkpoint is None:
            if self._is_searching and self.keeps_checkpoints:
                self._seconds_left["deaf"] = INTERRUPT_GRACE
            self._send(outgoing, "stop")

    def _check_limits(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process that has exceeded its time or memory."""
        exceeded_limits: list[KillReason] = [
            limit for limit, seconds_left in self._seconds_left.items() if seconds_left <= 0
        ]
        if exceeded_limits:
            self._kill(process, min(exceeded_limits))
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
    """Start the process of a command. Return it with two pipes: from it, and to it."""
    incoming, child_outgoing = os.pipe()
    child_incoming, outgoing = os.pipe()
    child_pipes = child_incoming, child_outgoing
    # A process group of its own, so that Ctrl-C reaches it through the pipe alone.
    process_options: dict[str, Any] = {"pass_fds": child_pipes, "process_group": 0}
    pipe_handles = list(child_pipes)
    if sys.platform == "win32":
        import msvcrt

        pipe_handles = [msvcrt.get_osfhandle(pipe) for pipe in child_pipes]
        for handle in pipe_handles:
            os.set_handle_inheritable(handle, True)
        process_options = {"close_fds": False, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    # Pass on the -X and -W options of this interpreter.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    command = [sys.executable, *flags, *([] if "-P" in flags else ["-P"]), "-c", CHILD_CODE]
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path])
    try:
        process = subprocess.Popen(
            [*command, path, *map(str, (*pipe_handles, os.getpid())), *arguments], **process_options
        )
    except BaseException:
        os.close(incoming)
        os.close(outgoing)
        raise
    finally:
        os.close(child_incoming)
        os.close(child_outgoing)
    return process, os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")
