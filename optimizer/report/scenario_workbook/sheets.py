"""Writing the workbook of a scenario: readable for people, and read back by Vorrat."""

import io
import math
import re
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import Outline
from openpyxl.worksheet.worksheet import Worksheet

from models.base import display_name
from models.countries import ALPHA_2
from models.faults import PathStep, ScenarioError
from models.files import read_case
from models.files.shapes import (
    GUIDE_SHEET,
    USER_PREFIX,
    Tab,
    all_tabs,
    display_word,
    translate_label,
)
from models.language import LANGUAGES, current_language, localize_number, tr
from models.scenario.case import Case
from models.scenario.quantities import NumberBounds
from models.unit_names import replace_currency
from optimizer.report.scenario_workbook.columns import (
    ENGLISH_TEXTS,
    REMARKS,
    ContentBuilder,
    Field,
    FieldColumn,
    SheetContent,
    build_variants_content,
    note_units,
    referenced_section,
    remark_shape,
)

INK, PALE_INK, WHITE = "1F2933", "7B8794", "FFFFFF"
BLUE, SOFT_BLUE, GREY, PALE_GREY = "1F4E79", "D6E4F0", "E4E7EB", "F5F7FA"


def _font(size: float, color: str, **options: Any) -> Font:
    return Font(name="Calibri", size=size, color=color, **options)


TEXT_FONT = _font(11, INK)
BOLD_FONT = _font(11, INK, bold=True)
HEADER_FONT = _font(11, WHITE, bold=True)
TITLE_FONT, HEADING_FONT = _font(18, BLUE, bold=True), _font(13, BLUE, bold=True)
SMALL_FONT, LINK_FONT = _font(9, PALE_INK), _font(11, "0563C1", underline="single")

REQUIRED_FILL, OPTIONAL_FILL, REMARK_FILL, TECHNICAL_FILL = (
    PatternFill("solid", fgColor=color) for color in (BLUE, SOFT_BLUE, GREY, PALE_GREY)
)
HAIR_LINE, THIN_LINE = Side(style="hair", color="9AA5B1"), Side(style="thin", color=WHITE)
BOTTOM_BORDER, SIDE_BORDERS = Border(bottom=HAIR_LINE), Border(left=THIN_LINE, right=THIN_LINE)
BOX_BORDER = Border(left=HAIR_LINE, right=HAIR_LINE, top=HAIR_LINE, bottom=HAIR_LINE)

WRAPPED = Alignment(wrap_text=True, vertical="top")
CENTERED = Alignment(wrap_text=True, vertical="center", horizontal="center")
INDENTED = Alignment(vertical="top", horizontal="left", indent=1)
TOP_ALIGNED = Alignment(vertical="top")

PERCENT_FORMAT, WHOLE_FORMAT, GENERAL_FORMAT = "0.0##%", "#,##0", "General"


def get_cell(sheet: Worksheet, row: int, column: int) -> Cell:
    """Return a cell of a sheet, which must not be part of a merged one."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    return cell


def set_cell_value(cell: Cell, value: Any) -> Cell:
    """Write a value into a cell and return the cell; a text stays text even if it begins like a
    formula."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        if value[:1] in ("=", "+", "-", "@", "'"):
            cell.quotePrefix = True
    return cell


def write_cell(
    sheet: Worksheet, row: int, column: int, value: Any, font: Font,
    alignment: Alignment = TOP_ALIGNED, fill: PatternFill | None = None,
) -> Cell:  # fmt: skip
    """Write a value with font, alignment and fill into a cell, and return the cell."""
    cell = set_cell_value(get_cell(sheet, row, column), value)
    cell.font, cell.alignment = font, alignment
    if fill is not None:
        cell.fill = fill
    return cell


LABEL_ROW, UNIT_ROW, NAME_ROW, FIRST_ITEM_ROW = 2, 3, 4, 5
"""Rows of the headers, units, technical names, and of the first item."""
LISTS_SHEET = f"{USER_PREFIX}lists"
"""Hidden sheet with the lists that are too long for a validation.

Lists of ids are defined names that grow with their sheet: Excel would save a validation that refers
to another sheet in a form that other programs drop.
"""
SPARE_ROWS = 1000
"""Rows that are prepared for more items."""
MAX_SHOWN_COLUMNS = 14
"""Maximal number of columns of a sheet that shows the columns of remarks from the start."""
_NUMBER_KINDS = ("number", "yearly", "whole")
_FIELD_WIDTHS = {
    "description": 44, "text": 60, "note": 34, "source": 20, "confidence": 12, "url": 40,
    "name": 30, "id": 24, "title": 30, "path": 54, "value": 44,
}  # fmt: skip


