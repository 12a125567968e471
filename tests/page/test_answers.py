"""What is told of a question is what a solve finds, whoever asks at the same time."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from open_page import PATIENCE, TUTORIAL, Opened, Tab, Visitor, opened, query_of
from pages import Element, read

import vorrat
from models.files import read_case_text
from models.language import Language, tr, using
from models.results import Plan
from optimizer.page import views
from optimizer.page.pieces import LANGUAGES
from optimizer.report.figures import NO_BREAK, number
from optimizer.solve.checked_solution import input_hash

BASE = query_of("tutorial")
QUESTIONS = [(), ("funders.fund.budget_meur=10",), ("capex=2",), ("hazard.export_stop=2",),
             ("project.refinery=out",), ("project.refinery=in", "damage.gallium=0.5")]  # fmt: skip
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


@pytest.fixture(scope="module")
def server() -> Iterator[Opened]:
    with opened(TUTORIAL) as found:
        yield found


@pytest.fixture
def visitor(server: Opened) -> Visitor:
    return server.visitor()


@pytest.fixture
def tab(visitor: Visitor) -> Iterator[Tab]:
    with visitor.tab() as found:
        yield found


def figures(said: dict[str, Any]) -> dict[str, str]:
    """The figures of an answer by key, each without its unit."""
    page = read(said["html"])
    found = {}
    for fact in page.all("div"):
        (dd,) = [x for x in fact.all("dd") if x.attributes.get("class") == "figure"]
        found[fact.attributes["data-fact"]] = dd.text.partition(" ")[0]
    return found


def solved(*settings: str) -> Plan:
    """What a solve finds with the same settings, as close to the best as an answer has to be."""
    from optimizer.page.question import Question

    reading = vorrat.read(TUTORIAL).reading
    _, made = Question.of(query_of("tutorial", *settings)).asked(reading)
    scenario = vorrat.read(TUTORIAL, settings=[f"{path}={value}" for path, value in made.items()])
    result = vorrat.solve(scenario, gap=1e-3).result
    assert isinstance(result, Plan)
    return result


def expected(plan: Plan) -> dict[str, str]:
    outcome = plan.outcome
    public = [f.id for f in plan.funders if f.kind == "public"]
    paid = sum(sum(plan.spend_meur.get(f, {}).values()) for f in public)
    return {
        "expected": number(outcome.expected),
        "tail": number(outcome.cvar),
        "cost": number(outcome.net_cost_meur),
        "public": number(paid),
        "projects": number(len(plan.projects)),
    }


@pytest.mark.parametrize("settings", QUESTIONS, ids=str)
def test_the_figures_are_those_of_a_solve(tab: Tab, settings: tuple[str, ...]) -> None:
    said = tab.ask(query_of("tutorial", *settings))
    assert said["state"] == "proven"
    assert figures(said) == expected(solved(*settings))


def test_the_figures_of_a_variant_are_those_of_its_solve(tab: Tab) -> None:
    said = tab.ask(query_of("tutorial", variant="no_company"))
    plan = vorrat.solve(vorrat.read(TUTORIAL, "no_company"), gap=1e-3).result
    assert isinstance(plan, Plan)
    assert figures(said) == expected(plan)


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


def test_what_was_asked_is_told_back_as_it_was_asked(tab: Tab) -> None:
    query = query_of("tutorial", "capex=1.5", "funders.fund.budget_meur=12")
    said = tab.ask(query)
    assert (said["number"], said["query"]) == (tab.number, query)


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
    assert said["text"].startswith("Nachgewiesen:")
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
        queries = [query_of("tutorial", f"capex={value}") for value in values]
        for tab, query in zip(tabs, queries, strict=True):
            tab.send(query)
        told = [tab.answer() for tab in tabs]
        alone = [tabs[0].ask(query) for query in queries]
    assert [said["query"] for said in told] == queries
    assert [figures(said) for said in told] == [figures(said) for said in alone]
    for tab in tabs[1:]:
        assert {said["query"] for said in tab.heard} == {told[tabs.index(tab)]["query"]}


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
    """Also where nothing is asked; the next one is answered."""
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


def test_a_faulty_value_is_told_with_its_remedy(tab: Tab) -> None:
    sent = tab.send(query_of("tutorial", "funders.fund.budget_meur=-5"))
    assert sent.status == 422
    assert "-5 is negative; write a number of 0 or more" in sent.json["text"]
    assert tab.ask(BASE)["state"] == "proven"


@pytest.mark.parametrize(
    ("setting", "english", "german"),
    [
        # By hand: half of the refinery is lent; fund and chip maker put up a quarter each.
        ("project.refinery=out",
         "lenders and investors −20 million EUR, Raw materials fund −10 million EUR and "
         "A chip maker −10 million EUR",
         "Banken und Anleger −20 Mio. EUR, Rohstofffonds −10 Mio. EUR und "
         "Ein Chiphersteller −10 Mio. EUR"),
    ],
)  # fmt: skip
def test_who_puts_up_more_or_less_is_told(
    visitor: Visitor, setting: str, english: str, german: str
) -> None:
    for language, told in (("en", english), ("de", german)):
        view = visitor.view("changed", BASE, query_of("tutorial", setting), lang=language)
        assert f": {told}." in view.text.replace(NO_BREAK, " ")


def test_a_stress_test_of_nothing_is_told(visitor: Visitor) -> None:
    for event in ("", "nobody 2027 for 12 months", "export_stop 2027 for months"):
        answer = visitor.view("stress", BASE, event=event)
        assert answer.status == 409
        assert "There is no answer" in answer.text


@pytest.mark.slow
def test_a_process_that_dies_costs_its_answer_and_nothing_else() -> None:
    with opened(TUTORIAL) as own, own.visitor().tab() as tab:
        assert tab.ask(BASE)["state"] == "proven"
        for n in range(2):
            (worker,) = own.workers()
            worker.suspend()  # so that the question is on its way when it dies
            tab.send(query_of("tutorial", f"capex={2 + n}"))
            assert tab.hear()["state"] == "asked"
            worker.kill()
            said = tab.answer()
            assert said["state"] == "failed"
            assert "has died; ask again" in read(said["html"]).text
            again = tab.ask(query_of("tutorial", f"capex={2 + n}"))
            assert again["state"] == "proven"
        assert len(own.workers()) == 1
        assert own.visitor().view("brief", BASE).status == 200
        assert "Traceback" not in "".join(own.said)


@pytest.mark.slow
def test_a_process_that_dies_while_nothing_is_asked_is_not_missed() -> None:
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
from optimizer.page import solvers
real = solvers.Room
solvers.Room = lambda **how: real(**{**how, "memory": 50_000_000})
"""


