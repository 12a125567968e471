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

from models.language import marked, tr
from models.spelling import suggestion
from optimizer.analyses.options import Listener, OfScenario, Options, SolveOptions, help_of
from optimizer.analyses.registry import BY_NAME, Analysis
from optimizer.errors import Misuse, NotWritten

P = ParamSpec("P")
R = TypeVar("R")
Asked = TypeVar("Asked", bound=Options)
MARK = "**options"
"""The line of a docstring in whose place the options come."""
WRITTEN_FLAG = re.compile(r"(?<!['\"„\w-])--[a-z]+(-[a-z]+)*")
"""A flag of the command line in a text; one in quotes is what a user wrote."""


class Warner(Listener):
    """Makes warnings of Python of what it hears."""

    def __init__(self, analysis: str) -> None:
        self.analysis = analysis

    def warn(self, sentence: str) -> None:
        """Hear what an option has no effect on."""
        warnings.warn(_in_python(sentence, self.analysis), stacklevel=2)


class Kind(NamedTuple):
    """What an argument has to be."""

    read: Callable[[Any], Any]
    """Gives the value to go on with; raises TypeError for one that does not fit."""
    expected: str

    def of(self, function: str, name: str, value: Any) -> Any:
        """The value of an argument. Raises Misuse where it does not fit."""
        try:
            return self.read(value)
        except TypeError:
            raise _misfit(function, name, value, tr(self.expected)) from None


