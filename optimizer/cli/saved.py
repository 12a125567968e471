"""Saved results that a command is given: plans, in files or folders, what goes with one, and what
stands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from models.files.json_document import NotPlainError, parse_json, read_raw
from models.language import tr
from models.results import Comparison, Frontier, Plan, Result, Split
from models.results.misfits import misfits
from models.results.reservations import Doubts, joined
from optimizer.analyses.registry import ANALYSES
from optimizer.cli import whole
from optimizer.cli.disk import safe_names
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.report.document import Document

PLAN_FILE, FRONTIER_FILE, SPLIT_FILE = "plan.json", "frontier.json", "split.json"
COMPARISON_FILE, PLANS = "comparison.json", "plans"
MAIN_FILES = ("target.json", *(one.file for one in ANALYSES if one.name != "target"))
"""What a folder may be named for: the first of these that is in it. A target's plan lies beside
it."""
MODELS = {one.kind: one.result for one in ANALYSES}
"""What can be reported on, by the kind that a document states."""
BESIDE = (Plan, Frontier, Split)
"""What may stand beside each other in a report; all else is reported on by itself."""


@dataclass(frozen=True)
class Given:
    """A result that was read, and the file it stands in."""

    path: Path
    result: Result
    raw: bytes
    """What stands in it."""
    doubts: Doubts
    """What is to be said of it: that it does not add up, or is not the file that was written."""


def read_all(texts: Sequence[str]) -> tuple[list[Given], dict[str, Plan]]:
    """All that was given, and the plans among it by a short name of each.

    Of a comparison they are those that it compares. With a single plan come a frontier and a split
    that lie beside it. What speaks against any of it is told on stderr.

    There are no plans where all results are of one other kind; a frontier and a split may stand
    beside one plan as well.

    Raises click.UsageError where a file cannot be read, or results of several kinds do not go
    together.
    """
    found = [read(text) for text in texts]
    if len(found) == 1 and isinstance(found[0].result, Comparison):
        found[0], plans = _compared(found[0], found[0].result)
    else:
        plans = _plans_of(found)
    for one in found:
        whole.tell(one.path, one.doubts)
    return found, plans


def doubts(found: Sequence[Given]) -> Doubts:
    """What is to be said of any of these."""
    return joined(one.doubts for one in found)


@contextmanager
def showing(found: Sequence[Given]) -> Iterator[None]:
    """While results are shown: of one that was changed, or that nothing confirms, not everything
    can be foreseen that may be missing in it. Raises click.UsageError where such a one cannot be
    shown."""
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
    from optimizer.analyses.comparison.compare import compare
    from optimizer.analyses.documents import document_of
    from optimizer.report.together import together

    said = doubts(found)
    if not plans:
        made = [document_of(one.result) for one in found]
        return together(dict(zip(labels(found), made, strict=True))), said
    first = found[0].result
    if isinstance(first, Comparison):
        told = {"doubts": said.against, "unconfirmed": said.unconfirmed}
        comparison = first.model_copy(update=told)
    elif len(plans) > 1:
        comparison = compare(list(plans.values()), list(plans), doubts=said)
    else:
        frontier, split = beside(found)
        (plan,) = plans.values()
        return document_of(plan, frontier=frontier, split=split), said
    return document_of(comparison, plans=plans), comparison.said


def _plans_of(found: list[Given]) -> dict[str, Plan]:
    plans = [one for one in found if isinstance(one.result, Plan)]
    kinds = {type(one.result) for one in found}
    if not plans and len(kinds) == 1:
        return {}
    alone = next((one.path for one in found if not isinstance(one.result, BESIDE)), None)
    if alone is not None:
        raise misused(
            "'{path}' is reported on by itself, or beside others of its kind.", path=alone
        )
    if not plans:
        raise misused("A frontier and a split go beside one plan.")
    splits = sum(isinstance(one.result, Split) for one in found)
    if splits > 1 or (splits and len(plans) != 1):
        raise misused("A split is reported on alone, or beside one plan.")
    if len(plans) > 1 and len(plans) < len(found):
        raise misused("A frontier goes with one plan, and here are several.")
    if len(plans) == 1:
        for kind, name in ((Frontier, FRONTIER_FILE), (Split, SPLIT_FILE)):
            there = plans[0].path.parent / name
            if not any(isinstance(one.result, kind) for one in found) and there.is_file():
                found.append(read(str(there)))
    results = [one.result for one in plans if isinstance(one.result, Plan)]
    return dict(zip(labels(plans), results, strict=True))


def compared_places(labels: Sequence[str]) -> dict[str, str]:
    """Where the plan of each option lies beside their comparison, by its label."""
    names = safe_names(labels)
    return {label: f"{PLANS}/{name}/{PLAN_FILE}" for label, name in zip(labels, names, strict=True)}


def _compared(given: Given, comparison: Comparison) -> tuple[Given, dict[str, Plan]]:
    """A comparison with what speaks against it or against its plans, and these by label; without
    any plan where none of them lies beside it. Raises click.UsageError where some are there and one
    is not, or another lies in its place, and where the comparison speaks of other things than its
    plans."""
    from optimizer.analyses.comparison.compare import again
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
        found = list(apart(comparison, again(comparison, plans)))
    except ValueError:
        raise _no_result(path, tr("the document"), other) from None
    for one in found:
        if not one.of_figures:
            raise _no_result(path, one.path, other)
    told.append(Doubts(tuple(whole.of_figures(path, found))))
    return replace(given, doubts=joined(told)), plans


def labels(found: Sequence[Given]) -> list[str]:
    """Short names of several results, each another."""
    from optimizer.analyses.comparison.compare import distinct

    return distinct([label(one.path) for one in found])


def label(path: Path) -> str:
    """A short name: that of the folder of a file that a command named, else that of the file."""
    own = path.name in MAIN_FILES
    return (path.resolve().parent.name or "plan") if own else path.stem


def beside(found: Sequence[Given]) -> tuple[Frontier | None, Split | None]:
    """The frontier and the split that were given with a single plan, or lie in its folder. Raises
    click.UsageError where there are several frontiers, or one is of another scenario."""
    at, plan = next((one.path, one.result) for one in found if isinstance(one.result, Plan))
    frontier, split = None, None
    for one in found:
        fits = True
        if isinstance(one.result, Frontier):
            if frontier is not None:
                raise misused("One frontier goes into a report, and here are several.")
            frontier = one.result
            fits = _same_scenario(plan, frontier)
        elif isinstance(one.result, Split):
            split = one.result
            fits = split.input_sha256 == plan.certificate.input_sha256
        if not fits:
            raise misused(
                "'{path}' was computed for another scenario than '{plan}'.", path=one.path, plan=at
            )
    return frontier, split


def _same_scenario(plan: Plan, frontier: Frontier) -> bool:
    """Whether both rest on one scenario, but for the number that the frontier varies."""
    pair = []
    for content in (plan.scenario, frontier.scenario):
        if content is None:
            return False
        pair.append(_without(json.loads(json.dumps(content)), frontier.varied.split(".")))
        pair[-1].pop("variants", None)
    return bool(pair[0] == pair[1])


def _without(content: Any, steps: Sequence[str]) -> Any:
    """Nested mappings without a value, and without mappings that are empty then."""
    if isinstance(content, dict) and content.get(steps[0]) is not None:
        inside = _without(content.pop(steps[0]), steps[1:]) if len(steps) > 1 else None
        if inside:
            content[steps[0]] = inside
    return content


def read(text: str, bare: bool = False) -> Given:
    """A saved result; a plan also without its scenario where it may be bare. Raises
    click.UsageError where there is none, or one that cannot be reported on: one of another version,
    or that does not fit its scenario."""
    path = Path(text)
    if path.is_dir():
        name = next((name for name in MAIN_FILES if (path / name).is_file()), None)
        if name is None:
            raise misused(
                "the folder '{folder}' has no result such as {file}.", folder=text, file=PLAN_FILE
            )
        path = path / name
    raw, content = _loaded(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in MODELS:
        raise misused(
            "'{path}' holds no result but {kind}; reports are made of what commands write with "
            "--out.",
            path=path,
            kind=f"'{kind}'" if isinstance(kind, str) else tr("something else"),
        )
    try:
        result = MODELS[kind].model_validate(content)
        misfit = next(misfits(result), None)  # the scenario is read here, to tell its faults here
    except ValidationError as error:
        raise not_of_this_version(error, path) from None
    if misfit is not None:
        raise _no_result(path, *misfit)
    if isinstance(result, Plan) and result.scenario is None and not bare:
        raise misused(
            "'{path}' does not carry its scenario, since an earlier version wrote it; solve it "
            "again to report on it.",
            path=path,
        )
    return Given(path, result, raw, whole.doubts(path, raw, content, result))


def document(path: Path) -> Any:
    """The content of a JSON file of bounded size. Raises click.UsageError where it cannot be read,
    or is none."""
    return _loaded(path)[1]


def _loaded(path: Path) -> tuple[bytes, Any]:
    try:
        raw = read_raw(path)
        return raw, parse_json(raw)
    except NotPlainError as error:
        message = f"{error}."
        if error.readable:
            message = tr("'{path}' is no saved result: {problem}.", path=path, problem=error)
        raise click.UsageError(message) from None


def not_of_this_version(error: ValidationError, path: Path) -> click.UsageError:
    """The error of a document whose content is not what it should be."""
    first = error.errors()[0]
    # A key that is wrong is named by what stands there.
    where = ".".join(str(step) for step in first["loc"] if step != "[key]")
    return _no_result(path, where or tr("the document"), first["msg"].splitlines()[0])


def _no_result(path: Path, where: str, message: str) -> click.UsageError:
    return misused(
        "'{path}' is no result of this version: {where}: {message}.",
        path=path,
        where=where,
        message=message,
    )
