"""An HTML page read back: its elements, its tables by name, and the figures in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Element:
    """An element with what is in it, in order."""

    tag: str
    attributes: dict[str, str]
    content: list[Element | str] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Element]:
        """The elements within, in the order of the page; of some tags alone if any are named."""
        for part in self.content:
            if isinstance(part, Element):
                if not tags or part.tag in tags:
                    yield part
                yield from part.all(*tags)

    @property
    def text(self) -> str:
        """All text within, on one line."""
        parts = (part if isinstance(part, str) else part.text for part in self.content)
        return re.sub(r"\s+", " ", "".join(parts)).strip()

    @property
    def value(self) -> float:
        """The figure behind a cell."""
        return float(self.attributes["data-value"])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.tag == tag, f"<{closed.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read(page: str) -> Element:
    """The page as a tree; an element that is not closed is a failure."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


@dataclass(frozen=True)
class Table:
    """A table: headers of its columns, and rows of cells, the first of which names the row."""

    headers: list[str]
    rows: list[list[Element]]

    def column(self, header: str) -> list[Element]:
        """The cells of the only column that has this header."""
        (at,) = [n for n, other in enumerate(self.headers) if other == header]
        return [row[at] for row in self.rows]

    def values(self, header: str) -> list[float | None]:
        """The figures of a column; None where there is none."""
        return [c.value if "data-value" in c.attributes else None for c in self.column(header)]

    def row(self, name: str) -> list[Element]:
        """The only row of this name."""
        (found,) = [row for row in self.rows if row[0].text == name]
        return found


def tables(page: Element) -> dict[str, Table]:
    """All tables by their names."""
    found = {}
    for table in page.all("table"):
        name = table.attributes["data-name"]
        assert name not in found, f"two tables are called {name}"
        (head,), (body,) = list(table.all("thead")), list(table.all("tbody"))
        headers = [cell.text for cell in list(head.all("tr"))[-1].all("th")]
        rows = [list(row.all("th", "td")) for row in body.all("tr")]
        assert all(len(row) == len(headers) for row in rows)
        found[name] = Table(headers, rows)
    return found


_FIGURE = re.compile(
    r"(?P<than>[<>]?)(?P<number>-?[\d ]+(?:[.,](?P<decimals>\d+))?)(?P<percent> %)?$"
)


def shows(cell: Element) -> bool:
    """Whether a cell shows the figure behind it, as far as its decimals reach; what chance leaves
    open of it may stand behind."""
    found = _FIGURE.search(cell.text.replace("\u00a0", " ").split(" ±")[0])
    if found is None:
        return False
    shown = float(found["number"].replace(" ", "").replace(",", "."))
    behind = cell.value * (100 if found["percent"] else 1)
    if found["than"] == "<":
        return 0 < behind < shown
    if found["than"] == ">":
        return shown < behind
    return abs(shown - behind) <= 0.5 * 10.0 ** -len(found["decimals"] or "") + 1e-6
