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
    Raises ScenarioError with the faults of all files, click.UsageError where a plan cannot be
    read."""
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
            raise misused("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
        return path / PLAN_FILE
    return None if kind_of(path) is None else path


def _parted(text: str) -> tuple[str, str | None]:
    """A file and a variant of it; a file whose own name has an @ goes first."""
    file, at, variant = text.rpartition("@")
    if Path(text).is_file() or not at or not Path(file).is_file():
        return text, None
    if not variant:
        raise misused("'{text}' names no variant behind the @.", text=text)
    return file, variant


def _saved(text: str, path: Path) -> Item:
    from optimizer.analyses.comparison.money import lacks_accounts

    if (kind := kind_of(path)) != "plan":
        raise misused(
            "'{path}' is of kind '{kind}'; a saved plan or a scenario can be compared.",
            path=path,
            kind=kind,
        )
    found = saved.read_plan(path)
    plan = found.result
    assert isinstance(plan, Plan)
    if lacks_accounts(plan):
        raise misused("'{path}' is of an earlier version: solve its scenario again.", path=path)
    return Item(saved.label(path), text, plan.variant, plan=plan, saved=found)


def _read(items: list[Item], all_variants: bool, settings: tuple[str, ...]) -> list[Item]:
    """Read the scenarios among the items; all faults of all of them are reported together."""
    named_already = {(item.file, item.variant) for item in items if item.plan is None}
    found: list[Item] = []
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
        raise ScenarioError(tuple(diagnostics.unseen(faults, set())))
    return found


def title_of(item: Item) -> Wording:
    """Title of the variant, or of the scenario, in both languages."""
    from optimizer.analyses.comparison.compare import wording

    case = item.case
    variant = case.variants.get(item.variant) if case and item.variant else None
    if variant is not None:
        return wording(variant.title, item.variant or "")
    return wording(case.title if case else None, Path(item.file).stem)


SCENARIOS = (".yaml", ".yml", ".xlsx", ".xlsm")


def read_plan(text: str) -> tuple[Path, Plan]:
    """A saved plan, of a file or of the folder it is in. Raises click.UsageError where there is
    none."""
    if text.lower().endswith(SCENARIOS):
        raise misused(
            "'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text
        )
    found = saved.read(text)
    if not isinstance(found.result, Plan):
        raise misused(
            "'{path}' holds no plan but '{kind}'.", path=found.path, kind=kind_of(found.path)
        )
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
