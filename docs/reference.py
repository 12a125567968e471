"""Pages of the site that are made from the code, in Markdown: the fields of a scenario file from
its JSON Schema, the commands from their help, the rules from the model that is built, and what
Python is offered from the docstrings of ``vorrat``."""

from __future__ import annotations

import inspect
import re
from typing import Any

import click
import pyomo.environ as pyo

import vorrat
from models.files import read_case, shipped_files
from models.language import Language, tr, using
from models.schema import scenario_schema
from optimizer.cli import vorrat as program
from optimizer.model.formulation import build_extensive_form
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

SEE_FORMAT = """# The fields of a scenario file

Made from the JSON Schema that `vorrat schema` prints. [The scenario file](../scenario-format.md)
tells what they mean together, with examples; any figure may also be a mapping of `value`, `source`,
`confidence` and `note`, and a list or a mapping of things may be a
[table](../scenario-format.md#tables)."""
SEE_RULES = """# The rules of the model

All variables and constraints that Vorrat builds with Pyomo, as the model itself names them, with
the number of rows that each has for the [tutorial](../tutorial.md). [The optimization
problem](../formulation.md) states them as formulas, by the same names and tags."""
SEE_PYTHON = """# What Python is offered

Made from the docstrings of the package `vorrat`. [From Python and in notebooks](../python.md) is
the introduction; `result` of what comes back is described in
[what a run returns](../results.md)."""
SEE_COMMANDS: dict[Language, str] = {
    "en": """# All options of all commands

Made from the help of the program. [Commands](../commands.md) explains them, with examples.""",
    "de": """# Alle Optionen aller Befehle

Aus der Hilfe des Programms. [Commands](../commands.md) erklärt sie mit Beispielen (englisch).""",
}


def scenario_fields() -> str:
    """The fields of a scenario file, a section for each model of the format."""
    schema = scenario_schema()
    parts = {"Scenario file": schema, **schema["$defs"]}
    parts = {name: _whole(part) for name, part in parts.items()}
    return "\n\n".join([SEE_FORMAT, *(_fields(name, part) for name, part in parts.items())])


def _whole(part: dict[str, Any]) -> dict[str, Any]:
    """A part with its fields, where it may also be written in a shorter way."""
    longer = (one for one in part.get("anyOf", ()) if "properties" in one)
    return part if "properties" in part else {**part, **next(longer)}


def _fields(name: str, part: dict[str, Any]) -> str:
    rows = [
        f"| `{field}` | {_kind(said)} | {_default(field, said, part)} | {_cell(said)} |"
        for field, said in part["properties"].items()
    ]
    head = ["| field | value | if absent | meaning |", "|---|---|---|---|"]
    about = _plain(part.get("description", ""))
    return "\n".join([f"## {_words(name)}", "", about, "", *head, *rows])


