"""``vorrat rerun``: repeat a run from its manifest, and compare the results.

A manifest may be malicious. Therefore only commands from a fixed list are run, with options that
click checks. The hash of every input is checked, and files are written only into a folder of this
process.
"""

import copy
import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from models.base import Base
from models.files import shipped_files
from models.files.decoding import MAX_BYTES
from models.files.result_json import MAX_BYTES as MAX_RESULT
from models.files.result_json import InvalidJsonError, parse_json
from models.language import mark_translatable, tr
from models.results import manifest as entries
from models.results.base import Result, content_hash, without_volatile
from models.results.manifest import MANIFEST_SUFFIX, Manifest, NotRepeatableReason, Rerun
from models.schema import all_subclasses
from optimizer.cli import exit_codes, options, saved_results, usage
from optimizer.cli import manifest as manifests
from optimizer.cli.manifest import is_safe_relative_path
from optimizer.cli.usage import installed_version, usage_error
from optimizer.model.cores import usable_cores

NOT_REPEATABLE_TEXTS: dict[NotRepeatableReason, str] = {
    "time limit": mark_translatable("it ended on its time limit"),
    "interrupted": mark_translatable("it was interrupted"),
    "killed": mark_translatable("it was killed, and its best plan so far was kept"),
    "stopped": mark_translatable("it was stopped before its end"),
    "cuts": mark_translatable("it began from cuts of earlier runs"),
    "input changed": mark_translatable("an input changed while it ran"),
}
MAX_JOBS_PER_CORE = 16  # threads or processes that a manifest may ask for
MAX_INPUT_BYTES = 500_000_000  # bytes of all inputs together
IGNORED_OPTIONS = {"--out", "--quiet", "--language", "--force", "--json", "--open", "--reuse"}
IGNORED_OPTIONS |= {"--keep-proof"}
IGNORED_OPTIONS |= {"--resume", "--scheduler"}
"""Options that a rerun sets itself, and options that affect where results are computed or written,
not what they are."""
MAX_SHOWN_CHARACTERS = 200  # characters of a value that are shown
ABSENT_VALUE = object()  # in place of a value that only the other document has


@click.command(
    epilog="Exit codes: 0 reproduced; 1 something came out differently, or an output has been "
    "changed since; 2 wrong usage, or an input that is missing or has changed; 3, 4 and 5 as the "
    "command that is run; 130 interrupted."
)
@click.argument("given", metavar="DIR_OR_MANIFEST", type=click.Path(path_type=Path))
@options.path_option(
    "--inputs",
    "DIR",
    "Where inputs lie of which the manifest has no copy, such as private files.",
    exists=True,
)
@options.path_option("--out", "DIR", "Write what comes out now into this folder as well.")
@options.json_option()
@usage.language_option
def rerun(given: Path, inputs: Path | None, out: Path | None, as_json: bool) -> int:
    """Run once more what left a manifest, and compare what comes out with what came out then."""
    path = _find_manifest(given) if given.is_dir() else given
    manifest = _read_manifest(path)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise usage_error("'{path}' exists already: name a new folder.", path=out)
    context = click.get_current_context()
    program = context.find_root().command
    assert isinstance(program, click.Group)
    command = program.get_command(context, manifest.command)
    assert command is not None
    with tempfile.TemporaryDirectory(prefix="vorrat-") as temporary:
        inputs_folder, results_folder = (
            Path(temporary) / "inputs",
            out or Path(temporary) / "results",
        )
        inputs_folder.mkdir()
        _lay_out_inputs(manifest, path.parent, inputs, inputs_folder)
        parameter_values = rerun_values(manifest, inputs_folder, results_folder.absolute(), command)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
            code = exit_codes.run_isolated(partial(_call_command, command, parameter_values))
        if code not in (0, 1, manifest.exit_code):
            click.echo(errors.getvalue(), err=True, nl=False)
            return code
        comparison, differences = _compare_outputs(manifest, path.parent, results_folder)
    surroundings = tuple(_changed_surroundings(manifest))
    # Reproducibility is promised on any release of the operating system.
    has_same_surroundings = all(change.name == "platform.release" for change in surroundings)
    if code != manifest.exit_code:
        differences.append(("", "exit_code", manifest.exit_code, code))
    result = Rerun(
        manifest=path.name,
        command=manifest.command,
        reproduced=not differences and not comparison["changed_since"],
        promised=manifest.repeatable and has_same_surroundings,
        why_not=manifest.why_not,
        surroundings=surroundings,
        exit_code_then=manifest.exit_code,
        exit_code=code,
        differing=len(differences),
        first_difference=_first_difference(*differences[0]) if differences else None,
        **comparison,
    )
    click.echo(result.model_dump_json(indent=2) if as_json else "\n".join(_describe_rerun(result)))
    return 0 if result.reproduced else 1


