"""Sheets of items and of settings, drawn for people and readable by the program."""

import math
import re
from itertools import groupby
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import Outline
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import OWN, Tab, word_shown, worded
from models.language import language, tr
from models.scenario.countries import ALPHA_2
from models.scenario.currencies import in_currency
from models.scenario.quantities import Bounds
from optimizer.report.scenario_workbook import style
from optimizer.report.scenario_workbook.columns import REMARKS, Column, Content, remark_shape
from optimizer.report.scenario_workbook.fields import WORDS, Field, section_of

LABELS, UNITS, NAMES, FIRST = 2, 3, 4, 5
"""Rows of the readable headers, of the units, of the technical names, and of the first item."""
LISTS = f"{OWN}lists"
"""The hidden sheet with the lists that are too long for a validation.

Lists of ids are defined names that grow with their sheet: a validation that named another sheet
itself would be kept by Excel in a form that other programs drop."""
ROOM = 1000
"""Rows that are prepared for more items."""
FEW_COLUMNS = 14
"""A sheet with no more columns than that shows its sources at once."""
_NUMBERS = ("number", "yearly", "whole")
_WIDTHS = {"description": 44, "text": 60, "note": 34, "source": 20, "confidence": 12, "url": 40,
           "name": 30, "id": 24, "title": 30, "path": 54, "value": 44}  # fmt: skip


def draw_items(sheet: Worksheet, content: Content, lists: set[str]) -> None:
    """A sheet with a row an item."""
    style.write(sheet, 1, 1, about_tab(content.tab), style.HEADING)
    last = FIRST + len(content.rows) + ROOM
    shown = len(content.columns) <= FEW_COLUMNS
    for number, column in enumerate(content.columns, start=1):
        letter = get_column_letter(number)
        _header(sheet, number, column)
        dimension = sheet.column_dimensions[letter]
        dimension.width = _width(column, content)
        if _is_percent(column):
            dimension.number_format = style.PERCENT
        if (column.remark and not shown) or column.other_language:
            dimension.outlineLevel, dimension.hidden = 1, True
        validate_cells(sheet, column, f"{letter}{FIRST}:{letter}{last}", lists)
        for row, values in enumerate(content.rows, start=FIRST):
            cell = style.at(sheet, row, number)
            cell.border = style.BELOW
            _value(cell, values.get(column.path), column)
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    # The columns by which a reader knows a row stay in view.
    owner = content.tab.owner_column
    known = ("id", *((owner,) if owner else ("consumer", "material")))
    heads = [column.required and column.path[-1] in known for column in content.columns]
    fixed = heads.index(False) + 1 if False in heads else 1
    sheet.freeze_panes = style.at(sheet, FIRST, fixed if fixed < 4 else 3)


def _header(sheet: Worksheet, number: int, column: Column) -> None:
    """Label, unit and technical name of a column, and what it means as a comment."""
    says = column.label + (" *" if column.required and not column.some else "")
    look = (style.BOLD, style.OPTIONAL_HEAD)
    if column.required:
        look = (style.HEAD, style.REQUIRED_HEAD)
    elif column.remark:
        look = (style.SMALL, style.REMARK_HEAD)
    label = style.write(sheet, LABELS, number, says, look[0], style.CENTRE, look[1])
    label.border = style.EDGE
    if column.meaning and not column.remark:
        text = meaning_of(column)
        height = 30 + 17 * sum(math.ceil((len(line) + 1) / 44) for line in text.split("\n"))
        label.comment = Comment(text, "Vorrat", height, 320)
    technical = style.TECHNICAL
    style.write(sheet, UNITS, number, _unit(column), style.SMALL, style.CENTRE, technical)
    style.write(sheet, NAMES, number, column.name, style.SMALL, fill=technical)


def _unit(column: Column) -> str:
    unit = column.field.unit if column.shape.kind in _NUMBERS else ""
    return in_currency(worded(unit), column.currency) if unit else ""


def _is_percent(column: Column) -> bool:
    return column.field.is_percent and column.shape.kind in _NUMBERS


def _value(cell: Cell, content: Any, column: Column) -> None:
    """A value in its cell, if there is one, as people write it in the current language."""
    if content is None:
        return
    cell.font, cell.alignment = style.TEXT, style.TOP
    if isinstance(content, str):
        words = column.shape.kind in ("choice", "names") and content in column.shape.choices
        style.put(cell, word_shown(content) if words else content)
        cell.alignment = style.WRAP if len(content) > 30 else style.TOP
        return
    cell.value = content
    if not isinstance(content, bool):
        # Only large whole numbers are grouped by thousands.
        grouped = _unit(column) and not column.field.is_year
        large = isinstance(content, int) and abs(content) >= 1000
        plain = style.WHOLE if grouped and large else style.PLAIN
        cell.number_format = style.PERCENT if _is_percent(column) else plain


