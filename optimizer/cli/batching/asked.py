"""The runs that ``vorrat batch`` is asked for: files, variants and combinations of values."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.recording import Record, recording
from models.results.manifest import SUFFIX
from optimizer.analyses.options import SolveOptions
from optimizer.cli import diagnostics
from optimizer.cli.batching.grids import combinations
from optimizer.cli.disk.naming import RESERVED, folded
from optimizer.cli.repeating.manifest import INPUTS
from optimizer.cli.report import FAULTS, PLAN, RESULTS
from optimizer.cli.usage import misused

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
    def named(self) -> dict[str, Any]:
        """What a line on it says that its key does not."""
        return {"file": self.file, "settings": self.settings, "varied": dict(self.varied)}

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
class Ready:
    """A run whose scenario was read: what is kept of it, since thousands may wait."""

    asked: Asked
    key: str
    input_sha256: str
    unit: str
    currency: str
    task: Task
    record: Record
    """The files that were read for it."""
    run: str = ""
    """Its name, and that of its folder."""

    @classmethod
    def of(cls, asked: Asked, read: Read, options: SolveOptions) -> Ready:
        """What is kept of a reading."""
        from optimizer.analyses.batch.many import Task, key_of
        from optimizer.solve.checked_solution import input_hash
        from optimizer.solve.plan_document import UNITS

        case = read.reading.case
        title = named(case.title, Path(asked.file).stem)
        return cls(
            asked,
            key_of(case, title, asked.variant, options),
            input_hash(case),
            UNITS[case.objective.measure].format(currency=case.currency),
            case.currency,
            Task.of(case, title, asked.variant),
            read.record,
        )


@dataclass(frozen=True, eq=False)
class Faulty:
    """A run whose scenario has faults."""

    asked: Asked
    faults: tuple[Fault, ...]
    key = ""
    run: str = ""


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
            raise misused(
                "'{path}' is a folder: name its files, as in {pattern}.",
                path=text,
                pattern=f"'{path / '*.yaml'}'",
            )
        if path.is_file() or not glob.has_magic(text):
            found[text] = None
            continue
        met = [name for name in matching(text) if not _is_left(Path(name))]
        if not met:
            raise misused("No file matches '{pattern}'.", pattern=text)
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
    files: Sequence[str], wanted: Wanted, options: SolveOptions, on_read: Callable[[int], None]
) -> list[Ready | Faulty]:
    """Read and check all runs before the first is solved; faults are shown as they are found.
    Raises click.UsageError where there are too many."""
    found: list[Ready | Faulty] = []
    shown: set[Hashable] = set()

    def tell(faults: Sequence[Fault]) -> None:
        diagnostics.show(diagnostics.unseen(faults, shown))

    _refuse_many(wanted.count(files))
    for file in files:
        for asked, answer in _of_file(file, wanted, tell):
            if isinstance(answer, Read):
                found.append(Ready.of(asked, answer, options))
            else:
                found.append(Faulty(asked, answer))
            on_read(len(found))
            _refuse_many(len(found))
    names = _names([(run.asked, run.key) for run in found])
    return [replace(run, run=name) for run, name in zip(found, names, strict=True)]


@dataclass(frozen=True, eq=False)
class Read:
    """A scenario, and the files that were read for it."""

    reading: Reading
    record: Record


def _of_file(
    file: str, wanted: Wanted, tell: Callable[[Sequence[Fault]], None]
) -> Iterator[tuple[Asked, Read | tuple[Fault, ...]]]:
    """Every run of a file with its reading, or its faults."""

    def read(variant: str | None, settings: tuple[str, ...], check: bool) -> Reading:
        return read_case(file, variant, settings, check_variants=check)

    first = None
    if not wanted.variants:
        first = _tried(tell, None, read, None, wanted.settings, True)
    known = first.reading if isinstance(first, Read) else None
    for position, variant in enumerate(wanted.variants_of(known)):
        base = first
        if variant is not None or base is None:
            base = _tried(tell, None, read, variant, wanted.settings, position == 0)
        for varied in combinations(wanted.grids):
            own = tuple(f"{path}={value}" for path, value in varied.items())
            asked = Asked(file, variant, (*wanted.settings, *own), varied)
            if not own or not isinstance(base, Read):
                yield asked, base
            elif any(path.split(".")[0] == "include" for path in varied):
                # What lies below the file is not changed once it is read.
                yield asked, _tried(tell, None, read, variant, asked.settings, False)
            else:
                yield asked, _tried(tell, base.record, base.reading.changed, own)


def _tried(
    tell: Callable[[Sequence[Fault]], None],
    before: Record | None,
    read: Callable[..., Reading],
    *how: Any,
) -> Read | tuple[Fault, ...]:
    """What a function reads, with the files that were read before; or its faults."""
    with recording() as record:
        try:
            reading = read(*how)
        except ScenarioError as error:
            tell(error.faults)
            return error.faults
    tell(reading.warnings)
    if before is not None:
        record = before.with_more(record) if record.files else before
    return Read(reading, record)


def _refuse_many(count: int) -> None:
    if count > MOST_RUNS:
        raise misused("{count} runs are more than {most}.", count=count, most=MOST_RUNS)


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


_ALL_BELOW = re.compile(r"(?:^|(?<=[/\\]))\*\*(?:[/\\]+\*\*)*(?:[/\\]+|$)")
"""Where a pattern takes all folders below."""


def matching(pattern: str) -> list[str]:
    """The regular files that a pattern means, by name.

    ``**`` takes folders below, none that is hidden or a link: links can lead round and round, and
    out of the folder.
    """
    return sorted({name for name in _met(pattern, "") if Path(name).is_file()})


def _met(pattern: str, root: str) -> Iterator[str]:
    """Names that match below a folder, which is the working one if it has no name."""
    found = _ALL_BELOW.search(pattern)
    if found is None:
        names = glob.glob(pattern, root_dir=root or None)  # noqa: PTH207 (as the shell)
        yield from (os.path.join(root, name) for name in names)  # noqa: PTH118 (keeps ./)
        return
    head, tail = pattern[: found.start()], pattern[found.end() :] or "*"
    for top in _met(head, root) if head else [root]:
        for below in _with_all_below(top):
            yield from _met(tail, below)


def _with_all_below(top: str) -> Iterator[str]:
    for folder, inside, _ in os.walk(top or os.curdir):
        inside[:] = [name for name in inside if not name.startswith(".")]
        yield folder if top else folder[2:]  # without ./
