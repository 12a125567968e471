"""Checks of function arguments, and options of analyses as keyword arguments."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import reprlib
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar, cast, get_type_hints

from pydantic import ValidationError

from models.files.yaml_source import setting_texts
from models.spelling import unknown_key_hint
from optimizer.analyses.options import (
    Options,
    ProgressListener,
    ScenarioOptions,
    SolveOptions,
    option_help,
)
from optimizer.analyses.registry import ANALYSES_BY_NAME, Analysis
from optimizer.errors import Misuse, NotWritten

if TYPE_CHECKING:
    from optimizer.solve.solver_result import Incumbent

P = ParamSpec("P")
R = TypeVar("R")
OptionsT = TypeVar("OptionsT", bound=Options)
OPTIONS_PLACEHOLDER = "**options"
"""Line of a docstring that is replaced by the descriptions of the options."""
FLAG_PATTERN = re.compile(r"(?<!['\"„\w-])--[a-z]+(-[a-z]+)*")
"""Matches a command-line flag in a message; flags in quotes are the user's own text."""


@dataclass(frozen=True)
class Progress:
    """State of a running analysis, as the function ``progress`` receives it.

    The figures of the solve that is running are None before the first is known.
    """

    step: str = ""  # what the analysis does now
    done: int | None = None  # steps done
    total: int | None = None  # steps in all, if their number is known
    seconds: float | None = None  # wall time of the solve that is running
    objective: float | None = None  # of the best plan so far
    bound: float | None = None  # proven lower bound
    gap: float | None = None  # relative gap between the two


ProgressFunction = Callable[[Progress], None]
PlanFunction = Callable[["Incumbent"], None]
_progress_function: ContextVar[ProgressFunction | None] = ContextVar("progress", default=None)


class CallbackListener(ProgressListener):
    """Progress listener that issues the warnings of an analysis as Python warnings, and passes its
    steps to the function ``progress`` of the call."""

    def __init__(self, analysis: str) -> None:
        self.analysis = analysis

    def warn(self, sentence: str) -> None:
        """Issue the sentence as a Python warning."""
        warnings.warn(_with_argument_names(sentence, self.analysis), stacklevel=2)

    def report_step(self, done: int, total: int | None, step_name: str) -> None:
        """Pass the step on, if there is a function to receive it."""
        if (function := _progress_function.get()) is not None:
            function(Progress(step_name, done, total))


@contextmanager
def callbacks(progress: ProgressFunction | None, on_plan: PlanFunction | None) -> Iterator[None]:
    """Within the context, call ``progress`` with the state of the analysis and of each solve, and
    ``on_plan`` with each better plan that a search in this process finds."""
    if progress is None and on_plan is None:
        yield
        return
    # Imported when something is solved, since it is slow to import.
    from optimizer.solve.solver_result import observing

    def report(state: Any) -> None:
        figures = state.objective, state.bound, state.gap
        objective, bound, gap = (x if math.isfinite(x) else None for x in figures)
        assert progress is not None
        progress(Progress("", None, None, state.seconds, objective, bound, gap))

    token = _progress_function.set(progress)
    try:
        with observing(None if progress is None else report, on_plan):
            yield
    finally:
        _progress_function.reset(token)


def require_function(value: Any) -> Any:
    """Return a function unchanged. Raise TypeError for any other value."""
    if not callable(value):
        raise TypeError
    return value


class ArgumentKind(NamedTuple):
    """Expected kind of an argument: a function that converts its value, and a description for error
    messages."""

    convert: Callable[[Any], Any]
    """Returns the converted value; raises TypeError for a value that does not fit."""
    description: str

    def convert_argument(self, function: str, name: str, value: Any) -> Any:
        """Return the converted value of an argument.

        Raise Misuse if the value is not of this kind.
        """
        try:
            return self.convert(value)
        except TypeError:
            raise _unfit_argument_error(function, name, value, self.description) from None


