"""The models' findings as plain sentences at a path of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from models.faults import Fault
from models.files.nodes import Path
from models.files.shapes import ROOT, Shape, describe, shape_at, suggestion
from models.quantities import number_hint


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Every fault of a validation."""
    for one in error.errors(include_url=False):
        yield from _faults(one)


def _faults(one: Any) -> Iterator[Fault]:
    path: Path = tuple(one["loc"])
    at_key = bool(path) and path[-1] == "[key]"
    if at_key:
        path = path[:-1]
    kind, value = one["type"], one.get("input")
    about = one.get("ctx", {})
    if kind == "scenario":
        found = about.get("faults") or ((about.get("at", ()), about["message"], about["hint"]),)
        for at, message, hint in found:
            of_key = at[-1:] == ("[key]",)
            whole = (*path, *(at[:-1] if of_key else at))
            yield Fault(whole, message, hint, at_key=at_key or of_key)
        return
    if kind == "missing":
        yield _missing(path)
    elif kind == "extra_forbidden":
        yield _unknown(path)
    else:
        message, hint = _misfit(kind, path, value, about, one["msg"])
        yield Fault(path, message, hint, at_key=at_key)


def where(path: Path) -> str:
    """A path in words, such as " in projects.upper_rhine"."""
    return f" in {'.'.join(map(str, path))}" if path else ""


def _missing(path: Path) -> Fault:
    parent, key = path[:-1], str(path[-1])
    about = describe(shape_at(parent) if parent else ROOT, key)
    if about[1:2].islower():
        about = about[0].lower() + about[1:]
    hint = f"{key}: {about}".rstrip(".") if about else ""
    return Fault(path, f"'{key}' is missing{where(parent)}", hint, at_key=True)


def _unknown(path: Path) -> Fault:
    parent, key = path[:-1], str(path[-1])
    hint = suggestion(key, shape_at(parent).keys)
    return Fault(path, f"'{key}' is not known{where(parent)}", hint, at_key=True)


def _misfit(
    kind: str, path: Path, value: Any, about: Mapping[str, Any], message: str
) -> tuple[str, str]:
    shape = shape_at(path)
    if kind == "literal_error" and isinstance(value, str):
        return f"'{value}' is not known here", suggestion(value, shape.choices, "write one of ")
    if kind == "literal_error":
        return f"{shown(value)} is not possible here", "write " + " or ".join(shape.choices)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"a mapping is expected here, not {shown(value)}", _mapping_hint(shape)
    if kind in ("tuple_type", "list_type"):
        hint = f"write [{value}]" if isinstance(value, (str, int, float)) else ""
        return f"a list is expected here, not {shown(value)}", hint
    if kind == "string_type":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"a text is expected here, not {shown(value)}", f'write "{value}"' if number else ""
    if kind in ("bool_type", "bool_parsing"):
        return f"{shown(value)} is neither true nor false", "write true or false"
    if kind == "string_pattern_mismatch":
        return f"'{value}' is not a currency code", "write EUR"
    if kind.startswith(("int", "float")):
        hint = number_hint(value) if isinstance(value, str) else ""
        return f"{shown(value)} is not a number", hint
    error = about.get("error")
    return (str(error) if error else message), ""


def _mapping_hint(shape: Shape) -> str:
    keys = [key for key in shape.keys if key not in ("name", "description")]
    return f"its keys are {', '.join(keys[:8])}{', ...' if len(keys) > 8 else ''}" if keys else ""


def shown(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, Mapping)):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return f"'{value if len(value) <= 60 else value[:57] + '...'}'"
    return f"{value:g}" if isinstance(value, float) else str(value)
