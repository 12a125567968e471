"""Files for Word, read back: they say what the document says, and nothing else."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.document import Document as WordFile
from docx.oxml.ns import qn
from saved_plans import PAYERS, for_one, rich, treasury, tutorial

from models.language import Language, using
from optimizer.analyses.plan.document import brief_document, build_document
from optimizer.errors import Misuse
from optimizer.report import document as doc
from optimizer.report.cells import build_grid
from optimizer.report.document import PAGE
from optimizer.report.render import word

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
SPOKEN = {"en": "en-GB", "de": "de-DE"}


def read(made: doc.Document) -> WordFile:
    return docx.Document(io.BytesIO(word.render_word(made)))


def tables_of(made: doc.Document) -> list[doc.Table]:
    return [
        part
        for section in made.sections_for(PAGE)
        for part in section.parts
        if isinstance(part, doc.Table) and part.rows and not part.is_collapsed
    ]


def cells(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


@pytest.mark.slow
@LANGUAGES
def test_every_cell_of_every_table_is_there(language: Language) -> None:
    with using(language):
        made = build_document(treasury())
        reported = [cells(table) for table in read(made).tables]
        for table in tables_of(made):
            of = build_grid(table, PAGE)
            rows = [[cell.text for cell in row] for row in of.rows]
            assert any(shown[-len(rows) :] == rows for shown in reported), table.caption


@LANGUAGES
def test_a_brief_in_word_has_the_text_of_its_document(language: Language) -> None:
    with using(language):
        made = brief_document(tutorial(), author="The author", date="today")
        file = read(made)
        paragraphs = [one.text for one in file.paragraphs]
        boxes = "\n".join(cell for table in file.tables for row in cells(table) for cell in row)
        for part in made.sections_for(PAGE)[0].parts:
            if isinstance(part, str):
                assert part in paragraphs
            elif isinstance(part, doc.Bullets):
                assert set(part.items) <= set(paragraphs)
            elif isinstance(part, doc.Caution):
                assert all(item in boxes for item in part.items)
            elif isinstance(part, doc.Facts):
                for fact in part.facts:
                    assert f"{fact.label}\n{fact.figure}\n{fact.remark}" in boxes
    assert any("The author, today." in text for text in paragraphs)
    title = next(one for one in file.paragraphs if one.text == made.title)
    assert title.style is not None
    assert title.style.name == "Title"
    assert file.element.xml.count("w:tblHeader") == len(tables_of(made))
    styles = file.styles["Normal"].element.xml
    assert f'w:lang w:val="{SPOKEN[language]}"' in styles


def test_pictures_say_what_there_is_to_see() -> None:
    with using("en"):
        made = brief_document(tutorial())
        file = read(made)
        charts = [t.chart for t in (p for s in made.sections_for(PAGE) for p in s.parts
                                    if isinstance(p, doc.Table)) if t.chart]  # fmt: skip
    about = [one.get("descr") for one in file.element.iter(qn("wp:docPr"))]
    assert about == [f"{chart.title}. {chart.description}" for chart in charts]


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    """Names of rows are not broken where figures leave room, whichever width a program heeds."""
    with using("en"):
        made = for_one("fund")
        of = next(part for part in made.answer if isinstance(part, doc.Table))
        table = next(t for t in read(made).tables if t.cell(0, 0).text == of.columns[0].header)
    widths = [column.width for column in table.columns]
    assert widths[0] > 3 * widths[1]
    assert sum(widths) == pytest.approx(178 * 36_000, rel=1e-3)
    assert [cell.width for cell in table.rows[1].cells] == widths


@pytest.mark.slow
def test_the_same_document_gives_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at another time: nothing says when or by whom it was made."""
    with using("en"):
        made = brief_document(tutorial())
        before = word.render_word(made)
        later = time.time() + 100_000
        monkeypatch.setattr(time, "time", lambda: later)
        assert word.render_word(made) == before
    assert read(made).core_properties.author == "Vorrat"


HOSTILE = '<script>alert(1)</script> & "quoted" $x_{1}$ \x07 \ud800 ' + "long " * 80


def test_hostile_texts_are_texts() -> None:
    with using("en"):
        parts = [HOSTILE, doc.Bullets([HOSTILE]), doc.Facts([doc.Fact(HOSTILE, "1", HOSTILE)])]
        made = replace(brief_document(tutorial()), title=HOSTILE, answer=parts)
        file = read(made)
    safe = HOSTILE.replace("\x07", " ").replace("\ud800", " ")
    assert [one.text for one in file.paragraphs].count(safe) == 3
    assert file.core_properties.title == safe[:255]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@LANGUAGES
def test_a_word_processor_opens_them_and_the_brief_has_one_page(
    language: Language, tmp_path: Path
) -> None:
    with using(language):
        (tmp_path / "brief.docx").write_bytes(
            word.render_word(brief_document(rich(), author="A", date="B"))
        )
        for payer in PAYERS:
            (tmp_path / f"{payer}.docx").write_bytes(word.render_word(for_one(payer)))
    sheets = {f"{payer}.docx": 1 for payer in PAYERS}
    for name, pages in {"brief.docx": 1, **sheets}.items():
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        line = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path)]
        subprocess.run([*line, str(tmp_path / name)], check=True, capture_output=True, timeout=180)
        made = (tmp_path / name).with_suffix(".pdf").read_bytes()
        assert made.count(b"/Type/Page") - made.count(b"/Type/Pages") == pages


def made_template(tmp_path: Path, *lines: str) -> bytes:
    file = docx.Document()
    for line in lines:
        file.add_paragraph(line)
    path = tmp_path / "template.docx"
    file.save(str(path))
    return path.read_bytes()


def test_an_office_uses_a_template_of_its_own(tmp_path: Path) -> None:
    lines = (
        "Ministry",
        "{{ title }}",
        "{% for section in sections %}{{ section.title }}{% endfor %}",
    )
    with using("en"):
        made = brief_document(tutorial())
        content = word.render_word(made, made_template(tmp_path, *lines))
    texts = [one.text for one in docx.Document(io.BytesIO(content)).paragraphs]
    assert texts == ["Ministry", made.title, "In brief"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{% for section in sections %}", "end of template"),
        ("{{ secret }}", "'secret' is undefined"),
        ("{{ sections[9].title }}", "9"),
        ("{{ title.__class__.__mro__ }}", "unsafe"),
        ("{{ sections[0].parts[1].picture.tpl }}", ""),
        ("{{ ''.join([]).format(1) }}", "unsafe"),
        ("{{ range(9) }}", "'range' is undefined"),
        ("{{ 9 ** 9 ** 9 }}", "not allowed"),
        ("{{ 'x' * 999999999999 }}", "not allowed"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% include '/etc/passwd' %}", "no loader"),
    ],
)
def test_a_template_that_lies_is_an_error(tmp_path: Path, line: str, reason: str) -> None:
    with using("en"), pytest.raises(Misuse, match="The Word template cannot be filled") as caught:
        word.render_word(brief_document(tutorial()), made_template(tmp_path, line))
    assert reason in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 neither"])
def test_what_is_no_word_file_is_no_template(content: bytes) -> None:
    with using("en"), pytest.raises(Misuse, match="The Word template cannot be filled"):
        word.render_word(brief_document(tutorial()), content)
