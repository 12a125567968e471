"""Faults and warnings in German: the same places, and no English left in what is said."""

from __future__ import annotations

import re

import pytest
from faulty_scenarios import FAULTY, MANY, SETTINGS, TABLES
from small_scenario import VALID, broken, with_table, write

from models.faults import Fault, ScenarioError
from models.files import read_case
from models.language import using

CASES = [
    *((name, broken(*changes), (), None) for name, changes, _ in FAULTY),
    *((setting, VALID, (setting,), None) for setting, _ in SETTINGS),
    *((f"table {name}", with_table(), (), content) for name, content, _ in TABLES),
    ("many", MANY, (), None),
]
ENGLISH = re.compile(
    r"\b(the|is|are|not|there|write|here|with|and|of|or|must|missing|known|keep|add|put|from|to"
    r"|that|cannot|did|found|expected)\b"
)
QUOTED = re.compile(r"„[^“]*“|\"[^\"]*\"|\{.*?\}|\[.*?\]")
"""What stands in a message as the file has it."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults(folder, text, settings, projects) -> tuple[Fault, ...]:
    write(folder, text, **({} if projects is None else {"projects": projects}))
    try:
        return read_case("scenario.yaml", settings=settings, check_variants=True).warnings
    except ScenarioError as error:
        return error.faults


@pytest.mark.parametrize(
    ("text", "settings", "projects"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_nothing_english_is_left(folder, text, settings, projects):
    english = faults(folder, text, settings, projects)
    with using("de"):
        german = faults(folder, text, settings, projects)
        lines = [str(fault) for fault in german]
    assert [(f.location, f.path, f.severity) for f in german] == [
        (f.location, f.path, f.severity) for f in english
    ]
    for ours, theirs in zip(german, english, strict=True):
        assert ours.message != theirs.message
        assert ours.hint != theirs.hint or not theirs.hint
        left = QUOTED.sub("", f"{ours.message}; {ours.hint}")
        assert not ENGLISH.search(left), left
    assert all(": Fehler: " in line or ": Warnung: " in line for line in lines)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            ("capex_meur: 1400", "capex_meur: 1400,5"),
            "28:17: Fehler: „1400,5“ ist keine Zahl; schreiben Sie 1400.5 mit Dezimalpunkt",
        ),
        (
            ("[0.3, 0.4, 0.3]", "[0.3, 0.4, 0.25]"),
            "29:20: Fehler: capex_profile: Die Summe ist 0.95 statt 1; es fehlen 0.05",
        ),
        (
            ("{company: motor_co}", "{company: fund}"),
            "11:23: Fehler: der Geldgeber „fund“ ist öffentlich und kein Unternehmen; "
            "es gibt motor_co",
        ),
        (
            ("    capex_meur: 60\n", ""),
            "32:3: Fehler: „capex_meur“ fehlt in projects.recycling; "
            "capex_meur: Investition in Mio. EUR",
        ),
        (
            ("[0.3, 0.4, 0.3]", "[0.3, 0.4, 0.3"),
            "30:16: Fehler: kein gültiges YAML: erwartet wird „,“ oder „]“; prüfen Sie, ob nach "
            "29:20 ein Komma oder eine schließende Klammer fehlt",
        ),
        (
            ("tags: [domestic]\n  rec", "tags: domestic\n  rec"),
            "31:11: Fehler: hier wird eine Liste erwartet, gefunden: „domestic“; "
            "schreiben Sie [domestic]",
        ),
        (
            ("last_year: 2030", "last_year: x"),
            "4:40: Fehler: kein Kalenderjahr: „x“; schreiben Sie ein Jahr wie 2030",
        ),
    ],
)
def test_a_fault_in_german(folder, change, line):
    with using("de"):
        assert f"scenario.yaml:{line}" in [
            str(fault) for fault in faults(folder, broken(change), (), None)
        ]
