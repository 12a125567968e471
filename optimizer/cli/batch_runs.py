"""The runs of ``vorrat batch``: files, variants and combinations of values."""

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
from optimizer.analyses.options import SolveOptions
from optimizer.cli import diagnostics, output_files
from optimizer.cli.report import FAULTS_FILE, PLAN_FILE, RESULTS_FILE
from optimizer.cli.usage import usage_error

if TYPE_CHECKING:
    from optimizer.analyses.batch.batch_solving import BatchTask

MAX_RUNS = 100_000  # a batch with more has a mistyped grid
MAX_GRID_VALUES = 10_000  # a grid with more has a mistyped step
KEY_DIGITS = 10  # digits of its key at the end of the name of a run
RUN_OUTPUT_ENDINGS = (f"-{FAULTS_FILE}", f"-{PLAN_FILE}", f"-{RESULTS_FILE}")
"""Endings of files that ``run`` writes beside a scenario and that could be taken for scenarios."""
_CLOSING_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(eq=False)
class PlannedRun:
    """One run of a batch, as requested. It keeps only those parts of its scenario that are needed,
    since thousands of runs may wait."""

    file: str
    variant: str | None
    settings: tuple[str, ...]  # settings of all runs, then those of this run's grid values
    varied: Mapping[str, str]
    run: str = ""  # name of the run and of its folder
    faults: tuple[Fault, ...] = ()
    key: str | None = None
    input_sha256: str | None = None
    unit: str | None = None
    currency: str | None = None
    task: BatchTask | None = None  # None if the scenario has faults
    input_log: InputLog | None = None  # the files that were read for it

    @property
    def name_stem(self) -> str:
        """The readable part of the run's name. It is a valid folder name on any system."""
        value_texts = (f"{path.split('.')[-1]}={value}" for path, value in self.varied.items())
        name_parts = (Path(self.file).stem, *([self.variant] if self.variant else []), *value_texts)
        return output_files.safe_name("--".join(name_parts), extra_characters="+=")

    def keep_scenario(
        self, loaded_scenario: LoadedScenario, input_log: InputLog, options: SolveOptions
    ) -> None:
        """Keep what solving the scenario and writing its line of the ledger need: its key, hash,
        unit and currency, the task, and the log of its input files."""
        from optimizer.analyses.batch.batch_solving import BatchTask, result_key
        from optimizer.solve.checked_solution import input_hash
        from optimizer.solve.plan_document import MEASURE_UNITS

        case = loaded_scenario.case
        title = display_name(case.title, Path(self.file).stem)
        self.key = result_key(case, title, self.variant, options)
        self.input_sha256 = input_hash(case)
        self.unit = MEASURE_UNITS[case.objective.measure].format(currency=case.currency)
        self.currency, self.task = case.currency, BatchTask.from_case(case, title, self.variant)
        self.input_log = input_log


@dataclass(frozen=True)
class BatchRequest:
    """The variants, settings and grids that a batch applies to each file."""

    variants: tuple[str, ...]
    all_variants: bool
    settings: tuple[str, ...]
    grids: Mapping[str, Sequence[str]]

    def count_runs(self, files: Sequence[str]) -> int:
        """Return the number of runs for ``files``, without variants that ``all_variants`` adds."""
        value_counts = (len(grid_values) for grid_values in self.grids.values())
        return math.prod((len(files), max(1, len(self.variants)), *value_counts))


ReadOutcome = tuple[LoadedScenario, InputLog] | tuple[Fault, ...]
"""A scenario with the log of the files that were read for it, or its faults."""


