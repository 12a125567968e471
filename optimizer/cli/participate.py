"""``vorrat participate``: what each share of a project, or of the portfolio, brings a company."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from models.base import named
from models.faults import ScenarioError
from models.language import figure, tr
from models.results import Participation
from models.scenario.case import Case
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

if TYPE_CHECKING:
    from optimizer.analyses.participation import Ask

PARTICIPATION_FILE = "participation.json"


@click.command(
    epilog="Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is written; "
    "2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
    "130 interrupted with nothing to keep."
)
@click.argument("file")
@click.option(
    "--company", required=True, metavar="ID", help="The company, by the id of its funder."
)
@click.option(
    "--project",
    metavar="ID",
    help="The project it takes a share of; a share of all that is built if not given.",
)
@varying.variant
@options.settings
@click.option(
    "--allocation",
    type=click.Choice(["entitled", "pooled"]),
    default="entitled",
    show_default=True,
    help="Whose tonnes are whose: those who paid for them, or where they are missed most.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Steps between no share and the largest that the rules allow.",
)
@click.option(
    "--refine",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="N",
    help="Rounds that look closer at the best share and at the one at which it is indifferent.",
)
@click.option(
    "--public",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="N",
    help="Levels of public co-financing, from none to all that the rules allow; 0 leaves it free.",
)
@click.option(
    "--tolerance",
    type=options.Finite(min=0, min_open=True),
    default=1e-3,
    show_default=True,
    metavar="SHARE",
    help="Plans count as equally good up to this share of the objective.",
)
@click.option(
    "--no-range", is_flag=True, help="Do not look for the best and the worst of these plans."
)
@options.gap
@click.option(
    "--time-limit",
    type=options.Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each share after this time with the best plan so far.",
)
@engines.chosen
@options.as_json
@options.out(PARTICIPATION_FILE)
@options.force
@options.quiet
@speaking.language_option
def participate(
    file: str,
    company: str,
    project: str | None,
    variant: str | None,
    settings: tuple[str, ...],
    allocation: Literal["entitled", "pooled"],
    steps: int,
    refine: int,
    public: int,
    tolerance: float,
    no_range: bool,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Find the share of a project of the scenario FILE that a company should take."""
    if as_json:
        speaking.for_machines()
    save.prepare(out, [PARTICIPATION_FILE], force)
    if tolerance < gap:
        raise click.UsageError(
            tr("--tolerance lies below --gap: plans within the gap cannot be told apart.")
        )
    try:
        reading = varying.read(file, variant, settings)
        _refuse(reading.case, company, project)
        from optimizer.analyses.participation import Asked
        from optimizer.analyses.participation import participate as ask_all

        save.make_sure(out)
        shown = Steps(quiet)
        if not quiet:
            click.echo(f"{file}: {summed_up(reading.case)}", err=True)

        def told(done: int, ask: Ask) -> None:
            shown.counted(done, None, _named(ask))

        asked = Asked(
            steps, refine, public, tolerance, not no_range, gap, time_limit, jobs, told,
            shown.progress,
        )  # fmt: skip
        try:
            found = ask_all(
                reading,
                company,
                project,
                allocation,
                asked,
                title=named(reading.case.title, Path(file).stem),
                variant=variant,
            )
        finally:
            shown.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    code = _code(found)
    with telling(found, as_json) as document:
        save.leave(out, "participation", {PARTICIPATION_FILE: document}, code, force=force)
    return code


def _refuse(case: Case, company: str, project: str | None) -> None:
    """Refuse a company or a project that the scenario does not have."""
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        raise click.UsageError(
            tr(
                "There is no company '{company}'; there are {known}.",
                company=company,
                known=", ".join(companies) or "-",
            )
        )
    if project is not None and project not in case.projects:
        raise click.UsageError(
            tr(
                "There is no project '{project}'; there are {known}.",
                project=project,
                known=", ".join(case.projects) or "-",
            )
        )


def _named(ask: Ask) -> str:
    """A question as progress names it."""
    if ask.share is None:
        return tr("acting alone")
    share = f"{figure(round(100 * ask.share, 2))} %"
    if ask.way == "held":
        return tr("{share}, others held", share=share)
    if ask.lean:
        return tr("{share}, range", share=share)
    if ask.public is not None:
        public = f"{figure(round(100 * ask.public, 2))} %"
        return tr("{share}, public {public}", share=share, public=public)
    return share


def _code(found: Participation) -> int:
    points = [point for curve in found.curves for point in curve.points]
    cut = any(point.status in ("limit", "none") for point in points)
    return 1 if cut or found.ended == "interrupted" else 0
