"""``vorrat validate``: what is wrong with scenario files, all at once."""

from __future__ import annotations

import json

import click

from models.faults import Fault, ScenarioError
from models.files import read_case
from models.language import marked, tr
from models.scenario.case import Case
from optimizer.cli import diagnostics, speaking


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
@speaking.language_option
def validate(
    files: tuple[str, ...], variant: str | None, settings: tuple[str, ...], as_json: bool
) -> int:
    """Check scenario FILEs, their tables and all their variants."""
    if as_json:
        speaking.for_machines()
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
    parts = [
        _counted(len(case.materials), tr("1 material"), marked("{count} materials")),
        _counted(len(case.projects), tr("1 project"), marked("{count} projects")),
        _counted(len(case.stockpiles), tr("1 stockpile"), marked("{count} stockpiles")),
        _counted(len(case.funders), tr("1 funder"), marked("{count} funders")),
        _states(case),
        _counted(len(case.variants), tr("1 variant"), marked("{count} variants")),
    ]
    first, last = case.horizon.first_year, case.horizon.last_year
    return tr("{parts}; {first} to {last}", parts=", ".join(parts), first=first, last=last)


def _states(case: Case) -> str:
    uncertainty = case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        drawn = int(uncertainty.sample.states)
        return _counted(drawn, tr("1 sampled state"), marked("{count} sampled states"))
    written = uncertainty.states if uncertainty is not None else None
    count = len(written) if written is not None else 1
    return _counted(count, tr("1 state"), marked("{count} states"))


def _counted(count: int, one: str, many: str) -> str:
    return one if count == 1 else tr(many, count=count)
