"""Marks on the types of fields, and a walk over all values of a model that shows them.

A mark says of an id in which section of the scenario it has to stand, of a year where it may lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel


@dataclass(frozen=True)
class In:
    """Marks an id or a year that has to stand in the scenario."""

    section: str
    """A section of the scenario, ``instruments`` of any funder, ``countries``, ``years`` (of the
    horizon), or ``later years`` (of the horizon or after it)."""


@dataclass(frozen=True)
class Every:
    """Marks a mapping or a list in which all of that stand that the scenario has, each once."""


@dataclass(frozen=True)
class Type:
    """What the type of a value says of it: the section it has to stand in, and what it holds."""

    section: str = ""
    every: bool = False
    key: Type | None = None
    item: Type | None = None
    model: type[BaseModel] | None = None


ANY = Type()


class Found(NamedTuple):
    """A value, where it stands, and what its type says."""

    at: tuple[str | int, ...]
    value: Any
    type: Type
    at_key: bool = False


def values_in(value: Any, of: Type = ANY, at: tuple[str | int, ...] = ()) -> list[Found]:
    """All that a value holds but None, keys of mappings included, and then itself."""
    found: list[Found] = []
    _walk(value, of, at, found.append)
    return found


def _walk(value: Any, of: Type, at: tuple[str | int, ...], add: Callable[[Found], None]) -> None:
    if value is None:
        return
    if isinstance(value, BaseModel):
        own = value.__dict__
        for name, (key, inner) in fields_of(type(value)).items():
            _walk(own[name], inner, (*at, key), add)
    elif isinstance(value, dict):
        key_type, inner = of.key or ANY, of.item or ANY
        for name in value:
            add(Found((*at, str(name)), name, key_type, True))
        for name, one in value.items():
            _walk(one, inner, (*at, str(name)), add)
    elif isinstance(value, (tuple, list)):
        inner = of.item or ANY
        for number, one in enumerate(value):
            _walk(one, inner, (*at, number), add)
    add(Found(at, value, of))


@cache
def fields_of(model: type[BaseModel]) -> dict[str, tuple[str, Type]]:
    """The key of each field in files, and its type."""
    return {
        name: (field.alias or name, _type(field.annotation, tuple(field.metadata)))
        for name, field in model.model_fields.items()
    }


def _type(hint: Any, marks: tuple[Any, ...] = ()) -> Type:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(parts[0], (*marks, *parts[1:]))
    if origin in (Union, UnionType) and len(some := [p for p in parts if p is not NoneType]) == 1:
        return _type(some[0], marks)
    section = next((mark.section for mark in marks if isinstance(mark, In)), "")
    key = _type(parts[0]) if origin is dict else None
    item = _type(parts[-1] if origin is dict else parts[0]) if origin in (dict, tuple) else None
    model = hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None
    return Type(section, any(isinstance(mark, Every) for mark in marks), key, item, model)
