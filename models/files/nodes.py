"""Content of files with source locations: trees of nodes, and tables of cells.

A scenario is kept as a tree of nodes until the case is complete, so that a fault found late, or in
a value of a variant, can still name the place where the value was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.faults import Fault, PathStep, SourceLocation

MAX_ROWS = 100_000
MAX_COLUMNS = 1_000  #: Of a table.
NodePath = tuple[PathStep, ...]
FaultReporter = Callable[[Fault], None]  #: Records a fault, after which reading continues.


@dataclass(slots=True)
class Node:
    """One value of a file, with its source location.

    ``value`` is a scalar, a mapping of keys to nodes, or a list of nodes. ``key_location`` is the
    place where the key of the value was written, ``raw_text`` the text of an unquoted scalar.
    ``faulty`` states that a fault was already reported for the node. ``missing`` states that
    nothing was written: the node then holds the location where a value is missing, and a value of
    an included file replaces it. ``cut_text`` is a text that a comma inside braces has split, as in
    ``{name: Mine, north}``: "Mine, north", stored at the key ``north``.
    """

    value: Any
    location: SourceLocation
    key_location: SourceLocation | None = None
    raw_text: str = ""
    faulty: bool = False
    missing: bool = False
    cut_text: str = ""

    def child(self, step: PathStep) -> Node | None:
        """Return the child node under a key or at a list position, or None if there is none."""
        if isinstance(self.value, dict):
            # A single item may stand for a list of one.
            return self.value.get(str(step)) or (self if step == 0 else None)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]  # type: ignore[no-any-return]
        return None


@dataclass(slots=True)
class Cell:
    """One cell: its value, its place, and column number from 0.

    The place is the source location, or a function that returns it for a column number: tables have
    many cells, and few locations are needed. ``faulty`` states that the content of the cell is
    unreadable and that this was reported.
    """

    value: Any
    place: SourceLocation | Callable[[int], SourceLocation]
    column_index: int
    faulty: bool = False

    @property
    def location(self) -> SourceLocation:
        """The source location."""
        place = self.place
        return place if isinstance(place, SourceLocation) else place(self.column_index)

    @property
    def is_filled(self) -> bool:
        """Whether the cell has any content."""
        if isinstance(self.value, str):
            return bool(self.value.strip())
        return self.value is not None or self.faulty


@dataclass(frozen=True)
class Sheet:
    """A table: its header row, and the rows below it that are not empty."""

    header: list[Cell]
    rows: list[list[Cell]]


CopiedContainers = dict[int, Any]
"""Mappings and lists, by ``id()``, that were copied already and may be changed in place."""


def with_child(
    node: Node, step: PathStep, child: Node, copied_containers: CopiedContainers | None = None
) -> Node:
    """Return a mapping or list node with one child replaced or added.

    The container is copied unless it is listed in ``copied_containers``, in which case it is
    changed in place. All other children are shared with ``node``.
    """
    copied_containers = {} if copied_containers is None else copied_containers
    value: Any = node.value
    if id(value) not in copied_containers:
        value = dict(value) if isinstance(value, dict) else list(value)
        copied_containers[id(value)] = value
    value[str(step) if isinstance(value, dict) else int(step)] = child
    return replace(node, value=value)


def without_child(node: Node, step: PathStep) -> Node:
    """Return a copy of a mapping without one of its keys."""
    return replace(
        node, value={key: child for key, child in node.value.items() if key != str(step)}
    )


def node_at(root: Node, path: Sequence[PathStep]) -> Node | None:
    """Return the node at a path below ``root``, or None if the path does not exist."""
    node: Node | None = root
    for step in path:
        node = node.child(step) if node is not None else None
    return node


def location_of(root: Node, path: Sequence[PathStep], at_key: bool = False) -> SourceLocation:
    """Return the location of the value at a path, or of its key if ``at_key`` is True.

    If the value does not exist, return the location of the key of its nearest ancestor.
    """
    node = root
    for depth, step in enumerate(path):
        child = node.child(step)
        if child is None:
            return node.key_location or node.location if depth else node.location
        node = child
    return node.key_location or node.location if at_key else node.location


def count_nodes(node: Node) -> int:
    """Return the number of nodes of a tree."""
    children = node.value.values() if isinstance(node.value, dict) else node.value
    return 1 + (sum(map(count_nodes, children)) if isinstance(node.value, (dict, list)) else 0)


def iter_leaves(node: Node, path: NodePath = ()) -> Iterator[tuple[NodePath, Node]]:
    """Yield the path and node of every scalar of a tree."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from iter_leaves(child, (*path, key))
    elif isinstance(node.value, list):
        for position, child in enumerate(node.value):
            yield from iter_leaves(child, (*path, position))
    else:
        yield path, node


def follows_decimal_comma(root: Node, path: tuple[PathStep, ...], node: Node) -> bool:
    """Return whether the list item at a path directly follows ``0,``, like a decimal comma."""
    step = path[-1] if path else 0
    previous_node = node_at(root, (*path[:-1], step - 1)) if isinstance(step, int) else None
    if previous_node is None or previous_node.raw_text != "0" or not node.raw_text.isdecimal():
        return False
    return node.location == replace(
        previous_node.location, column=previous_node.location.column + 2
    )
