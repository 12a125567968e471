"""What foresight and planning for uncertainty are worth: published, and by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small import CHINA, Raw, case, chance_of_cut, cut, funder, near, project, state

from models.files import read_case
from models.results.evaluation import Information, ProvenRange
from models.scenario.references import Case
from optimizer.analyses.evaluation.information_value import (
    compute_information_value,
    compute_tail_premium,
)
from optimizer.analyses.saved_plan import SavedPlan, load_saved_plan
from optimizer.solve.certification import recertify
from optimizer.solve.planner import solve_to_plan

IN_FULL: Raw = {"cost_weight": 1.0, "cvar": {"level": 0.5, "weight": 0.0}}


def judged(raw: Raw) -> SavedPlan:
    return load_saved_plan(solve_to_plan(Case.model_validate(raw), gap=0.0))


def informed(raw: Raw, **options: Any) -> Information:
    return compute_information_value(judged(raw), gap=0.0, jobs=1, **options)


def exactly(value: float) -> Any:
    """A range that has closed upon a value."""
    return between(value, value)


def between(low: float, high: float) -> Any:
    """A range, but for rounding."""

    class Closed:
        def __eq__(self, other: object) -> bool:
            assert isinstance(other, ProvenRange)
            return bool(other.low == near(low)) and bool(other.high == near(high))

        def __repr__(self) -> str:
            return f"[{low}, {high}]"

    return Closed()


def test_the_news_vendor_of_a_lecture() -> None:
    """Kantor (University of Notre Dame, the news vendor problem): programs that cost 6 sell for 10
    and are worth 2 if left over; 250 are asked for with chance 1/4, 125 with 1/2, 75 with 1/4.

    Published profits: 575 if the demand is known, 400 at best, 362.50 with an order for the mean
    demand: an EVPI of 175 and a VSS of 37.50.

    The file tells how it becomes a stock; 575, 400 and 362.50 are 5.75, 4 and 3.625 million EUR
    there.
    """
    made = read_case(Path(__file__).parents[1] / "textbook" / "news_vendor.yaml").case
    found = compute_information_value(
        load_saved_plan(solve_to_plan(made)), gap=0.0, time_limit=None, jobs=1, max_states=9
    )
    assert (found.states, found.of_states, found.distinct) == (3, 3, 3)
    assert found.wait_and_see == exactly(11.5 - 5.75)
    assert found.recourse_problem == exactly(11.5 - 4.0)
    assert found.mean_plan == near(11.5 - 3.625)
    assert found.evpi == exactly(1.75)
    assert found.vss == exactly(0.375)
    assert found.mean_value_problem == exactly(0.04 * 143.75)
    assert found.mean_plan_stockpiles == ("copies",)
    assert found.wait_and_see_error is None


def test_half_a_shortage_may_not_be_worth_a_project() -> None:
    """Imports fail with chance 1/2, for 10 million EUR; works that replace them cost 6.

    Known beforehand, they are built where needed: 6 / 2 = 3. Built for both states they cost 6,
    and nothing costs 10 / 2 = 5: RP. In the mean half is missing, for 5, so that nothing is built
    either: EV is 5 as well, and above WS, since works are built whole or not at all.
    """
    raw = case(
        projects={"works": project(100, 6)}, objective=IN_FULL, **chance_of_cut(0.5)
    )  # fmt: skip
    found = informed(raw)
    assert found.wait_and_see == exactly(3)
    assert found.mean_value_problem == exactly(5)
    assert found.recourse_problem == exactly(5)
    assert found.mean_plan == near(5)
    assert found.mean_plan_projects == ()
    assert found.evpi == exactly(2)
    assert found.vss == exactly(0)


def two_works(**sections: Any) -> Raw:
    names = ["one", "two"]
    states = [
        state(f"state {n}", 1 / 4, failed_projects=[p for i, p in enumerate(names) if n >> i & 1])
        for n in range(4)
    ]
    return case(
        projects={p: project(100, 3) for p in names},
        uncertainty={"states": states},
        objective=IN_FULL,
        **sections,
    )


def test_works_that_may_fail_look_too_good_in_the_mean() -> None:
    """Two works of 100 t for 3 each fail with chance 1/2, apart; 100 t are missing for 10.

    None costs 10, one 3 + 10 / 2 = 8, both 6 + 10 / 4 = 8.5: RP is 8. In the mean each gives 50 t:
    both cost 6 and nothing is missing, one costs 3 + 5. So EV = 6, EEV = 8.5 and VSS = 0.5. Known
    beforehand, one that does not fail is built, with chance 3/4: WS = 9/4 + 10/4 = 4.75.
    """
    found = informed(two_works())
    assert found.recourse_problem == exactly(8)
    assert found.mean_value_problem == exactly(6)
    assert found.mean_plan == near(8.5)
    assert found.mean_plan_projects == ("one", "two")
    assert found.vss == exactly(0.5)
    assert found.wait_and_see == exactly(4.75)
    assert found.evpi == exactly(3.25)
    assert (found.states, found.distinct) == (4, 4)


@pytest.mark.parametrize("bound", [5.0, None])
def test_what_is_not_proven_widens_the_ranges(bound: float | None) -> None:
    """The same, RP being proven to be no less than 5 only, or not at all: EV raises that to 6.

    With the best plan, of 8: EVPI from 6 - 4.75 to 8 - 4.75, VSS from 8.5 - 8 to 8.5 - 6. With none
    built, 10: EV's plan of 8.5 is better, EVPI up to 8.5 - 4.75, and VSS from 0.
    """
    own = judged(two_works())
    idle = judged(two_works(policy={"must_not_build": ["one", "two"]}))
    for found, best in ((own.solution, 8.0), (idle.solution, 8.5)):
        unproven = replace(own, solution=recertify(found, own.problem, bound))
        reported = compute_information_value(unproven, gap=0.0, jobs=1)
        assert reported.recourse_problem == between(6, best)
        assert reported.wait_and_see == exactly(4.75)
        assert reported.evpi == between(1.25, best - 4.75)
        assert reported.vss == between(8.5 - best, 2.5)


def test_where_nothing_can_be_done_a_few_states_tell_all() -> None:
    """No plan but to do nothing: foresight saves nothing, in whatever states, and that is certain,
    though damage itself is spread from state to state."""
    hazards = cut([0.9])
    hazards["cut"]["annual_probability"] = 0.4
    raw = case(
        2029, supply=CHINA, hazards=hazards, uncertainty={"sample": {"states": 40, "seed": 1}}
    )
    own = judged(raw)
    found = compute_information_value(own, gap=0.0, jobs=1, max_states=5)
    assert (found.states, found.of_states) == (5, 40)
    assert found.wait_and_see == exactly(own.solution.objective)
    assert found.evpi == exactly(0)
    assert found.wait_and_see_error == near(0)
    assert own.solution.with_plan.damage.std() > 1


def test_the_tail_weighs_what_foresight_saves() -> None:
    """Imports fail with chance 1/4, for 10 million EUR; works that replace them cost 6, and the
    worst half of states counts by half.

    Nothing: 2.5 on average, 5 in the worst half: 3.75. Works: 6. RP is 3.75. Known beforehand: 0,
    or 6 with chance 1/4: 1.5 and 3, so 2.25. EVPI = 1.5; without weight on the tail it is 1.
    """
    aim = IN_FULL | {"cvar": {"level": 0.5, "weight": 0.5}}
    raw = case(projects={"works": project(100, 6)}, objective=aim, **chance_of_cut(0.25))
    found = informed(raw)
    assert found.recourse_problem == exactly(3.75)
    assert found.wait_and_see == exactly(2.25)
    assert found.evpi == exactly(1.5)
    neutral = informed(raw | {"objective": IN_FULL})
    assert neutral.evpi == exactly(1.0)


def test_caring_for_the_worst_costs_in_the_mean() -> None:
    """`sure` gives 60 of 100 t; `bold` gives all but fails with chance 0.3: 4 against 3 on
    average, 4 against 10 in the worst 0.3, which a weight of 0.2 makes worth it: 4 against 4.4.

    The premium is 4 - 3 = 1, and buys 10 - 4 = 6. Both cost as much.
    """
    raw = case(
        funders={"fund": funder()},
        projects={"bold": project(100), "sure": project(60)},
        policy={"max_projects": 1},
        uncertainty={"states": [state("good", 0.7), state("bad", 0.3, failed_projects=["bold"])]},
        objective={"cost_weight": 0.0, "cvar": {"level": 0.7, "weight": 0.0}},
    )
    averse = raw | {"objective": {"cost_weight": 0.0, "cvar": {"level": 0.7, "weight": 0.2}}}
    for own in (raw, averse):
        found = compute_tail_premium(judged(own), weight=0.2, gap=0.0)
        assert found.premium == exactly(1)
        assert found.bought == near(6)
        assert (found.neutral.weight, found.averse.weight) == (0.0, 0.2)
        assert (found.neutral.projects, found.averse.projects) == (("bold",), ("sure",))
        assert (found.neutral.expected, found.averse.expected) == (near(3), near(4))
        assert (found.neutral.cvar, found.averse.cvar) == (near(10), near(4))
