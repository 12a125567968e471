"""Collection of the faults of a scenario, and the search for further ones in a scenario that has
faults.

All faults of a file are reported at once: its misspelt ids as well as its misspelt numbers. To this
end each faulty value is replaced by a placeholder that passes every check: NaN for a number, or an
id that is never looked up. Sums, orders and references are then checked as usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from models.base import UNREADABLE_TEXT, VALUES_ONLY_CONTEXT, WITHOUT_SUMS_CONTEXT
from models.faults import Fault, SourceLocation
from models.files import shapes
from models.files.nodes import NodePath
from models.files.shapes import (
    ANY_SHAPE,
    SCENARIO_SHAPE,
    Shape,
    is_required,
    shape_at,
    shape_of,
    shape_of_step,
)
from models.files.validation_messages import faults_of_validation
from models.scenario import case as case_module
from models.scenario.case import Case
from models.scenario.quantities import REMARK_KEYS, UNREADABLE_NUMBER
from models.unit_names import replace_currency

MAX_FAULTS = 1_000
"""Largest number of errors, and of warnings, that are listed for one scenario; reading ends after
the step that finds more errors."""
MAX_MESSAGE_LENGTH = 1_000


class FaultCollector:
    """Collector of distinct faults; it keeps ``MAX_FAULTS`` errors and as many warnings at most."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._seen: set[int] = set()
        self.counts = {"error": 0, "warning": 0}

    def __call__(self, fault: Fault) -> None:
        """Count a fault and add it, unless one of the same place, message and hint was counted.

        Once ``MAX_FAULTS`` faults of its severity were added, the fault is only counted.
        """
        key = hash((fault.location, fault.message, fault.hint))
        if key not in self._seen:
            self._seen.add(key)
            self.counts[fault.severity] += 1
            if self.counts[fault.severity] <= MAX_FAULTS:
                message, hint = _truncate(fault.message), _truncate(fault.hint)
                self.faults.append(replace(fault, message=message, hint=hint))

    @property
    def is_full(self) -> bool:
        """Whether more errors were found than are listed, so that the search can end."""
        return self.counts["error"] > MAX_FAULTS

    @property
    def accepts_warnings(self) -> bool:
        """Whether a further warning would be listed."""
        return self.counts["warning"] < MAX_FAULTS

    def sorted_faults(self) -> tuple[Fault, ...]:
        """Return the faults sorted by file, line and column (or cell).

        If more errors or more warnings were found than are kept, an entry at the end states how
        many more.
        """
        faults, location = sorted(self.faults, key=_sort_key), SourceLocation(self.file)
        if (count := self.counts["error"] - MAX_FAULTS) > 0:
            faults.append(Fault((), f"and {count} more errors", location=location))
        if (count := self.counts["warning"] - MAX_FAULTS) > 0:
            message = f"and {count} more warnings"
            faults.append(Fault((), message, severity="warning", location=location))
        return tuple(faults)


def _truncate(text: str) -> str:
    """Return a text cut to ``MAX_MESSAGE_LENGTH`` characters: it may quote a very long value."""
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 3] + "..."


def _sort_key(fault: Fault) -> tuple[Any, ...]:
    location = fault.location or SourceLocation("")
    cell = re.fullmatch(r"(.*!)([A-Z]+)(\d+)", location.cell, re.DOTALL)
    cell_key = (cell[1], int(cell[3]), len(cell[2]), cell[2]) if cell else ("", 0, 0, "")
    return (location.file, location.line, location.column, cell_key)


def with_currency(fault: Fault, code: Any) -> Fault:
    """Return a fault in whose texts the currency ``code`` of the file replaces EUR.

    The fault is unchanged if it concerns the currency itself, or if ``code`` is not a text.
    """
    if fault.path == ("currency",) or not isinstance(code, str) or code == "EUR":
        return fault
    message, hint = (replace_currency(text, code) for text in (fault.message, fault.hint))
    return replace(fault, message=message, hint=hint)


SKIP_REFERENCES_CONTEXT = {"references_checked_elsewhere": True}
_MAX_ROUNDS = 6


def find_further_faults(
    scenario_data: dict[str, Any], unread_sections: set[str]
) -> Iterator[Fault]:
    """Yield all faults of a scenario, including those that show only after others are repaired.

    ``scenario_data`` is the scenario as plain data; ``unread_sections`` are sections whose tables
    could not be read. Further checks are left out if repairs fail.
    """
    repair = _DataRepair(scenario_data)
    for name in unread_sections:
        repair.drop_section(name)
    levels_up: dict[NodePath, int] = {}
    for _round in range(_MAX_ROUNDS):
        fault = None
        for fault in _validation_faults(repair.data, VALUES_ONLY_CONTEXT):
            yield fault
            # If a placeholder did not remove the fault, replace what contains it.
            levels_up[fault.path] = levels_up.get(fault.path, -1) + 1
            repair.replace(fault.path[: len(fault.path) - levels_up[fault.path]], fault.at_key)
        if fault is None:
            break
    else:
        return
    # A wrong sum prevents the other checks of its item.
    yield from _validation_faults(repair.data, WITHOUT_SUMS_CONTEXT)
    yield from _validation_faults(repair.data, {})
    case = Case.model_validate(
        repair.data, context={**SKIP_REFERENCES_CONTEXT, **VALUES_ONLY_CONTEXT}
    )
    for fault in case_module.check_references(case, repair.unreadable):
        if fault.severity == "error":
            yield fault


