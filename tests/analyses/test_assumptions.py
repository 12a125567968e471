"""What may be off in a scenario, and that it stays a scenario wherever it is put."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small import case as bare, chance_of_cut, cut, project

from models.files import LoadedScenario, read_case, read_case_text
from optimizer.analyses.assumptions import Assumption, InvalidAssumption, list_assumptions

ROOT = Path(__file__).parents[2]
Raw = dict[str, Any]
SAMPLED: Raw = {"uncertainty": {"sample": {"states": 10}}, "hazards": cut([1.0])}


def reading(raw: Raw) -> LoadedScenario:
    return read_case_text(yaml.safe_dump(raw))


def by_id(raw: Raw, **choice: Any) -> dict[str, Assumption]:
    return {made.id: made for made in list_assumptions(reading(raw).case, **choice)}


def put(raw: Raw, id: str, value: float, **choice: Any) -> Any:
    """The case in which an assumption has a value."""
    scenario = reading(raw)
    (made,) = list_assumptions(scenario.case, only=[id], **choice)
    return scenario.with_settings(made.settings_at(value)).case


@pytest.mark.quick(1, ci=2)
@pytest.mark.parametrize("name", ["tutorial", "consortium", "germany-2026"])
def test_scenarios_stay_sound_at_both_ends_and_change_there(name: str) -> None:
    scenario = read_case(ROOT / "scenarios" / f"{name}.yaml")
    for made in list_assumptions(scenario.case):
        assert made.settings_at(made.base) == []
        assert made.low < made.base < made.high
        for end in (made.low, made.high):
            changed = scenario.with_settings(made.settings_at(end)).case
            assert changed != scenario.case, (made.id, end)


def test_yearly_numbers_stay_yearly() -> None:
    raw = bare()
    raw["demand"][0]["t_per_year"] = {2026: 100, 2030: 250}
    (row,) = put(raw, "demand", 1.2).demand
    assert row.t_per_year.years == (2026, 2030)
    assert row.t_per_year.values == pytest.approx((120, 300))


def test_yearly_probabilities_stay_probabilities() -> None:
    raw = bare(**SAMPLED)
    raw["hazards"]["cut"]["annual_probability"] = {2026: 0.1, 2030: 0.5}
    found = put(raw, "hazards", 3.0).hazards["cut"].annual_probability
    assert found.years == (2026, 2030)
    assert found.values == pytest.approx((0.3, 1.0))


def test_damage_goes_on_rising() -> None:
    steps = [{"share": 0.5, "eur_per_t": 7}, {"share": 0.5, "eur_per_t": 7.000001}]
    case = put(bare(damage=[{"material": "ore", "steps": steps}]), "damage.ore", 1 / 3)
    assert [float(step.eur_per_t) for step in case.damage[0].steps] == pytest.approx(
        [7 / 3, 7.000001 / 3]
    )


def test_probabilities_stop_at_one() -> None:
    raw = bare(**SAMPLED, projects={"works": project(success_probability=0.4)})
    raw["hazards"]["cut"]["annual_probability"] = 0.5
    assert put(raw, "hazards", 3.0).hazards["cut"].annual_probability.at(2026) == 1
    assert float(put(raw, "success", 2.0).projects["works"].success_probability) == 0
    assert float(put(raw, "success", 0.5).projects["works"].success_probability) == near(0.7)


def near(value: float) -> Any:
    return pytest.approx(value, abs=1e-12)


def test_delays_still_add_up_to_one() -> None:
    delays = {0: 0.5, 1: 0.3, 2: 0.2}
    raw = bare(**SAMPLED, projects={"works": project(delay_years=delays)})
    assert put(raw, "delay", 0.5).projects["works"].delay_years == pytest.approx(
        {0: 0.75, 1: 0.15, 2: 0.1}
    )
    assert put(raw, "delay", 4.0, ranges={"delay": (0, 4)}).projects[
        "works"
    ].delay_years == pytest.approx({0: 0, 1: 0.6, 2: 0.4})


def test_a_project_that_is_always_late_may_be_on_time() -> None:
    raw = bare(**SAMPLED, projects={"works": project(delay_years={2: 1.0})})
    assert put(raw, "delay", 0.5).projects["works"].delay_years == pytest.approx({0: 0.5, 2: 0.5})


def test_written_states_take_probability_from_each_other() -> None:
    raw = bare(**chance_of_cut(0.2))
    shares = [float(s.probability) for s in put(raw, "hazard.cut", 3.0).uncertainty.states]
    assert shares == pytest.approx([0.4, 0.6])
    assert "success" not in by_id(raw)


def test_what_plays_no_part_is_left_out() -> None:
    assert set(by_id(bare())) == {"damage.ore", "demand", "price"}
    tonnes = bare(objective={"measure": "tonnes"})
    assert set(by_id(tonnes)) == {"demand", "price"}
    certain = bare(projects={"works": project()}, **SAMPLED)
    assert not {"success", "delay"} & set(by_id(certain))


def test_a_range_is_varied_whatever_else_is_wanted() -> None:
    assert list(by_id(bare(), only=["demand"], ranges={"price": (0.5, 3)})) == ["demand", "price"]
    with pytest.raises(InvalidAssumption, match="the range of price has no width"):
        by_id(bare(), ranges={"price": (1, 1)})


def test_a_group_of_one_is_not_reported_twice() -> None:
    raw = bare(**SAMPLED)
    assert {"hazard.cut"} == {id for id in by_id(raw) if id.startswith("hazard")}
    assert set(by_id(raw, only=["hazards"])) == {"hazards"}


def test_projects_and_materials_one_by_one() -> None:
    raw = bare(projects={"a": project(), "b": project(capex=20)})
    assert "capex.a" not in by_id(raw)
    every = by_id(raw, include_parts=True)
    assert {"capex", "capex.a", "capex.b"} <= set(every)
    assert every["capex.b"].single_number_at(1.5) == near(30)
    assert every["capex"].single_number_at(1.5) is None


def test_ranges_and_free_numbers() -> None:
    found = by_id(bare(), ranges={"price": (0.9, 1.1)}, inputs={"horizon.discount_rate": (0, 0.1)})
    assert (found["price"].low, found["price"].high) == (0.9, 1.1)
    free = found["input.horizon.discount_rate"]
    assert (free.base, free.settings_at(0.05)) == (0, ["horizon.discount_rate=0.05"])


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"only": ["hazard.flood"]}, "no assumption 'hazard.flood'; there are damage"),
        ({"ranges": {"price": (2, 3)}}, "2..3 of price does not hold 1"),
        ({"ranges": {"flood": (2, 3)}}, "no assumption 'flood'"),
        ({"inputs": {"materials.ore": (0, 1)}}, "no single number at materials.ore"),
        ({"inputs": {"horizon.first_years": (0, 1)}}, "no single number"),
    ],
)
def test_a_missing_file_is_refused(choice: Raw, says: str) -> None:
    with pytest.raises(InvalidAssumption, match=says):
        list_assumptions(reading(bare()).case, **choice)