def _width(column: Column, content: Content) -> float:
    """Wide enough for what stands in it, within reason."""
    longest = max((len(str(row[column.path])) for row in content.rows if column.path in row),
                  default=-1)  # fmt: skip
    fixed = next((_WIDTHS[one] for one in reversed(column.path) if one in _WIDTHS), None)
    least = max(11, 3 + max(map(len, re.split(r"[\s-]", column.label))), max(longest, 0) + 2)
    if fixed is None or column.shape.kind in _NUMBERS:
        return float(min(36, least))
    return min(fixed, max(least, 16)) if column.path[-1] == "id" or longest < 0 else fixed


SETTINGS = (
    ("", 34), ("value", 26), ("", 12), ("", 64), ("source", 24), ("confidence", 17), ("note", 34),
    ("path", 40),
)  # fmt: skip
"""The columns of the settings: technical name, where there is one, and width."""


def draw_settings(sheet: Worksheet, content: Content, lists: set[str]) -> None:
    """The sheet with a row a value."""
    style.write(sheet, 1, 1, about_tab(content.tab), style.HEADING)
    labels = (tr("Setting"), tr("Value"), tr("Unit"), tr("Meaning"), tr("Source"),
              tr("Reliability"), tr("Note"), tr("Technical name"))  # fmt: skip
    for number, ((name, width), label) in enumerate(zip(SETTINGS, labels, strict=True), start=1):
        style.write(sheet, LABELS, number, label, style.HEAD, style.CENTRE, style.REQUIRED_HEAD)
        style.write(sheet, UNITS, number, name or None, style.SMALL, fill=style.TECHNICAL)
        sheet.column_dimensions[get_column_letter(number)].width = width
    row = UNITS
    values = [column for column in content.columns if not column.remark]
    for group, columns in groupby(sorted(values, key=lambda one: _group(one) != ""), _group):
        row += 1
        label = worded(WORDS["groups"].get(group, group.replace("_", " ").capitalize()))
        style.write(sheet, row, 1, label, style.BOLD, fill=style.OPTIONAL_HEAD)
        for column in columns:
            row += 1
            _setting(sheet, row, column, content.rows[0], lists)
    sheet.freeze_panes = style.at(sheet, UNITS + 1, 3)


def _group(column: Column) -> str:
    """The part of the scenario that a setting belongs to; empty for what stands at its root."""
    of_root = len(column.path) == 1 or column.path[-1] in ("en", "de")
    return "" if of_root else column.path[0]


def _setting(
    sheet: Worksheet, row: int, column: Column, values: dict[Any, Any], lists: set[str]
) -> None:
    label = column.label + (" *" if column.required else "")
    bold = style.BOLD if column.required else style.TEXT
    style.write(sheet, row, 1, label, bold, style.WRAP)
    cell = style.at(sheet, row, 2)
    cell.border = style.BOX
    if _is_percent(column):
        cell.number_format = style.PERCENT
    validate_cells(sheet, column, cell.coordinate, lists)
    _value(cell, values.get(column.path), column)
    cell.alignment = style.WRAP if column.shape.kind not in _NUMBERS else style.TOP
    style.write(sheet, row, 3, _unit(column), style.SMALL, style.INDENTED)
    style.write(sheet, row, 4, meaning_of(column), style.SMALL, style.WRAP)
    for number, remark in enumerate(REMARKS, start=5):
        about = style.at(sheet, row, number)
        if column.shape.kind not in ("number", "yearly"):
            about.fill = style.TECHNICAL
            continue
        about.border = style.BOX
        part = Column((*column.path, remark), remark_shape(remark), column.field, "", remark=True)
        validate_cells(sheet, part, about.coordinate, lists)
        _value(about, values.get(part.path), part)
    style.write(sheet, row, 8, column.name, style.SMALL, fill=style.TECHNICAL)


def about_tab(tab: Tab) -> str:
    """One sentence on a sheet; its name where nobody wrote one."""
    return worded(WORDS["tabs"][tab.key]) if tab.key in WORDS["tabs"] else tab.title