def _find_manifest(folder: Path) -> Path:
    """Return the path of the manifest in a folder. Raise click.UsageError if there is none, or more
    than one."""
    from optimizer.cli.batch import LEDGER_FILE

    candidates = sorted(folder.glob(f"*{MANIFEST_SUFFIX}"))
    if len(candidates) == 1:
        return candidates[0]
    if (folder / LEDGER_FILE).exists():
        raise usage_error(
            "'{folder}' is of a batch: name one of its runs, in the folder 'runs'.", folder=folder
        )
    names = ", ".join(path.name for path in candidates) or "-"
    raise usage_error("'{folder}' has not one manifest but: {names}.", folder=folder, names=names)


def _read_manifest(path: Path) -> Manifest:
    """Read a manifest, and check every entry from which a path is made. Raise click.UsageError if
    it is invalid or requests more than is allowed."""
    try:
        content = saved_results.load_json(path)[1]
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise saved_results.version_mismatch_error(error, path, content) from None
    command = manifest.command
    if command not in manifests.REPEATABLE_COMMANDS:
        raise usage_error(
            "'{path}' asks for '{command}', which is not run again.", path=path, command=command
        )
    paths = [manifest.result, *(place for item in manifest.parameters for place in item.at)]
    paths += [output.path for output in manifest.outputs]
    paths += [place for item in manifest.inputs for place in (item.place, item.copied_to)]
    for place in paths:
        if place is not None and not is_safe_relative_path(place):
            raise usage_error(
                "'{path}' names '{place}', which leads elsewhere.", path=path, place=place
            )
    inputs = [item for item in manifest.inputs if item.role != "cuts"]
    too_large = (
        item.size > (MAX_RESULT if item.role == "result" else MAX_BYTES) for item in inputs
    )
    if sum(item.size for item in inputs) > MAX_INPUT_BYTES or any(too_large):
        raise usage_error("the inputs of '{path}' are too large.", path=path)
    return manifest


def _lay_out_inputs(
    manifest: Manifest, folder: Path, extra_folder: Path | None, target: Path
) -> None:
    """Copy the inputs of a run, except presets and cuts, into the empty folder ``target``, and
    check the hash of each and of presets. An input is taken from the copies beside the manifest,
    else from its original path, else from ``extra_folder``, by relative path or by name. Raise
    click.UsageError, which names every input that is missing or changed."""
    faults = []
    for entry in manifest.inputs:
        if entry.role == "cuts":
            continue
        if entry.role == "preset":
            presets = {path.name: path for path in shipped_files.preset_files().values()}
            preset = presets.get(entry.path)
            if preset is None or _sha256(preset.read_bytes()) != entry.sha256:
                name, version = entry.path, manifest.versions.get("vorrat", "?")
                fault = tr(
                    "the preset '{name}' is that of version {own} of Vorrat.",
                    name=name,
                    own=version,
                )
                faults.append(fault)
            continue
        written_path, place = entry.path.replace("\\", "/"), entry.place
        candidates = [] if entry.copied_to is None else [folder / entry.copied_to]
        if not written_path.startswith("//"):  # would identify this user to the host
            candidates.append(Path(os.path.expanduser(entry.path)))  # noqa: PTH111 (never raises)
        if extra_folder is not None:
            names = (place, written_path.rpartition("/")[2])
            candidates += [
                extra_folder / name for name in names if name and is_safe_relative_path(name)
            ]
        contents = (_read_content(path, entry.size) for path in candidates)
        content = next((r for r in contents if r is not None and _sha256(r) == entry.sha256), None)
        if content is None or place is None:
            expected_hash = entry.sha256[:16]
            if any(_read_content(path) is not None for path in candidates):
                fault = tr(
                    "'{path}' is not what it was ({sha256}).", path=entry.path, sha256=expected_hash
                )
            else:
                fault = tr("'{path}' is not here: name its folder by --inputs.", path=entry.path)
            faults.append(fault)
            continue
        try:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            if not (target / place).exists():
                (target / place).write_bytes(content)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            faults.append(tr("'{place}' cannot be written on this system.", place=place[:200]))
    if faults:
        raise click.UsageError("\n".join(faults))


