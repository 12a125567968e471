"""What a scenario rests on, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from documents import tables_in
from small import case, cut, near, solve, state

from models.language import Language, using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.plan import figure_sources

READ = {"source": "book"}
GUESS = {"source": "guess", "confidence": "low"}


def raw() -> dict[str, Any]:
    """Two metals: of tin little is known, of zinc all; a cut takes half of China's tin."""
    sourced = {
        "sources": {
            "book": {"text": "A book", "kind": "read"},
            "guess": {"text": "A guess", "kind": "assumption"},
        },
        "materials": {
            "tin": {"price_eur_per_t": {"value": 10, **READ}},
            "zinc": {"price_eur_per_t": 10},
        },
        "demand": [
            {"consumer": "industry", "material": "tin", "t_per_year": {"value": 75, **GUESS}},
            {"consumer": "industry", "material": "tin", "t_per_year": {"value": 25, **READ}},
            {"consumer": "industry", "material": "zinc", "t_per_year": {"value": 10, **READ}},
        ],
        "damage": [
            {
                "material": "tin",
                "steps": [
                    {"share": 0.5, "eur_per_t": {"value": 100_000, **READ}},
                    {"share": 0.5, "eur_per_t": {"value": 300_000, **GUESS}},
                ],
            },
            {"material": "zinc", "steps": [{"share": 1, "eur_per_t": {"value": 1, **READ}}]},
        ],
        "supply": [
            {"material": "tin", "country": "CN", "share": {"value": 0.6, **GUESS}},
            {"material": "tin", "country": "PE", "share": {"value": 0.4, "source": "a letter"}},
            {"material": "zinc", "country": "PE", "share": {"value": 1, **READ}},
        ],
        "hazards": cut([0.5, 0.5]),
        "uncertainty": {"states": [state("calm", 0.5), state("cut", 0.5, 2026)]},
        "stockpiles": [{"id": "s", "material": "tin", "paid_by": {"fund": 1}}],
    }
    sourced["hazards"]["cut"]["annual_probability"] = {"value": 0.1, **READ}
    sourced["hazards"]["cut"]["effects"][0]["loss"] = [{"value": 0.5, **GUESS}, 0.25]
    return case(**sourced)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return solve(raw())


def test_figures_are_those_somebody_wrote(plan: Plan) -> None:
    """Without years and settings, and without what stands at its default."""
    found = list(figure_sources.figures_needing_source(Case.model_validate(raw())))
    assert sum(figure.file_section == "demand" for figure in found) == 3
    assert {figure.field for figure in found if figure.file_section == "damage"} == {
        "share",
        "eur_per_t",
    }
    assert not [figure for figure in found if figure.field in ("first_year", "budget_charge")]
    assert [f.value for f in found if f.file_section == "stockpiles"] == [1.0]


def test_in_a_list_a_figure_goes_with_the_one_before(plan: Plan) -> None:
    losses = [
        f
        for f in figure_sources.figures_needing_source(Case.model_validate(raw()))
        if f.field == "loss"
    ]
    assert [(f.value, f.source, f.confidence) for f in losses] == [
        (0.5, "guess", "low"),
        (0.25, "guess", "low"),
    ]


def test_figures_by_source(plan: Plan) -> None:
    found = list(figure_sources.figures_needing_source(plan.case))
    of = [f for f in found if (f.source, f.file_section) == ("book", "demand")]
    assert sorted((f.value, f.confidence) for f in of) == [(10.0, None), (25.0, None)]
    (guessed,) = [f for f in found if (f.source, f.file_section) == ("guess", "demand")]
    assert (guessed.confidence, guessed.source_kind) == ("low", "assumption")
    assert {f.source_kind for f in found if f.source == "a letter"} == {"other"}
    assert sum((f.file_section, f.source_kind) == ("damage", "none") for f in found) == 3


def test_every_source_is_reported_with_how_many_figures_rest_on_it(plan: Plan) -> None:
    row = tables_in(plan)["sources_list"].row("A book")
    assert row[1].text == "read"
    assert row[2].value == sum(
        f.source == "book" for f in figure_sources.figures_needing_source(plan.case)
    )


def test_what_is_avoided_is_split_by_the_size_of_figures(plan: Plan) -> None:
    """Tin: damage 50 000 read and 150 000 assumed; demand 25 and 75; supply 0.6 and 0.4."""
    assert all(m.expected == m.expected_without_plan for m in plan.materials if m.id == "zinc")
    of = figure_sources.source_shares_by_material(plan)["tin"]
    assert of["damage"]["assumption"] == near(0.75)
    assert of["demand"]["assumption"] == near(0.75)
    assert (of["supply"]["assumption"], of["supply"]["other"]) == (near(0.6), near(0.4))
    assert of["frequency"]["read"] == near(1.0)
    assert of["severity"]["assumption"] == near(1.0)


