"""What is shown of plans: every view in both languages, and what has changed."""

from __future__ import annotations

import threading
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from open_page import PATIENCE, TUTORIAL, Tab, Visitor, query_of
from pages import Element, read

from models.files import read_case
from models.language import LANGUAGES, Language
from optimizer.page import views, worker
from optimizer.page.worker import AnswerFailure, ScenarioWorker, SolveRequest, ViewRequest
from optimizer.parallel.services import ServiceMessage
from optimizer.report.number_format import NO_BREAK_SPACE

OPENED = (TUTORIAL,)
BASE = query_of("tutorial")
STRIKE = "export_stop 2027 for 24 months"
HEADINGS: dict[str, dict[Language, str]] = {
    "brief": {"en": "In brief", "de": "Auf einen Blick"},
    "projects": {"en": "What to build, and when", "de": "Was gebaut wird und wann"},
    "money": {"en": "Funding by source and year", "de": "Finanzierung nach Quelle und Jahr"},
    "stocks": {"en": "What to stock", "de": "Was eingelagert wird"},
    "exposure": {"en": "Dependence before and after", "de": "Abhängigkeit vorher und nachher"},
    "map": {"en": "Dependence before and after", "de": "Abhängigkeit vorher und nachher"},
    "damage": {"en": "Damage with and without the plan", "de": "Schaden mit und ohne Plan"},
    "changed": {"en": "What each option costs", "de": "Was jede Option kostet"},
    "board": {"en": "The options at a glance", "de": "Die Optionen im Überblick"},
    "stress": {"en": "What happens", "de": "Was geschieht"},
    "company": {
        "en": "What the options mean for Raw materials fund",
        "de": "Was die Optionen bedeuten: Rohstofffonds",
    },
}


