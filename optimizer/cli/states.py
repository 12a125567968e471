"""``vorrat states``: write the states of the world of a scenario as written-out ones."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.analyses.options import ScenarioOptions
from optimizer.cli import options, output_files, usage
from optimizer.cli.options import declared_options
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from models.files.state_table import StateRow
    from models.scenario.case import Case
    from models.scenario.hazards import State

SUFFIXES = (".csv", ".parquet", ".json")


@click.command(epilog="Exit codes: 0 the file is written, 2 wrong usage or input.")
@click.argument("file", metavar="FILE")
@options.path_option(
    "--out",
    "FILE",
    "Write the states to this file: a table (.csv, .parquet) or the value of uncertainty.states "
    "(.json).",
    is_required=True,
)
@declared_options(ScenarioOptions)
@click.option(
    "--states",
    "count",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="Draw N states, instead of the number in the file or of the states written out there.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Seed of the random streams, instead of that in the file.",
)
@click.option(
    "--under", metavar="ID", help="Draw the states under this set of assumptions of the file."
)
@options.force_option("Overwrite an existing file.")
@usage.language_option
def states(
    file: str,
    out: Path,
    variant: str | None,
    settings: tuple[str, ...],
    count: int | None,
    seed: int | None,
    under: str | None,
    force: bool,
) -> None:
    """Draw the states of the world of the scenario FILE, and write them as written-out ones.

    A scenario with these states in place of its sample has the same best plan, to the last digit.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise usage_error(
            "'{path}' ends in none of {suffixes}.", path=out, suffixes=", ".join(SUFFIXES)
        )
    output_files.refuse_existing([out], force)
    if out.suffix.lower() == ".parquet":
        _require_pyarrow()
    from models.files.reading import cases_by_assumption_set
    from optimizer.cli.analysis_commands import read_scenario

    loaded_scenario = read_scenario(file, variant, settings)
    sample_settings = _sample_settings(loaded_scenario.case, count, seed)
    case = loaded_scenario.with_settings(sample_settings).case
    if under is not None and under not in case.assumptions:
        known_names = ", ".join(case.assumptions) or "-"
        raise usage_error(
            "There is no set of assumptions '{name}'; there are {known}.",
            name=under,
            known=known_names,
        )
    set_cases = cases_by_assumption_set(case) if case.assumptions else {}
    case = case if under is None else set_cases[under]
    from optimizer.model.instance import read_instance
    from optimizer.model.instance_comparison import same_sampling
    from optimizer.model.states import read_states, write_states

    instance = read_instance(case)
    written_states = list(write_states(instance, read_states(instance)))
    if out.suffix.lower() == ".json":
        content, row_count = _to_json(written_states), 0
    else:
        from models.files.state_table import state_rows

        rows = list(state_rows(written_states))
        row_count = len(rows)
        content = _to_csv(rows) if out.suffix.lower() == ".csv" else _to_parquet(rows)
    output_files.write_files([(out, content)], force)
    _announce(out, len(written_states), row_count, len(content))
    other_sets = [
        name
        for name, set_case in set_cases.items()
        if under is None and not same_sampling(instance, read_instance(set_case))
    ]
    if other_sets:
        announce(
            "these sets of assumptions draw other states: {names}; write those with --under, each "
            "to a file that the set names under uncertainty.states",
            names=", ".join(other_sets),
        )


def _sample_settings(case: Case, count: int | None, seed: int | None) -> list[str]:
    """Return the settings with which a scenario draws ``count`` states with ``seed``."""
    uncertainty = case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        numbers = {"states": count, "seed": seed}
        return [f"uncertainty.sample.{k}={x}" for k, x in numbers.items() if x is not None]
    if count is None and seed is not None:
        raise usage_error("The file draws no states: add --states.")
    sample = f"uncertainty.sample={{states: {count}, seed: {seed or 0}}}"
    has_states = uncertainty is not None and uncertainty.states is not None
    return [] if count is None else [*["uncertainty.states=null"] * has_states, sample]


def _to_json(written_states: Sequence[State]) -> bytes:
    """Return the states as a scenario file lists them, one in each line."""
    lines = (
        json.dumps(
            {
                key: value
                for key, value in state.model_dump(mode="json", exclude_none=True).items()
                if value not in ([], {})
            },
            ensure_ascii=False,
        )
        for state in written_states
    )
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _to_csv(rows: Sequence[StateRow]) -> bytes:
    from models.files.state_table import STATE_COLUMNS

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(STATE_COLUMNS)
    writer.writerows(rows)
    return stream.getvalue().encode()


def _to_parquet(rows: Sequence[StateRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from models.files.state_table import STATE_COLUMNS

    types: dict[str, Any] = {"probability": pa.float64(), "year": pa.int32(), "period": pa.int32()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in STATE_COLUMNS])
    columns = zip(*rows, strict=True)
    arrays = [pa.array(x, schema.field(n).type) for n, x in enumerate(columns)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink)
    return bytes(sink.getvalue().to_pybytes())


def _require_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise usage_error("A .parquet file needs pyarrow: pip install 'vorrat[data]'.")


def _announce(out: Path, state_count: int, row_count: int, size: int) -> None:
    """Say what was written, and how a scenario reads it."""
    from models.files.decoding import MAX_BYTES
    from models.files.nodes import MAX_ROWS

    if out.suffix.lower() == ".json":
        announce(
            "{path}: {states} states; write them under uncertainty.states in place of the sample",
            path=out,
            states=state_count,
        )
    else:
        announce(
            "{path}: {states} states in {rows} rows; write {example} in place of the sample",
            path=out,
            states=state_count,
            rows=row_count,
            example=f"uncertainty: {{states: {{table: {out.name}}}}}",
        )
    if row_count > MAX_ROWS or size > MAX_BYTES:
        announce(
            "{path} is too large for a scenario, which reads tables of up to {rows} rows and files "
            "of up to {size}",
            path=out,
            rows=MAX_ROWS,
            size=f"{MAX_BYTES / 1e6:.0f} MB",
        )
