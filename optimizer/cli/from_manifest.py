"""A run from its manifest: checked as any input is, since whoever wrote it may mean harm.

Only commands of a fixed list are run, with options that click checks; every file is taken by its
hash, and written into a folder of ours alone.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import ValidationError

from models.files import presets
from models.files.decoding import MAX_BYTES
from models.files.json_document import MAX_BYTES as MAX_RESULT
from models.language import tr
from models.results.manifest import SUFFIX, Manifest, ManifestInput, ManifestParameter
from optimizer.cli import manifest as manifests
from optimizer.cli import saved
from optimizer.cli.ledger import LEDGER
from optimizer.cli.manifest import is_inside
from optimizer.cli.usage import misused
from optimizer.model.cores import usable_cores

MOST_PER_CORE = 16
"""Threads or processes that are begun because a manifest says so."""
MAX_INPUTS = 500_000_000
"""Bytes of all inputs together."""
SET_HERE = {"--out", "--quiet", "--language", "--force", "--json", "--open", "--reuse", "--resume"}
SET_HERE |= {"--scheduler", "--tls-ca", "--tls-cert", "--tls-key"}
"""Options that a rerun sets itself, and those that bear on where results go, or where they are
computed, and not on what they are."""


def found(given: Path) -> Path:
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
    if manifest.command not in manifests.REPEATABLE:
        raise misused(
            "'{path}' asks for '{command}', which is not run from a manifest.",
            path=path,
            command=manifest.command,
        )
    places = [manifest.result, *(at for one in manifest.parameters for at in one.at)]
    places += [output.path for output in manifest.outputs]
    places += [at for one in manifest.inputs for at in (one.place, one.copied_to)]
    for place in places:
        if place is not None and not is_inside(place):
            raise misused(
                "'{path}' names '{place}', which leads elsewhere.", path=path, place=place
            )
    inputs = [one for one in manifest.inputs if one.role != "cuts"]
    too_large = (one.size > (MAX_RESULT if one.role == "result" else MAX_BYTES) for one in inputs)
    if sum(one.size for one in inputs) > MAX_INPUTS or any(too_large):
        raise misused("the inputs of '{path}' are too large.", path=path)
    return manifest


def lay_out(manifest: Manifest, folder: Path, given: Path | None, into: Path) -> None:
    """Put all inputs of a run into an empty folder, each as its hash says: the copy in the folder
    of the manifest, else the file itself, else one in a folder that is given, laid out alike or by
    its name. Raises click.UsageError that names every input which is missing or has changed."""
    faults = []
    for one in manifest.inputs:
        if one.role == "preset":
            shelf = {path.name: path for path in presets.shipped().values()}
            if one.path not in shelf or sha256(shelf[one.path].read_bytes()) != one.sha256:
                faults.append(
                    tr(
                        "the preset '{name}' is not that of the run: take version {version} of "
                        "Vorrat.",
                        name=one.path,
                        version=manifest.versions.get("vorrat", "?"),
                    )
                )
        elif one.role != "cuts":
            candidates = list(_candidates(one, folder, given))
            raws = (content_at(path, one.size) for path in candidates)
            raw = next((r for r in raws if r is not None and sha256(r) == one.sha256), None)
            if raw is not None and one.place is not None:
                faults += _put(raw, into / one.place, one.place)
            elif any(content_at(path) is not None for path in candidates):
                due = one.sha256[:16]
                faults.append(
                    tr("'{path}' is not what it was ({sha256}).", path=one.path, sha256=due)
                )
            else:
                faults.append(
                    tr("'{path}' is not here: name its folder by --inputs.", path=one.path)
                )
    if faults:
        raise click.UsageError("\n".join(faults))


def _candidates(one: ManifestInput, folder: Path, given: Path | None) -> Iterator[Path]:
    if one.copied_to is not None:
        yield folder / one.copied_to
    # A path to another machine would tell it who is asking.
    if not one.path.replace("\\", "/").startswith("//"):
        yield Path(os.path.expanduser(one.path))  # noqa: PTH111 (it never raises)
    if given is not None:
        for name in (one.place, one.path.replace("\\", "/").rpartition("/")[2]):
            if name and is_inside(name):
                yield given / name


def _put(content: bytes, to: Path, place: str) -> Iterator[str]:
    """Write an input; what is told where that does not go."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists():
            to.write_bytes(content)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        yield tr("'{place}' cannot be written on this system.", place=place[:200])


def command_line(manifest: Manifest, inputs: Path, out: Path, command: click.Command) -> list[str]:
    """What is to be run, with the inputs from one folder and the outputs into another. Raises
    click.UsageError where the manifest has a parameter that the command lacks, or asks for too many
    processes."""
    known = {name: param for param in command.params for name in param.opts}
    cores = usable_cores()
    many = {"--threads": manifest.threads, "--jobs": manifest.jobs}
    options: list[str] = []
    values: list[str] = []
    for one in manifest.parameters:
        param = known.get(one.name)
        if param is None:
            if one.source == "default":
                continue
            raise misused(
                "'{command}' has no {name} in this version.",
                command=manifest.command,
                name=one.name,
            )
        if isinstance(param, click.Argument):
            values += _with_places(one, inputs)
        elif one.name not in SET_HERE and _matters(one, param):
            if one.name in many:
                many[one.name] = manifests.number(one)
            if getattr(param, "is_flag", False):
                options += [one.name] if one.value is True else []
            else:
                options += [f"{one.name}={value}" for value in _with_places(one, inputs)]
    elsewhere = cores != manifest.platform.cores or manifest.engine == "cluster"
    for name, count in many.items():
        if name not in known or count is None:
            continue
        if count > MOST_PER_CORE * cores:
            raise misused(
                "the run took {name}={count}, too many for this machine of {cores} cores.",
                name=name,
                count=count,
                cores=cores,
            )
        if elsewhere and not any(text.startswith(f"{name}=") for text in options):
            options.append(f"{name}={count}")
    own = ["--quiet", f"--language={manifest.language}", f"--out={out}"]
    return [manifest.command, *options, *own, "--", *values]


def _matters(one: ManifestParameter, param: click.Parameter) -> bool:
    """Whether an option is to be given again: it was given, or its default has been changed."""
    if isinstance(param.type, click.Path) and not any(one.at):
        return False
    if one.source != "default":
        return True
    with click.Context(click.Command("none")) as context:
        now = manifests.plain(param.get_default(context))
    return one.value not in (None, (), False) and one.value != now


def _with_places(one: ManifestParameter, inputs: Path) -> list[str]:
    """The values of a parameter, those that name files as these lie now."""
    values = [str(value) for value in (one.value if isinstance(one.value, tuple) else (one.value,))]
    if one.name not in manifests.NAMING_FILES:
        return values
    if len(one.at) != len(values) or None in one.at:
        raise misused("the manifest does not say where '{path}' lies.", path=", ".join(values))
    return [str(inputs / place) for place in one.at if place is not None]


def content_at(path: Path, size: int | None = None) -> bytes | None:
    """A file; None where there is none that can be read, or one of another size in bytes."""
    try:
        if not path.is_file() or size not in (None, path.stat().st_size):
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def sha256(raw: bytes) -> str:
    """The hash by which a file is taken."""
    return hashlib.sha256(raw).hexdigest()
