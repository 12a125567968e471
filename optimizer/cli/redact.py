"""``vorrat redact``: hide figures of a scenario, and report what that costs and what can still be
inferred."""

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import display_name
from models.files import LoadedScenario
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
"""Number of figures that are named in the error for a scenario with revealing figures."""


def _redact(
    file: str, as_json: bool, out: Path | None, force: bool, quiet: bool, **values: Any
) -> int:
    """Write the redacted scenario first, then its assessment."""
    progress = ProgressDisplay(quiet)
    with analysis_commands.misuse_as_usage_error():
        redact_options = options.build_options(RedactOptions, values, listener=progress)
    if out is not None:
        output_files.refuse_existing(
            [out] if _is_scenario_file(out) else [out / name for name in OUTPUT_FILES], force
        )
    loaded_scenario = analysis_commands.read_scenario(file)
    case = loaded_scenario.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    for name in (name for name in redact_options.consumers if name not in case.consumers):
        known_names = ", ".join(case.consumers) or "-"
        raise usage_error(
            "There is no consumer '{name}'; there are {known}.", name=name, known=known_names
        )
    for name in (name for name in redact_options.companies if name not in companies):
        known_names = ", ".join(companies) or "-"
        raise usage_error(
            "There is no company '{name}'; there are {known}.", name=name, known=known_names
        )
    from optimizer.analyses.redaction.assessment import assess_redaction
    from optimizer.analyses.redaction.hidden_figures import BandMethod, ScaleMethod
    from optimizer.analyses.redaction.redacted_scenario import redact_scenario

    method: ScaleMethod | BandMethod = BandMethod(
        DEFAULT_BAND if redact_options.band is None else redact_options.band
    )
    if redact_options.scale is not None:
        method = ScaleMethod(redact_options.scale, redact_options.seed or secrets.token_hex(32))
    redacted = redact_scenario(
        loaded_scenario,
        redact_options.consumers,
        redact_options.companies,
        method,
        also=redact_options.also,
        allow=redact_options.allow,
        keep_texts=redact_options.keep_texts,
    )
    for path in redacted.unknown_paths:
        raise usage_error("There is no figure with a unit at '{path}'.", path=path)
    if not redacted.replaced_figures:
        raise usage_error("There is no figure to hide of those that were named.")
    if redacted.revealing:
        named_relations = redacted.revealing[:MAX_NAMED_FIGURES]
        descriptions = [
            _describe_relation(loaded_scenario, relation) for relation in named_relations
        ]
        if unnamed_count := len(redacted.revealing) - len(descriptions):
            descriptions.append(f"and {unnamed_count} more figures")
        raise click.UsageError("\n".join(descriptions))
    # Written before the solves, which may fail; results of an earlier run are removed.
    text = redacted.yaml_text.encode()
    folder = None if out is None or _is_scenario_file(out) else out
    if folder is not None:
        files = {OUTPUT_FILES[1]: redacted.stand_in.encode(), OUTPUT_FILES[0]: text}
        output_files.publish(folder, files, replace=OUTPUT_FILES[2:], force=force)
    elif out is not None:
        output_files.write_files([(out, text)], force)
    progress.note(f"{file}: {scenario_summary(case)}")
    with closing(progress):
        # The title of the redacted scenario, since that of the original may name a figure.
        title = display_name(redacted.redacted_case.title, Path(file).stem)
        assessment = assess_redaction(redacted, method, redact_options, title=title)
    redaction = assessment.redaction
    with analysis_commands.show_after_writing(redaction, "json" if as_json else "text") as document:
        if folder is not None:
            files = {OUTPUT_FILES[3]: document}
            if assessment.plan is not None:
                plan = output_files.to_json_bytes(assessment.plan)
                files = {OUTPUT_FILES[2]: plan, **files}
            output_files.publish(folder, files)
    codes = {"skipped": 0, "infeasible": 3, "redacted_infeasible": 3, "no_plan": 4}
    return codes.get(redaction.answer, 0 if assessment.both_optimal else 1)


redact = analysis_commands.assemble_command(_redact, "redact", "file", has_memory_limit=False)


def _describe_relation(loaded_scenario: LoadedScenario, relation: "Relation") -> str:
    """Describe a figure from which hidden figures can be inferred, and how to prevent this."""
    figure = relation.figure
    location = loaded_scenario.location(
        figure.path if figure.year is None else (*figure.path, figure.year)
    )
    place, times = str(location), f"{relation.factor:.4g}"
    details = {"place": place, "path": figure.dotted_path, "times": times}
    return (
        "{place}: {path} is {times} times {hidden}: whoever guesses so has that. --also {path} "
        "hides it too; --allow {path} leaves it, if that is by chance or known anyway."
    ).format(hidden=" + ".join(relation.hidden_parts), **details)


def _is_scenario_file(out: Path) -> bool:
    return out.suffix.lower() in (".yaml", ".yml")
