"""The part of a faulty scenario that can still be checked.

A file with one misspelt number should be told of its misspelt ids as well, all in one go. So what
is faulty is mended with a stand-in where nothing else depends on it, or else its item is taken
out; references between the rest are then checked as ever.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from models.case import Case, Horizon
from models.faults import Fault, Step
from models.files.nodes import Path
from models.files.shapes import ROOT, required, shape_at
from models.files.translating import faults_of
from models.quantities import Number

CONTEXT = {"references_checked_elsewhere": True}
_ITEMS = (
    "sources", "materials", "consumers", "demand", "damage", "supply", "projects", "funders",
    "stockpiles", "hazards", "variants",
)  # fmt: skip
_ANY_YEAR = Horizon.model_construct(
    first_year=0, last_year=9999, periods_per_year=Number(12), discount_rate=Number(0)
)
# Whether a damage entry applies hangs on all of its fields, and years on all of the horizon.
_NEVER_MENDED = ("damage", "horizon")

_Partial = tuple[Case, dict[str, frozenset[str]], dict[str, list[int]]]


def without_broken(data: dict[str, Any], found: list[Fault]) -> _Partial | None:
    """The case of what is not broken, which items were, and where the rest stood."""
    broken: dict[str, set[Step]] = {}
    pruned = copy.deepcopy({key: value for key, value in data.items() if key in ROOT.keys})
    found = [fault for fault in found if not _mended(pruned, fault)]
    for _attempt in range(4):
        for fault in found:
            _mark_broken(fault, pruned, broken)
        rest, positions = _prune(pruned, broken)
        try:
            case = Case.model_validate(rest, context=CONTEXT)
        except ValidationError as error:
            found = [_in_original(fault, positions) for fault in faults_of(error)]
            continue
        unreadable = {
            section: frozenset(map(str, names)) for section, names in broken.items() if names
        }
        if "horizon" in broken:
            case = case.model_copy(update={"horizon": _ANY_YEAR})
        return case, unreadable, positions
    return None


def _mark_broken(fault: Fault, data: dict[str, Any], broken: dict[str, set[Step]]) -> None:
    if not fault.path:
        return
    section = str(fault.path[0])
    missing = section not in data
    item = fault.path[1] if len(fault.path) > 1 else "*"
    if section in _ITEMS and not missing and isinstance(data[section], (dict, list)):
        broken.setdefault(section, set()).add(item)
    else:
        broken.setdefault(section, set()).add("*")


def _prune(
    data: dict[str, Any], broken: dict[str, set[Step]]
) -> tuple[dict[str, Any], dict[str, list[int]]]:
    rest, positions = dict(data), {}
    for section, items in broken.items():
        content = data.get(section)
        if section == "horizon":
            rest[section] = {"first_year": 1, "last_year": 1}
        elif "*" in items or not isinstance(content, (dict, list)):
            rest.pop(section, None)
            if section == "materials":
                rest[section] = {}
        elif isinstance(content, dict):
            rest[section] = {key: value for key, value in content.items() if key not in items}
        else:
            positions[section] = [n for n in range(len(content)) if n not in items]
            rest[section] = [content[n] for n in positions[section]]
    return rest, positions


def _in_original(fault: Fault, positions: dict[str, list[int]]) -> Fault:
    return replace(fault, path=as_written(fault.path, positions))


def as_written(path: Path, positions: dict[str, list[int]]) -> Path:
    """A path among the rest as the path in the file."""
    if len(path) > 1 and path[0] in positions and isinstance(path[1], int):
        kept = positions[str(path[0])]
        if path[1] < len(kept):
            return (path[0], kept[path[1]], *path[2:])
    return path


def _mended(data: dict[str, Any], fault: Fault) -> bool:
    """Whether a faulty value could be left out or replaced by a stand-in."""
    path = fault.path
    if len(path) < 2 or path[0] in _NEVER_MENDED:
        return len(path) == 1 and path[0] not in ROOT.keys
    parent: Any = data
    for step in path[:-1]:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return False
    if path == ("uncertainty", "states") and isinstance(parent[path[-1]], list):
        return _even(parent[path[-1]])
    if not isinstance(parent, dict) or not isinstance(path[-1], str):
        return False
    shape = shape_at(path[:-1])
    if shape.kind != "model":
        return False
    if not required(shape, path[-1]):
        parent.pop(path[-1], None)
        return True
    if shape_at(path).kind in ("number", "yearly"):
        parent[path[-1]] = 1
        return True
    return False


def _even(states: list[Any]) -> bool:
    """Give states whose probabilities do not add up the same one."""
    if not all(isinstance(state, dict) for state in states):
        return False
    for state in states:
        state["probability"] = 1 / len(states)
    return bool(states)
