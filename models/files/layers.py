"""One tree of nodes laid on another: how a scenario and what it includes become one.

What a value is, the models say: a mapping of fields, of items by id or of years goes together key
by key; a number with its source, a yearly quantity, a text in two languages, shares that make up a
whole and a list are one value each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from models.files.nodes import Node
from models.files.shapes import ANYTHING, Shape, shape_of, step_into
from models.scenario.quantities import Bounds


def laid_on(under: Node, over: Node, shape: Shape) -> Node:
    """``over`` laid on ``under``, with the places of both.

    Keys of ``over`` come first, then those that only ``under`` has. Nothing (``null``) in ``over``
    takes away what lies below it; an empty cell does not. Items of a list that have ids, such as
    stockpiles, are matched by them; any other list replaces the one below.
    """
    if over.missing:
        return under
    if over.value is None and over.faulty:
        return over
    if isinstance(over.value, dict) and _goes_by_key(shape):
        if under.value is None and under.faulty:
            return replace(over, value=None, faulty=True)
        if isinstance(under.value, dict):
            return replace(over, value=_by_key(under.value, over.value, shape))
    if isinstance(over.value, list) and _has_ids(shape):
        if under.value is None and under.faulty:
            return replace(over, value=None, faulty=True)
        if isinstance(under.value, list):
            return replace(over, value=_by_id(under.value, over.value, shape_of(shape.item)))
    return over


def _goes_by_key(shape: Shape) -> bool:
    """Whether mappings here go together; not shares such as ``paid_by``, which add up to 1."""
    if shape.kind not in ("mapping", "years"):
        return shape.kind == "model"
    return not any(isinstance(mark, Bounds) and mark.le == 1 for mark in get_args(shape.item)[1:])


def _by_key(under: dict[str, Node], over: dict[str, Node], shape: Shape) -> dict[str, Node]:
    laid: dict[str, Node] = {}
    for key, node in over.items():
        below = under.get(key)
        if below is None:
            laid[key] = node
        elif node.value is not None or node.faulty or node.missing:
            laid[key] = laid_on(below, node, step_into(shape, key) or ANYTHING)
    return laid | {key: node for key, node in under.items() if key not in over}


def _has_ids(shape: Shape) -> bool:
    """Whether the items of a list have ids."""
    return shape.kind == "list" and "id" in shape_of(shape.item).keys


def _by_id(under: list[Node], over: list[Node], item: Shape) -> list[Node]:
    below = {name: node for node in under if (name := _id(node)) is not None}
    named = {_id(node) for node in over}
    laid = [
        laid_on(below[name], node, item) if (name := _id(node)) in below else node for node in over
    ]
    return [*laid, *(node for node in under if _id(node) not in named or _id(node) is None)]


def _id(node: Node) -> str | None:
    name = node.child("id")
    return str(name.value) if name is not None and name.value is not None else None