def read_runs(
    files: Sequence[str],
    request: BatchRequest,
    options: SolveOptions,
    on_read: Callable[[int], None],
) -> list[PlannedRun]:
    """Read and check all runs before the first is solved. Faults are shown as they are found. Raise
    click.UsageError if there are too many runs."""
    runs: list[PlannedRun] = []
    shown_keys: set[Hashable] = set()

    def try_read(
        read: Callable[[], LoadedScenario], earlier_log: InputLog | None = None
    ) -> ReadOutcome:
        """Call ``read``, which reads a scenario. Return the scenario with the log of the files that
        were read, or its faults, which are printed."""
        with log_inputs() as input_log:
            try:
                loaded_scenario = read()
            except ScenarioError as error:
                diagnostics.show_faults(diagnostics.new_faults(error.faults, shown_keys))
                return error.faults
        diagnostics.show_faults(diagnostics.new_faults(loaded_scenario.warnings, shown_keys))
        if earlier_log is not None:
            input_log = earlier_log.merged_with(input_log) if input_log.files else earlier_log
        return loaded_scenario, input_log

    _refuse_too_many_runs(request.count_runs(files))
    for file in files:
        for run, outcome in _runs_of_file(file, request, try_read):
            if isinstance(outcome[0], LoadedScenario):
                loaded_scenario, input_log = outcome
                run.keep_scenario(loaded_scenario, input_log, options)
            else:
                run.faults = outcome
            runs.append(run)
            on_read(len(runs))
            _refuse_too_many_runs(len(runs))
    assign_run_names(runs)
    return runs


def _runs_of_file(
    file: str, request: BatchRequest, try_read: Callable[..., Any]
) -> Iterator[tuple[PlannedRun, Any]]:
    """Yield each run of a file with the outcome of reading its scenario."""

    def read_variant(variant: str | None, settings: tuple[str, ...], check: bool) -> Any:
        return try_read(partial(read_case, file, variant, settings, check_variants=check))

    variants: list[str | None] = list(dict.fromkeys(request.variants)) or [None]
    first_outcome = read_variant(variants[0], request.settings, True)
    if request.all_variants and isinstance(first_outcome[0], LoadedScenario):
        variants += first_outcome[0].case.variants
    for position, variant in enumerate(variants):
        outcome = first_outcome if position == 0 else read_variant(variant, request.settings, False)
        for varied in value_combinations(request.grids):
            grid_settings = tuple(f"{path}={value}" for path, value in varied.items())
            run = PlannedRun(file, variant, (*request.settings, *grid_settings), varied)
            if not grid_settings or not isinstance(outcome[0], LoadedScenario):
                yield run, outcome
            elif any(path.split(".")[0] == "include" for path in varied):
                # Included files are merged while the file is read: it has to be read again.
                yield run, read_variant(variant, run.settings, False)
            else:
                yield run, try_read(partial(outcome[0].with_settings, grid_settings), outcome[1])


def assign_run_names(runs: Sequence[PlannedRun]) -> None:
    """Give each run a name from its values and the beginning of its key. A number is added if names
    are equal; apart from that the name does not depend on the other runs of the batch."""
    name_counts: Counter[str] = Counter()
    for run in runs:
        name = f"{run.name_stem}--{run.key[:KEY_DIGITS]}" if run.key else run.name_stem
        name_counts[output_files.fold_name(name)] += 1
        occurrence = name_counts[output_files.fold_name(name)]
        run.run = name if occurrence == 1 else f"{name}-{occurrence}"


def _refuse_too_many_runs(count: int) -> None:
    if count > MAX_RUNS:
        raise usage_error("{count} runs are more than {most}.", count=count, most=MAX_RUNS)


