"""``vorrat redact``: hide figures of a scenario, and say what that costs and what still tells."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.base import named
from models.results import Redaction
from models.scenario.case import Case
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.cli import parameters, runner
from optimizer.cli.disk import save
from optimizer.cli.disk.publishing import publish
from optimizer.cli.progress import Steps
from optimizer.cli.runner import telling
from optimizer.cli.scenario_files import summed_up
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.analyses.redaction.hidden import Method
    from optimizer.analyses.redaction.judging import Judged
    from optimizer.analyses.redaction.rewriting import Redacted

FILES = ("public/scenario.yaml", "public/stand-in.yaml", "public/plan.json", "owner/redaction.json")
DEFAULT = 0.25


def _redact(
    file: str, as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any
) -> int:
    """Write what hides the figures first, then what judging it has found."""
    steps = Steps(quiet)
    with runner.misuse_told():
        asked = parameters.built(RedactOptions, values, listener=steps)
    if out is not None:
        save.refuse([out] if _is_file(out) else [out / name for name in FILES], force)
    reading = runner.read(file)
    _check_ids(reading.case, asked)
    from optimizer.analyses.redaction.judging import judge
    from optimizer.analyses.redaction.rewriting import redact as rewritten

    method = _method(asked)
    redacted = rewritten(reading, asked.consumers, asked.companies, method)
    if not redacted.replaced:
        raise misused("There is no figure to hide of those that were named.")
    # The scenario does not wait for the solves, nor does a failure cost it.
    _write_scenario(out, redacted, force)
    steps.note(f"{file}: {summed_up(reading.case)}")
    try:
        title = named(reading.case.title, Path(file).stem)
        judged = judge(redacted, method, asked, title=title)
    finally:
        steps.close()
    with telling(judged.redaction, as_json) as document:
        _write_rest(out, judged, document)
    return _code(judged.redaction, proven=judged.proven)


redact = runner.assembled(_redact, "redact", "file", limited=False)


def _check_ids(case: Case, asked: RedactOptions) -> None:
    for name in asked.consumers:
        if name not in case.consumers:
            known = ", ".join(case.consumers) or "-"
            raise misused(
                "There is no consumer '{name}'; there are {known}.", name=name, known=known
            )
    owned = [f for f, funder in case.funders.items() if funder.kind == "company"]
    for name in asked.companies:
        if name not in owned:
            known = ", ".join(owned) or "-"
            raise misused(
                "There is no company '{name}'; there are {known}.", name=name, known=known
            )


def _method(asked: RedactOptions) -> Method:
    from optimizer.analyses.redaction.hidden import Band, Scale

    if asked.scale is not None:
        return Scale(asked.scale, asked.seed or secrets.token_hex(32))
    return Band(DEFAULT if asked.band is None else asked.band)


def _is_file(out: Path) -> bool:
    return out.suffix.lower() in (".yaml", ".yml")


def _write_scenario(out: Path | None, redacted: Redacted, force: bool) -> None:
    """Write the scenario; what an earlier run found of another goes."""
    if out is None:
        return
    if _is_file(out):
        save.leave_all([(out, redacted.text.encode())], force)
        return
    files = {FILES[1]: redacted.stand_in.encode(), FILES[0]: redacted.text.encode()}
    publish(out, files, replace=FILES[2:], force=force)


def _write_rest(out: Path | None, judged: Judged, document: bytes) -> None:
    if out is None or _is_file(out):
        return
    files = {} if judged.plan is None else {FILES[2]: save.document(judged.plan)}
    files[FILES[3]] = document
    publish(out, files)


def _code(redaction: Redaction, *, proven: bool) -> int:
    codes = {"skipped": 0, "infeasible": 3, "redacted_infeasible": 3, "no_plan": 4}
    return codes.get(redaction.answer, 0 if proven else 1)
