"""A browser opens the page offline without an error, and shows the figures of the plan.

These run where Chromium is installed; the check for accessibility also needs axe-core, whose
``axe.min.js`` the environment variable VORRAT_AXE names.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from documents import page_of
from pages import read, tables
from saved_plans import germany, page
from small import near
from splits import with_names

from models.language import Language

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
    dom, console = opened(page_of(with_names(), language), tmp_path)
    assert console == []
    assert tables(read(dom))["gains"].rows[-1][1].value == near(120)


def test_a_style_of_others_would_be_told(tmp_path: Path) -> None:
    """What the test above rests on: the policy holds, and the browser says so."""
    broken = page("tutorial").replace("<main>", '<main style="color: red">')
    _, console = opened(broken, tmp_path)
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.skipif(AXE is None, reason="VORRAT_AXE does not name axe.min.js")
@pytest.mark.parametrize("name", ["germany", "several"])
@LANGUAGES
def test_a_checker_of_accessibility_finds_no_fault(
    language: Language, name: str, tmp_path: Path
) -> None:
    assert AXE is not None
    shown = page(name, language)
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
