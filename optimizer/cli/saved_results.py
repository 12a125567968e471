"""Saved results as input of a command and of the Python interface: single results, plans with
companion results beside them, and comparisons with their plans."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from models.files.result_json import (
    MAX_BYTES,
    InvalidJsonError,
    parse_json,
    read_json,
    read_result_bytes,
)
from models.results import Batch, Comparison, Manifest, Plan, Result
from models.results.base import ScenarioDocument
from models.results.manifest import MANIFEST_SUFFIX
from optimizer.analyses.plan import companion_results
from optimizer.analyses.registry import ANALYSES
from optimizer.cli.output_files import safe_names
from optimizer.cli.usage import announce, installed_version, usage_error
from optimizer.errors import Misuse

if TYPE_CHECKING:
    from optimizer.report.document import Document

RenderedT = TypeVar("RenderedT")

PLAN_FILE, COMPARISON_FILE, PLANS_FOLDER = "plan.json", "comparison.json", "plans"
MAIN_FILES = (
    "target.json",
    *(analysis.result_file for analysis in ANALYSES if analysis.name != "target"),
)
"""Result files of a folder that is given instead of a file: the first that exists is read. A target
comes first, since its plan lies beside it."""
RESULT_MODELS = {analysis.kind: analysis.result_class for analysis in ANALYSES}
"""Result models by the kind that a document states."""
COMPANION_FILES = {
    analysis.kind: analysis.result_file
    for analysis in ANALYSES
    if analysis.kind in companion_results.COMPANION_KINDS
}
"""File names of results that can lie beside a plan, by kind."""
MAX_FOLDER_LEVELS = 3  # of a result below its manifest, as in `plans/LABEL/plan.json`


@dataclass(frozen=True)
class SavedResult:
    """A result with the file from which it was read."""

    path: Path
    result: Result
    raw: bytes  # content of the file
    warning: str
    """That the file is not the one that its manifest lists; empty otherwise."""


def results_folder(plan_file: Path) -> Path:
    """Return the folder for further results of a plan. For a file plan.json it is the folder of the
    file. For other files it is a folder named after the file, since one folder can contain several
    such plans."""
    if plan_file.name == PLAN_FILE:
        return plan_file.parent
    return plan_file.with_name(plan_file.stem.removesuffix("-plan") + "-more")


def single_plan(
    results: Sequence[SavedResult], plans: Mapping[str, Plan]
) -> tuple[Path, Plan] | None:
    """Return path and plan if the results contain exactly one plan; None otherwise."""
    plan_files = [(saved.path, saved.result) for saved in results if isinstance(saved.result, Plan)]
    return plan_files[0] if len(plan_files) == len(plans) == 1 else None


def read_results(
    texts: Sequence[str], warn: bool = True
) -> tuple[list[SavedResult], dict[str, Plan]]:
    """Read results, and return them with their plans, by short name. The plans of a comparison are
    those that it compares; there are none if all results are of another kind. Companion results
    beside a single plan are added. With ``warn`` the warnings of results are printed to stderr.
    Raise click.UsageError if a file cannot be read, or if the results cannot be combined."""
    results = [read_result(text) for text in texts]
    if len(results) == 1 and isinstance(results[0].result, Comparison):
        results[0], plans = _with_plans(results[0], results[0].result)
    else:
        plans = _plans_by_label(results)
    for saved in results if warn else ():
        announce_warning(saved)
    return results, plans


def exit_code_of(results: Sequence[SavedResult]) -> int:
    """Return exit code 1 if a result was changed after it was written, and 0 otherwise."""
    return int(any(saved.warning for saved in results))


def announce_warning(saved: SavedResult) -> None:
    """Print the warning of a result to stderr, if it has one."""
    if saved.warning:
        click.echo(f"WARNING: {saved.warning}", err=True)


def document_of_results(results: Sequence[SavedResult], plans: Mapping[str, Plan]) -> Document:
    """Return one document of all results. It presents a plan with its companion results, several
    plans side by side, or results of another kind."""
    from optimizer.analyses.registry import build_result_document
    from optimizer.report.document import combine_documents

    if not plans:
        documents = [build_result_document(saved.result) for saved in results]
        labels = _distinct_labels([saved.path for saved in results])
        return combine_documents(dict(zip(labels, documents, strict=True)))
    if len(plans) == 1 and not isinstance(results[0].result, Comparison):
        (plan,) = plans.values()
        return build_result_document(
            plan, **companion_results.group_by_kind(saved.result for saved in results)
        )
    return build_result_document(comparison_of(results, plans), plans=plans)


def comparison_of(results: Sequence[SavedResult], plans: Mapping[str, Plan]) -> Comparison:
    """Return the comparison that was given, or a new one of the plans that were given. Raise
    click.UsageError if there are fewer than two plans."""
    from optimizer.analyses.comparison.plan_comparison import compare_plans

    if isinstance(first_result := results[0].result, Comparison) and plans:
        return first_result
    if len(plans) < 2:
        raise usage_error("Give a comparison with its plans, or several plans.")
    return compare_plans(list(plans.values()), list(plans))


def render_plan(
    results: Sequence[SavedResult],
    other_plans: Mapping[str, Plan],
    render: Callable[..., RenderedT],
    **settings: str,
) -> RenderedT:
    """Return what ``render`` makes of the only plan among ``results``. ``render`` receives this
    plan, ``other_plans`` (the plans with which it is compared), ``settings``, and the other
    results, which are analyses of this plan, grouped by kind."""
    (plan,) = (saved.result for saved in results if isinstance(saved.result, Plan))
    companions = companion_results.group_by_kind(saved.result for saved in results)
    return render(plan, other_plans, **settings, **companions)


def plan_of_option(
    results: Sequence[SavedResult], plans: Mapping[str, Plan], label: str | None
) -> tuple[Path, dict[str, Plan]]:
    """Return the path of the plan of one option of a comparison, and the plans of all other
    options, by label. If ``label`` is None, the option is the base of the comparison. Raise
    click.UsageError if there is no such option, or no comparison with its plans."""
    first_result = results[0].result
    if not isinstance(first_result, Comparison) or not plans:
        raise usage_error("Give one plan, with results of it, or a comparison with its plans.")
    chosen_label = first_result.base if label is None else label
    if chosen_label not in plans:
        known_labels = ", ".join(plans)
        raise usage_error(
            "There is no option '{name}'; there are {known}.", name=chosen_label, known=known_labels
        )
    other_plans = {name: plan for name, plan in plans.items() if name != chosen_label}
    return results[0].path.parent / option_plan_paths(list(plans))[chosen_label], other_plans


def _plans_by_label(results: list[SavedResult]) -> dict[str, Plan]:
    """Return the plans among results, by label. If there is one plan, its companion results are
    added to ``results``. Raise click.UsageError if the results cannot be combined."""
    kinds = Counter(companion_results.result_kind(saved.result) for saved in results)
    if kinds["plan"] == 0 and len(kinds) == 1:
        return {}
    single_counts = [
        count for kind, count in kinds.items() if kind not in companion_results.REPEATABLE_KINDS
    ]
    is_mismatch = kinds["plan"] == 0 or not kinds.keys() <= {
        "plan",
        *companion_results.COMPANION_KINDS,
    }
    if is_mismatch or (len(kinds) > 1 and max(single_counts) > 1):
        raise usage_error(
            "These results do not go together: give one plan with results of it, several plans, or "
            "several results of one other kind."
        )
    plan_files = [(saved.path, saved.result) for saved in results if isinstance(saved.result, Plan)]
    if len(plan_files) == 1:
        ((plan_file, plan),) = plan_files
        for saved in results:
            _check_belongs(saved, plan_file, plan)
        for kind in COMPANION_FILES:
            results += [] if kind in kinds else _companion_result(kind, plan_file, plan)
    names = _distinct_labels([path for path, _ in plan_files])
    return {name: plan for name, (_, plan) in zip(names, plan_files, strict=True)}


def _companion_result(kind: str, plan_file: Path, plan: Plan) -> list[SavedResult]:
    """Return a list with the result of this kind that lies beside a plan. The list is empty if
    there is none, or if the result is of another plan, which is reported."""
    for folder in dict.fromkeys((results_folder(plan_file), plan_file.parent)):
        path = folder / COMPANION_FILES[kind]
        if path.is_file():
            saved_result = read_result(str(path))
            if not companion_results.find_mismatch(saved_result.result, plan):
                return [saved_result]
            announce(
                "'{path}' is of another plan than '{plan}', and left out.",
                path=path,
                plan=plan_file,
            )
    return []


def _check_belongs(saved_result: SavedResult, plan_file: Path, plan: Plan) -> None:
    """Raise click.UsageError if a result was not computed from the plan with which it was given."""
    if saved_result.result is plan:
        return
    mismatch = companion_results.find_mismatch(saved_result.result, plan)
    paths = {"path": saved_result.path, "plan": plan_file}
    if mismatch == "scenario":
        raise usage_error("'{path}' was computed for another scenario than '{plan}'.", **paths)
    if mismatch:
        raise usage_error("'{path}' was computed for another plan than '{plan}'.", **paths)


def option_plan_paths(labels: Sequence[str]) -> dict[str, str]:
    """Return the path of the plan of each option of a comparison, relative to the comparison, by
    label."""
    name_by_label = dict(zip(labels, safe_names(labels), strict=True))
    return {label: f"{PLANS_FOLDER}/{name}/{PLAN_FILE}" for label, name in name_by_label.items()}


def _with_plans(saved: SavedResult, comparison: Comparison) -> tuple[SavedResult, dict[str, Plan]]:
    """Return a comparison, with the warning of one of its plans if it has none itself, and its
    plans by label; no plans if none lies beside it. Raise click.UsageError if only some are there,
    or if one is not the plan that was compared."""
    path = saved.path
    plan_paths = option_plan_paths([option.label for option in comparison.options])
    plans: dict[str, Plan] = {}
    if not any((path.parent / place).exists() for place in plan_paths.values()):
        return saved, plans
    for option in comparison.options:
        plan_file, proof = path.parent / plan_paths[option.label], option.proof
        saved_plan = read_result(str(plan_file))
        plan, expected_proof = saved_plan.result, (proof.input_sha256, proof.objective)
        if (
            not isinstance(plan, Plan)
            or (plan.certificate.input_sha256, plan.certificate.objective) != expected_proof
        ):
            raise usage_error(
                "'{plan}' is not the plan that '{comparison}' compares.",
                plan=plan_file,
                comparison=path,
            )
        saved = replace(saved, warning=saved.warning or saved_plan.warning)
        plans[option.label] = plan
    return saved, plans


def _distinct_labels(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each path, such that no two are equal."""
    from optimizer.analyses.comparison.plan_comparison import make_unique

    return make_unique([short_label(path) for path in paths])


