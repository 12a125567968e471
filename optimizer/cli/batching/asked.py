"""The runs that ``vorrat batch`` is asked for: files, variants and combinations of values."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.language import tr
from models.recording import Record, recording
from models.results.manifest import SUFFIX
from optimizer.analyses.options import SolveOptions
from optimizer.cli.batching.grids import combinations
from optimizer.cli.batching.patterns import matching
from optimizer.cli.disk.naming import RESERVED, folded
from optimizer.cli.products import FAULTS, PLAN, RESULTS
from optimizer.cli.repeating.manifest import INPUTS

if TYPE_CHECKING:
    from optimizer.analyses.batch.many import Task

MOST_RUNS = 100_000
"""Of one batch; more are a mistyped grid."""
LONGEST_NAME = 80
"""Of what can be read of a run's name, so that paths stay within what Windows takes."""
LEFT_BY_RUN = re.compile(
    "|".join(rf"-{Path(name).stem}(-new)?\{Path(name).suffix}$" for name in (PLAN, RESULTS, FAULTS))
)
"""How names end of what ``run`` puts beside a scenario, and what could be taken for one."""
TAG = 10
"""Digits of its key behind that."""


@dataclass(frozen=True)
class Asked:
    """One run as it was asked for."""

    file: str
    variant: str | None
    settings: tuple[str, ...]
    """Those of all runs, and then its own."""
    varied: Mapping[str, str]

    @property
    def words(self) -> str:
        """What can be read of its name, safe as the beginning of a folder's on any system."""
        values = (f"{path.split('.')[-1]}={value}" for path, value in self.varied.items())
        parts = (Path(self.file).stem, *([self.variant] if self.variant else []), *values)
        text = "--".join(re.sub(r"[^\w.=+-]+", "_", part).strip("_") for part in parts)
        text = text.lstrip(".") or "_"
        if RESERVED.fullmatch(text.split(".")[0].strip()):
            text = f"_{text}"
        cut = text[:LONGEST_NAME].encode("utf-8", "replace")[: 2 * LONGEST_NAME]
        return cut.decode("utf-8", "ignore").rstrip(".")


@dataclass(frozen=True, eq=False)
class Made:
    """What is kept of a scenario that was read; thousands may wait."""

    key: str
    input_sha256: str
    unit: str
    currency: str
    task: Task
    record: Record
    """The files that were read for it."""

    @classmethod
    def of(cls, read: Read, asked: Asked, options: SolveOptions) -> Made:
        """What is kept of a reading."""
        from optimizer.analyses.batch.many import Task, key_of
        from optimizer.solve.checked_solution import input_hash
        from optimizer.solve.plan_document import UNITS

        case = read.reading.case
        title = named(case.title, Path(asked.file).stem)
        return cls(
            key_of(case, title, asked.variant, options),
            input_hash(case),
            UNITS[case.objective.measure].format(currency=case.currency),
            case.currency,
            Task.of(case, title, asked.variant),
            read.record,
        )


@dataclass(frozen=True, eq=False)
class Ready(Made):
    """A run whose scenario was read."""

    asked: Asked
    run: str
    """Its name, and that of its folder."""


@dataclass(frozen=True, eq=False)
class Faulty:
    """A run whose scenario has faults."""

    asked: Asked
    run: str
    faults: tuple[Fault, ...]


def files_of(given: Sequence[str]) -> list[str]:
    """The files of names and patterns, each once; those of a pattern in the order of their names.

    A pattern leaves out what Vorrat and spreadsheet programs put beside scenarios. Windows leaves
    patterns to programs, so that they are the same everywhere if they are resolved here.
    Raises click.UsageError where a pattern meets nothing, or a folder is named.
    """
    found: dict[str, None] = {}
    for text in given:
        path = Path(text)
        if path.is_dir():
            raise click.UsageError(
                tr("'{path}' is a folder: name its files, as in {pattern}.", path=text,
                   pattern=f"'{path / '*.yaml'}'")
            )  # fmt: skip
        if path.is_file() or not glob.has_magic(text):
            found[text] = None
            continue
        met = [name for name in matching(text) if not _is_left(Path(name))]
        if not met:
            raise click.UsageError(tr("No file matches '{pattern}'.", pattern=text))
        found.update(dict.fromkeys(met))
    return list(found)


def _is_left(path: Path) -> bool:
    """Whether a file was left by a run or by a program that has a workbook open."""
    if path.name.startswith("~$"):
        return True
    ending = LEFT_BY_RUN.search(path.name)
    if ending is not None:
        of = path.name[: ending.start()]
        stems = {other.stem for other in path.parent.iterdir()}
        if any(of == stem or of.startswith(f"{stem}-") for stem in stems):
            return True
    return any(
        copies.name == INPUTS and (copies.parent / f"{result.name}{SUFFIX}").is_file()
        for result, copies in pairwise(path.parents)
    )


