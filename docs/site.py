"""Build of the site: the pages of docs/ in English and German, pages that are generated from code,
and notebooks.

``python -m docs.site`` writes pages into build/pages, lets Zensical convert them to HTML in site/
by mkdocs.yml and mkdocs.de.yml, and checks the result: no dead link, no page without a link to it,
and nothing loaded from another server.
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

from docs import notebook_pages, reference, replay, results_reference

ROOT = Path(__file__).parents[1]
DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "site"
OUTSIDE_DOCS = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}
"""Pages outside docs/, and their names on the site."""
REFERENCES: dict[str, Callable[[], str]] = {
    "docs/reference/fields.md": reference.scenario_fields,
    "docs/reference/rules.md": reference.rules,
    "docs/reference/python.md": reference.python,
}
"""Generated pages: the function that returns each, by its path as if it were a file."""
GENERATED_PARTS: dict[str, Callable[[], str]] = {
    "docs/commands.md": reference.commands,
    "docs/results.md": results_reference.described,
    "docs/replay.md": replay.described,
}
"""Pages with a generated part: the function that returns it. It replaces the mark in the page."""
MARK = "<!-- make docs: generated part -->"
WORKER = "https://unpkg.com/iframe-worker/shim"
"""Script that Zensical and Material load from another server, for the search in pages that are
opened as files."""
FENCE = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(`[^`\n]*`)|(\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)\)")


def main() -> None:
    """Write the pages, build the site and check it."""
    parser = argparse.ArgumentParser(description="Build the site and check it.")
    parser.add_argument("--tool", choices=("zensical", "mkdocs"), default="zensical")
    parser.add_argument("--unexecuted", action="store_true", help="do not run the notebooks")
    args = parser.parse_args()
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    write_pages(not args.unexecuted)
    for config in ("mkdocs.yml", "mkdocs.de.yml"):
        command = [sys.executable, "-m", args.tool, "build", "--strict", "-f", config]
        if code := subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(code)
    make_self_contained(SITE)
    faults = looked_through(SITE)
    print("\n".join(faults) or f"site: {len(list(SITE.rglob('*.html')))} pages, no fault found")
    sys.exit(bool(faults))


def make_self_contained(site: Path) -> None:
    """Remove error pages, which work at the root of a server only, replace the script from another
    server, and let the links to the other language lead to the same page."""
    for page in site.rglob("404.html"):
        page.unlink()  # its links begin at the root of a server
    for page in site.rglob("*.html"):
        path, text = page.relative_to(site), page.read_text(encoding="utf-8")
        local_worker = os.path.relpath(site / "pictures" / "worker.js", page.parent)
        text = text.replace(WORKER, local_worker)
        name = Path(*path.parts[1:]) if path.parts[0] == "de" else path
        translations = {"en": site / name, "de": site / "de" / name}
        if all(
            file.is_file() for file in translations.values()
        ):  # else they lead to the first page
            for language, file in translations.items():
                link = os.path.relpath(file, page.parent)
                text = re.sub(rf'href="[^"]*"( hreflang="{language}")', rf'href="{link}"\1', text)
        page.write_text(text, encoding="utf-8")


def write_pages(execute: bool = True) -> None:
    """Write all pages in Markdown, and the files that they show or link to, into build/pages."""
    for origin in (*DOCS.glob("*.md"), *(ROOT / name for name in OUTSIDE_DOCS)):
        if origin != ROOT / "README.md":
            _put(origin, completed(origin))
    for name, generate in REFERENCES.items():
        _put(ROOT / name, generate())
    for notebook in sorted((DOCS / "notebooks").glob("*.ipynb")):
        _put(notebook, notebook_pages.as_markdown(notebook, PAGES / "en" / "notebooks", execute))
    for language in ("en", "de"):
        shutil.copytree(DOCS / "pictures", PAGES / language / "pictures", dirs_exist_ok=True)


def completed(origin: Path) -> str:
    """Return the text of a page with its generated part, if it has one. Raise ValueError if such a
    page lacks its mark."""
    text = origin.read_text(encoding="utf-8")
    generate = GENERATED_PARTS.get(origin.relative_to(ROOT).as_posix())
    if generate is None:
        return text
    before, mark, after = text.partition(MARK)
    if not mark:
        raise ValueError(f"{origin.name} lacks the line {MARK}")
    return f"{before}{generate()}{after}"


def _put(origin: Path, text: str) -> None:
    """Write a page for the site, with links that hold there and an id for each heading."""
    language, name = placed(origin)
    anchor_counts: Counter[str] = Counter()

    def linked(match: re.Match[str]) -> str:
        return match[1] or f"{match[2]}{target(match[3], origin)})"

    def headed(match: re.Match[str]) -> str:
        anchor = anchor_of(match[2])
        anchor_counts[anchor] += 1
        number = f"-{anchor_counts[anchor] - 1}" if anchor_counts[anchor] > 1 else ""
        return f"{match[1]} {match[2]} {{#{anchor}{number}}}"

    parts = FENCE.split(text)
    for n in range(0, len(parts), 2):  # the others are code blocks
        parts[n] = re.sub(r"^(#{1,6}) +(.*?) *#*$", headed, parts[n], flags=re.MULTILINE)
        parts[n] = LINK.sub(linked, parts[n])
    path = PAGES / language / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(parts), encoding="utf-8")


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading: its lower-case words, joined by hyphens."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def placed(origin: Path) -> tuple[str, str]:
    """Return the language of a file of the project and its path among the pages of that language.
    Files that are neither pages nor pictures are under ``files``, in the English part."""
    path = origin.relative_to(ROOT).as_posix()
    if path in OUTSIDE_DOCS:
        return "en", OUTSIDE_DOCS[path]
    inner = path.removeprefix("docs/")
    if inner == path or not inner.endswith((".md", ".ipynb")):
        return "en", inner if inner.startswith("pictures/") else f"files/{path}"
    return ("de" if inner.endswith(".de.md") else "en"), re.sub(r"(\.de)?\.\w+$", ".md", inner)


def target(link: str, origin: Path) -> str:
    """Return the link of a page for the site. A file under ``files`` that it names is copied."""
    name, sign, anchor = link.partition("#")
    if not name or re.match(r"[a-z]+:", name):
        return link
    path = (origin.parent / name).resolve()
    (page_language, page), (language, place) = placed(origin), placed(path)
    if place.startswith("files/"):
        if not path.is_file():
            return link  # a picture next to the page of a notebook; or a dead link, reported later
        (PAGES / "en" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, PAGES / "en" / place)
    if language != page_language and not place.startswith("pictures/"):
        folder = "" if language == "en" else "de/"
        place = f"{folder}{re.sub(r'[.]md$', '.html', place)}"
        page = f"{'de/' * (page_language == 'de')}{page}"
    return f"{os.path.relpath(place, Path(page).parent)}{sign}{anchor}"


class _Page(HTMLParser):
    """The ids of a page, the links in it, and the addresses that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        href = values.get("href", "")
        if tag == "a" and href:
            self.links.append(href)
        elif values.get("rel") in ("stylesheet", "icon", "preload", "modulepreload"):
            self.loaded.append(href)
        if "src" in values:
            self.loaded.append(values["src"])


