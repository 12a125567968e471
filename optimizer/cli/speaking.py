"""Which language the command line speaks.

What was asked for by an option comes first, then the environment variable, then the language of
the system where that is German; else English.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from models.language import Language, marked, speak
from optimizer.cli.usage import misused

VARIABLE = "VORRAT_LANGUAGE"
LANGUAGES: tuple[Language, ...] = get_args(Language)
_ASKED_FOR = "vorrat.language"
_GERMAN = 0x07
"""The primary language identifier of German in Windows."""

_Made = TypeVar("_Made", bound=Callable[..., Any])


def of_environment() -> Language:
    """The language that the environment asks for. Raises click.UsageError where the variable names
    none that there is."""
    named = os.environ.get(VARIABLE)
    if not named:
        return "de" if _system_is_german() else "en"
    known = next((one for one in LANGUAGES if named == one), None)
    if known is not None:
        return known
    raise misused("{variable} is '{value}'; write en or de.", variable=VARIABLE, value=named)


def _system_is_german() -> bool:
    if sys.platform == "win32":
        import ctypes

        identifier: int = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return identifier & 0x3FF == _GERMAN
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, names), "")
    return locale.replace("-", "_").partition(".")[0].partition("@")[0].partition("_")[0] == "de"


def asked_for() -> Language | None:
    """The language that an option asked for, if any did."""
    found: Language | None = click.get_current_context().meta.get(_ASKED_FOR)
    return found


def for_machines() -> None:
    """Speak English to a program, unless an option asked for a language."""
    if asked_for() is None:
        speak("en")


def take(ctx: click.Context, _option: click.Parameter, value: Language | None) -> None:
    """Speak the language that an option asks for from here on."""
    if value is not None and not ctx.resilient_parsing:
        ctx.meta[_ASKED_FOR] = value
        speak(value)


def option(what: str) -> Callable[[_Made], _Made]:
    """The option ``--language`` with its help, which holds from there on."""
    return click.option(
        "--language",
        type=click.Choice(LANGUAGES),
        is_eager=True,
        expose_value=False,
        callback=take,
        help=what,
    )


language_option = option(
    marked("Language of what is written; that of the system if it is German, else English.")
)
