"""What is printed for faulty scenario files, line by line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faulty_funding import FAULTY_FUNDING
from faulty_scenarios import FAULTY, MANY, MANY_LINES, SETTINGS, TABLES
from small_scenario import VALID, broken, with_table, write

from models.faults import ScenarioError
from models.files import read_case


def printed(folder: Path, text: str, settings: tuple[str, ...] = (), **tables: str) -> list[str]:
    write(folder, text, **tables)
    try:
        found = read_case("scenario.yaml", settings=settings, check_variants=True).warnings
    except ScenarioError as error:
        found = error.faults
    return [str(fault) for fault in found]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_valid_file_has_no_faults(folder):
    assert printed(folder, VALID) == []


@pytest.mark.parametrize(
    ("changes", "lines"),
    [row[1:] for row in (*FAULTY, *FAULTY_FUNDING)],
    ids=[row[0] for row in (*FAULTY, *FAULTY_FUNDING)],
)
def test_a_faulty_file(folder, changes, lines):
    assert lines
    assert printed(folder, broken(*changes)) == lines


@pytest.mark.parametrize(("setting", "lines"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_a_setting(folder, setting, lines):
    assert printed(folder, VALID, (setting,)) == lines


@pytest.mark.parametrize(
    ("content", "lines"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES]
)
def test_a_table(folder, content, lines):
    assert printed(folder, with_table(), projects=content) == lines


def test_all_faults_come_in_one_run(folder):
    assert printed(folder, MANY) == MANY_LINES


def errors_of(folder: Path, changes: list[tuple[str, str]]) -> set[str]:
    """What is refused, without the places."""
    return {
        line.split(": error: ")[1]
        for line in printed(folder, broken(*changes))
        if ": error: " in line
    }


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("seed", range(40))
def test_faults_in_several_places_do_not_hide_each_other(folder, seed):
    # Each of these stands in another line, and none is about what another is about.
    names = (
        "unknown_top", "missing_field", "norway", "exponent", "yearly_negative", "flow_german",
        "profile", "states_sum", "steps_fall", "scalar_for_names", "company", "id_material",
        "id_hazard", "budget_year", "year_outside", "initial", "period", "share_above_one",
    )  # fmt: skip
    known = {name: changes for name, changes, _ in FAULTY}
    chosen = random.Random(seed).sample(names, 4)
    if {"id_hazard", "period"} <= set(chosen):
        chosen.remove("period")  # both change the same event
    apart = set().union(*(errors_of(folder, known[name]) for name in chosen))
    assert errors_of(folder, [change for name in chosen for change in known[name]]) == apart


def test_eight_faults_are_eight_lines():
    assert len(next(lines for name, _, lines in FAULTY if name == "eight")) == 8


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("projects: {table: ../p.csv}", "23:19: error: a table lies in the folder of the scenario"),
        ("projects: {table: /p.csv}", "23:19: error: a table lies in the folder of the scenario"),
        ("projects: {table: p.csv}", "23:19: error: 'p.csv' cannot be read: no such file"),
        ("projects: {table: a.ods}", "23:19: error: '.ods' is no kind of table; save it as"),
        ("projects: {table: 5}", "23:19: error: 'table' takes the name of a file"),
        ("projects: {table: p.csv, shet: A}", "23:26: error: 'shet' is not known next to 'table'"),
    ],
)
def test_a_table_that_cannot_be_found(folder, section, line):
    (first, *_) = sorted(
        printed(folder, with_table(section + "\n")), key=lambda one: line not in one
    )
    assert first.startswith(f"scenario.yaml:{line}")


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", "scenario.yaml: error: the file is empty"),
        (b"title: caf\xe9\n", "1:11: error: byte 0xE9 is not UTF-8; save the file as UTF-8 "
         "(in Windows-1252 this byte is 'é')"),
        (b"title: a\x00b\n", "1:9: error: character U+0000 does not belong into a text; remove it"),
        (b"- a\n", "1:1: error: the file does not hold a mapping"),
        (b"title: a\n---\ntitle: b\n", "2:1: error: a second document begins"),
        (b"a: " + b"[" * 100, "1:53: error: nested deeper than 50 levels"),
        (b"a: &x [*x]\n", "1:8: error: the anchor 'x' stands inside itself"),
        (
            b"a0: &a0 [x, x]\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9))
                       for n in range(1, 10)),
            "error: more than 500000 values",
        ),
        (b"#" * 20_000_001, "error: 'scenario.yaml' is larger than 20 MB"),
    ],
    ids=["empty", "cp1252", "control", "list", "documents", "deep", "alias", "laughs", "large"],
)  # fmt: skip
def test_a_file_that_is_no_scenario(folder, raw, line):
    (folder / "scenario.yaml").write_bytes(raw)
    with pytest.raises(ScenarioError, match="error") as caught:
        read_case("scenario.yaml")
    assert line in str(caught.value)


def test_a_missing_file_names_its_neighbor(folder):
    write(folder, VALID)
    with pytest.raises(ScenarioError, match=r"did you mean 'scenario.yaml'\?"):
        read_case("scenarios.yaml")


def test_an_unknown_variant_names_the_nearest(folder):
    write(folder, VALID)
    with pytest.raises(ScenarioError) as caught:
        read_case("scenario.yaml", variant="no_stat")
    (line,) = str(caught.value).splitlines()
    assert line == (
        "scenario.yaml:62:1: error: there is no variant 'no_stat'; did you mean 'no_state'?"
    )


def test_what_refers_to_a_broken_item_is_not_reported_again(folder):
    # The country of upper_rhine is wrong; a state names upper_rhine, which is there nevertheless.
    text = broken(
        (
            "country: DE\n    output_t_per_year: {lithium",
            "country: 5\n    output_t_per_year: {lithium",
        )
    )
    assert printed(folder, text) == [
        "scenario.yaml:25:14: error: '5' is not an ISO 3166 country code; "
        "write a two-letter code such as DE"
    ]


@pytest.mark.parametrize(
    ("whole", "part"),
    [("ramp_up", "ramp_up.0"), ("capex_meur", "capex_meur.value"), ("name", "name.en")],
)
def test_a_column_for_the_whole_beside_one_for_a_part(folder, whole, part):
    header = ["id", "country", "output_t_per_year.lithium", "capex_meur", *{whole, part}]
    columns = ",".join(dict.fromkeys(header))
    lines = printed(folder, with_table(), projects=f"{columns}\na,DE,1,1,1,1\n")
    assert f"'{whole}' and '{part}' give the same field twice; keep one of them" in "\n".join(lines)
