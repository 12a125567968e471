"""How events cluster: by hand in a few states, and what must hold of any that are drawn."""

from __future__ import annotations

from typing import Any

import pytest
from documents import tables_in
from pages import shows
from small import CHINA, Raw, case, near

from models.language import using
from models.results import Clustering, Plan
from models.scenario.case import Case
from optimizer.analyses.registry import build_result_document
from optimizer.model.instance import read_instance
from optimizer.model.states import State, read_states
from optimizer.report.render import html
from optimizer.solve import planner
from optimizer.solve.accounts import event_clustering

STAYS = {"calm": {"calm": 1.0}, "tense": {"tense": 1.0}}


def two(probability: Any = 0.25, states: int = 4, **factors: Any) -> Raw:
    """Two hazards over two years of two periods; with factors, each state is calm or tense."""
    own: Raw = {"annual_probability": probability, "regime_factors": factors}
    effects = [{"country": "CN", "loss": [0.5]}]
    uncertainty: Raw = {"sample": {"states": states, "seed": 1}}
    if factors:
        uncertainty["regimes"] = {"first": {"calm": 0.5, "tense": 0.5}, "yearly": STAYS}
    return case(
        horizon={"first_year": 2026, "last_year": 2027, "periods_per_year": 2},
        supply=CHINA,
        hazards={name: own | {"effects": effects} for name in ("flood", "strike")},
        uncertainty=uncertainty,
    )


def reported(raw: Raw, states: tuple[State, ...] | None = None) -> Clustering | None:
    instance = read_instance(Case.model_validate(raw))
    return event_clustering(instance, states or read_states(instance))


def pairs(found: Clustering | None) -> list[tuple[float, float]]:
    assert found is not None
    assert [one.events for one in found.years] == list(range(len(found.years)))
    return [(one.share, one.independent) for one in found.years]


def in_tense_years(of: float) -> tuple[State, ...]:
    """Both, one, the other or none with 0.25 each in both of two tense years, half of all; events
    fall into one year or the other of a state by turns."""
    both, one, other = (("flood", 0), ("strike", 1)), (("flood", 1),), (("strike", 0),)
    later = {events: tuple((h, k + 2) for h, k in events) for events in (both, one, other)}
    ways = ((*both, *later[other]), (*one, *later[both]), (*other, *later[one]), ())
    tense = [State("tense", of / 4, events) for events in ways]
    return (State("calm", 1 - of), *tense)


def test_tense_years_by_hand() -> None:
    """At 0.5 in tense years, half of all, and never in calm ones: both strike in a quarter of tense
    years. The mean rate of each is 0.25, by which both would in 0.0625 of all."""
    found = reported(two(calm=0, tense=2), in_tense_years(0.5))
    assert pairs(found) == [
        (near(0.625), near(0.5625)),
        (near(0.25), near(0.375)),
        (near(0.125), near(0.0625)),
    ]
    assert found is not None
    # Two hazards and two years at 0.25 have at most k events with 81, 189, 243, 255, 256 of 256.
    at_most = [(n / 256) ** 5 for n in (81, 189, 243, 255)]
    assert (found.most, found.most_independent) == (3, near(4 - sum(at_most)))


def test_drawn_states_come_near_it() -> None:
    found = pairs(reported(two(states=4000, calm=0, tense=2)))
    assert found[2] == (pytest.approx(0.125, abs=0.02), pytest.approx(0.0625, abs=0.01))


def test_without_regimes_both_agree() -> None:
    for drawn, independent in pairs(reported(two(states=4000))):
        assert drawn == pytest.approx(independent, abs=0.02)


def test_what_is_certain_is_left_out() -> None:
    """In 2026 both strike for certain; in 2027 as often as they were drawn."""
    raw = two({2026: 1, 2027: 0.5})
    states = tuple(
        State("", 0.5, (("flood", 0), ("strike", 0), *events)) for events in ((), (("flood", 2),))
    )
    assert pairs(reported(raw, states)) == [(near(0.75),) * 2, (near(0.25),) * 2, (0, 0)]
    assert reported(two(1)) is reported(two(0)) is None
    # It is certain in tense years, and states differ.
    assert reported(two(0.5, calm=0, tense=2)) is not None


def test_nothing_is_reported_without_two_hazards_or_of_written_states() -> None:
    raw = two()
    assert reported(raw | {"hazards": {"flood": raw["hazards"]["flood"]}}) is None
    assert reported(raw | {"uncertainty": {"states": [{"probability": 1}]}}) is None
    assert reported(case()) is None


def plan(raw: Raw) -> Plan:
    return planner.solve_to_plan(Case.model_validate(raw), threads=1)


def test_a_plan_and_its_report_contain_it() -> None:
    found = plan(two(states=200, calm=0, tense=2))
    assert found.clustering == reported(two(states=200, calm=0, tense=2))
    assert Plan.model_validate_json(found.model_dump_json()) == found
    table = tables_in(found)["event-clusters"]
    assert [row[0].text for row in table.rows] == ["0", "1", "2"]
    assert [row[1].value for row in table.rows] == [near(x) for x, _ in pairs(found.clustering)]
    assert all(shows(cell) for row in table.rows for cell in row[1:])
    for language, words in (("en", "two or more hazards"), ("de", "zwei oder mehr Gefahren")):
        with using(language):
            page = html.render_page(build_result_document(found))
        assert words in page
        assert "chart-event-clusters" in page


def test_a_plan_saved_before_has_none() -> None:
    content = plan(two(states=200)).model_dump(mode="json")
    del content["clustering"]
    found = Plan.model_validate(content)
    assert found.clustering is None
    assert "event-clusters" not in tables_in(found)
