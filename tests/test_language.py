"""Every text for people has its German, and no German is left without its English.

The tree is read rather than run: what is given to ``tr`` or ``marked`` as it stands in the source,
what click shows of the commands, and what the format says of its required fields.
"""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from models.base import LocalizedText
from models.field_docs import field_docstrings
from models.files.shapes import all_tabs
from models.language import (
    LANGUAGES,
    Language,
    current_language,
    set_language,
    tr,
    translations,
    using,
)
from models.scenario.case import Case
from models.scenario.sections import Stockpile
from optimizer.report.scenario_workbook.columns import field_label

ROOT = Path(__file__).parents[1]
GERMAN = ROOT / "models" / "language" / "de"
SOURCES = [
    path for package in ("models", "optimizer", "vorrat") for path in (ROOT / package).rglob("*.py")
]
TEMPLATES = list((ROOT / "optimizer" / "report").rglob("*.j2"))
TEMPLATES += list((ROOT / "optimizer" / "report").rglob("*.html"))
TEMPLATES += list((ROOT / "optimizer" / "page").rglob("*.j2"))
_CALL = re.compile(
    r"""\b(?:tr|mark_translatable)\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*([,)])"""
)
TRANSLATING = ("tr", "mark_translatable", "misused", "announce", "cluster_error")
"""Functions that translate their first argument, or say that it is translated."""


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in the source that translates a text, or says which one is translated."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in (
                "tr",
                "mark_translatable",
                "misused",
                "announce",
            ):
                assert isinstance(node, ast.Call)
                yield path, node


def in_tables() -> Iterator[str]:
    """Every text in tables outside the code: names of countries, labels of workbooks."""
    for path in (ROOT / "optimizer").rglob("*.toml"):
        for value in tomllib.loads(path.read_text(encoding="utf-8")).values():
            yield from value.values() if isinstance(value, dict) else [value]


def in_templates() -> Iterator[tuple[str, bool]]:
    """Every text of a Jinja template, and whether values are put into it."""
    for path in TEMPLATES:
        for quoted, sign in _CALL.findall(path.read_text(encoding="utf-8")):
            yield ast.literal_eval(quoted), sign == ","


def texts() -> dict[str, bool]:
    """Every text that is to be translated, and whether values are put into it."""
    found: dict[str, bool] = {}
    for _, call in calls():
        first = call.args[0]
        if isinstance(first, ast.Constant):
            named = isinstance(call.func, ast.Name) and call.func.id
            found[first.value] = named == "mark_translatable" or bool(call.keywords)
    return found | {text: "{" in text for text in in_tables()} | dict(in_templates())


def described_fields(model: type[BaseModel] = Case) -> Iterator[str]:
    """What the format says of its fields."""
    for name, field in model.model_fields.items():
        yield field_docstrings(model)[name]
        for part in parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from described_fields(part)


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def placeholders(template: str) -> set[tuple[str, str]]:
    """The names that a template takes values by, and how each is written."""
    found = string.Formatter().parse(template)
    return {(name, form or "") for _, name, form, _ in found if name is not None}


def test_every_text_has_its_german() -> None:
    wanted = texts()
    assert sorted(wanted.keys() - translations("de").keys()) == []


def test_the_german_takes_the_same_values() -> None:
    other = [
        english
        for english, filled in texts().items()
        if filled
        and placeholders(translations("de").get(english, english)) != placeholders(english)
    ]
    assert other == []


@pytest.mark.slow
def test_no_german_is_left_without_its_english() -> None:
    """A text may also be chosen first and translated then: so any literal of the source counts."""
    literals = {
        node.value
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    borrowed = tomllib.loads((GERMAN / "borrowed.toml").read_text(encoding="utf-8"))
    # Workbooks head columns and sheets by the names of fields and sections.
    heads = {name.replace("_", " ").capitalize() for name in literals}
    heads |= {field_label((name,)) for name in Stockpile.model_fields} | {
        t.label for t in all_tabs()
    }
    words = {f"word: {name.replace('_', ' ')}" for name in literals}
    known = {*literals, *texts(), *described_fields(), *heads, *words, *borrowed}
    assert sorted(translations("de").keys() - known) == []


def test_texts_are_found_at_all() -> None:
    found = texts()
    assert found["What to stock"] is False
    assert found["Variant: {variant}"] is True
    assert "{project} must be built" in found


HIDDEN = {
    ("models/files/shapes.py", "text"),
    ("optimizer/analyses/comparison/comparison_wording.py", "failed.message"),
    (
        "optimizer/analyses/explanation/document.py",
        "RULE_CLAUSES.get(same_rules[0].name, same_rules[0].name)",
    ),
    ("optimizer/analyses/plan/figure_sources.py", "field.unit"),
    ("optimizer/analyses/sensitivity/document.py", "BROKEN_RULE_TEXTS[tag]"),
    ("optimizer/analyses/sensitivity/document.py", "template"),
    ("optimizer/model/rule_declaration.py", "self.label"),
    ("optimizer/model/rule_declaration.py", "self.text"),
    ("optimizer/model/rule_declaration.py", "text"),
    ("optimizer/model/rules.py", "labels[rule.sense]"),
    ("optimizer/page/fragments.py", "title"),
    ("optimizer/page/server.py", "str(error.strerror or error)"),
    ("optimizer/report/countries.py", "_country_names()[code]"),
    ("optimizer/report/fault_workbook.py", "FAULTS_SHEET"),
    ("optimizer/report/render/data_frames.py", "FORM_UNITS.get(form, '')"),
    ("optimizer/report/scenario_workbook/columns.py", "LANGUAGES[language].name"),
    ("optimizer/report/scenario_workbook/sheets.py", "GUIDE_SHEET"),
}
"""Texts of others, of click and of fields, and those marked where they stand."""


@pytest.mark.slow
def test_what_is_translated_can_be_read_off_the_source() -> None:
    """A variable given to ``tr`` hides its text from the tests above."""
    found = {
        (path.relative_to(ROOT).as_posix(), ast.unparse(call.args[0]))
        for path, call in calls()
        if not isinstance(call.args[0], ast.Constant)
    }
    assert found == HIDDEN


def test_german_has_german_quotation_marks() -> None:
    """In pairs, and no straight one in their place."""
    odd = [
        text
        for text in translations("de").values()
        if text.count("„") != text.count("“") or "'" in text or "”" in text
    ]
    assert odd == []


def test_a_language_holds_as_far_as_it_is_chosen() -> None:
    assert tr("What to stock") == "What to stock"
    with using("de"):
        assert tr("What to stock") == "Was eingelagert wird"
        assert tr("Variant: {variant}", variant="{x}") == "Variante: {x}"
        set_language("en")
        assert current_language() == "en"
        set_language("de")
    assert current_language() == "en"


def test_a_text_without_german_stays_english() -> None:
    with using("de"):
        assert tr("{number} of them", number=3) == "3 of them"


def test_every_language_has_conventions_and_texts() -> None:
    assert tuple(LANGUAGES) == get_args(Language)
    assert all(translations(language) for language in LANGUAGES if language != "en")
    assert LocalizedText.model_validate("Li").texts == dict.fromkeys(LANGUAGES, "Li")
