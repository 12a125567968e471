"""Files that stay with their owner: an entry of ``include`` such as ``{private: our.yaml}``.

Where the private file lies beside the scenario it is taken; elsewhere its public stand-in is, if
the entry names one. Either is said. Rows of the lists below come in addition to those of others, so
that several companies can each keep their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal

from models.faults import Fault
from models.files.decoding import is_file
from models.files.nodes import Node, Report, with_child, without_child
from models.files.translating import shown
from models.language import tr
from models.spelling import suggestion

KEYS = ("private", "otherwise", "owner")
JOINED = ("demand", "damage", "supply")
"""Lists whose rows add up, or speak of different consumers: a private file has its own part."""

Taken = Literal["private", "otherwise"]


@dataclass(frozen=True)
class Entry:
    """What an entry of the list names, each with its place."""

    private: Node
    otherwise: Node | None
    owner: str | None

    def taken(
        self, find: Callable[[Node], FilePath | None], path: tuple[str | int, ...], report: Report
    ) -> tuple[FilePath | None, Node, Taken]:
        """The file that is there, and the name it has; no file, and a fault, where none is.

        ``find`` gives the file of a name, or None after it has reported a fault.
        """
        own = find(self.private)
        public = find(self.otherwise) if self.otherwise is not None else None
        if own is None or (public is None and self.otherwise is not None):
            return None, self.private, "private"
        name = self.private.value
        if is_file(own):
            message = tr("the private file '{name}' is read", name=name)
            hint = tr("plans, reports and workbooks made from here hold its figures")
            report(Fault(path, message, hint, "warning", place=self.private.place))
            return own, self.private, "private"
        hint = tr("ask its owner for it, or name a public file beside it under 'otherwise'")
        if self.owner is not None:
            hint = tr(
                "it stays with {owner}: ask there, or name a public file beside it under "
                "'otherwise'",
                owner=self.owner,
            )
        if public is None or self.otherwise is None:
            message = tr("the private file '{name}' is not here", name=name)
            report(Fault(path, message, hint, place=self.private.place))
            return None, self.private, "private"
        other = self.otherwise.value
        message = tr(
            "the private file '{name}' is not here; '{other}' stands in for it",
            name=name,
            other=other,
        )
        hint = tr("its figures are not those of the owner")
        if self.owner is not None:
            hint = tr("its figures are not those of {owner}", owner=self.owner)
        report(Fault(path, message, hint, "warning", place=self.private.place))
        return public, self.otherwise, "otherwise"


def read_entry(entry: Node, path: tuple[str | int, ...], report: Report) -> Entry | None:
    """What a mapping in the list names; None, and every fault reported, where it is not such."""
    sound = True

    def wrong(message: str, hint: str, node: Node, *, at_key: bool = False) -> None:
        nonlocal sound
        sound = False
        place = node.key_place if at_key and node.key_place is not None else node.place
        report(Fault(path, message, hint, at_key=at_key, place=place))

    for key, node in entry.value.items():
        if key not in KEYS:
            message = tr("'{value}' is not known here", value=key)
            wrong(message, suggestion(key, KEYS), node, at_key=True)
        elif key == "owner" and node.value is not None and not isinstance(node.value, str):
            wrong(tr("{shown} is no name", shown=shown(node.value)), tr("write a name"), node)
    private, owner = entry.child("private"), entry.child("owner")
    if private is None:
        hint = tr("write {value}", value="{private: our_figures.yaml, otherwise: public.yaml}")
        wrong(tr("'private' is missing"), hint, entry)
    otherwise = entry.child("otherwise")
    if private is None or not sound:
        return None
    return Entry(
        private,
        None if otherwise is None or otherwise.value is None else otherwise,
        None if owner is None or owner.value is None else str(owner.value),
    )


def parted(part: Node) -> tuple[Node, dict[str, list[Node]]]:
    """A part without the lists that are joined, and their items."""
    lists: dict[str, list[Node]] = {}
    for key in JOINED:
        node = part.child(key)
        if node is not None and isinstance(node.value, list):
            lists[key], part = node.value, without_child(part, key)
    return part, lists


def joined(root: Node, lists: Iterator[dict[str, list[Node]]]) -> Node:
    """A tree with the items of private files behind its own."""
    for one in lists:
        for key, items in one.items():
            own = root.child(key)
            if own is None or (own.value is None and not own.faulty):
                place = own.place if own is not None else items[0].place if items else root.place
                root = with_child(root, key, Node(list(items), place))
            elif isinstance(own.value, list):
                root = with_child(root, key, Node([*own.value, *items], own.place, own.key_place))
    return root
