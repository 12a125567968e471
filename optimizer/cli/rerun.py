"""``vorrat rerun``: a run once more from its manifest, and whether it comes out the same.

Whoever wrote a manifest may mean harm: only commands of a fixed list are run, with options that
click checks; every file is taken by its hash, and written into a folder of ours alone.
"""

import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
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
from optimizer.cli import installed_version, options, saved_results, usage
from optimizer.cli import manifest as manifests
from optimizer.cli.manifest import is_safe_relative_path
from optimizer.cli.usage import usage_error
from optimizer.model.cores import usable_cores

WHY_NOT: dict[NotRepeatableReason, str] = {
    "time limit": mark_translatable("it ended on its time limit"),
    "interrupted": mark_translatable("it was interrupted"),
    "killed": mark_translatable("it was killed, and its best plan so far was kept"),
    "stopped": mark_translatable("it was stopped before its end"),
    "cuts": mark_translatable("it began from cuts of earlier runs"),
    "input changed": mark_translatable("an input changed while it ran"),
}
MAX_JOBS_PER_CORE = 16  # threads or processes that are begun because a manifest says so
MAX_INPUT_BYTES = 500_000_000  # bytes of all inputs together
IGNORED_OPTIONS = {
    "--out",
    "--quiet",
    "--language",
    "--force",
    "--json",
    "--open",
    "--reuse",
    "--resume",
}
IGNORED_OPTIONS |= {"--scheduler", "--tls-ca", "--tls-cert", "--tls-key"}
"""Options that a rerun sets itself, and those that bear on where results go, or where they are
computed, and not on what they are."""
MAX_SHOWN_CHARACTERS = 200  # characters of a value that are shown
ABSENT = object()


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
@options.out_option("Write what comes out now into this folder as well.")
@options.json_option()
@usage.language_option
def rerun(given: Path, inputs: Path | None, out: Path | None, as_json: bool) -> int:
    """Run once more what left a manifest, and compare what comes out with what came out then."""
    from optimizer import cli

    path = _find_manifest(given) if given.is_dir() else given
    manifest = _read_manifest(path)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise usage_error("'{path}' exists already: name a new folder.", path=out)
    command = cli.vorrat.get_command(click.get_current_context(), manifest.command)
    assert command is not None
    with tempfile.TemporaryDirectory(prefix="vorrat-") as name:
        laid_out, results = Path(name) / "inputs", out or Path(name) / "results"
        laid_out.mkdir()
        _lay_out_inputs(manifest, path.parent, inputs, laid_out)
        line = rerun_command_line(manifest, laid_out, results.absolute(), command)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
            code = cli.run_command_line(line)
        if code not in (0, 1, manifest.exit_code):
            click.echo(said.getvalue(), err=True, nl=False)
            return code
        compared, differing = _compare_outputs(manifest, path.parent, results)
    surroundings = tuple(_changed_surroundings(manifest))
    # A promise rests on all but the release of a system.
    same = all(one.name == "platform.release" for one in surroundings)
    if code != manifest.exit_code:
        differing.append(("", "exit_code", manifest.exit_code, code))
    answer = Rerun(
        manifest=path.name,
        command=manifest.command,
        reproduced=not differing and not compared["changed_since"],
        promised=manifest.repeatable and same,
        why_not=manifest.why_not,
        surroundings=surroundings,
        exit_code_then=manifest.exit_code,
        exit_code=code,
        differing=len(differing),
        first_difference=_first_difference(*differing[0]) if differing else None,
        **compared,
    )
    click.echo(answer.model_dump_json(indent=2) if as_json else "\n".join(_describe_rerun(answer)))
    return 0 if answer.reproduced else 1


def _find_manifest(folder: Path) -> Path:
    """The manifest in a folder. Raises click.UsageError where there is none, or several."""
    from optimizer.cli.batch import LEDGER_FILE

    found = sorted(folder.glob(f"*{MANIFEST_SUFFIX}"))
    if len(found) == 1:
        return found[0]
    if (folder / LEDGER_FILE).exists():
        raise usage_error(
            "'{folder}' is of a batch: name one of its runs, in the folder 'runs'.", folder=folder
        )
    names = ", ".join(path.name for path in found) or "-"
    raise usage_error("'{folder}' has not one manifest but: {names}.", folder=folder, names=names)


