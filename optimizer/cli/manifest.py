"""The manifest of a result: its inputs, parameters, environment and outputs, so that the run can be
repeated."""

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Self

import click
from click.core import ParameterSource

from models.input_log import InputLog, current_input_log
from models.language import current_language
from models.results import manifest as entries
from models.results.base import content_hash, volatile_paths
from models.results.manifest import MANIFEST_SUFFIX, Manifest, ManifestParameter
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import output_files
from optimizer.cli.usage import COMMAND_ARGUMENTS_KEY

REPEATABLE_COMMANDS = {"run", *ANALYSES_BY_NAME} - {"batch"}
"""Commands that write a manifest and can be repeated from it. Each run of ``batch`` has a manifest
of its own."""


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
            is_given = value not in (None, ()) and name not in defaults
            value = manifest_value(value)
            parameters.append(ManifestParameter(name=name, value=value, is_given=is_given))
        return cls(command, parameters)


def publish_with_manifest(
    folder: Path | None,
    result_name: str,
    files: Mapping[str, bytes],
    exit_code: int,
    invocation: Invocation | None = None,
    **publish_options: Any,
) -> None:
    """Write the files of a result and its manifest into ``folder``; do nothing if it is None.
    ``publish_options`` are passed to :func:`output_files.publish`. Raises NotWritten."""
    if folder is not None:
        manifest = manifest_file(result_name, files, exit_code, invocation)
        output_files.publish(folder, {**manifest, **files}, **publish_options)


def manifest_file(
    result_name: str,
    files: Mapping[str, bytes],
    exit_code: int,
    invocation: Invocation | None = None,
    input_log: InputLog | None = None,
) -> dict[str, bytes]:
    """Return the name and content of the manifest of a result. ``files`` has the files of the
    result by path. By default ``invocation`` is the command that is running, and ``input_log`` the
    log of the files that it has read. Return an empty mapping for a command that cannot be
    repeated."""
    invocation = invocation or _current_invocation()
    input_log = input_log or current_input_log()
    if input_log is None or invocation is None or invocation.command not in REPEATABLE_COMMANDS:
        return {}
    from optimizer import parallel
    from optimizer.model.cores import usable_cores

    values = {item.name: _hide_home_folder(item.value) for item in invocation.parameters}
    manifest = Manifest(
        result=result_name,
        command=invocation.command,
        parameters=tuple(
            item.model_copy(update={"value": values[item.name]}) for item in invocation.parameters
        ),
        language=current_language(),
        inputs=tuple(
            entries.ManifestInput(
                path=Path(item.path).name
                if item.role == "preset"
                else _hide_home_folder(item.path),
                role=item.role,
                sha256=item.sha256,
                size=item.size,
            )
            for item in input_log.files
        ),
        outputs=tuple(_manifest_output(path, raw) for path, raw in files.items()),
        exit_code=exit_code,
        threads=int(values.get("--threads") or usable_cores()),
        jobs=int(values.get("--jobs") or 0) or parallel.max_chosen_workers(),
        platform=current_platform(),
        versions=current_versions(),
        started=input_log.started.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=input_log.seconds,
    )
    return {f"{result_name}{MANIFEST_SUFFIX}": output_files.to_json_bytes(manifest)}


def _manifest_output(path: str, raw: bytes) -> entries.ManifestOutput:
    sha256, document_hash = hashlib.sha256(raw).hexdigest(), None
    if path.lower().endswith(".json"):
        document_hash = document_content_hash(json.loads(raw))
    return entries.ManifestOutput(
        path=path, sha256=sha256, size=len(raw), content_sha256=document_hash
    )


def document_content_hash(document: Any) -> str:
    """Return the SHA-256 of a JSON document without its volatile fields."""
    kind = document.get("kind", "") if isinstance(document, dict) else ""
    return content_hash(document, volatile_paths(kind))


def _current_invocation() -> Invocation | None:
    """Return the command that is running; None if there is none. Values that were given on the
    command line are as the user wrote them."""
    context = click.get_current_context(silent=True)
    if context is None:
        return None
    parser = context.command.make_parser(context)
    written_values, _, _ = parser.parse_args(list(context.meta.get(COMMAND_ARGUMENTS_KEY, ())))
    parameters = []
    for param in context.command.params:
        key = param.name or ""
        is_given = context.get_parameter_source(key) is ParameterSource.COMMANDLINE
        value = context.params.get(key)
        value = manifest_value(written_values.get(key, value) if is_given else value)
        name = max(param.opts, key=len) if isinstance(param, click.Option) else key
        parameters.append(ManifestParameter(name=name, value=value, is_given=is_given))
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


def current_platform() -> str:
    """Return operating system, architecture and Python, without the names of host and user."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


@cache
def current_versions() -> dict[str, str]:
    """Return the versions of Vorrat, of all installed packages on which it depends, including
    extras, and of HiGHS with the revision of its sources, by name."""
    from optimizer.model.highs import solver_version

    versions = {"HiGHS": " ".join(solver_version())}
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


def _hide_home_folder(value: Any) -> Any:
    """Replace the user's home folder in a path by ~, since it may contain the user's name."""
    if isinstance(value, tuple):
        return tuple(map(_hide_home_folder, value))
    home = os.path.expanduser("~")  # noqa: PTH111 (it never raises)
    home = home.rstrip("/\\")
    is_below = isinstance(value, str) and len(home) > 1
    if is_below and (value == home or value.startswith((f"{home}/", f"{home}{os.sep}"))):
        return f"~{value[len(home) :]}"
    return value
