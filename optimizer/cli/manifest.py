"""The manifest of a result: what it rests on and what came of it, so that it can be repeated."""

import hashlib
import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import click
from click.core import ParameterSource

from models import recording
from models.files import presets
from models.language import language
from models.recording import Read, Record
from models.results import manifest as entries
from models.results.base import content_hash, volatile_in
from models.results.manifest import SUFFIX, Manifest, ManifestParameter, WhyNot
from optimizer.analyses.registry import BY_NAME
from optimizer.cli import ARGUMENTS, disk
from optimizer.cli.saved import MAIN_FILES

REPEATABLE = {"run", *BY_NAME} - {"redact", "batch"}
"""Commands that leave a manifest, and that one may ask to run again. ``redact`` is none of them:
the hash of a file that is to stay secret, or the seed of what hides it, would help to guess it; of
``batch`` each run has a manifest of its own."""
NAMING_FILES = ("file", "plan", "given", "--plan", "--states-of")
"""Parameters whose values name inputs."""
INPUTS = "inputs"  # the folder of copies beside it, which has one for each result
STATING_TIME = (".html", ".xlsx", ".docx")  # made from documents, that state how long it took
_BEARING = re.compile(r"(NUMBA|OMP|OPENBLAS|MKL|VORRAT)_.*|PYTHON(HASHSEED|OPTIMIZE|UTF8)")
"""Variables of the environment that bear on how a run is done."""
_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|CERT", re.IGNORECASE)


def leave(
    out: Path | None, result: str, files: Mapping[str, bytes], exit_code: int, **how: Any
) -> None:
    """Leave the files of a result in a folder, if one is given, with its manifest and the inputs;
    ``how`` as :func:`disk.publish`. Raises NotWritten."""
    if out is not None:
        along = described(result, files, exit_code)
        own = (f"{result}{SUFFIX}", f"{INPUTS}/{result}")
        disk.publish(out, files, along=along, clear=own, **how)


def described(result: str, files: Mapping[str, bytes], exit_code: int) -> dict[str, bytes]:
    """What is published beside a result of the command that runs: its manifest and its inputs.
    ``files`` are those of the result, by path from the folder. Answers such as
    ``{"plan.manifest.json": ..., "inputs/plan/scenario.yaml": ...}``; nothing for a command that
    cannot be repeated from what it leaves."""
    context, record = click.get_current_context(silent=True), recording.recorded()
    if context is None or record is None or context.info_name not in REPEATABLE:
        return {}
    return _described(result, context.info_name, _parameters(context), files, exit_code, record)


def of_solve(
    files: Mapping[str, bytes], exit_code: int, record: Record, file: str, options: dict[str, Any]
) -> dict[str, bytes]:
    """The same for a solve that no command line asked for, as one of many. ``record`` is of the
    reading of ``file``; ``options`` are those of ``vorrat solve`` that were in force, such as
    ``{"--variant": None, "--set": ("a=1",), "--gap": 1e-4, "--threads": 1}``."""
    asked = [ManifestParameter(name="file", value=file, source="given")]
    for name, value in options.items():
        how: Any = "default" if value in (None, ()) else "given"
        asked.append(ManifestParameter(name=name, value=plain(value), source=how))
    return _described("plan", "solve", asked, files, exit_code, record)


def _described(
    result: str,
    command: str,
    parameters: Sequence[ManifestParameter],
    files: Mapping[str, bytes],
    exit_code: int,
    record: Record,
) -> dict[str, bytes]:
    from optimizer import parallel

    asked = {one.name: one for one in parameters}
    places, named = _laid_out(asked, record.files)
    inputs, copies = _inputs(result, places, record)
    documents = [json.loads(raw) for path, raw in files.items() if path.lower().endswith(".json")]
    why_not = _why_not(exit_code, asked, inputs, documents)
    here = this_platform()
    jobs = number(asked.get("--jobs")) or parallel.most_side_by_side()
    seeds = (one for one in _under("seed", documents) if isinstance(one, int))
    seed = number(asked.get("--seed"))
    manifest = Manifest(
        result=result,
        command=command,
        parameters=tuple(_placed(one, named) for one in parameters),
        language=language(),
        inputs=inputs,
        outputs=tuple(_output(path, raw) for path, raw in files.items()),
        exit_code=exit_code,
        repeatable=why_not is None,
        why_not=why_not,
        seed=next(seeds, None) if seed is None else seed,
        threads=number(asked.get("--threads")) or here.cores,
        jobs=jobs,
        engine=None if jobs is None else parallel.in_use().name,
        platform=here,
        versions=these_versions(),
        solver=this_solver(),
        environment=this_environment(),
        started=_instant(record.began),
        ended=_instant(datetime.now(UTC)),
        seconds=record.seconds,
    )
    return {f"{result}{SUFFIX}": disk.document(manifest), **copies}