def _read_manifest(path: Path) -> Manifest:
    """A manifest, everything in it checked that a path could be made of. Raises click.UsageError
    where it is none, or asks for what it must not."""
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
    places = [manifest.result, *(at for one in manifest.parameters for at in one.at)]
    places += [output.path for output in manifest.outputs]
    places += [at for one in manifest.inputs for at in (one.place, one.copied_to)]
    for at in places:
        if at is not None and not is_safe_relative_path(at):
            raise usage_error(
                "'{path}' names '{place}', which leads elsewhere.", path=path, place=at
            )
    inputs = [one for one in manifest.inputs if one.role != "cuts"]
    too_large = (one.size > (MAX_RESULT if one.role == "result" else MAX_BYTES) for one in inputs)
    if sum(one.size for one in inputs) > MAX_INPUT_BYTES or any(too_large):
        raise usage_error("the inputs of '{path}' are too large.", path=path)
    return manifest


def _lay_out_inputs(
    manifest: Manifest, folder: Path, extra_folder: Path | None, target: Path
) -> None:
    """Put all inputs of a run into an empty folder, each as its hash says: the copy in the folder
    of the manifest, else the file itself, else one in a folder that is given, laid out alike or by
    its name. Raises click.UsageError that names every input which is missing or has changed."""
    faults = []
    for one in manifest.inputs:
        if one.role == "cuts":
            continue
        if one.role == "preset":
            shelf = {path.name: path for path in shipped_files.preset_files().values()}
            if one.path not in shelf or _sha256(shelf[one.path].read_bytes()) != one.sha256:
                name, own = one.path, manifest.versions.get("vorrat", "?")
                faults.append(
                    tr(
                        "the preset '{name}' is that of version {own} of Vorrat.",
                        name=name,
                        own=own,
                    )
                )
            continue
        written, place = one.path.replace("\\", "/"), one.place
        candidates = [] if one.copied_to is None else [folder / one.copied_to]
        if not written.startswith("//"):  # another machine, which would learn who is asking
            candidates.append(Path(os.path.expanduser(one.path)))  # noqa: PTH111 (never raises)
        if extra_folder is not None:
            names = (place, written.rpartition("/")[2])
            candidates += [
                extra_folder / name for name in names if name and is_safe_relative_path(name)
            ]
        raws = (_read_content(path, one.size) for path in candidates)
        raw = next((r for r in raws if r is not None and _sha256(r) == one.sha256), None)
        if raw is None or place is None:
            due = one.sha256[:16]
            if any(_read_content(path) is not None for path in candidates):
                told = tr("'{path}' is not what it was ({sha256}).", path=one.path, sha256=due)
            else:
                told = tr("'{path}' is not here: name its folder by --inputs.", path=one.path)
            faults.append(told)
            continue
        try:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            if not (target / place).exists():
                (target / place).write_bytes(raw)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            faults.append(tr("'{place}' cannot be written on this system.", place=place[:200]))
    if faults:
        raise click.UsageError("\n".join(faults))


