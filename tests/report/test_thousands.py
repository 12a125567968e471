"""German groups thousands in one way, by a space that does not break, in all media (DIN 5008)."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from saved_plans import in_dollars_and_tonnes, rich

from models.language import using
from models.results import Plan
from optimizer.analyses.plan.document import brief_document
from optimizer.analyses.registry import build_result_document
from optimizer.report.render import html, terminal, word, workbook
from optimizer.report.render.terminal import PIPE_WIDTH, Screen

SCRIPTS = Path("optimizer/page/templates")
UNREAD = re.compile(r"<(style|script)\b.*?</\1>|<svg\b.*?</svg>", re.S)
OTHER = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,'’\u2009\u202f]\d{3})+(?![\d.]*\d)")
"""Groups that stand apart by anything else; decimals have a comma, groups of three decimals are
found below."""


def words_in(content: bytes) -> str:
    with ZipFile(BytesIO(content)) as parts:
        names = [name for name in parts.namelist() if name.endswith(".xml")]
        return "\n".join(re.sub("<[^>]*>", "\n", parts.read(name).decode()) for name in names)


def text_of(medium: str, plan: Plan) -> str:
    with using("de"):
        made = build_result_document(plan)
        if medium == "terminal":
            return terminal.render_text(made, Screen(PIPE_WIDTH))
        if medium == "page":
            page = re.sub(
                r"<(style|script)\b.*?</\1>|<svg\b.*?</svg>", "", html.render_page(made), flags=re.S
            )
            return re.sub("<[^>]*>", "\n", page)
        makers: dict[str, Any] = {
            "word": lambda: word.render_word(brief_document(plan)),
            "workbook": lambda: workbook.render_workbook(made),
        }
        return words_in(makers[medium]())


@pytest.mark.quick(1)
@pytest.mark.parametrize("medium", ["terminal", "page", "word"])
def test_groups_stand_apart_by_a_space(medium: str) -> None:
    space = " " if medium == "terminal" else "\u00a0"
    found = [text_of(medium, plan()) for plan in (rich, in_dollars_and_tonnes)]
    assert any(re.search(rf"\d{space}\d{{3}}(?!\d)", text) for text in found)
    for text in found:
        wrong = [one for one in OTHER.findall(text) if not one.startswith("0")]
        assert [one for one in wrong if "," not in one] == []


@pytest.mark.slow
def test_formats_of_workbooks_leave_it_to_the_settings_of_the_reader() -> None:
    """A comma in a number format is the separator of the language of Excel."""
    with (
        using("de"),
        ZipFile(BytesIO(workbook.render_workbook(build_result_document(rich())))) as parts,
    ):
        styles = parts.read("xl/styles.xml").decode()
    formats = re.findall(r'formatCode="([^"]*)"', styles)
    assert any("#,##0" in one for one in formats)
    assert not [one for one in formats if re.search(r"[.\u00a0\u202f' ]##0", one)]


def test_scripts_write_no_number_otherwise() -> None:
    for script in SCRIPTS.glob("*.js"):
        for line in script.read_text(encoding="utf-8").splitlines():
            assert "toLocaleString" not in line or ".replaceAll(" in line, script.name
