"""Whatever is read ends in a case, or in faults with a message and a place that is there."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import corpus
import pytest
import soundness
import yaml
from hypothesis import given, settings as hypothesis_settings, strategies as st
from mutated_tables import book_of, mutated_book, mutated_csv, packed, unpacked
from mutated_trees import mutated_tree, parsed, written
from mutations import mutated
from small_scenario import VALID, broken
from soundness import PARTS, TINY, checked, same_in_json, sound_in_both
from workbooks import written as as_workbook

from models.faults import Fault, ScenarioError, escape_unprintable
from models.files import read_case, read_case_text

CORPUS = Path(__file__).parent / "corpus"
SMALL = TINY + "".join(PARTS)
SHEETS = {
    "Settings": [["path", "value"], ["horizon.first_year", 2026], ["horizon.last_year", 2027]],
    "Materials": [["id", "price_eur_per_t"], ["lithium", 5]],
    "Consumers": [["id", "name"], ["automotive", "Cars"]],
    "Demand": [["consumer", "material", "t_per_year"], ["automotive", "lithium", 3]],
    "Damage": [["material", "steps.0.share", "steps.0.eur_per_t"], ["lithium", 1, 9]],
    "Supply": [["material", "country", "share"], ["lithium", "CN", 1]],
    "Variants": [["id", "path", "value"], ["v", "materials.lithium.price_eur_per_t", 6]],
}
seeds = st.integers(0, 2**32)


def few(examples):
    return hypothesis_settings(max_examples=examples, deadline=None, derandomize=True)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory):
    """A folder of its own, in which the readers find what they read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fuzzed"))
        soundness.watch_german(patch.setattr)
        yield


@pytest.mark.slow
@pytest.mark.quick(2)
@pytest.mark.parametrize("reader", sorted(soundness.READERS))
def test_the_corpus_is_read_soundly_in_both_languages(reader):
    made = []
    for raw in (raw for name, raw in corpus.read(CORPUS) if name == reader):
        made += sound_in_both(reader, raw)
    sound = [one for one in made if not isinstance(one, ScenarioError)]
    assert all(map(same_in_json, sound))
    assert 6 <= len(sound) < len(made) - 6


@pytest.mark.slow
@few(150)
@given(seeds)
def test_changed_nodes(seed):
    dice = Random(seed)
    text = mutated_tree(dice.choice((SMALL, VALID)), dice, (VALID, SMALL))
    checked("scenario", text.encode("utf-8", "surrogateescape"), dice.choice(("en", "de")))


@few(60)
@given(st.text(st.sampled_from("a1 :,-[]{}&*!|>'\"%@`#?\n\t\\.~<e\x85\u2028"), max_size=40))
def test_texts_of_the_signs_of_yaml(text):
    checked("scenario", text.encode())
    checked("scenario", f"materials: {text}\n{TINY}".encode())


@pytest.mark.slow
@few(60)
@given(st.binary(max_size=30))
def test_bytes(raw):
    for name in soundness.READERS:
        checked(name, raw)
    checked("table", b"projects\n" + raw)


