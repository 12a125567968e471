"""Cells of published tables as numbers, with the meaning of every cell that is not a plain number.

Publishers write more than numbers into cells: symbols for missing figures, bounds, marks of
estimates, and footnotes.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

_SPACES = " '’"
_GROUPED = rf"\d{{1,3}}(?:(?:,\d{{3}})+|(?:[{_SPACES}]\d{{3}})+)"
_GROUPED_DECIMAL_COMMA = rf"\d{{1,3}}(?:(?:\.\d{{3}})+|(?:[{_SPACES}]\d{{3}})+)"
_EXPONENT = re.compile(r"-?\d+(\.\d*)?e[-+]\d{1,3}")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_MARKS = {"e": "estimated", "p": "preliminary", "r": "revised"}
_RAISED = str.maketrans("ᵉᵖʳ", "epr")
_BOUNDS = {"<": "an upper bound", ">": "a lower bound", "~": "an approximation"}
_BOUND_WORDS = {"≤": "<", "≥": ">", "less than": "<", "more than": ">", "greater than": ">"}
_BOUND_WORDS |= {"at least": ">", "at most": "<", "about": "~", "approximately": "~"}
_SYMBOLS = {
    "": "an empty cell",
    "w": "withheld by the publisher",
    "xx": "not applicable",
    **dict.fromkeys(
        ("na", "n.a.", "n/a", "#n/a", "nan", "null", "none", ".", "..", "...", "…"), "not available"
    ),
}
_DASHES = re.compile("[-‐‑‒–—−]{1,3}")
_FOOTNOTE_ONLY = re.compile(rf"\(\d{{1,2}}\)|\d{{1,2}}/|[{_SUPERSCRIPTS}]+|\([{_SUPERSCRIPTS}]+\)")
_NUMBER = re.compile(
    rf"""(?P<bound>[<>~]?)\s*(?P<before>[epr]{{0,2}})\s*
    (?P<digits>-?(?:{_GROUPED}|\d+)(?:\.\d*)?|-?\.\d+)
    \s*(?P<after>[epr]{{0,2}})\s*
    (?P<footnote>(?:[{_SUPERSCRIPTS}]+|\(?[\d{_SUPERSCRIPTS}]{{1,2}}\)?/?|\*{{1,2}})?)""",
    re.VERBOSE,
)
_AMBIGUOUS = re.compile(r"-?\d+(\.\d+)?e\d+")  #: 12e5: an exponent, or an estimate with a footnote.
_NUMBER_DECIMAL_COMMA = re.compile(rf"(?P<digits>-?(?:{_GROUPED_DECIMAL_COMMA}|\d+)(?:,\d*)?)")
_DECIMAL_COMMA = re.compile(rf"-?(?:{_GROUPED_DECIMAL_COMMA}|\d+),(?:\d{{1,2}}|\d{{4,}})")


@dataclass(frozen=True)
class Reading:
    """A cell as a number, or None, and what the cell says beyond a plain number.

    ``meaning`` is empty for a plain number. ``is_bound`` states that the true value lies on one
    side of the number.
    """

    value: float | None
    meaning: str = ""
    is_bound: bool = False


def read_number(
    content: object, dash: Literal["zero", "missing"] = "zero", decimal: Literal[".", ","] = "."
) -> Reading:
    """Return the number that a cell of a published table states.

    ``dash`` states what a dash stands for, ``decimal`` the decimal separator. Thousands may be
    separated by commas (dots if the comma is the decimal separator), spaces or apostrophes.
    """
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        return _finite(float(content))
    text = " ".join(str("" if content is None else content).split())
    folded = text.translate(_RAISED).lower()
    if folded in _SYMBOLS:
        return Reading(None, _SYMBOLS[folded])
    if _DASHES.fullmatch(text):
        return Reading(0.0, "zero") if dash == "zero" else Reading(None, "not available")
    if re.fullmatch(r"less than (½|1/2|0\.5) unit", folded):
        return Reading(0.5, _BOUNDS["<"], is_bound=True)
    if _EXPONENT.fullmatch(folded):
        return _finite(float(folded))
    if decimal == ",":
        match = _NUMBER_DECIMAL_COMMA.fullmatch(folded)
        return Reading(_decimal_comma_value(match["digits"])) if match else _not_a_number()
    for word, sign in _BOUND_WORDS.items():
        if folded.startswith(word):
            folded = sign + folded.removeprefix(word)
    match = _NUMBER.fullmatch(folded)
    if match is None or _AMBIGUOUS.fullmatch(folded):
        footnote = _FOOTNOTE_ONLY.fullmatch(text)
        return Reading(None, "a footnote only") if footnote else _not_a_number()
    meanings = [_BOUNDS[match["bound"]]] if match["bound"] else []
    meanings += [_MARKS[mark] for mark in match["before"] + match["after"]]
    if match["footnote"]:
        meanings.append("with a footnote")
    value = float(re.sub(f"[,{_SPACES}]", "", match["digits"]))
    return Reading(value, ", ".join(meanings), is_bound=bool(match["bound"]))


def _finite(value: float) -> Reading:
    return Reading(value) if math.isfinite(value) else _not_a_number()


def _not_a_number() -> Reading:
    return Reading(None, "not a number")


def _decimal_comma_value(digits: str) -> float:
    return float(re.sub(rf"[.{_SPACES}]", "", digits).replace(",", "."))


def has_decimal_comma(content: object) -> bool:
    """Return whether the comma in a cell can only be a decimal comma: three digits do not follow
    it."""
    return isinstance(content, str) and _DECIMAL_COMMA.fullmatch(content.strip()) is not None
