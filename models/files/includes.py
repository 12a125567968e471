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

from models.base import Base, LocalizedText
from models.faults import Fault, ScenarioError
from models.files import shipped_files, tables
from models.files.decoding import is_file, path_in_folder_of, read_bytes
from models.files.nodes import FaultReporter, Node, NodePath, location_of, with_child, without_child
from models.files.shapes import (
    ANY_SHAPE,
    SCENARIO_SHAPE,
    Shape,
    shape_of,
    shape_of_step,
    to_plain_data,
)
from models.files.validation_messages import describe_value, faults_of_validation
from models.files.yaml_source import not_a_mapping_fault, parse_yaml
from models.input_log import FileRole
from models.language import tr
from models.scenario.quantities import NumberBounds
from models.spelling import closest_name, unknown_key_hint

INCLUDE_KEY = "include"
INCLUDE_SHAPE = Shape("list", item=str)
HEADER_KEYS = ("schema_version", "title", "description")
"""What says of a file what it is; it stays with the file and is not included."""
PRIVATE_ENTRY_KEYS = ("private", "otherwise", "owner")  #: Keys of an entry for a private file.
ADDITIVE_SECTIONS = ("demand", "damage", "supply")
"""Lists whose rows add up, or speak of different consumers: a private file has its own part."""
MAX_INCLUDE_DEPTH = 20
SCENARIO_FILE_SUFFIXES = (".yaml", ".yml", ".json")


class _ResolvedEntry(NamedTuple):
    """The file that an entry means, None where it is faulty; the entry; what was taken of it."""

    path: FilePath | None
    entry: Node
    chosen_key: Literal["", "private", "otherwise"] = ""


