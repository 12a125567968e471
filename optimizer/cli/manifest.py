"""The manifest of a result: its inputs, parameters, environment and outputs, so that the run can be
repeated."""

import hashlib
import json
import math
import os
import platform
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self

import click
from click.core import ParameterSource

from models.files import shipped_files
from models.input_log import InputFile, InputLog, current_input_log
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
from optimizer.cli import output_files
from optimizer.cli.saved_results import MAIN_FILES
from optimizer.cli.usage import COMMAND_ARGUMENTS_KEY

REPEATABLE_COMMANDS = {"run", *ANALYSES_BY_NAME} - {"batch"}
"""Commands that write a manifest and can be repeated from it. Each run of ``batch`` has a manifest
of its own."""
FILE_PARAMETERS = ("file", "plan", "given", "--plan", "--states-of")
"""Parameters whose values name input files."""
INPUTS_FOLDER = "inputs"  # folder with copies of the inputs of each result
VOLATILE_SUFFIXES = (".html", ".xlsx", ".docx")  # files that state how long the run took
_RELEVANT_VARIABLES = re.compile(
    r"(NUMBA|OMP|OPENBLAS|MKL|VORRAT)_.*|PYTHON(HASHSEED|OPTIMIZE|UTF8)"
)
"""Environment variables that affect a run."""
_SECRET_VARIABLES = re.compile("KEY|TOKEN|SECRET|PASS|CERT", re.IGNORECASE)


class Invocation(NamedTuple):
    """A command and its parameters, as a manifest states them, so that it can be run again."""

    command: str
    parameters: Sequence[ManifestParameter]

    @classmethod
    def from_values(
        cls, command: str, values: Mapping[str, Any], defaults: Collection[str] = ()
    ) -> Self:
        """Return the invocation of a command by a function call. ``values`` are those of its
        arguments and options, such as ``{"file": "s.yaml", "--set": ("a=1",), "--gap": 1e-4}``, of
        which those named in ``defaults`` are not given."""
        parameters = []
        for name, value in values.items():
            source: Any = "default" if value in (None, ()) or name in defaults else "given"
            value = manifest_value(value)
            parameters.append(ManifestParameter(name=name, value=value, source=source))
        return cls(command, parameters)


def publish_with_manifest(
    folder: Path | None,
    result_name: str,
    files: Mapping[str, bytes],
    exit_code: int,
    invocation: Invocation | None = None,
    **publish_options: Any,
) -> None:
    """Write the files of a result, its manifest and copies of its inputs into ``folder``; do
    nothing if it is None. ``publish_options`` are passed to :func:`output_files.publish`. Raises
    NotWritten."""
    if folder is not None:
        companions = manifest_files(result_name, files, exit_code, invocation)
        clear = (f"{result_name}{MANIFEST_SUFFIX}", f"{INPUTS_FOLDER}/{result_name}")
        output_files.publish(folder, files, companions=companions, clear=clear, **publish_options)