def looked_through(site: Path) -> list[str]:
    """Return the faults of a site: dead links, pages without links to them, foreign addresses."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    faults, reached, queue = set(), set(), [site / "index.html"]
    for path, page in pages.items():
        foreign = [link for link in page.loaded if re.match(r"(\w+:)?//", link)]
        faults |= {f"{path.relative_to(site)}: loads {link}" for link in foreign}
        for link in {*page.links, *page.loaded} - set(foreign):
            if not _target_exists(link, path, pages):
                faults.add(f"{path.relative_to(site)}: {link} leads nowhere")
    while queue:
        path = queue.pop()
        if path in pages and path not in reached:
            reached.add(path)
            queue += [_file(link, path) for link in pages[path].links if "://" not in link]
    orphans = pages.keys() - reached
    return sorted(faults | {f"{path.relative_to(site)}: nothing leads there" for path in orphans})


def _file(link: str, page: Path) -> Path:
    """Return the file to which a relative link of a page leads."""
    path = unquote(link.partition("#")[0].partition("?")[0])
    file = (page.parent / path).resolve() if path else page
    return file / "index.html" if file.is_dir() else file


def _target_exists(link: str, page: Path, pages: dict[Path, _Page]) -> bool:
    """Check whether the file and the anchor of a link exist; True for links with a scheme."""
    if re.match(r"[a-z]+:", link):
        return True
    file, anchor = _file(link, page), unquote(link.partition("#")[2])
    has_anchor = not anchor or file not in pages or anchor in pages[file].ids
    return file.is_file() and has_anchor


if __name__ == "__main__":
    main()
