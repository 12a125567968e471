"""The one way in which an analysis is run: read, prepare, run with progress, write, tell."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import named
from models.faults import ScenarioError
from models.files import Reading, read_case
from models.results import Result
from optimizer.analyses.options import OfScenario, SolveOptions
from optimizer.analyses.registry import BY_NAME, Analysis
from optimizer.analyses.running import Input, Outcome
from optimizer.cli import child, diagnostics, disk, manifest, options, usage
from optimizer.cli.diagnostics import Steps
from optimizer.cli.saved import PLAN_FILE, is_plan, read_plan
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import misused
from optimizer.errors import Infeasible, Misuse

if TYPE_CHECKING:
    from optimizer.analyses.given import GivenPlan

ARGUMENTS = {"plan": "plan", "scenario": "file", "either": "given"}
"""What the argument of a command is called, by what it takes."""


def command_of(name: str, run: Callable[[Input, Any], Outcome] | None = None) -> click.Command:
    """The command of an analysis, made from what it declares; ``run`` stands for what runs it."""
    analysis = BY_NAME[name]
    argument = ARGUMENTS[analysis.takes]

    def call(as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any) -> int:
        salvaging = child.is_salvage()
        steps = Steps(quiet or salvaging)
        with misuse_told():
            asked = options.built(analysis.asks, values, listener=steps)
            kept = None if salvaging else options.kept_in(values.get("reuse"), out, asked.method)
            disk.prepare(out, [analysis.file, *analysis.beside], force)
            given, path = _read(values[argument], analysis, asked)
            pool = None if kept is None else options.read_kept(kept, given.reading.case)
            steps.note(f"{path}: {summed_up(given.reading.case)}")
            try:
                with closing(steps):
                    start = given if pool is None else given.starting_from(pool.pool)
                    found = (run or analysis.running)(start, asked)
            except ScenarioError as error:
                raise ScenarioError(diagnostics.placed(error, given.reading)) from None
            except Infeasible as error:
                diagnostics.show_conflict(error, given.reading)
                if as_json:
                    click.echo(diagnostics.infeasible(error, given.reading))
                return error.exit_code
        files = {}
        for place, plan in found.plans.items():
            folders = [disk.safe_name(part) for part in place.split("/") if part]
            files["/".join((*folders, PLAN_FILE))] = disk.document(plan)
        with telling(found.result, as_json) as document:
            try:
                files[analysis.file] = document
                stem, code = Path(analysis.file).stem, found.exit_code
                manifest.leave(out, stem, files, code, force=force, replace=analysis.beside)
                if pool is not None:
                    pool.write()
            finally:
                child.published()
        for failure in found.failures:
            click.echo(failure, err=True)
        return found.exit_code

    metavar = "FILE_OR_PLAN" if argument == "given" else None
    return assembled(call, name, argument, metavar=metavar)


def assembled(
    call: Callable[..., int], name: str, argument: str, *, limited: bool = True, **how: Any
) -> click.Command:
    """The command of an analysis that calls a function, with an argument, the options of the
    analysis, and those of every analysis behind them; ``how`` is what click is told of the
    argument."""
    asks = BY_NAME[name].asks
    made = options.quiet(usage.language_option(call))
    if BY_NAME[name].reuses:
        made = options.reuse(made)
    made = options.as_json()(options.out(asks.out, asks.place)(options.force(asks.force)(made)))
    if limited:
        made = options.chosen(made) if "jobs" in asks.heeded else options.limited(made)
    made = click.argument(argument, **how)(options.declared(asks)(made))
    return click.command(name, help=inspect.cleandoc(asks.__doc__ or ""), epilog=asks.exits)(made)


@contextmanager
def misuse_told() -> Iterator[None]:
    """Tell options that an analysis refuses as errors of usage."""
    try:
        yield
    except Misuse as error:
        raise click.UsageError(str(error)) from None


def read(file: str, variant: str | None = None, settings: Sequence[str] = ()) -> Reading:
    """A scenario, its warnings shown. Raises ScenarioError with every fault."""
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
        variant, settings = of_file.variant, of_file.changes
    if analysis.takes == "scenario" or (analysis.takes == "either" and not is_plan(text)):
        reading = read(text, variant, settings)
        title = named(reading.case.title, Path(text).stem)
        how: dict[str, Any] = {"read": read, "read_plan": lambda text: _given(text)[0]}
        return Input(text, reading, title, variant, **how), text
    if variant is not None or settings:
        raise misused("A plan carries its scenario: --variant and --set go with a scenario file.")
    taken, path = _given(text)
    plan = taken.plan
    return Input(text, taken.reading, plan.title, plan.variant, taken, read=read), path


def _given(text: str) -> tuple[GivenPlan, str]:
    """A saved plan, checked and reckoned anew, and how its file is called."""
    from optimizer.analyses.given import given

    path, plan = read_plan(text)
    return given(plan, str(path)), str(path)


@contextmanager
def telling(found: Result, as_json: bool) -> Iterator[bytes]:
    """Write files in the body, from the document that comes with it; then tell what was found. A
    full disk must not cost what was found."""
    document = disk.document(found)
    try:
        yield document
    finally:
        if as_json:
            click.echo(document, nl=False)
        else:
            show(found)


def show(found: Result) -> None:
    """Write a result to stdout as text."""
    # It takes a moment to import: only those who want text wait for it.
    from optimizer.analyses.documents import document_of
    from optimizer.report.render import terminal

    terminal.write(document_of(found), sys.stdout)
