"""A whole scenario in a workbook: what is read, and what is said of a faulty cell."""

from __future__ import annotations

import datetime
import zipfile

import pytest
import yaml
from workbooks import TUTORIAL, column, set_cell, setting, tutorial_book

from models.faults import ScenarioError
from models.files import read_case, read_case_text
from models.files.shapes import all_tabs, resolve_word, shape_of_step, tab_of_sheet


def faults(folder, monkeypatch, change):
    monkeypatch.chdir(folder)
    tutorial_book(folder, change)
    with pytest.raises(ScenarioError) as caught:
        read_case("book.xlsx", check_variants=True)
    return str(caught.value).splitlines()


@pytest.mark.slow
def test_values_have_their_cells_as_places(tmp_path):
    path = tutorial_book(tmp_path)
    reading = read_case(path)
    assert reading.case == read_case(TUTORIAL).case
    places = {
        ("horizon", "first_year"): "Settings!B15",
        ("materials", "gallium", "price_eur_per_t"): "Materials!E5",
        ("funders", "fund", "instruments", "equity", "max_share"): "Instruments!E5",
        ("hazards", "export_stop", "effects", 0, "country"): "Effects!B5",
        ("variants", "no_company", "set", "funders.chip_maker.budget_meur"): "Variants!G6",
    }
    found = {at: reading.location(at).cell for at in places}
    assert {at: cell.partition("!")[0] for at, cell in found.items()} == {
        at: cell.partition("!")[0] for at, cell in places.items()
    }
    assert found["hazards", "export_stop", "effects", 0, "country"] == "Effects!B5"


@pytest.mark.quick(every=7)
@pytest.mark.parametrize(
    ("sheet", "name", "row", "value", "said"),
    [
        ("Projects", "capex_meur", 5, "1,4", "'1,4' is a text where a number belongs"),
        ("Projects", "capex_meur", 6, None, "'capex_meur' is missing in projects.recycling"),
        ("Projects", "country", 6, None, "'country' is missing in projects.recycling"),
        ("Projects", "market_finance_max", 5, 50, "50 is above 1; write 0.5 if 50 % is meant"),
        ("Projects", "latest_start", 5, datetime.date(2026, 1, 2), "a date stands where"),
        ("Projects", "capex_meur", 5, "=1+1", "this formula has no stored value"),
        ("Demand", "consumer", 5, "industri", "there is no consumer 'industri'"),
        ("Demand", "t_per_year.source", 5, 12, None),
        ("Instruments", "funder", 5, "fnd", "there is no funder 'fnd'; did you mean 'fund'?"),
        ("Instruments", "id", 5, None, "the cell 'id' is empty"),
        ("Instruments", "funder", 5, None, "the cell 'funder' is empty"),
        (
            "Instruments",
            "budget_class",
            5,
            "lone",
            "'lone' is not known here; did you mean 'loan'?",
        ),
        ("Materials", "price_eur_per_t.confidence", 5, "hgih", "confidence 'hgih' is not known"),
        ("Projects", "id", 6, "refinery", "'refinery' is written twice; first at book.xlsx"),
        ("Variants", "value", 5, None, "the path 'funders.fund.instruments"),
        ("Variants", "value", 5, "1,5", "'1,5' is not a number"),
        ("Variants", "path", 5, "funders.fund.budget_mer", "there is no 'budget_mer'"),
        ("Variants", "id", 5, None, "the cell 'id' is empty; name the item"),
    ],
)
def test_a_faulty_cell(tmp_path, monkeypatch, sheet, name, row, value, said):
    def change(book):
        nonlocal cell
        cell = set_cell(book, sheet, name, row, value).coordinate

    cell = ""
    if said is None:
        monkeypatch.chdir(tmp_path)
        tutorial_book(tmp_path, change)
        assert read_case("book.xlsx").case.demand[0].t_per_year.values[0].source == "12"
        return
    lines = faults(tmp_path, monkeypatch, change)
    where = cell if "path" not in said and "written twice" not in said else ""
    assert any(line.startswith(f"book.xlsx:{sheet}!{where}") and said in line for line in lines)


