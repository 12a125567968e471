"""Reading of a scenario file, or of a plan's content, into a :class:`.Case`; all faults are
reported at once.

The file is parsed into a tree of nodes, its tables are expanded, and it is merged with the files
that it includes. Then the patches of the variant and of the settings are applied, and tables that
they name are read. Patches of ``include`` come first, since they change what is merged. The models
validate the result. If they find faults, faulty values are replaced so that references between the
other items can be checked as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from models.faults import Fault, PathStep, ScenarioError, SourceLocation
from models.files import (
    patches,
    patches as assumption_patches,
    shipped_files,
    tables,
    unit_conversion,
)
from models.files.decoding import read_bytes, shared_reading_limits
from models.files.fault_recovery import (
    SKIP_REFERENCES_CONTEXT,
    FaultCollector,
    find_further_faults,
    with_currency,
)
from models.files.includes import IncludeResolver
from models.files.nodes import (
    Node,
    count_nodes,
    follows_decimal_comma,
    iter_leaves,
    location_of,
    node_at,
)
from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, shape_of_step, to_plain_data
from models.files.state_table import (
    SECTION,
    StatesNode,
    parse_state_columns,
    states_node,
    with_states,
)
from models.files.table_source import Column
from models.files.validation_messages import faults_of_validation
from models.files.yaml_source import (
    not_a_mapping_fault,
    parse_yaml,
    read_mapping,
    thousands_warning,
)
from models.scenario import case as case_module
from models.scenario.case import Case
from models.scenario.hazards import State, TableStates
from models.spelling import unknown_name_hint

WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")  #: Suffixes of scenario files in Excel.
MAX_VARIANTS = 1_000  #: Variants of one file, each of which is read in a check of the file.
MAX_CHECKED_VALUES = 2_000_000
"""Values of a scenario times its checked variants, or times its assumption sets."""


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that was read, with warnings and the locations of its values."""

    case: Case
    warnings: tuple[Fault, ...] = field(repr=False)
    _root: Node = field(repr=False, compare=False)
    _includes: IncludeResolver = field(repr=False, compare=False)

    def location(self, path: tuple[PathStep, ...]) -> SourceLocation:
        """Return the location of the value at a path, or of its nearest ancestor that has one."""
        return location_of(self._root, path)

    def private_number_paths(self) -> Iterator[tuple[PathStep, ...]]:
        """Yield the paths of all numbers from private files."""
        files = self._includes.private_files
        root, states = self._root, node_at(self._root, SECTION)
        if isinstance(states, StatesNode):
            root = with_states(root, states.expanded())
        for path, node in iter_leaves(root) if files else ():
            is_number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
            if is_number and node.location.file in files:
                yield path

    def with_state_columns(self, columns: Sequence[Column]) -> LoadedScenario:
        """Return the scenario with the states of a table in place of its states or its sample.

        ``columns`` are those of the table. Raises ScenarioError with all faults.
        """
        return _ScenarioReader(
            self._includes.file, None, (), self._includes, (self._root, self.case)
        ).read(state_columns=columns)

    def with_settings(self, settings: Sequence[str]) -> LoadedScenario:
        """Return the scenario with further settings (``path=value``) applied and checked.

        Unchanged sections are not validated again. Raises ScenarioError with all faults.
        """
        previous, includes = (self._root, self.case), self._includes
        return _ScenarioReader(includes.file, None, tuple(settings), includes, previous).read()


