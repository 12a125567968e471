"""``vorrat split`` and ``vorrat participate``: options, files, texts and exit codes.

The scenario is that of ``partners.py``: both gain 1 together; a share s of `maker` costs it s.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from partners import partners, with_fund
from small import near

from models.results import Participation, Split
from optimizer.cli import run_command_line

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    raw = partners(variants={"cheap": {"set": {"projects.works.capex_meur": 4}}})
    Path("ore.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    Path("fund.yaml").write_text(yaml.safe_dump(with_fund()), encoding="utf-8")
    return "ore.yaml"


def split(capfd: Capture, *args: str, code: int = 0) -> Split:
    assert run_command_line(["split", *args, "--jobs", "1", "--json", "--quiet"]) == code
    return Split.model_validate_json(capfd.readouterr().out)


def participate(capfd: Capture, *args: str, code: int = 0) -> Participation:
    few = ["--steps", "2", "--refine", "0", "--public", "0", "--jobs", "1"]
    assert run_command_line(["participate", *args, *few, "--json", "--quiet"]) == code
    return Participation.model_validate_json(capfd.readouterr().out)


def test_a_split_as_json(file: str, capfd: Capture) -> None:
    found = split(capfd, file)
    assert found.worth.value == near(1.0)
    assert found.title == "A small case"
    assert found.externality is None
    assert found.case is not None
    assert found.case.objective.allocation == "pooled"  # the scenario as it was given


@pytest.mark.slow
def test_options_of_a_split(file: str, capfd: Capture) -> None:
    assert split(capfd, "fund.yaml", "--state", "joint").worth.value == near(14.0)
    second = split(capfd, file, "--externality").externality
    assert second is not None
    assert second.worth.value == near(0.0)
    cheap = split(capfd, file, "--variant", "cheap")
    assert cheap.variant == "cheap"
    assert cheap.plan.outlay_meur["maker"] + cheap.plan.outlay_meur["user"] == near(4.0)
    sampled = split(capfd, "fund.yaml", "--state", "player", "--exact-up-to", "2", "--orders", "3")
    assert sampled.sampling is not None
    assert sampled.sampling.orders == 6


@pytest.mark.slow
def test_a_split_is_reported_and_written(file: str, capfd: Capture) -> None:
    assert run_command_line(["split", file, "--jobs", "1", "--out", "results"]) == 0
    said = capfd.readouterr()
    assert "ore.yaml" in said.err
    assert "Shapley" in said.out
    written = json.loads(Path("results/split.json").read_text(encoding="utf-8"))
    assert written["kind"] == "split"
    assert run_command_line(["split", file, "--jobs", "1", "--out", "results", "--quiet"]) == 2
    assert "--force" in capfd.readouterr().err
    assert (
        run_command_line(["split", file, "--jobs", "1", "--out", "results", "--quiet", "--force"])
        == 0
    )
    assert run_command_line(["report", "results"]) == 0
    assert Path("results/report.html").is_file()


def test_a_split_needs_companies(tmp_path: Path, file: str, capfd: Capture) -> None:
    raw = partners()
    raw["funders"]["user"]["kind"] = "public"
    raw["funders"]["user"]["instruments"]["equity"]["budget_class"] = "financial_transaction"
    raw["consumers"]["users"].pop("company")
    Path("one.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert run_command_line(["split", "one.yaml", "--quiet"]) == 2
    assert "funders of kind company; this scenario has 1." in capfd.readouterr().err


@pytest.mark.slow
def test_shares_as_json(file: str, capfd: Capture) -> None:
    found = participate(capfd, file, "--company", "maker", "--project", "works")
    curve = found.curves[0]
    assert curve.best_share == 0.0
    assert curve.limit == 1.0
    totals = [point.standing.total for point in curve.points if point.standing is not None]
    assert totals[0] == pytest.approx(12.0, abs=2e-3)
    assert totals[-1] == pytest.approx(13.0, abs=2e-3)
    assert curve.points[0].range is not None
    assert found.case is not None


@pytest.mark.slow
def test_shares_without_a_range_and_pooled(file: str, capfd: Capture) -> None:
    found = participate(capfd, file, "--company", "user", "--no-range")
    assert found.project is None
    assert {curve.others for curve in found.curves} == {"reoptimize", "held"}
    assert all(point.range is None for curve in found.curves for point in curve.points)
    pooled = participate(capfd, file, "--company", "user", "--allocation", "pooled")
    assert [curve.others for curve in pooled.curves] == ["reoptimize"]


@pytest.mark.slow
def test_shares_are_reported_and_written(file: str, capfd: Capture) -> None:
    asked = ["participate", file, "--company", "maker", "--project", "works", "--jobs", "1"]
    few = ["--steps", "2", "--refine", "0", "--public", "0"]
    assert run_command_line([*asked, *few, "--out", "results"]) == 0
    said = capfd.readouterr()
    assert "ore.yaml" in said.err
    assert "maker" in said.out.lower() or "company" in said.out.lower()
    assert Path("results/participation.json").is_file()
    assert run_command_line([*asked, *few, "--out", "results", "--quiet"]) == 2
    assert "--force" in capfd.readouterr().err
    assert run_command_line(["workbook", "results", "--out", "shares.xlsx"]) == 0
    assert Path("shares.xlsx").is_file()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--company", "makre"], "there are maker, user"),
        (["--company", "maker", "--project", "mine"], "there are works"),
        (["--company", "maker", "--tolerance", "1e-6"], "--gap"),
        ([], "--company"),
    ],
)
def test_usage_is_checked(file: str, capfd: Capture, more: list[str], says: str) -> None:
    assert run_command_line(["participate", file, *more, "--quiet"]) == 2
    assert says in capfd.readouterr().err


def test_a_scenario_without_a_plan(file: str, capfd: Capture) -> None:
    broken = ["--set", "policy.must_build=[works]", "--set", "policy.max_projects=0"]
    assert run_command_line(["participate", file, "--company", "maker", *broken, "--quiet"]) == 3
    assert "max_projects" in capfd.readouterr().err
    assert run_command_line(["split", file, "--jobs", "1", *broken, "--quiet"]) == 0
