"""``vorrat frontier`` and ``vorrat target``: options, files, texts and exit codes.

The scenario: 100 t are missing at 0.1 million EUR each; 30 t can be had for 4 million, 60 for 7.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from frontier_cases import two_works
from small import near

from models.results import Frontier, Plan, Target
from optimizer.cli import run_command_line

Capture = pytest.CaptureFixture[str]
TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    raw = two_works(variants={"must": {"set": {"policy.must_build": ["small"]}}})
    Path("ore.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return "ore.yaml"


def frontier(capfd: Capture, *args: str, code: int = 0) -> Frontier:
    assert run_command_line(["frontier", *args, "--json", "--quiet"]) == code
    return Frontier.model_validate_json(capfd.readouterr().out)


def target(capfd: Capture, *args: str, code: int = 0) -> Target:
    assert run_command_line(["target", *args, "--json", "--quiet"]) == code
    return Target.model_validate_json(capfd.readouterr().out)


def test_a_frontier_as_json(file: str, capfd: Capture) -> None:
    found = frontier(capfd, file, "--values", "0,4,7,11")
    assert [p.expected for p in found.points] == [near(v) for v in (10, 7, 4, 1)]
    assert found.title == "A small case"


@pytest.mark.slow
def test_a_range_and_points_between(file: str, capfd: Capture) -> None:
    found = frontier(capfd, file, "--from", "2", "--to", "8", "--points", "3", "--refine", "1")
    assert [p.value for p in found.points] == [2, 5, 6.5, 8] or [p.value for p in found.points] == [
        2,
        3.5,
        5,
        8,
    ]


def test_a_point_is_what_solve_finds(file: str, capfd: Capture) -> None:
    assert run_command_line(["solve", file, "--budget", "7", "--json", "--quiet"]) == 0
    solved = Plan.model_validate_json(capfd.readouterr().out)
    found = frontier(capfd, file, "--values", "7", "--out", "results")
    (point,) = found.points
    assert point.objective == near(solved.certificate.objective)
    written = Plan.model_validate_json(Path("results/plans/7/plan.json").read_bytes())
    assert written.projects == solved.projects
    assert written.certificate.input_sha256 == solved.certificate.input_sha256
    assert Frontier.model_validate_json(Path("results/frontier.json").read_bytes()) == found


def test_an_earlier_frontier_outlives_a_disk_that_is_full(
    file: str, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontier(capfd, file, "--values", "0,7", "--out", "results")
    written = [path for path in Path("results").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in written}

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    command = ["frontier", file, "--values", "4", "--out", "results", "--force", "--quiet"]
    assert run_command_line([*command, "--json"]) == 5
    out, err = capfd.readouterr()
    assert [point.value for point in Frontier.model_validate_json(out).points] == [4]
    assert "results' cannot be written: No space left on device." in err
    found = [path for path in Path("results").rglob("*") if path.is_file()]
    assert {path: path.read_bytes() for path in found} == before


def test_results_are_not_overwritten_unasked(file: str, capfd: Capture) -> None:
    frontier(capfd, file, "--values", "0,7", "--out", "results")
    assert run_command_line(["frontier", file, "--values", "4", "--out", "results", "--quiet"]) == 2
    assert "--force" in capfd.readouterr().err
    frontier(capfd, file, "--values", "4", "--out", "results", "--force")
    assert [path.name for path in Path("results/plans").iterdir()] == ["4"]


@pytest.mark.slow
def test_cuts_are_kept(file: str, capfd: Capture) -> None:
    frontier(capfd, file, "--values", "4", "--reuse=cuts")
    assert len(list(Path("cuts").glob("cuts-*.npz"))) == 1
    found = target(capfd, file, "--below", "4", "--reuse=cuts")
    assert found.feasible_at == pytest.approx(7, rel=1e-5)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--values", "0,4"], 0),
        (["--values", "0,4", "--variant", "must"], 0),
        (["--values", "0,3", "--variant", "must"], 3),
    ],
)
def test_exit_codes_of_a_frontier(file: str, args: list[str], code: int) -> None:
    assert run_command_line(["frontier", file, *args, "--quiet"]) == code


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("args", "code"), [(["--below", "4"], 0), (["--below", "0.5"], 3), (["--reduce", "60%"], 0)]
)
def test_exit_codes_of_a_target(file: str, args: list[str], code: int) -> None:
    assert run_command_line(["target", file, *args, "--quiet"]) == code


@pytest.mark.parametrize(
    ("args", "reported"),
    [
        ([], "No plan reaches it, whatever the value (public budget)."),
        (["--funder", "fund"], "No plan reaches it, whatever the value (budget of fund)."),
        (["--language", "de"], "wie hoch der Wert auch ist (öffentliches Budget)."),
        (
            ["--language", "de", "--funder", "fund"],
            "Kein Plan erreicht es, wie hoch der Wert auch ist (Budget: fund).",
        ),
    ],
)
def test_days_that_no_budget_buys_name_the_rules_that_exclude_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture, args: list[str], reported: str
) -> None:
    """5 t a year can be bought, and 90 days of 40 t are asked for."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_bytes(TUTORIAL.read_bytes())
    assert run_command_line(["target", "t.yaml", "--days", "gallium=90", "--quiet", *args]) == 3
    out = capfd.readouterr().out
    assert reported in out
    flat = " ".join(out.split())
    assert "t.yaml:109:30: S1 purchase_limit: " in flat
    assert "--days reserve=90: S4 days_of_demand: reserve " in flat
    assert "least spending" not in flat
    assert "geringsten Ausgaben" not in flat


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["frontier", "--vary", "demand.0.t_per_year"], "needs --to"),
        (["frontier", "--vary", "policy.budgt_meur", "--to", "3"], "did you mean 'budget_meur'"),
        (["frontier", "--vary", "policy.budget_meur=3"], "without a value"),
        (["frontier", "--values", "1;2"], "not a list"),
        (["frontier", "--values", "1", "--to", "2"], "exclude each other"),
        (["frontier", "--tail", "--funder", "fund"], "a number of its own"),
        (["frontier", "--funder", "fnd"], "there are fund"),
        (["frontier", "--from", "3", "--to", "3"], "above --from"),
        (["frontier", "--values", "-1"], "-1 is negative"),
        (["target"], "A goal is missing"),
        (["target", "--below", "3", "--reduce", "0.5"], "exclude each other"),
        (["target", "--reduce", "140%"], "not a share"),
        (["target", "--days", "ore"], "not such as"),
        (["target", "--days", "ore=3"], "no stockpile"),
        (["target", "--below", "3", "--from-year", "2026"], "goes with --days"),
        (["target", "--below", "3", "--vary", "projects.small.capex_meur"], "only loosen"),
        (["target", "--below", "3", "--vary", "policy.max_projects"], "needs --to"),
    ],
)
def test_usage_errors_name_a_remedy(file: str, capfd: Capture, args: list[str], says: str) -> None:
    assert run_command_line([args[0], file, *args[1:], "--quiet"]) == 2
    answer = capfd.readouterr()
    assert says in " ".join(answer.err.split())
    assert answer.out == ""


