"""Every figure of a scenario, with its place, its unit and its source."""

from __future__ import annotations

from everything import everything

from models.scenario.references import Case
from optimizer.analyses.plan.figure_sources import all_figures, figures_needing_source


def test_figures_have_the_units_of_their_fields() -> None:
    raw = everything() | {"currency": "USD"}
    units = {figure.field: figure.unit for figure in all_figures(Case.model_validate(raw))}
    assert units["capex_meur"] == "million USD"
    assert units["price_eur_per_t"] == "USD per t"
    assert units["storage_eur_per_t_year"] == "USD per t and year"
    assert units["t_per_year"] == "t per year"
    assert units["initial_t"] == "t"
    assert units["construction_years"] == "years"
    assert units["first_year"] == "year"
    assert {units[of] for of in ("discount_rate", "ramp_up")} == {"share"}
    assert units["periods_per_year"] == "number"


def test_nothing_is_left_out_or_reported_twice() -> None:
    case = Case.model_validate(everything())
    found = list(all_figures(case))
    paths = [".".join(figure.path) for figure in found]
    assert len(paths) == len(set(paths))
    assert "projects.upper_rhine.capex_profile.1" in paths
    assert "stockpiles.federal.max_t" in paths
    assert "materials.lithium.price_eur_per_t.2028" in paths
    # The count of figures by source leaves out years and settings of the run.
    counted = sorted(figure.value for figure in figures_needing_source(case))
    own = [
        figure.value for figure in found
        if figure.unit != "year" and "sample" not in figure.path
        and figure.field != "periods_per_year"
    ]  # fmt: skip
    assert sorted(own) == counted


def test_a_figure_without_a_source_goes_with_the_one_before_it() -> None:
    raw = everything()
    raw["projects"]["upper_rhine"]["ramp_up"] = [{"value": 0.5, "source": "press"}, 1.0]
    found = {".".join(f.path): f for f in all_figures(Case.model_validate(raw))}
    assert found["projects.upper_rhine.ramp_up.1"].source == "press"
    assert found["projects.upper_rhine.ramp_up.1"].source_kind == "other"
    assert found["projects.upper_rhine.capex_meur"].source_kind == "none"
