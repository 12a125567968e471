"""What else is wrong with a faulty scenario.

A file with one misspelt number should be told of its misspelt ids as well, all in one go. So each
value that is faulty is replaced by a stand-in that no check takes offence at: a number that is
not a number, an id that is looked up nowhere. Sums, orders and references are then checked as
ever, around it.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from models.base import UNREADABLE_TEXT, VALUES_ONLY_CONTEXT, WITHOUT_SUMS_CONTEXT
from models.faults import Fault
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
from models.scenario import references
from models.scenario.case import Case
from models.scenario.quantities import REMARK_KEYS, UNREADABLE_NUMBER

SKIP_REFERENCES_CONTEXT = {"references_checked_elsewhere": True}
_MAX_ROUNDS = 6


def find_further_faults(data: dict[str, Any], unread_sections: set[str]) -> Iterator[Fault]:
    """The faults that show once those of single values are mended.

    ``unread`` names sections whose tables cannot be read.
    """
    mending = _DataRepair(data)
    for name in unread_sections:
        mending.drop_section(name)
    tried: dict[NodePath, int] = {}
    for _round in range(_MAX_ROUNDS):
        fault = None
        for fault in _validation_faults(mending.data, VALUES_ONLY_CONTEXT):
            yield fault
            # What a stand-in did not mend is mended with what holds it.
            tried[fault.path] = tried.get(fault.path, -1) + 1
            mending.repair(fault.path[: len(fault.path) - tried[fault.path]], fault.at_key)
        if fault is None:
            break
    else:
        return
    # A sum that is wrong keeps the other checks of its item from being made.
    yield from _validation_faults(mending.data, WITHOUT_SUMS_CONTEXT)
    yield from _validation_faults(mending.data, {})
    case = Case.model_validate(
        mending.data, context={**SKIP_REFERENCES_CONTEXT, **VALUES_ONLY_CONTEXT}
    )
    for fault in references.check_references(case, mending.unreadable):
        if fault.severity == "error":
            yield fault


def _validation_faults(data: dict[str, Any], context: dict[str, Any]) -> Iterator[Fault]:
    try:
        Case.model_validate(data, context={**SKIP_REFERENCES_CONTEXT, **context})
    except ValidationError as error:
        return faults_of_validation(error)
    return iter(())


def _deep_copy(data: Any) -> Any:
    """Bare data copied, in less time than by :mod:`copy`."""
    if isinstance(data, dict):
        return {key: _deep_copy(value) for key, value in data.items()}
    return list(map(_deep_copy, data)) if isinstance(data, list) else data


class _DataRepair:
    """Data in which faulty values are replaced, and the items that got lost by that."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = _deep_copy(data)
        self.unreadable: dict[str, frozenset[str]] = {}

    def drop_section(self, name: str) -> None:
        """Take out a whole section; what refers to its items is then not looked up."""
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

    def repair(self, path: NodePath, at_key: bool) -> None:
        """Replace what stands at a path, or take it out where nothing needs it."""
        parent: Any = self.data
        for length, step in enumerate(path[:-1], start=1):
            child = None
            if isinstance(parent, dict):
                child = parent.get(str(step))
            elif isinstance(step, int) and step < len(parent):
                child = parent[step]
            if not isinstance(child, (dict, list)):
                return self.repair(path[:length], False)
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
    inside = shape_of_step(shape, key)
    if shape.kind == "model" and inside is not None:
        if key == "kind":
            # What the kind would have allowed is neither right nor wrong without it.
            for name in getattr(shape.model, "BY_KIND", ()):
                parent.pop(name, None)
        kept = key in parent and inside.kind in ("number", "yearly", "text", "country")
        kept |= key in parent and key in ("effects", "profiles")  # a hazard needs one of them
        if is_required(shape, key) or kept:
            parent[key] = _placeholder(inside)
        else:
            parent.pop(key, None)
    elif shape.kind in ("number", "yearly"):
        if key == "value" or (key.isdecimal() and not at_key and "value" not in parent):
            parent[key] = UNREADABLE_NUMBER
            return
        parent.pop(key, None)
        if not set(parent) - set(REMARK_KEYS):
            parent["value"] = UNREADABLE_NUMBER
    elif at_key or inside is None:
        parent.pop(key, None)
        if shape.kind == "mapping" and not shapes.is_item(shape):
            # The number whose key is lost would be missing from a sum.
            parent[UNREADABLE_TEXT] = UNREADABLE_NUMBER
        elif shape.kind == "years" and path[-2] == "delay_years":
            parent["9999"] = UNREADABLE_NUMBER
    else:
        parent[key] = _placeholder(inside)


def _placeholder(shape: Shape) -> Any:
    """What a check of values accepts at a shape, and other checks pass over."""
    if shape.kind == "model":
        needed = [key for key in shape.keys if is_required(shape, key)]
        return {key: _placeholder(shape_of_step(shape, key) or ANY_SHAPE) for key in needed}
    if shape.kind == "mapping":
        return {UNREADABLE_TEXT: _placeholder(shape_of(shape.item))}
    if shape.kind == "list":
        return [_placeholder(shape_of(shape.item))]
    if shape.kind == "choice":
        # A funder whose kind is lost passes for the company that a consumer may name.
        return "company" if "company" in shape.choices else shape.choices[0]
    simple = {"number": UNREADABLE_NUMBER, "yearly": UNREADABLE_NUMBER, "country": "ZZ"}
    return {"text": UNREADABLE_TEXT, "texts": UNREADABLE_TEXT, **simple}.get(shape.kind)
