"""The click commands of analyses: read the input, prepare it, run with progress, write and show the
result."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from models.base import display_name
from models.faults import ScenarioError
from models.files import LoadedScenario, read_case
from models.results import Result
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.options import ScenarioOptions, SolveOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME, Analysis
from optimizer.cli import child_process, diagnostics, exit_codes, manifest, options, output_files
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.saved_results import PLAN_FILE, is_saved_plan, read_plan
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import language_option, usage_error
from optimizer.errors import Infeasible, Misuse

if TYPE_CHECKING:
    from optimizer.analyses.saved_plan import SavedPlan

Shown = Literal["text", "json", "nothing"]
"""How a result is printed to stdout."""
ARGUMENT_NAMES = {"plan": "plan", "scenario": "file", "either": "given"}
"""Name of the argument of a command, by the kind of its input."""


@dataclass(frozen=True)
class ResultOutput:
    """Where the result of an analysis is written, and how it is printed."""

    folder: Path | None
    force: bool = False  # whether existing files are overwritten
    shown: Shown = "nothing"
    cuts: Path | None = None  # folder of a cut pool that is read first and written last
    invocation: manifest.Invocation | None = None
    """Command that the manifest states; None for the command that is running."""


def run_and_write(
    name: str,
    given: str,
    analysis_options: SolveOptions,
    output: ResultOutput,
    run_analysis: Callable[[AnalysisInput, Any], AnalysisOutcome] | None = None,
) -> tuple[int, Result | None]:
    """Run an analysis on a scenario or a saved plan, and write and print its result. Return the
    exit code and the result. If no plan satisfies all rules, print the rules in conflict and return
    None as the result. ``run_analysis`` is run in place of the runner that is registered."""
    analysis, out, progress = ANALYSES_BY_NAME[name], output.folder, analysis_options.listener
    output_files.check_destination(
        out, [analysis.result_file, *analysis.extra_outputs], output.force
    )
    analysis_input, path = _read_input(given, analysis, analysis_options)
    loaded_scenario = analysis_input.reading
    stored_pool = (
        None if output.cuts is None else options.read_cut_pool(output.cuts, loaded_scenario.case)
    )
    progress.note(f"{path}: {scenario_summary(loaded_scenario.case)}")
    try:
        with closing(progress):
            if stored_pool is not None:
                analysis_input = analysis_input.with_pool(stored_pool.pool)
            outcome = (run_analysis or analysis.runner)(analysis_input, analysis_options)
    except ScenarioError as error:
        raise ScenarioError(diagnostics.faults_with_places(error, loaded_scenario)) from None
    except Infeasible as error:
        diagnostics.show_conflict(error, loaded_scenario)
        if output.shown == "json":
            click.echo(diagnostics.infeasible_document(error, loaded_scenario))
        return error.exit_code, None
    files = {}
    for plan_path, plan in outcome.plans.items():
        folders = [output_files.safe_name(part) for part in plan_path.split("/") if part]
        files["/".join((*folders, PLAN_FILE))] = output_files.to_json_bytes(plan)
    with show_after_writing(outcome.result, output.shown) as document:
        try:
            files[analysis.result_file] = document
            manifest.publish_with_manifest(
                out, Path(analysis.result_file).stem, files, outcome.exit_code, output.invocation,
                force=output.force, replace=analysis.extra_outputs,
            )  # fmt: skip
            if stored_pool is not None:
                stored_pool.write()
        finally:
            child_process.announce_published()
    for failure in outcome.failures:
        click.echo(failure, err=True)
    return outcome.exit_code, outcome.result


def nested_output(
    name: str, inputs: Mapping[str, Any], analysis_options: SolveOptions, folder: Path, **texts: Any
) -> ResultOutput:
    """Return the output of an analysis that another command runs: files of earlier runs are
    overwritten, nothing is printed, and the manifest states these options. ``inputs`` has the
    arguments by name, and ``texts`` those options that are parsed, as users write them, by the name
    of their field."""
    option_values, default_options = dict(inputs), set()
    for field in analysis_options.user_fields():
        option = options.option_name(type(analysis_options), field)
        option_values[option] = texts.get(field, getattr(analysis_options, field))
        if field not in analysis_options.model_fields_set:
            default_options.add(option)
    invocation = manifest.Invocation.from_values(name, option_values, default_options)
    return ResultOutput(folder, force=True, invocation=invocation)


def run_nested(
    name: str, given: Path, analysis_options: SolveOptions, folder: Path, **texts: Any
) -> tuple[int, Result | None]:
    """Run an analysis from within another command, and write its result into ``folder``. Return the
    exit code, and the result if there is one; see :func:`nested_output`."""
    inputs = {ARGUMENT_NAMES[ANALYSES_BY_NAME[name].input_kind]: str(given)}
    output = nested_output(name, inputs, analysis_options, folder, **texts)
    return exit_codes.run_nested(partial(run_and_write, name, str(given), analysis_options, output))


def analysis_command(
    name: str, run_analysis: Callable[[AnalysisInput, Any], AnalysisOutcome] | None = None
) -> click.Command:
    """Return the click command of an analysis, built from its declaration in the registry.
    ``run_analysis`` is run in place of the runner that is registered."""
    analysis = ANALYSES_BY_NAME[name]
    argument = ARGUMENT_NAMES[analysis.input_kind]

    def run(as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any) -> int:
        is_recovery = child_process.is_recovery()
        with misuse_as_usage_error():
            analysis_options = options.build_options(
                analysis.options_class, values, listener=ProgressDisplay(quiet or is_recovery)
            )
            reuse = None if is_recovery else values.get("reuse")
            pool_folder = options.cut_pool_folder(reuse, out, analysis_options.method)
            output = ResultOutput(out, force, "json" if as_json else "text", pool_folder)
            return run_and_write(name, values[argument], analysis_options, output, run_analysis)[0]

    metavar = "FILE_OR_PLAN" if argument == "given" else None
    return assemble_command(run, name, argument, metavar=metavar)


def assemble_command(
    call: Callable[..., int], name: str, argument: str, **argument_settings: Any
) -> click.Command:
    """Return the click command of an analysis that calls ``call``. It has the argument
    ``argument``, for which ``argument_settings`` are passed to ``click.argument``, the options that
    the analysis declares, and those of all analyses: ``--memory-limit``, or the options of an
    engine if the analysis uses one."""
    options_class = ANALYSES_BY_NAME[name].options_class
    decorated = options.quiet_option(language_option(call))
    if ANALYSES_BY_NAME[name].reuses_cuts:
        decorated = options.reuse_option(decorated)
    decorated = options.json_option()(
        options.path_option("--out", options_class.out_metavar, options_class.out_help)(
            options.force_option(options_class.force_help)(decorated)
        )
    )
    decorated = (
        options.with_engine_options(decorated)
        if "jobs" in options_class.supported_options
        else options.with_memory_limit(decorated)
    )
    decorated = click.argument(argument, **argument_settings)(
        options.declared_options(options_class)(decorated)
    )
    return click.command(
        name,
        help=inspect.cleandoc(options_class.__doc__ or ""),
        epilog=options_class.exit_code_help,
    )(decorated)


@contextmanager
def misuse_as_usage_error() -> Iterator[None]:
    """Within the context, raise click.UsageError in place of Misuse, which an analysis raises for
    options that it refuses."""
    try:
        yield
    except Misuse as error:
        raise click.UsageError(str(error)) from None


def read_scenario(
    file: str, variant: str | None = None, settings: Sequence[str] = ()
) -> LoadedScenario:
    """Read a scenario and show its warnings. Raise ScenarioError with all faults if it has any."""
    loaded_scenario = read_case(file, variant, settings, check_variants=True)
    diagnostics.show_faults(loaded_scenario.warnings)
    diagnostics.show_faults(diagnostics.unsampled_hazard_warnings(loaded_scenario))
    return loaded_scenario


def _read_input(
    text: str, analysis: Analysis, analysis_options: SolveOptions
) -> tuple[AnalysisInput, str]:
    """Read the input of an analysis. Return it with the path of the file that it was read from."""
    variant: str | None = None
    settings: tuple[str, ...] = ()
    file_options: object = analysis_options
    if analysis.input_kind != "plan" and isinstance(file_options, ScenarioOptions):
        variant, settings = file_options.variant, file_options.all_settings
    if analysis.input_kind == "scenario" or (
        analysis.input_kind == "either" and not is_saved_plan(text)
    ):
        loaded_scenario = read_scenario(text, variant, settings)
        title = display_name(loaded_scenario.case.title, Path(text).stem)
        readers: dict[str, Any] = {
            "read_scenario": read_scenario,
            "read_plan": lambda text: _read_given_plan(text)[0],
        }
        return AnalysisInput(text, loaded_scenario, title, variant, **readers), text
    if variant is not None or settings:
        raise usage_error(
            "A plan carries its scenario: --variant and --set go with a scenario file."
        )
    saved_plan, path = _read_given_plan(text)
    plan = saved_plan.plan
    return AnalysisInput(
        text, saved_plan.reading, plan.title, plan.variant, saved_plan, read_scenario=read_scenario
    ), path


def _read_given_plan(text: str) -> tuple[SavedPlan, str]:
    """Read a saved plan, check it and compute its figures again. Return it with the path of its
    file."""
    from optimizer.analyses.saved_plan import load_saved_plan

    path, plan = read_plan(text)
    return load_saved_plan(plan, str(path)), str(path)


@contextmanager
def show_after_writing(result: Result, shown_as: Shown) -> Iterator[bytes]:
    """Yield the JSON document of a result, and print the result once the body has written its
    files. It is also printed if writing failed, so that a full disk does not lose it."""
    document = output_files.to_json_bytes(result)
    try:
        yield document
    finally:
        if shown_as == "json":
            click.echo(document, nl=False)
        elif shown_as == "text":
            show_result(result)


def show_result(result: Result) -> None:
    """Print a result to stdout as text."""
    # Imported late: with --json it is not needed, and it is slow to import.
    from optimizer.analyses.registry import build_result_document
    from optimizer.report.render import terminal

    terminal.print_document(build_result_document(result), sys.stdout)
