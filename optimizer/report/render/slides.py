"""A document as slides: one for its title, and one a section, with its text and its chart.

The same document gives the same file, byte by byte.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from models.language import current_language
from models.results.caveats import NO_CAVEATS, Caveats
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Section, Table
from optimizer.report.render.word import (
    ACCENT_COLOR,
    LANGUAGE_TAGS,
    SOFT_COLOR,
    anonymize_properties,
    without_timestamps,
    xml_safe,
)

if TYPE_CHECKING:
    from pptx.presentation import Presentation as File

WIDTH, HEIGHT, MARGIN = 338.7, 190.5, 14.0  # mm: 16 to 9
TITLE_ONLY_LAYOUT = 5
"""The layout of the template that has a title and nothing else."""


def render_slides(document: Document, doubts: Caveats = NO_CAVEATS) -> bytes:
    """The file of a document, in the current language; ``doubts`` stand on its first slide."""
    # It takes a moment to import: only those who want slides wait for it.
    import pptx

    show: File = pptx.Presentation()
    show.slide_width, show.slide_height = _mm(WIDTH), _mm(HEIGHT)
    _add_slide(show, document, document.title, [document.subtitle, *doubts.all], None, 0)
    for number, section in enumerate(document.sections_for(PAGE)[1:], start=1):
        chart = next((p.chart for p in section.parts if isinstance(p, Table) and p.chart), None)
        _add_slide(show, document, section.title, _section_paragraphs(section), chart, number)
    anonymize_properties(show.core_properties, document.title)
    made = io.BytesIO()
    show.save(made)
    return without_timestamps(made.getvalue())


def _section_paragraphs(section: Section) -> list[str]:
    return [part for part in section.parts if isinstance(part, str)]


def _mm(length: float) -> Any:
    from pptx.util import Mm

    return Mm(length)


def _add_slide(
    presentation: File,
    document: Document,
    title: str,
    texts: list[str],
    chart: Chart | None,
    number: int,
) -> None:
    slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY_LAYOUT])
    place: Any = slide.shapes.title
    inside = WIDTH - 2 * MARGIN
    first = number == 0
    place.left, place.top = _mm(MARGIN), _mm(60 if first else 10)
    place.width, place.height = _mm(inside), _mm(24 if first else 14)
    _write_text(place.text_frame, title, 32 if first else 26, ACCENT_COLOR, bold=True)
    top = 88.0 if first else 26.0
    for text in filter(None, texts):
        lines = 1 + len(text) // 150
        box = slide.shapes.add_textbox(_mm(MARGIN), _mm(top), _mm(inside), _mm(7 * lines))
        _write_text(box.text_frame, text, 15)
        top += 7.0 * lines + 3
    if chart is not None:
        _add_chart(slide, chart, top, HEIGHT - 14 - top)
    foot = slide.shapes.add_textbox(_mm(MARGIN), _mm(HEIGHT - 11), _mm(inside), _mm(7))
    _write_text(
        foot.text_frame, f"{document.kicker} · {document.title} · {number + 1}", 10, SOFT_COLOR
    )


def _add_chart(slide: Any, chart: Chart, top: float, height: float) -> None:
    """A chart as large as the place allows, in the middle of it, with its text."""
    inside = WIDTH - 2 * MARGIN
    shape = slide.shapes.add_picture(io.BytesIO(chart.png_file()), _mm(MARGIN), _mm(top))
    scale = min(_mm(inside) / shape.width, _mm(height) / shape.height)
    shape.width, shape.height = int(shape.width * scale), int(shape.height * scale)
    shape.left = int((_mm(WIDTH) - shape.width) / 2)
    about = shape._element.nvPicPr.cNvPr
    about.set("name", xml_safe(chart.title))
    about.set("descr", xml_safe(f"{chart.title}. {chart.description}"))


def _write_text(
    frame: Any, text: str, size: float, color: str = "1A1A1A", bold: bool = False
) -> None:
    from pptx.dml.color import RGBColor
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    (paragraph,) = frame.paragraphs
    paragraph.alignment = PP_ALIGN.LEFT
    run = paragraph.add_run()
    run.text = xml_safe(text)
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, "Arial"
    run.font.color.rgb = RGBColor.from_string(color)
    run.font._rPr.set("lang", LANGUAGE_TAGS[current_language()])
