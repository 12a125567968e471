"""``vorrat run``: from a workbook or a scenario file to a plan, a report and a result workbook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.language import language, tr, using
from models.results import Plan
from optimizer.analyses.options import PlanOptions
from optimizer.analyses.running import Input, Outcome
from optimizer.cli import diagnostics, options, speaking
from optimizer.cli.disk import save
from optimizer.cli.disk.naming import safe_name
from optimizer.cli.disk.save import make_folder
from optimizer.cli.parameters import built, declared
from optimizer.cli.progress import Steps
from optimizer.cli.repeating import manifest
from optimizer.cli.report import FAULTS, NAMES, REPORT, products
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.solve import best
from optimizer.cli.supervision import child
from optimizer.cli.usage import announce, misused
from optimizer.cli.user_workbook import is_open, is_workbook, language_of, leave
from optimizer.errors import Infeasible, InUse, NotWritten
from optimizer.report.fault_sheet import Finding, finding_of, placed


@click.command(epilog=PlanOptions.exits)
@click.argument("file", type=click.Path(path_type=Path))
@declared(PlanOptions, "variant", "gap", "time_limit")
@options.limited
@options.out("Write into this folder instead of the file's own; it is made if it is not there.")
@click.option("--open", "opens", is_flag=True, help="Open the report, or the list of faults.")
@options.quiet
@speaking.language_option
def run(file: Path, out: Path | None, opens: bool, quiet: bool, **values: Any) -> int:
    """Read a workbook or scenario FILE, solve it, and write plan, report and results beside it."""
    spoken = speaking.asked_for()
    # What nobody asked for goes by the workbook, whose author may have another system.
    found = language_of(file) if is_workbook(file) and spoken is None else None
    with using(spoken or found or language()):
        folder = out if out is not None else file.parent
        if out is not None:
            make_folder(out)
        asked = built(PlanOptions, values, listener=Steps(quiet))
        return _Run(file, folder, asked, opens).go()


@dataclass
class _Run:
    file: Path
    folder: Path
    asked: PlanOptions
    opens: bool

    def go(self) -> int:
        """Read, solve, write; the exit code."""
        try:
            reading = read_case(self.file, self.asked.variant, check_variants=True)
        except ScenarioError as error:
            return self._faulty(error.faults)
        doubts = [*reading.warnings, *diagnostics.never_striking(reading)]
        diagnostics.show(doubts)
        self._refuse_open_files()
        try:
            solved = self._solve(reading)
        except ScenarioError as error:
            return self._faulty(diagnostics.placed(error, reading))
        except Infeasible as error:
            self._conflict(error, reading)
            return error.exit_code
        self._tidy(doubts)
        plan = solved.result
        assert isinstance(plan, Plan)
        written = self._write(plan, solved.exit_code)
        child.published()
        self._say(plan, written)
        return solved.exit_code

    def _path(self, name: str) -> Path:
        """The file of one product: that of the scenario in front, and that of the variant."""
        variant = safe_name(self.asked.variant) if self.asked.variant is not None else ""
        stem = "-".join(part for part in (self.file.stem, variant) if part)
        return self.folder / f"{stem}-{name}"

    def _solve(self, reading: Reading) -> Outcome:
        steps = self.asked.listener
        steps.note(f"{self.file}: {summed_up(reading.case)}")
        title = named(reading.case.title, self.file.stem, language())
        try:
            return best(Input(str(self.file), reading, title, self.asked.variant), self.asked)
        finally:
            steps.close()

    def _refuse_open_files(self) -> None:
        """Tell before the solve, not after it, that a result could not be replaced."""
        for name in NAMES:
            path = self._path(name)
            if path.exists() and (is_open(path) or not _writable(path)):
                raise misused(
                    "'{file}' is open in another program: close it and run again.", file=path
                )

    def _write(self, plan: Plan, code: int) -> list[Path]:
        made = [(self._path(name), content) for name, content in products(plan)]
        along = self._along(made, code)
        for _ in made:
            try:
                save.leave_all([*along, *made], force=True)
                break
            except InUse as error:
                # Opened while the plan was made: what was found is not lost for that.
                made = [
                    (p.with_stem(f"{p.stem}-new") if p.name == error.path.name else p, content)
                    for p, content in made
                ]
        else:
            save.leave_all([*along, *made], force=True)
        return [path for path, _ in made]

    def _along(self, made: Sequence[tuple[Path, bytes]], code: int) -> list[tuple[Path, bytes]]:
        """What is kept to run it again: in a folder of its own, not among the user's files."""
        if self.folder == self.file.parent:
            return []
        result = self._path("plan").name.removesuffix("-plan")
        files = {path.name: content for path, content in made}
        found = manifest.described(result, files, code)
        return [(self.folder / name, content) for name, content in found.items()]

    def _say(self, plan: Plan, written: Sequence[Path]) -> None:
        if plan.certificate.status == "limit":
            click.echo(tr("Stopped by the limit: the plan is checked, a better one may exist."))
        click.echo(tr("Done. These files are written:"))
        for path in written:
            click.echo(f"  {path}")
        if self.opens:
            _open(next((path for path in written if path.name.endswith(REPORT)), written[0]))

    def _conflict(self, error: Infeasible, reading: Reading) -> None:
        diagnostics.show_conflict(error, reading)
        self._leave(
            [
                placed(
                    "conflict",
                    reading.place(rule.path),
                    f"{rule.tag} {rule.name}: {rule.says}",
                    tr("relax this rule or one of the others"),
                    str(self.file),
                )
                for rule in error.conflict
            ]
        )

    def _faulty(self, faults: Sequence[Fault]) -> int:
        diagnostics.show_all(faults)
        self._leave(self._findings(faults))
        return ScenarioError.exit_code

    def _findings(self, faults: Sequence[Fault]) -> list[Finding]:
        return [finding_of(fault, str(self.file)) for fault in faults]

    def _tidy(self, doubts: Sequence[Fault]) -> None:
        """List warnings beside the workbook, or take away the list that an earlier run left."""
        if doubts:
            self._leave(self._findings(doubts), opens=False)
        elif is_workbook(self.file):
            with suppress(OSError):  # open in another program
                self._path(FAULTS).unlink(missing_ok=True)

    def _leave(self, findings: Sequence[Finding], opens: bool = True) -> None:
        """List the findings about a workbook in a file beside it."""
        if not is_workbook(self.file) or not self.file.exists():
            return
        beside = self._path(FAULTS)
        try:
            leave(findings, self.file, beside)
        except NotWritten:
            announce("'{file}' cannot be written: the faults are above.", file=beside)
            return
        announce("All of this is in {file}, with links to the cells.", file=beside)
        if opens and self.opens:
            _open(beside)


def _writable(path: Path) -> bool:
    """Whether a file can be replaced: Windows refuses while a program has it open."""
    try:
        with path.open("r+b"):
            return True
    except OSError:
        return False


def _open(path: Path) -> None:
    """Show a file in the program for its kind; that there is none is no failure of the run."""
    if sys.platform == "win32" or sys.platform == "darwin":
        click.launch(str(path.resolve()))
        return
    click.launch(path.resolve().as_uri())
