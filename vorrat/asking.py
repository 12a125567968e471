"""Options of analyses by keyword: those that their classes declare, with their help."""

import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, cast, get_type_hints

from optimizer.analyses.options import Listener, OfScenario, Options, SolveOptions, help_of
from optimizer.analyses.registry import BY_NAME, Analysis

P = ParamSpec("P")
R = TypeVar("R")
MARK = "**options"
"""The line of a docstring in whose place the options come."""


class Warner(Listener):
    """Makes warnings of Python of what it hears."""

    def warn(self, sentence: str) -> None:
        """Hear what an option has no effect on."""
        warnings.warn(sentence, stacklevel=2)


def names_of(analysis: Analysis) -> tuple[str, ...]:
    """The options that an analysis heeds; of a scenario, variant and settings come with that."""
    asks: type[Options] = analysis.asks
    if analysis.takes == "plan" or not issubclass(asks, OfScenario):
        return asks.asked()  # where a plan is taken, they say how another scenario is read
    return tuple(name for name in asks.asked() if name not in OfScenario.model_fields)


def built(analysis: Analysis, given: Mapping[str, Any]) -> SolveOptions:
    """The options of an analysis from keywords.

    Raises TypeError for an option that it does not have, pydantic.ValidationError (a ValueError)
    for a value that does not fit, and Misuse where options do not go together.
    """
    known = names_of(analysis)
    for name in given:
        if name not in known:
            raise TypeError(f"{analysis.name} has no option {name!r}; it has {', '.join(known)}")
    values = {name: _in_tuple(value) for name, value in given.items()}
    return analysis.asks(**values, listener=Warner())


def _in_tuple(value: Any) -> Any:
    """Arrays and ranges as well as lists may stand for several values."""
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    return tuple(value) if several else value


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
            text = textwrap.fill(told[option], 92, break_on_hyphens=False)
            lines += [option, textwrap.indent(text, "    ")]
        kept = [one for one in own.parameters.values() if one.kind != one.VAR_KEYWORD]
        cast(Any, function).__signature__ = own.replace(parameters=[*kept, *keywords])
        # Python 3.13 keeps docstrings without their indentation, earlier ones with it.
        function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(MARK, "\n".join(lines))
        return function

    return decorate