def test_a_figure_of_a_later_year_has_the_source_of_the_year_before(plan: Plan) -> None:
    """Of zinc's demand 10 is read and 20 without a source; its supply and the cut's probability are
    stated for two years as well."""
    made = raw()
    made["demand"][2]["t_per_year"] = {2026: {"value": 10, **READ}, 2030: 20}
    made["supply"][2]["share"] = {2026: {"value": 0.5, **GUESS}, 2030: 1}
    made["hazards"]["cut"]["annual_probability"] = {2026: {"value": 0.1, **READ}, 2030: 0.2}
    content = Case.model_validate(made).model_dump(mode="json", by_alias=True, exclude_none=True)
    changed = Plan.model_validate(plan.model_dump() | {"scenario": content})
    of = figure_sources.source_shares_by_material(changed)
    assert of["zinc"]["demand"]["read"] == near(1.0)
    assert of["zinc"]["supply"]["assumption"] == near(1.0)
    assert of["tin"]["frequency"]["read"] == near(1.0)
    assert changed.case is not None
    figures = figure_sources.figures_needing_source(changed.case)
    assert [f.source for f in figures if f.value == 20] == ["book"]


def test_damage_rests_on_what_a_material_is_made_of(plan: Plan) -> None:
    """All ore for tin comes from Chile, which is read, where a strike of 0.2 is assumed: of supply
    0.6 of 2 is assumed, of frequencies 0.1 of 0.3 is read."""
    made = raw()
    made["materials"]["ore"] = {"price_eur_per_t": 1}
    smelter = {"country": "CN", "output": "tin", "inputs_t_per_t": {"ore": 2}}
    made["conversions"] = {"smelter": smelter | {"capacity_t_per_year": 100}}
    made["supply"].append({"material": "ore", "country": "CL", "share": {"value": 1, **READ}})
    strike = {"annual_probability": {"value": 0.2, **GUESS}}
    effect = {"country": "CL", "materials": ["ore"], "loss": [1.0]}
    made["hazards"]["strike"] = strike | {"effects": [effect]}
    content = Case.model_validate(made).model_dump(mode="json", by_alias=True, exclude_none=True)
    of = figure_sources.source_shares_by_material(
        Plan.model_validate(plan.model_dump() | {"scenario": content})
    )
    assert of["tin"]["supply"]["assumption"] == near(0.6 / 2)
    assert of["tin"]["frequency"]["read"] == near(0.1 / 0.3)
    assert of["zinc"] == figure_sources.source_shares_by_material(plan)["zinc"]


def test_materials_weigh_by_what_they_avoid(plan: Plan) -> None:
    """Avoided 3 for tin and 1 for zinc: three quarters of three quarters are assumed."""
    parts = {"tin": (10.0, 7.0), "zinc": (2.0, 1.0)}
    other = plan.model_dump()
    for material in other["materials"]:
        material["expected_without_plan"], material["expected"] = parts[material["id"]]
    shares = figure_sources.benefit_source_shares(Plan.model_validate(other))
    assert shares["demand"]["assumption"] == near(0.75 * 0.75)
    assert shares["demand"]["read"] == near(0.25 * 0.75 + 0.25)


def test_where_nothing_is_avoided_nothing_rests_on_anything(plan: Plan) -> None:
    other = plan.model_dump()
    for material in other["materials"]:
        material["expected"] = material["expected_without_plan"]
    assert figure_sources.benefit_source_shares(Plan.model_validate(other)) == {}


@pytest.mark.quick(every=7)
@pytest.mark.parametrize(
    ("text", "page", "marked"),
    [
        ({"en": "A book on tin"}, "de", "en"),
        ({"en": "A book on tin"}, "en", None),
        ({"de": "Ein Buch"}, "en", "de"),
        ({"de": "Ein Buch", "en": "A book"}, "de", None),
        ({"de": "Ein Buch", "en": "A book"}, "en", None),
        ("Taken from a report of the survey, since it is the only one.", "de", "en"),
        ("Taken from a report of the survey, since it is the only one.", "en", None),
        ("Einem Bericht der Anstalt entnommen, der auf das Jahr 2025 geht.", "en", "de"),
        ("USGS, Mineral Commodity Summaries 2026", "de", None),
    ],
)
def test_a_source_in_another_language_is_marked(
    text: Any, page: Language, marked: str | None
) -> None:
    """Of a text that serves for both languages its small words tell."""
    own = raw()
    own["sources"]["book"]["text"] = text
    rows = tables_in(solve(own), page)["sources_list"].rows
    (cell,) = [row[0] for row in rows if row[0].text != "A guess"]
    assert cell.attributes.get("lang") == marked
    given = {"en": text, "de": text} if isinstance(text, str) else text
    assert cell.text == given.get(page, next(iter(given.values())))


def test_names_are_those_of_the_language() -> None:
    own = raw()
    own["materials"]["tin"]["name"] = {"en": "Tin", "de": "Zinn"}
    items = {
        language: {
            figure.item
            for figure in _figures(own, language)
            if figure.path[:2] == ("materials", "tin")
        }
        for language in ("en", "de")
    }
    assert items == {"en": {"Tin"}, "de": {"Zinn"}}


def _figures(own: dict[str, Any], language: Any) -> list[figure_sources.ScenarioFigure]:
    with using(language):
        return list(figure_sources.all_figures(Case.model_validate(own)))
