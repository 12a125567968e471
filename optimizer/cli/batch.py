"""``vorrat batch``: many runs, each saved as soon as it ends, and a table of all runs."""

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
from models.results import Batch, BatchRun, Plan, RunStatus
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
from optimizer.cli.batch_runs import (
    BatchRequest,
    PlannedRun,
    expand_patterns,
    parse_grids,
    read_runs,
)
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
FINAL_STATUSES = ("optimal", "limit", "infeasible", "none")  # solving again would not change these
STOPPING_EXIT_CODES = (2, 4, 5)
"""Exit codes of a run after which no other run starts, unless --keep-going is given."""
HANG_GRACE_SECONDS = 60.0  # seconds beyond twice its time limit after which a solve counts as hung
EXIT_CODES_WORST_FIRST = (5, 2, 4, 3, 1, 0)  # a batch returns the first that a run has


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
    callback=parse_grids,
    metavar="PATH=A,B,...",
    help="Solve with each of these values, or FROM:TO:STEP; of several grids all combinations.",
)
@declared_options(BatchOptions)
@options.engine_options
@click.option("--resume", is_flag=True, help="Leave out the runs that --out holds already.")
@click.option("--keep-going", is_flag=True, help="Go on with the other runs where one fails.")
@options.json_option("Write a line of JSON to stdout as each run ends.")
@options.path_option(
    "--out", "DIR", "Keep each run in this folder as it ends, and a table of all of them."
)
@options.force_option("Begin afresh in a folder that holds runs.")
@options.quiet_option
@usage.language_option
def batch(files: tuple[str, ...], out: Path | None, force: bool, **values: Any) -> int:
    """Solve many scenarios: FILEs, their variants, and grids of values."""
    resume, keep_going = values.pop("resume"), values.pop("keep_going")
    as_json, quiet = values.pop("as_json"), values.pop("quiet")
    request = BatchRequest(**{field.name: values.pop(field.name) for field in fields(BatchRequest)})
    _check_options(request, resume, force, out)
    paths = expand_patterns(files)
    start_time = time.perf_counter()
    engine = options.take_engine_values(values)
    batch_options = build_options(BatchOptions, values, memory_limit=engine["memory_limit"])
    progress = ProgressDisplay(quiet)
    run_count = None if request.all_variants else request.count_runs(paths)
    with closing(progress):
        step = "reading"
        runs = read_runs(
            paths, request, batch_options, lambda done: progress.report_step(done, run_count, step)
        )
    child_process.raise_if_stopped()
    faults = (fault for run in runs for fault in run.faults)
    fault_count = diagnostics.count_text(diagnostics.new_faults(faults, set()))
    if fault_count:
        click.echo(fault_count, err=True)
        if not keep_going:
            return 2
    runner = BatchRunner(runs, batch_options, out, resume, keep_going, as_json, quiet)
    return runner.solve_all(engine, start_time)


def _check_options(request: BatchRequest, resume: bool, force: bool, out: Path | None) -> None:
    """Check, before any file is read, that options do not contradict each other or runs in the
    folder ``out``. Raise click.UsageError if they do."""
    if request.variants and request.all_variants:
        raise usage_error("--variant and --all-variants exclude each other.")
    repeated = {text.partition("=")[0].strip() for text in request.settings} & request.grids.keys()
    if repeated:
        raise usage_error("--set and --grid both give {path}.", path=", ".join(sorted(repeated)))
    if resume and force:
        raise usage_error("--resume and --force exclude each other.")
    if resume and out is None:
        raise usage_error("--resume goes with --out.")
    run_paths = () if out is None else (out / LEDGER_FILE, out / RUNS_FOLDER)
    if any(path.exists() for path in run_paths) and not resume and not force:
        raise usage_error(
            "'{folder}' holds runs already; --resume adds to them, --force begins afresh.",
            folder=out,
        )


@contextmanager
def lock_folder(folder: Path | None) -> Iterator[None]:
    """Hold a lock that keeps other batches on this machine out of a folder; do nothing if it is
    None. The lock of a process that has died is replaced. Raise click.UsageError if another batch
    holds it, and NotWritten if it cannot be written."""
    import psutil

    if folder is None:
        yield
        return
    lock_file, this_process = folder / LOCK_FILE, psutil.Process()
    with output_files.report_write_errors(lock_file):
        try:
            pid, start_text = lock_file.read_text(encoding="utf-8").split()
            holder = psutil.Process(int(pid))
            # The system may have given the process id to another process since.
            is_held = (
                abs(holder.create_time() - float(start_text)) < 2 and holder.status() != "zombie"
            )
        except (OSError, ValueError, psutil.Error):
            is_held = False
        try:
            if not is_held:
                lock_file.unlink(missing_ok=True)
            with lock_file.open("x", encoding="utf-8") as stream:
                stream.write(f"{this_process.pid} {this_process.create_time()}")
        except FileExistsError:
            raise usage_error("Another batch is writing into '{folder}'.", folder=folder) from None
    try:
        yield
    finally:
        with suppress(OSError):
            lock_file.unlink()


