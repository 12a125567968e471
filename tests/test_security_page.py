"""The page on files that are not trusted states the limits that hold."""

from __future__ import annotations

import re
from pathlib import Path

from models.files import decoding, includes, json_document, nodes, reading, workbook, yaml_source
from optimizer.page import reading as apart
from optimizer.solve.decomposition import pool

PAGE = Path(__file__).parents[1] / "docs" / "security.md"
MB = 1_000_000


def test_the_limits_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (.+) \| ([\d,]+)( MB)? \|$", PAGE.read_text(encoding="utf-8"), re.M)
    stated = {
        what: int(number.replace(",", "")) * (MB if unit else 1) for what, number, unit in rows
    }
    assert list(stated.values()) == [
        decoding.MAX_BYTES,
        decoding.MAX_TOTAL_BYTES,
        decoding.MAX_FILES,
        includes.MAX_CHAIN,
        decoding.MAX_VALUES,
        yaml_source.MAX_DEPTH,
        reading.MAX_VARIANTS,
        reading.MAX_CHECKED,
        nodes.MAX_ROWS,
        nodes.MAX_COLUMNS,
        decoding.MAX_CELLS,
        decoding.MAX_TOTAL_CELLS,
        workbook.MAX_UNPACKED,
        workbook.MAX_RATIO,
        workbook.MAX_PARTS,
        workbook.MAX_TAGS,
        workbook.MAX_FORMAT,
        reading.MAX_FAULTS,
        json_document.MAX_BYTES,
        json_document.MAX_VALUES,
        json_document.MAX_DEPTH,
        pool.MAX_BYTES,
        apart.SECONDS,
        apart.MEMORY,
        apart.AT_ONCE,
    ]