@dataclass
class IncludeResolver:
    """The files that a scenario includes, each read once."""

    file: str  #: The scenario, as the user named it.
    has_sources: dict[str, bool] = field(default_factory=dict)
    """The files that were read, and whether each has a bibliography of its own."""
    private_files: set[str] = field(default_factory=set)
    """Those of them that are private and were there."""
    preset_by_file: dict[str, str] = field(default_factory=dict)
    """The presets by their files, each with the name of the one through which it was included."""
    _parts: dict[FilePath, Node | None] = field(default_factory=dict)

    def merge(self, root: Node, entries: Node | None, report: FaultReporter) -> Node:
        """The tree of the scenario laid on what ``names`` lists; without the list itself.

        Raises ScenarioError where something cannot be included: what the scenario means is then
        not known, and to look for more faults in it would find wrong ones.
        """
        laid = self._merge_includes(
            without_child(root, INCLUDE_KEY), entries, (FilePath(self.file),), report
        )
        if laid is None:
            raise ScenarioError(())
        return laid

    def _merge_includes(
        self,
        content: Node,
        entries: Node | None,
        chain: tuple[FilePath, ...],
        report: FaultReporter,
    ) -> Node | None:
        """What the last file of a chain says, laid on what it includes; None, and faults, where
        something cannot be included."""
        file = self.file if len(chain) == 1 else str(chain[-1])
        self.has_sources[file] = content.child("sources") is not None
        parts = [
            (self._read_part(one, chain, report), one)
            for one in _resolve_entries(entries, file, report)
        ]
        below: Node | None = None
        lists: list[tuple[str, Node]] = []
        for part, found in parts:
            if part is None:
                return None
            if found.chosen_key:
                for key in ADDITIVE_SECTIONS:
                    rows = part.child(key)
                    if rows is not None and isinstance(rows.value, list):
                        part = without_child(part, key)
                        lists.append((key, rows))
            if found.chosen_key == "private":
                self.private_files.add(str(found.path))
            below = part if below is None else merge_nodes(below, part, SCENARIO_SHAPE)
        laid = content if below is None else merge_nodes(below, content, SCENARIO_SHAPE)
        for key, rows in lists:
            laid = _append_rows(laid, key, rows.value)
        for part, found in parts:
            if part is not None and (other := _currency_mismatch(part, laid)):
                about = {"name": found.entry.value, "other": other[0], "own": other[1]}
                message = tr(
                    "the amounts of '{name}' are in {other}, those of this file in {own}", **about
                )
                hint = tr("convert them, and write them into this file")
                report(
                    Fault((INCLUDE_KEY,), message, hint, "warning", location=found.entry.location)
                )
        return laid

    def _read_part(
        self, resolved: _ResolvedEntry, chain: tuple[FilePath, ...], report: FaultReporter
    ) -> Node | None:
        """What a file includes of itself and of others; None, and faults, where it cannot."""
        path, entry, taken = resolved
        if path is None:
            return None
        key, steps = path.resolve(), [one.resolve() for one in chain]
        if key in steps:
            ring = [*chain[steps.index(key) :], path]
            message = tr("'{file}' includes itself", file=path.name)
            hint = " > ".join(one.name for one in ring)
            hint = hint if len(ring) > 2 else tr("take it off the list")
            report(Fault((INCLUDE_KEY,), message, hint, location=entry.location))
            return None
        if len(chain) > MAX_INCLUDE_DEPTH:
            # A ring that a system hides, as one that ignores capitals does, ends here as well.
            message = tr("more than {count} files include one another", count=MAX_INCLUDE_DEPTH)
            report(
                Fault(
                    (INCLUDE_KEY,),
                    message,
                    tr("include them side by side"),
                    location=entry.location,
                )
            )
            return None
        named = next(
            (one for one in (*chain, path) if one.parent == shipped_files.preset_folder()), None
        )
        if named == path or (named is not None and str(path) not in self.preset_by_file):
            self.preset_by_file[str(path)] = named.stem
        if key not in self._parts:
            role: FileRole = "preset" if path.parent == shipped_files.preset_folder() else "include"
            role = "private" if taken == "private" else role
            try:
                root = parse_yaml(read_bytes(path, entry.location, role=role), str(path), report)
                self._parts[key] = self._merge_part(root, (*chain, path), report)
            except ScenarioError as error:
                for fault in error.faults:
                    report(fault)
                self._parts[key] = None
        return self._parts[key]

    def _merge_part(
        self, root: Node, chain: tuple[FilePath, ...], report: FaultReporter
    ) -> Node | None:
        if not isinstance(root.value, dict):
            hint = tr("what is included begins with keys such as 'funders:' and 'policy:'")
            report(not_a_mapping_fault(root, hint))
            return None
        head = {key: node for key in HEADER_KEYS if (node := root.child(key)) is not None}
        try:
            _FileHeader.model_validate(to_plain_data(replace(root, value=head), SCENARIO_SHAPE))
        except ValidationError as error:
            for fault in faults_of_validation(error):
                report(replace(fault, location=location_of(root, fault.path, fault.at_key)))
        names, own = root.child(INCLUDE_KEY), root
        for key in (INCLUDE_KEY, *HEADER_KEYS):
            own = without_child(own, key)
        return self._merge_includes(
            tables.expand_tables(own, str(chain[-1]), report), names, chain, report
        )


def _currency_mismatch(part: Node, merged: Node) -> tuple[str, str] | None:
    """The currencies of what is included and of the whole, where they differ."""
    first, second = (one.child("currency") for one in (part, merged))
    if first is None or second is None or first.value == second.value:
        return None
    return str(first.value), str(second.value)


class _FileHeader(Base):
    """What a file says of itself."""

    schema_version: Literal[1] = 1
    title: LocalizedText | None = None
    description: LocalizedText | None = None


def _append_rows(root: Node, key: str, rows: list[Node]) -> Node:
    """A tree with rows of a private file behind its own."""
    own = root.child(key)
    if own is None or (own.value is None and not own.faulty):
        place = own.location if own is not None else rows[0].location if rows else root.location
        return with_child(root, key, Node(list(rows), place))
    if isinstance(own.value, list):
        return with_child(root, key, Node([*own.value, *rows], own.location, own.key_location))
    return root


class _IncludeEntryError(Exception):
    """An entry that names no file: the message and a hint."""


