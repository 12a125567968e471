"""How cells look: where a figure comes from, and how it is written.

Where a figure comes from shows twice, in colour and without: figures of the optimizer stand on
blue, those of the scenario on yellow in a dotted frame, and what the spreadsheet calculates is
italic on white.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from optimizer.report.figures import is_whole

Origin = Literal["optimizer", "scenario", "formula", "words", "key"]
Form = str
"""One of ``_NUMBERS``, or an amount: ``money``, ``outcome``, ``signed``, ``signed_outcome``."""

INK, PALE, RULE = "#1F2A37", "#E9EDF2", "#8A97A6"
RED, GREEN = "#B3261E", "#1B5E20"
_BASE = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
_LEFT = {"align": "left", "indent": 1}
_OF_ORIGIN: dict[Origin, dict[str, Any]] = {
    "optimizer": {"bg_color": "#DCE9F7"},
    "scenario": {"bg_color": "#FFF6D6", "border": 4, "border_color": RULE},
    "formula": {"italic": True},
    "words": _LEFT,
    "key": {**_LEFT, "font_color": "#6B7785", "font_size": 9},
}
_FLAGS: dict[str, dict[str, Any]] = {
    "inset": {"indent": 3},
    "ruled": {"top": 1, "top_color": "#B4BDC7"},
    "last": {"bold": True, "top": 1, "top_color": INK},
    "wrap": {"text_wrap": True},
    "quoted": {"quote_prefix": True},
}
"""One that belongs to the row above, one with a line above it, one of a row of totals, one that
takes several lines, and a text like a formula."""


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
               "bottom_color": INK, **_LEFT},
    "note": {**_NOTE, "font_color": INK},
    "lead": {**_NOTE, "font_size": 12, "font_color": INK},
    "link": {"font_color": "#0B57A4", "underline": 1},
    "good": {"bold": True, "font_size": 11, "font_color": GREEN, "bg_color": "#DDF0DF", "border": 1,
             "valign": "vcenter", **_LEFT},
    "warning": {**_NOTE, **_ALARM},
    "unconfirmed": {**_NOTE, "bold": True, "font_color": RED},
    "bad": _ALARM,
}  # fmt: skip


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

    def cell(self, origin: Origin, form: Form, **flags: bool) -> Any:
        """The format of a cell, with those of ``_FLAGS`` that are set."""
        look = {"num_format": self.number(form), **_OF_ORIGIN[origin]}
        if form == "text":
            look |= _LEFT
        for name, more in _FLAGS.items():
            look |= more if flags.get(name) else {}
        return self._get({**_BASE, **look})

    def shape(self, name: str, **more: Any) -> Any:
        """The format of what is no figure: titles, headers, notes, verdicts."""
        return self._get({**_BASE, **_SHAPES[name], **more})

    def verdict(self, good: bool) -> Any:
        """What a result looks like by condition; it can set colours and weight alone."""
        look = _SHAPES["good" if good else "bad"]
        return self._get({key: look[key] for key in ("bold", "font_color", "bg_color")})

    def _get(self, look: dict[str, Any]) -> Any:
        key = tuple(sorted(look.items()))
        if key not in self._made:
            self._made[key] = self.workbook.add_format(look)
        return self._made[key]


def _most(values: Iterable[float | None]) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


def tonnes(values: Iterable[float | None]) -> Form:
    """The form of a row of tonnes, with decimals where whole tonnes would show a false zero."""
    most = _most(values)
    return "tonnes" if most >= 100 or most == 0 else "tonnes_1" if most >= 1 else "tonnes_3"


def figure(values: Iterable[float | None]) -> Form:
    """The form of figures of no special kind: whole, with up to three decimals, or with all."""
    known = [value for value in values if value is not None]
    if all(map(is_whole, known)):
        return "count"
    return "value" if _most(known) >= 1 else "figure"


def objective(values: Iterable[float | None]) -> Form:
    """The form of objectives and their bounds: four decimals, six of what is below one."""
    return "control" if _most(values) >= 1 else "small"


def places(values: Iterable[float]) -> int:
    """Decimals of a kind of figure: more where the largest of them is small."""
    most = _most(values)
    return 1 if most >= 100 or most == 0 else 2 if most >= 10 else 3 if most >= 1 else 5