def _laid_out(
    asked: Mapping[str, ManifestParameter], files: Sequence[Read]
) -> tuple[dict[Read, str], dict[str, str]]:
    """Where files lie beside each other among the copies, and the values that name some of them.
    Scenarios name their tables and what they include by paths that lead downwards, so that a copy
    of the folder of each file on the command line is all that is needed. A saved result keeps its
    folder as well, since that is what comparisons name it by."""
    found: dict[str, tuple[Path, str]] = {}
    roots: list[Path] = []
    for value in (text for name in NAMING_FILES if name in asked for text in _texts(asked[name])):
        file, at, variant = value.rpartition("@")
        for text, behind in [(value, ""), *([(file, f"@{variant}")] if at and file else [])]:
            path = presets.meant(text)
            read = next((one for one in files if path in _named_by(one)), None)
            if read is not None:
                found[value] = path, behind
                roots.append(_absolute(_named_by(read)[-1]).parent)
                break
    apart: list[Path] = []
    for root in sorted(set(roots), key=lambda path: (len(path.parts), str(path))):
        if not any(root.is_relative_to(other) for other in apart):
            apart.append(root)

    def place(path: str | Path) -> str:
        """From the root that holds it, which has a number where there are several; or nothing."""
        where = _absolute(path)
        for count, root in enumerate(apart, 1):
            if where.is_relative_to(root):
                inside = where.relative_to(root).as_posix()
                inside = f"{count}/{inside}" if len(apart) > 1 else inside
                return inside if is_inside(inside) else ""
        return ""

    kept = [one for one in files if one.role not in ("preset", "cuts")]
    places = {one: where for one in kept if (where := place(one.path))}
    return places, {v: at + behind for v, (path, behind) in found.items() if (at := place(path))}


def is_inside(place: str) -> bool:
    """Whether a relative path stays in its folder, on any system."""
    odd = any(part in ("", ".", "..") for part in place.split("/"))
    return not (odd or re.search(r"[\\:\0]", place) or PurePosixPath(place).is_absolute())


def _named_by(read: Read) -> tuple[Path, ...]:
    """The paths that mean a file: its own, and the folder of a saved result."""
    own = Path(read.path)
    return (own, own.parent) if read.role == "result" and own.name in MAIN_FILES else (own,)


def _absolute(path: str | Path) -> Path:
    return Path(os.path.normpath(Path(path).absolute()))


def _placed(one: ManifestParameter, named: Mapping[str, str]) -> ManifestParameter:
    at = tuple(named.get(text) for text in _texts(one))
    value: Any = _without_home(one.value)
    if isinstance(value, tuple):
        value = tuple(map(_without_home, value))
    return one.model_copy(update={"value": value, "at": at if any(at) else ()})


def _inputs(
    result: str, places: Mapping[Read, str], record: Record
) -> tuple[tuple[entries.ManifestInput, ...], dict[str, bytes]]:
    inputs: list[entries.ManifestInput] = []
    copies: dict[str, bytes] = {}
    for read in record.files:
        place = places.get(read)
        copied_to: str | None = f"{INPUTS}/{result}/{place}"
        if place is None or read.content is None or copied_to in copies:
            copied_to = None
        elif copied_to is not None:
            copies[copied_to] = read.content
        path = _without_home(read.path if read.role != "preset" else Path(read.path).name)
        about = {"role": read.role, "sha256": read.sha256, "size": read.size}
        about |= {"path": path, "place": place, "copied_to": copied_to}
        inputs.append(entries.ManifestInput.model_validate(about))
    return tuple(inputs), copies


def _output(path: str, raw: bytes) -> entries.ManifestOutput:
    volatile: tuple[str, ...] = ("*",) if path.lower().endswith(STATING_TIME) else ()
    own = None
    if path.lower().endswith(".json"):
        document = json.loads(raw)
        volatile = volatile_in(document.get("kind", "")) if isinstance(document, dict) else ()
        own = content_hash(document, volatile)
    sha256 = hashlib.sha256(raw).hexdigest()
    return entries.ManifestOutput(
        path=path, sha256=sha256, size=len(raw), content_sha256=own, volatile=volatile
    )