def expand_patterns(patterns: Sequence[str]) -> list[str]:
    """Return the files that names and patterns stand for, each file once. Files that match a
    pattern are sorted by name, without those that Vorrat and spreadsheet programs write beside
    scenarios. Windows leaves it to programs to expand patterns, so it is done here. Raise
    click.UsageError for a pattern without a match and for a folder."""
    paths: dict[str, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            raise usage_error(
                "'{path}' is a folder: name its files, as in {pattern}.",
                path=pattern,
                pattern=f"'{path / '*.yaml'}'",
            )
        if path.is_file() or not glob.has_magic(pattern):
            paths[pattern] = None
            continue
        matching_files = [
            name for name in files_matching(pattern) if not _is_generated_file(Path(name))
        ]
        if not matching_files:
            raise usage_error("No file matches '{pattern}'.", pattern=pattern)
        paths.update(dict.fromkeys(matching_files))
    return list(paths)


def files_matching(pattern: str) -> list[str]:
    """Return the regular files that match a pattern, sorted by name. ``**`` includes folders at any
    depth, but no hidden ones, and no links to folders, which can form cycles or lead elsewhere."""
    prefix, recursive, suffix = pattern.partition("**")
    if not recursive:
        names = glob.glob(pattern)  # noqa: PTH207 (as the shell)
        return sorted(name for name in names if Path(name).is_file())
    suffix = re.sub(r"\*\*[/\\]*", "", suffix).strip("/\\") or "*"
    matching_files: set[str] = set()
    for root in glob.glob(prefix) if prefix else [os.curdir]:  # noqa: PTH207
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            paths = [Path(folder, name) for name in names if not name.startswith(".")]
            matching_files.update(str(path) for path in paths if path.match(suffix))
    return sorted(matching_files)


def _is_generated_file(path: Path) -> bool:
    """Check whether a file was written by a run, or by a program that has a workbook open. Only its
    name and its folders are considered."""
    name = path.name.replace("-new.", ".")
    return name.startswith("~$") or name.endswith(RUN_OUTPUT_ENDINGS)


def parse_grids(
    _ctx: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Parse the options ``--grid PATH=VALUES``. Return the values of each path, in the order given
    and without duplicates. If a path is repeated, its values are joined. Raise click.BadParameter
    if an option is invalid."""
    grids: dict[str, dict[str, None]] = {}
    for text in texts:
        path, equals_sign, value_list = text.partition("=")
        path = path.strip()
        if not equals_sign or not path or not value_list.strip():
            raise click.BadParameter(f"'{text}' is not such as horizon.last_year=2035,2040.")
        known_values = grids.setdefault(path, {})
        for part in _split_at_commas(value_list):
            if not part:
                raise click.BadParameter(f"'{text}' has an empty value.")
            known_values.update(dict.fromkeys(_expand_range(part, text)))
            _refuse_too_many_values(len(known_values), text)
    return {path: tuple(known_values) for path, known_values in grids.items()}


def _refuse_too_many_values(count: int, text: str) -> None:
    if count > MAX_GRID_VALUES:
        raise click.BadParameter(f"'{text}' is more than {MAX_GRID_VALUES} values.")


def value_combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield all combinations of values, each as one value by path. The value of the last path
    changes fastest. Without paths, yield one empty combination."""
    for combined in itertools.product(*values.values()):
        yield dict(zip(values, combined, strict=True))


def _split_at_commas(text: str) -> Iterator[str]:
    """Yield the parts of a text between commas that are outside of quotes and brackets."""
    start, quote, closing_brackets = 0, "", []
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and not text[start:position].strip():
            quote = character
        elif character in _CLOSING_BRACKETS:
            closing_brackets.append(_CLOSING_BRACKETS[character])
        elif closing_brackets and character == closing_brackets[-1]:
            closing_brackets.pop()
        elif character == "," and not closing_brackets:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


def _expand_range(part: str, text: str) -> Iterator[str]:
    """Yield the values of a range ``FROM:TO:STEP``, including TO if a step reaches it. Yield any
    other ``part`` unchanged. Raise click.BadParameter, with the whole ``text`` of the option, if
    the range is invalid. Decimal arithmetic avoids rounding errors."""
    try:
        first_number, last_number, step = (Decimal(number.strip()) for number in part.split(":"))
        count = (last_number - first_number) / step if step > 0 else Decimal(0)
        is_range = all(number.is_finite() for number in (first_number, last_number, step))
    except (ValueError, InvalidOperation):
        is_range = False
    if not is_range:
        yield part
        return
    if step <= 0 or last_number < first_number:
        raise click.BadParameter(f"'{text}': a range rises from FROM to TO by a STEP above 0.")
    _refuse_too_many_values(MAX_GRID_VALUES + 1 if count >= MAX_GRID_VALUES else 0, text)
    for position in range(int(count) + 1):
        yield f"{(first_number + position * step).normalize():f}"
