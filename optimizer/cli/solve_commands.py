"""``vorrat solve``: find the best plan of a scenario, with its certificate. ``vorrat run``: solve a
workbook or scenario file, and write a plan, a report and a result workbook beside it."""

import os
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from models.base import display_name
from models.faults import Fault, ScenarioError, SourceLocation
from models.files import read_case
from models.files.decoding import read_bytes
from models.files.reading import WORKBOOK_SUFFIXES
from models.files.shapes import all_tabs, label_translations
from models.language import LANGUAGES, Language, current_language, using
from models.results import Comparison, Plan
from models.results.manifest import PROOF_FILES
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.options import PlanOptions
from optimizer.cli import (
    analysis_commands,
    child_process,
    diagnostics,
    exit_codes,
    manifest,
    options,
    output_files,
    usage,
)
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.options import build_options, declared_options
from optimizer.cli.report import FAULTS_FILE, OPTIONS_FILE, PLAN_FILE, REPORT_FILE, render_products
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import announce
from optimizer.errors import FileInUse, Infeasible, Interrupted, Misuse, NotWritten
from optimizer.report.fault_workbook import (
    Finding,
    build_fault_workbook,
    finding_at_place,
    finding_from_fault,
)


def _find_best_plan(analysis_input: AnalysisInput, plan_options: PlanOptions) -> AnalysisOutcome:
    """Find the best plan. Plans found on the way are sent to the supervising process as
    checkpoints."""
    if plan_options.break_even:
        from optimizer.solve.planner import check_supported

        check_supported(analysis_input.reading.case)
    names = ("gap", "time_limit", "node_limit", "threads", "method", "on_progress")
    solve_options: dict[str, Any] = {name: getattr(plan_options, name) for name in names}
    fields: dict[str, Any] = {
        name: getattr(analysis_input, name) for name in ("pool", "variant", "title")
    }
    proof = _ProofFolder.from_options(analysis_input, plan_options)
    if proof is not None:
        fields["on_proof"] = proof.write
    plan = child_process.plan_with_checkpoints(
        analysis_input.reading.case, **solve_options, **fields
    )
    if plan_options.break_even and not child_process.is_recovery():
        from optimizer.analyses.break_even import add_break_even

        child_process.announce_search()
        with suppress(Interrupted):  # the plan itself is kept
            plan = add_break_even(plan, plan_options.time_limit)
    return AnalysisOutcome(plan, 0 if plan.certificate.status == "optimal" else 1)


@dataclass
class _ProofFolder:
    """The folder of the option --keep-proof."""

    folder: Path
    force: bool

    @classmethod
    def from_options(
        cls, analysis_input: AnalysisInput, plan_options: PlanOptions
    ) -> "_ProofFolder | None":
        """Return the folder, None without the option. Raise Misuse or click.UsageError before any
        solve if no proof can be written."""
        if plan_options.keep_proof is None:
            return None
        if analysis_input.pool is not None:
            raise Misuse("--keep-proof keeps cuts of this run only: leave out --reuse.")
        force = bool(click.get_current_context().params.get("force"))
        proof_folder = cls(Path(plan_options.keep_proof), force)
        if child_process.is_recovery():
            announce("No proof is written: the process that had it was lost.")
            return None
        output_files.check_destination(proof_folder.folder, PROOF_FILES, force)
        return proof_folder

    def write(self, files: dict[str, bytes] | None) -> None:
        """Write the files of a proof; say so if no bound was proven."""
        if files is None:
            announce("No proof is written: no bound was proven.")
            return
        output_files.publish(self.folder, files, replace=PROOF_FILES, force=self.force)


solve = analysis_commands.analysis_command("solve", _find_best_plan)


