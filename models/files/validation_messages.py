"""Conversion of pydantic's validation errors to faults with plain messages."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from models.faults import Fault
from models.files.nodes import NodePath
from models.files.shapes import SCENARIO_SHAPE, describe_field, shape_at
from models.language import current_language
from models.scenario.quantities import number_hint
from models.spelling import invalid_choice_hint, unknown_key_hint
from models.unit_names import currency_code_hint


def faults_of_validation(error: ValidationError) -> Iterator[Fault]:
    """Yield a fault for each error of a validation."""
    for details in error.errors(include_url=False):
        path, kind = tuple(details["loc"]), details["type"]
        at_key = path[-1:] == ("[key]",)
        path = path[:-1] if at_key else path
        if kind == "scenario":
            for part_path, message, hint in details["ctx"]["faults"]:
                part_at_key = part_path[-1:] == ("[key]",)
                fault_path = (*path, *(part_path[:-1] if part_at_key else part_path))
                yield Fault(fault_path, message, hint, at_key=at_key or part_at_key)
        elif kind == "missing":
            yield _missing_key_fault(path)
        elif kind == "extra_forbidden":
            yield _unknown_key_fault(path)
        else:
            message, hint = _value_message(kind, path, details.get("input"))
            yield Fault(path, message or details["msg"], hint, at_key=at_key)


def _join_path(path: NodePath) -> str:
    return ".".join(map(str, path))


def _missing_key_fault(path: NodePath) -> Fault:
    parent, key = path[:-1], str(path[-1])
    description = describe_field(shape_at(parent) if parent else SCENARIO_SHAPE, key)
    if current_language() == "en" and description[1:2].islower():
        description = description[0].lower() + description[1:]
    hint = f"{key}: {description}".rstrip(".") if description else ""
    message = f"'{key}' is missing"
    if parent:
        message = f"'{key}' is missing in {_join_path(parent)}"
    return Fault(path, message, hint, at_key=True)


def _unknown_key_fault(path: NodePath) -> Fault:
    parent, key = path[:-1], str(path[-1])
    message = f"'{key}' is not known"
    if parent:
        message = f"'{key}' is not known in {_join_path(parent)}"
    # Includes are merged before validation, so that the model does not have this key.
    keys = shape_at(parent).keys if parent else (*shape_at(parent).keys, "include")
    return Fault(path, message, unknown_key_hint(key, keys), at_key=True)


def _value_message(kind: str, path: NodePath, value: Any) -> tuple[str, str]:
    """Return message and hint for a faulty value; empty if pydantic's message is to be used."""
    shape, description = shape_at(path), describe_value(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "literal_error" and isinstance(value, str):
        return f"'{value}' is not known here", invalid_choice_hint(value, shape.choices)
    if kind == "literal_error" and path == ("schema_version",) and is_number and value > 1:
        message = f"this version of Vorrat does not know format {description}"
        return message, f"take a later version, or write {shape.choices[-1]}"
    if kind == "literal_error":
        hint = "write {value}".format(value=" or ".join(shape.choices))
        return f"{description} is not possible here", hint
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        keys = [key for key in shape.keys if key not in ("name", "description")]
        listed = ", ".join(keys[:8]) + (", ..." if len(keys) > 8 else "")
        hint = f"its keys are {listed}" if keys else ""
        return f"a mapping is expected here, not {description}", hint
    if kind in ("tuple_type", "list_type"):
        is_scalar = isinstance(value, (str, int, float))
        hint = "write {value}".format(value=f"[{value}]") if is_scalar else ""
        return f"a list is expected here, not {description}", hint
    if kind == "string_type":
        hint = "write {value}".format(value=f'"{value}"') if is_number else ""
        return f"a text is expected here, not {description}", hint
    if kind in ("bool_type", "bool_parsing"):
        return f"{description} is neither true nor false", "write true or false"
    if kind == "string_pattern_mismatch":
        return f"'{value}' is not a currency code", currency_code_hint(str(value))
    if kind.startswith(("int", "float")):
        hint = number_hint(value) if isinstance(value, str) else ""
        return f"{description} is not a number", hint
    return "", ""


def describe_value(value: Any) -> str:
    """Return a short description of a value for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return "'{value}'".format(value=value if len(value) <= 60 else value[:57] + "...")
    return f"{value:g}" if isinstance(value, float) else str(value)
