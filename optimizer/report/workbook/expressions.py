"""Formulas of a spreadsheet that know their value.

A spreadsheet file holds a formula and, beside it, the result that shows before anything is
calculated: in a preview, in a mail, in pandas. Here both are made by one operation, so that they
cannot differ; the names of functions are those that a file holds, which are English everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Scalar = float | str

_SUM, _PRODUCT, _ATOM = 1, 2, 3


@dataclass(frozen=True)
class Expression:
    """What stands behind ``=``, and what comes of it."""

    text: str
    value: Scalar
    binds: int = _ATOM
    """How tightly its outermost operator binds."""

    @property
    def number(self) -> float:
        """Its value as a number; an empty cell counts as 0, as it does in a spreadsheet."""
        return 0.0 if isinstance(self.value, str) else float(self.value)

    def __add__(self, other: Operand) -> Expression:
        return _joined(self, "+", of(other), _SUM, lambda a, b: a + b)

    def __sub__(self, other: Operand) -> Expression:
        return _joined(self, "-", of(other), _SUM, lambda a, b: a - b)

    def __mul__(self, other: Operand) -> Expression:
        return _joined(self, "*", of(other), _PRODUCT, lambda a, b: a * b)

    def __truediv__(self, other: Operand) -> Expression:
        return _joined(self, "/", of(other), _PRODUCT, lambda a, b: a / b)

    def __rsub__(self, other: float) -> Expression:
        return of(other) - self

    def __rmul__(self, other: float) -> Expression:
        return of(other) * self

    def __pow__(self, other: Operand) -> Expression:
        power = of(other)
        return Expression(
            f"{_tied(self, _ATOM)}^{_tied(power, _ATOM)}", self.number**power.number, _PRODUCT
        )


Operand = Expression | float


@dataclass(frozen=True)
class Area:
    """A block of cells, row by row, on one sheet."""

    text: str
    values: tuple[Scalar, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values, with 0 for texts and empty cells."""
        return tuple(0.0 if isinstance(value, str) else float(value) for value in self.values)


def of(operand: Operand) -> Expression:
    """A constant as an expression."""
    if isinstance(operand, Expression):
        return operand
    value = float(operand)
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return Expression(text, value, _ATOM if value >= 0 else _SUM)


def words(text: str) -> Expression:
    """A text as an expression."""
    return Expression('"' + text.replace('"', '""') + '"', text)


def _tied(part: Expression, binds: int) -> str:
    return part.text if part.binds >= binds else f"({part.text})"


def _joined(
    a: Expression, sign: str, b: Expression, binds: int, value: Callable[[float, float], float]
) -> Expression:
    # On the right of - and / an equally binding operator would be taken apart.
    right = _tied(b, binds + 1 if sign in "-/" else binds)
    return Expression(f"{_tied(a, binds)}{sign}{right}", value(a.number, b.number), binds)


def total(*areas: Area | Expression) -> Expression:
    """SUM."""
    parts = [area.numbers if isinstance(area, Area) else (area.number,) for area in areas]
    listed = ",".join(area.text for area in areas)
    return Expression(f"SUM({listed})", math.fsum(x for part in parts for x in part))


