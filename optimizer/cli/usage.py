"""Which language the command line speaks, and help and usage errors in it.

An option comes first, then the environment variable, then the language of the system where that is
German; else English. What click says in English is put into German here: headings and options of a
help text, and its exceptions, told apart by their class or their wording.
"""

import copy
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args

import click

from models.language import Language, current_language, mark_translatable, set_language, tr

_AnyCommand = TypeVar("_AnyCommand", bound=click.Command)


class LocalizedFormatter(click.HelpFormatter):
    """Writes help with the headings of the language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        own = {"[OPTIONS]": tr("[OPTIONS]"), "COMMAND [ARGS]...": tr("COMMAND [ARGS]...")}
        for english, said in own.items():
            args = args.replace(english, said)
        super().write_usage(prog, args, tr("Usage: "))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        headings = {"Options": tr("Options"), "Commands": tr("Commands")}
        super().write_heading(headings.get(heading, heading))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options or commands and what they do."""
        own = {"[default: ": tr("[default: ")}
        own["Show this message and exit."] = tr("Show this message and exit.")
        said = []
        for name, text in rows:
            for english, ours in own.items():
                text = text.replace(english, ours)
            said.append((name, text))
        super().write_dl(said, col_max, col_spacing)


class LocalizedContext(click.Context):
    """A context whose help is written in the current language."""

    formatter_class = LocalizedFormatter


def localized(command: _AnyCommand) -> _AnyCommand:
    """A copy of a command whose help is in the current language."""
    made = copy.copy(command)
    made.context_class = LocalizedContext
    made.help = tr(inspect.cleandoc(command.help)) if command.help else command.help
    made.epilog = tr(command.epilog) if command.epilog else command.epilog
    made.params = [copy.copy(param) for param in command.params]
    for param in made.params:
        if isinstance(param, click.Option) and param.help:
            param.help = tr(param.help)
    return made


def usage_error(text: str, /, **values: object) -> click.UsageError:
    """An error of usage: a text in the current language, with values put into it."""
    return click.UsageError(tr(text, **values))


def announce(text: str, /, **values: object) -> None:
    """Print a text to stderr, in the current language."""
    click.echo(tr(text, **values), err=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print an error of usage to stderr."""
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
    """The message of an error, without the words around it."""
    if isinstance(error, click.NoSuchOption):
        message = tr("there is no option '{option}'.", option=error.option_name)
        if error.possibilities:
            near = ", ".join(sorted(error.possibilities))
            message += " " + tr("Did you mean {names}?", names=near)
        return message
    if isinstance(error, click.BadParameter) and error.param is not None:
        named = error.param.get_error_hint(error.ctx) if error.ctx else error.param.name
        if isinstance(error, click.MissingParameter):
            if isinstance(error.param, click.Argument):
                return tr("argument {name} is missing.", name=named)
            return tr("option {name} is missing.", name=named)
        return tr("{name}: {problem}", name=named, problem=_translate_message(error.message))
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
"""What click says of a value or an argument, as a pattern, and how it is said here."""


def _translate_message(message: str) -> str:
    for pattern, said in _CLICK_MESSAGES.items():
        found = re.fullmatch(re.sub(r"<(\w+)>", r"(?P<\1>.*)", pattern), message)
        if found:
            return tr(said, **found.groupdict())
    return message


LANGUAGE_VARIABLE = "VORRAT_LANGUAGE"
LANGUAGES: tuple[Language, ...] = get_args(Language)
_REQUESTED_LANGUAGE_KEY = "vorrat.language"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def environment_language() -> Language:
    """The language that the environment asks for. Raises click.UsageError where the variable names
    none that there is."""
    named = os.environ.get(LANGUAGE_VARIABLE)
    if not named:
        return "de" if _system_is_german() else "en"
    if named not in LANGUAGES:
        raise usage_error(
            "{variable} is '{value}'; write en or de.", variable=LANGUAGE_VARIABLE, value=named
        )
    return named


def _system_is_german() -> bool:
    if sys.platform == "win32":
        import ctypes

        identifier: int = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return identifier & 0x3FF == 0x07  # the primary language of German
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return re.match(r"de(?![A-Za-z])", next(filter(None, names), "")) is not None


def requested_language() -> Language | None:
    """The language that an option asked for, if any did."""
    found: Language | None = click.get_current_context().meta.get(_REQUESTED_LANGUAGE_KEY)
    return found


def apply_language(ctx: click.Context, _option: click.Parameter, value: Language | None) -> None:
    """Speak the language that an option asks for from here on."""
    if value is not None and not ctx.resilient_parsing:
        ctx.meta[_REQUESTED_LANGUAGE_KEY] = value
        set_language(value)


def make_language_option(help_text: str) -> Callable[[_Command], _Command]:
    """The option ``--language`` with its help, which holds from there on."""
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
        "Language of what is written; that of the system if it is German, else English."
    )
)
