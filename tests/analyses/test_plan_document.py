"""A plan as a document: what it says, in which order, and that it says what the plan says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from chained import chained
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of
from pages import read, tables
from plan_by_hand import certificate, outcome, plan
from samples import frontier
from saved_plans import ALL, germany, tutorial
from small import case, chance_of_cut, funder, near, project, solve
from small_scenario import NAMES
from splits import split

from models.files import read_case, read_case_text
from models.language import Language, using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.comparison.benefit import compute_benefit, reference_year
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.analyses.plan.document import build_document
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.number_format import format_rounded
from optimizer.report.render import html
from optimizer.solve.planner import solve_to_plan as best_plan

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])
TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"
SECTIONS = (
    "What to build, and when",
    "Funding by source and year",
    "Budgets",
    "What to stock",
    "Damage with and without the plan",
    "How good the proof is",
)


def text(**fields: Any) -> str:
    return text_of(plan(**fields))


def row_text(shown: str, *words: str) -> str:
    (line,) = [line for line in shown.splitlines() if all(word in line for word in words)]
    return re.sub(r" {2,}", " | ", line)


@pytest.mark.quick(1)
@pytest.mark.parametrize("name", ALL)
@LANGUAGES
def test_all_media_are_whole_in_both_languages(
    name: str, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(ALL[name](), language, untranslated)


@pytest.mark.slow
@LANGUAGES
def test_a_plan_for_a_chain_is_whole_and_says_what_need_is(
    language: Language, untranslated: set[str]
) -> None:
    """What its method and its terms say of plants, in both languages."""
    made = best_plan(Case.model_validate(chained()))
    is_whole_in_all_media(made, language, untranslated)
    if language == "en":
        shown = read(page_of(made))
        assert "makes as much as its capacity and the scarcest of them allow" in shown.text
        assert "demand of all consumers, and what plants that run today take in" in shown.text


def test_the_answer_comes_first() -> None:
    lines = text().splitlines()
    assert lines[:3] == ["A plan by hand", "Variant: larger_fund", ""]
    assert " ".join(lines[3:5]) == (
        "Recommended: support 1 project and buy stocks of 1 material. That lowers expected damage "
        "in the years 2026 to 2029 by 70 %, from EUR 4.00 billion to EUR 1.20 billion."
    )


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    shown = text()
    places = [shown.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)


def test_the_figures_are_those_of_the_plan() -> None:
    shown = text()
    mine = row_text(shown, "Deep mine", "2027")
    assert mine == "Deep mine | 2027 | 2030 | 1 400 | 55 % | all consumers 30 %, motor_co 25 %"
    assert (
        row_text(shown, "Deep mine", "fund", "equity") == "Deep mine | fund | equity | 140 | 10 %"
    )
    assert row_text(shown, "fund", "loan").endswith("fund | loan | 70 | 5 %")
    market = row_text(shown, "lenders and investors", "60 %")
    assert market.endswith("lenders and investors | - | 840 | 60 %")
    assert row_text(shown, "motor_co", "25 %", "350").endswith("motor_co | equity | 350 | 25 %")
    reserve = row_text(shown, "Ore reserve", "52.5")
    assert reserve == "Ore reserve | - | 52.5 | 52.5 | 2027 | 192 | 6.25"
    assert row_text(shown, "Fund", "211.5").startswith("Fund | 4.5 | 211.5 | 0.2")
    assert row_text(shown, "Fund", "211.5").endswith("| 216.2")
    assert row_text(shown, "Worst of the states") == (
        "Worst of the states computed | 20 000 | 9 876 | 10 124 | 50.6 %"
    )
    tail = row_text(shown, "worst 5 % of states", "8 000")
    assert tail.endswith("| 12 000 | 8 000 | 4 000 | 33.3 %")
    assert row_text(shown, "Wind") == "Wind | 2 000 | 300 | 1 700 | 85 % | 60.7 %"
    assert row_text(shown, "Gap").endswith("0.0081 % (target 0.01 %)")
    assert "1 234 (no plan can have a lower objective)" in shown
    assert "ab" * 8 not in shown  # no hash of the scenario: it would tell figures by trial


def test_the_risk_of_shortage_is_that_of_the_year_in_which_most_is_missing() -> None:
    """Not the 45 % of 2026: all figures of a row are those of one year."""
    assert row_text(text(), "Rare ore", "2027", "12.5 %") == (
        "Rare ore | 2027 | 100 | 30 | 7.50 | 7.5 % | 12.5 %"
    )


def test_what_is_idle_or_safe_is_said_once() -> None:
    shown = text()
    assert "Nothing is held in: Copper reserve." in shown
    assert "idle_fund" not in shown
    assert "Never short, with or without the plan: Copper." in shown


def test_empty_sections_are_left_out() -> None:
    nothing = {"projects": [], "stockpiles": [], "materials": [], "consumers": []}
    shown = text(**nothing, spend_meur={}, committed_meur={})
    assert [title for title in SECTIONS if f"\n{title}" in shown] == [
        "Damage with and without the plan",
        "How good the proof is",
    ]
    assert "The plan is to build and buy nothing: expected damage is EUR 1.20 billion." in shown


def test_a_plan_that_was_stopped_is_not_called_optimal() -> None:
    stopped = certificate(status="limit", gap=0.125, bound=1080.0, ended="Time limit reached")
    shown = one_line(plan(certificate=stopped))
    assert "optimal" not in shown.lower()
    assert "improve its objective by 12.5 % at most" in shown
    assert "(solver: Time limit reached)" in shown
    german = one_line(plan(certificate=stopped), "de")
    assert "ein anderer kann seinen Zielwert um höchstens 12,5 % verbessern." in german


def test_without_a_bound_nothing_is_promised() -> None:
    unknown = plan(certificate=certificate(status="limit", gap=None, bound=None))
    shown = one_line(unknown)
    assert "how much better another could be is not known" in shown
    assert "Bound none was proven" in shown
    assert "Untere Schranke keine nachgewiesen" in one_line(unknown, "de")


@pytest.mark.parametrize("few", [True, False])
def test_few_states_are_called_an_illustration(few: bool) -> None:
    shown = text(certificate=certificate(illustrative=few, states=12 if few else 500))
    assert ("For illustration only: the plan rests on 12 states" in shown) == few


def test_other_measures_and_currencies_keep_their_words() -> None:
    tonnes = plan(outcome=outcome(measure="tonnes", unit="t"), currency="CHF")
    assert "lowers expected shortage in the years 2026 to 2029 by 70 %, from 4 000" in one_line(
        tonnes
    )
    assert "345 million CHF" in page_of(tonnes)
    assert "EUR" not in one_line(tonnes)
    german = one_line(tonnes, "de")
    assert "sinkt die erwartete Fehlmenge in den Jahren 2026 bis 2029 um 70 %" in german
    assert "EUR" not in german


def test_a_plan_that_raises_damage_is_reported() -> None:
    worse = plan(outcome=outcome(expected=5000.0, worst=20000.0))
    assert "That raises expected damage in the years 2026 to 2029 by 25 %" in one_line(worse)
    none = outcome()["without_plan"] | {"expected": 0.0}
    from_nothing = plan(outcome=outcome(without_plan=none))
    assert "goes from 0 million EUR to EUR 1.20 billion" in one_line(from_nothing)


def supported() -> Plan:
    """A floor of 12,000 EUR/t for 100 t of ore at 10,000: 0.2 million for all of it."""
    floor = {
        "kind": "price_floor",
        "floor_eur_per_t": {"ore": 12_000},
        "market_finance_per_share": 0.5,
    }
    return solve(
        case(
            projects={"works": project(market_finance_max=0.8, home_share=1.0)},
            funders={"fund": {"kind": "public", "name": "Fund", "instruments": {"floor": floor}}},
        )
    )


def test_payments_that_raise_market_finance_have_a_table() -> None:
    """Lenders lack a fifth, and carry half for all output: two fifths are under the floor."""
    (row,) = tables_in(supported())["supports"].rows
    assert [cell.text for cell in row] == ["Works", "Fund", "floor", "40 %", "0.0800", "0.0800"]
    assert "Was Banken und Anleger mehr tragen lässt" in text_of(supported(), "de")
    assert "supports" not in tables_in(solve(case()))


# Definitions: one figure, one name, one place


def built(**fields: Any) -> Plan:
    """Works of 10 million: half from a fund that gets back 60 %, half from lenders."""
    works = project(
        market_finance_max=0.5,
        latest_start=2026,
        construction_years=1,
        capex_profile=[0.6, 0.4],
        offtake_max=0.5,
    )
    raw = case(
        2028,
        **chance_of_cut(0.5),
        projects={"works": works},
        funders={"fund": funder(budget=5, max_share=0.5, recovery=0.6)},
        horizon={"first_year": 2026, "last_year": 2028, "discount_rate": 0.25},
        policy={"must_build": ["works"]},
        **fields,
    )
    return solve(raw)


def test_lenders_pay_when_capex_is_due() -> None:
    row = tables_in(built())["committed"].row("Lenders and investors")
    assert [cell.value for cell in row[1:]] == [near(3.0), near(2.0), 0.0, near(5.0)]


def test_what_comes_back_is_what_is_paid_less_the_cost() -> None:
    """5 million: 3 now and 2 a year later at 25 % are 4.6; 60 % of it come back."""
    table = tables_in(built())["by-funder"]
    assert table.values("Paid, present value")[0] == near(4.6)
    assert table.values("Expected back, present value")[0] == near(0.6 * 4.6)
    assert table.values("Net cost, present value")[0] == near(0.4 * 4.6)


@pytest.mark.slow
def test_figures_per_euro_are_those_of_a_comparison() -> None:
    found = germany()
    per = compare_plans([found, found]).options[0].cost
    assert per.avoided_per_net_euro is not None
    assert per.avoided_per_net_euro.meur == near(
        sum(
            p.cost_meur
            for p in found.accounts
            if PlanWording(found).funder_kinds[p.funder] == "public"
        )
    )
    shown = one_line(found)
    assert per.avoided_per_public_euro is not None
    for figure, before in (
        (per.avoided_per_public_euro.expected, "On average over all of it, {} EUR of expected"),
        (per.avoided_per_net_euro.expected, "For each EUR of net public cost it is {}."),
    ):
        assert figure is not None
        assert before.format(f"{figure:.1f}") in shown


@pytest.mark.slow
@pytest.mark.quick(1)
@LANGUAGES
def test_a_provision_below_the_expected_loss_is_reported(language: Language) -> None:
    """Of germany-2026 5 % are set aside, and 6 % are expected to be lost."""
    found = germany()
    face = sum(p.committed_meur for p in found.accounts if p.budget_class == "guarantee")
    shown = one_line(found, language)
    with using(language):
        short = format_rounded(0.01 * face)
    assert face > 0
    said = f"; {short} million EUR are missing" if language == "en" else f"fehlen {short} Mio. EUR"
    assert said in shown


@pytest.mark.slow
def test_materials_above_the_limit_are_counted_in_the_same_year_everywhere() -> None:
    found = germany()
    compared = compare_plans([found, found])
    of = compared.options[0].benefit.dependence
    assert (of.year, compared.year) == (2030, 2030)
    assert f"{len(of.above_limit_without_plan)} of the 20 materials" in one_line(found)
    rows = tables_in(found)["suppliers"].rows
    marked = [row[0].text for row in rows if row[-3].text.startswith("▲")]
    assert len(marked) == len(of.above_limit)


@pytest.mark.slow
def test_the_page_counts_the_materials_that_reach_a_benchmark() -> None:
    found = germany()
    shown = page_of(germany()).replace("\u00a0", " ")
    for stage, target in (("extraction", 0.1), ("processing", 0.4), ("recycling", 0.25)):
        those = [share for share in found.crma if share.stage == stage]
        after = sum(share.share >= target for share in those)
        before = sum(share.share_without_plan >= target for share in those)
        reported = (
            f"({100 * target:.0f} %): {after} of {len(those)} with the plan, {before} without"
        )
        assert f"{stage.capitalize()} {reported}" in shown


@pytest.mark.slow
def test_shares_of_more_than_all_demand_are_explained() -> None:
    found = germany()
    over = any(share.share > 1 for share in found.crma)
    assert over == ("output in the Union is more than the demand" in page_of(germany()))
    assert "the stages of a material do not add up" in page_of(germany())


@pytest.mark.parametrize(
    ("country", "home", "above"),
    [("CN", [], True), ("FR", [], False), ("CN", ["CN"], False), ("NO", ["DE"], True)],
)
def test_one_third_country_above_65_percent(country: str, home: list[str], above: bool) -> None:
    """Neither the Union nor home is a third country."""
    supply = [
        {"material": "ore", "country": country, "share": 0.7},
        {"material": "ore", "country": "BR", "share": 0.3},
    ]
    found = solve(case(supply=supply, home=home))
    (row,) = tables_in(found)["suppliers"].rows
    assert ("▲" in row[2].text) is above
    assert row[2].value == near(0.7)


@pytest.mark.parametrize(
    ("first", "last", "shown"), [(2026, 2028, 2028), (2026, 2031, 2030), (2033, 2035, 2033)]
)
def test_the_year_shown_is_2030_or_the_nearest(first: int, last: int, shown: int) -> None:
    found = solve(case(horizon={"first_year": first, "last_year": last}))
    assert reference_year(found, None) == compute_benefit(found).dependence.year == shown


@pytest.mark.slow
def test_private_funding_is_what_all_but_public_funders_pay() -> None:
    found = germany()
    lent = sum(p.capex_meur * p.market_share for p in found.projects)
    companies = {f.id for f in found.funders if f.kind != "public"}
    of_companies = sum(sum(p.paid_meur.values()) for p in found.accounts if p.funder in companies)
    others = f"{of_companies:,.0f}".replace(",", " "), f"{lent:,.0f}".replace(",", " ")
    assert f"companies {others[0]} (" in one_line(found)
    assert f"lenders and investors {others[1]} (" in one_line(found)


# Beside others


@pytest.mark.slow
def test_a_frontier_in_the_folder_of_a_plan_gets_a_section() -> None:
    beside = html.render_page(build_document(tutorial(), frontier=frontier()))
    assert "frontier" in tables(read(beside))
    assert 'id="frontier"' not in page_of(tutorial())


@pytest.mark.slow
def test_a_split_beside_a_plan_gets_a_section() -> None:
    beside = html.render_page(build_document(germany(), split=split()))
    assert "gains" in tables(read(beside))
    assert 'id="split"' not in page_of(germany())


# Names


def names(found: Plan) -> list[str | None]:
    say = PlanWording(found)
    parts = {"materials": "ore", "projects": "mine", "funders": "fund", "stockpiles": "reserve"}
    return [
        say.title,
        say.variant_title,
        *(say.name(kind, id) for kind, id in parts.items()),
        say.name("consumers", "cars"),
        say.name("consumers", "wind"),
        say.instrument_name("fund", "loan"),
        say.budget_line_name("fund", "purse"),
    ]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            ["A mine and a stock", "A larger fund", "Rare ore", "Bergwerk", "A fund", "Erzlager",
             "Cars", "wind", "Kredit", "A fund: Cash"],
        ),
        (
            "de",
            ["Ein Bergwerk und ein Lager", "Ein größerer Fonds", "Seltenes Erz", "Bergwerk",
             "Ein Fonds", "Erzlager", "Autos", "wind", "Kredit", "Ein Fonds: Barmittel"],
        ),
    ],
)  # fmt: skip
def test_names_come_from_the_scenario(language: Language, expected: list[str]) -> None:
    found = best_plan(read_case_text(NAMES, variant="larger_fund").case, variant="larger_fund")
    with using(language):
        assert names(found) == expected


def test_without_its_scenario_a_plan_has_the_names_it_lists() -> None:
    with using("de"):
        assert names(plan()) == [
            "A plan by hand", "larger_fund", "Rare ore", "Deep mine", "fund", "Ore reserve",
            "Cars", "Wind", "loan", "Fund: purse",
        ]  # fmt: skip


# German, word for word


def test_the_tutorial_in_german() -> None:
    """Its figures are those that docs/tutorial.md works out."""
    found = best_plan(read_case(TUTORIAL).case)
    saved = Plan.model_validate_json(found.model_dump_json())
    shown = one_line(found, "de")
    assert one_line(saved, "de") == shown
    for said in (
        "Einführung: ein Metall, ein Exportstopp Empfehlung: 1 von 2 möglichen Projekten fördern "
        "und Vorräte anlegen (1 Rohstoff). Damit sinkt der erwartete Schaden in den Jahren 2026 "
        "bis 2028 um 70 %, von 40 Mio. EUR auf 12 Mio. EUR.",
        "Nur zur Veranschaulichung: Der Plan beruht auf 3 Verläufen.",
        "Eine Raffinerie 2026 2027 40 50 % alle Verbraucher 25 %, Ein Chiphersteller 25 %",
        "Reserve Rohstofffonds 10 10 2027 91 5,50",
        "Rohstofffonds 12,6 2,7 0,2 15,5 Ein Chiphersteller 10,0 0 0 10,0 Zusammen 22,6 2,7 0,2",
        "Ungünstigster der gerechneten Verläufe 200 80 120 60 %",
        "Gallium 2027 40 12 6 15 % 30 %",
        "Übrige Industrie 30 8 22 73,3 % 78,6 %",
        "Zielwert 27,5 Untere Schranke 27,5 (kein Plan kann einen kleineren Zielwert haben)",
    ):
        assert said in shown
