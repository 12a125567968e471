"""The one way in which an analysis is run: read, prepare, run with progress, write, tell."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import named
from models.files import Reading, read_case
from models.language import tr
from optimizer.analyses.options import OfScenario, SolveOptions
from optimizer.analyses.registry import BY_NAME, Analysis
from optimizer.analyses.running import Input
from optimizer.cli import cuts, diagnostics, engines, options, parameters, speaking
from optimizer.cli.disk import save
from optimizer.cli.disk.naming import safe_name
from optimizer.cli.given import is_plan, read_plan
from optimizer.cli.progress import Steps
from optimizer.cli.saved import PLAN_FILE
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.errors import Misuse

if TYPE_CHECKING:
    from optimizer.analyses.given import GivenPlan

ARGUMENTS = {"plan": "plan", "scenario": "file", "either": "given"}
"""What the argument of a command is called, by what it takes."""


def command_of(name: str) -> click.Command:
    """The command of an analysis, made from what it declares."""
    analysis = BY_NAME[name]
    asks, argument = analysis.asks, ARGUMENTS[analysis.takes]

    def call(as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any) -> int:
        if as_json:
            speaking.for_machines()
        steps = Steps(quiet)
        with misuse_told():
            asked = parameters.built(asks, values, listener=steps)
            kept = cuts.kept_in(values.get("reuse"), out)
            save.prepare(out, [analysis.file, *analysis.beside], force)
            given, path = _read(values[argument], analysis, asked)
            pool = None if kept is None else cuts.read_kept(kept, given.reading.case)
            run = analysis.running
            save.make_sure(out)
            steps.note(f"{path}: {summed_up(given.reading.case)}")
            try:
                found = run(given if pool is None else given.starting_from(pool.pool), asked)
            finally:
                steps.close()
        files = {
            "/".join((*map(safe_name, filter(None, place.split("/"))), PLAN_FILE)): plan
            for place, plan in found.plans.items()
        }
        with telling(found.result, as_json) as document:
            save.leave(
                out,
                Path(analysis.file).stem,
                {place: save.document(plan) for place, plan in files.items()}
                | {analysis.file: document},
                found.exit_code,
                force=force,
                replace=analysis.beside,
            )
            if pool is not None:
                pool.write()
        for failure in found.failures:
            click.echo(failure, err=True)
        return found.exit_code

    return assembled(call, name, asks, argument, reuses=analysis.reuses)


def assembled(
    call: Callable[..., int],
    name: str,
    asks: type[SolveOptions],
    argument: str,
    *,
    reuses: bool = False,
) -> click.Command:
    """A command with the options of a class, and those of every analysis behind them."""
    made = options.quiet(speaking.language_option(call))
    if reuses:
        made = options.reuse(made)
    made = options.as_json(options.out(asks.out)(options.force(made)))
    made = engines.chosen(made) if "jobs" in asks.heeded else engines.limited(made)
    made = parameters.declared(asks)(made)
    metavar = "FILE_OR_PLAN" if argument == "given" else None
    made = click.argument(argument, metavar=metavar)(made)
    return click.command(name, help=inspect.cleandoc(asks.__doc__ or ""), epilog=asks.exits)(made)


@contextmanager
def misuse_told() -> Iterator[None]:
    """Tell options that an analysis refuses as errors of usage."""
    try:
        yield
    except Misuse as error:
        raise click.UsageError(str(error)) from None


def read(file: str, variant: str | None = None, settings: Sequence[str] = ()) -> Reading:
    """A scenario, its warnings shown.

    Raises ScenarioError with every fault.
    """
    reading = read_case(file, variant, settings, check_variants=True)
    diagnostics.show(reading.warnings)
    diagnostics.show(diagnostics.never_striking(reading))
    return reading


def _read(text: str, analysis: Analysis, asked: SolveOptions) -> tuple[Input, str]:
    """What is given to an analysis, and how its file is called."""
    variant: str | None = None
    settings: tuple[str, ...] = ()
    of_file: object = asked
    if analysis.takes != "plan" and isinstance(of_file, OfScenario):
        variant, settings = of_file.variant, of_file.settings
    if analysis.takes == "scenario" or (analysis.takes == "either" and not is_plan(text)):
        reading = read(text, variant, settings)
        title = named(reading.case.title, Path(text).stem)
        return Input(text, reading, title, variant, read=read, read_plan=_plan), text
    if variant is not None or settings:
        raise click.UsageError(
            tr("A plan carries its scenario: --variant and --set go with a scenario file.")
        )
    taken, path = _given(text)
    plan = taken.plan
    return Input(text, taken.reading, plan.title, plan.variant, taken, read=read), path


def _given(text: str) -> tuple[GivenPlan, str]:
    """A saved plan, checked and reckoned anew, and how its file is called."""
    from optimizer.analyses.given import given

    path, plan = read_plan(text)
    return given(plan, str(path)), str(path)


def _plan(text: str) -> GivenPlan:
    """The same by itself."""
    return _given(text)[0]
