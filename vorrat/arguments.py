"""Arguments of the functions of this package: options of analyses by keyword, and their checks."""

import functools
import inspect
import os
import re
import reprlib
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast, get_type_hints

from pydantic import ValidationError

from models.language import mark_translatable, tr
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

P = ParamSpec("P")
R = TypeVar("R")
OptionsT = TypeVar("OptionsT", bound=Options)
OPTIONS_PLACEHOLDER = "**options"
"""The line of a docstring in whose place the options come."""
FLAG_PATTERN = re.compile(r"(?<!['\"„\w-])--[a-z]+(-[a-z]+)*")
"""A flag of the command line in a text; one in quotes is what a user wrote."""


class WarningListener(ProgressListener):
    """Makes warnings of Python of what it hears."""

    def __init__(self, analysis: str) -> None:
        self.analysis = analysis

    def warn(self, sentence: str) -> None:
        """Hear what an option has no effect on."""
        warnings.warn(_with_argument_names(sentence, self.analysis), stacklevel=2)


class ArgumentKind(NamedTuple):
    """What an argument has to be."""

    convert: Callable[[Any], Any]
    """Gives the value to go on with; raises TypeError for one that does not fit."""
    description: str

    def convert_argument(self, function: str, name: str, value: Any) -> Any:
        """The value of an argument. Raises Misuse where it does not fit."""
        try:
            return self.convert(value)
        except TypeError:
            raise _unfit_argument_error(function, name, value, tr(self.description)) from None