def short_label(path: Path) -> str:
    """Return a short name of a result: its folder if the file has a standard name, else the
    file."""
    has_standard_name = path.name in MAIN_FILES
    return (path.resolve().parent.name or "plan") if has_standard_name else path.stem


def read_result(text: str, scenario_optional: bool = False) -> SavedResult:
    """Read a saved result. With ``scenario_optional`` a plan need not contain its scenario. Raise
    click.UsageError if the file is not a valid result of this version."""
    path = Path(text)
    if path.is_dir():
        name = next((name for name in MAIN_FILES if (path / name).is_file()), None)
        if name is None:
            raise usage_error(
                "the folder '{folder}' has no result such as {file}.", folder=text, file=PLAN_FILE
            )
        path = path / name
    raw, content = load_json(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in RESULT_MODELS:
        raise usage_error(
            "'{path}' holds no result but {kind}; reports are made of what commands write with "
            "--out.",
            path=path,
            kind=f"'{kind}'" if isinstance(kind, str) else "something else",
        )
    try:
        result = RESULT_MODELS[kind].model_validate(content)
        if isinstance(result, ScenarioDocument):
            _ = result.case  # raises ValidationError if the scenario has faults
    except ValidationError as error:
        raise version_mismatch_error(error, path, content) from None
    if isinstance(result, Plan) and result.scenario is None and not scenario_optional:
        raise usage_error(
            "'{path}' does not carry its scenario, since an earlier version wrote it; solve it "
            "again to report on it.",
            path=path,
        )
    return SavedResult(path, result, raw, _manifest_warning(path, raw))


def _manifest_warning(path: Path, raw: bytes) -> str:
    """Return a warning if manifests list the file ``path``, and none of them with the SHA-256 of
    its content ``raw``; an empty text otherwise."""
    path, digest = path.absolute(), hashlib.sha256(raw).hexdigest()
    listed: dict[str, str] = {}  # hash by name of the manifest
    for folder in path.parents[:MAX_FOLDER_LEVELS]:
        for manifest_file in folder.glob(f"*{MANIFEST_SUFFIX}"):
            # Read directly: a manifest is no input and must not enter the input log.
            try:
                if manifest_file.stat().st_size > MAX_BYTES:
                    continue
                manifest = Manifest.model_validate(parse_json(manifest_file.read_bytes()))
            except (OSError, InvalidJsonError, ValidationError):
                continue  # not a valid manifest
            relative_path = path.relative_to(folder).as_posix()
            outputs = (output for output in manifest.outputs if output.path == relative_path)
            for output in outputs:
                listed[manifest_file.name] = output.sha256
    if not listed or digest in listed.values():
        return ""
    name = next(iter(listed))
    return (
        f"'{path.name}' was changed after it was written: its SHA-256 is not the one that "
        f"'{name}' lists."
    )


def load_json(path: Path) -> tuple[bytes, Any]:
    """Return the bytes and the parsed content of a JSON file. Raise click.UsageError if it is not
    JSON or is too large."""
    try:
        raw = read_result_bytes(path)
        return raw, parse_json(raw)
    except InvalidJsonError as error:
        message = f"{error}."
        if error.readable:
            message = f"'{path}' is no saved result: {error}."
        raise click.UsageError(message) from None


def version_mismatch_error(error: ValidationError, path: Path, content: Any) -> click.UsageError:
    """Return a usage error for a document with invalid content. If another version of Vorrat wrote
    it, the error suggests a remedy."""
    first_error = error.errors()[0]
    # pydantic marks an invalid key by this step, after the key itself.
    location = ".".join(str(step) for step in first_error["loc"] if step != "[key]")
    mismatch = _invalid_result_error(
        path, location or "the document", first_error["msg"].splitlines()[0]
    )
    if (version := _writing_version(content)) in (None, installed_version()):
        return mismatch
    remedy = (
        f"Vorrat {version} wrote it: make it again from its scenario, where a manifest lies beside "
        f"it by 'vorrat rerun {path.parent} --out NEW'."
    )
    return click.UsageError(f"{mismatch.message} {remedy}")


def _writing_version(content: Any) -> str | None:
    """Return the version of Vorrat that wrote a document; None if the document states none."""
    if not isinstance(content, dict):
        return None
    versions = content.get("versions")
    if isinstance(versions, dict) and isinstance(versions.get("vorrat"), str):
        return str(versions["vorrat"])
    return _writing_version(content.get("certificate")) or _writing_version(content.get("plan"))


def _invalid_result_error(path: Path, location: str, message: str) -> click.UsageError:
    problem = f"{location}: {message}"
    return usage_error("'{path}' is no result of this version: {said}.", path=path, said=problem)


def read_plan(text: str) -> tuple[Path, Plan]:
    """Read a saved plan from its file or folder. Return the path of the file, and the plan. Raise
    click.UsageError if this fails."""
    if text.lower().endswith((".yaml", ".yml", ".xlsx", ".xlsm")):
        raise usage_error(
            "'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text
        )
    saved_result = read_result(text)
    if not isinstance(saved_result.result, Plan):
        kind = result_kind(saved_result.path)
        raise usage_error("'{path}' holds no plan but '{kind}'.", path=saved_result.path, kind=kind)
    announce_warning(saved_result)
    return saved_result.path, saved_result.result


def is_saved_plan(text: str) -> bool:
    """Return whether an argument names a saved result and not a scenario file: it is a folder, or a
    JSON file that states a kind."""
    return Path(text).is_dir() or result_kind(Path(text)) is not None


def result_kind(path: Path) -> str | None:
    """Return the kind that a JSON result states; None for any other file, such as a scenario."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        content = read_json(path)
    except InvalidJsonError:
        return None  # the reader of scenarios reports what is wrong with it
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None


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
        evaluated_plan = plan if not companion_results.find_mismatch(result, plan) else None
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
