"""Inclusion of presets by name, and of other files in the folder of the scenario.

Each included file is a part of a scenario and may have tables and includes. A file overrides the
files that it includes; of several included files, a later one overrides an earlier one. Every value
keeps its source location.

Mappings of fields, of items by id and of years are merged key by key. A number with its source, a
yearly quantity, a text in two languages, shares that add up to 1, and a list are replaced as a
whole.

An entry such as ``{private: our.yaml, otherwise: public.yaml}`` names a private file that stays
with its owner. The private file is used if it exists, otherwise the public replacement, with a
warning in either case. Rows of some lists are added to those of other files, so that each company
can keep its rows in a file of its own.
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
from models.scenario.quantities import NumberBounds
from models.spelling import closest_name, unknown_key_hint

INCLUDE_KEY = "include"
INCLUDE_SHAPE = Shape("list", item=str)
HEADER_KEYS = ("schema_version", "title", "description")
"""Keys that describe a file; they are not included into others."""
PRIVATE_ENTRY_KEYS = ("private", "otherwise", "owner")  #: Keys of an entry for a private file.
ADDITIVE_SECTIONS = ("demand", "damage", "supply")
"""Lists to which a private file, or its public replacement, adds rows."""
MAX_INCLUDE_DEPTH = 20
SCENARIO_FILE_SUFFIXES = (".yaml", ".yml", ".json")


class _ResolvedEntry(NamedTuple):
    """An entry of ``include``: the file that it names (None if faulty), its node and chosen key."""

    path: FilePath | None
    entry: Node
    chosen_key: Literal["", "private", "otherwise"] = ""


@dataclass
class IncludeResolver:
    """Reader of the files that a scenario includes; each file is read once."""

    file: str  #: Path of the scenario, as the user named it.
    has_sources: dict[str, bool] = field(default_factory=dict)
    """For each file that was read, whether it has a section ``sources``."""
    private_files: set[str] = field(default_factory=set)
    """The private files that were found and read."""
    preset_by_file: dict[str, str] = field(default_factory=dict)
    """For the file of each included preset, the name of the preset through which it came."""
    _included_tree_by_path: dict[FilePath, Node | None] = field(default_factory=dict)

    def merge(self, root: Node, entries: Node | None, report: FaultReporter) -> Node:
        """Return the tree of the scenario merged with the files that ``entries`` lists.

        Raises ScenarioError, after reporting the faults, if a file cannot be included: further
        checks of the incomplete scenario would report wrong faults.
        """
        merged = self._merge_includes(
            without_child(root, INCLUDE_KEY), entries, (FilePath(self.file),), report
        )
        if merged is None:
            raise ScenarioError(())
        return merged

    def _merge_includes(
        self,
        content: Node,
        entries: Node | None,
        chain: tuple[FilePath, ...],
        report: FaultReporter,
    ) -> Node | None:
        """Return ``content`` merged with the files that ``entries`` lists.

        ``content`` is that of the last file of ``chain``, the files that include one another.
        Returns None, with the faults reported, if a file cannot be included.
        """
        file = self.file if len(chain) == 1 else str(chain[-1])
        self.has_sources[file] = content.child("sources") is not None
        included_parts = [
            (self._read_part(entry, chain, report), entry)
            for entry in _resolve_entries(entries, file, report)
        ]
        base: Node | None = None
        added_rows: list[tuple[str, Node]] = []
        for part, resolved_entry in included_parts:
            if part is None:
                return None
            if resolved_entry.chosen_key:
                for key in ADDITIVE_SECTIONS:
                    rows = part.child(key)
                    if rows is not None and isinstance(rows.value, list):
                        part = without_child(part, key)
                        added_rows.append((key, rows))
            if resolved_entry.chosen_key == "private":
                self.private_files.add(str(resolved_entry.path))
            base = part if base is None else merge_nodes(base, part, SCENARIO_SHAPE)
        merged = content if base is None else merge_nodes(base, content, SCENARIO_SHAPE)
        for key, rows in added_rows:
            merged = _append_rows(merged, key, rows.value)
        for part, resolved_entry in included_parts:
            if part is not None and (currencies := _currency_mismatch(part, merged)):
                message = (
                    f"the amounts of '{resolved_entry.entry.value}' are in "
                    f"{currencies[0]}, those of this file in {currencies[1]}"
                )
                hint = "convert them, and write them into this file"
                report(
                    Fault(
                        (INCLUDE_KEY,),
                        message,
                        hint,
                        "warning",
                        location=resolved_entry.entry.location,
                    )
                )
        return merged

    def _read_part(
        self, resolved_entry: _ResolvedEntry, chain: tuple[FilePath, ...], report: FaultReporter
    ) -> Node | None:
        """Return the content of an included file, merged with the files that it includes.

        Returns None, with the faults reported, if the file cannot be read or includes itself.
        """
        path, entry, chosen_key = resolved_entry
        if path is None:
            return None
        real_path, parents = path.resolve(), [file.resolve() for file in chain]
        if real_path in parents:
            cycle = [*chain[parents.index(real_path) :], path]
            message = f"'{path.name}' includes itself"
            hint = " > ".join(file.name for file in cycle)
            hint = hint if len(cycle) > 2 else "take it off the list"
            report(Fault((INCLUDE_KEY,), message, hint, location=entry.location))
            return None
        if len(chain) > MAX_INCLUDE_DEPTH:
            # This also ends a cycle that was not detected since file names ignore case.
            message = f"more than {MAX_INCLUDE_DEPTH} files include one another"
            report(
                Fault((INCLUDE_KEY,), message, "include them side by side", location=entry.location)
            )
            return None
        presets = (file for file in (*chain, path) if file.parent == shipped_files.preset_folder())
        preset = next(presets, None)
        if preset == path or (preset is not None and str(path) not in self.preset_by_file):
            self.preset_by_file[str(path)] = preset.stem
        if real_path not in self._included_tree_by_path:
            role: FileRole = "preset" if path.parent == shipped_files.preset_folder() else "include"
            role = "private" if chosen_key == "private" else role
            try:
                root = parse_yaml(read_bytes(path, entry.location, role=role), str(path), report)
                self._included_tree_by_path[real_path] = self._merge_part(
                    root, (*chain, path), report
                )
            except ScenarioError as error:
                for fault in error.faults:
                    report(fault)
                self._included_tree_by_path[real_path] = None
        return self._included_tree_by_path[real_path]

    def _merge_part(
        self, root: Node, chain: tuple[FilePath, ...], report: FaultReporter
    ) -> Node | None:
        if not isinstance(root.value, dict):
            hint = "what is included begins with keys such as 'funders:' and 'policy:'"
            report(not_a_mapping_fault(root, hint))
            return None
        header = {key: node for key in HEADER_KEYS if (node := root.child(key)) is not None}
        try:
            _FileHeader.model_validate(to_plain_data(replace(root, value=header), SCENARIO_SHAPE))
        except ValidationError as error:
            for fault in faults_of_validation(error):
                report(replace(fault, location=location_of(root, fault.path, fault.at_key)))
        entries, content = root.child(INCLUDE_KEY), root
        for key in (INCLUDE_KEY, *HEADER_KEYS):
            content = without_child(content, key)
        return self._merge_includes(
            tables.expand_tables(content, str(chain[-1]), report), entries, chain, report
        )


def _currency_mismatch(part: Node, merged: Node) -> tuple[str, str] | None:
    """Return the currencies of an included part and of the merged scenario.

    None if they are equal, or if one of them is not stated.
    """
    part_currency, merged_currency = (root.child("currency") for root in (part, merged))
    if (
        part_currency is None
        or merged_currency is None
        or part_currency.value == merged_currency.value
    ):
        return None
    return str(part_currency.value), str(merged_currency.value)


class _FileHeader(Base):
    """The fields at the top of an included file: format version, title and description."""

    schema_version: Literal[1] = 1
    title: LocalizedText | None = None
    description: LocalizedText | None = None


def _append_rows(root: Node, key: str, rows: list[Node]) -> Node:
    """Return a copy of the tree with rows appended to the list under ``key``, if it is a list."""
    section = root.child(key)
    if section is None or (section.value is None and not section.faulty):
        location = (
            section.location if section is not None else rows[0].location if rows else root.location
        )
        return with_child(root, key, Node(list(rows), location))
    if isinstance(section.value, list):
        return with_child(
            root, key, Node([*section.value, *rows], section.location, section.key_location)
        )
    return root


class _IncludeEntryError(Exception):
    """Error raised for an entry that names no file; its arguments are a message and a hint."""


def _resolve_entries(
    entries: Node | None, file: str, report: FaultReporter
) -> Iterator[_ResolvedEntry]:
    """Yield the file that each entry of ``include`` names."""
    if entries is None or (entries.value is None and not entries.faulty):
        return
    if not isinstance(entries.value, list):
        example = entries.value if isinstance(entries.value, str) else "state_aid_standard"
        message = f"a list is expected here, not {describe_value(entries.value)}"
        hint = "write {value}".format(value=f"[{example}]")
        report(Fault((INCLUDE_KEY,), message, hint, location=entries.location))
        yield _ResolvedEntry(None, entries)
        return
    seen_names: set[str] = set()
    for position, entry in enumerate(entries.value):
        entry_path: NodePath = (INCLUDE_KEY, position)
        if isinstance(entry.value, dict):
            yield _resolve_private(entry, entry_path, file, seen_names, report)
        else:
            yield _ResolvedEntry(_resolve_name(entry, entry_path, file, seen_names, report), entry)


def _resolve_name(
    entry: Node, entry_path: NodePath, file: str, seen_names: set[str], report: FaultReporter
) -> FilePath | None:
    """Return the path of the file that an entry names; None, with a fault reported, if invalid.

    The name is added to ``seen_names``; a name that is already in it is a fault.
    """
    path: FilePath | None = None
    try:
        path = _path_of_name(entry.value, file if entry.location.line == 0 else entry.location.file)
        if str(entry.value) in seen_names:
            message = f"'{entry.value}' is included twice"
            raise _IncludeEntryError(message, "keep one of them")
    except _IncludeEntryError as error:
        message, hint = error.args
        report(Fault(entry_path, message, hint, location=entry.location))
        path = None
    seen_names.add(str(entry.value))
    return path


def _resolve_private(
    entry: Node, entry_path: NodePath, file: str, seen_names: set[str], report: FaultReporter
) -> _ResolvedEntry:
    """Return the private file of an entry if it exists, otherwise its public replacement.

    A warning is reported in either case. The path is None, with a fault reported, if the entry is
    faulty or neither file can be used.
    """
    is_valid = True
    for key, node in entry.value.items():
        message, hint, at_key = "", "", key not in PRIVATE_ENTRY_KEYS
        if at_key:
            message = f"'{key}' is not known here"
            hint = unknown_key_hint(key, PRIVATE_ENTRY_KEYS)
        elif key == "owner" and node.value is not None and not isinstance(node.value, str):
            message = f"{describe_value(node.value)} is no name"
            hint = "write a name"
        if message:
            is_valid = False
            location = node.key_location or node.location if at_key else node.location
            report(Fault(entry_path, message, hint, at_key=at_key, location=location))
    private_node, otherwise_node, owner = (entry.child(key) for key in PRIVATE_ENTRY_KEYS)
    if private_node is None:
        hint = "write {value}".format(value="{private: our_figures.yaml, otherwise: public.yaml}")
        report(Fault(entry_path, "'private' is missing", hint, location=entry.location))
    if private_node is None or not is_valid:
        return _ResolvedEntry(None, entry, "private")
    otherwise_node = (
        None if otherwise_node is None or otherwise_node.value is None else otherwise_node
    )
    owner_name = None if owner is None else owner.value
    private_path = _resolve_name(private_node, entry_path, file, seen_names, report)
    public_path = (
        _resolve_name(otherwise_node, entry_path, file, seen_names, report)
        if otherwise_node is not None
        else None
    )
    if private_path is None or (public_path is None and otherwise_node is not None):
        return _ResolvedEntry(None, private_node, "private")
    name, location = private_node.value, private_node.location
    if is_file(private_path):
        message = f"the private file '{name}' is read"
        hint = "plans, reports and workbooks made from here hold its figures"
        report(Fault(entry_path, message, hint, "warning", location=location))
        return _ResolvedEntry(private_path, private_node, "private")
    if otherwise_node is None:
        message = f"the private file '{name}' is not here"
        hint = "ask its owner for it, or name a public file beside it under 'otherwise'"
        if owner_name is not None:
            hint = (
                f"it stays with {owner_name}: ask there, or name a public file beside it under "
                "'otherwise'"
            )
        report(Fault(entry_path, message, hint, location=location))
        return _ResolvedEntry(None, private_node, "private")
    message = f"the private file '{name}' is not here; '{otherwise_node.value}' stands in for it"
    hint = "its figures are not those of the owner"
    if owner_name is not None:
        hint = f"its figures are not those of {owner_name}"
    report(Fault(entry_path, message, hint, "warning", location=location))
    return _ResolvedEntry(public_path, otherwise_node, "otherwise")


def _path_of_name(name: object, file: str) -> FilePath:
    """Return the path of the preset or file that an entry of ``file`` names.

    Raises _IncludeEntryError if the name is invalid or there is no such preset.
    """
    if not isinstance(name, str) or not name.strip():
        hint = "write the name of a preset, or that of a file"
        raise _IncludeEntryError(f"{describe_value(name)} is no name", hint)
    if re.search(r"[/\\.]", name):
        path = path_in_folder_of(file, name)
        if path is None:
            message = "what is included lies in the folder of the file that names it, or below"
            raise _IncludeEntryError(message, "put it into the folder of that file")
        if path.suffix.lower() not in SCENARIO_FILE_SUFFIXES:
            message = f"'{path.suffix or name}' is no kind of scenario file"
            hint = "its name ends in {suffixes}".format(suffixes=", ".join(SCENARIO_FILE_SUFFIXES))
            raise _IncludeEntryError(message, hint)
        return path
    presets = shipped_files.preset_files()
    if name in presets:
        return presets[name]
    suggestion, names = closest_name(name, presets), ", ".join(presets)
    hint = f"there are {names}"
    if suggestion:
        hint = f"did you mean '{suggestion}'? there are {names}"
    for suffix in SCENARIO_FILE_SUFFIXES:
        neighbor = path_in_folder_of(file, name + suffix)
        if not suggestion and neighbor is not None and is_file(neighbor):
            hint = f"write {name + suffix}"
            break
    raise _IncludeEntryError(f"there is no preset '{name}'", hint)


def merge_nodes(base: Node, overlay: Node, shape: Shape) -> Node:
    """Return ``overlay`` merged with ``base``; every value keeps its source location.

    Keys of ``overlay`` come first, followed by those that only ``base`` has. ``null`` in
    ``overlay`` removes the value of ``base``; an empty cell does not. Items of a list that have
    ids, such as stockpiles, are matched by id; any other list replaces the list of ``base``.
    """
    if overlay.missing:
        return base
    merges_by_key = isinstance(overlay.value, dict) and _merges_by_key(shape)
    is_list = isinstance(overlay.value, list) and shape.kind == "list"
    if not merges_by_key and not (is_list and "id" in shape_of(shape.item).keys):
        return overlay
    if base.value is None and base.faulty:
        return replace(overlay, value=None, faulty=True)
    if merges_by_key and isinstance(base.value, dict):
        return replace(overlay, value=_merge_by_key(base.value, overlay.value, shape))
    if is_list and isinstance(base.value, list):
        return replace(overlay, value=_merge_by_id(base.value, overlay.value, shape_of(shape.item)))
    return overlay


def _merges_by_key(shape: Shape) -> bool:
    """Return whether mappings of a shape are merged key by key.

    Mappings of shares that add up to 1, such as ``paid_by``, are replaced as a whole.
    """
    if shape.kind not in ("mapping", "years"):
        return shape.kind == "model"
    return not any(
        isinstance(mark, NumberBounds) and mark.le == 1 for mark in get_args(shape.item)[1:]
    )


def _merge_by_key(base: dict[str, Node], overlay: dict[str, Node], shape: Shape) -> dict[str, Node]:
    merged: dict[str, Node] = {}
    for key, node in overlay.items():
        base_node = base.get(key)
        if base_node is None:
            merged[key] = node
        elif node.value is not None or node.faulty or node.missing:
            merged[key] = merge_nodes(base_node, node, shape_of_step(shape, key) or ANY_SHAPE)
    return merged | {key: node for key, node in base.items() if key not in overlay}


def _merge_by_id(base: list[Node], overlay: list[Node], item: Shape) -> list[Node]:
    def id_of(node: Node) -> str | None:
        name = node.child("id")
        return str(name.value) if name is not None and name.value is not None else None

    base_by_id = {name: node for node in base if (name := id_of(node)) is not None}
    overlay_ids = {id_of(node) for node in overlay} - {None}
    merged = [
        merge_nodes(base_by_id[id_], node, item) if (id_ := id_of(node)) in base_by_id else node
        for node in overlay
    ]
    return [*merged, *(node for node in base if id_of(node) not in overlay_ids)]
