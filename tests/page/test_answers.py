"""Reported answers equal those of a solve, also with concurrent questions."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from open_page import (
    DIES_ONCE_ASKED,
    PATIENCE,
    TUTORIAL,
    Opened,
    Tab,
    Visitor,
    figures,
    opened,
    own_text,
    query_of,
    solved,
)
from pages import read

import vorrat
from models.results import Plan
from optimizer.report.number_format import format_number

OPENED = (TUTORIAL,)
BASE = query_of("tutorial")
QUESTIONS = [(), ("funders.fund.budget_meur=10",), ("capex=2",), ("hazard.export_stop=2",),
             ("project.refinery=out",), ("project.refinery=in", "damage.gallium=0.5")]  # fmt: skip


def expected(plan: Plan) -> dict[str, str]:
    outcome = plan.outcome
    public = [f.id for f in plan.funders if f.kind == "public"]
    paid = sum(sum(plan.spend_meur.get(f, {}).values()) for f in public)
    return {
        "expected": format_number(outcome.expected),
        "tail": format_number(outcome.cvar),
        "cost": format_number(outcome.net_cost_meur),
        "public": format_number(paid),
        "projects": format_number(len(plan.projects)),
    }


@pytest.mark.slow
@pytest.mark.quick(2)
@pytest.mark.parametrize("settings", QUESTIONS, ids=str)
def test_the_figures_are_those_of_a_solve(tab: Tab, settings: tuple[str, ...]) -> None:
    said = tab.ask(query_of("tutorial", *settings))
    assert said["state"] == "proven"
    plan = solved(*settings)
    assert figures(said) == expected(plan)
    assert (
        f"{format_number(plan.outcome.without_plan.cvar)} without a plan" in read(said["html"]).text
    )


@pytest.mark.slow
def test_the_figures_of_a_variant_are_those_of_its_solve(tab: Tab) -> None:
    said = tab.ask(query_of("tutorial", variant="no_company"))
    plan = vorrat.solve(vorrat.read(TUTORIAL, "no_company"), gap=1e-3).result
    assert isinstance(plan, Plan)
    assert figures(said) == expected(plan)


@pytest.mark.slow
def test_an_answer_tells_what_it_was_before(tab: Tab) -> None:
    first = figures(tab.ask(BASE))
    second = tab.ask(query_of("tutorial", "capex=3"))
    was = {
        fact.attributes["data-fact"]: dd.text
        for fact in read(second["html"]).all("div")
        for dd in fact.all("dd")
        if dd.attributes.get("class") == "before"
    }
    assert was["expected"].startswith(f"before: {first['expected']}")
    assert was["cost"].startswith(f"before: {first['cost']}")


def test_the_worst_tenth_is_not_compared_with_the_worst_twentieth(tab: Tab) -> None:
    tab.ask(BASE)
    said = read(tab.ask(query_of("tutorial", "objective.cvar.level=0.9"))["html"])
    tail, expected = (
        next(one.text for one in said.all("div") if one.attributes.get("data-fact") == key)
        for key in ("tail", "expected")
    )
    assert "worst 10" in tail
    assert "before" not in tail
    assert "before" in expected


def test_an_answer_names_its_question_in_the_order_of_the_page(tab: Tab) -> None:
    settings = ("funders.fund.budget_meur=12", "capex=1.5")
    for order in (settings, settings[::-1]):
        said = tab.ask(query_of("tutorial", *order))
        assert (said["number"], said["query"]) == (tab.number, query_of("tutorial", *settings))


def test_answers_come_in_the_language_of_the_reader(server: Opened) -> None:
    """By the cookie that a link sets."""
    german = server.visitor()
    answer = german.get("/board?scenario=tutorial&lang=de", Accept="text/html")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["set-cookie"].startswith("language=de")
    german.cookies["language"] = "de"
    with german.tab() as tab, server.visitor().tab() as other:
        said, english = tab.ask(BASE), other.ask(BASE)
    assert "Erwarteter Schaden" in said["html"]
    assert said["text"].startswith("Für diese Annahmen nachgewiesen:")
    assert "Expected damage" in english["html"]
    assert '<html lang="de">' in german.get("/board?scenario=tutorial").text


# Several questions


def test_a_question_that_was_overtaken_never_answers(tab: Tab) -> None:
    """Ten of them one upon the other, the last of which is answered."""
    for n in range(10):
        assert tab.send(query_of("tutorial", f"capex={1 + n / 10}")).status == 202
    last = tab.answer()
    assert last["query"] == query_of("tutorial", "capex=1.9")
    later = tab.ask(BASE)
    assert later["query"] == BASE
    order = [said["number"] for said in tab.heard]
    assert order == sorted(order)
    for said in tab.heard:
        if said["number"] == 10:
            assert said["query"] == query_of("tutorial", "capex=1.9")


def test_each_tab_gets_its_own_answers(visitor: Visitor) -> None:
    values = [0.5, 1.0, 1.5, 2.0]
    with ExitStack() as open_tabs:
        tabs = [open_tabs.enter_context(visitor.tab()) for _ in values]
        queries = [query_of("tutorial", f"capex={value:g}") for value in values]
        queries[1] = BASE  # a factor of 1 is none
        for tab, value in zip(tabs, values, strict=True):
            tab.send(query_of("tutorial", f"capex={value}"))
        reported = [tab.answer() for tab in tabs]
        alone = [tabs[0].ask(query) for query in queries]
    assert [said["query"] for said in reported] == queries
    assert [figures(said) for said in reported] == [figures(said) for said in alone]
    for tab in tabs[1:]:
        assert {said["query"] for said in tab.heard} == {reported[tabs.index(tab)]["query"]}


def test_a_stream_that_is_opened_again_begins_with_the_last_answer(visitor: Visitor) -> None:
    with visitor.tab() as tab:
        said = tab.ask(BASE)
    import http.client

    line = http.client.HTTPConnection("127.0.0.1", visitor.server.port, timeout=PATIENCE)
    line.request("GET", f"/events?tab={tab.id}", headers=visitor._always())
    again = Tab(visitor, tab.id, line.getresponse())
    assert again.hear() == said
    line.close()


def test_a_question_can_be_stopped_at_any_time(tab: Tab, visitor: Visitor) -> None:
    """Stopping without a question has no effect; the next question is answered."""
    assert visitor.post("/stop", {"tab": tab.id}).status == 202
    tab.send(query_of("tutorial", "capex=1.7"))
    assert visitor.post("/stop", {"tab": tab.id}).status == 202
    assert tab.answer()["state"] in ("proven", "stopped", "failed")
    assert tab.ask(BASE)["state"] == "proven"


# What has no answer


def test_rules_in_conflict_are_named(tab: Tab) -> None:
    said = tab.ask(query_of("tutorial", "project.refinery=in", "funders.fund.budget_meur=0",
                            "funders.chip_maker.budget_meur=0"))  # fmt: skip
    assert said["state"] == "failed"
    page = read(said["html"])
    rules = [item.text for item in page.all("li")]
    assert len(rules) >= 2
    assert any("refinery" in rule.lower() for rule in rules)
    assert "No plan keeps all of these rules" in page.text
    assert tab.ask(BASE)["state"] == "proven"


def test_a_faulty_value_is_reported_with_its_remedy(tab: Tab) -> None:
    sent = tab.send(query_of("tutorial", "funders.fund.budget_meur=-5"))
    assert sent.status == 422
    assert "-5 is negative; write a number of 0 or more" in sent.json["text"]
    assert tab.ask(BASE)["state"] == "proven"


@pytest.mark.slow
def test_a_process_that_ends_loses_only_its_answer() -> None:
    with opened(TUTORIAL, patch=DIES_ONCE_ASKED) as own, own.visitor().tab() as tab:
        assert tab.ask(BASE)["state"] == "proven"
        for n in range(2):
            said = tab.ask(query_of("tutorial", f"capex={2 + n}"))
            assert said["state"] == "failed"
            assert "has died; ask again" in read(said["html"]).text
            again = tab.ask(query_of("tutorial", f"capex={2 + n}"))
            assert again["state"] == "proven"
        assert len(own.workers()) == 1
        assert own.visitor().view("brief", BASE).status == 200
        assert "Traceback" not in "".join(own.said)


@pytest.mark.slow
def test_the_end_of_an_idle_process_has_no_effect() -> None:
    with opened(TUTORIAL) as own, own.visitor().tab() as tab:
        first = figures(tab.ask(BASE))
        (worker,) = own.workers()
        worker.kill()
        while psutil.pid_exists(worker.pid) and worker.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)
        # One answer may be lost where it is asked in the moment in which the process ends.
        assert 200 in [own.visitor().view("money", BASE).status for _ in range(2)]
        assert figures(tab.ask(BASE)) == first


LITTLE = """
real = session.Solver
session.Solver = lambda _: real(50_000_000)
"""


@pytest.mark.slow
def test_memory_that_has_run_out_is_reported() -> None:
    """The command takes no limit as low as this, which every process outgrows."""
    with opened(TUTORIAL, patch=LITTLE) as own, own.visitor().tab() as tab:
        for _ in range(2):
            said = tab.ask(BASE)
            assert said["state"] == "failed"
            assert "more than 50 MB of memory" in read(said["html"]).text
            assert own.workers() == []
        assert "Traceback" not in "".join(own.said)


@pytest.mark.slow
def test_a_fault_in_a_file_that_is_included_is_gone_when_it_is_mended(tmp_path: Path) -> None:
    main, part = tmp_path / "main.yaml", tmp_path / "part.yaml"
    part.write_text("variants: {less: {sett: {}}}\n", encoding="utf-8")
    text = TUTORIAL.read_text(encoding="utf-8").partition("\nvariants:")[0]
    main.write_text(f"include: [part.yaml]\n{text}", encoding="utf-8")
    with opened(main) as own:
        path = f"/board?scenario={own.scenario}"
        assert own.visitor().get(path).status == 422
        part.write_text("variants: {less: {set: {}}}\n", encoding="utf-8")
        assert own.visitor().get(path).status == 200


@pytest.mark.slow
def test_a_changed_file_is_not_shown_with_earlier_figures(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(TUTORIAL.read_bytes())
    with opened(own) as found, (visitor := found.visitor()).tab() as tab:
        query = query_of(found.scenario)
        stamp = tab.ask(query)["stamp"]
        assert visitor.view("brief", query, stamp=stamp).status == 200
        own.write_bytes(own_text(41))
        answer = visitor.view("brief", query, stamp=stamp)
        assert answer.status == 409
        assert "The file has changed since this answer: reload the page." in answer.text
        assert visitor.take("plan", query, stamp=stamp).status == 409
        after = tab.ask(query)["stamp"]
        assert visitor.view("brief", query, stamp=after).status == 200
        assert visitor.take("plan", query, stamp=after).status == 200


FULL = """
import errno, os, pathlib
def full(self, content):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
pathlib.Path.write_bytes = full
"""


@pytest.mark.slow
def test_a_disk_that_is_full_is_reported_and_answers_go_on(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(before := TUTORIAL.read_bytes())
    with opened(own, patch=FULL, language="de") as found, found.visitor().tab() as tab:
        visitor, query = found.visitor(), query_of(found.scenario, "capex=2")
        for answer in (
            visitor.post("/drop?name=another.yaml", before + b"# another"),
            visitor.post("/save", {"query": query, "id": "mine"}),
        ):
            assert answer.status == 500
            assert "kein Platz mehr auf dem Datenträger" in answer.json["text"]
        assert "another" not in visitor.get("/").text
        assert (own.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (before, [own.name])
        assert tab.ask(query)["state"] == "proven"
        assert visitor.take("workbook", query).status == 200
        assert "Traceback" not in "".join(found.said)
