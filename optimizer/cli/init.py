"""``vorrat init``: a commented scenario file to start from, as YAML or as an Excel workbook."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from models.files import Reading, read_case, read_case_text
from models.language import Language, tr, using
from optimizer.cli import speaking
from optimizer.cli.disk import save

STARTER = "vorrat-run.cmd"


@click.command()
@click.argument("path", required=False)
@click.option("--excel", is_flag=True, help="Write an Excel workbook instead of YAML.")
@click.option(
    "--from",
    "origin",
    metavar="FILE",
    help="Fill the workbook with this scenario, sources and variants included.",
)
@click.option(
    "--starter",
    is_flag=True,
    help=f"Write {STARTER} as well, onto which Windows users drop their workbook.",
)
@click.option(
    "--language",
    type=click.Choice(speaking.LANGUAGES),
    is_eager=True,
    expose_value=False,
    callback=speaking.take,
    help="Language of the file and of what is said; the file is English if not given.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(
    path: str | None,
    excel: bool,
    origin: str | None,
    starter: bool,
    force: bool,
) -> None:
    """Write a small, commented scenario to PATH (- for stdout).

    PATH is scenario.yaml if not given, with --excel scenario.xlsx.
    """
    # What the environment speaks is no wish for the file, which others may read.
    language = speaking.asked_for() or "en"
    if origin is not None and not excel:
        raise click.UsageError(tr("--from fills a workbook: add --excel."))
    path = path or ("scenario.xlsx" if excel else "scenario.yaml")
    if excel and not path.lower().endswith(".xlsx"):
        message = tr("'{path}' is no name of a workbook: it ends in .xlsx.", path=path)
        raise click.UsageError(message)
    with using(language):
        content = _workbook(origin, language) if excel else template(language).encode()
    beside = Path(path).parent / STARTER if path != "-" else Path(STARTER)
    files = [] if path == "-" else [(Path(path), content)]
    if starter:
        files.append((beside, starter_script(language)))
    for file, _ in files:
        if not file.parent.is_dir():
            problem = tr("No such file or directory")
            message = tr("'{path}' cannot be written: {problem}.", path=file, problem=problem)
            raise click.UsageError(message)
    save.refuse([file for file, _ in files], force)
    save.leave_all(files, force)
    if path == "-":
        click.echo(content.decode(), nl=False)
    else:
        shown = f'"{path}"' if " " in path else path
        next_step = f"vorrat {'run' if excel else 'validate'} {shown}"
        click.echo(tr("{path} is written; try: {command}", path=path, command=next_step), err=True)
    if starter:
        click.echo(tr("{path} is written: drop a workbook onto it", path=beside), err=True)


def template(language: str) -> str:
    """The text of the starter scenario with comments in a language."""
    folder = files("optimizer.cli") / "templates"
    return (folder / f"starter.{language}.yaml").read_text(encoding="utf-8")


def starter_script(language: str) -> bytes:
    """The script for Windows that runs a workbook dropped onto it; lines end as Windows has it."""
    folder = files("optimizer.cli") / "templates"
    raw = (folder / f"vorrat-run.{language}.cmd").read_bytes()
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _workbook(origin: str | None, language: Language) -> bytes:
    """A workbook that reads back to just the scenario it was made from."""
    from optimizer.report.scenario_workbook import scenario_workbook

    if origin is None:
        reading = read_case_text(template(language), f"starter.{language}.yaml")
    else:
        reading = read_case(origin, check_variants=True)
    made = scenario_workbook(reading.case)
    _compare(reading, made)
    return made


def _compare(reading: Reading, made: bytes) -> None:
    """Refuse a workbook that would say anything else than its origin."""
    from optimizer.report.scenario_workbook.comparing import first_difference

    path = first_difference(reading.case, made)
    if path is not None:
        place = reading.place(path)
        raise click.UsageError(
            tr(
                "{place}: a workbook cannot hold this as it stands ({path}).",
                place=place,
                path=".".join(map(str, path)),
            )
        )
