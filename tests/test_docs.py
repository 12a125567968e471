"""The documents name what there is, their examples work and their links lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs import results_reference
from docs.site import GENERATED_PARTS, MARK, REFERENCES, anchor_of, completed
from models.base import LocalizedText
from models.files import read_case_text
from models.results import MaterialYear, Plan
from models.results.base import document_models
from models.scenario.case import Case
from models.scenario.hazards import Event
from models.scenario.instruments import Eligible
from models.scenario.quantities import Number, YearlyQuantity
from models.scenario.sections import CountryLimit
from optimizer.cli import vorrat

ROOT = Path(__file__).parents[1]
FORMAT = ROOT / "docs" / "scenario-format.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
WITH_EXAMPLES = [ROOT / "README.md", *DOCS]
WITH_LINKS = [
    *WITH_EXAMPLES,
    *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY", "paper/paper")),
]
ABOUT_A_NUMBER = {"value", *Number.__slots__}

Rows = dict[str, list[str]]
"""The rows of a table, cell by cell, by the names in their first cells."""


def types_in(annotation: Any) -> Iterator[Any]:
    """A type and all that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from types_in(part)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that a type leads to, in itself or by the fields of another."""
    for one in types_in(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
            for field in one.model_fields.values():
                yield from models(field.annotation)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields by the name that files use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


@cache
def tables(document: Path) -> list[Rows]:
    """All tables whose first column is headed ``field``."""
    found: list[Rows] = []
    inside = False
    for line in without_fences(document.read_text(encoding="utf-8")).splitlines():
        if line.startswith("| field |"):
            inside = True
            found.append({})
        elif inside and line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                assert name not in found[-1], f"{document.name} names {name} twice in a table"
                found[-1][name] = cells
        elif not line.startswith("|"):
            inside = False
    return found


def tables_of(model: type[BaseModel], document: Path) -> list[Rows]:
    """The tables that name just the fields of a model, or a failure that says what is missing."""
    names = set(fields(model))
    found = [rows for rows in tables(document) if set(rows) == names]
    if not found:
        near = max(tables(document), key=lambda rows: len(set(rows) & names))
        missing, foreign = sorted(names - set(near)), sorted(set(near) - names)
        pytest.fail(f"{document.name} on {model.__name__}: add {missing}, remove {foreign}")
    return found


def without_fences(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def shown(model: type[BaseModel]) -> str:
    return model.__name__


@pytest.mark.parametrize("model", dict.fromkeys(models(Case)), ids=shown)
def test_scenario_format_names_every_field(model: type[BaseModel]) -> None:
    """Neither a field without a row nor a row without a field."""
    tables_of(model, FORMAT)


def test_every_kind_of_result_is_described() -> None:
    assert set(results_reference.WRITTEN_BY) == set(document_models())
    commands = {command for command, _ in results_reference.WRITTEN_BY.values() if command}
    assert commands <= set(vorrat.list_commands(click.Context(vorrat)))


@pytest.mark.parametrize("name", GENERATED_PARTS)
def test_a_page_with_a_generated_part_has_the_mark(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").count(MARK) == 1


def test_scenario_format_says_what_goes_with_a_number() -> None:
    assert ABOUT_A_NUMBER in [set(rows) for rows in tables(FORMAT)]


@pytest.mark.parametrize("model", dict.fromkeys(models(Case)), ids=shown)
def test_scenario_format_says_what_is_required_and_the_default(model: type[BaseModel]) -> None:
    """The third cell of a row is the default; a number there is the model's own."""
    reported = [
        {name: cells[2] for name, cells in rows.items()} for rows in tables_of(model, FORMAT)
    ]
    required = {name for name, field in fields(model).items() if field.is_required()}
    assert required in [
        {name for name, cell in one.items() if cell == "required"} for one in reported
    ]
    numbers = {
        name: f"{field.default:g}"
        for name, field in fields(model).items()
        if isinstance(field.default, Number)
    }
    assert any(numbers.items() <= one.items() for one in reported), numbers