def _words(name: str) -> str:
    """A class of the format as a heading: BudgetLine is a budget line."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _kind(said: dict[str, Any]) -> str:
    """What a field takes, in words; null and what goes with any figure are left out."""
    if "$ref" in said:
        words = _words(said["$ref"].rpartition("/")[2])
        return f"[{words.lower()}](#{words.lower().replace(' ', '-')})"
    if "anyOf" in said:
        kinds = [_kind(one) for one in said["anyOf"] if not _leads_nowhere(one)]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind)) or "any value"
    if "const" in said:
        return f"`{said['const']}`"
    if "enum" in said:
        return " or ".join(f"`{one}`" for one in said["enum"])
    if said.get("type") == "array":
        return f"list of {_kind(said['items'])}" if "items" in said else "list"
    if said.get("type") == "object":
        inner = said.get("additionalProperties")
        return f"by name: {_kind(inner)}" if isinstance(inner, dict) else "mapping"
    kind = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return f"{kind.get(str(said.get('type')), str(said.get('type', 'any value')))}{_limits(said)}"


def _leads_nowhere(one: dict[str, Any]) -> bool:
    """Whether a branch is said once for all fields: null, a table, a figure with its source."""
    at_large = one.get("$ref", "").endswith("/Table") or one.get("type") == "null"
    return bool(at_large) or {"value", "confidence"} <= set(one.get("properties", {}))


def _limits(said: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {said[key]:g}" for key, sign in signs.items() if key in said]
    return f" {', '.join(found)}" if found else ""


def _default(field: str, said: dict[str, Any], part: dict[str, Any]) -> str:
    if field in part.get("required", part.get("then", {}).get("required", ())):
        return "required"
    default = said.get("default")
    simple = isinstance(default, bool | int | float | str)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`" if simple else "-"


def _cell(said: dict[str, Any]) -> str:
    return _plain(said.get("description", "")).replace("|", "\\|")


def _plain(docstring: str) -> str:
    """A docstring in Markdown and in one line."""
    said = re.sub(r":\w+:`[~.]*([^`]+)`", r"`\1`", docstring).replace("``", "`")
    return " ".join(said.split())


def commands(language: Language) -> str:
    """All commands with their options, as their help has them."""
    with using(language):
        context = click.Context(program)
        parts = [SEE_COMMANDS[language]]
        for name in program.list_commands(context):
            command = program.get_command(context, name)
            assert command is not None
            own = click.Context(command, info_name=f"vorrat {name}")
            pieces = " ".join(command.collect_usage_pieces(own))
            head = [f"## vorrat {name}", f"    vorrat {name} {pieces}", tr(command.help or "")]
            rows = [
                f"| `{'`, `'.join(option.opts)}`{_metavar(option, own)} | {_help(option)} |"
                for option in command.params
                if isinstance(option, click.Option)
            ]
            table = [f"| {tr('Option')} | {tr('Meaning')} |", "|---|---|", *rows] if rows else []
            parts += ["\n\n".join(head), "\n".join(table)]
        return "\n\n".join(parts)


def _metavar(option: click.Option, context: click.Context) -> str:
    return "" if option.is_flag else f" `{option.make_metavar(context)}`"


def _help(option: click.Option) -> str:
    return _plain(tr(option.help or "")).replace("|", "\\|")


def rules() -> str:
    """Variables and constraints of the extensive form, with what the model says of them."""
    instance = read_instance(read_case(shipped_files.scenario_files()["tutorial"]).case)
    model = build_extensive_form(instance, read_states(instance))
    parts = [SEE_RULES]
    for title, kind in (("Constraints", pyo.Constraint), ("Variables", pyo.Var)):
        rows = []
        for one in model.component_objects(kind):
            head, sign, says = (one.doc or "").partition(") ")  # (P2) what is started is ...
            tag, says = (head[1:], says) if sign and head.startswith("(") else ("-", one.doc or "")
            rows.append(f"| {tag} | `{one.local_name}` | {_plain(says)} | {len(one)} |")
        head = ["| tag | name | what it says | in the tutorial |", "|---|---|---|---:|"]
        parts += [f"## {title}", "\n".join([*head, *sorted(rows)])]
    return "\n\n".join(parts)


def python() -> str:
    """All that ``vorrat`` exports: signatures and docstrings, its examples as code."""
    parts = [SEE_PYTHON]
    for name in vorrat.__all__:
        one = getattr(vorrat, name)
        parts += [f"## {name}", _signature(name, one), _docstring(one)]
        for method, member in sorted(vars(one).items()) if inspect.isclass(one) else ():
            public = not method.startswith("_") and inspect.getdoc(member)
            if public and (callable(member) or isinstance(member, property)):
                parts += [f"### {name}.{method}", _signature(method, member), _docstring(member)]
    return "\n\n".join(part for part in parts if part)


def _signature(name: str, one: Any) -> str:
    if isinstance(one, property) or (inspect.isclass(one) and issubclass(one, Exception)):
        return ""
    said = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(one)))
    return f"```python\n{name}{said}\n```"


def _docstring(one: Any) -> str:
    """Paragraphs as Markdown, sections in numpydoc's form as lists, examples in a fence."""
    parts = (inspect.getdoc(one) or "").split("\n\n")
    return "\n\n".join(made for part in parts if (made := _paragraph(part)))


def _paragraph(part: str) -> str:
    head, _, below = part.partition("\n")
    if re.match(r"-{3,}$", below.partition("\n")[0]):
        below = below.partition("\n")[2]
        if head == "Examples":
            return _paragraph(below)
        items = re.split(r"\n(?=\S)", below)
        fields = (item.partition("\n") for item in items)
        rows = [
            f"- `{name}`: {_plain(says)}" if says else f"- `{name}`" for name, _, says in fields
        ]
        return f"**{head}**\n\n" + "\n".join(rows)
    plain = inspect.cleandoc(part)
    return f"```pycon\n{plain}\n```" if plain.startswith(">>>") else _plain(part)