def dot(a: Area, b: Area) -> Expression:
    """SUMPRODUCT: such as payments by year times discount factors."""
    value = math.fsum(x * y for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT({a.text},{b.text})", value)


def total_where(
    amounts: Area, *conditions: tuple[Area, Expression], times: Area | None = None
) -> Expression:
    """The sum of the amounts whose rows hold these texts, each times a factor if there is one.

    EXACT tells upper from lower case and knows no wildcards: ids may hold any character.
    """
    tests = "*".join(f"EXACT({area.text},{key.text})" for area, key in conditions)
    met = [
        all(area.values[row] == key.value for area, key in conditions)
        for row in range(len(amounts.values))
    ]
    factors = times.numbers if times is not None else (1.0,) * len(amounts.values)
    parts = zip(amounts.numbers, factors, met, strict=True)
    value = math.fsum(x * factor for x, factor, holds in parts if holds)
    weighted = f"{times.text}*{amounts.text}" if times is not None else amounts.text
    return Expression(f"SUMPRODUCT({tests}*{weighted})", value)


def largest(*parts: Area | Expression) -> Expression:
    """MAX."""
    values = [x for p in parts for x in (p.numbers if isinstance(p, Area) else (p.number,))]
    return Expression(f"MAX({','.join(part.text for part in parts)})", max(values, default=0.0))


def smallest(*parts: Expression) -> Expression:
    """MIN."""
    values = [part.number for part in parts]
    return Expression(f"MIN({','.join(part.text for part in parts)})", min(values, default=0.0))


def absolute(a: Expression) -> Expression:
    """ABS."""
    return Expression(f"ABS({a.text})", abs(a.number))


def distance(a: Area, b: Area) -> Expression:
    """How far two blocks are apart in all: the sum of absolute differences."""
    value = math.fsum(abs(x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(ABS({a.text}-{b.text}))", value)


def distance_to(a: Area, wanted: float) -> Expression:
    """How far filled cells are from one figure in all."""
    value = math.fsum(abs(float(x) - wanted) for x in a.values if not isinstance(x, str))
    return Expression(f'SUMPRODUCT(({a.text}<>"")*ABS({a.text}-{of(wanted).text}))', value)


def overrun(a: Area, b: Area) -> Expression:
    """By how much figures exceed their limits in all."""
    value = math.fsum(max(0.0, x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(({a.text}>{b.text})*({a.text}-{b.text}))", value)


def squares(a: Area) -> Expression:
    """SUMSQ."""
    return Expression(f"SUMSQ({a.text})", math.fsum(x * x for x in a.numbers))


def control(areas: Sequence[Area]) -> Expression:
    """The sum of LN(1+|x|) with the sign of x: a small figure counts beside a large one."""
    value = math.fsum(math.copysign(math.log1p(abs(x)), x) for area in areas for x in area.numbers)
    parts = (f"SUMPRODUCT(SIGN({a.text})*LN(1+ABS({a.text})))" for a in areas)
    return Expression("+".join(parts), value, _SUM)


def ratio(a: Expression, b: Expression) -> Expression:
    """A quotient; empty where there is nothing to divide by."""
    value: Scalar = "" if b.number == 0 else a.number / b.number
    quotient = f"{_tied(a, _PRODUCT)}/{_tied(b, _ATOM)}"
    return Expression(f'IF({b.text}=0,"",{quotient})', value)


def if_within(
    deviation: Expression, tolerance: Expression, then: str, otherwise: str
) -> Expression:
    """One text or another; an error in the figures is the other."""
    yes, no = words(then), words(otherwise)
    value = then if abs(deviation.number) <= tolerance.number else otherwise
    test = f"IF(ABS({deviation.text})<={tolerance.text},{yes.text},{no.text})"
    return Expression(f"IFERROR({test},{no.text})", value)


def if_all(area: Area, wanted: str, then: str, otherwise: str) -> Expression:
    """A text where all cells hold the wanted one; else one with the number of others for ``{}``."""
    others = sum(value != wanted for value in area.values)
    before, after = otherwise.split("{}")
    count = f"(ROWS({area.text})-COUNTIF({area.text},{words(wanted).text}))"
    counted = f"{words(before).text}&{count}&{words(after).text}"
    value = then if others == 0 else f"{before}{others}{after}"
    return Expression(f"IF({count}=0,{words(then).text},{counted})", value)


def count_of(area: Area, key: Expression) -> Expression:
    """In how many cells a text stands."""
    value = float(sum(cell == key.value for cell in area.values))
    return Expression(f"SUMPRODUCT(--EXACT({area.text},{key.text}))", value)
