"""``vorrat batch``: many runs, each kept as it is done, and a table of them all."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import ValidationError

from models.faults import VorratError
from models.language import tr
from models.results import Batch, BatchRun, RunStatus
from optimizer.analyses.options import BatchOptions, ScenarioOptions
from optimizer.cli import (
    analysis_commands,
    child_process,
    diagnostics,
    manifest,
    options,
    output_files,
    usage,
)
from optimizer.cli.batch_runs import BatchRequest, PlannedRun, expand_patterns, read_runs
from optimizer.cli.batch_runs import parse_grids as read_grids
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.options import build_options, declared_options
from optimizer.cli.saved_results import PLAN_FILE
from optimizer.cli.usage import announce, usage_error
from optimizer.errors import Infeasible, Interrupted, NoPlan, OutOfMemory, WorkerDied
from optimizer.model.cores import usable_cores

if TYPE_CHECKING:
    from optimizer.analyses.batch.batch_solving import BatchSolution
    from optimizer.parallel import TaskResult

LEDGER_FILE, RUNS_FOLDER, LOCK_FILE = "runs.jsonl", "runs", ".batch.lock"
BATCH_FILE, TABLE_FILE = "batch.json", "runs.csv"
FINAL_STATUSES = (
    "optimal",
    "limit",
    "infeasible",
    "none",
)  # statuses that another try would not change
PLAN_FIGURES = ("objective", "bound", "gap", "expected", "expected_without_plan", "net_cost_meur")
"""What a line of the ledger says of a plan."""
STOPPING_EXIT_CODES = (2, 4, 5)
"""Exit codes of a run after which no other is begun, unless --keep-going says so."""
HANG_GRACE_SECONDS = (
    60.0  # seconds beyond twice its time limit after which a solve counts as hanging
)
EXIT_CODES_WORST_FIRST = (5, 2, 4, 3, 1, 0)  # what a batch answers of the exit codes of its runs


@click.command(
    epilog="Exit codes, the first that holds: 5 a run failed; 2 wrong usage or input; 130 "
    "interrupted with no plan to keep; 1 interrupted; 4 a run has no plan before the limit; 3 a "
    "run has no plan that keeps all rules; 1 a run was stopped by a limit; 0 all solved to the gap."
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="ID",
    help="Solve this variant of each file instead of the file itself; may be given often.",
)
@click.option(
    "--all-variants", is_flag=True, help="Solve all variants of each file beside the file itself."
)
@declared_options(ScenarioOptions, "settings")
@click.option(
    "--grid",
    "grids",
    multiple=True,
    callback=read_grids,
    metavar="PATH=A,B,...",
    help="Solve with each of these values, or FROM:TO:STEP; of several grids all combinations.",
)
@declared_options(BatchOptions)
@options.engine_options
@click.option("--resume", is_flag=True, help="Leave out the runs that --out holds already.")
@click.option("--keep-going", is_flag=True, help="Go on with the other runs where one fails.")
@options.json_option("Write a line of JSON to stdout as each run ends.")
@options.out_option("Keep each run in this folder as it ends, and a table of all of them.")
@options.force_option("Begin afresh in a folder that holds runs.")
@options.quiet_option
@usage.language_option
def batch(files: tuple[str, ...], out: Path | None, force: bool, **values: Any) -> int:
    """Solve many scenarios: FILEs, their variants, and grids of values."""
    resume, keep_going = values.pop("resume"), values.pop("keep_going")
    as_json, quiet = values.pop("as_json"), values.pop("quiet")
    wanted = BatchRequest(**{field.name: values.pop(field.name) for field in fields(BatchRequest)})
    _check_options(wanted, resume, force, out)
    found = expand_patterns(files)
    began = time.perf_counter()
    where = options.take_engine_values(values)
    asked = build_options(BatchOptions, values, memory_limit=where["memory_limit"])
    steps, count = ProgressDisplay(quiet), None if wanted.all_variants else wanted.count_runs(found)
    with closing(steps):
        say = tr("reading")
        runs = read_runs(found, wanted, asked, lambda done: steps.report_step(done, count, say))
    child_process.raise_if_stopped()
    faults = (fault for run in runs for fault in run.faults)
    told = diagnostics.count_text(diagnostics.new_faults(faults, set()))
    if told:
        click.echo(told, err=True)
        if not keep_going:
            return 2
    jobs, time_limit = asked.jobs, asked.time_limit
    if jobs is None and where["scheduler"] is None:
        jobs = min(usable_cores(), len(runs))
    seconds = None if time_limit is None else 2 * time_limit + HANG_GRACE_SECONDS
    with options.engine_in_use(jobs=jobs, task_timeout=seconds, **where):
        if out is not None:
            output_files.make_folder(out)
        with lock_folder(out):
            ledger = RunLedger(out, resume)
            if out is not None and not resume and (out / RUNS_FOLDER).exists():
                shutil.rmtree(out / RUNS_FOLDER)
            return BatchRunner(runs, asked, ledger, keep_going, as_json, quiet).solve_all(
                jobs, began
            )


def _check_options(request: BatchRequest, resume: bool, force: bool, out: Path | None) -> None:
    """Refuse options that contradict each other, or what is there, before anything is read."""
    if request.variants and request.all_variants:
        raise usage_error("--variant and --all-variants exclude each other.")
    twice = {text.partition("=")[0].strip() for text in request.settings} & request.grids.keys()
    if twice:
        raise usage_error("--set and --grid both give {path}.", path=", ".join(sorted(twice)))
    if resume and force:
        raise usage_error("--resume and --force exclude each other.")
    if resume and out is None:
        raise usage_error("--resume goes with --out.")
    there = () if out is None else ((out / LEDGER_FILE).exists(), (out / RUNS_FOLDER).exists())
    if any(there) and not resume and not force:
        raise usage_error(
            "'{folder}' holds runs already; --resume adds to them, --force begins afresh.",
            folder=out,
        )


@contextmanager
def lock_folder(folder: Path | None) -> Iterator[None]:
    """Keep other batches of this machine out of a folder; a lock of one that has gone keeps nobody
    out. Raises click.UsageError, and NotWritten."""
    import psutil

    if folder is None:
        yield
        return
    lock, own = folder / LOCK_FILE, psutil.Process()
    with output_files.report_write_errors(lock):
        try:
            pid, began = lock.read_text(encoding="utf-8").split()
            left = psutil.Process(int(pid))
            # Another process may have been given the number since.
            lives = abs(left.create_time() - float(began)) < 2 and left.status() != "zombie"
        except (OSError, ValueError, psutil.Error):
            lives = False
        try:
            if not lives:
                lock.unlink(missing_ok=True)
            with lock.open("x", encoding="utf-8") as stream:
                stream.write(f"{own.pid} {own.create_time()}")
        except FileExistsError:
            raise usage_error("Another batch is writing into '{folder}'.", folder=folder) from None
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()


class RunLedger:
    """``runs.jsonl``: what became of each run, a line at a time; begun afresh if not to resume. A
    line that was left torn is taken away, and its run is solved anew. Raises NotWritten."""

    def __init__(self, folder: Path | None, resume: bool) -> None:
        self.folder = folder
        self._finished_runs: dict[str, BatchRun] = {}
        if folder is None:
            return
        with (
            output_files.report_write_errors(folder / LEDGER_FILE),
            (folder / LEDGER_FILE).open("a+b") as stream,
        ):
            stream.seek(0)
            content = stream.read() if resume else b""
            whole = content.rfind(b"\n") + 1
            stream.truncate(whole)
        for line in content[:whole].splitlines():
            with suppress(ValidationError):  # no run, which is solved anew
                run = BatchRun.model_validate_json(line)
                # One that was tampered with leads to no other folder.
                is_name = re.fullmatch(r"[\w=+-][\w.=+-]*", run.run) is not None
                if run.key is not None and run.status in FINAL_STATUSES and is_name:
                    self._finished_runs[run.key] = run

    def finished_run(self, key: str) -> BatchRun | None:
        """What became of a run with this key, if that stands and its plan is there unchanged."""
        known = self._finished_runs.get(key)
        if known is None or known.plan is None or self.folder is None:
            return known
        try:
            raw = (self.folder / RUNS_FOLDER / known.run / PLAN_FILE).read_bytes()
        except OSError:
            return None
        return known if hashlib.sha256(raw).hexdigest() == known.plan_sha256 else None


def _naming_fields(run: PlannedRun) -> dict[str, Any]:
    """What a line on it says that its key does not."""
    return {"file": run.file, "settings": run.settings, "varied": dict(run.varied)}


def ledger_line(run: PlannedRun, status: RunStatus, **values: Any) -> BatchRun:
    """A line on a run; null is what nothing is known of."""
    about = {"status": status, **_naming_fields(run)}
    for name in ("run", "variant", "key", "unit", "currency", "input_sha256"):
        about[name] = getattr(run, name)
    return BatchRun.model_validate(dict.fromkeys(BatchRun.model_fields) | about | values)


def arrival_line(run: PlannedRun, arrival: TaskResult[BatchSolution]) -> BatchRun:
    """What came of a run."""
    answer, error, seconds = arrival.answer, arrival.error, arrival.seconds
    if answer is not None:
        sha256 = hashlib.sha256(answer.plan_json).hexdigest()
        figures = {name: getattr(answer, name) for name in PLAN_FIGURES}
        code = 0 if answer.status == "optimal" else 1
        about = {"exit_code": code, "seconds": seconds, "plan_sha256": sha256}
        return ledger_line(run, answer.status, **about, **figures)
    assert error is not None
    status: RunStatus = "infeasible" if isinstance(error, Infeasible) else "failed"
    if isinstance(error, NoPlan) and not isinstance(error, OutOfMemory):
        status = "none"
    return ledger_line(run, status, exit_code=error.exit_code, error=str(error), seconds=seconds)


@dataclass
class BatchRunner:
    """Runs that are solved, kept and told."""

    runs: Sequence[PlannedRun]
    options: BatchOptions
    ledger: RunLedger
    keep_going: bool
    as_json: bool
    quiet: bool
    warm_start: bool = False  # whether they are so alike that each goes on from those before it
    end_status: Literal["complete", "stopped", "interrupted", "failed"] = "complete"
    lines: dict[int, BatchRun] = field(default_factory=dict)
    """What became of runs, by their position."""

    def solve_all(self, jobs: int | None, started: float) -> int:
        """Solve, keep and tell; the exit code."""
        waiting, kept = [], 0
        for at, run in enumerate(self.runs):
            if run.task is None or run.key is None:
                text = "; ".join(str(f) for f in run.faults if f.severity == "error")
                self._record_line(at, ledger_line(run, status="faulty", exit_code=2, error=text))
            elif (done := self.ledger.finished_run(run.key)) is None:
                waiting.append(at)
            else:
                kept += 1
                self._record_line(at, done.model_copy(update=_naming_fields(run)))
        if not self.quiet:
            announce("Runs: {count}, of which done before: {kept}", count=len(self.runs), kept=kept)
        if waiting:
            self._solve_pending(waiting, jobs)
        return self._write_summary(kept, started)

    def _record_line(self, position: int, line: BatchRun) -> None:
        self.lines[position] = line
        if self.as_json:
            click.echo(line.model_dump_json())

    def _solve_pending(self, pending: Sequence[int], jobs: int | None) -> None:
        steps = ProgressDisplay(self.quiet)

        def tasks() -> Iterator[Any]:
            for at in pending:
                child_process.raise_if_stopped()
                if self.end_status == "complete":
                    yield self.runs[at].task

        try:
            with closing(steps), closing(self._arrivals(tasks(), jobs)) as arrivals:
                for arrival in arrivals:
                    # What asks to stop may have ended the worker as well.
                    lost = (
                        isinstance(arrival.error, WorkerDied) and child_process.was_stop_requested()
                    )
                    if isinstance(arrival.error, Interrupted) or lost:
                        raise KeyboardInterrupt
                    self._keep_arrival(pending[arrival.task_index], arrival)
                    last = self.runs[pending[arrival.task_index]].run
                    steps.report_step(len(self.lines), len(self.runs), last)
                    child_process.raise_if_stopped()
        except KeyboardInterrupt:
            self.end_status = "interrupted"
        except VorratError as error:
            # What all runs share has failed: the disk, or a cluster.
            self.end_status = "failed"
            click.echo(str(error), err=True)

    def _arrivals(self, tasks: Iterator[Any], jobs: int | None) -> Any:
        from optimizer.analyses.batch.batch_solving import solve_batch

        return solve_batch(tasks, self.options, jobs, self.warm_start)

    def _keep_arrival(self, position: int, arrival: TaskResult[BatchSolution]) -> None:
        """Keep what came of a run, the plan first and then the line that speaks of it."""
        run, out = self.runs[position], self.ledger.folder
        told = arrival_line(run, arrival)
        if out is not None and arrival.answer is not None and run.record is not None:
            # What is there already was left by a kill before its line was written.
            files = {PLAN_FILE: arrival.answer.plan_json}
            # The options of ``vorrat solve`` by which it is solved alone.
            how: dict[str, Any] = {"--variant": run.variant, "--set": run.settings}
            for name in ("gap", "time_limit", "node_limit", "method"):
                how[f"--{name.replace('_', '-')}"] = getattr(self.options, name)
            how["--threads"] = 1
            record, code = run.record.started_ago(arrival.seconds), told.exit_code or 0
            along = manifest.solve_manifest_files(files, code, record, run.file, how)
            output_files.publish(out / RUNS_FOLDER / run.run, files, companions=along, force=True)
            told = told.model_copy(update={"plan": f"{RUNS_FOLDER}/{run.run}/{PLAN_FILE}"})
        if out is not None:
            output_files.append_line(out / LEDGER_FILE, told.model_dump_json().encode() + b"\n")
        self._record_line(position, told)
        if told.error is not None:
            click.echo(f"{run.run}: {told.error}", err=True)
        if told.exit_code in STOPPING_EXIT_CODES and not self.keep_going:
            self.end_status = "stopped"

    def _write_summary(self, done_before: int, started: float) -> int:
        """Write what is known of all runs, and tell it; the exit code."""
        from optimizer.solve.planner import package_versions

        lines = [
            self.lines[at] if at in self.lines else ledger_line(run, status="open")
            for at, run in enumerate(self.runs)
        ]
        names = ("time_limit", "node_limit", "method", "memory_limit")
        found = Batch(
            gap_target=self.options.gap,
            **{name: getattr(self.options, name) for name in names},
            ended=self.end_status,
            kept=done_before,
            seconds=time.perf_counter() - started,
            versions=package_versions(),
            runs=tuple(lines),
        )
        out = self.ledger.folder
        try:
            if out is not None:
                from optimizer.analyses.batch.document import batch_as_csv

                files = {
                    TABLE_FILE: batch_as_csv(found).encode(),
                    BATCH_FILE: output_files.to_json_bytes(found),
                }
                output_files.publish(out, files, force=True)
        finally:
            if not self.as_json:
                analysis_commands.show_result(found)
        left = sum(run.status == "open" for run in lines)
        if left:
            announce("Runs left open: {count}. With --out, --resume goes on.", count=left)
        codes = {run.exit_code for run in lines}
        if self.end_status == "failed" or 5 in codes:
            return 5
        if self.end_status == "interrupted" and 2 not in codes:
            return 1 if any(run.status in ("optimal", "limit") for run in lines) else 130
        return next(code for code in EXIT_CODES_WORST_FIRST if code in codes)
