"""The site: the pages of docs/ in English and German, with what code, results and notebooks add.

``python -m docs.site`` writes pages into build/pages, has Zensical make HTML of them in site/ by
mkdocs.yml and mkdocs.de.yml, and looks through it: no dead link, no page that nothing leads to,
nothing that is fetched from elsewhere.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from docs import notebook_pages, reference

ROOT = Path(__file__).parents[1]
DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "site"
BESIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}
"""Pages beside docs/, and what they are called on the site."""
REFERENCES: dict[str, Callable[[], str]] = {
    "docs/reference/fields.md": reference.scenario_fields,
    "docs/reference/rules.md": reference.rules,
    "docs/reference/python.md": reference.python,
    "docs/reference/options.md": lambda: reference.commands("en"),
    "docs/reference/options.de.md": lambda: reference.commands("de"),
}
"""Pages that are made, and where they would lie if they were written."""
WORKER = "https://unpkg.com/iframe-worker/shim"
"""What Zensical and Material load from elsewhere, to search in pages that are opened as files."""
FENCE = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(`[^`\n]*`)|(\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)\)")


def main() -> None:
    """Write the pages, have them built, and look through what came out."""
    parser = argparse.ArgumentParser(description="Build the site and look through it.")
    parser.add_argument("--tool", choices=("zensical", "mkdocs"), default="zensical")
    parser.add_argument("--unexecuted", action="store_true", help="do not run the notebooks")
    given = parser.parse_args()
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    write_pages(not given.unexecuted)
    for config in ("mkdocs.yml", "mkdocs.de.yml"):
        command = [sys.executable, "-m", given.tool, "build", "--strict", "-f", config]
        if code := subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(code)
    keep_to_itself(SITE)
    faults = looked_through(SITE)
    print("\n".join(faults) or f"site: {len(list(SITE.rglob('*.html')))} pages, no fault found")
    sys.exit(bool(faults))


def keep_to_itself(site: Path) -> None:
    """Take out what would hold on one server only or be fetched from another, and let the choice of
    a language lead to the same page."""
    for page in site.rglob("404.html"):
        page.unlink()  # its links begin at the root of a server
    for page in site.rglob("*.html"):
        place, text = page.relative_to(site), page.read_text(encoding="utf-8")
        own = os.path.relpath(site / "pictures" / "worker.js", page.parent)
        text = text.replace(WORKER, own)
        name = Path(*place.parts[1:]) if place.parts[0] == "de" else place
        twins = {"en": site / name, "de": site / "de" / name}
        if all(twin.is_file() for twin in twins.values()):  # else it leads to the first page
            for language, twin in twins.items():
                there = os.path.relpath(twin, page.parent)
                text = re.sub(rf'href="[^"]*"( hreflang="{language}")', rf'href="{there}"\1', text)
        page.write_text(text, encoding="utf-8")


def write_pages(execute: bool = True) -> None:
    """All pages in Markdown, and the files that they show or lead to, into build/pages."""
    for origin in (*DOCS.glob("*.md"), *(ROOT / name for name in BESIDE)):
        if origin != ROOT / "README.md":
            _put(origin, origin.read_text(encoding="utf-8"))
    for name, made in REFERENCES.items():
        _put(ROOT / name, made())
    for notebook in sorted((DOCS / "notebooks").glob("*.ipynb")):
        _put(notebook, notebook_pages.as_markdown(notebook, PAGES / "en" / "notebooks", execute))
    for language in ("en", "de"):
        shutil.copytree(DOCS / "pictures", PAGES / language / "pictures", dirs_exist_ok=True)


def _put(origin: Path, text: str) -> None:
    """Write a page as the site has it: links to where their targets are, headings with ids."""
    language, name = placed(origin)
    met: Counter[str] = Counter()

    def linked(found: re.Match[str]) -> str:
        return found[1] or f"{found[2]}{target(found[3], origin)})"

    def headed(found: re.Match[str]) -> str:
        anchor = anchor_of(found[2])
        met[anchor] += 1
        number = f"-{met[anchor] - 1}" if met[anchor] > 1 else ""
        return f"{found[1]} {found[2]} {{#{anchor}{number}}}"

    parts = FENCE.split(text)
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(r"^(#{1,6}) +(.*?) *#*$", headed, parts[at], flags=re.MULTILINE)
        parts[at] = LINK.sub(linked, parts[at])
    path = PAGES / language / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(parts), encoding="utf-8")


def anchor_of(heading: str) -> str:
    """The anchor of a heading: its words in small letters, without signs, with hyphens."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def placed(origin: Path) -> tuple[str, str]:
    """The language and the place, among the pages of that language, of a file of the project.

    What is no page lies under ``files``, in the English part.
    """
    path = origin.relative_to(ROOT).as_posix()
    if path in BESIDE:
        return "en", BESIDE[path]
    inner = path.removeprefix("docs/")
    if inner == path or not inner.endswith((".md", ".ipynb")):
        return "en", inner if inner.startswith("pictures/") else f"files/{path}"
    return ("de" if inner.endswith(".de.md") else "en"), re.sub(r"(\.de)?\.\w+$", ".md", inner)


