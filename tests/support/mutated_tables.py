"""Tables changed cell by cell, and scenario workbooks repacked with correct checksums."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from mutated_trees import NUMBERS, WORDS

from models.files.shapes import SCENARIO_SHAPE, Shape, shape_of, shape_of_step

CELLS = ("", " ", "DE", "CN", "a;b", "a; ;b", "[1]", "all", "any", "x", "guess", "lithium", "fund",
         '"', '""', "a,b", '"a\nb"', "1;2", "0.3;0.4;0.3", "true", "JA", "yes", "'", "=1+1", "null",
         "2026-01-01", "high", "Hoch", "{value: 1}", "\t", "ä", "\u2028", "\x85", "\r")  # fmt: skip
Cells = list[list[str]]


def mutated_csv(section: str, text: str, dice: Random) -> str:
    """A table of a section with up to four changes to its cells, rows, columns or signs."""
    sign = next((one for one in (",", ";", "\t") if one in text.split("\n")[0]), ",")
    rows = [line.split(sign) for line in text.split("\n")]
    for _ in range(dice.choice((1, 1, 2, 3, 4))):
        _change_cells(rows, section, dice)
    if dice.random() < 0.05:
        sign = dice.choice((",", ";", "\t"))
    return "\n".join(sign.join(row) for row in rows)


def _change_cells(rows: Cells, section: str, dice: Random) -> None:
    number = dice.randrange(len(rows))
    row, kind = rows[number], dice.random()
    at = dice.randrange(len(row)) if row else 0
    if kind < 0.45 and row:
        row[at] = dice.choice((dice.choice(CELLS), dice.choice(NUMBERS), dice.choice(WORDS)))
        if number == 0 and dice.random() < 0.8:
            row[at] = column_name(section, dice)
    elif kind < 0.60:
        for one in rows:
            one.insert(min(at, len(one)), dice.choice(NUMBERS))
        rows[0][min(at, len(rows[0]) - 1)] = column_name(section, dice)
    elif kind < 0.68:
        rows.insert(number, list(row))
    elif kind < 0.75 and len(rows) > 1:
        del rows[number]
    elif kind < 0.82 and row:
        for one in rows:
            del one[at : at + 1]
    elif kind < 0.88 and row:
        del row[at]
    elif kind < 0.94:
        row.append(dice.choice(CELLS))
    else:
        dice.shuffle(rows)
    if not rows:
        rows.append([""])


def column_name(section: str, dice: Random) -> str:
    """A column that a section may have, or nearly."""
    shape: Shape | None = SCENARIO_SHAPE
    steps = []
    for part in section.split("."):
        shape = shape_of_step(shape, part) if shape else None
        shape = shape_of(shape.item) if shape and shape.kind in ("mapping", "list") else shape
    for _ in range(4):
        if shape is None:
            break
        keys = shape.keys or {"years": ("2026", "2030"), "list": ("0", "1", "2", "999")}.get(
            shape.kind, ("lithium", "dysprosium", "fund")
        )
        steps.append(dice.choice(keys))
        shape = shape_of_step(shape, steps[-1])
        if shape is None or shape.kind not in ("model", "mapping", "years", "list"):
            if shape and shape.kind in ("yearly", "number") and dice.random() < 0.3:
                steps.append(dice.choice(("value", "source", "confidence", "note", "2026")))
            break
        if shape.kind in ("list",) and dice.random() < 0.5:
            break
    return dice.choice((".".join(steps),) * 5 + ("id", "", "_own", "path", "value", ".", "a..b"))


_NAMES = {"t": "", "main": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.\
spreadsheetml.sheet.main+xml"/>
%s</Types>"""
_SHEET_TYPE = (
    '<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>\n'
)
_RELATIONS = (
    '<?xml version="1.0"?>\n<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships">%s</Relationships>'
)
_RELATION = (
    '<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/%s" Target="%s"/>'
)


