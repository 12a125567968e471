"""The difference of two plans: applied to the first it gives the second; small parts are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from optimizer.analyses.plan_diff import DecisionDiff, Decisions, differs

SEEDS = st.integers(0, 2**32)


def draw_decisions(seed: int) -> Decisions:
    """Draw decisions on up to four projects and three stockpiles; drawing them here is quick."""
    random = Random(seed)

    def some(keys: Sequence[Any], value: Callable[[], Any]) -> dict[Any, Any]:
        return {key: value() for key in keys if random.random() < 0.5}

    def tonnes() -> float:
        return random.uniform(1.0, 1e6)

    starts = some("abcd", lambda: random.randint(2026, 2029))
    payers = [("state", "loan"), ("firm", "stake")]
    items = [("projects", "a"), ("stockpiles", "h")]
    return Decisions(
        starts=starts,
        stocks_t=some("hij", tonnes),
        shares={p: some(payers, random.random) for p in starts},
        stock_cost_meur=some("hij", tonnes),
        offtake={p: random.random() for p in starts},
        paid_meur=some(items, lambda: some("xy", tonnes)),
    )


@given(SEEDS, SEEDS)
def test_the_difference_applied_to_one_plan_gives_the_other(seed: int, other: int) -> None:
    a, b = draw_decisions(seed), draw_decisions(other)
    diff = DecisionDiff.between(a, b)
    starts = {p: year for p, year in a.starts.items() if p not in diff.leaving}
    assert all(starts[p] == before != after for p, (before, after) in diff.moved.items())
    starts |= {p: after for p, (_, after) in diff.moved.items()}
    assert not {*diff.entering} & {*a.starts}
    assert starts | {p: b.starts[p] for p in diff.entering} == b.starts
    for name in ("stocks_t", "stock_cost_meur", "offtake"):
        for before, plan in enumerate((a, b)):
            figures = {item: pair[before] for item, pair in getattr(diff, name).items()}
            assert {x: y for x, y in figures.items() if y} == {
                x: y for x, y in getattr(plan, name).items() if y
            }
    for n, plan in enumerate((a, b)):
        for payer in "xy":
            total = sum(paid.get(payer, 0.0) for paid in plan.paid_meur.values())
            assert diff.paid_by_payer_meur.get(payer, (0.0, 0.0))[n] == pytest.approx(total)


@given(SEEDS, SEEDS)
def test_the_difference_the_other_way_is_its_opposite(seed: int, other: int) -> None:
    a, b = draw_decisions(seed), draw_decisions(other)
    there, back = DecisionDiff.between(a, b), DecisionDiff.between(b, a)
    assert {*there.entering} == {*back.leaving}
    assert there.moved == {p: years[::-1] for p, years in back.moved.items()}
    assert {*there.refinanced} == {*back.refinanced}
    saved, opposite = there.to_result(), back.to_result()
    assert saved.stocks_t == {h: -x for h, x in opposite.stocks_t.items()}


@given(SEEDS)
def test_a_plan_does_not_differ_from_itself(seed: int) -> None:
    diff = DecisionDiff.between(*(draw_decisions(seed) for _ in range(2)))
    assert not any((diff.entering, diff.leaving, diff.moved, diff.refinanced))
    assert not any(diff.to_result().model_dump().values())
    assert all(x == y for x, y in diff.paid_by_payer_meur.values())


@given(st.floats(1.0, 1e6), st.sampled_from([1, -1]))
def test_a_stock_differs_from_one_percent_on(tonnes: float, sign: int) -> None:
    """By the larger of both; more than that, and a share of capex by more than half a point."""
    for share, counts in ((0.0098, False), (0.0102, True)):
        pair = (tonnes * (1 - share), tonnes)[::sign]
        diff = DecisionDiff.between(*(Decisions(stocks_t={"h": x}) for x in pair))
        assert ("h" in diff.to_result().stocks_t) == counts


@pytest.mark.parametrize(("points", "changed"), [(0.0049, ()), (0.0051, ("p",))])
def test_other_shares_of_capex_are_other_financing(points: float, changed: tuple[str, ...]) -> None:
    for key in (("state", "loan"), ("firm", "stake")):
        before = {("state", "loan"): 0.4}
        after = before | {key: before.get(key, 0.0) + points}
        plans = [Decisions({"p": 2027}, shares={"p": shares}) for shares in (before, after)]
        assert DecisionDiff.between(*plans).refinanced == changed
        later = Decisions({"p": 2028}, shares={"p": after})
        assert not DecisionDiff.between(plans[0], later).refinanced  # it is moved


def test_figures_differ_by_more_than_the_least_and_than_a_share_of_the_larger() -> None:
    cases = [(0.0, 1.1, 0.0, 1.0), (-100.0, -98.9, 0.01, 0.0), (100.0, 102.0, 0.01, 1.9)]
    assert all(differs(*case) for case in cases)
    cases = [(0.0, 1.0, 0.0, 1.0), (-100.0, -99.0, 0.01, 0.0), (100.0, 102.0, 0.01, 3.0)]
    assert not any(differs(*case) for case in cases)
