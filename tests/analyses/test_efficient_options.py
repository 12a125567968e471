"""Which options are efficient in public money and damage, worked by hand, and what each adds."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from everything import everything
from hypothesis import given, settings, strategies as st
from side_by_side import changed, large, raw, small, stock
from small import funder, near, solve

from models.results import Comparison, Plan
from models.results.comparison import Increment
from models.results.option import Option
from optimizer.analyses.comparison.efficiency import EfficientFrontier, efficient_frontier
from optimizer.analyses.comparison.plan_comparison import approvals_by_year, compare_plans

WITHOUT = 100.0
"""Expected damage without any plan."""


@cache
def pattern() -> Option:
    return compare_plans([small()], ["pattern"]).options[0]


def option(
    label: str, money: float, damage: float, slack: float | None = 0.0, **fields: Any
) -> Option:
    """An option of these figures, whose objective is its damage."""
    of = pattern()
    expected = of.benefit.expected.model_copy(
        update={"with_plan": damage, "without_plan": WITHOUT, "avoided": WITHOUT - damage}
    )
    objective = fields.pop("objective", damage)
    proof = {"objective": objective, "bound": None if slack is None else objective - slack}
    public = of.cost.public.model_copy(update={"paid_meur": money, "paid_present_meur": money})
    benefit = of.benefit.model_copy(update={"expected": expected, **fields})
    return of.model_copy(
        update={
            "label": label,
            "benefit": benefit,
            "cost": of.cost.model_copy(update={"public": public}),
            "proof": of.proof.model_copy(update=proof),
        }
    )


def lined(*options: Option) -> EfficientFrontier:
    return efficient_frontier(options, options[0], [()] * len(options))


def reported(some: list[Any]) -> list[tuple[str, str | None, float, float, float | None]]:
    return [(i.option, i.over, i.public_present_meur, i.avoided, i.avoided_per_euro) for i in some]


def test_a_staircase() -> None:
    """No plan leaves 100. `a` costs nothing and leaves 80; then 10 avoid 20 (b), 10 more avoid 5
    (c), 10 more avoid 45 (d). `e` takes 5 more than b and leaves 10 more.

    The straight line from a (0, 80) to d (30, 10) is at 56.7 where b stands and at 33.3 where c
    does: both lie above it, and d avoids more per euro than they, all against a.
    """
    found = lined(
        option("d", 30, 10), option("e", 15, 70), option("c", 20, 55), option("a", 0, 80),
        option("b", 10, 60),
    )  # fmt: skip
    assert reported(found.steps()) == [
        ("a", None, 0, 20, None),
        ("b", "a", 10, 20, 2.0),
        ("c", "b", 10, 5, 0.5),
        ("d", "c", 10, 45, 4.5),
    ]
    assert [step.convex for step in found.steps()] == [True, False, False, True]
    assert reported(found.dominated_increments()) == [("e", "b", 5, -10, -2.0)]
    assert found.unfunded is not None
    assert found.unfunded.label == "a"
    assert reported(found.increments_over_unfunded()) == [
        ("b", "a", 10, 20, 2.0),
        ("e", "a", 15, 10, pytest.approx(2 / 3)),
        ("c", "a", 20, 25, 1.25),
        ("d", "a", 30, 70, pytest.approx(7 / 3)),
    ]


def test_net_cost_ranks_otherwise_than_what_is_put_up() -> None:
    """`loans` puts up 30 and gets 25 back, `grants` puts up 10 and gets nothing: by what is put up
    grants are the cheaper of two efficient options, by net cost loans cost less and leave less."""

    def costing(label: str, money: float, damage: float, net: float) -> Option:
        of = option(label, money, damage)
        public = of.cost.public.model_copy(update={"cost_meur": net})
        return of.model_copy(update={"cost": of.cost.model_copy(update={"public": public})})

    some = costing("grants", 10, 60, net=10), costing("loans", 30, 50, net=5)
    labels = {
        net: [point.label for point in efficient_frontier(some, some[0], [(), ()], net).efficient]
        for net in (False, True)
    }
    assert labels == {False: ["grants", "loans"], True: ["loans"]}


def test_the_best_option_depends_on_the_value_of_an_avoided_euro() -> None:
    """As in the staircase: `b` and `c` lie above the line from `a` to `d`, which avoids 70 more for
    30 more; so up to 3/7 of a public euro for an avoided one `a` is best, and then `d`.

    By hand at 0.4 each: a costs 0 and is worth 20 x 0.4 = 8; b 40 x 0.4 - 10 = 6, c 45 x 0.4 - 20
    = -2, d 90 x 0.4 - 30 = 6. At 0.5: 10, 10, 2.5, 15.
    """
    some = (option("a", 0, 80), option("b", 10, 60), option("c", 20, 55), option("d", 30, 10))
    found = lined(*some).best_by_damage_value()
    assert [(one.option, one.worth) for one in found] == [("a", 0.0), ("d", near(3 / 7))]
    # Without a free option none is best up to the first: 10 avoid 40, 20 more avoid 50.
    found = lined(*some[1:]).best_by_damage_value()
    assert [(one.option, one.worth) for one in found] == [
        (None, 0.0), ("b", near(0.25)), ("d", near(0.4))
    ]  # fmt: skip
    # An option that costs less than nothing and avoids nothing is best until one that avoids is.
    found = lined(option("gain", -5, 100), option("b", 10, 60)).best_by_damage_value()
    assert [(one.option, one.worth) for one in found] == [("gain", 0.0), ("b", near(15 / 40))]
    # What the proofs do not tell apart is left out.
    vague = lined(some[1], option("e", 12, 59, slack=2.0)).best_by_damage_value()
    assert [one.option for one in vague] == [None, "b"]


def test_options_on_one_line_are_all_convex() -> None:
    """From 100, each 10 avoid 20: a mix of the outer two is as good as the middle one."""
    found = lined(option("a", 10, 80), option("b", 20, 60), option("c", 30, 40))
    assert [step.convex for step in found.steps()] == [True, True, True]


def test_equals_are_both_efficient_and_not_distinguished() -> None:
    found = lined(option("one", 10, 50), option("two", 10, 50), option("dear", 12, 50))
    assert reported(found.steps()) == [("one", None, 10, 50, 5.0), ("two", "one", 0, 0, None)]
    assert [step.significant for step in found.steps()] == [True, False]
    assert [step.convex for step in found.steps()] == [True, True]
    # As much damage for more money; the first of the equals is named.
    assert reported(found.dominated_increments()) == [("dear", "one", 2, 0, 0.0)]


def test_equal_money_and_more_damage_is_dominated() -> None:
    found = lined(option("worse", 10, 60), option("better", 10, 50))
    assert reported(found.steps()) == [("better", None, 10, 50, 5.0)]
    assert reported(found.dominated_increments()) == [("worse", "better", 0, -10, None)]


def test_an_option_that_is_no_better_than_no_plan() -> None:
    found = lined(option("useless", 5, 100), option("harmful", 0, 110), option("good", 8, 90))
    assert reported(found.steps()) == [("good", None, 8, 10, 1.25)]
    assert reported(found.dominated_increments()) == [
        ("harmful", None, 0, -10, None),
        ("useless", None, 5, 0, 0.0),
    ]


def test_one_option_alone() -> None:
    found = lined(option("only", 10, 40))
    assert reported(found.steps()) == [("only", None, 10, 60, 6.0)]
    assert found.dominated_increments() == []
    assert (found.unfunded, found.increments_over_unfunded()) == (None, [])


@pytest.mark.parametrize(
    ("damage", "objective", "slacks", "resolution", "significant"),
    [
        (74, 74, (3, 2), 5, True),
        (76, 76, (3, 2), 5, False),
        (75, 75, (3, 2), 5, False),  # as much as is left open
        (60, 79, (3, 2), 5, False),  # the objectives differ by 1 only
        (60, 60, (None, 2), None, None),
        (60, 60, (3, None), None, None),
    ],
)
def test_what_the_proofs_leave_open(
    damage: float,
    objective: float,
    slacks: tuple[float | None, float | None],
    resolution: float | None,
    significant: bool | None,
) -> None:
    """`a` leaves 80, `b` less by the difference to detect; both proofs leave open 5 together."""
    found = lined(
        option("a", 0, 80, slacks[0]), option("b", 10, damage, slacks[1], objective=objective)
    )
    (_, step) = found.steps()
    assert (step.resolution, step.significant) == (resolution, significant)
    (over,) = found.increments_over_unfunded()
    assert (over.resolution, over.significant) == (resolution, significant)


def test_against_no_plan_the_proof_of_one_counts() -> None:
    assert [lined(option("a", 10, 98, s)).steps()[0].significant for s in (1, 3)] == [True, False]


def test_of_several_options_without_public_money_the_best_is_the_reference() -> None:
    found = lined(option("weak", 0, 90), option("strong", 0.0005, 80), option("paid", 0.01, 70))
    assert found.unfunded is not None
    assert found.unfunded.label == "strong"
    assert [i.option for i in found.increments_over_unfunded()] == ["weak", "paid"]


def test_tonnes_are_not_set_against_euros() -> None:
    found = lined(option("a", 0, 80, measure="tonnes"), option("b", 10, 60, measure="tonnes"))
    assert reported(found.steps()) == [("a", None, 0, 20, None), ("b", "a", 10, 20, None)]


FIGURES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 120), st.integers(0, 9)), min_size=1, max_size=9
)


@given(FIGURES)
@settings(deadline=None)
def test_steps_and_dominated_are_all_and_add_up(figures: list[tuple[int, int, int]]) -> None:
    """By brute force: an option is efficient if no other, nor no plan, dominates it."""

    def better(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one[0] <= other[0] and one[1] <= other[1] and one != other

    options = [option(str(n), m, d, s) for n, (m, d, s) in enumerate(figures)]
    found = lined(*options)
    points = [(m, d) for m, d, _ in figures]
    wanted = {
        str(n)
        for n, own in enumerate(points)
        if not any(better(other, own) for other in [(0, 100), *points])
    }
    steps, dominated = found.steps(), found.dominated_increments()
    assert {step.option for step in steps} == wanted
    assert {one.option for one in dominated} == {o.label for o in options} - wanted
    if steps:
        money, damage = points[int(steps[-1].option)]
        assert sum(step.public_present_meur for step in steps) == near(money)
        assert sum(step.avoided for step in steps) == near(WITHOUT - damage)
    for one in dominated:
        assert one.public_present_meur >= 0 >= one.avoided
        assert one.over in {None, *wanted}
    # Along the convex line each further euro avoids no more than the one before.
    corners = [(0, 100), *(points[int(step.option)] for step in steps if step.convex)]
    slopes = [
        (before[1] - after[1]) / (after[0] - before[0])
        for before, after in pairwise(corners)
        if after[0] > before[0]
    ]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(slopes))
    for step in steps:
        if not step.convex:
            own = points[int(step.option)]
            before = max(corner for corner in corners if corner[0] < own[0])
            before = min((c for c in corners if c[0] == before[0]), key=lambda c: c[1])
            after = min(corner for corner in corners if corner[0] > own[0])
            here, there = ((before[1] - to[1]) / (to[0] - before[0]) for to in (own, after))
            assert there > here


def of_hand() -> Comparison:
    return compare_plans([small(), large(), stock()], ["small", "large", "stock"])


def test_of_plans_by_hand() -> None:
    """Damage 3 for 4 million EUR, 0 for 10, 2.5 for 0.5: see side_by_side."""
    found = of_hand()
    assert reported(list(found.efficient)) == [
        ("stock", None, near(0.5), near(2.5), near(5)),
        ("large", "stock", near(9.5), near(2.5), near(2.5 / 9.5)),
    ]
    (one,) = found.dominated
    assert reported([one]) == [("small", "stock", near(3.5), near(-0.5), near(-0.5 / 3.5))]
    assert found.industry_alone is None
    assert found.over_industry == ()


def test_what_is_not_compared_is_on_no_line() -> None:
    found = compare_plans([small(), changed(large(), currency="USD")], ["small", "other"])
    assert [step.option for step in found.efficient] == ["small"]
    assert found.dominated == ()
    bare = changed(small()).model_copy(update={"scenario": None})
    assert compare_plans([bare, bare], ["one", "two"]).efficient == ()


def test_an_increment_over_the_base_is_its_difference() -> None:
    """With the base without public money, both say the same."""
    purses = {"motor_co": funder("company", budget=4)}
    plans = [solve(raw(funders=purses | {"fund": funder(budget=b)})) for b in (0, 3, 6)]
    found = compare_plans(plans, ["none", "some", "more"])
    assert found.industry_alone == "none"
    assert len(found.over_industry) == 2
    for one, of in zip(found.over_industry, found.differences, strict=True):
        assert one.avoided == near(-(of.expected or 0.0))
        assert one.avoided_per_euro == near(of.avoided_per_extra_public_euro or 0.0)
        assert (one.resolution, one.significant) == (near(of.resolution or 0), of.significant)


@cache
def of_everything() -> tuple[dict[str, Plan], Comparison]:
    rich = everything()
    for purse in rich["funders"].values():
        if "budget_meur" in purse:
            purse["budget_meur"] *= 2
    plans = {"base": solve(everything()), "rich": solve(rich)}
    return plans, compare_plans(list(plans.values()), list(plans), federal=[])


def test_own_views_are_those_of_the_plans() -> None:
    """Of every company that pays, and, if nothing is federal, of every public funder."""
    plans, found = of_everything()
    paying = {
        f for o in found.options for f, sums in o.cost.by_funder.items() if sums.paid_meur > 1e-6
    }
    kinds = {f.id: f.kind for f in plans["base"].funders}
    assert {v.funder for v in found.own_views} == {f for f in paying if kinds[f] != "private"}
    companies = [view for view in found.own_views if view.kind == "company"]
    assert companies
    for view in companies:
        for label, plan in plans.items():
            gain = view.options[label]
            assert plan.case is not None
            for m in plan.case.materials:
                reserved = sum(
                    built.offtake_by_company.get(view.funder, 0.0)
                    * float(plan.case.projects[built.id].output_t_per_year.get(m, 0))
                    * float(plan.case.projects[built.id].ramp_up[-1])
                    for built in plan.projects
                )
                assert gain.output_t.get(m, 0.0) == near(reserved)
            own = [c for c in plan.consumers if c.id in view.consumers]
            assert (gain.expected is None) == (not own)
            if own:
                assert gain.expected == near(sum(c.expected for c in own))
                assert gain.expected_without_plan == near(sum(c.expected_without_plan for c in own))


def test_approvals_add_up_to_what_is_committed() -> None:
    plans, _ = of_everything()
    for plan in plans.values():
        starts = {project.id: str(project.start) for project in plan.projects}
        for f in plan.funders:
            found = approvals_by_year(plan, f.id)
            its = [p for p in plan.accounts if p.funder == f.id]
            assert sum(found.values()) == near(sum(p.committed_meur for p in its))
            assert set(found) <= {*starts.values(), *(y for p in its for y in p.paid_meur)}


def test_increments_load_back_equal() -> None:
    found = of_hand()
    assert Comparison.model_validate_json(found.model_dump_json()) == found
    assert all(isinstance(one, Increment) for one in (*found.efficient, *found.dominated))
