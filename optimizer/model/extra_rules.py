"""Rules of the user in Python: a function that adds constraints to the first stage (U2)."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    sha256: str  # of the function's source, or of its code where there is no source

    @classmethod
    def of(cls, function: Callable[..., object], add: Callable[[Any, Case], object]) -> ExtraRules:
        """Return the rules that ``add`` adds, described by the name and the source of
        ``function``."""
        code = getattr(function, "__code__", None)
        place = "" if code is None else f"{Path(code.co_filename).name}:{code.co_firstlineno}"
        try:
            source = inspect.getsource(function).encode()
        except (OSError, TypeError):
            source = b"" if code is None else code.co_code + repr(code.co_consts).encode()
        name = getattr(function, "__qualname__", type(function).__name__)
        return cls(add, name, place, hashlib.sha256(source).hexdigest())


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