class RunLedger:
    """The file ``runs.jsonl``, which has one line for each finished run; no file if the folder is
    None. Unless ``resume`` is set it is emptied at the start. An incomplete last line is removed,
    so that its run is solved again. Raise NotWritten if the file cannot be opened."""

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
            complete_length = content.rfind(b"\n") + 1
            stream.truncate(complete_length)
        for line in content[:complete_length].splitlines():
            with suppress(ValidationError):  # the run is solved again
                run = BatchRun.model_validate_json(line)
                # A line that was tampered with must not lead to another folder.
                is_safe_name = re.fullmatch(r"[\w=+-][\w.=+-]*", run.run) is not None
                if run.key is not None and run.status in FINAL_STATUSES and is_safe_name:
                    self._finished_runs[run.key] = run

    def finished_run(self, key: str) -> BatchRun | None:
        """Return the ledger line of the run with this key if its status is final and its plan file
        has not changed; None otherwise."""
        run = self._finished_runs.get(key)
        if run is None or run.plan is None or self.folder is None:
            return run
        try:
            content = (self.folder / RUNS_FOLDER / run.run / PLAN_FILE).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != run.plan_sha256:
            return None
        if run.worst is None:  # an earlier version wrote fewer figures
            from optimizer.analyses.batch.batch_solving import plan_figures

            run = run.model_copy(update=plan_figures(Plan.model_validate_json(content)))
        return run


def _naming_fields(run: PlannedRun) -> dict[str, Any]:
    """Return the fields of a ledger line that describe a run but are not part of its key."""
    return {"file": run.file, "settings": run.settings, "varied": dict(run.varied)}


def ledger_line(run: PlannedRun, status: RunStatus, **values: Any) -> BatchRun:
    """Return the ledger line of a run. Fields that are not known are None."""
    line_fields = {name: vars(run).get(name) for name in BatchRun.model_fields}
    return BatchRun.model_validate(
        line_fields | {"varied": dict(run.varied), "status": status} | values
    )


def task_result_line(run: PlannedRun, task_result: TaskResult[BatchSolution]) -> BatchRun:
    """Return the ledger line of a run that has been solved or has failed."""
    solution, error, seconds = task_result.answer, task_result.error, task_result.seconds
    if solution is not None:
        sha256 = hashlib.sha256(solution.plan_json).hexdigest()
        code = 0 if solution.status == "optimal" else 1
        solved_fields = {"exit_code": code, "seconds": seconds, "plan_sha256": sha256}
        return ledger_line(run, solution.status, **solved_fields, **solution.figures)
    assert error is not None
    status: RunStatus = "infeasible" if isinstance(error, Infeasible) else "failed"
    if isinstance(error, NoPlan) and not isinstance(error, OutOfMemory):
        status = "none"
    return ledger_line(run, status, exit_code=error.exit_code, error=str(error), seconds=seconds)


