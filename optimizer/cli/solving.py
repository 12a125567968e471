"""``vorrat solve``: the best plan for a scenario, with its proof; and ``vorrat run``: from a
workbook or a scenario file to a plan, a report and a result workbook beside it."""

import os
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from models.base import named
from models.faults import Fault, Place, ScenarioError
from models.files import read_case
from models.files.decoding import read_bytes
from models.files.reading import WORKBOOKS
from models.files.tabs import names_of, tabs
from models.language import Language, language, tr, using
from models.results import Plan
from optimizer.analyses.options import PlanOptions
from optimizer.analyses.running import Input, Outcome
from optimizer.cli import child, diagnostics, disk, manifest, options, runner, usage
from optimizer.cli.diagnostics import Steps
from optimizer.cli.options import built, declared
from optimizer.cli.report import FAULTS, OPTIONS, PLAN, REPORT, products
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import announce
from optimizer.errors import Infeasible, Interrupted, InUse, NotWritten
from optimizer.report.fault_sheet import Finding, fault_sheet, finding_of, placed


def _best(given: Input, asked: PlanOptions) -> Outcome:
    """The best plan, which the process that supervises this one keeps as it is found."""
    if asked.break_even:
        from optimizer.solve.planner import check_plain

        check_plain(given.reading.case)
    names = ("gap", "time_limit", "node_limit", "threads", "method", "on_progress")
    how: dict[str, Any] = {name: getattr(asked, name) for name in names}
    about: dict[str, Any] = {name: getattr(given, name) for name in ("pool", "variant", "title")}
    found = child.plan(given.reading.case, **how, **about)
    if asked.break_even and not child.is_salvage():
        from optimizer.analyses.break_even import with_break_even

        child.searching()
        with suppress(Interrupted):  # the plan is there
            found = with_break_even(found, asked.time_limit)
    return Outcome(found, 0 if found.certificate.status == "optimal" else 1)


solve = runner.command_of("solve", _best)


@click.command(epilog=PlanOptions.exits)
@click.argument("file", type=click.Path(path_type=Path))
@declared(PlanOptions, "variant", "gap", "time_limit")
@options.limited
@options.out("Write into this folder instead of the file's own; it is made if it is not there.")
@click.option("--open", "opens", is_flag=True, help="Open the report, or the list of faults.")
@click.option(
    "--everything",
    is_flag=True,
    help="Then also evaluate the plan, compare the variants, draw the frontier and test a "
    "disruption; minutes more.",
)
@options.quiet
@usage.language_option
def run(
    file: Path, out: Path | None, opens: bool, everything: bool, quiet: bool, **values: Any
) -> int:
    """Read a workbook or scenario FILE, solve it, and write plan, report and results beside it."""
    spoken = usage.asked_for()
    # What nobody asked for goes by the workbook, whose author may have another system.
    found = language_of(file) if _is_workbook(file) and spoken is None else None
    with using(spoken or found or language()):
        if out is not None:
            disk.make_folder(out)
        asked = built(PlanOptions, values, listener=Steps(quiet))
        return _Run(file, file.parent if out is None else out, asked, opens, everything).go()


def _is_workbook(path: Path) -> bool:
    return path.suffix.lower() in WORKBOOKS


def language_of(path: Path) -> Language | None:
    """The language in which a workbook's sheets are named; None where it cannot be told."""
    from models.files.workbook import check_packed, sheet_names

    place = Place(str(path))
    try:
        raw = read_bytes(path, place)
        check_packed(raw, str(path), place)
        names = set(sheet_names(raw, str(path), place))
    except ScenarioError:
        # What is wrong with it is told by the reading that follows.
        return None
    english, german = zip(*(names_of(tab.label) for tab in tabs()), strict=True)
    count_en, count_de = len(names & set(english)), len(names & set(german))
    return None if count_en == count_de else "de" if count_de > count_en else "en"


