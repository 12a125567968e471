"""What a page is made of: safe, self-contained, readable by machines, the same every time."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from everything import everything
from pages import Element, read, tables
from saved_plans import ALL, page, rich, treasury

from models.language import Language, using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.registry import build_result_document
from optimizer.report.render import html
from optimizer.solve.planner import solve_to_plan as solve

ROOT = Path(__file__).parents[3]
PLANS = pytest.mark.parametrize("name", ALL)
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


def page_of(plan: Plan, language: Language = "en") -> str:
    with using(language):
        return html.render_page(build_result_document(plan))


EVERY = pytest.mark.parametrize("name", [*ALL, "several"])


@cache
def root_of(name: str, language: Language = "en") -> Element:
    return read(page(name, language))


@pytest.mark.slow
@pytest.mark.quick(1)
@EVERY
def test_nothing_is_loaded_and_nothing_runs(name: str) -> None:
    root = root_of(name)
    (policy,) = [
        m.attributes["content"]
        for m in root.all("meta")
        if m.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = root.all("style")
    (sheet,) = style.content
    assert isinstance(sheet, str)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "url(" not in sheet
    assert "@import" not in sheet
    for element in root.all():
        assert element.tag not in {"script", "iframe", "object", "embed", "link", "base", "img"}
        for key, value in element.attributes.items():
            assert key not in {"src", "style", "srcset", "xlink:href"}
            assert not key.startswith("on")
            if key == "href":
                allowed = ("#", "http://", "https://") if element.tag == "a" else ("#",)
                if "download" in element.attributes:
                    allowed = ("data:text/csv;charset=utf-8;base64,",)
                assert value.startswith(allowed), value


@pytest.mark.quick(1)
@EVERY
def test_the_page_reads_aloud(name: str) -> None:
    root = root_of(name)
    (html,) = root.all("html")
    assert html.attributes["lang"] == "en"
    assert [len(list(root.all(tag))) for tag in ("header", "nav", "main", "footer", "h1")] == [
        1
    ] * 5
    (skip,) = [a for a in root.all("a") if a.attributes.get("class") == "skip"]
    assert skip.attributes["href"] == "#answer"
    level = 0
    for heading in root.all("h1", "h2", "h3", "h4"):
        assert int(heading.tag[1]) <= level + 1, heading.text
        level = int(heading.tag[1])
        assert heading.text
    for table in root.all("table"):
        assert next(table.all("caption")).text
        for cell in table.all("th"):
            assert cell.attributes["scope"] in {"col", "row", "colgroup"}
    for figure in root.all("figure"):
        assert next(figure.all("figcaption")).text
        (svg,) = figure.all("svg")
        assert svg.attributes["role"] == "img"
        named = svg.attributes["aria-labelledby"].split()
        reported = {e.attributes.get("id"): e.text for e in svg.all("title", "desc")}
        assert all(reported[name] for name in named)


@pytest.mark.quick(1)
@EVERY
def test_a_table_stands_under_every_chart(name: str) -> None:
    for section in root_of(name).all("section"):
        parts = [p for p in section.content if isinstance(p, Element)]
        for figure, below in itertools.pairwise(parts):
            if figure.tag == "figure":
                assert list(below.all("table"))


@pytest.mark.quick(1)
@EVERY
@LANGUAGES
def test_the_file_below_a_chart_holds_the_figures_of_its_table(
    name: str, language: Language
) -> None:
    """To 15 digits: all cells of the page with a figure, in the same order; totals are left out."""
    root, names = root_of(name, language), set()
    for section in root.all("section"):
        parts = [p for p in section.content if isinstance(p, Element)]
        for figure, below in itertools.pairwise(parts):
            if figure.tag == "figure":
                (link,) = figure.all("a")
                names.add(link.attributes["download"])
                rows = read_csv(link.attributes["href"], language)
                (body,) = below.all("tbody")
                shown = [
                    [float(c.attributes["data-value"]) for c in tr.all("td") if holds(c)]
                    for tr in body.all("tr")
                    if tr.attributes.get("class") != "total"
                ]
                held = [[number(cell, language) for cell in row[1:]] for row in rows[1:]]
                assert [[x for x in row if x is not None] for row in held] == [
                    pytest.approx(row, rel=1e-14) for row in shown
                ]
    assert len(names) == len(list(root.all("figure")))
    assert all(re.fullmatch(r"[a-z0-9-]+\.csv", file) for file in names)


def holds(cell: Element) -> bool:
    """Whether a cell has a figure, rather than a text with one behind it."""
    return "data-value" in cell.attributes


def read_csv(href: str, language: Language) -> list[list[str]]:
    content = base64.b64decode(href.partition(",")[2]).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content), delimiter=";" if language == "de" else ","))


def number(cell: str, language: Language) -> float | None:
    try:
        return float(cell.replace(",", ".") if language == "de" else cell)
    except ValueError:
        return None


@pytest.mark.quick(1)
@EVERY
def test_ids_are_unique_and_references_lead_somewhere(name: str) -> None:
    root = root_of(name)
    ids = [e.attributes["id"] for e in root.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in root.all():
        for key, value in element.attributes.items():
            found = value.split() if key == "aria-labelledby" else []
            found += re.findall(r"url\(#([^)]+)\)", value)
            found += [value[1:]] if key == "href" and value.startswith("#") else []
            assert set(found) <= set(ids), (key, value)


@pytest.mark.slow
@EVERY
def test_the_page_is_small(name: str) -> None:
    assert len(page(name).encode()) < 2_000_000


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("name", [*ALL, "several"])
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    german = page.__wrapped__(name, "de")
    assert untranslated == set()
    (html,) = read(german).all("html")
    assert html.attributes["lang"] == "de"


@pytest.mark.slow
def test_numbers_are_written_as_each_language_writes_them() -> None:
    at = {
        language: tables(root_of("tutorial", language))["lines"].rows[0]
        for language in ("en", "de")
    }
    assert (at["en"][-1].text, at["de"][-1].text) == ("77.5 %", "77,5 %")
    assert "77.5 %" not in root_of("tutorial", "de").text.replace("\N{NO-BREAK SPACE}", " ")


HOSTILE = "<script>alert(1)</script> & \"quoted\" $x_{1}$ \x07 <b onclick='x()'>"


def hostile() -> Plan:
    raw = everything()
    name = {"name": HOSTILE}
    raw |= {
        "title": HOSTILE,
        "sources": {"bad": {"text": HOSTILE, "kind": "read", "url": "javascript:alert(1)"}},
        "materials": {k: v | name for k, v in raw["materials"].items()},
        "projects": {k: v | name for k, v in raw["projects"].items()},
        "funders": {k: v | name for k, v in raw["funders"].items()},
        "consumers": {k: v | name for k, v in raw["consumers"].items()},
        "stockpiles": [pile | name for pile in raw["stockpiles"]],
    }
    raw["horizon"] |= {"discount_rate": {"value": 0.05, "source": "bad"}}
    raw["demand"][0]["t_per_year"] = {"value": 100, "source": HOSTILE}
    return solve(Case.model_validate(raw))


@pytest.mark.slow
@pytest.mark.quick(1)
@LANGUAGES
def test_texts_of_a_scenario_are_never_markup(language: Language) -> None:
    root = read(page_of(hostile(), language))
    assert not list(root.all("script", "b"))
    assert not [e for e in root.all() if "onclick" in e.attributes]
    assert not [e for e in root.all("a") if "javascript" in e.attributes["href"]]
    cleaned = HOSTILE.replace(" \x07 ", " ")
    (h1,) = root.all("h1")
    assert h1.text == cleaned
    drawn = [text.text for svg in root.all("svg") for text in svg.all("text")]
    assert any("<script>alert(1)</script>" in text for text in drawn)
    assert any("$x_{1}$" in text for text in drawn)


@pytest.mark.slow
def test_the_same_plan_gives_the_same_page(tmp_path: Path) -> None:
    """In another process too, where sets are ordered otherwise."""
    file = tmp_path / "plan.json"
    file.write_text(rich().model_dump_json(), encoding="utf-8")
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "optimizer", "report", str(file), "--out", f"{file}.{seed}"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    first, second = ((tmp_path / f"plan.json.{seed}").read_bytes() for seed in ("1", "2"))
    assert first == second == page_of(Plan.model_validate_json(file.read_bytes())).encode()


@pytest.mark.slow
@LANGUAGES
def test_a_plan_without_its_scenario_says_what_it_knows(language: Language) -> None:
    bare = Plan.model_validate(rich().model_dump() | {"scenario": None})
    root = read(page_of(bare, language))
    sections = {section.attributes["id"] for section in root.all("section")}
    assert {"answer", "projects", "damage", "accounts", "certificate"} <= sections
    assert not {"evidence", "method"} & sections


@pytest.mark.slow
def test_an_empty_plan_is_reported_as_such() -> None:
    root = root_of("nothing")
    assert "The plan is to build and buy nothing" in root.text
    sections = [section.attributes["id"] for section in root.all("section")]
    assert sections == ["answer", "damage", "evidence", "method", "certificate", "glossary"]


@pytest.mark.quick(1)
@PLANS
def test_money_is_in_the_currency_of_the_scenario(name: str) -> None:
    plan = ALL[name]()
    other = {"EUR", "USD"} - {plan.currency}
    assert not other & set(re.findall(r"\b(?:EUR|USD)\b", text_of_program(root_of(name))))


def text_of_program(root: Element) -> str:
    """All text but that of sources, which comes from the scenario."""
    found = []
    for section in root.all("section"):
        if section.attributes["id"] != "evidence":
            found.append(section.text)
    return " ".join(found)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Computed for 3 states of the world"), ("de", "Gerechnet für 3 mögliche Verläufe")],
)
def test_states_are_those_that_the_plan_was_computed_for(language: Language, said: str) -> None:
    """It was not tested on them: that takes fresh ones, by ``vorrat evaluate``."""
    assert said in root_of("rich", language).text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "peak"), [("en", "peak at the end of 2027"), ("de", "Ende 2027 mit 34,7")]
)
def test_guarantees_have_their_peak_in_the_first_year_of_the_most(
    language: Language, peak: str
) -> None:
    """In the treasury 31, 35 and 10 million are outstanding at the ends of three years."""
    assert peak in page_of(treasury(), language)


@pytest.mark.slow
def test_no_plan_is_below_the_bound() -> None:
    """Objectives are minimized: what cannot be beaten cannot be undercut."""
    assert "ein Wert, den kein Plan unterschreiten kann" in root_of("rich", "de").text


def test_the_manifest_has_what_it_takes_to_repeat_a_run() -> None:
    plan = rich()
    table = tables(root_of("rich"))["proven"]
    content = " ".join(row[1].text for row in table.rows)
    assert f"{plan.certificate.states}" in content
    assert json.dumps(plan.certificate.versions["vorrat"])[1:-1] in content
