"""Spreadsheet formulas together with their values.

A spreadsheet file holds a formula and its stored value, which previews, mail programs and pandas
show. One operation builds both, so that they cannot differ. Function names are English, as in all
Excel files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Scalar = float | str

_SUM_LEVEL, _PRODUCT_LEVEL, _ATOM_LEVEL = 1, 2, 3


@dataclass(frozen=True)
class Expression:
    """A formula (its text after ``=``) and its value."""

    text: str
    value: Scalar
    precedence: int = _ATOM_LEVEL
    """Precedence of its outermost operator."""

    @property
    def number(self) -> float:
        """The value as a number; an empty cell counts as 0, as in a spreadsheet."""
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
    """A rectangle of cells on one sheet, with their values row by row."""

    text: str
    values: tuple[Scalar, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values as numbers; texts and empty cells count as 0."""
        return tuple(0.0 if isinstance(value, str) else float(value) for value in self.values)


def as_expression(operand: Operand) -> Expression:
    """Return an operand as an expression; a number becomes a constant."""
    if isinstance(operand, Expression):
        return operand
    value = float(operand)
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return Expression(text, value, _ATOM_LEVEL if value >= 0 else _SUM_LEVEL)


def text_expression(text: str) -> Expression:
    """Return a text as a quoted formula constant."""
    return Expression('"' + text.replace('"', '""') + '"', text)


def _parenthesized(part: Expression, precedence: int) -> str:
    return part.text if part.precedence >= precedence else f"({part.text})"


def _binary_operation(
    left_operand: Expression,
    operator: str,
    right_operand: Expression,
    precedence: int,
    compute: Callable[[float, float], float],
) -> Expression:
    # Operators are left-associative: a right operand of equal precedence needs parentheses.
    right = _parenthesized(right_operand, precedence + 1 if operator in "-/" else precedence)
    return Expression(
        f"{_parenthesized(left_operand, precedence)}{operator}{right}",
        compute(left_operand.number, right_operand.number),
        precedence,
    )


def sum_of(*areas: CellArea | Expression) -> Expression:
    """Return the SUM of areas and expressions."""
    numbers_by_area = [
        area.numbers if isinstance(area, CellArea) else (area.number,) for area in areas
    ]
    arguments = ",".join(area.text for area in areas)
    return Expression(f"SUM({arguments})", math.fsum(x for part in numbers_by_area for x in part))