def headings(page: Element) -> list[str]:
    return [one.text for one in page.all("h2", "h3", "h4")]


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("name", views.ALL_VIEWS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_view_is_headed_as_it_should_be(visitor: Visitor, name: str, language: Language) -> None:
    """A view is requested without an earlier question."""
    queries = [BASE, query_of("tutorial", "capex=2")] if name in views.COMPARISON_VIEWS else [BASE]
    answer = visitor.view(name, *queries, lang=language, event=STRIKE, funder="fund")
    assert answer.status == 200
    page = read(answer.text)
    assert HEADINGS[name][language] in " | ".join(headings(page))
    assert not list(page.all("script", "style", "html", "body"))
    assert "style" not in {key for one in page.all() for key in one.attributes}


def test_a_board_has_a_column_for_each_option(visitor: Visitor) -> None:
    queries = [BASE, query_of("tutorial", "capex=2"), query_of("tutorial", "capex=0.5")]
    two, three = (visitor.view("board", *queries[:n]).text for n in (2, 3))
    for option in ("Base case", "Capex: all projects × 2", "Capex: all projects × 0.5"):
        assert option in three.replace(NO_BREAK_SPACE, " ")
    assert "Capex: all projects × 0.5" not in two.replace(NO_BREAK_SPACE, " ")


@pytest.mark.slow
def test_a_board_of_many_options_is_found_again(visitor: Visitor) -> None:
    """A board of more options than a process caches is solved."""
    queries = [query_of("tutorial", f"funders.fund.budget_meur={10 + n}") for n in range(6)]
    answer = visitor.view("board", *queries)
    assert answer.status == 200
    assert "The options at a glance" in answer.text


def test_what_has_changed_is_reported_from_before_to_after(visitor: Visitor) -> None:
    answer = visitor.view("changed", BASE, query_of("tutorial", "project.refinery=out"))
    assert answer.status == 200
    cells = {
        table.attributes.get("data-name", ""): [
            [cell.text.replace(NO_BREAK_SPACE, " ") for cell in row.all("th", "td")]
            for row in table.all("tr")
        ]
        for table in read(answer.text).all("table")
    }
    assert "rises from 12 million EUR to 28 million EUR (+133 %)." in (
        answer.text.replace(NO_BREAK_SPACE, " ")
    )
    reported = "Lenders and investors -20, Raw materials fund -10 and A chip maker -10"
    assert cells["payments"][1] == ["A refinery", "40", "0", "-40", reported]
    assert cells[""][-1] == ["Sum", "12", "28", "+16"]
    # A share of output for each share of capex, of which fund and chip maker carry a quarter each.
    assert cells["secured"][1] == ["A refinery", "50", "0", "-50"]
    assert cells["costs"][0][1] == "Base case"
    (paid,) = [row for row in cells["costs"] if row[0] == "Public funding in all"]
    assert float(paid[1]) - float(paid[2]) == 10
    assert visitor.view("changed", BASE, BASE).status in (200, 409)


def test_costs_of_participation_are_reported_with_its_gains(visitor: Visitor) -> None:
    reported = read(visitor.view("company", BASE, funder="chip_maker").text).text
    assert "costs A chip maker 5 million EUR net" in reported.replace(NO_BREAK_SPACE, " ")
    reported = reported.replace(NO_BREAK_SPACE, " ")
    assert "lose 6 million EUR less: 4 million EUR and not 10 million EUR." in reported
    assert "That is 1 million EUR more than it costs." in reported
    assert "Either plan may be improved, by no more than" in reported


def test_a_funder_that_pays_for_nothing_is_reported(visitor: Visitor) -> None:
    poor = query_of("tutorial", "funders.chip_maker.budget_meur=0")
    answer = visitor.view("company", poor, funder="chip_maker")
    assert answer.status == 200
    assert "staying out changes nothing" in answer.text


@pytest.mark.parametrize(
    ("setting", "english", "german"),
    [
        # By hand: half of the refinery is lent; fund and chip maker put up a quarter each.
        ("project.refinery=out",
         "lenders and investors -20 million EUR, Raw materials fund -10 million EUR and "
         "A chip maker -10 million EUR",
         "Banken und Anleger -20 Mio. EUR, Rohstofffonds -10 Mio. EUR und "
         "Ein Chiphersteller -10 Mio. EUR"),
    ],
)  # fmt: skip
def test_who_puts_up_more_or_less_is_reported(
    visitor: Visitor, setting: str, english: str, german: str
) -> None:
    for language, reported in (("en", english), ("de", german)):
        view = visitor.view("changed", BASE, query_of("tutorial", setting), lang=language)
        assert f": {reported}." in view.text.replace(NO_BREAK_SPACE, " ")


@pytest.mark.parametrize(
    ("language", "used", "same"),
    [
        ("en", "Raw materials fund: 15.5 of 30 million EUR are used.", "It is the same plan:"),
        ("de", "Rohstofffonds: 15,5 von 30 Mio. EUR werden gebraucht.", "Es ist derselbe Plan:"),
    ],
)
def test_money_that_is_not_used_is_reported(
    visitor: Visitor, language: Language, used: str, same: str
) -> None:
    """By hand: a quarter of the refinery is 10, and stock for all that is left is 5.5."""
    enough, more = (query_of("tutorial", f"funders.fund.budget_meur={n}") for n in (29, 30))
    reported = read(visitor.view("changed", enough, more, lang=language).text).text
    assert used in reported.replace(NO_BREAK_SPACE, " ")
    assert same in reported


def test_different_payments_are_a_different_plan_and_a_stopped_search_is_unproven() -> None:
    """The same projects and stocks, of which one pays more; a search that ended at a limit."""
    answerer, base = ScenarioWorker(), read_case(TUTORIAL)
    first = base.with_settings(["funders.fund.budget_meur=60"]).case
    answerer.answer(ServiceMessage(1, SolveRequest("k", first, "t", None), "en"), lambda _: None)
    plan = answerer._plan_document("k", with_chains=True)
    (one, *others) = plan.accounts
    dearer = {year: 2 * paid for year, paid in one.paid_meur.items()}
    accounts = (one.model_copy(update={"paid_meur": dearer}), *others)
    stopped = plan.certificate.model_copy(update={"status": "limit"})
    after = plan.model_copy(update={"accounts": accounts, "certificate": stopped})
    same, other = views.changes_view(plan, plan), views.changes_view(plan, after)
    assert "It is the same plan" in same
    assert "Either plan may be improved" in same
    assert "It is the same plan" not in other
    assert "Not both plans are proven to be the best" in other


def test_a_budget_that_carries_over_is_not_reported_where_it_was_not_moved() -> None:
    """What it has in a year holds what the years before left, which the use of it changes."""
    answerer = ScenarioWorker()
    by_year = [
        "funders.fund.budget_meur=null", "funders.fund.carry_over=true",
        "funders.fund.budget_by_year_meur={2026: 20, 2027: 20, 2028: 20}",
    ]  # fmt: skip
    for key, capex in (("a", 40), ("b", 44)):
        settings = [*by_year, f"projects.refinery.capex_meur={capex}"]
        case = read_case(TUTORIAL).with_settings(settings).case
        answerer.answer(ServiceMessage(1, SolveRequest(key, case, "t", None), "en"), lambda _: None)
    reported = answerer.answer(
        ServiceMessage(2, ViewRequest("changed", ("a", "b")), "en"), lambda _: None
    )
    assert "Raw materials fund +" in reported
    assert "are used" not in reported


def test_what_is_spent_otherwise_on_stocks_is_reported(visitor: Visitor) -> None:
    """By hand: of ten tonnes at 0.5 each and what keeping them costs, two are left."""
    small = query_of("tutorial", "stockpiles.reserve.max_purchase_t_per_year=1")
    reported = read(visitor.view("changed", BASE, small).text).text.replace(NO_BREAK_SPACE, " ")
    assert (
        "Largest changes of what is spent on stocks, in million EUR, not discounted: Gallium -4.40."
        in reported
    )


def test_what_is_contracted_otherwise_is_reported(visitor: Visitor) -> None:
    """By hand: the fund's quarter secures 20 % of the output, and no longer 25 %."""
    less = query_of("tutorial", "funders.fund.instruments.equity.offtake_per_share=0.8")
    reported = "Contracted to domestic consumers, in percentage points of output: A refinery -5."
    assert reported in visitor.view("changed", BASE, less).text
    reported = (
        "Vertraglich für das Inland gesichert, in Prozentpunkten der Erzeugung: Eine Raffinerie -5."
    )
    assert reported in visitor.view("changed", BASE, less, lang="de").text


def test_a_search_that_goes_on_is_shown_as_it_ends() -> None:
    """A plan that was stopped is not that of the answer any more, and a file of it is whole."""
    answerer, numbers, base = ScenarioWorker(), count(1), read_case(TUTORIAL)
    nothing = base.with_settings(["funders.fund.budget_meur=0"]).case

    def answer(asked: Any) -> Any:
        said = answerer.answer(ServiceMessage(next(numbers), asked, "en"), lambda _: None)
        assert not isinstance(said, AnswerFailure), said
        return said

    def supports() -> bool:
        return "support 1 of 2" in answer(ViewRequest("brief", ("k",))).replace(NO_BREAK_SPACE, " ")

    answer(SolveRequest("k", nothing, "t", None))
    answerer.finished_keys.discard("k")  # as if it had been stopped with this plan
    assert not supports()
    stopped = answer(ViewRequest("plan", ("k",), is_file=True))
    answer(SolveRequest("k", base.case, "t", None))
    assert supports()
    assert (
        answerer.keys_with_chains == set()
    )  # a file is made of it again, with all that is reported chains
    assert answer(ViewRequest("plan", ("k",), is_file=True)) != stopped


def test_what_is_counted_in_tonnes_is_called_a_shortage() -> None:
    answerer = ScenarioWorker()
    for key, budget in (("a", 20), ("b", 0)):
        case = read_case(TUTORIAL, settings=["objective.measure=tonnes"]).with_settings(
            [f"funders.fund.budget_meur={budget}"]
        ).case  # fmt: skip
        answerer.answer(ServiceMessage(1, SolveRequest(key, case, "t", None), "en"), lambda _: None)
    reported = answerer.answer(
        ServiceMessage(2, ViewRequest("changed", ("a", "b")), "en"), lambda _: None
    )
    assert "Expected shortage stays at" in reported
    assert "damage by" not in reported


def test_stocks_are_counted_by_what_is_in_store() -> None:
    held = {"here": "gallium", "there": "gallium", "far": "cobalt", "empty": "lithium"}
    instance = SimpleNamespace(
        stockpiles={id: SimpleNamespace(material=material) for id, material in held.items()}
    )
    plan = SimpleNamespace(buy={id: np.full(2, float(id != "empty")) for id in held})
    assert worker._stocked_material_count(instance, plan) == 2


def test_a_stress_test_of_nothing_is_reported(visitor: Visitor) -> None:
    for event in ("", "nobody 2027 for 12 months", "export_stop 2027 for months"):
        answer = visitor.view("stress", BASE, event=event)
        assert answer.status == 409
        assert "There is no answer" in answer.text


@pytest.mark.slow
def test_views_are_asked_while_questions_are(visitor: Visitor, tab: Tab) -> None:
    found: list[int] = []

    def look() -> None:
        found.extend(visitor.view(name, BASE).status for name in ("brief", "money", "damage"))

    looking = threading.Thread(target=look)
    looking.start()
    for n in range(5):
        assert tab.ask(query_of("tutorial", f"capex={3 + n}"))["state"] == "proven"
    looking.join(PATIENCE)
    assert found == [200, 200, 200]


@pytest.mark.slow
def test_an_older_answer_is_shown_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though neither its document is kept any more nor its states."""
    monkeypatch.setattr(worker, "MAX_PROBLEMS", 1)
    monkeypatch.setattr(worker, "MAX_PLANS", 1)
    answerer, numbers = ScenarioWorker(), count(1)
    base = read_case(TUTORIAL)

    def answer(asked: Any) -> Any:
        said = answerer.answer(ServiceMessage(next(numbers), asked, "en"), lambda _: None)
        assert not isinstance(said, AnswerFailure), said
        return said

    def look(key: str) -> list[Any]:
        stress = ViewRequest("stress", (key,), (("event", STRIKE),))
        return [answer(ViewRequest("damage", (key,))), answer(stress),
                answer(ViewRequest("plan", (key,), is_file=True))]  # fmt: skip

    def ask(budget: str) -> None:
        case = base.with_settings([f"funders.fund.budget_meur={budget}"]).case
        answer(SolveRequest(budget, case, "t", None))

    ask("10")
    first = look("10")
    ask("12")
    look("12")
    assert answerer.solutions["10"].states == ()
    assert look("10") == first
