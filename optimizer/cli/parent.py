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

from models.language import speak, tr, using
from optimizer.analyses.registry import BY_NAME
from optimizer.cli import usage
from optimizer.errors import OutOfMemory, TimedOut, WorkerLost

SOLVING = frozenset({*BY_NAME, "brief", "explore", "rerun", "run"})  # commands that solve problems
KEEPING = frozenset({"solve", "run"})
"""Those whose best plan is kept; of the others there is what they have written by then."""
GRACE, LEAST_OVERTIME = 20.0, 30.0
"""Seconds that a search has to come back after the first Ctrl-C, and beyond its time limit where
that is less."""
TICK = 0.25  # seconds between two looks at a process
HANDLERS = (
    "import json, signal, sys; "
    "[signal.signal(getattr(signal, name), lambda *_: None) for name in ('SIGTERM', 'SIGHUP') "
    "if hasattr(signal, name)]; "
)
"""Systems send these signals to all processes, before imports have ended too: this process decides
what becomes of the other. No worker inherits a handler: they can be ended by these signals."""
BEGIN = (
    HANDLERS + "sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from optimizer.cli import child; child.begin()"
)
"""What the process of a command runs."""

Limit = Literal["time", "deaf"]
Reason = Literal["memory", "stopped"] | Limit
"""Why a process was killed: it outgrew its memory, or its time; it did not heed the first Ctrl-C;
there was a second one."""


def is_supervised(words: Sequence[str]) -> bool:
    """Whether a command line solves something, rather than shows help or reads."""
    if not sys.executable or not {"-h", "--help", "--version"}.isdisjoint(words):
        return False
    return _command(words) in SOLVING


def _command(words: Sequence[str]) -> str | None:
    """The name of the command in a command line."""
    following = iter(words)
    for word in following:
        if word == "--language":
            next(following, None)
        elif not word.startswith("-"):
            return word
    return None


def supervise(words: Sequence[str]) -> int:
    """Run a command line in a process of its own; its exit code, or what comes of its loss. This
    process takes signals from here on until it ends, which its caller does next."""
    asked = "\n".join(words).replace("--language\n", "--language=").split("\n")
    named = next((one for one in usage.LANGUAGES if f"--language={one}" in asked), None)
    with using("en"):
        with contextlib.suppress(click.UsageError):
            speak(named or usage.of_environment())
        watch = _Watch(words, _command(words) in KEEPING)
        watch.take_signals()
        try:
            return _outcome(watch)
        except OSError as error:
            return _say(tr("no process can be started: {error}", error=error), 5)


def _outcome(watch: _Watch) -> int:
    watch.follow(None)
    if watch.stopped():
        return _say(tr("interrupted"), 130)
    # An interrupt that came when the search had hardly ended may have cost its plan.
    cut_short = watch.code == 130 and watch.stops > 0 and watch.killed is None
    if watch.code is not None and not (cut_short and watch.checkpoint):
        return watch.code
    message, code, ended = _loss(watch)
    if watch.published:
        return _say(tr("{message} after the results were written", message=message), 5)
    if watch.checkpoint is None:
        return _say(message, code)
    if not cut_short:
        _say(tr("{message}; its best plan is checked and written", message=message), code)
    watch.follow({"checkpoint": watch.checkpoint, "ended": ended})
    if watch.code is not None:
        return watch.code
    return _say(tr("interrupted"), 130) if watch.stopped() else _say(_loss(watch)[0], code)


def _loss(watch: _Watch) -> tuple[str, int, str]:
    """What became of a process that gave no exit code: for people, as exit code, for a plan."""
    if watch.killed == "memory":
        limit = f"{(watch.memory or 0) / 1e6:.0f} MB"
        message = tr("the process took more than {limit} of memory and was ended", limit=limit)
        return message, OutOfMemory.exit_code, "killed: memory limit"
    if watch.killed == "time":
        message = tr("the solver did not end long after its time limit and was ended")
        return message, TimedOut.exit_code, "killed: time limit"
    if watch.killed == "deaf":
        return tr("the solver did not heed the interrupt and was ended"), 130, "killed: interrupted"
    if watch.code == 130:
        return tr("interrupted"), 130, "interrupted"
    how = f"exit code {watch.died}"
    with contextlib.suppress(ValueError):
        how = signal.Signals(-(watch.died or 0)).name
    message = tr("the process of the command has died ({how})", how=how)
    if how == "SIGKILL":
        message = tr(
            "the process of the command was killed ({how}), by a user or for lack of memory",
            how=how,
        )
    return message, WorkerLost.exit_code, f"died: {how}"


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody reads it any more
        if sys.stderr.isatty():
            click.echo(err=True)  # a line of progress may be left there
        click.echo(f"vorrat: {message}" if code in (5, 130) else message, err=True)
    return code


