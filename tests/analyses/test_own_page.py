"""The options for a single funder on one page: every figure is one of the plans."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from saved_plans import rich
from side_by_side import raw
from small import funder, near, solve

from models.language import Language, using
from models.results import Comparison, Plan
from optimizer.analyses.comparison import own_page
from optimizer.analyses.comparison.compare import compare
from optimizer.analyses.comparison.own_page import page
from optimizer.report import document as doc
from optimizer.report.cells import grid
from optimizer.report.document import PAGE

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
COMPANY, LAND = "motor_co", "land"


def with_money(fund: float, land: float, **fields: Any) -> Plan:
    """The plan where the federal state has so much, a Land so much and a company 3 million."""
    purses = {
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
    return plans, compare(list(plans.values()), list(plans), federal=["fund"])


def made_for(payer: str, **how: Any) -> doc.Document:
    plans, found = options()
    return page(found, plans, payer, **how)


def tables(made: doc.Document) -> dict[str, doc.Table]:
    return {part.name: part for part in made.answer if isinstance(part, doc.Table)}


def facts(made: doc.Document) -> list[tuple[str, str, str]]:
    (shown,) = (part for part in made.answer if isinstance(part, doc.Facts))
    return [(one.label, one.figure, one.beside) for one in shown.facts]


def rows(table: doc.Table) -> dict[str, list[str]]:
    """The cells of each row by its name, option by option."""
    return {row[0].text: [cell.text for cell in row[1:]] for row in grid(table, PAGE).rows}


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
        ("Expected damage of its consumers", "0 million EUR", "5 million EUR without any plan"),
        ("Compared with “alone”", "-5 million EUR",
         "and +1 million EUR of net cost: what public money changes for it"),
    ]  # fmt: skip
    assert rows(shown["company-2"]) == {
        "Outlay": ["0", "3", "1", "-"],
        "Net cost, present value": ["0", "3", "1", "-"],
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
    assert facts(made)[1][:2] == ("Expected damage of all consumers", "0 million EUR")
    assert rows(shown["public-1-approved"])["2026"] == ["0", "1", "3"]
    assert rows(shown["paid-for"])["Works"] == ["0", "1", "3"]
    assert bars(shown["public-1"])[1] == [near(5), near(2), near(0)]
    assert "“little” costs it least: 1 million EUR, and 2 million EUR are left." in str(made.answer)


def test_small_payments_stand_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """And add up to what the funder pays, of which every part is one of a plan's accounts."""
    plan, payer = rich(), "fund"
    plans = {"one": plan, "two": plan}
    found = compare([plan, plan], list(plans), federal=[])
    with using("en"):
        whole = tables(page(found, plans, payer))["paid-for"]
        monkeypatch.setattr(own_page, "MOST_SHOWN", 1)
        short = tables(page(found, plans, payer))["paid-for"]
    paid = math.fsum(
        math.fsum(one.paid_meur.values()) for one in plan.accounts if one.funder == payer
    )
    for table in (whole, short):
        for column in table.columns[1:]:
            of = column.of
            assert callable(of)
            assert math.fsum(map(of, table.rows)) == near(paid)
    assert len(whole.rows) > 2
    others = f"{len(whole.rows) - 1} others"
    assert [row[0] for row in short.rows] == [whole.rows[0][0], others]


@LANGUAGES
def test_who_wrote_it_stands_at_its_end(language: Language) -> None:
    with using(language):
        made = made_for(COMPANY, author="Somebody", date="Monday")
    assert made.answer[-1] == "Somebody, Monday."
    assert made.subtitle == "company (Motors)"


@pytest.mark.parametrize("payer", [COMPANY, LAND])
def test_what_is_not_compared_is_not_shown(payer: str) -> None:
    """Of an option in another currency nobody can tell what it costs in that of the base."""
    plans = {"euro": with_money(2, 1), "dollar": with_money(6, 3, currency="USD")}
    with using("en"):
        made = page(compare(list(plans.values()), list(plans), federal=["fund"]), plans, payer)
        first, *_ = tables(made).values()
    assert first.chart is not None
    assert [len(side) for side in bars(first)] == [1, 1]
    assert "dollar" not in str([part for part in made.answer if isinstance(part, str)])
    # In another order the same: the base is what it is in.
    turned = dict(reversed(plans.items()))
    with using("en"):
        found = compare(list(turned.values()), list(turned), federal=["fund"])
        assert "million USD" in str(facts(page(found, turned, payer)))


def test_who_pays_nothing_has_no_page() -> None:
    with pytest.raises(KeyError):
        made_for("fund")
