"""``vorrat redact``: hide figures of a scenario, and say what that costs and what still tells."""

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import named
from models.files import Reading
from models.language import tr
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.cli import disk, options, runner
from optimizer.cli.diagnostics import Steps
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.analyses.redaction.relations import Relation

FILES = ("public/scenario.yaml", "public/stand-in.yaml", "public/plan.json", "owner/redaction.json")
DEFAULT = 0.25
MOST = 10
"""Figures that are named where a scenario is refused."""


def _redact(
    file: str, as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any
) -> int:
    """Write what hides the figures first, then what judging it has found."""
    steps = Steps(quiet)
    with runner.misuse_told():
        asked = options.built(RedactOptions, values, listener=steps)
    if out is not None:
        disk.refuse([out] if _is_file(out) else [out / name for name in FILES], force)
    reading = runner.read(file)
    case = reading.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    for name in (name for name in asked.consumers if name not in case.consumers):
        known = ", ".join(case.consumers) or "-"
        raise misused("There is no consumer '{name}'; there are {known}.", name=name, known=known)
    for name in (name for name in asked.companies if name not in companies):
        known = ", ".join(companies) or "-"
        raise misused("There is no company '{name}'; there are {known}.", name=name, known=known)
    from optimizer.analyses.redaction.hidden import Band, Scale
    from optimizer.analyses.redaction.judging import judge
    from optimizer.analyses.redaction.rewriting import redact as rewritten

    method: Scale | Band = Band(DEFAULT if asked.band is None else asked.band)
    if asked.scale is not None:
        method = Scale(asked.scale, asked.seed or secrets.token_hex(32))
    redacted = rewritten(
        reading,
        asked.consumers,
        asked.companies,
        method,
        also=asked.also,
        allow=asked.allow,
        keep_texts=asked.keep_texts,
    )
    for path in redacted.unknown:
        raise misused("There is no figure with a unit at '{path}'.", path=path)
    if not redacted.replaced:
        raise misused("There is no figure to hide of those that were named.")
    if redacted.telling:
        told = [_told(reading, one) for one in redacted.telling[:MOST]]
        if further := len(redacted.telling) - len(told):
            told.append(tr("and {count} more figures", count=further))
        raise click.UsageError("\n".join(told))
    # The scenario does not wait for the solves, nor does a failure cost it; what an earlier run
    # found of another one goes.
    text, folder = redacted.text.encode(), None if out is None or _is_file(out) else out
    if folder is not None:
        files = {FILES[1]: redacted.stand_in.encode(), FILES[0]: text}
        disk.publish(folder, files, replace=FILES[2:], force=force)
    elif out is not None:
        disk.leave_all([(out, text)], force)
    steps.note(f"{file}: {summed_up(case)}")
    with closing(steps):
        # The title of the redacted scenario: that of the true one may name a figure.
        title = named(redacted.case.title, Path(file).stem)
        judged = judge(redacted, method, asked, title=title)
    found = judged.redaction
    with runner.telling(found, as_json) as document:
        if folder is not None:
            plan = {} if judged.plan is None else {FILES[2]: disk.document(judged.plan)}
            disk.publish(folder, {**plan, FILES[3]: document})
    codes = {"skipped": 0, "infeasible": 3, "redacted_infeasible": 3, "no_plan": 4}
    return codes.get(found.answer, 0 if judged.proven else 1)


redact = runner.assembled(_redact, "redact", "file", limited=False)


def _told(reading: Reading, one: "Relation") -> str:
    """What is wrong with a figure that agrees with hidden ones, and what to do."""
    figure = one.figure
    place = reading.place(figure.path if figure.year is None else (*figure.path, figure.year))
    about = {"place": str(place), "path": figure.dotted, "times": f"{one.times:.4g}"}
    return tr(
        "{place}: {path} is {times} times {hidden}: whoever guesses so has that. --also {path} "
        "hides it too; --allow {path} leaves it, if that is by chance or known anyway.",
        hidden=" + ".join(one.hidden),
        **about,
    )


def _is_file(out: Path) -> bool:
    return out.suffix.lower() in (".yaml", ".yml")
