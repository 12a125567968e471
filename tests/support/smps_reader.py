"""A reader of SMPS files with scenarios, and the extensive form that they stand for, as a HiGHS
model. It knows nothing of Vorrat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highspy
import numpy as np

Entries = dict[tuple[str, str], float]  # by row and column


def sections(path: Path) -> Iterator[tuple[str, list[str]]]:
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line[:1].strip():
            section = words[0]
        elif words:
            yield section, words


def read_core(path: Path) -> tuple[dict[str, str], Entries, dict[str, list[float]], set[str]]:
    senses: dict[str, str] = {}
    entries: Entries = {}
    bounds: dict[str, list[float]] = {}
    integers, within = set[str](), False
    for section, words in sections(path):
        if section == "ROWS":
            senses[words[1]] = words[0]
        elif "'MARKER'" in words:
            within = words[-1] == "'INTORG'"
        elif section in ("COLUMNS", "RHS"):
            entries[words[1], words[0]] = float(words[2])
            if section == "COLUMNS":
                bounds.setdefault(words[0], [0.0, math.inf])
                integers |= {words[0]} if within else set()
        elif section == "BOUNDS":
            kind, column = words[0], words[2]
            value = float(words[3]) if len(words) > 3 else math.inf
            if kind in ("LO", "FX"):
                bounds[column][0] = value
            if kind in ("UP", "FX"):
                bounds[column][1] = value
            if kind in ("MI", "FR"):
                bounds[column][0] = -math.inf
        else:
            assert section == "RANGES", section
            raise AssertionError("a core with ranges")
    return senses, entries, bounds, integers


def optimum(stem: Path) -> float:
    """Assemble the extensive form and solve it by HiGHS."""
    senses, core, bounds, integers = read_core(stem.with_suffix(".cor"))
    stages = {w[2]: w[:2] for s, w in sections(stem.with_suffix(".tim")) if s == "PERIODS"}
    second_column, second_row = stages["STAGE2"]
    rows = [r for r in senses if senses[r] != "N"]
    columns = list(bounds)
    late_rows = set(rows[rows.index(second_row) :])
    late_columns = set(columns[columns.index(second_column) :])
    scenarios: list[tuple[float, Entries]] = []
    for section, words in sections(stem.with_suffix(".sto")):
        assert section == "SCENARIOS"
        if words[0] == "SC":
            assert words[2] == "'ROOT'"
            assert words[4] == "STAGE2"
            scenarios.append((float(words[3]), {}))
        else:
            is_known = (words[1], words[0]) in core or (words[0] == "RHS" and words[1] in senses)
            assert is_known, "a random entry that the core does not have"
            assert words[1] in late_rows or words[0] in late_columns
            scenarios[-1][1][words[1], words[0]] = float(words[2])
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("mip_rel_gap", 0.0)
    place: dict[Any, int] = {}
    (objective,) = (r for r, sense in senses.items() if sense == "N")

    def add_columns(names: list[str], values: Entries, key: Any, weight: float) -> None:
        for name in names:
            place[key, name] = len(place)
            cost = weight * values.get((objective, name), 0.0)
            model.addCol(cost, *bounds[name], 0, np.array([], np.int32), np.array([]))
            if name in integers:
                model.changeColIntegrality(place[key, name], highspy.HighsVarType.kInteger)

    def add_rows(names: set[str], values: Entries, key: Any) -> None:
        cells: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
        for (row, column), value in values.items():
            if row in cells and column != "RHS" and value:
                cells[row].append((place[key if column in late_columns else 0, column], value))
        for name in sorted(names):
            rhs, sense = values.get((name, "RHS"), 0.0), senses[name]
            low, high = rhs if sense in "GE" else -math.inf, rhs if sense in "LE" else math.inf
            index = np.array([c for c, _ in cells[name]], np.int32)
            model.addRow(low, high, len(index), index, np.array([x for _, x in cells[name]]))

    early_columns = [c for c in columns if c not in late_columns]
    add_columns(early_columns, core, 0, 1.0)
    add_rows({r for r in rows if r not in late_rows}, core, 0)
    assert abs(sum(probability for probability, _ in scenarios) - 1) < 1e-9
    for number, (probability, changed) in enumerate(scenarios, 1):
        values = core | changed
        add_columns([c for c in columns if c in late_columns], values, number, probability)
        add_rows(late_rows, values, number)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getInfo().objective_function_value)