@pytest.mark.slow
def test_memory_that_has_run_out_is_told() -> None:
    """The command takes no limit as low as this, which every process outgrows."""
    with opened(TUTORIAL, patch=LITTLE) as own, own.visitor().tab() as tab:
        for _ in range(2):
            said = tab.ask(BASE)
            assert said["state"] == "failed"
            assert "more than 50 MB of memory" in read(said["html"]).text
            assert own.workers() == []
        assert "Traceback" not in "".join(own.said)


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


FULL = """
import errno, os, pathlib
def full(self, content):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
pathlib.Path.write_bytes = full
"""


def test_a_disk_that_is_full_is_told_and_answers_go_on(tmp_path: Path) -> None:
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


# Views


def headings(page: Element) -> list[str]:
    return [one.text for one in page.all("h2", "h3", "h4")]


@pytest.mark.quick(every=2)
@pytest.mark.parametrize("name", views.ALL)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_view_is_headed_as_it_should_be(visitor: Visitor, name: str, language: Language) -> None:
    """Asked at once, without the question before it."""
    queries = [BASE, query_of("tutorial", "capex=2")] if name in views.OF_SEVERAL else [BASE]
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
        assert option in three.replace(NO_BREAK, " ")
    assert "Capex: all projects × 0.5" not in two.replace(NO_BREAK, " ")


@pytest.mark.slow
def test_a_board_of_many_options_is_found_again(visitor: Visitor) -> None:
    """More than a process keeps whole, none of which was asked before."""
    queries = [query_of("tutorial", f"funders.fund.budget_meur={10 + n}") for n in range(6)]
    answer = visitor.view("board", *queries)
    assert answer.status == 200
    assert "The options at a glance" in answer.text


def test_what_has_changed_is_told_from_before_to_after(visitor: Visitor) -> None:
    answer = visitor.view("changed", BASE, query_of("tutorial", "project.refinery=out"))
    text = read(answer.text).text
    assert answer.status == 200
    assert "A refinery" in text
    assert visitor.view("changed", BASE, BASE).status in (200, 409)


