"""Which language the commands speak, and what they say in German."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from ore_at_home import SCENARIO

from optimizer.cli import run_command_line, usage
from optimizer.cli.scenario_files import starter_scenario_text

PLACES = ("LC_ALL", "LC_MESSAGES", "LANG")
ENGLISH = re.compile(
    r"\b(the|is|are|not|with|and|of|this|file|usage|error|options|default)\b", re.I
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VORRAT_LANGUAGE", "de")


@pytest.fixture
def ore(folder: Path) -> str:
    Path("ore.yaml").write_text(SCENARIO, encoding="utf-8")
    return "ore.yaml"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks for the language of its windows")
@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de-AT"}, "de"),
        ({"LANG": "de.UTF-8"}, "de"),
        ({"LANG": "de_DE@euro"}, "de"),
        ({"LANG": "deu"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "de_AT.UTF-8"}, "de"),
        ({"LC_MESSAGES": "de_AT.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "", "LANG": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "VORRAT_LANGUAGE": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "VORRAT_LANGUAGE": "de"}, "de"),
        ({"LANG": "de_DE.UTF-8", "VORRAT_LANGUAGE": ""}, "de"),
    ],
)
def test_the_environment_chooses(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], chosen: str
) -> None:
    for name in (*PLACES, "VORRAT_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert usage.environment_language() == chosen


def test_a_language_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VORRAT_LANGUAGE", "fr")
    assert run_command_line(["schema"]) == 2
    assert capsys.readouterr() == ("", "Error: VORRAT_LANGUAGE is 'fr'; write en or de.\n")


def test_a_plan_is_shown_in_german(
    ore: str, german: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", ore]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Erz daheim\n")
    reported = " ".join(out.split())
    assert "sinkt der erwartete Schaden im Jahr 2026 um 100 %, von 50" in reported
    assert err.startswith("ore.yaml: 1 material, 1 project")


def test_a_plan_as_json_is_the_same_in_every_language(
    ore: str, german: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", ore, "--json", "--quiet"]) == 0
    english = json.loads(capfd.readouterr().out)
    assert run_command_line(["solve", ore, "--json", "--quiet", "--language", "de"]) == 0
    other = json.loads(capfd.readouterr().out)
    for document in (english, other):
        document["certificate"].pop("seconds")
        document["certificate"].pop("seconds_by_step")
    assert english == other
    assert english["title"] == "Ore at home"


def test_the_rules_of_a_conflict_are_english_in_json(
    ore: str, german: None, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ["solve", ore, "--variant", "poor", "--quiet", "--json"]
    assert run_command_line(args) == 3
    said = {rule["says"] for rule in json.loads(capfd.readouterr().out)["conflict"]}
    assert "works must be built" in said
    assert run_command_line([*args, "--language", "de"]) == 3
    said = {rule["says"] for rule in json.loads(capfd.readouterr().out)["conflict"]}
    assert "works muss gebaut werden" in said


def test_init_comments_in_the_language_that_was_asked_for(
    folder: Path, german: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its own option, or by that of the program; the environment alone leaves them English."""
    assert run_command_line(["init", "-"]) == 0
    assert capsys.readouterr().out == starter_scenario_text("en")
    assert run_command_line(["--language", "de", "init", "-"]) == 0
    assert capsys.readouterr().out == starter_scenario_text("de")
    assert run_command_line(["--language", "de", "init", "-", "--language", "en"]) == 0
    assert capsys.readouterr().out == starter_scenario_text("en")
    assert run_command_line(["init"]) == 0
    assert capsys.readouterr().err == (
        "scenario.yaml is written; try: vorrat validate scenario.yaml\n"
    )
