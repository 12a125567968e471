"""``vorrat redact``: hide figures of a scenario, and say what that costs and what still tells."""

from __future__ import annotations

import math
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.base import named
from models.faults import ScenarioError
from models.language import tr
from models.results import Redaction
from models.scenario.case import Case
from optimizer.cli import diagnostics, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.disk.publishing import publish
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

if TYPE_CHECKING:
    from optimizer.analyses.redaction.judging import Judged
    from optimizer.analyses.redaction.methods import Method
    from optimizer.analyses.redaction.rewriting import Redacted

PUBLIC, OWNER = "public", "owner"
SCENARIO_FILE, STAND_IN_FILE, PLAN_FILE = "scenario.yaml", "stand-in.yaml", "plan.json"
REDACTION_FILE = "redaction.json"
FILES = (
    f"{PUBLIC}/{SCENARIO_FILE}",
    f"{PUBLIC}/{STAND_IN_FILE}",
    f"{PUBLIC}/{PLAN_FILE}",
    f"{OWNER}/{REDACTION_FILE}",
)
NARROWEST, WIDEST = 0.05, 9.0
DEFAULT = 0.25
SHORT_SECRET = 16


def _width(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """A share of one, or a percentage with its sign."""
    if value is None:
        return None
    text = value.strip()
    try:
        share = float(text[:-1].strip()) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not NARROWEST <= share <= WIDEST:
        raise click.BadParameter(
            tr("'{value}' is not a width such as 25% or 0.25, from 5% to 900%.", value=value)
        )
    return share


@click.command(
    epilog="Exit codes: 0 done; 1 a solve was stopped by a limit or by the user, all is written; 2 "
    "wrong usage or input; 3 the true or the redacted scenario has no plan that keeps all rules, "
    "the redacted scenario is written; 4 the same where no plan was found before the limit; 5 "
    "failure; 130 interrupted with nothing to keep."
)
@click.argument("file")
@click.option(
    "--consumer",
    "consumers",
    multiple=True,
    metavar="ID",
    help="Hide the figures of this consumer: demand, its own damage curves and stocks; may be "
    "given often.",
)
@click.option(
    "--company",
    "companies",
    multiple=True,
    metavar="ID",
    help="Hide the budgets of this company, and stocks that it alone pays for; may be given often.",
)
@click.option(
    "--band",
    callback=_width,
    metavar="SHARE",
    help="Replace each figure by the middle of a band so wide; 25% if neither this nor --scale is "
    "given.",
)
@click.option(
    "--scale",
    callback=_width,
    metavar="SHARE",
    help="Multiply figures by secret factors instead, up to so much above one or below.",
)
@click.option(
    "--seed",
    metavar="TEXT",
    help="Draw the factors from this long, secret text, to get the same ones again; by chance if "
    "not given.",
)
@click.option("--values", is_flag=True, help="Name the true figures in the owner's account.")
@click.option("--no-solve", is_flag=True, help="Judge the file alone; solve nothing.")
@options.gap
@varying.time_limit
@options.threads
@options.as_json
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    help=f"Write {PUBLIC}/{SCENARIO_FILE}, {PUBLIC}/{STAND_IN_FILE}, {PUBLIC}/{PLAN_FILE} and "
    f"{OWNER}/{REDACTION_FILE} into this folder; or the redacted scenario alone to this file, "
    "which ends in .yaml or .yml.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@options.quiet
@speaking.language_option
def redact(
    file: str,
    consumers: tuple[str, ...],
    companies: tuple[str, ...],
    band: float | None,
    scale: float | None,
    seed: str | None,
    values: bool,
    no_solve: bool,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Hide figures of the scenario FILE; say what the answer loses and what can be recovered."""
    if as_json:
        speaking.for_machines()
    _refuse(consumers, companies, band, scale, seed)
    if out is not None:
        save.refuse([out] if _is_file(out) else [out / name for name in FILES], force)
    try:
        reading = varying.read(file, None, ())
        _check_ids(reading.case, consumers, companies)
        from optimizer.analyses.frontier.parametric_points import Effort
        from optimizer.analyses.redaction.judging import judge
        from optimizer.analyses.redaction.rewriting import redact as rewritten

        method = _method(band, scale, seed)
        redacted = rewritten(reading, consumers, companies, method)
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    if not redacted.replaced:
        raise click.UsageError(tr("There is no figure to hide of those that were named."))
    # The scenario does not wait for the solves, nor does a failure cost it.
    _write_scenario(out, redacted, force)
    if not quiet:
        click.echo(f"{file}: {summed_up(reading.case)}", err=True)
    steps = Steps(quiet)
    try:
        judged = judge(
            redacted,
            method,
            consumers,
            companies,
            None if no_solve else Effort(gap, time_limit, threads, steps.progress),
            title=named(reading.case.title, Path(file).stem),
            values=values,
        )
    finally:
        steps.close()
    with telling(judged.redaction, as_json) as document:
        _write_rest(out, judged, document)
    return _code(judged.redaction, proven=judged.proven)


def _refuse(
    consumers: tuple[str, ...],
    companies: tuple[str, ...],
    band: float | None,
    scale: float | None,
    seed: str | None,
) -> None:
    if not consumers and not companies:
        raise click.UsageError(tr("Whose figures? Name --consumer or --company."))
    if band is not None and scale is not None:
        raise click.UsageError(tr("--band and --scale exclude each other."))
    if seed is not None and scale is None:
        raise click.UsageError(tr("--seed goes with --scale: bands have none."))
    if seed is not None and len(seed) < SHORT_SECRET:
        raise click.UsageError(
            tr(
                "--seed is shorter than {least} characters: who knows one figure could try all "
                "such texts and get the others.",
                least=SHORT_SECRET,
            )
        )


def _check_ids(case: Case, consumers: tuple[str, ...], companies: tuple[str, ...]) -> None:
    for name in consumers:
        if name not in case.consumers:
            known = ", ".join(case.consumers) or "-"
            raise click.UsageError(
                tr("There is no consumer '{name}'; there are {known}.", name=name, known=known)
            )
    owned = [f for f, funder in case.funders.items() if funder.kind == "company"]
    for name in companies:
        if name not in owned:
            known = ", ".join(owned) or "-"
            raise click.UsageError(
                tr("There is no company '{name}'; there are {known}.", name=name, known=known)
            )


def _method(band: float | None, scale: float | None, seed: str | None) -> Method:
    from optimizer.analyses.redaction.methods import Band, Scale

    if scale is not None:
        return Scale(scale, seed or secrets.token_hex(32))
    return Band(DEFAULT if band is None else band)


def _is_file(out: Path) -> bool:
    return out.suffix.lower() in (".yaml", ".yml")


def _write_scenario(out: Path | None, redacted: Redacted, force: bool) -> None:
    """Write the scenario; what an earlier run found of another goes."""
    if out is None:
        return
    if _is_file(out):
        save.leave_all([(out, redacted.text.encode())], force)
        return
    files = {FILES[1]: redacted.stand_in.encode(), FILES[0]: redacted.text.encode()}
    publish(out, files, replace=FILES[2:], force=force)


def _write_rest(out: Path | None, judged: Judged, document: bytes) -> None:
    if out is None or _is_file(out):
        return
    files = {} if judged.plan is None else {FILES[2]: save.document(judged.plan)}
    files[FILES[3]] = document
    publish(out, files)


def _code(redaction: Redaction, *, proven: bool) -> int:
    codes = {"skipped": 0, "infeasible": 3, "redacted_infeasible": 3, "no_plan": 4}
    return codes.get(redaction.answer, 0 if proven else 1)
