"""What a report is made of, before it becomes a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.figures import NONE, column, number, percent

Kind = Literal["words", "figures"]


@dataclass(frozen=True)
class Cell:
    """What stands in a table: text, the figure behind it, and a mark that styles tell apart."""

    text: str
    value: float | None = None
    mark: str = ""
    href: str = ""
    """Where the text leads; ``http`` and ``https`` only."""


@dataclass(frozen=True)
class Column:
    """A column: its header, what it holds, its cells, and a header over it and its neighbours."""

    header: str
    cells: Sequence[Cell]
    kind: Kind = "figures"
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first column names the rows."""

    caption: str
    columns: Sequence[Column]
    total: bool = False
    """Whether the last row sums up those above."""
    note: str = ""
    dense: bool = False
    """Whether it has so many columns that it is set small."""
    name: str = ""
    """A word by which others find it."""

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells, row by row."""
        return [list(row) for row in zip(*(c.cells for c in self.columns), strict=True)]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headers over columns and how many columns each spans; none where no column has one."""
        if not any(column.group for column in self.columns):
            return []
        spans: list[tuple[str, int]] = []
        for one in self.columns:
            if spans and one.group and spans[-1][0] == one.group:
                spans[-1] = (one.group, spans[-1][1] + 1)
            else:
                spans.append((one.group, 1))
        return spans


@dataclass(frozen=True)
class Figure:
    """A chart and the table of its figures."""

    chart: Chart
    table: Table


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Fact:
    """A figure that is shown large: what it is, the figure, and what belongs beside it."""

    label: str
    figure: str
    beside: str = ""


@dataclass(frozen=True)
class Facts:
    """Figures that are shown large."""

    facts: Sequence[Fact]


@dataclass(frozen=True)
class Caution:
    """Sentences that must not be missed."""

    items: Sequence[str]


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    entries: Sequence[tuple[str, str]]


Part = str | Table | Figure | Heading | Bullets | Facts | Caution | Terms
"""A text is a paragraph."""


@dataclass(frozen=True)
class Section:
    """A section: its id, its title and its parts."""

    id: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)
    one_page: bool = False
    """Whether it begins a page when printed, and is set to fit on it."""

    @property
    def charts(self) -> list[Chart]:
        """Its charts, in order."""
        return [part.chart for part in self.parts if isinstance(part, Figure)]


def words(header: str, texts: Iterable[str], group: str = "", marks: Sequence[str] = ()) -> Column:
    """A column of texts."""
    listed = list(texts)
    shown = marks or [""] * len(listed)
    return Column(
        header, [Cell(t, mark=m) for t, m in zip(listed, shown, strict=True)], "words", group
    )


def year_names(years: Iterable[int], *more: str) -> Column:
    """A column of years that names rows, and what comes below them."""
    texts = [*map(str, years), *more]
    return words(tr("Year"), texts, marks=["line"] * len(texts))


def amounts(
    header: str, values: Iterable[float | None], group: str = "", places: int | None = None
) -> Column:
    """A column of numbers, all with the same decimals."""
    listed = [None if value is None or value != value else float(value) for value in values]
    texts = column(listed) if places is None else [number(v, places) for v in listed]
    return Column(header, _cells(texts, listed), "figures", group)


def alike(
    headed: Mapping[str, Sequence[float | None]] | Sequence[tuple[str, Sequence[float | None]]],
    group: str = "",
) -> list[Column]:
    """Columns of numbers that are read across, all with the same decimals.

    Headers that come from a scenario may come twice: they are given as pairs.
    """
    pairs = list(headed.items()) if isinstance(headed, Mapping) else list(headed)
    listed = [
        (header, [None if v is None or v != v else float(v) for v in values])
        for header, values in pairs
    ]
    texts = iter(column([v for _, values in listed for v in values]))
    return [
        Column(header, _cells([next(texts) for _ in values], values), "figures", group)
        for header, values in listed
    ]


def shares(header: str, values: Iterable[float | None], group: str = "") -> Column:
    """A column of shares of one, as percentages."""
    listed = [None if value is None or value != value else float(value) for value in values]
    return Column(header, _cells([percent(v) for v in listed], listed), "figures", group)


def years(header: str, values: Iterable[int | None], group: str = "") -> Column:
    """A column of calendar years."""
    listed = [None if value is None or value != value else int(value) for value in values]
    texts = [NONE if year is None else str(year) for year in listed]
    return Column(header, _cells(texts, listed), "figures", group)


def _cells(texts: Sequence[str], values: Sequence[float | None]) -> list[Cell]:
    return [Cell(text, value) for text, value in zip(texts, values, strict=True)]


def with_total(values: Sequence[float | None]) -> list[float | None]:
    """Values and their sum."""
    return [*values, sum(value for value in values if value is not None)]
