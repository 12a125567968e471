"""``vorrat redact``: options, files and messages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from redacting import two_consumers

from models.files import read_case
from optimizer.cli import run_command_line

Capture = pytest.CaptureFixture[str]
WHO = ("--consumer", "chips", "--company", "chip_co")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("ore.yaml").write_text(yaml.safe_dump(two_consumers(), sort_keys=False), encoding="utf-8")
    return "ore.yaml"


def redact(*args: str, code: int = 0) -> None:
    assert run_command_line(["redact", *args]) == code


def test_the_folder_has_the_scenario_and_its_stand_in_alone(file: str, capfd: Capture) -> None:
    redact(file, *WHO, "--out", "results/chips")
    written = sorted(Path("results").rglob("*.*"))
    assert [path.name for path in written] == ["scenario.yaml", "stand-in.yaml"]
    said = capfd.readouterr()
    assert "demand.0.t_per_year: 35.53 to 44.41, written as 40" in said.out
    for text in (said.out, *(path.read_text(encoding="utf-8") for path in written)):
        assert "41.7" not in text
        assert "may compute them from it" in " ".join(text.split())
    assert "scenario.yaml is written" in said.err
    assert read_case(written[0], check_variants=True).warnings == ()


def test_the_scenario_alone_goes_to_a_file(file: str, capfd: Capture) -> None:
    redact(file, *WHO, "--quiet", "--band", "50%", "--out", "sent/chips.yaml")
    assert [path.name for path in Path("sent").iterdir()] == ["chips.yaml"]
    assert read_case("sent/chips.yaml").case.demand[0].t_per_year.values[0].source.endswith("57.67")
    assert "demand.0" not in capfd.readouterr().out


def test_ranges_removals_and_further_figures(file: str, capfd: Capture) -> None:
    args = ["--range", "demand.0.t_per_year=30..60", "--also", "policy.budget_meur"]
    redact(file, *args, "--out", "one.yaml", code=2)
    assert "There is nothing to hide at 'policy.budget_meur'." in capfd.readouterr().err
    args[2:] = ["--also", "demand.1", "--remove", "stockpiles.own"]
    redact(file, *args, "--out", "one.yaml")
    case = read_case("one.yaml").case
    assert case.demand[0].t_per_year.values[0].source == "redacted: 30 to 60"
    assert case.stockpiles == ()
    said = capfd.readouterr().out
    assert "demand.1.t_per_year: 86.74 to 108.4, written as 97.6" in said
    assert "stockpiles.0: removed" in said


def test_nothing_is_overwritten_unasked(file: str, capfd: Capture) -> None:
    redact(file, *WHO, "--out", "results")
    redact(file, *WHO, "--out", "results", code=2)
    assert "stand-in.yaml' exists already" in capfd.readouterr().err
    redact(file, *WHO, "--out", "results", "--force")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "There is no figure to hide"),
        (["--consumer", "chip"], "There is no 'chip'; there are chips, others."),
        (["--company", "fund"], "There is no 'fund'; there are chip_co."),
        ([*WHO, "--band", "1%"], "'1%' is not a width such as 25% or 0.25"),
        ([*WHO, "--band", "x"], "'x' is not a width such as 25% or 0.25"),
        (["--range", "demand.0=5"], "'demand.0=5' is not PATH=LOW..HIGH."),
        (["--range", "demand.0=5..4"], "'demand.0=5..4' is not PATH=LOW..HIGH."),
        (["--range", "demand.0=nan..inf"], "'demand.0=nan..inf' is not PATH=LOW..HIGH."),
    ],
)
def test_wrong_usage_is_refused(file: str, capfd: Capture, args: list[str], said: str) -> None:
    redact(file, *args, "--out", "out", code=2)
    assert said in capfd.readouterr().err
    assert not Path("out").exists()
