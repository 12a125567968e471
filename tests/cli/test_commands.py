"""The commands that need no solver, and the exit codes of all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest
import yaml
from small_scenario import VALID, broken, write

from models.faults import VorratError
from models.files import read_case
from models.schema import scenario_schema
from optimizer import cli
from optimizer.cli import diagnostics, run_command_line
from optimizer.cli.scenario_files import starter_scenario_text

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_validate_sums_up_a_valid_file(folder, capsys):
    write(folder, VALID)
    assert run_command_line(["validate", "scenario.yaml"]) == 0
    assert capsys.readouterr() == (
        "scenario.yaml: 2 materials, 2 projects, 1 stockpile, 2 funders, 2 states, 1 variant; "
        "2026 to 2030\n",
        "",
    )


def test_validate_points_at_the_fault(folder, capsys):
    write(folder, broken(("capex_meur: 1400", "capex_meur: 1,4"), ("max_t: 200", "max_t: -1")))
    assert run_command_line(["validate", "scenario.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "scenario.yaml:28:17: error: '1,4' is not a number; a decimal comma: write 1.4",
        "  28 |     capex_meur: 1,4",
        "     |                 ^",
        "scenario.yaml:48:12: error: -1 is negative; write a number of 0 or more",
        "  48 |     max_t: -1",
        "     |            ^",
        "2 errors",
    ]


def test_validate_lets_warnings_pass(folder, capsys):
    write(folder, broken(("capex_meur: 1400", "capex_meur: 1.400")))
    assert run_command_line(["validate", "scenario.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("scenario.yaml: 2 materials")
    assert err.splitlines()[-1] == "2 warnings"


def test_validate_checks_every_file_and_setting(folder, capsys):
    write(folder, VALID)
    assert (
        run_command_line(["validate", "scenario.yaml", "nothing.yaml", "--set", "policy.x=1"]) == 2
    )
    assert capsys.readouterr().err.splitlines()[-1] == "2 errors"


def test_validate_as_json(folder, capsys):
    write(folder, broken(("capex_meur: 1400", "capex_meur: 1,4")))
    assert run_command_line(["validate", "scenario.yaml", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == [
        {
            "file": "scenario.yaml", "line": 28, "column": 17, "cell": None, "severity": "error",
            "message": "'1,4' is not a number", "hint": "a decimal comma: write 1.4",
            "path": ["projects", "upper_rhine", "capex_meur"],
        }
    ]  # fmt: skip


@pytest.mark.quick(1)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid(path):
    doubts = read_case(path, check_variants=True).warnings
    # Hazards of the history play no part in the plan, nor those of the plan in the history.
    assert {doubt.path[0] for doubt in doubts} <= (
        {"hazards"} if path.stem == "japan-2010" else set()
    )
    jsonschema.validate(as_json(path.read_text("utf-8")), scenario_schema())


def as_json(text):
    """YAML as an editor sees it: keys are texts."""
    return json.loads(json.dumps(yaml.safe_load(text)))


@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_templates_are_valid(folder, language, capsys):
    assert run_command_line(["init", "a.yaml", "--language", language]) == 0
    reading = read_case("a.yaml", check_variants=True)
    assert reading.warnings == ()
    jsonschema.validate(as_json(starter_scenario_text(language)), scenario_schema())
    assert run_command_line(["init", "-", "--language", language]) == 0
    assert capsys.readouterr().out == (folder / "a.yaml").read_text("utf-8")


def test_both_templates_say_the_same():
    assert yaml.safe_load(starter_scenario_text("en")) == yaml.safe_load(
        starter_scenario_text("de")
    )


def test_init_does_not_overwrite(folder, capsys):
    (folder / "scenario.yaml").write_text("mine")
    assert run_command_line(["init"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (folder / "scenario.yaml").read_text() == "mine"
    assert run_command_line(["init", "--force"]) == 0
    assert read_case("scenario.yaml").case.title is not None
    assert run_command_line(["init", "no/such/folder.yaml"]) == 2


def test_schema_is_a_schema_and_refuses_what_is_wrong(capsys):
    assert run_command_line(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"] == "urn:vorrat:scenario:1"
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    valid = as_json(VALID)
    assert validator.is_valid(valid)
    assert validator.is_valid({**valid, "projects": {"table": "projects.csv"}, "policy": None})
    assert not validator.is_valid({**valid, "policies": {}})
    assert not validator.is_valid({**valid, "horizon": {"first_year": 2026}})
    assert not validator.is_valid({**valid, "supply": [{"material": "lithium", "share": "1,5"}]})
    about = schema["$defs"]["Project"]["properties"]["capex_meur"]["description"]
    assert about == "Capital cost in million EUR."


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (None, 0),
        (VorratError("x"), 5),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("x"), 2),
        (click.ClickException("x"), 2),
        (RuntimeError("x"), 5),
        (MemoryError(), 5),
        (SystemExit(1), 5),
        (SystemExit("x"), 5),
        (AssertionError(), 5),
    ],
    ids=repr,
)
def test_exit_codes(monkeypatch, capsys, problem, code):
    def fail(**_options):
        if problem is not None:
            raise problem

    monkeypatch.setattr("optimizer.cli.scenario_files.validate.callback", fail)
    assert run_command_line(["validate", "x"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 1 or code == 2


def test_faults_of_any_command_are_shown_with_their_lines(folder, monkeypatch, capsys):
    write(folder, broken(("max_t: 200", "max_t: -1")))
    monkeypatch.setattr(
        "optimizer.cli.scenario_files.validate.callback", lambda files, **_: read_case(files[0])
    )
    assert run_command_line(["validate", "scenario.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "scenario.yaml:48:12: error: -1 is negative; write a number of 0 or more",
        "  48 |     max_t: -1",
        "     |            ^",
        "1 error",
    ]


def test_a_traceback_on_request(monkeypatch, capsys):
    def fail(*_args, **_kwargs):
        raise RuntimeError("here")

    monkeypatch.setenv("VORRAT_TRACEBACK", "1")
    monkeypatch.setattr("optimizer.cli.scenario_files.validate.callback", fail)
    assert run_command_line(["validate", "x"]) == 5
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [["--nonsense"], ["validat", "x"], ["validate"], ["init", "a", "b"]]
)
def test_wrong_usage(args, capsys):
    assert run_command_line(args) == 2
    assert capsys.readouterr().out == ""


def test_a_misspelt_command_names_the_nearest(capsys):
    run_command_line(["validat"])
    assert "Did you mean 'validate'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "heavy"),
    [(["--help"], ["pydantic", "yaml"]), (["validate", "scenario.yaml"], ["openpyxl"])],
    ids=["help", "validate"],
)
def test_light_commands_import_nothing_heavy(folder, args, heavy):
    write(folder, VALID)
    code = (
        "import sys; from optimizer.cli import run_command_line as run; "
        "assert run(sys.argv[1:]) == 0; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"pyomo", "highspy", "pandas", "numpy", "rich", "scipy", *heavy}


def test_output_survives_a_console_that_lacks_a_character(folder):
    write(folder, broken(("title: A test", "title: 石"), ("capex_meur: 1400", "capex_meur: 石")))
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "validate", "scenario.yaml"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        b"scenario.yaml:28:17: error: '?' is not a number; write a number such as 12.5"
    )


@pytest.mark.parametrize(("no_color", "wanted"), [("", True), ("1", False)])
def test_colors_only_on_a_terminal_without_no_color(monkeypatch, no_color, wanted):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert diagnostics.uses_colors(Terminal()) is wanted


def test_every_command_is_named_in_the_help(capsys):
    assert run_command_line(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in cli.COMMANDS)