@pytest.mark.slow
def test_a_target_and_its_plan_are_written(file: str, capfd: Capture) -> None:
    found = target(capfd, file, "--below", "4", "--out", "results")
    assert json.loads(Path("results/target.json").read_bytes())["kind"] == "target"
    assert Plan.model_validate_json(Path("results/plan.json").read_bytes()) == found.plan


@pytest.mark.slow
def test_texts_in_both_languages(file: str, capfd: Capture) -> None:
    assert (
        run_command_line(["frontier", file, "--values", "6,7", "--quiet", "--language", "en"]) == 0
    )
    english = capfd.readouterr().out
    assert "What a further million is worth" in english
    assert "jump" in english
    assert (
        run_command_line(["frontier", file, "--values", "6,7", "--quiet", "--language", "de"]) == 0
    )
    german = capfd.readouterr().out
    assert "Was eine weitere Million bringt" in german
    assert "Sprung" in german
    assert run_command_line(["target", file, "--below", "4", "--quiet", "--language", "en"]) == 0
    assert "none does with less than" in " ".join(capfd.readouterr().out.split())
    assert run_command_line(["target", file, "--below", "0.5", "--quiet", "--language", "de"]) == 3
    assert "Der beste Plan kommt auf 1" in capfd.readouterr().out


def test_a_point_without_a_plan_says_why(file: str, capfd: Capture) -> None:
    assert (
        run_command_line(["frontier", file, "--values", "3,4", "--variant", "must", "--quiet"]) == 0
    )
    out = " ".join(capfd.readouterr().out.split())
    assert "small must be built" in out
    assert "no plan keeps all" in out
