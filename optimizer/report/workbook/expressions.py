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

_SUM_LEVEL, _PRODUCT_LEVEL, _ATOM_LEVEL = 1, 2, 3


@dataclass(frozen=True)
class Expression:
    """What stands behind ``=``, and what comes of it."""

    text: str
    value: Scalar
    precedence: int = _ATOM_LEVEL
    """How tightly its outermost operator binds."""

    @property
    def number(self) -> float:
        """Its value as a number; an empty cell counts as 0, as it does in a spreadsheet."""
        return 0.0 if isinstance(self.value, str) else float(self.value)

    def __add__(self, other: Operand) -> Expression:
        return _binary_operation(self, "+", as_expression(other), _SUM_LEVEL, lambda a, b: a + b)

    def __sub__(self, other: Operand) -> Expression:
        return _binary_operation(self, "-", as_expression(other), _SUM_LEVEL, lambda a, b: a - b)

    def __mul__(self, other: Operand) -> Expression:
        return _binary_operation(
            self, "*", as_expression(other), _PRODUCT_LEVEL, lambda a, b: a * b
        )

    def __truediv__(self, other: Operand) -> Expression:
        return _binary_operation(
            self, "/", as_expression(other), _PRODUCT_LEVEL, lambda a, b: a / b
        )

    def __rsub__(self, other: float) -> Expression:
        return as_expression(other) - self

    def __rmul__(self, other: float) -> Expression:
        return as_expression(other) * self

    def __pow__(self, other: Operand) -> Expression:
        power = as_expression(other)
        return Expression(
            f"{_parenthesized(self, _ATOM_LEVEL)}^{_parenthesized(power, _ATOM_LEVEL)}",
            self.number**power.number,
            _PRODUCT_LEVEL,
        )


Operand = Expression | float


