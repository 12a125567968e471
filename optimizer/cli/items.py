"""What ``vorrat compare`` is given: saved plans, scenario files and their variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.language import tr
from models.results import Plan
from models.results.option import Wording
from models.scenario.case import Case
from optimizer.cli import diagnostics, saved
from optimizer.cli.given import kind_of
from optimizer.cli.saved import PLAN_FILE, Given


@dataclass(frozen=True, eq=False)
class Item:
    """One thing to compare: a plan, or a scenario that has yet to be solved."""

    label: str
    file: str
    variant: str | None = None
    plan: Plan | None = None
    reading: Reading | None = None
    saved: Given | None = None
    """The file of a plan that was saved."""

    @property
    def case(self) -> Case | None:
        """Its scenario."""
        if self.reading is not None:
            return self.reading.case
        return self.plan.case if self.plan else None

    @property
    def title(self) -> str:
        """The title that its plan gets."""
        case = self.case
        return named(case.title if case else None, Path(self.file).stem)


def find(given: Sequence[str], all_variants: bool, settings: tuple[str, ...]) -> list[Item]:
    """Read all items, variants of scenario files with them if asked, each under its own label.

    Raises ScenarioError with the faults of all files, click.UsageError where a plan cannot be read.
    """
    from optimizer.analyses.comparison.compare import distinct

    items: list[Item] = []
    for text in given:
        plan_file = _plan_file(text)
        if plan_file is not None:
            items.append(_saved(text, plan_file))
        else:
            file, variant = _parted(text)
            items.append(Item(variant or Path(file).stem, file, variant))
    items = _read(items, all_variants, settings)
    labels = distinct([item.label for item in items])
    return [replace(item, label=label) for item, label in zip(items, labels, strict=True)]


def _plan_file(text: str) -> Path | None:
    """The file of a saved plan, None for a scenario."""
    path = Path(text)
    if path.is_dir():
        if not (path / PLAN_FILE).is_file():
            raise click.UsageError(
                tr("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
            )
        return path / PLAN_FILE
    return None if kind_of(path) is None else path


def _parted(text: str) -> tuple[str, str | None]:
    """A file and a variant of it; a file whose own name has an @ goes first."""
    file, at, variant = text.rpartition("@")
    if Path(text).is_file() or not at or not Path(file).is_file():
        return text, None
    if not variant:
        raise click.UsageError(tr("'{text}' names no variant behind the @.", text=text))
    return file, variant


def _saved(text: str, path: Path) -> Item:
    from optimizer.analyses.comparison.money import lacks_accounts

    if (kind := kind_of(path)) != "plan":
        raise click.UsageError(
            tr(
                "'{path}' is of kind '{kind}'; a saved plan or a scenario can be compared.",
                path=path,
                kind=kind,
            )
        )
    found = saved.read_plan(path)
    plan = found.result
    assert isinstance(plan, Plan)
    if lacks_accounts(plan):
        raise click.UsageError(
            tr("'{path}' is of an earlier version: solve its scenario again.", path=path)
        )
    return Item(saved.label(path), text, plan.variant, plan=plan, saved=found)


def _read(items: list[Item], all_variants: bool, settings: tuple[str, ...]) -> list[Item]:
    """Read the scenarios among the items; all faults of all of them are reported together."""
    named_already = {(item.file, item.variant) for item in items if item.plan is None}
    found: list[Item] = []
    faults: list[Fault] = []
    shown: set[tuple[Any, ...]] = set()
    checked: set[str] = set()

    def read(item: Item) -> Reading | None:
        first = item.file not in checked
        checked.add(item.file)
        try:
            reading = read_case(item.file, item.variant, settings, check_variants=first)
        except ScenarioError as error:
            faults.extend(error.faults)
            return None
        new = [f for f in reading.warnings if (f.place, f.message) not in shown]
        shown.update((f.place, f.message) for f in new)
        diagnostics.show(new)
        return reading

    expanded: set[str] = set()
    for item in items:
        if item.plan is not None:
            found.append(item)
            continue
        reading = read(item)
        found.append(replace(item, reading=reading))
        if not all_variants or reading is None or item.file in expanded:
            continue
        expanded.add(item.file)
        for variant in reading.case.variants:
            if (item.file, variant) not in named_already:
                more = Item(variant, item.file, variant)
                found.append(replace(more, reading=read(more)))
    if faults:
        unique = {(fault.place, fault.message): fault for fault in faults}
        raise ScenarioError(tuple(unique.values()))
    return found


def title_of(item: Item) -> Wording:
    """Title of the variant, or of the scenario, in both languages."""
    from optimizer.analyses.comparison.wording import wording

    case = item.case
    variant = case.variants.get(item.variant) if case and item.variant else None
    if variant is not None:
        return wording(variant.title, item.variant or "")
    return wording(case.title if case else None, Path(item.file).stem)