@dataclass(frozen=True)
class Wanted:
    """What a batch is asked to do with each file."""

    variants: tuple[str, ...]
    all_variants: bool
    settings: tuple[str, ...]
    grids: Mapping[str, Sequence[str]]

    def variants_of(self, reading: Reading | None) -> Iterator[str | None]:
        """Those of a file that was read as it stands; None for that itself."""
        if self.variants:
            yield from dict.fromkeys(self.variants)
            return
        yield None
        if self.all_variants and reading is not None:
            yield from reading.case.variants

    def count(self, files: Sequence[str]) -> int:
        """How many runs there are, as far as can be told before the files are read."""
        count = len(files) * max(1, len(self.variants))
        for values in self.grids.values():
            count *= len(values)
        return count


def read_all(
    files: Sequence[str],
    wanted: Wanted,
    options: SolveOptions,
    show: Callable[[Sequence[Fault]], None],
    on_read: Callable[[int], None],
) -> list[Ready | Faulty]:
    """Read and check all runs before the first is solved; faults are shown as they are found.

    Raises click.UsageError where there are too many.
    """
    found: list[tuple[Asked, Made | tuple[Fault, ...]]] = []
    shown: set[Hashable] = set()

    def tell(faults: Sequence[Fault]) -> None:
        new = [fault for fault in faults if told_as(fault) not in shown]
        shown.update(map(told_as, new))
        show(new)

    _refuse_many(wanted.count(files))
    for file in files:
        for asked, answer in _of_file(file, wanted, tell):
            if isinstance(answer, Read):
                found.append((asked, Made.of(answer, asked, options)))
            else:
                found.append((asked, answer))
            on_read(len(found))
            _refuse_many(len(found))
    names = _names([(asked, a.key if isinstance(a, Made) else "") for asked, a in found])
    return [
        Ready(**vars(made), asked=asked, run=name)
        if isinstance(made, Made)
        else Faulty(asked, name, made)
        for (asked, made), name in zip(found, names, strict=True)
    ]


def told_as(fault: Fault) -> Hashable:
    """What makes two faults one to a reader; a mistyped path counts once, whatever its values."""
    place = fault.place
    if place is not None and place.file.startswith("--set "):
        return fault.path, fault.message
    return place, fault.path, fault.message


@dataclass(frozen=True, eq=False)
class Read:
    """A scenario, and the files that were read for it."""

    reading: Reading
    record: Record


def _of_file(
    file: str, wanted: Wanted, tell: Callable[[Sequence[Fault]], None]
) -> Iterator[tuple[Asked, Read | tuple[Fault, ...]]]:
    """Every run of a file with its reading, or its faults."""
    first = None if wanted.variants else _read(file, None, wanted.settings, True, tell)
    known = first.reading if isinstance(first, Read) else None
    for position, variant in enumerate(wanted.variants_of(known)):
        base = first
        if variant is not None or base is None:
            base = _read(file, variant, wanted.settings, position == 0, tell)
        for varied in combinations(wanted.grids):
            own = tuple(f"{path}={value}" for path, value in varied.items())
            asked = Asked(file, variant, (*wanted.settings, *own), varied)
            if not own or not isinstance(base, Read):
                yield asked, base
            elif any(path.split(".")[0] == "include" for path in varied):
                # What lies below the file is not changed once it is read.
                yield asked, _read(file, variant, asked.settings, False, tell)
            else:
                yield asked, _changed(base, own, tell)


def _read(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    check_variants: bool,
    tell: Callable[[Sequence[Fault]], None],
) -> Read | tuple[Fault, ...]:
    with recording() as record:
        try:
            reading = read_case(file, variant, settings, check_variants=check_variants)
        except ScenarioError as error:
            tell(error.faults)
            return error.faults
    tell(reading.warnings)
    return Read(reading, record)


def _changed(
    base: Read, settings: tuple[str, ...], tell: Callable[[Sequence[Fault]], None]
) -> Read | tuple[Fault, ...]:
    with recording() as more:
        try:
            reading = base.reading.changed(settings)
        except ScenarioError as error:
            tell(error.faults)
            return error.faults
    tell(reading.warnings)
    return Read(reading, base.record.with_more(more) if more.files else base.record)


def _refuse_many(count: int) -> None:
    if count > MOST_RUNS:
        raise click.UsageError(
            tr("{count} runs are more than {most}.", count=count, most=MOST_RUNS)
        )


def _names(runs: Sequence[tuple[Asked, str]]) -> list[str]:
    """A name for each: words, and the beginning of its key; a second of one name gets a number.

    It is the same whenever the same is asked for, however many others are.
    """
    met: Counter[str] = Counter()
    names = []
    for asked, key in runs:
        name = f"{asked.words}--{key[:TAG]}" if key else asked.words
        met[folded(name)] += 1
        times = met[folded(name)]
        names.append(name if times == 1 else f"{name}-{times}")
    return names
