"""The runs that ``vorrat batch`` is asked for: files, variants and combinations of values."""

from __future__ import annotations

import glob
import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import display_name
from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, read_case
from models.input_log import InputLog, log_inputs
from models.language import tr
from models.results.manifest import MANIFEST_SUFFIX
from optimizer.analyses.options import SolveOptions
from optimizer.cli import diagnostics, output_files
from optimizer.cli.manifest import INPUTS_FOLDER
from optimizer.cli.report import FAULTS_FILE, PLAN_FILE, RESULTS_FILE
from optimizer.cli.usage import usage_error

if TYPE_CHECKING:
    from optimizer.analyses.batch.batch_solving import BatchTask

MAX_RUNS = 100_000  # of one batch; more are a mistyped grid
MAX_GRID_VALUES = 10_000  # of one grid; more are a mistyped step
KEY_DIGITS = 10  # digits of its key behind what can be read of a run's name
RUN_OUTPUT_ENDINGS = (f"-{FAULTS_FILE}", f"-{PLAN_FILE}", f"-{RESULTS_FILE}")
"""How names end of what ``run`` puts beside a scenario, and what could be taken for one."""
_CLOSING_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(eq=False)
class PlannedRun:
    """One run as it was asked for, and what is kept of its scenario, since thousands may wait."""

    file: str
    variant: str | None
    settings: tuple[str, ...]  # those of all runs, and then its own
    varied: Mapping[str, str]
    run: str = ""  # its name, and that of its folder
    faults: tuple[Fault, ...] = ()
    key: str | None = None
    input_sha256: str | None = None
    unit: str | None = None
    currency: str | None = None
    task: BatchTask | None = None  # none where the scenario has faults
    record: InputLog | None = None  # the files that were read for it

    @property
    def name_stem(self) -> str:
        """What can be read of its name, safe as the beginning of a folder's on any system."""
        values = (f"{path.split('.')[-1]}={value}" for path, value in self.varied.items())
        parts = (Path(self.file).stem, *([self.variant] if self.variant else []), *values)
        return output_files.safe_name("--".join(parts), extra_characters="+=")

    def keep_scenario(
        self, reading: LoadedScenario, record: InputLog, options: SolveOptions
    ) -> None:
        """Keep what is needed of its scenario."""
        from optimizer.analyses.batch.batch_solving import BatchTask, result_key
        from optimizer.solve.checked_solution import input_hash
        from optimizer.solve.plan_document import MEASURE_UNITS

        case = reading.case
        title = display_name(case.title, Path(self.file).stem)
        self.key = result_key(case, title, self.variant, options)
        self.input_sha256 = input_hash(case)
        self.unit = MEASURE_UNITS[case.objective.measure].format(currency=case.currency)
        self.currency, self.task = case.currency, BatchTask.from_case(case, title, self.variant)
        self.record = record


@dataclass(frozen=True)
class BatchRequest:
    """What a batch is asked to do with each file."""

    variants: tuple[str, ...]
    all_variants: bool
    settings: tuple[str, ...]
    grids: Mapping[str, Sequence[str]]

    def count_runs(self, files: Sequence[str]) -> int:
        """How many runs there are, as far as can be told before the files are read."""
        each = (len(values) for values in self.grids.values())
        return math.prod((len(files), max(1, len(self.variants)), *each))


ReadOutcome = tuple[LoadedScenario, InputLog] | tuple[Fault, ...]
"""A scenario and the files that were read for it, or its faults."""


def read_runs(
    files: Sequence[str],
    request: BatchRequest,
    options: SolveOptions,
    on_read: Callable[[int], None],
) -> list[PlannedRun]:
    """Read and check all runs before the first is solved; faults are shown as they are found.
    Raises click.UsageError where there are too many."""
    found: list[PlannedRun] = []
    shown: set[Hashable] = set()

    def tried(read: Callable[[], LoadedScenario], before: InputLog | None = None) -> ReadOutcome:
        """What a function reads, with the files that were read before."""
        with log_inputs() as record:
            try:
                reading = read()
            except ScenarioError as error:
                diagnostics.show_faults(diagnostics.new_faults(error.faults, shown))
                return error.faults
        diagnostics.show_faults(diagnostics.new_faults(reading.warnings, shown))
        if before is not None:
            record = before.merged_with(record) if record.files else before
        return reading, record

    _refuse_too_many_runs(request.count_runs(files))
    for file in files:
        for run, read in _runs_of_file(file, request, tried):
            if isinstance(read[0], LoadedScenario):
                reading, record = read
                run.keep_scenario(reading, record, options)
            else:
                run.faults = read
            found.append(run)
            on_read(len(found))
            _refuse_too_many_runs(len(found))
    assign_run_names(found)
    return found


def _runs_of_file(
    file: str, request: BatchRequest, try_read: Callable[..., Any]
) -> Iterator[tuple[PlannedRun, Any]]:
    """Every run of a file with its reading, or its faults."""

    def anew(variant: str | None, settings: tuple[str, ...], check: bool) -> Any:
        return try_read(partial(read_case, file, variant, settings, check_variants=check))

    variants: list[str | None] = list(dict.fromkeys(request.variants)) or [None]
    first = anew(variants[0], request.settings, True)
    if request.all_variants and isinstance(first[0], LoadedScenario):
        variants += first[0].case.variants
    for position, variant in enumerate(variants):
        base = first if position == 0 else anew(variant, request.settings, False)
        for varied in value_combinations(request.grids):
            own = tuple(f"{path}={value}" for path, value in varied.items())
            run = PlannedRun(file, variant, (*request.settings, *own), varied)
            if not own or not isinstance(base[0], LoadedScenario):
                yield run, base
            elif any(path.split(".")[0] == "include" for path in varied):
                # What lies below the file is not changed once it is read.
                yield run, anew(variant, run.settings, False)
            else:
                yield run, try_read(partial(base[0].with_settings, own), base[1])


def assign_run_names(runs: Sequence[PlannedRun]) -> None:
    """Give each its name: words, and the beginning of its key; a second of one name gets a number.
    It is the same whenever the same is asked for, however many others are."""
    met: Counter[str] = Counter()
    for run in runs:
        name = f"{run.name_stem}--{run.key[:KEY_DIGITS]}" if run.key else run.name_stem
        met[output_files.fold_name(name)] += 1
        times = met[output_files.fold_name(name)]
        run.run = name if times == 1 else f"{name}-{times}"


def _refuse_too_many_runs(count: int) -> None:
    if count > MAX_RUNS:
        raise usage_error("{count} runs are more than {most}.", count=count, most=MAX_RUNS)


def expand_patterns(patterns: Sequence[str]) -> list[str]:
    """The files of names and patterns, each once; those of a pattern in the order of their names. A
    pattern leaves out what Vorrat and spreadsheet programs put beside scenarios. Windows leaves
    patterns to programs, so that they are the same everywhere if they are resolved here. Raises
    click.UsageError where a pattern meets nothing, or a folder is named."""
    found: dict[str, None] = {}
    for text in patterns:
        path = Path(text)
        if path.is_dir():
            raise usage_error(
                "'{path}' is a folder: name its files, as in {pattern}.",
                path=text,
                pattern=f"'{path / '*.yaml'}'",
            )
        if path.is_file() or not glob.has_magic(text):
            found[text] = None
            continue
        met = [name for name in files_matching(text) if not _is_generated_file(Path(name))]
        if not met:
            raise usage_error("No file matches '{pattern}'.", pattern=text)
        found.update(dict.fromkeys(met))
    return list(found)


def files_matching(pattern: str) -> list[str]:
    """The regular files that a pattern means, by name. ``**`` takes folders below, none that is
    hidden or a link: links can lead round and round, and out of the folder."""
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


def _is_generated_file(path: Path) -> bool:
    """Whether a file was left by a run or by a program that has a workbook open, by its name and
    that of its folder."""
    name = path.name.replace("-new.", ".")
    return (
        name.startswith("~$")
        or name.endswith(RUN_OUTPUT_ENDINGS)
        or any(
            copies.name == INPUTS_FOLDER
            and (copies.parent / f"{result.name}{MANIFEST_SUFFIX}").is_file()
            for result, copies in itertools.pairwise(path.parents)
        )
    )


def parse_grids(
    _ctx: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The values of each path of ``--grid PATH=VALUES``, in the order given, each once. A path that
    is given again gets further values. Raises click.BadParameter."""
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        path, equals, listed = text.partition("=")
        path = path.strip()
        if not equals or not path or not listed.strip():
            raise click.BadParameter(
                tr("'{value}' is not such as horizon.last_year=2035,2040.", value=text)
            )
        values = found.setdefault(path, {})
        for part in _split_at_commas(listed):
            if not part:
                raise click.BadParameter(tr("'{value}' has an empty value.", value=text))
            values.update(dict.fromkeys(_expand_range(part, text)))
            _refuse_too_many_values(len(values), text)
    return {path: tuple(values) for path, values in found.items()}


def _refuse_too_many_values(count: int, text: str) -> None:
    if count > MAX_GRID_VALUES:
        raise click.BadParameter(
            tr("'{value}' is more than {most} values.", value=text, most=MAX_GRID_VALUES)
        )


def value_combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """All combinations of values by path, the last path moving fastest; one empty one of none."""
    for combined in itertools.product(*values.values()):
        yield dict(zip(values, combined, strict=True))


def _split_at_commas(text: str) -> Iterator[str]:
    """What stands between commas; those in quotes and brackets are part of a value."""
    begun, quote, open_ = 0, "", []
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and not text[begun:at].strip():
            quote = sign
        elif sign in _CLOSING_BRACKETS:
            open_.append(_CLOSING_BRACKETS[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
        elif sign == "," and not open_:
            yield text[begun:at].strip()
            begun = at + 1
    yield text[begun:].strip()


def _expand_range(part: str, text: str) -> Iterator[str]:
    """The values of ``FROM:TO:STEP``, reckoned in decimals so that none is missed; else the text.
    Both ends belong to it, the last if a step meets it."""
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
    _refuse_too_many_values(MAX_GRID_VALUES + 1 if count >= MAX_GRID_VALUES else 0, text)
    for position in range(int(count) + 1):
        yield f"{(first + position * step).normalize():f}"