@pytest.mark.slow
def test_faults_come_all_at_once(tmp_path, monkeypatch):
    def change(book):
        setting(book, "horizon.first_year").value = None
        setting(book, "objective.measure").value = "damge"
        set_cell(book, "Projects", "capex_meur", 5, -1)
        set_cell(book, "Supply", "share", 5, "all of it")
        book["Materials"].cell(4, 2).value = "nam"
        book.create_sheet("Project")

    lines = faults(tmp_path, monkeypatch, change)
    assert [line.split(": error: ")[1] for line in lines] == [
        "the column 'nam' is not known; did you mean 'name'?",
        "the sheet 'Project' is not known; did you mean 'Projects'? "
        "a sheet of your own is called '_Project'",
        "-1 is negative; write a number of 0 or more",
        "'first_year' is missing in horizon; first_year: first calendar year",
        "'damge' is not known here; did you mean 'damage'?",
        "'all of it' is a text where a number belongs; format the cell as a number and enter it "
        "again",
    ]


@pytest.mark.slow
def test_a_missing_setting_is_missing_from_its_cell(tmp_path, monkeypatch):
    def change(book):
        setting(book, "horizon.first_year").value = None
        nonlocal cell
        cell = setting(book, "horizon.first_year").coordinate

    cell = ""
    (line,) = faults(tmp_path, monkeypatch, change)
    assert line.startswith(f"book.xlsx:Settings!{cell}: error: 'first_year' is missing")


@pytest.mark.slow
def test_what_is_said_of_settings(tmp_path, monkeypatch):
    def change(book):
        setting(book, "objective.cost_weight").offset(0, 6).value = "objective.cost_wieght"
        setting(book, "policy.must_build").offset(0, 6).value = "projects.refinery"
        setting(book, "policy.max_projects").offset(0, 6).value = None
        setting(book, "policy.budget_meur").offset(0, 3).value = "no figure, so left out"
        book["Settings"]["A3"].value = "valeu"

    lines = faults(tmp_path, monkeypatch, change)
    said = " ".join(lines)
    assert "the column 'valeu' is not known; did you mean 'value'?" in said
    assert "the path 'objective.cost_wieght' is not known; did you mean 'cost_weight'?" in said
    assert "'projects.refinery' stands on a sheet of its own; see the sheet 'Projects'" in said
    assert len(lines) == 3


@pytest.mark.slow
def test_a_row_gives_a_quantity_once(tmp_path, monkeypatch):
    def change(book):
        sheet = book["Materials"]
        number = sheet.max_column + 1
        sheet.cell(4, number).value, sheet.cell(5, number).value = "price_eur_per_t.2027", 3

    (line, *_) = faults(tmp_path, monkeypatch, change)
    assert "'price_eur_per_t' and 'price_eur_per_t.2027' give the same field twice" in line


@pytest.mark.slow
def test_rows_may_mix_constants_and_years(tmp_path):
    def change(book):
        sheet = book["Materials"]
        number = sheet.max_column + 1
        sheet.cell(4, number).value = "price_eur_per_t.2027"
        sheet.append(["tin"])
        sheet.cell(6, number).value = 20_000

    prices = read_case(tutorial_book(tmp_path, change)).case.materials
    assert prices["gallium"].price_eur_per_t.years == ()
    assert prices["tin"].price_eur_per_t.years == (2027,)


@pytest.mark.slow
def test_own_sheets_and_columns_are_not_read(tmp_path):
    def change(book):
        book.create_sheet("_scratch").append(["anything"])
        sheet = book["Materials"]
        number = sheet.max_column + 1
        sheet.cell(4, number).value, sheet.cell(5, number).value = "_mine", "x"

    assert read_case(tutorial_book(tmp_path, change)).case == read_case(TUTORIAL).case


