"""Scenarios as Python objects: nested mappings, lists and values.

A value has no line, so that its location is its dotted path, such as
``projects.refinery.capex_meur``; a list item with an id is named by it, as in settings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from models.faults import Fault, SourceLocation
from models.files.nodes import FaultReporter, Node, NodePath
from models.files.yaml_source import MAX_DEPTH


def read_mapping(content: Mapping[Any, Any], name: str, report: FaultReporter) -> Node:
    """Return the tree of a scenario that is given as a mapping.

    Values may be mappings, lists, tuples, arrays, texts, numbers, booleans, dates and None. Other
    values are reported. ``name`` stands for the file name in messages.
    """
    return _read_value(content, name, report, ())


def _read_value(value: Any, name: str, report: FaultReporter, path: NodePath) -> Node:
    location = SourceLocation(name, cell=".".join(map(str, path)))
    node = Node(None, location, location)
    if len(path) >= MAX_DEPTH:
        return _reject(node, path, f"nested deeper than {MAX_DEPTH} levels", report)
    if isinstance(value, date):
        value = value.isoformat()
    value = to_plain_value(value)
    if isinstance(value, Mapping):
        node.value = {}
        for key, child in value.items():
            if not isinstance(key, str | int) or isinstance(key, bool):
                message = f"'{key}' is no key; keys are texts or years"
                _reject(node, path, message, report)
                continue
            node.value[str(key)] = _read_value(child, name, report, (*path, str(key)))
    elif isinstance(value, list | tuple):
        steps = [
            item["id"] if isinstance(item, Mapping) and isinstance(item.get("id"), str) else n
            for n, item in enumerate(value)
        ]
        pairs = zip(steps, value, strict=True)
        node.value = [_read_value(item, name, report, (*path, step)) for step, item in pairs]
    elif isinstance(value, float) and not math.isfinite(value):
        return _reject(node, path, f"{value} is not a finite number", report)
    elif value is None or isinstance(value, str | bool | int | float):
        node.value = value
    else:
        kind = type(value).__name__
        message = f"a value of the type {kind} cannot be read"
        return _reject(node, path, message, report)
    return node


def _reject(node: Node, path: NodePath, message: str, report: FaultReporter) -> Node:
    hint = "give numbers, texts, lists and mappings"
    report(Fault(path, message, hint, location=node.location))
    node.faulty = True
    return node


def to_plain_value(value: Any) -> Any:
    """Return arrays as lists, and numbers of NumPy and decimals as Python numbers."""
    if isinstance(value, Decimal):
        return float(value)
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "shape") else value


def setting_texts(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return changes by dotted path as settings, ``path=value``.

    Raise TypeError if a path is no text, or a value cannot be written.
    """
    if not all(isinstance(path, str) for path in changes):
        raise TypeError
    return tuple(f"{path}={_flow_text(value)}" for path, value in changes.items())


def _flow_text(value: Any) -> str:
    """Return a value in YAML's flow style, without exponents, which files do not have."""
    value = to_plain_value(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str | int) for key in value):
            raise TypeError
        items = (f"{_flow_text(str(key))}: {_flow_text(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow_text, value))}]"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError
        return f"{Decimal(repr(value)):f}"
    if value is None or isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError
