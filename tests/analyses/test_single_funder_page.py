"""The options for a single funder on one page: every figure is one of the plans."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import pytest
from saved_plans import rich
from side_by_side import raw
from small import funder, near, solve

from models.language import Language, using
from models.results import Comparison, Plan
from optimizer.analyses.comparison import funder_page
from optimizer.analyses.comparison.funder_page import build_funder_page
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.report import document as doc
from optimizer.report.cells import build_grid
from optimizer.report.document import PAGE
from optimizer.report.render import html

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
COMPANY, LAND = "motor_co", "land"


def with_money(fund: float, land: float, more: dict[str, Any] | None = None, **fields: Any) -> Plan:
    """The plan where the federal state has so much, a Land so much and a company 3 million."""
    purses = (more or {}) | {
        "fund": funder(budget=fund),
        LAND: funder(budget=land),
        COMPANY: funder("company", budget=3),
    }
    own = {"industry": {"name": "Motors", "company": COMPANY}}
    return solve(raw(funders=purses, consumers=own, **fields))


@cache
def options() -> tuple[dict[str, Plan], Comparison]:
    """One fund of the federal state and one of a Land, with much, with little and with nothing
    beside what a company has."""
    plans = {"much": with_money(6, 3), "little": with_money(2, 1), "alone": with_money(0, 0)}
    return plans, compare_plans(list(plans.values()), list(plans), federal=["fund"])


def made_for(payer: str, **how: Any) -> doc.Document:
    plans, found = options()
    return build_funder_page(found, plans, payer, **how)


def tables(made: doc.Document) -> dict[str, doc.Table]:
    return {part.name: part for part in made.answer if isinstance(part, doc.Table)}


def facts(made: doc.Document) -> list[tuple[str, str, str]]:
    (shown,) = (part for part in made.answer if isinstance(part, doc.Facts))
    return [(one.label, one.figure, one.remark) for one in shown.facts]


def rows(table: doc.Table) -> dict[str, list[str]]:
    """The cells of each row by its name, option by option."""
    return {row[0].text: [cell.text for cell in row[1:]] for row in build_grid(table, PAGE).rows}


def bars(table: doc.Table) -> list[list[float]]:
    assert table.chart is not None
    drawn = table.chart.draw()
    return [[bar.get_width() for bar in axes.patches] for axes in drawn.axes]


def test_a_company_by_hand() -> None:
    """The works costs 10, of which the market bears 6 at most, and who pays gets output; with
    nothing from others the company cannot build it. 5 million are expected to be lost without a
    plan, and as many fewer as there is output."""
    with using("en"):
        made = made_for(COMPANY)
        shown = tables(made)
    assert facts(made) == [
        ("Net cost with “much”", "1 million EUR",
         "present value; outlay 1 million EUR, not discounted"),
        ("Expected damage of its consumers with “much”", "0 million EUR",
         "5 million EUR without any plan"),
        ("The same, compared with “alone”", "-5 million EUR", "and +1 million EUR of net cost"),
    ]  # fmt: skip
    assert rows(shown["company-2"]) == {
        "Outlay": ["0", "3", "1", "-"],
        "Net cost, present value": ["0", "3", "1", "-"],
        "Public funding, present value": ["0", "3", "9", "-"],
        "Expected damage of its consumers, million EUR": ["5", "2", "0", "5"],
        "The same, compared with “alone”": ["0", "-3", "-5", "-"],
        "Contracted, t a year: Ore": ["0", "30", "10", "-"],
    }
    assert bars(shown["company-2"]) == [[0, near(3), near(1)], [near(5), near(2), near(0)]]
    assert rows(shown["paid-for"]) == {"Works": ["0", "3", "1"], "Sum": ["0", "3", "1"]}
    assert [part for part in made.answer if isinstance(part, str)][1:] == [
        "Of the options with which it pays, “much” leaves least: 0 million EUR at a net cost of "
        "1 million EUR. It costs it least as well."
    ]


def test_a_land_by_hand() -> None:
    with using("en"):
        made = made_for(LAND)
        shown = tables(made)
    assert facts(made)[1][:2] == ("Expected damage of all consumers with “much”", "0 million EUR")
    assert rows(shown["public-1"]) == {
        "Outlay": ["0", "1", "3", "-"],
        "Net cost, present value": ["0", "1", "3", "-"],
        "Public funding, present value": ["0", "3", "9", "-"],
        "Expected damage of all consumers, million EUR": ["5", "2", "0", "5"],
        "The same, compared with “alone”": ["0", "-3", "-5", "-"],
        "Outlay: financial transaction": ["0", "1", "3", "-"],
    }
    assert rows(shown["public-1-approved"])["2026"] == ["0", "1", "3"]
    assert rows(shown["paid-for"])["Works"] == ["0", "1", "3"]
    assert bars(shown["public-1"])[1] == [near(5), near(2), near(0)]
    assert "“little” costs it least: 1 million EUR, and 2 million EUR are left." in str(made.answer)


def test_small_payments_stand_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """And add up to what the funder pays, of which every part is one of a plan's accounts."""
    plan, payer = rich(), "fund"
    plans = {"one": plan, "two": plan}
    found = compare_plans([plan, plan], list(plans), federal=[])
    with using("en"):
        whole = tables(build_funder_page(found, plans, payer))["paid-for"]
        monkeypatch.setattr(funder_page, "MAX_ITEMS_SHOWN", 1)
        short = tables(build_funder_page(found, plans, payer))["paid-for"]
    paid = math.fsum(
        math.fsum(one.paid_meur.values()) for one in plan.accounts if one.funder == payer
    )
    for table in (whole, short):
        for column in table.columns[1:]:
            of = column.value
            assert callable(of)
            assert math.fsum(map(of, table.rows)) == near(paid)
    assert len(whole.rows) > 2
    others = f"{len(whole.rows) - 1} others"
    assert [row[0] for row in short.rows] == [whole.rows[0][0], others]


