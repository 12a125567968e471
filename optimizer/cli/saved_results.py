"""Saved results that a command is given: plans, in files or folders, what goes with one, and what
stands alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from models.files.result_json import InvalidJsonError, parse_json, read_json, read_result_bytes
from models.language import tr
from models.results import Comparison, Plan, Result, legacy_documents
from models.results.caveats import Caveats, merge_caveats
from models.results.inconsistencies import find_inconsistencies
from optimizer.analyses.plan import companion_results
from optimizer.analyses.registry import ANALYSES
from optimizer.cli import installed_version, integrity
from optimizer.cli.output_files import safe_names
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from optimizer.report.document import Document

Rendered = TypeVar("Rendered")

PLAN_FILE, COMPARISON_FILE, PLANS_FOLDER = "plan.json", "comparison.json", "plans"
MAIN_FILES = ("target.json", *(one.result_file for one in ANALYSES if one.name != "target"))
"""What a folder may be named for: the first of these that is in it. A target's plan lies beside
it."""
RESULT_MODELS = {one.kind: one.result_class for one in ANALYSES}
"""What can be reported on, by the kind that a document states."""
COMPANION_FILES = {
    one.kind: one.result_file for one in ANALYSES if one.kind in companion_results.COMPANION_KINDS
}
"""Where results that go with a plan may lie beside it, by kind."""


@dataclass(frozen=True)
class SavedResult:
    """A result that was read, and the file it stands in."""

    path: Path
    result: Result
    raw: bytes  # what stands in it
    doubts: Caveats
    """What is to be said of it: that it does not add up, or is not the file that was written."""


def results_folder(plan: Path) -> Path:
    """The folder for results of a plan: its own, or one beside a file that has a name of its own,
    of which there may be several in a folder."""
    if plan.name == PLAN_FILE:
        return plan.parent
    return plan.with_name(plan.stem.removesuffix("-plan") + "-more")


def single_plan(
    results: Sequence[SavedResult], plans: Mapping[str, Plan]
) -> tuple[Path, Plan] | None:
    """The plan that was given, and its file; None of several, or of a comparison."""
    given = [(one.path, one.result) for one in results if isinstance(one.result, Plan)]
    return given[0] if len(given) == len(plans) == 1 else None


def read_results(
    texts: Sequence[str], show_doubts: bool = True
) -> tuple[list[SavedResult], dict[str, Plan]]:
    """All that was given, and the plans among it by a short name of each; none where all results
    are of one other kind. What speaks against any of it is told on stderr, if it ``tells``. Of a
    comparison they are those that it compares. With a single plan come the results of it that lie
    beside it. Raises click.UsageError where a file cannot be read, or results do not fit."""
    found = [read_result(text) for text in texts]
    if len(found) == 1 and isinstance(found[0].result, Comparison):
        found[0], plans = _complete_comparison(found[0], found[0].result)
    else:
        plans = _plans_by_label(found)
    for one in found if show_doubts else ():
        integrity.announce_doubts(one.path, one.doubts)
    return found, plans


def combined_doubts(results: Iterable[SavedResult]) -> Caveats:
    """What is to be said of any of these."""
    return merge_caveats(one.doubts for one in results)


@contextmanager
def explain_rendering_errors(results: Sequence[SavedResult]) -> Iterator[None]:
    """While results are shown: of one that was changed, or that nothing confirms, anything may be
    missing. Raises click.UsageError where such a one cannot be shown."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
        said = combined_doubts(results)
        if not said.contradictions and not said.unconfirmed:
            raise
        files = ", ".join(f"'{one.path}'" for one in results)
        raise usage_error(
            "{files}: nothing can be shown of what is not as it was written ({problem}). Make it "
            "again with the command that wrote it.",
            files=files,
            problem=f"{type(error).__name__}: {error}",
        ) from error


def exit_code_of(results: Sequence[SavedResult]) -> int:
    """The exit code after these were shown: 1 where anything speaks against one of them."""
    return int(bool(combined_doubts(results).contradictions))


def document_of_results(
    results: Sequence[SavedResult], plans: Mapping[str, Plan]
) -> tuple[Document, Caveats]:
    """The document of what was given, and what is to be said at its head: of a plan with what goes
    with it, of plans side by side, or of results of another kind."""
    from optimizer.analyses.document_dispatch import build_result_document
    from optimizer.report.combined_documents import combine_documents

    said = combined_doubts(results)
    if not plans:
        made = [build_result_document(one.result) for one in results]
        return combine_documents(
            dict(zip(_distinct_labels([one.path for one in results]), made, strict=True))
        ), said
    if len(plans) == 1 and not isinstance(results[0].result, Comparison):
        (plan,) = plans.values()
        return build_result_document(
            plan, **companion_results.group_by_kind(one.result for one in results)
        ), said
    comparison = comparison_of(results, plans)
    return build_result_document(comparison, plans=plans), comparison.caveats


