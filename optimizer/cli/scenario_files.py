"""Commands for scenario files: check them, write a new one, and list examples, presets and the
schema."""

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import get_args

import click

from models.faults import Fault, ScenarioError
from models.files import read_case, read_case_text, shipped_files
from models.files.reading import WORKBOOK_SUFFIXES
from models.input_log import log_inputs
from models.language import Language, current_language, using
from models.scenario.references import Case
from optimizer.analyses.options import ScenarioOptions
from optimizer.cli import diagnostics, options, output_files, usage
from optimizer.cli.options import declared_options
from optimizer.cli.usage import announce, usage_error


@click.command(epilog="Exit codes: 0 no errors (warnings are allowed), 2 errors.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--variant", metavar="NAME", help="Apply this variant of the file.")
@declared_options(ScenarioOptions, "settings")
@options.json_option("Write the faults to stdout as JSON.")
@usage.language_option
def validate(
    files: tuple[str, ...], variant: str | None, settings: tuple[str, ...], as_json: bool
) -> int:
    """Check scenario FILEs, their tables and all their variants."""
    all_faults: list[Fault] = []
    for file in files:
        try:
            loaded_scenario = read_case(file, variant, settings, check_variants=True)
        except ScenarioError as error:
            faults, summary = error.faults, None
        else:
            faults, summary = (
                loaded_scenario.warnings,
                f"{file}: {scenario_summary(loaded_scenario.case)}",
            )
        all_faults += faults
        if not as_json:
            diagnostics.show_faults(faults)
        if summary is not None and not as_json:
            click.echo(summary)
    if as_json:
        click.echo(json.dumps([diagnostics.fault_as_json(fault) for fault in all_faults], indent=2))
    if all_faults:
        click.echo(diagnostics.count_text(all_faults), err=True)
    return 2 if any(fault.severity == "error" for fault in all_faults) else 0


def scenario_summary(case: Case) -> str:
    """Return one line of text with the numbers of materials, projects and other parts of a
    scenario, and its first and last year."""
    uncertainty = case.uncertainty
    states = None if uncertainty is None else uncertainty.states
    state_item = (1 if states is None else len(states), "1 state", "{count} states")
    if uncertainty is not None and uncertainty.sample is not None:
        sampled = int(uncertainty.sample.states)
        state_item = (sampled, "1 sampled state", "{count} sampled states")
    items = [
        (len(case.materials), "1 material", "{count} materials"),
        (len(case.projects), "1 project", "{count} projects"),
        (len(case.stockpiles), "1 stockpile", "{count} stockpiles"),
        (len(case.funders), "1 funder", "{count} funders"),
        state_item,
        (len(case.variants), "1 variant", "{count} variants"),
    ]
    count_texts = [one if count == 1 else many.format(count=count) for count, one, many in items]
    first_year, last_year = case.horizon.first_year, case.horizon.last_year
    return "{parts}; {first} to {last}".format(
        parts=", ".join(count_texts), first=first_year, last=last_year
    )


STARTER_FILE = "vorrat-run.cmd"
OPENER_FILES = ("vorrat-open.cmd", "vorrat-open.command", "vorrat-open.desktop")
"""Files that open the page by a double click: on Windows, macOS and Linux."""


