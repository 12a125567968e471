"""Hints about texts that stand in place of numbers."""

import re
from collections.abc import Callable


def _without_separators(text: str) -> str:
    """Return the text of a number without separators between thousands."""
    unspaced = re.sub(r"[ '\u2019\u00a0\u202f]", "", text)
    return unspaced.replace(",", "") if unspaced == text else unspaced.replace(",", ".")


_EXPONENT_PATTERN = r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+"
_WITH_UNIT_PATTERN = r"[+-]?\d+(\.\d+)? +[A-Za-z][A-Za-z_/ ]{0,29}"
_PERCENT_PATTERN = r"[+-]?\d+([.,]\d+)?\s*%"


def _percent_to_fraction(text: str) -> str:
    return f"{float(text[:-1].replace(',', '.')) / 100:g}"


def _as_mapping(text: str) -> str:
    number, unit = text.split(maxsplit=1)
    return f"{{value: {number}, unit: {unit}}}"


def _expand_exponent(text: str) -> str:
    value = float(text)
    if value.is_integer() and abs(value) < 1e16:
        return f"{value:.0f}"
    return re.sub(r"^(-?\d+)e", r"\1.0e", repr(value))  # YAML reads 5e-05 as text


_AMBIGUOUS_HINT = (
    "{number} may mean {thousands} or {decimal}: write it without a sign between thousands"
)
_NUMBER_HINTS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    (r"[+-]?([1-9]\d*,|[1-9]\d{0,2}\.)\d{3}", _AMBIGUOUS_HINT, str),
    (
        r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?",
        "write {number} (no thousands dots)",
        lambda t: t.replace(".", "").replace(",", "."),
    ),
    (
        r"[+-]?[1-9]\d{0,2}((,\d{3})+(\.\d+)?|([ '\u2019\u00a0\u202f]\d{3})+([.,]\d+)?)",
        "write {number}, with nothing between thousands",
        _without_separators,
    ),
    (r"[+-]?\d+,\d+", "a decimal comma: write {number}", lambda t: t.replace(",", ".")),
    (r"[+-]?\d[\d_]*_[\d_]*", "write {number}", lambda t: t.replace("_", "")),
    (r"[+-]?0\d+", "write {number} without the leading zero", lambda t: str(int(t))),
    (_EXPONENT_PATTERN, "YAML reads this as text: write {number}", _expand_exponent),
    (_PERCENT_PATTERN, "write a fraction of one: {number}", _percent_to_fraction),
    (r"[+-]?\d+(\.\d+)?", "write {number} without quotation marks", str),
    (_WITH_UNIT_PATTERN, "write {number}", _as_mapping),
)  #: Pattern of a text in place of a number, the hint for it, and the conversion to a number.


def fraction_of_percentage(text: str) -> str:
    """Return the fraction of one that a percentage such as ``40 %`` is; empty for other texts."""
    is_percentage = re.fullmatch(_PERCENT_PATTERN, text.strip())
    return _percent_to_fraction(text.strip()) if is_percentage else ""


def number_hint(text: str) -> str:
    """Return a hint how to write the number that a text probably means."""
    text = text.strip()
    for pattern, hint, to_number in _NUMBER_HINTS:
        if re.fullmatch(pattern, text):
            values = {"thousands": re.sub("[.,]", "", text), "decimal": text.replace(",", ".")}
            if hint is _AMBIGUOUS_HINT:
                values["decimal"] = f"{float(values['decimal']):.15g}"
            return hint.format(number=to_number(text), **values)
    return "write a number such as 12.5"


def percent_hint(number: float) -> str:
    """Return a hint how to write a fraction of one if a number was given in percent."""
    return f"write {number / 100:g} if {number:g} % is meant"
