"""Value of deferral, and value of observing one quantity more or less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from review_cases import SEEN, lasting_cut
from small import Raw, near, state

from models.files import read_case_text
from models.results import Plan, Waiting
from models.scenario.references import Case
from optimizer.analyses.analysis_options import ReviewOptions
from optimizer.analyses.deferral.review_value import evaluate_review
from optimizer.analyses.plan.companion_results import find_mismatch
from optimizer.cli import run_command_line
from optimizer.errors import Misuse
from optimizer.solve.planner import solve_to_plan as solved


def waiting(raw: Raw, **options: Any) -> tuple[Waiting, Plan]:
    return evaluate_review(read_case_text(yaml.safe_dump(raw)), ReviewOptions(gap=0.0, **options))


def noisy(observe: list[str]) -> Raw:
    """Noise occurs in half of all states, independently of the cut."""
    states = [
        state(f"{name} {loud}", 0.25, *years)
        for name, years in (("calm", ()), ("cut", (2026,)))
        for loud in (False, True)
    ]
    for one in states[1::2]:
        one["events"] = [*one["events"], {"hazard": "noise", "start": 2026}]
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": h} for h in observe]})
    return raw | {"uncertainty": {"states": states}}


def test_what_is_observed_is_worth_what_is_lost_without_it() -> None:
    found, plan = waiting(noisy(["cut", "noise"]))
    assert plan.review is not None
    assert [found.objective, found.review.worth] == near([8, 2])
    reported = {(one.hazard, one.change): (one.groups, one.worth) for one in found.observing}
    assert reported == {("cut", "less"): (2, near(2)), ("noise", "less"): (2, near(0))}
    for one in found.observing:
        assert one.status == "optimal"
        assert one.worth_least is not None
        assert one.worth_most is not None
        assert one.worth_least - 1e-6 <= (one.worth or 0.0) <= one.worth_most + 1e-6


@pytest.mark.slow
def test_other_observations_are_evaluated_too() -> None:
    found, _ = waiting(noisy(["noise"]))
    assert found.review.worth == near(0)
    reported = {(one.hazard, one.change): (one.groups, one.worth) for one in found.observing}
    assert reported["cut", "more"] == (4, near(2))
    # Without the noise nothing is observed: all is decided now.
    assert reported["noise", "less"] == (1, near(0))
    none, _ = waiting(noisy(["noise"]), more=0)
    assert [one.change for one in none.observing] == ["less"]


def test_a_review_not_used_by_plans_is_evaluated_separately() -> None:
    """The plan is that without it, and what could be left to it is the same as if plans waited."""
    asked = lasting_cut(SEEN | {"in_plans": False})
    alone, plain = (solved(Case.model_validate(raw), gap=0.0) for raw in (asked, lasting_cut()))
    assert alone.review is None
    assert alone.certificate.objective == near(10) == plain.certificate.objective
    found, waits = waiting(asked)
    same, _ = waiting(lasting_cut(SEEN))
    assert waits.review is not None
    assert (found.objective, found.review.worth) == (near(8), near(2))
    assert [one.worth for one in found.observing] == near([one.worth for one in same.observing])
    assert [find_mismatch(found, one) for one in (alone, waits)] == ["", ""]


def test_a_file_without_a_review_is_refused() -> None:
    with pytest.raises(Misuse, match="has no review"):
        waiting(lasting_cut())


@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_command_writes_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    file = tmp_path / "later.yaml"
    file.write_text(yaml.safe_dump(lasting_cut(SEEN)), encoding="utf-8")
    out = tmp_path / "results"
    assert run_command_line(["review", str(file), "--out", str(out), "--language", language]) == 0
    said = capsys.readouterr().out
    assert ("2 million EUR" if language == "en" else "2 Mio. EUR") in said
    found = Waiting.model_validate(json.loads((out / "waiting.json").read_text()))
    plan = Plan.model_validate(json.loads((out / "review" / "plan.json").read_text()))
    assert found.review == plan.review
    assert run_command_line(["report", str(out / "waiting.json"), "--language", language]) == 0