def accept_instances(*types: type) -> Callable[[Any], Any]:
    """Return a conversion that returns instances of the given types unchanged and rejects all other
    values."""

    def read(value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError
        return value

    return read


def convert_texts(value: Any) -> tuple[str, ...]:
    """Return one text or several texts as a tuple. Raise TypeError for any other value."""
    return (
        (value,) if isinstance(value, str) else tuple(map(_convert_text, reject_single_text(value)))
    )


def convert_settings(value: Any) -> tuple[str, ...]:
    """Return a text, several texts, or a mapping from dotted paths to values, as settings
    ``path=value``. Raise TypeError for any other value."""
    return setting_texts(value) if isinstance(value, Mapping) else convert_texts(value)


def reject_single_text(value: Any) -> Any:
    """Return the value unchanged. Raise TypeError for a single text or a mapping, since iterating
    over it would be a mistake."""
    if isinstance(value, str | bytes | Mapping):
        raise TypeError
    return value


_convert_text = accept_instances(str)
TEXT = ArgumentKind(_convert_text, "a text")
PATH = ArgumentKind(
    lambda value: _convert_text(os.fspath(value)), "the path of a file, such as 'scenario.yaml'"
)
OUTPUT = ArgumentKind(PATH.convert, "the path of a file")
FOLDER = ArgumentKind(PATH.convert, "the path of a folder, or of a file such as 'plan.json'")
VARIANT = ArgumentKind(_convert_text, "the id of a variant, as a text")
SETTING = ArgumentKind(
    lambda value: convert_settings(value if isinstance(value, Mapping) else _convert_text(value)),
    "a text such as 'policy.budget_meur=5', or a mapping of paths to values",
)
"""One argument, as a tuple of settings."""
SETTINGS = ArgumentKind(
    convert_settings,
    "a text such as 'policy.budget_meur=5', a list of them, or a mapping of paths to values",
)
FUNCTION = ArgumentKind(require_function, "a function")
FLAG = ArgumentKind(accept_instances(bool), "True or False")


def check_arguments(**kinds: ArgumentKind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that checks the arguments of a function. The decorated function raises
    Misuse for unknown or unsuitable arguments.

    Default values and arguments without a kind are not checked. In messages of Misuse and
    NotWritten that the function raises, keyword arguments replace command-line flags.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature, function_name = inspect.signature(function), function.__qualname__
        function_name = function_name.removesuffix(".__init__")
        keywords = {
            name
            for name, p in signature.parameters.items()
            if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and name != "self"
        }
        takes_any_keyword = any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values())

        @functools.wraps(function)
        def call(*args: P.args, **given: P.kwargs) -> R:
            for name in () if takes_any_keyword else given:
                if name not in keywords:
                    raise _unknown_option_error(function_name, name, sorted(keywords))
            try:
                bound = signature.bind(*args, **given)
            except TypeError:
                message_fields = {"function": function_name, "names": _call_parameters(signature)}
                raise Misuse(
                    "{function}: the arguments do not fit; write {function}({names})".format(
                        **message_fields
                    )
                ) from None
            for name, value in bound.arguments.items():
                kind, parameter = kinds.get(name), signature.parameters[name]
                if kind is None or value is parameter.default:
                    continue
                is_variadic = parameter.kind == parameter.VAR_POSITIONAL
                bound.arguments[name] = (
                    tuple(kind.convert_argument(function_name, name, item) for item in value)
                    if is_variadic
                    else kind.convert_argument(function_name, name, value)
                )
            try:
                return function(*bound.args, **bound.kwargs)
            except (Misuse, NotWritten) as error:
                analysis = bound.arguments["name"] if function_name == "analyse" else function_name
                if (message := _with_argument_names(str(error), analysis)) != str(error):
                    error.args = (message,)
                raise

        return call

    return decorate


def check_init_arguments(**kinds: ArgumentKind) -> Callable[[type[R]], type[R]]:
    """Return a class decorator. The constructor of the class then raises Misuse for unsuitable
    arguments."""

    def decorate(cls: type[R]) -> type[R]:
        cast(Any, cls).__init__ = check_arguments(**kinds)(cls.__init__)
        return cls

    return decorate


def _with_argument_names(sentence: str, analysis: str) -> str:
    """Return a message with command-line flags replaced by the names of the keyword arguments."""
    if not FLAG_PATTERN.search(sentence):
        return sentence
    names = _arguments_by_flag(analysis)

    def argument_name(flag: re.Match[str]) -> str:
        name = names.get(flag[0], flag[0])
        return f"'{name}'" if name.isidentifier() else name

    return FLAG_PATTERN.sub(argument_name, sentence)


@functools.cache
def _arguments_by_flag(analysis: str) -> dict[str, str]:
    """Return the keyword argument that corresponds to each command-line flag of an analysis."""
    from optimizer.cli.options import declared_options

    names_by_flag = {"--force": "force=True"}
    if analysis in ANALYSES_BY_NAME:
        command: Any = declared_options(ANALYSES_BY_NAME[analysis].options_class)(lambda: None)
        for parameter in command.__click_params__:
            flag_argument = f"{parameter.name}={'--no-' not in parameter.opts[0]}"
            names_by_flag[parameter.opts[0]] = (
                flag_argument if parameter.is_flag else parameter.name
            )
    return names_by_flag


def _call_parameters(signature: inspect.Signature) -> str:
    """Return the parameters of a function as text, as they are written in a call."""
    text = str(signature.replace(return_annotation=inspect.Signature.empty, parameters=[
        parameter.replace(annotation=parameter.empty)
        for name, parameter in signature.parameters.items() if name != "self"
    ]))  # fmt: skip
    return text[1:-1]


def _unknown_option_error(function: str, name: str, known: Iterable[str]) -> Misuse:
    hint = unknown_key_hint(name, known)
    message_fields = {"function": function, "name": name, "hint": hint}
    return Misuse("{function} has no option '{name}'; {hint}".format(**message_fields))


def _unfit_argument_error(function: str, name: str, value: Any, description: str) -> Misuse:
    message_fields = {"function": function, "name": name, "expected": description}
    message_fields["shown"] = reprlib.repr(value)
    return Misuse("{function}: '{name}' has to be {expected}, not {shown}".format(**message_fields))


def option_names(analysis: Analysis) -> tuple[str, ...]:
    """Return the names of the options that an analysis accepts as keyword arguments. If it takes a
    scenario, the options for variant and settings are left out, since the scenario holds them."""
    options_class: type[Options] = analysis.options_class
    if analysis.input_kind == "plan" or not issubclass(options_class, ScenarioOptions):
        # For a plan, the options for variant and settings refer to another scenario.
        return options_class.user_fields()
    return tuple(
        name for name in options_class.user_fields() if name not in ScenarioOptions.model_fields
    )


def build_options(analysis: Analysis, keywords: Mapping[str, Any]) -> SolveOptions:
    """Build the options object of an analysis from keyword arguments.

    Raise Misuse if an option is unknown, a value is invalid, or options contradict one another.
    """
    known_options = option_names(analysis)
    for name in keywords:
        if name not in known_options:
            raise _unknown_option_error(analysis.name, name, known_options)
    return validate_options(
        analysis.name,
        analysis.options_class,
        {**keywords, "listener": CallbackListener(analysis.name)},
    )


def validate_options(
    function: str, options_class: type[OptionsT], values: Mapping[str, Any]
) -> OptionsT:
    """Build an options object from values by option name. Raise Misuse, which names ``function``,
    if a value is missing or invalid."""
    try:
        plain_values = {name: _to_plain_types(value) for name, value in values.items()}
        return options_class.model_validate(plain_values, strict=True)
    except ValidationError as error:
        first_error = error.errors(include_url=False)[0]
        name = ".".join(map(str, first_error["loc"]))
        if first_error["type"] == "missing":
            text = f"{function} needs '{name}'"
            raise Misuse(text) from None
        expected_text = _expected_description(first_error["type"], first_error.get("ctx", {}))
        raise _unfit_argument_error(
            function, name, first_error["input"], expected_text or first_error["msg"]
        ) from None


def _expected_description(error_type: str, context: Mapping[str, Any]) -> str:
    """Return a description of the expected value for a type of pydantic error and its ``context``;
    empty if there is none for this type."""
    for sign, text in {
        "ge": "at least {limit}",
        "gt": "more than {limit}",
        "le": "at most {limit}",
        "lt": "less than {limit}",
    }.items():
        if sign in context:
            return text.format(limit=f"{context[sign]:g}")
    if error_type == "literal_error":
        return "one of {names}".format(names=context["expected"].replace(" or ", ", "))
    if error_type == "named_tuple_type":
        return "a {name}, or its values as a list".format(name=context["class_name"])
    for beginning, text in {
        "int": "a whole number",
        "float": "a number",
        "finite": "a number",
        "bool": FLAG.description,
        "string": TEXT.description,
        "tuple": "a list of values",
        "too_short": "a list with at least one value",
        "dict": "a mapping",
    }.items():
        if error_type.startswith(beginning):
            return text
    return ""


def _to_plain_types(value: Any) -> Any:
    """Convert a value to the types that options accept.

    Arrays, ranges and lists become tuples, and NumPy numbers become Python numbers.
    """
    if getattr(value, "shape", None) == ():
        return value.item()
    if isinstance(value, Mapping):
        return {name: _to_plain_types(item) for name, item in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return tuple(map(_to_plain_types, value))


def _flag_to_argument(flag: re.Match[str]) -> str:
    return flag[0].removeprefix("--").replace("-", "_")


def document_options(analysis_name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that adds the options of an analysis to a function's signature and
    docstring."""
    analysis = ANALYSES_BY_NAME[analysis_name]
    fields = analysis.options_class.model_fields
    help_by_option = option_help(analysis.options_class)
    types = get_type_hints(analysis.options_class)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        keyword_parameters, option_lines = [], []
        for option in option_names(analysis):
            keyword_only = inspect.Parameter.KEYWORD_ONLY
            default = fields[option].get_default(call_default_factory=True)
            keyword_parameters.append(
                inspect.Parameter(option, keyword_only, default=default, annotation=types[option])
            )
            text = FLAG_PATTERN.sub(
                _flag_to_argument, help_by_option[option].replace("--set", "a setting")
            )
            text = textwrap.fill(text, 92, break_on_hyphens=False)
            option_lines += [option, textwrap.indent(text, "    ")]
        named_parameters = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD
        ]
        cast(Any, function).__signature__ = signature.replace(
            parameters=[*named_parameters, *keyword_parameters]
        )
        # Python 3.13 keeps docstrings without their indentation, earlier ones with it.
        function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(
            OPTIONS_PLACEHOLDER, "\n".join(option_lines)
        )
        return function

    return decorate
