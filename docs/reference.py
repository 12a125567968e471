"""Pages of the site that are generated from the code, in Markdown: the fields of a scenario file
from its JSON Schema, the commands from their help, the rules from a Pyomo model, and the Python
interface from the docstrings of ``vorrat``."""

from __future__ import annotations

import inspect
import re
from typing import Any

import click
import pyomo.environ as pyo

import vorrat
from models.files import read_case, shipped_files
from models.language import using
from models.schema import scenario_schema
from optimizer.cli import vorrat as program
from optimizer.model.formulation import build_extensive_form
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

SEE_FORMAT = """# The fields of a scenario file

Generated from the JSON Schema that `vorrat schema` prints. The page
[the scenario file](../scenario-format.md) explains how the fields work together, with examples. Any
figure can also be a mapping of `value`, `source`, `confidence` and `note`, and a list or mapping of
items can be a [table](../scenario-format.md#tables)."""
SEE_RULES = """# The rules of the model

All variables and constraints that Vorrat builds with Pyomo, with their names in the model and the
number of rows or columns of each in the [tutorial](../tutorial.md). [The optimization
problem](../formulation.md) states them as formulas, with the same names and tags."""
SEE_PYTHON = """# The Python interface

Generated from the docstrings of the package `vorrat`. [From Python and in notebooks](../python.md)
is the introduction. [What a run returns](../results.md) describes the fields of `result`."""


def scenario_fields() -> str:
    """Return the page of the fields of a scenario file, with a section for each model."""
    schema = scenario_schema()
    parts = {"Scenario file": schema, **schema["$defs"]}
    parts = {name: _with_properties(part) for name, part in parts.items()}
    return "\n\n".join([SEE_FORMAT, *(_fields(name, part) for name, part in parts.items())])


def _with_properties(part: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model with its properties, also if the model has shorter forms."""
    full_forms = (branch for branch in part.get("anyOf", ()) if "properties" in branch)
    return part if "properties" in part else {**part, **next(full_forms)}


def _fields(name: str, part: dict[str, Any]) -> str:
    rows = [
        f"| `{field}` | {_kind(schema)} | {_default(field, schema, part)} | {_cell(schema)} |"
        for field, schema in part["properties"].items()
    ]
    head = ["| field | value | if absent | meaning |", "|---|---|---|---|"]
    description = _markdown(part.get("description", ""))
    return "\n".join([f"## {_words(name)}", "", description, "", *head, *rows])


def _words(name: str) -> str:
    """Return the name of a class as a heading: ``BudgetLine`` becomes ``Budget line``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _kind(schema: dict[str, Any]) -> str:
    """Return in words which values the schema of a field allows; alternatives that
    :func:`_is_general` marks are left out."""
    if "$ref" in schema:
        words = _words(schema["$ref"].rpartition("/")[2])
        return f"[{words.lower()}](#{words.lower().replace(' ', '-')})"
    if "anyOf" in schema:
        kinds = [_kind(branch) for branch in schema["anyOf"] if not _is_general(branch)]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind)) or "any value"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if "items" in schema else "list"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"by name: {_kind(inner)}" if isinstance(inner, dict) else "mapping"
    words_by_type = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    schema_type = str(schema.get("type", "any value"))
    return f"{words_by_type.get(schema_type, schema_type)}{_limits(schema)}"


def _is_general(branch: dict[str, Any]) -> bool:
    """Check whether an alternative of a schema is one that the page states once for all fields:
    null, a table, or a figure with its source."""
    is_table_or_null = branch.get("$ref", "").endswith("/Table") or branch.get("type") == "null"
    return bool(is_table_or_null) or {"value", "confidence"} <= set(branch.get("properties", {}))


def _limits(schema: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(found)}" if found else ""


