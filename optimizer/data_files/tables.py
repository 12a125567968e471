"""Tables of a scenario made from published figures, their text, and changes since an earlier
run."""

import csv
import datetime
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from optimizer.data_files.rows import Notice

Key = tuple[str, ...]


@dataclass
class YearlyTable:
    """A section of a scenario with one figure for each item and year.

    ``key_columns`` name the columns that identify an item, ``column`` the figure. ``notes`` are
    remarks on the figures of an item.
    """

    section: str
    key_columns: Key
    column: str
    source: str
    values: dict[Key, dict[int, float]] = field(default_factory=dict)
    notes: dict[Key, list[str]] = field(default_factory=dict)

    def add(self, key: Key, year: int, value: float, note: str = "") -> bool:
        """Add a figure to those of the same item and year. Return whether there were any."""
        years = self.values.setdefault(key, {})
        is_repeated = year in years
        years[year] = math.fsum((years.get(year, 0.0), value))
        if note:
            self.notes.setdefault(key, []).append(f"{year}: {note}")
        return is_repeated

    def items_with_gaps(self) -> list[str]:
        """Return the items that lack a year which other items have."""
        years = {year for values in self.values.values() for year in values}
        return [", ".join(key) for key in sorted(self.values) if set(self.values[key]) != years]

    def csv_text(self) -> str:
        """Return the table as CSV, as a scenario reads it: one row for each item, with a column
        for each year."""
        items = {key: self.values[key] for key in sorted(self.values)}
        years = sorted({year for values in items.values() for year in values})
        columns = [*self.key_columns, *(f"{self.column}.{year}" for year in years)]
        columns.append(f"{self.column}.source")
        has_notes = any(self.notes.get(key) for key in items)
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns + ([f"{self.column}.note"] if has_notes else []))
        for key, values in items.items():
            cells = [number_text(values[year]) if year in values else "" for year in years]
            note = "; ".join(dict.fromkeys(self.notes.get(key, ())))
            writer.writerow([*key, *cells, self.source, *([note] if has_notes else [])])
        return stream.getvalue()


@dataclass
class Extract:
    """What a downloaded file gives to a scenario: tables, their source, and what was not taken as
    it stands. ``currency`` is that of prices, if there are any."""

    name: str
    tables: list[YearlyTable]
    source_id: str
    source: dict[str, str]
    notices: list[Notice]
    currency: str = ""

    def files(self, stem: str) -> dict[str, bytes]:
        """Return the files of the extract by name: the tables, and a scenario file to be included,
        which names them and contains the source."""
        contents: dict[str, bytes] = {}
        sections = {}
        for number, table in enumerate(self.tables):
            name = f"{stem}_{table.section}.csv" if number else f"{stem}.csv"
            contents[name] = table.csv_text().encode()
            sections[table.section] = {"table": name}
        document: dict[str, object] = {"currency": self.currency} if self.currency else {}
        document |= {"sources": {self.source_id: self.source}, **sections}
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
        contents[f"{stem}.yaml"] = f"# vorrat data {self.name}\n{text}".encode()
        return contents


def number_text(value: float) -> str:
    """Return a number as a table of a scenario states it, with 12 significant digits.

    Three digits after the point are written as four, since they could be taken for thousands.
    """
    text = f"{value:.12g}"
    if "e" in text:
        text = f"{value:.25f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.0f}"
    return text + "0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", text) else text


def material_id(text: str) -> str:
    """Return the id of a material that is made from the name of a commodity."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "material"


def file_date(path: Path) -> str:
    """Return the date when a file was last changed, which is that of its download for most
    programs."""
    return datetime.date.fromtimestamp(path.stat().st_mtime).isoformat()


def changes(before: str, after: str) -> list[str]:
    """Return one line for each figure that differs between two texts of a table, by item and year.

    Sources and notes are compared as well. An item that only one of the texts has is named.
    """
    old, new = _figures(before), _figures(after)
    lines = []
    for key in dict.fromkeys([*old, *new]):
        item = ", ".join(key)
        if key not in new:
            lines.append(f"{item}: no longer in the file")
        elif key not in old:
            values = ", ".join(f"{name} {value}" for name, value in new[key].items() if value)
            lines.append(f"{item}: new, {values}")
        else:
            lines += _differences(item, old[key], new[key])
    return lines


def _differences(item: str, old: dict[str, str], new: dict[str, str]) -> Iterable[str]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            values = {"old": before or "empty", "new": after or "empty"}
            percent = ""
            if re.fullmatch(r"[\d.]+", before) and re.fullmatch(r"[\d.]+", after) and float(before):
                percent = f" ({100 * (float(after) / float(before) - 1):+.1f} %)"
            yield (
                "{item}, {column}: {old} before, {new} now".format(item=item, column=name, **values)
                + percent
            )


def _figures(text: str) -> dict[Key, dict[str, str]]:
    """Return the cells of a table by the cells that identify their row, which are the columns
    before the first one with a dot in its name."""
    header: Sequence[str] = ()
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    count = next((n for n, name in enumerate(header) if "." in name), len(header))
    return {
        tuple(row[:count]): dict(zip(header[count:], row[count:], strict=False))
        for row in rows
        if row
    }
