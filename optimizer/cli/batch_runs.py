"""The runs that ``vorrat batch`` is asked for: files, variants and combinations of values."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.language import tr
from models.recording import Record, recording
from models.results.manifest import SUFFIX
from optimizer.analyses.options import SolveOptions
from optimizer.cli import diagnostics
from optimizer.cli.disk import RESERVED, folded
from optimizer.cli.manifest import INPUTS
from optimizer.cli.report import FAULTS, PLAN, RESULTS
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.analyses.batch.many import Task

MOST_RUNS = 100_000
"""Of one batch; more are a mistyped grid."""
MOST_VALUES = 10_000
"""Of one grid; more are a mistyped step."""
LONGEST_NAME = 80
"""Of what can be read of a run's name, so that paths stay within what Windows takes."""
TAG = 10
"""Digits of its key behind that."""
LEFT_BY_RUN = re.compile(
    "|".join(rf"-{Path(name).stem}(-new)?\{Path(name).suffix}$" for name in (PLAN, RESULTS, FAULTS))
)
"""How names end of what ``run`` puts beside a scenario, and what could be taken for one."""
_CLOSES = {"[": "]", "{": "}", "(": ")"}


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


@dataclass(frozen=True, eq=False)
class Faulty:
    """A run whose scenario has faults."""

    asked: Asked
    faults: tuple[Fault, ...]
    key = ""
    run: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a batch is asked to do with each file."""

    variants: tuple[str, ...]
    all_variants: bool
    settings: tuple[str, ...]
    grids: Mapping[str, Sequence[str]]

    def count(self, files: Sequence[str]) -> int:
        """How many runs there are, as far as can be told before the files are read."""
        count = len(files) * max(1, len(self.variants))
        for values in self.grids.values():
            count *= len(values)
        return count


@dataclass(frozen=True, eq=False)
class Read:
    """A scenario, and the files that were read for it."""

    reading: Reading
    record: Record


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
                found.append(_ready(asked, answer, options))
            else:
                found.append(Faulty(asked, answer))
            on_read(len(found))
            _refuse_many(len(found))
    names = _names([(run.asked, run.key) for run in found])
    return [replace(run, run=name) for run, name in zip(found, names, strict=True)]


def _ready(asked: Asked, read: Read, options: SolveOptions) -> Ready:
    """What is kept of a reading."""
    from optimizer.analyses.batch.many import Task, key_of
    from optimizer.solve.checked_solution import input_hash
    from optimizer.solve.plan_document import UNITS

    case = read.reading.case
    title = named(case.title, Path(asked.file).stem)
    return Ready(
        asked,
        key_of(case, title, asked.variant, options),
        input_hash(case),
        UNITS[case.objective.measure].format(currency=case.currency),
        case.currency,
        Task.of(case, title, asked.variant),
        read.record,
    )


def _of_file(
    file: str, wanted: Wanted, tell: Callable[[Sequence[Fault]], None]
) -> Iterator[tuple[Asked, Read | tuple[Fault, ...]]]:
    """Every run of a file with its reading, or its faults."""

    def tried(before: Record | None, read: Callable[[], Reading]) -> Read | tuple[Fault, ...]:
        """What a function reads, with the files that were read before; or its faults."""
        with recording() as record:
            try:
                reading = read()
            except ScenarioError as error:
                tell(error.faults)
                return error.faults
        tell(reading.warnings)
        if before is not None:
            record = before.with_more(record) if record.files else before
        return Read(reading, record)

    def anew(variant: str | None, settings: tuple[str, ...], check: bool) -> Any:
        return tried(None, lambda: read_case(file, variant, settings, check_variants=check))

    variants: list[str | None] = list(dict.fromkeys(wanted.variants)) or [None]
    first = anew(variants[0], wanted.settings, True)
    if wanted.all_variants and isinstance(first, Read):
        variants += first.reading.case.variants
    for position, variant in enumerate(variants):
        base = first if position == 0 else anew(variant, wanted.settings, False)
        for varied in combinations(wanted.grids):
            own = tuple(f"{path}={value}" for path, value in varied.items())
            asked = Asked(file, variant, (*wanted.settings, *own), varied)
            if not own or not isinstance(base, Read):
                yield asked, base
            elif any(path.split(".")[0] == "include" for path in varied):
                # What lies below the file is not changed once it is read.
                yield asked, anew(variant, asked.settings, False)
            else:
                yield asked, tried(base.record, partial(base.reading.changed, own))


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


def matching(pattern: str) -> list[str]:
    """The regular files that a pattern means, by name.

    ``**`` takes folders below, none that is hidden or a link: links can lead round and round, and
    out of the folder.
    """
    head, deep, tail = pattern.partition("**")
    if not deep:
        names = glob.glob(pattern)  # noqa: PTH207 (as the shell)
        return sorted(name for name in names if Path(name).is_file())
    tail = re.sub(r"\*\*[/\\]*", "", tail).strip("/\\") or "*"
    found: set[str] = set()
    for top in glob.glob(head) if head else [os.curdir]:  # noqa: PTH207
        for folder, inside, names in os.walk(top):
            inside[:] = [name for name in inside if not name.startswith(".")]
            paths = [Path(folder, name) for name in names if not name.startswith(".")]
            found.update(str(path) for path in paths if path.match(tail))
    return sorted(found)


def _is_left(path: Path) -> bool:
    """Whether a file was left by a run or by a program that has a workbook open."""
    ending = LEFT_BY_RUN.search(path.name)
    if ending is not None:
        of = path.name[: ending.start()]
        stems = {other.stem for other in path.parent.iterdir()}
        if any(of == stem or of.startswith(f"{stem}-") for stem in stems):
            return True
    return path.name.startswith("~$") or any(
        copies.name == INPUTS and (copies.parent / f"{result.name}{SUFFIX}").is_file()
        for result, copies in itertools.pairwise(path.parents)
    )


def grids(
    _ctx: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The values of each path of ``--grid PATH=VALUES``, in the order given, each once.

    A path that is given again gets further values. Raises click.BadParameter.
    """
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        path, equals, listed = text.partition("=")
        path = path.strip()
        if not equals or not path or not listed.strip():
            raise click.BadParameter(
                tr("'{value}' is not such as horizon.last_year=2035,2040.", value=text)
            )
        values = found.setdefault(path, {})
        for part in _parts(listed):
            if not part:
                raise click.BadParameter(tr("'{value}' has an empty value.", value=text))
            values.update(dict.fromkeys(_range(part, text)))
            _refuse_values(len(values), text)
    return {path: tuple(values) for path, values in found.items()}


