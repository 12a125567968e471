"""How cells look: where a figure comes from, and how it is written.

Where a figure comes from shows twice, in colour and without: figures of the optimizer stand on
blue, those of the scenario on yellow in a dotted frame, and what the spreadsheet calculates is
italic on white.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from optimizer.report.figures import NOISE

Origin = Literal["optimizer", "scenario", "formula", "words", "key"]
Form = Literal[
    "money", "outcome", "signed", "signed_outcome", "tonnes", "tonnes_1", "tonnes_3", "share",
    "gap", "factor", "ratio", "year", "count", "figure", "value", "first", "small", "control",
    "deviation", "tolerance", "text",
]  # fmt: skip

INK, PALE, RULE = "#1F2A37", "#E9EDF2", "#8A97A6"
RED, GREEN = "#B3261E", "#1B5E20"

_OF_ORIGIN: dict[Origin, dict[str, Any]] = {
    "optimizer": {"bg_color": "#DCE9F7"},
    "scenario": {"bg_color": "#FFF6D6", "border": 4, "border_color": RULE},
    "formula": {"italic": True},
    "words": {"align": "left", "indent": 1},
    "key": {"align": "left", "indent": 1, "font_color": "#6B7785", "font_size": 9},
}


def _dashed(digits: str, plus: str = "") -> str:
    """A number format with a dash for nothing at all, a solver's zero with it (`NOISE`)."""
    return f'[>=0.000001]{plus}{digits};[<=-0.000001]-{digits};"–"'


# The program writes separators as its reader has them.
_NUMBERS: dict[Form, str] = {
    "tonnes": _dashed("#,##0"),
    "tonnes_1": _dashed("#,##0.0"),
    "tonnes_3": _dashed("#,##0.000"),
    "share": _dashed("0.0%"),
    "gap": "0.0000%",
    "factor": "0.0000",
    "ratio": "#,##0.00",
    "year": "0",
    "count": "#,##0",
    "figure": "General",
    "deviation": '[>=0.000001]0.0E+00;"–"',
    "tolerance": "0.0E+00",
    "value": "#,##0.0##",
    "first": "0.0",
    "small": "0.000000",
    "control": "#,##0.0000",
    "text": "General",
}
_ALARM = {"bold": True, "bg_color": RED, "font_color": "#FFFFFF"}
_NOTE = {"text_wrap": True, "valign": "top"}
_SHAPES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "font_color": INK},
    "heading": {"bold": True, "font_size": 12, "font_color": INK, "valign": "bottom"},
    "header": {"bold": True, "text_wrap": True, "valign": "bottom", "bg_color": PALE, "bottom": 1,
               "bottom_color": INK},
    "note": {**_NOTE, "font_color": INK},
    "lead": {**_NOTE, "font_size": 12, "font_color": INK},
    "link": {"font_color": "#0B57A4", "underline": 1},
    "good": {"bold": True, "font_size": 11, "font_color": GREEN, "bg_color": "#DDF0DF", "border": 1,
             "valign": "vcenter", "align": "left", "indent": 1},
    "warning": {**_NOTE, **_ALARM},
    "unconfirmed": {**_NOTE, "bold": True, "font_color": RED},
    "bad": _ALARM,
}  # fmt: skip
_BASE = {"font_name": "Calibri", "font_size": 10, "valign": "top"}


@dataclass
class Styles:
    """The formats of one workbook, each made once."""

    workbook: Any
    money_places: int = 1
    outcome_places: int = 1
    _made: dict[Any, Any] = field(default_factory=dict)

    def number(self, form: Form) -> str:
        """The number format of a kind of figure, as a file holds it."""
        if form in ("money", "signed", "outcome", "signed_outcome"):
            places = self.outcome_places if "outcome" in form else self.money_places
            return _dashed("#,##0." + "0" * places, "+" if "signed" in form else "")
        return _NUMBERS[form]

    @property
    def axis(self) -> str:
        """The number format of an axis of outcomes."""
        return "#,##0" if self.outcome_places == 1 else "General"

    def cell(
        self,
        origin: Origin,
        form: Form,
        *,
        last: bool = False,
        wrap: bool = False,
        quoted: bool = False,
        ruled: bool = False,
        inset: bool = False,
    ) -> Any:
        """The format of a cell.

        ``last`` is a row of totals, ``ruled`` one with a line above it, ``quoted`` a text like a
        formula, ``inset`` one that belongs to the row above.
        """
        look = {"num_format": self.number(form), **_OF_ORIGIN[origin]}
        if form == "text":
            look |= {"align": "left", "indent": 1}
        if inset:
            look["indent"] = 3
        if last:
            look |= {"bold": True, "top": 1, "top_color": INK}
        elif ruled:
            look |= {"top": 1, "top_color": "#B4BDC7"}
        if wrap:
            look["text_wrap"] = True
        if quoted:
            look["quote_prefix"] = True
        return self._get((origin, form, last, wrap, quoted, ruled, inset), look)

    def shape(self, name: str, *, right: bool = False, form: Form | None = None) -> Any:
        """The format of what is no figure: titles, headers, notes, verdicts."""
        look = dict(_SHAPES[name])
        if right:
            look["align"] = "right"
        elif name == "header":
            look |= {"align": "left", "indent": 1}
        if form is not None:
            look["num_format"] = self.number(form)
        return self._get((name, right, form), look)

    def verdict(self, good: bool) -> Any:
        """What a result looks like by condition; it can set colours and weight alone."""
        name = "good" if good else "bad"
        if ("verdict", good) not in self._made:
            allowed = ("bold", "font_color", "bg_color")
            look = {key: value for key, value in _SHAPES[name].items() if key in allowed}
            self._made["verdict", good] = self.workbook.add_format(look)
        return self._made["verdict", good]

    def _get(self, key: Any, look: dict[str, Any]) -> Any:
        if key not in self._made:
            self._made[key] = self.workbook.add_format({**_BASE, **look})
        return self._made[key]


def tonnes(values: Iterable[float | None]) -> Form:
    """The form of a row of tonnes, with decimals where whole tonnes would show a false zero."""
    most = max((abs(value) for value in values if value is not None), default=0.0)
    return "tonnes" if most >= 100 or most == 0 else "tonnes_1" if most >= 1 else "tonnes_3"


def figure(values: Iterable[float | None]) -> Form:
    """The form of figures of no special kind: whole, with up to three decimals, or with all."""
    known = [abs(value) for value in values if value is not None]
    if all(abs(value - round(value)) < NOISE for value in known):
        return "count"
    return "value" if max(known) >= 1 else "figure"


def objective(values: Iterable[float | None]) -> Form:
    """The form of objectives and their bounds: four decimals, six of what is below one."""
    most = max((abs(value) for value in values if value is not None), default=0.0)
    return "control" if most >= 1 else "small"


def places(values: Iterable[float]) -> int:
    """Decimals of a kind of figure: more where the largest of them is small."""
    most = max(map(abs, values), default=0.0)
    return 1 if most >= 100 or most == 0 else 2 if most >= 10 else 3 if most >= 1 else 5