@dataclass
class _Run:
    file: Path
    folder: Path
    asked: PlanOptions
    opens: bool
    everything: bool

    def go(self) -> int:
        """Read, solve, write; the exit code."""
        try:
            reading = read_case(self.file, self.asked.variant, check_variants=True)
        except ScenarioError as error:
            return self._faulty(error.faults)
        doubts = [*reading.warnings, *diagnostics.never_striking(reading)]
        diagnostics.show(doubts)
        steps = self.asked.listener
        steps.note(f"{self.file}: {summed_up(reading.case)}")
        title = named(reading.case.title, self.file.stem, language())
        try:
            with closing(steps):
                given = Input(str(self.file), reading, title, self.asked.variant)
                solved = _best(given, self.asked)
        except ScenarioError as error:
            return self._faulty(diagnostics.placed(error, reading))
        except Infeasible as error:
            diagnostics.show_conflict(error, reading)
            remedy, own = tr("relax this rule or one of the others"), str(self.file)
            findings = []
            for rule in error.conflict:
                said = f"{rule.tag} {rule.name}: {rule.says}"
                findings.append(placed("conflict", reading.place(rule.path), said, remedy, own))
            self._leave(findings)
            return error.exit_code
        if doubts:
            self._leave(self._findings(doubts), opens=False)
        elif _is_workbook(self.file):
            with suppress(OSError):  # open in another program
                self._path(FAULTS).unlink(missing_ok=True)
        plan = solved.result
        assert isinstance(plan, Plan)
        code = solved.exit_code
        written = self._write(products(plan), code)
        child.published()
        if plan.certificate.status == "limit":
            click.echo(tr("Stopped by the limit: the plan is checked, a better one may exist."))
        click.echo(tr("Done. These files are written:"))
        for path in written.values():
            click.echo(f"  {path}")
        if self.opens:
            _open(written[REPORT])
        return self._more(plan, written, code) if self.everything else code

    def _more(self, plan: Plan, written: dict[str, Path], code: int) -> int:
        """Find what else there is to say, and write all anew with it; the exit code."""
        from optimizer import cli
        from optimizer.cli.everything import everything

        click.echo(tr("More follows; the report is made anew with it."))
        found = everything(self.file, self.asked, plan, written[PLAN])
        places = list(self._write(products(plan, found.results, found.others), code).values())
        options, is_whole = self._path(OPTIONS), found.is_whole
        if found.options is not None:
            made = cli.quietly(["report", str(found.options), "--out", str(options), "--force"])
            places += [options] if made in (0, 1) else []
            is_whole = is_whole and made in (0, 1)
        for path in places:
            click.echo(f"  {path}")
        return code if is_whole else max(code, 1)

    @property
    def _stem(self) -> str:
        """The name of the scenario, and that of the variant."""
        variant = disk.safe_name(self.asked.variant) if self.asked.variant is not None else ""
        return "-".join(part for part in (self.file.stem, variant) if part)

    def _path(self, name: str) -> Path:
        """The file of one product: that of the scenario in front, and that of the variant."""
        return self.folder / f"{self._stem}-{name}"

    def _write(self, content: dict[str, bytes], code: int) -> dict[str, Path]:
        """Write each product by its name; where each went, beside one that another program has
        open."""
        made = [(self._path(name), raw) for name, raw in content.items()]
        along: list[tuple[Path, bytes]] = []
        if self.folder != self.file.parent:
            # What is kept to run it again: in a folder of its own, not among the user's files.
            result = self._path("plan").name.removesuffix("-plan")
            found = manifest.described(result, {p.name: content for p, content in made}, code)
            along = [(self.folder / name, content) for name, content in found.items()]
        while True:
            try:
                disk.leave_all([*along, *made], force=True)
                return dict(zip(content, (path for path, _ in made), strict=True))
            except InUse as error:
                # What was found is not lost because the earlier one is open.
                own = error.path.name
                made = [(p.with_stem(f"{p.stem}-new") if p.name == own else p, c) for p, c in made]

    def _faulty(self, faults: Sequence[Fault]) -> int:
        diagnostics.show_all(faults)
        self._leave(self._findings(faults))
        return ScenarioError.exit_code

    def _findings(self, faults: Sequence[Fault]) -> list[Finding]:
        return [finding_of(fault, str(self.file)) for fault in faults]

    def _leave(self, findings: Sequence[Finding], opens: bool = True) -> None:
        """List the findings about a workbook in a file beside it, with links to the cells."""
        if not _is_workbook(self.file) or not self.file.exists():
            return
        beside = self._path(FAULTS)
        try:
            target = Path(os.path.relpath(self.file, beside.parent)).as_posix()
        except ValueError:  # on another drive
            target = self.file.resolve().as_posix()
        try:
            disk.leave_all([(beside, fault_sheet(findings, target))], force=True)
        except NotWritten:
            announce("'{file}' cannot be written: the faults are above.", file=beside)
            return
        announce("All of this is in {file}, with links to the cells.", file=beside)
        if opens and self.opens:
            _open(beside)


def _open(path: Path) -> None:
    """Show a file in the program for its kind; that there is none is no failure of the run."""
    desktop = sys.platform in ("win32", "darwin")
    click.launch(str(path.resolve()) if desktop else path.resolve().as_uri())
