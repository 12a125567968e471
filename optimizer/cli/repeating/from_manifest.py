"""A run from its manifest: checked as any input is, since whoever wrote it may mean harm.

Only commands of a fixed list are run, with options that click checks; every file is taken by its
hash, and written into a folder of ours alone.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from models.files import presets
from models.files.decoding import MAX_BYTES
from models.files.json_document import MAX_BYTES as MAX_RESULT
from models.language import tr
from models.results.manifest import SUFFIX, Manifest, ManifestInput, ManifestParameter
from optimizer.cli import saved
from optimizer.cli.batching.ledger import LEDGER
from optimizer.cli.repeating.kept_inputs import is_inside
from optimizer.cli.repeating.manifest import NAMING_FILES, REPEATABLE, number, plain
from optimizer.cli.usage import misused
from optimizer.model.cores import usable_cores

MOST_PER_CORE = 16
"""Threads or processes that are begun because a manifest says so."""
MAX_INPUTS = 500_000_000
"""Bytes of all inputs together."""
OWN = ("--out", "--quiet", "--language")
"""Options that a rerun sets itself."""
LEFT_OUT = (
    "--force",
    "--json",
    "--open",
    "--reuse",
    "--resume",
    "--scheduler",
    "--tls-ca",
    "--tls-cert",
    "--tls-key",
)
"""Options that bear on where results go, or where they are computed, and not on what they are."""


def find(given: Path) -> Path:
    """The manifest that is meant by a file, or by the folder it is in. Raises click.UsageError
    where there is none, or several."""
    if not given.is_dir():
        return given
    found = sorted(given.glob(f"*{SUFFIX}"))
    if not found and (given / LEDGER).exists():
        raise misused(
            "'{folder}' is of a batch: name one of its runs, in the folder 'runs'.", folder=given
        )
    if not found:
        raise misused(
            "the folder '{folder}' has no manifest (*{suffix}).", folder=given, suffix=SUFFIX
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise misused(
            "the folder '{folder}' has several manifests: {names}.", folder=given, names=names
        )
    return found[0]


def read(path: Path) -> Manifest:
    """A manifest, everything in it checked that a path could be made of. Raises click.UsageError
    where it is none, or asks for what it must not."""
    try:
        manifest = Manifest.model_validate(saved.document(path))
    except ValidationError as error:
        raise saved.not_of_this_version(error, path) from None
    _check(manifest, path)
    return manifest


def _check(manifest: Manifest, path: Path) -> None:
    if manifest.command not in REPEATABLE:
        raise misused(
            "'{path}' asks for '{command}', which is not run from a manifest.",
            path=path,
            command=manifest.command,
        )
    for place in _places(manifest):
        if not is_inside(place):
            raise misused(
                "'{path}' names '{place}', which leads elsewhere.", path=path, place=place
            )
    inputs = [one for one in manifest.inputs if one.role != "cuts"]
    if sum(one.size for one in inputs) > MAX_INPUTS or any(
        one.size > (MAX_RESULT if one.role == "result" else MAX_BYTES) for one in inputs
    ):
        raise misused("the inputs of '{path}' are too large.", path=path)
    if max((output.size for output in manifest.outputs), default=0) > MAX_RESULT:
        raise misused("the outputs of '{path}' are too large.", path=path)
    places = [output.path for output in manifest.outputs]
    if len(places) > len(set(places)):
        raise misused("'{path}' names an output twice.", path=path)


def _places(manifest: Manifest) -> Iterator[str]:
    yield manifest.result
    for one in manifest.inputs:
        yield from (place for place in (one.place, one.copied_to) if place is not None)
    for output in manifest.outputs:
        yield output.path
    for parameter in manifest.parameters:
        yield from (place for place in parameter.at if place is not None)


def lay_out(manifest: Manifest, folder: Path, given: Path | None, into: Path) -> None:
    """Put all inputs of a run into a folder, each as its hash says.

    Parameters
    ----------
    folder
        That of the manifest, where copies lie.
    given
        A folder of inputs that have no copy, laid out alike or each by its name.
    into
        An empty folder.

    Raises click.UsageError that names every input which is missing or has changed.
    """
    faults = []
    for one in manifest.inputs:
        if one.role == "cuts":
            continue
        if one.role == "preset":
            faults += _preset_faults(one, manifest)
            continue
        content, met = _found(one, folder, given)
        if content is None or one.place is None:
            faults.append(
                tr("'{path}' is not what it was ({sha256}).", path=one.path, sha256=one.sha256[:16])
                if met
                else tr("'{path}' is not here: name its folder by --inputs.", path=one.path)
            )
            continue
        to = into / one.place
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            if not to.exists():
                to.write_bytes(content)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            place = one.place[:200]
            faults.append(tr("'{place}' cannot be written on this system.", place=place))
    if faults:
        raise click.UsageError("\n".join(faults))


def _found(one: ManifestInput, folder: Path, given: Path | None) -> tuple[bytes | None, bool]:
    """The content of an input, and whether anything was there in its place."""
    candidates = [] if one.copied_to is None else [folder / one.copied_to]
    # A path to another machine would tell it who is asking.
    if not one.path.replace("\\", "/").startswith("//"):
        candidates.append(Path(os.path.expanduser(one.path)))  # noqa: PTH111 (it never raises)
    if given is not None:
        names = (one.place, one.path.replace("\\", "/").rpartition("/")[2])
        candidates += [given / name for name in names if name and is_inside(name)]
    met = False
    for path in candidates:
        try:
            if not path.is_file():
                continue
            met = True
            if path.stat().st_size != one.size:
                continue
            content = path.read_bytes()
        except (OSError, ValueError):
            continue
        if hashlib.sha256(content).hexdigest() == one.sha256:
            return content, True
    return None, met


def _preset_faults(one: ManifestInput, manifest: Manifest) -> list[str]:
    path = next((p for p in presets.shipped().values() if p.name == one.path), None)
    if path is not None and hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256:
        return []
    version = manifest.versions.get("vorrat", "?")
    return [
        tr(
            "the preset '{name}' is not that of the run: take version {version} of Vorrat.",
            name=one.path,
            version=version,
        )
    ]


def command_line(manifest: Manifest, inputs: Path, out: Path, command: click.Command) -> list[str]:
    """What is to be run, with the inputs from one folder and the outputs into another. Raises
    click.UsageError where the manifest has a parameter that the command lacks."""
    known = {name: param for param in command.params for name in param.opts}
    _refuse_many(manifest, known)
    options: list[str] = []
    values: list[str] = []
    for one in manifest.parameters:
        param = known.get(one.name)
        if param is None and one.source == "default":
            continue
        if param is None:
            raise misused(
                "'{command}' has no {name} in this version.",
                command=manifest.command,
                name=one.name,
            )
        if isinstance(param, click.Argument):
            values += _with_places(one, inputs)
        elif one.name not in (*OWN, *LEFT_OUT) and _matters(one, param):
            options += _option(one, param, inputs)
    elsewhere = usable_cores() != manifest.platform.cores or manifest.engine == "cluster"
    for name, count in (("--threads", manifest.threads), ("--jobs", manifest.jobs)):
        given = any(text.startswith(f"{name}=") for text in options)
        if name in known and not given and count is not None and elsewhere:
            options.append(f"{name}={count}")
    own = ["--quiet", f"--language={manifest.language}", f"--out={out}"]
    return [manifest.command, *options, *own, "--", *values]


def _refuse_many(manifest: Manifest, known: Collection[str]) -> None:
    cores = usable_cores()
    asked = {one.name: number(one) for one in manifest.parameters}
    for name, count in (("--threads", manifest.threads), ("--jobs", manifest.jobs)):
        most = max(count or 0, asked.get(name) or 0)
        if name in known and most > MOST_PER_CORE * cores:
            raise misused(
                "the run took {name}={count}, too many for this machine of {cores} cores.",
                name=name,
                count=most,
                cores=cores,
            )


def _matters(one: ManifestParameter, param: click.Parameter) -> bool:
    """Whether an option is to be given again: it was given, or its default has been changed."""
    if isinstance(param.type, click.Path) and not any(one.at):
        return False
    if one.source != "default":
        return True
    with click.Context(click.Command("none")) as context:
        now = plain(param.get_default(context))
    return one.value not in (None, (), False) and one.value != now


def _option(one: ManifestParameter, param: click.Parameter, inputs: Path) -> list[str]:
    if getattr(param, "is_flag", False):
        return [one.name] if one.value is True else []
    return [f"{one.name}={value}" for value in _with_places(one, inputs)]


def _with_places(one: ManifestParameter, inputs: Path) -> list[str]:
    """The values of a parameter, those that name files as these lie now."""
    values: Sequence[Any] = one.value if isinstance(one.value, tuple) else (one.value,)
    if one.name not in NAMING_FILES:
        return [str(value) for value in values]
    if len(one.at) != len(values) or None in one.at:
        raise misused(
            "the manifest does not say where '{path}' lies.", path=", ".join(map(str, values))
        )
    return [str(inputs / place) for place in one.at if place is not None]