def test_a_funder_that_pays_for_nothing_is_told_so(visitor: Visitor) -> None:
    poor = query_of("tutorial", "funders.chip_maker.budget_meur=0")
    answer = visitor.view("company", poor, funder="chip_maker")
    assert answer.status == 200
    assert "staying out changes nothing" in answer.text


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


# Files


LARGE = ("report", "workbook")
"""Files that take a second to make."""


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=[pytest.mark.slow] if x in LARGE else []) for x in views.FILES]
)
def test_each_file_opens_as_what_it_is(visitor: Visitor, name: str) -> None:
    file, kind = views.FILES[name]
    answer = visitor.take(name, query_of("tutorial", "funders.fund.budget_meur=10"))
    headers = {key.lower(): value for key, value in answer.headers.items()}
    assert answer.status == 200
    assert headers["content-type"] == kind
    assert headers["content-disposition"] == f'attachment; filename="tutorial-{file}"'
    if file.endswith(".html"):
        assert answer.text.startswith("<!DOCTYPE html>")
        assert "Tutorial: one metal" in read(answer.text).text
    elif name != "plan":
        book = zipfile.ZipFile(io.BytesIO(answer.body))
        assert book.testzip() is None
        assert "[Content_Types].xml" in book.namelist()
    else:
        plan = Plan.model_validate(answer.json)
        alone = solved("funders.fund.budget_meur=10").certificate.objective
        assert plan.certificate.objective == pytest.approx(alone, rel=1e-3)
        assert answer.json == json.loads(plan.model_dump_json())


def test_what_is_not_there_is_not_taken_away(visitor: Visitor) -> None:
    answer = visitor.take("plan", query_of("tutorial", "nothing=1"))
    assert answer.status == 404
    assert "the scenario has no 'nothing' that could be moved" in answer.json["text"]


def test_files_are_in_the_language_of_the_reader(visitor: Visitor) -> None:
    assert "Einführung: ein Metall" in visitor.take("brief", BASE, lang="de").text
    assert "Tutorial: one metal" in visitor.take("brief", BASE, lang="en").text


def test_a_plan_that_is_taken_away_is_of_the_question(visitor: Visitor) -> None:
    """Its seal is that of the scenario with what was moved, and it is called by that."""
    query = query_of("tutorial", "capex=1.5")
    plan = Plan.model_validate(visitor.take("plan", query).json)
    assert plan.certificate.input_sha256 == solved("capex=1.5").certificate.input_sha256
    with using("en"):
        label = tr("Capex: all projects")
    assert f"{label} × 1.5" in visitor.take("brief", query).text.replace(NO_BREAK, " ")


def test_the_scenario_that_is_taken_away_has_the_question_as_a_variant(visitor: Visitor) -> None:
    query = query_of("tutorial", "capex=1.5", "funders.fund.budget_meur=12")
    answer = visitor.take("scenario", query)
    assert answer.status == 200
    text = answer.text
    own = vorrat.solve(vorrat.read(TUTORIAL)).result
    assert isinstance(own, Plan)
    assert input_hash(read_case_text(text).case) == own.certificate.input_sha256
    asked = input_hash(read_case_text(text, variant="asked").case)
    assert asked == Plan.model_validate(visitor.take("plan", query).json).certificate.input_sha256


def test_a_scenario_is_taken_away_from_one_that_was(server: Opened, visitor: Visitor) -> None:
    """It has the variant of the first time: the second has another name, or says what to do."""
    first = visitor.take("scenario", query_of("tutorial", "capex=1.5"))
    dropped = visitor.post("/drop?name=taken.yaml", first.body, "application/octet-stream")
    assert dropped.status == 201
    id = re.sub(r".*scenario=", "", dropped.json["at"])
    second = visitor.take("scenario", query_of(id, "capex=2"))
    assert second.status == 200
    case = read_case_text(second.text, check_variants=True).case
    assert len(case.variants) == 5
    assert server.process.poll() is None


# Saving, dropping and mending


def test_only_an_own_file_is_written_to(visitor: Visitor) -> None:
    before = TUTORIAL.read_bytes()
    answer = visitor.post("/save", {"query": query_of("tutorial", "capex=2"), "id": "dear"})
    assert answer.status == 404
    assert "only a file of this machine" in answer.json["text"]
    assert TUTORIAL.read_bytes() == before