def rerun_command_line(
    manifest: Manifest, inputs: Path, out: Path, command: click.Command
) -> list[str]:
    """What is to be run, with the inputs from one folder and the outputs into another. Raises
    click.UsageError where the manifest has a parameter that the command lacks, or asks for too many
    processes."""
    known = {name: param for param in command.params for name in param.opts}
    cores = usable_cores()
    many = {"--threads": manifest.threads, "--jobs": manifest.jobs}
    options: list[str] = []
    arguments: list[str] = []
    for one in manifest.parameters:
        param, name = known.get(one.name), one.name
        if param is None and one.source != "default":
            raise usage_error(
                "'{command}' has no {name} in this version.", command=manifest.command, name=name
            )
        if param is None or name in IGNORED_OPTIONS or not _must_be_repeated(one, param):
            continue
        values = [str(v) for v in (one.value if isinstance(one.value, tuple) else (one.value,))]
        if name in manifests.FILE_PARAMETERS:
            if len(one.at) != len(values) or None in one.at:
                listed = ", ".join(values)
                raise usage_error("the manifest does not say where '{path}' lies.", path=listed)
            values = [str(inputs / place) for place in one.at if place is not None]
        if isinstance(param, click.Argument):
            arguments += values
        elif getattr(param, "is_flag", False):
            options += [name] if one.value is True else []
        elif name in many:
            many[name] = manifests.whole_number(one)
            options += [f"{name}={many[name]}"]
        else:
            options += [f"{name}={value}" for value in values]
    elsewhere = cores != manifest.platform.cores or manifest.engine == "cluster"
    for name, count in many.items():
        if name not in known or count is None:
            continue
        asked = f"{name}={count}"
        if count > MAX_JOBS_PER_CORE * cores:
            raise usage_error(
                "the run took {asked}, too many for {cores} cores.", asked=asked, cores=cores
            )
        if elsewhere and asked not in options:
            options.append(asked)
    own = ["--quiet", f"--language={manifest.language}", f"--out={out}"]
    return [manifest.command, *options, *own, "--", *arguments]


def _must_be_repeated(parameter: entries.ManifestParameter, param: click.Parameter) -> bool:
    """Whether a parameter is to be given again: it was given, or its default has been changed."""
    if (
        isinstance(param, click.Option)
        and isinstance(param.type, click.Path)
        and not any(parameter.at)
    ):
        return False
    if isinstance(param, click.Argument) or parameter.source != "default":
        return True
    with click.Context(click.Command("none")) as context:
        now = manifests.manifest_value(param.get_default(context))
    return parameter.value not in (None, (), False) and parameter.value != now


def _changed_surroundings(manifest: Manifest) -> Iterator[entries.EnvironmentChange]:
    """What is no longer as it was then."""
    pairs: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "platform": (manifest.platform.model_dump(), manifests.current_platform().model_dump()),
        "solver": (manifest.solver.model_dump(), manifests.current_solver().model_dump()),
        "versions": (manifest.versions, manifests.current_versions()),
        "environment": (manifest.environment, manifests.current_environment()),
    }
    for group, pair in pairs.items():
        for name in sorted({*pair[0], *pair[1]}):
            then, now = (str(side[name]) if name in side else None for side in pair)
            # The count of threads is that of then, whatever there is now.
            if then != now and name != "cores":
                yield entries.EnvironmentChange(name=f"{group}.{name}", then=then, now=now)


def _compare_outputs(
    manifest: Manifest, old_folder: Path, new_folder: Path
) -> tuple[dict[str, Any], list[Any]]:
    """The outputs in a folder beside those that a manifest lists, which lie in another: fields of a
    rerun, and the values that differ by output and path. An output that is not there any more as it
    was written is compared by its hash alone."""
    changed, not_compared, good = [], [], None
    differing: list[tuple[str, str, Any, Any]] = []
    same = manifest.versions.get("vorrat") == installed_version()
    for output in manifest.outputs:
        old, new = (
            _read_content(old_folder / output.path, output.size),
            _read_content(new_folder / output.path),
        )
        if old is None or _sha256(old) != output.sha256:
            changed.append(output.path)
            old = None
        own, due, then, now = None if new is None else _sha256(new), output.sha256, None, None
        if new is not None and output.volatile == ("*",):
            not_compared.append(output.path)
            continue
        if new is not None and output.content_sha256 is not None:
            now, due = json.loads(new), output.content_sha256
            own = content_hash(now, output.volatile)
            with suppress(InvalidJsonError):  # a manifest may call anything a document
                then = None if own == due or old is None else parse_json(old)
        if then is not None:
            contents = (
                without_volatile(then, output.volatile),
                without_volatile(now, output.volatile),
            )
            found = ((output.path, *one) for one in _differences(*contents, ()))
            # A field that another version did not write yet says nothing of what it found.
            differing += [one for one in found if same or not _is_new_field(one)]
            good = _equally_good(then, now) if good is None else good
        elif own != due:
            differing.append((output.path, "", due, own))
    return {
        "compared": len(manifest.outputs) - len(not_compared),
        "changed_since": tuple(changed),
        "not_compared": tuple(not_compared),
        "equally_good": good,
    }, differing