def instance_of(*types: type) -> Callable[[Any], Any]:
    """Give what passes instances of these types."""

    def read(value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError
        return value

    return read


def texts(value: Any) -> tuple[str, ...]:
    """One or several texts."""
    return (value,) if isinstance(value, str) else tuple(map(_text, no_text(value)))


def no_text(value: Any) -> Any:
    """Several values: a text would be taken for its letters."""
    if isinstance(value, str | bytes | Mapping):
        raise TypeError
    return value


_text = instance_of(str)
TEXT = Kind(_text, marked("a text"))
PATH = Kind(
    lambda value: _text(os.fspath(value)),
    marked("the path of a file, such as 'scenario.yaml'"),
)
OUTPUT = Kind(PATH.read, marked("the path of a file"))
FOLDER = Kind(PATH.read, marked("the path of a folder, or of a file such as 'plan.json'"))
VARIANT = Kind(_text, marked("the id of a variant, as a text"))
SETTING = Kind(_text, marked("a text such as 'policy.budget_meur=5'"))
SETTINGS = Kind(texts, marked("a text such as 'policy.budget_meur=5', or a list of them"))
FLAG = Kind(instance_of(bool), marked("True or False"))


def checked(**kinds: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
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
                    raise _unknown(called, name, sorted(keywords))
            try:
                bound = signature.bind(*args, **given)
            except TypeError:
                about = {"function": called, "names": _written(signature)}
                raise Misuse(
                    tr("{function}: the arguments do not fit; write {function}({names})", **about)
                ) from None
            for name, value in bound.arguments.items():
                kind, parameter = kinds.get(name), signature.parameters[name]
                if kind is None or value is parameter.default:
                    continue
                several = parameter.kind == parameter.VAR_POSITIONAL
                bound.arguments[name] = (
                    tuple(kind.of(called, name, one) for one in value)
                    if several
                    else kind.of(called, name, value)
                )
            try:
                return function(*bound.args, **bound.kwargs)
            except (Misuse, NotWritten) as error:
                analysis = bound.arguments["name"] if called == "analyse" else called
                if (said := _in_python(str(error), analysis)) != str(error):
                    error.args = (said,)
                raise

        return call

    return decorate


def checked_init(**kinds: Kind) -> Callable[[type[R]], type[R]]:
    """Have a class raise Misuse for arguments that do not fit."""

    def decorate(made: type[R]) -> type[R]:
        cast(Any, made).__init__ = checked(**kinds)(made.__init__)
        return made

    return decorate


def _in_python(sentence: str, analysis: str) -> str:
    """A sentence with the names of arguments in place of the flags of the command line."""
    if not WRITTEN_FLAG.search(sentence):
        return sentence
    names = _arguments_of(analysis)

    def named(found: re.Match[str]) -> str:
        name = names.get(found[0], found[0])
        return tr("'{name}'", name=name) if name.isidentifier() else name

    return WRITTEN_FLAG.sub(named, sentence)


@functools.cache
def _arguments_of(analysis: str) -> dict[str, str]:
    """The arguments that stand for the flags of a command, by how those are written."""
    from optimizer.cli.options import declared

    found = {"--force": "force=True"}
    if analysis in BY_NAME:
        command: Any = declared(BY_NAME[analysis].asks)(lambda: None)
        for one in command.__click_params__:
            switched = f"{one.name}={'--no-' not in one.opts[0]}"
            found[one.opts[0]] = switched if one.is_flag else one.name
    return found


def _written(signature: inspect.Signature) -> str:
    """The parameters of a function, as a call names them."""
    text = str(signature.replace(return_annotation=inspect.Signature.empty, parameters=[
        one.replace(annotation=one.empty)
        for name, one in signature.parameters.items() if name != "self"
    ]))  # fmt: skip
    return text[1:-1]


def _unknown(function: str, name: str, known: Iterable[str]) -> Misuse:
    hint = suggestion(name, known)
    about = {"function": function, "name": name, "hint": hint}
    return Misuse(tr("{function} has no option '{name}'; {hint}", **about))


def _misfit(function: str, name: str, value: Any, expected: str) -> Misuse:
    about = {"function": function, "name": name, "expected": expected}
    about["shown"] = reprlib.repr(value)
    return Misuse(tr("{function}: '{name}' has to be {expected}, not {shown}", **about))


def names_of(analysis: Analysis) -> tuple[str, ...]:
    """The options that an analysis heeds; of a scenario, variant and settings come with that."""
    asks: type[Options] = analysis.asks
    if analysis.takes == "plan" or not issubclass(asks, OfScenario):
        return asks.asked()  # where a plan is taken, they say how another scenario is read
    return tuple(name for name in asks.asked() if name not in OfScenario.model_fields)


def built(analysis: Analysis, given: Mapping[str, Any]) -> SolveOptions:
    """The options of an analysis from keywords.

    Raises Misuse for an option that it does not have, a value that does not fit, and where options
    do not go together.
    """
    known = names_of(analysis)
    for name in given:
        if name not in known:
            raise _unknown(analysis.name, name, known)
    return options_from(analysis.name, analysis.asks, {**given, "listener": Warner(analysis.name)})


def options_from(function: str, asks: type[Asked], values: Mapping[str, Any]) -> Asked:
    """Options of a class from values by name. Raises Misuse for one that does not fit."""
    try:
        plain = {name: _plain(value) for name, value in values.items()}
        return asks.model_validate(plain, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            text = tr("{function} needs '{name}'", function=function, name=name)
            raise Misuse(text) from None
        expected = _expected(first["type"], first.get("ctx", {}))
        raise _misfit(function, name, first["input"], expected or first["msg"]) from None


def _expected(kind: str, limits: Mapping[str, Any]) -> str:
    """What would have been right; empty where only pydantic knows."""
    for sign, text in {
        "ge": marked("at least {limit}"),
        "gt": marked("more than {limit}"),
        "le": marked("at most {limit}"),
        "lt": marked("less than {limit}"),
    }.items():
        if sign in limits:
            return tr(text, limit=f"{limits[sign]:g}")
    if kind == "literal_error":
        return tr("one of {names}", names=limits["expected"].replace(" or ", ", "))
    if kind == "named_tuple_type":
        return tr("a {name}, or its values as a list", name=limits["class_name"])
    for beginning, text in {
        "int": marked("a whole number"),
        "float": marked("a number"),
        "finite": marked("a number"),
        "bool": FLAG.expected,
        "string": TEXT.expected,
        "tuple": marked("a list of values"),
        "too_short": marked("a list with at least one value"),
        "dict": marked("a mapping"),
    }.items():
        if kind.startswith(beginning):
            return tr(text)
    return ""


def _plain(value: Any) -> Any:
    """A value in the types that options have.

    Arrays and ranges as well as lists may stand for several values, and numbers of NumPy for those
    of Python.
    """
    if getattr(value, "shape", None) == ():
        return value.item()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return tuple(map(_plain, value))


def _argument(flag: re.Match[str]) -> str:
    return flag[0].removeprefix("--").replace("-", "_")


def with_options(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a function the signature and the help of the options of an analysis."""
    analysis = BY_NAME[name]
    fields, told = analysis.asks.model_fields, help_of(analysis.asks)
    types = get_type_hints(analysis.asks)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        own = inspect.signature(function)
        keywords, lines = [], []
        for option in names_of(analysis):
            default = fields[option].get_default(call_default_factory=True)
            keyword = inspect.Parameter.KEYWORD_ONLY
            keywords.append(
                inspect.Parameter(option, keyword, default=default, annotation=types[option])
            )
            text = WRITTEN_FLAG.sub(_argument, told[option].replace("--set", "a setting"))
            text = textwrap.fill(text, 92, break_on_hyphens=False)
            lines += [option, textwrap.indent(text, "    ")]
        kept = [one for one in own.parameters.values() if one.kind != one.VAR_KEYWORD]
        cast(Any, function).__signature__ = own.replace(parameters=[*kept, *keywords])
        # Python 3.13 keeps docstrings without their indentation, earlier ones with it.
        function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(MARK, "\n".join(lines))
        return function

    return decorate
