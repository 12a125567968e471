"""Saved results for the Python interface, with the plans that were written with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import ValidationError

from models.files.result_json import InvalidJsonError, parse_json
from models.results import Batch, Comparison, Manifest, Plan, Result
from models.results.manifest import MANIFEST_SUFFIX
from optimizer.analyses.plan.companion_results import find_mismatch
from optimizer.analyses.registry import ANALYSES
from optimizer.cli.saved_results import (
    PLAN_FILE,
    option_plan_paths,
    read_plan,
    read_results,
    short_label,
)
from optimizer.errors import Misuse


@dataclass(frozen=True, eq=False)
class StoredResult:
    """A result read from a file, and the plans of its folder."""

    path: Path
    result: Result
    plan_files: Mapping[str, Path]
    """File of each plan, by the label that the Python interface gives it."""
    warning: str
    """That the file is not the one that its manifest lists; empty otherwise."""
    is_complete: bool
    evaluated_plan: Plan | None
    """The plan in the same folder that the result is about, if there is one."""

    @property
    def label(self) -> str:
        """A short name: the folder of a file with a standard name, else the file."""
        return short_label(self.path)


def read_stored_result(text: str) -> StoredResult:
    """Read a result from its file or folder. Raise Misuse if it holds none of this version."""
    try:
        saved, *_ = read_results([text], warn=False)[0]
    except click.UsageError as error:
        raise Misuse(error.format_message()) from None
    path, result = saved.path, saved.result
    plan_files = _plan_files(path, result)
    plan_file = path.with_name(PLAN_FILE)
    evaluated_plan = None
    if not isinstance(result, Plan) and plan_file.is_file():
        plan = read_stored_plan(plan_file)
        evaluated_plan = plan if not find_mismatch(result, plan) else None
    return StoredResult(
        path, result, plan_files, saved.warning, _is_complete(path, result), evaluated_plan
    )


def read_stored_plan(path: Path) -> Plan:
    """Read a plan. Raise Misuse if the file holds none."""
    try:
        return read_plan(str(path))[1]
    except click.UsageError as error:
        raise Misuse(error.format_message()) from None


def _plan_files(path: Path, result: Result) -> dict[str, Path]:
    """Return the plans that the command of a result wrote with it, by label."""
    folder = path.parent
    if isinstance(result, Comparison):
        places = option_plan_paths([option.label for option in result.options])
        files = {label: folder / place for label, place in places.items()}
    elif isinstance(result, Batch):
        files = {run.run: folder / run.plan for run in result.runs if run.plan is not None}
    else:
        analysis = next(x for x in ANALYSES if isinstance(result, x.result_class))
        files = {}
        for place in analysis.extra_outputs:
            found = sorted((folder / place).glob(f"**/{PLAN_FILE}"), key=_numbers_first)
            files |= {file.parent.name: file for file in found}
            if place == PLAN_FILE:
                files["plan"] = folder / place
    return {label: file for label, file in files.items() if file.is_file()}


def _numbers_first(file: Path) -> tuple[float, str]:
    """Return a key by which plans of numbers are sorted by value, before other plans by name."""
    name = file.parent.name
    try:
        return float(name), name
    except ValueError:
        return math.inf, name


def _is_complete(path: Path, result: Result) -> bool:
    """Return whether everything was proven as requested, by the certificate of a plan or the exit
    code in the manifest of another result; True if there is no manifest."""
    if isinstance(result, Plan):
        return result.certificate.status == "optimal"
    manifest_file = path.with_name(f"{path.stem}{MANIFEST_SUFFIX}")
    try:
        manifest = Manifest.model_validate(parse_json(manifest_file.read_bytes()))
    except (OSError, InvalidJsonError, ValidationError):
        return True
    return manifest.exit_code == 0