def _is_new_field(difference: tuple[str, str, Any, Any]) -> bool:
    """Whether a value that was absent is that of a field, and no entry of a list or by a name."""
    _, path, then, _ = difference
    return then is ABSENT and path.rpartition(".")[2] in _field_names()


@cache
def _field_names() -> frozenset[str]:
    models = (model for base in (Base, Result) for model in all_subclasses(base))
    named = (one for model in models for one in model.model_fields.items())
    return frozenset(field.alias or name for name, field in named)


def _read_content(path: Path, size: int | None = None) -> bytes | None:
    """A file; None where there is none that can be read, or one of another size in bytes."""
    with suppress(OSError, ValueError):
        if path.is_file() and size in (None, path.stat().st_size):
            return path.read_bytes()
    return None


def _differences(then: Any, now: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, list) and isinstance(now, list):
        then, now = dict(enumerate(then)), dict(enumerate(now))
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            pair = (then.get(key, ABSENT), now.get(key, ABSENT))
            yield from _differences(*pair, (*path, str(key)))
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield ".".join(path), then, now


def _equally_good(then: Any, now: Any) -> bool | None:
    """Whether two plans both lie within their gap of the best that either of them proves."""
    found: list[tuple[Any, ...]] = []
    for document in (then, now):
        proof = document.get("certificate") if isinstance(document, dict) else None
        names = ("objective", "bound", "gap_target")
        figures = tuple(proof.get(name) for name in names) if isinstance(proof, dict) else (None,)
        if not all(isinstance(figure, (int, float)) for figure in figures):
            return None
        found.append(figures)
    best = max(bound for _, bound, _ in found)
    return all(value - best <= gap * max(abs(value), 1e-6) for value, _, gap in found)


def _first_difference(output: str, path: str, then: Any, now: Any) -> entries.FirstDifference:
    """A value that differs, as a result can hold it: whole, unless it is long."""
    shown: list[Any] = []
    for value in (then, now):
        if value is not None and not isinstance(value, (bool, int, float, str)):
            value = None if value is ABSENT else json.dumps(value, ensure_ascii=False)
        is_long = isinstance(value, str) and len(value) > MAX_SHOWN_CHARACTERS
        shown.append(f"{value[:MAX_SHOWN_CHARACTERS]}..." if is_long else value)
    relative = None
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (then, now)):
        largest = max(abs(then), abs(now))
        relative = abs(then - now) / largest if largest else 0.0
    return entries.FirstDifference(
        output=output, path=path, then=shown[0], now=shown[1], relative=relative
    )


def _describe_rerun(answer: Rerun) -> Iterator[str]:
    """A rerun in sentences."""
    for one in answer.surroundings:
        then, now = one.then or "-", one.now or "-"
        yield tr("{name}: then {then}, now {now}", name=one.name, then=then, now=now)
    if answer.why_not is not None:
        reason = tr(WHY_NOT[answer.why_not])
        yield tr("The same result was not promised for this run: {reason}.", reason=reason)
    if answer.changed_since:
        names = ", ".join(answer.changed_since)
        yield tr("Changed or missing since the run: {names}.", names=names)
    first, count = answer.first_difference, answer.differing or answer.compared
    if first is None:
        yield tr("Reproduced: outputs that are the same again: {count}.", count=count)
    else:
        yield tr("Not reproduced: values that differ: {count}. The first of them:", count=count)
        yield "  " + ": ".join(part for part in (first.output, first.path) if part)
        then, now = ("-" if value is None else str(value) for value in (first.then, first.now))
        yield "  " + tr("then: {value}", value=then)
        yield "  " + tr("now: {value}", value=now)
        if first.relative is not None:
            yield "  " + tr("relative difference: {value}", value=f"{first.relative:.3g}")
        if answer.equally_good is True:
            yield tr("Both plans are within their gap of the best: they are equally good.")
        elif answer.equally_good is False:
            yield tr("The plans are not both within their gap of the best.")
    if answer.not_compared:
        names = ", ".join(answer.not_compared)
        yield tr("Not compared, since they state how long the run took: {names}.", names=names)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
