"""What a scenario includes: presets by name, and other files that lie beside it.

Each is a part of a scenario, read like one: its own tables lie beside it, and it may include
others. What is included lies under the file that names it, of several the later over the earlier.
Every value keeps the place where it was written. A file may be private, and have a public stand-in.

What a value is, the models say: a mapping of fields, of items by id or of years goes together key
by key; a number with its source, a yearly quantity, a text in two languages, shares that make up a
whole and a list are one value each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Literal, get_args

from pydantic import ValidationError

from models.base import Base, Text
from models.faults import Fault, ScenarioError, Step
from models.files import presets, private, tables
from models.files.decoding import beside, is_file, read_bytes
from models.files.nodes import Node, Report, place_of, without_child
from models.files.shapes import ANYTHING, ROOT, Shape, plain, shape_of, step_into
from models.files.translating import faults_of, shown
from models.files.yaml_source import no_mapping, parse
from models.language import tr
from models.recording import Role
from models.scenario.quantities import Bounds
from models.spelling import close

KEY = "include"
SHAPE = Shape("list", item=str)
HEAD = ("schema_version", "title", "description")
"""What says of a file what it is; it stays with the file and is not included."""
_Chain = tuple[FilePath, ...]
"""Files of which each includes the next."""
_Found = tuple[FilePath | None, Node, private.Taken | None]
MAX_CHAIN = 20
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass
class Includes:
    """The files that a scenario includes, each read once."""

    file: str
    """The scenario, as the user named it."""
    with_sources: dict[str, bool] = field(default_factory=dict)
    """The files that were read, and whether each has a bibliography of its own."""
    private_files: set[str] = field(default_factory=set)
    """Those of them that are private and were there."""
    _parts: dict[FilePath, Node | None] = field(default_factory=dict)

    def under(self, root: Node, names: Node | None, report: Report) -> Node:
        """The tree of the scenario laid on what ``names`` lists; without the list itself.

        Raises ScenarioError where something cannot be included: what the scenario means is then
        not known, and to look for more faults in it would find wrong ones.
        """
        own = without_child(root, KEY)
        self.with_sources[self.file] = own.child("sources") is not None
        laid = self._laid(own, names, self.file, (FilePath(self.file),), report)
        if laid is None:
            raise ScenarioError(())
        return laid

    def _laid(
        self, own: Node, names: Node | None, file: str, chain: _Chain, report: Report
    ) -> Node | None:
        found = [(self._part(one, chain, report), one) for one in _files(names, file, report)]
        below: Node | None = None
        lists: list[dict[str, list[Node]]] = []
        for part, (path, _, taken) in found:
            if part is None:
                return None
            if taken is not None:
                if taken == "private":
                    self.private_files.add(str(path))
                part, rows = private.parted(part)
                lists.append(rows)
            below = part if below is None else laid_on(below, part, ROOT)
        laid = own if below is None else laid_on(below, own, ROOT)
        return private.joined(laid, iter(lists))

    def _part(self, found: _Found, chain: _Chain, report: Report) -> Node | None:
        """What a file includes of itself and of others; None, and faults, where it cannot."""
        path, entry, taken = found
        if path is None:
            return None
        steps = [one.resolve() for one in chain]
        if path.resolve() in steps:
            ring = [*chain[steps.index(path.resolve()) :], path]
            shown_ring = " > ".join(one.name for one in ring)
            message = tr("'{file}' includes itself", file=path.name)
            hint = shown_ring if len(ring) > 2 else tr("take it off the list")
            report(Fault((KEY,), message, hint, place=entry.place))
            return None
        if len(chain) > MAX_CHAIN:
            # A ring that a system hides, as one that ignores capitals does, ends here as well.
            message = tr("more than {count} files include one another", count=MAX_CHAIN)
            report(Fault((KEY,), message, tr("include them side by side"), place=entry.place))
            return None
        key = path.resolve()
        if key not in self._parts:
            role: Role = "preset" if path.parent == presets.folder() else "include"
            role = "private" if taken == "private" else role
            self._parts[key] = self._read(path, entry, role, (*chain, path), report)
        return self._parts[key]

    def _read(
        self, path: FilePath, entry: Node, role: Role, chain: _Chain, report: Report
    ) -> Node | None:
        file = str(path)
        try:
            root = parse(read_bytes(path, entry.place, role=role), file, report)
        except ScenarioError as error:
            for fault in error.faults:
                report(fault)
            return None
        if not isinstance(root.value, dict):
            hint = tr("what is included begins with keys such as 'funders:' and 'policy:'")
            report(no_mapping(root, hint))
            return None
        _check_head(root, report)
        names, own = root.child(KEY), root
        for key in (KEY, *HEAD):
            own = without_child(own, key)
        self.with_sources[file] = own.child("sources") is not None
        own = tables.expand(own, file, report)
        return self._laid(own, names, file, chain, report)


class _NotIncludedError(Exception):
    """An entry that names no file: the message and a hint."""


def _files(names: Node | None, file: str, report: Report) -> Iterator[_Found]:
    """The file that each entry of a list means, the entry, and what was taken of one that may be
    private. There is no file where the entry is faulty.
    """
    if names is None or (names.value is None and not names.faulty):
        return
    if not isinstance(names.value, list):
        example = names.value if isinstance(names.value, str) else "state_aid_standard"
        message = tr("a list is expected here, not {shown}", shown=shown(names.value))
        hint = tr("write {value}", value=f"[{example}]")
        report(Fault((KEY,), message, hint, place=names.place))
        yield None, names, None
        return
    seen: set[str] = set()

    def find(entry: Node, at: tuple[Step, ...]) -> FilePath | None:
        path: FilePath | None = None
        try:
            path = _file(entry.value, file if entry.place.line == 0 else entry.place.file)
            if str(entry.value) in seen:
                message = tr("'{name}' is included twice", name=entry.value)
                raise _NotIncludedError(message, tr("keep one of them"))
        except _NotIncludedError as error:
            message, hint = error.args
            report(Fault(at, message, hint, place=entry.place))
            path = None
        seen.add(str(entry.value))
        return path

    for position, entry in enumerate(names.value):
        at: tuple[Step, ...] = (KEY, position)
        if not isinstance(entry.value, dict):
            yield find(entry, at), entry, None
            continue
        named = private.read_entry(entry, at, report)
        if named is None:
            yield None, entry, "private"
        else:
            yield named.taken(partial(find, at=at), at, report)


def _file(name: object, file: str) -> FilePath:
    """The file that an entry of the list means, named in ``file``."""
    if not isinstance(name, str) or not name.strip():
        hint = tr("write the name of a preset, or that of a file")
        raise _NotIncludedError(tr("{shown} is no name", shown=shown(name)), hint)
    if not re.search(r"[/\\.]", name):
        return _preset(name, file)
    path = beside(file, name)
    if path is None:
        message = tr("what is included lies in the folder of the file that names it, or below")
        raise _NotIncludedError(message, tr("put it beside that file"))
    if path.suffix.lower() not in SUFFIXES:
        message = tr("'{suffix}' is no kind of scenario file", suffix=path.suffix or name)
        hint = tr("its name ends in {suffixes}", suffixes=", ".join(SUFFIXES))
        raise _NotIncludedError(message, hint)
    return path


def _preset(name: str, file: str) -> FilePath:
    known = presets.shipped()
    if name in known:
        return known[name]
    message = tr("there is no preset '{name}'", name=name)
    near = close(name, known)
    for suffix in SUFFIXES:
        own = beside(file, name + suffix)
        if not near and own is not None and is_file(own):
            raise _NotIncludedError(message, tr("write {value}", value=name + suffix))
    listed = ", ".join(known)
    hint = tr("there are {names}", names=listed)
    if near:
        hint = tr("did you mean '{name}'? there are {names}", name=near, names=listed)
    raise _NotIncludedError(message, hint)


class _Head(Base):
    """What a file says of itself."""

    schema_version: Literal[1] = 1
    title: Text | None = None
    description: Text | None = None


def _check_head(root: Node, report: Report) -> None:
    head = {key: node for key in HEAD if (node := root.child(key)) is not None}
    try:
        _Head.model_validate(plain(replace(root, value=head), ROOT))
    except ValidationError as error:
        for fault in faults_of(error):
            report(replace(fault, place=place_of(root, fault.path, fault.at_key)))


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
