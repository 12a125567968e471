"""``vorrat redact``: hide figures of a scenario, and say what that costs and what still tells."""

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import display_name
from models.files import LoadedScenario
from models.language import tr
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.cli import analysis_commands, options, output_files
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import usage_error

if TYPE_CHECKING:
    from optimizer.analyses.redaction.relations import Relation

OUTPUT_FILES = (
    "public/scenario.yaml",
    "public/stand-in.yaml",
    "public/plan.json",
    "owner/redaction.json",
)
DEFAULT_BAND = 0.25
MAX_NAMED_FIGURES = 10
"""Figures that are named where a scenario is refused."""


def _redact(
    file: str, as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any
) -> int:
    """Write what hides the figures first, then what judging it has found."""
    steps = ProgressDisplay(quiet)
    with analysis_commands.misuse_as_usage_error():
        asked = options.build_options(RedactOptions, values, listener=steps)
    if out is not None:
        output_files.refuse_existing(
            [out] if _is_scenario_file(out) else [out / name for name in OUTPUT_FILES], force
        )
    reading = analysis_commands.read_scenario(file)
    case = reading.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    for name in (name for name in asked.consumers if name not in case.consumers):
        known = ", ".join(case.consumers) or "-"
        raise usage_error(
            "There is no consumer '{name}'; there are {known}.", name=name, known=known
        )
    for name in (name for name in asked.companies if name not in companies):
        known = ", ".join(companies) or "-"
        raise usage_error(
            "There is no company '{name}'; there are {known}.", name=name, known=known
        )
    from optimizer.analyses.redaction.assessment import assess_redaction
    from optimizer.analyses.redaction.hidden_figures import BandMethod, ScaleMethod
    from optimizer.analyses.redaction.redacted_scenario import redact_scenario as rewritten

    method: ScaleMethod | BandMethod = BandMethod(
        DEFAULT_BAND if asked.band is None else asked.band
    )
    if asked.scale is not None:
        method = ScaleMethod(asked.scale, asked.seed or secrets.token_hex(32))
    redacted = rewritten(
        reading,
        asked.consumers,
        asked.companies,
        method,
        also=asked.also,
        allow=asked.allow,
        keep_texts=asked.keep_texts,
    )
    for path in redacted.unknown_paths:
        raise usage_error("There is no figure with a unit at '{path}'.", path=path)
    if not redacted.replaced:
        raise usage_error("There is no figure to hide of those that were named.")
    if redacted.revealing:
        told = [_describe_relation(reading, one) for one in redacted.revealing[:MAX_NAMED_FIGURES]]
        if further := len(redacted.revealing) - len(told):
            told.append(tr("and {count} more figures", count=further))
        raise click.UsageError("\n".join(told))
    # The scenario does not wait for the solves, nor does a failure cost it; what an earlier run
    # found of another one goes.
    text, folder = (
        redacted.yaml_text.encode(),
        None if out is None or _is_scenario_file(out) else out,
    )
    if folder is not None:
        files = {OUTPUT_FILES[1]: redacted.stand_in.encode(), OUTPUT_FILES[0]: text}
        output_files.publish(folder, files, replace=OUTPUT_FILES[2:], force=force)
    elif out is not None:
        output_files.write_files([(out, text)], force)
    steps.note(f"{file}: {scenario_summary(case)}")
    with closing(steps):
        # The title of the redacted scenario: that of the true one may name a figure.
        title = display_name(redacted.redacted_case.title, Path(file).stem)
        judged = assess_redaction(redacted, method, asked, title=title)
    found = judged.redaction
    with analysis_commands.show_after_writing(found, as_json) as document:
        if folder is not None:
            plan = (
                {}
                if judged.plan is None
                else {OUTPUT_FILES[2]: output_files.to_json_bytes(judged.plan)}
            )
            output_files.publish(folder, {**plan, OUTPUT_FILES[3]: document})
    codes = {"skipped": 0, "infeasible": 3, "redacted_infeasible": 3, "no_plan": 4}
    return codes.get(found.answer, 0 if judged.both_optimal else 1)


redact = analysis_commands.assemble_command(_redact, "redact", "file", limited=False)


def _describe_relation(reading: LoadedScenario, relation: "Relation") -> str:
    """What is wrong with a figure that agrees with hidden ones, and what to do."""
    figure = relation.figure
    place = reading.location(figure.path if figure.year is None else (*figure.path, figure.year))
    about = {"place": str(place), "path": figure.dotted_path, "times": f"{relation.factor:.4g}"}
    return tr(
        "{place}: {path} is {times} times {hidden}: whoever guesses so has that. --also {path} "
        "hides it too; --allow {path} leaves it, if that is by chance or known anyway.",
        hidden=" + ".join(relation.hidden_parts),
        **about,
    )


def _is_scenario_file(out: Path) -> bool:
    return out.suffix.lower() in (".yaml", ".yml")
