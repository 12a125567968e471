"""A comparison as text: it says what the comparison says, in both languages, on 110 columns."""

from __future__ import annotations

import io
import re

import pytest
from side_by_side import changed, large, raw, small, stock
from small import project, solve
from spreadsheets import results

from models.language import german, using
from models.results import Comparison
from models.results.comparison import BrokenRule, Failed
from models.results.option import Wording
from optimizer.analyses.comparison.compare import compare
from optimizer.report.comparing import prose, tables
from optimizer.report.comparing.grids import heading, years
from optimizer.report.comparing.sections import all_of
from optimizer.report.html import comparison_report
from optimizer.report.terminal import PIPE_WIDTH, render, write
from optimizer.report.workbook import write_comparison

SECTIONS = (
    "What is compared",
    "What each option buys",
    "What each option costs",
    "Public money put up, by year",
    "Which projects are in all options",
    "What is stocked",
    "How far budgets are used",
    "Expected damage less that of small",
    "Money put up, less that of small",
    "What makes the difference",
    "How good the proof is",
)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare([small(), large(), stock()], ["small", "large", "stock"])


def test_sections_come_in_the_order_of_questions(comparison: Comparison) -> None:
    text = render(comparison)
    places = [text.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)


def test_six_options_fit_on_a_line() -> None:
    labels = [
        "small",
        "industry_alone",
        "japanese_model",
        "stocks_only",
        "a-much-longer-label",
        "x",
    ]
    plans = [small(), large(), stock(), changed(small(), currency="USD"), large(), stock()]
    text = render(compare(plans, labels))
    assert max(map(len, text.splitlines())) <= PIPE_WIDTH


def cells(text: str, row: str) -> list[str]:
    """The figures of a row."""
    (line,) = [line for line in text.splitlines() if line.startswith(row)]
    return re.split(r" {2,}", line.removeprefix(row).strip())


def test_figures_are_those_of_the_plans(comparison: Comparison) -> None:
    """Worked by hand in side_by_side."""
    text = render(comparison)
    assert cells(text, "Avoided, expected, million EUR") == ["2.00", "5.00", "2.50"]
    assert cells(text, "Left in the worst state") == ["6", "0", "5"]
    assert cells(text, "Put up by lenders and investors") == ["6", "0", "0"]
    assert cells(text, "Private money per public euro") == ["1.50", "0", "-"]
    assert cells(text, "Days of demand in stock, 2026") == ["0", "0", "182"]
    assert cells(text, "Works") == ["some", "2026 40 %", "2026 100 %", "-"]


def test_benchmarks_reached() -> None:
    """Ore of stages: German recycling of 40 or all of 100 t, where the act aims at 25 %."""
    plans = [
        solve(
            raw(budget)
            | {
                "supply": [
                    {"material": "ore", "country": "CN", "share": 1, "stages": ["extraction"]}
                ]
            }
            | {"projects": {"works": project(market_finance_max=0.6, stages=[stage])}}
        )
        for budget, stage in ((4, "recycling"), (10, "processing"))
    ]
    text = render(compare(plans, ["small", "large"]))
    assert cells(text, "recycling") == ["25 %", "0", "1", "0"]
    assert cells(text, "processing") == ["40 %", "0", "0", "1"]
    assert cells(text, "extraction") == ["10 %", "0", "0", "0"]


def test_differences_are_explained(comparison: Comparison) -> None:
    text = " ".join(render(comparison).split())
    assert "large avoids 3 million EUR more than small: 60 % of what comes without a plan." in text
    assert "Ore: 3 million EUR less damage; financed otherwise: Works." in text
    assert "Public funders put up 6 million EUR more: public, financial transactions +6." in text
    assert "Each public euro put up in addition avoids 0.50 EUR of expected damage" in text
    assert "stock avoids 0.500 million EUR more than small" in text
    assert "Ore: 0.500 million EUR less damage; without Works; 50 t more in stock." in text


def test_what_is_not_significant_is_called_so() -> None:
    open_ = [
        plan.model_copy(
            update={"certificate": plan.certificate.model_copy(update={"bound": 0.0, "gap": 1.0})}
        )
        for plan in (small(), large())
    ]
    text = render(compare(open_, ["small", "large"]))
    assert "large and small differ by 3 million EUR, which is not significant" in text
    assert "avoids" not in text.split("What makes the difference")[1].split("\n-")[0]


def test_what_is_not_compared_is_left_blank_and_named() -> None:
    other = changed(large(), currency="USD")
    text = render(compare([small(), other], ["small", "other"]))
    words = " ".join(text.split())
    assert 'other differs from small in currency: currency is "USD" instead of "EUR"' in words
    assert "Not compared for that: damage and money." in words
    assert cells(text, "Avoided, expected, million EUR") == ["2", "-"]
    assert cells(text, "Put up by public funders") == ["4", "-"]
    assert "other and small: damage is not compared." in words
    assert "Expected damage less" not in text