def test_a_file_that_was_dropped_is_asked_like_any_other(visitor: Visitor) -> None:
    dropped = visitor.post("/drop?name=..%2F..%2Fown%20one.yaml", TUTORIAL.read_bytes())
    assert dropped.status == 201
    at = dropped.json["at"]
    assert at.startswith("/board?scenario=own-one-")
    page = visitor.get(at, Accept="text/html")
    assert page.status == 200
    assert "Tutorial: one metal" in page.text
    assert 'id="save"' not in page.text


@pytest.mark.slow
def test_faults_are_told_at_their_place_and_mended(visitor: Visitor) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    text = text.replace("budget_meur: {value: 20,", "budget_meur: {value: -20,")
    text = text.replace("discount_rate: {value: 0.0,", "discount_rate: {value: nothing,")
    at = visitor.post("/drop?name=faulty.yaml", text.encode()).json["at"]
    page = visitor.get(at, Accept="text/html")
    assert page.status == 422
    content = read(page.text)
    fields = [
        one.attributes["name"]
        for one in content.all("input")
        if one.attributes.get("type") != "hidden"
    ]
    assert len(fields) == 2
    budget, rate = sorted(fields)
    assert budget.startswith("funders.fund.budget_meur")
    assert rate.startswith("horizon.discount_rate")
    assert [pre.text for pre in content.all("pre")]
    assert "-20 is negative" in content.text
    assert re.search(r"faulty\.yaml:\d+:\d+", content.text)
    id = at.partition("scenario=")[2]
    form = f"scenario={id}&{budget}=15&{rate}=".encode()
    mended = visitor.post("/mend", form, "application/x-www-form-urlencoded")
    assert mended.status == 303
    again = read(visitor.get(at, Accept="text/html").text)
    assert "-20 is negative" not in again.text
    form = f"scenario={id}&{rate}=0.01".encode()
    visitor.post("/mend", form, "application/x-www-form-urlencoded")
    assert visitor.get(at, Accept="text/html").status == 200
    with visitor.tab() as tab:
        told = figures(tab.ask(query_of(id)))
        assert told["public"] != figures(tab.ask(BASE))["public"]


RUBBISH = {
    "empty": b"",
    "zeros": b"\x00" * 100,
    "no workbook": b"PK\x03\x04rubbish",
    "list": b"- a\n- b\n",
    "open": b"title: [",
    "utf-16": "ö: ".encode("utf-16"),
}


@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH)
def test_a_file_that_is_no_scenario_is_told_as_faults(visitor: Visitor, content: bytes) -> None:
    dropped = visitor.post("/drop?name=no.yaml", content)
    assert dropped.status == 201
    page = visitor.get(dropped.json["at"], Accept="text/html")
    assert page.status == 422
    assert "What is wrong with no.yaml" in page.text
    assert visitor.get("/", Accept="text/html").status == 200


# Search


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "refinery capex"), ("de", "raffinerie investition"), ("en", "REFINERY  Capex")],
)
def test_any_figure_is_found_by_its_words(visitor: Visitor, language: Language, words: str) -> None:
    from open_page import escaped

    answer = visitor.get(f"/figures?of={escaped(BASE)}&q={escaped(words)}&lang={language}")
    assert answer.status == 200
    found = [one.attributes["data-id"] for one in read(answer.text).all("div")
             if "data-id" in one.attributes]  # fmt: skip
    assert "projects.refinery.capex_meur" in found
    assert all(one.startswith("projects.refinery.") for one in found)


def test_what_was_moved_is_found_as_it_stands(visitor: Visitor) -> None:
    from open_page import escaped

    query = query_of("tutorial", "projects.refinery.capex_meur=55")
    answer = visitor.get(f"/figures?of={escaped(query)}&q=refinery+capex")
    (row,) = [one for one in read(answer.text).all("div")
              if one.attributes.get("data-id") == "projects.refinery.capex_meur"]  # fmt: skip
    assert "moved" in row.attributes["class"]
    assert [float(one.attributes["value"]) for one in row.all("input")] == [55, 55]
    nothing = visitor.get(f"/figures?of={escaped(BASE)}&q=quicksilver")
    assert "No figure has all of these words." in nothing.text
