"""A workbook as the parts of its package: one sheet put in or taken out, all else as it was.

A library that reads a workbook and writes it anew loses what it does not know: charts, pictures,
macros, validations of other sheets. So parts are changed as text, and only those that list sheets.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr, unescape

WORKBOOK = "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
TYPES = "[Content_Types].xml"
STYLES = "xl/styles.xml"
PART = "xl/worksheets/vorrat-faults.xml"
MAX_SHEETS = 1_000
_REL_ID = "rIdVorratFaults"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


class NotPlainError(Exception):
    """The package is written in a way that cannot be changed part by part."""


@dataclass(frozen=True)
class SheetEntry:
    """One sheet as the workbook lists it."""

    position: int
    name: str
    tag: str
    part: str


class Package:
    """The parts of a workbook, of which a few are changed."""

    def __init__(self, raw: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            self._parts = [(entry, packed.read(entry)) for entry in packed.infolist()]
        if not all(self.has(part) for part in (WORKBOOK, RELATIONS, TYPES)):
            raise NotPlainError(WORKBOOK)
        if _MAIN not in self.text(WORKBOOK):
            raise NotPlainError(WORKBOOK)

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return any(entry.filename == part for entry, _ in self._parts)

    def text(self, part: str) -> str:
        """A part as text."""
        return next(data for entry, data in self._parts if entry.filename == part).decode("utf-8")

    def put(self, part: str, text: str) -> None:
        """Write a part, which may be new."""
        content = text.encode("utf-8")
        for number, (entry, _) in enumerate(self._parts):
            if entry.filename == part:
                self._parts[number] = (entry, content)
                return
        # Dates before 1980 are none for ZIP; a fixed one keeps the file the same every time.
        entry = zipfile.ZipInfo(part, (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._parts.append((entry, content))

    def drop(self, part: str) -> None:
        """Take a part out."""
        self._parts = [(entry, data) for entry, data in self._parts if entry.filename != part]

    def packed(self) -> bytes:
        """The package as a file."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for entry, data in self._parts:
                packed.writestr(entry, data, entry.compress_type)
        return file.getvalue()

    def sheets(self) -> list[SheetEntry]:
        """The sheets in their order."""
        related = re.findall(r"<(?:\w+:)?Relationship\s[^<>]*>", self.text(RELATIONS))
        targets = {attribute(tag, "Id"): attribute(tag, "Target") for tag in related}
        found = []
        tags = re.findall(r"<(?:\w+:)?sheet\s[^<>]*>", self.text(WORKBOOK))
        if len(tags) > MAX_SHEETS:
            raise NotPlainError(WORKBOOK)
        for position, tag in enumerate(tags):
            name = unescape(attribute(tag, "name"), {"&quot;": '"', "&apos;": "'"})
            identity = re.search(r'\s\w+:id="([^"]*)"', tag)
            target = targets.get(identity[1], "") if identity else ""
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            found.append(SheetEntry(position, name, tag, part))
        return found

    def add_sheet(self, name: str, content: str) -> int:
        """A new last sheet; its position."""
        book = self.text(WORKBOOK)
        prefix = re.search(rf'xmlns:(\w+)="{re.escape(_OFFICE)}"', book)
        end = re.search(r"</((?:\w+:)?)sheets>", book)
        if prefix is None or end is None:
            raise NotPlainError(WORKBOOK)
        ids = [int(attribute(one.tag, "sheetId") or 0) for one in self.sheets()]
        entry = (
            f"<{end[1]}sheet name={quoteattr(name)} "
            f'sheetId="{max(ids, default=0) + 1}" {prefix[1]}:id="{_REL_ID}"/>'
        )
        book = book[: end.start()] + entry + book[end.start() :]
        self.put(WORKBOOK, book)
        self._insert(RELATIONS, "Relationships", "Relationship",
                     f'Id="{_REL_ID}" Type="{_OFFICE}/worksheet" '
                     f'Target="{PART.removeprefix("xl/")}"')  # fmt: skip
        self._insert(TYPES, "Types", "Override", f'PartName="/{PART}" ContentType="{_SHEET_TYPE}"')
        self.put(PART, content)
        return len(ids)

    def _insert(self, part: str, parent: str, child: str, attributes: str) -> None:
        text = self.text(part)
        end = re.search(rf"</((?:\w+:)?){parent}>", text)
        if end is None:
            raise NotPlainError(part)
        at = end.start()
        self.put(part, f"{text[:at]}<{end[1]}{child} {attributes}/>{text[at:]}")

    def show(self, position: int) -> None:
        """Make one sheet the one that is shown; two selected ones would be edited together."""
        book = self.text(WORKBOOK)
        view = re.search(r"<(?:\w+:)?workbookView\b[^<>]*>", book)
        if view is not None:
            tag = with_attribute(without_attribute(view[0], "firstSheet"), "activeTab", position)
            self.put(WORKBOOK, book[: view.start()] + tag + book[view.end() :])
        for entry in self.sheets():
            if not self.has(entry.part):
                continue
            text = self.text(entry.part)
            if entry.position == position:
                changed = re.sub(
                    r"<(?:\w+:)?sheetView\b[^<>]*>",
                    lambda tag: with_attribute(tag[0], "tabSelected", 1),
                    text,
                    count=1,
                )
            else:
                changed = re.sub(
                    r"<(?:\w+:)?sheetView\b[^<>]*>",
                    lambda tag: without_attribute(tag[0], "tabSelected"),
                    text,
                )
            if changed != text:
                self.put(entry.part, changed)

    def drop_sheet(self, entry: SheetEntry) -> None:
        """Take a sheet out, and what the workbook says of it."""
        identity = re.search(r'\s\w+:id="([^"]*)"', entry.tag)
        book = self.text(WORKBOOK).replace(entry.tag, "", 1)
        book = re.sub(r"</(?:\w+:)?sheet>", "", book)
        self.put(WORKBOOK, _renumbered(book, entry.position))
        for part, tag in ((RELATIONS, "Relationship"), (TYPES, "Override")):
            text = self.text(part)
            for found in re.findall(rf"<(?:\w+:)?{tag}\s[^<>]*>", text):
                of_sheet = attribute(found, "PartName") == f"/{entry.part}"
                if of_sheet or (identity and attribute(found, "Id") == identity[1]):
                    text = text.replace(found, "", 1)
            self.put(part, text)
        folder, _, name = entry.part.rpartition("/")
        self.drop(entry.part)
        self.drop(f"{folder}/_rels/{name}.rels")
        self.show(0)

    def mentions(self, sheet: SheetEntry) -> bool:
        """Whether anything outside of a sheet speaks of it, as a formula would."""
        quoted = quoteattr(sheet.name)[1:-1]
        pattern = re.compile(rf"(?:'{re.escape(quoted)}'|(?<![\w.]){re.escape(quoted)})!")
        apart = (sheet.part, WORKBOOK, "docProps/app.xml", "xl/sharedStrings.xml")
        texts = [
            data.decode("utf-8", "replace")
            for entry, data in self._parts
            if entry.filename.endswith(".xml") and entry.filename not in apart
        ]
        # Names of the sheet's own go with it.
        texts.append(_renumbered(self.text(WORKBOOK), sheet.position))
        return any(pattern.search(text) is not None for text in texts)


def _renumbered(book: str, position: int) -> str:
    """Names that belong to a sheet are told by its position, which has changed."""

    def name(found: re.Match[str]) -> str:
        at = attribute(found[0].split(">", 1)[0] + ">", "localSheetId")
        if not at or int(at) < position:
            return found[0]
        if int(at) == position:
            return ""
        return found[0].replace(f'localSheetId="{at}"', f'localSheetId="{int(at) - 1}"', 1)

    return re.sub(r"<(?:\w+:)?definedName\b[^<]*</(?:\w+:)?definedName>", name, book)


def attribute(tag: str, name: str) -> str:
    """The value of an attribute; empty where there is none."""
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""


def without_attribute(tag: str, name: str) -> str:
    """A tag without an attribute."""
    return re.sub(rf'\s{name}="[^"]*"', "", tag)


def with_attribute(tag: str, name: str, value: int) -> str:
    """A tag with an attribute."""
    bare = without_attribute(tag, name)
    end = "/>" if bare.endswith("/>") else ">"
    return f'{bare[: -len(end)].rstrip()} {name}="{value}"{end}'
