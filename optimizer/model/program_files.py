"""Files of programs that any solver reads: LP and MPS.

Numbers are written with all digits, so that a reader gets exactly the program. The same program
gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.model.highs import LinearProgram

MAX_NAME_LENGTH = 120  # solvers accept up to 255
FORBIDDEN = re.compile(r"[^A-Za-z0-9_.,()|#@]")
"""Characters that mean something else in LP or MPS files. Ids may contain any of them."""
CONSTANT_COLUMN = "constant"
"""Column fixed at 1 whose cost is the constant of the objective, since solvers disagree on how a
file states it."""
OBJECTIVE_ROW = "objective"


def file_names(names: Iterable[str]) -> list[str]:
    """Return a unique name for files for each name: ``start[mine,2026]`` becomes
    ``start(mine,2026)``. Other forbidden characters become ``_``, and long names are shortened."""
    used = {CONSTANT_COLUMN, OBJECTIVE_ROW}
    result = []
    for name in names:
        plain = FORBIDDEN.sub("_", name.replace("[", "(").replace("]", ")"))
        candidate, number = plain[:MAX_NAME_LENGTH], 1
        while candidate in used:
            number += 1
            suffix = f"_{number}"
            candidate = plain[: MAX_NAME_LENGTH - len(suffix)] + suffix
        used.add(candidate)
        result.append(candidate)
    return result


def named_program(program: LinearProgram) -> LinearProgram:
    """Return the program with names that files can contain."""
    return replace(
        program,
        row_names=file_names(program.row_names),
        column_names=file_names(program.column_names),
    )


def symbol_map(program: LinearProgram, named: LinearProgram) -> str | None:
    """Return a CSV table of the rows and columns whose names in the file are not merely those of
    the model with parentheses in place of brackets; None if there are none."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["kind", "name_in_file", "name_in_model"])
    count = 0
    pairs: Sequence[tuple[str, Sequence[str], Sequence[str]]] = (
        ("row", named.row_names, program.row_names),
        ("column", named.column_names, program.column_names),
    )
    for kind, file_side, model_side in pairs:
        for in_file, in_model in zip(file_side, model_side, strict=True):
            if in_file != in_model.replace("[", "(").replace("]", ")"):
                writer.writerow([kind, in_file, in_model])
                count += 1
    return output.getvalue() if count else None


TERMS_PER_LINE = 4


def render_mps(program: LinearProgram, name: str = "vorrat") -> str:
    """Return a program as a free MPS file. Its names must be those of :func:`named_program`."""
    return "".join(f"{line}\n" for line in _mps_lines(program, name))


def _mps_lines(program: LinearProgram, name: str) -> Iterator[str]:
    yield f"NAME {name}"
    yield "ROWS"
    yield f" N {OBJECTIVE_ROW}"
    senses = [row_sense(*pair) for pair in _pairs(program.row_lower, program.row_upper)]
    for sense, row in zip(senses, program.row_names, strict=True):
        yield f" {sense} {row}"
    yield "COLUMNS"
    yield from mps_columns(program)
    if program.offset:
        yield f" {CONSTANT_COLUMN} {OBJECTIVE_ROW} {float(program.offset)!r}"
    yield "RHS"
    ranges = []
    for row, sense, (lower, upper) in zip(
        program.row_names, senses, _pairs(program.row_lower, program.row_upper), strict=True
    ):
        if (rhs := upper if sense == "L" else lower) != 0 and math.isfinite(rhs):
            yield f" RHS {row} {rhs!r}"
        if sense == "G" and math.isfinite(upper):
            ranges.append(f" RANGE {row} {upper - lower!r}")
    if ranges:
        yield "RANGES"
        yield from ranges
    yield "BOUNDS"
    yield from mps_bounds(program)
    if program.offset:
        yield f" FX BOUND {CONSTANT_COLUMN} 1.0"
    yield "ENDATA"


def row_sense(lower: float, upper: float) -> str:
    """Return the letter that MPS files have for a row: G also for a row with two limits."""
    return "E" if lower == upper else "G" if math.isfinite(lower) else "L"


