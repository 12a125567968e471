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

from models import input_log
from models.files import shipped_files
from models.input_log import InputFile, InputLog
from models.language import current_language
from models.results import manifest as entries
from models.results.base import content_hash, volatile_paths
from models.results.manifest import (
    MANIFEST_SUFFIX,
    Manifest,
    ManifestParameter,
    NotRepeatableReason,
)
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import COMMAND_ARGUMENTS_KEY, output_files
from optimizer.cli.saved_results import MAIN_FILES

REPEATABLE_COMMANDS = {"run", *ANALYSES_BY_NAME} - {"redact", "batch"}
"""Commands that leave a manifest, and that one may ask to run again. ``redact`` is none of them:
the hash of a file that is to stay secret, or the seed of what hides it, would help to guess it; of
``batch`` each run has a manifest of its own."""
FILE_PARAMETERS = ("file", "plan", "given", "--plan", "--states-of")
"""Parameters whose values name inputs."""
INPUTS_FOLDER = "inputs"  # the folder of copies beside it, which has one for each result
VOLATILE_SUFFIXES = (".html", ".xlsx", ".docx")  # made from documents, that state how long it took
_RELEVANT_VARIABLES = re.compile(
    r"(NUMBA|OMP|OPENBLAS|MKL|VORRAT)_.*|PYTHON(HASHSEED|OPTIMIZE|UTF8)"
)
"""Variables of the environment that bear on how a run is done."""
_SECRET_VARIABLES = re.compile("KEY|TOKEN|SECRET|PASS|CERT", re.IGNORECASE)


def publish_with_manifest(
    folder: Path | None,
    result: str,
    files: Mapping[str, bytes],
    exit_code: int,
    **publish_options: Any,
) -> None:
    """Leave the files of a result in a folder, if one is given, with its manifest and the inputs;
    ``how`` as :func:`disk.publish`. Raises NotWritten."""
    if folder is not None:
        along = manifest_files(result, files, exit_code)
        own = (f"{result}{MANIFEST_SUFFIX}", f"{INPUTS_FOLDER}/{result}")
        output_files.publish(folder, files, companions=along, clear=own, **publish_options)


def manifest_files(result: str, files: Mapping[str, bytes], exit_code: int) -> dict[str, bytes]:
    """What is published beside a result of the command that runs: its manifest and its inputs.
    ``files`` are those of the result, by path from the folder. Answers such as
    ``{"plan.manifest.json": ..., "inputs/plan/scenario.yaml": ...}``; nothing for a command that
    cannot be repeated from what it leaves."""
    context, record = click.get_current_context(silent=True), input_log.current_input_log()
    if context is None or record is None or context.info_name not in REPEATABLE_COMMANDS:
        return {}
    return _manifest_files(
        result, context.info_name, _command_parameters(context), files, exit_code, record
    )


def solve_manifest_files(
    files: Mapping[str, bytes], exit_code: int, record: InputLog, file: str, options: dict[str, Any]
) -> dict[str, bytes]:
    """The same for a solve that no command line asked for, as one of many. ``record`` is of the
    reading of ``file``; ``options`` are those of ``vorrat solve`` that were in force, such as
    ``{"--variant": None, "--set": ("a=1",), "--gap": 1e-4, "--threads": 1}``."""
    asked = [ManifestParameter(name="file", value=file, source="given")]
    for name, value in options.items():
        how: Any = "default" if value in (None, ()) else "given"
        asked.append(ManifestParameter(name=name, value=manifest_value(value), source=how))
    return _manifest_files("plan", "solve", asked, files, exit_code, record)


def _manifest_files(
    result: str,
    command: str,
    parameters: Sequence[ManifestParameter],
    files: Mapping[str, bytes],
    exit_code: int,
    record: InputLog,
) -> dict[str, bytes]:
    from optimizer import parallel

    asked = {one.name: one for one in parameters}
    places, named = _input_layout(asked, record.files)
    inputs, copies = _manifest_inputs(result, places, record)
    documents = [json.loads(raw) for path, raw in files.items() if path.lower().endswith(".json")]
    why_not = _why_not_repeatable(exit_code, asked, inputs, documents)
    here = current_platform()
    jobs = whole_number(asked.get("--jobs")) or parallel.max_chosen_workers()
    seeds = (one for one in _values_under_key("seed", documents) if isinstance(one, int))
    seed = whole_number(asked.get("--seed"))
    manifest = Manifest(
        result=result,
        command=command,
        parameters=tuple(_with_places(one, named) for one in parameters),
        language=current_language(),
        inputs=inputs,
        outputs=tuple(_manifest_output(path, raw) for path, raw in files.items()),
        exit_code=exit_code,
        repeatable=why_not is None,
        why_not=why_not,
        seed=next(seeds, None) if seed is None else seed,
        threads=whole_number(asked.get("--threads")) or here.cores,
        jobs=jobs,
        engine=None if jobs is None else parallel.current_engine().name,
        platform=here,
        versions=current_versions(),
        solver=current_solver(),
        environment=current_environment(),
        started=_utc_timestamp(record.started),
        ended=_utc_timestamp(datetime.now(UTC)),
        seconds=record.seconds,
    )
    return {f"{result}{MANIFEST_SUFFIX}": output_files.to_json_bytes(manifest), **copies}


