"""Files of users: downloads, uploads, corrections on the page, and search for figures."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from open_page import TUTORIAL, Opened, Visitor, escaped, figures, query_of, solved
from pages import read

import vorrat
from models.files import read_case_text
from models.language import Language, tr, using
from models.results import Plan
from optimizer.page import views
from optimizer.page.server import MAX_SEARCH_WORDS
from optimizer.report.number_format import NO_BREAK_SPACE
from optimizer.solve.checked_solution import input_hash

OPENED = (TUTORIAL,)
BASE = query_of("tutorial")


LARGE = ("report", "workbook")
"""Files that take a second to make."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=[pytest.mark.slow] if x in LARGE else []) for x in views.DOWNLOADS],
)
def test_each_file_opens_as_what_it_is(visitor: Visitor, name: str) -> None:
    file, kind = views.DOWNLOADS[name]
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


@pytest.mark.slow
def test_files_are_in_the_language_of_the_reader(visitor: Visitor) -> None:
    assert "Einführung: ein Metall" in visitor.take("brief", BASE, lang="de").text
    assert "Tutorial: one metal" in visitor.take("brief", BASE, lang="en").text


@pytest.mark.slow
def test_a_plan_that_is_taken_away_is_of_the_question(visitor: Visitor) -> None:
    """Its seal is that of the scenario with what was moved, and it is called by that."""
    query = query_of("tutorial", "capex=1.5")
    plan = Plan.model_validate(visitor.take("plan", query).json)
    assert plan.certificate.input_sha256 == solved("capex=1.5").certificate.input_sha256
    with using("en"):
        label = tr("Capex: all projects")
    assert f"{label} × 1.5" in visitor.take("brief", query).text.replace(NO_BREAK_SPACE, " ")


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


@pytest.mark.slow
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


@pytest.mark.slow
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
def test_faults_are_reported_at_their_place_and_mended(visitor: Visitor) -> None:
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
        reported = figures(tab.ask(query_of(id)))
        assert reported["public"] != figures(tab.ask(BASE))["public"]


RUBBISH = {
    "empty": b"",
    "zeros": b"\x00" * 100,
    "no workbook": b"PK\x03\x04rubbish",
    "list": b"- a\n- b\n",
    "open": b"title: [",
    "utf-16": "ö: ".encode("utf-16"),
}


@pytest.mark.slow
@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH)
def test_a_file_that_is_no_scenario_is_reported_as_faults(visitor: Visitor, content: bytes) -> None:
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
    answer = visitor.get(f"/figures?of={escaped(BASE)}&q={escaped(words)}&lang={language}")
    assert answer.status == 200
    found = [one.attributes["data-id"] for one in read(answer.text).all("div")
             if "data-id" in one.attributes]  # fmt: skip
    assert "projects.refinery.capex_meur" in found
    assert all(one.startswith("projects.refinery.") for one in found)


def test_what_was_moved_is_found_as_it_stands(visitor: Visitor) -> None:
    query = query_of("tutorial", "projects.refinery.capex_meur=55")
    answer = visitor.get(f"/figures?of={escaped(query)}&q=refinery+capex")
    (row,) = [one for one in read(answer.text).all("div")
              if one.attributes.get("data-id") == "projects.refinery.capex_meur"]  # fmt: skip
    assert "moved" in row.attributes["class"]
    assert [float(one.attributes["value"]) for one in row.all("input")] == [55, 55]
    nothing = visitor.get(f"/figures?of={escaped(BASE)}&q=quicksilver")
    assert "No figure has all of these words." in nothing.text


@pytest.mark.parametrize(
    ("different", "is_found"), [(MAX_SEARCH_WORDS - 1, False), (MAX_SEARCH_WORDS, True)]
)
def test_a_search_is_by_the_first_twenty_different_words(
    visitor: Visitor, different: int, is_found: bool
) -> None:
    parts = dict.fromkeys("refinery"[a:b] for a in range(4) for b in range(a + 1, 9))
    words = [*parts][:different] * 3 + ["quicksilver"]
    answer = visitor.get(f"/figures?of={escaped(BASE)}&q={'+'.join(words)}")
    assert answer.status == 200
    assert ("No figure has all of these words." not in answer.text) == is_found
