"""``vorrat compare``: funding options side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.language import tr
from models.results import Plan
from models.results.comparison import Failed
from optimizer.analyses.options import CompareOptions, with_budget
from optimizer.cli import cuts, diagnostics, items, runner, saved, whole
from optimizer.cli.cuts import Kept
from optimizer.cli.disk import save
from optimizer.cli.items import Item
from optimizer.cli.parameters import built
from optimizer.cli.progress import Steps
from optimizer.cli.saved import COMPARISON_FILE, compared_places
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import announce, misused
from optimizer.errors import Infeasible, NoPlan

if TYPE_CHECKING:
    from optimizer.analyses.in_turn import NoAnswer

INTERRUPTED = "stopped before it was solved"


def _compare(
    given: tuple[str, ...],
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
    **values: Any,
) -> int:
    steps = Steps(quiet)
    asked = built(CompareOptions, values, listener=steps)
    kept = cuts.kept_in(reuse, out)
    settings = with_budget(asked.settings, asked.budget)
    found = items.find(given, asked.variants, settings)
    to_solve = [item for item in found if item.reading is not None]
    if not to_solve and (asked.variants or settings or reuse is not None):
        raise misused(
            "--variants, --set, --budget and --reuse go with scenario files, and there is none."
        )
    _check(found, asked)
    if out is not None:
        places = compared_places([item.label for item in found])
        save.prepare(out, [COMPARISON_FILE, *places.values()], force)
        save.check_folder(out)
    pools = None if kept is None else _read_pools(kept, to_solve)

    answers = _solve(to_solve, asked, steps, pools)
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
    base = asked.base
    if base is not None and base not in plans:
        announce(
            "{base} has no plan; the others are compared with {label}.",
            base=base,
            label=next(iter(plans)),
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
            year=asked.year,
            federal=asked.federal or None,
            failed=[failure for failure, _ in failures],
            doubts=doubts,
        )
    stopped = any(isinstance(a, Plan) and a.certificate.status != "optimal" for a in answers)
    code = code or int(stopped or bool(doubts.against))
    with runner.telling(comparison, as_json) as document:
        places = compared_places([item.label for item in found])
        files = {places[label]: save.document(plan) for label, plan in plans.items()}
        # What was changed must not be sealed anew.
        files |= {places[item.label]: item.saved.raw for item in found if item.saved is not None}
        files[COMPARISON_FILE] = document
        save.leave(out, "comparison", files, code, force=force)
        _keep(pools, answers)
    return code


compare = runner.assembled(_compare, "compare", "given", nargs=-1, required=True, metavar="ITEM...")


def _check(found: Sequence[Item], asked: CompareOptions) -> None:
    """Refuse options that name what is not there, before anything is solved."""
    base, year = asked.base, asked.year
    labels = [item.label for item in found]
    if base is not None and base not in labels:
        raise misused(
            "--base {base}: there are the options {known}.", base=base, known=", ".join(labels)
        )
    first = found[labels.index(base) if base else 0]
    if year is not None and first.case is not None and year not in first.case.horizon.years:
        horizon = first.case.horizon
        raise misused(
            "--year {year}: the horizon of '{label}' is {first} to {last}.",
            year=year,
            label=first.label,
            first=horizon.first_year,
            last=horizon.last_year,
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
    for funder in asked.federal:
        if funder not in public:
            raise misused(
                "--federal {funder}: the public funders are {known}.",
                funder=funder,
                known=", ".join(sorted(public)),
            )


def _read_pools(folder: Path, to_solve: Sequence[Item]) -> dict[str, Kept]:
    """The pools that suit the scenarios, by their keys."""
    readings = [item.reading for item in to_solve if item.reading is not None]
    found = [cuts.read_kept(folder, reading.case) for reading in readings]
    return {kept.key: kept for kept in reversed(found)}


def _keep(pools: dict[str, Kept] | None, answers: Sequence[Plan | NoAnswer | None]) -> None:
    if pools is None or not any(isinstance(answer, Plan) for answer in answers):
        return
    for kept in pools.values():
        if kept.pool.cuts:
            kept.write()


def _solve(
    to_solve: Sequence[Item], asked: CompareOptions, steps: Steps, pools: dict[str, Kept] | None
) -> list[Plan | NoAnswer | None]:
    """Solve what has yet to be solved."""
    if not to_solve:
        return []
    readings = [item.reading for item in to_solve if item.reading is not None]
    for file, reading in {i.file: r for i, r in zip(to_solve, readings, strict=True)}.items():
        steps.note(f"{file}: {summed_up(reading.case)}")
    doubts = (fault for reading in readings for fault in diagnostics.never_striking(reading))
    diagnostics.show(diagnostics.unseen(doubts, set()))

    # The solver and Pyomo take a second to import: not for those who compare saved plans.
    from optimizer.analyses.in_turn import Task, solve_all

    width = max(len(item.label) for item in to_solve)
    try:
        return solve_all(
            [
                Task(reading.case, item.variant, item.title)
                for item, reading in zip(to_solve, readings, strict=True)
            ],
            gap=asked.gap,
            time_limit=asked.time_limit,
            threads=asked.threads,
            pools=None if pools is None else {key: kept.pool for key, kept in pools.items()},
            on_start=lambda at: steps.at(f"{to_solve[at].label:<{width}} "),
            on_progress=asked.on_progress,
        )
    finally:
        steps.close()


def _failed(item: Item, answer: NoAnswer | None) -> tuple[Failed, int]:
    """An option without a plan, told on stderr, and the exit code that says so."""
    assert item.reading is not None
    if isinstance(answer, Infeasible):
        diagnostics.show_conflict(answer, item.reading, f"{item.label}: ")
    else:
        said = answer or tr("stopped before it was solved")
        click.echo(f"{item.label}: {said}", err=True)
    # What an interrupt left unsolved was stopped by the user, as is a plan cut short.
    return failed(item, answer), 1 if answer is None else answer.exit_code


def failed(item: Item, answer: NoAnswer | None) -> Failed:
    """An option without a plan, as a comparison names it; None for one that was not solved."""
    assert item.reading is not None
    told = diagnostics.conflict_data(answer, item.reading) if isinstance(answer, Infeasible) else []
    reasons = {Infeasible: "infeasible", NoPlan: "no_plan", type(None): "no_plan"}
    return Failed.model_validate(
        {
            "label": item.label,
            "title": items.title_of(item),
            "variant": item.variant,
            "reason": reasons.get(type(answer), "failed"),
            "message": str(answer) if answer is not None else INTERRUPTED,
            "conflict": told,
        }
    )
