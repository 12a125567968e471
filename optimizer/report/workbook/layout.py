"""Places of cells: addresses, lines that texts take, and blocks that cells form."""

from __future__ import annotations

from collections.abc import Iterable


def address(row: int, column: int) -> str:
    """A cell as formulas write it, absolute; rows and columns count from 0."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    address: str = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return address


def lines_of(text: str, width: float, letter: float = 1.0) -> int:
    """Lines that a text takes, broken between words; ``letter`` is the width of one."""
    lines, used = 1, 0.0
    for word in text.split():
        length = letter * len(word)
        if used and used + 1 + length > width:
            lines, used = lines + 1, 0.0
        used += length + 1
    return lines


def blocks(cells: set[tuple[int, int]]) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
    """Rectangles that cover each of these cells once, and no other."""
    left = set(cells)
    for row, column in sorted(cells, key=lambda cell: (cell[1], cell[0])):
        if (row, column) not in left:
            continue
        bottom = row
        while (bottom + 1, column) in left:
            bottom += 1
        right = column
        while all((r, right + 1) in left for r in range(row, bottom + 1)):
            right += 1
        left -= {(r, c) for r in range(row, bottom + 1) for c in range(column, right + 1)}
        yield (row, column), (bottom, right)
