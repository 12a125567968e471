"""Shapes: the kinds of values that the models expect at each path of a scenario.

They are derived from the types of the models. Tables use them to distinguish numbers from texts,
patches to know which fields exist, messages to suggest similar keys and choices, and trees of nodes
to be converted to the data that the models validate.
"""

import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from models.base import LocalizedText, NamesOrKeyword, read_country
from models.faults import PathStep
from models.field_docs import field_docstrings
from models.files.nodes import Node
from models.language import LANGUAGES
from models.scenario.case import Case
from models.scenario.quantities import (
    REMARK_KEYS,
    UNIT_KEYS,
    Number,
    NumberBounds,
    YearlyBounds,
    YearlyQuantity,
    YearReader,
)

SOURCED_KEYS = ("value", *REMARK_KEYS, *UNIT_KEYS)


@dataclass(frozen=True)
class Shape:
    """The kind of value that is expected at some place.

    ``kind`` is ``model``, ``mapping``, ``list``, ``number``, ``yearly``, ``text``, ``flag``,
    ``choice``, ``country``, ``any``, ``years`` (a mapping with numbers as keys), ``whole`` (an
    integer such as a year), ``texts`` (a text in one or two languages) or ``names`` (a list of
    names, or one word for all). ``item`` is the type annotation of the items of a mapping or list.
    """

    kind: str
    model: type[BaseModel] | None = None
    item: Any = None
    choices: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a mapping may have in files; empty if they are free."""
        if self.model is not None:
            return tuple(field.alias or name for name, field in self.model.model_fields.items())
        return {"texts": tuple(LANGUAGES), "number": SOURCED_KEYS, "yearly": SOURCED_KEYS}.get(
            self.kind, ()
        )


SCENARIO_SHAPE = Shape("model", Case)
ANY_SHAPE = Shape("any")
_TEXT_SHAPE = Shape("text")


@lru_cache(maxsize=1024)
def shape_of(annotation: Any) -> Shape:
    """Return the shape that corresponds to a type annotation of the models."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape_of_annotated(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return shape_of(next(arg for arg in arguments if arg is not type(None)))
    if origin is Literal:
        kind = "whole" if isinstance(arguments[0], int) else "choice"
        return Shape(kind, choices=tuple(map(str, arguments)))
    if origin is dict:
        return Shape(
            "years" if shape_of(arguments[0]).kind == "whole" else "mapping", item=arguments[1]
        )
    if origin is tuple:
        return Shape("list", item=arguments[0])
    if not isinstance(annotation, type):
        return ANY_SHAPE
    if issubclass(annotation, BaseModel) and not issubclass(annotation, LocalizedText):
        return Shape("model", annotation)
    kinds = {
        LocalizedText: "texts",
        Number: "number",
        YearlyQuantity: "yearly",
        bool: "flag",
        int: "whole",
    }
    return Shape(kinds.get(annotation, "text" if annotation is str else "any"))


def _shape_of_annotated(inner_type: Any, metadata: tuple[Any, ...]) -> Shape:
    for mark in metadata:
        if isinstance(mark, (NumberBounds, YearReader)):
            return Shape("number")
        if isinstance(mark, YearlyBounds):
            return Shape("yearly")
        if isinstance(mark, NamesOrKeyword):
            return Shape("names", choices=(mark.keyword,))
        if isinstance(mark, BeforeValidator) and mark.func is read_country:
            return Shape("country")
    return shape_of(inner_type)


def shape_of_step(shape: Shape, step: PathStep) -> Shape | None:
    """Return the shape of the value under a key or position; None if the step is not allowed."""
    if shape.kind == "model":
        return _field_shapes(shape.model).get(str(step))
    if shape.kind in ("mapping", "years", "list"):
        return shape_of(shape.item)
    if shape.kind == "names" or (shape.kind == "texts" and step in LANGUAGES):
        return _TEXT_SHAPE
    if shape.kind in ("number", "yearly"):
        if step in SOURCED_KEYS:
            return {"value": shape, "year": Shape("whole")}.get(str(step), _TEXT_SHAPE)
        return Shape("number") if shape.kind == "yearly" else None
    return ANY_SHAPE if shape.kind == "any" else None


@cache
def _field_shapes(model: type[BaseModel] | None) -> dict[str, Shape]:
    """Return the shape of each field of a model, by the field's key in files."""
    shapes = {}
    for name, field in model.model_fields.items() if model is not None else ():
        annotation: Any = field.annotation
        for mark in field.metadata:
            annotation = Annotated[annotation, mark]
        shapes[field.alias or name] = shape_of(annotation)
    return shapes


def _find_field(shape: Shape, key: str) -> tuple[str, FieldInfo] | None:
    """Return the name and the pydantic field of a shape's model for a key in files, or None."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return next(((name, field) for name, field in fields if key == (field.alias or name)), None)


def is_required(shape: Shape, key: str) -> bool:
    """Return whether the field with this key is required by the model of a shape."""
    field = _find_field(shape, key)
    return field is not None and field[1].is_required()


def describe_field(shape: Shape, key: str) -> str:
    """Return the docstring of a field; empty if there is none."""
    field = _find_field(shape, key)
    if field is None or shape.model is None:
        return ""
    return field_docstrings(shape.model).get(field[0], "")


def shape_at(path: Iterable[PathStep]) -> Shape:
    """Return the shape at a path from the root; ``any`` if the path does not exist."""
    shape: Shape | None = SCENARIO_SHAPE
    for step in path:
        shape = shape_of_step(shape, step) if shape is not None else None
    return shape or ANY_SHAPE


def to_plain_data(node: Node, shape: Shape) -> Any:
    """Convert a tree of nodes to dicts, lists and scalars, omitting fields without a value.

    A key that the shape does not know is kept, so that validation refuses it. An item without a
    value becomes an item with default values only. ``null`` in a list is kept, since positions
    matter.
    """
    if isinstance(node.value, dict):
        plain_data = {}
        for key, child in node.value.items():
            child_shape = shape_of_step(shape, key)
            if child.value is not None:
                plain_data[key] = to_plain_data(child, child_shape or ANY_SHAPE)
            elif is_item(shape) and not child.faulty:
                plain_data[key] = {}
            elif child_shape is None or not _may_be_absent(shape, node, key):
                plain_data[key] = None
        return plain_data
    if isinstance(node.value, list):
        child_shape = shape_of_step(shape, 0) or ANY_SHAPE
        return [to_plain_data(child, child_shape) for child in node.value]
    return node.value


def is_item(shape: Shape) -> bool:
    """Return whether a shape is a mapping whose values are items with ids, such as projects."""
    return shape.kind == "mapping" and holds_items(shape)


def holds_items(shape: Shape) -> bool:
    """Return whether a shape is a list or a mapping of items."""
    return shape.kind in ("mapping", "list") and shape_of(shape.item).kind == "model"


def _may_be_absent(shape: Shape, node: Node, key: str) -> bool:
    """Return whether a key without a value is known to the shape and can be dropped.

    A number as a key in a mapping of ids is kept: it results from a decimal comma in braces.
    """
    if shape.kind == "mapping" and key.isdecimal():
        return False
    if shape.kind == "years":
        return key.isdecimal()
    if shape.kind != "yearly" or key in SOURCED_KEYS:
        return True
    return key.isdecimal() and not any(name in node.value for name in SOURCED_KEYS)