@dataclass(frozen=True)
class CellArea:
    """A block of cells, row by row, on one sheet."""

    text: str
    values: tuple[Scalar, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values, with 0 for texts and empty cells."""
        return tuple(0.0 if isinstance(value, str) else float(value) for value in self.values)


def as_expression(operand: Operand) -> Expression:
    """A constant as an expression."""
    if isinstance(operand, Expression):
        return operand
    value = float(operand)
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return Expression(text, value, _ATOM_LEVEL if value >= 0 else _SUM_LEVEL)


def text_expression(text: str) -> Expression:
    """A text as an expression."""
    return Expression('"' + text.replace('"', '""') + '"', text)


def _parenthesized(part: Expression, precedence: int) -> str:
    return part.text if part.precedence >= precedence else f"({part.text})"


def _binary_operation(
    a: Expression,
    operator: str,
    b: Expression,
    precedence: int,
    compute: Callable[[float, float], float],
) -> Expression:
    # On the right of - and / an equally binding operator would be taken apart.
    right = _parenthesized(b, precedence + 1 if operator in "-/" else precedence)
    return Expression(
        f"{_parenthesized(a, precedence)}{operator}{right}", compute(a.number, b.number), precedence
    )


def sum_of(*areas: CellArea | Expression) -> Expression:
    """SUM."""
    parts = [area.numbers if isinstance(area, CellArea) else (area.number,) for area in areas]
    listed = ",".join(area.text for area in areas)
    return Expression(f"SUM({listed})", math.fsum(x for part in parts for x in part))


def sum_product(a: CellArea, b: CellArea) -> Expression:
    """SUMPRODUCT: such as payments by year times discount factors."""
    value = math.fsum(x * y for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT({a.text},{b.text})", value)


def sum_where(
    amounts: CellArea, *conditions: tuple[CellArea, Expression], factor_area: CellArea | None = None
) -> Expression:
    """The sum of the amounts whose rows hold these texts, each times a factor if there is one.

    EXACT tells upper from lower case and knows no wildcards: ids may hold any character.
    """
    tests = "*".join(f"EXACT({area.text},{key.text})" for area, key in conditions)
    met = [
        all(area.values[row] == key.value for area, key in conditions)
        for row in range(len(amounts.values))
    ]
    factors = factor_area.numbers if factor_area is not None else (1.0,) * len(amounts.values)
    parts = zip(amounts.numbers, factors, met, strict=True)
    value = math.fsum(x * factor for x, factor, holds in parts if holds)
    weighted = f"{factor_area.text}*{amounts.text}" if factor_area is not None else amounts.text
    return Expression(f"SUMPRODUCT({tests}*{weighted})", value)


def max_of(*parts: CellArea | Expression) -> Expression:
    """MAX."""
    values = [x for p in parts for x in (p.numbers if isinstance(p, CellArea) else (p.number,))]
    return Expression(f"MAX({','.join(part.text for part in parts)})", max(values, default=0.0))


def min_of(*parts: Expression) -> Expression:
    """MIN."""
    values = [part.number for part in parts]
    return Expression(f"MIN({','.join(part.text for part in parts)})", min(values, default=0.0))


def absolute_value(a: Expression) -> Expression:
    """ABS."""
    return Expression(f"ABS({a.text})", abs(a.number))


def sum_abs_differences(a: CellArea, b: CellArea) -> Expression:
    """How far two blocks are apart in all: the sum of absolute differences."""
    value = math.fsum(abs(x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(ABS({a.text}-{b.text}))", value)


def sum_abs_deviations(a: CellArea, wanted: float) -> Expression:
    """How far filled cells are from one figure in all."""
    value = math.fsum(abs(float(x) - wanted) for x in a.values if not isinstance(x, str))
    return Expression(
        f'SUMPRODUCT(({a.text}<>"")*ABS({a.text}-{as_expression(wanted).text}))', value
    )


def sum_excesses(a: CellArea, b: CellArea) -> Expression:
    """By how much figures exceed their limits in all."""
    value = math.fsum(max(0.0, x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(({a.text}>{b.text})*({a.text}-{b.text}))", value)


def sum_squares(a: CellArea) -> Expression:
    """SUMSQ."""
    return Expression(f"SUMSQ({a.text})", math.fsum(x * x for x in a.numbers))


def control_figure(areas: Sequence[CellArea]) -> Expression:
    """The sum of LN(1+|x|) with the sign of x: a small figure counts beside a large one."""
    value = math.fsum(math.copysign(math.log1p(abs(x)), x) for area in areas for x in area.numbers)
    parts = (f"SUMPRODUCT(SIGN({a.text})*LN(1+ABS({a.text})))" for a in areas)
    return Expression("+".join(parts), value, _SUM_LEVEL)


def ratio_or_empty(a: Expression, b: Expression) -> Expression:
    """A quotient; empty where there is nothing to divide by."""
    value: Scalar = "" if b.number == 0 else a.number / b.number
    quotient = f"{_parenthesized(a, _PRODUCT_LEVEL)}/{_parenthesized(b, _ATOM_LEVEL)}"
    return Expression(f'IF({b.text}=0,"",{quotient})', value)


def if_within(
    deviation: Expression, tolerance: Expression, then: str, otherwise: str
) -> Expression:
    """One text or another; an error in the figures is the other."""
    yes, no = text_expression(then), text_expression(otherwise)
    value = then if abs(deviation.number) <= tolerance.number else otherwise
    test = f"IF(ABS({deviation.text})<={tolerance.text},{yes.text},{no.text})"
    return Expression(f"IFERROR({test},{no.text})", value)


def if_all_equal(area: CellArea, wanted: str, then: str, otherwise: str) -> Expression:
    """A text where all cells hold the wanted one; else one with the number of others for ``{}``."""
    others = sum(value != wanted for value in area.values)
    before, after = otherwise.split("{}")
    count = f"(ROWS({area.text})-COUNTIF({area.text},{text_expression(wanted).text}))"
    counted = f"{text_expression(before).text}&{count}&{text_expression(after).text}"
    value = then if others == 0 else f"{before}{others}{after}"
    return Expression(f"IF({count}=0,{text_expression(then).text},{counted})", value)


def count_equal(area: CellArea, key: Expression) -> Expression:
    """In how many cells a text stands."""
    value = float(sum(cell == key.value for cell in area.values))
    return Expression(f"SUMPRODUCT(--EXACT({area.text},{key.text}))", value)
