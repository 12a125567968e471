"""What the models want at a path of the file: read off their types, so said only once.

Tables need it to know whether a cell is a number or a text, patches to know which fields exist,
messages to name the nearest key or the choices there are, and trees to become the bare data that
the models read.
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
from models.scenario.case import Case
from models.scenario.quantities import (
    Number,
    NumberBounds,
    YearlyBounds,
    YearlyQuantity,
    YearReader,
)

SOURCED_KEYS = ("value", "source", "confidence", "note")


@dataclass(frozen=True)
class Shape:
    """What is expected somewhere: one of the kinds ``model``, ``mapping``, ``list``, ``number``,
    ``yearly``, ``text``, ``flag``, ``choice``, ``country``, ``any`` and those that follow.

    ``years`` is a mapping whose keys are numbers, ``whole`` a bare whole number such as a year,
    ``texts`` a text in one or two languages, ``names`` a list of names or one word for all.
    """

    kind: str
    model: type[BaseModel] | None = None
    item: Any = None
    choices: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys a mapping may have, as files write them; none where they are free."""
        if self.model is not None:
            return tuple(field.alias or name for name, field in self.model.model_fields.items())
        return {"texts": ("en", "de"), "number": SOURCED_KEYS, "yearly": SOURCED_KEYS}.get(
            self.kind, ()
        )


SCENARIO_SHAPE = Shape("model", Case)
ANY_SHAPE = Shape("any")
_TEXT_SHAPE = Shape("text")


@lru_cache(maxsize=1024)
def shape_of(annotation: Any) -> Shape:
    """The shape that a type of the models stands for."""
    origin, about = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape_of_annotated(about[0], about[1:])
    if origin in (Union, types.UnionType):
        return shape_of(next(arg for arg in about if arg is not type(None)))
    if origin is Literal:
        kind = "whole" if isinstance(about[0], int) else "choice"
        return Shape(kind, choices=tuple(map(str, about)))
    if origin is dict:
        return Shape("years" if shape_of(about[0]).kind == "whole" else "mapping", item=about[1])
    if origin is tuple:
        return Shape("list", item=about[0])
    if not isinstance(annotation, type):
        return ANY_SHAPE
    if issubclass(annotation, BaseModel) and not issubclass(annotation, LocalizedText):
        return Shape("model", annotation)
    simple = {
        LocalizedText: "texts",
        Number: "number",
        YearlyQuantity: "yearly",
        bool: "flag",
        int: "whole",
    }
    return Shape(simple.get(annotation, "text" if annotation is str else "any"))


def _shape_of_annotated(inner: Any, metadata: tuple[Any, ...]) -> Shape:
    for mark in metadata:
        if isinstance(mark, (NumberBounds, YearReader)):
            return Shape("number")
        if isinstance(mark, YearlyBounds):
            return Shape("yearly")
        if isinstance(mark, NamesOrKeyword):
            return Shape("names", choices=(mark.keyword,))
        if isinstance(mark, BeforeValidator) and mark.func is read_country:
            return Shape("country")
    return shape_of(inner)


def shape_of_step(shape: Shape, step: PathStep) -> Shape | None:
    """The shape one step further, or None where no such key or position can be."""
    if shape.kind == "model":
        return _field_shapes(shape.model).get(str(step))
    if shape.kind in ("mapping", "years", "list"):
        return shape_of(shape.item)
    if shape.kind == "names" or (shape.kind == "texts" and step in ("en", "de")):
        return _TEXT_SHAPE
    if shape.kind in ("number", "yearly"):
        if step in SOURCED_KEYS:
            return shape if step == "value" else _TEXT_SHAPE
        return Shape("number") if shape.kind == "yearly" else None
    return ANY_SHAPE if shape.kind == "any" else None


@cache
def _field_shapes(model: type[BaseModel] | None) -> dict[str, Shape]:
    """The shapes of the fields of a model, by their keys in files."""
    found = {}
    for name, one in model.model_fields.items() if model is not None else ():
        annotation: Any = one.annotation
        for mark in one.metadata:
            annotation = Annotated[annotation, mark]
        found[one.alias or name] = shape_of(annotation)
    return found


def _find_field(shape: Shape, key: str) -> tuple[str, FieldInfo] | None:
    """The field of a model that files write as a key, and its name in the model."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return next(((name, one) for name, one in fields if key == (one.alias or name)), None)


def is_required(shape: Shape, key: str) -> bool:
    """Whether a field has to be there."""
    found = _find_field(shape, key)
    return found is not None and found[1].is_required()


def describe_field(shape: Shape, key: str) -> str:
    """The one line that the models say of a field."""
    found = _find_field(shape, key)
    if found is None or shape.model is None:
        return ""
    return field_docstrings(shape.model).get(found[0], "")


def shape_at(path: Iterable[PathStep]) -> Shape:
    """The shape at a path from the root of a scenario; anything where the path leads nowhere."""
    shape: Shape | None = SCENARIO_SHAPE
    for step in path:
        shape = shape_of_step(shape, step) if shape is not None else None
    return shape or ANY_SHAPE


def to_plain_data(node: Node, shape: Shape) -> Any:
    """The bare data, where a field without a value is a field that is absent.

    A key that the shape does not know stays, with or without a value, so that it is refused. An
    item without a value is one with nothing but defaults. Nothing (``null``) in a list stays,
    since lists have positions.
    """
    if isinstance(node.value, dict):
        data = {}
        for key, child in node.value.items():
            inside = shape_of_step(shape, key)
            if child.value is not None:
                data[key] = to_plain_data(child, inside or ANY_SHAPE)
            elif is_item(shape) and not child.faulty:
                data[key] = {}
            elif inside is None or not _may_be_absent(shape, node, key):
                data[key] = None
        return data
    if isinstance(node.value, list):
        inside = shape_of_step(shape, 0) or ANY_SHAPE
        return [to_plain_data(child, inside) for child in node.value]
    return node.value


def is_item(shape: Shape) -> bool:
    """Whether what a mapping holds are items such as projects, by their ids."""
    return shape.kind == "mapping" and holds_items(shape)


def holds_items(shape: Shape) -> bool:
    """Whether a shape is a list or a mapping of items."""
    return shape.kind in ("mapping", "list") and shape_of(shape.item).kind == "model"


def _may_be_absent(shape: Shape, node: Node, key: str) -> bool:
    """Whether a key is one of those that the shape knows: a year only where years belong.

    A bare number among ids is what follows a decimal comma in braces, not an id left out.
    """
    if shape.kind == "mapping" and key.isdecimal():
        return False
    if shape.kind == "years":
        return key.isdecimal()
    if shape.kind != "yearly" or key in SOURCED_KEYS:
        return True
    return key.isdecimal() and not any(name in node.value for name in SOURCED_KEYS)
