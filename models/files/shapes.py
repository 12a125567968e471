"""What the models want at a path of the file: read off their types, so said only once.

Tables need it to know whether a cell is a number or a text, patches to know which fields exist,
and messages to name the nearest key or the choices there are.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator

from models.base import Choice, Text, read_country
from models.docstrings import field_docstrings
from models.faults import Step
from models.language import tr
from models.scenario.case import Case
from models.scenario.quantities import Bounds, Number, Yearly, YearlyBounds
from models.scenario.years import YearReader
from models.spelling import close

ABOUT = ("value", "source", "confidence", "note")
Kind = Literal[
    "model", "mapping", "years", "list", "number", "yearly", "whole", "text", "texts", "flag",
    "choice", "names", "country", "any",
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What is expected somewhere.

    ``years`` is a mapping whose keys are numbers, ``whole`` a bare whole number such as a year,
    ``texts`` a text in one or two languages, ``names`` a list of names or one word for all.
    """

    kind: Kind
    model: type[BaseModel] | None = None
    item: Any = None
    choices: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys a mapping may have, as files write them; none where they are free."""
        if self.kind == "texts":
            return ("en", "de")
        if self.kind in ("number", "yearly"):
            return ABOUT
        if self.kind != "model" or self.model is None:
            return ()
        return tuple(field.alias or name for name, field in self.model.model_fields.items())


ROOT = Shape("model", Case)
ANYTHING = Shape("any")
_ABOUT_SHAPE = Shape("text")


@lru_cache(maxsize=1024)
def shape_of(annotation: Any) -> Shape:
    """The shape that a type of the models stands for."""
    origin, about = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(about[0], about[1:])
    if origin in (Union, types.UnionType):
        return shape_of(next(arg for arg in about if arg is not type(None)))
    if origin is Literal:
        kind: Kind = "whole" if isinstance(about[0], int) else "choice"
        return Shape(kind, choices=tuple(map(str, about)))
    if origin is dict:
        kind = "years" if shape_of(about[0]).kind == "whole" else "mapping"
        return Shape(kind, item=about[1])
    if origin is tuple:
        return Shape("list", item=about[0])
    if isinstance(annotation, type):
        return _class(annotation)
    return ANYTHING


def _annotated(inner: Any, about: tuple[Any, ...]) -> Shape:
    for mark in about:
        if isinstance(mark, (Bounds, YearReader)):
            return Shape("number")
        if isinstance(mark, YearlyBounds):
            return Shape("yearly")
        if isinstance(mark, Choice):
            return Shape("names", choices=(mark.word,))
        if isinstance(mark, BeforeValidator) and mark.func is read_country:
            return Shape("country")
    return shape_of(inner)


def _class(kind: type[Any]) -> Shape:
    if issubclass(kind, Text):
        return Shape("texts")
    if issubclass(kind, BaseModel):
        return Shape("model", kind)
    if issubclass(kind, Number):
        return Shape("number")
    if kind is Yearly:
        return Shape("yearly")
    simple: dict[type[Any], Kind] = {bool: "flag", int: "whole", str: "text"}
    return Shape(simple.get(kind, "any"))


def step_into(shape: Shape, step: Step) -> Shape | None:
    """The shape one step further, or None where no such key or position can be."""
    if shape.kind == "model" and shape.model is not None:
        return _field(shape.model, str(step))
    if shape.kind in ("mapping", "years"):
        return shape_of(shape.item)
    if shape.kind == "list":
        return shape_of(shape.item)
    if shape.kind == "names":
        return Shape("text")
    if shape.kind == "texts":
        return Shape("text") if step in ("en", "de") else None
    if shape.kind in ("number", "yearly"):
        if step == "value":
            return shape
        if step in ABOUT:
            return _ABOUT_SHAPE
        return Shape("number") if shape.kind == "yearly" else None
    return ANYTHING if shape.kind == "any" else None


def _field(model: type[BaseModel], key: str) -> Shape | None:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            annotation: Any = field.annotation
            for mark in field.metadata:
                annotation = Annotated[annotation, mark]
            return shape_of(annotation)
    return None


def required(shape: Shape, key: str) -> bool:
    """Whether a field has to be there."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return any(field.is_required() for name, field in fields if key == (field.alias or name))


def describe(shape: Shape, key: str) -> str:
    """The one line that the models say of a field."""
    if shape.kind == "model" and shape.model is not None:
        for name, field in shape.model.model_fields.items():
            if key == (field.alias or name):
                return field_docstrings(shape.model).get(name, "")
    return ""


def shape_at(path: Iterable[Step]) -> Shape:
    """The shape at a path from the root of a scenario; anything where the path leads nowhere."""
    shape: Shape | None = ROOT
    for step in path:
        shape = step_into(shape, step) if shape is not None else None
    return shape or ANYTHING


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that a misspelt word most likely means, or an empty text."""
    return close(word, names)


def suggestion(word: str, names: Iterable[str]) -> str:
    """The hint for a key that is not among those that may stand here."""
    return _nearest_or(word, names, lambda listed: tr("known here: {names}", names=listed))


def existing(word: str, names: Iterable[str]) -> str:
    """The hint for the name of a thing that is not there."""
    return _nearest_or(word, names, lambda listed: tr("there are {names}", names=listed))


def one_of(word: str, names: Iterable[str]) -> str:
    """The hint for a word that is none of those that may be chosen."""
    return _nearest_or(word, names, lambda listed: tr("write one of {names}", names=listed))


def _nearest_or(word: str, names: Iterable[str], list_of: Callable[[str], str]) -> str:
    names = list(names)
    near = nearest(word, names)
    if near:
        return tr("did you mean '{name}'?", name=near)
    if not names:
        return ""
    return list_of(", ".join(names[:12]) + (", ..." if len(names) > 12 else ""))
