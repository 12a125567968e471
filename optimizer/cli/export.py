"""``vorrat export``: the extensive form of a scenario as a file that other solvers read."""

from pathlib import Path

import click

from optimizer.analyses.options import ScenarioOptions
from optimizer.cli import options, output_files, usage
from optimizer.cli.analysis_commands import misuse_as_usage_error, read_scenario
from optimizer.cli.options import declared_options
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import announce

SMPS_SUFFIXES = (".cor", ".tim", ".sto")
NAMES_SUFFIX = ".names.csv"


@click.command(epilog="Exit codes: 0 written, 2 wrong usage or input, 5 failure.")
@click.argument("file", metavar="FILE")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["lp", "mps", "smps"]),
    default="mps",
    show_default=True,
    help="One program as LP or MPS file, or a two-stage problem as SMPS files.",
)
@click.option(
    "--states",
    type=click.IntRange(min=1),
    metavar="N",
    help="Take so many states: a sample of this size, or the first of those that are written out; "
    "those of the file if not given.",
)
@declared_options(ScenarioOptions, "variant", "settings")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to write it; in the current folder under the name of FILE if not given.",
)
@options.force_option("Overwrite existing files.")
@usage.language_option
def export(
    file: str,
    file_format: str,
    states: int | None,
    variant: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    force: bool,
) -> None:
    """Write the extensive form of the scenario FILE, with all states in one program."""
    path = _target(file, file_format, out)
    suffixes = SMPS_SUFFIXES if file_format == "smps" else ("",)
    targets = [path.with_name(path.name + suffix) for suffix in suffixes]
    output_files.refuse_existing(targets, force)
    loaded_scenario = read_scenario(file, variant, settings)
    from optimizer.model.program_files import FILE_FORMATS, named_program, symbol_map
    from optimizer.solve.exported_program import build_program, render_smps, with_state_count
    from optimizer.solve.problem import Problem

    with misuse_as_usage_error():
        case = with_state_count(loaded_scenario.case, states)
        problem = Problem.from_case(case)
        if file_format == "smps":
            contents = render_smps(problem)
        else:
            program = build_program(problem)
            named = named_program(program)
            contents = {"": FILE_FORMATS[file_format](named)}
            names = symbol_map(program, named)
            contents |= {} if names is None else {NAMES_SUFFIX: names}
    files = [
        (path.with_name(path.name + suffix), text.encode()) for suffix, text in contents.items()
    ]
    output_files.write_files(files, force=True)
    click.echo(f"{file}: {scenario_summary(case)}", err=True)
    for target, _ in files:
        announce("{path} is written", path=target)


def _target(file: str, file_format: str, out: Path | None) -> Path:
    """Return the path of the file, for SMPS without the ending that each of its files gets."""
    path = Path(f"{Path(file).stem}.{file_format}") if out is None else out
    if file_format == "smps":
        return path.with_suffix("") if path.suffix in (".smps", *SMPS_SUFFIXES) else path
    return path if path.suffix else path.with_suffix(f".{file_format}")