def write_items_sheet(sheet: Worksheet, content: SheetContent, id_sections: set[str]) -> None:
    """Write a sheet with a row for each item."""
    write_cell(sheet, 1, 1, tab_description(content.tab), HEADING_FONT)
    last_row = FIRST_ITEM_ROW + len(content.rows) + SPARE_ROWS
    shows_remarks = len(content.columns) <= MAX_SHOWN_COLUMNS
    for number, column in enumerate(content.columns, start=1):
        letter = get_column_letter(number)
        _write_header(sheet, number, column)
        dimension = sheet.column_dimensions[letter]
        dimension.width = _column_width(column, content)
        if _is_percent(column):
            dimension.number_format = PERCENT_FORMAT
        if (column.is_remark and not shows_remarks) or column.is_other_language:
            dimension.outlineLevel, dimension.hidden = 1, True
        add_validation(sheet, column, f"{letter}{FIRST_ITEM_ROW}:{letter}{last_row}", id_sections)
        for row, row_values in enumerate(content.rows, start=FIRST_ITEM_ROW):
            cell = get_cell(sheet, row, number)
            cell.border = BOTTOM_BORDER
            _write_value(cell, row_values.get(column.path), column)
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    # Freeze the columns that identify a row.
    owner = content.tab.owner_column
    id_names = ("id", *((owner,) if owner else ("consumer", "material")))
    is_id = [column.is_required and column.path[-1] in id_names for column in content.columns]
    frozen_count = is_id.index(False) + 1 if False in is_id else 1
    sheet.freeze_panes = get_cell(sheet, FIRST_ITEM_ROW, frozen_count if frozen_count < 4 else 3)


def _write_header(sheet: Worksheet, number: int, column: FieldColumn) -> None:
    """Write a column's label, unit and technical name, with its description as a comment."""
    header = column.label + (" *" if column.is_required and not column.is_one_of_required else "")
    label_style = (BOLD_FONT, OPTIONAL_FILL)
    if column.is_required:
        label_style = (HEADER_FONT, REQUIRED_FILL)
    elif column.is_remark:
        label_style = (SMALL_FONT, REMARK_FILL)
    label = write_cell(sheet, LABEL_ROW, number, header, label_style[0], CENTERED, label_style[1])
    label.border = SIDE_BORDERS
    if column.meaning and not column.is_remark:
        text = column_description(column)
        height = 30 + 17 * sum(math.ceil((len(line) + 1) / 44) for line in text.split("\n"))
        label.comment = Comment(text, "Vorrat", height, 320)
    technical_fill = TECHNICAL_FILL
    write_cell(sheet, UNIT_ROW, number, _unit_text(column), SMALL_FONT, CENTERED, technical_fill)
    write_cell(sheet, NAME_ROW, number, column.technical_name, SMALL_FONT, fill=technical_fill)


def _unit_text(column: FieldColumn) -> str:
    unit = column.field.unit if column.shape.kind in _NUMBER_KINDS else ""
    return replace_currency(translate_label(unit), column.currency) if unit else ""


def _is_percent(column: FieldColumn) -> bool:
    return column.field.is_percent and column.shape.kind in _NUMBER_KINDS


def _write_value(cell: Cell, content: Any, column: FieldColumn) -> None:
    """Write a value into its cell in the notation of the current language; None leaves it empty."""
    if content is None:
        return
    cell.font, cell.alignment = TEXT_FONT, TOP_ALIGNED
    if isinstance(content, str):
        is_keyword = column.shape.kind in ("choice", "names") and content in column.shape.choices
        set_cell_value(cell, display_word(content) if is_keyword else content)
        cell.alignment = WRAPPED if len(content) > 30 else TOP_ALIGNED
        return
    cell.value = content
    if not isinstance(content, bool):
        # Only large whole numbers are grouped by thousands.
        has_unit = _unit_text(column) and not column.field.is_year
        is_large = isinstance(content, int) and abs(content) >= 1000
        number_format = WHOLE_FORMAT if has_unit and is_large else GENERAL_FORMAT
        cell.number_format = PERCENT_FORMAT if _is_percent(column) else number_format