def sum_product(a: CellArea, b: CellArea) -> Expression:
    """Return the SUMPRODUCT of two areas, such as payments by year times discount factors."""
    value = math.fsum(x * y for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT({a.text},{b.text})", value)


def sum_where(
    amounts: CellArea, *conditions: tuple[CellArea, Expression], factor_area: CellArea | None = None
) -> Expression:
    """Return the sum of ``amounts`` over the rows that satisfy all conditions.

    A condition is a column and the text that its cell must equal. With ``factor_area``, each amount
    is multiplied by the factor of its row. The formula uses EXACT, which is case-sensitive and has
    no wildcards, since ids may contain any character.
    """
    condition_texts = "*".join(f"EXACT({area.text},{key.text})" for area, key in conditions)
    row_matches = [
        all(area.values[row] == key.value for area, key in conditions)
        for row in range(len(amounts.values))
    ]
    factors = factor_area.numbers if factor_area is not None else (1.0,) * len(amounts.values)
    terms = zip(amounts.numbers, factors, row_matches, strict=True)
    value = math.fsum(x * factor for x, factor, is_match in terms if is_match)
    weighted_amounts = (
        f"{factor_area.text}*{amounts.text}" if factor_area is not None else amounts.text
    )
    return Expression(f"SUMPRODUCT({condition_texts}*{weighted_amounts})", value)


def max_of(*parts: CellArea | Expression) -> Expression:
    """Return the MAX of areas and expressions."""
    values = [x for p in parts for x in (p.numbers if isinstance(p, CellArea) else (p.number,))]
    return Expression(f"MAX({','.join(part.text for part in parts)})", max(values, default=0.0))


def min_of(*parts: Expression) -> Expression:
    """Return the MIN of expressions."""
    values = [part.number for part in parts]
    return Expression(f"MIN({','.join(part.text for part in parts)})", min(values, default=0.0))


def absolute_value(operand: Expression) -> Expression:
    """Return the ABS of an expression."""
    return Expression(f"ABS({operand.text})", abs(operand.number))


def sum_abs_differences(a: CellArea, b: CellArea) -> Expression:
    """Return the sum of absolute differences between the cells of two areas of equal shape."""
    value = math.fsum(abs(x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(ABS({a.text}-{b.text}))", value)


def sum_abs_deviations(a: CellArea, expected: float) -> Expression:
    """Return the sum of absolute deviations of an area's nonempty cells from ``expected``."""
    value = math.fsum(abs(float(x) - expected) for x in a.values if not isinstance(x, str))
    return Expression(
        f'SUMPRODUCT(({a.text}<>"")*ABS({a.text}-{as_expression(expected).text}))', value
    )


def sum_excesses(a: CellArea, b: CellArea) -> Expression:
    """Return the sum of the amounts by which the cells of ``a`` exceed those of ``b``."""
    value = math.fsum(max(0.0, x - y) for x, y in zip(a.numbers, b.numbers, strict=True))
    return Expression(f"SUMPRODUCT(({a.text}>{b.text})*({a.text}-{b.text}))", value)


def sum_squares(area: CellArea) -> Expression:
    """Return the sum of squares (SUMSQ) of the cells of an area."""
    return Expression(f"SUMSQ({area.text})", math.fsum(x * x for x in area.numbers))


def control_figure(areas: Sequence[CellArea]) -> Expression:
    """Return the sum of sign(x) LN(1+|x|) over all cells, to which small figures contribute as well
    as large ones."""
    value = math.fsum(math.copysign(math.log1p(abs(x)), x) for area in areas for x in area.numbers)
    parts = (f"SUMPRODUCT(SIGN({a.text})*LN(1+ABS({a.text})))" for a in areas)
    return Expression("+".join(parts), value, _SUM_LEVEL)


def ratio_or_empty(numerator: Expression, denominator: Expression) -> Expression:
    """Return the quotient of two expressions, or an empty text if the divisor is 0."""
    value: Scalar = "" if denominator.number == 0 else numerator.number / denominator.number
    quotient = (
        f"{_parenthesized(numerator, _PRODUCT_LEVEL)}/{_parenthesized(denominator, _ATOM_LEVEL)}"
    )
    return Expression(f'IF({denominator.text}=0,"",{quotient})', value)


def if_within(
    deviation: Expression, tolerance: Expression, success: str, failure: str
) -> Expression:
    """Return ``success`` if the deviation is within the tolerance, and ``failure`` if it is not or
    is an error."""
    success_text, failure_text = text_expression(success), text_expression(failure)
    value = success if abs(deviation.number) <= tolerance.number else failure
    test = f"IF(ABS({deviation.text})<={tolerance.text},{success_text.text},{failure_text.text})"
    return Expression(f"IFERROR({test},{failure_text.text})", value)


def if_all_equal(area: CellArea, expected_text: str, success: str, failure: str) -> Expression:
    """Return ``success`` if all cells equal ``expected_text``, and ``failure`` if not.

    The number of cells that differ replaces ``{}`` in ``failure``.
    """
    unequal_count = sum(value != expected_text for value in area.values)
    text_before, text_after = failure.split("{}")
    count = f"(ROWS({area.text})-COUNTIF({area.text},{text_expression(expected_text).text}))"
    failure_text = f"{text_expression(text_before).text}&{count}&{text_expression(text_after).text}"
    value = success if unequal_count == 0 else f"{text_before}{unequal_count}{text_after}"
    return Expression(f"IF({count}=0,{text_expression(success).text},{failure_text})", value)


def count_equal(area: CellArea, key: Expression) -> Expression:
    """Return the number of cells of an area that equal a text."""
    value = float(sum(cell == key.value for cell in area.values))
    return Expression(f"SUMPRODUCT(--EXACT({area.text},{key.text}))", value)