def manifest_files(
    result_name: str,
    files: Mapping[str, bytes],
    exit_code: int,
    invocation: Invocation | None = None,
    input_log: InputLog | None = None,
) -> dict[str, bytes]:
    """Return the manifest of a result, and the copies of its inputs, by path:
    ``{"plan.manifest.json": ..., "inputs/plan/scenario.yaml": ...}``. ``files`` has the files of
    the result by path. By default ``invocation`` is the command that is running, and ``input_log``
    the log of the files that it has read. Return an empty mapping for a command that cannot be
    repeated."""
    invocation = invocation or _current_invocation()
    input_log = input_log or current_input_log()
    if input_log is None or invocation is None or invocation.command not in REPEATABLE_COMMANDS:
        return {}
    from optimizer import parallel

    parameters_by_name = {parameter.name: parameter for parameter in invocation.parameters}
    place_by_input, place_by_value = _input_layout(parameters_by_name, input_log.files)
    inputs, copies = _manifest_inputs(result_name, place_by_input, input_log)
    documents = [json.loads(raw) for path, raw in files.items() if path.lower().endswith(".json")]
    why_not = _why_not_repeatable(exit_code, parameters_by_name, inputs, documents)
    machine = current_platform()
    jobs = whole_number(parameters_by_name.get("--jobs")) or parallel.max_chosen_workers()
    seeds = (value for value in _values_under_key("seed", documents) if isinstance(value, int))
    seed = whole_number(parameters_by_name.get("--seed"))
    manifest = Manifest(
        result=result_name,
        command=invocation.command,
        parameters=tuple(_with_places(item, place_by_value) for item in invocation.parameters),
        language=current_language(),
        inputs=inputs,
        outputs=tuple(_manifest_output(path, raw) for path, raw in files.items()),
        exit_code=exit_code,
        repeatable=why_not is None,
        why_not=why_not,
        seed=next(seeds, None) if seed is None else seed,
        threads=whole_number(parameters_by_name.get("--threads")) or machine.cores,
        jobs=jobs,
        engine=None if jobs is None else parallel.current_engine().name,
        platform=machine,
        versions=current_versions(),
        solver=current_solver(),
        environment=current_environment(),
        started=_utc_timestamp(input_log.started),
        ended=_utc_timestamp(datetime.now(UTC)),
        seconds=input_log.seconds,
    )
    return {f"{result_name}{MANIFEST_SUFFIX}": output_files.to_json_bytes(manifest), **copies}


def _input_layout(
    parameters: Mapping[str, ManifestParameter], files: Sequence[InputFile]
) -> tuple[dict[InputFile, str], dict[str, str]]:
    """Return two mappings: the relative path of the copy of each input file, and, for each
    parameter value that names an input, the path of its copy. Scenarios name tables and includes by
    paths that lead downwards, so it suffices to copy the folder of each file on the command line. A
    saved result keeps the name of its folder, since comparisons name the result by it."""
    named_inputs: dict[str, tuple[Path, str]] = {}
    roots: list[Path] = []
    for value in (
        text
        for name in FILE_PARAMETERS
        if name in parameters
        for text in _text_values(parameters[name])
    ):
        file, separator, variant = value.rpartition("@")
        candidates = [(value, ""), *([(file, f"@{variant}")] if separator and file else [])]
        for candidate, suffix in candidates:
            path = shipped_files.resolve_scenario(candidate)
            input_file = next((item for item in files if path in _naming_paths(item)), None)
            if input_file is not None:
                named_inputs[value] = path, suffix
                roots.append(_absolute_path(_naming_paths(input_file)[-1]).parent)
                break
    top_roots: list[Path] = []
    for root in sorted(set(roots), key=lambda path: (len(path.parts), str(path))):
        if not any(root.is_relative_to(other) for other in top_roots):
            top_roots.append(root)

    def relative_place(path: str | Path) -> str:
        """Return the path relative to the top folder that contains it, preceded by the number of
        this folder if there are several. Return an empty path if no top folder contains it, or if
        the result would not be a safe relative path."""
        absolute = _absolute_path(path)
        for count, root in enumerate(top_roots, 1):
            if absolute.is_relative_to(root):
                relative_path = absolute.relative_to(root).as_posix()
                relative_path = f"{count}/{relative_path}" if len(top_roots) > 1 else relative_path
                return relative_path if is_safe_relative_path(relative_path) else ""
        return ""

    copied_files = [item for item in files if item.role not in ("preset", "cuts")]
    places = {item: place for item in copied_files if (place := relative_place(item.path))}
    named_places = {
        value: place + suffix
        for value, (path, suffix) in named_inputs.items()
        if (place := relative_place(path))
    }
    return places, named_places


def is_safe_relative_path(path: str) -> bool:
    """Check that a path is relative and stays within its folder on any system."""
    has_unsafe_part = any(part in ("", ".", "..") for part in path.split("/"))
    return not (has_unsafe_part or re.search(r"[\\:\0]", path) or PurePosixPath(path).is_absolute())