def _validation_faults(scenario_data: dict[str, Any], context: dict[str, Any]) -> Iterator[Fault]:
    try:
        Case.model_validate(scenario_data, context={**SKIP_REFERENCES_CONTEXT, **context})
    except ValidationError as error:
        return faults_of_validation(error)
    return iter(())


def _deep_copy(data: Any) -> Any:
    """Return a copy of plain data; faster than :func:`copy.deepcopy`."""
    if isinstance(data, dict):
        return {key: _deep_copy(value) for key, value in data.items()}
    return list(map(_deep_copy, data)) if isinstance(data, list) else data


class _DataRepair:
    """Copy of the scenario's plain data in which faulty values are replaced by placeholders.

    ``unreadable`` holds, by section, the ids of items that were lost in this way; ``*`` stands for
    all items of the section.
    """

    def __init__(self, scenario_data: dict[str, Any]) -> None:
        self.data = _deep_copy(scenario_data)
        self.unreadable: dict[str, frozenset[str]] = {}

    def drop_section(self, name: str) -> None:
        """Remove a whole section; references to its items are then not checked."""
        self.data.pop(name, None)
        if name == "horizon":
            self.data[name] = {
                **_placeholder(shape_at((name,))),
                "periods_per_year": UNREADABLE_NUMBER,
            }
        elif is_required(SCENARIO_SHAPE, name):
            self.data[name] = {}
        self._mark_unreadable(name, "*")

    def _mark_unreadable(self, section: str, item: str) -> None:
        self.unreadable[section] = self.unreadable.get(section, frozenset()) | {item}

    def replace(self, path: NodePath, at_key: bool) -> None:
        """Replace the value at a path by a placeholder, or remove it if the field is optional.

        ``at_key`` states that the key is faulty, not its value.
        """
        parent: Any = self.data
        if path[:2] == ("policy", "rules") and len(path) > 2:
            # Nothing refers to a rule, and little can be said about one that lacks a part.
            rules = self.data["policy"]["rules"]
            if isinstance(rules, dict):
                rules.pop(str(path[2]), None)
                return None
        for length, step in enumerate(path[:-1], start=1):
            child = None
            if isinstance(parent, dict):
                child = parent.get(str(step))
            elif isinstance(step, int) and step < len(parent):
                child = parent[step]
            if not isinstance(child, (dict, list)):
                return self.replace(path[:length], False)
            parent = child
        if not path:
            return None
        shape, step = shape_at(path[:-1]), path[-1]
        if len(path) == 1 and step in SCENARIO_SHAPE.keys:
            return self.drop_section(str(step))
        if isinstance(parent, list):
            if isinstance(step, int) and step < len(parent):
                parent[step] = _placeholder(shape_of_step(shape, step) or ANY_SHAPE)
            return None
        if len(path) == 2 and at_key and shapes.is_item(shape):
            self._mark_unreadable(str(path[0]), str(step))
        if path[2:3] == ("budget_lines",) and (at_key or len(path) == 3):
            self._mark_unreadable("budget_lines", str(path[1]))
        _replace_faulty(parent, shape, path, at_key)
        return None


def _replace_faulty(parent: dict[str, Any], shape: Shape, path: NodePath, at_key: bool) -> None:
    key = str(path[-1])
    child_shape = shape_of_step(shape, key)
    if shape.kind == "model" and child_shape is not None:
        if key == "kind":
            # Without the kind nothing can be said about the fields that depend on it.
            for name in getattr(shape.model, "KIND_FIELDS", ()):
                parent.pop(name, None)
        # A hazard needs effects or profiles.
        is_kept = child_shape.kind in ("number", "yearly", "text", "country")
        is_kept |= key in ("effects", "profiles")
        if is_required(shape, key) or (is_kept and key in parent):
            parent[key] = _placeholder(child_shape)
        else:
            parent.pop(key, None)
    elif shape.kind in ("number", "yearly"):
        if key == "value" or (key.isdecimal() and not at_key and "value" not in parent):
            parent[key] = UNREADABLE_NUMBER
            return
        parent.pop(key, None)
        if not set(parent) - set(REMARK_KEYS):
            parent["value"] = UNREADABLE_NUMBER
    elif at_key or child_shape is None:
        parent.pop(key, None)
        if shape.kind == "mapping" and not shapes.is_item(shape):
            # Without a placeholder a sum would lack the number.
            parent[UNREADABLE_TEXT] = UNREADABLE_NUMBER
        elif shape.kind == "years" and path[-2] == "delay_years":
            parent["9999"] = UNREADABLE_NUMBER
    else:
        parent[key] = _placeholder(child_shape)


def _placeholder(shape: Shape) -> Any:
    """Return a value that passes checks of single values and that other checks skip, if any."""
    if shape.kind == "model":
        required_keys = [key for key in shape.keys if is_required(shape, key)]
        return {key: _placeholder(shape_of_step(shape, key) or ANY_SHAPE) for key in required_keys}
    if shape.kind == "mapping":
        return {UNREADABLE_TEXT: _placeholder(shape_of(shape.item))}
    if shape.kind == "list":
        return [_placeholder(shape_of(shape.item))]
    if shape.kind == "choice":
        # A funder without a kind counts as a company, since consumers refer to companies.
        return "company" if "company" in shape.choices else shape.choices[0]
    scalars = {"number": UNREADABLE_NUMBER, "yearly": UNREADABLE_NUMBER, "country": "ZZ"}
    return {"text": UNREADABLE_TEXT, "texts": UNREADABLE_TEXT, **scalars}.get(shape.kind)
