"""The models' findings as plain sentences at a path of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from models.faults import Fault
from models.files.nodes import Path
from models.files.shapes import ROOT, Shape, describe, shape_at
from models.language import language, tr
from models.scenario.quantities import number_hint
from models.spelling import one_of, suggestion


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


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _missing(path: Path) -> Fault:
    parent, key = path[:-1], str(path[-1])
    about = tr(describe(shape_at(parent) if parent else ROOT, key))
    if language() == "en" and about[1:2].islower():
        about = about[0].lower() + about[1:]
    hint = f"{key}: {about}".rstrip(".") if about else ""
    message = tr("'{key}' is missing", key=key)
    if parent:
        message = tr("'{key}' is missing in {path}", key=key, path=_dotted(parent))
    return Fault(path, message, hint, at_key=True)


def _unknown(path: Path) -> Fault:
    parent, key = path[:-1], str(path[-1])
    message = tr("'{key}' is not known", key=key)
    if parent:
        message = tr("'{key}' is not known in {path}", key=key, path=_dotted(parent))
    # What is included is merged before the models see it, so that they do not know the key.
    keys = shape_at(parent).keys if parent else (*shape_at(parent).keys, "include")
    return Fault(path, message, suggestion(key, keys), at_key=True)


def _misfit(
    kind: str, path: Path, value: Any, about: Mapping[str, Any], message: str
) -> tuple[str, str]:
    shape = shape_at(path)
    if kind == "literal_error" and isinstance(value, str):
        return tr("'{value}' is not known here", value=value), one_of(value, shape.choices)
    if kind == "literal_error":
        choices = tr(" or ").join(shape.choices)
        message = tr("{shown} is not possible here", shown=shown(value))
        return message, tr("write {value}", value=choices)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        message = tr("a mapping is expected here, not {shown}", shown=shown(value))
        return message, _mapping_hint(shape)
    if kind in ("tuple_type", "list_type"):
        listed = isinstance(value, (str, int, float))
        hint = tr("write {value}", value=f"[{value}]") if listed else ""
        return tr("a list is expected here, not {shown}", shown=shown(value)), hint
    if kind == "string_type":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        hint = tr("write {value}", value=f'"{value}"') if number else ""
        return tr("a text is expected here, not {shown}", shown=shown(value)), hint
    if kind in ("bool_type", "bool_parsing"):
        message = tr("{shown} is neither true nor false", shown=shown(value))
        return message, tr("write true or false")
    if kind == "string_pattern_mismatch":
        message = tr("'{value}' is not a currency code", value=value)
        return message, tr("write {value}", value="EUR")
    if kind.startswith(("int", "float")):
        hint = number_hint(value) if isinstance(value, str) else ""
        return tr("{shown} is not a number", shown=shown(value)), hint
    error = about.get("error")
    return (str(error) if error else message), ""


def _mapping_hint(shape: Shape) -> str:
    keys = [key for key in shape.keys if key not in ("name", "description")]
    listed = ", ".join(keys[:8]) + (", ..." if len(keys) > 8 else "")
    return tr("its keys are {names}", names=listed) if keys else ""


def shown(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return tr("nothing")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, Mapping)):
        return tr("a mapping")
    if isinstance(value, (list, tuple)):
        return tr("a list")
    if isinstance(value, str):
        return tr("'{value}'", value=value if len(value) <= 60 else value[:57] + "...")
    return f"{value:g}" if isinstance(value, float) else str(value)