def _input_layout(
    parameters: Mapping[str, ManifestParameter], files: Sequence[InputFile]
) -> tuple[dict[InputFile, str], dict[str, str]]:
    """Where files lie beside each other among the copies, and the values that name some of them.
    Scenarios name their tables and what they include by paths that lead downwards, so that a copy
    of the folder of each file on the command line is all that is needed. A saved result keeps its
    folder as well, since that is what comparisons name it by."""
    found: dict[str, tuple[Path, str]] = {}
    roots: list[Path] = []
    for value in (
        text
        for name in FILE_PARAMETERS
        if name in parameters
        for text in _text_values(parameters[name])
    ):
        file, at, variant = value.rpartition("@")
        for text, behind in [(value, ""), *([(file, f"@{variant}")] if at and file else [])]:
            path = shipped_files.resolve_scenario(text)
            read = next((one for one in files if path in _naming_paths(one)), None)
            if read is not None:
                found[value] = path, behind
                roots.append(_absolute_path(_naming_paths(read)[-1]).parent)
                break
    apart: list[Path] = []
    for root in sorted(set(roots), key=lambda path: (len(path.parts), str(path))):
        if not any(root.is_relative_to(other) for other in apart):
            apart.append(root)

    def place(path: str | Path) -> str:
        """From the root that holds it, which has a number where there are several; or nothing."""
        where = _absolute_path(path)
        for count, root in enumerate(apart, 1):
            if where.is_relative_to(root):
                inside = where.relative_to(root).as_posix()
                inside = f"{count}/{inside}" if len(apart) > 1 else inside
                return inside if is_safe_relative_path(inside) else ""
        return ""

    kept = [one for one in files if one.role not in ("preset", "cuts")]
    places = {one: where for one in kept if (where := place(one.path))}
    return places, {v: at + behind for v, (path, behind) in found.items() if (at := place(path))}


def is_safe_relative_path(path: str) -> bool:
    """Whether a relative path stays in its folder, on any system."""
    odd = any(part in ("", ".", "..") for part in path.split("/"))
    return not (odd or re.search(r"[\\:\0]", path) or PurePosixPath(path).is_absolute())


def _naming_paths(read: InputFile) -> tuple[Path, ...]:
    """The paths that mean a file: its own, and the folder of a saved result."""
    own = Path(read.path)
    return (own, own.parent) if read.role == "result" and own.name in MAIN_FILES else (own,)


def _absolute_path(path: str | Path) -> Path:
    return Path(os.path.normpath(Path(path).absolute()))


def _with_places(
    parameter: ManifestParameter, place_by_value: Mapping[str, str]
) -> ManifestParameter:
    at = tuple(place_by_value.get(text) for text in _text_values(parameter))
    value: Any = _hide_home_folder(parameter.value)
    if isinstance(value, tuple):
        value = tuple(map(_hide_home_folder, value))
    return parameter.model_copy(update={"value": value, "at": at if any(at) else ()})


def _manifest_inputs(
    result: str, places: Mapping[InputFile, str], record: InputLog
) -> tuple[tuple[entries.ManifestInput, ...], dict[str, bytes]]:
    inputs: list[entries.ManifestInput] = []
    copies: dict[str, bytes] = {}
    for read in record.files:
        place = places.get(read)
        copied_to: str | None = f"{INPUTS_FOLDER}/{result}/{place}"
        if place is None or read.content is None or copied_to in copies:
            copied_to = None
        elif copied_to is not None:
            copies[copied_to] = read.content
        path = _hide_home_folder(read.path if read.role != "preset" else Path(read.path).name)
        about = {"role": read.role, "sha256": read.sha256, "size": read.size}
        about |= {"path": path, "place": place, "copied_to": copied_to}
        inputs.append(entries.ManifestInput.model_validate(about))
    return tuple(inputs), copies


