"""What was read, with the place of every value: trees of nodes, and tables of cells.

A scenario is kept as a tree of nodes from the file to the finished case, so that a fault found
late, or in a value that a variant put there, still knows where it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.faults import Fault, PathStep, SourceLocation

MAX_ROWS = 100_000
MAX_COLUMNS = 1_000  #: Of a table.
NodePath = tuple[PathStep, ...]
FaultReporter = Callable[[Fault], None]  #: Takes a fault that was found; reading goes on.


@dataclass(slots=True)
class Node:
    """One value and where it stands.

    ``value`` is a scalar, a mapping of keys to nodes, or a list of nodes. ``key_place`` is where
    the key of a mapping's value stands, ``written`` how a bare scalar was written. ``faulty``
    says that a fault was reported for it already, ``missing`` that nothing was written: such a
    node keeps the place where a value is lacking, and gives way to one that is included. ``torn``
    is the text that a comma in braces cut, as in ``{name: Mine, north}``: "Mine, north", at the
    key ``north``.
    """

    value: Any
    location: SourceLocation
    key_location: SourceLocation | None = None
    raw_text: str = ""
    faulty: bool = False
    missing: bool = False
    cut_text: str = ""

    def child(self, step: PathStep) -> Node | None:
        """The node one step further, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]  # type: ignore[no-any-return]
        return None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value, where it stands, and the number of its column from 0.

    ``faulty`` says that it holds something unreadable, which was reported.
    """

    value: Any
    location: SourceLocation
    column_index: int
    faulty: bool = False

    @property
    def is_filled(self) -> bool:
        """Whether there is anything in it."""
        if isinstance(self.value, str):
            return bool(self.value.strip())
        return self.value is not None or self.faulty


@dataclass(frozen=True)
class Sheet:
    """A header and the rows below it; rows of empty cells are left out."""

    header: list[Cell]
    rows: list[list[Cell]]


CopiedContainers = dict[int, Any]
"""Mappings and lists that were copied for several changes, by their ids; nobody else has them."""


def with_child(
    node: Node, step: PathStep, child: Node, copied: CopiedContainers | None = None
) -> Node:
    """A mapping or list with one value put in place, in a copy unless it is one already; all else
    is shared."""
    copied = {} if copied is None else copied
    value: Any = node.value
    if id(value) not in copied:
        value = dict(value) if isinstance(value, dict) else list(value)
        copied[id(value)] = value
    value[str(step) if isinstance(value, dict) else int(step)] = child
    return replace(node, value=value)


def without_child(node: Node, step: PathStep) -> Node:
    """A copy of a mapping without one of its keys."""
    return replace(node, value={key: one for key, one in node.value.items() if key != str(step)})


def node_at(root: Node, path: Sequence[PathStep]) -> Node | None:
    """The node at a path, or None."""
    node: Node | None = root
    for step in path:
        node = node.child(step) if node is not None else None
    return node


def location_of(root: Node, path: Sequence[PathStep], at_key: bool = False) -> SourceLocation:
    """Where the value at a path stands, or its nearest ancestor that has a place."""
    node = root
    for number, step in enumerate(path):
        child = node.child(step)
        if child is None:
            # What is missing is missing from the thing named by the key above it.
            return node.key_location or node.location if number else node.location
        node = child
    return node.key_location or node.location if at_key else node.location


def count_nodes(node: Node) -> int:
    """The number of nodes of a tree."""
    inner = node.value.values() if isinstance(node.value, dict) else node.value
    return 1 + (sum(map(count_nodes, inner)) if isinstance(node.value, (dict, list)) else 0)


def iter_leaves(node: Node, path: NodePath = ()) -> Iterator[tuple[NodePath, Node]]:
    """Every scalar with its path."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from iter_leaves(child, (*path, key))
    elif isinstance(node.value, list):
        for position, child in enumerate(node.value):
            yield from iter_leaves(child, (*path, position))
    else:
        yield path, node
