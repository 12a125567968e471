"""A coalition's optimum is that of a scenario in which outsiders have nothing to act with."""

from __future__ import annotations

import copy
import random

import pytest
from frontier_cases import reading
from partners import Raw, partners
from small import CHINA, case, chance_of_cut, cut, funder, project, state, stockpile

from models.results import Split
from models.scenario.references import Case
from optimizer.analyses.analysis_options import SplitOptions
from optimizer.analyses.split.split import split_joint_gain
from optimizer.solve.planner import solve_to_plan

COMPANIES = ("one", "two", "three")


def drawn(seed: int) -> Raw:
    """Three companies that may each carry a part of works, a fund, stocks, and imports at risk."""
    draw = random.Random(f"coalitions {seed}")

    def company() -> Raw:
        return funder(
            "company",
            budget=draw.choice([3.0, 6.0, 20.0]),
            offtake_per_share=draw.choice([0.5, 1.0]),
            max_share=draw.choice([0.5, 1.0]),
        )

    raw = case(
        last_year=2027,
        consumers={
            **{f"{f}s": {"name": f, "company": f} for f in COMPANIES},
            "rest": {"name": "Rest"},
        },
        demand=[
            {"consumer": u, "material": "ore", "t_per_year": draw.choice([20, 50, 90])}
            for u in ("ones", "twos", "threes", "rest")
        ],
        damage=[
            {"material": "ore", "consumer": u, "steps": [
                {"share": 0.3, "eur_per_t": draw.choice([20_000, 50_000])},
                {"share": 0.7, "eur_per_t": draw.choice([80_000, 150_000])},
            ]}
            for u in ("ones", "twos", "threes", "rest")
        ],
        funders={
            **{f: company() for f in COMPANIES},
            "fund": funder(budget=draw.choice([0.0, 4.0]), max_share=0.6),
        },
        projects={
            "works": project(120, draw.choice([6, 9]), home_share=draw.choice([0.0, 0.2])),
            "mine": project(60, draw.choice([2, 4]), market_finance_max=0.5),
        },
        stockpiles=[
            stockpile(paid_by={"one": 0.5, "two": 0.5}, max_purchase_t_per_year=30),
            stockpile(id="shared", paid_by={"fund": 0.6, "three": 0.4}, max_purchase_t_per_year=20),
        ],
        supply=CHINA,
        hazards=cut([0.9, 0.5]),
    )  # fmt: skip
    states = [state("calm", 0.6), state("soon", 0.3, 2026), state("late", 0.1, 2027)]
    return raw | {"uncertainty": {"states": states}}


def without_outsiders(raw: Raw, members: tuple[str, ...], public: bool) -> Raw:
    """The scenario as it is for a coalition: written out as a file, not derived from the
    perspective of a funder."""
    own = copy.deepcopy(raw)
    actors = {*members, "fund"} if public else {*members}
    counted = {f"{f}s" for f in members}
    for f, content in own["funders"].items():
        if f not in actors:
            content["instruments"]["equity"]["max_share"] = 0
    own["stockpiles"] = [s for s in own["stockpiles"] if actors.issuperset(s["paid_by"])]
    for entry in own["damage"]:
        if entry["consumer"] not in counted:
            for step in entry["steps"]:
                step["eur_per_t"] = 0
    own["objective"] = {"cost_weight": 1, "allocation": "entitled"}
    return own


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mode", ["none", "every"])
def test_outsiders_are_as_if_they_had_nothing(seed: int, mode: str) -> None:
    raw = drawn(seed)
    found = split_joint_gain(reading(raw), SplitOptions(mode=mode, gap=1e-7, jobs=1), title="drawn")  # type: ignore[arg-type]
    for own in found.coalitions:
        written = without_outsiders(raw, own.members, mode == "every")
        best = solve_to_plan(Case.model_validate(written), gap=1e-7).certificate.objective
        assert own.found == pytest.approx(best, rel=2e-6, abs=1e-6)
        assert own.bound <= best + 1e-6 * max(1.0, best)


@pytest.mark.slow
def test_some_of_them_act_alone_and_some_only_together() -> None:
    """Else the test above would hold of games in which nothing happens."""
    alone = together = 0
    for seed in range(6):
        found = split_joint_gain(
            reading(drawn(seed)), SplitOptions(mode="none", gap=1e-6, jobs=1), title="drawn"
        )
        alone += any(own.projects for own in found.coalitions if len(own.members) == 1)
        together += found.worth.value > 0.1
    assert alone > 0
    assert together > 2


def reported(found: Split) -> Raw:
    """All of a document but wall times."""
    content = found.model_dump(exclude={"seconds", "coalitions"})
    own = [coalition.model_dump(exclude={"seconds"}) for coalition in found.coalitions]
    return content | {"coalitions": own}


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_processes() -> None:
    raw = partners(**chance_of_cut(0.4))
    options = SplitOptions(externality=True, gap=1e-6, jobs=2)
    twice = [split_joint_gain(reading(raw), options, title="two") for _ in range(2)]
    assert reported(twice[0]) == reported(twice[1])
    one = split_joint_gain(reading(raw), SplitOptions(gap=1e-6, jobs=1), title="one")
    for own, other in zip(one.coalitions, twice[0].coalitions, strict=True):
        assert own.found == pytest.approx(other.found, rel=2e-6)