def rerun_values(
    manifest: Manifest, inputs: Path, out: Path, command: click.Command
) -> dict[str, Any]:
    """Return the values of the command's parameters by name: texts or lists of texts, which click
    has yet to check, or a bool for a flag. Inputs are read from the folder ``inputs``, and outputs
    written to the folder ``out``. Raise click.UsageError if the command does not have a parameter
    of the manifest, if the manifest does not say where an input lies, or if it requests too many
    threads or processes."""
    known_params = {name: param for param in command.params for name in param.opts}
    cores = usable_cores()
    worker_counts = {"--threads": manifest.threads, "--jobs": manifest.jobs}
    parameter_values: dict[str, Any] = {}  # by the name of the option or argument
    for parameter in manifest.parameters:
        param, name = known_params.get(parameter.name), parameter.name
        if param is None and parameter.source != "default":
            raise usage_error(
                "'{command}' has no {name} in this version.", command=manifest.command, name=name
            )
        if param is None or name in IGNORED_OPTIONS or not _must_be_repeated(parameter, param):
            continue
        value = parameter.value
        value_texts = list(map(str, value if isinstance(value, tuple) else (value,)))
        if name in manifests.FILE_PARAMETERS:
            if len(parameter.at) != len(value_texts) or None in parameter.at:
                value_list = ", ".join(value_texts)
                raise usage_error("the manifest does not say where '{path}' lies.", path=value_list)
            value_texts = [str(inputs / place) for place in parameter.at if place is not None]
        if getattr(param, "is_flag", False):
            parameter_values[name] = value is True
        elif name in worker_counts:
            worker_counts[name] = manifests.whole_number(parameter)
            parameter_values[name] = str(worker_counts[name])
        elif param.multiple or param.nargs == -1:
            parameter_values[name] = value_texts
        elif value_texts:
            parameter_values[name] = value_texts[-1]
    must_state_counts = cores != manifest.platform.cores or manifest.engine == "cluster"
    for name, count in worker_counts.items():
        if name not in known_params or count is None:
            continue
        if count > MAX_JOBS_PER_CORE * cores:
            requested = f"{name}={count}"
            raise usage_error(
                "the run took {asked}, too many for {cores} cores.", asked=requested, cores=cores
            )
        if must_state_counts:
            parameter_values[name] = str(count)
    parameter_values |= {"--quiet": True, "--language": manifest.language, "--out": str(out)}
    return {known_params[name].name or name: text for name, text in parameter_values.items()}


def _call_command(command: click.Command, values: Mapping[str, Any]) -> int:
    """Call the function of a command with these values of its parameters, in place of those of a
    command line. Click checks and converts them."""
    command_copy: Any = copy.copy(command)

    def make_parser(context: click.Context) -> Any:
        parser: Any = command.make_parser(context)
        parser.parse_args = lambda args: (dict(values), args, [])
        return parser

    command_copy.make_parser = make_parser
    with command_copy.make_context(command.name, []) as context:
        return int(command_copy.invoke(context))


def _must_be_repeated(parameter: entries.ManifestParameter, param: click.Parameter) -> bool:
    """Return whether a parameter must be passed to the rerun: an argument, an option that was
    given, or one whose default has changed, but not an option for a path that names no input."""
    if (
        isinstance(param, click.Option)
        and isinstance(param.type, click.Path)
        and not any(parameter.at)
    ):
        return False
    if isinstance(param, click.Argument) or parameter.source != "default":
        return True
    with click.Context(click.Command("none")) as context:
        current_default = manifests.manifest_value(param.get_default(context))
    return parameter.value not in (None, (), False) and parameter.value != current_default