def mps_columns(program: LinearProgram) -> Iterator[str]:
    """Yield the lines of the columns of a program, those of integer columns between markers."""
    matrix = sparse.csc_array(program.matrix)
    matrix.sort_indices()
    is_open = False
    for c, name in enumerate(program.column_names):
        if bool(program.is_integer[c]) != is_open:
            is_open = not is_open
            yield f" MARKER 'MARKER' '{'INTORG' if is_open else 'INTEND'}'"
        entries = range(matrix.indptr[c], matrix.indptr[c + 1])
        if program.cost[c] or not len(entries):
            yield f" {name} {OBJECTIVE_ROW} {float(program.cost[c])!r}"
        for n in entries:
            yield f" {name} {program.row_names[matrix.indices[n]]} {float(matrix.data[n])!r}"
    if is_open:
        yield " MARKER 'MARKER' 'INTEND'"


def mps_bounds(program: LinearProgram) -> Iterator[str]:
    """Yield the lines of the bounds of a program; columns from 0 without an upper limit have none,
    unless they are integer."""
    for name, integer, (lower, upper) in zip(
        program.column_names, program.is_integer, _pairs(program.lower, program.upper), strict=True
    ):
        if lower == upper:
            yield f" FX BOUND {name} {lower!r}"
        elif math.isinf(lower) and math.isinf(upper):
            yield f" FR BOUND {name}"
        else:
            if math.isinf(lower):
                yield f" MI BOUND {name}"
            elif lower != 0 or integer or upper < 0:
                yield f" LO BOUND {name} {lower!r}"
            if math.isfinite(upper):
                yield f" UP BOUND {name} {upper!r}"
            elif integer:
                yield f" PL BOUND {name}"


def render_lp(program: LinearProgram, name: str = "vorrat") -> str:
    """Return a program as a file in the LP format of CPLEX. Its names must be those of
    :func:`named_program`. A row with two limits is written as two rows."""
    return "".join(f"{line}\n" for line in _lp_lines(program, name))


def _lp_lines(program: LinearProgram, name: str) -> Iterator[str]:
    columns = program.column_names
    yield f"\\ {name}"
    yield "Minimize"
    costly = np.flatnonzero(program.cost).tolist()
    terms = [(float(program.cost[c]), columns[c]) for c in costly]
    if program.offset or not terms:
        terms.append((float(program.offset), CONSTANT_COLUMN))
    yield from _lp_expression(f" {OBJECTIVE_ROW}:", terms)
    yield "Subject To"
    matrix = sparse.csr_array(program.matrix)
    matrix.sort_indices()
    for r, (lower, upper) in enumerate(_pairs(program.row_lower, program.row_upper)):
        entries = range(matrix.indptr[r], matrix.indptr[r + 1])
        terms = [(float(matrix.data[n]), columns[matrix.indices[n]]) for n in entries]
        terms = terms or [(0.0, columns[0])]
        row = program.row_names[r]
        limits = [("=", lower)] if lower == upper else [(">=", lower), ("<=", upper)]
        limits = [(sign, limit) for sign, limit in limits if math.isfinite(limit)]
        for sign, limit in limits:
            label = row if len(limits) == 1 or sign == ">=" else f"{row}_most"
            *lines, last = _lp_expression(f" {label}:", terms)
            yield from lines
            yield f"{last} {sign} {limit!r}"
    yield "Bounds"
    yield f" {CONSTANT_COLUMN} = 1.0"
    for column, (lower, upper) in zip(columns, _pairs(program.lower, program.upper), strict=True):
        if lower == upper:
            yield f" {column} = {lower!r}"
        elif math.isinf(lower) and math.isinf(upper):
            yield f" {column} free"
        else:
            low = "-inf" if math.isinf(lower) else repr(lower)
            yield f" {low} <= {column}" + ("" if math.isinf(upper) else f" <= {upper!r}")
    if program.is_integer.any():
        yield "General"
        for c in np.flatnonzero(program.is_integer).tolist():
            yield f" {columns[c]}"
    yield "End"


def _lp_expression(label: str, terms: list[tuple[float, str]]) -> Iterator[str]:
    for start in range(0, len(terms), TERMS_PER_LINE):
        part = terms[start : start + TERMS_PER_LINE]
        text = " ".join(f"{'-' if x < 0 else '+'} {abs(x)!r} {name}" for x, name in part)
        yield f"{label if start == 0 else ' '} {text}"


def _pairs(lower: Any, upper: Any) -> list[tuple[float, float]]:
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


FILE_FORMATS: dict[str, Callable[[LinearProgram], str]] = {"lp": render_lp, "mps": render_mps}
