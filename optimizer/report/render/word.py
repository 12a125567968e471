"""A document for Word: A4, real headings, lists and tables, pictures of its charts, with texts for
those who cannot see them. The same document gives the same file, byte by byte.

Letters are those of Arial, which Word, LibreOffice (as Liberation Sans) and Macs have.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.language import language, tr
from models.results.reservations import NONE, Doubts
from optimizer.report import document as doc
from optimizer.report.cells import Cell, Grid, grid
from optimizer.report.document import PAGE, Document, Part, Section

if TYPE_CHECKING:
    from docx.document import Document as File

MARGIN, WIDTH, HEIGHT = 16.0, 210.0, 297.0  # mm
INSIDE = WIDTH - 2 * MARGIN
FACTS_IN_A_ROW = 3
SIZE, SMALL, LARGE = 7.7, 6.8, 13.0  # points
ACCENT, SOFT, LINE = "004B79", "4D4D4D", "C4C9CE"
LANGUAGES = {"en": "en-GB", "de": "de-DE"}
WIDEST = 40
"""Characters of a column beyond which it gets no wider."""
MOST = 255
"""Characters of a title among a file's properties."""
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML may hold."""
_WHEN = datetime.datetime(2000, 1, 1)
"""In place of the time at which a file is made, which would make each another."""


def render(document: Document, doubts: Doubts = NONE) -> bytes:
    """The file of a document, in the current language; ``doubts`` stand at its head."""
    writer = _Writer(document)
    writer.head(doubts)
    for section in document.on(PAGE, tr("The answer on one page")):
        writer.section(section)
    return writer.file()


def fit(text: object) -> str:
    """A text that XML can hold."""
    return _UNFIT.sub(" ", str(text))


def same_bytes(saved: bytes) -> bytes:
    """A packed file without the times at which its parts were written."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            new.writestr(info, old.read(name))
    return made.getvalue()


def leave_no_trace(properties: Any, title: str) -> None:
    """Set the properties of a file that would say who made it when."""
    properties.title, properties.language = fit(title)[:MOST], LANGUAGES[language()]
    properties.author = properties.last_modified_by = "Vorrat"
    properties.created = properties.modified = properties.last_printed = _WHEN
    properties.comments, properties.revision = "", 1


def _shares(of: Grid) -> list[float]:
    """How much of a table's width each column has, by what stands in it; a header may break between
    its words."""
    columns = zip(of.columns, *of.rows, strict=True)
    texts = [
        [*(str(head.header).split(" ") if of.headed else ()), *(cell.text for cell in told)]
        for head, *told in columns
    ]
    lengths = [2 + min(WIDEST, max(map(len, some), default=0)) for some in texts]
    return [length / sum(lengths) for length in lengths]


