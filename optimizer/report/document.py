"""A result as a document: what it says and what stands in its tables, written once.

A terminal, a page and a workbook each render the same document
(:mod:`optimizer.report.render`). A column says what it holds *of a row* and what kind of figure
that is, never how it looks: a range is one cell in a terminal, two columns on a page and two
numbers in a sheet. A medium may leave a part out (``on=PAGE``), but never says it differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag
from typing import TYPE_CHECKING, Any, Literal

from models.language import tr
from optimizer.report.charts.drawing import Chart
from optimizer.report.number_format import NO_VALUE
from optimizer.report.workbook.expressions import Expression, absolute_value, sum_of

if TYPE_CHECKING:
    from optimizer.report.workbook.placed_tables import FormulaRow, PlacedTable, WorkbookTables


class Media(Flag):
    """Where a part is shown."""

    TERMINAL = 1
    PAGE = 2
    SHEET = 4


TERMINAL, PAGE, SHEET = Media.TERMINAL, Media.PAGE, Media.SHEET
PAGE_AND_SHEET = PAGE | SHEET  # where there is room
TERMINAL_AND_PAGE = TERMINAL | PAGE  # where sentences are read
ALL_MEDIA = TERMINAL | PAGE | SHEET

ValueForm = Literal[
    "text",  # a text
    "number",  # a number with about three digits, all of a column with the same decimals
    "exact",  # a number as it was written
    "money",  # million of the currency
    "outcome",  # damage or shortage, in the unit of the result
    "tonnes",
    "count",  # a whole number
    "year",
    "mean_year",  # a mean of years, which may lie between two of them
    "share",  # a fraction of one, written as a percentage with one decimal
    "gap",  # a fraction of one that is likely to be tiny
    "ratio",  # a number with two decimals
    "objective",  # of an objective or its bound, with digits enough for a proof
    "range",  # something with ``low`` and ``high``: what is proven of a figure
    "estimate",  # something with ``value`` and ``standard_error``
    "signed",  # a difference of money, with its sign
    "signed_outcome",  # the same of damage or shortage
    "control",  # with four decimals, of a control figure
    "deviation",  # how far two figures are apart that must be equal
    "tolerance",  # how far they may be
]
"""What kind of figure a column holds."""

Origin = Literal["optimizer", "scenario", "key"]
"""Where what a sheet holds comes from, if it is no formula; a key only lets formulas find rows."""

Row = Any
ValueGetter = Callable[[Row], Any] | str
FormulaBuilder = Callable[["FormulaRow"], "Expression | None"]
TotalBuilder = Callable[["PlacedTable"], "Expression"]


@dataclass(frozen=True)
class DisplayedValue:
    """A value with a text of its own."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and what it holds of a row.

    ``of`` is a function of the row, or a path of attributes and places in tuples, which gives None
    where there is nothing on the way. It gives a value of the form, a text in place of a figure, or
    None where there is none.
    """

    header: str | int  # a year is a number
    value: ValueGetter
    form: ValueForm | Callable[[Row], ValueForm] = (
        "number"  # by row: decimals are those of a row then
    )
    group: str = ""  # a header over it and its neighbours, which share their decimals
    decimals_group: str = ""  # what columns have in common that share them without such a header
    media: Media = ALL_MEDIA
    decimals: int | None = None  # decimals, where about three digits will not do
    total: bool | TotalBuilder = False
    """Whether the last row of the table sums it up, where there is one, or what a sheet calculates
    there instead."""
    text_total: Callable[[Sequence[Row]], Any] | None = None
    """What texts show of all rows together in the last row, where that is no sum."""
    unit: str = ""  # what its figures are in, where neither header nor form says so
    empty_text: str = NO_VALUE  # what stands where there is no value
    css_class: Callable[[Row], str] | None = (
        None  # a class of the style sheet for the cell on a page
    )
    link: Callable[[Row], str] | None = None  # an address of the web that the cell leads to
    lang: Callable[[Row], str | None] | None = None  # the language of a text, if that is known
    key: str = ""  # the word by which formulas find it
    formula: FormulaBuilder | None = None  # what a sheet calculates in place of ``of``
    origin: Origin = "optimizer"
    cell_name: Callable[[Row], str] | None = None  # of the cell, for formulas of its reader
    width: float | None = None  # in a sheet, in characters
    wraps_text: bool = True  # whether a text of a sheet that is wider takes several lines


def no_value(_row: Row) -> None:
    """What a column holds of a row that only a formula gives."""


def sheet_only_column(
    header: str | int, key: str, formula: FormulaBuilder, form: ValueForm = "number", **options: Any
) -> Column:
    """A column that is calculated in a workbook and stands nowhere else."""
    return Column(header, no_value, form, media=SHEET, key=key, formula=formula, **options)


def deviation_column(stated_key: str, expected: FormulaBuilder, key: str = "deviation") -> Column:
    """How far what a row states ``of`` something is from what follows for it, for a sheet."""

    def apart(line: FormulaRow) -> Expression | None:
        wanted = expected(line)
        return None if wanted is None else absolute_value(line[stated_key] - wanted)

    return sheet_only_column(tr("Deviation"), key, apart, "deviation")


def id_column(header: str, key: str, value: ValueGetter) -> Column:
    """A column of ids that only lets formulas of a sheet find rows; it is not printed."""
    return Column(
        header, value, "text", media=SHEET, key=key, empty_text="", origin="key", width=16
    )


def year_columns(
    years: Sequence[int],
    amounts: Callable[[Row], Mapping[str, float | None]],
    form: ValueForm | Callable[[Row], ValueForm] = "money",
    **options: Any,
) -> list[Column]:
    """A column a year of a mapping by year; what the mapping lacks is 0."""

    def at(year: int) -> Callable[[Row], float | None]:
        return lambda row: amounts(row).get(str(year), 0.0)

    return [
        Column(year, at(year), form, decimals_group="years", key=str(year), **options)
        for year in years
    ]


@dataclass(frozen=True)
class SheetChart:
    """A chart of a sheet itself, which follows its cells.

    ``scatter`` draws columns against another; ``stacked`` draws rows, one bar a column.
    """

    kind: Literal["scatter", "stacked"]
    title: str
    x_key: str = ""  # key of the column on the horizontal axis of a scatter chart
    series_keys: Sequence[str] = ()  # keys of the columns drawn; of stacked bars the first and last
    x_title: str = ""
    row_filter: Callable[[Row], bool] | None = None  # which rows are stacked; all of them if None
    line_filters: Sequence[tuple[str, Callable[[Row], bool]]] = ()
    """Of a scatter chart of one column, the lines that it has: their names, and which neighbouring
    rows belong to each; all rows are one line that is named by the header if empty."""


@dataclass(frozen=True)
class Table:
    """Rows of a result, and columns that are read off them; the first column names the rows."""

    caption: str
    rows: Sequence[Row]
    columns: Sequence[Column]
    name: str = ""  # a word by which pages and formulas find it; unique in a document
    note: str = ""
    total_label: str = ""  # what the last row is called, which sums up columns; none where empty
    chart: Chart | None = None  # drawn above it on a page
    is_folded: bool = False
    """Whether a page folds it away, and leaves it out in print: its chart shows all of it, or it is
    for those who look things up."""
    sheet_chart: SheetChart | None = None
    media: Media = ALL_MEDIA
    max_terminal_rows: int | None = (
        None  # how many rows a terminal shows; it says how many more there are
    )
    has_header: bool = True  # whether the columns have headers in a terminal
    row_key: Callable[[Row], str] | None = None  # what formulas find a row by
    empty_text: str = ""  # what is said where there are no rows; without it the table is left out
    has_rule_above: Callable[[Row], bool] | None = None  # which rows of a sheet have a line above
    frozen_columns: int = 0
    """How many columns of a sheet stay in view, and the header with them; where a section has but
    one table, its first does in any case."""


@dataclass(frozen=True)
class Text:
    """A paragraph that not all media show; a plain string is one that all show."""

    text: str
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Caution:
    """Sentences that must not be missed."""

    items: Sequence[str]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Fact:
    """A figure that is shown large: what it is, the figure, and what belongs beside it."""

    label: str
    figure: str
    remark: str = ""


@dataclass(frozen=True)
class Facts:
    """Figures that are shown large."""

    facts: Sequence[Fact]
    media: Media = ALL_MEDIA


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    entries: Sequence[tuple[str, str]]
    media: Media = PAGE_AND_SHEET


@dataclass(frozen=True)
class DropDown:
    """A cell of a workbook in which its reader chooses one of several texts, by ``name``."""

    name: str
    label: str
    options: Sequence[str]
    media: Media = SHEET


Part = str | Text | Table | Heading | Bullets | Facts | Caution | Terms | DropDown


@dataclass(frozen=True)
class Section:
    """A title and parts; one without any part is left out."""

    id: str
    title: str
    parts: Sequence[Part] = ()
    media: Media = ALL_MEDIA
    fits_one_page: bool = False  # whether it begins a page when printed, and is set to fit on it
    sheet_name: str = ""  # the name of its sheet, where the title is too long for one
    contents_hint: str = ""  # what is found in it, for a table of contents


@dataclass(frozen=True)
class Check:
    """Two figures of a workbook that must be equal; ``table`` is one on the sheet named beside it.

    With ``summed``, ``left`` is a sum of deviations that must be none, and ``right`` its scale.
    """

    statement: str
    table_name: str
    left: Callable[[WorkbookTables], Expression]
    right: Callable[[WorkbookTables], Expression]
    is_deviation_sum: bool = False


def no_deviation_check(
    statement: str, table_name: str, scale: Callable[[WorkbookTables], Expression], *keys: str
) -> Check:
    """That no row of a table deviates, in these columns, measured by a figure."""

    def apart(book: WorkbookTables) -> Expression:
        return sum_of(*(book[table_name].column_area(key) for key in keys or ("deviation",)))

    return Check(statement, table_name, apart, scale, is_deviation_sum=True)


@dataclass(frozen=True)
class Document:
    """What a result says, from its head to its terms."""

    title: str
    kicker: str  # what kind of document it is
    subtitle: str  # the variant, or what else tells it from others of the same title
    answer: Sequence[Part]
    sections: Sequence[Section] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # of what made the result
    checks: Sequence[Check] = ()  # what must add up in a workbook
    money_amounts: Sequence[float] = ()  # of money: how many decimals they need in a workbook
    outcome_amounts: Sequence[float] = ()  # the same for figures of damage or shortage
    answer_title: str = ""  # of the first section, where it is not the answer on one page
    units: Mapping[str, str] = field(default_factory=dict)  # of figures, by their form

    def sections_for(self, medium: Media, answer_title: str = "") -> list[Section]:
        """The sections that a medium shows, the answer first, with the parts that it shows."""
        title = self.answer_title or answer_title
        first = Section("answer", title, parts_for_medium(self.answer, medium), fits_one_page=True)
        some = [section for section in self.sections if medium in section.media]
        more = [replace(section, parts=parts_for_medium(section.parts, medium)) for section in some]
        return [first, *(section for section in more if section.parts)]


def parts_for_medium(parts: Sequence[Part], medium: Media) -> list[Part]:
    """The parts that a medium shows, tables with the columns that it shows."""
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, str):
            kept += [part] if part else []
        elif medium not in part.media or (isinstance(part, Bullets | Caution) and not part.items):
            continue
        elif isinstance(part, Table) and (part.rows or part.empty_text):
            columns = [column for column in part.columns if medium in column.media]
            kept.append(replace(part, columns=columns))
        elif not isinstance(part, Table):
            kept.append(part.text if isinstance(part, Text) else part)
    return kept