def _manifest_output(path: str, raw: bytes) -> entries.ManifestOutput:
    volatile: tuple[str, ...] = ("*",) if path.lower().endswith(VOLATILE_SUFFIXES) else ()
    own = None
    if path.lower().endswith(".json"):
        document = json.loads(raw)
        volatile = volatile_paths(document.get("kind", "")) if isinstance(document, dict) else ()
        own = content_hash(document, volatile)
    sha256 = hashlib.sha256(raw).hexdigest()
    return entries.ManifestOutput(
        path=path, sha256=sha256, size=len(raw), content_sha256=own, volatile=volatile
    )


def _why_not_repeatable(
    exit_code: int,
    parameters: Mapping[str, ManifestParameter],
    inputs: Sequence[entries.ManifestInput],
    documents: Sequence[Any],
) -> NotRepeatableReason | None:
    """Why a run need not come out the same again; None where it does."""
    if any(one.role == "cuts" for one in inputs):
        return "cuts"
    places = [one.place for one in inputs if one.place is not None]
    if len(places) > len(set(places)):
        return "input changed"
    told = "\n".join(str(text).lower() for text in _values_under_key("ended", documents))
    words: tuple[NotRepeatableReason, ...] = ("killed", "interrupted", "time limit")
    for word in words:
        if word.removesuffix("ed") in told:
            return word
    stopped = {"limit", "none"} & {str(text) for text in _values_under_key("status", documents)}
    # Of a comparison the code may say that a plan it was given is not whole.
    doubtful = any(any(found) for found in _values_under_key("doubts", documents))
    if "node limit" in told or (not stopped and (exit_code != 1 or doubtful)):
        return None
    if "--time-limit" in parameters and parameters["--time-limit"].value is not None:
        return "time limit"
    # At its numerical limit a search ends in the same place each time.
    return None if "numerical limit" in told else "stopped"


def _values_under_key(key: str, document: Any) -> Iterator[Any]:
    """Every value under a key, wherever it is in a document; not in the scenario that it holds."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            if name != "scenario":
                yield from _values_under_key(key, value)
    elif isinstance(document, (list, tuple)):
        for item in document:
            yield from _values_under_key(key, item)


def whole_number(parameter: ManifestParameter | None) -> int | None:
    """The whole number that a parameter is; None where it is none."""
    with suppress(ValueError):
        if parameter is not None and isinstance(parameter.value, (str, int)):
            return int(parameter.value)
    return None


def _command_parameters(context: click.Context) -> list[ManifestParameter]:
    """All parameters of a command; values as they were written where they were."""
    parser = context.command.make_parser(context)
    written, _, _ = parser.parse_args(list(context.meta.get(COMMAND_ARGUMENTS_KEY, ())))
    how: dict[Any, Any] = {ParameterSource.ENVIRONMENT: "environment"}
    how[ParameterSource.COMMANDLINE] = "given"
    found = []
    for param in context.command.params:
        key = param.name or ""
        source = how.get(context.get_parameter_source(key), "default")
        value = context.params.get(key)
        value = written.get(key, value) if source == "given" else value
        name = max(param.opts, key=len) if isinstance(param, click.Option) else key
        found.append(ManifestParameter(name=name, value=manifest_value(value), source=source))
    return found


def manifest_value(value: Any) -> Any:
    """A value as a manifest holds it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return tuple(f"{key}={one}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        parts = map(manifest_value, value)
        return tuple(part if isinstance(part, (str, int, float)) else str(part) for part in parts)
    return str(value)


def _text_values(parameter: ManifestParameter) -> tuple[str, ...]:
    if isinstance(parameter.value, tuple):
        return tuple(str(value) for value in parameter.value)
    return (parameter.value,) if isinstance(parameter.value, str) else ()


def _utc_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def current_platform() -> entries.ManifestPlatform:
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


def current_solver() -> entries.ManifestSolver:
    """The solver and the revision it was built from."""
    from optimizer.model.highs import solver_version

    version, revision = solver_version()
    return entries.ManifestSolver(name="HiGHS", version=version, git_hash=revision)


def current_versions() -> dict[str, str]:
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


def current_environment() -> dict[str, str]:
    """Variables that may bear on a run; none that may hold a secret."""
    return {
        name: _hide_home_folder(value)
        for name, value in sorted(os.environ.items())
        if _RELEVANT_VARIABLES.fullmatch(name) and not _SECRET_VARIABLES.search(name)
    }


def _hide_home_folder(path: Any) -> Any:
    """A path as it was written, the folder of the user, whose name it may hold, as ~."""
    if not isinstance(path, str):
        return path
    home = os.path.expanduser("~")  # noqa: PTH111 (it never raises)
    home = home.rstrip("/\\")
    if len(home) > 1 and (path == home or path.startswith((f"{home}/", f"{home}{os.sep}"))):
        return "~" + path[len(home) :]
    return path
