"""``vorrat validate``: what is wrong with scenario files, all at once."""

from __future__ import annotations

import json

import click

from models.case import Case
from models.faults import Fault, ScenarioError
from models.files import read_case
from optimizer.cli import diagnostics


@click.command(epilog="Exit codes: 0 no errors (warnings are allowed), 2 errors.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--variant", metavar="NAME", help="Check the file as this variant changes it.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value, for example horizon.last_year=2040; may be given often.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the faults to stdout as JSON.")
def validate(
    files: tuple[str, ...], variant: str | None, settings: tuple[str, ...], as_json: bool
) -> int:
    """Check scenario FILEs, their tables and all their variants."""
    found: list[Fault] = []
    for file in files:
        try:
            reading = read_case(file, variant, settings, check_variants=True)
        except ScenarioError as error:
            faults, summary = error.faults, ""
        else:
            faults, summary = reading.warnings, f"{file}: {summed_up(reading.case)}"
        found += faults
        if as_json:
            continue
        diagnostics.show(faults)
        if summary:
            click.echo(summary)
    if as_json:
        click.echo(json.dumps([diagnostics.as_data(fault) for fault in found], indent=2))
    if found:
        click.echo(diagnostics.count(found), err=True)
    return 2 if any(fault.severity == "error" for fault in found) else 0


def summed_up(case: Case) -> str:
    """What a scenario holds, in one line."""
    uncertainty = case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        states = _counted(int(uncertainty.sample.states), "sampled state")
    else:
        written = uncertainty.states if uncertainty is not None else None
        states = _counted(len(written) if written is not None else 1, "state")
    parts = [
        _counted(len(case.materials), "material"),
        _counted(len(case.projects), "project"),
        _counted(len(case.stockpiles), "stockpile"),
        _counted(len(case.funders), "funder"),
        states,
        _counted(len(case.variants), "variant"),
    ]
    years = f"{case.horizon.first_year} to {case.horizon.last_year}"
    return f"{', '.join(parts)}; {years}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