def _naming_paths(input_file: InputFile) -> tuple[Path, ...]:
    """Return the paths by which a file can be named on the command line: its path, and for a saved
    result also its folder."""
    path = Path(input_file.path)
    return (
        (path, path.parent) if input_file.role == "result" and path.name in MAIN_FILES else (path,)
    )


def _absolute_path(path: str | Path) -> Path:
    return Path(os.path.normpath(Path(path).absolute()))


def _with_places(
    parameter: ManifestParameter, place_by_value: Mapping[str, str]
) -> ManifestParameter:
    places = tuple(place_by_value.get(text) for text in _text_values(parameter))
    value: Any = _hide_home_folder(parameter.value)
    if isinstance(value, tuple):
        value = tuple(map(_hide_home_folder, value))
    return parameter.model_copy(update={"value": value, "at": places if any(places) else ()})


def _manifest_inputs(
    result_name: str, places: Mapping[InputFile, str], input_log: InputLog
) -> tuple[tuple[entries.ManifestInput, ...], dict[str, bytes]]:
    inputs: list[entries.ManifestInput] = []
    copies: dict[str, bytes] = {}
    for item in input_log.files:
        place = places.get(item)
        copied_to: str | None = f"{INPUTS_FOLDER}/{result_name}/{place}"
        if place is None or item.content is None or copied_to in copies:
            copied_to = None
        elif copied_to is not None:
            copies[copied_to] = item.content
        path = _hide_home_folder(item.path if item.role != "preset" else Path(item.path).name)
        fields = {"role": item.role, "sha256": item.sha256, "size": item.size}
        fields |= {"path": path, "place": place, "copied_to": copied_to}
        inputs.append(entries.ManifestInput.model_validate(fields))
    return tuple(inputs), copies


def _manifest_output(path: str, raw: bytes) -> entries.ManifestOutput:
    volatile: tuple[str, ...] = ("*",) if path.lower().endswith(VOLATILE_SUFFIXES) else ()
    document_hash = None
    if path.lower().endswith(".json"):
        document = json.loads(raw)
        volatile = volatile_paths(document.get("kind", "")) if isinstance(document, dict) else ()
        document_hash = content_hash(document, volatile)
    sha256 = hashlib.sha256(raw).hexdigest()
    return entries.ManifestOutput(
        path=path, sha256=sha256, size=len(raw), content_sha256=document_hash, volatile=volatile
    )


def _why_not_repeatable(
    exit_code: int,
    parameters: Mapping[str, ManifestParameter],
    inputs: Sequence[entries.ManifestInput],
    documents: Sequence[Any],
) -> NotRepeatableReason | None:
    """Return the reason why a repeated run may give another result; None if it must give the same
    result."""
    if any(entry.role == "cuts" for entry in inputs):
        return "cuts"
    places = [entry.place for entry in inputs if entry.place is not None]
    if len(places) > len(set(places)):
        return "input changed"
    endings = "\n".join(str(text).lower() for text in _values_under_key("ended", documents))
    reasons: tuple[NotRepeatableReason, ...] = ("killed", "interrupted", "time limit")
    for reason in reasons:
        if reason.removesuffix("ed") in endings:
            return reason
    stop_statuses = {"limit", "none"} & {
        str(text) for text in _values_under_key("status", documents)
    }
    if "node limit" in endings or (not stop_statuses and exit_code != 1):
        return None
    if "--time-limit" in parameters and parameters["--time-limit"].value is not None:
        return "time limit"
    # A search that ends at its numerical limit ends at the same point each time.
    return None if "numerical limit" in endings else "stopped"


def _values_under_key(key: str, document: Any) -> Iterator[Any]:
    """Yield all values under a key of a document, at any depth, but not in its scenario."""
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
    """Return the value of a parameter as an integer; None if it is not a whole number."""
    with suppress(ValueError):
        if parameter is not None and isinstance(parameter.value, (str, int)):
            return int(parameter.value)
    return None


