"""Names of rows and columns that solvers accept in files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

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
