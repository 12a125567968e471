"""Write the Word template of briefs: ``python -m docs.brief_template FILE.docx``.

docxtpl replaces a paragraph with ``{%p ... %}``, a row with ``{%tr ... %}`` and a cell with
``{%tc ... %}`` by what stands in it.
"""

import sys
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

INK, ACCENT, SOFT, LINE = "1A1A1A", "004B79", "4D4D4D", "C4C9CE"
FONT = "Arial"  # that Word, LibreOffice (as Liberation Sans) and Macs have
# Name, size in points, bold, color, space below in points.
PARAGRAPH_STYLES = [
    ("Normal", 7.7, False, INK, 2.0),
    ("List Bullet", 7.7, False, INK, 2.0),
    ("Title", 15.0, True, ACCENT, 2.0),
    ("Subtitle", 7.7, False, SOFT, 2.0),
    ("Heading 1", 11.5, True, ACCENT, 2.0),
    ("Heading 2", 9.5, True, ACCENT, 2.0),
    ("Caption", 7.2, True, INK, 2.0),
    ("Table text", 6.8, False, INK, 0.5),
    ("Table figure", 6.8, False, INK, 0.5),
    ("Table total", 6.8, True, INK, 0.5),
    ("Table total figure", 6.8, True, INK, 0.5),
    ("Table note", 6.8, False, SOFT, 2.0),
    ("Fact label", 6.8, False, INK, 0.5),
    ("Fact figure", 13.0, True, INK, 0.5),
    ("Fact remark", 6.8, False, INK, 0.5),
    ("Caution title", 7.7, True, INK, 0.5),
    ("Caution", 7.7, False, INK, 0.5),
    ("Gap", 4.0, False, INK, 0.0),
]


def main(path: str) -> None:
    """Write the template to a file."""
    file = docx.Document()
    (page,) = file.sections
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(16)
    page.top_margin = page.bottom_margin = Mm(12)
    page.header_distance = page.footer_distance = Mm(6)
    for style in PARAGRAPH_STYLES:
        add_paragraph_style(file, *style)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "en-GB")
    file.styles["Normal"].element.get_or_add_rPr().append(language)
    for name in ("Boxes", "Figures"):
        add_table_style(file, name)
    write_body(file)
    file.save(path)


def add_paragraph_style(
    file: Any, name: str, size: float, bold: bool, color: str, space_after: float
) -> None:
    """Add a style of paragraphs, or change one that Word has."""
    names = [style.name for style in file.styles]
    style = file.styles[name] if name in names else None
    if style is None:
        style = file.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = file.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(size)
    style.font.bold, style.font.italic = bold, False
    style.font.color.rgb = RGBColor.from_string(color)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for kind in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{kind}"), FONT)
    spacing = style.paragraph_format
    spacing.space_before = Pt(5 if name.startswith(("Heading", "Title")) else 0)
    spacing.space_after, spacing.line_spacing = Pt(space_after), 1.0
    spacing.keep_with_next = name == "Caption" or name.startswith("Heading")
    if name.endswith("figure") and name.startswith("Table"):
        style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def add_table_style(file: Any, name: str) -> None:
    """Add a style of tables with thin lines; ``Figures`` marks tables whose widths Vorrat sets."""
    style = file.styles.add_style(name, WD_STYLE_TYPE.TABLE)
    style.base_style = file.styles["Normal Table"]
    properties = OxmlElement("w:tblPr")
    for parent_name, sides, attributes in (
        ("tblBorders", ("top", "left", "bottom", "right", "insideH", "insideV"),
         {"val": "single", "sz": "4", "color": LINE}),
        ("tblCellMar", ("top", "bottom"), {"w": "20", "type": "dxa"}),
    ):  # fmt: skip
        parent = OxmlElement(f"w:{parent_name}")
        for side in sides:
            child = OxmlElement(f"w:{side}")
            for key, value in attributes.items():
                child.set(qn(f"w:{key}"), value)
            parent.append(child)
        properties.append(parent)
    style.element.append(properties)