def book_of(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    """The smallest workbook with these sheets: no styles, texts in their cells, not compressed."""
    count = len(sheets)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(sheets, start=1)
    )
    parts = {
        "[Content_Types].xml": _TYPES % "".join(_SHEET_TYPE % n for n in range(1, count + 1)),
        "_rels/.rels": _RELATIONS % (_RELATION % (1, "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<?xml version="1.0"?>\n<workbook xmlns="{_NAMES["main"]}" xmlns:r='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
        f"{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _RELATIONS
        % "".join(
            _RELATION % (n, "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, count + 1)
        ),
    }
    for number, rows in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_NAMES["main"]}"><sheetData>\n'
            + "".join(_row(n, row) for n, row in enumerate(rows, start=1))
            + "</sheetData></worksheet>"
        )
    return packed({name: text.encode() for name, text in parts.items()}.items())


def _row(number: int, row: Sequence[Any]) -> str:
    cells = (
        _cell(f"{_letter(column)}{number}", value)
        for column, value in enumerate(row)
        if value is not None
    )
    return f'<row r="{number}">{"".join(cells)}</row>\n'


def _letter(column: int) -> str:
    return chr(65 + column) if column < 26 else chr(64 + column // 26) + chr(65 + column % 26)


def _cell(at: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{at}"><v>{value}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def packed(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """Parts as an archive, with the checksums of what they are now."""
    whole = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(whole, "w") as archive:
        warnings.simplefilter("ignore")  # of a part that is there twice
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content)
    return whole.getvalue()


def unpacked(raw: bytes) -> list[tuple[str, bytes]]:
    """The parts of an archive; none where it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return [(one.filename, archive.read(one)) for one in archive.infolist()
                    if one.file_size < 1_000_000]  # fmt: skip
    except Exception:  # of an archive that is damaged, in any of many ways
        return []


_CELL = re.compile(r"<c [^>]*?(?:/>|>.*?</c>)", re.DOTALL)
_ROW = re.compile(r"<row .*?</row>\n?", re.DOTALL)
_AT = re.compile(r'r="([A-Z]+[0-9]+)"')


def mutated_book(raw: bytes, dice: Random) -> bytes:
    """A workbook with up to four changes to cells, rows or parts."""
    parts = unpacked(raw)
    sheets = [n for n, (name, _) in enumerate(parts) if "worksheets/sheet" in name]
    if not sheets:
        return raw
    for _ in range(dice.choice((1, 1, 2, 3, 4))):
        number = dice.choice(sheets)
        name, content = parts[number]
        text = content.decode("utf-8", "surrogateescape")
        kind = dice.random()
        if kind < 0.75:
            text = _changed_cell(text, dice)
        elif kind < 0.90:
            text = _changed_row(text, dice)
        elif kind < 0.94:
            number = next((n for n, (one, _) in enumerate(parts) if one == "xl/workbook.xml"), 0)
            name, content = parts[number]
            text = _renamed_sheet(content.decode("utf-8", "surrogateescape"), dice)
        else:
            number = dice.randrange(len(parts))
            name, content = parts[number]
            text = _changed_text(content.decode("utf-8", "surrogateescape"), dice)
        parts[number] = (name, text.encode("utf-8", "surrogateescape"))
    if dice.random() < 0.02:
        parts.append((dice.choice(parts)[0], b"<a/>"))
    if dice.random() < 0.02:
        del parts[dice.randrange(len(parts))]
    return packed(parts)


def _changed_cell(text: str, dice: Random) -> str:
    found = list(_CELL.finditer(text))
    if not found:
        return text
    chosen = dice.choice(found)
    at = _AT.search(chosen[0])
    place = at[1] if at else "A1"
    kind = dice.random()
    if kind < 0.12:
        made = ""
    elif kind < 0.20:
        made = _odd_cell(place, dice)
    elif kind < 0.35:
        other = dice.choice(found)[0]
        made = _AT.sub(f'r="{place}"', other, count=1)
    elif kind < 0.65:
        made = _cell(place, _Number(dice.choice((*NUMBERS[:13], "1e400", "2026.5", "9" * 400))))
    else:
        value = dice.choice((dice.choice(CELLS), dice.choice(WORDS), dice.choice(NUMBERS),
                             column_name(dice.choice(SCENARIO_SHAPE.keys), dice)))  # fmt: skip
        made = _cell(place, value)
    return text[: chosen.start()] + made + text[chosen.end() :]


class _Number(float):
    """A number as it is written."""

    def __new__(cls, written: str) -> _Number:
        number = super().__new__(cls, 0)
        number.written = written
        return number

    def __str__(self) -> str:
        return str(self.written)

    __format__ = lambda self, spec: self.written  # noqa: E731


def _odd_cell(place: str, dice: Random) -> str:
    return dice.choice((
        f'<c r="{place}"><f>1+1</f></c>',
        f'<c r="{place}"><f>1+1</f><v>2</v></c>',
        f'<c r="{place}" t="e"><v>#DIV/0!</v></c>',
        f'<c r="{place}" t="b"><v>1</v></c>',
        f'<c r="{place}" t="b"><v>x</v></c>',
        f'<c r="{place}" t="d"><v>2026-01-01</v></c>',
        f'<c r="{place}" t="d"><v>2026-01-01T12:30:00</v></c>',
        f'<c r="{place}" t="d"><v>x</v></c>',
        f'<c r="{place}" t="s"><v>0</v></c>',
        f'<c r="{place}" t="s"><v>99</v></c>',
        f'<c r="{place}" t="str"><v>a_x001B_b</v></c>',
        f'<c r="{place}" t="n"><v>x</v></c>',
        f'<c r="{place}" s="7"><v>45000</v></c>',
        f'<c r="{place}" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>',
        f'<c r="{place}"/>',
        '<c r="XFD9"><v>1</v></c>',
        '<c r="ZZZZZ1"><v>1</v></c>',
        '<c r="A99999999"><v>1</v></c>',
        '<c><v>1</v></c>',
    ))  # fmt: skip


def _changed_row(text: str, dice: Random) -> str:
    found = list(_ROW.finditer(text))
    if not found:
        return text
    chosen = dice.choice(found)
    kind = dice.random()
    made = ""
    if kind < 0.5:
        # Numbered again, so that the copy stands below all others.
        number = str(len(found) + dice.choice((1, 1, 2, 50)))
        copy = re.sub(r'(?<=r=")([A-Z]*)[0-9]+', lambda m: m[1] + number, chosen[0])
        return text.replace("</sheetData>", copy + "</sheetData>")
    if kind < 0.7:
        made = chosen[0] * 2
    elif kind < 0.8:
        made = re.sub(r'<row r="\d+"', '<row r="' + dice.choice(("0", "-1", "x", "1048577")) + '"',
                      chosen[0])  # fmt: skip
    return text[: chosen.start()] + made + text[chosen.end() :]


def _renamed_sheet(text: str, dice: Random) -> str:
    names = list(re.finditer(r'name="([^"]*)"', text))
    if not names:
        return text
    chosen = dice.choice(names)
    name = dice.choice((
        "Projects", "Projekte", "Settings", "Faults", "_own", "x", "Variants", "", "Projets",
        "Funders", "Instruments", "projects", "it's", "a!b", "&#27;", "Materials&#10;",
    ))  # fmt: skip
    return text[: chosen.start()] + f'name="{name}"' + text[chosen.end() :]


def _changed_text(text: str, dice: Random) -> str:
    at = dice.randrange(len(text) + 1)
    end = at + dice.choice((0, 1, 5, 30))
    return text[:at] + dice.choice(("", "<", "&", '"', "<a/>", "&#0;", "0", "\0")) + text[end:]
