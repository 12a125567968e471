"""A document for Word: A4, headings, lists, tables, and pictures of charts with alternative texts.

Output is deterministic: the same document gives the same bytes. The font is Arial, which Word,
LibreOffice (as Liberation Sans) and Macs have.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.language import conventions, tr
from optimizer.report import document as doc
from optimizer.report.cells import Cell, Grid, build_grid
from optimizer.report.document import PAGE, Document, Part, Section

if TYPE_CHECKING:
    from docx.document import Document as File

MARGIN, WIDTH, HEIGHT = 16.0, 210.0, 297.0  # mm
TEXT_WIDTH = WIDTH - 2 * MARGIN
FACTS_PER_ROW = 3
FONT_SIZE, SMALL_FONT_SIZE, LARGE_FONT_SIZE = 7.7, 6.8, 13.0  # points
ACCENT_COLOR, SOFT_COLOR, LINE_COLOR = "004B79", "4D4D4D", "C4C9CE"
MAX_COLUMN_LETTERS = 40
"""Characters of a cell beyond which its column gets no wider."""
MAX_TITLE_LETTERS = 255
"""Characters of a title in a file's properties."""
_INVALID_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""
_FIXED_TIME = datetime.datetime(2000, 1, 1)
"""Replaces the time at which a file is made, so that output is deterministic."""


def render_word(document: Document) -> bytes:
    """Return a document as a Word file in the current language."""
    writer = _WordWriter(document)
    writer.write_head()
    for section in document.sections_for(PAGE, tr("The answer on one page")):
        writer.write_section(section)
    return writer.to_bytes()


def xml_safe(text: object) -> str:
    """Return a text with a space for each character that XML cannot hold."""
    return _INVALID_IN_XML.sub(" ", str(text))


