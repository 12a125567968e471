"""Tables of a document as sheets: where columns stand, what is printed, and how figures look."""

from __future__ import annotations

from typing import Any

from spreadsheets import formulas, results

from optimizer.report.document import (
    SHEET,
    Check,
    Column,
    Document,
    Section,
    SheetChart,
    Table,
    ValueForm,
    id_column,
    sheet_only_column,
)
from optimizer.report.expressions import ratio_or_empty, sum_of, sum_where, text_expression
from optimizer.report.render import workbook

Row = tuple[str, str, float, float]
ROWS: list[Row] = [("a", "money", 1.5, 2.5), ("b", "tonnes", 0.25, 0.5), ("c", "year", 2030, 2031)]


def figures(key: str, at: int, **more: Any) -> Column:
    def form(row: Row) -> ValueForm:
        return row[1]  # type: ignore[return-value]

    return Column(key, lambda row: row[at], form, key=key, **more)


def wide(**more: Any) -> Table:
    columns = [Column("Name", lambda row: row[0], "text"), figures("x", 2), figures("y", 3)]
    return Table("", ROWS, [*columns, id_column("Id", "id", lambda row: row[0])], "wide", **more)


def narrow(rows: list[Row], **more: Any) -> Table:
    half = sheet_only_column("Half", "half", lambda line: line["x"] / 2, "ratio", total=True)
    columns = [Column("Name", lambda row: row[0], "text"), half]
    known = Column("x", lambda row: row[2], "exact", key="x", origin="key")
    return Table(
        "", rows, [*columns, id_column("Id", "id", lambda row: row[0]), known], "narrow", **more
    )


def made(*tables: Table, checks: tuple[Check, ...] = ()) -> bytes:
    sections = [Section("s", "Figures", tables, SHEET)]
    return workbook.render_workbook(
        Document("Title", "", "Variant", ["Summary."], sections, checks=checks)
    )


def test_keys_stand_behind_the_widest_table_and_are_not_printed() -> None:
    sheet = formulas(made(wide(), narrow(ROWS)))["Figures"]
    heads = {
        row[0].row: [cell.value or None for cell in row] for row in sheet if row[0].value == "Name"
    }
    assert list(heads.values()) == [
        ["Name", "x", "y", "Id", None],
        ["Name", "Half", None, "Id", "x"],
    ]
    assert sheet.print_area.replace("$", "").split("!")[1].startswith("A1:C")


def test_figures_look_as_those_of_their_row_do() -> None:
    sheet = formulas(made(wide()))["Figures"]
    rows = {row[0].value: row for row in sheet.iter_rows()}
    forms = {name: {rows[name][n].number_format.split(";")[0] for n in (1, 2)} for name in "abc"}
    assert forms == {"a": {"[>=0.000001]#,##0.0"}, "b": {"[>=0.000001]#,##0.000"}, "c": {"0"}}


def test_a_row_of_totals_may_hold_a_formula() -> None:
    def of_sums(table: Any) -> Any:
        return ratio_or_empty(table.column_total("x"), table.column_total("y"))

    columns = [
        Column("Name", lambda row: row[0], "text"),
        Column("x", lambda row: row[2], "number", key="x", total=True),
        Column("y", lambda row: row[3], "number", key="y", total=True),
        sheet_only_column(
            "Part",
            "part",
            lambda line: ratio_or_empty(line["x"], line["y"]),
            "share",
            total=of_sums,
        ),
    ]
    content = made(Table("", ROWS[:2], columns, "sums", total_label="All"))
    (row,) = (row for row in results(content)["Figures"].iter_rows() if row[0].value == "All")
    assert [cell.value for cell in row[1:4]] == [1.75, 3.0, 1.75 / 3.0]
    (row,) = (row for row in formulas(content)["Figures"].iter_rows() if row[0].value == "All")
    assert row[3].value == f'=IF(C{row[0].row}=0,"",B{row[0].row}/C{row[0].row})'


def test_formulas_find_nothing_in_a_table_without_rows() -> None:
    """Its header stands there, and what it says instead of rows; no figure of another table."""
    check = Check(
        "None there",
        "narrow",
        lambda book: sum_where(
            book["narrow"].column_area("half"),
            (book["narrow"].column_area("id"), text_expression("a")),
        ),
        lambda book: sum_of(book["narrow"].column_area("x")),
    )
    content = made(narrow([], empty_text="There are none."), wide(), checks=(check,))
    sheet = results(content)["Figures"]
    texts = [row[0].value for row in sheet.iter_rows() if row[0].value]
    assert texts[:4] == ["Figures", "Name", "There are none.", "Name"]
    book = results(content)
    verdicts = [row[6].value for row in book["Checks"].iter_rows() if row[0].value == "None there"]
    assert verdicts == ["adds up"]


def test_headers_stay_in_view_and_on_every_page_where_no_other_table_follows() -> None:
    last = formulas(made(narrow(ROWS), wide(frozen_columns=2)))["Figures"]
    (head,) = (r[0].row for r in last.iter_rows() if r[0].value == "Name" and r[2].value == "y")
    assert last.freeze_panes == f"C{head + 1}"
    assert last.print_title_rows == f"${head}:${head}"
    first = formulas(made(wide(frozen_columns=2), narrow(ROWS)))["Figures"]
    assert first.freeze_panes == "C4"
    assert first.print_title_rows is None
    assert formulas(made(wide(), narrow(ROWS)))["Figures"].freeze_panes is None


def test_long_tables_can_be_filtered_and_have_charts_beside_them() -> None:
    columns = [Column("n", lambda n: n, "count", key="n"), Column("m", lambda n: n, key="m")]
    numbers = Table("", list(range(200)), columns, "long")
    assert formulas(made(numbers))["Figures"].auto_filter.ref == "A3:B203"
    chart = SheetChart("scatter", "Drawn", "n", ["m"])
    for count, place in ((200, (2, 3)), (5, (0, 9))):
        table = Table("", list(range(count)), columns, "long", sheet_chart=chart)
        sheet = formulas(made(table))["Figures"]
        (drawn,) = sheet._charts
        assert (drawn.anchor._from.col, drawn.anchor._from.row) == place
        assert not sheet.auto_filter.ref


def test_addresses_of_the_web_can_be_followed() -> None:
    urls = ["https://example.org/a", "ftp://example.org", "https://example.org/a b"]
    columns = [Column("Url", lambda url: url, "text", link=lambda url: url)]
    sheet = formulas(made(Table("", urls, columns, "urls")))["Figures"]
    cells = [sheet.cell(row, 1) for row in (4, 5, 6)]
    assert [cell.value for cell in cells] == urls
    assert [bool(cell.hyperlink) for cell in cells] == [True, False, False]


def test_the_first_sheet_names_the_variant_and_fits_one_page() -> None:
    sheet = formulas(made(wide()))["Answer"]
    assert [sheet.cell(row, 1).value for row in (1, 2)] == ["Title", "Variant"]
    assert sheet.page_setup.fitToHeight is None


def test_a_table_without_headers_keeps_nothing_in_view() -> None:
    sheet = formulas(made(wide(has_header=False)))["Figures"]
    assert sheet.freeze_panes is None
    assert sheet.print_title_rows is None
