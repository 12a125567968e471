"""``vorrat solve --method`` and ``--reuse``: saved cuts, and a second run that uses them.

The scenario: 100 t of ore are needed in 2026, the import is lost with a chance of one half, and
two works may deliver half of it each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.results import Plan
from optimizer.cli import run_command_line
from optimizer.solve import planner

SCENARIO = """\
schema_version: 1
horizon: {first_year: 2026, last_year: 2026}
materials: {ore: {price_eur_per_t: 10000}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1.0, eur_per_t: 1000000}]}]
supply: [{material: ore, country: CN, share: 1.0}]
projects:
  works: {country: DE, output_t_per_year: {ore: 50}, capex_meur: 10}
  plant: {country: DE, output_t_per_year: {ore: 50}, capex_meur: 12}
funders:
  fund:
    kind: public
    budget_meur: 15
    instruments: {equity: {offtake_per_share: 1.0, budget_class: financial_transaction}}
hazards:
  cut: {annual_probability: 0.5, effects: [{country: CN, loss: [1.0]}]}
uncertainty:
  states:
    - {name: calm, probability: 0.5}
    - {name: cut, probability: 0.5, events: [{hazard: cut, start: 2026}]}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("ore.yaml").write_text(SCENARIO, encoding="utf-8")
    return "ore.yaml"


def solved(capfd: pytest.CaptureFixture[str], *args: str) -> Plan:
    assert run_command_line(["solve", *args, "--json", "--quiet"]) == 0
    return Plan.model_validate_json(capfd.readouterr().out)


def kept(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("cuts-*.npz"))


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_a_method_can_be_asked_for(
    file: str, capfd: pytest.CaptureFixture[str], method: str
) -> None:
    found = solved(capfd, file, "--method", method)
    assert found.certificate.method == method
    assert found.certificate.objective == pytest.approx(25.01, rel=1e-3)
    assert [project.id for project in found.projects] == ["works"]


def test_an_unknown_method_is_wrong_usage(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["solve", file, "--method", "guessing"]) == 2
    assert "'guessing'" in capfd.readouterr().err


def test_a_second_run_uses_the_cuts_of_the_first(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cuts are in one file next to the plan, and are reused for another budget."""
    first = solved(capfd, file, "--reuse", "--out", "results")
    assert first.certificate.method == "decomposition"
    (cuts,) = kept("results")
    names = {path.name for path in Path("results").iterdir()}
    assert names == {"plan.json", "plan.manifest.json", cuts.name}
    second = solved(capfd, file, "--reuse", "--out", "results", "--force")
    assert second.certificate.objective == pytest.approx(first.certificate.objective, rel=1e-6)
    assert second.certificate.work["sweeps"] < first.certificate.work["sweeps"]
    solved(capfd, file, "--reuse=results", "--set", "funders.fund.budget_meur=25")
    assert kept("results") == [cuts]
    assert Plan.model_validate_json(Path("results/plan.json").read_bytes()) == second


def test_a_folder_can_be_named(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The folder is created; another second stage gets a separate file."""
    solved(capfd, "--reuse=pools/ore", file)
    assert len(kept("pools/ore")) == 1
    solved(capfd, file, "--reuse=pools/ore", "--set", "objective.measure=tonnes")
    assert len(kept("pools/ore")) == 2


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["--reuse"], "--out"),
        (["--reuse=pools", "--method", "extensive"], "--method extensive"),
        (["--reuse", "--out", "results", "--method", "extensive"], "--method extensive"),
        (["--reuse=ore.yaml"], "takes a folder"),
        (["--reuse=ore.yaml/pools"], "cannot be made"),
    ],
)
def test_reuse_without_a_place_or_a_use_is_wrong_usage(
    file: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    reported: str,
) -> None:
    """The error is reported before the solve."""
    monkeypatch.setattr(planner, "solve_to_plan", unreachable)
    assert run_command_line(["solve", file, *options]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert reported in err
    assert not Path("pools").exists()


def unreachable(*_args: Any, **_options: Any) -> Plan:
    raise AssertionError("solved all the same")


def test_the_file_must_come_before_a_bare_reuse(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """``--reuse ore.yaml`` would take the file for the folder."""
    assert run_command_line(["solve", "--reuse", file]) == 2
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("damage", [b"", b"not a pool", None])
def test_a_damaged_pool_is_named(
    file: str, capfd: pytest.CaptureFixture[str], damage: bytes | None
) -> None:
    """Empty, foreign or cut short: neither used nor overwritten."""
    solved(capfd, file, "--reuse=pools")
    (cuts,) = kept("pools")
    damaged = cuts.read_bytes()[:-40] if damage is None else damage
    cuts.write_bytes(damaged)
    assert run_command_line(["solve", file, "--reuse=pools", "--json"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert cuts.name in err
    assert cuts.read_bytes() == damaged


def test_an_infeasible_scenario_leaves_the_pool_as_it_was(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    solved(capfd, file, "--reuse=pools")
    (cuts,) = kept("pools")
    before = cuts.read_bytes()
    must = "policy.must_build=[works, plant]"
    assert run_command_line(["solve", file, "--reuse=pools", "--set", must, "--json"]) == 3
    assert json.loads(capfd.readouterr().out)["kind"] == "infeasible"
    assert cuts.read_bytes() == before
