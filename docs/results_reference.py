"""docs/results.md, written from the models of results and their docstrings.

``python -m docs.results_reference docs/results.md`` writes all that stands between the two marks
in the file; what stands before and after them is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from models.field_docs import field_docstrings
from models.results.base import Result, UnitMark, document_models
from models.results.ids import InSection
from optimizer.analyses.registry import ANALYSES

BEGIN = "<!-- What follows is written by `make docs` from the docstrings in models/results. -->"
END = "<!-- What follows is written by hand. -->"

WRITTEN_BY: dict[str, tuple[str | None, str | None]] = {
    **{one.kind: (one.name, one.result_file) for one in ANALYSES},
    "manifest": (None, "NAME.manifest.json"),
    "rerun": ("rerun", None),
    "brief": ("brief", None),
}
"""The command that writes a document of each kind, None for all of them; and the file in the folder
of ``--out``, None where it is printed alone. In the order in which they are described."""


def written(document: str) -> str:
    """docs/results.md as it has to be, with the parts of it that are written by hand."""
    return between(document, BEGIN, END, described())


def between(document: str, begin: str, end: str, text: str) -> str:
    """A document with a text in place of what stands between two of its lines.

    Raises ValueError where it lacks one of the lines.
    """
    before, has_begin, rest = document.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"the document lacks a line: {end if has_begin else begin}")
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def described() -> str:
    """All results in Markdown: a section for each, and one for each model that it leads to."""
    met: set[type[Result]] = set()
    parts = []
    for kind, (command, file) in WRITTEN_BY.items():
        for model in _reached(document_models()[kind], met):
            top = "kind" in model.model_fields and model.model_fields["kind"].default == kind
            parts += [f"{'##' if top else '###'} {heading(model)}"]
            parts += [_by(command, file)] if top else []
            parts += [_markdown(cleandoc(model.__doc__ or "")), _table(model)]
    return "\n\n".join(parts) + "\n"


def heading(model: type[Result]) -> str:
    """The name of a model in words: Share point."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


def _by(command: str | None, file: str | None) -> str:
    if command is None:
        return f"Every command that writes a result also writes its manifest: `{file}`."
    if file is None:
        return f"`vorrat {command} --json` prints it."
    return f"`vorrat {command}` writes it as `{file}` in the folder of `--out`."


def _reached(model: type[Result], met: set[type[Result]]) -> Iterator[type[Result]]:
    """A model and all that its fields lead to, each once, the nearest first."""
    waiting = [model]
    for one in waiting:
        if one not in met:
            met.add(one)
            yield one
            hints = get_type_hints(one)
            waiting += [part for name in one.model_fields for part in _models_in(hints[name])]


def _models_in(hint: Any) -> Iterator[type[Result]]:
    if isinstance(hint, type) and issubclass(hint, Result):
        yield hint
    for part in get_args(hint):
        yield from _models_in(part)


def _table(model: type[Result]) -> str:
    hints, docstrings = get_type_hints(model, include_extras=True), field_docstrings(model)
    rows = ["| field | content | meaning |", "|---|---|---|"]
    for name in sorted(model.model_fields, key="scenario".__eq__):
        meaning = _markdown(" ".join(docstrings[name].split())).replace("|", "\\|")
        rows.append(f"| `{name}` | {_holds(hints[name], name)} | {meaning} |")
    return "\n".join(rows)


def _markdown(docstring: str) -> str:
    return docstring.replace("``", "`")


_UNITS = {"meur": "million EUR", "t": "t", "days": "days", "seconds": "s"}
"""Units of figures by a word of a field's name, where its type names none."""


def _holds(hint: Any, name: str = "", marks: tuple[Any, ...] = ()) -> str:
    """What a field holds, in words: its type, and the unit of its figures."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _holds(parts[0], name, (*marks, *hint.__metadata__))
    if origin in (Union, UnionType):
        some = [_holds(part, name, marks) for part in parts if part is not NoneType]
        said = " or ".join(dict.fromkeys(some)) if len(some) < 4 else "any value"
        return f"{said.replace(' or ', ', ')} or null" if NoneType in parts else said
    if origin is Literal:
        *others, last = (f"`{part}`" for part in parts)
        return f"{', '.join(others)} or {last}" if others else last
    if origin is tuple:
        if parts[-1] is ...:
            return f"list of {_several(_holds(parts[0], name))}"
        return f"two {_several(_holds(parts[0], name))}"
    if origin is dict:
        if parts[1] is Any:
            return "mapping"
        key = _holds(parts[0]).removesuffix(" id").replace("text", "name")
        held, _, inner = _holds(parts[1], name).partition(" by ")
        return f"{held} by {key}" + (f" and {inner}" if inner else "")
    if isinstance(hint, type) and issubclass(hint, Result):
        words = heading(hint)
        return f"[{words.lower()}](#{words.lower().replace(' ', '-')})"
    return _plain(hint, name, marks)


def _several(one: str) -> str:
    """In the plural, where it is a word and no unit."""
    if one.startswith("list "):
        return f"lists {one[5:]}"
    return f"{one}s" if one.endswith(("text", "number", "id", "share", "year")) else one


def _plain(hint: Any, name: str, marks: tuple[Any, ...]) -> str:
    for mark in marks:
        if isinstance(mark, UnitMark):
            return mark.name
        if isinstance(mark, InSection):
            one = mark.section.removesuffix("s")
            return one if one == "year" else f"{one} id"
    if hint is float:
        for word in name.split("_"):
            if word in _UNITS:
                return _UNITS[word]
    return {bool: "true or false", str: "text", Any: "any value"}.get(hint, "number")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
