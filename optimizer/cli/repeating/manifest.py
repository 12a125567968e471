"""The manifest of a result: what it rests on and what came of it, so that it can be repeated."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from models import recording
from models.language import language
from models.recording import Record
from models.results.base import content_hash, volatile_in
from models.results.manifest import (
    SUFFIX,
    Manifest,
    ManifestInput,
    ManifestOutput,
    ManifestParameter,
    WhyNot,
)
from optimizer.analyses.registry import BY_NAME
from optimizer.cli import ARGUMENTS
from optimizer.cli.repeating.kept_inputs import Layout, laid_out

REPEATABLE = {"run", *BY_NAME} - {"redact", "batch"}
"""Commands that leave a manifest, and that one may ask to run again. ``redact`` is none of them:
the hash of a file that is to stay secret, or the seed of what hides it, would help to guess it; of
``batch`` each run has a manifest of its own."""

NAMING_FILES = ("file", "plan", "given", "--plan", "--states-of")
"""Parameters whose values name inputs."""

INPUTS = "inputs"
"""The folder of copies beside it, which has one for each result."""
STATING_TIME = (".html", ".xlsx")
"""Files made from documents, that state how long a solve took."""


@dataclass(frozen=True)
class Answered:
    """What a command was asked and what it answered."""

    result: str
    command: str
    parameters: tuple[ManifestParameter, ...]
    files: Mapping[str, bytes]
    exit_code: int


def described(result: str, files: Mapping[str, bytes], exit_code: int) -> dict[str, bytes]:
    """What is published beside a result of the command that runs: its manifest and its inputs.

    Parameters
    ----------
    result
        What the result is called: ``plan``.
    files
        What is published of it, by path from the folder.
    exit_code
        What the command is going to answer.

    Returns
    -------
    ``{"plan.manifest.json": ..., "inputs/plan/scenario.yaml": ...}``; nothing for a command that
    cannot be repeated from what it leaves.
    """
    context, record = click.get_current_context(silent=True), recording.recorded()
    if context is None or record is None or context.info_name not in REPEATABLE:
        return {}
    answered = Answered(result, context.info_name, _parameters(context), files, exit_code)
    return _left(answered, record)


def of_solve(
    files: Mapping[str, bytes],
    exit_code: int,
    record: Record,
    file: str,
    options: Mapping[str, str | float | int | Sequence[str] | None],
) -> dict[str, bytes]:
    """The same for a solve that no command line asked for, as one of many.

    ``record`` is of the reading of ``file``; ``options`` are those of ``vorrat solve`` that were
    in force, such as ``{"--variant": None, "--set": ("a=1",), "--gap": 1e-4, "--threads": 1}``.
    """
    asked = tuple(
        ManifestParameter(
            name=name, value=plain(value), source="default" if value in (None, ()) else "given"
        )
        for name, value in options.items()
    )
    given = ManifestParameter(name="file", value=file, source="given")
    return _left(Answered("plan", "solve", (given, *asked), files, exit_code), record)


def _left(answered: Answered, record: Record) -> dict[str, bytes]:
    from optimizer import parallel
    from optimizer.cli.repeating import surroundings

    values = [
        text
        for one in answered.parameters
        if one.name in NAMING_FILES and one.source != "default"
        for text in _texts(one.value)
    ]
    layout = laid_out(values, record.files)
    inputs, copies = _inputs(answered.result, layout, record)
    outputs, documents = _outputs(answered.files)
    asked = {one.name: one for one in answered.parameters}
    why_not = _why_not(answered, inputs, documents)
    threads, jobs = (number(asked.get(name)) for name in ("--threads", "--jobs"))
    platform = surroundings.this_platform()
    jobs = jobs or parallel.most_side_by_side()
    manifest = Manifest(
        result=answered.result,
        command=answered.command,
        parameters=tuple(_placed(one, layout) for one in answered.parameters),
        language=language(),
        inputs=inputs,
        outputs=outputs,
        exit_code=answered.exit_code,
        repeatable=why_not is None,
        why_not=why_not,
        seed=_seed(asked.get("--seed"), documents),
        threads=threads or platform.cores,
        jobs=jobs,
        engine=None if jobs is None else parallel.in_use().name,
        platform=platform,
        versions=surroundings.these_versions(),
        solver=surroundings.this_solver(),
        environment=surroundings.this_environment(),
        started=_instant(record.began),
        ended=_instant(datetime.now(UTC)),
        seconds=record.seconds,
    )
    written = manifest.model_dump_json(indent=2).encode() + b"\n"
    return {f"{answered.result}{SUFFIX}": written, **copies}


def _placed(one: ManifestParameter, layout: Layout) -> ManifestParameter:
    from optimizer.cli.repeating.surroundings import without_home

    if isinstance(one.value, (str, tuple)):
        texts = _texts(one.value)
        at = tuple(layout.named.get(text) for text in texts)
        shown: Any = without_home(one.value) if isinstance(one.value, str) else one.value
        if isinstance(shown, tuple):
            shown = tuple(without_home(v) if isinstance(v, str) else v for v in shown)
        return one.model_copy(update={"value": shown, "at": at if any(at) else ()})
    return one


def _inputs(
    result: str, layout: Layout, record: Record
) -> tuple[tuple[ManifestInput, ...], dict[str, bytes]]:
    from optimizer.cli.repeating.surroundings import without_home

    inputs: list[ManifestInput] = []
    copies: dict[str, bytes] = {}
    for read in record.files:
        place = layout.places.get(read)
        copied_to = None if place is None else f"{INPUTS}/{result}/{place}"
        if read.content is None or copied_to in copies:
            copied_to = None
        if copied_to is not None and read.content is not None:
            copies[copied_to] = read.content
        path = read.path if read.role != "preset" else Path(read.path).name
        inputs.append(
            ManifestInput(
                path=without_home(path),
                role=read.role,
                sha256=read.sha256,
                size=read.size,
                place=place,
                copied_to=copied_to,
            )
        )
    return tuple(inputs), copies


def _outputs(files: Mapping[str, bytes]) -> tuple[tuple[ManifestOutput, ...], list[Any]]:
    """What was written, and the documents among it."""
    outputs: list[ManifestOutput] = []
    documents: list[Any] = []
    for path, content in files.items():
        volatile: tuple[str, ...] = ("*",) if path.lower().endswith(STATING_TIME) else ()
        own: str | None = None
        if path.lower().endswith(".json"):
            document = json.loads(content)
            documents.append(document)
            volatile = volatile_in(document.get("kind", "")) if isinstance(document, dict) else ()
            own = content_hash(document, volatile)
        outputs.append(
            ManifestOutput(
                path=path,
                sha256=hashlib.sha256(content).hexdigest(),
                size=len(content),
                content_sha256=own,
                volatile=volatile,
            )
        )
    return tuple(outputs), documents


def _why_not(
    answered: Answered, inputs: Sequence[ManifestInput], documents: Sequence[Any]
) -> WhyNot | None:
    """Why a run need not come out the same again; None where it does."""
    if any(one.role == "cuts" for one in inputs):
        return "cuts"
    places = [one.place for one in inputs if one.place is not None]
    if len(places) > len(set(places)):
        return "input changed"
    told = [str(text).lower() for text in _under("ended", documents)]
    reasons: tuple[tuple[str, WhyNot], ...] = (
        ("killed", "killed"),
        ("interrupt", "interrupted"),
        ("time limit", "time limit"),
    )
    for word, reason in reasons:
        if any(word in text for text in told):
            return reason
    stopped = {"limit", "none"} & {str(text) for text in _under("status", documents)}
    # Of a comparison the code may say that a plan it was given is not whole.
    doubtful = any(any(found) for found in _under("doubts", documents))
    if not stopped and (answered.exit_code != 1 or doubtful):
        return None
    if any("node limit" in text for text in told):
        return None
    if any(o.name == "--time-limit" and o.value is not None for o in answered.parameters):
        return "time limit"
    # At its numerical limit a search ends in the same place each time.
    numerical = any("numerical limit" in text for text in told)
    return None if numerical else "stopped"


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


def _seed(asked: ManifestParameter | None, documents: Sequence[Any]) -> int | None:
    own = number(asked)
    if own is not None:
        return own
    return next((seed for seed in _under("seed", documents) if isinstance(seed, int)), None)


def number(asked: ManifestParameter | None) -> int | None:
    """The whole number that a parameter is; None where it is none."""
    value = None if asked is None else asked.value
    try:
        return int(value) if isinstance(value, (str, int)) else None
    except ValueError:
        return None


def _parameters(context: click.Context) -> tuple[ManifestParameter, ...]:
    """All parameters of a command; values as they were written where they were."""
    parser = context.command.make_parser(context)
    written, _, _ = parser.parse_args(list(context.meta.get(ARGUMENTS, ())))
    found = []
    for param in context.command.params:
        assert param.name is not None
        source = context.get_parameter_source(param.name)
        value = context.params.get(param.name)
        if source is ParameterSource.COMMANDLINE:
            value = written.get(param.name, value)
        is_option = isinstance(param, click.Option)
        found.append(
            ManifestParameter(
                name=max(param.opts, key=len) if is_option else param.name,
                value=plain(value),
                source=_SOURCES.get(source, "default"),
            )
        )
    return tuple(found)


_SOURCES: dict[Any, Any] = {
    ParameterSource.COMMANDLINE: "given",
    ParameterSource.PROMPT: "given",
    ParameterSource.ENVIRONMENT: "environment",
}


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


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(str(one) for one in value)
    return (value,) if isinstance(value, str) else ()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