@pytest.mark.slow
def test_words_of_both_languages_and_rows_above_the_names(tmp_path):
    def change(book):
        set_cell(book, "Funders", "kind", 5, "Öffentlich")
        set_cell(book, "Funders", "kind", 6, "Unternehmen")
        set_cell(book, "Funders", "carry_over", 5, "nein")
        set_cell(book, "Instruments", "budget_class", 5, "finanzielle Transaktion")
        set_cell(book, "Materials", "price_eur_per_t.confidence", 5, "mittel")
        set_cell(book, "Stockpiles", "serves", 5, "alle")
        set_cell(book, "Projects", "capex_meur", 5, "40")
        book["Funders"].insert_rows(1, 3)
        book["Projects"].title = "Projekte"

    case = read_case(tutorial_book(tmp_path, change)).case
    assert [funder.kind for funder in case.funders.values()] == ["public", "company"]
    assert case.funders["fund"].instruments["equity"].budget_class == "financial_transaction"
    assert case.materials["gallium"].price_eur_per_t.values[0].confidence == "medium"
    assert case.stockpiles[0].serves is None
    assert case.projects["refinery"].capex_meur == 40


@pytest.mark.slow
def test_two_sheets_of_one_section(tmp_path, monkeypatch):
    lines = faults(tmp_path, monkeypatch, lambda book: book.create_sheet("Projekte"))
    assert lines[0].endswith(
        "the sheets 'Projects' and 'Projekte' hold the same section; keep one of them"
    )


@pytest.mark.slow
def test_a_sheet_without_names(tmp_path, monkeypatch):
    def change(book):
        book["Supply"].delete_rows(4)

    lines = faults(tmp_path, monkeypatch, change)
    assert any("no row of the sheet 'Supply' holds the names of its columns" in x for x in lines)


def lies_over(names, *rows):
    """A change that includes something, and fills rows of the sheets: sheet, row, cells."""

    def change(book):
        setting(book, "include").value = names
        for sheet, row, cells in rows:
            for name, value in cells.items():
                set_cell(book, sheet, name, row, value)

    return change


GUARANTEES = (
    ("Funders", 7, {"id": "loan_guarantees", "budget_meur": 60}),
    ("Instruments", 7, {"funder": "loan_guarantees", "id": "guarantee", "max_share": 0.45}),
)


@pytest.mark.slow
def test_a_workbook_lies_over_presets(tmp_path):
    """An empty cell takes nothing away: the same as the YAML that leaves the field out."""
    path = tutorial_book(tmp_path, lies_over("loan_guarantees; state_aid_c_area", *GUARANTEES))
    data = yaml.safe_load(TUTORIAL.read_text(encoding="utf-8"))
    data["include"] = ["loan_guarantees", "state_aid_c_area"]
    changed = {"budget_meur": 60, "instruments": {"guarantee": {"max_share": 0.45}}}
    data["funders"]["loan_guarantees"] = changed
    reading = read_case(path)
    assert reading.case == read_case_text(yaml.safe_dump(data)).case
    assert reading.case.funders["loan_guarantees"].kind == "public"
    share = ("funders", "loan_guarantees", "instruments", "guarantee", "max_share")
    assert reading.location(share).file == str(path)
    term = reading.location((*share[:-1], "term_years"))
    assert term.file.endswith("loan_guarantees.yaml")


@pytest.mark.slow
def test_an_empty_sheet_or_setting_leaves_what_is_included(tmp_path):
    data = yaml.safe_load(TUTORIAL.read_text(encoding="utf-8"))
    parts = {key: data[key] for key in ("horizon", "materials", "supply")}
    parts["policy"] = {"max_projects": 7}
    (tmp_path / "parts.yaml").write_text(yaml.safe_dump(parts), encoding="utf-8")

    def change(book):
        setting(book, "include").value = "parts.yaml"
        for path in ("first_year", "last_year", "periods_per_year", "discount_rate"):
            for number in range(5):
                setting(book, f"horizon.{path}").offset(0, number).value = None
        # A note on a figure that is not there.
        setting(book, "policy.max_projects").value = None
        setting(book, "policy.max_projects").offset(0, 3).value = "see the parts"
        book["Materials"].delete_rows(5, 50)
        book["Supply"].delete_rows(5, 50)

    case = read_case(tutorial_book(tmp_path, change)).case
    whole = read_case(TUTORIAL).case
    assert (case.horizon, case.materials, case.supply) == (
        whole.horizon,
        whole.materials,
        whole.supply,
    )
    assert case.policy.max_projects == 7


