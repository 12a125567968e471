"""The JSON Schemas of scenario files and of results, made from the models and their docstrings."""

from typing import Any, get_args

from pydantic import BaseModel

from models.base import Base
from models.field_docs import field_docstrings
from models.results.base import SEAL_FIELD, Result, SealedDocument, document_models
from models.scenario.case import Case

_FILE_NAME_SCHEMA = {"type": "string", "minLength": 1}


def _object_schema(description: str, required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    kind = {"type": "object", "description": description, "properties": properties}
    return {**kind, "required": [required], "additionalProperties": False}


_TABLE_SCHEMA = _object_schema(
    "A CSV or Excel file beside the scenario file; columns are field names.",
    "table",
    table={"type": "string", "description": "Name of the file."},
    sheet={"type": "string", "description": "Name of the sheet of an Excel file."},
)
_OTHERWISE_DESCRIPTION = "Name of the public file that is taken where the private one is not."
_PRIVATE_FILE_SCHEMA = _object_schema(
    "A file that stays with its owner, and what stands in for it elsewhere.",
    "private",
    private={**_FILE_NAME_SCHEMA, "description": "Name of the private file; taken where it is."},
    otherwise={
        "anyOf": [_FILE_NAME_SCHEMA, {"type": "null"}],
        "description": _OTHERWISE_DESCRIPTION,
    },
    owner={"type": ["string", "null"], "description": "Who has the private file."},
)
_FILES_SCHEMA = {
    "type": "array",
    "items": {"anyOf": [_FILE_NAME_SCHEMA, _PRIVATE_FILE_SCHEMA]},
    "uniqueItems": True,
}
_INCLUDE_SCHEMA = {
    "anyOf": [_FILES_SCHEMA, {"type": "null"}],
    "description": "Names of presets, or files beside the scenario file; they lie under it.",
}
_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SEAL_SCHEMA = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "SHA-256 of all the rest of the document in canonical JSON.",
}


def _schema_header(model: type[BaseModel], *name_parts: str) -> dict[str, str]:
    """The head of the schema of a document: the dialect, and what it is called, with the version of
    its format. There is no site that it could be fetched from."""
    version = get_args(model.model_fields["schema_version"].annotation)[0]
    return {"$schema": _SCHEMA_DIALECT, "$id": ":".join(("urn:vorrat", *name_parts, str(version)))}


def result_schema(kind: str) -> dict[str, Any]:
    """The schema of a result as it is written, and as it may be read back.

    Raises KeyError for a kind that :func:`.documents` does not know.
    """
    model = document_models()[kind]
    made: dict[str, Any] = model.model_json_schema()
    parts = {model.__name__: made, **made.get("$defs", {})}
    _add_descriptions(parts, Result)
    for one in document_models().values():
        if issubclass(one, SealedDocument) and one.__name__ in parts:
            parts[one.__name__]["properties"][SEAL_FIELD] = _SEAL_SCHEMA
    return {**_schema_header(model, "result", kind), **made, "title": f"Vorrat result: {kind}"}


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario file: absent fields may be null, long lists may be tables.

    What a file includes may hold the sections that it has to have.
    """
    made: dict[str, Any] = Case.model_json_schema(by_alias=True)
    _add_descriptions({"Case": made, **made.get("$defs", {})}, Base)
    for part in (made, *made.get("$defs", {}).values()):
        required = part.get("required", ())
        for name, field in part.get("properties", {}).items():
            if name not in required and {"type": "null"} not in field.get("anyOf", ()):
                part["properties"][name] = _any_of_schemas(field, {"type": "null"})
    for name, section in made["properties"].items():
        if _is_collection_schema(section):
            made["properties"][name] = _any_of_schemas(section, {"$ref": "#/$defs/Table"})
    made.setdefault("$defs", {})["Table"] = _TABLE_SCHEMA
    made["properties"] = {"include": _INCLUDE_SCHEMA, **made["properties"]}
    alone = {"required": made.pop("required")}
    made |= {"if": {"not": {"required": ["include"]}}, "then": alone}
    head = {
        **_schema_header(Case, "scenario"),
        "title": "Vorrat scenario file",
        "description": "Everything that one run needs.",
    }
    made = {key: value for key, value in made.items() if key not in head}
    return {**head, **made}


def _is_collection_schema(section: dict[str, Any]) -> bool:
    branches = section.get("anyOf", [section])
    return any(
        branch.get("type") == "array"
        or (branch.get("type") == "object" and "additionalProperties" in branch)
        for branch in branches
    )


def _any_of_schemas(field: dict[str, Any], alternative: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field that may be something else as well."""
    kept = [key for key in ("description", "title", "default") if key in field]
    keep: dict[str, Any] = {key: field.pop(key) for key in kept}
    branches = field.pop("anyOf", None) or [field]
    return {"anyOf": [*branches, alternative], **keep}


def _add_descriptions(parts: dict[str, Any], base: type[BaseModel]) -> None:
    """Put what is said of fields into the schemas of models, by the names of their classes."""
    for model in all_subclasses(base):
        properties = parts.get(model.__name__, {}).get("properties", {})
        docstrings = field_docstrings(model)
        for name, field in model.model_fields.items():
            if name in docstrings and (field.alias or name) in properties:
                properties[field.alias or name]["description"] = docstrings[name]


def all_subclasses(base: type[BaseModel]) -> list[type[BaseModel]]:
    """All models that extend one, directly or not."""
    direct = base.__subclasses__()
    return [*direct, *(model for child in direct for model in all_subclasses(child))]
