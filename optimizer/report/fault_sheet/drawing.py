"""The sheet of faults as the XML of a worksheet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from models.language import tr
from optimizer.report.fault_sheet.finding import Finding
from optimizer.report.fault_sheet.package import STYLES, NotPlainError, Package

_FONTS = (
    '<font><b/><sz val="14"/><color rgb="FFB42318"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/><family val="2"/></font>',
    '<font><u/><sz val="11"/><color rgb="FF0563C1"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="11"/><color rgb="FFB42318"/><name val="Calibri"/><family val="2"/></font>',
    '<font><sz val="11"/><color rgb="FF1F2933"/><name val="Calibri"/><family val="2"/></font>',
)
_FILL = (
    '<fill><patternFill patternType="solid"><fgColor rgb="FFB42318"/><bgColor indexed="64"/>'
    "</patternFill></fill>"
)
_ENTRIES = {"fonts": "font", "fills": "fill", "cellXfs": "xf"}
_WIDTHS = (6, 12, 20, 10, 70, 60)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Styles:
    """Positions of cell formats; 0, which every workbook has, where none could be added."""

    title: int = 0
    head: int = 0
    link: int = 0
    error: int = 0
    text: int = 0


def add_styles(package: Package) -> Styles:
    """Put the formats of the sheet into the workbook's; none where its styles are unusual."""
    if not package.has(STYLES):
        return Styles()
    text = package.text(STYLES)
    try:
        text, fonts = _appended(text, "fonts", _FONTS)
        text, fills = _appended(text, "fills", (_FILL,))
        wrap = '<alignment vertical="top" wrapText="1"/>'
        formats = [
            f'<xf numFmtId="0" fontId="{fonts + font}" fillId="{fill}" borderId="0" '
            f'applyFont="1" applyFill="1" applyAlignment="1">{wrap if font else ""}</xf>'
            for font, fill in ((0, 0), (1, fills), (2, 0), (3, 0), (4, 0))
        ]
        text, first = _appended(text, "cellXfs", formats)
    except NotPlainError:
        return Styles()
    package.put(STYLES, text)
    return Styles(*range(first, first + len(formats)))


def _appended(text: str, parent: str, children: Sequence[str]) -> tuple[str, int]:
    """The styles with more entries in a list, and the position of the first of these."""
    found = re.search(rf"<{parent}\b[^<>]*>", text)
    stated = re.search(r'\bcount="(\d{1,9})"', found[0]) if found else None
    end = text.find(f"</{parent}>")
    if found is None or stated is None or end < 0:
        raise NotPlainError(STYLES)
    inside, more = text[found.end() : end], "".join(children)
    if more in inside:
        # Put there by an earlier run.
        before = inside[: inside.index(more)]
        return text, len(re.findall(rf"<{_ENTRIES[parent]}[ >/]", before))
    count = int(stated[1])
    tag = found[0].replace(f'count="{count}"', f'count="{count + len(children)}"', 1)
    return text[: found.start()] + tag + inside + more + text[end:], count


def sheet_xml(title: str, findings: Sequence[Finding], styles: Styles) -> str:
    """The worksheet: a title, headers, and a row a finding with a link to its cell."""
    rows = [_row(1, [(title, styles.title)], 24)]
    heads = (tr("No."), tr("Severity"), tr("Sheet"), tr("Cell"), tr("What is wrong"),
             tr("What would be right"))  # fmt: skip
    links = []
    if findings:
        rows.append(_row(3, [(head, styles.head) for head in heads], 20))
    for number, finding in enumerate(findings, start=1):
        row = number + 3
        severity = styles.error if finding.severity == "error" else styles.text
        target = finding.target
        cells = [
            (str(number), styles.text),
            (finding.label, severity),
            (finding.sheet, styles.text),
            (finding.cell, styles.link if target else styles.text),
            (finding.message, styles.text),
            (finding.hint, styles.text),
        ]
        rows.append(_row(row, cells))
        if target:
            shown = quoteattr(finding.cell)
            links.append(f'<hyperlink ref="D{row}" location={quoteattr(target)} display={shown}/>')
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(_WIDTHS, start=1)
    )
    pane = (
        '<pane ySplit="3" topLeftCell="A4" activePane="bottomLeft" state="frozen"/>'
        if findings
        else ""
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<sheetPr><tabColor rgb="FFB42318"/><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView showGridLines="0" workbookViewId="0">{pane}</sheetView>'
        f'</sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols>'
        f"<sheetData>{''.join(rows)}</sheetData>"
        + (f"<hyperlinks>{''.join(links)}</hyperlinks>" if links else "")
        + '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>'
    )


def _row(number: int, cells: Sequence[tuple[str, int]], height: int | None = None) -> str:
    made = "".join(
        f'<c r="{"ABCDEF"[column]}{number}" s="{form}" t="inlineStr">'
        f'<is><t xml:space="preserve">{escape(_NOT_XML.sub("?", text))}</t></is></c>'
        for column, (text, form) in enumerate(cells)
    )
    tall = f' ht="{height}" customHeight="1"' if height else ""
    return f'<row r="{number}"{tall}>{made}</row>'