def write_body(file: Any) -> None:
    """Write the tags."""

    def add(text: str, style: str = "Normal") -> None:
        file.add_paragraph(text, style)

    add("{{ kind }}", "Subtitle")
    add("{{ title }}", "Title")
    add("{%p if subtitle %}")
    add("{{ subtitle }}", "Subtitle")
    add("{%p endif %}")
    add("{%p for section in sections %}")
    add("{{ section.title }}", "Heading 1")
    add("{%p for part in section.parts %}")
    add('{%p if part.kind == "text" %}')
    add("{{ part.text }}")
    add('{%p elif part.kind == "heading" %}')
    add("{{ part.text }}", "Heading 2")
    add('{%p elif part.kind == "bullets" %}')
    add("{%p for line in part.lines %}")
    add("{{ line }}", "List Bullet")
    add("{%p endfor %}")
    add('{%p elif part.kind == "caution" %}')
    box = file.add_table(1, 1, "Boxes").cell(0, 0)
    write_cell(box, "{{ please_note }}", "Caution title")
    write_cell(box, "{%p for line in part.lines %}", "Caution")
    write_cell(box, "{{ line }}", "Caution")
    write_cell(box, "{%p endfor %}", "Caution")
    add("", "Gap")
    add('{%p elif part.kind == "facts" %}')
    table = file.add_table(3, 3, "Boxes")
    write_cell(table.cell(0, 0), "{%tr for row in part.rows %}", "Fact label")
    for position, cell in enumerate(table.rows[1].cells):
        fact = f"row[{position}]"
        write_cell(cell, f"{{{{ {fact}.label }}}}", "Fact label")
        write_cell(cell, f"{{{{ {fact}.figure }}}}", "Fact figure")
        write_cell(cell, f"{{%p if {fact}.remark %}}", "Fact remark")
        write_cell(cell, f"{{{{ {fact}.remark }}}}", "Fact remark")
        write_cell(cell, "{%p endif %}", "Fact remark")
    write_cell(table.cell(2, 0), "{%tr endfor %}", "Fact label")
    add("", "Gap")
    add('{%p elif part.kind == "terms" %}')
    add("{%p for entry in part.entries %}")
    paragraph = file.add_paragraph()
    paragraph.add_run("{{ entry.term }}:").bold = True
    paragraph.add_run(" {{ entry.meaning }}")
    add("{%p endfor %}")
    add('{%p elif part.kind == "table" %}')
    add("{%p if part.picture %}")
    add("{{ part.picture_title }}", "Caption")
    add("{{ part.picture }}")
    add("{%p endif %}")
    add("{%p if part.empty_text %}")
    add("{{ part.empty_text }}")
    add("{%p endif %}")
    add("{%p if part.rows %}")
    add("{%p if part.caption %}")
    add("{{ part.caption }}", "Caption")
    add("{%p endif %}")
    write_figures(file)
    add("{{ part.note }}", "Table note")
    add("{%p endif %}")
    add("{%p endif %}")
    add("{%p endfor %}")
    add("{%p endfor %}")


def write_figures(file: Any) -> None:
    """Write a table whose columns and rows are those of a table of the document."""
    rows = [
        ("{%tr for cells in part.header %}", "", "", ""),
        ("", "cells", "Table total", "Table total figure"),
        ("{%tr endfor %}", "", "", ""),
        ("{%tr for row in part.rows %}", "", "", ""),
        ("{%tr if row.is_total %}", "", "", ""),
        ("", "row.cells", "Table total", "Table total figure"),
        ("{%tr else %}", "", "", ""),
        ("", "row.cells", "Table text", "Table figure"),
        ("{%tr endif %}", "", "", ""),
        ("{%tr endfor %}", "", "", ""),
    ]
    table = file.add_table(len(rows), 7, "Figures")
    for index, (tag, cells, text_style, figure_style) in enumerate(rows):
        row = table.rows[index]
        if tag:
            write_cell(row.cells[0], tag, "Table text")
            continue
        for cell, (content, style) in zip(
            row.cells,
            [
                (f"{{%tc for cell in {cells} %}}", text_style),
                ("{%tc if cell.is_text %}", text_style),
                ("{{ cell.text }}", text_style),
                ("{%tc else %}", text_style),
                ("{{ cell.text }}", figure_style),
                ("{%tc endif %}", text_style),
                ("{%tc endfor %}", text_style),
            ],
            strict=True,
        ):
            write_cell(cell, content, style)
        if cells == "cells":
            header = OxmlElement("w:tblHeader")
            header.set(qn("w:val"), "true")
            row._tr.get_or_add_trPr().append(header)


def write_cell(cell: Any, text: str, style: str) -> None:
    """Write a paragraph into a cell; the first one takes the place of the empty one."""
    is_first = len(cell.paragraphs) == 1 and not cell.paragraphs[0].text
    paragraph = cell.paragraphs[0] if is_first else cell.add_paragraph()
    paragraph.text, paragraph.style = text, style


if __name__ == "__main__":
    main(sys.argv[1])