@click.command(epilog=PlanOptions.exit_code_help)
@click.argument("file", type=click.Path(path_type=Path))
@declared_options(PlanOptions, "variant", "gap", "time_limit")
@options.with_memory_limit
@options.path_option(
    "--out",
    "DIR",
    "Write into this folder instead of the file's own; it is made if it is not there.",
)
@click.option("--open", "opens", is_flag=True, help="Open the report, or the list of faults.")
@click.option(
    "--everything",
    is_flag=True,
    help="Then also evaluate the plan, compare the variants, draw the frontier and test a "
    "disruption; minutes more.",
)
@options.quiet_option
@usage.language_option
def run(
    file: Path, out: Path | None, opens: bool, everything: bool, quiet: bool, **values: Any
) -> int:
    """Read a workbook or scenario FILE, solve it, and write plan, report and results beside it."""
    requested_code = usage.requested_language()
    # Without --language the workbook decides, whose author may have another system language.
    detected_language = (
        workbook_language(file) if _is_workbook(file) and requested_code is None else None
    )
    with using(requested_code or detected_language or current_language()):
        if out is not None:
            output_files.make_folder(out)
        plan_options = build_options(PlanOptions, values, listener=ProgressDisplay(quiet))
        return _ScenarioRun(
            file, file.parent if out is None else out, plan_options, opens, everything
        ).execute()


def _is_workbook(path: Path) -> bool:
    return path.suffix.lower() in WORKBOOK_SUFFIXES


def workbook_language(path: Path) -> Language | None:
    """Return the language in which the sheets of a workbook are named; None if it cannot be
    determined."""
    from models.files.workbook import check_workbook_archive, sheet_names

    location = SourceLocation(str(path))
    try:
        raw = read_bytes(path, location)
        check_workbook_archive(raw, str(path), location)
        names = set(sheet_names(raw, str(path), location))
    except ScenarioError:
        # Its faults are reported when it is read afterwards.
        return None
    by_language = zip(*(label_translations(tab.label) for tab in all_tabs()), strict=True)
    counts = [len(names & set(labels)) for labels in by_language]
    best = [code for code, count in zip(LANGUAGES, counts, strict=True) if count == max(counts)]
    return best[0] if len(best) == 1 else None