def meaning_of(column: Column) -> str:
    """What a field means, what may stand there, and whether it has to."""
    shape, lines = column.shape, []
    if column.meaning:
        # Without the marks of code, with a capital and a full stop.
        said = " ".join(in_currency(column.meaning, column.currency).replace("`", "").split())
        stop = "" if said.endswith((".", "?")) else "."
        lines.append(f"{said[:1].upper()}{said[1:]}{stop}")
    if shape.kind == "choice" and not column.remark:
        lines.append(tr("One of: {words}.", words=", ".join(map(word_shown, shape.choices))))
    elif shape.kind == "names":
        word = word_shown(shape.choices[0])
        lines.append(tr("Several with ; between them, or the word {word}.", word=word))
    elif shape.kind == "list":
        lines.append(tr("Several with ; between them."))
    elif shape.kind == "yearly" and not column.path[-1].isdecimal():
        lines.append(tr("The same in every year. Where it changes, leave this empty and fill "
                        "columns of years, such as {name}.2030.", name=column.name))  # fmt: skip
    default = "" if column.required or column.remark else _default(column)
    if default:
        lines.append(tr("If empty: {value}.", value=default))
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


def add_lists(book: Workbook) -> None:
    """The lists of countries and of yes and no."""
    sheet = book.create_sheet(LISTS)
    sheet.sheet_state = "hidden"
    codes = sorted(ALPHA_2)
    for row, code in enumerate(codes, start=1):
        sheet.cell(row, 1, code)
    sheet.cell(1, 2, True)
    sheet.cell(2, 2, False)
    _define(book, "list_countries", f"'{LISTS}'!$A$1:$A${len(codes)}")
    _define(book, "list_truth", f"'{LISTS}'!$B$1:$B$2")


def add_ids(book: Workbook, section: str, sheet: str, letter: str, last: int) -> None:
    """The ids of a sheet as a list, as long as there are ids."""
    start = f"'{sheet}'!${letter}${FIRST}"
    length = f"MAX(1,COUNTA({start}:${letter}${last}))"
    _define(book, f"list_{section}", f"OFFSET({start},0,0,{length},1)")


def _define(book: Workbook, name: str, formula: str) -> None:
    book.defined_names[name] = DefinedName(name, attr_text=formula)


def validate_cells(sheet: Worksheet, column: Column, cells: str, lists: set[str]) -> None:
    """Put a column's validation on cells; none where anything may stand."""
    kind, name = column.shape.kind, column.path[-1]
    section = section_of(name)
    made: DataValidation | None = None
    if kind == "choice":
        words = ",".join(word_shown(word) for word in column.shape.choices)
        made = _made("list", tr("Choose one of the list."), formula1=f'"{words}"')
    elif kind == "flag":
        made = _made("list", tr("Choose one of the list."), formula1="list_truth")
    elif kind == "country":
        message = tr("ISO 3166 code with two capitals, such as DE.")
        made = _made("list", message, "warning", formula1="list_countries")
    elif column.remark and name == "source":
        made = DataValidation("list", "list_sources", allow_blank=True, showErrorMessage=False)
    elif kind == "text" and section in lists and name not in ("id", "text"):
        message = tr("No item of this id yet: enter it on its sheet as well.")
        made = _made("list", message, "warning", formula1=f"list_{section}")
    elif kind in ("number", "yearly", "whole"):
        made = _bounded(column.field)
    if made is not None:
        made.add(cells)
        sheet.add_data_validation(made)


def _made(kind: Any, message: str, style: Any = "stop", **more: Any) -> DataValidation:
    return DataValidation(kind, errorStyle=style, errorTitle="Vorrat", error=message,
                          allow_blank=True, showErrorMessage=True, **more)  # fmt: skip


def _bounded(field: Field) -> DataValidation:
    """A number within the bounds of its field."""
    bounds = field.bounds or Bounds()
    least, kind = f"{bounds.ge or 0:g}", "whole" if bounds.whole else "decimal"
    rule: tuple[str, ...] = ("greaterThanOrEqual", least)
    message = tr("A number of {least} or more.", least=least)
    if field.is_year:
        message, kind = tr("A calendar year, such as 2030."), "whole"
        rule = ("between", "0", "9999")
    elif bounds.le is not None:
        message, kind = tr("A share from 0 % to 100 %, that is, from 0 to 1."), "decimal"
        rule = ("between", least, f"{bounds.le:g}")
    elif bounds.lt is not None:
        message, kind = tr("A share from 0 % to under 100 %."), "decimal"
        rule = ("lessThan", f"{bounds.lt:g}")
    elif bounds.gt is not None:
        rule = ("greaterThan", f"{bounds.gt:g}")
        message = tr("A number above {least}.", least=rule[1])
    ends = dict(zip(("operator", "formula1", "formula2"), rule, strict=False))
    return _made(kind, message, **ends)
