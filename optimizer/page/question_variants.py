"""Questions as variants of their scenarios: titles, and variants that are added to files."""

from __future__ import annotations

import codecs
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from typing import get_args

import yaml

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario, read_case_text
from models.files.decoding import decode_text
from models.language import Language, current_language, tr, using
from models.scenario.case import Case
from models.scenario.sections import Variant
from optimizer.page.controls import controls_by_id, find_control
from optimizer.page.figure_controls import Control
from optimizer.page.isolated_reader import IsolatedReader
from optimizer.page.question import InvalidRequest, Question
from optimizer.page.scenario_store import ScenarioSource
from optimizer.report.number_format import NO_BREAK_SPACE, format_exact

MAX_TITLE_MOVES = 3
"""Number of changes that a title names."""


def question_title(question: Question, base_case: Case) -> str:
    """Return a title for a question, from its variant and its changes, in the current language."""
    variant = base_case.variants.get(question.variant or "")
    title_parts = (
        []
        if variant is None
        else [display_name(variant.title, question.variant or "", current_language())]
    )
    changes, known_controls = [], controls_by_id(base_case)
    for id, value in question.moved:
        if (control := find_control(base_case, id, known_controls)) is not None:
            changes.append(f"{control.full_label}{NO_BREAK_SPACE}{value_in_words(control, value)}")
    further_count = len(changes) - MAX_TITLE_MOVES
    if further_count > 0:
        changes[MAX_TITLE_MOVES:] = [tr("{count} more", count=further_count)]
    return "; ".join([*title_parts, *changes]) or tr("base case")


def question_titles(question: Question, base_case: Case) -> dict[Language, str]:
    """Return a title for a question, from its variant and its changes, by language."""
    titles: dict[Language, str] = {}
    for language in get_args(Language):
        with using(language):
            titles[language] = question_title(question, base_case)
    return titles


def value_in_words(control: Control, value: str) -> str:
    """Return a value of a control in the form in which the page shows it."""
    if control.choice_labels:
        return dict(zip(control.choices, control.choice_labels, strict=True))[value]
    if control.choices:
        words = {"in": tr("is built in any case"), "out": tr("is not built")}
        return words.get(value, tr("left to the search"))
    if re.fullmatch(r"funders\.[^.]+\.budget_meur|total\.[^.]+", control.id) and float(value) == 0:
        return tr("pays nothing")
    figure = format_exact(float(value) * control.scale)
    return (
        f"{control.unit}{NO_BREAK_SPACE}{figure}"
        if control.unit == "×"
        else f"{figure}{NO_BREAK_SPACE}{control.unit}"
    )


def question_as_variant(
    question: Question, base_case: Case, settings: Mapping[str, str]
) -> Variant:
    """Return a question as a variant of its scenario, with titles in both languages. ``settings``
    are the values that the question sets, by dotted path."""
    title = {
        k: text.replace(NO_BREAK_SPACE, " ")
        for k, text in question_titles(question, base_case).items()
    }
    base_variant = base_case.variants.get(question.variant or "")
    # Later settings override earlier ones, so the changes come after those of the variant.
    kept_settings = {
        k: v for k, v in (base_variant.set if base_variant else {}).items() if k not in settings
    }
    merged_settings = {**kept_settings, **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": title, "set": merged_settings})


def insert_variant(text: str, id: str, variant: Variant) -> str:
    """Return the text of a scenario file with a variant added and everything else unchanged.

    The variant is inserted above the existing ones, or appended with a heading for variants. Raises
    InvalidRequest if existing variants are written in a way that allows no insertion.
    """
    variant_fields = variant.model_dump(mode="json", exclude_unset=True)
    variant_text = yaml.safe_dump(
        {id: variant_fields}, allow_unicode=True, sort_keys=False, width=100
    )
    heading = re.search(r"^variants:[ \t]*(#.*)?\r?$", text, re.MULTILINE)
    if heading is None and re.search(r"^variants[ \t]*:", text, re.MULTILINE):
        raise InvalidRequest(
            tr("variants are written on one line there; write them on lines of their own")
        )
    indent = "  "
    if heading is not None:
        first_entry = re.match(r"(?:[ \t]*(?:#.*)?\r?\n)*( +)\S", text[heading.end() :])
        indent = first_entry[1] if first_entry else indent
    newline = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{newline}{indent}{line}" for line in variant_text.splitlines())
    if heading is None:
        separator = "" if text.endswith(("\n", "\r")) else newline
        return f"{text}{separator}{newline}variants:{block}{newline}"
    position = heading.end() - heading[0].endswith("\r")
    return f"{text[:position]}{block}{text[position:]}"


def file_with_variant(
    source: ScenarioSource, id: str, variant: Variant, reader: IsolatedReader | None = None
) -> bytes:
    """Return the content of a scenario's file with a variant added. It is read again as a check,
    with ``reader`` if the file is untrusted. Raises ScenarioError if the check fails, and
    InvalidRequest for a workbook, or if there is a variant with this id."""
    if not source.is_text:
        raise InvalidRequest(tr("a variant can be written into a file in YAML alone"))
    raw, name = source.path.read_bytes(), str(source.path)
    current_text = decode_text(raw, name)
    if id in _read_text(current_text, source, None, reader).case.variants:
        raise InvalidRequest(tr("the file has a variant “{id}” already", id=id))
    text = insert_variant(current_text, id, variant)
    _read_text(text, source, id, reader)
    return (codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def _read_text(
    text: str, source: ScenarioSource, id: str | None, reader: IsolatedReader | None
) -> LoadedScenario:
    """Read a scenario from ``text`` as if it were the content of its file. Raises ScenarioError."""
    if reader is None:
        return read_case_text(text, str(source.path), id, source.corrections)
    temporary_file = source.path.with_name(f".{secrets.token_hex(8)}{source.path.suffix}")
    try:
        temporary_file.write_text(text, encoding="utf-8")
        result = reader.read(temporary_file, id, source.corrections, owner=temporary_file).result
    finally:
        temporary_file.unlink(missing_ok=True)
    if isinstance(result, ScenarioError):
        raise result
    return result


def save_variant(source: ScenarioSource, id: str, variant: Variant) -> None:
    """Add a variant to the file of a scenario, which is replaced in one step. Raises the errors of
    :func:`file_with_variant`, and OSError if the file cannot be written."""
    content = file_with_variant(source, id, variant)
    path = source.path.resolve()  # replace the target of a link, not the link
    temporary_file = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary_file.write_bytes(content)
        shutil.copymode(path, temporary_file)
        temporary_file.replace(path)
    finally:
        temporary_file.unlink(missing_ok=True)
