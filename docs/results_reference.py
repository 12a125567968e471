"""Descriptions of all results, from their models and docstrings: the generated part of
docs/results.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from models.field_docs import field_docstrings
from models.results.base import InSection, Result, UnitMark, document_models
from optimizer.analyses.registry import ANALYSES

WRITTEN_BY: dict[str, tuple[str | None, str | None]] = {
    **{analysis.kind: (analysis.name, analysis.result_file) for analysis in ANALYSES},
    "manifest": (None, "NAME.manifest.json"),
    "rerun": ("rerun", None),
    "brief": ("brief", None),
    "proof": ("solve", "proof.json"),
}
"""For each kind of document, in the order of the descriptions: the command that writes it (None if
all commands do), and its file in the folder of ``--out`` (None if it is only printed)."""


def described() -> str:
    """Return the descriptions of all result documents in Markdown: a section for each, and one for
    each model that its fields contain."""
    described_models: set[type[Result]] = set()
    parts = []
    for kind, (command, file) in WRITTEN_BY.items():
        for model in _nested_models(document_models()[kind], described_models):
            is_document = (
                "kind" in model.model_fields and model.model_fields["kind"].default == kind
            )
            parts += [f"{'##' if is_document else '###'} {heading(model)}"]
            parts += [_origin_sentence(command, file)] if is_document else []
            parts += [_markdown(cleandoc(model.__doc__ or "")), _table(model)]
    return "\n\n".join(parts) + "\n"


def heading(model: type[Result]) -> str:
    """Return the name of a model in words: ``SharePoint`` becomes ``Share point``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


def _origin_sentence(command: str | None, file: str | None) -> str:
    if command is None:
        return f"Every command that writes a result also writes its manifest: `{file}`."
    if file is None:
        return f"`vorrat {command} --json` prints it."
    option = "--keep-proof" if file == "proof.json" else "--out"
    return f"`vorrat {command}` writes it as `{file}` in the folder of `{option}`."


def _nested_models(model: type[Result], yielded: set[type[Result]]) -> Iterator[type[Result]]:
    """Yield a model and the models that its fields contain, breadth first, without those in
    ``yielded``, to which they are added."""
    queue = [model]
    for current in queue:
        if current not in yielded:
            yielded.add(current)
            yield current
            hints = get_type_hints(current)
            queue += [part for name in current.model_fields for part in _models_in(hints[name])]


def _models_in(hint: Any) -> Iterator[type[Result]]:
    """Yield the result models in a type hint."""
    if isinstance(hint, type) and issubclass(hint, Result):
        yield hint
    for part in get_args(hint):
        yield from _models_in(part)


def _table(model: type[Result]) -> str:
    hints, docstrings = get_type_hints(model, include_extras=True), field_docstrings(model)
    rows = ["| field | content | meaning |", "|---|---|---|"]
    for name in sorted(model.model_fields, key="scenario".__eq__):
        meaning = _markdown(" ".join(docstrings[name].split())).replace("|", "\\|")
        rows.append(f"| `{name}` | {_content(hints[name], name)} | {meaning} |")
    return "\n".join(rows)


def _markdown(docstring: str) -> str:
    return docstring.replace("``", "`")


_UNITS = {"meur": "million EUR", "t": "t", "days": "days", "seconds": "s"}
"""Units of figures by a word of the field's name, if the field's type states no unit."""


def _content(hint: Any, name: str = "", marks: tuple[Any, ...] = ()) -> str:
    """Return in words what a field contains: its type, and the unit of its figures. ``marks`` are
    the annotations of the type."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _content(parts[0], name, (*marks, *hint.__metadata__))
    if origin in (Union, UnionType):
        options = [_content(part, name, marks) for part in parts if part is not NoneType]
        text = " or ".join(dict.fromkeys(options)) if len(options) < 4 else "any value"
        return f"{text.replace(' or ', ', ')} or null" if NoneType in parts else text
    if origin is Literal:
        *others, last = (f"`{part}`" for part in parts)
        return f"{', '.join(others)} or {last}" if others else last
    if origin is tuple:
        if parts[-1] is ...:
            return f"list of {_plural(_content(parts[0], name))}"
        return f"two {_plural(_content(parts[0], name))}"
    if origin is dict:
        if parts[1] is Any:
            return "mapping"
        key = _content(parts[0]).removesuffix(" id").replace("text", "name")
        item, _, inner_key = _content(parts[1], name).partition(" by ")
        return f"{item} by {key}" + (f" and {inner_key}" if inner_key else "")
    if isinstance(hint, type) and issubclass(hint, Result):
        words = heading(hint)
        return f"[{words.lower()}](#{words.lower().replace(' ', '-')})"
    return _scalar_content(hint, name, marks)


def _plural(content: str) -> str:
    """Return a description of content in the plural; units are unchanged."""
    if content.startswith("list "):
        return f"lists {content[5:]}"
    is_word = content.endswith(("text", "number", "id", "share", "year"))
    return f"{content}s" if is_word else content


def _scalar_content(hint: Any, name: str, marks: tuple[Any, ...]) -> str:
    for mark in marks:
        if isinstance(mark, UnitMark):
            return mark.name
        if isinstance(mark, InSection):
            item = mark.section.removesuffix("s")
            return item if item == "year" else f"{item} id"
    if hint is float:
        for word in name.split("_"):
            if word in _UNITS:
                return _UNITS[word]
    return {bool: "true or false", str: "text", Any: "any value"}.get(hint, "number")