def _default(field: str, schema: dict[str, Any], part: dict[str, Any]) -> str:
    if field in part.get("required", part.get("then", {}).get("required", ())):
        return "required"
    default = schema.get("default")
    simple = isinstance(default, bool | int | float | str)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`" if simple else "-"


def _cell(schema: dict[str, Any]) -> str:
    return _markdown(schema.get("description", "")).replace("|", "\\|")


def _markdown(docstring: str) -> str:
    """Return a docstring as Markdown in one line."""
    text = re.sub(r":\w+:`[~.]*([^`]+)`", r"`\1`", docstring).replace("``", "`")
    return " ".join(text.split())


def commands() -> str:
    """Return a section for each command with its options, from the help of the program."""
    with using("en"):
        context = click.Context(program)
        parts = []
        for name in program.list_commands(context):
            command = program.get_command(context, name)
            assert command is not None
            own_context = click.Context(command, info_name=f"vorrat {name}")
            pieces = " ".join(command.collect_usage_pieces(own_context))
            parts += [f"## vorrat {name}", f"    vorrat {name} {pieces}", command.help or ""]
            rows = [
                f"| `{'`, `'.join(option.opts)}`{_metavar(option, own_context)} | {_help(option)} |"
                for option in command.params
                if isinstance(option, click.Option)
            ]
            parts += ["\n".join(["| option | meaning |", "|---|---|", *rows])] if rows else []
            parts += [command.epilog] if command.epilog else []
        return "\n\n".join(parts)


def _metavar(option: click.Option, context: click.Context) -> str:
    return "" if option.is_flag else f" `{option.make_metavar(context)}`"


def _help(option: click.Option) -> str:
    return _markdown(option.help or "").replace("|", "\\|")


def rules() -> str:
    """Return the page of the variables and constraints of the extensive form, as Pyomo has them."""
    instance = read_instance(read_case(shipped_files.scenario_files()["tutorial"]).case)
    model = build_extensive_form(instance, read_states(instance))
    parts = [SEE_RULES]
    for title, kind in (("Constraints", pyo.Constraint), ("Variables", pyo.Var)):
        rows = []
        for component in model.component_objects(kind):
            doc = component.doc or ""
            head, sign, text = doc.partition(") ")  # (P2) a started project is ...
            tag, text = (head[1:], text) if sign and head.startswith("(") else ("-", doc)
            rows.append(
                f"| {tag} | `{component.local_name}` | {_markdown(text)} | {len(component)} |"
            )
        head = ["| tag | name | meaning | in the tutorial |", "|---|---|---|---:|"]
        parts += [f"## {title}", "\n".join([*head, *sorted(rows)])]
    return "\n\n".join(parts)


def python() -> str:
    """Return the page of all that ``vorrat`` exports: signatures, docstrings and examples."""
    parts = [SEE_PYTHON]
    for name in vorrat.__all__:
        item = getattr(vorrat, name)
        parts += [f"## {name}", _signature(name, item), _docstring(item)]
        for method, member in sorted(vars(item).items()) if inspect.isclass(item) else ():
            is_documented = not method.startswith("_") and inspect.getdoc(member)
            if is_documented and (callable(member) or isinstance(member, property)):
                parts += [f"### {name}.{method}", _signature(method, member), _docstring(member)]
    return "\n\n".join(part for part in parts if part)


def _signature(name: str, item: Any) -> str:
    """Return a signature as a code block; empty for properties and exceptions."""
    if isinstance(item, property) or (inspect.isclass(item) and issubclass(item, Exception)):
        return ""
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(item)))
    return f"```python\n{name}{signature}\n```"


def _docstring(item: Any) -> str:
    """Return a docstring as Markdown: sections in numpydoc's form as lists, examples as code."""
    parts = (inspect.getdoc(item) or "").split("\n\n")
    return "\n\n".join(text for part in parts if (text := _paragraph(part)))


def _paragraph(part: str) -> str:
    head, _, below = part.partition("\n")
    if re.match(r"-{3,}$", below.partition("\n")[0]):
        below = below.partition("\n")[2]
        if head == "Examples":
            return _paragraph(below)
        items = re.split(r"\n(?=\S)", below)
        fields = (item.partition("\n") for item in items)
        rows = [
            f"- `{name}`: {_markdown(text)}" if text else f"- `{name}`" for name, _, text in fields
        ]
        return f"**{head}**\n\n" + "\n".join(rows)
    plain = inspect.cleandoc(part)
    return f"```pycon\n{plain}\n```" if plain.startswith(">>>") else _markdown(part)
