"""Faults of assumption sets, and the lines at which they are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small import CHINA, Raw, case, cut, project, state, stockpile

from models.faults import Fault, ScenarioError
from models.files.reading import cases_by_assumption_set, read_case, read_case_text
from models.scenario.references import Case


def with_set(patch: Raw, weight: float = 1.0, **sections: Any) -> Raw:
    raw = case(
        projects={"works": project()},
        stockpiles=[stockpile()],
        supply=CHINA,
        hazards=cut([0.5]),
        objective={"over_assumptions": "mean"},
    )
    return raw | {"assumptions": {"one": {"weight": weight, "set": patch}}} | sections


def faults(raw: Raw) -> list[Fault]:
    text = yaml.safe_dump(raw, sort_keys=False, default_flow_style=False)
    with pytest.raises(ScenarioError) as reported:
        read_case_text(text)
    found = [one for one in reported.value.faults if one.severity == "error"]
    for one in found:
        assert one.location is not None
        assert one.location.line > 0
    return found


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ({"projects.works": None}, "cannot take projects.works away"),
        ({"projects.works.capex_overrun": [{"by": 0.1, "probability": 1.0}]}, "cannot add"),
        ({"stockpiles": []}, "cannot take stockpiles.reserve away"),
        ({"horizon.last_year": 2030}, "cannot change the years"),
        ({"horizon.periods_per_year": 4}, "cannot change the years or their periods"),
        ({"objective.measure": "tonnes"}, "cannot change what a plan is measured by"),
        ({"objective.over_assumptions": "worst"}, "cannot change what a plan is measured by"),
        ({"assumptions.one.weight": 0.5}, "cannot change assumptions"),
        ({"variants": {}}, "cannot change variants"),
        ({"projects.work.capex_meur": 3}, "there is no 'work' in projects"),
        ({"projects.works.capex_meur": -3}, "under the assumptions 'one'"),
        ({"hazards.cut.annual_probability": 1.5}, "under the assumptions 'one'"),
    ],
)
def test_a_set_changes_figures_only(patch: Raw, says: str) -> None:
    """Each fault is reported at the line of the patch."""
    raw = with_set(patch)
    text = yaml.safe_dump(raw, sort_keys=False, default_flow_style=False)
    (path,) = patch
    lines = enumerate(text.splitlines(), 1)  # sets stand last
    line = max(n for n, own in lines if own.strip().startswith(path))
    found = faults(raw)
    assert any(says in one.message for one in found), [one.message for one in found]
    assert line in {one.location.line for one in found if one.location is not None}


def test_weights_add_up() -> None:
    (one,) = faults(with_set({}, weight=0.7))
    assert "the weight of all sets adds up to 0.7, not 1" in one.message


def test_a_plan_over_sets_needs_some() -> None:
    raw = with_set({})
    del raw["assumptions"]
    (one,) = faults(raw)
    assert "no sets of assumptions" in one.message


def test_a_set_may_change_any_figure() -> None:
    patch = {
        "projects.works.capex_meur": {"value": 12, "confidence": "low"},
        "demand.0.t_per_year": {2026: 120},
        "hazards.cut.effects.0.loss": [0.7, 0.3],
        "hazards.cut.annual_probability": 0.2,
        "projects.works.anyway": {"year": 2026, "probability": 0.5},
        "damage": [
            {
                "material": "ore",
                "steps": [
                    {"share": {"value": 5e-05, "note": 'a "5e-05"'}, "eur_per_t": 1.5e-06},
                    {"share": 0.99995, "eur_per_t": 1},
                ],
            }
        ],
    }
    found = cases_by_assumption_set(Case.model_validate(with_set(patch)))["one"]
    assert found.projects["works"].capex_meur == 12
    assert found.projects["works"].anyway is not None
    steps = found.damage[0].steps
    assert [float(step.share) for step in steps] == [5e-05, 0.99995]
    assert steps[0].share.note == 'a "5e-05"'
    assert steps[0].eur_per_t == 1.5e-06
    assert found.assumptions == {}
    assert found.objective.over_assumptions is None


@pytest.mark.parametrize(
    ("path", "header", "row"),
    [
        ("projects", "id,name,country,output_t_per_year.ore,capex_meur", "works,W,DE,100,12"),
        ("demand", "consumer,material,t_per_year", "industry,ore,70"),
        ("uncertainty", "state,probability,kind,id,year,period,value", "calm,1,,,,,"),
        ("uncertainty.states", "state,probability,kind,id,year,period,value", "calm,1,,,,,"),
    ],
)
def test_a_table_of_a_set_lies_beside_the_file(
    tmp_path: Path, path: str, header: str, row: str
) -> None:
    table = {"table": "sub/other.csv"}
    raw = with_set({path: {"states": table} if path == "uncertainty" else table})
    raw["uncertainty"] = {"states": [state("cut", 1.0, 2026)]}
    file, table_file = tmp_path / "case.yaml", tmp_path / "sub" / "other.csv"
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    with pytest.raises(ScenarioError) as reported:
        read_case(file)
    (missing,) = reported.value.faults
    assert "cannot be read" in missing.message
    assert missing.location is not None
    assert "table: sub/other.csv" in file.read_text().splitlines()[missing.location.line - 1]
    table_file.parent.mkdir()
    table_file.write_text(f"{header}\n{row}\n", encoding="utf-8")
    found = cases_by_assumption_set(read_case(file).case)["one"]
    if path == "projects":
        assert found.projects["works"].capex_meur == 12
    elif path == "demand":
        assert found.demand[0].t_per_year.values[0] == 70
    else:
        assert found.uncertainty is not None
        assert [one.name for one in found.uncertainty.states or ()] == ["calm"]


def test_variants_and_settings_come_before_sets() -> None:
    raw = with_set({"projects.works.capex_meur": 12})
    raw["variants"] = {"dear": {"set": {"projects.works.capex_meur": 20}}}
    text = yaml.safe_dump(raw)
    settings = ["demand.0.t_per_year=80"]
    under = cases_by_assumption_set(read_case_text(text, variant="dear", settings=settings).case)[
        "one"
    ]
    assert under.projects["works"].capex_meur == 12
    assert under.demand[0].t_per_year.values[0] == 80


def test_texts_are_no_items() -> None:
    """A name may come with a set: it is nothing to decide on."""
    patch = {"projects.works.name": {"en": "Works", "de": "Werk"}}
    assert cases_by_assumption_set(read_case_text(yaml.safe_dump(with_set(patch))).case)