def _column_width(column: FieldColumn, content: SheetContent) -> float:
    """Return a width that fits the content, within limits."""
    max_length = max((len(str(row[column.path])) for row in content.rows if column.path in row),
                  default=-1)  # fmt: skip
    field_width = next(
        (_FIELD_WIDTHS[key] for key in reversed(column.path) if key in _FIELD_WIDTHS), None
    )
    min_width = max(11, 3 + max(map(len, re.split(r"[\s-]", column.label))), max(max_length, 0) + 2)
    if field_width is None or column.shape.kind in _NUMBER_KINDS:
        return float(min(36, min_width))
    if column.path[-1] == "id" or max_length < 0:
        return min(field_width, max(min_width, 16))
    return field_width


SETTINGS_COLUMNS = (
    ("", 34), ("value", 26), ("", 12), ("", 64), ("source", 24), ("confidence", 17), ("note", 34),
    ("path", 40),
)  # fmt: skip
"""Columns of the settings: technical name, if there is one, and width."""


def write_settings_sheet(sheet: Worksheet, content: SheetContent, id_sections: set[str]) -> None:
    """Write the sheet with a row for each setting."""
    write_cell(sheet, 1, 1, tab_description(content.tab), HEADING_FONT)
    labels = (tr("Setting"), tr("Value"), tr("Unit"), tr("Meaning"), tr("Source"),
              tr("Reliability"), tr("Note"), tr("Technical name"))  # fmt: skip
    for number, ((name, width), label) in enumerate(
        zip(SETTINGS_COLUMNS, labels, strict=True), start=1
    ):
        write_cell(sheet, LABEL_ROW, number, label, HEADER_FONT, CENTERED, REQUIRED_FILL)
        write_cell(sheet, UNIT_ROW, number, name or None, SMALL_FONT, fill=TECHNICAL_FILL)
        sheet.column_dimensions[get_column_letter(number)].width = width
    row = UNIT_ROW
    value_columns = [column for column in content.columns if not column.is_remark]
    for group, columns in groupby(
        sorted(value_columns, key=lambda column: _settings_group(column) != ""), _settings_group
    ):
        row += 1
        label = translate_label(
            ENGLISH_TEXTS["groups"].get(group, group.replace("_", " ").capitalize())
        )
        write_cell(sheet, row, 1, label, BOLD_FONT, fill=OPTIONAL_FILL)
        for column in columns:
            row += 1
            _write_setting(sheet, row, column, content.rows[0], id_sections)
    sheet.freeze_panes = get_cell(sheet, UNIT_ROW + 1, 3)


def _settings_group(column: FieldColumn) -> str:
    """Return the section of the scenario that a setting belongs to; empty for a top-level field."""
    is_top_level = len(column.path) == 1 or column.path[-1] in LANGUAGES
    return "" if is_top_level else column.path[0]


def _write_setting(
    sheet: Worksheet,
    row: int,
    column: FieldColumn,
    value_by_path: dict[Any, Any],
    id_sections: set[str],
) -> None:
    label = column.label + (" *" if column.is_required else "")
    font = BOLD_FONT if column.is_required else TEXT_FONT
    write_cell(sheet, row, 1, label, font, WRAPPED)
    cell = get_cell(sheet, row, 2)
    cell.border = BOX_BORDER
    if _is_percent(column):
        cell.number_format = PERCENT_FORMAT
    add_validation(sheet, column, cell.coordinate, id_sections)
    _write_value(cell, value_by_path.get(column.path), column)
    cell.alignment = WRAPPED if column.shape.kind not in _NUMBER_KINDS else TOP_ALIGNED
    write_cell(sheet, row, 3, _unit_text(column), SMALL_FONT, INDENTED)
    write_cell(sheet, row, 4, column_description(column), SMALL_FONT, WRAPPED)
    for number, remark in enumerate(REMARKS, start=5):
        remark_cell = get_cell(sheet, row, number)
        if column.shape.kind not in ("number", "yearly"):
            remark_cell.fill = TECHNICAL_FILL
            continue
        remark_cell.border = BOX_BORDER
        remark_column = FieldColumn(
            (*column.path, remark), remark_shape(remark), column.field, "", is_remark=True
        )
        add_validation(sheet, remark_column, remark_cell.coordinate, id_sections)
        _write_value(remark_cell, value_by_path.get(remark_column.path), remark_column)
    write_cell(sheet, row, 8, column.technical_name, SMALL_FONT, fill=TECHNICAL_FILL)


