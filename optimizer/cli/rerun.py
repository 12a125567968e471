"""``vorrat rerun``: repeat a run from its manifest, and compare the results.

A manifest may be malicious. Therefore only commands from a fixed list are run, with options that
click checks. The hash of every input is checked, and files are written only into a folder of this
process.
"""

import copy
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import click
from pydantic import ValidationError

from models.files import shipped_files
from models.files.result_json import InvalidJsonError, parse_json
from models.results.base import volatile_paths, without_volatile
from models.results.manifest import (
    MANIFEST_SUFFIX,
    FirstDifference,
    Manifest,
    ManifestParameter,
    Rerun,
)
from optimizer.cli import exit_codes, manifest as manifests, options, saved_results, usage
from optimizer.model.cores import usable_cores

FILE_PARAMETERS = ("file", "plan", "given", "--plan", "--states-of")
"""Parameters whose values name input files."""
MAX_JOBS_PER_CORE = 16  # threads or processes that a manifest may ask for
IGNORED_OPTIONS = {"--out", "--quiet", "--language", "--force", "--json", "--open", "--reuse"}
IGNORED_OPTIONS |= {"--keep-proof", "--resume", "--scheduler", "--memory-limit"}
"""Options that a rerun sets itself, and options that affect where results are computed or written,
not what they are."""
DERIVED_SUFFIXES = (".html", ".xlsx", ".docx")  # files that state how long the run took
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
    "The folder in which the run was started; by default the current folder.",
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
        raise click.UsageError(f"'{out}' exists already: name a new folder.")
    folder = Path() if inputs is None else inputs
    _check_inputs(manifest, folder)
    context = click.get_current_context()
    program = context.find_root().command
    assert isinstance(program, click.Group)
    command = program.get_command(context, manifest.command)
    assert command is not None
    with tempfile.TemporaryDirectory(prefix="vorrat-") as temporary:
        results_folder = out or Path(temporary) / "results"
        parameter_values = rerun_values(manifest, folder, results_folder.absolute(), command)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
            code = exit_codes.run_isolated(partial(_call_command, command, parameter_values))
        if code not in (0, 1, manifest.exit_code):
            click.echo(errors.getvalue(), err=True, nl=False)
            return code
        comparison, differences = _compare_outputs(manifest, path.parent, results_folder)
    if code != manifest.exit_code:
        differences.append(("", "exit_code", manifest.exit_code, code))
    result = Rerun(
        manifest=path.name,
        command=manifest.command,
        reproduced=not differences and not comparison["changed_since"],
        other_versions=_other_versions(manifest),
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
    candidates = sorted(folder.glob(f"*{MANIFEST_SUFFIX}"))
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(path.name for path in candidates) or "none"
    hint = ": name one of its 'runs'" if (folder / "runs").is_dir() else ""
    raise click.UsageError(f"'{folder}' has not one manifest but {names}{hint}.")


def _read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raise click.UsageError if it is invalid, asks for another command than those
    that are repeated, or names an output outside its folder."""
    try:
        content = saved_results.load_json(path)[1]
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise saved_results.version_mismatch_error(error, path, content) from None
    if manifest.command not in manifests.REPEATABLE_COMMANDS:
        raise click.UsageError(f"'{path}' asks for '{manifest.command}', which is not run again.")
    for output in manifest.outputs:
        place = PurePath(output.path)
        if place.is_absolute() or place.drive or ".." in place.parts or "\\" in output.path:
            raise click.UsageError(f"'{path}' names '{output.path}', which leads elsewhere.")
    return manifest


def _check_inputs(manifest: Manifest, folder: Path) -> None:
    """Check that every input is there, relative to ``folder``, and unchanged. Raise
    click.UsageError, which names every input that is missing or changed."""
    faults = []
    for entry in manifest.inputs:
        path = _local_path(folder, entry.path)
        if entry.role == "cuts":
            faults.append(f"'{entry.path}' holds cuts, with which another plan may be found.")
        elif entry.role == "preset":
            presets = {preset.name: preset for preset in shipped_files.preset_files().values()}
            if entry.path not in presets or _sha256(presets[entry.path]) != entry.sha256:
                version = manifest.versions.get("vorrat", "?")
                faults.append(f"the preset '{entry.path}' is that of version {version} of Vorrat.")
        elif path is None or not path.is_file():
            faults.append(
                f"'{entry.path}' is not here: name the folder in which the run was started by "
                "--inputs."
            )
        elif path.stat().st_size != entry.size or _sha256(path) != entry.sha256:
            faults.append(f"'{entry.path}' is not what it was ({entry.sha256[:16]}).")
    if faults:
        raise click.UsageError("\n".join(faults))


def _local_path(folder: Path, written_path: str) -> Path | None:
    """Return the path of an input; None for one on another machine, to which reading it would show
    who this user is."""
    if written_path.replace("\\", "/").startswith("//"):
        return None
    with suppress(RuntimeError):  # no home folder
        return folder / Path(written_path).expanduser()
    return None


def rerun_values(
    manifest: Manifest, inputs: Path, out: Path, command: click.Command
) -> dict[str, Any]:
    """Return the values of the command's parameters by name: texts or lists of texts, which click
    has yet to check, or a bool for a flag. Inputs are read relative to the folder ``inputs``, and
    outputs written to the folder ``out``. Raise click.UsageError if the command does not have a
    parameter of the manifest, or if it requests too many threads or processes."""
    known_params = {name: param for param in command.params for name in param.opts}
    values: dict[str, Any] = {}  # by the name of the option or argument
    for parameter in manifest.parameters:
        param, name = known_params.get(parameter.name), parameter.name
        if param is None and parameter.is_given:
            raise click.UsageError(f"'{manifest.command}' has no {name} in this version.")
        if param is None or name in IGNORED_OPTIONS or not _must_be_repeated(parameter, param):
            continue
        value = parameter.value
        texts = list(map(str, value if isinstance(value, tuple) else (value,)))
        if name in FILE_PARAMETERS:
            texts = [_input_argument(inputs, text) for text in texts]
        if getattr(param, "is_flag", False):
            values[name] = value is True
        elif param.multiple or param.nargs == -1:
            values[name] = texts
        elif texts:
            values[name] = texts[-1]
    cores = usable_cores()
    for name, count in {"--threads": manifest.threads, "--jobs": manifest.jobs}.items():
        if name in known_params and count is not None:
            if count > MAX_JOBS_PER_CORE * cores:
                raise click.UsageError(f"the run took {name}={count}, too many for {cores} cores.")
            values[name] = str(count)
    values |= {"--quiet": True, "--language": manifest.language, "--out": str(out)}
    return {
        known_params[name].name or name: text
        for name, text in values.items()
        if name in known_params
    }


def _input_argument(inputs: Path, text: str) -> str:
    """Return the argument by which an input is named now. It may name a scenario that comes with
    Vorrat, or end in the name of a variant."""
    for file in (text, text.rpartition("@")[0]):
        path = _local_path(inputs, file) if file else None
        if path is not None and path.exists():
            return f"{path}{text[len(file) :]}"
    return text


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


def _must_be_repeated(parameter: ManifestParameter, param: click.Parameter) -> bool:
    """Return whether a parameter must be passed to the rerun: an argument, an option that was
    given, or one whose default has changed, but not an option for a path that names no input."""
    if isinstance(param.type, click.Path) and parameter.name not in FILE_PARAMETERS:
        return False
    if isinstance(param, click.Argument) or parameter.is_given:
        return True
    with click.Context(click.Command("none")) as context:
        current_default = manifests.manifest_value(param.get_default(context))
    return parameter.value not in (None, (), False) and parameter.value != current_default


def _other_versions(manifest: Manifest) -> dict[str, tuple[str | None, str | None]]:
    """Return each version that has changed since the run, and the platform: then and now."""
    then = {**manifest.versions, "platform": manifest.platform}
    now = {**manifests.current_versions(), "platform": manifests.current_platform()}
    names = sorted({*then, *now})
    return {
        name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)
    }


def _compare_outputs(
    manifest: Manifest, old_folder: Path, new_folder: Path
) -> tuple[dict[str, Any], list[Any]]:
    """Compare the outputs that a manifest lists with those in a new folder. Return some fields of a
    Rerun, and the values that differ, as tuples (output, path, then, now). If an output was changed
    after the run, only hashes are compared."""
    changed_files, not_compared = [], []
    differing_values: list[tuple[str, str, Any, Any]] = []
    for output in manifest.outputs:
        if output.path.lower().endswith(DERIVED_SUFFIXES):
            not_compared.append(output.path)
            continue
        old_file, new_file = old_folder / output.path, new_folder / output.path
        is_unchanged = old_file.is_file() and _sha256(old_file) == output.sha256
        if not is_unchanged:
            changed_files.append(output.path)
        expected_hash, new_hash, new_document = output.sha256, None, None
        if new_file.is_file():
            new_hash = _sha256(new_file)
            if output.content_sha256 is not None:
                new_document, expected_hash = (
                    json.loads(new_file.read_bytes()),
                    output.content_sha256,
                )
                new_hash = manifests.document_content_hash(new_document)
        if new_hash == expected_hash:
            continue
        differences: list[tuple[str, Any, Any]] = []
        with suppress(InvalidJsonError):  # a manifest may call anything a document
            if new_document is not None and is_unchanged:
                volatile = volatile_paths(new_document.get("kind", ""))
                documents = (parse_json(old_file.read_bytes()), new_document)
                then, now = (without_volatile(item, volatile) for item in documents)
                differences += _differences(then, now, ())
        differing_values += [
            (output.path, *item) for item in differences or [("", expected_hash, new_hash)]
        ]
    return {
        "compared": len(manifest.outputs) - len(not_compared),
        "changed_since": tuple(changed_files),
        "not_compared": tuple(not_compared),
    }, differing_values


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


def _first_difference(output: str, path: str, old_value: Any, new_value: Any) -> FirstDifference:
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
    return FirstDifference(
        output=output, path=path, then=shown_values[0], now=shown_values[1], relative=relative
    )


def _describe_rerun(answer: Rerun) -> Iterator[str]:
    """Yield the sentences that describe the result of a rerun."""
    for name, (then, now) in answer.other_versions.items():
        yield f"{name}: then {then or '-'}, now {now or '-'}"
    if answer.changed_since:
        yield f"Changed or missing since the run: {', '.join(answer.changed_since)}."
    difference = answer.first_difference
    if difference is None:
        yield f"Reproduced: outputs that are the same again: {answer.compared}."
    else:
        yield f"Not reproduced: values that differ: {answer.differing}. The first of them:"
        yield "  " + ": ".join(filter(None, (difference.output, difference.path)))
        yield f"  then: {'-' if difference.then is None else difference.then}"
        yield f"  now: {'-' if difference.now is None else difference.now}"
        if difference.relative is not None:
            yield f"  relative difference: {difference.relative:.3g}"
    if answer.exit_code_then == 1:
        yield "The run ended before its gap: the same result is not promised."
    if answer.not_compared:
        names = ", ".join(answer.not_compared)
        yield f"Not compared, since they state how long the run took: {names}."


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
