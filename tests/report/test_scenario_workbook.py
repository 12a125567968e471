"""A scenario written as a workbook has the same content and the specified format."""

from __future__ import annotations

import io
import shutil
import subprocess

import pytest
from openpyxl import load_workbook
from workbooks import ROOT, TUTORIAL, set_cell, starter, written

from models.faults import ScenarioError
from models.files import read_case, read_case_text
from models.language import translations, using
from models.scenario.references import Case
from optimizer.report.scenario_workbook.columns import to_inline_yaml
from optimizer.report.scenario_workbook.sheets import first_roundtrip_difference
from optimizer.solve.checked_solution import input_hash

SCENARIOS = ["tutorial", "germany-2026", "consortium", "japan-2010"]


def case_of(name):
    return starter() if name == "starter" else read_case(ROOT / "scenarios" / f"{name}.yaml").case


def reread(raw, folder, variant=None):
    (folder / "book.xlsx").write_bytes(raw)
    return read_case(folder / "book.xlsx", variant).case


def opened(raw):
    return load_workbook(io.BytesIO(raw))


@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", ["starter", *SCENARIOS])
def test_a_workbook_reads_back_to_its_scenario(tmp_path, name, language):
    case = case_of(name)
    raw = written(case, language)
    again = reread(raw, tmp_path)
    assert again == case
    assert input_hash(again) == input_hash(case)
    assert again.variants == case.variants
    assert first_roundtrip_difference(case, raw) is None


CHAIN = """
horizon: {first_year: 2026, last_year: 2030}
materials:
  magnet: {name: {en: Magnets, de: Magnete}, price_eur_per_t: 60000}
  oxide: {price_eur_per_t: 50000}
  terbium: {price_eur_per_t: 900000}
conversions:
  makers:
    country: DE
    output: magnet
    inputs_t_per_t: {oxide: {value: 1.05, source: a guess, confidence: low}, terbium: 0.03}
    capacity_t_per_year: {2026: 600, 2030: {value: 900, source: another}}
  others: {country: FR, output: magnet, inputs_t_per_t: {oxide: 1.1}, capacity_t_per_year: 50}
projects:
  plant: {country: DE, output_t_per_year: {magnet: 9}, inputs_t_per_t: {oxide: 2}, capex_meur: 1}
"""


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ("Conversions", "Takes in oxide", "t per t", "Capacity", "Output *")),
        ("de", ("Umwandlungen", "Einsatz oxide", "t je t", "Kapazität", "Produktion *")),
    ],
)
def test_conversions_have_a_sheet_and_projects_columns_for_inputs(tmp_path, language, names):
    case = read_case_text(CHAIN).case
    raw = written(case, language)
    again = reread(raw, tmp_path)
    assert again == case
    assert again.conversions["makers"].inputs_t_per_t["oxide"].source == "a guess"
    assert input_hash(again) == input_hash(case)
    assert first_roundtrip_difference(case, raw) is None
    title, inputs, unit, capacity, output = names
    sheet = opened(raw)[title]
    columns = {cell.value: cell.column for cell in sheet[4]}
    oxide = columns["inputs_t_per_t.oxide"]
    assert [sheet.cell(row, oxide).value for row in range(2, 8)] == [
        inputs, unit, "inputs_t_per_t.oxide", 1.05, 1.1, None
    ]  # fmt: skip
    assert sheet.cell(2, columns["capacity_t_per_year"]).value == capacity
    assert sheet.cell(2, columns["output"]).value == output
    rules = [x for x in sheet.data_validations.dataValidation if x.formula1 == "list_materials"]
    assert sheet.cell(5, columns["output"]).coordinate in rules[0].sqref
    projects = opened(raw)[{"en": "Projects", "de": "Projekte"}[language]]
    assert "inputs_t_per_t.terbium" in {cell.value for cell in projects[4]}


@pytest.mark.slow
def test_faults_of_conversions_name_their_cells(tmp_path):
    book = opened(written(read_case_text(CHAIN).case))
    set_cell(book, "Conversions", "inputs_t_per_t.oxide", 5, 0)
    set_cell(book, "Conversions", "inputs_t_per_t.magnet", 6, 1)
    set_cell(book, "Projects", "inputs_t_per_t.terbium", 5, "0,5")
    set_cell(book, "Projects", "output_t_per_year.oxide", 5, 5)
    book.save(tmp_path / "book.xlsx")
    with pytest.raises(ScenarioError) as caught:
        read_case(tmp_path / "book.xlsx")
    assert [(one.location.cell, one.message) for one in caught.value.faults] == [
        ("Conversions!J5", "0 is not above 0"),
        ("Conversions!F6", "'magnet' is made of itself"),
        ("Projects!I5", "the project 'plant' has inputs and several outputs"),
        ("Projects!U5", "'oxide' is made of itself"),
        ("Projects!Y5", "'0,5' is a text where a number belongs"),
    ]


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("name", SCENARIOS)
def test_its_variants_change_the_same(tmp_path, name):
    path = ROOT / "scenarios" / f"{name}.yaml"
    raw = written(read_case(path).case, "de")
    if path.with_suffix("").is_dir():  # what variants include is next to their file
        shutil.copytree(path.with_suffix(""), tmp_path / name)
    for variant in read_case(path).case.variants:
        assert input_hash(reread(raw, tmp_path, variant)) == input_hash(
            read_case(path, variant).case
        )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_a_spreadsheet_program_may_save_it(tmp_path):
    """LibreOffice writes another file; what Vorrat reads from it is the same."""
    case = case_of("tutorial")
    (tmp_path / "book.xlsx").write_bytes(written(case, "de"))
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", tmp_path / "saved",
         tmp_path / "book.xlsx"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert input_hash(read_case(tmp_path / "saved" / "book.xlsx").case) == input_hash(case)


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("language", "sheet", "label"),
    [("en", "Settings", "Include presets"), ("de", "Einstellungen", "Vorlagen einbinden")],
)
def test_settings_have_a_row_for_presets(language, sheet, label):
    book = opened(written(case_of("tutorial"), language))
    (row,) = [row for row in book[sheet].iter_rows() if row[7].value == "include"]
    assert (row[0].value, row[1].value) == (label, None)
    assert "vorrat presets" in row[3].value


