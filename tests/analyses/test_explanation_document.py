"""An explanation as a document: each kind of reason in a sentence, in both languages."""

from __future__ import annotations

import pytest
from documents import is_whole_in_all_media, one_line, page_of
from explaining import explained, item
from pages import read, tables
from samples import explanation as found
from small import case, funder, project, stockpile

from models.language import Language, using
from models.results import BindingRule
from optimizer.analyses.explanation import document
from optimizer.analyses.explanation.document import left_out_table
from optimizer.report.wording import Wording

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])


@pytest.mark.slow
def test_each_reason_is_a_sentence() -> None:
    text = one_line(found())
    assert "Big mine is in, decided in 2026. Without it the best plan is worse by" in text
    assert "Small mine is out. With it the best plan is worse by" in text
    assert "Instead: without Big mine." in text
    assert (
        "Beside the plan as it stands it does not fit: the budget of public is 10 million EUR (B1)"
    ) in text
    assert "Lonely mine is out. No plan can have it" in text
    assert "reserve buys nothing. There is no room, no market or no demand for any." in text
    assert "Budget of public" in text


def test_an_excluded_candidate_names_its_start_and_its_requirements() -> None:
    """The small mine takes all of the 9 million that it costs from the public fund; it may start in
    the horizon's one year."""
    raw = case(
        projects={"big": project(60, 10), "small": project(50, 9, latest_start=2040)},
        funders={"fund": funder(budget=10)},
    )
    table = left_out_table(explained(raw))
    (row,) = table.rows
    shown = {column.header: column.value for column in table.columns}
    assert shown["May start"](row) == "2026 to 2026"
    assert (shown["Capex announced"](row), row.regret.public_meur) == (9, pytest.approx(9))


def test_it_is_reported_in_german() -> None:
    text = one_line(found(), "de")
    assert "Große Grube ist dabei, Entscheidung 2026. Ohne dieses Projekt ist der beste" in text
    assert "das Budget „public“ beträgt 10 Mio. EUR (B1)" in text
    assert "Was eine weitere Million oder ein weiterer Prozentpunkt wert ist" in text


def test_damage_avoided_that_is_not_money_is_not_called_none() -> None:
    made = explained(
        case(
            projects={"works": project(50, 1000)},
            funders={"fund": funder()},
            objective={"measure": "share_of_demand", "cost_weight": 1},
        )
    )
    assert "it would avoid only 0.500 years of demand of mean damage" in document.describe_item(
        Wording(made), item(made, "works")
    )


def test_what_a_limit_left_open_is_not_called_too_close() -> None:
    """A range from 0 to half of all damage says that little was found out."""
    small = item(found(), "small")
    assert small.regret is not None
    wide = small.regret.model_copy(update={"status": "limit", "low": 0.0, "high": 5.0})
    late = small.model_copy(update={"regret": wide, "tie": True})
    text = one_line(found().model_copy(update={"items": (late,)}))
    assert "Not settled before a limit was met: Small mine." in text
    assert "Too close to call" not in text


def test_what_a_million_is_worth_has_its_unit() -> None:
    assert (
        "Gain for each million or percentage point, by the objective, in million EUR"
        in one_line(found())
    )
    assert "je Million oder Prozentpunkt, nach dem Ziel, in Mio. EUR" in one_line(found(), "de")


def test_initial_stocks_are_not_reported_as_purchases() -> None:
    made = explained(
        case(
            stockpiles=[stockpile(initial_t=10, max_t=60, max_purchase_t_per_year=100)],
            objective={"cost_weight": 1000},
            materials={"ore": {"price_eur_per_t": 1e6}},
        )
    )
    assert "more days of need in it" in document.describe_item(Wording(made), item(made, "reserve"))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "China may supply at most 65 % of the need for Ore"),
        ("de", "höchstens 65 % des Gesamtbedarfs an Ore dürfen aus einem Land kommen (China)"),
    ],
)
def test_a_country_is_reported_with_its_name(language: Language, said: str) -> None:
    rule = BindingRule(
        tag="G1",
        name="country_share_limit",
        path="policy.max_country_share.limit",
        about={"material": "ore", "country": "CN"},
        years=(2030,),
        limit=0.65,
        alone=None,
    )
    with using(language):
        clause = document.rule_clauses(Wording(found()), [rule])
    assert clause.replace("\u00a0", " ") == f"{said} (G1)"


@pytest.mark.quick(1)
@LANGUAGES
def test_all_media_are_whole_in_both_languages(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(found(), language, untranslated)


def test_the_page_asks_what_each_decision_is_worth_first() -> None:
    root = read(page_of(found()))
    lost = [row[2].value for row in tables(root)["regrets"].rows]
    assert lost == sorted(lost, reverse=True)
    assert [s.attributes["id"] for s in root.all("section")] == [
        "answer", "projects-out", "projects-in", "stocks-out", "budgets", "method",
        "proof",
    ]  # fmt: skip


def test_years_of_one_rule_are_reported_together() -> None:
    years = (2030, 2026, 2027, 2028)
    some = [
        BindingRule(tag="B1", name="funder_budget_by_year", path=f"funders.f.{year}",
                    about={"funder": "f"}, years=(year,), limit=1.0, alone=None)
        for year in years
    ]  # fmt: skip
    assert document.rule_clauses(Wording(found()), some) == (
        "the budget of f is limited in 2026 to 2028, 2030 (B1)"
    )
