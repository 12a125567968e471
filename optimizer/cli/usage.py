"""The language of results, and messages of the command line.

The language is that of an option, else of the environment variable, else German if the system is
German, else English. Messages and help are in English."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

from models.language import LANGUAGES, Language, set_language

PROGRAM = "vorrat"
COMMAND_ARGUMENTS_KEY = "vorrat.arguments"
"""Key of ``click.Context.meta`` for the arguments after the name of the command."""


def installed_version() -> str | None:
    """Return the installed version of Vorrat; None in a source tree that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    with suppress(PackageNotFoundError):
        return version(PROGRAM)
    return None


def usage_error(text: str, /, **values: object) -> click.UsageError:
    """Return a usage error with ``text``, into which ``values`` are inserted."""
    return click.UsageError(text.format(**values))


def announce(text: str, /, **values: object) -> None:
    """Print ``text``, into which ``values`` are inserted, to stderr."""
    click.echo(text.format(**values), err=True)


LANGUAGE_VARIABLE = "VORRAT_LANGUAGE"
_REQUESTED_LANGUAGE_KEY = "vorrat.language"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def environment_language() -> Language:
    """Return the language that VORRAT_LANGUAGE states, else German if the system is German, else
    English. Raise click.UsageError if the variable names an unknown language."""
    requested_code = os.environ.get(LANGUAGE_VARIABLE)
    if not requested_code:
        return "de" if _system_is_german() else "en"
    if requested_code not in LANGUAGES:
        raise usage_error(
            "{variable} is '{value}'; write en or de.",
            variable=LANGUAGE_VARIABLE,
            value=requested_code,
        )
    return requested_code


def _system_is_german() -> bool:
    if sys.platform == "win32":
        import ctypes

        identifier: int = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return identifier & 0x3FF == 0x07  # the primary language of German
    locale_names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return re.match(r"de(?![A-Za-z])", next(filter(None, locale_names), "")) is not None


def requested_language() -> Language | None:
    """Return the language that an option states; None if there is no such option."""
    language: Language | None = click.get_current_context().meta.get(_REQUESTED_LANGUAGE_KEY)
    return language


def apply_language(ctx: click.Context, _option: click.Parameter, value: Language | None) -> None:
    """Switch to the language that the option states."""
    if value is not None and not ctx.resilient_parsing:
        ctx.meta[_REQUESTED_LANGUAGE_KEY] = value
        set_language(value)


def make_language_option(help_text: str) -> Callable[[_Command], _Command]:
    """Return the option ``--language`` with this help text."""
    return click.option(
        "--language",
        type=click.Choice(LANGUAGES),
        is_eager=True,
        expose_value=False,
        callback=apply_language,
        help=help_text,
    )


language_option = make_language_option(
    "Language of results; by default German if the system is German, else English."
)