@pytest.mark.slow
def test_texts_stay_texts(tmp_path):
    data = case_of("tutorial").model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["description"] = '=HYPERLINK("http://example.org")'
    data["sources"]["invented"]["text"] = "#N/A"
    data["materials"]["gallium"]["name"] = "-1"
    case = Case.model_validate(data)
    raw = written(case)
    assert reread(raw, tmp_path) == case
    cells = [cell for sheet in opened(raw) for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type in ("f", "e")]


@pytest.mark.slow
def test_what_a_workbook_cannot_hold_is_named():
    data = case_of("tutorial").model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["projects"]["refinery"]["tags"] = ["a;b"]
    case = Case.model_validate(data)
    assert first_roundtrip_difference(case, written(case)) == ("projects", "refinery", "tags")


@pytest.mark.slow
def test_every_text_has_its_german():
    """Headers, meanings, units, words and explanations of every sheet, for all fields there are."""
    missing = set()

    class Watched(dict):
        def get(self, key, default=None):
            if key not in self and key not in NOT_WORDS:
                missing.add(key)
            return super().get(key, default)

    NOT_WORDS = {"", "Cells", "Lithium"}  # ids of materials that head factors on demand
    with pytest.MonkeyPatch.context() as patch:
        watched = Watched(translations("de"))
        patch.setattr("models.language.translations", lambda code: watched if code == "de" else {})
        for name in ("starter", *SCENARIOS):
            written(case_of(name), "de")
    assert missing == set()


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_sheets_help_to_fill_them_in(language):
    book = opened(written(starter(), language))
    assert book.sheetnames[0] == {"en": "Read me", "de": "Anleitung"}[language]
    projects = book[{"en": "Projects", "de": "Projekte"}[language]]
    assert projects.freeze_panes == "B5"
    names = {cell.value: cell for cell in projects[4]}
    assert {"capex_meur", "capex_meur.source", "ramp_up.2", "delay_years.1"} <= set(names)
    capex = projects.cell(2, names["capex_meur"].column)
    assert capex.value.endswith("*")
    assert capex.comment is not None
    share = projects.cell(5, names["market_finance_max"].column)
    assert (share.value, share.number_format) == (0.8, "0.0##%")
    sources = projects.column_dimensions[names["capex_meur.source"].column_letter]
    assert sources.hidden
    assert sources.outlineLevel == 1
    rules = projects.data_validations.dataValidation
    bounds = [x for x in rules if share.coordinate in x.sqref]
    assert [(x.type, x.formula1, x.formula2) for x in bounds] == [("decimal", "0", "1")]
    assert (
        projects.cell(5, names["country"].column).coordinate
        in next(x for x in rules if x.formula1 == "list_countries").sqref
    )
    assert "list_materials" in book.defined_names
    links = {cell.hyperlink.location for row in book.worksheets[0].iter_rows() for cell in row
             if cell.hyperlink}  # fmt: skip
    assert f"'{projects.title}'!A1" in links


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(("language", "unit"), [("en", "USD per t"), ("de", "USD je t")])
def test_units_and_comments_are_in_the_currency_of_the_file(language, unit):
    book = opened(written(case_of("japan-2010"), language))
    materials = book[{"en": "Materials", "de": "Rohstoffe"}[language]]
    assert unit in {cell.value for cell in materials[3]}
    heads = [cell for sheet in book for row in (2, 3) for cell in sheet[row]]
    said = [str(cell.value) + (cell.comment.text if cell.comment else "") for cell in heads]
    assert not [one for one in said if "EUR" in one]


@pytest.mark.slow
def test_words_are_written_in_the_language():
    funders = opened(written(starter(), "de"))["Geldgeber"]
    assert [funders.cell(row, 2).value for row in (5, 6)] == ["öffentlich", "Unternehmen"]
    listed = {x.formula1 for x in funders.data_validations.dataValidation}
    assert '"öffentlich,Unternehmen,privat"' in listed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"fund": 0.5, "maker": 1.0}, "{fund: 0.5, maker: 1}"),
        (["a", "b c"], "[a, b c]"),
        ("1.5", '"1.5"'),
        ("NO", '"NO"'),
        ("a: b", '"a: b"'),
        (0.00001, "0.00001"),
        (None, "null"),
        (True, "true"),
    ],
)
def test_values_of_variants_as_people_write_them(value, text):
    assert to_inline_yaml(value) == text


def test_the_tutorial_is_a_whole_example():
    with using("en"):
        assert read_case(TUTORIAL).warnings == ()