@click.command()
@click.argument("path", required=False)
@click.option("--excel", is_flag=True, help="Write an Excel workbook instead of YAML.")
@click.option(
    "--from",
    "origin",
    metavar="FILE",
    help="Begin with this scenario and all that belongs to it; a file, or the name of one that "
    "comes with Vorrat, such as germany-2026.",
)
@click.option(
    "--starter",
    is_flag=True,
    help=f"Write {STARTER_FILE} as well, onto which Windows users drop their workbook, and what "
    "opens the page by a double click.",
)
@usage.make_language_option(
    "Language of the file and of what is said; the file is English if not given."
)
@options.force_option("Overwrite an existing file.")
def init(path: str | None, excel: bool, origin: str | None, starter: bool, force: bool) -> None:
    """Write a small, commented scenario to PATH (- for stdout).

    PATH is scenario.yaml if not given, with --excel scenario.xlsx, with --from alone the name of
    that file.
    """
    # Only --language counts, not the environment: others may read the file.
    language = usage.requested_language() or "en"
    source = None if origin is None else _resolve_origin(origin)
    path = path or (
        "scenario.xlsx" if excel else "scenario.yaml" if source is None else source.name
    )
    if excel and not path.lower().endswith(".xlsx"):
        raise usage_error("'{path}' is no name of a workbook: it ends in .xlsx.", path=path)
    if source is None and not excel and path.lower().endswith(WORKBOOK_SUFFIXES):
        raise usage_error("'{path}' is the name of a workbook; --excel writes one.", path=path)
    if (
        source is not None
        and not excel
        and Path(path).suffix.lower() not in _allowed_endings(source, path)
    ):
        raise usage_error(
            "'{path}' has to end like '{other}', of which it is a copy.",
            path=path,
            other=source.name,
        )
    with using(language):
        copied_file = None if path == "-" else source
        companions = (
            [] if copied_file is None else _companion_files(copied_file, Path(path).parent, excel)
        )
        if excel:
            content = _build_workbook(source, language)
        else:
            content = (
                starter_scenario_text(language).encode() if source is None else source.read_bytes()
            )
    script = Path(path).parent / STARTER_FILE if path != "-" else Path(STARTER_FILE)
    files = [] if path == "-" else [(Path(path), content), *companions]
    openers = [script.with_name(name) for name in OPENER_FILES] if starter else []
    if starter:
        files.append((script, starter_script(language)))
        files += [(target, opener_script(target.name)) for target in openers]
    for file in (Path(path), script) if path != "-" else (script,):
        if not file.parent.is_dir():
            problem = "No such file or directory"
            raise usage_error("'{path}' cannot be written: {problem}.", path=file, problem=problem)
    output_files.refuse_existing([file for file, _ in files], force)
    contents = {target.relative_to(script.parent).as_posix(): raw for target, raw in files}
    if contents:
        output_files.publish(script.parent, contents, force=force)
    if path == "-":
        click.echo(content.decode(), nl=False)
    else:
        shown_path = f'"{path}"' if " " in path else path
        next_step = f"vorrat {'run' if excel else 'validate'} {shown_path}"
        announce("{path} is written; try: {command}", path=path, command=next_step)
    for file, _ in companions:
        if excel:
            announce("{path} is written: variants of the workbook include it", path=file)
        else:
            announce("{path} is in the same folder", path=file)
    if starter:
        announce("{path} is written: drop a workbook onto it", path=script)
        announce(
            "{names} are in the same folder: each opens the page by a double click",
            names=", ".join(OPENER_FILES),
        )
    for target in openers:
        if target.suffix != ".cmd":
            target.chmod(0o755)


TEMPLATES_FOLDER = files("optimizer.cli") / "templates"


def starter_scenario_text(language: str) -> str:
    """Return the text of the starter scenario, with comments in the given language."""
    return (TEMPLATES_FOLDER / f"starter.{language}.yaml").read_text(encoding="utf-8")


def starter_script(language: str) -> bytes:
    """Return the Windows script that runs any workbook that is dropped onto it, with Windows line
    ends."""
    lines = (TEMPLATES_FOLDER / f"vorrat-run.{language}.cmd").read_bytes().splitlines()
    return b"".join(line + b"\r\n" for line in lines)


def opener_script(name: str) -> bytes:
    """Return the script that opens the page when it is double-clicked, with the line ends of its
    system."""
    lines = (TEMPLATES_FOLDER / name).read_bytes().splitlines()
    return b"".join(line + (b"\r\n" if name.endswith(".cmd") else b"\n") for line in lines)


def _companion_files(file: Path, folder: Path, to_workbook: bool) -> list[tuple[Path, bytes]]:
    """Return the files that a copy of a scenario in ``folder`` needs, as pairs of path and content.
    Files that exist there with the same content are left out. A workbook needs only the files that
    its variants include."""
    with log_inputs() as input_log:
        variants = read_case(file, check_variants=True).case.variants
    contents = {
        _relative_path(file.parent, item.path): item.content
        for item in input_log.files
        if item.role in ("include", "table")
    }
    if to_workbook:
        includes = (variant.set.get("include", ()) for variant in variants.values())
        variant_includes = [name for names in includes for name in names if isinstance(name, str)]
        with log_inputs() as base_log:
            read_case(file)
        # The includes of a variant replace those of the scenario, and may name the same file.
        base_paths = {_relative_path(file.parent, item.path) for item in base_log.files} - {
            *variant_includes
        }
        contents = {path: content for path, content in contents.items() if path not in base_paths}
    elif file in shipped_files.scenario_files().values():
        contents |= shipped_files.companion_files(file)
    return [
        (place, content)
        for path, content in contents.items()
        if content is not None
        and (not (place := folder / path).is_file() or place.read_bytes() != content)
    ]