def _current_invocation() -> Invocation | None:
    """Return the command that is running; None if there is none. Values that were given on the
    command line are as the user wrote them."""
    context = click.get_current_context(silent=True)
    if context is None:
        return None
    parser = context.command.make_parser(context)
    written_values, _, _ = parser.parse_args(list(context.meta.get(COMMAND_ARGUMENTS_KEY, ())))
    source_names: dict[Any, Any] = {ParameterSource.ENVIRONMENT: "environment"}
    source_names[ParameterSource.COMMANDLINE] = "given"
    parameters = []
    for param in context.command.params:
        key = param.name or ""
        source = source_names.get(context.get_parameter_source(key), "default")
        value = context.params.get(key)
        value = written_values.get(key, value) if source == "given" else value
        name = max(param.opts, key=len) if isinstance(param, click.Option) else key
        parameters.append(ManifestParameter(name=name, value=manifest_value(value), source=source))
    return Invocation(context.info_name or "", parameters)


def manifest_value(value: Any) -> Any:
    """Convert a value to a type that a manifest can contain."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return tuple(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        item_values = map(manifest_value, value)
        return tuple(
            part if isinstance(part, (str, int, float)) else str(part) for part in item_values
        )
    return str(value)


def _text_values(parameter: ManifestParameter) -> tuple[str, ...]:
    if isinstance(parameter.value, tuple):
        return tuple(str(value) for value in parameter.value)
    return (parameter.value,) if isinstance(parameter.value, str) else ()


def _utc_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def current_platform() -> entries.ManifestPlatform:
    """Return a description of the machine and of the Python interpreter, without the names of host
    and user."""
    from optimizer.model.cores import usable_cores

    machine: dict[str, Any] = {"byte_order": sys.byteorder, "cores": usable_cores()}
    machine |= {name: getattr(platform, name)() for name in ("system", "release", "machine")}
    return entries.ManifestPlatform(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        build=" ".join((*platform.python_build(), platform.python_compiler())),
        **machine,
    )


def current_solver() -> entries.ManifestSolver:
    """Return the version of the solver, and the revision of its source from which it was built."""
    from optimizer.model.highs import solver_version

    version, revision = solver_version()
    return entries.ManifestSolver(name="HiGHS", version=version, git_hash=revision)


@cache
def current_versions() -> dict[str, str]:
    """Return the versions of Vorrat and of all installed packages on which it depends, including
    extras, by name."""
    versions: dict[str, str] = {}
    # For a source tree that is not installed: its direct imports.
    direct_imports = ["click", "highspy", "numba", "numpy", "pydantic", "pyomo", "pyyaml", "scipy"]
    pending_names = ["vorrat"]
    for name in pending_names:
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in versions:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            pending_names += direct_imports if key == "vorrat" else []
            continue
        versions[key] = distribution.version
        for requirement in distribution.requires or ():
            # Extras of other distributions are not used.
            if key == "vorrat" or "extra ==" not in requirement:
                pending_names += re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return dict(sorted(versions.items()))


def current_environment() -> dict[str, str]:
    """Return environment variables that affect a run, except those that may contain a secret."""
    return {
        name: _hide_home_folder(value)
        for name, value in sorted(os.environ.items())
        if _RELEVANT_VARIABLES.fullmatch(name) and not _SECRET_VARIABLES.search(name)
    }


def _hide_home_folder(path: Any) -> Any:
    """Replace the user's home folder in a path by ~, since it may contain the user's name."""
    if not isinstance(path, str):
        return path
    home = os.path.expanduser("~")  # noqa: PTH111 (it never raises)
    home = home.rstrip("/\\")
    if len(home) > 1 and (path == home or path.startswith((f"{home}/", f"{home}{os.sep}"))):
        return "~" + path[len(home) :]
    return path
