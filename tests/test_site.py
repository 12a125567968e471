"""The website: sources, search index and rendered pages."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from docs import reference, site

ROOT = Path(__file__).parents[1]
AXE, BUILT = os.environ.get("VORRAT_AXE"), ROOT / "site"


def page(folder: Path, name: str, body: str, head: str = "") -> None:
    (folder / name).write_text(f"<html><head>{head}</head><body>{body}</body></html>", "utf-8")


@pytest.mark.parametrize(
    ("body", "head", "said"),
    [
        ('<a href="b.html">b</a>', "", ""),
        ('<a href="b.html#there">b</a>', "", ""),
        ('<a href="b.html">b</a><a href="https://example.org">out</a>', "", ""),
        ("", "", "b.html: nothing leads there"),
        ('<a href="b.html">b</a><a href="c.html">c</a>', "", "a.html: c.html leads nowhere"),
        ('<a href="b.html#not">b</a>', "", "a.html: b.html#not leads nowhere"),
        ('<a href="b.html">b</a><img src="p.svg">', "", "a.html: p.svg leads nowhere"),
        (
            '<a href="b.html">b</a>',
            '<link rel="stylesheet" href="https://example.org/a.css">',
            "a.html: loads https://example.org/a.css",
        ),
        (
            '<a href="b.html">b</a><script src="//example.org/a.js"></script>',
            "",
            "a.html: loads //example.org/a.js",
        ),
    ],
)
def test_faults_of_a_site_are_found(tmp_path: Path, body: str, head: str, said: str) -> None:
    page(tmp_path, "index.html", '<a href="a.html">a</a>')
    page(tmp_path, "a.html", body, head)
    page(tmp_path, "b.html", '<p id="there">')
    assert site.looked_through(tmp_path) == ([said] if said else [])


@pytest.mark.parametrize(
    ("origin", "link", "there"),
    [
        ("docs/page.md", "report.md#the-brief", "report.md#the-brief"),
        ("docs/page.md", "page.de.md", "de/page.html"),
        ("docs/page.de.md", "page.md#two", "../page.html#two"),
        ("docs/page.de.md", "report.de.md", "report.md"),
        ("docs/page.de.md", "pictures/page.de.png", "pictures/page.de.png"),
        ("docs/notebooks/chains.ipynb", "../chains.md", "../chains.md"),
        ("docs/reference/fields.md", "../commands.md", "../commands.md"),
        ("docs/analyst.md", "notebooks/chains.ipynb", "notebooks/chains.md"),
        ("docs/tutorial.md", "../CONTRIBUTING.md", "contributing.md"),
        ("CONTRIBUTING.md", "docs/page.md", "page.md"),
        ("docs/page.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("docs/page.md", "#two", "#two"),
    ],
)
def test_links_follow_their_targets(origin: str, link: str, there: str) -> None:
    assert site.target(link, ROOT / origin) == there


def test_headings_carry_the_anchors_that_a_repository_gives_them() -> None:
    assert site.anchor_of("Bänder & `Faktoren`: [was](x.md) nicht") == "bänder--faktoren-was-nicht"


@pytest.mark.parametrize(("config", "ending"), [("mkdocs.yml", ""), ("mkdocs.de.yml", ".de")])
def test_every_page_has_its_place_in_the_menu(config: str, ending: str) -> None:
    menu = yaml.safe_load((ROOT / config).read_text(encoding="utf-8"))["nav"]
    placed = re.findall(r"'([\w/-]+\.md)'", str(menu))
    named = set() if ending else set(site.REFERENCES)
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    pages = {name for name in pages if name.endswith(".de.md") == bool(ending)}
    wanted = {re.sub(r"(\.de)?\.md$", ".md", name.removeprefix("docs/")) for name in named | pages}
    if not ending:
        wanted |= {f"notebooks/{one.stem}.md" for one in (ROOT / "docs/notebooks").glob("*.ipynb")}
        wanted |= set(site.OUTSIDE_DOCS.values())
    assert sorted(placed) == sorted(wanted)


def test_a_page_without_its_mark_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    path = tmp_path / "docs" / "results.md"
    path.parent.mkdir()
    path.write_text("# Results\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"results\.md lacks the line"):
        site.completed(path)


def test_references_name_what_there_is() -> None:
    """Every field of the format, every rule, command and function, by a line of its own."""
    fields, rules = reference.scenario_fields(), reference.rules()
    assert fields.count("\n| `") > 200
    assert "| `capex_meur` | number ≥ 0 |" in fields
    assert "| P2 | `fully_financed` | a started project is financed in full | 2 |" in rules
    commands = reference.commands()
    assert "## vorrat solve" in commands
    assert "| `--gap` `FLOAT RANGE` |" in commands or "| `--gap` `SHARE` |" in commands
    assert "Exit codes: 0 solved to the gap" in commands
    assert "### Session.ask\n" in reference.python()


FINDINGS = """async (contrast) => (await axe.run(document, {
    resultTypes: ['violations'], rules: {'color-contrast': {enabled: contrast}}
})).violations.map(v => v.id + ' ' + v.nodes[0].html)"""
COLORS = {"index.html", "commands.html", "own-analysis.html"}
"""Pages with all kinds of elements. Contrast takes most of the time, and one style sheet has all
colors."""


@pytest.mark.slow
@pytest.mark.skipif(AXE is None, reason="VORRAT_AXE does not name axe.min.js")
@pytest.mark.skipif(not BUILT.is_dir(), reason="make docs builds site/")
def test_the_site_is_for_everybody() -> None:
    """No page has a finding of axe-core, is wider than a small phone, or loads from elsewhere."""
    from playwright.sync_api import sync_playwright

    assert AXE is not None
    axe, wrong = Path(AXE).read_text(encoding="utf-8"), []
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        view = chromium.new_page(viewport={"width": 1280, "height": 900})
        view.on("request", lambda one: one.url.startswith("file:") or wrong.append(one.url))
        for path in sorted(BUILT.rglob("*.html")):
            view.set_viewport_size({"width": 1280, "height": 900})
            view.goto(path.as_uri())
            found: list[str] = []
            # A German page has the structure of the English one.
            if path.name == "index.html" or "de" not in path.relative_to(BUILT).parts:
                view.add_script_tag(content=axe)
                found = view.evaluate(FINDINGS, path.name in COLORS)
            view.set_viewport_size({"width": 390, "height": 844})
            if view.evaluate("document.documentElement.scrollWidth") > 390:
                found.append("wider than a phone")
            wrong += [f"{path.relative_to(BUILT)}: {one}" for one in found]
        view.set_viewport_size({"width": 1280, "height": 900})
        view.goto((BUILT / "de" / "index.html").as_uri())
        view.get_by_role("button", name="Suche").first.click()
        view.get_by_role("combobox").fill("Preisuntergrenze")
        view.locator("a[role=option]", has_text="Preisuntergrenze").first.wait_for()
        chromium.close()
    assert wrong == []
