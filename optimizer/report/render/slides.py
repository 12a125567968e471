"""A document as slides: a title slide, and a slide with text and chart for each section.

Output is deterministic: the same document gives the same bytes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from models.language import conventions
from models.results.caveats import NO_CAVEATS, Caveats
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Table
from optimizer.report.render.word import (
    ACCENT_COLOR,
    SOFT_COLOR,
    anonymize_properties,
    without_timestamps,
    xml_safe,
)

if TYPE_CHECKING:
    from pptx.presentation import Presentation as File

WIDTH, HEIGHT, MARGIN = 338.7, 190.5, 14.0  # mm: 16 to 9
TITLE_ONLY_LAYOUT = 5
"""Index of the template's layout with a title and nothing else."""


def render_slides(document: Document, doubts: Caveats = NO_CAVEATS) -> bytes:
    """Return the slides of a document as a file in the current language.

    ``doubts`` are caveats on the first slide.
    """
    # Imported on request, as the import is slow.
    import pptx

    presentation: File = pptx.Presentation()
    presentation.slide_width, presentation.slide_height = _mm(WIDTH), _mm(HEIGHT)
    _add_slide(presentation, document, document.title, [document.subtitle, *doubts.all], None, 0)
    for number, section in enumerate(document.sections_for(PAGE)[1:], start=1):
        chart = next((p.chart for p in section.parts if isinstance(p, Table) and p.chart), None)
        paragraphs = [part for part in section.parts if isinstance(part, str)]
        _add_slide(presentation, document, section.title, paragraphs, chart, number)
    anonymize_properties(presentation.core_properties, document.title)
    stream = io.BytesIO()
    presentation.save(stream)
    return without_timestamps(stream.getvalue())


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
    title_shape: Any = slide.shapes.title
    text_width = WIDTH - 2 * MARGIN
    is_first = number == 0
    title_shape.left, title_shape.top = _mm(MARGIN), _mm(60 if is_first else 10)
    title_shape.width, title_shape.height = _mm(text_width), _mm(24 if is_first else 14)
    _write_text(title_shape.text_frame, title, 32 if is_first else 26, ACCENT_COLOR, is_bold=True)
    top_mm = 88.0 if is_first else 26.0
    for text in filter(None, texts):
        line_count = 1 + len(text) // 150
        height = _mm(7 * line_count)
        box = slide.shapes.add_textbox(_mm(MARGIN), _mm(top_mm), _mm(text_width), height)
        _write_text(box.text_frame, text, 15)
        top_mm += 7.0 * line_count + 3
    if chart is not None:
        _add_chart(slide, chart, top_mm, HEIGHT - 14 - top_mm)
    footer = slide.shapes.add_textbox(_mm(MARGIN), _mm(HEIGHT - 11), _mm(text_width), _mm(7))
    _write_text(
        footer.text_frame,
        f"{document.document_kind} · {document.title} · {number + 1}",
        10,
        SOFT_COLOR,
    )


def _add_chart(slide: Any, chart: Chart, top_mm: float, height: float) -> None:
    """Add a chart to a slide, as large as fits and centered, with its description as alternative
    text."""
    text_width = WIDTH - 2 * MARGIN
    shape = slide.shapes.add_picture(io.BytesIO(chart.png_file()), _mm(MARGIN), _mm(top_mm))
    scale = min(_mm(text_width) / shape.width, _mm(height) / shape.height)
    shape.width, shape.height = int(shape.width * scale), int(shape.height * scale)
    shape.left = int((_mm(WIDTH) - shape.width) / 2)
    properties = shape._element.nvPicPr.cNvPr
    properties.set("name", xml_safe(chart.title))
    properties.set("descr", xml_safe(f"{chart.title}. {chart.description}"))


def _write_text(
    frame: Any, text: str, size: float, color: str = "1A1A1A", is_bold: bool = False
) -> None:
    from pptx.dml.color import RGBColor
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    (paragraph,) = frame.paragraphs
    paragraph.alignment = PP_ALIGN.LEFT
    run = paragraph.add_run()
    run.text = xml_safe(text)
    run.font.size, run.font.bold, run.font.name = Pt(size), is_bold, "Arial"
    run.font.color.rgb = RGBColor.from_string(color)
    run.font._rPr.set("lang", conventions().tag)
