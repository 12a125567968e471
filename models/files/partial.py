"""What else is wrong with a faulty scenario.

A file with one misspelt number should be told of its misspelt ids as well, all in one go. So each
value that is faulty is replaced by a stand-in that no check takes offence at: a number that is
not a number, an id that is looked up nowhere. Sums, orders and references are then checked as
ever, around it.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from models.base import UNREADABLE_TEXT, VALUES_ONLY, WITHOUT_SUMS
from models.faults import Fault
from models.files import shapes
from models.files.nodes import Path
from models.files.shapes import ANYTHING, ROOT, Shape, required, shape_at, shape_of, step_into
from models.files.translating import faults_of
from models.scenario import references
from models.scenario.case import Case
from models.scenario.quantities import REMARKS, UNREADABLE

CONTEXT = {"references_checked_elsewhere": True}
_ROUNDS = 6


def further_faults(data: dict[str, Any], unread: set[str]) -> Iterator[Fault]:
    """The faults that show once those of single values are mended.

    ``unread`` names sections whose tables cannot be read.
    """
    mending = _Mending(data)
    for name in unread:
        mending.section(name)
    tried: dict[Path, int] = {}
    for _round in range(_ROUNDS):
        fault = None
        for fault in _faults(mending.data, VALUES_ONLY):
            yield fault
            # What a stand-in did not mend is mended with what holds it.
            tried[fault.path] = tried.get(fault.path, -1) + 1
            mending.mend(fault.path[: len(fault.path) - tried[fault.path]], fault.at_key)
        if fault is None:
            break
    else:
        return
    # A sum that is wrong keeps the other checks of its item from being made.
    yield from _faults(mending.data, WITHOUT_SUMS)
    yield from _faults(mending.data, {})
    case = Case.model_validate(mending.data, context={**CONTEXT, **VALUES_ONLY})
    for fault in references.check(case, mending.unreadable):
        if fault.severity == "error":
            yield fault


def _faults(data: dict[str, Any], context: dict[str, Any]) -> Iterator[Fault]:
    try:
        Case.model_validate(data, context={**CONTEXT, **context})
    except ValidationError as error:
        return faults_of(error)
    return iter(())


def _copied(data: Any) -> Any:
    """Bare data copied, in less time than by :mod:`copy`."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return list(map(_copied, data)) if isinstance(data, list) else data


class _Mending:
    """Data in which faulty values are replaced, and the items that got lost by that."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = _copied(data)
        self.unreadable: dict[str, frozenset[str]] = {}

    def section(self, name: str) -> None:
        """Take out a whole section; what refers to its items is then not looked up."""
        self.data.pop(name, None)
        if name == "horizon":
            self.data[name] = {**_stand_in(shape_at((name,))), "periods_per_year": UNREADABLE}
        elif required(ROOT, name):
            self.data[name] = {}
        self._lost(name, "*")

    def _lost(self, section: str, item: str) -> None:
        self.unreadable[section] = self.unreadable.get(section, frozenset()) | {item}

    def mend(self, path: Path, at_key: bool) -> None:
        """Replace what stands at a path, or take it out where nothing needs it."""
        parent: Any = self.data
        for length, step in enumerate(path[:-1], start=1):
            child = None
            if isinstance(parent, dict):
                child = parent.get(str(step))
            elif isinstance(step, int) and step < len(parent):
                child = parent[step]
            if not isinstance(child, (dict, list)):
                return self.mend(path[:length], False)
            parent = child
        if not path:
            return None
        shape, step = shape_at(path[:-1]), path[-1]
        if len(path) == 1 and step in ROOT.keys:
            return self.section(str(step))
        if isinstance(parent, list):
            if isinstance(step, int) and step < len(parent):
                parent[step] = _stand_in(step_into(shape, step) or ANYTHING)
            return None
        if len(path) == 2 and at_key and shapes.is_item(shape):
            self._lost(str(path[0]), str(step))
        if path[2:3] == ("budget_lines",) and (at_key or len(path) == 3):
            self._lost("budget_lines", str(path[1]))
        _replace(parent, shape, path, at_key)
        return None


def _replace(parent: dict[str, Any], shape: Shape, path: Path, at_key: bool) -> None:
    key = str(path[-1])
    inside = step_into(shape, key)
    if shape.kind == "model" and inside is not None:
        if key == "kind":
            # What the kind would have allowed is neither right nor wrong without it.
            for name in getattr(shape.model, "BY_KIND", ()):
                parent.pop(name, None)
        kept = key in parent and inside.kind in ("number", "yearly", "text", "country")
        kept |= key in parent and key in ("effects", "profiles")  # a hazard needs one of them
        if required(shape, key) or kept:
            parent[key] = _stand_in(inside)
        else:
            parent.pop(key, None)
    elif shape.kind in ("number", "yearly"):
        if key == "value" or (key.isdecimal() and not at_key and "value" not in parent):
            parent[key] = UNREADABLE
            return
        parent.pop(key, None)
        if not set(parent) - set(REMARKS):
            parent["value"] = UNREADABLE
    elif at_key or inside is None:
        parent.pop(key, None)
        if shape.kind == "mapping" and not shapes.is_item(shape):
            # The number whose key is lost would be missing from a sum.
            parent[UNREADABLE_TEXT] = UNREADABLE
        elif shape.kind == "years" and path[-2] == "delay_years":
            parent["9999"] = UNREADABLE
    else:
        parent[key] = _stand_in(inside)


def _stand_in(shape: Shape) -> Any:
    """What a check of values accepts at a shape, and other checks pass over."""
    if shape.kind == "model":
        needed = [key for key in shape.keys if required(shape, key)]
        return {key: _stand_in(step_into(shape, key) or ANYTHING) for key in needed}
    if shape.kind == "mapping":
        return {UNREADABLE_TEXT: _stand_in(shape_of(shape.item))}
    if shape.kind == "list":
        return [_stand_in(shape_of(shape.item))]
    if shape.kind == "choice":
        # A funder whose kind is lost passes for the company that a consumer may name.
        return "company" if "company" in shape.choices else shape.choices[0]
    simple = {"number": UNREADABLE, "yearly": UNREADABLE, "country": "ZZ"}
    return {"text": UNREADABLE_TEXT, "texts": UNREADABLE_TEXT, **simple}.get(shape.kind)