def _changed_surroundings(manifest: Manifest) -> Iterator[entries.EnvironmentChange]:
    """Yield each change of platform, solver, versions or environment since the run."""
    environments_by_group: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "platform": (manifest.platform.model_dump(), manifests.current_platform().model_dump()),
        "solver": (manifest.solver.model_dump(), manifests.current_solver().model_dump()),
        "versions": (manifest.versions, manifests.current_versions()),
        "environment": (manifest.environment, manifests.current_environment()),
    }
    for group, environments in environments_by_group.items():
        for name in sorted({*environments[0], *environments[1]}):
            old_value, new_value = (
                str(values[name]) if name in values else None for values in environments
            )
            # The rerun uses the number of threads of the run, whatever the number of cores.
            if old_value != new_value and name != "cores":
                yield entries.EnvironmentChange(
                    name=f"{group}.{name}", then=old_value, now=new_value
                )


def _compare_outputs(
    manifest: Manifest, old_folder: Path, new_folder: Path
) -> tuple[dict[str, Any], list[Any]]:
    """Compare the outputs that a manifest lists with those in a new folder. Return some fields of a
    Rerun, and the values that differ, as tuples (output, path, then, now). If an output was changed
    after the run, only hashes are compared."""
    changed_files, not_compared, equally_good = [], [], None
    differing_values: list[tuple[str, str, Any, Any]] = []
    is_same_version = manifest.versions.get("vorrat") == installed_version()
    for output in manifest.outputs:
        old_content = _read_content(old_folder / output.path, output.size)
        new_content = _read_content(new_folder / output.path)
        if old_content is None or _sha256(old_content) != output.sha256:
            changed_files.append(output.path)
            old_content = None
        new_hash = None if new_content is None else _sha256(new_content)
        expected_hash = output.sha256
        old_document = new_document = None
        if new_content is not None and output.volatile == ("*",):
            not_compared.append(output.path)
            continue
        if new_content is not None and output.content_sha256 is not None:
            new_document, expected_hash = json.loads(new_content), output.content_sha256
            new_hash = content_hash(new_document, output.volatile)
            with suppress(InvalidJsonError):  # a manifest may call anything a document
                old_document = (
                    None
                    if new_hash == expected_hash or old_content is None
                    else parse_json(old_content)
                )
        if old_document is not None:
            old_values, new_values = (
                without_volatile(item, output.volatile) for item in (old_document, new_document)
            )
            differences = ((output.path, *d) for d in _differences(old_values, new_values, ()))
            # A field that the earlier version did not have yet is no difference.
            differing_values += [d for d in differences if is_same_version or not _is_new_field(d)]
            equally_good = (
                _equally_good(old_document, new_document) if equally_good is None else equally_good
            )
        elif new_hash != expected_hash:
            differing_values.append((output.path, "", expected_hash, new_hash))
    return {
        "compared": len(manifest.outputs) - len(not_compared),
        "changed_since": tuple(changed_files),
        "not_compared": tuple(not_compared),
        "equally_good": equally_good,
    }, differing_values


def _is_new_field(difference: tuple[str, str, Any, Any]) -> bool:
    """Check whether a value is absent because its model field did not exist at the time of the run,
    and not because an entry of a list or mapping is missing."""
    _, path, old_value, _ = difference
    return old_value is ABSENT_VALUE and path.rpartition(".")[2] in _field_names()


@cache
def _field_names() -> frozenset[str]:
    models = (model for base in (Base, Result) for model in all_subclasses(base))
    items = (item for model in models for item in model.model_fields.items())
    return frozenset(field.alias or name for name, field in items)


def _read_content(path: Path, size: int | None = None) -> bytes | None:
    """Return the content of a file; None if it cannot be read, or if its length is not ``size``
    bytes."""
    with suppress(OSError, ValueError):
        if path.is_file() and size in (None, path.stat().st_size):
            return path.read_bytes()
    return None