@LANGUAGES
def test_later_years_stand_together(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = rich()
    found = compare_plans([plan, plan], ["one", "two"], federal=[])
    due: dict[str, float] = {}
    for one in plan.accounts:
        start = {built.id: built.start for built in plan.projects}.get(one.project or "")
        by_year = one.paid_meur if start is None else {str(start): one.committed_meur}
        for year, amount in by_year.items() if one.funder == "fund" else ():
            due[year] = due.get(year, 0.0) + amount
    assert len(due) == 3
    monkeypatch.setattr(funder_page, "MAX_YEARS_SHOWN", 1)
    with using(language):
        made = build_funder_page(found, {"one": plan, "two": plan}, "fund")
        shown = rows(tables(made)["public-1-approved"])
    first, *later = sorted(due)
    names = [*shown]
    assert names[:2] == [first, {"en": "Later", "de": "Später"}[language]]
    said = [float(shown[name][0].replace(",", ".")) for name in names[:2]]
    assert said == pytest.approx([due[first], sum(due[year] for year in later)], abs=0.05)


@LANGUAGES
def test_who_wrote_it_stands_at_its_end(language: Language) -> None:
    with using(language):
        made = made_for(COMPANY, author="Somebody", date="Monday")
    assert made.answer[-1] == "Somebody, Monday."
    assert made.subtitle == "company (Motors)"


@pytest.mark.parametrize("payer", [COMPANY, LAND])
def test_uncompared_figures_are_not_shown(payer: str) -> None:
    """Costs of options in another currency are not compared with those of the base."""
    plans = {"euro": with_money(2, 1), "dollar": with_money(6, 3, currency="USD")}
    with using("en"):
        made = build_funder_page(
            compare_plans(list(plans.values()), list(plans), federal=["fund"]), plans, payer
        )
        first, *_ = shown = tables(made).values()
    paid, none = rows(list(shown)[-1])["Works"]
    assert (float(paid) > 0, none) == (True, "-")
    (caution,) = (part for part in made.answer if isinstance(part, doc.Caution))
    assert any("“dollar” differs from “euro”" in item for item in caution.items)
    assert first.chart is not None
    assert [len(side) for side in bars(first)] == [1, 1]
    assert "dollar" not in str([part for part in made.answer if isinstance(part, str)])
    # In another order the same: the base is what it is in.
    turned = dict(reversed(plans.items()))
    with using("en"):
        found = compare_plans(list(turned.values()), list(turned), federal=["fund"])
        assert "million USD" in str(facts(build_funder_page(found, turned, payer)))


def test_findings_of_an_excluded_option_are_not_reported_for_others() -> None:
    """A house without consumers that pays in that option alone."""
    house = {"house": funder("company", budget=3)}
    plans = {"euro": with_money(2, 1), "dollar": with_money(0, 0, currency="USD", more=house)}
    found = compare_plans(list(plans.values()), list(plans), federal=["fund"])
    assert "house" in {view.funder for view in found.own_views}
    with using("en"):
        assert "stands for no consumers" not in str(build_funder_page(found, plans, COMPANY).answer)


@LANGUAGES
def test_a_house_without_consumers_is_reported_to_those_that_have_some(language: Language) -> None:
    house = {"house": funder("company", budget=3)}
    plans = {"one": with_money(2, 1, more=house), "two": with_money(1, 1)}
    found = compare_plans(list(plans.values()), list(plans), federal=["fund"])
    said = {"en": "stands for no consumers", "de": "steht für keine Verbraucher"}[language]
    with using(language):
        assert said in str(build_funder_page(found, plans, COMPANY).answer)
        for other in (LAND, "house"):
            assert said not in str(build_funder_page(found, plans, other).answer)


def test_of_equal_figures_none_is_reported_as_less() -> None:
    """Differences below the shown digits are not reported."""
    plan = with_money(2, 1)
    other = with_money(2, 1)
    cost = [p.model_copy(update={"cost_meur": p.cost_meur - 1e-9}) for p in other.accounts]
    plans = {"one": plan, "two": other.model_copy(update={"accounts": tuple(cost)})}
    with using("en"):
        made = build_funder_page(
            compare_plans(list(plans.values()), list(plans), federal=["fund"]), plans, COMPANY
        )
    assert "It costs it least as well." in str(made.answer)


@pytest.mark.parametrize("measure", ["tonnes", "share_of_demand"])
@LANGUAGES
def test_nothing_is_called_damage_where_tonnes_are_counted(
    measure: str, language: Language
) -> None:
    plans = {
        label: with_money(fund, 1, objective={"measure": measure})
        for label, fund in (("one", 2), ("two", 6))
    }
    with using(language):
        made = build_funder_page(
            compare_plans(list(plans.values()), list(plans), federal=["fund"]), plans, COMPANY
        )
        shown = html.render_page(made)
    assert not re.search("damage|schaden", shown[shown.index("<body") :], re.IGNORECASE)


def test_names_of_funders_are_no_names_of_things_in_a_page() -> None:
    """An id may have blanks and signs; what a chart is called in a page may not."""
    plan = with_money(2, 1, more={'Bayern (Land) "x"': funder(budget=1)})
    plans = {"one": plan, "two": plan}
    found = compare_plans([plan, plan], list(plans), federal=["fund"])
    with using("en"):
        first, *_ = tables(build_funder_page(found, plans, 'Bayern (Land) "x"')).values()
    assert first.chart is not None
    assert re.fullmatch("[a-z0-9-]+", first.chart.name)


def test_who_pays_nothing_has_no_page() -> None:
    with pytest.raises(KeyError):
        made_for("fund")
