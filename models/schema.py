"""JSON Schemas of scenario files and of results, made from the models and their docstrings."""

from typing import Any, get_args

from pydantic import BaseModel

from models.base import Base
from models.field_docs import field_docstrings
from models.results.base import Result, document_models
from models.scenario.references import Case

_FILE_NAME_SCHEMA = {"type": "string", "minLength": 1}


def _object_schema(
    description: str, required_key: str, **properties: dict[str, Any]
) -> dict[str, Any]:
    schema = {"type": "object", "description": description, "properties": properties}
    return {**schema, "required": [required_key], "additionalProperties": False}


_TABLE_SCHEMA = _object_schema(
    "A CSV, Excel or Parquet file next to the scenario file; columns are field names.",
    "table",
    table={"type": "string", "description": "Name of the file."},
    sheet={"type": "string", "description": "Name of the sheet of an Excel file."},
)
_OTHERWISE_DESCRIPTION = "Name of the public file that is read if the private one does not exist."
_PRIVATE_FILE_SCHEMA = _object_schema(
    "A private file that stays with its owner, and its public replacement.",
    "private",
    private={**_FILE_NAME_SCHEMA, "description": "Name of the private file, read if it exists."},
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
    "description": "Names of presets or of other files, whose keys this file overrides.",
}
_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _schema_header(model: type[BaseModel], *name_parts: str) -> dict[str, str]:
    """Return the dialect and the id of a schema.

    The id contains the version of the format. It is a URN, since the schema has no address.
    """
    version = get_args(model.model_fields["schema_version"].annotation)[0]
    return {"$schema": _SCHEMA_DIALECT, "$id": ":".join(("urn:vorrat", *name_parts, str(version)))}


def result_schema(kind: str) -> dict[str, Any]:
    """Return the schema of a result, as written and as read back.

    Raises KeyError for a kind that :func:`.document_models` does not know.
    """
    model = document_models()[kind]
    schema: dict[str, Any] = model.model_json_schema()
    schema_by_model = {model.__name__: schema, **schema.get("$defs", {})}
    _add_descriptions(schema_by_model, Result)
    return {**_schema_header(model, "result", kind), **schema, "title": f"Vorrat result: {kind}"}


def scenario_schema() -> dict[str, Any]:
    """Return the schema of a scenario file.

    Optional fields may be null, lists and mappings of items may be tables, and required sections
    may be missing if the file includes others.
    """
    schema: dict[str, Any] = Case.model_json_schema(by_alias=True)
    _add_descriptions({"Case": schema, **schema.get("$defs", {})}, Base)
    for part in (schema, *schema.get("$defs", {}).values()):
        required_keys = part.get("required", ())
        for name, field in part.get("properties", {}).items():
            if name not in required_keys and {"type": "null"} not in field.get("anyOf", ()):
                part["properties"][name] = _any_of_schemas(field, {"type": "null"})
    for name, section in schema["properties"].items():
        if _is_collection_schema(section):
            schema["properties"][name] = _any_of_schemas(section, {"$ref": "#/$defs/Table"})
    uncertainty = schema["$defs"]["Uncertainty"]["properties"]
    uncertainty["states"] = _any_of_schemas(uncertainty["states"], {"$ref": "#/$defs/Table"})
    schema.setdefault("$defs", {})["Table"] = _TABLE_SCHEMA
    schema["properties"] = {"include": _INCLUDE_SCHEMA, **schema["properties"]}
    required_sections = {"required": schema.pop("required")}
    schema |= {"if": {"not": {"required": ["include"]}}, "then": required_sections}
    header = {
        **_schema_header(Case, "scenario"),
        "title": "Vorrat scenario file",
        "description": "Everything that one run needs.",
    }
    schema = {key: value for key, value in schema.items() if key not in header}
    return {**header, **schema}


def _is_collection_schema(section: dict[str, Any]) -> bool:
    return any(
        schema.get("type") == "array"
        or (schema.get("type") == "object" and "additionalProperties" in schema)
        for schema in section.get("anyOf", [section])
    )


def _any_of_schemas(schema: dict[str, Any], alternative: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that accepts the values of ``schema`` and those of ``alternative``.

    The description, title and default of ``schema`` are moved to the new schema.
    """
    keys = [key for key in ("description", "title", "default") if key in schema]
    annotations: dict[str, Any] = {key: schema.pop(key) for key in keys}
    alternatives = schema.pop("anyOf", None) or [schema]
    return {"anyOf": [*alternatives, alternative], **annotations}


def _add_descriptions(schema_by_model: dict[str, Any], base: type[BaseModel]) -> None:
    """Add the docstrings of fields to the schemas of the models derived from ``base``, in place.

    ``schema_by_model`` holds these schemas by class name.
    """
    for model in all_subclasses(base):
        properties = schema_by_model.get(model.__name__, {}).get("properties", {})
        docstrings = field_docstrings(model)
        for name, field in model.model_fields.items():
            if name in docstrings and (field.alias or name) in properties:
                properties[field.alias or name]["description"] = docstrings[name]


def all_subclasses(base: type[BaseModel]) -> list[type[BaseModel]]:
    """Return all direct and indirect subclasses of a model."""
    direct = base.__subclasses__()
    return [*direct, *(model for child in direct for model in all_subclasses(child))]
