"""Sheets of items and of settings, drawn for people and readable by the program."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import Outline
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import Tab, word_shown, worded
from models.language import language, tr
from optimizer.report.scenario_workbook import style
from optimizer.report.scenario_workbook.columns import Column, Content, remark_shape
from optimizer.report.scenario_workbook.fields import WORDS
from optimizer.report.scenario_workbook.validation import validate_cells

LABELS, UNITS, NAMES, FIRST = 2, 3, 4, 5
"""Rows of the readable headers, of the units, of the technical names, and of the first item."""
ROOM = 1000
"""Rows that are prepared for more items."""
FEW_COLUMNS = 14
"""A sheet with no more columns than that shows its sources at once."""
_NUMBERS = ("number", "yearly", "whole")
_WIDTHS = {"description": 44, "text": 60, "note": 34, "source": 20, "confidence": 12, "url": 40,
           "name": 30, "id": 24, "title": 30, "path": 54, "value": 44}  # fmt: skip


def draw_items(sheet: Worksheet, content: Content, lists: set[str]) -> None:
    """A sheet with a row an item."""
    _top(sheet, content)
    last = FIRST + len(content.rows) + ROOM
    shown = len(content.columns) <= FEW_COLUMNS
    for number, column in enumerate(content.columns, start=1):
        letter = get_column_letter(number)
        _header(sheet, number, column)
        dimension = sheet.column_dimensions[letter]
        dimension.width = _width(column, content)
        if _percent(column):
            dimension.number_format = style.PERCENT
        if (column.remark and not shown) or column.other_language:
            dimension.outlineLevel, dimension.hidden = 1, True
        validate_cells(sheet, column, f"{letter}{FIRST}:{letter}{last}", lists)
        for row, values in enumerate(content.rows, start=FIRST):
            cell = style.at(sheet, row, number)
            cell.border = style.BELOW
            if column.path in values:
                value(cell, values[column.path], column)
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    heads = [column.required and column.path[-1] in ("id", *_heads(content)) for column in
             content.columns]  # fmt: skip
    fixed = next((place for place, head in enumerate(heads) if not head), 0) + 1
    sheet.freeze_panes = style.at(sheet, FIRST, fixed if fixed < 4 else 3)
    _paper(sheet, f"{LABELS}:{NAMES}")


def _heads(content: Content) -> tuple[str, ...]:
    """The columns by which a reader knows a row."""
    owner = content.tab.owner_column
    return (owner,) if owner else ("consumer", "material")


def _top(sheet: Worksheet, content: Content) -> None:
    cell = style.put(style.at(sheet, 1, 1), about_tab(content.tab))
    cell.font = style.HEADING
    sheet.row_dimensions[1].height = 24
    sheet.row_dimensions[LABELS].height = 48
    sheet.row_dimensions[UNITS].height = 16
    sheet.row_dimensions[NAMES].height = 13


def _header(sheet: Worksheet, number: int, column: Column) -> None:
    """Label, unit and technical name of a column."""
    needed = column.required
    says = column.label + (" *" if needed and not column.some else "")
    fill = style.REQUIRED_HEAD if needed else style.OPTIONAL_HEAD
    fill = style.REMARK_HEAD if column.remark else fill
    font = style.HEAD if needed else style.SMALL if column.remark else style.BOLD
    label = style.write(sheet, LABELS, number, says, font, style.CENTRE, fill)
    label.border = style.EDGE
    if column.meaning and not column.remark:
        label.comment = note(column)
    technical = style.TECHNICAL
    style.write(sheet, UNITS, number, _unit(column), style.SMALL, style.CENTRE, technical)
    style.write(sheet, NAMES, number, column.name, style.SMALL, fill=technical)


def _has_unit(column: Column) -> bool:
    return bool(column.field.unit) and column.shape.kind in _NUMBERS


def _unit(column: Column) -> str:
    return worded(column.field.unit) if _has_unit(column) else ""


def _percent(column: Column) -> bool:
    return column.field.is_percent and column.shape.kind in _NUMBERS


def note(column: Column) -> Comment:
    """What a field means, as a comment on its header."""
    text = meaning_of(column)
    made = Comment(text, "Vorrat")
    made.width = 320
    made.height = 30 + 17 * sum(math.ceil((len(line) + 1) / 44) for line in text.split("\n"))
    return made


def value(cell: Cell, content: Any, column: Column) -> None:
    """A value in its cell, as people write it in the current language."""
    cell.font = style.TEXT
    cell.alignment = style.TOP
    if isinstance(content, str):
        words = column.shape.kind in ("choice", "names") and content in column.shape.choices
        style.put(cell, word_shown(content) if words else content)
        if len(content) > 30:
            cell.alignment = style.WRAP
        return
    cell.value = content
    if not isinstance(content, bool):
        grouped = _has_unit(column) and not column.field.is_year
        cell.number_format = style.number_format(content, _percent(column), grouped)


def _width(column: Column, content: Content) -> float:
    """Wide enough for what stands in it, within reason."""
    empty = not any(column.path in row for row in content.rows)
    fixed = next((_WIDTHS[one] for one in reversed(column.path) if one in _WIDTHS), None)
    values = [row[column.path] for row in content.rows if column.path in row]
    longest = max((len(str(one)) for one in values), default=0)
    word = max(map(len, re.split(r"[\s-]", column.label)))
    least = max(11, word + 3)
    if fixed is not None and column.shape.kind not in _NUMBERS:
        if column.path[-1] == "id" or empty:
            return min(fixed, max(least, longest + 2, 16))
        return fixed
    return float(min(36, max(least, longest + 2)))


def _paper(sheet: Worksheet, rows: str) -> None:
    style.fit_paper(sheet, "landscape")
    sheet.print_title_rows = rows


SETTINGS = (
    ("", 34), ("value", 26), ("", 12), ("", 64), ("source", 24), ("confidence", 17), ("note", 34),
    ("path", 40),
)  # fmt: skip
"""The columns of the settings: technical name, where there is one, and width."""


def draw_settings(sheet: Worksheet, content: Content, lists: set[str]) -> None:
    """The sheet with a row a value."""
    _top(sheet, content)
    labels = (tr("Setting"), tr("Value"), tr("Unit"), tr("Meaning"), tr("Source"),
              tr("Reliability"), tr("Note"), tr("Technical name"))  # fmt: skip
    for number, ((name, width), label) in enumerate(zip(SETTINGS, labels, strict=True), start=1):
        style.write(sheet, LABELS, number, label, style.HEAD, style.CENTRE, style.REQUIRED_HEAD)
        style.write(sheet, UNITS, number, name or None, style.SMALL, None, style.TECHNICAL)
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.row_dimensions[LABELS].height = 24
    row = UNITS + 1
    (values,) = content.rows
    for group, columns in groupby(_of_values(content), key=_group):
        _band(sheet, row, _group_label(group))
        row += 1
        for column in columns:
            _setting(sheet, row, column, values, lists)
            row += 1
    sheet.freeze_panes = style.at(sheet, UNITS + 1, 3)
    _paper(sheet, f"{LABELS}:{UNITS}")


def _of_values(content: Content) -> Iterator[Column]:
    found = [column for column in content.columns if not column.remark]
    return iter(sorted(found, key=lambda column: _group(column) != ""))


def _group(column: Column) -> str:
    """The part of the scenario that a setting belongs to; empty for what stands at its root."""
    of_root = len(column.path) == 1 or column.path[-1] in ("en", "de")
    return "" if of_root else column.path[0]


def _band(sheet: Worksheet, row: int, label: str) -> None:
    for number in range(1, len(SETTINGS) + 1):
        style.at(sheet, row, number).fill = style.BAND
    style.put(style.at(sheet, row, 1), label).font = style.BOLD
    sheet.row_dimensions[row].height = 20


def _setting(
    sheet: Worksheet, row: int, column: Column, values: dict[Any, Any], lists: set[str]
) -> None:
    label = column.label + (" *" if column.required else "")
    bold = style.BOLD if column.required else style.TEXT
    style.write(sheet, row, 1, label, bold, style.WRAP)
    cell = style.at(sheet, row, 2)
    cell.border, cell.alignment = style.BOX, style.TOP
    if _percent(column):
        cell.number_format = style.PERCENT
    validate_cells(sheet, column, cell.coordinate, lists)
    if column.path in values:
        value(cell, values[column.path], column)
    cell.alignment = style.WRAP if column.shape.kind not in _NUMBERS else style.TOP
    style.write(sheet, row, 3, _unit(column), style.SMALL, style.INDENTED)
    text = meaning_of(column)
    style.write(sheet, row, 4, text, style.SMALL, style.WRAP)
    said = column.shape.kind in ("number", "yearly")
    for number, remark in ((5, "source"), (6, "confidence"), (7, "note")):
        about = style.at(sheet, row, number)
        if not said:
            about.fill = style.TECHNICAL
            continue
        about.border = style.BOX
        part = Column((*column.path, remark), remark_shape(remark), column.field, "", remark=True)
        validate_cells(sheet, part, about.coordinate, lists)
        if part.path in values:
            value(about, values[part.path], part)
    style.write(sheet, row, 8, column.name, style.SMALL, fill=style.TECHNICAL)
    texts = [(text, 80), (str(values.get(column.path, "")), 24)]
    lines = max(sum(math.ceil((len(line) + 1) / width) for line in one.split("\n"))
                for one, width in texts)  # fmt: skip
    sheet.row_dimensions[row].height = max(16, 3 + 13 * lines)


def about_tab(tab: Tab) -> str:
    """One sentence on a sheet; its name where nobody wrote one."""
    return worded(WORDS["tabs"][tab.key]) if tab.key in WORDS["tabs"] else tab.title


def _group_label(group: str) -> str:
    """The heading over some settings."""
    return worded(WORDS["groups"].get(group, group.replace("_", " ").capitalize()))


def meaning_of(column: Column) -> str:
    """What a field means, what may stand there, and whether it has to."""
    lines = [_sentence(column.meaning)] if column.meaning else []
    shape = column.shape
    if shape.kind == "choice" and not column.remark:
        lines.append(tr("One of: {words}.", words=", ".join(map(word_shown, shape.choices))))
    elif shape.kind == "names":
        lines.append(tr("Several with ; between them, or the word {word}.",
                        word=word_shown(shape.choices[0])))  # fmt: skip
    elif shape.kind == "list":
        lines.append(tr("Several with ; between them."))
    elif shape.kind == "yearly" and not column.path[-1].isdecimal():
        lines.append(tr("The same in every year. Where it changes, leave this empty and fill "
                        "columns of years, such as {name}.2030.", name=column.name))  # fmt: skip
    if not column.required and not column.remark:
        default = _default(column)
        lines += [tr("If empty: {value}.", value=default)] if default else []
    if column.some:
        lines.append(tr("At least one of these columns."))
    elif column.required:
        lines.append(tr("Required."))
    return "\n".join(lines)


def _default(column: Column) -> str:
    """What holds where nothing is written, if that is a number or a word."""
    value = column.field.info.default if column.field.info is not None else None
    if column.shape.kind in ("list", "mapping", "years") or column.path[-1].isdecimal():
        return ""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        shown = f"{100 * value:g} %" if column.field.is_percent else f"{value:g}"
        return shown.replace(".", ",") if language() == "de" else shown
    if not isinstance(value, str):
        return ""
    return word_shown(value) if column.shape.kind == "choice" else value


def _sentence(text: str) -> str:
    """A text without the marks of code, with a capital and a full stop."""
    said = " ".join(text.replace("`", "").split())
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '?')) else '.'}"
