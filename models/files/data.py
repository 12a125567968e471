"""From the tree to the bare data that the models read."""

from __future__ import annotations

from typing import Any

from models.files.nodes import Node
from models.files.shapes import ABOUT, Shape, shape_of, step_into


def plain(node: Node, shape: Shape) -> Any:
    """The bare data, where a field without a value is a field that is absent.

    A key that the shape does not know stays, with or without a value, so that it is refused. An
    item without a value is one with nothing but defaults. Nothing (``null``) in a list stays,
    since lists have positions.
    """
    if isinstance(node.value, dict):
        data = {}
        for key, child in node.value.items():
            inside = step_into(shape, key)
            if child.value is not None:
                data[key] = plain(child, inside or Shape("any"))
            elif is_item(shape) and not child.faulty:
                data[key] = {}
            elif inside is None or not _may_be_absent(shape, node, key):
                data[key] = None
        return data
    if isinstance(node.value, list):
        inside = step_into(shape, 0) or Shape("any")
        return [plain(child, inside) for child in node.value]
    return node.value


def is_item(shape: Shape) -> bool:
    """Whether what a mapping holds are items such as projects, by their ids."""
    return shape.kind == "mapping" and shape_of(shape.item).kind == "model"


def _may_be_absent(shape: Shape, node: Node, key: str) -> bool:
    """Whether a key is one of those that the shape knows: a year only where years belong.

    A bare number among ids is what follows a decimal comma in braces, not an id left out.
    """
    if shape.kind == "mapping" and key.isdecimal():
        return False
    if shape.kind == "years":
        return key.isdecimal()
    if shape.kind != "yearly" or key in ABOUT:
        return True
    return key.isdecimal() and not any(name in node.value for name in ABOUT)
