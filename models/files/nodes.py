"""What was read, with the place of every value.

A scenario is kept as a tree of nodes from the file to the finished case, so that a fault found
late, or in a value that a variant put there, still knows where it was written.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.faults import Fault, Place, Step

Path = tuple[Step, ...]
Report = Callable[[Fault], None]
"""Takes a fault that was found; reading goes on."""

Scalar = str | int | float | bool | None | datetime.datetime


@dataclass(slots=True)
class Node:
    """One value and where it stands.

    ``value`` is a scalar, a mapping of keys to nodes, or a list of nodes. ``key_place`` is where
    the key of a mapping's value stands, ``written`` how a bare scalar was written. ``faulty``
    says that a fault was reported for it already, ``missing`` that nothing was written: such a
    node keeps the place where a value is lacking, and gives way to one that is included.
    """

    value: Any
    place: Place
    key_place: Place | None = None
    written: str = ""
    faulty: bool = False
    missing: bool = False

    def child(self, step: Step) -> Node | None:
        """The node one step further, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]  # type: ignore[no-any-return]
        return None


def with_child(node: Node, step: Step, child: Node) -> Node:
    """A copy of a mapping or list with one value put in place; all else is shared."""
    if isinstance(node.value, dict):
        return replace(node, value={**node.value, str(step): child})
    items = list(node.value)
    items[int(step)] = child
    return replace(node, value=items)


def without_child(node: Node, step: Step) -> Node:
    """A copy of a mapping without one of its keys."""
    return replace(node, value={key: one for key, one in node.value.items() if key != str(step)})


def copied(node: Node, key_place: Place | None) -> Node:
    """The same value under another key."""
    return replace(node, key_place=key_place)


def place_of(root: Node, path: Sequence[Step], at_key: bool = False) -> Place:
    """Where the value at a path stands, or its nearest ancestor that has a place."""
    node = root
    for number, step in enumerate(path):
        child = node.child(step)
        if child is None:
            # What is missing is missing from the thing named by the key above it.
            return node.key_place or node.place if number else node.place
        node = child
    return node.key_place or node.place if at_key else node.place


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every scalar with its path."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from leaves(child, (*path, key))
    elif isinstance(node.value, list):
        for position, child in enumerate(node.value):
            yield from leaves(child, (*path, position))
    else:
        yield path, node
