"""``vorrat solve``: the best plan for a scenario, with its proof."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from models.base import named
from models.faults import ScenarioError
from models.files import read_case
from optimizer.analyses.options import Method, OfScenario, SolveOptions
from optimizer.cli import conflicts, cuts, diagnostics, options, speaking
from optimizer.cli.disk import save
from optimizer.cli.parameters import declared
from optimizer.cli.progress import Progress
from optimizer.cli.supervision import child
from optimizer.cli.validate import summed_up
from optimizer.errors import Infeasible

PLAN_FILE = "plan.json"


@click.command(
    epilog="Exit codes: 0 solved to the gap; 1 stopped by a limit, the plan is written; 2 wrong "
    "usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
    "130 interrupted with nothing to keep."
)
@click.argument("file")
@click.option("--variant", metavar="ID", help="Solve the file as this variant changes it.")
@declared(OfScenario, "settings")
@options.budget
@declared(SolveOptions, "gap")
@options.time_limit_once
@declared(SolveOptions, "node_limit", "method", "threads")
@options.memory_limit
@options.as_json
@options.out(f"Write {PLAN_FILE} into this folder as well; it is made if it is not there.")
@click.option("--force", is_flag=True, help=f"Overwrite an existing {PLAN_FILE}.")
@options.reuse
@options.quiet
@speaking.language_option
def solve(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    budget: float | None,
    gap: float,
    time_limit: float | None,
    node_limit: int | None,
    method: Method,
    threads: int | None,
    memory_limit: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
) -> int:
    """Find the best plan for the scenario FILE and prove how good it is."""
    if as_json:
        speaking.for_machines()
    save.prepare(out, [PLAN_FILE], force)
    child.limit_memory(memory_limit)
    kept = None if child.is_salvage() else cuts.kept_in(reuse, out, method)
    settings = options.with_budget(settings, budget)
    try:
        reading = read_case(file, variant, settings, check_variants=True)
    except ScenarioError as error:
        diagnostics.show(error.faults)
        return error.exit_code
    diagnostics.show(reading.warnings)
    save.make_sure(out)

    diagnostics.show(diagnostics.never_striking(reading))

    pool = None if kept is None else cuts.read_kept(kept, reading.case)
    progress = None if quiet else Progress()
    if not quiet and not child.is_salvage():
        click.echo(f"{file}: {summed_up(reading.case)}", err=True)
    try:
        found = child.plan(
            reading.case,
            gap=gap,
            time_limit=time_limit,
            node_limit=node_limit,
            threads=threads,
            method=method,
            pool=None if pool is None else pool.pool,
            on_progress=progress,
            variant=variant,
            title=named(reading.case.title, Path(file).stem),
        )
    except ScenarioError as error:
        diagnostics.show(diagnostics.placed(error, reading))
        return error.exit_code
    except Infeasible as error:
        conflicts.show(error, reading)
        if as_json:
            document = {
                "schema_version": 1,
                "kind": "infeasible",
                "conflict": conflicts.as_data(error, reading),
            }
            click.echo(json.dumps(document, indent=2))
        return error.exit_code
    finally:
        if progress is not None:
            progress.close()

    written = save.document(found)
    code = 0 if found.certificate.status == "optimal" else 1
    try:
        save.leave(out, "plan", {PLAN_FILE: written}, code, force=force)
        if pool is not None:
            pool.write()
    finally:
        child.published()
        # A full disk must not cost the plan: it is printed whatever happens to the file.
        if as_json:
            click.echo(written, nl=False)
        else:
            from optimizer.analyses.documents import document_of
            from optimizer.report.render import terminal

            terminal.write(document_of(found), sys.stdout)
    return code
