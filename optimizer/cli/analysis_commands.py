"""The one way in which an analysis is run: read, prepare, run with progress, write, tell."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario, read_case
from models.results import Result
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.options import ScenarioOptions, SolveOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME, Analysis
from optimizer.cli import child_process, diagnostics, manifest, options, output_files, usage
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.saved_results import PLAN_FILE, is_saved_plan, read_plan
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import usage_error
from optimizer.errors import Infeasible, Misuse

if TYPE_CHECKING:
    from optimizer.analyses.saved_plan import SavedPlan

ARGUMENT_NAMES = {"plan": "plan", "scenario": "file", "either": "given"}
"""What the argument of a command is called, by what it takes."""


def analysis_command(
    name: str, run_analysis: Callable[[AnalysisInput, Any], AnalysisOutcome] | None = None
) -> click.Command:
    """The command of an analysis, made from what it declares; ``run`` stands for what runs it."""
    analysis = ANALYSES_BY_NAME[name]
    argument = ARGUMENT_NAMES[analysis.input_kind]

    def call(as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any) -> int:
        salvaging = child_process.is_salvaging()
        steps = ProgressDisplay(quiet or salvaging)
        with misuse_as_usage_error():
            asked = options.build_options(analysis.options_class, values, listener=steps)
            kept = (
                None
                if salvaging
                else options.cut_pool_folder(values.get("reuse"), out, asked.method)
            )
            output_files.check_destination(
                out, [analysis.result_file, *analysis.extra_outputs], force
            )
            given, path = _read_input(values[argument], analysis, asked)
            pool = None if kept is None else options.read_cut_pool(kept, given.reading.case)
            steps.note(f"{path}: {scenario_summary(given.reading.case)}")
            try:
                with closing(steps):
                    start = given if pool is None else given.with_pool(pool.pool)
                    found = (run_analysis or analysis.runner)(start, asked)
            except ScenarioError as error:
                raise ScenarioError(diagnostics.faults_with_places(error, given.reading)) from None
            except Infeasible as error:
                diagnostics.show_conflict(error, given.reading)
                if as_json:
                    click.echo(diagnostics.infeasible_document(error, given.reading))
                return error.exit_code
        files = {}
        for place, plan in found.plans.items():
            folders = [output_files.safe_name(part) for part in place.split("/") if part]
            files["/".join((*folders, PLAN_FILE))] = output_files.to_json_bytes(plan)
        with show_after_writing(found.result, as_json) as document:
            try:
                files[analysis.result_file] = document
                stem, code = Path(analysis.result_file).stem, found.exit_code
                manifest.publish_with_manifest(
                    out, stem, files, code, force=force, replace=analysis.extra_outputs
                )
                if pool is not None:
                    pool.write()
            finally:
                child_process.announce_published()
        for failure in found.failures:
            click.echo(failure, err=True)
        return found.exit_code

    metavar = "FILE_OR_PLAN" if argument == "given" else None
    return assemble_command(call, name, argument, metavar=metavar)


def assemble_command(
    call: Callable[..., int],
    name: str,
    argument: str,
    *,
    limited: bool = True,
    **argument_settings: Any,
) -> click.Command:
    """The command of an analysis that calls a function, with an argument, the options of the
    analysis, and those of every analysis behind them; ``how`` is what click is told of the
    argument."""
    asks = ANALYSES_BY_NAME[name].options_class
    made = options.quiet_option(usage.language_option(call))
    if ANALYSES_BY_NAME[name].reuses_cuts:
        made = options.reuse_option(made)
    made = options.json_option()(
        options.out_option(asks.out_help, asks.out_metavar)(
            options.force_option(asks.force_help)(made)
        )
    )
    if limited:
        made = (
            options.with_engine_options(made)
            if "jobs" in asks.supported_options
            else options.with_memory_limit(made)
        )
    made = click.argument(argument, **argument_settings)(options.declared_options(asks)(made))
    return click.command(
        name, help=inspect.cleandoc(asks.__doc__ or ""), epilog=asks.exit_code_help
    )(made)


@contextmanager
def misuse_as_usage_error() -> Iterator[None]:
    """Tell options that an analysis refuses as errors of usage."""
    try:
        yield
    except Misuse as error:
        raise click.UsageError(str(error)) from None


def read_scenario(
    file: str, variant: str | None = None, settings: Sequence[str] = ()
) -> LoadedScenario:
    """A scenario, its warnings shown. Raises ScenarioError with every fault."""
    reading = read_case(file, variant, settings, check_variants=True)
    diagnostics.show_faults(reading.warnings)
    diagnostics.show_faults(diagnostics.unsampled_hazard_warnings(reading))
    return reading


def _read_input(
    text: str, analysis: Analysis, analysis_options: SolveOptions
) -> tuple[AnalysisInput, str]:
    """What is given to an analysis, and how its file is called."""
    variant: str | None = None
    settings: tuple[str, ...] = ()
    of_file: object = analysis_options
    if analysis.input_kind != "plan" and isinstance(of_file, ScenarioOptions):
        variant, settings = of_file.variant, of_file.all_settings
    if analysis.input_kind == "scenario" or (
        analysis.input_kind == "either" and not is_saved_plan(text)
    ):
        reading = read_scenario(text, variant, settings)
        title = display_name(reading.case.title, Path(text).stem)
        how: dict[str, Any] = {
            "read_scenario": read_scenario,
            "read_plan": lambda text: _read_given_plan(text)[0],
        }
        return AnalysisInput(text, reading, title, variant, **how), text
    if variant is not None or settings:
        raise usage_error(
            "A plan carries its scenario: --variant and --set go with a scenario file."
        )
    taken, path = _read_given_plan(text)
    plan = taken.plan
    return AnalysisInput(
        text, taken.reading, plan.title, plan.variant, taken, read_scenario=read_scenario
    ), path


def _read_given_plan(text: str) -> tuple[SavedPlan, str]:
    """A saved plan, checked and reckoned anew, and how its file is called."""
    from optimizer.analyses.saved_plan import load_saved_plan

    path, plan = read_plan(text)
    return load_saved_plan(plan, str(path)), str(path)


@contextmanager
def show_after_writing(result: Result, as_json: bool) -> Iterator[bytes]:
    """Write files in the body, from the document that comes with it; then tell what was found. A
    full disk must not cost what was found."""
    document = output_files.to_json_bytes(result)
    try:
        yield document
    finally:
        if as_json:
            click.echo(document, nl=False)
        else:
            show_result(result)


def show_result(result: Result) -> None:
    """Write a result to stdout as text."""
    # It takes a moment to import: only those who want text wait for it.
    from optimizer.analyses.document_dispatch import build_result_document
    from optimizer.report.render import terminal

    terminal.print_document(build_result_document(result), sys.stdout)