def _refuse_values(count: int, text: str) -> None:
    if count > MOST_VALUES:
        raise click.BadParameter(
            tr("'{value}' is more than {most} values.", value=text, most=MOST_VALUES)
        )


def combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """All combinations of values by path, the last path moving fastest; one empty one of none."""
    for combined in itertools.product(*values.values()):
        yield dict(zip(values, combined, strict=True))


def _parts(text: str) -> Iterator[str]:
    """What stands between commas; those in quotes and brackets are part of a value."""
    begun, quote, open_ = 0, "", []
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and not text[begun:at].strip():
            quote = sign
        elif sign in _CLOSES:
            open_.append(_CLOSES[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
        elif sign == "," and not open_:
            yield text[begun:at].strip()
            begun = at + 1
    yield text[begun:].strip()


def _range(part: str, text: str) -> Iterator[str]:
    """The values of ``FROM:TO:STEP``, reckoned in decimals so that none is missed; else the text.

    Both ends belong to it, the last if a step meets it.
    """
    try:
        first, last, step = (Decimal(number.strip()) for number in part.split(":"))
        count = (last - first) / step if step > 0 else Decimal(0)
        finite = all(number.is_finite() for number in (first, last, step))
    except (ValueError, InvalidOperation):
        finite = False
    if not finite:
        yield part
        return
    if step <= 0 or last < first:
        raise click.BadParameter(
            tr("'{value}': a range rises from FROM to TO by a STEP above 0.", value=text)
        )
    _refuse_values(MOST_VALUES + 1 if count >= MOST_VALUES else 0, text)
    for position in range(int(count) + 1):
        yield f"{(first + position * step).normalize():f}"
