"""What ``vorrat run`` makes of a plan: the one place where its files are named."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.results import Plan

PLAN, REPORT, RESULTS, FAULTS = "plan.json", "report.html", "results.xlsx", "faults.xlsx"
_MADE_BY = {
    REPORT: ("optimizer.reporting.html", "report"),
    RESULTS: ("optimizer.reporting.workbook", "write"),
}
"""Modules and functions that make a file from a plan."""


def names() -> list[str]:
    """The names of what is made, without that of the scenario in front."""
    return [PLAN, *(name for name, (module, _) in _MADE_BY.items() if find_spec(module))]


def products(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """Each file's name and content, in the current language."""
    yield PLAN, plan.model_dump_json(indent=2).encode() + b"\n"
    for name in names()[1:]:
        module, function = _MADE_BY[name]
        made = getattr(importlib.import_module(module), function)(plan)
        yield name, made.encode() if isinstance(made, str) else made
