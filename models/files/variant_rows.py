"""Variants on a sheet: a row for each path and its value, the title in the first row of each."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from models.faults import Fault, Place
from models.files.nodes import Cell, Node, Report, Sheet
from models.files.shapes import ABOUT
from models.files.tabs import OWN
from models.files.wording import word_meant
from models.files.yaml_source import parse_setting
from models.language import tr
from models.spelling import suggestion

TEXTS = ("title", "description")
COLUMNS = ("id", *(f"{text}{of}" for text in TEXTS for of in ("", ".en", ".de")), "path", *ABOUT)
WORDS = ("high", "medium", "low")
"""How much a figure is to be trusted."""


@dataclass
class VariantRows:
    """Reads the sheet of variants."""

    report: Report

    def _fault(self, place: Place, message: str, hint: str = "") -> None:
        self.report(Fault(("variants",), message, hint, place=place))

    def read(self, sheet: Sheet, place: Place) -> Node:
        """The mapping of ids to variants."""
        columns = self._columns(sheet.header)
        variants: dict[str, Node] = {}
        for row in sheet.rows:
            at = {
                name: row[number]
                for name, number in columns.items()
                if number < len(row) and row[number].filled
            }
            if not at:
                continue
            if "id" not in at:
                self._fault(row[0].place, tr("the cell 'id' is empty"), tr("name the variant"))
                continue
            name = str(at["id"].value).strip()
            variant = variants.setdefault(name, Node({}, at["id"].place, at["id"].place))
            self._texts(variant, at)
            self._change(variant, at)
        return Node(variants, place, place)

    def _columns(self, header: list[Cell]) -> dict[str, int]:
        columns: dict[str, int] = {}
        for cell in header:
            name = str(cell.value).strip() if cell.filled else ""
            if not name or name.startswith(OWN):
                continue
            if name not in COLUMNS:
                message = tr("the column '{column}' is not known", column=name)
                self._fault(cell.place, message, suggestion(name, COLUMNS))
            elif name in columns:
                message = tr("the column '{column}' stands twice", column=name)
                self._fault(cell.place, message, tr("keep one of them"))
            else:
                columns[name] = cell.number
        return columns

    def _texts(self, variant: Node, at: dict[str, Cell]) -> None:
        """Title and description, which stand in one row of a variant or the same in several."""
        for text in TEXTS:
            parts = {of: at[f"{text}{of}"] for of in ("", ".en", ".de") if f"{text}{of}" in at}
            if not parts:
                continue
            place = next(iter(parts.values())).place
            nodes = {of[1:]: Node(str(cell.value), cell.place) for of, cell in parts.items()}
            whole = nodes.pop("", None)
            if whole is not None and nodes:
                message = tr("'{text}' and '{text}.en' give the same text twice", text=text)
                self._fault(place, message, tr("keep one of them"))
            node = whole or Node(nodes, place, place)
            before = variant.value.get(text)
            if before is None:
                variant.value[text] = node
            elif _bare(before) != _bare(node):
                message = tr("another '{text}' of the same variant", text=text)
                hint = tr("first at {place}", place=before.place)
                self._fault(place, message, hint)

    def _change(self, variant: Node, at: dict[str, Cell]) -> None:
        path, cell = at.get("path"), at.get("value")
        said = {key: at[key] for key in ABOUT[1:] if key in at}
        if path is None:
            if cell is not None:
                hint = tr("name the field in the column 'path'")
                self._fault(cell.place, tr("a value without a path"), hint)
            return
        if cell is None:
            message = tr("the path '{path}' has no value", path=path.value)
            hint = tr("write one, or null to take the field away")
            self._fault(path.place, message, hint)
            return
        value = self._value(cell)
        if said:
            about = {key: Node(_remark(key, one), one.place) for key, one in said.items()}
            value = Node({"value": value, **about}, cell.place, path.place)
        name = str(path.value).strip()
        place = path.place
        changes = variant.value.setdefault("set", Node({}, place, place))
        if name in changes.value:
            message = tr("the path '{path}' stands twice", path=name)
            first = changes.value[name].key_place
            self._fault(place, message, tr("first at {place}", place=first))
            return
        value.key_place = place
        changes.value[name] = value

    def _value(self, cell: Cell) -> Node:
        """What a cell gives: a number, or a text as YAML writes it."""
        if cell.faulty:
            return Node(None, cell.place, cell.place, faulty=True)
        if isinstance(cell.value, str):
            return parse_setting(cell.value.strip(), cell.place, self.report)
        if isinstance(cell.value, (datetime.date, datetime.time, datetime.timedelta)):
            self._fault(cell.place, tr("a date stands where a value belongs"), tr("format it so"))
            return Node(None, cell.place, cell.place, faulty=True)
        return Node(cell.value, cell.place)


def _remark(key: str, cell: Cell) -> str:
    text = str(cell.value)
    return word_meant(text, WORDS) if key == "confidence" else text


def _bare(node: Node) -> object:
    if isinstance(node.value, dict):
        return {key: one.value for key, one in node.value.items()}
    return node.value