def _resolve_entries(
    entries: Node | None, file: str, report: FaultReporter
) -> Iterator[_ResolvedEntry]:
    """The file that each entry of a list means."""
    if entries is None or (entries.value is None and not entries.faulty):
        return
    if not isinstance(entries.value, list):
        example = entries.value if isinstance(entries.value, str) else "state_aid_standard"
        message = tr("a list is expected here, not {shown}", shown=describe_value(entries.value))
        hint = tr("write {value}", value=f"[{example}]")
        report(Fault((INCLUDE_KEY,), message, hint, location=entries.location))
        yield _ResolvedEntry(None, entries)
        return
    seen: set[str] = set()
    for position, entry in enumerate(entries.value):
        at: NodePath = (INCLUDE_KEY, position)
        if isinstance(entry.value, dict):
            yield _resolve_private(entry, at, file, seen, report)
        else:
            yield _ResolvedEntry(_resolve_name(entry, at, file, seen, report), entry)


def _resolve_name(
    entry: Node, entry_path: NodePath, file: str, seen: set[str], report: FaultReporter
) -> FilePath | None:
    """The file of a name, which may not stand twice; None, and a fault, where there is none."""
    path: FilePath | None = None
    try:
        path = _path_of_name(entry.value, file if entry.location.line == 0 else entry.location.file)
        if str(entry.value) in seen:
            message = tr("'{name}' is included twice", name=entry.value)
            raise _IncludeEntryError(message, tr("keep one of them"))
    except _IncludeEntryError as error:
        message, hint = error.args
        report(Fault(entry_path, message, hint, location=entry.location))
        path = None
    seen.add(str(entry.value))
    return path


def _resolve_private(
    entry: Node, entry_path: NodePath, file: str, seen: set[str], report: FaultReporter
) -> _ResolvedEntry:
    """The private file of an entry where it is there, else the one that stands in for it."""
    sound = True
    for key, node in entry.value.items():
        message, hint, at_key = "", "", key not in PRIVATE_ENTRY_KEYS
        if at_key:
            message = tr("'{value}' is not known here", value=key)
            hint = unknown_key_hint(key, PRIVATE_ENTRY_KEYS)
        elif key == "owner" and node.value is not None and not isinstance(node.value, str):
            message, hint = (
                tr("{shown} is no name", shown=describe_value(node.value)),
                tr("write a name"),
            )
        if message:
            sound = False
            place = node.key_location or node.location if at_key else node.location
            report(Fault(entry_path, message, hint, at_key=at_key, location=place))
    private, other, owner = (entry.child(key) for key in PRIVATE_ENTRY_KEYS)
    if private is None:
        hint = tr("write {value}", value="{private: our_figures.yaml, otherwise: public.yaml}")
        report(Fault(entry_path, tr("'private' is missing"), hint, location=entry.location))
    if private is None or not sound:
        return _ResolvedEntry(None, entry, "private")
    other = None if other is None or other.value is None else other
    who = None if owner is None else owner.value
    own = _resolve_name(private, entry_path, file, seen, report)
    public = _resolve_name(other, entry_path, file, seen, report) if other is not None else None
    if own is None or (public is None and other is not None):
        return _ResolvedEntry(None, private, "private")
    name, place = private.value, private.location
    if is_file(own):
        message = tr("the private file '{name}' is read", name=name)
        hint = tr("plans, reports and workbooks made from here hold its figures")
        report(Fault(entry_path, message, hint, "warning", location=place))
        return _ResolvedEntry(own, private, "private")
    if other is None:
        message = tr("the private file '{name}' is not here", name=name)
        hint = tr("ask its owner for it, or name a public file beside it under 'otherwise'")
        if who is not None:
            hint = tr(
                "it stays with {owner}: ask there, or name a public file beside it under "
                "'otherwise'",
                owner=who,
            )
        report(Fault(entry_path, message, hint, location=place))
        return _ResolvedEntry(None, private, "private")
    about = {"name": name, "other": other.value}
    message = tr("the private file '{name}' is not here; '{other}' stands in for it", **about)
    hint = tr("its figures are not those of the owner")
    if who is not None:
        hint = tr("its figures are not those of {owner}", owner=who)
    report(Fault(entry_path, message, hint, "warning", location=place))
    return _ResolvedEntry(public, other, "otherwise")