@pytest.mark.slow
def test_a_variant_of_a_workbook_includes(tmp_path):
    def change(book):
        row = 1 + book["Variants"].max_row
        set_cell(book, "Variants", "id", row, "guaranteed")
        set_cell(book, "Variants", "path", row, "include")
        set_cell(book, "Variants", "value", row, "[loan_guarantees]")

    path = tutorial_book(tmp_path, change)
    assert "loan_guarantees" not in read_case(path).case.funders
    assert "loan_guarantees" in read_case(path, "guaranteed").case.funders


@pytest.mark.slow
@pytest.mark.quick(every=3)
@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        (
            lies_over("loan_guarantes"),
            "Settings",
            "there is no preset 'loan_guarantes'; did you mean 'loan_guarantees'?",
        ),
        (lies_over("jogmec;jogmec"), "Settings", "'jogmec' is included twice; keep one of them"),
        (lies_over("../x.yaml"), "Settings", "what is included lies in the folder of the file"),
        (
            lies_over("loan_guarantees", *GUARANTEES[1:]),
            "Instruments!A7",
            "there is no funder 'loan_guarantees'; if it is included, its id gets a row on the "
            "sheet 'Funders' too",
        ),
        (
            lies_over("state_aid_c_area", ("Funders", 7, {"id": "nobody"})),
            "Funders!B7",
            "'kind' is missing in funders.nobody",
        ),
    ],
)
def test_what_is_said_of_includes(tmp_path, monkeypatch, change, where, said):
    lines = faults(tmp_path, monkeypatch, change)
    assert any(line.startswith(f"book.xlsx:{where}") and said in line for line in lines), lines


@pytest.mark.slow
def test_a_misspelt_include(tmp_path, monkeypatch):
    def change(book):
        setting(book, "include").offset(0, 6).value = "inclde"

    (line,) = faults(tmp_path, monkeypatch, change)
    assert line.endswith("the path 'inclde' is not known; did you mean 'include'?")


def test_what_unpacks_to_much_is_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 30_000_000)
    with pytest.raises(ScenarioError, match="unpacks to 30 MB"):
        read_case(tmp_path / "book.xlsx")


def test_a_far_cell(tmp_path, monkeypatch):
    def change(book):
        book["Supply"].cell(5, 2_000).value = "x"

    assert any("more than" in line for line in faults(tmp_path, monkeypatch, change))


def test_every_tab_is_found_by_its_names():
    for tab in all_tabs():
        assert tab_of_sheet(tab.key) is tab
        assert tab_of_sheet(tab.label.upper()) is tab
        # The column that names the owner may not be a field of the item.
        assert not tab.owner_column or shape_of_step(tab.item, tab.owner_column) is None


def test_a_word_is_known_in_both_languages():
    assert resolve_word(" Finanzielle  Transaktion", ("loan", "financial_transaction")) == (
        "financial_transaction"
    )
    assert resolve_word("neither", ("loan",)) == "neither"


def test_german_names_until_version_0_2_are_known():
    assert tab_of_sheet("Zustände") is tab_of_sheet("Verläufe") is tab_of_sheet("States")
    words = ("guarantee", "price_floor")
    assert resolve_word("Garantie", words) == resolve_word("Gewährleistung", words) == words[0]
    assert resolve_word("Mindestpreisgarantie", words) == words[1]


@pytest.mark.slow
def test_columns_are_found_by_name(tmp_path):
    from openpyxl import load_workbook

    book = load_workbook(tutorial_book(tmp_path))
    assert book["Projects"].cell(5, column(book["Projects"], "capex_meur")).value == 40