@dataclass
class BatchRunner:
    """Solves the runs of a batch, saves their results and reports on them."""

    runs: Sequence[PlannedRun]
    options: BatchOptions
    folder: Path | None
    resume: bool
    keep_going: bool = True
    as_json: bool = False
    quiet: bool = False
    warm_start: bool = False  # whether each run starts from those before it, which resemble it
    ledger: RunLedger = field(init=False)
    end_status: Literal["complete", "stopped", "interrupted", "failed"] = "complete"
    lines: dict[int, BatchRun] = field(default_factory=dict)
    """Ledger lines by the position of the run."""

    def solve_all(self, engine: dict[str, Any], start_time: float) -> int:
        """Solve all runs, save their results, and report on them. ``engine`` has parameters of
        :func:`options.engine_in_use`. Return the exit code."""
        jobs, time_limit = self.options.jobs, self.options.time_limit
        if jobs is None and engine["scheduler"] is None:
            jobs = min(usable_cores(), len(self.runs))
        task_timeout = None if time_limit is None else 2 * time_limit + HANG_GRACE_SECONDS
        with options.engine_in_use(jobs=jobs, task_timeout=task_timeout, **engine):
            if self.folder is not None:
                output_files.make_folder(self.folder)
            with lock_folder(self.folder):
                self.ledger = RunLedger(self.folder, self.resume)
                if self.folder is not None and not self.resume:
                    with suppress(FileNotFoundError):
                        shutil.rmtree(self.folder / RUNS_FOLDER)
                return self._solve_all(jobs, start_time)

    def _solve_all(self, jobs: int | None, start_time: float) -> int:
        pending_positions, done_before = [], 0
        for position, run in enumerate(self.runs):
            if run.task is None or run.key is None:
                message = "; ".join(str(f) for f in run.faults if f.severity == "error")
                self._record_line(
                    position, ledger_line(run, status="faulty", exit_code=2, error=message)
                )
            elif (finished_run := self.ledger.finished_run(run.key)) is None:
                pending_positions.append(position)
            else:
                done_before += 1
                self._record_line(position, finished_run.model_copy(update=_naming_fields(run)))
        if not self.quiet:
            announce(
                "Runs: {count}, of which done before: {kept}",
                count=len(self.runs),
                kept=done_before,
            )
        if pending_positions:
            self._solve_pending(pending_positions, jobs)
        return self._write_summary(done_before, start_time)

    def _record_line(self, position: int, line: BatchRun) -> None:
        self.lines[position] = line
        if self.as_json:
            click.echo(line.model_dump_json())

    def _solve_pending(self, pending_positions: Sequence[int], jobs: int | None) -> None:
        from optimizer.analyses.batch.batch_solving import solve_batch

        progress = ProgressDisplay(self.quiet)

        def tasks() -> Iterator[Any]:
            for position in pending_positions:
                child_process.raise_if_stopped()
                if self.end_status == "complete":
                    yield self.runs[position].task

        try:
            solutions = solve_batch(tasks(), self.options, jobs, self.warm_start)
            with closing(progress), closing(solutions) as task_results:
                for task_result in task_results:
                    # The signal to stop may have ended the worker as well.
                    died_by_stop = (
                        isinstance(task_result.error, WorkerDied)
                        and child_process.was_stop_requested()
                    )
                    if isinstance(task_result.error, Interrupted) or died_by_stop:
                        raise KeyboardInterrupt
                    position = pending_positions[task_result.task_index]
                    self._save_task_result(position, task_result)
                    progress.report_step(len(self.lines), len(self.runs), self.runs[position].run)
                    child_process.raise_if_stopped()
        except KeyboardInterrupt:
            self.end_status = "interrupted"
        except VorratError as error:
            # Something that all runs share has failed: the disk, or a cluster.
            self.end_status = "failed"
            click.echo(str(error), err=True)

    def _save_task_result(self, position: int, task_result: TaskResult[BatchSolution]) -> None:
        """Save the result of a run that has ended: first its plan, then the ledger line that refers
        to it."""
        run, out = self.runs[position], self.folder
        line = task_result_line(run, task_result)
        if out is not None and task_result.answer is not None and run.input_log is not None:
            # Existing files are from a process that was killed before it wrote their line.
            files = {PLAN_FILE: task_result.answer.plan_json}
            # The options with which ``vorrat solve`` repeats this run.
            option_values: dict[str, Any] = {"file": run.file, "--variant": run.variant}
            option_values["--set"] = run.settings
            for name in ("gap", "time_limit", "node_limit", "method"):
                option_values[f"--{name.replace('_', '-')}"] = getattr(self.options, name)
            option_values["--threads"] = 1
            input_log, code = run.input_log.started_ago(task_result.seconds), line.exit_code or 0
            invocation = manifest.Invocation.from_values("solve", option_values)
            files |= manifest.manifest_file("plan", files, code, invocation, input_log)
            output_files.publish(out / RUNS_FOLDER / run.run, files, force=True)
            line = line.model_copy(update={"plan": f"{RUNS_FOLDER}/{run.run}/{PLAN_FILE}"})
        if out is not None:
            output_files.append_line(out / LEDGER_FILE, line.model_dump_json().encode() + b"\n")
        self._record_line(position, line)
        if line.error is not None:
            click.echo(f"{run.run}: {line.error}", err=True)
        if line.exit_code in STOPPING_EXIT_CODES and not self.keep_going:
            self.end_status = "stopped"

    def _write_summary(self, done_before: int, start_time: float) -> int:
        """Write and print the table of all runs. Return the exit code."""
        from optimizer.solve.planner import package_versions

        lines = [
            self.lines[position] if position in self.lines else ledger_line(run, status="open")
            for position, run in enumerate(self.runs)
        ]
        limit_names = ("time_limit", "node_limit", "method", "memory_limit")
        batch_result = Batch(
            gap_target=self.options.gap,
            **{name: getattr(self.options, name) for name in limit_names},
            ended=self.end_status,
            kept=done_before,
            seconds=time.perf_counter() - start_time,
            versions=package_versions(),
            runs=tuple(lines),
        )
        out = self.folder
        try:
            if out is not None:
                from optimizer.analyses.batch.document import batch_as_csv

                files = {
                    TABLE_FILE: batch_as_csv(batch_result).encode(),
                    BATCH_FILE: output_files.to_json_bytes(batch_result),
                }
                output_files.publish(out, files, force=True)
        finally:
            if not self.as_json:
                analysis_commands.show_result(batch_result)
        open_count = sum(run.status == "open" for run in lines)
        if open_count:
            announce("Runs left open: {count}. With --out, --resume goes on.", count=open_count)
        codes = {run.exit_code for run in lines}
        if self.end_status == "failed" or 5 in codes:
            return 5
        if self.end_status == "interrupted" and 2 not in codes:
            return 1 if any(run.status in ("optimal", "limit") for run in lines) else 130
        return next(code for code in EXIT_CODES_WORST_FIRST if code in codes)