class _Writer:
    """Puts one part after the other into a file."""

    def __init__(self, document: Document) -> None:
        # It takes a moment to import: only those who want a file wait for it.
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
        for name, size in (("Normal", SIZE), ("List Bullet", SIZE), ("Caption", SIZE - 0.5),
                           ("Title", 15.0), ("Heading 1", 11.5), ("Heading 2", 9.5)):  # fmt: skip
            self._style(name, size)

    def _style(self, name: str, size: float) -> None:
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
        around = style.paragraph_format
        around.space_before = self._pt(5 if heading else 0)
        around.space_after = self._pt(2)
        around.line_spacing = 1.0
        if heading:
            style.font.bold = True
            style.font.color.rgb = RGBColor.from_string(ACCENT)
        if name == "Caption":
            style.font.bold, style.font.italic = True, False
            style.font.color.rgb = RGBColor.from_string("1A1A1A")
            around.keep_with_next = True
        if name == "Normal":
            spoken = style.element.get_or_add_rPr()
            made = spoken.makeelement(qn("w:lang"), {qn("w:val"): LANGUAGES[language()]})
            spoken.append(made)

    def head(self, doubts: Doubts) -> None:
        """Kicker, title, subtitle, and what speaks against the result."""
        of = self._document
        self._paragraph(of.kicker, colour=SOFT)
        self._paragraph(of.title, "Title")
        if of.subtitle:
            self._paragraph(of.subtitle, colour=SOFT)
        if doubts.all:
            self._caution(list(doubts.all))

    def section(self, section: Section) -> None:
        """A section with its heading."""
        self._paragraph(section.title, "Heading 1")
        for part in section.parts:
            self._part(part)

    def _part(self, part: Part) -> None:
        match part:
            case str():
                self._paragraph(part)
            case doc.Heading():
                self._paragraph(part.text, "Heading 2")
            case doc.Bullets():
                for item in part.items:
                    self._paragraph(item, "List Bullet")
            case doc.Caution():
                self._caution(part.items)
            case doc.Facts():
                self._facts(part.facts)
            case doc.Terms():
                for term, meaning in part.entries:
                    self._paragraph(f"{term}: ", bold=True).add_run(fit(meaning)).bold = False
            case doc.Table():
                self._chart_and_table(part)

    def _chart_and_table(self, table: doc.Table) -> None:
        if table.chart is not None:
            self._paragraph(table.chart.title, "Caption")
            run = self._file.add_paragraph().add_run()
            picture = io.BytesIO(table.chart.png_file())
            shape = run.add_picture(picture, width=self._mm(INSIDE))
            about = shape._inline.docPr
            about.set("descr", fit(f"{table.chart.title}. {table.chart.description}"))
            about.set("title", fit(table.chart.title))
        if not table.rows:
            self._paragraph(table.empty)
        elif not table.folded:
            self._table(grid(table, PAGE))

    def _paragraph(
        self, text: str, style: str | None = None, *, bold: bool = False, colour: str = ""
    ) -> Any:
        from docx.shared import RGBColor

        made = self._file.add_paragraph(style=style)
        run = made.add_run(fit(text))
        run.bold = True if bold else None
        if colour:
            run.font.color.rgb = RGBColor.from_string(colour)
        return made

    def _caution(self, items: Sequence[str]) -> None:
        cell = self._frame(1, 1).cell(0, 0)
        self._into(cell, tr("Please note"), bold=True, first=True)
        for item in items:
            self._into(cell, item)

    def _facts(self, facts: Sequence[doc.Fact]) -> None:
        count = FACTS_IN_A_ROW
        table = self._frame(-(-len(facts) // count), count)
        for place, fact in enumerate(facts):
            cell = table.cell(*divmod(place, count))
            self._into(cell, fact.label, size=SMALL, first=True)
            self._into(cell, fact.figure, bold=True, size=LARGE)
            if fact.beside:
                self._into(cell, fact.beside, size=SMALL)

    def _frame(self, rows: int, columns: int) -> Any:
        """A grid of boxes for texts, which is no table of figures."""
        table = self._lined(rows, columns)
        after = self._file.add_paragraph().paragraph_format
        after.space_after, after.line_spacing = self._pt(0), self._pt(4)
        return table

    def _lined(self, rows: int, columns: int) -> Any:
        """A table with thin grey lines and some room in its cells."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        table = self._file.add_table(rows, columns, style="Table Grid")
        about = table._tbl.tblPr
        for name, sides, set_to in (
            ("tblBorders", ("top", "left", "bottom", "right", "insideH", "insideV"),
             {"val": "single", "sz": "4", "color": LINE}),
            ("tblCellMar", ("top", "bottom"), {"w": "20", "type": "dxa"}),
        ):  # fmt: skip
            made = OxmlElement(f"w:{name}")
            for side in sides:
                one = OxmlElement(f"w:{side}")
                for key, value in set_to.items():
                    one.set(qn(f"w:{key}"), value)
                made.append(one)
            about.append(made)
        return table

    def _table(self, of: Grid) -> None:
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        if of.caption:
            self._paragraph(of.caption, "Caption")
        groups = of.groups if of.headed else []
        heads = ([[text for text, span in groups for _ in range(span)]] if groups else []) + (
            [[head.header for head in of.columns]] if of.headed else []
        )
        table = self._lined(len(heads) + len(of.rows), len(of.columns))
        size = SMALL - 1 if of.dense else SMALL
        cells = [list(row.cells) for row in table.rows]
        down = zip(*cells, strict=True)
        for column, share, places in zip(table.columns, _shares(of), down, strict=True):
            # Some programs heed the width of the column, others that of its cells.
            for place in (column, *places):
                place.width = self._mm(INSIDE * share)
        for n, texts in enumerate(heads):
            for at, text in enumerate(texts):
                self._cell(cells[n][at], str(text), of.columns[at].is_text, size, bold=True)
            row = table.rows[n]._tr.get_or_add_trPr()
            repeated = OxmlElement("w:tblHeader")
            repeated.set(qn("w:val"), "true")
            row.append(repeated)
        for n, row_of in enumerate(of.rows):
            last = of.total and n == len(of.rows) - 1
            for at, cell in enumerate(row_of):
                held: Cell = cell
                place = cells[len(heads) + n][at]
                self._cell(place, held.text, of.columns[at].is_text, size, bold=last)
        self._paragraph(of.note, colour=SOFT).runs[0].font.size = self._pt(SMALL)

    def _cell(self, cell: Any, text: str, is_text: bool, size: float, *, bold: bool) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH

        made = self._into(cell, text, bold=bold, size=size, first=True)
        if not is_text:
            made.alignment = WD_ALIGN_PARAGRAPH.RIGHT

    def _into(
        self, cell: Any, text: str, *, bold: bool = False, size: float = SIZE, first: bool = False
    ) -> Any:
        """A paragraph of a cell."""
        made = cell.paragraphs[0] if first else cell.add_paragraph()
        made.paragraph_format.space_after = self._pt(0.5)
        run = made.add_run(fit(text))
        run.bold, run.font.size = bold, self._pt(size)
        return made

    def file(self) -> bytes:
        """The file as it is written."""
        of = self._document
        leave_no_trace(self._file.core_properties, of.title)
        made = io.BytesIO()
        self._file.save(made)
        return same_bytes(made.getvalue())