def read_case(
    path: str | FilePath,
    variant: str | None = None,
    settings: Sequence[str] = (),
    check_variants: bool = False,
) -> LoadedScenario:
    """Read a scenario file, or a shipped scenario by its name, and apply a variant and settings.

    Settings are ``path=value`` texts. With ``check_variants`` every variant of the file is checked
    as well. Raises ScenarioError with all faults.
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
    states: TableStates | None = None,
) -> LoadedScenario:
    """Read a scenario from a text; ``name`` stands for the file name in messages.

    ``states`` are its written-out states if the text does not contain them. The other parameters
    are those of :func:`read_case`. Raises ScenarioError with all faults.
    """
    with shared_reading_limits():
        raw = text.encode("utf-8", "surrogatepass")
        return _ScenarioReader(name, variant, tuple(settings)).read(raw, check_variants, states)


def read_case_mapping(
    content: Mapping[Any, Any],
    name: str = "scenario",
    variant: str | None = None,
    settings: Sequence[str] = (),
    check_variants: bool = False,
) -> LoadedScenario:
    """Read a scenario from a nested mapping. Locations are dotted paths, after ``name``.

    The other parameters are those of :func:`read_case`. Raises ScenarioError with all faults.
    """
    with shared_reading_limits():
        return _ScenarioReader(name, variant, tuple(settings)).read(content, check_variants)


def cases_by_assumption_set(case: Case) -> dict[str, Case]:
    """Return the case of each assumption set by id, each without assumption sets of its own.

    Raises ScenarioError if a patch is invalid, which cannot happen for a scenario that was read.
    """
    states = case.uncertainty.states if case.uncertainty is not None else None
    scenario = read_case_text(
        assumption_patches.text_without_sets(case),
        "scenario.json",
        states=states if isinstance(states, TableStates) else None,
    )
    return {
        name: scenario.with_settings(assumption_patches.settings_of_set(case, name)).case
        for name in case.assumptions
    }


class _ScenarioReader:
    """Reader of one scenario.

    ``previous`` is the tree and case of a scenario that was read before; sections that are the same
    as in this tree are not validated again.
    """

    def __init__(
        self,
        file: str,
        variant: str | None,
        settings: tuple[str, ...],
        includes: IncludeResolver | None = None,
        previous_root_and_case: tuple[Node, Case] | None = None,
    ) -> None:
        self.file, self.variant, self.settings = file, variant, settings
        self.includes, self.previous = includes or IncludeResolver(file), previous_root_and_case
        self.report = FaultCollector(file)

    def read(
        self,
        raw: bytes | Mapping[Any, Any] | None = None,
        check_variants: bool = False,
        states: TableStates | None = None,
        state_columns: Sequence[Column] | None = None,
    ) -> LoadedScenario:
        """Return the scenario of ``raw``, or the previous one, with variant and settings applied.

        ``states`` or the table of states with ``state_columns`` replace its states. Raises
        ScenarioError with all faults.
        """
        case = None
        try:
            settings = tuple(patches.parse_settings(self.settings, self.report))
            if raw is not None:
                file_root = self._parse_file(raw)
                if states is not None:
                    file_root = with_states(
                        file_root, states_node(states, SourceLocation(self.file))
                    )
                base = self._merge_includes(file_root, settings)
            elif self.previous is not None:
                file_root = base = self.previous[0]
                for patch in filter(patches.changes_include, settings):
                    message = f"there is no '{patch.dotted_path}' to change"
                    self.report(patch.path_fault(message, ""))
            root = self._apply_patches(file_root, base, self.variant, settings)
            if state_columns is not None:
                root = with_states(root, parse_state_columns(state_columns, self.report))
            case = self._validate_case(root, base)
            if case is not None and case.assumptions:
                self._check_assumption_sets(root, case)
            if check_variants:
                self._check_variants(file_root, base, settings, (root, case) if case else None)
        except ScenarioError as error:
            # The error that ended the reading is listed with the faults found before it.
            for fault in error.faults:
                self.report(fault)
        if case is None or self.report.counts["error"]:
            raise ScenarioError(self.report.sorted_faults())
        return LoadedScenario(case, self.report.sorted_faults(), root, self.includes)

    def _parse_file(self, raw: bytes | Mapping[Any, Any]) -> Node:
        """Return the tree of the file itself, without its includes."""
        if not isinstance(raw, bytes):
            root = read_mapping(raw, self.file, self.report)
            return tables.expand_tables(root, self.file, self.report)
        if self.file.lower().endswith(WORKBOOK_SUFFIXES) or raw.startswith(b"PK\x03\x04"):
            # Deferred, since openpyxl takes long to import and YAML does not need it.
            from models.files.scenario_workbook import read_scenario_workbook

            return read_scenario_workbook(raw, self.file, self.report)
        root = parse_yaml(raw, self.file, self.report)
        if not isinstance(root.value, dict):
            hint = "a scenario begins with keys such as 'horizon:' and 'materials:'"
            raise ScenarioError([not_a_mapping_fault(root, hint)])
        return tables.expand_tables(root, self.file, self.report)

    def _merge_includes(self, file_root: Node, patch_list: Sequence[patches.Patch]) -> Node:
        """Return the tree of the file merged with its includes.

        Raises ScenarioError if a file cannot be included or too many errors were found.
        """
        merged = self.includes.merge(
            file_root, patches.include_list(file_root, patch_list, self.report), self.report
        )
        if self.report.is_full:
            raise ScenarioError(())
        return unit_conversion.convert_units(merged, self.report)

    def _apply_patches(
        self, file_root: Node, base: Node, variant: str | None, settings: Sequence[patches.Patch]
    ) -> Node:
        """Return the tree with a variant and settings applied, and new tables read.

        ``base`` is the tree of the file merged with its includes, ``file_root`` that of the file.
        """
        variant_patches = [] if variant is None else patches.item_patches(base, "variants", variant)
        variants = base.child("variants")
        if variant is not None and (variants is None or variants.child(variant) is None):
            location = (
                variants.key_location or variants.location
                if variants
                else SourceLocation(self.file)
            )
            hint = (
                unknown_name_hint(variant, _variant_names(variants)) or "the file has no variants"
            )
            message = f"there is no variant '{variant}'"
            self.report(Fault(("variants",), message, hint, location=location))
        all_patches = (*variant_patches, *settings)
        root = merged = (
            self._merge_includes(file_root, all_patches)
            if any(map(patches.changes_include, variant_patches))
            else base
        )
        other_patches = [patch for patch in all_patches if not patches.changes_include(patch)]
        for fault in filter(None, map(unit_conversion.refused_patch, other_patches)):
            self.report(fault)
        converted = (unit_conversion.convert_patch(p, root, self.report) for p in other_patches)
        root = patches.apply_patches(root, converted, self.report)
        for fault in unit_conversion.relabeling_warnings(base, all_patches):
            self.report(fault)
        if root is merged:
            return root
        expanded = tables.expand_tables(root, self.file, self.report)
        if all(expanded.value[name] is section for name, section in root.value.items()):
            return expanded
        return unit_conversion.convert_units(expanded, self.report)

    def _validate_case(self, root: Node, base: Node, warnings: bool = True) -> Case | None:
        """Return the case that a tree describes; None, with the faults reported, if it is invalid.

        ``base`` is the tree before patches; ``warnings`` states whether warnings are searched for.
        """
        scenario_data: dict[str, Any] = {}
        for name, section in root.value.items():
            if self.previous is not None and self.previous[0].child(name) is section:
                scenario_data[name] = getattr(self.previous[1], name)
                continue
            for path, node in iter_leaves(section, (name,)):
                if isinstance(node.value, float) and (doubt := thousands_warning(node, path)):
                    self.report(doubt)
            shape = shape_of_step(SCENARIO_SHAPE, name)
            if section.value is not None or shape is None:
                scenario_data[name] = to_plain_data(section, shape or ANY_SHAPE)
        unread_sections = {
            name for name, node in root.value.items() if node.value is None and node.faulty
        }
        validation_faults: Iterator[Fault] = iter(())
        case, error_count = None, 0
        try:
            case = Case.model_validate(scenario_data, context=SKIP_REFERENCES_CONTEXT)
        except ValidationError as error:
            validation_faults, error_count = faults_of_validation(error), error.error_count()
        code = scenario_data.get("currency", "EUR")
        if case is None or unread_sections:
            for fault in self._group_preset_faults(
                chain(validation_faults, find_further_faults(scenario_data, unread_sections)), root
            ):
                target = node_at(root, fault.path)
                if target is not None and target.cut_text and fault.at_key:
                    hint = "put a text with a comma into quotes"
                    fault = replace(fault, hint=f'{hint}: "{target.cut_text}"')
                if target is not None and follows_decimal_comma(root, fault.path, target):
                    values = {"written": f"0,{target.raw_text}", "meant": f"0.{target.raw_text}"}
                    hint = "{written} in a list is two numbers: write {meant}".format(**values)
                    fault = replace(fault, hint=hint)
                if target is None or not target.faulty:
                    self.report(_with_location(with_currency(fault, code), root))
                if self.report.is_full:
                    self.report.counts["error"] = max(error_count, self.report.counts["error"])
                    break
            return None
        for fault in self._group_preset_faults(
            case_module.check_references(case, warnings=warnings), root
        ):
            if not self._is_exempt_from_sources(
                fault := _with_location(with_currency(fault, code), root)
            ):
                self.report(fault)
        if case.hazards and patches.periods_per_year(base) != patches.periods_per_year(root):
            message = (
                "the number of periods of a year is patched, but the loss lists of hazards count "
                "periods"
            )
            hint = "patch the loss lists of all hazards as well"
            fault = Fault(("horizon", "periods_per_year"), message, hint, "warning", at_key=True)
            self.report(_with_location(fault, root))
        return case

    def _group_preset_faults(self, faults: Iterable[Fault], root: Node) -> Iterator[Fault]:
        """Yield the faults, with those of a preset joined into one error and one warning.

        The error lists the items, ids or years that the preset refers to and the scenario lacks.
        Errors of a preset that concern no such name are yielded unchanged.
        """
        missing_names: dict[str, dict[str, Fault]] = {}
        warnings: dict[str, dict[str, Fault]] = {}
        for fault in faults:
            preset = self.includes.preset_by_file.get(
                location_of(root, fault.path, fault.at_key).file
            )
            name = _missing_name(fault, node_at(root, fault.path))
            if preset is not None and fault.severity == "warning":
                warnings.setdefault(preset, {}).setdefault(fault.message, fault)
            elif preset is not None and name:
                missing_names.setdefault(preset, {}).setdefault(name, fault)
            else:
                yield fault
        for preset, errors in missing_names.items():
            message = "the preset '{preset}' needs what the scenario lacks: {names}".format(
                preset=preset, names=", ".join(errors)
            )
            hint = "add what it needs, or do not include it"
            yield replace(next(iter(errors.values())), message=message, hint=hint)
        for preset, preset_warnings in warnings.items():
            first_warning, *other_warnings = preset_warnings.values()
            message = "the preset '{preset}' does not fully fit the scenario: {messages}".format(
                preset=preset, messages="; ".join(preset_warnings)
            )
            hint = "add what it needs, or do not include it"
            yield (
                replace(first_warning, message=message, hint=hint)
                if other_warnings
                else first_warning
            )

    def _is_exempt_from_sources(self, fault: Fault) -> bool:
        """Return whether a fault is the warning of an unknown source in a file without ``sources``.

        A source has to be an id only if the file has a bibliography.
        """
        if fault.severity != "warning" or fault.path[-1:] != ("source",) or fault.location is None:
            return False
        has_sources = self.includes.has_sources
        return not has_sources.get(fault.location.file, has_sources[self.file])

    def _check_variants(
        self,
        file_root: Node,
        base: Node,
        settings: Sequence[patches.Patch],
        previous_root_and_case: tuple[Node, Case] | None,
    ) -> None:
        variants = base.child("variants")
        names = _variant_names(variants)
        if variants is not None and len(names) > MAX_VARIANTS:
            message = f"more than {MAX_VARIANTS} variants"
            place = variants.key_location or variants.location
            self.report(Fault(("variants",), message, at_key=True, location=place))
            return
        reported_faults = {(fault.location, fault.message) for fault in self.report.faults}
        base_count = count_nodes(base)
        value_count = base_count * len(names)
        for name in names:
            if name == self.variant:
                continue
            if self.report.is_full or self._exceeds_value_limit(variants, value_count):
                break
            reader = _ScenarioReader(
                self.file, name, self.settings, self.includes, previous_root_and_case
            )
            warnings = self.report.accepts_warnings
            root = reader._report_variant_faults(file_root, base, settings, warnings)
            if root is not None:
                # A variant may include other files.
                value_count += count_nodes(root) - base_count
            is_sound_without_settings = False
            if settings and reader.report.counts["error"]:
                unchanged = _ScenarioReader(self.file, name, (), self.includes)
                unchanged._report_variant_faults(file_root, base, (), warnings=False)
                is_sound_without_settings = not unchanged.report.counts["error"]
            for fault in self._new_faults(reader, reported_faults):
                values = {"variant": name, "message": fault.message}
                message = "with variant '{variant}': {message}".format(**values)
                if is_sound_without_settings and fault.severity == "error":
                    # It is an error where this variant is chosen.
                    message = "the settings do not fit variant '{variant}': {message}".format(
                        **values
                    )
                    fault = replace(fault, severity="warning")
                self.report(replace(fault, message=message, variant=name))

    def _report_variant_faults(
        self, file_root: Node, base: Node, settings: Sequence[patches.Patch], warnings: bool
    ) -> Node | None:
        """Report the faults of the variant of this reader. Return the tree with the variant and
        settings applied, or None if there is none."""
        root = None
        try:
            with shared_reading_limits():
                root = self._apply_patches(file_root, base, self.variant, settings)
                self._validate_case(root, base, warnings)
        except ScenarioError as error:
            for fault in error.faults:
                self.report(fault)
        return root

    def _check_assumption_sets(self, root: Node, case: Case) -> None:
        """Report the faults under each assumption set, and its changes that concern no figure."""
        reported_faults = {(fault.location, fault.message) for fault in self.report.faults}
        if self._exceeds_value_limit(
            root.child("assumptions"), count_nodes(root) * len(case.assumptions)
        ):
            return
        for name in case.assumptions:
            reader = _ScenarioReader(self.file, None, (), self.includes, (root, case))
            set_patches = patches.item_patches(root, "assumptions", name)
            set_faults = filter(None, map(assumption_patches.fixed_section_fault, set_patches))
            for fault in set_faults:
                reader.report(fault)
            if not reader.report.faults and not any(patch.value.faulty for patch in set_patches):
                set_root = reader._apply_patches(root, root, None, set_patches)
                set_case = reader._validate_case(set_root, root, self.report.accepts_warnings)
                find_faults = assumption_patches.structural_change_faults
                for fault in find_faults(case, set_case, set_patches) if set_case else ():
                    reader.report(fault)
            for fault in self._new_faults(reader, reported_faults):
                values = {"set": name, "message": fault.message}
                message = "under the assumptions '{set}': {message}".format(**values)
                self.report(replace(fault, message=message))

    def _exceeds_value_limit(self, section: Node | None, value_count: int) -> bool:
        """Report a fault and return True if checking all items of a section is too much work.

        ``value_count`` is the number of values of the scenario, summed over the items of the
        section, such as variants.
        """
        if section is None or value_count <= MAX_CHECKED_VALUES:
            return False
        message = (
            f"the scenario would be checked {len(section.value)} times, "
            f"with {value_count} values in all; at most "
            f"{MAX_CHECKED_VALUES} are checked"
        )
        hint = "keep some of them in other files that include this one"
        self.report(Fault((), message, hint, location=section.key_location or section.location))
        return True

    def _new_faults(
        self, reader: _ScenarioReader, reported: set[tuple[SourceLocation | None, str]]
    ) -> Iterator[Fault]:
        """Yield the faults of a reader that are not in ``reported``, and add them to it."""
        for fault in reader.report.faults:
            if (fault.location, fault.message) not in reported:
                reported.add((fault.location, fault.message))
                yield fault


def _missing_name(fault: Fault, node: Node | None) -> str:
    """Return the item, id or year that a fault of a preset concerns, as text.

    The result is empty if the faulty value is neither a text nor an integer.
    """
    if node is None:
        return next((step for step in reversed(fault.path[:-1]) if isinstance(step, str)), "")
    value = fault.path[-1] if fault.at_key else (node.child("value") or node).value
    return str(value) if isinstance(value, (str, int)) else ""


def _variant_names(variants: Node | None) -> list[str]:
    return list(variants.value) if variants and isinstance(variants.value, dict) else []


def _with_location(fault: Fault, root: Node) -> Fault:
    return replace(fault, location=fault.location or location_of(root, fault.path, fault.at_key))


MAX_STATES_IN_TEXT = 100
"""More states than these are not converted to a text, which would take long."""


def read_case_data(data: Mapping[str, Any] | None, name: str) -> LoadedScenario:
    """Read a scenario from its content, such as that of a plan; ``name`` stands for the file name.

    Raises ScenarioError with all faults.
    """
    content = dict(data) if data is not None else None
    uncertainty = content.get("uncertainty") if content is not None else None
    written_states = uncertainty.get("states") if isinstance(uncertainty, dict) else None
    states = None
    if isinstance(written_states, list) and len(written_states) > MAX_STATES_IN_TEXT:
        with suppress(ValidationError):  # a text has locations for the faults
            states = TableStates(State.model_validate(state) for state in written_states)
            content = {**(content or {}), "uncertainty": {**(uncertainty or {}), "states": None}}
    return read_case_text(json.dumps(content), name, states=states)