@pytest.mark.slow
@few(120)
@given(seeds)
def test_changed_cells_of_tables(seed):
    dice = Random(seed)
    table = "id,country,output_t_per_year.lithium,capex_meur,tags\na,DE,1,2,x;y\nb,CN,3,4,\n"
    text = mutated_csv("projects", table, dice)
    checked("table", b"projects\n" + text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@few(60)
@given(seeds)
def test_changed_cells_of_workbooks(seed):
    dice = Random(seed)
    checked("book", mutated_book(book_of(SHEETS), dice), dice.choice(("en", "de")))


@few(100)
@given(seeds)
def test_changed_settings(seed):
    setting = "projects.upper_rhine.capex_meur={value: 5, source: guess}"
    checked("settings", mutated(setting, seed).encode("utf-8", "surrogateescape"))


@pytest.mark.slow
@few(100)
@given(seeds)
def test_what_is_read_is_read_again_from_json(seed):
    text = mutated_tree(SMALL, Random(seed))
    try:
        made = read_case_text(text)
    except ScenarioError:
        return
    assert same_in_json(made)


def test_yaml_means_what_it_means_as_json():
    for text in (SMALL, VALID):
        tree = yaml.safe_load(text)
        assert read_case_text(json.dumps(tree), "a.json").case == read_case_text(text).case
        assert read_case_text(written(parsed(text))).case == read_case_text(text).case


@few(8)
@given(seeds)
def test_what_is_read_is_read_again_from_a_workbook(seed):
    try:
        case = read_case_text(mutated_tree(SMALL, Random(seed))).case
    except ScenarioError:
        return
    Path("again.xlsx").write_bytes(as_workbook(case))
    assert read_case("again.xlsx").case == case


@pytest.mark.parametrize("escape", [r"\e[31m", r"\0", r"\x7f", r"\x9b", r"\uffff"])
@pytest.mark.parametrize("where", ['title: "{}"', '"{}": 1', 'home: ["{}"]'])
def test_an_escape_that_stands_for_no_text(escape, where):
    with pytest.raises(ScenarioError, match="does not belong into a text") as refused:
        read_case_text(f"{where.format(escape)}\n{TINY}")
    assert str(refused.value).startswith("scenario.yaml:1:")


def test_escapes_that_stand_for_text_remain():
    title = read_case_text(f'title: "\\u00e4\\t\\n\\x85"\n{TINY}').case.title
    assert title is not None
    assert title.in_language() == "ä\t\n\x85"


def test_messages_hold_nothing_that_a_terminal_obeys():
    assert escape_unprintable("a\x1b[31m\u202eb\nc\udcff ä") == r"a\x1b[31m\u202eb\nc\udcff ä"
    fault = Fault((), "a\x1b", "b\r")
    assert (fault.message, fault.hint) == (r"a\x1b", r"b\r")


@pytest.mark.parametrize("text", ["\n\n---", "a: [", "# x", "", "a:\n  - b: {"])
def test_a_fault_at_the_end_lies_within_the_file(text):
    assert isinstance(checked("scenario", text.encode()), ScenarioError)


def test_a_workbook_without_sheets():
    raw = b"projects\n" + book_of({})
    with pytest.raises(ScenarioError, match=r"'table\.xlsx' has no sheets"):
        raise checked("table", raw)
    assert isinstance(checked("book", book_of({})), ScenarioError)


def test_a_cell_whose_shared_text_is_not_there():
    cell, other = b'<c r="B2"><v>5</v></c>', b'<c r="B2" t="s"><v>9</v></c>'
    parts = [(name, part.replace(cell, other)) for name, part in unpacked(book_of(SHEETS))]
    with pytest.raises(ScenarioError, match="is not a readable workbook"):
        raise checked("book", packed(parts))


def test_a_whole_number_beyond_all_floats():
    parts = [
        (name, part.replace(b"<v>2026</v>", b"<v>" + b"9" * 400 + b"</v>"))
        for name, part in unpacked(book_of(SHEETS))
    ]
    with pytest.raises(ScenarioError, match="inf is not a calendar year"):
        raise checked("book", packed(parts))


def test_warnings_of_libraries_are_not_shown():
    of_validation = b'<ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/>'  # as Excel writes it
    parts = [
        (
            name,
            part.replace(b"</worksheet>", b"<extLst>" + of_validation + b"</extLst></worksheet>"),
        )
        for name, part in unpacked(book_of(SHEETS))
    ]
    assert not isinstance(checked("book", packed(parts)), ScenarioError)


def test_a_sheet_whose_name_has_two_lines():
    sheets = {**SHEETS, "Materials": [["id", "price_eur_per_t", "_own"], ["lithium", None, "x"]]}
    parts = [
        (name, part.replace(b'name="Materials"', b'name="Materials&#10;"'))
        for name, part in unpacked(book_of(sheets))
    ]
    with pytest.raises(
        ScenarioError, match=r"Materials\\n!B2: error: 'price_eur_per_t' is missing"
    ):
        raise checked("book", packed(parts))


@pytest.mark.parametrize("entry", ["{}", "{}.yaml", "{{private: {}.yaml}}"])
def test_a_name_longer_than_any_file_has(entry):
    text = f"include: [{entry.format('a' * 300)}]\n{TINY}"
    assert isinstance(checked("scenario", text.encode()), ScenarioError)


def test_json_may_write_a_character_as_two_escapes():
    text = json.dumps({"title": "\\ud83d\\ude00 \U0001f600", **yaml.safe_load(TINY)})
    assert "\\ud83d\\ude00" in text
    title = read_case_text(text, "a.json").case.title
    assert title is not None
    assert title.in_language() == "\\ud83d\\ude00 \U0001f600"


def test_an_id_that_looks_like_a_merge_key_is_one_in_quotes_and_in_json():
    text = f'{TINY}variants: {{"<<": {{set: {{home: [DE]}}}}}}\n'
    made = read_case_text(text, check_variants=True)
    assert list(made.case.variants) == ["<<"]
    assert same_in_json(made)
    with pytest.raises(ScenarioError, match="merge keys '<<' are not supported"):
        read_case_text(text.replace('"<<"', "<<"))


def test_countries_cannot_stand_in_a_table():
    with pytest.raises(ScenarioError, match="a list is expected here, not a mapping"):
        read_case_text(broken(("title: A test", "home: {table: home.csv}")))


def test_keys_that_are_right_take_nothing_off_the_words_that_may_be_compared(monkeypatch):
    monkeypatch.setattr("models.spelling.MAX_COMPARISONS", 0)
    text = broken(("capex_meur: 60", "capex_meur: {value: 60, source: guess}"))
    assert read_case_text(text).case.projects["recycling"].capex_meur.source == "guess"