def comparison_of(results: Sequence[SavedResult], plans: Mapping[str, Plan]) -> Comparison:
    """The comparison that was given, or that of several plans, with what is to be said of it.
    Raises click.UsageError where neither was given."""
    from optimizer.analyses.comparison.plan_comparison import compare_plans

    said, first = combined_doubts(results), results[0].result
    if isinstance(first, Comparison) and plans:
        told = {"doubts": said.contradictions, "unconfirmed": said.unconfirmed}
        return first.model_copy(update=told)
    if len(plans) < 2:
        raise usage_error("Give a comparison with its plans, or several plans.")
    return compare_plans(list(plans.values()), list(plans), doubts=said)


def render_plan(
    results: Sequence[SavedResult],
    others: Mapping[str, Plan],
    make: Callable[..., Rendered],
    **how: str,
) -> Rendered:
    """What a function makes of a plan, of the plans that it is compared with, and of the results
    that go with it."""
    (plan,) = (one.result for one in results if isinstance(one.result, Plan))
    return make(
        plan, others, **how, **companion_results.group_by_kind(one.result for one in results)
    )


def plan_of_option(
    results: Sequence[SavedResult], plans: Mapping[str, Plan], label: str | None
) -> tuple[Path, dict[str, Plan]]:
    """Where the plan of an option of a comparison lies, its base where none is named; and the
    plans of the other options. Raises click.UsageError where there is no such option, or no
    comparison with its plans."""
    first = results[0].result
    if not isinstance(first, Comparison) or not plans:
        raise usage_error("Give one plan, with results of it, or a comparison with its plans.")
    chosen = first.base if label is None else label
    if chosen not in plans:
        known = ", ".join(plans)
        raise usage_error(
            "There is no option '{name}'; there are {known}.", name=chosen, known=known
        )
    others = {name: plan for name, plan in plans.items() if name != chosen}
    return results[0].path.parent / option_plan_paths(list(plans))[chosen], others


def _plans_by_label(results: list[SavedResult]) -> dict[str, Plan]:
    """The plans by label; results that lie beside a single one are added."""
    kinds = Counter(companion_results.result_kind(one.result) for one in results)
    if kinds["plan"] == 0 and len(kinds) == 1:
        return {}
    once = [
        count for kind, count in kinds.items() if kind not in companion_results.REPEATABLE_KINDS
    ]
    apart = kinds["plan"] == 0 or not kinds.keys() <= {"plan", *companion_results.COMPANION_KINDS}
    if apart or (len(kinds) > 1 and max(once) > 1):
        raise usage_error(
            "These results do not go together: give one plan with results of it, several plans, or "
            "several results of one other kind."
        )
    plans = [(one.path, one.result) for one in results if isinstance(one.result, Plan)]
    if len(plans) == 1:
        ((at, plan),) = plans
        for one in results:
            _check_belongs(one, at, plan)
        for kind in COMPANION_FILES:
            results += [] if kind in kinds else _companion_result(kind, at, plan)
    names = _distinct_labels([path for path, _ in plans])
    return {name: plan for name, (_, plan) in zip(names, plans, strict=True)}


def _companion_result(kind: str, plan_file: Path, plan: Plan) -> list[SavedResult]:
    """The result of a kind that lies beside a plan; one of another plan is told, and left out."""
    for folder in dict.fromkeys((results_folder(plan_file), plan_file.parent)):
        path = folder / COMPANION_FILES[kind]
        if path.is_file():
            one = read_result(str(path))
            if not companion_results.find_mismatch(one.result, plan):
                return [one]
            announce(
                "'{path}' is of another plan than '{plan}', and left out.",
                path=path,
                plan=plan_file,
            )
    return []


def _check_belongs(saved_result: SavedResult, plan_file: Path, plan: Plan) -> None:
    """Raises click.UsageError where a result is not of the plan that it was given with."""
    found = (
        ""
        if saved_result.result is plan
        else companion_results.find_mismatch(saved_result.result, plan)
    )
    about = {"path": saved_result.path, "plan": plan_file}
    if found == "scenario":
        raise usage_error("'{path}' was computed for another scenario than '{plan}'.", **about)
    if found:
        raise usage_error("'{path}' was computed for another plan than '{plan}'.", **about)


def option_plan_paths(labels: Sequence[str]) -> dict[str, str]:
    """Where the plan of each option lies beside their comparison, by its label."""
    names = safe_names(labels)
    return {
        label: f"{PLANS_FOLDER}/{name}/{PLAN_FILE}"
        for label, name in zip(labels, names, strict=True)
    }