def _path_of_name(name: object, file: str) -> FilePath:
    """The file that an entry of the list means, named in ``file``."""
    if not isinstance(name, str) or not name.strip():
        hint = tr("write the name of a preset, or that of a file")
        raise _IncludeEntryError(tr("{shown} is no name", shown=describe_value(name)), hint)
    if re.search(r"[/\\.]", name):
        path = path_in_folder_of(file, name)
        if path is None:
            message = tr("what is included lies in the folder of the file that names it, or below")
            raise _IncludeEntryError(message, tr("put it beside that file"))
        if path.suffix.lower() not in SCENARIO_FILE_SUFFIXES:
            message = tr("'{suffix}' is no kind of scenario file", suffix=path.suffix or name)
            hint = tr("its name ends in {suffixes}", suffixes=", ".join(SCENARIO_FILE_SUFFIXES))
            raise _IncludeEntryError(message, hint)
        return path
    known = shipped_files.preset_files()
    if name in known:
        return known[name]
    near, listed = closest_name(name, known), ", ".join(known)
    hint = tr("there are {names}", names=listed)
    if near:
        hint = tr("did you mean '{name}'? there are {names}", name=near, names=listed)
    for suffix in SCENARIO_FILE_SUFFIXES:
        own = path_in_folder_of(file, name + suffix)
        if not near and own is not None and is_file(own):
            hint = tr("write {value}", value=name + suffix)
            break
    raise _IncludeEntryError(tr("there is no preset '{name}'", name=name), hint)


def merge_nodes(base: Node, overlay: Node, shape: Shape) -> Node:
    """``over`` laid on ``under``, with the places of both.

    Keys of ``over`` come first, then those that only ``under`` has. Nothing (``null``) in ``over``
    takes away what lies below it; an empty cell does not. Items of a list that have ids, such as
    stockpiles, are matched by them; any other list replaces the one below.
    """
    if overlay.missing:
        return base
    keyed = isinstance(overlay.value, dict) and _merges_by_key(shape)
    listed = isinstance(overlay.value, list) and shape.kind == "list"
    if not keyed and not (listed and "id" in shape_of(shape.item).keys):
        return overlay
    if base.value is None and base.faulty:
        return replace(overlay, value=None, faulty=True)
    if keyed and isinstance(base.value, dict):
        return replace(overlay, value=_merge_by_key(base.value, overlay.value, shape))
    if listed and isinstance(base.value, list):
        return replace(overlay, value=_merge_by_id(base.value, overlay.value, shape_of(shape.item)))
    return overlay


def _merges_by_key(shape: Shape) -> bool:
    """Whether mappings here go together; not shares such as ``paid_by``, which add up to 1."""
    if shape.kind not in ("mapping", "years"):
        return shape.kind == "model"
    return not any(
        isinstance(mark, NumberBounds) and mark.le == 1 for mark in get_args(shape.item)[1:]
    )


def _merge_by_key(base: dict[str, Node], overlay: dict[str, Node], shape: Shape) -> dict[str, Node]:
    laid: dict[str, Node] = {}
    for key, node in overlay.items():
        below = base.get(key)
        if below is None:
            laid[key] = node
        elif node.value is not None or node.faulty or node.missing:
            laid[key] = merge_nodes(below, node, shape_of_step(shape, key) or ANY_SHAPE)
    return laid | {key: node for key, node in base.items() if key not in overlay}


def _merge_by_id(base: list[Node], overlay: list[Node], item: Shape) -> list[Node]:
    def id_of(node: Node) -> str | None:
        name = node.child("id")
        return str(name.value) if name is not None and name.value is not None else None

    below = {name: node for node in base if (name := id_of(node)) is not None}
    named = {id_of(node) for node in overlay} - {None}
    laid = [
        merge_nodes(below[i], node, item) if (i := id_of(node)) in below else node
        for node in overlay
    ]
    return [*laid, *(node for node in base if id_of(node) not in named)]