def tab_description(tab: Tab) -> str:
    """Return a sentence that describes a sheet; without one, the title of the tab."""
    if tab.key in ENGLISH_TEXTS["tabs"]:
        return translate_label(ENGLISH_TEXTS["tabs"][tab.key])
    return tab.title


def column_description(column: FieldColumn) -> str:
    """Return the description of a column: meaning, possible values, and whether it is required."""
    shape, lines = column.shape, []
    if column.meaning:
        # Docstrings of models: without code marks, with a capital and a full stop.
        meaning = " ".join(
            replace_currency(column.meaning, column.currency).replace("`", "").split()
        )
        full_stop = "" if meaning.endswith((".", "?")) else "."
        lines.append(f"{meaning[:1].upper()}{meaning[1:]}{full_stop}")
    if shape.kind == "choice" and not column.is_remark:
        lines.append(tr("One of: {words}.", words=", ".join(map(display_word, shape.choices))))
    elif shape.kind == "names":
        word = display_word(shape.choices[0])
        lines.append(tr("Several with ; between them, or the word {word}.", word=word))
    elif shape.kind == "list":
        lines.append(tr("Several with ; between them."))
    elif shape.kind == "yearly" and not column.path[-1].isdecimal():
        lines.append(
            tr(
                "The same in every year. Where it changes, leave this empty and fill columns of "
                "years, such as {name}.2030.",
                name=column.technical_name,
            )
        )
    default_text = "" if column.is_required or column.is_remark else _default_text(column)
    if default_text:
        lines.append(tr("If empty: {value}.", value=default_text))
    if column.is_one_of_required:
        lines.append(tr("At least one of these columns."))
    elif column.is_required:
        lines.append(tr("Required."))
    return "\n".join(lines)


def _default_text(column: FieldColumn) -> str:
    """Return the default value of a field as text; empty unless it is a number or a word."""
    value = column.field.info.default if column.field.info is not None else None
    if column.shape.kind in ("list", "mapping", "years") or column.path[-1].isdecimal():
        return ""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        text = f"{100 * value:g} %" if column.field.is_percent else f"{value:g}"
        return localize_number(text)
    if not isinstance(value, str):
        return ""
    return display_word(value) if column.shape.kind == "choice" else value


def add_choice_lists(book: Workbook) -> None:
    """Add a hidden sheet with the lists of country codes and of yes and no, for drop-down cells."""
    sheet = book.create_sheet(LISTS_SHEET)
    sheet.sheet_state = "hidden"
    codes = sorted(ALPHA_2)
    for row, code in enumerate(codes, start=1):
        sheet.cell(row, 1, code)
    sheet.cell(1, 2, True)
    sheet.cell(2, 2, False)
    _define_name(book, "list_countries", f"'{LISTS_SHEET}'!$A$1:$A${len(codes)}")
    _define_name(book, "list_truth", f"'{LISTS_SHEET}'!$B$1:$B$2")


def add_id_list(book: Workbook, section: str, sheet: str, letter: str, last_row: int) -> None:
    """Define a named list of the ids in a sheet's column, which grows with the ids."""
    start = f"'{sheet}'!${letter}${FIRST_ITEM_ROW}"
    length = f"MAX(1,COUNTA({start}:${letter}${last_row}))"
    _define_name(book, f"list_{section}", f"OFFSET({start},0,0,{length},1)")


def _define_name(book: Workbook, name: str, formula: str) -> None:
    book.defined_names[name] = DefinedName(name, attr_text=formula)


