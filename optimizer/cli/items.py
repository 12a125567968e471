"""What ``vorrat compare`` is given: saved plans, scenario files and their variants."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.files.json_document import NotPlainError, read_json
from models.results import Plan
from models.results.option import Wording
from models.scenario.case import Case
from optimizer.cli import diagnostics, saved, whole
from optimizer.cli.saved import PLAN_FILE, Given
from optimizer.cli.usage import misused


@dataclass(frozen=True, eq=False)
class Item:
    """One thing to compare: a plan, or a scenario that has yet to be solved."""

    label: str
    file: str
    variant: str | None = None
    reading: Reading | None = None
    plan: Plan | None = None
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
        return named(self.case.title if self.case else None, Path(self.file).stem)

    @property
    def wording(self) -> Wording:
        """Title of the variant, or of the scenario, in both languages."""
        from optimizer.analyses.comparison.wording import wording

        case = self.case
        variant = case.variants.get(self.variant) if case and self.variant else None
        if variant is not None:
            return wording(variant.title, self.variant or "")
        return wording(case.title if case else None, Path(self.file).stem)


def find(given: Sequence[str], all_variants: bool, settings: tuple[str, ...]) -> list[Item]:
    """Read all items, variants of scenario files with them if asked, each under its own label.
    Raises ScenarioError with the faults of all files, click.UsageError where a plan cannot be
    read."""
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
    """A saved plan, in a file or a folder, read; or a file and a variant of it, where a file whose
    own name has an @ goes first."""
    path = Path(text)
    if path.is_dir():
        path /= PLAN_FILE
        if not path.is_file():
            raise misused("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
    kind = kind_of(path)
    if kind is None and not Path(text).is_dir():
        file, at, variant = text.rpartition("@")
        if path.is_file() or not at or not Path(file).is_file():
            return Item(path.stem, text)
        if not variant:
            raise misused("'{text}' names no variant behind the @.", text=text)
        return Item(variant, file, variant)
    from optimizer.analyses.comparison.money import lacks_accounts

    if kind != "plan":
        raise misused(
            "'{path}' is of kind '{kind}'; a saved plan or a scenario can be compared.",
            path=path,
            kind=kind,
        )
    found = saved.read(str(path), bare=True)
    plan = found.result
    assert isinstance(plan, Plan)
    if lacks_accounts(plan):
        raise misused("'{path}' is of an earlier version: solve its scenario again.", path=path)
    return Item(saved.label(path), text, plan.variant, plan=plan, saved=found)


def read_plan(text: str) -> tuple[Path, Plan]:
    """A saved plan, of a file or of the folder it is in. Raises click.UsageError where there is
    none."""
    if text.lower().endswith((".yaml", ".yml", ".xlsx", ".xlsm")):
        raise misused(
            "'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text
        )
    found = saved.read(text)
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