def accept_instances(*types: type) -> Callable[[Any], Any]:
    """Give what passes instances of these types."""

    def read(value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError
        return value

    return read


def convert_texts(value: Any) -> tuple[str, ...]:
    """One or several texts."""
    return (
        (value,) if isinstance(value, str) else tuple(map(_convert_text, reject_single_text(value)))
    )


def reject_single_text(value: Any) -> Any:
    """Several values: a text would be taken for its letters."""
    if isinstance(value, str | bytes | Mapping):
        raise TypeError
    return value


_convert_text = accept_instances(str)
TEXT = ArgumentKind(_convert_text, mark_translatable("a text"))
PATH = ArgumentKind(
    lambda value: _convert_text(os.fspath(value)),
    mark_translatable("the path of a file, such as 'scenario.yaml'"),
)
OUTPUT = ArgumentKind(PATH.convert, mark_translatable("the path of a file"))
FOLDER = ArgumentKind(
    PATH.convert, mark_translatable("the path of a folder, or of a file such as 'plan.json'")
)
VARIANT = ArgumentKind(_convert_text, mark_translatable("the id of a variant, as a text"))
SETTING = ArgumentKind(_convert_text, mark_translatable("a text such as 'policy.budget_meur=5'"))
SETTINGS = ArgumentKind(
    convert_texts, mark_translatable("a text such as 'policy.budget_meur=5', or a list of them")
)
FLAG = ArgumentKind(accept_instances(bool), mark_translatable("True or False"))


def check_arguments(**kinds: ArgumentKind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function raise Misuse for arguments that it does not have, or that do not fit.

    Defaults always fit. What has no kind here is checked by the function itself. Its errors name
    options as Python does.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature, called = inspect.signature(function), function.__qualname__
        called = called.removesuffix(".__init__")
        keywords = {
            name
            for name, one in signature.parameters.items()
            if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD) and name != "self"
        }
        is_open = any(one.kind == one.VAR_KEYWORD for one in signature.parameters.values())

        @functools.wraps(function)
        def call(*args: P.args, **given: P.kwargs) -> R:
            for name in () if is_open else given:
                if name not in keywords:
                    raise _unknown_option_error(called, name, sorted(keywords))
            try:
                bound = signature.bind(*args, **given)
            except TypeError:
                about = {"function": called, "names": _call_parameters(signature)}
                raise Misuse(
                    tr("{function}: the arguments do not fit; write {function}({names})", **about)
                ) from None
            for name, value in bound.arguments.items():
                kind, parameter = kinds.get(name), signature.parameters[name]
                if kind is None or value is parameter.default:
                    continue
                several = parameter.kind == parameter.VAR_POSITIONAL
                bound.arguments[name] = (
                    tuple(kind.convert_argument(called, name, one) for one in value)
                    if several
                    else kind.convert_argument(called, name, value)
                )
            try:
                return function(*bound.args, **bound.kwargs)
            except (Misuse, NotWritten) as error:
                analysis = bound.arguments["name"] if called == "analyse" else called
                if (said := _with_argument_names(str(error), analysis)) != str(error):
                    error.args = (said,)
                raise

        return call

    return decorate


def check_init_arguments(**kinds: ArgumentKind) -> Callable[[type[R]], type[R]]:
    """Have a class raise Misuse for arguments that do not fit."""

    def decorate(made: type[R]) -> type[R]:
        cast(Any, made).__init__ = check_arguments(**kinds)(made.__init__)
        return made

    return decorate


def _with_argument_names(sentence: str, analysis: str) -> str:
    """A sentence with the names of arguments in place of the flags of the command line."""
    if not FLAG_PATTERN.search(sentence):
        return sentence
    names = _arguments_by_flag(analysis)

    def named(found: re.Match[str]) -> str:
        name = names.get(found[0], found[0])
        return tr("'{name}'", name=name) if name.isidentifier() else name

    return FLAG_PATTERN.sub(named, sentence)


@functools.cache
def _arguments_by_flag(analysis: str) -> dict[str, str]:
    """The arguments that stand for the flags of a command, by how those are written."""
    from optimizer.cli.options import declared_options

    found = {"--force": "force=True"}
    if analysis in ANALYSES_BY_NAME:
        command: Any = declared_options(ANALYSES_BY_NAME[analysis].options_class)(lambda: None)
        for one in command.__click_params__:
            switched = f"{one.name}={'--no-' not in one.opts[0]}"
            found[one.opts[0]] = switched if one.is_flag else one.name
    return found


def _call_parameters(signature: inspect.Signature) -> str:
    """The parameters of a function, as a call names them."""
    text = str(signature.replace(return_annotation=inspect.Signature.empty, parameters=[
        one.replace(annotation=one.empty)
        for name, one in signature.parameters.items() if name != "self"
    ]))  # fmt: skip
    return text[1:-1]


def _unknown_option_error(function: str, name: str, known: Iterable[str]) -> Misuse:
    hint = unknown_key_hint(name, known)
    about = {"function": function, "name": name, "hint": hint}
    return Misuse(tr("{function} has no option '{name}'; {hint}", **about))


def _unfit_argument_error(function: str, name: str, value: Any, description: str) -> Misuse:
    about = {"function": function, "name": name, "expected": description}
    about["shown"] = reprlib.repr(value)
    return Misuse(tr("{function}: '{name}' has to be {expected}, not {shown}", **about))


def option_names(analysis: Analysis) -> tuple[str, ...]:
    """The options that an analysis heeds; of a scenario, variant and settings come with that."""
    asks: type[Options] = analysis.options_class
    if analysis.input_kind == "plan" or not issubclass(asks, ScenarioOptions):
        return asks.user_fields()  # where a plan is taken, they say how another scenario is read
    return tuple(name for name in asks.user_fields() if name not in ScenarioOptions.model_fields)


def build_options(analysis: Analysis, keywords: Mapping[str, Any]) -> SolveOptions:
    """The options of an analysis from keywords.

    Raises Misuse for an option that it does not have, a value that does not fit, and where options
    do not go together.
    """
    known = option_names(analysis)
    for name in keywords:
        if name not in known:
            raise _unknown_option_error(analysis.name, name, known)
    return validate_options(
        analysis.name,
        analysis.options_class,
        {**keywords, "listener": WarningListener(analysis.name)},
    )


def validate_options(
    function: str, options_class: type[OptionsT], values: Mapping[str, Any]
) -> OptionsT:
    """Options of a class from values by name. Raises Misuse for one that does not fit."""
    try:
        plain = {name: _to_plain_types(value) for name, value in values.items()}
        return options_class.model_validate(plain, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            text = tr("{function} needs '{name}'", function=function, name=name)
            raise Misuse(text) from None
        expected = _expected_description(first["type"], first.get("ctx", {}))
        raise _unfit_argument_error(
            function, name, first["input"], expected or first["msg"]
        ) from None


def _expected_description(error_type: str, limits: Mapping[str, Any]) -> str:
    """What would have been right; empty where only pydantic knows."""
    for sign, text in {
        "ge": mark_translatable("at least {limit}"),
        "gt": mark_translatable("more than {limit}"),
        "le": mark_translatable("at most {limit}"),
        "lt": mark_translatable("less than {limit}"),
    }.items():
        if sign in limits:
            return tr(text, limit=f"{limits[sign]:g}")
    if error_type == "literal_error":
        return tr("one of {names}", names=limits["expected"].replace(" or ", ", "))
    if error_type == "named_tuple_type":
        return tr("a {name}, or its values as a list", name=limits["class_name"])
    for beginning, text in {
        "int": mark_translatable("a whole number"),
        "float": mark_translatable("a number"),
        "finite": mark_translatable("a number"),
        "bool": FLAG.description,
        "string": TEXT.description,
        "tuple": mark_translatable("a list of values"),
        "too_short": mark_translatable("a list with at least one value"),
        "dict": mark_translatable("a mapping"),
    }.items():
        if error_type.startswith(beginning):
            return tr(text)
    return ""


def _to_plain_types(value: Any) -> Any:
    """A value in the types that options have.

    Arrays and ranges as well as lists may stand for several values, and numbers of NumPy for those
    of Python.
    """
    if getattr(value, "shape", None) == ():
        return value.item()
    if isinstance(value, Mapping):
        return {name: _to_plain_types(one) for name, one in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return tuple(map(_to_plain_types, value))


def _flag_to_argument(flag: re.Match[str]) -> str:
    return flag[0].removeprefix("--").replace("-", "_")


def document_options(analysis_name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a function the signature and the help of the options of an analysis."""
    analysis = ANALYSES_BY_NAME[analysis_name]
    fields, told = analysis.options_class.model_fields, option_help(analysis.options_class)
    types = get_type_hints(analysis.options_class)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        own = inspect.signature(function)
        keywords, lines = [], []
        for option in option_names(analysis):
            default = fields[option].get_default(call_default_factory=True)
            keyword = inspect.Parameter.KEYWORD_ONLY
            keywords.append(
                inspect.Parameter(option, keyword, default=default, annotation=types[option])
            )
            text = FLAG_PATTERN.sub(_flag_to_argument, told[option].replace("--set", "a setting"))
            text = textwrap.fill(text, 92, break_on_hyphens=False)
            lines += [option, textwrap.indent(text, "    ")]
        kept = [one for one in own.parameters.values() if one.kind != one.VAR_KEYWORD]
        cast(Any, function).__signature__ = own.replace(parameters=[*kept, *keywords])
        # Python 3.13 keeps docstrings without their indentation, earlier ones with it.
        function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(
            OPTIONS_PLACEHOLDER, "\n".join(lines)
        )
        return function

    return decorate