def _complete_comparison(
    saved_comparison: SavedResult, comparison: Comparison
) -> tuple[SavedResult, dict[str, Plan]]:
    """A comparison with what speaks against it or its plans, and these by label; without any where
    none lies beside it. Raises click.UsageError where one is missing, or it speaks of others."""
    from optimizer.analyses.comparison.plan_comparison import fill_missing_fields, recompare
    from optimizer.solve.consistency import compare_results

    path, places = (
        saved_comparison.path,
        option_plan_paths([option.label for option in comparison.options]),
    )
    plans, told = {}, [comparison.caveats, saved_comparison.doubts]
    if not any((path.parent / place).exists() for place in places.values()):
        return replace(saved_comparison, doubts=merge_caveats(told)), {}
    for option in comparison.options:
        at, proof = path.parent / places[option.label], option.proof
        there = read_result(str(at))
        plan, due = there.result, (proof.input_sha256, proof.objective)
        if (
            not isinstance(plan, Plan)
            or (plan.certificate.input_sha256, plan.certificate.objective) != due
        ):
            raise usage_error(
                "'{plan}' is not the plan that '{comparison}' compares.", plan=at, comparison=path
            )
        plans[option.label] = plan
        told.append(there.doubts)
    # It has to have the figures that its plans make.
    other = tr("it is not what the plans beside it make of it")
    try:
        anew = recompare(comparison, plans)
        whole_one = fill_missing_fields(comparison, anew)
        found = list(compare_results(whole_one, anew))
    except ValueError:
        raise _invalid_result_error(path, tr("the document"), other) from None
    for one in found:
        if not one.is_numeric:
            raise _invalid_result_error(path, one.location, other)
    told.append(Caveats(tuple(integrity.disagreement_sentences(path, found))))
    return replace(saved_comparison, result=whole_one, doubts=merge_caveats(told)), plans


def _distinct_labels(paths: Sequence[Path]) -> list[str]:
    """Short names of several results, each another."""
    from optimizer.analyses.comparison.plan_comparison import make_unique

    return make_unique([short_label(path) for path in paths])


def short_label(path: Path) -> str:
    """A short name: that of the folder of a file that a command named, else that of the file."""
    own = path.name in MAIN_FILES
    return (path.resolve().parent.name or "plan") if own else path.stem


def read_result(text: str, scenario_optional: bool = False) -> SavedResult:
    """A saved result; a plan also without its scenario where it may be bare. Raises
    click.UsageError where there is none of this version that fits its scenario."""
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
            kind=f"'{kind}'" if isinstance(kind, str) else tr("something else"),
        )
    try:
        result = RESULT_MODELS[kind].model_validate(legacy_documents.upgrade_document(content))
        misfit = next(
            find_inconsistencies(result), None
        )  # the scenario is read here, to tell its faults here
    except ValidationError as error:
        raise version_mismatch_error(error, path, content) from None
    if misfit is not None:
        raise _invalid_result_error(path, *misfit)
    if isinstance(result, Plan) and result.scenario is None and not scenario_optional:
        raise usage_error(
            "'{path}' does not carry its scenario, since an earlier version wrote it; solve it "
            "again to report on it.",
            path=path,
        )
    return SavedResult(path, result, raw, integrity.find_doubts(path, raw, content, result))


def load_json(path: Path) -> tuple[bytes, Any]:
    """A JSON file of bounded size, and its content. Raises click.UsageError where it cannot be
    read, or is none."""
    try:
        raw = read_result_bytes(path)
        return raw, parse_json(raw)
    except InvalidJsonError as error:
        message = f"{error}."
        if error.readable:
            message = tr("'{path}' is no saved result: {problem}.", path=path, problem=error)
        raise click.UsageError(message) from None


def version_mismatch_error(error: ValidationError, path: Path, content: Any) -> click.UsageError:
    """The error of a document whose content is not what it should be, and what to do about one that
    another version wrote."""
    first = error.errors()[0]
    # A key that is wrong is named by what stands there.
    where = ".".join(str(step) for step in first["loc"] if step != "[key]")
    refused = _invalid_result_error(path, where or tr("the document"), first["msg"].splitlines()[0])
    if (version := legacy_documents.writing_version(content)) in (None, installed_version()):
        return refused
    remedy = tr(
        "Vorrat {version} wrote it: make it again from its scenario, where a manifest lies beside "
        "it by 'vorrat rerun {path} --out NEW'.",
        version=version,
        path=path.parent,
    )
    return click.UsageError(f"{refused.message} {remedy}")


def _invalid_result_error(path: Path, where: str, message: str) -> click.UsageError:
    said = f"{where}: {message}"
    return usage_error("'{path}' is no result of this version: {said}.", path=path, said=said)


def read_plan(text: str) -> tuple[Path, Plan]:
    """A saved plan, of a file or of the folder it is in. Raises click.UsageError where there is
    none."""
    if text.lower().endswith((".yaml", ".yml", ".xlsx", ".xlsm")):
        raise usage_error(
            "'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text
        )
    found = read_result(text)
    if not isinstance(found.result, Plan):
        kind = result_kind(found.path)
        raise usage_error("'{path}' holds no plan but '{kind}'.", path=found.path, kind=kind)
    integrity.announce_doubts(found.path, found.doubts)
    return found.path, found.result


def is_saved_plan(text: str) -> bool:
    """Whether a saved plan is meant rather than a scenario file: a folder, or JSON of that kind."""
    return Path(text).is_dir() or result_kind(Path(text)) is not None


def result_kind(path: Path) -> str | None:
    """What a result says it is; None of any other file, also of a scenario, which has no kind."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        content = read_json(path)
    except InvalidJsonError:
        return None  # The reader of scenarios says what is wrong with it.
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None
