"""From a scenario file to a case, with all its faults at once.

The order: the file becomes a tree of nodes, its tables are put in place, and it is laid on what it
includes; then come the patches of the variant and of the settings, and tables that they name. A
patch of ``include`` comes first of all, since it changes what lies below. The models validate the
whole; where they find faults, the broken items are taken out so that references between the others
can be checked as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from models.faults import Fault, PathStep, ScenarioError, SourceLocation
from models.files import assumption_patches, patches, shipped_files, tables
from models.files.decoding import read_bytes, shared_reading_limits
from models.files.fault_recovery import SKIP_REFERENCES_CONTEXT, find_further_faults
from models.files.includes import IncludeResolver
from models.files.nodes import Node, count_nodes, iter_leaves, location_of, node_at
from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, shape_of_step, to_plain_data
from models.files.validation_messages import faults_of_validation
from models.files.yaml_source import may_be_thousands, not_a_mapping_fault, parse_yaml
from models.language import tr
from models.scenario import references
from models.scenario.case import Case
from models.scenario.currencies import replace_currency
from models.spelling import unknown_name_hint

WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")  #: How scenario files in Excel are named.
MAX_FAULTS = 1_000
"""Errors, and warnings, that are listed for one scenario; after the step that finds more errors,
reading ends."""
MAX_MESSAGE_LENGTH = 1_000
MAX_VARIANTS = 1_000  #: Variants of one file, each of which is read when the file is checked.
MAX_CHECKED_VALUES = 2_000_000
"""Values of a scenario, times its variants that are checked, or times its sets of assumptions."""


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that was read, what is doubtful in it, and where its values stand."""

    case: Case
    warnings: tuple[Fault, ...] = field(repr=False)
    _root: Node = field(repr=False, compare=False)
    _includes: IncludeResolver = field(repr=False, compare=False)

    def location(self, path: tuple[PathStep, ...]) -> SourceLocation:
        """Where the value at a path stands, or its nearest ancestor that has a place."""
        return location_of(self._root, path)

    def private_number_paths(self) -> Iterator[tuple[PathStep, ...]]:
        """The paths of all numbers that stand in files that stay with their owner."""
        files = self._includes.private_files
        for path, node in iter_leaves(self._root) if files else ():
            number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
            if number and node.location.file in files:
                yield path

    def with_settings(self, settings: Sequence[str]) -> LoadedScenario:
        """The scenario with further settings (``path=value``) put upon it, checked as a whole.

        Sections that stay as they are are not read again. Raises ScenarioError with every fault.
        """
        known, includes = (self._root, self.case), self._includes
        return _ScenarioReader(includes.file, None, tuple(settings), includes, known).read()


def read_case(
    path: str | FilePath,
    variant: str | None = None,
    settings: Sequence[str] = (),
    check_variants: bool = False,
) -> LoadedScenario:
    """The scenario of a file, with a variant and settings (``path=value``) put upon it; also one
    that comes with Vorrat, by its name.

    With ``check_variants`` every variant of the file is tried as well, and its faults reported.
    Raises ScenarioError with every fault that was found.
    """
    with shared_reading_limits():
        file = shipped_files.resolve_scenario(path)
        raw = read_bytes(file, SourceLocation(str(file)), other_names=shipped_files.scenario_files)
        return _ScenarioReader(str(file), variant, tuple(settings)).read(raw, check_variants)


def read_case_text(
    text: str,
    name: str = "scenario.yaml",
    variant: str | None = None,
    settings: Sequence[str] = (),
    check_variants: bool = False,
) -> LoadedScenario:
    """The scenario of a text that is not in a file; ``name`` stands for the file in messages."""
    with shared_reading_limits():
        raw = text.encode("utf-8", "surrogatepass")
        return _ScenarioReader(name, variant, tuple(settings)).read(raw, check_variants)


