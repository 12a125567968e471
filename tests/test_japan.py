"""The shipped case of Japan in 2009 keeps its history apart from what was known."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from models.files import read_case
from models.scenario.references import Case
from optimizer.analyses.plan.figure_sources import figures_needing_source
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

SCENARIO = Path(__file__).parents[1] / "scenarios" / "japan-2010.yaml"
HISTORY = ("history_embargo", "history_quota")
"""Hazards that came, and that nothing is planned on."""
PATHS = ("path_that_came", "embargo_alone")
"""Variants that are history."""
LISTS = {"loss", "ramp_up", "capex_profile"}
"""Lists whose first entry carries the source of all."""
SET_HERE = {"cost_weight", "level", "weight", "period"}
"""Figures of the objective, which are a choice and no fact, and dates."""


@cache
def japan(variant: str | None = None) -> Case:
    return read_case(SCENARIO, variant).case


VARIANTS = tuple(japan().variants)


def test_it_reads_and_so_does_every_variant() -> None:
    reading = read_case(SCENARIO, check_variants=True)
    assert {"rate_third", "rate_triple", *PATHS} <= set(VARIANTS)
    assert reading.case.horizon.first_year == 2009


@pytest.mark.parametrize("variant", [None, *VARIANTS])
def test_every_figure_has_a_source_and_a_confidence(variant: str | None) -> None:
    case = japan(variant)
    found = [f for f in figures_needing_source(case) if f.field not in SET_HERE]
    bare = {f.field for f in found if f.source is None or f.confidence is None}
    assert bare <= LISTS
    assert {f.source for f in found if f.source is not None} <= set(case.sources)
    assert len(found) > 250


def test_lists_carry_their_source_in_the_first_entry() -> None:
    case = japan()
    for project in case.projects.values():
        assert project.ramp_up[0].source
        assert project.capex_profile[0].source
    for hazard in case.hazards.values():
        assert all(effect.loss[0].source for effect in hazard.effects_by_profile[None])


def test_history_has_no_probability_where_plans_are_made() -> None:
    for variant in (None, *VARIANTS):
        hazards = japan(variant).hazards
        assert [hazards[h].annual_probability.values for h in HISTORY] == [(0,), (0,)]
    for variant in (None, *(v for v in VARIANTS if v not in PATHS)):
        struck = {
            hazard
            for state in read_states(read_instance(japan(variant)))
            for hazard, _ in state.events
        }
        assert struck == set(japan().hazards) - set(HISTORY)


def test_history_is_one_path_of_its_hazards() -> None:
    for variant in PATHS:
        (state,) = read_states(read_instance(japan(variant)))
        assert state.probability == 1
        assert {hazard for hazard, _ in state.events} <= set(HISTORY)


def test_later_sources_serve_history_alone() -> None:
    """Sources under the heading of history are used by hazards and variants of history."""
    text = SCENARIO.read_text(encoding="utf-8")
    later = set(
        re.findall(r"^  (\w+):$", text.split("  # History: of later date")[1], re.MULTILINE)
    )
    assert "embargo_2010" in later
    used = {f.file_section + " " + (f.source or "") for f in figures_needing_source(japan())}
    assert {u.split()[-1] for u in used} & later == {"a_history", "embargo_2010", "quota_2010"}
    ordinary = set(japan().hazards) - set(HISTORY)
    for hazard in ordinary:
        known = japan().hazards[hazard]
        assert known.annual_probability.values[0].source not in later
        losses = [loss for effect in known.effects_by_profile[None] for loss in effect.loss]
        assert all(loss.source not in later for loss in losses)


def test_the_rates_of_the_variants_are_a_third_and_three_times_the_base() -> None:
    base = japan().hazards
    for variant, factor in (("rate_third", 1 / 3), ("rate_triple", 3.0)):
        for hazard in set(base) - set(HISTORY):
            rate = japan(variant).hazards[hazard].annual_probability.at(2010)
            known = base[hazard].annual_probability.at(2010)
            assert rate == pytest.approx(factor * known, abs=5e-5)


def test_the_base_rates_are_what_the_count_of_2009_gives() -> None:
    """Jeffreys: (events + 0.5) / material-years, from January 2005 to May 2009."""
    years = 53 / 12
    severe, of_china, slight = 2.5 / (25 * years), 0.5 / (16 * years), 3.5 / (16 * years)
    rates = {id: it.annual_probability.at(2010) for id, it in japan().hazards.items()}
    assert rates["political_stop"] == pytest.approx(of_china, abs=5e-5)
    assert rates["hard_quota"] == pytest.approx(severe - of_china, abs=1e-4)
    assert rates["slight_quota"] == pytest.approx(slight, abs=5e-5)
