"""``vorrat compare``: funding options side by side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, presets, read_case
from models.language import tr
from models.results import Plan
from models.results.comparison import Failed
from models.results.option import Wording
from models.scenario.case import Case
from optimizer.analyses.options import CompareOptions, with_budget
from optimizer.cli import diagnostics, disk, manifest, options, runner, saved, whole
from optimizer.cli.diagnostics import Steps
from optimizer.cli.options import built
from optimizer.cli.saved import COMPARISON_FILE, PLAN_FILE, compared_places
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import announce, misused
from optimizer.errors import Infeasible, NoPlan

if TYPE_CHECKING:
    from optimizer.analyses.in_turn import NoAnswer

INTERRUPTED = "stopped before it was solved"


def _compare(
    given: tuple[str, ...], as_json: bool, out: Path | None, force: bool, **values: Any
) -> int:
    steps, reuse = Steps(values.pop("quiet")), values.pop("reuse")
    asked = built(CompareOptions, values, listener=steps)
    folder = options.kept_in(reuse, out)
    settings = with_budget(asked.settings, asked.budget)
    from optimizer.analyses.comparison.compare import check_asked

    found = find(given, asked.variants, settings)
    to_solve = [item for item in found if item.reading is not None]
    with runner.misuse_told():
        by_label = {item.label: item.plan or item.case for item in found}
        names = asked.names
        names["of_scenarios"] |= reuse is not None
        check_asked({label: one for label, one in by_label.items() if one}, **names)
    places = compared_places([item.label for item in found])
    disk.prepare(out, [COMPARISON_FILE, *places.values()], force)
    pools: dict[str, options.Kept] = {}
    if folder is not None:
        cases = [item.reading.case for item in reversed(to_solve) if item.reading is not None]
        pools = {kept.key: kept for kept in (options.read_kept(folder, one) for one in cases)}

    answers = _solve(to_solve, asked, steps, None if folder is None else pools)
    solved = {id(item): answer for item, answer in zip(to_solve, answers, strict=True)}
    # In the order given, whatever was solved first.
    either = ((item, item.plan or solved.get(id(item))) for item in found)
    plans = {item.label: plan for item, plan in either if isinstance(plan, Plan)}
    without = [(i, a) for i, a in zip(to_solve, answers, strict=True) if not isinstance(a, Plan)]
    failures = [_told(item, answer) for item, answer in without]
    # What an interrupt left unsolved was stopped by the user, as is a plan cut short.
    code = max((1 if a is None else a.exit_code for _, a in without), default=0)
    if not plans:
        return code
    base = asked.base
    if base is not None and base not in plans:
        first = next(iter(plans))
        announce(
            "{base} has no plan; the others are compared with {label}.", base=base, label=first
        )
        base = None

    from optimizer.analyses.comparison.compare import compare as compared

    read = [item.saved for item in found if item.saved is not None]
    doubts = saved.doubts(read)
    for one in read:
        whole.tell(one.path, one.doubts)
    how: dict[str, Any] = {"base": base, "year": asked.year, "federal": asked.federal or None}
    how |= {"failed": failures, "doubts": doubts}
    with saved.showing(read):
        comparison = compared(list(plans.values()), list(plans), **how)
    stopped = any(isinstance(a, Plan) and a.certificate.status != "optimal" for a in answers)
    code = code or int(stopped or bool(doubts.against))
    with runner.telling(comparison, as_json) as document:
        files = {places[label]: disk.document(plan) for label, plan in plans.items()}
        # What was changed must not be sealed anew.
        files |= {places[item.label]: item.saved.raw for item in found if item.saved is not None}
        files[COMPARISON_FILE] = document
        manifest.leave(out, "comparison", files, code, force=force)
        for pool in pools.values():
            if pool.pool.cuts and any(isinstance(answer, Plan) for answer in answers):
                pool.write()
    return code


compare = runner.assembled(_compare, "compare", "given", nargs=-1, required=True, metavar="ITEM...")


def _solve(
    to_solve: Sequence[Item],
    asked: CompareOptions,
    steps: Steps,
    pools: dict[str, options.Kept] | None,
) -> list[Plan | NoAnswer | None]:
    """Solve what has yet to be solved."""
    if not to_solve:
        return []
    pairs = [(item, item.reading) for item in to_solve if item.reading is not None]
    for file, reading in {item.file: reading for item, reading in pairs}.items():
        steps.note(f"{file}: {summed_up(reading.case)}")
    doubts = (fault for _, reading in pairs for fault in diagnostics.never_striking(reading))
    diagnostics.show(diagnostics.unseen(doubts, set()))

    # The solver and Pyomo take a second to import: not for those who compare saved plans.
    from optimizer.analyses.in_turn import Task, solve_all

    width = max(len(item.label) for item in to_solve)
    tasks = [Task(reading.case, item.variant, item.title) for item, reading in pairs]
    names = ("gap", "time_limit", "threads", "on_progress", "break_even")
    how: dict[str, Any] = {name: getattr(asked, name) for name in names}
    how["pools"] = None if pools is None else {key: kept.pool for key, kept in pools.items()}
    with closing(steps):
        return solve_all(
            tasks, on_start=lambda at: steps.at(f"{to_solve[at].label:<{width}} "), **how
        )


def _told(item: Item, answer: NoAnswer | None) -> Failed:
    """An option without a plan, told on stderr."""
    if isinstance(answer, Infeasible) and item.reading is not None:
        diagnostics.show_conflict(answer, item.reading, f"{item.label}: ")
    else:
        said = answer or tr("stopped before it was solved")
        click.echo(f"{item.label}: {said}", err=True)
    return failed(item, answer)


def failed(item: Item, answer: NoAnswer | None) -> Failed:
    """An option without a plan, as a comparison names it; None for one that was not solved."""
    assert item.reading is not None
    told = diagnostics.conflict_data(answer, item.reading) if isinstance(answer, Infeasible) else []
    reasons = {Infeasible: "infeasible", NoPlan: "no_plan", type(None): "no_plan"}
    about = {"label": item.label, "title": item.wording, "variant": item.variant}
    said = str(answer) if answer is not None else INTERRUPTED
    about |= {"reason": reasons.get(type(answer), "failed"), "message": said, "conflict": told}
    return Failed.model_validate(about)


@dataclass(frozen=True, eq=False)
class Item:
    """One thing to compare: a plan, or a scenario that has yet to be solved."""

    label: str
    file: str
    variant: str | None = None
    reading: Reading | None = None
    plan: Plan | None = None
    saved: saved.Given | None = None  # the file of a plan that was saved

    @property
    def case(self) -> Case | None:
        """Its scenario."""
        if self.reading is not None:
            return self.reading.case
        return self.plan.case if self.plan else None

    @property
    def title(self) -> str:
        """The title that its plan gets."""
        return named(self.case.title if self.case else None, Path(self.file).stem)

    @property
    def wording(self) -> Wording:
        """Title of the variant, or of the scenario, in both languages."""
        from optimizer.analyses.comparison.compare import wording

        case = self.case
        variant = case.variants.get(self.variant) if case and self.variant else None
        if variant is not None:
            return wording(variant.title, self.variant or "")
        return wording(case.title if case else None, Path(self.file).stem)


def find(given: Sequence[str], all_variants: bool, settings: tuple[str, ...]) -> list[Item]:
    """Read all items, variants of scenario files with them if asked, each under its own label.
    Raises ScenarioError with the faults of all, click.UsageError where a plan cannot be read."""
    from optimizer.analyses.comparison.compare import distinct

    named_here = [_item(text) for text in given]
    known = {(item.file, item.variant) for item in named_here if item.plan is None}
    items: list[Item] = []
    faults: list[Fault] = []
    shown: set[Hashable] = set()
    checked: set[str] = set()

    def read(item: Item) -> Reading | None:
        first = item.file not in checked
        checked.add(item.file)
        try:
            reading = read_case(item.file, item.variant, settings, check_variants=first)
        except ScenarioError as error:
            faults.extend(error.faults)
            return None
        diagnostics.show(diagnostics.unseen(reading.warnings, shown))
        return reading

    for item in named_here:
        if item.plan is not None:
            items.append(item)
            continue
        reading = read(item)
        items.append(replace(item, reading=reading))
        for variant in reading.case.variants if all_variants and reading is not None else ():
            if (item.file, variant) not in known:
                known.add((item.file, variant))
                more = Item(variant, item.file, variant)
                items.append(replace(more, reading=read(more)))
    if faults:
        raise ScenarioError(tuple(diagnostics.unseen(faults, set())))
    labels = distinct([item.label for item in items])
    return [replace(item, label=label) for item, label in zip(items, labels, strict=True)]


def _item(text: str) -> Item:
    """A saved plan, in a file or a folder, read; or a scenario file and a variant of it, where a
    file whose own name has an @ goes first."""
    path = Path(text)
    if path.is_dir():
        path /= PLAN_FILE
        if not path.is_file():
            raise misused("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
    kind = saved.kind_of(path)
    if kind is None and not Path(text).is_dir():
        file, at, variant = text.rpartition("@")
        if path.is_file() or not at or not presets.meant(file).is_file():
            return Item(path.stem, text)
        if not variant:
            raise misused("'{text}' names no variant behind the @.", text=text)
        return Item(variant, file, variant)
    if kind != "plan":
        raise misused("'{path}' holds no plan but '{kind}'.", path=path, kind=kind)
    found = saved.read(str(path), bare=True)
    plan = found.result
    assert isinstance(plan, Plan)
    return Item(saved.label(path), text, plan.variant, plan=plan, saved=found)
