"""The language of the command line, and help and usage errors in it.

The language is that of an option, else of the environment variable, else German if the system is
German, else English. Texts of click are translated here: headings and options of help, and messages
of exceptions, recognized by class or by pattern."""

import copy
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import click

from models.language import (
    LANGUAGES,
    Language,
    current_language,
    mark_translatable,
    set_language,
    tr,
)

_AnyCommand = TypeVar("_AnyCommand", bound=click.Command)
PROGRAM = "vorrat"
COMMAND_ARGUMENTS_KEY = "vorrat.arguments"
"""Key of ``click.Context.meta`` for the arguments after the name of the command."""


def installed_version() -> str | None:
    """Return the installed version of Vorrat; None in a source tree that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    with suppress(PackageNotFoundError):
        return version(PROGRAM)
    return None


class LocalizedFormatter(click.HelpFormatter):
    """Help formatter of click with headings in the current language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line of a command."""
        translations = {"[OPTIONS]": tr("[OPTIONS]"), "COMMAND [ARGS]...": tr("COMMAND [ARGS]...")}
        for english, translated in translations.items():
            args = args.replace(english, translated)
        super().write_usage(prog, args, tr("Usage: "))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        headings = {"Options": tr("Options"), "Commands": tr("Commands")}
        super().write_heading(headings.get(heading, heading))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of options or commands, each with its help."""
        translations = {"[default: ": tr("[default: ")}
        translations["Show this message and exit."] = tr("Show this message and exit.")
        translated_rows = []
        for name, text in rows:
            for english, translated in translations.items():
                text = text.replace(english, translated)
            translated_rows.append((name, text))
        super().write_dl(translated_rows, col_max, col_spacing)


class LocalizedContext(click.Context):
    """A click context that formats help in the current language."""

    formatter_class = LocalizedFormatter


def localized(command: _AnyCommand) -> _AnyCommand:
    """Return a copy of a command whose help is in the current language."""
    translated = copy.copy(command)
    translated.context_class = LocalizedContext
    translated.help = tr(inspect.cleandoc(command.help)) if command.help else command.help
    translated.epilog = tr(command.epilog) if command.epilog else command.epilog
    translated.params = [copy.copy(param) for param in command.params]
    for param in translated.params:
        if isinstance(param, click.Option) and param.help:
            param.help = tr(param.help)
    return translated


def usage_error(text: str, /, **values: object) -> click.UsageError:
    """Return a usage error with the translation of ``text``, into which ``values`` are inserted."""
    return click.UsageError(tr(text, **values))


def announce(text: str, /, **values: object) -> None:
    """Print the translation of ``text``, into which ``values`` are inserted, to stderr."""
    click.echo(tr(text, **values), err=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print a usage error to stderr."""
    if current_language() == "en":
        error.show()
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
        announce("Try '{command}' for help.", command=f"{context.command_path} --help")
        click.echo(err=True)
    announce("Error: {message}", message=_error_message(error))


def _error_message(error: click.ClickException) -> str:
    """Return the translated message of an error."""
    if isinstance(error, click.NoSuchOption):
        message = tr("there is no option '{option}'.", option=error.option_name)
        if error.possibilities:
            suggestions = ", ".join(sorted(error.possibilities))
            message += " " + tr("Did you mean {names}?", names=suggestions)
        return message
    if isinstance(error, click.BadParameter) and error.param is not None:
        parameter_name = error.param.get_error_hint(error.ctx) if error.ctx else error.param.name
        if isinstance(error, click.MissingParameter):
            if isinstance(error.param, click.Argument):
                return tr("argument {name} is missing.", name=parameter_name)
            return tr("option {name} is missing.", name=parameter_name)
        return tr(
            "{name}: {problem}", name=parameter_name, problem=_translate_message(error.message)
        )
    return _translate_message(error.message)


_CLICK_MESSAGES = {
    "<value> is not a valid integer( range)?.": mark_translatable("{value} is not a whole number."),
    "<value> is not a valid float( range)?.": mark_translatable("{value} is not a number."),
    "<value> is not in the range <range>.": mark_translatable(
        "{value} is not in the range {range}."
    ),
    "<value> is not one of <choices>.": mark_translatable("{value} is none of {choices}."),
    "(Directory|File|Path) <path> is a file.": mark_translatable("{path} is a file."),
    "Option <option> requires an argument.": mark_translatable("option {option} needs a value."),
    "Option <option> does not take a value.": mark_translatable("option {option} takes no value."),
    r"Got unexpected extra arguments? \(<values>\)": mark_translatable(
        "nothing is expected after this: {values}"
    ),
    "Missing command.": mark_translatable("Missing command."),
}
"""Messages of click as patterns, and their translatable replacements."""


def _translate_message(message: str) -> str:
    for pattern, template in _CLICK_MESSAGES.items():
        match = re.fullmatch(re.sub(r"<(\w+)>", r"(?P<\1>.*)", pattern), message)
        if match:
            return tr(template, **match.groupdict())
    return message


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
    mark_translatable(
        "Language of the output; by default German if the system is German, else English."
    )
)
