"""What a scenario includes: presets by name, and other files that lie beside it.

Each is a part of a scenario, read like one: its own tables lie beside it, and it may include
others. What is included lies under the file that names it, of several the later over the earlier.
Every value keeps the place where it was written.

What a value is, the models say: a mapping of fields, of items by id or of years goes together key
by key; a number with its source, a yearly quantity, a text in two languages, shares that make up a
whole and a list are one value each.

A file may stay with its owner: an entry such as ``{private: our.yaml}``. Where it lies beside the
scenario it is taken; elsewhere its public stand-in is, if the entry names one. Either is said. Rows
of some lists come in addition to those of others, so that companies can each keep their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Literal, NamedTuple, get_args

from pydantic import ValidationError

from models.base import Base, Text
from models.faults import Fault, ScenarioError
from models.files import presets, tables
from models.files.decoding import beside, is_file, read_bytes
from models.files.nodes import Node, Path, Report, place_of, with_child, without_child
from models.files.shapes import ANYTHING, ROOT, Shape, plain, shape_of, step_into
from models.files.translating import faults_of, shown
from models.files.yaml_source import no_mapping, parse
from models.language import tr
from models.recording import Role
from models.scenario.quantities import Bounds
from models.spelling import close, suggestion

KEY = "include"
SHAPE = Shape("list", item=str)
HEAD = ("schema_version", "title", "description")
"""What says of a file what it is; it stays with the file and is not included."""
PRIVATE = ("private", "otherwise", "owner")  #: Keys of an entry for a private file.
JOINED = ("demand", "damage", "supply")
"""Lists whose rows add up, or speak of different consumers: a private file has its own part."""
MAX_CHAIN = 20
SUFFIXES = (".yaml", ".yml", ".json")


class _Found(NamedTuple):
    """The file that an entry means, None where it is faulty; the entry; what was taken of it."""

    path: FilePath | None
    entry: Node
    taken: Literal["", "private", "otherwise"] = ""


@dataclass
class Includes:
    """The files that a scenario includes, each read once."""

    file: str  #: The scenario, as the user named it.
    with_sources: dict[str, bool] = field(default_factory=dict)
    """The files that were read, and whether each has a bibliography of its own."""
    private_files: set[str] = field(default_factory=set)
    """Those of them that are private and were there."""
    presets: dict[str, str] = field(default_factory=dict)
    """The presets by their files, each with the name of the one through which it was included."""
    _parts: dict[FilePath, Node | None] = field(default_factory=dict)

    def under(self, root: Node, names: Node | None, report: Report) -> Node:
        """The tree of the scenario laid on what ``names`` lists; without the list itself.

        Raises ScenarioError where something cannot be included: what the scenario means is then
        not known, and to look for more faults in it would find wrong ones.
        """
        laid = self._laid(without_child(root, KEY), names, (FilePath(self.file),), report)
        if laid is None:
            raise ScenarioError(())
        return laid

    def _laid(
        self, own: Node, names: Node | None, chain: tuple[FilePath, ...], report: Report
    ) -> Node | None:
        """What the last file of a chain says, laid on what it includes; None, and faults, where
        something cannot be included."""
        file = self.file if len(chain) == 1 else str(chain[-1])
        self.with_sources[file] = own.child("sources") is not None
        parts = [(self._part(one, chain, report), one) for one in _files(names, file, report)]
        below: Node | None = None
        lists: list[tuple[str, Node]] = []
        for part, found in parts:
            if part is None:
                return None
            if found.taken:
                for key in JOINED:
                    rows = part.child(key)
                    if rows is not None and isinstance(rows.value, list):
                        part = without_child(part, key)
                        lists.append((key, rows))
            if found.taken == "private":
                self.private_files.add(str(found.path))
            below = part if below is None else laid_on(below, part, ROOT)
        laid = own if below is None else laid_on(below, own, ROOT)
        for key, rows in lists:
            laid = _with_rows(laid, key, rows.value)
        for part, found in parts:
            if part is not None and (other := _other_currency(part, laid)):
                about = {"name": found.entry.value, "other": other[0], "own": other[1]}
                message = tr(
                    "the amounts of '{name}' are in {other}, those of this file in {own}", **about
                )
                hint = tr("convert them, and write them into this file")
                report(Fault((KEY,), message, hint, "warning", place=found.entry.place))
        return laid

    def _part(self, found: _Found, chain: tuple[FilePath, ...], report: Report) -> Node | None:
        """What a file includes of itself and of others; None, and faults, where it cannot."""
        path, entry, taken = found
        if path is None:
            return None
        key, steps = path.resolve(), [one.resolve() for one in chain]
        if key in steps:
            ring = [*chain[steps.index(key) :], path]
            message = tr("'{file}' includes itself", file=path.name)
            hint = " > ".join(one.name for one in ring)
            hint = hint if len(ring) > 2 else tr("take it off the list")
            report(Fault((KEY,), message, hint, place=entry.place))
            return None
        if len(chain) > MAX_CHAIN:
            # A ring that a system hides, as one that ignores capitals does, ends here as well.
            message = tr("more than {count} files include one another", count=MAX_CHAIN)
            report(Fault((KEY,), message, tr("include them side by side"), place=entry.place))
            return None
        named = next((one for one in (*chain, path) if one.parent == presets.folder()), None)
        if named == path or (named is not None and str(path) not in self.presets):
            self.presets[str(path)] = named.stem
        if key not in self._parts:
            role: Role = "preset" if path.parent == presets.folder() else "include"
            role = "private" if taken == "private" else role
            try:
                root = parse(read_bytes(path, entry.place, role=role), str(path), report)
                self._parts[key] = self._read(root, (*chain, path), report)
            except ScenarioError as error:
                for fault in error.faults:
                    report(fault)
                self._parts[key] = None
        return self._parts[key]

    def _read(self, root: Node, chain: tuple[FilePath, ...], report: Report) -> Node | None:
        if not isinstance(root.value, dict):
            hint = tr("what is included begins with keys such as 'funders:' and 'policy:'")
            report(no_mapping(root, hint))
            return None
        head = {key: node for key in HEAD if (node := root.child(key)) is not None}
        try:
            _Head.model_validate(plain(replace(root, value=head), ROOT))
        except ValidationError as error:
            for fault in faults_of(error):
                report(replace(fault, place=place_of(root, fault.path, fault.at_key)))
        names, own = root.child(KEY), root
        for key in (KEY, *HEAD):
            own = without_child(own, key)
        return self._laid(tables.expand(own, str(chain[-1]), report), names, chain, report)


def _other_currency(part: Node, whole: Node) -> tuple[str, str] | None:
    """The currencies of what is included and of the whole, where they differ."""
    first, second = (one.child("currency") for one in (part, whole))
    if first is None or second is None or first.value == second.value:
        return None
    return str(first.value), str(second.value)


class _Head(Base):
    """What a file says of itself."""

    schema_version: Literal[1] = 1
    title: Text | None = None
    description: Text | None = None


def _with_rows(root: Node, key: str, rows: list[Node]) -> Node:
    """A tree with rows of a private file behind its own."""
    own = root.child(key)
    if own is None or (own.value is None and not own.faulty):
        place = own.place if own is not None else rows[0].place if rows else root.place
        return with_child(root, key, Node(list(rows), place))
    if isinstance(own.value, list):
        return with_child(root, key, Node([*own.value, *rows], own.place, own.key_place))
    return root


class _NotIncludedError(Exception):
    """An entry that names no file: the message and a hint."""


def _files(names: Node | None, file: str, report: Report) -> Iterator[_Found]:
    """The file that each entry of a list means."""
    if names is None or (names.value is None and not names.faulty):
        return
    if not isinstance(names.value, list):
        example = names.value if isinstance(names.value, str) else "state_aid_standard"
        message = tr("a list is expected here, not {shown}", shown=shown(names.value))
        hint = tr("write {value}", value=f"[{example}]")
        report(Fault((KEY,), message, hint, place=names.place))
        yield _Found(None, names)
        return
    seen: set[str] = set()
    for position, entry in enumerate(names.value):
        at: Path = (KEY, position)
        if isinstance(entry.value, dict):
            yield _private(entry, at, file, seen, report)
        else:
            yield _Found(_find(entry, at, file, seen, report), entry)


def _find(entry: Node, at: Path, file: str, seen: set[str], report: Report) -> FilePath | None:
    """The file of a name, which may not stand twice; None, and a fault, where there is none."""
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


def _private(entry: Node, at: Path, file: str, seen: set[str], report: Report) -> _Found:
    """The private file of an entry where it is there, else the one that stands in for it."""
    sound = True
    for key, node in entry.value.items():
        message, hint, at_key = "", "", key not in PRIVATE
        if at_key:
            message = tr("'{value}' is not known here", value=key)
            hint = suggestion(key, PRIVATE)
        elif key == "owner" and node.value is not None and not isinstance(node.value, str):
            message, hint = tr("{shown} is no name", shown=shown(node.value)), tr("write a name")
        if message:
            sound = False
            place = node.key_place or node.place if at_key else node.place
            report(Fault(at, message, hint, at_key=at_key, place=place))
    private, other, owner = (entry.child(key) for key in PRIVATE)
    if private is None:
        hint = tr("write {value}", value="{private: our_figures.yaml, otherwise: public.yaml}")
        report(Fault(at, tr("'private' is missing"), hint, place=entry.place))
    if private is None or not sound:
        return _Found(None, entry, "private")
    other = None if other is None or other.value is None else other
    who = None if owner is None else owner.value
    own = _find(private, at, file, seen, report)
    public = _find(other, at, file, seen, report) if other is not None else None
    if own is None or (public is None and other is not None):
        return _Found(None, private, "private")
    name, place = private.value, private.place
    if is_file(own):
        message = tr("the private file '{name}' is read", name=name)
        hint = tr("plans, reports and workbooks made from here hold its figures")
        report(Fault(at, message, hint, "warning", place=place))
        return _Found(own, private, "private")
    if other is None:
        message = tr("the private file '{name}' is not here", name=name)
        hint = tr("ask its owner for it, or name a public file beside it under 'otherwise'")
        if who is not None:
            hint = tr(
                "it stays with {owner}: ask there, or name a public file beside it under "
                "'otherwise'",
                owner=who,
            )
        report(Fault(at, message, hint, place=place))
        return _Found(None, private, "private")
    about = {"name": name, "other": other.value}
    message = tr("the private file '{name}' is not here; '{other}' stands in for it", **about)
    hint = tr("its figures are not those of the owner")
    if who is not None:
        hint = tr("its figures are not those of {owner}", owner=who)
    report(Fault(at, message, hint, "warning", place=place))
    return _Found(public, other, "otherwise")


def _file(name: object, file: str) -> FilePath:
    """The file that an entry of the list means, named in ``file``."""
    if not isinstance(name, str) or not name.strip():
        hint = tr("write the name of a preset, or that of a file")
        raise _NotIncludedError(tr("{shown} is no name", shown=shown(name)), hint)
    if re.search(r"[/\\.]", name):
        path = beside(file, name)
        if path is None:
            message = tr("what is included lies in the folder of the file that names it, or below")
            raise _NotIncludedError(message, tr("put it beside that file"))
        if path.suffix.lower() not in SUFFIXES:
            message = tr("'{suffix}' is no kind of scenario file", suffix=path.suffix or name)
            hint = tr("its name ends in {suffixes}", suffixes=", ".join(SUFFIXES))
            raise _NotIncludedError(message, hint)
        return path
    known = presets.shipped()
    if name in known:
        return known[name]
    near, listed = close(name, known), ", ".join(known)
    hint = tr("there are {names}", names=listed)
    if near:
        hint = tr("did you mean '{name}'? there are {names}", name=near, names=listed)
    for suffix in SUFFIXES:
        own = beside(file, name + suffix)
        if not near and own is not None and is_file(own):
            hint = tr("write {value}", value=name + suffix)
            break
    raise _NotIncludedError(tr("there is no preset '{name}'", name=name), hint)


def laid_on(under: Node, over: Node, shape: Shape) -> Node:
    """``over`` laid on ``under``, with the places of both.

    Keys of ``over`` come first, then those that only ``under`` has. Nothing (``null``) in ``over``
    takes away what lies below it; an empty cell does not. Items of a list that have ids, such as
    stockpiles, are matched by them; any other list replaces the one below.
    """
    if over.missing:
        return under
    keyed = isinstance(over.value, dict) and _goes_by_key(shape)
    listed = isinstance(over.value, list) and shape.kind == "list"
    if not keyed and not (listed and "id" in shape_of(shape.item).keys):
        return over
    if under.value is None and under.faulty:
        return replace(over, value=None, faulty=True)
    if keyed and isinstance(under.value, dict):
        return replace(over, value=_by_key(under.value, over.value, shape))
    if listed and isinstance(under.value, list):
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


def _by_id(under: list[Node], over: list[Node], item: Shape) -> list[Node]:
    def id_of(node: Node) -> str | None:
        name = node.child("id")
        return str(name.value) if name is not None and name.value is not None else None

    below = {name: node for node in under if (name := id_of(node)) is not None}
    named = {id_of(node) for node in over} - {None}
    laid = [laid_on(below[i], node, item) if (i := id_of(node)) in below else node for node in over]
    return [*laid, *(node for node in under if id_of(node) not in named)]