@dataclass
class _Watch:
    """Follows one process after the other, with signals that are taken here alone."""

    words: Sequence[str]
    keeps: bool  # whether a plan is kept
    stops: int = 0  # how often the user asked to stop
    checkpoint: dict[str, Any] | None = None
    memory: int | None = None
    published: bool = False
    killed: Reason | None = None
    code: int | None = None  # the exit code that the process announced, and then had
    died: int | None = None  # the exit code that the system gives
    _events: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    _process: subprocess.Popen[bytes] | None = None
    _searching: bool = False
    _left: dict[Limit, float] = field(default_factory=dict)
    """Seconds until the search counts as hung, or as deaf."""

    def stopped(self) -> bool:
        """Whether the user asked for an end at once."""
        return self.killed == "stopped"

    def take_signals(self) -> None:
        """Take what asks to stop, but for what was ignored from the beginning, as by nohup."""

        def stop(number: int, _frame: Any) -> None:
            self._events.put(("stop", number))

        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGTSTP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._pause if name == "SIGTSTP" else stop)

    def _pause(self, _number: int, _frame: Any) -> None:
        """Let Ctrl-Z stop the group of the command as well, until this process goes on."""
        if sys.platform != "win32" and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGSTOP)
                os.kill(os.getpid(), signal.SIGSTOP)
                os.killpg(self._process.pid, signal.SIGCONT)

    def follow(self, salvage: dict[str, Any] | None) -> None:
        """Start a process and stay with it until it has ended."""
        self.killed = self.code = self.died = None
        self._searching, self._left = False, {}
        announced: int | None = None
        process, heard, told = _started(self.words)
        self._process = process
        threading.Thread(target=self._read, args=(process, heard), daemon=True).start()
        self._tell(told, salvage)
        last = time.monotonic()
        while self.died is None:
            kind, what = self._next()
            now = time.monotonic()
            # What a stopped process or a sleeping machine has missed counts for nothing.
            missed, last = min(now - last, 4 * TICK), now
            self._left = {limit: left - missed for limit, left in self._left.items()}
            if kind == "told":
                announced = what.get("ended", announced)
                self._hear(what, salvage is not None)
            elif kind == "stop" and announced is None:
                self._stop(what, process, told)
            elif kind == "died":
                self.died = what
            if announced is None and self.killed is None:
                self._look(process)
        if self.killed is None and announced == self.died:
            self.code = announced
        with contextlib.suppress(OSError):
            told.close()

    def _next(self) -> tuple[str, Any]:
        try:
            return self._events.get(timeout=TICK)
        except queue.Empty:
            return "tick", None

    def _read(self, process: subprocess.Popen[bytes], heard: Any) -> None:
        with contextlib.suppress(OSError):
            for line in heard:
                with contextlib.suppress(ValueError):  # empty, or cut short
                    self._events.put(("told", json.loads(line)))
        heard.close()
        self._events.put(("died", process.wait()))

    def _tell(self, told: Any, message: Any) -> None:
        # The other side may have ended.
        with contextlib.suppress(OSError):
            told.write(json.dumps(message).encode() + b"\n")
            told.flush()

    def _hear(self, told: dict[str, Any], salvaging: bool) -> None:
        self.memory = told.get("memory", self.memory)
        self.published = told.get("published", self.published)
        if "seconds" in told:
            self._searching, self._left = True, {}
            limit = told["seconds"]
            if limit is not None:
                self._left["time"] = limit + max(limit, LEAST_OVERTIME)
            if self.stops and self.keeps:
                self._left["deaf"] = GRACE
        if "checkpoint" in told and not salvaging:
            self.checkpoint = told["checkpoint"] if self.keeps else None
            if told["final"]:
                # What follows ends of itself, with a plan.
                self._searching, self._left = False, {}

    def _stop(self, number: int, process: subprocess.Popen[bytes], told: Any) -> None:
        pressed = number in (signal.SIGINT, getattr(signal, "SIGBREAK", None))
        if self.stops and not pressed:
            return  # systems say it more than once, and mean it once
        self.stops += 1
        if self.stops > 1:
            self._kill(process, "stopped")
        elif self._searching or self.checkpoint is None:
            if self._searching and self.keeps:
                self._left["deaf"] = GRACE
            self._tell(told, "stop")

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        """End a process whose time is over, or that holds too much memory."""
        over: list[Reason] = [limit for limit, left in self._left.items() if left <= 0]
        if over:
            self._kill(process, min(over))
        elif self.memory is not None:
            from optimizer.parallel.watching import held

            if held(process.pid) > self.memory:
                self._kill(process, "memory")

    def _kill(self, process: subprocess.Popen[bytes], reason: Reason) -> None:
        from optimizer.parallel.watching import kill

        self.killed = reason
        if process.poll() is None:
            kill(process.pid)


def _started(words: Sequence[str]) -> tuple[subprocess.Popen[bytes], Any, Any]:
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
    command = [sys.executable, *flags, *([] if "-P" in flags else ["-P"]), "-c", BEGIN]
    path = json.dumps([str(Path(place).absolute()) for place in sys.path])
    try:
        process = subprocess.Popen(
            [*command, path, *map(str, (*numbers, os.getpid())), *words], **how
        )
    except BaseException:
        os.close(heard)
        os.close(told)
        raise
    finally:
        os.close(theirs_heard)
        os.close(theirs_told)
    return process, os.fdopen(heard, "rb"), os.fdopen(told, "wb")
