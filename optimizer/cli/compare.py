"""``vorrat compare``: funding options side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.faults import ScenarioError
from models.language import tr
from models.results import Plan
from models.results.comparison import Failed
from optimizer.cli import conflicts, cuts, diagnostics, items, options, saved, speaking, whole
from optimizer.cli.disk import save
from optimizer.cli.disk.writing import write_whole
from optimizer.cli.items import Item
from optimizer.cli.progress import Progress
from optimizer.cli.saved import COMPARISON_FILE, PLAN_FILE, PLANS, compared_places
from optimizer.cli.supervision import child
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.errors import Infeasible, NoPlan

if TYPE_CHECKING:
    from optimizer.analyses.in_turn import NoAnswer
    from optimizer.solve.decomposition import CutPool

INTERRUPTED = "stopped before it was solved"


@click.command(
    epilog="Exit codes: 0 all options solved to the gap; 1 some stopped by a limit, or a saved "
    "plan is not whole; 2 wrong usage or input; 3 some option has no plan that keeps all rules, "
    "the others are compared; 4 the same where none was found before the limit; 5 the same after a "
    "failure; 130 interrupted with nothing to keep."
)
@click.argument("given", nargs=-1, required=True, metavar="ITEM...")
@click.option("--variants", is_flag=True, help="Add all variants of each scenario file.")
@options.settings
@options.budget
@options.gap
@click.option(
    "--time-limit",
    type=options.Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each solve after this time with the best plan so far.",
)
@options.threads
@options.memory_limit
@click.option("--base", metavar="LABEL", help="Compare with this option; the first if not given.")
@click.option(
    "--year",
    type=int,
    metavar="YEAR",
    help="Reference year of cover and dependence; the last year of the base if not given.",
)
@click.option(
    "--federal",
    multiple=True,
    metavar="FUNDER",
    help="Public funder that counts as federal, may be given often; all of them if not given.",
)
@options.as_json
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Write {COMPARISON_FILE} and {PLANS}/LABEL/{PLAN_FILE} into this folder as well.",
)
@options.force
@options.reuse
@options.quiet
@speaking.language_option
def compare(
    given: tuple[str, ...],
    variants: bool,
    settings: tuple[str, ...],
    budget: float | None,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    memory_limit: int | None,
    base: str | None,
    year: int | None,
    federal: tuple[str, ...],
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
) -> int:
    """Put funding options side by side: what each buys, what it costs, what makes the difference.

    ITEM is a scenario file, FILE@VARIANT, or a saved plan (plan.json, or the folder it is in).
    """
    if as_json:
        speaking.for_machines()
    child.limit_memory(memory_limit)
    kept = cuts.kept_in(reuse, out)
    try:
        found = items.find(given, variants, options.with_budget(settings, budget))
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    to_solve = [item for item in found if item.reading is not None]
    if not to_solve and (variants or settings or budget is not None or reuse is not None):
        raise click.UsageError(
            tr("--variants, --set, --budget and --reuse go with scenario files, and there is none.")
        )
    _check(found, base, year, federal)
    if out is not None:
        places = compared_places([item.label for item in found])
        save.prepare(out, [COMPARISON_FILE, *places.values()], force)
        save.make_sure(out)
    pools = None if kept is None else _read_pools(kept, to_solve)

    answers = _solve(
        to_solve,
        gap=gap,
        time_limit=time_limit,
        threads=threads,
        pools=None if pools is None else {key: pool for _, key, pool in pools},
        quiet=quiet,
    )
    plans = {i.label: i.plan for i in found if i.plan is not None}
    failures: list[tuple[Failed, int]] = []
    for item, answer in zip(to_solve, answers, strict=True):
        if isinstance(answer, Plan):
            plans[item.label] = answer
        else:
            failures.append(_failed(item, answer))
    # In the order given, whatever was solved first.
    plans = {item.label: plans[item.label] for item in found if item.label in plans}
    code = max((code for _, code in failures), default=0)
    if not plans:
        return code
    if base is not None and base not in plans:
        click.echo(
            tr(
                "{base} has no plan; the others are compared with {label}.",
                base=base,
                label=next(iter(plans)),
            ),
            err=True,
        )
        base = None

    from optimizer.analyses.comparison.compare import compare as compared

    read = [item.saved for item in found if item.saved is not None]
    doubts = saved.doubts(read)
    for one in read:
        whole.tell(one.path, one.doubts)
    with saved.showing(read):
        comparison = compared(
            list(plans.values()),
            list(plans),
            base=base,
            year=year,
            federal=federal or None,
            failed=[failure for failure, _ in failures],
            doubts=doubts,
        )
    stopped = any(isinstance(a, Plan) and a.certificate.status != "optimal" for a in answers)
    code = code or int(stopped or bool(doubts.against))
    with telling(comparison, as_json) as document:
        places = compared_places([item.label for item in found])
        files = {places[label]: save.document(plan) for label, plan in plans.items()}
        # What was changed must not be sealed anew.
        files |= {places[item.label]: item.saved.raw for item in found if item.saved is not None}
        files[COMPARISON_FILE] = document
        save.leave(out, "comparison", files, code, force=force)
        _keep(pools, answers)
    return code


def _check(
    found: Sequence[Item], base: str | None, year: int | None, federal: Sequence[str]
) -> None:
    """Refuse options that name what is not there, before anything is solved."""
    labels = [item.label for item in found]
    if base is not None and base not in labels:
        raise click.UsageError(
            tr("--base {base}: there are the options {known}.", base=base, known=", ".join(labels))
        )
    first = found[labels.index(base) if base else 0]
    if year is not None and first.case is not None and year not in first.case.horizon.years:
        horizon = first.case.horizon
        raise click.UsageError(
            tr(
                "--year {year}: the horizon of '{label}' is {first} to {last}.",
                year=year,
                label=first.label,
                first=horizon.first_year,
                last=horizon.last_year,
            )
        )
    public = {
        f
        for item in found
        if item.case is not None
        for f, funder in item.case.funders.items()
        if funder.kind == "public"
    }
    for item in found:
        if item.plan is not None:
            public |= {funder.id for funder in item.plan.funders if funder.kind == "public"}
    for funder in federal:
        if funder not in public:
            raise click.UsageError(
                tr(
                    "--federal {funder}: the public funders are {known}.",
                    funder=funder,
                    known=", ".join(sorted(public)),
                )
            )


def _read_pools(folder: Path, to_solve: Sequence[Item]) -> list[tuple[Path, str, CutPool]]:
    """The pools that suit the scenarios, each once."""
    found: dict[str, tuple[Path, str, CutPool]] = {}
    for item in to_solve:
        assert item.reading is not None
        path, key, pool = cuts.read_kept(folder, item.reading.case)
        found.setdefault(key, (path, key, pool))
    return list(found.values())


def _keep(
    pools: list[tuple[Path, str, CutPool]] | None, answers: Sequence[Plan | NoAnswer | None]
) -> None:
    if pools is None or not any(isinstance(answer, Plan) for answer in answers):
        return
    from optimizer.solve.decomposition import write_pool

    for path, _, pool in pools:
        if pool.cuts:
            write_whole(path, write_pool(pool))


def _solve(
    to_solve: Sequence[Item],
    *,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    pools: dict[str, CutPool] | None,
    quiet: bool,
) -> list[Plan | NoAnswer | None]:
    """Solve what has yet to be solved."""
    if not to_solve:
        return []
    readings = [item.reading for item in to_solve if item.reading is not None]
    if not quiet:
        for file, reading in {i.file: r for i, r in zip(to_solve, readings, strict=True)}.items():
            click.echo(f"{file}: {summed_up(reading.case)}", err=True)
    diagnostics.show(
        {
            (fault.place, fault.message): fault
            for reading in readings
            for fault in diagnostics.never_striking(reading)
        }.values()
    )

    # The solver and Pyomo take a second to import: not for those who compare saved plans.
    from optimizer.analyses.in_turn import Task, solve_all

    progress = None if quiet else Progress()
    width = max(len(item.label) for item in to_solve)

    def start(at: int) -> None:
        if progress is not None:
            progress.label = f"{to_solve[at].label:<{width}} "

    try:
        return solve_all(
            [
                Task(reading.case, item.variant, item.title)
                for item, reading in zip(to_solve, readings, strict=True)
            ],
            gap=gap,
            time_limit=time_limit,
            threads=threads,
            pools=pools,
            on_start=start,
            on_progress=progress,
        )
    finally:
        if progress is not None:
            progress.close()


def _failed(item: Item, answer: NoAnswer | None) -> tuple[Failed, int]:
    """An option without a plan, told on stderr, and the exit code that says so."""
    assert item.reading is not None
    conflict = []
    if isinstance(answer, Infeasible):
        conflicts.show(answer, item.reading, f"{item.label}: ")
        conflict = conflicts.as_data(answer, item.reading)
    else:
        said = answer or tr("stopped before it was solved")
        click.echo(f"{item.label}: {said}", err=True)
    reasons = {Infeasible: "infeasible", NoPlan: "no_plan", type(None): "no_plan"}
    failed = Failed.model_validate(
        {
            "label": item.label,
            "title": items.title_of(item),
            "variant": item.variant,
            "reason": reasons.get(type(answer), "failed"),
            "message": str(answer) if answer is not None else INTERRUPTED,
            "conflict": conflict,
        }
    )
    # What an interrupt left unsolved was stopped by the user, as is a plan cut short.
    return failed, 1 if answer is None else answer.exit_code
