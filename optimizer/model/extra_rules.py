"""Rules of the user in Python: a function that adds constraints to the first stage (U2)."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.scenario.case import Case


@dataclass(frozen=True)
class ExtraRules:
    """A function that adds constraints over first-stage variables to a model."""

    add: Callable[[Any, Case], object]
    """Adds Pyomo constraints to the model, which is the first argument."""
    name: str
    place: str  # file and line of the function, for messages
    sha256: str  # of the function's source (its code where there is none) and parameters

    @classmethod
    def of(cls, function: Callable[..., object], add: Callable[[Any, Case], object]) -> ExtraRules:
        """Return the rules that ``add`` adds, described by the name and the source of
        ``function``."""
        named = function
        while isinstance(named, functools.partial):
            named = named.func
        code = getattr(named, "__code__", None)
        place = "" if code is None else f"{Path(code.co_filename).name}:{code.co_firstlineno}"
        name = getattr(named, "__qualname__", type(named).__name__)
        return cls(add, name, place, _content(function).hex())


def _content(value: Any, callers: tuple[Any, ...] = ()) -> bytes:
    """Return a hash of what identifies a function with its parameters, or another value: source,
    default values, values from enclosing functions, and arguments that are already given."""
    parts: list[Any] = []
    for method in ("to_dict", "tolist"):  # of frames and arrays, whose text is shortened
        if hasattr(value, method) and not isinstance(value, type):
            value = getattr(value, method)()
    if isinstance(value, functools.partial):
        content = _content(value.func, callers)
        parts = [*value.args, *sorted(value.keywords.items())]
    elif (code := getattr(value, "__code__", None)) is not None:
        if value in callers:
            return b""
        callers = (*callers, value)
        try:
            content = inspect.getsource(value).encode()
        except (OSError, TypeError):
            content = code.co_code + repr(code.co_consts).encode()
        parts = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        for cell in value.__closure__ or ():
            with suppress(ValueError):  # nothing has been assigned yet
                parts.append(cell.cell_contents)
    elif isinstance(value, list | tuple | dict | set | frozenset):
        content = type(value).__qualname__.encode()
        parts = [*(value.items() if isinstance(value, dict) else value)]
        if not isinstance(value, list | tuple):
            parts.sort(key=repr)  # the order of a set of texts differs between processes
    else:
        text = repr(value)
        content = f"{type(value).__qualname__} {'' if ' at 0x' in text else text}".encode()
    hashes = [_content(part, callers) for part in parts]
    return hashlib.sha256(b"".join([content, b"\0", *hashes])).digest()


_current: ContextVar[ExtraRules | None] = ContextVar("extra_rules", default=None)


def current_extra_rules() -> ExtraRules | None:
    """Return the rules in Python that new instances have; None outside of :func:`applying`."""
    return _current.get()


@contextmanager
def applying(rules: ExtraRules | None) -> Iterator[None]:
    """Give rules in Python to all instances that are read within the context."""
    token = _current.set(rules)
    try:
        yield
    finally:
        _current.reset(token)
