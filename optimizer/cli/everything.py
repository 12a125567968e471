"""What ``vorrat run --everything`` adds to a plan: its evaluation, its variants compared, more and
less money, and a stress test."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import click

from models.language import tr
from models.results import Plan
from models.scenario.countries import EU_27
from optimizer.cli.report import quick

GAP = ("--gap", "0.001")
POINTS = ("--points", "6", *GAP)
LENGTH = 2
"""Years of the stress test."""


def everything(
    file: Path, variant: str | None, plan: Plan, saved: Path, report: Path, workbook: Path
) -> list[Path]:
    """Find what else there is to say of a plan that was ``saved``, into a folder beside it, and
    make its report and its workbook anew with that; the files for its reader.

    A step that fails is told, and the next one begins.
    """
    from optimizer import cli

    folder = saved.with_name(saved.name.removesuffix("-plan.json") + "-more")
    options, made = folder / "options", [report, workbook]
    steps = list(_steps(file, variant, plan, saved, folder, options))
    kept = []
    for place, (name, line, leaves) in enumerate(steps, start=1):
        click.echo(tr("Step {place} of {count}: {name}", place=place, count=len(steps), name=name))
        with redirect_stdout(io.StringIO()):
            code = cli.run([*line, "--force"])
        if code not in (0, 1) or not leaves.is_file():
            click.echo(tr("That failed; what was found before is kept."))
        elif leaves.parent == folder:
            kept.append(str(leaves))
    side_by_side = report.with_name(report.name.replace("report", "options"))
    lines = [["report", str(saved), *kept, "--out", str(report), "--excel", str(workbook)]]
    if (options / "comparison.json").is_file():
        lines.append(["report", str(options), "--out", str(side_by_side)])
        made.append(side_by_side)
    for line in lines:
        with redirect_stdout(io.StringIO()):
            cli.run([*line, "--force"])
    return made


def _steps(
    file: Path, variant: str | None, plan: Plan, saved: Path, folder: Path, options: Path
) -> Iterator[tuple[str, list[str], Path]]:
    """What each step is called, the command line of it, and the file that it leaves."""
    out, case = ["--out", str(folder)], plan.case
    name = tr("fresh states, and what would be done without the plan")
    yield name, ["evaluate", str(saved), *quick(plan), *out], folder / "evaluation.json"
    if case is None:
        return
    event = _stress(plan)
    if event is not None:
        line = ["stress", str(saved), "--event", event, *out]
        yield tr("a stress test"), line, folder / "stress.json"
    if any(funder.kind == "public" for funder in case.funders.values()):
        of = ["--variant", variant] if variant is not None else []
        line = ["frontier", str(file), *of, *POINTS, *out]
        yield tr("more and less public money"), line, folder / "frontier.json"
    if case.variants or _has_variants(file):
        line = ["compare", str(file), "--variants", *GAP, "--out", str(options)]
        yield tr("the variants side by side"), line, options / "comparison.json"


def _has_variants(file: Path) -> bool:
    """Whether a scenario file has variants; a plan carries none but its own."""
    from models.files import read_case

    return bool(read_case(file).case.variants)


def _stress(plan: Plan) -> str | None:
    """The event that strikes most of what is needed from third countries, by value, in the second
    year; as ``vorrat stress`` takes it. None where no hazard strikes anything."""
    case = plan.case
    assert case is not None
    years = list(case.horizon.years)
    year = years[min(1, len(years) - 1)]
    found: dict[str, float] = {}
    for name, hazard in case.hazards.items():
        for profile, effects in hazard.courses.items():
            lost: dict[tuple[str, str], float] = {}
            for effect in effects:
                first = effect.loss[: LENGTH * int(case.horizon.periods_per_year)]
                share = sum(map(float, first)) / len(first)
                for m in effect.materials or case.materials:
                    lost[effect.country, m] = max(share, lost.get((effect.country, m), 0.0))
            event = f"{name}.{profile} {year}" if profile else f"{name} {year}"
            found[event] = sum(
                share * _value(plan, m, country, year)
                for (country, m), share in lost.items()
                if country not in EU_27
            )
    best = max(found, key=lambda event: found[event], default=None)
    return best if best is not None and found[best] > 0 else None


def _value(plan: Plan, material: str, country: str, year: int) -> float:
    """EUR that a country delivers of a material in a year, undisturbed and without a plan."""
    assert plan.case is not None
    of = next(one for one in plan.materials if one.id == material).by_year[str(year)]
    mix = of.supply_without_plan
    share = mix.by_country.get(country, 0.0) if mix is not None else 0.0
    return share * of.need_t * plan.case.materials[material].price_eur_per_t.at(year)
