"""Plans side by side, as a document: it says what the comparison and the plans say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of, workbook_of
from everything import everything
from pages import Table
from side_by_side import changed, large, raw, small, stock
from small import funder, project, solve
from spreadsheets import cells, formulas, records, results, same_in_libreoffice, with_libreoffice

from models.language import Language, using
from models.results import Comparison, Plan
from models.results.comparison import BrokenRule, FailedOption
from models.results.option import BilingualName
from models.scenario.references import Case
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.analyses.registry import build_result_document
from optimizer.report.render import html
from optimizer.report.render.terminal import PIPE_WIDTH
from optimizer.solve.planner import solve_to_plan as best_plan

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])


@cache
def three() -> dict[str, Plan]:
    """The plans that are worked by hand in side_by_side."""
    return {"small": small(), "large": large(), "stock": stock()}


@cache
def rich() -> dict[str, Plan]:
    """The same scenario with all its money, and with hardly any."""
    poor = everything()
    for purse in poor["funders"].values():
        purse["budget_meur"] = 1
    poor["policy"], poor["stockpiles"] = {}, []
    raws = {"=all": everything(), "poor": poor}
    return {label: best_plan(Case.model_validate(of)) for label, of in raws.items()}


def made(plans: Mapping[str, Plan]) -> Comparison:
    return compare_plans(list(plans.values()), list(plans))


def of_row(text: str, row: str) -> list[str]:
    """The figures of a row in a terminal."""
    (line,) = [line for line in text.splitlines() if line.startswith(row)]
    return re.split(r" {2,}", line.removeprefix(row).strip())


def on_page(plans: Mapping[str, Plan], name: str) -> Table:
    return tables_in(made(plans), plans=plans)[name]


def test_comparison_of_sampled_with_written_states_is_reported() -> None:
    """One draws its states, the other says what they are: the part that differs is named."""
    sampled = solve(raw() | {"uncertainty": {"sample": {"states": 4, "seed": 1}}})
    page = page_of(made({"sampled": sampled, "written out": small()}))
    assert "“written out” differs from “sampled”: “Sample” changed, “States” changed." in page
    assert "Not compared for that reason: damage." in page


@pytest.mark.quick(1)
@LANGUAGES
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("plans", [three, rich])
def test_all_media_are_whole_in_both_languages(
    plans: Any, beside: bool, language: Language, untranslated: set[str]
) -> None:
    known = plans() if beside else {}
    is_whole_in_all_media(made(plans()), language, untranslated, plans=known)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("plans", [three, rich])
def test_all_checks_of_the_workbook_hold(plans: Any, beside: bool) -> None:
    book = results(workbook_of(made(plans()), plans=plans() if beside else {}))
    checks = records(book.worksheets[-1], "Check", "Result")
    assert {row["Result"] for row in checks} == {"adds up"}
    for what in ("by class", "by year", "by funder", "expected damage"):
        assert any(what in row["Check"] for row in checks)


def test_figures_are_those_of_the_plans() -> None:
    """Worked by hand in side_by_side; the last column is that without any plan."""
    text = text_of(made(three()))
    assert of_row(text, "Expected damage avoided, million EUR") == ["2.50", "2.00", "5.00", "-"]
    assert of_row(text, "Worst state that was computed") == ["5", "6", "0", "10"]
    assert of_row(text, "Public funding, present value") == ["0.5", "4.0", "10.0"]
    assert of_row(text, "Funding by lenders and investors") == ["0", "6", "0"]
    assert of_row(text, "Private funding per public EUR") == ["-", "1.50", "0"]
    assert of_row(text, "Days of need in stock") == ["182", "0", "0", "-"]
    assert "Works some - 2026 2026" in " ".join(text.split())


def test_benchmarks_reached() -> None:
    """Ore of stages: German recycling of 40 or all of 100 t, where the act aims at 25 %."""
    china = {"material": "ore", "country": "CN", "share": 1, "stages": ["extraction"]}
    plans = {
        label: solve(
            raw(budget)
            | {"supply": [china]}
            | {"projects": {"works": project(market_finance_max=0.6, stages=[stage])}}
        )
        for label, budget, stage in (("small", 4, "recycling"), ("large", 10, "processing"))
    }
    text = text_of(made(plans), width=200)
    reached = {"recycling": ("25 %", "1 0 0"), "processing": ("40 %", "0 1 0")}
    for stage, (share, figures) in (reached | {"extraction": ("10 %", "0 0 0")}).items():
        name = f"Materials with {share} of need from {stage} in the Union"
        assert of_row(text, name) == figures.split()


def test_differences_are_explained() -> None:
    text = one_line(made(three()))
    assert "“A large fund” leaves 3 million EUR less damage than “Base case”: 60 % of what" in text
    assert (
        "Largest parts: Ore -3 (Works financed otherwise). Public funding: +6 million EUR" in text
    )
    assert "Each additional public EUR avoids 0.50 EUR of expected damage" in text
    assert "Ore -0.500 (without Works, reserve: +50 t)." in text


def test_increments_stand_before_averages() -> None:
    """The stock avoids 2.5 for 0.5, the large fund 2.5 more for 9.5 more; `small`, which costs 4
    and leaves 3, is dominated by the stock."""
    text = one_line(made(three()))
    first = "The first step, to “A stock”, avoids 5.00 EUR for each public EUR."
    then = "The next step, to “A large fund”, avoids 0.26 EUR for each additional public EUR."
    average = "options avoid 0.50 to 5.00 EUR per public EUR"
    assert text.index(first) < text.index(then) < text.index(average)
    assert (
        "“Base case” is dominated: “A stock” takes 3.50 million EUR less public funding and "
        in text
    )
    assert text.count("is dominated:") == 1
    assert "dominated by “A stock”" in text
    assert "what companies do alone" not in text  # there are none


def test_a_later_step_that_avoids_more_is_reported() -> None:
    """Of four steps the third: the first two and the last would let one think that they fall."""
    found = made(three())
    each = [("stock", 1.5), ("large", 0.4), ("small", 2.8), ("stock", 0.3)]
    steps = tuple(
        found.efficient[0].model_copy(update={"option": label, "avoided_per_euro": ratio})
        for label, ratio in each
    )
    text = one_line(found.model_copy(update={"efficient": steps}))
    assert "Most of all later steps avoids that to “Base case”, 2.80 EUR." in text


def test_each_option_names_the_value_of_an_avoided_euro_at_which_it_is_best() -> None:
    """The stock avoids 2.5 for 0.5 (0.2 each), the large fund 2.5 more for 9.5 more (3.8 each):
    below 0.2 no plan is best, and `small`, which is dominated, never."""
    best_at_one = "to avoid one EUR of damage, the best option is by public funding “A stock”"
    assert best_at_one in one_line(made(three()))
    column = on_page(three(), "options").column("by public funding")
    assert [cell.text for cell in column] == ["0.20 to 3.80", "-", "3.80 or more"]


def test_who_dominates_by_net_cost_is_said_too() -> None:
    """If all but 0.2 of what the large fund pays comes back, it beats both others, which cost 0.5
    and 4: it leaves nothing."""
    plans = three()
    back = plans["large"]
    accounts = [one.model_copy(update={"cost_meur": 0.0}) for one in back.accounts]
    accounts[0] = accounts[0].model_copy(update={"cost_meur": 0.2})
    plans["large"] = back.model_copy(update={"accounts": tuple(accounts)})
    assert (
        "By net public cost, in place of public funding, dominated: “A stock” by “A large fund” "
        "and “Base case” by “A large fund”."
    ) in one_line(made(plans))


def test_investments_of_companies_alone_are_reported_or_requested() -> None:
    """A company of 4 million EUR has 40 of 100 t secured alone, and all with 6 of the state."""
    purses = {"fund": funder(budget=0), "motor_co": funder("company", budget=4)}
    alone = solve(raw(funders=purses))
    both = solve(raw(funders=purses | {"fund": funder(budget=6)}))
    text = one_line(made({"alone": alone, "both": both}))
    assert "“alone” takes no public funding and avoids 2 million EUR of that." in text
    assert "Compared with “alone”, “both” avoids 0.50 EUR for each additional public EUR." in text
    table = on_page({"alone": alone, "both": both}, "over-industry")
    assert table.values("damage avoided") == [pytest.approx(3)]
    assert table.values("Per public EUR, on average") == [pytest.approx(5 / 6)]
    text = one_line(made({"both": both}))
    assert "No option shows what companies do alone; a variant in which every public" in text


@pytest.mark.slow
def test_many_options_have_numbers() -> None:
    """Six of them, by public funding; on a sheet with their names."""
    plans = {f"plan {n}": solve(raw(n)) for n in (9, 8, 7, 6, 5, 4)}
    page = tables_in(made(plans), plans=plans)
    assert [cell.text for cell in page["options"].column("Option")] == [
        f"{n} plan {n + 3}" for n in range(1, 7)
    ]
    assert page["by-year"].headers == ["Year", *"123456"]
    assert page["by-year"].values("2") == pytest.approx([5, 5])
    book = results(workbook_of(made(plans), plans=plans))
    rows = {row["Figure"]: row for row in records(book["Costs"], "Figure")}
    assert rows["Public funding in all"]["2 plan 5"] == pytest.approx(5)
    checks = records(book.worksheets[-1], "Check", "Result")
    assert {row["Result"] for row in checks} == {"adds up"}


def test_changes_are_said_in_words() -> None:
    """No path and no JSON, in either language."""
    plans = {"small": small(), "large": large(), "stock": stock()}
    cells = {
        language: [row[1].text for row in tables_in(made(plans), language)["compared"].rows]
        for language in ("en", "de")
    }
    assert cells["en"] == [
        "public: Budget over all years 4 → 0.5 million EUR; reserve in addition, "
        "Projects at most not set → 0",
        "-",
        "public: Budget over all years 4 → 10 million EUR",
    ]
    assert cells["de"][2] == "public: Budget über alle Jahre 4 → 10 Mio. EUR"


def test_a_company_sees_what_it_pays_and_has() -> None:
    purses = {"fund": funder(budget=4), "motor_co": funder("company", budget=2)}
    own = {"industry": {"name": "Motors", "company": "motor_co"}}
    plans = {
        str(budget): solve(raw(funders=purses | {"fund": funder(budget=budget)}, consumers=own))
        for budget in (4, 8)
    }
    found = made(plans)
    page = tables_in(found, plans=plans)["company-1"]
    for place, label in enumerate(plans):
        (view,) = found.own_views
        of = found.options[place].cost.by_funder["motor_co"]
        figures = [page.values(label)[row] for row in range(len(page.rows))]
        held = view.options[label]
        assert figures == pytest.approx(
            [of.paid_meur, of.cost_meur, held.expected, *held.output_t.values()]
        )
    assert "company-1" not in tables_in(made(three()))


def test_a_land_sees_what_it_pays_and_when_it_is_decided() -> None:
    purses = {"fund": funder(budget=4), "land": funder(budget=3)}
    plan = solve(raw(funders=purses))
    found = compare_plans([plan, plan], ["one", "two"], federal=["fund"])
    page = tables_in(found, plans={"one": plan, "two": plan})
    paid = found.options[0].cost.by_funder["land"].paid_meur
    assert paid > 1
    assert page["public-1"].values("one")[0] == pytest.approx(paid)
    assert page["public-1-paid"].values("one")[-1] == pytest.approx(paid)
    assert page["public-1-approved"].values("one")[-1] == pytest.approx(paid)
    assert not any(name.startswith("public-") for name in tables_in(made({"one": plan})))


def test_what_is_not_significant_is_called_so() -> None:
    open_ = {
        label: plan.model_copy(
            update={"certificate": plan.certificate.model_copy(update={"bound": 0.0, "gap": 1.0})}
        )
        for label, plan in three().items()
    }
    text = one_line(made(open_))
    assert (
        "“A large fund” and “Base case” differ by 3 million EUR, which is not significant" in text
    )
    assert "“A large fund” leaves" not in text.split("What makes the difference")[1]
    assert "The next step" not in text
    assert (
        "Not distinguishable from the efficient option before them, since damage or objective"
        in text
    )
    assert "but the proofs leave open 5.50 million EUR." in text


def test_what_is_not_compared_is_left_blank_and_named() -> None:
    plans = {"small": small(), "other": changed(large(), currency="USD")}
    text, page = text_of(made(plans)), on_page(plans, "options")
    words = " ".join(text.split())
    name = "A large fund"
    assert f"“{name}” differs from “Base case”: Currency EUR → USD." in words
    assert "Not compared for that reason: damage and money." in words
    assert of_row(text, "Expected damage avoided, million EUR") == ["2", "-", "-"]
    assert of_row(text, "Public funding in all") == ["4", "-"]
    assert f"“{name}” and “Base case”: damage is not compared." in words
    assert "Difference in expected damage" not in words
    assert page.values("Damage, expected") == [pytest.approx(3), None]
    assert [cell.text for cell in page.column("Assessment")] == ["efficient", "not compared"]


def test_options_without_a_plan_are_reported() -> None:
    rule = BrokenRule(tag="P9", name="must_build", says="works must be built", path=(), place="x:1")
    common = {"title": BilingualName(en="Poor", de="Arm"), "variant": "poor"}
    failed = (
        FailedOption(
            label="poor", reason="infeasible", message="no plan", conflict=(rule,), **common
        ),
        FailedOption(
            label="late",
            reason="no_plan",
            message="stopped before it was solved",
            conflict=(),
            **(common | {"variant": None}),
        ),
    )
    found = made(three()).model_copy(update={"failed": failed})
    words = one_line(found)
    assert "“Poor” is left out: no plan keeps all of these rules together. P9 must_build" in words
    assert "“late” is left out, since there is no plan: stopped before it was solved." in words
    assert "abgebrochen, bevor sie gelöst war" in one_line(found, "de")


def test_names_are_in_german() -> None:
    text = one_line(made(three()), "de")
    assert (
        "Mit „Ein großer Fonds“ verbleiben 3 Mio. EUR weniger Schaden als mit „Ausgangsfall“"
        in text
    )
    assert "anders finanziert" in text
    assert "Werk" in text


def test_residual_values_are_reported_where_there_are_any() -> None:
    """Half of the capex that does not come back."""
    name = "Residual value, present value"
    options = {"small": raw(), "large": raw(10)}
    for of in options.values():
        of["horizon"]["residual_value"] = 0.5
    plans = {label: solve(of) for label, of in options.items()}
    assert [float(x) for x in of_row(text_of(made(plans)), name)] == pytest.approx([2, 5])
    assert name not in text_of(made(three()))


def test_tables_of_the_page_add_up() -> None:
    plans = three()
    found = made(plans)
    by_year = on_page(plans, "by-year")
    by_money = [found.options[n] for n in (2, 0, 1)]
    for header, option in zip(by_year.headers[1:], by_money, strict=True):
        *years, total = by_year.values(header)
        assert total == pytest.approx(sum(x or 0.0 for x in years))
        assert total == pytest.approx(option.cost.public.paid_meur)
    for name in ("materials", "consumers"):
        table = on_page(plans, name)
        for header, difference in zip(table.headers[1:], found.differences[::-1], strict=True):
            *parts, total = table.values(header)
            assert total == pytest.approx(sum(x or 0.0 for x in parts))
            assert total == pytest.approx(difference.expected)
    money = on_page(plans, "money")
    assert money.values("A stock")[-1] == pytest.approx(-9.5)


def test_the_matrix_of_projects_is_that_of_the_plans() -> None:
    found = on_page(rich(), "projects")
    for label, plan in rich().items():
        starts = [year for year in found.values(label) if year is not None]
        assert sorted(starts) == sorted(project.start for project in plan.projects)


def test_one_option_alone_has_no_differences() -> None:
    text = text_of(made({"small": small()}))
    assert "What makes the difference" not in text
    assert "What each option rests on" in text


def test_shortage_in_tonnes_is_not_called_damage() -> None:
    plans = {str(b): solve(raw(b) | {"objective": {"measure": "tonnes"}}) for b in (4, 10)}
    text = text_of(made(plans))
    assert "expected shortage is 50 t" in " ".join(text.split())
    assert "damage" not in text.lower()


def test_many_options_stay_within_the_line() -> None:
    labels = ["small", "industry_alone", "japanese_model", "a-much-longer-label", "x"]
    plans = [small(), large(), stock(), changed(small(), currency="USD"), stock()]
    text = text_of(compare_plans(plans, labels))
    assert max(map(len, text.splitlines())) <= PIPE_WIDTH


@pytest.mark.slow
@pytest.mark.drawn
def test_charts_come_in_both_languages() -> None:
    (chart,) = html.document_charts(build_result_document(made(three())))
    english = chart.svg()
    with using("de"):
        (chart,) = html.document_charts(build_result_document(made(three())))
        assert chart.svg() != english


def test_sheets_calculate_benefits_and_costs() -> None:
    found = made(rich())
    book = results(workbook_of(found, plans=rich()))
    benefits = {row["Figure"]: row for row in records(book["Benefits"], "Figure")}
    costs = {row["Figure"]: row for row in records(book["Costs"], "Figure")}
    for option in found.options:
        figure, at = option.benefit.expected, option.label
        assert benefits["Expected damage that is left, million EUR"][at] == pytest.approx(
            figure.with_plan
        )
        assert benefits["Expected damage avoided, million EUR"][at] == pytest.approx(figure.avoided)
        assert benefits["Share avoided"][at] == pytest.approx(figure.share)
        assert costs["Public funding in all"][at] == pytest.approx(option.cost.public.paid_meur)


def test_labels_stay_text() -> None:
    found = [cell for _, cell in cells(formulas(workbook_of(made(rich()), plans=rich())))]
    assert {cell.data_type for cell in found if cell.value == "=all"} == {"s"}


@pytest.mark.slow
@with_libreoffice
def test_libreoffice_agrees(tmp_path: Path) -> None:
    same_in_libreoffice(tmp_path, workbook_of(made(rich()), "de", plans=rich()))
