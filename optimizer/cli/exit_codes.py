"""Exit codes of commands, and the messages of errors that end them."""

import errno
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

import click

from models.faults import ScenarioError, VorratError
from models.input_log import log_inputs
from optimizer.cli import child_process, usage

Answer = TypeVar("Answer")
NO_SPACE_ERRNOS = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Error numbers for a full disk, a file that is too large and an exceeded quota."""


def run_isolated(call: Callable[[], Any]) -> int:
    """Call the function of a command and return its exit code, which is 0 unless the function
    returns one. The call has its own log of inputs, settings that it makes, such as the engine, end
    with it, and an error is printed to stderr."""
    with log_inputs():
        return copy_context().run(_exit_code_of, call)


def run_nested(call: Callable[[], tuple[int, Answer]]) -> tuple[int, Answer | None]:
    """Call a function of another command from within a command, isolated from it. Return the exit
    code and the answer of the function; the answer is None after an error, which is printed."""
    answers: list[Answer] = []

    def run() -> int:
        code, answer = call()
        answers.append(answer)
        return code

    code = run_isolated(run)
    return code, answers[0] if answers else None


def _exit_code_of(call: Callable[[], Any]) -> int:
    try:
        result = call()
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return report_interrupted()
    except click.ClickException as error:
        error.show()
        return 2
    except ScenarioError as error:
        from optimizer.cli import diagnostics

        diagnostics.show_faults_and_count(error.faults)
        return error.exit_code
    except VorratError as error:
        return _print_error(str(error), error.exit_code)
    except OSError as error:
        is_disk_full = error.errno in NO_SPACE_ERRNOS and error.filename is None
        return (
            _report_output_failure(error)
            if is_disk_full or isinstance(error, BrokenPipeError)
            else report_unexpected(error)
        )
    except SystemExit as error:
        return error.code if isinstance(error.code, int) and error.code != 1 else 5
    except BaseException as error:
        return report_unexpected(error)
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def flush_output(exit_code: int) -> int:
    """Flush stdout; return the exit code of the command, or 5 if writing fails."""
    try:
        with suppress(AttributeError, ValueError):  # stdout is missing or closed
            sys.stdout.flush()
    except OSError as error:
        return _report_output_failure(error)
    return exit_code


def _report_output_failure(error: OSError) -> int:
    """Report that stdout or a temporary file cannot be written; report nothing if the reader of a
    pipe has gone. Return exit code 5."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 5
    problem = str(error.strerror)
    return _print_error(f"standard output or a temporary file cannot be written: {problem}", 5)


def report_unexpected(error: BaseException) -> int:
    """Report an error that no command expects. Return exit code 5, or 130 if the user has asked to
    stop."""
    if os.environ.get("VORRAT_TRACEBACK") == "1":
        traceback.print_exc()
    if child_process.was_stop_requested():
        # An interrupt during the import of a library can surface as another error.
        return report_interrupted()
    details = {"error": type(error).__name__, "message": (str(error).splitlines() or [""])[0]}
    return _print_error(
        "unexpected {error}: {message} (VORRAT_TRACEBACK=1 shows where)".format(**details), 5
    )


def report_interrupted() -> int:
    """Report that the user stopped the command; return its exit code."""
    return _print_error("interrupted", 130)


def _print_error(message: str, exit_code: int) -> int:
    click.echo(
        f"{usage.PROGRAM}: {message}" if exit_code == 130 or exit_code == 5 else message, err=True
    )
    return exit_code
