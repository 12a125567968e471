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
class InSection:
    """Marks an id or a year that has to stand in the scenario."""

    section: str
    """A section of the scenario, ``instruments`` of any funder, ``countries``, ``years`` (of the
    horizon), or ``later years`` (of the horizon or after it)."""


@dataclass(frozen=True)
class Exhaustive:
    """Marks a mapping or a list in which all of that stand that the scenario has, each once."""


@dataclass(frozen=True)
class FieldType:
    """What the type of a value says of it: the section it has to stand in, and what it holds."""

    section: str = ""
    is_exhaustive: bool = False
    key_type: FieldType | None = None
    item_type: FieldType | None = None
    model: type[BaseModel] | None = None


UNMARKED_TYPE = FieldType()


class LocatedValue(NamedTuple):
    """A value, where it stands, and what its type says."""

    path: tuple[str | int, ...]
    value: Any
    field_type: FieldType
    at_key: bool = False


def collect_values(
    value: Any, field_type: FieldType = UNMARKED_TYPE, path: tuple[str | int, ...] = ()
) -> list[LocatedValue]:
    """All that a value holds but None, keys of mappings included, and then itself."""
    found: list[LocatedValue] = []
    _collect_into(value, field_type, path, found.append)
    return found


def _collect_into(
    value: Any,
    field_type: FieldType,
    path: tuple[str | int, ...],
    add: Callable[[LocatedValue], None],
) -> None:
    if value is None:
        return
    if isinstance(value, BaseModel):
        own = value.__dict__
        for name, (key, inner) in field_keys_and_types(type(value)).items():
            _collect_into(own[name], inner, (*path, key), add)
    elif isinstance(value, dict):
        key_type, inner = (
            field_type.key_type or UNMARKED_TYPE,
            field_type.item_type or UNMARKED_TYPE,
        )
        for name in value:
            add(LocatedValue((*path, str(name)), name, key_type, True))
        for name, one in value.items():
            _collect_into(one, inner, (*path, str(name)), add)
    elif isinstance(value, (tuple, list)):
        inner = field_type.item_type or UNMARKED_TYPE
        for number, one in enumerate(value):
            _collect_into(one, inner, (*path, number), add)
    add(LocatedValue(path, value, field_type))


@cache
def field_keys_and_types(model: type[BaseModel]) -> dict[str, tuple[str, FieldType]]:
    """The key of each field in files, and its type."""
    return {
        name: (field.alias or name, _field_type(field.annotation, tuple(field.metadata)))
        for name, field in model.model_fields.items()
    }


def _field_type(annotation: Any, marks: tuple[Any, ...] = ()) -> FieldType:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _field_type(parts[0], (*marks, *parts[1:]))
    if origin in (Union, UnionType) and len(some := [p for p in parts if p is not NoneType]) == 1:
        return _field_type(some[0], marks)
    section = next((mark.section for mark in marks if isinstance(mark, InSection)), "")
    key = _field_type(parts[0]) if origin is dict else None
    item = (
        _field_type(parts[-1] if origin is dict else parts[0]) if origin in (dict, tuple) else None
    )
    model = (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )
    return FieldType(section, any(isinstance(mark, Exhaustive) for mark in marks), key, item, model)
