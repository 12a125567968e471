"""The JSON Schemas of scenario files and of results, made from the models and their docstrings."""

from typing import Any, get_args

from pydantic import BaseModel

from models.base import Base
from models.docstrings import field_docstrings
from models.results.base import SEAL, Document, Result, documents
from models.scenario.case import Case

_NAME = {"type": "string", "minLength": 1}


def _object(about: str, required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    kind = {"type": "object", "description": about, "properties": properties}
    return {**kind, "required": [required], "additionalProperties": False}


_TABLE = _object(
    "A CSV or Excel file beside the scenario file; columns are field names.",
    "table",
    table={"type": "string", "description": "Name of the file."},
    sheet={"type": "string", "description": "Name of the sheet of an Excel file."},
)
_STAND_IN = "Name of the public file that is taken where the private one is not."
_PRIVATE = _object(
    "A file that stays with its owner, and what stands in for it elsewhere.",
    "private",
    private={**_NAME, "description": "Name of the private file; taken where it is."},
    otherwise={"anyOf": [_NAME, {"type": "null"}], "description": _STAND_IN},
    owner={"type": ["string", "null"], "description": "Who has the private file."},
)
_FILES = {"type": "array", "items": {"anyOf": [_NAME, _PRIVATE]}, "uniqueItems": True}
_INCLUDE = {
    "anyOf": [_FILES, {"type": "null"}],
    "description": "Names of presets, or files beside the scenario file; they lie under it.",
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SEAL = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "SHA-256 of all the rest of the document in canonical JSON.",
}


def _name_of(model: type[BaseModel], *what: str) -> dict[str, str]:
    """The head of the schema of a document: the dialect, and what it is called, with the version of
    its format. There is no site that it could be fetched from."""
    version = get_args(model.model_fields["schema_version"].annotation)[0]
    return {"$schema": _DIALECT, "$id": ":".join(("urn:vorrat", *what, str(version)))}


def result_schema(kind: str) -> dict[str, Any]:
    """The schema of a result as it is written, and as it may be read back.

    Raises KeyError for a kind that :func:`.documents` does not know.
    """
    model = documents()[kind]
    made: dict[str, Any] = model.model_json_schema()
    parts = {model.__name__: made, **made.get("$defs", {})}
    _describe(parts, Result)
    for one in documents().values():
        if issubclass(one, Document) and one.__name__ in parts:
            parts[one.__name__]["properties"][SEAL] = _SEAL
    return {**_name_of(model, "result", kind), **made, "title": f"Vorrat result: {kind}"}


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario file: absent fields may be null, long lists may be tables.

    What a file includes may hold the sections that it has to have.
    """
    made: dict[str, Any] = Case.model_json_schema(by_alias=True)
    _describe({"Case": made, **made.get("$defs", {})}, Base)
    for part in (made, *made.get("$defs", {}).values()):
        required = part.get("required", ())
        for name, field in part.get("properties", {}).items():
            if name not in required and {"type": "null"} not in field.get("anyOf", ()):
                part["properties"][name] = _or(field, {"type": "null"})
    for name, section in made["properties"].items():
        if _is_long(section):
            made["properties"][name] = _or(section, {"$ref": "#/$defs/Table"})
    made.setdefault("$defs", {})["Table"] = _TABLE
    made["properties"] = {"include": _INCLUDE, **made["properties"]}
    alone = {"required": made.pop("required")}
    made |= {"if": {"not": {"required": ["include"]}}, "then": alone}
    head = {
        **_name_of(Case, "scenario"),
        "title": "Vorrat scenario file",
        "description": "Everything that one run needs.",
    }
    made = {key: value for key, value in made.items() if key not in head}
    return {**head, **made}


def _is_long(section: dict[str, Any]) -> bool:
    branches = section.get("anyOf", [section])
    return any(
        branch.get("type") == "array"
        or (branch.get("type") == "object" and "additionalProperties" in branch)
        for branch in branches
    )


def _or(field: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field that may be something else as well."""
    kept = [key for key in ("description", "title", "default") if key in field]
    keep: dict[str, Any] = {key: field.pop(key) for key in kept}
    branches = field.pop("anyOf", None) or [field]
    return {"anyOf": [*branches, other], **keep}


def _describe(parts: dict[str, Any], base: type[BaseModel]) -> None:
    """Put what is said of fields into the schemas of models, by the names of their classes."""
    for model in extensions(base):
        properties = parts.get(model.__name__, {}).get("properties", {})
        docstrings = field_docstrings(model)
        for name, field in model.model_fields.items():
            if name in docstrings and (field.alias or name) in properties:
                properties[field.alias or name]["description"] = docstrings[name]


def extensions(base: type[BaseModel]) -> list[type[BaseModel]]:
    """All models that extend one, directly or not."""
    direct = base.__subclasses__()
    return [*direct, *(model for child in direct for model in extensions(child))]
