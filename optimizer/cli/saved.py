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

from models.files.json_document import NotPlainError, parse_json, read_json, read_raw
from models.language import tr
from models.results import Comparison, Plan, Result, older
from models.results.misfits import misfits
from models.results.reservations import Doubts, joined
from optimizer.analyses.plan import beside
from optimizer.analyses.registry import ANALYSES
from optimizer.cli import own_version, whole
from optimizer.cli.disk import safe_names
from optimizer.cli.usage import announce, misused

if TYPE_CHECKING:
    from optimizer.report.document import Document

Made = TypeVar("Made")

PLAN_FILE, COMPARISON_FILE, PLANS = "plan.json", "comparison.json", "plans"
MAIN_FILES = ("target.json", *(one.file for one in ANALYSES if one.name != "target"))
"""What a folder may be named for: the first of these that is in it. A target's plan lies beside
it."""
MODELS = {one.kind: one.result for one in ANALYSES}
"""What can be reported on, by the kind that a document states."""
BESIDE_FILES = {one.kind: one.file for one in ANALYSES if one.kind in beside.KINDS}
"""Where results that go with a plan may lie beside it, by kind."""


@dataclass(frozen=True)
class Given:
    """A result that was read, and the file it stands in."""

    path: Path
    result: Result
    raw: bytes  # what stands in it
    doubts: Doubts
    """What is to be said of it: that it does not add up, or is not the file that was written."""


def home(plan: Path) -> Path:
    """The folder for results of a plan: its own, or one beside a file that has a name of its own,
    of which there may be several in a folder."""
    if plan.name == PLAN_FILE:
        return plan.parent
    return plan.with_name(plan.stem.removesuffix("-plan") + "-more")


def single(found: Sequence[Given], plans: Mapping[str, Plan]) -> tuple[Path, Plan] | None:
    """The plan that was given, and its file; None of several, or of a comparison."""
    given = [(one.path, one.result) for one in found if isinstance(one.result, Plan)]
    return given[0] if len(given) == len(plans) == 1 else None


def read_all(texts: Sequence[str], tells: bool = True) -> tuple[list[Given], dict[str, Plan]]:
    """All that was given, and the plans among it by a short name of each; none where all results
    are of one other kind. What speaks against any of it is told on stderr, if it ``tells``. Of a
    comparison they are those that it compares. With a single plan come the results of it that lie
    beside it. Raises click.UsageError where a file cannot be read, or results do not fit."""
    found = [read(text) for text in texts]
    if len(found) == 1 and isinstance(found[0].result, Comparison):
        found[0], plans = _compared(found[0], found[0].result)
    else:
        plans = _plans_of(found)
    for one in found if tells else ():
        whole.tell(one.path, one.doubts)
    return found, plans


def doubts(found: Iterable[Given]) -> Doubts:
    """What is to be said of any of these."""
    return joined(one.doubts for one in found)


