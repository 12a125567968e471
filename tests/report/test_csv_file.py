"""Tables as comma-separated values: figures are not rounded, and no text is a formula."""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple

import pytest

from models.language import Language, using
from optimizer.report import figure_columns
from optimizer.report.document import Column, DisplayedValue, Document, Section, Table
from optimizer.report.render.data_frames import DataFrames

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


class Range(NamedTuple):
    low: float | None
    high: float


class Estimate(NamedTuple):
    value: float
    standard_error: float


def table(*columns: Column, rows: Any = (0,), **more: Any) -> Table:
    return Table("A table", list(rows), list(columns), **more)


def written(some: Table, language: Language = "en", **units: str) -> str:
    with using(language):
        content = figure_columns.render_csv(some, units)
    assert content.startswith(b"\xef\xbb\xbf")
    return content.decode("utf-8-sig")


def read(some: Table, language: Language = "en", **units: str) -> list[list[str]]:
    mark = ";" if language == "de" else ","
    return list(csv.reader(io.StringIO(written(some, language, **units)), delimiter=mark))


NAME = Column("Name", lambda row: f"row {row}", "text")


def test_each_language_has_the_signs_that_its_excel_reads() -> None:
    some = table(NAME, Column("Money", lambda _: 1234.5678, "money"), rows=[1, 2])
    assert written(some, money="million EUR") == (
        "Name,Money (million EUR)\r\nrow 1,1234.5678\r\nrow 2,1234.5678\r\n"
    )
    assert written(some, "de", money="Mio. EUR") == (
        "Name;Money (Mio. EUR)\r\nrow 1;1234,5678\r\nrow 2;1234,5678\r\n"
    )


@LANGUAGES
@pytest.mark.parametrize(
    "figure", [0.1 + 0.2, -1234567.891, 1e-9, 6.02e23, 0.0, -5.0, 1 / 3, 123456789012345.0]
)
def test_figures_read_back_are_the_same(language: Language, figure: float) -> None:
    ((_, _), (_, cell)) = read(table(NAME, Column("F", lambda _: figure, "tonnes")), language)
    back = float(cell.replace(",", ".") if language == "de" else cell)
    assert back == pytest.approx(figure, rel=1e-14, abs=0)
    assert ("." in cell) <= (language == "en")


def test_text_cells_keep_their_figure_and_none_is_empty() -> None:
    columns = [
        Column("shown", lambda _: DisplayedValue("many", 7.25)),
        Column("text", lambda _: DisplayedValue("unknown")),
        Column("none", lambda _: None),
        Column("count", lambda _: 39.6, "count"),
        Column("year", lambda _: 2031, "year"),
    ]
    assert read(table(NAME, *columns))[1] == ["row 0", "7.25", "unknown", "", "39.6", "2031"]


def test_ranges_and_estimates_have_two_columns() -> None:
    some = table(
        NAME,
        Column("Range", lambda _: Range(None, 2.123456), "range"),
        Column("Mean", lambda _: Estimate(5.5, 1.0), "estimate", group="All"),
    )
    assert read(some) == [
        ["Name", "Range, at least", "Range, at most", "All: Mean", "± (95 %)"],
        ["row 0", "", "2.123456", "5.5", "1.959964"],
    ]


def test_headers_say_the_unit() -> None:
    columns = [
        Column("Part", lambda _: 0.25, "share"),
        Column(2031, lambda _: 3.0, "count", unit="days"),
        Column("Paid, million EUR", lambda _: 4.0, "money"),
    ]
    assert read(table(NAME, *columns), money="million EUR")[0] == [
        "Name", "Part (1 = 100 %)", "2031 (days)", "Paid, million EUR",
    ]  # fmt: skip


def test_totals_are_left_out() -> None:
    some = table(NAME, Column("F", lambda row: row, total=True), rows=[1, 2], total_label="Sum")
    assert [row[0] for row in read(some)] == ["Name", "row 1", "row 2"]


@LANGUAGES
@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49", "-SUM(A1)", "@cmd", "=HYPERLINK(\"x\";\"y\")", "\t=1+1", "\r\n=1", " =1", "＝1",
     "\x00=1", "\u202e=1"],
)  # fmt: skip
def test_no_text_is_a_formula(text: str, language: Language) -> None:
    """Nor is a header; a figure below zero stays one, and so does the sign of no figure."""
    some = table(
        Column(text, lambda _: text, "text"),
        Column("F", lambda _: -1.5),
        Column("None", lambda _: "-", "text"),
    )
    head, row = read(some, language)
    for cell in (head[0], row[0]):
        assert cell.startswith("'")
        assert cell[1] in figure_columns.FORMULA_PREFIXES
    assert row[1:] == ["-1,5" if language == "de" else "-1.5", "-"]


@pytest.mark.parametrize(
    ("text", "language", "written"),
    [("Lithium;=1+1", "en", "Lithium;'=1+1"), ("Lithium, =1+1", "de", "Lithium, '=1+1"),
     ("a, -5 %", "en", "a, -5 %"), ("a; -5 %", "de", "a; -5 %")],
)  # fmt: skip
def test_nor_is_what_another_language_takes_for_a_cell(
    text: str, language: Language, written: str
) -> None:
    """German has semicolons between cells, English commas; within quotes nothing is split."""
    _, row = read(table(Column("Name", lambda _: text, "text")), language)
    assert row == [written]


@LANGUAGES
@pytest.mark.parametrize(
    "text", ['a "quoted" name', "a, b; c", 'x"\r\n=1+1', "<script>", "Żelazo 鉄", "$x_{1}$"]
)
def test_texts_stay_in_their_cells(text: str, language: Language) -> None:
    head, row, *more = read(
        table(Column("T", lambda _: text, "text"), Column("F", lambda _: 1.0)), language
    )
    assert (head, more) == (["T", "F"], [])
    assert row == [" ".join(text.split()), "1"]


def test_a_frame_keeps_the_fractions_of_what_is_shown_as_whole() -> None:
    """Days of cover, say; counts that are whole are integers."""
    column = Column("Days", lambda row: row, "count")
    for rows in ([39.6, 40.0], [39.0, 40.0]):
        document = Document(
            "T", "", "", [], [Section("s", "S", [table(column, rows=rows, name="t")])]
        )
        assert list(DataFrames(document)["t"]["Days"]) == rows
    assert DataFrames(document)["t"]["Days"].dtype == "int64"
