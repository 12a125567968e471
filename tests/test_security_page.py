"""The page on files that are not trusted states the limits that hold."""

from __future__ import annotations

import re
from pathlib import Path

from models.files import (
    decoding,
    fault_recovery,
    includes,
    nodes,
    reading,
    result_json,
    workbook,
    yaml_source,
)
from optimizer.data_files import files as data_files
from optimizer.page import scenario_store as apart
from optimizer.solve.decomposition import cut_pool

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
        includes.MAX_INCLUDE_DEPTH,
        decoding.MAX_VALUES,
        yaml_source.MAX_DEPTH,
        reading.MAX_VARIANTS,
        reading.MAX_CHECKED_VALUES,
        nodes.MAX_ROWS,
        nodes.MAX_COLUMNS,
        decoding.MAX_CELLS,
        decoding.MAX_TOTAL_CELLS,
        workbook.MAX_UNPACKED,
        workbook.MAX_RATIO,
        workbook.MAX_PARTS,
        workbook.MAX_TAGS,
        workbook.MAX_FORMAT_LENGTH,
        fault_recovery.MAX_FAULTS,
        result_json.MAX_BYTES,
        result_json.MAX_VALUES,
        result_json.MAX_DEPTH,
        cut_pool.MAX_POOL_BYTES,
        data_files.MAX_BYTES,
        data_files.MAX_CELLS,
        apart.READ_TIMEOUT,
        apart.READ_MEMORY,
    ]
