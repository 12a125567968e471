"""The sheet of variants: a row for each path and its value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from models.faults import Place
from models.files.shapes import ANYTHING, Shape, plain
from models.files.tabs import TEXTS, tab_at
from models.files.yaml_source import parse_setting
from models.language import tr
from optimizer.report.scenario_workbook.columns import REMARKS, Column, Content, Row, remarks, texts
from optimizer.report.scenario_workbook.fields import Field


def variants_content(variants: Mapping[str, Mapping[str, Any]]) -> Content:
    """The columns and rows of the variants of a scenario, as a file writes them."""
    tab = tab_at(("variants",))
    assert tab is not None
    split = any(isinstance(one.get(key), Mapping) for one in variants.values() for key in TEXTS)
    rows: list[Row] = []
    for name, variant in variants.items():
        head: Row = {("id",): name}
        for key in TEXTS:
            text = variant.get(key)
            if isinstance(text, Mapping):
                head.update({(key, one): said for one, said in text.items()})
            elif text is not None:
                head.update(dict.fromkeys([(key, "en"), (key, "de")] if split else [(key,)], text))
        changes = list(variant.get("set", {}).items())
        rows.append({**head, **(_change(*changes[0]) if changes else {})})
        rows += [{("id",): name, **_change(*change)} for change in changes[1:]]
    return Content(tab, tuple(_columns(split)), tuple(rows))


def _change(path: str, value: Any) -> Row:
    row: Row = {("path",): path}
    known = isinstance(value, Mapping) and set(value) <= {"value", *REMARKS} and "value" in value
    if known and not isinstance(value["value"], (Mapping, list)):
        row.update({(key,): text for key, text in value.items() if key != "value"})
        value = value["value"]
    row["value",] = value if isinstance(value, (int, float)) else as_text(value)
    return row


def as_text(value: Any) -> str:
    """A value as YAML in one line, the way a person would write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_text(k)}: {as_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_text, value)) + "]"
    if isinstance(value, str):
        bare = not any(sign in value for sign in ",[]{}:#\n") and value == value.strip()
        year = value.isdecimal() and not value.startswith("0")
        return value if year or (bare and _read(value) == value) else json.dumps(
            value, ensure_ascii=False)  # fmt: skip
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.20f}".rstrip("0")
    return json.dumps(value)


def _read(text: str) -> Any:
    faults: list[Any] = []
    node = parse_setting(text, Place(""), faults.append)
    return None if faults else plain(node, ANYTHING)


def _columns(split: bool) -> Iterator[Column]:
    text = Shape("text")
    meaning = tr("Name of the variant, the same in all of its rows.")
    yield Column(("id",), text, Field("id"), tr("Id (short name)"), meaning, required=True)
    for key, label in zip(TEXTS, (tr("Title"), tr("Description")), strict=True):
        meaning = tr("In the first row of a variant.")
        yield from texts(Column((key,), text, Field(key), label, meaning), split)
    yield Column(("path",), text, Field("path"), tr("What changes"),
                 tr("Technical names from the section down, with dots between them, such as "
                    "funders.fund.budget_meur. Items are named by their ids."))  # fmt: skip
    yield Column(("value",), Shape("any"), Field("value"), tr("New value"),
                 tr("A number or a word; several values as {a: 0.5, b: 0.5} or [a, b]; "
                    "null takes a field away."))  # fmt: skip
    yield from remarks(())
