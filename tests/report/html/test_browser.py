"""A browser opens the page offline without an error, and shows the figures of the plan.

These run where Chromium is installed; the check for accessibility also needs axe-core, whose
``axe.min.js`` the environment variable VORRAT_AXE names.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from browsing import browser
from documents import page_of
from evaluations import by_hand
from pages import read, tables
from saved_plans import ALL, PAYERS, for_one, germany, page
from small import near
from splits import with_names

from models.language import Language, using
from models.results.plan import BreakEvenFactor
from optimizer.analyses.plan.document import brief_document
from optimizer.report.render.html import render_page

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
AXE = os.environ.get("VORRAT_AXE")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


def opened(content: str, folder: Path, wait_ms: int = 0) -> tuple[str, list[str]]:
    """The document as the browser has it, and what it wrote to its console."""
    file = folder / "page.html"
    file.write_text(content, encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            *([f"--virtual-time-budget={wait_ms}"] if wait_ms else []),
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@LANGUAGES
def test_the_page_opens_offline_without_an_error(language: Language, tmp_path: Path) -> None:
    plan = germany()
    dom, console = opened(page("germany", language), tmp_path)
    assert console == []
    found = tables(read(dom))
    *_, last = found["by-class"].rows
    assert last[4].value == near(plan.outcome.net_cost_meur)
    assert found["by-material"].rows[-1][2].value == near(plan.outcome.expected)
    assert found["gain"].rows[-1][2].value == near(plan.outcome.worst)


@LANGUAGES
def test_the_page_on_a_split_opens_without_an_error(language: Language, tmp_path: Path) -> None:
    dom, console = opened(page_of(with_names(), language, drawn=True), tmp_path)
    assert console == []
    assert tables(read(dom))["gains"].rows[-1][1].value == near(120)


def test_an_inline_style_is_refused_and_reported(tmp_path: Path) -> None:
    """What the test above rests on: the policy holds, and the browser says so."""
    broken = page("tutorial").replace("<main>", '<main style="color: red">')
    _, console = opened(broken, tmp_path)
    assert any("Content Security Policy" in line for line in console)


@LANGUAGES
def test_a_click_below_a_chart_saves_its_figures(language: Language, tmp_path: Path) -> None:
    """As the page is, with its policy: the file is what the link holds."""
    file, saved = tmp_path / "page.html", tmp_path / "saved"
    shown = page("rich", language)
    file.write_text(shown, encoding="utf-8")
    (link, *_) = [a for a in read(shown).all("a") if "download" in a.attributes]
    assert CHROMIUM is not None
    with browser(CHROMIUM, tmp_path / "profile") as ask:
        where = {"behavior": "allow", "downloadPath": str(saved), "eventsEnabled": True}
        ask("Browser.setDownloadBehavior", **where)
        target = ask("Target.createTarget", url=file.as_uri())["targetId"]
        session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        ask("Page.enable", session)
        ask("Runtime.enable", session)
        click = "document.readyState == 'complete' && !document.querySelector('[download]').click()"
        while not ask("Runtime.evaluate", session, expression=click, userGesture=True)[
            "result"
        ].get("value"):
            time.sleep(0.1)
        named = ask.wait("Browser.downloadWillBegin")
        assert named["suggestedFilename"] == link.attributes["download"]
        ask.wait("Browser.downloadProgress", guid=named["guid"], state="completed")
    (content,) = [path.read_bytes() for path in saved.iterdir()]
    assert content == base64.b64decode(link.attributes["href"].partition(",")[2])


def brief_of(name: str, language: Language) -> str:
    """The brief of a plan, with all that it may say: what would turn the decision, and who says
    so; or the page of one who pays."""
    if name in PAYERS:
        with using(language):
            return render_page(for_one(name))
    factors = [
        BreakEvenFactor(of=of, plan=0.6, any_plan=0.2) for of in ("damage", "rate", "duration")
    ]
    plan = ALL[name]().model_copy(update={"worth_from": tuple(factors)})
    about = {"input_sha256": plan.certificate.input_sha256}
    beside = {"evaluation": by_hand(**about)} if name == "tutorial" else {}
    author, date = "Unit IVB4 of the Federal Ministry", "28 November 2026"
    with using(language):
        return render_page(brief_document(plan, author=author, date=date, **beside))


@LANGUAGES
def test_briefs_are_printed_on_one_sheet(language: Language, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.html" for name in (*ALL, *PAYERS)}
    for name, file in files.items():
        file.write_text(brief_of(name, language), encoding="utf-8")
    sheets = {}
    assert CHROMIUM is not None
    with browser(CHROMIUM, tmp_path / "profile") as ask:
        for name, file in files.items():
            target = ask("Target.createTarget", url="about:blank")["targetId"]
            session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            ask("Page.enable", session)
            ask("Page.navigate", session, url=file.as_uri())
            ask.wait("Page.loadEventFired")
            printed = ask("Page.printToPDF", session, preferCSSPageSize=True, printBackground=True)
            made = base64.b64decode(printed["data"])
            sheets[name] = len(re.findall(rb"/Type\s*/Page\b", made))
    assert sheets == dict.fromkeys(files, 1)


@pytest.mark.skipif(AXE is None, reason="VORRAT_AXE does not name axe.min.js")
@pytest.mark.quick(0, ci=5)
@pytest.mark.parametrize("name", ["germany", "several", "brief", *PAYERS])
@LANGUAGES
def test_a_checker_of_accessibility_finds_no_fault(
    language: Language, name: str, tmp_path: Path
) -> None:
    assert AXE is not None
    made = {"brief": "germany", **{payer: payer for payer in PAYERS}}
    shown = brief_of(made[name], language) if name in made else page(name, language)
    # The policy of the page would not let the checker run.
    shown = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", shown)
    axe = Path(AXE).read_text(encoding="utf-8").replace("</script", "<\\/script")
    run = (
        "axe.run().then(r => { const p = document.createElement('pre'); p.id = 'axe'; "
        "p.textContent = JSON.stringify(r.violations.map(v => [v.id, v.impact, "
        "v.nodes.map(n => n.target.join(' '))])); document.body.append(p); });"
    )
    shown = shown.replace("</body>", f"<script>{axe}</script><script>{run}</script></body>")
    dom, _ = opened(shown, tmp_path, wait_ms=60_000)
    found = re.search(r'<pre id="axe">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None
    assert json.loads(html.unescape(found[1])) == []