def _differences(
    old_value: Any, new_value: Any, path: tuple[str, ...]
) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old_value, list) and isinstance(new_value, list):
        old_value, new_value = dict(enumerate(old_value)), dict(enumerate(new_value))
    if isinstance(old_value, dict) and isinstance(new_value, dict):
        for key in dict.fromkeys((*old_value, *new_value)):
            pair = (old_value.get(key, ABSENT_VALUE), new_value.get(key, ABSENT_VALUE))
            yield from _differences(*pair, (*path, str(key)))
    elif old_value != new_value or isinstance(old_value, bool) != isinstance(new_value, bool):
        yield ".".join(path), old_value, new_value


def _equally_good(old_document: Any, new_document: Any) -> bool | None:
    """Check whether both plans are within their gap of the better of the two bounds. Return None if
    one of them has no objective or no bound."""
    all_figures: list[tuple[Any, ...]] = []
    for document in (old_document, new_document):
        certificate = document.get("certificate") if isinstance(document, dict) else None
        names = ("objective", "bound", "gap_target")
        if not isinstance(certificate, dict):
            return None
        figures = tuple(certificate.get(name) for name in names)
        if not all(isinstance(figure, (int, float)) for figure in figures):
            return None
        all_figures.append(figures)
    best_bound = max(bound for _, bound, _ in all_figures)
    return all(value - best_bound <= gap * max(abs(value), 1e-6) for value, _, gap in all_figures)


def _first_difference(
    output: str, path: str, old_value: Any, new_value: Any
) -> entries.FirstDifference:
    """Return a difference between two values in the form in which a result contains it; long values
    are cut."""
    shown_values: list[Any] = []
    for value in (old_value, new_value):
        if value is not None and not isinstance(value, (bool, int, float, str)):
            value = None if value is ABSENT_VALUE else json.dumps(value, ensure_ascii=False)
        is_long = isinstance(value, str) and len(value) > MAX_SHOWN_CHARACTERS
        shown_values.append(f"{value[:MAX_SHOWN_CHARACTERS]}..." if is_long else value)
    relative = None
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (old_value, new_value)):
        largest_magnitude = max(abs(old_value), abs(new_value))
        relative = abs(old_value - new_value) / largest_magnitude if largest_magnitude else 0.0
    return entries.FirstDifference(
        output=output, path=path, then=shown_values[0], now=shown_values[1], relative=relative
    )


def _describe_rerun(answer: Rerun) -> Iterator[str]:
    """Yield the sentences that describe the result of a rerun."""
    for change in answer.surroundings:
        old_value, new_value = change.then or "-", change.now or "-"
        yield tr("{name}: then {then}, now {now}", name=change.name, then=old_value, now=new_value)
    if answer.why_not is not None:
        reason = tr(NOT_REPEATABLE_TEXTS[answer.why_not])
        yield tr("The same result was not promised for this run: {reason}.", reason=reason)
    if answer.changed_since:
        names = ", ".join(answer.changed_since)
        yield tr("Changed or missing since the run: {names}.", names=names)
    first_difference, count = answer.first_difference, answer.differing or answer.compared
    if first_difference is None:
        yield tr("Reproduced: outputs that are the same again: {count}.", count=count)
    else:
        yield tr("Not reproduced: values that differ: {count}. The first of them:", count=count)
        yield "  " + ": ".join(
            part for part in (first_difference.output, first_difference.path) if part
        )
        old_value, new_value = (
            "-" if value is None else str(value)
            for value in (first_difference.then, first_difference.now)
        )
        yield "  " + tr("then: {value}", value=old_value)
        yield "  " + tr("now: {value}", value=new_value)
        if first_difference.relative is not None:
            yield "  " + tr(
                "relative difference: {value}", value=f"{first_difference.relative:.3g}"
            )
        if answer.equally_good is True:
            yield tr("Both plans are within their gap of the best: they are equally good.")
        elif answer.equally_good is False:
            yield tr("The plans are not both within their gap of the best.")
    if answer.not_compared:
        names = ", ".join(answer.not_compared)
        yield tr("Not compared, since they state how long the run took: {names}.", names=names)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