def _allowed_endings(file: Path, path: str) -> set[str]:
    """Return the file name endings that a copy of a scenario file may have: also the empty one if a
    text is written to stdout."""
    suffix = file.suffix.lower()
    is_text = path == "-" and suffix not in (".xlsx", ".xlsm")
    return {
        *(shipped_files.YAML_SUFFIXES if suffix in shipped_files.YAML_SUFFIXES else (suffix,)),
        *([""] if is_text else []),
    }


def _relative_path(folder: Path, path: str | Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _resolve_origin(origin: str) -> Path:
    """Return the path of a scenario file, or of the shipped scenario with this name. Raise
    click.UsageError if there is no such scenario."""
    if Path(origin).is_file() or Path(origin).suffix:
        return Path(origin)
    return _look_up_scenario(shipped_files.scenario_files(), origin)


def _look_up_scenario(scenarios: dict[str, Path], name: str) -> Path:
    if name not in scenarios:
        names = ", ".join(scenarios)
        raise usage_error(
            "There is no scenario '{name}'; there are {names}.", name=name, names=names
        )
    return scenarios[name]


def _build_workbook(origin: Path | None, language: Language) -> bytes:
    """Return the content of a workbook from which the same scenario is read; the starter scenario
    if ``origin`` is None. Raise click.UsageError if a workbook cannot represent the scenario."""
    from optimizer.report.scenario_workbook.sheets import (
        build_scenario_workbook,
        first_roundtrip_difference,
    )

    if origin is None:
        loaded_scenario = read_case_text(
            starter_scenario_text(language), f"starter.{language}.yaml"
        )
    else:
        loaded_scenario = read_case(origin, check_variants=True)
    workbook = build_scenario_workbook(loaded_scenario.case)
    path = first_roundtrip_difference(loaded_scenario.case, workbook)
    if path is not None:
        location, dotted_path = loaded_scenario.location(path), ".".join(map(str, path))
        raise usage_error(
            "{place}: a workbook cannot hold this as it stands ({path}).",
            place=location,
            path=dotted_path,
        )
    return workbook


@click.command()
@click.argument("name", required=False)
@usage.language_option
def examples(name: str | None) -> None:
    """List the scenarios that come with Vorrat, or print the one called NAME."""
    scenarios = shipped_files.scenario_files()
    if name is not None:
        click.echo(shipped_files.read_source_text(_look_up_scenario(scenarios, name)), nl=False)
        return
    width = max(map(len, scenarios))
    for scenario, path in scenarios.items():
        title = shipped_files.read_heading(path)[0].in_language(current_language())
        click.echo(f"{scenario:<{width}}  {title}")


@click.command()
@click.argument("name", required=False)
def presets(name: str | None) -> None:
    """List the presets that scenarios can include, or print the one called NAME."""
    known_presets = shipped_files.preset_files()
    if name is None:
        for preset, path in known_presets.items():
            click.echo(preset)
            title, description = shipped_files.read_heading(path)
            for language in get_args(Language):
                click.echo(f"  {title.in_language(language)}: {description.in_language(language)}")
        return
    if name not in known_presets:
        names = ", ".join(known_presets)
        raise usage_error("There is no preset '{name}'. There are {names}.", name=name, names=names)
    click.echo(shipped_files.read_source_text(known_presets[name]), nl=False)


@click.command()
@click.argument("kind", required=False)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of scenario files, or of results of a KIND, such as plan."""
    from models.results.base import document_models
    from models.schema import result_schema, scenario_schema

    kinds = ", ".join(sorted(document_models()))
    if kind is not None and kind not in document_models():
        raise usage_error(
            "there is no result of kind '{kind}'; these are {kinds}.", kind=kind, kinds=kinds
        )
    json_schema = scenario_schema() if kind is None else result_schema(kind)
    click.echo(json.dumps(json_schema, indent=2, ensure_ascii=False))