def without_timestamps(zip_content: bytes) -> bytes:
    """Return a zip file with the times of its entries removed."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(zip_content)) as old_archive,
        zipfile.ZipFile(stream, "w") as new_archive,
    ):
        for name in old_archive.namelist():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            new_archive.writestr(info, old_archive.read(name))
    return stream.getvalue()


def anonymize_properties(core_properties: Any, title: str) -> None:
    """Overwrite the properties of a file that would state who made it and when."""
    core_properties.title = xml_safe(title)[:MAX_TITLE_LETTERS]
    core_properties.language = conventions().tag
    core_properties.author = core_properties.last_modified_by = "Vorrat"
    core_properties.created = core_properties.modified = core_properties.last_printed = _FIXED_TIME
    core_properties.comments, core_properties.revision = "", 1


def _column_shares(table_grid: Grid) -> list[float]:
    """Return each column's share of the table width, in proportion to its longest text.

    Only the words of a header count, since headers may wrap.
    """
    columns = zip(table_grid.columns, *table_grid.rows, strict=True)
    lengths = []
    for column, *column_cells in columns:
        header_words = str(column.header).split(" ") if table_grid.has_header else []
        texts = [*header_words, *(cell.text for cell in column_cells)]
        lengths.append(2 + min(MAX_COLUMN_LETTERS, max(map(len, texts), default=0)))
    return [length / sum(lengths) for length in lengths]


class _WordWriter:
    """Writer that appends parts to a Word file."""

    def __init__(self, document: Document) -> None:
        # Imported on request, as the import is slow.
        import docx
        from docx.shared import Mm, Pt

        self._document = document
        self._file: File = docx.Document()
        self._mm, self._pt = Mm, Pt
        (page,) = self._file.sections
        page.page_width, page.page_height = Mm(WIDTH), Mm(HEIGHT)
        page.left_margin = page.right_margin = Mm(MARGIN)
        page.top_margin = page.bottom_margin = Mm(12)
        page.header_distance = page.footer_distance = Mm(6)
        for name, size in (
            ("Normal", FONT_SIZE), ("List Bullet", FONT_SIZE), ("Caption", FONT_SIZE - 0.5),
            ("Title", 15.0), ("Heading 1", 11.5), ("Heading 2", 9.5),
        ):  # fmt: skip
            self._set_style(name, size)

    def _set_style(self, name: str, size: float) -> None:
        from docx.oxml.ns import qn
        from docx.shared import RGBColor

        style: Any = self._file.styles[name]
        style.font.name, style.font.size = "Arial", self._pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for kind in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{kind}"), "Arial")
        heading = name.startswith(("Heading", "Title"))
        spacing = style.paragraph_format
        spacing.space_before = self._pt(5 if heading else 0)
        spacing.space_after = self._pt(2)
        spacing.line_spacing = 1.0
        if heading:
            style.font.bold = True
            style.font.color.rgb = RGBColor.from_string(ACCENT_COLOR)
        if name == "Caption":
            style.font.bold, style.font.italic = True, False
            style.font.color.rgb = RGBColor.from_string("1A1A1A")
            spacing.keep_with_next = True
        if name == "Normal":
            run_properties = style.element.get_or_add_rPr()
            language = run_properties.makeelement(qn("w:lang"), {qn("w:val"): conventions().tag})
            run_properties.append(language)

    def write_head(self) -> None:
        """Write kind of document, title and subtitle."""
        document = self._document
        self._add_paragraph(document.document_kind, color=SOFT_COLOR)
        self._add_paragraph(document.title, "Title")
        if document.subtitle:
            self._add_paragraph(document.subtitle, color=SOFT_COLOR)

    def write_section(self, section: Section) -> None:
        """Write a section with its heading."""
        self._add_paragraph(section.title, "Heading 1")
        for part in section.parts:
            self._write_part(part)

    def _write_part(self, part: Part) -> None:
        match part:
            case str():
                self._add_paragraph(part)
            case doc.Heading():
                self._add_paragraph(part.text, "Heading 2")
            case doc.Bullets():
                for item in part.items:
                    self._add_paragraph(item, "List Bullet")
            case doc.Caution():
                self._write_caution(part.items)
            case doc.Facts():
                self._write_facts(part.facts)
            case doc.Terms():
                for term, meaning in part.entries:
                    self._add_paragraph(f"{term}: ", bold=True).add_run(
                        xml_safe(meaning)
                    ).bold = False
            case doc.Table():
                self._write_chart_and_table(part)

    def _write_chart_and_table(self, table: doc.Table) -> None:
        if table.chart is not None:
            self._add_paragraph(table.chart.title, "Caption")
            run = self._file.add_paragraph().add_run()
            picture = io.BytesIO(table.chart.png_file())
            shape = run.add_picture(picture, width=self._mm(TEXT_WIDTH))
            properties = shape._inline.docPr
            properties.set("descr", xml_safe(f"{table.chart.title}. {table.chart.description}"))
            properties.set("title", xml_safe(table.chart.title))
        if not table.rows:
            self._add_paragraph(table.empty_text)
        elif not table.is_collapsed:
            self._write_table(build_grid(table, PAGE))

    def _add_paragraph(
        self, text: str, style: str | None = None, *, bold: bool = False, color: str = ""
    ) -> Any:
        from docx.shared import RGBColor

        paragraph = self._file.add_paragraph(style=style)
        run = paragraph.add_run(xml_safe(text))
        run.bold = True if bold else None
        if color:
            run.font.color.rgb = RGBColor.from_string(color)
        return paragraph

    def _write_caution(self, items: Sequence[str]) -> None:
        cell = self._add_box_grid(1, 1).cell(0, 0)
        self._add_cell_paragraph(cell, tr("Please note"), bold=True, is_first=True)
        for item in items:
            self._add_cell_paragraph(cell, item)

    def _write_facts(self, facts: Sequence[doc.Fact]) -> None:
        table = self._add_box_grid(-(-len(facts) // FACTS_PER_ROW), FACTS_PER_ROW)
        for position, fact in enumerate(facts):
            cell = table.cell(*divmod(position, FACTS_PER_ROW))
            self._add_cell_paragraph(cell, fact.label, size=SMALL_FONT_SIZE, is_first=True)
            self._add_cell_paragraph(cell, fact.figure, bold=True, size=LARGE_FONT_SIZE)
            if fact.remark:
                self._add_cell_paragraph(cell, fact.remark, size=SMALL_FONT_SIZE)

    def _add_box_grid(self, rows: int, columns: int) -> Any:
        """Add a table with ``rows`` and ``columns`` of boxes for texts, and return it."""
        table = self._add_lined_table(rows, columns)
        gap = self._file.add_paragraph().paragraph_format
        gap.space_after, gap.line_spacing = self._pt(0), self._pt(4)
        return table

    def _add_lined_table(self, rows: int, columns: int) -> Any:
        """Add a table with thin grey lines and cell margins, and return it."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        table = self._file.add_table(rows, columns, style="Table Grid")
        properties = table._tbl.tblPr
        for name, sides, attributes in (
            ("tblBorders", ("top", "left", "bottom", "right", "insideH", "insideV"),
             {"val": "single", "sz": "4", "color": LINE_COLOR}),
            ("tblCellMar", ("top", "bottom"), {"w": "20", "type": "dxa"}),
        ):  # fmt: skip
            parent = OxmlElement(f"w:{name}")
            for side in sides:
                child = OxmlElement(f"w:{side}")
                for key, value in attributes.items():
                    child.set(qn(f"w:{key}"), value)
                parent.append(child)
            properties.append(parent)
        return table

    def _write_table(self, table_grid: Grid) -> None:
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        if table_grid.caption:
            self._add_paragraph(table_grid.caption, "Caption")
        groups = table_grid.groups if table_grid.has_header else []
        header_rows = ([[text for text, span in groups for _ in range(span)]] if groups else []) + (
            [[column.header for column in table_grid.columns]] if table_grid.has_header else []
        )
        table = self._add_lined_table(
            len(header_rows) + len(table_grid.rows), len(table_grid.columns)
        )
        size = SMALL_FONT_SIZE - 1 if table_grid.is_dense else SMALL_FONT_SIZE
        cells = [list(row.cells) for row in table.rows]
        cells_by_column = zip(*cells, strict=True)
        for column, share, column_cells in zip(
            table.columns, _column_shares(table_grid), cells_by_column, strict=True
        ):
            # Some programs use the width of the column, others that of its cells.
            for target in (column, *column_cells):
                target.width = self._mm(TEXT_WIDTH * share)
        for row_index, texts in enumerate(header_rows):
            for position, text in enumerate(texts):
                self._write_cell(
                    cells[row_index][position],
                    str(text),
                    table_grid.columns[position].is_text,
                    size,
                    bold=True,
                )
            row_properties = table.rows[row_index]._tr.get_or_add_trPr()
            repeat_header = OxmlElement("w:tblHeader")
            repeat_header.set(qn("w:val"), "true")
            row_properties.append(repeat_header)
        for row_index, row_cells in enumerate(table_grid.rows):
            is_total = table_grid.has_total and row_index == len(table_grid.rows) - 1
            for position, cell in enumerate(row_cells):
                grid_cell: Cell = cell
                target = cells[len(header_rows) + row_index][position]
                is_text = table_grid.columns[position].is_text
                self._write_cell(target, grid_cell.text, is_text, size, bold=is_total)
        self._add_paragraph(table_grid.note, color=SOFT_COLOR).runs[0].font.size = self._pt(
            SMALL_FONT_SIZE
        )

    def _write_cell(self, cell: Any, text: str, is_text: bool, size: float, *, bold: bool) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH

        paragraph = self._add_cell_paragraph(cell, text, bold=bold, size=size, is_first=True)
        if not is_text:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT

    def _add_cell_paragraph(
        self,
        cell: Any,
        text: str,
        *,
        bold: bool = False,
        size: float = FONT_SIZE,
        is_first: bool = False,
    ) -> Any:
        """Add a paragraph to a cell and return it; with ``is_first``, fill the paragraph that a new
        cell has."""
        paragraph = cell.paragraphs[0] if is_first else cell.add_paragraph()
        paragraph.paragraph_format.space_after = self._pt(0.5)
        run = paragraph.add_run(xml_safe(text))
        run.bold, run.font.size = bold, self._pt(size)
        return paragraph

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        anonymize_properties(self._file.core_properties, self._document.title)
        stream = io.BytesIO()
        self._file.save(stream)
        return without_timestamps(stream.getvalue())
