"""A report on several plans says what their comparison and the plans say."""

from __future__ import annotations

from functools import cache

from pages import Element, Table, read, shows, tables
from saved_plans import germany
from small import near

from models.language import using
from models.results import Comparison, Plan
from optimizer.analyses.comparison.compare import compare
from optimizer.report.html import comparison_charts, comparison_report

VARIANTS = (None, "stocks_only", "industry_alone")


@cache
def plans() -> tuple[Plan, ...]:
    return tuple(germany(variant) for variant in VARIANTS)


@cache
def comparison() -> Comparison:
    return compare(plans())


@cache
def page() -> Element:
    return read(comparison_report(plans(), comparison()))


def table(name: str) -> Table:
    return tables(page())[name]


def test_cells_show_the_figures_behind_them() -> None:
    cells = [
        (name, cell)
        for name, found in tables(page()).items()
        for row in found.rows
        for cell in row
        if "data-value" in cell.attributes
    ]
    assert len(cells) > 200
    assert [(name, cell.text, cell.value) for name, cell in cells if not shows(cell)] == []


def test_the_first_table_is_that_of_the_plans() -> None:
    found = table("options")
    assert [row[0].text for row in found.rows] == ["Base case", "Stocks only", "Industry alone"]
    assert found.values("Expected") == [plan.outcome.expected for plan in plans()]
    assert found.values("Worst states") == [plan.outcome.cvar for plan in plans()]
    assert found.values("Projects") == [len(plan.projects) for plan in plans()]
    public = [
        sum(sum(p.paid_meur.values()) for p in plan.accounts if p.funder in public_funders(plan))
        for plan in plans()
    ]
    assert found.values("Sum") == near(public)
    charged = [
        sum(sum(plan.spend_meur[f].values()) for f in public_funders(plan)) for plan in plans()
    ]
    assert found.values("Charge on public budgets") == near(charged)


def public_funders(plan: Plan) -> list[str]:
    return [funder.id for funder in plan.funders if funder.kind == "public"]


def test_public_money_by_year_adds_up() -> None:
    found = table("public-by-year")
    for header, option in zip(found.headers[1:], comparison().options, strict=True):
        *years, total = found.values(header)
        assert total == near(sum(years))  # type: ignore[arg-type]
        assert total == near(option.cost.public.paid_meur)


def test_differences_by_material_add_up() -> None:
    for place, difference in enumerate(comparison().differences, start=1):
        found = table(f"difference-{place}")
        *parts, total = found.values(found.headers[1])
        assert total == near(sum(parts))  # type: ignore[arg-type]
        assert total == near(difference.expected or 0.0)


def test_the_matrix_of_projects_is_that_of_the_plans() -> None:
    found = table("choices")
    assert len(found.rows) == len(plans()[0].case.projects)  # type: ignore[union-attr]
    for header, plan in zip(found.headers[2:], plans(), strict=True):
        starts = [year for year in found.values(header) if year is not None]
        assert sorted(starts) == sorted(project.start for project in plan.projects)


def test_each_plan_has_its_first_page() -> None:
    ids = [section.attributes["id"] for section in page().all("section")]
    assert ids[0] == "answer"
    assert [name for name in ids if name.startswith("plan-")] == ["plan-1", "plan-2", "plan-3"]


def test_figures_that_are_not_comparable_are_left_out() -> None:
    """Another damage value: damage is not compared, and the first page says why."""
    first, second = plans()[:2]
    assert second.scenario is not None
    other = {**second.scenario, "damage": [*second.scenario["damage"][1:]]}
    other["damage"] = [changed(second.scenario["damage"][0]), *other["damage"]]
    pair = (first, Plan.model_validate(second.model_dump() | {"scenario": other}))
    root = read(comparison_report(pair, compare(pair)))
    found = tables(root)["options"]
    assert found.values("Expected") == [first.outcome.expected, None]
    (caution,) = [e for e in root.all("div") if e.attributes.get("role") == "note"][:1]
    assert "not compared" in caution.text


def changed(entry: dict[str, object]) -> dict[str, object]:
    steps = entry["steps"]
    assert isinstance(steps, list)
    return {**entry, "steps": [*steps[:-1], {**steps[-1], "eur_per_t": 99_000_000_000}]}


def test_charts_come_in_both_languages() -> None:
    (chart,) = comparison_charts(comparison())
    english = chart.svg()
    with using("de"):
        (chart,) = comparison_charts(comparison())
        assert chart.svg() != english
