"""Help and usage errors in the current language.

click says these in English, so its words are put into German here: headings and options of a help
text, and the messages of its exceptions, told apart by their class or their wording.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterable
from typing import TypeVar

import click

from models.language import language, marked, tr

_AnyCommand = TypeVar("_AnyCommand", bound=click.Command)


class Formatter(click.HelpFormatter):
    """Writes help with the headings of the language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        if language() == "en":
            super().write_usage(prog, args, prefix)
            return
        for english, own in (
            ("[OPTIONS]", tr("[OPTIONS]")),
            ("COMMAND [ARGS]...", tr("COMMAND [ARGS]...")),
        ):
            args = args.replace(english, own)
        super().write_usage(prog, args, tr("Usage: "))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        headings = {"Options": tr("Options"), "Commands": tr("Commands")}
        super().write_heading(headings.get(heading, heading))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options or commands and what they do."""
        default, ours = "[default: ", tr("[default: ")
        of_help, own = "Show this message and exit.", tr("Show this message and exit.")
        said = [
            (name, own if text == of_help else text.replace(default, ours)) for name, text in rows
        ]
        super().write_dl(said, col_max, col_spacing)


class Context(click.Context):
    """A context whose help is written in the current language."""

    formatter_class = Formatter


def in_language(command: _AnyCommand) -> _AnyCommand:
    """A copy of a command whose help is in the current language."""
    made = copy.copy(command)
    made.context_class = Context
    made.help = tr(inspect.cleandoc(command.help)) if command.help else command.help
    made.epilog = tr(command.epilog) if command.epilog else command.epilog
    made.params = [copy.copy(param) for param in command.params]
    for param in made.params:
        if isinstance(param, click.Option) and param.help:
            param.help = tr(param.help)
    return made


def misused(text: str, /, **about: object) -> click.UsageError:
    """An error of usage: a text in the current language, with values put into it."""
    return click.UsageError(tr(text, **about))


def announce(text: str, /, **about: object) -> None:
    """Print a text to stderr, in the current language."""
    click.echo(tr(text, **about), err=True)


def show(error: click.ClickException) -> None:
    """Print an error of usage to stderr."""
    if language() == "en":
        error.show()
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
        option = max(context.help_option_names, key=len, default="--help")
        click.echo(
            tr("Try '{command}' for help.", command=f"{context.command_path} {option}"), err=True
        )
        click.echo(err=True)
    click.echo(tr("Error: {message}", message=_said(error)), err=True)


def _said(error: click.ClickException) -> str:
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
        return tr("{name}: {problem}", name=named, problem=_problem(error.message))
    return _problem(error.message)


_PROBLEMS = {
    r"(?P<value>.*) is not a valid (?:integer|integer range)\.": marked(
        "{value} is not a whole number."
    ),
    r"(?P<value>.*) is not a valid (?:float|float range)\.": marked("{value} is not a number."),
    r"(?P<value>.*) is not in the range (?P<range>.*)\.": marked(
        "{value} is not in the range {range}."
    ),
    r"(?P<value>.*) is not one of (?P<choices>.*)\.": marked("{value} is none of {choices}."),
    r"(?:Directory|File|Path) (?P<path>.*) is a file\.": marked("{path} is a file."),
    r"Option (?P<option>.*) requires an argument\.": marked("option {option} needs a value."),
    r"Option (?P<option>.*) does not take a value\.": marked("option {option} takes no value."),
    r"Got unexpected extra arguments? \((?P<values>.*)\)": marked(
        "nothing is expected after this: {values}"
    ),
    r"Missing command\.": marked("Missing command."),
}
"""What click says of a value or an argument, and how it is said here."""


def _problem(message: str) -> str:
    for pattern, said in _PROBLEMS.items():
        found = re.fullmatch(pattern, message)
        if found:
            return tr(said, **found.groupdict())
    return message