def test_yearly_quantities_carry_their_mark() -> None:
    yearly = {
        (model, name)
        for model in models(Case)
        for name, field in fields(model).items()
        if YearlyQuantity in types_in(field.annotation)
    }
    assert yearly
    marked = {
        (model, name)
        for model in models(Case)
        for rows in tables_of(model, FORMAT)
        for name, cells in rows.items()
        if cells[1].startswith("†")
    }
    assert marked == yearly


def examples(document: Path) -> list[str]:
    """Fenced YAML that holds a whole scenario."""
    fenced = re.findall(
        r"^```ya?ml[^\n]*\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S
    )
    return [text for text in fenced if re.search(r"^schema_version:", text, re.MULTILINE)]


WHOLE = [(document, text) for document in WITH_EXAMPLES for text in examples(document)]


@pytest.mark.parametrize(
    ("document", "text"),
    WHOLE,
    ids=[f"{document.stem}-{n}" for n, (document, _) in enumerate(WHOLE)],
)
def test_whole_examples_are_valid(document: Path, text: str) -> None:
    """With all their variants, and without a doubt."""
    assert read_case_text(text, document.name, check_variants=True).warnings == ()


def test_the_format_has_a_whole_example() -> None:
    assert FORMAT in [document for document, _ in WHOLE]


@cache
def anchors(document: Path) -> set[str]:
    """The anchors that headings get; one that comes again is numbered."""
    takes_long = document.name == "replay.md"  # make docs checks its anchors
    text = document.read_text(encoding="utf-8") if takes_long else completed(document)
    text = without_fences(text)
    met: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", text, re.MULTILINE):
        anchor = anchor_of(heading)
        found.add(f"{anchor}-{met[anchor]}" if met[anchor] else anchor)
        met[anchor] += 1
    return found


def links(document: Path) -> list[str]:
    """The targets of all links that stay in the repository."""
    text = re.sub(r"`[^`\n]*`", "", without_fences(document.read_text(encoding="utf-8")))
    targets = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("document", WITH_LINKS, ids=lambda path: path.name)
def test_links_lead_to_what_exists(document: Path) -> None:
    dead = []
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        inside = not name.startswith("/") and target.is_relative_to(ROOT)
        if inside and target.relative_to(ROOT).as_posix() in REFERENCES:
            continue  # made with the site, and checked there
        if not inside or not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def places(document: Path) -> list[str]:
    """Files and folders of the tree that are named as code; those that stand for others are not."""
    text = without_fences(document.read_text(encoding="utf-8"))
    found = re.findall(r"`((?:optimizer|models|vorrat|tests|benchmarks|docs)/[\w./-]*)`", text)
    return [one for one in found if "NAME" not in one and one != "models/scenarios"]  # of the wheel


@pytest.mark.parametrize("document", WITH_LINKS, ids=lambda path: path.name)
def test_files_and_what_is_in_them_are_where_pages_say(document: Path) -> None:
    assert [one for one in places(document) if not (ROOT / one).exists()] == []
    text = without_fences(document.read_text(encoding="utf-8"))
    named = re.findall(r"`(\w+)`(?:,| in| of| aus)? \(?`([\w/]+/[\w/]+\.py)`", text)
    for name, file in named:
        defined = rf"^ *(?:def |class )?{name}\b(?=\(|:| =)"
        assert re.search(defined, (ROOT / file).read_text("utf-8"), re.MULTILINE), (name, file)


def test_links_are_found_at_all() -> None:
    formulation = ROOT / "docs" / "formulation.md"
    assert "optimizer/model/scenario_data.py" in places(formulation)
    assert "docs/tutorial.md" in links(ROOT / "README.md")
    assert "formulation.md#units-and-data" in links(FORMAT)


def test_the_walk_reaches_what_is_nested() -> None:
    """What the tests above rest on: it goes through lists, mappings and options."""
    assert {LocalizedText, Eligible, Event, CountryLimit} <= set(models(Case))
    assert MaterialYear in models(Plan)
