"""Which language the commands speak, and what they say in German."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from ore_at_home import SCENARIO
from small_scenario import VALID, broken, write

from models.language import current_language, using
from optimizer.cli import COMMANDS, run_command_line, usage, vorrat
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


@pytest.mark.parametrize(
    "args",
    [
        ["--language", "de", "validate", "scenario.yaml"],
        ["validate", "scenario.yaml", "--language", "de"],
        ["--language=en", "validate", "scenario.yaml", "--language=de"],
    ],
)
def test_an_option_chooses(
    folder: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, VALID)
    assert run_command_line(args) == 0
    assert capsys.readouterr().out == (
        "scenario.yaml: 2 Rohstoffe, 2 Projekte, 1 Lager, 2 Geldgeber, 2 Verläufe, 1 Variante; "
        "2026 bis 2030\n"
    )
    assert current_language() == "en"


def test_an_option_comes_before_the_environment(
    folder: Path, german: None, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, VALID)
    assert run_command_line(["validate", "scenario.yaml"]) == 0
    assert "Rohstoffe" in capsys.readouterr().out
    assert run_command_line(["--language", "en", "validate", "scenario.yaml"]) == 0
    assert "materials" in capsys.readouterr().out


def test_faults_are_shown_and_counted(
    folder: Path, german: None, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = (("capex_meur: 1400", "capex_meur: 1.400"), ("max_t: 200", "max_t: -1"))
    write(folder, broken(*changes))
    assert run_command_line(["validate", "scenario.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "scenario.yaml:28:17: Warnung: 1.400 wird als 1.4 gelesen; falls 1400 gemeint ist, "
        "schreiben Sie 1400",
        "  28 |     capex_meur: 1.400",
        "     |                 ^",
        "scenario.yaml:48:12: Fehler: -1 ist negativ; schreiben Sie eine Zahl ab 0",
        "  48 |     max_t: -1",
        "     |            ^",
        "1 Fehler, 1 Warnung",
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "'1,4' is not a number"),
        (["--language", "de"], "„1,4“ ist keine Zahl"),
        (["--language", "en"], "'1,4' is not a number"),
    ],
)
def test_machine_output_is_english_unless_an_option_selects_german(
    folder: Path, german: None, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, broken(("capex_meur: 1400", "capex_meur: 1,4")))
    for ordered in (
        ["validate", "scenario.yaml", "--json", *args],
        [*args, "validate", "--json", "scenario.yaml"],
    ):
        assert run_command_line(ordered) == 2
        (fault,) = json.loads(capsys.readouterr().out)
        assert fault["message"] == message
        assert fault["severity"] == "error"


def test_a_plan_is_shown_in_german(
    ore: str, german: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", ore]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Erz daheim\n")
    reported = " ".join(out.split())
    assert "sinkt der erwartete Schaden im Jahr 2026 um 100 %, von 50" in reported
    assert err.startswith("ore.yaml: 1 Rohstoff, 1 Projekt")


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


def test_a_conflict_in_german(ore: str, german: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["solve", ore, "--variant", "poor", "--quiet"]) == 3
    first, *rules = capfd.readouterr().err.splitlines()
    assert first == "Kein Plan hält alle diese Regeln zugleich ein; lockern Sie eine davon:"
    said = [rule.split(": ", 2)[-1] for rule in rules]
    assert "works muss gebaut werden" in said
    assert "fund gibt insgesamt höchstens 1 Mio. aus" in said
    assert not any(ENGLISH.search(text) for text in said)


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


@pytest.mark.parametrize("name", [None, *vorrat.list_commands(click.Context(vorrat))])
def test_help_in_german(german: None, name: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*([name] if name else []), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Aufruf: vorrat")
    assert "\nOptionen:\n" in text
    assert "Diese Hilfe zeigen." in text
    # What stands in small letters is an option or its values; FILE and the like are names.
    prose = re.sub(r"--[\w-]+|\[[^\]]*\]|\b[A-Z]{2,}\b", "", text)
    assert not ENGLISH.search(prose), prose


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["validat"], "Den Befehl „validat“ gibt es nicht. Meinten Sie „validate“?"),
        (["xyz"], f"Den Befehl „xyz“ gibt es nicht. Es gibt {', '.join(COMMANDS)}."),
        (["--nonsense"], "Die Option „--nonsense“ gibt es nicht."),
        (["solve", "x", "--gapp", "1"], "Die Option „--gapp“ gibt es nicht. Meinten Sie --gap?"),
        (["solve"], "Es fehlt die Angabe 'FILE'."),
        (["solve", "x", "--gap"], "Die Option '--gap' braucht einen Wert."),
        (["solve", "x", "--quiet=1"], "Die Option '--quiet' nimmt keinen Wert."),
        (["solve", "x", "y"], "Überzählige Angaben: y"),
        (["solve", "x", "--gap", "-1"], "'--gap': -1.0 liegt nicht im Bereich x>=0."),
        (["solve", "x", "--gap", "a"], "'--gap': 'a' ist keine Zahl."),
        (["solve", "x", "--gap", "nan"], "'--gap': nan ist keine endliche Zahl."),
        (["solve", "x", "--threads", "1.5"], "'--threads': '1.5' ist keine ganze Zahl."),
        (
            ["solve", "x", "--method", "a"],
            "'--method': 'a' ist nicht möglich; möglich sind 'auto', 'extensive', 'decomposition'.",
        ),
        (["solve", "x", "--out", "there"], "'--out': 'there' ist eine Datei."),
        (["init", "there"], "„there“ gibt es schon; --force überschreibt es."),
        (
            ["init", "no/such/place.yaml"],
            "„no/such/place.yaml“ kann nicht geschrieben werden: Datei oder Ordner nicht gefunden.",
        ),
    ],
)
def test_usage_errors_in_german(
    folder: Path, german: None, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "there").write_text("")
    assert run_command_line(args) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"Fehler: {message}"
    assert len(lines) == 1 or lines[0].startswith("Aufruf: vorrat")


def test_other_endings_in_german(
    german: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_options: Any) -> None:
        raise problem

    monkeypatch.setattr("optimizer.cli.scenario_files.validate.callback", fail)
    problem: BaseException = KeyboardInterrupt()
    assert run_command_line(["validate", "x"]) == 130
    assert capsys.readouterr().err.strip() == "vorrat: abgebrochen"
    problem = RuntimeError("x")
    assert run_command_line(["validate", "x"]) == 5
    assert capsys.readouterr().err.startswith("vorrat: unerwarteter Fehler RuntimeError: x (")


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
        "scenario.yaml ist geschrieben; weiter mit: vorrat validate scenario.yaml\n"
    )


@pytest.mark.quick(1)
@pytest.mark.parametrize("args", [["--language", "de", "init"], ["init", "--language", "de"]])
def test_init_answers_in_the_language_that_was_asked_for(
    folder: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In what it says, what it refuses and what it writes, which solves."""
    assert run_command_line([*args, "--starter"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "scenario.yaml ist geschrieben; weiter mit: vorrat validate scenario.yaml",
        "vorrat-run.cmd ist geschrieben: Ziehen Sie eine Arbeitsmappe darauf",
        "vorrat-open.cmd, vorrat-open.command, vorrat-open.desktop liegen im selben Ordner: Jede "
        "öffnet die Seite mit einem Doppelklick",
    ]
    assert Path("scenario.yaml").read_text(encoding="utf-8") == starter_scenario_text("de")
    assert run_command_line(args) == 2
    assert "„scenario.yaml“ gibt es schon" in capsys.readouterr().err
    assert run_command_line(["solve", "scenario.yaml", "--quiet"]) == 0


def test_english_help_and_errors_are_those_of_click(capsys: pytest.CaptureFixture[str]) -> None:
    """What is put into German passes through here in English as well."""
    command = vorrat.get_command(click.Context(vorrat), "solve")
    assert command is not None
    with using("en"):
        plain = click.Command.get_help(command, click.Context(command, info_name="vorrat solve"))
        assert (
            usage.localized(command).get_help(
                usage.LocalizedContext(command, info_name="vorrat solve")
            )
            == plain
        )
    assert run_command_line(["solve"]) == 2
    assert capsys.readouterr().err.endswith("\nError: Missing argument 'FILE'.\n")
