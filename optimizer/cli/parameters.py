"""Options of the command line, made from those that an analysis declares."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic.fields import FieldInfo

from models.language import tr
from optimizer.analyses.options import Flag, Options, help_of

_Made = TypeVar("_Made", bound=Callable[..., Any])
_Asked = TypeVar("_Asked", bound=Options)


class Finite(click.FloatRange):
    """A number in a range; unlike click's own, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(tr("{value} is not a finite number.", value=value), param, ctx)
        return number


def declared(options: type[Options], *names: str) -> Callable[[_Made], _Made]:
    """Give a command some of the options of a class, in this order; all where none is named."""

    def decorate(command: _Made) -> _Made:
        for name in reversed(names or options.asked()):
            command = option(options, name)(command)
        return command

    return decorate


def option(options: type[Options], name: str) -> Callable[[_Made], _Made]:
    """The option of one field, which a command takes by the name of that."""
    field = options.model_fields[name]
    plain, marks, often = _opened(field)
    flags = [mark for mark in marks if isinstance(mark, Flag)]
    said: dict[str, Any] = {}
    for flag in flags:
        said |= {part: value for part, value in vars(flag).items() if value is not None}
    written, parse = said.get("name"), said.get("parse")
    asked: dict[str, Any] = {"help": help_of(options)[name], "metavar": said.get("metavar")}
    dashed = name.replace("_", "-")
    if plain is bool:
        default = field.get_default()
        written = written or (f"--no-{dashed}" if default else f"--{dashed}")
        return click.option(written, name, is_flag=True, **asked)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default not in (None, (), {}):
        asked |= {"default": said.get("shown") or default, "show_default": True}
    if often and (field.is_required() or default is not None):
        asked["multiple"] = True
    asked["type"] = str if parse is not None else _type(plain, marks)
    if parse is not None:
        asked["callback"] = _parsed(parse)
    return click.option(written or f"--{dashed}", name, required=field.is_required(), **asked)


def built(options: type[_Asked], values: Mapping[str, Any], **more: Any) -> _Asked:
    """The options that a command was given; those that it was not keep their defaults. What a flag
    says of a field that holds by default is that it does not hold."""
    context = click.get_current_context()
    given = dict(more)
    for name in options.asked():
        source = context.get_parameter_source(name)
        if name not in values or source is ParameterSource.DEFAULT:
            continue
        value = values[name]
        given[name] = not value if options.model_fields[name].default is True else value
    return options(**given)


def _opened(field: FieldInfo) -> tuple[Any, list[Any], bool]:
    """The type of one value of a field, all that is said of it, and whether it may come often."""
    marks = list(field.metadata)
    found, often = field.annotation, False
    while True:
        origin, parts = get_origin(found), get_args(found)
        if origin is Annotated:
            found = parts[0]
            spread = (
                mark.metadata if isinstance(mark, FieldInfo) else [mark] for mark in parts[1:]
            )
            marks[:0] = itertools.chain(*spread)
        elif origin in (Union, UnionType):
            (found,) = (part for part in parts if part is not NoneType)
        elif origin is tuple and parts[1:] == (...,):
            found = parts[0]
            often = True
        elif origin is dict:
            return found, marks, True
        else:
            return found, marks, often


def _type(plain: Any, marks: list[Any]) -> Any:
    """What click checks a value by."""
    if get_origin(plain) is Literal:
        return click.Choice(get_args(plain))
    limits: dict[str, Any] = {}
    for mark in marks:
        for name, limit in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
            if hasattr(mark, name):
                limits |= {limit: getattr(mark, name), f"{limit}_open": name in ("gt", "lt")}
    if plain is float:
        return Finite(**limits)
    if plain is int:
        return click.IntRange(**limits) if limits else int
    return plain


def _parsed(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
