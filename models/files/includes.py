"""What a scenario includes: presets by name, and other files that lie beside it.

Each is a part of a scenario, read like one: its own tables lie beside it, and it may include
others. What is included lies under the file that names it, of several the later over the earlier.
Every value keeps the place where it was written. A file may be private, and have a public stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Literal

from pydantic import ValidationError

from models.base import Base, Text
from models.faults import Fault, ScenarioError, Step
from models.files import presets, private, tables
from models.files.data import plain
from models.files.decoding import beside, is_file, read_bytes
from models.files.layers import laid_on
from models.files.nodes import Node, Report, place_of, without_child
from models.files.shapes import ROOT, Shape
from models.files.translating import faults_of, shown
from models.files.yaml_source import parse
from models.language import tr
from models.recording import Role
from models.spelling import close

KEY = "include"
SHAPE = Shape("list", item=str)
HEAD = ("schema_version", "title", "description")
"""What says of a file what it is; it stays with the file and is not included."""
MAX_CHAIN = 20
"""Files of which each includes the next."""
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
        self,
        own: Node,
        names: Node | None,
        file: str,
        chain: tuple[FilePath, ...],
        report: Report,
    ) -> Node | None:
        found = [
            (self._part(path, entry, chain, report, taken), path, taken)
            for path, entry, taken in _files(names, file, report)
        ]
        below: Node | None = None
        lists: list[dict[str, list[Node]]] = []
        for part, path, taken in found:
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

    def _part(
        self,
        path: FilePath | None,
        entry: Node,
        chain: tuple[FilePath, ...],
        report: Report,
        taken: private.Taken | None,
    ) -> Node | None:
        """What a file includes of itself and of others; None, and faults, where it cannot."""
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
            self._parts[key] = self._read(path, entry, (*chain, path), report, taken)
        return self._parts[key]

    def _read(
        self,
        path: FilePath,
        entry: Node,
        chain: tuple[FilePath, ...],
        report: Report,
        taken: private.Taken | None,
    ) -> Node | None:
        file = str(path)
        role: Role = "include"
        if taken == "private":
            role = "private"
        elif path.parent == presets.folder():
            role = "preset"
        try:
            root = parse(read_bytes(path, entry.place, role=role), file, report)
        except ScenarioError as error:
            for fault in error.faults:
                report(fault)
            return None
        if not isinstance(root.value, dict):
            message = tr("the file does not hold a mapping")
            if root.value is None:
                message = tr("the file is empty")
            hint = tr("what is included begins with keys such as 'funders:' and 'policy:'")
            report(Fault((), message, hint, place=root.place))
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


def _files(
    names: Node | None, file: str, report: Report
) -> Iterator[tuple[FilePath | None, Node, private.Taken | None]]:
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