def _why_not(
    exit_code: int,
    asked: Mapping[str, ManifestParameter],
    inputs: Sequence[entries.ManifestInput],
    documents: Sequence[Any],
) -> WhyNot | None:
    """Why a run need not come out the same again; None where it does."""
    if any(one.role == "cuts" for one in inputs):
        return "cuts"
    places = [one.place for one in inputs if one.place is not None]
    if len(places) > len(set(places)):
        return "input changed"
    told = "\n".join(str(text).lower() for text in _under("ended", documents))
    words: tuple[WhyNot, ...] = ("killed", "interrupted", "time limit")
    for word in words:
        if word.removesuffix("ed") in told:
            return word
    stopped = {"limit", "none"} & {str(text) for text in _under("status", documents)}
    # Of a comparison the code may say that a plan it was given is not whole.
    doubtful = any(any(found) for found in _under("doubts", documents))
    if "node limit" in told or (not stopped and (exit_code != 1 or doubtful)):
        return None
    if "--time-limit" in asked and asked["--time-limit"].value is not None:
        return "time limit"
    # At its numerical limit a search ends in the same place each time.
    return None if "numerical limit" in told else "stopped"


def _under(key: str, document: Any) -> Iterator[Any]:
    """Every value under a key, wherever it is in a document; not in the scenario that it holds."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            if name != "scenario":
                yield from _under(key, value)
    elif isinstance(document, (list, tuple)):
        for item in document:
            yield from _under(key, item)


def number(asked: ManifestParameter | None) -> int | None:
    """The whole number that a parameter is; None where it is none."""
    with suppress(ValueError):
        if asked is not None and isinstance(asked.value, (str, int)):
            return int(asked.value)
    return None


def _parameters(context: click.Context) -> list[ManifestParameter]:
    """All parameters of a command; values as they were written where they were."""
    parser = context.command.make_parser(context)
    written, _, _ = parser.parse_args(list(context.meta.get(ARGUMENTS, ())))
    how: dict[Any, Any] = {ParameterSource.ENVIRONMENT: "environment"}
    how[ParameterSource.COMMANDLINE] = "given"
    found = []
    for param in context.command.params:
        key = param.name or ""
        source = how.get(context.get_parameter_source(key), "default")
        value = context.params.get(key)
        value = written.get(key, value) if source == "given" else value
        name = max(param.opts, key=len) if isinstance(param, click.Option) else key
        found.append(ManifestParameter(name=name, value=plain(value), source=source))
    return found


def plain(value: Any) -> Any:
    """A value as a manifest holds it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return tuple(f"{key}={one}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        parts = map(plain, value)
        return tuple(part if isinstance(part, (str, int, float)) else str(part) for part in parts)
    return str(value)


def _texts(one: ManifestParameter) -> tuple[str, ...]:
    if isinstance(one.value, tuple):
        return tuple(str(value) for value in one.value)
    return (one.value,) if isinstance(one.value, str) else ()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def this_platform() -> entries.ManifestPlatform:
    """The machine and the interpreter; no name of a host or a user."""
    from optimizer.model.cores import usable_cores

    about: dict[str, Any] = {"byte_order": sys.byteorder, "cores": usable_cores()}
    about |= {name: getattr(platform, name)() for name in ("system", "release", "machine")}
    return entries.ManifestPlatform(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        build=" ".join((*platform.python_build(), platform.python_compiler())),
        **about,
    )


def this_solver() -> entries.ManifestSolver:
    """The solver and the revision it was built from."""
    from optimizer.model.highs import build

    version, revision = build()
    return entries.ManifestSolver(name="HiGHS", version=version, git_hash=revision)


def these_versions() -> dict[str, str]:
    """Versions of Vorrat and of every distribution that it rests on, extras that are here too."""
    found: dict[str, str] = {}
    # In a tree that is not installed: what it imports directly.
    direct = ["click", "highspy", "numba", "numpy", "pydantic", "pyomo", "pyyaml", "scipy"]
    waiting = ["vorrat"]
    for name in waiting:
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            about = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            waiting += direct if key == "vorrat" else []
            continue
        found[key] = about.version
        for required in about.requires or ():
            # Extras of others bear on nothing here.
            if key == "vorrat" or "extra ==" not in required:
                waiting += re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*", required)
    return dict(sorted(found.items()))


def this_environment() -> dict[str, str]:
    """Variables that may bear on a run; none that may hold a secret."""
    return {
        name: _without_home(value)
        for name, value in sorted(os.environ.items())
        if _BEARING.fullmatch(name) and not _SECRET.search(name)
    }


def _without_home(path: Any) -> Any:
    """A path as it was written, the folder of the user, whose name it may hold, as ~."""
    if not isinstance(path, str):
        return path
    home = os.path.expanduser("~")  # noqa: PTH111 (it never raises)
    home = home.rstrip("/\\")
    if len(home) > 1 and (path == home or path.startswith((f"{home}/", f"{home}{os.sep}"))):
        return "~" + path[len(home) :]
    return path