def add_validation(
    sheet: Worksheet, column: FieldColumn, cells: str, id_sections: set[str]
) -> None:
    """Add a data validation to the cells of a column, if its values are restricted."""
    kind, field_name = column.shape.kind, column.path[-1]
    section = referenced_section(field_name)
    validation: DataValidation | None = None
    if kind == "choice":
        words = ",".join(display_word(word) for word in column.shape.choices)
        validation = _build_validation("list", tr("Choose one of the list."), formula1=f'"{words}"')
    elif kind == "flag":
        validation = _build_validation("list", tr("Choose one of the list."), formula1="list_truth")
    elif kind == "country":
        message = tr("ISO 3166 code with two capitals, such as DE.")
        validation = _build_validation("list", message, "warning", formula1="list_countries")
    elif column.is_remark and field_name == "source":
        validation = DataValidation(
            "list", "list_sources", allow_blank=True, showErrorMessage=False
        )
    elif kind == "text" and section in id_sections and field_name not in ("id", "text"):
        message = tr("No item of this id yet: enter it on its sheet as well.")
        validation = _build_validation("list", message, "warning", formula1=f"list_{section}")
    elif kind in ("number", "yearly", "whole"):
        validation = _number_validation(column.field)
    if validation is not None:
        validation.add(cells)
        sheet.add_data_validation(validation)


def _build_validation(
    kind: Any, message: str, style: Any = "stop", **options: Any
) -> DataValidation:
    return DataValidation(kind, errorStyle=style, errorTitle="Vorrat", error=message,
                          allow_blank=True, showErrorMessage=True, **options)  # fmt: skip


def _number_validation(field: Field) -> DataValidation:
    """Return a data validation that accepts numbers within the bounds of a field."""
    bounds = field.bounds or NumberBounds()
    minimum, kind = f"{bounds.ge or 0:g}", "whole" if bounds.whole else "decimal"
    rule: tuple[str, ...] = ("greaterThanOrEqual", minimum)
    message = tr("A number of {least} or more.", least=minimum)
    if field.is_year:
        message, kind = tr("A calendar year, such as 2030."), "whole"
        rule = ("between", "0", "9999")
    elif bounds.le is not None:
        message, kind = tr("A share from 0 % to 100 %, that is, from 0 to 1."), "decimal"
        rule = ("between", minimum, f"{bounds.le:g}")
    elif bounds.lt is not None:
        message, kind = tr("A share from 0 % to under 100 %."), "decimal"
        rule = ("lessThan", f"{bounds.lt:g}")
    elif bounds.gt is not None:
        rule = ("greaterThan", f"{bounds.gt:g}")
        message = tr("A number above {least}.", least=rule[1])
    conditions = dict(zip(("operator", "formula1", "formula2"), rule, strict=False))
    return _build_validation(kind, message, **conditions)


TAB_COLORS = {
    "settings": "1F4E79",
    "variants": "7B8794",
    "assumptions": "7B8794",
    "sources": "7B8794",
}
REQUIRED_TABS = ("settings", "materials")
USUAL_TABS = ("consumers", "demand", "damage", "supply", "projects", "funders",
              "funders.instruments", "stockpiles", "hazards", "hazards.effects")  # fmt: skip


