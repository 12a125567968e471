"""Styles of workbook cells: number formats, and marks for the origin of figures.

The origin is visible with and without color: figures of the optimizer are on blue, figures of the
scenario are on yellow in a dotted frame, and formulas are italic on white.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from optimizer.report.number_format import is_whole

Origin = Literal["optimizer", "scenario", "formula", "words", "key"]
CellForm = str
"""A key of ``_NUMBER_FORMATS``, or ``money``, ``outcome``, ``signed`` or ``signed_outcome``."""

INK_COLOR, PALE_COLOR, RULE_COLOR = "#1F2A37", "#E9EDF2", "#8A97A6"
RED, GREEN = "#B3261E", "#1B5E20"
_BASE_STYLE = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
_LEFT_ALIGNED = {"align": "left", "indent": 1}
_ORIGIN_STYLES: dict[Origin, dict[str, Any]] = {
    "optimizer": {"bg_color": "#DCE9F7"},
    "scenario": {"bg_color": "#FFF6D6", "border": 4, "border_color": RULE_COLOR},
    "formula": {"italic": True},
    "words": _LEFT_ALIGNED,
    "key": {**_LEFT_ALIGNED, "font_color": "#6B7785", "font_size": 9},
}
_FLAG_STYLES: dict[str, dict[str, Any]] = {
    "inset": {"indent": 3},
    "ruled": {"top": 1, "top_color": "#B4BDC7"},
    "last": {"bold": True, "top": 1, "top_color": INK_COLOR},
    "wrap": {"text_wrap": True},
    "quoted": {"quote_prefix": True},
}
"""Styles of a text that belongs to the row above, a cell with a line above it, a cell in a row
of totals, a cell of several lines, and a text that looks like a formula."""


def _dash_for_zero(number_format: str, plus: str = "") -> str:
    """Return a number format that shows a dash for zero and for rounding errors of the solver.

    ``plus`` is put before positive numbers.
    """
    return f'[>=0.000001]{plus}{number_format};[<=-0.000001]-{number_format};"–"'


# Spreadsheet programs write separators by their own settings.
_NUMBER_FORMATS: dict[CellForm, str] = {
    "tonnes": _dash_for_zero("#,##0"),
    "tonnes_1": _dash_for_zero("#,##0.0"),
    "tonnes_3": _dash_for_zero("#,##0.000"),
    "share": _dash_for_zero("0.0%"),
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
_ALARM_STYLE = {"bold": True, "bg_color": RED, "font_color": "#FFFFFF"}
_NOTE_STYLE = {"text_wrap": True, "valign": "top"}
_TEXT_STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "font_color": INK_COLOR},
    "heading": {"bold": True, "font_size": 12, "font_color": INK_COLOR, "valign": "bottom"},
    "header": {"bold": True, "text_wrap": True, "valign": "bottom", "bg_color": PALE_COLOR,
               "bottom": 1, "bottom_color": INK_COLOR, **_LEFT_ALIGNED},
    "note": {**_NOTE_STYLE, "font_color": INK_COLOR},
    "lead": {**_NOTE_STYLE, "font_size": 12, "font_color": INK_COLOR},
    "link": {"font_color": "#0B57A4", "underline": 1},
    "good": {"bold": True, "font_size": 11, "font_color": GREEN, "bg_color": "#DDF0DF", "border": 1,
             "valign": "vcenter", **_LEFT_ALIGNED},
    "warning": {**_NOTE_STYLE, **_ALARM_STYLE},
    "bad": _ALARM_STYLE,
}  # fmt: skip


@dataclass
class Styles:
    """The cell formats of one workbook; each is added only once."""

    workbook: Any
    money_decimals: int = 1
    outcome_decimals: int = 1
    _formats: dict[Any, Any] = field(default_factory=dict)

    def number_format(self, form: CellForm) -> str:
        """Return the Excel number format of a cell form."""
        if form in ("money", "signed", "outcome", "signed_outcome"):
            decimals = self.outcome_decimals if "outcome" in form else self.money_decimals
            return _dash_for_zero("#,##0." + "0" * decimals, "+" if "signed" in form else "")
        return _NUMBER_FORMATS[form]

    def cell_format(self, origin: Origin, form: CellForm, **flags: bool) -> Any:
        """Return the format of a cell, extended by the flags of ``_FLAG_STYLES`` that are true."""
        style = {"num_format": self.number_format(form), **_ORIGIN_STYLES[origin]}
        if form == "text":
            style |= _LEFT_ALIGNED
        for name, flag_style in _FLAG_STYLES.items():
            style |= flag_style if flags.get(name) else {}
        return self._cached_format({**_BASE_STYLE, **style})

    def text_format(self, name: str, **overrides: Any) -> Any:
        """Return the format ``name`` of ``_TEXT_STYLES``, such as ``title``, with ``overrides``."""
        return self._cached_format({**_BASE_STYLE, **_TEXT_STYLES[name], **overrides})

    def verdict_format(self, is_good: bool) -> Any:
        """Return the conditional format of a passed or failed check; it sets type weight and colors
        only."""
        style = _TEXT_STYLES["good" if is_good else "bad"]
        return self._cached_format({key: style[key] for key in ("bold", "font_color", "bg_color")})

    def _cached_format(self, properties: dict[str, Any]) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format(properties)
        return self._formats[key]


def _max_abs(values: Iterable[float | None]) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


def tonnes_form(values: Iterable[float | None]) -> CellForm:
    """Return the cell form of a row of tonnes; small amounts get decimals, so that they do not show
    as zero."""
    max_magnitude = _max_abs(values)
    return (
        "tonnes"
        if max_magnitude >= 100 or max_magnitude == 0
        else "tonnes_1"
        if max_magnitude >= 1
        else "tonnes_3"
    )


def figure_form(values: Iterable[float | None]) -> CellForm:
    """Return the cell form of figures other than tonnes and objectives.

    It shows whole numbers without decimals, others with up to three decimals, and numbers below 1
    with all.
    """
    known_values = [value for value in values if value is not None]
    if all(map(is_whole, known_values)):
        return "count"
    return "value" if _max_abs(known_values) >= 1 else "figure"


def objective_form(values: Iterable[float | None]) -> CellForm:
    """Return the cell form of objectives and bounds: four decimals, or six if all are below 1."""
    return "control" if _max_abs(values) >= 1 else "small"


def decimals_for(values: Iterable[float]) -> int:
    """Return the number of decimals for amounts: from 1, if the largest one is at least 100, to 5,
    if it is below 1."""
    max_magnitude = _max_abs(values)
    return (
        1
        if max_magnitude >= 100 or max_magnitude == 0
        else 2
        if max_magnitude >= 10
        else 3
        if max_magnitude >= 1
        else 5
    )
