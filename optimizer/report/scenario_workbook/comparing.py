"""Whether a workbook says the same as the scenario it was made from."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Any

from models.faults import ScenarioError, Step
from models.files import read_case
from models.scenario.case import Case

Path = tuple[Step, ...]


def first_difference(case: Case, workbook: bytes) -> Path | None:
    """The path of the first value that reads back otherwise; None where all is the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = FilePath(folder) / "scenario.xlsx"
        file.write_bytes(workbook)
        try:
            again = read_case(file).case
        except ScenarioError as error:
            return error.faults[0].path
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (case, again))
    return next(iter(_differences(before, after, ())), None)


def _differences(before: Any, after: Any, path: Path) -> list[Path]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            found
            for key in keys
            for found in _differences(before.get(key), after.get(key), (*path, key))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [found for n, pair in pairs for found in _differences(*pair, (*path, n))]
    truth = isinstance(before, bool) is isinstance(after, bool)
    return [] if before == after and truth else [path]