def cases_by_assumption_set(case: Case) -> dict[str, Case]:
    """The scenario under each of its sets of assumptions, by id: as a file without any sets.

    Raises ScenarioError where a patch leads nowhere, as none does of a scenario that was read.
    """
    reading = read_case_text(assumption_patches.text_without_sets(case))
    return {
        name: reading.with_settings(assumption_patches.settings_of_set(case, name)).case
        for name in case.assumptions
    }


class _FaultCollector:
    """Collects faults, each once: a bounded number of errors and of warnings."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._seen: set[int] = set()
        self.counts = {"error": 0, "warning": 0}

    def __call__(self, fault: Fault) -> None:
        seen = hash((fault.location, fault.message, fault.hint))
        if seen not in self._seen:
            self._seen.add(seen)
            self.counts[fault.severity] += 1
            if self.counts[fault.severity] <= MAX_FAULTS:
                message, hint = _truncate(fault.message), _truncate(fault.hint)
                self.faults.append(replace(fault, message=message, hint=hint))

    @property
    def is_full(self) -> bool:
        """Whether there are more errors than are listed, so that no more need be looked for."""
        return self.counts["error"] > MAX_FAULTS

    @property
    def accepts_warnings(self) -> bool:
        """Whether a further warning would be listed."""
        return self.counts["warning"] < MAX_FAULTS

    def sorted_faults(self) -> tuple[Fault, ...]:
        """What was found, by file, line and column, and how much more there was."""
        found, place = sorted(self.faults, key=_sort_key), SourceLocation(self.file)
        if (count := self.counts["error"] - MAX_FAULTS) > 0:
            found.append(Fault((), tr("and {count} more errors", count=count), location=place))
        if (count := self.counts["warning"] - MAX_FAULTS) > 0:
            message = tr("and {count} more warnings", count=count)
            found.append(Fault((), message, severity="warning", location=place))
        return tuple(found)


def _truncate(text: str) -> str:
    """A text that quotes what may be a megabyte, at a length that can be read."""
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 3] + "..."


def _sort_key(fault: Fault) -> tuple[Any, ...]:
    place = fault.location or SourceLocation("")
    cell = re.fullmatch(r"(.*!)([A-Z]+)(\d+)", place.cell, re.DOTALL)
    parts = (cell[1], int(cell[3]), len(cell[2]), cell[2]) if cell else ("", 0, 0, "")
    return (place.file, place.line, place.column, parts)


class _ScenarioReader:
    """Reads one scenario; what it shares with a ``known`` tree and case is not read again."""

    def __init__(
        self,
        file: str,
        variant: str | None,
        settings: tuple[str, ...],
        includes: IncludeResolver | None = None,
        previous: tuple[Node, Case] | None = None,
    ) -> None:
        self.file, self.variant, self.settings = file, variant, settings
        self.includes, self.previous = includes or IncludeResolver(file), previous
        self.report = _FaultCollector(file)

    def read(self, raw: bytes | None = None, check_variants: bool = False) -> LoadedScenario:
        """What a file says, or what is known, with variant and settings put upon it."""
        case = None
        try:
            settings = tuple(patches.parse_settings(self.settings, self.report))
            if raw is not None:
                own = self._parse_file(raw)
                base = self._merge_includes(own, settings)
            elif self.previous is not None:
                own = base = self.previous[0]
                for patch in filter(patches.changes_include, settings):
                    message = tr("there is no '{path}' to change", path=patch.dotted_path)
                    self.report(patch.path_fault(message, ""))
            root = self._apply_patches(own, base, self.variant, settings)
            case = self._validate_case(root, base)
            if case is not None and case.assumptions:
                self._check_assumption_sets(root, case)
            if check_variants:
                self._check_variants(own, base, settings, (root, case) if case else None)
        except ScenarioError as error:
            # What ends the reading at once comes with the faults found before it.
            for fault in error.faults:
                self.report(fault)
        if case is None or self.report.counts["error"]:
            raise ScenarioError(self.report.sorted_faults())
        return LoadedScenario(case, self.report.sorted_faults(), root, self.includes)

    def _parse_file(self, raw: bytes) -> Node:
        """What the file itself says."""
        if self.file.lower().endswith(WORKBOOK_SUFFIXES) or raw.startswith(b"PK\x03\x04"):
            # Reading Excel takes a while to import: not for scenarios in YAML.
            from models.files.scenario_workbook import read_scenario_workbook

            return read_scenario_workbook(raw, self.file, self.report)
        root = parse_yaml(raw, self.file, self.report)
        if not isinstance(root.value, dict):
            hint = tr("a scenario begins with keys such as 'horizon:' and 'materials:'")
            raise ScenarioError([not_a_mapping_fault(root, hint)])
        return tables.expand_tables(root, self.file, self.report)

    def _merge_includes(self, file_root: Node, patch_list: Sequence[patches.Patch]) -> Node:
        """The file laid on what it includes. Raises ScenarioError where too much is wrong."""
        laid = self.includes.merge(
            file_root, patches.include_list(file_root, patch_list, self.report), self.report
        )
        if self.report.is_full:
            raise ScenarioError(())
        return laid

    def _apply_patches(
        self, file_root: Node, base: Node, variant: str | None, settings: Sequence[patches.Patch]
    ) -> Node:
        found = [] if variant is None else patches.item_patches(base, "variants", variant)
        variants = base.child("variants")
        if variant is not None and (variants is None or variants.child(variant) is None):
            place = (
                variants.key_location or variants.location
                if variants
                else SourceLocation(self.file)
            )
            hint = unknown_name_hint(variant, _variant_names(variants)) or tr(
                "the file has no variants"
            )
            message = tr("there is no variant '{variant}'", variant=variant)
            self.report(Fault(("variants",), message, hint, location=place))
        wanted = (*found, *settings)
        root = below = (
            self._merge_includes(file_root, wanted)
            if any(map(patches.changes_include, found))
            else base
        )
        further = (patch for patch in wanted if not patches.changes_include(patch))
        root = patches.apply_patches(root, further, self.report)
        own_currency = _currency_of(base)
        for patch in wanted:
            if patch.dotted_path == "currency" and patch.value.value != own_currency:
                message = tr("amounts are not converted: they stay in {own}", own=own_currency)
                hint = tr("change the amounts as well, or leave the currency")
                self.report(Fault(("currency",), message, hint, "warning", location=patch.place))
        return root if root is below else tables.expand_tables(root, self.file, self.report)

    def _validate_case(self, root: Node, base: Node, warnings: bool = True) -> Case | None:
        """The case of a tree; None, and faults reported, where it cannot be made."""
        data: dict[str, Any] = {}
        for name, section in root.value.items():
            if self.previous is not None and self.previous[0].child(name) is section:
                data[name] = getattr(self.previous[1], name)
                continue
            for path, node in iter_leaves(section, (name,)):
                if isinstance(node.value, float) and may_be_thousands(node.raw_text):
                    meant = node.raw_text.replace(".", "")
                    about = {"written": node.raw_text, "value": node.value}
                    message = tr("{written} is read as {value:g}", **about)
                    hint = tr("if {meant} is meant, write {meant}", meant=meant)
                    self.report(Fault(path, message, hint, "warning", location=node.location))
            shape = shape_of_step(SCENARIO_SHAPE, name)
            if section.value is not None or shape is None:
                data[name] = to_plain_data(section, shape or ANY_SHAPE)
        unread = {name for name, node in root.value.items() if node.value is None and node.faulty}
        found: Iterator[Fault] = iter(())
        case, total = None, 0
        try:
            case = Case.model_validate(data, context=SKIP_REFERENCES_CONTEXT)
        except ValidationError as error:
            found, total = faults_of_validation(error), error.error_count()
        code = data.get("currency", "EUR")
        if case is None or unread:
            for fault in self._group_preset_faults(
                chain(found, find_further_faults(data, unread)), root
            ):
                there = node_at(root, fault.path)
                if there is not None and there.cut_text and fault.at_key:
                    hint = tr("put a text with a comma into quotes")
                    fault = replace(fault, hint=f'{hint}: "{there.cut_text}"')
                if there is not None and _follows_decimal_comma(root, fault.path, there):
                    about = {"written": f"0,{there.raw_text}", "meant": f"0.{there.raw_text}"}
                    hint = tr("{written} in a list is two numbers: write {meant}", **about)
                    fault = replace(fault, hint=hint)
                if there is None or not there.faulty:
                    self.report(_with_location(_with_currency(fault, code), root))
                if self.report.is_full:
                    self.report.counts["error"] = max(total, self.report.counts["error"])
                    break
            return None
        for fault in self._group_preset_faults(
            references.check_references(case, warnings=warnings), root
        ):
            if not self._is_exempt_from_sources(
                fault := _with_location(_with_currency(fault, code), root)
            ):
                self.report(fault)
        if case.hazards and patches.periods_per_year(base) != patches.periods_per_year(root):
            message = tr(
                "the number of periods of a year is patched, but the loss lists of hazards count "
                "periods"
            )
            hint = tr("patch the loss lists of all hazards as well")
            fault = Fault(("horizon", "periods_per_year"), message, hint, "warning", at_key=True)
            self.report(_with_location(fault, root))
        return case

    def _group_preset_faults(self, faults: Iterable[Fault], root: Node) -> Iterator[Fault]:
        """The faults, where all that a preset lacks is one, as are all its warnings."""
        lacking: dict[str, dict[str, Fault]] = {}
        warned: dict[str, dict[str, Fault]] = {}
        for fault in faults:
            preset = self.includes.preset_by_file.get(
                location_of(root, fault.path, fault.at_key).file
            )
            name = _missing_name(fault, node_at(root, fault.path))
            if preset is not None and fault.severity == "warning":
                warned.setdefault(preset, {}).setdefault(fault.message, fault)
            elif preset is not None and name:
                lacking.setdefault(preset, {}).setdefault(name, fault)
            else:
                yield fault
        for preset, errors in lacking.items():
            about = {"preset": preset, "names": ", ".join(errors)}
            message = tr("the preset '{preset}' needs what the scenario lacks: {names}", **about)
            hint = tr("add what it needs, or do not include it")
            yield replace(next(iter(errors.values())), message=message, hint=hint)
        for preset, found in warned.items():
            first, *others = found.values()
            about = {"preset": preset, "messages": "; ".join(found)}
            message = tr(
                "the preset '{preset}' does not fully fit the scenario: {messages}", **about
            )
            hint = tr("add what it needs, or do not include it")
            yield replace(first, message=message, hint=hint) if others else first

    def _is_exempt_from_sources(self, fault: Fault) -> bool:
        """Whether a word that is no source stands in a file without any, unlike what it includes.

        A bibliography asks for ids only where it stands.
        """
        if fault.severity != "warning" or fault.path[-1:] != ("source",) or fault.location is None:
            return False
        of_file = self.includes.has_sources
        return not of_file.get(fault.location.file, of_file[self.file])

    def _check_variants(
        self,
        file_root: Node,
        base: Node,
        settings: Sequence[patches.Patch],
        previous: tuple[Node, Case] | None,
    ) -> None:
        variants = base.child("variants")
        names = _variant_names(variants)
        if variants is not None and len(names) > MAX_VARIANTS:
            message = tr("more than {count} variants", count=MAX_VARIANTS)
            place = variants.key_location or variants.location
            self.report(Fault(("variants",), message, at_key=True, location=place))
            return
        before = {(fault.location, fault.message) for fault in self.report.faults}
        values = count_nodes(base)
        total = values * len(names)
        for name in names:
            if name == self.variant:
                continue
            if self.report.is_full or self._exceeds_value_limit(variants, total):
                break
            tried = _ScenarioReader(self.file, name, self.settings, self.includes, previous)
            try:
                with shared_reading_limits():
                    root = tried._apply_patches(file_root, base, name, settings)
                    total += count_nodes(root) - values  # a variant may include other files
                    tried._validate_case(root, base, self.report.accepts_warnings)
            except ScenarioError as error:
                for fault in error.faults:
                    tried.report(fault)
            for fault in self._new_faults(tried, before):
                said = {"variant": name, "message": fault.message}
                message = tr("with variant '{variant}': {message}", **said)
                self.report(replace(fault, message=message, variant=name))

    def _check_assumption_sets(self, root: Node, case: Case) -> None:
        """Report what is faulty under sets of assumptions, which each change figures only."""
        before = {(fault.location, fault.message) for fault in self.report.faults}
        if self._exceeds_value_limit(
            root.child("assumptions"), count_nodes(root) * len(case.assumptions)
        ):
            return
        for name in case.assumptions:
            tried = _ScenarioReader(self.file, None, (), self.includes, (root, case))
            found = patches.item_patches(root, "assumptions", name)
            barred = [
                fault for fault in map(assumption_patches.fixed_section_fault, found) if fault
            ]
            for fault in barred:
                tried.report(fault)
            under = None
            if not barred:
                patched = tried._apply_patches(root, root, None, found)
                under = tried._validate_case(patched, root, self.report.accepts_warnings)
            for fault in (
                ()
                if under is None
                else assumption_patches.structural_change_faults(case, under, found)
            ):
                tried.report(fault)
            for fault in self._new_faults(tried, before):
                said = {"set": name, "message": fault.message}
                message = tr("under the assumptions '{set}': {message}", **said)
                self.report(replace(fault, message=message))

    def _exceeds_value_limit(self, section: Node | None, total: int) -> bool:
        """Whether the items of a section are too many values to check, which is then a fault."""
        if section is None or total <= MAX_CHECKED_VALUES:
            return False
        message = tr(
            "the scenario would be checked {items} times, with {total} values in all; at most "
            "{count} are checked",
            items=len(section.value),
            total=total,
            count=MAX_CHECKED_VALUES,
        )
        hint = tr("keep some of them in other files that include this one")
        self.report(Fault((), message, hint, location=section.key_location or section.location))
        return True

    def _new_faults(
        self, reader: _ScenarioReader, reported: set[tuple[SourceLocation | None, str]]
    ) -> Iterator[Fault]:
        """Faults of a scenario with a patch that were not told before."""
        for fault in reader.report.faults:
            if (fault.location, fault.message) not in reported:
                reported.add((fault.location, fault.message))
                yield fault


def _missing_name(fault: Fault, node: Node | None) -> str:
    """The item, id or year that a fault of a preset is about; empty where it is another figure."""
    if node is None:
        return next((one for one in reversed(fault.path[:-1]) if isinstance(one, str)), "")
    value = fault.path[-1] if fault.at_key else (node.child("value") or node).value
    return str(value) if isinstance(value, (str, int)) else ""


def _follows_decimal_comma(root: Node, path: tuple[PathStep, ...], node: Node) -> bool:
    """Whether an item of a list was written right behind ``0,``: as with a decimal comma."""
    step = path[-1] if path else 0
    last = node_at(root, (*path[:-1], step - 1)) if isinstance(step, int) else None
    if last is None or last.raw_text != "0" or not node.raw_text.isdecimal():
        return False
    return node.location == replace(last.location, column=last.location.column + 2)


def _with_currency(fault: Fault, code: Any) -> Fault:
    """A fault in whose texts the currency is that of the file."""
    if fault.path == ("currency",) or not isinstance(code, str) or code == "EUR":
        return fault
    message, hint = (replace_currency(one, code) for one in (fault.message, fault.hint))
    return replace(fault, message=message, hint=hint)


def _currency_of(root: Node) -> Any:
    """The currency that a file states, or the usual one."""
    stated = root.child("currency")
    return "EUR" if stated is None else stated.value


def _variant_names(variants: Node | None) -> list[str]:
    return list(variants.value) if variants and isinstance(variants.value, dict) else []


def _with_location(fault: Fault, root: Node) -> Fault:
    return replace(fault, location=fault.location or location_of(root, fault.path, fault.at_key))