@dataclass
class _ScenarioRun:
    file: Path
    folder: Path
    options: PlanOptions
    opens_result: bool
    runs_everything: bool

    def execute(self) -> int:
        """Read the scenario, solve it, and write the files. Return the exit code."""
        try:
            loaded_scenario = read_case(self.file, self.options.variant, check_variants=True)
        except ScenarioError as error:
            return self._report_faults(error.faults)
        warnings = [
            *loaded_scenario.warnings,
            *diagnostics.unsampled_hazard_warnings(loaded_scenario),
        ]
        diagnostics.show_faults(warnings)
        progress = self.options.listener
        progress.note(f"{self.file}: {scenario_summary(loaded_scenario.case)}")
        title = display_name(loaded_scenario.case.title, self.file.stem, current_language())
        try:
            with closing(progress):
                analysis_input = AnalysisInput(
                    str(self.file), loaded_scenario, title, self.options.variant
                )
                outcome = _find_best_plan(analysis_input, self.options)
        except ScenarioError as error:
            return self._report_faults(diagnostics.faults_with_places(error, loaded_scenario))
        except Infeasible as error:
            diagnostics.show_conflict(error, loaded_scenario)
            remedy, file_name = "relax this rule or one of the others", str(self.file)
            findings = []
            for rule in error.conflict:
                message = f"{rule.tag} {rule.name}: {rule.says}"
                findings.append(
                    finding_at_place(
                        "conflict", loaded_scenario.location(rule.path), message, remedy, file_name
                    )
                )
            self._write_fault_sheet(findings)
            return error.exit_code
        if warnings:
            self._write_fault_sheet(self._findings(warnings), opens=False)
        elif _is_workbook(self.file):
            with suppress(OSError):  # open in another program
                self._product_path(FAULTS_FILE).unlink(missing_ok=True)
        plan = outcome.result
        assert isinstance(plan, Plan)
        code = outcome.exit_code
        paths = self._write_products(render_products(plan), code)
        child_process.announce_published()
        if plan.certificate.status == "limit":
            click.echo("Stopped by the limit: the plan is checked, a better one may exist.")
        click.echo("Done. These files are written:")
        for path in paths.values():
            click.echo(f"  {path}")
        if self.opens_result:
            _open_file(paths[REPORT_FILE])
        return self._add_further_analyses(plan, paths, code) if self.runs_everything else code

    def _add_further_analyses(self, plan: Plan, written_files: dict[str, Path], code: int) -> int:
        """Run further analyses of the plan, and write all files again with the results included.
        Return the exit code."""
        from optimizer.cli.further_analyses import run_further_analyses

        click.echo("More follows; the report is made again with it.")
        further_results = run_further_analyses(
            self.file, self.options, plan, written_files[PLAN_FILE]
        )
        content = render_products(plan, further_results.results, further_results.other_plans)
        paths = list(self._write_products(content, code).values())
        is_whole, comparison = further_results.is_complete, further_results.comparison
        if comparison is not None:
            options_page = self._product_path(OPTIONS_FILE)
            page_code = exit_codes.run_isolated(
                partial(
                    _write_options_page, options_page, comparison, further_results.compared_plans
                )
            )
            paths += [options_page] if page_code in (0, 1) else []
            is_whole = is_whole and page_code in (0, 1)
        for path in paths:
            click.echo(f"  {path}")
        return code if is_whole else max(code, 1)

    @property
    def _stem(self) -> str:
        """The names of the scenario and of the variant, with which names of output files begin."""
        variant = (
            output_files.safe_name(self.options.variant) if self.options.variant is not None else ""
        )
        return "-".join(part for part in (self.file.stem, variant) if part)

    def _product_path(self, name: str) -> Path:
        """Return the path of an output file, named after the scenario and the variant."""
        return self.folder / f"{self._stem}-{name}"

    def _write_products(self, content: dict[str, bytes], code: int) -> dict[str, Path]:
        """Write output files and return their paths, by name. If another program has a file open,
        the new one is written beside it under another name."""
        files = [(self._product_path(name), raw) for name, raw in content.items()]
        companions: list[tuple[Path, bytes]] = []
        if self.folder != self.file.parent:
            # The manifest is only written into a separate folder, not among the user's files.
            result_name = self._product_path("plan").name.removesuffix("-plan")
            manifest_content = manifest.manifest_file(
                result_name, {p.name: content for p, content in files}, code
            )
            companions = [
                (self.folder / name, content) for name, content in manifest_content.items()
            ]
        while True:
            try:
                output_files.write_files([*companions, *files], force=True)
                return dict(zip(content, (path for path, _ in files), strict=True))
            except FileInUse as error:
                # The new result must not be lost because the earlier file is open.
                busy_file = error.path.name
                files = [
                    (p.with_stem(f"{p.stem}-new") if p.name == busy_file else p, c)
                    for p, c in files
                ]

    def _report_faults(self, faults: Sequence[Fault]) -> int:
        diagnostics.show_faults_and_count(faults)
        self._write_fault_sheet(self._findings(faults))
        return ScenarioError.exit_code

    def _findings(self, faults: Sequence[Fault]) -> list[Finding]:
        return [finding_from_fault(fault, str(self.file)) for fault in faults]

    def _write_fault_sheet(self, findings: Sequence[Finding], opens: bool = True) -> None:
        """Write the findings about a workbook into another one in the output folder, with links to
        the cells. Do nothing for any other scenario file."""
        if not _is_workbook(self.file) or not self.file.exists():
            return
        fault_file = self._product_path(FAULTS_FILE)
        try:
            target = Path(os.path.relpath(self.file, fault_file.parent)).as_posix()
        except ValueError:  # on another drive
            target = self.file.resolve().as_posix()
        try:
            output_files.write_files(
                [(fault_file, build_fault_workbook(findings, target))], force=True
            )
        except NotWritten:
            announce("'{file}' cannot be written: the faults are above.", file=fault_file)
            return
        announce("All of this is in {file}, with links to the cells.", file=fault_file)
        if opens and self.opens_result:
            _open_file(fault_file)


def _write_options_page(page: Path, comparison: Comparison, plans: dict[str, Plan]) -> None:
    """Write the report of a comparison."""
    from optimizer.analyses.registry import build_result_document
    from optimizer.report.render import html

    document = build_result_document(comparison, plans=plans)
    content = html.render_page(document).encode()
    output_files.write_files([(page, content)], force=True)


def _open_file(path: Path) -> None:
    """Open a file in the program for its type. Without one, the run does not fail."""
    takes_path = sys.platform in ("win32", "darwin")
    click.launch(str(path.resolve()) if takes_path else path.resolve().as_uri())