@contextmanager
def showing(found: Sequence[Given]) -> Iterator[None]:
    """While results are shown: of one that was changed, or that nothing confirms, anything may be
    missing. Raises click.UsageError where such a one cannot be shown."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
        said = doubts(found)
        if not said.against and not said.unconfirmed:
            raise
        files = ", ".join(f"'{one.path}'" for one in found)
        raise misused(
            "{files}: nothing can be shown of what is not as it was written ({problem}). Make it "
            "again with the command that wrote it.",
            files=files,
            problem=f"{type(error).__name__}: {error}",
        ) from error


def code_of(found: Sequence[Given]) -> int:
    """The exit code after these were shown: 1 where anything speaks against one of them."""
    return int(bool(doubts(found).against))


def as_document(found: Sequence[Given], plans: Mapping[str, Plan]) -> tuple[Document, Doubts]:
    """The document of what was given, and what is to be said at its head: of a plan with what goes
    with it, of plans side by side, or of results of another kind."""
    from optimizer.analyses.documents import document_of
    from optimizer.report.together import together

    said = doubts(found)
    if not plans:
        made = [document_of(one.result) for one in found]
        return together(dict(zip(_labels([one.path for one in found]), made, strict=True))), said
    if len(plans) == 1 and not isinstance(found[0].result, Comparison):
        (plan,) = plans.values()
        return document_of(plan, **beside.by_kind(one.result for one in found)), said
    comparison = compared(found, plans)
    return document_of(comparison, plans=plans), comparison.said


def compared(found: Sequence[Given], plans: Mapping[str, Plan]) -> Comparison:
    """The comparison that was given, or that of several plans, with what is to be said of it.
    Raises click.UsageError where neither was given."""
    from optimizer.analyses.comparison.compare import compare

    said, first = doubts(found), found[0].result
    if isinstance(first, Comparison) and plans:
        told = {"doubts": said.against, "unconfirmed": said.unconfirmed}
        return first.model_copy(update=told)
    if len(plans) < 2:
        raise misused("Give a comparison with its plans, or several plans.")
    return compare(list(plans.values()), list(plans), doubts=said)


def made_of(
    found: Sequence[Given], others: Mapping[str, Plan], make: Callable[..., Made], **how: str
) -> Made:
    """What a function makes of a plan, of the plans that it is compared with, and of the results
    that go with it."""
    (plan,) = (one.result for one in found if isinstance(one.result, Plan))
    return make(plan, others, **how, **beside.by_kind(one.result for one in found))


def option_of(
    found: Sequence[Given], plans: Mapping[str, Plan], label: str | None
) -> tuple[Path, dict[str, Plan]]:
    """Where the plan of an option of a comparison lies, its base where none is named; and the
    plans of the other options. Raises click.UsageError where there is no such option, or no
    comparison with its plans."""
    first = found[0].result
    if not isinstance(first, Comparison) or not plans:
        raise misused("Give one plan, with results of it, or a comparison with its plans.")
    chosen = first.base if label is None else label
    if chosen not in plans:
        known = ", ".join(plans)
        raise misused("There is no option '{name}'; there are {known}.", name=chosen, known=known)
    others = {name: plan for name, plan in plans.items() if name != chosen}
    return found[0].path.parent / compared_places(list(plans))[chosen], others


def _plans_of(found: list[Given]) -> dict[str, Plan]:
    """The plans by label; results that lie beside a single one are added."""
    kinds = Counter(beside.kind_of(one.result) for one in found)
    if kinds["plan"] == 0 and len(kinds) == 1:
        return {}
    once = [count for kind, count in kinds.items() if kind not in beside.SEVERAL]
    apart = kinds["plan"] == 0 or not kinds.keys() <= {"plan", *beside.KINDS}
    if apart or (len(kinds) > 1 and max(once) > 1):
        raise misused(
            "These results do not go together: give one plan with results of it, several plans, or "
            "several results of one other kind."
        )
    plans = [(one.path, one.result) for one in found if isinstance(one.result, Plan)]
    if len(plans) == 1:
        ((at, plan),) = plans
        for one in found:
            _check_fit(one, at, plan)
        for kind in BESIDE_FILES:
            found += [] if kind in kinds else _beside(kind, at, plan)
    names = _labels([path for path, _ in plans])
    return {name: plan for name, (_, plan) in zip(names, plans, strict=True)}


def _beside(kind: str, at: Path, plan: Plan) -> list[Given]:
    """The result of a kind that lies beside a plan; one of another plan is told, and left out."""
    for folder in dict.fromkeys((home(at), at.parent)):
        path = folder / BESIDE_FILES[kind]
        if path.is_file():
            one = read(str(path))
            if not beside.apart(one.result, plan):
                return [one]
            announce("'{path}' is of another plan than '{plan}', and left out.", path=path, plan=at)
    return []


def _check_fit(one: Given, at: Path, plan: Plan) -> None:
    """Raises click.UsageError where a result is not of the plan that it was given with."""
    found = "" if one.result is plan else beside.apart(one.result, plan)
    about = {"path": one.path, "plan": at}
    if found == "scenario":
        raise misused("'{path}' was computed for another scenario than '{plan}'.", **about)
    if found:
        raise misused("'{path}' was computed for another plan than '{plan}'.", **about)


def compared_places(labels: Sequence[str]) -> dict[str, str]:
    """Where the plan of each option lies beside their comparison, by its label."""
    names = safe_names(labels)
    return {label: f"{PLANS}/{name}/{PLAN_FILE}" for label, name in zip(labels, names, strict=True)}


def _compared(given: Given, comparison: Comparison) -> tuple[Given, dict[str, Plan]]:
    """A comparison with what speaks against it or its plans, and these by label; without any where
    none lies beside it. Raises click.UsageError where one is missing, or it speaks of others."""
    from optimizer.analyses.comparison.compare import again, completed
    from optimizer.solve.reckoned import apart

    path, places = given.path, compared_places([option.label for option in comparison.options])
    plans, told = {}, [comparison.said, given.doubts]
    if not any((path.parent / place).exists() for place in places.values()):
        return replace(given, doubts=joined(told)), {}
    for option in comparison.options:
        at, proof = path.parent / places[option.label], option.proof
        there = read(str(at))
        plan, due = there.result, (proof.input_sha256, proof.objective)
        if (
            not isinstance(plan, Plan)
            or (plan.certificate.input_sha256, plan.certificate.objective) != due
        ):
            raise misused(
                "'{plan}' is not the plan that '{comparison}' compares.", plan=at, comparison=path
            )
        plans[option.label] = plan
        told.append(there.doubts)
    # It has to have the figures that its plans make.
    other = tr("it is not what the plans beside it make of it")
    try:
        anew = again(comparison, plans)
        whole_one = completed(comparison, anew)
        found = list(apart(whole_one, anew))
    except ValueError:
        raise _no_result(path, tr("the document"), other) from None
    for one in found:
        if not one.of_figures:
            raise _no_result(path, one.path, other)
    told.append(Doubts(tuple(whole.of_figures(path, found))))
    return replace(given, result=whole_one, doubts=joined(told)), plans


def _labels(paths: Sequence[Path]) -> list[str]:
    """Short names of several results, each another."""
    from optimizer.analyses.comparison.compare import distinct

    return distinct([label(path) for path in paths])


def label(path: Path) -> str:
    """A short name: that of the folder of a file that a command named, else that of the file."""
    own = path.name in MAIN_FILES
    return (path.resolve().parent.name or "plan") if own else path.stem


def read(text: str, bare: bool = False) -> Given:
    """A saved result; a plan also without its scenario where it may be bare. Raises
    click.UsageError where there is none of this version that fits its scenario."""
    path = Path(text)
    if path.is_dir():
        name = next((name for name in MAIN_FILES if (path / name).is_file()), None)
        if name is None:
            raise misused(
                "the folder '{folder}' has no result such as {file}.", folder=text, file=PLAN_FILE
            )
        path = path / name
    raw, content = loaded(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in MODELS:
        raise misused(
            "'{path}' holds no result but {kind}; reports are made of what commands write with "
            "--out.",
            path=path,
            kind=f"'{kind}'" if isinstance(kind, str) else tr("something else"),
        )
    try:
        result = MODELS[kind].model_validate(older.as_now(content))
        misfit = next(misfits(result), None)  # the scenario is read here, to tell its faults here
    except ValidationError as error:
        raise not_of_this_version(error, path, content) from None
    if misfit is not None:
        raise _no_result(path, *misfit)
    if isinstance(result, Plan) and result.scenario is None and not bare:
        raise misused(
            "'{path}' does not carry its scenario, since an earlier version wrote it; solve it "
            "again to report on it.",
            path=path,
        )
    return Given(path, result, raw, whole.doubts(path, raw, content, result))


def loaded(path: Path) -> tuple[bytes, Any]:
    """A JSON file of bounded size, and its content. Raises click.UsageError where it cannot be
    read, or is none."""
    try:
        raw = read_raw(path)
        return raw, parse_json(raw)
    except NotPlainError as error:
        message = f"{error}."
        if error.readable:
            message = tr("'{path}' is no saved result: {problem}.", path=path, problem=error)
        raise click.UsageError(message) from None


def not_of_this_version(error: ValidationError, path: Path, content: Any) -> click.UsageError:
    """The error of a document whose content is not what it should be, and what to do about one that
    another version wrote."""
    first = error.errors()[0]
    # A key that is wrong is named by what stands there.
    where = ".".join(str(step) for step in first["loc"] if step != "[key]")
    refused = _no_result(path, where or tr("the document"), first["msg"].splitlines()[0])
    if (version := older.version_of(content)) in (None, own_version()):
        return refused
    remedy = tr(
        "Vorrat {version} wrote it: make it again from its scenario, where a manifest lies beside "
        "it by 'vorrat rerun {path} --out NEW'.",
        version=version,
        path=path.parent,
    )
    return click.UsageError(f"{refused.message} {remedy}")


def _no_result(path: Path, where: str, message: str) -> click.UsageError:
    said = f"{where}: {message}"
    return misused("'{path}' is no result of this version: {said}.", path=path, said=said)


def read_plan(text: str) -> tuple[Path, Plan]:
    """A saved plan, of a file or of the folder it is in. Raises click.UsageError where there is
    none."""
    if text.lower().endswith((".yaml", ".yml", ".xlsx", ".xlsm")):
        raise misused(
            "'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text
        )
    found = read(text)
    if not isinstance(found.result, Plan):
        kind = kind_of(found.path)
        raise misused("'{path}' holds no plan but '{kind}'.", path=found.path, kind=kind)
    whole.tell(found.path, found.doubts)
    return found.path, found.result


def is_plan(text: str) -> bool:
    """Whether a saved plan is meant rather than a scenario file: a folder, or JSON of that kind."""
    return Path(text).is_dir() or kind_of(Path(text)) is not None


def kind_of(path: Path) -> str | None:
    """What a result says it is; None of any other file, also of a scenario, which has no kind."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        content = read_json(path)
    except NotPlainError:
        return None  # The reader of scenarios says what is wrong with it.
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None
