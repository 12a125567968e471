"""Numbers and years of a scenario, with their sources, and hints about texts in their place.

A number is a float with an optional source (:class:`Number`); a yearly quantity is a function of
the calendar year (:class:`YearlyQuantity`). Their readers accept no texts or booleans as numbers,
so that ``"1,5"``, ``1_000`` and ``yes`` are faults with a hint.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from models import base
from models.base import FieldReader, PartFault, validation_error
from models.spelling import closest_name


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


MAX_FIGURE, MIN_FIGURE = 1e15, 1e-30
"""Bounds on the absolute value of figures other than 0, so that products of them stay finite."""
Confidence = Literal["high", "medium", "low"]
REMARK_KEYS = ("source", "confidence", "note", "written")
"""Keys of a number other than its value; files may also have ``UNIT_KEYS``, before conversion."""
UNIT_KEYS = ("unit", "year")


class Number(float):
    """A float with an optional source, confidence and note.

    ``source`` is a text or an id under ``sources``; ``note`` is free text. ``written`` is the
    figure as the file states it, if it was converted from another unit, such as "67 kt". Arithmetic
    returns plain floats.
    """

    __slots__ = ("confidence", "note", "source", "written")

    source: str | None
    confidence: Confidence | None
    note: str | None
    written: str | None

    def __new__(cls, value: float, **remarks: Any) -> Number:
        """Create a number from a value and its remarks, which are attributes of the same names."""
        number = super().__new__(cls, value)
        for key in REMARK_KEYS:
            setattr(number, key, remarks.get(key))
        return number

    def __deepcopy__(self, memo: object) -> Number:
        """Return the number itself: it is immutable, and defaults are copied for every item."""
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:
        return (float(self),), remarks_of(self)

    def to_file_value(self) -> float | int | dict[str, Any]:
        """Return the number in the form used in scenario files, with its remarks if it has any."""
        number = float(self)
        value = int(number) if number.is_integer() and abs(number) < 2**53 else number
        remarks = remarks_of(self)
        return {"value": value, **remarks} if remarks else value


UNREADABLE_NUMBER = Number(math.nan)
"""Placeholder for a number that is faulty: every comparison with it is False."""


class CalendarYear(int):
    """A year with an optional source. Arithmetic gives plain integers."""

    source: str | None = None
    confidence: Confidence | None = None
    note: str | None = None
    written: str | None = None
    readable = True  #: False for the placeholder of a year that is faulty.

    def __new__(cls, year: int, attributes: Mapping[str, Any] | None = None) -> CalendarYear:
        """Create a year from its number and its attributes."""
        instance = super().__new__(cls, year)
        instance.__dict__.update(attributes or {})
        return instance

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (int(self), self.__dict__)

    def to_file_value(self) -> int | dict[str, Any]:
        """Return the year in the form used in scenario files, with its remarks if it has any."""
        remarks = remarks_of(self)
        return {"value": int(self), **remarks} if remarks else int(self)


def are_readable(*years: int | None) -> bool:
    """Return whether all years are given and none is the placeholder of a faulty one."""
    return all(year is not None and getattr(year, "readable", True) for year in years)


@dataclass(frozen=True)
class NumberBounds(FieldReader):
    """Reader of a number within the bounds ``ge``, ``gt``, ``le`` and ``lt``.

    With ``whole`` the number must be an integer.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    whole: bool = False

    def read(self, value: Any) -> Number:
        """Return the number for a plain number or a mapping ``{value:, source:, ...}``.

        Raises PydanticCustomError if it is not a number or violates a bound.
        """
        if isinstance(value, Number):
            # It was read before, or is the placeholder of a faulty number.
            return (
                value
                if math.isnan(value)
                else Number(self._check_number(value), **remarks_of(value))
            )
        if not isinstance(value, Mapping):
            return Number(self._check_number(value))
        if not any(map(_closest_sourced_key, value)):
            raise _mapping_error()
        self._check_converted(value)
        number, remarks = read_sourced(value, self._read_bare, "12.5")
        return Number(number, **remarks)

    def _check_converted(self, value: Mapping[Any, Any]) -> None:
        """Raise an error for a figure that is no whole number after its conversion from a unit."""
        number, written = value.get("value"), value.get("written")
        if self.whole and written and isinstance(number, float) and not number.is_integer():
            values = {"written": written, "number": number}
            message = "{written} are {number:g} in the unit of the field".format(**values)
            raise validation_error(message, "only whole numbers are possible here")

    def _read_bare(self, value: Any) -> float:
        if isinstance(value, Mapping):
            raise _mapping_error()
        return value if isinstance(value, Number) else self._check_number(value)

    def _check_number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            if isinstance(value, str):
                raise validation_error(f"'{value}' is not a number", number_hint(value))
            description = "nothing" if value is None else str(value).lower()
            description = base.describe_container(value, description)
            raise validation_error(f"a number is expected here, not {description}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise validation_error("a number must be finite")
        if abs(number) > MAX_FIGURE and not self.whole:
            values = {"number": number, "limit": MAX_FIGURE}
            message = "{number:g} is larger than any figure, which is {limit:g} at most".format(
                **values
            )
            raise validation_error(
                message, "write it in the unit that the name of the field ends in"
            )
        if 0 < abs(number) < MIN_FIGURE:
            message = f"{number:g} is too small to count"
            raise validation_error(message, f"write {0}")
        if self.whole and not number.is_integer():
            message = f"{number:g} is not a whole number"
            raise validation_error(message, f"write {round(number)}")
        if self.ge is not None and number < self.ge:
            hint = f"write a number of {self.ge:g} or more"
            if self.ge == 0:
                raise validation_error(f"{number:g} is negative", hint)
            raise validation_error(f"{number:g} is below {self.ge:g}", hint)
        if self.gt is not None and number <= self.gt:
            hint = f"write a number above {self.gt:g}"
            raise validation_error(f"{number:g} is not above {self.gt:g}", hint)
        if self.le is not None and number > self.le:
            message = f"{number:g} is above {self.le:g}"
            hint = percent_hint(number) if self.le == 1 and 2 <= number <= 100 else ""
            raise validation_error(message, hint)
        if self.lt is not None and number >= self.lt:
            raise validation_error(f"{number:g} is not below {self.lt:g}")
        return number

    def number_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a number within the bounds, without a source."""
        limits = {"minimum": self.ge, "exclusiveMinimum": self.gt, "maximum": self.le}
        limits |= {"exclusiveMaximum": self.lt}
        kind = "integer" if self.whole else "number"
        return {"type": kind, **{key: limit for key, limit in limits.items() if limit is not None}}

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a number with or without its source."""
        with_unit = _sourced_schema(_ANY_NUMBER_SCHEMA, with_unit=True)
        return {"anyOf": [self.number_schema(), _sourced_schema(self.number_schema()), with_unit]}


def _mapping_error() -> PydanticCustomError:
    message = "one number is expected here, not a mapping"
    return validation_error(message, "write {value}".format(value="{value: 12.5}"))


_ANY_NUMBER_SCHEMA = {"type": "number"}  #: Of a number in another unit, whose bounds differ.


def _sourced_schema(value: dict[str, Any], with_unit: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of ``{value:, source:, confidence:, note:}``.

    If ``with_unit`` is True, it is that of ``{value:, unit:, ...}``.
    """
    properties = {
        "value": value,
        "source": {"type": "string", "description": "a text, or an id under `sources`"},
        "confidence": {"enum": ["high", "medium", "low"]},
        "note": {"type": "string"},
        "written": {"type": "string", "description": "the figure as written, in results"},
    }
    if with_unit:
        unit_text = "unit of the value, such as kt or USD/lb; by default that of the field"
        year_text = "year of the prices of an amount of money"
        properties["unit"] = {"type": "string", "description": unit_text}
        properties["year"] = {"type": "integer", "description": year_text}
    constraints: dict[str, Any] = {"required": ["value"], "additionalProperties": False}
    if with_unit:
        constraints["anyOf"] = [{"required": ["unit"]}, {"required": ["year"]}]
    return {"type": "object", "properties": properties, **constraints}


def remarks_of(number: Any) -> dict[str, Any]:
    """Return the source, confidence and note of a number, as far as they are given."""
    return {key: getattr(number, key) for key in REMARK_KEYS if getattr(number, key) is not None}


def _closest_sourced_key(key: Any) -> str:
    """Return the key of a number with a source that equals or resembles ``key``; empty if none.

    These keys are ``value``, ``source``, ``confidence`` and ``note``.
    """
    if str(key).isdecimal():
        return ""  # a year; there may be many, and looking up similar names is slow
    return (
        str(key)
        if key in ("value", *REMARK_KEYS)
        else closest_name(str(key), ("value", *REMARK_KEYS, *UNIT_KEYS))
    )


def read_sourced(
    value: Mapping[Any, Any], read_value: Callable[[Any], Any], example: str
) -> tuple[Any, dict[str, Any]]:
    """Return the value and the remarks in a mapping ``{value:, source:, ...}``.

    ``read_value`` converts the value; ``example`` is a value for hints. Raises PydanticCustomError
    with all faults.
    """
    number: Any = None
    faults: list[PartFault] = []
    example_hint = "write {value}".format(
        value=f"{{value: {example}, source: ..., confidence: high}}"
    )
    for key in value:
        if key in ("value", *REMARK_KEYS) or (key in UNIT_KEYS and "value" not in value):
            continue
        similar_key = _closest_sourced_key(key)
        hint = f"did you mean '{similar_key}'?" if similar_key else example_hint
        if str(key).isdecimal():
            hint = "write {value}".format(value="{value: {2026: 12.5}, source: ...}")
        faults.append(((key, "[key]"), f"'{key}' is not known here", hint))
    if "value" in value:
        try:
            number = read_value(value["value"])
        except PydanticCustomError as error:
            faults += base.faults_under_step(error, "value")
    elif any(str(key).isdecimal() for key in value):
        # The hints about these years already say that 'value' is missing.
        raise base.combined_error(faults)
    else:
        faults.append(((), "'value' is missing", example_hint))
    remarks = {key: value[key] for key in REMARK_KEYS if value.get(key) is not None}
    for key, text in remarks.items():
        if not isinstance(text, str):
            hint = "write {value}".format(value=f'"{text}"') if key == "note" else ""
            faults.append(((key,), f"{key} is a text", hint))
        elif key == "confidence" and text not in ("high", "medium", "low"):
            message = f"confidence '{text}' is not known"
            faults.append(((key,), message, "high, medium or low"))
    if faults:
        raise base.combined_error(faults)
    return number, remarks


@dataclass(frozen=True)
class YearlyQuantity:
    """A quantity over time: linear between the given years, constant outside them.

    ``years`` are in ascending order, with one of ``values`` each. A constant quantity has no
    ``years`` and one value.
    """

    years: tuple[int, ...]
    values: tuple[Number, ...]

    def at(self, year: int) -> float:
        """Return the quantity in a calendar year."""
        index = bisect_right(self.years, year)
        if index == 0 or index == len(self.years):
            return float(self.values[-1 if index else 0])
        y0, y1 = self.years[index - 1], self.years[index]
        v0, v1 = self.values[index - 1], self.values[index]
        return float(v0 + (v1 - v0) * (year - y0) / (y1 - y0))

    @property
    def first_year(self) -> int | None:
        """The first year given, or None for a constant quantity."""
        return self.years[0] if self.years else None

    def to_file_value(self) -> Any:
        """Return the quantity as a scenario file writes it."""
        if not self.years:
            return self.values[0].to_file_value()
        values_with_years = zip(self.years, self.values, strict=True)
        return {str(year): value.to_file_value() for year, value in values_with_years}


@dataclass(frozen=True)
class YearlyBounds(FieldReader):
    """Reader of a yearly quantity whose numbers keep within ``bounds``."""

    bounds: NumberBounds

    def read(self, value: Any) -> YearlyQuantity:
        """Return the quantity for a number or a mapping of years; either may have a source.

        Raises PydanticCustomError with all faults.
        """
        if isinstance(value, YearlyQuantity):
            return value
        if not isinstance(value, Mapping) or not any(map(_closest_sourced_key, value)):
            return self._read_bare(value)
        quantity, remarks = read_sourced(value, self._read_bare, "12.5")
        numbers = (
            Number(number, **{**remarks, **remarks_of(number)}) for number in quantity.values
        )
        return YearlyQuantity(quantity.years, tuple(numbers))

    def _read_bare(self, value: Any) -> YearlyQuantity:
        if not isinstance(value, Mapping):
            return YearlyQuantity((), (self.bounds.read(value),))
        if not value:
            raise validation_error("a yearly quantity names no year", "write {2026: 12.5} or 12.5")
        numbers: dict[int, Number] = {}
        faults: list[PartFault] = []
        for key, number in value.items():
            try:
                year = base.read_year(key)
                if year in numbers:
                    raise validation_error(f"the year {year} is named twice")
                numbers[year] = self.bounds.read(number)
            except PydanticCustomError as error:
                faults += base.faults_under_step(error, key)
        if faults:
            raise base.combined_error(faults)
        years = tuple(sorted(numbers))
        return YearlyQuantity(years, tuple(numbers[year] for year in years))

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema: a number, a mapping of years, or either with a source."""
        number = self.bounds.number_schema()
        years = _years_schema(self.bounds.json_schema())
        sourced = _sourced_schema({"anyOf": [number, years]})
        of_year = {"anyOf": [_ANY_NUMBER_SCHEMA, _sourced_schema(_ANY_NUMBER_SCHEMA)]}
        in_other_unit = {"anyOf": [_ANY_NUMBER_SCHEMA, _years_schema(of_year)]}
        return {"anyOf": [number, years, sourced, _sourced_schema(in_other_unit, with_unit=True)]}


def _years_schema(number: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a mapping of years to numbers with the schema ``number``."""
    patterns = {"^[0-9]{1,4}$": number}
    years = {"type": "object", "patternProperties": patterns, "minProperties": 1}
    return {**years, "additionalProperties": False}


@dataclass(frozen=True)
class NameOrYearlyBounds(YearlyBounds):
    """Reader of a name, or of a yearly quantity whose numbers keep within ``bounds``."""

    def read(self, value: Any) -> Any:
        """Return a name as it is, and the quantity for anything else."""
        return value if isinstance(value, str) else super().read(value)

    def write(self, value: Any) -> Any:
        """Return the name or the quantity as a scenario file writes it."""
        return value if isinstance(value, str) else value.to_file_value()

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema: a text, or what a yearly quantity may be."""
        return {"anyOf": [{"type": "string"}, super().json_schema()]}


@dataclass(frozen=True)
class YearReader(FieldReader):
    """Reader of a bare year or ``{value: 2026, source: ...}``."""

    def read(self, value: Any) -> CalendarYear:
        """Return the calendar year for a value of a scenario file.

        Raises PydanticCustomError if the value is not a year.
        """
        if isinstance(value, CalendarYear):
            return value
        if not isinstance(value, Mapping):
            return self._read_bare(value)
        year, remarks = read_sourced(value, self._read_bare, "2026")
        return CalendarYear(year, {**remarks, "readable": year.readable})

    def _read_bare(self, value: Any) -> CalendarYear:
        if isinstance(value, Number) and math.isnan(value):
            return CalendarYear(0, {"readable": False})
        return CalendarYear(base.read_year(value))

    def write(self, value: int) -> int | dict[str, Any]:
        """Return the year in the form used in scenario files."""
        return value.to_file_value() if isinstance(value, CalendarYear) else value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a year with or without its source."""
        year_schema = {"type": "integer", "minimum": 0, "maximum": 9999}
        return {"anyOf": [year_schema, _sourced_schema(year_schema)]}


_NONNEGATIVE_BOUNDS = NumberBounds(ge=0)
Year = Annotated[int, YearReader()]  #: A calendar year, with or without its source.
_SHARE_BOUNDS = NumberBounds(ge=0, le=1)
Share = Annotated[Number, _SHARE_BOUNDS]  #: A fraction of one.
Fraction = Annotated[Number, NumberBounds(ge=0, lt=1)]  #: A fraction of one, below 1.
NonNegative = Annotated[Number, _NONNEGATIVE_BOUNDS]
Ratio = Annotated[Number, NumberBounds(gt=0)]  #: Tonnes of input per tonne of output.
WholeNumber = Annotated[Number, NumberBounds(ge=0, whole=True)]  #: A whole number, 0 or more.
PositiveInteger = Annotated[Number, NumberBounds(ge=1, whole=True)]
YearlyNonNegative = Annotated[YearlyQuantity, YearlyBounds(_NONNEGATIVE_BOUNDS)]
YearlyShare = Annotated[YearlyQuantity, YearlyBounds(_SHARE_BOUNDS)]
NameOrYearly = Annotated[str | YearlyQuantity, NameOrYearlyBounds(_NONNEGATIVE_BOUNDS)]