def target(link: str, origin: Path) -> str:
    """A link of a page as it has to be on the site; a file that it leads to is copied there."""
    name, sign, anchor = link.partition("#")
    if not name or re.match(r"[a-z]+:", name):
        return link
    path = (origin.parent / name).resolve()
    (own, page), (language, place) = placed(origin), placed(path)
    if place.startswith("files/"):
        if not path.is_file():
            return link  # what a notebook drew, beside its page; or nothing, which is found later
        (PAGES / "en" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, PAGES / "en" / place)
    if language != own and not place.startswith("pictures/"):
        up = "" if language == "en" else "de/"
        place, page = f"{up}{re.sub(r'[.]md$', '.html', place)}", f"{'de/' * (own == 'de')}{page}"
    return f"{os.path.relpath(place, Path(page).parent)}{sign}{anchor}"


class _Page(HTMLParser):
    """The ids of a page, what it leads to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        to = values.get("href", "")
        if tag == "a" and to:
            self.leads.append(to)
        elif values.get("rel") in ("stylesheet", "icon", "preload", "modulepreload"):
            self.loads.append(to)
        if "src" in values:
            self.loads.append(values["src"])


def looked_through(site: Path) -> list[str]:
    """What is wrong with a site: dead links, pages that nothing leads to, what is loaded from
    another place."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    faults, reached, waiting = set(), set(), [site / "index.html"]
    for path, page in pages.items():
        foreign = [link for link in page.loads if re.match(r"(\w+:)?//", link)]
        faults |= {f"{path.relative_to(site)}: loads {link}" for link in foreign}
        for link in {*page.leads, *page.loads} - set(foreign):
            if not _ends_somewhere(link, path, pages):
                faults.add(f"{path.relative_to(site)}: {link} leads nowhere")
    while waiting:
        path = waiting.pop()
        if path in pages and path not in reached:
            reached.add(path)
            waiting += [_file(link, path) for link in pages[path].leads if "://" not in link]
    alone = pages.keys() - reached
    return sorted(faults | {f"{path.relative_to(site)}: nothing leads there" for path in alone})


def _file(link: str, page: Path) -> Path:
    path = unquote(link.partition("#")[0].partition("?")[0])
    found = (page.parent / path).resolve() if path else page
    return found / "index.html" if found.is_dir() else found


def _ends_somewhere(link: str, page: Path, pages: dict[Path, _Page]) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    file, anchor = _file(link, page), unquote(link.partition("#")[2])
    known = not anchor or file not in pages or anchor in pages[file].ids
    return file.is_file() and known


if __name__ == "__main__":
    main()