def test_failed_options_are_told(comparison: Comparison) -> None:
    rule = BrokenRule(tag="P9", name="must_build", says="works must be built", path=(), place="x:1")
    failed = [
        Failed(
            label="poor",
            title=Wording(en="Poor", de="Arm"),
            variant="poor",
            reason="infeasible",
            message="no plan",
            conflict=(rule,),
        ),
        Failed(
            label="late",
            title=Wording(en="Late", de="Spät"),
            variant=None,
            reason="no_plan",
            message="stopped before it was solved",
            conflict=(),
        ),
    ]
    text = render(comparison.model_copy(update={"failed": tuple(failed)}))
    words = " ".join(text.split())
    assert "poor is left out: no plan keeps all of these rules together. P9 must_build" in words
    assert "late is left out, since there is no plan: stopped before it was solved." in words


def test_german_leaves_nothing_in_english(comparison: Comparison) -> None:
    with using("de"):
        text = render(comparison)
    assert "large vermeidet" in text
    assert "Werk" in text
    assert "Ein großer Fonds" in text
    with using("en"):
        english = {section.title for section in all_of(comparison)}
    assert not [title for title in english if title in text]
    left = [
        phrase
        for phrase, translated in german().items()
        if len(phrase) > 12 and "{" not in phrase and phrase != translated and phrase in text
    ]
    assert not left


def test_residual_values_are_told_where_there_are_any(comparison: Comparison) -> None:
    """Half of the capex that does not come back, in the text, on the page and in the workbook."""
    name = "Residual value, present value"
    options = [raw(), raw(10)]
    for of in options:
        of["horizon"]["residual_value"] = 0.5
    plans = [solve(of) for of in options]
    both = compare(plans, ["small", "large"])
    left = [o.cost.public.residual_meur for o in both.options]
    assert left == pytest.approx([2, 5])
    assert name in render(both)
    assert name not in render(comparison)
    assert name in comparison_report(plans, both)
    told = results(write_comparison(dict(zip(["small", "large"], plans, strict=True)), both))
    rows = [row for sheet in told for row in sheet.iter_rows(values_only=True)]
    (row,) = [row for row in rows if row[0] == name]
    assert [x for x in row[1:] if isinstance(x, (int, float))][:2] == pytest.approx(left)


def test_tables_add_up(comparison: Comparison) -> None:
    for frame in (tables.damage_by_material(comparison), tables.damage_by_consumer(comparison)):
        assert frame["large"].iloc[-1] == pytest.approx(-3)
        assert frame["large"].iloc[:-1].sum() == pytest.approx(frame["large"].iloc[-1])
    money = tables.money(comparison)
    assert money["large"].iloc[-1] == pytest.approx(0, abs=1e-9)
    assert money["stock"].iloc[-1] == pytest.approx(-9.5)
    years = tables.public_by_year(comparison)
    assert list(years["small"]) == [pytest.approx(4)]
    costs = tables.costs(comparison).set_index("figure")
    classes = [name for name in costs.index if name.startswith("class:")]
    for label in ("small", "large", "stock"):
        assert costs.loc[classes, label].sum() == pytest.approx(costs.loc["public", label])


def test_one_option_alone_has_no_differences() -> None:
    text = render(compare([small()], ["small"]))
    assert "What makes the difference" not in text
    assert "How good the proof is" in text


def test_shortage_in_tonnes_is_not_called_damage() -> None:
    plans = [solve(raw(b) | {"objective": {"measure": "tonnes"}}) for b in (4, 10)]
    text = render(compare(plans, ["small", "large"]))
    assert "expected shortage 50 t" in text
    assert "damage" not in text.lower()


def test_what_a_stream_lacks_is_substituted(comparison: Comparison) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    with using("de"):
        write(comparison, stream)
    stream.flush()
    assert b"Optionen" in written.getvalue()


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("base", "base"),
        ("industry_alone", "industry_ alone"),
        ("fund_2500", "fund_2500"),
        ("a_b_c", "a_b_c"),
        ("germany-2026-rich", "germany- 2026-rich"),
        ("unbreakablelabel", "unbreakabl elabel"),
    ],
)
def test_headings_of_columns_are_broken_where_they_can_be(label: str, shown: str) -> None:
    assert heading(label) == shown


def test_lists_in_sentences() -> None:
    assert prose.listed(["a"]) == "a"
    assert prose.listed(["a", "b", "c"]) == "a, b and c"
    with using("de"):
        assert prose.listed(["a", "b"]) == "a und b"


def test_years_have_no_spaces_between_their_digits() -> None:
    assert years([2027.0, 2027.5, 2027.96, None]) == ["2027", "2027.5", "2028", "-"]
