"""Marks on the types of fields, and a function that lists all values of a model with their marks.

A mark states in which section of the scenario an id must be defined, or in which range a year must
lie.
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
    """Mark of an id or a year that must exist in a given section of the scenario."""

    section: str
    """Name of a section; or ``instruments`` (of any funder), ``regimes`` (of the uncertainty),
    ``countries``, ``years`` (of the horizon), ``later years`` (of the horizon or after it)."""


@dataclass(frozen=True)
class FieldType:
    """Marks found in a type annotation: the section of the value, and the types of its contents."""

    section: str = ""
    key_type: FieldType | None = None
    item_type: FieldType | None = None
    model: type[BaseModel] | None = None


UNMARKED_TYPE = FieldType()


class LocatedValue(NamedTuple):
    """A value with its path and type; ``at_key`` states that it is the last key of the path."""

    path: tuple[str | int, ...]
    value: Any
    field_type: FieldType
    at_key: bool = False


def collect_values(
    value: Any, field_type: FieldType = UNMARKED_TYPE, path: tuple[str | int, ...] = ()
) -> list[LocatedValue]:
    """Return all values inside a value, keys of mappings included, and then the value itself.

    Values that are None are left out. Of the states in a table, only those are returned that name
    an id or a year for the first time.
    """
    located: list[LocatedValue] = []
    _collect_into(value, field_type, path, located.append)
    return located


def _collect_into(
    value: Any,
    field_type: FieldType,
    path: tuple[str | int, ...],
    add: Callable[[LocatedValue], None],
) -> None:
    if value is None:
        return
    if isinstance(value, BaseModel):
        attributes = value.__dict__
        for name, (key, item_type) in field_keys_and_types(type(value)).items():
            _collect_into(attributes[name], item_type, (*path, key), add)
    elif isinstance(value, dict):
        key_type = field_type.key_type or UNMARKED_TYPE
        item_type = field_type.item_type or UNMARKED_TYPE
        for name in value:
            add(LocatedValue((*path, str(name)), name, key_type, True))
        for name, item in value.items():
            _collect_into(item, item_type, (*path, str(name)), add)
    elif isinstance(value, (tuple, list)):
        item_type = field_type.item_type or UNMARKED_TYPE
        # Of the many states of a table only those matter that name something for the first time.
        for position in getattr(value, "first_mentions", range(len(value))):
            _collect_into(value[position], item_type, (*path, position), add)
    add(LocatedValue(path, value, field_type))


@cache
def field_keys_and_types(model: type[BaseModel]) -> dict[str, tuple[str, FieldType]]:
    """Return the key in files and the type of each field of a model, by field name."""
    return {
        name: (field.alias or name, _field_type(field.annotation, tuple(field.metadata)))
        for name, field in model.model_fields.items()
    }


def _field_type(annotation: Any, marks: tuple[Any, ...] = ()) -> FieldType:
    origin, type_arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _field_type(type_arguments[0], (*marks, *type_arguments[1:]))
    if (
        origin in (Union, UnionType)
        and len(types := [type_ for type_ in type_arguments if type_ is not NoneType]) == 1
    ):
        return _field_type(types[0], marks)
    section = next((mark.section for mark in marks if isinstance(mark, InSection)), "")
    key = _field_type(type_arguments[0]) if origin is dict else None
    item = (
        _field_type(type_arguments[-1] if origin is dict else type_arguments[0])
        if origin in (dict, tuple)
        else None
    )
    model = (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )
    return FieldType(section, key, item, model)