def build_scenario_workbook(case: Case) -> bytes:
    """Return the scenario as an Excel workbook, with explanations in the current language.

    The workbook is read back as the same case, with all its sources and variants.
    """
    book = Workbook()
    guide, title = book.worksheets[0], display_name(case.title, "", current_language())
    guide.title = tr(GUIDE_SHEET)
    _write_guide(guide, title)
    builder = ContentBuilder(case)
    id_sections = {
        t.path[0] for t in all_tabs() if t.has_ids and t.owner is None and t.kind == "items"
    }
    for tab in all_tabs():
        is_variants = tab.kind == "variants"
        content = (
            build_variants_content(tab, builder.data) if is_variants else builder.build_content(tab)
        )
        sheet = book.create_sheet(tab.title)
        sheet.sheet_properties.tabColor = TAB_COLORS.get(tab.key, "2E86AB")
        if tab.kind == "settings":
            write_settings_sheet(sheet, content, id_sections)
            continue
        write_items_sheet(sheet, content, id_sections)
        if tab.path[0] in id_sections and tab.owner is None:
            id_column = [column.path for column in content.columns].index(("id",)) + 1
            last_row = FIRST_ITEM_ROW + len(content.rows) + SPARE_ROWS
            add_id_list(book, tab.path[0], tab.title, get_column_letter(id_column), last_row)
    add_choice_lists(book)
    book.properties.creator, book.properties.title = "Vorrat", title
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _write_guide(sheet: Worksheet, title: str) -> None:
    """Write the first sheet: what to fill in, what to note, and how to run it."""
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABCD", (3, 26, 94, 12), strict=True):
        sheet.column_dimensions[letter].width = width
    _write_line(sheet, tr("A scenario for Vorrat"), font=TITLE_FONT)
    _write_line(sheet, title)
    introduction = tr(
        "Vorrat finds out which projects to help build, who pays how much of each, what to store, "
        "and when. This workbook holds all that it needs to know. Every sheet is a list; every row "
        "below its grey line is an entry."
    )
    _write_line(sheet, text=introduction)
    _write_heading(sheet, tr("In four steps"))
    for number, entry in ENGLISH_TEXTS["steps"].items():
        label, text = translate_label(entry).split(": ", 1)
        _write_line(sheet, f"{number}. {label}", text)
    _write_heading(sheet, tr("Sheets"))
    for tab in all_tabs():
        optional_text = tr("usual") if tab.key in USUAL_TABS else tr("optional")
        requirement = tr("required") if tab.key in REQUIRED_TABS else optional_text
        cell = _write_line(sheet, tab.title, tab_description(tab), requirement, LINK_FONT)
        location = f"'{tab.title}'!A1"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=location, display=tab.title)
    _write_heading(sheet, tr("Please note"))
    for entry in ENGLISH_TEXTS["hints"].values():
        label, text = translate_label(entry).split(": ", 1)
        _write_line(sheet, label, text)
    _write_heading(sheet, tr("Colors"))
    for fill, text in (
        (REQUIRED_FILL, tr("has to be filled in (marked * as well)")),
        (OPTIONAL_FILL, tr("may stay empty; what holds then is in the note")),
        (REMARK_FILL, tr("source, confidence and note of the figure to the left")),
        (TECHNICAL_FILL, tr("for the program: technical names, please leave them")),
    ):
        _write_line(sheet, text=text).fill = fill


def _write_line(
    sheet: Worksheet, label: str = "", text: str = "", requirement: str = "", font: Font = BOLD_FONT
) -> Cell:
    """Write a new last row of the guide and return the cell of its label; spreadsheet programs
    adapt the row height."""
    row = sheet.max_row + 1
    cell = write_cell(sheet, row, 2, label or None, font)
    for column, content, content_font in ((3, text, TEXT_FONT), (4, requirement, SMALL_FONT)):
        if content:
            write_cell(sheet, row, column, content, content_font, WRAPPED)
    return cell


def _write_heading(sheet: Worksheet, text: str) -> None:
    _write_line(sheet)
    _write_line(sheet, text, font=HEADING_FONT)


def first_roundtrip_difference(case: Case, workbook: bytes) -> tuple[PathStep, ...] | None:
    """Return the path of the first value that is read back differently from a workbook, or that is
    faulty there; None if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.xlsx"
        file.write_bytes(workbook)
        try:
            read_back = read_case(file).case
        except ScenarioError as error:
            return error.faults[0].path
    data_before, data_after = (
        note_units(c.model_dump(mode="json", by_alias=True)) for c in (case, read_back)
    )
    return next(_value_differences(data_before, data_after, ()), None)


def _value_differences(
    value_before: Any, value_after: Any, path: tuple[PathStep, ...]
) -> Iterator[tuple[PathStep, ...]]:
    if isinstance(value_before, dict) and isinstance(value_after, dict):
        for key in dict.fromkeys([*value_before, *value_after]):
            yield from _value_differences(value_before.get(key), value_after.get(key), (*path, key))
    elif (
        isinstance(value_before, list)
        and isinstance(value_after, list)
        and len(value_before) == len(value_after)
    ):
        for n, pair in enumerate(zip(value_before, value_after, strict=True)):
            yield from _value_differences(*pair, (*path, n))
    elif value_before != value_after or isinstance(value_before, bool) is not isinstance(
        value_after, bool
    ):
        yield path
